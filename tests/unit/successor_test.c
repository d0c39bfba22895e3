/* Goal: the table of successors counts, ages and replaces as stated, keeps streams apart and
 * memory bounded, and refuses bad input.
 */
#include "engine/tier/successor.h"
#include "tests/support/support.h"

static cg_successors *make(uint32_t rows, uint32_t streams, uint32_t ways, uint8_t threshold) {
    cg_successor_options options = {rows, streams, ways, threshold};
    cg_error error = {0};
    cg_successors *successors = NULL;
    assert_ok(cg_successors_alloc(&options, cg_allocator_heap(), &successors, &error), error);
    return successors;
}

static void observe_all(cg_successors *successors, uint64_t stream, const char *keys) {
    for (; *keys; keys++) {
        cg_successors_observe(successors, stream, (uint64_t)*keys);
    }
}

/* Fails unless what follows `key` is `expected`, best first. */
static void assert_predicts(const cg_successors *successors, char key, const char *expected) {
    uint64_t keys[CG_SUCCESSOR_WAYS_MAX];
    uint32_t count =
        cg_successors_predict(successors, (uint64_t)key, CG_SUCCESSOR_WAYS_MAX, keys, NULL);
    char found[CG_SUCCESSOR_WAYS_MAX + 1] = {0};
    for (uint32_t i = 0; i < count; i++) {
        found[i] = (char)keys[i];
    }
    assert_string_equal(found, expected);
}

/* Goal: the sequence worked out by hand in engine/tier/successor.c. */
static void test_by_hand(void **state) {
    (void)state;
    cg_successors *successors = make(100, 10, 4, 100);
    observe_all(successors, 0, "ababac");
    uint64_t keys[4] = {0};
    uint8_t confidences[4] = {0};
    assert_int_equal(cg_successors_predict(successors, 'a', 4, keys, confidences), 2);
    assert_int_equal(keys[0], 'b');
    assert_int_equal(keys[1], 'c');
    assert_int_equal(confidences[0], 170);
    assert_int_equal(confidences[1], 85);
    keys[1] = 77;
    confidences[1] = 7;
    assert_int_equal(cg_successors_predict(successors, 'a', 1, keys, confidences), 1);
    assert_int_equal(keys[1], 77);
    assert_int_equal(confidences[1], 7);
    assert_int_equal(cg_successors_predict(successors, 'a', 0, NULL, NULL), 0);
    assert_predicts(successors, 'b', "a");
    assert_predicts(successors, 'c', "");
    /* a>b b>a a>b b>a a>c: the third and the fourth were foreseen, the fifth was not. */
    cg_successor_statistics statistics = cg_successors_statistics(successors);
    assert_int_equal(statistics.observed, 5);
    assert_int_equal(statistics.predicted, 3);
    assert_int_equal(statistics.predicted_right, 2);
    cg_successors_free(successors);
}

/* Goal: shadow accuracy counts predictions of the threshold's confidence and above alone. */
static void test_threshold(void **state) {
    (void)state;
    const uint8_t thresholds[4] = {85, 86, 170, 171};
    const uint64_t predicted[4] = {2, 1, 1, 0};
    for (int i = 0; i < 4; i++) {
        cg_successors *successors = make(100, 10, 4, thresholds[i]);
        observe_all(successors, 0, "ababac");
        cg_successor_statistics before = cg_successors_statistics(successors);
        observe_all(successors, 1, "ac");
        cg_successor_statistics after = cg_successors_statistics(successors);
        assert_int_equal(after.observed - before.observed, 1);
        assert_int_equal(after.predicted - before.predicted, predicted[i]);
        assert_int_equal(after.predicted_right - before.predicted_right, i == 0);
        cg_successors_free(successors);
    }
}

/* Goal: streams that interleave are learnt as if each came alone; a key twice in a row counts
 * once; one table serves all streams. */
