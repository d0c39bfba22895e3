/* Goal: over random programs of additions and removals, graph and lexicon hold what plain arrays
 * of what is left hold; churn does not make them grow; and a removal that runs out of
 * memory changes nothing. (B4)
 */
#include <string.h>

#include "engine/graph/graph.h"
#include "engine/graph/lexicon.h"
#include "tests/support/support.h"

static uint64_t below(cg_stream *stream, uint64_t n) {
    return cg_stream_next_below(stream, n);
}

/* --- graph ---------------------------------------------------------------------------------- */

enum { BASE = 30, OWN_MAX = 1200, EDGES_MAX = 3 * OWN_MAX };

typedef struct plain_edge {
    uint32_t from;
    cg_edge edge;
    bool gone;
} plain_edge;

typedef struct plain_graph {
    plain_edge edges[EDGES_MAX]; /* in the order added */
    uint32_t count;
    bool removed[BASE + OWN_MAX];
    uint32_t rows;
} plain_graph;

static plain_graph plain;

static void link_both(cg_graph *graph, uint32_t from, uint32_t to, cg_edge_type type,
                      cg_edge_type back) {
    cg_error error = {0};
    cg_edge there = {.target = to, .type = (uint16_t)type, .weight = 255};
    cg_edge here = {.target = from, .type = (uint16_t)back, .weight = 7};
    cg_status status = cg_graph_add_edge(graph, from, there, &error);
    if (plain.removed[to]) {
        assert_status(status, CG_ERROR_INVALID, error, "was removed");
        return;
    }
    if (status == CG_ERROR_EXISTS) {
        return;
    }
    assert_ok(status, error);
    assert_ok(cg_graph_add_edge(graph, to, here, &error), error);
    assert_true(plain.count + 2 <= EDGES_MAX);
    plain.edges[plain.count++] = (plain_edge){from, there, false};
    plain.edges[plain.count++] = (plain_edge){to, here, false};
}

static uint32_t plain_degree(uint32_t row, uint32_t type) {
    uint32_t degree = 0;
    for (uint32_t i = 0; i < plain.count; i++) {
        degree += !plain.edges[i].gone && plain.edges[i].from == row &&
                  plain.edges[i].edge.type == type;
    }
    return degree;
}

static void check_graph(const cg_graph *graph) {
    uint32_t live = 0;
    uint32_t live_edges = 0;
    uint32_t last_live = UINT32_MAX;
    for (uint32_t row = 0; row < plain.rows; row++) {
        cg_edge_cursor cursor = cg_graph_edges(graph, row);
        cg_edge edge;
        uint32_t degree = 0;
        for (uint32_t i = 0; i < plain.count; i++) {
            const plain_edge *expected = &plain.edges[i];
            if (expected->gone || expected->from != row) {
                continue;
            }
            assert_true(cg_graph_next_edge(&cursor, &edge));
            assert_memory_equal(&edge.target, &expected->edge.target, sizeof edge.target);
            assert_int_equal(edge.type, expected->edge.type);
            assert_int_equal(edge.weight, expected->edge.weight);
            degree++;
        }
        assert_false(cg_graph_next_edge(&cursor, &edge));
        assert_int_equal(cg_graph_degree(graph, row), degree);
        for (uint32_t type = 0; type < 4; type++) {
            assert_int_equal(cg_graph_degree_of_type(graph, row, (cg_edge_type)type),
                             plain_degree(row, type));
        }
        uint32_t parents[8];
        uint32_t parent_count =
            plain_degree(row, CG_EDGE_HYPERNYM) + plain_degree(row, CG_EDGE_INSTANCE_HYPERNYM);
        assert_int_equal(cg_graph_parents(graph, row, parents, 8),
                         parent_count < 8 ? parent_count : 8);
        uint32_t before = UINT32_MAX;
        assert_int_equal(cg_graph_live_before(graph, row, &before), last_live != UINT32_MAX);
        assert_int_equal(before, last_live);
        assert_int_equal(cg_graph_is_removed(graph, row), plain.removed[row]);
        last_live = row >= BASE && !plain.removed[row] ? row : last_live;
        live += !plain.removed[row];
        live_edges += degree;
    }
    assert_int_equal(cg_graph_live_count(graph), live);
    assert_int_equal(cg_graph_concept_count(graph), plain.rows);
    assert_int_equal(cg_graph_edge_count(graph), live_edges);
}

