/* Goal: a graph does what naive adjacency lists do, over random programs of additions and
 * freezes, alone and as an overlay on a base; and an addition that runs out of memory changes
 * nothing. (E1) */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "engine/graph/graph.h"

enum { ROWS_MAX = 300, EDGES_MAX = 6000, UNREACHED = -1 };

typedef struct naive_edge {
    uint32_t from;
    cg_edge edge;
} naive_edge;

/* All edges in the order they must come out within a row. */
typedef struct naive {
    naive_edge edges[EDGES_MAX];
    uint32_t edge_count;
    uint64_t ids[ROWS_MAX];
    uint32_t row_count;
} naive;

static int compare_naive(const void *left, const void *right) {
    const naive_edge *l = left;
    const naive_edge *r = right;
    uint64_t l_key = (uint64_t)l->from << 40 | (uint64_t)l->edge.type << 32 | l->edge.target;
    uint64_t r_key = (uint64_t)r->from << 40 | (uint64_t)r->edge.type << 32 | r->edge.target;
    return l_key < r_key ? -1 : l_key > r_key;
}

static bool naive_has(const naive *oracle, uint32_t from, cg_edge edge) {
    for (uint32_t i = 0; i < oracle->edge_count; i++) {
        naive_edge held = oracle->edges[i];
        if (held.from == from && held.edge.target == edge.target &&
            held.edge.type == edge.type) {
            return true;
        }
    }
    return false;
}

static bool is_parent(uint32_t type) {
    return type == CG_EDGE_HYPERNYM || type == CG_EDGE_INSTANCE_HYPERNYM;
}

/* Depths by relaxation until nothing changes. */
static void check_depths(const cg_graph *graph, const naive *oracle) {
    int depth[ROWS_MAX];
    bool has_parent[ROWS_MAX] = {false};
    for (uint32_t i = 0; i < oracle->edge_count; i++) {
        has_parent[oracle->edges[i].from] |= is_parent(oracle->edges[i].edge.type);
    }
    for (uint32_t row = 0; row < oracle->row_count; row++) {
        depth[row] = has_parent[row] ? UNREACHED : 0;
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = 0; i < oracle->edge_count; i++) {
            naive_edge held = oracle->edges[i];
            int above = is_parent(held.edge.type) ? depth[held.edge.target] : UNREACHED;
            if (above != UNREACHED &&
                (depth[held.from] == UNREACHED || depth[held.from] > above + 1)) {
                depth[held.from] = above + 1;
                changed = true;
            }
        }
    }
    for (uint32_t row = 0; row < oracle->row_count; row++) {
        assert_int_equal(cg_graph_depth(graph, row), depth[row] == UNREACHED ? 0 : depth[row]);
    }
}

static void check_edges(const cg_graph *graph, const naive *oracle) {
    assert_int_equal(cg_graph_concept_count(graph), oracle->row_count);
    assert_int_equal(cg_graph_edge_count(graph), oracle->edge_count);
    for (uint32_t row = 0; row < oracle->row_count; row++) {
        cg_edge_cursor cursor = cg_graph_edges(graph, row);
        cg_edge edge;
        uint32_t degree = 0;
        assert_int_equal(cg_graph_id(graph, row), oracle->ids[row]);
        for (uint32_t i = 0; i < oracle->edge_count; i++) {
            if (oracle->edges[i].from == row) {
                assert_true(cg_graph_next_edge(&cursor, &edge));
                assert_int_equal(edge.target, oracle->edges[i].edge.target);
                assert_int_equal(edge.type, oracle->edges[i].edge.type);
                assert_int_equal(edge.weight, oracle->edges[i].edge.weight);
                degree++;
            }
        }
        assert_false(cg_graph_next_edge(&cursor, &edge));
        assert_int_equal(cg_graph_degree(graph, row), degree);
    }
}

