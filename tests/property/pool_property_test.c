/* Goal: a seeded program of 120,000 operations does to the pools exactly what it does to a
 * naive model that scans plain arrays: same slot, same status, same accounts, no overlap, no
 * leak.
 *
 * Operations: take with and without hints (good, stale and senseless), give, double free,
 * strangers, and takes whose n-th allocation fails. Quotas are small so that pools fill,
 * redirect, shrink and reclaim.
 */
#include <string.h>

#include "engine/service/pool.h"
#include "tests/support/support.h"

enum {
    TYPES = 3,
    MODEL_POOLS = TYPES + 1, /* the last: the alternative pool */
    BLOCKS = 8,
    BLOCK_SLOTS = 1024,
    QUOTA_BLOCKS = 5,
    SHARED_BLOCKS = 7,
    OPERATIONS = 120000,
    TAKEN_MAX = 30000,
};

static const uint32_t TYPE_NUMBERS[MODEL_POOLS] = {0, 17, 63, CG_POOL_SHARED};

typedef struct model_block {
    bool exists;
    uint32_t sizes[BLOCK_SLOTS]; /* 0: free */
} model_block;

typedef struct model {
    model_block blocks[MODEL_POOLS][CG_POOL_CLASSES][BLOCKS];
    cg_pool_statistics statistics;
    uint64_t taken[TAKEN_MAX];
    uint32_t taken_count;
    uint32_t outcomes[CG_STATUS_COUNT]; /* of takes */
} model;

static model oracle; /* 1.4 MiB: not for the stack */

static uint32_t slots_of(uint32_t size_class) {
    return BLOCK_SLOTS >> size_class;
}

static uint64_t id_of(uint32_t pool, uint32_t size_class, uint32_t block, uint32_t position) {
    return ((uint64_t)TYPE_NUMBERS[pool] << 40) + ((uint64_t)size_class << 32) +
           (uint64_t)block * slots_of(size_class) + position;
}

static bool block_is_empty(const model_block *block) {
    for (uint32_t i = 0; i < BLOCK_SLOTS; i++) {
        if (block->sizes[i]) {
            return false;
        }
    }
    return true;
}

static uint32_t blocks_in_class(uint32_t pool, uint32_t size_class) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        count += oracle.blocks[pool][size_class][i].exists;
    }
    return count;
}

static uint32_t blocks_in_pool(uint32_t pool) {
    uint32_t count = 0;
    for (uint32_t size_class = 0; size_class < CG_POOL_CLASSES; size_class++) {
        count += blocks_in_class(pool, size_class);
    }
    return count;
}

static void set_block(uint32_t pool, uint32_t size_class, uint32_t block, bool exists) {
    oracle.blocks[pool][size_class][block].exists = exists;
    if (exists) {
        oracle.statistics.block_bytes += CG_POOL_BLOCK_BYTES;
    } else {
        oracle.statistics.block_bytes -= CG_POOL_BLOCK_BYTES;
    }
}

static bool model_reclaim(uint32_t pool) {
    for (uint32_t size_class = 0; size_class < CG_POOL_CLASSES; size_class++) {
        for (uint32_t i = 0; i < BLOCKS; i++) {
            model_block *block = &oracle.blocks[pool][size_class][i];
            if (block->exists && block_is_empty(block)) {
                set_block(pool, size_class, i, false);
                return true;
            }
        }
    }
    return false;
}

/* The slot that one pool gives without growing, or CG_SLOT_NONE. */
static uint64_t model_search(uint32_t pool, uint32_t size_class, uint64_t near) {
    uint64_t base = id_of(pool, size_class, 0, 0);
    uint64_t best = CG_SLOT_NONE;
    if (near >= base && near - base < (uint64_t)BLOCKS * slots_of(size_class)) {
        uint32_t number = (uint32_t)(near - base) / slots_of(size_class);
        uint64_t best_distance = UINT64_MAX;
        const model_block *block = &oracle.blocks[pool][size_class][number];
        for (uint32_t i = 0; block->exists && i < slots_of(size_class); i++) {
            uint64_t slot = id_of(pool, size_class, number, i);
            uint64_t distance = slot > near ? slot - near : near - slot;
            if (block->sizes[i] == 0 && distance < best_distance) {
                best = slot;
                best_distance = distance;
            }
        }
    }
    for (uint32_t number = 0; best == CG_SLOT_NONE && number < BLOCKS; number++) {
        const model_block *block = &oracle.blocks[pool][size_class][number];
        for (uint32_t i = 0; block->exists && i < slots_of(size_class); i++) {
            if (block->sizes[i] == 0) {
                return id_of(pool, size_class, number, i);
            }
        }
    }
    return best;
}

