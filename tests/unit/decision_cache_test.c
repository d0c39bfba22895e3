/* Goal: the decision cache keeps, expires, invalidates and evicts as its header says, at the
 * exact edges; refuses bad input; and survives every failing allocation.
 */
#include "engine/service/decision_cache.h"
#include "tests/support/support.h"

static cg_decision_cache *make(uint32_t capacity, uint64_t ttl_ns) {
    cg_decision_cache_options options = {capacity, sizeof(uint32_t), ttl_ns};
    cg_error error = {0};
    cg_decision_cache *cache = NULL;
    assert_ok(cg_decision_cache_alloc(&options, cg_allocator_heap(), &cache, &error), error);
    return cache;
}

static cg_decision_key key(uint64_t name) {
    return (cg_decision_key){name, ~name};
}

static void put(cg_decision_cache *cache, uint64_t name, uint64_t target, uint64_t now_ns,
                uint32_t value) {
    cg_decision_key its = key(name);
    cg_error error = {0};
    assert_ok(cg_decision_cache_put(cache, &its, target, now_ns, &value, &error), error);
}

/* The value, or 0: a miss. */
static uint32_t get(cg_decision_cache *cache, uint64_t name, uint64_t now_ns) {
    cg_decision_key its = key(name);
    uint32_t value = 0;
    bool hit = cg_decision_cache_get(cache, &its, now_ns, &value);
    assert_int_equal(hit, value != 0);
    return value;
}

static void test_bad_options(void **state) {
    (void)state;
    const struct {
        cg_decision_cache_options options;
        const char *part;
    } cases[] = {
        {{0, 8, 1}, "capacity of the decision cache is 0, not in 1..268435456"},
        {{268435457, 8, 1}, "capacity of the decision cache is 268435457"},
        {{1, 0, 1}, "value_bytes of the decision cache is 0, not in 1..65536"},
        {{1, 65537, 1}, "value_bytes of the decision cache is 65537"},
        {{1, 1, 0}, "ttl_ns of the decision cache is 0, not in 1..18446744073709551615"},
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_error error = {0};
        cg_decision_cache *cache = NULL;
        assert_status(
            cg_decision_cache_alloc(&cases[i].options, cg_allocator_heap(), &cache, &error),
            CG_ERROR_INVALID, error, cases[i].part);
        assert_null(cache);
    }
    cg_decision_cache_options most = {268435456, 65536, 1}; /* no entry is allocated yet */
    cg_error error = {0};
    cg_decision_cache *cache = NULL;
    assert_ok(cg_decision_cache_alloc(&most, cg_allocator_heap(), &cache, &error), error);
    assert_status(cg_decision_cache_resize(cache, 0, &error), CG_ERROR_INVALID, error,
                  "capacity of the decision cache is 0, not in 1..268435456");
    assert_int_equal(cg_decision_cache_statistics_of(cache).capacity, 268435456);
    assert_true(cg_decision_cache_bytes(cache) < 1024);
    cg_decision_cache_free(cache);
    cg_decision_cache_free(NULL);
}

/* Goal: the known value in decision_cache.c. */
static void test_use_and_time(void **state) {
    (void)state;
    cg_decision_cache *cache = make(2, 10);
    put(cache, 'a', 1, 0, 10);
    put(cache, 'b', 2, 1, 20);
    assert_int_equal(get(cache, 'a', 2), 10);
    put(cache, 'c', 3, 3, 30);
    assert_int_equal(get(cache, 'b', 3), 0);
    assert_int_equal(get(cache, 'a', 9), 10);
    assert_int_equal(get(cache, 'a', 10), 0); /* reading has not made it younger */
    assert_int_equal(get(cache, 'c', 12), 30);
    cg_decision_cache_statistics statistics = cg_decision_cache_statistics_of(cache);
    assert_int_equal(statistics.hits, 3);
    assert_int_equal(statistics.misses, 2);
    assert_int_equal(statistics.evicted, 1);
    assert_int_equal(statistics.expired, 1);
    assert_int_equal(statistics.entries, 1);
    assert_int_equal(get(cache, 'c', 13), 0);
    cg_decision_cache_free(cache);
}

