/* Goal: prefetches are counted as stated, whichever way they go; images open as what was saved,
 * and as nothing else.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/tiers.h"

static void assert_prefetches(const cg_tiers *tiers, uint64_t useful, uint64_t useless,
                              uint64_t late, uint64_t pending) {
    cg_tier_statistics statistics = cg_tiers_statistics(tiers);
    assert_int_equal(statistics.prefetch_useful, useful);
    assert_int_equal(statistics.prefetch_useless, useless);
    assert_int_equal(statistics.prefetch_late, late);
    assert_int_equal(statistics.prefetch_pending, pending);
    assert_int_equal(statistics.prefetch_issued, useful + useless + late + pending);
}

/* Goal: each way that a prefetch can go counts as stated. */
static void test_prefetch_counts(void **state) {
    (void)state;
    cg_tiers *tiers = make_tiers(2, 100);
    assert_true(ask(tiers, 1, 0));
    assert_false(ask(tiers, 1, 0)); /* on its way, to whichever level */
    assert_false(ask(tiers, 1, 1));
    assert_false(ask(tiers, 5, 2)); /* the store holds it */
    assert_prefetches(tiers, 0, 0, 0, 1);
    assert_int_equal(cg_tiers_where(tiers, 1, 0), 2);
    arrive(tiers, 1);
    arrive(tiers, 1);  /* twice: nothing */
    arrive(tiers, 50); /* never asked for: nothing */
    assert_int_equal(cg_tiers_where(tiers, 50, 0), 2);
    assert_prefetches(tiers, 0, 0, 0, 1);
    assert_false(ask(tiers, 1, 0));
    assert_int_equal(read_at(tiers, 1, 1), 2); /* doesn't look at level 0 */
    assert_prefetches(tiers, 0, 0, 0, 1);
    assert_int_equal(read_at(tiers, 1, 0), 0);
    assert_int_equal(read_at(tiers, 1, 0), 0);
    assert_prefetches(tiers, 1, 0, 0, 0);

    assert_true(ask(tiers, 2, 0)); /* late */
    assert_int_equal(read_at(tiers, 2, 0), 2);
    assert_int_equal(read_at(tiers, 2, 0), 0);
    assert_prefetches(tiers, 1, 0, 1, 0);
    assert_false(ask(tiers, 2, 0));
    arrive(tiers, 2);
    assert_int_equal(read_at(tiers, 2, 0), 0);
    assert_prefetches(tiers, 1, 0, 1, 0);

    assert_true(ask(tiers, 3, 0)); /* evicted unread: level 0 holds two */
    arrive(tiers, 3);
    (void)read_at(tiers, 20, 0);
    assert_prefetches(tiers, 1, 0, 1, 1);
    (void)read_at(tiers, 21, 0);
    assert_prefetches(tiers, 1, 1, 1, 0);
    assert_int_equal(read_at(tiers, 3, 0), 2);
    assert_prefetches(tiers, 1, 1, 1, 0);

    assert_true(ask(tiers, 4, 1)); /* forgotten on the way, and after arrival */
    cg_tiers_forget(tiers, 4);
    arrive(tiers, 4);
    assert_int_equal(cg_tiers_where(tiers, 4, 0), 2);
    assert_true(ask(tiers, 4, 1));
    arrive(tiers, 4);
    assert_int_equal(cg_tiers_where(tiers, 4, 0), 1);
    cg_tiers_forget(tiers, 4);
    assert_prefetches(tiers, 1, 3, 1, 0);

    assert_true(ask(tiers, 6, 1)); /* evicted from another level than its own: nothing */
    arrive(tiers, 6);
    fill(tiers, 6, 8, 0);
    fill(tiers, 30, 8, 0);
    fill(tiers, 31, 8, 0);
    assert_prefetches(tiers, 1, 3, 1, 1);
    assert_false(ask(tiers, 6, 0)); /* arrived at level 1 and unread */
    assert_int_equal(read_at(tiers, 6, 0), 1);
    assert_prefetches(tiers, 2, 3, 1, 0);
    cg_tiers_free(tiers);
}

/* Goal: a key larger than its level is useless when it arrives; a shrunk level counts what it
 * loses; a key filled meanwhile arrives as any other; a read before arrival that did not promote
 * leaves the arrival its fill. */
