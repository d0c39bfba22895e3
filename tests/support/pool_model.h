/* A naive model of the pools: plain arrays, looked through from the start each time.
 *
 * It predicts, from what engine/service/pool.h says alone, where a slot goes, what is refused,
 * which blocks come and go, and all accounts. One model a program, in static storage.
 */
#ifndef CG_TESTS_SUPPORT_POOL_MODEL_H
#define CG_TESTS_SUPPORT_POOL_MODEL_H

#include <string.h>

#include "engine/service/pool.h"
#include "tests/support/support.h"

enum {
    TYPES = 3,
    POOLS = TYPES + 1, /* the last: the alternative pool */
    BLOCKS = 128,      /* of a class, at most */
    TAKEN_MAX = 20000,
    HANDLES_MAX = 65536,
    BLOCK_SLOTS_MAX = 256
};

static const uint32_t TYPE_NUMBERS[POOLS] = {0, 17, 63, CG_POOL_SHARED};

typedef struct model_block {
    bool exists;
    uint16_t taken;
    uint16_t pinned;
    bool at[BLOCK_SLOTS_MAX];
} model_block;

typedef struct model_slot {
    uint64_t id;
    uint32_t size_bytes;
    uint32_t pins;
    uint8_t pattern;
    cg_pool_place place; /* with the model's number of the pool */
} model_slot;

typedef struct model {
    model_block blocks[POOLS][CG_POOL_CLASSES][BLOCKS];
    uint32_t block_counts[POOLS][CG_POOL_CLASSES];
    uint64_t quotas[POOLS];
    cg_pool_statistics statistics[POOLS];
    model_slot taken[TAKEN_MAX];
    uint32_t taken_count;
    uint32_t generations[HANDLES_MAX]; /* the last one of each handle */
} model;

static model oracle; /* 11 MB: not for the stack */

/* What the header says of sizes, step by step. */
static inline uint32_t model_slot_bytes(uint32_t size_class) {
    uint32_t bytes = 0;
    uint32_t step = 16;
    for (uint32_t i = 0; i <= size_class; i++) {
        step = bytes >= 16 * step ? 2 * step : step;
        bytes += step;
    }
    return bytes;
}

static uint32_t class_bytes[CG_POOL_CLASSES]; /* filled once */

static inline void model_init(uint64_t quota_bytes) {
    memset(&oracle, 0, sizeof oracle);
    for (uint32_t i = 0; i < CG_POOL_CLASSES; i++) {
        class_bytes[i] = model_slot_bytes(i);
    }
    for (uint32_t i = 0; i < POOLS; i++) {
        oracle.quotas[i] = quota_bytes;
    }
}

static inline uint32_t model_class(uint32_t size_bytes) {
    uint32_t size_class = 0;
    while (class_bytes[size_class] < size_bytes) {
        size_class++;
    }
    return size_class;
}

static inline uint32_t slots_of(uint32_t size_class) {
    return class_bytes[size_class] > 4096 ? 1 : 4096 / class_bytes[size_class];
}

static inline uint64_t block_bytes_of(uint32_t size_class) {
    return (uint64_t)slots_of(size_class) * class_bytes[size_class];
}

static inline void set_block(uint32_t pool, uint32_t size_class, uint32_t number, bool exists) {
    model_block *block = &oracle.blocks[pool][size_class][number];
    cg_pool_statistics *statistics = &oracle.statistics[pool];
    assert_true(block->exists != exists && block->taken == 0);
    block->exists = exists;
    uint64_t bytes = block_bytes_of(size_class);
    if (exists) {
        oracle.block_counts[pool][size_class]++;
        statistics->blocks++;
        statistics->block_bytes += bytes;
        statistics->free_bytes += bytes;
    } else {
        oracle.block_counts[pool][size_class]--;
        statistics->blocks--;
        statistics->block_bytes -= bytes;
        statistics->free_bytes -= bytes;
    }
}

/* The number of the class's empty block that is not `but`, or BLOCKS. */
static inline uint32_t find_empty(uint32_t pool, uint32_t size_class, uint32_t but) {
    uint32_t number = 0;
    while (number < BLOCKS &&
           (number == but || !oracle.blocks[pool][size_class][number].exists ||
            oracle.blocks[pool][size_class][number].taken > 0)) {
        number++;
    }
    return number;
}

static inline uint64_t empty_bytes(uint32_t pool) {
    uint64_t bytes = 0;
    for (uint32_t c = 0; c < CG_POOL_CLASSES; c++) {
        bytes += find_empty(pool, c, BLOCKS) < BLOCKS ? block_bytes_of(c) : 0;
    }
    return bytes;
}

static inline void release_empty(uint32_t pool, uint64_t most_bytes) {
    for (uint32_t c = 0; c < CG_POOL_CLASSES; c++) {
        uint32_t number = find_empty(pool, c, BLOCKS);
        if (number < BLOCKS && oracle.statistics[pool].block_bytes > most_bytes) {
            set_block(pool, c, number, false);
        }
    }
}

static inline model_slot *model_find(uint64_t id) {
    for (uint32_t i = 0; i < oracle.taken_count; i++) {
        if (oracle.taken[i].id == id) {
            return &oracle.taken[i];
        }
    }
    return NULL;
}

static inline uint32_t distance(uint32_t a, uint32_t b) {
    return a > b ? a - b : b - a;
}

