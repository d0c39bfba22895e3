/* Goal: every fault of the network is one line of Lua, which comes back from its canonical text
 * as it was, and each mistake in it gets one sentence. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "sim/fault/schedule.h"
#include "sim/scenario/delay_text.h"
#include "sim/scenario/fault_read.h"

/* Reads "{ ... }" as the faults of a cluster of 8 hosts that runs for 10 s. */
static cg_status read(const char *list, sim_options *options, cg_error *error) {
    char script[2048];
    lua_State *lua = luaL_newstate();
    assert_non_null(lua);
    (void)snprintf(script, sizeof script, "return %s", list);
    if (luaL_dostring(lua, script)) {
        fail_msg("%s", lua_tostring(lua, -1));
    }
    sim_options_default(options);
    options->cluster.hosts = 8;
    options->end_ns = 10000000000;
    cg_status status = CG_OK;
    for (lua_Integer i = 1; status == CG_OK && lua_rawgeti(lua, 1, i) != LUA_TNIL; i++) {
        char place[32];
        (void)snprintf(place, sizeof place, "faults[%d]", (int)i);
        status = sim_fault_read(lua, place, &options->faults[options->fault_count++], error);
        lua_settop(lua, 1);
    }
    lua_close(lua);
    return status == CG_OK ? sim_options_check(options, error) : status;
}

static const struct {
    const char *line;
    const char *text;      /* canonical, of faults[1] */
    const char *described; /* on the time line */
} lines[] = {
    {"{ at = \"2s\", partition = { 0, 1 }, name = \"p1\" }",
     "action = partition|hosts = 0 1|one_way = false|name = p1|",
     "partition \"p1\": hosts 0, 1"},
    {"{ at = 2, action = \"partition\", from = { 0 }, to = { 1 } }",
     "action = partition|one_way = false|from = 0|to = 1|", "partition from 0 to 1"},
    {"{ at = 2, partition = true, from = \"4-7\" }", NULL, NULL},
    {"{ at = 2, action = \"partition\", from = \"4-7\", one_way = true, ends = \"3s\" }",
     "action = partition|one_way = true|from = 4-7|ends = 3000000000ns|",
     "partition from 4-7 one way"},
    {"{ at = 2, latency = \"lognormal 1ms 0.5\", from = { 1, 0 }, to = { 2 } }",
     "action = latency|value = lognormal 1000000ns 0.5|from = 0-1|to = 2|",
     "latency lognormal 1000000ns 0.5 from 0-1 to 2"},
    {"{ at = 2, latency = { \"uniform\", \"1ms\", \"2ms\" } }",
     "action = latency|value = uniform 1000000ns 2000000ns|",
     "latency uniform 1000000ns 2000000ns"},
    {"{ at = 2, latency = { \"trace\", \"1ms\", \"2ms\", \"1us\" }, one_way = true }",
     "action = latency|one_way = true|value = trace 1000000ns 2000000ns 1000ns|",
     "latency trace 1000000ns 2000000ns 1000ns one way"},
    {"{ at = 2, latency = \"pareto 1ms 2.5 50us\" }",
     "action = latency|value = pareto 1000000ns 2.5 50000ns|",
     "latency pareto 1000000ns 2.5 50000ns"},
    {"{ at = 2, latency = \"exponential 1ms\" }",
     "action = latency|value = exponential 1000000ns|", "latency exponential 1000000ns"},
    {"{ at = 2, latency = \"normal 1ms 1us\" }",
     "action = latency|value = normal 1000000ns 1000ns|", "latency normal 1000000ns 1000ns"},
    {"{ at = 2, latency = \"constant 3ms\" }", "action = latency|value = 3000000ns|",
     "latency 3000000 ns"},
    {"{ at = 2, latency = \"3 ms\" }", "action = latency|value = 3000000ns|",
     "latency 3000000 ns"},
    {"{ at = 2, jitter = 0, to = \"0 2 1 5\" }", "action = jitter|value = 0ns|to = 0-2 5|",
     "jitter 0 ns to 0-2, 5"},
    {"{ at = 2, loss = \"100%\" }", "action = loss|value = 1|", "loss 1"},
    {"{ at = 2, duplicate = 0.5, copies = 4 }", "action = duplicate|value = 0.5|copies = 4|",
     "duplicate 0.5"},
    {"{ at = 2, reorder = 0.5, hold = \"exponential 1ms\" }",
     "action = reorder|value = 0.5|hold = exponential 1000000ns|", "reorder 0.5"},
    {"{ at = 2, reorder = 0.5, hold = \"1ms\" }",
     "action = reorder|value = 0.5|hold = 1000000ns|", "reorder 0.5"},
    {"{ at = 2, corrupt = 0.001 }", "action = corrupt|value = 0.001|", "corrupt 0.001"},
    {"{ at = 2, bandwidth = \"1Mbps\", from = { 3 } }",
     "action = bandwidth|value = 1000000|from = 3|", "bandwidth 1000000 bit/s from 3"},
    {"{ at = 2, flap = { 3 }, period = \"200ms\", ends = \"6s\" }",
     "action = flap|hosts = 3|period = 200000000ns|ends = 6000000000ns|",
     "flap: host 3 for 100000000 of each 200000000 ns"},
    {"{ at = 2, flap = { 3 }, period = \"200ms\", duty = 0.1, name = \"f\", one_way = true }",
     "action = flap|hosts = 3|one_way = true|name = f|period = 200000000ns|duty = 0.1|",
     "flap \"f\": host 3 for 20000000 of each 200000000 ns one way"},
};

