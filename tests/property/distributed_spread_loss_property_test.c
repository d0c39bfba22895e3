/* Goal: whatever is lost, doubled or cut off, a spread over hosts is answered once, within its
 * timeout; no row has more than the single host gives it; hosts are named missing whenever anything
 * is missing, and confidence is near the share of activation that was answered (CL-54); and no host
 * keeps state of a spread that nobody ends.
 */
#include <math.h>

#include "tests/support/spread_sample.h"

enum { SAMPLES = 400, CUT_SPREADS = 100, WARM_SPREADS = 30, CUT_ROWS = 10000, CUT_HOSTS = 5 };

static double mass_of(const cg_spread_hit *hits, uint32_t count) {
    double mass = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        mass += (double)hits[i].activation / (double)CG_SPREAD_ONE;
    }
    return mass;
}

/* Each hit has at most what it has on a single host, of which all hits are given. */
static void check_no_more(const cg_spread_result *single, const cluster_answer *answer) {
    for (uint32_t i = 0; i < answer->result.spread.hit_count; i++) {
        const cg_spread_hit *hit = &answer->hits[i];
        const cg_spread_hit *whole = NULL;
        for (uint32_t j = 0; j < single->hit_count && !whole; j++) {
            whole = single->hits[j].row == hit->row ? &single->hits[j] : NULL;
        }
        if (!whole) {
            fail_msg("row %u is no hit of a single host", hit->row);
            return;
        }
        assert_true(hit->activation >= 1 && hit->activation <= whole->activation);
        assert_true(hit->strongest <= whole->strongest);
        assert_true(hit->confidence >= 0.0 && hit->confidence <= 1.0);
    }
}

static void check_answer(const cluster *c, const spread_sample *s,
                         const cg_spread_result *single, uint64_t *partial) {
    const cluster_answer *answer = &c->answers[1];
    const cg_distributed_result *result = &answer->result;
    assert_int_equal(answer->count, 1);
    assert_true(answer->at_ns <= s->query.timeout_ns);
    assert_true(result->confidence >= 0.0 && result->confidence <= 1.0);
    assert_true(result->spread.is_partial == (result->missing_count > 0));
    check_no_more(single, answer);
    if (result->missing_count == 0) {
        assert_true(result->confidence == 1.0);
        assert_int_equal(result->spread.reached, single->reached);
        uint32_t count = result->spread.hit_count;
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(answer->hits[i].row, single->hits[i].row);
            assert_true(answer->hits[i].activation == single->hits[i].activation);
            assert_int_equal(answer->hits[i].predecessor, single->hits[i].predecessor);
        }
    } else {
        assert_true(result->confidence < 1.0 || result->expected == 0.0 ||
                    result->expected == result->received);
        ++*partial;
    }
    for (uint32_t host = 0; host < c->hosts; host++) {
        assert_int_equal(cg_distributed_underway(c->nodes[host]), 0);
        assert_int_equal(cg_distributed_get_statistics(c->nodes[host]).corrupt, 0);
    }
}

static void test_ends_under_any_loss(void **state) {
    (void)state;
    static const uint32_t losses[] = {0, 0, 0, 10, 200, 1000};
    uint64_t seed = support_seed(7101);
    static spread_sample s;
    static cluster c;
    cg_error error = {0};
    cg_spread_scratch *scratch = NULL;
    uint64_t partial = 0;
    uint64_t late = 0;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    for (uint64_t number = 0; number < SAMPLES; number++) {
        cg_stream stream = cg_stream_init(seed, "test.distributed.loss", number);
        sample_draw(&stream, number, &s);
        s.query.spread.hits_max = SAMPLE_ROWS_MAX;
        /* Most of them so short that much comes too late. */
        s.query.timeout_ns =
            2000000 + cg_stream_next_below(&stream, number % 4 ? 20000000 : 1000000000);
        cg_spread_result single = {0};
        assert_ok(cg_spread_run(s.graph, &s.query.spread, scratch, &single, NULL, &error),
                  error);
        cluster_init(&c, s.hosts, seed, number);
        c.loss = losses[cg_stream_next_below(&stream, 6)];
        c.duplication = 100;
        c.jitter_ns = cg_stream_next_below(&stream, 4000000) + 1;
        sample_open(&c, &s);
        cluster_start(&c, (uint32_t)cg_stream_next_below(&stream, s.hosts), 1, &s.query);
        cluster_run(&c);
        check_answer(&c, &s, &single, &partial);
        for (uint32_t host = 0; host < c.hosts; host++) {
            late += cg_distributed_get_statistics(c.nodes[host]).late;
        }
        cluster_deinit(&c);
        cg_graph_free(s.graph);
    }
    assert_true(partial > SAMPLES / 4 && partial < SAMPLES && late > 1000);
    cg_spread_scratch_free(scratch);
}

/* --- one of five hosts cut off (CL-54) --- */

typedef struct cut_run {
    cg_graph *graph;
    uint32_t *owners;
    cg_spread_scratch *scratch;
    bool fan_out;
    bool knows;   /* hosts know who is cut off */
    bool is_cold; /* no spread was ever complete */
    cg_distributed_mode mode;
    double mean; /* difference of confidence and the true share */
    double worst;
} cut_run;

