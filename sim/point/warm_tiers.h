/* Memory tiers as they are after long service, made once and shared by a point's hosts
 * copy-on-write (design.md, "Ten billion nodes", 8).
 */
#ifndef SIM_POINT_WARM_TIERS_H
#define SIM_POINT_WARM_TIERS_H

#include "engine/node/node.h"
#include "sim/memory/private_image.h"
#include "sim/workload/workload.h"

typedef struct sim_warm_tiers {
    sim_private_image *image; /* NULL: tiers start as the node makes them */
    void **views;             /* [hosts] */
    uint32_t hosts;
    cg_allocator allocator;
} sim_warm_tiers;

/* Reads so many keys, drawn as the load's recalls are, through tiers of these options. reads 0:
 * nothing is made. */
cg_status sim_warm_tiers_init(sim_warm_tiers *warm, const cg_node_options *node,
                              const sim_workload_input *input, uint64_t reads,
                              cg_allocator allocator, cg_error *error);
/* After the nodes that use it. */
void sim_warm_tiers_deinit(sim_warm_tiers *warm);
/* Gives the node of a host its view. */
cg_status sim_warm_tiers_give(sim_warm_tiers *warm, uint32_t host, cg_node_options *node,
                              cg_error *error);

#endif
