/* Monitor of a service: totals and gauges, rules that raise alerts, and both as JSON (spec B6).
 *
 * Latencies are recorded one by one; at the end of each interval the service hands over its gauges,
 * and rules are judged on the interval. An alert is raised once, after its rule has held for
 * for_intervals in a row, and cleared once, when the value is back beyond clear_threshold; in
 * between it says nothing. A value that is unknown (a share that is NaN, a quantile of no
 * latencies, a rate of the first interval) neither raises nor clears, and the count of intervals
 * starts anew.
 */
#ifndef CG_ENGINE_SERVICE_MONITOR_H
#define CG_ENGINE_SERVICE_MONITOR_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

enum {
    CG_MONITOR_SCHEMA = 1,
    CG_MONITOR_RULES_MAX = 64,
    CG_MONITOR_TIERS = 5,
    CG_MONITOR_INTERVALS_MAX = 1000000,
    CG_MONITOR_NAME_BYTES = 40, /* of a rule's name, with its NUL */
    CG_MONITOR_TEXT_BYTES = 200
};

typedef enum cg_monitor_kind {
    CG_MONITOR_ALLOCATE,
    CG_MONITOR_ALLOCATE_BATCH,
    CG_MONITOR_DEALLOCATE,
    CG_MONITOR_RECALL,
    CG_MONITOR_SPREAD,
    CG_MONITOR_GET,
    CG_MONITOR_EDGE,
    CG_MONITOR_SEARCH,
    CG_MONITOR_KINDS
} cg_monitor_kind;

/* Totals run from the start of the service and never fall. Shares are in [0, 1] (beyond counts as
 * the bound), NaN where unknown. */
typedef struct cg_monitor_gauges {
    uint64_t requests[CG_MONITOR_KINDS]; /* totals of those that arrived */
    uint64_t accepted;                   /* totals */
    uint64_t shed;
    uint64_t failed;
    uint64_t conflicts_retried;
    uint64_t cache_hits; /* of the decision cache, totals */
    uint64_t cache_misses;
    uint64_t prefetch_issued; /* totals */
    uint64_t prefetch_useful;
    uint64_t prefetch_late;
    uint64_t pool_redirected; /* total */
    uint64_t active_slots;    /* now */
    uint64_t memory_bytes;
    double utilisation;                      /* of slots in blocks */
    double fragmentation_internal;           /* slot bytes that nobody asked for */
    double fragmentation_external;           /* free bytes that cannot serve */
    double tier_hit_share[CG_MONITOR_TIERS]; /* of the reads that reach the tier */
} cg_monitor_gauges;
/* All totals 0, all shares unknown. */
cg_monitor_gauges cg_monitor_gauges_init(void);

typedef enum cg_monitor_metric {
    CG_MONITOR_LATENCY,  /* ns; statistics MEAN .. MAX */
    CG_MONITOR_REQUESTS, /* totals of all kinds; VALUE: of the interval; RATE: a second */
    CG_MONITOR_ACCEPTED,
    CG_MONITOR_SHED,
    CG_MONITOR_FAILED,
    CG_MONITOR_CONFLICTS_RETRIED,
    CG_MONITOR_SHED_SHARE, /* from here on VALUE alone; shed / (accepted + shed) of the interval */
    CG_MONITOR_FAILED_SHARE,   /* failed / accepted of the interval */
    CG_MONITOR_CACHE_SHARE,    /* hits / (hits + misses) of the interval */
    CG_MONITOR_PREFETCH_SHARE, /* useful / issued of the interval */
    CG_MONITOR_ACTIVE_SLOTS,
    CG_MONITOR_MEMORY_BYTES,
    CG_MONITOR_MEMORY_SHARE, /* of the budget; unknown without one */
    CG_MONITOR_UTILISATION,
    CG_MONITOR_FRAGMENTATION_INTERNAL,
    CG_MONITOR_FRAGMENTATION_EXTERNAL,
    CG_MONITOR_TIER_HIT_SHARE, /* of the first tier */
    CG_MONITOR_METRICS
} cg_monitor_metric;

typedef enum cg_monitor_statistic {
    CG_MONITOR_VALUE,
    CG_MONITOR_RATE,
    CG_MONITOR_MEAN,
    CG_MONITOR_P50,
    CG_MONITOR_P90,
    CG_MONITOR_P99,
    CG_MONITOR_P999,
    CG_MONITOR_MAX,
    CG_MONITOR_STATISTICS
} cg_monitor_statistic;

typedef enum cg_monitor_comparison {
    CG_MONITOR_ABOVE,
    CG_MONITOR_BELOW,
    CG_MONITOR_COMPARISONS
} cg_monitor_comparison;

typedef enum cg_severity { CG_INFO, CG_WARNING, CG_CRITICAL, CG_SEVERITIES } cg_severity;
const char *cg_severity_name(cg_severity severity); /* "info", "warning", "critical" */

