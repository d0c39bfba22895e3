/* Goal: what lies between two hosts is what walking through racks, pods and regions says; the
 * fabric adds it to every latency, whatever faults change; round trips are read as they stand,
 * and what is wrong with them is told by line. */
#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>

#include "sim/cluster/fabric.h"
#include "sim/cluster/regions.h"
#include "sim/cluster/topology.h"
#include "sim/scenario/time_limit.h"

static uint32_t below(cg_stream *draws, uint32_t n) {
    return (uint32_t)(cg_stream_next(draws) % n);
}

/* --- the oracle ------------------------------------------------------------ */

/* Fills group[] and pod[] by counting hosts out, one after the other. */
static void count_out(const sim_topology *topology, uint32_t *group, uint32_t *pod) {
    uint32_t here = 0;
    uint32_t in_group = 0;
    for (uint32_t host = 0; host < topology->hosts; host++) {
        if (topology->kind == SIM_TOPOLOGY_REGIONS) {
            while ((uint64_t)(here + 1) * topology->hosts / topology->regions <= host) {
                here++;
            }
        } else if (in_group == topology->group_hosts) {
            here++;
            in_group = 0;
        }
        in_group++;
        group[host] = here;
        pod[host] = topology->arity > 0 ? here / (topology->arity / 2) : 0;
    }
}

static int64_t expected(const sim_topology *topology, const uint32_t *group,
                        const uint32_t *pod, uint32_t from, uint32_t to) {
    int64_t added_ns = (int64_t)topology->added_ns;
    switch (topology->kind) {
    case SIM_TOPOLOGY_STAR:
        return 0;
    case SIM_TOPOLOGY_RACKS:
        return group[from] == group[to] ? 0 : added_ns;
    case SIM_TOPOLOGY_FAT_TREE:
        return (group[from] == group[to] ? 0 : added_ns) +
               (pod[from] == pod[to] ? 0 : added_ns);
    case SIM_TOPOLOGY_REGIONS:
        return 1000 * (int64_t)group[from] + (int64_t)group[to];
    case SIM_TOPOLOGY_FILE:
        return (int64_t)(from * topology->hosts + to) % 7 - 3;
    }
    return -1;
}

static sim_topology draw_topology(cg_stream *draws, int64_t *offsets, uint16_t *pairs) {
    sim_topology topology = {.kind = (sim_topology_kind)below(draws, 5),
                             .hosts = 1 + below(draws, 60),
                             .bandwidth_bits_per_s = 1000,
                             .shared_bits_per_s = 1000,
                             .added_ns = below(draws, 100000),
                             .group_hosts = 1 + below(draws, 9)};
    if (topology.kind == SIM_TOPOLOGY_FAT_TREE) {
        topology.arity = 2 * (2 + below(draws, 7));
        topology.pods = topology.arity;
        if (sim_topology_tree_places(&topology) < topology.hosts) {
            topology.hosts = sim_topology_tree_places(&topology);
        }
    } else if (topology.kind == SIM_TOPOLOGY_REGIONS) {
        topology.regions = 1 + below(draws, topology.hosts);
        for (uint32_t i = 0; i < topology.regions * topology.regions; i++) {
            offsets[i] = 1000 * (int64_t)(i / topology.regions) + i % topology.regions;
        }
        topology.offsets_ns = offsets;
    } else if (topology.kind == SIM_TOPOLOGY_FILE) {
        for (uint32_t i = 0; i < 7; i++) {
            offsets[i] = (int64_t)i - 3;
        }
        for (uint32_t i = 0; i < topology.hosts * topology.hosts; i++) {
            pairs[i] = (uint16_t)(i % 7);
        }
        topology.offsets_ns = offsets;
        topology.latencies = 7;
        topology.pairs = pairs;
    }
    return topology;
}

