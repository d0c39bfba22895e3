/* ARC, the adaptive replacement cache.
 *
 * Idea: T1 holds the keys seen once lately, T2 those seen again; B1 and B2 remember the keys
 * that fell out of T1 and T2. A miss that B1 remembers says that T1 is too small, so its target
 * p rises; one that B2 remembers lowers it. L1 = T1 + B1 is at most c, all four together 2c.
 *
 * Source: Megiddo and Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache", FAST 2003,
 * Figure 4; for keys of equal size we do exactly that (p is real, as there). For sizes, every
 * |.| becomes a sum of sizes, "is full" becomes "has no room for x", each single replacement or
 * deletion is repeated until x has room, and p moves by x's size times the paper's ratio. The
 * figure's case IV (i) deletes from B1, or from T1 once B1 is empty: so do we, until L1 has room.
 *
 * Known value, c = 2: a b a c d. After a b a: T1 = b, T2 = a; c demotes a for p = 0 and T1 > p
 * takes b: T1 = c, T2 = a, B1 = b; d demotes c to B1 and deletes b, for L1 is full.
 */
#include "engine/tier/cache_internal.h"

enum { T1, T2, B1, B2 };

static void hit(cg_cache *cache, uint64_t key, uint32_t index) {
    (void)key;
    if (*cg_cache_tag(cache, index) == T2) {
        cg_cache_list_renew(cache, T2, index);
        return;
    }
    cg_cache_list_out(cache, T1, index);
    *cg_cache_tag(cache, index) = T2;
    cg_cache_list_push(cache, T2, index);
}

static void forget_oldest(cg_cache *cache, uint32_t list) {
    uint32_t index = cache->state->lists[list].oldest;
    cg_cache_list_out(cache, list, index);
    cg_cache_free_slot(cache, index);
}

/* The figure's REPLACE. */
static void replace(cg_cache *cache, bool is_in_b2) {
    const cg_cache_state *state = cache->state;
    double t1 = (double)state->lists[T1].weight;
    bool from_t1 = t1 > state->target || (is_in_b2 && t1 == state->target);
    if (state->lists[T1].oldest == CG_CACHE_NONE) {
        from_t1 = false;
    } else if (state->lists[T2].oldest == CG_CACHE_NONE) {
        from_t1 = true;
    }
    uint32_t from = from_t1 ? T1 : T2;
    uint32_t index = state->lists[from].oldest;
    uint32_t to = from_t1 ? B1 : B2;
    cg_cache_list_out(cache, from, index);
    *cg_cache_tag(cache, index) = to;
    cg_cache_list_push(cache, to, index);
    cg_cache_count_out(cache, cg_cache_key(cache, index), *cg_cache_size(cache, index));
}

static uint64_t weight_of(const cg_cache *cache, uint32_t first, uint32_t second) {
    return cache->state->lists[first].weight + cache->state->lists[second].weight;
}

static void make_room(cg_cache *cache, uint64_t weight, bool is_in_b2) {
    while (weight_of(cache, T1, T2) + weight > cache->state->capacity) {
        replace(cache, is_in_b2);
    }
}

/* Keeps all four lists and `weight` more below 2c, by what is remembered alone. */
static void trim(cg_cache *cache, uint64_t weight) {
    while (weight_of(cache, T1, B1) + weight_of(cache, T2, B2) + weight >
           2 * cache->state->capacity) {
        forget_oldest(cache, cache->state->lists[B2].oldest != CG_CACHE_NONE ? B2 : B1);
    }
}

static void adapt(cg_cache *cache, double weight, bool is_in_b2) {
    cg_cache_state *state = cache->state;
    double b1 = (double)state->lists[B1].weight;
    double b2 = (double)state->lists[B2].weight;
    double capacity = (double)state->capacity;
    double target = state->target;
    target +=
        is_in_b2 ? -weight * (b2 >= b1 ? 1.0 : b1 / b2) : weight * (b1 >= b2 ? 1.0 : b2 / b1);
    target = target < 0.0 ? 0.0 : target;
    state->target = target > capacity ? capacity : target;
}

static bool put(cg_cache *cache, uint64_t key, uint32_t bytes, uint32_t ghost) {
    uint64_t weight = cg_cache_weight(cache, bytes);
    uint32_t list = T1;
    if (ghost != CG_CACHE_NONE) { /* cases II and III */
        uint32_t from = *cg_cache_tag(cache, ghost);
        adapt(cache, (double)weight, from == B2);
        cg_cache_list_out(cache, from, ghost);
        cg_cache_free_slot(cache, ghost);
        make_room(cache, weight, from == B2);
        list = T2;
    } else { /* case IV */
        while (weight_of(cache, T1, B1) + weight > cache->state->capacity) {
            if (cache->state->lists[B1].oldest != CG_CACHE_NONE) {
                forget_oldest(cache, B1);
            } else {
                cg_cache_evict(cache, T1, cache->state->lists[T1].oldest);
            }
        }
        trim(cache, weight);
        make_room(cache, weight, false);
    }
    uint32_t index = cg_cache_take_slot(cache, key, bytes);
    *cg_cache_tag(cache, index) = list;
    cg_cache_list_push(cache, list, index);
    trim(cache, 0); /* a remembered key may come back larger */
    return true;
}

static void detach(cg_cache *cache, uint32_t index) {
    cg_cache_list_out(cache, *cg_cache_tag(cache, index), index);
}

static void fit(cg_cache *cache) {
    cg_cache_state *state = cache->state;
    double capacity = (double)state->capacity;
    state->target = state->target > capacity ? capacity : state->target;
    make_room(cache, 0, false);
    while (weight_of(cache, T1, B1) > state->capacity) {
        forget_oldest(cache, B1);
    }
    trim(cache, 0);
}

static void hash_extra(const cg_cache *cache, cg_hasher *hasher) {
    cg_hasher_add_f64(hasher, cache->state->target);
}

const cg_cache_operations cg_cache_arc = {
    .hit = hit,
    .put = put,
    .detach = detach,
    .fit = fit,
    .hash_extra = hash_extra,
};
