/* Goal: the policies do what theory says of them.
 *
 *   lru     on independent Zipf reads has the hit rate of Che's approximation, within a point
 *   lfu     has that of the most frequent keys, as many as it holds, within a point
 *   belady  has the hits of the best schedule, found by trying all of them
 *   all     have no more hits than belady on the same reads
 *   s3fifo, tinylfu  keep what is hot through a long scan, which lru does not
 *
 * Che, Tung and Wang, "Hierarchical Web Caching Systems", IEEE JSAC 20(7), 2002, section III:
 * key i of popularity p_i is found with probability h_i = 1 - exp(-p_i T), where T solves
 * sum over i of h_i = C.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/math.h"
#include "engine/tier/cache.h"
#include "tests/support/support.h"

enum { EXPONENTS = 4, SHARES = 4, MEASURED = 400000, GUIDE = 1 << 14 };

static const double exponents[EXPONENTS] = {0.6, 0.8, 0.99, 1.2};
static const double shares[SHARES] = {0.01, 0.05, 0.10, 0.25};
static const double tolerance = 0.01;

/* --- reads -------------------------------------------------------------------------------- */

typedef struct law {
    double *popularity; /* [keys], falling, sums to 1 */
    double *cumulated;
    uint32_t keys;
    uint32_t guide[GUIDE]; /* the first key whose cumulated popularity passes i / GUIDE */
} law;

static law *zipf_alloc(uint32_t keys, double exponent) {
    law *z = calloc(1, sizeof *z);
    assert_non_null(z);
    z->keys = keys;
    z->popularity = calloc(keys, sizeof(double));
    z->cumulated = calloc(keys, sizeof(double));
    assert_true(z->popularity && z->cumulated);
    double sum = 0.0;
    for (uint32_t i = 0; i < keys; i++) {
        z->popularity[i] = cg_exp(-exponent * cg_log((double)i + 1.0));
        sum += z->popularity[i];
    }
    double up_to = 0.0;
    uint32_t place = 0;
    for (uint32_t i = 0; i < keys; i++) {
        z->popularity[i] /= sum;
        up_to += z->popularity[i];
        z->cumulated[i] = up_to;
        for (; place < GUIDE && up_to > (double)place / GUIDE; place++) {
            z->guide[place] = i;
        }
    }
    for (; place < GUIDE; place++) {
        z->guide[place] = keys - 1;
    }
    return z;
}

static void zipf_free(law *z) {
    free(z->popularity);
    free(z->cumulated);
    free(z);
}

static uint64_t *draw_reads(const law *z, uint64_t entity, uint32_t count) {
    uint64_t *reads = calloc(count, sizeof *reads);
    assert_non_null(reads);
    cg_stream stream = cg_stream_init(2026, "test.cache.theory", entity);
    for (uint32_t i = 0; i < count; i++) {
        double unit = cg_stream_next_unit(&stream);
        uint32_t key = z->guide[(uint32_t)(unit * GUIDE)];
        while (key + 1 < z->keys && z->cumulated[key] <= unit) {
            key++;
        }
        reads[i] = key;
    }
    return reads;
}

/* Hits of reads[from..count), after the others as a warm-up. */
static uint64_t hits_of(const cg_cache_options *options, const uint64_t *reads, uint32_t from,
                        uint32_t count) {
    cg_error error = {0};
    cg_cache *cache = NULL;
    assert_ok(cg_cache_alloc(options, cg_allocator_heap(), &cache, &error), error);
    uint64_t hits = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_hit = cg_cache_touch(cache, reads[i]);
        hits += is_hit && i >= from;
        if (!is_hit) {
            assert_ok(cg_cache_reserve(cache, &error), error);
            (void)cg_cache_put(cache, reads[i], 1);
        }
    }
    cg_cache_free(cache);
    return hits;
}

/* --- lru and lfu -------------------------------------------------------------------------- */

