/* Records by number in a cache's blocks, and the pool behind the caches.
 *
 * In a cache, numbers below `used` were taken since everything was last given back; a bit of
 * `taken` says which still are. The others are a chain through their first four bytes, from
 * `vacant`. So a single record comes from the chain, a run always from `used` on, and giving all
 * back forgets the chain and clears bits, without a look at the records.
 *
 * `soiled` of a block is how many of its places ever held a record: places are first used in
 * order, so a place below it is memory used before, in whichever cache that was.
 *
 * The pool's list of unused blocks has room for all blocks that there are before one more is
 * allocated; so blocks come back without any way to fail.
 *
 * Invariant: the number of bits set is in_use; pool->blocks = blocks of all caches + unused.
 */
#include "engine/tier/activation.h"

#include <stdatomic.h>
#include <string.h>

enum { BLOCK_RECORDS = CG_ACTIVATION_BLOCK_RECORDS, BLOCK_WORDS = BLOCK_RECORDS / 64 };
#define NO_RECORD UINT32_MAX

typedef struct unused_block {
    void *memory;
    uint32_t soiled;
} unused_block;

struct cg_activation_pool {
    cg_allocator allocator;
    cg_activation_options options;
    atomic_flag lock;
    unused_block *unused;
    size_t unused_count;
    size_t unused_capacity; /* >= blocks */
    uint64_t blocks;
    uint64_t blocks_max;
    uint64_t allocations;
};

typedef struct block_use {
    uint64_t taken[BLOCK_WORDS];
    uint64_t soiled;
} block_use;

struct cg_activation_cache {
    cg_activation_pool *pool;
    cg_allocator allocator;
    void **blocks;
    size_t block_capacity;
    block_use *uses; /* [block_count] */
    size_t use_capacity;
    uint32_t block_count;
    uint32_t used;
    uint32_t vacant;
    cg_activation_statistics statistics;
};

/* --- pool --- */

cg_status cg_activation_pool_alloc(const cg_activation_options *options, cg_allocator allocator,
                                   cg_activation_pool **out, cg_error *error) {
    if (options->record_bytes < 8 || options->record_bytes > CG_ACTIVATION_RECORD_BYTES_MAX ||
        options->record_bytes % 8 != 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "activation records of %u bytes; they must be a multiple of 8 in "
                            "8..%d",
                            options->record_bytes, CG_ACTIVATION_RECORD_BYTES_MAX);
    }
    cg_activation_pool *pool = cg_allocate(&allocator, 1, sizeof *pool);
    if (!pool) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for %zu bytes of a pool of activation records",
                            sizeof *pool);
    }
    pool->allocator = allocator;
    pool->options = *options;
    atomic_flag_clear(&pool->lock);
    *out = pool;
    return CG_OK;
}

static size_t block_bytes(const cg_activation_pool *pool) {
    return (size_t)pool->options.record_bytes * BLOCK_RECORDS;
}

void cg_activation_pool_free(cg_activation_pool *pool) {
    if (!pool) {
        return;
    }
    CG_ASSERT(pool->unused_count == pool->blocks); /* caches went before */
    cg_allocator allocator = pool->allocator;
    for (size_t i = 0; i < pool->unused_count; i++) {
        cg_deallocate_aligned(&allocator, pool->unused[i].memory, block_bytes(pool));
    }
    cg_deallocate(&allocator, pool->unused, pool->unused_capacity, sizeof *pool->unused);
    cg_deallocate(&allocator, pool, 1, sizeof *pool);
}

/* Held for a few instructions, or for one allocation of a block. */
static void lock(cg_activation_pool *pool) {
    while (atomic_flag_test_and_set_explicit(&pool->lock, memory_order_acquire)) {
    }
}

static void unlock(cg_activation_pool *pool) {
    atomic_flag_clear_explicit(&pool->lock, memory_order_release);
}

static cg_status fresh_block(cg_activation_pool *pool, unused_block *block, cg_error *error) {
    cg_status status = CG_GROW(&pool->allocator, pool->unused, pool->unused_capacity,
                               (size_t)pool->blocks + 1, error);
    if (status != CG_OK) {
        return status;
    }
    void *memory = cg_allocate_aligned(&pool->allocator, block_bytes(pool));
    if (!memory) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for a block of %d activation records of %u bytes",
                            BLOCK_RECORDS, pool->options.record_bytes);
    }
    *block = (unused_block){.memory = memory};
    pool->allocations++;
    pool->blocks++;
    pool->blocks_max = pool->blocks > pool->blocks_max ? pool->blocks : pool->blocks_max;
    return CG_OK;
}

