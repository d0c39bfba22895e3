/* Goal: alerts are raised once and cleared once, with a sentence; values are of the interval; the
 * JSON is as documented to the byte; memory failures lose no latency; bad rules are refused.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/service/monitor.h"
#include "tests/support/support.h"

enum { ALERTS = 8 };
static const uint64_t second = 1000000000;

static cg_monitor *make(cg_monitor_options options) {
    cg_monitor *monitor = NULL;
    cg_error error;
    assert_ok(cg_monitor_alloc(&options, cg_allocator_heap(), &monitor, &error), error);
    return monitor;
}

static void record(cg_monitor *monitor, uint64_t latency_ns, uint32_t times) {
    cg_error error;
    for (uint32_t i = 0; i < times; i++) {
        assert_ok(cg_monitor_record_latency(monitor, latency_ns, &error), error);
    }
}

/* Goal: p99 of the interval alone raises and clears, and says so once each. */
static void test_latency_alert(void **state) {
    (void)state;
    cg_monitor *monitor = make(cg_monitor_options_default());
    cg_monitor_gauges gauges = cg_monitor_gauges_init();
    cg_alert alerts[ALERTS];
    record(monitor, 1000000, 100);
    record(monitor, 120500000, 1); /* 1 of 101 is not p99 */
    assert_int_equal(cg_monitor_interval(monitor, second, &gauges, alerts, ALERTS), 0);
    record(monitor, 120500000, 10);
    assert_int_equal(cg_monitor_interval(monitor, 2 * second, &gauges, alerts, ALERTS), 1);
    assert_int_equal(alerts[0].rule, 0);
    assert_true(alerts[0].is_raised);
    assert_int_equal(alerts[0].severity, CG_WARNING);
    assert_int_equal(alerts[0].at_ns, 2 * second);
    assert_true(alerts[0].value == 120500000.0 && alerts[0].limit == 100e6);
    assert_string_equal(alerts[0].name, "latency_p99");
    assert_string_equal(alerts[0].text,
                        "latency_p99: p99 latency is 120.500 ms, above the limit "
                        "of 100.000 ms");
    assert_int_equal(cg_monitor_raised(monitor), 1);
    record(monitor, 120500000, 10); /* lasts: no repeat */
    assert_int_equal(cg_monitor_interval(monitor, 3 * second, &gauges, alerts, ALERTS), 0);
    assert_int_equal(cg_monitor_interval(monitor, 4 * second, &gauges, alerts, ALERTS), 0);
    record(monitor, 95000000, 10); /* below the limit, but not by the hysteresis */
    assert_int_equal(cg_monitor_interval(monitor, 5 * second, &gauges, alerts, ALERTS), 0);
    record(monitor, 80000000, 10);
    assert_int_equal(cg_monitor_interval(monitor, 6 * second, &gauges, alerts, ALERTS), 1);
    assert_false(alerts[0].is_raised);
    assert_string_equal(alerts[0].text,
                        "latency_p99: p99 latency is 80.000 ms, no longer above "
                        "the limit of 100.000 ms");
    assert_int_equal(cg_monitor_raised(monitor), 0);
    record(monitor, 95000000, 10);
    assert_int_equal(cg_monitor_interval(monitor, 7 * second, &gauges, alerts, ALERTS), 0);
    cg_monitor_free(monitor);
}

