/* What the replacement policies share: slots, lists, blocks (internal to engine/tier).
 *
 * Idea: all state lies in one block without pointers, so that an image is its copy. Its parts
 * begin at multiples of 64 bytes:
 *
 *   cg_cache_state     bounds, counts, up to four lists, a policy's own figures; 256 bytes
 *   slots[allocated]   24 bytes each
 *   heads[allocated]   of the chains of a hash table, 4 bytes each
 *   sizes[allocated]   of the keys in the slots, 4 bytes each
 *   extra              what else a policy keeps
 *
 * A slot is a key that is held, or one that ARC remembers; its size is 0 when it is free. Slots
 * are linked into lists, and into the chains of the hash table, which has as many buckets as
 * slots. Bucket of a key: the high 32 bits of its hash, times allocated, divided by 2^32
 * (Lemire, "Fast random integer generation in an interval", 2019), so the array need not be a
 * power of two and ends at exactly the limit. Heads and sizes stand apart because a read of a
 * large cache costs what it fetches: a line of heads serves 16 buckets, and a read needs no
 * size.
 *
 * Growing and shrinking make a new block and move into it: a failed allocation changes nothing,
 * and a cache that began in an image leaves the image behind.
 *
 * Invariants: every slot in use is in one list and in the chain of its key's bucket; a list's
 * weight is the sum of its slots' weights; free slots below `used` are linked by `chain`.
 */
#ifndef CG_ENGINE_TIER_CACHE_INTERNAL_H
#define CG_ENGINE_TIER_CACHE_INTERNAL_H

#include "engine/base/hash.h"
#include "engine/tier/cache.h"

#define CG_CACHE_NONE UINT32_MAX
enum { CG_CACHE_LISTS = 4, CG_CACHE_STATE_BYTES = 256, CG_CACHE_LINE_BYTES = 64 };

typedef struct cg_cache_slot {
    uint64_t key;
    uint32_t newer; /* next towards the list's newest */
    uint32_t older; /* next towards its oldest */
    uint32_t chain; /* next slot of the same bucket; of a free slot: the next free one */
    uint32_t tag;   /* lfu: group; belady: place in the heap; others: list, and s3fifo's count
                       above it */
} cg_cache_slot;

typedef struct cg_cache_list {
    uint32_t newest;
    uint32_t oldest;
    uint64_t weight;
} cg_cache_list;

typedef struct cg_cache_state {
    uint64_t magic;
    uint64_t block_bytes;
    uint64_t capacity;
    uint32_t policy;
    uint32_t bound;
    uint32_t allocated; /* slots */
    uint32_t used;      /* slots below were in use once */
    uint32_t free;      /* the first free one of those */
    uint32_t entries;   /* held */
    uint64_t size_bytes;
    uint64_t evictions;
    uint64_t refused;
    cg_cache_list lists[CG_CACHE_LISTS];
    uint64_t clock;       /* belady: touches; lfu: draws; tinylfu: touches since the halving;
                             s3fifo: ghosts ever */
    uint64_t mark;        /* s3fifo: ghosts ever before the oldest that is remembered; belady:
                             the key touched last */
    double target;        /* arc: p */
    uint32_t groups_used; /* lfu */
    uint32_t free_group;
} cg_cache_state;
_Static_assert(sizeof(cg_cache_slot) == 24, "a slot has no padding");
_Static_assert(sizeof(cg_cache_state) <= CG_CACHE_STATE_BYTES, "the state has its place");

typedef struct cg_cache_operations {
    bool (*touch)(cg_cache *cache, uint64_t key);
    /* weight <= capacity; ghost: the slot that remembers the key, or none. */
    bool (*put)(cg_cache *cache, uint64_t key, uint32_t bytes, uint32_t ghost);
    /* Takes a slot out of the lists; the caller frees it. */
    void (*detach)(cg_cache *cache, uint32_t index);
    /* Evicts until the capacity, which became another, is kept. */
    void (*fit)(cg_cache *cache);
    /* What follows is NULL where there is nothing to do. */
    uint64_t (*extra_bytes)(uint32_t allocated);
    /* Fills the extra of `to`, whose slots are ready, from that of `from`. from NULL: anew. */
    void (*move_extra)(const cg_cache *from, cg_cache *to);
    /* Slot `from` has become slot `to`, with its links mended. */
    void (*relocated)(cg_cache *cache, uint32_t from, uint32_t to);
    /* Forgets what else is known of a key that is not in a slot any more. */
    void (*forget)(cg_cache *cache, uint64_t key);
    void (*hash_extra)(const cg_cache *cache, cg_hasher *hasher);
} cg_cache_operations;

