/* Goal: hosts of a rack, an edge switch or a region share the links that lead out of it, and
 * others do not; routes of a fat tree are D-mod-k; with links that take no time every topology
 * gives what the bare loop gives; a platform file of a star gives what the star gives, its
 * latencies counted once. Each SimGrid run has a process of its own. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "sim/cluster/bare.h"
#include "sim/cluster/cluster.h"
#include "sim/cluster/platform_file.h"
#include "sim/scenario/time_limit.h"

enum { HOSTS_MAX = 32, FLOWS_MAX = 256, MESSAGE_BYTES = 10000, LATENCY_NS = 50000 };
static const uint64_t slow = 10000000; /* bit/s: a message takes 8 ms */
static const uint64_t unlimited = UINT64_C(1000000000000000000); /* 0.0001 ns */
static const uint64_t ns_per_s = 1000000000;

/* --- flows ----------------------------------------------------------------- */

typedef struct flow {
    uint32_t from;
    uint32_t to;
    uint64_t at_ns;
} flow;

typedef struct plan {
    const sim_topology *topology;
    flow flows[FLOWS_MAX];
    uint32_t count;
    uint32_t hops;         /* beyond the first, to hosts that a hash chooses */
    uint64_t act_every_ns; /* partitions and latencies change in turn; 0: nothing does */
} plan;

typedef struct outcome {
    cg_status status;
    char message[256];
    sim_run_result result;
    uint64_t took_ns[FLOWS_MAX];
} outcome;

typedef struct bed {
    const plan *planned;
    sim_fabric *fabric;
    outcome out;
    uint32_t replies;
    uint64_t acts;
} bed;

typedef struct fake {
    bed *shared;
    uint32_t host;
} fake;

static cg_status send(uint32_t to, uint64_t id, uint32_t hops, cg_outputs *outputs,
                      cg_error *error) {
    cg_output output = {.kind = CG_OUTPUT_SEND, .to = to};
    uint8_t *bytes = NULL;
    cg_status status = cg_outputs_add(outputs, &output, MESSAGE_BYTES, &bytes, error);
    if (status == CG_OK) {
        cg_writer writer = cg_writer_init(bytes, MESSAGE_BYTES);
        cg_write_u64(&writer, id);
        cg_write_u32(&writer, hops);
    }
    return status;
}

static cg_status step(void *context, const cg_event *event, cg_outputs *outputs,
                      cg_error *error) {
    fake *node = context;
    const plan *planned = node->shared->planned;
    if (event->kind == CG_EVENT_REQUEST) {
        return send(planned->flows[event->id].to, event->id, planned->hops, outputs, error);
    }
    cg_reader reader = cg_reader_init(event->bytes, event->size_bytes);
    uint64_t id = cg_read_u64(&reader);
    uint32_t hops = cg_read_u32(&reader);
    if (hops > 0) {
        uint32_t hosts = planned->topology->hosts;
        uint32_t to = (uint32_t)(cg_hash_u64(id, hops) % hosts);
        return send(to == node->host ? (to + 1) % hosts : to, id, hops - 1, outputs, error);
    }
    cg_output reply = {.kind = CG_OUTPUT_REPLY, .reply = {.request_id = id}};
    return cg_outputs_add(outputs, &reply, 0, NULL, error);
}

static cg_status on_reply(void *context, uint32_t host, uint64_t now_ns, const cg_reply *reply,
                          const sim_ledger *ledger, cg_error *error) {
    (void)host;
    (void)error;
    bed *shared = context;
    shared->out.took_ns[reply->request_id] = now_ns - ledger->start_ns;
    shared->replies++;
    return CG_OK;
}

static uint64_t next_act(void *context) {
    const bed *shared = context;
    uint64_t every_ns = shared->planned->act_every_ns;
    return every_ns > 0 && shared->acts < 40 ? (shared->acts + 1) * every_ns : UINT64_MAX;
}

static cg_status act(void *context, uint64_t now_ns, cg_error *error) {
    bed *shared = context;
    static const sim_host_range ranges[] = {{0, 2}, {3, 9}};
    sim_fabric_change change = {.at_ns = now_ns + 1, .kind = SIM_FABRIC_HEAL};
    if (shared->acts % 4 == 0) {
        change.kind = SIM_FABRIC_PARTITION;
        change.from = &ranges[0];
        change.from_count = 1;
    } else if (shared->acts % 4 != 2) {
        change.kind = SIM_FABRIC_LATENCY;
        change.value_ns = 1000 * (1 + shared->acts);
        change.from = &ranges[0];
        change.from_count = 1;
        change.to = &ranges[1];
        change.to_count = 1;
    }
    shared->acts++;
    return sim_fabric_change_at(shared->fabric, &change, error);
}

