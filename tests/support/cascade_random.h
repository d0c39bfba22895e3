/* Random small worlds for decisions: concepts with vectors, words, glosses and edges of all kinds,
 * with many ties, several parents, and in some worlds hypernyms that go round in circles.
 */
#ifndef CG_TESTS_SUPPORT_CASCADE_RANDOM_H
#define CG_TESTS_SUPPORT_CASCADE_RANDOM_H

#include <stdio.h>
#include <string.h>

#include "engine/base/math.h"
#include "engine/cascade/cascade.h"
#include "engine/vector/vector.h"
#include "tests/support/learned.h"
#include "tests/support/support.h"

enum { RANDOM_DIMS = 32, RANDOM_MOST = 200, RANDOM_WORDS = 8, RANDOM_TEXT_BYTES = 160 };

typedef struct random_text {
    float dense[RANDOM_DIMS];
    uint32_t words[RANDOM_WORDS];
    float weights[RANDOM_WORDS];
    uint32_t count;
    char text[RANDOM_TEXT_BYTES];
    uint32_t text_bytes;
} random_text;

typedef struct random_world {
    uint32_t count;
    random_text texts[RANDOM_MOST];
    cg_graph *graph;
    cg_features *base;
    cg_features *features;
    cg_index *indexes[2];
    cg_lexicon *lexicon;
    cg_cascade_scratch *scratch;
    cg_recent recent;
    cg_learned learned;
    cg_knowledge knowledge;
} random_world;

typedef struct random_shape {
    uint32_t count;
    uint32_t split;        /* rows below are in a base of features and in the first index */
    bool frozen;           /* the graph's edges are */
    bool circular;         /* some hypernyms lead back */
    bool lexicon_backward; /* added from the last row to the first */
} random_shape;

static cg_error error;

static inline uint32_t random_below(cg_stream *stream, uint32_t n) {
    return (uint32_t)cg_stream_next_below(stream, n);
}

/* "Name9 tail3, name4: a small name7 name2 of name1, the name5" */
static inline void random_gloss(cg_stream *stream, random_text *out) {
    uint32_t n[8];
    for (uint32_t i = 0; i < 8; i++) {
        n[i] = random_below(stream, 12);
    }
    static const char *const forms[] = {
        "name%u, name%u: a small name%u name%u of name%u, the name%u, name%u or name%u",
        "name%u name%u: (name%u) name%u name%u of a name%u name%u with name%u",
        "Genus name%u, other%u: name%u, name%u name%u; name%u name%u name%u",
        "Ender%uectomy, xyzzy%uing: a name%u of name%u name%u by name%u name%u name%u"};
    int used = snprintf(out->text, sizeof out->text, forms[random_below(stream, 4)], n[0], n[1],
                        n[2], n[3], n[4], n[5], n[6], n[7]);
    out->text_bytes = (uint32_t)used;
}

static inline void random_draw(cg_stream *stream, random_text *out) {
    memset(out, 0, sizeof *out);
    for (uint32_t d = 0; d < RANDOM_DIMS; d++) {
        /* Few values, so that ties are common. */
        out->dense[d] = (float)((int)random_below(stream, 5) - 2);
    }
    out->dense[0] += 0.5f;
    assert_true(cg_vector_normalise(out->dense, RANDOM_DIMS));
    uint32_t word = 0;
    double square = 0.0;
    uint32_t wanted = random_below(stream, RANDOM_WORDS + 1);
    while (out->count < wanted) {
        word += 1 + random_below(stream, 9);
        double weight = 1.0 + random_below(stream, 3);
        square += weight * weight;
        out->words[out->count] = word;
        out->weights[out->count++] = (float)weight;
    }
    for (uint32_t i = 0; i < out->count; i++) {
        out->weights[i] = (float)((double)out->weights[i] / cg_sqrt(square));
    }
    random_gloss(stream, out);
}

static inline void random_edge(random_world *made, uint32_t from, uint32_t to,
                               cg_edge_type type) {
    cg_edge edge = {.target = to, .type = (uint16_t)type, .weight = 255};
    cg_status status = cg_graph_add_edge(made->graph, from, edge, &error);
    assert_true(status == CG_OK || status == CG_ERROR_EXISTS || from == to);
}

static inline void random_edges(cg_stream *stream, random_world *made, bool circular) {
    for (uint32_t i = 1; i < made->count; i++) {
        uint32_t parents = random_below(stream, 4);
        bool instance = random_below(stream, 5) == 0;
        for (uint32_t p = 0; p < parents; p++) {
            uint32_t parent = random_below(stream, i);
            random_edge(made, i, parent,
                        instance ? CG_EDGE_INSTANCE_HYPERNYM : CG_EDGE_HYPERNYM);
            random_edge(made, parent, i, instance ? CG_EDGE_INSTANCE_HYPONYM : CG_EDGE_HYPONYM);
            if (circular && random_below(stream, 8) == 0) {
                random_edge(made, parent, i, CG_EDGE_HYPERNYM);
            }
        }
        for (uint32_t others = random_below(stream, 3); others > 0; others--) {
            uint32_t type = CG_EDGE_MEMBER_HOLONYM +
                            random_below(stream, CG_EDGE_TYPE_COUNT - CG_EDGE_MEMBER_HOLONYM);
            random_edge(made, i, random_below(stream, i), (cg_edge_type)type);
        }
    }
}

