/* Once an interval: the monitor's alerts (spec B6), and adaptation (spec D8).
 *
 * Intervals begin with a request, of a client or of another host, and go on as long as they come; an interval without any is
 * the last one, so an idle node sets no timers.
 */
#include <math.h>
#include <string.h>

#include "engine/node/node_internal.h"

enum { ALERTS_MAX = 16 };

static double share(uint64_t part, uint64_t whole) {
    return whole == 0 ? (double)NAN : (double)part / (double)whole;
}

/* --- adaptation --- */

cg_adapt_options cg_tune_settings(const cg_node_options *options,
                                  cg_adapt_setting settings[CG_ADAPT_DEFAULT_SETTINGS]) {
    cg_adapt_options adapt = cg_adapt_options_default();
    memcpy(settings, adapt.settings, CG_ADAPT_DEFAULT_SETTINGS * sizeof *settings);
    adapt.settings = settings;
    settings[CG_ADAPT_PREFETCH_DEPTH].initial = options->service.prefetch;
    cg_adapt_setting *l1 = &settings[CG_ADAPT_L1_ENTRIES];
    int64_t capacity = (int64_t)options->tiers[0].capacity;
    int64_t next = options->tier_levels > 2 ? (int64_t)options->tiers[1].capacity : capacity;
    l1->initial = capacity;
    l1->min = capacity < 4 ? 1 : capacity / 4;
    l1->max = next / 16 < capacity ? next : capacity * 16;
    cg_adapt_setting *permits = &settings[CG_ADAPT_PERMITS];
    int64_t cores = options->service.cores;
    permits->initial = options->service.permits > 0 ? options->service.permits : cores;
    permits->min = permits->initial < cores ? permits->initial : cores;
    permits->max = permits->initial * 16;
    permits->max =
        permits->max < CG_ADMISSION_PERMITS_MAX ? permits->max : CG_ADMISSION_PERMITS_MAX;
    return adapt;
}

static void measure(const cg_node *node, const cg_event *event,
                    double metrics[CG_ADAPT_DEFAULT_METRICS]) {
    const cg_tune *before = &node->tune;
    const cg_tier_statistics tiers = cg_tiers_statistics(node->tiers);
    uint64_t reads = 0;
    for (uint32_t level = 0; level < node->options.tier_levels; ++level) {
        reads += tiers.reads[level] - before->tiers.reads[level];
    }
    for (int i = 0; i < CG_ADAPT_DEFAULT_METRICS; ++i) {
        metrics[i] = (double)NAN;
    }
    if (node->successors) {
        cg_successor_statistics seen = cg_successors_statistics(node->successors);
        metrics[CG_ADAPT_PREDICTOR_ACCURACY] =
            share(seen.predicted_right - before->successors.predicted_right,
                  seen.observed - before->successors.observed);
    }
    uint64_t useful = tiers.prefetch_useful - before->tiers.prefetch_useful;
    uint64_t resolved = useful + tiers.prefetch_useless - before->tiers.prefetch_useless +
                        tiers.prefetch_late - before->tiers.prefetch_late;
    metrics[CG_ADAPT_PREFETCH_USEFUL] = share(useful, resolved);
    metrics[CG_ADAPT_L1_HIT_SHARE] = share(tiers.reads[0] - before->tiers.reads[0], reads);
    if (node->options.tier_levels > 2) {
        metrics[CG_ADAPT_L2_SERVED_SHARE] =
            share(tiers.reads[1] - before->tiers.reads[1], reads);
    }
    metrics[CG_ADAPT_QUEUE_RATIO] = share(node->tune.waited_ns - before->waited_before_ns,
                                          node->tune.served_ns - before->served_before_ns);
    uint64_t passed_ns = event->now_ns - before->began_ns;
    if (event->core_busy_ns + event->disk_busy_ns > 0) {
        metrics[CG_ADAPT_CORE_UTILISATION] = share(event->core_busy_ns - before->core_busy_ns,
                                                   passed_ns * node->options.service.cores);
        metrics[CG_ADAPT_DISK_UTILISATION] =
            share(event->disk_busy_ns - before->disk_busy_ns, passed_ns);
    }
}

static cg_status change(cg_node *node, const cg_adapt_change *wanted, uint64_t now_ns,
                        cg_outputs *outputs, cg_error *error) {
    node->statistics.settings_changed++;
    switch ((cg_adapt_default_setting)wanted->setting) {
    case CG_ADAPT_PREFETCH_DEPTH:
        node->tune.prefetch = (uint32_t)wanted->to;
        return CG_OK;
    case CG_ADAPT_L1_ENTRIES:
        return cg_tiers_resize(node->tiers, 0, (uint64_t)wanted->to, error);
    case CG_ADAPT_PERMITS:
        return node->admission
                   ? cg_admit_permits(node, (uint32_t)wanted->to, now_ns, outputs, error)
                   : CG_OK;
    case CG_ADAPT_DEFAULT_SETTINGS:
        break;
    }
    CG_ASSERT(wanted->setting < CG_ADAPT_DEFAULT_SETTINGS);
    return CG_OK;
}

static cg_status adapt(cg_node *node, const cg_event *event, cg_outputs *outputs,
                       cg_error *error) {
    double metrics[CG_ADAPT_DEFAULT_METRICS];
    cg_adapt_change changes[CG_ADAPT_DEFAULT_SETTINGS];
    measure(node, event, metrics);
    uint32_t count = cg_adapt_interval(node->adapt, metrics, CG_ADAPT_DEFAULT_METRICS, changes,
                                       CG_ADAPT_DEFAULT_SETTINGS);
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < count; ++i) {
        status = change(node, &changes[i], event->now_ns, outputs, error);
    }
    return status;
}

