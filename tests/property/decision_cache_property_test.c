/* Goal: a seeded program of gets, puts, invalidations and resizes, with allocations that fail,
 * does to the decision cache exactly what it does to a naive model that scans a plain list.
 */
#include <string.h>

#include "engine/service/decision_cache.h"
#include "tests/support/support.h"

enum { LIST_MAX = 256, OPERATIONS = 120000, VALUE_BYTES = 13 };

typedef struct model_entry {
    cg_decision_key key;
    uint64_t target;
    uint64_t put_ns;
    uint64_t put_order;
    uint8_t value[VALUE_BYTES];
} model_entry;

/* By use: the one used longest ago first. */
typedef struct model {
    model_entry list[LIST_MAX];
    cg_decision_cache_statistics statistics;
    uint64_t ttl_ns;
    uint64_t clock_ns;
    uint64_t put_order;
} model;

static model oracle;

static uint64_t model_find(const cg_decision_key *key) {
    uint64_t at = 0;
    while (at < oracle.statistics.entries &&
           memcmp(&oracle.list[at].key, key, sizeof *key) != 0) {
        at++;
    }
    return at;
}

static void model_drop(uint64_t at, uint64_t *reason) {
    oracle.statistics.entries--;
    memmove(&oracle.list[at], &oracle.list[at + 1],
            (oracle.statistics.entries - at) * sizeof oracle.list[0]);
    *reason += 1;
}

static bool model_expired(uint64_t at) {
    return oracle.ttl_ns != CG_DECISION_TTL_NS_NEVER &&
           oracle.list[at].put_ns + oracle.ttl_ns <= oracle.clock_ns;
}

static bool model_drop_expired(void) {
    uint64_t oldest = 0;
    for (uint64_t i = 1; i < oracle.statistics.entries; i++) {
        oldest = oracle.list[i].put_order < oracle.list[oldest].put_order ? i : oldest;
    }
    if (oracle.statistics.entries == 0 || !model_expired(oldest)) {
        return false;
    }
    model_drop(oldest, &oracle.statistics.expired);
    return true;
}

static void model_make_room(uint64_t most) {
    while (oracle.statistics.entries > most) {
        if (!model_drop_expired()) {
            model_drop(0, &oracle.statistics.evicted);
        }
    }
}

static void model_use(uint64_t at) {
    model_entry used = oracle.list[at];
    memmove(&oracle.list[at], &oracle.list[at + 1],
            (oracle.statistics.entries - 1 - at) * sizeof used);
    oracle.list[oracle.statistics.entries - 1] = used;
}

static void model_put(const cg_decision_key *key, uint64_t target, const uint8_t *value) {
    (void)(model_drop_expired() && model_drop_expired());
    uint64_t at = model_find(key);
    if (at < oracle.statistics.entries) {
        oracle.statistics.replaced++;
    } else {
        model_make_room(oracle.statistics.capacity - 1);
        at = oracle.statistics.entries++;
    }
    model_entry *entry = &oracle.list[at];
    *entry = (model_entry){*key, target, oracle.clock_ns, oracle.put_order++, {0}};
    memcpy(entry->value, value, VALUE_BYTES);
    model_use(at);
    oracle.statistics.puts++;
}

static cg_decision_key draw_key(cg_stream *stream) {
    uint64_t n = cg_stream_next_below(stream, cg_stream_next_below(stream, 2) ? 400 : 40);
    return (cg_decision_key){n / 3, n % 3}; /* halves that many keys share */
}

static void step_get(cg_decision_cache *cache, cg_stream *stream, uint64_t now_ns) {
    cg_decision_key key = draw_key(stream);
    uint8_t value[VALUE_BYTES] = {0};
    bool hit = cg_decision_cache_get(cache, &key, now_ns, value);
    uint64_t at = model_find(&key);
    if (at < oracle.statistics.entries && model_expired(at)) {
        model_drop(at, &oracle.statistics.expired);
        at = oracle.statistics.entries;
    }
    assert_int_equal(hit, at < oracle.statistics.entries);
    if (hit) {
        oracle.statistics.hits++;
        assert_memory_equal(value, oracle.list[at].value, VALUE_BYTES);
        model_use(at);
    } else {
        oracle.statistics.misses++;
    }
}

