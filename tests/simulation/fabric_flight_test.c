/* Goal: changing the network while a million messages are in flight touches none of them: each
 * arrives exactly after the latency that held when it was sent, in both loops. And what a law
 * draws, what is altered on the way and what a slow line delays arrives through both loops as
 * the fabric said. */
#include "tests/support/support.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/bytes.h"
#include "sim/cluster/bare.h"
#include "sim/cluster/cluster.h"

enum { HOSTS = 16, BURST = 50, MESSAGE_BYTES = 24 };

/* bit/s: a message takes no time */
static const uint64_t unlimited = UINT64_C(1000000000000000000);

typedef struct setting {
    uint32_t messages;
    uint64_t gap_ns;       /* between bursts, which the hosts send in turn */
    uint64_t act_every_ns; /* the latency changes; 0: never */
    sim_fabric_options fabric;
    uint64_t bits_per_s; /* of a pair; 0: unlimited */
} setting;

typedef struct outcome {
    cg_status status;
    uint64_t arrived;
    uint64_t wrong; /* not at the time that was expected */
    uint64_t altered;
    uint64_t in_flight_most;
    uint64_t acts;
    sim_fabric_statistics fabric;
    char message[200];
} outcome;

typedef struct bed {
    const setting *set;
    sim_fabric *fabric;
    sim_fabric *oracle; /* the same fabric, asked by hand */
    uint64_t sent;
    uint64_t acts;
    uint64_t next_act_ns;
    uint64_t held_ns; /* the latency that holds */
    outcome out;
} bed;

typedef struct fake {
    bed *shared;
    uint32_t host;
} fake;

/* Of the constant that holds after so many changes: up and down, above the time that sending
 * takes, and almost nothing when all are out. */
static uint64_t latency_after(const bed *shared, uint64_t acts) {
    if (shared->sent == shared->set->messages) {
        return 1000;
    }
    return acts % 3 == 0 ? 50000000 : 100000000 + acts * 999;
}

static cg_status send_burst(fake *node, const cg_event *event, cg_outputs *outputs,
                            cg_error *error) {
    bed *shared = node->shared;
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < BURST && status == CG_OK; i++) {
        uint32_t to = (node->host + 1 + i % (HOSTS - 1)) % HOSTS;
        uint64_t expected_ns = shared->held_ns;
        sim_flight flight;
        if (shared->oracle) {
            status = sim_fabric_send(shared->oracle, node->host, to, event->now_ns,
                                     MESSAGE_BYTES, &flight, error);
            expected_ns = flight.delay_ns[0];
        }
        cg_output output = {.kind = CG_OUTPUT_SEND, .to = to};
        uint8_t *bytes = NULL;
        status = status == CG_OK
                     ? cg_outputs_add(outputs, &output, MESSAGE_BYTES, &bytes, error)
                     : status;
        if (status == CG_OK) {
            cg_writer writer = cg_writer_init(bytes, MESSAGE_BYTES);
            cg_write_u64(&writer, event->now_ns);
            cg_write_u64(&writer, expected_ns);
            cg_write_u64(&writer, event->now_ns + expected_ns);
            shared->sent++;
        }
    }
    uint64_t flying = shared->sent - shared->out.arrived;
    if (flying > shared->out.in_flight_most) {
        shared->out.in_flight_most = flying;
    }
    return status;
}

static cg_status step(void *context, const cg_event *event, cg_outputs *outputs,
                      cg_error *error) {
    fake *node = context;
    bed *shared = node->shared;
    if (event->kind == CG_EVENT_REQUEST) {
        return send_burst(node, event, outputs, error);
    }
    cg_reader reader = cg_reader_init(event->bytes, event->size_bytes);
    uint64_t sent_ns = cg_read_u64(&reader);
    uint64_t expected_ns = cg_read_u64(&reader);
    uint64_t due_ns = cg_read_u64(&reader);
    shared->out.arrived++;
    if (sent_ns + expected_ns != due_ns) {
        shared->out.altered++; /* whichever of the three it was */
    } else {
        shared->out.wrong += event->now_ns != due_ns;
    }
    return CG_OK;
}

static uint64_t next_act(void *context) {
    const bed *shared = context;
    return shared->next_act_ns;
}

static cg_status act(void *context, uint64_t now_ns, cg_error *error) {
    bed *shared = context;
    shared->acts++;
    shared->out.acts++;
    shared->next_act_ns = now_ns + shared->set->act_every_ns;
    shared->held_ns = latency_after(shared, shared->acts);
    sim_fabric_change change = {
        .at_ns = now_ns + 1, .kind = SIM_FABRIC_LATENCY, .value_ns = shared->held_ns};
    if (shared->sent == shared->set->messages) {
        shared->next_act_ns = UINT64_MAX; /* the last one meets all of them in flight */
    }
    return sim_fabric_change_at(shared->fabric, &change, error);
}

static sim_fabric *make_fabric(const setting *set, cg_allocator heap) {
    sim_fabric *fabric = NULL;
    cg_error error;
    CG_ASSERT(sim_fabric_alloc(&set->fabric, heap, &fabric, &error) == CG_OK);
    if (set->bits_per_s > 0) {
        sim_fabric_change slow = {.kind = SIM_FABRIC_BANDWIDTH, .bits_per_s = set->bits_per_s};
        CG_ASSERT(sim_fabric_change_at(fabric, &slow, &error) == CG_OK);
    }
    return fabric;
}

