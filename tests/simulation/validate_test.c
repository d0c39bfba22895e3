/* Goal: the host's cores are the queues that theory knows, its LRU tier has Che's hit rate, and a run
 * repeats; a request is timed beside the same work each time. The table is printed.
 */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/parallel.h"
#include "sim/calibrate/calibrate.h"
#include "sim/validate/caching.h"
#include "sim/validate/queueing.h"

static void test_queues_and_caches(void **state) {
    (void)state;
    static sim_findings findings;
    cg_error error;
    sim_queueing_options queues = sim_queueing_options_default(true);
    queues.length = 0.1;
    queues.threads = 2;
    assert_ok(sim_validate_queueing(&queues, &findings, &error), error);
    const sim_caching_options caches = sim_caching_options_default(true);
    assert_ok(sim_validate_caching(&caches, &findings, &error), error);
    sim_findings_print(&findings, false, stdout);
    assert_int_equal(findings.count, 5 * (5 * 2 + 1) + 1 + 8);
    assert_int_equal(findings.missed, 0);
}

/* Seeds differ, one seed does not; a queue that is asked to be another one is found out. */
static void test_runs_repeat(void **state) {
    (void)state;
    sim_queue_options options = {.servers = 2, .load = 0.7, .customers = 5000, .seed = 7};
    sim_queue_result first;
    sim_queue_result second;
    cg_error error;
    assert_ok(sim_queue_run(&options, &first, &error), error);
    assert_ok(sim_queue_run(&options, &second, &error), error);
    assert_memory_equal(&first, &second, sizeof first);
    options.seed = 8;
    assert_ok(sim_queue_run(&options, &second, &error), error);
    assert_true(first.time != second.time);
    assert_true(first.low < first.time && first.time < first.high);
}

static void test_requests_are_timed(void **state) {
    (void)state;
    enum { COUNT = 32 };
    static sim_timed_request once[COUNT];
    static sim_timed_request twice[COUNT];
    static sim_options point;
    sim_ground *ground = NULL;
    cg_error error;
    const cg_runner serial = cg_runner_serial();
    sim_calibrate_point(SIM_WORDNET_FOLDER, 300, COUNT, &point);
    point.engine.training = 0;
    point.engine.dims = 32;
    assert_ok(sim_ground_build(&point, &serial, NULL, NULL, &ground, &error), error);
    sim_timing_options timing = {.count = COUNT};
    assert_ok(sim_time_requests(ground, &point, &timing, once, &error), error);
    memcpy(twice, once, sizeof twice);
    timing.run = 1;
    assert_ok(sim_time_requests(ground, &point, &timing, twice, &error), error);
    uint32_t kinds[CG_REQUEST_KIND_COUNT] = {0};
    for (int i = 0; i < COUNT; i++) {
        kinds[once[i].kind]++;
        assert_true(once[i].wall_ns > 0.0 && twice[i].wall_ns <= once[i].wall_ns);
        assert_memory_equal(&once[i].work, &twice[i].work, sizeof once[i].work);
        assert_true(once[i].work.operations[CG_WORK_STEP] > 0);
        assert_int_equal(once[i].work.operations[CG_WORK_DISK_WRITE], 0);
    }
    assert_int_equal(kinds[CG_REQUEST_ALLOCATE], 20);
    assert_int_equal(kinds[CG_REQUEST_SEARCH], 6);
    assert_int_equal(kinds[CG_REQUEST_SPREAD], 4);
    assert_int_equal(kinds[CG_REQUEST_GET], 2);
    twice[5].work.units[CG_WORK_STEP]++; /* as if another run had done something else */
    assert_status(sim_time_requests(ground, &point, &timing, twice, &error), CG_ERROR_CORRUPT,
                  error, "request 5 did other work");
    sim_ground_free(ground);
    point.graph.source = SIM_GRAPH_KEYS;
    assert_ok(sim_ground_build(&point, &serial, NULL, NULL, &ground, &error), error);
    assert_status(sim_time_requests(ground, &point, &timing, once, &error), CG_ERROR_INVALID,
                  error, "with texts and facts");
    sim_ground_free(ground);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queues_and_caches),
        cmocka_unit_test(test_runs_repeat),
        cmocka_unit_test(test_requests_are_timed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
