/* Goal: over random programs of additions and removals, the inverted file holds what plain arrays of
 * what is left hold, and churn does not make it grow. (B4)
 */
#include <string.h>

#include "engine/encode/features.h"
#include "tests/support/support.h"

static uint64_t below(cg_stream *stream, uint64_t n) {
    return cg_stream_next_below(stream, n);
}

enum { DIMS = 32, ROWS_MAX = 2500, FEATURES = 60 };

static uint32_t row_features[ROWS_MAX][FEATURES];
static float row_weights[ROWS_MAX][FEATURES];
static uint32_t row_counts[ROWS_MAX];
static bool withdrawn[ROWS_MAX];
static uint32_t met[ROWS_MAX];

static void note_holder(void *context, uint32_t row, float weight) {
    uint32_t feature = *(const uint32_t *)context;
    assert_true(row < ROWS_MAX && !withdrawn[row] && met[row] == 0);
    met[row] = 1;
    for (uint32_t i = 0; i < row_counts[row]; i++) {
        if (row_features[row][i] == feature) {
            assert_memory_equal(&row_weights[row][i], &weight, sizeof weight);
            return;
        }
    }
    fail_msg("row %u does not hold feature %u", row, feature);
}

static void check_features(const cg_features *features, uint32_t rows) {
    for (uint32_t feature = 0; feature < FEATURES; feature++) {
        uint32_t expected = 0;
        for (uint32_t row = 0; row < rows; row++) {
            for (uint32_t i = 0; i < row_counts[row] && !withdrawn[row]; i++) {
                expected += row_features[row][i] == feature;
            }
        }
        assert_int_equal(cg_features_frequency(features, feature), expected);
        memset(met, 0, sizeof met);
        cg_features_each_holder(features, feature, note_holder, &feature);
        uint32_t found = 0;
        for (uint32_t row = 0; row < rows; row++) {
            found += met[row];
        }
        assert_int_equal(found, expected);
    }
}

static void append_row(cg_features *features, cg_stream *stream, uint32_t row) {
    float dense[DIMS] = {1.0f};
    row_counts[row] = 0;
    withdrawn[row] = false;
    for (uint32_t feature = 0; feature < FEATURES; feature++) {
        if (below(stream, 2 + feature) == 0) { /* the first ones are in every second row */
            row_features[row][row_counts[row]] = feature;
            row_weights[row][row_counts[row]++] = (float)(1 + row % 97);
        }
    }
    cg_sparse sparse = {row_features[row], row_weights[row], row_counts[row]};
    uint32_t at = 0;
    cg_error error = {0};
    assert_ok(cg_features_append(features, dense, sparse, &at, NULL, &error), error);
    assert_int_equal(at, row);
}

static void test_inverted_file(void **state) {
    (void)state;
    uint64_t seed = support_seed(84);
    cg_ttfs_options encoding = cg_ttfs_options_default();
    for (uint32_t round = 0; round < 3; round++) {
        cg_stream stream = cg_stream_init(seed, "test.removal.features", round);
        cg_error error = {0};
        cg_features *base = NULL;
        cg_features *features = NULL;
        assert_ok(cg_features_alloc(DIMS, &encoding, NULL, cg_allocator_heap(), &base, &error),
                  error);
        uint32_t rows = 0;
        while (rows < 40) {
            append_row(base, &stream, rows++);
        }
        assert_ok(
            cg_features_alloc(DIMS, &encoding, base, cg_allocator_heap(), &features, &error),
            error);
        while (rows < ROWS_MAX) {
            bool grows = rows / 700 % 2 == 0 || below(&stream, 4) == 0;
            uint32_t at = (uint32_t)below(&stream, rows);
            if (grows || at < 40 || withdrawn[at]) {
                append_row(features, &stream, rows++);
            } else {
                cg_features_withdraw(features, at);
                withdrawn[at] = true;
                assert_int_equal(cg_features_row(features, at).sparse.count, row_counts[at]);
            }
            if (rows % 500 == 0) {
                check_features(features, rows);
            }
        }
        for (uint32_t row = 40; row < rows; row++) {
            if (!withdrawn[row]) {
                cg_features_withdraw(features, row);
                withdrawn[row] = true;
            }
        }
        check_features(features, rows);
        assert_int_equal(cg_features_count(features), rows);
        cg_features_free(features);
        cg_features_free(base);
    }
}

/* Goal: lists that come and go take the memory of those that went before. */
static void test_postings_churn(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(85), "test.removal.postings", 0);
    cg_postings *postings = NULL;
    cg_error error = {0};
    assert_ok(cg_postings_alloc(cg_allocator_heap(), &postings, &error), error);
    uint32_t row = 0;
    uint64_t first = 0;
    float weights[3] = {1.0f, 1.0f, 1.0f};
    for (uint32_t round = 0; round < 60; round++) {
        uint32_t features[600][3];
        for (uint32_t i = 0; i < 600; i++) {
            for (uint32_t k = 0; k < 3; k++) {
                features[i][k] = 20 * k + (uint32_t)below(&stream, 20);
            }
            cg_sparse sparse = {features[i], weights, 3};
            assert_ok(cg_postings_reserve(postings, sparse, &error), error);
            cg_postings_add(postings, row + i, sparse);
        }
        for (uint32_t i = 600; i-- > 0;) {
            cg_postings_remove(postings, row + i, (cg_sparse){features[i], weights, 3});
        }
        row += 600;
        first = round == 0 ? cg_postings_bytes(postings) : first;
    }
    assert_true(cg_postings_bytes(postings) <= 2 * first);
    cg_postings_free(postings);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inverted_file),
        cmocka_unit_test(test_postings_churn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
