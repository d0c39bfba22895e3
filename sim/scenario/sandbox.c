/* The sandbox: allocator, budget, protected calls and error sentences. */
#include "sim/scenario/sandbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "sim/scenario/sandbox_library.h"
#include "sim/scenario/scenario.h"

enum { HOOK_STEP = 1000 };

struct sim_sandbox {
    lua_State *lua;
    char *file;
    char *library;
    uint64_t memory_limit_bytes;
    uint64_t memory_used_bytes;
    bool memory_refused;
    uint64_t instructions; /* of the present budget, for messages */
    uint64_t steps_left;   /* of HOOK_STEP instructions */
    bool exhausted;        /* sticks */
    char exhausted_at[160];
    sim_module_source modules;
};

/* Lua's allocator contract: with block NULL, old_bytes is a type tag; shrinking never fails. */
static void *limited_reallocate(void *context, void *block, size_t old_bytes,
                                size_t new_bytes) {
    sim_sandbox *sandbox = context;
    uint64_t held_bytes = block ? old_bytes : 0;
    if (new_bytes == 0) {
        free(block);
        sandbox->memory_used_bytes -= held_bytes;
        return NULL;
    }
    uint64_t others_bytes = sandbox->memory_used_bytes - held_bytes;
    if (new_bytes > held_bytes && (new_bytes > sandbox->memory_limit_bytes ||
                                   others_bytes > sandbox->memory_limit_bytes - new_bytes)) {
        sandbox->memory_refused = true;
        return NULL;
    }
    void *grown = realloc(block, new_bytes);
    if (grown) {
        sandbox->memory_used_bytes = others_bytes + new_bytes;
    } else {
        sandbox->memory_refused = true;
    }
    return grown;
}

static sim_sandbox *sandbox_of(lua_State *lua) {
    return *(sim_sandbox **)lua_getextraspace(lua);
}

static void count_instructions(lua_State *lua, lua_Debug *activation) {
    sim_sandbox *sandbox = sandbox_of(lua);
    if (!sandbox->exhausted && sandbox->steps_left > 0) {
        sandbox->steps_left--;
        return;
    }
    if (!sandbox->exhausted) {
        lua_getinfo(lua, "Sl", activation);
        snprintf(sandbox->exhausted_at, sizeof sandbox->exhausted_at, "%s:%d",
                 activation->short_src, activation->currentline);
        sandbox->exhausted = true;
        /* From now on every instruction raises the error, so that it gets through any pcall. */
        lua_sethook(lua, count_instructions, LUA_MASKCOUNT, 1);
    }
    lua_pushnil(
        lua); /* the sentence is made in describe_failure: making it here could need memory */
    lua_error(lua);
}

static bool names_a_line(const char *message) {
    for (const char *colon = strchr(message, ':'); colon; colon = strchr(colon + 1, ':')) {
        size_t digits = strspn(colon + 1, "0123456789");
        if (digits > 0 && colon[1 + digits] == ':') {
            return true;
        }
    }
    return false;
}

/* Turns the error value on top of the stack into a sentence, and pops it. Raises nothing. */
static cg_status describe_failure(sim_sandbox *sandbox, int code, cg_error *error) {
    lua_State *lua = sandbox->lua;
    const char *message = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : NULL;
    cg_status status = CG_ERROR_INVALID;
    if (sandbox->exhausted) {
        cg_error_set(error, status,
                     "%s: the script ran more than %" PRIu64
                     " instructions; it may hold an endless loop",
                     sandbox->exhausted_at, sandbox->instructions);
    } else if (code == LUA_ERRMEM ||
               (sandbox->memory_refused && message && strstr(message, "not enough memory"))) {
        bool placed = message && names_a_line(message);
        const char *where = placed ? message : sandbox->file;
        const char *end = placed ? strrchr(message, ':') : where + strlen(where);
        cg_error_set(error, status,
                     "%.*s: the script needs more than %" PRIu64 " bytes of memory",
                     (int)(end - where), where, sandbox->memory_limit_bytes);
    } else if (!message) {
        cg_error_set(error, status, "%s: the script raised an error that is a %s, not a text",
                     sandbox->file, luaL_typename(lua, -1));
    } else if (names_a_line(message)) {
        cg_error_set(error, status, "%s", message);
    } else {
        cg_error_set(error, status, "%s: %s", sandbox->file, message);
    }
    lua_pop(lua, 1);
    return status;
}

