/* LRU with time to live, by lists through a dense array and a chained hash table.
 *
 * Idea: an entry is in three doubly linked lists: all by last use, all by time of put (the time
 * to live is one for all, so this is the order in which they expire), and those of its target.
 * Entries are found by key through chains of a hash table, and the newest of a target through
 * those of another. Both tables have as many buckets as there are entries allocated, and the
 * heads of bucket b lie in entry b, as in engine/tier/lru.c: one array is all, so a put needs
 * memory only when that grows. Values lie beside, in an array of their own. Entries that were
 * dropped form a free list through their key's chain.
 *
 * Invariants: every entry held is once in each of the first two lists, in its target's list,
 * and in the chain of its key's bucket; the newest of each target's list, and no other, is in
 * the chain of its target's bucket; times of put do not fall along the second list.
 *
 * Known value, at capacity 2 and time to live 10: put a at 0, put b at 1, get a at 2 (hit), put
 * c at 3 (b is evicted), get a at 9 (hit), get a at 10 (expired).
 */
#include "engine/service/decision_cache.h"

#include <string.h>

#include "engine/base/hash.h"

enum { FIRST_ALLOCATION = 16, EXPIRED_A_PUT = 2 };
#define NONE UINT32_MAX

typedef enum list_name { BY_USE, BY_PUT, BY_TARGET, LISTS } list_name;
typedef enum table_name { KEYS, TARGETS, TABLES } table_name;

typedef struct entry {
    cg_decision_key key;
    uint64_t target;
    uint64_t put_ns;
    uint32_t newer[LISTS];
    uint32_t older[LISTS];
    uint32_t chain[TABLES]; /* next in the bucket; for KEYS of a free one: the next free */
    uint32_t head[TABLES];  /* not of this entry: the first in the bucket of this number */
} entry;

/* The two ends of a list. */
typedef struct list {
    uint32_t newest;
    uint32_t oldest;
} list;

struct cg_decision_cache {
    cg_allocator allocator;
    cg_decision_cache_options options;
    cg_decision_cache_statistics statistics;
    entry *entries;  /* [allocated] */
    uint8_t *values; /* [allocated][value_bytes] */
    uint32_t allocated;
    uint32_t used; /* entries below are held or free, those from here on untouched */
    uint32_t free;
    list by_use;
    list by_put;
    uint64_t clock_ns;
};

static cg_status check_capacity(uint32_t capacity, cg_error *error) {
    if (capacity < 1 || capacity > CG_DECISION_CACHE_CAPACITY_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "capacity of the decision cache is %u, not in 1..%d", capacity,
                            CG_DECISION_CACHE_CAPACITY_MAX);
    }
    return CG_OK;
}

static cg_status check_options(const cg_decision_cache_options *options, cg_error *error) {
    cg_status status = check_capacity(options->capacity, error);
    if (status != CG_OK) {
        return status;
    }
    if (options->value_bytes < 1 || options->value_bytes > CG_DECISION_VALUE_BYTES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "value_bytes of the decision cache is %u, not in 1..%d",
                            options->value_bytes, CG_DECISION_VALUE_BYTES_MAX);
    }
    if (options->ttl_ns == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "ttl_ns of the decision cache is 0, not in 1..%llu",
                            (unsigned long long)UINT64_MAX);
    }
    return CG_OK;
}

cg_status cg_decision_cache_alloc(const cg_decision_cache_options *options,
                                  cg_allocator allocator, cg_decision_cache **out,
                                  cg_error *error) {
    cg_status status = check_options(options, error);
    if (status != CG_OK) {
        return status;
    }
    cg_decision_cache *made = cg_allocate(&allocator, 1, sizeof *made);
    if (!made) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for a decision cache");
    }
    made->allocator = allocator;
    made->options = *options;
    made->statistics.capacity = options->capacity;
    made->free = NONE;
    made->by_use = (list){NONE, NONE};
    made->by_put = (list){NONE, NONE};
    *out = made;
    return CG_OK;
}

void cg_decision_cache_free(cg_decision_cache *cache) {
    if (cache) {
        cg_allocator allocator = cache->allocator;
        cg_deallocate(&allocator, cache->entries, cache->allocated, sizeof *cache->entries);
        cg_deallocate(&allocator, cache->values, cache->allocated, cache->options.value_bytes);
        cg_deallocate(&allocator, cache, 1, sizeof *cache);
    }
}

static uint8_t *value_of(const cg_decision_cache *cache, uint32_t at) {
    return cache->values + (size_t)at * cache->options.value_bytes;
}

static uint64_t hash_key(const cg_decision_key *key) {
    return cg_hash_u64(key->first, key->second);
}

