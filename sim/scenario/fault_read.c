#include "sim/scenario/fault_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "sim/scenario/lua_read.h"
#include "sim/scenario/option_table.h"

enum { SPOT_BYTES = 160, KEYS = SIM_FAULT_FIELDS + SIM_FAULT_ACTIONS };

static bool is_hosts(const char *field) {
    return strcmp(field, "hosts") == 0 || strcmp(field, "from") == 0 ||
           strcmp(field, "to") == 0;
}

/* Entry i of the list on top of the stack, behind what is in text. */
static cg_status add_entry(lua_State *lua, const char *spot, bool hosts, uint32_t i, char *text,
                           cg_error *error) {
    char word[SIM_PATH_BYTES];
    cg_status status = CG_OK;
    lua_rawgeti(lua, -1, (lua_Integer)i + 1);
    if (hosts && (!lua_isinteger(lua, -1) || lua_tointeger(lua, -1) < 0 ||
                  lua_tointeger(lua, -1) >= SIM_HOSTS_MAX)) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "%s: entry %" PRIu32 " is not a host's number, from 0 to %d",
                              spot, i + 1, SIM_HOSTS_MAX - 1);
    } else {
        status = sim_lua_text(lua, -1, spot, word, sizeof word, error);
    }
    lua_pop(lua, 1);
    size_t used = strlen(text);
    if (status == CG_OK && used + strlen(word) + 2 > SIM_FAULT_VALUE_BYTES) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s is longer than %d bytes in all", spot,
                            SIM_FAULT_VALUE_BYTES);
    }
    if (status == CG_OK) {
        (void)snprintf(text + used, SIM_FAULT_VALUE_BYTES - used, "%s%s", i > 0 ? " " : "",
                       word);
    }
    return status;
}

cg_status sim_fault_value_text(lua_State *lua, const char *spot, const char *field,
                               char text[SIM_FAULT_VALUE_BYTES], cg_error *error) {
    bool hosts = is_hosts(field);
    uint32_t count = 0;
    bool one =
        strcmp(field, "hosts") == 0 && lua_type(lua, -1) == LUA_TNUMBER; /* a host alone */
    if (lua_type(lua, -1) != LUA_TTABLE && (strcmp(field, "hosts") != 0 || one)) {
        return sim_lua_text(lua, -1, spot, text, SIM_FAULT_VALUE_BYTES, error);
    }
    uint32_t most =
        strcmp(field, "hosts") == 0 ? (uint32_t)SIM_FAULT_HOSTS_MAX : (uint32_t)SIM_HOSTS_MAX;
    cg_status status = sim_lua_list(lua, -1, spot, most, &count, error);
    text[0] = '\0';
    for (uint32_t i = 0; i < count && status == CG_OK; i++) {
        status = add_entry(lua, spot, hosts, i, text, error);
    }
    return status;
}

/* The action that the table on top of the stack says by a key of its name; NULL: none. */
static cg_status short_action(lua_State *lua, const char *place, const char **out,
                              cg_error *error) {
    bool spelt = sim_lua_field(lua, -1, "action") != LUA_TNIL;
    lua_pop(lua, 1);
    *out = NULL;
    for (size_t i = 0; i < SIM_FAULT_ACTIONS; i++) {
        const char *name = sim_fault_actions[i];
        bool given = sim_lua_field(lua, -1, name) != LUA_TNIL;
        lua_pop(lua, 1);
        if (given && (spelt || *out)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "%s says both %s and %s; a fault is one action", place,
                                spelt ? "action" : *out, name);
        }
        *out = given ? name : *out;
    }
    return CG_OK;
}

/* Sets the field from the value on top of the stack. */
static cg_status read_value(lua_State *lua, const char *spot, const char *field,
                            sim_fault *fault, cg_error *error) {
    char text[SIM_FAULT_VALUE_BYTES];
    cg_status status = sim_fault_value_text(lua, spot, field, text, error);
    if (status == CG_OK) {
        status = sim_fault_set(fault, field, text, error);
        if (status != CG_OK) {
            cg_error_prefix(error, "%s: ", spot);
        }
    }
    return status;
}

/* What stands behind the action's name: its main value, or true where it needs none. */
static cg_status read_short(lua_State *lua, const char *place, const char *action,
                            sim_fault *fault, cg_error *error) {
    char spot[SPOT_BYTES];
    const char *field = sim_fault_main_field(fault->action);
    bool optional = !field || !sim_fault_needs(fault->action, field);
    cg_status status = CG_OK;
    (void)snprintf(spot, sizeof spot, "%s.%s", place, action);
    int type = sim_lua_field(lua, -1, action);
    if (optional && type == LUA_TBOOLEAN && lua_toboolean(lua, -1)) {
        lua_pop(lua, 1);
        return CG_OK;
    }
    if (!field) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s takes nothing but true", spot);
    }
    status = read_value(lua, spot, field, fault, error);
    lua_pop(lua, 1);
    return status;
}

/* A partition's hosts may come as `from`. */
static bool comes_as_from(lua_State *lua, const char *field, sim_fault_action action) {
    bool found = false;
    if (strcmp(field, "hosts") == 0 && sim_fault_takes(action, "from")) {
        found = sim_lua_field(lua, -1, "from") != LUA_TNIL;
        lua_pop(lua, 1);
    }
    return found;
}

static cg_status read_field(lua_State *lua, const char *place, const char *field,
                            const char *action, sim_fault *fault, cg_error *error) {
    char spot[SPOT_BYTES];
    cg_status status = CG_OK;
    bool is_main = action && sim_fault_main_field(fault->action) &&
                   strcmp(field, sim_fault_main_field(fault->action)) == 0;
    (void)snprintf(spot, sizeof spot, "%s.%s", place, field);
    if (action && strcmp(field, "action") == 0) {
        status = sim_fault_set(fault, field, action, error);
        return status == CG_OK ? read_short(lua, place, action, fault, error) : status;
    }
    int type = sim_lua_field(lua, -1, field);
    if (type != LUA_TNIL && is_main) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s: %s.%s says that already; give one of them", spot, place,
                            action);
    }
    if (type != LUA_TNIL) {
        status = read_value(lua, spot, field, fault, error);
    }
    lua_pop(lua, 1);
    if (type == LUA_TNIL && !is_main && sim_fault_needs(fault->action, field) &&
        !comes_as_from(lua, field, fault->action)) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s is missing", spot);
    }
    return status;
}

cg_status sim_fault_read(lua_State *lua, const char *place, sim_fault *fault, cg_error *error) {
    const char *known[KEYS];
    const char *action = NULL;
    if (lua_type(lua, -1) != LUA_TTABLE) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "%s must be a table such as { at = \"2s\", action = \"heal\" }, not a %s", place,
            luaL_typename(lua, -1));
    }
    memcpy(known, sim_fault_fields, sizeof sim_fault_fields);
    memcpy(known + SIM_FAULT_FIELDS, sim_fault_actions, SIM_FAULT_ACTIONS * sizeof *known);
    cg_status status = sim_lua_check_keys(lua, -1, place, known, KEYS, error);
    if (status == CG_OK) {
        status = short_action(lua, place, &action, error);
    }
    for (size_t i = 0; i < SIM_FAULT_FIELDS && status == CG_OK; i++) {
        status = read_field(lua, place, sim_fault_fields[i], action, fault, error);
    }
    return status;
}
