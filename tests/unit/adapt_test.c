/* Goal: rules hold, rest, step and clamp as they say; unknown metrics count as such; overlapping
 * and bad rules are refused.
 */
#include <math.h>
#include <stdlib.h>

#include "engine/service/adapt.h"
#include "tests/support/support.h"

static const cg_adapt_setting added = {"depth", 2, 0, 4, CG_ADAPT_ADD, 1};
static const cg_adapt_setting doubled = {"entries", 8, 3, 20, CG_ADAPT_MULTIPLY, 2};

static cg_adapt_rule rule_of(uint32_t setting, cg_adapt_direction direction, double threshold,
                             uint32_t hold, uint32_t cooldown) {
    return (cg_adapt_rule){
        .setting = setting,
        .direction = direction,
        .condition_count = 1,
        .conditions = {{0, direction == CG_ADAPT_UP ? CG_ADAPT_ABOVE : CG_ADAPT_BELOW,
                        threshold}},
        .hold = hold,
        .cooldown = cooldown,
    };
}

static cg_adapt *make(const cg_adapt_setting *settings, uint32_t setting_count,
                      const cg_adapt_rule *rules, uint32_t rule_count) {
    cg_adapt_options options = {settings, rules, setting_count, rule_count};
    cg_adapt *adapt = NULL;
    cg_error error;
    assert_ok(cg_adapt_alloc(&options, cg_allocator_heap(), &adapt, &error), error);
    return adapt;
}

/* Number of changes in one interval with one metric. */
static uint32_t tick(cg_adapt *adapt, double metric) {
    cg_adapt_change changes[4];
    return cg_adapt_interval(adapt, &metric, 1, changes, 4);
}

static void test_hold_and_cooldown(void **state) {
    (void)state;
    cg_adapt_rule rules[] = {rule_of(0, CG_ADAPT_UP, 0.6, 3, 2)};
    cg_adapt *adapt = make(&added, 1, rules, 1);
    assert_int_equal(cg_adapt_value(adapt, 0), 2);
    assert_int_equal(tick(adapt, 0.7), 0);
    assert_int_equal(tick(adapt, 0.7), 0);
    assert_int_equal(tick(adapt, 0.6), 0); /* not above */
    assert_int_equal(tick(adapt, 0.7), 0);
    assert_int_equal(tick(adapt, 0.7), 0);
    assert_int_equal(tick(adapt, (double)NAN), 0); /* unknown */
    assert_int_equal(tick(adapt, 0.7), 0);
    assert_int_equal(tick(adapt, 0.7), 0);
    cg_adapt_change change;
    assert_int_equal(cg_adapt_interval(adapt, NULL, 0, &change, 1), 0); /* not given */
    assert_int_equal(tick(adapt, 0.7), 0);
    assert_int_equal(tick(adapt, 0.7), 0);
    assert_int_equal(tick(adapt, 0.7), 1);
    assert_int_equal(cg_adapt_value(adapt, 0), 3);
    assert_int_equal(tick(adapt, 0.7), 0); /* hold anew, in which the cooldown passes */
    assert_int_equal(tick(adapt, 0.7), 0);
    assert_int_equal(tick(adapt, 0.7), 1);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(tick(adapt, 0.7), 0); /* at its bound */
    }
    assert_int_equal(cg_adapt_value(adapt, 0), 4);
    assert_int_equal(cg_adapt_changes(adapt), 2);
    cg_adapt_free(adapt);
    rules[0].hold = 1; /* now the cooldown alone counts */
    adapt = make(&added, 1, rules, 1);
    assert_int_equal(tick(adapt, 1), 1);
    assert_int_equal(tick(adapt, 1), 0);
    assert_int_equal(tick(adapt, 1), 0);
    assert_int_equal(tick(adapt, 1), 1);
    cg_adapt_free(adapt);
    rules[0].cooldown = 0;
    adapt = make(&added, 1, rules, 1);
    assert_int_equal(tick(adapt, 1), 1);
    assert_int_equal(tick(adapt, 1), 1);
    cg_adapt_free(adapt);
}

static void test_multiplies_and_clamps(void **state) {
    (void)state;
    cg_adapt_rule rules[] = {rule_of(0, CG_ADAPT_UP, 0.6, 1, 0),
                             rule_of(0, CG_ADAPT_DOWN, 0.4, 1, 0)};
    cg_adapt *adapt = make(&doubled, 1, rules, 2);
    static const struct {
        double metric;
        int64_t value;
    } steps[] = {{1, 16}, {1, 20}, {1, 20}, {0.5, 20}, {0, 10}, {0, 5}, {0, 3}, {0, 3}, {1, 6}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        tick(adapt, steps[i].metric);
        assert_int_equal(cg_adapt_value(adapt, 0), steps[i].value);
    }
    cg_adapt_free(adapt);
    /* 2^53 times anything stays there. */
    cg_adapt_setting vast = {"vast",
                             CG_ADAPT_VALUE_MAX - 1,
                             1,
                             CG_ADAPT_VALUE_MAX,
                             CG_ADAPT_MULTIPLY,
                             CG_ADAPT_VALUE_MAX};
    adapt = make(&vast, 1, rules, 2);
    tick(adapt, 1);
    assert_true(cg_adapt_value(adapt, 0) == CG_ADAPT_VALUE_MAX);
    tick(adapt, 0);
    assert_true(cg_adapt_value(adapt, 0) == 1);
    cg_adapt_free(adapt);
}

