/* Goal: the sparse form of a spike pattern says the same as the dense one: there and back, in
 * order, with the same distances, straight from a text's sparse vector; what is no pattern is
 * refused and changes nothing; and many distances are the single ones. (Spec A2.) */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "engine/encode/spikes.h"

enum { DIMS = 90, WINDOW = 100000, ROWS = 150, LONG_DIMS = (1 << 17) + 37 };

static cg_error error;

/* A share of silence, a few ticks many times over, the window's ends, else anything. */
static void draw_dense(cg_stream *stream, int32_t *dense, uint32_t dims) {
    uint64_t silence = cg_stream_next_below(stream, 5);
    for (uint32_t d = 0; d < dims; d++) {
        uint64_t kind = cg_stream_next_below(stream, 4);
        int32_t tick = kind == 0   ? (int32_t)cg_stream_next_below(stream, 3)
                       : kind == 1 ? (cg_stream_next_below(stream, 2) ? WINDOW : 40000)
                                   : (int32_t)cg_stream_next_below(stream, WINDOW + 1);
        dense[d] = cg_stream_next_below(stream, 2) ? tick + 1 : -(tick + 1);
        if (cg_stream_next_below(stream, 4) < silence) {
            dense[d] = 0;
        }
    }
}

static bool is_before(cg_spike a, cg_spike b) {
    return a.tick < b.tick || (a.tick == b.tick && a.channel < b.channel);
}

static uint32_t sparse_of(const int32_t *dense, uint32_t dims, cg_spike *out) {
    uint32_t count = 0;
    assert_ok(cg_spikes_from_dense(dense, dims, out, dims, &count, &error), error);
    return count;
}

static void there_and_back(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(1), "test.spikes.convert", 0);
    for (int round = 0; round < 3000; round++) {
        int32_t dense[DIMS];
        int32_t again[DIMS];
        cg_spike spikes[DIMS];
        cg_spike scratch[DIMS];
        uint32_t dims = (uint32_t)cg_stream_next_below(&stream, DIMS + 1);
        draw_dense(&stream, dense, dims);
        uint32_t count = sparse_of(dense, dims, spikes);
        uint32_t fired = 0;
        for (uint32_t d = 0; d < dims; d++) {
            fired += dense[d] != 0;
        }
        assert_int_equal(count, fired);
        for (uint32_t i = 0; i < count; i++) {
            assert_true(i == 0 || is_before(spikes[i - 1], spikes[i]));
            uint32_t channel = spikes[i].channel;
            int32_t entry = (int32_t)spikes[i].tick + 1;
            assert_int_equal(dense[channel / 2], channel % 2 == 0 ? entry : -entry);
        }
        cg_spikes pattern = {spikes, count};
        assert_ok(cg_spikes_check(pattern, dims, WINDOW, scratch, &error), error);
        memset(again, 0x55, sizeof again);
        assert_ok(cg_spikes_to_dense(pattern, dims, WINDOW, scratch, again, &error), error);
        assert_memory_equal(again, dense, dims * sizeof *dense);
        if (count > 0) { /* a place too few */
            uint32_t untouched = 77;
            assert_status(
                cg_spikes_from_dense(dense, dims, spikes, count - 1, &untouched, &error),
                CG_ERROR_FULL, error, "does not fit");
            assert_int_equal(untouched, 77);
        }
    }
}

static void distances_are_those_of_the_dense_forms(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(2), "test.spikes.distance", 0);
    for (int round = 0; round < 4000; round++) {
        int32_t dense[2][DIMS];
        cg_spike spikes[2][DIMS];
        cg_spike scratch[2 * DIMS];
        cg_spikes sides[2];
        draw_dense(&stream, dense[0], DIMS);
        draw_dense(&stream, dense[1], DIMS);
        for (int side = 0; side < 2; side++) {
            sides[side] = (cg_spikes){spikes[side], sparse_of(dense[side], DIMS, spikes[side])};
        }
        uint32_t expected_spikes = 0;
        uint32_t found_spikes = 0;
        uint64_t expected = cg_ttfs_distance(dense[0], dense[1], DIMS, &expected_spikes);
        assert_int_equal(cg_spikes_distance(sides[0], sides[1], scratch, &found_spikes),
                         expected);
        assert_int_equal(found_spikes, expected_spikes);
        assert_int_equal(cg_spikes_distance(sides[1], sides[0], scratch, &found_spikes),
                         expected);
        assert_int_equal(cg_spikes_distance(sides[0], sides[0], scratch, &found_spikes), 0);
        assert_int_equal(found_spikes, 2 * sides[0].count);
    }
}

