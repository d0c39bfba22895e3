#include "sim/calibrate/calibrate.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/calibrate/parts.h"
#include "sim/point/thread_runner.h"

/* Of the joint fit. In company a kind costs a few times what it does alone, or, where others have
 * brought in its data, a part; beyond that the fit would be trading kinds that come together. */
static const double hold = 0.004;
static const double least = 0.25;
static const double most = 8.0;

sim_calibrate_options sim_calibrate_options_default(void) {
    return (sim_calibrate_options){.folder = ".",
                                   .wordnet = SIM_WORDNET_FOLDER,
                                   .sizes = {12000, 24000, 48000},
                                   .size_count = 3,
                                   .requests = 1000,
                                   .runs = 7,
                                   .threads = 1};
}

static void tell(const sim_calibrate_options *options, const char *what) {
    if (options->progress) {
        options->progress(options->progress_context, what);
    }
}

/* --- requests ------------------------------------------------------------- */

void sim_calibrate_point(const char *wordnet, uint32_t nodes, uint32_t requests,
                         sim_options *out) {
    sim_options_default(out);
    snprintf(out->graph.path, sizeof out->graph.path, "%s", wordnet);
    out->cluster.hosts = 1;
    out->graph.nodes = nodes;
    out->graph.held_out = requests;
    out->engine.ef_construction = 48;
}

/* The mix goes round every 16 requests, so a fact of the ground is enough for each. */
static cg_status build(const sim_calibrate_options *options, sim_options *points,
                       sim_ground **grounds, cg_error *error) {
    sim_thread_runner *threads = NULL;
    cg_status status = sim_thread_runner_alloc(options->threads, &threads, error);
    for (uint32_t i = 0; status == CG_OK && i < options->size_count; i++) {
        const cg_runner runner = sim_thread_runner_view(threads);
        char what[64];
        snprintf(what, sizeof what, "building a corpus of %u concepts", options->sizes[i]);
        tell(options, what);
        sim_calibrate_point(options->wordnet, options->sizes[i], options->requests, &points[i]);
        status = sim_ground_check_files(&points[i], error);
        if (status == CG_OK) {
            status = sim_ground_build(&points[i], &runner, NULL, NULL, &grounds[i], error);
        }
    }
    sim_thread_runner_free(threads);
    return status;
}

/* One run of every corpus. */
static cg_status go_round(const sim_calibrate_options *options, const sim_options *points,
                          sim_ground *const *grounds, uint32_t run, sim_timed_request *out,
                          cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < options->size_count; i++) {
        const sim_timing_options timing = {.count = options->requests, .run = run};
        status = sim_time_requests(grounds[i], &points[i], &timing,
                                   out + (size_t)i * options->requests, error);
    }
    return status;
}

cg_status sim_calibrate_time_twice(const sim_calibrate_options *options, sim_timed_request *out,
                                   sim_timed_request *again, cg_error *error) {
    sim_ground *grounds[SIM_CALIBRATE_SIZES_MAX] = {NULL};
    sim_options *points = calloc(SIM_CALIBRATE_SIZES_MAX, sizeof *points);
    if (!points) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the options of corpora");
    }
    cg_status status = build(options, points, grounds, error);
    if (status == CG_OK) {
        tell(options, "timing requests");
    }
    for (uint32_t run = 0; status == CG_OK && run < options->runs; run++) {
        status = go_round(options, points, grounds, run, out, error);
        if (status == CG_OK && again) {
            status = go_round(options, points, grounds, run, again, error);
        }
    }
    for (uint32_t i = 0; i < options->size_count; i++) {
        sim_ground_free(grounds[i]);
    }
    free(points);
    return status;
}

cg_status sim_calibrate_time(const sim_calibrate_options *options, sim_timed_request *out,
                             cg_error *error) {
    return sim_calibrate_time_twice(options, out, NULL, error);
}

/* --- all kinds together --------------------------------------------------- */

/* Not fitted: what the engine counts and does not do, and the step, which has its own way. */
static bool is_fixed(int kind) {
    return (kind >= CG_WORK_TIER_L1 && kind <= CG_WORK_TIER_STORE) ||
           kind == CG_WORK_DISK_WRITE || kind == CG_WORK_STEP;
}

