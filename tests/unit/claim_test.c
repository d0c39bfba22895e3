/* Goal: a claim is judged by the figure that the tables show, in the unit it is stated in, at every
 * combination that it is about, and stays open with a reason when it cannot be.
 */
#include "tests/support/claims.h"

#include <math.h>
#include <unistd.h>

#include <sqlite3.h>

#include "analysis/table/sheet.h"

static void holds(cg_claim_operator op, double figure, const char *figure_unit, double bound,
                  const char *unit, bool expected) {
    cg_claim_scale scale;
    assert_true(cg_claim_scale_of(figure_unit, unit, &scale));
    if (cg_claim_holds(op, scale, figure, bound) != expected) {
        fail_msg("%.17g %s %s %.17g %s is not %d", figure, figure_unit,
                 cg_claim_operator_names[op], bound, unit, expected);
    }
}

/* Equal figures are equal in every unit, and what differs by some 1e-15 of itself is not. */
static void bounds_are_compared_exactly(void **state) {
    (void)state;
    static const struct {
        double figure;
        const char *figure_unit;
        double bound;
        const char *unit;
    } equal[] = {
        {100000, "ns", 0.1, "ms"},
        {0.07, "1", 7, "%"},
        {0.29, "", 29, "%"},
        {7, "%", 0.07, "x"},
        {0.0023, "s", 2.3, "ms"},
        {1e7, "B", 10, "MB"},
        {80, "%", 80, "%"},
        {1e4, "1/s", 1e4, "requests/s"},
        {3, "1", 3, "iterations"},
        {1048576, "B", 1, "MiB"},
        {0, "ns", 0, "s"},
        {-0.07, "1", -7, "%"},
        {350000, "1/s", 350000, "operations/s"},
        {3, "furlong", 3, "furlong"},
    };
    for (size_t i = 0; i < sizeof equal / sizeof equal[0]; i++) {
        const char *from = equal[i].figure_unit;
        const char *to = equal[i].unit;
        double bound = equal[i].bound;
        double above = nextafter(equal[i].figure, HUGE_VAL);
        double below = nextafter(equal[i].figure, -HUGE_VAL);
        holds(CG_CLAIM_LESS, equal[i].figure, from, bound, to, false);
        holds(CG_CLAIM_AT_MOST, equal[i].figure, from, bound, to, true);
        holds(CG_CLAIM_EQUAL, equal[i].figure, from, bound, to, true);
        holds(CG_CLAIM_AT_LEAST, equal[i].figure, from, bound, to, true);
        holds(CG_CLAIM_MORE, equal[i].figure, from, bound, to, false);
        if (equal[i].figure > 0) {
            holds(CG_CLAIM_LESS, below * (1 - 1e-15), from, bound, to, true);
            holds(CG_CLAIM_AT_LEAST, below * (1 - 1e-15), from, bound, to, false);
            holds(CG_CLAIM_MORE, above * (1 + 1e-15), from, bound, to, true);
            holds(CG_CLAIM_AT_MOST, above * (1 + 1e-15), from, bound, to, false);
            holds(CG_CLAIM_EQUAL, below * (1 - 1e-15), from, bound, to, false);
        }
    }
    cg_claim_scale scale = {5, 6};
    assert_false(cg_claim_scale_of("ns", "MB", &scale));
    assert_false(cg_claim_scale_of("ns", "x", &scale));
    assert_false(cg_claim_scale_of("furlong", "ms", &scale));
    assert_false(cg_claim_scale_of("B", "B/s", &scale));
    assert_true(scale.figure_divisor == 5 && scale.bound_divisor == 6);
}

static void names_and_units(void **state) {
    (void)state;
    assert_true(cg_claim_name_is_valid("CL-33") && cg_claim_name_is_valid("A-1"));
    assert_true(cg_claim_name_is_valid("CL-33-faster") && cg_claim_name_is_valid("CL-51-2-x"));
    assert_true(cg_claim_name_is_valid("ABCDEFGHIJKLMNOPQRSTUVWX-1234567"));
    static const char *const bad[] = {"",
                                      "CL",
                                      "CL-",
                                      "-33",
                                      "cl-33",
                                      "CL-3a",
                                      "CL 33",
                                      "CL-33 ",
                                      "CL--33",
                                      "CL-33-",
                                      "CL-33--a",
                                      "CL-33-A",
                                      "ABCDEFGHIJKLMNOPQRSTUVWXY-1234567",
                                      "33",
                                      "CL-3:3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(cg_claim_name_is_valid(bad[i]));
    }
    assert_true(cg_claim_unit_is_known("operations/s") && !cg_claim_unit_is_known("furlong"));
    assert_true(cg_claim_unit_is_plain("x") && !cg_claim_unit_is_plain("ms"));
    assert_string_equal(cg_claim_unit_nearest("mss"), "ms");
    cg_claim_operator op = CG_CLAIM_MORE;
    assert_false(cg_claim_operator_parse("==", &op));
    assert_true(op == CG_CLAIM_MORE && cg_claim_operator_parse("<=", &op));
    assert_true(op == CG_CLAIM_AT_MOST);
}

