/* A point's options from the table that the scenario's point function returned. */
#ifndef SIM_SCENARIO_POINT_READ_H
#define SIM_SCENARIO_POINT_READ_H

#include <lua.h>

#include "sim/scenario/options.h"

enum { SIM_HOOKS_MAX = 256 };

/* Sets what the table at `index`, the top of the stack, holds on top of `options`, phases
 * and faults too. Runs inside sim_sandbox_call. */
cg_status sim_point_read(lua_State *lua, int index, sim_options *options, cg_error *error);

/* One hook, as written. */
typedef struct sim_hook_plan {
    bool conditional;    /* when/every rather than at */
    uint64_t next_ns;    /* at, or 0 for the first question */
    uint64_t every_ns;   /* conditional only */
    uint32_t times_left; /* runs */
} sim_hook_plan;

/* Every hook has its functions and times, and none wants to run after the stop. */
cg_status sim_point_check_hooks(lua_State *lua, int index, uint64_t stop_ns, cg_error *error);
/* Number of hooks of the point's table. */
cg_status sim_point_hook_count(lua_State *lua, int index, uint32_t *out, cg_error *error);
/* Hook `number` (1-based); pushes its `run` function and its `when` function or nil. */
cg_status sim_point_push_hook(lua_State *lua, int index, uint32_t number, uint64_t stop_ns,
                              sim_hook_plan *out, cg_error *error);

#endif
