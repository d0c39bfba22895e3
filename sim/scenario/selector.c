/* Columns and points by name. */
#include "sim/scenario/selector.h"

#include <stdio.h>
#include <string.h>

#include "sim/scenario/lua_read.h"
#include "sim/scenario/option_table.h"

enum { PLACE_BYTES = 256 };

cg_status sim_column_check(const char *place, const char *key, const char *column,
                           cg_error *error) {
    const char *colon = strchr(column, ':');
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_.";
    size_t metric = strspn(column, letters);
    bool fine = colon && metric == (size_t)(colon - column) && metric > 0 && colon[1] &&
                strspn(colon + 1, letters) == strlen(colon + 1);
    if (!fine) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "%s.%s: \"%.80s\" is not of the form \"metric:statistic\", for example "
            "\"latency:p99\"",
            place, key, column);
    }
    return CG_OK;
}

/* The value on top of the stack, which `place` names. */
static cg_status read_value(lua_State *lua, const char *place, const sim_factor *factor,
                            uint32_t *out, cg_error *error) {
    char value[SIM_VALUE_BYTES];
    size_t chosen = 0;
    cg_status status = sim_lua_text(lua, -1, place, value, sizeof value, error);
    if (status != CG_OK) {
        return status;
    }
    status = sim_choices_find((const char *const *)factor->values, factor->value_count, value,
                              &chosen, error);
    if (status != CG_OK) {
        cg_error_prefix(error, "%s.%s: ", place, factor->name);
        return status;
    }
    *out = (uint32_t)chosen;
    return CG_OK;
}

cg_status sim_selector_read(lua_State *lua, int table, const char *place, const char *key,
                            const sim_plan *plan, sim_selector *out, cg_error *error) {
    char spot[PLACE_BYTES];
    const char *names[SIM_FACTORS_MAX];
    int top = lua_gettop(lua);
    snprintf(spot, sizeof spot, "%s.%s", place, key);
    for (uint32_t f = 0; f < SIM_FACTORS_MAX; f++) {
        out->values[f] = UINT32_MAX;
    }
    int type = sim_lua_field(lua, table, key);
    out->given = type != LUA_TNIL;
    cg_status status = CG_OK;
    for (uint32_t f = 0; f < plan->factor_count; f++) {
        names[f] = plan->factors[f].name;
    }
    if (out->given && (type != LUA_TTABLE || plan->factor_count == 0)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s must be a table { factor = value } of the scenario's factors",
                            spot);
    }
    if (out->given) {
        status = sim_lua_check_keys(lua, -1, spot, names, plan->factor_count, error);
    }
    for (uint32_t f = 0; out->given && f < plan->factor_count && status == CG_OK; f++) {
        if (sim_lua_field(lua, top + 1, plan->factors[f].name) != LUA_TNIL) {
            status = read_value(lua, spot, &plan->factors[f], &out->values[f], error);
        }
        lua_settop(lua, top + 1);
    }
    lua_settop(lua, top);
    return status;
}