/* Goal: putting again makes a value new in all respects: value, target, time, use. */
static void test_replace(void **state) {
    (void)state;
    cg_decision_cache *cache = make(2, 10);
    put(cache, 'a', 1, 0, 10);
    put(cache, 'b', 1, 0, 20);
    put(cache, 'a', 2, 5, 11);
    assert_int_equal(cg_decision_cache_invalidate(cache, 1), 1);
    assert_int_equal(get(cache, 'b', 5), 0);
    assert_int_equal(get(cache, 'a', 14), 11);
    assert_int_equal(cg_decision_cache_statistics_of(cache).replaced, 1);
    assert_int_equal(cg_decision_cache_statistics_of(cache).puts, 3);
    /* Time does not fall: 3 counts as 14. */
    put(cache, 'c', 2, 3, 30);
    assert_int_equal(get(cache, 'c', 23), 30);
    assert_int_equal(get(cache, 'a', 3), 0);
    cg_decision_cache_free(cache);
}

/* Goal: keys are compared whole; a NULL value only asks. */
static void test_keys(void **state) {
    (void)state;
    cg_decision_cache *cache = make(8, CG_DECISION_TTL_NS_NEVER);
    cg_error error = {0};
    const cg_decision_key keys[4] = {{1, 2}, {1, 3}, {2, 2}, {2, 1}};
    for (uint32_t i = 0; i < 4; i++) {
        assert_false(cg_decision_cache_get(cache, &keys[i], 0, NULL));
        assert_ok(cg_decision_cache_put(cache, &keys[i], 0, 0, &i, &error), error);
    }
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t value = 9;
        assert_true(cg_decision_cache_get(cache, &keys[i], UINT64_MAX, &value));
        assert_int_equal(value, i);
        assert_true(cg_decision_cache_get(cache, &keys[i], UINT64_MAX, NULL));
    }
    assert_int_equal(cg_decision_cache_statistics_of(cache).expired, 0);
    cg_decision_cache_free(cache);
}

static void test_invalidate(void **state) {
    (void)state;
    cg_decision_cache *cache = make(100, CG_DECISION_TTL_NS_NEVER);
    assert_int_equal(cg_decision_cache_invalidate(cache, 0), 0);
    for (uint32_t i = 0; i < 60; i++) {
        put(cache, i, i % 3, i, i + 1);
    }
    uint64_t hash = cg_decision_cache_hash(cache);
    assert_int_equal(cg_decision_cache_invalidate(cache, 7), 0);
    assert_true(hash == cg_decision_cache_hash(cache));
    assert_int_equal(cg_decision_cache_invalidate(cache, 1), 20);
    assert_true(hash != cg_decision_cache_hash(cache));
    assert_int_equal(cg_decision_cache_invalidate(cache, 1), 0);
    for (uint32_t i = 0; i < 60; i++) {
        assert_int_equal(get(cache, i, 99), i % 3 == 1 ? 0 : i + 1);
    }
    assert_int_equal(cg_decision_cache_invalidate_all(cache), 40);
    assert_int_equal(cg_decision_cache_invalidate_all(cache), 0);
    cg_decision_cache_statistics statistics = cg_decision_cache_statistics_of(cache);
    assert_int_equal(statistics.entries, 0);
    assert_int_equal(statistics.invalidated, 60);
    cg_decision_cache_free(cache);
}

/* Goal: a put drops at most two that have expired, and none that has not. */
static void test_expired_make_room(void **state) {
    (void)state;
    cg_decision_cache *cache = make(100, 10);
    for (uint32_t i = 0; i < 5; i++) {
        put(cache, i, 1, i, 7);
    }
    put(cache, 50, 1, 9, 7);
    assert_int_equal(cg_decision_cache_statistics_of(cache).expired, 0);
    put(cache, 51, 1, 10, 7);
    assert_int_equal(cg_decision_cache_statistics_of(cache).expired, 1);
    put(cache, 52, 1, 14, 7);
    assert_int_equal(cg_decision_cache_statistics_of(cache).expired, 3);
    assert_int_equal(get(cache, 50, 14), 7);
    cg_decision_cache_free(cache);
}

