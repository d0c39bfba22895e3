/* The monitor's state (internal to engine/service). */
#ifndef CG_ENGINE_SERVICE_MONITOR_INTERNAL_H
#define CG_ENGINE_SERVICE_MONITOR_INTERNAL_H

#include "engine/base/histogram.h"
#include "engine/service/monitor.h"

typedef struct cg_monitor_latency {
    uint64_t count;
    uint64_t min_ns;
    double mean_ns;
    uint64_t p50_ns;
    uint64_t p90_ns;
    uint64_t p99_ns;
    uint64_t p999_ns;
    uint64_t max_ns;
} cg_monitor_latency;
cg_monitor_latency cg_monitor_latency_of(const cg_histogram *histogram);

typedef struct cg_monitor_rule_state {
    cg_monitor_rule rule; /* its name is `name` */
    char name[CG_MONITOR_NAME_BYTES];
    uint32_t held; /* intervals in a row */
    bool is_raised;
    uint64_t since_ns; /* while raised */
    double value;      /* that raised it */
} cg_monitor_rule_state;

struct cg_monitor {
    cg_allocator allocator;
    cg_histogram window; /* latencies since the last interval's end */
    cg_histogram total;  /* all before */
    cg_monitor_latency last;
    cg_monitor_gauges gauges; /* unknown shares are -1 here */
    cg_monitor_gauges before; /* an interval earlier */
    uint64_t memory_budget_bytes;
    uint64_t at_ns;
    uint64_t interval_ns; /* 0: differences are unknown */
    uint64_t intervals;
    uint32_t rule_count;
    cg_monitor_rule_state rules[CG_MONITOR_RULES_MAX];
};

#endif
