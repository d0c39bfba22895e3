/* Goal: what follows what is learnt as a naive model learns that keeps every count in an array;
 * on a chain of known probabilities confidence and shadow accuracy are what theory says, within
 * statistical error; and whatever comes, no confidence exceeds the truth.
 */
#include <math.h>
#include <string.h>

#include "engine/tier/successor.h"
#include "tests/support/support.h"

enum { KEYS = 40, STREAMS = 6, STEPS = 30000, PROGRAMS = 20 };

/* counts[a][b]: how often b followed a, aged. With fewer than `ways` different successors of any
 * key the table must hold just that. */
typedef struct model {
    uint32_t counts[KEYS][KEYS];
    uint32_t totals[KEYS];
    int last[STREAMS];
    uint64_t observed;
    uint64_t predicted;
    uint64_t predicted_right;
} model;

static uint32_t model_confidence(const model *naive, uint32_t key, uint32_t next) {
    double share = 255.0 * naive->counts[key][next] / naive->totals[key];
    return (uint32_t)floor(share + 0.5);
}

static void model_observe(model *naive, uint32_t stream, uint32_t key, uint32_t threshold) {
    int last = naive->last[stream];
    naive->last[stream] = (int)key;
    if (last < 0 || last == (int)key) {
        return;
    }
    naive->observed++;
    for (uint32_t next = 0; next < KEYS; next++) {
        if (naive->counts[last][next] > 0 &&
            model_confidence(naive, (uint32_t)last, next) >= threshold) {
            naive->predicted++;
            naive->predicted_right += next == key;
        }
    }
    naive->counts[last][key]++;
    if (++naive->totals[last] == 256) {
        naive->totals[last] = 128;
        for (uint32_t next = 0; next < KEYS; next++) {
            naive->counts[last][next] /= 2;
        }
    }
}

static uint64_t key_of(uint32_t key) {
    return key * UINT64_C(0x9e3779b97f4a7c15);
}

/* Every prediction of the table, in its order, is the model's. */
static void compare(const cg_successors *successors, const model *naive) {
    for (uint32_t key = 0; key < KEYS; key++) {
        uint64_t keys[CG_SUCCESSOR_WAYS_MAX];
        uint8_t confidences[CG_SUCCESSOR_WAYS_MAX];
        uint32_t count = cg_successors_predict(successors, key_of(key), CG_SUCCESSOR_WAYS_MAX,
                                               keys, confidences);
        bool is_taken[KEYS] = {false};
        for (uint32_t i = 0;; i++) {
            uint32_t best = KEYS;
            for (uint32_t next = 0; next < KEYS; next++) {
                if (naive->counts[key][next] > 0 && !is_taken[next] &&
                    (best == KEYS || naive->counts[key][next] > naive->counts[key][best] ||
                     (naive->counts[key][next] == naive->counts[key][best] &&
                      key_of(next) < key_of(best)))) {
                    best = next;
                }
            }
            if (best == KEYS) {
                assert_int_equal(count, i);
                break;
            }
            assert_true(i < count);
            is_taken[best] = true;
            assert_int_equal(keys[i], key_of(best));
            assert_int_equal(confidences[i], model_confidence(naive, key, best));
        }
    }
    cg_successor_statistics statistics = cg_successors_statistics(successors);
    assert_int_equal(statistics.observed, naive->observed);
    assert_int_equal(statistics.predicted, naive->predicted);
    assert_int_equal(statistics.predicted_right, naive->predicted_right);
}

static cg_successors *make(cg_successor_options options) {
    cg_error error = {0};
    cg_successors *successors = NULL;
    assert_ok(cg_successors_alloc(&options, cg_allocator_heap(), &successors, &error), error);
    return successors;
}

/* Goal: exact while each key has no more successors than are kept and all rows find room. */
static void test_programs_against_counts(void **state) {
    (void)state;
    uint64_t seed = support_seed(7);
    for (uint64_t program = 0; program < PROGRAMS; program++) {
        cg_stream stream = cg_stream_init(seed, "test.successor", program);
        uint32_t ways = 1 + (uint32_t)cg_stream_next_below(&stream, CG_SUCCESSOR_WAYS_MAX);
        uint8_t threshold = (uint8_t)cg_stream_next_below(&stream, 256);
        cg_successors *successors =
            make((cg_successor_options){1 << 15, 1 << 12, ways, threshold});
        model naive = {0};
        memset(naive.last, 0xff, sizeof naive.last);
        for (int step = 0; step < STEPS; step++) {
            uint32_t at = (uint32_t)cg_stream_next_below(&stream, STREAMS);
            uint32_t next = (uint32_t)cg_stream_next_below(&stream, KEYS);
            if (naive.last[at] >= 0) { /* one of `ways` others, skewed, or a repeat */
                uint64_t way = cg_stream_next_below(&stream, ways + 1);
                way = cg_stream_next_below(&stream, way + 1);
                next = (uint32_t)((uint64_t)naive.last[at] * 3 + way) % KEYS;
                next = way == ways ? (uint32_t)naive.last[at] : next;
            }
            model_observe(&naive, at, next, threshold);
            cg_successors_observe(successors, key_of(at), key_of(next));
            if (step % 997 == 0) {
                compare(successors, &naive);
            }
        }
        compare(successors, &naive);
        cg_successors_free(successors);
    }
}

/* Goal: with more successors than ways and more keys than rows, a confidence never exceeds the
 * share counted since the start by more than aging can, and equal runs are equal. */
