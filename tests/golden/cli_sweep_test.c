/* Goal: a sweep loses nothing and repeats itself: what is finished survives an interrupt, a
 * killed program, a killed worker and a full disk; equal runs have equal fingerprints, whatever
 * the number of jobs; an earlier run is kept; a baseline agrees until an option changes.
 */
#include "tests/support/program.h"
#include "tests/support/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { POINTS = 40, SHORT_POINTS = 20, WAIT_MS = 20000 };

#define SMALL "graph = { nodes = 200, held_out = 50 }, "

/* Many short points; `recovery` has no figure before the last points, on four hosts. */
static const char many[] =
    "return { name = \"many\", factors = { { \"hosts\", { 1, 4 } } }, repetitions = 20,\n"
    "  point = function(factor) return { " SMALL "cluster = { hosts = factor.hosts },\n"
    "    load = { facts = 10, audits = 5 },\n"
    "    faults = factor.hosts > 1 and { { at = \"1ms\", action = \"partition\", hosts = { 3 } "
    "},\n"
    "      { at = \"3ms\", action = \"heal\" } } or nil } end,\n"
    "  tables = { { name = \"t\", columns = { \"latency:p99\", \"recovery.requests:max\" } } } "
    "}\n";

/* Short points first, then as many that take minutes, so that an interrupt always lands before
 * the end; with a set bandwidth all are short. */
static const char slow[] =
    "return { name = \"slow\", factors = { { \"hosts\", { 1, 4 } } }, repetitions = 20,\n"
    "  point = function(factor) return { " SMALL "\n"
    "    cluster = { hosts = factor.hosts, network = { bandwidth = \"1Kbps\" } },\n"
    "    load = { facts = factor.hosts > 1 and 50 or 10, audits = 0 } } end,\n"
    "  tables = { { name = \"t\", columns = { \"latency:p99\" } } } }\n";

/* The first point takes minutes, because nothing gets through in time; the second none. */
static const char stuck[] =
    "return { name = \"stuck\", factors = { { \"bandwidth\", { \"1Kbps\", \"10Gbps\" } } },\n"
    "  point = function(factor) return { " SMALL "\n"
    "    cluster = { hosts = 4, network = { bandwidth = factor.bandwidth } },\n"
    "    load = { facts = 50, audits = 0 } } end,\n"
    "  tables = { { name = \"t\", columns = { \"latency:p99\" } } } }\n";

static const char small[] =
    "return { name = \"small\", factors = { { \"hosts\", { 1, 2 } } }, repetitions = 2,\n"
    "  point = function(factor) return { " SMALL "cluster = { hosts = factor.hosts },\n"
    "    load = { facts = 10, audits = 5 } } end,\n"
    "  tables = { { name = \"t\", columns = { \"requests:total\", \"latency:p99\" } } } }\n";

static int set_up(void **state) {
    (void)state;
    program_init(PROGRAM);
    program_write("many.lua", many);
    program_write("slow.lua", slow);
    program_write("stuck.lua", stuck);
    program_write("small.lua", small);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    program_deinit();
    return 0;
}

static void wait_for_point(void) {
    char err[4096] = "";
    for (int waited = 0; waited < WAIT_MS && !strstr(err, "[1/"); waited += 5) {
        program_sleep_ms(5);
        program_err(err, sizeof err);
    }
    if (!strstr(err, "[1/")) {
        fail_msg("no point was finished within %d ms:\n%s", WAIT_MS, err);
    }
}

static pid_t wait_for_child(pid_t process) {
    pid_t child = 0;
    for (int waited = 0; waited < WAIT_MS && child == 0; waited += 5) {
        program_sleep_ms(5);
        child = program_child_of(process);
    }
    assert_int_not_equal(child, 0);
    return child;
}

/* The scenario is read in a process of its own too, but that is over when there is a database.
 */
static pid_t wait_for_worker(pid_t process, const char *database) {
    for (int waited = 0; waited < WAIT_MS && access(database, F_OK) != 0; waited += 5) {
        program_sleep_ms(5);
    }
    return wait_for_child(process);
}

static bool ends_within(pid_t process, int limit_ms) {
    for (int waited = 0; waited < limit_ms && program_is_alive(process); waited += 10) {
        program_sleep_ms(10);
    }
    return !program_is_alive(process);
}

static uint32_t number_before(const char *text, const char *words) {
    const char *at = strstr(text, words);
    assert_non_null(at);
    while (at > text && ((at[-1] >= '0' && at[-1] <= '9') || at[-1] == ' ')) {
        at--;
    }
    return (uint32_t)strtoul(at, NULL, 10);
}

/* Points that the table of slow.db does not call pending. */
static uint32_t finished_points(void) {
    program_result table = program_run_well("$P table slow.db");
    assert_string_equal(table.err, "");
    return POINTS - number_before(table.out, "points are not run yet");
}

