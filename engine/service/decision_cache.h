/* The decision cache: the answer to a fact that was allocated before (spec B3).
 *
 * Values are opaque bytes of one size, copied in and out. At most `capacity` of them are held;
 * the one used longest ago goes first, after those that have expired.
 *
 * A value expires ttl_ns after it was put, however often it is read: the time to live bounds
 * how old a decision may be while the graph around it grows, and reading makes no decision
 * newer. (Refreshed by reads, the most popular facts would never be decided again.) A value
 * expired is one with now_ns - time of put >= ttl_ns. It is dropped when a get meets it, and
 * every put first drops at most two of those that were put longest ago: as much as comes in can
 * go, so memory follows what is alive.
 *
 * A value names its target, and goes when the target changes.
 *
 * There is no clock: times come in and never fall; an earlier one counts as the latest seen.
 *
 * Cost: O(1) expected for get and put; O(dropped) for an invalidation. Memory: grows by
 * doubling with the entries held, to 72 + value_bytes an entry of capacity. Deterministic:
 * equal calls give equal answers, whatever the addresses.
 */
#ifndef CG_ENGINE_SERVICE_DECISION_CACHE_H
#define CG_ENGINE_SERVICE_DECISION_CACHE_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

enum {
    CG_DECISION_CACHE_CAPACITY_MAX = 1 << 28,
    CG_DECISION_VALUE_BYTES_MAX = 65536,
};
#define CG_DECISION_TTL_NS_DEFAULT UINT64_C(3600000000000) /* one simulated hour */
#define CG_DECISION_TTL_NS_NEVER   UINT64_MAX              /* nothing expires */

/* Two independent 64-bit hashes of what a fact is known by: its exact text (cg_hash_bytes under two
 * seeds). What else sways a decision, as document frequencies, the recent stream and facts stored
 * since, is what the time to live is for. Keys are compared whole and the text
 * is not kept, so two facts are taken for one only when both hashes agree: among a million
 * cached facts that is a matter of 1 in 10^26. */
typedef struct cg_decision_key {
    uint64_t first;
    uint64_t second;
} cg_decision_key;

typedef struct cg_decision_cache_options {
    uint32_t capacity;    /* entries: 1..2^28 */
    uint32_t value_bytes; /* 1..65536 */
    uint64_t ttl_ns;      /* 1..; CG_DECISION_TTL_NS_NEVER: nothing expires */
} cg_decision_cache_options;

typedef struct cg_decision_cache cg_decision_cache;
/* Allocates no entry yet. Errors: CG_ERROR_INVALID (an option out of its range),
 * CG_ERROR_MEMORY. */
cg_status cg_decision_cache_alloc(const cg_decision_cache_options *options,
                                  cg_allocator allocator, cg_decision_cache **out,
                                  cg_error *error);
void cg_decision_cache_free(cg_decision_cache *cache); /* NULL is fine */

/* value: value_bytes, written on a hit only; may be NULL. A hit becomes the one used last. */
bool cg_decision_cache_get(cg_decision_cache *cache, const cg_decision_key *key,
                           uint64_t now_ns, void *value);

/* Holds value_bytes of `value` under `key`, as the one used last, in place of what was there;
 * target: any number. Error: CG_ERROR_MEMORY, with nothing changed; not once as many entries
 * were held before. */
cg_status cg_decision_cache_put(cg_decision_cache *cache, const cg_decision_key *key,
                                uint64_t target, uint64_t now_ns, const void *value,
                                cg_error *error);

/* `target` has changed: drops the entries that name it. How many. */
uint64_t cg_decision_cache_invalidate(cg_decision_cache *cache, uint64_t target);
/* What all decisions rest on has changed (weights learned, for one): drops all. How many. */
uint64_t cg_decision_cache_invalidate_all(cg_decision_cache *cache);

/* Another capacity (1..2^28). When it is smaller, entries are dropped until the rest fits,
 * first those that have expired, then those used longest ago; and memory is given back, if
 * there is enough to copy what stays. Error: CG_ERROR_INVALID, with nothing changed. */
cg_status cg_decision_cache_resize(cg_decision_cache *cache, uint32_t capacity,
                                   cg_error *error);

/* puts of a new key = entries + expired + invalidated + evicted. */
typedef struct cg_decision_cache_statistics {
    uint64_t entries; /* held, those expired and not yet dropped included */
    uint64_t capacity;
    uint64_t hits; /* from here on: ever */
    uint64_t misses;
    uint64_t puts;        /* with those that replaced a value */
    uint64_t replaced;    /* puts of a key that was held */
    uint64_t expired;     /* entries dropped: too old */
    uint64_t invalidated; /* entries dropped: target changed */
    uint64_t evicted;     /* entries dropped: used longest ago */
} cg_decision_cache_statistics;
cg_decision_cache_statistics cg_decision_cache_statistics_of(const cg_decision_cache *cache);
uint64_t cg_decision_cache_bytes(const cg_decision_cache *cache); /* memory held */
/* Over the entries in order of use, with target, time and value: all that later answers depend
 * on but capacity and time to live. Padding in values must be zero for it to repeat. */
uint64_t cg_decision_cache_hash(const cg_decision_cache *cache);

#endif
