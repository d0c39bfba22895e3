/* Goal: every policy evicts what its paper says on sequences worked out by hand, a cache keeps
 * to its memory budget, and bad input comes back as a status and changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/tier/cache_internal.h"
#include "engine/tier/sketch.h"
#include "tests/support/support.h"

typedef struct told {
    char keys[64]; /* evicted keys, which the tests name by letters */
    uint32_t count;
    uint64_t bytes;
} told;

static void note(void *context, uint64_t key, uint32_t bytes) {
    told *t = context;
    assert_true(t->count + 1 < sizeof t->keys);
    t->keys[t->count++] = (char)key;
    t->keys[t->count] = '\0';
    t->bytes += bytes;
}

static cg_cache *make(cg_cache_policy policy, cg_cache_bound bound, uint64_t capacity,
                      told *t) {
    cg_cache_options options = {
        .policy = policy, .bound = bound, .capacity = capacity, .evicted = note, .context = t};
    cg_error error = {0};
    cg_cache *cache = NULL;
    assert_ok(cg_cache_alloc(&options, cg_allocator_heap(), &cache, &error), error);
    return cache;
}

static bool read_key(cg_cache *cache, uint64_t key, uint32_t bytes) {
    cg_error error = {0};
    if (cg_cache_touch(cache, key)) {
        return true;
    }
    assert_ok(cg_cache_reserve(cache, &error), error);
    (void)cg_cache_put(cache, key, bytes);
    return false;
}

/* Reads the letters one by one; `hits` has a 1 for each that must be a hit. */
static void reads(cg_cache *cache, const char *keys, const char *hits) {
    for (size_t i = 0; keys[i]; i++) {
        assert_int_equal(read_key(cache, (uint64_t)keys[i], 1), hits[i] == '1');
    }
}

static void holds(const cg_cache *cache, const char *keys) {
    assert_int_equal(cg_cache_statistics_of(cache).entries, strlen(keys));
    for (; *keys; keys++) {
        assert_true(cg_cache_holds(cache, (uint64_t)*keys));
    }
}

/* --- known values ------------------------------------------------------------------------- */

static void test_lru(void **state) {
    (void)state;
    told t = {0};
    cg_cache *cache = make(CG_CACHE_LRU, CG_CACHE_ENTRIES, 2, &t);
    reads(cache, "abacab", "001010");
    assert_string_equal(t.keys, "bc");
    holds(cache, "ab");
    assert_true(cg_cache_holds(cache, 'a')); /* no touch: a stays the older */
    reads(cache, "d", "0");
    assert_string_equal(t.keys, "bca");
    cg_cache_free(cache);
}

static void test_lfu(void **state) {
    (void)state;
    told t = {0};
    cg_cache *cache = make(CG_CACHE_LFU, CG_CACHE_ENTRIES, 2, &t);
    reads(cache, "aabbb", "01011");
    holds(cache, "ab");
    reads(cache, "c", "0"); /* read once, a twice: turned away, but remembered */
    holds(cache, "ab");
    assert_int_equal(cg_cache_statistics_of(cache).refused, 1);
    reads(cache, "c", "0"); /* twice as a: a goes, for it was used longer ago */
    assert_string_equal(t.keys, "a");
    reads(cache, "a", "0"); /* comes back with its third read, and c goes */
    assert_string_equal(t.keys, "ac");
    holds(cache, "ab");
    assert_true(cg_cache_remove(cache, 'a')); /* and with it what was counted */
    assert_false(cg_cache_remove(cache, 'a'));
    reads(cache, "ccc", "011");
    reads(cache, "a", "0");
    holds(cache, "bc");
    cg_cache_free(cache);
}

