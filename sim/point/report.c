#include "sim/point/report.h"

#include <string.h>

#include "sim/point/accuracy.h"
#include "sim/point/cluster_report.h"
#include "sim/point/host_fault_report.h"
#include "sim/point/power.h"
#include "sim/point/service_report.h"
#include "sim/point/space_report.h"

static double percent(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : 100.0 * (double)part / (double)whole;
}

static void count(sim_rows *rows, const char *name, uint64_t value) {
    sim_rows_metric(rows, name, "total", (double)value, "1");
}

/* --- latency -------------------------------------------------------------- */

static const char *const phase_names[] = {"latency", "latency.before", "latency.during",
                                          "latency.after"};

static cg_status report_latency_of(const sim_report_input *input, sim_phase phase,
                                   sim_rows *rows, cg_error *error) {
    const sim_measure *measure = input->measure;
    cg_histogram histogram;
    cg_histogram_init(&histogram, cg_allocator_heap());
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        bool counts =
            phase == SIM_PHASE_WHOLE || sim_measure_phase(measure, request->start_ns) == phase;
        if (counts && sim_request_acknowledged(request)) {
            status = cg_histogram_record(&histogram, request->replied_ns - request->start_ns, 1,
                                         error);
        }
    }
    if (status == CG_OK && histogram.total > 0) {
        sim_rows_histogram(rows, phase_names[phase], "ns", &histogram);
    }
    cg_histogram_deinit(&histogram);
    return status;
}

static cg_status report_latency(const sim_report_input *input, sim_rows *rows,
                                cg_error *error) {
    const sim_measure *measure = input->measure;
    bool partitioned = sim_measure_phase(measure, 0) != SIM_PHASE_WHOLE;
    cg_status status = report_latency_of(input, SIM_PHASE_WHOLE, rows, error);
    for (int phase = SIM_PHASE_BEFORE;
         partitioned && status == CG_OK && phase <= SIM_PHASE_AFTER; ++phase) {
        status = report_latency_of(input, (sim_phase)phase, rows, error);
    }
    uint64_t acknowledged = 0;
    uint64_t total_ns = 0;
    uint64_t parts_ns[SIM_LEDGER_PART_COUNT] = {0};
    for (uint32_t i = 0; i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        if (!sim_request_acknowledged(request)) {
            continue;
        }
        acknowledged++;
        total_ns += request->replied_ns - request->start_ns;
        for (int part = 0; part < SIM_LEDGER_PART_COUNT; ++part) {
            parts_ns[part] += sim_ledger_part_ns(&request->ledger, (sim_ledger_part)part);
        }
    }
    if (acknowledged == 0) {
        return status;
    }
    sim_rows_metric(rows, "latency", "mean", (double)total_ns / (double)acknowledged, "ns");
    for (int part = 0; part < SIM_LEDGER_PART_COUNT; ++part) {
        char name[64] = "latency.";
        strncat(name, sim_ledger_part_name((sim_ledger_part)part),
                sizeof name - strlen(name) - 1);
        sim_rows_metric(rows, name, "mean", (double)parts_ns[part] / (double)acknowledged,
                        "ns");
    }
    return status;
}

/* --- requests and recovery ------------------------------------------------ */

static void report_requests(const sim_report_input *input, sim_rows *rows) {
    const sim_measure *measure = input->measure;
    uint64_t acknowledged = 0;
    uint64_t unanswered = 0;
    uint64_t shed = 0;
    uint64_t last_ns = 0;
    for (uint32_t i = 0; i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        unanswered += !request->replied;
        shed += request->replied && request->reply.status == CG_ERROR_OVERLOADED;
        if (sim_request_acknowledged(request)) {
            acknowledged++;
            last_ns = request->replied_ns > last_ns ? request->replied_ns : last_ns;
        }
    }
    uint64_t retries = 0;
    uint64_t resent = 0;
    for (uint32_t host = 0; host < input->options->cluster.hosts; ++host) {
        cg_node_statistics statistics = cg_node_statistics_of(input->nodes[host]);
        retries += statistics.retries;
        resent += statistics.groups.records_resent;
    }
    count(rows, "requests", measure->request_count);
    count(rows, "requests.answered", acknowledged);
    count(rows, "requests.failed", measure->request_count - acknowledged - unanswered - shed);
    count(rows, "requests.shed", shed);
    count(rows, "requests.unanswered", unanswered);
    count(rows, "retries", retries);
    count(rows, "replication.resent", resent);
    uint64_t first_ns = measure->request_count > 0 ? measure->requests[0].start_ns : 0;
    if (last_ns > first_ns) {
        double seconds = (double)(last_ns - first_ns) / 1e9;
        sim_rows_metric(rows, "throughput", "mean", (double)acknowledged / seconds, "1/s");
    }
}