static void test_pairs(void **state) {
    (void)state;
    static int64_t offsets[3600];
    static uint16_t pairs[3600];
    cg_stream draws = cg_stream_init(support_seed(5), "topology", 0);
    for (int trial = 0; trial < 300; trial++) {
        sim_topology topology = draw_topology(&draws, offsets, pairs);
        uint32_t group[64];
        uint32_t pod[64];
        cg_error error;
        count_out(&topology, group, pod);
        assert_ok(sim_topology_check(&topology, &error), error);
        bool grouped = topology.kind != SIM_TOPOLOGY_STAR && topology.kind != SIM_TOPOLOGY_FILE;
        for (uint32_t from = 0; from < topology.hosts; from++) {
            assert_int_equal(sim_topology_group(&topology, from), grouped ? group[from] : 0);
            for (uint32_t to = 0; to < topology.hosts; to++) {
                int64_t right = expected(&topology, group, pod, from, to);
                assert_true(sim_topology_offset_ns(&topology, from, to) == right);
                assert_int_equal(sim_topology_shares(&topology, from, to),
                                 grouped && group[from] != group[to]);
            }
        }
    }
}

static void test_refused(void **state) {
    (void)state;
    const sim_topology racks = {.kind = SIM_TOPOLOGY_RACKS,
                                .hosts = 16,
                                .bandwidth_bits_per_s = 1,
                                .shared_bits_per_s = 1,
                                .group_hosts = 4};
    const sim_topology tree = {.kind = SIM_TOPOLOGY_FAT_TREE,
                               .hosts = 16,
                               .bandwidth_bits_per_s = 1,
                               .group_hosts = 2,
                               .arity = 4,
                               .pods = 4};
    sim_topology wrong[10] = {racks, racks, racks, racks, racks, tree, tree, tree, tree, racks};
    static const char *const says[] = {
        "without hosts", "1 bit/s or more", "it takes 1 at least",
        "shared link",   "the most is",     "3 ports",
        "34 ports",      "5 pods",          "place for 12",
        "17 regions"};
    wrong[0].hosts = 0;
    wrong[1].bandwidth_bits_per_s = 0;
    wrong[2].group_hosts = 0;
    wrong[3].shared_bits_per_s = 0;
    wrong[4].added_ns = SIM_TIME_MAX_NS + 1;
    wrong[5].arity = 3;
    wrong[6].arity = 34;
    wrong[7].pods = 5;
    wrong[8].pods = 3;
    wrong[9].kind = SIM_TOPOLOGY_REGIONS;
    wrong[9].regions = 17;
    cg_error error;
    assert_ok(sim_topology_check(&racks, &error), error);
    assert_ok(sim_topology_check(&tree, &error), error);
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        assert_status(sim_topology_check(&wrong[i], &error), CG_ERROR_INVALID, error, says[i]);
    }
}

/* --- the fabric ------------------------------------------------------------ */

static uint64_t delay(sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t at_ns) {
    sim_flight flight;
    cg_error error;
    assert_ok(sim_fabric_send(fabric, from, to, at_ns, 100, &flight, &error), error);
    assert_int_equal(flight.copies, 1);
    return flight.delay_ns[0];
}

static void change(sim_fabric *fabric, sim_fabric_change wanted) {
    cg_error error;
    assert_ok(sim_fabric_change_at(fabric, &wanted, &error), error);
}

