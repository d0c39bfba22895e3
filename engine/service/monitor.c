/* Rules over gauges: each is a machine of two states.
 *
 *   quiet   --value beyond threshold for for_intervals in a row-->       raised
 *   raised  --value at or beyond clear_threshold, or too few slots-->    quiet
 *
 * An interval's latencies are a histogram of their own, merged into the total when it ends, so
 * quantiles are of the interval and no average of averages is ever taken.
 */
#include "engine/service/monitor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/service/monitor_internal.h"

typedef enum unit { UNIT_NS, UNIT_COUNT, UNIT_BYTES, UNIT_SHARE } unit;

static const struct {
    const char *text;
    unit unit;
    bool is_total; /* so it has a rate */
} metrics[CG_MONITOR_METRICS] = {
    [CG_MONITOR_LATENCY] = {"latency", UNIT_NS, false},
    [CG_MONITOR_REQUESTS] = {"number of requests", UNIT_COUNT, true},
    [CG_MONITOR_ACCEPTED] = {"number of accepted requests", UNIT_COUNT, true},
    [CG_MONITOR_SHED] = {"number of shed requests", UNIT_COUNT, true},
    [CG_MONITOR_FAILED] = {"number of failed requests", UNIT_COUNT, true},
    [CG_MONITOR_CONFLICTS_RETRIED] = {"number of retried conflicts", UNIT_COUNT, true},
    [CG_MONITOR_SHED_SHARE] = {"shed share", UNIT_SHARE, false},
    [CG_MONITOR_FAILED_SHARE] = {"failed share", UNIT_SHARE, false},
    [CG_MONITOR_CACHE_SHARE] = {"hit share of the decision cache", UNIT_SHARE, false},
    [CG_MONITOR_PREFETCH_SHARE] = {"useful share of prefetches", UNIT_SHARE, false},
    [CG_MONITOR_ACTIVE_SLOTS] = {"number of active slots", UNIT_COUNT, false},
    [CG_MONITOR_MEMORY_BYTES] = {"memory", UNIT_BYTES, false},
    [CG_MONITOR_MEMORY_SHARE] = {"memory in parts of its budget", UNIT_SHARE, false},
    [CG_MONITOR_UTILISATION] = {"utilisation", UNIT_SHARE, false},
    [CG_MONITOR_FRAGMENTATION_INTERNAL] = {"internal fragmentation", UNIT_SHARE, false},
    [CG_MONITOR_FRAGMENTATION_EXTERNAL] = {"external fragmentation", UNIT_SHARE, false},
    [CG_MONITOR_TIER_HIT_SHARE] = {"hit share of the first tier", UNIT_SHARE, false},
};

static const char *const statistic_texts[CG_MONITOR_STATISTICS] = {
    "", "rate of the ", "mean ", "p50 ", "p90 ", "p99 ", "p99.9 ", "greatest "};

const char *cg_severity_name(cg_severity severity) {
    static const char *const names[CG_SEVERITIES] = {"info", "warning", "critical"};
    return (unsigned)severity < CG_SEVERITIES ? names[severity] : "unknown";
}

cg_monitor_options cg_monitor_options_default(void) {
    static const cg_monitor_rule rules[] = {
        {"latency_p99", CG_MONITOR_LATENCY, CG_MONITOR_P99, CG_MONITOR_ABOVE, 100e6, 90e6,
         CG_WARNING, 1, 0},
        {"memory", CG_MONITOR_MEMORY_BYTES, CG_MONITOR_VALUE, CG_MONITOR_ABOVE, 50e9, 47.5e9,
         CG_CRITICAL, 1, 0},
        {"memory_budget", CG_MONITOR_MEMORY_SHARE, CG_MONITOR_VALUE, CG_MONITOR_ABOVE, 1.0,
         0.95, CG_CRITICAL, 1, 0},
        {"shed", CG_MONITOR_SHED_SHARE, CG_MONITOR_VALUE, CG_MONITOR_ABOVE, 0.10, 0.08,
         CG_WARNING, 1, 0},
        {"utilisation", CG_MONITOR_UTILISATION, CG_MONITOR_VALUE, CG_MONITOR_BELOW, 0.50, 0.55,
         CG_INFO, 3, 1001},
    };
    return (cg_monitor_options){.rules = rules, .rule_count = sizeof rules / sizeof *rules};
}

