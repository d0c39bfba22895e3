/* Indexes under test: rows to put into them, and calls that must succeed.
 *
 * A drawing says which rows: they follow from its fields alone, so the same drawing gives the
 * same rows in any test and order.
 */
#ifndef CG_TESTS_SUPPORT_INDEX_RIG_H
#define CG_TESTS_SUPPORT_INDEX_RIG_H

#include <stdlib.h>
#include <string.h>

#include "engine/index/index_internal.h"
#include "tests/support/support.h"

typedef enum data_shape {
    SPREAD,
    CLUSTERED,          /* around one centre in 30 */
    CLUSTER_BY_CLUSTER, /* likewise, in order */
    HALF_EQUAL,
    ALL_EQUAL,
    FEW_POINTS,
    SHAPES
} data_shape;
static const char *const shape_names[SHAPES] = {"spread",     "clustered", "cluster by cluster",
                                                "half equal", "all equal", "few points"};

typedef struct drawing {
    uint64_t seed;
    data_shape shape;
    uint32_t count;
    uint32_t dims;
    uint32_t nth;    /* another of the same kind */
    bool has_length; /* lengths of 0.5 to 2 instead of 1 */
} drawing;

static inline uint64_t point_of(const drawing *what, cg_stream *stream, uint32_t row) {
    switch (what->shape) {
    case CLUSTERED:
        return cg_stream_next_below(stream, what->count / 30 + 1);
    case CLUSTER_BY_CLUSTER:
        return row / 30;
    case HALF_EQUAL:
        return row % 2 ? row : 0;
    case ALL_EQUAL:
        return 0;
    case FEW_POINTS:
        return cg_stream_next_below(stream, 5);
    case SPREAD:
    case SHAPES:
        break;
    }
    return row;
}

/* float[count * dims]; free() them. */
static inline float *draw_rows(const drawing *what) {
    const uint32_t dims = what->dims;
    float *rows = malloc(((size_t)what->count + 1) * dims * sizeof *rows);
    assert_non_null(rows);
    cg_stream stream = cg_stream_init(what->seed, "index_rig", what->nth);
    const bool is_noisy = what->shape == CLUSTERED || what->shape == CLUSTER_BY_CLUSTER;
    for (uint32_t i = 0; i < what->count; i++) {
        uint64_t point = point_of(what, &stream, i);
        cg_stream centre = cg_stream_init(what->seed, "index_rig.centre", point);
        float length = what->has_length ? (float)(0.5 + 1.5 * cg_stream_next_unit(&centre)) : 1;
        float *row = rows + (size_t)i * dims;
        for (uint32_t d = 0; d < dims; d++) {
            row[d] = (float)cg_stream_next_normal(&centre);
            if (is_noisy) {
                row[d] += 0.6f * (float)cg_stream_next_normal(&stream);
            }
        }
        assert_true(cg_vector_normalise(row, dims));
        for (uint32_t d = 0; d < dims; d++) {
            row[d] *= length;
        }
    }
    return rows;
}

static inline cg_index *rig_index_in(const cg_index_options *options, cg_allocator allocator) {
    cg_index *index = NULL;
    cg_error error;
    assert_ok(cg_index_alloc(options, allocator, &index, &error), error);
    return index;
}

static inline cg_index *rig_index(const cg_index_options *options) {
    return rig_index_in(options, cg_allocator_heap());
}

/* HNSW with few links and a narrow search, so that much goes through few rows. */
static inline cg_index_options rig_options(cg_index_kind kind, uint32_t dims, uint32_t m) {
    cg_index_options options = cg_index_options_default(kind, dims);
    options.m = m;
    options.ef_construction = m > 40 ? 100 : 40;
    return options;
}

/* The next `count` rows, and their ids unless NULL. */
static inline void rig_add(cg_index *index, const float *vectors, const uint64_t *ids,
                           uint32_t count) {
    cg_runner serial = cg_runner_serial();
    cg_index_rows rows = {.vectors = vectors, .ids = ids, .count = count};
    cg_error error;
    assert_ok(cg_index_add(index, &rows, &serial, NULL, &error), error);
}

static inline void rig_remove(cg_index *index, const uint64_t *ids, uint32_t count) {
    cg_runner serial = cg_runner_serial();
    cg_error error;
    assert_ok(cg_index_remove(index, ids, count, &serial, NULL, &error), error);
}

static inline void rig_update(cg_index *index, const float *vectors, const uint64_t *ids,
                              uint32_t count) {
    cg_runner serial = cg_runner_serial();
    cg_index_rows rows = {.vectors = vectors, .ids = ids, .count = count};
    cg_error error;
    assert_ok(cg_index_update(index, &rows, &serial, NULL, &error), error);
}

static inline void rig_repair(cg_index *index) {
    cg_runner serial = cg_runner_serial();
    cg_error error;
    assert_ok(cg_index_repair(index, &serial, NULL, &error), error);
}

static inline cg_index_scratch *rig_scratch(void) {
    cg_index_scratch *scratch = NULL;
    cg_error error;
    assert_ok(cg_index_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    return scratch;
}

/* Returns how many were found. */
static inline uint32_t rig_search(const cg_index *index, const cg_index_query *query,
                                  cg_index_scratch *scratch, cg_index_hit *hits) {
    uint32_t found = 0;
    cg_error error;
    assert_ok(cg_index_search(index, query, scratch, hits, &found, NULL, &error), error);
    return found;
}

/* Share of the ten results that are no farther than the true tenth, over `count` queries like
 * this one but for the vector. */
static inline double rig_recall_at_10(const cg_index *flat, const cg_index *index,
                                      const float *vectors, uint32_t count,
                                      cg_index_query query) {
    cg_index_scratch *scratch = rig_scratch();
    uint32_t good = 0;
    query.k = 10;
    for (uint32_t i = 0; i < count; i++) {
        cg_index_hit expected[10];
        cg_index_hit hits[10];
        query.vector = vectors + (size_t)i * flat->options.dims;
        cg_index_query exact = {.vector = query.vector, .k = 10};
        assert_int_equal(rig_search(flat, &exact, scratch, expected), 10);
        assert_int_equal(rig_search(index, &query, scratch, hits), 10);
        for (uint32_t j = 0; j < 10; j++) {
            good += hits[j].distance <= expected[9].distance;
        }
    }
    cg_index_scratch_free(scratch);
    return good / (10.0 * count);
}

#endif
