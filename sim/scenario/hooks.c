/* Hooks: Lua functions of one point, run at simulated times.
 *
 * The scenario is evaluated again in the point's own process and only its hooks are kept. Each
 * call has its own budget of instructions; what a hook asks of the cluster is checked against
 * the point's options and handed back as actions, in the order of the calls. Invariant: hooks
 * due at one time run in the order of the list.
 */
#include "sim/scenario/scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "sim/scenario/evaluate.h"
#include "sim/scenario/fault_read.h"
#include "sim/scenario/host_fault_text.h"
#include "sim/scenario/lua_read.h"
#include "sim/scenario/point_read.h"
#include "sim/scenario/sandbox_library.h"

enum { CALL_INSTRUCTIONS = 10000000, RUN_REFERENCE = 1, WHEN_REFERENCE = 2 };

typedef struct hook {
    sim_hook_plan plan;
    bool done;
} hook;

struct sim_hooks {
    sim_sandbox *sandbox; /* its stack: [1] list of {run, when} pairs, [2] the control table */
    hook *list;
    uint32_t count;
    uint32_t cluster_hosts;
    uint64_t end_ns;
    /* Of the present call of sim_hooks_run: */
    sim_hook_action *actions;
    uint32_t action_capacity;
    uint32_t action_count;
    const sim_live_metric *live;
    uint32_t live_count;
    bool verdict; /* of a `when` */
    cg_error *error;
};

/* The next free action; raises an error when there is none. */
static sim_hook_action *take_action(lua_State *lua, sim_hooks *hooks) {
    if (hooks->action_count >= hooks->action_capacity) {
        luaL_error(lua, "hooks ask for more than %d actions at one time",
                   (int)hooks->action_capacity);
    }
    sim_hook_action *action = &hooks->actions[hooks->action_count];
    memset(action, 0, sizeof *action);
    return action;
}

static sim_hooks *hooks_of(lua_State *lua) {
    return lua_touserdata(lua, lua_upvalueindex(1));
}

static int refuse(lua_State *lua, const char *what, const cg_error *error) {
    return luaL_error(lua, "control.%s: %s", what, error->message);
}

enum { FIELD_NAMES_BYTES = 160 };

static sim_fault_action action_of(lua_State *lua) {
    return (sim_fault_action)lua_tointeger(lua, lua_upvalueindex(2));
}

/* The fields by name of the table at `index`, as far as the action takes them; `main_field` is
 * said otherwise. */
static void read_fields(lua_State *lua, int index, const char *main_field, sim_fault *fault) {
    const char *name = sim_fault_actions[fault->action];
    cg_error error;
    for (size_t i = 2; i < SIM_FAULT_FIELDS; i++) { /* behind at and action */
        const char *field = sim_fault_fields[i];
        char text[SIM_FAULT_VALUE_BYTES];
        if (strcmp(field, main_field) == 0 || sim_lua_field(lua, index, field) == LUA_TNIL) {
            lua_settop(lua, index);
            continue;
        }
        if (sim_fault_value_text(lua, field, field, text, &error) != CG_OK ||
            sim_fault_set(fault, field, text, &error) != CG_OK) {
            refuse(lua, name, &error);
        }
        lua_settop(lua, index);
    }
}

/* Raises an error when the table at `index` has a key that the action does not take. */
static void check_keys(lua_State *lua, int index, sim_fault_action action, bool list) {
    const char *name = sim_fault_actions[action];
    lua_pushnil(lua);
    while (lua_next(lua, index)) {
        const char *key = lua_type(lua, -2) == LUA_TSTRING ? lua_tostring(lua, -2) : "";
        bool known = sim_fault_takes(action, key) && strcmp(key, "at") != 0 &&
                     strcmp(key, "action") != 0 &&
                     strcmp(key, sim_fault_main_field(action)) != 0;
        bool entry = list && lua_isinteger(lua, -2);
        bool one_way = strcmp(key, "one_way") == 0;
        if ((!known && !entry) || (one_way && !lua_isboolean(lua, -1))) {
            char fields[FIELD_NAMES_BYTES];
            sim_fault_join_fields(action, fields, sizeof fields);
            luaL_error(lua, "control.%s takes %s%s", name, list ? "hosts and " : "a value and ",
                       fields);
        }
        lua_pop(lua, 1);
    }
}

