/* Goal: over any number of hosts, spreading equals the single host's to the bit when nothing is lost:
 * rows, activation, predecessors, hops, confidence, order, paths; in exact its counts too. Whatever
 * the graph, the owners, the thresholds, the fan-out, and the order in which messages come; and
 * twice the same run sends the same bytes.
 */
#include "tests/support/spread_sample.h"

enum { SAMPLES = 220 };

/* The strongest path without a cycle to the last hit. */
static void compare_path(cg_spread_scratch *scratch, const cg_spread_result *single,
                         const cluster_answer *answer) {
    static cg_spread_path paths[CG_SPREAD_PATHS_MAX];
    cg_error error = {0};
    uint32_t count = 0;
    assert_ok(cg_spread_paths(scratch, single->hits[single->hit_count - 1].row, paths,
                              CG_SPREAD_PATHS_MAX, &count, &error),
              error);
    if (count == 0 || paths[0].is_cyclic || !answer->has_path) {
        return;
    }
    assert_true(paths[0].strength == answer->path.strength);
    assert_int_equal(paths[0].length, answer->path.length);
    for (uint32_t i = 0; i < paths[0].length; i++) {
        assert_int_equal(paths[0].steps[i].row, answer->path.steps[i].row);
        assert_int_equal(paths[0].steps[i].tier, answer->path.steps[i].tier);
    }
}

static void check_whole(const cluster_answer *answer) {
    assert_int_equal(answer->count, 1);
    assert_int_equal(answer->result.missing_count, 0);
    assert_false(answer->result.spread.is_partial);
    assert_false(answer->result.is_timed_out);
    assert_true(answer->result.confidence == 1.0);
}

static void run_sample(uint64_t seed, uint64_t number, cg_spread_scratch *scratch) {
    static spread_sample s;
    static cluster c;
    cg_error error = {0};
    cg_stream stream = cg_stream_init(seed, "test.distributed", number);
    sample_draw(&stream, number, &s);
    cg_spread_result single = {0};
    assert_ok(cg_spread_run(s.graph, &s.query.spread, scratch, &single, NULL, &error), error);
    cluster_init(&c, s.hosts, seed, number);
    c.jitter_ns = cg_stream_next_below(&stream, 3) * 400000;
    c.duplication = cg_stream_next_below(&stream, 2) ? 200 : 0;
    c.wants_paths = s.query.spread.confidence_paths > 0;
    sample_open(&c, &s);
    cluster_start(&c, (uint32_t)cg_stream_next_below(&stream, s.hosts), 1, &s.query);
    cluster_run(&c);
    check_whole(&c.answers[1]);
    assert_true(s.hosts == 1 ||
                c.end_time > c.report_time); /* an end comes after all reports */
    for (uint32_t host = 0; host < c.hosts && s.query.mode == CG_DISTRIBUTED_EXACT; host++) {
        assert_true(s.hosts == 1 || cg_distributed_lamport(c.nodes[host]) >= c.end_time);
    }
    sample_compare_hits(&single, &c.answers[1]);
    if (s.query.mode == CG_DISTRIBUTED_EXACT) {
        sample_compare_counts(&single, &c.answers[1], s.query.spread.max_hops);
    }
    if (c.wants_paths && single.hit_count > 0) {
        compare_path(scratch, &single, &c.answers[1]);
    }
    for (uint32_t host = 0; host < c.hosts; host++) {
        assert_int_equal(cg_distributed_underway(c.nodes[host]), 0);
        assert_int_equal(cg_distributed_get_statistics(c.nodes[host]).corrupt, 0);
        assert_int_equal(cg_distributed_get_statistics(c.nodes[host]).abandoned, 0);
    }
    cluster_deinit(&c);
    cg_graph_free(s.graph);
}

static void test_equals_one_host(void **state) {
    (void)state;
    uint64_t seed = support_seed(7001);
    cg_error error = {0};
    cg_spread_scratch *scratch = NULL;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    for (uint64_t number = 0; number < SAMPLES; number++) {
        run_sample(seed, number, scratch);
    }
    cg_spread_scratch_free(scratch);
}

