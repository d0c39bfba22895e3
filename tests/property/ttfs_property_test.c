/* Goal: every code fires at the tick that its formula says, rounded half away from zero: for
 * random features, for those whose time comes as near to a midpoint between ticks as two floats
 * can, for times on a midpoint, and at the threshold; and a stronger feature never fires later.
 * (Spec A2.)
 *
 * The oracle works in long double (64 bits of significand or more) and in whole numbers. */
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/wide.h"
#include "engine/encode/ttfs.h"
#include "engine/encode/ttfs_exact.h"

enum { SILENT = -1, UNDECIDED = -2 };

/* 0 < value: significand * 2^exponent. */
static uint64_t significand_of(double value, int bits, int *exponent) {
    double fraction = frexp(value, exponent);
    *exponent -= bits;
    return (uint64_t)ldexp(fraction, bits);
}

/* Is size >= threshold * sum? Exactly; for sizes not below sum / 2^30. */
static bool reaches(double size, double sum, double threshold) {
    int of_size = 0;
    int of_sum = 0;
    int of_threshold = 0;
    uint64_t size_part = significand_of(size, 24, &of_size);
    uint64_t sum_part = significand_of(sum, 53, &of_sum);
    uint64_t threshold_part = significand_of(threshold, 53, &of_threshold);
    cg_wide product = cg_multiply_wide(sum_part, threshold_part);
    int shift = of_size - (of_sum + of_threshold); /* about 24 + 53 if they are close */
    if (shift < 0 || shift >= 104) {
        return shift >= 104;
    }
    uint64_t high = shift >= 64 ? size_part << (shift - 64)
                    : shift > 0 ? size_part >> (64 - shift)
                                : 0;
    uint64_t low = shift >= 64 ? 0 : size_part << shift;
    return high > product.high || (high == product.high && low >= product.low);
}

static int64_t rounded(long double ticks, long double doubt) {
    long double floor_of = floorl(ticks + 0.5L);
    long double over = ticks + 0.5L - floor_of;
    return over < doubt || over > 1.0L - doubt ? UNDECIDED : (int64_t)floor_of;
}

static int64_t linear_oracle(uint32_t window, double size, double strongest) {
    int of_size = 0;
    int of_strongest = 0;
    uint64_t m = significand_of(size, 24, &of_size);
    uint64_t big = significand_of(strongest, 24, &of_strongest);
    big <<= of_strongest - of_size;
    uint64_t gap = big - m;
    uint64_t ticks = 0; /* window * gap / big, a bit of the window at a time */
    uint64_t rest = 0;
    for (int bit = 31; bit >= 0; bit--) {
        ticks *= 2;
        rest = 2 * rest + ((window >> bit & 1) ? gap : 0);
        ticks += rest / big;
        rest %= big;
    }
    return (int64_t)(ticks + (2 * rest >= big));
}

static int64_t oracle(const cg_ttfs_options *options, float feature, float strongest) {
    double size = fabs((double)feature);
    double most = fabs((double)strongest);
    if (size == 0.0 || !reaches(size, most, options->threshold)) {
        return SILENT;
    }
    long double window = options->window_ticks;
    long double longest = -logl((long double)options->threshold);
    if (options->code == CG_TTFS_LINEAR) {
        return linear_oracle(options->window_ticks, size, most);
    }
    if (options->code == CG_TTFS_LOG) {
        long double x = (long double)size / (long double)most;
        /* The quotient's rounding moves ln x by 2^-64; the rest is relative. */
        long double doubt = window * 0x1p-60L + window / longest * 0x1p-63L;
        return rounded(window * -logl(x) / longest, doubt);
    }
    if (!reaches(size, most + size, options->threshold)) {
        return SILENT;
    }
    long double surplus =
        (long double)size - (long double)options->threshold * (long double)most;
    long double doubt =
        window * 0x1p-60L + window / longest / (long double)options->threshold * 0x1p-60L;
    return rounded(window * logl((long double)size / surplus) / longest, doubt);
}

static int64_t tick_of(const cg_ttfs_options *options, float feature, float strongest) {
    float vector[3] = {-strongest, feature, 0.0f};
    int32_t spikes[3];
    (void)cg_ttfs_encode(options, vector, 3, spikes, NULL);
    assert_int_equal(spikes[2], 0);
    if (spikes[1] == 0) {
        return SILENT;
    }
    double size = fabs((double)feature);
    int32_t exact = cg_ttfs_exact_tick(options, size, fabs((double)strongest));
    assert_int_equal(abs(spikes[1]) - 1, exact); /* the quick way and the exact one agree */
    return exact;
}

