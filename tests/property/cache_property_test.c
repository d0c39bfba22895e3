/* Goal: over seeded programs of reads, puts, removals, changes of capacity, saves and opens,
 * every policy keeps and evicts exactly what its naive model does, in the same order; and what
 * no model covers (large tinylfu and lfu, belady) keeps the invariants: never above the bound,
 * every key accounted for by what put, remove and the evicted callback said. An image goes on
 * as its original does. A failed allocation changes nothing.
 */
#include <stdlib.h>

#include "tests/support/cache_model.h"
#include "tests/support/support.h"

enum { OPERATIONS = 3000, PROGRAMS = 24, CLONE_OPERATIONS = 40 };

typedef struct program {
    cg_stream stream;
    cg_cache_options options;
    uint32_t key_count;
    uint64_t capacity_least;
    uint64_t capacity_span; /* 0: no change of capacity */
    uint32_t bytes_most;
    bool has_model;
} program;

typedef struct world {
    program program;
    cg_cache *cache;
    cg_counting_allocator counting;
    void *image; /* what `cache` works on, or NULL */
    model model;
    model_log log;
    uint32_t held[MODEL_KEYS]; /* size by key number, 0: not held */
    uint64_t *future_keys;
    cg_cache_future *future;
} world;

static uint64_t key_of(uint64_t number) {
    return number * UINT64_C(0x9e3779b97f4a7c15);
}

static uint32_t number_of(const world *w, uint64_t key) {
    for (uint32_t i = 0; i < w->program.key_count; i++) {
        if (key_of(i) == key) {
            return i;
        }
    }
    fail_msg("key %llu was never put in", (unsigned long long)key);
    return 0;
}

static void note_evicted(void *context, uint64_t key, uint32_t bytes) {
    world *w = context;
    uint32_t number = number_of(w, key);
    assert_int_equal(w->held[number], bytes);
    assert_true(bytes > 0);
    w->held[number] = 0;
    assert_true(w->log.count < MODEL_KEYS);
    w->log.items[w->log.count++] = (model_item){key, bytes, 0};
}

static void compare_held(world *w) {
    cg_cache_statistics statistics = cg_cache_statistics_of(w->cache);
    uint64_t entries = 0;
    uint64_t size_bytes = 0;
    for (uint32_t i = 0; i < w->program.key_count; i++) {
        bool is_held = cg_cache_holds(w->cache, key_of(i));
        assert_int_equal(is_held, w->held[i] > 0);
        entries += is_held;
        size_bytes += w->held[i];
        if (w->program.has_model) {
            assert_int_equal(is_held, model_holds(&w->model, key_of(i)));
        }
    }
    assert_int_equal(statistics.entries, entries);
    assert_int_equal(statistics.size_bytes, size_bytes);
    uint64_t weight = w->program.options.bound == CG_CACHE_BYTES ? size_bytes : entries;
    assert_true(weight <= statistics.capacity);
    if (w->program.has_model) {
        assert_int_equal(statistics.capacity, w->model.capacity);
        assert_int_equal(statistics.evictions, w->model.evictions);
        assert_int_equal(statistics.refused, w->model.refused);
    }
}

static void compare_log(world *w) {
    if (w->program.has_model) {
        assert_int_equal(w->log.count, w->model.log.count);
        for (uint32_t i = 0; i < w->log.count; i++) {
            assert_int_equal(w->log.items[i].key, w->model.log.items[i].key);
            assert_int_equal(w->log.items[i].bytes, w->model.log.items[i].bytes);
        }
    }
    w->log.count = 0;
    w->model.log.count = 0;
}

/* --- operations --------------------------------------------------------------------------- */

static void put(world *w, uint32_t number) {
    cg_error error = {0};
    uint32_t bytes =
        1 + (uint32_t)cg_stream_next_below(&w->program.stream, w->program.bytes_most);
    assert_ok(cg_cache_reserve(w->cache, &error), error);
    uint64_t calls = w->counting.calls;
    bool is_in = cg_cache_put(w->cache, key_of(number), bytes);
    assert_int_equal(w->counting.calls, calls);
    w->held[number] = is_in ? bytes : 0;
    if (w->program.has_model) {
        assert_int_equal(is_in, model_put(&w->model, key_of(number), bytes));
    }
}