static void known_distances(void **state) {
    (void)state;
    static const cg_spike left[2] = {{0, 5}, {3, 7}};
    static const cg_spike right[2] = {{3, 17}, {0, 25}};
    static const cg_spike off[1] = {{1, 5}};
    cg_spike scratch[4];
    uint32_t spikes = 0;
    cg_spikes none = {NULL, 0};
    assert_int_equal(
        cg_spikes_distance((cg_spikes){left, 2}, (cg_spikes){right, 2}, scratch, &spikes), 30);
    assert_int_equal(
        cg_spikes_distance((cg_spikes){left, 1}, (cg_spikes){off, 1}, scratch, &spikes),
        2 * CG_TTFS_UNITS);
    assert_int_equal(spikes, 2);
    assert_int_equal(cg_spikes_distance(none, none, scratch, &spikes), 0);
    assert_int_equal(spikes, 0);
    assert_int_equal(cg_spikes_distance(none, (cg_spikes){left, 2}, scratch, &spikes),
                     2 * CG_TTFS_UNITS);
}

static void expect_refusal(const cg_spike *spikes, uint32_t count, const char *part) {
    cg_spike scratch[8];
    int32_t dense[10];
    int32_t before[10];
    memset(dense, 0x55, sizeof dense);
    memcpy(before, dense, sizeof dense);
    cg_spikes pattern = {spikes, count};
    assert_status(cg_spikes_check(pattern, 10, WINDOW, scratch, &error), CG_ERROR_INVALID,
                  error, part);
    assert_status(cg_spikes_to_dense(pattern, 10, WINDOW, scratch, dense, &error),
                  CG_ERROR_INVALID, error, part);
    assert_memory_equal(dense, before, sizeof dense);
}

static void what_is_no_pattern_is_refused(void **state) {
    (void)state;
    static const cg_spike late[] = {{1, 5}, {2, WINDOW + 1}};
    static const cg_spike beyond[] = {{19, 5}, {20, 6}};
    static const cg_spike early[] = {{1, 5}, {4, 4}};
    static const cg_spike crossed[] = {{4, 5}, {2, 5}};
    static const cg_spike twice[] = {{4, 5}, {6, 7}, {4, 9}};
    static const cg_spike same[] = {{4, 5}, {4, 5}};
    static const cg_spike both[] = {{4, 5}, {2, 6}, {5, 7}};
    static const cg_spike last[] = {{UINT32_MAX, UINT32_MAX}};
    static const cg_spike fine[] = {{19, 0}, {1, 5}, {4, 5}, {2, WINDOW}};
    expect_refusal(late, 2, "after the window");
    expect_refusal(beyond, 2, "channel 20");
    expect_refusal(early, 2, "order");
    expect_refusal(crossed, 2, "order");
    expect_refusal(twice, 3, "once only");
    expect_refusal(same, 2, "once only");
    expect_refusal(both, 3, "both channels of dimension 2");
    expect_refusal(last, 1, "after the window");
    cg_spike scratch[4];
    int32_t dense[10] = {0};
    cg_spikes pattern = {fine, 4};
    assert_ok(cg_spikes_check(pattern, 10, WINDOW, scratch, &error), error);
    assert_status(cg_spikes_to_dense(pattern, 10, UINT32_MAX, scratch, dense, &error),
                  CG_ERROR_INVALID, error, "window");
    uint32_t count = 0;
    assert_status(
        cg_spikes_from_dense(dense, CG_SPIKES_DIMS_MAX + 1, scratch, 4, &count, &error),
        CG_ERROR_INVALID, error, "dimensions");
}

static void text_vectors_become_spikes(void **state) {
    (void)state;
    enum { FEATURES = 400 };
    cg_stream stream = cg_stream_init(support_seed(3), "test.spikes.text", 0);
    for (int round = 0; round < 1000; round++) {
        cg_ttfs_options options = cg_ttfs_options_default();
        options.code = (cg_ttfs_code)(round % 3);
        uint32_t features[FEATURES];
        float weights[FEATURES];
        float dense[FEATURES] = {0.0f};
        int32_t expected[FEATURES];
        int32_t found[FEATURES];
        uint32_t count = 0;
        uint64_t rarity = 2 + cg_stream_next_below(&stream, 30);
        for (uint32_t f = 0; f < FEATURES && count < CG_SPARSE_ENTRIES_MAX; f++) {
            if (cg_stream_next_below(&stream, rarity) == 0) {
                features[count] = f;
                dense[f] = (float)cg_stream_next_normal(&stream);
                weights[count++] = dense[f];
            }
        }
        cg_spike spikes[CG_SPARSE_ENTRIES_MAX];
        cg_spike scratch[CG_SPARSE_ENTRIES_MAX];
        uint32_t fired = 0;
        cg_work work = {0};
        cg_sparse vector = {features, weights, count};
        assert_ok(cg_spikes_encode(&options, vector, spikes, &fired, &work, &error), error);
        assert_int_equal(cg_ttfs_encode(&options, dense, FEATURES, expected, NULL), fired);
        assert_int_equal(work.units[CG_WORK_SPIKE_ENCODE], count);
        cg_spikes pattern = {spikes, fired};
        assert_ok(
            cg_spikes_to_dense(pattern, FEATURES, options.window_ticks, scratch, found, &error),
            error);
        assert_memory_equal(found, expected, sizeof expected);
        assert_true(fired == 0 || options.code == CG_TTFS_LIF || spikes[0].tick == 0);
    }
}

