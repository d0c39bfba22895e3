/* Goal: disks that lie, slow hosts and wrong clocks do what is said of them; whatever comes,
 * each request is answered once and a run repeats; and nothing happens where nothing is asked. */
#include "tests/support/hurt_host.h"

#include "engine/base/hash.h"

/* --- the disk -------------------------------------------------------------- */

static size_t altered_in(const fake *node, size_t begin, size_t end) {
    size_t altered = 0;
    for (size_t i = begin; i < end; i++) {
        altered += node->started_with[i] != (uint8_t)i;
    }
    return altered;
}

/* One byte in each of the next two writes that reach the disk, silently; then one anywhere in
 * what is durable. */
static void test_corrupt(void **state) {
    (void)state;
    uint64_t places = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        fake *node = fresh();
        sim_host_options options = usual;
        options.seed = seed;
        sim_host *host = make_with(node, options);
        for (uint64_t i = 0; i < 4; i++) {
            request(host, i, 10000 * i, DO_WRITE, 25);
        }
        hurt(host, (sim_host_fault){.kind = SIM_HOST_CORRUPT, .at_ns = 5000, .writes = 2});
        hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 50000});
        run(host);
        assert_int_equal(node->started_with_bytes, 100);
        assert_int_equal(altered_in(node, 0, 25), 0);
        assert_int_equal(altered_in(node, 25, 50), 1);
        assert_int_equal(altered_in(node, 50, 75), 1);
        assert_int_equal(altered_in(node, 75, 100), 0);
        for (uint64_t i = 0; i < 4; i++) { /* nobody is told */
            assert_int_equal(node->answers[i].status, CG_OK);
        }
        hurt(host, (sim_host_fault){.kind = SIM_HOST_CORRUPT, .at_ns = 60000, .at_rest = true});
        hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 70000});
        run(host);
        assert_int_equal(sim_host_statistics_of(host)->corrupted_bytes, 3);
        places += altered_in(node, 0, 100) == 3;
        clear(node, host);
    }
    assert_true(places > 300); /* but where it hits a byte that was altered before */
    fake *node = fresh();
    sim_host *host = make_with(node, usual);
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CORRUPT, .at_ns = 1, .at_rest = true});
    run(host);
    assert_int_equal(sim_host_statistics_of(host)->corrupted_bytes, 0); /* of an empty one */
    clear(node, host);
}

/* A host that is up crashes with its disk; one that is down loses it. The next START says so,
 * and the one after does not. */
static void test_disk_loss(void **state) {
    (void)state;
    for (int up = 0; up <= 1; up++) {
        fake *node = fresh();
        sim_host *host = make_with(node, usual);
        request(host, 1, 0, DO_WRITE, 10);
        if (!up) {
            hurt(host, (sim_host_fault){.kind = SIM_HOST_CRASH, .at_ns = 4000});
        }
        request(host, 2, 4500, DO_WAIT, 1000000);
        hurt(host, (sim_host_fault){.kind = SIM_HOST_DISK_LOSS, .at_ns = 5000});
        hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 6000});
        request(host, 3, 7000, DO_WRITE, 20);
        cg_error error;
        assert_ok(sim_host_advance(host, 6500, &error), error);
        assert_int_equal(node->events[node->event_count - 1].kind, CG_EVENT_START);
        assert_int_equal(node->events[node->event_count - 1].flags, CG_START_DISK_LOST);
        assert_int_equal(node->started_with_bytes, 0);
        hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 9000});
        run(host);
        assert_answer(node, 2, CG_ERROR_UNREACHABLE, up ? 5000 : 4501);
        assert_int_equal(node->events[node->event_count - 1].flags, 0);
        assert_int_equal(node->events[node->event_count - 1].id, 2);
        assert_int_equal(node->started_with_bytes, 20);
        assert_int_equal(sim_host_statistics_of(host)->disk_losses, 1);
        assert_int_equal(sim_host_statistics_of(host)->disk_lost_bytes, 10);
        assert_int_equal(sim_host_statistics_of(host)->crashes, 2);
        clear(node, host);
    }
}

