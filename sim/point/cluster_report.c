#include "sim/point/cluster_report.h"

#include <stdio.h>
#include <string.h>

#include "sim/point/coverage.h"
#include "sim/point/divided.h"
#include "sim/point/loss_report.h"

static void count(sim_rows *rows, const char *name, uint64_t value) {
    sim_rows_metric(rows, name, "total", (double)value, "1");
}

/* Statistics of a host are those of its latest life. */
static void report_groups(const sim_report_input *input, sim_rows *rows) {
    cg_group_statistics sum = {0};
    uint64_t redirects = 0;
    uint64_t most_bytes = 0;
    uint64_t deaths = 0;
    uint64_t partitions = 0;
    for (uint32_t host = 0; host < input->options->cluster.hosts; ++host) {
        cg_node_statistics one = cg_node_statistics_of(input->nodes[host]);
        cg_group_statistics_add(&sum, &one.groups);
        uint64_t bytes = cg_node_bytes(input->nodes[host]);
        most_bytes = bytes > most_bytes ? bytes : most_bytes;
        redirects += one.redirects;
        deaths += one.deaths_seen;
        partitions += one.partitions_seen;
    }
    const struct {
        const char *name;
        uint64_t value;
    } lines[] = {
        {"epochs.elections", sum.elections},
        {"epochs.won", sum.epochs},
        {"epochs.alone", sum.epochs_alone},
        {"epochs.deposed", sum.deposed},
        {"epochs.split_brains", sum.split_brains},
        {"logs.unions", sum.unions},
        {"logs.united", sum.records_united},
        {"logs.dropped", sum.records_dropped},
        {"logs.catch_ups", sum.catch_ups},
        {"logs.recoveries", sum.recoveries},
        {"replication.lag_warnings", sum.lag_warnings},
        {"replication.lag_drops", sum.lag_drops},
        {"requests.redirected", redirects},
        {"membership.deaths", deaths},
        {"membership.partitions", partitions},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; ++i) {
        count(rows, lines[i].name, lines[i].value);
    }
    sim_rows_metric(rows, "memory.node", "max", (double)most_bytes, "B");
}

/* How many different states keepers of the same partition have: 1 where all are level. */
static void report_copies(const sim_report_input *input, sim_rows *rows) {
    const sim_options *options = input->options;
    const uint32_t hosts = options->cluster.hosts;
    uint64_t most = 1;
    for (uint32_t partition = 0; partition < hosts * options->engine.spaces; ++partition) {
        uint64_t hashes[3] = {0};
        uint64_t different = 0;
        for (uint32_t n = 0; n < 3 && n < hosts; ++n) {
            uint32_t host = cg_node_keeper_of(partition, hosts, n);
            cg_partition_state state = cg_node_partition(input->nodes[host], partition);
            if (!state.present || !sim_host_is_up(input->hosts[host])) {
                continue;
            }
            bool is_new = true;
            for (uint64_t i = 0; i < different; ++i) {
                is_new = is_new && hashes[i] != state.hash;
            }
            hashes[different] = state.hash;
            different += is_new;
        }
        most = different > most ? different : most;
    }
    count(rows, "replicas.hashes", most);
}

/* Under what each mode promises, and of all that was asked: who was answered, and how. */
static void report_outcomes(const sim_report_input *input, sim_rows *rows) {
    static const cg_status kinds[] = {CG_ERROR_TIMEOUT, CG_ERROR_UNREACHABLE,
                                      CG_ERROR_PARTITION, CG_ERROR_NOT_FOUND};
    const sim_measure *measure = input->measure;
    uint64_t counts[sizeof kinds / sizeof *kinds] = {0};
    uint64_t answered = 0;
    uint64_t longest_ns = 0;
    for (uint32_t i = 0; i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        if (!request->replied) {
            continue;
        }
        answered++;
        uint64_t took_ns = request->replied_ns - request->start_ns;
        longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
        for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; ++kind) {
            counts[kind] += request->reply.status == kinds[kind];
        }
    }
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; ++kind) {
        char name[64];
        snprintf(name, sizeof name, "requests.%s", cg_status_name(kinds[kind]));
        count(rows, name, counts[kind]);
    }
    double share = measure->request_count > 0
                       ? 100.0 * (double)answered / (double)measure->request_count
                       : 100.0;
    sim_rows_metric(rows, "requests.concluded", "share", share, "%");
    sim_rows_metric(rows, "requests.longest", "max", (double)longest_ns, "ns");
}