static void lines_survive_their_text(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        static sim_options options;
        static sim_options back;
        char list[512];
        cg_error error;
        (void)snprintf(list, sizeof list, "{ %s }", lines[i].line);
        cg_status status = read(list, &options, &error);
        if (!lines[i].text) {
            assert_true(status != CG_OK);
            continue;
        }
        if (status != CG_OK) {
            fail_msg("%s: %s", lines[i].line, error.message);
        }
        char *text = NULL;
        assert_ok(sim_options_format(&options, &text, &error), error);
        char found[1024] = "";
        size_t used = 0;
        const char *at = strstr(text, "faults[1].action");
        for (; at; at = strstr(at + 1, "faults[1].")) {
            size_t length = strcspn(at, "\n") - strlen("faults[1].");
            used += (size_t)snprintf(found + used, sizeof found - used, "%.*s|", (int)length,
                                     at + strlen("faults[1]."));
        }
        assert_string_equal(found, lines[i].text);
        assert_ok(sim_options_parse(text, &back, &error), error);
        assert_memory_equal(back.faults, options.faults, sizeof options.faults);
        char said[256];
        (void)sim_fault_describe(&options.faults[0], said, sizeof said);
        assert_string_equal(said, lines[i].described);
        free(text);
    }
}

#define CUT "{ at = 1, partition = { 0 }, name = \"east\" }, "