/* Both hold for what begins from then on, until the factor is 1 again. */
static void test_slow(void **state) {
    (void)state;
    fake *node = fresh();
    sim_host *host = make_with(node, usual);
    request(host, 1, 0, DO_WRITE, 100); /* 100 on the core, 600 at the disk, 100 on the core */
    hurt(host, (sim_host_fault){.kind = SIM_HOST_SLOW_CORES, .at_ns = 50, .factor = 3.0});
    hurt(host, (sim_host_fault){.kind = SIM_HOST_SLOW_DISK, .at_ns = 600, .factor = 1.5});
    request(host, 2, 1000, DO_WRITE, 100);
    request(host, 4, 3000, DO_READ, 0);
    hurt(host, (sim_host_fault){.kind = SIM_HOST_SLOW_CORES, .at_ns = 5000, .factor = 1.0});
    hurt(host, (sim_host_fault){.kind = SIM_HOST_SLOW_DISK, .at_ns = 5000, .factor = 1.0});
    request(host, 3, 6000, DO_WRITE, 100);
    run(host);
    assert_answer(node, 1, CG_OK, 100 + 600 + 300); /* its first step and its write had begun */
    assert_answer(node, 2, CG_OK, 1000 + 300 + 900 + 300);
    assert_answer(node, 3, CG_OK, 6000 + 800);
    assert_int_equal(node->answers[2].ledger.compute_ns, 600);
    assert_int_equal(node->answers[2].ledger.disk_ns, 900);
    assert_answer(node, 4, CG_OK, 3000 + 450 + 1500);
    assert_int_equal(node->answers[4].ledger.compute_ns, 300);
    assert_int_equal(node->answers[4].ledger.tier_ns, 150 + 1500);
    assert_int_equal(sim_host_statistics_of(host)->core_busy_ns, 400 + 600 + 450 + 200);
    assert_int_equal(sim_host_statistics_of(host)->disk_busy_ns, 600 + 900 + 1500 + 600);
    clear(node, host);
}

/* What a host's own pace makes of its work, a fault makes more of; the disk has none. */
static void test_pace(void **state) {
    (void)state;
    fake *node = fresh();
    sim_host_options options = usual;
    options.pace = 1.5;
    sim_host *host = make_with(node, options);
    request(host, 1, 0, DO_WRITE, 100);
    hurt(host, (sim_host_fault){.kind = SIM_HOST_SLOW_CORES, .at_ns = 1000, .factor = 2.0});
    request(host, 2, 2000, DO_WRITE, 100);
    hurt(host, (sim_host_fault){.kind = SIM_HOST_SLOW_CORES, .at_ns = 5000, .factor = 1.0});
    request(host, 3, 6000, DO_WRITE, 100);
    run(host);
    assert_answer(node, 1, CG_OK, 150 + 600 + 150);
    assert_answer(node, 2, CG_OK, 2000 + 300 + 600 + 300);
    assert_answer(node, 3, CG_OK, 6000 + 900);
    clear(node, host);
}

/* --- the clock ------------------------------------------------------------- */

static const uint64_t second_ns = UINT64_C(1000000000);

