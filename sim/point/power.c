#include "sim/point/power.h"

double sim_power_host_j(const sim_cluster_options *cluster, uint32_t cores,
                        uint64_t core_busy_ns, uint64_t duration_ns) {
    const double seconds = (double)duration_ns / 1e9;
    const double working = (double)core_busy_ns / 1e9 / cores;
    return cluster->idle_w * seconds + (cluster->busy_w - cluster->idle_w) * working;
}

double sim_power_links_j(const sim_cluster_options *cluster, uint64_t bytes) {
    return (double)bytes * cluster->link_pj_per_byte / 1e12;
}