static void test_memory_shed_and_utilisation(void **state) {
    (void)state;
    cg_monitor_options options = cg_monitor_options_default();
    options.memory_budget_bytes = 1000;
    cg_monitor *monitor = make(options);
    cg_monitor_gauges gauges = cg_monitor_gauges_init();
    cg_alert alerts[ALERTS];
    gauges.memory_bytes = 1000;
    gauges.shed = 50; /* the first interval has no differences */
    gauges.utilisation = 0.4;
    gauges.active_slots = 1000; /* too few to judge utilisation by */
    for (uint64_t i = 1; i <= 5; i++) {
        assert_int_equal(cg_monitor_interval(monitor, i * second, &gauges, alerts, ALERTS), 0);
    }
    gauges.memory_bytes = 50000000001;
    gauges.accepted += 90;
    gauges.shed += 11;
    gauges.active_slots = 1001;
    assert_int_equal(cg_monitor_interval(monitor, 6 * second, &gauges, alerts, ALERTS), 3);
    assert_string_equal(alerts[0].text,
                        "memory: memory is 50000000001 bytes, above the limit of "
                        "50000000000 bytes");
    assert_int_equal(alerts[0].severity, CG_CRITICAL);
    assert_string_equal(alerts[1].text, "memory_budget: memory in parts of its budget is "
                                        "5000000000.1%, above the limit of 100.0%");
    assert_string_equal(alerts[2].text, "shed: shed share is 10.9%, above the limit of 10.0%");
    assert_int_equal(cg_monitor_interval(monitor, 7 * second, &gauges, alerts, ALERTS), 0);
    gauges.accepted += 100;
    assert_int_equal(cg_monitor_interval(monitor, 8 * second, &gauges, alerts, ALERTS), 2);
    assert_string_equal(alerts[0].text,
                        "shed: shed share is 0.0%, no longer above the limit of "
                        "10.0%");
    assert_string_equal(alerts[1].text, "utilisation: utilisation is 40.0%, below the limit of "
                                        "50.0%");
    gauges.memory_bytes = 950;
    gauges.active_slots = 1000;
    assert_int_equal(cg_monitor_interval(monitor, 9 * second, &gauges, alerts, ALERTS), 3);
    assert_string_equal(alerts[2].text,
                        "utilisation: cleared, since 1000 slots are active and it "
                        "takes 1001");
    assert_int_equal(cg_monitor_raised(monitor), 0);
    cg_monitor_free(monitor);
}

/* Goal: what has no place in the caller's array comes at the next interval. */
static void test_no_room(void **state) {
    (void)state;
    cg_monitor_options options = cg_monitor_options_default();
    options.memory_budget_bytes = 1000;
    cg_monitor *monitor = make(options);
    cg_monitor_gauges gauges = cg_monitor_gauges_init();
    gauges.memory_bytes = UINT64_MAX;
    cg_alert alert = {0};
    assert_int_equal(cg_monitor_interval(monitor, 1, &gauges, NULL, 0), 0);
    assert_int_equal(cg_monitor_raised(monitor), 0);
    assert_int_equal(cg_monitor_interval(monitor, 2, &gauges, &alert, 1), 1);
    assert_int_equal(alert.rule, 1);
    assert_int_equal(cg_monitor_interval(monitor, 3, &gauges, &alert, 1), 1);
    assert_int_equal(alert.rule, 2);
    assert_int_equal(cg_monitor_interval(monitor, 4, &gauges, &alert, 1), 0);
    cg_monitor_free(monitor);
}

/* Goal: for_intervals counts in a row, and what is unknown breaks the row. */
static void test_in_a_row(void **state) {
    (void)state;
    cg_monitor_rule rule = {"low",
                            CG_MONITOR_TIER_HIT_SHARE,
                            CG_MONITOR_VALUE,
                            CG_MONITOR_BELOW,
                            0.5,
                            0.5,
                            CG_INFO,
                            3,
                            0};
    cg_monitor *monitor = make((cg_monitor_options){&rule, 1, 0});
    static const double shares[] = {0.4, 0.4, 0.5, 0.4, 0.4, -1, 0.4, 0.4, 0.4, -1, 0.4, 0.5};
    static const uint32_t counts[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1};
    for (uint32_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        cg_monitor_gauges gauges = cg_monitor_gauges_init();
        gauges.tier_hit_share[0] = shares[i] < 0 ? (double)NAN : shares[i];
        cg_alert alert;
        assert_int_equal(cg_monitor_interval(monitor, i + 1, &gauges, &alert, 1), counts[i]);
    }
    cg_monitor_free(monitor);
}

static bool value_is(const cg_monitor *monitor, cg_monitor_metric metric,
                     cg_monitor_statistic statistic, double expected) {
    double value = -1.0;
    return cg_monitor_value(monitor, metric, statistic, &value) && value == expected;
}

