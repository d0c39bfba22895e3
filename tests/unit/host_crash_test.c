/* Goal: a crash keeps what the disk had been paid for and nothing else, says so to every client
 * once with a ledger that adds up, and the next life begins with START alone. */
#include "tests/support/hurt_host.h"

/* --- START ----------------------------------------------------------------- */

/* The first of all, at 0, and alone until it is paid: core and disk. */
static void test_first_start(void **state) {
    (void)state;
    fake *node = fresh();
    node->replay_steps = 4;
    node->replay_reads = 2;
    sim_host_options options = usual;
    options.starts = true;
    options.cores = 3;
    sim_host *host = make_with(node, options);
    request(host, 1, 0, DO_ANSWER, 0);
    request(host, 2, 700, DO_ANSWER, 0);
    message(host, 0, 0, 0);
    run(host);
    assert_int_equal(node->event_count, 4);
    assert_int_equal(node->events[0].kind, CG_EVENT_START);
    assert_int_equal(node->events[0].id, 0);
    assert_int_equal(node->events[0].now_ns, 0);
    assert_int_equal(node->events[0].flags, 0);
    assert_int_equal(node->started_with_bytes, 0);
    for (size_t i = 1; i < 4; i++) { /* 500 ns on a core, then 2,000 ns on the disk */
        assert_int_equal(node->events[i].now_ns, 2500);
    }
    assert_answer(node, 1, CG_OK, 2600);
    assert_int_equal(node->answers[1].ledger.queue_ns, 2500);
    clear(node, host);
    node = fresh();
    host = make_with(node, usual); /* and none where it is not asked for */
    request(host, 1, 0, DO_ANSWER, 0);
    run(host);
    assert_int_equal(node->event_count, 1);
    assert_int_equal(node->events[0].kind, CG_EVENT_REQUEST);
    clear(node, host);
}

/* The next life: the journal, the number of the life, and nothing else until it is paid. Timers
 * of the earlier life never come, and core time counts anew. */
static void test_restart(void **state) {
    (void)state;
    fake *node = fresh();
    sim_host_options options = usual;
    options.cores = 2;
    sim_host *host = make_with(node, options);
    request(host, 1, 0, DO_WRITE, 10); /* durable at 610 */
    request(host, 2, 0, DO_WAIT, 50000);
    request(host, 3, 1000, DO_WRITE, 20); /* durable at 1620 */
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CRASH, .at_ns = 5000});
    hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 6000});
    request(host, 4, 6100, DO_WAIT, 100);
    message(host, 2, 7, 6200);
    node->replay_steps = 9;
    node->replay_reads = 1;
    run(host);
    assert_answer(node, 1, CG_OK, 710);
    assert_answer(node, 3, CG_OK, 1720);
    assert_answer(node, 2, CG_ERROR_UNREACHABLE, 5000);
    assert_int_equal(node->life, 1);
    assert_int_equal(node->lives[0], 1);
    assert_int_equal(sim_host_life(host), 1);
    assert_true(sim_host_is_up(host));
    const seen *start = &node->events[5];
    assert_int_equal(start->kind, CG_EVENT_START);
    assert_int_equal(start->id, 1);
    assert_int_equal(start->now_ns, 6000);
    assert_int_equal(start->flags, 0);
    assert_int_equal(node->started_with_bytes, 30);
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(node->started_with[i], i);
    }
    /* Two cores, and still both wait for 1,000 ns of core and 1,000 ns of disk. */
    assert_int_equal(node->events[6].now_ns, 8000);
    assert_int_equal(node->events[7].now_ns, 8000);
    assert_int_equal(node->event_count, 9); /* the ninth: the timer of request 4 */
    assert_int_equal(node->events[8].kind, CG_EVENT_TIMER);
    assert_int_equal(node->events[8].id, 4);
    assert_int_equal(node->events[8].core_busy_ns, 1000 + 2 * 100);
    const sim_host_statistics *statistics = sim_host_statistics_of(host);
    assert_int_equal(statistics->crashes, 1);
    assert_int_equal(statistics->restarts, 1);
    assert_int_equal(statistics->events[CG_EVENT_START], 1);
    assert_int_equal(statistics->lost_bytes, 0);
    size_t size_bytes = 0;
    assert_memory_equal(sim_host_journal(host, &size_bytes), node->started_with, 30);
    assert_int_equal(size_bytes, 30);
    clear(node, host);
}

