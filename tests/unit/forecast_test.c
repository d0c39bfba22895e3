/* Goal: the forecast of known weights, one known step of learning, plans at the exact edges of
 * budgets, statistics, and bad options.
 */
#include <math.h>
#include <string.h>

#include "engine/service/forecast.h"
#include "tests/support/support.h"

static cg_forecast make_with(cg_forecast_options options) {
    cg_forecast forecast;
    cg_error error;
    assert_ok(cg_forecast_init(&forecast, &options, &error), error);
    return forecast;
}

/* Weights 1,000 ns and 10 a key, 100 a hop, 1..5 a read, 7, 8, 9 and 1/2 for what is ahead, 6 an
 * edge, 11 a text. */
static cg_forecast make(void) {
    cg_forecast_options options = {
        .prior_ns = {1000, 10, 100, 1, 2, 3, 4, 5, 7, 8, 9, 0.5, 6, 11},
        .prior_deviation = 1.0,
        .forgetting = 1.0,
    };
    return make_with(options);
}

static void test_known_forecast(void **state) {
    (void)state;
    cg_forecast forecast = make();
    cg_forecast_features features = {0};
    assert_int_equal(cg_forecast_ns(&forecast, &features), 1000);
    features = (cg_forecast_features){
        .keys = 20,
        .hops = 3,
        .tier_reads = {10, 5, 4, 3, 2},
        .store_reads_ahead = 6,
        .store_writes_ahead = 5,
        .requests_ahead = 12,
        .permits = 4,
        .ahead_ns = 4000,
    };
    uint64_t by_itself = 1000 + 200 + 300 + 10 + 10 + 12 + 12 + 10;
    assert_int_equal(cg_forecast_ns(&forecast, &features),
                     by_itself + 42 + 40 + 27 + 4000 / 4 / 2);
    features.permits = 0; /* counts as 1 */
    assert_int_equal(cg_forecast_ns(&forecast, &features),
                     by_itself + 42 + 40 + 108 + 4000 / 2);
    features = (cg_forecast_features){.tier_reads = {(double)NAN, -1, -(double)INFINITY}};
    assert_int_equal(cg_forecast_ns(&forecast, &features), 1000);
    features = (cg_forecast_features){.tier_reads = {(double)INFINITY}}; /* counts as 1e12 */
    assert_int_equal(cg_forecast_ns(&forecast, &features), 1000000001000);
    for (cg_forecast_term term = 0; term < CG_FORECAST_TERMS; term++) {
        assert_true(cg_forecast_weight_ns(&forecast, term) == forecast.options.prior_ns[term]);
    }
}

/* Goal: forecasts end at 2^63. */
static void test_greatest_forecast(void **state) {
    (void)state;
    cg_forecast_options options = cg_forecast_options_default();
    options.prior_ns[CG_FORECAST_KEYS] = 1e12;
    cg_forecast forecast = make_with(options);
    cg_forecast_features features = {.keys = UINT32_MAX};
    assert_int_equal(cg_forecast_ns(&forecast, &features), UINT64_C(1) << 63);
}

/* Goal: the known value of forecast.c, with the constant as the only term that moves: prior 1,000,
 * actual 1,500, deviation 1: half of the error. */
static void test_known_step(void **state) {
    (void)state;
    cg_forecast forecast = make();
    cg_forecast_features features = {0};
    uint64_t hash = cg_forecast_hash(&forecast);
    cg_forecast_learn(&forecast, &features, 1500);
    assert_true(cg_forecast_hash(&forecast) != hash);
    assert_int_equal(cg_forecast_ns(&forecast, &features), 1250);
    assert_true(cg_forecast_weight_ns(&forecast, CG_FORECAST_KEYS) == 10.0);
    cg_forecast_statistics statistics = cg_forecast_statistics_of(&forecast);
    assert_int_equal(statistics.count, 1);
    assert_int_equal(statistics.within_count, 0);
    assert_true(fabs(statistics.error - 1.0 / 3.0) < 1e-12);
    assert_true(statistics.within_share == 0.0);
    cg_forecast_learn(&forecast, &features, 1250);
    statistics = cg_forecast_statistics_of(&forecast);
    assert_int_equal(statistics.within_count, 1);
    assert_true(statistics.within_share == 0.5);
    assert_int_equal(cg_forecast_ns(&forecast, &features), 1250);
}

/* Goal: an error of 1 counts as 0.7 = 3 * 0.2 + 0.1; one outlier, however far, moves a forecast by no more than the clamp. */
static void test_clamp(void **state) {
    (void)state;
    cg_forecast forecast = make();
    cg_forecast_features features = {0};
    cg_forecast_learn(&forecast, &features, 2000);
    uint64_t clamped = cg_forecast_ns(&forecast, &features);
    assert_true(clamped >= 1349 && clamped <= 1350);
    forecast = make();
    cg_forecast_learn(&forecast, &features, UINT64_MAX);
    uint64_t after = cg_forecast_ns(&forecast, &features);
    assert_true(after >= 1000 && after <= 1700);
    cg_forecast_learn(&forecast, &features, 0);
    assert_true(cg_forecast_ns(&forecast, &features) <= 1700);
}

