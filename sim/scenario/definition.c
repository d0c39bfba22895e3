/* Name, factors and repetitions of a scenario. */
#include "sim/scenario/definition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "sim/scenario/lua_read.h"
#include "sim/scenario/plan.h"
#include "sim/scenario/units.h"

static const char *const scenario_keys[] = {"name",   "factors", "repetitions", "point",
                                            "tables", "plots",   "claims"};

static cg_status read_name(lua_State *lua, int table, sim_plan *plan, cg_error *error) {
    if (sim_lua_field(lua, table, "name") != LUA_TSTRING) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "name must be a text such as \"quickstart\", not a %s",
                            luaL_typename(lua, -1));
    }
    char name[SIM_NAME_BYTES];
    cg_status status = sim_lua_text(lua, -1, "name", name, sizeof name, error);
    lua_pop(lua, 1);
    if (status == CG_OK && !sim_plan_name_is_valid(name, true)) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "name: \"%s\" may only hold a-z, 0-9, _ and -", name);
    }
    return status == CG_OK ? sim_text_copy(name, &plan->name, error) : status;
}

static cg_status read_repetitions(lua_State *lua, int table, sim_plan *plan, cg_error *error) {
    static const sim_quantity quantity = {SIM_UNIT_COUNT, "1", "10000"};
    uint64_t repetitions = 1;
    if (sim_lua_field(lua, table, "repetitions") != LUA_TNIL) {
        char text[SIM_VALUE_BYTES];
        cg_status status = sim_lua_text(lua, -1, "repetitions", text, sizeof text, error);
        if (status != CG_OK) {
            return status;
        }
        status = sim_units_parse_integer(&quantity, text, &repetitions, error);
        if (status != CG_OK) {
            cg_error_prefix(error, "repetitions: ");
            return status;
        }
    }
    lua_pop(lua, 1);
    plan->repetitions = (uint32_t)repetitions;
    return CG_OK;
}

/* The name of factor f, from the pair on top of the stack. */
static cg_status read_factor_name(lua_State *lua, sim_plan *plan, uint32_t f, const char *place,
                                  cg_error *error) {
    char name[SIM_NAME_BYTES];
    char spot[64];
    snprintf(spot, sizeof spot, "%s: the name", place);
    lua_rawgeti(lua, -1, 1);
    cg_status status = sim_lua_text(lua, -1, spot, name, sizeof name, error);
    lua_pop(lua, 1);
    if (status != CG_OK) {
        return status;
    }
    if (!sim_plan_name_is_valid(name, false) || (name[0] >= '0' && name[0] <= '9')) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "%s: the name \"%s\" may only hold a-z, 0-9 and _, and no digit first", place,
            name);
    }
    if (strcmp(name, "repetition") == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s: \"repetition\" is there already; set repetitions instead",
                            place);
    }
    for (uint32_t i = 0; i < f; i++) {
        if (strcmp(plan->factors[i].name, name) == 0) {
            return cg_error_set(error, CG_ERROR_INVALID, "%s: the factor \"%s\" is there twice",
                                place, name);
        }
    }
    return sim_text_copy(name, &plan->factors[f].name, error);
}

/* The values, from the pair on top of the stack. */
static cg_status read_factor_values(lua_State *lua, sim_factor *factor, cg_error *error) {
    char place[SIM_NAME_BYTES + 32];
    snprintf(place, sizeof place, "factor \"%s\"", factor->name);
    uint32_t count = 0;
    lua_rawgeti(lua, -1, 2);
    cg_status status = sim_lua_list(lua, -1, place, SIM_FACTOR_VALUES_MAX, &count, error);
    if (status == CG_OK && count == 0) {
        status = cg_error_set(error, CG_ERROR_INVALID, "%s has no values", place);
    }
    if (status == CG_OK) {
        status = sim_plan_alloc_values(factor, count, error);
    }
    for (uint32_t v = 0; v < count && status == CG_OK; v++) {
        char text[SIM_VALUE_BYTES];
        snprintf(place, sizeof place, "value %" PRIu32 " of factor \"%s\"", v + 1,
                 factor->name);
        lua_rawgeti(lua, -1, (lua_Integer)v + 1);
        status = sim_lua_text(lua, -1, place, text, sizeof text, error);
        lua_pop(lua, 1);
        if (status == CG_OK && (strcmp(text, "nan") == 0 || strstr(text, "inf") == text ||
                                strcmp(text, "-inf") == 0)) {
            status = cg_error_set(error, CG_ERROR_INVALID, "%s is no number (%s)", place, text);
        }
        for (uint32_t i = 0; i < v && status == CG_OK; i++) {
            if (strcmp(factor->values[i], text) == 0) {
                status = cg_error_set(error, CG_ERROR_INVALID, "%s, \"%s\", is there twice",
                                      place, text);
            }
        }
        status = status == CG_OK ? sim_text_copy(text, &factor->values[v], error) : status;
    }
    lua_pop(lua, 1);
    return status;
}

