/* Levels of caches over a store that holds everything.
 *
 * Idea: a read at first level f probes f, f+1, ... and is served by the first level s that
 * holds the key; then levels f .. s-1 take it in, each at its own count of recent reads. A hit
 * refreshes only the level that served: slower levels see only what the faster ones missed, as
 * in Che, Tung and Wang, "Hierarchical Web Caching Systems", IEEE JSAC 20(7), 2002. An eviction
 * from a slow level leaves the faster ones alone.
 *
 * Known value (same paper, section III): with popularities p_i and independent reads an LRU
 * level of C entries that takes in at once hits key i with probability
 *
 *   h_i = 1 - exp(-p_i T), where T solves sum over i of h_i = C
 *
 * and by hand, at capacities 2 and 100 with LRU (levels that served):
 *
 *   read   a  b  a  c            a  b
 *          2  2  0  2 (b goes)   0  1
 */
#include "engine/base/hash.h"
#include "engine/tier/tier_internal.h"

static cg_status check_level(const cg_tier_options *options, uint32_t level, cg_error *error) {
    const cg_tier_options *checked = &options[level];
    if ((unsigned)checked->policy >= CG_CACHE_POLICY_COUNT) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "tier %u has policy number %u; there are %d policies, from 0",
                            level + 1, (unsigned)checked->policy, CG_CACHE_POLICY_COUNT);
    }
    if (checked->bound != CG_CACHE_ENTRIES && checked->bound != CG_CACHE_BYTES) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "tier %u has bound number %u; it must be %d (entries) or %d (bytes)", level + 1,
            (unsigned)checked->bound, CG_CACHE_ENTRIES, CG_CACHE_BYTES);
    }
    if (checked->promote_after < 1 || checked->promote_after > CG_TIER_PROMOTE_AFTER_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "tier %u takes a key in after %u reads; it must be 1..%d",
                            level + 1, checked->promote_after, CG_TIER_PROMOTE_AFTER_MAX);
    }
    return CG_OK;
}

/* `level` with this capacity must not be smaller than any faster one of the same bound. */
static cg_status check_order(const cg_tier_options *options, uint32_t level, cg_error *error) {
    for (uint32_t faster = 0; faster < level; faster++) {
        if (options[faster].bound == options[level].bound &&
            options[faster].capacity > options[level].capacity) {
            const char *unit = options[level].bound == CG_CACHE_ENTRIES ? "entries" : "bytes";
            return cg_error_set(
                error, CG_ERROR_INVALID,
                "tiers out of order: tier %u has a capacity of %llu %s, less than the %llu of "
                "the faster tier %u; capacities must not fall from fast to slow",
                level + 1, (unsigned long long)options[level].capacity, unit,
                (unsigned long long)options[faster].capacity, faster + 1);
        }
    }
    return CG_OK;
}

cg_status cg_tiers_start(const cg_tier_options *options, uint32_t levels,
                         cg_allocator allocator, cg_tiers **out, cg_error *error) {
    if (levels < 1 || levels > CG_TIER_LEVELS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%u memory tiers; the number of tiers must be 1..%d", levels,
                            CG_TIER_LEVELS_MAX);
    }
    for (uint32_t level = 0; level + 1 < levels; level++) {
        cg_status status = check_level(options, level, error);
        if (status == CG_OK) {
            status = check_order(options, level, error);
        }
        if (status != CG_OK) {
            return status;
        }
    }
    cg_tiers *tiers = cg_allocate(&allocator, 1, sizeof *tiers);
    if (!tiers) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %zu bytes of memory tiers",
                            sizeof *tiers);
    }
    tiers->allocator = allocator;
    tiers->count = levels;
    for (uint32_t level = 0; level < levels; level++) {
        cg_tier_level *started = &tiers->levels[level];
        started->tiers = tiers;
        started->index = level;
        if (level + 1 < levels) {
            started->options = options[level];
        }
    }
    cg_status status = cg_table_alloc(allocator, &tiers->prefetches.marks, error);
    if (status != CG_OK) {
        cg_tiers_free(tiers);
        return status;
    }
    *out = tiers;
    return CG_OK;
}

