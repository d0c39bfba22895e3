/* Options, phases, faults and hooks from a point's table, by declared names. */
#include "sim/scenario/point_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "sim/scenario/fault_read.h"
#include "sim/scenario/load_phase.h"
#include "sim/scenario/lua_read.h"
#include "sim/scenario/option_table.h"
#include "sim/scenario/time_limit.h"

enum { CHILDREN_MAX = 64, PLACE_BYTES = 96, WORD_BYTES = 32 };

/* The names one level below a prefix such as "cluster.network." (or "" for the top). */
typedef struct children {
    char words[CHILDREN_MAX][WORD_BYTES];
    const char *names[CHILDREN_MAX + 4];
    const sim_option *options[CHILDREN_MAX]; /* NULL for a group */
    size_t count;
} children;

static void list_children(const char *prefix, children *out) {
    size_t prefix_bytes = strlen(prefix);
    out->count = 0;
    for (size_t i = 0; i < sim_option_count; i++) {
        const char *rest = sim_option_table[i].path + prefix_bytes;
        if (strncmp(sim_option_table[i].path, prefix, prefix_bytes) != 0) {
            continue;
        }
        size_t length = strcspn(rest, ".");
        char *last = out->count > 0 ? out->words[out->count - 1] : NULL;
        if (last && strlen(last) == length && memcmp(last, rest, length) == 0) {
            continue; /* of a group that is there already: groups stand together */
        }
        CG_ASSERT(out->count < CHILDREN_MAX && length < WORD_BYTES);
        memcpy(out->words[out->count], rest, length);
        out->words[out->count][length] = '\0';
        out->names[out->count] = out->words[out->count];
        out->options[out->count] = rest[length] == '\0' ? &sim_option_table[i] : NULL;
        out->count++;
    }
    CG_ASSERT(out->count > 0); /* a prefix is one of the table's groups */
}

/* Reads the value on top of the stack into one option. */
static cg_status read_value(lua_State *lua, const sim_option *option, sim_options *options,
                            cg_error *error) {
    char text[SIM_PATH_BYTES];
    cg_status status = sim_lua_text(lua, -1, option->path, text, sizeof text, error);
    return status == CG_OK ? sim_options_set(options, option->path, text, error) : status;
}

static cg_status read_group(lua_State *lua, int table, const char *prefix, sim_options *options,
                            cg_error *error);

static cg_status read_child(lua_State *lua, int table, const char *prefix, const children *list,
                            size_t i, sim_options *options, cg_error *error) {
    int type = sim_lua_field(lua, table, list->names[i]);
    cg_status status = CG_OK;
    if (type != LUA_TNIL && list->options[i]) {
        status = read_value(lua, list->options[i], options, error);
    } else if (type != LUA_TNIL) {
        char inner[PLACE_BYTES];
        snprintf(inner, sizeof inner, "%s%s.", prefix, list->names[i]);
        status = read_group(lua, lua_gettop(lua), inner, options, error);
    }
    lua_pop(lua, 1);
    return status;
}

/* The recursion is as deep as the option table's paths, not as the script's tables. */
static cg_status read_group(lua_State *lua, int table, const char *prefix, sim_options *options,
                            cg_error *error) {
    children list;
    char place[PLACE_BYTES];
    size_t prefix_bytes = strlen(prefix);
    luaL_checkstack(lua, 8, NULL);
    snprintf(place, sizeof place, "%.*s", (int)(prefix_bytes > 0 ? prefix_bytes - 1 : 0),
             prefix);
    list_children(prefix, &list);
    size_t known = list.count;
    if (prefix_bytes == 0) {
        snprintf(place, sizeof place, "the point's options");
        list.names[known++] = "phases";
        list.names[known++] = "faults";
        list.names[known++] = "random";
        list.names[known++] = "hooks";
    }
    if (lua_type(lua, table) != LUA_TTABLE) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s must be a table with keys such as \"%s\", not a %s", place,
                            list.names[0], luaL_typename(lua, table));
    }
    cg_status status = sim_lua_check_keys(lua, table, place, list.names, known, error);
    for (size_t i = 0; i < list.count && status == CG_OK; i++) {
        status = read_child(lua, table, prefix, &list, i, options, error);
    }
    return status;
}