/* After the last heal: how long until the last request from before it was answered. Not known
 * while one of them is open. */
static void report_recovery(const sim_report_input *input, sim_rows *rows) {
    const sim_measure *measure = input->measure;
    uint64_t heal_ns = 0;
    for (size_t i = 0; i < measure->mark_count; ++i) {
        if (strcmp(measure->marks[i].kind, "heal") == 0) {
            heal_ns = measure->marks[i].time_ns;
        }
    }
    if (heal_ns == 0) {
        return;
    }
    uint64_t answered_ns = heal_ns;
    bool all_answered = true;
    for (uint32_t i = 0; i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        if (request->start_ns < heal_ns) {
            all_answered = all_answered && request->replied;
            answered_ns = request->replied && request->replied_ns > answered_ns
                              ? request->replied_ns
                              : answered_ns;
        }
    }
    if (all_answered) {
        sim_rows_metric(rows, "recovery.requests", "max", (double)(answered_ns - heal_ns),
                        "ns");
    }
}

static void report_backlog(const sim_report_input *input, sim_rows *rows) {
    const sim_measure *measure = input->measure;
    uint64_t most = 0;
    for (size_t i = 0; i < measure->sample_count; ++i) {
        uint64_t backlog = measure->samples[i].backlog_records;
        most = backlog > most ? backlog : most;
    }
    sim_rows_metric(rows, "replication.backlog", "max", (double)most, "1");
}

/* --- resources ------------------------------------------------------------ */

/* What cores and memory buses did, and the energy of it all. */
static void report_machines(const sim_report_input *input, sim_rows *rows) {
    const sim_cluster_options *cluster = &input->options->cluster;
    double hosts_j = 0.0;
    uint64_t energy_pj = 0;
    uint64_t busy_ns = 0;
    uint64_t stalled_ns = 0;
    uint64_t bus_bytes = 0;
    for (uint32_t host = 0; host < cluster->hosts; ++host) {
        const sim_host_statistics *statistics = sim_host_statistics_of(input->hosts[host]);
        energy_pj += statistics->energy_pj;
        busy_ns += statistics->core_busy_ns;
        stalled_ns += statistics->stalled_ns;
        bus_bytes += statistics->bus_bytes;
        hosts_j += sim_power_host_j(cluster, sim_host_cores(input->hosts[host]),
                                    statistics->core_busy_ns, input->result.ended_ns);
    }
    sim_rows_metric(rows, "energy", "total", (double)energy_pj / 1e12, "J");
    sim_rows_metric(rows, "energy.hosts", "total", hosts_j, "J");
    sim_rows_metric(
        rows, "energy.links", "total",
        sim_power_links_j(cluster, sim_fabric_statistics_of(input->fabric).sent_bytes), "J");
    sim_rows_metric(rows, "cpu.busy", "total", (double)busy_ns, "ns");
    sim_rows_metric(rows, "memory.traffic", "total", (double)bus_bytes, "B");
    sim_rows_metric(rows, "memory.stalled", "share", percent(stalled_ns, busy_ns), "%");
}

static void report_resources(const sim_report_input *input, sim_rows *rows) {
    const sim_measure *measure = input->measure;
    sim_fabric_statistics network = sim_fabric_statistics_of(input->fabric);
    count(rows, "network.messages", network.sent);
    sim_rows_metric(rows, "network.bytes", "total", (double)network.sent_bytes, "B");
    count(rows, "network.lost", network.lost);
    count(rows, "network.cut", network.cut);
    if (input->options->cluster.topology != SIM_TOPOLOGY_STAR) {
        count(rows, "network.far.messages", network.far_sent);
        sim_rows_metric(rows, "network.far.bytes", "total", (double)network.far_sent_bytes,
                        "B");
    }
    report_machines(input, rows);
    uint64_t node_bytes = 0;
    uint64_t distances = 0;
    for (uint32_t host = 0; host < input->options->cluster.hosts; ++host) {
        const sim_host_statistics *statistics = sim_host_statistics_of(input->hosts[host]);
        distances += cg_work_distances(&statistics->work);
        uint64_t bytes = cg_node_bytes(input->nodes[host]);
        node_bytes = bytes > node_bytes ? bytes : node_bytes;
    }
    count(rows, "distances", distances);
    const cg_corpus *corpus = sim_ground_corpus(measure->facts->ground);
    const cg_graph *graph = sim_ground_graph(measure->facts->ground);
    uint64_t shared_bytes = 0;
    if (corpus) {
        shared_bytes = cg_corpus_bytes(corpus) + cg_lemmas_bytes(corpus->lemmas);
        count(rows, "graph.concepts", cg_graph_concept_count(corpus->graph));
        count(rows, "graph.edges", cg_graph_edge_count(corpus->graph));
        count(rows, "graph.held_out", sim_ground_fact_count(measure->facts->ground));
        count(rows, "training.lessons", sim_ground_lesson_count(measure->facts->ground));
    } else if (graph) {
        shared_bytes = cg_graph_bytes(graph);
        count(rows, "graph.concepts", cg_graph_concept_count(graph));
        count(rows, "graph.edges", cg_graph_edge_count(graph));
    } else {
        count(rows, "graph.concepts", input->options->graph.nodes);
    }
    sim_parts_report(sim_ground_parts(measure->facts->ground), rows);
    sim_rows_metric(rows, "memory", "max", (double)(shared_bytes + node_bytes), "B");
    count(rows, "events", input->result.events);
    count(rows, "invariant.violations", input->violations);
    sim_rows_metric(rows, "duration", "total", (double)input->result.ended_ns, "ns");
}

