/* Goal: a seeded program of a million operations does to the pools exactly what it does to a
 * naive model of plain arrays: same status, same pool, class and block, same accounts, contents
 * kept, no overlap, no leak.
 *
 * Operations: take (every placement; hints good, stale and senseless; with headroom; with the
 * n-th allocation failing), give, double free, strangers, stale ids, bad requests, resize, pin,
 * unpin, quotas changed to below what is used, steps of defragmentation of any budget. Quotas
 * are small, so that pools fill, redirect, shrink and reclaim. The model predicts everything but
 * what a step of defragmentation moves: there it checks what must hold, and reads the places
 * anew.
 */
#include <string.h>

#include "engine/service/pool_internal.h"
#include "tests/support/pool_model.h"
#include "tests/support/support.h"

enum { OPERATIONS = 1000000, SHORT_OPERATIONS = 60000, QUOTA_MAX = 400000 };

typedef struct program {
    cg_counting_allocator counting;
    cg_pools *pools;
    cg_stream stream;
    uint64_t stale; /* an id that was given back */
    uint64_t patterns;
    uint32_t outcomes[CG_STATUS_COUNT]; /* of takes */
    uint64_t moved_slots;
    uint64_t conflicts;
} program;

/* --- what is read from the pools --- */

static cg_pool_place place_of(const program *run, uint64_t id) {
    cg_pool_place place = {0};
    assert_true(cg_pools_place(run->pools, id, &place));
    uint32_t pool = 0;
    while (TYPE_NUMBERS[pool] != place.pool) {
        pool++;
        assert_true(pool < POOLS);
    }
    place.pool = pool;
    return place;
}

static void assert_content(const program *run, const model_slot *slot) {
    uint32_t size_bytes = 0;
    const uint8_t *memory = cg_pools_memory(run->pools, slot->id, &size_bytes);
    assert_non_null(memory);
    assert_int_equal(size_bytes, slot->size_bytes);
    for (uint32_t i = 0; i < size_bytes; i++) {
        if (memory[i] != slot->pattern) {
            fail_msg("slot %llx was overwritten at byte %u", (unsigned long long)slot->id, i);
        }
    }
}

/* A new id is in its pool, below 2^63, and was never seen before. */
static void assert_new_id(uint64_t id, uint32_t pool) {
    uint32_t handle = (uint32_t)id;
    uint32_t generation = (uint32_t)(id >> 32) & 0xffffff;
    assert_int_equal(id >> 56, TYPE_NUMBERS[pool]);
    assert_true(handle < HANDLES_MAX && generation > oracle.generations[handle]);
    oracle.generations[handle] = generation;
}

/* --- steps --- */

static uint64_t draw_hint(program *run, const model_slot **hint) {
    cg_stream *stream = &run->stream;
    uint64_t kind = cg_stream_next_below(stream, 10);
    *hint = NULL;
    if (kind < 3 || oracle.taken_count == 0) {
        return kind == 0 ? 0 : CG_SLOT_NONE;
    }
    if (kind == 3) {
        return run->stale;
    }
    if (kind == 4) {
        return cg_stream_next(stream) | UINT64_C(1) << 63;
    }
    *hint = &oracle.taken[cg_stream_next_below(stream, oracle.taken_count)];
    return (*hint)->id;
}

/* Of few classes, most of them, so that these have many blocks. */
static uint32_t draw_size(cg_stream *stream) {
    static const uint32_t usual[] = {16, 64, 144, 1024};
    if (cg_stream_next_below(stream, 4) > 0) {
        return usual[cg_stream_next_below(stream, 4)] -
               (uint32_t)cg_stream_next_below(stream, 16);
    }
    uint32_t bits = (uint32_t)cg_stream_next_below(stream, 17);
    bits = cg_stream_next_below(stream, 8) == 0 ? bits : bits % 9; /* mostly small */
    return 1 + (uint32_t)cg_stream_next_below(stream, UINT64_C(1) << bits);
}

