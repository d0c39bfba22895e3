/* Goal: both loops move a cluster whose hosts crash, lose their disks, slow down and restart
 * through the same events; a run repeats; and no request is answered twice, or never where its
 * own host died. Nodes are fakes; each SimGrid run has a process of its own. */
#include "tests/support/support.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/base/prng.h"
#include "sim/cluster/bare.h"
#include "sim/cluster/cluster.h"
#include "sim/host/host_fault.h"

enum { HOSTS_MAX = 9, REQUESTS = 600, MESSAGE_BYTES = 64 };

typedef struct setting {
    uint32_t hosts;
    uint32_t faults; /* that are scheduled before the run */
    uint64_t seed;
    uint64_t latency_ns;
    uint64_t act_every_ns; /* the director hurts a host; 0: it does not act */
} setting;

typedef struct outcome { /* what comes back through a pipe */
    cg_status status;
    char message[256];
    sim_run_result result;
    sim_host_statistics hosts[HOSTS_MAX];
    uint64_t journal_hash;
    uint8_t answers[REQUESTS];
    uint64_t unreachable;
    uint64_t acts;
    uint64_t lives;
} outcome;

typedef struct bed {
    const setting *set;
    sim_host *hosts[HOSTS_MAX];
    outcome out;
} bed;

typedef struct fake {
    bed *shared;
    uint32_t host;
    uint64_t replayed_bytes;
} fake;

/* A request writes, then goes to a host that a hash chooses and comes back; waiting at times. */
static cg_status step(void *context, const cg_event *event, cg_outputs *outputs,
                      cg_error *error) {
    fake *node = context;
    uint64_t id = event->id;
    uint32_t home = node->host;
    uint8_t *bytes = NULL;
    cg_output output = {.kind = CG_OUTPUT_WRITE, .id = id};
    size_t size_bytes = 40;
    cg_work_count(&outputs->work, CG_WORK_STEP, 1, 0);
    if (event->kind == CG_EVENT_START) {
        node->replayed_bytes = event->size_bytes;
        cg_work_count(&outputs->work, CG_WORK_STEP, event->size_bytes / 8, 0);
        return CG_OK;
    }
    if (event->kind == CG_EVENT_STORAGE_DONE) {
        output = (cg_output){.kind = CG_OUTPUT_SEND,
                             .to = (uint32_t)(cg_hash_u64(id, 5) % node->shared->set->hosts)};
        size_bytes = MESSAGE_BYTES;
    } else if (event->kind == CG_EVENT_MESSAGE) {
        cg_reader reader = cg_reader_init(event->bytes, event->size_bytes);
        id = cg_read_u64(&reader);
        home = cg_read_u32(&reader);
        output = (cg_output){.kind = CG_OUTPUT_SEND, .to = home};
        size_bytes = MESSAGE_BYTES;
        if (home == node->host) {
            output = (cg_output){.kind = CG_OUTPUT_TIMER,
                                 .id = id,
                                 .at_ns = event->now_ns + cg_hash_u64(id, 6) % 20000};
            size_bytes = 0;
        }
    } else if (event->kind == CG_EVENT_TIMER) {
        output = (cg_output){.kind = CG_OUTPUT_REPLY, .reply = {.request_id = id}};
        size_bytes = 0;
    }
    cg_status status =
        cg_outputs_add(outputs, &output, size_bytes, size_bytes > 0 ? &bytes : NULL, error);
    if (status == CG_OK && bytes) {
        memset(bytes, (int)(id & 255), size_bytes);
        cg_writer writer = cg_writer_init(bytes, size_bytes);
        cg_write_u64(&writer, id);
        cg_write_u32(&writer, home);
    }
    return status;
}

static cg_status restart(void *context, uint64_t life, cg_error *error) {
    (void)error;
    fake *node = context;
    CG_ASSERT(life == sim_host_life(node->shared->hosts[node->host]) + 1);
    node->replayed_bytes = 0;
    return CG_OK;
}

static cg_status on_reply(void *context, uint32_t host, uint64_t now_ns, const cg_reply *reply,
                          const sim_ledger *ledger, cg_error *error) {
    (void)host;
    (void)error;
    bed *shared = context;
    CG_ASSERT(sim_ledger_total_ns(ledger) == now_ns - ledger->start_ns);
    shared->out.answers[reply->request_id]++;
    shared->out.unreachable += reply->status == CG_ERROR_UNREACHABLE;
    return CG_OK;
}

static sim_host_fault draw(cg_stream *draws, uint64_t at_ns) {
    return (sim_host_fault){.kind = (sim_host_fault_kind)cg_stream_next_below(draws, 7),
                            .at_ns = at_ns,
                            .torn = cg_stream_next_below(draws, 2) == 0,
                            .at_rest = cg_stream_next_below(draws, 2) == 0,
                            .writes = 1 + (uint32_t)cg_stream_next_below(draws, 3),
                            .factor = 0.5 + 2.0 * cg_stream_next_unit(draws),
                            .skew_ns = (int64_t)cg_stream_next_below(draws, 1000) - 500};
}

