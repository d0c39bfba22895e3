/* Goal: the tables of a known database are exactly those committed in tests/golden/table/, in
 * every form.
 *
 * To accept a change: CORTIGRID_UPDATE_GOLDEN=1 with this program, then review the diff.
 */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/table/column.h"
#include "analysis/table/number.h"
#include "analysis/table/table.h"
#include "analysis/table/unit.h"
#include "engine/base/nearest.h"
#include "tests/support/claims.h"
#include "tests/support/results.h"

static const char *database; /* with every point done */

/* The fingerprint is of simulated content only, so it is the same everywhere and part of the
 * JSON. */
static void compare(const char *name, const char *path, const an_table_options *options) {
    char expected_path[128];
    cg_error error = {0};
    snprintf(expected_path, sizeof expected_path, "tests/golden/table/%s", name);
    if (getenv("CORTIGRID_UPDATE_GOLDEN")) {
        FILE *golden = fopen(expected_path, "wb");
        assert_non_null(golden);
        assert_ok(an_table_print(path, options, golden, &error), error);
        fclose(golden);
        return;
    }
    const char *actual_path = results_path(name);
    FILE *out = fopen(actual_path, "wb");
    assert_non_null(out);
    cg_status status = an_table_print(path, options, out, &error);
    fclose(out);
    assert_ok(status, error);
    size_t expected_bytes = 0;
    size_t actual_bytes = 0;
    uint8_t *expected = support_read_file(expected_path, &expected_bytes);
    uint8_t *actual = support_read_file(actual_path, &actual_bytes);
    unlink(actual_path);
    if (expected_bytes != actual_bytes || memcmp(expected, actual, actual_bytes) != 0) {
        fail_msg("%s differs; now it is:\n%s", expected_path, (const char *)actual);
    }
    free(expected);
    free(actual);
}

static void test_formats(void **state) {
    (void)state;
    compare("views.txt", database,
            &(an_table_options){.format = AN_FORMAT_TEXT, .view = "main", .width = 90});
    compare("views.csv", database, &(an_table_options){.format = AN_FORMAT_CSV});
    compare("views.json", database, &(an_table_options){.format = AN_FORMAT_JSON});
    compare("views.md", database, &(an_table_options){.format = AN_FORMAT_MARKDOWN});
}

static void test_columns_and_conditions(void **state) {
    (void)state;
    const char *const where[] = {"nodes=all", "hosts=4", "hosts=1"};
    compare("columns.txt", database,
            &(an_table_options){.columns = "latency:p90, latency:min,latency:max,latency:mean,"
                                           "latency:count,build:seconds",
                                .where = where,
                                .where_count = 3});
    compare("columns.csv", database,
            &(an_table_options){.format = AN_FORMAT_CSV,
                                .columns = "build:seconds,latency:p50",
                                .where = where,
                                .where_count = 1});
    const char *const repetition[] = {"repetition=2"};
    compare("repetition.txt", database,
            &(an_table_options){
                .columns = "throughput:mean", .where = repetition, .where_count = 1});
}

/* Failed and pending points are said, and take part in no figure. */
static void test_unfinished(void **state) {
    (void)state;
    char path[128]; /* results_path's own text lasts for two calls only */
    snprintf(path, sizeof path, "%s", results_path(".db"));
    cg_error error = {0};
    sim_plan *plan = results_plan();
    bool failed = false;
    assert_ok(sim_recorder_begin(path, plan, NULL, 0, &error), error);
    compare("pending.txt", path, &(an_table_options){.format = AN_FORMAT_TEXT});
    compare("pending.csv", path, &(an_table_options){.format = AN_FORMAT_CSV});
    an_table_options none = {.format = AN_FORMAT_TEXT, .columns = "latency:p99"};
    assert_status(an_table_print(path, &none, stderr, &error), CG_ERROR_NOT_FOUND, error,
                  "no finished point");
    for (uint32_t i = 0; i < 4; i++) {
        char *text = results_rows(plan, i, 1.0);
        assert_ok(sim_recorder_point(path, plan, i, text, NULL, &failed, &error), error);
        free(text);
    }
    assert_ok(sim_recorder_point(path, plan, 3, "", "killed by signal 9", &failed, &error),
              error);
    compare("unfinished.txt", path, &(an_table_options){.columns = "throughput:mean"});
    results_plan_free(plan);
    unlink(path);
}

