/* Goal: reads from the store take the disk, first come first served with writes and with the work
 * of steps, cost what the profile says, hold nobody up and come back as READ_DONE; alerts come
 * out whole; and every field of a request is in the fingerprint. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/host/host.h"

/* --- a node that does as each event tells it ------------------------------------------------ */

enum { DONE_MAX = 4096, ALERT_BYTES = 2000 };
enum { READ = 1, WRITE = 2, ANSWER = 4, ALERT = 8, DISK_WORK = 16 }; /* a request's label */

typedef struct scripted {
    uint32_t read_bytes;
    uint32_t write_bytes;
    uint32_t alert_bytes;
    uint64_t read_done_ns[DONE_MAX]; /* by id */
    uint64_t write_done_ns[DONE_MAX];
    uint64_t reply_ns[DONE_MAX];
    sim_ledger ledgers[DONE_MAX];
    uint64_t replies;
    uint64_t alerts;
    uint64_t alert_ns;
    cg_severity severity;
    char text[ALERT_BYTES];
} scripted;

static cg_status add(cg_outputs *outputs, cg_output output, size_t size_bytes,
                     cg_error *error) {
    uint8_t *bytes = NULL;
    cg_status status = cg_outputs_add(outputs, &output, size_bytes, &bytes, error);
    if (status == CG_OK && size_bytes > 0) {
        memset(bytes, 'x', size_bytes);
    }
    return status;
}

/* Reads and writes of request i have token i; both, when durable or here, answer it. */
static cg_status step(void *context, const cg_event *event, cg_outputs *outputs,
                      cg_error *error) {
    scripted *node = context;
    cg_work_count(&outputs->work, CG_WORK_STEP, 1, 0);
    cg_output read = {.kind = CG_OUTPUT_READ, .id = event->id, .read_bytes = node->read_bytes};
    cg_output write = {.kind = CG_OUTPUT_WRITE, .id = event->id};
    cg_output reply = {.kind = CG_OUTPUT_REPLY, .reply = {.request_id = event->id}};
    cg_output alert = {.kind = CG_OUTPUT_ALERT, .severity = CG_CRITICAL};
    cg_status status = CG_OK;
    if (event->kind == CG_EVENT_READ_DONE) {
        node->read_done_ns[event->id] = event->now_ns;
        return add(outputs, reply, 0, error);
    }
    if (event->kind == CG_EVENT_STORAGE_DONE) {
        node->write_done_ns[event->id] = event->now_ns;
        return add(outputs, reply, 0, error);
    }
    if (event->label & DISK_WORK) {
        cg_work_count(&outputs->work, CG_WORK_TIER_STORE, 1, 0);
    }
    if (event->label & READ) {
        status = add(outputs, read, 0, error);
    }
    if (status == CG_OK && event->label & WRITE) {
        status = add(outputs, write, node->write_bytes, error);
    }
    if (status == CG_OK && event->label & ALERT) {
        status = add(outputs, alert, node->alert_bytes, error);
    }
    return status == CG_OK && event->label & ANSWER ? add(outputs, reply, 0, error) : status;
}

static cg_status on_reply(void *context, uint32_t host, uint64_t now_ns, const cg_reply *reply,
                          const sim_ledger *ledger, cg_error *error) {
    (void)host;
    (void)error;
    scripted *node = context;
    assert_int_equal(ledger->mark_ns, now_ns);
    assert_int_equal(sim_ledger_total_ns(ledger), now_ns - ledger->start_ns);
    if (reply->request_id < DONE_MAX) {
        node->reply_ns[reply->request_id] = now_ns;
        node->ledgers[reply->request_id] = *ledger;
    }
    node->replies++;
    return CG_OK;
}

static cg_status on_alert(void *context, uint32_t host, uint64_t now_ns, cg_severity severity,
                          const char *text, cg_error *error) {
    scripted *node = context;
    assert_int_equal(host, 2);
    node->alerts++;
    node->alert_ns = now_ns;
    node->severity = severity;
    snprintf(node->text, sizeof node->text, "%s", text);
    return node->alert_bytes == 13 ? cg_error_set(error, CG_ERROR_INTERRUPTED, "enough")
                                   : CG_OK;
}