static uint64_t hash_target(uint64_t target) {
    return cg_hash_u64(target, 0);
}

static uint32_t bucket_of_hash(const cg_decision_cache *cache, uint64_t hash) {
    return (uint32_t)(((hash >> 32) * cache->allocated) >> 32);
}

/* --- lists and chains -------------------------------------------------------------------- */

static void list_in(cg_decision_cache *cache, list *ends, list_name name, uint32_t at) {
    entry *added = &cache->entries[at];
    added->newer[name] = NONE;
    added->older[name] = ends->newest;
    if (ends->newest == NONE) {
        ends->oldest = at;
    } else {
        cache->entries[ends->newest].newer[name] = at;
    }
    ends->newest = at;
}

static void list_out(cg_decision_cache *cache, list *ends, list_name name, uint32_t at) {
    uint32_t newer = cache->entries[at].newer[name];
    uint32_t older = cache->entries[at].older[name];
    if (newer == NONE) {
        ends->newest = older;
    } else {
        cache->entries[newer].older[name] = older;
    }
    if (older == NONE) {
        ends->oldest = newer;
    } else {
        cache->entries[older].newer[name] = newer;
    }
}

static uint32_t bucket_of(const cg_decision_cache *cache, table_name table, uint32_t at) {
    const entry *its = &cache->entries[at];
    uint64_t hash = table == KEYS ? hash_key(&its->key) : hash_target(its->target);
    return bucket_of_hash(cache, hash);
}

static void chain_in(cg_decision_cache *cache, table_name table, uint32_t at) {
    uint32_t *head = &cache->entries[bucket_of(cache, table, at)].head[table];
    cache->entries[at].chain[table] = *head;
    *head = at;
}

static void chain_out(cg_decision_cache *cache, table_name table, uint32_t at) {
    uint32_t *link = &cache->entries[bucket_of(cache, table, at)].head[table];
    while (*link != at) {
        link = &cache->entries[*link].chain[table];
    }
    *link = cache->entries[at].chain[table];
}

static uint32_t find(const cg_decision_cache *cache, const cg_decision_key *key) {
    if (cache->allocated == 0) {
        return NONE;
    }
    uint32_t at = cache->entries[bucket_of_hash(cache, hash_key(key))].head[KEYS];
    while (at != NONE && (cache->entries[at].key.first != key->first ||
                          cache->entries[at].key.second != key->second)) {
        at = cache->entries[at].chain[KEYS];
    }
    return at;
}

static uint32_t newest_of_target(const cg_decision_cache *cache, uint64_t target) {
    if (cache->allocated == 0) {
        return NONE;
    }
    uint32_t at = cache->entries[bucket_of_hash(cache, hash_target(target))].head[TARGETS];
    while (at != NONE && cache->entries[at].target != target) {
        at = cache->entries[at].chain[TARGETS];
    }
    return at;
}

/* Of a target's list the newest end is kept, by the table; the oldest is not needed. */
static void target_in(cg_decision_cache *cache, uint32_t at) {
    list ends = {newest_of_target(cache, cache->entries[at].target), NONE};
    if (ends.newest != NONE) {
        chain_out(cache, TARGETS, ends.newest);
    }
    list_in(cache, &ends, BY_TARGET, at);
    chain_in(cache, TARGETS, at);
}

static void target_out(cg_decision_cache *cache, uint32_t at) {
    bool newest = cache->entries[at].newer[BY_TARGET] == NONE;
    list ends = {NONE, NONE};
    list_out(cache, &ends, BY_TARGET, at);
    if (newest) {
        chain_out(cache, TARGETS, at);
    }
    if (newest && ends.newest != NONE) {
        chain_in(cache, TARGETS, ends.newest);
    }
}

/* After entries have moved, or their number has changed. */
static void rebuild_chains(cg_decision_cache *cache) {
    for (uint32_t i = 0; i < cache->allocated; i++) {
        cache->entries[i].head[KEYS] = NONE;
        cache->entries[i].head[TARGETS] = NONE;
    }
    for (uint32_t at = cache->by_put.newest; at != NONE;
         at = cache->entries[at].older[BY_PUT]) {
        chain_in(cache, KEYS, at);
        if (cache->entries[at].newer[BY_TARGET] == NONE) {
            chain_in(cache, TARGETS, at);
        }
    }
}

/* --- dropping ---------------------------------------------------------------------------- */

static void drop(cg_decision_cache *cache, uint32_t at) {
    chain_out(cache, KEYS, at);
    list_out(cache, &cache->by_use, BY_USE, at);
    list_out(cache, &cache->by_put, BY_PUT, at);
    target_out(cache, at);
    cache->entries[at].chain[KEYS] = cache->free;
    cache->free = at;
    cache->statistics.entries--;
}

