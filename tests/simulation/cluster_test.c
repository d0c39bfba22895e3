/* Goal: the loop over SimGrid and the bare loop move the same world through the same events
 * when links take no time; SimGrid's runs repeat; bandwidth and latency are exact; and every
 * way to end is told. Nodes are fakes, so that nothing but the loops is tested. Each SimGrid
 * run has a process of its own. */
#include "tests/support/support.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "sim/cluster/bare.h"
#include "sim/cluster/cluster.h"
#include "sim/scenario/time_limit.h"

enum { HOSTS_MAX = 64 };
/* bit/s: 1 MB takes 0.008 ns */
static const uint64_t unlimited = UINT64_C(1000000000000000000);

typedef struct setting {
    sim_fabric_options fabric;
    uint64_t bandwidth_bits_per_s;
    uint32_t requests;
    uint64_t gap_ns; /* between requests */
    uint32_t hops;   /* that a request's message makes before the answer */
    uint32_t bytes;  /* of a message, at least 12 */
    bool to_next;    /* messages go to the next host; otherwise where a hash says */
    bool timers;     /* some hops wait for a timer, a write, or work */
    uint64_t step_ns;
    uint64_t end_ns;
    uint64_t failing_at;   /* the n-th step fails */
    uint64_t act_every_ns; /* the director partitions and heals in turn; 0: it does not act */
    bool never_finished;
} setting;

typedef struct outcome { /* what comes back through a pipe */
    cg_status status;
    char message[256];
    sim_run_result result;
    sim_fabric_statistics fabric;
    uint64_t replies;
    uint64_t reply_sum_ns;
    uint64_t last_reply_ns;
    uint64_t acts;
    bool signals_kept;
} outcome;

typedef struct bed { /* what all fakes of a run share */
    const setting *set;
    sim_fabric *fabric;
    outcome out;
    uint64_t steps;
} bed;

typedef struct fake {
    bed *shared;
    uint32_t host;
} fake;

static cg_status pass_on(fake *node, uint64_t id, uint32_t hops, cg_outputs *outputs,
                         cg_error *error) {
    const setting *set = node->shared->set;
    uint32_t hosts = set->fabric.hosts;
    uint32_t to = (node->host + 1) % hosts;
    if (!set->to_next) {
        to = (uint32_t)(cg_hash_u64(id, hops) % hosts); /* itself too */
    }
    cg_output output = {.kind = CG_OUTPUT_SEND, .to = to};
    uint8_t *bytes = NULL;
    cg_status status = cg_outputs_add(outputs, &output, set->bytes, &bytes, error);
    if (status == CG_OK) {
        memset(bytes, 0, set->bytes);
        cg_writer writer = cg_writer_init(bytes, set->bytes);
        cg_write_u64(&writer, id);
        cg_write_u32(&writer, hops);
    }
    return status;
}

/* Hops left are in the message; in timers and writes, in the id's upper half. */
static cg_status step(void *context, const cg_event *event, cg_outputs *outputs,
                      cg_error *error) {
    fake *node = context;
    const setting *set = node->shared->set;
    uint64_t id = event->id & UINT32_MAX;
    uint32_t hops = (uint32_t)(event->id >> 32);
    bool waited = event->kind == CG_EVENT_TIMER || event->kind == CG_EVENT_STORAGE_DONE;
    if (++node->shared->steps == set->failing_at) {
        return cg_error_set(error, CG_ERROR_MEMORY, "the fake fails");
    }
    if (event->kind == CG_EVENT_REQUEST) {
        hops = set->hops;
    } else if (event->kind == CG_EVENT_MESSAGE) {
        cg_reader reader = cg_reader_init(event->bytes, event->size_bytes);
        id = cg_read_u64(&reader);
        hops = cg_read_u32(&reader);
    }
    cg_work_count(&outputs->work, CG_WORK_STEP, 1, 0);
    if (hops == 0) {
        cg_output reply = {.kind = CG_OUTPUT_REPLY, .reply = {.request_id = id}};
        return cg_outputs_add(outputs, &reply, 0, NULL, error);
    }
    uint64_t luck = cg_hash_u64(id, 1000 + hops) % 8;
    if (set->timers && !waited && luck < 3) {
        cg_output wait = {.kind = luck == 0 ? CG_OUTPUT_WRITE : CG_OUTPUT_TIMER,
                          .id = (uint64_t)hops << 32 | id,
                          .at_ns = event->now_ns + luck * 1000};
        uint8_t *bytes = NULL;
        cg_status status = cg_outputs_add(outputs, &wait, luck == 0 ? 100 : 0,
                                          luck == 0 ? &bytes : NULL, error);
        if (status == CG_OK && bytes) {
            memset(bytes, 0, 100);
        }
        return status;
    }
    return pass_on(node, id, hops - 1, outputs, error);
}

