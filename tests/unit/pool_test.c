/* Goal: pools choose the slot they promise, account to the byte, refuse bad input and survive
 * every failing allocation.
 */
#include <string.h>

#include "engine/service/pool.h"
#include "tests/support/support.h"

static cg_pools *make_pools(uint64_t blocks, uint64_t shared_blocks) {
    cg_pool_options options = {blocks * CG_POOL_BLOCK_BYTES,
                               shared_blocks * CG_POOL_BLOCK_BYTES};
    cg_error error = {0};
    cg_pools *pools = NULL;
    assert_ok(cg_pools_alloc(&options, cg_allocator_heap(), &pools, &error), error);
    return pools;
}

static uint64_t take_near(cg_pools *pools, uint32_t type, uint32_t size_bytes, uint64_t near) {
    cg_error error = {0};
    uint64_t slot = CG_SLOT_NONE;
    assert_ok(cg_pools_take(pools, type, size_bytes, near, &slot, NULL, &error), error);
    return slot;
}

static uint64_t take(cg_pools *pools, uint32_t type, uint32_t size_bytes) {
    return take_near(pools, type, size_bytes, CG_SLOT_NONE);
}

static void give(cg_pools *pools, uint64_t slot) {
    cg_error error = {0};
    assert_ok(cg_pools_give(pools, slot, NULL, &error), error);
}

static uint64_t id(uint64_t pool, uint64_t size_class, uint64_t index) {
    return (pool << 40) + (size_class << 32) + index;
}

/* Goal: the smallest class that fits, at its exact edges; ids as the header says. */
static void test_size_classes(void **state) {
    (void)state;
    cg_pools *pools = make_pools(64, 0);
    assert_int_equal(take(pools, 3, 1), id(3, 0, 0));
    assert_int_equal(take(pools, 3, 64), id(3, 0, 1));
    for (uint32_t size_class = 1; size_class < CG_POOL_CLASSES; size_class++) {
        uint32_t bytes = UINT32_C(64) << size_class;
        assert_int_equal(take(pools, 3, bytes / 2 + 1), id(3, size_class, 0));
        assert_int_equal(take(pools, 3, bytes), id(3, size_class, 1));
        uint32_t size_bytes = 0;
        assert_non_null(cg_pools_memory(pools, id(3, size_class, 0), &size_bytes));
        assert_int_equal(size_bytes, bytes / 2 + 1);
    }
    cg_pools_free(pools);
}

/* Goal: accounting after known operations; work counts the slot's whole size both ways. */
static void test_accounting(void **state) {
    (void)state;
    cg_pools *pools = make_pools(64, 0);
    cg_error error = {0};
    cg_work work = {0};
    uint64_t slot = 0;
    assert_ok(cg_pools_take(pools, 0, 65, CG_SLOT_NONE, &slot, &work, &error), error);
    assert_ok(cg_pools_take(pools, 1, 65536, CG_SLOT_NONE, &slot, &work, &error), error);
    cg_pool_statistics statistics = cg_pools_statistics(pools);
    assert_int_equal(statistics.slots_taken, 2);
    assert_int_equal(statistics.requested_bytes, 65601);
    assert_int_equal(statistics.slot_bytes, 65664);
    assert_int_equal(statistics.block_bytes, 131072);
    assert_int_equal(statistics.redirected, 0);
    assert_ok(cg_pools_give(pools, slot, &work, &error), error);
    assert_int_equal(work.operations[CG_WORK_SLOT], 3);
    assert_int_equal(work.units[CG_WORK_SLOT], 128 + 65536 + 65536);
    statistics = cg_pools_statistics(pools);
    assert_int_equal(statistics.slots_taken, 1);
    assert_int_equal(statistics.requested_bytes, 65);
    assert_int_equal(statistics.slot_bytes, 128);
    assert_int_equal(statistics.block_bytes, 131072); /* the class's only block is kept */
    cg_pools_free(pools);
}

/* Goal: with a hint the nearest free slot of its block, ties to the lower; otherwise the lowest
 * free. */
