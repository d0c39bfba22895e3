/* Where hosts stand, and what follows for a pair of them: latency, and whether links are shared.
 *
 * The platform (platform.h) makes links and routes of a topology, for SimGrid to share their
 * bandwidth; the fabric asks it for latencies, which SimGrid has none of. So one description
 * serves both, and nothing is counted twice.
 *
 * A latency is that of the network (network.latency, its law, and what faults make of it) plus
 * the pair's offset, 0 for all pairs of a star:
 *
 *   racks     what a rack's uplink adds, between racks
 *   fat tree  what a level adds, once between edge switches of a pod, twice between pods
 *   regions   half of the measured round trip, less base_ns
 *   file      the latency of the file's route, less base_ns
 *
 * With base_ns = network.latency the figures of the last two are what messages take, whatever
 * network.latency is; a fault that makes it greater by 1 ms makes all pairs slower by 1 ms.
 *
 * A fat tree has three levels of switches of `arity` ports k (Al-Fares, Loukissas and Vahdat, "A
 * Scalable, Commodity Data Center Network Architecture", SIGCOMM 2008): a pod has k/2 edge and
 * k/2 aggregation switches, each of those k/2 links up, and (k/2)^2 core switches connect up to k
 * pods. group_hosts = k/2 hosts at an edge switch give full bisection; more are oversubscribed.
 * Routes are D-mod-k (Zahavi, "D-Mod-K routing providing non-blocking traffic for shift
 * permutations on real life fat trees", 2010): at the edge to d mod k/2, above to (d / (k/2)) mod
 * k/2, d the destination's number. Hosts are numbered edge switch by edge switch.
 *
 * Region r of n has the hosts floor(r h / n) to floor((r + 1) h / n) - 1 of h.
 */
#ifndef SIM_CLUSTER_TOPOLOGY_H
#define SIM_CLUSTER_TOPOLOGY_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

enum {
    SIM_TREE_ARITY_MIN = 4,
    SIM_TREE_ARITY_MAX = 32,
    SIM_HOST_NAME_BYTES = 64 /* of a platform file */
};

typedef enum sim_topology_kind {
    SIM_TOPOLOGY_STAR,
    SIM_TOPOLOGY_RACKS,
    SIM_TOPOLOGY_FAT_TREE,
    SIM_TOPOLOGY_REGIONS,
    SIM_TOPOLOGY_FILE /* the user's own platform file; not a choice of cluster.topology */
} sim_topology_kind;

/* What a platform file says of a host. */
typedef struct sim_platform_host {
    char name[SIM_HOST_NAME_BYTES];
    uint32_t cores; /* 1 where the file says nothing */
    double speed;   /* flop/s */
} sim_platform_host;

/* A value; what it points to it owns (sim_topology_deinit). */
typedef struct sim_topology {
    sim_topology_kind kind;
    uint32_t hosts;
    uint64_t
        bandwidth_bits_per_s; /* of each host's link, each way; a tree's every link; not FILE */
    uint64_t shared_bits_per_s; /* a rack's uplink, or between two regions, each way */
    uint64_t added_ns;
    uint32_t group_hosts; /* of a rack, or at an edge switch */
    uint32_t arity;       /* even, SIM_TREE_ARITY_MIN..MAX */
    uint32_t pods;        /* enough for the hosts, at most arity */
    uint32_t regions;
    uint32_t latencies;  /* FILE: different ones, at most 65,536 */
    int64_t *offsets_ns; /* REGIONS: [from * regions + to]; FILE: [latencies] */
    uint16_t *pairs;     /* FILE: [from * hosts + to]: index of offsets_ns; 2 bytes a pair */
    sim_platform_host *file_hosts; /* FILE: [hosts] */
    char *path;                    /* FILE */
    cg_allocator allocator;        /* of the arrays */
} sim_topology;

void sim_topology_deinit(sim_topology *topology); /* leaves it zeroed; a zeroed one is fine */

/* A sentence about the first thing that cannot be. */
cg_status sim_topology_check(const sim_topology *topology, cg_error *error);

/* Rack, edge switch or region of the host; 0 of a star and a file. */
uint32_t sim_topology_group(const sim_topology *topology, uint32_t host);
/* Added to the network's latency; may be negative. from != to. O(1). */
int64_t sim_topology_offset_ns(const sim_topology *topology, uint32_t from, uint32_t to);
/* Whether the way leads through links that hosts of a group share. Of a file: false, it is not
 * known. */
bool sim_topology_shares(const sim_topology *topology, uint32_t from, uint32_t to);

/* How many hosts the tree's pods have place for. */
uint32_t sim_topology_tree_places(const sim_topology *topology);

#endif
