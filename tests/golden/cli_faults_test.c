/* Goal: faults that make no sense get one sentence that says where they stand; those that make the worst
 * of sense (all is lost, everybody is dead, clocks are years apart) end with every request answered or
 * counted as refused, no checker complaining, and the same tables each time.
 */
#include "tests/support/program.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL                                                                                  \
    "graph = { source = \"wordnet\", nodes = 120, held_out = 40 }, cluster = { hosts = 3 },\n" \
    "engine = { index = \"flat\", dims = 32, training = 0, interval = 0, replicas = 2,\n"      \
    "  acknowledge = \"quorum\", failover = true, heartbeat = \"100ms\", election = "          \
    "\"500ms\",\n"                                                                             \
    "  tries = 20, timeout = \"40ms\" },\n"                                                    \
    "load = { facts = 30, requests = 30, rate = 30, audits = 0 },\n"
#define POINT(body)                                                                            \
    "return { name = \"bad\", point = function() return { " SMALL body " } end }\n"

static const struct {
    const char *name;
    const char *text;
    int status;
    const char *says;
} refused[] = {
    {"nobody.lua", POINT("faults = { { at = \"1s\", crash = {} } }"), 2,
     "faults[1].hosts: the action crash names no host"},
    {"everybody.lua", POINT("faults = { { at = \"1s\", partition = { 0, 1, 2 } } }"), 2,
     "a partition names all 3 hosts, so it cuts off nothing"},
    {"stranger.lua", POINT("faults = { { at = \"1s\", disk_loss = { 3 } } }"), 2,
     "faults[1].hosts: host 3 does not exist; cluster.hosts is 3, so hosts are 0 to 2"},
    {"heal.lua", POINT("faults = { { at = \"1s\", heal = \"east\" } }"), 2,
     "faults[1].action: there is no partition named \"east\" to heal at 1s"},
    {"late.lua", POINT("stop = \"1s\", faults = { { at = \"2s\", restart = { 0 } } }"), 2,
     "faults[1].at: 2s is after the run's stop at 1s"},
    {"many.lua",
     POINT("faults = (function() local t = {} for i = 1, 5000 do\n"
           "  t[i] = { at = i .. \"us\", crash = { 0 } } end return t end)()"),
     2, "faults has 5000 entries; the most is 256"},
    {"often.lua", POINT("random = { { action = \"crash\", mean = \"1us\" } }"), 2,
     "random[1]: more than 256 faults are drawn and listed"},
    {"nanosecond.lua", POINT("random = { { action = \"crash\", mean = \"1ns\" } }"), 2,
     "random[1].mean: \"1ns\" is too small; the least is 1us"},
    {"never.lua",
     POINT("random = { { action = \"crash\", mean = \"1s\", at = \"2s\", ends = \"1s\" } }"), 2,
     "random[1].at: it is not before its end"},
    {"ages.lua", POINT("faults = { { at = \"1s\", clock = { 0 }, skew = \"-1000000h\" } }"), 2,
     "faults[1].skew: of \"-1000000h\", behind its sign, \"1000000h\" is too large"},
    {"silence.lua", POINT("phases = {}"), 2,
     "engine.election: 500ms of silence call for an election, but a primary speaks only "
     "every 600ms"},
};

static void test_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char command[160];
        snprintf(command, sizeof command, "exec $P run --quiet -o x.db %s%s", refused[i].name,
                 strcmp(refused[i].name, "silence.lua") == 0 ? " --set engine.heartbeat=600ms"
                                                             : "");
        program_write(refused[i].name, refused[i].text);
        uint64_t before = program_folder_hash();
        program_refuses(command, refused[i].status, refused[i].says);
        assert_true(program_folder_hash() == before);
    }
}

