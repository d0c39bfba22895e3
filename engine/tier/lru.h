/* A set of at most `capacity` keys in order of last use (internal to engine/tier).
 *
 * Every operation is O(1) expected; putting into a full set replaces the key used longest ago.
 * Memory grows by doubling with the keys held and ends at 24 bytes a key of capacity: 16 beyond
 * the key, at most 40 right after a doubling.
 */
#ifndef CG_ENGINE_TIER_LRU_H
#define CG_ENGINE_TIER_LRU_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

enum { CG_LRU_CAPACITY_MAX = INT32_MAX };

typedef struct cg_lru_entry {
    uint64_t key;
    uint32_t newer; /* entry used next after this one */
    uint32_t older; /* entry used last before this one */
    uint32_t chain; /* next entry whose key falls into the same bucket */
    uint32_t head;  /* not of this entry: the first in the chain of the bucket of this index */
} cg_lru_entry;

typedef struct cg_lru {
    cg_lru_entry *entries; /* [allocated]; those below count are in use */
    uint32_t count;
    uint32_t allocated;
    uint32_t capacity;
    uint32_t newest;
    uint32_t oldest;
    cg_allocator allocator;
} cg_lru;

/* capacity: 1..CG_LRU_CAPACITY_MAX. Allocates nothing yet. */
void cg_lru_init(cg_lru *lru, uint32_t capacity, cg_allocator allocator);
void cg_lru_deinit(cg_lru *lru);
uint64_t cg_lru_bytes(const cg_lru *lru); /* of its entries, held now */

/* Makes sure that the next cg_lru_put has room. The keys and their order don't change. */
cg_status cg_lru_reserve(cg_lru *lru, cg_error *error);

/* Whether the key is held; then it becomes the newest. */
bool cg_lru_touch(cg_lru *lru, uint64_t key);

/* Adds a key that is not held, as the newest, after cg_lru_reserve. Whether another key had to
 * go. */
bool cg_lru_put(cg_lru *lru, uint64_t key);

#endif
