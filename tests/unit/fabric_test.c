/* Goal: what the fabric does to a message is a function of seed, pair, number and time alone,
 * with the latencies, shares and cuts that were asked for. */
#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>

#include "sim/cluster/fabric.h"
#include "sim/fault/schedule.h"

static sim_fabric *make(sim_fabric_options options) {
    sim_fabric *fabric = NULL;
    cg_error error;
    assert_ok(sim_fabric_alloc(&options, cg_allocator_heap(), &fabric, &error), error);
    return fabric;
}

static sim_flight send(sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t sent_ns) {
    sim_flight flight;
    cg_error error;
    assert_ok(sim_fabric_send(fabric, from, to, sent_ns, 10, &flight, &error), error);
    return flight;
}

static void change(sim_fabric *fabric, sim_fabric_change wanted) {
    cg_error error;
    assert_ok(sim_fabric_change_at(fabric, &wanted, &error), error);
}

static void test_constant(void **state) {
    (void)state;
    sim_fabric *fabric = make((sim_fabric_options){.hosts = 3, .latency_ns = 50000});
    for (uint64_t i = 0; i < 100; i++) {
        sim_flight flight = send(fabric, 0, 2, i);
        assert_int_equal(flight.copies, 1);
        assert_int_equal(flight.delay_ns[0], 50000);
        assert_int_equal(flight.sequence[0], 2 * i);
        assert_true(sim_fabric_arrive(fabric, 0, 2, i + 50000, 10));
    }
    assert_int_equal(send(fabric, 2, 0, 5).sequence[0], 0); /* numbers belong to the pair */
    sim_fabric_statistics statistics = sim_fabric_statistics_of(fabric);
    assert_int_equal(statistics.sent, 101);
    assert_int_equal(statistics.sent_bytes, 1010);
    assert_int_equal(statistics.delivered, 100);
    assert_int_equal(statistics.delivered_bytes, 1000);
    sim_fabric_free(fabric);
    fabric = make((sim_fabric_options){.hosts = 2}); /* no latency at all is 1 ns */
    assert_int_equal(send(fabric, 0, 1, 0).delay_ns[0], 1);
    sim_fabric_free(fabric);
}

/* Jitter lies in [0, 5000], reaches both ends' neighbourhoods, and has mean 2,500 and variance
 * 5000^2/12. */
static void test_jitter(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    sim_fabric *fabric = make(
        (sim_fabric_options){.hosts = 2, .seed = 7, .latency_ns = 1000, .jitter_ns = 5000});
    double sum = 0.0;
    double squares = 0.0;
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    for (int i = 0; i < COUNT; i++) {
        uint64_t jitter_ns = send(fabric, 1, 0, 0).delay_ns[0] - 1000;
        least = jitter_ns < least ? jitter_ns : least;
        most = jitter_ns > most ? jitter_ns : most;
        sum += (double)jitter_ns;
        squares += (double)jitter_ns * (double)jitter_ns;
    }
    double mean = sum / COUNT;
    double variance = squares / COUNT - mean * mean;
    assert_int_equal(least, 0);
    assert_int_equal(most, 5000);
    assert_true(mean > 2475.0 && mean < 2525.0); /* 5 standard errors */
    assert_true(variance > 0.98 * 5000.0 * 5000.0 / 12.0);
    assert_true(variance < 1.02 * 5000.0 * 5000.0 / 12.0);
    sim_fabric_free(fabric);
}

/* Shares of loss, duplication and reordering are those asked for, and independent. */
static void test_shares(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    sim_fabric *fabric = make((sim_fabric_options){.hosts = 2,
                                                   .seed = 3,
                                                   .latency_ns = 100,
                                                   .loss = 0.1,
                                                   .duplicate = 0.2,
                                                   .reorder = 0.3});
    uint64_t late = 0;
    for (int i = 0; i < COUNT; i++) {
        sim_flight flight = send(fabric, 0, 1, 0);
        assert_false(flight.cut);
        for (uint32_t copy = 0; copy < flight.copies; copy++) {
            assert_true(flight.delay_ns[copy] == 100 || flight.delay_ns[copy] == 200);
            late += flight.delay_ns[copy] == 200;
        }
    }
    sim_fabric_statistics statistics = sim_fabric_statistics_of(fabric);
    assert_in_range(statistics.lost, 9500, 10500);
    assert_in_range(statistics.duplicated, 17400, 18600); /* 0.2 of the 0.9 that are left */
    assert_in_range(statistics.reordered, 26200, 27800);
    assert_int_equal(late, statistics.reordered);
    sim_fabric_free(fabric);
    fabric = make((sim_fabric_options){.hosts = 2, .loss = 1.0});
    assert_int_equal(send(fabric, 0, 1, 0).copies, 0);
    sim_fabric_free(fabric);
}