static cg_status on_reply(void *context, uint32_t host, uint64_t now_ns, const cg_reply *reply,
                          const sim_ledger *ledger, cg_error *error) {
    (void)host;
    (void)reply;
    (void)error;
    bed *shared = context;
    shared->out.replies++;
    shared->out.reply_sum_ns += now_ns - ledger->start_ns;
    shared->out.last_reply_ns = now_ns;
    CG_ASSERT(sim_ledger_total_ns(ledger) == now_ns - ledger->start_ns);
    return CG_OK;
}

static uint64_t next_act(void *context) {
    const bed *shared = context;
    uint64_t every_ns = shared->set->act_every_ns;
    return every_ns > 0 ? (shared->out.acts + 1) * every_ns : UINT64_MAX;
}

static cg_status act(void *context, uint64_t now_ns, cg_error *error) {
    bed *shared = context;
    const uint32_t cut[] = {(uint32_t)(shared->out.acts / 2 % shared->set->fabric.hosts)};
    sim_fabric_change change = {.at_ns = now_ns + 1, .kind = SIM_FABRIC_HEAL};
    if (shared->out.acts % 2 == 0) {
        change.kind = SIM_FABRIC_PARTITION;
        change.hosts = cut;
        change.host_count = 1;
    }
    shared->out.acts++;
    return sim_fabric_change_at(shared->fabric, &change, error);
}

static bool finished(void *context) {
    const bed *shared = context;
    return !shared->set->never_finished && shared->out.replies >= shared->set->requests;
}

static void request_all(const setting *set, sim_host **hosts) {
    CG_ASSERT(set->fabric.hosts > 0);
    for (uint32_t i = 0; i < set->requests; i++) {
        uint32_t host = set->to_next ? 0 : (uint32_t)(cg_hash_u64(i, 77) % set->fabric.hosts);
        sim_delivery delivery = {.kind = CG_EVENT_REQUEST,
                                 .due_ns = i * set->gap_ns,
                                 .sequence = i,
                                 .id = i,
                                 .borrowed = true,
                                 .bytes = (const uint8_t *)"fact",
                                 .size_bytes = 4};
        CG_ASSERT(sim_host_deliver(hosts[host], &delivery, NULL) == CG_OK);
    }
}

