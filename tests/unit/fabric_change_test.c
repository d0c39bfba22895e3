/* Goal: changes of some pairs, named, flapping and partial partitions, slow lines, copies, holds
 * and alterations do exactly what they say, and what is odd has a stated effect. */
#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>

#include "sim/cluster/fabric.h"

static sim_fabric *make(sim_fabric_options options) {
    sim_fabric *fabric = NULL;
    cg_error error;
    assert_ok(sim_fabric_alloc(&options, cg_allocator_heap(), &fabric, &error), error);
    return fabric;
}

static sim_flight send(sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t sent_ns,
                       size_t size_bytes) {
    sim_flight flight;
    cg_error error;
    assert_ok(sim_fabric_send(fabric, from, to, sent_ns, size_bytes, &flight, &error), error);
    return flight;
}

static uint64_t latency(sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t sent_ns) {
    return send(fabric, from, to, sent_ns, 1).delay_ns[0];
}

static void change(sim_fabric *fabric, sim_fabric_change wanted) {
    cg_error error;
    assert_ok(sim_fabric_change_at(fabric, &wanted, &error), error);
}

static bool cut(sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t at_ns) {
    bool at_once = sim_fabric_is_cut(fabric, from, to, at_ns);
    assert_int_equal(send(fabric, from, to, at_ns, 1).cut, at_once);
    assert_int_equal(sim_fabric_arrive(fabric, from, to, at_ns, 1), !at_once);
    return at_once;
}

/* Three regions by ranges; a later change of some pairs goes over an earlier one of all, and a
 * later one of all over both. */
static void test_pairs(void **state) {
    (void)state;
    const sim_host_range east = {0, 3};
    const sim_host_range west = {4, 7};
    const sim_host_range south[] = {{8, 8}, {10, 11}};
    sim_fabric *fabric = make((sim_fabric_options){.hosts = 12, .latency_ns = 100});
    change(fabric, (sim_fabric_change){.kind = SIM_FABRIC_LATENCY,
                                       .from = &east,
                                       .from_count = 1,
                                       .to = &west,
                                       .to_count = 1,
                                       .value_ns = 4000});
    change(fabric, (sim_fabric_change){.kind = SIM_FABRIC_LATENCY,
                                       .from = &east,
                                       .from_count = 1,
                                       .to = south,
                                       .to_count = 2,
                                       .one_way = true,
                                       .value_ns = 7000});
    assert_int_equal(latency(fabric, 0, 7, 0), 4000);
    assert_int_equal(latency(fabric, 7, 0, 0), 4000);
    assert_int_equal(latency(fabric, 3, 8, 0), 7000);
    assert_int_equal(latency(fabric, 8, 3, 0), 100); /* one way */
    assert_int_equal(latency(fabric, 3, 9, 0), 100); /* between the ranges */
    assert_int_equal(latency(fabric, 3, 11, 0), 7000);
    assert_int_equal(latency(fabric, 1, 2, 0), 100);
    change(fabric, (sim_fabric_change){.at_ns = 50, .kind = SIM_FABRIC_LATENCY, .value_ns = 9});
    change(fabric, (sim_fabric_change){.at_ns = 60, /* all that host 5 sends */
                                       .kind = SIM_FABRIC_LATENCY,
                                       .from = &(sim_host_range){5, 5},
                                       .from_count = 1,
                                       .one_way = true,
                                       .value_ns = 30});
    assert_int_equal(latency(fabric, 0, 7, 49), 4000);
    assert_int_equal(latency(fabric, 0, 7, 50), 9);
    assert_int_equal(latency(fabric, 5, 0, 60), 30);
    assert_int_equal(latency(fabric, 0, 5, 60), 9);
    assert_int_equal(latency(fabric, 0, 5, 10), 4000); /* a look back */
    /* One put in before what pairs have seen: it holds until the next that names the pair. */
    change(fabric, (sim_fabric_change){.at_ns = 20,
                                       .kind = SIM_FABRIC_LATENCY,
                                       .to = &(sim_host_range){5, 5},
                                       .to_count = 1,
                                       .value_ns = 70});
    assert_int_equal(latency(fabric, 0, 5, 20), 70);
    assert_int_equal(latency(fabric, 5, 11, 20), 70);
    assert_int_equal(latency(fabric, 0, 5, 50), 9);
    assert_int_equal(latency(fabric, 5, 0, 60), 30);
    assert_int_equal(sim_fabric_latency_ns(fabric, 60), 9);
    sim_fabric_free(fabric);
}

