/* Goal: arrivals have the rate, the law and the independence that were asked for, to the byte
 * each time. */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "sim/workload/arrival.h"

static sim_workload plan(sim_load_options options, uint32_t available, uint32_t hosts,
                         uint64_t seed) {
    sim_workload workload;
    cg_error error;
    assert_ok(sim_workload_plan(&options, available, hosts, seed, cg_allocator_heap(),
                                &workload, &error),
              error);
    return workload;
}

/* k-th arrival at start + k / rate, rounded: no drift over a million at 3 Hz. */
static void test_constant(void **state) {
    (void)state;
    sim_load_options options = {
        .arrival = SIM_ARRIVAL_CONSTANT, .rate_hz = 3.0, .facts = 100000, .start_ns = 5};
    sim_workload workload = plan(options, 100000, 1, 1);
    assert_int_equal(workload.requests[0].at_ns, 5);
    assert_int_equal(workload.requests[1].at_ns, 5 + 333333333);
    assert_int_equal(workload.requests[2].at_ns, 5 + 666666667);
    assert_int_equal(workload.requests[99999].at_ns, 5 + UINT64_C(33333000000000));
    sim_workload_deinit(&workload);
}

/* Exponential gaps: mean 1/rate, deviation 1/rate, and a share 1/e beyond the mean. */
static void test_poisson(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    sim_load_options options = {
        .arrival = SIM_ARRIVAL_POISSON, .rate_hz = 1000.0, .facts = COUNT};
    sim_workload workload = plan(options, COUNT, 4, 5);
    double squares = 0.0;
    uint32_t beyond = 0;
    uint64_t last_ns = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(workload.requests[i].at_ns >= last_ns);
        double gap_ns = (double)(workload.requests[i].at_ns - last_ns);
        squares += gap_ns * gap_ns;
        beyond += gap_ns > 1e6;
        last_ns = workload.requests[i].at_ns;
    }
    double mean_ns = (double)last_ns / COUNT;
    assert_true(mean_ns > 0.987e6 && mean_ns < 1.013e6); /* 4 standard errors */
    assert_true(squares / COUNT > 1.93e12 && squares / COUNT < 2.07e12);
    assert_in_range(beyond, 36000, 37600);
    sim_workload_deinit(&workload);
}

/* Each fact at most once, in an order that the seed decides; gateways even; audits evenly
 * spread. */
static void test_facts(void **state) {
    (void)state;
    enum { AVAILABLE = 5000, COUNT = 4000, HOSTS = 4, AUDITS = 100 };
    sim_load_options options = {.rate_hz = 10.0, .facts = COUNT, .audits = AUDITS};
    sim_workload workload = plan(options, AVAILABLE, HOSTS, 8);
    assert_int_equal(workload.count, COUNT);
    static bool seen[AVAILABLE];
    memset(seen, 0, sizeof seen);
    uint32_t by_host[HOSTS] = {0};
    uint32_t audits = 0;
    uint32_t in_place = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        const sim_request_plan *request = &workload.requests[i];
        assert_true(request->fact < AVAILABLE && !seen[request->fact]);
        seen[request->fact] = true;
        by_host[request->host]++;
        audits += request->audit;
        in_place += request->fact == i;
        if ((i + 1) % (COUNT / AUDITS) == 0) {
            assert_int_equal(audits, (i + 1) / (COUNT / AUDITS));
        }
    }
    assert_true(in_place < 10);
    for (uint32_t host = 0; host < HOSTS; host++) {
        assert_in_range(by_host[host], 880, 1120);
    }
    sim_workload_deinit(&workload);
    options.facts = 1000000; /* more than there are */
    options.audits = 1000000;
    workload = plan(options, 10, 1, 8);
    assert_int_equal(workload.count, 10);
    for (uint32_t i = 0; i < 10; i++) {
        assert_true(workload.requests[i].audit);
        assert_int_equal(workload.requests[i].host, 0);
    }
    sim_workload_deinit(&workload);
}

/* Streams by name: another number of hosts moves no arrival and no fact; another seed moves
 * all. */
static void test_streams(void **state) {
    (void)state;
    sim_load_options options = {.rate_hz = 100.0, .facts = 500};
    sim_workload one = plan(options, 500, 1, 1);
    sim_workload many = plan(options, 500, 16, 1);
    sim_workload other = plan(options, 500, 16, 2);
    uint32_t same = 0;
    for (uint32_t i = 0; i < 500; i++) {
        assert_int_equal(one.requests[i].at_ns, many.requests[i].at_ns);
        assert_int_equal(one.requests[i].fact, many.requests[i].fact);
        same += many.requests[i].at_ns == other.requests[i].at_ns;
    }
    assert_true(same < 5);
    sim_workload_deinit(&one);
    sim_workload_deinit(&many);
    sim_workload_deinit(&other);
}

static void test_refused(void **state) {
    (void)state;
    sim_workload workload;
    cg_error error;
    sim_load_options options = {.rate_hz = 100.0, .facts = 5};
    cg_allocator heap = cg_allocator_heap();
    assert_status(sim_workload_plan(&options, 0, 1, 1, heap, &workload, &error),
                  CG_ERROR_INVALID, error, "5 facts wanted of 0");
    options.rate_hz = 0.0;
    assert_status(sim_workload_plan(&options, 5, 1, 1, heap, &workload, &error),
                  CG_ERROR_INVALID, error, "rate 0/s");
    options.rate_hz = 1e-9;
    assert_status(sim_workload_plan(&options, 5, 1, 1, heap, &workload, &error),
                  CG_ERROR_INVALID, error, "after 72h");
    for (uint64_t n = 1; n <= 2; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, heap);
        counting.fail_at = n;
        options.rate_hz = 100.0;
        assert_status(sim_workload_plan(&options, 5, 1, 1,
                                        cg_counting_allocator_view(&counting), &workload,
                                        &error),
                      CG_ERROR_MEMORY, error, "no memory");
        assert_int_equal(counting.live_blocks, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant), cmocka_unit_test(test_poisson),
        cmocka_unit_test(test_facts),    cmocka_unit_test(test_streams),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
