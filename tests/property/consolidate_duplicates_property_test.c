/* Goal: the near-duplicates proposed are those of an exhaustive search over all pairs, whatever the
 * order in which rows are asked about.
 */
#include <string.h>

#include "engine/spread/consolidate_duplicates.h"
#include "tests/support/support.h"

enum { ROWS = 40, PARENTS = 5, PAIRS = 60 };

typedef struct matrix {
    float similarity[ROWS][ROWS]; /* what row says of others; below -1: it names it not */
} matrix;

static cg_status similar_to(void *context, uint32_t row, uint32_t max, cg_similar *similar,
                            uint32_t *count, cg_error *error) {
    const matrix *from = context;
    (void)error;
    uint32_t named = 0;
    for (uint32_t other = ROWS; other-- > 0;) {
        if (from->similarity[row][other] >= -1.0F) {
            assert_true(named < max);
            similar[named++] = (cg_similar){other, from->similarity[row][other]};
        }
    }
    *count = named;
    return CG_OK;
}

/* A world of concepts, most of them below some of the first PARENTS. */
typedef struct world {
    cg_graph *graph;
    uint32_t type_of[ROWS];
    bool hangs[ROWS][PARENTS];
    matrix likeness;
    bool is_asked[ROWS];
    uint32_t rows[ROWS * 2];
    uint32_t row_count;
} world;

static void draw_world(cg_stream *stream, world *drawn) {
    cg_error error = {0};
    *drawn = (world){0};
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &drawn->graph, &error), error);
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t row = 0;
        drawn->type_of[i] = (uint32_t)cg_stream_next_below(stream, 2);
        assert_ok(
            cg_graph_add_concept(drawn->graph, i, drawn->type_of[i], "concept", &row, &error),
            error);
    }
    for (uint32_t i = PARENTS; i < ROWS; i++) {
        for (uint64_t more = cg_stream_next_below(stream, 3); more > 0; more--) {
            uint32_t parent = (uint32_t)cg_stream_next_below(stream, PARENTS);
            if (!drawn->hangs[i][parent]) {
                cg_edge edge = {.target = parent, .type = CG_EDGE_HYPERNYM, .weight = 1};
                assert_ok(cg_graph_add_edge(drawn->graph, i, edge, &error), error);
                drawn->hangs[i][parent] = true;
            }
        }
    }
    drawn->row_count = (uint32_t)cg_stream_next_below(stream, UINT64_C(2) * ROWS);
    for (uint32_t i = 0; i < drawn->row_count; i++) {
        drawn->rows[i] = (uint32_t)cg_stream_next_below(stream, ROWS);
        drawn->is_asked[drawn->rows[i]] = true;
    }
    for (uint32_t i = 0; i < ROWS * ROWS; i++) {
        float coarse = (float)cg_stream_next_below(stream, 21) / 10.0F - 1.0F;
        drawn->likeness.similarity[i / ROWS][i % ROWS] =
            cg_stream_next_below(stream, 2) == 0 ? coarse : -2.0F;
    }
}

/* The similarity of two rows that may be merged; -2 of others. */
static float truth_of(const world *of, uint32_t row, uint32_t other) {
    bool is_shared = false;
    for (uint32_t parent = 0; parent < PARENTS; parent++) {
        is_shared = is_shared || (of->hangs[row][parent] && of->hangs[other][parent]);
    }
    float one = of->is_asked[row] ? of->likeness.similarity[row][other] : -2.0F;
    float two = of->is_asked[other] ? of->likeness.similarity[other][row] : -2.0F;
    return !is_shared || of->type_of[row] != of->type_of[other] ? -2.0F : one > two ? one : two;
}

/* Every pair is a true one and in its place; what is missing is less similar than what is there,
 * and missing for want of room alone. */
static void check_pairs(const world *of, const cg_duplicate *pairs, uint32_t count,
                        const cg_duplicate_query *query) {
    float least = 2.0F;
    for (uint32_t i = 0; i < count; i++) {
        least = pairs[i].similarity < least ? pairs[i].similarity : least;
    }
    uint32_t at = 0;
    for (uint32_t row = 0; row < ROWS; row++) {
        for (uint32_t other = row + 1; other < ROWS; other++) {
            float truth = truth_of(of, row, other);
            if (truth < query->bound) {
                continue;
            }
            if (at < count && pairs[at].row == row && pairs[at].other == other) {
                assert_true(pairs[at++].similarity == truth);
            } else {
                assert_true(truth <= least);
                assert_int_equal(count, query->pairs_max);
            }
        }
    }
    assert_int_equal(at, count); /* in order, and none besides */
}

static void test_against_all_pairs(void **state) {
    (void)state;
    uint64_t seed = support_seed(74);
    static world drawn;
    uint64_t found = 0;
    for (uint64_t program = 0; program < 200; program++) {
        cg_stream stream = cg_stream_init(seed, "test.duplicates", program);
        draw_world(&stream, &drawn);
        cg_duplicate_query query = {.rows = drawn.rows,
                                    .row_count = drawn.row_count,
                                    .similar_max = ROWS,
                                    .bound = 0.2F,
                                    .pairs_max =
                                        1 + (uint32_t)cg_stream_next_below(&stream, PAIRS),
                                    .similar = similar_to,
                                    .context = &drawn.likeness};
        cg_duplicate pairs[PAIRS];
        uint32_t count = 0;
        cg_error error = {0};
        assert_ok(
            cg_duplicates_find(drawn.graph, &query, cg_allocator_heap(), pairs, &count, &error),
            error);
        check_pairs(&drawn, pairs, count, &query);
        /* The order in which rows are asked about does not matter. */
        cg_duplicate again[PAIRS];
        uint32_t count_again = 0;
        cg_stream_shuffle_u32(&stream, drawn.rows, drawn.row_count);
        assert_ok(cg_duplicates_find(drawn.graph, &query, cg_allocator_heap(), again,
                                     &count_again, &error),
                  error);
        assert_int_equal(count_again, count);
        assert_true(count == 0 || memcmp(pairs, again, count * sizeof *pairs) == 0);
        found += count;
        cg_graph_free(drawn.graph);
    }
    assert_true(found > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_all_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
