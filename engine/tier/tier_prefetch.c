/* Prefetches from being asked for to being counted.
 *
 * Idea: a key whose prefetch is not settled yet has a mark. A mark goes through these states,
 * and each prefetch leaves by exactly one of the three counts:
 *
 *   ON_ITS_WAY --arrived--> UNREAD --read--> useful
 *       |                      '--evicted, forgotten--> useless
 *       |--forgotten, or turned away on arrival--> useless
 *       '--read--> late: READ_EARLY --arrived, forgotten--> (nothing)
 *
 * Invariants: an UNREAD key is held by the level of its mark (whatever takes it out takes the
 * mark with it), so there are no more of them than keys held; on_their_way is the number of
 * marks ON_ITS_WAY and READ_EARLY; issued = useful + useless + late + marks ON_ITS_WAY and
 * UNREAD.
 */
#include "engine/base/hash.h"
#include "engine/tier/tier_internal.h"

typedef enum mark_state { ON_ITS_WAY, READ_EARLY, UNREAD } mark_state;

typedef struct mark {
    mark_state state;
    uint32_t level;
    uint32_t bytes;
} mark;

enum { LEVEL_BIT = 32, STATE_BIT = 40 };

static uint64_t pack(mark value) {
    return value.bytes | (uint64_t)value.level << LEVEL_BIT |
           (uint64_t)value.state << STATE_BIT;
}

static bool find(const cg_tier_prefetches *prefetches, uint64_t key, mark *out) {
    uint64_t word = 0;
    if (cg_table_count(prefetches->marks) == 0 ||
        !cg_table_get(prefetches->marks, key, &word)) {
        return false;
    }
    *out = (mark){(mark_state)(word >> STATE_BIT), (uint32_t)(word >> LEVEL_BIT & 0xff),
                  (uint32_t)word};
    return true;
}

static uint64_t hash_of(uint64_t key, mark value) {
    return cg_hash_u64(key, cg_hash_u64(pack(value), 31));
}

static void drop(cg_tier_prefetches *prefetches, uint64_t key, mark value) {
    (void)cg_table_remove(prefetches->marks, key);
    prefetches->marks_hash ^= hash_of(key, value);
    prefetches->on_their_way -= value.state != UNREAD;
}

/* A mark in another state: needs no memory. */
static void change(cg_tier_prefetches *prefetches, uint64_t key, mark value, mark_state state) {
    prefetches->marks_hash ^= hash_of(key, value);
    value.state = state;
    prefetches->marks_hash ^= hash_of(key, value);
    cg_status status = cg_table_put(prefetches->marks, key, pack(value), NULL);
    CG_ASSERT(status == CG_OK);
}

void cg_tier_prefetch_read(cg_tiers *tiers, uint64_t key, uint32_t first_level) {
    cg_tier_prefetches *prefetches = &tiers->prefetches;
    mark held;
    if (!find(prefetches, key, &held) || first_level > held.level) {
        return;
    }
    if (held.state == ON_ITS_WAY) {
        prefetches->late++;
        change(prefetches, key, held, READ_EARLY);
    } else if (held.state == UNREAD) {
        prefetches->useful++;
        drop(prefetches, key, held);
    }
}

void cg_tier_prefetch_evicted(void *context, uint64_t key, uint32_t bytes) {
    (void)bytes;
    const cg_tier_level *level = context;
    cg_tier_prefetches *prefetches = &level->tiers->prefetches;
    mark held;
    if (find(prefetches, key, &held) && held.state == UNREAD && held.level == level->index) {
        prefetches->useless++;
        drop(prefetches, key, held);
    }
}

void cg_tier_prefetch_forget(cg_tiers *tiers, uint64_t key) {
    mark held;
    if (find(&tiers->prefetches, key, &held)) {
        tiers->prefetches.useless += held.state != READ_EARLY;
        drop(&tiers->prefetches, key, held);
    }
}

cg_status cg_tiers_prefetch(cg_tiers *tiers, uint64_t key, uint32_t bytes, uint32_t level,
                            bool *asked, cg_error *error) {
    if (level >= tiers->count) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a prefetch is to fill tier level %u; the levels are 0..%u", level,
                            tiers->count - 1);
    }
    if (bytes == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a prefetch of 0 bytes of key %llu; it must be 1 at least",
                            (unsigned long long)key);
    }
    cg_tier_prefetches *prefetches = &tiers->prefetches;
    mark held;
    if (cg_tiers_where(tiers, key, 0) <= level || find(prefetches, key, &held) ||
        prefetches->on_their_way >= CG_TIER_ON_THEIR_WAY_MAX) {
        *asked = false;
        return CG_OK;
    }
    mark fresh = {ON_ITS_WAY, level, bytes};
    cg_status status = cg_table_put(prefetches->marks, key, pack(fresh), error);
    if (status != CG_OK) {
        return status;
    }
    prefetches->marks_hash ^= hash_of(key, fresh);
    prefetches->on_their_way++;
    prefetches->issued++;
    *asked = true;
    return CG_OK;
}

cg_status cg_tiers_arrived(cg_tiers *tiers, uint64_t key, cg_error *error) {
    cg_tier_prefetches *prefetches = &tiers->prefetches;
    mark held;
    if (!find(prefetches, key, &held) || held.state == UNREAD) {
        return CG_OK;
    }
    cg_cache *cache = tiers->levels[held.level].cache;
    bool is_held = cg_cache_holds(cache, key);
    if (!is_held) {
        cg_status status = cg_cache_reserve(cache, error);
        if (status != CG_OK) {
            return status;
        }
    }
    /* The mark first: the put itself may evict the key at once, which settles the mark. */
    if (held.state == ON_ITS_WAY) {
        change(prefetches, key, held, UNREAD);
        prefetches->on_their_way--;
    } else {
        drop(prefetches, key, held);
    }
    if (!is_held && !cg_cache_put(cache, key, held.bytes)) {
        cg_tier_prefetch_evicted(&tiers->levels[held.level], key, held.bytes);
    }
    return CG_OK;
}
