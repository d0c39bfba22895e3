/* Goal: memory tiers serve, promote and evict as stated, refuse bad input, and hit as often as
 * theory says.
 *
 * The closed form is Che's approximation for LRU under independent reads (Che, Tung, Wang
 * 2002).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/tiers.h"

/* Goal: the sequence worked out by hand in engine/tier/tier.c. */
static void test_lru_by_hand(void **state) {
    (void)state;
    cg_tiers *tiers = make_tiers(2, 100);
    const uint64_t keys[6] = {'a', 'b', 'a', 'c', 'a', 'b'};
    const uint32_t served[6] = {2, 2, 0, 2, 0, 1};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(read_at(tiers, keys[i], 0), served[i]);
    }
    cg_tier_statistics statistics = cg_tiers_statistics(tiers);
    const uint64_t reads[3] = {2, 1, 3};
    const uint64_t evictions[3] = {2, 0, 0};
    const uint64_t entries[3] = {2, 3, 0};
    const uint64_t promotions[3] = {4, 3, 0};
    for (int level = 0; level < 3; level++) {
        assert_int_equal(statistics.reads[level], reads[level]);
        assert_int_equal(statistics.evictions[level], evictions[level]);
        assert_int_equal(statistics.entries[level], entries[level]);
        assert_int_equal(statistics.size_bytes[level], 64 * entries[level]);
        assert_int_equal(statistics.promotions[level], promotions[level]);
    }
    cg_tiers_free(tiers);
}

/* Goal: a read that starts at level 1 neither looks at level 0 nor brings the key there. */
static void test_first_level(void **state) {
    (void)state;
    cg_tiers *tiers = make_tiers(4, 8);
    assert_int_equal(read_at(tiers, 7, 1), 2);
    assert_int_equal(read_at(tiers, 7, 1), 1);
    assert_int_equal(cg_tiers_statistics(tiers).entries[0], 0);
    assert_int_equal(read_at(tiers, 7, 0), 1); /* promoted from level 1 */
    assert_int_equal(read_at(tiers, 7, 0), 0);
    assert_int_equal(read_at(tiers, 7, 2), 2); /* the last level has everything */
    assert_int_equal(cg_tiers_where(tiers, 7, 3), 2);
    assert_int_equal(cg_tiers_where(tiers, 7, UINT32_MAX), 2);
    cg_tiers_free(tiers);
}

/* Goal: fill makes a key the newest of one level and counts no read and no promotion; its
 * evictions count; a key larger than a level bound by bytes stays out of it alone. */
static void test_fill(void **state) {
    (void)state;
    cg_tiers *tiers = make_tiers(2, 4);
    fill(tiers, 1, 8, 0);
    fill(tiers, 2, 8, 0);
    fill(tiers, 1, 8, 0); /* now 2 is the oldest */
    fill(tiers, 3, 8, 0); /* 2 goes */
    fill(tiers, 9, 8, 2); /* the last level: nothing to do */
    cg_tier_statistics statistics = cg_tiers_statistics(tiers);
    assert_int_equal(statistics.reads[0] + statistics.reads[1] + statistics.reads[2], 0);
    assert_int_equal(statistics.promotions[0] + statistics.promotions[1], 0);
    assert_int_equal(statistics.evictions[0], 1);
    assert_int_equal(statistics.entries[0], 2);
    assert_int_equal(read_at(tiers, 1, 0), 0);
    assert_int_equal(read_at(tiers, 3, 0), 0);
    assert_int_equal(read_at(tiers, 2, 0), 2);
    cg_tiers_free(tiers);

    cg_tier_options options[3] = {lru(63), lru(200), {.capacity = 0}};
    options[0].bound = CG_CACHE_BYTES;
    options[1].bound = CG_CACHE_BYTES;
    tiers = make(options, 3);
    fill(tiers, 1, 64, 0);
    assert_int_equal(read_at(tiers, 1, 0), 2);
    assert_int_equal(read_at(tiers, 1, 0), 1);
    assert_int_equal(read_at(tiers, 2, 0), 2);
    assert_int_equal(read_at(tiers, 3, 0), 2);
    assert_int_equal(read_at(tiers, 4, 0), 2); /* 4 * 64 bytes: 1 goes */
    assert_int_equal(cg_tiers_where(tiers, 1, 0), 2);
    assert_int_equal(cg_tiers_where(tiers, 2, 0), 1);
    statistics = cg_tiers_statistics(tiers);
    assert_int_equal(statistics.size_bytes[0], 0);
    assert_int_equal(statistics.size_bytes[1], 192);
    assert_int_equal(statistics.promotions[0], 0);
    assert_int_equal(statistics.promotions[1], 4);
    cg_tiers_free(tiers);
}

