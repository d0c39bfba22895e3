/* Belady's optimum, with bypass: keep the keys whose next reads are nearest.
 *
 * Idea: every access knows when its key is read next, found once by going through the accesses
 * backwards. A heap has the key that is read again last on top. A key that is not held goes in
 * when its next read comes before that of the top, which goes; else it is turned away. With keys
 * of equal size no policy, with or without bypass, has more hits.
 *
 * Source: Belady, "A study of replacement algorithms for a virtual-storage computer", IBM
 * Systems Journal 5(2), 1966; with bypass: McFarling, "Cache Replacement with Dynamic
 * Exclusion", ISCA 1992.
 *
 * Known values: 1 2 3 4 1 2 5 1 2 3 4 5 with 3 keys has 7 misses, with bypass and without; 1 2 1
 * with one key has 2 with bypass, and 3 when every miss must be taken in.
 */
#include "engine/base/map.h"
#include "engine/tier/cache_internal.h"

#define NEVER UINT64_MAX

struct cg_cache_future {
    cg_allocator allocator;
    uint64_t count;
    uint64_t next[]; /* [count]: number of the key's next access, or NEVER */
};

static cg_status find_next(cg_cache_future *future, const uint64_t *keys, cg_table *seen,
                           cg_error *error) {
    for (uint64_t i = future->count; i-- > 0;) {
        future->next[i] = NEVER;
        (void)cg_table_get(seen, keys[i], &future->next[i]);
        cg_status status = cg_table_put(seen, keys[i], i, error);
        if (status != CG_OK) {
            return status;
        }
    }
    return CG_OK;
}

cg_status cg_cache_future_alloc(const uint64_t *keys, uint64_t count, cg_allocator allocator,
                                cg_cache_future **out, cg_error *error) {
    uint64_t most = (SIZE_MAX - sizeof(cg_cache_future)) / sizeof(uint64_t);
    cg_cache_future *future =
        count > most ? NULL
                     : cg_allocate(&allocator, 1, sizeof *future + count * sizeof(uint64_t));
    if (!future) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a future of %llu accesses",
                            (unsigned long long)count);
    }
    future->allocator = allocator;
    future->count = count;
    cg_table *seen = NULL;
    cg_status status = cg_table_alloc(allocator, &seen, error);
    status = status == CG_OK ? find_next(future, keys, seen, error) : status;
    cg_table_free(seen);
    if (status != CG_OK) {
        cg_cache_future_free(future);
        return status;
    }
    *out = future;
    return CG_OK;
}

void cg_cache_future_free(cg_cache_future *future) {
    if (future) {
        cg_allocator allocator = future->allocator;
        cg_deallocate(&allocator, future, 1, sizeof *future + future->count * sizeof(uint64_t));
    }
}

/* --- the heap: of slots, in the order (next access, key), the last on top ----------------- */

static uint64_t slots_for(uint32_t allocated) {
    return (uint64_t)CG_CACHE_LINE_SLOTS * cg_cache_lines_for(allocated);
}

static uint64_t *next_of(const cg_cache *cache) {
    return cache->extra; /* [slots_for(allocated)], and behind it the heap */
}

static uint64_t *next_read(const cg_cache *cache, uint32_t index) {
    return next_of(cache) + cg_cache_rank(index);
}

static uint32_t *heap_of(const cg_cache *cache) {
    return (uint32_t *)(void *)(next_of(cache) + slots_for(cache->state->allocated));
}

static bool is_later(const cg_cache *cache, uint32_t left, uint32_t right) {
    uint64_t left_next = *next_read(cache, left);
    uint64_t right_next = *next_read(cache, right);
    return left_next != right_next ? left_next > right_next
                                   : cg_cache_key(cache, left) > cg_cache_key(cache, right);
}

static void set_place(cg_cache *cache, uint32_t place, uint32_t index) {
    heap_of(cache)[place] = index;
    *cg_cache_tag(cache, index) = place;
}

