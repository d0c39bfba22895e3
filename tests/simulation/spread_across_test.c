/* Goal: a spread that goes over hosts comes to what one host comes to, to the bit, in both modes, on 2, 5
 * and 16 hosts, when nothing is lost; and it ends, with the hosts missing named, when something is. Real
 * input: the files of Debian's wordnet-base. (E4, E5)
 */
#include "tests/support/point_world.h"

/* Several spaces share the tiers, which then have no say in activation: where a record lies differs from
 * host to host. */
#define CLUSTER                                                                                \
    "graph.nodes", "1500", "graph.held_out", "200", "engine.dims", "32", "engine.index",       \
        "flat", "engine.training", "16", "cluster.cores", "2", "load.facts", "10",             \
        "load.audits", "0", "load.requests", "60", "load.spread", "1", "load.keys", "3",       \
        "load.spread_hops", "4", "load.rate", "200", "engine.spaces", "2", "engine.replicas",  \
        "0", "engine.spread.threshold.l1", "0.02", "engine.spread.fan_out", "true"

static sim_ground *ground; /* of CLUSTER; all tests share it */

static int set_up(void **state) {
    (void)state;
    const char *const settings[] = {CLUSTER, NULL};
    static sim_options options;
    point_options(&options, settings);
    ground = point_ground(&options);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sim_ground_free(ground);
    return 0;
}

/* options: outlive the world. */
static point_world *run(sim_options *options, const char *hosts, const char *across,
                        const char *loss) {
    const char *const settings[] = {CLUSTER, "cluster.hosts",
                                    hosts,   "engine.spread.across",
                                    across,  "cluster.network.loss",
                                    loss,    "engine.spread.timeout",
                                    "200ms", NULL};
    point_options(options, settings);
    return point_world_run_in(options, ground, NULL, SIM_LOOP_BARE);
}

static void test_equals_one_host(void **state) {
    (void)state;
    static const char *const hosts[] = {"1", "2", "5", "16"};
    static const char *const modes[] = {"exact", "async"};
    static sim_options one_host;
    static sim_options several;
    point_world *alone = run(&one_host, "1", "none", "0");
    uint64_t reached = 0;
    for (size_t h = 0; h < sizeof hosts / sizeof *hosts; h++) {
        for (size_t mode = 0; mode < sizeof modes / sizeof *modes; mode++) {
            point_world *world = run(&several, hosts[h], modes[mode], "0");
            assert_int_equal(world->workload.count, alone->workload.count);
            for (uint32_t i = 0; i < alone->workload.count; i++) {
                const cg_reply *one = &alone->answers[i].reply;
                const cg_reply *other = &world->answers[i].reply;
                assert_int_equal(other->status, CG_OK);
                assert_true(other->digest == one->digest);
                assert_int_equal(other->reached, one->reached);
                assert_int_equal(other->count, one->count);
                assert_int_equal(other->coverage_q16, 65536);
                assert_true(other->missing_hosts == 0);
                reached += other->reached;
            }
            point_world_free(world);
        }
    }
    assert_true(reached > 8 * 60 * 10);
    point_world_free(alone);
}

static void test_ends_when_messages_are_lost(void **state) {
    (void)state;
    static const char *const modes[] = {"exact", "async"};
    for (size_t mode = 0; mode < sizeof modes / sizeof *modes; mode++) {
        static sim_options options;
        point_world *world = run(&options, "5", modes[mode], "0.05");
        uint32_t partial = 0;
        for (uint32_t i = 0; i < world->workload.count; i++) {
            const cg_reply *reply = &world->answers[i].reply;
            assert_true(reply->status == CG_OK || reply->status == CG_ERROR_PARTIAL);
            partial += reply->status == CG_ERROR_PARTIAL;
            assert_true(reply->coverage_q16 <= 65536);
            assert_true(reply->status == CG_OK || reply->missing_hosts != 0);
        }
        print_message("%s, 5%% lost: %u of %u answers are partial\n", modes[mode], partial,
                      world->workload.count);
        assert_true(partial > 0);
        point_world_free(world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_one_host),
        cmocka_unit_test(test_ends_when_messages_are_lost),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
