/* The load: which fact arrives when and at which host (spec G8).
 *
 * Open loop: arrival times don't depend on answers, and latency counts from them. Poisson gaps
 * are exponential draws of the stream "workload.arrival" (our own logarithm). At a constant
 * rate the k-th arrival is the k-th multiple of 1/rate, rounded, so they don't drift. The order
 * of facts is a shuffle by "workload.order"; the host at which the k-th request arrives is
 * drawn by ("workload.gateway", k).
 */
#ifndef SIM_WORKLOAD_ARRIVAL_H
#define SIM_WORKLOAD_ARRIVAL_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "sim/scenario/options.h"

typedef struct sim_request_plan {
    uint64_t at_ns; /* ascending */
    uint32_t fact;  /* 0..available-1, each at most once */
    uint32_t host;  /* gateway */
    bool audit;     /* also decided exhaustively */
    bool labelled;  /* carries its true concept, for learning */
} sim_request_plan;

typedef struct sim_workload {
    sim_request_plan *requests;
    uint32_t count; /* the smaller of options.facts and what is available */
    cg_allocator allocator;
} sim_workload;

cg_status sim_workload_plan(const sim_load_options *options, uint32_t available, uint32_t hosts,
                            uint64_t seed, cg_allocator allocator, sim_workload *out,
                            cg_error *error);
void sim_workload_deinit(sim_workload *workload);

#endif
