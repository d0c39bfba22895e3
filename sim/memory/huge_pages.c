#include "sim/memory/huge_pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static bool is_large(size_t bytes) {
    return bytes >= SIM_HUGE_BLOCK_MIN_BYTES;
}

/* bytes must be at most SIZE_MAX - SIM_HUGE_PAGE_BYTES. */
static size_t rounded(size_t bytes) {
    return (bytes + SIM_HUGE_PAGE_BYTES - 1) & ~((size_t)SIM_HUGE_PAGE_BYTES - 1);
}

/* A mapping of rounded(bytes) at a multiple of 2 MiB, or NULL. */
static void *map(size_t bytes) {
    if (bytes > SIZE_MAX - 2 * (size_t)SIM_HUGE_PAGE_BYTES) {
        return NULL;
    }
    size_t size = rounded(bytes);
    /* One huge page more than wanted holds an aligned block of the size wanted, wherever the
     * kernel puts it. What stands out on either side goes back. */
    uint8_t *whole = mmap(NULL, size + SIM_HUGE_PAGE_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (whole == MAP_FAILED) {
        return NULL;
    }
    size_t beyond = (uintptr_t)whole % SIM_HUGE_PAGE_BYTES;
    size_t head = beyond ? SIM_HUGE_PAGE_BYTES - beyond : 0;
    size_t tail = SIM_HUGE_PAGE_BYTES - head;
    if (head > 0) {
        (void)munmap(whole, head);
    }
    if (tail > 0) {
        (void)munmap(whole + head + size, tail);
    }
    (void)madvise(whole + head, size, MADV_HUGEPAGE); /* small pages do as well */
    return whole + head;
}

/* From one large size to another. */
static void *remap(void *block, size_t old_bytes, size_t new_bytes) {
    if (new_bytes > SIZE_MAX - 2 * (size_t)SIM_HUGE_PAGE_BYTES) {
        return NULL;
    }
    size_t old_size = rounded(old_bytes);
    size_t new_size = rounded(new_bytes);
    /* In place: always possible for the same or a lesser size. */
    if (mremap(block, old_size, new_size, 0) != MAP_FAILED) {
        return block;
    }
    void *place = map(new_bytes);
    if (!place) {
        return NULL;
    }
    void *moved = mremap(block, old_size, new_size, MREMAP_MAYMOVE | MREMAP_FIXED, place);
    /* A failure here may have unmapped the new place, and another thread may have mapped
     * something there since: so it is left alone. Nothing was written to it: what is lost is
     * addresses, not memory. */
    return moved == MAP_FAILED ? NULL : moved;
}

static void release(void *block, size_t bytes) {
    if (is_large(bytes)) {
        (void)munmap(block, rounded(bytes));
    } else {
        free(block);
    }
}

static void *reallocate(void *context, void *block, size_t old_bytes, size_t new_bytes) {
    (void)context;
    if (block && new_bytes == 0) {
        release(block, old_bytes);
        return NULL;
    }
    if (new_bytes == 0) {
        return NULL;
    }
    if (!block) {
        return is_large(new_bytes) ? map(new_bytes) : malloc(new_bytes);
    }
    if (is_large(old_bytes) && is_large(new_bytes)) {
        return remap(block, old_bytes, new_bytes);
    }
    if (!is_large(old_bytes) && !is_large(new_bytes)) {
        return realloc(block, new_bytes);
    }
    void *moved = is_large(new_bytes) ? map(new_bytes) : malloc(new_bytes);
    if (moved) {
        memcpy(moved, block, old_bytes < new_bytes ? old_bytes : new_bytes);
        release(block, old_bytes);
    }
    return moved;
}

cg_allocator sim_allocator_huge_pages(void) {
    return (cg_allocator){.reallocate = reallocate, .context = NULL};
}