cg_monitor_gauges cg_monitor_gauges_init(void) {
    cg_monitor_gauges gauges = {
        .utilisation = (double)NAN,
        .fragmentation_internal = (double)NAN,
        .fragmentation_external = (double)NAN,
    };
    for (int i = 0; i < CG_MONITOR_TIERS; i++) {
        gauges.tier_hit_share[i] = (double)NAN;
    }
    return gauges;
}

/* --- checks --- */

static cg_status check_name(const cg_monitor_options *options, uint32_t number,
                            cg_error *error) {
    const char *name = options->rules[number].name;
    size_t length = 0;
    while (name && ((name[length] >= 'a' && name[length] <= 'z') || name[length] == '_' ||
                    (name[length] >= '0' && name[length] <= '9'))) {
        length++;
    }
    if (length < 1 || length >= CG_MONITOR_NAME_BYTES || name[length] != '\0') {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "monitor: rule %u: name \"%.60s\" is not 1 to %d of a-z, 0-9 and _",
                            number, name ? name : "", CG_MONITOR_NAME_BYTES - 1);
    }
    for (uint32_t i = 0; i < number; i++) {
        if (strcmp(options->rules[i].name, name) == 0) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "monitor: rules %u and %u have one name, \"%s\"", i, number,
                                name);
        }
    }
    return CG_OK;
}

static cg_status check_statistic(const cg_monitor_rule *rule, cg_error *error) {
    if ((unsigned)rule->metric >= CG_MONITOR_METRICS ||
        (unsigned)rule->statistic >= CG_MONITOR_STATISTICS ||
        (unsigned)rule->comparison >= CG_MONITOR_COMPARISONS ||
        (unsigned)rule->severity >= CG_SEVERITIES) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "monitor: rule %s: metric %u, statistic %u, comparison %u, severity "
            "%u are not below %d, %d, %d, %d",
            rule->name, (unsigned)rule->metric, (unsigned)rule->statistic,
            (unsigned)rule->comparison, (unsigned)rule->severity, CG_MONITOR_METRICS,
            CG_MONITOR_STATISTICS, CG_MONITOR_COMPARISONS, CG_SEVERITIES);
    }
    bool fits = rule->statistic == CG_MONITOR_VALUE ||
                (rule->statistic == CG_MONITOR_RATE && metrics[rule->metric].is_total);
    if (rule->metric == CG_MONITOR_LATENCY) {
        fits = rule->statistic >= CG_MONITOR_MEAN;
    }
    if (!fits) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "monitor: rule %s: metric %u has no statistic %u", rule->name,
                            (unsigned)rule->metric, (unsigned)rule->statistic);
    }
    return CG_OK;
}

static cg_status check_rule(const cg_monitor_options *options, uint32_t number,
                            cg_error *error) {
    const cg_monitor_rule *rule = &options->rules[number];
    cg_status status = check_name(options, number, error);
    if (status == CG_OK) {
        status = check_statistic(rule, error);
    }
    if (status != CG_OK) {
        return status;
    }
    double clear = rule->clear_threshold;
    if (!(rule->threshold >= 0.0 && rule->threshold <= 1e19)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "monitor: rule %s: threshold is %g, not 0 to 1e19", rule->name,
                            rule->threshold);
    }
    bool is_above = rule->comparison == CG_MONITOR_ABOVE;
    if (!(is_above ? clear >= 0.0 && clear <= rule->threshold
                   : clear >= rule->threshold && clear <= 1e19)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "monitor: rule %s: clear_threshold is %g, not at %s the threshold, "
                            "%g",
                            rule->name, clear, is_above ? "most" : "least", rule->threshold);
    }
    if (rule->for_intervals < 1 || rule->for_intervals > CG_MONITOR_INTERVALS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "monitor: rule %s: for_intervals is %u, not 1 to %d", rule->name,
                            rule->for_intervals, CG_MONITOR_INTERVALS_MAX);
    }
    return CG_OK;
}

/* --- life --- */