static cg_status take_block(cg_activation_pool *pool, unused_block *block, cg_error *error) {
    cg_status status = CG_OK;
    lock(pool);
    if (pool->unused_count > 0) {
        *block = pool->unused[--pool->unused_count];
    } else {
        status = fresh_block(pool, block, error);
    }
    unlock(pool);
    return status;
}

static void give_block(cg_activation_pool *pool, unused_block block) {
    lock(pool);
    if (pool->unused_count < pool->options.kept_blocks) {
        pool->unused[pool->unused_count++] = block;
    } else {
        cg_deallocate_aligned(&pool->allocator, block.memory, block_bytes(pool));
        pool->blocks--;
    }
    unlock(pool);
}

cg_activation_statistics cg_activation_pool_statistics(cg_activation_pool *pool) {
    lock(pool);
    cg_activation_statistics statistics = {
        .blocks = pool->blocks,
        .blocks_max = pool->blocks_max,
        .allocations = pool->allocations,
        .blocks_unused = pool->unused_count,
    };
    unlock(pool);
    return statistics;
}

uint64_t cg_activation_pool_bytes(cg_activation_pool *pool) {
    return cg_activation_pool_statistics(pool).blocks * block_bytes(pool);
}

uint32_t cg_activation_pool_record_bytes(const cg_activation_pool *pool) {
    return pool->options.record_bytes;
}

/* --- cache --- */

cg_status cg_activation_cache_alloc(cg_activation_pool *pool, cg_allocator allocator,
                                    cg_activation_cache **out, cg_error *error) {
    cg_activation_cache *cache = cg_allocate(&allocator, 1, sizeof *cache);
    if (!cache) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for %zu bytes of a cache of activation records",
                            sizeof *cache);
    }
    cache->pool = pool;
    cache->allocator = allocator;
    cache->vacant = NO_RECORD;
    *out = cache;
    return CG_OK;
}

static void shrink_blocks(cg_activation_cache *cache, uint32_t keep) {
    while (cache->block_count > keep) {
        uint32_t last = --cache->block_count;
        give_block(cache->pool, (unused_block){.memory = cache->blocks[last],
                                               .soiled = (uint32_t)cache->uses[last].soiled});
    }
    cache->statistics.blocks = cache->block_count;
}

void cg_activation_cache_free(cg_activation_cache *cache) {
    if (!cache) {
        return;
    }
    cg_allocator allocator = cache->allocator;
    shrink_blocks(cache, 0);
    cg_deallocate(&allocator, cache->blocks, cache->block_capacity, sizeof *cache->blocks);
    cg_deallocate(&allocator, cache->uses, cache->use_capacity, sizeof *cache->uses);
    cg_deallocate(&allocator, cache, 1, sizeof *cache);
}

void *const *cg_activation_blocks(const cg_activation_cache *cache) {
    return cache->blocks;
}