extern const cg_cache_operations cg_cache_lru;
extern const cg_cache_operations cg_cache_lfu;
extern const cg_cache_operations cg_cache_arc;
extern const cg_cache_operations cg_cache_tinylfu;
extern const cg_cache_operations cg_cache_s3fifo;
extern const cg_cache_operations cg_cache_belady;

struct cg_cache {
    cg_cache_state *state; /* the block */
    cg_cache_slot *slots;
    uint32_t *heads;
    uint32_t *sizes;
    void *extra;
    const cg_cache_operations *operations;
    cg_allocator allocator;
    void (*evicted)(void *context, uint64_t key, uint32_t bytes);
    void *context;
    const cg_cache_future *future;
    bool owns_block; /* false: it is an image */
};

/* A slot for a key that is in none, chained but in no list; counted as held. */
uint32_t cg_cache_take_slot(cg_cache *cache, uint64_t key, uint32_t bytes);
/* Back to the free ones; the slot is in no list. */
void cg_cache_free_slot(cg_cache *cache, uint32_t index);
/* Counts a held key as evicted and tells of it; its slot may be freed or stay as a ghost. */
void cg_cache_count_out(cg_cache *cache, uint64_t key, uint32_t bytes);
/* Frees the slot of a held key that is in no list, and tells of it. */
void cg_cache_drop(cg_cache *cache, uint32_t index);
/* The same for one that is still in a list. */
void cg_cache_evict(cg_cache *cache, uint32_t list, uint32_t index);

static inline uint64_t cg_cache_weight(const cg_cache *cache, uint32_t bytes) {
    return cache->state->bound == CG_CACHE_BYTES ? bytes : 1;
}

static inline uint64_t cg_cache_slot_weight(const cg_cache *cache, uint32_t index) {
    return cache->state->bound == CG_CACHE_BYTES ? cache->sizes[index] : 1;
}

static inline uint32_t cg_cache_bucket(const cg_cache *cache, uint64_t key) {
    return (uint32_t)(((cg_hash_u64(key, 0) >> 32) * cache->state->allocated) >> 32);
}

static inline uint32_t cg_cache_find(const cg_cache *cache, uint64_t key) {
    const cg_cache_slot *slots = cache->slots;
    uint32_t index = cache->heads[cg_cache_bucket(cache, key)];
    while (index != CG_CACHE_NONE && slots[index].key != key) {
        index = slots[index].chain;
    }
    return index;
}

static inline void cg_cache_unlink(cg_cache *cache, cg_cache_list *list, uint32_t index) {
    uint32_t newer = cache->slots[index].newer;
    uint32_t older = cache->slots[index].older;
    if (newer == CG_CACHE_NONE) {
        list->newest = older;
    } else {
        cache->slots[newer].older = older;
    }
    if (older == CG_CACHE_NONE) {
        list->oldest = newer;
    } else {
        cache->slots[older].newer = newer;
    }
}

/* As the one just newer than `older` (none: as the oldest). */
static inline void cg_cache_link(cg_cache *cache, cg_cache_list *list, uint32_t index,
                                 uint32_t older) {
    uint32_t newer = older == CG_CACHE_NONE ? list->oldest : cache->slots[older].newer;
    cache->slots[index].newer = newer;
    cache->slots[index].older = older;
    if (newer == CG_CACHE_NONE) {
        list->newest = index;
    } else {
        cache->slots[newer].older = index;
    }
    if (older == CG_CACHE_NONE) {
        list->oldest = index;
    } else {
        cache->slots[older].newer = index;
    }
}

static inline void cg_cache_list_out(cg_cache *cache, uint32_t list, uint32_t index) {
    cg_cache_list *ends = &cache->state->lists[list];
    cg_cache_unlink(cache, ends, index);
    ends->weight -= cg_cache_slot_weight(cache, index);
}

static inline void cg_cache_list_in(cg_cache *cache, uint32_t list, uint32_t index,
                                    uint32_t older) {
    cg_cache_list *ends = &cache->state->lists[list];
    cg_cache_link(cache, ends, index, older);
    ends->weight += cg_cache_slot_weight(cache, index);
}

static inline void cg_cache_list_push(cg_cache *cache, uint32_t list, uint32_t index) {
    cg_cache_list_in(cache, list, index, cache->state->lists[list].newest);
}

/* Makes a slot of a list its newest. */
static inline void cg_cache_list_renew(cg_cache *cache, uint32_t list, uint32_t index) {
    cg_cache_list *ends = &cache->state->lists[list];
    if (ends->newest != index) {
        cg_cache_unlink(cache, ends, index);
        cg_cache_link(cache, ends, index, ends->newest);
    }
}

#endif
