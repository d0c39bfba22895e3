#include "sim/point/service_report.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/math.h"

static double percent(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : 100.0 * (double)part / (double)whole;
}

static void count(sim_rows *rows, const char *name, uint64_t value) {
    sim_rows_metric(rows, name, "total", (double)value, "1");
}

static void share(sim_rows *rows, const char *name, uint64_t part, uint64_t whole) {
    if (whole > 0) {
        sim_rows_metric(rows, name, "share", percent(part, whole), "%");
    }
}

/* --- latencies of a part of the requests ---------------------------------- */

typedef bool (*chooser)(const sim_report_input *input, const sim_request_record *request,
                        uint32_t argument);

static cg_status report_latency(const sim_report_input *input, const char *name, chooser chosen,
                                uint32_t argument, sim_rows *rows, cg_error *error) {
    const sim_measure *measure = input->measure;
    cg_histogram histogram;
    cg_histogram_init(&histogram, cg_allocator_heap());
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        if (request->replied && chosen(input, request, argument)) {
            status = cg_histogram_record(&histogram, request->replied_ns - request->start_ns, 1,
                                         error);
        }
    }
    if (status == CG_OK && histogram.total > 0) {
        sim_rows_histogram(rows, name, "ns", &histogram);
    }
    cg_histogram_deinit(&histogram);
    return status;
}

static bool is_of_kind(const sim_report_input *input, const sim_request_record *request,
                       uint32_t kind) {
    (void)input;
    return sim_request_acknowledged(request) && request->reply.request == kind;
}

static bool is_shed(const sim_report_input *input, const sim_request_record *request,
                    uint32_t argument) {
    (void)input;
    (void)argument;
    return request->reply.status == CG_ERROR_OVERLOADED;
}

static bool is_cached(const sim_report_input *input, const sim_request_record *request,
                      uint32_t cached) {
    (void)input;
    return sim_request_judged(request) && request->reply.cached == cached;
}

/* When a phase of the load begins, and ends. */
static void phase_of(const sim_report_input *input, uint32_t phase, uint64_t *from_ns,
                     uint64_t *to_ns) {
    const sim_options *options = input->options;
    const sim_measure *measure = input->measure;
    uint64_t last_ns = measure->request_count > 0
                           ? measure->requests[measure->request_count - 1].start_ns + 1
                           : 0;
    *from_ns = phase == 0 ? 0 : options->phases[phase - 1].at_ns;
    *to_ns = phase == options->phase_count ? last_ns : options->phases[phase].at_ns;
    *to_ns = *to_ns < *from_ns ? *from_ns : *to_ns;
}

static bool is_in_late_half(const sim_report_input *input, const sim_request_record *request,
                            uint32_t phase) {
    uint64_t from_ns = 0;
    uint64_t to_ns = 0;
    phase_of(input, phase, &from_ns, &to_ns);
    from_ns += (to_ns - from_ns) / 2; /* by then whatever adapts should have followed */
    return sim_request_acknowledged(request) && request->start_ns >= from_ns &&
           request->start_ns < to_ns;
}

static bool is_late(const sim_report_input *input, const sim_request_record *request,
                    uint32_t argument) {
    (void)argument;
    const sim_measure *measure = input->measure;
    return sim_request_acknowledged(request) &&
           request - measure->requests >= measure->request_count / 2;
}

