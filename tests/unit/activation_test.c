/* Goal: activation records are taken and given back as a naive model says, memory is used again
 * instead of allocated, goes back when idle, nothing is given back twice, and every failing
 * allocation leaves all as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/tier/activation.h"
#include "tests/support/runner.h"
#include "tests/support/support.h"

enum { BYTES = 72, BLOCK = CG_ACTIVATION_BLOCK_RECORDS };

static cg_activation_pool *make_pool(cg_allocator allocator, uint32_t kept) {
    cg_error error = {0};
    cg_activation_pool *pool = NULL;
    cg_activation_options options = {.record_bytes = BYTES, .kept_blocks = kept};
    assert_ok(cg_activation_pool_alloc(&options, allocator, &pool, &error), error);
    return pool;
}

static cg_activation_cache *make_cache(cg_activation_pool *pool, cg_allocator allocator) {
    cg_error error = {0};
    cg_activation_cache *cache = NULL;
    assert_ok(cg_activation_cache_alloc(pool, allocator, &cache, &error), error);
    return cache;
}

static uint32_t take(cg_activation_cache *cache) {
    cg_error error = {0};
    uint32_t record = 0;
    assert_ok(cg_activation_take(cache, &record, &error), error);
    return record;
}

static uint8_t *at(const cg_activation_cache *cache, uint32_t record) {
    return cg_activation_at(cg_activation_blocks(cache), BYTES, record);
}

/* Goal: numbers count up; one given back is taken again first, and counts as reused; high-water
 * marks stay; giving back twice is refused. */
static void test_known_values(void **state) {
    (void)state;
    cg_error error = {0};
    cg_activation_pool *pool = make_pool(cg_allocator_heap(), 0);
    cg_activation_cache *cache = make_cache(pool, cg_allocator_heap());
    for (uint32_t i = 0; i < 300; i++) {
        assert_int_equal(take(cache), i);
    }
    assert_ok(cg_activation_give(cache, 7, &error), error);
    assert_status(cg_activation_give(cache, 7, &error), CG_ERROR_NOT_FOUND, error, "record 7");
    assert_status(cg_activation_give(cache, 300, &error), CG_ERROR_NOT_FOUND, error,
                  "record 300");
    assert_status(cg_activation_give(cache, UINT32_MAX, &error), CG_ERROR_NOT_FOUND, error,
                  "not taken");
    cg_activation_statistics counts = cg_activation_cache_statistics(cache);
    assert_int_equal(counts.taken, 300);
    assert_int_equal(counts.reused, 0);
    assert_int_equal(counts.in_use, 299);
    assert_int_equal(counts.in_use_max, 300);
    assert_int_equal(counts.blocks, 2);
    assert_int_equal(take(cache), 7);
    uint32_t first = 0;
    assert_ok(cg_activation_take_run(cache, 300, &first, &error), error);
    assert_int_equal(first, 300);
    counts = cg_activation_cache_statistics(cache);
    assert_int_equal(counts.reused, 1);
    assert_int_equal(counts.in_use_max, 600);

    /* All again: nothing is allocated. */
    uint64_t allocations = cg_activation_pool_statistics(pool).allocations;
    assert_int_equal(allocations, 3);
    cg_activation_give_all(cache);
    assert_status(cg_activation_give(cache, 0, &error), CG_ERROR_NOT_FOUND, error, "record 0");
    assert_ok(cg_activation_take_run(cache, 600, &first, &error), error);
    assert_int_equal(first, 0);
    counts = cg_activation_cache_statistics(cache);
    assert_int_equal(counts.taken, 1201);
    assert_int_equal(counts.reused, 601);
    assert_int_equal(cg_activation_pool_statistics(pool).allocations, allocations);
    cg_activation_cache_free(cache);
    cg_activation_cache_free(NULL);
    assert_int_equal(cg_activation_pool_bytes(pool), 0); /* kept_blocks 0 */
    cg_activation_pool_free(pool);
    cg_activation_pool_free(NULL);
}

/* Goal: idle caches hand blocks on through the pool, which keeps so many and frees the rest; what
 * another cache used before counts as reused. */