/* Faults go on top: of all pairs, of named ones, partitions, and what is held back. */
static void test_fabric(void **state) {
    (void)state;
    const sim_topology racks = {.kind = SIM_TOPOLOGY_RACKS,
                                .hosts = 8,
                                .bandwidth_bits_per_s = 1,
                                .shared_bits_per_s = 1,
                                .added_ns = 30,
                                .group_hosts = 4};
    sim_fabric_options options = {.hosts = 8, .latency_ns = 100, .topology = &racks};
    sim_fabric *fabric = NULL;
    cg_error error;
    assert_ok(sim_fabric_alloc(&options, cg_allocator_heap(), &fabric, &error), error);
    const sim_host_range first = {0, 0};
    const sim_host_range others = {4, 5};
    change(fabric, (sim_fabric_change){.at_ns = 10, .kind = SIM_FABRIC_LATENCY, .value_ns = 7});
    change(fabric, (sim_fabric_change){.at_ns = 20,
                                       .kind = SIM_FABRIC_LATENCY,
                                       .value_ns = 1000,
                                       .from = &first,
                                       .from_count = 1,
                                       .to = &others,
                                       .to_count = 1});
    change(fabric,
           (sim_fabric_change){.at_ns = 30, .kind = SIM_FABRIC_REORDER, .probability = 1.0});
    change(fabric,
           (sim_fabric_change){
               .at_ns = 40, .kind = SIM_FABRIC_PARTITION, .from = &first, .from_count = 1});
    assert_int_equal(delay(fabric, 0, 3, 0), 100);
    assert_int_equal(delay(fabric, 0, 4, 0), 130);
    assert_int_equal(delay(fabric, 0, 3, 10), 7);
    assert_int_equal(delay(fabric, 0, 4, 10), 37);
    assert_int_equal(delay(fabric, 0, 4, 20), 1030);
    assert_int_equal(delay(fabric, 5, 0, 20), 1030);
    assert_int_equal(delay(fabric, 6, 0, 20), 37);
    assert_int_equal(delay(fabric, 6, 0, 30), 74); /* by one more latency of the pair */
    assert_int_equal(delay(fabric, 5, 6, 30), 14);
    sim_flight flight;
    assert_ok(sim_fabric_send(fabric, 0, 4, 40, 100, &flight, &error), error);
    assert_true(flight.cut);
    sim_fabric_statistics all = sim_fabric_statistics_of(fabric);
    assert_int_equal(all.sent, 10);
    assert_int_equal(all.far_sent, 7);
    assert_int_equal(all.far_sent_bytes, 700);
    sim_fabric_free(fabric);
}

/* A measured pair that is nearer than the network's latency; it never takes less than 1 ns. */
static void test_nearer(void **state) {
    (void)state;
    int64_t offsets[] = {-90, 400, 500, -150};
    const sim_topology regions = {.kind = SIM_TOPOLOGY_REGIONS,
                                  .hosts = 4,
                                  .bandwidth_bits_per_s = 1,
                                  .shared_bits_per_s = 1,
                                  .regions = 2,
                                  .offsets_ns = offsets};
    sim_fabric_options options = {.hosts = 4, .latency_ns = 100, .topology = &regions};
    sim_fabric *fabric = NULL;
    cg_error error;
    assert_ok(sim_fabric_alloc(&options, cg_allocator_heap(), &fabric, &error), error);
    assert_int_equal(delay(fabric, 0, 1, 0), 10);
    assert_int_equal(delay(fabric, 1, 2, 0), 500);
    assert_int_equal(delay(fabric, 2, 1, 0), 600);
    assert_int_equal(delay(fabric, 2, 3, 0), 1);
    sim_fabric_free(fabric);
}

/* --- regions --------------------------------------------------------------- */

static const char head[] = "# a comment\nfrom\tto\tround_trip_ms\tsource\n";

static cg_status parse(const char *lines, sim_region_table *out, cg_error *error) {
    char text[2048];
    (void)snprintf(text, sizeof text, "%s%s", head, lines);
    return sim_regions_parse("r.tsv", text, strlen(text), out, error);
}

static void test_regions(void **state) {
    (void)state;
    static sim_region_table table;
    static sim_region_table chosen;
    cg_error error;
    assert_ok(parse("a\tb\t12.5\tx\nb\ta\t13\tx\na\ta\t0.000001\tx\n\nc\ta\t1.000002\tx\r\n"
                    "b\tc\t7\tx",
                    &table, &error),
              error);
    assert_int_equal(table.count, 3);
    assert_string_equal(table.names[2], "c");
    assert_int_equal(table.round_trip_ns[0][1], 12500000);
    assert_int_equal(table.round_trip_ns[1][0], 13000000);
    assert_int_equal(table.round_trip_ns[0][0], 1);
    assert_int_equal(table.round_trip_ns[2][0], 1000002);
    assert_int_equal(table.round_trip_ns[0][2], 0);
    assert_ok(sim_regions_choose(&table, " c  a", &chosen, &error), error);
    assert_int_equal(chosen.count, 2);
    assert_string_equal(chosen.names[0], "c");
    assert_int_equal(chosen.round_trip_ns[0][1], 1000002);
    assert_int_equal(chosen.round_trip_ns[1][0], 1000002); /* measured from one side only */
    assert_int_equal(chosen.round_trip_ns[0][0], 0);
    assert_ok(sim_regions_choose(&table, "all", &chosen, &error), error);
    assert_int_equal(chosen.count, 3);
    assert_status(sim_regions_choose(&table, "a d", &chosen, &error), CG_ERROR_INVALID, error,
                  "unknown region \"d\"");
    assert_status(sim_regions_choose(&table, "a b a", &chosen, &error), CG_ERROR_INVALID, error,
                  "a is named twice");
    assert_status(sim_regions_choose(&table, " ", &chosen, &error), CG_ERROR_INVALID, error,
                  "no region");
    assert_ok(parse("a\tb\t1\tx\nc\tb\t1\tx\n", &table, &error), error);
    assert_status(sim_regions_choose(&table, "all", &chosen, &error), CG_ERROR_INVALID, error,
                  "between regions a and c");
}