cg_status cg_monitor_alloc(const cg_monitor_options *options, cg_allocator allocator,
                           cg_monitor **out, cg_error *error) {
    if (options->rule_count > CG_MONITOR_RULES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "monitor: %u rules, above %d",
                            options->rule_count, CG_MONITOR_RULES_MAX);
    }
    for (uint32_t i = 0; i < options->rule_count; i++) {
        cg_status status = check_rule(options, i, error);
        if (status != CG_OK) {
            return status;
        }
    }
    cg_monitor *monitor = cg_allocate(&allocator, 1, sizeof *monitor);
    if (!monitor) {
        return cg_error_set(error, CG_ERROR_MEMORY, "monitor: no memory for %zu bytes",
                            sizeof *monitor);
    }
    monitor->allocator = allocator;
    monitor->memory_budget_bytes = options->memory_budget_bytes;
    monitor->rule_count = options->rule_count;
    cg_histogram_init(&monitor->window, allocator);
    cg_histogram_init(&monitor->total, allocator);
    for (uint32_t i = 0; i < options->rule_count; i++) {
        cg_monitor_rule_state *state = &monitor->rules[i];
        state->rule = options->rules[i];
        state->rule.name = NULL;
        snprintf(state->name, sizeof state->name, "%s", options->rules[i].name);
    }
    *out = monitor;
    return CG_OK;
}

void cg_monitor_free(cg_monitor *monitor) {
    if (monitor) {
        cg_allocator allocator = monitor->allocator;
        cg_histogram_deinit(&monitor->window);
        cg_histogram_deinit(&monitor->total);
        cg_deallocate(&allocator, monitor, 1, sizeof *monitor);
    }
}

cg_status cg_monitor_record_latency(cg_monitor *monitor, uint64_t latency_ns, cg_error *error) {
    return cg_histogram_record(&monitor->window, latency_ns, 1, error);
}

/* --- values --- */

cg_monitor_latency cg_monitor_latency_of(const cg_histogram *histogram) {
    return (cg_monitor_latency){
        .count = histogram->total,
        .min_ns = histogram->min,
        .mean_ns = cg_histogram_mean(histogram),
        .p50_ns = cg_histogram_quantile(histogram, 0.5),
        .p90_ns = cg_histogram_quantile(histogram, 0.9),
        .p99_ns = cg_histogram_quantile(histogram, 0.99),
        .p999_ns = cg_histogram_quantile(histogram, 0.999),
        .max_ns = histogram->max,
    };
}

static uint64_t requests_of(const cg_monitor_gauges *gauges) {
    uint64_t sum = 0;
    for (int i = 0; i < CG_MONITOR_KINDS; i++) {
        sum += gauges->requests[i];
    }
    return sum;
}

static bool has_fallen(const cg_monitor_gauges *now, const cg_monitor_gauges *before) {
    bool fallen = false;
    for (int i = 0; i < CG_MONITOR_KINDS; i++) {
        fallen = fallen || now->requests[i] < before->requests[i];
    }
    return fallen || now->accepted < before->accepted || now->shed < before->shed ||
           now->failed < before->failed || now->conflicts_retried < before->conflicts_retried ||
           now->cache_hits < before->cache_hits || now->cache_misses < before->cache_misses ||
           now->prefetch_issued < before->prefetch_issued ||
           now->prefetch_useful < before->prefetch_useful ||
           now->prefetch_late < before->prefetch_late ||
           now->pool_redirected < before->pool_redirected;
}

/* Both are -1 for what is unknown. */
static double share_of(uint64_t part, uint64_t whole) {
    double share = whole > 0 ? (double)part / (double)whole : -1.0;
    return share > 1.0 ? 1.0 : share;
}

static double share_in(double given) {
    if (!(given >= 0.0)) {
        return given < 0.0 ? 0.0 : -1.0;
    }
    return given > 1.0 ? 1.0 : given;
}

static double latency_value(const cg_monitor_latency *last, cg_monitor_statistic statistic) {
    if (last->count == 0) {
        return -1.0;
    }
    switch (statistic) {
    case CG_MONITOR_MEAN:
        return last->mean_ns;
    case CG_MONITOR_P50:
        return (double)last->p50_ns;
    case CG_MONITOR_P90:
        return (double)last->p90_ns;
    case CG_MONITOR_P99:
        return (double)last->p99_ns;
    case CG_MONITOR_P999:
        return (double)last->p999_ns;
    case CG_MONITOR_MAX:
        return (double)last->max_ns;
    default:
        return -1.0;
    }
}

