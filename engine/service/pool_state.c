/* Looking at pools: statistics, memory held, places, and the hash. */
#include "engine/base/hash.h"
#include "engine/service/pool_internal.h"

static void add_statistics(cg_pool_statistics *into, const cg_pool_statistics *from) {
    into->slots_taken += from->slots_taken;
    into->slots_pinned += from->slots_pinned;
    into->requested_bytes += from->requested_bytes;
    into->slot_bytes += from->slot_bytes;
    into->free_bytes += from->free_bytes;
    into->block_bytes += from->block_bytes;
    into->blocks += from->blocks;
    into->redirected += from->redirected;
}

cg_pool_statistics cg_pools_statistics(const cg_pools *pools) {
    cg_pool_statistics sum = {0};
    for (uint32_t i = 0; i < CG_POOL_COUNT; i++) {
        add_statistics(&sum, &pools->pools[i].statistics);
    }
    return sum;
}

cg_pool_statistics cg_pools_statistics_of(const cg_pools *pools, uint32_t type) {
    return type < CG_POOL_COUNT ? pools->pools[type].statistics : (cg_pool_statistics){0};
}

uint64_t cg_pools_bytes(const cg_pools *pools) {
    uint64_t bytes = sizeof *pools + (uint64_t)pools->chunk_capacity * sizeof(cg_pool_chunk);
    for (uint32_t i = 0; i < pools->chunk_count; i++) {
        bytes += pools->chunks[i].handles
                     ? (uint64_t)CG_POOL_CHUNK_HANDLES * sizeof(cg_pool_handle)
                     : 0;
    }
    for (uint32_t i = 0; i < CG_POOL_COUNT; i++) {
        const cg_pool *pool = &pools->pools[i];
        bytes += pool->classes ? CG_POOL_CLASSES * sizeof(cg_pool_class *) : 0;
        for (uint32_t c = 0; pool->classes && c < CG_POOL_CLASSES; c++) {
            const cg_pool_class *class = pool->classes[c];
            if (class) {
                bytes += cg_pool_class_held_bytes(class) +
                         class->block_count * cg_pool_block_held_bytes(&class->shape);
            }
        }
    }
    return bytes;
}

uint32_t cg_pools_pins(const cg_pools *pools, uint64_t slot) {
    const cg_pool_handle *handle = cg_pool_handle_find(pools, slot);
    return handle ? handle->pins : 0;
}

bool cg_pools_place(const cg_pools *pools, uint64_t slot, cg_pool_place *place) {
    const cg_pool_handle *handle = cg_pool_handle_find(pools, slot);
    if (!handle) {
        return false;
    }
    *place = (cg_pool_place){
        .pool = handle->pool,
        .size_class = handle->size_class,
        .block = handle->block,
        .position = handle->position,
        .slot_bytes = pools->pools[handle->pool].classes[handle->size_class]->shape.slot_bytes,
    };
    return true;
}

static void hash_class(cg_hasher *hasher, const cg_pool_class *class) {
    cg_hasher_add_u64(hasher, class->block_count);
    for (uint32_t rank = 0; rank < class->block_count; rank++) {
        cg_hasher_add_u64(hasher, class->order[rank]->number);
    }
}

static void hash_chunk(cg_hasher *hasher, const cg_pool_chunk *chunk) {
    for (uint32_t i = 0; chunk->handles && i < CG_POOL_CHUNK_HANDLES; i++) {
        const cg_pool_handle *handle = &chunk->handles[i];
        cg_hasher_add_u64(hasher, (uint64_t)handle->generation << 8 | handle->pool);
        if (handle->pool != CG_POOL_NOT_TAKEN) {
            cg_hasher_add_u64(hasher, (uint64_t)handle->block << 32 |
                                          (uint64_t)handle->position << 16 |
                                          handle->size_less_1);
            cg_hasher_add_u64(hasher, handle->size_class);
        }
    }
}

uint64_t cg_pools_hash(const cg_pools *pools) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, pools->cursor);
    for (uint32_t i = 0; i < pools->chunk_count; i++) {
        const cg_pool_chunk *chunk = &pools->chunks[i];
        if (chunk->handles || chunk->generation > 1) { /* else as if it had never been */
            cg_hasher_add_u64(&hasher, i);
            cg_hasher_add_u64(&hasher, chunk->generation > 1 ? chunk->generation : 1);
            hash_chunk(&hasher, chunk);
        }
    }
    for (uint32_t i = 0; i < CG_POOL_COUNT; i++) {
        const cg_pool *pool = &pools->pools[i];
        cg_hasher_add_u64(&hasher, pool->quota_bytes);
        for (uint32_t c = 0; pool->classes && c < CG_POOL_CLASSES; c++) {
            if (pool->classes[c]) {
                cg_hasher_add_u64(&hasher, c);
                hash_class(&hasher, pool->classes[c]);
            }
        }
    }
    return cg_hasher_value(&hasher);
}