static bool has_expired(const cg_decision_cache *cache, uint32_t at) {
    return cache->options.ttl_ns != CG_DECISION_TTL_NS_NEVER &&
           cache->clock_ns - cache->entries[at].put_ns >= cache->options.ttl_ns;
}

static void drop_expired(cg_decision_cache *cache, uint32_t at) {
    drop(cache, at);
    cache->statistics.expired++;
}

/* Drops until at most `most` are held: what has expired, then what was used longest ago. */
static void make_room(cg_decision_cache *cache, uint64_t most) {
    while (cache->statistics.entries > most) {
        if (has_expired(cache, cache->by_put.oldest)) {
            drop_expired(cache, cache->by_put.oldest);
        } else {
            drop(cache, cache->by_use.oldest);
            cache->statistics.evicted++;
        }
    }
}

/* --- memory ------------------------------------------------------------------------------ */

/* Entries below `used` into arrays of `wanted`. */
static bool reallocate(cg_decision_cache *cache, uint32_t wanted) {
    size_t value_bytes = cache->options.value_bytes;
    uint8_t *values = cg_allocate(&cache->allocator, wanted, value_bytes);
    entry *entries = cg_allocate(&cache->allocator, wanted, sizeof *entries);
    if (!values || !entries) {
        cg_deallocate(&cache->allocator, values, wanted, value_bytes);
        cg_deallocate(&cache->allocator, entries, wanted, sizeof *entries);
        return false;
    }
    if (cache->used > 0) {
        memcpy(values, cache->values, cache->used * value_bytes);
        memcpy(entries, cache->entries, cache->used * sizeof *entries);
    }
    cg_deallocate(&cache->allocator, cache->values, cache->allocated, value_bytes);
    cg_deallocate(&cache->allocator, cache->entries, cache->allocated, sizeof *entries);
    cache->values = values;
    cache->entries = entries;
    cache->allocated = wanted;
    return true;
}

/* Makes sure that one more entry can be held, by dropping one if it must be. */
static cg_status reserve_entry(cg_decision_cache *cache, cg_error *error) {
    uint32_t capacity = cache->options.capacity;
    make_room(cache, capacity - 1);
    if (cache->free != NONE || cache->used < cache->allocated) {
        return CG_OK;
    }
    uint32_t wanted = cache->allocated == 0 ? FIRST_ALLOCATION : 2 * cache->allocated;
    wanted = wanted < capacity ? wanted : capacity;
    if (!reallocate(cache, wanted)) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory to let the decision cache grow from %u to %u entries of "
                            "%zu bytes",
                            cache->allocated, wanted,
                            sizeof *cache->entries + cache->options.value_bytes);
    }
    rebuild_chains(cache);
    return CG_OK;
}

static uint32_t take_entry(cg_decision_cache *cache) {
    uint32_t at = cache->free;
    if (at == NONE) {
        return cache->used++;
    }
    cache->free = cache->entries[at].chain[KEYS];
    return at;
}

/* Entry `from` becomes entry `to`, which is free, in lists too; chains are rebuilt later. */
static void move(cg_decision_cache *cache, uint32_t from, uint32_t to) {
    cache->entries[to] = cache->entries[from];
    memcpy(value_of(cache, to), value_of(cache, from), cache->options.value_bytes);
    list none = {NONE, NONE};
    list *ends[LISTS] = {&cache->by_use, &cache->by_put, &none};
    for (uint32_t name = 0; name < LISTS; name++) {
        uint32_t newer = cache->entries[to].newer[name];
        uint32_t older = cache->entries[to].older[name];
        *(newer == NONE ? &ends[name]->newest : &cache->entries[newer].older[name]) = to;
        *(older == NONE ? &ends[name]->oldest : &cache->entries[older].newer[name]) = to;
    }
}

/* Moves all that is held below `limit`, where it fits. */
static void compact(cg_decision_cache *cache, uint32_t limit) {
    uint32_t free = NONE;
    for (uint32_t at = cache->free; at != NONE;) {
        uint32_t next = cache->entries[at].chain[KEYS];
        if (at < limit) {
            cache->entries[at].chain[KEYS] = free;
            free = at;
        }
        at = next;
    }
    cache->free = free;
    for (uint32_t at = cache->by_put.oldest; at != NONE;) {
        uint32_t next = cache->entries[at].newer[BY_PUT];
        if (at >= limit) {
            move(cache, at, take_entry(cache));
        }
        at = next;
    }
    cache->used = limit;
}

/* --- operations -------------------------------------------------------------------------- */

