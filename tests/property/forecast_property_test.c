/* Goal: learned on one load, forecasts hold on another: 95% of requests within 20%. With noise,
 * outliers, features that go together and features never seen; and no input makes it lose its
 * senses.
 */
#include <math.h>

#include "engine/service/forecast.h"
#include "tests/support/support.h"

typedef struct load {
    uint32_t keys_low;
    uint32_t keys_high;
    double l1_share;
    double l2_share; /* the rest is L3's */
    uint32_t ahead_max;
    uint32_t store_max;
    double noise;
    double outliers; /* share of requests that take 5 to 50 times as long */
} load;

/* What a request takes by itself, with the reads that it really had. */
static double service_ns(const double reads[3], uint32_t keys, uint32_t hops) {
    return 30000.0 + 140.0 * keys + 3500.0 * hops + 4.0 * reads[0] + 65.0 * reads[1] +
           8000.0 * reads[2];
}

/* Draws a request: its features, and its own time. */
static double draw_service(const load *like, cg_forecast_features *features,
                           cg_stream *stream) {
    uint32_t span = like->keys_high - like->keys_low + 1;
    uint32_t keys = like->keys_low + (uint32_t)cg_stream_next_below(stream, span);
    uint32_t hops = 1 + (uint32_t)cg_stream_next_below(stream, 4);
    double shares[3] = {like->l1_share, like->l2_share, 1.0 - like->l1_share - like->l2_share};
    double reads[3];
    *features = (cg_forecast_features){.keys = keys, .hops = hops};
    for (int i = 0; i < 3; i++) {
        double shift =
            0.6 + 0.8 * cg_stream_next_unit(stream); /* requests differ in what is hot */
        double expected = keys * (i == 2 ? shares[2] * shift : shares[i]);
        double spread = cg_stream_next_normal(stream) * expected * 0.05;
        features->tier_reads[i] = expected;
        reads[i] = expected + spread > 0.0 ? expected + spread : 0.0;
    }
    return service_ns(reads, keys, hops);
}

static double draw(const load *like, cg_forecast_features *features, cg_stream *stream) {
    double time = draw_service(like, features, stream);
    features->permits = 4;
    features->requests_ahead = (uint32_t)cg_stream_next_below(stream, like->ahead_max + 1);
    features->store_reads_ahead = (uint32_t)cg_stream_next_below(stream, like->store_max + 1);
    features->store_writes_ahead = (uint32_t)cg_stream_next_below(stream, like->store_max + 1);
    double ahead = 0.0;
    for (uint32_t i = 0; i < features->requests_ahead; i++) {
        cg_forecast_features other;
        ahead += draw_service(like, &other, stream);
    }
    features->ahead_ns = (uint64_t)(ahead * (0.9 + 0.2 * cg_stream_next_unit(stream)));
    time += ahead / features->permits + 70000.0 * features->store_reads_ahead +
            25000.0 * features->store_writes_ahead;
    double factor = 1.0 + like->noise * cg_stream_next_normal(stream);
    time *= factor > 0.3 ? factor : 0.3;
    if (cg_stream_next_unit(stream) < like->outliers) {
        time *= 5.0 + 45.0 * cg_stream_next_unit(stream);
    }
    return time;
}

static void learn(cg_forecast *forecast, const load *like, uint32_t requests,
                  cg_stream *stream) {
    for (uint32_t i = 0; i < requests; i++) {
        cg_forecast_features features;
        double time = draw(like, &features, stream);
        cg_forecast_learn(forecast, &features, (uint64_t)time);
    }
}

/* Share of requests within 20%, without learning from them. */
static double judge(const cg_forecast *forecast, const load *like, cg_stream *stream,
                    const char *name) {
    uint32_t within = 0;
    double sum = 0.0;
    enum { REQUESTS = 4000 };
    for (uint32_t i = 0; i < REQUESTS; i++) {
        cg_forecast_features features;
        double time = draw(like, &features, stream);
        double error = fabs((double)cg_forecast_ns(forecast, &features) - time) / time;
        within += error <= 0.20;
        sum += error;
    }
    double share = (double)within / REQUESTS;
    print_message("%s: %.2f%% within 20%%, mean error %.2f%%\n", name, 100.0 * share,
                  100.0 * sum / REQUESTS);
    return share;
}