static outcome run_here(const plan *planned, bool simgrid) {
    bed shared = {.planned = planned};
    fake fakes[HOSTS_MAX];
    sim_host *hosts[HOSTS_MAX] = {NULL};
    cg_error error = {CG_OK, ""};
    uint32_t count = planned->topology->hosts;
    cg_allocator heap = cg_allocator_heap();
    sim_profile profile = {0};
    sim_fabric_options fabric = {
        .hosts = count, .seed = 3, .latency_ns = LATENCY_NS, .topology = planned->topology};
    CG_ASSERT(sim_fabric_alloc(&fabric, heap, &shared.fabric, &error) == CG_OK);
    for (uint32_t i = 0; i < count; i++) {
        fakes[i] = (fake){&shared, i};
        sim_host_options options = {.host = i, .hosts = count, .cores = 1};
        sim_machine machine = {.step = step, .context = &fakes[i]};
        sim_host_sink sink = {.reply = on_reply, .context = &shared};
        CG_ASSERT(sim_host_alloc(&options, &machine, &profile, &sink, heap, &hosts[i],
                                 &error) == CG_OK);
    }
    for (uint32_t i = 0; i < planned->count; i++) {
        sim_delivery delivery = {.kind = CG_EVENT_REQUEST,
                                 .due_ns = planned->flows[i].at_ns,
                                 .sequence = i,
                                 .id = i,
                                 .borrowed = true,
                                 .bytes = (const uint8_t *)"flow",
                                 .size_bytes = 4};
        CG_ASSERT(sim_host_deliver(hosts[planned->flows[i].from], &delivery, NULL) == CG_OK);
    }
    sim_world world = {.hosts = hosts,
                       .host_count = count,
                       .fabric = shared.fabric,
                       .director = {.next_ns = next_act, .act = act, .context = &shared},
                       .end_ns = SIM_TIME_MAX_NS,
                       .topology = planned->topology};
    shared.out.status = simgrid ? sim_cluster_run(&world, heap, &shared.out.result, &error)
                                : sim_bare_run(&world, heap, &shared.out.result, &error);
    memcpy(shared.out.message, error.message, sizeof shared.out.message);
    for (uint32_t i = 0; i < count; i++) {
        sim_host_free(hosts[i]);
    }
    sim_fabric_free(shared.fabric);
    return shared.out;
}

static void run_simgrid(const plan *planned, outcome *out) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        outcome made = run_here(planned, true);
        bool written = write(ends[1], &made, sizeof made) == (ssize_t)sizeof made;
        _exit(written ? 0 : 1);
    }
    (void)close(ends[1]);
    ssize_t size_bytes = read(ends[0], out, sizeof *out); /* fits in a pipe */
    (void)close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(size_bytes, sizeof *out);
    if (out->status != CG_OK) {
        fail_msg("%s", out->message);
    }
}

/* --- topologies ------------------------------------------------------------ */

static sim_topology racks(uint64_t bits_per_s, uint64_t uplink) {
    return (sim_topology){.kind = SIM_TOPOLOGY_RACKS,
                          .hosts = 14, /* the last rack is not full */
                          .bandwidth_bits_per_s = bits_per_s,
                          .shared_bits_per_s = uplink,
                          .added_ns = 20000,
                          .group_hosts = 4};
}

static sim_topology tree(uint64_t bits_per_s) {
    return (sim_topology){.kind = SIM_TOPOLOGY_FAT_TREE,
                          .hosts = 22,
                          .bandwidth_bits_per_s = bits_per_s,
                          .added_ns = 5000,
                          .group_hosts = 3,
                          .arity = 4,
                          .pods = 4};
}

static int64_t region_offsets[] = {-45000,  1000000, 2000000, 1000000, 0,
                                   3000000, 2000000, 3000000, 5000};
static sim_topology regions(uint64_t bits_per_s, uint64_t between) {
    return (sim_topology){.kind = SIM_TOPOLOGY_REGIONS,
                          .hosts = 13,
                          .bandwidth_bits_per_s = bits_per_s,
                          .shared_bits_per_s = between,
                          .regions = 3,
                          .offsets_ns = region_offsets};
}

/* --- the oracle: the links of a way, as numbers ----------------------------- */

