/* What the files of the pools share (and tests that look inside).
 *
 *   cg_pools ── chunks of 256 handles: id → class, block number, position
 *      └─ pool of a type ── class (once used) ── blocks by number ── header, slots
 *
 * A block's header holds a bit for each free slot and, for each taken one, its handle, so that
 * a slot can be moved. A class keeps its blocks in order of fill, fullest first, with the place
 * where each fill begins: `at_least[f]` blocks have f taken slots or more. When a block's fill
 * changes by one it changes places with the first (or last) of its equals and the border moves
 * past it: constant time, as in Batagelj and Zaversnik, "An O(m) Algorithm for Cores
 * Decomposition of Networks", 2003, section 2 (there: vertices by degree).
 *
 * Invariants (pool_check.c): a position's bit is set exactly when no handle lies there; a
 * taken handle and the header of its block name each other; at_least and `order` agree with the
 * fills; a class has a block, and at most one empty block, and none above the quota; `empty`
 * and `loose` name just the classes that they should.
 */
#ifndef CG_ENGINE_SERVICE_POOL_INTERNAL_H
#define CG_ENGINE_SERVICE_POOL_INTERNAL_H

#include "engine/service/pool.h"

enum {
    CG_POOL_COUNT = CG_POOL_TYPES + 1,
    CG_POOL_BLOCK_SLOTS_MAX = CG_POOL_USUAL_BYTES / 16,
    CG_POOL_BLOCK_WORDS = CG_POOL_BLOCK_SLOTS_MAX / 64,
    CG_POOL_CLASS_WORDS = (CG_POOL_CLASSES + 63) / 64,
    CG_POOL_CHUNK_HANDLES = 256,
    CG_POOL_CHUNK_WORDS = CG_POOL_CHUNK_HANDLES / 64,
    CG_POOL_NOT_TAKEN = 255, /* as a handle's pool */
    CG_POOL_ALIGNMENT_BYTES = 64
};
#define CG_POOL_GENERATION_MAX ((UINT32_C(1) << 24) - 1)
#define CG_POOL_CHUNKS_MAX     ((UINT64_C(1) << 32) / CG_POOL_CHUNK_HANDLES)
#define CG_POOL_NO_INDEX       UINT32_MAX

typedef struct cg_pool_handle {
    uint32_t generation; /* of the slot, or of the one to come; above the largest: retired */
    uint32_t block;      /* number in its class */
    uint16_t position;
    uint16_t pins;
    uint16_t size_less_1;
    uint8_t size_class;
    uint8_t pool; /* or CG_POOL_NOT_TAKEN */
} cg_pool_handle;

/* A chunk without taken handles gives its memory back and leaves the generation to go on with. */
typedef struct cg_pool_chunk {
    cg_pool_handle *handles; /* NULL: none */
    uint64_t free_bits[CG_POOL_CHUNK_WORDS];
    uint32_t taken;
    uint32_t generation; /* of all its handles, when they are made; retired: never */
} cg_pool_chunk;

/* The header of an allocation; the slots follow it, aligned to 64 bytes. */
typedef struct cg_pool_block {
    uint32_t number;
    uint32_t rank; /* in its class's order */
    uint16_t taken;
    uint16_t pinned; /* slots with a pin */
    uint64_t free_bits[CG_POOL_BLOCK_WORDS];
    uint32_t handles[]; /* [slots] of taken slots */
} cg_pool_block;

typedef struct cg_pool_shape {
    uint32_t slot_bytes;
    uint32_t slots; /* of a block */
    uint32_t block_bytes;
    uint32_t header_bytes;
} cg_pool_shape;

/* 64 block numbers. */
typedef struct cg_pool_numbers {
    uint64_t used; /* bit: the block exists */
    uint64_t open; /* bit: it exists and has a free slot */
} cg_pool_numbers;

/* A class of a pool, from its first block to its last. */
typedef struct cg_pool_class {
    cg_pool_shape shape;
    uint32_t block_count;
    uint64_t taken;         /* slots */
    cg_pool_block **blocks; /* [block_capacity] by number; NULL: none */
    size_t block_capacity;
    cg_pool_numbers *numbers; /* [number_capacity] */
    size_t number_capacity;
    size_t first_open;     /* no word below has an open block */
    size_t first_unused;   /* every word below has all numbers in use */
    cg_pool_block **order; /* [order_capacity] fullest first */
    size_t order_capacity;
    uint32_t at_least[]; /* [slots + 2] blocks with so many taken slots or more */
} cg_pool_class;

typedef struct cg_pool {
    uint64_t quota_bytes;
    uint64_t empty_bytes; /* of empty blocks */
    cg_pool_statistics statistics;
    uint64_t empty[CG_POOL_CLASS_WORDS]; /* bit: the class has an empty block */
    uint64_t loose[CG_POOL_CLASS_WORDS]; /* bit: it has a block's worth of free slots */
    cg_pool_class **classes;             /* [CG_POOL_CLASSES] once a slot was taken */
} cg_pool;

