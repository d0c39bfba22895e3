#include "sim/cluster/topology.h"

#include <string.h>

#include "sim/scenario/time_limit.h"

void sim_topology_deinit(sim_topology *topology) {
    size_t hosts = topology->hosts;
    const cg_allocator *allocator = &topology->allocator;
    size_t offsets = topology->kind == SIM_TOPOLOGY_FILE
                         ? topology->latencies
                         : (size_t)topology->regions * topology->regions;
    if (topology->offsets_ns) {
        cg_deallocate(allocator, topology->offsets_ns, offsets, sizeof *topology->offsets_ns);
    }
    if (topology->pairs) {
        cg_deallocate(allocator, topology->pairs, hosts * hosts, sizeof *topology->pairs);
    }
    if (topology->file_hosts) {
        cg_deallocate(allocator, topology->file_hosts, hosts, sizeof *topology->file_hosts);
    }
    if (topology->path) {
        cg_deallocate(allocator, topology->path, strlen(topology->path) + 1, 1);
    }
    *topology = (sim_topology){0};
}

/* --- checks ---------------------------------------------------------------- */

static cg_status check_tree(const sim_topology *tree, cg_error *error) {
    if (tree->arity < SIM_TREE_ARITY_MIN || tree->arity > SIM_TREE_ARITY_MAX ||
        tree->arity % 2 != 0) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "a fat tree of switches with %u ports; it takes an even number, %d to "
            "%d",
            tree->arity, (int)SIM_TREE_ARITY_MIN, (int)SIM_TREE_ARITY_MAX);
    }
    if (tree->pods == 0 || tree->pods > tree->arity) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "a fat tree of %u pods; its core switches have %u ports, so it takes "
            "1 to %u",
            tree->pods, tree->arity, tree->arity);
    }
    if (sim_topology_tree_places(tree) < tree->hosts) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a fat tree of %u pods with %u edge switches of %u hosts each has "
                            "place for %u hosts, and there are %u",
                            tree->pods, tree->arity / 2, tree->group_hosts,
                            sim_topology_tree_places(tree), tree->hosts);
    }
    return CG_OK;
}

static cg_status check_groups(const sim_topology *topology, cg_error *error) {
    if (topology->kind != SIM_TOPOLOGY_REGIONS && topology->group_hosts == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a rack or an edge switch without hosts; it takes 1 at least");
    }
    if (topology->kind == SIM_TOPOLOGY_REGIONS &&
        (topology->regions == 0 || topology->regions > topology->hosts)) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "%u regions for %u hosts; it takes 1 region at least, and a host for "
            "each",
            topology->regions, topology->hosts);
    }
    if (topology->kind != SIM_TOPOLOGY_FAT_TREE && topology->shared_bits_per_s == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a shared link without bandwidth; it takes 1 bit/s at least");
    }
    if (topology->added_ns > SIM_TIME_MAX_NS) {
        return cg_error_set(
            error, CG_ERROR_INVALID, "%llu ns added to a latency; the most is %llu ns",
            (unsigned long long)topology->added_ns, (unsigned long long)SIM_TIME_MAX_NS);
    }
    return CG_OK;
}

cg_status sim_topology_check(const sim_topology *topology, cg_error *error) {
    if (topology->hosts == 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "a topology without hosts");
    }
    if (topology->kind == SIM_TOPOLOGY_FILE) {
        return CG_OK; /* the reader has looked at all */
    }
    if (topology->bandwidth_bits_per_s == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "links need a bandwidth of 1 bit/s or more");
    }
    cg_status status =
        topology->kind == SIM_TOPOLOGY_STAR ? CG_OK : check_groups(topology, error);
    return status == CG_OK && topology->kind == SIM_TOPOLOGY_FAT_TREE
               ? check_tree(topology, error)
               : status;
}

/* --- pairs ----------------------------------------------------------------- */

uint32_t sim_topology_tree_places(const sim_topology *topology) {
    return topology->group_hosts * (topology->arity / 2) * topology->pods;
}

/* The last r with floor(r h / n) <= i is the least with i + 1 <= (r + 1) h / n. */
static uint32_t region_of(const sim_topology *topology, uint32_t host) {
    return (uint32_t)((((uint64_t)host + 1) * topology->regions - 1) / topology->hosts);
}

uint32_t sim_topology_group(const sim_topology *topology, uint32_t host) {
    switch (topology->kind) {
    case SIM_TOPOLOGY_STAR:
    case SIM_TOPOLOGY_FILE:
        break;
    case SIM_TOPOLOGY_RACKS:
    case SIM_TOPOLOGY_FAT_TREE:
        return host / topology->group_hosts;
    case SIM_TOPOLOGY_REGIONS:
        return region_of(topology, host);
    }
    return 0;
}

int64_t sim_topology_offset_ns(const sim_topology *topology, uint32_t from, uint32_t to) {
    CG_ASSERT(from < topology->hosts && to < topology->hosts);
    uint32_t left = sim_topology_group(topology, from);
    uint32_t right = sim_topology_group(topology, to);
    int64_t added_ns = (int64_t)topology->added_ns;
    switch (topology->kind) {
    case SIM_TOPOLOGY_STAR:
        break;
    case SIM_TOPOLOGY_RACKS:
        return left != right ? added_ns : 0;
    case SIM_TOPOLOGY_FAT_TREE: {
        uint32_t edges = topology->arity / 2; /* of a pod */
        return left == right ? 0 : left / edges == right / edges ? added_ns : 2 * added_ns;
    }
    case SIM_TOPOLOGY_REGIONS:
        return topology->offsets_ns[(size_t)left * topology->regions + right];
    case SIM_TOPOLOGY_FILE:
        return topology->offsets_ns[topology->pairs[(size_t)from * topology->hosts + to]];
    }
    return 0;
}

bool sim_topology_shares(const sim_topology *topology, uint32_t from, uint32_t to) {
    return sim_topology_group(topology, from) != sim_topology_group(topology, to);
}
