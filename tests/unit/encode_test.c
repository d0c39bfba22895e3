/* Goal: spikes fire at the ticks that the closed forms say, order and signs carry over, the
 * spike distance is the one defined channel by channel, and a store of features gives back what
 * was put in, refuses what it must, and survives any failing allocation. (Spec A1, A2.) */
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>

#include "engine/encode/features.h"
#include "engine/encode/lexical.h"

static cg_error error;
enum { DIMS = 32 };

static int32_t fires(cg_ttfs_code code, float strong, float value) {
    cg_ttfs_options options = cg_ttfs_options_default();
    options.code = code;
    float vector[2] = {strong, value};
    int32_t spikes[2];
    (void)cg_ttfs_encode(&options, vector, 2, spikes, NULL);
    return spikes[1];
}

static void known_values_of_all_codes(void **state) {
    (void)state;
    assert_int_equal(fires(CG_TTFS_LOG, 1.0f, 0.5f), 30103 + 1);
    assert_int_equal(fires(CG_TTFS_LINEAR, 1.0f, 0.5f), 50000 + 1);
    assert_int_equal(fires(CG_TTFS_LIF, 1.0f, 0.5f), 9691 + 1);
    assert_int_equal(fires(CG_TTFS_LOG, 1.0f, 1.0f), 1);
    assert_int_equal(fires(CG_TTFS_LINEAR, 1.0f, -1.0f), -1);
    assert_int_equal(fires(CG_TTFS_LOG, 8.0f, -4.0f), -(30103 + 1));
    /* 0.1f is a little above 0.1, so it fires, at the very end of the window. */
    assert_int_equal(fires(CG_TTFS_LOG, 1.0f, 0.1f), 100000 + 1);
    assert_int_equal(fires(CG_TTFS_LOG, 1.0f, 0.0999f), 0);
    assert_int_equal(fires(CG_TTFS_LINEAR, 1.0f, 0.0999f), 0);
    /* The neuron's own latency passes the window at x = 0.1 / 0.9. */
    assert_int_equal(fires(CG_TTFS_LIF, 1.0f, 0.111f), 0);
    assert_in_range(fires(CG_TTFS_LIF, 1.0f, 0.1112f), 99500, 100001);
}

static void zero_vector_is_silence(void **state) {
    (void)state;
    cg_ttfs_options options = cg_ttfs_options_default();
    float vector[DIMS] = {0};
    int32_t spikes[DIMS];
    cg_work work = {0};
    assert_int_equal(cg_ttfs_encode(&options, vector, DIMS, spikes, &work), 0);
    for (int d = 0; d < DIMS; d++) {
        assert_int_equal(spikes[d], 0);
    }
    assert_int_equal(work.operations[CG_WORK_SPIKE_ENCODE], 1);
    assert_int_equal(work.units[CG_WORK_SPIKE_ENCODE], DIMS);
    uint32_t both = 1;
    assert_int_equal(cg_ttfs_distance(spikes, spikes, DIMS, &both), 0);
    assert_int_equal(both, 0);
    assert_true(fabs(cg_ttfs_similarity(spikes, spikes, DIMS, 0.0, NULL) - 0.6) < 1e-15);
}

static void draw_vector(cg_stream *stream, float *vector, uint32_t dims) {
    for (uint32_t d = 0; d < dims; d++) {
        vector[d] = (float)cg_stream_next_normal(stream);
        if (cg_stream_next_below(stream, 8) == 0) {
            vector[d] = 0.0f;
        }
    }
}

static void stronger_never_fires_later_and_signs_swap_channels(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(3), "test.encode", 0);
    for (int round = 0; round < 300; round++) {
        cg_ttfs_options options = cg_ttfs_options_default();
        options.code = (cg_ttfs_code)(round % 3);
        options.threshold = 0.01 + 0.5 * cg_stream_next_unit(&stream);
        options.window_ticks = 1 + (uint32_t)cg_stream_next_below(&stream, 200000);
        float vector[DIMS];
        float flipped[DIMS];
        draw_vector(&stream, vector, DIMS);
        vector[1] = nextafterf(vector[0], 10.0f); /* as close as two floats can be */
        for (int d = 0; d < DIMS; d++) {
            flipped[d] = -vector[d];
        }
        int32_t spikes[DIMS];
        int32_t mirrored[DIMS];
        uint32_t fired = cg_ttfs_encode(&options, vector, DIMS, spikes, NULL);
        assert_int_equal(cg_ttfs_encode(&options, flipped, DIMS, mirrored, NULL), fired);
        uint32_t counted = 0;
        for (int d = 0; d < DIMS; d++) {
            assert_int_equal(mirrored[d], -spikes[d]);
            counted += spikes[d] != 0;
            assert_true(spikes[d] == 0 || (spikes[d] > 0) == (vector[d] > 0.0f));
            int32_t late = spikes[d] == 0 ? INT32_MAX : abs(spikes[d]);
            assert_true(late == INT32_MAX || late <= (int32_t)options.window_ticks + 1);
            for (int e = 0; e < DIMS; e++) {
                int32_t other = spikes[e] == 0 ? INT32_MAX : abs(spikes[e]);
                assert_true(!(fabsf(vector[d]) > fabsf(vector[e])) || late <= other);
            }
        }
        assert_int_equal(counted, fired);
    }
}

