/* Goal: the modelled CPU caches are those of a naive model that keeps a list of line numbers for
 * each set, and have what theory says of LRU: a fully associative level hits exactly when the stack
 * distance is below its size (Mattson et al. 1970), and more ways hold all that fewer held.
 */
#include <string.h>

#include "engine/tier/cpu_cache.h"
#include "tests/support/support.h"

enum { REGIONS = 4, PROGRAMS = 60, STEPS = 4000, SETS_MAX = 64, WAYS_MAX = 16, LINES = 700 };

typedef struct model_level {
    uint64_t sets[SETS_MAX][WAYS_MAX]; /* 1 + line, oldest first */
    uint32_t held[SETS_MAX];
    uint32_t set_count;
    uint32_t ways;
    bool hashed;
} model_level;

typedef struct model {
    model_level levels[CG_CPU_LEVELS_MAX];
    cg_cpu_counts counts[REGIONS];
    uint64_t bases[REGIONS];
    cg_cpu_options options;
} model;

static uint32_t model_set(const model_level *of, uint64_t line) {
    if (!of->hashed) {
        return (uint32_t)(line % of->set_count);
    }
    uint64_t set = 0;
    for (uint64_t rest = line; rest > 0 && of->set_count > 1; rest /= of->set_count) {
        set ^= rest % of->set_count;
    }
    return (uint32_t)set;
}

static bool model_touch_level(model_level *of, uint64_t line) {
    uint32_t set = model_set(of, line);
    uint64_t *lines = of->sets[set];
    for (uint32_t i = 0; i < of->held[set]; i++) {
        if (lines[i] == line) {
            memmove(&lines[i], &lines[i + 1], (of->held[set] - i - 1) * sizeof *lines);
            lines[of->held[set] - 1] = line;
            return true;
        }
    }
    if (of->held[set] == of->ways) {
        memmove(&lines[0], &lines[1], (of->ways - 1) * sizeof *lines);
        of->held[set]--;
    }
    lines[of->held[set]++] = line;
    return false;
}

static uint32_t model_touch(model *naive, uint32_t region, uint64_t offset, uint64_t size) {
    uint32_t slowest = 0;
    uint64_t line_bytes = naive->options.line_bytes;
    uint64_t start = naive->bases[region] + offset;
    for (uint64_t line = start / line_bytes; size > 0 && line * line_bytes < start + size;
         line++) {
        uint32_t served = 0;
        while (served < naive->options.level_count &&
               !model_touch_level(&naive->levels[served], line)) {
            served++;
        }
        naive->counts[region].accesses++;
        if (served == naive->options.level_count) {
            naive->counts[region].misses++;
        } else {
            naive->counts[region].hits[served]++;
        }
        slowest = served > slowest ? served : slowest;
    }
    return slowest;
}

static cg_cpu_options draw_options(cg_stream *stream) {
    cg_cpu_options options = {.line_bytes = 16U << cg_stream_next_below(stream, 4)};
    options.level_count = 1 + (uint32_t)cg_stream_next_below(stream, CG_CPU_LEVELS_MAX);
    uint64_t least_bytes = 1;
    for (uint32_t i = 0; i < options.level_count; i++) {
        cg_cpu_level_options *of = &options.levels[i];
        do {
            of->ways = 1 + (uint32_t)cg_stream_next_below(stream, WAYS_MAX);
            uint64_t sets = UINT64_C(1) << cg_stream_next_below(stream, 7);
            of->size_bytes = sets * of->ways * options.line_bytes;
        } while (of->size_bytes < least_bytes);

        least_bytes = of->size_bytes;
        if (least_bytes == (uint64_t)SETS_MAX * WAYS_MAX * options.line_bytes) {
            options.level_count = i + 1;
        }
        of->hashed = cg_stream_next_below(stream, 2) == 1;
    }
    return options;
}

static cg_cpu_cache *make(const cg_cpu_options *options) {
    cg_error error = {0};
    cg_cpu_cache *cache = NULL;
    assert_ok(cg_cpu_cache_alloc(options, cg_allocator_heap(), &cache, &error), error);
    return cache;
}

static uint64_t add(cg_cpu_cache *cache, char name, uint64_t span_bytes) {
    cg_error error = {0};
    uint32_t region = 0;
    assert_ok(
        cg_cpu_cache_add_region(cache, (const char[]){name, '\0'}, span_bytes, &region, &error),
        error);
    return region;
}

