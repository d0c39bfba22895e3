/* Goal: a spread is the same to the byte for one, two and eight threads, and for workers that
 * take their tasks in any order: hits, records, paths, confidence, statistics, work, what was
 * noted for the refractory period, and the order in which tiers are asked.
 */
#include <string.h>

#include "engine/base/hash.h"
#include "engine/graph/bulk.h"
#include "engine/spread/spread.h"
#include "tests/support/runner.h"
#include "tests/support/support.h"

enum { SEEDS = 12, KINDS = 5 };

/* A skewed target: half of all edges lead to a sixteenth of the rows. */
static uint32_t draw_row(cg_stream *stream, uint32_t rows) {
    bool is_hub = cg_stream_next_below(stream, 2) == 0;
    return (uint32_t)cg_stream_next_below(stream, is_hub ? rows / 16 + 1 : rows);
}

static cg_graph *make_base(cg_stream *stream, uint32_t rows, uint32_t degree) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    cg_bulk *bulk = NULL;
    uint32_t row = 0;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < rows; i++) {
        assert_ok(cg_graph_add_concept(graph, i, 0, "", &row, &error), error);
    }
    assert_ok(cg_bulk_alloc(graph, cg_allocator_heap(), &bulk, &error), error);
    for (uint32_t i = 0; i < rows; i++) {
        assert_ok(cg_bulk_count(bulk, i, degree, &error), error);
    }
    assert_ok(cg_bulk_place(bulk, &error), error);
    for (uint32_t i = 0; i < rows * degree; i++) {
        cg_edge edge = {.target = draw_row(stream, rows),
                        .type = (uint16_t)(CG_EDGE_SIMILAR + cg_stream_next_below(stream, 3)),
                        .weight = (uint8_t)cg_stream_next_below(stream, 256)};
        assert_ok(cg_bulk_add(bulk, i / degree, edge, &error), error);
    }
    assert_ok(cg_bulk_finish(bulk, NULL, &error), error);
    cg_bulk_free(bulk);
    return graph;
}

/* Rows of its own and edges that grew on rows of the base. */
static cg_graph *make_overlay(cg_stream *stream, const cg_graph *base, uint32_t rows) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    uint32_t row = 0;
    assert_ok(cg_graph_alloc(base, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < rows / 8; i++) {
        assert_ok(cg_graph_add_concept(graph, rows + i, 0, "", &row, &error), error);
    }
    uint32_t all = cg_graph_concept_count(graph);
    for (uint32_t i = 0; i < rows; i++) {
        cg_edge edge = {.target = draw_row(stream, all), .type = CG_EDGE_OTHER, .weight = 99};
        cg_status status = cg_graph_add_edge(graph, draw_row(stream, all), edge, NULL);
        assert_true(status == CG_OK || status == CG_ERROR_EXISTS || status == CG_ERROR_INVALID);
    }
    return graph;
}

/* --- hooks --- */

static uint32_t where(void *context, uint32_t row) {
    cg_hasher_add_u64(context, row);
    return row % 7 % 3;
}

static cg_status read_row(void *context, uint32_t row, cg_error *error) {
    (void)error;
    cg_hasher_add_u64(context, UINT64_C(1) << 40 | row);
    return CG_OK;
}

/* --- what must be the same --- */

static void add_hits(cg_hasher *hasher, const cg_spread_result *result) {
    for (uint32_t i = 0; i < result->hit_count; i++) {
        const cg_spread_hit *hit = &result->hits[i];
        cg_hasher_add_u64(hasher, hit->activation);
        cg_hasher_add_u64(hasher, hit->strongest);
        cg_hasher_add_f64(hasher, hit->confidence);
        cg_hasher_add_u64(hasher, (uint64_t)hit->row << 32 | hit->predecessor);
        cg_hasher_add_u64(hasher, (uint64_t)hit->hop << 32 | hit->first_hop);
        cg_hasher_add_u64(hasher, (uint64_t)hit->record << 32 | hit->cycles);
        assert_true(hit->confidence >= 0.0 && hit->confidence <= 1.0);
    }
}