static const claim_text claims[] = {
    {"CL-01", "latency:p50", "nodes=1K\nhosts=4", NULL, CG_CLAIM_LESS, 0.2, "ms", 0.15,
     "from intended start to answer"},
    {"CL-02", "throughput:mean", "", NULL, CG_CLAIM_AT_LEAST, 1002, "requests/s", 5000, ""},
    {"CL-03", "throughput:mean", "nodes=all", "nodes=1K", CG_CLAIM_AT_LEAST, 1.5, "x", 1.989,
     ""},
    {"CL-04", "hits:ratio", "hosts=1", NULL, CG_CLAIM_MORE, 49.99999, "%", 0,
     "with \"quotes\", commas | bars"},
    {"CL-05", "hits:share", "", NULL, CG_CLAIM_MORE, 70, "%", 80, ""},
    {"CL-06", "build:seconds", "nodes=1K\nhosts=1", NULL, CG_CLAIM_EQUAL, 0.1875, "s", 0, ""},
};

/* Behind the tables, or alone; not with columns or conditions, which are others' than theirs. */
static void test_claims(void **state) {
    (void)state;
    char path[128];
    cg_error error = {0};
    snprintf(path, sizeof path, "%s", results_path("-claims.db"));
    (void)claims_make(path, claims, sizeof claims / sizeof claims[0], 1.0);
    an_table_options alone = {.format = AN_FORMAT_TEXT, .view = "claims"};
    compare("claims.txt", path, &alone);
    alone.format = AN_FORMAT_CSV;
    compare("claims.csv", path, &alone);
    alone.format = AN_FORMAT_JSON;
    compare("claims.json", path, &alone);
    alone.format = AN_FORMAT_MARKDOWN;
    compare("claims.md", path, &alone);
    compare("claims-narrow.txt", path, &(an_table_options){.view = "claims", .width = 90});
    compare("views-claims.txt", path, &(an_table_options){.width = 0});
    compare("views-claims.csv", path, &(an_table_options){.format = AN_FORMAT_CSV});
    compare("views-claims.json", path, &(an_table_options){.format = AN_FORMAT_JSON});
    compare("views.txt", path, &(an_table_options){.view = "main", .width = 90});
    const char *const repetition[] = {"repetition=2"};
    compare("repetition.txt", path,
            &(an_table_options){
                .columns = "throughput:mean", .where = repetition, .where_count = 1});
    compare(
        "views-where.csv", path,
        &(an_table_options){.format = AN_FORMAT_CSV, .where = repetition, .where_count = 1});
    alone.columns = "latency:p50";
    assert_status(an_table_print(path, &alone, stderr, &error), CG_ERROR_INVALID, error,
                  "takes no columns and no conditions");
    alone = (an_table_options){.view = "claim"};
    assert_status(an_table_print(path, &alone, stderr, &error), CG_ERROR_NOT_FOUND, error,
                  "the nearest is \"claims\"");
    unlink(path);
}

static void refuse(const an_table_options *options, cg_status expected, const char *part) {
    cg_error error = {0};
    FILE *out = tmpfile();
    assert_non_null(out);
    assert_status(an_table_print(database, options, out, &error), expected, error, part);
    assert_int_equal(ftell(out), 0);
    fclose(out);
}