static cg_forecast make(void) {
    cg_forecast_options options = cg_forecast_options_default();
    cg_forecast forecast;
    cg_error error;
    assert_ok(cg_forecast_init(&forecast, &options, &error), error);
    return forecast;
}

static const load calm = {100, 2000, 0.70, 0.26, 6, 4, 0.05, 0.0};
static const load busy = {50, 20000, 0.30, 0.50, 60, 30, 0.05, 0.0};
static const load warm = {2000, 6000, 0.95, 0.05, 0, 0, 0.05, 0.0};

static void test_another_load(void **state) {
    (void)state;
    uint64_t seed = support_seed(21);
    cg_stream stream = cg_stream_init(seed, "test.forecast", 0);
    cg_forecast forecast = make();
    learn(&forecast, &calm, 4000, &stream);
    assert_true(judge(&forecast, &calm, &stream, "calm -> calm") >= 0.95);
    assert_true(judge(&forecast, &busy, &stream, "calm -> busy") >= 0.95);
    assert_true(judge(&forecast, &warm, &stream, "calm -> warm") >= 0.95);
    cg_forecast_statistics statistics = cg_forecast_statistics_of(&forecast);
    assert_int_equal(statistics.count, 4000);
    assert_true(statistics.within_share > 0.95);
    assert_true(statistics.error < 0.10);
    learn(&forecast, &busy, 4000, &stream);
    assert_true(judge(&forecast, &busy, &stream, "busy -> busy") >= 0.95);
    assert_true(judge(&forecast, &calm, &stream, "busy -> calm") >= 0.95);
    /* Tiers 4 and 5 never occurred and kept their priors. */
    double unseen = cg_forecast_weight_ns(&forecast, CG_FORECAST_TIER_READS + 4);
    assert_true(unseen == 1e5);
    assert_true(cg_forecast_weight_ns(&forecast, CG_FORECAST_TIER_READS + 3) == 1e5);
}

/* Goal: the first forecasts are better with every few requests. */
static void test_learns_fast(void **state) {
    (void)state;
    uint64_t seed = support_seed(22);
    cg_stream stream = cg_stream_init(seed, "test.forecast.fast", 0);
    cg_forecast forecast = make();
    learn(&forecast, &calm, 100, &stream);
    assert_true(judge(&forecast, &calm, &stream, "after 100 requests") >= 0.90);
}

/* Goal: 1% of requests that take up to 50 times as long bend forecasts of the others little. */
static void test_outliers(void **state) {
    (void)state;
    uint64_t seed = support_seed(23);
    cg_stream stream = cg_stream_init(seed, "test.forecast.outliers", 0);
    load rough = calm;
    rough.outliers = 0.01;
    cg_forecast forecast = make();
    learn(&forecast, &rough, 10000, &stream);
    assert_true(judge(&forecast, &calm, &stream, "1% outliers -> calm") >= 0.95);
    assert_true(judge(&forecast, &busy, &stream, "1% outliers -> busy") >= 0.90);
}

/* Goal: with 20% of noise the forecast is the mean: unbiased within 3%. */
static void test_noise(void **state) {
    (void)state;
    uint64_t seed = support_seed(24);
    cg_stream stream = cg_stream_init(seed, "test.forecast.noise", 0);
    load noisy = calm;
    noisy.noise = 0.20;
    cg_forecast forecast = make();
    learn(&forecast, &noisy, 10000, &stream);
    double ratio = 0.0;
    for (int i = 0; i < 4000; i++) {
        cg_forecast_features features;
        double time = draw(&calm, &features, &stream);
        ratio += (double)cg_forecast_ns(&forecast, &features) / time / 4000;
    }
    print_message("20%% of noise: mean forecast / actual %.4f\n", ratio);
    assert_true(ratio > 0.97 && ratio < 1.03);
    assert_true(judge(&forecast, &calm, &stream, "20% noise -> calm") >= 0.95);
}

