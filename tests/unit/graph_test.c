/* Goal: the graph's contract by small known graphs: order of edges, refusals, depths, ways
 * through the hierarchy, what an overlay shares and what it keeps to itself, and the hash. (E1)
 */
#include "tests/support/support.h"

#include <string.h>

#include "engine/graph/graph.h"

static cg_graph *graph_of(const cg_graph *base, uint32_t concepts) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(base, cg_allocator_heap(), &graph, &error), error);
    uint32_t first = base ? cg_graph_concept_count(base) : 0;
    for (uint32_t i = 0; i < concepts; i++) {
        uint32_t row = 0;
        char name[] = {(char)('a' + (first + i) % 26), 0};
        assert_ok(cg_graph_add_concept(graph, 1000 + first + i, i % 45, name, &row, &error),
                  error);
        assert_int_equal(row, first + i);
    }
    return graph;
}

static void add(cg_graph *graph, uint32_t from, uint32_t to, cg_edge_type type) {
    cg_error error = {0};
    cg_edge edge = {.target = to, .type = (uint16_t)type, .weight = 255};
    assert_ok(cg_graph_add_edge(graph, from, edge, &error), error);
}

/* A hypernym edge and its hyponym edge back. */
static void add_parent(cg_graph *graph, uint32_t child, uint32_t parent) {
    add(graph, child, parent, CG_EDGE_HYPERNYM);
    add(graph, parent, child, CG_EDGE_HYPONYM);
}

static void freeze(cg_graph *graph) {
    cg_error error = {0};
    assert_ok(cg_graph_freeze(graph, &error), error);
}

/* Targets of a row's edges, in order, must be the digits of `expected`. */
static void assert_targets(const cg_graph *graph, uint32_t row, const char *expected) {
    cg_edge_cursor cursor = cg_graph_edges(graph, row);
    cg_edge edge;
    char found[32] = {0};
    size_t count = 0;
    while (cg_graph_next_edge(&cursor, &edge)) {
        assert_true(count < sizeof found - 1);
        found[count++] = (char)('0' + edge.target);
    }
    assert_string_equal(found, expected);
    assert_int_equal(cg_graph_degree(graph, row), count);
    assert_false(cg_graph_next_edge(&cursor, &edge));
}

static void test_concepts(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *graph = graph_of(NULL, 3);
    assert_int_equal(cg_graph_concept_count(graph), 3);
    assert_int_equal(cg_graph_id(graph, 2), 1002);
    assert_int_equal(cg_graph_type(graph, 2), 2);
    assert_int_equal(cg_graph_depth(graph, 2), 0);
    assert_string_equal(cg_graph_name(graph, 2), "c");
    uint32_t row = 77;
    assert_status(cg_graph_add_concept(graph, 9, CG_CONCEPT_TYPES, "x", &row, &error),
                  CG_ERROR_INVALID, error, "type 64");
    char name[CG_NAME_BYTES_MAX + 2];
    memset(name, 'n', sizeof name);
    name[CG_NAME_BYTES_MAX + 1] = 0;
    assert_status(cg_graph_add_concept(graph, 9, 0, name, &row, &error), CG_ERROR_INVALID,
                  error, "256 bytes");
    assert_int_equal(row, 77);
    name[CG_NAME_BYTES_MAX] = 0;
    assert_ok(cg_graph_add_concept(graph, 9, 0, name, &row, &error), error);
    assert_ok(cg_graph_add_concept(graph, 10, 0, "", &row, &error), error);
    assert_string_equal(cg_graph_name(graph, 3), name);
    assert_string_equal(cg_graph_name(graph, 4), "");
    cg_graph_free(graph);
    cg_graph_free(NULL);
}

