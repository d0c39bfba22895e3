/* Goal: shards come in the order of (bound, shard number), each once, as sorting all of them would
 * have it, with ties, zeros and coordinates of any size; lazily, and again after a failed
 * allocation.
 */
#include <math.h>
#include <stdlib.h>

#include "engine/tile/tile_order.h"
#include "tests/support/support.h"

enum { DIMS = 32 };

static cg_tiling tiling_of(uint32_t axes) {
    cg_tiling tiling = {.law = cg_tile_law_default(DIMS),
                        .metric = CG_METRIC_L2,
                        .axes = axes,
                        .nodes_a_shard = 1};
    cg_error error = {0};
    tiling.law.leading = 31;
    assert_ok(cg_tiling_init(&tiling, &error), error);
    return tiling;
}

static int compare(const void *left, const void *right) {
    const cg_tile_bound *a = left;
    const cg_tile_bound *b = right;
    int by_bound = (a->bound > b->bound) - (a->bound < b->bound);
    return by_bound ? by_bound : (a->shard > b->shard) - (a->shard < b->shard);
}

/* Coordinates whose squares and sums are exact in double: ties are real. */
static void draw_query(cg_stream *stream, uint64_t kind, float query[DIMS]) {
    for (uint32_t d = 0; d < DIMS; d++) {
        float value = kind == 0   ? (float)cg_stream_next_below(stream, 4)
                      : kind == 1 ? (float)cg_stream_next_below(stream, 1000)
                      : kind == 2 ? 1.0f
                                  : (float)cg_stream_next_below(stream, 2) * 0x1p-20f;
        query[d] = cg_stream_next_below(stream, 2) ? -value : value;
    }
}

static void test_against_sorting(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(17), "test.order", 0);
    cg_tile_order order;
    cg_tile_order_init(&order, cg_allocator_heap());
    for (uint32_t round = 0; round < 130; round++) {
        uint32_t axes = round % 13;
        cg_tiling tiling = tiling_of(axes);
        float query[DIMS];
        draw_query(&stream, round / 13 % 4, query);
        cg_tile_bound *sorted = malloc(tiling.shard_count * sizeof *sorted);
        assert_non_null(sorted);
        for (uint32_t shard = 0; shard < tiling.shard_count; shard++) {
            sorted[shard] = (cg_tile_bound){shard, cg_tiling_bound(&tiling, query, shard)};
        }
        qsort(sorted, tiling.shard_count, sizeof *sorted, compare);
        cg_tile_order_begin(&order, &tiling, query);
        for (uint32_t i = 0; i < tiling.shard_count; i++) {
            cg_tile_bound next;
            cg_error error = {0};
            assert_ok(cg_tile_order_next(&order, &next, &error), error);
            assert_int_equal(next.shard, sorted[i].shard);
            assert_true(next.bound == sorted[i].bound);
        }
        cg_tile_bound next = {77, 7.0};
        for (int again = 0; again < 2; again++) {
            assert_int_equal(cg_tile_order_next(&order, &next, NULL), CG_ERROR_NOT_FOUND);
            assert_int_equal(next.shard, 77);
        }
        free(sorted);
    }
    cg_tile_order_deinit(&order);
}

/* Real coordinates over many scales: ascending, each once, never above the bound, begins at home. */
static void test_real_coordinates(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(19), "test.order", 1);
    for (uint32_t round = 0; round < 20; round++) {
        cg_tiling tiling = tiling_of(12);
        float query[DIMS];
        double most = 0.0;
        for (uint32_t d = 0; d < DIMS; d++) {
            double size = ldexp(1.0, (int)cg_stream_next_below(&stream, round < 10 ? 4 : 250) -
                                         (round < 10 ? 2 : 125));
            query[d] = (float)(size * cg_stream_next_normal(&stream));
            double square = (double)query[d] * (double)query[d];
            most = d < 12 && square > most ? square : most;
        }
        bool *seen = calloc(tiling.shard_count, sizeof *seen);
        assert_non_null(seen);
        cg_tile_order order;
        cg_tile_order_init(&order, cg_allocator_heap());
        cg_tile_order_begin(&order, &tiling, query);
        double before = 0.0;
        for (uint32_t i = 0; i < tiling.shard_count; i++) {
            cg_tile_bound next;
            cg_error error = {0};
            assert_ok(cg_tile_order_next(&order, &next, &error), error);
            double bound = cg_tiling_bound(&tiling, query, next.shard);
            assert_true(next.bound >= before && !seen[next.shard]);
            assert_true(next.bound <= bound + bound * 0x1p-50);
            assert_true(next.bound >= bound - bound * 0x1p-50 - most * 0x1p-52);
            assert_true(i > 0 || round >= 10 ||
                        next.shard == cg_tiling_shard_of(&tiling, query));
            before = next.bound;
            seen[next.shard] = true;
        }
        free(seen);
        cg_tile_order_deinit(&order);
    }
}

/* 2^31 shards: the first thousands cost what they take, and bounds ascend. */
static void test_lazy(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_tiling tiling = tiling_of(31);
    cg_stream stream = cg_stream_init(support_seed(23), "test.order", 2);
    float query[DIMS];
    cg_tile_law_draw(&tiling.law, &stream, query);
    cg_tile_order order;
    cg_tile_order_init(&order, cg_counting_allocator_view(&counting));
    cg_tile_order_begin(&order, &tiling, query);
    assert_int_equal(counting.calls, 0);
    double before = 0.0;
    for (uint32_t i = 0; i < 5000; i++) {
        cg_tile_bound next;
        cg_error error = {0};
        assert_ok(cg_tile_order_next(&order, &next, &error), error);
        assert_true(next.bound >= before);
        before = next.bound;
    }
    assert_true(counting.peak_bytes <= (size_t)16 * (8192 + 4096));
    cg_tile_order_deinit(&order);
    assert_int_equal(counting.live_bytes, 0);
}

/* Every allocation fails once: the call says so, and the next one goes on where it was. */
static void test_failing_memory(void **state) {
    (void)state;
    cg_tiling tiling = tiling_of(9);
    cg_stream stream = cg_stream_init(support_seed(29), "test.order", 3);
    float query[DIMS];
    cg_tile_law_draw(&tiling.law, &stream, query);
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_tile_order sound;
    cg_tile_order poor;
    cg_tile_order_init(&sound, cg_allocator_heap());
    cg_tile_order_init(&poor, cg_counting_allocator_view(&counting));
    cg_tile_order_begin(&sound, &tiling, query);
    cg_tile_order_begin(&poor, &tiling, query);
    uint32_t failures = 0;
    for (uint32_t i = 0; i < tiling.shard_count; i++) {
        cg_tile_bound next;
        cg_tile_bound expected;
        cg_error error = {0};
        counting.fail_at = 1;
        cg_status status = cg_tile_order_next(&poor, &next, &error);
        counting.fail_at = 0;
        if (status != CG_OK) {
            assert_int_equal(status, CG_ERROR_MEMORY);
            failures++;
            assert_ok(cg_tile_order_next(&poor, &next, &error), error);
        }
        assert_ok(cg_tile_order_next(&sound, &expected, &error), error);
        assert_int_equal(next.shard, expected.shard);
    }
    assert_true(failures >= 3);
    cg_tile_order_deinit(&sound);
    cg_tile_order_deinit(&poor);
    assert_int_equal(counting.live_blocks, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_sorting),
        cmocka_unit_test(test_real_coordinates),
        cmocka_unit_test(test_lazy),
        cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