enum { LINKS_MAX = 6 };

/* A link from node to node, where nodes are numbered by kind. */
static uint64_t link_of(uint32_t from_kind, uint32_t from, uint32_t to_kind, uint32_t to) {
    return (uint64_t)from_kind << 56 | (uint64_t)from << 32 | (uint64_t)to_kind << 24 | to;
}

enum { HOST = 1, EDGE, AGGREGATION, CORE };

/* D-mod-k: up by the destination's digits, down the only way there is. */
static uint32_t tree_links(const sim_topology *shape, flow way, uint64_t links[LINKS_MAX]) {
    uint32_t half = shape->arity / 2;
    uint32_t from_edge = way.from / shape->group_hosts;
    uint32_t to_edge = way.to / shape->group_hosts;
    uint32_t count = 0;
    links[count++] = link_of(HOST, way.from, EDGE, from_edge);
    if (from_edge != to_edge) {
        uint32_t up = way.to % half;
        uint32_t from_switch = from_edge / half * half + up;
        uint32_t to_switch = to_edge / half * half + up;
        links[count++] = link_of(EDGE, from_edge, AGGREGATION, from_switch);
        if (from_switch != to_switch) {
            uint32_t core = up * half + way.to / half % half;
            links[count++] = link_of(AGGREGATION, from_switch, CORE, core);
            links[count++] = link_of(CORE, core, AGGREGATION, to_switch);
        }
        links[count++] = link_of(AGGREGATION, to_switch, EDGE, to_edge);
    }
    links[count++] = link_of(EDGE, to_edge, HOST, way.to);
    return count;
}

/* Racks and regions: all links but the hosts' own are the group's, up and down, or the pair's. */
static uint32_t group_links(const sim_topology *shape, flow way, uint64_t links[LINKS_MAX]) {
    uint32_t from = sim_topology_group(shape, way.from);
    uint32_t to = sim_topology_group(shape, way.to);
    uint32_t count = 0;
    links[count++] = link_of(HOST, way.from, EDGE, from);
    if (from != to && shape->kind == SIM_TOPOLOGY_RACKS) {
        links[count++] = link_of(EDGE, from, CORE, 0);
        links[count++] = link_of(CORE, 0, EDGE, to);
    } else if (from != to) {
        links[count++] = link_of(EDGE, from, EDGE, to);
    }
    links[count++] = link_of(EDGE, to, HOST, way.to);
    return count;
}

static bool share_a_link(const sim_topology *shape, flow left, flow right) {
    uint64_t of_left[LINKS_MAX];
    uint64_t of_right[LINKS_MAX];
    bool is_tree = shape->kind == SIM_TOPOLOGY_FAT_TREE;
    uint32_t a = is_tree ? tree_links(shape, left, of_left) : group_links(shape, left, of_left);
    uint32_t b =
        is_tree ? tree_links(shape, right, of_right) : group_links(shape, right, of_right);
    for (uint32_t i = 0; i < a * b; i++) {
        if (of_left[i / b] == of_right[i % b]) {
            return true;
        }
    }
    return false;
}

/* Pairs of flows, one pair after the other: both take twice as long where they share a link, all
 * of which are equal, and otherwise go as if alone. */
static void assert_pairs(const sim_topology *shape, uint64_t seed) {
    static plan planned;
    static outcome out;
    cg_stream draws = cg_stream_init(seed, "flows", shape->kind);
    planned = (plan){.topology = shape, .count = FLOWS_MAX};
    uint32_t shared = 0;
    for (uint32_t i = 0; i < FLOWS_MAX; i++) {
        flow *made = &planned.flows[i];
        made->at_ns = (uint64_t)(i / 2) * ns_per_s;
        do {
            made->from = (uint32_t)(cg_stream_next(&draws) % shape->hosts);
            made->to = (uint32_t)(cg_stream_next(&draws) % shape->hosts);
        } while (made->from == made->to);
    }
    run_simgrid(&planned, &out);
    for (uint32_t i = 0; i < FLOWS_MAX; i++) {
        const flow *own = &planned.flows[i];
        bool both = share_a_link(shape, planned.flows[i & ~1u], planned.flows[i | 1u]);
        uint64_t wire_ns = both ? 16000000 : 8000000;
        int64_t latency_ns = LATENCY_NS + sim_topology_offset_ns(shape, own->from, own->to);
        if (out.took_ns[i] != wire_ns + (uint64_t)latency_ns) {
            fail_msg("pair %u, %u to %u: %llu ns", i / 2, own->from, own->to,
                     (unsigned long long)out.took_ns[i]);
        }
        shared += both;
    }
    assert_in_range(shared, 20, FLOWS_MAX - 20); /* both cases are there */
}