static void test_edge_order(void **state) {
    (void)state;
    cg_graph *graph = graph_of(NULL, 6);
    add(graph, 0, 5, CG_EDGE_SIMILAR);
    add(graph, 0, 3, CG_EDGE_HYPONYM);
    add(graph, 0, 4, CG_EDGE_HYPERNYM);
    add(graph, 0, 2, CG_EDGE_HYPONYM);
    assert_targets(graph, 0, "5342");
    freeze(graph);
    assert_targets(graph, 0, "4235"); /* by type, then target */
    add(graph, 0, 5, CG_EDGE_ANTONYM);
    add(graph, 0, 1, CG_EDGE_HYPERNYM);
    assert_targets(graph, 0, "423551");
    assert_targets(graph, 1, "");
    assert_int_equal(cg_graph_edge_count(graph), 6);
    freeze(graph);
    assert_targets(graph, 0, "142355");
    assert_int_equal(cg_graph_edge_count(graph), 6);
    cg_graph_free(graph);
}

static void test_refusals(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *graph = graph_of(NULL, 3);
    add(graph, 0, 1, CG_EDGE_HYPERNYM);
    cg_edge edge = {.target = 1, .type = CG_EDGE_HYPERNYM, .weight = 3};
    assert_status(cg_graph_add_edge(graph, 0, edge, &error), CG_ERROR_EXISTS, error,
                  "hypernym");
    freeze(graph);
    assert_status(cg_graph_add_edge(graph, 0, edge, &error), CG_ERROR_EXISTS, error,
                  "hypernym");
    assert_status(cg_graph_add_edge(graph, 1, edge, &error), CG_ERROR_INVALID, error, "itself");
    assert_status(cg_graph_add_edge(graph, 3, edge, &error), CG_ERROR_INVALID, error, "3 rows");
    edge.target = 3;
    assert_status(cg_graph_add_edge(graph, 0, edge, &error), CG_ERROR_INVALID, error, "3 rows");
    edge = (cg_edge){.target = 2, .type = CG_EDGE_TYPE_COUNT};
    assert_status(cg_graph_add_edge(graph, 0, edge, &error), CG_ERROR_INVALID, error,
                  "type 27");
    edge = (cg_edge){.target = 1, .type = CG_EDGE_SIMILAR, .weight = 3};
    assert_ok(cg_graph_add_edge(graph, 0, edge, &error), error);
    cg_graph *over = graph_of(graph, 0);
    assert_status(cg_graph_add_edge(over, 0, edge, &error), CG_ERROR_EXISTS, error, "similar");
    assert_status(cg_graph_freeze(over, &error), CG_ERROR_INVALID, error, "base");
    cg_graph_free(over);
    cg_graph_free(graph);
}

/* A hub beyond the length at which its chain gets a table. */
static void test_hub(void **state) {
    (void)state;
    enum { LEAVES = 3000 };
    cg_error error = {0};
    cg_graph *graph = graph_of(NULL, LEAVES + 1);
    for (uint32_t i = 1; i <= LEAVES; i++) {
        add(graph, 0, i, CG_EDGE_HYPONYM);
        add(graph, 0, i, CG_EDGE_SIMILAR);
        cg_edge again = {.target = (i + 1) / 2, .type = CG_EDGE_SIMILAR};
        assert_int_equal(cg_graph_add_edge(graph, 0, again, &error), CG_ERROR_EXISTS);
    }
    assert_int_equal(cg_graph_degree(graph, 0), 2 * LEAVES);
    freeze(graph);
    cg_edge_cursor cursor = cg_graph_edges(graph, 0);
    cg_edge edge;
    for (uint32_t i = 0; i < 2 * LEAVES; i++) {
        assert_true(cg_graph_next_edge(&cursor, &edge));
        assert_int_equal(edge.type, i < LEAVES ? CG_EDGE_HYPONYM : CG_EDGE_SIMILAR);
        assert_int_equal(edge.target, i % LEAVES + 1);
    }
    cg_graph_free(graph);
}

/*      0
 *     / \
 *    1   2      6 <-> 7 is a cycle, 8 under it
 *    |  / \
 *    3 4   5    9 has parents 3 and 2
 */