static void test_values(void **state) {
    (void)state;
    cg_monitor *monitor = make(cg_monitor_options_default());
    cg_monitor_gauges gauges = cg_monitor_gauges_init();
    double value = 7.0;
    assert_false(cg_monitor_value(monitor, CG_MONITOR_ACTIVE_SLOTS, CG_MONITOR_VALUE, &value));
    gauges.requests[CG_MONITOR_RECALL] = 5;
    cg_monitor_interval(monitor, second, &gauges, NULL, 0);
    assert_false(cg_monitor_value(monitor, CG_MONITOR_REQUESTS, CG_MONITOR_RATE, &value));
    assert_false(cg_monitor_value(monitor, CG_MONITOR_LATENCY, CG_MONITOR_P99, &value));
    assert_false(cg_monitor_value(monitor, CG_MONITOR_MEMORY_SHARE, CG_MONITOR_VALUE, &value));
    assert_false(cg_monitor_value(monitor, CG_MONITOR_UTILISATION, CG_MONITOR_VALUE, &value));
    assert_true(value == 7.0);
    gauges.requests[CG_MONITOR_RECALL] = 12;
    gauges.requests[CG_MONITOR_SPREAD] = 3;
    gauges.accepted = 8;
    gauges.failed = 2;
    gauges.conflicts_retried = 4;
    gauges.cache_hits = 3;
    gauges.cache_misses = 1;
    gauges.prefetch_issued = 10;
    gauges.prefetch_useful = 4;
    gauges.utilisation = 1.5; /* counts as 1 */
    gauges.fragmentation_internal = -3;
    gauges.fragmentation_external = 0.25;
    gauges.active_slots = 9;
    for (uint64_t i = 1; i <= 1000; i++) {
        record(monitor, i, 1);
    }
    cg_monitor_interval(monitor, second + second / 2, &gauges, NULL, 0);
    assert_true(value_is(monitor, CG_MONITOR_REQUESTS, CG_MONITOR_VALUE, 10));
    assert_true(value_is(monitor, CG_MONITOR_REQUESTS, CG_MONITOR_RATE, 20));
    assert_true(value_is(monitor, CG_MONITOR_ACCEPTED, CG_MONITOR_VALUE, 8));
    assert_true(value_is(monitor, CG_MONITOR_SHED, CG_MONITOR_RATE, 0));
    assert_true(value_is(monitor, CG_MONITOR_FAILED, CG_MONITOR_VALUE, 2));
    assert_true(value_is(monitor, CG_MONITOR_CONFLICTS_RETRIED, CG_MONITOR_VALUE, 4));
    assert_true(value_is(monitor, CG_MONITOR_FAILED_SHARE, CG_MONITOR_VALUE, 0.25));
    assert_true(value_is(monitor, CG_MONITOR_CACHE_SHARE, CG_MONITOR_VALUE, 0.75));
    assert_true(value_is(monitor, CG_MONITOR_PREFETCH_SHARE, CG_MONITOR_VALUE, 0.4));
    assert_true(value_is(monitor, CG_MONITOR_UTILISATION, CG_MONITOR_VALUE, 1));
    assert_true(value_is(monitor, CG_MONITOR_FRAGMENTATION_INTERNAL, CG_MONITOR_VALUE, 0));
    assert_true(value_is(monitor, CG_MONITOR_FRAGMENTATION_EXTERNAL, CG_MONITOR_VALUE, 0.25));
    assert_true(value_is(monitor, CG_MONITOR_ACTIVE_SLOTS, CG_MONITOR_VALUE, 9));
    assert_true(value_is(monitor, CG_MONITOR_LATENCY, CG_MONITOR_MEAN, 500.5));
    assert_true(value_is(monitor, CG_MONITOR_LATENCY, CG_MONITOR_P50, 500));
    assert_true(value_is(monitor, CG_MONITOR_LATENCY, CG_MONITOR_P90, 900));
    assert_true(value_is(monitor, CG_MONITOR_LATENCY, CG_MONITOR_P99, 990));
    assert_true(value_is(monitor, CG_MONITOR_LATENCY, CG_MONITOR_P999, 999));
    assert_true(value_is(monitor, CG_MONITOR_LATENCY, CG_MONITOR_MAX, 1000));
    assert_false(cg_monitor_value(monitor, CG_MONITOR_LATENCY, CG_MONITOR_VALUE, &value));
    assert_false(cg_monitor_value(monitor, CG_MONITOR_ACTIVE_SLOTS, CG_MONITOR_RATE, &value));
    assert_false(cg_monitor_value(monitor, CG_MONITOR_METRICS, CG_MONITOR_VALUE, &value));
    /* Time that stands still, and totals that fell: no differences. */
    gauges.accepted = 100;
    cg_monitor_interval(monitor, second + second / 2, &gauges, NULL, 0);
    assert_false(cg_monitor_value(monitor, CG_MONITOR_ACCEPTED, CG_MONITOR_VALUE, &value));
    cg_monitor_interval(monitor, second, &gauges, NULL, 0); /* nor time that goes back */
    assert_false(cg_monitor_value(monitor, CG_MONITOR_ACCEPTED, CG_MONITOR_VALUE, &value));
    gauges.accepted = 99;
    cg_monitor_interval(monitor, 2 * second, &gauges, NULL, 0);
    assert_false(cg_monitor_value(monitor, CG_MONITOR_REQUESTS, CG_MONITOR_VALUE, &value));
    gauges.accepted = 101;
    cg_monitor_interval(monitor, 3 * second, &gauges, NULL, 0);
    assert_true(value_is(monitor, CG_MONITOR_ACCEPTED, CG_MONITOR_VALUE, 2));
    cg_monitor_free(monitor);
}

