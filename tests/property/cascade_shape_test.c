/* Goal: decisions hold on graphs of awkward shapes: a hub with 20,000 children, names that
 * thousands bear, hypernyms in a circle, deep chains, many parents; filtered decisions stay
 * within their bounds and agree with the exhaustive one, and no evidence overflows its table.
 * (Spec A3, A6, A7.) */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/math.h"
#include "engine/cascade/cascade.h"
#include "engine/vector/vector.h"
#include "tests/support/learned.h"

static cg_error error;

enum { DIMS = 32 };

typedef struct world {
    cg_graph *graph;
    cg_features *features;
    cg_index *index;
    cg_lexicon *lexicon;
    cg_cascade_scratch *scratch;
    cg_learned learned;
    cg_recent recent;
    cg_knowledge knowledge;
    float *vectors;
    uint32_t count;
} world;

static world made;

static void link(uint32_t from, uint32_t to, cg_edge_type type) {
    cg_edge edge = {.target = to, .type = (uint16_t)type, .weight = 255};
    assert_ok(cg_graph_add_edge(made.graph, from, edge, &error), error);
}

static void hang(uint32_t low, uint32_t high) {
    link(low, high, CG_EDGE_HYPERNYM);
    link(high, low, CG_EDGE_HYPONYM);
}

static void draw_unit(cg_stream *stream, float dense[DIMS]) {
    for (uint32_t d = 0; d < DIMS; d++) {
        dense[d] = (float)cg_stream_next_normal(stream);
    }
    assert_true(cg_vector_normalise(dense, DIMS));
}

/* Concepts with random vectors and the words 7 (all share it) and 100 + row. */
static void begin(cg_stream *stream, uint32_t count) {
    cg_allocator heap = cg_allocator_heap();
    cg_ttfs_options encoding = cg_ttfs_options_default();
    memset(&made, 0, sizeof made);
    made.count = count;
    assert_ok(cg_graph_alloc(NULL, heap, &made.graph, &error), error);
    assert_ok(cg_features_alloc(DIMS, &encoding, NULL, heap, &made.features, &error), error);
    assert_ok(cg_lexicon_alloc(NULL, heap, &made.lexicon, &error), error);
    made.vectors = malloc(count * sizeof(float[DIMS]));
    assert_non_null(made.vectors);
    for (uint32_t i = 0; i < count; i++) {
        float *dense = &made.vectors[(size_t)i * DIMS];
        draw_unit(stream, dense);
        uint32_t row;
        uint32_t words[2] = {7, 100 + i};
        float weights[2] = {0.6f, 0.8f};
        assert_ok(cg_graph_add_concept(made.graph, 1 + i, i % 5, "concept", &row, &error),
                  error);
        assert_ok(cg_features_append(made.features, dense, (cg_sparse){words, weights, 2}, &row,
                                     NULL, &error),
                  error);
    }
}

static void finish(bool frozen) {
    cg_allocator heap = cg_allocator_heap();
    cg_runner runner = cg_runner_serial();
    cg_index_options options = cg_index_options_default(CG_INDEX_FLAT, DIMS);
    assert_ok(cg_index_alloc(&options, heap, &made.index, &error), error);
    cg_index_rows rows = {.vectors = made.vectors, .count = made.count};
    assert_ok(cg_index_add(made.index, &rows, &runner, NULL, &error), error);
    if (frozen) {
        assert_ok(cg_graph_freeze(made.graph, &error), error);
    }
    assert_ok(cg_cascade_scratch_alloc(heap, &made.scratch, &error), error);
    made.learned = support_learned();
    made.knowledge = (cg_knowledge){.graph = made.graph,
                                    .features = made.features,
                                    .indexes = {made.index},
                                    .index_count = 1,
                                    .lexicon = made.lexicon,
                                    .recent = &made.recent,
                                    .learned = &made.learned};
}

static void end(void) {
    cg_cascade_scratch_free(made.scratch);
    cg_lexicon_free(made.lexicon);
    cg_index_free(made.index);
    cg_features_free(made.features);
    cg_graph_free(made.graph);
    free(made.vectors);
}