/* Breadth-first over the naive edges, against the graph's own search without memory. */
static void check_distance(const cg_graph *graph, const naive *oracle, uint32_t from,
                           uint32_t to) {
    enum { MAX = 3 };
    uint32_t distance[ROWS_MAX];
    memset(distance, 0xff, sizeof distance);
    distance[from] = 0;
    for (uint32_t step = 0; step < MAX; step++) {
        for (uint32_t i = 0; i < oracle->edge_count; i++) {
            naive_edge held = oracle->edges[i];
            if (held.edge.type <= CG_EDGE_INSTANCE_HYPONYM && distance[held.from] == step &&
                distance[held.edge.target] > step + 1) {
                distance[held.edge.target] = step + 1;
            }
        }
    }
    uint32_t expected = distance[to] > MAX ? MAX + 1 : distance[to];
    assert_int_equal(cg_graph_tree_distance(graph, from, to, MAX), expected);
}

static void step_concept(cg_graph *graph, naive *oracle, cg_stream *stream) {
    cg_error error = {0};
    uint32_t row = 0;
    uint64_t id = cg_stream_next(stream);
    if (oracle->row_count < ROWS_MAX) {
        assert_ok(cg_graph_add_concept(graph, id, (uint32_t)(id % 45), "name", &row, &error),
                  error);
        assert_int_equal(row, oracle->row_count);
        oracle->ids[oracle->row_count++] = id;
    }
}

static void step_edge(cg_graph *graph, naive *oracle, cg_stream *stream) {
    if (oracle->row_count < 2 || oracle->edge_count == EDGES_MAX) {
        return;
    }
    cg_error error = {0};
    uint64_t bits = cg_stream_next(stream);
    /* A quarter of the edges leave row 0, which becomes a hub. */
    uint32_t from = bits % 4 == 0 ? 0 : (uint32_t)(bits >> 8) % oracle->row_count;
    cg_edge edge = {
        .target = (uint32_t)(bits >> 40) % oracle->row_count,
        .type = (uint16_t)((bits >> 4) % (bits % 3 ? 4 : CG_EDGE_TYPE_COUNT)),
        .weight = (uint8_t)(bits >> 56),
    };
    cg_status status = cg_graph_add_edge(graph, from, edge, &error);
    if (from == edge.target) {
        assert_int_equal(status, CG_ERROR_INVALID);
    } else if (naive_has(oracle, from, edge)) {
        assert_int_equal(status, CG_ERROR_EXISTS);
    } else {
        assert_ok(status, error);
        oracle->edges[oracle->edge_count++] = (naive_edge){from, edge};
    }
}

static void step_freeze(cg_graph *graph, naive *oracle) {
    cg_error error = {0};
    assert_ok(cg_graph_freeze(graph, &error), error);
    qsort(oracle->edges, oracle->edge_count, sizeof *oracle->edges, compare_naive);
    check_edges(graph, oracle);
    check_depths(graph, oracle);
    uint64_t hash = cg_graph_hash(graph);
    assert_ok(cg_graph_freeze(graph, &error), error);
    assert_int_equal(cg_graph_hash(graph), hash);
}

static void grow(cg_graph *graph, naive *oracle, cg_stream *stream, uint32_t steps) {
    for (uint32_t i = 0; i < steps; i++) {
        if (cg_stream_next_below(stream, 12) == 0) {
            step_concept(graph, oracle, stream);
        } else {
            step_edge(graph, oracle, stream);
        }
    }
}