/* The free position nearest to `near`, the first of equals. */
static inline uint32_t model_position(const model_block *block, uint32_t slots, uint32_t near) {
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < slots; i++) {
        if (!block->at[i] && (best == UINT32_MAX || distance(i, near) < distance(best, near))) {
            best = i;
        }
    }
    return best;
}

/* Whether `number` is better than `best`, both with free slots, `best` before it. */
static inline bool is_better(const model_block *blocks, uint32_t number, uint32_t best,
                             cg_pool_placement placement, uint32_t near) {
    if (best == BLOCKS) {
        return true;
    }
    if (placement == CG_POOL_DENSE) {
        return blocks[number].taken > blocks[best].taken;
    }
    if (placement == CG_POOL_FRESH) {
        return blocks[number].taken < blocks[best].taken;
    }
    return near < BLOCKS && distance(number, near) < distance(best, near);
}

/* Where one pool puts a slot; a new block is made in the model, too. With DENSE and FRESH any
 * block as full as the one in *place will do. */
static inline cg_status model_choose(uint32_t pool, const cg_pool_request *request,
                                     uint32_t size_class, const model_slot *hint,
                                     cg_pool_place *place) {
    cg_pool_statistics *statistics = &oracle.statistics[pool];
    if (statistics->block_bytes > oracle.quotas[pool]) {
        return CG_ERROR_FULL;
    }
    if (hint && (hint->place.pool != pool || hint->place.size_class != size_class ||
                 request->placement != CG_POOL_NEAR)) {
        hint = NULL;
    }
    uint32_t near = hint ? hint->place.block : BLOCKS;
    const model_block *blocks = oracle.blocks[pool][size_class];
    uint32_t slots = slots_of(size_class);
    uint32_t best = BLOCKS;
    uint32_t seen = 0;
    for (uint32_t i = 0; seen < oracle.block_counts[pool][size_class]; i++) {
        seen += blocks[i].exists;
        if (blocks[i].exists && blocks[i].taken < slots &&
            is_better(blocks, i, best, request->placement, near)) {
            best = i;
        }
    }
    if (best == BLOCKS) {
        uint64_t bytes = block_bytes_of(size_class);
        if (statistics->block_bytes - empty_bytes(pool) + bytes > oracle.quotas[pool]) {
            return CG_ERROR_FULL;
        }
        release_empty(pool, oracle.quotas[pool] - bytes);
        best = 0;
        while (blocks[best].exists) {
            best++;
            assert_true(best < BLOCKS);
        }
        set_block(pool, size_class, best, true);
    }
    uint32_t position =
        model_position(&blocks[best], slots, best == near ? hint->place.position : 0);
    *place = (cg_pool_place){pool, size_class, best, position, class_bytes[size_class]};
    return CG_OK;
}

static inline cg_status model_take(uint32_t type, const cg_pool_request *request,
                                   const model_slot *hint, cg_pool_place *place) {
    uint32_t size_class = model_class(request->size_bytes);
    uint64_t wish = (uint64_t)request->size_bytes + request->headroom_bytes;
    uint32_t wished = model_class(wish > 65536 ? 65536 : (uint32_t)wish);
    cg_status status = model_choose(type, request, wished, hint, place);
    if (status == CG_ERROR_FULL) {
        status = model_choose(TYPES, request, wished, hint, place);
    }
    if (status == CG_ERROR_FULL) {
        status = model_choose(type, request, size_class, hint, place);
    }
    if (status == CG_ERROR_FULL) {
        status = model_choose(TYPES, request, size_class, hint, place);
    }
    return status;
}

/* The accounts of a slot at its place: put there (+) or taken away. */
static inline void model_account(const model_slot *slot, bool is_put) {
    model_block *block =
        &oracle.blocks[slot->place.pool][slot->place.size_class][slot->place.block];
    cg_pool_statistics *statistics = &oracle.statistics[slot->place.pool];
    assert_true(block->exists && block->at[slot->place.position] != is_put);
    block->at[slot->place.position] = is_put;
    if (is_put) {
        block->taken++;
        block->pinned = (uint16_t)(block->pinned + (slot->pins > 0));
        statistics->slots_taken++;
        statistics->requested_bytes += slot->size_bytes;
        statistics->slot_bytes += slot->place.slot_bytes;
        statistics->free_bytes -= slot->place.slot_bytes;
    } else {
        block->taken--;
        block->pinned = (uint16_t)(block->pinned - (slot->pins > 0));
        statistics->slots_taken--;
        statistics->requested_bytes -= slot->size_bytes;
        statistics->slot_bytes -= slot->place.slot_bytes;
        statistics->free_bytes += slot->place.slot_bytes;
    }
}

/* Whether a class has a block too many that no pin holds. */
static inline bool is_loose(uint32_t pool, uint32_t size_class) {
    uint64_t blocks = 0;
    uint64_t taken = 0;
    bool is_movable = false;
    for (uint32_t i = 0; i < BLOCKS && blocks < oracle.block_counts[pool][size_class]; i++) {
        const model_block *block = &oracle.blocks[pool][size_class][i];
        blocks += block->exists;
        taken += block->taken;
        is_movable |= block->exists && block->pinned == 0;
    }
    return is_movable && blocks * slots_of(size_class) - taken >= slots_of(size_class);
}

#endif
