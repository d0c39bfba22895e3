/* Exact nearest neighbours in a tiling of any size: the oracle of recall.
 *
 * For each query the shards come in ascending order of their bound (tile_order.h); each is scanned
 * flat in its base's frame, until a shard's bound passes the k-th distance so far. Every node that
 * is not scanned is farther than that: nothing is approximate. An allowance of 1e-5 of the bound,
 * and of 4e-6 under cosine, keeps roundings of the computed distances from ending a scan too early.
 * Distances and their order, (distance, id), are to the bit those of an index of f32 rows over all n vectors.
 *
 * Cost of a query: m distances a scanned shard, at 24 dims 5 ns each from the cache and 11 from memory.
 * How many shards are scanned is a property of law and n, and is reported: for ten neighbours of a fresh
 * query under the default law of 24 dims, in shards of 76,294, some 650 of 2^10 and 7,500 of 2^14
 * (1.25 billion nodes). Queries run in parallel.
 */
#ifndef CG_ENGINE_TILE_TILE_EXACT_H
#define CG_ENGINE_TILE_TILE_EXACT_H

#include "engine/tile/tiling.h"

typedef struct cg_tile_exact_input {
    const cg_tiling *tiling;
    const float *queries; /* [query_count * dims], finite; unit length for cosine */
    uint32_t query_count;
    uint32_t k; /* >= 1 */
    /* The vectors of a base (cg_tiling_draw_base), 64-byte aligned, with a stride that is a
     * multiple of 16 and zeros beyond dims; kept by the caller as long as the call runs. May be
     * called by several workers at once. NULL: could not be had, which ends the call with
     * CG_ERROR_MEMORY. */
    const cg_tile_points *(*points_of)(void *context, uint32_t base);
    void *context;
    uint64_t shards_max; /* scanned at most for one query; 0: any number */
} cg_tile_exact_input;

typedef struct cg_tile_exact_effort {
    uint32_t shards;  /* scanned */
    bool is_complete; /* false: shards_max came first, and the hits are a guess */
} cg_tile_exact_effort;

/* hits[query_count * k]: of each query the k nearest in ascending (distance, id), the row as drawn;
 * what is missing where there are fewer nodes has row UINT32_MAX, id UINT64_MAX and an infinite
 * distance. efforts: [query_count], or NULL. Errors: CG_ERROR_INVALID for k = 0 and for a query
 * that is not finite or, under cosine, not of unit length; CG_ERROR_MEMORY. On failure hits hold
 * nothing of use. */
cg_status cg_tile_exact(const cg_tile_exact_input *input, const cg_runner *runner,
                        cg_allocator allocator, cg_index_hit *hits,
                        cg_tile_exact_effort *efforts, cg_error *error);

/* Points of the right stride and alignment, drawn; freed with cg_tile_points_free. Error:
 * CG_ERROR_MEMORY. */
cg_status cg_tile_points_alloc(const cg_tiling *tiling, uint32_t base, const cg_runner *runner,
                               cg_allocator allocator, cg_tile_points *out, cg_error *error);
void cg_tile_points_free(cg_tile_points *points, const cg_tiling *tiling,
                         cg_allocator allocator);

#endif
