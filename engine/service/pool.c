/* Taking, giving back, resizing and pinning slots; quotas and statistics.
 *
 * A slot of a type is looked for in the type's pool: in the blocks of its class, then in a new
 * block within the quota; and after that in the alternative pool in the same way. A handle is
 * reserved before anything is done, so the only step that can fail after it is the new block,
 * and a failure leaves all slots, blocks and statistics as they were.
 *
 * Known value: the first slot of type 3 has the id 3 * 2^56 + 2^32.
 */
#include "engine/service/pool.h"

#include <string.h>

#include "engine/service/pool_internal.h"

static unsigned long long wide(uint64_t value) {
    return value;
}

/* --- life --- */

cg_pool_options cg_pool_options_default(void) {
    return (cg_pool_options){
        .quota_bytes = UINT64_C(64) << 20,
        .shared_quota_bytes = UINT64_C(256) << 20,
    };
}

static cg_status check_quota(uint32_t type, uint64_t quota_bytes, cg_error *error) {
    if (quota_bytes > CG_POOL_QUOTA_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a pool's quota of %llu bytes; at most %llu", wide(quota_bytes),
                            wide(CG_POOL_QUOTA_MAX));
    }
    bool may_be_none = type == CG_POOL_SHARED && quota_bytes == 0;
    if (quota_bytes < CG_POOL_USUAL_BYTES && !may_be_none) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a pool's quota of %llu bytes; at least %d are needed%s",
                            wide(quota_bytes), CG_POOL_USUAL_BYTES,
                            type == CG_POOL_SHARED ? ", or 0 for no shared pool" : "");
    }
    return CG_OK;
}

cg_status cg_pools_alloc(const cg_pool_options *options, cg_allocator allocator, cg_pools **out,
                         cg_error *error) {
    cg_status status = check_quota(0, options->quota_bytes, error);
    if (status == CG_OK) {
        status = check_quota(CG_POOL_SHARED, options->shared_quota_bytes, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_pools *pools = cg_allocate(&allocator, 1, sizeof *pools);
    if (!pools) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %zu bytes of pool tables",
                            sizeof *pools);
    }
    pools->allocator = allocator;
    pools->spare = CG_POOL_NO_INDEX;
    for (uint32_t type = 0; type < CG_POOL_TYPES; type++) {
        pools->pools[type].quota_bytes = options->quota_bytes;
    }
    pools->pools[CG_POOL_SHARED].quota_bytes = options->shared_quota_bytes;
    *out = pools;
    return CG_OK;
}

void cg_pools_free(cg_pools *pools) {
    if (!pools) {
        return;
    }
    cg_allocator allocator = pools->allocator;
    for (uint32_t i = 0; i < CG_POOL_COUNT; i++) {
        cg_pool_class **classes = pools->pools[i].classes;
        for (uint32_t size_class = 0; classes && size_class < CG_POOL_CLASSES; size_class++) {
            if (classes[size_class]) {
                cg_pool_class_free(&allocator, classes[size_class]);
            }
        }
        cg_deallocate(&allocator, classes, CG_POOL_CLASSES, sizeof(cg_pool_class *));
    }
    for (uint32_t i = 0; i < pools->chunk_count; i++) {
        cg_deallocate(&allocator, pools->chunks[i].handles, CG_POOL_CHUNK_HANDLES,
                      sizeof(cg_pool_handle));
    }
    cg_deallocate(&allocator, pools->chunks, pools->chunk_capacity, sizeof *pools->chunks);
    cg_deallocate(&allocator, pools, 1, sizeof *pools);
}

cg_status cg_pools_set_quota(cg_pools *pools, uint32_t type, uint64_t quota_bytes,
                             cg_error *error) {
    if (type > CG_POOL_SHARED) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "a quota for the pool of type %u; types are 0..%d, and %d the shared "
            "pool",
            type, CG_POOL_TYPES - 1, CG_POOL_SHARED);
    }
    cg_status status = check_quota(type, quota_bytes, error);
    if (status == CG_OK) {
        pools->pools[type].quota_bytes = quota_bytes;
        cg_pool_release_empty(&pools->allocator, &pools->pools[type], quota_bytes);
    }
    return status;
}

uint64_t cg_pools_quota(const cg_pools *pools, uint32_t type) {
    return type < CG_POOL_COUNT ? pools->pools[type].quota_bytes : 0;
}

/* --- take --- */

static cg_status check_request(const cg_pool_request *request, cg_error *error) {
    if (request->type >= CG_POOL_TYPES) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a slot in the pool of type %u; types are 0..%d", request->type,
                            CG_POOL_TYPES - 1);
    }
    if (request->size_bytes < 1 || request->size_bytes > CG_POOL_BLOCK_BYTES) {
        return cg_error_set(error, CG_ERROR_INVALID, "a slot of %u bytes; it must be 1..%d",
                            request->size_bytes, CG_POOL_BLOCK_BYTES);
    }
    if ((unsigned)request->placement >= CG_POOL_PLACEMENTS) {
        return cg_error_set(error, CG_ERROR_INVALID, "placement %u of a slot; there are 0..%d",
                            (unsigned)request->placement, CG_POOL_PLACEMENTS - 1);
    }
    return CG_OK;
}