/* Goal: a level takes a key in at its so-manieth recent read, counted per level: a read that
 * doesn't look at the level or that it serves itself counts nothing; old reads are forgotten. */
static void test_promote_after(void **state) {
    (void)state;
    cg_tier_options options[3] = {lru(10), lru(10), {.capacity = 0}};
    options[0].promote_after = 3;
    options[1].promote_after = 2;
    cg_tiers *tiers = make(options, 3);
    assert_int_equal(read_at(tiers, 1, 1), 2); /* level 1: once */
    assert_int_equal(read_at(tiers, 1, 0), 2); /* level 0: once; level 1: twice, in */
    assert_int_equal(read_at(tiers, 1, 0), 1);
    assert_int_equal(cg_tiers_where(tiers, 1, 0), 1);
    assert_int_equal(read_at(tiers, 1, 1), 1); /* not looking at level 0 */
    assert_int_equal(cg_tiers_where(tiers, 1, 0), 1);
    assert_int_equal(read_at(tiers, 1, 0), 1); /* the third */
    assert_int_equal(read_at(tiers, 1, 0), 0);
    cg_tier_statistics statistics = cg_tiers_statistics(tiers);
    assert_int_equal(statistics.promotions[0], 1);
    assert_int_equal(statistics.promotions[1], 1);

    /* Out of level 1 by forgetting; the reads before still count. */
    cg_tiers_forget(tiers, 1);
    assert_int_equal(read_at(tiers, 1, 1), 2);
    assert_int_equal(cg_tiers_where(tiers, 1, 1), 1);

    /* 512 counts, and one read is forgotten: key 9's first lies before a halving. */
    assert_int_equal(read_at(tiers, 9, 1), 2);
    for (uint64_t i = 0; i < 512; i++) {
        assert_int_equal(read_at(tiers, 1000 + i, 1), 2);
    }
    assert_int_equal(read_at(tiers, 9, 1), 2);
    assert_int_equal(cg_tiers_where(tiers, 9, 1), 2);
    assert_int_equal(read_at(tiers, 9, 1), 2);
    assert_int_equal(cg_tiers_where(tiers, 9, 1), 1);
    cg_tiers_free(tiers);
}

/* Goal: work is counted at the level that served, in bytes, and at the store as the store's,
 * however many levels there are; a single level serves everything. */
static void test_work_and_levels(void **state) {
    (void)state;
    for (uint32_t levels = 1; levels <= CG_TIER_LEVELS_MAX; levels++) {
        cg_tier_options options[CG_TIER_LEVELS_MAX];
        for (uint32_t level = 0; level < CG_TIER_LEVELS_MAX; level++) {
            options[level] = lru(2 + level);
        }
        options[levels - 1] = (cg_tier_options){0};
        cg_tiers *tiers = make(options, levels);
        cg_error error = {0};
        uint32_t served = 0;
        for (uint32_t level = 0; level < levels; level++) {
            cg_work work = {0};
            fill(tiers, level, 8, level);
            assert_ok(cg_tiers_read(tiers, level, 100 + level, 0, &served, &work, &error),
                      error);
            assert_int_equal(served, level);
            uint64_t total = 0;
            for (uint32_t kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
                total += work.operations[kind];
            }
            uint32_t kind = level + 1 == levels ? CG_WORK_TIER_STORE : CG_WORK_TIER_L1 + level;
            assert_int_equal(total, 1);
            assert_int_equal(work.operations[kind], 1);
            assert_int_equal(work.units[kind], 100 + level);
        }
        assert_int_equal(cg_tiers_statistics(tiers).entries[levels - 1], 0);
        cg_tiers_free(tiers);
    }
    cg_tiers_free(NULL);
}