static void test_arc(void **state) {
    (void)state;
    told t = {0};
    cg_cache *cache = make(CG_CACHE_ARC, CG_CACHE_ENTRIES, 2, &t);
    reads(cache, "abacd", "00100");
    assert_string_equal(t.keys, "bc"); /* T1 = d, T2 = a, B1 = c: b is forgotten */
    reads(cache, "c", "0");            /* B1 remembers c: p = 1, T1 is not above it: a goes */
    assert_string_equal(t.keys, "bca");
    holds(cache, "cd");
    reads(cache, "a", "0"); /* B2 remembers a: p = 0, d goes */
    assert_string_equal(t.keys, "bcad");
    holds(cache, "ac");
    cg_cache_free(cache);
}

static void test_s3fifo(void **state) {
    (void)state;
    told t = {0};
    cg_cache *cache = make(CG_CACHE_S3FIFO, CG_CACHE_ENTRIES, 4, &t); /* 1 small, 3 main */
    reads(cache, "aaab", "0110"); /* a has two reads to its credit */
    reads(cache, "cde", "000");   /* a goes over to main, b goes and is remembered */
    assert_string_equal(t.keys, "b");
    holds(cache, "acde");
    reads(cache, "b", "0"); /* c goes; b comes back into main */
    reads(cache, "fg", "00");
    assert_string_equal(t.keys, "bcde");
    holds(cache, "abfg");
    cg_cache_free(cache);
}

static void test_tinylfu(void **state) {
    (void)state;
    told t = {0};
    cg_cache *cache = make(CG_CACHE_TINYLFU, CG_CACHE_ENTRIES, 3, &t); /* 1 window, 2 main */
    reads(cache, "aabbc", "01010"); /* c in the window, a and b in main, read twice */
    reads(cache, "d", "0");         /* c is rarer than a: c goes */
    assert_string_equal(t.keys, "c");
    reads(cache, "cc", "01"); /* d goes; c has now three reads, */
    reads(cache, "e", "0");   /* so that a goes for it */
    assert_string_equal(t.keys, "cda");
    holds(cache, "bce");
    cg_cache_free(cache);
}

static void test_belady(void **state) {
    (void)state;
    cg_error error = {0};
    const uint64_t keys[] = {'a', 'b', 'c', 'b', 'a', 'c'};
    cg_cache_future *future = NULL;
    assert_ok(cg_cache_future_alloc(keys, 6, cg_allocator_heap(), &future, &error), error);
    told t = {0};
    cg_cache_options options = {.policy = CG_CACHE_BELADY,
                                .capacity = 2,
                                .evicted = note,
                                .context = &t,
                                .future = future};
    cg_cache *cache = NULL;
    assert_ok(cg_cache_alloc(&options, cg_allocator_heap(), &cache, &error), error);
    reads(cache, "abcba", "00011"); /* c is read last of all: not taken in */
    assert_string_equal(t.keys, "");
    assert_int_equal(cg_cache_statistics_of(cache).refused, 1);
    reads(cache, "c", "0");
    holds(cache, "ab"); /* c never comes again */
    cg_cache_free(cache);

    /* Of a key that was not touched last it knows nothing, so z goes even for c. */
    options.capacity = 1;
    assert_ok(cg_cache_alloc(&options, cg_allocator_heap(), &cache, &error), error);
    assert_false(cg_cache_touch(cache, 'a'));
    assert_true(cg_cache_put(cache, 'z', 1));
    assert_false(cg_cache_touch(cache, 'b'));
    assert_false(cg_cache_touch(cache, 'c'));
    assert_true(cg_cache_put(cache, 'c', 1));
    holds(cache, "c");
    cg_cache_free(cache);
    cg_cache_future_free(future);
    cg_cache_future_free(NULL);
}

