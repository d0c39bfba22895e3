/* Goal: near-duplicates are proposed once each, only where type and a parent are common, the most
 * similar first when room is short; bad input changes nothing.
 */
#include <math.h>

#include "engine/spread/consolidate_duplicates.h"
#include "tests/support/support.h"

static cg_graph *make_graph(uint32_t concepts) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < concepts; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, 100 + i, 1, "concept", &row, &error), error);
    }
    return graph;
}

static void add_edge(cg_graph *graph, uint32_t from, uint32_t target, uint16_t type,
                     uint8_t weight) {
    cg_error error = {0};
    cg_edge edge = {.target = target, .type = type, .weight = weight};
    assert_ok(cg_graph_add_edge(graph, from, edge, &error), error);
}

enum { ANIMALS = 7 }; /* 0 is the parent of 1..4, 5 of 6 */

/* similar[row] of each; a similarity of 9 stands for not a number. */
typedef struct likes {
    cg_similar similar[ANIMALS][4];
    uint32_t counts[ANIMALS];
    cg_status status;
} likes;

static cg_status similar_to(void *context, uint32_t row, uint32_t max, cg_similar *similar,
                            uint32_t *count, cg_error *error) {
    const likes *from = context;
    if (from->status != CG_OK) {
        return cg_error_set(error, from->status, "no index");
    }
    uint32_t own = from->counts[row];
    for (uint32_t i = 0; i < own && i < max; i++) {
        similar[i] = from->similar[row][i];
        similar[i].similarity =
            similar[i].similarity > 8.0F ? (float)NAN : similar[i].similarity;
    }
    *count = own;
    return CG_OK;
}

static cg_graph *make_animals(void) {
    cg_graph *graph = make_graph(4);
    cg_error error = {0};
    uint32_t row = 0;
    assert_ok(cg_graph_add_concept(graph, 7, 2, "of another type", &row, &error), error);
    assert_ok(cg_graph_add_concept(graph, 8, 1, "another parent", &row, &error), error);
    assert_ok(cg_graph_add_concept(graph, 9, 1, "its child", &row, &error), error);
    for (uint32_t child = 1; child <= 4; child++) {
        add_edge(graph, child, 0, CG_EDGE_HYPERNYM, 255);
    }
    add_edge(graph, 6, 5, CG_EDGE_HYPERNYM, 255);
    return graph;
}

static const likes liked = {
    .similar = {[1] = {{1, 1.0F}, {2, 0.9F}, {4, 0.99F}, {6, 0.98F}},
                [2] = {{3, 0.8F}, {1, 0.95F}, {0, 0.9F}},
                [3] = {{1, 0.7F}, {2, 0.8F}}},
    .counts = {0, 4, 3, 2, 0, 0, 0},
};

static void test_duplicates(void **state) {
    (void)state;
    cg_graph *graph = make_animals();
    likes context = liked;
    const uint32_t rows[] = {3, 1, 2, 1};
    cg_duplicate_query query = {.rows = rows,
                                .row_count = 4,
                                .similar_max = 4,
                                .bound = 0.8F,
                                .pairs_max = 10,
                                .similar = similar_to,
                                .context = &context};
    cg_duplicate pairs[10] = {{0}};
    uint32_t count = 99;
    cg_error error = {0};
    assert_ok(cg_duplicates_find(graph, &query, cg_allocator_heap(), pairs, &count, &error),
              error);
    /* 1 and 4 differ in type, 1 and 6 have no parent in common, nor 2 and its parent 0. */
    assert_int_equal(count, 2);
    assert_int_equal(pairs[0].row, 1);
    assert_int_equal(pairs[0].other, 2);
    assert_true(pairs[0].similarity == 0.95F);
    assert_int_equal(pairs[1].row, 2);
    assert_int_equal(pairs[1].other, 3);
    query.bound = 0.6F;
    query.pairs_max = 2;
    assert_ok(cg_duplicates_find(graph, &query, cg_allocator_heap(), pairs, &count, &error),
              error);
    assert_int_equal(count, 2); /* without the least similar, 1 and 3 */
    assert_int_equal(pairs[1].row, 2);
    query.pairs_max = 3;
    assert_ok(cg_duplicates_find(graph, &query, cg_allocator_heap(), pairs, &count, &error),
              error);
    assert_int_equal(count, 3);
    assert_int_equal(pairs[1].row, 1);
    assert_int_equal(pairs[1].other, 3);
    query.row_count = 0;
    assert_ok(cg_duplicates_find(graph, &query, cg_allocator_heap(), pairs, &count, &error),
              error);
    assert_int_equal(count, 0);
    cg_graph_free(graph);
}

