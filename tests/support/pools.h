/* Short forms of the pools' calls, for tests. */
#ifndef CG_TESTS_SUPPORT_POOLS_H
#define CG_TESTS_SUPPORT_POOLS_H

#include <string.h>

#include "engine/service/pool_internal.h"
#include "tests/support/support.h"

static inline cg_pools *make_pools(uint64_t quota_bytes, uint64_t shared_quota_bytes) {
    cg_pool_options options = {quota_bytes, shared_quota_bytes};
    cg_error error = {0};
    cg_pools *pools = NULL;
    assert_ok(cg_pools_alloc(&options, cg_allocator_heap(), &pools, &error), error);
    return pools;
}

static inline uint64_t take_as(cg_pools *pools, cg_pool_request request) {
    cg_error error = {0};
    uint64_t slot = CG_SLOT_NONE;
    assert_ok(cg_pools_take(pools, &request, &slot, NULL, &error), error);
    return slot;
}

static inline uint64_t take(cg_pools *pools, uint32_t type, uint32_t size_bytes) {
    return take_as(pools, (cg_pool_request){.type = type, .size_bytes = size_bytes});
}

static inline uint64_t take_near(cg_pools *pools, uint32_t size_bytes, uint64_t near) {
    return take_as(pools, (cg_pool_request){.size_bytes = size_bytes, .near = near});
}

static inline void give(cg_pools *pools, uint64_t slot) {
    cg_error error = {0};
    assert_ok(cg_pools_give(pools, slot, NULL, &error), error);
}

static inline cg_pool_place place_of(const cg_pools *pools, uint64_t slot) {
    cg_pool_place place = {0};
    assert_true(cg_pools_place(pools, slot, &place));
    return place;
}

/* Block * 1,000 + position. */
static inline uint32_t at(const cg_pools *pools, uint64_t slot) {
    cg_pool_place place = place_of(pools, slot);
    return place.block * 1000 + place.position;
}

static inline void assert_sound(const cg_pools *pools) {
    cg_error error = {0};
    assert_ok(cg_pools_check(pools, &error), error);
}

static inline void assert_full(cg_pools *pools, uint32_t type, uint32_t size_bytes,
                               const char *part) {
    cg_pool_request request = {.type = type, .size_bytes = size_bytes};
    uint64_t hash = cg_pools_hash(pools);
    uint64_t slot = 123;
    cg_error error = {0};
    assert_status(cg_pools_take(pools, &request, &slot, NULL, &error), CG_ERROR_FULL, error,
                  part);
    assert_int_equal(slot, 123);
    assert_true(cg_pools_hash(pools) == hash);
}

#endif