static void test_nearest_slot(void **state) {
    (void)state;
    cg_pools *pools = make_pools(64, 0);
    for (uint64_t i = 0; i < 1024 + 5; i++) {
        assert_int_equal(take(pools, 0, 64), id(0, 0, i));
    }
    give(pools, id(0, 0, 10));
    give(pools, id(0, 0, 100));
    give(pools, id(0, 0, 200));
    give(pools, id(0, 0, 900));
    assert_int_equal(take_near(pools, 0, 64, id(0, 0, 150)), id(0, 0, 100)); /* tie */
    assert_int_equal(take_near(pools, 0, 64, id(0, 0, 899)), id(0, 0, 900));
    give(pools, id(0, 0, 300));
    assert_int_equal(take_near(pools, 0, 64, id(0, 0, 300)), id(0, 0, 300)); /* itself */
    assert_int_equal(take_near(pools, 0, 64, id(0, 0, 1023)), id(0, 0, 200));
    assert_int_equal(take_near(pools, 0, 64, id(0, 0, 1024)), id(0, 0, 1029)); /* 2nd block */
    assert_int_equal(take(pools, 0, 64), id(0, 0, 10));
    assert_int_equal(take_near(pools, 0, 64, id(0, 0, 0)), id(0, 0, 1030)); /* block full */
    /* Hints of another class, pool or nowhere count as none. */
    give(pools, id(0, 0, 7));
    assert_int_equal(take_near(pools, 0, 64, id(0, 1, 1030)), id(0, 0, 7));
    give(pools, id(0, 0, 7));
    assert_int_equal(take_near(pools, 0, 64, id(1, 0, 1030)), id(0, 0, 7));
    give(pools, id(0, 0, 7));
    assert_int_equal(take_near(pools, 0, 64, id(0, 0, UINT32_MAX)), id(0, 0, 7));
    cg_pools_free(pools);
}

/* Goal: a slot's memory is aligned and zero when taken, also when it was used before. */
static void test_memory_is_zeroed(void **state) {
    (void)state;
    cg_pools *pools = make_pools(4, 0);
    static const uint8_t zero[256];
    for (int round = 0; round < 3; round++) {
        uint64_t slot = take(pools, 9, 200);
        uint32_t size_bytes = 0;
        uint8_t *memory = cg_pools_memory(pools, slot, &size_bytes);
        assert_non_null(memory);
        assert_int_equal(size_bytes, 200);
        assert_int_equal((uintptr_t)memory % 64, 0);
        assert_memory_equal(memory, zero, sizeof zero);
        memset(memory, 0xff, 200);
        give(pools, slot);
        assert_null(cg_pools_memory(pools, slot, &size_bytes));
    }
    cg_pools_free(pools);
}

/* Goal: at the quota the alternative pool takes over, then CG_ERROR_FULL, and other types still
 * have room; empty blocks go back, and an empty block of another class is used before a pool
 * counts as full. */
static void test_quota(void **state) {
    (void)state;
    cg_pools *pools = make_pools(2, 1);
    cg_error error = {0};
    assert_int_equal(take(pools, 5, 65536), id(5, 10, 0));
    assert_int_equal(take(pools, 5, 65536), id(5, 10, 1));
    assert_int_equal(take(pools, 5, 65536), id(CG_POOL_SHARED, 10, 0));
    assert_int_equal(cg_pools_statistics(pools).redirected, 1);
    uint64_t slot = 123;
    assert_status(cg_pools_take(pools, 5, 64, CG_SLOT_NONE, &slot, NULL, &error), CG_ERROR_FULL,
                  error, "quota of 131072");
    assert_int_equal(slot, 123);
    assert_int_equal(take(pools, 6, 64), id(6, 0, 0));
    assert_int_equal(cg_pools_statistics(pools).block_bytes, 4 * CG_POOL_BLOCK_BYTES);

    give(pools, id(5, 10, 0)); /* one of two blocks: given back */
    assert_int_equal(cg_pools_statistics(pools).block_bytes, 3 * CG_POOL_BLOCK_BYTES);
    assert_int_equal(take(pools, 5, 64), id(5, 0, 0));
    give(pools, id(5, 10, 1)); /* the only one: kept */
    assert_int_equal(cg_pools_statistics(pools).block_bytes, 4 * CG_POOL_BLOCK_BYTES);
    assert_int_equal(take(pools, 5, 128), id(5, 1, 0)); /* takes the empty block's place */
    assert_int_equal(cg_pools_statistics(pools).block_bytes, 4 * CG_POOL_BLOCK_BYTES);
    cg_pools_free(pools);
}