/* What comes from totals, of the interval. */
static double interval_value(const cg_monitor *monitor, cg_monitor_metric metric) {
    const cg_monitor_gauges *now = &monitor->gauges;
    const cg_monitor_gauges *before = &monitor->before;
    if (monitor->interval_ns == 0) {
        return -1.0;
    }
    uint64_t accepted = now->accepted - before->accepted;
    uint64_t shed = now->shed - before->shed;
    uint64_t hits = now->cache_hits - before->cache_hits;
    switch (metric) {
    case CG_MONITOR_REQUESTS:
        return (double)(requests_of(now) - requests_of(before));
    case CG_MONITOR_ACCEPTED:
        return (double)accepted;
    case CG_MONITOR_SHED:
        return (double)shed;
    case CG_MONITOR_FAILED:
        return (double)(now->failed - before->failed);
    case CG_MONITOR_CONFLICTS_RETRIED:
        return (double)(now->conflicts_retried - before->conflicts_retried);
    case CG_MONITOR_SHED_SHARE:
        return share_of(shed, accepted + shed);
    case CG_MONITOR_FAILED_SHARE:
        return share_of(now->failed - before->failed, accepted);
    case CG_MONITOR_CACHE_SHARE:
        return share_of(hits, hits + now->cache_misses - before->cache_misses);
    case CG_MONITOR_PREFETCH_SHARE:
        return share_of(now->prefetch_useful - before->prefetch_useful,
                        now->prefetch_issued - before->prefetch_issued);
    default:
        return -1.0;
    }
}

static double gauge_value(const cg_monitor *monitor, cg_monitor_metric metric) {
    const cg_monitor_gauges *now = &monitor->gauges;
    if (monitor->intervals == 0) {
        return -1.0;
    }
    switch (metric) {
    case CG_MONITOR_ACTIVE_SLOTS:
        return (double)now->active_slots;
    case CG_MONITOR_MEMORY_BYTES:
        return (double)now->memory_bytes;
    case CG_MONITOR_MEMORY_SHARE:
        return monitor->memory_budget_bytes > 0
                   ? (double)now->memory_bytes / (double)monitor->memory_budget_bytes
                   : -1.0;
    case CG_MONITOR_UTILISATION:
        return now->utilisation;
    case CG_MONITOR_FRAGMENTATION_INTERNAL:
        return now->fragmentation_internal;
    case CG_MONITOR_FRAGMENTATION_EXTERNAL:
        return now->fragmentation_external;
    case CG_MONITOR_TIER_HIT_SHARE:
        return now->tier_hit_share[0];
    default:
        return interval_value(monitor, metric);
    }
}

bool cg_monitor_value(const cg_monitor *monitor, cg_monitor_metric metric,
                      cg_monitor_statistic statistic, double *value) {
    double found = -1.0;
    if ((unsigned)metric >= CG_MONITOR_METRICS) {
        return false;
    }
    if (metric == CG_MONITOR_LATENCY) {
        found = latency_value(&monitor->last, statistic);
    } else if (statistic == CG_MONITOR_VALUE) {
        found = gauge_value(monitor, metric);
    } else if (statistic == CG_MONITOR_RATE && metrics[metric].is_total) {
        found = interval_value(monitor, metric);
        found = found >= 0.0 ? found / ((double)monitor->interval_ns / 1e9) : -1.0;
    }
    if (found < 0.0) {
        return false;
    }
    *value = found;
    return true;
}

/* --- alerts --- */

static void format_value(const cg_monitor_rule *rule, double value, char *text, size_t size) {
    unit measure = metrics[rule->metric].unit;
    double factor = measure == UNIT_NS ? 1e-3 : 1000.0;
    double scaled = value * factor + 0.5;
    uint64_t thousandths = scaled < 1.8e19 ? (uint64_t)scaled : UINT64_C(18000000000000000000);
    uint64_t whole = thousandths / 1000;
    unsigned rest = (unsigned)(thousandths % 1000);
    if (measure == UNIT_NS) {
        snprintf(text, size, "%" PRIu64 ".%03u ms", whole, rest);
    } else if (measure == UNIT_SHARE) {
        snprintf(text, size, "%" PRIu64 ".%u%%", thousandths / 10,
                 (unsigned)(thousandths % 10));
    } else if (rule->statistic == CG_MONITOR_RATE) {
        snprintf(text, size, "%" PRIu64 ".%03u a second", whole, rest);
    } else {
        uint64_t count = value < 1.8e19 ? (uint64_t)(value + 0.5) : UINT64_MAX;
        snprintf(text, size, "%" PRIu64 "%s", count, measure == UNIT_BYTES ? " bytes" : "");
    }
}

