/* Goal: the modelled CPU caches hold, evict and count as worked out by hand, regions have addresses
 * of their own, and bad input is refused with a sentence.
 */
#include <string.h>

#include "engine/tier/cpu_cache.h"
#include "tests/support/support.h"

static cg_cpu_cache *make(cg_cpu_options options) {
    cg_error error = {0};
    cg_cpu_cache *cache = NULL;
    assert_ok(cg_cpu_cache_alloc(&options, cg_allocator_heap(), &cache, &error), error);
    return cache;
}

static uint32_t add(cg_cpu_cache *cache, const char *name, uint64_t span_bytes) {
    cg_error error = {0};
    uint32_t region = 99;
    assert_ok(cg_cpu_cache_add_region(cache, name, span_bytes, &region, &error), error);
    return region;
}

static cg_cpu_options one_level(uint64_t size_bytes, uint32_t ways, bool hashed) {
    return (cg_cpu_options){
        .levels = {{size_bytes, ways, hashed}}, .level_count = 1, .line_bytes = 64};
}

/* Touches lines by number; returns which were hits, the first in the highest of `count` bits. */
static uint32_t touch_lines(cg_cpu_cache *cache, const uint32_t *lines, uint32_t count) {
    uint32_t hits = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t served = cg_cpu_cache_touch(cache, 0, (uint64_t)lines[i] * 64 + 8, 8);
        hits = hits << 1 | (served == 0);
    }
    return hits;
}

/* Goal: the sequence of cpu_cache.c. */
static void test_by_hand(void **state) {
    (void)state;
    cg_cpu_cache *cache = make(one_level(256, 4, false));
    assert_int_equal(add(cache, "rows", 1 << 20), 0);
    const uint32_t lines[] = {0, 1, 2, 3, 0, 4, 1};
    assert_int_equal(touch_lines(cache, lines, 7), 4); /* 0000100 */
    cg_cpu_counts counts = cg_cpu_cache_counts(cache, 0);
    assert_int_equal(counts.accesses, 7);
    assert_int_equal(counts.hits[0], 1);
    assert_int_equal(counts.misses, 6);
    cg_cpu_cache_free(cache);
}

/* Goal: with two sets of two ways, lines of one parity compete and the others stay. */
static void test_sets(void **state) {
    (void)state;
    cg_cpu_cache *cache = make(one_level(256, 2, false));
    (void)add(cache, "rows", 1 << 20);
    const uint32_t lines[] = {0, 1, 2, 4, 1, 0, 4, 3, 5, 1};
    /* Even set: 0; 2 0; 4 2; 0 4; 4 again hits. Odd set: 1; 1 hits; 3 1; 5 3; 1 misses. */
    assert_int_equal(touch_lines(cache, lines, 10), (1 << 5) | (1 << 3));
    cg_cpu_cache_free(cache);
}

/* Goal: a hashed level of four sets takes line 5 = 0b101 to set 0b01 ^ 0b01 = 0, beside 0, which a
 * plain one takes to set 1; and lines that differ by a power of two of lines spread. */
static void test_hashed_sets(void **state) {
    (void)state;
    const uint32_t lines[] = {0, 5, 0};
    for (int hashed = 0; hashed < 2; hashed++) {
        cg_cpu_cache *cache = make(one_level(256, 1, hashed == 1));
        (void)add(cache, "rows", 1 << 20);
        assert_int_equal(touch_lines(cache, lines, 3), hashed == 1 ? 0 : 1);
        const uint32_t strided[] = {4, 8, 16, 32, 4, 8, 16, 32};
        uint32_t hits = touch_lines(cache, strided, 8);
        assert_int_equal(hits, 0); /* 4: 1, 8: 2, 16: 1 with the fold of 0b10000 */
        cg_cpu_cache_free(cache);
    }
    /* 64 sets: 0, 64, 128, ... 64 * 63 all in set 0 when plain, each in a set of its own when
     * hashed. */
    for (int hashed = 0; hashed < 2; hashed++) {
        cg_cpu_cache *cache = make(one_level(4096, 1, hashed == 1));
        (void)add(cache, "rows", 1 << 20);
        for (uint32_t turn = 0; turn < 2; turn++) {
            for (uint32_t i = 0; i < 64; i++) {
                (void)touch_lines(cache, &(uint32_t){64 * i}, 1);
            }
        }
        assert_int_equal(cg_cpu_cache_totals(cache).hits[0], hashed == 1 ? 64 : 0);
        cg_cpu_cache_free(cache);
    }
}