static cg_status try_removal(cg_graph *graph, uint32_t row) {
    cg_error error = {0};
    uint64_t hash = cg_graph_hash(graph);
    cg_status expected = CG_OK;
    if (plain.removed[row]) {
        expected = CG_ERROR_NOT_FOUND;
    } else if (row < BASE) {
        expected = CG_ERROR_INVALID;
    } else if (plain_degree(row, CG_EDGE_HYPONYM) +
                   plain_degree(row, CG_EDGE_INSTANCE_HYPONYM) >
               0) {
        expected = CG_ERROR_CONFLICT;
    }
    cg_status status = cg_graph_remove_concept(graph, row, &error);
    assert_int_equal(status, expected);
    assert_int_equal(cg_graph_hash(graph) == hash, status != CG_OK);
    if (status == CG_OK) {
        plain.removed[row] = true;
        for (uint32_t i = 0; i < plain.count; i++) {
            plain.edges[i].gone |=
                plain.edges[i].from == row || plain.edges[i].edge.target == row;
        }
    }
    return status;
}

static void test_graph(void **state) {
    (void)state;
    uint64_t seed = support_seed(81);
    for (uint32_t round = 0; round < 6; round++) {
        cg_stream stream = cg_stream_init(seed, "test.removal.graph", round);
        cg_error error = {0};
        cg_graph *base = NULL;
        cg_graph *graph = NULL;
        uint32_t row = 0;
        assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &base, &error), error);
        for (uint32_t i = 0; i < BASE; i++) {
            assert_ok(cg_graph_add_concept(base, i, 1, "base", &row, &error), error);
        }
        assert_status(cg_graph_remove_concept(base, 3, &error), CG_ERROR_INVALID, error,
                      "base");
        assert_ok(cg_graph_freeze(base, &error), error);
        assert_ok(cg_graph_alloc(base, cg_allocator_heap(), &graph, &error), error);
        memset(&plain, 0, sizeof plain);
        plain.rows = BASE;
        uint32_t hubs = 1 + (uint32_t)below(&stream, BASE); /* few: long chains */
        uint32_t removals = 0;
        for (uint32_t step = 0; step < 900; step++) {
            if (step / 150 % 2 == 0 || below(&stream, 4) == 0) {
                assert_ok(cg_graph_add_concept(graph, 1000 + step, 2, "own", &row, &error),
                          error);
                plain.rows++;
                bool deep = row > BASE && below(&stream, 4) == 0;
                uint32_t to = deep ? BASE + (uint32_t)below(&stream, row - BASE)
                                   : (uint32_t)below(&stream, hubs);
                link_both(graph, row, to, CG_EDGE_HYPERNYM, CG_EDGE_HYPONYM);
                if (below(&stream, 5) == 0) { /* a second edge, or a second parent */
                    link_both(graph, row, (uint32_t)below(&stream, hubs),
                              CG_EDGE_INSTANCE_HYPERNYM, CG_EDGE_INSTANCE_HYPONYM);
                }
            } else {
                removals += try_removal(graph, (uint32_t)below(&stream, plain.rows)) == CG_OK;
            }
            if (step % 50 == 49) {
                check_graph(graph);
            }
        }
        assert_true(removals > 20);
        assert_status(cg_graph_remove_concept(graph, plain.rows, &error), CG_ERROR_NOT_FOUND,
                      error, "no concept");
        cg_graph_free(graph);
        cg_graph_free(base);
    }
}

