/* Goal: cores share the memory bus. While it keeps up, nothing is slower; beyond that all cores together are
 * as fast as the bus, whatever their number; without a limit cores alone count. */
#include "sim/host/host.h"
#include "sim/host/traffic.h"
#include "tests/support/support.h"

enum { STEPS = 20000, STEP_NS = 1000, ROWS = 10, DIMS = 128 };
/* Of one step: rows of 8-bit codes. */
static const uint64_t step_bytes = (uint64_t)ROWS * (DIMS + 64);

static cg_status work(void *context, const cg_event *event, cg_outputs *outputs,
                      cg_error *error) {
    (void)context;
    cg_work_count(&outputs->work, CG_WORK_DISTANCE_I8, ROWS, (uint64_t)ROWS * DIMS);
    cg_output reply = {.kind = CG_OUTPUT_REPLY, .reply = {.request_id = event->id}};
    return cg_outputs_add(outputs, &reply, 0, NULL, error);
}

static cg_status hear(void *context, uint32_t host, uint64_t now_ns, const cg_reply *reply,
                      const sim_ledger *ledger, cg_error *error) {
    (void)host;
    (void)reply;
    (void)error;
    assert_int_equal(sim_ledger_total_ns(ledger), now_ns - ledger->start_ns);
    uint64_t *last_ns = context;
    *last_ns = now_ns;
    return CG_OK;
}

/* All steps at once; when the last one ends. */
static uint64_t end_of(uint32_t cores, uint64_t bytes_per_s, sim_host_statistics *statistics) {
    sim_profile profile = {0};
    profile.entries[CG_WORK_DISTANCE_I8].fixed_ps = STEP_NS * 1000 / ROWS;
    uint64_t last_ns = 0;
    sim_host_options options = {.hosts = 1, .cores = cores, .memory_bytes_per_s = bytes_per_s};
    sim_machine machine = {.step = work};
    sim_host_sink sink = {.reply = hear, .context = &last_ns};
    sim_host *host = NULL;
    cg_error error;
    assert_ok(
        sim_host_alloc(&options, &machine, &profile, &sink, cg_allocator_heap(), &host, &error),
        error);
    for (uint64_t id = 1; id <= STEPS; ++id) {
        sim_delivery delivery = {.kind = CG_EVENT_REQUEST, .sequence = id, .id = id};
        assert_ok(sim_host_deliver(host, &delivery, &error), error);
    }
    while (sim_host_next_ns(host) != UINT64_MAX) {
        assert_ok(sim_host_advance(host, sim_host_next_ns(host), &error), error);
    }
    *statistics = *sim_host_statistics_of(host);
    sim_host_free(host);
    assert_int_equal(statistics->bus_bytes, STEPS * step_bytes);
    return last_ns;
}

static void test_bytes(void **state) {
    (void)state;
    cg_work work = {{0}, {0}};
    assert_int_equal(sim_traffic_bytes(&work), 0);
    cg_work_count(&work, CG_WORK_DISTANCE_I8, 10, 1280);
    assert_int_equal(sim_traffic_bytes(&work), 10 * 64 + 1280);
    cg_work_count(&work, CG_WORK_DISTANCE_I1, 1, 129); /* rounded up in the end, once */
    assert_int_equal(sim_traffic_bytes(&work), 10 * 64 + 1280 + 64 + 17);
    cg_work_count(&work, CG_WORK_TIER_L1, 5, 500); /* a core's own cache */
    assert_int_equal(sim_traffic_bytes(&work), 10 * 64 + 1280 + 64 + 17);
    work.units[CG_WORK_GRAPH_READ] = UINT64_MAX;
    assert_int_equal(sim_traffic_bytes(&work), UINT64_MAX / 8 + 1);
}

static void test_cores_or_bus(void **state) {
    (void)state;
    sim_host_statistics statistics;
    for (uint32_t cores = 1; cores <= 128; cores *= 2) {
        uint64_t alone_ns = (STEPS + cores - 1) / cores * STEP_NS;
        assert_int_equal(end_of(cores, 0, &statistics), alone_ns);
        assert_int_equal(statistics.stalled_ns, 0);
        /* A bus that feeds eight cores: 1.92 bytes/ns each. The first steps do not know yet who comes. */
        uint64_t bus_ns = STEPS * STEP_NS / 8;
        uint64_t least_ns = alone_ns > bus_ns ? alone_ns : bus_ns;
        uint64_t end_ns = end_of(cores, 8 * step_bytes * (1000000000 / STEP_NS), &statistics);
        assert_in_range(end_ns, least_ns - least_ns / 50, least_ns + least_ns / 50);
        assert_true((statistics.stalled_ns > 0) == (cores > 8));
        assert_true(cores > 8 || end_ns == alone_ns);
        assert_int_equal(statistics.core_busy_ns, STEPS * STEP_NS + statistics.stalled_ns);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_cores_or_bus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