/* A from B while both see C; names end what they name; an unnamed heal ends all. */
static void test_named(void **state) {
    (void)state;
    const sim_host_range a = {0, 0};
    const sim_host_range b = {1, 1};
    const uint32_t last[] = {3};
    sim_fabric *fabric = make((sim_fabric_options){.hosts = 4, .latency_ns = 1});
    change(fabric, (sim_fabric_change){.at_ns = 100,
                                       .kind = SIM_FABRIC_PARTITION,
                                       .from = &a,
                                       .from_count = 1,
                                       .to = &b,
                                       .to_count = 1,
                                       .name = "partial"});
    change(fabric, (sim_fabric_change){.at_ns = 100,
                                       .kind = SIM_FABRIC_PARTITION,
                                       .hosts = last,
                                       .host_count = 1,
                                       .name = "alone"});
    change(fabric,
           (sim_fabric_change){.at_ns = 200, .kind = SIM_FABRIC_HEAL, .name = "nobody"});
    change(fabric,
           (sim_fabric_change){.at_ns = 300, .kind = SIM_FABRIC_HEAL, .name = "partial"});
    change(fabric, (sim_fabric_change){.at_ns = 400, .kind = SIM_FABRIC_HEAL});
    change(fabric, (sim_fabric_change){.at_ns = 500, .kind = SIM_FABRIC_HEAL}); /* of nothing */
    assert_false(cut(fabric, 0, 1, 99));
    assert_true(cut(fabric, 0, 1, 100));
    assert_true(cut(fabric, 1, 0, 250));
    assert_false(cut(fabric, 0, 2, 250));
    assert_false(cut(fabric, 1, 2, 250));
    assert_true(cut(fabric, 0, 3, 250));
    assert_false(cut(fabric, 0, 1, 300));
    assert_true(cut(fabric, 3, 2, 399));
    assert_false(cut(fabric, 3, 2, 400));
    /* The same name twice: both end. What is cut after the heal stays cut, also at its time. */
    change(fabric, (sim_fabric_change){.at_ns = 600,
                                       .kind = SIM_FABRIC_PARTITION,
                                       .hosts = last,
                                       .host_count = 1,
                                       .name = "x"});
    change(fabric, (sim_fabric_change){.at_ns = 610,
                                       .kind = SIM_FABRIC_PARTITION,
                                       .from = &a,
                                       .from_count = 1,
                                       .name = "x"});
    change(fabric, (sim_fabric_change){.at_ns = 700, .kind = SIM_FABRIC_HEAL, .name = "x"});
    change(fabric, (sim_fabric_change){.at_ns = 700,
                                       .kind = SIM_FABRIC_PARTITION,
                                       .hosts = last,
                                       .host_count = 1,
                                       .name = "x",
                                       .ends_ns = 750});
    assert_true(cut(fabric, 0, 3, 650));
    assert_true(cut(fabric, 0, 2, 699));
    assert_false(cut(fabric, 0, 2, 700));
    assert_true(cut(fabric, 2, 3, 700));
    assert_true(cut(fabric, 2, 3, 749));
    assert_false(cut(fabric, 2, 3, 750)); /* its own end */
    sim_fabric_free(fabric);
}

static void test_flap(void **state) {
    (void)state;
    const uint32_t hosts[] = {2};
    sim_fabric *fabric = make((sim_fabric_options){.hosts = 3, .latency_ns = 1});
    change(fabric, (sim_fabric_change){.at_ns = 1000,
                                       .kind = SIM_FABRIC_PARTITION,
                                       .hosts = hosts,
                                       .host_count = 1,
                                       .period_ns = 100,
                                       .on_ns = 30,
                                       .ends_ns = 1500});
    for (uint64_t at_ns = 900; at_ns < 1700; at_ns++) {
        bool expected = at_ns >= 1000 && at_ns < 1500 && (at_ns - 1000) % 100 < 30;
        assert_int_equal(cut(fabric, 0, 2, at_ns), expected);
        assert_false(cut(fabric, 0, 1, at_ns));
    }
    change(fabric, (sim_fabric_change){.at_ns = 1240, .kind = SIM_FABRIC_HEAL});
    assert_true(cut(fabric, 2, 0, 1229));
    assert_false(cut(fabric, 2, 0, 1310));
    sim_fabric_free(fabric);
}