static cg_status report_latencies(const sim_report_input *input, sim_rows *rows,
                                  cg_error *error) {
    cg_status status = report_latency(input, "latency.shed", is_shed, 0, rows, error);
    for (uint32_t kind = 0; status == CG_OK && kind < CG_REQUEST_KIND_COUNT; ++kind) {
        char name[64];
        snprintf(name, sizeof name, "latency.%s", cg_request_kind_name((cg_request_kind)kind));
        bool alone = kind == CG_REQUEST_ALLOCATE && input->options->load.requests == 0;
        if (!alone) { /* of a load of allocations alone, latency says it */
            status = report_latency(input, name, is_of_kind, kind, rows, error);
        }
    }
    if (status == CG_OK && input->options->engine.cache_entries > 0) {
        status = report_latency(input, "latency.cached", is_cached, 1, rows, error);
    }
    if (status == CG_OK && input->options->engine.cache_entries > 0) {
        status = report_latency(input, "latency.fresh", is_cached, 0, rows, error);
    }
    if (status == CG_OK && input->options->load.requests > 0) {
        status = report_latency(input, "latency.late", is_late, 0, rows, error);
    }
    for (uint32_t phase = 0; status == CG_OK && input->options->phase_count > 0 &&
                             phase <= input->options->phase_count;
         ++phase) {
        char name[64];
        snprintf(name, sizeof name, "latency.phase%u", phase + 1);
        status = report_latency(input, name, is_in_late_half, phase, rows, error);
    }
    return status;
}

/* --- requests ------------------------------------------------------------- */

/* Operations: facts stored or removed, keys read, hits of spreads. */
static void report_operations(const sim_report_input *input, sim_rows *rows) {
    const sim_measure *measure = input->measure;
    uint64_t operations[CG_REQUEST_KIND_COUNT] = {0};
    uint64_t requests = 0;
    uint64_t partial = 0;
    uint64_t last_ns = 0;
    uint64_t edges = 0;
    for (uint32_t i = 0; i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        if (sim_request_acknowledged(request)) {
            edges += request->reply.edges;
            operations[request->reply.request] += request->reply.count;
            requests++;
            partial += request->reply.status == CG_ERROR_PARTIAL;
            last_ns = request->replied_ns > last_ns ? request->replied_ns : last_ns;
        }
    }
    count(rows, "requests.partial", partial);
    uint64_t first_ns = measure->request_count > 0 ? measure->requests[0].start_ns : 0;
    uint64_t all = 0;
    for (int kind = 0; kind < CG_REQUEST_KIND_COUNT; ++kind) {
        char name[64];
        if ((kind == CG_REQUEST_GET && !(input->options->load.get > 0.0)) ||
            (kind == CG_REQUEST_EDGE && !(input->options->load.edges > 0.0)) ||
            (kind == CG_REQUEST_SEARCH && !(input->options->load.search > 0.0))) {
            continue; /* as few rows as can be for loads without any */
        }
        snprintf(name, sizeof name, "operations.%s",
                 cg_request_kind_name((cg_request_kind)kind));
        count(rows, name, operations[kind]);
        all += operations[kind];
    }
    if (last_ns > first_ns) {
        sim_rows_metric(rows, "operations.throughput", "mean",
                        (double)all / ((double)(last_ns - first_ns) / 1e9), "1/s");
    }
    if (last_ns > first_ns && edges > 0) {
        sim_rows_metric(rows, "spread.activations", "mean",
                        (double)edges / ((double)(last_ns - first_ns) / 1e9), "1/s");
    }
}

/* --- forecasts ------------------------------------------------------------ */

/* |forecast - latency| / latency, in millionths, of recalls that began in [from_ns, to_ns). */
static cg_status report_errors(const sim_report_input *input, const char *suffix,
                               uint64_t from_ns, uint64_t to_ns, sim_rows *rows,
                               cg_error *error) {
    enum { MILLION = 1000000 };
    const sim_measure *measure = input->measure;
    cg_histogram histogram;
    cg_histogram_init(&histogram, cg_allocator_heap());
    cg_status status = CG_OK;
    uint64_t within = 0;
    for (uint32_t i = 0; status == CG_OK && i < measure->request_count; ++i) {
        const sim_request_record *request = &measure->requests[i];
        uint64_t latency_ns = request->replied_ns - request->start_ns;
        uint64_t forecast_ns = request->reply.forecast_ns;
        if (!sim_request_acknowledged(request) || forecast_ns == 0 || latency_ns == 0 ||
            request->start_ns < from_ns || request->start_ns >= to_ns) {
            continue;
        }
        uint64_t off_ns =
            forecast_ns > latency_ns ? forecast_ns - latency_ns : latency_ns - forecast_ns;
        within += off_ns * 5 <= latency_ns;
        status =
            cg_histogram_record(&histogram, cg_mul_div(off_ns, MILLION, latency_ns), 1, error);
    }
    if (status == CG_OK && histogram.total > 0) {
        char name[64];
        snprintf(name, sizeof name, "forecast.error%s", suffix);
        sim_rows_histogram(rows, name, "ppm", &histogram);
        snprintf(name, sizeof name, "forecast.within20%s", suffix);
        share(rows, name, within, histogram.total);
    }
    cg_histogram_deinit(&histogram);
    return status;
}

