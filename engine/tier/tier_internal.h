/* What the files of the memory tiers share (private to engine/tier). */
#ifndef CG_ENGINE_TIER_TIER_INTERNAL_H
#define CG_ENGINE_TIER_TIER_INTERNAL_H

#include "engine/base/map.h"
#include "engine/tier/tier.h"

/* --- tier_sketch.c: how often keys were read lately ------------------------------------------- */
typedef struct cg_tier_sketch {
    uint64_t *words;      /* sketch.h; NULL before the first count */
    uint64_t *next;       /* reserved to grow into, or NULL */
    uint64_t additions;   /* since all counters were halved */
    uint32_t blocks;      /* of words */
    uint32_t next_blocks; /* of next */
    bool is_borrowed;     /* words lie in an image */
} cg_tier_sketch;

uint64_t cg_tier_sketch_bytes(uint32_t blocks);
/* Makes sure that the next cg_tier_sketch_count of a level of so many keys needs no memory.
 * Changes nothing else. */
cg_status cg_tier_sketch_reserve(cg_tier_sketch *sketch, uint64_t entries,
                                 const cg_allocator *allocator, cg_error *error);
void cg_tier_sketch_deinit(cg_tier_sketch *sketch, const cg_allocator *allocator);
/* Counts a read of the key, after the reserve for as many entries, and returns how many recent
 * ones there are with it, 1..15: at least as many as counted, exactly as many where no other key
 * shares all four counters. */
uint32_t cg_tier_sketch_count(cg_tier_sketch *sketch, uint64_t key, uint64_t entries,
                              const cg_allocator *allocator);

/* --- the tiers ---------------------------------------------------------------------------- */
typedef struct cg_tier_level {
    cg_tiers *tiers;
    uint32_t index;
    cg_tier_options options; /* capacity: as it is now */
    cg_cache *cache;         /* NULL for the store */
    cg_tier_sketch sketch;   /* used where options.promote_after > 1 */
    uint64_t reads;
    uint64_t promotions;
    uint64_t evictions_before; /* by the cache, when statistics were reset */
} cg_tier_level;

typedef struct cg_tier_prefetches {
    cg_table *marks;     /* key -> state, level and bytes of a prefetch not yet settled */
    uint64_t marks_hash; /* of all marks, whatever their order */
    uint64_t on_their_way;
    uint64_t issued;
    uint64_t useful;
    uint64_t useless;
    uint64_t late;
} cg_tier_prefetches;

struct cg_tiers {
    cg_allocator allocator;
    uint32_t count;
    cg_tier_level levels[CG_TIER_LEVELS_MAX];
    cg_tier_prefetches prefetches;
};

/* tier.c: checked options; all levels are set but have no caches yet. */
cg_status cg_tiers_start(const cg_tier_options *options, uint32_t levels,
                         cg_allocator allocator, cg_tiers **out, cg_error *error);
cg_cache_options cg_tier_cache_options(cg_tier_level *level);
uint64_t cg_tier_entries(const cg_tier_level *level);
/* A read from *level on that this level does not serve; then *level is the one that does. On
 * failure nothing changes. Apart from cg_tiers_read, whose usual way it would slow down. */
cg_status cg_tier_read_slower(cg_tiers *tiers, uint64_t key, uint32_t bytes, uint32_t *level,
                              cg_error *error);

/* tier_prefetch.c: what reads, evictions and forgetting mean to prefetches. None of them fails;
 * without prefetches they cost a comparison. */
void cg_tier_prefetch_read(cg_tiers *tiers, uint64_t key, uint32_t first_level);
void cg_tier_prefetch_evicted(void *level, uint64_t key, uint32_t bytes); /* cg_cache's */
void cg_tier_prefetch_forget(cg_tiers *tiers, uint64_t key);

#endif