static void test_bytes(void **state) {
    (void)state;
    told t = {0};
    for (int policy = 0; policy < CG_CACHE_BELADY; policy++) {
        cg_cache *cache = make((cg_cache_policy)policy, CG_CACHE_BYTES, 1000, &t);
        assert_true(cg_cache_put(cache, 'a', 400));
        assert_false(cg_cache_put(cache, 'b', 1001)); /* larger than the whole */
        assert_int_equal(cg_cache_statistics_of(cache).refused, 1);
        assert_int_equal(cg_cache_statistics_of(cache).size_bytes, 400);
        assert_int_equal(cg_cache_statistics_of(cache).evictions, 0);
        holds(cache, "a");
        cg_cache_free(cache);
    }
    cg_cache *cache = make(CG_CACHE_LRU, CG_CACHE_BYTES, 10, &t);
    for (uint64_t key = 'a'; key <= 'e'; key++) {
        assert_false(read_key(cache, key, 2));
    }
    assert_false(read_key(cache, 'f', 5)); /* three must go for it */
    assert_string_equal(t.keys, "abc");
    assert_int_equal(t.bytes, 6);
    assert_int_equal(cg_cache_statistics_of(cache).size_bytes, 9);
    cg_error error = {0};
    assert_ok(cg_cache_resize(cache, 5, &error), error);
    assert_string_equal(t.keys, "abcde");
    holds(cache, "f");
    cg_cache_free(cache);
    cg_cache_free(NULL);
}

/* --- sketch ------------------------------------------------------------------------------- */

static void test_sketch(void **state) {
    (void)state;
    enum { BLOCKS = 8, KEYS = 100 };
    uint64_t words[BLOCKS * CG_SKETCH_BLOCK_WORDS] = {0};
    for (uint64_t key = 0; key < KEYS; key++) {
        for (uint64_t i = 0; i < key % 20; i++) {
            cg_sketch_add(words, BLOCKS, cg_hash_u64(key, 1));
        }
    }
    uint64_t twice[2 * BLOCKS * CG_SKETCH_BLOCK_WORDS] = {0};
    uint64_t half[BLOCKS / 2 * CG_SKETCH_BLOCK_WORDS] = {0};
    cg_sketch_copy(words, BLOCKS, twice, 2 * BLOCKS);
    cg_sketch_copy(words, BLOCKS, half, BLOCKS / 2);
    uint32_t exact = 0;
    for (uint64_t key = 0; key < KEYS; key++) {
        uint64_t hash = cg_hash_u64(key, 1);
        uint32_t added = key % 20 < CG_SKETCH_MOST ? (uint32_t)(key % 20) : CG_SKETCH_MOST;
        uint32_t estimate = cg_sketch_estimate(words, BLOCKS, hash);
        assert_true(estimate >= added);
        exact += estimate == added;
        assert_int_equal(cg_sketch_estimate(twice, 2 * BLOCKS, hash), estimate);
        assert_true(cg_sketch_estimate(half, BLOCKS / 2, hash) >= estimate);
    }
    assert_true(exact > 90);
    uint32_t before = cg_sketch_estimate(words, BLOCKS, cg_hash_u64(7, 1));
    cg_sketch_halve(words, BLOCKS);
    assert_int_equal(cg_sketch_estimate(words, BLOCKS, cg_hash_u64(7, 1)), before / 2);
}

/* --- memory ------------------------------------------------------------------------------- */

static void test_memory(void **state) {
    (void)state;
    enum { CAPACITY = 100000 };
    for (int policy = 0; policy < CG_CACHE_BELADY; policy++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        cg_cache_options options = {.policy = (cg_cache_policy)policy, .capacity = CAPACITY};
        cg_cache *cache = NULL;
        cg_error error = {0};
        assert_ok(
            cg_cache_alloc(&options, cg_counting_allocator_view(&counting), &cache, &error),
            error);
        assert_true(counting.live_bytes < 2048); /* nothing held yet */
        for (uint64_t key = 0; key < UINT64_C(3) * CAPACITY; key++) {
            (void)read_key(cache, key, 1);
            (void)cg_cache_touch(cache, key / 2);
        }
        assert_int_equal(cg_cache_statistics_of(cache).entries, CAPACITY);
        /* The aligned block is 64 bytes longer than what it serves. */
        assert_int_equal(cg_cache_memory_bytes(cache) + 64, counting.live_bytes);
        double beyond = (double)counting.live_bytes / CAPACITY - 12.0;
        print_message("%s: %.2f bytes a key held, beyond key and size\n",
                      cg_cache_policy_name(options.policy), beyond);
        assert_true(beyond <= (policy == CG_CACHE_ARC ? 72.0 : 40.0));
        uint64_t calls = counting.calls;
        for (uint64_t key = 0; key < CAPACITY; key++) {
            (void)read_key(cache, key * 7, 1);
        }
        assert_int_equal(counting.calls, calls); /* full: nothing is allocated any more */
        assert_ok(cg_cache_resize(cache, 1000, &error), error);
        assert_true(counting.live_bytes < 1000 * (12 + 72) + 2048);
        cg_cache_free(cache);
        assert_int_equal(counting.live_bytes, 0);
    }
}

