/* Goal: over seeded programs of reads and fills, tiers serve, promote and evict exactly as a
 * naive model does that keeps each level as an array in order of use and moves keys to the
 * front.
 */
#include <string.h>

#include "engine/tier/tier.h"
#include "tests/support/support.h"

enum { LEVELS = 3, CAPACITY_MAX = 64, OPERATIONS = 60000 };

typedef struct model_level {
    uint64_t keys[CAPACITY_MAX]; /* newest first */
    uint32_t count;
    uint32_t capacity;
    uint64_t reads;
    uint64_t evictions;
} model_level;

static bool model_touch(model_level *level, uint64_t key) {
    for (uint32_t i = 0; i < level->count; i++) {
        if (level->keys[i] == key) {
            memmove(level->keys + 1, level->keys, i * sizeof *level->keys);
            level->keys[0] = key;
            return true;
        }
    }
    return false;
}

static void model_put(model_level *level, uint64_t key) {
    if (level->count == level->capacity) {
        level->count--;
        level->evictions++;
    }
    memmove(level->keys + 1, level->keys, level->count * sizeof *level->keys);
    level->keys[0] = key;
    level->count++;
}

static uint32_t model_read(model_level *levels, uint32_t count, uint64_t key, uint32_t first) {
    uint32_t served = first;
    while (served + 1 < count && !model_touch(&levels[served], key)) {
        served++;
    }
    for (uint32_t level = first; level < served; level++) {
        model_put(&levels[level], key);
    }
    levels[served].reads++;
    return served;
}

static void compare(const cg_tiers *tiers, const model_level *levels) {
    cg_tier_statistics statistics = cg_tiers_statistics(tiers);
    for (uint32_t level = 0; level < LEVELS; level++) {
        assert_int_equal(statistics.reads[level], levels[level].reads);
        assert_int_equal(statistics.evictions[level], levels[level].evictions);
        assert_int_equal(statistics.entries[level], levels[level].count);
    }
}

static void run_program(uint64_t seed, uint64_t program) {
    cg_stream stream = cg_stream_init(seed, "test.tier", program);
    uint32_t count = 1 + (uint32_t)cg_stream_next_below(&stream, LEVELS);
    uint32_t first_capacity = 1 + (uint32_t)cg_stream_next_below(&stream, CAPACITY_MAX);
    uint32_t second_capacity = first_capacity + (uint32_t)cg_stream_next_below(
                                                    &stream, CAPACITY_MAX - first_capacity + 1);
    cg_tier_options options[LEVELS] = {
        {first_capacity, CG_TIER_LRU}, {second_capacity, CG_TIER_LRU}, {0, CG_TIER_LRU}};
    model_level levels[LEVELS] = {{.capacity = first_capacity}, {.capacity = second_capacity}};
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_error error = {0};
    cg_tiers *tiers = NULL;
    assert_ok(
        cg_tiers_alloc(options, count, cg_counting_allocator_view(&counting), &tiers, &error),
        error);
    uint64_t key_count = 1 + cg_stream_next_below(&stream, 200);
    for (int i = 0; i < OPERATIONS; i++) {
        /* Spread over 64 bits so that keys fall into buckets in any order. */
        uint64_t key = cg_stream_next_below(&stream, key_count) * UINT64_C(0x9e3779b97f4a7c15);
        uint32_t level = (uint32_t)cg_stream_next_below(&stream, count);
        if (cg_stream_next_below(&stream, 8) == 0) {
            assert_ok(cg_tiers_fill(tiers, key, level, &error), error);
            if (level + 1 < count && !model_touch(&levels[level], key)) {
                model_put(&levels[level], key);
            }
        } else {
            uint32_t served = UINT32_MAX;
            assert_ok(cg_tiers_read(tiers, key, 1, level, &served, NULL, &error), error);
            assert_int_equal(served, model_read(levels, count, key, level));
        }
        if (i % 64 == 0) {
            compare(tiers, levels);
        }
    }
    compare(tiers, levels);
    cg_tiers_free(tiers);
    assert_int_equal(counting.live_bytes, 0);
}

static void test_programs_against_move_to_front(void **state) {
    (void)state;
    uint64_t seed = support_seed(2026);
    for (uint64_t program = 0; program < 30; program++) {
        run_program(seed, program);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_programs_against_move_to_front)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
