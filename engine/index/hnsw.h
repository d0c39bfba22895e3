/* The graph of an HNSW index: storage, search, selection and build (private to engine/index).
 *
 * Level 0 has 2m links a row at a fixed stride; a row of level L has L blocks of m links above.
 * Unused links are CG_NO_ROW and come last.
 *
 * Invariant: every row but the first has a parent, a row with a lower number; the two rows link
 * to each other at level 0, and pruning never removes these links. So level 0 holds a tree in
 * both directions, and every row can be reached from every other, whatever the data:
 * duplicates, all equal, any order.
 */
#ifndef CG_ENGINE_INDEX_HNSW_H
#define CG_ENGINE_INDEX_HNSW_H

#include "engine/index/index.h"

enum { CG_HNSW_LEVEL_MAX = 15 };

typedef struct cg_hnsw {
    uint32_t *links;       /* [capacity * 2m] level 0 */
    uint32_t *blocks;      /* [block_capacity * m] levels above */
    uint32_t *first_block; /* [capacity] block of the row's level 1; those above follow */
    uint32_t *parents;     /* [capacity] CG_NO_ROW for row 0 */
    uint8_t *children;     /* [capacity] how many rows have this parent */
    uint8_t *levels;       /* [capacity] */
    uint32_t block_count;
    uint32_t block_capacity;
    uint32_t entry_point; /* the first row of the highest level; means nothing without rows */
    uint32_t top_level;
} cg_hnsw;

/* hnsw.c */
uint32_t cg_hnsw_level(const cg_index_options *options, uint32_t row);
/* Links that a row can have: 2m or m. */
uint32_t cg_hnsw_width(const cg_index *index, uint32_t level);
uint32_t *cg_hnsw_links(const cg_index *index, uint32_t row, uint32_t level);
uint32_t cg_hnsw_link_count(const uint32_t *links, uint32_t width);
cg_status cg_hnsw_reserve(cg_index *index, uint32_t rows, uint32_t blocks, cg_error *error);
void cg_hnsw_deinit(cg_index *index);
uint64_t cg_hnsw_bytes(const cg_index *index);
uint64_t cg_hnsw_hash(const cg_index *index, uint64_t seed);
uint32_t cg_hnsw_reachable(const cg_index *index, cg_allocator allocator);

/* hnsw_search.c. `start` and results are keys (index_internal.h). */
uint64_t cg_hnsw_start(const cg_index *index, const float *query, cg_work *work);
uint64_t cg_hnsw_descend(const cg_index *index, const float *query, uint64_t start,
                         uint32_t level, cg_work *work);
/* The nearest of a beam of width ef at one level, into the scratch's keys. Returns how many. */
uint32_t cg_hnsw_beam(const cg_index *index, const float *query, uint64_t start, uint32_t level,
                      uint32_t ef, cg_index_scratch *scratch, cg_work *work);
uint32_t cg_hnsw_search(const cg_index *index, const float *query, uint32_t ef,
                        cg_index_scratch *scratch, cg_work *work);

/* hnsw_select.c */
typedef struct cg_hnsw_choice {
    uint64_t *candidates; /* keys, ascending, distances to the row that chooses; changed */
    uint32_t count;
    uint32_t width;    /* choose at most so many */
    uint32_t fill;     /* top up with the nearest discarded to so many */
    uint32_t tree_row; /* never discard this row's parent and children; CG_NO_ROW: none */
} cg_hnsw_choice;
/* chosen: uint64_t[width]. Returns how many. */
uint32_t cg_hnsw_choose(const cg_index *index, const cg_hnsw_choice *choice, uint64_t *chosen,
                        cg_work *work);

/* hnsw_build.c. The arguments are checked; on failure the index is unchanged. */
cg_status cg_hnsw_add(cg_index *index, const float *vectors, uint32_t count,
                      const cg_runner *runner, cg_work *work, cg_error *error);

#endif