/* Runs in the caller's process; the heap must be whole again afterwards. */
static outcome run_here(const setting *set, bool simgrid) {
    bed shared = {.set = set};
    fake fakes[HOSTS_MAX];
    sim_host *hosts[HOSTS_MAX] = {NULL};
    cg_error error = {CG_OK, ""};
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator heap = cg_counting_allocator_view(&counting);
    sim_profile profile = {0};
    profile.entries[CG_WORK_STEP].fixed_ps = set->step_ns * 1000;
    profile.entries[CG_WORK_DISK_WRITE] =
        (sim_profile_entry){.fixed_ps = 20000000, .resource = SIM_RESOURCE_DISK};
    CG_ASSERT(sim_fabric_alloc(&set->fabric, heap, &shared.fabric, &error) == CG_OK);
    for (uint32_t i = 0; i < set->fabric.hosts; i++) {
        fakes[i] = (fake){&shared, i};
        sim_host_options options = {.host = i, .hosts = set->fabric.hosts, .cores = 2};
        sim_machine machine = {.step = step, .context = &fakes[i]};
        sim_host_sink sink = {.reply = on_reply, .context = &shared};
        CG_ASSERT(sim_host_alloc(&options, &machine, &profile, &sink, heap, &hosts[i],
                                 &error) == CG_OK);
    }
    request_all(set, hosts);
    sim_world world = {
        .hosts = hosts,
        .host_count = set->fabric.hosts,
        .fabric = shared.fabric,
        .director = {.next_ns = next_act, .act = act, .finished = finished, .context = &shared},
        .end_ns = set->end_ns,
        .bandwidth_bits_per_s = set->bandwidth_bits_per_s,
    };
    struct sigaction before;
    struct sigaction after;
    (void)sigaction(SIGINT, NULL, &before);
    shared.out.status = simgrid ? sim_cluster_run(&world, heap, &shared.out.result, &error)
                                : sim_bare_run(&world, heap, &shared.out.result, &error);
    (void)sigaction(SIGINT, NULL, &after);
    shared.out.signals_kept = before.sa_handler == after.sa_handler;
    memcpy(shared.out.message, error.message, sizeof shared.out.message);
    shared.out.fabric = sim_fabric_statistics_of(shared.fabric);
    for (uint32_t i = 0; i < set->fabric.hosts; i++) {
        sim_host_free(hosts[i]);
    }
    sim_fabric_free(shared.fabric);
    CG_ASSERT(counting.live_blocks == 0);
    return shared.out;
}

static outcome run_bare(const setting *set) {
    return run_here(set, false);
}

static outcome run_simgrid(const setting *set) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        outcome out = run_here(set, true);
        bool written = write(ends[1], &out, sizeof out) == (ssize_t)sizeof out;
        _exit(written ? 0 : 1);
    }
    (void)close(ends[1]);
    outcome out;
    ssize_t size_bytes = read(ends[0], &out, sizeof out);
    (void)close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(size_bytes, sizeof out);
    assert_true(out.signals_kept);
    return out;
}

static void assert_same(const outcome *left, const outcome *right) {
    assert_int_equal(left->status, CG_OK);
    assert_int_equal(right->status, CG_OK);
    assert_int_equal(left->result.outcome, right->result.outcome);
    assert_int_equal(left->result.ended_ns, right->result.ended_ns);
    assert_int_equal(left->result.events, right->result.events);
    assert_int_equal(left->replies, right->replies);
    assert_int_equal(left->reply_sum_ns, right->reply_sum_ns);
    assert_int_equal(left->acts, right->acts);
    assert_memory_equal(&left->fabric, &right->fabric, sizeof left->fabric);
    assert_true(left->result.fingerprint == right->result.fingerprint);
}

static setting busy(uint32_t hosts) {
    return (setting){
        .fabric = {.hosts = hosts, .seed = 3, .latency_ns = 50000, .jitter_ns = 5000},
        .bandwidth_bits_per_s = unlimited,
        .requests = 500,
        .gap_ns = 1000,
        .hops = 12,
        .bytes = 200,
        .timers = true,
        .step_ns = 700,
        .end_ns = UINT64_C(10000000000),
    };
}

/* --- tests ----------------------------------------------------------------- */

static void test_same_world(void **state) {
    (void)state;
    static const uint32_t host_counts[] = {1, 2, 7, 64};
    for (size_t i = 0; i < sizeof host_counts / sizeof *host_counts; i++) {
        setting set = busy(host_counts[i]);
        outcome bare = run_bare(&set);
        outcome simgrid = run_simgrid(&set);
        assert_same(&bare, &simgrid);
        assert_int_equal(bare.result.outcome, SIM_OUTCOME_FINISHED);
        assert_int_equal(bare.replies, 500);
        assert_int_equal(bare.result.ended_ns, bare.last_reply_ns);
    }
}

