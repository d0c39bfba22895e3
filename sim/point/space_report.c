#include "sim/point/space_report.h"

#include <stdio.h>

#include "sim/point/accuracy.h"

enum { NAME_BYTES = 64 };

typedef struct tally {
    uint64_t requests;
    uint64_t answered;
    uint64_t shed;
    uint64_t full;
    uint64_t judged;
    uint64_t right;
} tally;

static void metric(sim_rows *rows, const char *name, uint32_t space, const char *statistic,
                   double value) {
    char full[NAME_BYTES];
    const bool is_share = statistic[0] == 's';
    snprintf(full, sizeof full, "%s.space%u", name, space + 1);
    sim_rows_metric(rows, full, statistic, value, is_share ? "%" : "1");
}

static void count(sim_rows *rows, const char *name, uint32_t space, uint64_t value) {
    metric(rows, name, space, "total", (double)value);
}

static void share(sim_rows *rows, const char *name, uint32_t space, uint64_t part,
                  uint64_t whole) {
    if (whole > 0) {
        metric(rows, name, space, "share", 100.0 * (double)part / (double)whole);
    }
}

static cg_status report_requests(const sim_report_input *input, uint32_t space, sim_rows *rows,
                                 cg_error *error) {
    const sim_measure *measure = input->measure;
    tally sum = {0};
    cg_histogram latency;
    cg_histogram_init(&latency, cg_allocator_heap());
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        if (request->space != space) {
            continue;
        }
        sum.requests++;
        sum.shed += request->replied && request->reply.status == CG_ERROR_OVERLOADED;
        sum.full += request->replied && request->reply.status == CG_ERROR_FULL;
        sum.judged += sim_request_judged(request);
        sum.right += sim_request_judged(request) && request->answer_rank == 1;
        if (sim_request_acknowledged(request)) {
            sum.answered++;
            status = cg_histogram_record(&latency, request->replied_ns - request->start_ns, 1,
                                         error);
        }
    }
    if (status == CG_OK && latency.total > 0) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "latency.space%u", space + 1);
        sim_rows_histogram(rows, name, "ns", &latency);
    }
    cg_histogram_deinit(&latency);
    count(rows, "requests", space, sum.requests);
    count(rows, "requests.answered", space, sum.answered);
    count(rows, "requests.shed", space, sum.shed);
    count(rows, "requests.full", space, sum.full);
    share(rows, sim_accuracy_name(measure), space, sum.right, sum.judged);
    return status;
}

/* What all hosts counted of the space. */
static void report_hosts(const sim_report_input *input, uint32_t space, sim_rows *rows) {
    cg_space_statistics sum = {0};
    for (uint32_t host = 0; host < input->options->cluster.hosts; ++host) {
        cg_space_statistics one = cg_node_space_statistics(input->nodes[host], space);
        sum.allocations += one.allocations;
        sum.removals += one.removals;
        sum.cache.hits += one.cache.hits;
        sum.cache.misses += one.cache.misses;
        sum.pools.slots_taken += one.pools.slots_taken;
        sum.pools.requested_bytes += one.pools.requested_bytes;
        sum.pools.block_bytes += one.pools.block_bytes;
    }
    count(rows, "facts.stored", space, sum.allocations);
    count(rows, "facts.removed", space, sum.removals);
    count(rows, "pool.slots", space, sum.pools.slots_taken);
    share(rows, "pool.utilisation", space, sum.pools.requested_bytes, sum.pools.block_bytes);
    share(rows, "cache.hits", space, sum.cache.hits, sum.cache.hits + sum.cache.misses);
}

cg_status sim_space_report(const sim_report_input *input, sim_rows *rows, cg_error *error) {
    const uint32_t spaces = input->options->engine.spaces;
    cg_status status = CG_OK;
    for (uint32_t space = 0; spaces > 1 && status == CG_OK && space < spaces; ++space) {
        status = report_requests(input, space, rows, error);
        report_hosts(input, space, rows);
    }
    return status;
}