/* --- what a crash leaves ---------------------------------------------------- */

/* Requests in the queue, on a core, at the disk and waiting for a timer: each is answered once, at the
 * crash, in the order in which they came, all of its time under one heading. While the host is
 * down they are refused after 1 ns. */
static void test_clients(void **state) {
    (void)state;
    fake *node = fresh();
    sim_host *host = make_with(node, usual);
    request(host, 1, 0, DO_WAIT, 100000);
    request(host, 7, 100, DO_WRITE, 100); /* at the disk from 200 to 800 */
    request(host, 3, 250, DO_ANSWER, 0);  /* answered at 350 */
    request(host, 5, 460, DO_ANSWER, 0);  /* on the core until 560 */
    request(host, 4, 470, DO_ANSWER, 0);  /* in the queue */
    request(host, 8, 500, DO_ANSWER, 0);  /* comes with the crash, behind it */
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CRASH, .at_ns = 500});
    request(host, 9, 501, DO_ANSWER, 0);
    request(host, 10, 900000, DO_ANSWER, 0);
    run(host);
    assert_answer(node, 3, CG_OK, 350);
    static const uint64_t open[] = {1, 7, 5, 4};
    static const uint64_t due_ns[] = {0, 100, 460, 470};
    for (size_t i = 0; i < 4; i++) {
        const answer *given = &node->answers[open[i]];
        assert_answer(node, open[i], CG_ERROR_UNREACHABLE, 500);
        assert_int_equal(given->order, i + 1);
        assert_int_equal(given->request, open[i] % CG_REQUEST_KIND_COUNT);
        assert_int_equal(given->ledger.start_ns, due_ns[i]);
        assert_int_equal(given->ledger.queue_ns, 500 - due_ns[i]);
    }
    static const uint64_t late[] = {8, 9, 10};
    static const uint64_t late_ns[] = {500, 501, 900000};
    for (size_t i = 0; i < 3; i++) {
        assert_answer(node, late[i], CG_ERROR_UNREACHABLE, late_ns[i] + 1);
        assert_int_equal(node->answers[late[i]].ledger.wire_ns, 1);
        assert_int_equal(node->answers[late[i]].request, late[i] % CG_REQUEST_KIND_COUNT);
    }
    assert_int_equal(node->event_count, 4);
    assert_false(sim_host_is_up(host));
    const sim_host_statistics *statistics = sim_host_statistics_of(host);
    assert_int_equal(statistics->resets, 4);
    assert_int_equal(statistics->refused, 3);
    assert_int_equal(statistics->lost_bytes, 100);
    clear(node, host);
}

/* A refusal under way is the client's, and outlives another crash and a restart. */
static void test_refusal_survives(void **state) {
    (void)state;
    fake *node = fresh();
    sim_host *host = make_with(node, usual);
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CRASH, .at_ns = 10});
    request(host, 1, 20, DO_ANSWER, 0);
    hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 21});
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CRASH, .at_ns = 21});
    run(host);
    assert_answer(node, 1, CG_ERROR_UNREACHABLE, 21);
    clear(node, host);
}

/* A write is durable when its disk time is over: a crash at that instant comes before it, one
 * 1 ns later does not. */
static void test_durable(void **state) {
    (void)state;
    for (uint64_t late = 0; late <= 1; late++) {
        fake *node = fresh();
        sim_host *host = make_with(node, usual);
        request(host, 1, 0, DO_WRITE, 10);   /* durable at 610 */
        request(host, 2, 0, DO_WRITE, 30);   /* durable at 610 + 530 */
        request(host, 3, 1050, DO_WRITE, 5); /* on the core at the crash */
        hurt(host, (sim_host_fault){.kind = SIM_HOST_CRASH, .at_ns = 1140 + late});
        hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 2000});
        run(host);
        assert_int_equal(node->started_with_bytes, late ? 40 : 10);
        assert_int_equal(sim_host_statistics_of(host)->lost_bytes, late ? 0 : 30);
        assert_int_equal(sim_host_statistics_of(host)->torn_tails, 0);
        assert_answer(node, 1, CG_OK, 710);
        assert_answer(node, 2, CG_ERROR_UNREACHABLE, 1140 + late);
        clear(node, host);
    }
}

