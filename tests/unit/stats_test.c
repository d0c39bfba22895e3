/* Goal: intervals have the values of the literature, and the coverage that they state. */
#include "tests/support/support.h"

#include <math.h>

#include "analysis/stats/stats.h"

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) {
        fail_msg("%.17g is not within %g of %.17g", value, tolerance, expected);
    }
}

/* Half-widths against printed tables of Student's t: t(0.975) = 12.7062, 4.30265, 2.26216 for
 * 1, 2, 9 degrees. */
static void test_mean_follows_the_t_table(void **state) {
    (void)state;
    cg_error error = {0};
    an_estimate estimate;
    const double two[] = {1.0, 3.0}; /* s = sqrt 2, s / sqrt 2 = 1 */
    assert_ok(an_stats_mean(two, 2, 0.95, &estimate, &error), error);
    assert_near(estimate.value, 2.0, 0.0);
    assert_near(estimate.high - 2.0, 12.7062, 1e-4);
    assert_near(2.0 - estimate.low, 12.7062, 1e-4);
    const double three[] = {1.0, 2.0, 3.0}; /* s = 1 */
    assert_ok(an_stats_mean(three, 3, 0.95, &estimate, &error), error);
    assert_near(estimate.high - 2.0, 4.302653 / sqrt(3.0), 1e-6);
    double ten[10];
    for (int i = 0; i < 10; i++) {
        ten[i] = i; /* s^2 = 82.5 / 9 */
    }
    assert_ok(an_stats_mean(ten, 10, 0.95, &estimate, &error), error);
    assert_near(estimate.high - 4.5, 2.262157 * sqrt(82.5 / 9.0 / 10.0), 1e-6);
    /* With one degree of freedom t is Cauchy: tan(pi (p - 1/2)). */
    assert_ok(an_stats_mean(two, 2, 0.5, &estimate, &error), error);
    assert_near(estimate.high - 2.0, 1.0, 1e-9);
}

/* Three errors of 3, 4 and 12: sqrt(9 + 16 + 144) / 3. */
static void test_mean_error(void **state) {
    (void)state;
    const double errors[] = {3.0, 4.0, 12.0};
    assert_near(an_stats_mean_error(errors, 3), 13.0 / 3.0, 1e-15);
    assert_near(an_stats_mean_error(errors, 1), 3.0, 0.0);
}

static void test_mean_of_one_value_has_no_interval(void **state) {
    (void)state;
    cg_error error = {0};
    an_estimate estimate;
    const double values[] = {7.0};
    assert_ok(an_stats_mean(values, 1, 0.95, &estimate, &error), error);
    assert_false(estimate.has_interval);
    assert_near(estimate.value, 7.0, 0.0);
    assert_status(an_stats_mean(values, 1, 1.0, &estimate, &error), CG_ERROR_INVALID, error,
                  "confidence of 1");
    const double bad[] = {1.0, (double)NAN};
    assert_status(an_stats_mean(bad, 2, 0.95, &estimate, &error), CG_ERROR_INVALID, error,
                  "no finite number");
}

/* P(B = k) for B ~ Binomial(count, q), by products only. */
static double binomial(unsigned count, double q, unsigned k) {
    double p = 1.0;
    for (unsigned i = 0; i < k; i++) {
        p *= q * (double)(count - i) / (double)(i + 1);
    }
    for (unsigned i = 0; i < count - k; i++) {
        p *= 1.0 - q;
    }
    return p;
}

/* Every count to 60 and several quantiles against exact enumeration: coverage is what is stated
 * and at least what was asked, and no rank could be tighter. */
static void test_ranks_against_enumeration(void **state) {
    (void)state;
    static const double quantiles[] = {0.1, 0.5, 0.9, 0.99};
    for (unsigned count = 1; count <= 60; count++) {
        for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
            cg_error error = {0};
            uint64_t low = 0;
            uint64_t high = 0;
            double coverage = 0.0;
            double q = quantiles[i];
            assert_ok(an_stats_quantile_ranks(count, q, 0.95, &low, &high, &coverage, &error),
                      error);
            double below = 0.0; /* P(B < low) */
            double inside = 0.0;
            double above = 0.0;
            for (unsigned k = 0; k <= count; k++) {
                double p = binomial(count, q, k);
                below += k < low ? p : 0.0;
                inside += k >= low && k < high ? p : 0.0;
                above += k >= high ? p : 0.0;
            }
            assert_near(coverage, inside, 1e-10);
            assert_true(inside >= 0.95 - 1e-12);
            assert_true(below <= 0.025 + 1e-12 && above <= 0.025 + 1e-12);
            assert_true(low == count || below + binomial(count, q, (unsigned)low) > 0.025);
            assert_true(high == 0 || above + binomial(count, q, (unsigned)high - 1) > 0.025);
        }
    }
}

static void test_known_ranks(void **state) {
    (void)state;
    cg_error error = {0};
    uint64_t low = 0;
    uint64_t high = 0;
    double coverage = 0.0;
    assert_ok(an_stats_quantile_ranks(100, 0.5, 0.95, &low, &high, &coverage, &error), error);
    assert_int_equal(low, 40);
    assert_int_equal(high, 61);
    assert_near(coverage, 0.9647998, 1e-7);
    /* 10 values say nothing about an upper bound of the 99th percentile. */
    assert_ok(an_stats_quantile_ranks(10, 0.99, 0.95, &low, &high, &coverage, &error), error);
    assert_int_equal(high, 11);
    /* Large counts approach n q +- 1.96 sqrt(n q (1 - q)), also past GSL's 32 bits. */
    assert_ok(an_stats_quantile_ranks(1000000, 0.5, 0.95, &low, &high, &coverage, &error),
              error);
    assert_near((double)low, 500000.0 - 980.0, 2.0);
    assert_ok(an_stats_quantile_ranks(UINT64_C(10000000000), 0.5, 0.95, &low, &high, &coverage,
                                      &error),
              error);
    assert_near((double)high, 5e9 + 97998.0, 5.0);
    assert_status(an_stats_quantile_ranks(10, 1.0, 0.95, &low, &high, &coverage, &error),
                  CG_ERROR_INVALID, error, "quantile 1");
}

static void test_quantile_of_a_histogram(void **state) {
    (void)state;
    cg_error error = {0};
    cg_histogram histogram;
    cg_histogram_init(&histogram, cg_allocator_heap());
    for (uint64_t i = 1; i <= 100; i++) {
        assert_ok(cg_histogram_record(&histogram, i, 1, &error), error);
    }
    an_estimate estimate;
    assert_ok(an_stats_quantile(&histogram, 0.5, 0.95, &estimate, &error), error);
    assert_near(estimate.value, 50.0, 0.0);
    assert_true(estimate.has_interval);
    assert_near(estimate.low, 40.0, 0.0);
    assert_near(estimate.high, 61.0, 0.0);
    assert_ok(an_stats_quantile(&histogram, 0.999, 0.95, &estimate, &error), error);
    assert_false(estimate.has_interval);
    cg_histogram_deinit(&histogram);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mean_follows_the_t_table),
        cmocka_unit_test(test_mean_error),
        cmocka_unit_test(test_mean_of_one_value_has_no_interval),
        cmocka_unit_test(test_ranks_against_enumeration),
        cmocka_unit_test(test_known_ranks),
        cmocka_unit_test(test_quantile_of_a_histogram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
