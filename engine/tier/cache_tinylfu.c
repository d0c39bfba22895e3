/* W-TinyLFU: a small window, then a main part that takes in only what is read more often than
 * what would have to go.
 *
 * Idea: new keys enter a window (1%, least recently used). The key that falls out of it goes to
 * the main part while there is room; after that it must beat the main part's own victim in a
 * sketch of recent frequencies, or it goes itself. The main part is a segmented LRU: a key
 * enters on probation, and is protected (80%) from its next read on; what falls out of the
 * protected segment is on probation again. The sketch counts every touch, and after 10 touches
 * a key held it is halved, so that it forgets.
 *
 * Source: Einziger, Friedman and Manes, "TinyLFU: A Highly Efficient Cache Admission Policy",
 * ACM TOS 13(4), 2017, sections 3 and 4. We leave out the doorkeeper (section 3.4.2): the sketch
 * takes 8 to 16 bytes a key held, and needs none. For sizes, shares are of the sum of sizes, and
 * a candidate must beat every key that would go for it; a key larger than the whole window asks
 * for the main part at once, and is turned away when it loses.
 */
#include "engine/tier/cache_internal.h"
#include "engine/tier/sketch.h"

enum { WINDOW, PROBATION, PROTECTED };
enum { SAMPLE_PER_ENTRY = 10, SAMPLE_ENTRIES_MIN = 16, ENTRIES_PER_BLOCK = 8 };

static uint32_t blocks_for(uint32_t allocated) {
    uint32_t blocks = 1;
    while ((uint64_t)blocks * ENTRIES_PER_BLOCK < allocated) {
        blocks *= 2;
    }
    return blocks;
}

static uint32_t frequency(const cg_cache *cache, uint64_t key) {
    return cg_sketch_estimate(cache->extra, cache->state->blocks, cg_hash_u64(key, 1));
}

static void count(cg_cache *cache, uint64_t key) {
    cg_cache_state *state = cache->state;
    uint32_t blocks = state->blocks;
    uint64_t entries =
        state->entries > SAMPLE_ENTRIES_MIN ? state->entries : SAMPLE_ENTRIES_MIN;
    cg_sketch_add(cache->extra, blocks, cg_hash_u64(key, 1));
    state->clock++;
    if (state->clock >= SAMPLE_PER_ENTRY * entries) {
        cg_sketch_halve(cache->extra, blocks);
        state->clock /= 2;
    }
}

static uint64_t window_share(const cg_cache *cache) {
    uint64_t capacity = cache->state->capacity;
    return capacity < 200 ? 1 : capacity / 100;
}

static uint64_t main_share(const cg_cache *cache) {
    return cache->state->capacity - window_share(cache);
}

static uint64_t main_weight(const cg_cache *cache) {
    return cache->state->lists[PROBATION].weight + cache->state->lists[PROTECTED].weight;
}

static void go_over(cg_cache *cache, uint32_t index, uint32_t list) {
    cg_cache_list_out(cache, *cg_cache_tag(cache, index), index);
    *cg_cache_tag(cache, index) = list;
    cg_cache_list_push(cache, list, index);
}

/* What the protected segment has too much of goes back on probation. */
static void balance(cg_cache *cache) {
    const cg_cache_list *list = &cache->state->lists[PROTECTED];
    uint64_t main = main_share(cache);
    while (list->weight > main - main / 5) {
        go_over(cache, list->oldest, PROBATION);
    }
}

static void hit(cg_cache *cache, uint64_t key, uint32_t index) {
    cg_cache_expect_neighbours(cache, index); /* while the sketch is on its way as well */
    count(cache, key);
    if (*cg_cache_tag(cache, index) == PROBATION) {
        go_over(cache, index, PROTECTED);
        balance(cache);
    } else {
        cg_cache_list_renew(cache, *cg_cache_tag(cache, index), index);
    }
}

static uint32_t first_victim(const cg_cache *cache) {
    uint32_t index = cache->state->lists[PROBATION].oldest;
    return index != CG_CACHE_NONE ? index : cache->state->lists[PROTECTED].oldest;
}

/* Makes room in the main part, when the key beats all that must go for it. */
static bool wins(cg_cache *cache, uint64_t key, uint64_t weight) {
    uint64_t share = main_share(cache);
    if (weight > share) {
        return false;
    }
    uint64_t left = main_weight(cache);
    if (left + weight > share) {
        uint32_t own = frequency(cache, key);
        uint32_t victim = first_victim(cache);
        while (left + weight > share) {
            if (own <= frequency(cache, cg_cache_key(cache, victim))) {
                return false;
            }
            left -= cg_cache_slot_weight(cache, victim);
            uint32_t newer = *cg_cache_newer(cache, victim);
            bool is_last = newer == CG_CACHE_NONE && *cg_cache_tag(cache, victim) == PROBATION;
            victim = is_last ? cache->state->lists[PROTECTED].oldest : newer;
        }
    }
    while (main_weight(cache) > left) {
        uint32_t victim = first_victim(cache);
        cg_cache_evict(cache, *cg_cache_tag(cache, victim), victim);
    }
    return true;
}

/* Lets the window's oldest go, over to the main part or out, until `weight` more has room. */
static void slide(cg_cache *cache, uint64_t weight) {
    const cg_cache_list *window = &cache->state->lists[WINDOW];
    while (window->oldest != CG_CACHE_NONE && window->weight + weight > window_share(cache)) {
        uint64_t key = cg_cache_key(cache, window->oldest);
        if (wins(cache, key, cg_cache_slot_weight(cache, window->oldest))) {
            go_over(cache, window->oldest, PROBATION);
        } else {
            cg_cache_evict(cache, WINDOW, window->oldest);
        }
    }
}

static bool put(cg_cache *cache, uint64_t key, uint32_t bytes, uint32_t ghost) {
    (void)ghost;
    uint64_t weight = cg_cache_weight(cache, bytes);
    uint32_t list = WINDOW;
    if (weight <= window_share(cache)) {
        slide(cache, weight);
    } else if (wins(cache, key, weight)) {
        list = PROBATION;
    } else {
        return false;
    }
    uint32_t index = cg_cache_take_slot(cache, key, bytes);
    *cg_cache_tag(cache, index) = list;
    cg_cache_list_push(cache, list, index);
    return true;
}

static void detach(cg_cache *cache, uint32_t index) {
    cg_cache_list_out(cache, *cg_cache_tag(cache, index), index);
}

static void fit(cg_cache *cache) {
    while (main_weight(cache) > main_share(cache)) {
        uint32_t victim = first_victim(cache);
        cg_cache_evict(cache, *cg_cache_tag(cache, victim), victim);
    }
    slide(cache, 0);
    balance(cache);
}

static uint64_t extra_bytes(uint32_t allocated) {
    return (uint64_t)blocks_for(allocated) * CG_SKETCH_BLOCK_BYTES;
}

static void move_extra(const cg_cache *from, cg_cache *to) {
    to->state->blocks = blocks_for(to->state->allocated);
    if (from) {
        cg_sketch_copy(from->extra, from->state->blocks, to->extra, to->state->blocks);
    }
}

static void hash_extra(const cg_cache *cache, cg_hasher *hasher) {
    cg_hasher_add_bytes(hasher, cache->extra, extra_bytes(cache->state->allocated));
}

const cg_cache_operations cg_cache_tinylfu = {
    .hit = hit,
    .miss = count,
    .put = put,
    .detach = detach,
    .fit = fit,
    .extra_bytes = extra_bytes,
    .move_extra = move_extra,
    .hash_extra = hash_extra,
};
