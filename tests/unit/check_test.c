/* Goal: check says same exactly when the figures are, differences are readable, and neither
 * check nor bless ever harms a baseline. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/check/check.h"
#include "analysis/table/table.h"
#include "tests/support/claims.h"
#include "tests/support/results.h"

static char database[256];
static char slower[256]; /* throughput is 1% less */
static char baseline[256];

static char *read_text(const char *path) {
    size_t size_bytes = 0;
    return (char *)support_read_file(path, &size_bytes);
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* The output of an_check; free with free(). */
static char *check(const char *path, an_verdict expected) {
    char *text = NULL;
    size_t size_bytes = 0;
    cg_error error = {0};
    an_verdict verdict = expected == AN_VERDICT_SAME ? AN_VERDICT_DIFFER : AN_VERDICT_SAME;
    FILE *out = open_memstream(&text, &size_bytes);
    assert_non_null(out);
    cg_status status = an_check(path, baseline, out, &verdict, &error);
    fclose(out);
    assert_ok(status, error);
    if (verdict != expected) {
        fail_msg("verdict %d: %s", (int)verdict, text);
    }
    return text;
}

static void bless(const char *path) {
    cg_error error = {0};
    FILE *out = tmpfile();
    assert_non_null(out);
    assert_ok(an_bless(path, baseline, NULL, out, &error), error);
    fclose(out);
}

/* Replaces the first `from` in the baseline. */
static void edit(const char *from, const char *to) {
    char *text = read_text(baseline);
    char *at = strstr(text, from);
    assert_non_null(at);
    char *edited = calloc(strlen(text) + strlen(to) + 1, 1);
    assert_non_null(edited);
    memcpy(edited, text, (size_t)(at - text));
    strcat(edited, to);
    strcat(edited, at + strlen(from));
    write_text(baseline, edited);
    free(edited);
    free(text);
}

static void test_same_and_different(void **state) {
    (void)state;
    unlink(baseline);
    bless(database);
    char *text = check(database, AN_VERDICT_SAME);
    /* 4 rows of n and 4 columns; build:seconds is wall time and not among them */
    assert_true(support_contains(text, "all 20 figures of demo agree"));
    free(text);
    text = check(slower, AN_VERDICT_DIFFER);
    assert_true(support_contains(text, "4 of 20 figures of demo differ"));
    assert_true(support_contains(text, "nodes=1K hosts=1 "));
    assert_true(support_contains(text, "throughput:mean"));
    assert_true(support_contains(text, "1001.5 1/s"));
    assert_true(support_contains(text, "991.485 1/s"));
    assert_true(support_contains(text, "-1 %"));
    assert_false(support_contains(text, "latency"));
    free(text);
}

/* One unit in the last place is a difference where no tolerance is stated. */
static void test_exact_and_tolerances(void **state) {
    (void)state;
    unlink(baseline);
    bless(database);
    edit("1001.5", "1001.5000000000001");
    free(check(database, AN_VERDICT_DIFFER));
    bless(database);
    edit("throughput:mean\texact", "throughput:mean\t1.0001%");
    free(check(slower, AN_VERDICT_SAME));
    edit("throughput:mean\t1.0001%", "throughput:mean\t0.99%");
    free(check(slower, AN_VERDICT_DIFFER));
    edit("throughput:mean\t0.99%", "throughput:mean\t20.2");
    free(check(slower, AN_VERDICT_SAME));
    /* Blessing keeps columns and tolerances. */
    edit("# column\thits:ratio\texact\n", "");
    bless(slower);
    char *text = read_text(baseline);
    assert_true(support_contains(text, "throughput:mean\t20.2\n"));
    assert_true(support_contains(text, "1K\t1\tthroughput:mean\t991.485\t1/s\n"));
    assert_false(support_contains(text, "hits"));
    free(text);
    free(check(database, AN_VERDICT_SAME));
}

static void test_rows_on_one_side(void **state) {
    (void)state;
    unlink(baseline);
    bless(database);
    edit("1K\t1\tthroughput:mean\t1001.5\t1/s\n", "");
    char *text = check(database, AN_VERDICT_DIFFER);
    assert_true(support_contains(text, "1 of 19"));
    assert_true(support_contains(text, "no such row"));
    free(text);
    bless(database);
    edit("all\t4\tn\t2\t1\n", "all\t4\tn\t2\t1\nall\t8\tn\t2\t1\n");
    text = check(database, AN_VERDICT_DIFFER);
    assert_true(support_contains(text, "nodes=all hosts=8"));
    free(text);
    bless(database);
    edit("1K\t1\tlatency:p50\t149056\tns", "1K\t1\tlatency:p50\t149056\tus");
    free(check(database, AN_VERDICT_DIFFER));
    bless(database);
    edit("\t149056\t", "\t-\t");
    free(check(database, AN_VERDICT_DIFFER));
}

static void refuse(cg_status expected, const char *part) {
    cg_error error = {0};
    an_verdict verdict = AN_VERDICT_SAME;
    FILE *out = tmpfile();
    assert_non_null(out);
    assert_status(an_check(database, baseline, out, &verdict, &error), expected, error, part);
    assert_int_equal(ftell(out), 0);
    fclose(out);
}

static void test_bad_baselines(void **state) {
    (void)state;
    static const struct {
        const char *from;
        const char *to;
        const char *part;
    } edits[] = {
        {"# experiment\tdemo", "# experiment\tdmo", "nearest is \"demo\""},
        {"# experiment\tdemo\n", "", "lacks its experiment"},
        {"nodes\thosts\t", "size\thosts\t", "matches no row"},
        {"nodes\thosts\tcolumn", "nodes\thosts\tcolum", "no header"},
        {"latency:p50\texact", "latency:p50\t-1%", "tolerance"},
        {"latency:p50\texact", "latency:p50\tabout", "tolerance"},
        {"latency:p50\texact", "latncy:p50\texact", "nearest is \"latency:p50\""},
        {"hits:ratio\texact", "build:seconds\texact", "wall time"},
        {"149056", "nan", "finite"},
        {"149056\tns", "149056", "number of fields"},
    };
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        unlink(baseline);
        bless(database);
        edit(edits[i].from, edits[i].to);
        cg_error error = {0};
        an_verdict verdict = AN_VERDICT_SAME;
        FILE *out = tmpfile();
        assert_non_null(out);
        cg_status status = an_check(database, baseline, out, &verdict, &error);
        fclose(out);
        if (status == CG_OK || !support_contains(error.message, edits[i].part)) {
            fail_msg("edit %zu: %s, \"%s\"", i, cg_status_name(status), error.message);
        }
    }
    write_text(baseline, "# experiment\tdemo\nnodes\thosts\tcolumn\tvalue\tunit\n");
    refuse(CG_ERROR_INVALID, "matches no row");
    write_text(baseline, "");
    refuse(CG_ERROR_INVALID, "is no baseline");
    unlink(baseline);
    refuse(CG_ERROR_NOT_FOUND, "cannot read the baseline");
}

