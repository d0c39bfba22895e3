/* Goal: a host turns work into time as a queue of c servers and one disk must (closed forms),
 * releases outputs when they are paid and not before, keeps the order of one instant, and its
 * ledgers add up to the nanosecond whatever the node does. */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "sim/host/host.h"

/* --- a fake node ----------------------------------------------------------- */

typedef struct seen {
    cg_event_kind kind;
    uint64_t now_ns;
    uint64_t id;
    size_t size_bytes;
} seen;

enum { SEEN_MAX = 4096 };
typedef struct fake {
    uint64_t steps;       /* work of a step: operations of CG_WORK_STEP */
    uint64_t first_steps; /* the same, of the first event; 0: as the others */
    uint64_t reads;       /* of CG_WORK_TIER_STORE, by requests only */
    uint64_t write_bytes; /* requests write so much, and are answered when it is durable; 0: at
                             once */
    seen events[SEEN_MAX];
    size_t event_count;
    uint64_t reply_ns[SEEN_MAX]; /* by request id, where it fits */
    sim_ledger ledgers[SEEN_MAX];
    uint64_t replies;
    double wait_sum_ns;
    cg_stream random;    /* for the random node */
    uint64_t failing_at; /* the n-th event fails; 0: none */
} fake;

static cg_status add(cg_outputs *outputs, cg_output output, size_t size_bytes,
                     cg_error *error) {
    uint8_t *bytes = NULL;
    cg_status status =
        cg_outputs_add(outputs, &output, size_bytes, size_bytes > 0 ? &bytes : NULL, error);
    if (status == CG_OK && size_bytes > 0) {
        memset(bytes, 7, size_bytes);
    }
    return status;
}

static cg_status add_reply(cg_outputs *outputs, uint64_t request, cg_error *error) {
    cg_output reply = {.kind = CG_OUTPUT_REPLY, .reply = {.request_id = request}};
    return add(outputs, reply, 0, error);
}

static void note(fake *node, const cg_event *event) {
    if (node->event_count < SEEN_MAX) {
        node->events[node->event_count] =
            (seen){event->kind, event->now_ns, event->id, event->size_bytes};
    }
    node->event_count++;
}

static cg_status step(void *context, const cg_event *event, cg_outputs *outputs,
                      cg_error *error) {
    fake *node = context;
    note(node, event);
    if (node->failing_at == node->event_count) {
        return cg_error_set(error, CG_ERROR_MEMORY, "the fake is out of memory");
    }
    bool first = node->event_count == 1 && node->first_steps > 0;
    cg_work_count(&outputs->work, CG_WORK_STEP, first ? node->first_steps : node->steps, 0);
    cg_work_count(&outputs->work, CG_WORK_DISK_WRITE, 1000, 1000); /* must not be paid */
    if (event->kind == CG_EVENT_REQUEST) {
        cg_work_count(&outputs->work, CG_WORK_TIER_STORE, node->reads, 0);
        if (node->write_bytes > 0) {
            cg_output write = {.kind = CG_OUTPUT_WRITE, .id = event->id};
            return add(outputs, write, node->write_bytes, error);
        }
        return add_reply(outputs, event->id, error);
    }
    if (event->kind == CG_EVENT_STORAGE_DONE) {
        return add_reply(outputs, event->id, error);
    }
    return CG_OK;
}

static cg_status on_reply(void *context, uint32_t host, uint64_t now_ns, const cg_reply *reply,
                          const sim_ledger *ledger, cg_error *error) {
    (void)host;
    (void)error;
    fake *node = context;
    assert_int_equal(ledger->mark_ns, now_ns);
    assert_int_equal(sim_ledger_total_ns(ledger), now_ns - ledger->start_ns);
    if (reply->request_id < SEEN_MAX) {
        node->reply_ns[reply->request_id] = now_ns;
        node->ledgers[reply->request_id] = *ledger;
    }
    node->replies++;
    node->wait_sum_ns += (double)ledger->queue_ns;
    return CG_OK;
}

/* step 100 ns on a core, tier_store 1,000 ns and disk_write 500 ns + 1 ns a byte on the disk. */
static sim_profile profile_of_test(void) {
    sim_profile profile = {0};
    profile.entries[CG_WORK_STEP].fixed_ps = 100000;
    profile.entries[CG_WORK_TIER_L1].fixed_ps = 3400; /* tier_core_ns is rounded */
    profile.entries[CG_WORK_TIER_STORE] =
        (sim_profile_entry){.fixed_ps = 1000000, .resource = SIM_RESOURCE_DISK};
    profile.entries[CG_WORK_DISK_WRITE] = (sim_profile_entry){
        .fixed_ps = 500000, .per_unit_ps = 1000, .resource = SIM_RESOURCE_DISK};
    return profile;
}