static void step_take(program *run) {
    static const uint8_t zero[CG_POOL_BLOCK_BYTES];
    cg_stream *stream = &run->stream;
    uint32_t type = (uint32_t)cg_stream_next_below(stream, TYPES);
    const model_slot *hint = NULL;
    cg_pool_request request = {
        .type = TYPE_NUMBERS[type],
        .size_bytes = draw_size(stream),
        .headroom_bytes = cg_stream_next_below(stream, 8) == 0 ? 2 * draw_size(stream) : 0,
        .placement = (cg_pool_placement)cg_stream_next_below(stream, CG_POOL_PLACEMENTS),
    };
    request.near = draw_hint(run, &hint);
    if (hint && cg_stream_next_below(stream, 2) == 0) { /* for a hint of the class */
        request.size_bytes = hint->place.slot_bytes;
    }
    if (cg_stream_next_below(stream, 16) == 0) {
        run->counting.fail_at = 1 + cg_stream_next_below(stream, 3);
    }
    uint64_t armed = run->counting.fail_at;
    cg_error error = {0};
    uint64_t id = CG_SLOT_NONE;
    cg_work work = {0};
    cg_status status = cg_pools_take(run->pools, &request, &id, &work, &error);
    bool failed = armed != 0 && run->counting.fail_at == 0;
    run->counting.fail_at = 0;
    run->outcomes[status]++;
    assert_int_equal(failed, status == CG_ERROR_MEMORY);
    cg_pool_place expected = {0};
    if (failed) {
        assert_int_equal(id, CG_SLOT_NONE);
        return;
    }
    assert_int_equal(status, model_take(type, &request, hint, &expected));
    if (status != CG_OK) {
        assert_status(status, CG_ERROR_FULL, error, "and the shared pool");
        assert_int_equal(id, CG_SLOT_NONE);
        return;
    }
    assert_true(oracle.taken_count < TAKEN_MAX);
    model_slot *slot = &oracle.taken[oracle.taken_count++];
    *slot =
        (model_slot){.id = id, .size_bytes = request.size_bytes, .place = place_of(run, id)};
    assert_new_id(id, slot->place.pool);
    if (request.placement != CG_POOL_NEAR) {
        const model_block *blocks = oracle.blocks[expected.pool][expected.size_class];
        assert_int_equal(blocks[slot->place.block].taken, blocks[expected.block].taken);
        expected.block = slot->place.block;
        expected.position =
            model_position(&blocks[expected.block], slots_of(expected.size_class), 0);
    }
    assert_memory_equal(&slot->place, &expected, sizeof expected);
    model_account(slot, true);
    oracle.statistics[type].redirected += slot->place.pool == TYPES;
    assert_int_equal(work.units[CG_WORK_SLOT], slot->place.slot_bytes);
    uint8_t *memory = cg_pools_memory(run->pools, id, NULL);
    assert_int_equal((uintptr_t)memory % (slot->place.slot_bytes % 64 == 0 ? 64 : 16), 0);
    assert_int_equal(memcmp(memory, zero, slot->place.slot_bytes), 0);
    slot->pattern = (uint8_t)(1 + run->patterns++ % 255);
    memset(memory, slot->pattern, slot->place.slot_bytes);
}

static void step_give(program *run) {
    if (oracle.taken_count == 0) {
        return;
    }
    uint32_t which = (uint32_t)cg_stream_next_below(&run->stream, oracle.taken_count);
    model_slot slot = oracle.taken[which];
    cg_error error = {0};
    assert_content(run, &slot);
    cg_status status = cg_pools_give(run->pools, slot.id, NULL, &error);
    if (slot.pins > 0) {
        assert_status(status, CG_ERROR_CONFLICT, error, "is pinned");
        run->conflicts++;
        return;
    }
    assert_ok(status, error);
    model_account(&slot, false);
    uint32_t pool = slot.place.pool;
    bool has_other = find_empty(pool, slot.place.size_class, slot.place.block) < BLOCKS;
    bool is_over = oracle.statistics[pool].block_bytes > oracle.quotas[pool];
    if (oracle.blocks[pool][slot.place.size_class][slot.place.block].taken == 0 &&
        (has_other || is_over)) {
        set_block(pool, slot.place.size_class, slot.place.block, false);
    }
    oracle.taken[which] = oracle.taken[--oracle.taken_count];
    run->stale = slot.id;
    if (cg_stream_next_below(&run->stream, 8) == 0) {
        assert_status(cg_pools_give(run->pools, slot.id, NULL, &error), CG_ERROR_NOT_FOUND,
                      error, "not taken");
    }
}