/* The n-th message of a pair fares the same whatever the other pairs send, and whatever else
 * can happen. */
static void test_streams(void **state) {
    (void)state;
    sim_fabric_options options = {
        .hosts = 4, .seed = 9, .latency_ns = 100, .jitter_ns = 1000000};
    sim_fabric *alone = make(options);
    options.hosts = 5;
    options.duplicate = 0.5;
    sim_fabric *busy = make(options);
    int same = 0;
    for (uint64_t i = 0; i < 200; i++) {
        (void)send(busy, 0, 4, i);
        (void)send(busy, 1, 0, i);
        sim_flight expected = send(alone, 0, 1, i);
        sim_flight flight = send(busy, 0, 1, i);
        assert_int_equal(flight.delay_ns[0], expected.delay_ns[0]);
        assert_int_equal(flight.sequence[0], expected.sequence[0]);
        same += send(alone, 2, 1, i).delay_ns[0] == expected.delay_ns[0];
    }
    assert_true(same < 3); /* another pair has other luck */
    sim_fabric_free(alone);
    sim_fabric_free(busy);
}

static void test_partitions(void **state) {
    (void)state;
    const uint32_t first[] = {1};
    const uint32_t second[] = {2, 3};
    sim_fabric *fabric = make((sim_fabric_options){.hosts = 70, .latency_ns = 10});
    /* Made out of order; both hold together between 200 and 300. */
    change(fabric, (sim_fabric_change){.at_ns = 300, .kind = SIM_FABRIC_HEAL});
    change(fabric,
           (sim_fabric_change){
               .at_ns = 100, .kind = SIM_FABRIC_PARTITION, .hosts = first, .host_count = 1});
    change(fabric, (sim_fabric_change){.at_ns = 200,
                                       .kind = SIM_FABRIC_PARTITION,
                                       .hosts = second,
                                       .host_count = 2,
                                       .one_way = true});
    static const struct {
        uint32_t from;
        uint32_t to;
        uint64_t at_ns;
        bool cut;
    } cases[] = {
        {0, 1, 99, false},  {0, 1, 100, true},   {1, 0, 100, true},   {0, 2, 100, false},
        {1, 0, 299, true},  {1, 0, 300, false},  {2, 0, 199, false},  {2, 0, 200, true},
        {0, 2, 200, false}, {2, 3, 200, false},  {2, 1, 200, true},   {1, 2, 200, true},
        {3, 69, 250, true}, {69, 3, 250, false}, {69, 0, 250, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sim_fabric_is_cut(fabric, cases[i].from, cases[i].to, cases[i].at_ns),
                         cases[i].cut);
    }
    assert_true(send(fabric, 0, 1, 100).cut); /* cut when sent */
    assert_int_equal(send(fabric, 0, 1, 95).copies,
                     1); /* sent before, but due at 105: cut when due */
    assert_false(sim_fabric_arrive(fabric, 0, 1, 105, 10));
    assert_true(send(fabric, 0, 1, 295).cut); /* due after healing, but cut when sent */
    assert_true(sim_fabric_arrive(fabric, 0, 1, 300, 10));
    assert_int_equal(sim_fabric_statistics_of(fabric).cut, 3);
    sim_fabric_free(fabric);
}

/* A change holds from its time on for what is sent then; what is in flight keeps its draw. */
static void test_changes(void **state) {
    (void)state;
    sim_fabric *fabric = make((sim_fabric_options){.hosts = 2, .latency_ns = 1000});
    change(fabric,
           (sim_fabric_change){.at_ns = 500, .kind = SIM_FABRIC_LATENCY, .value_ns = 7000});
    sim_flight before = send(fabric, 0, 1, 499);
    sim_flight after = send(fabric, 0, 1, 500);
    assert_int_equal(before.delay_ns[0], 1000);
    assert_int_equal(after.delay_ns[0], 7000);
    /* Changes of one instant: the last one made wins, and one put in between keeps what came
     * before. */
    change(fabric,
           (sim_fabric_change){.at_ns = 900, .kind = SIM_FABRIC_LATENCY, .value_ns = 1});
    change(fabric,
           (sim_fabric_change){.at_ns = 900, .kind = SIM_FABRIC_LATENCY, .value_ns = 2});
    change(fabric,
           (sim_fabric_change){.at_ns = 700, .kind = SIM_FABRIC_LOSS, .probability = 1.0});
    assert_int_equal(sim_fabric_latency_ns(fabric, 899), 7000);
    assert_int_equal(sim_fabric_latency_ns(fabric, 900), 2);
    assert_int_equal(send(fabric, 0, 1, 699).copies, 1);
    assert_int_equal(send(fabric, 0, 1, 700).copies, 0);
    assert_int_equal(send(fabric, 0, 1, 900).copies, 0);
    sim_fabric_free(fabric);
}