static cg_status report_forecasts(const sim_report_input *input, sim_rows *rows,
                                  cg_error *error) {
    uint32_t phases = input->options->phase_count;
    cg_status status = report_errors(input, "", 0, UINT64_MAX, rows, error);
    for (uint32_t phase = 0; status == CG_OK && phases > 0 && phase <= phases; ++phase) {
        char suffix[32];
        uint64_t from_ns = 0;
        uint64_t to_ns = 0;
        snprintf(suffix, sizeof suffix, ".phase%u", phase + 1);
        phase_of(input, phase, &from_ns, &to_ns);
        status = report_errors(input, suffix, from_ns, to_ns, rows, error);
    }
    return status;
}

/* --- what nodes counted --------------------------------------------------- */

static void add_tiers(cg_tier_statistics *sum, const cg_tier_statistics *one) {
    for (int level = 0; level < CG_TIER_LEVELS_MAX; ++level) {
        sum->reads[level] += one->reads[level];
        sum->evictions[level] += one->evictions[level];
        sum->entries[level] += one->entries[level];
        sum->promotions[level] += one->promotions[level];
    }
    sum->prefetch_issued += one->prefetch_issued;
    sum->prefetch_useful += one->prefetch_useful;
    sum->prefetch_useless += one->prefetch_useless;
    sum->prefetch_late += one->prefetch_late;
}

static void report_tiers(const sim_report_input *input, const cg_tier_statistics *tiers,
                         sim_rows *rows) {
    uint32_t levels = input->options->engine.tier_levels;
    uint64_t all = 0;
    for (uint32_t level = 0; level < levels; ++level) {
        all += tiers->reads[level];
    }
    for (uint32_t level = 0; level < levels; ++level) {
        char name[32];
        snprintf(name, sizeof name, "tier.l%u", level + 1);
        sim_rows_metric(rows, name, "share", percent(tiers->reads[level], all), "%");
    }
    share(rows, "tier.memory", all - tiers->reads[levels - 1], all);
    count(rows, "prefetch.issued", tiers->prefetch_issued);
    count(rows, "prefetch.useful", tiers->prefetch_useful);
    count(rows, "prefetch.useless", tiers->prefetch_useless);
    count(rows, "prefetch.late", tiers->prefetch_late);
}

static void report_pools(const sim_report_input *input, sim_rows *rows) {
    cg_pool_statistics sum = {0};
    for (uint32_t host = 0; host < input->options->cluster.hosts; ++host) {
        cg_pool_statistics one = cg_node_statistics_of(input->nodes[host]).pools;
        sum.slots_taken += one.slots_taken;
        sum.requested_bytes += one.requested_bytes;
        sum.slot_bytes += one.slot_bytes;
        sum.block_bytes += one.block_bytes;
        sum.redirected += one.redirected;
    }
    count(rows, "pool.slots", sum.slots_taken);
    count(rows, "pool.redirected", sum.redirected);
    share(rows, "pool.utilisation", sum.requested_bytes, sum.block_bytes);
    share(rows, "pool.internal", sum.slot_bytes - sum.requested_bytes, sum.slot_bytes);
    share(rows, "pool.external", sum.block_bytes - sum.slot_bytes, sum.block_bytes);
}