static double filled_after(const law *z, double time) {
    double filled = 0.0;
    for (uint32_t i = 0; i < z->keys; i++) {
        filled += 1.0 - cg_exp(-z->popularity[i] * time);
    }
    return filled;
}

static double che(const law *z, double capacity) {
    double low = capacity; /* so many reads cannot have filled it */
    double high = 2.0 * capacity;
    while (filled_after(z, high) < capacity) {
        low = high;
        high *= 2.0;
    }
    for (int i = 0; i < 24; i++) {
        double middle = 0.5 * (low + high);
        *(filled_after(z, middle) < capacity ? &low : &high) = middle;
    }
    double rate = 0.0;
    for (uint32_t i = 0; i < z->keys; i++) {
        rate += z->popularity[i] * (1.0 - cg_exp(-z->popularity[i] * low));
    }
    return rate;
}

/* Prints a line a cell and gives the largest difference. */
static double compare_grid(cg_cache_policy policy, uint32_t keys, uint32_t warm_up) {
    double worst = 0.0;
    for (int e = 0; e < EXPONENTS; e++) {
        law *z = zipf_alloc(keys, exponents[e]);
        uint32_t count = warm_up + MEASURED;
        uint64_t *reads = draw_reads(z, (uint64_t)keys * EXPONENTS + (uint64_t)e, count);
        for (int s = 0; s < SHARES; s++) {
            uint32_t capacity = (uint32_t)(shares[s] * keys);
            cg_cache_options options = {.policy = policy, .capacity = capacity};
            double measured =
                (double)hits_of(&options, reads, warm_up, count) / (double)MEASURED;
            double theory =
                policy == CG_CACHE_LRU ? che(z, capacity) : z->cumulated[capacity - 1];
            double difference = measured - theory;
            print_message("%s\t%u keys\tzipf %.2f\tcapacity %u\ttheory %.4f\tmeasured "
                          "%.4f\tdifference %+.4f\n",
                          cg_cache_policy_name(policy), keys, exponents[e], capacity, theory,
                          measured, difference);
            difference = difference < 0.0 ? -difference : difference;
            worst = difference > worst ? difference : worst;
        }
        free(reads);
        zipf_free(z);
    }
    print_message("%s\t%u keys\tlargest difference %.4f\n", cg_cache_policy_name(policy), keys,
                  worst);
    return worst;
}

static void test_lru_is_che(void **state) {
    (void)state;
    assert_true(compare_grid(CG_CACHE_LRU, 10000, 200000) < tolerance);
    assert_true(compare_grid(CG_CACHE_LRU, 100000, 400000) < tolerance);
}

static void test_lfu_has_the_most_frequent(void **state) {
    (void)state;
    assert_true(compare_grid(CG_CACHE_LFU, 10000, 600000) < tolerance);
    assert_true(compare_grid(CG_CACHE_LFU, 30000, 1800000) < tolerance);
}

/* --- belady ------------------------------------------------------------------------------- */

enum { FEW_KEYS = 6, FEW_READS = 24, SETS = 1 << FEW_KEYS };

static uint32_t count_of(uint32_t set) {
    uint32_t count = 0;
    for (; set != 0; set &= set - 1) {
        count++;
    }
    return count;
}

/* The most hits of any schedule: best[held set], from the last read backwards. */
static uint32_t most_hits(const uint64_t *reads, uint32_t count, uint32_t capacity,
                          bool may_bypass) {
    uint32_t best[SETS] = {0};
    for (uint32_t i = count; i-- > 0;) {
        uint32_t before[SETS] = {0};
        uint32_t key = 1u << reads[i];
        for (uint32_t set = 0; set < SETS; set++) {
            if (set & key) {
                before[set] = 1 + best[set];
                continue;
            }
            before[set] = may_bypass ? best[set] : 0;
            for (uint32_t out = 0; out <= FEW_KEYS; out++) { /* FEW_KEYS: nothing goes */
                uint32_t after = (set & ~(1u << out) & (SETS - 1)) | key;
                if (count_of(after) <= capacity && best[after] > before[set]) {
                    before[set] = best[after];
                }
            }
        }
        for (uint32_t set = 0; set < SETS; set++) {
            best[set] = before[set];
        }
    }
    return best[0];
}

