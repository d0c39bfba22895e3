/* Goal: whichever allocation of memory tiers fails, nothing has changed, and all goes on as if it
 * had not; and the counts of recent reads that decide promotions are never too low.
 */
#include <string.h>

#include "engine/tier/tier_internal.h"
#include "tests/support/tier_program.h"

enum { KEYS = 2000 };

/* Goal: whichever allocation fails, nothing that can be seen has changed, the same call succeeds
 * afterwards, and from then on all is as if it had never failed; no byte is lost. */
static void test_allocation_failures(void **state) {
    (void)state;
    uint64_t seed = support_seed(2028);
    uint64_t n = 1;
    for (uint64_t failures = 1; failures > 0; n++) {
        cg_stream stream = cg_stream_init(seed, "test.tier.failures", 0);
        const cg_tier_options options[3] = {{CG_CACHE_LRU, CG_CACHE_ENTRIES, 40, 1, NULL},
                                            {CG_CACHE_LRU, CG_CACHE_ENTRIES, 1500, 2, NULL},
                                            {.capacity = 0}};
        cg_tiers *tiers = NULL;
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        cg_error error = {0};
        cg_tiers *twin = NULL;
        assert_ok(cg_tiers_alloc(options, 3, cg_allocator_heap(), &twin, &error), error);
        failures = 0;
        while (cg_tiers_alloc(options, 3, cg_counting_allocator_view(&counting), &tiers,
                              &error) != CG_OK) {
            assert_int_equal(error.status, CG_ERROR_MEMORY);
            assert_int_equal(counting.live_bytes, 0);
            failures++;
        }
        for (uint64_t i = 0; i < 6000; i++) {
            operation what = next_operation(&stream, KEYS, 3);
            what.kind = what.kind == READ && i < 2000 ? FILL : what.kind;
            what.capacity = what.level == 0 ? 20 + what.capacity : 1400 + what.capacity;
            uint64_t answer[2] = {77, 77};
            cg_tier_statistics before = cg_tiers_statistics(tiers);
            cg_status status = apply(tiers, what, &answer[0], &error);
            if (status == CG_ERROR_MEMORY) {
                cg_tier_statistics after = cg_tiers_statistics(tiers);
                assert_memory_equal(&before, &after, sizeof before);
                for (uint64_t key = 0; key < KEYS; key++) {
                    for (uint32_t level = 0; level < 2; level++) {
                        assert_int_equal(cg_tiers_where(tiers, key_of(key), level),
                                         cg_tiers_where(twin, key_of(key), level));
                    }
                }
                failures++;
                status = apply(tiers, what, &answer[0], &error);
            }
            assert_int_equal(status, apply(twin, what, &answer[1], &error));
            assert_int_equal(answer[0], answer[1]);
            assert_true(i % 300 != 0 || cg_tiers_hash(tiers) == cg_tiers_hash(twin));
        }
        assert_int_equal(cg_tiers_hash(tiers), cg_tiers_hash(twin));
        assert_true(failures <= 1);
        cg_tiers_free(tiers);
        cg_tiers_free(twin);
        assert_int_equal(counting.live_bytes, 0);
        assert_int_equal(counting.live_blocks, 0);
    }
    print_message("allocations made to fail: %llu\n", (unsigned long long)(n - 2));
    assert_true(n > 15);
}

/* Goal: where one level alone may need memory, a failed call leaves the very hash. */
static void test_failure_leaves_the_hash(void **state) {
    (void)state;
    for (uint32_t promote_after = 1; promote_after <= 2; promote_after++) {
        cg_tier_options options[2] = {
            {CG_CACHE_LRU, CG_CACHE_ENTRIES, 5000, promote_after, NULL}, {.capacity = 0}};
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        cg_error error = {0};
        cg_tiers *tiers = NULL;
        assert_ok(
            cg_tiers_alloc(options, 2, cg_counting_allocator_view(&counting), &tiers, &error),
            error);
        uint64_t failures = 0;
        for (uint64_t i = 0; i < 40000; i++) {
            operation what = {.kind = READ, .key = i / 4, .bytes = 8};
            if (i % 4 == 0) {
                what.kind = PREFETCH;
            } else if (i % 4 == 3) {
                what.kind = ARRIVED;
            } else if (i % 3 == 0) {
                what.kind = FILL;
            }
            uint64_t hash = i % 50 < 4 || failures > 10 ? 0 : cg_tiers_hash(tiers);
            uint64_t answer = 77;
            counting.fail_at = 1;
            cg_status status = apply(tiers, what, &answer, &error);
            counting.fail_at = 0;
            if (status == CG_OK) {
                continue;
            }
            assert_int_equal(status, CG_ERROR_MEMORY);
            assert_true(hash == 0 || cg_tiers_hash(tiers) == hash);
            failures++;
            assert_ok(apply(tiers, what, &answer, &error), error);
        }
        print_message("calls made to fail: %llu\n", (unsigned long long)failures);
        assert_true(failures >= 10);
        cg_tiers_free(tiers);
        assert_int_equal(counting.live_bytes, 0);
    }
}