static sim_host *make(fake *node, uint32_t cores,
                      cg_status (*machine)(void *, const cg_event *, cg_outputs *,
                                           cg_error *)) {
    sim_host_options options = {.host = 1, .hosts = 4, .cores = cores};
    sim_profile profile = profile_of_test();
    sim_machine driven = {.step = machine, .context = node};
    sim_host_sink sink = {.reply = on_reply, .context = node};
    sim_host *host = NULL;
    cg_error error;
    assert_ok(
        sim_host_alloc(&options, &driven, &profile, &sink, cg_allocator_heap(), &host, &error),
        error);
    return host;
}

static void request(sim_host *host, uint64_t id, uint64_t due_ns) {
    sim_delivery delivery = {
        .kind = CG_EVENT_REQUEST, .due_ns = due_ns, .sequence = id, .id = id};
    cg_error error;
    assert_ok(sim_host_deliver(host, &delivery, &error), error);
}

/* As a loop does: one instant after the other. */
static void run(sim_host *host) {
    cg_error error;
    for (uint64_t now_ns; (now_ns = sim_host_next_ns(host)) != UINT64_MAX;) {
        assert_ok(sim_host_advance(host, now_ns, &error), error);
    }
    assert_int_equal(sim_host_waiting(host), 0);
    assert_int_equal(sim_host_running(host), 0);
}

/* --- queues ---------------------------------------------------------------- */

/* D/D/c: with service D and arrivals every A, start(i) = max(A i, start(i - c) + D). */
static void test_constant_queue(void **state) {
    (void)state;
    static const struct {
        uint32_t cores;
        uint64_t gap_ns;
    } cases[] = {{1, 100}, {1, 90}, {3, 20}, {3, 34}, {8, 1}, {4, 1000}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        enum { COUNT = 500 };
        fake *node = calloc(1, sizeof *node);
        node->steps = 1;
        sim_host *host = make(node, cases[c].cores, step);
        for (uint64_t i = 0; i < COUNT; i++) {
            request(host, i, i * cases[c].gap_ns);
        }
        run(host);
        uint64_t start_ns[COUNT];
        for (uint64_t i = 0; i < COUNT; i++) {
            start_ns[i] = i * cases[c].gap_ns;
            if (i >= cases[c].cores && start_ns[i - cases[c].cores] + 100 > start_ns[i]) {
                start_ns[i] = start_ns[i - cases[c].cores] + 100;
            }
            assert_int_equal(node->events[i].id, i);
            assert_int_equal(node->events[i].now_ns, start_ns[i]);
            assert_int_equal(node->reply_ns[i], start_ns[i] + 100);
            assert_int_equal(node->ledgers[i].queue_ns, start_ns[i] - i * cases[c].gap_ns);
            assert_int_equal(node->ledgers[i].compute_ns, 100);
        }
        assert_int_equal(sim_host_statistics_of(host)->core_busy_ns, COUNT * 100);
        sim_host_free(host);
        free(node);
    }
}

/* M/D/1 at rho = 0.7: the mean wait is rho D / (2 (1 - rho)) (Pollaczek-Khinchine), on a core
 * ... */
static void test_poisson_queue(void **state) {
    (void)state;
    enum { COUNT = 200000 };
    const double rho = 0.7;
    for (int on_disk = 0; on_disk <= 1; on_disk++) {
        fake *node = calloc(1, sizeof *node);
        double service_ns = 10000.0;
        node->steps = 100;
        if (on_disk) { /* ... and at the disk, where a write of 9,500 bytes takes 10 us */
            node->steps = 0;
            node->write_bytes = 9500;
        }
        sim_host *host = make(node, on_disk ? 1000 : 1, step);
        cg_stream stream = cg_stream_init(11, "test.arrival", 0);
        double at_ns = 0.0;
        for (uint64_t i = 0; i < COUNT; i++) {
            at_ns += cg_stream_next_exponential(&stream, service_ns / rho);
            request(host, SEEN_MAX + i, (uint64_t)at_ns);
        }
        run(host);
        double mean_ns = node->wait_sum_ns / COUNT;
        double expected_ns = rho * service_ns / (2.0 * (1.0 - rho));
        assert_int_equal(node->replies, COUNT);
        assert_true(mean_ns > 0.97 * expected_ns && mean_ns < 1.03 * expected_ns);
        sim_host_free(host);
        free(node);
    }
}

