/* An allocator whose large blocks stand in 2 MiB pages.
 *
 * A graph walk reads rows at random. With pages of 4 KiB nearly each of those reads misses the
 * TLB as well as the cache, once the tables outgrow what the TLB covers; pages of 2 MiB take
 * that miss away (about a fifth of a search at a million rows).
 *
 * Blocks of SIM_HUGE_BLOCK_MIN_BYTES and more are mappings of their own: they start at a
 * multiple of 2 MiB, their size is rounded up to one, and the kernel is asked for huge pages
 * (madvise, so that "madvise" in /sys/kernel/mm/transparent_hugepage/enabled is enough; where
 * the kernel refuses, the pages are small and all else holds). Smaller blocks come from the C
 * library's heap. What a block is follows from its size alone, and whoever resizes or frees a
 * block states its size (engine/base/memory.h): so nothing is stored beside it.
 */
#ifndef SIM_MEMORY_HUGE_PAGES_H
#define SIM_MEMORY_HUGE_PAGES_H

#include "engine/base/memory.h"

enum {
    SIM_HUGE_PAGE_BYTES = 2 << 20,
    SIM_HUGE_BLOCK_MIN_BYTES = 4 << 20 /* less would waste too much by rounding up */
};

/* Thread-safe; has no state. A large block that grows or shrinks keeps its pages: they are
 * mapped to another address where it cannot grow in place, never copied. */
cg_allocator sim_allocator_huge_pages(void);

#endif
