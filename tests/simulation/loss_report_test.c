/* Goal: the report finds what was lost and what is missing. Under primary a host that is cut off goes on
 * alone, and what it acknowledged then goes with its disk; under quorum nothing does. A spread with a dead
 * host has less than the truth, and says how much; with all hosts there is nothing to judge.
 */
#include "tests/support/points.h"

#define CLUSTER                                                                                \
    "cluster.hosts", "3", "engine.replicas", "2", "engine.failover", "true",                   \
        "engine.election", "300ms", "engine.heartbeat", "60ms"

static const uint64_t second_ns = 1000000000;

static void add(sim_options *options, uint64_t at_ns, sim_fault_action action,
                uint64_t down_ns) {
    options->faults[options->fault_count++] = (sim_fault){
        .at_ns = at_ns, .action = action, .hosts = {0}, .host_count = 1, .down_ns = down_ns};
}

static char *run(const sim_options *options) {
    uint64_t fingerprint = 0;
    sim_ground *ground = point_ground(options);
    char *rows = point_run(options, ground, SIM_LOOP_BARE, &fingerprint);
    sim_ground_free(ground);
    return rows;
}

static char *lose_a_disk(const char *acknowledge) {
    static sim_options options;
    const char *const settings[] = {
        CLUSTER, "graph.nodes",        "300",       "graph.held_out",
        "100",   "engine.dims",        "32",        "engine.index",
        "flat",  "engine.training",    "0",         "load.facts",
        "100",   "load.rate",          "20",        "load.audits",
        "0",     "engine.acknowledge", acknowledge, NULL};
    point_options(&options, settings);
    add(&options, second_ns, SIM_FAULT_PARTITION, 0);
    add(&options, 3 * second_ns, SIM_FAULT_DISK_LOSS, second_ns / 10);
    options.faults[options.fault_count++] =
        (sim_fault){.at_ns = 4 * second_ns, .action = SIM_FAULT_HEAL};
    return run(&options);
}

static void test_what_primary_loses(void **state) {
    (void)state;
    char *rows = lose_a_disk("primary");
    assert_true(point_total(rows, "facts.lost") > 0);
    assert_true(point_total(rows, "facts.lost") < point_total(rows, "facts.acknowledged"));
    double window_ns = point_figure(rows, "facts.lost_window", "max");
    assert_true(window_ns > 0 && window_ns <= 2.0 * (double)second_ns);
    free(rows);
}

static void test_what_quorum_keeps(void **state) {
    (void)state;
    char *rows = lose_a_disk("quorum");
    assert_int_equal(point_total(rows, "facts.lost"), 0);
    assert_near(point_figure(rows, "facts.lost_window", "max"), 0.0, 0.0);
    assert_true(point_total(rows, "facts.acknowledged") > 50);
    /* Others took over host 0's partition when it was cut off, before its disk was lost. */
    assert_true(point_figure(rows, "requests.during", "share") < 100.0);
    free(rows);
}

static char *spread_without(bool crashes) {
    static sim_options options;
    const char *const settings[] = {"cluster.hosts",
                                    "3",
                                    "graph.source",
                                    "synthetic",
                                    "graph.nodes",
                                    "600",
                                    "graph.parts",
                                    "3",
                                    "engine.spread.across",
                                    "exact",
                                    "load.spread",
                                    "1",
                                    "load.rate",
                                    "100",
                                    "load.requests",
                                    "90",
                                    "load.spread_hops",
                                    "1",
                                    "engine.spread.fan_out",
                                    "true",
                                    NULL};
    point_options(&options, settings);
    if (crashes) {
        add(&options, second_ns / 2, SIM_FAULT_CRASH, 0);
    }
    return run(&options);
}

static void test_what_is_missing(void **state) {
    (void)state;
    char *rows = spread_without(true);
    assert_true(point_total(rows, "spread.partial") > 10);
    double stated = point_figure(rows, "spread.coverage", "mean");
    double received = point_figure(rows, "spread.received", "mean");
    assert_true(stated < 99.0 && received < stated && received > 20.0);
    /* Of one hop all that is lost is known: what was sent there, and nothing comes of it. */
    assert_true(point_figure(rows, "spread.coverage_error", "mean") < 1000.0);
    free(rows);
    rows = spread_without(false);
    assert_int_equal(point_total(rows, "spread.partial"), 0);
    assert_near(point_figure(rows, "spread.coverage", "mean"), 100.0, 0.0);
    assert_null(point_line(rows, "metric", "spread.received", "mean"));
    free(rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_primary_loses),
        cmocka_unit_test(test_what_quorum_keeps),
        cmocka_unit_test(test_what_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
