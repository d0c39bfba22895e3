/* Goal: a plot leaves script, data and both pictures, the same bytes each time; what cannot be
 * drawn is said. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/plot/figure.h"
#include "analysis/plot/plot.h"
#include "tests/support/results.h"

static char database[256];
static char folder[256];

static char *read_text(const char *name) {
    char path[400];
    size_t size_bytes = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return (char *)support_read_file(path, &size_bytes);
}

static void test_draws(void **state) {
    (void)state;
    cg_error error = {0};
    FILE *out = tmpfile();
    assert_non_null(out);
    an_plot_options options = {.folder = folder};
    cg_status status = an_plot_draw(database, &options, out, &error);
    if (status == CG_ERROR_NOT_FOUND && support_contains(error.message, "not installed")) {
        fclose(out);
        skip();
    }
    assert_ok(status, error);
    char *first = read_text("demo-recovery.svg");
    assert_true(support_contains(first, "<svg"));
    assert_true(support_contains(first, "partition"));
    assert_true(support_contains(first, "hosts 4"));
    char *png = read_text("demo-latency.png");
    assert_memory_equal(png, "\x89PNG", 4);
    char *data = read_text("demo-recovery.dat");
    assert_true(support_contains(data, "150 1990\n"));
    char *script = read_text("demo-recovery.gp");
    assert_true(support_contains(script, "from 150, graph 0 to 250, graph 1"));
    assert_ok(an_plot_draw(database, &options, out, &error), error);
    char *second = read_text("demo-recovery.svg");
    assert_string_equal(first, second);
    fclose(out);
    free(first);
    free(second);
    free(png);
    free(data);
    free(script);
}

/* A database of its own, whose "latency" view is a reliability diagram: two repetitions of one
 * combination, 5 and 5 decisions in the bin from 0.8 with 4 and 4 right, 2 in that from 0.1. */
static void make_reliability(const char *path) {
    cg_error error = {0};
    sim_plan *plan = results_plan();
    sim_provenance provenance[] = {{"revision", "abc"}};
    uint64_t fingerprint = 0;
    snprintf(plan->views[1].text, strlen(plan->views[1].text) + 1, "kind=reliability\n%s",
             "where.nodes=1K\n");
    assert_ok(sim_recorder_begin(path, plan, provenance, 1, &error), error);
    for (uint32_t i = 0; i < plan->point_count; i++) {
        char text[512];
        bool failed = true;
        snprintf(text, sizeof text,
                 "metric\treliability.10\tfacts\t2\t1\nmetric\treliability.10\tright\t0\t%%\n"
                 "metric\treliability.10\tconfidence\t0.15\t1\n"
                 "metric\treliability.80\tfacts\t5\t1\nmetric\treliability.80\tright\t80\t%%\n"
                 "metric\treliability.80\tconfidence\t%s\t1\n"
                 "done\tbuilt\t0000000000000001\n",
                 i % 2 == 0 ? "0.8125" : "0.875");
        assert_ok(sim_recorder_point(path, plan, i, text, NULL, &failed, &error), error);
        assert_false(failed);
    }
    assert_ok(sim_recorder_finish(path, plan, &fingerprint, &error), error);
    results_plan_free(plan);
}

static void test_reliability(void **state) {
    (void)state;
    double low = 0.0;
    double high = 0.0;
    an_reliability_interval(8.0, 10.0, &low, &high);
    assert_true(low > 0.49015 && low < 0.49025 && high > 0.94325 && high < 0.94335);
    an_reliability_interval(10.0, 10.0, &low, &high);
    assert_true(low > 0.72 && high > 0.999999 && high <= 1.0);
    char path[256];
    snprintf(path, sizeof path, "%s", results_path("-reliability.db"));
    make_reliability(path);
    cg_error error = {0};
    FILE *out = tmpfile();
    assert_non_null(out);
    an_plot_options options = {.folder = folder, .view = "latency"};
    cg_status status = an_plot_draw(path, &options, out, &error);
    fclose(out);
    unlink(path);
    if (status == CG_ERROR_NOT_FOUND && support_contains(error.message, "not installed")) {
        skip();
    }
    assert_ok(status, error);
    char *data = read_text("demo-latency.dat");
    assert_true(support_contains(data, "0.84375 80 49.0"));
    assert_true(support_contains(data, "0.15 0 0 "));
    assert_true(support_contains(data, "# 10 decisions"));
    assert_true(support_contains(data, "hosts 4"));
    free(data);
    char *script = read_text("demo-latency.gp");
    assert_true(support_contains(script, "to 1, 100 nohead"));
    assert_true(support_contains(script, "with boxes"));
    free(script);
    char *picture = read_text("demo-latency.svg");
    assert_true(support_contains(picture, "confidence"));
    free(picture);
}

static void refuse(const an_plot_options *options, cg_status expected, const char *part) {
    cg_error error = {0};
    assert_status(an_plot_draw(database, options, stderr, &error), expected, error, part);
}

static void test_refuses(void **state) {
    (void)state;
    refuse(&(an_plot_options){.folder = folder, .program = "no-such-gnuplot"},
           CG_ERROR_NOT_FOUND, "apt-get install gnuplot-nox");
    refuse(&(an_plot_options){.folder = folder, .program = "false"}, CG_ERROR_IO,
           "gnuplot failed on");
    refuse(&(an_plot_options){.folder = folder, .view = "recovry"}, CG_ERROR_NOT_FOUND,
           "nearest is \"recovery\"");
    refuse(&(an_plot_options){.folder = "/nonexistent"}, CG_ERROR_IO, "/nonexistent");
    const char *const where[] = {"nodes=5"};
    refuse(&(an_plot_options){.folder = folder, .where = where, .where_count = 1},
           CG_ERROR_NOT_FOUND, "no value \"5\"");
}

static void test_numbers(void **state) {
    (void)state;
    double value = 0.0;
    assert_true(an_curve_number("1K", &value) && value == 1e3);
    assert_true(an_curve_number("2.5M", &value) && value == 2.5e6);
    assert_true(an_curve_number("10B", &value) && value == 1e10);
    assert_true(an_curve_number("4", &value) && value == 4.0);
    assert_true(an_curve_number("50us", &value) && value == 50.0 * 1e-6);
    assert_false(an_curve_number("all", &value) || an_curve_number("", &value));
    assert_false(an_curve_number("1.2.3", &value) || an_curve_number("4x", &value));
}

int main(void) {
    snprintf(database, sizeof database, "%s", results_path("-plot.db"));
    snprintf(folder, sizeof folder, "%s", results_path("-it's a folder"));
    (void)results_make(database, 1.0);
    if (mkdir(folder, 0777) != 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_reliability),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_numbers),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    static const char *const endings[] = {"gp", "dat", "svg", "png", "log"};
    static const char *const names[] = {"latency", "recovery"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++) {
            char path[400];
            snprintf(path, sizeof path, "%s/demo-%s.%s", folder, names[j], endings[i]);
            unlink(path);
        }
    }
    if (rmdir(folder) != 0) {
        perror(folder);
    }
    unlink(database);
    return failures;
}
