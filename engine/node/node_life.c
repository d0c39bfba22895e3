/* The life of a node: options, parts, and their end. */
#include "engine/node/node.h"

#include <string.h>

#include "engine/node/node_internal.h"

cg_node_options cg_node_options_default(void) {
    return (cg_node_options){
        .hosts = 1,
        .spaces = 1,
        .cascade = cg_cascade_options_default(),
        .tiers = {{.capacity = 10000, .promote_after = 1},
                  {.capacity = 1000000, .promote_after = 1},
                  {0}},
        .tier_levels = 3,
        .pools = cg_pool_options_default(),
        .service = {.cores = 1,
                    .conflict_tries = 5,
                    .conflict_ns = 100000,
                    .cache_ttl_ns = CG_DECISION_TTL_NS_DEFAULT,
                    .placement = CG_PLACEMENT_CHOOSE,
                    .record_bytes = 64},
        .spread = {.lambda = 0.5,
                   .thresholds = {0.01, 0.01, 0.01, 0.01, 0.01},
                   .timeout_ns = 1000000000,
                   .window_ns = 100000,
                   .hits_max = 32,
                   .seeds = 8,
                   .cpu = cg_cpu_options_default()},
        .gather = {.k = 10,
                   .ef = 256,
                   .entries = 128,
                   .slack = 0.15,
                   .timeout_ns = 20000000,
                   .tries = 3},
        .timeout_ns = 20000000,
        .retry_ns = 5000000,
        .tries = 50,
        .replicate_retry_ns = 10000000,
        .heartbeat_ns = 250000000,
        .election_ns = 1500000000,
        .lag_warn_ns = 1000000000,
        .lag_drop_ns = 10000000000,
        .stale_ns = 1000000000,
    };
}

static cg_status check_service(const cg_service_options *service, cg_error *error) {
    if (service->cores < 1 || service->conflict_tries < 1 || service->conflict_tries > 32 ||
        service->conflict_ns > CG_NODE_TIMEOUT_NS_MAX >> 32) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "%u cores and %u tries of a removal, %llu ns apart; it takes a core, "
            "1 to 32 tries and at most %llu ns",
            service->cores, service->conflict_tries, (unsigned long long)service->conflict_ns,
            (unsigned long long)(CG_NODE_TIMEOUT_NS_MAX >> 32));
    }
    if (service->prefetch > CG_NODE_PREFETCH_MAX || service->record_bytes < 1 ||
        service->interval_ns > CG_NODE_TIMEOUT_NS_MAX ||
        (service->batch & (service->batch - 1)) != 0) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "prefetch %u ahead, records of %u bytes, batches of %u keys, intervals of %llu ns; "
            "it "
            "takes 0 to %d ahead, a byte, a power of two or 0, and at most 10^15 ns",
            service->prefetch, service->record_bytes, service->batch,
            (unsigned long long)service->interval_ns, CG_NODE_PREFETCH_MAX);
    }
    if (service->prefetch > 0 && service->successors == 0) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "prefetch %u ahead without successors to go by: remember some keys'",
            service->prefetch);
    }
    return CG_OK;
}

static cg_status check_spread(const cg_node_spread_options *spread, cg_error *error) {
    if (spread->hits_max < 1 || spread->hits_max > CG_SPREAD_HITS_MAX || spread->seeds < 1 ||
        spread->seeds > CG_NEIGHBOURS_MAX || spread->consolidate_ns > CG_NODE_TIMEOUT_NS_MAX) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "spreads of %u hits from %u concepts, consolidated every %llu ns; it takes 1 to %d "
            "hits, 1 to %d concepts and at most 10^15 ns",
            spread->hits_max, spread->seeds, (unsigned long long)spread->consolidate_ns,
            CG_SPREAD_HITS_MAX, CG_NEIGHBOURS_MAX);
    }
    if ((unsigned)spread->across >= CG_ACROSS_COUNT || spread->timeout_ns < 1 ||
        spread->timeout_ns > CG_NODE_TIMEOUT_NS_MAX) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "spreads across hosts in mode %u, for at most %llu ns; there are %d "
            "modes, and times of 1 to 10^15 ns",
            (unsigned)spread->across, (unsigned long long)spread->timeout_ns, CG_ACROSS_COUNT);
    }
    return CG_OK; /* the rest is checked where it is used: engine/spread/spread.h */
}

