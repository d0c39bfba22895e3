/* Goal: over seeded programs of reads, fills, forgetting, prefetches, arrivals and resizes, tiers
 * of LRU serve, promote, evict and count exactly as a naive model does that keeps each level as an
 * array in order of use and the state of each key's prefetch in another; tiers of any policy keep
 * what is promised of all.
 *
 * The counts of recent reads are the engine's sketch, on both sides.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/tier/tier_internal.h"
#include "tests/support/tier_program.h"

enum { KEYS_MAX = 200, OPERATIONS = 20000, PROGRAMS = 60 };

typedef enum mark_state { NONE, ON_ITS_WAY, READ_EARLY, UNREAD } mark_state;

typedef struct model_level {
    cg_tier_options options;
    uint64_t keys[KEYS_MAX]; /* newest first */
    uint32_t bytes[KEYS_MAX];
    uint32_t count;
    cg_tier_sketch sketch;
} model_level;

typedef struct model {
    uint32_t count;
    model_level levels[CG_TIER_LEVELS_MAX];
    mark_state marks[KEYS_MAX];
    uint32_t mark_levels[KEYS_MAX];
    uint32_t mark_bytes[KEYS_MAX];
    cg_tier_statistics statistics;
} model;

static uint64_t model_weight(const model_level *level, uint32_t bytes) {
    return level->options.bound == CG_CACHE_BYTES ? bytes : 1;
}

static uint64_t model_weights(const model_level *level) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < level->count; i++) {
        sum += model_weight(level, level->bytes[i]);
    }
    return sum;
}

static uint32_t model_find(const model_level *level, uint64_t key) {
    uint32_t at = 0;
    while (at < level->count && level->keys[at] != key) {
        at++;
    }
    return at;
}

static void model_take(model_level *level, uint32_t at) {
    level->count--;
    for (uint32_t i = at; i < level->count; i++) {
        level->keys[i] = level->keys[i + 1];
        level->bytes[i] = level->bytes[i + 1];
    }
}

static void model_push(model_level *level, uint64_t key, uint32_t bytes) {
    for (uint32_t i = level->count++; i > 0; i--) {
        level->keys[i] = level->keys[i - 1];
        level->bytes[i] = level->bytes[i - 1];
    }
    level->keys[0] = key;
    level->bytes[0] = bytes;
}

static bool model_touch(model_level *level, uint64_t key) {
    uint32_t at = model_find(level, key);
    if (at == level->count) {
        return false;
    }
    uint32_t bytes = level->bytes[at];
    model_take(level, at);
    model_push(level, key, bytes);
    return true;
}

static void model_evict_down_to(model *naive, uint32_t l, uint64_t weight) {
    model_level *level = &naive->levels[l];
    while (model_weights(level) > weight) {
        uint64_t key = level->keys[level->count - 1];
        level->count--;
        naive->statistics.evictions[l]++;
        if (naive->marks[key] == UNREAD && naive->mark_levels[key] == l) {
            naive->marks[key] = NONE;
            naive->statistics.prefetch_useless++;
        }
    }
}

static bool model_put(model *naive, uint32_t l, uint64_t key, uint32_t bytes) {
    model_level *level = &naive->levels[l];
    uint64_t weight = model_weight(level, bytes);
    if (weight > level->options.capacity) {
        return false;
    }
    model_evict_down_to(naive, l, level->options.capacity - weight);
    model_push(level, key, bytes);
    return true;
}

static uint32_t model_where(const model *naive, uint64_t key, uint32_t first) {
    uint32_t level = first;
    while (level + 1 < naive->count &&
           model_find(&naive->levels[level], key) == naive->levels[level].count) {
        level++;
    }
    return level;
}

static bool model_is_wanted(model_level *level, uint64_t key) {
    if (level->options.promote_after == 1) {
        return true;
    }
    cg_allocator heap = cg_allocator_heap();
    cg_error error = {0};
    assert_ok(cg_tier_sketch_reserve(&level->sketch, level->count, &heap, &error), error);
    return cg_tier_sketch_count(&level->sketch, key_of(key), level->count, &heap) >=
           level->options.promote_after;
}