static void interrupt_with(int signal_number) {
    pid_t process = program_start("exec $P run slow.lua -o slow.db --jobs 1");
    wait_for_point();
    kill(process, signal_number);
    program_result run = program_wait(process);
    assert_int_equal(run.status, 130);
    assert_string_equal(run.out, "");
    const char *last = strstr(run.err, "cortigrid: interrupted; ");
    assert_non_null(last);
    uint32_t told = number_before(last, " of 40 points are finished and in slow.db");
    assert_in_range(told, 1, SHORT_POINTS);
    assert_int_equal(finished_points(), told);
    /* What is pending has no fingerprint and makes no baseline. */
    program_refuses("$P table slow.db --fingerprint", 2, "has not finished");
    program_refuses("$P bless slow.db slow.tsv", 2, "a baseline needs all of them");
    unlink("slow.db");
}

static void an_interrupt_keeps_finished_points(void **state) {
    (void)state;
    interrupt_with(SIGINT);
    interrupt_with(SIGTERM);
}

/* The terminal sends Ctrl-C to the workers too: their points are pending then, not failed. */
static void an_interrupt_of_the_whole_group(void **state) {
    (void)state;
    pid_t process =
        program_start("setsid sh -c 'exec $P run stuck.lua -o group.db --jobs 1' & wait");
    pid_t leader = wait_for_child(process);
    pid_t worker = wait_for_worker(leader, "group.db");
    kill(-leader, SIGINT);
    (void)program_wait(process);
    assert_true(ends_within(worker, 5000));
    program_result table = program_run_well("$P table group.db");
    assert_non_null(strstr(table.out, "2 points are not run yet"));
    assert_null(strstr(table.out, "failed"));
}

static void a_killed_program_leaves_a_whole_database(void **state) {
    (void)state;
    pid_t process = program_start("exec $P run slow.lua -o slow.db --jobs 2");
    wait_for_point();
    kill(process, SIGKILL);
    program_result run = program_wait(process);
    assert_int_equal(run.status, 1000 + SIGKILL);
    assert_in_range(finished_points(), 1, SHORT_POINTS);
    /* The next run keeps what there was. */
    run = program_run_well("$P run slow.lua -o slow.db --set load.facts=1 "
                           "--set cluster.network.bandwidth=10Gbps");
    assert_non_null(strstr(run.err, "the earlier run is kept as slow-unfinished-1.db"));
    assert_non_null(
        strstr(program_run_well("$P table slow-unfinished-1.db").out, "not run yet"));
}

static void workers_end_with_the_program(void **state) {
    (void)state;
    pid_t process = program_start("exec $P run stuck.lua -o orphan.db --jobs 1");
    pid_t worker = wait_for_worker(process, "orphan.db");
    program_sleep_ms(200);
    assert_true(program_is_alive(worker));
    kill(process, SIGKILL);
    (void)program_wait(process);
    bool ended = ends_within(worker, 5000);
    if (!ended) {
        kill(worker, SIGKILL);
    }
    assert_true(ended);
    assert_non_null(
        strstr(program_run_well("$P table orphan.db").out, "2 points are not run yet"));
}

static void a_killed_worker_is_a_failed_point(void **state) {
    (void)state;
    pid_t process = program_start("exec $P run stuck.lua -o killed.db --jobs 1");
    kill(wait_for_worker(process, "killed.db"), SIGKILL);
    program_result run = program_wait(process);
    assert_int_equal(run.status, 3);
    assert_non_null(strstr(run.err,
                           "the point bandwidth 1Kbps, repetition 1 failed: the worker "
                           "was killed by signal 9"));
    assert_non_null(strstr(run.err, "1 of 2 points failed; their reasons: cortigrid table "));
    program_result table = program_run_well("$P table killed.db");
    assert_non_null(strstr(table.out, "point 0 failed: the worker was killed by signal 9"));
    assert_non_null(strstr(table.out, "10Gbps   built  1"));
}

/* At limits from too small for the plan to a little less than all points need. */
static void a_full_disk_harms_nothing(void **state) {
    (void)state;
    struct stat whole;
    (void)program_run_well("$P run small.lua -o full.db --quiet");
    assert_int_equal(stat("full.db", &whole), 0);
    int blocks = (int)(whole.st_size / 512); /* the unit of ulimit -f */
    const int limits[] = {8, blocks / 2, blocks - 64, blocks - 32, blocks - 16, blocks - 8};
    bool any_begun = false;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        char command[128];
        snprintf(command, sizeof command,
                 "ulimit -f %d; exec $P run small.lua -o full.db --quiet --jobs 1", limits[i]);
        unlink("full.db");
        program_result run = program_run(command);
        assert_int_equal(run.status, 3);
        const char *newline = strchr(run.err, '\n');
        assert_true(strncmp(run.err, "cortigrid: ", 11) == 0 && newline && !newline[1]);
        assert_non_null(strstr(run.err, "full.db"));
        if (access("full.db", F_OK) == 0) {
            any_begun = true;
            (void)program_run_well("$P table full.db");
        }
    }
    assert_true(any_begun);
    unlink("full.db");
    (void)program_run_well("$P run small.lua -o full.db --quiet");
    uint64_t before = program_folder_hash();
    program_refuses("ulimit -f 8; exec $P run small.lua -o full.db --quiet", 3,
                    "cannot keep the earlier results as full-");
    assert_true(program_folder_hash() == before);
}

