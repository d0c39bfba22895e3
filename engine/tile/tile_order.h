/* The shards of a tiling in ascending order of their bound for a query, one at a time: neither 2^17 nor
 * 2^31 shards are ever looked at for the first thousand.
 *
 * What a query pays for a shard is a subset sum of the squares of its partition coordinates. The
 * order is that of (bound, shard number). Bounds are compared in fixed point, 2^-58 of the power of
 * two above the largest square, so that sums are exact in any order and ties are real. The bound
 * reported is the fixed-point one: never above the exact sum but by one rounding to double, and
 * below it by less than 2^-52 of the largest square.
 */
#ifndef CG_ENGINE_TILE_TILE_ORDER_H
#define CG_ENGINE_TILE_TILE_ORDER_H

#include "engine/tile/tiling.h"

typedef struct cg_tile_order_entry cg_tile_order_entry;

typedef struct cg_tile_order {          /* in place; fields are private */
    uint64_t weights[CG_TILE_AXES_MAX]; /* ascending */
    uint32_t axis_bits[CG_TILE_AXES_MAX];
    uint32_t axes;
    uint32_t home; /* the first shard */
    bool is_begun; /* it has come */
    bool has_query;
    double unit;
    cg_tile_order_entry *entries; /* a heap */
    size_t count;
    size_t capacity;
    cg_allocator allocator;
} cg_tile_order;

typedef struct cg_tile_bound {
    uint32_t shard;
    double bound;
} cg_tile_bound;

/* Takes no memory before the first shard. A used order may be begun again, which keeps its memory.
 * query: float[dims], finite; not kept. */
void cg_tile_order_init(cg_tile_order *order, cg_allocator allocator);
void cg_tile_order_begin(cg_tile_order *order, const cg_tiling *tiling, const float *query);
void cg_tile_order_deinit(cg_tile_order *order);

/* The next shard; the first one has the bound 0 and is the query's own, up to the sign of
 * coordinates that are 0 in fixed point. CG_ERROR_NOT_FOUND when all have come (no sentence is
 * made), CG_ERROR_MEMORY; a failed call can be repeated. Cost: O(log of the shards so far), and as
 * many entries of memory. */
cg_status cg_tile_order_next(cg_tile_order *order, cg_tile_bound *out, cg_error *error);

#endif
