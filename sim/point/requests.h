/* Planned requests as what reaches a host: kinds, and the bytes that each kind asks with
 * (engine/node/event.h).
 */
#ifndef SIM_POINT_REQUESTS_H
#define SIM_POINT_REQUESTS_H

#include "sim/host/host.h"
#include "sim/point/facts.h"
#include "sim/workload/workload.h"

typedef struct sim_requests {
    const sim_facts *facts;
    const sim_workload *workload;
    sim_ask ask;    /* what spreads begin at */
    uint8_t *bytes; /* of the batch made last */
    size_t bytes_capacity;
    cg_allocator allocator;
} sim_requests;

/* Facts and workload are borrowed for as long as deliveries are made and used. */
void sim_requests_init(sim_requests *requests, const sim_facts *facts,
                       const sim_workload *workload, sim_ask ask, cg_allocator allocator);
void sim_requests_deinit(sim_requests *requests);

/* The i-th request, whose id is i + 1. Its bytes are borrowed from the load, or valid until
 * the next call where out->borrowed is false. Error: CG_ERROR_MEMORY. */
cg_status sim_requests_delivery(sim_requests *requests, uint32_t i, sim_delivery *out,
                                cg_error *error);

#endif
