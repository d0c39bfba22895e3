/* Goal: after a million operations of churn, at each of three mixes of sizes, more than 85% of
 * the pools' memory is what was asked for, and after defragmentation less than 10% lies in free
 * slots; not a byte is lost on the way: the pools account for what the allocator gave.
 *
 * The number of slots goes up and down between 60% and 100% of a target, so that blocks are left
 * with holes; a step of defragmentation of 256 KiB is made every 1,000 operations. Utilisation is
 * looked at every 20,000 operations as it is then, and at the end, where the last 20,000 saw no
 * defragmentation, before and after all is defragmented. An argument: another number of
 * operations (to run under a memory checker).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/math.h"
#include "engine/service/pool.h"
#include "tests/support/support.h"

enum {
    SLOTS_MAX = 80000,
    TYPES = 4,
    STEP_EVERY = 1000,
    LOOK_EVERY = 20000,
    PHASE = 100000,
    STEP_BYTES = 256 * 1024,
};

static uint64_t operations = 1000000;

typedef struct held_slot {
    uint64_t slot;
    uint64_t stamp;
} held_slot;

typedef struct churn {
    cg_counting_allocator counting;
    cg_pools *pools;
    cg_stream stream;
    held_slot held[SLOTS_MAX];
    uint32_t held_count;
    uint64_t stamps;
    uint64_t moved_bytes;
    double utilisation_min;
} churn;

static churn state_of_churn; /* 1.3 MB: not for the stack */

typedef uint32_t size_draw(cg_stream *stream, uint64_t operation);

/* Facts: median 150 bytes, mean 180. */
static uint32_t draw_facts(cg_stream *stream, uint64_t operation) {
    (void)operation;
    double size = 150.0 * cg_exp(0.6 * cg_stream_next_normal(stream));
    return size < 16.0 ? 16 : size > 65536.0 ? 65536 : (uint32_t)size;
}

static uint32_t draw_uniform(cg_stream *stream, uint64_t operation) {
    (void)operation;
    return 16 + (uint32_t)cg_stream_next_below(stream, 4096 - 16 + 1);
}

/* In turn mostly 64 bytes and often 16 KiB. */
static uint32_t draw_two(cg_stream *stream, uint64_t operation) {
    uint64_t large_percent = operation / PHASE % 2 == 0 ? 2 : 20;
    return cg_stream_next_below(stream, 100) < large_percent ? 16384 : 64;
}

static double share(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : (double)part / (double)whole;
}

static void stamp_ends(uint8_t *memory, uint32_t size_bytes, uint64_t stamp) {
    memcpy(memory, &stamp, sizeof stamp);
    memcpy(memory + size_bytes - sizeof stamp, &stamp, sizeof stamp);
}

static void assert_stamp(const churn *run, const held_slot *held) {
    uint32_t size_bytes = 0;
    const uint8_t *memory = cg_pools_memory(run->pools, held->slot, &size_bytes);
    assert_non_null(memory);
    assert_memory_equal(memory, &held->stamp, sizeof held->stamp);
    assert_memory_equal(memory + size_bytes - sizeof held->stamp, &held->stamp,
                        sizeof held->stamp);
}

static void take_one(churn *run, size_draw *draw, uint64_t operation) {
    cg_pool_request request = {
        .type = (uint32_t)cg_stream_next_below(&run->stream, TYPES),
        .size_bytes = draw(&run->stream, operation),
        .placement = (cg_pool_placement)cg_stream_next_below(&run->stream, CG_POOL_PLACEMENTS),
        .near = run->held_count ? run->held[run->held_count - 1].slot : CG_SLOT_NONE,
    };
    held_slot *held = &run->held[run->held_count++];
    cg_error error = {0};
    assert_ok(cg_pools_take(run->pools, &request, &held->slot, NULL, &error), error);
    held->stamp = ++run->stamps;
    stamp_ends(cg_pools_memory(run->pools, held->slot, NULL), request.size_bytes, held->stamp);
}

static void give_one(churn *run) {
    uint64_t which = cg_stream_next_below(&run->stream, run->held_count);
    held_slot *held = &run->held[which];
    assert_stamp(run, held);
    cg_error error = {0};
    assert_ok(cg_pools_give(run->pools, held->slot, NULL, &error), error);
    *held = run->held[--run->held_count];
}

