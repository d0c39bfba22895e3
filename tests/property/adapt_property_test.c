/* Goal: on a simulated service whose load shifts twice (random reads, chains of reads, random reads
 * again) the default rules bring each setting where it belongs within SETTLE intervals and then
 * keep still, at most one change of a setting per 50 intervals, under noise; and whatever the rules
 * and metrics, values stay in bounds and change at most once an interval, as a plain model says.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/service/adapt.h"
#include "tests/support/support.h"

enum { SETTLE = 45, PHASE = 545 };

typedef struct service {
    double chain_share;     /* of reads, that follow a chain */
    double working_entries; /* read evenly, beside the chains */
    double arrivals;        /* requests in a service time with idle disk and cores */
    double noise;
} service;

static double noisy(double value, double noise, cg_stream *stream) {
    return value * (1.0 + noise * cg_stream_next_normal(stream));
}

static double bounded(double value) {
    return value < 0.0 ? 0.0 : value > 1.0 ? 1.0 : value;
}

/* What the service measures in an interval with these settings. */
static void measure(const service *world, const cg_adapt *adapt, cg_stream *stream,
                    double metrics[CG_ADAPT_DEFAULT_METRICS]) {
    double depth = (double)cg_adapt_value(adapt, CG_ADAPT_PREFETCH_DEPTH);
    double entries = (double)cg_adapt_value(adapt, CG_ADAPT_L1_ENTRIES);
    double permits = (double)cg_adapt_value(adapt, CG_ADAPT_PERMITS);
    double hits = bounded(entries / world->working_entries);
    double misses = 0.05 + 0.10 * world->chain_share;
    double foreseen = world->chain_share * depth / (depth + 1.0);
    double wasted = (1.0 - world->chain_share) * depth * 0.1;
    double disk = bounded(0.3 + misses * (1.0 - foreseen) + wasted);
    double busy = world->arrivals / permits; /* of permits */
    double ratio = busy < 1.0 ? busy * busy / (1.0 - busy) / permits * 4.0 : 100.0;
    double noise = world->noise;
    metrics[CG_ADAPT_PREDICTOR_ACCURACY] =
        bounded(noisy(0.05 + 0.94 * world->chain_share, noise, stream));
    metrics[CG_ADAPT_PREFETCH_USEFUL] =
        depth > 0.0 ? bounded(noisy(0.05 + 0.75 * world->chain_share, noise, stream))
                    : (double)NAN;
    metrics[CG_ADAPT_DISK_UTILISATION] = bounded(noisy(disk, noise, stream));
    metrics[CG_ADAPT_L1_HIT_SHARE] = bounded(noisy(hits, noise / 10, stream));
    metrics[CG_ADAPT_L2_SERVED_SHARE] = bounded(noisy(1.0 - hits, noise, stream));
    metrics[CG_ADAPT_QUEUE_RATIO] = noisy(ratio, noise, stream);
    metrics[CG_ADAPT_CORE_UTILISATION] = bounded(noisy(world->arrivals / 400.0, noise, stream));
}

/* Runs one phase; checks the settings after SETTLE intervals, and that they keep still. */
static void run_phase(cg_adapt *adapt, const service *world, const int64_t low[3],
                      const int64_t high[3], cg_stream *stream) {
    uint32_t last[3] = {0};
    uint32_t at_rest[3] = {0};
    for (uint32_t i = 1; i <= PHASE; i++) {
        double metrics[CG_ADAPT_DEFAULT_METRICS];
        cg_adapt_change changes[CG_ADAPT_DEFAULT_SETTINGS];
        measure(world, adapt, stream, metrics);
        uint32_t count = cg_adapt_interval(adapt, metrics, CG_ADAPT_DEFAULT_METRICS, changes,
                                           CG_ADAPT_DEFAULT_SETTINGS);
        for (uint32_t j = 0; j < count; j++) {
            last[changes[j].setting] = i <= SETTLE ? i : last[changes[j].setting];
            at_rest[changes[j].setting] += i > SETTLE;
        }
        for (uint32_t j = 0; j < 3 && i > SETTLE; j++) {
            int64_t value = cg_adapt_value(adapt, j);
            if (value < low[j] || value > high[j]) {
                fail_msg("chains %g: setting %u is %d in interval %u, not %d to %d",
                         world->chain_share, j, (int)value, i, (int)low[j], (int)high[j]);
            }
        }
    }
    print_message("chains %.2f: depth %d, L1 %d, permits %d; settled in %u, %u, %u intervals; "
                  "changes in %d intervals at rest: %u, %u, %u\n",
                  world->chain_share, (int)cg_adapt_value(adapt, 0),
                  (int)cg_adapt_value(adapt, 1), (int)cg_adapt_value(adapt, 2), last[0],
                  last[1], last[2], PHASE - SETTLE, at_rest[0], at_rest[1], at_rest[2]);
    for (uint32_t j = 0; j < 3; j++) {
        assert_true(at_rest[j] * 50 <= PHASE - SETTLE);
    }
}

