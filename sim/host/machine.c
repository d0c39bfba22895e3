/* The machine that steps a cg_node: apart from host.c, so that a host can be had without the
 * engine. */
#include "engine/node/node.h"
#include "sim/host/host.h"

static cg_status step_node(void *context, const cg_event *event, cg_outputs *outputs,
                           cg_error *error) {
    return cg_node_step(context, event, outputs, error);
}

sim_machine sim_host_node(struct cg_node *node) {
    return (sim_machine){.step = step_node, .context = node};
}