/* What a take must do; memory_fails: the allocation that it needs, if any, fails. */
static cg_status model_choose(uint32_t type, uint32_t size_class, uint64_t near,
                              bool memory_fails, uint64_t *slot) {
    const uint32_t pools[2] = {type, TYPES};
    const uint32_t limits[2] = {QUOTA_BLOCKS, SHARED_BLOCKS};
    for (int i = 0; i < 2; i++) {
        *slot = model_search(pools[i], size_class, near);
        if (*slot != CG_SLOT_NONE) {
            return CG_OK;
        }
        if (blocks_in_pool(pools[i]) == limits[i] && !model_reclaim(pools[i])) {
            continue;
        }
        if (memory_fails) {
            return CG_ERROR_MEMORY;
        }
        uint32_t number = 0;
        while (oracle.blocks[pools[i]][size_class][number].exists) {
            number++;
        }
        set_block(pools[i], size_class, number, true);
        *slot = id_of(pools[i], size_class, number, 0);
        return CG_OK;
    }
    return CG_ERROR_FULL;
}

static uint32_t *model_size(uint64_t slot, uint32_t *pool, uint32_t *size_class,
                            uint32_t *block) {
    *pool = 0;
    while (TYPE_NUMBERS[*pool] != slot >> 40) {
        (*pool)++;
    }
    *size_class = (uint32_t)(slot >> 32) & 0xff;
    uint32_t index = (uint32_t)slot;
    *block = index / slots_of(*size_class);
    return &oracle.blocks[*pool][*size_class][*block].sizes[index % slots_of(*size_class)];
}

static void model_take(uint64_t slot, uint32_t size_bytes) {
    uint32_t pool = 0;
    uint32_t size_class = 0;
    uint32_t block = 0;
    *model_size(slot, &pool, &size_class, &block) = size_bytes;
    oracle.statistics.slots_taken++;
    oracle.statistics.requested_bytes += size_bytes;
    oracle.statistics.slot_bytes += UINT64_C(64) << size_class;
    oracle.statistics.redirected += pool == TYPES;
    assert_true(oracle.taken_count < TAKEN_MAX);
    oracle.taken[oracle.taken_count++] = slot;
}

static void model_give(uint32_t which) {
    uint64_t slot = oracle.taken[which];
    uint32_t pool = 0;
    uint32_t size_class = 0;
    uint32_t block = 0;
    uint32_t *size = model_size(slot, &pool, &size_class, &block);
    oracle.statistics.slots_taken--;
    oracle.statistics.requested_bytes -= *size;
    oracle.statistics.slot_bytes -= UINT64_C(64) << size_class;
    *size = 0;
    if (block_is_empty(&oracle.blocks[pool][size_class][block]) &&
        blocks_in_class(pool, size_class) > 1) {
        set_block(pool, size_class, block, false);
    }
    oracle.taken[which] = oracle.taken[--oracle.taken_count];
}

static uint8_t pattern_of(uint64_t slot) {
    return (uint8_t)((slot * UINT64_C(0x9e3779b97f4a7c15)) >> 56) | 1;
}

static uint64_t draw_hint(cg_stream *stream) {
    uint64_t kind = cg_stream_next_below(stream, 10);
    if (kind < 4 || oracle.taken_count == 0) {
        return CG_SLOT_NONE;
    }
    if (kind == 4) {
        return cg_stream_next(stream);
    }
    uint64_t slot = oracle.taken[cg_stream_next_below(stream, oracle.taken_count)];
    return kind < 8 ? slot : slot ^ cg_stream_next_below(stream, 64);
}

static void step_take(cg_pools *pools, cg_counting_allocator *counting, cg_stream *stream) {
    static const uint8_t zero[CG_POOL_BLOCK_BYTES];
    uint32_t type = (uint32_t)cg_stream_next_below(stream, TYPES);
    uint32_t bits = (uint32_t)cg_stream_next_below(stream, 17);
    bits = cg_stream_next_below(stream, 4) == 0 ? bits : bits % 9; /* mostly small */
    uint32_t size_bytes = 1 + (uint32_t)cg_stream_next_below(stream, UINT64_C(1) << bits);
    uint32_t size_class = 0;
    while ((UINT32_C(64) << size_class) < size_bytes) {
        size_class++;
    }
    uint64_t near = draw_hint(stream);
    if (cg_stream_next_below(stream, 16) == 0) {
        counting->fail_at = 1 + cg_stream_next_below(stream, 2);
    }
    uint64_t armed = counting->fail_at;
    cg_error error = {0};
    uint64_t slot = CG_SLOT_NONE;
    cg_status status =
        cg_pools_take(pools, TYPE_NUMBERS[type], size_bytes, near, &slot, NULL, &error);
    bool failed = armed != 0 && counting->fail_at == 0;
    counting->fail_at = 0;
    uint64_t expected = CG_SLOT_NONE;
    assert_int_equal(status, model_choose(type, size_class, near, failed, &expected));
    oracle.outcomes[status]++;
    if (status != CG_OK) {
        assert_int_equal(slot, CG_SLOT_NONE);
        assert_int_equal(failed, status == CG_ERROR_MEMORY);
        return;
    }
    assert_int_equal(slot, expected);
    model_take(slot, size_bytes);
    uint32_t got_bytes = 0;
    uint8_t *memory = cg_pools_memory(pools, slot, &got_bytes);
    assert_non_null(memory);
    assert_int_equal(got_bytes, size_bytes);
    assert_int_equal(memcmp(memory, zero, (size_t)64 << size_class), 0);
    memset(memory, pattern_of(slot), (size_t)64 << size_class);
}

