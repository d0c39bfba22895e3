/* Goal: memory tiers serve, promote and evict as stated, refuse bad input, and hit as often as
 * theory says.
 *
 * The closed form is Che's approximation for LRU under independent reads (Che, Tung, Wang
 * 2002).
 */
#include <math.h>
#include <stdlib.h>

#include "engine/tier/tier.h"
#include "tests/support/support.h"

static cg_tiers *make_tiers(uint64_t first, uint64_t second) {
    cg_tier_options options[3] = {
        {first, CG_TIER_LRU}, {second, CG_TIER_LRU}, {0, CG_TIER_LRU}};
    cg_error error = {0};
    cg_tiers *tiers = NULL;
    assert_ok(cg_tiers_alloc(options, 3, cg_allocator_heap(), &tiers, &error), error);
    return tiers;
}

static uint32_t read_at(cg_tiers *tiers, uint64_t key, uint32_t first_level) {
    cg_error error = {0};
    uint32_t served = UINT32_MAX;
    assert_ok(cg_tiers_read(tiers, key, 64, first_level, &served, NULL, &error), error);
    return served;
}

/* Goal: the sequence worked out by hand in engine/tier/lru.c. */
static void test_lru_by_hand(void **state) {
    (void)state;
    cg_tiers *tiers = make_tiers(2, 100);
    const uint64_t keys[6] = {'a', 'b', 'a', 'c', 'a', 'b'};
    const uint32_t served[6] = {2, 2, 0, 2, 0, 1};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(read_at(tiers, keys[i], 0), served[i]);
    }
    cg_tier_statistics statistics = cg_tiers_statistics(tiers);
    assert_int_equal(statistics.reads[0], 2);
    assert_int_equal(statistics.reads[1], 1);
    assert_int_equal(statistics.reads[2], 3);
    assert_int_equal(statistics.evictions[0], 2);
    assert_int_equal(statistics.evictions[1], 0);
    assert_int_equal(statistics.entries[0], 2);
    assert_int_equal(statistics.entries[1], 3);
    assert_int_equal(statistics.entries[2], 0);
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
    cg_tiers_free(tiers);
}

/* Goal: fill makes a key the newest of one level and counts no read; its evictions count. */
static void test_fill(void **state) {
    (void)state;
    cg_tiers *tiers = make_tiers(2, 4);
    cg_error error = {0};
    for (uint64_t key = 1; key <= 2; key++) {
        assert_ok(cg_tiers_fill(tiers, key, 0, &error), error);
    }
    assert_ok(cg_tiers_fill(tiers, 1, 0, &error), error); /* now 2 is the oldest */
    assert_ok(cg_tiers_fill(tiers, 3, 0, &error), error); /* 2 goes */
    assert_ok(cg_tiers_fill(tiers, 9, 2, &error), error); /* the last level: nothing to do */
    cg_tier_statistics statistics = cg_tiers_statistics(tiers);
    assert_int_equal(statistics.reads[0] + statistics.reads[1] + statistics.reads[2], 0);
    assert_int_equal(statistics.evictions[0], 1);
    assert_int_equal(statistics.entries[0], 2);
    assert_int_equal(read_at(tiers, 1, 0), 0);
    assert_int_equal(read_at(tiers, 3, 0), 0);
    assert_int_equal(read_at(tiers, 2, 0), 2);
    cg_tiers_free(tiers);
}

/* Goal: work is counted at the level that served, in bytes; a single level serves everything.
 */
static void test_work_and_single_level(void **state) {
    (void)state;
    cg_tiers *tiers = make_tiers(2, 4);
    cg_error error = {0};
    cg_work work = {0};
    uint32_t served = 0;
    assert_ok(cg_tiers_read(tiers, 1, 100, 0, &served, &work, &error), error);
    assert_ok(cg_tiers_read(tiers, 1, 30, 0, &served, &work, &error), error);
    assert_int_equal(work.operations[CG_WORK_TIER_L3], 1);
    assert_int_equal(work.units[CG_WORK_TIER_L3], 100);
    assert_int_equal(work.operations[CG_WORK_TIER_L1], 1);
    assert_int_equal(work.units[CG_WORK_TIER_L1], 30);
    assert_int_equal(work.operations[CG_WORK_TIER_L2], 0);
    cg_tiers_free(tiers);

    cg_tier_options only = {0, CG_TIER_LRU};
    assert_ok(cg_tiers_alloc(&only, 1, cg_allocator_heap(), &tiers, &error), error);
    assert_int_equal(read_at(tiers, UINT64_MAX, 0), 0);
    assert_int_equal(read_at(tiers, 0, 0), 0);
    cg_tiers_free(tiers);
    cg_tiers_free(NULL);
}