static void test_streams_and_repeats(void **state) {
    (void)state;
    cg_successors *mixed = make(100, 10, 4, 0);
    const char *one = "abcabcabc";
    const char *two = "xyxyxyxyx";
    for (int i = 0; i < 9; i++) {
        cg_successors_observe(mixed, 1, (uint64_t)one[i]);
        cg_successors_observe(mixed, 2, (uint64_t)two[i]);
    }
    assert_predicts(mixed, 'a', "b");
    assert_predicts(mixed, 'c', "a");
    assert_predicts(mixed, 'x', "y");
    observe_all(mixed, 3, "ax");
    assert_predicts(mixed, 'a', "bx");
    cg_successors_free(mixed);

    cg_successors *repeats = make(100, 10, 4, 0);
    observe_all(repeats, 0, "aaabbbb");
    assert_predicts(repeats, 'a', "b");
    assert_predicts(repeats, 'b', "");
    assert_int_equal(cg_successors_statistics(repeats).observed, 1);
    cg_successors_free(repeats);
}

/* Goal: in a full row the least counted successor goes, of equals the one that came longest ago;
 * predictions of equal confidence go up by key. */
static void test_full_row(void **state) {
    (void)state;
    cg_successors *successors = make(100, 10, 3, 0);
    observe_all(successors, 0, "azazaxay");
    assert_predicts(successors, 'a', "zxy");
    observe_all(successors, 0, "aw"); /* x and y were once each, x longer ago */
    assert_predicts(successors, 'a', "zwy");
    observe_all(successors, 0, "ayav"); /* y twice now; w goes */
    assert_predicts(successors, 'a', "yzv");
    uint64_t keys[3];
    uint8_t confidences[3];
    (void)cg_successors_predict(successors, 'a', 3, keys, confidences);
    assert_int_equal(confidences[0], (2 * 255 + 3) / 7); /* 2 of 7: those that went count too */
    cg_successors_free(successors);
}

/* Goal: at the 256th following counts are halved; what happened once before is forgotten, and a
 * new habit overtakes an old one. */
static void test_aging(void **state) {
    (void)state;
    cg_successors *successors = make(100, 10, 4, 0);
    observe_all(successors, 0, "ac");
    for (int i = 0; i < CG_SUCCESSOR_MEMORY - 2; i++) {
        observe_all(successors, 0, "ab");
    }
    assert_predicts(successors, 'a', "bc");
    observe_all(successors, 0, "ab");
    assert_predicts(successors, 'a', "b");
    uint64_t key = 0;
    uint8_t confidence = 0;
    (void)cg_successors_predict(successors, 'a', 1, &key, &confidence);
    assert_int_equal(confidence, (127 * 255 + 64) / 128);
    for (int i = 0; i < CG_SUCCESSOR_MEMORY; i++) {
        observe_all(successors, 0, "ad");
    }
    assert_predicts(successors, 'a', "db");
    for (int i = 0; i < 10 * CG_SUCCESSOR_MEMORY; i++) {
        observe_all(successors, 0, "ad");
    }
    assert_predicts(successors, 'a', "d");
    (void)cg_successors_predict(successors, 'a', 1, &key, &confidence);
    assert_in_range(confidence, 253, 255); /* halving rounds down: less by 1 of 128 at most */
    cg_successors_free(successors);
}

/* Goal: a set that is full gives up the row learnt from longest ago; a full set of streams the
 * stream seen longest ago. */
static void test_sets_are_lru(void **state) {
    (void)state;
    cg_successors *successors = make(3, 3, 2, 0); /* one set of 3 rows */
    observe_all(successors, 0, "abcd");           /* rows a, b, c */
    observe_all(successors, 0, "a");              /* row d takes that of a */
    assert_predicts(successors, 'a', "");
    assert_predicts(successors, 'b', "c");
    assert_predicts(successors, 'd', "a");
    observe_all(successors, 1, "bx"); /* b is fresh now, c the oldest */
    observe_all(successors, 1, "z");  /* row x */
    assert_predicts(successors, 'b', "cx");
    assert_predicts(successors, 'c', "");
    assert_predicts(successors, 'x', "z");
    cg_successors_free(successors);

    successors = make(100, 3, 2, 0); /* one set of 3 streams */
    observe_all(successors, 1, "a");
    observe_all(successors, 2, "b");
    observe_all(successors, 3, "c");
    observe_all(successors, 1, "d"); /* now 2 is the oldest */
    observe_all(successors, 4, "e");
    assert_int_equal(cg_successors_statistics(successors).observed, 1);
    observe_all(successors, 2, "f"); /* a new stream: nothing came before; 3 goes */
    assert_int_equal(cg_successors_statistics(successors).observed, 1);
    assert_predicts(successors, 'b', "");
    observe_all(successors, 1, "g");
    observe_all(successors, 4, "h");
    assert_predicts(successors, 'd', "g");
    assert_predicts(successors, 'e', "h");
    cg_successors_free(successors);
}

