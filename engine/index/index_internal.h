/* What the files of engine/index share (and tests that look inside): the index, its keys, its
 * candidates, its distances.
 *
 * A key is (distance, row) in one word, so that the order of results, ties included, is one
 * comparison: the float's bits, made monotonic as an unsigned number, or the integer distance of
 * codes likewise, above the row. The lowest bit is free for a mark of the search ("expanded"),
 * since it cannot change the order of two different rows.
 *
 * Integer distance of two 8-bit codes, exact:
 *
 *   cosine, L2      b_i + b_j - 2 X_i X_j, b = |X|^2: the squared distance in steps
 *   inner product   -X_i X_j; the centre is 0
 */
#ifndef CG_ENGINE_INDEX_INDEX_INTERNAL_H
#define CG_ENGINE_INDEX_INDEX_INTERNAL_H

#include <string.h>

#include "engine/base/map.h"
#include "engine/index/hnsw.h"
#include "engine/index/index.h"
#include "engine/vector/kernel.h"
#include "engine/vector/vector.h"

enum {
    CG_INDEX_DIMS_MAX = 4096,
    CG_INDEX_M_MIN = 4,
    CG_INDEX_M_MAX = 64,
    CG_INDEX_EF_CONSTRUCTION_MAX = 1000,
    CG_INDEX_LINKS_MAX = 2 * CG_INDEX_M_MAX, /* of a row at one level */
    CG_INDEX_BLOCK_ROWS = 128                /* rows compared in one go */
};
#define CG_INDEX_ROWS_MAX UINT32_C(0x7fffffff) /* a key has 31 bits for the row */
#define CG_NO_ROW         UINT32_MAX

/* Rows below row_limit are in use or free. A removed row is out of sight; one that is also in
 * free_rows is out of the graph. */
struct cg_index {
    cg_index_options options;
    cg_allocator allocator;
    const cg_kernels *kernels;
    cg_codec codec;            /* 8-bit codes only */
    size_t code_bytes;         /* of a row */
    size_t fuller_bytes;       /* 0: no fuller form */
    uint8_t *codes;            /* [capacity * code_bytes], 64-byte aligned */
    int32_t *biases;           /* [capacity] 8-bit codes only */
    uint8_t *fuller;           /* [capacity * fuller_bytes] */
    uint64_t *ids;             /* [capacity] stored ids only */
    _Atomic uint64_t *removed; /* [capacity / 64] bits; stored ids only */
    cg_table *row_of;          /* by id; stored ids only */
    uint32_t *free_rows;       /* [free_capacity] the next to be used last: descending */
    size_t free_capacity;
    _Atomic uint32_t free_count;
    _Atomic uint32_t removed_count; /* and not yet free */
    uint32_t capacity;
    _Atomic uint32_t row_limit;
    _Atomic uint32_t reuses;  /* additions that took free rows */
    cg_index_scratch *writer; /* kept for small additions */
    cg_hnsw hnsw;             /* all zero for a flat index */
};

struct cg_index_scratch {
    cg_allocator allocator;
    uint64_t *keys; /* [key_capacity] of the candidates */
    size_t key_capacity;
    uint16_t *marks; /* [mark_capacity] a row is visited when its mark is the epoch */
    size_t mark_capacity;
    float *vector; /* [code dims] 64-byte aligned: the query, flipped and padded; then codes */
    size_t vector_bytes;
    uint16_t epoch;
};

struct cg_row_set {
    const cg_index *index;
    cg_allocator allocator;
    uint64_t *bits;
    uint32_t row_limit;
    uint32_t count;
    uint32_t reuses; /* of the index then */
};

/* What a walk sees of an index that a writer may be adding to: it starts at the entry and passes
 * over rows from the limit on. The entry is read first, so it lies below the limit. */
typedef struct cg_index_view {
    uint64_t entry;
    uint32_t row_limit;
} cg_index_view;

/* What rows are compared with: a query, or a row. */
struct cg_probe {
    const float *vector; /* padded with zeros; f32 and f16 codes */
    const int8_t *code;  /* 8-bit codes */
    int32_t bias;
    float unit; /* of an integer distance */
    cg_index_view view;
};

/* The best `limit` keys so far, ascending. limit >= 1. */
typedef struct cg_candidates {
    uint64_t *keys;
    uint32_t count;
    uint32_t limit;
} cg_candidates;

static inline uint64_t cg_key_of(uint32_t ordered, uint32_t row) {
    return (uint64_t)ordered << 32 | (uint64_t)row << 1;
}

static inline uint64_t cg_key(float distance, uint32_t row) {
    float positive_zero = distance + 0.0f; /* -0.0 and 0.0 are one distance */
    uint32_t bits;
    memcpy(&bits, &positive_zero, sizeof bits);
    bits ^= (bits & UINT32_C(0x80000000)) ? UINT32_MAX : UINT32_C(0x80000000);
    return cg_key_of(bits, row);
}

static inline uint64_t cg_key_from_score(int32_t score, uint32_t row) {
    return cg_key_of((uint32_t)score ^ UINT32_C(0x80000000), row);
}

static inline int32_t cg_key_score(uint64_t key) {
    return (int32_t)((uint32_t)(key >> 32) ^ UINT32_C(0x80000000));
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
        /* A product, not a choice: this branch would be mispredicted every other time. */
        first += half * (candidates->keys[first + half - 1] < key);
        left -= half;
    }
    memmove(candidates->keys + first + 1, candidates->keys + first,
            (candidates->count - first) * sizeof *candidates->keys);
    candidates->keys[first] = key;
    candidates->count++;
    return first;
}

