/* Claims of a scenario: figures held to bounds. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "results/claim.h"
#include "sim/scenario/definition.h"
#include "sim/scenario/lua_read.h"
#include "sim/scenario/option_table.h"
#include "sim/scenario/plan.h"
#include "sim/scenario/selector.h"

enum { PLACE_BYTES = 32 };

static const char *const claim_keys[] = {"id",    "metric", "where", "over", "op",
                                         "bound", "unit",   "aim",   "note"};

/* One claim being read: the table on the Lua stack. */
typedef struct claim_reader {
    lua_State *lua;
    int table;
    const sim_plan *plan;
    char place[PLACE_BYTES];
    cg_error *error;
} claim_reader;

/* A text field; *given says whether it is there. */
static cg_status read_text(const claim_reader *reader, const char *key, char *text,
                           size_t capacity, bool *given) {
    char place[2 * PLACE_BYTES];
    snprintf(place, sizeof place, "%s.%s", reader->place, key);
    int type = sim_lua_field(reader->lua, reader->table, key);
    *given = type != LUA_TNIL;
    cg_status status = CG_OK;
    if (*given && type != LUA_TSTRING) {
        status = cg_error_set(reader->error, CG_ERROR_INVALID, "%s must be a text, not a %s",
                              place, lua_typename(reader->lua, type));
    } else if (*given) {
        status = sim_lua_text(reader->lua, -1, place, text, capacity, reader->error);
    }
    lua_pop(reader->lua, 1);
    return status;
}

static cg_status read_number(const claim_reader *reader, const char *key, double *out,
                             bool *given) {
    int type = sim_lua_field(reader->lua, reader->table, key);
    *given = type != LUA_TNIL;
    cg_status status = CG_OK;
    if (*given) {
        double value = type == LUA_TNUMBER ? lua_tonumber(reader->lua, -1) : 0.0;
        if (type != LUA_TNUMBER || !isfinite(value)) {
            status = cg_error_set(
                reader->error, CG_ERROR_INVALID,
                "%s.%s must be a finite number, its unit apart, not a %s", reader->place, key,
                type == LUA_TNUMBER ? "number without end" : lua_typename(reader->lua, type));
        } else {
            *out = value == 0.0 ? 0.0 : value; /* -0 is 0 */
        }
    }
    lua_pop(reader->lua, 1);
    return status;
}

static cg_status read_name(const claim_reader *reader, sim_claim_plan *claim) {
    char name[SIM_NAME_BYTES];
    bool given = false;
    cg_status status = read_text(reader, "id", name, sizeof name, &given);
    if (status != CG_OK) {
        return status;
    }
    if (!given || !cg_claim_name_is_valid(name)) {
        return cg_error_set(
            reader->error, CG_ERROR_INVALID,
            given ? "%s.id: \"%s\" is not of the form \"CL-33\" or \"CL-33-late\": "
                    "capital letters, a dash, digits, and words behind "
                    "dashes, at most %d bytes"
                  : "%s.id is missing; give one such as \"CL-33\"",
            reader->place, name, CG_CLAIM_NAME_BYTES - 1);
    }
    for (const sim_claim_plan *other = reader->plan->claims; other < claim; other++) {
        if (strcmp(other->name, name) == 0) {
            return cg_error_set(reader->error, CG_ERROR_INVALID,
                                "%s.id: there is another claim \"%s\"", reader->place, name);
        }
    }
    return sim_text_copy(name, &claim->name, reader->error);
}

static cg_status read_metric(const claim_reader *reader, sim_claim_plan *claim) {
    char column[SIM_COLUMN_BYTES];
    bool given = false;
    cg_status status = read_text(reader, "metric", column, sizeof column, &given);
    if (status == CG_OK) {
        status = sim_column_check(reader->place, "metric", given ? column : "", reader->error);
    }
    return status == CG_OK ? sim_text_copy(column, &claim->column, reader->error) : status;
}

