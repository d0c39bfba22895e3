/* Levels of LRU sets over a store that holds everything.
 *
 * Idea: a read at first level f probes f, f+1, ... and is served by the first level s that
 * holds the key; then levels f .. s-1 hold it too, as their newest. A hit refreshes only the
 * level that served: slower levels see only what the faster ones missed, as in Che, Tung and
 * Wang, "Hierarchical Web Caching Systems", IEEE JSAC 20(7), 2002. An eviction from a slow
 * level leaves the faster ones alone.
 *
 * Known value (same paper, section III): with popularities p_i and independent reads an LRU
 * level of C entries hits key i with probability
 *
 *   h_i = 1 - exp(-p_i T), where T solves sum over i of h_i = C
 */
#include "engine/tier/tier.h"

#include "engine/tier/lru.h"

_Static_assert((int)CG_TIER_CAPACITY_MAX == (int)CG_LRU_CAPACITY_MAX, "one limit, two names");

struct cg_tiers {
    cg_allocator allocator;
    uint32_t levels;
    cg_lru sets[CG_TIER_LEVELS_MAX]; /* those of levels 0 .. levels-2 */
    uint64_t reads[CG_TIER_LEVELS_MAX];
    uint64_t evictions[CG_TIER_LEVELS_MAX];
};

static cg_status check_options(const cg_tier_options *options, uint32_t levels,
                               cg_error *error) {
    if (levels < 1 || levels > CG_TIER_LEVELS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%u memory tiers; the number of tiers must be 1..%d", levels,
                            CG_TIER_LEVELS_MAX);
    }
    for (uint32_t level = 0; level < levels; level++) {
        if ((unsigned)options[level].policy >= CG_TIER_POLICY_COUNT) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "tier %u has policy number %u; there are %d policies, from 0",
                                level + 1, (unsigned)options[level].policy,
                                CG_TIER_POLICY_COUNT);
        }
        if (level + 1 == levels) {
            break;
        }
        uint64_t capacity = options[level].capacity_entries;
        if (capacity < 1 || capacity > CG_TIER_CAPACITY_MAX) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "tier %u has a capacity of %llu entries; it must be 1..%d",
                                level + 1, (unsigned long long)capacity, CG_TIER_CAPACITY_MAX);
        }
        if (level > 0 && capacity < options[level - 1].capacity_entries) {
            return cg_error_set(
                error, CG_ERROR_INVALID,
                "tier %u has a capacity of %llu entries, less than the %llu of the faster "
                "tier %u; capacities must not fall from fast to slow",
                level + 1, (unsigned long long)capacity,
                (unsigned long long)options[level - 1].capacity_entries, level);
        }
    }
    return CG_OK;
}

cg_status cg_tiers_alloc(const cg_tier_options *options, uint32_t levels,
                         cg_allocator allocator, cg_tiers **out, cg_error *error) {
    cg_status status = check_options(options, levels, error);
    if (status != CG_OK) {
        return status;
    }
    cg_tiers *tiers = cg_allocate(&allocator, 1, sizeof *tiers);
    if (!tiers) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %zu bytes of memory tiers",
                            sizeof *tiers);
    }
    tiers->allocator = allocator;
    tiers->levels = levels;
    for (uint32_t level = 0; level + 1 < levels; level++) {
        cg_lru_init(&tiers->sets[level], (uint32_t)options[level].capacity_entries, allocator);
    }
    *out = tiers;
    return CG_OK;
}

void cg_tiers_free(cg_tiers *tiers) {
    if (!tiers) {
        return;
    }
    for (uint32_t level = 0; level + 1 < tiers->levels; level++) {
        cg_lru_deinit(&tiers->sets[level]);
    }
    cg_allocator allocator = tiers->allocator;
    cg_deallocate(&allocator, tiers, 1, sizeof *tiers);
}

cg_status cg_tiers_read(cg_tiers *tiers, uint64_t key, uint32_t bytes, uint32_t first_level,
                        uint32_t *served, cg_work *work, cg_error *error) {
    if (first_level >= tiers->levels) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a read starts at tier level %u; the levels are 0..%u", first_level,
                            tiers->levels - 1);
    }
    uint32_t level = first_level;
    while (level + 1 < tiers->levels && !cg_lru_touch(&tiers->sets[level], key)) {
        /* Room first, before any level changes: a failure must leave all as they were. */
        cg_status status = cg_lru_reserve(&tiers->sets[level], error);
        if (status != CG_OK) {
            return status;
        }
        level++;
    }
    for (uint32_t faster = first_level; faster < level; faster++) {
        tiers->evictions[faster] += cg_lru_put(&tiers->sets[faster], key);
    }
    tiers->reads[level]++;
    cg_work_count(work, (cg_work_kind)(CG_WORK_TIER_L1 + level), 1, bytes);
    *served = level;
    return CG_OK;
}

cg_status cg_tiers_fill(cg_tiers *tiers, uint64_t key, uint32_t level, cg_error *error) {
    if (level >= tiers->levels) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a key is to fill tier level %u; the levels are 0..%u", level,
                            tiers->levels - 1);
    }
    if (level + 1 == tiers->levels || cg_lru_touch(&tiers->sets[level], key)) {
        return CG_OK;
    }
    cg_status status = cg_lru_reserve(&tiers->sets[level], error);
    if (status == CG_OK) {
        tiers->evictions[level] += cg_lru_put(&tiers->sets[level], key);
    }
    return status;
}

cg_tier_statistics cg_tiers_statistics(const cg_tiers *tiers) {
    cg_tier_statistics statistics = {0};
    for (uint32_t level = 0; level < tiers->levels; level++) {
        statistics.reads[level] = tiers->reads[level];
        statistics.evictions[level] = tiers->evictions[level];
        statistics.entries[level] = level + 1 < tiers->levels ? tiers->sets[level].count : 0;
    }
    return statistics;
}

uint64_t cg_tiers_bytes(const cg_tiers *tiers) {
    uint64_t bytes = sizeof *tiers;
    for (uint32_t level = 0; level + 1 < tiers->levels; level++) {
        bytes += cg_lru_bytes(&tiers->sets[level]);
    }
    return bytes;
}
