/* Goal: activation spreads over chains, hubs and cycles with the values worked out by hand, bad
 * input is refused, and every failing allocation is survived.
 */
#include <math.h>

#include "engine/spread/spread.h"
#include "tests/support/support.h"

#define LN_2 0.69314718055994530942 /* lambda for a decay of one half a hop */

static cg_graph *make_graph(uint32_t concepts) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < concepts; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, 1000 + i, 0, "concept", &row, &error), error);
        assert_int_equal(row, i);
    }
    return graph;
}

static void link_rows(cg_graph *graph, uint32_t from, uint32_t to, uint8_t weight) {
    cg_error error = {0};
    cg_edge edge = {.target = to, .type = CG_EDGE_OTHER, .weight = weight};
    assert_ok(cg_graph_add_edge(graph, from, edge, &error), error);
}

static cg_graph *make_chain(uint32_t concepts) {
    cg_graph *graph = make_graph(concepts);
    for (uint32_t i = 0; i + 1 < concepts; i++) {
        link_rows(graph, i, i + 1, 255);
    }
    return graph;
}

static cg_spread_scratch *make_scratch(void) {
    cg_error error = {0};
    cg_spread_scratch *scratch = NULL;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    return scratch;
}

static cg_spread_query make_query(const cg_spread_seed *seeds, uint32_t count, uint32_t hops) {
    cg_spread_query query = cg_spread_query_default();
    query.seeds = seeds;
    query.seed_count = count;
    query.max_hops = hops;
    query.lambda = LN_2;
    query.threshold = 0.0;
    query.hits_max = 10000;
    return query;
}

static cg_spread_result spread(const cg_graph *graph, const cg_spread_query *query,
                               cg_spread_scratch *scratch, cg_work *work) {
    cg_error error = {0};
    cg_spread_result result = {0};
    assert_ok(cg_spread_run(graph, query, scratch, &result, work, &error), error);
    return result;
}

static uint64_t part(uint64_t numerator, uint64_t denominator) {
    return CG_SPREAD_ONE / denominator * numerator;
}

/* Goal: the chain of spread.c's known value: the decay is applied once a hop. */
static void test_chain(void **state) {
    (void)state;
    cg_graph *graph = make_chain(10);
    cg_spread_scratch *scratch = make_scratch();
    cg_spread_seed seed = {0, 1.0};
    cg_spread_query query = make_query(&seed, 1, 3);
    cg_work work = {0};
    cg_spread_result result = spread(graph, &query, scratch, &work);
    assert_int_equal(result.hit_count, 4);
    assert_int_equal(result.reached, 4);
    assert_int_equal(result.hops, 3);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(result.hits[i].row, i);
        assert_int_equal(result.hits[i].activation, CG_SPREAD_ONE >> i);
        assert_int_equal(result.hits[i].strongest, CG_SPREAD_ONE >> i);
        assert_int_equal(result.hits[i].predecessor, i == 0 ? 0 : i - 1);
        assert_int_equal(result.hits[i].hop, i);
        assert_int_equal(result.hits[i].first_hop, i);
    }
    assert_int_equal(work.operations[CG_WORK_SPREAD], 3);
    assert_int_equal(work.units[CG_WORK_SPREAD], 3);

    /* The end of the chain ends the spread. */
    query.max_hops = CG_SPREAD_HOPS_MAX;
    result = spread(graph, &query, scratch, NULL);
    assert_int_equal(result.hit_count, 10);
    assert_int_equal(result.hops, 9);
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

