/* What a script sees: the base functions without the dangerous ones, string, table and math.
 *
 * Replaced: pairs (goes up by key: booleans, numbers, texts), tostring and string.format (print
 * no addresses), require (only scenarios.lib.NAME). Removed names raise a sentence when they
 * are read.
 */
#include "sim/scenario/sandbox_library.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "engine/base/nearest.h"

enum { MODULE_BYTES_MAX = 1 << 20, NAMES_MAX = 256, MODULE_NAME_MAX = 64 };

static const char module_prefix[] = "scenarios.lib.";

/* Read as globals, these get a sentence of their own. xpcall is among them because its handler
 * runs inside the hook that raised the budget's error, where no further hook can fire. */
static const char *const removed_names[] = {
    "_G",   "collectgarbage", "coroutine",  "debug",  "dofile",  "getmetatable", "io",
    "load", "loadfile",       "next",       "os",     "package", "print",        "setmetatable",
    "utf8", "warn",           "loadstring", "module", "unpack",  "xpcall",
};

static bool is_removed(const char *name) {
    for (size_t i = 0; i < sizeof removed_names / sizeof removed_names[0]; i++) {
        if (strcmp(removed_names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int missing_global(lua_State *lua) {
    const char *name = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "?";
    if (is_removed(name)) {
        return luaL_error(lua,
                          "%s is not available in a scenario, which computes its options and "
                          "reaches nothing else",
                          name);
    }
    return luaL_error(lua, "there is no global \"%s\"; declare it with local", name);
}

static int new_global(lua_State *lua) {
    const char *name = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "?";
    return luaL_error(lua, "a scenario cannot assign the global \"%s\"; declare it with local",
                      name);
}

static int missing_strict(lua_State *lua) {
    const char *key = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : NULL;
    const char *noun = lua_tostring(lua, lua_upvalueindex(2));
    if (!key) {
        return luaL_error(lua, "a %s has a name, not a key that is a %s", noun,
                          luaL_typename(lua, 2));
    }
    const char *names[NAMES_MAX];
    size_t count = 0;
    luaL_checkstack(lua, NAMES_MAX + 4, NULL);
    lua_Unsigned length = lua_rawlen(lua, lua_upvalueindex(1));
    for (; count < length && count < NAMES_MAX; count++) {
        lua_rawgeti(lua, lua_upvalueindex(1), (lua_Integer)count + 1);
        names[count] = lua_tostring(lua, -1);
    }
    const char *nearest = cg_nearest_name(key, names, count);
    if (!nearest) {
        return luaL_error(lua, "unknown %s \"%s\"; there are none", noun, key);
    }
    return luaL_error(lua, "unknown %s \"%s\"; do you mean \"%s\"?", noun, key, nearest);
}

void sim_sandbox_push_strict(lua_State *lua, const char *noun) {
    lua_pushstring(lua, noun);
    lua_pushcclosure(lua, missing_strict, 2);
    lua_createtable(lua, 0, 1);
    lua_insert(lua, -2);
    lua_setfield(lua, -2, "__index");
}

/* Keys in one order on every machine: false, true, numbers going up, texts by their bytes. */
static int key_rank(lua_State *lua, int index) {
    switch (lua_type(lua, index)) {
    case LUA_TBOOLEAN:
        return lua_toboolean(lua, index);
    case LUA_TNUMBER:
        return 2;
    default:
        return 3;
    }
}

static int key_less(lua_State *lua) {
    int left = key_rank(lua, 1);
    int right = key_rank(lua, 2);
    if (left != right) {
        lua_pushboolean(lua, left < right);
    } else if (left == 3) { /* not lua_compare, which follows the locale */
        size_t left_bytes = 0;
        size_t right_bytes = 0;
        const char *left_text = lua_tolstring(lua, 1, &left_bytes);
        const char *right_text = lua_tolstring(lua, 2, &right_bytes);
        int order =
            memcmp(left_text, right_text, left_bytes < right_bytes ? left_bytes : right_bytes);
        lua_pushboolean(lua, order < 0 || (order == 0 && left_bytes < right_bytes));
    } else {
        lua_pushboolean(lua, left == 2 && lua_compare(lua, 1, 2, LUA_OPLT));
    }
    return 1;
}

/* Iterator; upvalues: keys in order, place of the last one. Entries removed on the way are left
 * out. */
static int next_sorted(lua_State *lua) {
    lua_Integer place = lua_tointeger(lua, lua_upvalueindex(2));
    for (;;) {
        place++;
        lua_settop(lua, 1);
        if (lua_rawgeti(lua, lua_upvalueindex(1), place) == LUA_TNIL) {
            return 1;
        }
        lua_pushvalue(lua, -1);
        if (lua_rawget(lua, 1) != LUA_TNIL) {
            lua_pushinteger(lua, place);
            lua_replace(lua, lua_upvalueindex(2));
            return 2;
        }
    }
}

/* Upvalue 1: table.sort. */
static int sorted_pairs(lua_State *lua) {
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_settop(lua, 1);
    lua_newtable(lua);
    lua_Integer count = 0;
    for (lua_pushnil(lua); lua_next(lua, 1); lua_pop(lua, 1)) {
        int type = lua_type(lua, -2);
        if (type != LUA_TBOOLEAN && type != LUA_TNUMBER && type != LUA_TSTRING) {
            return luaL_error(lua, "pairs needs keys with an order: a %s is none",
                              lua_typename(lua, type));
        }
        lua_pushvalue(lua, -2);
        lua_rawseti(lua, 2, ++count);
    }
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_pushvalue(lua, 2);
    lua_pushcfunction(lua, key_less);
    lua_call(lua, 2, 0);
    lua_pushinteger(lua, 0);
    lua_pushcclosure(lua, next_sorted, 2);
    lua_pushvalue(lua, 1);
    lua_pushnil(lua);
    return 3;
}

/* As tostring, but a table or function is its type, not its address. */
static int plain_tostring(lua_State *lua) {
    luaL_checkany(lua, 1);
    int type = lua_type(lua, 1);
    if (type == LUA_TNIL || type == LUA_TBOOLEAN || type == LUA_TNUMBER ||
        type == LUA_TSTRING) {
        luaL_tolstring(lua, 1, NULL);
    } else {
        lua_pushstring(lua, lua_typename(lua, type));
    }
    return 1;
}

/* Upvalue 1: string.format. */
static int plain_format(lua_State *lua) {
    const char *format = luaL_checkstring(lua, 1);
    for (const char *at = strchr(format, '%'); at; at = strchr(at, '%')) {
        at++;
        at += strspn(at, "-+ #0123456789.");
        if (*at == 'p') {
            return luaL_error(
                lua, "string.format: %%p would print an address, which differs from run "
                     "to run");
        }
        at += *at ? 1 : 0;
    }
    int count = lua_gettop(lua);
    luaL_checkstack(lua, 4, NULL);
    for (int i = 2; i <= count; i++) {
        int type = lua_type(lua, i);
        if (type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TUSERDATA ||
            type == LUA_TLIGHTUSERDATA) {
            lua_pushstring(lua, lua_typename(lua, type));
            lua_replace(lua, i);
        }
    }
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, count, 1);
    return 1;
}

/* Reads a module's text into memory that Lua owns, so that an error leaks nothing. Pushes the
 * text. */
static void push_module_text(lua_State *lua, const char *path, const char *name) {
    char *bytes = lua_newuserdatauv(lua, MODULE_BYTES_MAX + 1, 0); /* first: it may raise */
    FILE *file = fopen(path, "rb");
    if (!file) {
        luaL_error(lua, "there is no module \"%s\" (no file %s)", name, path);
        return;
    }
    size_t size_bytes = fread(bytes, 1, MODULE_BYTES_MAX + 1, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed) {
        luaL_error(lua, "the module \"%s\" cannot be read from %s", name, path);
        return;
    }
    if (size_bytes > MODULE_BYTES_MAX) {
        luaL_error(lua, "the module \"%s\" is larger than %d bytes", name, MODULE_BYTES_MAX);
        return;
    }
    lua_pushlstring(lua, bytes, size_bytes);
    lua_remove(lua, -2);
}

static void check_module_name(lua_State *lua, const char *name, size_t size_bytes) {
    size_t prefix = sizeof module_prefix - 1;
    bool well_formed =
        strncmp(name, module_prefix, prefix) == 0 && strlen(name) == size_bytes &&
        size_bytes > prefix && size_bytes - prefix <= MODULE_NAME_MAX &&
        strspn(name + prefix, "abcdefghijklmnopqrstuvwxyz0123456789_") == size_bytes - prefix;
    if (!well_formed) {
        luaL_error(lua,
                   "require \"%s\": only modules named scenarios.lib.NAME can be loaded "
                   "(NAME of a-z, 0-9 and _)",
                   name);
    }
}

/* Upvalues: table of loaded modules, module source. A module that is being loaded is marked
 * with false. */
static int require_module(lua_State *lua) {
    size_t size_bytes = 0;
    const char *name = luaL_checklstring(lua, 1, &size_bytes);
    sim_module_source *modules = lua_touserdata(lua, lua_upvalueindex(2));
    check_module_name(lua, name, size_bytes);
    lua_settop(lua, 1);
    lua_pushvalue(lua, 1);
    int type = lua_rawget(lua, lua_upvalueindex(1));
    if (type == LUA_TBOOLEAN) {
        return luaL_error(lua, "the module \"%s\" requires itself", name);
    }
    if (type != LUA_TNIL) {
        return 1;
    }
    if (!modules->folder) {
        return luaL_error(lua, "require \"%s\": there is no folder of modules", name);
    }
    const char *stem = name + sizeof module_prefix - 1;
    const char *path = lua_pushfstring(lua, "%s/%s.lua", modules->folder, stem);
    const char *label = lua_pushfstring(lua, "@scenarios/lib/%s.lua", stem);
    push_module_text(lua, path, name);
    const char *text = lua_tolstring(lua, -1, &size_bytes);
    cg_hasher_add_bytes(&modules->hasher, stem, strlen(stem));
    cg_hasher_add_bytes(&modules->hasher, text, size_bytes);
    lua_pushvalue(lua, 1);
    lua_pushboolean(lua, 0);
    lua_rawset(lua, lua_upvalueindex(1));
    if (luaL_loadbufferx(lua, text, size_bytes, label, "t") != LUA_OK) {
        return lua_error(lua);
    }
    lua_call(lua, 0, 1);
    if (lua_isnil(lua, -1) || lua_isboolean(lua, -1)) {
        return luaL_error(lua, "the module \"%s\" must return a table or function, not a %s",
                          name, luaL_typename(lua, -1));
    }
    lua_pushvalue(lua, 1);
    lua_pushvalue(lua, -2);
    lua_rawset(lua, lua_upvalueindex(1));
    return 1;
}

static void remove_field(lua_State *lua, int table, const char *name) {
    lua_pushnil(lua);
    lua_setfield(lua, table, name);
}

static void install_base(lua_State *lua, int globals, sim_module_source *modules) {
    for (size_t i = 0; i < sizeof removed_names / sizeof removed_names[0]; i++) {
        remove_field(lua, globals, removed_names[i]);
    }
    lua_pushcfunction(lua, plain_tostring);
    lua_setfield(lua, globals, "tostring");
    lua_getfield(lua, globals, "table");
    lua_getfield(lua, -1, "sort");
    lua_pushcclosure(lua, sorted_pairs, 1);
    lua_setfield(lua, globals, "pairs");
    lua_pop(lua, 1);
    lua_newtable(lua);
    lua_pushlightuserdata(lua, modules);
    lua_pushcclosure(lua, require_module, 2);
    lua_setfield(lua, globals, "require");
}

static void install_string_and_math(lua_State *lua, int globals) {
    lua_getfield(lua, globals, "string");
    int string = lua_gettop(lua);
    remove_field(lua, string, "dump");
    lua_getfield(lua, string, "format");
    lua_pushcclosure(lua, plain_format, 1);
    lua_setfield(lua, string, "format");
    lua_pop(lua, 1);
    lua_getfield(lua, globals, "math");
    int math = lua_gettop(lua);
    remove_field(lua, math, "random");
    remove_field(lua, math, "randomseed");
    lua_pop(lua, 1);
}

void sim_sandbox_install(lua_State *lua, sim_module_source *modules) {
    static const luaL_Reg libraries[] = {
        {LUA_GNAME, luaopen_base},
        {LUA_TABLIBNAME, luaopen_table},
        {LUA_STRLIBNAME, luaopen_string},
        {LUA_MATHLIBNAME, luaopen_math},
    };
    for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
        luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
        lua_pop(lua, 1);
    }
    lua_pushglobaltable(lua);
    int globals = lua_gettop(lua);
    install_base(lua, globals, modules);
    install_string_and_math(lua, globals);
    lua_createtable(lua, 0, 2);
    lua_pushcfunction(lua, missing_global);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, new_global);
    lua_setfield(lua, -2, "__newindex");
    lua_setmetatable(lua, globals);
    lua_pop(lua, 1);
}
