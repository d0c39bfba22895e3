/* Goal: a fault of hosts that a scenario names reaches the hosts that have it, survives its
 * canonical text, and is refused with one clear sentence where it says nonsense. */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "sim/fault/host_schedule.h"
#include "sim/fault/schedule.h"
#include "sim/scenario/fault_text.h"
#include "sim/scenario/host_fault_text.h"

/* --- text ------------------------------------------------------------------- */

typedef struct field {
    const char *name;
    const char *value;
} field;

static cg_status set_all(sim_fault *fault, const field *fields, size_t count, cg_error *error) {
    cg_status status = CG_OK;
    for (size_t i = 0; status == CG_OK && i < count; i++) {
        status = sim_fault_set(fault, fields[i].name, fields[i].value, error);
    }
    return status;
}

static sim_options *options_with(const sim_fault *faults, uint32_t count) {
    sim_options *options = malloc(sizeof *options);
    assert_non_null(options);
    sim_options_default(options);
    options->cluster.hosts = 4;
    options->fault_count = count;
    memcpy(options->faults, faults, count * sizeof *faults);
    return options;
}

static void test_text(void **state) {
    (void)state;
    static const struct {
        field fields[6];
        size_t count;
        const char *described;
    } cases[] = {
        {{{"action", "crash"}, {"hosts", "1"}, {"down", "500ms"}, {"torn", "true"}},
         4,
         "crash: host 1, down 500ms, torn"},
        {{{"action", "crash"}, {"hosts", "3 0"}}, 2, "crash: hosts 3, 0"},
        {{{"action", "restart"}, {"hosts", "2"}}, 2, "restart: host 2"},
        {{{"action", "disk_loss"}, {"hosts", "2"}, {"down", "1s"}},
         3,
         "disk_loss: host 2, down 1s"},
        {{{"action", "corrupt_writes"}, {"hosts", "0"}, {"value", "3"}},
         3,
         "corrupt_writes: host 0, writes 3"},
        {{{"action", "bit_rot"}, {"hosts", "0"}}, 2, "bit_rot: host 0"},
        {{{"action", "slow_disk"}, {"hosts", "1"}, {"value", "2.5"}},
         3,
         "slow_disk: host 1, times 2.5"},
        {{{"action", "slow_host"}, {"hosts", "1"}, {"value", "10"}},
         3,
         "slow_host: host 1, times 10"},
        {{{"action", "clock"}, {"hosts", "2"}, {"skew", "-3h"}, {"drift_ppm", "-50"}},
         4,
         "clock: host 2, skew -3h, drift -50 ppm"},
        {{{"action", "clock"}, {"hosts", "2"}, {"skew", "87600h"}},
         3,
         "clock: host 2, skew 87600h, drift 0 ppm"},
    };
    enum { COUNT = sizeof cases / sizeof *cases };
    sim_fault faults[COUNT];
    cg_error error;
    memset(faults, 0, sizeof faults);
    for (size_t i = 0; i < COUNT; i++) {
        char text[256];
        assert_ok(set_all(&faults[i], cases[i].fields, cases[i].count, &error), error);
        faults[i].at_ns = 1000 + i;
        size_t length = sim_fault_describe(&faults[i], text, sizeof text);
        assert_string_equal(text, cases[i].described);
        assert_int_equal(length, strlen(text));
    }
    assert_true(faults[8].skew_ns == -INT64_C(10800000000000));
    assert_int_equal(faults[8].drift_ppm, -50);
    assert_true(faults[0].down_ns == 500000000 && faults[0].torn);
    /* Into canonical text and back. */
    sim_options *options = options_with(faults, COUNT);
    sim_options *again = malloc(sizeof *again);
    char *text = NULL;
    char *text_again = NULL;
    assert_ok(sim_options_check(options, &error), error);
    assert_ok(sim_options_format(options, &text, &error), error);
    assert_non_null(strstr(text, "faults[1].down = 500000000ns\nfaults[1].torn = true\n"));
    assert_null(strstr(text, "faults[2].down"));
    assert_non_null(strstr(text, "faults[9].skew = -10800000000000ns\n"));
    assert_ok(sim_options_parse(text, again, &error), error);
    assert_ok(sim_options_format(again, &text_again, &error), error);
    assert_string_equal(text, text_again);
    assert_true(sim_fault_hurts_hosts(again));
    again->fault_count = 0;
    assert_false(sim_fault_hurts_hosts(again));
    free(text);
    free(text_again);
    free(again);
    free(options);
}

