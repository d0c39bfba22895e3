/* Goal: what a point gives its engine is what its options say: each option of the allocation
 * service and the memory tiers reaches the node; each kind of planned request reaches a host with
 * its bytes and fields; and warm tiers are those that the same reads leave behind, one private
 * copy a host. Real input: the files of Debian's wordnet-base. */
#include "tests/support/points.h"

#include "engine/base/bytes.h"
#include "sim/point/engine_options.h"
#include "sim/point/requests.h"
#include "sim/point/warm_tiers.h"
#include "sim/workload/warm.h"

static sim_options options;
static sim_ground *ground;

static int set_up(void **state) {
    (void)state;
    const char *const settings[] = {
        "graph.nodes",  "500",  "graph.held_out",  "40", "engine.dims", "32",
        "engine.index", "flat", "engine.training", "0",  NULL};
    point_options(&options, settings);
    ground = point_ground(&options);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sim_ground_free(ground);
    return 0;
}

/* --- options -------------------------------------------------------------------------------- */

static const char *const service_settings[] = {"cluster.hosts",
                                               "3",
                                               "cluster.cores",
                                               "7",
                                               "cluster.memory",
                                               "3GiB",
                                               "engine.permits",
                                               "9",
                                               "engine.queue",
                                               "77",
                                               "engine.wait",
                                               "3ms",
                                               "engine.conflict_tries",
                                               "8",
                                               "engine.conflict_wait",
                                               "17us",
                                               "engine.cache.entries",
                                               "123",
                                               "engine.cache.ttl",
                                               "90s",
                                               "engine.placement",
                                               "balanced",
                                               "engine.writes",
                                               "5",
                                               "engine.batching",
                                               "false",
                                               "engine.batch",
                                               "64",
                                               "engine.successors",
                                               "321",
                                               "engine.prefetch",
                                               "3",
                                               "engine.forecast",
                                               "true",
                                               "engine.budget",
                                               "2ms",
                                               "engine.record",
                                               "96",
                                               "engine.interval",
                                               "40ms",
                                               "engine.adapt",
                                               "true",
                                               "engine.pools.quota",
                                               "128KiB",
                                               "engine.pools.shared",
                                               "1MiB",
                                               "engine.acknowledge",
                                               "all",
                                               "engine.timeout",
                                               "11ms",
                                               "engine.tries",
                                               "6",
                                               "engine.retry",
                                               "13ms",
                                               "engine.replicate_retry",
                                               "19ms",
                                               NULL};

static void test_service_options(void **state) {
    (void)state;
    static sim_options chosen;
    point_options(&chosen, service_settings);
    const cg_node_options node = sim_engine_node(&chosen, 2);
    const cg_service_options *service = &node.service;
    assert_int_equal(node.host, 2);
    assert_int_equal(node.hosts, 3);
    assert_int_equal(node.replicas, 1);
    assert_int_equal(node.acknowledge, CG_ACKNOWLEDGE_ALL);
    assert_int_equal(node.timeout_ns, 11000000);
    assert_int_equal(node.tries, 6);
    assert_int_equal(node.retry_ns, 13000000);
    assert_int_equal(node.replicate_retry_ns, 19000000);
    assert_int_equal(node.pools.quota_bytes, 128 << 10);
    assert_int_equal(node.pools.shared_quota_bytes, 1 << 20);
    assert_int_equal(service->cores, 7);
    assert_int_equal(service->memory_bytes, UINT64_C(3) << 30);
    assert_int_equal(service->permits, 9);
    assert_int_equal(service->queue_max, 77);
    assert_int_equal(service->wait_max_ns, 3000000);
    assert_int_equal(service->conflict_tries, 8);
    assert_int_equal(service->conflict_ns, 17000);
    assert_int_equal(service->cache_entries, 123);
    assert_int_equal(service->cache_ttl_ns, UINT64_C(90000000000));
    assert_int_equal(service->placement, CG_PLACEMENT_BALANCED);
    assert_int_equal(service->writes_max, 5);
    assert_false(service->batching);
    assert_int_equal(service->batch, 64);
    assert_int_equal(service->successors, 321);
    assert_int_equal(service->prefetch, 3);
    assert_true(service->forecasts);
    assert_int_equal(service->budget_ns, 2000000);
    assert_int_equal(service->record_bytes, 96);
    assert_int_equal(service->interval_ns, 40000000);
    assert_true(service->adapts);
}