/* Goal: levels are asked from fast to slow, a hit in a fast one is not seen by a slow one, and what
 * a slow one evicts stays in a fast one. */
static void test_levels(void **state) {
    (void)state;
    cg_cpu_options options = {
        .levels = {{128, 2, false}, {256, 4, false}}, .level_count = 2, .line_bytes = 64};
    cg_cpu_cache *cache = make(options);
    (void)add(cache, "rows", 1 << 20);
    assert_int_equal(cg_cpu_cache_level_count(cache), 2);
    assert_int_equal(cg_cpu_cache_touch(cache, 0, 0, 1), 2);
    assert_int_equal(cg_cpu_cache_touch(cache, 0, 0, 1), 0);
    assert_int_equal(cg_cpu_cache_touch(cache, 0, 64, 1), 2);
    assert_int_equal(cg_cpu_cache_touch(cache, 0, 128, 1), 2); /* first level: 2 1 */
    assert_int_equal(cg_cpu_cache_touch(cache, 0, 0, 1), 1);   /* first level: 0 2 */
    /* Line 0 kept fresh in the first level; lines 3, 4, 5, 6 fill the second one. */
    for (uint64_t line = 3; line < 7; line++) {
        assert_int_equal(cg_cpu_cache_touch(cache, 0, line * 64, 1), 2);
        assert_int_equal(cg_cpu_cache_touch(cache, 0, 0, 1), 0);
    }
    assert_int_equal(cg_cpu_cache_touch(cache, 0, UINT64_C(5) * 64, 1), 1);
    assert_int_equal(cg_cpu_cache_touch(cache, 0, UINT64_C(6) * 64, 1), 1);
    assert_int_equal(cg_cpu_cache_touch(cache, 0, 0, 1), 2); /* gone from both by now */
    cg_cpu_counts counts = cg_cpu_cache_counts(cache, 0);
    assert_int_equal(counts.hits[0], 5);
    assert_int_equal(counts.hits[1], 3);
    assert_int_equal(counts.hits[2], 0);
    assert_int_equal(counts.misses, 8);
    assert_int_equal(counts.accesses, 16);
    cg_cpu_cache_free(cache);
}

/* Goal: a touch of several bytes touches each of their lines once, and says the slowest level. */
static void test_ranges(void **state) {
    (void)state;
    cg_cpu_cache *cache = make(one_level(1024, 16, false));
    (void)add(cache, "rows", 1000);
    assert_int_equal(cg_cpu_cache_touch(cache, 0, 1000, 0), 0);
    assert_int_equal(cg_cpu_cache_totals(cache).accesses, 0);
    assert_int_equal(cg_cpu_cache_touch(cache, 0, 63, 2), 1);
    assert_int_equal(cg_cpu_cache_totals(cache).accesses, 2);
    assert_int_equal(cg_cpu_cache_touch(cache, 0, 64, 64), 0);
    assert_int_equal(cg_cpu_cache_totals(cache).accesses, 3);
    assert_int_equal(cg_cpu_cache_touch(cache, 0, 0, 129), 1);
    assert_int_equal(cg_cpu_cache_totals(cache).accesses, 6);
    assert_int_equal(cg_cpu_cache_touch(cache, 0, 0, 1000), 1);
    assert_int_equal(cg_cpu_cache_totals(cache).accesses, 22);
    assert_int_equal(cg_cpu_cache_totals(cache).misses, 16);
    cg_cpu_cache_free(cache);
}

/* Goal: equal offsets of two regions are two lines, neighbours are a page apart, and each region
 * has its own counts. */