static void look(churn *run, bool is_warm) {
    cg_error error = {0};
    assert_ok(cg_pools_check(run->pools, &error), error);
    assert_int_equal(cg_pools_bytes(run->pools), run->counting.live_bytes);
    cg_pool_statistics now = cg_pools_statistics(run->pools);
    assert_int_equal(now.slots_taken, run->held_count);
    double utilisation = share(now.requested_bytes, now.block_bytes);
    if (is_warm && utilisation < run->utilisation_min) {
        run->utilisation_min = utilisation;
    }
}

static void print_state(const char *when, const churn *run) {
    cg_pool_statistics now = cg_pools_statistics(run->pools);
    print_message("  %s: utilisation %.2f%%, external fragmentation %.2f%%, internal %.2f%%; "
                  "%llu slots, %llu KiB asked for; of all memory held %.2f%%\n",
                  when, 100 * share(now.requested_bytes, now.block_bytes),
                  100 * share(now.free_bytes, now.block_bytes),
                  100 * share(now.slot_bytes - now.requested_bytes, now.slot_bytes),
                  (unsigned long long)now.slots_taken,
                  (unsigned long long)now.requested_bytes / 1024,
                  100 * share(now.requested_bytes, cg_pools_bytes(run->pools)));
}

static void finish(churn *run) {
    cg_pool_moves moves;
    print_state("as it is", run);
    cg_pools_defragment(run->pools, UINT64_MAX, &moves, NULL);
    look(run, true);
    print_state("defragmented", run);
    cg_pool_statistics now = cg_pools_statistics(run->pools);
    assert_true(share(now.requested_bytes, now.block_bytes) > 0.85);
    assert_true(share(now.free_bytes, now.block_bytes) < 0.10);
    assert_true(run->utilisation_min > 0.85);
    while (run->held_count > 0) {
        give_one(run);
    }
    cg_pools_defragment(run->pools, 0, &moves, NULL);
    look(run, false);
    assert_int_equal(cg_pools_statistics(run->pools).block_bytes, 0);
    cg_pools_free(run->pools);
    assert_int_equal(run->counting.live_bytes, 0);
    assert_int_equal(run->counting.live_blocks, 0);
}

static void churn_with(const char *name, size_draw *draw, uint32_t target) {
    churn *run = &state_of_churn;
    memset(run, 0, sizeof *run);
    run->utilisation_min = 1.0;
    run->stream = cg_stream_init(support_seed(11), "test.pool.churn", 0);
    cg_counting_allocator_init(&run->counting, cg_allocator_heap());
    cg_pool_options options = {UINT64_C(256) << 20, 0};
    cg_error error = {0};
    assert_ok(cg_pools_alloc(&options, cg_counting_allocator_view(&run->counting), &run->pools,
                             &error),
              error);
    for (uint64_t i = 0; i < operations; i++) {
        /* As many takes as gives at the goal, which changes; faster on the way there. */
        uint32_t goal = i / PHASE % 2 == 0 ? target : target / 5 * 3;
        uint64_t percent = run->held_count < goal ? 75 : 25;
        if (run->held_count == 0 || cg_stream_next_below(&run->stream, 100) < percent) {
            take_one(run, draw, i);
        } else {
            give_one(run);
        }
        if (i % STEP_EVERY == STEP_EVERY - 1 && i + LOOK_EVERY < operations) {
            cg_pool_moves moves;
            cg_pools_defragment(run->pools, STEP_BYTES, &moves, NULL);
            assert_true(moves.bytes <= STEP_BYTES);
            run->moved_bytes += moves.bytes;
        }
        if (i % LOOK_EVERY == LOOK_EVERY - 1) {
            look(run, i >= PHASE);
        }
    }
    print_message("%s, %llu operations: lowest utilisation %.2f%%, %.1f bytes moved each\n",
                  name, (unsigned long long)operations, 100 * run->utilisation_min,
                  share(run->moved_bytes, operations));
    finish(run);
}

static void test_facts(void **state) {
    (void)state;
    churn_with("facts around 150 bytes", draw_facts, 60000);
}

static void test_uniform(void **state) {
    (void)state;
    churn_with("16 to 4,096 bytes", draw_uniform, 20000);
}

static void test_two(void **state) {
    (void)state;
    churn_with("64 bytes and 16 KiB", draw_two, 20000);
}

int main(int argc, char **argv) {
    if (argc == 2) {
        operations = strtoull(argv[1], NULL, 10);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