/* The worst, each a point of one sweep. */
static const char worst[] =
    "local worst = {\n"
    "  dead = { { at = \"200ms\", crash = { 0, 1, 2 } }, { at = \"300ms\", crash = { 0 } } },\n"
    "  forgot = { { at = \"200ms\", disk_loss = { 0, 1, 2 }, down = \"1ms\" },\n"
    "    { at = \"300ms\", disk_loss = { 1 }, down = 0 }, { at = \"400ms\", restart = { 1, 2 } "
    "} },\n"
    "  lost = { { at = 0, loss = 1 } },\n"
    "  altered = { { at = 0, corrupt = 1 }, { at = 0, duplicate = 1, copies = 4 },\n"
    "    { at = 0, reorder = 1, hold = \"1min\" } },\n"
    "  slow = { { at = \"100ms\", latency = \"1min\" }, { at = \"100ms\", bandwidth = "
    "\"1Kbps\" } },\n"
    "  years = { { at = 0, clock = { 0 }, skew = \"876000h\", drift_ppm = 1000000 },\n"
    "    { at = 0, clock = { 1 }, skew = \"-876000h\", drift_ppm = -1000000 } },\n"
    "  sides = { { at = \"100ms\", partition = { 0, 1 }, name = \"a\" },\n"
    "    { at = \"100ms\", partition = { 1, 2 }, name = \"b\" },\n"
    "    { at = \"100ms\", action = \"partition\", from = \"0-1\", to = { 1, 2 }, name = \"a\" "
    "},\n"
    "    { at = \"200ms\", heal = \"a\" }, { at = \"300ms\", heal = \"b\" } },\n"
    "  flaps = { { at = 0, flap = { 0 }, period = \"2ns\" } },\n"
    "}\n"
    "return { name = \"worst\",\n"
    "  factors = { { \"what\", { \"dead\", \"forgot\", \"lost\", \"altered\", \"slow\", "
    "\"years\",\n"
    "    \"sides\", \"flaps\" } } },\n"
    "  point = function(factor) return { " SMALL
    " stop = \"5s\", faults = worst[factor.what] } end,\n"
    "  tables = { { name = \"worst\", columns = { \"requests.answered:total\",\n"
    "    \"requests.failed:total\", \"requests.unanswered:total\", \"facts.lost:total\",\n"
    "    \"invariant.violations:total\" } } } }\n";

/* The numbers of a row: answered, failed, unanswered, lost, violations; each has two empty fields behind
 * it, its interval. */
static void read_row(const char *table, const char *what, double numbers[5]) {
    char begin[32];
    snprintf(begin, sizeof begin, "\n%s,built,1,", what);
    const char *row = strstr(table, begin);
    char *at = NULL;
    if (!row) {
        fail_msg("no row of %s in\n%s", what, table);
        return;
    }
    row += strlen(begin);
    for (int i = 0; i < 5; i++, row = at + 3) {
        numbers[i] = strtod(row, &at);
        if (at == row || (i < 4 && strncmp(at, ",,,", 3) != 0)) {
            fail_msg("field %d of %s is no number in\n%s", i, what, table);
        }
    }
}

static void test_worst(void **state) {
    (void)state;
    static const struct {
        const char *what;
        bool heals;   /* all is answered */
        bool is_gone; /* nobody has what was acknowledged, which is counted */
    } rows[] = {{"dead", false, true},     {"forgot", false, true}, {"lost", false, false},
                {"altered", false, false}, {"slow", false, false},  {"years", true, false},
                {"sides", true, false},    {"flaps", false, false}};
    program_write("worst.lua", worst);
    program_result ran = program_run(
        "timeout 60 $P run --quiet -o worst.db worst.lua && $P table --format csv worst.db");
    if (ran.status != 0) {
        fail_msg("the worst made it fail:\n%s", ran.err);
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double numbers[5] = {0};
        read_row(ran.out, rows[i].what, numbers);
        double total = numbers[0] + numbers[1] + numbers[2];
        bool all = numbers[0] > 29.5;
        if (total < 29.5 || total > 30.5 || all != rows[i].heals ||
            (numbers[3] > 0.0) != rows[i].is_gone || numbers[4] > 0.0) {
            fail_msg("%s: %g answered, %g failed, %g open, %g lost, %g violations",
                     rows[i].what, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]);
        }
    }
}

/* What a run writes must not be what it reads, and a search's finds must have a place. */
static void test_output(void **state) {
    (void)state;
    program_write("own.lua", POINT("phases = {}"));
    uint64_t before = program_folder_hash();
    program_refuses("exec $P run own.lua --trace ./own.lua", 2,
                    "--trace: ./own.lua is the scenario itself; name another file");
    program_refuses("exec $P run own.lua --events own.lua", 2,
                    "--events: own.lua is the scenario itself; name another file");
    program_refuses("exec $P fuzz own.lua --seeds 1..2 -o nowhere", 2,
                    "-o: no scenario can be written to nowhere: No such file or directory");
    program_refuses("exec $P fuzz own.lua --seeds 2..1", 2,
                    "--seeds takes a range such as 1..1000, in ascending order");
    assert_true(program_folder_hash() == before);
}

static int set_up(void **state) {
    (void)state;
    program_init(PROGRAM);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    program_deinit();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_worst),
                                       cmocka_unit_test(test_output)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