static cg_status read_faults(lua_State *lua, int table, sim_options *options, cg_error *error) {
    uint32_t count = 0;
    cg_status status = CG_OK;
    if (sim_lua_field(lua, table, "faults") != LUA_TNIL) {
        status = sim_lua_list(lua, -1, "faults", SIM_FAULTS_MAX, &count, error);
    }
    for (uint32_t i = 0; i < count && status == CG_OK; i++) {
        char place[PLACE_BYTES];
        snprintf(place, sizeof place, "faults[%" PRIu32 "]", i + 1);
        lua_rawgeti(lua, -1, (lua_Integer)i + 1);
        status = sim_fault_read(lua, place, &options->faults[i], error);
        lua_pop(lua, 1);
    }
    options->fault_count = count;
    lua_settop(lua, table);
    return status;
}

/* The phase table on top of the stack; `place` is "phases[2]". */
static cg_status read_phase(lua_State *lua, const char *place, sim_load_phase *phase,
                            cg_error *error) {
    if (lua_type(lua, -1) != LUA_TTABLE) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "%s must be a table such as { at = \"2s\", rate = \"5K\" }, not a %s", place,
            luaL_typename(lua, -1));
    }
    cg_status status =
        sim_lua_check_keys(lua, -1, place, sim_load_phase_fields, SIM_LOAD_PHASE_FIELDS, error);
    for (size_t i = 0; i < SIM_LOAD_PHASE_FIELDS && status == CG_OK; i++) {
        char spot[PLACE_BYTES + 32];
        char text[SIM_PATH_BYTES];
        snprintf(spot, sizeof spot, "%s.%s", place, sim_load_phase_fields[i]);
        if (sim_lua_field(lua, -1, sim_load_phase_fields[i]) != LUA_TNIL) {
            status = sim_lua_text(lua, -1, spot, text, sizeof text, error);
            if (status == CG_OK) {
                status = sim_load_phase_set(phase, i, text, error);
                if (status != CG_OK) {
                    cg_error_prefix(error, "%s: ", spot);
                }
            }
        } else if (i == 0) {
            return cg_error_set(error, CG_ERROR_INVALID, "%s is missing", spot);
        }
        lua_pop(lua, 1);
    }
    return status;
}

static cg_status read_phases(lua_State *lua, int table, sim_options *options, cg_error *error) {
    uint32_t count = 0;
    cg_status status = CG_OK;
    if (sim_lua_field(lua, table, "phases") != LUA_TNIL) {
        status = sim_lua_list(lua, -1, "phases", SIM_PHASES_MAX, &count, error);
    }
    for (uint32_t i = 0; i < count && status == CG_OK; i++) {
        char place[PLACE_BYTES];
        snprintf(place, sizeof place, "phases[%" PRIu32 "]", i + 1);
        lua_rawgeti(lua, -1, (lua_Integer)i + 1);
        status = read_phase(lua, place, &options->phases[i], error);
        lua_pop(lua, 1);
    }
    options->phase_count = count;
    lua_settop(lua, table);
    return status;
}

cg_status sim_point_hook_count(lua_State *lua, int index, uint32_t *out, cg_error *error) {
    cg_status status = CG_OK;
    *out = 0;
    if (sim_lua_field(lua, index, "hooks") != LUA_TNIL) {
        status = sim_lua_list(lua, -1, "hooks", SIM_HOOKS_MAX, out, error);
    }
    lua_pop(lua, 1);
    return status;
}

/* A number field of the hook on top of the stack. */
static cg_status read_quantity(lua_State *lua, const char *place, const char *field,
                               const sim_quantity *quantity, uint64_t *out, cg_error *error) {
    char spot[PLACE_BYTES + 32];
    char text[SIM_PATH_BYTES];
    cg_status status = CG_OK;
    snprintf(spot, sizeof spot, "%s.%s", place, field);
    if (sim_lua_field(lua, -1, field) != LUA_TNIL) {
        status = sim_lua_text(lua, -1, spot, text, sizeof text, error);
        if (status == CG_OK) {
            status = sim_units_parse_integer(quantity, text, out, error);
            if (status != CG_OK) {
                cg_error_prefix(error, "%s: ", spot);
            }
        }
    }
    lua_pop(lua, 1);
    return status;
}