/* Inserts `count` ascending keys in one pass from the back. Returns the place of the first one
 * taken, or the limit when none is. */
static inline uint32_t cg_candidates_merge(cg_candidates *candidates, const uint64_t *added,
                                           uint32_t count) {
    uint64_t *keys = candidates->keys;
    uint32_t old_left = candidates->count;
    uint32_t new_left = count;
    while (old_left + new_left > candidates->limit) { /* the last of all does not fit */
        bool is_new =
            old_left == 0 || (new_left > 0 && added[new_left - 1] > keys[old_left - 1]);
        new_left -= is_new;
        old_left -= !is_new;
    }
    candidates->count = old_left + new_left;
    if (new_left == 0) {
        return candidates->limit;
    }
    uint32_t place = candidates->count;
    while (new_left > 0) {
        uint64_t key = added[--new_left];
        while (old_left > 0 && keys[old_left - 1] > key) {
            keys[--place] = keys[--old_left];
        }
        keys[--place] = key;
    }
    return place;
}

static inline uint32_t cg_index_row_limit(const cg_index *index) {
    return atomic_load_explicit(&index->row_limit, memory_order_acquire);
}

static inline cg_index_view cg_index_view_of(const cg_index *index) {
    cg_index_view view = {.entry =
                              atomic_load_explicit(&index->hnsw.entry, memory_order_acquire)};
    view.row_limit = cg_index_row_limit(index);
    return view;
}

static inline bool cg_index_is_removed(const cg_index *index, uint32_t row) {
    return index->removed &&
           (atomic_load_explicit(&index->removed[row / 64], memory_order_relaxed) >>
                (row % 64) &
            1u);
}

static inline void cg_index_set_removed(cg_index *index, uint32_t row, bool is_removed) {
    uint64_t word = atomic_load_explicit(&index->removed[row / 64], memory_order_relaxed);
    uint64_t bit = UINT64_C(1) << (row % 64);
    atomic_store_explicit(&index->removed[row / 64], is_removed ? word | bit : word & ~bit,
                          memory_order_relaxed);
}

static inline uint64_t cg_index_id(const cg_index *index, uint32_t row) {
    return index->ids ? index->ids[row] : index->options.first_id + row;
}

/* bits is not 0. */
static inline uint32_t cg_lowest_bit(uint64_t bits) {
    return (uint32_t)__builtin_ctzll(bits);
}

static inline bool cg_row_set_has(const cg_row_set *set, uint32_t row) {
    return row < set->row_limit && (set->bits[row / 64] >> (row % 64) & 1u);
}

/* Ascending, in place, without further memory. */
void cg_keys_sort(uint64_t *keys, size_t count);
/* Offers a key to the k smallest so far, a heap with the largest on top. Returns how many are
 * held. */
uint32_t cg_keys_keep_nearest(uint64_t *heap, uint32_t held, uint32_t k, uint64_t key);

/* index_options.c */
cg_status cg_index_check_options(const cg_index_options *options, cg_error *error);

/* space.c: distances. */
bool cg_index_has_integers(const cg_index *index);
/* Both see what the index holds now. buffer: float[padded dims], used for f16 codes only; the
 * probe borrows it. */
cg_probe cg_probe_of_row(const cg_index *index, uint32_t row, float *buffer);
/* The scratch holds what the probe borrows; it has room (cg_index_scratch_reserve). */
cg_probe cg_probe_of_query(const cg_index *index, const cg_index_query *query,
                           cg_index_scratch *scratch);
/* keys[i]: of rows[i]; count <= CG_INDEX_BLOCK_ROWS. */
void cg_index_keys(const cg_index *index, const cg_probe *probe, const uint32_t *rows,
                   uint32_t count, uint64_t *keys, cg_work *work);
/* Asks for the codes of rows that are about to be compared. */
void cg_index_prefetch(const cg_index *index, const uint32_t *rows, uint32_t count);
/* The distance that a key on codes stands for. */
float cg_index_key_distance(const cg_index *index, const cg_probe *probe, uint64_t key);
/* Orders keys on codes by the fuller form, in place. */
void cg_index_rerank(const cg_index *index, const float *vector, uint64_t *keys, uint32_t count,
                     cg_work *work);
/* Entries of a float row, padding and all. */
size_t cg_index_padded_dims(const cg_index *index);

/* rows.c: storage. */
/* Room for `rows` rows and `blocks` upper link blocks in all. All or nothing. */
cg_status cg_index_reserve(cg_index *index, uint32_t rows, uint32_t blocks, cg_error *error);
void cg_index_release(cg_index *index);
uint64_t cg_index_rows_bytes(const cg_index *index);
void cg_index_store(cg_index *index, uint32_t row, const float *vector);

/* search.c */
/* Errors as cg_index_add has them for vectors. */
cg_status cg_index_check_vector(const cg_index *index, const float *vector, cg_error *error);
/* Room for marks of `rows` rows (unless 0), for `keys` candidates, and for a query. */
cg_status cg_index_scratch_reserve(cg_index_scratch *scratch, const cg_index *index,
                                   size_t rows, size_t keys, cg_error *error);

void cg_index_scratch_new_epoch(cg_index_scratch *scratch);

/* flat.c: the k nearest of all rows that may be found, into the scratch's keys, ascending;
 * returns how many. Keys are reserved. rows may be NULL. */
uint32_t cg_flat_search(const cg_index *index, const cg_probe *probe, uint32_t k,
                        const cg_row_set *rows, cg_index_scratch *scratch, cg_work *work);

#endif