/* The cell of a table. */
static double cell(const char *path, const char *column, const char *nodes, const char *hosts,
                   an_estimate *estimate) {
    cg_error error = {0};
    an_database database;
    an_sheet sheet;
    const char *where[] = {nodes, hosts};
    an_sheet_request request = {&column, 1, where, 2};
    assert_ok(an_database_open(path, NULL, &database, &error), error);
    assert_ok(an_sheet_build(&database, &request, &sheet, &error), error);
    assert_int_equal(sheet.row_count, 1);
    *estimate = sheet.rows[0].cells[0].estimate;
    an_database_close(&database);
    return estimate->value;
}

static const claim_text measured[] = {
    /* pooled over repetitions: the mean of 1001 and 1002; of histograms, the merged one's */
    {"CL-01", "throughput:mean", "nodes=1K\nhosts=1", NULL, CG_CLAIM_AT_LEAST, 1001.5, "1/s",
     1002, ""},
    {"CL-02", "latency:p99", "nodes=all\nhosts=4", NULL, CG_CLAIM_LESS, 1, "ms", 0.29, ""},
    /* at every combination; the worst is shown */
    {"CL-03", "throughput:mean", "", NULL, CG_CLAIM_MORE, 1001.5, "1/s", 0, ""},
    {"CL-04", "throughput:mean", "", NULL, CG_CLAIM_LESS, 2011.5001, "operations/s", 2000, ""},
    {"CL-05", "throughput:mean", "hosts=1", NULL, CG_CLAIM_EQUAL, 1001.5, "1/s", 0, ""},
    {"CL-06", "hits:ratio", "hosts=4", NULL, CG_CLAIM_EQUAL, 75, "%", 0, ""},
    /* ratios: 2001.5 / 1001.5 and, smaller, 2011.5 / 1011.5 */
    {"CL-07", "throughput:mean", "nodes=all", "nodes=1K", CG_CLAIM_MORE, 1.9, "x", 1.99, ""},
    {"CL-08", "throughput:mean", "nodes=all\nhosts=1", "nodes=1K", CG_CLAIM_MORE, 199, "%", 0,
     ""},
    {"CL-09", "throughput:mean", "nodes=all\nhosts=4", "nodes=1K\nhosts=1", CG_CLAIM_LESS, 2,
     "x", 0, ""},
    /* wall time may be claimed, and is marked */
    {"CL-10", "build:seconds", "nodes=1K\nhosts=1", NULL, CG_CLAIM_LESS, 200, "ms", 0, ""},
};
enum { MEASURED = sizeof measured / sizeof measured[0] };

