/* Goal: what is reported of the allocation service and the memory tiers (docs/metrics.md) has the
 * values that a reader would compute from the load by hand: reads by tier from the same reads
 * through tiers of his own, operations from the plan, latencies from the cost profile, and shares
 * and counts that add up. Real input: the files of Debian's wordnet-base. */
#include "tests/support/points.h"

#include "sim/point/engine_options.h"
#include "sim/workload/workload.h"

enum { RECALLS = 400, KEYS = 300 };
#define ALONE                                                                                  \
    "graph.source", "keys", "graph.nodes", "300", "cluster.cores", "1", "engine.tiers.l1",     \
        "20", "engine.tiers.l2", "100", "engine.tiers.access.l1", "100ns",                     \
        "engine.tiers.access.l2", "400ns", "engine.tiers.bandwidth.l1", "100TB/s",             \
        "engine.tiers.bandwidth.l2", "100TB/s", "engine.batching", "false", "engine.interval", \
        "0", "load.recall", "1", "load.facts", "1", "load.audits", "0", "load.requests",       \
        "400", "load.arrival", "constant", "load.rate", "1K"

static char *run_keys(const char *const *settings, sim_options *chosen) {
    uint64_t fingerprint = 0;
    point_options(chosen, settings);
    sim_ground *ground = point_ground(chosen);
    char *text = point_run(chosen, ground, SIM_LOOP_BARE, &fingerprint);
    sim_ground_free(ground);
    return text;
}

static void plan(const sim_options *chosen, uint64_t keys, sim_workload *out) {
    cg_error error = {0};
    sim_workload_input input = {.load = &chosen->load,
                                .phases = chosen->phases,
                                .phase_count = chosen->phase_count,
                                .keys = keys,
                                .hosts = chosen->cluster.hosts,
                                .seed = chosen->seed};
    assert_ok(sim_workload_plan(&input, cg_allocator_heap(), out, &error), error);
}

/* --- recalls alone -------------------------------------------------------------------------- */

/* Requests come 1 ms apart, one at a time: the tiers see the keys in the order of the plan. */
static void test_tiers(void **state) {
    (void)state;
    static sim_options chosen;
    const char *const settings[] = {ALONE,     "load.keys", "3", "load.keys_spread",
                                    "uniform", NULL};
    char *text = run_keys(settings, &chosen);
    sim_workload load;
    plan(&chosen, KEYS, &load);
    cg_node_options node = sim_engine_node(&chosen, 0);
    cg_tiers *tiers = NULL;
    cg_error error = {0};
    assert_ok(cg_tiers_alloc(node.tiers, node.tier_levels, cg_allocator_heap(), &tiers, &error),
              error);
    for (size_t i = 0; i < load.key_count; i++) {
        uint32_t served = 0;
        assert_ok(cg_tiers_read(tiers, load.keys[i], 64, 0, &served, NULL, &error), error);
    }
    cg_tier_statistics counts = cg_tiers_statistics(tiers);
    double all = (double)load.key_count;
    assert_true(counts.reads[0] > 100 && counts.reads[1] > 100 && counts.reads[2] > 100);
    assert_near(point_figure(text, "tier.l1", "share"), 100.0 * (double)counts.reads[0] / all,
                1e-9);
    assert_near(point_figure(text, "tier.l2", "share"), 100.0 * (double)counts.reads[1] / all,
                1e-9);
    assert_near(point_figure(text, "tier.l3", "share"), 100.0 * (double)counts.reads[2] / all,
                1e-9);
    assert_near(point_figure(text, "tier.memory", "share"),
                100.0 * (double)(counts.reads[0] + counts.reads[1]) / all, 1e-9);
    assert_null(point_line(text, "metric", "tier.l4", "share"));
    assert_int_equal(point_total(text, "operations.recall"), load.key_count);
    assert_int_equal(point_total(text, "operations.allocate"), 0);
    assert_int_equal(point_total(text, "operations.batch"), 0);
    assert_int_equal(point_total(text, "operations.deallocate"), 0);
    assert_int_equal(point_total(text, "requests.partial"), 0);
    assert_int_equal(point_total(text, "requests.shed"), 0);
    /* Operations go with requests: from the first arrival to the last answer. */
    assert_near(point_figure(text, "operations.throughput", "mean"),
                point_figure(text, "throughput", "mean") * all / RECALLS, 1e-6);
    assert_int_equal((uint64_t)point_figure(text, "permit.wait", "max"), 0);
    assert_int_equal(point_total(text, "prefetch.issued"), 0);
    assert_null(point_line(text, "histogram", "latency.shed", "ns"));
    assert_null(point_line(text, "metric", "cache.hits", "share"));
    cg_tiers_free(tiers);
    sim_workload_deinit(&load);
    free(text);
}