static void test_idle(void **state) {
    (void)state;
    cg_error error = {0};
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_activation_pool *pool = make_pool(cg_counting_allocator_view(&counting), 3);
    cg_activation_cache *one = make_cache(pool, cg_allocator_heap());
    cg_activation_cache *two = make_cache(pool, cg_allocator_heap());
    uint32_t first = 0;
    assert_ok(cg_activation_take_run(one, 10 * BLOCK, &first, &error), error);
    uint64_t full = counting.live_bytes;
    cg_activation_cache_trim(one, 0); /* all are taken */
    assert_int_equal(cg_activation_cache_statistics(one).blocks, 10);
    for (uint32_t i = 2 * BLOCK; i < 10 * BLOCK; i++) {
        assert_ok(cg_activation_give(one, i, &error), error);
    }
    assert_ok(cg_activation_give(one, 5, &error), error);
    cg_activation_cache_trim(one, 4);
    assert_int_equal(cg_activation_cache_statistics(one).blocks, 4);
    cg_activation_statistics counts = cg_activation_pool_statistics(pool);
    assert_int_equal(counts.blocks, 7);
    assert_int_equal(counts.blocks_unused, 3);
    assert_int_equal(counts.blocks_max, 10);
    assert_true(counting.live_bytes < full * 8 / 10);
    assert_int_equal(cg_activation_pool_bytes(pool), 7u * BLOCK * BYTES);
    assert_int_equal(take(one), 5);
    assert_int_equal(take(one), 2 * BLOCK);

    assert_ok(cg_activation_take_run(two, 4 * BLOCK, &first, &error), error);
    assert_int_equal(first, 0);
    assert_int_equal(cg_activation_cache_statistics(two).reused, 3 * BLOCK);
    assert_int_equal(cg_activation_pool_statistics(pool).allocations, 11);
    cg_activation_cache_free(one);
    cg_activation_cache_free(two);
    assert_int_equal(cg_activation_pool_statistics(pool).blocks, 3);
    cg_activation_pool_free(pool);
    assert_int_equal(counting.live_bytes, 0);
}

static void test_bad_options(void **state) {
    (void)state;
    const uint32_t bad[] = {0, 4, 12, 4104, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cg_error error = {0};
        cg_activation_pool *pool = NULL;
        cg_activation_options options = {.record_bytes = bad[i]};
        assert_status(cg_activation_pool_alloc(&options, cg_allocator_heap(), &pool, &error),
                      CG_ERROR_INVALID, error, "multiple of 8");
        assert_null(pool);
    }
    cg_error error = {0};
    uint32_t first = 17;
    cg_activation_pool *pool = make_pool(cg_allocator_heap(), 0);
    cg_activation_cache *cache = make_cache(pool, cg_allocator_heap());
    assert_status(cg_activation_take_run(cache, UINT32_MAX, &first, &error), CG_ERROR_FULL,
                  error, "4294967295 activation records");
    assert_int_equal(first, 17);
    cg_activation_cache_free(cache);
    cg_activation_pool_free(pool);
}

/* --- a program of operations against a naive model: which numbers are taken, by a byte each --- */

enum { MODEL_RECORDS = 4000, STEPS = 4000 };

typedef struct pool_model {
    uint8_t is_taken[MODEL_RECORDS];
    uint32_t end; /* numbers taken since all were given back */
    uint64_t in_use;
} pool_model;

static void model_take(pool_model *model, cg_activation_cache *cache, uint32_t record) {
    assert_true(record < MODEL_RECORDS && !model->is_taken[record]);
    model->is_taken[record] = 1;
    model->end = record >= model->end ? record + 1 : model->end;
    model->in_use++;
    memset(at(cache, record), (int)(record % 251), BYTES);
}

static void check_model(const pool_model *model, const cg_activation_cache *cache) {
    assert_int_equal(cg_activation_cache_statistics(cache).in_use, model->in_use);
    for (uint32_t i = 0; i < model->end; i++) { /* nobody wrote into anybody's record */
        for (uint32_t byte = 0; model->is_taken[i] && byte < BYTES; byte++) {
            assert_int_equal(at(cache, i)[byte], i % 251);
        }
    }
}

static void step(cg_stream *stream, pool_model *model, cg_activation_cache *cache) {
    cg_error error = {0};
    uint64_t drawn = cg_stream_next_below(stream, 100);
    uint32_t count = 1 + (uint32_t)cg_stream_next_below(stream, 400);
    uint32_t first = 0;
    if (drawn < 40 && model->end < MODEL_RECORDS - 1) {
        model_take(model, cache, take(cache));
    } else if (drawn < 50 && model->end + count < MODEL_RECORDS) {
        assert_ok(cg_activation_take_run(cache, count, &first, &error), error);
        assert_true(first >= model->end || model->end == 0 || first + count > model->end);
        for (uint32_t i = 0; i < count; i++) {
            model_take(model, cache, first + i);
        }
    } else if (drawn < 95) {
        uint32_t record = (uint32_t)cg_stream_next_below(stream, model->end + 2);
        bool is_taken = record < model->end && model->is_taken[record];
        assert_int_equal(cg_activation_give(cache, record, &error),
                         is_taken ? CG_OK : CG_ERROR_NOT_FOUND);
        if (is_taken) {
            model->is_taken[record] = 0;
            model->in_use--;
        }
    } else if (drawn < 99) {
        cg_activation_cache_trim(cache, (uint32_t)cg_stream_next_below(stream, 4));
    } else {
        cg_activation_give_all(cache);
        memset(model, 0, sizeof *model);
    }
}

