/* Goal: bad options and bad hooks are refused with a sentence and leave all as it was; empty and
 * one-node graphs, repeated seeds and graphs that grow are fine; whichever allocation fails, with
 * all options in use and several workers, the scratch stays usable and no byte is lost.
 */
#include <math.h>
#include <string.h>

#include "engine/spread/spread.h"
#include "tests/support/runner.h"
#include "tests/support/support.h"

static void add_concepts(cg_graph *graph, uint32_t count) {
    cg_error error = {0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, i, 0, "c", &row, &error), error);
    }
}

static cg_graph *make_graph(const cg_graph *base, uint32_t concepts) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(base, cg_allocator_heap(), &graph, &error), error);
    add_concepts(graph, concepts);
    return graph;
}

static void link_rows(cg_graph *graph, uint32_t from, uint32_t to) {
    cg_error error = {0};
    cg_edge edge = {.target = to, .type = CG_EDGE_OTHER, .weight = 255};
    assert_ok(cg_graph_add_edge(graph, from, edge, &error), error);
}

static cg_spread_scratch *make_scratch(cg_allocator allocator) {
    cg_error error = {0};
    cg_spread_scratch *scratch = NULL;
    assert_ok(cg_spread_scratch_alloc(allocator, &scratch, &error), error);
    return scratch;
}

static cg_spread_query make_query(const cg_spread_seed *seeds, uint32_t count, uint32_t hops) {
    cg_spread_query query = cg_spread_query_default();
    query.seeds = seeds;
    query.seed_count = count;
    query.max_hops = hops;
    query.threshold = 0.0;
    query.hits_max = 10000;
    return query;
}

static uint32_t where_wrong(void *context, uint32_t row) {
    (void)context;
    return row == 1 ? CG_TIER_LEVELS_MAX : 0;
}

static void refuse(const cg_graph *graph, const cg_spread_query *query,
                   cg_spread_scratch *scratch, const char *part) {
    cg_error error = {0};
    cg_spread_result result = {.reached = 77};
    assert_status(cg_spread_run(graph, query, scratch, &result, NULL, &error), CG_ERROR_INVALID,
                  error, part);
    assert_int_equal(result.reached, 77);
}

static void test_bad_options(void **state) {
    (void)state;
    const double bad[] = {-0.1, 1.5, (double)NAN, (double)INFINITY};
    cg_graph *graph = make_graph(NULL, 3);
    link_rows(graph, 0, 1);
    link_rows(graph, 1, 2);
    cg_spread_scratch *scratch = make_scratch(cg_allocator_heap());
    cg_spread_seed seed = {0, 1.0};
    const cg_spread_query good = make_query(&seed, 1, 2);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cg_spread_query query = good;
        query.hop_discount = bad[i];
        refuse(graph, &query, scratch, "hop_discount");
        query = good;
        cg_spread_tiers tiers = cg_spread_tiers_default();
        query.tiers = &tiers;
        tiers.thresholds[4] = bad[i];
        refuse(graph, &query, scratch, "in tier 4");
        tiers = cg_spread_tiers_default();
        tiers.discounts[1] = bad[i];
        refuse(graph, &query, scratch, "in tier 1");
    }
    cg_spread_query query = good;
    query.confidence_paths = 17;
    refuse(graph, &query, scratch, "confidence_paths 17");
    query = good;
    query.refractory_ns = 9;
    refuse(graph, &query, scratch, "refractory_ns 9");
    query = good;
    cg_spread_tiers tiers = cg_spread_tiers_default();
    tiers.where = where_wrong;
    query.tiers = &tiers;
    refuse(graph, &query, scratch, "row 1 is in tier 5");

    cg_error error = {0};
    cg_spread_result result = {0};
    assert_ok(cg_spread_run(graph, &good, scratch, &result, NULL, &error), error);
    assert_int_equal(result.reached, 3);
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

