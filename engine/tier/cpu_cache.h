/* A model of the processor's caches beneath the tiers: which level holds the lines that the
 * engine touches (spec D1).
 *
 * One to three levels, each set-associative with least-recently-used replacement within a set,
 * over lines of one size. A touch of a line looks at the levels from fast to slow until one
 * holds it; then the line is the most recently used of its set in that level and in all faster
 * ones. The levels are non-inclusive and non-exclusive: what a slower level evicts stays in a
 * faster one, and a hit in a faster level is not seen by a slower one. Reads and writes count
 * alike (write-allocate); write-backs, address translation and prefetchers are not modelled.
 *
 * Addresses are synthetic: whoever owns an array names it as a region and touches (region,
 * offset); no pointer is looked at, so equal calls give equal counts in every process. Regions lie
 * one after another in the order named, each from a multiple of 4,096 bytes. The set of a line is
 * its number's low bits, or, where a level is hashed, those xored with all higher groups of as
 * many bits, as slices of last-level caches are.
 *
 * All memory is taken at the start: 4 bytes a line. A touch of a line costs O(ways looked at).
 * Source and known values: cpu_cache.c.
 */
#ifndef CG_ENGINE_TIER_CPU_CACHE_H
#define CG_ENGINE_TIER_CPU_CACHE_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

enum {
    CG_CPU_LEVELS_MAX = 3,
    CG_CPU_REGIONS_MAX = 16,
    CG_CPU_REGION_NAME_BYTES_MAX = 31,
    CG_CPU_WAYS_MAX = 1024,
    CG_CPU_LINE_BYTES_MIN = 16,
    CG_CPU_LINE_BYTES_MAX = 4096
};
#define CG_CPU_LEVEL_BYTES_MAX (UINT64_C(1) << 34)

typedef struct cg_cpu_level_options {
    uint64_t size_bytes; /* sets * ways * line, sets a power of two; at most 2^34 */
    uint32_t ways;       /* 1..CG_CPU_WAYS_MAX; size_bytes / line_bytes: fully associative */
    bool hashed;         /* how a line's set is found, see above */
} cg_cpu_level_options;

typedef struct cg_cpu_options {
    cg_cpu_level_options levels[CG_CPU_LEVELS_MAX]; /* from fast to slow; sizes do not fall */
    uint32_t level_count;                           /* 1..CG_CPU_LEVELS_MAX */
    uint32_t line_bytes; /* of all levels; a power of two, 16..4096 */
} cg_cpu_options;
/* 32 KiB of 8 ways, 1 MiB of 16, 32 MiB of 16 hashed; lines of 64 bytes. */
cg_cpu_options cg_cpu_options_default(void);

typedef struct cg_cpu_cache cg_cpu_cache;
/* Empty caches without regions. Errors: CG_ERROR_INVALID, CG_ERROR_MEMORY. */
cg_status cg_cpu_cache_alloc(const cg_cpu_options *options, cg_allocator allocator,
                             cg_cpu_cache **out, cg_error *error);
void cg_cpu_cache_free(cg_cpu_cache *cache); /* NULL is fine */

/* A range of addresses of its own. name: 1..CG_CPU_REGION_NAME_BYTES_MAX bytes, unlike the others',
 * copied. span_bytes: at least 1, the most that the array may ever hold (addresses cost nothing).
 * *region: 0, 1, 2 ... in the order added. Errors, with nothing changed: CG_ERROR_INVALID (name,
 * span, or addresses beyond 2^32 - 2 lines for each set of the level with the fewest sets: 16 TiB
 * with the default levels), CG_ERROR_EXISTS, CG_ERROR_FULL (CG_CPU_REGIONS_MAX). */
cg_status cg_cpu_cache_add_region(cg_cpu_cache *cache, const char *name, uint64_t span_bytes,
                                  uint32_t *region, cg_error *error);

/* The engine reads or writes these bytes: touches each line that holds one of them once, in
 * ascending order. Returns the slowest level that served one of them, 0-based, level_count being
 * memory; 0 for no bytes. It cannot fail: the region exists and the bytes lie within its span
 * (asserted). */
uint32_t cg_cpu_cache_touch(cg_cpu_cache *cache, uint32_t region, uint64_t offset_bytes,
                            uint64_t size_bytes);

typedef struct cg_cpu_counts {        /* of lines touched */
    uint64_t accesses;                /* = hits of all levels + misses */
    uint64_t hits[CG_CPU_LEVELS_MAX]; /* served by each level; each access counts once */
    uint64_t misses;                  /* served by memory */
} cg_cpu_counts;
/* Of a region; of all regions together. */
cg_cpu_counts cg_cpu_cache_counts(const cg_cpu_cache *cache, uint32_t region);
cg_cpu_counts cg_cpu_cache_totals(const cg_cpu_cache *cache);
void cg_cpu_cache_reset_counts(cg_cpu_cache *cache); /* what the levels hold stays */

uint32_t cg_cpu_cache_level_count(const cg_cpu_cache *cache);
uint32_t cg_cpu_cache_region_count(const cg_cpu_cache *cache);
const char *cg_cpu_cache_region_name(const cg_cpu_cache *cache, uint32_t region); /* borrowed */
uint64_t cg_cpu_cache_bytes(const cg_cpu_cache *cache); /* memory held; never changes */
uint64_t cg_cpu_cache_hash(const cg_cpu_cache *cache); /* of the whole state, counts included */

#endif