/* A real one, where mounting is allowed: 256 KiB hold a database, but not a second one. */
static void a_full_file_system(void **state) {
    (void)state;
    static const char mount[] = "mkdir -p disk && exec unshare -m sh -c 'mount -t tmpfs -o "
                                "size=256k none disk && %s'";
    char command[512];
    snprintf(command, sizeof command, mount, "true");
    if (program_run(command).status != 0) {
        print_message("mounting is not allowed: skipped\n");
        skip();
    }
    snprintf(command, sizeof command, mount,
             "$P run small.lua -o disk/a.db --quiet && head -c 60000 /dev/zero >disk/rest; "
             "cp disk/a.db before.db; $P run small.lua -o disk/a.db --quiet; status=$?; "
             "cmp disk/a.db before.db && ls disk >left && exit $status");
    program_refuses(command, 3, "No space left on device");
    assert_string_equal(program_run_well("cat left").out, "a.db\nrest\n");
    snprintf(command, sizeof command, mount,
             "head -c 180000 /dev/zero >disk/rest; $P run many.lua -o disk/b.db --quiet; "
             "status=$?; $P table disk/b.db >left 2>&1; exit $status");
    program_refuses(command, 3, "disk/b.db cannot grow (what it held is unharmed)");
}

static void equal_runs_are_equal(void **state) {
    (void)state;
    (void)program_run_well("$P run small.lua -o one.db --quiet --jobs 1");
    (void)program_run_well("$P run small.lua -o two.db --quiet --jobs 2");
    (void)program_run_well("$P run small.lua -o seed.db --quiet --seed 7");
    char first[64];
    snprintf(first, sizeof first, "%.63s",
             program_run_well("$P table one.db --fingerprint").out);
    assert_int_equal(strlen(first), 17);
    assert_string_equal(program_run_well("$P table two.db --fingerprint").out, first);
    assert_string_not_equal(program_run_well("$P table seed.db --fingerprint").out, first);
    (void)program_run_well(
        "$P table one.db --format csv >one.csv; $P table two.db --format csv >two.csv; "
        "cmp one.csv two.csv");

    /* Run again with another seed: the first is kept under its fingerprint, once. */
    char kept[64];
    snprintf(kept, sizeof kept, "one-%.16s.db", first);
    program_result again = program_run_well("$P run small.lua -o one.db --seed 7");
    assert_non_null(strstr(again.err, kept));
    char command[128];
    snprintf(command, sizeof command, "$P table %s --fingerprint", kept);
    assert_string_equal(program_run_well(command).out, first);
    (void)program_run_well("$P run small.lua -o one.db");
    (void)program_run_well("$P run small.lua -o one.db");
    assert_string_equal(program_run_well("ls one*.db | wc -l").out, "3\n");
    assert_string_equal(program_run_well("$P table one.db --fingerprint").out, first);
}

static void a_baseline_notices_a_change(void **state) {
    (void)state;
    (void)program_run_well("$P run small.lua -o base.db --quiet");
    program_result blessed = program_run_well("$P bless base.db base.tsv");
    assert_non_null(strstr(blessed.out, "figures of small are now base.tsv"));
    program_result same = program_run_well("$P check base.db base.tsv");
    assert_non_null(strstr(same.out, "figures of small agree with base.tsv"));
    assert_string_equal(same.err, "");
    (void)program_run_well(
        "$P run small.lua -o base.db --quiet --set cluster.network.latency=1ms");
    program_result changed = program_run("$P check base.db base.tsv");
    assert_int_equal(changed.status, 1);
    assert_string_equal(changed.err, "");
    assert_non_null(strstr(changed.out, "figures of small differ from base.tsv\n"));
    assert_non_null(strstr(changed.out, "baseline                     now  change\n"));
    assert_non_null(strstr(changed.out, "\n  hosts=2 "));
    assert_non_null(strstr(changed.out, "latency:p99"));
    assert_non_null(strstr(changed.out, " %\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interrupt_keeps_finished_points),
        cmocka_unit_test(an_interrupt_of_the_whole_group),
        cmocka_unit_test(a_killed_program_leaves_a_whole_database),
        cmocka_unit_test(workers_end_with_the_program),
        cmocka_unit_test(a_killed_worker_is_a_failed_point),
        cmocka_unit_test(a_full_disk_harms_nothing),
        cmocka_unit_test(a_full_file_system),
        cmocka_unit_test(equal_runs_are_equal),
        cmocka_unit_test(a_baseline_notices_a_change),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
