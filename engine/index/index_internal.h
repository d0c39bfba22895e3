/* What the files of engine/index share (and tests that look inside): the index, its keys, its
 * distances.
 *
 * A key (candidates.h) is (distance, row) in one word: the float's bits, made monotonic as an
 * unsigned number, or the integer distance of codes likewise, above the row.
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
#include "engine/index/candidates.h"
#include "engine/index/hnsw.h"
#include "engine/index/index.h"
#include "engine/index/visited.h"
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
    cg_visited visited;
    float *vector; /* [padded dims] 64-byte aligned: the query, flipped; its code follows */
    size_t vector_bytes;
};

struct cg_row_set {
    const cg_index *index;
    cg_allocator allocator;
    uint64_t *bits;
    uint32_t *rows; /* [count] ascending, where that is shorter than the bits; else NULL */
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

static inline uint64_t cg_key_of(uint32_t ordered, uint32_t row) {
    return (uint64_t)ordered << 32 | (uint64_t)row << 1;
}

static inline uint64_t cg_key(float distance, uint32_t row) {
    float positive_zero = distance + 0.0f; /* -0.0 and 0.0 are one distance */
    uint32_t bits;
    memcpy(&bits, &positive_zero, sizeof bits);
    /* inf - inf, of huge vectors: the processor chooses the NaN's sign, so it counts as last. */
    bits = distance != distance ? UINT32_C(0x7fffffff) : bits;
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
/* Inner products do not care for the query's length, so its code has a step of its own. */
float cg_index_own_step(const float *vector, size_t entries);
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

/* flat.c: the k nearest of all rows that may be found, into the scratch's keys, ascending;
 * returns how many. Keys are reserved. rows may be NULL. */
uint32_t cg_flat_search(const cg_index *index, const cg_probe *probe, uint32_t k,
                        const cg_row_set *rows, cg_index_scratch *scratch, cg_work *work);

#endif
