/* Goal: hooks run at their simulated times, what they ask for comes back checked and in order,
 * and a mistake in one names file and line. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/scenario/scenario.h"

enum { MS = 1000000, CAPACITY = 8 };

static char script[64];

static int make_script(void **state) {
    (void)state;
    snprintf(script, sizeof script, "/tmp/hooks_test_XXXXXX");
    int descriptor = mkstemp(script);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_script(void **state) {
    (void)state;
    return unlink(script);
}

/* The hooks of a scenario's first point (4 hosts, stop at 10 s) whose point table holds
 * `hooks`. */
static sim_hooks *open_hooks(const char *hooks, sim_plan **plan) {
    FILE *file = fopen(script, "wb");
    assert_non_null(file);
    fprintf(file,
            "local calls = 0\n"
            "return { name = \"h\", factors = { { \"n\", { 7 } } }, point = function(factor)\n"
            "  return { cluster = { hosts = 4 }, stop = \"10s\", hooks = {\n"
            "%s\n"
            "  } } end }\n",
            hooks);
    assert_int_equal(fclose(file), 0);
    sim_scenario_request request = {.file = script, .seed = 1};
    sim_hooks *opened = NULL;
    cg_error error;
    assert_ok(sim_scenario_plan(&request, plan, &error), error);
    assert_ok(sim_hooks_open(*plan, &(*plan)->points[0], NULL, &opened, &error), error);
    return opened;
}

static void close_hooks(sim_hooks *hooks, sim_plan *plan) {
    sim_hooks_close(hooks);
    sim_plan_free(plan);
}

static void a_point_without_hooks_has_none(void **state) {
    (void)state;
    sim_plan *plan = NULL;
    sim_hooks *hooks = open_hooks("", &plan);
    assert_null(hooks);
    close_hooks(hooks, plan);
}

static void controls_become_actions(void **state) {
    (void)state;
    sim_plan *plan = NULL;
    sim_hooks *hooks = open_hooks(
        "{ at = \"3s\", run = function(control) control.note(\"late\") end },\n"
        "{ at = \"2s\", run = function(control, live)\n"
        "  control.partition { 3, 1, one_way = true }\n"
        "  control.heal()\n"
        "  control.latency(\"1ms\")\n"
        "  control.jitter(0.002)\n"
        "  control.loss(\"10%\")\n"
        "  control.note(\"n is \" .. factor.n .. \" p99 \" .. live[\"latency.p99\"])\n"
        "end }",
        &plan);
    sim_live_metric live[] = {{"latency.p99", 0.5}, {"queue.depth", 3.0}};
    sim_hook_action actions[CAPACITY];
    uint32_t count = 0;
    cg_error error;
    assert_int_equal(sim_hooks_next_ns(hooks), 2000 * (uint64_t)MS);
    assert_ok(
        sim_hooks_run(hooks, 1999 * (uint64_t)MS, live, 2, actions, CAPACITY, &count, &error),
        error);
    assert_int_equal(count, 0);
    assert_ok(
        sim_hooks_run(hooks, 2000 * (uint64_t)MS, live, 2, actions, CAPACITY, &count, &error),
        error);
    assert_int_equal(count, 6);
    assert_int_equal(actions[0].fault.action, SIM_FAULT_PARTITION);
    assert_int_equal(actions[0].fault.host_count, 2);
    assert_int_equal(actions[0].fault.hosts[0], 3);
    assert_int_equal(actions[0].fault.hosts[1], 1);
    assert_true(actions[0].fault.one_way);
    assert_int_equal(actions[1].fault.action, SIM_FAULT_HEAL);
    assert_int_equal(actions[2].fault.action, SIM_FAULT_LATENCY);
    assert_int_equal(actions[2].fault.duration_ns, MS);
    assert_int_equal(actions[3].fault.action, SIM_FAULT_JITTER);
    assert_int_equal(actions[3].fault.duration_ns, 2 * MS);
    assert_int_equal(actions[4].fault.action, SIM_FAULT_LOSS);
    assert_true(actions[4].fault.probability >= 0.1 && actions[4].fault.probability <= 0.1);
    assert_true(actions[5].is_note);
    assert_string_equal(actions[5].note, "n is 7 p99 0.5");
    assert_int_equal(sim_hooks_next_ns(hooks), 3000 * (uint64_t)MS);
    assert_ok(
        sim_hooks_run(hooks, 3000 * (uint64_t)MS, live, 2, actions, CAPACITY, &count, &error),
        error);
    assert_int_equal(count, 1);
    assert_string_equal(actions[0].note, "late");
    assert_true(sim_hooks_next_ns(hooks) == UINT64_MAX);
    close_hooks(hooks, plan);
}

