/* Goal: quotas and pins hold, also when they change, and pools survive every failing allocation.
 */
#include "tests/support/pools.h"

/* Goal: at the quota the alternative pool takes over, then CG_ERROR_FULL, and other types still
 * have room; empty blocks of other classes are used before a pool counts as full, if they are
 * enough, and only as many as needed. */
static void test_quota(void **state) {
    (void)state;
    cg_pools *pools = make_pools(12288, 4096);
    uint64_t slots[3];
    slots[0] = take(pools, 5, 4096);
    slots[1] = take(pools, 5, 2048);
    slots[2] = take(pools, 5, 1024);
    assert_int_equal(take(pools, 5, 16) >> 56, CG_POOL_SHARED);
    assert_int_equal(cg_pools_statistics(pools).redirected, 1);
    assert_int_equal(cg_pools_statistics_of(pools, 5).redirected, 1);
    assert_full(pools, 5, 64,
                "no slot of 64 bytes for type 5: its pool holds blocks of 12288 bytes of its "
                "quota of 12288, and the shared pool 4096 of 4096");
    assert_int_equal(take(pools, 6, 64) >> 56, 6);
    give(pools, slots[1]); /* its block is empty, and kept */
    assert_int_equal(cg_pools_statistics_of(pools, 5).blocks, 3);
    assert_full(pools, 5, 8192, "quota of 12288");
    assert_int_equal(cg_pools_statistics_of(pools, 5).blocks, 3);
    give(pools, slots[0]);
    assert_int_equal(take(pools, 5, 512) >> 56,
                     5); /* in the place of the lower class's block */
    assert_int_equal(cg_pools_statistics_of(pools, 5).blocks, 3);
    assert_null(pools->pools[5].classes[place_of(pools, slots[2]).size_class + 8]);
    assert_non_null(pools->pools[5].classes[cg_pool_class_of(4096)]);
    give(pools, slots[2]);
    assert_int_equal(take(pools, 5, 8192) >> 56, 5); /* in the place of both */
    assert_int_equal(cg_pools_statistics_of(pools, 5).block_bytes, 3 * 4096);
    assert_sound(pools);
    cg_pools_free(pools);
}

/* Goal: quotas change at any time; below what is used, nothing new fits, not even where a slot is
 * free, until enough is given back; 0 is refused but for the shared pool. */
static void test_set_quota(void **state) {
    (void)state;
    cg_pools *pools = make_pools(65536, 65536);
    cg_error error = {0};
    uint64_t slots[4];
    for (int i = 0; i < 4; i++) {
        slots[i] = take(pools, 2, 4096);
    }
    (void)take(pools, 2, 100);
    give(pools, take(pools, 2, 8192));
    assert_int_equal(cg_pools_statistics(pools).blocks, 6);
    assert_ok(cg_pools_set_quota(pools, 2, 12288, &error), error);
    assert_int_equal(cg_pools_quota(pools, 2), 12288);
    assert_int_equal(cg_pools_quota(pools, 3), 65536);
    assert_int_equal(cg_pools_quota(pools, CG_POOL_SHARED + 1), 0);
    assert_int_equal(cg_pools_statistics(pools).blocks, 5); /* the empty one went */
    assert_int_equal(take(pools, 2, 100) >> 56, CG_POOL_SHARED);
    assert_ok(cg_pools_set_quota(pools, CG_POOL_SHARED, 0, &error), error);
    assert_full(pools, 2, 100, "and the shared pool 4032 of 0");
    give(pools, slots[0]); /* above the quota no empty block is kept */
    assert_int_equal(cg_pools_statistics_of(pools, 2).blocks, 4);
    assert_full(pools, 2, 100, "of its quota of 12288");
    give(pools, slots[1]);
    assert_int_equal(cg_pools_statistics_of(pools, 2).block_bytes, 2 * 4096 + 36 * 112);
    assert_int_equal(take(pools, 2, 100) >> 56, 2);
    assert_full(pools, 2, 4096, "of its quota of 12288");
    assert_sound(pools);
    uint64_t hash = cg_pools_hash(pools);
    assert_status(cg_pools_set_quota(pools, 2, 0, &error), CG_ERROR_INVALID, error,
                  "quota of 0 bytes");
    assert_status(cg_pools_set_quota(pools, 2, 4095, &error), CG_ERROR_INVALID, error, "4095");
    assert_status(cg_pools_set_quota(pools, CG_POOL_SHARED, 1, &error), CG_ERROR_INVALID, error,
                  "or 0 for no shared pool");
    assert_status(cg_pools_set_quota(pools, 2, UINT64_MAX, &error), CG_ERROR_INVALID, error,
                  "at most 274877906944");
    assert_status(cg_pools_set_quota(pools, CG_POOL_SHARED + 1, 4096, &error), CG_ERROR_INVALID,
                  error, "type 65");
    assert_true(cg_pools_hash(pools) == hash);
    assert_ok(cg_pools_set_quota(pools, 2, 12289, &error), error);
    assert_true(cg_pools_hash(pools) != hash);
    cg_pools_free(pools);
}

