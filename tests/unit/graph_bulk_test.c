/* Goal: a graph built in bulk is the one that edges added one by one and a freeze give, its
 * duplicates and self edges are counted, wrong calls are refused, and neither it nor what it
 * takes meanwhile goes beyond 8 bytes an edge and 8 a row beside the concepts. (E1) */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/graph/bulk.h"

static cg_graph *graph_of(cg_allocator allocator, uint32_t concepts) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(NULL, allocator, &graph, &error), error);
    assert_ok(cg_bulk_reserve(graph, concepts, concepts * (size_t)2, &error), error);
    for (uint32_t i = 0; i < concepts; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, i, i % 45, "c", &row, &error), error);
    }
    return graph;
}

static cg_bulk *bulk_of(cg_graph *graph) {
    cg_error error = {0};
    cg_bulk *bulk = NULL;
    assert_ok(cg_bulk_alloc(graph, cg_allocator_heap(), &bulk, &error), error);
    return bulk;
}

static void test_known(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *graph = graph_of(cg_allocator_heap(), 3);
    cg_bulk *bulk = bulk_of(graph);
    cg_edge edge = {.target = 0, .type = CG_EDGE_SIMILAR, .weight = 3};
    assert_status(cg_bulk_add(bulk, 1, edge, &error), CG_ERROR_INVALID, error, "no place");
    assert_status(cg_bulk_finish(bulk, NULL, &error), CG_ERROR_INVALID, error, "placed");
    assert_ok(cg_bulk_count(bulk, 1, 5, &error), error);
    assert_ok(cg_bulk_count(bulk, 2, 1, &error), error);
    assert_status(cg_bulk_count(bulk, 3, 1, &error), CG_ERROR_INVALID, error, "row 3");
    assert_status(cg_bulk_count(bulk, 1, UINT32_MAX - 2, &error), CG_ERROR_FULL, error,
                  "row 1");
    assert_ok(cg_bulk_place(bulk, &error), error);
    assert_status(cg_bulk_place(bulk, &error), CG_ERROR_INVALID, error, "before");
    assert_status(cg_bulk_count(bulk, 1, 1, &error), CG_ERROR_INVALID, error, "row 1");
    assert_ok(cg_bulk_add(bulk, 1, edge, &error), error);
    edge.weight = 9;
    assert_ok(cg_bulk_add(bulk, 1, edge, &error), error);
    edge.weight = 5;
    assert_ok(cg_bulk_add(bulk, 1, edge, &error), error);
    edge.target = 1;
    assert_ok(cg_bulk_add(bulk, 1, edge, &error), error); /* a self edge takes no place */
    edge = (cg_edge){.target = 2, .type = CG_EDGE_HYPERNYM, .weight = 1};
    assert_ok(cg_bulk_add(bulk, 1, edge, &error), error);
    edge.target = 0;
    assert_ok(cg_bulk_add(bulk, 1, edge, &error), error);
    edge.type = CG_EDGE_OTHER;
    assert_status(cg_bulk_add(bulk, 1, edge, &error), CG_ERROR_INVALID, error, "one more");
    assert_status(cg_bulk_add(bulk, 0, (cg_edge){.target = 1}, &error), CG_ERROR_INVALID, error,
                  "one more");
    edge.target = 3;
    assert_status(cg_bulk_add(bulk, 2, edge, &error), CG_ERROR_INVALID, error, "3 rows");
    edge = (cg_edge){.target = 1, .type = CG_EDGE_TYPE_COUNT};
    assert_status(cg_bulk_add(bulk, 2, edge, &error), CG_ERROR_INVALID, error, "type 27");
    edge = (cg_edge){.target = 1, .unused = 1};
    assert_status(cg_bulk_add(bulk, 2, edge, &error), CG_ERROR_INVALID, error, "last byte");
    cg_bulk_report report;
    assert_ok(cg_bulk_finish(bulk, &report, &error), error);
    assert_status(cg_bulk_finish(bulk, NULL, &error), CG_ERROR_INVALID, error, "once");
    assert_int_equal(report.added, 6);
    assert_int_equal(report.self_edges, 1);
    assert_int_equal(report.duplicates, 2);
    assert_int_equal(report.edges, 3);
    cg_bulk_free(bulk);
    assert_int_equal(cg_graph_edge_count(graph), 3);
    cg_edge_span span = cg_graph_frozen_edges(graph, 1);
    assert_int_equal(span.count, 3);
    assert_int_equal(span.edges[0].target, 0);
    assert_int_equal(span.edges[1].target, 2);
    assert_int_equal(span.edges[2].weight, 9);
    assert_int_equal(cg_graph_depth(graph, 1), 1);
    assert_int_equal(cg_graph_frozen_edges(graph, 2).count, 0);
    assert_status(cg_bulk_alloc(graph, cg_allocator_heap(), &bulk, &error), CG_ERROR_INVALID,
                  error, "3 edges");
    cg_graph_free(graph);
}