/* Nobody and everybody: nothing is cut, and nothing breaks. */
static void test_odd_partitions(void **state) {
    (void)state;
    const uint32_t all[] = {0, 1, 2};
    const sim_host_range beyond = {1, UINT32_MAX};
    const sim_host_range outside = {7, 9};
    sim_fabric *fabric = make((sim_fabric_options){.hosts = 3, .latency_ns = 1});
    change(fabric, (sim_fabric_change){.kind = SIM_FABRIC_PARTITION});
    change(fabric,
           (sim_fabric_change){.kind = SIM_FABRIC_PARTITION, .hosts = all, .host_count = 3});
    change(fabric, (sim_fabric_change){
                       .kind = SIM_FABRIC_PARTITION, .from = &outside, .from_count = 1});
    for (uint32_t from = 0; from < 3; from++) {
        for (uint32_t to = 0; to < 3; to++) {
            assert_true(from == to || !cut(fabric, from, to, 5));
        }
    }
    change(fabric,
           (sim_fabric_change){.kind = SIM_FABRIC_PARTITION, .from = &beyond, .from_count = 1});
    assert_true(cut(fabric, 0, 1, 5));
    assert_false(cut(fabric, 1, 2, 5));
    sim_fabric_free(fabric);
    fabric = make((sim_fabric_options){.hosts = 1});
    change(fabric,
           (sim_fabric_change){.kind = SIM_FABRIC_PARTITION, .hosts = all, .host_count = 1});
    sim_fabric_free(fabric);
}

/* 8 Mbit/s: a byte a microsecond. Messages of a pair queue; other pairs do not wait; a change
 * leaves what has begun as it is. */
static void test_line(void **state) {
    (void)state;
    sim_fabric *fabric = make((sim_fabric_options){.hosts = 3, .latency_ns = 500});
    change(fabric, (sim_fabric_change){.kind = SIM_FABRIC_BANDWIDTH, .bits_per_s = 8000000});
    assert_int_equal(send(fabric, 0, 1, 0, 10).delay_ns[0], 10500);
    assert_int_equal(send(fabric, 0, 1, 0, 10).delay_ns[0], 20500);
    assert_int_equal(send(fabric, 0, 1, 5000, 1).delay_ns[0], 16500);
    assert_int_equal(send(fabric, 0, 2, 5000, 1).delay_ns[0], 1500);
    assert_int_equal(send(fabric, 1, 0, 5000, 1).delay_ns[0], 1500);
    assert_int_equal(send(fabric, 0, 1, 21000, 1).delay_ns[0], 1500); /* the line is free */
    change(fabric, (sim_fabric_change){
                       .at_ns = 30000, .kind = SIM_FABRIC_BANDWIDTH, .bits_per_s = 3000000000});
    assert_int_equal(send(fabric, 0, 1, 29999, 100).delay_ns[0], 100500);
    /* Behind it: until 129,999, and then 8 / 3 ns, of which none is short. */
    assert_int_equal(send(fabric, 0, 1, 30000, 1).delay_ns[0], 99999 + 3 + 500);
    change(fabric, (sim_fabric_change){.at_ns = 31000, .kind = SIM_FABRIC_BANDWIDTH});
    assert_int_equal(send(fabric, 0, 1, 31000, 1000000).delay_ns[0], 500); /* no limit */
    sim_fabric_free(fabric);
    fabric = make((sim_fabric_options){.hosts = 2});
    change(fabric, (sim_fabric_change){.kind = SIM_FABRIC_BANDWIDTH, .bits_per_s = 1});
    for (int i = 0; i < 100; i++) { /* never beyond what a time may be */
        assert_true(send(fabric, 0, 1, 0, SIZE_MAX / 2).delay_ns[0] < UINT64_C(1) << 50);
    }
    sim_fabric_free(fabric);
}