/* Goal: whole at the budget, similarity alone beyond 1.5 budgets, to the nanosecond. */
static void test_plan_edges(void **state) {
    (void)state;
    cg_forecast forecast = make();
    /* 1,000 + 100 * (10 + 3) + 2 * 100 = 2,500; a key costs 13 with its read of tier 3. */
    cg_forecast_features features = {.keys = 100, .hops = 2, .tier_reads = {0, 0, 100}};
    cg_forecast_plan plan = cg_forecast_planned(&forecast, &features, 2500);
    assert_int_equal(plan.mode, CG_FORECAST_WHOLE);
    assert_int_equal(plan.keys, 100);
    assert_int_equal(plan.hops, 2);
    assert_false(plan.is_partial);
    assert_int_equal(plan.whole_ns, 2500);
    assert_int_equal(plan.planned_ns, 2500);
    plan = cg_forecast_planned(&forecast, &features, 2499);
    assert_int_equal(plan.mode, CG_FORECAST_TRUNCATED);
    assert_int_equal(plan.keys, 99);
    assert_int_equal(plan.hops, 2);
    assert_true(plan.is_partial);
    assert_int_equal(plan.whole_ns, 2500);
    assert_int_equal(plan.planned_ns, 2487);
    plan = cg_forecast_planned(&forecast, &features, 1667); /* 2,500 <= 1.5 * 1,667 = 2,500.5 */
    assert_int_equal(plan.mode, CG_FORECAST_TRUNCATED);
    assert_int_equal(plan.keys, 35); /* 1,200 + 35 * 13 = 1,655 */
    assert_int_equal(plan.planned_ns, 1655);
    plan = cg_forecast_planned(&forecast, &features, 1666); /* 2,500 > 2,499 */
    assert_int_equal(plan.mode, CG_FORECAST_SIMILARITY);
    assert_int_equal(plan.keys, 0);
    assert_int_equal(plan.hops, 0);
    assert_true(plan.is_partial);
    assert_int_equal(plan.planned_ns, 1000);
    plan = cg_forecast_planned(&forecast, &features, 0);
    assert_int_equal(plan.mode, CG_FORECAST_SIMILARITY);
    plan = cg_forecast_planned(&forecast, &features, UINT64_MAX);
    assert_int_equal(plan.mode, CG_FORECAST_WHOLE);
}

/* Goal: hops go where they leave no room for a key; without keys there is nothing to truncate. */
static void test_plan_hops(void **state) {
    (void)state;
    cg_forecast forecast = make();
    cg_forecast_features features = {.keys = 4, .hops = 10}; /* 2,040 */
    cg_forecast_plan plan = cg_forecast_planned(&forecast, &features, 2009);
    assert_int_equal(plan.mode, CG_FORECAST_TRUNCATED);
    assert_int_equal(plan.hops, 9);
    assert_int_equal(plan.keys, 4);
    assert_int_equal(plan.planned_ns, 1940);
    plan = cg_forecast_planned(&forecast, &features, 2010);
    assert_int_equal(plan.hops, 10);
    assert_int_equal(plan.keys, 1);
    features = (cg_forecast_features){.keys = 0, .hops = 5}; /* 1,500 */
    plan = cg_forecast_planned(&forecast, &features, 1400);
    assert_int_equal(plan.mode, CG_FORECAST_SIMILARITY);
    assert_int_equal(plan.planned_ns, 1000);
    /* The queue alone is over budget: nothing fits, and the plan says so. */
    features = (cg_forecast_features){.keys = 1, .hops = 1, .ahead_ns = 10000}; /* 6,110 */
    plan = cg_forecast_planned(&forecast, &features, 6050);
    assert_int_equal(plan.mode, CG_FORECAST_SIMILARITY);
    assert_int_equal(plan.planned_ns, 6000);
}

static void refuse(cg_forecast_options options, const char *part) {
    cg_forecast forecast;
    cg_forecast before;
    memset(&forecast, 0x5a, sizeof forecast);
    memcpy(&before, &forecast, sizeof before);
    cg_error error = {0};
    assert_status(cg_forecast_init(&forecast, &options, &error), CG_ERROR_INVALID, error, part);
    assert_memory_equal(&forecast, &before, sizeof forecast);
}

static void test_refuses(void **state) {
    (void)state;
    cg_forecast_options bad = cg_forecast_options_default();
    bad.prior_ns[CG_FORECAST_KEYS] = 0.0;
    refuse(bad, "prior_ns of keys is 0, not 0.001 to 1e12");
    bad.prior_ns[CG_FORECAST_KEYS] = (double)NAN;
    refuse(bad, "prior_ns of keys");
    bad = cg_forecast_options_default();
    bad.prior_ns[CG_FORECAST_AHEAD_NS] = 2e12;
    refuse(bad, "prior_ns of time ahead is 2e+12");
    bad = cg_forecast_options_default();
    bad.prior_deviation = 0.001;
    refuse(bad, "prior_deviation is 0.001, not 0.01 to 1000");
    bad = cg_forecast_options_default();
    bad.forgetting = 0.5;
    refuse(bad, "forgetting is 0.5, not 0.9 to 1");
    bad.forgetting = (double)NAN;
    refuse(bad, "forgetting");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_forecast), cmocka_unit_test(test_greatest_forecast),
        cmocka_unit_test(test_known_step),     cmocka_unit_test(test_clamp),
        cmocka_unit_test(test_plan_edges),     cmocka_unit_test(test_plan_hops),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