static void test_empty_and_given_up(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *graph = graph_of(cg_allocator_heap(), 0);
    cg_bulk *bulk = bulk_of(graph);
    assert_ok(cg_bulk_place(bulk, &error), error);
    assert_ok(cg_bulk_finish(bulk, NULL, &error), error);
    cg_bulk_free(bulk);
    cg_graph_free(graph);

    graph = graph_of(cg_allocator_heap(), 2);
    uint64_t hash = cg_graph_hash(graph);
    bulk = bulk_of(graph);
    assert_ok(cg_bulk_count(bulk, 0, 1, &error), error);
    assert_ok(cg_bulk_place(bulk, &error), error);
    assert_ok(cg_bulk_add(bulk, 0, (cg_edge){.target = 1}, &error), error);
    cg_bulk_free(bulk);
    cg_bulk_free(NULL);
    assert_int_equal(cg_graph_hash(graph), hash);
    cg_graph *over = NULL;
    assert_ok(cg_graph_alloc(graph, cg_allocator_heap(), &over, &error), error);
    assert_status(cg_bulk_alloc(over, cg_allocator_heap(), &bulk, &error), CG_ERROR_INVALID,
                  error, "a base");
    cg_graph_free(over);
    cg_graph_free(graph);
}

/* Edges of random graphs, one by one with refusals for what bulk drops and merges. */
static void build_both(uint64_t seed, uint64_t program) {
    enum { ROWS = 90, EDGES = 2500 };
    cg_stream stream = cg_stream_init(seed, "test.bulk", program);
    cg_error error = {0};
    cg_graph *plain = graph_of(cg_allocator_heap(), ROWS);
    cg_graph *graph = graph_of(cg_allocator_heap(), ROWS);
    cg_bulk *bulk = bulk_of(graph);
    cg_bulk_report report;
    cg_bulk_report expected = {.added = EDGES};
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < EDGES; i++) {
            uint64_t bits = cg_stream_at(&stream, i);
            uint32_t from = bits % 3 == 0 ? 4 : (uint32_t)(bits >> 8) % ROWS;
            cg_edge edge = {.target = (uint32_t)(bits >> 20) % ROWS,
                            .type = (uint16_t)((bits >> 40) % 5),
                            .weight = (uint8_t)(from + (bits >> 40) % 5)};
            if (pass == 0) {
                assert_ok(cg_bulk_count(bulk, from, 1 + (i % 7 == 0), &error), error);
                continue;
            }
            assert_ok(cg_bulk_add(bulk, from, edge, &error), error);
            cg_status status = cg_graph_add_edge(plain, from, edge, &error);
            expected.self_edges += status == CG_ERROR_INVALID;
            expected.duplicates += status == CG_ERROR_EXISTS;
            expected.edges += status == CG_OK;
        }
        if (pass == 0) {
            assert_ok(cg_bulk_place(bulk, &error), error);
        }
    }
    assert_ok(cg_bulk_finish(bulk, &report, &error), error);
    assert_ok(cg_graph_freeze(plain, &error), error);
    assert_memory_equal(&report, &expected, sizeof report);
    assert_int_equal(cg_graph_hash(graph), cg_graph_hash(plain));
    assert_int_equal(cg_graph_bytes(graph), cg_graph_bytes(plain));
    cg_bulk_free(bulk);
    cg_graph_free(graph);
    cg_graph_free(plain);
}

static void test_like_one_by_one(void **state) {
    (void)state;
    uint64_t seed = support_seed(20250312);
    for (uint64_t program = 0; program < 20; program++) {
        build_both(seed, program);
    }
}