static cg_status report_histogram(const sim_report_input *input, const char *name,
                                  uint64_t (*value)(const sim_request_record *, bool *counts),
                                  sim_rows *rows, cg_error *error) {
    const sim_measure *measure = input->measure;
    cg_histogram histogram;
    cg_histogram_init(&histogram, cg_allocator_heap());
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < measure->request_count; ++i) {
        bool counts = sim_request_acknowledged(&measure->requests[i]);
        uint64_t of = counts ? value(&measure->requests[i], &counts) : 0;
        if (counts) {
            status = cg_histogram_record(&histogram, of, 1, error);
        }
    }
    if (status == CG_OK && histogram.total > 0) {
        sim_rows_histogram(rows, name, "ns", &histogram);
    }
    cg_histogram_deinit(&histogram);
    return status;
}

/* What of a request's latency is owed to there being other hosts: wire and retries. */
static uint64_t across_of(const sim_request_record *request, bool *counts) {
    *counts = true;
    return request->ledger.wire_ns + request->ledger.retry_ns;
}

static uint64_t staleness_of(const sim_request_record *request, bool *counts) {
    *counts = request->reply.request == CG_REQUEST_GET && request->reply.version > 0;
    return request->reply.stale_ns;
}

/* From the last heal, or the last answer, to when all hosts had the same edges. */
static void report_edges(const sim_report_input *input, sim_rows *rows) {
    uint64_t first = 0;
    uint64_t different = 0;
    uint64_t tombstones = 0;
    uint64_t edges = 0;
    for (uint32_t host = 0; host < input->options->cluster.hosts; ++host) {
        cg_edges_state state = cg_node_edges(input->nodes[host], 0);
        if (!state.present || !sim_host_is_up(input->hosts[host])) {
            continue;
        }
        different += different == 0 || state.state_hash != first;
        first = different == 1 ? state.state_hash : first;
        tombstones = state.tombstones > tombstones ? state.tombstones : tombstones;
        edges = state.edges > edges ? state.edges : edges;
    }
    count(rows, "edges.changed", edges);
    count(rows, "edges.diverged", different > 0 ? different - 1 : 0);
    const sim_measure *measure = input->measure;
    uint64_t heal_ns = 0;
    for (size_t i = 0; i < measure->mark_count; ++i) {
        bool heals = strcmp(measure->marks[i].kind, "heal") == 0;
        heal_ns = heals ? measure->marks[i].time_ns : heal_ns;
    }
    uint64_t from_ns = heal_ns > measure->last_reply_ns ? heal_ns : measure->last_reply_ns;
    if (measure->merged_ns > 0) {
        uint64_t took_ns = measure->merged_ns > from_ns ? measure->merged_ns - from_ns : 0;
        sim_rows_metric(rows, "edges.converge", "max", (double)took_ns, "ns");
    }
    sim_rows_metric(rows, "edges.tombstones", "max", (double)tombstones, "1");
}

cg_status sim_cluster_report(const sim_report_input *input, sim_rows *rows, cg_error *error) {
    const sim_options *options = input->options;
    cg_status status = CG_OK;
    if (options->engine.failover) {
        report_groups(input, rows);
        report_outcomes(input, rows);
        report_copies(input, rows);
        sim_loss_report(input, rows);
    }
    if (options->load.edges > 0.0) {
        report_edges(input, rows);
    }
    sim_divided_report(input, rows);
    if (options->load.get > 0.0) {
        status = report_histogram(input, "get.stale", staleness_of, rows, error);
    }
    if (status == CG_OK && options->engine.spread.across != SIM_ACROSS_NONE) {
        status = sim_coverage_report(input, rows, error);
    }
    bool is_across =
        options->engine.failover || options->engine.spread.across != SIM_ACROSS_NONE;
    return status == CG_OK && is_across
               ? report_histogram(input, "latency.across", across_of, rows, error)
               : status;
}
