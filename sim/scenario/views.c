/* Tables and plots of a scenario, to their plans' lines of text. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "engine/base/nearest.h"
#include "sim/scenario/definition.h"
#include "sim/scenario/lua_read.h"
#include "sim/scenario/option_table.h"
#include "sim/scenario/plan.h"
#include "sim/scenario/selector.h"

enum { COLUMNS_MAX = 32, PLACE_BYTES = 96 };

static const char *const table_keys[] = {"name", "title", "columns"};
static const char *const plot_keys[] = {"name",   "title", "x",    "y",
                                        "series", "log",   "kind", "where"};
static const char *const log_choices[] = {"x", "y", "xy"};
static const char *const kind_choices[] = {"curve", "timeline", "reliability"};
enum { KIND_CURVE, KIND_TIMELINE, KIND_RELIABILITY, KINDS };

/* One view being read: the table on the Lua stack, and the lines written so far. */
typedef struct view_reader {
    lua_State *lua;
    int table;
    const sim_plan *plan;
    char place[PLACE_BYTES];
    char text[SIM_VIEW_TEXT_BYTES];
    size_t used;
    cg_error *error;
} view_reader;

static cg_status add_text(view_reader *reader, const char *key, const char *value) {
    int length = snprintf(reader->text + reader->used, sizeof reader->text - reader->used,
                          "%s%s%s\n", key, key[0] ? "=" : "", value);
    if (length < 0 || (size_t)length >= sizeof reader->text - reader->used) {
        return cg_error_set(reader->error, CG_ERROR_INVALID,
                            "%s is longer than %d bytes of text", reader->place,
                            SIM_VIEW_TEXT_BYTES);
    }
    reader->used += (size_t)length;
    return CG_OK;
}

/* A text field into `text`; *given says whether it is there. */
static cg_status read_field(view_reader *reader, const char *key, char *text, size_t capacity,
                            bool *given) {
    char place[PLACE_BYTES + 32];
    snprintf(place, sizeof place, "%s.%s", reader->place, key);
    *given = sim_lua_field(reader->lua, reader->table, key) != LUA_TNIL;
    cg_status status = CG_OK;
    if (*given) {
        status = sim_lua_text(reader->lua, -1, place, text, capacity, reader->error);
    }
    lua_pop(reader->lua, 1);
    return status;
}

static cg_status find_factor(view_reader *reader, const char *key, const char *name,
                             const sim_factor **out) {
    const char *names[SIM_FACTORS_MAX];
    for (uint32_t f = 0; f < reader->plan->factor_count; f++) {
        names[f] = reader->plan->factors[f].name;
        if (strcmp(names[f], name) == 0) {
            *out = &reader->plan->factors[f];
            return CG_OK;
        }
    }
    const char *nearest = cg_nearest_name(name, names, reader->plan->factor_count);
    return cg_error_set(reader->error, CG_ERROR_INVALID,
                        nearest
                            ? "%s.%s: there is no factor \"%.80s\"; do you mean \"%s\"?"
                            : "%s.%s: there is no factor \"%.80s\", as the scenario has none",
                        reader->place, key, name, nearest);
}

static cg_status read_factor_field(view_reader *reader, const char *key, bool *given) {
    char name[SIM_NAME_BYTES];
    const sim_factor *factor = NULL;
    cg_status status = read_field(reader, key, name, sizeof name, given);
    if (status == CG_OK && *given) {
        status = find_factor(reader, key, name, &factor);
    }
    return status == CG_OK && *given ? add_text(reader, key, name) : status;
}

/* One of some words; `chosen` keeps its default when the field is absent. */
static cg_status read_choice(view_reader *reader, const char *key, const char *const *choices,
                             size_t count, size_t *chosen) {
    char text[SIM_NAME_BYTES];
    bool given = false;
    cg_status status = read_field(reader, key, text, sizeof text, &given);
    if (status != CG_OK || !given) {
        return status;
    }
    status = sim_choices_find(choices, count, text, chosen, reader->error);
    if (status != CG_OK) {
        cg_error_prefix(reader->error, "%s.%s: ", reader->place, key);
    }
    return status;
}

