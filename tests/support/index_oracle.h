/* What an index should hold and answer: an array of ids and vectors, searched row by row with
 * the scalar kernels.
 *
 * Distances are those of the index's last form: its fuller form, or its codes where it has
 * none. 8-bit codes are compared as integers, one dimension at a time. From the index itself
 * come the options, the trained codec, and the row of an id, which breaks ties.
 */
#ifndef CG_TESTS_SUPPORT_INDEX_ORACLE_H
#define CG_TESTS_SUPPORT_INDEX_ORACLE_H

#include <stdlib.h>
#include <string.h>

#include "engine/index/index_internal.h"
#include "tests/support/support.h"

typedef struct oracle {
    const cg_index *index;
    uint32_t dims;
    uint32_t padded; /* dims as the kernels want them */
    uint32_t count;
    uint32_t capacity;
    uint64_t *ids;
    float *vectors; /* [count * padded] as given */
} oracle;

typedef struct oracle_hit {
    double order; /* exact for floats and for integer distances */
    cg_index_hit hit;
} oracle_hit;

static inline oracle oracle_of(const cg_index *index) {
    uint32_t dims = cg_index_options_of(index)->dims;
    return (oracle){.index = index, .dims = dims, .padded = (dims + 63) / 64 * 64};
}

static inline void oracle_deinit(oracle *self) {
    free(self->ids);
    free(self->vectors);
}

/* The place of the id, or the count. */
static inline uint32_t oracle_find(const oracle *self, uint64_t id) {
    uint32_t place = 0;
    while (place < self->count && self->ids[place] != id) {
        place++;
    }
    return place;
}

static inline void oracle_set(oracle *self, uint32_t place, const float *vector) {
    memcpy(self->vectors + (size_t)place * self->padded, vector, self->dims * sizeof *vector);
}

/* The id is new. */
static inline void oracle_add(oracle *self, uint64_t id, const float *vector) {
    if (self->count == self->capacity) {
        self->capacity = 2 * self->capacity + 64;
        size_t bytes = (size_t)self->capacity * self->padded * sizeof *self->vectors;
        self->ids = realloc(self->ids, self->capacity * sizeof *self->ids);
        self->vectors = realloc(self->vectors, bytes);
        assert_non_null(self->ids);
        assert_non_null(self->vectors);
    }
    memset(self->vectors + (size_t)self->count * self->padded, 0,
           self->padded * sizeof *self->vectors);
    self->ids[self->count] = id;
    oracle_set(self, self->count++, vector);
}

static inline void oracle_remove(oracle *self, uint32_t place) {
    uint32_t last = --self->count;
    self->ids[place] = self->ids[last];
    memmove(self->vectors + (size_t)place * self->padded,
            self->vectors + (size_t)last * self->padded, self->padded * sizeof *self->vectors);
}

static inline uint32_t oracle_row(const oracle *self, uint64_t id) {
    uint64_t row = id - self->index->options.first_id;
    if (self->index->row_of) {
        assert_true(cg_table_get(self->index->row_of, id, &row));
    }
    return (uint32_t)row;
}

static inline double oracle_integer_distance(const oracle *self, const float *query,
                                             const float *vector, float *distance) {
    const cg_metric metric = self->index->options.metric;
    cg_codec codec = self->index->codec;
    int8_t *left = malloc(codec.code_dims);
    int8_t *right = malloc(codec.code_dims);
    assert_non_null(left);
    assert_non_null(right);
    cg_codec_encode_i8(&codec, vector, right);
    float unit = codec.step * codec.step * (metric == CG_METRIC_COSINE ? 0.5f : 1.0f);
    if (metric == CG_METRIC_INNER_PRODUCT) {
        float largest = 0.0f;
        for (uint32_t d = 0; d < self->dims; d++) {
            float size = query[d] < 0.0f ? -query[d] : query[d];
            largest = size > largest ? size : largest;
        }
        float step = largest > 1e-30f ? largest / CG_CODE_MAX : 1.0f;
        unit = step * codec.step;
        codec.step = step;
    }
    cg_codec_encode_i8(&codec, query, left);
    int64_t score = 0;
    for (uint32_t d = 0; d < self->dims; d++) {
        int32_t gap = left[d] - right[d];
        score += metric == CG_METRIC_INNER_PRODUCT ? -left[d] * right[d] : gap * gap;
    }
    *distance = (float)score * unit;
    *distance = metric == CG_METRIC_INNER_PRODUCT ? 1.0f + *distance : *distance;
    free(right);
    free(left);
    return (double)score;
}