static void test_follows_load(void **state) {
    (void)state;
    uint64_t seed = support_seed(31);
    for (uint32_t i = 0; i < 20; i++) {
        cg_stream stream = cg_stream_init(seed, "test.adapt.load", i);
        cg_adapt_options options = cg_adapt_options_default();
        cg_adapt *adapt = NULL;
        cg_error error;
        assert_ok(cg_adapt_alloc(&options, cg_allocator_heap(), &adapt, &error), error);
        double noise = i % 2 == 0 ? 0.05 : 0.10;
        service random = {0.05, 200000, 20, noise};
        service chains = {0.90, 9000, 100, noise};
        run_phase(adapt, &random, (int64_t[]){0, 160000, 32}, (int64_t[]){0, 160000, 32},
                  &stream);
        run_phase(adapt, &chains, (int64_t[]){4, 10000, 128}, (int64_t[]){4, 20000, 128},
                  &stream);
        run_phase(adapt, &random, (int64_t[]){0, 160000, 32}, (int64_t[]){0, 160000, 128},
                  &stream);
        cg_adapt_free(adapt);
    }
}

/* Goal: at any load, also where metrics stand on thresholds, settings keep still. */
static void test_keeps_still(void **state) {
    (void)state;
    uint64_t seed = support_seed(33);
    uint64_t most = 0;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 200; i++) {
        cg_stream stream = cg_stream_init(seed, "test.adapt.still", i);
        cg_adapt_options options = cg_adapt_options_default();
        cg_adapt *adapt = NULL;
        cg_error error;
        assert_ok(cg_adapt_alloc(&options, cg_allocator_heap(), &adapt, &error), error);
        service world = {cg_stream_next_unit(&stream),
                         5000 + 200000 * cg_stream_next_unit(&stream),
                         400 * cg_stream_next_unit(&stream), 0.10};
        uint64_t before = 0;
        for (uint32_t j = 0; j < 2000; j++) {
            double metrics[CG_ADAPT_DEFAULT_METRICS];
            cg_adapt_change changes[CG_ADAPT_DEFAULT_SETTINGS];
            measure(&world, adapt, &stream, metrics);
            cg_adapt_interval(adapt, metrics, CG_ADAPT_DEFAULT_METRICS, changes,
                              CG_ADAPT_DEFAULT_SETTINGS);
            before = j == 500 ? cg_adapt_changes(adapt) : before;
        }
        uint64_t after = cg_adapt_changes(adapt) - before;
        most = after > most ? after : most;
        sum += after;
        cg_adapt_free(adapt);
    }
    print_message("200 loads: changes in 1500 intervals at rest: mean %.2f, most %u\n",
                  (double)sum / 200, (uint32_t)most);
    assert_true(most * 50 <= 1500);
}

/* Goal: a plant that answers each step by more than the gap between thresholds (which makes a pair
 * of rules undo each other for ever) is left alone more and more. */
static void test_calms_down(void **state) {
    (void)state;
    cg_adapt_options options = cg_adapt_options_default();
    cg_adapt *adapt = NULL;
    cg_error error;
    assert_ok(cg_adapt_alloc(&options, cg_allocator_heap(), &adapt, &error), error);
    uint64_t early = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        bool is_deep = cg_adapt_value(adapt, CG_ADAPT_PREFETCH_DEPTH) > 0;
        double metrics[CG_ADAPT_DEFAULT_METRICS] = {
            is_deep ? 0.1 : 0.9, is_deep ? 0.1 : 0.9, 0.3, 0.95, 0.05, 0.5, 0.5};
        cg_adapt_change changes[3];
        cg_adapt_interval(adapt, metrics, CG_ADAPT_DEFAULT_METRICS, changes, 3);
        early = i == 1000 ? cg_adapt_changes(adapt) : early;
    }
    uint64_t late = cg_adapt_changes(adapt) - early;
    print_message("rules that undo each other: %u changes in 1000 intervals, then %u in 9000\n",
                  (uint32_t)early, (uint32_t)late);
    assert_true(early >= 6);
    assert_true(late * 100 <= 9000);
    cg_adapt_free(adapt);
}

/* A setting as a naive model keeps it. */
typedef struct model {
    int64_t value;
    uint32_t held[16];
    uint64_t next_up; /* interval from which it may go there */
    uint64_t next_down;
    uint32_t reversals;
    int last; /* -1, 0, 1 */
} model;

static int64_t model_step(const cg_adapt_setting *setting, int64_t value, bool up) {
    double to = setting->step == CG_ADAPT_ADD
                    ? (double)value + (up ? 1.0 : -1.0) * (double)setting->amount
                    : (up ? (double)value * (double)setting->amount
                          : floor((double)value / (double)setting->amount));
    to = to < (double)setting->min ? (double)setting->min : to;
    return (int64_t)(to > (double)setting->max ? (double)setting->max : to);
}

