/* How often keys were read lately: the count-min sketch of sketch.h, with its growth and aging.
 *
 * Idea: what was popular must be forgotten, so all counters are halved every `window` counts
 * (Einziger, Friedman and Manes, "TinyLFU", ACM TOS 13(4), 2017, section 3.3). The window is the
 * least power of two that is at least the keys held, and each row has two counters for each of
 * its counts. So a row's counters hold at most 0.5 to 1 on average, and few keys share all four
 * of theirs with others.
 *
 * It grows with the keys held. What it will grow into is taken ahead, in a place of its own, so
 * that a failure elsewhere leaves the counts and their aging as they were.
 *
 * Known value: 1, 2, 3 ... for the reads of one key, up to 15; after a halving 15 is 7.
 */
#include "engine/base/hash.h"
#include "engine/tier/sketch.h"
#include "engine/tier/tier_internal.h"

enum { FIRST_WINDOW = 512, BLOCK_ROW_COUNTERS = 32, ROW_COUNTERS_PER_COUNT = 2 };
static const uint64_t SKETCH_SEED = 21;

static uint64_t window_of(uint32_t blocks) {
    return (uint64_t)blocks * BLOCK_ROW_COUNTERS / ROW_COUNTERS_PER_COUNT;
}

static uint32_t blocks_for(uint64_t entries) {
    uint64_t window = FIRST_WINDOW;
    while (window < entries) {
        window *= 2;
    }
    return (uint32_t)(window * ROW_COUNTERS_PER_COUNT / BLOCK_ROW_COUNTERS);
}

uint64_t cg_tier_sketch_bytes(uint32_t blocks) {
    return (uint64_t)blocks * CG_SKETCH_BLOCK_BYTES;
}

cg_status cg_tier_sketch_reserve(cg_tier_sketch *sketch, uint64_t entries,
                                 const cg_allocator *allocator, cg_error *error) {
    uint32_t blocks = blocks_for(entries);
    if (blocks <= sketch->blocks || blocks <= sketch->next_blocks) {
        return CG_OK;
    }
    uint64_t *words = cg_allocate_aligned(allocator, cg_tier_sketch_bytes(blocks));
    if (!words) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory to count the reads of a tier, %llu bytes",
                            (unsigned long long)cg_tier_sketch_bytes(blocks));
    }
    cg_deallocate_aligned(allocator, sketch->next, cg_tier_sketch_bytes(sketch->next_blocks));
    sketch->next = words;
    sketch->next_blocks = blocks;
    return CG_OK;
}

void cg_tier_sketch_deinit(cg_tier_sketch *sketch, const cg_allocator *allocator) {
    if (!sketch->is_borrowed) {
        cg_deallocate_aligned(allocator, sketch->words, cg_tier_sketch_bytes(sketch->blocks));
    }
    cg_deallocate_aligned(allocator, sketch->next, cg_tier_sketch_bytes(sketch->next_blocks));
    *sketch = (cg_tier_sketch){0};
}

static void grow(cg_tier_sketch *sketch, const cg_allocator *allocator) {
    cg_tier_sketch grown = {
        .words = sketch->next, .blocks = sketch->next_blocks, .additions = sketch->additions};
    if (sketch->blocks > 0) {
        cg_sketch_copy(sketch->words, sketch->blocks, grown.words, grown.blocks);
    }
    sketch->next = NULL;
    cg_tier_sketch_deinit(sketch, allocator);
    *sketch = grown;
}

uint32_t cg_tier_sketch_count(cg_tier_sketch *sketch, uint64_t key, uint64_t entries,
                              const cg_allocator *allocator) {
    if (sketch->blocks < blocks_for(entries)) {
        grow(sketch, allocator);
        CG_ASSERT(sketch->blocks >= blocks_for(entries));
    }
    uint64_t hash = cg_hash_u64(key, SKETCH_SEED);
    cg_sketch_add(sketch->words, sketch->blocks, hash);
    uint32_t count = cg_sketch_estimate(sketch->words, sketch->blocks, hash);
    if (++sketch->additions >= window_of(sketch->blocks)) {
        cg_sketch_halve(sketch->words, sketch->blocks);
        sketch->additions = 0;
    }
    return count;
}