static void figures_are_those_of_the_tables(void **state) {
    (void)state;
    static const struct {
        cg_claim_verdict verdict;
        cg_claim_verdict aim;
        double value;
        const char *place;
    } expected[MEASURED] = {
        {CG_CLAIM_MET, CG_CLAIM_MISSED, 1001.5, ""},
        {CG_CLAIM_MET, CG_CLAIM_MISSED, 0, ""},
        {CG_CLAIM_MISSED, CG_CLAIM_OPEN, 1001.5, "nodes=1K, hosts=1"},
        {CG_CLAIM_MET, CG_CLAIM_MISSED, 2011.5, "nodes=all, hosts=4"},
        {CG_CLAIM_MISSED, CG_CLAIM_OPEN, 2001.5, "nodes=all, hosts=1"},
        {CG_CLAIM_MET, CG_CLAIM_OPEN, 75, "nodes=1K, hosts=4"},
        {CG_CLAIM_MET, CG_CLAIM_MISSED, 2011.5 / 1011.5, "nodes=all, hosts=4"},
        {CG_CLAIM_MET, CG_CLAIM_OPEN, 100 * (2001.5 / 1001.5), ""},
        {CG_CLAIM_MISSED, CG_CLAIM_OPEN, 2011.5 / 1001.5, ""},
        {CG_CLAIM_MET, CG_CLAIM_OPEN, 1000 * ((0.125 + 0.25) / 2), ""},
    };
    char path[128];
    snprintf(path, sizeof path, "%s", results_path(".db"));
    (void)claims_make(path, measured, MEASURED, 1.0);
    cg_error error = {0};
    an_database database;
    an_claim *claims = NULL;
    uint32_t count = 0;
    assert_ok(an_database_open(path, NULL, &database, &error), error);
    assert_ok(an_claims_read(&database, &claims, &count, &error), error);
    assert_int_equal(count, MEASURED);
    for (uint32_t i = 0; i < MEASURED; i++) {
        const cg_claim_outcome *outcome = &claims[i].outcome;
        if (outcome->verdict != expected[i].verdict ||
            outcome->aim_verdict != expected[i].aim ||
            (expected[i].value != 0 && outcome->value != expected[i].value) ||
            strcmp(outcome->place, expected[i].place) != 0 || *outcome->reason) {
            fail_msg("%s: %s, aim %s, %.17g at \"%s\" (%s)", claims[i].name,
                     cg_claim_verdict_names[outcome->verdict],
                     cg_claim_verdict_names[outcome->aim_verdict], outcome->value,
                     outcome->place, outcome->reason);
        }
        assert_int_equal(outcome->wall, i == 9);
        assert_string_equal(claims[i].selector, measured[i].selector);
        assert_int_equal(claims[i].has_aim, measured[i].aim != 0);
    }
    an_estimate estimate;
    (void)cell(path, "throughput:mean", "nodes=1K", "hosts=1", &estimate);
    assert_true(claims[0].outcome.has_interval && claims[0].outcome.low == estimate.low &&
                claims[0].outcome.high == estimate.high);
    (void)cell(path, "latency:p99", "nodes=all", "hosts=4", &estimate);
    assert_true(claims[1].outcome.value == estimate.value / 1e6);
    assert_int_equal(claims[1].outcome.has_interval, estimate.has_interval);
    assert_false(claims[6].outcome.has_interval);
    uint32_t verdicts[CG_CLAIM_VERDICTS];
    an_claims_count(claims, count, verdicts);
    assert_true(verdicts[CG_CLAIM_MET] == 7 && verdicts[CG_CLAIM_MISSED] == 3 &&
                verdicts[CG_CLAIM_OPEN] == 0);
    an_database_close(&database);
    unlink(path);
}

/* Claims follow from the figures, so they are outside the fingerprint. */
static void the_fingerprint_is_that_without(void **state) {
    (void)state;
    const char *path = results_path(".db");
    uint64_t with = claims_make(path, measured, MEASURED, 1.0);
    unlink(path);
    path = results_path(".db");
    assert_true(results_make(path, 1.0) == with);
    unlink(path);
}

static void expect_open(const cg_claim_outcome *outcome, const char *reason) {
    if (outcome->verdict != CG_CLAIM_OPEN || outcome->aim_verdict != CG_CLAIM_OPEN ||
        !support_contains(outcome->reason, reason)) {
        fail_msg("verdict %s, \"%s\", wanted \"%s\"", cg_claim_verdict_names[outcome->verdict],
                 outcome->reason, reason);
    }
}

static void what_is_not_measured_is_open(void **state) {
    (void)state;
    static const claim_text texts[] = {
        {"CL-01", "latncy:p99", "", NULL, CG_CLAIM_LESS, 1, "ms", 0.5, ""},
        {"CL-02", "throughput:mean", "", NULL, CG_CLAIM_LESS, 1, "ms", 0.5, ""},
        {"CL-03", "latency:p99", "", NULL, CG_CLAIM_LESS, 1, "ms", 0, ""},
        {"CL-04", "latency:p99", "nodes=1K\nhosts=1", NULL, CG_CLAIM_LESS, 1, "ms", 0, ""},
        {"CL-05", "latency:p99", "nodes=1K\nhosts=1", "hosts=4", CG_CLAIM_LESS, 1, "x", 0.5,
         ""},
        {"CL-06", "throughput:p99", "", NULL, CG_CLAIM_LESS, 1, "1/s", 0, ""},
    };
    enum { COUNT = sizeof texts / sizeof texts[0] };
    const char *path = results_path(".db");
    cg_error error = {0};
    bool failed = false;
    sim_plan *plan = claims_plan(texts, COUNT);
    assert_ok(sim_recorder_begin(path, plan, NULL, 0, &error), error);
    cg_claim_outcome *outcomes = claims_judge(path, plan);
    expect_open(&outcomes[3], "no finished point with figures");
    free(outcomes);
    /* Point 3, the second repetition of nodes=1K, hosts=4, fails; 7 is never run. */
    for (uint32_t i = 0; i < 7; i++) {
        if (i != 3) {
            claims_store(path, plan, i, 1.0);
        }
    }
    assert_ok(sim_recorder_point(path, plan, 3, "", "killed by signal 9", &failed, &error),
              error);
    outcomes = claims_judge(path, plan);
    expect_open(&outcomes[0], "the nearest is \"latency:p99\"");
    expect_open(&outcomes[1], "throughput:mean is in 1/s, which cannot be stated in ms");
    expect_open(&outcomes[2], "1 of 2 points at nodes=1K, hosts=4 failed");
    assert_true(outcomes[3].verdict == CG_CLAIM_MET);
    expect_open(&outcomes[4], "1 of 2 points at nodes=1K, hosts=4 failed");
    expect_open(&outcomes[5], "throughput:p99");
    free(outcomes);
    /* A point that is stored later opens what was judged; with it the claim can be judged. */
    claims_store(path, plan, 3, 1.0);
    an_database database;
    an_claim *claims = NULL;
    uint32_t count = 0;
    assert_ok(an_database_open(path, NULL, &database, &error), error);
    assert_ok(an_claims_read(&database, &claims, &count, &error), error);
    assert_true(claims[3].outcome.verdict == CG_CLAIM_OPEN && !*claims[3].outcome.reason);
    an_database_close(&database);
    outcomes = claims_judge(path, plan);
    expect_open(&outcomes[2], "1 of 2 points at nodes=all, hosts=4 have not run");
    assert_true(outcomes[4].verdict == CG_CLAIM_MISSED && outcomes[4].value == 1.0 &&
                outcomes[4].aim_verdict == CG_CLAIM_MISSED);
    free(outcomes);
    results_plan_free(plan);
    unlink(path);
}

