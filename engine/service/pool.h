/* Memory pools: a slot for every allocated fact (spec B1).
 *
 * One pool per concept type; each has size classes (powers of two from 64 B to 64 KiB) cut from
 * blocks of 64 KiB. The smallest class that fits is used; within it the free slot of the hint's
 * block that is nearest to the hint (ties to the lower), else the lowest free slot. A full
 * class grows block by block up to the pool's quota; at the quota an empty block of another
 * class of the pool is used, then the alternative pool (type CG_POOL_SHARED) takes over; when
 * that is full too: CG_ERROR_FULL. A block that becomes empty is given back unless it is its
 * class's only one.
 *
 * A slot id is (pool, class, index): pool * 2^40 + class * 2^32 + index; ids of slots given
 * back are used again. Invariants: a slot is free or taken, never both; live bytes equal the
 * sum over taken slots.
 */
#ifndef CG_ENGINE_SERVICE_POOL_H
#define CG_ENGINE_SERVICE_POOL_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/base/work.h"

enum {
    CG_POOL_TYPES = 64,
    CG_POOL_SHARED = CG_POOL_TYPES, /* the alternative pool */
    CG_POOL_CLASSES = 11,           /* 64 B << 0 .. 10 */
    CG_POOL_BLOCK_BYTES = 65536
};
#define CG_SLOT_NONE UINT64_MAX

typedef struct cg_pool_options {
    uint64_t quota_bytes;        /* for each type's pool: one block .. 256 GiB */
    uint64_t shared_quota_bytes; /* of the alternative pool: 0 (no such pool) .. 256 GiB */
} cg_pool_options;
cg_pool_options cg_pool_options_default(void); /* 64 MiB and 256 MiB */

typedef struct cg_pools cg_pools;
cg_status cg_pools_alloc(const cg_pool_options *options, cg_allocator allocator, cg_pools **out,
                         cg_error *error);
void cg_pools_free(cg_pools *pools); /* NULL is fine */

/* Takes a slot of at least size_bytes (1..65536) in the pool of `type` (< CG_POOL_TYPES); near:
 * a slot id to be close to, or CG_SLOT_NONE; one of another pool or class, or without a block,
 * counts as none. The slot's memory is zero. Counts a CG_WORK_SLOT of the slot's whole size, as
 * does giving it back. Errors: CG_ERROR_INVALID, CG_ERROR_FULL, CG_ERROR_MEMORY; then no slot
 * changes. */
cg_status cg_pools_take(cg_pools *pools, uint32_t type, uint32_t size_bytes, uint64_t near,
                        uint64_t *slot, cg_work *work, cg_error *error);
/* CG_ERROR_NOT_FOUND for a slot that is not taken (double free, stranger). */
cg_status cg_pools_give(cg_pools *pools, uint64_t slot, cg_work *work, cg_error *error);
/* The slot's memory, 64-byte aligned, valid until the slot is given back; NULL when not taken.
 * *size_bytes (unless NULL): as asked for. */
void *cg_pools_memory(const cg_pools *pools, uint64_t slot, uint32_t *size_bytes);

typedef struct cg_pool_statistics {
    uint64_t slots_taken;
    uint64_t requested_bytes; /* sum of sizes asked for */
    uint64_t slot_bytes;      /* sum of class sizes of taken slots */
    uint64_t block_bytes;     /* slot memory held in blocks */
    uint64_t redirected;      /* slots that went to the alternative pool, ever */
} cg_pool_statistics;
cg_pool_statistics cg_pools_statistics(const cg_pools *pools);
uint64_t cg_pools_bytes(const cg_pools *pools); /* memory held, with all tables */
uint64_t cg_pools_hash(const cg_pools *pools);  /* over taken slots and their sizes */

#endif