/* Goal: an empty graph has no seed; one node is its own answer; a seed of 1000 times is a sum. */
static void test_small_graphs(void **state) {
    (void)state;
    cg_error error = {0};
    cg_spread_result result = {0};
    cg_spread_scratch *scratch = make_scratch(cg_allocator_heap());
    static cg_spread_seed seeds[1000];
    for (uint32_t i = 0; i < 1000; i++) {
        seeds[i] = (cg_spread_seed){.row = 0, .activation = 1.0 / 2048};
    }
    cg_spread_query query = make_query(seeds, 1000, 64);
    cg_graph *graph = make_graph(NULL, 0);
    assert_status(cg_spread_run(graph, &query, scratch, &result, NULL, &error),
                  CG_ERROR_NOT_FOUND, error, "the graph has 0 concepts");
    add_concepts(graph, 1);
    for (uint32_t turn = 0; turn < 2; turn++) {
        assert_ok(cg_spread_run(graph, &query, scratch, &result, NULL, &error), error);
        assert_int_equal(result.hit_count, 1);
        assert_int_equal(result.hops, 0);
        assert_int_equal(result.hits[0].activation, CG_SPREAD_ONE / 2048 * 1000);
        assert_int_equal(result.hits[0].strongest, CG_SPREAD_ONE / 2048);
        assert_int_equal(result.edges, 0);
        assert_ok(cg_graph_freeze(graph, &error), error);
    }
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

/* Goal: one scratch follows graphs that grow, and goes from one to another. */
static void test_growing(void **state) {
    (void)state;
    cg_error error = {0};
    cg_spread_result result = {0};
    cg_spread_scratch *scratch = make_scratch(cg_allocator_heap());
    cg_graph *base = make_graph(NULL, 2);
    link_rows(base, 0, 1);
    assert_ok(cg_graph_freeze(base, &error), error);
    cg_graph *overlay = make_graph(base, 0);
    cg_spread_seed seed = {0, 1.0};
    cg_spread_query query = make_query(&seed, 1, 64);
    query.lambda = 0.0;
    for (uint32_t rows = 3; rows < 400; rows += 1 + rows / 9) {
        while (cg_graph_concept_count(overlay) < rows) {
            add_concepts(overlay, 1);
            link_rows(overlay, 1, cg_graph_concept_count(overlay) - 1);
        }
        assert_ok(cg_spread_run(overlay, &query, scratch, &result, NULL, &error), error);
        assert_int_equal(result.reached, rows);
        assert_int_equal(result.edges, rows - 1);
        assert_int_equal(result.hops, 2);
        assert_ok(cg_spread_run(base, &query, scratch, &result, NULL, &error), error);
        assert_int_equal(result.reached, 2);
    }
    assert_true(cg_spread_scratch_bytes(scratch) > 0);
    cg_spread_scratch_free(scratch);
    cg_graph_free(overlay);
    cg_graph_free(base);
}

/* --- every allocation fails once --- */

enum { WIDE = 6000 };

/* 0 to all, and all in a ring: hop 1 has enough edges for workers, and hop 2. */
static cg_graph *make_wheel(void) {
    cg_graph *graph = make_graph(NULL, WIDE);
    for (uint32_t i = 1; i < WIDE; i++) {
        link_rows(graph, 0, i);
        link_rows(graph, i, (i + 1) % WIDE);
    }
    return graph;
}

static void test_allocation_failure(void **state) {
    (void)state;
    cg_graph *graph = make_wheel();
    uint32_t workers = 2;
    support_disorder disorder;
    cg_runner runner = support_disordered(&disorder, 1, workers);
    cg_spread_seed seed = {0, 1.0};
    cg_spread_tiers tiers = cg_spread_tiers_default();
    tiers.budgets[0] = 5000;
    tiers.thresholds[0] = 0.0;
    cg_spread_query query = make_query(&seed, 1, 3);
    query.tiers = &tiers;
    query.refractory_ns = 10;
    query.now.physical_ns = 100;
    query.hits_max = 5;
    query.runner = &runner;
    bool is_over = false;
    for (uint64_t n = 1; n < 600 && !is_over; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        cg_allocator allocator = cg_counting_allocator_view(&counting);
        counting.fail_at = n;
        cg_error error = {0};
        cg_spread_scratch *scratch = NULL;
        cg_spread_recency *recency = NULL;
        cg_spread_result result = {.reached = 5};
        cg_status status = cg_spread_recency_alloc(allocator, &recency, &error);
        if (status == CG_OK) {
            status = cg_spread_scratch_alloc(allocator, &scratch, &error);
        }
        query.recency = recency;
        if (status == CG_OK) {
            status = cg_spread_run(graph, &query, scratch, &result, NULL, &error);
            is_over = status == CG_OK;
        }
        if (!is_over) {
            assert_int_equal(status, CG_ERROR_MEMORY);
            assert_int_equal(result.reached, 5);
            assert_true(!recency || cg_spread_recency_count(recency) == 0);
        }
        if (scratch) {
            query.now.physical_ns = 1000;
            assert_ok(cg_spread_run(graph, &query, scratch, &result, NULL, &error), error);
            assert_int_equal(result.reached, WIDE);
            assert_true(result.faded > 0);
            assert_int_equal(cg_spread_recency_count(recency), result.visits);
            query.now.physical_ns = 100;
        }
        cg_spread_scratch_free(scratch);
        cg_spread_recency_free(recency);
        assert_int_equal(counting.live_bytes, 0);
        assert_int_equal(counting.live_blocks, 0);
        assert_true(!is_over || n > 40);
    }
    assert_true(is_over);
    cg_graph_free(graph);
}

/* Goal: scratches that share a pool of records hand them on; a pool of other records is refused;
 * once warm nothing is allocated. */
static void test_shared_records(void **state) {
    (void)state;
    cg_error error = {0};
    cg_activation_pool *pool = NULL;
    cg_activation_options options = {.record_bytes = 80, .kept_blocks = 100};
    cg_spread_scratch *one = NULL;
    cg_spread_scratch *two = NULL;
    assert_ok(cg_activation_pool_alloc(&options, cg_allocator_heap(), &pool, &error), error);
    assert_status(cg_spread_scratch_alloc_shared(pool, cg_allocator_heap(), &one, &error),
                  CG_ERROR_INVALID, error, "80 bytes");
    cg_activation_pool_free(pool);
    options.record_bytes = sizeof(cg_spread_record);
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator allocator = cg_counting_allocator_view(&counting);
    assert_ok(cg_activation_pool_alloc(&options, allocator, &pool, &error), error);
    assert_ok(cg_spread_scratch_alloc_shared(pool, allocator, &one, &error), error);
    assert_ok(cg_spread_scratch_alloc_shared(pool, allocator, &two, &error), error);
    cg_graph *graph = make_wheel();
    cg_spread_seed seed = {0, 1.0};
    cg_spread_query query = make_query(&seed, 1, 2);
    cg_spread_result result = {0};
    assert_ok(cg_spread_run(graph, &query, one, &result, NULL, &error), error);
    uint64_t calls = counting.calls;
    assert_ok(cg_spread_run(graph, &query, one, &result, NULL, &error), error);
    assert_int_equal(counting.calls, calls);
    cg_activation_statistics counts = cg_spread_scratch_records(one);
    assert_int_equal(counts.taken, 2 * (uint64_t)result.records);
    assert_int_equal(counts.reused, result.records);
    assert_int_equal(counts.in_use_max, result.records);
    uint64_t bytes = cg_spread_scratch_bytes(one);
    cg_spread_scratch_trim(one, 256);
    assert_true(cg_spread_scratch_bytes(one) < bytes);
    assert_ok(cg_spread_run(graph, &query, two, &result, NULL, &error), error);
    assert_true(cg_spread_scratch_records(two).reused > result.records - 600);
    cg_spread_scratch_free(one);
    cg_spread_scratch_free(two);
    cg_activation_pool_free(pool);
    assert_int_equal(counting.live_bytes, 0);
    cg_graph_free(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_options),    cmocka_unit_test(test_small_graphs),
        cmocka_unit_test(test_growing),        cmocka_unit_test(test_allocation_failure),
        cmocka_unit_test(test_shared_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
