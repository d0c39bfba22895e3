/* The graph of an HNSW index: storage, search, selection, build and repair (private to
 * engine/index).
 *
 * Level 0 has 2m links a row at a fixed stride; a row of level L has L blocks of m links above.
 * Unused links are CG_NO_ROW and come last.
 *
 * Invariant: the rows of level 0 form a tree. A row's first link at level 0 is its parent, or
 * itself for the root; a parent links back to each of its children, at most m / 2; and choosing
 * anew never drops a link between parent and child. So every row can be reached from every
 * other, whatever the data: duplicates, all equal, any order, and after any removals.
 *
 * Readers may walk while one writer adds (index.h). A writer publishes a link after the row that
 * it names is complete. It changes a list so that a link which stays is never missing: whatever
 * moves, moves towards the front and is written there before its old place is overwritten, and
 * readers go from back to front. A row's first link is written once.
 */
#ifndef CG_ENGINE_INDEX_HNSW_H
#define CG_ENGINE_INDEX_HNSW_H

#include <stdatomic.h>

#include "engine/index/index.h"

enum { CG_HNSW_LEVEL_MAX = 15, CG_HNSW_ENTRY_LEVEL_BITS = 8 };

typedef _Atomic uint32_t cg_link;
typedef struct cg_probe cg_probe; /* what rows are compared with: index_internal.h */

typedef struct cg_hnsw {
    cg_link *links;        /* [capacity * 2m] level 0 */
    cg_link *blocks;       /* [block_capacity * m] levels above */
    uint32_t *first_block; /* [capacity] block of the row's level 1; those above follow */
    uint8_t *children;     /* [capacity] how many rows have this parent */
    uint8_t *levels;       /* [capacity] */
    uint32_t block_count;
    uint32_t block_capacity;
    uint32_t free_blocks[CG_HNSW_LEVEL_MAX + 1]; /* by level: those of rows that went; a chain
                                                  * through the blocks' first links */
    uint32_t free_block_count[CG_HNSW_LEVEL_MAX + 1]; /* lengths of the chains */
    _Atomic uint64_t entry; /* row << 8 | level: the first row of the highest level; means
                             * nothing without rows */
} cg_hnsw;

static inline uint32_t cg_link_get(const cg_link *link) {
    return atomic_load_explicit(link, memory_order_acquire);
}

static inline void cg_link_set(cg_link *link, uint32_t row) {
    atomic_store_explicit(link, row, memory_order_release);
}

/* hnsw.c */
/* id: the shard-local id, or the row where ids are computed. */
uint32_t cg_hnsw_level(const cg_index_options *options, uint64_t id);
/* Links that a row can have: 2m or m. */
uint32_t cg_hnsw_width(const cg_index *index, uint32_t level);
cg_link *cg_hnsw_links(const cg_index *index, uint32_t row, uint32_t level);
/* Copies a list's links. Returns how many; links: uint32_t[width]. */
uint32_t cg_hnsw_copy_links(const cg_index *index, uint32_t row, uint32_t level,
                            uint32_t *links);
uint32_t cg_hnsw_parent(const cg_index *index, uint32_t row);
bool cg_hnsw_is_child(const cg_index *index, uint32_t row, uint32_t child);
uint32_t cg_hnsw_top_level(const cg_index *index);
void cg_hnsw_set_entry(cg_index *index, uint32_t row);
/* A row's levels and blocks, all links unused. Blocks are reserved. */
void cg_hnsw_place_row(cg_index *index, uint32_t row, uint32_t level);
void cg_hnsw_free_blocks(cg_index *index, uint32_t row);
uint64_t cg_hnsw_hash(const cg_index *index, uint64_t seed);
uint32_t cg_hnsw_reachable(const cg_index *index, cg_allocator allocator);

/* hnsw_search.c. `start` and results are keys (index_internal.h). */
uint64_t cg_hnsw_start(const cg_index *index, const cg_probe *probe, cg_work *work);
uint64_t cg_hnsw_descend(const cg_index *index, const cg_probe *probe, uint64_t start,
                         uint32_t level, cg_work *work);
/* The nearest of a beam of width ef at one level, into the scratch's keys. Returns how many. */
uint32_t cg_hnsw_beam(const cg_index *index, const cg_probe *probe, uint64_t start,
                      uint32_t level, uint32_t ef, cg_index_scratch *scratch, cg_work *work);
uint32_t cg_hnsw_search(const cg_index *index, const cg_probe *probe, uint32_t ef,
                        cg_index_scratch *scratch, cg_work *work);

/* hnsw_select.c */
typedef struct cg_hnsw_choice {
    uint64_t *candidates; /* keys, ascending, distances to the row that chooses; changed.
                           * Those with the lowest bit need not be diverse */
    uint32_t count;
    uint32_t width;    /* choose at most so many */
    uint32_t fill;     /* top up with the nearest discarded to so many */
    uint32_t tree_row; /* never discard this row's parent and children; CG_NO_ROW: none */
} cg_hnsw_choice;
/* chosen: uint64_t[width]. Returns how many. */
uint32_t cg_hnsw_choose(const cg_index *index, const cg_hnsw_choice *choice, uint64_t *chosen,
                        float *row_buffer, cg_work *work);

/* hnsw_build.c: places and links `count` rows that are stored and have no links yet.
 * Everything is allocated beforehand, so that it cannot fail half-way. */
typedef struct cg_hnsw_build cg_hnsw_build;
/* What an addition takes at most, given the levels of its rows. */
typedef struct cg_hnsw_need {
    uint32_t count;
    uint32_t rows;   /* of the index afterwards */
    uint32_t blocks; /* likewise */
    size_t slots;    /* of the largest batch */
} cg_hnsw_need;
/* ids: uint64_t[count], or NULL: the rows that follow the last one. */
cg_hnsw_need cg_hnsw_needs(const cg_index *index, const uint64_t *ids, uint32_t count);
cg_status cg_hnsw_build_alloc(cg_index *index, const cg_hnsw_need *need,
                              const cg_runner *runner, cg_hnsw_build **out, cg_error *error);
void cg_hnsw_build_free(cg_hnsw_build *build); /* NULL is fine */
void cg_hnsw_build_run(cg_hnsw_build *build, const uint32_t *rows, uint32_t count,
                       const cg_runner *runner, cg_work *work);

/* hnsw_repair.c */
cg_status cg_hnsw_repair(cg_index *index, const cg_runner *runner, cg_work *work,
                         cg_error *error);

#endif