/* The disk serves in the order in which core times end, and holds no core meanwhile. */
static void test_disk(void **state) {
    (void)state;
    fake *node = calloc(1, sizeof *node);
    node->steps = 1;
    node->reads = 2; /* 2,000 ns on the disk */
    sim_host *host = make(node, 1, step);
    request(host, 0, 0);
    request(host, 1, 10);
    run(host);
    assert_int_equal(node->events[1].now_ns,
                     100); /* the core is free while the first one reads */
    assert_int_equal(node->reply_ns[0], 100 + 2000);
    assert_int_equal(node->reply_ns[1], 100 + 2000 + 2000); /* asks at 200, waits until 2,100 */
    assert_int_equal(node->ledgers[1].queue_ns, 90 + 1900);
    assert_int_equal(node->ledgers[1].compute_ns, 100);
    assert_int_equal(node->ledgers[1].tier_ns, 2000);
    assert_int_equal(node->ledgers[1].disk_ns, 0);
    assert_int_equal(sim_host_statistics_of(host)->disk_busy_ns, 4000);
    sim_host_free(host);
    free(node);
}

/* A write comes back as STORAGE_DONE after 500 ns + 1 ns a byte; disk_write in a step's work is
 * not paid. */
static void test_write(void **state) {
    (void)state;
    fake *node = calloc(1, sizeof *node);
    node->steps = 1;
    node->write_bytes = 300;
    sim_host *host = make(node, 1, step);
    request(host, 5, 1000);
    run(host);
    assert_int_equal(node->event_count, 2);
    assert_int_equal(node->events[1].kind, CG_EVENT_STORAGE_DONE);
    assert_int_equal(node->events[1].id, 5);
    assert_int_equal(node->events[1].now_ns, 1000 + 100 + 800);
    assert_int_equal(node->reply_ns[5], 1000 + 100 + 800 + 100);
    assert_int_equal(node->ledgers[5].disk_ns, 800);
    assert_int_equal(node->ledgers[5].compute_ns, 200);
    const sim_host_statistics *statistics = sim_host_statistics_of(host);
    assert_int_equal(statistics->writes, 1);
    assert_int_equal(statistics->work.operations[CG_WORK_DISK_WRITE], 1);
    assert_int_equal(statistics->work.units[CG_WORK_DISK_WRITE], 300);
    sim_host_free(host);
    free(node);
}

/* A short step that overtakes a long one on another core does not overtake it at the disk. */
static void test_writes_keep_their_order(void **state) {
    (void)state;
    fake *node = calloc(1, sizeof *node);
    node->steps = 1;
    node->first_steps = 100;
    node->write_bytes = 300;
    sim_host *host = make(node, 2, step);
    request(host, 5, 1000);
    request(host, 6, 2000);
    run(host);
    assert_int_equal(node->event_count, 4);
    assert_int_equal(node->events[2].id, 5);
    assert_int_equal(node->events[2].now_ns, 1000 + 100 * 100 + 800);
    assert_int_equal(node->events[3].id, 6);
    assert_int_equal(node->events[3].now_ns, 1000 + 100 * 100 + 2 * 800);
    assert_int_equal(node->ledgers[6].queue_ns, 1000 + 100 * 100 + 800 - 2100);
    assert_int_equal(sim_ledger_total_ns(&node->ledgers[6]), node->reply_ns[6] - 2000);
    sim_host_free(host);
    free(node);
}

/* --- order and fingerprint ------------------------------------------------- */

/* At one instant: what ends, messages by sender and sequence, storage, timers, requests;
 * however put in. */