cg_cache_options cg_tier_cache_options(cg_tier_level *level) {
    return (cg_cache_options){
        .policy = level->options.policy,
        .bound = level->options.bound,
        .capacity = level->options.capacity,
        .evicted = cg_tier_prefetch_evicted,
        .context = level,
        .future = level->options.policy == CG_CACHE_BELADY ? level->options.future : NULL,
    };
}

uint64_t cg_tier_entries(const cg_tier_level *level) {
    return cg_cache_statistics_of(level->cache).entries;
}

cg_status cg_tiers_alloc(const cg_tier_options *options, uint32_t levels,
                         cg_allocator allocator, cg_tiers **out, cg_error *error) {
    cg_tiers *tiers = NULL;
    cg_status status = cg_tiers_start(options, levels, allocator, &tiers, error);
    for (uint32_t level = 0; status == CG_OK && level + 1 < levels; level++) {
        cg_cache_options cache = cg_tier_cache_options(&tiers->levels[level]);
        status = cg_cache_alloc(&cache, allocator, &tiers->levels[level].cache, error);
        if (status != CG_OK && error) {
            (void)cg_error_prefix(error, "tier %u: ", level + 1);
        }
    }
    if (status != CG_OK) {
        cg_tiers_free(tiers);
        return status;
    }
    *out = tiers;
    return CG_OK;
}

void cg_tiers_free(cg_tiers *tiers) {
    if (!tiers) {
        return;
    }
    cg_allocator allocator = tiers->allocator;
    for (uint32_t level = 0; level + 1 < tiers->count; level++) {
        cg_cache_free(tiers->levels[level].cache);
        cg_tier_sketch_deinit(&tiers->levels[level].sketch, &allocator);
    }
    cg_table_free(tiers->prefetches.marks);
    cg_deallocate(&allocator, tiers, 1, sizeof *tiers);
}

/* Memory for whatever a read from first_level may bring in, before anything changes. */
static cg_status reserve(cg_tiers *tiers, uint32_t first_level, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t l = first_level; status == CG_OK && l + 1 < tiers->count; l++) {
        cg_tier_level *level = &tiers->levels[l];
        if (level->options.promote_after > 1) {
            status = cg_tier_sketch_reserve(&level->sketch, cg_tier_entries(level),
                                            &tiers->allocator, error);
        }
    }
    for (uint32_t l = first_level; status == CG_OK && l + 1 < tiers->count; l++) {
        status = cg_cache_reserve(tiers->levels[l].cache, error);
    }
    return status;
}

/* A read that looked at the level was served by a slower one. */
static void promote(cg_tier_level *level, uint64_t key, uint32_t bytes) {
    if (level->options.promote_after > 1 &&
        cg_tier_sketch_count(&level->sketch, key, cg_tier_entries(level),
                             &level->tiers->allocator) < level->options.promote_after) {
        return;
    }
    level->promotions += cg_cache_put(level->cache, key, bytes);
}

cg_status cg_tier_read_slower(cg_tiers *tiers, uint64_t key, uint32_t bytes, uint32_t *level,
                              cg_error *error) {
    uint32_t first = *level;
    cg_status status = reserve(tiers, first, error);
    if (status != CG_OK) {
        return status;
    }
    cg_tier_prefetch_read(tiers, key, first);
    uint32_t served = first;
    while (served + 1 < tiers->count && !cg_cache_touch(tiers->levels[served].cache, key)) {
        served++;
    }
    for (uint32_t faster = first; faster < served; faster++) {
        promote(&tiers->levels[faster], key, bytes);
    }
    *level = served;
    return CG_OK;
}

