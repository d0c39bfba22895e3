/* Goal: paths, confidence, tiers, budgets, refractory periods, limits of edges and touches have
 * the values worked out by hand; cycles of every length are known from paths.
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
        assert_ok(cg_graph_add_concept(graph, i, 0, "c", &row, &error), error);
    }
    return graph;
}

static void link_rows(cg_graph *graph, uint32_t from, uint32_t to, uint16_t type,
                      uint8_t weight) {
    cg_error error = {0};
    cg_edge edge = {.target = to, .type = type, .weight = weight};
    assert_ok(cg_graph_add_edge(graph, from, edge, &error), error);
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
                               cg_spread_scratch *scratch) {
    cg_error error = {0};
    cg_spread_result result = {0};
    assert_ok(cg_spread_run(graph, query, scratch, &result, NULL, &error), error);
    return result;
}

static cg_spread_hit hit_of(const cg_spread_result *result, uint32_t row) {
    for (uint32_t i = 0; i < result->hit_count; i++) {
        if (result->hits[i].row == row) {
            return result->hits[i];
        }
    }
    return (cg_spread_hit){.row = UINT32_MAX};
}

static void assert_near(double value, double expected) {
    if (!(fabs(value - expected) < 1e-9)) {
        fail_msg("%.12g instead of %.12g", value, expected);
    }
}

/* Goal: a diamond 0 -> 1, 2 -> 3: two paths of strength 1/4 and 1/8, with the types of their
 * edges; of parallel edges the strongest counts, and the lowest type of equals is named. */
static void test_diamond(void **state) {
    (void)state;
    cg_graph *graph = make_graph(4);
    link_rows(graph, 0, 1, CG_EDGE_SIMILAR, 255);
    link_rows(graph, 0, 2, CG_EDGE_ALSO_SEE, 127);
    link_rows(graph, 1, 3, CG_EDGE_CAUSE, 255);
    link_rows(graph, 1, 3, CG_EDGE_SIMILAR, 255);
    link_rows(graph, 1, 3, CG_EDGE_OTHER, 3);
    link_rows(graph, 2, 3, CG_EDGE_ENTAILMENT, 255);
    cg_spread_scratch *scratch = make_scratch();
    cg_spread_seed seed = {0, 1.0};
    cg_spread_query query = make_query(&seed, 1, 2);
    cg_spread_result result = spread(graph, &query, scratch);
    cg_error error = {0};
    cg_spread_path paths[4];
    uint32_t count = 0;
    assert_ok(cg_spread_paths(scratch, 3, paths, 4, &count, &error), error);
    assert_int_equal(count, 2);
    assert_near(paths[0].strength, 0.25);
    assert_near(paths[1].strength, 0.125);
    const uint32_t rows[2][3] = {{0, 1, 3}, {0, 2, 3}};
    const uint16_t types[2][3] = {{0, CG_EDGE_SIMILAR, CG_EDGE_CAUSE},
                                  {0, CG_EDGE_ALSO_SEE, CG_EDGE_ENTAILMENT}};
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(paths[i].length, 3);
        assert_false(paths[i].is_cyclic);
        for (uint32_t step = 0; step < 3; step++) {
            assert_int_equal(paths[i].steps[step].row, rows[i][step]);
            assert_int_equal(paths[i].steps[step].edge_type, types[i][step]);
        }
    }
    /* 1 - (1 - 0.25 * 0.81) * (1 - 0.125 * 0.81) */
    assert_near(hit_of(&result, 3).confidence, 1.0 - 0.7975 * 0.89875);
    assert_near(hit_of(&result, 0).confidence, 1.0); /* a seed of 1.0: a path without edges */
    query.confidence_paths = 1;
    result = spread(graph, &query, scratch);
    assert_near(hit_of(&result, 3).confidence, 0.2025);
    query.confidence_paths = 0;
    result = spread(graph, &query, scratch);
    assert_near(hit_of(&result, 3).confidence, 0.0);

    assert_status(cg_spread_paths(scratch, 4, paths, 4, &count, &error), CG_ERROR_NOT_FOUND,
                  error, "row 4");
    assert_status(cg_spread_paths(scratch, UINT32_MAX, paths, 4, &count, &error),
                  CG_ERROR_NOT_FOUND, error, "row 4294967295");
    assert_status(cg_spread_paths(scratch, 3, paths, 0, &count, &error), CG_ERROR_INVALID,
                  error, "0 paths");
    assert_status(cg_spread_paths(scratch, 3, paths, 17, &count, &error), CG_ERROR_INVALID,
                  error, "17 paths");
    cg_spread_scratch_trim(scratch, 0);
    assert_status(cg_spread_paths(scratch, 3, paths, 4, &count, &error), CG_ERROR_NOT_FOUND,
                  error, "row 3");
    assert_null(cg_spread_record_at(scratch, 0));
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