static cg_status check_options(const cg_node_options *options, cg_error *error) {
    if (options->hosts == 0 || options->host >= options->hosts) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "host %u does not exist in a cluster of %u", options->host,
                            options->hosts);
    }
    if (options->replicas >= CG_GROUP_VOTERS_MAX || options->replicas >= options->hosts) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%u replicas do not fit %u hosts; 0 to %d, and fewer than hosts",
                            options->replicas, options->hosts, CG_GROUP_VOTERS_MAX - 1);
    }
    if ((unsigned)options->acknowledge >= CG_ACKNOWLEDGE_COUNT) {
        return cg_error_set(error, CG_ERROR_INVALID, "%u is no mode of acknowledgement",
                            (unsigned)options->acknowledge);
    }
    if (options->tries == 0 || options->tries >= 1 << 15 || options->timeout_ns == 0 ||
        options->replicate_retry_ns == 0) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "tries must be 1..32767 and timeouts above 0, not %u tries, %llu ns and %llu ns",
            options->tries, (unsigned long long)options->timeout_ns,
            (unsigned long long)options->replicate_retry_ns);
    }
    if (options->timeout_ns > CG_NODE_TIMEOUT_NS_MAX ||
        options->retry_ns > CG_NODE_TIMEOUT_NS_MAX ||
        options->replicate_retry_ns > CG_NODE_TIMEOUT_NS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "timeouts of %llu, %llu and %llu ns; each is at most 10^15 ns",
                            (unsigned long long)options->timeout_ns,
                            (unsigned long long)options->retry_ns,
                            (unsigned long long)options->replicate_retry_ns);
    }
    cg_status status = cg_spaces_check(options, error);
    if (status == CG_OK) {
        status = check_service(&options->service, error);
    }
    if (status == CG_OK) {
        status = check_spread(&options->spread, error);
    }
    return status == CG_OK ? cg_cascade_options_check(&options->cascade, error) : status;
}

/* The graph has just been loaded into memory: the node tier holds it, up to its capacity. */
static cg_status warm_tiers(cg_node *node, cg_error *error) {
    if (node->options.tier_levels < 2) {
        return CG_OK;
    }
    uint32_t level = node->options.tier_levels - 2;
    uint64_t count = node->corpus ? cg_features_count(node->corpus->features)
                                  : cg_graph_concept_count(node->options.graph);
    const cg_tier_options *tier = &node->options.tiers[level];
    uint32_t bytes = node->options.service.record_bytes;
    uint64_t fit = tier->bound == CG_CACHE_BYTES ? tier->capacity / bytes : tier->capacity;
    cg_status status = CG_OK;
    for (uint64_t row = 0; status == CG_OK && row < count && row < fit; ++row) {
        status = cg_tiers_fill(node->tiers, row, bytes, level, error);
    }
    return status;
}

static cg_status alloc_tables(cg_node *node, cg_error *error) {
    cg_table **const tables[] = {&node->pending_of, &node->open_of, &node->views};
    cg_status status = CG_OK;
    for (size_t i = 0; status == CG_OK && i < sizeof tables / sizeof *tables; ++i) {
        status = cg_table_alloc(node->allocator, tables[i], error);
    }
    if (status == CG_OK) {
        node->embedding = cg_allocate(&node->allocator, 1, sizeof *node->embedding);
        node->buffers = cg_allocate(&node->allocator, 1, sizeof *node->buffers);
        if (!node->embedding || !node->buffers) {
            status = cg_error_set(error, CG_ERROR_MEMORY, "no memory for a node");
        }
    }
    return status;
}

/* Admission and predictor: each where the options ask for it. */
static cg_status alloc_service(cg_node *node, cg_error *error) {
    const cg_service_options *service = &node->options.service;
    cg_status status = CG_OK;
    if (service->permits > 0) {
        cg_admission_options admission = cg_admission_options_default();
        admission.permits = service->permits;
        admission.queue_max = service->queue_max;
        admission.wait_max_ns = service->wait_max_ns;
        status = cg_admission_alloc(&admission, node->allocator, &node->admission, error);
    }
    if (status == CG_OK && service->successors > 0) {
        cg_successor_options successors = cg_successor_options_default(service->successors);
        status = cg_successors_alloc(&successors, node->allocator, &node->successors, error);
    }
    return status;
}