static const char json_empty[] =
    "{\"schema\": 1, \"at_ns\": 0, \"interval_ns\": 0, \"intervals\": 0, \"requests\": "
    "{\"allocate\": 0, \"allocate_batch\": 0, \"deallocate\": 0, \"recall\": 0, \"spread\": "
    "0, \"get\": 0, \"edge\": 0, \"search\": 0}, "
    "\"accepted\": 0, \"shed\": 0, \"failed\": 0, \"conflicts_retried\": 0, \"cache\": "
    "{\"hits\": "
    "0, \"misses\": 0, \"share\": null}, \"prefetch\": {\"issued\": 0, \"useful\": 0, "
    "\"late\": 0, "
    "\"share\": null}, \"pool\": {\"active_slots\": 0, \"redirected\": 0, \"utilisation\": "
    "null, "
    "\"fragmentation_internal\": null, \"fragmentation_external\": null}, \"memory\": "
    "{\"bytes\": "
    "0, \"budget_bytes\": null}, \"tier_hit_share\": [null, null, null, null, null], "
    "\"shed_share\": null, \"failed_share\": null, \"latency_ns\": {\"interval\": {\"count\": "
    "0, "
    "\"min\": null, \"mean\": null, \"p50\": null, \"p90\": null, \"p99\": null, \"p999\": "
    "null, "
    "\"max\": null}, \"total\": {\"count\": 0, \"min\": null, \"mean\": null, \"p50\": null, "
    "\"p90\": null, \"p99\": null, \"p999\": null, \"max\": null}}, \"alerts\": []}";

static const char json_full[] =
    "{\"schema\": 1, \"at_ns\": 3000000000, \"interval_ns\": 1000000000, \"intervals\": 2, "
    "\"requests\": {\"allocate\": 1, \"allocate_batch\": 2, \"deallocate\": 3, \"recall\": 4, "
    "\"spread\": 5, \"get\": 0, \"edge\": 0, \"search\": 0}, \"accepted\": 14, \"shed\": 6, "
    "\"failed\": 7, \"conflicts_retried\": 8, "
    "\"cache\": {\"hits\": 2, \"misses\": 1, \"share\": 0.666667}, \"prefetch\": {\"issued\": "
    "9, "
    "\"useful\": 3, \"late\": 1, \"share\": 0.333333}, \"pool\": {\"active_slots\": 1234, "
    "\"redirected\": 10, \"utilisation\": 0.875000, \"fragmentation_internal\": 1.000000, "
    "\"fragmentation_external\": 0.000001}, \"memory\": {\"bytes\": 2000, \"budget_bytes\": "
    "1000}, "
    "\"tier_hit_share\": [0.500000, 0.250000, null, null, null], \"shed_share\": 0.300000, "
    "\"failed_share\": 0.500000, \"latency_ns\": {\"interval\": {\"count\": 2, \"min\": 10, "
    "\"mean\": 16, \"p50\": 10, \"p90\": 21, \"p99\": 21, \"p999\": 21, \"max\": 21}, "
    "\"total\": "
    "{\"count\": 3, \"min\": 10, \"mean\": 18, \"p50\": 21, \"p90\": 23, \"p99\": 23, "
    "\"p999\": "
    "23, \"max\": 23}}, \"alerts\": [{\"rule\": \"memory_budget\", \"severity\": \"critical\", "
    "\"since_ns\": 3000000000, \"value\": 2.000000, \"limit\": 1.000000}, {\"rule\": \"shed\", "
    "\"severity\": \"warning\", \"since_ns\": 3000000000, \"value\": 0.300000, \"limit\": "
    "0.100000}]}";