static cg_alert alert_of(const cg_monitor *monitor, uint32_t number, double value,
                         bool is_raised) {
    const cg_monitor_rule_state *state = &monitor->rules[number];
    cg_alert alert = {
        .rule = number,
        .is_raised = is_raised,
        .severity = state->rule.severity,
        .at_ns = monitor->at_ns,
        .value = value,
        .limit = state->rule.threshold,
    };
    memcpy(alert.name, state->name, sizeof alert.name);
    if (!is_raised && monitor->gauges.active_slots < state->rule.active_slots_min) {
        snprintf(alert.text, sizeof alert.text,
                 "%s: cleared, since %" PRIu64 " slots are active and it takes %" PRIu64,
                 state->name, monitor->gauges.active_slots, state->rule.active_slots_min);
        return alert;
    }
    char value_text[40];
    char limit_text[40];
    format_value(&state->rule, value, value_text, sizeof value_text);
    format_value(&state->rule, state->rule.threshold, limit_text, sizeof limit_text);
    snprintf(alert.text, sizeof alert.text, "%s: %s%s is %s, %s%s the limit of %s", state->name,
             statistic_texts[state->rule.statistic], metrics[state->rule.metric].text,
             value_text, is_raised ? "" : "no longer ",
             state->rule.comparison == CG_MONITOR_ABOVE ? "above" : "below", limit_text);
    return alert;
}

/* Whether the rule's state changes; counts intervals. *value: as judged, 0 where unknown. */
static bool judge(const cg_monitor *monitor, cg_monitor_rule_state *state, double *value) {
    const cg_monitor_rule *rule = &state->rule;
    bool is_above = rule->comparison == CG_MONITOR_ABOVE;
    *value = 0.0;
    bool is_known = cg_monitor_value(monitor, rule->metric, rule->statistic, value);
    if (monitor->gauges.active_slots < rule->active_slots_min) {
        state->held = 0;
        return state->is_raised;
    }
    if (state->is_raised) {
        return is_known &&
               (is_above ? *value <= rule->clear_threshold : *value >= rule->clear_threshold);
    }
    bool holds = is_known && (is_above ? *value > rule->threshold : *value < rule->threshold);
    state->held = holds ? state->held + (state->held < rule->for_intervals) : 0;
    return state->held >= rule->for_intervals;
}

static void take_gauges(cg_monitor *monitor, uint64_t now_ns, const cg_monitor_gauges *gauges) {
    bool is_first = monitor->intervals == 0;
    bool is_after = now_ns > monitor->at_ns;
    monitor->before = monitor->gauges;
    monitor->gauges = *gauges;
    monitor->gauges.utilisation = share_in(gauges->utilisation);
    monitor->gauges.fragmentation_internal = share_in(gauges->fragmentation_internal);
    monitor->gauges.fragmentation_external = share_in(gauges->fragmentation_external);
    for (int i = 0; i < CG_MONITOR_TIERS; i++) {
        monitor->gauges.tier_hit_share[i] = share_in(gauges->tier_hit_share[i]);
    }
    bool is_known = !is_first && is_after && !has_fallen(gauges, &monitor->before);
    monitor->interval_ns = is_known ? now_ns - monitor->at_ns : 0;
    monitor->at_ns = now_ns;
    monitor->intervals++;
}

uint32_t cg_monitor_interval(cg_monitor *monitor, uint64_t now_ns,
                             const cg_monitor_gauges *gauges, cg_alert *alerts, uint32_t max) {
    take_gauges(monitor, now_ns, gauges);
    monitor->last = cg_monitor_latency_of(&monitor->window);
    if (cg_histogram_merge(&monitor->total, &monitor->window, NULL) == CG_OK) {
        cg_histogram_reset(&monitor->window);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < monitor->rule_count; i++) {
        cg_monitor_rule_state *state = &monitor->rules[i];
        double value = 0.0;
        if (judge(monitor, state, &value) && count < max) {
            alerts[count++] = alert_of(monitor, i, value, !state->is_raised);
            state->is_raised = !state->is_raised;
            state->held = 0;
            state->since_ns = state->is_raised ? now_ns : 0;
            state->value = state->is_raised ? value : 0.0;
        }
    }
    return count;
}

/* --- inspection --- */

uint32_t cg_monitor_raised(const cg_monitor *monitor) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < monitor->rule_count; i++) {
        count += monitor->rules[i].is_raised;
    }
    return count;
}