/* Goal: a forgotten key is in no level; others stay. A resize keeps the newest. */
static void test_forget_and_resize(void **state) {
    (void)state;
    cg_tiers *tiers = make_tiers(3, 6);
    cg_error error = {0};
    for (uint64_t key = 1; key <= 3; key++) {
        (void)read_at(tiers, key, 0);
    }
    cg_tiers_forget(tiers, 2);
    cg_tiers_forget(tiers, 77);
    assert_int_equal(cg_tiers_where(tiers, 2, 0), 2);
    assert_int_equal(cg_tiers_where(tiers, 2, 1), 2);
    assert_int_equal(cg_tiers_where(tiers, 1, 0), 0);
    assert_int_equal(cg_tiers_statistics(tiers).evictions[0], 0);
    (void)read_at(tiers, 1, 0);
    assert_ok(cg_tiers_resize(tiers, 0, 1, &error), error);
    assert_int_equal(cg_tiers_where(tiers, 1, 0), 0);
    assert_int_equal(cg_tiers_where(tiers, 3, 0), 1);
    assert_int_equal(cg_tiers_statistics(tiers).evictions[0], 1);
    assert_ok(cg_tiers_resize(tiers, 0, 6, &error), error);
    assert_ok(cg_tiers_resize(tiers, 1, 8, &error), error);
    assert_ok(cg_tiers_resize(tiers, 0, 8, &error), error);
    for (uint64_t key = 1; key <= 8; key++) {
        (void)read_at(tiers, key, 0);
    }
    assert_int_equal(cg_tiers_statistics(tiers).entries[0], 8);
    assert_int_equal(cg_tiers_statistics(tiers).entries[1], 8);
    cg_tiers_free(tiers);
}

/* Goal: the known value of engine/tier/cache_belady.c, in a tier, with a fill and a prefetch
 * between the reads, which are none of those it was told of; it has no image. */
static void test_belady(void **state) {
    (void)state;
    const uint64_t reads[12] = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
    cg_error error = {0};
    cg_cache_future *future = NULL;
    assert_ok(cg_cache_future_alloc(reads, 12, cg_allocator_heap(), &future, &error), error);
    cg_tier_options options[2] = {lru(3), {.capacity = 0}};
    options[0].policy = CG_CACHE_BELADY;
    options[0].future = future;
    cg_tiers *tiers = make(options, 2);
    for (int i = 0; i < 12; i++) {
        (void)read_at(tiers, reads[i], 0);
        if (i == 2) {
            fill(tiers, 1, 64, 0);
            fill(tiers, 100, 64, 0); /* never read again: turned away */
            assert_true(ask(tiers, 101, 0));
            arrive(tiers, 101);
        }
    }
    cg_tier_statistics statistics = cg_tiers_statistics(tiers);
    assert_int_equal(statistics.reads[0], 5);
    assert_int_equal(statistics.reads[1], 7);
    assert_int_equal(statistics.prefetch_useless, 1);
    assert_int_equal(cg_tiers_image_bytes(tiers), 0);
    assert_status(cg_tiers_save(tiers, NULL, &error), CG_ERROR_INVALID, error, "belady");
    cg_tiers_free(tiers);
    cg_cache_future_free(future);
}