static void test_programs(void **state) {
    (void)state;
    uint64_t seed = support_seed(20240601);
    naive *oracle = calloc(1, sizeof *oracle);
    assert_non_null(oracle);
    for (uint64_t program = 0; program < 60; program++) {
        cg_stream stream = cg_stream_init(seed, "test.graph", program);
        cg_error error = {0};
        cg_graph *base = NULL;
        cg_graph *over = NULL;
        memset(oracle, 0, sizeof *oracle);
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        cg_allocator allocator = cg_counting_allocator_view(&counting);
        assert_ok(cg_graph_alloc(NULL, allocator, &base, &error), error);
        for (uint32_t phase = 0; phase < 3; phase++) {
            grow(base, oracle, &stream, (uint32_t)cg_stream_next_below(&stream, 400));
            check_edges(base, oracle);
            if (cg_stream_next_below(&stream, 2) == 0) {
                step_freeze(base, oracle);
            }
        }
        uint64_t base_hash = cg_graph_hash(base);
        assert_ok(cg_graph_alloc(base, allocator, &over, &error), error);
        grow(over, oracle, &stream, (uint32_t)cg_stream_next_below(&stream, 400));
        check_edges(over, oracle);
        for (uint32_t i = 0; i < 20 && oracle->row_count > 0; i++) {
            uint32_t from = (uint32_t)cg_stream_next_below(&stream, oracle->row_count);
            uint32_t to = (uint32_t)cg_stream_next_below(&stream, oracle->row_count);
            check_distance(over, oracle, from, to);
        }
        assert_int_equal(cg_graph_hash(base), base_hash);
        cg_graph_free(over);
        cg_graph_free(base);
        assert_int_equal(counting.live_bytes, 0);
        assert_int_equal(counting.live_blocks, 0);
    }
    free(oracle);
}

/* One program with the n-th allocation failing: the step that fails leaves the graph as it was,
 * and repeating it succeeds; so at the end the graph is the one of an undisturbed run. */
static cg_status build_step(cg_graph *graph, cg_stream *stream, uint32_t i, cg_error *error) {
    uint64_t bits = cg_stream_at(stream, i);
    uint32_t row = 0;
    uint32_t rows = cg_graph_concept_count(graph);
    if (i < 90) {
        return cg_graph_add_concept(graph, i, 0, "some name", &row, error);
    }
    if (i == 400) {
        return cg_graph_freeze(graph, error);
    }
    uint32_t from = bits % 2 ? 0 : (uint32_t)(bits >> 8) % rows;
    cg_edge edge = {.target = (uint32_t)(bits >> 40) % rows, .type = (uint16_t)(bits >> 60)};
    return cg_graph_add_edge(graph, from, edge, error);
}

static uint64_t build_graph(uint64_t seed, uint64_t fail_at, bool *failed) {
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator allocator = cg_counting_allocator_view(&counting);
    cg_stream stream = cg_stream_init(seed, "test.graph.memory", 0);
    cg_error error = {0};
    cg_graph *graph = NULL;
    *failed = false;
    counting.fail_at = fail_at;
    if (cg_graph_alloc(NULL, allocator, &graph, &error) != CG_OK) {
        *failed = true;
        assert_null(graph);
        assert_int_equal(counting.live_blocks, 0);
        assert_ok(cg_graph_alloc(NULL, allocator, &graph, &error), error);
    }
    for (uint32_t i = 0; i < 600; i++) {
        uint64_t before = cg_graph_hash(graph);
        cg_status status = build_step(graph, &stream, i, &error);
        if (status == CG_ERROR_MEMORY) {
            *failed = true;
            assert_int_equal(cg_graph_hash(graph), before);
            status = build_step(graph, &stream, i, &error);
        }
        assert_true(status == CG_OK || (i >= 90 && i != 400));
        assert_true(status == CG_OK || status == CG_ERROR_EXISTS || status == CG_ERROR_INVALID);
    }
    uint64_t hash = cg_graph_hash(graph);
    cg_graph_free(graph);
    assert_int_equal(counting.live_bytes, 0);
    return hash;
}

static void test_allocation_failure(void **state) {
    (void)state;
    uint64_t seed = support_seed(7);
    bool failed = false;
    uint64_t expected = build_graph(seed, 0, &failed);
    assert_false(failed);
    uint64_t n = 0;
    do {
        assert_int_equal(build_graph(seed, ++n, &failed), expected);
    } while (failed);
    assert_true(n > 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
