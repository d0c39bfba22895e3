/* Goal: a cluster whose hosts spread activation keeps its promises while messages are lost,
 * requests are shed and edges are strengthened; where nothing changes the graph an answer is that
 * of a spread run alone, whatever goes on in other memory spaces; and a budget of time cuts
 * answers and makes them quicker. Real input: the files of Debian's wordnet-base. (B4, B7, D7, E2,
 * E6)
 */
#include "tests/support/point_world.h"

#include "sim/scenario/load_phase.h"

#define CLUSTER                                                                                \
    "graph.nodes", "1500", "graph.held_out", "200", "engine.dims", "32", "engine.index",       \
        "flat", "engine.training", "16", "cluster.hosts", "3", "cluster.cores", "2",           \
        "load.facts", "200", "load.repeat", "popularity", "load.audits", "0"

enum { SPREADS_LEAST = 100 };
static sim_ground *ground; /* of CLUSTER; all tests share it */
static cg_graph *weaker;   /* its graph with edges of weight 1/2, which can be strengthened */

static void weaken(const cg_graph *from) {
    cg_error error = {0};
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &weaker, &error), error);
    for (uint32_t row = 0; row < cg_graph_concept_count(from); row++) {
        uint32_t same = 0;
        assert_ok(cg_graph_add_concept(weaker, cg_graph_id(from, row), cg_graph_type(from, row),
                                       cg_graph_name(from, row), &same, &error),
                  error);
        assert_int_equal(same, row);
    }
    for (uint32_t row = 0; row < cg_graph_concept_count(from); row++) {
        cg_edge_cursor cursor = cg_graph_edges(from, row);
        for (cg_edge edge; cg_graph_next_edge(&cursor, &edge);) {
            edge.weight = 127;
            assert_ok(cg_graph_add_edge(weaker, row, edge, &error), error);
        }
    }
    assert_ok(cg_graph_freeze(weaker, &error), error);
}

static int set_up(void **state) {
    (void)state;
    const char *const settings[] = {CLUSTER, NULL};
    static sim_options options;
    point_options(&options, settings);
    ground = point_ground(&options);
    weaken(sim_ground_graph(ground));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    cg_graph_free(weaker);
    sim_ground_free(ground);
    return 0;
}

static void set(sim_options *options, const char *name, const char *value) {
    cg_error error = {0};
    assert_ok(sim_options_set(options, name, value, &error), error);
    assert_ok(sim_options_check(options, &error), error);
}

/* --- what must hold of every run ----------------------------------------------------------- */

typedef struct counts {
    uint64_t spreads;
    uint64_t edges;
    uint64_t shed;
    uint64_t by_kind[CG_REQUEST_KIND_COUNT]; /* acknowledged */
    uint64_t consolidations;
    uint64_t strengthened;
    uint64_t merges;
    uint64_t unasked; /* records of new weights, at primaries */
} counts;

/* A record of the log is a fact, a removal, or weights. */
static counts assert_records(const point_world *self) {
    counts sum = {0};
    for (uint32_t host = 0; host < self->options->cluster.hosts; host++) {
        cg_node_statistics one = cg_node_statistics_of(self->nodes[host]);
        cg_space_statistics space = cg_node_space_statistics(self->nodes[host], 0);
        cg_partition_state own = cg_node_partition(self->nodes[host], host);
        assert_int_equal(own.last_sequence, space.allocations + space.removals + own.unasked);
        assert_true(own.unasked <= one.edges_strengthened);
        assert_true(one.edges_strengthened == 0 || own.unasked > 0);
        assert_true(one.consolidations > 0 || own.unasked == 0);
        sum.spreads += one.spreads;
        sum.edges += one.spread_edges;
        sum.consolidations += one.consolidations;
        sum.strengthened += one.edges_strengthened;
        sum.merges += one.merges_proposed;
        sum.unasked += own.unasked;
    }
    for (uint32_t i = 0; i < self->workload.count; i++) {
        const cg_reply *reply = &self->answers[i].reply;
        sum.shed += reply->status == CG_ERROR_OVERLOADED;
        sum.by_kind[reply->request] += point_world_is_acknowledged(self, i);
    }
    /* One alert for all that a consolidation proposes. */
    assert_true(self->infos <= sum.consolidations && self->infos <= sum.merges);
    assert_true(sum.merges == 0 || self->infos > 0);
    return sum;
}

static counts assert_run(const point_world *self) {
    point_world_assert_answered(self);
    point_world_assert_sound(self);
    point_world_assert_copies(self);
    return assert_records(self);
}