static const struct {
    const char *list;
    const char *sentence;
} mistakes[] = {
    {"{ { at = 1, latency = \"gaussian 1ms\" } }",
     "faults[1].latency: \"gaussian\" is not one of constant, uniform, normal"},
    {"{ { at = 1, latency = \"lognormal 1ms\" } }",
     "has 1 values behind its name; the law is written as lognormal 1ms 0.5 (median"},
    {"{ { at = 1, latency = \"uniform 2ms 1ms\" } }",
     "uniform from 2ms down to 1ms; put the smaller one first"},
    {"{ { at = 1, latency = \"pareto 1ms 0\" } }", "\"0\" is too small; the least is 0.1"},
    {"{ { at = 1, latency = \"normal 1ms 1parsec\" } }", "\"1parsec\" is not a duration"},
    {"{ { at = 1, latency = 0 } }", "\"0\" is too small; the least is 1ns"},
    {"{ { at = 1, latency = \"2min\" } }", "\"2min\" is too large; the greatest is 1min"},
    {"{ { at = 1, latency = \"1ms\", action = \"loss\" } }",
     "faults[1] says both action and latency; a fault is one action"},
    {"{ { at = 1, latency = \"1ms\", loss = 1 } }",
     "faults[1] says both latency and loss; a fault is one action"},
    {"{ { at = 1, latency = \"1ms\", value = \"2ms\" } }",
     "faults[1].value: faults[1].latency says that already"},
    {"{ { at = 1, latncy = \"1ms\" } }",
     "unknown key \"latncy\" in faults[1]; do you mean \"latency\"?"},
    {"{ { at = 1, latency = \"1ms\", period = 1 } }",
     "faults[1].period: the action latency takes no period"},
    {"{ { at = 1, latency = \"1ms\", from = { 8 } } }",
     "faults[1].from: host 8 does not exist; cluster.hosts is 8, so hosts are 0 to 7"},
    {"{ { at = 1, latency = \"1ms\", to = \"3-9\" } }", "faults[1].to: host 9 does not exist"},
    {"{ { at = 1, latency = \"1ms\", to = \"5-3\" } }",
     "hosts 5 to 3; put the smaller one first"},
    {"{ { at = 1, latency = \"1ms\", to = \"x\" } }", "faults[1].to: \"x\" is not a"},
    {"{ { at = 1, latency = \"1ms\", to = { -1 } } }", "entry 1 is not a host's number"},
    {"{ { at = 1, latency = \"1ms\", to = {} } }", "faults[1].to: no host is named"},
    {"{ { at = 1, partition = {} } }", "a partition names no host"},
    {"{ { at = 1, partition = { 0, 1, 2, 3, 4, 5, 6, 7 } } }", "names all 8 hosts"},
    {"{ { at = 1, action = \"partition\", from = \"0-7\" } }", "names all 8 hosts"},
    {"{ { at = 1, action = \"partition\" } }", "faults[1].hosts is missing"},
    {"{ { at = 1, partition = { 0 }, from = { 1 } } }",
     "hosts and from both name one side; give one of them"},
    {"{ { at = 1, partition = { 0 }, ends = 1 } }", "the partition is over before it begins"},
    {"{ { at = 1, partition = { 0 }, name = \"a name of more than 31 bytes in all\" } }",
     "a name has 1 to 31"},
    {"{ { at = 1, heal = true } }", "there is no partition to heal at 1s"},
    {"{ { at = 1, heal = \"east\" } }", "there is no partition named \"east\" to heal at 1s"},
    {"{ " CUT "{ at = 2, heal = \"esat\" } }",
     "faults[2].name: no partition before it is named \"esat\"; do you mean \"east\"?"},
    {"{ " CUT "{ at = 2, heal = true }, { at = 3, heal = true } }",
     "faults[3].action: there is no partition to heal at 3s"},
    {"{ { at = 1, flap = { 0 } } }", "faults[1].period is missing"},
    {"{ { at = 1, flap = { 0 }, period = \"1s\", duty = 0 } }", "duty is above 0, at most 1"},
    {"{ { at = 1, flap = { 0 }, period = \"1ns\" } }", "the least is 2ns"},
    {"{ { at = 1, duplicate = 1, copies = 5 } }", "\"5\" is too large; the greatest is 4"},
    {"{ { at = 1, bandwidth = 0 } }", "\"0\" is too small; the least is 1Kbps"},
    {"{ { at = 1, corrupt = 1.5 } }", "\"1.5\" is too large; the greatest is 1"},
    {"{ { at = 1, reorder = 1, hold = \"soon\" } }", "faults[1].hold: \"soon\" is not one of"},
    {"{ { at = 1, clock = { 0 }, drift_ppm = -1000001 } }",
     "faults[1].drift_ppm: of \"-1000001\", behind its sign, \"1000001\" is too large"},
    {"{ { at = 1, clock = { 0 }, skew = \"-900000h\" } }", "the greatest is 876000h"},
    {"{ { at = 1, crash = {} } }", "the action crash names no host"},
    {"{ { at = 1, crash = { 8 } } }", "faults[1].hosts: host 8 does not exist"},
    {"{ { at = 1, restart = { 0, 0 } } }", "faults[1].hosts: host 0 is named twice"},
    {"{ { at = 1, crash = { 0 }, torn = \"maybe\" } }", "is neither true nor false"},
    {"{ { at = 1, slow_disk = { 0 } } }", "faults[1].value is missing"},
    {"{ { at = 1, corrupt_writes = { 0 }, value = 0 } }", "the least is 1"},
    {"{ { at = 1 } }", "faults[1].action is missing"},
    {"{ 7 }", "faults[1] must be a table such as"},
};