/* Of k bytes at the disk a torn crash leaves u, uniform over 0 .. k: here k = 30 in three
 * writes, chi-square with 30 degrees of freedom. A tail is torn where u is no write's end. */
static void test_torn_law(void **state) {
    (void)state;
    enum { RUNS = 6200, BYTES = 30 };
    uint64_t seed = support_seed(3);
    uint64_t seen_at[BYTES + 1] = {0};
    for (uint64_t turn = 0; turn < RUNS; turn++) {
        fake *node = fresh();
        sim_host_options options = usual;
        options.seed = seed + turn;
        sim_host *host = make_with(node, options);
        request(host, 1, 0, DO_WRITE, 4); /* durable long before */
        for (uint64_t i = 0; i < 3; i++) {
            request(host, 2 + i, 5000 + i, DO_WRITE, (uint32_t)(5 + 5 * i));
        }
        hurt(host, (sim_host_fault){.kind = SIM_HOST_CRASH, .at_ns = 5350, .torn = true});
        hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 6000});
        run(host);
        size_t kept = node->started_with_bytes - 4;
        assert_true(node->started_with_bytes >= 4 && kept <= BYTES);
        for (size_t i = 0; i < node->started_with_bytes; i++) {
            assert_int_equal(node->started_with[i], i);
        }
        bool whole = kept == 0 || kept == 5 || kept == 15 || kept == 30;
        assert_int_equal(sim_host_statistics_of(host)->torn_tails, whole ? 0 : 1);
        assert_int_equal(sim_host_statistics_of(host)->lost_bytes, BYTES - kept);
        seen_at[kept]++;
        clear(node, host);
    }
    double expected = (double)RUNS / (BYTES + 1);
    double chi_square = 0.0;
    for (size_t i = 0; i <= BYTES; i++) {
        double off = (double)seen_at[i] - expected;
        chi_square += off * off / expected;
    }
    assert_true(chi_square < 59.7); /* p = 0.001 */
}

/* What was torn stays, and the next writes follow it. */
static void test_writes_after_torn(void **state) {
    (void)state;
    fake *node = fresh();
    sim_host *host = make_with(node, usual);
    request(host, 1, 0, DO_WRITE, 200);
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CRASH, .at_ns = 300, .torn = true});
    hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 400});
    cg_error error;
    assert_ok(sim_host_advance(host, 450, &error), error);
    size_t kept = node->started_with_bytes;
    assert_true(kept > 0 && kept < 200); /* of this seed */
    node->next_byte = (uint8_t)kept;
    request(host, 2, 500, DO_WRITE, 10);
    hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 9000});
    run(host);
    assert_answer(node, 2, CG_OK, 1210); /* the disk began anew at the crash */
    assert_int_equal(node->started_with_bytes, kept + 10);
    for (size_t i = 0; i < kept + 10; i++) {
        assert_int_equal(node->started_with[i], i);
    }
    clear(node, host);
}

/* A node that finds its last write torn cuts the journal there when its START is paid, and
 * what it writes then follows. Had it crashed before, nothing would be cut. */
static void test_truncate(void **state) {
    (void)state;
    fake *node = fresh();
    sim_host *host = make_with(node, usual);
    request(host, 1, 0, DO_WRITE, 30);
    node->sound_bytes = 12;
    node->replay_steps = 10;
    hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 2000});
    hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 2500}); /* in its replay */
    cg_error error;
    size_t size_bytes = 0;
    assert_ok(sim_host_advance(host, 2500, &error), error);
    assert_int_equal(node->started_with_bytes, 30);
    assert_ok(sim_host_advance(host, 3600, &error), error);
    (void)sim_host_journal(host, &size_bytes);
    assert_int_equal(size_bytes, 12);
    node->sound_bytes = 0;
    node->next_byte = 12;
    request(host, 2, 4000, DO_WRITE, 8);
    hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 9000});
    run(host);
    assert_answer(node, 2, CG_OK, 4000 + 100 + 508 + 100);
    assert_int_equal(node->started_with_bytes, 20);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(node->started_with[i], i);
    }
    clear(node, host);
}