static cg_status refuse_read(const cg_tiers *tiers, uint64_t key, uint32_t first_level,
                             cg_error *error) {
    uint32_t last = tiers->count - 1;
    if (first_level > last) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a read starts at tier level %u; the levels are 0..%u", first_level,
                            last);
    }
    return cg_error_set(error, CG_ERROR_INVALID,
                        "a read of 0 bytes of key %llu; it must be 1 at least",
                        (unsigned long long)key);
}

/* A hit at the first level brings nothing in, so it needs no memory, and it is most of what a
 * warm tier does. Several such reads wait for their lines at the same time, as long as the
 * processor can queue what they write meanwhile; what this function saves on the stack counts. */
cg_status cg_tiers_read(cg_tiers *tiers, uint64_t key, uint32_t bytes, uint32_t first_level,
                        uint32_t *served, cg_work *work, cg_error *error) {
    if (first_level >= tiers->count || bytes == 0) {
        return refuse_read(tiers, key, first_level, error);
    }
    uint32_t level = first_level;
    cg_cache *cache = tiers->levels[level].cache; /* the store has none */
    if (!cache || !cg_cache_hit(cache, key)) {
        cg_status status = cg_tier_read_slower(tiers, key, bytes, &level, error);
        if (status != CG_OK) {
            return status;
        }
    } else if (cg_table_count(tiers->prefetches.marks) > 0) {
        cg_tier_prefetch_read(tiers, key, level);
    }
    tiers->levels[level].reads++;
    cg_work_kind kind = level + 1 == tiers->count ? CG_WORK_TIER_STORE
                                                  : (cg_work_kind)(CG_WORK_TIER_L1 + level);
    cg_work_count(work, kind, 1, bytes);
    *served = level;
    return CG_OK;
}

cg_status cg_tiers_fill(cg_tiers *tiers, uint64_t key, uint32_t bytes, uint32_t level,
                        cg_error *error) {
    if (level >= tiers->count) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a key is to fill tier level %u; the levels are 0..%u", level,
                            tiers->count - 1);
    }
    if (bytes == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a fill of 0 bytes of key %llu; it must be 1 at least",
                            (unsigned long long)key);
    }
    if (level + 1 == tiers->count) {
        return CG_OK;
    }
    cg_cache *cache = tiers->levels[level].cache;
    cg_status status = cg_cache_reserve(cache, error);
    if (status != CG_OK) {
        return status;
    }
    /* Belady's touches are the reads that it was told of; a write is none of them. */
    bool is_belady = tiers->levels[level].options.policy == CG_CACHE_BELADY;
    if (is_belady ? !cg_cache_holds(cache, key) : !cg_cache_touch(cache, key)) {
        (void)cg_cache_put(cache, key, bytes);
    }
    return CG_OK;
}

uint32_t cg_tiers_where(const cg_tiers *tiers, uint64_t key, uint32_t first_level) {
    uint32_t last = tiers->count - 1;
    uint32_t level = first_level;
    while (level < last && !cg_cache_holds(tiers->levels[level].cache, key)) {
        level++;
    }
    return level < last ? level : last;
}

void cg_tiers_forget(cg_tiers *tiers, uint64_t key) {
    for (uint32_t level = 0; level + 1 < tiers->count; level++) {
        (void)cg_cache_remove(tiers->levels[level].cache, key);
    }
    cg_tier_prefetch_forget(tiers, key);
}

cg_status cg_tiers_resize(cg_tiers *tiers, uint32_t level, uint64_t capacity, cg_error *error) {
    if (level >= tiers->count - 1) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "tier level %u is to have another capacity; the levels with a "
                            "capacity are those below %u",
                            level, tiers->count - 1);
    }
    cg_tier_options options[CG_TIER_LEVELS_MAX];
    for (uint32_t l = 0; l + 1 < tiers->count; l++) {
        options[l] = tiers->levels[l].options;
    }
    options[level].capacity = capacity;
    for (uint32_t l = level; l + 1 < tiers->count; l++) {
        cg_status status = check_order(options, l, error);
        if (status != CG_OK) {
            return status;
        }
    }
    cg_status status = cg_cache_resize(tiers->levels[level].cache, capacity, error);
    if (status != CG_OK) {
        if (error) {
            (void)cg_error_prefix(error, "tier %u: ", level + 1);
        }
        return status;
    }
    tiers->levels[level].options.capacity = capacity;
    return CG_OK;
}