/* --- all of it at once --------------------------------------------------------------------- */

#define MIXED                                                                                  \
    CLUSTER, "cluster.network.loss", "0.01", "engine.permits", "2", "engine.queue", "4",       \
        "engine.acknowledge", "all", "engine.consolidate", "50ms", "load.requests", "1200",    \
        "load.arrival", "burst", "load.rate", "2K", "load.burst", "90", "load.burst_share",    \
        "0.01", "load.burst_period", "50ms", "load.recall", "0.15", "load.spread", "0.4",      \
        "load.deallocate", "0.2", "load.batch", "0.1", "load.batch_size", "4", "load.keys",    \
        "4", "load.clients", "5", "load.urgent", "0.1"

static counts run_mixed(const char *ask, const char *refractory) {
    const char *const settings[] = {MIXED,      "load.ask", ask, "engine.spread.refractory",
                                    refractory, NULL};
    static sim_options options;
    point_options(&options, settings);
    point_world *world = point_world_run_in(&options, ground, weaker, SIM_LOOP_BARE);
    counts sum = assert_run(world);
    for (int kind = 0; kind <= CG_REQUEST_SPREAD; kind++) {
        print_message("%s %llu, ", cg_request_kind_name((cg_request_kind)kind),
                      (unsigned long long)sum.by_kind[kind]);
        assert_true(sum.by_kind[kind] > 30);
    }
    print_message("%s, refractory %s: %llu shed, %llu spreads of %.0f edges, %llu "
                  "consolidations of %llu edges in %llu records, %llu merges\n",
                  ask, refractory, (unsigned long long)sum.shed,
                  (unsigned long long)sum.spreads, (double)sum.edges / (double)sum.spreads,
                  (unsigned long long)sum.consolidations, (unsigned long long)sum.strengthened,
                  (unsigned long long)sum.unasked, (unsigned long long)sum.merges);
    assert_true(sum.shed > 100 && sum.merges > 10);
    assert_true(sum.consolidations > 10 && sum.strengthened > 100 && sum.unasked > 10);
    assert_true(sim_fabric_statistics_of(world->fabric).lost > 3);
    point_world_free(world);
    return sum;
}

/* Goal: as a point it is the same run, with these figures. */
static void assert_point(const char *ask) {
    const char *const settings[] = {MIXED, "load.ask", ask, NULL};
    static sim_options options;
    uint64_t fingerprint = 0;
    point_options(&options, settings);
    point_world *world = point_world_run(&options, ground, SIM_LOOP_BARE);
    counts sum = assert_run(world);
    char *text = point_run(&options, ground, SIM_LOOP_BARE, &fingerprint);
    assert_true(fingerprint == point_world_fingerprint(world));
    assert_int_equal(point_total(text, "requests.shed"), sum.shed);
    assert_int_equal(point_total(text, "spread.edges"), sum.edges);
    assert_int_equal(point_total(text, "consolidations"), sum.consolidations);
    assert_int_equal(point_total(text, "consolidation.edges"), sum.strengthened);
    assert_int_equal(point_total(text, "consolidation.merges"), sum.merges);
    free(text);
    point_world_free(world);
}

static void test_mixed(void **state) {
    (void)state;
    static const char *const asks[] = {"rows", "gloss"};
    for (int i = 0; i < 2; i++) {
        counts free_to = run_mixed(asks[i], "0");
        counts tired = run_mixed(asks[i], "10ms");
        assert_point(asks[i]);
        /* Who has just passed on does not do so again. */
        assert_true(tired.edges * free_to.spreads * 10 < free_to.edges * tired.spreads * 9);
    }
}

/* Goal: with links without limit both loops run it alike. Once a process. */
static void test_loops_agree(void **state) {
    (void)state;
    const char *const settings[] = {
        MIXED, "engine.spread.refractory", "1ms", "load.ask", "words", NULL};
    static sim_options options;
    point_options(&options, settings);
    options.cluster.network.bandwidth_bits_per_s = UINT64_C(1000000000000000000);
    point_world *bare = point_world_run_in(&options, ground, weaker, SIM_LOOP_BARE);
    point_world *grid = point_world_run_in(&options, ground, weaker, SIM_LOOP_SIMGRID);
    (void)assert_run(grid);
    assert_true(point_world_fingerprint(grid) == point_world_fingerprint(bare));
    for (uint32_t i = 0; i < bare->workload.count; i++) {
        assert_true(bare->answers[i].at_ns == grid->answers[i].at_ns);
        assert_true(bare->answers[i].reply.digest == grid->answers[i].reply.digest);
    }
    point_world_free(bare);
    point_world_free(grid);
}