static void read_key(world *w, uint32_t number) {
    bool was_held = cg_cache_touch(w->cache, key_of(number));
    assert_int_equal(was_held, w->held[number] > 0);
    if (w->program.has_model) {
        assert_int_equal(was_held, model_touch(&w->model, key_of(number)));
    }
    if (!was_held) {
        put(w, number);
    }
}

static void remove_key(world *w, uint32_t number) {
    bool was_held = cg_cache_remove(w->cache, key_of(number));
    assert_int_equal(was_held, w->held[number] > 0);
    w->held[number] = 0;
    if (w->program.has_model) {
        assert_int_equal(was_held, model_remove(&w->model, key_of(number)));
    }
}

static void resize(world *w) {
    cg_error error = {0};
    uint64_t capacity = w->program.capacity_least +
                        cg_stream_next_below(&w->program.stream, w->program.capacity_span);
    assert_ok(cg_cache_resize(w->cache, capacity, &error), error);
    w->program.options.capacity = capacity;
    if (w->program.has_model) {
        model_resize(&w->model, capacity);
    }
}

/* Opens a copy, lets both go on for a while in step, and keeps the copy. */
static void change_over(world *w) {
    cg_error error = {0};
    uint64_t image_bytes = cg_cache_image_bytes(w->cache);
    void *image = aligned_alloc(64, (image_bytes + 63) / 64 * 64);
    assert_non_null(image);
    cg_cache_save(w->cache, image);
    cg_cache *copy = NULL;
    cg_cache_options options = w->program.options;
    options.evicted = NULL;
    cg_cache *original = w->cache;
    assert_ok(cg_cache_open(image, image_bytes, &options,
                            cg_counting_allocator_view(&w->counting), &copy, &error),
              error);
    assert_int_equal(cg_cache_hash(copy), cg_cache_hash(original));
    assert_true(cg_cache_memory_bytes(copy) < 1024);
    for (int i = 0; i < CLONE_OPERATIONS; i++) {
        uint32_t number =
            (uint32_t)cg_stream_next_below(&w->program.stream, w->program.key_count);
        bool is_held = cg_cache_touch(original, key_of(number));
        assert_int_equal(cg_cache_touch(copy, key_of(number)), is_held);
        if (!is_held) {
            assert_ok(cg_cache_reserve(original, &error), error);
            assert_ok(cg_cache_reserve(copy, &error), error);
            bool is_in = cg_cache_put(original, key_of(number), 1);
            assert_int_equal(cg_cache_put(copy, key_of(number), 1), is_in);
            w->held[number] = is_in;
        }
        if (w->program.has_model && !model_touch(&w->model, key_of(number))) {
            (void)model_put(&w->model, key_of(number), 1);
        }
        assert_int_equal(cg_cache_hash(copy), cg_cache_hash(original));
    }
    /* Open the copy's own state once more, now with the callback. */
    cg_cache_free(original);
    void *second = aligned_alloc(64, cg_cache_image_bytes(copy));
    assert_non_null(second);
    cg_cache_save(copy, second);
    assert_ok(cg_cache_open(second, cg_cache_image_bytes(copy), &w->program.options,
                            cg_counting_allocator_view(&w->counting), &w->cache, &error),
              error);
    cg_cache_free(copy);
    free(image);
    free(w->image);
    w->image = second;
}

static void step(world *w, uint64_t access) {
    bool is_belady = w->program.options.policy == CG_CACHE_BELADY;
    cg_stream *stream = &w->program.stream;
    uint64_t what = cg_stream_next_below(stream, 100);
    /* The square draws low numbers more often. */
    double unit = cg_stream_next_unit(stream);
    uint32_t number = (uint32_t)(unit * unit * w->program.key_count);
    if (is_belady) {
        read_key(w, (uint32_t)w->future_keys[access]);
    }
    if (what < 4) {
        remove_key(w, number);
    } else if (what < 6 && w->program.capacity_span > 0) {
        resize(w);
    } else if (what < 7 && !is_belady) {
        change_over(w);
    } else if (what < 14 && w->held[number] == 0) {
        put(w, number);
    } else if (!is_belady) {
        read_key(w, number);
    }
}