/* Finds a free position in one pool, which may grow; CG_ERROR_FULL when its quota is in the
 * way. */
static cg_status choose(cg_pools *pools, uint32_t pool_number, const cg_pool_request *request,
                        uint32_t size_class, cg_pool_place *place, cg_error *error) {
    cg_pool *pool = &pools->pools[pool_number];
    if (pool->statistics.block_bytes > pool->quota_bytes) {
        return CG_ERROR_FULL; /* the quota was lowered */
    }
    const cg_pool_handle *hint = NULL;
    if (request->placement == CG_POOL_NEAR) {
        hint = cg_pool_handle_find(pools, request->near);
        if (hint && (hint->pool != pool_number || hint->size_class != size_class)) {
            hint = NULL;
        }
    }
    uint32_t near = hint ? hint->block : CG_POOL_NO_INDEX;
    cg_pool_class *class = pool->classes ? pool->classes[size_class] : NULL;
    cg_pool_block *block = class ? cg_pool_choose_block(class, request->placement, near) : NULL;
    if (!block) {
        cg_status status = cg_pool_grow(&pools->allocator, pool, size_class, error);
        if (status != CG_OK) {
            return status;
        }
        block = cg_pool_emptiest(pool->classes[size_class]);
    }
    *place = (cg_pool_place){
        .pool = pool_number,
        .size_class = size_class,
        .block = block->number,
        .position =
            cg_pool_nearest_free(block, hint && block->number == near ? hint->position : 0),
        .slot_bytes = pool->classes[size_class]->shape.slot_bytes,
    };
    return CG_OK;
}

/* The same in the type's pool, and in the alternative one when that is full. */
static cg_status choose_in_two(cg_pools *pools, const cg_pool_request *request,
                               uint32_t size_class, cg_pool_place *place, cg_error *error) {
    cg_status status = choose(pools, request->type, request, size_class, place, error);
    if (status == CG_ERROR_FULL) {
        status = choose(pools, CG_POOL_SHARED, request, size_class, place, error);
    }
    return status;
}

static cg_status report_full(const cg_pools *pools, const cg_pool_request *request,
                             cg_error *error) {
    const cg_pool *pool = &pools->pools[request->type];
    const cg_pool *shared = &pools->pools[CG_POOL_SHARED];
    return cg_error_set(
        error, CG_ERROR_FULL,
        "no slot of %u bytes for type %u: its pool holds blocks of %llu bytes of its quota of "
        "%llu, and the shared pool %llu of %llu",
        request->size_bytes, request->type, wide(pool->statistics.block_bytes),
        wide(pool->quota_bytes), wide(shared->statistics.block_bytes),
        wide(shared->quota_bytes));
}

static uint64_t fill(cg_pools *pools, const cg_pool_request *request,
                     const cg_pool_place *place) {
    cg_pool *pool = &pools->pools[place->pool];
    cg_pool_class *class = pool->classes[place->size_class];
    cg_pool_block *block = class->blocks[place->block];
    uint32_t index = cg_pool_handle_take(pools, place->pool);
    cg_pool_handle *handle = cg_pool_handle_at(pools, index);
    handle->block = place->block;
    handle->position = (uint16_t)place->position;
    handle->size_less_1 = (uint16_t)(request->size_bytes - 1);
    handle->size_class = (uint8_t)place->size_class;
    cg_pool_block_fill(pool, place->size_class, block, place->position, index);
    memset(cg_pool_slot_memory(class, block, place->position), 0, place->slot_bytes);
    pool->statistics.slots_taken++;
    pool->statistics.requested_bytes += request->size_bytes;
    return cg_pool_handle_id(pools, index);
}

cg_status cg_pools_take(cg_pools *pools, const cg_pool_request *request, uint64_t *slot,
                        cg_work *work, cg_error *error) {
    bool is_made = false;
    cg_status status = check_request(request, error);
    if (status == CG_OK) {
        status = cg_pool_handle_reserve(pools, &is_made, error);
    }
    if (status != CG_OK) {
        return status;
    }
    uint32_t size_class = cg_pool_class_of(request->size_bytes);
    uint32_t wish_bytes = CG_POOL_BLOCK_BYTES - request->size_bytes;
    if (request->headroom_bytes < wish_bytes) {
        wish_bytes = request->headroom_bytes;
    }
    uint32_t wished_class = cg_pool_class_of(request->size_bytes + wish_bytes);
    cg_pool_place place;
    status = choose_in_two(pools, request, wished_class, &place, error);
    if (status == CG_ERROR_FULL && wished_class != size_class) {
        status = choose_in_two(pools, request, size_class, &place, error);
    }
    if (status != CG_OK) {
        if (is_made) {
            cg_pool_handle_cancel(pools);
        }
        return status == CG_ERROR_FULL ? report_full(pools, request, error) : status;
    }
    *slot = fill(pools, request, &place);
    pools->pools[request->type].statistics.redirected += place.pool == CG_POOL_SHARED;
    cg_work_count(work, CG_WORK_SLOT, 1, place.slot_bytes);
    return CG_OK;
}