/* query: float[padded]. Returns what to sort by. */
static inline double oracle_distance(const oracle *self, const float *query, uint32_t place,
                                     float *distance) {
    const cg_index_options *options = &self->index->options;
    const cg_kernels *kernels = cg_kernels_of(CG_ISA_SCALAR);
    const float *vector = self->vectors + (size_t)place * self->padded;
    if (options->codes == CG_PRECISION_I8 && options->fuller == CG_PRECISION_I8) {
        return oracle_integer_distance(self, query, vector, distance);
    }
    float *rounded = malloc(self->padded * sizeof *rounded);
    assert_non_null(rounded);
    for (uint32_t d = 0; d < self->padded; d++) {
        rounded[d] = options->fuller == CG_PRECISION_F16
                         ? cg_f16_to_f32(cg_f16_from_f32(vector[d]))
                         : vector[d];
    }
    *distance = options->metric == CG_METRIC_L2
                    ? kernels->square_distance_f32(query, rounded, self->padded)
                    : 1.0f - kernels->dot_f32(query, rounded, self->padded);
    free(rounded);
    return (double)*distance;
}

static inline int oracle_compare(const void *left, const void *right) {
    const oracle_hit *a = left;
    const oracle_hit *b = right;
    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    return (a->hit.row > b->hit.row) - (a->hit.row < b->hit.row);
}

/* Everything that may be found, in order; free() it. passes may be NULL. */
static inline oracle_hit *oracle_search(const oracle *self, const cg_index_query *query,
                                        cg_id_predicate passes, void *context,
                                        uint32_t *found) {
    oracle_hit *all = malloc((self->count + 1u) * sizeof *all);
    float *vector = calloc(self->padded, sizeof *vector);
    assert_non_null(all);
    assert_non_null(vector);
    memcpy(vector, query->vector, self->dims * sizeof *vector);
    for (uint32_t d = 0; query->flip_bits && d < self->dims; d++) {
        vector[d] = query->flip_bits[d / 64] >> (d % 64) & 1u ? -vector[d] : vector[d];
    }
    *found = 0;
    for (uint32_t i = 0; i < self->count; i++) {
        if (!passes || passes(context, self->ids[i])) {
            oracle_hit *next = &all[(*found)++];
            next->hit.id = self->ids[i];
            next->hit.row = oracle_row(self, self->ids[i]);
            next->order = oracle_distance(self, vector, i, &next->hit.distance);
        }
    }
    qsort(all, *found, sizeof *all, oracle_compare);
    free(vector);
    return all;
}

static inline void oracle_assert_hit(const cg_index_hit *hit, const oracle_hit *expected) {
    assert_int_equal(hit->id, expected->hit.id);
    assert_int_equal(hit->row, expected->hit.row);
    assert_true(hit->distance == expected->hit.distance);
}

/* A search wide enough to be exact: what the oracle says, to the bit. */
static inline void oracle_check_exact(const oracle *self, const cg_index_query *query,
                                      cg_id_predicate passes, void *context,
                                      cg_index_scratch *scratch) {
    uint32_t passing = 0;
    uint32_t found = 0;
    oracle_hit *expected = oracle_search(self, query, passes, context, &passing);
    cg_index_hit *hits = malloc(query->k * sizeof *hits);
    cg_error error;
    assert_non_null(hits);
    assert_ok(cg_index_search(self->index, query, scratch, hits, &found, NULL, &error), error);
    assert_int_equal(found, query->k < passing ? query->k : passing);
    for (uint32_t i = 0; i < found; i++) {
        oracle_assert_hit(&hits[i], &expected[i]);
    }
    free(hits);
    free(expected);
}

/* Any search: as many as there are, each one there, at its true distance, in order. */
static inline void oracle_check_sound(const oracle *self, const cg_index_query *query,
                                      cg_id_predicate passes, void *context,
                                      cg_index_scratch *scratch) {
    uint32_t passing = 0;
    uint32_t found = 0;
    uint32_t at = 0;
    oracle_hit *expected = oracle_search(self, query, passes, context, &passing);
    cg_index_hit *hits = malloc(query->k * sizeof *hits);
    cg_error error;
    assert_non_null(hits);
    assert_ok(cg_index_search(self->index, query, scratch, hits, &found, NULL, &error), error);
    assert_int_equal(found, query->k < passing ? query->k : passing);
    for (uint32_t i = 0; i < found; i++, at++) { /* in order, so a subsequence */
        while (at < passing && expected[at].hit.row != hits[i].row) {
            at++;
        }
        assert_true(at < passing);
        oracle_assert_hit(&hits[i], &expected[at]);
    }
    free(hits);
    free(expected);
}

#endif