cg_tier_statistics cg_tiers_statistics(const cg_tiers *tiers) {
    const cg_tier_prefetches *prefetches = &tiers->prefetches;
    cg_tier_statistics statistics = {
        .prefetch_issued = prefetches->issued,
        .prefetch_useful = prefetches->useful,
        .prefetch_useless = prefetches->useless,
        .prefetch_late = prefetches->late,
        .prefetch_pending =
            prefetches->issued - prefetches->useful - prefetches->useless - prefetches->late,
    };
    for (uint32_t l = 0; l < tiers->count; l++) {
        const cg_tier_level *level = &tiers->levels[l];
        statistics.reads[l] = level->reads;
        statistics.promotions[l] = level->promotions;
        if (level->cache) {
            cg_cache_statistics cache = cg_cache_statistics_of(level->cache);
            statistics.evictions[l] = cache.evictions - level->evictions_before;
            statistics.entries[l] = cache.entries;
            statistics.capacity[l] = cache.capacity;
            statistics.size_bytes[l] = cache.size_bytes;
        }
    }
    return statistics;
}

void cg_tiers_reset_statistics(cg_tiers *tiers) {
    cg_tier_prefetches *prefetches = &tiers->prefetches;
    prefetches->issued -= prefetches->useful + prefetches->useless + prefetches->late;
    prefetches->useful = prefetches->useless = prefetches->late = 0;
    for (uint32_t l = 0; l < tiers->count; l++) {
        cg_tier_level *level = &tiers->levels[l];
        level->reads = level->promotions = 0;
        level->evictions_before =
            level->cache ? cg_cache_statistics_of(level->cache).evictions : 0;
    }
}

uint64_t cg_tiers_bytes(const cg_tiers *tiers) {
    uint64_t bytes = sizeof *tiers + cg_table_bytes(tiers->prefetches.marks);
    for (uint32_t l = 0; l + 1 < tiers->count; l++) {
        const cg_tier_sketch *sketch = &tiers->levels[l].sketch;
        bytes += cg_cache_memory_bytes(tiers->levels[l].cache);
        bytes += sketch->is_borrowed ? 0 : cg_tier_sketch_bytes(sketch->blocks);
        bytes += cg_tier_sketch_bytes(sketch->next_blocks);
    }
    return bytes;
}

uint64_t cg_tiers_hash(const cg_tiers *tiers) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, tiers->count);
    for (uint32_t l = 0; l < tiers->count; l++) {
        const cg_tier_level *level = &tiers->levels[l];
        cg_hasher_add_u64(&hasher, level->reads);
        cg_hasher_add_u64(&hasher, level->promotions);
        cg_hasher_add_u64(&hasher, level->evictions_before);
        if (level->cache) {
            cg_hasher_add_u64(&hasher, level->options.promote_after);
            cg_hasher_add_u64(&hasher, level->sketch.additions);
            cg_hasher_add_bytes(&hasher, level->sketch.words,
                                cg_tier_sketch_bytes(level->sketch.blocks));
            cg_hasher_add_u64(&hasher, cg_cache_statistics_of(level->cache).evictions);
            cg_hasher_add_u64(&hasher, cg_cache_hash(level->cache));
        }
    }
    const cg_tier_prefetches *prefetches = &tiers->prefetches;
    cg_hasher_add_u64(&hasher, prefetches->marks_hash);
    cg_hasher_add_u64(&hasher, prefetches->on_their_way);
    cg_hasher_add_u64(&hasher, prefetches->issued);
    cg_hasher_add_u64(&hasher, prefetches->useful);
    cg_hasher_add_u64(&hasher, prefetches->useless);
    cg_hasher_add_u64(&hasher, prefetches->late);
    return cg_hasher_value(&hasher);
}