static cg_status hurt(bed *shared, cg_stream *draws, uint64_t at_ns, cg_error *error) {
    sim_host *host = shared->hosts[cg_stream_next_below(draws, shared->set->hosts)];
    sim_host_fault fault = draw(draws, at_ns);
    sim_host_fault back = {.kind = SIM_HOST_RESTART,
                           .at_ns = at_ns + cg_stream_next_below(draws, 100000),
                           .if_down = true};
    cg_status status = sim_host_fault_at(host, &fault, error);
    return status == CG_OK ? sim_host_fault_at(host, &back, error) : status;
}

static uint64_t next_act(void *context) {
    const bed *shared = context;
    uint64_t every_ns = shared->set->act_every_ns;
    return every_ns > 0 && shared->out.acts < 60 ? (shared->out.acts + 1) * every_ns
                                                 : UINT64_MAX;
}

static cg_status act(void *context, uint64_t now_ns, cg_error *error) {
    bed *shared = context;
    cg_stream draws = cg_stream_init(shared->set->seed, "test.act", shared->out.acts++);
    return hurt(shared, &draws, now_ns + 1, error);
}

static void set_up(bed *shared, fake *fakes, cg_allocator heap) {
    const setting *set = shared->set;
    sim_profile profile = {0};
    profile.entries[CG_WORK_STEP].fixed_ps = 700000;
    profile.entries[CG_WORK_DISK_WRITE] =
        (sim_profile_entry){.fixed_ps = 20000000, .resource = SIM_RESOURCE_DISK};
    for (uint32_t i = 0; i < set->hosts; i++) {
        fakes[i] = (fake){.shared = shared, .host = i};
        sim_host_options options = {.host = i,
                                    .hosts = set->hosts,
                                    .cores = 2,
                                    .seed = set->seed,
                                    .keeps_journal = true,
                                    .starts = true};
        sim_machine machine = {.step = step, .restart = restart, .context = &fakes[i]};
        sim_host_sink sink = {.reply = on_reply, .context = shared};
        CG_ASSERT(sim_host_alloc(&options, &machine, &profile, &sink, heap, &shared->hosts[i],
                                 NULL) == CG_OK);
    }
    for (uint32_t i = 0; i < REQUESTS; i++) {
        sim_delivery delivery = {
            .kind = CG_EVENT_REQUEST, .due_ns = (uint64_t)i * 5000, .sequence = i, .id = i};
        sim_host *host = shared->hosts[cg_hash_u64(i, 77) % set->hosts];
        CG_ASSERT(sim_host_deliver(host, &delivery, NULL) == CG_OK);
    }
    for (uint32_t i = 0; i < set->faults; i++) {
        cg_stream draws = cg_stream_init(set->seed, "test.schedule", i);
        uint64_t at_ns = cg_stream_next_below(&draws, 3000) * 1000; /* also of the same time */
        CG_ASSERT(hurt(shared, &draws, at_ns, NULL) == CG_OK);
    }
}

/* Runs in the caller's process; the heap must be whole again afterwards. */
static outcome run_here(const setting *set, bool simgrid) {
    bed shared = {.set = set};
    fake fakes[HOSTS_MAX];
    cg_error error = {CG_OK, ""};
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator heap = cg_counting_allocator_view(&counting);
    sim_fabric_options options = {
        .hosts = set->hosts, .seed = set->seed, .latency_ns = set->latency_ns};
    sim_fabric *fabric = NULL;
    CG_ASSERT(sim_fabric_alloc(&options, heap, &fabric, &error) == CG_OK);
    set_up(&shared, fakes, heap);
    sim_world world = {.hosts = shared.hosts,
                       .host_count = set->hosts,
                       .fabric = fabric,
                       .director = {.next_ns = next_act, .act = act, .context = &shared},
                       .end_ns = 20000000,
                       /* a message takes no time */
                       .bandwidth_bits_per_s = UINT64_C(1000000000000000000)};
    shared.out.status = simgrid ? sim_cluster_run(&world, heap, &shared.out.result, &error)
                                : sim_bare_run(&world, heap, &shared.out.result, &error);
    memcpy(shared.out.message, error.message, sizeof shared.out.message);
    for (uint32_t i = 0; i < set->hosts; i++) {
        size_t size_bytes = 0;
        const uint8_t *journal = sim_host_journal(shared.hosts[i], &size_bytes);
        shared.out.journal_hash =
            cg_hash_bytes(journal, size_bytes, shared.out.journal_hash + size_bytes);
        shared.out.hosts[i] = *sim_host_statistics_of(shared.hosts[i]);
        shared.out.lives += sim_host_life(shared.hosts[i]);
        sim_host_free(shared.hosts[i]);
    }
    sim_fabric_free(fabric);
    CG_ASSERT(counting.live_blocks == 0);
    return shared.out;
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
    size_t size_bytes = 0;
    for (ssize_t got; size_bytes < sizeof out; size_bytes += (size_t)got) {
        got = read(ends[0], (uint8_t *)&out + size_bytes, sizeof out - size_bytes);
        assert_true(got > 0);
    }
    (void)close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return out;
}