static void mistakes_get_their_sentence(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        static sim_options options;
        cg_error error = {CG_OK, ""};
        cg_status status = read(mistakes[i].list, &options, &error);
        if (status != CG_ERROR_INVALID ||
            !support_contains(error.message, mistakes[i].sentence)) {
            fail_msg("%s\nmessage \"%s\" lacks \"%s\"", mistakes[i].list, error.message,
                     mistakes[i].sentence);
        }
    }
}

static void names_heal_what_they_name(void **state) {
    (void)state;
    static sim_options options;
    cg_error error;
    sim_delay law;
    sim_fabric *fabric = NULL;
    assert_ok(read("{ { at = 1, partition = { 0 }, name = \"a\" },"
                   "  { at = 1, partition = { 1 }, name = \"b\" },"
                   "  { at = 2, heal = \"a\" }, { at = 3, heal = true },"
                   "  { at = 4, latency = \"7ms\", from = { 2 }, to = { 3 } },"
                   "  { at = 5, bandwidth = \"1Kbps\", from = { 2 }, to = { 3 } } }",
                   &options, &error),
              error);
    assert_ok(sim_options_set(&options, "cluster.network.law", "uniform 5us 6us", &error),
              error);
    assert_ok(sim_options_check(&options, &error), error);
    sim_fabric_options wanted = sim_fault_fabric(&options, &law);
    assert_ok(sim_fabric_alloc(&wanted, cg_allocator_heap(), &fabric, &error), error);
    assert_ok(sim_fault_schedule(&options, fabric, &error), error);
    const uint64_t s = 1000000000;
    assert_true(sim_fabric_is_cut(fabric, 0, 2, s));
    assert_true(sim_fabric_is_cut(fabric, 1, 2, s));
    assert_false(sim_fabric_is_cut(fabric, 0, 2, 2 * s));
    assert_true(sim_fabric_is_cut(fabric, 1, 2, 2 * s));
    assert_false(sim_fabric_is_cut(fabric, 1, 2, 3 * s));
    sim_flight flight;
    assert_ok(sim_fabric_send(fabric, 0, 1, 0, 1, &flight, &error), error);
    assert_in_range(flight.delay_ns[0], 5000, 11000); /* and jitter up to 5 us */
    assert_ok(sim_fabric_send(fabric, 3, 2, 4 * s, 1, &flight, &error), error);
    assert_in_range(flight.delay_ns[0], 7000000, 7005000);
    assert_ok(sim_fabric_send(fabric, 3, 2, 5 * s, 1, &flight, &error), error);
    assert_in_range(flight.delay_ns[0], 15000000, 15005000); /* and 8 ms a byte */
    sim_fabric_free(fabric);
    assert_ok(sim_options_set(&options, "cluster.network.law", "unifrom 5us 6us", &error),
              error);
    assert_status(sim_options_check(&options, &error), CG_ERROR_INVALID, error,
                  "cluster.network.law: \"unifrom\" is not one of");
}

/* More values than a trace holds, and a text that is longer than any law. */
static void long_texts_are_refused(void **state) {
    (void)state;
    char text[2000] = "trace";
    sim_delay law;
    cg_error error;
    for (int i = 0; i < 32; i++) {
        (void)strcat(text, " 1min");
    }
    assert_ok(sim_delay_parse(text, &law, &error), error);
    assert_int_equal(law.trace_count, 32);
    char again[SIM_DELAY_TEXT_BYTES];
    sim_delay back;
    sim_delay_format(&law, again);
    assert_ok(sim_delay_parse(again, &back, &error), error);
    assert_memory_equal(&law, &back, sizeof law);
    (void)strcat(text, " 1min");
    assert_status(sim_delay_parse(text, &law, &error), CG_ERROR_INVALID, error,
                  "has 33 values behind its name");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_status(sim_delay_parse(text, &law, &error), CG_ERROR_INVALID, error,
                  "is not one of");
    assert_status(sim_delay_parse("", &law, &error), CG_ERROR_INVALID, error, "duration");
    assert_status(sim_delay_parse("constant", &law, &error), CG_ERROR_INVALID, error,
                  "has 0 values");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_survive_their_text),
        cmocka_unit_test(mistakes_get_their_sentence),
        cmocka_unit_test(names_heal_what_they_name),
        cmocka_unit_test(long_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
