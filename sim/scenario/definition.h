/* The parts of a scenario's table that hold for all points: name, factors, repetitions, tables,
 * plots and claims. */
#ifndef SIM_SCENARIO_DEFINITION_H
#define SIM_SCENARIO_DEFINITION_H

#include <lua.h>

#include "sim/scenario/scenario.h"

/* Fills an empty plan from the table at `index` and makes its points, without options. Runs
 * inside sim_sandbox_call. Checks every key, also those it does not read (point). */
cg_status sim_definition_read(lua_State *lua, int index, sim_plan *plan, cg_error *error);

/* Pushes a fresh list of lists: the factors' values as Lua values, so that a script which
 * changes its own tables later changes no point. */
void sim_definition_push_values(lua_State *lua, int index, const sim_plan *plan);

/* views.c: the lists `tables` and `plots` of the table at `index`. */
cg_status sim_views_read(lua_State *lua, int index, sim_plan *plan, cg_error *error);

/* claims.c: the list `claims`, when the factors are there. */
cg_status sim_claims_read(lua_State *lua, int index, sim_plan *plan, cg_error *error);

#endif
