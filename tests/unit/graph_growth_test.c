/* Goal: relations of a graph's own and their limits, weights changed in each layer, spans of
 * frozen rows, and hubs of many edges and many relations in near linear time. (E1, E6) */
#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/graph/graph.h"

static cg_graph *graph_of(const cg_graph *base, uint32_t concepts) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(base, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < concepts; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, i, 0, "", &row, &error), error);
    }
    return graph;
}

static void add(cg_graph *graph, uint32_t from, uint32_t to, uint16_t type, uint8_t weight) {
    cg_error error = {0};
    cg_edge edge = {.target = to, .type = type, .weight = weight};
    assert_ok(cg_graph_add_edge(graph, from, edge, &error), error);
}

static void set(cg_graph *graph, uint32_t from, uint16_t type, uint32_t to, uint8_t weight) {
    cg_error error = {0};
    assert_ok(cg_graph_set_weight(graph, from, type, to, weight, &error), error);
}

static void freeze(cg_graph *graph) {
    cg_error error = {0};
    assert_ok(cg_graph_freeze(graph, &error), error);
}

/* The weights of a row's edges, in order, are the digits of `expected`. */
static void assert_weights(const cg_graph *graph, uint32_t row, const char *expected) {
    cg_edge_cursor cursor = cg_graph_edges(graph, row);
    cg_edge edge;
    char found[32] = {0};
    for (size_t count = 0; cg_graph_next_edge(&cursor, &edge); count++) {
        assert_true(count < sizeof found - 1);
        found[count] = (char)('0' + edge.weight);
    }
    assert_string_equal(found, expected);
}

static void test_relations(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *graph = graph_of(NULL, 2);
    uint16_t type = 0;
    assert_int_equal(cg_graph_relation_count(graph), CG_EDGE_TYPE_COUNT);
    assert_ok(cg_graph_add_relation(graph, "lives_in", &type, &error), error);
    assert_int_equal(type, CG_EDGE_TYPE_COUNT);
    assert_ok(cg_graph_add_relation(graph, "born_in", &type, &error), error);
    assert_int_equal(type, CG_EDGE_TYPE_COUNT + 1);
    assert_ok(cg_graph_add_relation(graph, "lives_in", &type, &error), error);
    assert_int_equal(type, CG_EDGE_TYPE_COUNT);
    assert_ok(cg_graph_add_relation(graph, "antonym", &type, &error), error);
    assert_int_equal(type, CG_EDGE_ANTONYM);
    assert_int_equal(cg_graph_relation_count(graph), CG_EDGE_TYPE_COUNT + 2);
    assert_string_equal(cg_graph_relation_name(graph, CG_EDGE_TYPE_COUNT + 1), "born_in");
    assert_string_equal(cg_graph_relation_name(graph, CG_EDGE_SIMILAR), "similar");

    char name[CG_NAME_BYTES_MAX + 2];
    memset(name, 'r', sizeof name);
    name[CG_NAME_BYTES_MAX + 1] = 0;
    type = 99;
    assert_status(cg_graph_add_relation(graph, name, &type, &error), CG_ERROR_INVALID, error,
                  "256 bytes");
    assert_status(cg_graph_add_relation(graph, "", &type, &error), CG_ERROR_INVALID, error,
                  "0 bytes");
    cg_edge edge = {.target = 1, .type = CG_EDGE_TYPE_COUNT + 2};
    assert_status(cg_graph_add_edge(graph, 0, edge, &error), CG_ERROR_INVALID, error,
                  "types are 0 to 28");
    edge = (cg_edge){.target = 1, .type = CG_EDGE_TYPE_COUNT + 1, .unused = 3};
    assert_status(cg_graph_add_edge(graph, 0, edge, &error), CG_ERROR_INVALID, error,
                  "last byte");
    edge.unused = 0;
    assert_ok(cg_graph_add_edge(graph, 0, edge, &error), error);
    assert_status(cg_graph_add_edge(graph, 0, edge, &error), CG_ERROR_EXISTS, error, "born_in");

    cg_graph *over = graph_of(graph, 0);
    assert_string_equal(cg_graph_relation_name(over, CG_EDGE_TYPE_COUNT), "lives_in");
    assert_status(cg_graph_add_relation(over, "new", &type, &error), CG_ERROR_INVALID, error,
                  "'new'");
    assert_int_equal(type, 99);
    assert_ok(cg_graph_add_relation(over, "born_in", &type, &error), error);
    assert_int_equal(type, CG_EDGE_TYPE_COUNT + 1);
    add(over, 1, 0, type, 1);
    cg_graph_free(over);
    cg_graph_free(graph);
}