/* Goal: a world that turns ten times slower is followed within some hundred requests. */
static void test_follows(void **state) {
    (void)state;
    uint64_t seed = support_seed(25);
    cg_stream stream = cg_stream_init(seed, "test.forecast.follows", 0);
    cg_forecast forecast = make();
    learn(&forecast, &calm, 20000, &stream);
    for (int i = 0; i < 1500; i++) {
        cg_forecast_features features;
        double time = 10.0 * draw(&calm, &features, &stream);
        cg_forecast_learn(&forecast, &features, (uint64_t)time);
    }
    uint32_t within = 0;
    for (int i = 0; i < 1000; i++) {
        cg_forecast_features features;
        double time = 10.0 * draw(&calm, &features, &stream);
        within += fabs((double)cg_forecast_ns(&forecast, &features) - time) <= 0.2 * time;
    }
    print_message("10 times slower, after 1500 requests: %.1f%% within 20%%\n", within / 10.0);
    assert_true(within >= 900);
}

/* Goal: keys, reads and hops that always go together: their sum is learned, none is below 0. */
static void test_collinear(void **state) {
    (void)state;
    uint64_t seed = support_seed(26);
    cg_stream stream = cg_stream_init(seed, "test.forecast.collinear", 0);
    cg_forecast forecast = make();
    for (int i = 0; i < 20000; i++) {
        uint32_t keys = 10 + (uint32_t)cg_stream_next_below(&stream, 5000);
        cg_forecast_features features = {
            .keys = keys, .hops = keys / 10, .tier_reads = {keys, 0.5 * keys, 0.01 * keys}};
        cg_forecast_learn(&forecast, &features, UINT64_C(50000) + keys * UINT64_C(900));
    }
    for (uint32_t keys = 10; keys < 20000; keys += 777) {
        cg_forecast_features features = {
            .keys = keys, .hops = keys / 10, .tier_reads = {keys, 0.5 * keys, 0.01 * keys}};
        double time = 50000.0 + 900.0 * keys;
        double got = (double)cg_forecast_ns(&forecast, &features);
        assert_true(fabs(got - time) < 0.05 * time);
    }
    for (cg_forecast_term term = 0; term < CG_FORECAST_TERMS; term++) {
        assert_true(cg_forecast_weight_ns(&forecast, term) >= 0.0);
    }
}

static double any_double(cg_stream *stream) {
    static const double odd[] = {-1.0, 1e300, 0.0, 5e-324, 1e12, 1.0};
    uint64_t kind = cg_stream_next_below(stream, 10);
    if (kind < 6) {
        return odd[kind];
    }
    if (kind == 6) {
        return (double)NAN;
    }
    return kind == 7 ? (double)INFINITY : 1e6 * cg_stream_next_unit(stream);
}

/* Goal: whatever it is told, weights stay finite and not below 0, and forecasts do not fall when
 * an amount grows; afterwards it learns as before. */
static void test_any_input(void **state) {
    (void)state;
    uint64_t seed = support_seed(27);
    cg_stream stream = cg_stream_init(seed, "test.forecast.any", 0);
    cg_forecast_options options = cg_forecast_options_default();
    for (int round = 0; round < 20; round++) {
        cg_forecast forecast;
        cg_error error;
        options.forgetting = round % 2 == 0 ? 0.9 : 1.0;
        options.prior_deviation = round % 3 == 0 ? 1000.0 : 0.01;
        assert_ok(cg_forecast_init(&forecast, &options, &error), error);
        for (int i = 0; i < 20000; i++) {
            uint64_t any = cg_stream_next(&stream);
            cg_forecast_features features = {
                .keys = (uint32_t)cg_stream_next(&stream) >> (any & 31),
                .hops = (uint32_t)cg_stream_next(&stream) >> (any >> 5 & 31),
                .store_reads_ahead = (uint32_t)cg_stream_next(&stream) >> (any >> 10 & 31),
                .store_writes_ahead = (uint32_t)cg_stream_next(&stream) >> (any >> 15 & 31),
                .requests_ahead = (uint32_t)cg_stream_next(&stream) >> (any >> 20 & 31),
                .permits = (uint32_t)cg_stream_next(&stream) >> (any >> 25 & 31),
                .ahead_ns = cg_stream_next(&stream) >> (any >> 30 & 63)};
            for (int j = 0; j < CG_FORECAST_TIERS; j++) {
                features.tier_reads[j] = any_double(&stream);
            }
            uint64_t actual = cg_stream_next(&stream) >> (any >> 36 & 63);
            cg_forecast_learn(&forecast, &features, actual);
            uint64_t before = cg_forecast_ns(&forecast, &features);
            assert_true(before <= UINT64_C(1) << 63);
            features.requests_ahead |= 1u << 31;
            features.permits = 1;
            assert_true(cg_forecast_ns(&forecast, &features) >= before);
        }
        for (cg_forecast_term term = 0; term < CG_FORECAST_TERMS; term++) {
            double weight = cg_forecast_weight_ns(&forecast, term);
            assert_true(weight >= 0.0 && weight <= 1e21);
        }
    }
    cg_forecast forecast = make();
    for (int i = 0; i < 1000; i++) {
        cg_forecast_features features = {.keys = UINT32_MAX, .ahead_ns = UINT64_MAX};
        cg_forecast_learn(&forecast, &features, i % 2 == 0 ? 0 : UINT64_MAX);
    }
    learn(&forecast, &calm, 20000, &stream);
    assert_true(judge(&forecast, &calm, &stream, "after nonsense") >= 0.95);
}

