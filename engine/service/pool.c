/* Pools of slots, cut from blocks by size class.
 *
 * Idea: a block is one allocation: a bitmap of free slots, the size asked for in every slot,
 * and 64 KiB of slot memory. A class keeps its blocks by number and a bitmap of blocks with a
 * free slot, so the lowest free slot is the first bit of the first such block, and the slot
 * nearest to a hint is found inside the hint's block by looking outwards from it, word by word.
 * A slot id names pool, class and index; index = block number * slots a block + position, so
 * ids stay valid while other blocks come and go.
 *
 * Invariants: a bit is set in free_bits exactly when sizes of that slot is 0; a class's open
 * bit is set exactly when that block exists and has a free slot; a pool's blocks never exceed
 * its quota.
 *
 * Size classes are powers of two as in Wilson, Johnstone, Neely and Boles, "Dynamic Storage
 * Allocation: A Survey and Critical Review", IWMM 1995, section 3.6 (segregated storage). Where
 * we differ: locality by a hint, and an empty block of another class is taken back before a
 * pool counts as full.
 *
 * Known value: sizes 1, 64, 65 and 65536 take slots of 64, 64, 128 and 65536 bytes.
 */
#include "engine/service/pool.h"

#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/math.h"

enum {
    CLASS_BYTES_MIN = 64,
    CLASS_SHIFT_MIN = 6,
    POOLS = CG_POOL_TYPES + 1,
    BITMAP_WORDS = CG_POOL_BLOCK_BYTES / CLASS_BYTES_MIN / 64,
};
/* A slot index has 32 bits and a block of the smallest class 2^10 slots. */
#define QUOTA_BYTES_MAX ((UINT64_C(1) << 22) * CG_POOL_BLOCK_BYTES)
#define NO_INDEX        UINT32_MAX

typedef struct pool_block {
    uint64_t free_bits[BITMAP_WORDS];
    uint8_t *memory; /* 64-byte aligned, inside this allocation */
    uint32_t taken;
    uint32_t sizes[]; /* bytes asked for; 0: free */
} pool_block;

typedef struct pool_class {
    pool_block **blocks; /* NULL where a block was given back */
    size_t block_capacity;
    uint64_t *open; /* bit: that block has a free slot */
    size_t open_capacity;
    uint32_t block_count;
} pool_class;

typedef struct pool {
    pool_class classes[CG_POOL_CLASSES];
    uint64_t block_count;
    uint64_t block_limit;
} pool;

struct cg_pools {
    cg_allocator allocator;
    cg_pool_statistics statistics;
    pool pools[POOLS];
};

/* Where a slot lies. */
typedef struct slot_place {
    uint32_t pool;
    uint32_t size_class;
    uint32_t block;
    uint32_t position;
} slot_place;

static uint32_t slots_per_block(uint32_t size_class) {
    return (uint32_t)(CG_POOL_BLOCK_BYTES / CLASS_BYTES_MIN) >> size_class;
}

static uint32_t class_bytes(uint32_t size_class) {
    return (uint32_t)CLASS_BYTES_MIN << size_class;
}

static uint32_t class_of(uint32_t size_bytes) {
    if (size_bytes <= CLASS_BYTES_MIN) {
        return 0;
    }
    return cg_log2_floor(size_bytes - 1) + 1 - CLASS_SHIFT_MIN;
}

static uint32_t lowest_bit(uint64_t word) {
    return cg_log2_floor(word & (~word + 1));
}

static uint64_t slot_id(slot_place place) {
    uint64_t index = (uint64_t)place.block * slots_per_block(place.size_class) + place.position;
    return ((uint64_t)place.pool << 40) | ((uint64_t)place.size_class << 32) | index;
}

/* The block that a slot id lies in, or NULL when there is none; then *place is undefined. */
static pool_block *locate(const cg_pools *pools, uint64_t slot, slot_place *place) {
    uint64_t pool_number = slot >> 40;
    uint32_t size_class = (uint32_t)(slot >> 32) & 0xffu;
    uint32_t index = (uint32_t)(slot & UINT32_MAX);
    if (pool_number >= POOLS || size_class >= CG_POOL_CLASSES) {
        return NULL;
    }
    *place = (slot_place){
        .pool = (uint32_t)pool_number,
        .size_class = size_class,
        .block = index / slots_per_block(size_class),
        .position = index % slots_per_block(size_class),
    };
    const pool_class *class = &pools->pools[place->pool].classes[size_class];
    return place->block < class->block_capacity ? class->blocks[place->block] : NULL;
}

/* --- blocks --- */