static void see_time(cg_decision_cache *cache, uint64_t now_ns) {
    cache->clock_ns = now_ns > cache->clock_ns ? now_ns : cache->clock_ns;
}

bool cg_decision_cache_get(cg_decision_cache *cache, const cg_decision_key *key,
                           uint64_t now_ns, void *value) {
    see_time(cache, now_ns);
    uint32_t at = find(cache, key);
    if (at != NONE && has_expired(cache, at)) {
        drop_expired(cache, at);
        at = NONE;
    }
    if (at == NONE) {
        cache->statistics.misses++;
        return false;
    }
    cache->statistics.hits++;
    list_out(cache, &cache->by_use, BY_USE, at);
    list_in(cache, &cache->by_use, BY_USE, at);
    if (value) {
        memcpy(value, value_of(cache, at), cache->options.value_bytes);
    }
    return true;
}

cg_status cg_decision_cache_put(cg_decision_cache *cache, const cg_decision_key *key,
                                uint64_t target, uint64_t now_ns, const void *value,
                                cg_error *error) {
    see_time(cache, now_ns);
    for (int i = 0; i < EXPIRED_A_PUT && cache->statistics.entries > 0 &&
                    has_expired(cache, cache->by_put.oldest);
         i++) {
        drop_expired(cache, cache->by_put.oldest);
    }
    uint32_t at = find(cache, key);
    if (at != NONE) {
        list_out(cache, &cache->by_use, BY_USE, at);
        list_out(cache, &cache->by_put, BY_PUT, at);
        target_out(cache, at);
        cache->statistics.replaced++;
    } else {
        /* Whoever dropped an entry above or drops one here has its place: when memory is out,
         * nothing was dropped. */
        cg_status status = reserve_entry(cache, error);
        if (status != CG_OK) {
            return status;
        }
        at = take_entry(cache);
        cache->entries[at].key = *key;
        chain_in(cache, KEYS, at);
        cache->statistics.entries++;
    }
    cache->entries[at].target = target;
    cache->entries[at].put_ns = cache->clock_ns;
    list_in(cache, &cache->by_use, BY_USE, at);
    list_in(cache, &cache->by_put, BY_PUT, at);
    target_in(cache, at);
    memcpy(value_of(cache, at), value, cache->options.value_bytes);
    cache->statistics.puts++;
    return CG_OK;
}

uint64_t cg_decision_cache_invalidate(cg_decision_cache *cache, uint64_t target) {
    uint64_t dropped = 0;
    for (uint32_t at = newest_of_target(cache, target); at != NONE;
         at = newest_of_target(cache, target)) {
        drop(cache, at);
        dropped++;
    }
    cache->statistics.invalidated += dropped;
    return dropped;
}

uint64_t cg_decision_cache_invalidate_all(cg_decision_cache *cache) {
    uint64_t dropped = cache->statistics.entries;
    while (cache->by_use.oldest != NONE) {
        drop(cache, cache->by_use.oldest);
    }
    cache->statistics.invalidated += dropped;
    return dropped;
}

cg_status cg_decision_cache_resize(cg_decision_cache *cache, uint32_t capacity,
                                   cg_error *error) {
    cg_status status = check_capacity(capacity, error);
    if (status != CG_OK) {
        return status;
    }
    cache->options.capacity = capacity;
    cache->statistics.capacity = capacity;
    make_room(cache, capacity);
    if (capacity < cache->used) {
        compact(cache, capacity);
        rebuild_chains(cache);
    }
    if (capacity < cache->allocated && reallocate(cache, capacity)) {
        rebuild_chains(cache);
    }
    return CG_OK;
}

cg_decision_cache_statistics cg_decision_cache_statistics_of(const cg_decision_cache *cache) {
    return cache->statistics;
}

uint64_t cg_decision_cache_bytes(const cg_decision_cache *cache) {
    return sizeof *cache +
           cache->allocated * (sizeof *cache->entries + (uint64_t)cache->options.value_bytes);
}

uint64_t cg_decision_cache_hash(const cg_decision_cache *cache) {
    cg_hasher hasher = cg_hasher_init();
    for (uint32_t at = cache->by_use.newest; at != NONE;
         at = cache->entries[at].older[BY_USE]) {
        const entry *its = &cache->entries[at];
        cg_hasher_add_u64(&hasher, its->key.first);
        cg_hasher_add_u64(&hasher, its->key.second);
        cg_hasher_add_u64(&hasher, its->target);
        cg_hasher_add_u64(&hasher, its->put_ns);
        cg_hasher_add_bytes(&hasher, value_of(cache, at), cache->options.value_bytes);
    }
    return cg_hasher_value(&hasher);
}