static cg_status read_factors(lua_State *lua, int table, sim_plan *plan, cg_error *error) {
    uint32_t count = 0;
    cg_status status = CG_OK;
    if (sim_lua_field(lua, table, "factors") != LUA_TNIL) {
        status = sim_lua_list(lua, -1, "factors", SIM_FACTORS_MAX, &count, error);
    }
    if (status == CG_OK) {
        status = sim_plan_alloc_factors(plan, count, error);
    }
    for (uint32_t f = 0; f < count && status == CG_OK; f++) {
        char place[32];
        snprintf(place, sizeof place, "factors[%" PRIu32 "]", f + 1);
        uint32_t parts = 0;
        lua_rawgeti(lua, -1, (lua_Integer)f + 1);
        status = sim_lua_list(lua, -1, place, 2, &parts, error);
        if (status == CG_OK && parts != 2) {
            status = cg_error_set(error, CG_ERROR_INVALID,
                                  "%s must be { \"name\", { value, value, ... } }", place);
        }
        status = status == CG_OK ? read_factor_name(lua, plan, f, place, error) : status;
        status = status == CG_OK ? read_factor_values(lua, &plan->factors[f], error) : status;
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
    return status;
}

cg_status sim_definition_read(lua_State *lua, int index, sim_plan *plan, cg_error *error) {
    int table = lua_absindex(lua, index);
    if (lua_type(lua, table) != LUA_TTABLE) {
        return cg_error_set(error, CG_ERROR_INVALID, "a scenario must return a table, not a %s",
                            luaL_typename(lua, table));
    }
    cg_status status =
        sim_lua_check_keys(lua, table, "the scenario", scenario_keys,
                           sizeof scenario_keys / sizeof scenario_keys[0], error);
    status = status == CG_OK ? read_name(lua, table, plan, error) : status;
    status = status == CG_OK ? read_factors(lua, table, plan, error) : status;
    status = status == CG_OK ? read_repetitions(lua, table, plan, error) : status;
    if (status == CG_OK && sim_lua_field(lua, table, "point") != LUA_TFUNCTION) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "point must be a function from a factor table to options, not a %s",
                            luaL_typename(lua, -1));
    }
    if (status == CG_OK) {
        lua_pop(lua, 1);
        status = sim_views_read(lua, table, plan, error);
    }
    status = status == CG_OK ? sim_claims_read(lua, table, plan, error) : status;
    return status == CG_OK ? sim_plan_alloc_points(plan, error) : status;
}

void sim_definition_push_values(lua_State *lua, int index, const sim_plan *plan) {
    int table = lua_absindex(lua, index);
    lua_createtable(lua, (int)plan->factor_count, 0);
    sim_lua_field(lua, table, "factors");
    for (uint32_t f = 0; f < plan->factor_count; f++) {
        lua_createtable(lua, (int)plan->factors[f].value_count, 0);
        lua_rawgeti(lua, -2, (lua_Integer)f + 1);
        lua_rawgeti(lua, -1, 2);
        for (uint32_t v = 0; v < plan->factors[f].value_count; v++) {
            lua_rawgeti(lua, -1, (lua_Integer)v + 1);
            lua_rawseti(lua, -4, (lua_Integer)v + 1);
        }
        lua_pop(lua, 2);
        lua_rawseti(lua, -3, (lua_Integer)f + 1);
    }
    lua_pop(lua, 1);
}