/* What watches and tunes. */
static cg_status alloc_tuning(cg_node *node, cg_error *error) {
    const cg_service_options *service = &node->options.service;
    cg_status status = CG_OK;
    node->tune.prefetch = service->prefetch;
    for (uint32_t level = 0; status == CG_OK && level < CG_TIER_LEVELS_MAX; ++level) {
        cg_batcher_options batcher = cg_batcher_options_default();
        batcher.cores = level + 1 == node->options.tier_levels ? 1 : service->cores;
        batcher.overhead_share =
            0.4; /* latency comes first: cores are more often idle than not */
        status = cg_batcher_init(&node->batchers[level], &batcher, error);
    }
    if (status == CG_OK && service->forecasts) {
        cg_forecast_options forecast = cg_forecast_options_default();
        node->forecast = cg_allocate(&node->allocator, 1, sizeof *node->forecast);
        node->spread_forecast = cg_allocate(&node->allocator, 1, sizeof *node->spread_forecast);
        status = node->forecast && node->spread_forecast
                     ? cg_forecast_init(node->forecast, &forecast, error)
                     : cg_error_set(error, CG_ERROR_MEMORY, "no memory for a forecast");
        if (status == CG_OK) {
            status = cg_forecast_init(node->spread_forecast, &forecast, error);
        }
    }
    if (status == CG_OK && service->interval_ns > 0) {
        cg_monitor_options monitor = cg_monitor_options_default();
        monitor.memory_budget_bytes = service->memory_bytes;
        status = cg_monitor_alloc(&monitor, node->allocator, &node->monitor, error);
    }
    if (status == CG_OK && service->adapts) {
        cg_adapt_setting settings[CG_ADAPT_DEFAULT_SETTINGS];
        cg_adapt_options adapt = cg_tune_settings(&node->options, settings);
        status = cg_adapt_alloc(&adapt, node->allocator, &node->adapt, error);
    }
    return status;
}

/* What spreads need: nothing where there is no graph. */
static cg_status alloc_spreading(cg_node *node, cg_error *error) {
    const cg_node_spread_options *spread = &node->options.spread;
    if (!node->corpus && !node->options.graph) {
        return CG_OK;
    }
    cg_associate_growth(node);
    const cg_activation_options records = {.record_bytes = sizeof(cg_spread_record),
                                           .kept_blocks = CG_NODE_ACTIVATION_BLOCKS};
    cg_status status =
        cg_activation_pool_alloc(&records, node->allocator, &node->activations, error);
    if (status == CG_OK) {
        status = cg_spread_scratch_alloc_shared(node->activations, node->allocator,
                                                &node->spread_scratch, error);
    }
    if (status == CG_OK && spread->models_cpu) {
        status = cg_associate_cpu(node, error);
    }
    return status;
}

static cg_status alloc_parts(cg_node *node, cg_error *error) {
    cg_status status = alloc_tables(node, error);
    if (status == CG_OK) {
        status = cg_spaces_alloc(node, error);
    }
    if (status == CG_OK && node->corpus) {
        status = cg_cascade_scratch_alloc(node->allocator, &node->scratch, error);
    }
    const cg_node_options *options = &node->options;
    if (status == CG_OK && options->tier_image) {
        status = cg_tiers_open(options->tier_image, options->tier_image_bytes, options->tiers,
                               options->tier_levels, node->allocator, &node->tiers, error);
    } else if (status == CG_OK) {
        status = cg_tiers_alloc(options->tiers, options->tier_levels, node->allocator,
                                &node->tiers, error);
    }
    if (status == CG_OK) {
        status = alloc_service(node, error);
    }
    if (status == CG_OK) {
        status = alloc_tuning(node, error);
    }
    if (status == CG_OK) {
        status = alloc_spreading(node, error);
    }
    bool is_warm = options->tier_image || (!node->corpus && !options->graph);
    if (status == CG_OK && !is_warm) {
        status = warm_tiers(node, error);
    }
    const cg_group_start start = {0};
    bool begins = !options->fails_over && options->life == 0;
    if (status == CG_OK) {
        status = cg_membership_alloc(node, error);
    }
    if (status == CG_OK) {
        status = cg_gather_alloc(node, error);
    }
    if (status == CG_OK && begins) {
        status = cg_edges_begin(node, 0, error);
    }
    return status == CG_OK && begins ? cg_start_protocols(node, &start, error) : status;
}