/* Ties at every instant: no jitter, no cost, equal latencies, many messages at once; 1 ns
 * latency too. */
static void test_same_ties(void **state) {
    (void)state;
    static const uint64_t latencies_ns[] = {0, 1, 50000};
    for (size_t i = 0; i < sizeof latencies_ns / sizeof *latencies_ns; i++) {
        setting set = busy(9);
        set.fabric.latency_ns = latencies_ns[i];
        set.fabric.jitter_ns = 0;
        set.gap_ns = 0;
        set.step_ns = i == 2 ? 50000 : 0;
        outcome bare = run_bare(&set);
        outcome simgrid = run_simgrid(&set);
        assert_same(&bare, &simgrid);
    }
}

/* Loss, duplicates, reordering, and a director that cuts hosts off and heals at times when
 * messages are sent and due. Some requests are never answered, so the end comes by time. */
static void test_same_faults(void **state) {
    (void)state;
    setting set = busy(5);
    set.fabric.jitter_ns = 0;
    set.fabric.loss = 0.02;
    set.fabric.duplicate = 0.05;
    set.fabric.reorder = 0.1;
    set.act_every_ns = 25000;
    set.end_ns = 5000000;
    outcome bare = run_bare(&set);
    outcome simgrid = run_simgrid(&set);
    assert_same(&bare, &simgrid);
    assert_int_equal(bare.result.outcome, SIM_OUTCOME_END);
    assert_int_equal(bare.result.ended_ns, 5000000);
    assert_int_equal(bare.acts, 200); /* at 25 us, 50 us ... 5 ms, the last one included */
    assert_true(bare.fabric.cut > 0 && bare.fabric.lost > 0 && bare.fabric.duplicated > 0);
    assert_true(bare.replies > 0 && bare.replies < 500);
}

static void test_repeats(void **state) {
    (void)state;
    setting set = busy(16);
    set.bandwidth_bits_per_s = UINT64_C(1000000000);
    outcome first = run_simgrid(&set);
    outcome second = run_simgrid(&set);
    assert_same(&first, &second);
    outcome bare = run_bare(&set);
    assert_true(first.result.fingerprint != bare.result.fingerprint); /* bandwidth counts */
    assert_true(first.reply_sum_ns > bare.reply_sum_ns);
    set.fabric.seed++;
    second = run_simgrid(&set);
    assert_true(first.result.fingerprint != second.result.fingerprint);
}

/* 1,000 hops of 50 us and a step of 1 us at each end, to the nanosecond. */
static void test_ping_pong(void **state) {
    (void)state;
    setting set = busy(2);
    set.fabric.jitter_ns = 0;
    set.requests = 1;
    set.hops = 1000;
    set.to_next = true;
    set.timers = false;
    set.step_ns = 1000;
    outcome simgrid = run_simgrid(&set);
    assert_int_equal(simgrid.status, CG_OK);
    assert_int_equal(simgrid.reply_sum_ns, UINT64_C(1000) * 50000 + UINT64_C(1001) * 1000);
    set.bandwidth_bits_per_s = UINT64_C(10000000000); /* 200 bytes take 160 ns */
    simgrid = run_simgrid(&set);
    assert_int_equal(simgrid.reply_sum_ns,
                     UINT64_C(1000) * (50000 + 160) + UINT64_C(1001) * 1000);
}

