/* The bare loop: a world in simulated time without SimGrid. Links have no limit of bandwidth.
 *
 * The host with the smallest (next time, number) goes next, found through a tournament over
 * hosts, so an event costs O(log hosts). Any number of runs in a process; nothing is global.
 */
#ifndef SIM_CLUSTER_BARE_H
#define SIM_CLUSTER_BARE_H

#include "sim/cluster/world.h"

cg_status sim_bare_run(const sim_world *world, cg_allocator allocator, sim_run_result *out,
                       cg_error *error);

#endif