static void test_bless_harms_nothing(void **state) {
    (void)state;
    cg_error error = {0};
    unlink(baseline);
    bless(database);
    char *before = read_text(baseline);
    FILE *out = tmpfile();
    assert_non_null(out);
    /* not every point done */
    const char *path = results_path("-part.db");
    sim_plan *plan = results_plan();
    assert_ok(sim_recorder_begin(path, plan, NULL, 0, &error), error);
    assert_status(an_bless(path, baseline, NULL, out, &error), CG_ERROR_INVALID, error,
                  "8 of 8 points");
    results_plan_free(plan);
    unlink(path);
    /* a folder that is not there, a file beside that cannot be made */
    assert_status(an_bless(database, "/nonexistent/b.tsv", NULL, out, &error), CG_ERROR_IO,
                  error, "/nonexistent");
    char beside[300];
    snprintf(beside, sizeof beside, "%s.new", baseline);
    assert_int_equal(mkdir(beside, 0777), 0);
    assert_status(an_bless(database, baseline, NULL, out, &error), CG_ERROR_IO, error, beside);
    rmdir(beside);
    char *after = read_text(baseline);
    assert_string_equal(before, after);
    /* what is no baseline is not overwritten */
    write_text(baseline, "my notes\n");
    assert_int_equal(an_bless(database, baseline, NULL, out, &error), CG_ERROR_INVALID);
    free(after);
    after = read_text(baseline);
    assert_string_equal(after, "my notes\n");
    fclose(out);
    free(before);
    free(after);
}

