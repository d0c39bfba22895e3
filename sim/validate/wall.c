#include "sim/validate/wall.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ALL_KINDS = CG_REQUEST_KIND_COUNT };
static const double median_most = 0.10;
static const double p99_most = 0.20;

sim_calibrate_options sim_wall_options_default(void) {
    sim_calibrate_options options = sim_calibrate_options_default();
    options.runs = SIM_WALL_RUNS;
    options.sizes[0] = 16000;
    options.sizes[1] = 32000;
    options.sizes[2] = 40000;
    return options;
}

static int by_size(const void *left, const void *right) {
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

double sim_quantile(double *values, uint32_t count, double share) {
    qsort(values, count, sizeof *values, by_size);
    double rank = ceil(share * (double)count);
    uint32_t at = rank < 1.0 ? 0 : (uint32_t)rank - 1;
    return values[at < count ? at : count - 1];
}

cg_status sim_wall_compare(const double *expected, const double *found, uint32_t count,
                           sim_wall_errors *out, cg_error *error) {
    double *values = calloc(count, sizeof *values);
    if (!values) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u errors", count);
    }
    for (uint32_t i = 0; i < count; i++) {
        values[i] = fabs(found[i] / expected[i] - 1.0);
    }
    out->median = sim_quantile(values, count, 0.5);
    out->p99 = sim_quantile(values, count, 0.99);
    memcpy(values, expected, count * sizeof *values);
    out->expected_median = sim_quantile(values, count, 0.5);
    memcpy(values, found, count * sizeof *values);
    out->found_median = sim_quantile(values, count, 0.5);
    free(values);
    return CG_OK;
}

/* --- one size ------------------------------------------------------------- */

typedef struct wall_times {
    const sim_timed_request *requests;
    const sim_timed_request *again;
    const sim_profile *profile;
    uint32_t concepts;
    uint32_t count;
    double *expected; /* [count] */
    double *found;
} wall_times;

/* Of one kind of request, or all; with the other runs in place of the simulation, or without. */
static cg_status add_row(const wall_times *times, int kind, bool is_again,
                         sim_findings *findings, cg_error *error) {
    uint32_t used = 0;
    for (uint32_t i = 0; i < times->count; i++) {
        if (kind == ALL_KINDS || (int)times->requests[i].kind == kind) {
            times->expected[used] = times->requests[i].wall_ns;
            times->found[used++] =
                is_again ? times->again[i].wall_ns
                         : (double)sim_profile_cost(times->profile, &times->requests[i].work)
                               .core_ns;
        }
    }
    if (used == 0) {
        return CG_OK;
    }
    sim_wall_errors errors;
    cg_status status = sim_wall_compare(times->expected, times->found, used, &errors, error);
    if (status == CG_OK) {
        sim_finding *row = sim_findings_add(findings, is_again ? "wall, again" : "wall");
        snprintf(row->set, sizeof row->set, "%u concepts, %s", times->concepts,
                 kind == ALL_KINDS ? "all" : cg_request_kind_name((cg_request_kind)kind));
        snprintf(row->expected, sizeof row->expected, "%.1f us",
                 errors.expected_median / 1000.0);
        snprintf(row->found, sizeof row->found, "%.1f us", errors.found_median / 1000.0);
        snprintf(row->error, sizeof row->error, "median %.1f%%, p99 %.1f%%",
                 100.0 * errors.median, 100.0 * errors.p99);
        if (kind == ALL_KINDS && !is_again) {
            sim_findings_judge(findings, row,
                               errors.median <= median_most && errors.p99 <= p99_most);
        }
    }
    return status;
}

static cg_status add_rows(const wall_times *times, sim_findings *findings, cg_error *error) {
    cg_status status = CG_OK;
    for (int kind = 0; status == CG_OK && kind <= ALL_KINDS; kind++) {
        status = add_row(times, kind, false, findings, error);
    }
    return status == CG_OK ? add_row(times, ALL_KINDS, true, findings, error) : status;
}

cg_status sim_validate_wall(const sim_calibrate_options *options, const sim_profile *profile,
                            sim_findings *findings, cg_error *error) {
    const size_t count = (size_t)options->size_count * options->requests;
    sim_timed_request *requests = calloc(2 * count, sizeof *requests);
    double *values = calloc(2 * (size_t)options->requests, sizeof *values);
    cg_status status = CG_OK;
    if (!requests || !values) {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory for %zu requests", count);
        goto cleanup;
    }
    status = sim_calibrate_time_twice(options, requests, requests + count, error);
    for (uint32_t i = 0; status == CG_OK && i < options->size_count; i++) {
        const size_t first = (size_t)i * options->requests;
        const wall_times times = {.requests = requests + first,
                                  .again = requests + count + first,
                                  .profile = profile,
                                  .concepts = options->sizes[i],
                                  .count = options->requests,
                                  .expected = values,
                                  .found = values + options->requests};
        status = add_rows(&times, findings, error);
    }
cleanup:
    free(values);
    free(requests);
    return status;
}
