/* The functions that scripts see, and `require`. */
#ifndef SIM_SCENARIO_SANDBOX_LIBRARY_H
#define SIM_SCENARIO_SANDBOX_LIBRARY_H

#include <lua.h>

#include "engine/base/hash.h"

/* Where modules come from; lives as long as the state. */
typedef struct sim_module_source {
    const char *folder; /* NULL: there are no modules */
    cg_hasher hasher;   /* over what was loaded */
} sim_module_source;

/* Fills the globals. Raises Lua errors: call it in protected mode. */
void sim_sandbox_install(lua_State *lua, sim_module_source *modules);

/* Pushes a metatable whose __index raises `unknown NOUN "key"; do you mean "..."?`. Expects the
 * list of known names (a Lua list of strings) on top of the stack, and replaces it. */
void sim_sandbox_push_strict(lua_State *lua, const char *noun);

#endif