static cg_fact_view fact_of(uint32_t row) {
    cg_feature_row features = cg_features_row(made.features, row);
    return (cg_fact_view){
        .dense = features.dense, .sparse = features.sparse, .type = CG_TYPE_UNKNOWN};
}

static cg_decision decide(const cg_cascade_options *options, const cg_fact_view *fact) {
    cg_decision decision;
    assert_ok(cg_cascade_decide(options, &made.knowledge, fact, made.scratch, &decision, NULL,
                                &error),
              error);
    return decision;
}

static cg_cascade_options asking(cg_strategy strategy, uint32_t neighbours) {
    cg_cascade_options options = cg_cascade_options_default();
    options.strategy = strategy;
    options.neighbours = neighbours;
    options.ef = 1;
    return options;
}

/* All hang below row 0, and every fourth is part of it. */
static void a_hub_of_twenty_thousand(void **state) {
    (void)state;
    enum { CHILDREN = 20000 };
    cg_stream stream = cg_stream_init(support_seed(81), "test.hub", 0);
    for (int frozen = 0; frozen < 2; frozen++) {
        begin(&stream, CHILDREN + 1);
        for (uint32_t i = 1; i <= CHILDREN; i++) {
            hang(i, 0);
            if (i % 4 == 0) {
                link(0, i, CG_EDGE_PART_MERONYM);
            }
        }
        finish(frozen);
        for (uint32_t asked = 0; asked < 6; asked++) {
            uint32_t row = asked * 3000;
            cg_fact_view fact = fact_of(row);
            cg_cascade_options options = asking(CG_STRATEGY_HIERARCHICAL, CG_NEIGHBOURS_MAX);
            cg_decision decision = decide(&options, &fact);
            assert_int_equal(decision.winner, row);
            assert_true(decision.lead.recognised);
            assert_true(decision.stage_out[CG_STAGE_COARSE] <= CG_CANDIDATES_MAX);
            assert_true(decision.stage_out[CG_STAGE_COARSE] >= CG_NEIGHBOURS_MAX);
            options.strategy = CG_STRATEGY_DIRECT;
            assert_int_equal(decide(&options, &fact).winner, row);
            cg_account account;
            cg_cascade_account(&options, &made.knowledge, &fact, made.scratch, 0, &account);
            assert_int_equal(account.heard.senses.of[CG_PATHWAY_BRANCHING], CG_EVIDENCE_ONE);
            assert_int_equal(account.heard.senses.of[CG_PATHWAY_PARENT], CG_EVIDENCE_ONE);
        }
        end();
    }
}

