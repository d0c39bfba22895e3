/* Live metrics: what hooks can read while a point runs (spec H3). Base units, simulated time
 * only. */
#ifndef SIM_POINT_LIVE_H
#define SIM_POINT_LIVE_H

#include "sim/cluster/fabric.h"
#include "sim/point/measure.h"
#include "sim/scenario/scenario.h"

/* Metrics, in this order:
 *   time                 s since the start
 *   requests.offered     whose intended start has come
 *   requests.answered    acknowledged
 *   requests.failed      answered with another status
 *   requests.open        offered and not yet answered
 *   latency.p50, latency.p99   s, over all acknowledged so far
 *   network.messages, network.bytes, network.lost, network.cut
 *   replication.backlog  records durable at primaries and not yet acknowledged by replicas */
enum { SIM_LIVE_METRICS = 12 };
void sim_live_metrics(sim_measure *measure, const sim_fabric *fabric, uint64_t backlog_records,
                      uint64_t now_ns, sim_live_metric live[SIM_LIVE_METRICS]);

#endif
