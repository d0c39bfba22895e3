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