/* 1 MB over 10 Mbit/s takes 0.8 s; ten at once over the same link, 8 s. */
static void test_bandwidth(void **state) {
    (void)state;
    setting set = busy(3);
    set.fabric.jitter_ns = 0;
    set.bandwidth_bits_per_s = 10000000;
    set.requests = 1;
    set.hops = 1;
    set.bytes = 1000000;
    set.to_next = true;
    set.timers = false;
    set.step_ns = 0;
    set.end_ns = UINT64_C(100000000000);
    outcome one = run_simgrid(&set);
    assert_int_equal(one.status, CG_OK);
    assert_int_equal(one.reply_sum_ns, 800000000 + 50000);
    set.requests = 10;
    set.gap_ns = 0;
    outcome ten = run_simgrid(&set);
    assert_int_equal(ten.result.ended_ns, UINT64_C(8000000000) + 50000);
    assert_int_equal(ten.reply_sum_ns,
                     10 * (UINT64_C(8000000000) + 50000)); /* shared equally */
    set.requests = 1;
    set.hops = 2; /* a second hop over other links */
    assert_int_equal(run_simgrid(&set).reply_sum_ns, 2 * (800000000 + 50000));
}

/* All of the greatest simulated time: the clock's rounding errors must not add up, and the
 * director, 0.4 ns after an instant, must stay in it. */
static void test_long_run(void **state) {
    (void)state;
    setting set = busy(2);
    set.fabric.jitter_ns = 0;
    set.fabric.latency_ns = 33333333;
    set.requests = 2000;
    set.gap_ns = 129600000001;
    set.hops = 2;
    set.to_next = true;
    set.timers = false;
    set.step_ns = 1;
    set.end_ns = SIM_TIME_MAX_NS;
    outcome simgrid = run_simgrid(&set);
    assert_int_equal(simgrid.replies, 2000);
    assert_int_equal(simgrid.reply_sum_ns, UINT64_C(2000) * (UINT64_C(2) * 33333333 + 3));
    assert_int_equal(simgrid.last_reply_ns,
                     UINT64_C(1999) * 129600000001 + UINT64_C(2) * 33333333 + 3);
    set = busy(4);
    set.requests = 1000;
    set.gap_ns = 259000000001;
    set.act_every_ns = 129500000003;
    set.end_ns = SIM_TIME_MAX_NS;
    outcome bare = run_bare(&set);
    simgrid = run_simgrid(&set);
    assert_same(&bare, &simgrid);
    assert_in_range(simgrid.acts, 1990, 2001);
}

static void test_endings(void **state) {
    (void)state;
    setting set = busy(4);
    set.never_finished = true;
    for (int simgrid = 0; simgrid <= 1; simgrid++) {
        outcome out = simgrid ? run_simgrid(&set) : run_bare(&set);
        assert_int_equal(out.status, CG_OK);
        assert_int_equal(out.result.outcome, SIM_OUTCOME_AT_REST);
        assert_int_equal(out.result.ended_ns, out.last_reply_ns);
        setting cut_short = set;
        cut_short.end_ns = 60000; /* in flight and in the queues: all of it is given back */
        outcome early = simgrid ? run_simgrid(&cut_short) : run_bare(&cut_short);
        assert_int_equal(early.status, CG_OK);
        assert_int_equal(early.result.outcome, SIM_OUTCOME_END);
        assert_int_equal(early.result.ended_ns, 60000);
        setting broken = set;
        broken.failing_at = 100;
        outcome failed = simgrid ? run_simgrid(&broken) : run_bare(&broken);
        assert_int_equal(failed.status, CG_ERROR_MEMORY);
        assert_true(support_contains(failed.message, "the fake fails"));
        assert_true(support_contains(failed.message, "host "));
    }
    setting slow = set;
    slow.bandwidth_bits_per_s = 0;
    outcome refused = run_simgrid(&slow);
    assert_int_equal(refused.status, CG_ERROR_INVALID);
    assert_true(support_contains(refused.message, "bandwidth"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_world),  cmocka_unit_test(test_same_ties),
        cmocka_unit_test(test_same_faults), cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_ping_pong),   cmocka_unit_test(test_bandwidth),
        cmocka_unit_test(test_long_run),    cmocka_unit_test(test_endings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