/* Bytes after concepts came and went below one that keeps so many children. */
static uint64_t bytes_after_churn(uint32_t children) {
    cg_error error = {0};
    cg_graph *base = NULL;
    cg_graph *graph = NULL;
    uint32_t row = 0;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &base, &error), error);
    assert_ok(cg_graph_add_concept(base, 1, 1, "base", &row, &error), error);
    assert_ok(cg_graph_alloc(base, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < 4000; i++) {
        assert_ok(cg_graph_add_concept(graph, 2 + i, 1, "own", &row, &error), error);
        assert_ok(cg_graph_add_edge(
                      graph, row,
                      (cg_edge){.target = 0, .type = CG_EDGE_HYPERNYM, .weight = 255}, &error),
                  error);
        assert_ok(cg_graph_add_edge(
                      graph, 0,
                      (cg_edge){.target = row, .type = CG_EDGE_HYPONYM, .weight = 255}, &error),
                  error);
        if (i >= children) {
            assert_ok(cg_graph_remove_concept(graph, row, &error), error);
        }
    }
    assert_int_equal(cg_graph_degree(graph, 0), children);
    uint64_t bytes = cg_graph_bytes(graph);
    cg_graph_free(graph);
    cg_graph_free(base);
    return bytes;
}

/* Goal: edges that are gone hold no memory, be it that of the many of one concept. */
static void test_graph_churn(void **state) {
    (void)state;
    uint64_t few = bytes_after_churn(8);
    assert_true(bytes_after_churn(90) <= few + 8192);
}

/* --- lexicon -------------------------------------------------------------------------------- */

enum { CONCEPTS_MAX = 900, PHRASES = 16, PARENTS_MAX = 4 };

typedef struct drawn_concept {
    uint32_t row;
    cg_cues cues;
    uint32_t parents[PARENTS_MAX];
    uint32_t parent_count;
    bool held;
} drawn_concept;

static drawn_concept concepts[CONCEPTS_MAX];
static uint64_t phrases[PHRASES];

static void draw_concept(cg_stream *stream, uint32_t row, uint32_t range, drawn_concept *out) {
    memset(out, 0, sizeof *out);
    out->row = row;
    uint64_t cue_count = below(stream, 14);
    for (uint64_t i = 0; i < cue_count; i++) {
        uint64_t phrase = below(stream, 6) == 0
                              ? cg_stream_next(stream)
                              : phrases[below(stream, 1 + below(stream, PHRASES))];
        uint8_t kind = (uint8_t)below(stream, CG_CUE_KINDS);
        bool seen = false;
        for (uint32_t k = 0; k < out->cues.count; k++) {
            seen |= out->cues.list[k].phrase == phrase && out->cues.list[k].kind == kind;
        }
        if (!seen) {
            out->cues.list[out->cues.count++] = (cg_cue){.phrase = phrase, .kind = kind};
        }
    }
    out->parent_count = (uint32_t)below(stream, PARENTS_MAX + 1);
    for (uint32_t i = 0; i < out->parent_count; i++) {
        uint32_t parent = (uint32_t)below(stream, range);
        out->parents[i] = below(stream, 8) == 0 ? UINT32_MAX - parent : parent;
    }
}

static cg_status add_concept(cg_lexicon *lexicon, const drawn_concept *one, cg_error *error) {
    return cg_lexicon_add(lexicon, one->row, &one->cues, one->parents, one->parent_count,
                          error);
}

static cg_status remove_concept(cg_lexicon *lexicon, const drawn_concept *one,
                                cg_error *error) {
    return cg_lexicon_remove(lexicon, one->row, &one->cues, one->parents, one->parent_count,
                             error);
}

typedef struct sums {
    uint64_t entries;
    uint64_t counts;
    uint64_t hash; /* of all visits, in any order */
} sums;

static void sum_visit(void *context, uint32_t row, uint32_t count) {
    sums *seen = context;
    seen->entries++;
    seen->counts += count;
    seen->hash += ((uint64_t)row << 32 | count) * UINT64_C(0x9e3779b97f4a7c15);
}