static void test_clock(void **state) {
    (void)state;
    const uint64_t hour_ns = 3600 * second_ns;
    fake *node = fresh();
    sim_host *host = make_with(node, usual);
    hurt(host,
         (sim_host_fault){
             .kind = SIM_HOST_CLOCK, .at_ns = 2 * second_ns, .skew_ns = 500, .drift_ppm = 50});
    request(host, 1, second_ns, DO_NOTHING, 0);
    request(host, 2, 2 * second_ns, DO_NOTHING, 0);
    request(host, 3, 3 * second_ns, DO_NOTHING, 0);
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CLOCK,
                                .at_ns = 4 * second_ns,
                                .skew_ns = -(int64_t)(3 * hour_ns)});
    request(host, 4, 4 * second_ns, DO_NOTHING, 0);
    request(host, 5, 4 * hour_ns, DO_NOTHING, 0);
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CLOCK,
                                .at_ns = 5 * hour_ns,
                                .skew_ns = INT64_MAX,
                                .drift_ppm = -1000000});
    request(host, 6, 5 * hour_ns, DO_NOTHING, 0);
    request(host, 7, 6 * hour_ns, DO_NOTHING, 0);
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CRASH, .at_ns = 7 * hour_ns});
    hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 8 * hour_ns});
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CLOCK, .at_ns = 9 * hour_ns});
    request(host, 8, 9 * hour_ns, DO_NOTHING, 0);
    run(host);
    const uint64_t far_ns = (uint64_t)INT64_MAX + 5 * hour_ns;
    const uint64_t wanted_ns[] = {second_ns,
                                  2 * second_ns + 500,
                                  3 * second_ns + 500 + 50000,
                                  0, /* set back, and never below 0 */
                                  hour_ns,
                                  far_ns, /* 292 years ahead, and stands still */
                                  far_ns,
                                  far_ns, /* START: the clock outlives the crash */
                                  9 * hour_ns};
    assert_int_equal(node->event_count, 9);
    for (size_t i = 0; i < 9; i++) {
        assert_true(node->events[i].wall_ns == wanted_ns[i]);
        assert_true(i == 0 || node->events[i].now_ns > node->events[i - 1].now_ns);
    }
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CLOCK,
                                .at_ns = 10 * hour_ns,
                                .skew_ns = INT64_MIN,
                                .drift_ppm = 1000000});
    run(host);
    assert_true(sim_host_wall_ns(host, 10 * hour_ns) == 0);
    assert_true(sim_host_wall_ns(host, UINT64_MAX) == UINT64_MAX - (UINT64_C(1) << 63));
    clear(node, host);
}

/* --- nothing where nothing is asked ---------------------------------------- */

static uint64_t fingerprint_of(bool keeps_journal, uint64_t far_fault_ns, uint64_t fault_ns) {
    fake *node = fresh();
    sim_host_options options = usual;
    options.keeps_journal = keeps_journal;
    sim_host *host = make_with(node, options);
    for (uint64_t i = 0; i < 50; i++) {
        request(host, i, 70 * i, (uint32_t)(i % 4), 1 + (uint32_t)i);
    }
    if (far_fault_ns > 0) {
        hurt(host, (sim_host_fault){.kind = SIM_HOST_CRASH, .at_ns = far_fault_ns});
    }
    if (fault_ns > 0) {
        hurt(host, (sim_host_fault){.kind = SIM_HOST_CLOCK, .at_ns = fault_ns});
    }
    cg_error error;
    assert_ok(sim_host_advance(host, 100000, &error), error);
    uint64_t fingerprint = sim_host_fingerprint(host);
    clear(node, host);
    return fingerprint;
}

/* Neither the journal nor a fault that is still to come changes anything; one that has come
 * shows. */
static void test_fingerprint(void **state) {
    (void)state;
    uint64_t plain = fingerprint_of(false, 0, 0);
    assert_true(fingerprint_of(true, 0, 0) == plain);
    assert_true(fingerprint_of(true, 100001, 0) == plain);
    assert_true(fingerprint_of(true, 0, 500) != plain);
    assert_true(fingerprint_of(true, 0, 512) != fingerprint_of(true, 0, 511));
}

/* --- random programs -------------------------------------------------------- */

typedef struct trial {
    uint64_t fingerprint;
    uint64_t journal_hash;
    sim_host_statistics statistics;
} trial;

static void draw_fault(sim_host *host, cg_stream *draws) {
    sim_host_fault fault = {.kind = (sim_host_fault_kind)cg_stream_next_below(draws, 7),
                            .at_ns = cg_stream_next_below(draws, 40000),
                            .torn = cg_stream_next_below(draws, 2) == 0,
                            .at_rest = cg_stream_next_below(draws, 2) == 0,
                            .writes = 1 + (uint32_t)cg_stream_next_below(draws, 3),
                            .factor = 0.5 + 3.0 * cg_stream_next_unit(draws),
                            .skew_ns = (int64_t)cg_stream_next_below(draws, 1000) - 500};
    hurt(host, fault);
    if (fault.kind != SIM_HOST_RESTART) { /* so that it is not down most of the time */
        fault.kind = SIM_HOST_RESTART;
        fault.if_down = true;
        fault.at_ns += cg_stream_next_below(draws, 3000);
        hurt(host, fault);
    }
}