static uint32_t model_read(model *naive, uint64_t key, uint32_t bytes, uint32_t first) {
    if (first <= naive->mark_levels[key]) {
        if (naive->marks[key] == ON_ITS_WAY) {
            naive->statistics.prefetch_late++;
            naive->marks[key] = READ_EARLY;
        } else if (naive->marks[key] == UNREAD) {
            naive->statistics.prefetch_useful++;
            naive->marks[key] = NONE;
        }
    }
    uint32_t served = model_where(naive, key, first);
    if (served + 1 < naive->count) {
        (void)model_touch(&naive->levels[served], key);
    }
    for (uint32_t level = first; level < served; level++) {
        if (model_is_wanted(&naive->levels[level], key)) {
            naive->statistics.promotions[level] += model_put(naive, level, key, bytes);
        }
    }
    naive->statistics.reads[served]++;
    return served;
}

static void model_forget(model *naive, uint64_t key) {
    for (uint32_t l = 0; l + 1 < naive->count; l++) {
        uint32_t at = model_find(&naive->levels[l], key);
        if (at < naive->levels[l].count) {
            model_take(&naive->levels[l], at);
        }
    }
    naive->statistics.prefetch_useless +=
        naive->marks[key] == ON_ITS_WAY || naive->marks[key] == UNREAD;
    naive->marks[key] = NONE;
}

static bool model_prefetch(model *naive, uint64_t key, uint32_t bytes, uint32_t level) {
    if (model_where(naive, key, 0) <= level || naive->marks[key] != NONE) {
        return false;
    }
    naive->marks[key] = ON_ITS_WAY;
    naive->mark_levels[key] = level;
    naive->mark_bytes[key] = bytes;
    naive->statistics.prefetch_issued++;
    return true;
}

static void model_arrived(model *naive, uint64_t key) {
    mark_state was = naive->marks[key];
    if (was == NONE || was == UNREAD) {
        return;
    }
    uint32_t l = naive->mark_levels[key];
    bool is_held = model_find(&naive->levels[l], key) < naive->levels[l].count;
    bool is_in = is_held || model_put(naive, l, key, naive->mark_bytes[key]);
    naive->marks[key] = was == ON_ITS_WAY && is_in ? UNREAD : NONE;
    naive->statistics.prefetch_useless += was == ON_ITS_WAY && !is_in;
}

static bool model_may_resize(const model *naive, uint32_t level, uint64_t capacity) {
    for (uint32_t l = 0; l + 1 < naive->count; l++) {
        const cg_tier_options *other = &naive->levels[l].options;
        if (other->bound == naive->levels[level].options.bound &&
            ((l < level && other->capacity > capacity) ||
             (l > level && other->capacity < capacity))) {
            return false;
        }
    }
    return capacity > 0;
}

/* --- programs ----------------------------------------------------------------------------- */

typedef struct run {
    cg_stream stream;
    uint64_t keys;
    model naive;
    cg_tiers *tiers;
    cg_tier_options options[CG_TIER_LEVELS_MAX];
    uint32_t levels;
    uint8_t *image; /* that the tiers work in, or NULL */
} run;

static uint64_t below(run *running, uint64_t n) {
    return cg_stream_next_below(&running->stream, n);
}

static cg_status model_apply(model *naive, operation what, uint64_t *answer) {
    model_level *level = &naive->levels[what.level];
    bool is_store = what.level + 1 == naive->count;
    switch (what.kind) {
    case READ:
        *answer = model_read(naive, what.key, what.bytes, what.level);
        break;
    case FILL:
        if (!is_store && !model_touch(level, what.key)) {
            (void)model_put(naive, what.level, what.key, what.bytes);
        }
        break;
    case FORGET:
        model_forget(naive, what.key);
        break;
    case PREFETCH:
        *answer = model_prefetch(naive, what.key, what.bytes, what.level);
        break;
    case ARRIVED:
        model_arrived(naive, what.key);
        break;
    case RESIZE:
        if (is_store || !model_may_resize(naive, what.level, what.capacity)) {
            return CG_ERROR_INVALID;
        }
        level->options.capacity = what.capacity;
        model_evict_down_to(naive, what.level, what.capacity);
    }
    return CG_OK;
}