static void add_paths(cg_hasher *hasher, cg_spread_scratch *scratch, uint32_t row) {
    cg_error error = {0};
    static cg_spread_path paths[8];
    uint32_t count = 0;
    assert_ok(cg_spread_paths(scratch, row, paths, 8, &count, &error), error);
    assert_true(count > 0);
    for (uint32_t i = 0; i < count; i++) {
        cg_hasher_add_f64(hasher, paths[i].strength);
        cg_hasher_add_u64(hasher, paths[i].is_cyclic);
        cg_hasher_add_bytes(hasher, paths[i].steps, paths[i].length * sizeof paths[i].steps[0]);
    }
}

static void add_records(cg_hasher *hasher, const cg_spread_scratch *scratch, uint32_t count) {
    assert_null(cg_spread_record_at(scratch, count));
    for (uint32_t i = 0; i < count; i++) {
        cg_hasher_add_bytes(hasher, cg_spread_record_at(scratch, i), sizeof(cg_spread_record));
    }
}

static void add_result(cg_hasher *hasher, const cg_spread_result *result, uint32_t max_hops) {
    cg_hasher_add_u64(hasher, (uint64_t)result->reached << 32 | result->hops);
    cg_hasher_add_u64(hasher, result->is_partial);
    cg_hasher_add_bytes(hasher, result->by_hop, max_hops * sizeof *result->by_hop);
    cg_hasher_add_u64(hasher, result->edges);
    cg_hasher_add_u64(hasher, result->visits);
    cg_hasher_add_bytes(hasher, result->tier_visits, sizeof result->tier_visits);
    cg_hasher_add_u64(hasher, result->faded);
    cg_hasher_add_u64(hasher, result->refractory);
    cg_hasher_add_u64(hasher, result->records);
}

static cg_spread_query kind_of_query(uint32_t kind, const cg_spread_seed *seeds,
                                     const cg_spread_tiers *tiers) {
    cg_spread_query query = cg_spread_query_default();
    query.seeds = seeds;
    query.seed_count = SEEDS;
    query.max_hops = 4;
    query.threshold = 0.0005;
    query.hits_max = 50;
    query.fan_out = kind == 2;
    query.tiers = kind == 1 || kind == 2 ? tiers : NULL;
    query.refractory_ns = kind == 3 ? 1000 : 0;
    query.edges_max = kind == 4 ? 30000 : 0;
    return query;
}

/* Two spreads after one another, as refractory periods want it. */
static uint64_t digest(const cg_graph *graph, const cg_stream *drawn, uint32_t kind,
                       const cg_runner *runner, cg_spread_scratch *scratch) {
    cg_error error = {0};
    cg_stream stream = *drawn;
    cg_hasher hasher = cg_hasher_init();
    cg_hasher asked = cg_hasher_init();
    cg_spread_tiers tiers = cg_spread_tiers_default();
    tiers.where = where;
    tiers.read = read_row;
    tiers.context = &asked;
    tiers.thresholds[0] = tiers.thresholds[1] = 0.0005;
    tiers.budgets[0] = 40;
    tiers.budgets[2] = 25;
    cg_spread_recency *recency = NULL;
    assert_ok(cg_spread_recency_alloc(cg_allocator_heap(), &recency, &error), error);
    for (uint32_t turn = 0; turn < 2; turn++) {
        cg_spread_seed seeds[SEEDS];
        for (uint32_t i = 0; i < SEEDS; i++) {
            seeds[i].row = draw_row(&stream, cg_graph_concept_count(graph));
            seeds[i].activation = 1.0 - 0.9 * cg_stream_next_unit(&stream);
        }
        cg_spread_query query = kind_of_query(kind, seeds, &tiers);
        query.runner = runner;
        query.recency = recency;
        query.now.physical_ns = 5000 + 500 * turn;
        cg_spread_result result = {0};
        cg_work work = {0};
        assert_ok(cg_spread_run(graph, &query, scratch, &result, &work, &error), error);
        assert_int_equal(work.operations[CG_WORK_SPREAD], result.visits);
        assert_int_equal(work.units[CG_WORK_SPREAD], result.edges);
        add_hits(&hasher, &result);
        add_records(&hasher, scratch, result.records);
        add_result(&hasher, &result, query.max_hops);
        for (uint32_t i = 0; i < result.hit_count && i < 6; i++) {
            add_paths(&hasher, scratch, result.hits[i].row);
        }
        assert_true(query.refractory_ns > 0 || cg_spread_recency_count(recency) == 0);
        cg_hasher_add_u64(&hasher, cg_spread_recency_hash(recency));
    }
    cg_hasher_add_u64(&hasher, cg_hasher_value(&asked));
    cg_spread_recency_free(recency);
    return cg_hasher_value(&hasher);
}