/* Ids that were never given out, and one that was given back. */
static void step_stranger(program *run) {
    uint64_t ids[3] = {cg_stream_next(&run->stream) >> cg_stream_next_below(&run->stream, 64),
                       run->stale, 0};
    if (oracle.taken_count > 0) { /* almost one that is taken: a bit is wrong */
        ids[2] = oracle.taken[cg_stream_next_below(&run->stream, oracle.taken_count)].id ^
                 UINT64_C(1) << cg_stream_next_below(&run->stream, 64);
    }
    cg_error error = {0};
    for (int i = 0; i < 3; i++) {
        if (!model_find(ids[i])) {
            assert_null(cg_pools_memory(run->pools, ids[i], NULL));
            assert_status(cg_pools_give(run->pools, ids[i], NULL, &error), CG_ERROR_NOT_FOUND,
                          error, "given back");
            assert_status(cg_pools_pin(run->pools, ids[i], &error), CG_ERROR_NOT_FOUND, error,
                          "pinned");
            assert_status(cg_pools_unpin(run->pools, ids[i], &error), CG_ERROR_NOT_FOUND, error,
                          "unpinned");
            assert_status(cg_pools_resize(run->pools, ids[i], 1, &error), CG_ERROR_NOT_FOUND,
                          error, "resized");
        }
    }
}

static void step_bad_request(program *run) {
    cg_pool_request requests[] = {
        {.type = CG_POOL_TYPES, .size_bytes = 1},
        {.size_bytes = 0, .headroom_bytes = 64},
        {.size_bytes = CG_POOL_BLOCK_BYTES + 1 +
                       (uint32_t)cg_stream_next_below(&run->stream, UINT32_MAX - 65536)},
        {.size_bytes = 1, .placement = CG_POOL_PLACEMENTS}};
    const cg_pool_request *request = &requests[cg_stream_next_below(&run->stream, 4)];
    cg_error error = {0};
    uint64_t id = 5;
    assert_int_equal(cg_pools_take(run->pools, request, &id, NULL, &error), CG_ERROR_INVALID);
    assert_int_equal(id, 5);
    assert_int_equal(cg_pools_set_quota(run->pools, 0, 0, &error), CG_ERROR_INVALID);
}

static void step_pin(program *run, bool is_pin) {
    if (oracle.taken_count == 0) {
        return;
    }
    /* Among few, so that those that are pinned are met again. */
    uint32_t among = oracle.taken_count < 20 ? oracle.taken_count : 20;
    model_slot *slot = &oracle.taken[cg_stream_next_below(&run->stream, among)];
    model_block *block =
        &oracle.blocks[slot->place.pool][slot->place.size_class][slot->place.block];
    uint64_t *pinned = &oracle.statistics[slot->place.pool].slots_pinned;
    cg_error error = {0};
    if (is_pin) {
        assert_ok(cg_pools_pin(run->pools, slot->id, &error), error);
        *pinned += slot->pins == 0;
        block->pinned = (uint16_t)(block->pinned + (slot->pins == 0));
        slot->pins++;
    } else if (slot->pins == 0) {
        assert_status(cg_pools_unpin(run->pools, slot->id, &error), CG_ERROR_INVALID, error,
                      "not pinned");
    } else {
        assert_ok(cg_pools_unpin(run->pools, slot->id, &error), error);
        slot->pins--;
        block->pinned = (uint16_t)(block->pinned - (slot->pins == 0));
        *pinned -= slot->pins == 0;
    }
}

static void step_resize(program *run) {
    if (oracle.taken_count == 0) {
        return;
    }
    model_slot *slot = &oracle.taken[cg_stream_next_below(&run->stream, oracle.taken_count)];
    uint32_t size_bytes =
        (uint32_t)cg_stream_next_below(&run->stream, slot->place.slot_bytes + 8);
    cg_error error = {0};
    cg_status status = cg_pools_resize(run->pools, slot->id, size_bytes, &error);
    if (size_bytes == 0 || size_bytes > slot->place.slot_bytes) {
        assert_int_equal(status, size_bytes == 0 ? CG_ERROR_INVALID : CG_ERROR_FULL);
        return;
    }
    assert_ok(status, error);
    uint8_t *memory = cg_pools_memory(run->pools, slot->id, NULL);
    for (uint32_t i = slot->size_bytes; i < size_bytes; i++) {
        assert_int_equal(memory[i], 0);
    }
    memset(memory, slot->pattern, size_bytes);
    cg_pool_statistics *statistics = &oracle.statistics[slot->place.pool];
    statistics->requested_bytes += size_bytes;
    statistics->requested_bytes -= slot->size_bytes;
    slot->size_bytes = size_bytes;
}