/* --- the monitor --- */

static cg_monitor_gauges gauges_of(const cg_node *node) {
    const cg_node_statistics *statistics = &node->statistics;
    const cg_tier_statistics tiers = cg_tiers_statistics(node->tiers);
    cg_monitor_gauges gauges = cg_monitor_gauges_init();
    for (int kind = 0; kind < CG_REQUEST_KIND_COUNT; ++kind) {
        gauges.requests[kind] = statistics->requests_of[kind];
    }
    /* What is shed here may have come to another host, and never falls. */
    gauges.accepted = statistics->requests + node->work_of_others - statistics->shed;
    gauges.shed = statistics->shed;
    gauges.failed = statistics->failed;
    gauges.conflicts_retried = statistics->conflicts;
    cg_pool_statistics pools;
    cg_decision_cache_statistics cache;
    cg_spaces_statistics(node, &pools, &cache);
    gauges.cache_hits = cache.hits;
    gauges.cache_misses = cache.misses;
    gauges.prefetch_issued = tiers.prefetch_issued;
    gauges.prefetch_useful = tiers.prefetch_useful;
    gauges.prefetch_late = tiers.prefetch_late;
    gauges.memory_bytes =
        cg_node_bytes(node) + (node->corpus ? cg_corpus_bytes(node->corpus) : 0);
    if (node->corpus) {
        gauges.pool_redirected = pools.redirected;
        gauges.active_slots = pools.slots_taken;
        gauges.utilisation = share(pools.requested_bytes, pools.block_bytes);
        gauges.fragmentation_internal =
            share(pools.slot_bytes - pools.requested_bytes, pools.slot_bytes);
        gauges.fragmentation_external =
            share(pools.block_bytes - pools.slot_bytes, pools.block_bytes);
    }
    uint64_t reach = 0;
    for (uint32_t level = node->options.tier_levels; level-- > 0;) {
        reach += tiers.reads[level];
    }
    for (uint32_t level = 0; level < node->options.tier_levels; ++level) {
        gauges.tier_hit_share[level] = share(tiers.reads[level], reach);
        reach -= tiers.reads[level];
    }
    return gauges;
}

static cg_status watch(cg_node *node, uint64_t now_ns, cg_outputs *outputs, cg_error *error) {
    cg_alert alerts[ALERTS_MAX];
    cg_monitor_gauges gauges = gauges_of(node);
    uint32_t count = cg_monitor_interval(node->monitor, now_ns, &gauges, alerts, ALERTS_MAX);
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < count; ++i) {
        status = cg_node_alert(outputs, alerts[i].severity, alerts[i].text, error);
    }
    return status;
}

cg_status cg_tune_latency(cg_node *node, uint64_t began_ns, uint64_t now_ns, cg_error *error) {
    return node->monitor ? cg_monitor_record_latency(node->monitor, now_ns - began_ns, error)
                         : CG_OK;
}

/* --- intervals --- */

static void begin_interval(cg_node *node, const cg_event *event) {
    cg_tune *tune = &node->tune;
    tune->active = 0;
    tune->began_ns = event->now_ns;
    if (event->core_busy_ns + event->disk_busy_ns >
        0) { /* else not known: as at the last tick */
        tune->core_busy_ns = event->core_busy_ns;
        tune->disk_busy_ns = event->disk_busy_ns;
    }
    tune->waited_before_ns = tune->waited_ns;
    tune->served_before_ns = tune->served_ns;
    tune->tiers = cg_tiers_statistics(node->tiers);
    if (node->successors) {
        tune->successors = cg_successors_statistics(node->successors);
    }
}

static cg_status next_tick(const cg_node *node, uint64_t now_ns, cg_outputs *outputs,
                           cg_error *error) {
    return cg_node_set_timer(outputs, cg_timer_id(CG_TIMER_TICK, 0),
                             now_ns + node->options.service.interval_ns, error);
}

cg_status cg_tune_begin(cg_node *node, const cg_event *event, cg_outputs *outputs,
                        cg_error *error) {
    if (node->options.service.interval_ns == 0 || node->tune.is_ticking) {
        return CG_OK;
    }
    node->tune.is_ticking = true;
    begin_interval(node, event);
    return next_tick(node, event->now_ns, outputs, error);
}

cg_status cg_tune_tick(cg_node *node, const cg_event *event, cg_outputs *outputs,
                       cg_error *error) {
    const cg_tune *tune = &node->tune;
    if (!tune->is_ticking ||
        event->now_ns < tune->began_ns + node->options.service.interval_ns) {
        return CG_OK; /* of an interval that has ended */
    }
    cg_status status = CG_OK;
    if (node->adapt) {
        status = adapt(node, event, outputs, error);
    }
    if (status == CG_OK && node->monitor) {
        status = watch(node, event->now_ns, outputs, error);
    }
    bool goes_on = node->tune.active > 0 || node->items_open > 0;
    if (status == CG_OK && !goes_on) {
        status = cg_associate_rest(node, error);
    }
    begin_interval(node, event);
    node->tune.is_ticking = goes_on;
    return status == CG_OK && goes_on ? next_tick(node, event->now_ns, outputs, error) : status;
}