/* Every policy and bound by its name; "all" is no bound; one host has no replica. */
static void test_tier_options(void **state) {
    (void)state;
    static const char *const names[] = {"lru", "lfu", "arc", "tinylfu", "s3fifo"};
    static const cg_cache_policy policies[] = {CG_CACHE_LRU, CG_CACHE_LFU, CG_CACHE_ARC,
                                               CG_CACHE_TINYLFU, CG_CACHE_S3FIFO};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *const settings[] = {"engine.tiers.levels",
                                        "5",
                                        "engine.tiers.bound",
                                        i % 2 ? "bytes" : "entries",
                                        "engine.tiers.l1",
                                        "110",
                                        "engine.tiers.l2",
                                        "222",
                                        "engine.tiers.l3",
                                        "3333",
                                        "engine.tiers.l4",
                                        "44444",
                                        "engine.tiers.promote.l1",
                                        "2",
                                        "engine.tiers.promote.l2",
                                        "3",
                                        "engine.tiers.promote.l3",
                                        "4",
                                        "engine.tiers.promote.l4",
                                        "5",
                                        "engine.tiers.policy.l1",
                                        names[i],
                                        "engine.tiers.policy.l3",
                                        names[i],
                                        NULL};
        static const uint64_t capacities[] = {110, 222, 3333, 44444};
        static sim_options chosen;
        point_options(&chosen, settings);
        const cg_node_options node = sim_engine_node(&chosen, 0);
        assert_int_equal(node.tier_levels, 5);
        assert_int_equal(node.replicas, 0);
        assert_int_equal(node.service.permits, 0);
        assert_int_equal(node.service.writes_max, 1);
        for (uint32_t level = 0; level < 4; level++) {
            assert_int_equal(node.tiers[level].capacity, capacities[level]);
            assert_int_equal(node.tiers[level].promote_after, 2 + level);
            assert_int_equal(node.tiers[level].bound,
                             i % 2 ? CG_CACHE_BYTES : CG_CACHE_ENTRIES);
            assert_int_equal(node.tiers[level].policy, level % 2 ? CG_CACHE_LRU : policies[i]);
            assert_null(node.tiers[level].future);
        }
    }
    const char *const all[] = {
        "engine.writes", "all", "engine.permits", "all", "engine.forecast", "false", NULL};
    static sim_options chosen;
    point_options(&chosen, all);
    assert_int_equal(sim_engine_node(&chosen, 0).service.writes_max, 0);
    assert_int_equal(sim_engine_node(&chosen, 0).service.permits, 0);
    assert_false(sim_engine_node(&chosen, 0).service.forecasts);
}

/* --- requests ------------------------------------------------------------------------------- */

static void assert_text(const sim_facts *facts, uint32_t fact, const uint8_t *bytes,
                        size_t size_bytes) {
    uint32_t text_bytes = 0;
    const char *text = sim_facts_text(facts, fact, &text_bytes);
    assert_int_equal(size_bytes, text_bytes);
    assert_memory_equal(bytes, text, text_bytes);
}

/* Of the workload in test_deliveries. */
static uint32_t batch_facts[] = {0, 11, 12, 13};
static uint64_t recall_keys[] = {0, 0, 499, UINT64_C(1) << 40};

static void assert_bytes(const sim_facts *facts, const sim_request_plan *plan,
                         const sim_delivery *made) {
    uint32_t label = 0;
    cg_reader reader = cg_reader_init(made->bytes, made->size_bytes);
    assert_int_equal(made->borrowed, plan->kind == SIM_REQUEST_ALLOCATE);
    switch (plan->kind) {
    case SIM_REQUEST_ALLOCATE:
        assert_text(facts, plan->fact, made->bytes, made->size_bytes);
        assert_int_equal(made->flags, plan->audit ? CG_REQUEST_AUDIT | CG_REQUEST_LABELLED : 0);
        assert_int_equal(sim_facts_answer(facts, plan->fact, &label, 1), 1);
        assert_true(!plan->labelled || made->label == label);
        break;
    case SIM_REQUEST_BATCH:
        for (uint32_t i = 0; i < plan->fact_count; i++) {
            uint32_t text_bytes = cg_read_u32(&reader);
            assert_text(facts, batch_facts[plan->first_fact + i],
                        cg_read_bytes(&reader, text_bytes), text_bytes);
        }
        assert_int_equal(cg_reader_left(&reader), 0);
        break;
    case SIM_REQUEST_EDGE:
    case SIM_REQUEST_SEARCH:
        fail_msg("none is planned");
        break;
    case SIM_REQUEST_GET:
    case SIM_REQUEST_DEALLOCATE:
        assert_int_equal(made->size_bytes, 0);
        assert_int_equal(made->target, plan->target + 1);
        break;
    case SIM_REQUEST_RECALL:
    case SIM_REQUEST_SPREAD:
        assert_int_equal(made->size_bytes, 16);
        assert_int_equal(made->hops, plan->hops);
        assert_int_equal(cg_read_u64(&reader), recall_keys[plan->first_key]);
        assert_int_equal(cg_read_u64(&reader), recall_keys[plan->first_key + 1]);
        break;
    }
}