static size_t block_header_bytes(uint32_t size_class) {
    size_t bytes = sizeof(pool_block) + slots_per_block(size_class) * sizeof(uint32_t);
    return (bytes + 63) / 64 * 64;
}

static size_t block_whole_bytes(uint32_t size_class) {
    return block_header_bytes(size_class) + CG_POOL_BLOCK_BYTES;
}

static cg_status class_reserve(cg_pools *pools, pool_class *class, size_t blocks,
                               cg_error *error) {
    class->blocks = cg_grown(&pools->allocator, class->blocks, &class->block_capacity, blocks,
                             sizeof(pool_block *), error);
    if (class->block_capacity < blocks) {
        return CG_ERROR_MEMORY;
    }
    return CG_GROW(&pools->allocator, class->open, class->open_capacity, (blocks + 63) / 64,
                   error);
}

/* Adds a block at the lowest free number. The caller has checked the quota. */
static cg_status block_add(cg_pools *pools, pool *owner, uint32_t size_class, uint32_t *number,
                           cg_error *error) {
    pool_class *class = &owner->classes[size_class];
    uint32_t free_number = 0;
    while (free_number < class->block_capacity && class->blocks[free_number]) {
        free_number++;
    }
    cg_status status = class_reserve(pools, class, (size_t)free_number + 1, error);
    if (status != CG_OK) {
        return status;
    }
    size_t bytes = block_whole_bytes(size_class);
    pool_block *block = cg_allocate_aligned(&pools->allocator, bytes);
    if (!block) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for a pool block of %zu bytes with slots of %u bytes",
                            bytes, class_bytes(size_class));
    }
    block->memory = (uint8_t *)block + block_header_bytes(size_class);
    for (uint32_t i = 0; i < slots_per_block(size_class); i++) {
        block->free_bits[i / 64] |= UINT64_C(1) << (i % 64);
    }
    class->blocks[free_number] = block;
    class->open[free_number / 64] |= UINT64_C(1) << (free_number % 64);
    class->block_count++;
    owner->block_count++;
    pools->statistics.block_bytes += CG_POOL_BLOCK_BYTES;
    *number = free_number;
    return CG_OK;
}

static void block_remove(cg_pools *pools, pool *owner, uint32_t size_class, uint32_t number) {
    pool_class *class = &owner->classes[size_class];
    cg_deallocate_aligned(&pools->allocator, class->blocks[number],
                          block_whole_bytes(size_class));
    class->blocks[number] = NULL;
    class->open[number / 64] &= ~(UINT64_C(1) << (number % 64));
    class->block_count--;
    owner->block_count--;
    pools->statistics.block_bytes -= CG_POOL_BLOCK_BYTES;
}

/* A class keeps its only block when that is empty. At the quota another class may have it: the
 * lowest class that has one gives it back. Whether there was one. */
static bool reclaim_empty_block(cg_pools *pools, pool *owner) {
    for (uint32_t size_class = 0; size_class < CG_POOL_CLASSES; size_class++) {
        pool_class *class = &owner->classes[size_class];
        if (class->block_count != 1) {
            continue;
        }
        uint32_t number = 0;
        while (!class->blocks[number]) {
            number++;
        }
        if (class->blocks[number]->taken == 0) {
            block_remove(pools, owner, size_class, number);
            return true;
        }
    }
    return false;
}

/* --- the search for a slot --- */

/* The free position nearest to `near`, ties to the lower; NO_INDEX in a full block. */
static uint32_t nearest_free(const pool_block *block, uint32_t near) {
    uint32_t above = NO_INDEX;
    uint64_t word = block->free_bits[near / 64] & (UINT64_MAX << (near % 64));
    for (uint32_t i = near / 64;; word = block->free_bits[i]) {
        if (word) {
            above = i * 64 + lowest_bit(word);
            break;
        }
        if (++i == BITMAP_WORDS) {
            break;
        }
    }
    uint32_t below = NO_INDEX;
    word = block->free_bits[near / 64] & ~(UINT64_MAX << (near % 64));
    for (uint32_t i = near / 64;; word = block->free_bits[i]) {
        if (word) {
            below = i * 64 + cg_log2_floor(word);
            break;
        }
        if (i-- == 0) {
            break;
        }
    }
    if (below == NO_INDEX) {
        return above;
    }
    return above == NO_INDEX || near - below <= above - near ? below : above;
}

static bool lowest_open_block(const pool_class *class, uint32_t *number) {
    for (size_t i = 0; i < class->open_capacity; i++) {
        if (class->open[i]) {
            *number = (uint32_t)(i * 64) + lowest_bit(class->open[i]);
            return true;
        }
    }
    return false;
}