/* Goal: equal to the naive model in every answer and count. */
static void test_programs_against_lists(void **state) {
    (void)state;
    uint64_t seed = support_seed(61);
    static model naive;
    for (uint64_t program = 0; program < PROGRAMS; program++) {
        cg_stream stream = cg_stream_init(seed, "test.cpu_cache", program);
        memset(&naive, 0, sizeof naive);
        naive.options = draw_options(&stream);
        for (uint32_t i = 0; i < naive.options.level_count; i++) {
            const cg_cpu_level_options *of = &naive.options.levels[i];
            naive.levels[i].ways = of->ways;
            naive.levels[i].hashed = of->hashed;
            naive.levels[i].set_count =
                (uint32_t)(of->size_bytes / of->ways / naive.options.line_bytes);
        }
        cg_cpu_cache *cache = make(&naive.options);
        cg_cpu_cache *twin = make(&naive.options);
        uint64_t spans[REGIONS];
        uint64_t base = 0;
        for (uint32_t i = 0; i < REGIONS; i++) {
            spans[i] = 1 + cg_stream_next_below(&stream, 20000);
            assert_int_equal(add(cache, (char)('a' + i), spans[i]), i);
            assert_int_equal(add(twin, (char)('a' + i), spans[i]), i);
            naive.bases[i] = base;
            base += (spans[i] + 4095) / 4096 * 4096;
        }
        for (int step = 0; step < STEPS; step++) {
            uint32_t region = (uint32_t)cg_stream_next_below(&stream, REGIONS);
            double unit = cg_stream_next_unit(&stream); /* low offsets more often */
            uint64_t offset = (uint64_t)((double)spans[region] * unit * unit * unit);
            uint64_t left = spans[region] - offset;
            uint64_t size = cg_stream_next_below(&stream, left < 200 ? left + 1 : 200);
            uint32_t expected = model_touch(&naive, region, offset, size);
            assert_int_equal(cg_cpu_cache_touch(cache, region, offset, size), expected);
            assert_int_equal(cg_cpu_cache_touch(twin, region, offset, size), expected);
        }
        for (uint32_t i = 0; i < REGIONS; i++) {
            cg_cpu_counts counts = cg_cpu_cache_counts(cache, i);
            assert_memory_equal(&counts, &naive.counts[i], sizeof counts);
        }
        assert_int_equal(cg_cpu_cache_hash(cache), cg_cpu_cache_hash(twin));
        (void)cg_cpu_cache_touch(twin, 0, 0, 1);
        assert_int_not_equal(cg_cpu_cache_hash(cache), cg_cpu_cache_hash(twin));
        cg_cpu_cache_free(cache);
        cg_cpu_cache_free(twin);
    }
}

/* A trace of lines with skew and with loops. */
static void draw_trace(cg_stream *stream, uint32_t *trace, uint32_t length) {
    uint32_t at = 0;
    while (at < length) {
        if (cg_stream_next_below(stream, 4) == 0) {
            uint32_t from = (uint32_t)cg_stream_next_below(stream, LINES / 2);
            uint32_t loop = 1 + (uint32_t)cg_stream_next_below(stream, LINES / 2 - 1);
            for (uint32_t i = 0; i < loop && at < length; i++) {
                trace[at++] = from + i;
            }
        } else {
            double unit = cg_stream_next_unit(stream);
            trace[at++] = (uint32_t)(LINES * unit * unit * unit);
        }
    }
}

/* Goal: for every size at once: hit if and only if fewer than `ways` different other lines came
 * since this line came last. */
static void test_stack_distance(void **state) {
    (void)state;
    enum { LENGTH = 20000, SIZES = 6 };
    static const uint32_t ways[SIZES] = {1, 2, 7, 64, 333, 1024};
    static uint32_t trace[LENGTH];
    cg_stream stream = cg_stream_init(support_seed(62), "test.cpu_cache.stack", 0);
    draw_trace(&stream, trace, LENGTH);
    cg_cpu_cache *caches[SIZES];
    for (int i = 0; i < SIZES; i++) {
        cg_cpu_options options = {.levels = {{(uint64_t)ways[i] * 64, ways[i], i % 2 == 1}},
                                  .level_count = 1,
                                  .line_bytes = 64};
        caches[i] = make(&options);
        (void)add(caches[i], 'a', UINT64_C(64) * LINES);
    }
    uint32_t stack[LINES] = {0}; /* 1 + line, newest first */
    uint32_t held = 0;
    uint64_t hits[SIZES] = {0};
    for (uint32_t step = 0; step < LENGTH; step++) {
        uint32_t distance = 0;
        while (distance < held && stack[distance] != trace[step]) {
            distance++;
        }
        bool is_new = distance == held;
        held += is_new;
        memmove(&stack[1], &stack[0], distance * sizeof *stack);
        stack[0] = trace[step];
        for (int i = 0; i < SIZES; i++) {
            bool is_hit = cg_cpu_cache_touch(caches[i], 0, (uint64_t)trace[step] * 64, 64) == 0;
            assert_int_equal(is_hit, !is_new && distance < ways[i]);
            hits[i] += is_hit;
        }
    }
    for (int i = 0; i < SIZES; i++) {
        assert_true(i == 0 || hits[i] > hits[i - 1]);
        cg_cpu_cache_free(caches[i]);
    }
}

/* Goal: with equal sets, n + 1 ways hit wherever n ways hit: no anomaly of Belady's. */
static void test_inclusion_over_ways(void **state) {
    (void)state;
    enum { LENGTH = 30000, MOST = 16, SETS = 16 };
    static uint32_t trace[LENGTH];
    for (int hashed = 0; hashed < 2; hashed++) {
        cg_stream stream =
            cg_stream_init(support_seed(63), "test.cpu_cache.ways", (uint64_t)hashed);
        draw_trace(&stream, trace, LENGTH);
        cg_cpu_cache *caches[MOST];
        for (uint32_t i = 0; i < MOST; i++) {
            cg_cpu_options options = {
                .levels = {{UINT64_C(64) * SETS * (i + 1), i + 1, hashed == 1}},
                .level_count = 1,
                .line_bytes = 64};
            caches[i] = make(&options);
            (void)add(caches[i], 'a', UINT64_C(64) * LINES);
        }
        uint64_t gains = 0;
        for (uint32_t step = 0; step < LENGTH; step++) {
            bool fewer_hit = false;
            for (uint32_t i = 0; i < MOST; i++) {
                bool is_hit =
                    cg_cpu_cache_touch(caches[i], 0, (uint64_t)trace[step] * 64, 1) == 0;
                assert_true(is_hit || !fewer_hit);
                gains += is_hit && !fewer_hit && i > 0;
                fewer_hit = is_hit;
            }
        }
        assert_true(gains > LENGTH / 20);
        for (uint32_t i = 0; i < MOST; i++) {
            cg_cpu_cache_free(caches[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs_against_lists),
        cmocka_unit_test(test_stack_distance),
        cmocka_unit_test(test_inclusion_over_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