static void test_deliveries(void **state) {
    (void)state;
    cg_error error = {0};
    cg_allocator heap = cg_allocator_heap();
    sim_facts facts;
    assert_ok(sim_facts_init(&facts, ground, &options, heap, &error), error);
    sim_request_plan plans[] = {
        {.at_ns = 5, .kind = SIM_REQUEST_ALLOCATE, .fact = 3, .client = 4, .priority = 3},
        {.at_ns = 6, .kind = SIM_REQUEST_ALLOCATE, .fact = 7, .audit = true, .labelled = true},
        {.at_ns = 7,
         .kind = SIM_REQUEST_BATCH,
         .fact = SIM_FACT_NONE,
         .first_fact = 1,
         .fact_count = 3,
         .client = 9},
        {.at_ns = 8,
         .kind = SIM_REQUEST_DEALLOCATE,
         .fact = SIM_FACT_NONE,
         .target = 1,
         .priority = 1},
        {.at_ns = 9,
         .kind = SIM_REQUEST_RECALL,
         .fact = SIM_FACT_NONE,
         .first_key = 2,
         .key_count = 2,
         .hops = 6},
        {.at_ns = 10,
         .kind = SIM_REQUEST_SPREAD,
         .fact = SIM_FACT_NONE,
         .first_key = 1,
         .key_count = 2,
         .hops = 3},
    };
    sim_workload workload = {.requests = plans,
                             .count = 6,
                             .fact_count = 4,
                             .facts = batch_facts,
                             .keys = recall_keys,
                             .key_count = 4};
    sim_requests requests;
    sim_requests_init(&requests, &facts, &workload, SIM_ASK_ROWS, (sim_edge_load){0}, heap);
    sim_delivery made;
    for (int turn = 0; turn < 2; turn++) { /* however often, in any order */
        for (uint32_t n = 0; n < 5; n++) {
            uint32_t i = turn == 0 ? n : 4 - n;
            assert_ok(sim_requests_delivery(&requests, i, &made, &error), error);
            assert_int_equal(made.kind, CG_EVENT_REQUEST);
            assert_int_equal(made.due_ns, 5 + i);
            assert_int_equal(made.id, i + 1);
            assert_int_equal(made.sequence, i);
            assert_int_equal(made.request, (int)plans[i].kind);
            assert_int_equal(made.client, plans[i].client);
            assert_int_equal(made.priority, plans[i].priority);
            assert_int_equal(made.hops, plans[i].hops);
            assert_bytes(&facts, &plans[i], &made);
        }
    }
    sim_requests_deinit(&requests);
    sim_facts_deinit(&facts);
}

/* Every allocation fails once. */
static void test_delivery_memory(void **state) {
    (void)state;
    cg_error error = {0};
    sim_facts facts;
    assert_ok(sim_facts_init(&facts, ground, &options, cg_allocator_heap(), &error), error);
    uint32_t batch[] = {1, 2, 3, 4};
    sim_request_plan plan = {.kind = SIM_REQUEST_BATCH, .fact_count = 4};
    sim_workload workload = {.requests = &plan, .count = 1, .fact_count = 4, .facts = batch};
    bool finished = false;
    for (uint64_t n = 1; !finished; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        sim_requests requests;
        sim_requests_init(&requests, &facts, &workload, SIM_ASK_ROWS, (sim_edge_load){0},
                          cg_counting_allocator_view(&counting));
        sim_delivery made;
        cg_status status = sim_requests_delivery(&requests, 0, &made, &error);
        assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
        finished = status == CG_OK;
        assert_true(!finished || n > 1);
        sim_requests_deinit(&requests);
        assert_int_equal(counting.live_blocks, 0);
    }
    sim_facts_deinit(&facts);
}

/* --- warm tiers ----------------------------------------------------------------------------- */

static const sim_load_options warm_load = {
    .popularity = SIM_LAW_ZIPF, .zipf = 0.9, .rate_hz = 1.0};
enum { KEYS = 5000, READS = 20000 };

static cg_node_options warm_node(void) {
    const char *const settings[] = {"cluster.hosts",
                                    "3",
                                    "engine.tiers.l1",
                                    "100",
                                    "engine.tiers.l2",
                                    "1000",
                                    "engine.record",
                                    "48",
                                    NULL};
    static sim_options chosen;
    point_options(&chosen, settings);
    return sim_engine_node(&chosen, 0);
}

static sim_workload_input warm_input(void) {
    return (sim_workload_input){
        .load = &warm_load, .facts = 1, .keys = KEYS, .hosts = 3, .seed = 5};
}