/* Degree 10: at most 12 bytes an edge, rows and edges together; and the most memory at any time
 * is what the graph has in the end. */
static void test_memory(void **state) {
    (void)state;
    enum { ROWS = 50000, DEGREE = 10 };
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator allocator = cg_counting_allocator_view(&counting);
    cg_error error = {0};
    cg_graph *graph = graph_of(allocator, ROWS);
    uint64_t concepts = counting.live_bytes;
    assert_true(concepts <= ROWS * (24 + 2) + 1000);
    cg_bulk *bulk = NULL;
    assert_ok(cg_bulk_alloc(graph, allocator, &bulk, &error), error);
    for (uint32_t row = 0; row < ROWS; row++) {
        assert_ok(cg_bulk_count(bulk, row, DEGREE, &error), error);
    }
    assert_ok(cg_bulk_place(bulk, &error), error);
    for (uint32_t i = 1; i <= DEGREE; i++) {
        for (uint32_t row = 0; row < ROWS; row++) {
            cg_edge edge = {.target = (row + i * 4111) % ROWS, .type = CG_EDGE_OTHER};
            assert_ok(cg_bulk_add(bulk, row, edge, &error), error);
        }
    }
    assert_ok(cg_bulk_finish(bulk, NULL, &error), error);
    cg_bulk_free(bulk);
    uint64_t frozen = counting.live_bytes - concepts;
    print_message("%.2f bytes an edge\n", (double)frozen / (ROWS * DEGREE));
    assert_int_equal(cg_graph_edge_count(graph), ROWS * DEGREE);
    assert_true(frozen <= UINT64_C(12) * ROWS * DEGREE);
    assert_true(frozen <= UINT64_C(8) * ROWS * DEGREE + UINT64_C(8) * (ROWS + 1));
    assert_true(counting.peak_bytes <= counting.live_bytes + 1000);
    assert_true(cg_graph_bytes(graph) <= counting.live_bytes);
    cg_graph_free(graph);
    assert_int_equal(counting.live_bytes, 0);
}

/* Every allocation fails once; what failed can be called again. */
static void test_allocation_failure(void **state) {
    (void)state;
    enum { ROWS = 20 };
    uint64_t expected = 0;
    uint64_t failures = 0;
    for (uint64_t fail_at = 0; fail_at < 200; fail_at++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        cg_allocator allocator = cg_counting_allocator_view(&counting);
        cg_error error = {0};
        cg_graph *graph = graph_of(allocator, ROWS);
        cg_bulk *bulk = NULL;
        counting.fail_at = fail_at;
        cg_status status = cg_bulk_alloc(graph, allocator, &bulk, &error);
        if (status == CG_ERROR_MEMORY) {
            failures++;
            status = cg_bulk_alloc(graph, allocator, &bulk, &error);
        }
        assert_ok(status, error);
        for (uint32_t row = 1; row < ROWS; row++) {
            assert_ok(cg_bulk_count(bulk, row, 1, &error), error);
        }
        status = cg_bulk_place(bulk, &error);
        if (status == CG_ERROR_MEMORY) {
            failures++;
            status = cg_bulk_place(bulk, &error);
        }
        assert_ok(status, error);
        for (uint32_t row = 1; row < ROWS; row++) {
            cg_edge edge = {.target = row / 2, .type = CG_EDGE_HYPERNYM};
            assert_ok(cg_bulk_add(bulk, row, edge, &error), error);
        }
        status = cg_bulk_finish(bulk, NULL, &error);
        if (status == CG_ERROR_MEMORY) {
            failures++;
            status = cg_bulk_finish(bulk, NULL, &error);
        }
        assert_ok(status, error);
        cg_bulk_free(bulk);
        expected = fail_at == 0 ? cg_graph_hash(graph) : expected;
        assert_int_equal(cg_graph_hash(graph), expected);
        assert_int_equal(cg_graph_depth(graph, ROWS - 1), 5);
        cg_graph_free(graph);
        assert_int_equal(counting.live_bytes, 0);
    }
    assert_int_equal(failures, 7); /* handle, rows, edges, and four arrays for depths */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_empty_and_given_up),
        cmocka_unit_test(test_like_one_by_one),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