/* Goal: the count of recent reads is exact for few keys, never too low for many, and seldom too
 * high; it survives growth. */
static void test_sketch(void **state) {
    (void)state;
    enum { MANY = 4096 };
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator memory = cg_counting_allocator_view(&counting);
    cg_error error = {0};
    cg_tier_sketch sketch = {0};
    assert_ok(cg_tier_sketch_reserve(&sketch, 0, &memory, &error), error);
    for (uint32_t i = 1; i <= 20; i++) {
        assert_int_equal(cg_tier_sketch_count(&sketch, 5, 0, &memory), i < 15 ? i : 15);
    }
    assert_ok(cg_tier_sketch_reserve(&sketch, 513, &memory, &error), error);
    assert_ok(cg_tier_sketch_reserve(&sketch, MANY, &memory, &error), error);
    assert_int_equal(cg_tier_sketch_count(&sketch, 5, 100, &memory), 15);
    assert_int_equal(cg_tier_sketch_count(&sketch, 5, MANY, &memory), 15);

    static uint32_t counts[MANY];
    memset(counts, 0, sizeof counts);
    cg_stream stream = cg_stream_init(support_seed(2029), "test.tier.sketch", 0);
    uint64_t too_high = 0;
    uint64_t total = 0;
    cg_tier_sketch_deinit(&sketch, &memory);
    assert_ok(cg_tier_sketch_reserve(&sketch, MANY, &memory, &error), error);
    for (uint64_t i = 1; i <= 200000; i++) {
        uint64_t key = cg_stream_next_below(&stream, MANY);
        counts[key]++;
        uint32_t exact = counts[key] < 15 ? counts[key] : 15;
        uint32_t count = cg_tier_sketch_count(&sketch, key, MANY, &memory);
        assert_true(count >= exact);
        total++;
        too_high += count > exact;
        if (i % MANY == 0) { /* the window */
            for (uint32_t k = 0; k < MANY; k++) {
                counts[k] = (counts[k] < 15 ? counts[k] : 15) / 2;
            }
        }
    }
    print_message("counts too high: %.4f\n", (double)too_high / (double)total);
    assert_true(too_high * 20 < total);
    cg_tier_sketch_deinit(&sketch, &memory);
    assert_int_equal(counting.live_bytes, 0);
}

/* Goal: growth moves the next halving as far as the window grew: the counts before it count. */
static void test_sketch_window(void **state) {
    (void)state;
    cg_allocator heap = cg_allocator_heap();
    cg_error error = {0};
    cg_tier_sketch sketch = {0};
    assert_ok(cg_tier_sketch_reserve(&sketch, 0, &heap, &error), error);
    for (uint32_t i = 1; i <= 9; i++) {
        assert_int_equal(cg_tier_sketch_count(&sketch, 5, 0, &heap), i);
    }
    for (uint32_t i = 9; i < 300; i++) {
        (void)cg_tier_sketch_count(&sketch, 7, 0, &heap);
    }
    assert_ok(cg_tier_sketch_reserve(&sketch, 1000, &heap, &error), error);
    for (uint32_t i = 300; i < 1023; i++) {
        (void)cg_tier_sketch_count(&sketch, 7, 1000, &heap);
    }
    assert_int_equal(cg_tier_sketch_count(&sketch, 5, 1000, &heap), 10); /* the 1024th */
    assert_int_equal(cg_tier_sketch_count(&sketch, 5, 1000, &heap), 6);
    assert_int_equal(cg_tier_sketch_count(&sketch, 7, 1000, &heap), 8);
    cg_tier_sketch_deinit(&sketch, &heap);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocation_failures),
        cmocka_unit_test(test_failure_leaves_the_hash),
        cmocka_unit_test(test_sketch),
        cmocka_unit_test(test_sketch_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