static trial try_random(uint64_t seed, uint64_t stride_ns) {
    enum { REQUESTS = 150 };
    fake *node = fresh();
    cg_stream draws = cg_stream_init(seed, "test.faults", 0);
    sim_host_options options = usual;
    options.seed = seed;
    options.cores = 1 + (uint32_t)cg_stream_next_below(&draws, 3);
    options.starts = cg_stream_next_below(&draws, 2) == 0;
    node->replay_steps = cg_stream_next_below(&draws, 20);
    sim_host *host = make_with(node, options);
    for (uint64_t i = 0; i < REQUESTS; i++) {
        request(host, i, cg_stream_next_below(&draws, 40000),
                (uint32_t)cg_stream_next_below(&draws, 3),
                1 + (uint32_t)cg_stream_next_below(&draws, 60));
        message(host, 2, i, cg_stream_next_below(&draws, 40000));
    }
    for (int i = 0; i < 12; i++) {
        draw_fault(host, &draws);
    }
    cg_error error;
    for (uint64_t now_ns = 0; sim_host_next_ns(host) != UINT64_MAX; now_ns += stride_ns) {
        assert_ok(sim_host_advance(host, now_ns, &error), error);
    }
    assert_int_equal(sim_host_running(host), 0);
    for (uint64_t i = 0; i < REQUESTS; i++) { /* each once; on_reply: ledgers add up */
        assert_int_equal(node->answers[i].count, 1);
    }
    trial out = {.fingerprint = sim_host_fingerprint(host),
                 .statistics = *sim_host_statistics_of(host)};
    size_t size_bytes = 0;
    const uint8_t *journal = sim_host_journal(host, &size_bytes);
    out.journal_hash = cg_hash_bytes(journal, size_bytes, 0);
    clear(node, host);
    return out;
}

/* Whatever comes: each request is answered once, ledgers add up, and a run repeats, in
 * whatever strides it is advanced. */
static void test_random(void **state) {
    (void)state;
    uint64_t seed = support_seed(8);
    sim_host_statistics sum = {0};
    for (uint64_t turn = 0; turn < 300; turn++) {
        trial one = try_random(seed + turn, 1);
        trial other = try_random(seed + turn, 9973);
        assert_true(one.fingerprint == other.fingerprint);
        assert_true(one.journal_hash == other.journal_hash);
        assert_memory_equal(&one.statistics, &other.statistics, sizeof one.statistics);
        const sim_host_statistics *had = &one.statistics;
        assert_true(had->restarts <= had->crashes);
        sum.resets += had->resets;
        sum.refused += had->refused;
        sum.torn_tails += had->torn_tails;
        sum.lost_messages += had->lost_messages;
        sum.corrupted_bytes += had->corrupted_bytes;
        sum.ignored_faults += had->ignored_faults;
        sum.disk_lost_bytes += had->disk_lost_bytes;
    }
    assert_true(sum.resets > 100 && sum.refused > 100 && sum.torn_tails > 100 &&
                sum.lost_messages > 100 && sum.corrupted_bytes > 100 &&
                sum.ignored_faults > 0 && sum.disk_lost_bytes > 100);
}

/* --- bad input and memory --------------------------------------------------- */

static void refused(sim_host *host, sim_host_fault fault, const char *text) {
    cg_error error;
    assert_status(sim_host_fault_at(host, &fault, &error), CG_ERROR_INVALID, error, text);
}