static void check_same_lists(const cg_lexicon *left, const cg_lexicon *right) {
    for (uint32_t i = 0; i < PHRASES; i++) {
        for (uint32_t kind = 0; kind < CG_CUE_KINDS; kind++) {
            sums seen[2] = {{0}};
            const cg_lexicon *both[2] = {left, right};
            for (uint32_t which = 0; which < 2; which++) {
                cg_lexicon_total total =
                    kind == CG_CUE_NAME
                        ? cg_lexicon_each_named(both[which], phrases[i], sum_visit,
                                                &seen[which])
                        : cg_lexicon_each_parent(both[which], (cg_cue_kind)kind, phrases[i],
                                                 sum_visit, &seen[which]);
                assert_int_equal(total.entries, seen[which].entries);
                assert_int_equal(total.count, seen[which].counts);
            }
            assert_memory_equal(&seen[0], &seen[1], sizeof seen[0]);
        }
    }
}

static void check_lexicon(const cg_lexicon *lexicon, const cg_lexicon *base, uint32_t count) {
    cg_lexicon *fresh = NULL;
    cg_error error = {0};
    assert_ok(cg_lexicon_alloc(base, cg_allocator_heap(), &fresh, &error), error);
    for (uint32_t i = 0; i < count; i++) {
        if (concepts[i].held) {
            assert_ok(add_concept(fresh, &concepts[i], &error), error);
        }
    }
    assert_int_equal(cg_lexicon_hash(lexicon), cg_lexicon_hash(fresh));
    check_same_lists(lexicon, fresh);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t names[2][CG_CUES_MAX];
        uint32_t held = cg_lexicon_names(lexicon, concepts[i].row, names[0], CG_CUES_MAX);
        assert_int_equal(held, cg_lexicon_names(fresh, concepts[i].row, names[1], CG_CUES_MAX));
        assert_memory_equal(names[0], names[1], held * sizeof names[0][0]);
        assert_int_equal(cg_lexicon_knows(lexicon, &concepts[i].cues),
                         cg_lexicon_knows(fresh, &concepts[i].cues));
    }
    cg_lexicon_free(fresh);
}

static void test_lexicon(void **state) {
    (void)state;
    uint64_t seed = support_seed(82);
    for (uint32_t round = 0; round < 12; round++) {
        cg_stream stream = cg_stream_init(seed, "test.removal.lexicon", round);
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        cg_error error = {0};
        cg_lexicon *base = NULL;
        cg_lexicon *lexicon = NULL;
        for (uint32_t i = 0; i < PHRASES; i++) {
            phrases[i] = cg_stream_next(&stream);
        }
        assert_ok(cg_lexicon_alloc(NULL, cg_allocator_heap(), &base, &error), error);
        uint32_t range = 1 + (uint32_t)below(&stream, 800);
        static drawn_concept below_all;
        draw_concept(&stream, 3, range, &below_all);
        assert_ok(add_concept(base, &below_all, &error), error);
        assert_ok(cg_lexicon_alloc(round % 3 ? base : NULL,
                                   cg_counting_allocator_view(&counting), &lexicon, &error),
                  error);
        uint32_t first_row = round % 2 ? UINT32_MAX - CONCEPTS_MAX : 1000;
        uint32_t count = 0;
        while (count < CONCEPTS_MAX) {
            bool grows = count / 200 % 2 == 0 || below(&stream, 4) == 0;
            uint32_t at = count > 0 ? (uint32_t)below(&stream, count) : 0;
            if (!grows && concepts[at].held) {
                uint64_t hash = cg_lexicon_hash(lexicon);
                counting.fail_at = 1;
                cg_status status = remove_concept(lexicon, &concepts[at], &error);
                counting.fail_at = 0;
                if (status != CG_OK) {
                    assert_int_equal(status, CG_ERROR_MEMORY);
                    assert_int_equal(cg_lexicon_hash(lexicon), hash);
                    assert_ok(remove_concept(lexicon, &concepts[at], &error), error);
                }
                concepts[at].held = false;
            } else {
                draw_concept(&stream, first_row + count, range, &concepts[count]);
                assert_ok(add_concept(lexicon, &concepts[count], &error), error);
                concepts[count++].held = true;
            }
            if (count % 100 == 0) {
                check_lexicon(lexicon, round % 3 ? base : NULL, count);
            }
        }
        for (uint32_t i = 0; i < count; i++) {
            if (concepts[i].held) {
                assert_ok(remove_concept(lexicon, &concepts[i], &error), error);
                concepts[i].held = false;
            }
        }
        check_lexicon(lexicon, round % 3 ? base : NULL, count);
        cg_lexicon_free(lexicon);
        assert_int_equal(counting.live_bytes, 0);
        cg_lexicon_free(base);
    }
}