static cg_status check_hook_shape(lua_State *lua, const char *place, bool *conditional,
                                  cg_error *error) {
    static const char *const keys[] = {"at", "when", "every", "times", "run"};
    if (lua_type(lua, -1) != LUA_TTABLE) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s must be a table such as { at = \"2s\", run = f }, not a %s",
                            place, luaL_typename(lua, -1));
    }
    cg_status status = sim_lua_check_keys(lua, -1, place, keys, 5, error);
    if (status != CG_OK) {
        return status;
    }
    int types[5];
    for (size_t i = 0; i < 5; i++) {
        types[i] = sim_lua_field(lua, -1, keys[i]);
        lua_pop(lua, 1);
    }
    if ((types[0] == LUA_TNIL) == (types[1] == LUA_TNIL)) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s needs either at or when", place);
    }
    *conditional = types[0] == LUA_TNIL;
    if (!*conditional && (types[2] != LUA_TNIL || types[3] != LUA_TNIL)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s: every and times go with when, not with at", place);
    }
    if ((*conditional && types[1] != LUA_TFUNCTION) || types[4] != LUA_TFUNCTION) {
        bool when = *conditional && types[1] != LUA_TFUNCTION;
        return cg_error_set(error, CG_ERROR_INVALID, "%s.%s must be a function, not a %s",
                            place, when ? "when" : "run",
                            lua_typename(lua, when ? types[1] : types[4]));
    }
    return CG_OK;
}

cg_status sim_point_push_hook(lua_State *lua, int index, uint32_t number, uint64_t stop_ns,
                              sim_hook_plan *out, cg_error *error) {
    static const sim_quantity at = {SIM_UNIT_DURATION, "0", SIM_TIME_MAX_TEXT};
    static const sim_quantity every = {SIM_UNIT_DURATION, "1us", SIM_TIME_MAX_TEXT};
    static const sim_quantity times = {SIM_UNIT_COUNT, "1", "1M"};
    char place[PLACE_BYTES];
    snprintf(place, sizeof place, "hooks[%" PRIu32 "]", number);
    sim_lua_field(lua, index, "hooks");
    lua_rawgeti(lua, -1, (lua_Integer)number);
    lua_remove(lua, -2);
    sim_hook_plan hook = {.every_ns = 10000000};
    uint64_t times_left = 1;
    cg_status status = check_hook_shape(lua, place, &hook.conditional, error);
    status =
        status == CG_OK ? read_quantity(lua, place, "at", &at, &hook.next_ns, error) : status;
    status = status == CG_OK ? read_quantity(lua, place, "every", &every, &hook.every_ns, error)
                             : status;
    status = status == CG_OK ? read_quantity(lua, place, "times", &times, &times_left, error)
                             : status;
    if (status != CG_OK) {
        return status;
    }
    if (hook.next_ns > stop_ns) {
        char when[SIM_UNITS_TEXT_BYTES];
        char stop[SIM_UNITS_TEXT_BYTES];
        sim_units_describe(SIM_UNIT_DURATION, hook.next_ns, when);
        sim_units_describe(SIM_UNIT_DURATION, stop_ns, stop);
        return cg_error_set(error, CG_ERROR_INVALID, "%s.at: %s is after the run's stop at %s",
                            place, when, stop);
    }
    hook.times_left = (uint32_t)times_left;
    sim_lua_field(lua, -1, "run");
    sim_lua_field(lua, -2, "when");
    lua_remove(lua, -3);
    *out = hook;
    return CG_OK;
}

cg_status sim_point_check_hooks(lua_State *lua, int index, uint64_t stop_ns, cg_error *error) {
    int table = lua_absindex(lua, index);
    uint32_t count = 0;
    cg_status status = sim_point_hook_count(lua, table, &count, error);
    for (uint32_t i = 0; i < count && status == CG_OK; i++) {
        sim_hook_plan hook;
        status = sim_point_push_hook(lua, table, i + 1, stop_ns, &hook, error);
        lua_settop(lua, table);
    }
    return status;
}

cg_status sim_point_read(lua_State *lua, int index, sim_options *options, cg_error *error) {
    int table = lua_absindex(lua, index);
    if (lua_type(lua, table) != LUA_TTABLE) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the point function must return a table of options, not a %s",
                            luaL_typename(lua, table));
    }
    cg_status status = read_group(lua, table, "", options, error);
    status = status == CG_OK ? read_phases(lua, table, options, error) : status;
    return status == CG_OK ? read_faults(lua, table, options, error) : status;
}