static void test_input(void **state) {
    (void)state;
    fake *node = fresh();
    sim_host *host = make_with(node, usual);
    refused(host, (sim_host_fault){.kind = SIM_HOST_SLOW_DISK, .factor = -1.0},
            "host 1: slow_disk by a factor of -1; right are 0.001 to 1e+06");
    refused(host, (sim_host_fault){.kind = SIM_HOST_SLOW_CORES},
            "host 1: slow_host by a factor of 0;");
    refused(host, (sim_host_fault){.kind = SIM_HOST_CORRUPT},
            "host 1: 0 writes to corrupt; right are 1 to 1000000");
    refused(host, (sim_host_fault){.kind = SIM_HOST_CLOCK, .drift_ppm = 1000001},
            "host 1: a clock that drifts by 1000001 ppm");
    refused(host, (sim_host_fault){.kind = (sim_host_fault_kind)99},
            "host 1: 99 is no kind of fault");
    assert_true(sim_host_next_ns(host) == UINT64_MAX); /* nothing was put in */
    node->fail_restart_at = 1;
    hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 40});
    cg_error error;
    assert_status(sim_host_advance(host, 40, &error), CG_ERROR_MEMORY, error,
                  "host 1 at 40 ns: no memory for life 1");
    clear(node, host);
    node = fresh();
    sim_host_options options = usual;
    options.keeps_journal = false;
    host = make_with(node, options);
    refused(host, (sim_host_fault){.kind = SIM_HOST_RESTART},
            "host 1 keeps no journal, which restart needs");
    refused(host, (sim_host_fault){.kind = SIM_HOST_CRASH, .torn = true},
            "host 1 keeps no journal, which a torn write needs");
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CRASH});
    run(host);
    assert_false(sim_host_is_up(host));
    sim_host_free(host);
    sim_machine machine = {.step = step, .context = node};
    sim_profile profile = profile_of_test();
    assert_ok(sim_host_alloc(&usual, &machine, &profile, &(sim_host_sink){0},
                             cg_allocator_heap(), &host, &error),
              error);
    refused(host, (sim_host_fault){.kind = SIM_HOST_RESTART},
            "host 1 cannot restart: its machine makes no new node");
    clear(node, host);
}

/* Every allocation fails once: an error each time, and nothing is left behind. */
static void test_memory(void **state) {
    (void)state;
    bool finished = false;
    for (uint64_t n = 1; !finished; n++) {
        assert_true(n < 10000);
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        fake *node = fresh();
        sim_host_options options = usual;
        options.starts = true;
        sim_profile profile = profile_of_test();
        sim_machine machine = {.step = step, .restart = restart, .context = node};
        sim_host_sink sink = {.reply = on_reply, .context = node};
        sim_host *host = NULL;
        cg_error error;
        cg_status status = sim_host_alloc(&options, &machine, &profile, &sink,
                                          cg_counting_allocator_view(&counting), &host, &error);
        for (uint64_t i = 0; status == CG_OK && i < 40; i++) {
            sim_delivery delivery = {.kind = CG_EVENT_REQUEST,
                                     .due_ns = 100 * i,
                                     .sequence = i,
                                     .id = i,
                                     .label = (uint32_t)(i % 3),
                                     .hops = 30};
            status = sim_host_deliver(host, &delivery, &error);
        }
        for (uint64_t i = 0; status == CG_OK && i < 6; i++) {
            sim_host_fault fault = {.kind = i % 2 ? SIM_HOST_RESTART : SIM_HOST_CRASH,
                                    .at_ns = 500 + 700 * i,
                                    .torn = true};
            status = sim_host_fault_at(host, &fault, &error);
        }
        if (status == CG_OK) {
            status = sim_host_advance(host, 1000000, &error);
        }
        assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
        finished = status == CG_OK;
        sim_host_free(host);
        assert_int_equal(counting.live_blocks, 0);
        assert_int_equal(counting.live_bytes, 0);
        free(node);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corrupt), cmocka_unit_test(test_disk_loss),
        cmocka_unit_test(test_slow),    cmocka_unit_test(test_pace),
        cmocka_unit_test(test_clock),   cmocka_unit_test(test_fingerprint),
        cmocka_unit_test(test_random),  cmocka_unit_test(test_input),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