static int by_size(const void *left, const void *right) {
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* A step as it is among others' work, with nothing of it in the caches any more: gets do little else.
 * The median, since one get meets warmer caches than another. values: [count], written to. */
static void set_step(const sim_timed_request *requests, uint32_t count, double *values,
                     sim_calibration *out) {
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (requests[i].kind == CG_REQUEST_GET) {
            cg_work others = requests[i].work;
            others.operations[CG_WORK_STEP] = 0;
            double ns = requests[i].wall_ns - sim_costs_of(&out->costs, &others);
            values[used++] = ns / (double)requests[i].work.operations[CG_WORK_STEP];
        }
    }
    if (used > 0) {
        qsort(values, used, sizeof *values, by_size);
        double median = values[used / 2];
        sim_calibration_set(
            out, CG_WORK_STEP, median > 0.0 ? median : 0.0,
            out->costs.per_unit_ns[CG_WORK_STEP],
            "the median of gets among other requests, without what they read; bytes "
            "copied, 64 KiB at a time");
    }
}

static void note_fit(const sim_calibrate_options *options, const cg_work *counted,
                     sim_calibration *out) {
    for (int kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
        if (counted->operations[kind] == 0 || is_fixed(kind)) {
            continue;
        }
        char first[SIM_SOURCE_BYTES];
        snprintf(first, sizeof first, "%s", out->sources[kind]);
        char how[128];
        snprintf(how, sizeof how,
                 "fitted with others to %u requests of corpora of %u to %u concepts",
                 options->requests * options->size_count, options->sizes[0],
                 options->sizes[options->size_count - 1]);
        if (out->is_measured[kind]) {
            snprintf(out->sources[kind], SIM_SOURCE_BYTES, "%.200s; then %s", first, how);
        } else {
            snprintf(out->sources[kind], SIM_SOURCE_BYTES, "measured on %s: %s", out->machine,
                     how);
            out->is_measured[kind] = true;
        }
    }
}

static cg_status fit_requests(const sim_calibrate_options *options, sim_calibration *out,
                              cg_error *error) {
    const uint32_t count = options->size_count * options->requests;
    sim_timed_request *requests = calloc(count, sizeof *requests);
    sim_fit_work *works = calloc(count, sizeof *works);
    double *values = calloc(count, sizeof *values);
    cg_status status = CG_OK;
    if (!requests || !works || !values) {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u requests", count);
        goto cleanup;
    }
    status = sim_calibrate_time(options, requests, error);
    if (status == CG_OK) {
        set_step(requests, count, values, out);
        cg_work counted = {{0}, {0}};
        sim_fit_options fit = {.hold = hold, .least = least, .most = most};
        for (int kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
            fit.is_held[kind] = is_fixed(kind);
        }
        for (uint32_t i = 0; i < count; i++) {
            works[i] = (sim_fit_work){.work = requests[i].work, .ns = requests[i].wall_ns};
            cg_work_add(&counted, &requests[i].work);
        }
        sim_fit_works(works, count, &fit, &out->costs);
        note_fit(options, &counted, out);
    }
cleanup:
    free(values);
    free(works);
    free(requests);
    return status;
}

/* --- all of it ------------------------------------------------------------ */

cg_status sim_calibrate(const sim_calibrate_options *options, const sim_profile *reference,
                        sim_calibration *out, cg_error *error) {
    static const struct {
        const char *what;
        cg_status (*measure)(sim_calibration *, cg_error *);
    } parts[] = {
        {"distances", sim_calibrate_vectors},
        {"spikes", sim_calibrate_spikes},
        {"texts", sim_calibrate_text},
        {"the index", sim_calibrate_index},
        {"graphs", sim_calibrate_graph},
        {"slots, records and messages", sim_calibrate_service},
        {"memory", sim_calibrate_memory},
    };
    sim_calibration_init(out, reference);
    cg_status status = CG_OK;
    for (size_t i = 0; status == CG_OK && i < sizeof parts / sizeof *parts; i++) {
        tell(options, parts[i].what);
        status = parts[i].measure(out, error);
    }
    if (status == CG_OK) {
        tell(options, "the disk");
        status = sim_calibrate_disk(out, options->folder, error);
    }
    if (status == CG_OK && options->wordnet) {
        status = fit_requests(options, out, error);
    }
    return status;
}
