/* The monitor's JSON, and its hash. Decimals are written from integers: printf's depend on the
 * locale. */
#include <inttypes.h>
#include <stdio.h>

#include "engine/base/hash.h"
#include "engine/service/monitor_internal.h"

typedef struct text_out {
    char *out;
    size_t capacity;
    size_t length; /* goes on past the capacity */
} text_out;

static void put(text_out *text, const char *part) {
    for (; *part; part++, text->length++) {
        if (text->length + 1 < text->capacity) {
            text->out[text->length] = *part;
        }
    }
}

static void put_u64(text_out *text, const char *before, uint64_t value) {
    char part[24];
    snprintf(part, sizeof part, "%" PRIu64, value);
    put(text, before);
    put(text, part);
}

/* Six places, rounded half up; null below 0. */
static void put_decimal(text_out *text, const char *before, double value) {
    char part[40] = "null";
    if (value >= 0.0) {
        uint64_t whole = value < 1.8e19 ? (uint64_t)value : UINT64_MAX;
        double rest = value < 1.8e19 ? value - (double)whole : 0.0;
        uint32_t millionths = (uint32_t)(rest * 1e6 + 0.5);
        if (millionths >= 1000000) {
            whole++;
            millionths -= 1000000;
        }
        snprintf(part, sizeof part, "%" PRIu64 ".%06" PRIu32, whole, millionths);
    }
    put(text, before);
    put(text, part);
}

/* A share of totals in the last interval. */
static void put_share(text_out *text, const char *before, const cg_monitor *monitor,
                      cg_monitor_metric metric) {
    double value = -1.0;
    if (!cg_monitor_value(monitor, metric, CG_MONITOR_VALUE, &value)) {
        value = -1.0;
    }
    put_decimal(text, before, value);
}

static void put_latency(text_out *text, const char *before, const cg_monitor_latency *latency) {
    put(text, before);
    put_u64(text, "{\"count\": ", latency->count);
    if (latency->count == 0) {
        put(text,
            ", \"min\": null, \"mean\": null, \"p50\": null, \"p90\": null, \"p99\": null, "
            "\"p999\": null, \"max\": null}");
        return;
    }
    double mean = latency->mean_ns + 0.5;
    put_u64(text, ", \"min\": ", latency->min_ns);
    put_u64(text, ", \"mean\": ", mean < 1.8e19 ? (uint64_t)mean : UINT64_MAX);
    put_u64(text, ", \"p50\": ", latency->p50_ns);
    put_u64(text, ", \"p90\": ", latency->p90_ns);
    put_u64(text, ", \"p99\": ", latency->p99_ns);
    put_u64(text, ", \"p999\": ", latency->p999_ns);
    put_u64(text, ", \"max\": ", latency->max_ns);
    put(text, "}");
}

static void put_requests(text_out *text, const cg_monitor_gauges *gauges) {
    put_u64(text, ", \"requests\": {\"allocate\": ", gauges->requests[CG_MONITOR_ALLOCATE]);
    put_u64(text, ", \"allocate_batch\": ", gauges->requests[CG_MONITOR_ALLOCATE_BATCH]);
    put_u64(text, ", \"deallocate\": ", gauges->requests[CG_MONITOR_DEALLOCATE]);
    put_u64(text, ", \"recall\": ", gauges->requests[CG_MONITOR_RECALL]);
    put_u64(text, ", \"spread\": ", gauges->requests[CG_MONITOR_SPREAD]);
    put_u64(text, ", \"get\": ", gauges->requests[CG_MONITOR_GET]);
    put_u64(text, ", \"edge\": ", gauges->requests[CG_MONITOR_EDGE]);
    put_u64(text, ", \"search\": ", gauges->requests[CG_MONITOR_SEARCH]);
    put_u64(text, "}, \"accepted\": ", gauges->accepted);
    put_u64(text, ", \"shed\": ", gauges->shed);
    put_u64(text, ", \"failed\": ", gauges->failed);
    put_u64(text, ", \"conflicts_retried\": ", gauges->conflicts_retried);
}

static void put_gauges(text_out *text, const cg_monitor *monitor) {
    const cg_monitor_gauges *gauges = &monitor->gauges;
    bool is_known = monitor->intervals > 0; /* else shares are 0, not -1 */
    put_u64(text, ", \"cache\": {\"hits\": ", gauges->cache_hits);
    put_u64(text, ", \"misses\": ", gauges->cache_misses);
    put_share(text, ", \"share\": ", monitor, CG_MONITOR_CACHE_SHARE);
    put_u64(text, "}, \"prefetch\": {\"issued\": ", gauges->prefetch_issued);
    put_u64(text, ", \"useful\": ", gauges->prefetch_useful);
    put_u64(text, ", \"late\": ", gauges->prefetch_late);
    put_share(text, ", \"share\": ", monitor, CG_MONITOR_PREFETCH_SHARE);
    put_u64(text, "}, \"pool\": {\"active_slots\": ", gauges->active_slots);
    put_u64(text, ", \"redirected\": ", gauges->pool_redirected);
    put_share(text, ", \"utilisation\": ", monitor, CG_MONITOR_UTILISATION);
    put_share(text, ", \"fragmentation_internal\": ", monitor,
              CG_MONITOR_FRAGMENTATION_INTERNAL);
    put_share(text, ", \"fragmentation_external\": ", monitor,
              CG_MONITOR_FRAGMENTATION_EXTERNAL);
    put_u64(text, "}, \"memory\": {\"bytes\": ", gauges->memory_bytes);
    if (monitor->memory_budget_bytes > 0) {
        put_u64(text, ", \"budget_bytes\": ", monitor->memory_budget_bytes);
    } else {
        put(text, ", \"budget_bytes\": null");
    }
    put(text, "}, \"tier_hit_share\": ");
    for (int i = 0; i < CG_MONITOR_TIERS; i++) {
        put_decimal(text, i == 0 ? "[" : ", ", is_known ? gauges->tier_hit_share[i] : -1.0);
    }
    put_share(text, "], \"shed_share\": ", monitor, CG_MONITOR_SHED_SHARE);
    put_share(text, ", \"failed_share\": ", monitor, CG_MONITOR_FAILED_SHARE);
}