static void cut_one(cluster *c, cut_run *run, uint64_t number) {
    cg_error error = {0};
    bool is_warm = number < WARM_SPREADS && !run->is_cold;
    uint32_t cut = 1 + (uint32_t)(number % (CUT_HOSTS - 1));
    memset(c->is_cut, 0, sizeof c->is_cut);
    c->is_cut[cut] = !is_warm;
    cg_stream stream = cg_stream_init(11, "test.distributed.cut", number);
    cg_spread_seed seeds[3];
    for (uint32_t i = 0; i < 3; i++) {
        seeds[i] = (cg_spread_seed){.row = (uint32_t)cg_stream_next_below(&stream, CUT_ROWS),
                                    .activation = 1.0};
    }
    cg_distributed_query query = cg_distributed_query_default();
    query.spread.seeds = seeds;
    query.spread.seed_count = 3;
    query.spread.fan_out = run->fan_out;
    query.spread.threshold = run->fan_out ? 0.0001 : 0.01;
    query.spread.hits_max = CUT_ROWS;
    query.spread.confidence_paths = 0;
    query.mode = run->mode;
    cg_spread_result single = {0};
    assert_ok(cg_spread_run(run->graph, &query.spread, run->scratch, &single, NULL, &error),
              error);
    double whole = mass_of(single.hits, single.hit_count);
    uint64_t began_ns = c->now_ns;
    cluster_start(c, 0, number, &query);
    while (c->answers[number].count == 0) {
        assert_true(cluster_step(c));
    }
    const cluster_answer *answer = &c->answers[number];
    double mass = mass_of(answer->hits, answer->result.spread.hit_count);
    assert_true(fabs(answer->result.received - mass) < 0.001 * (1.0 + mass));
    if (is_warm) {
        assert_int_equal(answer->result.missing_count, 0);
        return;
    }
    assert_int_equal(answer->result.missing_count, 1);
    assert_int_equal(answer->missing[0], cut);
    double difference = fabs(answer->result.confidence - mass / whole);
    run->mean += difference / (run->is_cold ? CUT_SPREADS + WARM_SPREADS : CUT_SPREADS);
    run->worst = fmax(run->worst, difference);
    if (run->knows) { /* nobody waits */
        assert_true(answer->at_ns - began_ns < 20000000);
        assert_false(answer->result.is_timed_out);
    } else if (run->mode == CG_DISTRIBUTED_EXACT) { /* waits for it once */
        assert_true(answer->at_ns - began_ns < query.timeout_ns / 2);
        assert_false(answer->result.is_timed_out);
    }
}

static void run_cut(cut_run *run) {
    static cluster c;
    cluster_init(&c, CUT_HOSTS, 5, 1);
    c.knows_cut = run->knows;
    cluster_open(&c, run->graph, run->owners);
    for (uint64_t number = 0; number < WARM_SPREADS + CUT_SPREADS; number++) {
        cut_one(&c, run, number);
    }
    cluster_deinit(&c);
}

static void test_confidence_with_a_host_cut_off(void **state) {
    (void)state;
    cg_error error = {0};
    cut_run base = {0};
    cg_synthetic_options options = cg_synthetic_options_default();
    options.nodes = CUT_ROWS;
    options.weighted = true;
    cg_synthetic *synthetic = NULL;
    assert_ok(cg_synthetic_alloc(&options, cg_allocator_heap(), &synthetic, &error), error);
    assert_ok(cg_synthetic_graph(synthetic, NULL, NULL, &base.graph, NULL, &error), error);
    cg_synthetic_free(synthetic);
    base.owners = calloc(CUT_ROWS, sizeof *base.owners);
    assert_non_null(base.owners);
    assert_ok(cg_partition_by_hash(base.graph, CUT_HOSTS, 1, base.owners, &error), error);
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &base.scratch, &error), error);
    for (uint32_t kind = 0; kind < 7; kind++) {
        cut_run run = base;
        run.fan_out = kind < 4 || kind == 6;
        run.is_cold = kind == 6;
        run.knows = kind % 2 == 1;
        run.mode = kind == 2 || kind == 3 ? CG_DISTRIBUTED_ASYNC : CG_DISTRIBUTED_EXACT;
        run_cut(&run);
        /* With fan-out each spread; without, where hubs double a spread or not, the mean. */
        assert_true(run.mean < (run.fan_out ? 0.01 : 0.05));
        assert_true(run.worst < (run.fan_out ? 0.05 : 0.30));
    }
    cg_spread_scratch_free(base.scratch);
    free(base.owners);
    cg_graph_free(base.graph);
}

/* --- known values: a chain 0 -> 1 -> 2 over two hosts --- */

static cg_graph *chain(void) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, i, 0, "c", &row, &error), error);
    }
    for (uint32_t i = 0; i < 2; i++) {
        cg_edge edge = {.target = i + 1, .type = CG_EDGE_OTHER, .weight = 255};
        assert_ok(cg_graph_add_edge(graph, i, edge, &error), error);
    }
    return graph;
}

