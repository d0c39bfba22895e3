/* Pools of activation records (spec D5): records of one size in blocks, used again instead of
 * allocated.
 *
 * A pool is shared and holds whole blocks. Each thread that spreads has a cache of its own, which
 * takes blocks from the pool when it runs out and otherwise never leaves its thread. A record is
 * known by its number within its cache: numbers count up from 0 through the cache's blocks, and
 * one that was given back is taken again first.
 *
 *     record number n: blocks[n / 256], place n % 256
 *
 * Counted: records taken, those of them that lay in memory used before (hit rate: reused /
 * taken), records in use now and at most, memory now and at most. Giving a record back that is
 * not taken is refused: a bit a record says.
 *
 * Not allocated on the hot path once warm: a cache keeps what it had until it is trimmed. When
 * idle, cg_activation_cache_trim hands blocks to the pool, which frees those beyond kept_blocks.
 *
 * Source of the two layers (magazines and depot): Bonwick and Adams, "Magazines and Vmem", USENIX
 * 2001, section 3; ours move blocks, not lists of records.
 */
#ifndef CG_ENGINE_TIER_ACTIVATION_H
#define CG_ENGINE_TIER_ACTIVATION_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

enum {
    CG_ACTIVATION_BLOCK_RECORDS = 256,
    CG_ACTIVATION_RECORD_BYTES_MAX = 4096,
    CG_ACTIVATION_RECORDS_MAX = 0x7fffff00 /* of one cache */
};

typedef struct cg_activation_options {
    uint32_t record_bytes; /* 8..CG_ACTIVATION_RECORD_BYTES_MAX, a multiple of 8 */
    uint32_t kept_blocks;  /* the pool keeps at most this many unused blocks */
} cg_activation_options;

typedef struct cg_activation_pool cg_activation_pool;
/* Errors: CG_ERROR_INVALID, CG_ERROR_MEMORY. The allocator is called under the pool's lock, so
 * caches of several threads may share it if nobody else calls it at the same time. */
cg_status cg_activation_pool_alloc(const cg_activation_options *options, cg_allocator allocator,
                                   cg_activation_pool **out, cg_error *error);
void cg_activation_pool_free(cg_activation_pool *pool); /* after its caches; NULL is fine */

typedef struct cg_activation_cache cg_activation_cache;
/* The pool outlives the cache; the cache's own arrays come from its allocator. */
cg_status cg_activation_cache_alloc(cg_activation_pool *pool, cg_allocator allocator,
                                    cg_activation_cache **out, cg_error *error);
void cg_activation_cache_free(cg_activation_cache *cache); /* its blocks go to the pool */

/* A record; what its bytes are is undefined. On failure (CG_ERROR_MEMORY, CG_ERROR_FULL) nothing
 * changes. */
cg_status cg_activation_take(cg_activation_cache *cache, uint32_t *record, cg_error *error);
/* `count` records, at least 1, with consecutive numbers from *first: those behind every record
 * taken since the last cg_activation_give_all. On failure nothing is taken, though blocks may have
 * come to the cache. */
cg_status cg_activation_take_run(cg_activation_cache *cache, uint32_t count, uint32_t *first,
                                 cg_error *error);
/* CG_ERROR_NOT_FOUND, and nothing changes, when that record is not taken: given back twice, or
 * never taken. */
cg_status cg_activation_give(cg_activation_cache *cache, uint32_t record, cg_error *error);
void cg_activation_give_all(cg_activation_cache *cache); /* all that are taken, at once */
/* Idle: blocks behind the last taken record go to the pool, but for the first keep_blocks; the
 * pool frees what it has beyond its kept_blocks. Cost: linear in the records of the cache. */
void cg_activation_cache_trim(cg_activation_cache *cache, uint32_t keep_blocks);

/* The cache's blocks: void *[...], each of CG_ACTIVATION_BLOCK_RECORDS records. Borrowed until
 * records are taken or the cache is trimmed. */
void *const *cg_activation_blocks(const cg_activation_cache *cache);
static inline void *cg_activation_at(void *const *blocks, uint32_t record_bytes,
                                     uint32_t record) {
    return (uint8_t *)blocks[record / CG_ACTIVATION_BLOCK_RECORDS] +
           (size_t)(record % CG_ACTIVATION_BLOCK_RECORDS) * record_bytes;
}

typedef struct cg_activation_statistics {
    uint64_t taken;         /* ever */
    uint64_t reused;        /* of them: in memory that held a record before */
    uint64_t in_use;        /* records, now */
    uint64_t in_use_max;    /* high-water mark */
    uint64_t blocks;        /* held, used or not */
    uint64_t blocks_max;    /* high-water mark */
    uint64_t allocations;   /* blocks ever allocated */
    uint64_t blocks_unused; /* of a pool: in no cache */
} cg_activation_statistics;
/* Of one cache; call it on the cache's thread. allocations and blocks_unused are 0. */
cg_activation_statistics cg_activation_cache_statistics(const cg_activation_cache *cache);
uint32_t cg_activation_pool_record_bytes(const cg_activation_pool *pool);
/* Of the pool: blocks, those of caches too. What was taken is counted by the caches: 0 here. */
cg_activation_statistics cg_activation_pool_statistics(cg_activation_pool *pool);
/* In blocks, those of caches too. */
uint64_t cg_activation_pool_bytes(cg_activation_pool *pool);

#endif
