/* Reading plain Lua tables. */
#include "sim/scenario/lua_read.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "engine/base/nearest.h"
#include "engine/fact/tokenise.h"
#include "sim/scenario/units.h"

int sim_lua_field(lua_State *lua, int index, const char *name) {
    int table = lua_absindex(lua, index);
    lua_pushstring(lua, name);
    return lua_rawget(lua, table);
}

static bool is_known(const char *key, size_t size_bytes, const char *const *known,
                     size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strlen(known[i]) == size_bytes && memcmp(known[i], key, size_bytes) == 0) {
            return true;
        }
    }
    return false;
}

cg_status sim_lua_check_keys(lua_State *lua, int index, const char *place,
                             const char *const *known, size_t known_count, cg_error *error) {
    int table = lua_absindex(lua, index);
    const char *unknown = NULL; /* held by the table, which nobody changes meanwhile */
    bool unnamed = false;
    const char *unnamed_type = NULL;
    for (lua_pushnil(lua); lua_next(lua, table); lua_pop(lua, 1)) {
        if (lua_type(lua, -2) != LUA_TSTRING) {
            unnamed = true;
            unnamed_type = luaL_typename(lua, -1);
            continue;
        }
        size_t size_bytes = 0;
        const char *key = lua_tolstring(lua, -2, &size_bytes);
        if (!is_known(key, size_bytes, known, known_count) &&
            (!unknown || strcmp(key, unknown) < 0)) {
            unknown = key;
        }
    }
    if (unknown) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "unknown key \"%.80s\" in %s; do you mean \"%s\"?", unknown, place,
                            cg_nearest_name(unknown, known, known_count));
    }
    if (unnamed) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s holds a %s without a name; its keys are names such as \"%s\"",
                            place, unnamed_type, known[0]);
    }
    return CG_OK;
}

cg_status sim_lua_list(lua_State *lua, int index, const char *place, uint32_t most,
                       uint32_t *out, cg_error *error) {
    int table = lua_absindex(lua, index);
    if (lua_type(lua, table) != LUA_TTABLE) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s must be a list, not a %s", place,
                            luaL_typename(lua, table));
    }
    lua_Unsigned length = lua_rawlen(lua, table);
    lua_Unsigned seen = 0;
    bool plain = true;
    for (lua_pushnil(lua); lua_next(lua, table); lua_pop(lua, 1)) {
        seen++;
        plain = plain && lua_isinteger(lua, -2) && lua_tointeger(lua, -2) >= 1 &&
                (lua_Unsigned)lua_tointeger(lua, -2) <= length;
    }
    if (!plain || seen != length) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s must be a plain list { a, b, ... }, without names or gaps",
                            place);
    }
    if (length > most) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s has %" PRIu64 " entries; the most is %" PRIu32, place,
                            (uint64_t)length, most);
    }
    *out = (uint32_t)length;
    return CG_OK;
}

bool sim_text_is_printable(const char *text, size_t size_bytes) {
    size_t bad = 0;
    for (size_t i = 0; i < size_bytes; i++) {
        unsigned char byte = (unsigned char)text[i];
        bool second = i > 0 && (unsigned char)text[i - 1] == 0xc2; /* of U+0080 to U+00BF */
        if (byte < 0x20 || byte == 0x7f || (second && byte < 0xa0)) {
            return false;
        }
    }
    return cg_utf8_check(text, size_bytes, &bad);
}

static void number_text(lua_State *lua, int index, char *text, size_t capacity) {
    if (lua_isinteger(lua, index)) {
        snprintf(text, capacity, "%" PRId64, (int64_t)lua_tointeger(lua, index));
        return;
    }
    double value = lua_tonumber(lua, index);
    if (isfinite(value)) {
        char digits[SIM_UNITS_TEXT_BYTES];
        sim_units_format_real(value, digits);
        snprintf(text, capacity, "%s", digits);
    } else { /* for the sentence that refuses it */
        snprintf(text, capacity, "%s", value > 0 ? "inf" : value < 0 ? "-inf" : "nan");
    }
}

cg_status sim_lua_text(lua_State *lua, int index, const char *place, char *text,
                       size_t capacity, cg_error *error) {
    CG_ASSERT(capacity >= SIM_UNITS_TEXT_BYTES);
    int type = lua_type(lua, index);
    if (type == LUA_TNUMBER) {
        number_text(lua, index, text, capacity);
        return CG_OK;
    }
    if (type == LUA_TBOOLEAN) {
        snprintf(text, capacity, "%s", lua_toboolean(lua, index) ? "true" : "false");
        return CG_OK;
    }
    if (type != LUA_TSTRING) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s must be a text, number or boolean, not a %s", place,
                            lua_typename(lua, type));
    }
    size_t size_bytes = 0;
    const char *value = lua_tolstring(lua, index, &size_bytes);
    if (size_bytes == 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s is an empty text", place);
    }
    if (size_bytes >= capacity) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s: \"%.40s...\" is %zu bytes long; the most is %zu", place, value,
                            size_bytes, capacity - 1);
    }
    if (!sim_text_is_printable(value, size_bytes)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s holds a control character or is not UTF-8", place);
    }
    memcpy(text, value, size_bytes + 1);
    return CG_OK;
}

cg_status sim_text_copy(const char *text, char **out, cg_error *error) {
    size_t size_bytes = strlen(text) + 1;
    char *copy = malloc(size_bytes);
    if (!copy) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a text of %zu bytes",
                            size_bytes);
    }
    memcpy(copy, text, size_bytes);
    *out = copy;
    return CG_OK;
}