static void test_regions(void **state) {
    (void)state;
    cg_cpu_cache *cache = make(one_level(8192, 128, false));
    assert_int_equal(add(cache, "hot", 65), 0);
    assert_int_equal(add(cache, "cold", 1), 1);
    assert_int_equal(cg_cpu_cache_region_count(cache), 2);
    assert_string_equal(cg_cpu_cache_region_name(cache, 1), "cold");
    assert_int_equal(cg_cpu_cache_touch(cache, 0, 64, 1), 1);
    assert_int_equal(cg_cpu_cache_touch(cache, 1, 0, 1), 1);
    assert_int_equal(cg_cpu_cache_touch(cache, 1, 0, 1), 0);
    assert_int_equal(cg_cpu_cache_counts(cache, 0).accesses, 1);
    assert_int_equal(cg_cpu_cache_counts(cache, 1).accesses, 2);
    assert_int_equal(cg_cpu_cache_counts(cache, 1).hits[0], 1);
    assert_int_equal(cg_cpu_cache_totals(cache).accesses, 3);
    uint64_t hash = cg_cpu_cache_hash(cache);
    cg_cpu_cache_reset_counts(cache);
    assert_int_not_equal(cg_cpu_cache_hash(cache), hash);
    assert_int_equal(cg_cpu_cache_totals(cache).accesses, 0);
    assert_int_equal(cg_cpu_cache_totals(cache).misses, 0);
    assert_int_equal(cg_cpu_cache_touch(cache, 0, 64, 1), 0); /* what is held stays */
    cg_cpu_cache_free(cache);
    /* With one set a page: offset 0 of the second region meets offset 0 of the first, which spans
     * a page and a byte, in the third page. */
    cache = make(one_level(4096, 1, false));
    (void)add(cache, "a", 4097);
    (void)add(cache, "b", 1);
    (void)cg_cpu_cache_touch(cache, 0, 0, 1);
    assert_int_equal(cg_cpu_cache_touch(cache, 0, 4096, 1), 1);
    assert_int_equal(cg_cpu_cache_touch(cache, 1, 0, 1), 1);
    assert_int_equal(cg_cpu_cache_touch(cache, 0, 4096, 1), 1);
    cg_cpu_cache_free(cache);
}

static void refuses(cg_cpu_options options, const char *says) {
    cg_error error = {0};
    cg_cpu_cache *cache = NULL;
    assert_status(cg_cpu_cache_alloc(&options, cg_allocator_heap(), &cache, &error),
                  CG_ERROR_INVALID, error, says);
    assert_null(cache);
}

static void test_options(void **state) {
    (void)state;
    cg_cpu_options good = cg_cpu_options_default();
    assert_int_equal(good.level_count, 3);
    cg_cpu_cache *cache = make(good);
    assert_int_equal(cg_cpu_cache_level_count(cache), 3);
    uint64_t lines = ((32 << 10) + (1 << 20) + (32 << 20)) / 64;
    uint64_t tags_bytes = 4 * lines;
    assert_true(cg_cpu_cache_bytes(cache) >= tags_bytes);
    assert_true(cg_cpu_cache_bytes(cache) < tags_bytes + 4096);
    cg_cpu_cache_free(cache);

    cg_cpu_options bad = good;
    bad.level_count = 0;
    refuses(bad, "0 levels of CPU caches; it must be 1..3");
    bad.level_count = 4;
    refuses(bad, "4 levels of CPU caches; it must be 1..3");
    const uint32_t sizes[] = {0, 8, 48, 65, 8192};
    for (int i = 0; i < 5; i++) {
        bad = good;
        bad.line_bytes = sizes[i];
        refuses(bad, "must be a power of two, 16..4096");
    }
    bad = good;
    bad.levels[1].ways = 0;
    refuses(bad, "CPU cache level 2 has 0 ways; it must be 1..1024");
    bad.levels[1].ways = 1025;
    refuses(bad, "level 2 has 1025 ways");
    bad = good;
    bad.levels[0].size_bytes = 0;
    refuses(bad, "level 1 has 0 bytes");
    bad.levels[0].size_bytes = UINT64_MAX;
    refuses(bad, "level 1 has 18446744073709551615 bytes; it must be 1..17179869184");
    bad.levels[0].size_bytes = 48 << 10;
    refuses(bad, "49152 bytes in sets of 8 lines of 64 bytes; the number of sets must be");
    bad.levels[0].size_bytes = (32 << 10) + 1;
    refuses(bad, "the number of sets must be a power of two");
    bad.levels[0].size_bytes = 2 << 20;
    refuses(bad, "level 2 has 1048576 bytes, less than level 1 with 2097152");
    /* Twelve ways, as some first levels have, are fine. */
    cg_cpu_options twelve = good;
    twelve.levels[0] = (cg_cpu_level_options){.size_bytes = 48 << 10, .ways = 12};
    cg_cpu_cache_free(make(twelve));
}

