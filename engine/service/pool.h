/* Memory pools: a slot for every allocated fact (spec B1, B2).
 *
 * One pool per concept type and an alternative pool (CG_POOL_SHARED). A pool cuts slots from
 * blocks, each of one size class. The class is the smallest that holds what was asked for:
 * every 16 bytes up to 128, then eight classes an octave up to 64 KiB, so a slot is at most an
 * eighth larger than asked for (or 15 bytes). A block has as many slots as fit 4 KiB, and at
 * least one, and nothing left over. Blocks are that small because each class has one that is
 * partly used, in every type that it occurs in.
 *
 * A slot is a handle: its id stays when defragmentation moves its memory. An id is (pool,
 * generation, handle): pool * 2^56 + generation * 2^32 + handle, below 2^63, and never 0. Each
 * use of a handle has another generation, and a handle whose 2^24 - 1 generations are used up
 * is not used again, so no id is ever given out twice and an old id is recognised as a
 * stranger. What a slot costs beside its memory: 16 bytes of handle, 4 of the way back from the
 * block, and its share of the block's header (48 bytes and up to 127 of alignment).
 *
 * A class that is full grows block by block up to its pool's quota, which counts the memory of
 * blocks. At the quota, empty blocks of the pool's other classes are given back when that makes
 * room; then the alternative pool takes over; when that is full too: CG_ERROR_FULL. A class
 * keeps one empty block, unless its pool is above its quota; a further one is given back at
 * once.
 *
 * Exact at any time, as sums over slots and blocks (cg_pools_check walks them all):
 *
 *   block_bytes = slot_bytes + free_bytes       requested_bytes <= slot_bytes
 *   utilisation            = requested_bytes / block_bytes
 *   internal fragmentation = (slot_bytes - requested_bytes) / slot_bytes
 *   external fragmentation = free_bytes / block_bytes
 *
 * What happens depends on nothing but the calls and their order: replicas that make the same
 * calls in the same order have equal ids and equal layouts (cg_pools_hash). A pool is used by
 * one thread at a time.
 */
#ifndef CG_ENGINE_SERVICE_POOL_H
#define CG_ENGINE_SERVICE_POOL_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/base/work.h"

enum {
    CG_POOL_TYPES = 64,
    CG_POOL_SHARED = CG_POOL_TYPES, /* the alternative pool */
    CG_POOL_CLASSES = 80,
    CG_POOL_USUAL_BYTES = 4096,  /* a block's memory is at most this, or one slot */
    CG_POOL_BLOCK_BYTES = 65536, /* the largest slot, and the largest block's memory */
    CG_POOL_PINS_MAX = 65535     /* of one slot at once */
};
#define CG_SLOT_NONE      UINT64_MAX
#define CG_POOL_QUOTA_MAX (UINT64_C(256) << 30) /* 256 GiB */

typedef struct cg_pool_options {
    uint64_t quota_bytes;        /* of each type's pool: 4 KiB .. 256 GiB */
    uint64_t shared_quota_bytes; /* of the alternative pool: 0 (no such pool) .. 256 GiB */
} cg_pool_options;
cg_pool_options cg_pool_options_default(void); /* 64 MiB and 256 MiB */

typedef struct cg_pools cg_pools;
cg_status cg_pools_alloc(const cg_pool_options *options, cg_allocator allocator, cg_pools **out,
                         cg_error *error);
void cg_pools_free(cg_pools *pools); /* NULL is fine */

/* The quota of one type's pool, or of CG_POOL_SHARED, in the ranges of cg_pool_options
 * (CG_ERROR_INVALID outside, 0 too). It may be less than the pool holds: then its empty blocks
 * are given back, and nothing new fits until enough is. */
cg_status cg_pools_set_quota(cg_pools *pools, uint32_t type, uint64_t quota_bytes,
                             cg_error *error);
uint64_t cg_pools_quota(const cg_pools *pools, uint32_t type); /* 0 above CG_POOL_SHARED */

/* Which free slot of its class a slot gets. No placement grows a pool while its class has a
 * free slot. */
typedef enum cg_pool_placement {
    /* Locality first: in the hint's block the free slot nearest to it (ties to the lower); in a
     * full one, the nearest block within about 64 that has a free slot (ties to the lower);
     * without a hint, the lowest-numbered block with a free slot, its lowest. Locality is
     * within a class, since blocks hold one class each. */
    CG_POOL_NEAR = 0,
    /* The fullest block that has a free slot, its lowest: the others drain and go back. */
    CG_POOL_DENSE,
    /* The emptiest block, its lowest free slot: what comes later with this slot as its hint
     * finds room in the same block. */
    CG_POOL_FRESH,
    CG_POOL_PLACEMENTS
} cg_pool_placement;

typedef struct cg_pool_request {
    uint32_t type;           /* < CG_POOL_TYPES */
    uint32_t size_bytes;     /* 1 .. 65536 */
    uint32_t headroom_bytes; /* to grow by (cg_pools_resize); a wish: the sum is cut to 65536,
                                and where such a slot does not fit, one without it is taken */
    cg_pool_placement placement;
    uint64_t near; /* CG_POOL_NEAR: a slot to be close to; what is no taken slot of the same
                      pool and class (0, CG_SLOT_NONE, stale) counts as none */
} cg_pool_request;