static void test_hold(void **state) {
    (void)state;
    const sim_delay hold = {.kind = SIM_DELAY_UNIFORM, .place_ns = 1000, .spread_ns = 2000};
    sim_fabric *fabric = make((sim_fabric_options){.hosts = 2, .latency_ns = 100});
    change(fabric,
           (sim_fabric_change){.kind = SIM_FABRIC_REORDER, .probability = 1.0, .delay = &hold});
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t delay_ns = send(fabric, 0, 1, 0, 1).delay_ns[0];
        least = delay_ns < least ? delay_ns : least;
        most = delay_ns > most ? delay_ns : most;
    }
    assert_int_equal(least, 1100);
    assert_int_equal(most, 2100);
    change(fabric,
           (sim_fabric_change){.at_ns = 9, .kind = SIM_FABRIC_REORDER, .probability = 1.0});
    assert_int_equal(send(fabric, 0, 1, 9, 1).delay_ns[0], 200); /* one more latency */
    sim_fabric_free(fabric);
}

/* Each altered copy differs from what was sent in one byte, each of them as likely; the
 * original is left alone. */
static void test_altered(void **state) {
    (void)state;
    sim_fabric *fabric =
        make((sim_fabric_options){.hosts = 2, .seed = 2, .corrupt = 0.25, .duplicate = 0.5});
    const uint8_t sent[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint32_t places[8] = {0};
    uint64_t altered = 0;
    cg_error error;
    for (int i = 0; i < 40000; i++) {
        sim_flight flight = send(fabric, 0, 1, 0, sizeof sent);
        for (uint32_t copy = 0; copy < flight.copies; copy++) {
            const uint8_t *bytes = sent;
            assert_ok(sim_fabric_carry(fabric, &flight, copy, &bytes, sizeof sent, &error),
                      error);
            uint32_t different = 0;
            for (uint32_t k = 0; k < 8; k++) {
                different += bytes[k] != sent[k];
                places[k] += bytes[k] != sent[k];
            }
            assert_true(different == (bytes != sent));
            altered += different;
        }
    }
    assert_int_equal(altered, sim_fabric_statistics_of(fabric).corrupted);
    assert_in_range(altered, 14500, 15500); /* a quarter of 60,000 copies */
    for (uint32_t k = 0; k < 8; k++) {
        assert_in_range(places[k], 1650, 2100);
    }
    assert_int_equal(send(fabric, 0, 1, 0, 0).altered_mask[0], 0); /* nothing to alter */
    sim_fabric_free(fabric);
}

static void test_refused(void **state) {
    (void)state;
    const sim_host_range turned = {2, 1};
    static const uint32_t far[] = {9};
    static const sim_delay bad = {.kind = SIM_DELAY_TRACE};
    const struct {
        sim_fabric_change wanted;
        const char *sentence;
    } cases[] = {
        {{.kind = SIM_FABRIC_CORRUPT, .probability = 2.0}, "corrupt is 2"},
        {{.kind = SIM_FABRIC_DUPLICATE, .copies = 1}, "1 copies of a duplicated message"},
        {{.kind = SIM_FABRIC_DUPLICATE, .copies = 5}, "it takes 2 to 4"},
        {{.kind = SIM_FABRIC_LATENCY, .delay = &bad}, "a trace of latency has 0 values"},
        {{.kind = SIM_FABRIC_REORDER, .delay = &bad}, "a trace of reordering has 0 values"},
        {{.kind = SIM_FABRIC_LATENCY, .from = &turned, .from_count = 1},
         "hosts 2 to 1; put the smaller one first"},
        {{.kind = SIM_FABRIC_LOSS, .hosts = far, .host_count = 1},
         "a change of the network names host 9; there are 3 hosts"},
        {{.kind = SIM_FABRIC_PARTITION, .name = "a name that is a good deal longer than that"},
         "is longer than 31 bytes"},
        {{.kind = SIM_FABRIC_HEAL, .name = "a name that is a good deal longer than that"},
         "is longer than 31 bytes"},
        {{.kind = SIM_FABRIC_PARTITION, .period_ns = 10}, "flaps for 0 ns of each 10 ns"},
        {{.kind = SIM_FABRIC_PARTITION, .period_ns = 10, .on_ns = 11}, "flaps for 11 ns"},
        {{.kind = (sim_fabric_change_kind)99}, "99 is no kind of change"},
    };
    sim_fabric *fabric = make((sim_fabric_options){.hosts = 3, .latency_ns = 5});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cg_error error;
        assert_status(sim_fabric_change_at(fabric, &cases[i].wanted, &error), CG_ERROR_INVALID,
                      error, cases[i].sentence);
        assert_int_equal(latency(fabric, 0, 1, 0), 5);
    }
    cg_error error;
    sim_fabric *none = NULL;
    sim_fabric_options options = {.hosts = 2, .copies = 9};
    assert_status(sim_fabric_alloc(&options, cg_allocator_heap(), &none, &error),
                  CG_ERROR_INVALID, error, "9 copies");
    sim_fabric_free(fabric);
}