static void step_give(cg_pools *pools, cg_stream *stream) {
    if (oracle.taken_count == 0) {
        return;
    }
    uint32_t which = (uint32_t)cg_stream_next_below(stream, oracle.taken_count);
    uint64_t slot = oracle.taken[which];
    uint32_t size_bytes = 0;
    const uint8_t *memory = cg_pools_memory(pools, slot, &size_bytes);
    assert_non_null(memory);
    for (uint32_t i = 0; i < size_bytes; i++) {
        if (memory[i] != pattern_of(slot)) {
            fail_msg("slot %llx was overwritten at byte %u", (unsigned long long)slot, i);
        }
    }
    cg_error error = {0};
    assert_ok(cg_pools_give(pools, slot, NULL, &error), error);
    model_give(which);
    if (cg_stream_next_below(stream, 8) == 0) {
        assert_status(cg_pools_give(pools, slot, NULL, &error), CG_ERROR_NOT_FOUND, error,
                      "not taken");
    }
}

static void step_stranger(cg_pools *pools, cg_stream *stream) {
    uint64_t slot = cg_stream_next(stream) >> cg_stream_next_below(stream, 64);
    for (uint32_t i = 0; i < oracle.taken_count; i++) {
        if (oracle.taken[i] == slot) {
            return;
        }
    }
    cg_error error = {0};
    assert_status(cg_pools_give(pools, slot, NULL, &error), CG_ERROR_NOT_FOUND, error,
                  "not taken");
    assert_null(cg_pools_memory(pools, slot, NULL));
}

static void test_program_against_model(void **state) {
    (void)state;
    uint64_t seed = support_seed(7);
    cg_stream stream = cg_stream_init(seed, "test.pool", 0);
    memset(&oracle, 0, sizeof oracle);
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_pool_options options = {UINT64_C(1) * QUOTA_BLOCKS * CG_POOL_BLOCK_BYTES,
                               UINT64_C(1) * SHARED_BLOCKS * CG_POOL_BLOCK_BYTES};
    cg_error error = {0};
    cg_pools *pools = NULL;
    assert_ok(cg_pools_alloc(&options, cg_counting_allocator_view(&counting), &pools, &error),
              error);
    uint64_t before_bytes = counting.live_bytes;
    uint32_t peak_taken = 0;
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        uint64_t kind = cg_stream_next_below(&stream, 100);
        uint64_t takes =
            (i / 5000) % 2 == 0 ? 65 : 30; /* phases that fill and phases that empty */
        if (kind < takes) {
            step_take(pools, &counting, &stream);
        } else if (kind < 97) {
            step_give(pools, &stream);
        } else {
            step_stranger(pools, &stream);
        }
        cg_pool_statistics statistics = cg_pools_statistics(pools);
        assert_memory_equal(&statistics, &oracle.statistics, sizeof statistics);
        peak_taken = oracle.taken_count > peak_taken ? oracle.taken_count : peak_taken;
    }
    print_message("most slots at once %u; takes: %u fine, %u redirected, %u full, %u failed\n",
                  peak_taken, oracle.outcomes[CG_OK], (uint32_t)oracle.statistics.redirected,
                  oracle.outcomes[CG_ERROR_FULL], oracle.outcomes[CG_ERROR_MEMORY]);
    /* The program must have been where it hurts. */
    assert_true(oracle.statistics.redirected > 100);
    assert_true(oracle.outcomes[CG_ERROR_FULL] > 100);
    assert_true(oracle.outcomes[CG_ERROR_MEMORY] > 20);
    while (oracle.taken_count > 0) {
        step_give(pools, &stream);
    }
    cg_pool_statistics statistics = cg_pools_statistics(pools);
    assert_int_equal(
        statistics.slots_taken + statistics.requested_bytes + statistics.slot_bytes, 0);
    /* At most one block a class is kept, and the tables of block numbers are small. */
    assert_true(statistics.block_bytes <=
                UINT64_C(1) * MODEL_POOLS * CG_POOL_CLASSES * CG_POOL_BLOCK_BYTES);
    assert_true(counting.live_bytes - before_bytes <= statistics.block_bytes * 11 / 10 + 65536);
    cg_pools_free(pools);
    assert_int_equal(counting.live_bytes, 0);
    assert_int_equal(counting.live_blocks, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_program_against_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