/* --- time line ------------------------------------------------------------ */

/* Of the requests that began in each interval: latency, and how many decisions were right. */
static cg_status report_intervals(const sim_report_input *input, sim_rows *rows,
                                  cg_error *error) {
    const sim_measure *measure = input->measure;
    uint64_t width_ns = input->options->series_ns;
    cg_histogram histogram;
    cg_histogram_init(&histogram, cg_allocator_heap());
    cg_status status = CG_OK;
    uint32_t next = 0;
    for (uint64_t begin_ns = 0; status == CG_OK && next < measure->request_count;
         begin_ns += width_ns) {
        cg_histogram_reset(&histogram);
        uint64_t right = 0;
        uint64_t judged = 0;
        while (status == CG_OK && next < measure->request_count &&
               measure->requests[next].start_ns < begin_ns + width_ns) {
            const sim_request_record *request = &measure->requests[next++];
            if (sim_request_acknowledged(request)) {
                right += request->answer_rank == 1;
                judged += sim_request_judged(request);
                status = cg_histogram_record(&histogram,
                                             request->replied_ns - request->start_ns, 1, error);
            }
        }
        if (histogram.total > 0) {
            double p50_ns = (double)cg_histogram_quantile(&histogram, 0.50);
            double p99_ns = (double)cg_histogram_quantile(&histogram, 0.99);
            sim_rows_series(rows, "latency", begin_ns, "p50", p50_ns, "ns");
            sim_rows_series(rows, "latency", begin_ns, "p99", p99_ns, "ns");
            if (judged > 0) {
                sim_rows_series(rows, sim_accuracy_name(measure), begin_ns, "share",
                                percent(right, judged), "%");
            }
        }
    }
    cg_histogram_deinit(&histogram);
    return status;
}

static void report_samples(const sim_report_input *input, sim_rows *rows) {
    const sim_measure *measure = input->measure;
    for (size_t i = 0; i < measure->sample_count; ++i) {
        const sim_sample *sample = &measure->samples[i];
        sim_rows_series(rows, "requests.open", sample->time_ns, "last",
                        (double)sample->open_requests, "1");
        sim_rows_series(rows, "replication.backlog", sample->time_ns, "last",
                        (double)sample->backlog_records, "1");
        sim_service_sample(input, sample, rows);
    }
    for (size_t i = 0; i < measure->alert_count; ++i) {
        const sim_alert *alert = &measure->alerts[i];
        sim_rows_alert(rows, alert->time_ns, cg_severity_name(alert->severity), alert->text);
    }
    for (size_t i = 0; i < measure->mark_count; ++i) {
        const sim_mark *mark = &measure->marks[i];
        sim_rows_event(rows, mark->time_ns, mark->kind, mark->text);
    }
}

cg_status sim_report(const sim_report_input *input, sim_rows *rows, cg_error *error) {
    cg_status status = report_latency(input, rows, error);
    if (status != CG_OK) {
        return status;
    }
    report_requests(input, rows);
    report_backlog(input, rows);
    report_recovery(input, rows);
    sim_host_fault_report(input, rows);
    status = sim_accuracy_report(input->measure, rows, error);
    if (status != CG_OK) {
        return status;
    }
    report_resources(input, rows);
    status = sim_service_report(input, rows, error);
    if (status == CG_OK) {
        status = sim_space_report(input, rows, error);
    }
    if (status == CG_OK) {
        status = sim_cluster_report(input, rows, error);
    }
    if (status != CG_OK) {
        return status;
    }
    status = report_intervals(input, rows, error);
    report_samples(input, rows);
    return status;
}
