/* Faults from Lua tables, of a scenario's list and of hooks.
 *
 * Functions run inside sim_sandbox_call and leave the Lua stack as it was, except on failure.
 */
#ifndef SIM_SCENARIO_FAULT_READ_H
#define SIM_SCENARIO_FAULT_READ_H

#include <lua.h>

#include "sim/scenario/fault_text.h"

/* The table on top of the stack, which `place` names ("faults[2]"): { at =, action =, ... } or
 * { at =, partition = { 0 }, ... }. */
cg_status sim_fault_read(lua_State *lua, const char *place, sim_fault *fault, cg_error *error);

/* The value on top of the stack as text of the field: a list's entries are joined by spaces.
 * `spot` names it ("faults[2].hosts"). */
cg_status sim_fault_value_text(lua_State *lua, const char *spot, const char *field,
                               char text[SIM_FAULT_VALUE_BYTES], cg_error *error);

#endif