static void report_batches(const sim_report_input *input, sim_rows *rows) {
    uint64_t changes = 0;
    uint64_t batches = 0;
    uint32_t steps = 0;
    uint32_t sizes[CG_TIER_LEVELS_MAX] = {0};
    for (uint32_t host = 0; host < input->options->cluster.hosts; ++host) {
        cg_node_statistics one = cg_node_statistics_of(input->nodes[host]);
        batches += one.batches;
        for (uint32_t level = 0; level < input->options->engine.tier_levels; ++level) {
            uint64_t of_level = one.batch_changes[level];
            changes = of_level > changes ? of_level : changes;
            steps = one.batch_late_steps[level] > steps ? one.batch_late_steps[level] : steps;
            sizes[level] = one.batch_size[level];
        }
    }
    count(rows, "batch.batches", batches);
    sim_rows_metric(rows, "batch.changes", "max", (double)changes, "1");
    sim_rows_metric(rows, "batch.late_steps", "max", (double)steps, "1");
    for (uint32_t level = 0; level < input->options->engine.tier_levels; ++level) {
        char name[32];
        snprintf(name, sizeof name, "batch.l%u", level + 1);
        sim_rows_metric(rows, name, "last", (double)sizes[level], "1");
    }
}

/* --- spreading ------------------------------------------------------------ */

static void add_counts(cg_cpu_counts *sum, const cg_cpu_counts *one) {
    sum->accesses += one->accesses;
    sum->misses += one->misses;
    for (int level = 0; level < CG_CPU_LEVELS_MAX; ++level) {
        sum->hits[level] += one->hits[level];
    }
}

/* Lines that a level had to look for and did not have. */
static void report_misses(const char *what, const cg_cpu_counts *counts, sim_rows *rows) {
    static const char *const levels[CG_CPU_LEVELS_MAX] = {"l1", "l2", "llc"};
    uint64_t looked = counts->accesses;
    for (int level = 0; level < CG_CPU_LEVELS_MAX; ++level) {
        char name[64];
        uint64_t missed = looked - counts->hits[level];
        snprintf(name, sizeof name, "cpu.%s.%s.misses", what, levels[level]);
        share(rows, name, missed, counts->accesses);
        snprintf(name, sizeof name, "cpu.%s.%s.local_misses", what, levels[level]);
        share(rows, name, missed, looked);
        looked = missed;
    }
}

static void report_spreads(const sim_report_input *input, sim_rows *rows) {
    cg_node_statistics sum = {0};
    for (uint32_t host = 0; host < input->options->cluster.hosts; ++host) {
        cg_node_statistics one = cg_node_statistics_of(input->nodes[host]);
        sum.spreads += one.spreads;
        sum.spread_edges += one.spread_edges;
        sum.spread_visits += one.spread_visits;
        sum.spread_reached += one.spread_reached;
        sum.consolidations += one.consolidations;
        sum.edges_strengthened += one.edges_strengthened;
        sum.merges_proposed += one.merges_proposed;
        sum.activations.taken += one.activations.taken;
        sum.activations.reused += one.activations.reused;
        sum.activations.in_use_max += one.activations.in_use_max;
        sum.activations.allocations += one.activations.allocations;
        add_counts(&sum.cpu_hot, &one.cpu_hot);
        add_counts(&sum.cpu_all, &one.cpu_all);
    }
    if (sum.spreads == 0) {
        return;
    }
    const double spreads = (double)sum.spreads;
    sim_rows_metric(rows, "spread.edges", "mean", (double)sum.spread_edges / spreads, "1");
    sim_rows_metric(rows, "spread.visits", "mean", (double)sum.spread_visits / spreads, "1");
    sim_rows_metric(rows, "spread.reached", "mean", (double)sum.spread_reached / spreads, "1");
    count(rows, "spread.edges", sum.spread_edges);
    sim_rows_metric(rows, "activation.reused", "share",
                    percent(sum.activations.reused, sum.activations.taken), "%");
    count(rows, "activation.records", sum.activations.taken);
    count(rows, "activation.blocks", sum.activations.allocations);
    sim_rows_metric(rows, "activation.in_use", "max", (double)sum.activations.in_use_max, "1");
    if (input->options->engine.spread.consolidate_ns > 0) {
        count(rows, "consolidations", sum.consolidations);
        count(rows, "consolidation.edges", sum.edges_strengthened);
        count(rows, "consolidation.merges", sum.merges_proposed);
    }
    if (sum.cpu_all.accesses > 0) {
        count(rows, "cpu.hot.accesses", sum.cpu_hot.accesses);
        report_misses("hot", &sum.cpu_hot, rows);
        count(rows, "cpu.all.accesses", sum.cpu_all.accesses);
        report_misses("all", &sum.cpu_all, rows);
    }
}