/* 2 to 5 levels of one policy, or of LRU with other bounds and promotions. */
static void draw_options(run *running, cg_cache_policy policy) {
    running->levels = 2 + (uint32_t)below(running, CG_TIER_LEVELS_MAX - 1);
    uint64_t least[2] = {1, 1};
    for (uint32_t l = 0; l + 1 < running->levels; l++) {
        cg_tier_options *options = &running->options[l];
        cg_cache_bound bound = below(running, 2) == 0 ? CG_CACHE_ENTRIES : CG_CACHE_BYTES;
        uint64_t most =
            bound == CG_CACHE_ENTRIES ? OPERATION_CAPACITY_MAX : OPERATION_CAPACITY_MAX * 4;
        *options = (cg_tier_options){.policy = policy, .bound = bound, .promote_after = 1};
        options->capacity = least[bound] + below(running, most - least[bound] + 1) / 2;
        if (below(running, 2) == 0) {
            options->promote_after = 1 + (uint32_t)below(running, 4);
        }
        least[bound] = options->capacity;
    }
}

static void compare(const run *running) {
    model naive = running->naive;
    for (uint32_t l = 0; l + 1 < naive.count; l++) {
        naive.statistics.entries[l] = naive.levels[l].count;
        naive.statistics.capacity[l] = naive.levels[l].options.capacity;
        for (uint32_t i = 0; i < naive.levels[l].count; i++) {
            naive.statistics.size_bytes[l] += naive.levels[l].bytes[i];
        }
    }
    for (uint64_t key = 0; key < running->keys; key++) {
        naive.statistics.prefetch_pending +=
            naive.marks[key] == ON_ITS_WAY || naive.marks[key] == UNREAD;
    }
    cg_tier_statistics statistics = cg_tiers_statistics(running->tiers);
    assert_memory_equal(&statistics, &naive.statistics, sizeof statistics);
    for (uint64_t key = 0; key < running->keys; key++) {
        for (uint32_t l = 0; l < naive.count; l++) {
            assert_int_equal(cg_tiers_where(running->tiers, key_of(key), l),
                             model_where(&naive, key, l));
        }
    }
}

/* Goes on in an image, when there can be one. */
static void move_to_image(run *running, cg_allocator allocator) {
    cg_error error = {0};
    cg_tier_options options[CG_TIER_LEVELS_MAX];
    for (uint32_t l = 0; l < running->levels; l++) {
        options[l] = running->naive.levels[l].options;
    }
    bool is_pending = false;
    for (uint64_t key = 0; key < running->keys; key++) {
        is_pending = is_pending || running->naive.marks[key] != NONE;
    }
    uint64_t bytes = cg_tiers_image_bytes(running->tiers);
    assert_true(bytes % 64 == 0 && bytes > 0);
    uint8_t *image = aligned_alloc(64, bytes);
    assert_non_null(image);
    cg_status status = cg_tiers_save(running->tiers, image, &error);
    assert_int_equal(status, is_pending ? CG_ERROR_INVALID : CG_OK);
    if (is_pending) {
        free(image);
        return;
    }
    cg_tiers *opened = NULL;
    assert_ok(cg_tiers_open(image, bytes, options, running->levels, allocator, &opened, &error),
              error);
    assert_int_equal(cg_tiers_hash(opened), cg_tiers_hash(running->tiers));
    cg_tiers_free(running->tiers);
    free(running->image);
    running->tiers = opened;
    running->image = image;
}