/* Chooses a free slot in one pool; grows the pool when its class is full. CG_ERROR_FULL at the
 * quota. */
static cg_status choose(cg_pools *pools, uint32_t pool_number, uint32_t size_class,
                        uint64_t near, slot_place *place, cg_error *error) {
    pool *owner = &pools->pools[pool_number];
    slot_place hint;
    const pool_block *near_block = locate(pools, near, &hint);
    if (near_block && hint.pool == pool_number && hint.size_class == size_class) {
        uint32_t position = nearest_free(near_block, hint.position);
        if (position != NO_INDEX) {
            hint.position = position;
            *place = hint;
            return CG_OK;
        }
    }
    uint32_t number = 0;
    if (!lowest_open_block(&owner->classes[size_class], &number)) {
        if (owner->block_count >= owner->block_limit && !reclaim_empty_block(pools, owner)) {
            return CG_ERROR_FULL;
        }
        cg_status status = block_add(pools, owner, size_class, &number, error);
        if (status != CG_OK) {
            return status;
        }
    }
    *place = (slot_place){
        .pool = pool_number,
        .size_class = size_class,
        .block = number,
        .position = nearest_free(owner->classes[size_class].blocks[number], 0),
    };
    return CG_OK;
}

/* --- interface --- */

cg_pool_options cg_pool_options_default(void) {
    return (cg_pool_options){
        .quota_bytes = UINT64_C(64) << 20,
        .shared_quota_bytes = UINT64_C(256) << 20,
    };
}

cg_status cg_pools_alloc(const cg_pool_options *options, cg_allocator allocator, cg_pools **out,
                         cg_error *error) {
    if (options->quota_bytes < CG_POOL_BLOCK_BYTES || options->quota_bytes > QUOTA_BYTES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a pool quota of %llu bytes; it must be %d..%llu",
                            (unsigned long long)options->quota_bytes, CG_POOL_BLOCK_BYTES,
                            (unsigned long long)QUOTA_BYTES_MAX);
    }
    if (options->shared_quota_bytes > QUOTA_BYTES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a shared pool quota of %llu bytes; it must be at most %llu",
                            (unsigned long long)options->shared_quota_bytes,
                            (unsigned long long)QUOTA_BYTES_MAX);
    }
    cg_pools *pools = cg_allocate(&allocator, 1, sizeof *pools);
    if (!pools) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %zu bytes of pool tables",
                            sizeof *pools);
    }
    pools->allocator = allocator;
    for (uint32_t i = 0; i < POOLS; i++) {
        uint64_t quota_bytes =
            i == CG_POOL_SHARED ? options->shared_quota_bytes : options->quota_bytes;
        pools->pools[i].block_limit = quota_bytes / CG_POOL_BLOCK_BYTES;
    }
    *out = pools;
    return CG_OK;
}

void cg_pools_free(cg_pools *pools) {
    if (!pools) {
        return;
    }
    cg_allocator allocator = pools->allocator;
    for (uint32_t i = 0; i < POOLS; i++) {
        for (uint32_t size_class = 0; size_class < CG_POOL_CLASSES; size_class++) {
            pool_class *class = &pools->pools[i].classes[size_class];
            for (size_t number = 0; number < class->block_capacity; number++) {
                cg_deallocate_aligned(&allocator, class->blocks[number],
                                      block_whole_bytes(size_class));
            }
            cg_deallocate(&allocator, class->blocks, class->block_capacity,
                          sizeof(pool_block *));
            cg_deallocate(&allocator, class->open, class->open_capacity, sizeof *class->open);
        }
    }
    cg_deallocate(&allocator, pools, 1, sizeof *pools);
}

static cg_status check_request(uint32_t type, uint32_t size_bytes, cg_error *error) {
    if (type >= CG_POOL_TYPES) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a slot in the pool of type %u; types are 0..%d", type,
                            CG_POOL_TYPES - 1);
    }
    if (size_bytes < 1 || size_bytes > CG_POOL_BLOCK_BYTES) {
        return cg_error_set(error, CG_ERROR_INVALID, "a slot of %u bytes; it must be 1..%d",
                            size_bytes, CG_POOL_BLOCK_BYTES);
    }
    return CG_OK;
}