static void conditions_are_asked_on_a_grid(void **state) {
    (void)state;
    sim_plan *plan = NULL;
    sim_hooks *hooks =
        open_hooks("{ when = function(live) return live.p99 > 0.05 end, every = \"20ms\",\n"
                   "  times = 2, run = function(control) control.note(\"slow\") end },\n"
                   "{ when = function() calls = calls + 1 return calls > 2 end,\n"
                   "  run = function(control) control.note(\"third\") end }",
                   &plan);
    /* p99 is high at 20, 60 and 80 ms: the first two of them count. The second hook, asked
     * every 10 ms, runs when it is asked the third time. */
    static const double p99[] = {0, 0, 1, 1, 0, 0, 1, 0, 1, 0};
    char log[256] = "";
    uint64_t time_ns = 0;
    while ((time_ns = sim_hooks_next_ns(hooks)) < 100 * MS) {
        sim_live_metric live = {"p99", p99[time_ns / (10 * MS)]};
        sim_hook_action actions[CAPACITY];
        uint32_t count = 0;
        cg_error error;
        assert_int_equal(time_ns % (10 * MS), 0);
        assert_ok(sim_hooks_run(hooks, time_ns, &live, 1, actions, CAPACITY, &count, &error),
                  error);
        for (uint32_t i = 0; i < count; i++) {
            size_t used = strlen(log);
            snprintf(log + used, sizeof log - used, "%s@%d ", actions[i].note,
                     (int)(time_ns / MS));
        }
    }
    assert_string_equal(log, "slow@20 third@20 slow@60 ");
    assert_true(sim_hooks_next_ns(hooks) == UINT64_MAX);
    close_hooks(hooks, plan);
}

static void a_late_call_skips_missed_questions(void **state) {
    (void)state;
    sim_plan *plan = NULL;
    sim_hooks *hooks =
        open_hooks("{ when = function() return false end, run = function() end }", &plan);
    uint32_t count = 0;
    cg_error error;
    assert_int_equal(sim_hooks_next_ns(hooks), 0);
    assert_ok(sim_hooks_run(hooks, 35 * MS, NULL, 0, NULL, 0, &count, &error), error);
    assert_int_equal(sim_hooks_next_ns(hooks), 40 * MS);
    close_hooks(hooks, plan);
}

/* Each control of the network, with what it takes by name. */
static void networks_are_controlled(void **state) {
    (void)state;
    sim_plan *plan = NULL;
    sim_hooks *hooks = open_hooks(
        "{ at = 0, run = function(control)\n"
        "  control.partition { from = \"0-1\", to = { 3 }, name = \"p\", ends = \"4s\" }\n"
        "  control.flap { 2, period = \"10ms\", duty = 0.25, one_way = true }\n"
        "  control.heal(\"p\")\n"
        "  control.latency(\"exponential 1ms\", { from = { 1 }, one_way = true })\n"
        "  control.duplicate(0.5, { copies = 3 })\n"
        "  control.reorder(0.5, { hold = \"2ms\" })\n"
        "  control.corrupt(0.25, { to = { 2 } })\n"
        "  control.bandwidth(\"1Mbps\")\n"
        "end }",
        &plan);
    sim_hook_action actions[CAPACITY];
    uint32_t count = 0;
    cg_error error;
    assert_ok(sim_hooks_run(hooks, 0, NULL, 0, actions, CAPACITY, &count, &error), error);
    assert_int_equal(count, 8);
    assert_int_equal(actions[0].fault.from.ranges[0].last, 1);
    assert_int_equal(actions[0].fault.to.ranges[0].first, 3);
    assert_string_equal(actions[0].fault.name, "p");
    assert_true(actions[0].fault.ends_ns == 4000 * (uint64_t)MS);
    assert_int_equal(actions[1].fault.action, SIM_FAULT_FLAP);
    assert_int_equal(actions[1].fault.hosts[0], 2);
    assert_int_equal(actions[1].fault.period_ns, 10 * MS);
    assert_true(actions[1].fault.one_way && actions[1].fault.duty <= 0.25);
    assert_string_equal(actions[2].fault.name, "p");
    assert_int_equal(actions[3].fault.delay.kind, SIM_DELAY_EXPONENTIAL);
    assert_int_equal(actions[3].fault.from.count, 1);
    assert_int_equal(actions[4].fault.copies, 3);
    assert_int_equal(actions[5].fault.duration_ns, 2 * MS);
    assert_int_equal(actions[6].fault.action, SIM_FAULT_CORRUPT);
    assert_int_equal(actions[7].fault.bits_per_s, 1000000);
    close_hooks(hooks, plan);
}