/* A text whose every cue names 40 concepts and has 400 parents: the lexicon meets its bounds. */
static void names_and_habits_of_thousands(void **state) {
    (void)state;
    enum { COUNT = 12000 };
    cg_stream stream = cg_stream_init(support_seed(82), "test.names", 0);
    begin(&stream, COUNT);
    static const char *const kinds[] = {"genus", "second", "third", "fourth", "topic"};
    for (uint32_t i = 0; i < COUNT; i++) {
        char text[256];
        uint32_t n = i % 300;
        int used = snprintf(text, sizeof text,
                            "name%u head%u: (%s%u) a big genus%u of second%u, the third%u or "
                            "fourth%u",
                            n, i % 10, kinds[4], i % 7, i % 3, i % 5, i % 6, i % 8);
        cg_cues cues;
        cg_cues_find(NULL, text, (size_t)used, &cues, NULL);
        uint32_t parents[3] = {(i * 7 + 1) % COUNT, (i * 31 + 2) % COUNT,
                               (i * 127 + 3) % COUNT};
        assert_ok(cg_lexicon_add(made.lexicon, i, &cues, parents, 3, &error), error);
        for (uint32_t p = 0; p < 3 && i > 3; p++) {
            link(i, (i - 1) / (2 + p), CG_EDGE_HYPERNYM);
            if (i < 20) {
                break; /* (i - 1) / 4 may be (i - 1) / 3 */
            }
        }
    }
    finish(true);
    uint32_t most = 0;
    for (uint32_t asked = 0; asked < 10; asked++) {
        char text[1024];
        int used = 0;
        for (uint32_t n = 0; n < CG_CUE_NAMES_MAX; n++) {
            used += snprintf(text + used, sizeof text - (size_t)used, "%sname%u head%u",
                             n ? ", " : "", asked * 10 + n, n);
        }
        used += snprintf(text + used, sizeof text - (size_t)used,
                         ": (topic%u) a genus%u of second%u, a third%u, fourth%u", asked % 7,
                         asked % 3, asked % 5, asked % 6, asked % 8);
        cg_fact_view fact = fact_of(asked * 1000);
        fact.text = text;
        fact.text_bytes = (uint32_t)used;
        cg_cascade_options options = asking(CG_STRATEGY_HIERARCHICAL, CG_NEIGHBOURS_MAX);
        options.semantic.share = 1.0;
        options.structural.share = 1.0;
        cg_decision filtered = decide(&options, &fact);
        most = filtered.stage_out[CG_STAGE_COARSE] > most ? filtered.stage_out[CG_STAGE_COARSE]
                                                          : most;
        assert_true(filtered.stage_out[CG_STAGE_COARSE] <= CG_CANDIDATES_MAX);
        assert_int_equal(filtered.winner, asked * 1000);
        const cg_neighbour *list;
        assert_int_equal(cg_cascade_neighbours(made.scratch, &list), CG_NEIGHBOURS_MAX);
        cg_decision again = decide(&options, &fact);
        assert_int_equal(again.winner, filtered.winner);
        assert_memory_equal(again.alternatives, filtered.alternatives,
                            sizeof again.alternatives);
    }
    assert_true(most > 600); /* far more than neighbours */
    end();
}

/* Hypernyms in circles of one to seven, with tails that lead into them. */
static void circles_end(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(83), "test.circles", 0);
    for (uint32_t length = 2; length < 8; length++) {
        begin(&stream, 40);
        for (uint32_t i = 0; i < length; i++) {
            hang(i, (i + 1) % length);
        }
        for (uint32_t i = length; i < 40; i++) {
            hang(i, i - length);
        }
        finish(length % 2);
        cg_recent_note(&made.recent, 1, 0);
        for (uint32_t row = 0; row < 40; row++) {
            cg_fact_view fact = fact_of(row);
            cg_cascade_options options = asking(CG_STRATEGY_DIRECT, 40);
            cg_decision direct = decide(&options, &fact);
            options.strategy = CG_STRATEGY_HIERARCHICAL;
            options.semantic.share = 1.0;
            cg_decision filtered = decide(&options, &fact);
            assert_int_equal(direct.winner, row);
            assert_int_equal(filtered.winner, row);
            assert_true(direct.path_length >= length || direct.path_length >= 1 + row / length);
            for (uint32_t i = 0; i < direct.path_length; i++) {
                for (uint32_t j = 0; j < i; j++) {
                    assert_true(direct.path[i] != direct.path[j]);
                }
            }
            cg_account account;
            cg_cascade_account(&options, &made.knowledge, &fact, made.scratch, row, &account);
            for (uint32_t p = 0; p < CG_PATHWAY_COUNT; p++) {
                assert_true(account.heard.senses.of[p] <= CG_EVIDENCE_ONE);
            }
        }
        end();
    }
}

static uint32_t heard(const cg_column_view *view, cg_column_scratch *scratch, uint32_t row,
                      cg_pathway pathway) {
    cg_senses senses;
    cg_column_sense(cg_pathway_column(pathway), view, scratch, &row, 1, &senses, NULL);
    return senses.of[pathway];
}

static cg_column_view view_of(const cg_neighbour *neighbours, uint32_t count) {
    return (cg_column_view){.graph = made.graph,
                            .features = made.features,
                            .fact = cg_features_row(made.features, 0),
                            .fact_type = CG_TYPE_UNKNOWN,
                            .neighbours = neighbours,
                            .neighbour_count = count,
                            .column_mask = 15};
}

