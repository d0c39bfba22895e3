/* S3-FIFO: three queues, first in, first out.
 *
 * Idea: new keys go to a small queue of a tenth; those that are read twice while they pass
 * through it go on to the main queue, the others are only remembered, in a ghost queue as long
 * as the main one is wide. A remembered key that comes back goes to the main queue at once. In
 * the main queue a key that was read goes round again, with one read less to its credit. Reads
 * are counted to 3 and move nothing.
 *
 * Source: Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are all you need for cache eviction",
 * SOSP 2023, Algorithm 1; counts start anew in the main queue (section 4.1). "M is full" means
 * that it has passed nine tenths. The paper leaves open how the ghost queue forgets a key that
 * came back: its place stays empty until it is the oldest, which is the paper's own
 * measure of age (section 4.3), the number of ghosts since. Bound by bytes, the ghosts are as
 * many as nine tenths of the keys held.
 *
 * The ghosts are a ring in which ghost number n has place n mod `places`, with their own hash
 * table whose heads lie in the ring, as in the slots.
 */
#include <string.h>

#include "engine/tier/cache_internal.h"

enum { SMALL, MAIN };
enum { LIST_MASK = 3, READ = 4, READS_MAX = 3 * READ };
#define HOLE (UINT32_MAX - 1)

typedef struct ghost_place {
    uint64_t key;
    uint32_t chain; /* HOLE: the key came back */
    uint32_t head;
} ghost_place;

static uint64_t small_share(uint64_t whole) {
    return whole < 10 ? 1 : whole / 10;
}

static uint64_t main_share(uint64_t whole) {
    return whole == 0 ? 0 : whole - small_share(whole);
}

/* --- ghosts ------------------------------------------------------------------------------- */

static uint64_t places_of(const cg_cache *cache) {
    return main_share(cache->state->allocated);
}

/* Of ghost `number`, where any are remembered. */
static uint32_t place_at(const cg_cache *cache, uint64_t number) {
    uint64_t places = places_of(cache);
    CG_ASSERT(places > 0);
    return (uint32_t)(number % places);
}

static ghost_place *ghost_bucket(const cg_cache *cache, uint64_t key) {
    ghost_place *ring = cache->extra;
    return &ring[((cg_hash_u64(key, 0) >> 32) * places_of(cache)) >> 32];
}

static void ghost_chain_in(cg_cache *cache, uint32_t place) {
    ghost_place *ring = cache->extra;
    ghost_place *bucket = ghost_bucket(cache, ring[place].key);
    ring[place].chain = bucket->head;
    bucket->head = place;
}

/* Whether the key was remembered. */
static bool ghost_out(cg_cache *cache, uint64_t key) {
    if (places_of(cache) == 0) {
        return false;
    }
    ghost_place *ring = cache->extra;
    uint32_t *link = &ghost_bucket(cache, key)->head;
    while (*link != CG_CACHE_NONE && ring[*link].key != key) {
        link = &ring[*link].chain;
    }
    if (*link == CG_CACHE_NONE) {
        return false;
    }
    uint32_t place = *link;
    *link = ring[place].chain;
    ring[place].chain = HOLE;
    return true;
}

static void trim_ghosts(cg_cache *cache, uint64_t limit) {
    const ghost_place *ring = cache->extra;
    cg_cache_state *state = cache->state;
    while (state->clock - state->mark > limit) {
        uint32_t place = place_at(cache, state->mark++);
        if (ring[place].chain != HOLE) {
            (void)ghost_out(cache, ring[place].key);
        }
    }
}

static uint64_t ghost_limit(const cg_cache *cache) {
    const cg_cache_state *state = cache->state;
    uint64_t limit =
        main_share(state->bound == CG_CACHE_BYTES ? state->entries : state->capacity);
    uint64_t places = places_of(cache);
    return limit < places ? limit : places;
}

static void ghost_in(cg_cache *cache, uint64_t key) {
    uint64_t limit = ghost_limit(cache);
    trim_ghosts(cache, limit > 0 ? limit - 1 : 0);
    if (limit == 0) {
        return;
    }
    ghost_place *ring = cache->extra;
    uint32_t place = place_at(cache, cache->state->clock++);
    ring[place].key = key;
    ghost_chain_in(cache, place);
}

/* --- the queues --------------------------------------------------------------------------- */

static void hit(cg_cache *cache, uint64_t key, uint32_t index) {
    (void)key;
    uint32_t *tag = cg_cache_tag(cache, index);
    if ((*tag & ~(uint32_t)LIST_MASK) < READS_MAX) {
        *tag += READ;
    }
}