void sim_service_sample(const sim_report_input *input, const sim_sample *sample,
                        sim_rows *rows) {
    const sim_options *options = input->options;
    uint64_t time_ns = sample->time_ns;
    if (options->engine.adapts) {
        sim_rows_series(rows, "setting.prefetch", time_ns, "last", sample->prefetch, "1");
        sim_rows_series(rows, "setting.l1", time_ns, "last", (double)sample->l1_capacity, "1");
        sim_rows_series(rows, "setting.permits", time_ns, "last", (double)sample->permits, "1");
    }
    bool cuts = options->engine.batching && options->engine.batch == 0 &&
                options->load.recall > 0.0 && options->load.keys > 1;
    for (uint32_t level = 0; cuts && level < options->engine.tier_levels; ++level) {
        char name[32];
        snprintf(name, sizeof name, "batch.l%u", level + 1);
        sim_rows_series(rows, name, time_ns, "last", sample->batch[level], "1");
    }
}

cg_status sim_service_report(const sim_report_input *input, sim_rows *rows, cg_error *error) {
    cg_tier_statistics tiers;
    memset(&tiers, 0, sizeof tiers);
    cg_node_statistics sum = {0};
    for (uint32_t host = 0; host < input->options->cluster.hosts; ++host) {
        cg_node_statistics one = cg_node_statistics_of(input->nodes[host]);
        add_tiers(&tiers, &one.tiers);
        sum.conflicts += one.conflicts;
        for (int strategy = 0; strategy < CG_PLACEMENT_STRATEGY_COUNT; ++strategy) {
            sum.placements[strategy] += one.placements[strategy];
        }
        sum.settings_changed += one.settings_changed;
        sum.cache.hits += one.cache.hits;
        sum.cache.misses += one.cache.misses;
        sum.cache.invalidated += one.cache.invalidated;
        sum.cache.expired += one.cache.expired;
        uint64_t wait_ns = one.admission.longest_wait_ns;
        if (wait_ns > sum.admission.longest_wait_ns) {
            sum.admission.longest_wait_ns = wait_ns;
        }
    }
    report_tiers(input, &tiers, rows);
    report_pools(input, rows);
    report_batches(input, rows);
    report_operations(input, rows);
    report_spreads(input, rows);
    count(rows, "conflicts", sum.conflicts);
    for (int strategy = 0; strategy < CG_PLACEMENT_STRATEGY_COUNT; ++strategy) {
        char name[64];
        snprintf(name, sizeof name, "placement.%s",
                 cg_placement_strategy_name((cg_placement_strategy)strategy));
        for (char *dash = strchr(name, '-'); dash; dash = strchr(dash, '-')) {
            *dash = '_'; /* as names of metrics are written */
        }
        count(rows, name, sum.placements[strategy]);
    }
    count(rows, "settings.changes", sum.settings_changed);
    share(rows, "cache.hits", sum.cache.hits, sum.cache.hits + sum.cache.misses);
    count(rows, "cache.invalidated", sum.cache.invalidated);
    count(rows, "cache.expired", sum.cache.expired);
    sim_rows_metric(rows, "permit.wait", "max", (double)sum.admission.longest_wait_ns, "ns");
    cg_status status = report_latencies(input, rows, error);
    return status == CG_OK ? report_forecasts(input, rows, error) : status;
}