static uint64_t step_put(cg_decision_cache *cache, cg_counting_allocator *counting,
                         cg_stream *stream, uint64_t now_ns) {
    cg_decision_key key = draw_key(stream);
    uint64_t target = cg_stream_next_below(stream, 30);
    uint8_t value[VALUE_BYTES];
    for (uint32_t i = 0; i < VALUE_BYTES; i++) {
        value[i] = (uint8_t)cg_stream_next(stream);
    }
    /* Memory is asked for rarely. 0: none fails. */
    counting->fail_at = (1 + cg_stream_next_below(stream, 16)) % 3;
    uint64_t armed = counting->fail_at;
    cg_error error = {0};
    cg_status status = cg_decision_cache_put(cache, &key, target, now_ns, value, &error);
    bool failed = armed != 0 && counting->fail_at == 0;
    counting->fail_at = 0;
    assert_int_equal(status, failed ? CG_ERROR_MEMORY : CG_OK);
    if (!failed) {
        model_put(&key, target, value);
    }
    return failed;
}

static void step_invalidate(cg_decision_cache *cache, cg_stream *stream) {
    uint64_t expected = 0;
    if (cg_stream_next_below(stream, 100) == 0) {
        expected = oracle.statistics.entries;
        oracle.statistics.entries = 0;
        oracle.statistics.invalidated += expected;
        assert_int_equal(cg_decision_cache_invalidate_all(cache), expected);
        return;
    }
    uint64_t target = cg_stream_next_below(stream, 40);
    for (uint64_t i = 0; i < oracle.statistics.entries;) {
        if (oracle.list[i].target == target) {
            model_drop(i, &oracle.statistics.invalidated);
            expected++;
        } else {
            i++;
        }
    }
    assert_int_equal(cg_decision_cache_invalidate(cache, target), expected);
}

static void step_resize(cg_decision_cache *cache, cg_counting_allocator *counting,
                        cg_stream *stream) {
    uint32_t capacity = 1 + (uint32_t)cg_stream_next_below(stream, LIST_MAX);
    cg_error error = {0};
    counting->fail_at = cg_stream_next_below(stream, 4);
    assert_ok(cg_decision_cache_resize(cache, capacity, &error), error);
    counting->fail_at = 0;
    oracle.statistics.capacity = capacity;
    model_make_room(capacity);
}

static void compare(const cg_decision_cache *cache) {
    cg_decision_cache_statistics got = cg_decision_cache_statistics_of(cache);
    assert_memory_equal(&got, &oracle.statistics, sizeof got);
    assert_int_equal(got.puts - got.replaced,
                     got.entries + got.expired + got.invalidated + got.evicted);
}

static void run_program(uint64_t ttl_ns, cg_stream stream) {
    memset(&oracle, 0, sizeof oracle);
    oracle.ttl_ns = ttl_ns;
    oracle.statistics.capacity = 100;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_decision_cache_options options = {100, VALUE_BYTES, ttl_ns};
    cg_decision_cache *cache = NULL;
    cg_error error = {0};
    assert_ok(cg_decision_cache_alloc(&options, cg_counting_allocator_view(&counting), &cache,
                                      &error),
              error);
    uint64_t failures = 0;
    for (uint32_t i = 0; i < OPERATIONS / 3; i++) {
        uint64_t now_ns = oracle.clock_ns + cg_stream_next_below(&stream, 4);
        now_ns -= cg_stream_next_below(&stream, 16) == 0 && now_ns > 3 ? 3 : 0;
        uint64_t kind = cg_stream_next_below(&stream, 1000);
        if (kind < 970) {
            oracle.clock_ns = now_ns > oracle.clock_ns ? now_ns : oracle.clock_ns;
        }
        if (kind < 500) {
            step_get(cache, &stream, now_ns);
        } else if (kind < 970) {
            failures += step_put(cache, &counting, &stream, now_ns);
        } else if (kind < 995) {
            step_invalidate(cache, &stream);
        } else {
            step_resize(cache, &counting, &stream);
        }
        compare(cache);
        assert_int_equal(cg_decision_cache_bytes(cache), counting.live_bytes);
    }
    assert_true(oracle.statistics.hits > 300 && failures > 0);
    cg_decision_cache_free(cache);
    assert_int_equal(counting.live_bytes, 0);
}

static void test_program_against_model(void **state) {
    (void)state;
    uint64_t seed = support_seed(14);
    run_program(300, cg_stream_init(seed, "test.decision_cache", 0));
    assert_true(oracle.statistics.expired > 1000 && oracle.statistics.evicted > 100);
    run_program(CG_DECISION_TTL_NS_NEVER, cg_stream_init(seed, "test.decision_cache", 1));
    assert_true(oracle.statistics.expired == 0 && oracle.statistics.evicted > 1000);
    run_program(20, cg_stream_init(seed, "test.decision_cache", 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_program_against_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