/* Takes a slot. Its memory is zero. Counts a CG_WORK_SLOT of the slot's whole size, as does
 * giving it back. Errors: CG_ERROR_INVALID, CG_ERROR_FULL, CG_ERROR_MEMORY; then nothing has
 * changed (but the capacity of a table may have grown). Cost: constant, and a look
 * through 64 blocks a step where the lowest with a free slot is sought. */
cg_status cg_pools_take(cg_pools *pools, const cg_pool_request *request, uint64_t *slot,
                        cg_work *work, cg_error *error);
/* CG_ERROR_NOT_FOUND for a slot that is not taken (double free, stranger), CG_ERROR_CONFLICT
 * for one that is pinned; then nothing has changed. Constant cost. */
cg_status cg_pools_give(cg_pools *pools, uint64_t slot, cg_work *work, cg_error *error);
/* Changes the size asked for, in place: to what the slot holds (cg_pool_place), which is
 * at least what was asked for. New bytes are zero. Errors: CG_ERROR_NOT_FOUND, CG_ERROR_INVALID
 * (0), CG_ERROR_FULL (more than the slot holds). */
cg_status cg_pools_resize(cg_pools *pools, uint64_t slot, uint32_t size_bytes, cg_error *error);
/* The slot's memory, valid until the slot is given back or moved (cg_pools_defragment); NULL
 * when not taken. *size_bytes (unless NULL): as asked for. Aligned to 16 bytes, and to 64 when
 * the slot's size is a multiple of 64, as all from 512 on are. */
void *cg_pools_memory(const cg_pools *pools, uint64_t slot, uint32_t *size_bytes);

/* A pinned slot is neither moved nor given back. Pins are counted. CG_ERROR_NOT_FOUND for a
 * slot that is not taken; CG_ERROR_FULL at CG_POOL_PINS_MAX pins; CG_ERROR_INVALID to unpin
 * what is not pinned. */
cg_status cg_pools_pin(cg_pools *pools, uint64_t slot, cg_error *error);
cg_status cg_pools_unpin(cg_pools *pools, uint64_t slot, cg_error *error);
uint32_t cg_pools_pins(const cg_pools *pools, uint64_t slot); /* 0 when not taken */

typedef struct cg_pool_moves {
    uint64_t slots;       /* moved */
    uint64_t bytes;       /* of their slots */
    uint64_t blocks;      /* given back */
    uint64_t block_bytes; /* their memory */
} cg_pool_moves;
/* Moves at most budget_bytes of slots, and gives back the blocks that become empty and those
 * that are (budget 0: only those). Where a class could do with a block less, the emptiest block
 * without a pinned slot is emptied into the free slots of the fullest ones. The next call goes
 * on where the budget ended; a class of slots larger than the whole budget is left out. Without
 * pins, and with enough budget, each class ends with less than one block of free slots. Fills
 * *moves (unless NULL); counts a CG_WORK_SLOT for each slot moved. Cost: linear in what is
 * moved, the classes that have a block too many, and, for each block emptied, those passed over
 * because of a pin. Needs no memory and cannot fail. */
void cg_pools_defragment(cg_pools *pools, uint64_t budget_bytes, cg_pool_moves *moves,
                         cg_work *work);

typedef struct cg_pool_statistics {
    uint64_t slots_taken;
    uint64_t slots_pinned;    /* of them, at least once */
    uint64_t requested_bytes; /* sum of sizes asked for */
    uint64_t slot_bytes;      /* memory of taken slots */
    uint64_t free_bytes;      /* memory of free slots */
    uint64_t block_bytes;     /* memory of all blocks, without their headers */
    uint64_t blocks;
    uint64_t redirected; /* slots that went to the alternative pool, ever */
} cg_pool_statistics;
cg_pool_statistics cg_pools_statistics(const cg_pools *pools); /* over all pools */
/* Of one type's pool, or of CG_POOL_SHARED; zero above. redirected: from this type. */
cg_pool_statistics cg_pools_statistics_of(const cg_pools *pools, uint32_t type);
/* Memory held, all headers and tables counted: what the allocator gave. Linear in classes. */
uint64_t cg_pools_bytes(const cg_pools *pools);

typedef struct cg_pool_place {
    uint32_t pool;
    uint32_t size_class;
    uint32_t block; /* number in its class */
    uint32_t position;
    uint32_t slot_bytes;
} cg_pool_place;
/* Where a slot lies now; false when it is not taken. */
bool cg_pools_place(const cg_pools *pools, uint64_t slot, cg_pool_place *place);

/* Over all that later calls depend on, but for pins, contents and failures of the allocator:
 * taken slots with sizes and places, handles to come, the order of blocks, quotas. Linear in
 * slots and blocks. */
uint64_t cg_pools_hash(const cg_pools *pools);
/* CG_OK, or CG_ERROR_CORRUPT with the first invariant that does not hold: walks every handle,
 * slot and block, and sums up. For tests. */
cg_status cg_pools_check(const cg_pools *pools, cg_error *error);

#endif