static uint64_t belady_hits(const uint64_t *reads, uint32_t count, uint64_t capacity) {
    cg_error error = {0};
    cg_cache_future *future = NULL;
    assert_ok(cg_cache_future_alloc(reads, count, cg_allocator_heap(), &future, &error), error);
    cg_cache_options options = {
        .policy = CG_CACHE_BELADY, .capacity = capacity, .future = future};
    uint64_t hits = hits_of(&options, reads, 0, count);
    cg_cache_future_free(future);
    return hits;
}

static void test_belady_has_the_hits_of_the_best_schedule(void **state) {
    (void)state;
    const uint64_t known[] = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
    assert_int_equal(12 - most_hits(known, 12, 3, false), 7);
    assert_int_equal(12 - most_hits(known, 12, 3, true), 12 - belady_hits(known, 12, 3));
    assert_int_equal(12 - belady_hits(known, 12, 3), 7);
    const uint64_t better[] = {1, 2, 1};
    assert_int_equal(most_hits(better, 3, 1, false), 0);
    assert_int_equal(belady_hits(better, 3, 1), 1);
    cg_stream stream = cg_stream_init(support_seed(2026), "test.cache.belady", 0);
    for (int program = 0; program < 400; program++) {
        uint64_t reads[FEW_READS] = {0};
        uint64_t keys = 1 + cg_stream_next_below(&stream, FEW_KEYS);
        for (uint32_t i = 0; i < FEW_READS; i++) {
            reads[i] = cg_stream_next_below(&stream, keys);
        }
        uint32_t capacity = 1 + (uint32_t)cg_stream_next_below(&stream, 5);
        uint32_t most = most_hits(reads, FEW_READS, capacity, true);
        assert_int_equal(belady_hits(reads, FEW_READS, capacity), most);
        for (int policy = 0; policy < CG_CACHE_BELADY; policy++) {
            cg_cache_options options = {.policy = (cg_cache_policy)policy,
                                        .capacity = capacity};
            assert_true(hits_of(&options, reads, 0, FEW_READS) <= most);
        }
    }
}

/* Belady as it is told: on a miss look at when each key comes next. O(count^2). */
static uint64_t next_read(const uint64_t *reads, uint32_t count, uint32_t from, uint64_t key) {
    while (from < count && reads[from] != key) {
        from++;
    }
    return from;
}

static uint64_t naive_belady_hits(const uint64_t *reads, uint32_t count, uint32_t capacity) {
    uint64_t held[64] = {0};
    uint32_t held_count = 0;
    uint64_t hits = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t last = 0;
        bool is_hit = false;
        for (uint32_t j = 0; j < held_count; j++) {
            is_hit = is_hit || held[j] == reads[i];
            last = next_read(reads, count, i + 1, held[j]) >
                           next_read(reads, count, i + 1, held[last])
                       ? j
                       : last;
        }
        hits += is_hit;
        if (!is_hit && held_count < capacity) {
            held[held_count++] = reads[i];
        } else if (!is_hit && next_read(reads, count, i + 1, reads[i]) <
                                  next_read(reads, count, i + 1, held[last])) {
            held[last] = reads[i];
        }
    }
    return hits;
}

static void test_belady_is_its_naive_form(void **state) {
    (void)state;
    law *z = zipf_alloc(120, 0.8);
    for (uint32_t capacity = 1; capacity <= 64; capacity += 7) {
        uint64_t *reads = draw_reads(z, 1000 + capacity, 1500);
        assert_int_equal(belady_hits(reads, 1500, capacity),
                         naive_belady_hits(reads, 1500, capacity));
        free(reads);
    }
    zipf_free(z);
}

