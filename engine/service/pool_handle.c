/* Handles: what a slot's id names, wherever its memory lies.
 *
 * Handles lie in chunks of 256; the lowest free one of the lowest chunk is used. A chunk without
 * taken handles gives its memory back, unless it is the only such one, and leaves behind the
 * largest generation of its handles, which all of them go on with when they are needed again. So
 * ids stay unique while the memory of handles follows the number of slots. (A free list would
 * be as fast but would spread the taken handles over all chunks.)
 */
#include "engine/service/pool_internal.h"

enum { ID_POOL_SHIFT = 56, ID_GENERATION_SHIFT = 32 };

static bool has_free(const cg_pool_chunk *chunk) {
    uint64_t any = 0;
    for (uint32_t i = 0; i < CG_POOL_CHUNK_WORDS; i++) {
        any |= chunk->free_bits[i];
    }
    return any != 0;
}

static cg_status chunk_make(cg_pools *pools, uint32_t number, cg_error *error) {
    cg_pool_chunk *chunk = &pools->chunks[number];
    chunk->handles =
        cg_allocate(&pools->allocator, CG_POOL_CHUNK_HANDLES, sizeof(cg_pool_handle));
    if (!chunk->handles) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %d handles of slots",
                            CG_POOL_CHUNK_HANDLES);
    }
    uint32_t generation = chunk->generation == 0 ? 1 : chunk->generation;
    for (uint32_t i = 0; i < CG_POOL_CHUNK_HANDLES; i++) {
        chunk->handles[i] =
            (cg_pool_handle){.generation = generation, .pool = CG_POOL_NOT_TAKEN};
        cg_pool_set_bit(chunk->free_bits, i, true);
    }
    pools->spare = number;
    pools->first_usable = number < pools->first_usable ? number : pools->first_usable;
    return CG_OK;
}

static void chunk_drop(cg_pools *pools, cg_pool_chunk *chunk) {
    for (uint32_t i = 0; i < CG_POOL_CHUNK_HANDLES; i++) {
        if (chunk->handles[i].generation > chunk->generation) {
            chunk->generation = chunk->handles[i].generation;
        }
    }
    for (uint32_t i = 0; i < CG_POOL_CHUNK_WORDS; i++) {
        chunk->free_bits[i] = 0;
    }
    cg_deallocate(&pools->allocator, chunk->handles, CG_POOL_CHUNK_HANDLES,
                  sizeof(cg_pool_handle));
    chunk->handles = NULL;
}

cg_status cg_pool_handle_reserve(cg_pools *pools, bool *is_made, cg_error *error) {
    *is_made = false;
    while (pools->first_usable < pools->chunk_count) {
        if (has_free(&pools->chunks[pools->first_usable])) {
            return CG_OK;
        }
        pools->first_usable++;
    }
    uint32_t number = 0;
    while (number < pools->chunk_count &&
           (pools->chunks[number].handles ||
            pools->chunks[number].generation > CG_POOL_GENERATION_MAX)) {
        number++;
    }
    if (number == CG_POOL_CHUNKS_MAX) {
        return cg_error_set(error, CG_ERROR_FULL, "all 2^32 handles of slots are used up");
    }
    cg_status status = CG_GROW(&pools->allocator, pools->chunks, pools->chunk_capacity,
                               (size_t)number + 1, error);
    if (status == CG_OK) {
        status = chunk_make(pools, number, error);
    }
    if (status == CG_OK && number == pools->chunk_count) {
        pools->chunk_count++;
    }
    *is_made = status == CG_OK;
    return status;
}

void cg_pool_handle_cancel(cg_pools *pools) {
    chunk_drop(pools, &pools->chunks[pools->spare]);
    pools->spare = CG_POOL_NO_INDEX;
}

uint32_t cg_pool_handle_take(cg_pools *pools, uint32_t pool) {
    cg_pool_chunk *chunk = &pools->chunks[pools->first_usable];
    uint32_t word = 0;
    while (chunk->free_bits[word] == 0) {
        word++;
    }
    uint32_t within = word * 64 + cg_pool_lowest_bit(chunk->free_bits[word]);
    cg_pool_set_bit(chunk->free_bits, within, false);
    chunk->handles[within].pool = (uint8_t)pool;
    chunk->taken++;
    if (pools->spare == pools->first_usable) {
        pools->spare = CG_POOL_NO_INDEX;
    }
    return pools->first_usable * CG_POOL_CHUNK_HANDLES + within;
}

void cg_pool_handle_give(cg_pools *pools, uint32_t index) {
    uint32_t number = index / CG_POOL_CHUNK_HANDLES;
    cg_pool_chunk *chunk = &pools->chunks[number];
    cg_pool_handle *handle = cg_pool_handle_at(pools, index);
    *handle = (cg_pool_handle){.generation = handle->generation + 1, .pool = CG_POOL_NOT_TAKEN};
    if (handle->generation <= CG_POOL_GENERATION_MAX) {
        cg_pool_set_bit(chunk->free_bits, index % CG_POOL_CHUNK_HANDLES, true);
        pools->first_usable = number < pools->first_usable ? number : pools->first_usable;
    }
    if (--chunk->taken > 0) {
        return;
    }
    if (pools->spare == CG_POOL_NO_INDEX && has_free(chunk)) {
        pools->spare = number;
    } else {
        chunk_drop(pools, chunk);
    }
}

uint64_t cg_pool_handle_id(const cg_pools *pools, uint32_t index) {
    const cg_pool_handle *handle = cg_pool_handle_at(pools, index);
    return (uint64_t)handle->pool << ID_POOL_SHIFT |
           (uint64_t)handle->generation << ID_GENERATION_SHIFT | index;
}

cg_pool_handle *cg_pool_handle_find(const cg_pools *pools, uint64_t slot) {
    uint32_t index = cg_pool_handle_index(slot);
    if (index / CG_POOL_CHUNK_HANDLES >= pools->chunk_count ||
        !pools->chunks[index / CG_POOL_CHUNK_HANDLES].handles) {
        return NULL;
    }
    cg_pool_handle *handle = cg_pool_handle_at(pools, index);
    bool is_it = handle->pool != CG_POOL_NOT_TAKEN && cg_pool_handle_id(pools, index) == slot;
    return is_it ? handle : NULL;
}