/* Goal: a pinned slot is not given back, pins are counted, and too many or too few are refused. */
static void test_pins(void **state) {
    (void)state;
    cg_pools *pools = make_pools(65536, 0);
    cg_error error = {0};
    uint64_t slot = take(pools, 0, 100);
    assert_status(cg_pools_unpin(pools, slot, &error), CG_ERROR_INVALID, error, "not pinned");
    assert_ok(cg_pools_pin(pools, slot, &error), error);
    assert_ok(cg_pools_pin(pools, slot, &error), error);
    assert_int_equal(cg_pools_statistics(pools).slots_pinned, 1);
    assert_status(cg_pools_give(pools, slot, NULL, &error), CG_ERROR_CONFLICT, error,
                  "pinned 2 times, so it cannot be given back");
    assert_ok(cg_pools_unpin(pools, slot, &error), error);
    assert_status(cg_pools_give(pools, slot, NULL, &error), CG_ERROR_CONFLICT, error,
                  "pinned 1 times");
    assert_non_null(cg_pools_memory(pools, slot, NULL));
    assert_sound(pools);
    for (uint32_t i = 1; i < CG_POOL_PINS_MAX; i++) {
        assert_ok(cg_pools_pin(pools, slot, &error), error);
    }
    assert_status(cg_pools_pin(pools, slot, &error), CG_ERROR_FULL, error, "65535 times");
    for (uint32_t i = 0; i < CG_POOL_PINS_MAX; i++) {
        assert_ok(cg_pools_unpin(pools, slot, &error), error);
    }
    assert_int_equal(cg_pools_statistics(pools).slots_pinned, 0);
    give(pools, slot);
    assert_status(cg_pools_pin(pools, slot, &error), CG_ERROR_NOT_FOUND, error, "be pinned");
    assert_status(cg_pools_unpin(pools, slot, &error), CG_ERROR_NOT_FOUND, error, "unpinned");
    assert_sound(pools);
    cg_pools_free(pools);
}

/* A program of its own, which tries again after a failure. Returns the failures. */
static uint64_t run_with_failure(uint64_t fail_at, uint64_t *hash) {
    enum { STEPS = 600 };
    uint64_t slots[STEPS];
    uint32_t count = 0;
    uint64_t failures = 0;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_stream stream = cg_stream_init(5, "test.pool.failure", 0);
    cg_pool_options options = {40000, 80000};
    cg_pools *pools = NULL;
    cg_error error = {0};
    counting.fail_at = fail_at;
    cg_allocator view = cg_counting_allocator_view(&counting);
    cg_status status = cg_pools_alloc(&options, view, &pools, &error);
    if (status != CG_OK) {
        assert_int_equal(status, CG_ERROR_MEMORY);
        assert_null(pools);
        failures++;
        assert_ok(cg_pools_alloc(&options, view, &pools, &error), error);
    }
    for (uint32_t i = 0; i < STEPS; i++) {
        if (count > 0 && cg_stream_next_below(&stream, 10) < 2) {
            uint32_t which = (uint32_t)cg_stream_next_below(&stream, count);
            assert_ok(cg_pools_give(pools, slots[which], NULL, &error), error);
            slots[which] = slots[--count];
            continue;
        }
        cg_pool_request request = {
            .type = (uint32_t)cg_stream_next_below(&stream, 2),
            .size_bytes = 1 + (uint32_t)cg_stream_next_below(
                                  &stream, UINT64_C(1) << cg_stream_next_below(&stream, 14))};
        uint64_t before = cg_pools_hash(pools);
        cg_pool_statistics accounts = cg_pools_statistics(pools);
        uint64_t slot = 99;
        status = cg_pools_take(pools, &request, &slot, NULL, &error);
        if (status != CG_OK) {
            cg_pool_statistics now = cg_pools_statistics(pools);
            assert_int_equal(slot, 99);
            assert_true(before == cg_pools_hash(pools));
            assert_memory_equal(&accounts, &now, sizeof now);
            assert_ok(cg_pools_check(pools, &error), error);
            assert_int_equal(cg_pools_bytes(pools), counting.live_bytes);
        }
        if (status == CG_ERROR_MEMORY) {
            failures++;
            status = cg_pools_take(pools, &request, &slot, NULL, &error);
        }
        assert_true(status == CG_OK || status == CG_ERROR_FULL);
        if (status == CG_OK) {
            slots[count++] = slot;
        }
    }
    *hash = cg_pools_hash(pools);
    cg_pools_free(pools);
    assert_int_equal(counting.live_bytes, 0);
    assert_int_equal(counting.live_blocks, 0);
    return failures;
}

/* Goal: whichever allocation fails, nothing has changed, the next try works, and all goes on as
 * if it had not failed. */
static void test_every_allocation_fails(void **state) {
    (void)state;
    uint64_t expected = 0;
    assert_int_equal(run_with_failure(0, &expected), 0);
    uint64_t n = 1;
    for (uint64_t hash = 0; run_with_failure(n, &hash) > 0; n++) {
        assert_true(hash == expected);
        assert_true(n < 5000);
    }
    print_message("%u allocations failed, one at a time\n", (uint32_t)(n - 1));
    assert_true(n > 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_set_quota),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
