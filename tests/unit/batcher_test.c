/* Goal: the batcher chooses known optima, changes no sooner and no more often than it says, is not
 * moved by outliers, and refuses bad options.
 */
#include <math.h>
#include <string.h>

#include "engine/tier/batcher.h"
#include "tests/support/support.h"

static cg_batcher make(uint32_t cores) {
    cg_batcher_options options = cg_batcher_options_default();
    options.cores = cores;
    cg_batcher batcher;
    cg_error error;
    assert_ok(cg_batcher_init(&batcher, &options, &error), error);
    return batcher;
}

/* Runs requests of n keys, cut as the batcher says; returns the number of changes. */
static uint32_t run(cg_batcher *batcher, double dispatch_ns, double key_ns, uint32_t n,
                    uint32_t batches) {
    uint32_t changes = 0;
    uint32_t left = 0;
    for (uint32_t i = 0; i < batches; i++) {
        left = left == 0 ? n : left;
        uint32_t size = cg_batcher_size(batcher);
        uint32_t keys = size < left ? size : left;
        left -= keys;
        changes +=
            cg_batcher_observe(batcher, keys, n, (uint64_t)(dispatch_ns + key_ns * keys + 0.5));
    }
    return changes;
}

/* Goal: the known value of batcher.c, and what was estimated on the way. */
static void test_known_optimum(void **state) {
    (void)state;
    cg_batcher batcher = make(8);
    assert_int_equal(cg_batcher_size(&batcher), 64);
    assert_false(cg_batcher_estimated(&batcher).is_known);
    assert_true(cg_batcher_request_ns(&batcher, 64) == 0.0);
    uint32_t changes = run(&batcher, 700, 100, 8192, 5000);
    assert_int_equal(cg_batcher_size(&batcher), 1024);
    assert_true(changes >= 1 && changes <= 2);
    cg_batcher_estimate estimate = cg_batcher_estimated(&batcher);
    assert_true(estimate.is_known);
    assert_true(estimate.dispatch_ns > 690 && estimate.dispatch_ns < 710);
    assert_true(estimate.key_ns > 99.9 && estimate.key_ns < 100.1);
    assert_true(estimate.request_keys > 8191.9 && estimate.request_keys < 8192.1);
    assert_int_equal(estimate.observed, 5000);
    assert_int_equal(estimate.changes, changes);
    double time = cg_batcher_request_ns(&batcher, 1024);
    assert_true(time > 103000 && time < 103200);
    time = cg_batcher_request_ns(&batcher, 512);
    assert_true(time > 103700 && time < 103900);
}

/* Goal: sizes that are known from the formula, at its extremes. */
static void test_extremes(void **state) {
    (void)state;
    static const struct {
        double dispatch_ns;
        double key_ns;
        uint32_t cores;
        uint32_t n;
        uint32_t size;
    } cases[] = {
        {100, 0.25, 8, 1 << 20, 1 << 16},  /* a share of 1/8 takes 2,800 keys; then one round
                                            * of 131,072, beyond the largest */
        {1e9, 0.0, 8, 4096, 4096},         /* a key costs nothing: one batch */
        {1e9, 1.0, 8, 4096, 4096},         /* no size keeps the share: one batch */
        {0, 1000.0, 8, 4096, 512},         /* dispatch costs nothing: one round */
        {7, 1.0, 128, 1 << 16, 512},       /* one round of 512 */
        {1000, 1.0, 128, 1 << 16, 1 << 13} /* the share takes 7,000 keys */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cg_batcher batcher = make(cases[i].cores);
        uint32_t changes =
            run(&batcher, cases[i].dispatch_ns, cases[i].key_ns, cases[i].n, 8000);
        assert_int_equal(cg_batcher_size(&batcher), cases[i].size);
        assert_true(changes <= 3);
        assert_int_equal(
            run(&batcher, cases[i].dispatch_ns, cases[i].key_ns, cases[i].n, 100000), 0);
    }
}

/* Goal: sub-nanosecond keys beside whole-nanosecond clocks neither stick nor collapse. */
static void test_tiny_times(void **state) {
    (void)state;
    cg_batcher batcher = make(2);
    uint32_t changes = run(&batcher, 3, 0.01, 1 << 16, 20000);
    assert_true(cg_batcher_size(&batcher) >= 1024);
    assert_true(changes <= 3);
    batcher = make(2);
    run(&batcher, 0, 0, 1 << 16, 20000); /* no time at all: nothing to tell by */
    assert_true(cg_batcher_size(&batcher) >= 1);
    assert_true(cg_batcher_estimated(&batcher).changes <= 3);
}