cg_status cg_node_alloc(const cg_node_options *options, const cg_corpus *corpus,
                        cg_allocator allocator, cg_node **out, cg_error *error) {
    cg_status status = check_options(options, error);
    if (status == CG_OK && !corpus && options->spread.consolidate_ns > 0) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "consolidation of a graph without texts: there is no log of it");
    }
    if (status == CG_OK && !corpus && options->graph &&
        ((options->hosts != 1 && options->spread.across == CG_ACROSS_NONE) ||
         cg_graph_concept_count(options->graph) == 0)) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "a graph without texts of %u concepts on %u hosts; it takes a "
                              "concept, and one host, unless spreads go across hosts",
                              cg_graph_concept_count(options->graph), options->hosts);
    }
    if (status == CG_OK && !corpus && !options->graph &&
        (options->keys < 1 || options->keys > CG_NODE_TIMER_OTHER || options->hosts != 1)) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "%llu keys without content on %u hosts; it takes 1 to 2^63 keys, "
                              "and one host",
                              (unsigned long long)options->keys, options->hosts);
    }
    if (status == CG_OK) {
        status = cg_gather_check(options, corpus, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_node *node = cg_allocate(&allocator, 1, sizeof *node);
    if (!node) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a node");
    }
    node->options = *options;
    node->corpus = corpus;
    node->allocator = allocator;
    status = alloc_parts(node, error);
    if (status != CG_OK) {
        cg_node_free(node);
        return status;
    }
    *out = node;
    return CG_OK;
}

void cg_node_free(cg_node *node) {
    if (!node) {
        return;
    }
    cg_allocator allocator = node->allocator;
    cg_items_free(node);
    cg_spaces_free(node);
    cg_edge_writes_free(node);
    cg_gather_free(node);
    cg_swim_free(node->swim);
    for (size_t i = 0; i < node->pending_used; ++i) {
        cg_deallocate(&allocator, node->pending[i].payload, node->pending[i].payload_bytes, 1);
    }
    cg_deallocate(&allocator, node->pending, node->pending_capacity, sizeof *node->pending);
    cg_table_free(node->pending_of);
    cg_table_free(node->open_of);
    cg_table_free(node->views);
    cg_deallocate(&allocator, node->keys, node->keys_capacity, sizeof *node->keys);
    cg_deallocate(&allocator, node->record, node->record_capacity, 1);
    cg_deallocate(&allocator, node->batch, node->batch_capacity, 1);
    cg_admission_free(node->admission);
    cg_successors_free(node->successors);
    cg_deallocate(&allocator, node->forecast, node->forecast ? 1 : 0, sizeof *node->forecast);
    cg_deallocate(&allocator, node->spread_forecast, node->spread_forecast ? 1 : 0,
                  sizeof *node->spread_forecast);
    cg_monitor_free(node->monitor);
    cg_adapt_free(node->adapt);
    cg_tiers_free(node->tiers);
    cg_spread_scratch_free(node->spread_scratch);
    cg_activation_pool_free(node->activations);
    cg_cpu_cache_free(node->cpu);
    cg_deallocate(&allocator, node->seeds, node->seeds_capacity, sizeof *node->seeds);
    cg_deallocate(&allocator, node->hits, node->hits_capacity, sizeof *node->hits);
    cg_cascade_scratch_free(node->scratch);
    cg_deallocate(&allocator, node->embedding, 1, sizeof *node->embedding);
    cg_deallocate(&allocator, node->buffers, 1, sizeof *node->buffers);
    cg_deallocate(&allocator, node, 1, sizeof *node);
}