/* A chain of 70 concepts: the usual depth is six, and paths end at their bound. */
static void deep_chains(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(84), "test.chain", 0);
    begin(&stream, 70);
    for (uint32_t i = 1; i < 70; i++) {
        hang(i, i - 1);
    }
    finish(true);
    cg_column_scratch *scratch;
    assert_ok(cg_column_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    cg_column_view view = view_of(NULL, 0);
    cg_column_prepare(&view, scratch, NULL);
    for (uint32_t depth = 0; depth < 70; depth++) {
        uint32_t gap = depth < 6 ? 6 - depth : depth - 6;
        assert_in_range(heard(&view, scratch, depth, CG_PATHWAY_DEPTH) + 1,
                        4096 * 3 / (3 + gap), 4096 * 3 / (3 + gap) + 2);
    }
    cg_column_scratch_free(scratch);
    cg_cascade_options options = asking(CG_STRATEGY_DIRECT, 10);
    cg_fact_view fact = fact_of(69);
    cg_decision decision = decide(&options, &fact);
    assert_int_equal(decision.winner, 69);
    assert_int_equal(decision.path_length, CG_PATH_MAX);
    end();
}

/* Beyond four parents, twelve relatives, and the twentieth neighbour's relatives, nobody hears.
 */
static void what_is_too_much_is_cut(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(85), "test.cut", 0);
    begin(&stream, 120);
    for (uint32_t p = 10; p < 16; p++) {
        hang(0, p);
    }
    hang(5, 0); /* a grandchild of six */
    hang(6, 7);
    hang(7, 8);
    for (uint32_t r = 20; r < 35; r++) {
        link(0, r, CG_EDGE_ALSO_SEE);
    }
    for (uint32_t i = 40; i < 62; i++) {
        link(i, i + 40, CG_EDGE_ALSO_SEE);
    }
    for (uint32_t c = 103; c < 115; c++) { /* children of 102: eight are compared */
        hang(c, 102);
    }
    finish(true);
    cg_column_scratch *scratch;
    assert_ok(cg_column_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    cg_likeness one = {1.0f, 1.0f, 1.0f, 1.0f};
    cg_neighbour first = {0, one};
    cg_column_view view = view_of(&first, 1);
    cg_column_prepare(&view, scratch, NULL);
    for (uint32_t p = 10; p < 16; p++) {
        assert_int_equal(heard(&view, scratch, p, CG_PATHWAY_PARENT), p < 14 ? 4096 : 0);
    }
    for (uint32_t r = 20; r < 35; r++) {
        assert_int_equal(heard(&view, scratch, r, CG_PATHWAY_RELATIVE), r < 32 ? 4096 : 0);
    }
    cg_neighbour two[2] = {{5, one}, {6, one}};
    view = view_of(two, 2);
    cg_column_prepare(&view, scratch, NULL);
    assert_int_equal(heard(&view, scratch, 8, CG_PATHWAY_GRANDPARENT), 4096);
    for (uint32_t p = 10; p < 16; p++) { /* a quarter of the voice for each that is heard */
        assert_int_equal(heard(&view, scratch, p, CG_PATHWAY_GRANDPARENT), p < 14 ? 1024 : 0);
    }
    cg_neighbour many[22];
    for (uint32_t i = 0; i < 22; i++) {
        many[i] = (cg_neighbour){40 + i, one};
    }
    view = view_of(many, 22);
    cg_column_prepare(&view, scratch, NULL);
    for (uint32_t i = 0; i < 22; i++) {
        assert_int_equal(heard(&view, scratch, 80 + i, CG_PATHWAY_RELATIVE), i < 20 ? 4096 : 0);
        assert_int_equal(heard(&view, scratch, 40 + i, CG_PATHWAY_SELF), 4096);
    }
    cg_likeness likenesses[120] = {{0}};
    likenesses[102].dense = 1.0f;
    for (uint32_t c = 103; c < 115; c++) {
        likenesses[c].dense = c < 105 ? 1.0f : 0.0f; /* two of four */
    }
    view.likenesses = likenesses;
    assert_int_equal(heard(&view, scratch, 102, CG_PATHWAY_NORMALITY), 2048);
    cg_column_scratch_free(scratch);
    end();
}

