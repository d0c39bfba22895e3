/* Goal: ranks are drawn by exactly the law that was asked for, and orders without a table are
 * orders. */
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/workload/permutation.h"
#include "sim/workload/popularity.h"

enum { DRAWS = 400000, CELLS_MAX = 256 };

/* Pearson's statistic of the draws against exact probabilities, over `cells` ranks and one cell
 * for all others; less what is expected, in standard deviations. */
static double surprise(sim_popularity *law, const double *exact, uint32_t cells,
                       uint64_t seed) {
    uint32_t counts[CELLS_MAX + 1] = {0};
    cg_stream stream = cg_stream_init(seed, "popularity_test", 0);
    for (uint32_t i = 0; i < DRAWS; i++) {
        const uint64_t rank = sim_popularity_draw(law, &stream);
        assert_true(rank < law->count);
        counts[rank < cells ? rank : cells]++;
    }
    double rest = 1.0;
    double statistic = 0.0;
    double freedom = -1.0;
    for (uint32_t i = 0; i <= cells; i++) {
        const double expected = (i < cells ? exact[i] : rest) * DRAWS;
        rest -= i < cells ? exact[i] : 0.0;
        if (expected >= 5.0) {
            statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
            freedom += 1.0;
        } else {
            assert_true(counts[i] < 40);
        }
    }
    return freedom < 1.0 ? 0.0 : (statistic - freedom) / sqrt(2.0 * freedom);
}

static void zipf_shares(uint64_t count, double exponent, double *exact, uint32_t cells) {
    double sum = 0.0;
    for (uint64_t rank = count; rank > 0; rank--) { /* from small to large */
        sum += pow((double)rank, -exponent);
    }
    for (uint32_t i = 0; i < cells; i++) {
        exact[i] = pow(i + 1.0, -exponent) / sum;
    }
}

/* Exponents around 1, where the formulas have their pole, and at both ends. */
static void zipf_has_its_shares(void **state) {
    (void)state;
    static const double exponents[] = {0.0, 1e-9, 0.5,         0.99, 1.0 - 1e-12, 1.0 - 1e-15,
                                       1.0, 1.1,  1.0 + 1e-15, 2.0,  4.0};
    static const uint64_t counts[] = {1, 2, 3, 10, 200, 1000000};
    const uint64_t seed = support_seed(17);
    for (size_t i = 0; i < sizeof exponents / sizeof exponents[0]; i++) {
        for (size_t j = 0; j < sizeof counts / sizeof counts[0]; j++) {
            double exact[CELLS_MAX];
            const uint32_t cells = counts[j] < CELLS_MAX ? (uint32_t)counts[j] : CELLS_MAX;
            sim_popularity law = sim_popularity_zipf(counts[j], exponents[i]);
            zipf_shares(counts[j], exponents[i], exact, cells);
            const double deviations = surprise(&law, exact, cells, seed + i * 10 + j);
            if (!(deviations < 5.0)) {
                fail_msg("exponent %g of %d: %g deviations", exponents[i], (int)counts[j],
                         deviations);
            }
        }
    }
}

/* Known value: of ten ranks at exponent 1 the first has 1 / H(10) = 2520 / 7381. */
static void zipf_has_a_known_value(void **state) {
    (void)state;
    sim_popularity law = sim_popularity_zipf(10, 1.0);
    cg_stream stream = cg_stream_init(4, "popularity_test", 0);
    uint32_t first = 0;
    for (uint32_t i = 0; i < DRAWS; i++) {
        first += sim_popularity_draw(&law, &stream) == 0;
    }
    assert_in_range(first, 135368, 137770); /* 136,569 and four deviations */
    assert_true(stream.counter < DRAWS * 5 / 4);
}

/* At 4 billion ranks too, where there is no table: the share of the first decades. */
static void zipf_takes_any_count(void **state) {
    (void)state;
    sim_popularity law = sim_popularity_zipf(4000000000, 1.0);
    cg_stream stream = cg_stream_init(5, "popularity_test", 0);
    /* H(n) = log n + 0.5772157 + 1 / 2n */
    const double whole = log(4e9) + 0.5772156649;
    uint32_t within[2] = {0};
    for (uint32_t i = 0; i < DRAWS; i++) {
        const uint64_t rank = sim_popularity_draw(&law, &stream);
        within[0] += rank < 1000;
        within[1] += rank < 1000000;
    }
    const double shares[2] = {(log(1e3) + 0.5777156649) / whole,
                              (log(1e6) + 0.5772161649) / whole};
    for (size_t i = 0; i < 2; i++) {
        const double deviation = sqrt(shares[i] * (1.0 - shares[i]) * DRAWS);
        assert_true(fabs(within[i] - shares[i] * DRAWS) < 4.0 * deviation);
    }
}

