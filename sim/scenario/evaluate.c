/* Evaluating a scenario: run the text, read what holds for all points, ask the point function
 * once a point. */
#include "sim/scenario/evaluate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "sim/scenario/definition.h"
#include "sim/scenario/plan.h"
#include "sim/scenario/point_read.h"
#include "sim/scenario/random_read.h"
#include "sim/scenario/sandbox_library.h"

sim_sandbox_limits sim_evaluate_limits(void) {
    return (sim_sandbox_limits){.memory_bytes = UINT64_C(256) << 20, .instructions = 100000000};
}

/* What the protected functions work on. All heap memory hangs here, so a Lua error leaks
 * nothing. */
typedef struct session {
    const sim_evaluation *evaluation;
    sim_plan *plan;
    sim_options *options;
    const sim_point_plan *only; /* NULL: all points */
    cg_status status;
    cg_error *error;
} session;

/* Stack positions inside the protected functions. */
enum { ARGUMENT = 1, SCENARIO, VALUES, STRICT, POINT };

/* Pushes the metatable of factor tables: a mistyped factor is an error, not nil. */
static void push_factor_strict(lua_State *lua, const sim_plan *plan) {
    lua_createtable(lua, (int)plan->factor_count + 1, 0);
    for (uint32_t f = 0; f < plan->factor_count; f++) {
        lua_pushstring(lua, plan->factors[f].name);
        lua_rawseti(lua, -2, (lua_Integer)f + 1);
    }
    lua_pushstring(lua, "repetition");
    lua_rawseti(lua, -2, (lua_Integer)plan->factor_count + 1);
    sim_sandbox_push_strict(lua, "factor");
}

/* Calls the point function; its table is then at POINT. */
static void call_point(lua_State *lua, const sim_plan *plan, const sim_point_plan *point) {
    lua_settop(lua, STRICT);
    lua_pushstring(lua, "point");
    lua_rawget(lua, SCENARIO);
    lua_createtable(lua, 0, (int)plan->factor_count + 1);
    for (uint32_t f = 0; f < plan->factor_count; f++) {
        lua_pushstring(lua, plan->factors[f].name);
        lua_rawgeti(lua, VALUES, (lua_Integer)f + 1);
        lua_rawgeti(lua, -1, (lua_Integer)point->value_index[f] + 1);
        lua_remove(lua, -2);
        lua_rawset(lua, -3);
    }
    lua_pushstring(lua, "repetition");
    lua_pushinteger(lua, point->repetition);
    lua_rawset(lua, -3);
    lua_pushvalue(lua, STRICT);
    lua_setmetatable(lua, -2);
    lua_call(lua, 1, 1);
}

/* Options of one point: defaults, what the table at POINT says, --set, seed, checks. */
static cg_status finish_point(lua_State *lua, session *work, sim_point_plan *point) {
    const sim_evaluation *evaluation = work->evaluation;
    sim_options *options = work->options;
    sim_options_default(options);
    cg_status status = sim_point_read(lua, POINT, options, work->error);
    for (uint32_t i = 0; i < evaluation->setting_count && status == CG_OK; i++) {
        status = sim_options_set(options, evaluation->settings[i].path,
                                 evaluation->settings[i].value, work->error);
    }
    options->seed = sim_plan_seed(evaluation->seed, point->repetition);
    /* Twice: what is written down is refused where it stands, before more comes between. */
    status = status == CG_OK ? sim_options_check(options, work->error) : status;
    status = status == CG_OK ? sim_random_read(lua, POINT, options, work->error) : status;
    status = status == CG_OK ? sim_options_check(options, work->error) : status;
    status = status == CG_OK ? sim_point_check_hooks(lua, POINT, options->end_ns, work->error)
                             : status;
    return status == CG_OK ? sim_options_format(options, &point->options_text, work->error)
                           : status;
}