/* Goal: bad options, sizes, types and slots are refused with a sentence. */
static void test_bad_input(void **state) {
    (void)state;
    cg_error error = {0};
    cg_pools *pools = NULL;
    cg_allocator heap = cg_allocator_heap();
    cg_pool_options options = cg_pool_options_default();
    assert_int_equal(options.quota_bytes, 64 << 20);
    assert_int_equal(options.shared_quota_bytes, 256 << 20);
    options.quota_bytes = CG_POOL_BLOCK_BYTES - 1;
    assert_status(cg_pools_alloc(&options, heap, &pools, &error), CG_ERROR_INVALID, error,
                  "quota of 65535");
    options.quota_bytes = UINT64_MAX;
    assert_status(cg_pools_alloc(&options, heap, &pools, &error), CG_ERROR_INVALID, error,
                  "quota of 18446744073709551615");
    options = cg_pool_options_default();
    options.shared_quota_bytes = UINT64_MAX;
    assert_status(cg_pools_alloc(&options, heap, &pools, &error), CG_ERROR_INVALID, error,
                  "shared pool quota");
    assert_null(pools);

    pools = make_pools(2, 2);
    uint64_t slot = 5;
    assert_status(cg_pools_take(pools, CG_POOL_SHARED, 64, CG_SLOT_NONE, &slot, NULL, &error),
                  CG_ERROR_INVALID, error, "types are 0..63");
    assert_status(cg_pools_take(pools, 0, 0, CG_SLOT_NONE, &slot, NULL, &error),
                  CG_ERROR_INVALID, error, "1..65536");
    assert_status(cg_pools_take(pools, 0, 65537, CG_SLOT_NONE, &slot, NULL, &error),
                  CG_ERROR_INVALID, error, "65537");
    assert_int_equal(slot, 5);
    slot = take(pools, 0, 64);
    const uint64_t strangers[] = {CG_SLOT_NONE,
                                  slot + 1,
                                  slot + 1024,
                                  id(65, 0, 0),
                                  id(0, 11, 0),
                                  id(0, 0, 1u << 31),
                                  id(0, 0, 1) + (1ull << 63)};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        assert_status(cg_pools_give(pools, strangers[i], NULL, &error), CG_ERROR_NOT_FOUND,
                      error, "not taken");
        assert_null(cg_pools_memory(pools, strangers[i], NULL));
    }
    give(pools, slot);
    assert_status(cg_pools_give(pools, slot, NULL, &error), CG_ERROR_NOT_FOUND, error,
                  "not taken");
    cg_pools_free(pools);
    cg_pools_free(NULL);
}

/* Goal: the hash tells states apart and does not depend on the way that led to them. */
static void test_hash(void **state) {
    (void)state;
    cg_pools *left = make_pools(4, 4);
    cg_pools *right = make_pools(4, 4);
    uint64_t empty = cg_pools_hash(left);
    assert_int_equal(empty, cg_pools_hash(right));
    uint64_t first = take(left, 1, 64);
    assert_true(cg_pools_hash(left) != empty);
    (void)take(left, 2, 100);
    uint64_t slot = take(right, 2, 100);
    (void)take(right, 1, 64);
    assert_int_equal(cg_pools_hash(left), cg_pools_hash(right));
    give(right, slot);
    (void)take(right, 2, 101); /* the same slot, another size */
    assert_true(cg_pools_hash(left) != cg_pools_hash(right));
    give(left, first);
    (void)take(left, 1, 64);
    give(right, slot);
    (void)take(right, 2, 100);
    assert_int_equal(cg_pools_hash(left), cg_pools_hash(right));
    cg_pools_free(left);
    cg_pools_free(right);
}

/* Goal: whichever allocation fails, no slot changes, the next try works, and no byte is lost.
 */
static void test_allocation_failure(void **state) {
    (void)state;
    cg_pool_options options = cg_pool_options_default();
    for (uint64_t n = 1; n < 200; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        cg_error error = {0};
        cg_pools *pools = NULL;
        cg_status status =
            cg_pools_alloc(&options, cg_counting_allocator_view(&counting), &pools, &error);
        if (status != CG_OK) {
            assert_int_equal(status, CG_ERROR_MEMORY);
            assert_int_equal(counting.live_bytes, 0);
            continue;
        }
        uint64_t failures = 0;
        for (uint64_t i = 0; i < 70; i++) {
            uint64_t slot = 99;
            uint64_t before = cg_pools_hash(pools);
            status = cg_pools_take(pools, 0, 65536, CG_SLOT_NONE, &slot, NULL, &error);
            if (status != CG_OK) {
                assert_int_equal(status, CG_ERROR_MEMORY);
                assert_int_equal(slot, 99);
                assert_int_equal(before, cg_pools_hash(pools));
                failures++;
                slot = take(pools, 0, 65536);
            }
            assert_int_equal(slot, id(0, 10, i));
        }
        cg_pools_free(pools);
        assert_int_equal(counting.live_bytes, 0);
        assert_int_equal(counting.live_blocks, 0);
        if (failures == 0) {
            assert_true(n > 70); /* every block's allocation has failed once */
            return;
        }
    }
    fail_msg("allocations never came to an end");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_classes), cmocka_unit_test(test_accounting),
        cmocka_unit_test(test_nearest_slot), cmocka_unit_test(test_memory_is_zeroed),
        cmocka_unit_test(test_quota),        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_hash),         cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