struct cg_pools {
    cg_allocator allocator;
    cg_pool_chunk *chunks;
    size_t chunk_capacity;
    uint32_t chunk_count;  /* that ever were */
    uint32_t first_usable; /* no chunk below has a handle to give */
    uint32_t spare;        /* the chunk that is kept without taken handles, or none */
    uint32_t cursor;       /* pool * CG_POOL_CLASSES + class to be defragmented first */
    cg_pool pools[CG_POOL_COUNT];
};

static inline uint32_t cg_pool_lowest_bit(uint64_t word) { /* word != 0 */
    return (uint32_t)__builtin_ctzll(word);
}

static inline bool cg_pool_bit(const uint64_t *words, uint32_t bit) {
    return (words[bit / 64] >> (bit % 64)) & 1;
}

static inline void cg_pool_set_bit(uint64_t *words, uint32_t bit, bool value) {
    uint64_t mask = UINT64_C(1) << (bit % 64);
    words[bit / 64] = value ? words[bit / 64] | mask : words[bit / 64] & ~mask;
}

static inline uint8_t *cg_pool_slot_memory(const cg_pool_class *class, cg_pool_block *block,
                                           uint32_t position) {
    return (uint8_t *)block + class->shape.header_bytes +
           (size_t)position * class->shape.slot_bytes;
}

static inline uint32_t cg_pool_empty_blocks(const cg_pool_class *class) {
    return class->at_least[0] - class->at_least[1];
}

/* --- pool_classes.c --- */

uint32_t cg_pool_class_of(uint32_t size_bytes); /* 1 .. CG_POOL_BLOCK_BYTES */
cg_pool_shape cg_pool_shape_of(uint32_t size_class);
/* What the allocator gives for a class without its blocks, and for one of its blocks. */
uint64_t cg_pool_class_held_bytes(const cg_pool_class *class);
uint64_t cg_pool_block_held_bytes(const cg_pool_shape *shape);
void cg_pool_class_free(const cg_allocator *allocator, cg_pool_class *class);

/* Adds an empty block, at the lowest free number, to a class that need not exist yet, and gives
 * back empty blocks of the pool to make room. CG_ERROR_FULL (without a sentence) when the quota
 * does not allow it, CG_ERROR_MEMORY; then nothing has changed. */
cg_status cg_pool_grow(const cg_allocator *allocator, cg_pool *pool, uint32_t size_class,
                       cg_error *error);
/* Gives back an empty block, and its class when that was its last one. */
void cg_pool_block_remove(const cg_allocator *allocator, cg_pool *pool, uint32_t size_class,
                          cg_pool_block *block);
/* Gives back the empty blocks of a pool, the lowest class first, until it holds at most
 * `most_bytes`. */
void cg_pool_release_empty(const cg_allocator *allocator, cg_pool *pool, uint64_t most_bytes);
/* The last of the class's blocks, which is empty. */
cg_pool_block *cg_pool_emptiest(const cg_pool_class *class);

/* --- pool_block.c --- */

/* Puts a handle at a free position, or takes it away, and keeps the class's order. */
void cg_pool_block_fill(cg_pool *pool, uint32_t size_class, cg_pool_block *block,
                        uint32_t position, uint32_t handle);
void cg_pool_block_clear(cg_pool *pool, uint32_t size_class, cg_pool_block *block,
                         uint32_t position);
/* Brings `empty`, empty_bytes and `loose` up to date for a class; NULL: it is gone. */
void cg_pool_note(cg_pool *pool, uint32_t size_class, const cg_pool_class *class,
                  const cg_pool_shape *shape);
/* The free position nearest to `near`, ties to the lower; CG_POOL_NO_INDEX in a full block. */
uint32_t cg_pool_nearest_free(const cg_pool_block *block, uint32_t near);
/* The block of a class that has a free slot and is chosen by `placement`; `near`: the number of
 * the hint's block, or CG_POOL_NO_INDEX. NULL: all are full. */
cg_pool_block *cg_pool_choose_block(cg_pool_class *class, cg_pool_placement placement,
                                    uint32_t near);

/* --- pool_handle.c --- */

/* Sees to it that cg_pool_handle_take has a handle. *is_made: a chunk was made for it, which
 * cg_pool_handle_cancel takes back, as if nothing had been. CG_ERROR_MEMORY, CG_ERROR_FULL. */
cg_status cg_pool_handle_reserve(cg_pools *pools, bool *is_made, cg_error *error);
void cg_pool_handle_cancel(cg_pools *pools);
/* The lowest free handle; its index. The caller fills in the rest. */
uint32_t cg_pool_handle_take(cg_pools *pools, uint32_t pool);
void cg_pool_handle_give(cg_pools *pools, uint32_t index);
uint64_t cg_pool_handle_id(const cg_pools *pools, uint32_t index);
/* The handle of a taken slot, or NULL. */
cg_pool_handle *cg_pool_handle_find(const cg_pools *pools, uint64_t slot);

static inline cg_pool_handle *cg_pool_handle_at(const cg_pools *pools, uint32_t index) {
    return &pools->chunks[index / CG_POOL_CHUNK_HANDLES].handles[index % CG_POOL_CHUNK_HANDLES];
}

static inline uint32_t cg_pool_handle_index(uint64_t slot) {
    return (uint32_t)(slot & UINT32_MAX);
}

#endif