static void test_instant(void **state) {
    (void)state;
    static const struct {
        cg_event_kind kind;
        uint32_t sender;
        uint64_t sequence;
    } wanted[] = {{CG_EVENT_MESSAGE, 0, 9}, {CG_EVENT_MESSAGE, 2, 3},
                  {CG_EVENT_MESSAGE, 2, 4}, {CG_EVENT_STORAGE_DONE, 1, 1},
                  {CG_EVENT_TIMER, 1, 2},   {CG_EVENT_REQUEST, 0, 7}};
    enum { COUNT = sizeof wanted / sizeof *wanted };
    uint64_t fingerprints[8];
    for (uint64_t turn = 0; turn < 8; turn++) {
        fake *node = calloc(1, sizeof *node);
        node->steps = 1;
        sim_host *host = make(node, 1, step);
        uint32_t order[COUNT] = {0, 1, 2, 3, 4, 5};
        cg_stream stream = cg_stream_init(turn, "test.order", 0);
        cg_stream_shuffle_u32(&stream, order, COUNT);
        request(host, 100, 400); /* is paid at 500, which frees the core */
        for (size_t i = 0; i < COUNT; i++) {
            sim_delivery delivery = {.kind = wanted[order[i]].kind,
                                     .sender = wanted[order[i]].sender,
                                     .due_ns = 500,
                                     .sequence = wanted[order[i]].sequence,
                                     .id = order[i],
                                     .bytes = (const uint8_t *)"fact",
                                     .size_bytes = 4};
            cg_error error;
            assert_ok(sim_host_deliver(host, &delivery, &error), error);
        }
        run(host);
        assert_int_equal(node->event_count, COUNT + 1);
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(node->events[i + 1].id, i);
            assert_int_equal(node->events[i + 1].now_ns, 500 + 100 * i);
        }
        fingerprints[turn] = sim_host_fingerprint(host);
        assert_int_equal(fingerprints[turn], fingerprints[0]);
        sim_host_free(host);
        free(node);
    }
}

/* --- a random node --------------------------------------------------------- */

/* Answers a request after a random chain of timers, writes and messages to itself; the chain
 * carries the request's id (in timers and writes as the id, in messages as their only meaning:
 * size - 8). Sometimes it answers a request from the event of another, as a node does that
 * ships records together. */
static cg_status step_random(void *context, const cg_event *event, cg_outputs *outputs,
                             cg_error *error) {
    fake *node = context;
    node->event_count++;
    cg_work_count(&outputs->work, CG_WORK_STEP, cg_stream_next_below(&node->random, 4), 0);
    cg_work_count(&outputs->work, CG_WORK_TIER_L1, cg_stream_next_below(&node->random, 20), 0);
    cg_work_count(&outputs->work, CG_WORK_TIER_STORE, cg_stream_next_below(&node->random, 2),
                  0);
    uint64_t id = event->kind == CG_EVENT_MESSAGE ? event->size_bytes - 8 : event->id;
    cg_output output = {.id = id};
    switch (cg_stream_next_below(&node->random, 5)) {
    case 0:
        output.kind = CG_OUTPUT_TIMER;
        output.at_ns = event->now_ns + cg_stream_next_below(&node->random, 3000);
        return add(outputs, output, 0, error);
    case 1:
        output.kind = CG_OUTPUT_WRITE;
        return add(outputs, output, 1 + cg_stream_next_below(&node->random, 100), error);
    case 2:
        output.kind = CG_OUTPUT_SEND;
        output.to = 1;
        return add(outputs, output, 8 + id, error);
    default: /* once in two, that of the neighbour, which may be open still or answered long ago
              */
        return add_reply(outputs, id ^ cg_stream_next_below(&node->random, 2), error);
    }
}

static void test_ledger_adds_up(void **state) {
    (void)state;
    uint64_t seed = support_seed(42);
    uint64_t fingerprint = 0;
    for (int turn = 0; turn < 2; turn++) {
        fake *node = calloc(1, sizeof *node);
        node->random = cg_stream_init(seed, "test.node", 0);
        sim_host *host = make(node, 2, step_random);
        for (uint64_t i = 0; i < SEEN_MAX; i++) {
            request(host, i, i * 700);
        }
        run(host); /* on_reply asserts that each adds up */
        assert_int_equal(node->replies, SEEN_MAX);
        uint64_t parts_ns[SIM_LEDGER_PART_COUNT] = {0};
        for (size_t i = 0; i < SEEN_MAX; i++) {
            for (int part = 0; part < SIM_LEDGER_PART_COUNT; part++) {
                parts_ns[part] += sim_ledger_part_ns(&node->ledgers[i], (sim_ledger_part)part);
            }
        }
        for (int part = 0; part < SIM_LEDGER_PART_COUNT; part++) {
            assert_true(parts_ns[part] > 0); /* the test reaches all of them */
        }
        if (turn == 0) {
            fingerprint = sim_host_fingerprint(host);
        }
        assert_int_equal(sim_host_fingerprint(host), fingerprint);
        sim_host_free(host);
        free(node);
    }
}