/* Figures that only some points state, or that are 0, divide nothing. */
static void ratios_need_a_divisor(void **state) {
    (void)state;
    static const claim_text texts[] = {
        {"CL-01", "lost:total", "nodes=all", "nodes=1K", CG_CLAIM_MORE, 1, "x", 0, ""},
        {"CL-02", "rare:total", "nodes=all", "nodes=1K", CG_CLAIM_MORE, 1, "x", 0, ""},
        {"CL-03", "rare:total", "nodes=all", NULL, CG_CLAIM_MORE, 1, "1", 0, ""},
    };
    const char *path = results_path(".db");
    (void)claims_make(path, texts, 3, 1.0);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "INSERT INTO metric SELECT experiment_name, point_index, 'lost', 'total', "
                     "iif(point_index < 4, 0, 5), '1', 0 FROM point;"
                     "INSERT INTO metric SELECT experiment_name, point_index, 'rare', 'total', "
                     "5, '1', 0 FROM point WHERE point_index >= 4",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    sim_plan *plan = claims_plan(texts, 3);
    cg_claim_outcome *outcomes = claims_judge(path, plan);
    expect_open(&outcomes[0], "there is no ratio to 0 at nodes=1K, hosts=1");
    expect_open(&outcomes[1], "no point at nodes=1K, hosts=1 states rare:total");
    assert_true(outcomes[2].verdict == CG_CLAIM_MET && outcomes[2].value == 5.0);
    free(outcomes);
    results_plan_free(plan);
    unlink(path);
}

/* Two runs do not mix, and a damaged selector is said to be one. */
static void other_databases_are_refused(void **state) {
    (void)state;
    cg_error error = {0};
    cg_claim_outcome *outcomes = calloc(MEASURED + 1, sizeof *outcomes);
    assert_non_null(outcomes);
    const char *path = results_path(".db");
    (void)claims_make(path, measured, MEASURED, 1.0);
    assert_status(an_claims_judge(path, "demo", outcomes, MEASURED + 1, &error),
                  CG_ERROR_NOT_FOUND, error, "another run has replaced");
    sim_plan *plan = claims_plan(measured, MEASURED);
    plan->claims[2].name[3] = '9';
    assert_status(sim_recorder_claims(path, plan, outcomes, &error), CG_ERROR_NOT_FOUND, error,
                  "claim CL-93 of experiment demo is not in");
    results_plan_free(plan);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE claim SET selector = 'nodes=2K' WHERE claim_index = 4", NULL,
                     NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    assert_status(an_claims_judge(path, "demo", outcomes, MEASURED, &error), CG_ERROR_CORRUPT,
                  error, "claim CL-05 selects \"nodes=2K\"");
    free(outcomes);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_are_compared_exactly),
        cmocka_unit_test(names_and_units),
        cmocka_unit_test(figures_are_those_of_the_tables),
        cmocka_unit_test(the_fingerprint_is_that_without),
        cmocka_unit_test(what_is_not_measured_is_open),
        cmocka_unit_test(ratios_need_a_divisor),
        cmocka_unit_test(other_databases_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