/* The most neighbours, each with four parents of four parents, the fullest stream, and a lexicon
 * that makes all entries it may: the table holds, and finds each. */
static void the_fullest_decision(void **state) {
    (void)state;
    enum { COUNT = 16000, NAMES = 4200 };
    cg_stream stream = cg_stream_init(support_seed(86), "test.full", 0);
    begin(&stream, COUNT);
    for (uint32_t i = 0; i < 320; i++) { /* 256 neighbours, 64 of the stream */
        for (uint32_t p = 0; p < 4; p++) {
            uint32_t parent = 320 + i * 4 + p;
            link(i, parent, CG_EDGE_HYPERNYM);
            for (uint32_t g = 0; g < 4; g++) {
                link(parent, 1600 + parent % 1600 * 4 + g, CG_EDGE_HYPERNYM);
            }
        }
    }
    cg_cues cues = {.count = 1};
    cues.list[0] = (cg_cue){.phrase = 1, .kind = CG_CUE_GENUS, .words = 1};
    for (uint32_t i = 0; i < NAMES; i++) { /* as strong as may be: few counts, in 60 habits */
        cues.list[0].phrase = 1 + i / 70;
        uint32_t parent = COUNT - 1 - i;
        assert_ok(cg_lexicon_add(made.lexicon, i, &cues, &parent, 1, &error), error);
    }
    finish(true);
    for (uint32_t i = 0; i < CG_RECENT_MAX; i++) {
        cg_recent_note(&made.recent, 256 + i, 0);
    }
    cg_cues asked = {.count = 60};
    for (uint32_t i = 0; i < 60; i++) {
        asked.list[i] =
            (cg_cue){.phrase = 1 + i, .kind = CG_CUE_GENUS, .group = (uint8_t)i, .words = 1};
    }
    cg_neighbour neighbours[CG_NEIGHBOURS_MAX];
    for (uint32_t i = 0; i < CG_NEIGHBOURS_MAX; i++) {
        neighbours[i] = (cg_neighbour){i, {1.0f, 1.0f, 1.0f, 1.0f}};
    }
    cg_column_scratch *scratch;
    assert_ok(cg_column_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    cg_column_view view = view_of(neighbours, CG_NEIGHBOURS_MAX);
    view.lexicon = made.lexicon;
    view.cues = &asked;
    view.recent = &made.recent;
    cg_column_prepare(&view, scratch,
                      NULL); /* twice: bounds are a decision's, not a scratch's */
    cg_column_prepare(&view, scratch, NULL);
    const uint32_t *rows;
    uint32_t count = cg_column_retrieved(scratch, &rows);
    assert_int_equal(count, 256 * 21 + 20 + 10); /* relatives' parents, recent ones */
    bool *seen = calloc(COUNT, sizeof *seen);
    assert_non_null(seen);
    for (uint32_t i = 0; i < count; i++) {
        assert_false(seen[rows[i]]);
        seen[rows[i]] = true;
    }
    for (uint32_t i = 0; i < 20; i++) { /* of habits that are all as strong, the least rows */
        assert_true(seen[COUNT - 4096 + i]);
    }
    free(seen);
    uint32_t habits = 0;
    for (uint32_t i = 0; i < NAMES; i++) {
        habits += heard(&view, scratch, COUNT - 1 - i, CG_PATHWAY_GENUS_HABIT) > 0;
    }
    assert_int_equal(habits, 4096);
    for (uint32_t i = 0; i < 256; i++) {
        assert_int_equal(heard(&view, scratch, i, CG_PATHWAY_SELF), 4096);
        assert_int_equal(heard(&view, scratch, 320 + 4 * i + 3, CG_PATHWAY_PARENT), 4096);
    }
    assert_int_equal(heard(&view, scratch, 319, CG_PATHWAY_RECENT), 4096);
    cg_column_scratch_free(scratch);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hub_of_twenty_thousand),
        cmocka_unit_test(names_and_habits_of_thousands),
        cmocka_unit_test(circles_end),
        cmocka_unit_test(deep_chains),
        cmocka_unit_test(what_is_too_much_is_cut),
        cmocka_unit_test(the_fullest_decision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
