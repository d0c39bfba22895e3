/* The check of invariants: everything is walked and counted again. */
#include <string.h>

#include "engine/service/pool_internal.h"

typedef struct pool_sums {
    cg_pool_statistics of[CG_POOL_COUNT];
} pool_sums;

#define BROKEN(...) cg_error_set(error, CG_ERROR_CORRUPT, __VA_ARGS__)

static unsigned long long wide(uint64_t value) {
    return value;
}

/* --- handles --- */

static cg_status check_handle(const cg_pools *pools, uint32_t index, pool_sums *sums,
                              cg_error *error) {
    const cg_pool_handle *handle = cg_pool_handle_at(pools, index);
    if (handle->pool >= CG_POOL_COUNT || handle->size_class >= CG_POOL_CLASSES ||
        handle->generation == 0 || handle->generation > CG_POOL_GENERATION_MAX) {
        return BROKEN("handle %u: pool %u, class %u, generation %u", index,
                      (unsigned)handle->pool, (unsigned)handle->size_class, handle->generation);
    }
    const cg_pool *pool = &pools->pools[handle->pool];
    const cg_pool_class *class = pool->classes ? pool->classes[handle->size_class] : NULL;
    const cg_pool_block *block =
        class && handle->block < class->block_capacity ? class->blocks[handle->block] : NULL;
    if (!block || handle->position >= class->shape.slots ||
        block->handles[handle->position] != index) {
        return BROKEN("handle %u is not in block %u of class %u of pool %u at %u", index,
                      handle->block, (unsigned)handle->size_class, (unsigned)handle->pool,
                      (unsigned)handle->position);
    }
    cg_pool_statistics *sum = &sums->of[handle->pool];
    sum->slots_taken++;
    sum->slots_pinned += handle->pins > 0;
    sum->requested_bytes += (uint32_t)handle->size_less_1 + 1;
    sum->slot_bytes += class->shape.slot_bytes;
    return CG_OK;
}

static cg_status check_chunk(const cg_pools *pools, uint32_t number, pool_sums *sums,
                             cg_error *error) {
    const cg_pool_chunk *chunk = &pools->chunks[number];
    uint32_t taken = 0;
    for (uint32_t i = 0; i < CG_POOL_CHUNK_HANDLES; i++) {
        uint32_t index = number * CG_POOL_CHUNK_HANDLES + i;
        const cg_pool_handle *handle = chunk->handles ? &chunk->handles[i] : NULL;
        bool is_taken = handle && handle->pool != CG_POOL_NOT_TAKEN;
        bool is_free = handle && !is_taken && handle->generation <= CG_POOL_GENERATION_MAX;
        if (is_free != cg_pool_bit(chunk->free_bits, i)) {
            return BROKEN("handle %u: its bit does not say whether it is free", index);
        }
        taken += is_taken;
        cg_status status = is_taken ? check_handle(pools, index, sums, error) : CG_OK;
        if (status != CG_OK) {
            return status;
        }
        if (is_free && number < pools->first_usable) {
            return BROKEN("handle %u is free, but chunks below %u should have none", index,
                          pools->first_usable);
        }
    }
    if (taken != chunk->taken) {
        return BROKEN("chunk %u has %u taken handles and says %u", number, taken, chunk->taken);
    }
    if (chunk->handles && taken == 0 && number != pools->spare) {
        return BROKEN("chunk %u has no taken handle and is not the spare one, %u", number,
                      pools->spare);
    }
    if (number == pools->spare && (!chunk->handles || taken > 0)) {
        return BROKEN("chunk %u should be spare", number);
    }
    return CG_OK;
}

/* --- blocks --- */

static cg_status check_block(const cg_pools *pools, const cg_pool_class *class, uint32_t rank,
                             cg_error *error) {
    const cg_pool_block *block = class->order[rank];
    if (block->rank != rank || block->number >= class->block_capacity ||
        class->blocks[block->number] != block) {
        return BROKEN("the block of rank %u says %u, and number %u", rank, block->rank,
                      block->number);
    }
    uint32_t taken = 0;
    uint32_t pinned = 0;
    for (uint32_t i = 0; i < CG_POOL_BLOCK_SLOTS_MAX; i++) {
        bool is_free = cg_pool_bit(block->free_bits, i);
        bool is_taken = i < class->shape.slots && block->handles[i] != CG_POOL_NO_INDEX;
        if (is_free != (i < class->shape.slots && !is_taken)) {
            return BROKEN("position %u of block %u: its bit and its handle disagree", i,
                          block->number);
        }
        if (is_taken) {
            uint32_t index = block->handles[i];
            if (index / CG_POOL_CHUNK_HANDLES >= pools->chunk_count ||
                !pools->chunks[index / CG_POOL_CHUNK_HANDLES].handles) {
                return BROKEN("position %u of block %u: there is no handle %u", i,
                              block->number, index);
            }
            taken++;
            pinned += cg_pool_handle_at(pools, index)->pins > 0;
        }
    }
    if (taken != block->taken || pinned != block->pinned) {
        return BROKEN("block %u: %u taken and %u pinned slots; it says %u and %u",
                      block->number, taken, pinned, (unsigned)block->taken,
                      (unsigned)block->pinned);
    }
    const cg_pool_numbers *numbers = &class->numbers[block->number / 64];
    bool is_open = taken < class->shape.slots;
    if (!cg_pool_bit(&numbers->used, block->number % 64) ||
        cg_pool_bit(&numbers->open, block->number % 64) != is_open ||
        (is_open && block->number / 64 < class->first_open)) {
        return BROKEN("block %u: its number is not marked as it should be", block->number);
    }
    bool is_in_order = rank < class->at_least[taken] && rank >= class->at_least[taken + 1];
    if (!is_in_order) {
        return BROKEN("block %u of rank %u has %u taken slots: the order is broken",
                      block->number, rank, taken);
    }
    return CG_OK;
}