/* Two trains of at most one spike on each of two channels, as the definition has it. */
static uint64_t naive_distance(const int32_t *left, const int32_t *right, uint32_t dims,
                               uint32_t *spikes) {
    uint64_t cost = 0;
    *spikes = 0;
    for (uint32_t d = 0; d < dims; d++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            int64_t a = (int64_t)left[d] * sign;
            int64_t b = (int64_t)right[d] * sign;
            *spikes += (uint32_t)((a > 0) + (b > 0));
            if (a > 0 && b > 0) {
                uint64_t shift = (uint64_t)(a > b ? a - b : b - a);
                cost += shift < 40000 ? shift : 40000;
            } else if (a > 0 || b > 0) {
                cost += 20000;
            }
        }
    }
    return cost;
}

static void distance_is_that_of_the_definition(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(4), "test.distance", 0);
    for (int round = 0; round < 2000; round++) {
        int32_t left[DIMS + 3];
        int32_t right[DIMS + 3];
        for (uint32_t d = 0; d < DIMS + 3; d++) {
            left[d] = (int32_t)cg_stream_next_below(&stream, 200003) - 100001;
            right[d] = (int32_t)cg_stream_next_below(&stream, 200003) - 100001;
            left[d] = cg_stream_next_below(&stream, 4) == 0 ? 0 : left[d];
            right[d] = cg_stream_next_below(&stream, 4) == 0 ? 0 : right[d];
            right[d] = cg_stream_next_below(&stream, 8) == 0 ? left[d] : right[d];
        }
        uint32_t dims = (uint32_t)cg_stream_next_below(&stream, DIMS + 4);
        uint32_t expected_spikes;
        uint32_t spikes;
        uint64_t expected = naive_distance(left, right, dims, &expected_spikes);
        assert_int_equal(cg_ttfs_distance(left, right, dims, &spikes), expected);
        assert_int_equal(spikes, expected_spikes);
        assert_int_equal(cg_ttfs_distance(right, left, dims, &spikes), expected);
    }
}

static void similarity_known_values(void **state) {
    (void)state;
    int32_t left[4] = {1, -5001, 0, 20001};
    int32_t right[4] = {1, -5001, 0, 20001};
    assert_true(fabs(cg_ttfs_similarity(left, right, 4, 1.0, NULL) - 1.0) < 1e-15);
    /* One spike moved by 1 ms (10,000 ticks): half a unit over 6 spikes. */
    right[1] = -15001;
    double expected = 0.6 * exp(-5.0 * 0.5 / 6.0) + 0.4 * 0.25;
    assert_true(fabs(cg_ttfs_similarity(left, right, 4, 0.25, NULL) - expected) < 1e-14);
}

static void bad_options_are_refused(void **state) {
    (void)state;
    cg_ttfs_options good = cg_ttfs_options_default();
    assert_ok(cg_ttfs_options_check(&good, &error), error);
    cg_ttfs_options bad = good;
    bad.threshold = (double)NAN;
    assert_status(cg_ttfs_options_check(&bad, &error), CG_ERROR_INVALID, error, "threshold");
    bad.threshold = 1.0;
    assert_status(cg_ttfs_options_check(&bad, &error), CG_ERROR_INVALID, error, "threshold");
    bad = good;
    bad.window_ticks = 0;
    assert_status(cg_ttfs_options_check(&bad, &error), CG_ERROR_INVALID, error, "window");
    bad = good;
    bad.tau_ms = 0.0;
    assert_status(cg_ttfs_options_check(&bad, &error), CG_ERROR_INVALID, error,
                  "time constant");
    bad = good;
    bad.refractory_ticks = bad.window_ticks + 1;
    assert_status(cg_ttfs_options_check(&bad, &error), CG_ERROR_INVALID, error, "refractory");
    bad = good;
    bad.code = (cg_ttfs_code)7;
    assert_status(cg_ttfs_options_check(&bad, &error), CG_ERROR_INVALID, error, "log, linear");
}

