/* A small world for decisions: a root, six kinds below it, eight leaves below each, with texts of
 * two words: that of the kind and the concept's own.
 */
#ifndef CG_TESTS_SUPPORT_CASCADE_WORLD_H
#define CG_TESTS_SUPPORT_CASCADE_WORLD_H

#include <stdio.h>
#include <string.h>

#include "engine/cascade/cascade.h"
#include "tests/support/learned.h"
#include "tests/support/support.h"

static cg_error error;

enum { ROOT, FIRST_KIND, KINDS = 6, LEAVES = 8, CONCEPTS = 1 + KINDS + KINDS * LEAVES };
enum { DIMS = 64 };

typedef struct world {
    cg_graph *graph;
    cg_features *features;
    cg_index *index;
    cg_lexicon *lexicon; /* of cue_text_of; in knowledge when a test wants it */
    cg_cascade_scratch *scratch;
    cg_learned learned;
    cg_knowledge knowledge;
    uint32_t patterns[CONCEPTS];
    uint32_t nodes[CONCEPTS];
} world;

static world made;

static inline void touched(void *context, uint32_t row, cg_touch what) {
    world *told = context;
    (what == CG_TOUCH_PATTERN ? told->patterns : told->nodes)[row]++;
}

static inline void edge(uint32_t from, uint32_t to, cg_edge_type type) {
    cg_edge value = {.target = to, .type = (uint16_t)type, .weight = 255};
    assert_ok(cg_graph_add_edge(made.graph, from, value, &error), error);
}

static inline uint32_t kind_of(uint32_t row) {
    return row < FIRST_KIND + KINDS ? row : FIRST_KIND + (row - FIRST_KIND - KINDS) / LEAVES;
}

/* Axes 0..KINDS: what a kind has in common; the others: a concept's own. */
static inline void text_of(uint32_t row, uint32_t words[2], float weights[2],
                           float dense[DIMS]) {
    words[0] = kind_of(row);
    words[1] = 100 + row;
    weights[0] = 0.6f;
    weights[1] = 0.8f;
    memset(dense, 0, DIMS * sizeof *dense);
    dense[kind_of(row)] = 0.6f;
    dense[KINDS + 1 + row] = 0.8f;
}

/* "leaf17, l17: a small kind3 of plant": its genus is the name of its kind. */
static inline uint32_t cue_text_of(uint32_t row, char text[64]) {
    if (kind_of(row) != row) {
        return (uint32_t)snprintf(text, 64, "leaf%u, l%u: a small kind%u of plant", row, row,
                                  kind_of(row));
    }
    return (uint32_t)snprintf(text, 64, "kind%u: a thing", row);
}

static inline void add_to_lexicon(uint32_t row) {
    char text[64];
    uint32_t bytes = cue_text_of(row, text);
    cg_cues cues;
    cg_cues_find(NULL, text, bytes, &cues, NULL);
    uint32_t parents[4];
    uint32_t count = cg_graph_parents(made.graph, row, parents, 4);
    assert_ok(cg_lexicon_add(made.lexicon, row, &cues, parents, count, &error), error);
}

static inline int set_up(void **state) {
    cg_allocator heap = cg_allocator_heap();
    memset(&made, 0, sizeof made);
    assert_ok(cg_graph_alloc(NULL, heap, &made.graph, &error), error);
    cg_ttfs_options encoding = cg_ttfs_options_default();
    assert_ok(cg_features_alloc(DIMS, &encoding, NULL, heap, &made.features, &error), error);
    cg_index_options index = cg_index_options_default(CG_INDEX_FLAT, DIMS);
    assert_ok(cg_index_alloc(&index, heap, &made.index, &error), error);
    cg_runner runner = cg_runner_serial();
    for (uint32_t i = 0; i < CONCEPTS; i++) {
        uint32_t words[2];
        float weights[2];
        float dense[DIMS];
        uint32_t row;
        text_of(i, words, weights, dense);
        assert_ok(cg_graph_add_concept(made.graph, 1000 + i, 3, "a concept", &row, &error),
                  error);
        assert_ok(cg_features_append(made.features, dense, (cg_sparse){words, weights, 2}, &row,
                                     NULL, &error),
                  error);
        cg_index_rows rows = {.vectors = dense, .count = 1};
        assert_ok(cg_index_add(made.index, &rows, &runner, NULL, &error), error);
    }
    for (uint32_t i = 1; i < CONCEPTS; i++) {
        uint32_t parent = kind_of(i) == i ? ROOT : kind_of(i);
        edge(i, parent, CG_EDGE_HYPERNYM);
        edge(parent, i, CG_EDGE_HYPONYM);
    }
    assert_ok(cg_graph_freeze(made.graph, &error), error);
    assert_ok(cg_lexicon_alloc(NULL, heap, &made.lexicon, &error), error);
    for (uint32_t i = 0; i < CONCEPTS; i++) {
        add_to_lexicon(i);
    }
    assert_ok(cg_cascade_scratch_alloc(heap, &made.scratch, &error), error);
    made.learned = support_learned();
    made.knowledge = (cg_knowledge){
        .graph = made.graph,
        .features = made.features,
        .indexes = {made.index},
        .index_count = 1,
        .learned = &made.learned,
        .touched = touched,
        .touched_context = &made,
    };
    *state = &made;
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    cg_cascade_scratch_free(made.scratch);
    cg_cascade_scratch_free(NULL);
    cg_lexicon_free(made.lexicon);
    cg_index_free(made.index);
    cg_features_free(made.features);
    cg_graph_free(made.graph);
    return 0;
}

static inline cg_fact_view fact_of(uint32_t row) {
    cg_feature_row features = cg_features_row(made.features, row);
    return (cg_fact_view){
        .dense = features.dense, .sparse = features.sparse, .type = CG_TYPE_UNKNOWN};
}

static inline cg_cascade_options hierarchical(void) {
    cg_cascade_options options = cg_cascade_options_default();
    options.strategy = CG_STRATEGY_HIERARCHICAL;
    options.neighbours = 12;
    options.semantic.at_least = 16;
    return options;
}

static inline cg_decision decide(const cg_cascade_options *options, const cg_fact_view *fact) {
    cg_decision decision;
    assert_ok(cg_cascade_decide(options, &made.knowledge, fact, made.scratch, &decision, NULL,
                                &error),
              error);
    return decision;
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
