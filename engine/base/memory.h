/* Injected allocators, and an arena.
 *
 * An allocator is one function: reallocate(context, block, old_bytes, new_bytes). block NULL
 * allocates, new_bytes 0 frees and returns NULL, otherwise the block is resized. Failure
 * returns NULL and leaves the old block as it was. Blocks are aligned to at least 16 bytes;
 * cg_allocate_aligned gives more.
 *
 * Invariant: whoever frees states the size it asked for, so an allocator can account exactly.
 */
#ifndef CG_ENGINE_BASE_MEMORY_H
#define CG_ENGINE_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/status.h"

typedef struct cg_allocator {
    void *(*reallocate)(void *context, void *block, size_t old_bytes, size_t new_bytes);
    void *context;
} cg_allocator;

/* The C library's heap. */
cg_allocator cg_allocator_heap(void);

/* Zeroed array of count elements; NULL when count*size overflows or memory is out. count 0
 * gives NULL. */
void *cg_allocate(const cg_allocator *allocator, size_t count, size_t size);
void cg_deallocate(const cg_allocator *allocator, void *block, size_t count, size_t size);

/* The block of `*capacity` elements of `size` bytes, grown to hold at least `needed`, by
 * doubling; new elements are zeroed. On failure (CG_ERROR_MEMORY, the only one) it is the block
 * as it was, and `*capacity` stays below `needed`. */
void *cg_grown(const cg_allocator *allocator, void *block, size_t *capacity, size_t needed,
               size_t size, cg_error *error);

/* cg_grown for `array`, a pointer of any type, and `capacity`, both lvalues: a cg_status. Each
 * argument may be evaluated twice. */
#define CG_GROW(allocator, array, capacity, needed, error)                                     \
    ((array) =                                                                                 \
         cg_grown((allocator), (array), &(capacity), (needed), sizeof *(array), (error)),      \
     (capacity) >= (needed) ? CG_OK : CG_ERROR_MEMORY)

/* cg_grown for an array that a void pointer holds. */
static inline cg_status cg_grow(const cg_allocator *allocator, void **array, size_t *capacity,
                                size_t needed, size_t size, cg_error *error) {
    *array = cg_grown(allocator, *array, capacity, needed, size, error);
    return *capacity >= needed ? CG_OK : CG_ERROR_MEMORY;
}

/* 64-byte aligned, zeroed; freed with cg_deallocate_aligned and the same byte count. */
void *cg_allocate_aligned(const cg_allocator *allocator, size_t bytes);
void cg_deallocate_aligned(const cg_allocator *allocator, void *block, size_t bytes);

/* Allocator that counts live bytes and blocks and can be made to fail at the n-th call from now
 * (fail_at 1: the next one; 0: never). For accounting and for tests. */
typedef struct cg_counting_allocator {
    cg_allocator inner;
    uint64_t live_bytes;
    uint64_t live_blocks;
    uint64_t peak_bytes;
    uint64_t calls;
    uint64_t fail_at;
} cg_counting_allocator;
void cg_counting_allocator_init(cg_counting_allocator *counting, cg_allocator inner);
cg_allocator cg_counting_allocator_view(cg_counting_allocator *counting);

/* Arena: bump allocation from one block of fixed size, freed whole. */
typedef struct cg_arena {
    uint8_t *block;
    size_t used_bytes;
    size_t capacity_bytes;
    size_t high_water_bytes;
} cg_arena;
cg_status cg_arena_init(cg_arena *arena, const cg_allocator *allocator, size_t capacity_bytes,
                        cg_error *error);
void cg_arena_deinit(cg_arena *arena, const cg_allocator *allocator);
/* Zeroed, 16-byte aligned; NULL when the arena is full. */
void *cg_arena_take(cg_arena *arena, size_t count, size_t size);
void cg_arena_reset(cg_arena *arena);

#endif