static void sift_up(cg_cache *cache, uint32_t place) {
    const uint32_t *heap = heap_of(cache);
    uint32_t index = heap[place];
    while (place > 0 && is_later(cache, index, heap[(place - 1) / 2])) {
        set_place(cache, place, heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    set_place(cache, place, index);
}

static void sift_down(cg_cache *cache, uint32_t place, uint32_t count) {
    const uint32_t *heap = heap_of(cache);
    uint32_t index = heap[place];
    for (;;) {
        uint64_t child = 2 * (uint64_t)place + 1;
        if (child >= count) {
            break;
        }
        child += child + 1 < count && is_later(cache, heap[child + 1], heap[child]);
        if (!is_later(cache, heap[child], index)) {
            break;
        }
        set_place(cache, place, heap[child]);
        place = (uint32_t)child;
    }
    set_place(cache, place, index);
}

/* --- the policy --------------------------------------------------------------------------- */

static uint64_t next_after(const cg_cache *cache, uint64_t access) {
    return access < cache->future->count ? cache->future->next[access] : NEVER;
}

static void miss(cg_cache *cache, uint64_t key) {
    cache->state->clock++;
    cache->state->mark = key;
}

static void hit(cg_cache *cache, uint64_t key, uint32_t index) {
    *next_read(cache, index) = next_after(cache, cache->state->clock);
    sift_up(cache, *cg_cache_tag(cache, index));
    miss(cache, key); /* counts the read */
}

static void detach(cg_cache *cache, uint32_t index) {
    uint32_t count = cache->state->entries - 1;
    uint32_t place = *cg_cache_tag(cache, index);
    uint32_t last = heap_of(cache)[count];
    if (last != index) {
        set_place(cache, place, last);
        sift_up(cache, place);
        sift_down(cache, *cg_cache_tag(cache, last), count);
    }
    cg_cache_list_out(cache, 0, index);
}

static void evict_top(cg_cache *cache) {
    uint32_t top = heap_of(cache)[0];
    detach(cache, top);
    cg_cache_drop(cache, top);
}

static bool put(cg_cache *cache, uint64_t key, uint32_t bytes, uint32_t ghost) {
    (void)ghost;
    const cg_cache_state *state = cache->state;
    uint64_t next =
        state->clock > 0 && state->mark == key ? next_after(cache, state->clock - 1) : NEVER;
    if (state->entries == state->capacity) {
        if (next >= *next_read(cache, heap_of(cache)[0])) {
            return false;
        }
        evict_top(cache);
    }
    uint32_t index = cg_cache_take_slot(cache, key, bytes);
    cg_cache_list_push(cache, 0, index);
    *next_read(cache, index) = next;
    set_place(cache, state->entries - 1, index);
    sift_up(cache, state->entries - 1);
    return true;
}

static void fit(cg_cache *cache) {
    while (cache->state->entries > cache->state->capacity) {
        evict_top(cache);
    }
}

static uint64_t extra_bytes(uint32_t allocated) {
    return slots_for(allocated) * sizeof(uint64_t) + (uint64_t)allocated * sizeof(uint32_t);
}

static void move_extra(const cg_cache *from, cg_cache *to) {
    for (uint32_t place = 0; from && place < to->state->entries; place++) {
        uint32_t old = heap_of(from)[place];
        uint32_t index = cg_cache_moved(from, old);
        heap_of(to)[place] = index;
        *next_read(to, index) = *next_read(from, old);
    }
}

static void hash_extra(const cg_cache *cache, cg_hasher *hasher) {
    for (uint32_t i = cache->state->lists[0].newest; i != CG_CACHE_NONE;
         i = *cg_cache_older(cache, i)) {
        cg_hasher_add_u64(hasher, *next_read(cache, i));
    }
}

const cg_cache_operations cg_cache_belady = {
    .hit = hit,
    .miss = miss,
    .put = put,
    .detach = detach,
    .fit = fit,
    .extra_bytes = extra_bytes,
    .move_extra = move_extra,
    .hash_extra = hash_extra,
};
