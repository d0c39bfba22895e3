/* A point's list `random`: faults that come by chance (fault_draw.h).
 *
 *   random = {
 *     { action = "crash", mean = "5s", length = "1s", at = "1s", ends = "30s" },
 *     { action = "partition", mean = "3s" },
 *   }
 *
 * mean is between beginnings; length, of each, is 1 s unless given; they come from at (0) to ends
 * (the run's stop). */
#ifndef SIM_SCENARIO_RANDOM_READ_H
#define SIM_SCENARIO_RANDOM_READ_H

#include <lua.h>

#include "sim/scenario/options.h"

/* Of the point's table at `index`, into options->faults; the options' seed, cluster and end must be
 * what they will be. Runs inside sim_sandbox_call. */
cg_status sim_random_read(lua_State *lua, int index, sim_options *options, cg_error *error);

#endif