static void test_wrong_names(void **state) {
    (void)state;
    refuse(&(an_table_options){.columns = "latncy:p99"}, CG_ERROR_NOT_FOUND,
           "the nearest is \"latency:p99\"");
    refuse(&(an_table_options){.columns = "throughput:p99"}, CG_ERROR_NOT_FOUND, "throughput");
    refuse(&(an_table_options){.columns = "latency"}, CG_ERROR_INVALID, "metric:statistic");
    refuse(&(an_table_options){.columns = ","}, CG_ERROR_INVALID, "no columns");
    refuse(&(an_table_options){.view = "mian"}, CG_ERROR_NOT_FOUND, "nearest is \"main\"");
    refuse(&(an_table_options){.view = "claims"}, CG_ERROR_NOT_FOUND, "has no claims");
    refuse(&(an_table_options){.experiment = "dmo"}, CG_ERROR_NOT_FOUND, "nearest is \"demo\"");
    const char *where[] = {"host=1"};
    an_table_options options = {.where = where, .where_count = 1};
    refuse(&options, CG_ERROR_NOT_FOUND, "nearest is \"hosts\"");
    where[0] = "hosts=2";
    refuse(&options, CG_ERROR_NOT_FOUND, "factor hosts has no value \"2\"");
    where[0] = "hosts";
    refuse(&options, CG_ERROR_INVALID, "factor=value");
    where[0] = "repetition=9";
    refuse(&options, CG_ERROR_NOT_FOUND, "no point");
}

static void test_wrong_files(void **state) {
    (void)state;
    cg_error error = {0};
    an_table_options options = {.format = AN_FORMAT_TEXT};
    assert_status(an_table_print("/nonexistent.db", &options, stderr, &error),
                  CG_ERROR_NOT_FOUND, error, "there is no database");
    assert_status(an_table_print("/tmp", &options, stderr, &error), CG_ERROR_IO, error, "/tmp");
    assert_status(an_table_print("tests/golden/table_test.c", &options, stderr, &error),
                  CG_ERROR_CORRUPT, error, "no result database");
    FILE *full = fopen("/dev/full", "wb");
    assert_non_null(full);
    assert_status(an_table_print(database, &options, full, &error), CG_ERROR_IO, error,
                  "cannot write the table");
    fclose(full);
}

static void test_parts(void **state) {
    (void)state;
    double q = 0.0;
    assert_true(an_column_quantile("p99", &q) && q == 0.99);
    assert_true(an_column_quantile("p99.9", &q) && q == 99.9 / 100.0);
    assert_true(an_column_quantile("p999", &q) && q == 99.9 / 100.0);
    assert_true(an_column_quantile("p5", &q) && q == 0.05);
    assert_false(an_column_quantile("p0", &q) || an_column_quantile("p", &q));
    assert_false(an_column_quantile("p9.9.", &q) || an_column_quantile("peak", &q));
    assert_int_equal(cg_nearest_distance("kitten", "sitting"), 3);
    assert_int_equal(cg_nearest_distance("", "abc"), 3);
    assert_string_equal(an_unit_pick("ns", 1500.0).label, "us");
    assert_string_equal(an_unit_pick("ns", 0.0).label, "ns");
    assert_string_equal(an_unit_pick("s", 0.002).label, "ms");
    assert_string_equal(an_unit_pick("B", 2e9).label, "GB");
    assert_string_equal(an_unit_pick("parsec", 2e9).label, "parsec");
    char text[AN_NUMBER_BYTES];
    an_number_exact(0.1, text);
    assert_string_equal(text, "0.1");
    an_number_exact(-0.0, text);
    assert_string_equal(text, "0");
    an_number_exact(1.0 / 3.0, text);
    assert_true(strtod(text, NULL) == 1.0 / 3.0);
    an_number_fixed(-0.001, 2, text);
    assert_string_equal(text, "0.00");
}

int main(void) {
    char path[256];
    snprintf(path, sizeof path, "%s", results_path("-golden.db"));
    database = path;
    (void)results_make(path, 1.0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),     cmocka_unit_test(test_columns_and_conditions),
        cmocka_unit_test(test_unfinished),  cmocka_unit_test(test_wrong_names),
        cmocka_unit_test(test_wrong_files), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_claims),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failures;
}