static void run_program(uint64_t seed, uint64_t program) {
    static run running;
    running = (run){.stream = cg_stream_init(seed, "test.tier", program)};
    running.keys = 1 + below(&running, KEYS_MAX);
    draw_options(&running, CG_CACHE_LRU);
    running.naive.count = running.levels;
    for (uint32_t l = 0; l < running.levels; l++) {
        running.naive.levels[l].options = running.options[l];
    }
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator allocator = cg_counting_allocator_view(&counting);
    cg_error error = {0};
    assert_ok(
        cg_tiers_alloc(running.options, running.levels, allocator, &running.tiers, &error),
        error);
    for (int i = 0; i < OPERATIONS; i++) {
        operation what = next_operation(&running.stream, running.keys, running.levels);
        uint64_t answer = 77;
        uint64_t expected = 77;
        uint64_t before = what.kind == RESIZE ? cg_tiers_hash(running.tiers) : 0;
        cg_status wanted = model_apply(&running.naive, what, &expected);
        cg_status status = apply(running.tiers, what, &answer, &error);
        assert_int_equal(status, wanted);
        assert_int_equal(answer, expected);
        assert_true(status == CG_OK || cg_tiers_hash(running.tiers) == before);
        if (i % 61 == 0) {
            compare(&running);
        }
        if (i % 997 == 0) {
            for (uint64_t key = 0; key < running.keys && i % 2 == 0; key++) {
                cg_tiers_forget(running.tiers, key_of(key)); /* no marks are left */
                model_forget(&running.naive, key);
            }
            move_to_image(&running, allocator);
        }
    }
    compare(&running);
    cg_tiers_free(running.tiers);
    free(running.image);
    assert_int_equal(counting.live_bytes, 0);
    cg_allocator heap = cg_allocator_heap();
    for (uint32_t l = 0; l < running.levels; l++) {
        cg_tier_sketch_deinit(&running.naive.levels[l].sketch, &heap);
    }
}

static void test_programs_against_move_to_front(void **state) {
    (void)state;
    uint64_t seed = support_seed(2026);
    for (uint64_t program = 0; program < PROGRAMS; program++) {
        run_program(seed, program);
    }
}

/* Goal: of every policy: a read is served where it was said that it would be; bounds are kept;
 * each prefetch is counted once; equal programs give equal tiers. */
static void test_any_policy(void **state) {
    (void)state;
    uint64_t seed = support_seed(2027);
    for (uint64_t program = 0; program < 60; program++) {
        cg_cache_policy policy = (cg_cache_policy)(program % CG_CACHE_BELADY);
        uint64_t hashes[2] = {0, 1};
        for (int time = 0; time < 2; time++) {
            run running = {.stream = cg_stream_init(seed, "test.tier.any", program)};
            running.keys = 1 + below(&running, KEYS_MAX);
            draw_options(&running, policy);
            cg_error error = {0};
            assert_ok(cg_tiers_alloc(running.options, running.levels, cg_allocator_heap(),
                                     &running.tiers, &error),
                      error);
            for (int i = 0; i < 4000; i++) {
                operation what = next_operation(&running.stream, running.keys, running.levels);
                uint64_t answer = 0;
                uint32_t where = cg_tiers_where(running.tiers, key_of(what.key), what.level);
                cg_status status = apply(running.tiers, what, &answer, &error);
                assert_true(status == CG_OK ||
                            (what.kind == RESIZE && status == CG_ERROR_INVALID));
                assert_true(what.kind != READ || answer == where);
                if (what.kind == RESIZE && status == CG_OK) {
                    running.options[what.level].capacity = what.capacity;
                }
                cg_tier_statistics statistics = cg_tiers_statistics(running.tiers);
                for (uint32_t l = 0; l + 1 < running.levels; l++) {
                    uint64_t held = running.options[l].bound == CG_CACHE_BYTES
                                        ? statistics.size_bytes[l]
                                        : statistics.entries[l];
                    assert_true(held <= running.options[l].capacity);
                }
                assert_true(statistics.prefetch_pending <= running.keys);
            }
            /* Without any key no prefetch is left. */
            for (uint64_t key = 0; key < running.keys; key++) {
                cg_tiers_forget(running.tiers, key_of(key));
            }
            cg_tier_statistics statistics = cg_tiers_statistics(running.tiers);
            assert_int_equal(statistics.prefetch_pending, 0);
            hashes[time] = cg_tiers_hash(running.tiers);
            cg_tiers_free(running.tiers);
        }
        assert_int_equal(hashes[0], hashes[1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs_against_move_to_front),
        cmocka_unit_test(test_any_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