/* "nodes=1K", a line each. */
static cg_status write_selector(const claim_reader *reader, const sim_selector *selector,
                                char **out) {
    char text[SIM_CLAIM_SELECTOR_BYTES];
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t f = 0; f < reader->plan->factor_count; f++) {
        const sim_factor *factor = &reader->plan->factors[f];
        if (selector->values[f] != UINT32_MAX) {
            int length =
                snprintf(text + used, sizeof text - used, "%s%s=%s", used > 0 ? "\n" : "",
                         factor->name, factor->values[selector->values[f]]);
            used += (size_t)length; /* fits: all factors with their longest values do */
        }
    }
    return sim_text_copy(text, out, reader->error);
}

/* A ratio is of two combinations, so what `over` changes must be fixed by `where`, and change. */
static cg_status check_over(const claim_reader *reader, const sim_selector *where,
                            const sim_selector *over) {
    bool changes = false;
    for (uint32_t f = 0; f < reader->plan->factor_count; f++) {
        const char *name = reader->plan->factors[f].name;
        if (over->values[f] == UINT32_MAX) {
            continue;
        }
        if (where->values[f] == UINT32_MAX) {
            return cg_error_set(reader->error, CG_ERROR_INVALID,
                                "%s.over.%s: where must name %s too; the value is the ratio of "
                                "the one to the other",
                                reader->place, name, name);
        }
        changes = changes || where->values[f] != over->values[f];
    }
    if (!changes) {
        return cg_error_set(reader->error, CG_ERROR_INVALID,
                            "%s.over must name a factor with another value than in where: "
                            "otherwise the ratio is always 1",
                            reader->place);
    }
    return CG_OK;
}

static cg_status read_selectors(const claim_reader *reader, sim_claim_plan *claim) {
    sim_selector where;
    sim_selector over;
    cg_status status = sim_selector_read(reader->lua, reader->table, reader->place, "where",
                                         reader->plan, &where, reader->error);
    if (status == CG_OK) {
        status = sim_selector_read(reader->lua, reader->table, reader->place, "over",
                                   reader->plan, &over, reader->error);
    }
    if (status == CG_OK && over.given) {
        status = check_over(reader, &where, &over);
    }
    if (status == CG_OK) {
        status = write_selector(reader, &where, &claim->selector);
    }
    return status == CG_OK && over.given ? write_selector(reader, &over, &claim->over) : status;
}

static cg_status read_operator(const claim_reader *reader, sim_claim_plan *claim) {
    char text[SIM_NAME_BYTES];
    size_t chosen = 0;
    bool given = false;
    cg_status status = read_text(reader, "op", text, sizeof text, &given);
    if (status == CG_OK && !given) {
        return cg_error_set(reader->error, CG_ERROR_INVALID,
                            "%s.op is missing; it is one of <, <=, >, >= and =", reader->place);
    }
    if (status == CG_OK) {
        status = sim_choices_find(cg_claim_operator_names, CG_CLAIM_OPERATORS, text, &chosen,
                                  reader->error);
        if (status != CG_OK) {
            cg_error_prefix(reader->error, "%s.op: ", reader->place);
        }
    }
    claim->op = (cg_claim_operator)chosen;
    return status;
}

static cg_status read_unit(const claim_reader *reader, sim_claim_plan *claim) {
    char unit[SIM_NAME_BYTES];
    bool given = false;
    cg_status status = read_text(reader, "unit", unit, sizeof unit, &given);
    if (status != CG_OK) {
        return status;
    }
    if (!given) {
        return sim_text_copy(claim->over ? "x" : "1", &claim->unit, reader->error);
    }
    if (!cg_claim_unit_is_known(unit)) {
        return cg_error_set(reader->error, CG_ERROR_INVALID,
                            "%s.unit: \"%s\" is no unit of a claim; do you mean \"%s\"?",
                            reader->place, unit, cg_claim_unit_nearest(unit));
    }
    if (claim->over && !cg_claim_unit_is_plain(unit)) {
        return cg_error_set(reader->error, CG_ERROR_INVALID,
                            "%s.unit: with over the value is a ratio, in x or %%, not in %s",
                            reader->place, unit);
    }
    return sim_text_copy(unit, &claim->unit, reader->error);
}

