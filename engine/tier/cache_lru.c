/* Least recently used: one list, the newest in front.
 *
 * Known value, at capacity 2:
 *
 *   read   a     b     a    c               a    b
 *          miss  miss  hit  miss (b goes)   hit  miss
 */
#include "engine/tier/cache_internal.h"

static void hit(cg_cache *cache, uint64_t key, uint32_t index) {
    (void)key;
    cg_cache_list_renew(cache, 0, index);
}

static void fit_with(cg_cache *cache, uint64_t weight) {
    const cg_cache_list *list = &cache->state->lists[0];
    while (list->weight + weight > cache->state->capacity) {
        cg_cache_evict(cache, 0, list->oldest);
    }
}

static bool put(cg_cache *cache, uint64_t key, uint32_t bytes, uint32_t ghost) {
    (void)ghost;
    fit_with(cache, cg_cache_weight(cache, bytes));
    cg_cache_list_push(cache, 0, cg_cache_take_slot(cache, key, bytes));
    return true;
}

static void detach(cg_cache *cache, uint32_t index) {
    cg_cache_list_out(cache, 0, index);
}

static void fit(cg_cache *cache) {
    fit_with(cache, 0);
}

const cg_cache_operations cg_cache_lru = {
    .hit = hit,
    .put = put,
    .detach = detach,
    .fit = fit,
};
