/* Defragmentation, a budget of bytes at a time.
 *
 * A class whose free slots fill a block has a block too many: its emptiest block is emptied into
 * the fullest ones, which takes the fewest moves for the block that goes. A block with a pinned
 * slot has to stay, so nothing is moved out of it, and its free slots are as good as others to
 * move into. The free slots outside the block that is emptied hold all that is in it, so a block
 * once begun can be finished, if not in this call then in the next.
 *
 * Related: Robson, "Bounds for Some Functions Concerning Dynamic Storage Allocation", JACM 1974
 * (what happens without moving); Powers et al., "Mesh: Compacting Memory Management for C/C++
 * Applications", PLDI 2019. Handles let us move slots outright.
 */
#include "engine/service/pool_internal.h"

#include <string.h>

/* The emptiest block without pins; NULL: there is none. */
static cg_pool_block *find_source(const cg_pool_class *class) {
    for (uint32_t rank = class->block_count; rank-- > 0;) {
        if (class->order[rank]->pinned == 0) {
            return class->order[rank];
        }
    }
    return NULL;
}

/* The fullest block with a free slot, but for the source. */
static cg_pool_block *find_target(const cg_pool_class *class, const cg_pool_block *source) {
    uint32_t full = class->at_least[class->shape.slots];
    cg_pool_block *target = class->order[full];
    return target == source ? class->order[full + 1] : target;
}

static void move_slot(cg_pools *pools, cg_pool *pool, uint32_t size_class,
                      cg_pool_block *source) {
    cg_pool_class *class = pool->classes[size_class];
    cg_pool_block *target = find_target(class, source);
    uint32_t from = 0;
    while (source->handles[from] == CG_POOL_NO_INDEX) {
        from++;
    }
    uint32_t to = cg_pool_nearest_free(target, 0);
    CG_ASSERT(to != CG_POOL_NO_INDEX);
    uint32_t index = source->handles[from];
    memcpy(cg_pool_slot_memory(class, target, to), cg_pool_slot_memory(class, source, from),
           class->shape.slot_bytes);
    cg_pool_block_fill(pool, size_class, target, to, index);
    cg_pool_block_clear(pool, size_class, source, from);
    cg_pool_handle *handle = cg_pool_handle_at(pools, index);
    handle->block = target->number;
    handle->position = (uint16_t)to;
}

/* Works on one class until it has no block too many; false when the budget ended before. */
static bool defragment_class(cg_pools *pools, cg_pool *pool, uint32_t size_class,
                             uint64_t budget_bytes, cg_pool_moves *moves) {
    const cg_pool_shape shape = pool->classes[size_class]->shape;
    while (cg_pool_bit(pool->loose, size_class)) {
        cg_pool_block *source = find_source(pool->classes[size_class]);
        if (!source) {
            return true;
        }
        while (source->taken > 0) {
            if (budget_bytes - moves->bytes < shape.slot_bytes) {
                return false;
            }
            move_slot(pools, pool, size_class, source);
            moves->slots++;
            moves->bytes += shape.slot_bytes;
        }
        cg_pool_block_remove(&pools->allocator, pool, size_class, source);
        moves->blocks++;
        moves->block_bytes += shape.block_bytes;
    }
    return true;
}

/* The next class with a block too many, from `from` on (pool * CG_POOL_CLASSES + class), or
 * `end`. */
static uint32_t next_loose(const cg_pools *pools, uint32_t from, uint32_t end) {
    while (from < end) {
        const cg_pool *pool = &pools->pools[from / CG_POOL_CLASSES];
        uint32_t size_class = from % CG_POOL_CLASSES;
        uint64_t rest = pool->loose[size_class / 64] >> (size_class % 64);
        if (rest) {
            from += cg_pool_lowest_bit(rest);
            break;
        }
        uint32_t step = 64 - size_class % 64;
        uint32_t left = CG_POOL_CLASSES - size_class;
        from += step < left ? step : left;
    }
    return from < end ? from : end;
}

void cg_pools_defragment(cg_pools *pools, uint64_t budget_bytes, cg_pool_moves *moves,
                         cg_work *work) {
    const uint32_t all = CG_POOL_COUNT * CG_POOL_CLASSES;
    cg_pool_moves done = {0};
    uint32_t start = pools->cursor;
    bool is_cut = false;
    for (uint32_t round = 0; round < 2 && !is_cut; round++) {
        uint32_t end = round == 0 ? all : start;
        uint32_t at = next_loose(pools, round == 0 ? start : 0, end);
        for (; at < end && !is_cut; at = next_loose(pools, at + 1, end)) {
            cg_pool *pool = &pools->pools[at / CG_POOL_CLASSES];
            uint32_t size_class = at % CG_POOL_CLASSES;
            uint32_t slot_bytes = pool->classes[size_class]->shape.slot_bytes;
            if (!defragment_class(pools, pool, size_class, budget_bytes, &done) &&
                budget_bytes >= slot_bytes) { /* else no call like this could go on with it */
                pools->cursor = at;
                is_cut = true;
            }
        }
    }
    cg_work_count(work, CG_WORK_SLOT, done.slots, done.bytes);
    if (moves) {
        *moves = done;
    }
}
