/* A bounded set of keys under a replacement policy (spec D2).
 *
 * A key has a size; the bound is a number of keys or a sum of sizes. A read of a key is a touch
 * and, when the key is not held, a put. The policy decides what goes when the bound would be
 * passed, and sees every touch, also those that miss.
 *
 *   lru      the key used longest ago goes
 *   lfu      the key used least often goes, counting over its whole history (perfect LFU), and
 *            among equals the one used longest ago; a key rarer than that is turned away. Of keys
 *            that are not held, a history of bounded size keeps the frequent ones: the hit rate
 *            is that of perfect LFU within a point (cache_lfu.c)
 *   arc      Megiddo and Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache", FAST 2003
 *   tinylfu  W-TinyLFU: Einziger, Friedman and Manes, "TinyLFU: A Highly Efficient Cache
 *            Admission Policy", ACM TOS 13(4), 2017: a window of 1%, then a segmented LRU that a
 *            sketch of frequencies guards
 *   s3fifo   Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023
 *   belady   the optimum for keys of equal size: what is read again last goes, and a key that
 *            would be that one is not taken in at all (Belady, IBM Systems Journal 5(2), 1966,
 *            with bypass). It needs to know the future; a bound for the others, not a policy
 *
 * Every operation is O(1) expected (tinylfu amortised: it ages), and O(log n) for belady. Memory beyond keys and
 * sizes: at most 40 bytes a key held once the cache is full, and 72 for arc with its ghosts
 * (belady is not held to it, nor arc's ghosts when bound by bytes: they are as many as fit the
 * bound). It grows by doubling with what is held; a smaller capacity in keys gives memory back.
 *
 * Deterministic: equal calls give equal evictions, whatever the addresses.
 */
#ifndef CG_ENGINE_TIER_CACHE_H
#define CG_ENGINE_TIER_CACHE_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

typedef enum cg_cache_policy {
    CG_CACHE_LRU,
    CG_CACHE_LFU,
    CG_CACHE_ARC,
    CG_CACHE_TINYLFU,
    CG_CACHE_S3FIFO,
    CG_CACHE_BELADY,
    CG_CACHE_POLICY_COUNT
} cg_cache_policy;
const char *cg_cache_policy_name(cg_cache_policy policy); /* "lru"; static storage */

typedef enum cg_cache_bound { CG_CACHE_ENTRIES, CG_CACHE_BYTES } cg_cache_bound;

/* The accesses that will come: the i-th touch is of keys[i] (belady only). Borrowed, outlives the
 * cache. Made by cg_cache_future_alloc, which finds each access's next one of the same key. */
typedef struct cg_cache_future cg_cache_future;
cg_status cg_cache_future_alloc(const uint64_t *keys, uint64_t count, cg_allocator allocator,
                                cg_cache_future **out, cg_error *error);
void cg_cache_future_free(cg_cache_future *future); /* NULL is fine */

typedef struct cg_cache_options {
    cg_cache_policy policy;
    cg_cache_bound bound;
    uint64_t capacity; /* keys: 1..INT32_MAX; bytes: 1..2^48 */
    /* Told of every key that the policy takes out, after it is out; must not call the cache.
     * NULL: nobody. Not called for cg_cache_remove. */
    void (*evicted)(void *context, uint64_t key, uint32_t bytes);
    void *context;
    const cg_cache_future *future; /* belady: required; others: NULL */
} cg_cache_options;

typedef struct cg_cache cg_cache;
/* Errors: CG_ERROR_INVALID (capacity, policy, belady without future or bound by bytes),
 * CG_ERROR_MEMORY. */
cg_status cg_cache_alloc(const cg_cache_options *options, cg_allocator allocator,
                         cg_cache **out, cg_error *error);
void cg_cache_free(cg_cache *cache); /* NULL is fine */

/* Makes sure that the next put needs no memory, so that it cannot fail. Changes nothing else
 * that is held, nor its order; lfu's history and tinylfu's sketch grow along.
 * Error: CG_ERROR_MEMORY. */
cg_status cg_cache_reserve(cg_cache *cache, cg_error *error);

/* A read: whether the key is held. Hit or miss, the policy takes notice. */
bool cg_cache_touch(cg_cache *cache, uint64_t key);
/* The same, but of a miss the policy takes no notice: for who must first make sure of memory. */
bool cg_cache_hit(cg_cache *cache, uint64_t key);
/* Whether it is held; nobody takes notice. */
bool cg_cache_holds(const cg_cache *cache, uint64_t key);
/* Takes in a key that is not held, after cg_cache_reserve; evicts what must go. False when the
 * policy turns the key away, or when it alone is larger than the bound. bytes >= 1. Belady knows
 * the next read of the key touched last; any other it takes for one that is not read again. */
bool cg_cache_put(cg_cache *cache, uint64_t key, uint32_t bytes);
/* Takes a key out, without a trace where the policy allows. Whether it was held. */
bool cg_cache_remove(cg_cache *cache, uint64_t key);
/* Another capacity in the same unit, evicting what must go. Errors as cg_cache_alloc; then
 * nothing has changed. */
cg_status cg_cache_resize(cg_cache *cache, uint64_t capacity, cg_error *error);

typedef struct cg_cache_statistics {
    uint64_t entries;    /* held */
    uint64_t size_bytes; /* of their sizes */
    uint64_t capacity;
    uint64_t evictions; /* ever, by the policy */
    uint64_t refused;   /* puts turned away, ever */
} cg_cache_statistics;
cg_cache_statistics cg_cache_statistics_of(const cg_cache *cache);
uint64_t cg_cache_memory_bytes(const cg_cache *cache); /* held, keys and sizes included */
uint64_t cg_cache_hash(const cg_cache *cache); /* of all that later behaviour depends on */

/* --- images: a warm cache, shared copy-on-write (design.md, "Ten billion nodes", 8) -----------
 *
 * An image is the whole state as bytes without pointers, for this machine and this build alone.
 * cg_cache_open makes a cache that works in place on an image: it writes to it, so everyone
 * opens a private copy (a mapping that the system copies page by page as it is written), and
 * memory of its own is taken only when it must grow. An image of a cache that is full never
 * grows. Belady has no images. */
uint64_t cg_cache_image_bytes(const cg_cache *cache);
void cg_cache_save(const cg_cache *cache, void *image); /* image: 64-byte aligned */
/* image: as saved, 64-byte aligned, writable, outlives the cache. options: the same policy, bound
 * and capacity as the saved one's, else CG_ERROR_INVALID. */
cg_status cg_cache_open(void *image, uint64_t image_bytes, const cg_cache_options *options,
                        cg_allocator allocator, cg_cache **out, cg_error *error);

#endif
