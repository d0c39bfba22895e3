/* Goal: options become the topology that they say: a tree as small as the hosts allow, uplinks by
 * oversubscription, round trips halved, a platform's cores and speeds; contradictions and files
 * that cannot serve are told of by the option's name. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/point/topology_options.h"
#include "sim/scenario/cluster_check.h"

typedef struct setting {
    const char *path;
    const char *value;
} setting;

static sim_options *with(const setting *settings, size_t count) {
    sim_options *options = calloc(1, sizeof *options);
    assert_non_null(options);
    sim_options_default(options);
    for (size_t i = 0; i < count && settings[i].path; i++) {
        cg_error error;
        assert_ok(sim_options_set(options, settings[i].path, settings[i].value, &error), error);
    }
    return options;
}

static sim_topology make(const setting *settings, size_t count) {
    sim_options *options = with(settings, count);
    sim_topology topology;
    cg_error error;
    assert_ok(sim_options_check(options, &error), error);
    assert_ok(sim_topology_of_options(options, cg_allocator_heap(), &topology, &error), error);
    free(options);
    return topology;
}
#define MAKE(...)                                                                              \
    make((setting[]){__VA_ARGS__}, sizeof(setting[]){__VA_ARGS__} / sizeof(setting))

static void test_star(void **state) {
    (void)state;
    sim_topology star = MAKE({"cluster.hosts", "3"});
    assert_int_equal(star.kind, SIM_TOPOLOGY_STAR);
    assert_int_equal(star.hosts, 3);
    assert_true(star.bandwidth_bits_per_s == UINT64_C(10000000000));
    assert_int_equal(sim_topology_cores(&star, 2, 16), 16);
    assert_true(sim_topology_pace(&star, 2) == 1.0);
}

static void test_racks(void **state) {
    (void)state;
    sim_topology racks = MAKE(
        {"cluster.hosts", "70"}, {"cluster.topology", "racks"}, {"cluster.racks.hosts", "20"},
        {"cluster.racks.oversubscription", "4"}, {"cluster.racks.added", "7us"});
    assert_int_equal(racks.group_hosts, 20);
    assert_true(racks.shared_bits_per_s == UINT64_C(50000000000));
    assert_int_equal(racks.added_ns, 7000);
    racks = MAKE({"cluster.topology", "racks"}, {"cluster.racks.uplink", "1Gbps"});
    assert_int_equal(racks.shared_bits_per_s, 1000000000);
}

/* The least tree: no even number of ports below has place for the hosts. */
static void test_tree(void **state) {
    (void)state;
    for (uint32_t hosts = 1; hosts <= 4096; hosts = hosts * 5 / 4 + 1) {
        char text[16];
        (void)snprintf(text, sizeof text, "%u", hosts);
        sim_topology tree = MAKE({"cluster.hosts", text}, {"cluster.topology", "fat-tree"});
        uint32_t k = SIM_TREE_ARITY_MIN;
        while (k * k * k / 4 < hosts) {
            k += 2;
        }
        assert_int_equal(tree.arity, k);
        assert_int_equal(tree.group_hosts, k / 2);
        assert_in_range(sim_topology_tree_places(&tree), hosts, hosts + k * k / 4 - 1);
    }
    sim_topology tree = MAKE({"cluster.hosts", "16"}, {"cluster.topology", "fat-tree"},
                             {"cluster.tree.arity", "8"}, {"cluster.tree.hosts", "6"},
                             {"cluster.tree.pods", "3"});
    assert_int_equal(sim_topology_tree_places(&tree), 72);
}

static void test_regions(void **state) {
    (void)state;
    sim_topology regions =
        MAKE({"cluster.hosts", "5"}, {"cluster.topology", "regions"},
             {"cluster.regions.names", "us-west-1 eu-west-1"},
             {"cluster.network.latency", "60us"}, {"cluster.regions.bandwidth", "1Gbps"});
    assert_int_equal(regions.regions, 2);
    assert_int_equal(regions.shared_bits_per_s, 1000000000);
    /* Known values: half of 135.902, 135.900 and 0.143 ms. */
    assert_int_equal(60000 + sim_topology_offset_ns(&regions, 0, 4), 67951000);
    assert_int_equal(60000 + sim_topology_offset_ns(&regions, 4, 0), 67950000);
    assert_int_equal(60000 + sim_topology_offset_ns(&regions, 1, 0), 71500);
    sim_topology_deinit(&regions);
    regions = MAKE({"cluster.hosts", "4"}, {"cluster.topology", "regions"},
                   {"cluster.regions.file", "scenarios/regions/gcp.tsv"});
    assert_int_equal(sim_topology_offset_ns(&regions, 1, 1),
                     0); /* us-west1 itself: not measured */
    sim_topology_deinit(&regions);
}

/* --- platforms ------------------------------------------------------------- */