/* Goal: a smaller capacity keeps the newest and gives memory back; a larger one takes more. */
static void test_resize(void **state) {
    (void)state;
    cg_decision_cache *cache = make(64, CG_DECISION_TTL_NS_NEVER);
    cg_error error = {0};
    for (uint32_t i = 0; i < 64; i++) {
        put(cache, i, i % 5, 0, i + 1);
    }
    for (uint32_t i = 0; i < 60; i += 6) {
        assert_int_equal(get(cache, i, 0), i + 1);
    }
    uint64_t full_bytes = cg_decision_cache_bytes(cache);
    assert_ok(cg_decision_cache_resize(cache, 10, &error), error);
    assert_true(cg_decision_cache_bytes(cache) < full_bytes / 3);
    assert_int_equal(cg_decision_cache_statistics_of(cache).evicted, 54);
    for (uint32_t i = 0; i < 64; i++) {
        assert_int_equal(get(cache, i, 0), i % 6 == 0 && i < 60 ? i + 1 : 0);
    }
    assert_int_equal(cg_decision_cache_invalidate(cache, 0), 2); /* 0 and 30 */
    assert_ok(cg_decision_cache_resize(cache, 40, &error), error);
    for (uint32_t i = 100; i < 132; i++) {
        put(cache, i, 9, 0, i);
    }
    cg_decision_cache_statistics statistics = cg_decision_cache_statistics_of(cache);
    assert_int_equal(statistics.entries, 40);
    assert_int_equal(statistics.evicted, 54);
    assert_int_equal(get(cache, 6, 0), 7);
    cg_decision_cache_free(cache);
}

/* Goal: with the n-th allocation failing, a put changes nothing, and goes through when
 * repeated; a resize that finds no memory keeps what it must. */
static void test_failing_allocations(void **state) {
    (void)state;
    uint32_t failures = 0;
    for (uint64_t n = 1;; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        cg_decision_cache_options options = {100, 24, 50};
        cg_decision_cache *cache = NULL;
        cg_error error = {0};
        cg_allocator view = cg_counting_allocator_view(&counting);
        if (cg_decision_cache_alloc(&options, view, &cache, &error) != CG_OK) {
            assert_int_equal(counting.live_bytes, 0);
            assert_int_equal(cg_decision_cache_alloc(&options, view, &cache, &error), CG_OK);
            failures++;
        }
        uint8_t value[24] = {1};
        for (uint32_t i = 0; i < 90; i++) {
            cg_decision_key its = key(i);
            uint64_t hash = cg_decision_cache_hash(cache);
            if (cg_decision_cache_put(cache, &its, i % 7, i / 4, value, &error) != CG_OK) {
                assert_int_equal(error.status, CG_ERROR_MEMORY);
                assert_true(hash == cg_decision_cache_hash(cache));
                assert_int_equal(cg_decision_cache_statistics_of(cache).puts, i);
                assert_ok(cg_decision_cache_put(cache, &its, i % 7, i / 4, value, &error),
                          error);
                failures++;
            }
        }
        assert_ok(cg_decision_cache_resize(cache, 20, &error), error);
        for (uint32_t i = 0; i < 90; i++) {
            cg_decision_key its = key(i);
            assert_int_equal(cg_decision_cache_get(cache, &its, 30, NULL), i >= 70);
        }
        assert_int_equal(cg_decision_cache_bytes(cache), counting.live_bytes);
        bool all = counting.fail_at > 0;
        cg_decision_cache_free(cache);
        assert_int_equal(counting.live_bytes, 0);
        if (all) {
            break;
        }
    }
    assert_int_equal(failures, 9); /* one, and two for each of 16, 32, 64, 100 */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_options), cmocka_unit_test(test_use_and_time),
        cmocka_unit_test(test_replace),     cmocka_unit_test(test_keys),
        cmocka_unit_test(test_invalidate),  cmocka_unit_test(test_expired_make_room),
        cmocka_unit_test(test_resize),      cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