static void evict_main(cg_cache *cache) {
    for (;;) {
        uint32_t index = cache->state->lists[MAIN].oldest;
        if (*cg_cache_tag(cache, index) < READ) {
            cg_cache_evict(cache, MAIN, index);
            return;
        }
        *cg_cache_tag(cache, index) -= READ;
        cg_cache_list_renew(cache, MAIN, index);
    }
}

/* Until a key of the small queue goes, or all of them have gone over. */
static void evict_small(cg_cache *cache) {
    const cg_cache_state *state = cache->state;
    while (state->lists[SMALL].oldest != CG_CACHE_NONE) {
        uint32_t index = state->lists[SMALL].oldest;
        cg_cache_list_out(cache, SMALL, index);
        if (*cg_cache_tag(cache, index) <= READ + SMALL) {
            ghost_in(cache, cg_cache_key(cache, index));
            cg_cache_drop(cache, index);
            return;
        }
        *cg_cache_tag(cache, index) = MAIN;
        cg_cache_list_push(cache, MAIN, index);
        if (state->lists[MAIN].weight > main_share(state->capacity)) {
            evict_main(cache);
        }
    }
}

static void make_room(cg_cache *cache, uint64_t weight) {
    const cg_cache_state *state = cache->state;
    const cg_cache_list *small = &state->lists[SMALL];
    const cg_cache_list *main = &state->lists[MAIN];
    while (small->weight + main->weight + weight > state->capacity) {
        if (small->weight >= small_share(state->capacity) || main->weight == 0) {
            evict_small(cache);
        } else {
            evict_main(cache);
        }
    }
}

static bool put(cg_cache *cache, uint64_t key, uint32_t bytes, uint32_t ghost) {
    (void)ghost;
    make_room(cache, cg_cache_weight(cache, bytes));
    uint32_t list = ghost_out(cache, key) ? MAIN : SMALL;
    uint32_t index = cg_cache_take_slot(cache, key, bytes);
    *cg_cache_tag(cache, index) = list;
    cg_cache_list_push(cache, list, index);
    return true;
}

static void detach(cg_cache *cache, uint32_t index) {
    cg_cache_list_out(cache, *cg_cache_tag(cache, index) & LIST_MASK, index);
}

static void fit(cg_cache *cache) {
    make_room(cache, 0);
    trim_ghosts(cache, ghost_limit(cache));
}

static void forget(cg_cache *cache, uint64_t key) {
    (void)ghost_out(cache, key);
}

static uint64_t extra_bytes(uint32_t allocated) {
    return main_share(allocated) * sizeof(ghost_place);
}

static void move_extra(const cg_cache *from, cg_cache *to) {
    ghost_place *ring = to->extra;
    uint64_t places = places_of(to);
    for (uint64_t i = 0; i < places; i++) {
        ring[i] = (ghost_place){0, HOLE, CG_CACHE_NONE};
    }
    if (!from) {
        return;
    }
    const cg_cache_state *state = to->state;
    CG_ASSERT(state->clock - state->mark <= places); /* fit trims before a block gets smaller */
    const ghost_place *old = from->extra;
    for (uint64_t number = state->mark; number < state->clock; number++) {
        const ghost_place *ghost = &old[place_at(from, number)];
        if (ghost->chain != HOLE) {
            uint32_t place = place_at(to, number);
            ring[place].key = ghost->key;
            ghost_chain_in(to, place);
        }
    }
}

static void hash_extra(const cg_cache *cache, cg_hasher *hasher) {
    for (uint32_t list = SMALL; list <= MAIN; list++) {
        for (uint32_t i = cache->state->lists[list].newest; i != CG_CACHE_NONE;
             i = *cg_cache_older(cache, i)) {
            cg_hasher_add_u64(hasher, *cg_cache_tag(cache, i));
        }
    }
    const ghost_place *ring = cache->extra;
    for (uint64_t number = cache->state->mark; number < cache->state->clock; number++) {
        const ghost_place *ghost = &ring[place_at(cache, number)];
        bool is_hole = ghost->chain == HOLE;
        cg_hasher_add_u64(hasher, is_hole);
        cg_hasher_add_u64(hasher, is_hole ? 0 : ghost->key);
    }
}

const cg_cache_operations cg_cache_s3fifo = {
    .hit = hit,
    .put = put,
    .detach = detach,
    .fit = fit,
    .extra_bytes = extra_bytes,
    .move_extra = move_extra,
    .forget = forget,
    .hash_extra = hash_extra,
};
