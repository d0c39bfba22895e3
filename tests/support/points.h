/* Whole points for tests: options by their names, a run over the bare loop or SimGrid, and the
 * rows that come out. */
#ifndef CG_TESTS_SUPPORT_POINTS_H
#define CG_TESTS_SUPPORT_POINTS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/histogram.h"
#include "sim/point/point.h"
#include "tests/support/support.h"

/* "name", "value", "name", "value" ..., NULL; options as they are by default otherwise. */
static inline void point_options(sim_options *options, const char *const *settings) {
    cg_error error = {0};
    sim_options_default(options);
    for (; settings[0]; settings += 2) {
        assert_ok(sim_options_set(options, settings[0], settings[1], &error), error);
    }
    assert_ok(sim_options_check(options, &error), error);
}

static inline sim_ground *point_ground(const sim_options *options) {
    cg_runner serial = cg_runner_serial();
    sim_ground *ground = NULL;
    cg_error error = {0};
    assert_ok(sim_ground_build(options, &serial, NULL, NULL, &ground, &error), error);
    return ground;
}

/* The rows of the run, in a block freed with free(). */
static inline char *point_run(const sim_options *options, const sim_ground *ground,
                              sim_loop loop, uint64_t *fingerprint) {
    char *text = NULL;
    size_t size_bytes = 0;
    cg_error error = {0};
    sim_rows *rows = NULL;
    sim_profile profile;
    FILE *file = open_memstream(&text, &size_bytes);
    assert_non_null(file);
    assert_ok(sim_profile_read("scenarios/profiles/reference.tsv", &profile, &error), error);
    assert_ok(sim_rows_alloc(file, &rows, &error), error);
    sim_point_input input = {
        .options = options, .ground = ground, .profile = &profile, .loop = loop};
    assert_ok(sim_point_run(&input, rows, fingerprint, &error), error);
    assert_ok(sim_rows_finish(rows, "built", *fingerprint, &error), error);
    sim_rows_free(rows);
    fclose(file);
    return text;
}

/* The rest of the first line that begins with these words; NULL without one. */
static inline const char *point_line(const char *text, const char *row, const char *name,
                                     const char *statistic) {
    char wanted[160];
    int length = snprintf(wanted, sizeof wanted, "%s\t%s\t%s\t", row, name, statistic);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, wanted, (size_t)length) == 0) {
            return line + length;
        }
    }
    return NULL;
}

static inline double point_figure(const char *text, const char *name, const char *statistic) {
    const char *at = point_line(text, "metric", name, statistic);
    if (!at) {
        fail_msg("there is no %s:%s in\n%s", name, statistic, text);
        return 0.0;
    }
    return strtod(at, NULL);
}

static inline uint64_t point_total(const char *text, const char *name) {
    return (uint64_t)point_figure(text, name, "total");
}

/* Freed with cg_histogram_deinit. */
static inline cg_histogram point_histogram(const char *text, const char *name,
                                           const char *unit) {
    cg_histogram histogram;
    cg_error error = {0};
    cg_histogram_init(&histogram, cg_allocator_heap());
    const char *at = point_line(text, "histogram", name, unit);
    if (!at) {
        fail_msg("there is no histogram %s in %s in\n%s", name, unit, text);
        return histogram;
    }
    char *copy = strdup(at);
    assert_non_null(copy);
    copy[strcspn(copy, "\n")] = '\0';
    assert_ok(cg_histogram_parse(&histogram, copy, &error), error);
    free(copy);
    return histogram;
}

static inline void assert_near(double value, double expected, double tolerance) {
    if (!(value >= expected - tolerance && value <= expected + tolerance)) {
        fail_msg("%.12g is not within %g of %.12g", value, tolerance, expected);
    }
}

#endif