static cg_graph *family(void) {
    cg_graph *graph = graph_of(NULL, 10);
    add_parent(graph, 1, 0);
    add_parent(graph, 2, 0);
    add_parent(graph, 3, 1);
    add_parent(graph, 4, 2);
    add_parent(graph, 5, 2);
    add_parent(graph, 6, 7);
    add_parent(graph, 7, 6);
    add_parent(graph, 8, 7);
    add_parent(graph, 9, 3);
    add(graph, 9, 2, CG_EDGE_INSTANCE_HYPERNYM);
    add(graph, 2, 9, CG_EDGE_INSTANCE_HYPONYM);
    add(graph, 4, 3, CG_EDGE_SIMILAR); /* no tree edge */
    freeze(graph);
    return graph;
}

static void test_hierarchy(void **state) {
    (void)state;
    static const uint32_t depths[] = {0, 1, 1, 2, 2, 2, 0, 0, 0, 2};
    cg_graph *graph = family();
    for (uint32_t row = 0; row < 10; row++) {
        assert_int_equal(cg_graph_depth(graph, row), depths[row]);
    }
    uint32_t path[CG_PATH_MAX];
    assert_int_equal(cg_graph_path_to_root(graph, 9, path), 4); /* by its first parent */
    assert_int_equal(path[0], 9);
    assert_int_equal(path[1], 3);
    assert_int_equal(path[3], 0);
    assert_int_equal(cg_graph_path_to_root(graph, 8, path), 3);
    assert_int_equal(path[2], 6);
    assert_int_equal(cg_graph_path_to_root(graph, 0, path), 1);
    uint32_t parents[2] = {99, 99};
    assert_int_equal(cg_graph_parents(graph, 9, parents, 2), 2);
    assert_int_equal(parents[0], 3);
    assert_int_equal(parents[1], 2);
    assert_int_equal(cg_graph_parents(graph, 9, parents, 1), 1);
    assert_int_equal(cg_graph_parents(graph, 0, parents, 2), 0);
    cg_graph_free(graph);
}

static void test_tree_distance(void **state) {
    (void)state;
    static const struct {
        uint32_t from, to, max, expected;
    } cases[] = {
        {0, 0, 0, 0}, {0, 1, 0, 1}, {0, 1, 1, 1}, {4, 3, 5, 3}, {4, 3, 3, 3}, {4, 3, 2, 3},
        {9, 5, 4, 2}, {9, 0, 4, 2}, {9, 1, 4, 2}, {4, 5, 9, 2}, {8, 6, 9, 2}, {8, 0, 9, 10},
    };
    cg_graph *graph = family();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            cg_graph_tree_distance(graph, cases[i].from, cases[i].to, cases[i].max),
            cases[i].expected);
    }
    cg_graph_free(graph);
}

/* A path longer than CG_PATH_MAX is cut there, and a chain of any length freezes in linear
 * time. */
static void test_long_chain(void **state) {
    (void)state;
    enum { LENGTH = 100000 };
    cg_graph *graph = graph_of(NULL, LENGTH);
    for (uint32_t row = 0; row + 1 < LENGTH; row++) {
        add(graph, row, row + 1, CG_EDGE_HYPERNYM);
    }
    freeze(graph);
    assert_int_equal(cg_graph_depth(graph, 0), LENGTH - 1);
    uint32_t path[CG_PATH_MAX];
    assert_int_equal(cg_graph_path_to_root(graph, 0, path), CG_PATH_MAX);
    assert_int_equal(path[CG_PATH_MAX - 1], CG_PATH_MAX - 1);
    cg_graph_free(graph);
}