static void read_hosts(lua_State *lua, const sim_hooks *hooks, sim_fault *fault) {
    const char *name = sim_fault_actions[fault->action];
    lua_Unsigned count = lua_rawlen(lua, 1);
    if (count > SIM_FAULT_HOSTS_MAX) {
        luaL_error(lua, "control.%s: more than %d hosts; name the other side", name,
                   SIM_FAULT_HOSTS_MAX);
    }
    for (lua_Unsigned i = 1; i <= count; i++) {
        lua_rawgeti(lua, 1, (lua_Integer)i);
        lua_Integer host = lua_isinteger(lua, -1) ? lua_tointeger(lua, -1) : -1;
        if (host < 0 || host >= SIM_HOSTS_MAX) {
            luaL_error(lua, "control.%s: entry %d is not a host's number, from 0 to %d", name,
                       (int)i, (int)hooks->cluster_hosts - 1);
        }
        fault->hosts[fault->host_count++] = (uint32_t)host;
        lua_pop(lua, 1);
    }
}

/* What the point's list of faults checks too, as far as it is about one fault. */
static void finish_fault(lua_State *lua, sim_hooks *hooks, const sim_fault *fault) {
    const char *name = sim_fault_actions[fault->action];
    cg_error error;
    cg_status status = sim_host_fault_is(fault->action)
                           ? sim_host_fault_check(fault, hooks->cluster_hosts, &error)
                           : sim_fault_check_network(fault, hooks->cluster_hosts, &error);
    if (status == CG_OK && sim_fault_cuts(fault->action)) {
        status = sim_fault_check_hosts(fault, hooks->cluster_hosts, &error);
    }
    if (status != CG_OK) {
        refuse(lua, name, &error);
    }
    if (sim_fault_needs(fault->action, "period") && fault->period_ns == 0) {
        luaL_error(lua, "control.%s: period is missing", name);
    }
    if (sim_host_fault_lacks_value(fault)) {
        luaL_error(lua, "control.%s: value is missing", name);
    }
    hooks->action_count++;
}

/* control.partition { 0, 2, one_way = true }: hosts, and fields by name. */
static int control_hosts(lua_State *lua) {
    sim_hooks *hooks = hooks_of(lua);
    const char *name = sim_fault_actions[action_of(lua)];
    if (sim_host_fault_is(action_of(lua)) && lua_gettop(lua) == 1 && lua_isinteger(lua, 1)) {
        lua_createtable(lua, 1, 0); /* control.crash(1) */
        lua_insert(lua, 1);
        lua_rawseti(lua, 1, 1);
    }
    if (lua_type(lua, 1) != LUA_TTABLE || lua_gettop(lua) != 1) {
        return luaL_error(lua,
                          "control.%s takes one list of hosts, for example control.%s { 0 }",
                          name, name);
    }
    sim_hook_action *action = take_action(lua, hooks);
    action->fault.action = action_of(lua);
    check_keys(lua, 1, action->fault.action, true);
    read_hosts(lua, hooks, &action->fault);
    read_fields(lua, 1, "hosts", &action->fault);
    finish_fault(lua, hooks, &action->fault);
    return 0;
}

/* control.heal(), control.heal("name") */
static int control_heal(lua_State *lua) {
    sim_hooks *hooks = hooks_of(lua);
    cg_error error;
    char text[SIM_PATH_BYTES];
    sim_hook_action *action = take_action(lua, hooks);
    action->fault.action = SIM_FAULT_HEAL;
    if (!lua_isnoneornil(lua, 1)) {
        lua_settop(lua, 1);
        if (sim_lua_text(lua, 1, "the name", text, sizeof text, &error) != CG_OK ||
            sim_fault_set(&action->fault, "name", text, &error) != CG_OK) {
            return refuse(lua, "heal", &error);
        }
    }
    hooks->action_count++;
    return 0;
}