/* Returns whether the oracle could decide. */
static bool check(const cg_ttfs_options *options, float feature, float strongest) {
    int64_t expected = oracle(options, feature, strongest);
    int64_t found = tick_of(options, feature, strongest);
    if (expected != UNDECIDED && found != expected) {
        fail_msg("code %d, window %u, threshold %a: %a of %a fires at %lld, not %lld",
                 (int)options->code, options->window_ticks, options->threshold, (double)feature,
                 (double)strongest, (long long)found, (long long)expected);
    }
    return expected != UNDECIDED;
}

static cg_ttfs_options draw_options(cg_stream *stream, int code) {
    cg_ttfs_options options = cg_ttfs_options_default();
    options.code = (cg_ttfs_code)code;
    options.refractory_ticks = 0;
    uint64_t kind = cg_stream_next_below(stream, 4);
    if (kind > 0) {
        uint64_t most = kind == 1 ? 10 : kind == 2 ? 300000 : UINT64_C(1) << 30;
        options.window_ticks = 1 + (uint32_t)cg_stream_next_below(stream, most);
        double unit = cg_stream_next_unit(stream);
        options.threshold =
            kind == 1 ? ldexp(1.0, -1 - (int)(unit * 10.0)) : 0x1p-20 + unit * (1.0 - 0x1p-19);
    }
    return options;
}

static void random_features_fire_at_the_nearest_tick(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(1), "test.ttfs.random", 0);
    uint32_t decided = 0;
    enum { ROUNDS = 120000 };
    for (int round = 0; round < ROUNDS; round++) {
        cg_ttfs_options options = draw_options(&stream, round % 3);
        int exponent = (int)cg_stream_next_below(&stream, 200) - 100;
        float strongest = ldexpf(1.0f + (float)cg_stream_next_unit(&stream), exponent);
        float feature = strongest * (float)cg_stream_next_unit(&stream);
        feature = cg_stream_next_below(&stream, 2) ? feature : -feature;
        decided += check(&options, feature, strongest);
    }
    assert_true(decided >
                ROUNDS - ROUNDS / 50); /* windows of a few ticks have true midpoints */
}

/* The fraction with parts below 2^24 that is nearest to x: the last convergent of its continued
 * fraction, or the last one between it and its predecessor. */
static void nearest_floats(long double x, bool is_between, float *size, float *strongest) {
    const uint64_t limit = (1 << 24) - 1;
    uint64_t before[2] = {0, 1};
    uint64_t last[2] = {1, 0};
    for (int i = 0; i < 60; i++) {
        long double whole = floorl(x);
        uint64_t term = whole < 0x1p40L ? (uint64_t)whole : UINT64_C(1) << 40;
        uint64_t most = (limit - before[1]) / (last[1] > 0 ? last[1] : 1);
        uint64_t most_over = last[0] > 0 ? (limit - before[0]) / last[0] : most;
        most = most < most_over ? most : most_over;
        bool is_end = term > most;
        if (is_end && !is_between) {
            break;
        }
        term = is_end ? most : term;
        uint64_t next[2] = {term * last[0] + before[0], term * last[1] + before[1]};
        memcpy(before, last, sizeof last);
        memcpy(last, next, sizeof next);
        if (is_end || x - whole < 0x1p-50L) {
            break;
        }
        x = 1.0L / (x - whole);
    }
    *size = (float)last[0];
    *strongest = (float)last[1];
}

static void features_beside_midpoints_fire_on_their_side(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(2), "test.ttfs.midpoints", 0);
    uint32_t decided = 0;
    enum { ROUNDS = 60000 };
    for (int round = 0; round < ROUNDS; round++) {
        cg_ttfs_options options = cg_ttfs_options_default();
        options.code = (cg_ttfs_code)(round % 3);
        long double part = ((long double)cg_stream_next_below(&stream, 100000) + 0.5L) / 1e5L;
        long double threshold = (long double)options.threshold;
        long double power = powl(threshold, part);
        long double x = options.code == CG_TTFS_LOG      ? power
                        : options.code == CG_TTFS_LINEAR ? 1.0L - part
                                                         : threshold / (1.0L - power);
        if (x > 1.0L || x < threshold) {
            decided++;
            continue;
        }
        float size;
        float strongest;
        int halvings = (int)cg_stream_next_below(&stream, 3);
        nearest_floats(ldexpl(x, halvings), cg_stream_next_below(&stream, 2), &size,
                       &strongest);
        size = ldexpf(size, -halvings);
        if (size > strongest || size == 0.0f) {
            decided++;
            continue;
        }
        decided += check(&options, size, strongest);
        (void)check(&options, nextafterf(size, 0.0f), strongest);
        (void)check(&options, nextafterf(size, 1e9f), nextafterf(strongest, 1e9f));
    }
    assert_true(decided > ROUNDS - ROUNDS / 100);
}