/* --- what is done to a slot --- */

static cg_status find(const cg_pools *pools, uint64_t slot, const char *purpose,
                      cg_pool_handle **handle, cg_error *error) {
    *handle = cg_pool_handle_find(pools, slot);
    if (!*handle) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "slot %llx is not taken, so it cannot be %s", wide(slot), purpose);
    }
    return CG_OK;
}

static cg_pool_class *class_of(const cg_pools *pools, const cg_pool_handle *handle) {
    return pools->pools[handle->pool].classes[handle->size_class];
}

cg_status cg_pools_give(cg_pools *pools, uint64_t slot, cg_work *work, cg_error *error) {
    cg_pool_handle *handle = NULL;
    cg_status status = find(pools, slot, "given back", &handle, error);
    if (status != CG_OK) {
        return status;
    }
    if (handle->pins > 0) {
        return cg_error_set(error, CG_ERROR_CONFLICT,
                            "slot %llx is pinned %u times, so it cannot be given back",
                            wide(slot), (unsigned)handle->pins);
    }
    cg_pool *pool = &pools->pools[handle->pool];
    uint32_t size_class = handle->size_class;
    cg_pool_class *class = class_of(pools, handle);
    cg_pool_block *block = class->blocks[handle->block];
    cg_work_count(work, CG_WORK_SLOT, 1, class->shape.slot_bytes);
    pool->statistics.slots_taken--;
    pool->statistics.requested_bytes -= (uint32_t)handle->size_less_1 + 1;
    bool had_empty = cg_pool_empty_blocks(class) > 0;
    cg_pool_block_clear(pool, size_class, block, handle->position);
    if (block->taken == 0 && (had_empty || pool->statistics.block_bytes > pool->quota_bytes)) {
        cg_pool_block_remove(&pools->allocator, pool, size_class, block);
    }
    cg_pool_handle_give(pools, cg_pool_handle_index(slot));
    return CG_OK;
}

cg_status cg_pools_resize(cg_pools *pools, uint64_t slot, uint32_t size_bytes,
                          cg_error *error) {
    cg_pool_handle *handle = NULL;
    cg_status status = find(pools, slot, "resized", &handle, error);
    if (status != CG_OK) {
        return status;
    }
    if (size_bytes == 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "slot %llx cannot be resized to 0 bytes",
                            wide(slot));
    }
    cg_pool_class *class = class_of(pools, handle);
    if (size_bytes > class->shape.slot_bytes) {
        return cg_error_set(error, CG_ERROR_FULL,
                            "slot %llx holds %u bytes, so it cannot be resized to %u",
                            wide(slot), class->shape.slot_bytes, size_bytes);
    }
    uint32_t old_bytes = (uint32_t)handle->size_less_1 + 1;
    if (size_bytes > old_bytes) {
        uint8_t *memory =
            cg_pool_slot_memory(class, class->blocks[handle->block], handle->position);
        memset(memory + old_bytes, 0, size_bytes - old_bytes);
    }
    cg_pool_statistics *statistics = &pools->pools[handle->pool].statistics;
    statistics->requested_bytes += size_bytes;
    statistics->requested_bytes -= old_bytes;
    handle->size_less_1 = (uint16_t)(size_bytes - 1);
    return CG_OK;
}

void *cg_pools_memory(const cg_pools *pools, uint64_t slot, uint32_t *size_bytes) {
    const cg_pool_handle *handle = cg_pool_handle_find(pools, slot);
    if (!handle) {
        return NULL;
    }
    if (size_bytes) {
        *size_bytes = (uint32_t)handle->size_less_1 + 1;
    }
    cg_pool_class *class = class_of(pools, handle);
    return cg_pool_slot_memory(class, class->blocks[handle->block], handle->position);
}

cg_status cg_pools_pin(cg_pools *pools, uint64_t slot, cg_error *error) {
    cg_pool_handle *handle = NULL;
    cg_status status = find(pools, slot, "pinned", &handle, error);
    if (status != CG_OK) {
        return status;
    }
    if (handle->pins == CG_POOL_PINS_MAX) {
        return cg_error_set(error, CG_ERROR_FULL, "slot %llx is pinned %d times already",
                            wide(slot), CG_POOL_PINS_MAX);
    }
    if (handle->pins++ == 0) {
        class_of(pools, handle)->blocks[handle->block]->pinned++;
        pools->pools[handle->pool].statistics.slots_pinned++;
    }
    return CG_OK;
}

cg_status cg_pools_unpin(cg_pools *pools, uint64_t slot, cg_error *error) {
    cg_pool_handle *handle = NULL;
    cg_status status = find(pools, slot, "unpinned", &handle, error);
    if (status != CG_OK) {
        return status;
    }
    if (handle->pins == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "slot %llx is not pinned, so it cannot be unpinned", wide(slot));
    }
    if (--handle->pins == 0) {
        class_of(pools, handle)->blocks[handle->block]->pinned--;
        pools->pools[handle->pool].statistics.slots_pinned--;
    }
    return CG_OK;
}