/* Goal: nothing moves before settle_count batches, nor again within as many. */
static void test_settles(void **state) {
    (void)state;
    cg_batcher batcher = make(8);
    assert_int_equal(run(&batcher, 700, 100, 8192, 499), 0);
    assert_int_equal(run(&batcher, 700, 100, 8192, 1), 1);
    assert_int_equal(run(&batcher, 700, 100, 8192, 499), 0);
    cg_batcher copy = batcher;
    assert_false(cg_batcher_observe(&batcher, 0, 10, 1000)); /* counts for nothing */
    assert_int_equal(cg_batcher_hash(&batcher), cg_batcher_hash(&copy));
    assert_true(cg_batcher_observe(&copy, 1, 1, 800) ==
                cg_batcher_observe(&batcher, 1, 0, 800));
    assert_int_equal(cg_batcher_hash(&batcher), cg_batcher_hash(&copy));
    cg_batcher_observe(&copy, 1, 1, 801);
    assert_true(cg_batcher_hash(&batcher) != cg_batcher_hash(&copy));
}

/* Goal: stalls of single batches, and a window that is ten times slower, move nothing. */
static void test_outliers(void **state) {
    (void)state;
    cg_batcher batcher = make(8);
    run(&batcher, 700, 100, 8192, 10000);
    uint32_t size = cg_batcher_size(&batcher);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(run(&batcher, 1e9, 100, 8192, 1), 0);
        assert_int_equal(run(&batcher, 700, 100, 8192, 499), 0);
    }
    assert_int_equal(run(&batcher, 7000, 1000, 8192, 500), 0);
    assert_int_equal(run(&batcher, 700, 100, 8192, 10000), 0);
    assert_int_equal(cg_batcher_size(&batcher), size);
}

/* Goal: when dispatch alone becomes dearer at one size of batch, that is found out. */
static void test_follows_dispatch(void **state) {
    (void)state;
    cg_batcher batcher = make(8);
    run(&batcher, 700, 100, 65536, 10000);
    uint32_t changes = run(&batcher, 7e6, 100, 65536, 20000);
    assert_true(changes >= 1 && changes <= 3);
    assert_int_equal(cg_batcher_size(&batcher), 65536);
    changes = run(&batcher, 700, 100, 65536, 20000);
    assert_true(changes >= 1 && changes <= 3);
    assert_true(cg_batcher_size(&batcher) <= 8192);
}

static void refuse(cg_batcher_options options, const char *part) {
    cg_batcher batcher;
    cg_batcher before;
    memset(&batcher, 0x5a, sizeof batcher);
    memcpy(&before, &batcher, sizeof before);
    cg_error error = {0};
    assert_status(cg_batcher_init(&batcher, &options, &error), CG_ERROR_INVALID, error, part);
    assert_memory_equal(&batcher, &before, sizeof batcher);
}

static void test_refuses(void **state) {
    (void)state;
    cg_batcher_options good = cg_batcher_options_default();
    cg_batcher_options bad = good;
    bad.cores = 0;
    refuse(bad, "cores is 0, not 1 to 65536");
    bad.cores = 65537;
    refuse(bad, "cores is 65537");
    bad = good;
    bad.batch_min = 3;
    refuse(bad, "batch_min is 3, not a power of two of 1 to 65536");
    bad.batch_min = 0;
    refuse(bad, "batch_min is 0");
    bad = good;
    bad.batch_max = 1 << 21;
    refuse(bad, "batch_max is 2097152, not a power of two of 1 to 1048576");
    bad = good;
    bad.batch_first = 65536 * 2;
    refuse(bad, "batch_first is 131072, not a power of two of 1 to 65536");
    bad = good;
    bad.settle_count = 31;
    refuse(bad, "settle_count is 31, below 32");
    bad = good;
    bad.overhead_share = 1.0;
    refuse(bad, "overhead_share is 1,");
    bad.overhead_share = (double)NAN;
    refuse(bad, "overhead_share is");
    bad = good;
    bad.alpha = 0.0;
    refuse(bad, "alpha 0");
    bad = good;
    bad.alpha_young = 1.5;
    refuse(bad, "alpha_young is 1.5");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_optimum), cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_tiny_times),    cmocka_unit_test(test_settles),
        cmocka_unit_test(test_outliers),      cmocka_unit_test(test_follows_dispatch),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