static void compare_runners(const cg_graph *graph, uint64_t seed, const cg_stream *stream) {
    cg_error error = {0};
    uint32_t counts[3] = {1, 2, 8};
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        cg_spread_scratch *scratch = NULL;
        assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
        uint64_t expected = digest(graph, stream, kind, NULL, scratch);
        cg_spread_scratch_trim(scratch, 0);
        for (uint32_t i = 0; i < 3; i++) {
            cg_runner runner = support_threads(&counts[i]);
            assert_int_equal(digest(graph, stream, kind, &runner, scratch), expected);
        }
        support_disorder disorder;
        cg_runner runner = support_disordered(&disorder, seed, 3);
        cg_spread_scratch_trim(scratch, 1000);
        assert_int_equal(digest(graph, stream, kind, &runner, scratch), expected);
        cg_spread_scratch_free(scratch);
    }
}

static void test_threads(void **state) {
    (void)state;
    uint64_t seed = support_seed(7);
    const uint32_t rows[] = {10, 300, 3000, 30000, 100000};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cg_stream stream = cg_stream_init(seed, "test.spread.threads", i);
        cg_graph *base = make_base(&stream, rows[i], 8);
        compare_runners(base, seed, &stream);
        if (rows[i] <= 30000) {
            cg_graph *overlay = make_overlay(&stream, base, rows[i]);
            compare_runners(overlay, seed, &stream);
            cg_graph_free(overlay);
        }
        cg_graph_free(base);
    }
}

/* Goal: a concept with a million edges is divided among workers, and comes out the same. */
static void test_hub(void **state) {
    (void)state;
    enum { LEAVES = 1000000 };
    cg_error error = {0};
    cg_graph *graph = NULL;
    cg_bulk *bulk = NULL;
    uint32_t row = 0;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i <= LEAVES; i++) {
        assert_ok(cg_graph_add_concept(graph, i, 0, "", &row, &error), error);
    }
    assert_ok(cg_bulk_alloc(graph, cg_allocator_heap(), &bulk, &error), error);
    assert_ok(cg_bulk_count(bulk, 0, LEAVES, &error), error);
    for (uint32_t i = 1; i <= LEAVES; i++) {
        assert_ok(cg_bulk_count(bulk, i, 1, &error), error);
    }
    assert_ok(cg_bulk_place(bulk, &error), error);
    for (uint32_t i = 1; i <= LEAVES; i++) {
        cg_edge edge = {.target = i, .type = CG_EDGE_OTHER, .weight = 255};
        assert_ok(cg_bulk_add(bulk, 0, edge, &error), error);
        edge.target = 0;
        assert_ok(cg_bulk_add(bulk, i, edge, &error), error);
    }
    assert_ok(cg_bulk_finish(bulk, NULL, &error), error);
    cg_bulk_free(bulk);
    cg_spread_scratch *scratch = NULL;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    cg_spread_seed hub = {0, 1.0};
    cg_spread_query query = cg_spread_query_default();
    query.seeds = &hub;
    query.seed_count = 1;
    query.max_hops = 2;
    query.lambda = 0.0;
    uint32_t workers = 2;
    cg_runner runner = support_threads(&workers);
    for (uint32_t turn = 0; turn < 2; turn++) {
        query.runner = turn ? &runner : NULL;
        cg_spread_result result = {0};
        assert_ok(cg_spread_run(graph, &query, scratch, &result, NULL, &error), error);
        assert_int_equal(result.reached, LEAVES + 1);
        assert_int_equal(result.edges, 2 * LEAVES);
        assert_int_equal(result.by_hop[0].visits, 1);
        assert_int_equal(result.by_hop[1].visits, LEAVES);
        assert_int_equal(result.hits[31].row, 31);
        const cg_spread_record *last = cg_spread_record_at(scratch, result.hits[0].record);
        assert_int_equal(last->level, CG_SPREAD_LEVEL_MAX); /* 10^6, beyond the most */
        assert_int_equal(last->amounts[2], CG_SPREAD_ONE);
        assert_int_equal(cg_spread_record_at(scratch, last->sources[2])->row, 3);
    }
    cg_spread_scratch_free(scratch);
    cg_graph_free(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_hub),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