/* A recall of one key: 250.16 ns for the step with its 8 bytes, and 100 ns in the first tier, 400
 * ns in the second or 80,032 ns on the disk, to whole ns. */
static void test_latencies(void **state) {
    (void)state;
    static sim_options chosen;
    const char *const settings[] = {ALONE, "load.keys", "1", "engine.forecast", "false", NULL};
    char *text = run_keys(settings, &chosen);
    cg_histogram latency = point_histogram(text, "latency.recall", "ns");
    assert_int_equal(latency.total, RECALLS);
    assert_int_equal(cg_histogram_quantile(&latency, 0.0), 351);
    assert_int_equal(latency.max, 251 + 80000 + 32);
    /* Half of the load, by number. */
    cg_histogram late = point_histogram(text, "latency.late", "ns");
    assert_int_equal(late.total, RECALLS / 2);
    double l1 = point_figure(text, "tier.l1", "share") / 100.0;
    double l2 = point_figure(text, "tier.l2", "share") / 100.0;
    double store = point_figure(text, "tier.l3", "share") / 100.0;
    assert_near(point_figure(text, "latency", "mean"),
                l1 * 351.0 + l2 * 651.0 + store * (251.0 + 80032.0), 1e-6);
    cg_histogram_deinit(&latency);
    cg_histogram_deinit(&late);
    free(text);
}

/* |forecast - latency| / latency in millionths, of all recalls: with nobody before it a recall
 * takes what was learned of its tier, so few are off by a fifth. */
static void test_forecasts(void **state) {
    (void)state;
    static sim_options chosen;
    const char *const settings[] = {ALONE, "load.keys", "1", NULL};
    char *text = run_keys(settings, &chosen);
    cg_histogram errors = point_histogram(text, "forecast.error", "ppm");
    assert_int_equal(errors.total, RECALLS);
    double within = point_figure(text, "forecast.within20", "share");
    assert_true(within > 90.0 && within < 100.0);
    /* The share is that of the histogram: the last one within, and the first beyond. */
    uint64_t count = (uint64_t)(within / 100.0 * RECALLS + 0.5);
    assert_true(cg_histogram_quantile(&errors, ((double)count - 0.5) / RECALLS) <= 201000);
    assert_true(cg_histogram_quantile(&errors, ((double)count + 0.5) / RECALLS) >= 199000);
    cg_histogram_deinit(&errors);
    free(text);
    const char *const without[] = {ALONE, "load.keys", "1", "engine.forecast", "false", NULL};
    text = run_keys(without, &chosen);
    assert_null(point_line(text, "histogram", "forecast.error", "ppm"));
    assert_null(point_line(text, "metric", "forecast.within20", "share"));
    free(text);
}

static void assert_count(const char *text, const char *name, const char *unit, uint64_t total) {
    cg_histogram histogram = point_histogram(text, name, unit);
    assert_int_equal(histogram.total, total);
    cg_histogram_deinit(&histogram);
}

/* Two phases of 200 ms, a request each ms: latencies are those of a phase's second half,
 * forecasts those of all of it. */
