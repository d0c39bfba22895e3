/* Segments to test: made-up clustered rows, an index over them, frozen and opened. */
#ifndef CG_TESTS_SUPPORT_SEGMENTS_H
#define CG_TESTS_SUPPORT_SEGMENTS_H

#include <stdlib.h>

#include "engine/index/index_internal.h"
#include "engine/index/segment_internal.h"
#include "tests/support/support.h"

enum { K = 10 };
static uint64_t seed; /* of the test program */

static inline float *draw_rows(uint32_t count, uint32_t dims, cg_metric metric,
                               uint64_t entity) {
    float *rows = malloc(((size_t)count + 1) * dims * sizeof *rows);
    assert_non_null(rows);
    cg_stream stream = cg_stream_init(seed, "support.segments", entity);
    cg_stream centres = cg_stream_init(seed, "support.segments.centres", 0);
    for (uint32_t i = 0; i < count; i++) {
        float *row = rows + (size_t)i * dims;
        uint64_t cluster = cg_stream_next_below(&stream, 20);
        for (uint32_t d = 0; d < dims; d++) {
            cg_stream centre = centres;
            centre.counter = cluster * dims + d;
            row[d] = (float)cg_stream_next_normal(&centre) +
                     0.4f * (float)cg_stream_next_normal(&stream);
        }
        if (metric == CG_METRIC_COSINE) {
            assert_true(cg_vector_normalise(row, dims));
        }
    }
    return rows;
}

typedef struct shape {
    cg_metric metric;
    cg_precision codes;
    cg_precision fuller;
    uint32_t count;
    uint32_t dims;
    uint32_t m;
    bool has_ids;
} shape;

static inline uint64_t id_for(const shape *like, uint32_t row) {
    return like->has_ids ? UINT64_MAX - 3 * (uint64_t)row * row : 1000 + (uint64_t)row;
}

static inline cg_index *build(const shape *like, const float *rows) {
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, like->dims);
    options.metric = like->metric;
    options.codes = like->codes;
    options.fuller = like->fuller;
    options.m = like->m;
    options.ef_construction = like->m > 60 ? like->m : 60;
    options.has_ids = like->has_ids;
    options.first_id = like->has_ids ? 0 : 1000;
    cg_index *index = NULL;
    cg_error error;
    assert_ok(cg_index_alloc(&options, cg_allocator_heap(), &index, &error), error);
    uint64_t *ids = calloc((size_t)like->count + 1, sizeof *ids);
    assert_non_null(ids);
    for (uint32_t i = 0; i < like->count; i++) {
        ids[i] = id_for(like, i);
    }
    cg_index_rows given = {
        .vectors = rows, .ids = like->has_ids ? ids : NULL, .count = like->count};
    cg_runner serial = cg_runner_serial();
    assert_ok(cg_index_add(index, &given, &serial, NULL, &error), error);
    free(ids);
    return index;
}

typedef struct frozen {
    uint8_t *bytes;
    size_t size;
    cg_segment *segment;
} frozen;

static inline frozen freeze(const cg_index *index, const cg_freeze_options *options) {
    frozen made = {0};
    cg_error error;
    assert_ok(
        cg_segment_encode(index, options, cg_allocator_heap(), &made.bytes, &made.size, &error),
        error);
    assert_ok(cg_segment_open(made.bytes, made.size, CG_SEGMENT_CHECK_ALL, cg_allocator_heap(),
                              &made.segment, &error),
              error);
    return made;
}

static inline void melt(frozen *made) {
    cg_allocator heap = cg_allocator_heap();
    cg_segment_close(made->segment);
    cg_deallocate_aligned(&heap, made->bytes, made->size);
}

static inline uint32_t search_frozen(const cg_segment *segment, const cg_index_query *query,
                                     cg_segment_scratch *scratch, cg_index_hit *hits) {
    cg_segment_query asked = {.index = *query};
    uint32_t found = 0;
    cg_error error;
    assert_ok(cg_segment_search(segment, &asked, scratch, hits, &found, NULL, &error), error);
    return found;
}

static inline cg_segment_scratch *new_scratch(void) {
    cg_segment_scratch *scratch = NULL;
    cg_error error;
    assert_ok(cg_segment_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    return scratch;
}

#endif