static cg_monitor *make_full(void) {
    cg_monitor_options options = cg_monitor_options_default();
    options.memory_budget_bytes = 1000;
    cg_monitor *monitor = make(options);
    cg_monitor_gauges gauges = cg_monitor_gauges_init();
    cg_alert alerts[ALERTS];
    record(monitor, 23, 1);
    cg_monitor_interval(monitor, 2 * second, &gauges, alerts, ALERTS);
    gauges = (cg_monitor_gauges){
        .requests = {1, 2, 3, 4, 5},
        .accepted = 14,
        .shed = 6,
        .failed = 7,
        .conflicts_retried = 8,
        .cache_hits = 2,
        .cache_misses = 1,
        .prefetch_issued = 9,
        .prefetch_useful = 3,
        .prefetch_late = 1,
        .pool_redirected = 10,
        .active_slots = 1234,
        .memory_bytes = 2000,
        .utilisation = 0.875,
        .fragmentation_internal = 0.9999999, /* rounds up */
        .fragmentation_external = 0.0000005,
        .tier_hit_share = {0.5, 0.25, (double)NAN, (double)NAN, (double)NAN},
    };
    record(monitor, 10, 1);
    record(monitor, 21, 1);
    cg_monitor_interval(monitor, 3 * second, &gauges, alerts, ALERTS);
    return monitor;
}

static void test_json(void **state) {
    (void)state;
    char text[4096];
    cg_monitor *monitor = make(cg_monitor_options_default());
    assert_int_equal(cg_monitor_json(monitor, text, sizeof text), strlen(json_empty));
    assert_string_equal(text, json_empty);
    cg_monitor_free(monitor);
    monitor = make_full();
    assert_int_equal(cg_monitor_json(monitor, text, sizeof text), strlen(json_full));
    assert_string_equal(text, json_full);
    cg_monitor_free(monitor);
}

/* Goal: at any capacity the text is a beginning with its NUL, and nothing is written behind. */
static void test_json_cut(void **state) {
    (void)state;
    cg_monitor *monitor = make_full();
    size_t length = strlen(json_full);
    assert_int_equal(cg_monitor_json(monitor, NULL, 0), length);
    for (size_t capacity = 1; capacity <= length + 2; capacity++) {
        char *text = malloc(capacity);
        assert_non_null(text);
        assert_int_equal(cg_monitor_json(monitor, text, capacity), length);
        size_t kept = capacity - 1 < length ? capacity - 1 : length;
        assert_memory_equal(text, json_full, kept);
        assert_int_equal(text[kept], '\0');
        free(text);
    }
    cg_monitor_free(monitor);
}

/* Goal: an allocation that fails loses no latency; an interval without memory is joined with the
 * next. */