static void test_phases(void **state) {
    (void)state;
    static sim_options chosen;
    uint64_t fingerprint = 0;
    const char *const settings[] = {ALONE, "load.keys", "1", NULL};
    point_options(&chosen, settings);
    chosen.phase_count = 1;
    chosen.phases[0] = (sim_load_phase){.at_ns = UINT64_C(200000000)};
    sim_ground *ground = point_ground(&chosen);
    char *text = point_run(&chosen, ground, SIM_LOOP_BARE, &fingerprint);
    assert_count(text, "latency.phase1", "ns", 100);
    assert_count(text, "latency.phase2", "ns", 100);
    assert_count(text, "forecast.error.phase1", "ppm", 200);
    assert_count(text, "forecast.error.phase2", "ppm", 200);
    assert_null(point_line(text, "histogram", "latency.phase3", "ns"));
    sim_ground_free(ground);
    free(text);
}

/* A batch of 4 of 10 keys that the tiers hold, and one read each of what they do not. */
static void test_batches(void **state) {
    (void)state;
    static sim_options chosen;
    const char *const settings[] = {ALONE,  "load.keys",    "10",  "engine.batching",
                                    "true", "engine.batch", "4",   "engine.tiers.l2",
                                    "1K",   "engine.warm",  "50K", NULL};
    char *text = run_keys(settings, &chosen);
    assert_near(point_figure(text, "tier.memory", "share"), 100.0, 1e-9);
    uint64_t batches = point_total(text, "batch.batches");
    /* All in one tier: 3. In two, n and 10 - n: 3 or 4. */
    assert_true(batches >= UINT64_C(3) * RECALLS && batches <= UINT64_C(4) * RECALLS);
    assert_int_equal((uint64_t)point_figure(text, "batch.changes", "max"), 0);
    assert_int_equal(point_total(text, "operations.recall"), 10 * RECALLS);
    assert_true(point_figure(text, "batch.l1", "last") >= 1.0);
    assert_true(point_figure(text, "batch.l3", "last") >= 1.0);
    assert_null(point_line(text, "metric", "batch.l4", "last"));
    free(text);
}

/* Chains are what prefetch is for: whatever was asked for is useful, useless, late or pending. */
static void test_prefetch(void **state) {
    (void)state;
    static sim_options chosen;
    const char *const settings[] = {ALONE,     "load.keys",
                                    "1",       "load.chain",
                                    "0.95",    "engine.successors",
                                    "1K",      "engine.prefetch",
                                    "2",       "load.requests",
                                    "3K",      "load.popularity",
                                    "uniform", NULL};
    char *text = run_keys(settings, &chosen);
    uint64_t issued = point_total(text, "prefetch.issued");
    uint64_t useful = point_total(text, "prefetch.useful");
    uint64_t settled =
        useful + point_total(text, "prefetch.useless") + point_total(text, "prefetch.late");
    assert_true(issued > 500 && useful > issued / 2);
    assert_true(settled <= issued && settled + 200 >= issued);
    free(text);
}

/* The whole host: phases, settings on the time line, and who waits and is shed. */
static void test_settings(void **state) {
    (void)state;
    static sim_options chosen;
    const char *const settings[] = {ALONE, "load.keys",     "4",    "engine.interval",
                                    "5ms", "engine.adapt",  "true", "engine.permits",
                                    "1",   "engine.queue",  "4",    "load.rate",
                                    "20K", "series",        "10ms", "load.clients",
                                    "3",   "load.requests", "2K",   NULL};
    char *text = run_keys(settings, &chosen);
    uint64_t shed = point_total(text, "requests.shed");
    uint64_t answered = point_total(text, "requests.answered");
    assert_int_equal(shed + answered, 2000);
    assert_true(shed > 0);
    cg_histogram shed_ns = point_histogram(text, "latency.shed", "ns");
    assert_int_equal(shed_ns.total, shed);
    assert_true(point_figure(text, "permit.wait", "max") > 0.0);
    assert_true(point_total(text, "settings.changes") > 0);
    assert_non_null(point_line(text, "series", "setting.permits", "0"));
    assert_non_null(point_line(text, "series", "setting.l1", "10000000"));
    assert_non_null(point_line(text, "series", "setting.prefetch", "0"));
    assert_non_null(strstr(text, "\nalert\t"));
    assert_non_null(strstr(text, "host 0: "));
    cg_histogram_deinit(&shed_ns);
    free(text);
}

