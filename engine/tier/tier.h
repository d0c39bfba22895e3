/* Memory tiers: which level serves a read (spec D1 to D3).
 *
 * Levels from fast to slow; the last is the store, which holds everything. A read is served by
 * the first level that holds the key; then the key is brought into the faster levels that the
 * read looked at (inclusive promotion), each by its own rule, and its policy evicts. With the
 * default three, level 0 holds spike patterns, level 1 graph nodes, level 2 is the persistent
 * store; a pattern read looks at all levels, a node read from level 1 on.
 *
 * A key's first read looks at the store alone unless the key was filled, promoted or prefetched.
 * A prefetch is asked for, is on its way, and arrives; the one who asks takes care that it
 * arrives. It counts as
 *
 *   useful    it arrived and was read before it was evicted
 *   late      it was read while it was on its way; the read is served as if nobody had asked,
 *             and the later arrival counts nothing more
 *   useless   it was evicted, forgotten or turned away unread
 *   pending   none of these yet
 *
 * and issued = useful + late + useless + pending, always. Only a read that looks at the level
 * prefetched into counts as its read.
 *
 * Deterministic: equal calls give equal states, whatever the addresses. Memory: that of the
 * caches (cache.h), 4 to 8 bytes a key held by a level with promote_after above 1 (2 KiB at
 * least), 21 to 43 a pending prefetch.
 */
#ifndef CG_ENGINE_TIER_TIER_H
#define CG_ENGINE_TIER_TIER_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/base/work.h"
#include "engine/tier/cache.h"

enum {
    CG_TIER_LEVELS_MAX = 5, /* the last of them is the store */
    CG_TIER_PROMOTE_AFTER_MAX = 15,
    CG_TIER_ON_THEIR_WAY_MAX = 1024 /* prefetches on their way at a time */
};

/* Of one level; of the store nothing is read. */
typedef struct cg_tier_options {
    cg_cache_policy policy;
    cg_cache_bound bound;
    uint64_t capacity; /* keys or bytes */
    /* 1..CG_TIER_PROMOTE_AFTER_MAX: a key is brought into this level at its so-manieth recent
     * read that looked at the level and was served by a slower one; 1: at once. "Recent": every
     * so many such reads as the level holds keys (rounded up to a power of two, 512 at least) all
     * counts are halved, rounding down. They are a sketch's: rarely too high, never too low. */
    uint32_t promote_after;
    const cg_cache_future
        *future; /* belady: the keys of the reads that will look at this level */
} cg_tier_options;

typedef struct cg_tiers cg_tiers;

/* options[levels], 1..CG_TIER_LEVELS_MAX. Capacities of the same bound must not fall from fast to
 * slow. Errors: CG_ERROR_INVALID, CG_ERROR_MEMORY. */
cg_status cg_tiers_alloc(const cg_tier_options *options, uint32_t levels,
                         cg_allocator allocator, cg_tiers **out, cg_error *error);
void cg_tiers_free(cg_tiers *tiers); /* NULL is fine */

/* Reads `bytes` (at least 1) of `key` through levels from first_level (0-based). *served: the
 * level that had it. Counts the read as CG_WORK_TIER_L1 + served, or as CG_WORK_TIER_STORE where
 * the last level served. On failure (CG_ERROR_INVALID, CG_ERROR_MEMORY) nothing changes. */
cg_status cg_tiers_read(cg_tiers *tiers, uint64_t key, uint32_t bytes, uint32_t first_level,
                        uint32_t *served, cg_work *work, cg_error *error);
/* Puts a key into a level, as a write or a warm start does; one that is held is touched. No read,
 * no promotion and no work is counted; what it evicts is. A key that the policy turns away, or
 * that is larger than the level, is no failure. Into the store: nothing to do. On failure nothing
 * changes. */
cg_status cg_tiers_fill(cg_tiers *tiers, uint64_t key, uint32_t bytes, uint32_t level,
                        cg_error *error);
/* The level that would serve a read from first_level; changes nothing. */
uint32_t cg_tiers_where(const cg_tiers *tiers, uint64_t key, uint32_t first_level);
/* Takes a key out of all levels: the record is gone. If it is on its way, its arrival brings
 * nothing. */
void cg_tiers_forget(cg_tiers *tiers, uint64_t key);
/* Another capacity for a level that is not the store, in the unit of its bound; the order of
 * capacities is checked as at the start. Evicts what must go. On failure nothing changes. */
cg_status cg_tiers_resize(cg_tiers *tiers, uint32_t level, uint64_t capacity, cg_error *error);

/* Notes that a key of `bytes` is being fetched into `level`. *asked: false, and nothing changes,
 * when it is held there or faster, is on its way already (to whichever level), has arrived at a
 * slower level and is unread, or CG_TIER_ON_THEIR_WAY_MAX others are on their way. On failure
 * nothing changes. */
cg_status cg_tiers_prefetch(cg_tiers *tiers, uint64_t key, uint32_t bytes, uint32_t level,
                            bool *asked, cg_error *error);
/* What was asked for came: fills its level. Nothing when nobody asked, or when it was forgotten
 * meanwhile. On failure (CG_ERROR_MEMORY) nothing changes, it is still on its way. */
cg_status cg_tiers_arrived(cg_tiers *tiers, uint64_t key, cg_error *error);

typedef struct cg_tier_statistics {
    uint64_t reads[CG_TIER_LEVELS_MAX];     /* served by each level */
    uint64_t evictions[CG_TIER_LEVELS_MAX]; /* keys that the policy took out */
    uint64_t entries[CG_TIER_LEVELS_MAX];   /* held now; 0 for the store */
    uint64_t capacity[CG_TIER_LEVELS_MAX];  /* now, in the unit of the bound; 0 for the store */
    uint64_t size_bytes[CG_TIER_LEVELS_MAX]; /* of their sizes */
    uint64_t promotions[CG_TIER_LEVELS_MAX]; /* keys brought into each level by reads */
    uint64_t prefetch_issued;
    uint64_t prefetch_useful;
    uint64_t prefetch_useless;
    uint64_t prefetch_late;
    uint64_t prefetch_pending;
} cg_tier_statistics;
cg_tier_statistics cg_tiers_statistics(const cg_tiers *tiers);
/* Counts begin anew; prefetches that are pending stay issued. */
void cg_tiers_reset_statistics(cg_tiers *tiers);
uint64_t cg_tiers_bytes(const cg_tiers *tiers); /* memory held; an image is not its own */
uint64_t cg_tiers_hash(const cg_tiers *tiers);  /* of the whole state, statistics included */

/* --- images: warm tiers, shared copy-on-write (design.md, "Ten billion nodes", 8) -------------
 *
 * As cache.h's: the whole state, statistics included, as bytes without pointers for this machine
 * and this build alone. cg_tiers_open works in place on a private copy and takes memory of its own
 * only to grow. No images while a prefetch is pending or on its way, nor of belady. */
uint64_t cg_tiers_image_bytes(const cg_tiers *tiers); /* 0 where there can be none */
/* image: 64-byte aligned, cg_tiers_image_bytes long. CG_ERROR_INVALID as said; then the image is
 * untouched. */
cg_status cg_tiers_save(const cg_tiers *tiers, void *image, cg_error *error);
/* image: as saved, 64-byte aligned, writable, outlives the tiers. options and levels: as the
 * saved tiers' at the time of saving, else CG_ERROR_INVALID. */
cg_status cg_tiers_open(void *image, uint64_t image_bytes, const cg_tier_options *options,
                        uint32_t levels, cg_allocator allocator, cg_tiers **out,
                        cg_error *error);

#endif