/* --- answers ------------------------------------------------------------------------------- */

/* Spreads that begin from from_ns on against those run alone, in the graph that each host has
 * now. Returns how many were compared. */
static uint32_t assert_digests(const point_world *self, uint64_t from_ns) {
    cg_spread_scratch *scratch = NULL;
    cg_error error = {0};
    uint32_t compared = 0;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    for (uint32_t i = 0; i < self->workload.count; i++) {
        const sim_request_plan *plan = &self->workload.requests[i];
        if (plan->kind != SIM_REQUEST_SPREAD || plan->at_ns < from_ns) {
            continue;
        }
        const cg_reply *reply = &self->answers[i].reply;
        const cg_space *space = &self->nodes[reply->host]->spaces[plan->space];
        cg_spread_result result;
        assert_int_equal(reply->status, CG_OK);
        assert_int_equal(reply->host, plan->host);
        uint64_t digest = point_world_oracle(self, i, cg_space_graph(space), scratch, &result);
        assert_int_equal(reply->edges, result.edges);
        assert_int_equal(reply->count, result.hit_count);
        assert_true(reply->digest == digest);
        compared++;
    }
    cg_spread_scratch_free(scratch);
    return compared;
}

static void test_digests_without_facts(void **state) {
    (void)state;
    const char *const settings[] = {CLUSTER, "cluster.network.loss",
                                    "0.01",  "engine.tiers.levels",
                                    "2",     "load.spread",
                                    "0.7",   "load.recall",
                                    "0.3",   "load.requests",
                                    "600",   "load.keys",
                                    "3",     "load.rate",
                                    "5K",    NULL};
    static sim_options options;
    point_options(&options, settings);
    point_world *world = point_world_run(&options, ground, SIM_LOOP_BARE);
    (void)assert_run(world);
    assert_true(assert_digests(world, 0) > 3 * SPREADS_LEAST);
    point_world_free(world);
}

/* Goal: facts of the host's own partition are in its answers. */
static void test_digests_with_facts(void **state) {
    (void)state;
    enum { PHASE_MS = 400 };
    const char *const settings[] = {CLUSTER, "cluster.network.loss",
                                    "0.01",  "engine.tiers.levels",
                                    "2",     "load.spread",
                                    "0.3",   "load.deallocate",
                                    "0.2",   "load.requests",
                                    "800",   "load.keys",
                                    "3",     "load.rate",
                                    "1K",    NULL};
    static sim_options options;
    point_options(&options, settings);
    options.phase_count = 1;
    options.phases[0].at_ns = PHASE_MS * UINT64_C(1000000);
    for (size_t field = 1; field < SIM_LOAD_PHASE_FIELDS; field++) {
        cg_error error = {0};
        bool spreads = strcmp(sim_load_phase_fields[field], "spread") == 0;
        if (spreads || strcmp(sim_load_phase_fields[field], "deallocate") == 0) {
            assert_ok(
                sim_load_phase_set(&options.phases[0], field, spreads ? "1" : "0", &error),
                error);
        }
    }
    point_world *world = point_world_run(&options, ground, SIM_LOOP_BARE);
    counts sum = assert_run(world);
    assert_true(sum.by_kind[CG_REQUEST_ALLOCATE] > 100);
    assert_true(sum.by_kind[CG_REQUEST_DEALLOCATE] > 50);
    uint64_t changed_ns = 0;
    for (uint32_t i = 0; i < world->workload.count; i++) {
        if (!point_world_is_spread(world, i) && world->answers[i].at_ns > changed_ns) {
            changed_ns = world->answers[i].at_ns;
        }
    }
    assert_true(assert_digests(world, changed_ns) > SPREADS_LEAST);
    /* Facts do show: in the corpus alone they would be other answers. */
    cg_spread_scratch *scratch = NULL;
    cg_error error = {0};
    uint32_t other = 0;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    for (uint32_t i = 0; i < world->workload.count; i++) {
        if (point_world_is_spread(world, i) &&
            world->workload.requests[i].at_ns >= changed_ns) {
            cg_spread_result result;
            other += world->answers[i].reply.digest !=
                     point_world_oracle(world, i, sim_ground_graph(ground), scratch, &result);
        }
    }
    cg_spread_scratch_free(scratch);
    assert_true(other > 20);
    point_world_free(world);
}

/* --- time ---------------------------------------------------------------------------------- */