/* control.latency("1ms", { from = { 0 }, to = "4-7" }) */
static int control_value(lua_State *lua) {
    sim_hooks *hooks = hooks_of(lua);
    sim_fault_action kind = action_of(lua);
    const char *name = sim_fault_actions[kind];
    cg_error error;
    char text[SIM_FAULT_VALUE_BYTES];
    sim_hook_action *action = take_action(lua, hooks);
    action->fault.action = kind;
    lua_settop(lua, 2);
    bool more = lua_type(lua, 2) == LUA_TTABLE;
    if (!more && !lua_isnil(lua, 2)) {
        return luaL_error(lua, "control.%s takes a value and a table such as { from = { 0 } }",
                          name);
    }
    lua_pushvalue(lua, 1);
    if (sim_fault_value_text(lua, "the value", "value", text, &error) != CG_OK ||
        sim_fault_set(&action->fault, "value", text, &error) != CG_OK) {
        return refuse(lua, name, &error);
    }
    lua_settop(lua, 2);
    if (more) {
        check_keys(lua, 2, kind, false);
        read_fields(lua, 2, "value", &action->fault);
    }
    finish_fault(lua, hooks, &action->fault);
    return 0;
}

static int control_note(lua_State *lua) {
    sim_hooks *hooks = hooks_of(lua);
    cg_error error;
    sim_hook_action *action = take_action(lua, hooks);
    action->is_note = true;
    lua_settop(lua, 1);
    if (sim_lua_text(lua, 1, "the text", action->note, sizeof action->note, &error) != CG_OK) {
        return refuse(lua, "note", &error);
    }
    hooks->action_count++;
    return 0;
}

static void add_control(lua_State *lua, sim_hooks *hooks, const char *name,
                        lua_CFunction function, int kind) {
    lua_pushlightuserdata(lua, hooks);
    lua_pushinteger(lua, kind);
    lua_pushcclosure(lua, function, 2);
    lua_setfield(lua, -2, name);
}

static lua_CFunction function_of(sim_fault_action action) {
    if (action == SIM_FAULT_HEAL) {
        return control_heal;
    }
    return sim_fault_takes(action, "hosts") ? control_hosts : control_value;
}

static void push_control(lua_State *lua, sim_hooks *hooks) {
    lua_createtable(lua, 0, SIM_FAULT_ACTIONS + 1);
    for (int i = 0; i < SIM_FAULT_ACTIONS; i++) {
        add_control(lua, hooks, sim_fault_actions[i], function_of((sim_fault_action)i), i);
    }
    add_control(lua, hooks, "note", control_note, 0);
    lua_createtable(lua, SIM_FAULT_ACTIONS + 1, 0);
    for (int i = 0; i < SIM_FAULT_ACTIONS; i++) {
        lua_pushstring(lua, sim_fault_actions[i]);
        lua_rawseti(lua, -2, i + 1);
    }
    lua_pushstring(lua, "note");
    lua_rawseti(lua, -2, SIM_FAULT_ACTIONS + 1);
    sim_sandbox_push_strict(lua, "control");
    lua_setmetatable(lua, -2);
}

/* A metric that does not exist is an error naming the nearest, not nil. */
static void push_live(lua_State *lua, const sim_hooks *hooks) {
    lua_createtable(lua, 0, (int)hooks->live_count);
    lua_createtable(lua, (int)hooks->live_count, 0);
    for (uint32_t i = 0; i < hooks->live_count; i++) {
        lua_pushstring(lua, hooks->live[i].name);
        lua_pushvalue(lua, -1);
        lua_pushnumber(lua, hooks->live[i].value);
        lua_rawset(lua, -5);
        lua_rawseti(lua, -2, (lua_Integer)i + 1);
    }
    sim_sandbox_push_strict(lua, "live metric");
    lua_setmetatable(lua, -2);
}