/* step 100 ns on a core; tier_store 1,000 ns + 2 ns a byte, disk_write 500 ns + 1 ns a byte. */
static sim_profile profile_of_test(void) {
    sim_profile profile = {0};
    profile.entries[CG_WORK_STEP].fixed_ps = 100000;
    profile.entries[CG_WORK_TIER_STORE] = (sim_profile_entry){.fixed_ps = 1000000,
                                                              .per_unit_ps = 2000,
                                                              .fixed_fj = 5000,
                                                              .per_unit_fj = 3000,
                                                              .resource = SIM_RESOURCE_DISK};
    profile.entries[CG_WORK_DISK_WRITE] = (sim_profile_entry){
        .fixed_ps = 500000, .per_unit_ps = 1000, .resource = SIM_RESOURCE_DISK};
    return profile;
}

static sim_host *make(scripted *node, uint32_t cores, bool alerts) {
    sim_host_options options = {.host = 2, .hosts = 3, .cores = cores};
    sim_profile profile = profile_of_test();
    sim_machine machine = {.step = step, .context = node};
    sim_host_sink sink = {
        .reply = on_reply, .alert = alerts ? on_alert : NULL, .context = node};
    sim_host *host = NULL;
    cg_error error = {0};
    assert_ok(
        sim_host_alloc(&options, &machine, &profile, &sink, cg_allocator_heap(), &host, &error),
        error);
    return host;
}

static void request(sim_host *host, uint64_t id, uint64_t due_ns, uint32_t label) {
    sim_delivery delivery = {
        .kind = CG_EVENT_REQUEST, .due_ns = due_ns, .sequence = id, .id = id, .label = label};
    cg_error error = {0};
    assert_ok(sim_host_deliver(host, &delivery, &error), error);
}

static void run(sim_host *host) {
    cg_error error = {0};
    for (uint64_t now_ns; (now_ns = sim_host_next_ns(host)) != UINT64_MAX;) {
        assert_ok(sim_host_advance(host, now_ns, &error), error);
    }
}

/* --- reads ---------------------------------------------------------------------------------- */

/* 64 bytes: 1,128 ns. The step's answer does not wait for it, and neither does the core. */
static void test_one_read(void **state) {
    (void)state;
    scripted *node = calloc(1, sizeof *node);
    node->read_bytes = 64;
    sim_host *host = make(node, 1, false);
    request(host, 3, 1000, READ | ANSWER);
    request(host, 4, 1050, ANSWER);
    cg_error error = {0};
    assert_ok(sim_host_advance(host, 1200, &error), error);
    assert_int_equal(node->reply_ns[3], 1100);
    assert_int_equal(node->ledgers[3].compute_ns, 100);
    assert_int_equal(node->ledgers[3].tier_ns, 0);
    assert_int_equal(node->reply_ns[4], 1200);
    run(host);
    assert_int_equal(node->read_done_ns[3], 1100 + 1128);
    assert_int_equal(node->reply_ns[3], 1100 + 1128 + 100); /* its second answer */
    /* 5 pJ and 3 pJ a byte */
    const sim_host_statistics *statistics = sim_host_statistics_of(host);
    assert_int_equal(statistics->reads, 1);
    assert_int_equal(statistics->writes, 0);
    assert_int_equal(statistics->events[CG_EVENT_READ_DONE], 1);
    assert_int_equal(statistics->disk_busy_ns, 1128);
    assert_int_equal(statistics->core_busy_ns, 300);
    assert_int_equal(statistics->energy_pj, 5 + 64 * 3);
    assert_int_equal(statistics->work.operations[CG_WORK_TIER_STORE], 1);
    assert_int_equal(statistics->work.units[CG_WORK_TIER_STORE], 64);
    sim_host_free(host);
    free(node);
}