#define PURE                                                                                   \
    CLUSTER, "load.spread", "1", "load.spread_hops", "3", "load.keys", "4", "load.requests",   \
        "3K", "load.rate", "1500", "load.zipf", "0.8"

static char *run_pure(const char *budget, const char *ask) {
    const char *const settings[] = {PURE, "engine.budget", budget, "load.ask", ask, NULL};
    static sim_options options;
    uint64_t fingerprint = 0;
    point_options(&options, settings);
    return point_run(&options, ground, SIM_LOOP_BARE, &fingerprint);
}

/* How well latency is foreseen where spreads are all that is asked for. */
static void test_forecasts(void **state) {
    (void)state;
    static const char *const asks[] = {"rows", "gloss"};
    for (int i = 0; i < 2; i++) {
        char *text = run_pure("0", asks[i]);
        cg_histogram errors = point_histogram(text, "forecast.error", "ppm");
        double within = point_figure(text, "forecast.within20", "share");
        print_message("forecasts of spreads from %s: %.1f%% within 20%%, median off by %.1f%%, "
                      "p95 by %.1f%%\n",
                      asks[i], within, (double)cg_histogram_quantile(&errors, 0.50) / 1e4,
                      (double)cg_histogram_quantile(&errors, 0.95) / 1e4);
        assert_int_equal(errors.total, point_total(text, "requests.answered"));
        assert_int_equal(point_total(text, "requests.partial"), 0);
        assert_true(cg_histogram_quantile(&errors, 0.50) < 1000000);
        cg_histogram_deinit(&errors);
        free(text);
    }
}

static void test_budget(void **state) {
    (void)state;
    char *whole = run_pure("0", "rows");
    cg_histogram latency = point_histogram(whole, "latency.spread", "ns");
    uint64_t p50_ns = cg_histogram_quantile(&latency, 0.50);
    uint64_t p99_ns = cg_histogram_quantile(&latency, 0.99);
    cg_histogram_deinit(&latency);
    char budget[32];
    snprintf(budget, sizeof budget, "%lluns", (unsigned long long)p50_ns * 8 / 5);
    char *cut = run_pure(budget, "rows");
    latency = point_histogram(cut, "latency.spread", "ns");
    uint64_t cut_p99_ns = cg_histogram_quantile(&latency, 0.99);
    cg_histogram_deinit(&latency);
    uint64_t partial = point_total(cut, "requests.partial");
    print_message("budget %s: p99 %llu instead of %llu ns, %llu of 3000 partial\n", budget,
                  (unsigned long long)cut_p99_ns, (unsigned long long)p99_ns,
                  (unsigned long long)partial);
    assert_int_equal(point_total(whole, "requests.partial"), 0);
    assert_true(partial > 300 && partial < 1500);
    assert_int_equal(point_total(cut, "requests.answered"), 3000);
    assert_true(cut_p99_ns * 5 < p99_ns * 4);
    assert_true(point_total(cut, "spread.edges") < point_total(whole, "spread.edges"));
    free(cut);
    /* Less than a forecast begins with: what is cut to nothing would never learn better. */
    cut = run_pure("4us", "rows");
    assert_true(point_total(cut, "spread.edges") * 10 > point_total(whole, "spread.edges"));
    free(whole);
    free(cut);
}

/* --- memory spaces ------------------------------------------------------------------------- */

/* Rates are powers of two, so that a share of them is exact and a space's requests are the same
 * whatever the others have. */
static point_world *run_spaces(sim_options *options, const char *spaces, const char *shares,
                               const char *requests, const char *rate) {
    set(options, "engine.spaces", spaces);
    set(options, "load.spaces", shares);
    set(options, "load.requests", requests);
    set(options, "load.rate", rate);
    point_world *world = point_world_run(options, ground, SIM_LOOP_BARE);
    point_world_assert_answered(world);
    point_world_assert_sound(world);
    return world;
}

/* Answers of the first space, which were to the same spreads, are the same in both. */
static void assert_same_answers(const point_world *all, const point_world *alone) {
    uint32_t own = 0;
    uint32_t compared = 0;
    for (uint32_t i = 0; i < all->workload.count; i++) {
        if (all->workload.requests[i].space != 0) {
            continue;
        }
        const cg_reply *one = &all->answers[i].reply;
        const cg_reply *two = &alone->answers[own].reply;
        assert_int_equal(all->workload.requests[i].kind, alone->workload.requests[own].kind);
        assert_int_equal(one->status, two->status);
        assert_int_equal(one->winner, two->winner);
        if (point_world_is_spread(all, i)) {
            assert_int_equal(one->edges, two->edges);
            assert_int_equal(one->count, two->count);
            assert_true(one->digest == two->digest);
            compared++;
        }
        own++;
    }
    assert_int_equal(own, alone->workload.count);
    assert_true(compared > 3 * SPREADS_LEAST);
}