/* --- hosts that have nothing but their own rows' edges --- */

static cg_graph *part_of_graph(const spread_sample *s, uint32_t host) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t row = 0; row < s->rows; row++) {
        uint32_t number = 0;
        assert_ok(cg_graph_add_concept(graph, row, 0, "c", &number, &error), error);
    }
    for (uint32_t row = 0; row < s->rows; row++) {
        cg_edge edge;
        cg_edge_cursor cursor = cg_graph_edges(s->graph, row);
        while (s->owners[row] == host && cg_graph_next_edge(&cursor, &edge)) {
            assert_ok(cg_graph_add_edge(graph, row, edge, &error), error);
        }
    }
    return graph;
}

static void test_hosts_need_own_rows_alone(void **state) {
    (void)state;
    uint64_t seed = support_seed(7002);
    static spread_sample s;
    static cluster c;
    cg_error error = {0};
    cg_spread_scratch *scratch = NULL;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    for (uint64_t number = 0; number < 60; number++) {
        cg_stream stream = cg_stream_init(seed, "test.distributed.own", number);
        sample_draw(&stream, number, &s);
        cg_graph *parts[16] = {NULL};
        cg_spread_result single = {0};
        if (s.rows <= 60) {
            assert_ok(cg_spread_run(s.graph, &s.query.spread, scratch, &single, NULL, &error),
                      error);
            cluster_init(&c, s.hosts, seed, number);
            c.jitter_ns = 700000;
            for (uint32_t host = 0; host < s.hosts; host++) {
                parts[host] = part_of_graph(&s, host);
                cg_distributed_options options = cluster_options(&c, host);
                options.graph = parts[host];
                options.owners = s.owners;
                options.hooks = s.query.spread.tiers;
                cluster_add(&c, host, &options, cg_allocator_heap());
            }
            cluster_start(&c, 0, 1, &s.query);
            cluster_run(&c);
            check_whole(&c.answers[1]);
            sample_compare_hits(&single, &c.answers[1]);
            cluster_deinit(&c);
        }
        for (uint32_t host = 0; host < 16; host++) {
            cg_graph_free(parts[host]);
        }
        cg_graph_free(s.graph);
    }
    cg_spread_scratch_free(scratch);
}

/* --- budgets --- */

/* One host: as cg_spread_run. Several: each has the budget, so it does not depend on what comes
 * when, and hosts that stay within theirs change nothing. */
static void test_budgets_hold_for_each_host(void **state) {
    (void)state;
    uint64_t seed = support_seed(7003);
    static spread_sample s;
    static cluster c;
    cg_error error = {0};
    cg_spread_scratch *scratch = NULL;
    uint64_t faded = 0;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    for (uint64_t number = 0; number < 60; number++) {
        cg_stream stream = cg_stream_init(seed, "test.distributed.budget", number);
        sample_draw(&stream, number, &s);
        s.query.mode = CG_DISTRIBUTED_EXACT;
        s.tiers = cg_spread_tiers_default();
        s.tiers.where = sample_tier;
        for (uint32_t tier = 0; tier < CG_TIER_LEVELS_MAX; tier++) {
            s.tiers.budgets[tier] = cg_stream_next_below(&stream, 5);
        }
        s.query.spread.tiers = &s.tiers;
        uint64_t bytes[2] = {0};
        s.hosts = number % 2 ? 1 : 5;
        for (uint32_t row = 0; row < s.rows; row++) {
            s.owners[row] %= s.hosts;
        }
        for (uint32_t run = 0; run < 2; run++) {
            cluster_init(&c, s.hosts, seed, number * 2 + run);
            c.jitter_ns = run == 0 ? 0 : 900000;
            sample_open(&c, &s);
            cluster_start(&c, 0, 1, &s.query);
            cluster_run(&c);
            check_whole(&c.answers[1]);
            faded += c.answers[1].result.spread.faded;
            bytes[run] = cg_hash_bytes(
                c.answers[1].hits,
                c.answers[1].result.spread.hit_count * sizeof *c.answers[1].hits, 1);
            cg_spread_result single = {0};
            assert_ok(cg_spread_run(s.graph, &s.query.spread, scratch, &single, NULL, &error),
                      error);
            if (s.hosts == 1) {
                sample_compare_hits(&single, &c.answers[1]);
                sample_compare_counts(&single, &c.answers[1], s.query.spread.max_hops);
            }
            cluster_deinit(&c);
        }
        assert_true(bytes[0] == bytes[1]);
        cg_graph_free(s.graph);
    }
    assert_true(faded > 100);
    cg_spread_scratch_free(scratch);
}

