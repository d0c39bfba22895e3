/* Short ways to make memory tiers and to use them, for tests: whatever fails fails the test. */
#ifndef CG_TESTS_SUPPORT_TIERS_H
#define CG_TESTS_SUPPORT_TIERS_H

#include "engine/tier/tier.h"
#include "tests/support/support.h"

/* A level of LRU that takes in at once. */
static inline cg_tier_options lru(uint64_t capacity) {
    return (cg_tier_options){.policy = CG_CACHE_LRU,
                             .bound = CG_CACHE_ENTRIES,
                             .capacity = capacity,
                             .promote_after = 1};
}

static inline cg_tiers *make(const cg_tier_options *options, uint32_t levels) {
    cg_error error = {0};
    cg_tiers *tiers = NULL;
    assert_ok(cg_tiers_alloc(options, levels, cg_allocator_heap(), &tiers, &error), error);
    return tiers;
}

static inline cg_tiers *make_tiers(uint64_t first, uint64_t second) {
    cg_tier_options options[3] = {lru(first), lru(second), {.capacity = 0}};
    return make(options, 3);
}

static inline uint32_t read_at(cg_tiers *tiers, uint64_t key, uint32_t first_level) {
    cg_error error = {0};
    uint32_t served = UINT32_MAX;
    uint32_t expected = cg_tiers_where(tiers, key, first_level);
    assert_ok(cg_tiers_read(tiers, key, 64, first_level, &served, NULL, &error), error);
    assert_int_equal(served, expected);
    return served;
}

static inline void fill(cg_tiers *tiers, uint64_t key, uint32_t bytes, uint32_t level) {
    cg_error error = {0};
    assert_ok(cg_tiers_fill(tiers, key, bytes, level, &error), error);
}

static inline bool ask(cg_tiers *tiers, uint64_t key, uint32_t level) {
    cg_error error = {0};
    bool asked = false;
    assert_ok(cg_tiers_prefetch(tiers, key, 8, level, &asked, &error), error);
    return asked;
}

static inline void arrive(cg_tiers *tiers, uint64_t key) {
    cg_error error = {0};
    assert_ok(cg_tiers_arrived(tiers, key, &error), error);
}

#endif