static void step_quota(program *run) {
    uint32_t pool = (uint32_t)cg_stream_next_below(&run->stream, POOLS);
    uint64_t quota = 4096 + cg_stream_next_below(&run->stream, QUOTA_MAX - 4096);
    quota = pool == TYPES && cg_stream_next_below(&run->stream, 4) == 0 ? 0 : quota;
    cg_error error = {0};
    assert_ok(cg_pools_set_quota(run->pools, TYPE_NUMBERS[pool], quota, &error), error);
    oracle.quotas[pool] = quota;
    release_empty(pool, quota);
}

/* Blocks go that were emptied, or were empty when the budget reached their class. */
static cg_pool_moves model_blocks_gone(const program *run) {
    cg_pool_moves gone = {0};
    for (uint32_t pool = 0; pool < POOLS; pool++) {
        cg_pool_class **classes = run->pools->pools[TYPE_NUMBERS[pool]].classes;
        for (uint32_t c = 0; c < CG_POOL_CLASSES; c++) {
            for (uint32_t i = 0; oracle.block_counts[pool][c] > 0 && i < BLOCKS; i++) {
                const model_block *block = &oracle.blocks[pool][c][i];
                bool is_there = classes && classes[c] && i < classes[c]->block_capacity &&
                                classes[c]->blocks[i];
                assert_true(block->exists || !is_there); /* no block is made */
                if (block->exists && !is_there) {
                    gone.blocks++;
                    gone.block_bytes += block_bytes_of(c);
                    set_block(pool, c, i, false);
                }
            }
        }
    }
    return gone;
}

static void step_defragment(program *run) {
    uint64_t kind = cg_stream_next_below(&run->stream, 8);
    uint64_t budget = kind == 0   ? UINT64_MAX
                      : kind == 1 ? 0
                                  : cg_stream_next_below(&run->stream, UINT64_C(1) << 2 * kind);
    cg_pool_moves moves = {0};
    cg_work work = {0};
    cg_pools_defragment(run->pools, budget, &moves, &work);
    assert_true(moves.bytes <= budget);
    assert_int_equal(work.operations[CG_WORK_SLOT], moves.slots);
    assert_int_equal(work.units[CG_WORK_SLOT], moves.bytes);
    uint64_t changed = 0;
    for (uint32_t i = 0; i < oracle.taken_count; i++) {
        model_slot *slot = &oracle.taken[i];
        cg_pool_place place = place_of(run, slot->id);
        if (memcmp(&place, &slot->place, sizeof place) != 0) {
            changed++;
            assert_int_equal(slot->pins, 0);
            assert_int_equal(place.pool, slot->place.pool);
            assert_int_equal(place.size_class, slot->place.size_class);
            assert_content(run, slot);
            model_account(slot, false);
        }
    }
    for (uint32_t i = 0; changed > 0 && i < oracle.taken_count; i++) {
        model_slot *slot = &oracle.taken[i];
        cg_pool_place place = place_of(run, slot->id);
        if (memcmp(&place, &slot->place, sizeof place) != 0) {
            slot->place = place;
            model_account(slot, true); /* fails where another slot lies */
        }
    }
    assert_true(changed <= moves.slots && (changed > 0 || moves.slots == 0));
    run->moved_slots += moves.slots;
    cg_pool_moves gone = model_blocks_gone(run);
    assert_int_equal(gone.blocks, moves.blocks);
    assert_int_equal(gone.block_bytes, moves.block_bytes);
    for (uint32_t pool = 0; budget == UINT64_MAX && pool < POOLS; pool++) {
        for (uint32_t c = 0; c < CG_POOL_CLASSES; c++) {
            assert_false(is_loose(pool, c));
        }
    }
}

/* --- programs --- */

static void program_init(program *run, uint64_t seed) {
    memset(run, 0, sizeof *run);
    model_init(QUOTA_MAX / 2);
    run->stream = cg_stream_init(seed, "test.pool", 0);
    cg_counting_allocator_init(&run->counting, cg_allocator_heap());
    cg_pool_options options = {QUOTA_MAX / 2, QUOTA_MAX / 2};
    cg_error error = {0};
    assert_ok(cg_pools_alloc(&options, cg_counting_allocator_view(&run->counting), &run->pools,
                             &error),
              error);
}