/* ---- features ---- */

typedef struct model_row {
    float dense[DIMS];
    uint32_t features[12];
    float weights[12];
    uint32_t count;
} model_row;

static void draw_row(cg_stream *stream, model_row *row) {
    draw_vector(stream, row->dense, DIMS);
    row->count = (uint32_t)cg_stream_next_below(stream, 13);
    uint32_t feature = 0;
    for (uint32_t i = 0; i < row->count; i++) {
        feature += 1 + (uint32_t)cg_stream_next_below(stream, 5);
        row->features[i] = feature;
        row->weights[i] = (float)cg_stream_next_unit(stream) + 0.1f;
    }
}

static cg_sparse sparse_of(const model_row *row) {
    return (cg_sparse){row->features, row->weights, row->count};
}

static void check_row(const cg_features *features, uint32_t row, const model_row *expected) {
    cg_feature_row got = cg_features_row(features, row);
    assert_memory_equal(got.dense, expected->dense, sizeof expected->dense);
    assert_int_equal((uintptr_t)got.dense % 64, 0);
    int32_t spikes[DIMS];
    (void)cg_ttfs_encode(cg_features_encoding(features), expected->dense, DIMS, spikes, NULL);
    assert_memory_equal(got.spikes, spikes, sizeof spikes);
    assert_int_equal(got.sparse.count, expected->count);
    for (uint32_t i = 0; i < expected->count; i++) {
        assert_int_equal(got.sparse.features[i], expected->features[i]);
        assert_true(got.sparse.weights[i] == expected->weights[i]);
    }
}

enum { ROWS = 1200, BASE_ROWS = 700 };
static model_row model[ROWS];

typedef struct holder_count {
    uint32_t visits;
    uint32_t wrong;
    uint32_t feature;
} holder_count;

static void count_holder(void *context, uint32_t row, float weight) {
    holder_count *count = context;
    count->visits++;
    bool right = false;
    for (uint32_t i = 0; i < model[row].count; i++) {
        right = right ||
                (model[row].features[i] == count->feature && model[row].weights[i] == weight);
    }
    count->wrong += !right;
}

/* Inverted file and lexical search against a scan of all rows. */
static void check_lexical(const cg_features *features) {
    for (uint32_t feature = 0; feature < 64; feature++) {
        uint32_t expected = 0;
        for (uint32_t row = 0; row < ROWS; row++) {
            for (uint32_t i = 0; i < model[row].count; i++) {
                expected += model[row].features[i] == feature;
            }
        }
        holder_count count = {.feature = feature};
        cg_features_each_holder(features, feature, count_holder, &count);
        assert_int_equal(count.visits, expected);
        assert_int_equal(count.wrong, 0);
        assert_int_equal(cg_features_frequency(features, feature), expected);
    }
    cg_lexical_scratch *scratch;
    assert_ok(cg_lexical_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    for (uint32_t asked = 0; asked < ROWS; asked += 37) {
        cg_lexical_hit hits[20];
        cg_sparse query = sparse_of(&model[asked]);
        uint32_t found = cg_lexical_search(features, query, 20, scratch, hits, NULL);
        float last = INFINITY;
        for (uint32_t i = 0; i < found; i++) {
            float product = cg_sparse_dot(query, sparse_of(&model[hits[i].row]));
            assert_true(hits[i].product == product);
            assert_true(hits[i].product <= last);
            last = hits[i].product;
        }
        uint32_t larger = 0;
        for (uint32_t row = 0; row < ROWS; row++) {
            larger += cg_sparse_dot(query, sparse_of(&model[row])) > last + 1e-4f;
        }
        assert_true(larger < 20 || found == 20);
        assert_true(larger <= found);
    }
    cg_lexical_scratch_free(scratch);
}

static void store_gives_back_rows_over_a_base(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(5), "test.features", 0);
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator allocator = cg_counting_allocator_view(&counting);
    cg_ttfs_options encoding = cg_ttfs_options_default();
    cg_features *base;
    cg_features *top;
    assert_ok(cg_features_alloc(DIMS, &encoding, NULL, allocator, &base, &error), error);
    for (uint32_t i = 0; i < ROWS; i++) {
        draw_row(&stream, &model[i]);
    }
    uint32_t row = 0;
    for (uint32_t i = 0; i < BASE_ROWS; i++) {
        assert_ok(
            cg_features_append(base, model[i].dense, sparse_of(&model[i]), &row, NULL, &error),
            error);
        assert_int_equal(row, i);
    }
    uint64_t base_bytes = cg_features_bytes(base);
    assert_ok(cg_features_alloc(DIMS, &encoding, base, allocator, &top, &error), error);
    for (uint32_t i = BASE_ROWS; i < ROWS; i++) {
        assert_ok(
            cg_features_append(top, model[i].dense, sparse_of(&model[i]), &row, NULL, &error),
            error);
        assert_int_equal(row, i);
    }
    assert_int_equal(cg_features_count(top), ROWS);
    assert_int_equal(cg_features_count(base), BASE_ROWS);
    assert_int_equal(cg_features_bytes(base), base_bytes);
    assert_true(cg_features_bytes(top) > 0);
    for (uint32_t i = 0; i < ROWS; i++) {
        check_row(top, i, &model[i]);
    }
    check_lexical(top);
    cg_features_free(top);
    cg_features_free(base);
    cg_features_free(NULL);
    assert_int_equal(counting.live_bytes, 0);
    assert_int_equal(counting.live_blocks, 0);
}