/* Goal: every bad option and level is refused with a sentence, and nothing is changed. */
static void test_bad_input(void **state) {
    (void)state;
    cg_error error = {0};
    cg_tiers *tiers = NULL;
    cg_allocator heap = cg_allocator_heap();
    cg_tier_options options[4] = {{2, CG_TIER_LRU}, {4, CG_TIER_LRU}, {0, CG_TIER_LRU}};
    assert_status(cg_tiers_alloc(options, 0, heap, &tiers, &error), CG_ERROR_INVALID, error,
                  "must be 1..3");
    assert_status(cg_tiers_alloc(options, 4, heap, &tiers, &error), CG_ERROR_INVALID, error,
                  "4 memory tiers");
    options[0].capacity_entries = 0;
    assert_status(cg_tiers_alloc(options, 3, heap, &tiers, &error), CG_ERROR_INVALID, error,
                  "capacity of 0");
    options[0].capacity_entries = UINT64_MAX;
    assert_status(cg_tiers_alloc(options, 3, heap, &tiers, &error), CG_ERROR_INVALID, error,
                  "18446744073709551615");
    options[0].capacity_entries = 5;
    assert_status(cg_tiers_alloc(options, 3, heap, &tiers, &error), CG_ERROR_INVALID, error,
                  "less than the 5");
    options[0].capacity_entries = 2;
    options[1].policy = CG_TIER_POLICY_COUNT;
    assert_status(cg_tiers_alloc(options, 3, heap, &tiers, &error), CG_ERROR_INVALID, error,
                  "policy");
    assert_null(tiers);

    tiers = make_tiers(2, 4);
    uint32_t served = 77;
    cg_work work = {0};
    assert_status(cg_tiers_read(tiers, 1, 8, 3, &served, &work, &error), CG_ERROR_INVALID,
                  error, "levels are 0..2");
    assert_status(cg_tiers_fill(tiers, 1, UINT32_MAX, &error), CG_ERROR_INVALID, error,
                  "4294967295");
    assert_int_equal(served, 77);
    assert_int_equal(work.operations[CG_WORK_TIER_L1], 0);
    cg_tiers_free(tiers);
}

/* Goal: whichever allocation fails, the tiers stay as they were and go on working; no byte is
 * lost; and memory keeps to 24 bytes an entry once full. */
static void test_allocation_failure_and_memory(void **state) {
    (void)state;
    cg_tier_options options[3] = {{100, CG_TIER_LRU}, {1000, CG_TIER_LRU}, {0, CG_TIER_LRU}};
    for (uint64_t n = 1; n < 64; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        cg_error error = {0};
        cg_tiers *tiers = NULL;
        cg_status status =
            cg_tiers_alloc(options, 3, cg_counting_allocator_view(&counting), &tiers, &error);
        if (status != CG_OK) {
            assert_int_equal(status, CG_ERROR_MEMORY);
            assert_null(tiers);
            assert_int_equal(counting.live_bytes, 0);
            continue;
        }
        uint64_t failures = 0;
        for (uint64_t key = 0; key < 2000; key++) {
            uint32_t served = 9;
            cg_tier_statistics before = cg_tiers_statistics(tiers);
            status = cg_tiers_read(tiers, key, 8, 0, &served, NULL, &error);
            if (status != CG_OK) {
                cg_tier_statistics after = cg_tiers_statistics(tiers);
                assert_int_equal(status, CG_ERROR_MEMORY);
                assert_int_equal(served, 9);
                assert_memory_equal(&before, &after, sizeof before);
                failures++;
                assert_ok(cg_tiers_read(tiers, key, 8, 0, &served, NULL, &error), error);
            }
            assert_int_equal(served, 2);
        }
        assert_int_equal(cg_tiers_statistics(tiers).entries[1], 1000);
        assert_true(counting.live_bytes <= 24 * 1100 + 512);
        assert_int_equal(cg_tiers_bytes(tiers), counting.live_bytes);
        cg_tiers_free(tiers);
        assert_int_equal(counting.live_bytes, 0);
        assert_int_equal(counting.live_blocks, 0);
        if (failures == 0) {
            assert_true(n > 10); /* the failing allocation was reached before */
            return;
        }
    }
    fail_msg("allocations never came to an end");
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

/* Goal: the hit ratio is within one point of Che's approximation. */
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
            for (int i = 0; i < WARM_UP; i++) {
                (void)read_at(tiers, draw(&stream, cumulative), 0);
            }
            uint64_t hits = cg_tiers_statistics(tiers).reads[0];
            for (int i = 0; i < READS; i++) {
                (void)read_at(tiers, draw(&stream, cumulative), 0);
            }
            hits = cg_tiers_statistics(tiers).reads[0] - hits;
            double ratio = (double)hits / READS;
            double expected = che_hit_ratio(popularity, (double)capacities[c]);
            print_message("zipf %.1f, capacity %llu: hit ratio %.4f, Che %.4f\n", exponents[e],
                          (unsigned long long)capacities[c], ratio, expected);
            assert_true(fabs(ratio - expected) < 0.01);
            cg_tiers_free(tiers);
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
        cmocka_unit_test(test_work_and_single_level),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_allocation_failure_and_memory),
        cmocka_unit_test(test_hit_ratio_against_che),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