static void assert_same(const outcome *left, const outcome *right) {
    assert_int_equal(left->status, CG_OK);
    assert_int_equal(right->status, CG_OK);
    assert_int_equal(left->result.outcome, right->result.outcome);
    assert_int_equal(left->result.events, right->result.events);
    assert_int_equal(left->result.ended_ns, right->result.ended_ns);
    assert_int_equal(left->acts, right->acts);
    assert_memory_equal(left->hosts, right->hosts, sizeof left->hosts);
    assert_memory_equal(left->answers, right->answers, sizeof left->answers);
    assert_true(left->journal_hash == right->journal_hash);
    assert_true(left->result.fingerprint == right->result.fingerprint);
}

static sim_host_statistics sum_of(const outcome *of) {
    sim_host_statistics sum = {0};
    for (uint32_t i = 0; i < HOSTS_MAX; i++) {
        sum.crashes += of->hosts[i].crashes;
        sum.restarts += of->hosts[i].restarts;
        sum.resets += of->hosts[i].resets;
        sum.refused += of->hosts[i].refused;
        sum.lost_messages += of->hosts[i].lost_messages;
        sum.torn_tails += of->hosts[i].torn_tails;
        sum.late_replies += of->hosts[i].late_replies;
        sum.events[CG_EVENT_START] += of->hosts[i].events[CG_EVENT_START];
    }
    return sum;
}

/* A request is not answered twice; of those that are never answered, the host lives but a message was
 * lost with another. */
static void check(const setting *set, const outcome *out, bool hurt_at_all) {
    sim_host_statistics sum = sum_of(out);
    uint64_t unanswered = 0;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        assert_true(out->answers[i] <= 1);
        unanswered += out->answers[i] == 0;
    }
    assert_true(unanswered <= sum.lost_messages);
    assert_int_equal(out->unreachable, sum.resets + sum.refused);
    assert_int_equal(out->lives, sum.restarts);
    assert_int_equal(sum.events[CG_EVENT_START], set->hosts + sum.restarts);
    assert_true(hurt_at_all == (sum.crashes > 0));
}

/* --- tests ----------------------------------------------------------------- */

/* Faults that were scheduled, and faults of a director at the very times when others have
 * effect; also with a latency that makes everything coincide. */
static void test_same_world(void **state) {
    (void)state;
    static const setting sets[] = {{5, 0, 1, 50000, 0},      {1, 20, 2, 50000, 0},
                                   {5, 60, 3, 50000, 0},     {9, 0, 4, 50000, 50000},
                                   {5, 60, 5, 5000, 25000},  {3, 40, 6, 1000, 100000},
                                   {9, 100, 7, 20700, 50000}};
    uint64_t torn_tails = 0;
    uint64_t lost_messages = 0;
    uint64_t late_replies = 0;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        outcome bare = run_here(&sets[i], false);
        outcome simgrid = run_simgrid(&sets[i]);
        assert_same(&bare, &simgrid);
        check(&sets[i], &bare, i > 0);
        torn_tails += sum_of(&bare).torn_tails;
        lost_messages += sum_of(&bare).lost_messages;
        late_replies += sum_of(&bare).late_replies;
    }
    assert_true(torn_tails > 10 && lost_messages > 10 && late_replies > 0);
}

/* The same seed, the same run; another seed, another one. */
static void test_repeats(void **state) {
    (void)state;
    setting set = {5, 50, support_seed(21), 50000, 30000};
    outcome first = run_here(&set, false);
    outcome second = run_here(&set, false);
    assert_same(&first, &second);
    set.seed++;
    second = run_here(&set, false);
    assert_true(first.result.fingerprint != second.result.fingerprint);
}

/* A host that nobody starts again: the world comes to rest all the same. */
static void test_rest(void **state) {
    (void)state;
    setting set = {2, 0, 1, 50000, 0};
    bed shared = {.set = &set};
    fake fakes[HOSTS_MAX];
    cg_error error = {CG_OK, ""};
    sim_fabric_options options = {.hosts = 2, .seed = 1, .latency_ns = 50000};
    sim_fabric *fabric = NULL;
    assert_ok(sim_fabric_alloc(&options, cg_allocator_heap(), &fabric, &error), error);
    set_up(&shared, fakes, cg_allocator_heap());
    sim_host_fault crash = {.kind = SIM_HOST_CRASH, .at_ns = 1000000};
    assert_ok(sim_host_fault_at(shared.hosts[1], &crash, &error), error);
    sim_world world = {
        .hosts = shared.hosts, .host_count = 2, .fabric = fabric, .end_ns = 20000000};
    sim_run_result result;
    assert_ok(sim_bare_run(&world, cg_allocator_heap(), &result, &error), error);
    assert_int_equal(result.outcome, SIM_OUTCOME_AT_REST);
    assert_false(sim_host_is_up(shared.hosts[1]));
    assert_true(sim_host_is_up(shared.hosts[0]));
    assert_true(sim_host_statistics_of(shared.hosts[1])->refused > 100);
    sim_host_free(shared.hosts[0]);
    sim_host_free(shared.hosts[1]);
    sim_fabric_free(fabric);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_world),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