/* --- many at once, and the same again --- */

enum { AT_ONCE = 64 };

static uint64_t run_many(const spread_sample *s, uint64_t seed, cg_spread_scratch *scratch) {
    static cluster c;
    uint64_t rows = s->rows ? s->rows : 1;
    uint64_t hosts = s->hosts ? s->hosts : 1;
    cg_error error = {0};
    cluster_init(&c, s->hosts, seed, 1);
    c.jitter_ns = 600000;
    c.duplication = 100;
    sample_open(&c, s);
    cg_distributed_query query = s->query;
    cg_spread_seed seeds[AT_ONCE];
    query.spread.seed_count = 1;
    for (uint64_t i = 0; i < AT_ONCE; i++) {
        seeds[i] = (cg_spread_seed){.row = (uint32_t)(i * 31 % rows), .activation = 1.0};
        query.spread.seeds = &seeds[i];
        query.mode = (cg_distributed_mode)(i % 2);
        cluster_start(&c, (uint32_t)(i % hosts), i, &query);
    }
    cluster_run(&c);
    for (uint64_t i = 0; i < AT_ONCE; i++) {
        cg_spread_result single = {0};
        query.spread.seeds = &seeds[i];
        assert_ok(cg_spread_run(s->graph, &query.spread, scratch, &single, NULL, &error),
                  error);
        check_whole(&c.answers[i]);
        sample_compare_hits(&single, &c.answers[i]);
    }
    uint64_t hash = cg_hasher_value(&c.messages);
    cluster_deinit(&c);
    return hash;
}

static void test_many_at_once_and_repeatable(void **state) {
    (void)state;
    uint64_t seed = support_seed(7004);
    static spread_sample s;
    cg_error error = {0};
    cg_spread_scratch *scratch = NULL;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    for (uint64_t number = 0; number < 6; number++) {
        cg_stream stream = cg_stream_init(seed, "test.distributed.many", number);
        sample_draw(&stream, number, &s);
        assert_true(run_many(&s, seed, scratch) == run_many(&s, seed, scratch));
        cg_graph_free(s.graph);
    }
    cg_spread_scratch_free(scratch);
}

/* --- messages --- */

/* Exact over five hosts, one seed: starts, reports and ends 4 each; hop 1 from the seed's owner to 4,
 * hop 2 from each to each.  */
static void test_messages_are_few(void **state) {
    (void)state;
    static cluster c;
    cg_graph *graph = sample_synthetic(1, 1000);
    uint32_t owners[1000];
    for (uint32_t row = 0; row < 1000; row++) {
        owners[row] = row % 5;
    }
    const cg_spread_seed seed = {.row = 5, .activation = 1.0};
    cg_distributed_query query = cg_distributed_query_default();
    query.spread.seeds = &seed;
    query.spread.seed_count = 1;
    query.spread.threshold = 0.0;
    query.spread.confidence_paths = 0;
    for (uint32_t hops = 1; hops <= 2; hops++) {
        query.spread.max_hops = hops;
        cluster_init(&c, 5, 1, 1);
        cluster_open(&c, graph, owners);
        cluster_start(&c, 0, 1, &query);
        cluster_run(&c);
        check_whole(&c.answers[1]);
        assert_true(c.sent == (hops == 1 ? 16 : 36));
        /* Half a round trip each: hops and report; the seed is where the spread was started. */
        assert_true(c.answers[1].at_ns == UINT64_C(500000) * (hops + 1));
        cluster_deinit(&c);
    }
    cg_graph_free(graph);
}

