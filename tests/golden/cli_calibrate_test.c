/* Goal: calibrate and validate say what is wrong with their use in one sentence and change nothing; a
 * profile on the command line is the one that a run's times come from, and one that lacks a figure, or
 * has a negative one, is refused by file, line and column.
 */
#include "tests/support/program.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char tiny[] =
    "return { name = \"tiny\", point = function() return {\n"
    "    graph = { nodes = 200, held_out = 20 }, load = { facts = 10, audits = 0 } } end,\n"
    "  tables = { { name = \"latency\", columns = { \"latency:p50\" } } } }\n";

/* Line 29 of the reference is slot's. */
static const char fixtures[] =
    "set -e; R=\"$ROOT/scenarios/profiles/reference.tsv\"\n"
    "sed 's/^step\\tbyte\\t250/step\\tbyte\\t5000000/' \"$R\" >slow.tsv\n"
    "sed 's/^slot\\tbyte\\t55/slot\\tbyte\\t/' \"$R\" >missing.tsv\n"
    "sed 's/^slot\\tbyte\\t55/slot\\tbyte\\t-55/' \"$R\" >negative.tsv\n"
    "sed '/^slot\\t/d' \"$R\" >lacking.tsv";

static int set_up(void **state) {
    (void)state;
    char script[1024];
    program_init(PROGRAM);
    program_write("tiny.lua", tiny);
    snprintf(script, sizeof script, "ROOT='%s'; %s", SOURCE, fixtures);
    program_result made = program_run(script);
    if (made.status != 0) {
        fail_msg("the fixtures could not be made: %s", made.err);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    program_deinit();
    return 0;
}

static void wrong_use(void **state) {
    (void)state;
    static const struct {
        const char *line;
        const char *says;
    } refusals[] = {
        {"calibrate x", "too many operands"},
        {"calibrate --frob", "unknown option --frob; see cortigrid calibrate --help"},
        {"calibrate -o none/x.tsv", "none: no file can be made there: No such file"},
        {"calibrate --folder none", "none: no file can be made there: No such file"},
        {"calibrate --runs 0", "--runs: \"0\" is not a whole number from 1 to 1000"},
        {"validate wall --runs x", "--runs: \"x\" is not a whole number"},
        {"validate frob",
         "unknown validation \"frob\"; there are queueing, cache, wall and all"},
        {"validate queueing cache", "too many operands"},
        {"validate queueing --seeds 3", "--seeds: \"3\" is not a whole number from 20 to 1000"},
        {"validate cache --format csv", "--format: \"csv\" is neither text nor markdown"},
        {"validate wall --profile none.tsv", "cost profile none.tsv cannot be opened"},
        {"validate wall --profile negative.tsv", "negative.tsv:29: fixed_ns is \"-55\""},
        {"run tiny.lua -o x.db --profile none.tsv", "cost profile none.tsv cannot be opened"},
        {"run tiny.lua -o x.db --profile tiny.lua", "tiny.lua:1: the line has 1 columns"},
        {"run tiny.lua -o x.db --profile missing.tsv",
         "missing.tsv:29: fixed_ns is \"\"; it must be a decimal number, not negative"},
        {"run tiny.lua -o x.db --profile negative.tsv",
         "negative.tsv:29: fixed_ns is \"-55\"; it must be a decimal number, not negative"},
        {"run tiny.lua -o x.db --profile lacking.tsv", "kind \"slot\" (unit byte) is missing"},
        {"run tiny.lua -o x.db --profile", "--profile needs a value"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        char command[256];
        snprintf(command, sizeof command, "exec $P %s", refusals[i].line);
        uint64_t before = program_folder_hash();
        program_refuses(command, 2, refusals[i].says);
        assert_true(program_folder_hash() == before);
    }
}

/* The profile's step takes 5 ms; it goes before the scenario's and before --set. */
static void a_profile_is_used(void **state) {
    (void)state;
    static const char *const lines[] = {
        "run tiny.lua -o one.db --quiet",
        "run tiny.lua -o two.db --quiet --profile slow.tsv",
        "run tiny.lua -o three.db --quiet --profile slow.tsv --set profile=none.tsv",
    };
    double latencies_ns[3] = {0.0};
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"one", "two", "three"};
        char command[256];
        snprintf(command, sizeof command,
                 "$P %s && $P table %s.db --columns latency:p50 --format csv | tail -n 1",
                 lines[i], names[i]);
        program_result done = program_run(command);
        assert_int_equal(done.status, 0);
        const char *last = strrchr(done.out, ',');
        assert_non_null(last);
        latencies_ns[i] = strtod(last + 1, NULL);
    }
    assert_true(latencies_ns[0] < 5e6);
    assert_true(latencies_ns[1] > 5e6);
    assert_true(latencies_ns[1] == latencies_ns[2]);
}

static void caches_are_validated(void **state) {
    (void)state;
    program_result done = program_run("exec $P validate cache --quick --format markdown");
    assert_int_equal(done.status, 0);
    assert_int_equal(strncmp(done.out, "| check ", 8), 0);
    assert_non_null(strstr(done.out, "| Che, LRU | Zipf 0.99, 2500 of 10000 keys"));
    assert_null(strstr(done.out, "missed"));
    program_result help = program_run("exec $P calibrate --help");
    assert_int_equal(help.status, 0);
    assert_int_equal(strncmp(help.out, "usage: cortigrid calibrate [options]", 36), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_use),
        cmocka_unit_test(a_profile_is_used),
        cmocka_unit_test(caches_are_validated),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