static inline void random_lexicon(random_world *made, bool backward) {
    assert_ok(cg_lexicon_alloc(NULL, cg_allocator_heap(), &made->lexicon, &error), error);
    for (uint32_t i = 0; i < made->count; i++) {
        uint32_t row = backward ? made->count - 1 - i : i;
        cg_cues cues;
        cg_cues_find(NULL, made->texts[row].text, made->texts[row].text_bytes, &cues, NULL);
        uint32_t parents[8];
        uint32_t count = cg_graph_parents(made->graph, row, parents, 8);
        assert_ok(cg_lexicon_add(made->lexicon, row, &cues, parents, count, &error), error);
    }
}

static inline void random_concept(cg_stream *stream, random_world *made,
                                  const random_shape *shape, uint32_t at) {
    cg_ttfs_options encoding = cg_ttfs_options_default();
    cg_runner runner = cg_runner_serial();
    if (at == shape->split) {
        assert_ok(cg_features_alloc(RANDOM_DIMS, &encoding, made->base, cg_allocator_heap(),
                                    &made->features, &error),
                  error);
    }
    random_text *drawn = &made->texts[at];
    random_draw(stream, drawn);
    uint32_t row;
    assert_ok(
        cg_graph_add_concept(made->graph, at + 1, random_below(stream, 4), "c", &row, &error),
        error);
    assert_ok(cg_features_append(made->features, drawn->dense,
                                 (cg_sparse){drawn->words, drawn->weights, drawn->count}, &row,
                                 NULL, &error),
              error);
    assert_int_equal(row, at);
    cg_index_rows rows = {.vectors = drawn->dense, .count = 1};
    assert_ok(cg_index_add(made->indexes[at >= shape->split], &rows, &runner, NULL, &error),
              error);
}

/* The stream draws the same world whatever the shape but count and circular. */
static inline void random_build(random_world *made, cg_stream *stream,
                                const random_shape *shape) {
    cg_allocator heap = cg_allocator_heap();
    memset(made, 0, sizeof *made);
    made->count = shape->count;
    cg_ttfs_options encoding = cg_ttfs_options_default();
    assert_ok(cg_graph_alloc(NULL, heap, &made->graph, &error), error);
    assert_ok(cg_features_alloc(RANDOM_DIMS, &encoding, NULL, heap, &made->base, &error),
              error);
    made->features = made->base;
    cg_index_options options = cg_index_options_default(CG_INDEX_FLAT, RANDOM_DIMS);
    assert_ok(cg_index_alloc(&options, heap, &made->indexes[0], &error), error);
    assert_ok(cg_index_alloc(&options, heap, &made->indexes[1], &error), error);
    for (uint32_t i = 0; i < made->count; i++) {
        random_concept(stream, made, shape, i);
    }
    random_edges(stream, made, shape->circular);
    if (shape->frozen) {
        assert_ok(cg_graph_freeze(made->graph, &error), error);
    }
    random_lexicon(made, shape->lexicon_backward);
    assert_ok(cg_cascade_scratch_alloc(heap, &made->scratch, &error), error);
    for (uint32_t i = 0; i < 5; i++) {
        cg_recent_note(&made->recent, random_below(stream, made->count), i * 100000000);
    }
    made->learned = support_learned_any(stream);
    made->knowledge = (cg_knowledge){
        .graph = made->graph,
        .features = made->features,
        .indexes = {made->indexes[0], made->indexes[1]},
        .index_first_row = {0, shape->split < made->count ? shape->split : 0},
        .index_count = 2,
        .lexicon = made->lexicon,
        .recent = &made->recent,
        .learned = &made->learned,
    };
}

static inline void random_destroy(random_world *made) {
    cg_cascade_scratch_free(made->scratch);
    cg_lexicon_free(made->lexicon);
    cg_index_free(made->indexes[0]);
    cg_index_free(made->indexes[1]);
    if (made->features != made->base) {
        cg_features_free(made->features);
    }
    cg_features_free(made->base);
    cg_graph_free(made->graph);
}

/* The i-th question to a world: with text, without words, or the very text of a concept. */
static inline cg_fact_view random_fact(cg_stream *stream, const random_world *made, uint32_t i,
                                       random_text *fact) {
    random_draw(stream, fact);
    if (i % 5 == 4) {
        *fact = made->texts[random_below(stream, made->count)];
    }
    return (cg_fact_view){
        .dense = fact->dense,
        .sparse = {fact->words, fact->weights, i % 7 == 6 ? 0 : fact->count},
        .text = i % 4 == 3 ? NULL : fact->text,
        .text_bytes = fact->text_bytes,
        .type = i % 3 == 0 ? i % 4 : CG_TYPE_UNKNOWN,
        .now_ns = 500000000 + UINT64_C(100000000) * i,
    };
}

#endif