static void test_region_input(void **state) {
    (void)state;
    cg_cpu_cache *cache = make(cg_cpu_options_default());
    cg_error error = {0};
    uint32_t region = 99;
    uint64_t hash = cg_cpu_cache_hash(cache);
    assert_status(cg_cpu_cache_add_region(cache, "", 1, &region, &error), CG_ERROR_INVALID,
                  error, "has 0 bytes; it must be 1..31");
    assert_status(
        cg_cpu_cache_add_region(cache, "12345678901234567890123456789012", 1, &region, &error),
        CG_ERROR_INVALID, error, "has 32 bytes");
    assert_status(cg_cpu_cache_add_region(cache, "none", 0, &region, &error), CG_ERROR_INVALID,
                  error, "\"none\" spans 0 bytes");
    /* 64 sets of 2^32 - 2 lines of 64 bytes. */
    uint64_t most = UINT64_C(64) * 64 * (UINT32_MAX - UINT64_C(1));
    assert_status(cg_cpu_cache_add_region(cache, "huge", most + 1, &region, &error),
                  CG_ERROR_INVALID, error, "it must be 1..17592186036224");
    assert_int_equal(region, 99);
    assert_int_equal(cg_cpu_cache_hash(cache), hash);
    uint32_t first = add(cache, "1234567890123456789012345678901", most - 4096);
    assert_status(
        cg_cpu_cache_add_region(cache, "1234567890123456789012345678901", 1, &region, &error),
        CG_ERROR_EXISTS, error, "already");
    /* The last line of all still has a tag of its own: it evicts no other by its name. */
    uint32_t second = add(cache, "last page", 4096);
    assert_int_equal(cg_cpu_cache_touch(cache, second, 4095, 1), 3);
    assert_int_equal(cg_cpu_cache_touch(cache, second, 4095, 1), 0);
    assert_int_equal(cg_cpu_cache_touch(cache, first, 4095, 1), 3);
    assert_status(cg_cpu_cache_add_region(cache, "more", 1, &region, &error), CG_ERROR_INVALID,
                  error, "it must be 1..0");
    cg_cpu_cache_free(cache);

    cache = make(cg_cpu_options_default());
    for (uint32_t i = 0; i < CG_CPU_REGIONS_MAX; i++) {
        assert_int_equal(add(cache, (const char[]){(char)('a' + i), '\0'}, 100), i);
    }
    assert_status(cg_cpu_cache_add_region(cache, "q", 1, &region, &error), CG_ERROR_FULL, error,
                  "\"q\" is one more than 16");
    cg_cpu_cache_free(cache);
    cg_cpu_cache_free(NULL);
}

static void test_memory(void **state) {
    (void)state;
    cg_cpu_options options = cg_cpu_options_default();
    for (uint64_t n = 1;; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        cg_error error = {0};
        cg_cpu_cache *cache = NULL;
        cg_status status =
            cg_cpu_cache_alloc(&options, cg_counting_allocator_view(&counting), &cache, &error);
        if (status == CG_OK) {
            assert_int_equal(n, 5); /* itself and the tags of three levels */
            cg_cpu_cache_free(cache);
            assert_int_equal(counting.live_bytes, 0);
            break;
        }
        assert_status(status, CG_ERROR_MEMORY, error, "no memory for");
        assert_null(cache);
        assert_int_equal(counting.live_bytes, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),     cmocka_unit_test(test_sets),
        cmocka_unit_test(test_hashed_sets), cmocka_unit_test(test_levels),
        cmocka_unit_test(test_ranges),      cmocka_unit_test(test_regions),
        cmocka_unit_test(test_options),     cmocka_unit_test(test_region_input),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