typedef struct close_call {
    float strongest;
    float size;
    int32_t tick;
} close_call;

/* Of all pairs of floats, those with the times nearest to a midpoint with the defaults, 2^-44 to
 * 2^-53 of a tick away: each midpoint's continued fraction, and the ticks, with 220 bits. */
static void hardest_features_fire_on_their_side(void **state) {
    (void)state;
    static const close_call hard_log[] = {
        {12210182.0f, 0xba177fp-3f, 90361}, {6105091.0f, 0xba177fp-4f, 90361},
        {13226411.0f, 0xc5fde3p0f, 832},    {15789191.0f, 0x7b18a6p-2f, 89369},
        {12415746.0f, 0x60bbd5p-1f, 59294}, {9991733.0f, 0x759f0cp0f, 11268},
        {8797346.0f, 0xb05489p-1f, 18257},  {16533715.0f, 0x98683fp0f, 21889},
        {12654102.0f, 0xeaf4b7p-3f, 81785}, {13663891.0f, 0xbaaf5dp-1f, 34902},
        {14620829.0f, 0x8020ffp0f, 24084}};
    static const close_call hard_lif[] = {
        {9918519.0f, 0x8f4256p-2f, 23850},  {15603851.0f, 0xee7af9p-1f, 9673},
        {12387999.0f, 0xb9fb63p-3f, 72837}, {15140364.0f, 0xfde92bp-2f, 19650},
        {9135254.0f, 0xc51a8bp-3f, 36227},  {12554057.0f, 0xa89cb4p0f, 5238},
        {13970161.0f, 0x7e65eap0f, 8022},   {9918376.0f, 0x6fc1ebp0f, 6320},
        {7495559.0f, 0x4aed99p-1f, 15819},  {16111609.0f, 0xb681e4p0f, 6283},
        {14871321.0f, 0xd43e78p-3f, 83957}};
    cg_ttfs_options options = cg_ttfs_options_default();
    for (size_t i = 0; i < sizeof hard_log / sizeof *hard_log; i++) {
        assert_int_equal(tick_of(&options, hard_log[i].size, hard_log[i].strongest),
                         hard_log[i].tick);
    }
    options.code = CG_TTFS_LIF;
    for (size_t i = 0; i < sizeof hard_lif / sizeof *hard_lif; i++) {
        assert_int_equal(tick_of(&options, hard_lif[i].size, hard_lif[i].strongest),
                         hard_lif[i].tick);
    }
}

/* x = 2^-i with threshold 2^-j lies at window * i / j; with lif, x / (x - threshold) is a power
 * of the threshold for x = 1/2, threshold 1/4. */
static void midpoints_go_to_the_later_tick(void **state) {
    (void)state;
    cg_ttfs_options options = cg_ttfs_options_default();
    options.refractory_ticks = 0;
    for (uint32_t window = 1; window < 400; window++) {
        options.window_ticks = window;
        for (int j = 1; j <= 8; j++) {
            options.code = CG_TTFS_LOG;
            options.threshold = ldexp(1.0, -j);
            for (int i = 0; i <= j; i++) {
                int64_t expected = (2 * (int64_t)window * i + j) / (2 * (int64_t)j);
                assert_int_equal(tick_of(&options, ldexpf(3.0f, -i), 3.0f), expected);
            }
            assert_int_equal(tick_of(&options, ldexpf(3.0f, -j - 1), 3.0f), SILENT);
        }
        options.code = CG_TTFS_LIF;
        options.threshold = 0.25;
        assert_int_equal(tick_of(&options, 0.5f, 1.0f), (window + 1) / 2);
        options.threshold = 0.5; /* even the strongest fires at the very end only */
        assert_int_equal(tick_of(&options, 7.0f, 7.0f), window);
        assert_int_equal(tick_of(&options, nextafterf(7.0f, 0.0f), 7.0f), SILENT);
        options.code = CG_TTFS_LINEAR;
        assert_int_equal(tick_of(&options, 0.5f, 1.0f), (window + 1) / 2);
        assert_int_equal(tick_of(&options, 0.75f, 1.0f), (window + 2) / 4);
    }
}