/* --- saturation --- */

/* Twelve concepts, each linked to all, double and more each hop: sums stop at CG_SPREAD_LEVEL_MAX, in
 * the middle of a message, too. */
static void test_saturation(void **state) {
    (void)state;
    static cluster c;
    enum { ALL = 12 };
    cg_error error = {0};
    cg_graph *graph = NULL;
    uint32_t owners[ALL];
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < ALL; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, i, 0, "c", &row, &error), error);
        owners[i] = i % 3;
    }
    for (uint32_t i = 0; i < ALL * ALL; i++) {
        cg_edge edge = {.target = i % ALL, .type = CG_EDGE_OTHER, .weight = 255};
        (void)cg_graph_add_edge(graph, i / ALL, edge, NULL);
    }
    const cg_spread_seed seed = {.row = 3, .activation = 1.0};
    cg_distributed_query query = cg_distributed_query_default();
    query.spread.seeds = &seed;
    query.spread.seed_count = 1;
    query.spread.max_hops = 10;
    query.spread.lambda = 0.0;
    cg_spread_scratch *scratch = NULL;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    for (uint32_t mode = 0; mode < 2; mode++) {
        cg_spread_result single = {0};
        query.mode = (cg_distributed_mode)mode;
        assert_ok(cg_spread_run(graph, &query.spread, scratch, &single, NULL, &error), error);
        const cg_spread_record *last = cg_spread_record_at(scratch, single.records - 1);
        assert_true(last->level == CG_SPREAD_LEVEL_MAX);
        cluster_init(&c, 3, 1, mode);
        c.jitter_ns = 900000;
        cluster_open(&c, graph, owners);
        cluster_start(&c, 0, 1, &query);
        cluster_run(&c);
        check_whole(&c.answers[1]);
        sample_compare_hits(&single, &c.answers[1]);
        cluster_deinit(&c);
    }
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

/* --- credit --- */

/* Two concepts at two hosts pass to and fro 64 times: each message halves the credit, so it must be
 * borrowed, and the spread ends neither early nor by its timeout. */
static void test_credit_is_borrowed(void **state) {
    (void)state;
    static cluster c;
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, i, 0, "c", &row, &error), error);
    }
    for (uint32_t i = 0; i < 2; i++) {
        cg_edge edge = {.target = 1 - i, .type = CG_EDGE_OTHER, .weight = 255};
        assert_ok(cg_graph_add_edge(graph, i, edge, &error), error);
    }
    const uint32_t owners[2] = {0, 1};
    const cg_spread_seed seed = {.row = 0, .activation = 0.001};
    cg_distributed_query query = cg_distributed_query_default();
    query.mode = CG_DISTRIBUTED_ASYNC;
    query.spread.seeds = &seed;
    query.spread.seed_count = 1;
    query.spread.max_hops = 64;
    query.spread.lambda = 0.0;
    query.spread.threshold = 0.0;
    cluster_init(&c, 2, 1, 1);
    c.duplication = 1000;
    cluster_open(&c, graph, owners);
    cluster_start(&c, 0, 1, &query);
    cluster_run(&c);
    check_whole(&c.answers[1]);
    assert_true(c.sent_by_type[6] >= 1); /* asked for a loan: host 1 did */
    cg_spread_scratch *scratch = NULL;
    cg_spread_result single = {0};
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    assert_ok(cg_spread_run(graph, &query.spread, scratch, &single, NULL, &error), error);
    sample_compare_hits(&single, &c.answers[1]);
    cg_spread_scratch_free(scratch);
    cluster_deinit(&c);
    cg_graph_free(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_one_host),
        cmocka_unit_test(test_hosts_need_own_rows_alone),
        cmocka_unit_test(test_budgets_hold_for_each_host),
        cmocka_unit_test(test_many_at_once_and_repeatable),
        cmocka_unit_test(test_messages_are_few),
        cmocka_unit_test(test_saturation),
        cmocka_unit_test(test_credit_is_borrowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