static cg_status read_where(view_reader *reader) {
    sim_selector where;
    cg_status status = sim_selector_read(reader->lua, reader->table, reader->place, "where",
                                         reader->plan, &where, reader->error);
    for (uint32_t f = 0; f < reader->plan->factor_count && status == CG_OK; f++) {
        const sim_factor *factor = &reader->plan->factors[f];
        if (where.values[f] != UINT32_MAX) {
            char key[SIM_NAME_BYTES + 8];
            snprintf(key, sizeof key, "where.%s", factor->name);
            status = add_text(reader, key, factor->values[where.values[f]]);
        }
    }
    return status;
}

/* x is a curve's alone; y everybody's but a reliability diagram's, which has its own axes. */
static cg_status read_axes(view_reader *reader, size_t kind) {
    char column[SIM_COLUMN_BYTES];
    bool given = false;
    cg_status status = read_factor_field(reader, "x", &given);
    if (status == CG_OK && given != (kind == KIND_CURVE)) {
        return cg_error_set(reader->error, CG_ERROR_INVALID,
                            kind == KIND_CURVE ? "%s.x: a curve needs a factor for x"
                            : kind == KIND_TIMELINE
                                ? "%s.x: a timeline runs over time and takes no x"
                                : "%s.x: a reliability diagram has confidence there and takes "
                                  "no x",
                            reader->place);
    }
    status = status == CG_OK ? read_field(reader, "y", column, sizeof column, &given) : status;
    if (status == CG_OK && given != (kind != KIND_RELIABILITY)) {
        return cg_error_set(reader->error, CG_ERROR_INVALID,
                            given ? "%s.y: a reliability diagram has the share of right "
                                    "decisions there and takes no y"
                                  : "%s.y: a plot needs a \"metric:statistic\"",
                            reader->place);
    }
    if (status == CG_OK && given) {
        status = sim_column_check(reader->place, "y", column, reader->error);
        status = status == CG_OK ? add_text(reader, "y", column) : status;
    }
    return status;
}

static cg_status read_plot(view_reader *reader) {
    bool given = false;
    size_t kind = KIND_CURVE;
    size_t log = SIZE_MAX;
    cg_status status = read_choice(reader, "kind", kind_choices, KINDS, &kind);
    status = status == CG_OK ? add_text(reader, "kind", kind_choices[kind]) : status;
    status = status == CG_OK ? read_axes(reader, kind) : status;
    status = status == CG_OK ? read_factor_field(reader, "series", &given) : status;
    status = status == CG_OK ? read_choice(reader, "log", log_choices, 3, &log) : status;
    if (status == CG_OK && log != SIZE_MAX) {
        if (kind == KIND_RELIABILITY) {
            return cg_error_set(reader->error, CG_ERROR_INVALID,
                                "%s.log: a reliability diagram's axes are linear",
                                reader->place);
        }
        status = add_text(reader, "log", log_choices[log]);
    }
    return status == CG_OK ? read_where(reader) : status;
}

static cg_status read_columns(view_reader *reader) {
    char place[PLACE_BYTES + 32];
    uint32_t count = 0;
    snprintf(place, sizeof place, "%s.columns", reader->place);
    sim_lua_field(reader->lua, reader->table, "columns");
    cg_status status = sim_lua_list(reader->lua, -1, place, COLUMNS_MAX, &count, reader->error);
    if (status == CG_OK && count == 0) {
        status = cg_error_set(reader->error, CG_ERROR_INVALID, "%s is empty", place);
    }
    for (uint32_t i = 0; i < count && status == CG_OK; i++) {
        char column[SIM_COLUMN_BYTES];
        lua_rawgeti(reader->lua, -1, (lua_Integer)i + 1);
        status = sim_lua_text(reader->lua, -1, place, column, sizeof column, reader->error);
        lua_pop(reader->lua, 1);
        status = status == CG_OK
                     ? sim_column_check(reader->place, "columns", column, reader->error)
                     : status;
        status = status == CG_OK ? add_text(reader, "", column) : status;
    }
    lua_pop(reader->lua, 1);
    return status;
}