/* What was altered is cut, and from then on every start is told in which life that was, until the node
 * cuts again; a torn tail leaves the disk as old as it is. */
static void test_truncate_altered(void **state) {
    (void)state;
    fake *node = fresh();
    sim_host *host = make_with(node, usual);
    request(host, 1, 0, DO_WRITE, 30);
    node->sound_bytes = 12;
    node->cuts_altered = true;
    cg_error error;
    hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 2000});
    assert_ok(sim_host_advance(host, 3000, &error), error);
    assert_int_equal(node->disk_life, 0); /* it was the first one when it started */
    node->cuts_altered = false;
    for (uint64_t at_ns = 4000; at_ns <= 5000; at_ns += 1000) {
        hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = at_ns});
        assert_ok(sim_host_advance(host, at_ns + 900, &error), error);
        assert_int_equal(node->disk_life, 1);
    }
    clear(node, host);
}

/* --- what is no-op, and what is not ---------------------------------------- */

static void test_states(void **state) {
    (void)state;
    fake *node = fresh();
    sim_host *host = make_with(node, usual);
    request(host, 1, 0, DO_WAIT, 100000);
    /* Of one that runs: a crash and a restart at once. */
    hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 500});
    /* if_down: nothing to one that is up. */
    hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 600, .if_down = true});
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CRASH, .at_ns = 700});
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CRASH, .at_ns = 700});
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CRASH, .at_ns = 800});
    hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 900, .if_down = true});
    request(host, 2, 1000, DO_ANSWER, 0);
    run(host);
    const sim_host_statistics *statistics = sim_host_statistics_of(host);
    assert_answer(node, 1, CG_ERROR_UNREACHABLE, 500);
    assert_answer(node, 2, CG_OK, 1100);
    assert_int_equal(statistics->crashes, 2);
    assert_int_equal(statistics->restarts, 2);
    assert_int_equal(statistics->ignored_faults, 2);
    assert_int_equal(node->life, 2);
    assert_int_equal(node->lives[1], 2);
    clear(node, host);
}

/* A message in the network outlives the crash; one that comes while the host is down, that waits for a
 * core, or that the host sent to itself does not. */
static void test_messages(void **state) {
    (void)state;
    fake *node = fresh();
    sim_host *host = make_with(node, usual);
    request(host, 1, 0, DO_SEND_SELF, 0); /* comes at 101 */
    request(host, 2, 0, DO_NOTHING, 0);   /* on the core at 100 .. 200 */
    message(host, 2, 0, 150);             /* waits */
    hurt(host, (sim_host_fault){.kind = SIM_HOST_CRASH, .at_ns = 180});
    message(host, 2, 1, 190);
    hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 200});
    message(host, 2, 2, 200); /* sent to the earlier life */
    run(host);
    assert_int_equal(node->event_count, 4);
    assert_int_equal(node->events[2].kind, CG_EVENT_START);
    assert_int_equal(node->events[3].kind, CG_EVENT_MESSAGE);
    assert_int_equal(node->events[3].now_ns, 300);
    assert_int_equal(sim_host_statistics_of(host)->lost_messages, 3);
    clear(node, host);
    node = fresh();
    host = make_with(node, usual);
    request(host, 1, 80, DO_SEND_SELF, 0); /* comes at 181: still on its way */
    hurt(host, (sim_host_fault){.kind = SIM_HOST_RESTART, .at_ns = 181});
    run(host);
    assert_int_equal(node->event_count, 2);
    assert_int_equal(node->events[1].kind, CG_EVENT_START);
    clear(node, host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_start),       cmocka_unit_test(test_restart),
        cmocka_unit_test(test_clients),           cmocka_unit_test(test_refusal_survives),
        cmocka_unit_test(test_durable),           cmocka_unit_test(test_torn_law),
        cmocka_unit_test(test_writes_after_torn), cmocka_unit_test(test_truncate),
        cmocka_unit_test(test_truncate_altered),  cmocka_unit_test(test_states),
        cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
