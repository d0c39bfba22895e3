/* Goal: no script gets out of the sandbox or keeps the program busy: each ends within 10 s in
 * one sentence that names the script, and the process that loads it lives on. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sim/scenario/scenario.h"

static char script[64];

static int make_script(void **state) {
    (void)state;
    snprintf(script, sizeof script, "/tmp/scenario_hostile_XXXXXX");
    int descriptor = mkstemp(script);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_script(void **state) {
    (void)state;
    return unlink(script);
}

typedef struct hostile_script {
    const char *text;
    const char *says;
} hostile_script;

#define END "\nreturn { name = \"s\", point = function() return {} end }"
#define RETURN_CLAIM(body)                                                                     \
    "return { name = \"s\", claims = { { " body " } }, point = function() return {} end }"
#define RETURN_VALUE(value) "return { name = " value ", point = function() return {} end }"

static const hostile_script hostile_scripts[] = {
    /* Endless loops, and errors swallowed on the way. */
    {"while true do end",
     ":1: the script ran more than 100000000 instructions; it may hold an endless loop"},
    {"while true do pcall(function() while true do end end) end", "instructions"},
    {"local function f() return pcall(f) end\nf()", "s"},
    {"pcall(pcall, pcall, function() while true do end end)" END, "instructions"},
    {"return pcall(function() while true do end end)", "instructions"},
    {"local t = {}\ntable.sort({ 3, 1, 2, 5, 4 }, function() while true do end end)" END,
     "instructions"},
    {"string.gsub(\"aaa\", \"a\", function() while true do end end)" END, "instructions"},
    {"return { name = \"s\", point = function() while true do end end }", "instructions"},
    {"xpcall(function() while true do end end, function() while true do end end)",
     "xpcall is not available in a scenario"},
    {"local a = 1\n::top::\ngoto top", ":3: the script ran more than"},
    /* Memory. */
    {"local t = {}\nwhile true do t[#t + 1] = { 1, 2, 3 } end",
     "needs more than 268435456 bytes"},
    {"local s = \"x\"\nwhile true do s = s .. s end",
     "needs more than 268435456 bytes of memory"},
    {"return string.rep(\"x\", 1 << 30)", "needs more than 268435456 bytes of memory"},
    {"return string.rep(\"x\", math.maxinteger)", "resulting string too large"},
    {"return (\"x\"):rep(1e8, \"yyyyyyyy\")", "needs more than 268435456 bytes of memory"},
    {"local ok = pcall(string.rep, \"x\", 1 << 30)\nwhile true do pcall(string.rep, \"x\", 1 "
     "<< 40) end",
     "the script "},
    {"table.concat({}, \"\", 1, 1 << 40)", "invalid value (nil) at index 1"},
    {"table.unpack({}, 1, 1 << 30)", "too many results to unpack"},
    /* Depth. */
    {"local function f() return 1 + f() end\nf()", "stack overflow"},
    {"local function f() f() end\nlocal g = function() pcall(f) end\nwhile true do g() end",
     "endless loop"},
    {"local s = string.rep(\"{\", 100000)\nreturn "
     "{{{{{{{{{{{{{{{{{{{{",
     "near <eof>"},
    /* Patterns: inside one C function, where only the CPU limit reaches. */
    {"string.find(string.rep(\"a\", 50000), string.rep(\"a-\", 50) .. \"b\")",
     "the script took more than 4 s of processor time"},
    /* Code that Lua does not check. */
    {"\033Lua\x54", "is compiled Lua; a scenario must be source text"},
    {"load(\"return 1\")", ":1: load is not available in a scenario"},
    {"local x = string.dump(function() end)", "attempt to call a nil value (field 'dump')"},
    {"dofile(\"/etc/passwd\")", "dofile is not available"},
    {"loadfile(\"/etc/passwd\")", "loadfile is not available"},
    /* The world outside. */
    {"os.execute(\"true\")",
     ":1: os is not available in a scenario, which computes its options"},
    {"io.open(\"/etc/passwd\")", "io is not available"},
    {"local x = 1\nprint(x)", ":2: print is not available"},
    {"debug.sethook()", "debug is not available"},
    {"package.loadlib(\"x\", \"y\")", "package is not available"},
    {"coroutine.wrap(function() while true do end end)()", "coroutine is not available"},
    {"math.random()", "attempt to call a nil value (field 'random')"},
    {"math.randomseed(1)", "attempt to call a nil value (field 'randomseed')"},
    {"collectgarbage(\"stop\")", "collectgarbage is not available"},
    {"require(\"os\")", "only modules named scenarios.lib.NAME"},
    {"require(\"scenarios.lib./../../etc\")", "only modules named scenarios.lib.NAME"},
    {"require(\"scenarios.lib.a\\0b\")", "only modules named scenarios.lib.NAME"},
    {"_G.os = 1", "_G is not available"},
    {"_ENV.x = 1", "cannot assign the global \"x\""},
    {"local e = _ENV\n_ENV = { }\nos.exit()", "attempt to index a nil value (global 'os')"},
    {"rawset(_ENV, \"tostring\", nil)\ntostring(1)", "there is no global \"tostring\""},
    {"return _ENV", "in the scenario; do you mean"},
    /* Metatables. */
    {"setmetatable({}, { __gc = function() while true do end end })",
     "setmetatable is not available"},
    {"getmetatable(\"\").__index = nil", "getmetatable is not available"},
    {"local x <close> = {}", "variable 'x' got a non-closable value"},
    {"return { name = \"s\", point = function(f) f.hosts = 1 return f end }",
     "unknown key \"hosts\" in the point's options"},
    {"local t = { name = \"s\" }\nt.point = function() t.point = nil t.factors = 3 return {} "
     "end\nt.repetitions = "
     "2\nreturn t",
     "attempt to call a nil value"},
    {"local t = {}\nt.cluster = t\nreturn { name = \"s\", point = function() return t end }",
     "unknown key \"cluster\" in cluster"},
    {"string.format = nil\nreturn "
     "5",
     "must return a table, not a number"},
    {"string.format(\"%p\", {})", ":1: string.format: %p would print an address"},
    /* Claims. */
    {"local c = {}\nc[1] = c\nreturn { name = \"s\", claims = c, point = function() return {} "
     "end }",
     "claims[1] holds a table without a name"},
    {RETURN_CLAIM("id = string.rep(\"C\", 1 << 20) .. \"-1\""), "claims[1].id: \"CCCC"},
    {RETURN_CLAIM("id = \"CL-1\\0\""), "claims[1].id holds a control character"},
    {RETURN_CLAIM("id = \"CL-1\\n\""), "claims[1].id holds a control character"},
    {RETURN_CLAIM("id = \"CL-1\", metric = \"a:\" .. string.rep(\"b\", 999)"),
     "claims[1].metric: \"a:bbbb"},
    {RETURN_CLAIM("id = \"CL-1\", metric = \"a:b'); DROP TABLE claim; --\""),
     "is not of the form \"metric:statistic\""},
    {RETURN_CLAIM("id = \"CL-1\", metric = \"a:b\", op = \"<\", bound = 10^400"),
     "claims[1].bound must be a finite number"},
    {RETURN_CLAIM("id = \"CL-1\", metric = \"a:b\", op = \"<\", bound = function() end"),
     "not a function"},
    {RETURN_CLAIM("id = \"CL-1\", metric = \"a:b\", [1] = 2"),
     "claims[1] holds a number without a name"},
    {RETURN_CLAIM("id = \"CL-1\", metric = \"a:b\", op = \"<\", bound = 1, unit = "
                  "string.rep(\"%s\", 30)"),
     "claims[1].unit: \"%s%s"},
    {RETURN_CLAIM("id = \"CL-1\", metric = \"a:b\", where = _ENV"), "claims[1].where"},
    {RETURN_VALUE("function() end"), "name must be a text"},
    {RETURN_VALUE("string.rep(\"x\", 65)"), "name: \"xxxxxxxx"},
    {RETURN_VALUE("\"a\\0b\""), "name holds a control character"},
};

/* Processor time of the children so far: wall time would measure what else the machine does. */
static double children_s(void) {
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void hostile_scripts_end_in_a_sentence(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof hostile_scripts / sizeof hostile_scripts[0]; i++) {
        const hostile_script *hostile = &hostile_scripts[i];
        FILE *file = fopen(script, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(hostile->text, 1, strlen(hostile->text), file),
                         strlen(hostile->text));
        assert_int_equal(fclose(file), 0);
        sim_scenario_request request = {.file = script, .library = "/nowhere", .seed = 1};
        sim_plan *plan = NULL;
        cg_error error = {.message = "none"};
        double start_s = children_s();
        cg_status status = sim_scenario_plan(&request, &plan, &error);
        double taken_s = children_s() - start_s;
        if (status != CG_ERROR_INVALID || !support_contains(error.message, hostile->says) ||
            !support_contains(error.message, "scenario_hostile_") || taken_s > 10.0) {
            fail_msg("script %s\nafter %.1f s: %s \"%s\", wanted \"%s\"", hostile->text,
                     taken_s, cg_status_name(status), error.message, hostile->says);
        }
        assert_null(plan);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_scripts_end_in_a_sentence),
    };
    return cmocka_run_group_tests(tests, make_script, remove_script);
}
