/* Goal: `run --trace` writes a trace that a reader of JSON takes, the same bytes every time, and the run
 * is the one that it would be without; `run --events` and `bisect` name the first event at which two runs
 * differ, and say so when none does; what cannot be is one sentence.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/program.h"
#include "tests/support/support.h"
#include "tests/support/trace_check.h"

static const char one[] =
    "-- One point.\n"
    "return { name = \"one\", point = function(factor) return {\n"
    "  graph = { nodes = 200, held_out = 50 },\n"
    "  cluster = { hosts = 3, cores = 2, network = { latency = \"50us\", loss = 0.02 } },\n"
    "  load = { facts = 20, audits = 0, rate = 2000 },\n"
    "  faults = { { at = \"2ms\", action = \"partition\", hosts = { 2 } },\n"
    "    { at = \"30ms\", action = \"heal\" } } } end }\n";

static const char two[] =
    "-- Two points.\n"
    "return { name = \"two\", factors = { { \"hosts\", { 1, 2 } } },\n"
    "  point = function(factor) return {\n"
    "    graph = { nodes = 200, held_out = 50 }, cluster = { hosts = factor.hosts },\n"
    "    load = { facts = 5, audits = 0 } } end }\n";

static int set_up(void **state) {
    (void)state;
    program_init(PROGRAM);
    program_write("one.lua", one);
    program_write("two.lua", two);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    program_deinit();
    return 0;
}

static char *read_text(const char *path) {
    size_t size = 0;
    uint8_t *bytes = support_read_file(path, &size);
    char *text = realloc(bytes, size + 1);
    assert_non_null(text);
    text[size] = '\0';
    return text;
}

static char plain[17]; /* the fingerprint of one.lua */

static void fingerprint_of(const program_result *result, char fingerprint[17]) {
    const char *at = strstr(result->out, "fingerprint  ");
    assert_non_null(at);
    snprintf(fingerprint, 17, "%.16s", at + strlen("fingerprint  "));
}

static void a_trace(void **state) {
    (void)state;
    char traced[17];
    program_result result = program_run_well("$P run one.lua --point 0");
    fingerprint_of(&result, plain);
    assert_string_equal(result.err, "");
    result = program_run_well("$P run one.lua --trace t.json");
    fingerprint_of(&result, traced);
    assert_string_equal(plain, traced);
    assert_non_null(strstr(result.out, "trace        t.json, "));
    (void)program_run_well(
        "$P run one.lua --trace again.json --quiet && cmp t.json again.json");
    char *text = read_text("t.json");
    trace parsed = trace_parse(text);
    trace_check(&parsed);
    assert_int_equal(trace_count(&parsed, 'X', "step", "request allocate"), 20);
    /* Each request's span, with its parts inside. */
    assert_true(trace_count(&parsed, 'b', "request", "allocate") == 20);
    assert_true(trace_count(&parsed, 's', "message", NULL) >=
                trace_count(&parsed, 'f', "message", NULL));
    assert_true(trace_count(&parsed, 'f', "message", NULL) > 20);
    assert_true(trace_count(&parsed, 'i', "dropped", NULL) > 0);
    assert_int_equal(trace_count(&parsed, 'i', "cluster", "partition"), 1);
    assert_int_equal(trace_count(&parsed, 'i', "cluster", "heal"), 1);
    assert_int_equal(trace_count(&parsed, 'M', NULL, "trace_whole"), 1);
    trace_free(&parsed);
    free(text);
}

static void a_trace_that_is_cut(void **state) {
    (void)state;
    program_result result =
        program_run_well("$P run one.lua --trace cut.json --trace-limit 50");
    assert_non_null(strstr(result.out, " more are left out: --trace-limit\n"));
    char *text = read_text("cut.json");
    trace parsed = trace_parse(text);
    trace_check(&parsed);
    assert_int_equal(trace_count(&parsed, 'M', NULL, "trace_cut"), 1);
    assert_int_equal(trace_count(&parsed, 'i', "cluster", "heal"), 1); /* faults are whole */
    trace_free(&parsed);
    free(text);
}