/* Goal: below the threshold a concept is reached but passes nothing on; at it, it does. */
static void test_threshold(void **state) {
    (void)state;
    cg_graph *graph = make_chain(6);
    cg_spread_scratch *scratch = make_scratch();
    cg_spread_seed seed = {0, 1.0};
    cg_spread_query query = make_query(&seed, 1, 5);
    query.threshold = 0.3;
    assert_int_equal(spread(graph, &query, scratch, NULL).reached, 3); /* 1, 0.5, 0.25 */
    query.threshold = 0.25;
    assert_int_equal(spread(graph, &query, scratch, NULL).reached, 4);
    query.threshold = 1.0;
    assert_int_equal(spread(graph, &query, scratch, NULL).reached, 2);
    seed.activation = 0.5;
    cg_spread_result result = spread(graph, &query, scratch, NULL);
    assert_int_equal(result.reached, 1); /* the seed itself is too weak */
    assert_int_equal(result.hops, 0);
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

/* Goal: edge weights are (weight + 1) / 256, and parallel ways add up. */
static void test_weights_and_sums(void **state) {
    (void)state;
    cg_graph *graph = make_graph(4);
    link_rows(graph, 0, 1, 127); /* 1/2 */
    link_rows(graph, 0, 2, 63);  /* 1/4 */
    link_rows(graph, 1, 3, 255);
    link_rows(graph, 2, 3, 255);
    cg_spread_scratch *scratch = make_scratch();
    cg_spread_seed seed = {0, 1.0};
    cg_spread_query query = make_query(&seed, 1, 2);
    cg_spread_result result = spread(graph, &query, scratch, NULL);
    assert_int_equal(result.hit_count, 4);
    assert_int_equal(result.hits[1].row, 1);
    assert_int_equal(result.hits[1].activation, part(1, 4));
    assert_int_equal(result.hits[2].row, 3); /* 1/8 + 1/16 */
    assert_int_equal(result.hits[2].activation, part(3, 16));
    assert_int_equal(result.hits[2].strongest, part(1, 8));
    assert_int_equal(result.hits[2].predecessor, 1);
    assert_int_equal(result.hits[2].hop, 2);
    assert_int_equal(result.hits[3].row, 2);
    assert_int_equal(result.hits[3].activation, part(1, 8));
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

/* Goal: a hub floods its leaves unless fan-out normalisation divides by its edges; leaves sum
 * up in the hub, whose answer saturates though what it passes on does not; ties come out by
 * row. */
static void test_hub(void **state) {
    (void)state;
    enum { LEAVES = 1024 };
    cg_graph *graph = make_graph(LEAVES + 1);
    for (uint32_t leaf = 1; leaf <= LEAVES; leaf++) {
        link_rows(graph, 0, leaf, 255);
        link_rows(graph, leaf, 0, 255);
    }
    cg_spread_scratch *scratch = make_scratch();
    cg_spread_seed hub = {0, 1.0};
    cg_spread_query query = make_query(&hub, 1, 1);
    cg_work work = {0};
    cg_spread_result result = spread(graph, &query, scratch, &work);
    assert_int_equal(result.hit_count, LEAVES + 1);
    for (uint32_t i = 1; i <= LEAVES; i++) {
        assert_int_equal(result.hits[i].row, i);
        assert_int_equal(result.hits[i].activation, part(1, 2));
    }
    assert_int_equal(work.operations[CG_WORK_SPREAD], 1);
    assert_int_equal(work.units[CG_WORK_SPREAD], LEAVES);

    query.fan_out = true;
    result = spread(graph, &query, scratch, NULL);
    assert_int_equal(result.hits[LEAVES].activation, part(1, 2048));

    query.hits_max = 5;
    result = spread(graph, &query, scratch, NULL);
    assert_int_equal(result.hit_count, 5);
    assert_int_equal(result.reached, LEAVES + 1);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(result.hits[i].row, i);
    }

    /* Sixteen leaves at 1/8: the hub has 16 * 1/8 * 1/2 = 1, passes 1/2 on, and gets 512 at
     * hop 3. */
    cg_spread_seed leaves[16];
    for (uint32_t i = 0; i < 16; i++) {
        leaves[i] = (cg_spread_seed){.row = 1000 - i, .activation = 0.125};
    }
    query = make_query(leaves, 16, 2);
    result = spread(graph, &query, scratch, NULL);
    assert_int_equal(result.hits[0].row, 0);
    assert_int_equal(result.hits[0].activation, CG_SPREAD_ONE);
    assert_int_equal(result.hits[0].strongest, part(1, 16));
    assert_int_equal(result.hits[0].predecessor, 985); /* equal contributions: the lowest row */
    assert_int_equal(result.hits[1].row, 985);
    assert_int_equal(result.hits[1].activation, part(5, 8));
    assert_int_equal(result.hits[17].row, 1);
    assert_int_equal(result.hits[17].activation, part(1, 2));
    query.max_hops = 4;
    result = spread(graph, &query, scratch, NULL);
    assert_int_equal(result.hits[LEAVES].activation, CG_SPREAD_ONE);
    assert_int_equal(result.hits[LEAVES].strongest, 128 * CG_SPREAD_ONE); /* not saturated */
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

/* Goal: a cycle of two feeds back once a round; levels that grow without end stop at the limit.
 */
static void test_cycle(void **state) {
    (void)state;
    cg_graph *graph = make_graph(2);
    link_rows(graph, 0, 1, 255);
    link_rows(graph, 1, 0, 255);
    cg_spread_scratch *scratch = make_scratch();
    cg_spread_seed seed = {0, 0.5};
    cg_spread_query query = make_query(&seed, 1, 4);
    cg_spread_result result = spread(graph, &query, scratch, NULL);
    assert_int_equal(result.hit_count, 2);
    assert_int_equal(result.hits[0].row, 0);
    assert_int_equal(result.hits[0].activation, part(21, 32)); /* 1/2 + 1/8 + 1/32 */
    assert_int_equal(result.hits[0].predecessor, 0);
    assert_int_equal(result.hits[0].hop, 0);
    assert_int_equal(result.hits[1].activation, part(5, 16)); /* 1/4 + 1/16 */
    assert_int_equal(result.hits[1].predecessor, 0);
    assert_int_equal(result.hits[1].hop, 1);
    cg_graph_free(graph);

    graph = make_graph(6); /* everyone to everyone without decay: times 5 a hop */
    for (uint32_t i = 0; i < 36; i++) {
        if (i / 6 != i % 6) {
            link_rows(graph, i / 6, i % 6, 255);
        }
    }
    query.max_hops = CG_SPREAD_HOPS_MAX;
    query.lambda = 0.0;
    result = spread(graph, &query, scratch, NULL);
    assert_int_equal(result.hops, CG_SPREAD_HOPS_MAX);
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(result.hits[i].row, i);
        assert_int_equal(result.hits[i].activation, CG_SPREAD_ONE);
        assert_int_equal(result.hits[i].strongest, CG_SPREAD_LEVEL_MAX);
    }
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

/* Goal: a seed given twice counts as the sum; a seed too weak for the numbers reaches nothing.
 */
static void test_seeds(void **state) {
    (void)state;
    cg_graph *graph = make_chain(3);
    cg_spread_scratch *scratch = make_scratch();
    cg_spread_seed seeds[2] = {{0, 0.25}, {0, 0.5}};
    cg_spread_query query = make_query(seeds, 2, 1);
    cg_spread_result result = spread(graph, &query, scratch, NULL);
    assert_int_equal(result.hit_count, 2);
    assert_int_equal(result.hits[0].activation, part(3, 4));
    assert_int_equal(result.hits[0].strongest, part(1, 2));
    assert_int_equal(result.hits[1].activation, part(3, 8));
    seeds[0].activation = 1e-300;
    query.seed_count = 1;
    result = spread(graph, &query, scratch, NULL);
    assert_int_equal(result.hit_count, 0);
    assert_int_equal(result.reached, 0);
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

/* Goal: every bad query is refused with a sentence that names the value; the result is
 * untouched. */
static void test_bad_input(void **state) {
    (void)state;
    const cg_spread_seed bad_seeds[] = {
        {3, 1.0},         {UINT32_MAX, 1.0},     {0, 0.0}, {0, -0.5}, {0, 1.01},
        {0, (double)NAN}, {0, (double)INFINITY},
    };
    const char *const parts[] = {"row 3",           "row 4294967295",  "activation 0",
                                 "activation -0.5", "activation 1.01", "must be above 0",
                                 "activation inf"};
    cg_graph *graph = make_chain(3);
    cg_spread_scratch *scratch = make_scratch();
    cg_error error = {0};
    cg_spread_result result = {.reached = 77};
    cg_work work = {0};
    for (size_t i = 0; i < sizeof bad_seeds / sizeof *bad_seeds; i++) {
        cg_spread_seed seeds[2] = {{0, 1.0}, bad_seeds[i]};
        cg_spread_query query = make_query(seeds, 2, 2);
        assert_status(cg_spread_run(graph, &query, scratch, &result, &work, &error),
                      i < 2 ? CG_ERROR_NOT_FOUND : CG_ERROR_INVALID, error, parts[i]);
        assert_status(error.status, error.status, error, "seed 1");
    }
    cg_spread_seed seed = {0, 1.0};
    const cg_spread_query good = make_query(&seed, 1, 2);
    cg_spread_query queries[11];
    for (size_t i = 0; i < 11; i++) {
        queries[i] = good;
    }
    queries[0].seed_count = 0;
    queries[1].seed_count = UINT32_MAX;
    queries[2].max_hops = 0;
    queries[3].max_hops = UINT32_MAX;
    queries[4].lambda = -0.1;
    queries[5].lambda = (double)NAN;
    queries[6].lambda = 1e9;
    queries[7].threshold = -1.0;
    queries[8].threshold = 1.5;
    queries[9].threshold = (double)NAN;
    queries[10].hits_max = 0;
    const char *const names[11] = {
        "0 seeds",       "4294967295 seeds", "max_hops 0",   "max_hops 4294967295",
        "lambda -0.1",   "lambda",           "lambda 1e+09", "threshold -1",
        "threshold 1.5", "threshold",        "hits_max 0"};
    for (size_t i = 0; i < 11; i++) {
        assert_status(cg_spread_run(graph, &queries[i], scratch, &result, &work, &error),
                      CG_ERROR_INVALID, error, names[i]);
    }
    assert_int_equal(result.reached, 77);
    assert_int_equal(work.operations[CG_WORK_SPREAD], 0);
    assert_int_equal(spread(graph, &good, scratch, NULL).reached, 3); /* still fine */
    cg_spread_scratch_free(scratch);
    cg_spread_scratch_free(NULL);
    cg_graph_free(graph);
}

/* Goal: whichever allocation fails, the scratch stays usable and no byte is lost. */
static void test_allocation_failure(void **state) {
    (void)state;
    cg_graph *graph = make_chain(200);
    cg_spread_seed seed = {0, 1.0};
    cg_spread_query query = make_query(&seed, 1, 60);
    query.lambda = 0.1;
    for (uint64_t n = 1; n < 100; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        cg_error error = {0};
        cg_spread_scratch *scratch = NULL;
        cg_status status =
            cg_spread_scratch_alloc(cg_counting_allocator_view(&counting), &scratch, &error);
        cg_spread_result result = {.reached = 5};
        if (status == CG_OK) {
            status = cg_spread_run(graph, &query, scratch, &result, NULL, &error);
        }
        if (status != CG_OK) {
            assert_int_equal(status, CG_ERROR_MEMORY);
            assert_int_equal(result.reached, 5);
        }
        if (scratch) {
            assert_int_equal(spread(graph, &query, scratch, NULL).reached, 61);
        }
        cg_spread_scratch_free(scratch);
        assert_int_equal(counting.live_bytes, 0);
        assert_int_equal(counting.live_blocks, 0);
        if (status == CG_OK) {
            assert_true(n > 10);
            cg_graph_free(graph);
            return;
        }
    }
    fail_msg("allocations never came to an end");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_threshold),
        cmocka_unit_test(test_weights_and_sums),
        cmocka_unit_test(test_hub),
        cmocka_unit_test(test_cycle),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