static void open_world(world *w) {
    cg_error error = {0};
    cg_counting_allocator_init(&w->counting, cg_allocator_heap());
    w->program.options.evicted = note_evicted;
    w->program.options.context = w;
    if (w->program.options.policy == CG_CACHE_BELADY) {
        uint64_t keys[OPERATIONS] = {0};
        w->future_keys = calloc(OPERATIONS, sizeof *w->future_keys);
        assert_non_null(w->future_keys);
        for (uint32_t i = 0; i < OPERATIONS; i++) {
            w->future_keys[i] = cg_stream_next_below(&w->program.stream, w->program.key_count);
            keys[i] = key_of(w->future_keys[i]);
        }
        assert_ok(
            cg_cache_future_alloc(keys, OPERATIONS, cg_allocator_heap(), &w->future, &error),
            error);
        w->program.options.future = w->future;
    }
    w->model = (model){.policy = w->program.options.policy,
                       .bound = w->program.options.bound,
                       .capacity = w->program.options.capacity};
    assert_ok(cg_cache_alloc(&w->program.options, cg_counting_allocator_view(&w->counting),
                             &w->cache, &error),
              error);
}

static void close_world(world *w) {
    cg_cache_free(w->cache);
    assert_int_equal(w->counting.live_bytes, 0);
    cg_cache_future_free(w->future);
    free(w->future_keys);
    free(w->image);
}

/* --- programs ----------------------------------------------------------------------------- */

static program draw_program(uint64_t seed, uint64_t number, cg_cache_policy policy,
                            bool has_model) {
    program p = {.stream = cg_stream_init(seed, "test.cache", number), .has_model = has_model};
    cg_stream *stream = &p.stream;
    bool is_bytes = policy != CG_CACHE_BELADY && cg_stream_next_below(stream, 2) == 1;
    p.options.policy = policy;
    p.options.bound = is_bytes ? CG_CACHE_BYTES : CG_CACHE_ENTRIES;
    p.bytes_most = 1 + (uint32_t)cg_stream_next_below(stream, 40);
    p.capacity_least = 1 + cg_stream_next_below(stream, is_bytes ? 600 : 50);
    p.capacity_span = 1 + cg_stream_next_below(stream, is_bytes ? 300 : 30);
    p.key_count = 1 + (uint32_t)cg_stream_next_below(stream, 150);
    if (has_model && policy == CG_CACHE_LFU) {
        p.key_count = is_bytes ? 8 : (uint32_t)p.capacity_least + 8;
        p.capacity_least = is_bytes ? 1 + p.capacity_least % 100 : p.capacity_least;
    } else if (has_model && policy == CG_CACHE_TINYLFU) {
        p.options.bound = CG_CACHE_ENTRIES;
        p.capacity_least = 1 + cg_stream_next_below(stream, 16);
        p.capacity_span = 0;
        p.key_count = 1 + (uint32_t)cg_stream_next_below(stream, 40);
    }
    p.options.capacity = p.capacity_least;
    return p;
}

static void run_program(uint64_t seed, uint64_t number, cg_cache_policy policy,
                        bool has_model) {
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->program = draw_program(seed, number, policy, has_model);
    open_world(w);
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        step(w, i);
        compare_log(w);
        if (i % 16 == 0) {
            compare_held(w);
        }
    }
    compare_held(w);
    close_world(w);
    free(w);
}

static void run_programs(cg_cache_policy policy, bool has_model) {
    uint64_t seed = support_seed(2026);
    for (uint64_t number = 0; number < PROGRAMS; number++) {
        run_program(seed, number, policy, has_model);
    }
}

static void test_lru_is_its_model(void **state) {
    (void)state;
    run_programs(CG_CACHE_LRU, true);
}

static void test_lfu_is_its_model(void **state) {
    (void)state;
    run_programs(CG_CACHE_LFU, true);
}

static void test_arc_is_its_model(void **state) {
    (void)state;
    run_programs(CG_CACHE_ARC, true);
}

static void test_s3fifo_is_its_model(void **state) {
    (void)state;
    run_programs(CG_CACHE_S3FIFO, true);
}