/* --- lines -------------------------------------------------------------------------------- */

static uint64_t keys_that_passed(const cg_cache *cache) {
    uint64_t passed = 0;
    for (uint32_t line = 0; line < cache->line_count; line++) {
        passed += cache->lines[line].marks / CG_CACHE_PASSED;
    }
    return passed;
}

/* Goal: most keys lie at home, the others are found too, and those that go leave no trace; memory
 * is that of the keys held, not of the capacity. */
static void test_lines(void **state) {
    (void)state;
    const uint64_t count = 20000;
    cg_error error = {0};
    cg_cache_options options = {.policy = CG_CACHE_LRU, .capacity = 8 * count};
    cg_cache *cache = NULL;
    assert_ok(cg_cache_alloc(&options, cg_allocator_heap(), &cache, &error), error);
    for (uint64_t key = 0; key < count; key++) {
        (void)read_key(cache, key, 1);
    }
    assert_true(cg_cache_memory_bytes(cache) < 80 * count); /* it grows with what is held */
    assert_in_range(keys_that_passed(cache), count / 200, count / 2);
    for (uint64_t key = 0; key < count; key++) {
        assert_true(cg_cache_hit(cache, key));
        assert_false(cg_cache_hit(cache, count + key));
    }
    for (uint64_t key = 0; key < count; key++) {
        assert_true(cg_cache_remove(cache, key));
    }
    assert_int_equal(keys_that_passed(cache), 0);
    cg_cache_free(cache);
}

/* --- bad input ---------------------------------------------------------------------------- */

static void refuses(cg_cache_options options, const char *says) {
    cg_error error = {0};
    cg_cache *cache = NULL;
    assert_status(cg_cache_alloc(&options, cg_allocator_heap(), &cache, &error),
                  CG_ERROR_INVALID, error, says);
    assert_null(cache);
    assert_int_equal(cg_cache_alloc(&options, cg_allocator_heap(), &cache, NULL),
                     CG_ERROR_INVALID);
}