static void mistakes_name_file_and_line(void **state) {
    (void)state;
    static const struct {
        const char *body;
        const char *says;
    } cases[] = {
        {"local x = nil\nreturn x.y", ":5: attempt to index a nil value (local 'x')"},
        {"control.partition { 4 }", ":4: control.partition: host 4 does not exist; "
                                    "cluster.hosts is 4, so hosts are 0 to 3"},
        {"control.partition(1)", ":4: control.partition takes one list of hosts"},
        {"control.partition({ 1 }, true)", ":4: control.partition takes one list of hosts"},
        {"control.partition { oneway = true }",
         ":4: control.partition takes hosts and one_way"},
        {"control.partition { 0, 1, 2, 3 }", "names all 4 hosts"},
        {"control.partition {}", "names no host"},
        {"control.partition { \"0\" }", "entry 1 is not a host's number, from 0 to 3"},
        {"control.latency(\"1 parsec\")",
         ":4: control.latency: \"1 parsec\" is not a duration"},
        {"control.latency(0)", ":4: control.latency: \"0\" is too small; the least is 1ns"},
        {"control.latency()",
         ":4: control.latency: the value must be a text, number or boolean"},
        {"control.loss(2)", ":4: control.loss: \"2\" is too large; the greatest is 1"},
        {"control.latency(\"1ms\", 3)", ":4: control.latency takes a value and a table"},
        {"control.latency(\"1ms\", { frm = { 1 } })",
         ":4: control.latency takes a value and one_way, from and to"},
        {"control.latency(\"1ms\", { from = { 4 } })",
         ":4: control.latency: from: host 4 does not exist"},
        {"control.flap { 1 }", ":4: control.flap: period is missing"},
        {"control.flap { 1, period = \"x\" }", ":4: control.flap: \"x\" is not a duration"},
        {"control.heal({})", ":4: control.heal: the name must be a text"},
        {"control.reorder(0.1, { hold = \"now\" })", ":4: control.reorder: \"now\" is not one"},
        {"control.note({})", ":4: control.note: the text must be a text"},
        {"control.note(string.rep(\"x\", 256))", "256 bytes long; the most is 255"},
        {"control.heel()", ":4: unknown control \"heel\"; do you mean \"heal\"?"},
        {"return live.p98", ":4: unknown live metric \"p98\"; do you mean \"p99\"?"},
        {"for i = 1, 9 do control.heal() end",
         ":4: hooks ask for more than 8 actions at one time"},
        {"while true do end", ":4: the script ran more than 10000000 instructions"},
        {"while true do pcall(function() while true do end end) end", "10000000 instructions"},
        {"local t = {} while true do t[#t + 1] = {} end", "instructions"},
        {"os.exit()", ":4: os is not available"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        sim_plan *plan = NULL;
        snprintf(text, sizeof text, "{ at = 0, run = function(control, live) %s end }",
                 cases[i].body);
        sim_hooks *hooks = open_hooks(text, &plan);
        sim_live_metric live = {"p99", 0.0};
        sim_hook_action actions[CAPACITY];
        uint32_t count = 77;
        cg_error error;
        cg_status status = sim_hooks_run(hooks, 0, &live, 1, actions, CAPACITY, &count, &error);
        assert_status(status, CG_ERROR_INVALID, error, cases[i].says);
        assert_true(support_contains(error.message, "hooks[1]: /tmp/hooks_test_"));
        assert_int_equal(count, 77);
        close_hooks(hooks, plan);
    }
}

static void a_condition_is_true_or_false(void **state) {
    (void)state;
    sim_plan *plan = NULL;
    sim_hooks *hooks =
        open_hooks("{ when = function() return 0 end, run = function() end }", &plan);
    uint32_t count = 0;
    cg_error error;
    assert_status(sim_hooks_run(hooks, 0, NULL, 0, NULL, 0, &count, &error), CG_ERROR_INVALID,
                  error, "when must return true or false, not a number");
    close_hooks(hooks, plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_point_without_hooks_has_none),
        cmocka_unit_test(controls_become_actions),
        cmocka_unit_test(conditions_are_asked_on_a_grid),
        cmocka_unit_test(a_late_call_skips_missed_questions),
        cmocka_unit_test(networks_are_controlled),
        cmocka_unit_test(mistakes_name_file_and_line),
        cmocka_unit_test(a_condition_is_true_or_false),
    };
    return cmocka_run_group_tests(tests, make_script, remove_script);
}