static void test_bad_text(void **state) {
    (void)state;
    static const struct {
        field fields[3];
        size_t count;
        const char *sentence;
    } cases[] = {
        {{{"action", "slow_disk"}, {"value", "-2"}},
         2,
         "\"-2\" is too small; the least is 0.001"},
        {{{"action", "slow_host"}, {"value", "0"}},
         2,
         "\"0\" is too small; the least is 0.001"},
        {{{"action", "corrupt_writes"}, {"value", "0"}},
         2,
         "\"0\" is too small; the least is 1"},
        {{{"action", "crash"}, {"torn", "perhaps"}},
         2,
         "\"perhaps\" is neither true nor false"},
        {{{"action", "crash"}, {"down", "-1s"}}, 2, "\"-1s\" is too small"},
        {{{"action", "crash"}, {"value", "2"}}, 2, "the action crash takes no value"},
        {{{"action", "restart"}, {"down", "1s"}}, 2, "the action restart takes no down"},
        {{{"action", "slow_disk"}, {"torn", "true"}}, 2, "the action slow_disk takes no torn"},
        {{{"action", "partition"}, {"skew", "1s"}}, 2, "the action partition takes no skew"},
        {{{"action", "clock"}, {"skew", "876001h"}},
         2,
         "\"876001h\" is too large; the greatest is 876000h"},
        {{{"action", "clock"}, {"skew", "--1s"}}, 2, "\"-1s\" is too small; the least is 0"},
        {{{"action", "clock"}, {"drift_ppm", "1000001"}},
         2,
         "is too large; the greatest is 1M"},
        {{{"action", "clock"}, {"drift_ppm", "fast"}}, 2, "\"fast\" is not a whole number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sim_fault fault = {0};
        cg_error error;
        assert_status(set_all(&fault, cases[i].fields, cases[i].count, &error),
                      CG_ERROR_INVALID, error, cases[i].sentence);
    }
}

static void refuse(const sim_fault *fault, const char *sentence) {
    cg_error error;
    sim_options *options = options_with(fault, 1);
    assert_status(sim_options_check(options, &error), CG_ERROR_INVALID, error, sentence);
    free(options);
}

static void test_bad_hosts(void **state) {
    (void)state;
    sim_fault fault = {.action = SIM_FAULT_CRASH, .host_count = 1, .hosts = {4}};
    refuse(&fault, "faults[1].hosts: host 4 does not exist; cluster.hosts is 4, so hosts are 0 "
                   "to 3");
    fault.host_count = 2;
    fault.hosts[0] = 3;
    fault.hosts[1] = 3;
    refuse(&fault, "faults[1].hosts: host 3 is named twice");
    fault.host_count = 0;
    refuse(&fault, "faults[1].hosts: the action crash names no host; list at least one");
    /* All hosts at once, and one of one, are no nonsense here. */
    sim_fault all = {.action = SIM_FAULT_CRASH, .host_count = 4, .hosts = {0, 1, 2, 3}};
    sim_options *options = options_with(&all, 1);
    cg_error error;
    assert_ok(sim_options_check(options, &error), error);
    free(options);
}

/* --- to the hosts ------------------------------------------------------------ */

static cg_status step(void *context, const cg_event *event, cg_outputs *outputs,
                      cg_error *error) {
    (void)context;
    (void)event;
    (void)outputs;
    (void)error;
    return CG_OK;
}

static cg_status restart(void *context, uint64_t life, cg_error *error) {
    (void)context;
    (void)life;
    (void)error;
    return CG_OK;
}

enum { HOSTS = 4 };

static void make(sim_host **hosts, bool restarts) {
    sim_profile profile = {0};
    for (uint32_t i = 0; i < HOSTS; i++) {
        sim_host_options options = {
            .host = i, .hosts = HOSTS, .cores = 1, .keeps_journal = true};
        sim_machine machine = {.step = step, .restart = restarts ? restart : NULL};
        cg_error error;
        assert_ok(sim_host_alloc(&options, &machine, &profile, &(sim_host_sink){0},
                                 cg_allocator_heap(), &hosts[i], &error),
                  error);
    }
}

static void advance(sim_host **hosts, uint64_t now_ns) {
    for (uint32_t i = 0; i < HOSTS; i++) {
        cg_error error;
        assert_ok(sim_host_advance(hosts[i], now_ns, &error), error);
    }
}

static void drop(sim_host **hosts) {
    for (uint32_t i = 0; i < HOSTS; i++) {
        sim_host_free(hosts[i]);
    }
}

/* Those named, at the time, and back when `down` is over if nobody was faster; network faults
 * are left to the fabric. */
static void test_schedule(void **state) {
    (void)state;
    const sim_fault faults[] = {
        {.at_ns = 50, .action = SIM_FAULT_LATENCY, .duration_ns = 7},
        {.at_ns = 100,
         .action = SIM_FAULT_CRASH,
         .host_count = 2,
         .hosts = {1, 3},
         .down_ns = 60},
        {.at_ns = 120, .action = SIM_FAULT_RESTART, .host_count = 1, .hosts = {3}},
        {.at_ns = 200, .action = SIM_FAULT_DISK_LOSS, .host_count = 1, .hosts = {2}},
        {.at_ns = 300,
         .action = SIM_FAULT_CLOCK,
         .host_count = 1,
         .hosts = {0},
         .skew_ns = -100,
         .drift_ppm = 500000},
        {.at_ns = 350, .action = SIM_FAULT_BIT_ROT, .host_count = 1, .hosts = {0}},
    };
    sim_options *options = options_with(faults, 6);
    sim_host *hosts[HOSTS];
    cg_error error;
    make(hosts, true);
    assert_ok(sim_fault_schedule_hosts(options, hosts, &error), error);
    advance(hosts, 99);
    assert_true(sim_host_is_up(hosts[1]) && sim_host_is_up(hosts[3]));
    advance(hosts, 100);
    assert_true(sim_host_is_up(hosts[0]) && sim_host_is_up(hosts[2]));
    assert_false(sim_host_is_up(hosts[1]) || sim_host_is_up(hosts[3]));
    advance(hosts, 159);
    assert_false(sim_host_is_up(hosts[1]));
    assert_true(sim_host_is_up(hosts[3]));
    advance(hosts, 160);
    assert_true(sim_host_is_up(hosts[1]) && sim_host_is_up(hosts[3]));
    assert_int_equal(sim_host_life(hosts[1]), 1);
    assert_int_equal(sim_host_life(hosts[3]), 1); /* not crashed again by its own return */
    advance(hosts, 400);
    assert_false(sim_host_is_up(hosts[2]));
    assert_int_equal(sim_host_statistics_of(hosts[2])->disk_losses, 1);
    assert_int_equal(sim_host_wall_ns(hosts[0], 400), 400 - 100 + 50);
    drop(hosts);
    /* A fabric takes the others, and leaves these alone. */
    sim_fabric_options network = {.hosts = HOSTS, .latency_ns = 5};
    sim_fabric *fabric = NULL;
    assert_ok(sim_fabric_alloc(&network, cg_allocator_heap(), &fabric, &error), error);
    assert_ok(sim_fault_schedule(options, fabric, &error), error);
    assert_int_equal(sim_fabric_latency_ns(fabric, 1000), 7);
    sim_fabric_free(fabric);
    make(hosts, false);
    assert_status(sim_fault_schedule_hosts(options, hosts, &error), CG_ERROR_INVALID, error,
                  "faults[2] (crash): host 1 cannot restart: its machine makes no new node");
    drop(hosts);
    free(options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_bad_text),
        cmocka_unit_test(test_bad_hosts),
        cmocka_unit_test(test_schedule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