cg_status sim_sandbox_call(sim_sandbox *sandbox, int arguments, int results, cg_error *error) {
    lua_State *lua = sandbox->lua;
    int base = lua_gettop(lua) - arguments - 1;
    int code = lua_pcall(lua, arguments, results, 0);
    if (code == LUA_OK && sandbox->exhausted) { /* swallowed by a pcall in tail position */
        lua_settop(lua, base);
        lua_pushnil(lua);
        code = LUA_ERRRUN;
    }
    return code == LUA_OK ? CG_OK : describe_failure(sandbox, code, error);
}

static int install(lua_State *lua) {
    sim_sandbox_install(lua, lua_touserdata(lua, 1));
    return 0;
}

static cg_status start_lua(sim_sandbox *sandbox, cg_error *error) {
    sandbox->lua = lua_newstate(limited_reallocate, sandbox);
    if (!sandbox->lua) {
        return cg_error_set(error, CG_ERROR_MEMORY, "%s: no memory to start Lua",
                            sandbox->file);
    }
    *(sim_sandbox **)lua_getextraspace(sandbox->lua) = sandbox;
    /* Neither call allocates: a light C function and a light pointer are plain values. */
    lua_pushcfunction(sandbox->lua, install);
    lua_pushlightuserdata(sandbox->lua, &sandbox->modules);
    cg_status status = sim_sandbox_call(sandbox, 1, 0, error);
    lua_sethook(sandbox->lua, count_instructions, LUA_MASKCOUNT, HOOK_STEP);
    return status;
}

static char *copy_text(const char *text) {
    size_t size_bytes = strlen(text) + 1;
    char *copy = malloc(size_bytes);
    if (copy) {
        memcpy(copy, text, size_bytes);
    }
    return copy;
}

cg_status sim_sandbox_open(const char *file, const char *library,
                           const sim_sandbox_limits *limits, sim_sandbox **out,
                           cg_error *error) {
    sim_sandbox *sandbox = calloc(1, sizeof *sandbox);
    if (!sandbox) {
        return cg_error_set(error, CG_ERROR_MEMORY, "%s: no memory to start Lua", file);
    }
    sandbox->file = copy_text(file);
    sandbox->library = library ? copy_text(library) : NULL;
    sandbox->memory_limit_bytes = limits->memory_bytes;
    sandbox->modules =
        (sim_module_source){.folder = sandbox->library, .hasher = cg_hasher_init()};
    sim_sandbox_refill(sandbox, limits->instructions);
    cg_status status = CG_ERROR_MEMORY;
    if (!sandbox->file || (library && !sandbox->library)) {
        cg_error_set(error, status, "%s: no memory to start Lua", file);
    } else {
        status = start_lua(sandbox, error);
    }
    if (status != CG_OK) {
        sim_sandbox_close(sandbox);
        return status;
    }
    *out = sandbox;
    return CG_OK;
}

void sim_sandbox_close(sim_sandbox *sandbox) {
    if (!sandbox) {
        return;
    }
    if (sandbox->lua) {
        lua_close(sandbox->lua);
    }
    free(sandbox->file);
    free(sandbox->library);
    free(sandbox);
}

lua_State *sim_sandbox_lua(sim_sandbox *sandbox) {
    return sandbox->lua;
}

void sim_sandbox_refill(sim_sandbox *sandbox, uint64_t instructions) {
    sandbox->instructions = instructions;
    sandbox->steps_left = instructions / HOOK_STEP;
}

uint64_t sim_sandbox_module_hash(const sim_sandbox *sandbox) {
    return cg_hasher_value(&sandbox->modules.hasher);
}

typedef struct chunk {
    const char *source;
    size_t size_bytes;
    const char *file;
} chunk;

/* Compiling needs memory, and so runs protected. Text only: compiled code is not checked by
 * Lua. */
static int compile(lua_State *lua) {
    const chunk *input = lua_touserdata(lua, 1);
    lua_pushfstring(lua, "@%s", input->file);
    if (luaL_loadbufferx(lua, input->source, input->size_bytes, lua_tostring(lua, -1), "t") !=
        LUA_OK) {
        return lua_error(lua);
    }
    return 1;
}

cg_status sim_sandbox_run(sim_sandbox *sandbox, const char *source, size_t size_bytes,
                          cg_error *error) {
    if (size_bytes > 0 && source[0] == LUA_SIGNATURE[0]) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s is compiled Lua; a scenario must be source text",
                            sandbox->file);
    }
    lua_State *lua = sandbox->lua;
    chunk input = {.source = source, .size_bytes = size_bytes, .file = sandbox->file};
    lua_pushcfunction(lua, compile);
    lua_pushlightuserdata(lua, &input);
    cg_status status = sim_sandbox_call(sandbox, 1, 1, error);
    return status == CG_OK ? sim_sandbox_call(sandbox, 0, 1, error) : status;
}

const char *sim_scenario_language_version(void) {
    return LUA_RELEASE;
}