/* The n-th allocation fails: nothing is lost, and what failed left everything as it was. */
static void test_memory(void **state) {
    (void)state;
    const sim_host_range some = {0, 1};
    bool finished = false;
    for (uint64_t n = 1; !finished; n++) {
        assert_true(n < 1000);
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        sim_fabric *fabric = NULL;
        sim_fabric_options options = {.hosts = 3, .latency_ns = 7, .corrupt = 1.0};
        cg_error error;
        cg_status status =
            sim_fabric_alloc(&options, cg_counting_allocator_view(&counting), &fabric, &error);
        for (uint32_t i = 0; status == CG_OK && i < 30; i++) {
            sim_fabric_change wanted = {.at_ns = (i % 2 ? 100 : 200) - i,
                                        .kind = (sim_fabric_change_kind)(i % 9),
                                        .from = &some,
                                        .from_count = i % 5 > 0,
                                        .value_ns = 1000 + i,
                                        .bits_per_s = 1000000,
                                        .probability = 0.01 * (double)i};
            status = sim_fabric_change_at(fabric, &wanted, &error);
            if (status != CG_OK) {
                counting.fail_at = 0;
                assert_true(send(fabric, 2, 1, 0, 8).delay_ns[0] == 7);
                status = CG_ERROR_MEMORY;
            }
        }
        sim_flight flight = {0};
        const uint8_t bytes[8] = {0};
        const uint8_t *carried = bytes;
        for (uint64_t i = 0; status == CG_OK && i < 12; i++) {
            uint32_t from = (uint32_t)i % 3;
            status = sim_fabric_send(fabric, from, (from + 1) % 3, i * 50, 8, &flight, &error);
            if (status == CG_OK && flight.copies > 0) {
                status = sim_fabric_carry(fabric, &flight, 0, &carried, 8, &error);
            }
        }
        assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
        finished = status == CG_OK;
        sim_fabric_free(fabric);
        assert_int_equal(counting.live_blocks, 0);
        assert_int_equal(counting.live_bytes, 0);
    }
}

/* Gives out `left` blocks and then no more. */
static void *give_out(void *context, void *block, size_t old_bytes, size_t new_bytes) {
    uint64_t *left = context;
    if (new_bytes > 0 && *left == 0) {
        return NULL;
    }
    *left -= new_bytes > 0;
    cg_allocator heap = cg_allocator_heap();
    return heap.reallocate(heap.context, block, old_bytes, new_bytes);
}

/* When memory is out for good, a change that has no place is taken out again without any. */
static void test_no_memory_left(void **state) {
    (void)state;
    for (uint64_t blocks = 6; blocks < 60; blocks++) {
        uint64_t left = blocks;
        cg_allocator allocator = {.reallocate = give_out, .context = &left};
        sim_fabric *fabric = NULL;
        sim_fabric_options options = {.hosts = 3, .latency_ns = 7};
        cg_error error;
        cg_status status = sim_fabric_alloc(&options, allocator, &fabric, &error);
        for (uint32_t i = 0; status == CG_OK && i < 40; i++) {
            sim_fabric_change wanted = {
                .at_ns = 1000 - i, .kind = SIM_FABRIC_JITTER, .value_ns = i};
            status = sim_fabric_change_at(fabric, &wanted, &error);
            assert_int_equal(fabric ? sim_fabric_latency_ns(fabric, 2000) : 7, 7);
        }
        assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
        sim_fabric_free(fabric);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),   cmocka_unit_test(test_named),
        cmocka_unit_test(test_flap),    cmocka_unit_test(test_odd_partitions),
        cmocka_unit_test(test_line),    cmocka_unit_test(test_hold),
        cmocka_unit_test(test_altered), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_memory),  cmocka_unit_test(test_no_memory_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
