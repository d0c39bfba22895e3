/* What the files of engine/index share (and tests that look inside): the index, its keys, its
 * candidates.
 *
 * A key is (distance, row) in one word, so that the order of results, ties included, is one
 * comparison: the float's bits, made monotonic as an unsigned number, above the row. The lowest
 * bit is free for a mark of the search ("expanded"), since it cannot change the order of two
 * different rows.
 */
#ifndef CG_ENGINE_INDEX_INDEX_INTERNAL_H
#define CG_ENGINE_INDEX_INDEX_INTERNAL_H

#include <string.h>

#include "engine/index/hnsw.h"
#include "engine/index/index.h"
#include "engine/vector/kernel.h"

enum {
    CG_INDEX_DIMS_MIN = 16,
    CG_INDEX_DIMS_MAX = 1024,
    CG_INDEX_M_MIN = 4,
    CG_INDEX_M_MAX = 64,
    CG_INDEX_EF_CONSTRUCTION_MAX = 1000,
    CG_INDEX_LINKS_MAX = 2 * CG_INDEX_M_MAX /* of a row at one level */
};
#define CG_INDEX_ROWS_MAX UINT32_C(0x7fffffff) /* a key has 31 bits for the row */
#define CG_NO_ROW         UINT32_MAX

struct cg_index {
    cg_index_options options;
    cg_allocator allocator;
    const cg_kernels *kernels;
    float *vectors; /* [capacity * dims], 64-byte aligned */
    uint32_t count;
    uint32_t capacity;
    cg_hnsw hnsw; /* all zero for a flat index */
};

struct cg_index_scratch {
    float flipped[CG_INDEX_DIMS_MAX]; /* first, since the block is 64-byte aligned */
    uint32_t gathered[CG_INDEX_LINKS_MAX];
    cg_allocator allocator;
    uint64_t *keys; /* [key_capacity] of the candidates */
    size_t key_capacity;
    uint16_t *marks; /* [mark_capacity] a row is visited when its mark is the epoch */
    size_t mark_capacity;
    uint16_t epoch;
};

/* The best `limit` keys so far, ascending. limit >= 1. */
typedef struct cg_candidates {
    uint64_t *keys;
    uint32_t count;
    uint32_t limit;
} cg_candidates;

static inline uint64_t cg_key(float distance, uint32_t row) {
    float positive_zero = distance + 0.0f; /* -0.0 and 0.0 are one distance */
    uint32_t bits;
    memcpy(&bits, &positive_zero, sizeof bits);
    bits ^= (bits & UINT32_C(0x80000000)) ? UINT32_MAX : UINT32_C(0x80000000);
    return (uint64_t)bits << 32 | (uint64_t)row << 1;
}

static inline uint32_t cg_key_row(uint64_t key) {
    return (uint32_t)key >> 1;
}

static inline float cg_key_distance(uint64_t key) {
    uint32_t bits = (uint32_t)(key >> 32);
    bits ^= (bits & UINT32_C(0x80000000)) ? UINT32_C(0x80000000) : UINT32_MAX;
    float distance;
    memcpy(&distance, &bits, sizeof distance);
    return distance;
}

/* Inserts in order, dropping the last when full. Returns the position, or the limit when not
 * taken. */
static inline uint32_t cg_candidates_insert(cg_candidates *candidates, uint64_t key) {
    if (candidates->count == candidates->limit) {
        if (key >= candidates->keys[candidates->count - 1]) {
            return candidates->limit;
        }
        candidates->count--;
    }
    uint32_t first = 0;
    uint32_t left = candidates->count;
    while (left > 0) {
        uint32_t half = (left + 1) / 2;
        first += candidates->keys[first + half - 1] < key ? half : 0;
        left -= half;
    }
    memmove(candidates->keys + first + 1, candidates->keys + first,
            (candidates->count - first) * sizeof *candidates->keys);
    candidates->keys[first] = key;
    candidates->count++;
    return first;
}

static inline const float *cg_index_row(const cg_index *index, uint32_t row) {
    return index->vectors + (size_t)row * index->options.dims;
}

static inline float cg_index_distance(const cg_index *index, const float *left,
                                      const float *right) {
    if (index->options.metric == CG_METRIC_COSINE) {
        return 1.0f - index->kernels->dot_f32(left, right, index->options.dims);
    }
    return index->kernels->square_distance_f32(left, right, index->options.dims);
}

/* Ascending, in place, without further memory. */
void cg_keys_sort(uint64_t *keys, size_t count);

/* Room for marks of `rows` rows (unless 0) and for `keys` candidates. */
cg_status cg_index_scratch_reserve(cg_index_scratch *scratch, size_t rows, size_t keys,
                                   cg_error *error);

/* Room for vectors of `rows` rows and `blocks` upper link blocks in all. All or nothing. */
cg_status cg_index_reserve(cg_index *index, uint32_t rows, uint32_t blocks, cg_error *error);

/* flat.c: the k nearest into the scratch's keys, ascending; returns how many. Keys are
 * reserved. */
uint32_t cg_flat_search(const cg_index *index, const float *query, uint32_t k,
                        cg_index_scratch *scratch, cg_work *work);

#endif