/* --- allocations and removals --------------------------------------------------------------- */

static void assert_pools(const char *text) {
    assert_int_equal(point_total(text, "pool.redirected"), 0);
    double used = point_figure(text, "pool.utilisation", "share") / 100.0;
    double internal = point_figure(text, "pool.internal", "share") / 100.0;
    double external = point_figure(text, "pool.external", "share") / 100.0;
    assert_near(used, (1.0 - internal) * (1.0 - external), 1e-12);
    assert_true(internal > 0.0 && internal < 0.2 && external > 0.0);
}

static void test_allocations(void **state) {
    (void)state;
    const char *const settings[] = {"graph.nodes",
                                    "500",
                                    "graph.held_out",
                                    "40",
                                    "engine.dims",
                                    "32",
                                    "engine.index",
                                    "flat",
                                    "engine.training",
                                    "0",
                                    "cluster.cores",
                                    "2",
                                    "load.requests",
                                    "500",
                                    "load.facts",
                                    "40",
                                    "load.repeat",
                                    "popularity",
                                    "load.batch",
                                    "0.1",
                                    "load.batch_size",
                                    "5",
                                    "load.deallocate",
                                    "0.2",
                                    "engine.cache.entries",
                                    "1K",
                                    "load.rate",
                                    "200",
                                    "load.audits",
                                    "0",
                                    NULL};
    static sim_options chosen;
    uint64_t fingerprint = 0;
    point_options(&chosen, settings);
    sim_ground *ground = point_ground(&chosen);
    char *text = point_run(&chosen, ground, SIM_LOOP_BARE, &fingerprint);
    uint64_t allocations = point_total(text, "operations.allocate");
    uint64_t batched = point_total(text, "operations.batch");
    uint64_t removed = point_total(text, "operations.deallocate");
    cg_histogram allocate = point_histogram(text, "latency.allocate", "ns");
    cg_histogram batch = point_histogram(text, "latency.batch", "ns");
    cg_histogram deallocate = point_histogram(text, "latency.deallocate", "ns");
    assert_int_equal(allocate.total, allocations); /* one fact each */
    assert_int_equal(5 * batch.total, batched);
    assert_int_equal(deallocate.total, removed);
    assert_true(allocations > 200 && batched > 100 && removed > 50);
    assert_int_equal(point_total(text, "pool.slots"), allocations + batched - removed);
    assert_pools(text);
    /* Cached and fresh decisions are all; a remembered one is quicker. */
    cg_histogram cached = point_histogram(text, "latency.cached", "ns");
    cg_histogram fresh = point_histogram(text, "latency.fresh", "ns");
    assert_int_equal(cached.total + fresh.total, allocations);
    assert_true(cg_histogram_quantile(&cached, 0.5) < cg_histogram_quantile(&fresh, 0.5));
    /* Every fact of a batch asks too. */
    double hits =
        point_figure(text, "cache.hits", "share") / 100.0 * (double)(allocations + batched);
    assert_true(hits >= (double)cached.total - 1e-6);
    assert_near(hits, (double)(uint64_t)(hits + 0.5), 1e-6);
    assert_int_equal(point_total(text, "cache.expired"), 0);
    (void)point_total(text, "conflicts");
    cg_histogram_deinit(&allocate);
    cg_histogram_deinit(&batch);
    cg_histogram_deinit(&deallocate);
    cg_histogram_deinit(&cached);
    cg_histogram_deinit(&fresh);
    free(text);
    sim_ground_free(ground);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiers),     cmocka_unit_test(test_latencies),
        cmocka_unit_test(test_forecasts), cmocka_unit_test(test_batches),
        cmocka_unit_test(test_prefetch),  cmocka_unit_test(test_phases),
        cmocka_unit_test(test_settings),  cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
