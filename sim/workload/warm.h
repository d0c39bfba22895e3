/* Keys that were recalled before the load began: what a cluster that has long been in service has
 * seen (design.md, "Ten billion nodes", 8).
 *
 * Drawn by the load's own popularity at its start, and by its ranks, from the stream
 * "workload.warm": the load's draws are other ones.
 */
#ifndef SIM_WORKLOAD_WARM_H
#define SIM_WORKLOAD_WARM_H

#include "sim/workload/permutation.h"
#include "sim/workload/recall.h"

typedef struct sim_warm {
    sim_periods periods;
    sim_weights weights; /* read where the law is measured */
    sim_laws laws;
    sim_permutation ranks;
    cg_stream stream;
} sim_warm;

/* draws: how many keys will be drawn, about. Errors: those of reading the popularity's file. */
cg_status sim_warm_init(sim_warm *warm, const sim_workload_input *input, uint64_t draws,
                        cg_allocator allocator, cg_error *error);
void sim_warm_deinit(sim_warm *warm);
uint64_t sim_warm_next(sim_warm *warm); /* a key, 0..input->keys - 1 */

#endif