static void test_overflow_stays_bounded(void **state) {
    (void)state;
    uint64_t seed = support_seed(8);
    enum { MANY = 300 };
    static uint32_t counts[MANY][MANY];
    memset(counts, 0, sizeof counts);
    cg_successor_options options = {64, 4, 3, 30};
    cg_successors *one = make(options);
    cg_successors *two = make(options);
    cg_stream stream = cg_stream_init(seed, "test.successor.overflow", 0);
    uint64_t bytes = cg_successors_bytes(one);
    uint32_t last = 0;
    uint64_t seen = 0;
    for (int step = 0; step < 40000; step++) {
        double unit = cg_stream_next_unit(&stream);
        uint32_t key = (uint32_t)(MANY * unit * unit * unit);
        counts[last][key] += step > 0 && last != key;
        last = key;
        cg_successors_observe(one, 0, key);
        cg_successors_observe(two, 0, key);
        if (step % 50 == 0) {
            uint64_t keys[4];
            uint8_t confidences[4];
            uint32_t found = cg_successors_predict(one, key, 4, keys, confidences);
            assert_true(found <= 3);
            seen += found;
            uint32_t sum = 0;
            for (uint32_t i = 0; i < found; i++) {
                assert_true(keys[i] < MANY && keys[i] != key);
                assert_true(counts[key][keys[i]] > 0);
                assert_true(confidences[i] > 0);
                assert_true(i == 0 || confidences[i - 1] >= confidences[i]);
                sum += confidences[i];
            }
            assert_true(sum <= 255 + found);
        }
    }
    assert_true(seen > 500);
    assert_int_equal(cg_successors_hash(one), cg_successors_hash(two));
    assert_int_equal(cg_successors_bytes(one), bytes);
    cg_successors_observe(two, 0, MANY + 1);
    assert_int_not_equal(cg_successors_hash(one), cg_successors_hash(two));
    cg_successors_free(one);
    cg_successors_free(two);
}

/* Goal: on a chain where key k is followed by k + 1, k + 2 and k + 3 with probabilities 0.6, 0.3
 * and 0.1, confidences average to them, and shadow accuracy at a threshold of 0.2 is coverage 0.9
 * and precision 0.45. */
static void test_markov_chain(void **state) {
    (void)state;
    enum { CHAIN = 500, WALK = 400000 };
    const double known[3] = {0.6, 0.3, 0.1};
    cg_successors *successors = make((cg_successor_options){4096, 16, 4, 51});
    cg_stream stream = cg_stream_init(support_seed(9), "test.successor.chain", 0);
    uint64_t key = 0;
    cg_successor_statistics young = {0};
    for (int step = 0; step < WALK; step++) {
        if (step == WALK / 2) {
            young = cg_successors_statistics(successors);
        }
        double unit = cg_stream_next_unit(&stream);
        key = (key + (unit < 0.6 ? 1 : unit < 0.9 ? 2 : 3)) % CHAIN;
        cg_successors_observe(successors, 0, key);
    }
    double mean[3] = {0.0, 0.0, 0.0};
    for (uint64_t from = 0; from < CHAIN; from++) {
        uint64_t keys[4];
        uint8_t confidences[4];
        uint32_t count = cg_successors_predict(successors, from, 4, keys, confidences);
        for (uint32_t i = 0; i < count; i++) {
            uint64_t ahead = (keys[i] + CHAIN - from) % CHAIN;
            assert_true(ahead >= 1 && ahead <= 3);
            mean[ahead - 1] += confidences[i] / 255.0 / CHAIN;
        }
    }
    for (int i = 0; i < 3; i++) {
        /* Of 500 keys, each from 128 followings at least; halving rounds 0.5 down each time, 1 in
         * all over 128 at most. */
        double error = 4.0 * sqrt(known[i] * (1.0 - known[i]) / 128.0 / CHAIN);
        print_message("share %.3f, known %.3f\n", mean[i], known[i]);
        assert_true(mean[i] < known[i] + error && mean[i] > known[i] - error - 1.0 / 128.0);
    }
    cg_successor_statistics statistics = cg_successors_statistics(successors);
    double observed = (double)(statistics.observed - young.observed);
    double right = (double)(statistics.predicted_right - young.predicted_right);
    double coverage = right / observed;
    double precision = right / (double)(statistics.predicted - young.predicted);
    print_message("coverage %.4f, precision %.4f\n", coverage, precision);
    /* 0.3 is estimated below 0.2, or 0.1 above it, in less than 1% of cases. */
    assert_true(fabs(coverage - 0.9) < 0.01);
    assert_true(fabs(precision - 0.45) < 0.01);
    cg_successors_free(successors);
}

/* Goal: where reads are independent, any one prediction is right as often as its key is read:
 * 1 of n - 1 for n keys read alike. */
static void test_independent_reads(void **state) {
    (void)state;
    enum { ALIKE = 51, READS = 400000 };
    cg_successors *successors = make((cg_successor_options){4096, 16, 4, 0});
    cg_stream stream = cg_stream_init(support_seed(10), "test.successor.independent", 0);
    for (int step = 0; step < READS; step++) {
        cg_successors_observe(successors, 0, cg_stream_next_below(&stream, ALIKE));
    }
    cg_successor_statistics statistics = cg_successors_statistics(successors);
    double precision = (double)statistics.predicted_right / (double)statistics.predicted;
    double expected = 1.0 / (ALIKE - 1);
    double deviation = sqrt(expected * (1.0 - expected) / (double)statistics.predicted);
    print_message("precision %.5f, theory %.5f +- %.5f\n", precision, expected, deviation);
    assert_true(fabs(precision - expected) < 4.0 * deviation);
    double repeats = 1.0 / ALIKE;
    assert_true(fabs((double)statistics.observed / READS - (1.0 - repeats)) < 0.002);
    cg_successors_free(successors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs_against_counts),
        cmocka_unit_test(test_overflow_stays_bounded),
        cmocka_unit_test(test_markov_chain),
        cmocka_unit_test(test_independent_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