typedef struct cg_monitor_rule {
    const char *name; /* [a-z0-9_]+, below CG_MONITOR_NAME_BYTES, each once; copied */
    cg_monitor_metric metric;
    cg_monitor_statistic statistic;
    cg_monitor_comparison comparison;
    double threshold; /* finite, 0 or more, in the metric's unit */
    double
        clear_threshold; /* cleared at or beyond it: at most threshold for ABOVE, at least for
                             * BELOW */
    cg_severity severity;
    uint32_t for_intervals;    /* 1..CG_MONITOR_INTERVALS_MAX */
    uint64_t active_slots_min; /* the rule counts as not holding below so many active slots */
} cg_monitor_rule;

typedef struct cg_monitor_options {
    const cg_monitor_rule *rules; /* [rule_count] */
    uint32_t rule_count;          /* 0..CG_MONITOR_RULES_MAX */
    uint64_t memory_budget_bytes; /* 0: none */
} cg_monitor_options;
/* No budget, and the rules (cleared at):
 *
 *   latency_p99    p99 latency > 100 ms (90 ms)                       warning
 *   memory         memory > 50 GB, 5e10 bytes (47.5 GB)               critical
 *   memory_budget  memory > its budget (95%)                          critical
 *   shed           shed share > 10% (8%)                              warning
 *   utilisation    utilisation < 50% (55%) with > 1,000 active slots  info, for 3 intervals
 *
 * Rules are borrowed, static. */
cg_monitor_options cg_monitor_options_default(void);

typedef struct cg_monitor cg_monitor;
/* CG_ERROR_INVALID with rule, value and limits; CG_ERROR_MEMORY. */
cg_status cg_monitor_alloc(const cg_monitor_options *options, cg_allocator allocator,
                           cg_monitor **out, cg_error *error);
void cg_monitor_free(cg_monitor *monitor); /* NULL is fine */

/* Latency of one request that was answered. O(log buckets). CG_ERROR_MEMORY: not recorded. */
cg_status cg_monitor_record_latency(cg_monitor *monitor, uint64_t latency_ns, cg_error *error);

typedef struct cg_alert {
    uint32_t rule;  /* index */
    bool is_raised; /* else cleared */
    cg_severity severity;
    uint64_t at_ns;
    double value; /* in the metric's unit */
    double limit;
    char name[CG_MONITOR_NAME_BYTES];
    char
        text[CG_MONITOR_TEXT_BYTES]; /* "latency_p99: p99 latency is 120.500 ms, above the limit
                                       * of 100.000 ms" */
} cg_alert;

/* Ends an interval at now_ns. Fills at most `max` alerts, in order of rules, and returns their
 * number; what finds no place is raised or cleared at the next interval if it still holds then.
 * Latencies of the interval go into the totals, and the next begins with none; where memory for
 * that is out, they stay and the next interval has them too, so that none is lost. now_ns not
 * after the last one, or a total that fell: rates and shares of the interval are unknown. */
uint32_t cg_monitor_interval(cg_monitor *monitor, uint64_t now_ns,
                             const cg_monitor_gauges *gauges, cg_alert *alerts, uint32_t max);

/* A rule's value in the last interval; false when unknown. */
bool cg_monitor_value(const cg_monitor *monitor, cg_monitor_metric metric,
                      cg_monitor_statistic statistic, double *value);
uint32_t cg_monitor_raised(const cg_monitor *monitor); /* alerts that last */
uint64_t cg_monitor_hash(const cg_monitor *monitor);   /* over all state */

/* The state after the last interval, as one line of JSON, NUL-terminated when capacity > 0, cut at
 * capacity - 1 bytes. Returns its length without NUL, like snprintf. Integers, decimals of six
 * places, and null for what is unknown; keys always all, in this order:
 *
 *   {"schema": 1, "at_ns": N, "interval_ns": N, "intervals": N,
 *    "requests": {"allocate": N, "allocate_batch": N, "deallocate": N, "recall": N, "spread": N,
 *                 "get": N, "edge": N, "search": N},
 *    "accepted": N, "shed": N, "failed": N, "conflicts_retried": N,
 *    "cache": {"hits": N, "misses": N, "share": D},
 *    "prefetch": {"issued": N, "useful": N, "late": N, "share": D},
 *    "pool": {"active_slots": N, "redirected": N, "utilisation": D, "fragmentation_internal": D,
 *             "fragmentation_external": D},
 *    "memory": {"bytes": N, "budget_bytes": N or null},
 *    "tier_hit_share": [D, D, D, D, D],
 *    "shed_share": D, "failed_share": D,
 *    "latency_ns": {"interval": L, "total": L},
 *    "alerts": [{"rule": "latency_p99", "severity": "warning", "since_ns": N, "value": D,
 *                "limit": D}, ...]}
 *
 * L: {"count": N, "min": N, "mean": N, "p50": N, "p90": N, "p99": N, "p999": N, "max": N}, null
 * but for count when that is 0. Totals are from the start of the service, shares of the last
 * interval, alerts those that last, with the value that raised them. A new schema number comes with
 * any change but a new key at the end of an object. */
size_t cg_monitor_json(const cg_monitor *monitor, char *out, size_t capacity);

#endif