static void test_prefetch_corners(void **state) {
    (void)state;
    cg_tier_options options[2] = {lru(7), {.capacity = 0}};
    options[0].bound = CG_CACHE_BYTES;
    cg_tiers *tiers = make(options, 2);
    assert_true(ask(tiers, 1, 0));
    arrive(tiers, 1);
    assert_prefetches(tiers, 0, 1, 0, 0);
    cg_error error = {0};
    assert_ok(cg_tiers_resize(tiers, 0, 16, &error), error);
    for (uint64_t key = 1; key <= 2; key++) {
        assert_true(ask(tiers, key, 0));
        arrive(tiers, key);
    }
    assert_prefetches(tiers, 0, 1, 0, 2);
    assert_ok(cg_tiers_resize(tiers, 0, 15, &error), error);
    assert_prefetches(tiers, 0, 2, 0, 1);
    cg_tiers_free(tiers);

    options[0] = lru(5);
    options[0].promote_after = 2;
    tiers = make(options, 2);
    assert_true(ask(tiers, 1, 0));
    fill(tiers, 1, 8, 0);
    arrive(tiers, 1);
    assert_int_equal(cg_tiers_statistics(tiers).entries[0], 1);
    assert_int_equal(read_at(tiers, 1, 0), 0);
    assert_prefetches(tiers, 1, 0, 0, 0);
    assert_true(ask(tiers, 2, 0));
    assert_int_equal(read_at(tiers, 2, 0), 1);
    assert_int_equal(cg_tiers_where(tiers, 2, 0), 1);
    arrive(tiers, 2);
    assert_int_equal(cg_tiers_where(tiers, 2, 0), 0);
    assert_prefetches(tiers, 1, 0, 1, 0);
    cg_tiers_free(tiers);
}

/* Goal: the hash tells which keys are on their way, how large, whereto, and whether read, but not
 * in which order they were asked for. */
static void test_prefetch_hash(void **state) {
    (void)state;
    enum { CASES = 6 };
    uint64_t hashes[CASES];
    for (int i = 0; i < CASES; i++) {
        cg_tiers *tiers = make_tiers(10, 20);
        cg_error error = {0};
        bool asked = false;
        assert_true(ask(tiers, i == 5 ? 1 : 2, 0));
        assert_ok(cg_tiers_prefetch(tiers,
                                    i == 5   ? 2
                                    : i == 1 ? 3
                                             : 1,
                                    i == 2 ? 9 : 8, i == 3 ? 1 : 0, &asked, &error),
                  error);
        assert_true(asked);
        if (i == 4) {
            arrive(tiers, 1);
        }
        hashes[i] = cg_tiers_hash(tiers);
        cg_tiers_free(tiers);
    }
    for (int i = 1; i < 5; i++) {
        for (int j = 0; j < i; j++) {
            assert_int_not_equal(hashes[i], hashes[j]);
        }
    }
    assert_int_equal(hashes[5], hashes[0]);
}

/* Goal: at most 1024 are on their way, read early or not; each that arrives makes room. */
static void test_prefetch_limit(void **state) {
    (void)state;
    cg_tiers *tiers = make_tiers(5000, 5000);
    for (uint64_t key = 0; key < CG_TIER_ON_THEIR_WAY_MAX; key++) {
        assert_true(ask(tiers, key, 0));
    }
    uint64_t hash = cg_tiers_hash(tiers);
    assert_false(ask(tiers, 4000, 0));
    assert_int_equal(cg_tiers_hash(tiers), hash);
    (void)read_at(tiers, 0, 0);
    assert_false(ask(tiers, 4000, 0)); /* 0 still comes */
    arrive(tiers, 0);
    assert_true(ask(tiers, 4000, 0));
    assert_false(ask(tiers, 4001, 0));
    arrive(tiers, 1);
    assert_true(ask(tiers, 4001, 0));
    cg_tiers_forget(tiers, 2);
    assert_true(ask(tiers, 4002, 0));
    assert_false(ask(tiers, 4003, 0));
    assert_prefetches(tiers, 0, 1, 1, CG_TIER_ON_THEIR_WAY_MAX + 1);
    cg_tiers_free(tiers);
}