static void test_chain(void **state) {
    (void)state;
    static cluster c;
    const uint32_t owners[3] = {0, 1, 1};
    const cg_spread_seed seed = {.row = 0, .activation = 1.0};
    cg_graph *graph = chain();
    cg_distributed_query query = cg_distributed_query_default();
    query.spread.seeds = &seed;
    query.spread.seed_count = 1;
    query.spread.max_hops = 2;
    query.spread.lambda = 0.69314718055994530942;
    for (uint32_t mode = 0; mode < 2; mode++) {
        query.mode = (cg_distributed_mode)mode;
        cluster_init(&c, 2, 1, 1);
        cluster_open(&c, graph, owners);
        cluster_start(&c, 0, 1, &query);
        cluster_run(&c);
        const cluster_answer *whole = &c.answers[1];
        assert_int_equal(whole->result.spread.hit_count, 3);
        assert_true(fabs(mass_of(whole->hits, 3) - 1.75) < 1e-6);
        assert_true(fabs(whole->result.received - 1.75) < 1e-6);
        assert_int_equal(whole->hits[2].predecessor, 1);
        c.is_cut[1] = true;
        cluster_start(&c, 0, 2, &query);
        cluster_run(&c);
        const cluster_answer *part = &c.answers[2];
        assert_int_equal(part->result.spread.hit_count, 1);
        assert_int_equal(part->result.missing_count, 1);
        assert_int_equal(part->missing[0], 1);
        assert_true(fabs(part->result.received - 1.0) < 1e-6);
        assert_true(fabs(part->result.expected - 1.75) < 1e-6);
        assert_true(fabs(part->result.confidence - 1.0 / 1.75) < 1e-6);
        /* A seed at the host that is cut off: nothing comes, all of 1.0 * 1.5 is expected. */
        const cg_spread_seed away = {.row = 1, .activation = 1.0};
        query.spread.seeds = &away;
        cluster_start(&c, 0, 3, &query);
        cluster_run(&c);
        query.spread.seeds = &seed;
        assert_int_equal(c.answers[3].result.spread.hit_count, 0);
        assert_int_equal(c.answers[3].missing[0], 1);
        assert_true(c.answers[3].result.received == 0.0);
        assert_true(c.answers[3].result.expected > 1.0);
        assert_true(c.answers[3].result.confidence == 0.0);
        cluster_deinit(&c);
    }
    cg_graph_free(graph);
}

/* A host that nothing is sent to and that does not answer: in exact it is missed, in async not. */
static void test_idle_host_cut_off(void **state) {
    (void)state;
    static cluster c;
    const uint32_t owners[3] = {0, 0, 0};
    const cg_spread_seed seed = {.row = 0, .activation = 1.0};
    cg_graph *graph = chain();
    cg_distributed_query query = cg_distributed_query_default();
    query.spread.seeds = &seed;
    query.spread.seed_count = 1;
    for (uint32_t mode = 0; mode < 2; mode++) {
        query.mode = (cg_distributed_mode)mode;
        cluster_init(&c, 2, 1, 1);
        cluster_open(&c, graph, owners);
        c.is_cut[1] = true;
        cluster_start(&c, 0, 1, &query);
        cluster_run(&c);
        assert_int_equal(c.answers[1].result.spread.hit_count, 3);
        assert_int_equal(c.answers[1].result.missing_count, mode == 0 ? 1 : 0);
        assert_true(c.answers[1].result.confidence == 1.0);
        cluster_deinit(&c);
    }
    cg_graph_free(graph);
}

/* --- a coordinator that dies --- */

static void test_state_is_given_up(void **state) {
    (void)state;
    uint64_t seed = support_seed(7102);
    static spread_sample s;
    static cluster c;
    uint64_t abandoned = 0;
    for (uint64_t number = 0; number < 80; number++) {
        cg_stream stream = cg_stream_init(seed, "test.distributed.orphan", number);
        sample_draw(&stream, number, &s);
        cluster_init(&c, s.hosts, seed, number);
        c.jitter_ns = 300000;
        sample_open(&c, &s);
        cluster_start(&c, 0, 1, &s.query);
        uint64_t steps = cg_stream_next_below(&stream, 60);
        for (uint64_t i = 0; i < steps; i++) {
            (void)cluster_step(&c);
        }
        c.is_cut[0] = true;
        cluster_run(&c);
        assert_int_equal(c.answers[1].count, 1); /* by its own timers */
        for (uint32_t host = 0; host < c.hosts; host++) {
            assert_int_equal(cg_distributed_underway(c.nodes[host]), 0);
            abandoned += cg_distributed_get_statistics(c.nodes[host]).abandoned;
        }
        assert_true(c.now_ns <= 3 * s.query.timeout_ns + UINT64_C(11000000000));
        cluster_deinit(&c);
        cg_graph_free(s.graph);
    }
    assert_true(abandoned > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_under_any_loss),
        cmocka_unit_test(test_confidence_with_a_host_cut_off),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_idle_host_cut_off),
        cmocka_unit_test(test_state_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
