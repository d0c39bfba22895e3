/* The world over SimGrid: links of limited bandwidth that messages share (spec G1, G2, G5).
 *
 * SimGrid carries bandwidth and contention with constants; the fabric carries latency and all
 * that changes. One call a process: SimGrid's engine is global. Fork before calling. The signal
 * handlers for SIGINT and SIGSEGV are as they were after the call.
 */
#ifndef SIM_CLUSTER_CLUSTER_H
#define SIM_CLUSTER_CLUSTER_H

#include "sim/cluster/world.h"

/* Model settings that make runs repeatable, for provenance: "key:value key:value ...". */
const char *sim_cluster_settings(void);
const char *sim_cluster_version(void); /* of SimGrid, "3.32" */

cg_status sim_cluster_run(const sim_world *world, cg_allocator allocator, sim_run_result *out,
                          cg_error *error);

#endif