static void test_spaces(void **state) {
    (void)state;
    const char *const settings[] = {
        CLUSTER, "engine.tiers.levels", "2", "load.spread", "0.7", "load.recall",
        "0.3",   "load.keys",           "3", NULL};
    sim_options both;
    sim_options one;
    point_options(&both, settings);
    point_options(&one, settings);
    point_world *all = run_spaces(&both, "2", "1:1", "1000", "4096");
    point_world *alone = run_spaces(&one, "1", "equal", "500", "2048");
    assert_same_answers(all, alone);
    assert_true(assert_digests(all, 0) > 6 * SPREADS_LEAST);
    point_world_free(all);
    point_world_free(alone);
}

/* Goal: the neighbour's facts do not show either. One host, so that a fact's partition does not
 * depend on its id, which is another in a cluster of one space. */
static void test_spaces_with_facts(void **state) {
    (void)state;
    const char *const settings[] = {CLUSTER,    "engine.tiers.levels", "2",   "load.arrival",
                                    "constant", "load.spread",         "0.5", "load.deallocate",
                                    "0.15",     "load.keys",           "3",   NULL};
    sim_options both;
    sim_options one;
    point_options(&both, settings);
    point_options(&one, settings);
    set(&both, "cluster.hosts", "1");
    set(&one, "cluster.hosts", "1");
    point_world *all = run_spaces(&both, "2", "1:1", "1400", "512");
    point_world *alone = run_spaces(&one, "1", "equal", "700", "256");
    assert_same_answers(all, alone);
    /* Their hashes differ, since facts are known by the ids of their requests. */
    cg_partition_state one_state = cg_node_partition(alone->nodes[0], 0);
    cg_partition_state all_state = cg_node_partition(all->nodes[0], 0);
    assert_int_equal(all_state.last_sequence, one_state.last_sequence);
    assert_int_equal(all_state.unasked, one_state.unasked);
    assert_true(all_state.hash != cg_node_partition(all->nodes[0], 1).hash);
    point_world_free(all);
    point_world_free(alone);
}

/* Goal: thresholds, budgets and discounts that differ by tier, in tiers too small for the graph and
 * warmed by both spaces: the neighbour's reads do not show. */
static void test_spaces_and_tiers(void **state) {
    (void)state;
    const char *const settings[] = {CLUSTER, "engine.tiers.l1",
                                    "60",    "engine.tiers.l2",
                                    "200",   "engine.spread.threshold.l1",
                                    "0.02",  "engine.spread.threshold.l2",
                                    "0.1",   "engine.spread.threshold.l3",
                                    "0.5",   "engine.spread.budget.l3",
                                    "3",     "load.spread",
                                    "0.7",   "load.recall",
                                    "0.3",   "load.keys",
                                    "3",     NULL};
    sim_options options;
    sim_options quiet;
    point_options(&options, settings);
    point_options(&quiet, settings);
    point_world *all = run_spaces(&options, "2", "1:1", "1000", "4096");
    point_world *alone = run_spaces(&quiet, "2", "1:0", "500", "2048");
    assert_same_answers(all, alone);
    assert_true(assert_digests(all, 0) > 6 * SPREADS_LEAST); /* all is as in the first tier */
    point_world_free(alone);
    point_world_free(all);
    /* In a cluster of one space those of each tier hold. */
    sim_options tiers;
    point_options(&tiers, settings);
    alone = run_spaces(&tiers, "1", "equal", "500", "2048");
    cg_spread_scratch *scratch = NULL;
    cg_error error = {0};
    uint32_t other = 0;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    for (uint32_t i = 0; i < alone->workload.count; i++) {
        cg_spread_result result;
        other += point_world_is_spread(alone, i) &&
                 alone->answers[i].reply.digest !=
                     point_world_oracle(alone, i, sim_ground_graph(ground), scratch, &result);
    }
    assert_true(other > SPREADS_LEAST);
    cg_spread_scratch_free(scratch);
    point_world_free(alone);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_loops_agree),
        cmocka_unit_test(test_digests_without_facts),
        cmocka_unit_test(test_digests_with_facts),
        cmocka_unit_test(test_forecasts),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_spaces),
        cmocka_unit_test(test_spaces_with_facts),
        cmocka_unit_test(test_spaces_and_tiers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