/* A million names: those beyond the types there are get a status, and the others stay. */
static void test_million_relations(void **state) {
    (void)state;
    enum { NAMES = 1000000 };
    cg_error error = {0};
    cg_graph *graph = graph_of(NULL, 2);
    uint32_t refused = 0;
    for (uint32_t i = 0; i < NAMES; i++) {
        char name[16];
        uint16_t type = 0;
        (void)snprintf(name, sizeof name, "r%u", i);
        cg_status status = cg_graph_add_relation(graph, name, &type, &error);
        if (status == CG_OK) {
            assert_int_equal(type, CG_EDGE_TYPE_COUNT + i);
        } else {
            assert_int_equal(status, CG_ERROR_FULL);
            refused++;
        }
    }
    assert_int_equal(refused, NAMES - (CG_RELATIONS_MAX - CG_EDGE_TYPE_COUNT));
    assert_non_null(strstr(error.message, "r999999"));
    assert_int_equal(cg_graph_relation_count(graph), CG_RELATIONS_MAX);
    assert_string_equal(cg_graph_relation_name(graph, 65535), "r65508");
    add(graph, 0, 1, 65535, 4); /* the last of them, and its neighbour modulo 64 */
    add(graph, 0, 1, 65535 - 64, 5);
    freeze(graph);
    assert_weights(graph, 0, "54");
    cg_graph_free(graph);
}

static void test_weights(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *base = graph_of(NULL, 4);
    add(base, 0, 1, CG_EDGE_SIMILAR, 1);
    add(base, 0, 2, CG_EDGE_SIMILAR, 2);
    set(base, 0, CG_EDGE_SIMILAR, 2, 3); /* growing */
    assert_weights(base, 0, "13");
    freeze(base);
    set(base, 0, CG_EDGE_SIMILAR, 1, 4); /* frozen */
    assert_weights(base, 0, "43");
    uint64_t hash = cg_graph_hash(base);

    cg_graph *over = graph_of(base, 1);
    uint64_t over_hash = cg_graph_hash(over);
    add(over, 0, 3, CG_EDGE_SIMILAR, 5);
    set(over, 0, CG_EDGE_SIMILAR, 3, 6);
    assert_false(cg_graph_row_is_plain(over, 0));
    set(over, 0, CG_EDGE_SIMILAR, 1, 7);
    assert_weights(over, 0, "736");
    cg_graph *top = graph_of(over, 0);
    set(top, 0, CG_EDGE_SIMILAR, 3, 8);
    assert_weights(top, 0, "738");
    uint64_t top_hash = cg_graph_hash(top);
    set(top, 0, CG_EDGE_SIMILAR, 1, 9);
    assert_int_not_equal(cg_graph_hash(top), top_hash);
    set(top, 0, CG_EDGE_SIMILAR, 1, 0);
    assert_weights(top, 0, "038");
    assert_weights(over, 0, "736");
    assert_weights(base, 0, "43");
    assert_int_equal(cg_graph_hash(base), hash);
    assert_int_not_equal(cg_graph_hash(over), over_hash);
    assert_int_equal(cg_graph_degree(top, 0), 3);
    assert_int_equal(cg_graph_edge_count(top), 3);

    assert_status(cg_graph_set_weight(top, 0, CG_EDGE_ANTONYM, 1, 1, &error),
                  CG_ERROR_NOT_FOUND, error, "row 0 to row 1");
    assert_status(cg_graph_set_weight(top, 400, CG_EDGE_ANTONYM, 1, 1, &error),
                  CG_ERROR_NOT_FOUND, error, "row 400");
    cg_graph_free(top);
    cg_graph_free(over);
    cg_graph_free(base);
}

/* Only rows with changes lose their span. */
static void test_spans(void **state) {
    (void)state;
    cg_graph *base = graph_of(NULL, 4);
    add(base, 0, 1, CG_EDGE_SIMILAR, 1);
    assert_false(cg_graph_row_is_plain(base, 0));
    assert_int_equal(cg_graph_frozen_edges(base, 0).count, 0);
    assert_true(cg_graph_row_is_plain(base, 1));
    add(base, 2, 3, CG_EDGE_SIMILAR, 1);
    add(base, 2, 1, CG_EDGE_SIMILAR, 1);
    freeze(base);
    cg_graph *over = graph_of(base, 2);
    for (uint32_t row = 0; row < 6; row++) {
        assert_true(cg_graph_row_is_plain(over, row));
    }
    cg_edge_span span = cg_graph_frozen_edges(over, 2);
    assert_int_equal(span.count, 2);
    assert_int_equal(span.edges[0].target, 1);
    assert_int_equal(span.edges[1].target, 3);
    assert_ptr_equal(span.edges, cg_graph_frozen_edges(base, 2).edges);
    assert_int_equal(cg_graph_frozen_edges(over, 5).count, 0);
    set(over, 2, CG_EDGE_SIMILAR, 3, 0);
    assert_false(cg_graph_row_is_plain(over, 2));
    assert_true(cg_graph_row_is_plain(base, 2));
    assert_true(cg_graph_row_is_plain(over, 0));
    add(over, 0, 5, CG_EDGE_SIMILAR, 1);
    assert_false(cg_graph_row_is_plain(over, 0));
    assert_true(cg_graph_row_is_plain(base, 0));
    cg_graph_free(over);
    cg_graph_free(base);
}