static void test_sharing(void **state) {
    (void)state;
    uint64_t seed = support_seed(11);
    sim_topology shapes[] = {racks(slow, slow), tree(slow), regions(slow, slow)};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        assert_pairs(&shapes[i], seed);
    }
}

/* Four hosts of a rack at once, 4:1: each has a quarter of its link; 1:1: all of it. */
static void test_oversubscription(void **state) {
    (void)state;
    for (uint64_t times = 1; times <= 4; times += 3) {
        sim_topology shape = racks(slow, times * slow);
        plan planned = {.topology = &shape, .count = 4};
        static outcome out;
        for (uint32_t i = 0; i < 4; i++) {
            planned.flows[i] = (flow){.from = i, .to = 4 + i};
        }
        run_simgrid(&planned, &out);
        for (uint32_t i = 0; i < 4; i++) {
            assert_int_equal(out.took_ns[i], 32000000 / times + LATENCY_NS + 20000);
        }
    }
}

/* --- loops ----------------------------------------------------------------- */

static plan busy(const sim_topology *shape) {
    plan planned = {.topology = shape, .count = 200, .hops = 12, .act_every_ns = 300000};
    for (uint32_t i = 0; i < planned.count; i++) {
        uint32_t from = (uint32_t)(cg_hash_u64(i, 1) % shape->hosts);
        uint32_t to = (uint32_t)(cg_hash_u64(i, 2) % shape->hosts);
        to = to == from ? (to + 1) % shape->hosts : to;
        planned.flows[i] = (flow){.from = from, .to = to, .at_ns = UINT64_C(50000) * i};
    }
    return planned;
}

/* Faults and all. */
static void test_bare(void **state) {
    (void)state;
    sim_topology shapes[] = {racks(unlimited, unlimited), tree(unlimited),
                             regions(unlimited, unlimited)};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        static outcome left;
        static outcome right;
        plan planned = busy(&shapes[i]);
        left = run_here(&planned, false);
        run_simgrid(&planned, &right);
        assert_int_equal(left.status, CG_OK);
        assert_true(left.result.fingerprint == right.result.fingerprint);
        assert_int_equal(left.result.ended_ns, right.result.ended_ns);
        assert_true(left.result.events > 1000);
    }
}

/* --- platform files ---------------------------------------------------- */

/* 12 hosts with latencies on their links; the fabric has the sums of both. */
static void test_star_file(void **state) {
    (void)state;
    static const char text[] =
        "<?xml version=\"1.0\"?>\n<!DOCTYPE platform SYSTEM "
        "\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\">\n<cluster id=\"own\" "
        "prefix=\"h\" suffix=\"\" radical=\"0-13\" speed=\"2Gf\" "
        "core=\"3\" bw=\"1250000Bps\" lat=\"25us\" sharing_policy=\"SPLITDUPLEX\"/>\n"
        "</platform>\n";
    sim_topology star = {.kind = SIM_TOPOLOGY_STAR, .hosts = 12, .bandwidth_bits_per_s = slow};
    sim_topology file = {0};
    char path[] = "/tmp/cortigrid-platform-test-XXXXXX";
    int descriptor = mkstemp(path);
    assert_int_equal(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(descriptor);
    cg_error error;
    assert_ok(sim_platform_file_read(path, 12, LATENCY_NS, cg_allocator_heap(), &file, &error),
              error);
    assert_string_equal(file.file_hosts[11].name, "h11"); /* and not before h2 */
    assert_int_equal(file.file_hosts[0].cores, 3);
    assert_true(file.file_hosts[0].speed == 2e9);
    for (uint32_t i = 1; i < 12; i++) {
        assert_int_equal(sim_topology_offset_ns(&file, 0, i), 0); /* 50 us, as the network's */
    }
    static outcome left;
    static outcome right;
    plan planned = busy(&star);
    run_simgrid(&planned, &left);
    planned.topology = &file;
    run_simgrid(&planned, &right);
    assert_true(left.result.fingerprint == right.result.fingerprint);
    assert_memory_equal(left.took_ns, right.took_ns, sizeof left.took_ns);
    sim_topology_deinit(&file);
    (void)unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_oversubscription),
        cmocka_unit_test(test_bare),
        cmocka_unit_test(test_star_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