/* Goal: any key and stream number will do, 0 and the largest included. */
static void test_extreme_keys(void **state) {
    (void)state;
    cg_successors *successors = make(100, 10, 4, 0);
    const uint64_t extremes[3] = {0, UINT64_MAX, 1};
    for (int i = 0; i < 7; i++) {
        cg_successors_observe(successors, 0, extremes[i % 3]);
        cg_successors_observe(successors, UINT64_MAX, extremes[2 - i % 3]);
    }
    uint64_t keys[4];
    assert_int_equal(cg_successors_predict(successors, 0, 4, keys, NULL), 2);
    assert_int_equal(keys[0], 1); /* twice each: the lesser key first */
    assert_int_equal(keys[1], UINT64_MAX);
    assert_int_equal(cg_successors_predict(successors, 2, 4, keys, NULL), 0);
    cg_successors_free(successors);
}

static void test_bad_input(void **state) {
    (void)state;
    static const struct {
        cg_successor_options options;
        const char *says;
    } bad[] = {
        {{0, 1, 1, 0}, "of 0 keys; it must be 1..268435456"},
        {{UINT32_MAX, 1, 1, 0}, "4294967295 keys"},
        {{1, 0, 1, 0}, "0 streams; it must be 1..16777216"},
        {{1, UINT32_MAX, 1, 0}, "4294967295 streams"},
        {{1, 1, 0, 0}, "0 successors kept a key; it must be 1..16"},
        {{1, 1, 17, 0}, "17 successors"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cg_error error = {0};
        cg_successors *successors = NULL;
        assert_status(
            cg_successors_alloc(&bad[i].options, cg_allocator_heap(), &successors, &error),
            CG_ERROR_INVALID, error, bad[i].says);
        assert_null(successors);
    }
    cg_successor_options fine = cg_successor_options_default(5000);
    assert_int_equal(fine.rows, 5000);
    assert_int_equal(fine.ways, 4);
    cg_successors_free(NULL);
}

/* Goal: whichever allocation fails, nothing is left behind; once made, it never allocates, and
 * takes the bytes stated. */
static void test_memory(void **state) {
    (void)state;
    cg_successor_options options = cg_successor_options_default(4096);
    for (uint64_t n = 1; n < 20; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        cg_error error = {0};
        cg_successors *successors = NULL;
        cg_status status = cg_successors_alloc(&options, cg_counting_allocator_view(&counting),
                                               &successors, &error);
        if (status != CG_OK) {
            assert_int_equal(status, CG_ERROR_MEMORY);
            assert_null(successors);
            assert_int_equal(counting.live_bytes, 0);
            continue;
        }
        assert_int_equal(n, 6);
        counting.fail_at = 0;
        uint64_t calls = counting.calls;
        for (uint64_t i = 0; i < 100000; i++) {
            cg_successors_observe(successors, i % 5000, i * i);
        }
        assert_int_equal(counting.calls, calls);
        assert_int_equal(cg_successors_bytes(successors), counting.live_bytes);
        assert_true(counting.live_bytes <= 4096 * (16 + 10 * 4) + 1024 * 24 + 256);
        cg_successors_free(successors);
        assert_int_equal(counting.live_bytes, 0);
        assert_int_equal(counting.live_blocks, 0);
        return;
    }
    fail_msg("allocations never came to an end");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_threshold),
        cmocka_unit_test(test_streams_and_repeats),
        cmocka_unit_test(test_full_row),
        cmocka_unit_test(test_aging),
        cmocka_unit_test(test_sets_are_lru),
        cmocka_unit_test(test_extreme_keys),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
