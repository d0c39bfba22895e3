/* Planned requests as what reaches a host: kinds, and the bytes that each kind asks with
 * (engine/node/event.h).
 */
#ifndef SIM_POINT_REQUESTS_H
#define SIM_POINT_REQUESTS_H

#include "sim/host/host.h"
#include "sim/point/facts.h"
#include "sim/workload/workload.h"

/* Which edges are changed: `pool` pairs of the graph's `rows`, at least 2. */
typedef struct sim_edge_load {
    uint64_t seed;
    uint32_t pool;
    uint32_t rows;
} sim_edge_load;

typedef struct sim_requests {
    const sim_facts *facts;
    const sim_workload *workload;
    sim_ask ask; /* what spreads begin at */
    sim_edge_load edges;
    uint8_t *bytes; /* of the batch made last */
    size_t bytes_capacity;
    cg_allocator allocator;
} sim_requests;

/* Facts and workload are borrowed for as long as deliveries are made and used. */
void sim_requests_init(sim_requests *requests, const sim_facts *facts,
                       const sim_workload *workload, sim_ask ask, sim_edge_load edges,
                       cg_allocator allocator);
/* The change of an edge that the i-th request is. */
cg_edge_change sim_requests_edge(const sim_requests *requests, uint32_t i);
void sim_requests_deinit(sim_requests *requests);

/* The i-th request, whose id is i + 1. Its bytes are borrowed from the load, or valid until
 * the next call where out->borrowed is false. Error: CG_ERROR_MEMORY. */
cg_status sim_requests_delivery(sim_requests *requests, uint32_t i, sim_delivery *out,
                                cg_error *error);

#endif