static void test_faults(void **state) {
    (void)state;
    static sim_options options;
    memset(&options, 0, sizeof options);
    options.fault_count = 3;
    options.faults[0] = (sim_fault){.at_ns = 100,
                                    .action = SIM_FAULT_PARTITION,
                                    .hosts = {1, 2},
                                    .host_count = 2,
                                    .one_way = true};
    options.faults[1] =
        (sim_fault){.at_ns = 150, .action = SIM_FAULT_LATENCY, .duration_ns = 1000000};
    options.faults[2] = (sim_fault){.at_ns = 200, .action = SIM_FAULT_HEAL};
    sim_fabric *fabric = make((sim_fabric_options){.hosts = 4, .latency_ns = 10});
    cg_error error;
    assert_ok(sim_fault_schedule(&options, fabric, &error), error);
    assert_true(sim_fabric_is_cut(fabric, 1, 0, 100));
    assert_false(sim_fabric_is_cut(fabric, 0, 1, 100));
    assert_false(sim_fabric_is_cut(fabric, 1, 0, 200));
    assert_int_equal(sim_fabric_latency_ns(fabric, 150), 1000000);
    options.faults[0].hosts[1] = 4;
    assert_status(sim_fault_schedule(&options, fabric, &error), CG_ERROR_INVALID, error,
                  "faults[1] (partition): fabric: a partition names host 4; there are 4 hosts");
    sim_fabric_free(fabric);
    char text[64];
    options.faults[0].hosts[1] = 2;
    size_t length = sim_fault_describe(&options.faults[0], text, sizeof text);
    assert_int_equal(length, strlen(text));
    assert_string_equal(text, "partition: hosts 1, 2 one way");
    assert_int_equal(sim_fault_describe(&options.faults[0], text, 10), 29);
    assert_string_equal(text, "partition");
    (void)sim_fault_describe(&options.faults[1], text, sizeof text);
    assert_string_equal(text, "latency 1000000 ns");
}

static void test_refused(void **state) {
    (void)state;
    sim_fabric *fabric = NULL;
    cg_error error;
    sim_fabric_options options = {.hosts = 0};
    assert_status(sim_fabric_alloc(&options, cg_allocator_heap(), &fabric, &error),
                  CG_ERROR_INVALID, error, "0 hosts");
    options = (sim_fabric_options){.hosts = 2, .loss = 1.5};
    assert_status(sim_fabric_alloc(&options, cg_allocator_heap(), &fabric, &error),
                  CG_ERROR_INVALID, error, "loss is 1.5");
    options = (sim_fabric_options){.hosts = 2, .latency_ns = UINT64_MAX};
    assert_status(sim_fabric_alloc(&options, cg_allocator_heap(), &fabric, &error),
                  CG_ERROR_INVALID, error, "latency");
    assert_null(fabric);
    fabric = make((sim_fabric_options){.hosts = 2});
    sim_fabric_change nan = {.kind = SIM_FABRIC_REORDER, .probability = (double)(0.0F / 1.0F)};
    nan.probability = nan.probability / nan.probability;
    assert_status(sim_fabric_change_at(fabric, &nan, &error), CG_ERROR_INVALID, error,
                  "reorder");
    sim_fabric_free(fabric);
}

static void test_memory(void **state) {
    (void)state;
    bool finished = false;
    for (uint64_t n = 1; !finished; n++) {
        assert_true(n < 1000);
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        sim_fabric *fabric = NULL;
        sim_fabric_options options = {.hosts = 3};
        cg_error error;
        cg_status status =
            sim_fabric_alloc(&options, cg_counting_allocator_view(&counting), &fabric, &error);
        for (uint32_t i = 0; status == CG_OK && i < 20; i++) {
            const uint32_t cut[] = {i % 3};
            sim_fabric_change wanted = {
                .at_ns = 100 - i, .kind = SIM_FABRIC_PARTITION, .hosts = cut, .host_count = 1};
            status = sim_fabric_change_at(fabric, &wanted, &error);
        }
        sim_flight flight;
        for (uint32_t i = 0; status == CG_OK && i < 3; i++) {
            status = sim_fabric_send(fabric, i, (i + 1) % 3, 0, 1, &flight, &error);
        }
        assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
        finished = status == CG_OK;
        sim_fabric_free(fabric);
        assert_int_equal(counting.live_blocks, 0);
        assert_int_equal(counting.live_bytes, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant),   cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_shares),     cmocka_unit_test(test_streams),
        cmocka_unit_test(test_partitions), cmocka_unit_test(test_changes),
        cmocka_unit_test(test_faults),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
