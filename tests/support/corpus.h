/* A made-up corpus: a tree of concepts, four children each, whose texts share the words of
 * their ancestors; and facts that belong somewhere in it. Everything is a function of the row,
 * or of a stream.
 */
#ifndef CG_TESTS_SUPPORT_CORPUS_H
#define CG_TESTS_SUPPORT_CORPUS_H

#include <stdio.h>
#include <string.h>

#include "engine/node/corpus.h"
#include "engine/node/school.h"
#include "tests/support/support.h"

enum { SUPPORT_CONCEPTS = 200, SUPPORT_TEXT_BYTES = 512, SUPPORT_LESSONS = 400 };

/* "concept 17: w17a w17b w4a w4b w0a w0b": own words first, then the ancestors'. */
static inline uint32_t support_concept_text(uint32_t row, char text[SUPPORT_TEXT_BYTES]) {
    int used = snprintf(text, SUPPORT_TEXT_BYTES, "concept %u:", row);
    for (uint32_t at = row;; at = (at - 1) / 4) {
        used += snprintf(text + used, SUPPORT_TEXT_BYTES - (size_t)used, " w%ua w%ub", at, at);
        if (at == 0) {
            return (uint32_t)used;
        }
    }
}

/* A fact about a concept, with a word of its own that is drawn from the stream. */
static inline uint32_t support_fact_about(cg_stream *stream, uint32_t row,
                                          char text[SUPPORT_TEXT_BYTES]) {
    char about[SUPPORT_TEXT_BYTES];
    support_concept_text(row, about);
    int used = snprintf(text, SUPPORT_TEXT_BYTES, "fact%llu, of %s",
                        (unsigned long long)cg_stream_next_below(stream, 100000),
                        strchr(about, ':') + 2);
    return (uint32_t)used;
}

/* The same about a concept that is drawn too. */
static inline uint32_t support_fact_text(cg_stream *stream, char text[SUPPORT_TEXT_BYTES]) {
    uint32_t row = (uint32_t)cg_stream_next_below(stream, SUPPORT_CONCEPTS);
    return support_fact_about(stream, row, text);
}

typedef struct support_texts {
    char text[SUPPORT_CONCEPTS][SUPPORT_TEXT_BYTES];
    uint32_t bytes[SUPPORT_CONCEPTS];
} support_texts;

static inline void support_text_of(void *context, uint32_t row, const char **text,
                                   uint32_t *text_bytes) {
    const support_texts *texts = context;
    *text = texts->text[row];
    *text_bytes = texts->bytes[row];
}

static inline cg_status support_graph_build(cg_allocator allocator, cg_graph **out,
                                            cg_error *error) {
    cg_graph *graph = NULL;
    cg_status status = cg_graph_alloc(NULL, allocator, &graph, error);
    for (uint32_t i = 0; status == CG_OK && i < SUPPORT_CONCEPTS; i++) {
        char name[32];
        uint32_t row = 0;
        snprintf(name, sizeof name, "concept%u", i);
        status = cg_graph_add_concept(graph, 1000 + i, i % 5, name, &row, error);
        uint32_t parent = (i - 1) / 4;
        if (status == CG_OK && i > 0) {
            status = cg_graph_add_edge(
                graph, row,
                (cg_edge){.target = parent, .type = CG_EDGE_HYPERNYM, .weight = 255}, error);
        }
        if (status == CG_OK && i > 0) {
            status = cg_graph_add_edge(
                graph, parent, (cg_edge){.target = row, .type = CG_EDGE_HYPONYM, .weight = 255},
                error);
        }
    }
    if (status == CG_OK) {
        status = cg_graph_freeze(graph, error);
    }
    if (status != CG_OK) {
        cg_graph_free(graph);
        return status;
    }
    *out = graph;
    return CG_OK;
}

static inline cg_status support_corpus_build(cg_index_kind kind, const cg_runner *runner,
                                             cg_allocator allocator, cg_corpus *out,
                                             cg_error *error) {
    static support_texts texts;
    for (uint32_t row = 0; row < SUPPORT_CONCEPTS; row++) {
        texts.bytes[row] = support_concept_text(row, texts.text[row]);
    }
    cg_corpus_options options = {.embed = {.dims = 32, .feature_bits = 12, .seed = 1},
                                 .encoding = cg_ttfs_options_default(),
                                 .index = cg_index_options_default(kind, 32)};
    cg_corpus_source source = {.text = support_text_of, .context = &texts};
    cg_graph *graph = NULL;
    cg_status status = support_graph_build(allocator, &graph, error);
    if (status != CG_OK) {
        return status;
    }
    status = cg_corpus_build(&options, graph, &source, runner, &allocator, out, error);
    if (status != CG_OK) {
        cg_graph_free(graph); /* the corpus takes it on success only */
    }
    return status;
}

/* Facts about concepts, labelled with them: an engine without lessons takes all candidates for
 * alike, and tests of decisions need one that tells them apart. */
typedef struct support_lessons {
    uint64_t seed;
    char text[SUPPORT_TEXT_BYTES];
} support_lessons;

static inline void support_lesson_of(void *context, uint32_t number, cg_school_lesson *out) {
    support_lessons *lessons = context;
    cg_stream stream = cg_stream_init(lessons->seed, "support.lesson", number);
    uint32_t row = (uint32_t)cg_stream_next_below(&stream, SUPPORT_CONCEPTS);
    uint32_t bytes = support_fact_about(&stream, row, lessons->text);
    *out = (cg_school_lesson){.text = lessons->text, .text_bytes = bytes, .truth = row};
}

static inline cg_status support_corpus_school(cg_corpus *corpus, uint32_t count,
                                              cg_allocator allocator, cg_error *error) {
    support_lessons lessons = {.seed = 1};
    cg_school school = {.lessons = count, .lesson = support_lesson_of, .context = &lessons};
    cg_cascade_options options = cg_cascade_options_default();
    return cg_school_attend(&school, &options, corpus, &allocator, error);
}

#endif