static outcome run_here(const setting *set, bool simgrid) {
    cg_allocator heap = cg_allocator_heap();
    cg_error error = {CG_OK, ""};
    bed shared = {.set = set,
                  .fabric = make_fabric(set, heap),
                  .held_ns = set->fabric.latency_ns,
                  .next_act_ns = set->act_every_ns > 0 ? set->act_every_ns : UINT64_MAX};
    shared.oracle = set->act_every_ns > 0 ? NULL : make_fabric(set, heap);
    fake fakes[HOSTS];
    sim_host *hosts[HOSTS] = {NULL};
    sim_profile profile = {0};
    for (uint32_t i = 0; i < HOSTS; i++) {
        fakes[i] = (fake){&shared, i};
        sim_host_options options = {.host = i, .hosts = HOSTS, .cores = 1};
        sim_machine machine = {.step = step, .context = &fakes[i]};
        sim_host_sink sink = {0};
        CG_ASSERT(sim_host_alloc(&options, &machine, &profile, &sink, heap, &hosts[i],
                                 &error) == CG_OK);
    }
    for (uint32_t i = 0; i < set->messages / BURST; i++) {
        sim_delivery delivery = {.kind = CG_EVENT_REQUEST,
                                 .due_ns = 1 + i * set->gap_ns,
                                 .sequence = i,
                                 .id = i,
                                 .borrowed = true};
        CG_ASSERT(sim_host_deliver(hosts[i % HOSTS], &delivery, &error) == CG_OK);
    }
    sim_world world = {.hosts = hosts,
                       .host_count = HOSTS,
                       .fabric = shared.fabric,
                       .director = {.next_ns = next_act, .act = act, .context = &shared},
                       .end_ns = UINT64_C(10000000000),
                       .bandwidth_bits_per_s = unlimited};
    sim_run_result result;
    shared.out.status = simgrid ? sim_cluster_run(&world, heap, &result, &error)
                                : sim_bare_run(&world, heap, &result, &error);
    memcpy(shared.out.message, error.message, sizeof shared.out.message);
    shared.out.fabric = sim_fabric_statistics_of(shared.fabric);
    for (uint32_t i = 0; i < HOSTS; i++) {
        sim_host_free(hosts[i]);
    }
    sim_fabric_free(shared.fabric);
    sim_fabric_free(shared.oracle);
    return shared.out;
}

static outcome run(const setting *set, bool simgrid) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        outcome out = run_here(set, simgrid);
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
    if (out.status != CG_OK) {
        fail_msg("%s", out.message);
    }
    return out;
}

/* A million messages are sent within 20 ms, none due before 50 ms; the latency changes 99 times
 * meanwhile, and once more, to 1 us, when all of them are in flight. */
static void test_million(void **state) {
    (void)state;
    setting set = {.messages = 1000000,
                   .gap_ns = 1000,
                   .act_every_ns = 200000,
                   .fabric = {.hosts = HOSTS, .latency_ns = 50000000}};
    for (int simgrid = 0; simgrid < 2; simgrid++) {
        outcome out = run(&set, simgrid == 1);
        assert_int_equal(out.arrived, 1000000);
        assert_int_equal(out.wrong, 0);
        assert_int_equal(out.altered, 0);
        assert_int_equal(out.acts, 100);
        assert_int_equal(out.in_flight_most, 1000000);
    }
}

/* A law and jitter: as another fabric of the same seed says, asked by hand. */
static void test_law(void **state) {
    (void)state;
    sim_delay law = {.kind = SIM_DELAY_LOGNORMAL, .place_ns = 1000000, .shape = 1.0};
    setting set = {.messages = 50000,
                   .gap_ns = 1000,
                   .fabric = {.hosts = HOSTS, .seed = 5, .jitter_ns = 777, .delay = &law}};
    outcome bare = run(&set, false);
    outcome simgrid = run(&set, true);
    assert_int_equal(bare.arrived, 50000);
    assert_int_equal(bare.wrong, 0);
    assert_memory_equal(&bare, &simgrid, offsetof(outcome, in_flight_most));
}

/* A line of 1 Mbit/s a pair: 24 bytes take 192 us, so a burst's messages queue. */
static void test_line(void **state) {
    (void)state;
    setting set = {.messages = 5000,
                   .gap_ns = 100000,
                   .bits_per_s = 1000000,
                   .fabric = {.hosts = HOSTS, .latency_ns = 5000}};
    outcome bare = run(&set, false);
    outcome simgrid = run(&set, true);
    assert_int_equal(bare.arrived, 5000);
    assert_int_equal(bare.wrong, 0);
    assert_memory_equal(&bare, &simgrid, offsetof(outcome, in_flight_most));
}

/* Altered copies are those that the fabric counted, and only they. */
static void test_altered(void **state) {
    (void)state;
    setting set = {.messages = 20000,
                   .gap_ns = 1000,
                   .fabric = {.hosts = HOSTS, .seed = 9, .latency_ns = 50000, .corrupt = 0.1}};
    outcome bare = run(&set, false);
    outcome simgrid = run(&set, true);
    assert_int_equal(bare.arrived, 20000);
    assert_int_equal(bare.wrong, 0);
    assert_int_equal(bare.altered, bare.fabric.corrupted);
    assert_in_range(bare.altered, 1800, 2200);
    assert_int_equal(simgrid.altered, bare.altered);
    assert_int_equal(simgrid.wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_million),
        cmocka_unit_test(test_law),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_altered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