static cg_tiers *open_tiers(const cg_node_options *node) {
    cg_tiers *tiers = NULL;
    cg_error error = {0};
    assert_ok(cg_tiers_open(node->tier_image, node->tier_image_bytes, node->tiers,
                            node->tier_levels, cg_allocator_heap(), &tiers, &error),
              error);
    return tiers;
}

/* What the same reads leave in tiers of one's own. */
static cg_tiers *serve_privately(const cg_node_options *node, uint64_t reads) {
    cg_error error = {0};
    cg_tiers *tiers = NULL;
    sim_warm load;
    sim_workload_input input = warm_input();
    assert_ok(
        cg_tiers_alloc(node->tiers, node->tier_levels, cg_allocator_heap(), &tiers, &error),
        error);
    assert_ok(sim_warm_init(&load, &input, reads, cg_allocator_heap(), &error), error);
    for (uint64_t i = 0; i < reads; i++) {
        uint32_t served = 0;
        uint64_t key = sim_warm_next(&load);
        assert_true(key < KEYS);
        assert_ok(
            cg_tiers_read(tiers, key, node->service.record_bytes, 0, &served, NULL, &error),
            error);
    }
    sim_warm_deinit(&load);
    cg_tiers_reset_statistics(tiers);
    return tiers;
}

static void test_warm_tiers(void **state) {
    (void)state;
    cg_error error = {0};
    cg_node_options node = warm_node();
    sim_workload_input input = warm_input();
    sim_warm_tiers warm;
    assert_ok(sim_warm_tiers_init(&warm, &node, &input, READS, cg_allocator_heap(), &error),
              error);
    cg_tiers *own = serve_privately(&node, READS);
    cg_node_options nodes[3];
    cg_tiers *views[3];
    for (uint32_t host = 0; host < 3; host++) {
        nodes[host] = node;
        assert_ok(sim_warm_tiers_give(&warm, host, &nodes[host], &error), error);
        views[host] = open_tiers(&nodes[host]);
        assert_true(cg_tiers_hash(views[host]) == cg_tiers_hash(own));
        cg_tier_statistics counts = cg_tiers_statistics(views[host]);
        assert_int_equal(counts.entries[0], 100);
        assert_int_equal(counts.entries[1], 1000);
        assert_int_equal(counts.size_bytes[0], 100 * 48);
        for (int level = 0; level < CG_TIER_LEVELS_MAX; level++) {
            assert_int_equal(counts.reads[level] + counts.evictions[level], 0);
            assert_int_equal(counts.promotions[level], 0);
        }
    }
    /* What one host reads, the others do not see; and it goes on as private tiers do. */
    for (uint64_t key = 0; key < 3000; key += 7) {
        uint32_t served[2];
        assert_ok(cg_tiers_read(views[1], key, 48, 0, &served[0], NULL, &error), error);
        assert_ok(cg_tiers_read(own, key, 48, 0, &served[1], NULL, &error), error);
        assert_int_equal(served[0], served[1]);
    }
    assert_true(cg_tiers_hash(views[1]) == cg_tiers_hash(own));
    assert_true(cg_tiers_hash(views[0]) == cg_tiers_hash(views[2]));
    assert_true(cg_tiers_hash(views[0]) != cg_tiers_hash(own));
    for (uint32_t host = 0; host < 3; host++) {
        cg_tiers_free(views[host]);
    }
    cg_tiers_free(own);
    sim_warm_tiers_deinit(&warm);
}

static void test_no_warm_tiers(void **state) {
    (void)state;
    cg_error error = {0};
    cg_node_options node = warm_node();
    sim_workload_input input = warm_input();
    sim_warm_tiers warm;
    assert_ok(sim_warm_tiers_init(&warm, &node, &input, 0, cg_allocator_heap(), &error), error);
    assert_ok(sim_warm_tiers_give(&warm, 1, &node, &error), error);
    assert_null(node.tier_image);
    sim_warm_tiers_deinit(&warm);
    /* Every allocation fails once, and nothing is left behind. */
    bool finished = false;
    for (uint64_t n = 1; !finished; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        cg_status status = sim_warm_tiers_init(&warm, &node, &input, 50,
                                               cg_counting_allocator_view(&counting), &error);
        finished = status == CG_OK;
        assert_true(finished || status == CG_ERROR_MEMORY);
        sim_warm_tiers_deinit(&warm);
        assert_int_equal(counting.live_blocks, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_options), cmocka_unit_test(test_tier_options),
        cmocka_unit_test(test_deliveries),      cmocka_unit_test(test_delivery_memory),
        cmocka_unit_test(test_warm_tiers),      cmocka_unit_test(test_no_warm_tiers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