/* The bytes stated are those taken, but for the 64 that aligning a block takes. */
static void assert_counted(const cg_tiers *tiers, const cg_counting_allocator *counting) {
    uint64_t bytes = cg_tiers_bytes(tiers);
    assert_true(bytes <= counting->live_bytes);
    assert_true(counting->live_bytes <= bytes + 64 * counting->live_blocks);
}

/* Goal: an opened image is what was saved and behaves like it ever after; tiers with prefetches
 * pending have none; other options and other bytes are refused. */
static void test_images(void **state) {
    (void)state;
    cg_tier_options options[4] = {lru(5), lru(3000), lru(4000), {.capacity = 0}};
    options[1].bound = CG_CACHE_BYTES;
    options[2].promote_after = 2;
    cg_tiers *warm = make(options, 4);
    for (uint64_t i = 0; i < 20000; i++) {
        (void)read_at(warm, i * i % 3001, (uint32_t)(i % 3));
    }
    assert_true(ask(warm, 9999, 1));
    cg_error error = {0};
    uint64_t bytes = cg_tiers_image_bytes(warm);
    uint8_t *image = aligned_alloc(64, (bytes + 127) / 64 * 64);
    assert_non_null(image);
    memset(image, 0xab, bytes);
    assert_status(cg_tiers_save(warm, image, &error), CG_ERROR_INVALID, error, "1 prefetches");
    assert_int_equal(image[0], 0xab);
    (void)read_at(warm, 9999, 0);
    assert_status(cg_tiers_save(warm, image, &error), CG_ERROR_INVALID, error, "on their way");
    arrive(warm, 9999);
    bytes = cg_tiers_image_bytes(warm);
    assert_ok(cg_tiers_save(warm, image, &error), error);

    cg_tiers *opened = NULL;
    cg_allocator heap = cg_allocator_heap();
    assert_status(cg_tiers_open(image, bytes, options, 3, heap, &opened, &error),
                  CG_ERROR_INVALID, error, "image of 4 memory tiers is opened as one of 3");
    assert_status(cg_tiers_open(image, bytes - 64, options, 4, heap, &opened, &error),
                  CG_ERROR_INVALID, error, "no image");
    assert_status(cg_tiers_open(image, 10, options, 4, heap, &opened, &error), CG_ERROR_INVALID,
                  error, "10 bytes");
    assert_status(cg_tiers_open(image + 8, bytes - 8, options, 4, heap, &opened, &error),
                  CG_ERROR_INVALID, error, "multiple of 8");
    options[0].capacity = 6;
    assert_status(cg_tiers_open(image, bytes, options, 4, heap, &opened, &error),
                  CG_ERROR_INVALID, error, "tier 1: ");
    options[0].capacity = 5;
    options[2].promote_after = 3;
    assert_status(cg_tiers_open(image, bytes, options, 4, heap, &opened, &error),
                  CG_ERROR_INVALID, error, "tier 3 takes keys in after 3");
    options[2].promote_after = 2;
    image[0] ^= 1;
    assert_status(cg_tiers_open(image, bytes, options, 4, heap, &opened, &error),
                  CG_ERROR_INVALID, error, "no image");
    image[0] ^= 1;
    assert_null(opened);

    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, heap);
    assert_ok(cg_tiers_open(image, bytes, options, 4, cg_counting_allocator_view(&counting),
                            &opened, &error),
              error);
    assert_int_equal(cg_tiers_hash(opened), cg_tiers_hash(warm));
    assert_counted(opened, &counting);
    assert_true(counting.live_bytes < 4096);
    assert_true(bytes > 65536);
    for (uint64_t i = 0; i < 20000; i++) { /* more keys than before: it must grow, and age */
        uint64_t key = i * i % 5003;
        uint32_t first = (uint32_t)(i % 3);
        assert_int_equal(read_at(opened, key, first), read_at(warm, key, first));
    }
    assert_int_equal(cg_tiers_hash(opened), cg_tiers_hash(warm));
    assert_counted(opened, &counting);
    cg_tiers_free(opened);
    assert_int_equal(counting.live_bytes, 0);
    cg_tiers_free(warm);
    free(image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefetch_counts), cmocka_unit_test(test_prefetch_corners),
        cmocka_unit_test(test_prefetch_limit),  cmocka_unit_test(test_prefetch_hash),
        cmocka_unit_test(test_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