/* Reads, writes and disk work of steps wait for one disk, in the order in which they get there. */
static void test_one_disk(void **state) {
    (void)state;
    scripted *node = calloc(1, sizeof *node);
    node->read_bytes = 0;    /* 1,000 ns */
    node->write_bytes = 300; /* 800 ns */
    sim_host *host = make(node, 4, false);
    request(host, 1, 0, READ);
    request(host, 2, 10, WRITE);
    request(host, 3, 20, DISK_WORK | ANSWER);
    request(host, 4, 30, READ);
    request(host, 5, 40, WRITE);
    run(host);
    uint64_t free_ns = 100 + 1000;
    assert_int_equal(node->read_done_ns[1], free_ns);
    assert_int_equal(node->ledgers[1].tier_ns, 1000);
    assert_int_equal(node->ledgers[1].queue_ns, 0);
    assert_int_equal(node->ledgers[1].compute_ns, 200);
    free_ns += 800;
    assert_int_equal(node->write_done_ns[2], free_ns);
    assert_int_equal(node->ledgers[2].disk_ns, 800);
    assert_int_equal(node->ledgers[2].queue_ns, 1100 - 110);
    free_ns += 1000;
    assert_int_equal(node->reply_ns[3], free_ns);
    assert_int_equal(node->ledgers[3].tier_ns, 1000);
    assert_int_equal(node->ledgers[3].queue_ns, 1900 - 120);
    free_ns += 1000;
    assert_int_equal(node->read_done_ns[4], free_ns);
    assert_int_equal(node->ledgers[4].queue_ns, 2900 - 130);
    assert_int_equal(node->ledgers[4].tier_ns, 1000);
    assert_int_equal(node->ledgers[4].disk_ns, 0);
    free_ns += 800;
    assert_int_equal(node->write_done_ns[5], free_ns);
    assert_int_equal(sim_host_statistics_of(host)->disk_busy_ns, free_ns - 100);
    sim_host_free(host);
    free(node);
}

/* Reads of a profile that has the store on the core take the device all the same. */
static void test_store_on_the_core(void **state) {
    (void)state;
    scripted *node = calloc(1, sizeof *node);
    node->read_bytes = 10;
    sim_host_options options = {.host = 0, .hosts = 1, .cores = 1};
    sim_profile profile = profile_of_test();
    profile.entries[CG_WORK_TIER_STORE].resource = SIM_RESOURCE_CORE;
    sim_machine machine = {.step = step, .context = node};
    sim_host_sink sink = {.reply = on_reply, .context = node};
    sim_host *host = NULL;
    cg_error error = {0};
    assert_ok(
        sim_host_alloc(&options, &machine, &profile, &sink, cg_allocator_heap(), &host, &error),
        error);
    request(host, 1, 0, READ);
    request(host, 2, 0, READ);
    run(host);
    assert_int_equal(node->read_done_ns[1], 100 + 1020);
    assert_int_equal(node->read_done_ns[2], 100 + 2 * 1020);
    assert_int_equal(sim_host_statistics_of(host)->disk_busy_ns, 2 * 1020);
    assert_int_equal(sim_host_statistics_of(host)->core_busy_ns, 4 * 100);
    sim_host_free(host);
    free(node);
}

/* Whatever a request asks of the disk, its answers' ledgers add up (on_reply), the disk's busy
 * time is the sum of what was asked, and the disk serves in the order in which it was asked. */
