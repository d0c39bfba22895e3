/* Poisson process: gaps are -ln(1 - u) / rate. Times are summed as doubles in ns, where 10^13
 * ns (three hours) are known to 0.002 ns, and rounded one by one, so rounding never adds up.
 *
 * Known value (workload_test.c): at rate r the mean of n gaps is 1/r within 4 / (r * sqrt(n)).
 */
#include "sim/workload/arrival.h"

#include "engine/base/math.h"
#include "engine/base/prng.h"
#include "sim/scenario/time_limit.h"

static cg_status plan_times(const sim_load_options *options, uint64_t seed,
                            sim_workload *workload, cg_error *error) {
    const double gap_ns = 1e9 / options->rate_hz;
    cg_stream arrivals = cg_stream_init(seed, "workload.arrival", 0);
    double at_ns = 0.0; /* since the start */
    for (uint32_t i = 0; i < workload->count; i++) {
        if (options->arrival == SIM_ARRIVAL_CONSTANT) {
            at_ns = (double)i * 1e9 / options->rate_hz;
        } else {
            at_ns += cg_stream_next_exponential(&arrivals, gap_ns);
        }
        if (!(at_ns <= (double)SIM_TIME_MAX_NS)) {
            return cg_error_set(
                error, CG_ERROR_INVALID,
                "load: at %g/s request %u of %u would arrive after " SIM_TIME_MAX_TEXT
                " of simulated time; raise load.rate or lower load.facts",
                options->rate_hz, i + 1, workload->count);
        }
        workload->requests[i].at_ns = options->start_ns + (uint64_t)(at_ns + 0.5);
    }
    return CG_OK;
}

static cg_status plan_facts(uint32_t available, uint64_t seed, sim_workload *workload,
                            cg_error *error) {
    uint32_t *order = cg_allocate(&workload->allocator, available, sizeof *order);
    if (!order) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the order of %u facts",
                            available);
    }
    for (uint32_t i = 0; i < available; i++) {
        order[i] = i;
    }
    cg_stream stream = cg_stream_init(seed, "workload.order", 0);
    cg_stream_shuffle_u32(&stream, order, available);
    for (uint32_t i = 0; i < workload->count; i++) {
        workload->requests[i].fact = order[i];
    }
    cg_deallocate(&workload->allocator, order, available, sizeof *order);
    return CG_OK;
}

/* Evenly spread: one each time the line i * chosen / count passes an integer. */
static bool is_chosen(uint32_t i, uint32_t chosen, uint32_t count) {
    uint32_t most = chosen < count ? chosen : count;
    return cg_mul_div((uint64_t)i + 1, most, count) > cg_mul_div(i, most, count);
}

cg_status sim_workload_plan(const sim_load_options *options, uint32_t available, uint32_t hosts,
                            uint64_t seed, cg_allocator allocator, sim_workload *out,
                            cg_error *error) {
    sim_workload workload = {.allocator = allocator};
    workload.count = options->facts < available ? options->facts : available;
    if (workload.count == 0 || hosts == 0) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "load: %u facts wanted of %u that there are, for %u hosts; it takes at "
            "least one of each",
            options->facts, available, hosts);
    }
    if (!(options->rate_hz > 0.0) || options->start_ns > SIM_TIME_MAX_NS) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "load: rate %g/s from %llu ns; the rate must be positive, and the start "
            "within " SIM_TIME_MAX_TEXT,
            options->rate_hz, (unsigned long long)options->start_ns);
    }
    workload.requests = cg_allocate(&allocator, workload.count, sizeof *workload.requests);
    if (!workload.requests) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u requests",
                            workload.count);
    }
    cg_status status = plan_times(options, seed, &workload, error);
    if (status == CG_OK) {
        status = plan_facts(available, seed, &workload, error);
    }
    if (status != CG_OK) {
        sim_workload_deinit(&workload);
        return status;
    }
    for (uint32_t i = 0; i < workload.count; i++) {
        cg_stream gateway = cg_stream_init(seed, "workload.gateway", i);
        workload.requests[i].host = (uint32_t)cg_stream_next_below(&gateway, hosts);
        workload.requests[i].audit = is_chosen(i, options->audits, workload.count);
        workload.requests[i].labelled = is_chosen(i, options->labels, workload.count);
    }
    *out = workload;
    return CG_OK;
}

void sim_workload_deinit(sim_workload *workload) {
    cg_deallocate(&workload->allocator, workload->requests, workload->count,
                  sizeof *workload->requests);
    workload->requests = NULL;
    workload->count = 0;
}