/* Goal: each change that takes back the last doubles the rest before the next; two in one direction
 * end that. Rules with hold 1 and cooldown 2 against a metric that always asks for the way back. */
static void test_reversals_back_off(void **state) {
    (void)state;
    cg_adapt_rule rules[] = {rule_of(0, CG_ADAPT_UP, 0.6, 1, 2),
                             rule_of(0, CG_ADAPT_DOWN, 0.4, 1, 2)};
    cg_adapt *adapt = make(&added, 1, rules, 2);
    static const int rests[] = {0, 2, 4, 8, 16, 32, 64, 128, 128, 128};
    bool up = true;
    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++, up = !up) {
        for (int j = 0; j < rests[i]; j++) {
            assert_int_equal(tick(adapt, up ? 1 : 0), 0);
        }
        assert_int_equal(tick(adapt, up ? 1 : 0), 1);
    }
    /* The last went down; once more in that direction after 2, then up after 2. */
    assert_int_equal(cg_adapt_value(adapt, 0), 2);
    assert_int_equal(tick(adapt, 0) + tick(adapt, 0), 0);
    assert_int_equal(tick(adapt, 0), 1);
    assert_int_equal(tick(adapt, 1) + tick(adapt, 1), 0);
    assert_int_equal(tick(adapt, 1), 1);
    cg_adapt_free(adapt);
}

/* Goal: one change a setting an interval, by the first rule; settings in order; what has no place
 * is not made and comes next. */
static void test_order_and_room(void **state) {
    (void)state;
    cg_adapt_setting settings[] = {added, doubled};
    cg_adapt_rule rules[] = {rule_of(1, CG_ADAPT_UP, 0.6, 1, 0),
                             rule_of(0, CG_ADAPT_UP, 0.6, 1, 0),
                             rule_of(0, CG_ADAPT_UP, 0.5, 1, 0)};
    cg_adapt *adapt = make(settings, 2, rules, 3);
    double metric = 0.7;
    cg_adapt_change changes[2];
    assert_int_equal(cg_adapt_interval(adapt, &metric, 1, NULL, 0), 0);
    assert_int_equal(cg_adapt_changes(adapt), 0);
    assert_int_equal(cg_adapt_interval(adapt, &metric, 1, changes, 1), 1);
    assert_int_equal(changes[0].setting, 0);
    assert_int_equal(changes[0].rule, 1);
    assert_int_equal(changes[0].from, 2);
    assert_int_equal(changes[0].to, 3);
    assert_int_equal(cg_adapt_value(adapt, 1), 8);
    uint64_t hash = cg_adapt_hash(adapt);
    assert_int_equal(cg_adapt_interval(adapt, &metric, 1, changes, 2), 2);
    assert_true(cg_adapt_hash(adapt) != hash);
    assert_int_equal(changes[1].setting, 1);
    assert_int_equal(changes[1].rule, 0);
    assert_int_equal(changes[1].to, 16);
    metric = 0.55;
    cg_adapt_free(adapt);
    adapt = make(settings, 2, rules, 3);
    assert_int_equal(cg_adapt_interval(adapt, &metric, 1, changes, 2), 1);
    assert_int_equal(changes[0].rule, 2);
    cg_adapt_free(adapt);
}

static void refuse(const cg_adapt_setting *settings, uint32_t setting_count,
                   const cg_adapt_rule *rules, uint32_t rule_count, const char *part) {
    cg_adapt_options options = {settings, rules, setting_count, rule_count};
    cg_adapt *adapt = NULL;
    cg_error error = {0};
    assert_status(cg_adapt_alloc(&options, cg_allocator_heap(), &adapt, &error),
                  CG_ERROR_INVALID, error, part);
    assert_null(adapt);
}