static cg_status read_bounds(const claim_reader *reader, sim_claim_plan *claim) {
    bool given = false;
    cg_status status = read_number(reader, "bound", &claim->bound, &given);
    if (status == CG_OK && !given) {
        return cg_error_set(reader->error, CG_ERROR_INVALID,
                            "%s.bound is missing; it is the number behind op", reader->place);
    }
    status =
        status == CG_OK ? read_number(reader, "aim", &claim->aim, &claim->has_aim) : status;
    if (status != CG_OK || !claim->has_aim) {
        return status;
    }
    if (claim->op == CG_CLAIM_EQUAL) {
        return cg_error_set(reader->error, CG_ERROR_INVALID,
                            "%s.aim: beyond an = there is nothing to aim at", reader->place);
    }
    bool upwards = claim->op == CG_CLAIM_MORE || claim->op == CG_CLAIM_AT_LEAST;
    if (upwards ? claim->aim <= claim->bound : claim->aim >= claim->bound) {
        return cg_error_set(reader->error, CG_ERROR_INVALID,
                            "%s.aim: %.15g is not beyond the bound, %s %.15g", reader->place,
                            claim->aim, cg_claim_operator_names[claim->op], claim->bound);
    }
    return CG_OK;
}

static cg_status read_note(const claim_reader *reader, sim_claim_plan *claim) {
    char note[SIM_TITLE_BYTES];
    bool given = false;
    cg_status status = read_text(reader, "note", note, sizeof note, &given);
    return status == CG_OK ? sim_text_copy(given ? note : "", &claim->note, reader->error)
                           : status;
}

/* Reads entry `number` of the list on top of the stack. */
static cg_status read_claim(lua_State *lua, const sim_plan *plan, uint32_t number,
                            sim_claim_plan *claim, cg_error *error) {
    claim_reader reader = {.lua = lua, .plan = plan, .error = error};
    snprintf(reader.place, sizeof reader.place, "claims[%" PRIu32 "]", number);
    if (lua_rawgeti(lua, -1, (lua_Integer)number) != LUA_TTABLE) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s must be a table, not a %s",
                            reader.place, luaL_typename(lua, -1));
    }
    reader.table = lua_gettop(lua);
    cg_status status = sim_lua_check_keys(lua, reader.table, reader.place, claim_keys,
                                          sizeof claim_keys / sizeof claim_keys[0], error);
    status = status == CG_OK ? read_name(&reader, claim) : status;
    status = status == CG_OK ? read_metric(&reader, claim) : status;
    status = status == CG_OK ? read_selectors(&reader, claim) : status;
    status = status == CG_OK ? read_operator(&reader, claim) : status;
    status = status == CG_OK ? read_unit(&reader, claim) : status;
    status = status == CG_OK ? read_bounds(&reader, claim) : status;
    status = status == CG_OK ? read_note(&reader, claim) : status;
    lua_pop(lua, 1);
    return status;
}

cg_status sim_claims_read(lua_State *lua, int index, sim_plan *plan, cg_error *error) {
    int table = lua_absindex(lua, index);
    uint32_t count = 0;
    cg_status status = CG_OK;
    if (sim_lua_field(lua, table, "claims") != LUA_TNIL) {
        status = sim_lua_list(lua, -1, "claims", SIM_CLAIMS_MAX, &count, error);
    }
    status = status == CG_OK ? sim_plan_alloc_claims(plan, count, error) : status;
    for (uint32_t i = 0; i < plan->claim_count && status == CG_OK; i++) {
        status = read_claim(lua, plan, i + 1, &plan->claims[i], error);
    }
    lua_settop(lua, table);
    return status;
}