static void bad_rows_are_refused_and_change_nothing(void **state) {
    (void)state;
    cg_ttfs_options encoding = cg_ttfs_options_default();
    cg_features *features = NULL;
    cg_allocator heap = cg_allocator_heap();
    assert_status(cg_features_alloc(20, &encoding, NULL, heap, &features, &error),
                  CG_ERROR_INVALID, error, "multiple of 16");
    assert_null(features);
    assert_ok(cg_features_alloc(DIMS, &encoding, NULL, heap, &features, &error), error);
    cg_features *other = NULL;
    assert_status(cg_features_alloc(2 * DIMS, &encoding, features, heap, &other, &error),
                  CG_ERROR_INVALID, error, "base of 32 dims");
    float dense[DIMS] = {1.0f};
    uint32_t descending[2] = {5, 4};
    float weights[2] = {0.6f, 0.8f};
    uint32_t row = 77;
    cg_sparse none = {0};
    assert_status(cg_features_append(features, dense, (cg_sparse){descending, weights, 2}, &row,
                                     NULL, &error),
                  CG_ERROR_INVALID, error, "ascend");
    dense[3] = NAN;
    assert_status(cg_features_append(features, dense, none, &row, NULL, &error),
                  CG_ERROR_INVALID, error, "NaN");
    dense[3] = INFINITY;
    assert_status(cg_features_append(features, dense, none, &row, NULL, &error),
                  CG_ERROR_INVALID, error, "infinity");
    assert_int_equal(row, 77);
    assert_int_equal(cg_features_count(features), 0);
    dense[3] = 0.0f;
    assert_ok(cg_features_append(features, dense, none, &row, NULL, &error), error);
    assert_int_equal(cg_features_row(features, row).sparse.count, 0);
    cg_features_free(features);
}

static void any_failing_allocation_leaves_the_store_as_it_was(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(6, "test.failing", 0);
    cg_ttfs_options encoding = cg_ttfs_options_default();
    for (uint32_t i = 0; i < 40; i++) {
        draw_row(&stream, &model[i]);
    }
    for (uint64_t n = 1;; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        cg_allocator allocator = cg_counting_allocator_view(&counting);
        counting.fail_at = n;
        cg_features *features = NULL;
        uint32_t failures = 0;
        while (!features) {
            cg_status status =
                cg_features_alloc(DIMS, &encoding, NULL, allocator, &features, &error);
            assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
            failures += status != CG_OK;
        }
        for (uint32_t i = 0; i < 40; i++) {
            uint32_t row = 999;
            cg_status status = cg_features_append(features, model[i].dense,
                                                  sparse_of(&model[i]), &row, NULL, &error);
            if (status != CG_OK) {
                assert_status(status, CG_ERROR_MEMORY, error, "out of memory");
                assert_int_equal(row, 999);
                assert_int_equal(cg_features_count(features), i);
                failures++;
                i--; /* the allocation fails once: now it goes well */
            }
        }
        for (uint32_t i = 0; i < 40; i++) {
            check_row(features, i, &model[i]);
        }
        cg_features_free(features);
        assert_int_equal(counting.live_bytes, 0);
        if (failures == 0) {
            assert_true(n > 10);
            break;
        }
        assert_int_equal(failures, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values_of_all_codes),
        cmocka_unit_test(zero_vector_is_silence),
        cmocka_unit_test(stronger_never_fires_later_and_signs_swap_channels),
        cmocka_unit_test(distance_is_that_of_the_definition),
        cmocka_unit_test(similarity_known_values),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(store_gives_back_rows_over_a_base),
        cmocka_unit_test(bad_rows_are_refused_and_change_nothing),
        cmocka_unit_test(any_failing_allocation_leaves_the_store_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