static void test_bad_regions(void **state) {
    (void)state;
    static const struct {
        const char *lines;
        const char *says;
    } cases[] = {
        {"", "no round trip"},
        {"a\tb\t1\n", "r.tsv:3: it takes 4 fields"},
        {"a\tb\t1\tx\ty\n", "4 fields"},
        {"a\tb\t0\tx\n", "\"0\" is no time"},
        {"a\tb\t-1\tx\n", "no time"},
        {"a\tb\t.\tx\n", "no time"},
        {"a\tb\t1.2.3\tx\n", "no time"},
        {"a\tb\t1e3\tx\n", "no time"},
        {"a\tb\tnan\tx\n", "no time"},
        {"a\tb\t0.0000001\tx\n", "at most 6 places"},
        {"a\tb\t60000.1\tx\n", "to 60000"},
        {"a\tb\t99999999999999999999999\tx\n", "no time"},
        {"a\tb\t1\t\n", "no source"},
        {"a\tb\t1\tx\na\tb\t2\tx\n", "r.tsv:4: a second figure"},
        {"\tb\t1\tx\n", "no name"},
        {"a b\tb\t1\tx\n", "without a space"},
        {"a\x01\tb\t1\tx\n", "printable"},
        {"b\tall\t1\tx\n", "\"all\" is no name"},
        {"a\tbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\t1\tx\n", "1 to 31 "},
    };
    static sim_region_table table;
    cg_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        table.count = 77;
        assert_status(parse(cases[i].lines, &table, &error), CG_ERROR_INVALID, error,
                      cases[i].says);
        assert_int_equal(table.count, 77);
    }
    static const char other[] = "from\tto\trtt\tsource\n";
    assert_status(sim_regions_parse("r.tsv", other, strlen(other), &table, &error),
                  CG_ERROR_INVALID, error, "stands where the header says round_trip_ms");
    char many[8192] = "";
    size_t used = (size_t)snprintf(many, sizeof many, "%s", head);
    for (int i = 0; i < 65; i++) {
        used += (size_t)snprintf(many + used, sizeof many - used, "r%d\tr%d\t1\tx\n", i, i);
    }
    assert_status(sim_regions_parse("r.tsv", many, used, &table, &error), CG_ERROR_INVALID,
                  error, "more than 64 regions");
    assert_status(sim_regions_read("/nowhere/r.tsv", &table, &error), CG_ERROR_NOT_FOUND, error,
                  "/nowhere/r.tsv");
}

/* What is committed reads, and every pair of it is measured. */
static void test_committed(void **state) {
    (void)state;
    static sim_region_table table;
    cg_error error;
    assert_ok(sim_regions_read("scenarios/regions/aws.tsv", &table, &error), error);
    assert_ok(sim_regions_choose(&table, "all", &table, &error), error);
    assert_int_equal(table.count, 5);
    assert_ok(sim_regions_choose(&table, "us-west-1 eu-west-1", &table, &error), error);
    assert_int_equal(table.round_trip_ns[0][1], 135902000);
    assert_int_equal(table.round_trip_ns[1][0], 135900000);
    assert_ok(sim_regions_read("scenarios/regions/gcp.tsv", &table, &error), error);
    assert_ok(sim_regions_choose(&table, "all", &table, &error), error);
    assert_int_equal(table.count, 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_fabric),    cmocka_unit_test(test_nearer),
        cmocka_unit_test(test_regions),   cmocka_unit_test(test_bad_regions),
        cmocka_unit_test(test_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
