#include "sim/point/topology_options.h"

#include <string.h>

#include "engine/base/hash.h"
#include "sim/cluster/platform_file.h"
#include "sim/cluster/regions.h"
#include "sim/scenario/cluster_check.h"
#include "sim/store/file.h"

static uint64_t uplink_of(const sim_cluster_options *cluster) {
    const sim_racks_options *racks = &cluster->racks;
    if (racks->uplink_bits_per_s > 0) {
        return racks->uplink_bits_per_s;
    }
    double bits_per_s = (double)racks->hosts * (double)cluster->network.bandwidth_bits_per_s /
                        racks->oversubscription;
    return bits_per_s > 1.0 ? (uint64_t)bits_per_s : 1;
}

/* Half of a round trip, against network.latency; within a region that has none measured, 0. */
static int64_t offset_of(const sim_region_table *table, uint32_t from, uint32_t to,
                         uint64_t base_ns) {
    uint64_t round_trip_ns = table->round_trip_ns[from][to];
    return round_trip_ns > 0 ? (int64_t)(round_trip_ns / 2) - (int64_t)base_ns : 0;
}

static cg_status add_regions(const sim_cluster_options *cluster, sim_topology *topology,
                             cg_error *error) {
    sim_region_table table;
    cg_status status = sim_regions_read(cluster->regions.file, &table, error);
    if (status != CG_OK) {
        cg_error_prefix(error, "cluster.regions.file: ");
        return status;
    }
    status = sim_regions_choose(&table, cluster->regions.names, &table, error);
    if (status == CG_OK && table.count > cluster->hosts) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "%u regions for %u hosts; each needs one at least", table.count,
                              cluster->hosts);
    }
    if (status != CG_OK) {
        cg_error_prefix(error, "cluster.regions.names: ");
        return status;
    }
    size_t pairs = (size_t)table.count * table.count;
    topology->offsets_ns =
        cg_allocate(&topology->allocator, pairs, sizeof *topology->offsets_ns);
    if (!topology->offsets_ns) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u regions", table.count);
    }
    topology->regions = table.count;
    for (uint32_t i = 0; i < pairs; i++) {
        topology->offsets_ns[i] =
            offset_of(&table, i / table.count, i % table.count, cluster->network.latency_ns);
    }
    return CG_OK;
}

cg_status sim_topology_of_options(const sim_options *options, cg_allocator allocator,
                                  sim_topology *out, cg_error *error) {
    const sim_cluster_options *cluster = &options->cluster;
    sim_topology made = {.kind = cluster->topology,
                         .hosts = cluster->hosts,
                         .bandwidth_bits_per_s = cluster->network.bandwidth_bits_per_s,
                         .allocator = allocator};
    cg_status status = CG_OK;
    if (sim_cluster_has_platform(cluster)) {
        status = sim_platform_file_read(cluster->platform, cluster->hosts,
                                        cluster->network.latency_ns, allocator, out, error);
        if (status != CG_OK) {
            cg_error_prefix(error, "cluster.platform: ");
        }
        return status;
    }
    if (made.kind == SIM_TOPOLOGY_RACKS) {
        made.group_hosts = cluster->racks.hosts;
        made.added_ns = cluster->racks.added_ns;
        made.shared_bits_per_s = uplink_of(cluster);
    } else if (made.kind == SIM_TOPOLOGY_FAT_TREE) {
        sim_tree_options tree = sim_cluster_tree(cluster);
        made.arity = tree.arity;
        made.group_hosts = tree.hosts;
        made.pods = tree.pods;
        made.added_ns = tree.added_ns;
    } else if (made.kind == SIM_TOPOLOGY_REGIONS) {
        made.shared_bits_per_s = cluster->regions.bandwidth_bits_per_s;
        status = add_regions(cluster, &made, error);
    }
    if (status == CG_OK) {
        status = sim_topology_check(&made, error);
    }
    if (status == CG_OK) {
        *out = made;
    } else {
        sim_topology_deinit(&made);
    }
    return status;
}

cg_status sim_topology_file_hash(const sim_options *options, uint64_t *out, cg_error *error) {
    const sim_cluster_options *cluster = &options->cluster;
    if (!sim_cluster_is_measured(cluster)) {
        *out = 0;
        return CG_OK;
    }
    sim_file_view view;
    cg_status status = sim_file_map(sim_cluster_has_platform(cluster) ? cluster->platform
                                                                      : cluster->regions.file,
                                    &view, error);
    if (status == CG_OK) {
        *out = cg_hash_bytes(view.bytes, view.size_bytes, 0);
        sim_file_unmap(&view);
    }
    return status;
}

/* --- what a platform says of hosts ----------------------------------------- */

uint32_t sim_topology_cores(const sim_topology *topology, uint32_t host, uint32_t otherwise) {
    bool given = false;
    for (uint32_t i = 0; topology->file_hosts && i < topology->hosts && !given; i++) {
        given = topology->file_hosts[i].cores > 1;
    }
    return given ? topology->file_hosts[host].cores : otherwise;
}

double sim_topology_pace(const sim_topology *topology, uint32_t host) {
    if (!topology->file_hosts) {
        return 1.0;
    }
    double fastest = topology->file_hosts[host].speed;
    for (uint32_t i = 0; i < topology->hosts; i++) {
        double speed = topology->file_hosts[i].speed;
        fastest = speed > fastest ? speed : fastest;
    }
    return fastest / topology->file_hosts[host].speed;
}