static cg_status add_block(cg_activation_cache *cache, cg_error *error) {
    size_t needed = (size_t)cache->block_count + 1;
    cg_status status =
        CG_GROW(&cache->allocator, cache->blocks, cache->block_capacity, needed, error);
    if (status == CG_OK) {
        status = CG_GROW(&cache->allocator, cache->uses, cache->use_capacity, needed, error);
    }
    unused_block block = {0};
    if (status == CG_OK) {
        status = take_block(cache->pool, &block, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cache->blocks[cache->block_count] = block.memory;
    cache->uses[cache->block_count] = (block_use){.soiled = block.soiled};
    cache->block_count++;
    cg_activation_statistics *counts = &cache->statistics;
    counts->blocks = cache->block_count;
    counts->blocks_max =
        counts->blocks > counts->blocks_max ? counts->blocks : counts->blocks_max;
    return CG_OK;
}

static void count_taken(cg_activation_cache *cache, uint64_t taken, uint64_t reused) {
    cg_activation_statistics *counts = &cache->statistics;
    counts->taken += taken;
    counts->reused += reused;
    counts->in_use += taken;
    counts->in_use_max =
        counts->in_use > counts->in_use_max ? counts->in_use : counts->in_use_max;
}

/* Places [from, to) of a block are taken. Returns how many of them were used before. */
static uint64_t mark_places(block_use *use, uint32_t from, uint32_t to) {
    for (uint32_t place = from; place < to;) {
        if (place % 64 == 0 && to - place >= 64) {
            use->taken[place / 64] = UINT64_MAX;
            place += 64;
        } else {
            use->taken[place / 64] |= UINT64_C(1) << (place % 64);
            place++;
        }
    }
    uint64_t reused = use->soiled <= from ? 0
                      : use->soiled < to  ? use->soiled - from
                                          : to - from;
    use->soiled = use->soiled > to ? use->soiled : to;
    return reused;
}

cg_status cg_activation_take_run(cg_activation_cache *cache, uint32_t count, uint32_t *first,
                                 cg_error *error) {
    CG_ASSERT(count > 0);
    if (count > CG_ACTIVATION_RECORDS_MAX - cache->used) {
        return cg_error_set(error, CG_ERROR_FULL,
                            "%u activation records beyond %u taken; a cache has at most %d",
                            count, cache->used, CG_ACTIVATION_RECORDS_MAX);
    }
    uint32_t end = cache->used + count;
    while ((uint64_t)cache->block_count * BLOCK_RECORDS < end) {
        cg_status status = add_block(cache, error);
        if (status != CG_OK) {
            return status;
        }
    }
    uint64_t reused = 0;
    *first = cache->used;
    while (cache->used < end) {
        uint32_t block = cache->used / BLOCK_RECORDS;
        uint32_t from = cache->used % BLOCK_RECORDS;
        uint32_t left = end - block * BLOCK_RECORDS;
        uint32_t to = left < BLOCK_RECORDS ? left : BLOCK_RECORDS;
        reused += mark_places(&cache->uses[block], from, to);
        cache->used = block * BLOCK_RECORDS + to;
    }
    count_taken(cache, count, reused);
    return CG_OK;
}

static uint8_t *memory_of(const cg_activation_cache *cache, uint32_t record) {
    return cg_activation_at(cache->blocks, cache->pool->options.record_bytes, record);
}

static bool is_taken(const cg_activation_cache *cache, uint32_t record) {
    uint32_t place = record % BLOCK_RECORDS;
    return record < cache->used &&
           (cache->uses[record / BLOCK_RECORDS].taken[place / 64] >> (place % 64) & 1) != 0;
}

cg_status cg_activation_take(cg_activation_cache *cache, uint32_t *record, cg_error *error) {
    if (cache->vacant == NO_RECORD) {
        return cg_activation_take_run(cache, 1, record, error);
    }
    uint32_t taken = cache->vacant;
    memcpy(&cache->vacant, memory_of(cache, taken), sizeof cache->vacant);
    uint32_t place = taken % BLOCK_RECORDS;
    count_taken(cache, 1, mark_places(&cache->uses[taken / BLOCK_RECORDS], place, place + 1));
    *record = taken;
    return CG_OK;
}

static void make_vacant(cg_activation_cache *cache, uint32_t record) {
    memcpy(memory_of(cache, record), &cache->vacant, sizeof cache->vacant);
    cache->vacant = record;
}

cg_status cg_activation_give(cg_activation_cache *cache, uint32_t record, cg_error *error) {
    if (!is_taken(cache, record)) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "activation record %u is given back, but it is not taken", record);
    }
    uint32_t place = record % BLOCK_RECORDS;
    cache->uses[record / BLOCK_RECORDS].taken[place / 64] &= ~(UINT64_C(1) << (place % 64));
    cache->statistics.in_use--;
    make_vacant(cache, record);
    return CG_OK;
}

void cg_activation_give_all(cg_activation_cache *cache) {
    uint32_t blocks = (cache->used + BLOCK_RECORDS - 1) / BLOCK_RECORDS;
    for (uint32_t i = 0; i < blocks; i++) {
        memset(cache->uses[i].taken, 0, sizeof cache->uses[i].taken);
    }
    cache->used = 0;
    cache->vacant = NO_RECORD;
    cache->statistics.in_use = 0;
}

void cg_activation_cache_trim(cg_activation_cache *cache, uint32_t keep_blocks) {
    while (cache->used > 0 && !is_taken(cache, cache->used - 1)) {
        cache->used--;
    }
    cache->vacant = NO_RECORD;
    for (uint32_t record = cache->used; record-- > 0;) {
        if (!is_taken(cache, record)) {
            make_vacant(cache, record);
        }
    }
    uint32_t needed = (cache->used + BLOCK_RECORDS - 1) / BLOCK_RECORDS;
    shrink_blocks(cache, needed > keep_blocks ? needed : keep_blocks);
}

cg_activation_statistics cg_activation_cache_statistics(const cg_activation_cache *cache) {
    return cache->statistics;
}