static void test_tinylfu_is_its_model(void **state) {
    (void)state;
    run_programs(CG_CACHE_TINYLFU, true);
}

static void test_invariants(void **state) {
    (void)state;
    run_programs(CG_CACHE_TINYLFU, false);
    run_programs(CG_CACHE_LFU, false);
    run_programs(CG_CACHE_BELADY, false);
}

/* --- memory ------------------------------------------------------------------------------- */

static bool try_step(cg_cache *cache, cg_stream *stream, cg_error *error) {
    uint64_t key = cg_stream_next_below(stream, 300);
    if (cg_stream_next_below(stream, 40) == 0) {
        uint64_t capacity = 1 + cg_stream_next_below(stream, 150);
        return cg_cache_resize(cache, capacity, error) == CG_OK;
    }
    if (cg_stream_next_below(stream, 2) == 0) {
        (void)cg_cache_touch(cache, key);
        return true;
    }
    if (cg_cache_holds(cache, key)) {
        return true;
    }
    if (cg_cache_reserve(cache, error) != CG_OK) {
        return false;
    }
    (void)cg_cache_put(cache, key, 1 + (uint32_t)(key % 7));
    return true;
}

/* Runs a program in which the n-th allocation fails; what failed is done again. False when it
 * has fewer than n. */
static bool run_failing(const cg_cache_options *options, uint64_t n, uint64_t *hash) {
    cg_error error = {0};
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    counting.fail_at = n;
    cg_cache *cache = NULL;
    cg_status status =
        cg_cache_alloc(options, cg_counting_allocator_view(&counting), &cache, &error);
    if (status != CG_OK) {
        assert_int_equal(status, CG_ERROR_MEMORY);
        assert_null(cache);
        assert_int_equal(counting.live_bytes, 0);
        assert_ok(
            cg_cache_alloc(options, cg_counting_allocator_view(&counting), &cache, &error),
            error);
    }
    cg_stream stream = cg_stream_init(7, "test.cache.memory", 0);
    for (int i = 0; i < 1500; i++) {
        cg_stream before = stream;
        uint64_t was = cg_cache_hash(cache);
        uint64_t memory_bytes = cg_cache_memory_bytes(cache);
        if (!try_step(cache, &stream, &error)) {
            assert_int_equal(error.status, CG_ERROR_MEMORY);
            assert_int_equal(cg_cache_hash(cache), was);
            assert_int_equal(cg_cache_memory_bytes(cache), memory_bytes);
            stream = before;
            assert_true(try_step(cache, &stream, &error));
        }
        assert_int_equal(cg_cache_memory_bytes(cache) + 64, counting.live_bytes);
    }
    *hash = cg_cache_hash(cache);
    cg_cache_free(cache);
    assert_int_equal(counting.live_bytes, 0);
    return n > 0 && counting.fail_at == 0;
}

static void test_failed_allocation_changes_nothing(void **state) {
    (void)state;
    cg_cache_future *future = NULL;
    cg_error error = {0};
    const uint64_t keys[] = {1, 2, 1};
    assert_ok(cg_cache_future_alloc(keys, 3, cg_allocator_heap(), &future, &error), error);
    for (int policy = 0; policy < CG_CACHE_POLICY_COUNT; policy++) {
        cg_cache_options options = {.policy = (cg_cache_policy)policy, .capacity = 100};
        options.future = policy == CG_CACHE_BELADY ? future : NULL;
        uint64_t expected = 0;
        assert_false(run_failing(&options, 0, &expected));
        uint64_t n = 1;
        uint64_t hash = 0;
        for (; run_failing(&options, n, &hash); n++) {
            assert_int_equal(hash, expected);
        }
        assert_true(n > 10);
    }
    cg_cache_future_free(future);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lru_is_its_model),
        cmocka_unit_test(test_lfu_is_its_model),
        cmocka_unit_test(test_arc_is_its_model),
        cmocka_unit_test(test_s3fifo_is_its_model),
        cmocka_unit_test(test_tinylfu_is_its_model),
        cmocka_unit_test(test_invariants),
        cmocka_unit_test(test_failed_allocation_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