static void test_overlay(void **state) {
    (void)state;
    cg_graph *base = family();
    uint64_t base_hash = cg_graph_hash(base);
    uint64_t base_bytes = cg_graph_bytes(base);
    uint64_t base_edges = cg_graph_edge_count(base);
    cg_graph *over = graph_of(base, 2);
    assert_int_equal(cg_graph_concept_count(over), 12);
    assert_int_equal(cg_graph_depth(over, 10), 0);
    add_parent(over, 10, 9);
    assert_int_equal(cg_graph_depth(over, 10), 3);
    add_parent(over, 10, 1); /* a nearer parent */
    assert_int_equal(cg_graph_depth(over, 10), 2);
    add_parent(over, 10, 5);
    assert_int_equal(cg_graph_depth(over, 10), 2);
    add_parent(over, 11, 10);
    assert_int_equal(cg_graph_depth(over, 11), 3);
    add(over, 3, 0, CG_EDGE_HYPERNYM); /* the base's depths stay */
    assert_int_equal(cg_graph_depth(over, 3), 2);

    assert_targets(base, 1, "03");
    assert_targets(over, 1, "03:"); /* ':' is '0' + 10 */
    assert_targets(over, 3, "190");
    assert_targets(over, 10, "915;");
    assert_int_equal(cg_graph_edge_count(over), base_edges + 9);
    assert_int_equal(cg_graph_id(over, 4), 1004);
    assert_int_equal(cg_graph_id(over, 11), 1011);
    assert_string_equal(cg_graph_name(over, 11), "l");
    assert_int_equal(cg_graph_tree_distance(over, 11, 3, 5), 3);
    assert_int_equal(cg_graph_hash(base), base_hash);
    assert_int_equal(cg_graph_bytes(base), base_bytes);
    assert_int_equal(cg_graph_edge_count(base), base_edges);

    cg_graph *top = graph_of(over, 1); /* a third layer */
    add_parent(top, 12, 1);
    assert_targets(top, 1, "03:<");
    assert_int_equal(cg_graph_depth(top, 12), 2);
    assert_int_equal(cg_graph_degree(top, 1), 4);
    cg_graph_free(top);
    cg_graph_free(over);
    cg_graph_free(base);
}

static void test_hash(void **state) {
    (void)state;
    cg_graph *base = family();
    cg_graph *left = graph_of(base, 2);
    cg_graph *right = graph_of(base, 2);
    assert_int_equal(cg_graph_hash(left), cg_graph_hash(right));
    add(left, 10, 1, CG_EDGE_HYPERNYM);
    add(left, 4, 5, CG_EDGE_SIMILAR);
    add(right, 4, 5, CG_EDGE_SIMILAR);
    assert_int_not_equal(cg_graph_hash(left), cg_graph_hash(right));
    add(right, 10, 1, CG_EDGE_HYPERNYM); /* other rows: their order does not count */
    assert_int_equal(cg_graph_hash(left), cg_graph_hash(right));
    add(left, 10, 2, CG_EDGE_SIMILAR);
    add(left, 10, 3, CG_EDGE_SIMILAR);
    add(right, 10, 3, CG_EDGE_SIMILAR);
    add(right, 10, 2, CG_EDGE_SIMILAR); /* the same row: it does */
    assert_int_not_equal(cg_graph_hash(left), cg_graph_hash(right));
    assert_int_equal(cg_graph_hash(base), UINT64_C(0x7c289ee2d093cff0)); /* golden */
    cg_graph_free(left);
    cg_graph_free(right);
    cg_graph_free(base);
}

static void test_names_of_types(void **state) {
    (void)state;
    for (int type = 0; type < CG_EDGE_TYPE_COUNT; type++) {
        assert_non_null(cg_edge_type_name((cg_edge_type)type));
        for (int other = 0; other < type; other++) {
            assert_string_not_equal(cg_edge_type_name((cg_edge_type)type),
                                    cg_edge_type_name((cg_edge_type)other));
        }
    }
    assert_string_equal(cg_edge_type_name(CG_EDGE_HYPERNYM), "hypernym");
}

static void test_empty(void **state) {
    (void)state;
    cg_graph *graph = graph_of(NULL, 0);
    freeze(graph);
    freeze(graph);
    assert_int_equal(cg_graph_concept_count(graph), 0);
    assert_int_equal(cg_graph_edge_count(graph), 0);
    cg_graph *over = graph_of(graph, 1);
    assert_targets(over, 0, "");
    cg_graph_free(over);
    cg_graph_free(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_concepts),   cmocka_unit_test(test_edge_order),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_hub),
        cmocka_unit_test(test_hierarchy),  cmocka_unit_test(test_tree_distance),
        cmocka_unit_test(test_long_chain), cmocka_unit_test(test_overlay),
        cmocka_unit_test(test_hash),       cmocka_unit_test(test_names_of_types),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