static void uniform_is_uniform(void **state) {
    (void)state;
    double exact[100];
    for (uint32_t i = 0; i < 100; i++) {
        exact[i] = 0.01;
    }
    sim_popularity law = sim_popularity_uniform(100);
    assert_true(surprise(&law, exact, 100, 6) < 5.0);
}

static const char measured[] = "{\"oneHits\": 0.1, \"popularityWeights\": [400, 200, 600, 800],"
                               "\n \"popularityBuckets\" : [1,1,6,32] }\n";

static sim_weights parse(const char *text) {
    sim_weights weights;
    cg_error error;
    assert_ok(
        sim_weights_parse(text, strlen(text), "w.json", cg_allocator_heap(), &weights, &error),
        error);
    return weights;
}

static void measured_has_its_shares(void **state) {
    (void)state;
    sim_weights weights = parse(measured);
    assert_int_equal(weights.count, 4);
    assert_true(weights.once > 0.0999 && weights.once < 0.1001);
    weights.once = 0.0;
    double exact[80];
    for (uint32_t i = 0; i < 40; i++) {
        exact[i] = (i == 0 ? 400.0 : i == 1 ? 200.0 : i < 8 ? 100.0 : 25.0) / 2000.0;
    }
    sim_popularity law = sim_popularity_measured(40, &weights, DRAWS);
    assert_true(surprise(&law, exact, 40, 7) < 5.0);
    for (uint32_t i = 80; i-- > 0;) { /* twice the keys: each of the file's is two */
        exact[i] = exact[i / 2] / 2.0;
    }
    law = sim_popularity_measured(80, &weights, DRAWS);
    assert_true(surprise(&law, exact, 80, 8) < 5.0);
    /* A quarter of the keys: each is four of the file's. */
    const double fewer[10] = {0.4, 0.2, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05};
    law = sim_popularity_measured(10, &weights, DRAWS);
    assert_true(surprise(&law, fewer, 10, 9) < 5.0);
    sim_weights_deinit(&weights);
}

/* A tenth of the reads are of keys that are read once: none of these comes twice, and none of
 * the others' ranks is among them. */
static void once_is_once(void **state) {
    (void)state;
    enum { COUNT = 100000, READS = 10000 };
    sim_weights weights = parse(measured);
    sim_popularity law = sim_popularity_measured(COUNT, &weights, READS);
    static uint32_t counts[COUNT];
    memset(counts, 0, sizeof counts);
    cg_stream stream = cg_stream_init(10, "popularity_test", 0);
    for (uint32_t i = 0; i < READS; i++) {
        counts[sim_popularity_draw(&law, &stream)]++;
    }
    uint32_t once = 0;
    for (uint64_t rank = COUNT - law.reserved; rank < COUNT; rank++) {
        assert_true(counts[rank] <= 1);
        once += counts[rank];
    }
    assert_in_range(law.reserved, 1100, 1300);
    assert_in_range(once, 880, 1120);
    /* Where ranks are few, half of them are reserved, and come again. */
    law = sim_popularity_measured(10, &weights, READS);
    assert_int_equal(law.reserved, 5);
    memset(counts, 0, sizeof counts);
    for (uint32_t i = 0; i < READS; i++) {
        counts[sim_popularity_draw(&law, &stream)]++;
    }
    for (uint64_t rank = 5; rank < 10; rank++) {
        assert_in_range(counts[rank], 150, 250);
    }
    law = sim_popularity_measured(1, &weights, READS); /* nothing to reserve */
    assert_int_equal(sim_popularity_draw(&law, &stream), 0);
    sim_weights_deinit(&weights);
}