cg_status cg_pools_take(cg_pools *pools, uint32_t type, uint32_t size_bytes, uint64_t near,
                        uint64_t *slot, cg_work *work, cg_error *error) {
    cg_status status = check_request(type, size_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t size_class = class_of(size_bytes);
    slot_place place;
    status = choose(pools, type, size_class, near, &place, error);
    if (status == CG_ERROR_FULL) {
        status = choose(pools, CG_POOL_SHARED, size_class, near, &place, error);
        if (status == CG_ERROR_FULL) {
            return cg_error_set(
                error, CG_ERROR_FULL,
                "no slot of %u bytes for type %u: its pool is at its quota of %llu bytes and "
                "the shared pool at %llu",
                size_bytes, type,
                (unsigned long long)pools->pools[type].block_limit * CG_POOL_BLOCK_BYTES,
                (unsigned long long)pools->pools[CG_POOL_SHARED].block_limit *
                    CG_POOL_BLOCK_BYTES);
        }
    }
    if (status != CG_OK) {
        return status;
    }
    pool_class *class = &pools->pools[place.pool].classes[size_class];
    pool_block *block = class->blocks[place.block];
    uint32_t bytes = class_bytes(size_class);
    CG_ASSERT(block->sizes[place.position] == 0);
    block->free_bits[place.position / 64] &= ~(UINT64_C(1) << (place.position % 64));
    block->sizes[place.position] = size_bytes;
    if (++block->taken == slots_per_block(size_class)) {
        class->open[place.block / 64] &= ~(UINT64_C(1) << (place.block % 64));
    }
    memset(block->memory + (size_t)place.position * bytes, 0, bytes);
    pools->statistics.slots_taken++;
    pools->statistics.requested_bytes += size_bytes;
    pools->statistics.slot_bytes += bytes;
    pools->statistics.redirected += place.pool == CG_POOL_SHARED;
    cg_work_count(work, CG_WORK_SLOT, 1, bytes);
    *slot = slot_id(place);
    return CG_OK;
}

cg_status cg_pools_give(cg_pools *pools, uint64_t slot, cg_work *work, cg_error *error) {
    slot_place place;
    pool_block *block = locate(pools, slot, &place);
    if (!block || block->sizes[place.position] == 0) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "slot %llx is not taken, so it cannot be given back",
                            (unsigned long long)slot);
    }
    pool *owner = &pools->pools[place.pool];
    pool_class *class = &owner->classes[place.size_class];
    uint32_t bytes = class_bytes(place.size_class);
    pools->statistics.slots_taken--;
    pools->statistics.requested_bytes -= block->sizes[place.position];
    pools->statistics.slot_bytes -= bytes;
    block->sizes[place.position] = 0;
    block->free_bits[place.position / 64] |= UINT64_C(1) << (place.position % 64);
    class->open[place.block / 64] |= UINT64_C(1) << (place.block % 64);
    if (--block->taken == 0 && class->block_count > 1) {
        block_remove(pools, owner, place.size_class, place.block);
    }
    cg_work_count(work, CG_WORK_SLOT, 1, bytes);
    return CG_OK;
}

void *cg_pools_memory(const cg_pools *pools, uint64_t slot, uint32_t *size_bytes) {
    slot_place place;
    pool_block *block = locate(pools, slot, &place);
    if (!block || block->sizes[place.position] == 0) {
        return NULL;
    }
    if (size_bytes) {
        *size_bytes = block->sizes[place.position];
    }
    return block->memory + (size_t)place.position * class_bytes(place.size_class);
}

cg_pool_statistics cg_pools_statistics(const cg_pools *pools) {
    return pools->statistics;
}

uint64_t cg_pools_bytes(const cg_pools *pools) {
    uint64_t bytes = sizeof *pools;
    for (uint32_t i = 0; i < POOLS; i++) {
        for (uint32_t size_class = 0; size_class < CG_POOL_CLASSES; size_class++) {
            const pool_class *class = &pools->pools[i].classes[size_class];
            bytes += class->block_capacity * sizeof(pool_block *) +
                     class->open_capacity * sizeof *class->open +
                     class->block_count * (uint64_t)block_whole_bytes(size_class);
        }
    }
    return bytes;
}

uint64_t cg_pools_hash(const cg_pools *pools) {
    cg_hasher hasher = cg_hasher_init();
    for (uint32_t i = 0; i < POOLS; i++) {
        for (uint32_t size_class = 0; size_class < CG_POOL_CLASSES; size_class++) {
            const pool_class *class = &pools->pools[i].classes[size_class];
            for (uint32_t number = 0; number < class->block_capacity; number++) {
                const pool_block *block = class->blocks[number];
                for (uint32_t position = 0; block && position < slots_per_block(size_class);
                     position++) {
                    if (block->sizes[position]) {
                        cg_hasher_add_u64(
                            &hasher, slot_id((slot_place){i, size_class, number, position}));
                        cg_hasher_add_u64(&hasher, block->sizes[position]);
                    }
                }
            }
        }
    }
    return cg_hasher_value(&hasher);
}