static cg_status read_names(view_reader *reader, sim_view_plan *view) {
    char name[SIM_NAME_BYTES];
    char title[SIM_TITLE_BYTES];
    bool given = false;
    cg_status status = read_field(reader, "name", name, sizeof name, &given);
    if (status == CG_OK && (!given || !sim_plan_name_is_valid(name, true))) {
        return cg_error_set(reader->error, CG_ERROR_INVALID,
                            "%s.name must be a text of a-z, 0-9, _ and -", reader->place);
    }
    if (status == CG_OK && !view->is_plot && strcmp(name, "claims") == 0) {
        return cg_error_set(reader->error, CG_ERROR_INVALID,
                            "%s.name: \"claims\" is the table of the scenario's claims; choose "
                            "another name",
                            reader->place);
    }
    for (const sim_view_plan *other = reader->plan->views; status == CG_OK && other < view;
         other++) {
        if (strcmp(other->name, name) == 0) {
            return cg_error_set(reader->error, CG_ERROR_INVALID,
                                "%s.name: there is another table or plot \"%s\"", reader->place,
                                name);
        }
    }
    status = status == CG_OK ? sim_text_copy(name, &view->name, reader->error) : status;
    status =
        status == CG_OK ? read_field(reader, "title", title, sizeof title, &given) : status;
    return status == CG_OK ? sim_text_copy(given ? title : name, &view->title, reader->error)
                           : status;
}

/* Reads entry `number` of the list on top of the stack. */
static cg_status read_view(lua_State *lua, sim_plan *plan, uint32_t number, sim_view_plan *view,
                           cg_error *error) {
    view_reader reader = {.lua = lua, .plan = plan, .error = error};
    snprintf(reader.place, sizeof reader.place, "%s[%" PRIu32 "]",
             view->is_plot ? "plots" : "tables", number);
    if (lua_rawgeti(lua, -1, (lua_Integer)number) != LUA_TTABLE) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s must be a table, not a %s",
                            reader.place, luaL_typename(lua, -1));
    }
    reader.table = lua_gettop(lua);
    cg_status status =
        view->is_plot ? sim_lua_check_keys(lua, reader.table, reader.place, plot_keys,
                                           sizeof plot_keys / sizeof plot_keys[0], error)
                      : sim_lua_check_keys(lua, reader.table, reader.place, table_keys,
                                           sizeof table_keys / sizeof table_keys[0], error);
    status = status == CG_OK ? read_names(&reader, view) : status;
    if (status == CG_OK) {
        status = view->is_plot ? read_plot(&reader) : read_columns(&reader);
    }
    lua_pop(lua, 1);
    return status == CG_OK ? sim_text_copy(reader.text, &view->text, error) : status;
}

static cg_status count_list(lua_State *lua, int table, const char *key, uint32_t *count,
                            cg_error *error) {
    *count = 0;
    if (sim_lua_field(lua, table, key) == LUA_TNIL) {
        return CG_OK;
    }
    return sim_lua_list(lua, -1, key, SIM_VIEWS_MAX / 2, count, error);
}

cg_status sim_views_read(lua_State *lua, int index, sim_plan *plan, cg_error *error) {
    int table = lua_absindex(lua, index);
    uint32_t counts[2] = {0, 0};
    cg_status status = count_list(lua, table, "tables", &counts[0], error);
    status = status == CG_OK ? count_list(lua, table, "plots", &counts[1], error) : status;
    status =
        status == CG_OK ? sim_plan_alloc_views(plan, counts[0] + counts[1], error) : status;
    for (uint32_t i = 0; i < plan->view_count && status == CG_OK; i++) {
        sim_view_plan *view = &plan->views[i];
        view->is_plot = i >= counts[0];
        lua_settop(lua, table);
        sim_lua_field(lua, table, view->is_plot ? "plots" : "tables");
        status = read_view(lua, plan, view->is_plot ? i - counts[0] + 1 : i + 1, view, error);
    }
    lua_settop(lua, table);
    return status;
}