static void threshold_is_decided_without_rounding(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(3), "test.ttfs.threshold", 0);
    for (int round = 0; round < 60000; round++) {
        cg_ttfs_options options = draw_options(&stream, round % 3);
        if (cg_stream_next_below(&stream, 2)) { /* so that some float is the threshold itself */
            options.threshold = (double)(float)options.threshold;
        }
        float strongest = cg_stream_next_below(&stream, 2)
                              ? 1.0f + (float)cg_stream_next_unit(&stream)
                              : ldexpf(1.0f, (int)cg_stream_next_below(&stream, 9));
        double end = options.threshold * (double)strongest;
        if (options.code == CG_TTFS_LIF) {
            end /= 1.0 - options.threshold;
        }
        float feature = (float)end;
        int steps = (int)cg_stream_next_below(&stream, 5) - 2;
        for (int i = 0; i < abs(steps); i++) {
            feature = nextafterf(feature, steps < 0 ? 0.0f : 1e9f);
        }
        if (feature <= strongest) {
            (void)check(&options, feature, strongest);
        }
    }
    cg_ttfs_options options = cg_ttfs_options_default();
    /* Below 0.1, though the quotient rounds to it. */
    assert_int_equal(tick_of(&options, 0x1.b2fe4p-5f, 0x1.0fdee8p-1f), SILENT);
}

static void stronger_fires_no_later_among_neighbours(void **state) {
    (void)state;
    enum { RUN = 256 };
    cg_stream stream = cg_stream_init(support_seed(4), "test.ttfs.monotone", 0);
    for (int round = 0; round < 600; round++) {
        cg_ttfs_options options = draw_options(&stream, round % 3);
        float vector[RUN + 1];
        float flipped[RUN + 1];
        int32_t spikes[RUN + 1];
        int32_t mirrored[RUN + 1];
        vector[0] = 0.01f + (float)cg_stream_next_unit(&stream);
        uint64_t steps_most = UINT64_C(1) << cg_stream_next_below(&stream, 16);
        for (int d = 1; d < RUN; d++) { /* upwards by a few floats each */
            uint32_t bits;
            memcpy(&bits, &vector[d - 1], sizeof bits);
            bits += 1 + (uint32_t)cg_stream_next_below(&stream, steps_most);
            memcpy(&vector[d], &bits, sizeof bits);
        }
        vector[RUN] = vector[RUN - 1] * (1.0f + 3.0f * (float)cg_stream_next_unit(&stream));
        for (int d = 0; d <= RUN; d++) {
            flipped[d] = -vector[d];
        }
        uint32_t fired = cg_ttfs_encode(&options, vector, RUN + 1, spikes, NULL);
        assert_int_equal(cg_ttfs_encode(&options, flipped, RUN + 1, mirrored, NULL), fired);
        for (int d = 0; d <= RUN; d++) {
            assert_int_equal(mirrored[d], -spikes[d]);
            assert_true(d == 0 || spikes[d - 1] == 0 ||
                        (spikes[d] > 0 && spikes[d] <= spikes[d - 1]));
        }
    }
}

/* Floats at both ends of their range, and thresholds down to the least double. */
static void extremes_stay_in_the_window(void **state) {
    (void)state;
    static const float sizes[] = {0x1p-149f, 0x1p-126f, 1.0f, 3.4028234e38f};
    static const double thresholds[] = {0x1p-1074, 1e-300, 1e-30,        1e-10,
                                        0.1,       0.9,    1.0 - 0x1p-53};
    for (int round = 0; round < 3 * 7 * 4 * 4; round++) {
        cg_ttfs_options options = cg_ttfs_options_default();
        options.code = (cg_ttfs_code)(round % 3);
        options.threshold = thresholds[round / 3 % 7];
        options.window_ticks = round % 2 ? 1 << 30 : 1;
        options.refractory_ticks = 0;
        float strongest = sizes[round / 21 % 4];
        float size = sizes[round / 84];
        if (size <= strongest) {
            int64_t tick = tick_of(&options, size, strongest);
            assert_true(tick == SILENT || (tick >= 0 && tick <= (1 << 30)));
            assert_true(tick >= 0 || (double)size / (double)strongest < options.threshold ||
                        options.code == CG_TTFS_LIF);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_features_fire_at_the_nearest_tick),
        cmocka_unit_test(features_beside_midpoints_fire_on_their_side),
        cmocka_unit_test(hardest_features_fire_on_their_side),
        cmocka_unit_test(midpoints_go_to_the_later_tick),
        cmocka_unit_test(threshold_is_decided_without_rounding),
        cmocka_unit_test(stronger_fires_no_later_among_neighbours),
        cmocka_unit_test(extremes_stay_in_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