static void test_rebase(void **state) {
    (void)state;
    sim_ledger ledger = sim_ledger_begin(1000);
    sim_ledger_charge(&ledger, SIM_LEDGER_QUEUE, 1010);
    sim_ledger_charge(&ledger, SIM_LEDGER_COMPUTE, 1110);
    sim_ledger_charge(&ledger, SIM_LEDGER_WIRE, 1160);
    sim_ledger_charge(&ledger, SIM_LEDGER_WIRE, 1160);
    sim_ledger older = ledger;
    sim_ledger_rebase(&older, 900);
    assert_int_equal(older.queue_ns, 110);
    assert_int_equal(sim_ledger_total_ns(&older), 260);
    sim_ledger younger = ledger;
    sim_ledger_rebase(&younger, 1100); /* queue first, then wire, then compute */
    assert_int_equal(younger.queue_ns, 0);
    assert_int_equal(younger.wire_ns, 0);
    assert_int_equal(younger.compute_ns, 60);
    assert_int_equal(sim_ledger_total_ns(&younger), 60);
}

/* --- network and failures -------------------------------------------------- */

static bool refuse(void *context, uint32_t from, uint32_t to, uint64_t now_ns,
                   size_t size_bytes) {
    uint64_t *calls = context;
    assert_int_equal(from, 3);
    assert_int_equal(to, 1);
    assert_int_equal(now_ns, 50);
    assert_int_equal(size_bytes, 2);
    (*calls)++;
    return false;
}

/* A message that the network refuses when it is due never reaches the node. */
static void test_refused(void **state) {
    (void)state;
    fake *node = calloc(1, sizeof *node);
    sim_host *host = make(node, 1, step);
    uint64_t calls = 0;
    sim_transport transport = {.arrive = refuse, .context = &calls};
    sim_host_attach(host, &transport);
    sim_delivery delivery = {.kind = CG_EVENT_MESSAGE,
                             .sender = 3,
                             .due_ns = 50,
                             .bytes = (const uint8_t *)"hi",
                             .size_bytes = 2};
    cg_error error;
    assert_ok(sim_host_deliver(host, &delivery, &error), error);
    run(host);
    assert_int_equal(calls, 1);
    assert_int_equal(node->event_count, 0);
    assert_int_equal(sim_host_statistics_of(host)->dropped, 1);
    sim_host_free(host);
    free(node);
}

static void test_failures(void **state) {
    (void)state;
    cg_error error;
    sim_host_options options = {.host = 0, .hosts = 1, .cores = 0};
    sim_machine machine = {.step = step};
    sim_host_sink sink = {0};
    sim_profile profile = profile_of_test();
    sim_host *host = NULL;
    assert_status(
        sim_host_alloc(&options, &machine, &profile, &sink, cg_allocator_heap(), &host, &error),
        CG_ERROR_INVALID, error, "0 cores");
    assert_null(host);
    fake *node = calloc(1, sizeof *node);
    node->failing_at = 2;
    host = make(node, 1, step);
    request(host, 0, 0);
    request(host, 1, 70);
    assert_ok(sim_host_advance(host, 69, &error), error);
    assert_status(sim_host_advance(host, 70, &error), CG_ERROR_MEMORY, error,
                  "host 1 at 70 ns: the fake is out of memory");
    sim_host_free(host);
    free(node);
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
        fake *node = calloc(1, sizeof *node);
        node->write_bytes = 100;
        node->steps = 1;
        sim_host_options options = {.host = 0, .hosts = 1, .cores = 2};
        sim_profile profile = profile_of_test();
        sim_machine machine = {.step = step, .context = node};
        sim_host_sink sink = {.reply = on_reply, .context = node};
        sim_host *host = NULL;
        cg_error error;
        cg_status status = sim_host_alloc(&options, &machine, &profile, &sink,
                                          cg_counting_allocator_view(&counting), &host, &error);
        for (uint64_t i = 0; status == CG_OK && i < 40; i++) {
            sim_delivery delivery = {.kind = CG_EVENT_REQUEST,
                                     .due_ns = i,
                                     .sequence = i,
                                     .id = i,
                                     .bytes = (const uint8_t *)"some fact",
                                     .size_bytes = 9};
            status = sim_host_deliver(host, &delivery, &error);
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
        cmocka_unit_test(test_constant_queue),
        cmocka_unit_test(test_poisson_queue),
        cmocka_unit_test(test_disk),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_writes_keep_their_order),
        cmocka_unit_test(test_instant),
        cmocka_unit_test(test_ledger_adds_up),
        cmocka_unit_test(test_rebase),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
