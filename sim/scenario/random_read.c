#include "sim/scenario/random_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "sim/scenario/fault_draw.h"
#include "sim/scenario/fault_text.h"
#include "sim/scenario/lua_read.h"
#include "sim/scenario/option_table.h"
#include "sim/scenario/time_limit.h"

enum { WISHES_MAX = 32, SPOT_BYTES = 96, KEYS = 5 };
static const char *const keys[KEYS] = {"action", "mean", "length", "at", "ends"};

static cg_status set(sim_fault_wish *wish, size_t key, const char *text, cg_error *error) {
    static const sim_quantity gap = {SIM_UNIT_DURATION, "1us", SIM_TIME_MAX_TEXT};
    static const sim_quantity time = {SIM_UNIT_DURATION, "0", SIM_TIME_MAX_TEXT};
    size_t action = 0;
    cg_status status = CG_OK;
    switch (key) {
    case 0:
        status = sim_choices_find(sim_fault_actions, SIM_FAULT_ACTIONS, text, &action, error);
        wish->action = status == CG_OK ? (sim_fault_action)action : wish->action;
        return status;
    case 1:
        return sim_units_parse_integer(&gap, text, &wish->mean_ns, error);
    case 2:
        return sim_units_parse_integer(&gap, text, &wish->length_ns, error);
    case 3:
        return sim_units_parse_integer(&time, text, &wish->from_ns, error);
    default:
        return sim_units_parse_integer(&time, text, &wish->until_ns, error);
    }
}

/* The table on top of the stack. */
static cg_status read_wish(lua_State *lua, const char *place, sim_fault_wish *wish,
                           cg_error *error) {
    if (lua_type(lua, -1) != LUA_TTABLE) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s must be a table such as { action = \"crash\", mean = \"5s\" }, "
                            "not a %s",
                            place, luaL_typename(lua, -1));
    }
    cg_status status = sim_lua_check_keys(lua, -1, place, keys, KEYS, error);
    for (size_t i = 0; i < KEYS && status == CG_OK; i++) {
        char spot[SPOT_BYTES];
        char text[SIM_PATH_BYTES];
        (void)snprintf(spot, sizeof spot, "%s.%s", place, keys[i]);
        int type = sim_lua_field(lua, -1, keys[i]);
        if (type == LUA_TNIL && i < 2) {
            return cg_error_set(error, CG_ERROR_INVALID, "%s is missing", spot);
        }
        if (type != LUA_TNIL) {
            status = sim_lua_text(lua, -1, spot, text, sizeof text, error);
            if (status == CG_OK) {
                status = set(wish, i, text, error);
                if (status != CG_OK) {
                    cg_error_prefix(error, "%s: ", spot);
                }
            }
        }
        lua_pop(lua, 1);
    }
    return status;
}

cg_status sim_random_read(lua_State *lua, int index, sim_options *options, cg_error *error) {
    int table = lua_absindex(lua, index);
    sim_fault_wish wishes[WISHES_MAX];
    uint32_t count = 0;
    cg_status status = CG_OK;
    if (sim_lua_field(lua, table, "random") != LUA_TNIL) {
        status = sim_lua_list(lua, -1, "random", WISHES_MAX, &count, error);
    }
    for (uint32_t i = 0; i < count && status == CG_OK; i++) {
        char place[SPOT_BYTES / 2];
        (void)snprintf(place, sizeof place, "random[%" PRIu32 "]", i + 1);
        wishes[i] =
            (sim_fault_wish){.until_ns = options->end_ns, .length_ns = UINT64_C(1000000000)};
        lua_rawgeti(lua, -1, (lua_Integer)i + 1);
        status = read_wish(lua, place, &wishes[i], error);
        lua_pop(lua, 1);
        if (status == CG_OK && wishes[i].until_ns > options->end_ns) {
            status = cg_error_set(error, CG_ERROR_INVALID,
                                  "%s.ends: it is after the run's stop", place);
        } else if (status == CG_OK && wishes[i].until_ns <= wishes[i].from_ns) {
            status =
                cg_error_set(error, CG_ERROR_INVALID,
                             "%s.at: it is not before its end, ends or the run's stop", place);
        }
    }
    if (status == CG_OK && count > 0) {
        status = sim_fault_draw(wishes, count, options, error);
    }
    lua_pop(lua, 1);
    return status;
}