static void test_bad_options(void **state) {
    (void)state;
    cg_error error = {0};
    const uint64_t keys[] = {1};
    cg_cache_future *future = NULL;
    assert_ok(cg_cache_future_alloc(keys, 1, cg_allocator_heap(), &future, &error), error);
    refuses((cg_cache_options){.policy = CG_CACHE_LRU}, "a capacity of 0 keys; it must be 1..");
    refuses((cg_cache_options){.capacity = (uint64_t)INT32_MAX + 1},
            "a capacity of 2147483648 keys; it must be 1..2147483647");
    refuses((cg_cache_options){.bound = CG_CACHE_BYTES, .capacity = (UINT64_C(1) << 48) + 1},
            "bytes; it must be 1..281474976710656");
    refuses((cg_cache_options){.bound = CG_CACHE_BYTES}, "a capacity of 0 bytes");
    refuses((cg_cache_options){.policy = CG_CACHE_POLICY_COUNT, .capacity = 1},
            "policy number 6; there are 6 policies");
    refuses((cg_cache_options){.bound = (cg_cache_bound)2, .capacity = 1}, "bound number 2");
    refuses((cg_cache_options){.policy = CG_CACHE_BELADY, .capacity = 1}, "no future");
    refuses((cg_cache_options){.policy = CG_CACHE_LRU, .capacity = 1, .future = future},
            "a future");
    refuses((cg_cache_options){.policy = CG_CACHE_BELADY,
                               .bound = CG_CACHE_BYTES,
                               .capacity = 1,
                               .future = future},
            "bound by bytes");
    cg_cache_future_free(future);
    assert_string_equal(cg_cache_policy_name(CG_CACHE_TINYLFU), "tinylfu");
    assert_string_equal(cg_cache_policy_name((cg_cache_policy)99), "unknown");

    told t = {0};
    cg_cache *cache = make(CG_CACHE_ARC, CG_CACHE_ENTRIES, 3, &t);
    reads(cache, "abc", "000");
    uint64_t hash = cg_cache_hash(cache);
    assert_status(cg_cache_resize(cache, 0, &error), CG_ERROR_INVALID, error, "0 keys");
    assert_status(cg_cache_resize(cache, UINT64_MAX, &error), CG_ERROR_INVALID, error, "keys");
    assert_int_equal(cg_cache_hash(cache), hash);
    cg_cache_free(cache);
}

static void test_bad_images(void **state) {
    (void)state;
    told t = {0};
    cg_error error = {0};
    cg_cache *cache = make(CG_CACHE_LRU, CG_CACHE_ENTRIES, 3, &t);
    reads(cache, "abc", "000");
    uint64_t bytes = cg_cache_image_bytes(cache);
    uint8_t *image = aligned_alloc(64, bytes + 64);
    assert_non_null(image);
    cg_cache_save(cache, image);
    cg_cache *other = NULL;
    cg_allocator heap = cg_allocator_heap();
    cg_cache_options options = {.policy = CG_CACHE_LRU, .capacity = 3};
    assert_int_equal(cg_cache_open(image, 8, &options, heap, &other, &error), CG_ERROR_INVALID);
    assert_int_equal(cg_cache_open(image + 8, bytes, &options, heap, &other, &error),
                     CG_ERROR_INVALID);
    assert_status(cg_cache_open(image, bytes + 64, &options, heap, &other, &error),
                  CG_ERROR_INVALID, error, "no image of a cache");
    options.capacity = 4;
    assert_status(cg_cache_open(image, bytes, &options, heap, &other, &error), CG_ERROR_INVALID,
                  error, "policy lru with 3 keys; asked for is lru with 4 keys");
    options = (cg_cache_options){.policy = CG_CACHE_ARC, .capacity = 3};
    assert_status(cg_cache_open(image, bytes, &options, heap, &other, &error), CG_ERROR_INVALID,
                  error, "asked for is arc with 3 keys");
    options =
        (cg_cache_options){.policy = CG_CACHE_LRU, .bound = CG_CACHE_BYTES, .capacity = 3};
    assert_status(cg_cache_open(image, bytes, &options, heap, &other, &error), CG_ERROR_INVALID,
                  error, "3 bytes");
    image[0] ^= 1;
    options = (cg_cache_options){.policy = CG_CACHE_LRU, .capacity = 3};
    assert_int_equal(cg_cache_open(image, bytes, &options, heap, &other, &error),
                     CG_ERROR_INVALID);
    assert_null(other);
    free(image);
    cg_cache_free(cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lru),         cmocka_unit_test(test_lfu),
        cmocka_unit_test(test_arc),         cmocka_unit_test(test_s3fifo),
        cmocka_unit_test(test_tinylfu),     cmocka_unit_test(test_belady),
        cmocka_unit_test(test_bytes),       cmocka_unit_test(test_sketch),
        cmocka_unit_test(test_memory),      cmocka_unit_test(test_lines),
        cmocka_unit_test(test_bad_options), cmocka_unit_test(test_bad_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
