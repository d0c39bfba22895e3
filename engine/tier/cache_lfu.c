/* Least frequently used, counting over the whole history.
 *
 * Idea: held keys are one list in the order (count, time of last use), cut into groups of equal
 * count; a group knows its count and its last slot, so a read moves its key behind the next
 * group in O(1) (after Shah, Mitra and Matani, "An O(1) algorithm for implementing the LFU cache
 * eviction scheme", 2010). Held keys are counted exactly. Of the others, the history keeps
 * those that matter: sets of 8 places, each a fingerprint of 32 bits and a count. A read of a
 * key that is in its set adds one; of another, it takes the place of the set's least count m
 * with probability 1 / (m + 1), and then has count m + 1: the randomized admission policy (Ben
 * Basat, Einziger, Friedman and Kassner, "Randomized Admission Policy for Efficient Top-k and
 * Frequency Estimation", INFOCOM 2017). Rare keys pass by; one that belongs to the most frequent
 * soon stays, and its count grows at its own rate. A key that is evicted takes its count along
 * to its set.
 *
 * The draw is a hash of the key and of a counter. A count stands still at 2^32 - 1.
 *
 * Why not a sketch: with 100 keys a key held, each of its counters is the sum of dozens, more
 * than the count that divides the frequent from the rare. The history loses single counts, not
 * the difference: with independent reads the hit rate is that of the most frequent keys within
 * half a point (a test).
 *
 * A put of a key that is rarer than one that would have to go is turned away; among equals the
 * one used longest ago goes.
 */
#include <string.h>

#include "engine/tier/cache_internal.h"

enum { WAYS = 8, HISTORY_BYTES_PER_SLOT = 11 };

typedef struct group {
    uint32_t count;
    uint32_t last; /* its newest slot; of a free one: the next free group */
} group;

typedef struct memory {
    uint32_t fingerprint;
    uint32_t count; /* 0: free */
} memory;

static uint64_t group_bytes(uint32_t allocated) {
    uint64_t bytes = (uint64_t)allocated * sizeof(group) + CG_CACHE_LINE_BYTES - 1;
    return bytes / CG_CACHE_LINE_BYTES * CG_CACHE_LINE_BYTES;
}

static uint64_t sets_of(uint32_t allocated) {
    uint64_t bytes = (uint64_t)allocated * HISTORY_BYTES_PER_SLOT + CG_CACHE_LINE_BYTES - 1;
    return bytes / CG_CACHE_LINE_BYTES;
}

static group *groups_of(const cg_cache *cache) {
    return cache->extra;
}

static memory *history_of(const cg_cache *cache) {
    uint8_t *extra = cache->extra;
    return (memory *)(void *)(extra + group_bytes(cache->state->allocated));
}

/* --- history ------------------------------------------------------------------------------ */

static uint32_t fingerprint_of(uint64_t key) {
    return (uint32_t)cg_hash_u64(key, 0);
}

static memory *set_of(const cg_cache *cache, uint32_t fingerprint) {
    uint64_t set = (fingerprint * sets_of(cache->state->allocated)) >> 32;
    return history_of(cache) + set * WAYS;
}

static memory *remembered(const cg_cache *cache, uint64_t key) {
    uint32_t fingerprint = fingerprint_of(key);
    memory *set = set_of(cache, fingerprint);
    for (uint32_t way = 0; way < WAYS; way++) {
        if (set[way].fingerprint == fingerprint && set[way].count > 0) {
            return &set[way];
        }
    }
    return NULL;
}

static memory *least_of(memory *set) {
    memory *least = set;
    for (uint32_t way = 1; way < WAYS; way++) {
        least = set[way].count < least->count ? &set[way] : least;
    }
    return least;
}

/* One more read of a key that is not held. */
static void count_absent(cg_cache *cache, uint64_t key) {
    memory *place = remembered(cache, key);
    if (place) {
        place->count += place->count < UINT32_MAX;
        return;
    }
    uint32_t fingerprint = fingerprint_of(key);
    memory *least = least_of(set_of(cache, fingerprint));
    uint64_t draw = cg_hash_u64(key, ++cache->state->clock) >> 32;
    if (least->count < UINT32_MAX && (draw * ((uint64_t)least->count + 1)) >> 32 == 0) {
        *least = (memory){fingerprint, least->count + 1};
    }
}

static void remember(cg_cache *cache, memory key) {
    memory *least = least_of(set_of(cache, key.fingerprint));
    if (least->count <= key.count) {
        *least = key;
    }
}

static void forget(cg_cache *cache, uint64_t key) {
    memory *place = remembered(cache, key);
    if (place) {
        *place = (memory){0, 0};
    }
}

/* --- groups ------------------------------------------------------------------------------- */

static uint32_t new_group(cg_cache *cache, uint32_t count, uint32_t last) {
    cg_cache_state *state = cache->state;
    group *groups = groups_of(cache);
    uint32_t index = state->free_group;
    if (index != CG_CACHE_NONE) {
        state->free_group = groups[index].last;
    } else {
        index = state->groups_used++;
    }
    groups[index] = (group){count, last};
    return index;
}

/* Whether the slot's neighbour on either side is of another group. */
static bool is_alone(const cg_cache *cache, uint32_t index) {
    uint32_t own = *cg_cache_tag(cache, index);
    uint32_t older = *cg_cache_older(cache, index);
    return groups_of(cache)[own].last == index &&
           (older == CG_CACHE_NONE || *cg_cache_tag(cache, older) != own);
}

/* Out of its group and the list. */
static void detach(cg_cache *cache, uint32_t index) {
    uint32_t number = *cg_cache_tag(cache, index);
    group *own = &groups_of(cache)[number];
    if (is_alone(cache, index)) {
        own->last = cache->state->free_group;
        cache->state->free_group = number;
    } else if (own->last == index) {
        own->last = *cg_cache_older(cache, index);
    }
    cg_cache_list_out(cache, 0, index);
}