/* Goal: every bad option is refused with a sentence. */
static void test_bad_options(void **state) {
    (void)state;
    cg_error error = {0};
    cg_tiers *tiers = NULL;
    cg_allocator heap = cg_allocator_heap();
    const cg_tier_options fine[6] = {lru(2), lru(4), lru(4), lru(9), lru(10), {.capacity = 0}};
    assert_status(cg_tiers_alloc(fine, 0, heap, &tiers, &error), CG_ERROR_INVALID, error,
                  "0 memory tiers; the number of tiers must be 1..5");
    assert_status(cg_tiers_alloc(fine, 6, heap, &tiers, &error), CG_ERROR_INVALID, error,
                  "6 memory tiers");
    cg_tier_options bad[5];
#define REFUSED(level, field, value, says)                                                     \
    do {                                                                                       \
        memcpy(bad, fine, sizeof bad);                                                         \
        bad[level].field = (value);                                                            \
        assert_status(cg_tiers_alloc(bad, 5, heap, &tiers, &error), CG_ERROR_INVALID, error,   \
                      says);                                                                   \
    } while (0)
    REFUSED(0, capacity, 0, "tier 1: ");
    REFUSED(0, capacity, 0, "capacity of 0");
    REFUSED(3, capacity, UINT64_MAX, "18446744073709551615");
    REFUSED(0, capacity, 5,
            "tiers out of order: tier 2 has a capacity of 4 entries, less than "
            "the 5 of the faster tier 1");
    REFUSED(3, capacity, 3,
            "tier 4 has a capacity of 3 entries, less than the 4 of the faster "
            "tier 2");
    REFUSED(1, policy, CG_CACHE_POLICY_COUNT, "tier 2 has policy number 6");
    REFUSED(1, policy, (cg_cache_policy)-1, "policy number 4294967295");
    REFUSED(2, bound, (cg_cache_bound)2, "tier 3 has bound number 2");
    REFUSED(2, promote_after, 0, "tier 3 takes a key in after 0 reads; it must be 1..15");
    REFUSED(0, promote_after, 16, "after 16 reads");
    REFUSED(1, policy, CG_CACHE_BELADY, "tier 2: ");
#undef REFUSED
    assert_null(tiers);

    /* Levels of different bounds are not in any order, but those of one bound around them are;
     * nothing is read of the store. */
    memcpy(bad, fine, sizeof bad);
    bad[1].bound = CG_CACHE_BYTES;
    bad[1].capacity = 1;
    bad[4] = (cg_tier_options){(cg_cache_policy)99, (cg_cache_bound)99, 0, 99, NULL};
    cg_tiers_free(make(bad, 5));
    bad[0].capacity = 5;
    assert_status(cg_tiers_alloc(bad, 5, heap, &tiers, &error), CG_ERROR_INVALID, error,
                  "tier 3 has a capacity of 4 entries, less than the 5 of the faster tier 1");
    assert_null(tiers);
}

/* Goal: bad calls are refused with a sentence, and nothing is changed. */
static void test_bad_calls(void **state) {
    (void)state;
    cg_error error = {0};
    cg_tiers *tiers = make_tiers(2, 4);
    (void)read_at(tiers, 1, 0);
    assert_true(ask(tiers, 2, 0));
    uint64_t hash = cg_tiers_hash(tiers);
    uint32_t served = 77;
    bool asked = true;
    cg_work work = {0};
    assert_status(cg_tiers_read(tiers, 1, 8, 3, &served, &work, &error), CG_ERROR_INVALID,
                  error, "starts at tier level 3; the levels are 0..2");
    assert_status(cg_tiers_read(tiers, 1, 0, 0, &served, &work, &error), CG_ERROR_INVALID,
                  error, "0 bytes of key 1");
    assert_status(cg_tiers_fill(tiers, 1, 8, UINT32_MAX, &error), CG_ERROR_INVALID, error,
                  "fill tier level 4294967295");
    assert_status(cg_tiers_fill(tiers, 1, 0, 1, &error), CG_ERROR_INVALID, error, "0 bytes");
    assert_status(cg_tiers_prefetch(tiers, 5, 8, 3, &asked, &error), CG_ERROR_INVALID, error,
                  "prefetch is to fill tier level 3");
    assert_status(cg_tiers_prefetch(tiers, 5, 0, 0, &asked, &error), CG_ERROR_INVALID, error,
                  "0 bytes of key 5");
    assert_status(cg_tiers_resize(tiers, 0, 5, &error), CG_ERROR_INVALID, error,
                  "tiers out of order: tier 2 has a capacity of 4 entries, less than the 5");
    assert_status(cg_tiers_resize(tiers, 1, 1, &error), CG_ERROR_INVALID, error,
                  "tier 2 has a capacity of 1 entries, less than the 2 of the faster tier 1");
    assert_status(cg_tiers_resize(tiers, 0, 0, &error), CG_ERROR_INVALID, error, "tier 1: ");
    assert_status(cg_tiers_resize(tiers, 2, 10, &error), CG_ERROR_INVALID, error,
                  "tier level 2");
    assert_status(cg_tiers_resize(tiers, UINT32_MAX, 10, &error), CG_ERROR_INVALID, error,
                  "tier level 4294967295");
    assert_int_equal(cg_tiers_resize(tiers, 0, 0, NULL), CG_ERROR_INVALID);
    assert_int_equal(cg_tiers_hash(tiers), hash);
    assert_int_equal(served, 77);
    assert_true(asked);
    assert_int_equal(work.operations[CG_WORK_TIER_L1], 0);
    cg_tiers_free(tiers);
}