static void one_point_of_two(void **state) {
    (void)state;
    (void)program_run_well("$P run two.lua --trace p1.json --point 1");
    program_refuses("$P run two.lua --trace p.json", 2,
                    "--trace needs one point, and two.lua has 2; choose with --point 0 to "
                    "--point 1");
    program_refuses("$P run two.lua --events -", 2, "--events needs one point");
    program_refuses("$P run two.lua --trace p.json --point 2", 2,
                    "--point: \"2\" is not a whole number from 0 to 1");
    program_refuses("$P run one.lua --trace t.json -o t.db", 2, "leave out -o");
    program_refuses("$P run one.lua --trace t.json --events e", 2, "leave out one");
    program_refuses("$P run one.lua --trace t.json --trace-limit 0", 2, "--trace-limit: \"0\"");
    program_refuses("$P run one.lua --trace /nowhere/t.json", 2,
                    "--trace: cannot write /nowhere/t.json: No such file");
    program_refuses("$P run one.lua --events /nowhere/e", 2, "--events: cannot write");
    program_refuses("$P run one.lua --trace /dev/full", 3,
                    "--trace: cannot write /dev/full: No space left on device");
    program_refuses("$P run one.lua --events /dev/full", 3, "No space left on device");
}

static void equal_runs(void **state) {
    (void)state;
    char expected[256];
    program_result result = program_run_well("$P bisect one.lua --against $P");
    const char *says = strstr(result.out, "no difference: ");
    assert_non_null(says);
    snprintf(expected, sizeof expected, " events, fingerprint %s\n", plain);
    assert_non_null(strstr(says, expected));
    assert_non_null(strstr(result.out, "B: one.lua, run by "));
}

/* A little more latency: the first message that is later is named, with both times. */
static void different_runs(void **state) {
    (void)state;
    program_write("slow.lua", one);
    (void)program_run_well("sed -i 's/50us/51us/' slow.lua");
    static const char *const commands[] = {
        "$P bisect one.lua slow.lua",
        "$P bisect slow.lua one.lua --with cluster.network.latency=50us --with load.rate=2K "
        "--set cluster.network.latency=51us",
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        program_result result = program_run(commands[i]);
        assert_int_equal(result.status, 1);
        assert_string_equal(result.err, "");
        assert_non_null(strstr(result.out, "the runs differ from event "));
        assert_non_null(strstr(result.out, " on: message "));
        const char *time = strstr(result.out, "\n  time ");
        assert_non_null(time);
        uint64_t at_ns[2] = {0, 0};
        unsigned long long ms[2];
        unsigned long long ns[2];
        assert_int_equal(sscanf(time, " time %llu.%llu ms %llu.%llu ms differs", &ms[0], &ns[0],
                                &ms[1], &ns[1]),
                         4);
        for (int side = 0; side < 2; side++) {
            at_ns[side] = (uint64_t)ms[side] * 1000000 + (uint64_t)ns[side];
        }
        assert_int_equal(i == 1 ? at_ns[0] - at_ns[1] : at_ns[1] - at_ns[0], 1000);
    }
}

static void bisect_refuses(void **state) {
    (void)state;
    program_refuses("$P bisect nowhere.lua", 2, "cannot open the scenario nowhere.lua");
    program_refuses("$P bisect one.lua nowhere.lua", 2, "cannot open the scenario nowhere.lua");
    program_refuses("$P bisect two.lua", 2, "choose with --point 0 to --point 1");
    program_refuses("$P bisect one.lua --against /nowhere", 2,
                    "--against: cannot run /nowhere: No such file");
    program_refuses("$P bisect one.lua --against /bin/echo", 3, "these are no events");
    program_refuses("$P bisect", 2, "usage: cortigrid bisect [options] A.lua [B.lua]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace),          cmocka_unit_test(a_trace_that_is_cut),
        cmocka_unit_test(one_point_of_two), cmocka_unit_test(equal_runs),
        cmocka_unit_test(different_runs),   cmocka_unit_test(bisect_refuses),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