/* Protected. Arguments: hooks, the point's table. Returns the list of functions and the control
 * table. */
static int keep_hooks(lua_State *lua) {
    sim_hooks *hooks = lua_touserdata(lua, 1);
    luaL_checkstack(lua, 16, NULL);
    lua_createtable(lua, (int)hooks->count, 0); /* at 3 */
    for (uint32_t i = 0; i < hooks->count; i++) {
        lua_createtable(lua, 2, 0);
        cg_status status = sim_point_push_hook(lua, 2, i + 1, hooks->end_ns,
                                               &hooks->list[i].plan, hooks->error);
        if (status != CG_OK) {
            hooks->list[i].done = true;
            return luaL_error(lua, "%s", hooks->error->message);
        }
        lua_rawseti(lua, -3, WHEN_REFERENCE);
        lua_rawseti(lua, -2, RUN_REFERENCE);
        lua_rawseti(lua, 3, (lua_Integer)i + 1);
    }
    push_control(lua, hooks);
    return 2;
}

static int count_hooks(lua_State *lua) {
    sim_hooks *hooks = lua_touserdata(lua, 1);
    if (lua_type(lua, 2) != LUA_TTABLE) {
        return luaL_error(lua, "the point function must return a table of options, not a %s",
                          luaL_typename(lua, 2));
    }
    if (sim_point_hook_count(lua, 2, &hooks->count, hooks->error) != CG_OK) {
        return luaL_error(lua, "%s", hooks->error->message);
    }
    lua_settop(lua, 2);
    return 1;
}

/* Calls function(hooks, the one value under it) in protected mode, replacing that value by the
 * results. */
static cg_status call_with_hooks(sim_hooks *hooks, lua_CFunction function, int results) {
    lua_State *lua = sim_sandbox_lua(hooks->sandbox);
    lua_pushcfunction(lua, function);
    lua_insert(lua, 1);
    lua_pushlightuserdata(lua, hooks);
    lua_insert(lua, 2);
    return sim_sandbox_call(hooks->sandbox, 2, results, hooks->error);
}

static cg_status fill_hooks(sim_hooks *hooks) {
    cg_status status = call_with_hooks(hooks, count_hooks, 1);
    if (status != CG_OK || hooks->count == 0) {
        return status;
    }
    hooks->list = calloc(hooks->count, sizeof *hooks->list);
    if (!hooks->list) {
        return cg_error_set(hooks->error, CG_ERROR_MEMORY, "no memory for %" PRIu32 " hooks",
                            hooks->count);
    }
    return call_with_hooks(hooks, keep_hooks, 2);
}

static cg_status read_options(sim_hooks *hooks, const sim_point_plan *point, cg_error *error) {
    sim_options *options = malloc(sizeof *options);
    if (!options) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the options of a point");
    }
    cg_status status = sim_options_parse(point->options_text, options, error);
    if (status == CG_OK) {
        hooks->cluster_hosts = options->cluster.hosts;
        hooks->end_ns = options->end_ns;
    }
    free(options);
    return status;
}

cg_status sim_hooks_open(const sim_plan *plan, const sim_point_plan *point, const char *library,
                         sim_hooks **out, cg_error *error) {
    cg_error scratch;
    sim_hooks *hooks = calloc(1, sizeof *hooks);
    if (!hooks) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for hooks");
    }
    hooks->error = error ? error : &scratch;
    sim_evaluation evaluation = {
        .file = plan->file,
        .library = library,
        .source = plan->source,
        .source_bytes = strlen(plan->source),
        .limits = sim_evaluate_limits(),
    };
    cg_status status = read_options(hooks, point, hooks->error);
    if (status == CG_OK) {
        status = sim_evaluate_point(&evaluation, point, &hooks->sandbox, hooks->error);
    }
    status = status == CG_OK ? fill_hooks(hooks) : status;
    hooks->error = NULL;
    if (status != CG_OK || hooks->count == 0) {
        sim_hooks_close(hooks);
        hooks = NULL;
    }
    if (status == CG_OK) {
        *out = hooks;
    }
    return status;
}