static const claim_text claims[] = {
    {"CL-01", "throughput:mean", "nodes=1K\nhosts=1", NULL, CG_CLAIM_MORE, 1000, "1/s", 1001,
     ""},
    {"CL-02", "hits:ratio", "", NULL, CG_CLAIM_AT_LEAST, 50, "%", 0, ""},
    {"CL-03", "none:mean", "", NULL, CG_CLAIM_LESS, 50, "ms", 0, ""},
    {"CL-04", "build:seconds", "", NULL, CG_CLAIM_LESS, 50, "ms", 0, ""},
};

/* A claim that was met and is missed now fails, whatever its value may differ by; claims of wall
 * time are left out. */
static void test_claims(void **state) {
    (void)state;
    char fine[128];
    char missed[128];
    snprintf(fine, sizeof fine, "%s", results_path("-fine.db"));
    snprintf(missed, sizeof missed, "%s", results_path("-missed.db"));
    (void)claims_make(fine, claims, 4, 1.0);
    (void)claims_make(missed, claims, 4, 0.99);
    unlink(baseline);
    bless(fine);
    char *text = read_text(baseline);
    assert_true(support_contains(text, "# column\tCL-01:value\texact\n"));
    assert_true(support_contains(text, "\n-\t-\tCL-01:value\t1001.5\t1/s\n"
                                       "-\t-\tCL-01:bound\t1000\t1/s\n"
                                       "-\t-\tCL-01:verdict\t1\tmet\n"
                                       "-\t-\tCL-01:aim\t1\tmet\n"
                                       "-\t-\tCL-02:value\t50\t%\n"
                                       "-\t-\tCL-02:bound\t50\t%\n"
                                       "-\t-\tCL-02:verdict\t1\tmet\n"
                                       "-\t-\tCL-03:value\t-\tms\n"
                                       "-\t-\tCL-03:bound\t50\tms\n"
                                       "-\t-\tCL-03:verdict\t-\topen\n"));
    assert_false(support_contains(text, "CL-04"));
    free(text);
    text = check(fine, AN_VERDICT_SAME);
    assert_true(support_contains(text, "all 30 figures of demo agree"));
    free(text);
    text = check(missed, AN_VERDICT_DIFFER);
    assert_true(support_contains(text, "7 of 30 figures of demo differ"));
    assert_true(support_contains(text, "  (claim)                       CL-01:verdict"));
    assert_true(support_contains(text, "1 met                0 missed\n"));
    free(text);
    edit("throughput:mean\texact", "throughput:mean\t5%");
    edit("CL-01:value\texact", "CL-01:value\t5%");
    text = check(missed, AN_VERDICT_DIFFER);
    assert_true(support_contains(text, "2 of 30 figures of demo differ"));
    free(text);
    /* a better run differs too, until it is blessed, which keeps tolerances */
    bless(missed);
    free(check(fine, AN_VERDICT_DIFFER));
    text = read_text(baseline);
    assert_true(support_contains(text, "# column\tCL-01:value\t5%\n"));
    assert_true(support_contains(text, "CL-01:verdict\t0\tmissed\n"));
    free(text);
    free(check(missed, AN_VERDICT_SAME));
    /* a bound that was loosened */
    edit("CL-01:bound\t1000\t", "CL-01:bound\t1001\t");
    text = check(missed, AN_VERDICT_DIFFER);
    assert_true(support_contains(text, "1 of 30 figures"));
    free(text);
    /* a claim on one side only */
    free(check(database, AN_VERDICT_DIFFER));
    unlink(baseline);
    bless(database);
    free(check(fine, AN_VERDICT_DIFFER));
    unlink(fine);
    unlink(missed);
}

int main(void) {
    snprintf(database, sizeof database, "%s", results_path("-a.db"));
    snprintf(slower, sizeof slower, "%s", results_path("-b.db"));
    snprintf(baseline, sizeof baseline, "%s", results_path("-baseline.tsv"));
    (void)results_make(database, 1.0);
    (void)results_make(slower, 0.99);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_and_different),  cmocka_unit_test(test_exact_and_tolerances),
        cmocka_unit_test(test_rows_on_one_side),    cmocka_unit_test(test_bad_baselines),
        cmocka_unit_test(test_bless_harms_nothing), cmocka_unit_test(test_claims),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(database);
    unlink(slower);
    unlink(baseline);
    return failures;
}