/* Goal: spread_path.c's known value: two paths of strength 1/2 and one hop give 0.6975. */
static void test_noisy_or(void **state) {
    (void)state;
    cg_graph *graph = make_graph(3);
    link_rows(graph, 0, 2, CG_EDGE_OTHER, 255);
    link_rows(graph, 1, 2, CG_EDGE_OTHER, 255);
    cg_spread_scratch *scratch = make_scratch();
    cg_spread_seed seeds[2] = {{0, 1.0}, {1, 1.0}};
    cg_spread_query query = make_query(seeds, 2, 1);
    cg_spread_result result = spread(graph, &query, scratch);
    assert_near(hit_of(&result, 2).confidence, 0.6975);
    cg_spread_tiers tiers = cg_spread_tiers_default();
    tiers.discounts[0] = 0.5;
    query.tiers = &tiers;
    result = spread(graph, &query, scratch);
    assert_near(hit_of(&result, 2).confidence, 1.0 - 0.775 * 0.775);
    assert_near(hit_of(&result, 0).confidence, 1.0); /* nothing passed on, no tier */
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

/* Goal: in a cycle of n, activation comes back after n hops: that path is cyclic, is counted, and
 * gives no confidence. */
static void test_cycles(void **state) {
    (void)state;
    cg_spread_scratch *scratch = make_scratch();
    static cg_spread_path paths[CG_SPREAD_PATHS_MAX];
    for (uint32_t n = 2; n <= CG_SPREAD_HOPS_MAX; n++) {
        cg_graph *graph = make_graph(n);
        for (uint32_t i = 0; i < n; i++) {
            link_rows(graph, i, (i + 1) % n, CG_EDGE_OTHER, 255);
        }
        cg_spread_seed seed = {0, 0.5};
        cg_spread_query query = make_query(&seed, 1, n);
        query.lambda = 0.0;
        cg_spread_result result = spread(graph, &query, scratch);
        assert_int_equal(result.hops, n);
        assert_int_equal(result.reached, n);
        assert_int_equal(result.records, n + 1);
        cg_spread_hit hit = hit_of(&result, 0);
        assert_int_equal(hit.activation, CG_SPREAD_ONE);
        assert_int_equal(hit.hop, 0); /* of equals the earliest */
        assert_int_equal(hit.predecessor, 0);
        assert_int_equal(hit.cycles, 1);
        assert_near(hit.confidence, 0.5);
        assert_int_equal(hit_of(&result, n - 1).cycles, 0);
        cg_error error = {0};
        uint32_t count = 0;
        assert_ok(cg_spread_paths(scratch, 0, paths, CG_SPREAD_PATHS_MAX, &count, &error),
                  error);
        assert_int_equal(count, 2);
        uint32_t cyclic = paths[1].is_cyclic ? 1 : 0;
        assert_true(paths[cyclic].is_cyclic && !paths[1 - cyclic].is_cyclic);
        assert_int_equal(paths[cyclic].length, n + 1);
        assert_int_equal(paths[1 - cyclic].length, 1);
        cg_graph_free(graph);
    }
    cg_spread_scratch_free(scratch);
}

/* --- tiers --- */

typedef struct asked {
    uint32_t rows[64];
    uint32_t count;
    uint32_t fail_at; /* read; 0: never */
} asked;

static uint32_t where_parity(void *context, uint32_t row) {
    (void)context;
    return row % 2;
}

static cg_status read_noted(void *context, uint32_t row, cg_error *error) {
    asked *noted = context;
    noted->rows[noted->count++] = row;
    return noted->count == noted->fail_at
               ? cg_error_set(error, CG_ERROR_IO, "the disk is gone at row %u", row)
               : CG_OK;
}

/* Eight seeds 0..7 with levels 8/8 .. 1/8, each with an edge to a row of its own, 8 behind it. */
static cg_graph *make_pairs(cg_spread_seed seeds[8]) {
    cg_graph *graph = make_graph(16);
    for (uint32_t i = 0; i < 8; i++) {
        link_rows(graph, i, i + 8, CG_EDGE_OTHER, 255);
        seeds[i] = (cg_spread_seed){.row = i, .activation = (8 - i) / 8.0};
    }
    return graph;
}

/* Goal: the k-th visit beyond the budget fades by 0.93^k, by level and not by row; below the
 * threshold the tier is done; other tiers are not touched. */
static void test_budget(void **state) {
    (void)state;
    cg_spread_seed seeds[8];
    cg_graph *graph = make_pairs(seeds);
    cg_spread_scratch *scratch = make_scratch();
    cg_spread_tiers tiers = cg_spread_tiers_default();
    asked noted = {0};
    tiers.where = where_parity;
    tiers.read = read_noted;
    tiers.context = &noted;
    tiers.thresholds[0] = 0.0;
    tiers.thresholds[1] = 0.3;
    tiers.budgets[0] = 2;
    cg_spread_query query = make_query(seeds, 8, 1);
    query.lambda = 0.0;
    query.tiers = &tiers;
    cg_spread_result result = spread(graph, &query, scratch);
    double one = (double)CG_SPREAD_ONE;
    assert_near((double)hit_of(&result, 8).activation / one, 1.0);
    assert_near((double)hit_of(&result, 10).activation / one, 0.75);
    assert_near((double)hit_of(&result, 12).activation / one, 0.5 * 0.93);
    assert_near((double)hit_of(&result, 14).activation / one, 0.25 * 0.8649);
    assert_int_equal(result.tier_visits[0], 4);
    assert_int_equal(result.tier_visits[1], 3); /* 7/8, 5/8, 3/8; 1/8 is below */
    assert_int_equal(result.faded, 2);
    assert_int_equal(noted.count, 7);
    for (uint32_t i = 0; i < 7; i++) {
        assert_int_equal(noted.rows[i], i);
    }
    tiers.thresholds[0] = 0.22; /* 0.25 is above it, 0.25 * 0.8649 is not */
    noted.count = 0;
    result = spread(graph, &query, scratch);
    assert_int_equal(result.tier_visits[0], 3);
    assert_int_equal(hit_of(&result, 14).row, UINT32_MAX);

    cg_error error = {0};
    cg_spread_result untouched = {.reached = 77};
    noted = (asked){.fail_at = 3};
    assert_status(cg_spread_run(graph, &query, scratch, &untouched, NULL, &error), CG_ERROR_IO,
                  error, "row 2");
    assert_int_equal(untouched.reached, 77);
    noted = (asked){0};
    assert_int_equal(spread(graph, &query, scratch).tier_visits[0], 3);
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

/* Goal: the budget is that of the whole spread: a chain of four, budget 2, fades from hop 3 on. */
static void test_budget_over_hops(void **state) {
    (void)state;
    cg_graph *graph = make_graph(5);
    for (uint32_t i = 0; i < 4; i++) {
        link_rows(graph, i, i + 1, CG_EDGE_OTHER, 255);
    }
    cg_spread_scratch *scratch = make_scratch();
    cg_spread_tiers tiers = cg_spread_tiers_default();
    tiers.budgets[0] = 2;
    cg_spread_seed seed = {0, 1.0};
    cg_spread_query query = make_query(&seed, 1, 4);
    query.lambda = 0.0;
    query.tiers = &tiers;
    cg_spread_result result = spread(graph, &query, scratch);
    double one = (double)CG_SPREAD_ONE;
    assert_near((double)hit_of(&result, 2).activation / one, 1.0);
    assert_near((double)hit_of(&result, 3).activation / one, 0.93);
    assert_near((double)hit_of(&result, 4).activation / one, 0.93 * 0.8649);
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

/* Goal: a concept rests after it passed on: within the spread, and until the period is over. */
static void test_refractory(void **state) {
    (void)state;
    cg_graph *graph = make_graph(2);
    link_rows(graph, 0, 1, CG_EDGE_OTHER, 255);
    link_rows(graph, 1, 0, CG_EDGE_OTHER, 255);
    cg_error error = {0};
    cg_spread_scratch *scratch = make_scratch();
    cg_spread_recency *recency = NULL;
    assert_ok(cg_spread_recency_alloc(cg_allocator_heap(), &recency, &error), error);
    cg_spread_seed seed = {0, 1.0};
    cg_spread_query query = make_query(&seed, 1, 6);
    query.refractory_ns = 100;
    query.recency = recency;
    query.now = (cg_hlc){.physical_ns = 1000, .logical = 3};
    cg_spread_result result = spread(graph, &query, scratch);
    assert_int_equal(result.visits, 2); /* 0, 1, and 0 rests */
    assert_int_equal(result.refractory, 1);
    assert_int_equal(hit_of(&result, 0).activation, CG_SPREAD_ONE);
    assert_int_equal(cg_spread_recency_count(recency), 2);
    cg_hlc last = {0};
    assert_true(cg_spread_recency_last(recency, 1, &last));
    assert_true(last.physical_ns == 1000 && last.logical == 3);
    assert_false(cg_spread_recency_last(recency, 2, &last));
    query.now.physical_ns = 1099;
    result = spread(graph, &query, scratch);
    assert_int_equal(result.visits, 0);
    query.now.physical_ns = 900; /* a clock behind: as if it had just been */
    assert_int_equal(spread(graph, &query, scratch).visits, 0);
    query.now.physical_ns = 1100;
    query.max_hops = 1;
    assert_int_equal(spread(graph, &query, scratch).visits, 1);
    assert_true(cg_spread_recency_last(recency, 0, &last) && last.physical_ns == 1100);
    assert_true(cg_spread_recency_last(recency, 1, &last) && last.physical_ns == 1000);
    assert_ok(cg_spread_recency_forget(recency, 1001, &error), error);
    assert_int_equal(cg_spread_recency_count(recency), 1);
    assert_true(cg_spread_recency_last(recency, 0, &last) && last.physical_ns == 1100);
    assert_false(cg_spread_recency_last(recency, 1, &last));
    query.refractory_ns = 0;
    query.max_hops = 6;
    assert_int_equal(spread(graph, &query, scratch).visits, 6);
    assert_int_equal(cg_spread_recency_count(recency), 1);
    cg_spread_recency_free(recency);
    cg_spread_recency_free(NULL);
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

/* Goal: a hop that would walk too many edges is not begun, and the answer says so. */
static void test_edges_max(void **state) {
    (void)state;
    cg_graph *graph = make_graph(1 + 3 + 9);
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t leaf = 1; leaf <= 3; leaf++) {
            link_rows(graph, i, 3 * i + leaf, CG_EDGE_OTHER, 255);
        }
    }
    cg_spread_scratch *scratch = make_scratch();
    cg_spread_seed seed = {0, 1.0};
    cg_spread_query query = make_query(&seed, 1, 6);
    const uint64_t limits[] = {0, 2, 3, 11, 12};
    const uint32_t hops[] = {2, 0, 1, 1, 2};
    const uint64_t edges[] = {12, 0, 3, 3, 12};
    for (size_t i = 0; i < 5; i++) {
        query.edges_max = limits[i];
        cg_spread_result result = spread(graph, &query, scratch);
        assert_int_equal(result.hops, hops[i]);
        assert_int_equal(result.edges, edges[i]);
        assert_int_equal(result.is_partial, i > 0 && i < 4);
        assert_int_equal(result.by_hop[0].edges, hops[i] > 0 ? 3 : 0);
        assert_int_equal(result.by_hop[1].visits, hops[i] > 1 ? 3 : 0);
        assert_int_equal(result.by_hop[1].reached, hops[i] > 1 ? 9 : 0);
    }
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

/* --- touches --- */

typedef struct touches {
    uint64_t count[CG_SPREAD_REGION_COUNT];
    uint64_t highest[CG_SPREAD_REGION_COUNT];
} touches;

static void note_touch(void *context, cg_spread_region region, uint64_t offset_bytes,
                       uint32_t bytes) {
    touches *noted = context;
    noted->count[region]++;
    uint64_t end = offset_bytes + bytes;
    noted->highest[region] = end > noted->highest[region] ? end : noted->highest[region];
}

/* Goal: each edge walked touches its place and its target's line; places lie in the arrays. */
static void test_touches(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *graph = make_graph(100);
    for (uint32_t i = 0; i < 99; i++) {
        link_rows(graph, i, i + 1, CG_EDGE_OTHER, 255);
    }
    for (uint32_t turn = 0; turn < 2; turn++) {
        cg_spread_scratch *scratch = make_scratch();
        cg_spread_seed seed = {80, 1.0};
        cg_spread_query query = make_query(&seed, 1, 10);
        touches noted = {{0}, {0}};
        query.touch = note_touch;
        query.touch_context = &noted;
        cg_spread_result result = spread(graph, &query, scratch);
        assert_int_equal(result.edges, 10);
        assert_int_equal(noted.count[CG_SPREAD_REGION_EDGES], 10);
        assert_true(noted.count[CG_SPREAD_REGION_LINES] >= 2 * 10 + 1);
        assert_int_equal(noted.highest[CG_SPREAD_REGION_LINES], 64u * 91);
        assert_int_equal(noted.highest[CG_SPREAD_REGION_RECORDS], 72u * 11);
        assert_true(noted.count[CG_SPREAD_REGION_FRONTIER] >= 10);
        /* Grown rows lie behind the 99 edges, each hop's from there. */
        assert_int_equal(noted.highest[CG_SPREAD_REGION_EDGES], turn ? 8u * 90 : 8u * 100);
        cg_spread_scratch_free(scratch);
        assert_ok(cg_graph_freeze(graph, &error), error);
    }
    cg_graph_free(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diamond),          cmocka_unit_test(test_noisy_or),
        cmocka_unit_test(test_cycles),           cmocka_unit_test(test_budget),
        cmocka_unit_test(test_budget_over_hops), cmocka_unit_test(test_refractory),
        cmocka_unit_test(test_edges_max),        cmocka_unit_test(test_touches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