/* A row with a million growing edges: with a walk for each this would take hours. */
static void test_hub_of_a_million(void **state) {
    (void)state;
    enum { LEAVES = 1000000 };
    cg_error error = {0};
    cg_graph *graph = graph_of(NULL, LEAVES + 1);
    for (uint32_t i = LEAVES; i > 0; i--) {
        add(graph, 0, i, CG_EDGE_OTHER, (uint8_t)i);
    }
    cg_edge again = {.target = 77, .type = CG_EDGE_OTHER};
    for (uint32_t i = 0; i < LEAVES; i++) {
        again.target = i + 1;
        assert_int_equal(cg_graph_add_edge(graph, 0, again, NULL), CG_ERROR_EXISTS);
    }
    for (uint32_t i = 1; i <= LEAVES; i++) {
        set(graph, 0, CG_EDGE_OTHER, i, (uint8_t)(i + 1));
    }
    assert_int_equal(cg_graph_degree(graph, 0), LEAVES);
    freeze(graph);
    cg_graph *over = graph_of(graph, 0);
    for (uint32_t i = 1; i <= LEAVES; i += 2) { /* half of a frozen hub has other weights */
        set(over, 0, CG_EDGE_OTHER, i, 0);
    }
    cg_edge_cursor cursor = cg_graph_edges(over, 0);
    cg_edge edge;
    for (uint32_t i = 1; i <= LEAVES; i++) {
        assert_true(cg_graph_next_edge(&cursor, &edge));
        assert_true(edge.target == i && edge.weight == (i % 2 ? 0 : (uint8_t)(i + 1)));
    }
    assert_ok(cg_graph_freeze(graph, &error), error);
    cg_graph_free(over);
    cg_graph_free(graph);
}

/* All types between two concepts, each added twice: types that agree modulo 64 stay apart. */
static void test_hub_of_relations(void **state) {
    (void)state;
    enum { RELATIONS = 30000 };
    cg_error error = {0};
    cg_graph *graph = graph_of(NULL, 3);
    for (uint32_t i = 0; i < RELATIONS; i++) {
        char name[16];
        uint16_t type = 0;
        (void)snprintf(name, sizeof name, "r%u", i);
        assert_ok(cg_graph_add_relation(graph, name, &type, &error), error);
    }
    const uint32_t types = cg_graph_relation_count(graph);
    for (uint32_t type = 0; type < types; type++) {
        add(graph, 1, 2, (uint16_t)type, (uint8_t)type);
        cg_edge again = {.target = 2, .type = (uint16_t)type};
        assert_int_equal(cg_graph_add_edge(graph, 1, again, NULL), CG_ERROR_EXISTS);
    }
    assert_int_equal(cg_graph_degree(graph, 1), types);
    assert_int_equal(cg_graph_degree_of_type(graph, 1, types - 1), 1);
    freeze(graph);
    assert_int_equal(cg_graph_degree_of_type(graph, 1, types - 1), 1);
    for (uint32_t type = 0; type < types; type++) {
        assert_int_equal(cg_graph_frozen_edges(graph, 1).edges[type].type, type);
    }
    cg_graph_free(graph);
}

/* A hub forgets an edge whose target is removed, and its place serves another. */
static void test_hub_and_removal(void **state) {
    (void)state;
    enum { ROWS = 200 };
    cg_error error = {0};
    cg_graph *base = graph_of(NULL, ROWS);
    cg_graph *over = graph_of(base, 1);
    for (uint32_t i = 1; i <= ROWS; i++) {
        add(over, 0, i, CG_EDGE_SIMILAR, 1);
    }
    add(over, ROWS, 0, CG_EDGE_SIMILAR, 1);
    assert_ok(cg_graph_remove_concept(over, ROWS, &error), error);
    assert_int_equal(cg_graph_degree(over, 0), ROWS - 1);
    add(over, 0, 1, CG_EDGE_ANTONYM, 5);
    add(over, 0, 2, CG_EDGE_ANTONYM, 5);
    assert_status(cg_graph_set_weight(over, 0, CG_EDGE_SIMILAR, ROWS, 7, &error),
                  CG_ERROR_NOT_FOUND, error, "no edge");
    set(over, 0, CG_EDGE_ANTONYM, 1, 6);
    cg_edge_cursor cursor = cg_graph_edges(over, 0);
    cg_edge edge;
    uint32_t weights = 0;
    while (cg_graph_next_edge(&cursor, &edge)) {
        weights += edge.weight;
    }
    assert_int_equal(weights, ROWS - 1 + 6 + 5);
    cg_graph_free(over);
    cg_graph_free(base);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relations),        cmocka_unit_test(test_million_relations),
        cmocka_unit_test(test_weights),          cmocka_unit_test(test_spans),
        cmocka_unit_test(test_hub_of_a_million), cmocka_unit_test(test_hub_of_relations),
        cmocka_unit_test(test_hub_and_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
