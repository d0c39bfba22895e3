/* Reading plain Lua tables into C: by declared names, raw, never converting a value in place.
 *
 * `place` names where a table stands ("cluster.network", "tables[2]") in error sentences.
 * Functions may raise Lua errors for want of memory, so they run inside sim_sandbox_call;
 * whatever they allocate from the C heap hangs on something the caller owns before anything can
 * raise.
 */
#ifndef SIM_SCENARIO_LUA_READ_H
#define SIM_SCENARIO_LUA_READ_H

#include <lua.h>

#include "engine/base/status.h"

/* Pushes table[name]; returns its type. */
int sim_lua_field(lua_State *lua, int index, const char *name);

/* Every key of the table is one of `known`; of several unknown keys the first in byte order is
 * reported. */
cg_status sim_lua_check_keys(lua_State *lua, int index, const char *place,
                             const char *const *known, size_t known_count, cg_error *error);

/* The table is a list 1..n without other keys, n at most `most`. */
cg_status sim_lua_list(lua_State *lua, int index, const char *place, uint32_t most,
                       uint32_t *out, cg_error *error);

/* A string, number or boolean as text: printable UTF-8 of at most capacity - 1 bytes, not
 * empty. Numbers read back as the same number. */
cg_status sim_lua_text(lua_State *lua, int index, const char *place, char *text,
                       size_t capacity, cg_error *error);

/* Printable UTF-8 without control characters, `size_bytes` without NUL. */
bool sim_text_is_printable(const char *text, size_t size_bytes);

/* A fresh copy on the C heap; fails with a sentence. */
cg_status sim_text_copy(const char *text, char **out, cg_error *error);

#endif