static void write_platform(char path[], const char *first_cores) {
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    FILE *file = fdopen(descriptor, "w");
    assert_non_null(file);
    (void)fprintf(file,
                  "<?xml version=\"1.0\"?>\n<!DOCTYPE platform SYSTEM "
                  "\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\">\n<zone "
                  "id=\"w\" routing=\"Full\"><host id=\"a\" speed=\"1Gf\" core=\"%s\"/><host "
                  "id=\"b\" speed=\"4Gf\"/><link id=\"l\" bandwidth=\"1GBps\" "
                  "latency=\"1us\"/><route src=\"a\" dst=\"b\"><link_ctn "
                  "id=\"l\"/></route></zone></platform>\n",
                  first_cores);
    assert_int_equal(fclose(file), 0);
}

static void test_platform(void **state) {
    (void)state;
    for (int given = 0; given < 2; given++) {
        char path[] = "/tmp/cortigrid-topology-XXXXXX";
        write_platform(path, given ? "8" : "1");
        sim_topology file = MAKE({"cluster.hosts", "2"}, {"cluster.platform", path});
        assert_int_equal(file.kind, SIM_TOPOLOGY_FILE);
        assert_int_equal(50000 + sim_topology_offset_ns(&file, 0, 1), 1000);
        assert_int_equal(sim_topology_cores(&file, 0, 16), given ? 8 : 16);
        assert_int_equal(sim_topology_cores(&file, 1, 16), given ? 1 : 16);
        assert_true(sim_topology_pace(&file, 0) == 4.0);
        assert_true(sim_topology_pace(&file, 1) == 1.0);
        sim_topology_deinit(&file);
        (void)unlink(path);
    }
}

/* --- refused --------------------------------------------------------------- */

static void test_contradictions(void **state) {
    (void)state;
    static const struct {
        setting settings[4];
        const char *says;
    } cases[] = {
        {{{"cluster.topology", "racks"}, {"cluster.platform", "p.xml"}},
         "leave cluster.topology at star"},
        {{{"cluster.topology", "regions"}, {"cluster.network.law", "normal 1ms 1us"}},
         "constant figures of a file"},
        {{{"cluster.platform", "p.xml"}, {"cluster.network.law", "normal 1ms 1us"}},
         "a platform are constant"},
        {{{"cluster.topology", "racks"},
          {"cluster.racks.uplink", "1Gbps"},
          {"cluster.racks.oversubscription", "4"}},
         "leave one out"},
        {{{"cluster.topology", "fat-tree"}, {"cluster.tree.arity", "7"}}, "an even number"},
        {{{"cluster.topology", "fat-tree"}, {"cluster.tree.arity", "2"}}, "from 4 to 32"},
        {{{"cluster.topology", "fat-tree"},
          {"cluster.tree.arity", "4"},
          {"cluster.hosts", "17"}},
         "5 pods of 4 hosts for 17 hosts"},
        {{{"cluster.topology", "fat-tree"},
          {"cluster.tree.pods", "5"},
          {"cluster.tree.arity", "4"}},
         "connect at most as many"},
        {{{"cluster.topology", "fat-tree"},
          {"cluster.tree.pods", "2"},
          {"cluster.tree.arity", "4"},
          {"cluster.hosts", "9"}},
         "3 pods would do"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sim_options *options = with(cases[i].settings, 4);
        cg_error error;
        assert_status(sim_options_check(options, &error), CG_ERROR_INVALID, error,
                      cases[i].says);
        free(options);
    }
}

static void test_files(void **state) {
    (void)state;
    static const struct {
        setting settings[3];
        cg_status status;
        const char *says;
    } cases[] = {
        {{{"cluster.topology", "regions"}, {"cluster.regions.file", "/nowhere.tsv"}},
         CG_ERROR_NOT_FOUND,
         "cluster.regions.file: "},
        {{{"cluster.topology", "regions"}}, CG_ERROR_INVALID, "5 regions for 1 hosts"},
        {{{"cluster.topology", "regions"}, {"cluster.regions.names", "us-west-2"}},
         CG_ERROR_INVALID,
         "cluster.regions.names: unknown region \"us-west-2\"; do you mean \"us-west-1\"?"},
        {{{"cluster.platform", "/nowhere.xml"}}, CG_ERROR_NOT_FOUND, "cluster.platform: "},
        {{{"cluster.platform", "docs/options.md"}}, CG_ERROR_INVALID, "cannot read it"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sim_options *options = with(cases[i].settings, 3);
        sim_topology topology = {.hosts = 77};
        cg_error error;
        assert_ok(sim_options_check(options, &error), error);
        assert_status(sim_topology_of_options(options, cg_allocator_heap(), &topology, &error),
                      cases[i].status, error, cases[i].says);
        assert_int_equal(topology.hosts, 77);
        free(options);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_star),     cmocka_unit_test(test_racks),
        cmocka_unit_test(test_tree),     cmocka_unit_test(test_regions),
        cmocka_unit_test(test_platform), cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