static void test_random_disk(void **state) {
    (void)state;
    uint64_t seed = support_seed(7);
    for (uint32_t cores = 1; cores <= 3; cores++) {
        scripted *node = calloc(1, sizeof *node);
        cg_stream stream = cg_stream_init(seed, "test.disk", cores);
        node->read_bytes = (uint32_t)cg_stream_next_below(&stream, 200);
        node->write_bytes = 1 + (uint32_t)cg_stream_next_below(&stream, 200);
        sim_host *host = make(node, cores, false);
        uint64_t reads = 0;
        uint64_t writes = 0;
        uint64_t works = 0;
        uint64_t due_ns = 0;
        for (uint64_t id = 0; id < DONE_MAX; id++) {
            uint32_t label = (uint32_t)cg_stream_next_below(&stream, 32) & ~(uint32_t)ALERT;
            due_ns += cg_stream_next_below(&stream, 4000);
            reads += (label & READ) != 0;
            writes += (label & WRITE) != 0;
            works += (label & DISK_WORK) != 0;
            request(host, id, due_ns, label);
        }
        run(host);
        const sim_host_statistics *statistics = sim_host_statistics_of(host);
        assert_int_equal(statistics->reads, reads);
        assert_int_equal(statistics->writes, writes);
        assert_int_equal(statistics->disk_busy_ns, reads * (1000 + 2 * node->read_bytes) +
                                                       writes * (500 + node->write_bytes) +
                                                       works * 1000);
        uint64_t last_ns = 0;
        for (uint64_t id = 0; cores == 1 && id < DONE_MAX; id++) {
            if (node->write_done_ns[id] > 0) {
                assert_true(node->write_done_ns[id] > last_ns);
                last_ns = node->write_done_ns[id];
            }
        }
        sim_host_free(host);
        free(node);
    }
}

/* --- alerts --------------------------------------------------------------------------------- */

