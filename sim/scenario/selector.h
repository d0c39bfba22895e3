/* What tables, plots and claims have in common: naming a column, and the points they are about.
 *
 * Functions run inside sim_sandbox_call and leave the Lua stack as it was, except on failure.
 */
#ifndef SIM_SCENARIO_SELECTOR_H
#define SIM_SCENARIO_SELECTOR_H

#include <lua.h>

#include "sim/scenario/plan.h"

/* "metric:statistic", as the result database names them; otherwise a sentence about place.key.
 */
cg_status sim_column_check(const char *place, const char *key, const char *column,
                           cg_error *error);

/* One value of some factors. */
typedef struct sim_selector {
    bool given;                       /* there is such a key */
    uint32_t values[SIM_FACTORS_MAX]; /* index of a factor's value; UINT32_MAX: any */
} sim_selector;

/* Reads table[key], nil or { factor = value, ... } of the plan's factors. */
cg_status sim_selector_read(lua_State *lua, int table, const char *place, const char *key,
                            const sim_plan *plan, sim_selector *out, cg_error *error);

#endif
