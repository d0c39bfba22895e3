#include "sim/point/loss_report.h"

static bool is_fact(const sim_request_record *request) {
    return sim_request_judged(request) && request->reply.status == CG_OK;
}

static uint32_t partition_of(const sim_report_input *input, uint32_t request) {
    return cg_node_partition_number((uint64_t)request + 1,
                                    input->measure->requests[request].space,
                                    input->options->cluster.hosts);
}

/* Whether a host that is up has its record on disk. */
static bool is_kept(const sim_report_input *input, uint32_t request) {
    const uint32_t hosts = input->options->cluster.hosts;
    uint32_t partition = partition_of(input, request);
    for (uint32_t n = 0; n <= input->options->engine.replicas && n < hosts; ++n) {
        uint32_t host = cg_node_keeper_of(partition, hosts, n);
        uint64_t sequence = 0;
        if (sim_host_is_up(input->hosts[host]) &&
            cg_node_has_request(input->nodes[host], partition, (uint64_t)request + 1,
                                &sequence)) {
            return true;
        }
    }
    return false;
}

static bool names(const sim_fault *fault, uint32_t host) {
    for (uint32_t i = 0; i < fault->host_count; ++i) {
        if (fault->hosts[i] == host) {
            return true;
        }
    }
    return false;
}

/* From the client's answer to when the host that gave it lost its disk: for so long at least it stood
 * there alone. 0: that host did not. */
static uint64_t window_of(const sim_report_input *input, const sim_request_record *request) {
    const sim_options *options = input->options;
    for (uint32_t i = 0; i < options->fault_count; ++i) {
        const sim_fault *fault = &options->faults[i];
        if (fault->action == SIM_FAULT_DISK_LOSS && fault->at_ns >= request->replied_ns &&
            names(fault, request->reply.host)) {
            return fault->at_ns - request->replied_ns;
        }
    }
    return 0;
}

static void report_lost(const sim_report_input *input, sim_rows *rows) {
    const sim_measure *measure = input->measure;
    uint64_t facts = 0;
    uint64_t lost = 0;
    uint64_t longest_ns = 0;
    for (uint32_t i = 0; i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        if (!is_fact(request)) {
            continue;
        }
        facts++;
        if (!is_kept(input, i)) {
            uint64_t window_ns = window_of(input, request);
            lost++;
            longest_ns = window_ns > longest_ns ? window_ns : longest_ns;
        }
    }
    sim_rows_metric(rows, "facts.acknowledged", "total", (double)facts, "1");
    sim_rows_metric(rows, "facts.lost", "total", (double)lost, "1");
    sim_rows_metric(rows, "facts.lost_window", "max", (double)longest_ns, "ns");
}

/* --- fail-over -------------------------------------------------------------- */

/* Of one partition, whose primary a host was when it died: until another one acknowledged. 0: it was not
 * its primary, or nobody did. */
static uint64_t gap_of(const sim_report_input *input, uint32_t partition, uint32_t host,
                       uint64_t died_ns) {
    const sim_measure *measure = input->measure;
    uint64_t last_ns = 0; /* before it died */
    uint64_t next_ns = UINT64_MAX;
    uint32_t last_host = UINT32_MAX;
    for (uint32_t i = 0; i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        if (!is_fact(request) || partition_of(input, i) != partition) {
            continue;
        }
        uint64_t at_ns = request->replied_ns;
        if (at_ns <= died_ns && at_ns >= last_ns) {
            last_ns = at_ns;
            last_host = request->reply.host;
        } else if (at_ns > died_ns && request->reply.host != host && at_ns < next_ns) {
            next_ns = at_ns;
        }
    }
    return last_host == host && next_ns != UINT64_MAX ? next_ns - died_ns : 0;
}

static void report_gaps(const sim_report_input *input, sim_rows *rows) {
    const sim_options *options = input->options;
    const uint32_t partitions = options->cluster.hosts * options->engine.spaces;
    uint64_t gaps = 0;
    uint64_t longest_ns = 0;
    double sum_ns = 0.0;
    for (uint32_t i = 0; i < options->fault_count; ++i) {
        const sim_fault *fault = &options->faults[i];
        bool kills = fault->action == SIM_FAULT_CRASH || fault->action == SIM_FAULT_DISK_LOSS;
        for (uint32_t n = 0; kills && n < fault->host_count; ++n) {
            for (uint32_t partition = 0; partition < partitions; ++partition) {
                uint64_t gap_ns = gap_of(input, partition, fault->hosts[n], fault->at_ns);
                gaps += gap_ns > 0;
                sum_ns += (double)gap_ns;
                longest_ns = gap_ns > longest_ns ? gap_ns : longest_ns;
            }
        }
    }
    if (gaps > 0) {
        sim_rows_metric(rows, "failover.gap", "mean", sum_ns / (double)gaps, "ns");
        sim_rows_metric(rows, "failover.gap", "max", (double)longest_ns, "ns");
        sim_rows_metric(rows, "failover.gaps", "total", (double)gaps, "1");
    }
}

/* Of what was asked during a partition: answered with what was asked for, sooner or later. */
static void report_during(const sim_report_input *input, sim_rows *rows) {
    const sim_measure *measure = input->measure;
    uint64_t asked = 0;
    uint64_t answered = 0;
    for (uint32_t i = 0; i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        if (sim_measure_phase(measure, request->start_ns) == SIM_PHASE_DURING) {
            asked++;
            answered += sim_request_acknowledged(request);
        }
    }
    if (asked > 0) {
        sim_rows_metric(rows, "requests.during", "share",
                        100.0 * (double)answered / (double)asked, "%");
    }
}

void sim_loss_report(const sim_report_input *input, sim_rows *rows) {
    report_during(input, rows);
    report_lost(input, rows);
    report_gaps(input, rows);
}
