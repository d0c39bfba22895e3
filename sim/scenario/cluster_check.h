/* What no single option of a topology can check, and what a fat tree is made of. */
#ifndef SIM_SCENARIO_CLUSTER_CHECK_H
#define SIM_SCENARIO_CLUSTER_CHECK_H

#include "sim/scenario/options.h"

/* Contradictory options of cluster.topology and cluster.platform. Files are not looked at. */
cg_status sim_cluster_check(const sim_cluster_options *cluster, cg_error *error);

/* Whether latencies come from a file, and take the place of cluster.network.latency. */
bool sim_cluster_is_measured(const sim_cluster_options *cluster);
bool sim_cluster_has_platform(const sim_cluster_options *cluster);

/* The tree's options with none of them 0: arity, hosts and pods as they are chosen. */
sim_tree_options sim_cluster_tree(const sim_cluster_options *cluster);

#endif