static bool model_holds(const cg_adapt_rule *rule, const double *metrics) {
    for (uint32_t i = 0; i < rule->condition_count; i++) {
        double value = metrics[rule->conditions[i].metric];
        double gap = value - rule->conditions[i].threshold;
        gap = rule->conditions[i].comparison == CG_ADAPT_ABOVE ? gap : -gap;
        if (isnan(value) || gap <= 0.0) {
            return false;
        }
    }
    return true;
}

/* Advances the model; returns the rule that changed it, or count. */
static uint32_t model_interval(model *it, const cg_adapt_setting *setting,
                               const cg_adapt_rule *rules, uint32_t count,
                               const double *metrics, uint64_t now) {
    for (uint32_t i = 0; i < count; i++) {
        it->held[i] = model_holds(&rules[i], metrics) ? it->held[i] + 1 : 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        bool up = rules[i].direction == CG_ADAPT_UP;
        int64_t to = model_step(setting, it->value, up);
        if (it->held[i] < rules[i].hold || now < (up ? it->next_up : it->next_down) ||
            to == it->value) {
            continue;
        }
        bool back = it->last == (up ? -1 : 1);
        it->reversals = back ? it->reversals + 1 : 0;
        uint64_t rest = rules[i].cooldown;
        uint64_t rest_back = rest * (it->reversals > 6 ? 64u : 1u << it->reversals);
        it->next_up = now + 1 + (up ? rest : rest_back);
        it->next_down = now + 1 + (up ? rest_back : rest);
        it->last = up ? 1 : -1;
        it->value = to;
        memset(it->held, 0, sizeof it->held);
        return i;
    }
    return count;
}

static void test_against_model(void **state) {
    (void)state;
    uint64_t seed = support_seed(32);
    cg_stream stream = cg_stream_init(seed, "test.adapt.model", 0);
    uint32_t changed = 0;
    for (int round = 0; round < 300; round++) {
        cg_adapt_setting setting = {"any", 0, 0, 0, CG_ADAPT_ADD, 1};
        setting.step = (cg_adapt_step)cg_stream_next_below(&stream, CG_ADAPT_STEPS);
        setting.min = 1 + (int64_t)cg_stream_next_below(&stream, 10);
        setting.max = setting.min + (int64_t)cg_stream_next_below(&stream, 100);
        setting.initial = setting.min + (setting.max - setting.min) / 2;
        setting.amount = 2 + (int64_t)cg_stream_next_below(&stream, 5);
        cg_adapt_rule rules[4];
        for (uint32_t i = 0; i < 4; i++) {
            bool up = i % 2 == 0;
            rules[i] = (cg_adapt_rule){
                .setting = 0,
                .direction = up ? CG_ADAPT_UP : CG_ADAPT_DOWN,
                .condition_count = 1 + i / 2,
                .conditions = {{0, up ? CG_ADAPT_ABOVE : CG_ADAPT_BELOW, up ? 0.52 : 0.48},
                               {1, up ? CG_ADAPT_BELOW : CG_ADAPT_ABOVE, 0.5}},
                .hold = 1 + (uint32_t)cg_stream_next_below(&stream, 3),
                .cooldown = (uint32_t)cg_stream_next_below(&stream, 4),
            };
        }
        cg_adapt_options options = {&setting, rules, 1, 4};
        cg_adapt *adapt = NULL;
        cg_error error;
        assert_ok(cg_adapt_alloc(&options, cg_allocator_heap(), &adapt, &error), error);
        model it = {.value = setting.initial};
        double metrics[2] = {0.5, 0.5};
        for (uint64_t now = 0; now < 400; now++) {
            for (int i = 0; i < 2; i++) {
                if (cg_stream_next_below(&stream, 3) == 0) {
                    metrics[i] = cg_stream_next_below(&stream, 12) == 0
                                     ? (double)NAN
                                     : cg_stream_next_unit(&stream);
                }
            }
            cg_adapt_change change = {0};
            int64_t from = it.value;
            uint32_t count = cg_adapt_interval(adapt, metrics, 2, &change, 1);
            uint32_t rule = model_interval(&it, &setting, rules, 4, metrics, now);
            assert_int_equal(count, rule < 4);
            assert_int_equal(cg_adapt_value(adapt, 0), it.value);
            if (count > 0) {
                assert_int_equal(change.rule, rule);
                assert_int_equal(change.from, from);
                assert_int_equal(change.to, it.value);
            }
            changed += count;
        }
        cg_adapt_free(adapt);
    }
    print_message("%u changes as the model's\n", changed);
    assert_true(changed > 3000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows_load),
        cmocka_unit_test(test_keeps_still),
        cmocka_unit_test(test_calms_down),
        cmocka_unit_test(test_against_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