static void test_alerts(void **state) {
    (void)state;
    static const struct {
        uint32_t bytes;
        size_t length;
    } cases[] = {{1, 1},
                 {80, 80},
                 {CG_ERROR_MESSAGE_BYTES - 1, CG_ERROR_MESSAGE_BYTES - 1},
                 {CG_ERROR_MESSAGE_BYTES, CG_ERROR_MESSAGE_BYTES - 1},
                 {1500, CG_ERROR_MESSAGE_BYTES - 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scripted *node = calloc(1, sizeof *node);
        node->alert_bytes = cases[i].bytes;
        sim_host *host = make(node, 1, true);
        request(host, 1, 500, ALERT | ANSWER);
        run(host);
        assert_int_equal(node->alerts, 1);
        assert_int_equal(node->alert_ns, 600);
        assert_int_equal(node->severity, CG_CRITICAL);
        assert_int_equal(strlen(node->text), cases[i].length);
        assert_int_equal(strspn(node->text, "x"), cases[i].length);
        assert_int_equal(node->replies, 1);
        sim_host_free(host);
        free(node);
    }
}

/* Nobody has to listen; and who fails ends the run. */
static void test_alert_sink(void **state) {
    (void)state;
    scripted *node = calloc(1, sizeof *node);
    node->alert_bytes = 13;
    sim_host *host = make(node, 1, false);
    request(host, 1, 0, ALERT | ANSWER);
    run(host);
    assert_int_equal(node->alerts, 0);
    assert_int_equal(node->replies, 1);
    sim_host_free(host);
    host = make(node, 1, true);
    request(host, 1, 0, ALERT | ANSWER);
    cg_error error = {0};
    assert_status(sim_host_advance(host, 100, &error), CG_ERROR_INTERRUPTED, error,
                  "host 2 at 100 ns: enough");
    assert_int_equal(node->replies, 1);
    sim_host_free(host);
    free(node);
}

/* --- what a request says -------------------------------------------------------------------- */

static uint64_t fingerprint_of(const sim_delivery *delivery) {
    scripted *node = calloc(1, sizeof *node);
    sim_host *host = make(node, 1, false);
    cg_error error = {0};
    assert_ok(sim_host_deliver(host, delivery, &error), error);
    run(host);
    uint64_t fingerprint = sim_host_fingerprint(host);
    sim_host_free(host);
    free(node);
    return fingerprint;
}

/* Each field of a request, changed alone, changes the fingerprint, and no two changes give the
 * same. */
static void test_fingerprint_of_requests(void **state) {
    (void)state;
    const sim_delivery plain = {.kind = CG_EVENT_REQUEST,
                                .due_ns = 10,
                                .id = 1,
                                .bytes = (const uint8_t *)"keys",
                                .size_bytes = 4};
    enum { CHANGES = 11 };
    sim_delivery changed[CHANGES];
    for (int i = 0; i < CHANGES; i++) {
        changed[i] = plain;
    }
    changed[0].request = CG_REQUEST_RECALL;
    changed[1].client = 1;
    changed[2].hops = 1;
    changed[3].priority = 1;
    changed[4].target = 1;
    changed[5].flags = CG_REQUEST_AUDIT;
    changed[6].label = 1 << 10;
    changed[7].bytes = (const uint8_t *)"kezs";
    changed[8].size_bytes = 3;
    changed[9].id = 2;
    uint64_t fingerprints[CHANGES];
    for (int i = 0; i < CHANGES; i++) {
        fingerprints[i] = fingerprint_of(&changed[i]);
        for (int j = 0; j < i; j++) {
            assert_true(fingerprints[i] != fingerprints[j]);
        }
    }
    assert_int_equal(fingerprints[CHANGES - 1], fingerprint_of(&plain));
}

static cg_status expect_request(void *context, const cg_event *event, cg_outputs *outputs,
                                cg_error *error) {
    (void)outputs;
    (void)error;
    uint32_t *steps = context;
    ++*steps;
    if (event->kind == CG_EVENT_REQUEST) {
        assert_int_equal(event->request, CG_REQUEST_RECALL);
        assert_int_equal(event->client, 70000);
        assert_int_equal(event->hops, 5);
        assert_int_equal(event->priority, 3);
        assert_int_equal(event->target, UINT64_C(1) << 50);
        assert_int_equal(event->flags, CG_REQUEST_LABELLED);
        assert_int_equal(event->label, 9);
        assert_int_equal(event->core_busy_ns, 0);
    } else { /* a timer is told how busy the host has been */
        assert_int_equal(event->kind, CG_EVENT_TIMER);
        assert_int_equal(event->core_busy_ns, 100);
        assert_int_equal(event->disk_busy_ns, 1000);
        return CG_OK;
    }
    cg_work_count(&outputs->work, CG_WORK_STEP, 1, 0);
    cg_work_count(&outputs->work, CG_WORK_TIER_STORE, 1, 0);
    cg_output timer = {.kind = CG_OUTPUT_TIMER, .id = 4, .at_ns = 5000};
    return add(outputs, timer, 0, error);
}

static void test_fields_reach_the_node(void **state) {
    (void)state;
    uint32_t steps = 0;
    sim_host_options options = {.host = 0, .hosts = 1, .cores = 1};
    sim_profile profile = profile_of_test();
    sim_machine machine = {.step = expect_request, .context = &steps};
    sim_host_sink sink = {0};
    sim_host *host = NULL;
    cg_error error = {0};
    assert_ok(
        sim_host_alloc(&options, &machine, &profile, &sink, cg_allocator_heap(), &host, &error),
        error);
    sim_delivery delivery = {.kind = CG_EVENT_REQUEST,
                             .due_ns = 1,
                             .id = 1,
                             .flags = CG_REQUEST_LABELLED,
                             .label = 9,
                             .request = CG_REQUEST_RECALL,
                             .client = 70000,
                             .hops = 5,
                             .priority = 3,
                             .target = UINT64_C(1) << 50};
    assert_ok(sim_host_deliver(host, &delivery, &error), error);
    run(host);
    assert_int_equal(steps, 2);
    sim_host_free(host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_read),
        cmocka_unit_test(test_one_disk),
        cmocka_unit_test(test_store_on_the_core),
        cmocka_unit_test(test_random_disk),
        cmocka_unit_test(test_alerts),
        cmocka_unit_test(test_alert_sink),
        cmocka_unit_test(test_fingerprint_of_requests),
        cmocka_unit_test(test_fields_reach_the_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