static void bad_text_vectors_are_refused(void **state) {
    (void)state;
    cg_ttfs_options options = cg_ttfs_options_default();
    uint32_t features[2] = {7, UINT32_C(1) << 31};
    float weights[2] = {0.6f, -0.8f};
    cg_spike spikes[2];
    uint32_t count = 77;
    cg_sparse vector = {features, weights, 2};
    assert_status(cg_spikes_encode(&options, vector, spikes, &count, NULL, &error),
                  CG_ERROR_INVALID, error, "2147483648");
    features[1] = 7;
    assert_status(cg_spikes_encode(&options, vector, spikes, &count, NULL, &error),
                  CG_ERROR_INVALID, error, "ascend");
    assert_int_equal(count, 77);
    features[1] = (UINT32_C(1) << 31) - 1; /* the last one with channels */
    assert_ok(cg_spikes_encode(&options, vector, spikes, &count, NULL, &error), error);
    assert_int_equal(count, 2);
    assert_int_equal(spikes[0].channel, UINT32_MAX);
    assert_int_equal(spikes[1].channel, 14);
}

static void many_distances_are_the_single_ones(void **state) {
    (void)state;
    static int32_t table[ROWS][DIMS];
    cg_stream stream = cg_stream_init(support_seed(4), "test.spikes.many", 0);
    for (int round = 0; round < 60; round++) {
        const int32_t *rows[ROWS];
        double cosines[ROWS];
        uint64_t distances[ROWS];
        uint32_t totals[ROWS];
        double similarities[ROWS];
        int32_t query[DIMS];
        draw_dense(&stream, query, DIMS);
        for (uint32_t i = 0; i < ROWS; i++) {
            draw_dense(&stream, table[i], DIMS);
            rows[i] = table[cg_stream_next_below(&stream, i + 1)];
            cosines[i] = 2.0 * cg_stream_next_unit(&stream) - 1.0;
        }
        cg_ttfs_rows some = {rows, (uint32_t)cg_stream_next_below(&stream, ROWS + 1), DIMS};
        cg_work work = {0};
        cg_work single_work = {0};
        cg_ttfs_distance_many(query, some, (cg_ttfs_distances){distances, totals});
        cg_ttfs_similarity_many(query, some, cosines, similarities, &work);
        for (uint32_t i = 0; i < some.count; i++) {
            uint32_t total = 0;
            assert_int_equal(distances[i], cg_ttfs_distance(query, rows[i], DIMS, &total));
            assert_int_equal(totals[i], total);
            double single = cg_ttfs_similarity(query, rows[i], DIMS, cosines[i], &single_work);
            assert_memory_equal(&similarities[i], &single, sizeof single);
        }
        assert_memory_equal(&work, &single_work, sizeof work);
    }
}

/* Longer than what the kernels' sums of 32 bits hold at once. */
static void long_patterns_are_added_in_pieces(void **state) {
    (void)state;
    int32_t *query = malloc(LONG_DIMS * sizeof *query);
    int32_t *row = malloc(LONG_DIMS * sizeof *row);
    assert_true(query && row);
    for (uint32_t d = 0; d < LONG_DIMS; d++) {
        query[d] = 1;
        row[d] = -1;
    }
    const int32_t *rows[1] = {row};
    uint64_t distance = 0;
    uint32_t total = 0;
    assert_int_equal(cg_ttfs_distance(query, row, LONG_DIMS, &total),
                     UINT64_C(40000) * LONG_DIMS);
    assert_int_equal(total, 2 * LONG_DIMS);
    cg_ttfs_distance_many(query, (cg_ttfs_rows){rows, 1, LONG_DIMS},
                          (cg_ttfs_distances){&distance, &total});
    assert_int_equal(distance, UINT64_C(40000) * LONG_DIMS);
    assert_int_equal(total, 2 * LONG_DIMS);
    free(query);
    free(row);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(distances_are_those_of_the_dense_forms),
        cmocka_unit_test(known_distances),
        cmocka_unit_test(what_is_no_pattern_is_refused),
        cmocka_unit_test(text_vectors_become_spikes),
        cmocka_unit_test(bad_text_vectors_are_refused),
        cmocka_unit_test(many_distances_are_the_single_ones),
        cmocka_unit_test(long_patterns_are_added_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