/* Goal: what is removed makes room for what comes, but for names: adding and removing the same
 * number again and again takes no more memory than the first time, other than 8 bytes a name and 5
 * a row. */
static void test_lexicon_churn(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(83), "test.removal.churn", 0);
    cg_lexicon *lexicon = NULL;
    cg_error error = {0};
    assert_ok(cg_lexicon_alloc(NULL, cg_allocator_heap(), &lexicon, &error), error);
    uint64_t first = 0;
    uint32_t row = 0;
    uint64_t names = 0;
    for (uint32_t round = 0; round < 40; round++) {
        for (uint32_t i = 0; i < 300; i++) {
            draw_concept(&stream, row++, 200, &concepts[i]);
            assert_ok(add_concept(lexicon, &concepts[i], &error), error);
            names += cg_lexicon_names(lexicon, concepts[i].row, NULL, 0);
        }
        for (uint32_t i = 0; i < 300; i++) {
            assert_ok(remove_concept(lexicon, &concepts[i], &error), error);
        }
        uint64_t bytes = cg_lexicon_bytes(lexicon);
        first = round == 3 ? bytes : first;
        if (round > 3) {
            assert_true(bytes <= first + first / 4 + 9 * names + 6 * (uint64_t)row);
        }
    }
    cg_lexicon_free(lexicon);
}

/* Goal: many lists that shrink one after the other find room for it: each has left the smaller
 * blocks that it once was in to the next. */
static void test_lists_shrink_in_a_row(void **state) {
    (void)state;
    enum { LISTS = 300, LENGTH = 9 };
    cg_lexicon *lexicon = NULL;
    cg_error error = {0};
    assert_ok(cg_lexicon_alloc(NULL, cg_allocator_heap(), &lexicon, &error), error);
    uint32_t row = 0;
    for (uint32_t list = 0; list < LISTS; list++) {
        cg_cues cues = {.count = 1, .list = {{.phrase = list, .kind = CG_CUE_GENUS}}};
        for (uint32_t parent = 0; parent < LENGTH; parent++) {
            assert_ok(cg_lexicon_add(lexicon, row++, &cues, &parent, 1, &error), error);
        }
    }
    for (uint32_t parent = LENGTH; parent-- > 0;) {
        for (uint32_t list = 0; list < LISTS; list++) {
            cg_cues cues = {.count = 1, .list = {{.phrase = list, .kind = CG_CUE_GENUS}}};
            uint32_t gone = list * LENGTH + parent;
            assert_ok(cg_lexicon_remove(lexicon, gone, &cues, &parent, 1, &error), error);
            assert_int_equal(
                cg_lexicon_each_parent(lexicon, CG_CUE_GENUS, list, NULL, NULL).count, parent);
        }
    }
    cg_lexicon_free(lexicon);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graph),
        cmocka_unit_test(test_graph_churn),
        cmocka_unit_test(test_lexicon),
        cmocka_unit_test(test_lexicon_churn),
        cmocka_unit_test(test_lists_shrink_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
