/* Least recently used, by a doubly linked list through a dense array and a chained hash table.
 *
 * Idea: keys leave only to make room for another, so the entries in use are always 0 .. count-1
 * and the evicted entry is reused at once: there is no free list. As many buckets as entries
 * are allocated, and bucket b's head lies in entry b, so list and table are one array that
 * grows by one reallocation. Bucket of a key: the high 32 bits of its hash, times allocated,
 * divided by 2^32 (Lemire, "Fast random integer generation in an interval", 2019), so the array
 * need not be a power of two and ends at exactly the capacity.
 *
 * Invariants: walking `older` from newest meets every entry below count once and ends at
 * oldest; every entry below count is in exactly one chain, that of its key's bucket.
 *
 * Known value, at capacity 2:
 *
 *   read   a     b     a    c               a    b
 *          miss  miss  hit  miss (b goes)   hit  miss
 */
#include "engine/tier/lru.h"

#include "engine/base/hash.h"

enum { FIRST_ALLOCATION = 16 };
#define NO_ENTRY UINT32_MAX

void cg_lru_init(cg_lru *lru, uint32_t capacity, cg_allocator allocator) {
    CG_ASSERT(capacity >= 1 && capacity <= CG_LRU_CAPACITY_MAX);
    *lru = (cg_lru){
        .capacity = capacity,
        .newest = NO_ENTRY,
        .oldest = NO_ENTRY,
        .allocator = allocator,
    };
}

void cg_lru_deinit(cg_lru *lru) {
    cg_deallocate(&lru->allocator, lru->entries, lru->allocated, sizeof *lru->entries);
    lru->entries = NULL;
    lru->count = 0;
    lru->allocated = 0;
}

uint64_t cg_lru_bytes(const cg_lru *lru) {
    return lru->allocated * (uint64_t)sizeof *lru->entries;
}

static uint32_t bucket_of(const cg_lru *lru, uint64_t key) {
    return (uint32_t)(((cg_hash_u64(key, 0) >> 32) * lru->allocated) >> 32);
}

static uint32_t find(const cg_lru *lru, uint64_t key) {
    if (lru->count == 0) {
        return NO_ENTRY;
    }
    uint32_t index = lru->entries[bucket_of(lru, key)].head;
    while (index != NO_ENTRY && lru->entries[index].key != key) {
        index = lru->entries[index].chain;
    }
    return index;
}

static void chain_in(cg_lru *lru, uint32_t index) {
    cg_lru_entry *bucket = &lru->entries[bucket_of(lru, lru->entries[index].key)];
    lru->entries[index].chain = bucket->head;
    bucket->head = index;
}

static void chain_out(cg_lru *lru, uint32_t index) {
    uint32_t *link = &lru->entries[bucket_of(lru, lru->entries[index].key)].head;
    while (*link != index) {
        link = &lru->entries[*link].chain;
    }
    *link = lru->entries[index].chain;
}

static void list_in_front(cg_lru *lru, uint32_t index) {
    lru->entries[index].newer = NO_ENTRY;
    lru->entries[index].older = lru->newest;
    if (lru->newest == NO_ENTRY) {
        lru->oldest = index;
    } else {
        lru->entries[lru->newest].newer = index;
    }
    lru->newest = index;
}

static void list_out(cg_lru *lru, uint32_t index) {
    uint32_t newer = lru->entries[index].newer;
    uint32_t older = lru->entries[index].older;
    if (newer == NO_ENTRY) {
        lru->newest = older;
    } else {
        lru->entries[newer].older = older;
    }
    if (older == NO_ENTRY) {
        lru->oldest = newer;
    } else {
        lru->entries[older].newer = newer;
    }
}

cg_status cg_lru_reserve(cg_lru *lru, cg_error *error) {
    if (lru->count < lru->allocated || lru->allocated == lru->capacity) {
        return CG_OK;
    }
    uint32_t wanted = lru->allocated == 0 ? FIRST_ALLOCATION : 2 * lru->allocated;
    if (wanted > lru->capacity) {
        wanted = lru->capacity;
    }
    size_t size = sizeof *lru->entries;
    cg_lru_entry *entries = lru->allocator.reallocate(lru->allocator.context, lru->entries,
                                                      lru->allocated * size, wanted * size);
    if (!entries) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory to let a tier grow from %u to %u entries of %zu bytes",
                            lru->allocated, wanted, size);
    }
    lru->entries = entries;
    lru->allocated = wanted;
    for (uint32_t i = 0; i < wanted; i++) {
        entries[i].head = NO_ENTRY;
    }
    for (uint32_t i = 0; i < lru->count; i++) {
        chain_in(lru, i);
    }
    return CG_OK;
}

bool cg_lru_touch(cg_lru *lru, uint64_t key) {
    uint32_t index = find(lru, key);
    if (index == NO_ENTRY) {
        return false;
    }
    if (index != lru->newest) {
        list_out(lru, index);
        list_in_front(lru, index);
    }
    return true;
}

bool cg_lru_put(cg_lru *lru, uint64_t key) {
    bool evict = lru->count == lru->capacity;
    uint32_t index = lru->count;
    if (evict) {
        index = lru->oldest;
        chain_out(lru, index);
        list_out(lru, index);
    } else {
        CG_ASSERT(lru->count < lru->allocated);
        lru->count++;
    }
    lru->entries[index].key = key;
    chain_in(lru, index);
    list_in_front(lru, index);
    return evict;
}
