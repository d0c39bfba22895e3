/* Goal: the blocked oracle gives what comparing each query with each row gives, bit for bit, for
 * any size, any runner, and any set of rows that pass. */
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>

#include "engine/index/oracle.h"
#include "engine/vector/kernel.h"
#include "tests/support/runner.h"

static uint64_t seed;

typedef struct pair {
    float distance;
    uint32_t row;
} pair;

static int by_distance_then_row(const void *left, const void *right) {
    const pair *a = left;
    const pair *b = right;
    if (a->distance < b->distance || a->distance > b->distance) {
        return a->distance < b->distance ? -1 : 1;
    }
    return a->row < b->row ? -1 : a->row > b->row;
}

static bool passes(const uint64_t *bits, uint32_t row) {
    return !bits || (bits[row / 64] >> (row % 64) & 1u);
}

/* Every row, one by one, on rows padded with zeros to whole lanes. */
static uint32_t compare_all(const cg_oracle_input *input, const float *query, pair *pairs) {
    enum { PADDED = 1040 };
    const cg_kernels *scalar = cg_kernels_of(CG_ISA_SCALAR);
    uint32_t count = 0;
    for (uint32_t row = 0; row < input->count; row++) {
        static float left[PADDED];
        static float right[PADDED];
        for (uint32_t d = 0; d < PADDED; d++) {
            left[d] = d < input->dims ? query[d] : 0.0f;
            right[d] = d < input->dims ? input->vectors[(size_t)row * input->dims + d] : 0.0f;
        }
        if (passes(input->passing_bits, row)) {
            float distance = input->metric == CG_METRIC_L2
                                 ? scalar->square_distance_f32(left, right, PADDED)
                                 : 1.0f - scalar->dot_f32(left, right, PADDED);
            pairs[count++] = (pair){distance, row};
        }
    }
    qsort(pairs, count, sizeof *pairs, by_distance_then_row);
    return count;
}

static void check(const cg_oracle_input *input, const cg_runner *runner) {
    cg_index_hit *hits = malloc((size_t)input->query_count * input->k * sizeof *hits + 1);
    pair *pairs = malloc(input->count * sizeof *pairs + 1);
    assert_true(hits && pairs);
    cg_error error;
    assert_ok(cg_oracle_nearest(input, runner, cg_allocator_heap(), hits, &error), error);
    for (uint32_t i = 0; i < input->query_count; i++) {
        uint32_t count = compare_all(input, input->queries + (size_t)i * input->dims, pairs);
        const cg_index_hit *found = hits + (size_t)i * input->k;
        for (uint32_t j = 0; j < input->k; j++) {
            assert_int_equal(found[j].row, j < count ? pairs[j].row : UINT32_MAX);
            assert_true(found[j].distance == (j < count ? pairs[j].distance : INFINITY));
        }
    }
    free(pairs);
    free(hits);
}

static void test_equals_comparing_one_by_one(void **state) {
    (void)state;
    enum { COUNT_MAX = 700, QUERIES_MAX = 150, DIMS_MAX = 1031 };
    static const uint32_t dims_of[] = {1, 2, 3, 15, 16, 17, 31, 64, 100, 128, 257, 1031};
    float *vectors = malloc(sizeof(float) * COUNT_MAX * DIMS_MAX);
    float *queries = malloc(sizeof(float) * QUERIES_MAX * DIMS_MAX);
    assert_true(vectors && queries);
    for (uint32_t round = 0; round < 36; round++) {
        cg_stream stream = cg_stream_init(seed, "oracle_property_test", round);
        uint64_t bits[COUNT_MAX / 64 + 1];
        uint32_t workers = 1 + round % 3;
        cg_runner runner = support_threads(&workers);
        cg_oracle_input input = {.metric = (cg_metric)(round % 3),
                                 .dims = dims_of[round % 12],
                                 .vectors = vectors,
                                 .count = (uint32_t)cg_stream_next_below(&stream, COUNT_MAX),
                                 .queries = queries,
                                 .passing_bits = round % 2 ? bits : NULL};
        input.query_count =
            (uint32_t)cg_stream_next_below(&stream, input.dims > 200 ? 4 : QUERIES_MAX);
        input.k = 1 + (uint32_t)cg_stream_next_below(&stream, 30);
        /* Few different values, so that distances tie. */
        for (size_t i = 0; i < (size_t)input.count * input.dims; i++) {
            vectors[i] = (float)cg_stream_next_below(&stream, 3) - 1.0f;
        }
        for (size_t i = 0; i < (size_t)input.query_count * input.dims; i++) {
            queries[i] = (float)cg_stream_next_below(&stream, 5) / 2.0f - 1.0f;
        }
        for (size_t i = 0; i < COUNT_MAX / 64 + 1; i++) {
            bits[i] = round % 4 == 1 ? cg_stream_next(&stream) : UINT64_C(1) << (i * 7 % 64);
        }
        check(&input, &runner);
    }
    free(queries);
    free(vectors);
}

static void test_bad_input_and_no_memory(void **state) {
    (void)state;
    const float vector[2] = {1.0f, 0.0f};
    cg_index_hit hit = {.row = 77};
    cg_runner serial = cg_runner_serial();
    cg_error error;
    cg_oracle_input input = {
        .dims = 2, .vectors = vector, .count = 1, .queries = vector, .query_count = 1};
    assert_status(cg_oracle_nearest(&input, &serial, cg_allocator_heap(), &hit, &error),
                  CG_ERROR_INVALID, error, "k = 0");
    input.k = 1;
    input.dims = 5000;
    assert_status(cg_oracle_nearest(&input, &serial, cg_allocator_heap(), &hit, &error),
                  CG_ERROR_INVALID, error, "5000 dims");
    input.dims = 2;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator allocator = cg_counting_allocator_view(&counting);
    cg_status status = CG_ERROR_MEMORY;
    for (uint64_t n = 1; status != CG_OK; n++) {
        assert_int_equal(hit.row, 77);
        counting.fail_at = n;
        status = cg_oracle_nearest(&input, &serial, allocator, &hit, &error);
        counting.fail_at = 0;
        assert_int_equal(counting.live_bytes, 0);
    }
    assert_int_equal(hit.row, 0);
}

int main(void) {
    seed = support_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_comparing_one_by_one),
        cmocka_unit_test(test_bad_input_and_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