/* Goal: a concept that was removed is in no pair, asked for or found. */
static void test_duplicates_removed(void **state) {
    (void)state;
    cg_graph *base = make_graph(1);
    cg_error error = {0};
    assert_ok(cg_graph_freeze(base, &error), error);
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(base, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 1; i < 4; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, 200 + i, 1, "fact", &row, &error), error);
        add_edge(graph, row, 0, CG_EDGE_HYPERNYM, 255);
        add_edge(graph, 0, row, CG_EDGE_HYPONYM, 255);
    }
    likes context = liked;
    const uint32_t rows[] = {1, 2, 3};
    cg_duplicate_query query = {.rows = rows,
                                .row_count = 3,
                                .similar_max = 3,
                                .bound = 0.5F,
                                .pairs_max = 10,
                                .similar = similar_to,
                                .context = &context};
    context.counts[1] = 2;
    cg_duplicate pairs[10] = {{0}};
    uint32_t count = 0;
    for (uint32_t removed = 3; removed >= 2; removed--) {
        assert_ok(cg_duplicates_find(graph, &query, cg_allocator_heap(), pairs, &count, &error),
                  error);
        assert_int_equal(count, removed == 3 ? 3 : 1);
        assert_ok(cg_graph_remove_concept(graph, removed, &error), error);
    }
    assert_ok(cg_duplicates_find(graph, &query, cg_allocator_heap(), pairs, &count, &error),
              error);
    assert_int_equal(count, 0);
    cg_graph_free(graph);
    cg_graph_free(base);
}

static void finds_not(const cg_graph *graph, cg_duplicate_query query, cg_status status,
                      const char *says) {
    cg_duplicate pairs[2] = {{7, 8, 0.5F}};
    uint32_t count = 77;
    cg_error error = {0};
    assert_status(cg_duplicates_find(graph, &query, cg_allocator_heap(), pairs, &count, &error),
                  status, error, says);
    assert_int_equal(count, 77);
    assert_int_equal(pairs[0].row, 7);
}

static void test_duplicates_input(void **state) {
    (void)state;
    cg_graph *graph = make_animals();
    likes context = liked;
    const uint32_t rows[] = {1, 2, ANIMALS};
    const cg_duplicate_query good = {.rows = rows,
                                     .row_count = 2,
                                     .similar_max = 4,
                                     .bound = 0.8F,
                                     .pairs_max = 2,
                                     .similar = similar_to,
                                     .context = &context};
    cg_duplicate_query bad = good;
    bad.similar_max = 0;
    finds_not(graph, bad, CG_ERROR_INVALID, "among 0 similar rows; it must be 1..256");
    bad.similar_max = 257;
    finds_not(graph, bad, CG_ERROR_INVALID, "among 257 similar rows");
    bad.similar_max = 3;
    finds_not(graph, bad, CG_ERROR_INVALID, "4 rows similar to concept row 1 where 3 were");
    const float bounds[] = {-1.5F, 1.5F, (float)NAN};
    for (int i = 0; i < 3; i++) {
        bad = good;
        bad.bound = bounds[i];
        finds_not(graph, bad, CG_ERROR_INVALID, "it must be -1..1");
    }
    bad = good;
    bad.pairs_max = 0;
    finds_not(graph, bad, CG_ERROR_INVALID, "room for 0 pairs");
    bad = good;
    bad.row_count = 3;
    finds_not(graph, bad, CG_ERROR_NOT_FOUND, "concept row 7 in a graph of 7 concepts");
    context.similar[2][2] = (cg_similar){ANIMALS, 0.9F};
    finds_not(graph, good, CG_ERROR_NOT_FOUND, "row 7 is similar to concept row 2");
    context.similar[2][2] = (cg_similar){3, 9.0F};
    finds_not(graph, good, CG_ERROR_INVALID, "rows 2 and 3 is not a number");
    context.status = CG_ERROR_TIMEOUT;
    finds_not(graph, good, CG_ERROR_TIMEOUT, "no index");

    context = liked;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    counting.fail_at = 1;
    cg_duplicate pairs[2] = {{0}};
    uint32_t count = 77;
    cg_error error = {0};
    assert_status(cg_duplicates_find(graph, &good, cg_counting_allocator_view(&counting), pairs,
                                     &count, &error),
                  CG_ERROR_MEMORY, error, "no memory for what is similar to 2 rows, 4 each");
    assert_int_equal(count, 77);
    assert_ok(cg_duplicates_find(graph, &good, cg_counting_allocator_view(&counting), pairs,
                                 &count, &error),
              error);
    assert_int_equal(counting.live_bytes, 0);
    assert_int_equal(counting.calls, 2);
    cg_graph_free(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_duplicates_removed),
        cmocka_unit_test(test_duplicates_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