enum { KEYS = 20000, WARM_UP = 400000, READS = 1000000 };

/* Popularities of rank^-exponent over KEYS keys, and their running sums. */
static void zipf(double exponent, double *popularity, double *cumulative) {
    double sum = 0.0;
    for (int i = 0; i < KEYS; i++) {
        popularity[i] = pow(i + 1, -exponent);
        sum += popularity[i];
    }
    double running = 0.0;
    for (int i = 0; i < KEYS; i++) {
        popularity[i] /= sum;
        running += popularity[i];
        cumulative[i] = running;
    }
}

static double che_hit_ratio(const double *popularity, double capacity) {
    double low = 0.0;
    double high = 1e12;
    for (int step = 0; step < 200; step++) {
        double middle = (low + high) / 2.0;
        double held = 0.0;
        for (int i = 0; i < KEYS; i++) {
            held += -expm1(-popularity[i] * middle);
        }
        *(held < capacity ? &low : &high) = middle;
    }
    double hits = 0.0;
    for (int i = 0; i < KEYS; i++) {
        hits += popularity[i] * -expm1(-popularity[i] * low);
    }
    return hits;
}

static uint64_t draw(cg_stream *stream, const double *cumulative) {
    double unit = cg_stream_next_unit(stream);
    int low = 0;
    int high = KEYS - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (cumulative[middle] > unit) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return (uint64_t)low;
}

static double hit_ratio(cg_tiers *tiers, cg_stream *stream, const double *cumulative) {
    for (int i = 0; i < WARM_UP; i++) {
        (void)read_at(tiers, draw(stream, cumulative), 0);
    }
    uint64_t hits = cg_tiers_statistics(tiers).reads[0];
    for (int i = 0; i < READS; i++) {
        (void)read_at(tiers, draw(stream, cumulative), 0);
    }
    return (double)(cg_tiers_statistics(tiers).reads[0] - hits) / READS;
}

/* Goal: the hit ratio is within one point of Che's approximation; and a level that takes keys in
 * at their second recent read hits more often where popularities differ. */
static void test_hit_ratio_against_che(void **state) {
    (void)state;
    uint64_t seed = support_seed(41);
    double *popularity = malloc(KEYS * sizeof *popularity);
    double *cumulative = malloc(KEYS * sizeof *cumulative);
    assert_non_null(popularity);
    assert_non_null(cumulative);
    const double exponents[2] = {0.8, 1.0};
    const uint64_t capacities[2] = {200, 2000};
    for (int e = 0; e < 2; e++) {
        zipf(exponents[e], popularity, cumulative);
        for (int c = 0; c < 2; c++) {
            cg_tiers *tiers = make_tiers(capacities[c], capacities[c]);
            cg_stream stream = cg_stream_init(seed, "test.zipf", 2 * (uint64_t)e + (uint64_t)c);
            double ratio = hit_ratio(tiers, &stream, cumulative);
            double expected = che_hit_ratio(popularity, (double)capacities[c]);
            cg_tiers_free(tiers);
            cg_tier_options second[2] = {lru(capacities[c]), {.capacity = 0}};
            second[0].promote_after = 2;
            tiers = make(second, 2);
            double filtered = hit_ratio(tiers, &stream, cumulative);
            cg_tiers_free(tiers);
            print_message("zipf %.1f, capacity %llu: hit ratio %.4f, Che %.4f, at the second "
                          "read %.4f\n",
                          exponents[e], (unsigned long long)capacities[c], ratio, expected,
                          filtered);
            assert_true(fabs(ratio - expected) < 0.01);
            assert_true(filtered > ratio + 0.01);
        }
    }
    free(popularity);
    free(cumulative);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lru_by_hand),
        cmocka_unit_test(test_first_level),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_promote_after),
        cmocka_unit_test(test_work_and_levels),
        cmocka_unit_test(test_forget_and_resize),
        cmocka_unit_test(test_belady),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_bad_calls),
        cmocka_unit_test(test_hit_ratio_against_che),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