/* Goal: a plan fits its budget as forecast, one key more would not, and what is planned is what is
 * forecast for it. */
static void test_plans(void **state) {
    (void)state;
    uint64_t seed = support_seed(28);
    cg_stream stream = cg_stream_init(seed, "test.forecast.plans", 0);
    cg_forecast forecast = make();
    learn(&forecast, &calm, 4000, &stream);
    uint32_t modes[CG_FORECAST_MODES] = {0};
    uint32_t fewer_hops = 0;
    for (int i = 0; i < 20000; i++) {
        cg_forecast_features features;
        draw(&calm, &features, &stream);
        features.hops *= i % 3 == 0 ? 100 : 1;
        features.keys = i % 3 == 0 ? 1 + features.keys / 200 : features.keys;
        uint64_t whole = cg_forecast_ns(&forecast, &features);
        uint64_t budget = (uint64_t)((double)whole * (0.5 + cg_stream_next_unit(&stream)));
        cg_forecast_plan plan = cg_forecast_planned(&forecast, &features, budget);
        modes[plan.mode]++;
        assert_int_equal(plan.whole_ns, whole);
        assert_int_equal(plan.is_partial, plan.mode != CG_FORECAST_WHOLE);
        cg_forecast_features cut = features;
        double more = features.keys > 0 ? (plan.keys + 1.0) / features.keys : 0.0;
        for (int j = 0; j < CG_FORECAST_TIERS; j++) {
            cut.tier_reads[j] *= more;
        }
        cut.hops = plan.hops;
        cut.keys = plan.keys + 1;
        if (plan.mode == CG_FORECAST_WHOLE) {
            assert_true(whole <= budget && plan.planned_ns == whole);
            assert_true(plan.keys == features.keys && plan.hops == features.hops);
        } else if (plan.mode == CG_FORECAST_TRUNCATED) {
            assert_true(plan.planned_ns <= budget && plan.keys >= 1 && plan.hops >= 1);
            assert_true(plan.keys == features.keys || cg_forecast_ns(&forecast, &cut) > budget);
            assert_true(plan.hops < features.hops || plan.keys < features.keys);
            fewer_hops += plan.hops < features.hops;
        } else {
            assert_int_equal(plan.keys + plan.hops, 0);
            if (plan.planned_ns <= budget && (double)whole <= 1.5 * (double)budget) {
                cut.hops = 1;
                cut.keys = 1;
                for (int j = 0; j < CG_FORECAST_TIERS; j++) {
                    cut.tier_reads[j] = features.tier_reads[j] / features.keys;
                }
                assert_true(cg_forecast_ns(&forecast, &cut) + 1 > budget);
            }
        }
    }
    print_message("plans: whole %u, truncated %u (hops too %u), similarity %u\n", modes[0],
                  modes[1], fewer_hops, modes[2]);
    assert_true(modes[0] > 1000 && modes[1] > 1000 && modes[2] > 1000 && fewer_hops > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_load), cmocka_unit_test(test_learns_fast),
        cmocka_unit_test(test_outliers),     cmocka_unit_test(test_noise),
        cmocka_unit_test(test_follows),      cmocka_unit_test(test_collinear),
        cmocka_unit_test(test_any_input),    cmocka_unit_test(test_plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
