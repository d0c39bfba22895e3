/* Goal: fits give back the costs that times were made of, never a negative one, and are not pulled by
 * times that something else made long; what is calibrated is a profile that the program reads.
 */
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/prng.h"
#include "sim/calibrate/calibration.h"
#include "sim/calibrate/fit.h"

static void assert_near(double found, double expected, double share) {
    if (!(fabs(found - expected) <= share * fabs(expected))) {
        fail_msg("%.9g is not within %g of %.9g", found, share, expected);
    }
}

/* 10 ns and 2 ns a unit. */
static void test_line_is_given_back(void **state) {
    (void)state;
    const sim_fit_point points[] = {{1, 1, 12}, {1, 10, 30}, {1, 100, 210}, {5, 100, 250}};
    sim_fit_line line = sim_fit_points(points, 4);
    assert_near(line.fixed_ns, 10.0, 1e-9);
    assert_near(line.per_unit_ns, 2.0, 1e-9);
    assert_true(line.worst < 1e-9);
}

static void test_line_is_never_negative(void **state) {
    (void)state;
    const sim_fit_point below[] = {
        {1, 1, 1}, {1, 10, 19}, {1, 100, 199}}; /* 2 a unit, less 1 */
    sim_fit_line line = sim_fit_points(below, 3);
    assert_true(line.fixed_ns == 0.0);
    assert_true(line.per_unit_ns > 1.0 && line.per_unit_ns < 2.0);
    const sim_fit_point falling[] = {{1, 1, 30}, {1, 10, 20}, {1, 100, 10}};
    line = sim_fit_points(falling, 3);
    assert_true(line.fixed_ns > 10.0 && line.fixed_ns < 30.0);
    assert_true(line.per_unit_ns == 0.0);
    const sim_fit_point one[] = {{4, 8, 40}}; /* all is per unit */
    line = sim_fit_points(one, 1);
    assert_near(line.per_unit_ns, 5.0, 1e-9);
    const sim_fit_point unitless[] = {{4, 0, 40}};
    assert_near(sim_fit_points(unitless, 1).fixed_ns, 10.0, 1e-9);
}

enum { WORKS = 400 };

/* Works of three kinds; hop 50 + 3, vote 20 + 8, slot 100 + 0. Every tenth time is ten times too long
 * where is_disturbed. */
static void make_works(bool is_disturbed, sim_fit_work works[WORKS]) {
    cg_stream stream = cg_stream_init(support_seed(2026), "test.calibrate", 0);
    for (int i = 0; i < WORKS; i++) {
        sim_fit_work *at = &works[i];
        *at = (sim_fit_work){.ns = 0.0};
        cg_work_count(&at->work, CG_WORK_INDEX_HOP, 1 + cg_stream_next_below(&stream, 100),
                      cg_stream_next_below(&stream, 2000));
        cg_work_count(&at->work, CG_WORK_COLUMN_VOTE, 1 + cg_stream_next_below(&stream, 100),
                      cg_stream_next_below(&stream, 800));
        cg_work_count(&at->work, CG_WORK_SLOT, cg_stream_next_below(&stream, 50), 0);
        at->ns = 50.0 * (double)at->work.operations[CG_WORK_INDEX_HOP] +
                 3.0 * (double)at->work.units[CG_WORK_INDEX_HOP] +
                 20.0 * (double)at->work.operations[CG_WORK_COLUMN_VOTE] +
                 8.0 * (double)at->work.units[CG_WORK_COLUMN_VOTE] +
                 100.0 * (double)at->work.operations[CG_WORK_SLOT];
        at->ns *= is_disturbed && i % 10 == 3 ? 10.0 : 1.0;
    }
}

static sim_costs own_costs(void) {
    sim_costs costs = {.fixed_ns = {0}};
    costs.fixed_ns[CG_WORK_INDEX_HOP] = 30.0;
    costs.per_unit_ns[CG_WORK_INDEX_HOP] = 2.0;
    costs.fixed_ns[CG_WORK_COLUMN_VOTE] = 30.0;
    costs.per_unit_ns[CG_WORK_COLUMN_VOTE] = 5.0;
    costs.fixed_ns[CG_WORK_SLOT] = 60.0;
    costs.per_unit_ns[CG_WORK_SLOT] = 7.0; /* no work counts it */
    return costs;
}

static void test_works_give_back_costs(void **state) {
    (void)state;
    static sim_fit_work works[WORKS];
    for (int is_disturbed = 0; is_disturbed <= 1; is_disturbed++) {
        make_works(is_disturbed == 1, works);
        sim_costs costs = own_costs();
        const sim_fit_options options = {.hold = 0.0, .least = 0.1, .most = 10.0};
        sim_fit_works(works, WORKS, &options, &costs);
        const double share = is_disturbed ? 0.02 : 1e-4;
        assert_near(costs.fixed_ns[CG_WORK_INDEX_HOP], 50.0, share);
        assert_near(costs.per_unit_ns[CG_WORK_INDEX_HOP], 3.0, share);
        assert_near(costs.fixed_ns[CG_WORK_COLUMN_VOTE], 20.0, share);
        assert_near(costs.per_unit_ns[CG_WORK_COLUMN_VOTE], 8.0, share);
        assert_near(costs.fixed_ns[CG_WORK_SLOT], 100.0, share);
        assert_true(costs.per_unit_ns[CG_WORK_SLOT] == 7.0);
    }
}

