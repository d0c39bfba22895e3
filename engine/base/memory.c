/* Allocators and the arena.
 *
 * Every size is checked for overflow before it is used, so that a count read from a file cannot
 * turn into a block that is too small.
 */
#include "engine/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT_BYTES = 64, ARENA_ALIGNMENT_BYTES = 16, GROW_FIRST_COUNT = 8 };

static void *heap_reallocate(void *context, void *block, size_t old_bytes, size_t new_bytes) {
    (void)context;
    (void)old_bytes;
    if (new_bytes == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, new_bytes);
}

cg_allocator cg_allocator_heap(void) {
    return (cg_allocator){.reallocate = heap_reallocate, .context = NULL};
}

static bool multiply_fits(size_t count, size_t size, size_t *bytes) {
    if (size != 0 && count > SIZE_MAX / size) {
        return false;
    }
    *bytes = count * size;
    return true;
}

void *cg_allocate(const cg_allocator *allocator, size_t count, size_t size) {
    size_t bytes = 0;
    if (!multiply_fits(count, size, &bytes) || bytes == 0) {
        return NULL;
    }
    void *block = allocator->reallocate(allocator->context, NULL, 0, bytes);
    if (block) {
        memset(block, 0, bytes);
    }
    return block;
}

void cg_deallocate(const cg_allocator *allocator, void *block, size_t count, size_t size) {
    if (block) {
        (void)allocator->reallocate(allocator->context, block, count * size, 0);
    }
}

void *cg_grown(const cg_allocator *allocator, void *block, size_t *capacity, size_t needed,
               size_t size, cg_error *error) {
    CG_ASSERT(size > 0);
    if (needed <= *capacity) {
        return block;
    }
    size_t grown = *capacity > SIZE_MAX / 2 ? SIZE_MAX : *capacity * 2;
    if (grown < GROW_FIRST_COUNT) {
        grown = GROW_FIRST_COUNT;
    }
    if (grown < needed) {
        grown = needed;
    }
    size_t bytes = 0;
    if (!multiply_fits(grown, size, &bytes)) {
        (void)cg_error_set(
            error, CG_ERROR_MEMORY,
            "an array of %zu elements of %zu bytes does not fit the address space", needed,
            size);
        return block;
    }
    size_t old_bytes = *capacity * size;
    /* An empty array owns no block, so that old_bytes 0 always goes with NULL. */
    void *old = old_bytes == 0 ? NULL : block;
    uint8_t *bigger = allocator->reallocate(allocator->context, old, old_bytes, bytes);
    if (!bigger) {
        (void)cg_error_set(
            error, CG_ERROR_MEMORY,
            "out of memory growing an array from %zu to %zu elements of %zu bytes", *capacity,
            grown, size);
        return block;
    }
    memset(bigger + old_bytes, 0, bytes - old_bytes);
    *capacity = grown;
    return bigger;
}

/* The block is 64 bytes longer than asked for. The aligned address lies 1 to 64 bytes behind
 * its start, and the byte in front of the aligned address says how many. */
void *cg_allocate_aligned(const cg_allocator *allocator, size_t bytes) {
    if (bytes == 0 || bytes > SIZE_MAX - ALIGNMENT_BYTES) {
        return NULL;
    }
    size_t total = bytes + ALIGNMENT_BYTES;
    uint8_t *raw = allocator->reallocate(allocator->context, NULL, 0, total);
    if (!raw) {
        return NULL;
    }
    size_t offset = ALIGNMENT_BYTES - (size_t)((uintptr_t)raw % ALIGNMENT_BYTES);
    memset(raw, 0, total);
    raw[offset - 1] = (uint8_t)offset;
    return raw + offset;
}

void cg_deallocate_aligned(const cg_allocator *allocator, void *block, size_t bytes) {
    if (block) {
        uint8_t *aligned = block;
        uint8_t *raw = aligned - aligned[-1];
        (void)allocator->reallocate(allocator->context, raw, bytes + ALIGNMENT_BYTES, 0);
    }
}

static void *counting_reallocate(void *context, void *block, size_t old_bytes,
                                 size_t new_bytes) {
    cg_counting_allocator *counting = context;
    const cg_allocator *inner = &counting->inner;
    /* Giving back never fails and is no call that a test could make fail. */
    if (new_bytes == 0) {
        if (block) {
            CG_ASSERT(counting->live_bytes >= old_bytes && counting->live_blocks > 0);
            counting->live_bytes -= old_bytes;
            counting->live_blocks--;
            (void)inner->reallocate(inner->context, block, old_bytes, 0);
        }
        return NULL;
    }
    counting->calls++;
    if (counting->fail_at > 0 && --counting->fail_at == 0) {
        return NULL;
    }
    void *result = inner->reallocate(inner->context, block, block ? old_bytes : 0, new_bytes);
    if (!result) {
        return NULL;
    }
    if (block) {
        CG_ASSERT(counting->live_bytes >= old_bytes);
        counting->live_bytes -= old_bytes;
    } else {
        counting->live_blocks++;
    }
    counting->live_bytes += new_bytes;
    if (counting->live_bytes > counting->peak_bytes) {
        counting->peak_bytes = counting->live_bytes;
    }
    return result;
}

void cg_counting_allocator_init(cg_counting_allocator *counting, cg_allocator inner) {
    *counting = (cg_counting_allocator){.inner = inner};
}

cg_allocator cg_counting_allocator_view(cg_counting_allocator *counting) {
    return (cg_allocator){.reallocate = counting_reallocate, .context = counting};
}

cg_status cg_arena_init(cg_arena *arena, const cg_allocator *allocator, size_t capacity_bytes,
                        cg_error *error) {
    uint8_t *block = NULL;
    if (capacity_bytes > 0) {
        block = cg_allocate_aligned(allocator, capacity_bytes);
        if (!block) {
            return cg_error_set(error, CG_ERROR_MEMORY,
                                "out of memory for an arena of %zu bytes", capacity_bytes);
        }
    }
    *arena = (cg_arena){.block = block, .capacity_bytes = capacity_bytes};
    return CG_OK;
}

void cg_arena_deinit(cg_arena *arena, const cg_allocator *allocator) {
    cg_deallocate_aligned(allocator, arena->block, arena->capacity_bytes);
    *arena = (cg_arena){0};
}

void *cg_arena_take(cg_arena *arena, size_t count, size_t size) {
    size_t bytes = 0;
    if (!multiply_fits(count, size, &bytes) || bytes == 0) {
        return NULL;
    }
    size_t misaligned = arena->used_bytes % ARENA_ALIGNMENT_BYTES;
    size_t padding = misaligned ? ARENA_ALIGNMENT_BYTES - misaligned : 0;
    size_t left = arena->capacity_bytes - arena->used_bytes;
    if (padding > left || bytes > left - padding) {
        return NULL;
    }
    uint8_t *block = arena->block + arena->used_bytes + padding;
    arena->used_bytes += padding + bytes;
    if (arena->used_bytes > arena->high_water_bytes) {
        arena->high_water_bytes = arena->used_bytes;
    }
    memset(block, 0, bytes);
    return block;
}

void cg_arena_reset(cg_arena *arena) {
    arena->used_bytes = 0;
}
