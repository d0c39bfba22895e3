#include "sim/point/live.h"

static const double ns_per_s = 1e9;

void sim_live_metrics(sim_measure *measure, const sim_fabric *fabric, uint64_t backlog_records,
                      uint64_t now_ns, sim_live_metric live[SIM_LIVE_METRICS]) {
    uint64_t offered = sim_measure_offered(measure, now_ns);
    uint64_t answered = measure->answered_ns.total;
    uint64_t failed = measure->replied_count - answered;
    double p50_ns = (double)cg_histogram_quantile(&measure->answered_ns, 0.50);
    double p99_ns = (double)cg_histogram_quantile(&measure->answered_ns, 0.99);
    sim_fabric_statistics network = sim_fabric_statistics_of(fabric);
    const sim_live_metric metrics[SIM_LIVE_METRICS] = {
        {"time", (double)now_ns / ns_per_s},
        {"requests.offered", (double)offered},
        {"requests.answered", (double)answered},
        {"requests.failed", (double)failed},
        {"requests.open", (double)(offered - measure->replied_count)},
        {"latency.p50", p50_ns / ns_per_s},
        {"latency.p99", p99_ns / ns_per_s},
        {"network.messages", (double)network.sent},
        {"network.bytes", (double)network.sent_bytes},
        {"network.lost", (double)network.lost},
        {"network.cut", (double)network.cut},
        {"replication.backlog", (double)backlog_records},
    };
    for (int i = 0; i < SIM_LIVE_METRICS; ++i) {
        live[i] = metrics[i];
    }
}