/* Into the list, as the newest of its count. `older`: the last slot of a group of a smaller
 * count, from where the search begins, or none. */
static void attach(cg_cache *cache, uint32_t index, uint32_t count, uint32_t older) {
    uint32_t *tag = cg_cache_tag(cache, index);
    group *groups = groups_of(cache);
    for (;;) {
        uint32_t newer = older == CG_CACHE_NONE ? cache->state->lists[0].oldest
                                                : *cg_cache_newer(cache, older);
        uint32_t number = newer == CG_CACHE_NONE ? CG_CACHE_NONE : *cg_cache_tag(cache, newer);
        if (newer == CG_CACHE_NONE || groups[number].count > count) {
            *tag = new_group(cache, count, index);
            break;
        }
        older = groups[number].last;
        if (groups[number].count == count) {
            *tag = number;
            groups[number].last = index;
            break;
        }
    }
    cg_cache_list_in(cache, 0, index, older);
}

/* --- the policy --------------------------------------------------------------------------- */

static void hit(cg_cache *cache, uint64_t key, uint32_t index) {
    (void)key;
    cg_cache_expect_neighbours(cache, index); /* while the groups are on their way */
    group *groups = groups_of(cache);
    group *own = &groups[*cg_cache_tag(cache, index)];
    uint32_t count = own->count + (own->count < UINT32_MAX);
    uint32_t last = own->last;
    bool is_single = is_alone(cache, index);
    uint32_t newer = *cg_cache_newer(cache, last);
    if (is_single &&
        (newer == CG_CACHE_NONE || groups[*cg_cache_tag(cache, newer)].count > count)) {
        own->count = count; /* no other key has this count */
        return;
    }
    uint32_t older = last != index ? last : *cg_cache_older(cache, index);
    if (own->count == count) {
        older = CG_CACHE_NONE; /* stands still at the most: only the order changes */
    }
    detach(cache, index);
    attach(cache, index, count, older);
}

static void evict_oldest(cg_cache *cache) {
    uint32_t index = cache->state->lists[0].oldest;
    memory key = {fingerprint_of(cg_cache_key(cache, index)),
                  groups_of(cache)[*cg_cache_tag(cache, index)].count};
    detach(cache, index);
    remember(cache, key);
    cg_cache_drop(cache, index);
}

/* Whether all that must go to leave the list with at most `weight` is no more frequent. */
static bool may_enter(const cg_cache *cache, uint32_t count, uint64_t weight) {
    uint64_t left = cache->state->lists[0].weight;
    uint32_t victim = cache->state->lists[0].oldest;
    while (left > weight) {
        if (groups_of(cache)[*cg_cache_tag(cache, victim)].count > count) {
            return false;
        }
        left -= cg_cache_slot_weight(cache, victim);
        victim = *cg_cache_newer(cache, victim);
    }
    return true;
}

static bool put(cg_cache *cache, uint64_t key, uint32_t bytes, uint32_t ghost) {
    (void)ghost;
    const memory *place = remembered(cache, key);
    uint32_t count = place ? place->count : 1;
    uint64_t left = cache->state->capacity - cg_cache_weight(cache, bytes);
    if (!may_enter(cache, count, left)) {
        return false;
    }
    forget(cache, key);
    while (cache->state->lists[0].weight > left) {
        evict_oldest(cache);
    }
    attach(cache, cg_cache_take_slot(cache, key, bytes), count, CG_CACHE_NONE);
    return true;
}

static void fit(cg_cache *cache) {
    while (cache->state->lists[0].weight > cache->state->capacity) {
        evict_oldest(cache);
    }
}

/* --- growth ------------------------------------------------------------------------------- */

static uint64_t extra_bytes(uint32_t allocated) {
    return group_bytes(allocated) + sets_of(allocated) * CG_CACHE_LINE_BYTES;
}

/* Groups are numbered anew, and every memory goes to its set among the new ones. */
static void move_extra(const cg_cache *from, cg_cache *to) {
    if (!from) {
        return;
    }
    cg_cache_state *state = to->state;
    state->groups_used = 0;
    state->free_group = CG_CACHE_NONE;
    uint32_t index = state->lists[0].oldest;
    while (index != CG_CACHE_NONE) {
        group old = groups_of(from)[*cg_cache_tag(to, index)];
        uint32_t last = cg_cache_moved(from, old.last);
        uint32_t fresh = new_group(to, old.count, last);
        uint32_t end = *cg_cache_newer(to, last);
        for (; index != end; index = *cg_cache_newer(to, index)) {
            *cg_cache_tag(to, index) = fresh;
        }
    }
    const memory *history = history_of(from);
    for (uint64_t i = 0; i < sets_of(from->state->allocated) * WAYS; i++) {
        if (history[i].count > 0) {
            remember(to, history[i]);
        }
    }
}

static void hash_extra(const cg_cache *cache, cg_hasher *hasher) {
    for (uint32_t i = cache->state->lists[0].oldest; i != CG_CACHE_NONE;
         i = *cg_cache_newer(cache, i)) {
        cg_hasher_add_u64(hasher, groups_of(cache)[*cg_cache_tag(cache, i)].count);
    }
    cg_hasher_add_bytes(hasher, history_of(cache),
                        sets_of(cache->state->allocated) * CG_CACHE_LINE_BYTES);
}

const cg_cache_operations cg_cache_lfu = {
    .hit = hit,
    .miss = count_absent,
    .put = put,
    .detach = detach,
    .fit = fit,
    .extra_bytes = extra_bytes,
    .move_extra = move_extra,
    .forget = forget,
    .hash_extra = hash_extra,
};