static void test_memory_fails(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_monitor_options options = cg_monitor_options_default();
    cg_monitor *monitor = NULL;
    cg_error error = {0};
    counting.fail_at = 1;
    assert_status(
        cg_monitor_alloc(&options, cg_counting_allocator_view(&counting), &monitor, &error),
        CG_ERROR_MEMORY, error, "monitor: no memory");
    counting.fail_at = 0;
    assert_ok(
        cg_monitor_alloc(&options, cg_counting_allocator_view(&counting), &monitor, &error),
        error);
    uint64_t hash = cg_monitor_hash(monitor);
    counting.fail_at = 1;
    assert_status(cg_monitor_record_latency(monitor, 5, &error), CG_ERROR_MEMORY, error,
                  "out of memory");
    assert_int_equal(cg_monitor_hash(monitor), hash);
    counting.fail_at = 0;
    record(monitor, 5, 1);
    assert_true(cg_monitor_hash(monitor) != hash);
    cg_monitor_gauges gauges = cg_monitor_gauges_init();
    counting.fail_at = 1;
    cg_monitor_interval(monitor, 1, &gauges, NULL, 0);
    assert_true(value_is(monitor, CG_MONITOR_LATENCY, CG_MONITOR_MAX, 5));
    counting.fail_at = 0;
    record(monitor, 4, 1);
    cg_monitor_interval(monitor, 2, &gauges, NULL, 0);
    assert_true(value_is(monitor, CG_MONITOR_LATENCY, CG_MONITOR_MAX, 5));
    char text[4096];
    cg_monitor_json(monitor, text, sizeof text);
    assert_true(support_contains(text, "\"total\": {\"count\": 2, \"min\": 4,"));
    cg_monitor_interval(monitor, 3, &gauges, NULL, 0);
    cg_monitor_json(monitor, text, sizeof text);
    assert_true(support_contains(text, "\"total\": {\"count\": 2, \"min\": 4,"));
    cg_monitor_free(monitor);
    cg_monitor_free(NULL);
    assert_int_equal(counting.live_bytes, 0);
}

static void refuse(cg_monitor_rule rule, const char *part) {
    cg_monitor_options options = {&rule, 1, 0};
    cg_monitor *monitor = NULL;
    cg_error error = {0};
    assert_status(cg_monitor_alloc(&options, cg_allocator_heap(), &monitor, &error),
                  CG_ERROR_INVALID, error, part);
    assert_null(monitor);
}

static void test_refuses(void **state) {
    (void)state;
    cg_monitor_rule good = cg_monitor_options_default().rules[0];
    cg_monitor_rule bad = good;
    bad.name = "";
    refuse(bad, "rule 0: name \"\" is not 1 to 39 of a-z, 0-9 and _");
    bad.name = NULL;
    refuse(bad, "name \"\"");
    bad.name = "a\"b";
    refuse(bad, "name \"a\"b\"");
    bad.name = "a234567890123456789012345678901234567890";
    refuse(bad, "is not 1 to 39");
    bad = good;
    bad.metric = CG_MONITOR_METRICS;
    refuse(bad, "rule latency_p99: metric 17");
    bad = good;
    bad.statistic = CG_MONITOR_VALUE;
    refuse(bad, "metric 0 has no statistic 0");
    bad.metric = CG_MONITOR_UTILISATION;
    bad.statistic = CG_MONITOR_RATE;
    refuse(bad, "metric 13 has no statistic 1");
    bad = good;
    bad.threshold = (double)NAN;
    refuse(bad, "threshold is");
    bad = good;
    bad.clear_threshold = 100e6 + 1;
    refuse(bad, "clear_threshold is 1e+08, not at most the threshold, 1e+08");
    bad.comparison = CG_MONITOR_BELOW;
    bad.clear_threshold = 90e6;
    refuse(bad, "clear_threshold is 9e+07, not at least the threshold");
    bad = good;
    bad.for_intervals = 0;
    refuse(bad, "for_intervals is 0, not 1 to 1000000");
    cg_monitor_rule twice[] = {good, good};
    cg_monitor_options options = {twice, 2, 0};
    cg_monitor *monitor = NULL;
    cg_error error = {0};
    assert_status(cg_monitor_alloc(&options, cg_allocator_heap(), &monitor, &error),
                  CG_ERROR_INVALID, error, "rules 0 and 1 have one name, \"latency_p99\"");
    options.rule_count = 65;
    assert_status(cg_monitor_alloc(&options, cg_allocator_heap(), &monitor, &error),
                  CG_ERROR_INVALID, error, "65 rules, above 64");
    assert_string_equal(cg_severity_name(CG_CRITICAL), "critical");
    assert_string_equal(cg_severity_name(CG_SEVERITIES), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_latency_alert),
        cmocka_unit_test(test_memory_shed_and_utilisation),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_in_a_row),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_cut),
        cmocka_unit_test(test_memory_fails),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