static void test_against_model(void **state) {
    (void)state;
    uint64_t seed = support_seed(41);
    static pool_model models[2];
    memset(models, 0, sizeof models);
    cg_stream stream = cg_stream_init(seed, "test.activation", 0);
    cg_activation_pool *pool = make_pool(cg_allocator_heap(), 2);
    cg_activation_cache *caches[2] = {make_cache(pool, cg_allocator_heap()),
                                      make_cache(pool, cg_allocator_heap())};
    for (uint32_t i = 0; i < STEPS; i++) {
        uint64_t which = cg_stream_next_below(&stream, 2);
        step(&stream, &models[which], caches[which]);
        if (i % 16 == 0) {
            check_model(&models[0], caches[0]);
            check_model(&models[1], caches[1]);
        }
    }
    cg_activation_cache_free(caches[0]);
    cg_activation_cache_free(caches[1]);
    cg_activation_pool_free(pool);
}

/* Goal: a failing allocation takes nothing, and the next try goes on from there. */
static void test_allocation_failure(void **state) {
    (void)state;
    for (uint64_t n = 1; n < 100; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        cg_allocator allocator = cg_counting_allocator_view(&counting);
        cg_error error = {0};
        cg_activation_options options = {.record_bytes = BYTES};
        cg_activation_pool *pool = NULL;
        cg_activation_cache *cache = NULL;
        uint32_t first = 99;
        cg_status status = cg_activation_pool_alloc(&options, allocator, &pool, &error);
        if (status == CG_OK) {
            status = cg_activation_cache_alloc(pool, allocator, &cache, &error);
        }
        if (status == CG_OK) {
            status = cg_activation_take_run(cache, 20 * BLOCK, &first, &error);
        }
        bool is_over = status == CG_OK;
        if (!is_over) {
            assert_int_equal(status, CG_ERROR_MEMORY);
            assert_int_equal(first, 99);
        }
        if (cache && !is_over) {
            assert_int_equal(cg_activation_cache_statistics(cache).in_use, 0);
            assert_ok(cg_activation_take_run(cache, 20 * BLOCK, &first, &error), error);
            assert_int_equal(first, 0);
        }
        cg_activation_cache_free(cache);
        cg_activation_pool_free(pool);
        assert_int_equal(counting.live_bytes, 0);
        if (is_over) {
            assert_true(n > 20);
            return;
        }
    }
    fail_msg("allocations never came to an end");
}

/* Goal: caches of several threads share a pool. */
static cg_activation_cache *shared_caches[8];
static void churn(void *argument, uint32_t index, uint32_t worker) {
    (void)argument;
    (void)worker;
    for (uint32_t round = 0; round < 50; round++) {
        uint32_t first = 0;
        CG_ASSERT(cg_activation_take_run(shared_caches[index], 1000, &first, NULL) == CG_OK);
        for (uint32_t i = 0; i < 1000; i++) {
            memset(at(shared_caches[index], first + i), (int)index, BYTES);
        }
        for (uint32_t i = 0; i < 1000; i++) {
            CG_ASSERT(at(shared_caches[index], first + i)[BYTES - 1] == index);
        }
        cg_activation_give_all(shared_caches[index]);
        cg_activation_cache_trim(shared_caches[index], round % 2);
    }
}

static void test_threads(void **state) {
    (void)state;
    uint32_t workers = 8;
    cg_runner runner = support_threads(&workers);
    cg_activation_pool *pool = make_pool(cg_allocator_heap(), 6);
    for (uint32_t i = 0; i < 8; i++) {
        shared_caches[i] = make_cache(pool, cg_allocator_heap());
    }
    cg_runner_run(&runner, 8, churn, NULL);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(cg_activation_cache_statistics(shared_caches[i]).taken, 50000);
        cg_activation_cache_free(shared_caches[i]);
    }
    assert_true(cg_activation_pool_statistics(pool).blocks <= 6);
    cg_activation_pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),       cmocka_unit_test(test_idle),
        cmocka_unit_test(test_bad_options),        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_allocation_failure), cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