static void test_refuses_overlap(void **state) {
    (void)state;
    cg_adapt_rule rules[] = {rule_of(0, CG_ADAPT_UP, 0.5, 1, 0),
                             rule_of(0, CG_ADAPT_DOWN, 0.5, 1, 0)};
    refuse(
        &added, 1, rules, 2,
        "rule 0 (up) and rule 1 (down) of setting 0 overlap on metric 0: above 0.5 and below "
        "0.5 leave no gap");
    rules[1].conditions[0].threshold = 0.7;
    refuse(&added, 1, rules, 2, "leave no gap");
    rules[1].conditions[0] = (cg_adapt_condition){0, CG_ADAPT_ABOVE, 0.9};
    refuse(&added, 1, rules, 2, "above 0.5 and above 0.9");
    /* A gap on another shared metric is enough, and so are rules that share none. */
    rules[0].condition_count = 2;
    rules[0].conditions[1] = (cg_adapt_condition){1, CG_ADAPT_BELOW, 0.1};
    rules[1].condition_count = 2;
    rules[1].conditions[1] = (cg_adapt_condition){1, CG_ADAPT_ABOVE, 0.2};
    cg_adapt_free(make(&added, 1, rules, 2));
    rules[0].condition_count = 1;
    rules[1].condition_count = 1;
    rules[1].conditions[0].metric = 2;
    cg_adapt_free(make(&added, 1, rules, 2));
    /* Nor do rules of different settings, or of one direction, concern each other. */
    rules[1] = rule_of(0, CG_ADAPT_UP, 0.4, 1, 0);
    cg_adapt_free(make(&added, 1, rules, 2));
    cg_adapt_setting settings[] = {added, added};
    rules[1] = rule_of(1, CG_ADAPT_DOWN, 0.7, 1, 0);
    cg_adapt_free(make(settings, 2, rules, 2));
}

static void test_refuses_settings(void **state) {
    (void)state;
    cg_adapt_setting bad = added;
    bad.initial = 5;
    refuse(&bad, 1, NULL, 0, "setting 0 (depth): initial value is 5, not 0 to 4");
    bad = added;
    bad.min = 5;
    refuse(&bad, 1, NULL, 0, "bounds are 5 to 4");
    bad = added;
    bad.max = INT64_MAX;
    refuse(&bad, 1, NULL, 0, "bounds are 0 to 9223372036854775807");
    bad = added;
    bad.amount = 0;
    refuse(&bad, 1, NULL, 0, "amount of a step is 0, not 1 to");
    bad = doubled;
    bad.amount = 1;
    refuse(&bad, 1, NULL, 0, "amount of a step is 1, not 2 to");
    bad = doubled;
    bad.min = 0;
    refuse(&bad, 1, NULL, 0, "bounds are 0 to 20, not ascending within 1 to");
    bad = added;
    bad.step = CG_ADAPT_STEPS;
    refuse(&bad, 1, NULL, 0, "step is 2, not below 2");
    bad = added;
    bad.name = NULL;
    refuse(&bad, 1, NULL, 0, "setting 0 has no name");
    refuse(&added, CG_ADAPT_SETTINGS_MAX + 1, NULL, 0, "33 settings, above 32");
}

static void test_refuses_rules(void **state) {
    (void)state;
    cg_adapt_rule good = rule_of(0, CG_ADAPT_UP, 0.5, 1, 0);
    cg_adapt_rule bad = good;
    bad.setting = 1;
    refuse(&added, 1, &bad, 1, "rule 0: setting is 1, not below 1");
    bad = good;
    bad.direction = CG_ADAPT_DIRECTIONS;
    refuse(&added, 1, &bad, 1, "direction is 2");
    bad = good;
    bad.hold = 0;
    refuse(&added, 1, &bad, 1, "hold is 0 intervals, not 1 to 1000000");
    bad = good;
    bad.cooldown = 1000001;
    refuse(&added, 1, &bad, 1, "cooldown is 1000001");
    bad = good;
    bad.condition_count = 0;
    refuse(&added, 1, &bad, 1, "has 0 conditions, not 1 to 3");
    bad.condition_count = 4;
    refuse(&added, 1, &bad, 1, "has 4 conditions");
    bad = good;
    bad.conditions[0].metric = 64;
    refuse(&added, 1, &bad, 1, "metric is 64, not below 64");
    bad = good;
    bad.conditions[0].comparison = CG_ADAPT_COMPARISONS;
    refuse(&added, 1, &bad, 1, "comparison is 2");
    bad = good;
    bad.conditions[0].threshold = (double)INFINITY;
    refuse(&added, 1, &bad, 1, "threshold on metric 0 is not finite");
    bad.conditions[0].threshold = (double)NAN;
    refuse(&added, 1, &bad, 1, "not finite");
    refuse(&added, 1, &good, CG_ADAPT_RULES_MAX + 1, "129 rules, above 128");
}

static void test_memory(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    counting.fail_at = 1;
    cg_adapt_options options = cg_adapt_options_default();
    cg_adapt *adapt = NULL;
    cg_error error = {0};
    assert_status(
        cg_adapt_alloc(&options, cg_counting_allocator_view(&counting), &adapt, &error),
        CG_ERROR_MEMORY, error, "no memory");
    assert_null(adapt);
    counting.fail_at = 0;
    assert_ok(cg_adapt_alloc(&options, cg_counting_allocator_view(&counting), &adapt, &error),
              error);
    cg_adapt_free(adapt);
    cg_adapt_free(NULL);
    assert_int_equal(counting.live_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hold_and_cooldown),  cmocka_unit_test(test_multiplies_and_clamps),
        cmocka_unit_test(test_reversals_back_off), cmocka_unit_test(test_order_and_room),
        cmocka_unit_test(test_refuses_overlap),    cmocka_unit_test(test_refuses_settings),
        cmocka_unit_test(test_refuses_rules),      cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
