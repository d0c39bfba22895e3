/* Energy of a run beside that of its operations (spec G6): hosts, and the links between them.
 *
 *   host   idle_w * duration + (busy_w - idle_w) * core time / cores
 *   links  bytes between hosts * link_pj_per_byte
 *
 * A host's power grows with the share of its cores that work, from idle to all: the model of SimGrid's
 * host energy plug-in where its Epsilon equals Idle (Heinrich et al., "Predicting the energy consumption
 * of MPI applications at scale using only a single node", IEEE Cluster 2017); a test compares the two. A
 * host that is down draws what an idle one does.
 *
 * Where the defaults come from (estimates from data-sheet class figures): one socket of 64 cores at 225 W beside
 * 100 W of memory, disks, network card and losses; a switch of 12.8 Tb/s at about 400 W: 31 pJ a bit.
 */
#ifndef SIM_POINT_POWER_H
#define SIM_POINT_POWER_H

#include "sim/scenario/options.h"

/* Joules of one host of so many cores that worked core_busy_ns in all, over duration_ns. */
double sim_power_host_j(const sim_cluster_options *cluster, uint32_t cores,
                        uint64_t core_busy_ns, uint64_t duration_ns);
double sim_power_links_j(const sim_cluster_options *cluster, uint64_t bytes);

#endif