static cg_status read_points(lua_State *lua, session *work) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < work->plan->point_count && status == CG_OK; i++) {
        sim_point_plan *point = &work->plan->points[i];
        call_point(lua, work->plan, point);
        status = finish_point(lua, work, point);
        if (status != CG_OK) {
            char place[256];
            sim_plan_describe_point(work->plan, point, place, sizeof place);
            cg_error_prefix(work->error, "%s: ", place);
        }
    }
    return status;
}

/* Protected. Arguments: session, the scenario's table. With `only`, returns that point's table.
 */
static int read_scenario(lua_State *lua) {
    session *work = lua_touserdata(lua, ARGUMENT);
    luaL_checkstack(lua, 32, NULL);
    work->status = sim_definition_read(lua, SCENARIO, work->plan, work->error);
    if (work->status != CG_OK) {
        return 0;
    }
    lua_settop(lua, SCENARIO);
    sim_definition_push_values(lua, SCENARIO, work->plan);
    push_factor_strict(lua, work->plan);
    if (!work->only) {
        work->status = read_points(lua, work);
        return 0;
    }
    if (work->only->index >= work->plan->point_count) {
        work->status = cg_error_set(work->error, CG_ERROR_INVALID,
                                    "evaluated again, the scenario has no point %u",
                                    (unsigned)work->only->index);
        return 0;
    }
    call_point(lua, work->plan, &work->plan->points[work->only->index]);
    return 1;
}

/* Opens the sandbox, runs the text and then read_scenario. On success the sandbox is open, with
 * the result of read_scenario (if any) on its stack. */
static cg_status evaluate_session(session *work, sim_sandbox **out) {
    const sim_evaluation *evaluation = work->evaluation;
    sim_sandbox *sandbox = NULL;
    cg_status status = sim_sandbox_open(evaluation->file, evaluation->library,
                                        &evaluation->limits, &sandbox, work->error);
    if (status != CG_OK) {
        return status;
    }
    lua_State *lua = sim_sandbox_lua(sandbox);
    status =
        sim_sandbox_run(sandbox, evaluation->source, evaluation->source_bytes, work->error);
    if (status == CG_OK) {
        lua_pushcfunction(lua, read_scenario);
        lua_insert(lua, 1);
        lua_pushlightuserdata(lua, work);
        lua_insert(lua, 2);
        status = sim_sandbox_call(sandbox, 2, work->only ? 1 : 0, work->error);
        if (status == CG_OK && work->status != CG_OK) {
            status = work->status;
            cg_error_prefix(work->error, "%s: ", evaluation->file);
        }
    }
    if (status != CG_OK) {
        sim_sandbox_close(sandbox);
        return status;
    }
    *out = sandbox;
    return CG_OK;
}

static cg_status start_session(session *work) {
    cg_status status = sim_plan_alloc(&work->plan, work->error);
    work->options = malloc(sizeof *work->options);
    if (status == CG_OK && !work->options) {
        status = cg_error_set(work->error, CG_ERROR_MEMORY, "no memory for a point's options");
    }
    return status;
}

cg_status sim_evaluate(const sim_evaluation *evaluation, sim_plan **out, uint64_t *module_hash,
                       cg_error *error) {
    cg_error scratch;
    session work = {.evaluation = evaluation, .error = error ? error : &scratch};
    sim_sandbox *sandbox = NULL;
    cg_status status = start_session(&work);
    status = status == CG_OK ? evaluate_session(&work, &sandbox) : status;
    free(work.options);
    if (status != CG_OK) {
        sim_plan_free(work.plan);
        return status;
    }
    *module_hash = sim_sandbox_module_hash(sandbox);
    sim_sandbox_close(sandbox);
    *out = work.plan;
    return CG_OK;
}

cg_status sim_evaluate_point(const sim_evaluation *evaluation, const sim_point_plan *point,
                             sim_sandbox **out, cg_error *error) {
    cg_error scratch;
    session work = {.evaluation = evaluation, .only = point, .error = error ? error : &scratch};
    cg_status status = start_session(&work);
    status = status == CG_OK ? evaluate_session(&work, out) : status;
    free(work.options);
    sim_plan_free(work.plan);
    return status;
}