static cg_status check_class(const cg_pools *pools, uint32_t pool_number, uint32_t size_class,
                             pool_sums *sums, cg_error *error) {
    const cg_pool *pool = &pools->pools[pool_number];
    const cg_pool_class *class = pool->classes[size_class];
    uint64_t taken = 0;
    for (uint32_t rank = 0; rank < class->block_count; rank++) {
        cg_status status = check_block(pools, class, rank, error);
        if (status != CG_OK) {
            return cg_error_prefix(error, "class %u of pool %u: ", size_class, pool_number);
        }
        taken += class->order[rank]->taken;
    }
    uint64_t used = 0;
    for (size_t word = 0; word < class->number_capacity; word++) {
        for (uint64_t rest = class->numbers[word].used; rest; rest &= rest - 1) {
            used++;
        }
        if (word < class->first_unused && class->numbers[word].used != UINT64_MAX) {
            return BROKEN("class %u of pool %u: a number below %zu is unused", size_class,
                          pool_number, class->first_unused * 64);
        }
    }
    if (class->block_count == 0 || used != class->block_count || taken != class->taken ||
        class->at_least[0] != class->block_count) {
        return BROKEN("class %u of pool %u: %llu numbers, %llu slots; it says %u and %llu",
                      size_class, pool_number, wide(used), wide(taken), class->block_count,
                      wide(class->taken));
    }
    uint32_t empty = cg_pool_empty_blocks(class);
    bool is_loose =
        class->block_count * (uint64_t) class->shape.slots - taken >= class->shape.slots;
    if (empty > 1 || cg_pool_bit(pool->empty, size_class) != (empty == 1) ||
        cg_pool_bit(pool->loose, size_class) != is_loose) {
        return BROKEN("class %u of pool %u: %u empty blocks, or not marked as it should be",
                      size_class, pool_number, empty);
    }
    cg_pool_statistics *sum = &sums->of[pool_number];
    uint64_t slots = (uint64_t) class->block_count * class->shape.slots;
    sum->blocks += class->block_count;
    sum->block_bytes += (uint64_t) class->block_count * class->shape.block_bytes;
    sum->free_bytes += (slots - taken) * class->shape.slot_bytes;
    return CG_OK;
}

static cg_status check_pool(const cg_pools *pools, uint32_t number, pool_sums *sums,
                            cg_error *error) {
    const cg_pool *pool = &pools->pools[number];
    uint64_t empty_bytes = 0;
    for (uint32_t size_class = 0; size_class < CG_POOL_CLASSES; size_class++) {
        if (pool->classes && pool->classes[size_class]) {
            cg_status status = check_class(pools, number, size_class, sums, error);
            if (status != CG_OK) {
                return status;
            }
            empty_bytes += cg_pool_bit(pool->empty, size_class)
                               ? pool->classes[size_class]->shape.block_bytes
                               : 0;
        } else if (cg_pool_bit(pool->empty, size_class) ||
                   cg_pool_bit(pool->loose, size_class)) {
            return BROKEN("class %u of pool %u has no block and is marked", size_class, number);
        }
    }
    cg_pool_statistics *sum = &sums->of[number];
    sum->redirected = pool->statistics.redirected; /* a count of what has been */
    if (memcmp(sum, &pool->statistics, sizeof *sum) != 0 || empty_bytes != pool->empty_bytes) {
        return BROKEN("pool %u: the statistics are not the sums over its slots and blocks",
                      number);
    }
    if (sum->block_bytes != sum->slot_bytes + sum->free_bytes ||
        sum->requested_bytes > sum->slot_bytes) {
        return BROKEN("pool %u: its parts do not add up to %llu bytes", number,
                      wide(sum->block_bytes));
    }
    if (empty_bytes > 0 && sum->block_bytes > pool->quota_bytes) {
        return BROKEN("pool %u keeps empty blocks above its quota", number);
    }
    return CG_OK;
}

cg_status cg_pools_check(const cg_pools *pools, cg_error *error) {
    pool_sums sums = {0};
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < pools->chunk_count; i++) {
        status = check_chunk(pools, i, &sums, error);
    }
    for (uint32_t i = 0; status == CG_OK && i < CG_POOL_COUNT; i++) {
        status = check_pool(pools, i, &sums, error);
    }
    return status;
}