static void bad_weights_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"", "w.json, byte 1: \"{\" expected"},
        {"{}", "w.json, byte 2: \"\"\" expected"},
        {"{\"oneHits\": 0.5}", "0 popularityWeights and 0 popularityBuckets"},
        {"{\"popularityWeights\": []}", "byte 24: a number from 0 to 1e18 expected"},
        {"{\"popularityWeights\": [1, -2]}", "a number from 0 to 1e18 expected"},
        {"{\"popularityWeights\": [1, nan]}", "a number from 0 to 1e18 expected"},
        {"{\"popularityWeights\": [1 2]}", "byte 26: \"]\" expected"},
        {"{\"popularityWeights\": [1], \"popularityWeights\": [1]}", "each list once"},
        {"{\"popularityWeights\": [1]} x", "byte 28: the end expected"},
        {"{\"popularityWeights\": [1]", "\"}\" expected"},
        {"{\"popularityWeights", "a short name expected"},
        {"{\"popularityWeigths\": [1]}",
         "unknown key \"popularityWeigths\"; do you mean \"popularityWeights\"?"},
        {"{\"popularityWeights\": [1, 2], \"popularityBuckets\": [1]}",
         "2 popularityWeights and 1 popularityBuckets"},
        {"{\"popularityWeights\": [1], \"popularityBuckets\": [0]}",
         "bucket 1 has 0 keys and 1 reads"},
        {"{\"popularityWeights\": [0]}", "bucket 1 has 1 keys and 0 reads"},
        {"{\"popularityWeights\": [1], \"oneHits\": 1}", "oneHits 1 is not a share below 1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sim_weights weights;
        cg_error error = {.message = "none"};
        assert_status(sim_weights_parse(bad[i].text, strlen(bad[i].text), "w.json",
                                        cg_allocator_heap(), &weights, &error),
                      CG_ERROR_INVALID, error, bad[i].says);
    }
    for (size_t cut = 0; cut + 3 < strlen(measured); cut++) { /* every truncation */
        sim_weights weights;
        cg_error error;
        assert_int_equal(
            sim_weights_parse(measured, cut, "w.json", cg_allocator_heap(), &weights, &error),
            CG_ERROR_INVALID);
    }
    sim_weights weights;
    cg_error error;
    assert_ok(sim_weights_read("tests/support/data/popularity.json", cg_allocator_heap(),
                               &weights, &error),
              error);
    assert_true(weights.reads[3] > 1999.5 && weights.keys[3] < 40.5);
    sim_weights_deinit(&weights);
}

static int by_value(const void *left, const void *right) {
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Every image once, each found again; and the successors are one ring through all. */
static void permutations_are_permutations(void **state) {
    (void)state;
    static const uint64_t counts[] = {1, 2, 3, 4, 5, 16, 17, 1000, 4097};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const uint64_t count = counts[i];
        sim_permutation order = sim_permutation_init(count, i, "test");
        uint64_t *images = calloc(count, sizeof *images);
        assert_non_null(images);
        for (uint64_t j = 0; j < count; j++) {
            images[j] = sim_permutation_at(&order, j);
            assert_true(sim_permutation_find(&order, images[j]) == j);
        }
        qsort(images, count, sizeof *images, by_value);
        for (uint64_t j = 0; j < count; j++) {
            assert_true(images[j] == j);
        }
        uint64_t value = 0;
        uint64_t steps = 0;
        do {
            value = sim_permutation_next(&order, value);
            steps++;
        } while (value != 0 && steps <= count);
        assert_true(steps == count);
        free(images);
    }
    sim_permutation large = sim_permutation_init(UINT64_C(4000000000), 1, "test");
    for (uint64_t j = 0; j < 1000; j++) {
        const uint64_t image = sim_permutation_at(&large, j * 3999999);
        assert_true(image < large.count);
        assert_true(sim_permutation_find(&large, image) == j * 3999999);
    }
}

/* Over seeds, each of few places is as likely as any other; another name is another order. */
static void permutations_look_random(void **state) {
    (void)state;
    enum { PLACES = 10, SEEDS = 20000 };
    uint32_t counts[PLACES][PLACES] = {{0}};
    uint32_t same = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        sim_permutation order = sim_permutation_init(PLACES, seed, "test");
        sim_permutation other = sim_permutation_init(PLACES, seed, "other");
        for (uint64_t i = 0; i < PLACES; i++) {
            counts[i][sim_permutation_at(&order, i)]++;
        }
        same += sim_permutation_at(&order, 0) == sim_permutation_at(&other, 0);
    }
    for (size_t i = 0; i < PLACES; i++) {
        for (size_t j = 0; j < PLACES; j++) {
            assert_in_range(counts[i][j], 1810, 2190); /* 2,000 and 4.5 deviations */
        }
    }
    assert_in_range(same, 1810, 2190);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zipf_has_its_shares),
        cmocka_unit_test(zipf_has_a_known_value),
        cmocka_unit_test(zipf_takes_any_count),
        cmocka_unit_test(uniform_is_uniform),
        cmocka_unit_test(measured_has_its_shares),
        cmocka_unit_test(once_is_once),
        cmocka_unit_test(bad_weights_are_refused),
        cmocka_unit_test(permutations_are_permutations),
        cmocka_unit_test(permutations_look_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