void sim_hooks_close(sim_hooks *hooks) {
    if (!hooks) {
        return;
    }
    sim_sandbox_close(hooks->sandbox);
    free(hooks->list);
    free(hooks);
}

uint64_t sim_hooks_next_ns(const sim_hooks *hooks) {
    uint64_t next_ns = UINT64_MAX;
    for (uint32_t i = 0; i < hooks->count; i++) {
        const hook *each = &hooks->list[i];
        if (!each->done && each->plan.next_ns < next_ns) {
            next_ns = each->plan.next_ns;
        }
    }
    return next_ns;
}

/* Protected. Arguments: hooks, list of pairs, number of the hook, which function of the pair,
 * control. */
static int call_hook(lua_State *lua) {
    sim_hooks *hooks = lua_touserdata(lua, 1);
    bool asks = lua_tointeger(lua, 4) == WHEN_REFERENCE;
    luaL_checkstack(lua, 16, NULL);
    lua_rawgeti(lua, 2, lua_tointeger(lua, 3));
    lua_rawgeti(lua, -1, lua_tointeger(lua, 4));
    if (!asks) {
        lua_pushvalue(lua, 5);
    }
    push_live(lua, hooks);
    lua_call(lua, asks ? 1 : 2, 1);
    if (asks && !lua_isboolean(lua, -1) && !lua_isnil(lua, -1)) {
        return luaL_error(lua, "when must return true or false, not a %s",
                          luaL_typename(lua, -1));
    }
    hooks->verdict = lua_toboolean(lua, -1);
    return 0;
}

static cg_status call_function(sim_hooks *hooks, uint32_t i, int which) {
    lua_State *lua = sim_sandbox_lua(hooks->sandbox);
    sim_sandbox_refill(hooks->sandbox, CALL_INSTRUCTIONS);
    lua_pushcfunction(lua, call_hook);
    lua_pushlightuserdata(lua, hooks);
    lua_pushvalue(lua, 1);
    lua_pushinteger(lua, (lua_Integer)i + 1);
    lua_pushinteger(lua, which);
    lua_pushvalue(lua, 2);
    cg_status status = sim_sandbox_call(hooks->sandbox, 5, 0, hooks->error);
    return status == CG_OK
               ? status
               : (cg_error_prefix(hooks->error, "hooks[%" PRIu32 "]: ", i + 1), status);
}

/* The next question behind now_ns, on the grid of multiples of `every`. */
static void advance_hook(hook *each, uint64_t now_ns, bool ran) {
    if (ran) {
        each->plan.times_left--;
    }
    if (each->plan.times_left == 0) {
        each->done = true;
        return;
    }
    uint64_t steps = now_ns / each->plan.every_ns + 1;
    if (steps > UINT64_MAX / each->plan.every_ns) {
        each->done = true;
        return;
    }
    each->plan.next_ns = steps * each->plan.every_ns;
}

cg_status sim_hooks_run(sim_hooks *hooks, uint64_t now_ns, const sim_live_metric *live,
                        uint32_t live_count, sim_hook_action *actions, uint32_t capacity,
                        uint32_t *action_count, cg_error *error) {
    cg_error scratch;
    hooks->error = error ? error : &scratch;
    hooks->actions = actions;
    hooks->action_capacity = capacity;
    hooks->action_count = 0;
    hooks->live = live;
    hooks->live_count = live_count;
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < hooks->count && status == CG_OK; i++) {
        hook *each = &hooks->list[i];
        if (each->done || each->plan.next_ns > now_ns) {
            continue;
        }
        bool runs = true;
        if (each->plan.conditional) {
            status = call_function(hooks, i, WHEN_REFERENCE);
            runs = hooks->verdict;
        }
        if (status == CG_OK && runs) {
            status = call_function(hooks, i, RUN_REFERENCE);
        }
        advance_hook(each, now_ns, runs);
    }
    if (status == CG_OK) {
        *action_count = hooks->action_count;
    }
    hooks->error = NULL;
    return status;
}