static void put_alerts(text_out *text, const cg_monitor *monitor) {
    bool is_first = true;
    put(text, ", \"alerts\": [");
    for (uint32_t i = 0; i < monitor->rule_count; i++) {
        const cg_monitor_rule_state *state = &monitor->rules[i];
        if (state->is_raised) {
            put(text, is_first ? "{\"rule\": \"" : ", {\"rule\": \"");
            put(text, state->name);
            put(text, "\", \"severity\": \"");
            put(text, cg_severity_name(state->rule.severity));
            put_u64(text, "\", \"since_ns\": ", state->since_ns);
            put_decimal(text, ", \"value\": ", state->value);
            put_decimal(text, ", \"limit\": ", state->rule.threshold);
            put(text, "}");
            is_first = false;
        }
    }
    put(text, "]");
}

size_t cg_monitor_json(const cg_monitor *monitor, char *out, size_t capacity) {
    text_out text = {out, capacity, 0};
    cg_monitor_latency total = cg_monitor_latency_of(&monitor->total);
    put_u64(&text, "{\"schema\": ", CG_MONITOR_SCHEMA);
    put_u64(&text, ", \"at_ns\": ", monitor->at_ns);
    put_u64(&text, ", \"interval_ns\": ", monitor->interval_ns);
    put_u64(&text, ", \"intervals\": ", monitor->intervals);
    put_requests(&text, &monitor->gauges);
    put_gauges(&text, monitor);
    put_latency(&text, ", \"latency_ns\": {\"interval\": ", &monitor->last);
    put_latency(&text, ", \"total\": ", &total);
    put(&text, "}");
    put_alerts(&text, monitor);
    put(&text, "}");
    if (capacity > 0) {
        out[text.length < capacity ? text.length : capacity - 1] = '\0';
    }
    return text.length;
}

/* --- hash --- */

static void hash_histogram(cg_hasher *hasher, const cg_histogram *histogram) {
    cg_hasher_add_u64(hasher, histogram->total);
    cg_hasher_add_u64(hasher, histogram->min);
    cg_hasher_add_u64(hasher, histogram->max);
    for (size_t i = 0; i < histogram->bucket_count; i++) {
        cg_hasher_add_u64(hasher, histogram->buckets[i]);
        cg_hasher_add_u64(hasher, histogram->counts[i]);
    }
}

static void hash_gauges(cg_hasher *hasher, const cg_monitor_gauges *gauges) {
    const uint64_t counts[] = {gauges->accepted,        gauges->shed,
                               gauges->failed,          gauges->cache_hits,
                               gauges->cache_misses,    gauges->conflicts_retried,
                               gauges->prefetch_issued, gauges->prefetch_useful,
                               gauges->prefetch_late,   gauges->pool_redirected,
                               gauges->active_slots,    gauges->memory_bytes};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        cg_hasher_add_u64(hasher, counts[i]);
    }
    for (int i = 0; i < CG_MONITOR_KINDS; i++) {
        cg_hasher_add_u64(hasher, gauges->requests[i]);
    }
    cg_hasher_add_f64(hasher, gauges->utilisation);
    cg_hasher_add_f64(hasher, gauges->fragmentation_internal);
    cg_hasher_add_f64(hasher, gauges->fragmentation_external);
    for (int i = 0; i < CG_MONITOR_TIERS; i++) {
        cg_hasher_add_f64(hasher, gauges->tier_hit_share[i]);
    }
}

uint64_t cg_monitor_hash(const cg_monitor *monitor) {
    cg_hasher hasher = cg_hasher_init();
    hash_histogram(&hasher, &monitor->window);
    hash_histogram(&hasher, &monitor->total);
    hash_gauges(&hasher, &monitor->gauges);
    hash_gauges(&hasher, &monitor->before);
    const cg_monitor_latency *last = &monitor->last;
    const uint64_t counts[] = {
        last->count,   last->min_ns, last->p50_ns,   last->p90_ns,         last->p99_ns,
        last->p999_ns, last->max_ns, monitor->at_ns, monitor->interval_ns, monitor->intervals};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        cg_hasher_add_u64(&hasher, counts[i]);
    }
    cg_hasher_add_f64(&hasher, last->mean_ns);
    for (uint32_t i = 0; i < monitor->rule_count; i++) {
        cg_hasher_add_u64(&hasher, monitor->rules[i].held * 2ULL + monitor->rules[i].is_raised);
        cg_hasher_add_u64(&hasher, monitor->rules[i].since_ns);
        cg_hasher_add_f64(&hasher, monitor->rules[i].value);
    }
    return cg_hasher_value(&hasher);
}