/* Zipf reads with loops over part of the keys, which suit some policies and spoil others. */
static void add_loops(uint64_t *reads, uint32_t count, uint32_t length) {
    for (uint32_t i = 0; i < count; i++) {
        if (i / length % 3 == 1) {
            reads[i] = 1000000 + i % (length / 4);
        }
    }
}

static void test_no_policy_passes_belady(void **state) {
    (void)state;
    enum { READS = 150000, KEYS = 10000 };
    for (int e = 0; e < EXPONENTS; e++) {
        law *z = zipf_alloc(KEYS, exponents[e]);
        uint64_t *reads = draw_reads(z, 2000 + (uint64_t)e, READS);
        if (e % 2 == 1) {
            add_loops(reads, READS, 8000);
        }
        for (int s = 0; s < SHARES; s++) {
            uint64_t capacity = (uint64_t)(shares[s] * KEYS);
            uint64_t most = belady_hits(reads, READS, capacity);
            print_message("zipf %.2f%s\tcapacity %llu\tbelady %.4f", exponents[e],
                          e % 2 ? " and loops" : "", (unsigned long long)capacity,
                          (double)most / READS);
            for (int policy = 0; policy < CG_CACHE_BELADY; policy++) {
                cg_cache_options options = {.policy = (cg_cache_policy)policy,
                                            .capacity = capacity};
                uint64_t hits = hits_of(&options, reads, 0, READS);
                print_message("\t%s %.4f", cg_cache_policy_name((cg_cache_policy)policy),
                              (double)hits / READS);
                assert_true(hits <= most);
            }
            print_message("\n");
        }
        free(reads);
        zipf_free(z);
    }
}

/* --- scans -------------------------------------------------------------------------------- */

static double share_kept_through_scan(cg_cache_policy policy) {
    enum { CAPACITY = 1000, HOT = 700, ROUNDS = 8, SCAN = 10 * CAPACITY };
    cg_error error = {0};
    cg_cache_options options = {.policy = policy, .capacity = CAPACITY};
    cg_cache *cache = NULL;
    assert_ok(cg_cache_alloc(&options, cg_allocator_heap(), &cache, &error), error);
    for (uint64_t i = 0; i < UINT64_C(1) * HOT * ROUNDS + SCAN; i++) {
        uint64_t key = i < UINT64_C(1) * HOT * ROUNDS ? i % HOT : HOT + i;
        if (!cg_cache_touch(cache, key)) {
            assert_ok(cg_cache_reserve(cache, &error), error);
            (void)cg_cache_put(cache, key, 1);
        }
    }
    uint32_t kept = 0;
    for (uint64_t key = 0; key < HOT; key++) {
        kept += cg_cache_holds(cache, key);
    }
    cg_cache_free(cache);
    print_message("%s keeps %.3f of what is hot through a scan\n", cg_cache_policy_name(policy),
                  (double)kept / HOT);
    return (double)kept / HOT;
}

static void test_scans(void **state) {
    (void)state;
    assert_true(share_kept_through_scan(CG_CACHE_LRU) == 0.0);
    assert_true(share_kept_through_scan(CG_CACHE_S3FIFO) > 0.95);
    assert_true(share_kept_through_scan(CG_CACHE_TINYLFU) > 0.95);
    assert_true(share_kept_through_scan(CG_CACHE_ARC) > 0.95);
    assert_true(share_kept_through_scan(CG_CACHE_LFU) > 0.95);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lru_is_che),
        cmocka_unit_test(test_lfu_has_the_most_frequent),
        cmocka_unit_test(test_belady_has_the_hits_of_the_best_schedule),
        cmocka_unit_test(test_belady_is_its_naive_form),
        cmocka_unit_test(test_no_policy_passes_belady),
        cmocka_unit_test(test_scans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
