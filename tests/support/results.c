#include "tests/support/results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/record/rows.h"
#include "tests/support/support.h"

static void *take(size_t count, size_t size) {
    void *block = calloc(count, size);
    assert_non_null(block);
    return block;
}

static char *copy(const char *text) {
    char *made = take(strlen(text) + 1, 1);
    memcpy(made, text, strlen(text));
    return made;
}

static void put_factor(sim_factor *factor, const char *name, const char *first,
                       const char *second) {
    factor->name = copy(name);
    factor->values = take(2, sizeof *factor->values);
    factor->values[0] = copy(first);
    factor->values[1] = copy(second);
    factor->value_count = 2;
}

static void put_view(sim_view_plan *view, bool is_plot, const char *name, const char *title,
                     const char *text) {
    *view = (sim_view_plan){is_plot, copy(name), copy(title), copy(text)};
}

sim_plan *results_plan(void) {
    sim_plan *plan = take(1, sizeof *plan);
    plan->name = copy("demo");
    plan->file = copy("scenarios/demo.lua");
    plan->question = copy("Does it hold?");
    plan->source = copy("return {}");
    plan->source_hash = 7;
    plan->factor_count = 2;
    plan->factors = take(2, sizeof *plan->factors);
    put_factor(&plan->factors[0], "nodes", "1K", "all");
    put_factor(&plan->factors[1], "hosts", "1", "4");
    plan->repetitions = 2;
    plan->point_count = RESULTS_POINTS;
    plan->points = take(RESULTS_POINTS, sizeof *plan->points);
    for (uint32_t i = 0; i < RESULTS_POINTS; i++) {
        sim_point_plan *point = &plan->points[i];
        point->index = i;
        point->repetition = i % 2 + 1;
        point->value_index = take(2, sizeof *point->value_index);
        point->value_index[0] = i / 4;
        point->value_index[1] = i / 2 % 2;
        char options[64];
        snprintf(options, sizeof options, "cluster.hosts = %u\nseed = %u\n", i / 2 % 2, i);
        point->options_text = copy(options);
    }
    plan->view_count = 3;
    plan->views = take(3, sizeof *plan->views);
    put_view(&plan->views[0], false, "main", "Latency and throughput",
             "latency:p50\nlatency:p99\nthroughput:mean\nhits:ratio\n");
    put_view(&plan->views[1], true, "latency", "Latency over size",
             "kind=curve\nx=nodes\ny=latency:p99\nseries=hosts\nlog=xy\n");
    put_view(&plan->views[2], true, "recovery", "Latency over a partition",
             "kind=timeline\ny=latency:p99\nseries=hosts\nlog=y\nwhere.nodes=1K\n");
    return plan;
}

void results_plan_free(sim_plan *plan) {
    sim_plan_free(plan);
}

static void put_series(sim_rows *rows, uint32_t a, uint32_t b) {
    for (uint64_t time_ns = 0; time_ns < 500000000; time_ns += 50000000) {
        bool cut_off = b == 1 && time_ns >= 150000000 && time_ns < 250000000;
        sim_rows_series(rows, "latency", time_ns, "p99", 199000.0 * a * (cut_off ? 10.0 : 1.0),
                        "ns");
    }
    if (b == 1) {
        sim_rows_event(rows, 150000000, "partition", "host 3");
        sim_rows_event(rows, 250000000, "heal", "");
    }
}

char *results_rows(const sim_plan *plan, uint32_t point_index, double factor) {
    const sim_point_plan *point = &plan->points[point_index];
    uint32_t a = point->value_index[0] + 1;
    uint32_t b = point->value_index[1];
    uint32_t r = point->repetition;
    char *text = NULL;
    size_t size_bytes = 0;
    cg_error error = {0};
    sim_rows *rows = NULL;
    FILE *file = open_memstream(&text, &size_bytes);
    assert_non_null(file);
    assert_ok(sim_rows_alloc(file, &rows, &error), error);
    cg_histogram latency;
    cg_histogram_init(&latency, cg_allocator_heap());
    for (uint64_t i = 0; i < 100; i++) {
        assert_ok(cg_histogram_record(&latency, a * UINT64_C(100000) + i * 1000 + r, 1, &error),
                  error);
    }
    sim_rows_histogram(rows, "latency", "ns", &latency);
    cg_histogram_deinit(&latency);
    sim_rows_metric(rows, "throughput", "mean", factor * (1000.0 * a + 10.0 * b + r), "1/s");
    sim_rows_metric(rows, "hits", "ratio", 0.5 + 0.25 * b, "1");
    sim_rows_wall(rows, "build", "seconds", 0.125 * r, "s");
    put_series(rows, a, b);
    assert_ok(sim_rows_finish(rows, "built", 0xabc0 + point_index, &error), error);
    sim_rows_free(rows);
    fclose(file);
    return text;
}

const char *results_path(const char *ending) {
    static char paths[2][256];
    static unsigned counter;
    char *path = paths[counter % 2];
    snprintf(path, sizeof paths[0], "/tmp/cortigrid-test-%ld-%u%s", (long)getpid(), counter++,
             ending);
    (void)unlink(path);
    return path;
}

uint64_t results_make(const char *path, double factor) {
    cg_error error = {0};
    sim_plan *plan = results_plan();
    sim_provenance provenance[] = {{"revision", "abc"}, {"seed", "1"}};
    uint64_t fingerprint = 0;
    assert_ok(sim_recorder_begin(path, plan, provenance, 2, &error), error);
    for (uint32_t i = 0; i < plan->point_count; i++) {
        bool failed = true;
        char *text = results_rows(plan, i, factor);
        assert_ok(sim_recorder_point(path, plan, i, text, NULL, &failed, &error), error);
        assert_false(failed);
        free(text);
    }
    assert_ok(sim_recorder_finish(path, plan, &fingerprint, &error), error);
    results_plan_free(plan);
    return fingerprint;
}
