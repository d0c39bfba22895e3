#include "sim/scenario/cluster_check.h"

#include <inttypes.h>
#include <string.h>

bool sim_cluster_has_platform(const sim_cluster_options *cluster) {
    return strcmp(cluster->platform, "none") != 0;
}

bool sim_cluster_is_measured(const sim_cluster_options *cluster) {
    return cluster->topology == SIM_TOPOLOGY_REGIONS || sim_cluster_has_platform(cluster);
}

/* Pods that the hosts fill; more than arity where the tree has no place for them. */
static uint32_t pods_of(const sim_cluster_options *cluster, uint32_t arity, uint32_t hosts) {
    uint32_t places = hosts * (arity / 2);
    return (cluster->hosts + places - 1) / places;
}

sim_tree_options sim_cluster_tree(const sim_cluster_options *cluster) {
    sim_tree_options tree = cluster->tree;
    uint32_t arity = tree.arity > 0 ? tree.arity : SIM_TREE_ARITY_MIN;
    for (;; arity += 2) {
        uint32_t hosts = tree.hosts > 0 ? tree.hosts : arity / 2;
        uint32_t pods = pods_of(cluster, arity, hosts);
        if (pods <= arity || tree.arity > 0 || arity >= SIM_TREE_ARITY_MAX) {
            return (sim_tree_options){.arity = arity,
                                      .hosts = hosts,
                                      .pods = tree.pods > 0 ? tree.pods : pods,
                                      .added_ns = tree.added_ns};
        }
    }
}

static cg_status check_tree(const sim_cluster_options *cluster, cg_error *error) {
    uint32_t arity = cluster->tree.arity;
    if (arity != 0 && (arity < SIM_TREE_ARITY_MIN || arity % 2 != 0)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "cluster.tree.arity: %" PRIu32
                            " ports; half of a switch's ports lead up and half down, so it "
                            "takes an even number from %d to %d",
                            arity, (int)SIM_TREE_ARITY_MIN, (int)SIM_TREE_ARITY_MAX);
    }
    sim_tree_options tree = sim_cluster_tree(cluster);
    if (tree.pods > tree.arity) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "cluster.tree.pods: %" PRIu32 " pods of %" PRIu32
                            " hosts for %" PRIu32 " hosts; switches with %" PRIu32
                            " ports (cluster.tree.arity) connect at most as many",
                            tree.pods, tree.hosts * (tree.arity / 2), cluster->hosts,
                            tree.arity);
    }
    if (tree.pods * tree.hosts * (tree.arity / 2) < cluster->hosts) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "cluster.tree.pods: %" PRIu32 " pods have place for %" PRIu32
                            " hosts, and cluster.hosts is %" PRIu32 "; %" PRIu32
                            " pods would do",
                            tree.pods, tree.pods * tree.hosts * (tree.arity / 2),
                            cluster->hosts, pods_of(cluster, tree.arity, tree.hosts));
    }
    return CG_OK;
}

cg_status sim_cluster_check(const sim_cluster_options *cluster, cg_error *error) {
    if (sim_cluster_has_platform(cluster) && cluster->topology != SIM_TOPOLOGY_STAR) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "cluster.platform: a file says how the hosts are connected; leave "
                            "cluster.topology at star");
    }
    if (sim_cluster_is_measured(cluster) && strcmp(cluster->network.law, "constant") != 0) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "cluster.network.law: the latencies of %s are constant figures of a "
            "file; vary them by cluster.network.jitter",
            cluster->topology == SIM_TOPOLOGY_REGIONS ? "regions" : "a platform");
    }
    if (cluster->topology == SIM_TOPOLOGY_RACKS && cluster->racks.uplink_bits_per_s > 0 &&
        cluster->racks.oversubscription != 1.0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "cluster.racks.uplink: its bandwidth is given, and "
                            "cluster.racks.oversubscription gives it too; leave one out");
    }
    return cluster->topology == SIM_TOPOLOGY_FAT_TREE ? check_tree(cluster, error) : CG_OK;
}
