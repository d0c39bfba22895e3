/* A point while it runs, shared by the files that run it:
 *   point.c           builds its world, runs and checks it, reports
 *   point_director.c  what is done at set times, and when nothing is left to happen
 */
#ifndef SIM_POINT_POINT_INTERNAL_H
#define SIM_POINT_POINT_INTERNAL_H

#include "sim/cluster/world.h"
#include "sim/point/facts.h"
#include "sim/point/measure.h"
#include "sim/point/point.h"
#include "sim/point/requests.h"
#include "sim/point/warm_tiers.h"
#include "sim/workload/workload.h"

/* What a host's machine knows. */
typedef struct sim_point_place {
    struct sim_point *point;
    uint32_t host;
} sim_point_place;

typedef struct sim_point {
    const sim_point_input *input;
    const sim_options *options;
    cg_corpus corpus;  /* the ground's, with what this point's engine has learned */
    cg_shards *shards; /* of its index; or NULL */
    sim_facts facts;
    sim_workload workload;
    sim_requests requests;
    sim_warm_tiers warm;
    cg_cache_future *future; /* of the keys that will be recalled; or NULL */
    sim_measure measure;
    cg_node **nodes; /* of a host that is down: the one that died */
    sim_host **hosts;
    sim_point_place *places;
    sim_topology topology;
    sim_fabric *fabric;
    uint64_t next_sample_ns;
    uint64_t seen_ns; /* the latest time that anything was stepped at */
    cg_allocator allocator;
} sim_point;

/* Of the point's world; borrows the point. */
sim_director sim_point_director(sim_point *self);
/* Whether all hosts are up, nobody has anything left to do, each partition has one primary, and all have
 * the same edges. */
bool sim_point_is_settled(const sim_point *self);

#endif