static void test_bounds_and_what_is_held(void **state) {
    (void)state;
    static sim_fit_work works[WORKS];
    make_works(false, works);
    sim_costs costs = own_costs();
    costs.fixed_ns[CG_WORK_SLOT] = 10.0; /* true: ten times that */
    sim_fit_options options = {.hold = 0.0, .least = 0.5, .most = 2.0};
    options.is_held[CG_WORK_COLUMN_VOTE] = true;
    sim_fit_works(works, WORKS, &options, &costs);
    assert_near(costs.fixed_ns[CG_WORK_SLOT], 20.0, 1e-9);
    assert_true(costs.fixed_ns[CG_WORK_COLUMN_VOTE] == 30.0);
    assert_true(costs.per_unit_ns[CG_WORK_COLUMN_VOTE] == 5.0);
    costs.fixed_ns[CG_WORK_SLOT] = 1000.0; /* true: a tenth of that */
    sim_fit_works(works, WORKS, &options, &costs);
    assert_near(costs.fixed_ns[CG_WORK_SLOT], 500.0, 1e-9);
    costs = own_costs();
    options = (sim_fit_options){.hold = 1e9, .least = 0.1, .most = 10.0};
    sim_fit_works(works, WORKS, &options, &costs);
    assert_near(costs.fixed_ns[CG_WORK_SLOT], 60.0, 1e-6); /* so held, it stays */
}

/* What others cost is taken off, but no more than nine tenths. */
static void test_others_are_taken_off(void **state) {
    (void)state;
    sim_profile reference;
    cg_error error;
    assert_ok(sim_profile_read("scenarios/profiles/reference.tsv", &reference, &error), error);
    static sim_calibration calibration;
    sim_calibration_init(&calibration, &reference);
    assert_false(calibration.is_measured[CG_WORK_INDEX_HOP]);
    sim_calibration_set(&calibration, CG_WORK_DISTANCE_I8, 10.0, 0.1, "by hand");
    sim_fit_work works[2] = {{.ns = 1000.0 + 100 * 10.0 + 12800 * 0.1},
                             {.ns = 3000.0 + 200 * 10.0 + 25600 * 0.1}};
    for (uint64_t i = 0; i < 2; i++) {
        cg_work_count(&works[i].work, CG_WORK_DISTANCE_I8, 100 * (i + 1), 12800 * (i + 1));
        cg_work_count(&works[i].work, CG_WORK_INDEX_HOP, 10, 100 + 400 * i);
    }
    sim_calibration_fit(&calibration, CG_WORK_INDEX_HOP, works, 2, "by hand");
    assert_near(calibration.costs.fixed_ns[CG_WORK_INDEX_HOP], 50.0, 1e-6);
    assert_near(calibration.costs.per_unit_ns[CG_WORK_INDEX_HOP], 5.0, 1e-6);
    assert_true(calibration.is_measured[CG_WORK_INDEX_HOP]);
    assert_non_null(strstr(calibration.sources[CG_WORK_INDEX_HOP], "by hand"));
    works[0].ns = 100.0; /* less than its distances alone */
    sim_calibration_fit(&calibration, CG_WORK_INDEX_HOP, works, 1, "by hand");
    assert_near(calibration.costs.per_unit_ns[CG_WORK_INDEX_HOP], 0.1, 1e-6);
}

static void test_text_is_a_profile(void **state) {
    (void)state;
    sim_profile reference;
    sim_profile read;
    cg_error error;
    assert_ok(sim_profile_read("scenarios/profiles/reference.tsv", &reference, &error), error);
    static sim_calibration calibration;
    sim_calibration_init(&calibration, &reference);
    sim_calibration_set(&calibration, CG_WORK_SLOT, 12.3456, 0.0004, "by hand");
    sim_calibration_set(&calibration, CG_WORK_TIER_STORE, 100000.0, 2.0, "by hand");
    char *text = NULL;
    assert_ok(sim_calibration_format(&calibration, &reference, &text, &error), error);
    assert_ok(sim_profile_parse("calibrated", text, strlen(text), &read, &error), error);
    assert_int_equal(read.entries[CG_WORK_SLOT].fixed_ps, 12346);
    assert_int_equal(read.entries[CG_WORK_SLOT].per_unit_ps, 0);
    assert_int_equal(read.entries[CG_WORK_SLOT].fixed_fj, 43209600); /* 3.5 W */
    assert_int_equal(read.entries[CG_WORK_TIER_STORE].resource, SIM_RESOURCE_DISK);
    assert_int_equal(read.entries[CG_WORK_TIER_STORE].fixed_ps, 100000000);
    assert_int_equal(read.entries[CG_WORK_TIER_STORE].fixed_fj,
                     reference.entries[CG_WORK_TIER_STORE].fixed_fj);
    assert_int_equal(read.entries[CG_WORK_STEP].fixed_ps,
                     reference.entries[CG_WORK_STEP].fixed_ps);
    assert_non_null(strstr(text, "not measured here"));
    assert_non_null(strstr(text, calibration.machine));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_is_given_back),
        cmocka_unit_test(test_line_is_never_negative),
        cmocka_unit_test(test_works_give_back_costs),
        cmocka_unit_test(test_bounds_and_what_is_held),
        cmocka_unit_test(test_others_are_taken_off),
        cmocka_unit_test(test_text_is_a_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