static void step(program *run, uint64_t number) {
    uint64_t kind = cg_stream_next_below(&run->stream, 1000);
    uint64_t takes = number / 5000 % 2 == 0 ? 520 : 380; /* phases that fill and that empty */
    if (kind < takes) {
        step_take(run);
    } else if (kind < 900) {
        step_give(run);
    } else if (kind < 920) {
        step_stranger(run);
    } else if (kind < 925) {
        step_bad_request(run);
    } else if (kind < 970) {
        step_pin(run, kind % 5 < 2);
    } else if (kind < 993) {
        step_resize(run);
    } else if (kind < 995) {
        step_quota(run);
    } else {
        step_defragment(run);
    }
    for (uint32_t pool = 0; pool < POOLS; pool++) {
        cg_pool_statistics got = cg_pools_statistics_of(run->pools, TYPE_NUMBERS[pool]);
        assert_memory_equal(&got, &oracle.statistics[pool], sizeof got);
    }
    assert_int_equal(cg_pools_bytes(run->pools), run->counting.live_bytes);
    if (number % 1000 == 0) {
        cg_error error = {0};
        assert_ok(cg_pools_check(run->pools, &error), error);
    }
}

static void program_end(program *run) {
    while (oracle.taken_count > 0) {
        model_slot *slot = &oracle.taken[0];
        cg_error error = {0};
        for (; slot->pins > 0; slot->pins--) {
            assert_ok(cg_pools_unpin(run->pools, slot->id, &error), error);
        }
        assert_content(run, slot);
        assert_ok(cg_pools_give(run->pools, slot->id, NULL, &error), error);
        *slot = oracle.taken[--oracle.taken_count];
    }
    cg_pools_defragment(run->pools, 0, NULL, NULL);
    cg_pool_statistics left = cg_pools_statistics(run->pools);
    left.redirected = 0;
    assert_memory_equal(&left, &(cg_pool_statistics){0}, sizeof left);
    /* The tables, and one chunk of handles. */
    assert_true(cg_pools_bytes(run->pools) < 16384 + sizeof *run->pools);
    cg_pools_free(run->pools);
    assert_int_equal(run->counting.live_bytes, 0);
    assert_int_equal(run->counting.live_blocks, 0);
}

static void test_program_against_model(void **state) {
    (void)state;
    uint64_t seed = support_seed(7);
    program run;
    program_init(&run, seed);
    uint32_t peak_taken = 0;
    uint64_t redirected = 0;
    for (uint64_t i = 0; i < OPERATIONS; i++) {
        step(&run, i);
        peak_taken = oracle.taken_count > peak_taken ? oracle.taken_count : peak_taken;
    }
    redirected = cg_pools_statistics(run.pools).redirected;
    print_message("most slots at once %u; takes: %u fine, %u redirected, %u full, %u failed; "
                  "%u moved; %u not given back for a pin\n",
                  peak_taken, run.outcomes[CG_OK], (uint32_t)redirected,
                  run.outcomes[CG_ERROR_FULL], run.outcomes[CG_ERROR_MEMORY],
                  (uint32_t)run.moved_slots, (uint32_t)run.conflicts);
    /* The program must have been where it hurts. */
    assert_true(redirected > 1000);
    assert_true(run.outcomes[CG_ERROR_FULL] > 1000);
    assert_true(run.outcomes[CG_ERROR_MEMORY] > 200);
    assert_true(run.moved_slots > 1000);
    assert_true(run.conflicts > 1000);
    program_end(&run);
}

static uint64_t hash_after(uint64_t seed, uint64_t operations) {
    program run;
    program_init(&run, seed);
    for (uint64_t i = 0; i < operations; i++) {
        step(&run, i);
    }
    uint64_t hash = cg_pools_hash(run.pools);
    program_end(&run);
    return hash;
}

/* Goal: the same program leads to the same layout, today and tomorrow. */
static void test_same_program_same_hash(void **state) {
    (void)state;
    uint64_t hash = hash_after(7, SHORT_OPERATIONS);
    assert_true(hash == hash_after(7, SHORT_OPERATIONS));
    assert_true(hash != hash_after(7, SHORT_OPERATIONS - 1000));
    assert_true(hash != hash_after(8, SHORT_OPERATIONS));
    assert_int_equal(hash, UINT64_C(0x68ce1845b71af6aa));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program_against_model),
        cmocka_unit_test(test_same_program_same_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
