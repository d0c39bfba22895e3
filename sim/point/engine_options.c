#include "sim/point/engine_options.h"

#include <string.h>

#include "engine/base/hash.h"
#include "sim/scenario/share_list.h"

cg_index_options sim_engine_index(const sim_options *options) {
    static const cg_precision codes[] = {[SIM_CODES_F32] = CG_PRECISION_F32,
                                         [SIM_CODES_F16] = CG_PRECISION_F16,
                                         [SIM_CODES_I8] = CG_PRECISION_I8};
    const sim_engine_options *engine = &options->engine;
    const bool is_flat = engine->index == SIM_INDEX_FLAT;
    cg_index_options index =
        cg_index_options_default(is_flat ? CG_INDEX_FLAT : CG_INDEX_HNSW, engine->dims);
    index.codes = is_flat ? CG_PRECISION_F32 : codes[engine->codes];
    index.fuller = index.codes;
    if (!is_flat && engine->fuller != SIM_FULLER_CODES) {
        index.fuller = engine->fuller == SIM_FULLER_F16 ? CG_PRECISION_F16 : CG_PRECISION_F32;
    }
    index.m = engine->m;
    index.ef_construction = engine->ef_construction;
    index.seed = options->graph.seed;
    return index;
}

cg_corpus_options sim_engine_corpus(const sim_options *options) {
    static const cg_ttfs_code codes[] = {[SIM_CODE_LOG] = CG_TTFS_LOG,
                                         [SIM_CODE_LINEAR] = CG_TTFS_LINEAR,
                                         [SIM_CODE_LIF] = CG_TTFS_LIF};
    cg_corpus_options corpus = {.embed = cg_embed_options_default(),
                                .encoding = cg_ttfs_options_default(),
                                .index = sim_engine_index(options)};
    corpus.embed.dims = options->engine.dims;
    corpus.embed.seed = options->graph.seed;
    corpus.encoding.code = codes[options->engine.code];
    return corpus;
}

cg_cascade_options sim_engine_cascade(const sim_options *options) {
    static const cg_strategy strategies[] = {
        [SIM_STRATEGY_AUTO] = CG_STRATEGY_AUTO,
        [SIM_STRATEGY_DIRECT] = CG_STRATEGY_DIRECT,
        [SIM_STRATEGY_HIERARCHICAL] = CG_STRATEGY_HIERARCHICAL,
    };
    const sim_engine_options *engine = &options->engine;
    cg_cascade_options cascade = cg_cascade_options_default();
    cascade.strategy = strategies[engine->strategy];
    cascade.neighbours = engine->neighbours;
    cascade.ef = engine->ef;
    cascade.semantic.at_least = engine->semantic_keep;
    cascade.structural.at_least = engine->structural_keep;
    cascade.stop_confidence = engine->stop_confidence;
    cascade.column_mask = 0;
    for (int column = 0; column < CG_COLUMN_COUNT; ++column) {
        cascade.column_mask |= (uint32_t)engine->columns[column] << column;
    }
    return cascade;
}

_Static_assert((int)SIM_SPACES_MAX == (int)CG_NODE_SPACES_MAX,
               "the engine takes as many spaces");
_Static_assert((int)SIM_ACKNOWLEDGE_PRIMARY == (int)CG_ACKNOWLEDGE_PRIMARY &&
                   (int)SIM_ACKNOWLEDGE_QUORUM == (int)CG_ACKNOWLEDGE_QUORUM &&
                   (int)SIM_ACKNOWLEDGE_ALL == (int)CG_ACKNOWLEDGE_ALL,
               "modes of acknowledgement are numbered alike");

uint32_t sim_engine_replicas(const sim_options *options) {
    const uint32_t others = options->cluster.hosts - 1;
    return options->engine.replicas < others ? options->engine.replicas : others;
}

_Static_assert((int)SIM_POLICY_LRU == (int)CG_CACHE_LRU &&
                   (int)SIM_POLICY_LFU == (int)CG_CACHE_LFU &&
                   (int)SIM_POLICY_ARC == (int)CG_CACHE_ARC &&
                   (int)SIM_POLICY_TINYLFU == (int)CG_CACHE_TINYLFU &&
                   (int)SIM_POLICY_S3FIFO == (int)CG_CACHE_S3FIFO &&
                   (int)SIM_POLICY_BELADY == (int)CG_CACHE_BELADY,
               "policies are numbered alike");
_Static_assert((int)SIM_PLACEMENT_HIGH_COMPLEXITY == (int)CG_PLACEMENT_HIGH_COMPLEXITY &&
                   (int)SIM_PLACEMENT_HIGH_PERFORMANCE == (int)CG_PLACEMENT_HIGH_PERFORMANCE &&
                   (int)SIM_PLACEMENT_RESOURCE_OPTIMIZED ==
                       (int)CG_PLACEMENT_RESOURCE_OPTIMIZED &&
                   (int)SIM_PLACEMENT_BALANCED == (int)CG_PLACEMENT_BALANCED &&
                   (int)SIM_PLACEMENT_CHOOSE == (int)CG_PLACEMENT_CHOOSE,
               "placements are numbered alike");

static cg_service_options service_of(const sim_options *options) {
    const sim_engine_options *engine = &options->engine;
    return (cg_service_options){
        .permits = engine->permits,
        .queue_max = engine->queue,
        .wait_max_ns = engine->wait_max_ns,
        .cores = options->cluster.cores,
        .conflict_tries = engine->conflict_tries,
        .conflict_ns = engine->conflict_ns,
        .cache_entries = engine->cache_entries,
        .cache_ttl_ns = engine->cache_ttl_ns,
        .placement = (cg_placement_strategy)engine->placement,
        .writes_max = engine->writes,
        .batching = engine->batching,
        .batch = engine->batch,
        .prefetch = engine->prefetch,
        .successors = engine->successors,
        .forecasts = engine->forecasts,
        .budget_ns = engine->budget_ns,
        .record_bytes = engine->record_bytes,
        .interval_ns = engine->interval_ns,
        .memory_bytes = options->cluster.memory_bytes,
        .adapts = engine->adapts,
    };
}

_Static_assert((int)SIM_ACROSS_EXACT == (int)CG_ACROSS_EXACT &&
                   (int)SIM_ACROSS_ASYNC == (int)CG_ACROSS_ASYNC,
               "modes of spreading are numbered alike");
_Static_assert(SIM_TIERS_MAX + 1 == CG_TIER_LEVELS_MAX, "tiers are numbered alike");

static cg_node_spread_options spread_of(const sim_options *options) {
    const sim_spread_options *spread = &options->engine.spread;
    const sim_cpu_options *cpu = &options->engine.cpu;
    cg_node_spread_options made = {
        .across = (cg_across)spread->across,
        .timeout_ns = spread->timeout_ns,
        .window_ns = spread->window_ns,
        .lambda = spread->decay,
        .fan_out = spread->fan_out,
        .refractory_ns = spread->refractory_ns,
        .hits_max = spread->hits,
        .seeds = spread->seeds,
        .consolidate_ns = spread->consolidate_ns,
        .models_cpu = cpu->modelled,
        .whole_records = cpu->layout == SIM_LAYOUT_WHOLE,
        .cpu = cg_cpu_options_default(),
    };
    for (int level = 0; level < CG_TIER_LEVELS_MAX; ++level) {
        made.thresholds[level] = spread->threshold[level];
        made.budgets[level] = spread->budget[level];
    }
    const uint64_t sizes[] = {cpu->l1_bytes, cpu->l2_bytes, cpu->llc_bytes};
    const uint32_t ways[] = {cpu->l1_ways, cpu->l2_ways, cpu->llc_ways};
    for (uint32_t level = 0; level < made.cpu.level_count; ++level) {
        made.cpu.levels[level].size_bytes = sizes[level];
        made.cpu.levels[level].ways = ways[level];
    }
    return made;
}

static cg_node_gather_options gather_of(const sim_options *options) {
    const sim_search_options *search = &options->engine.search;
    return (cg_node_gather_options){
        .whole_records = search->gather == SIM_GATHER_RECORDS,
        .k = search->k,
        .ef = search->ef,
        .entries = search->entries,
        .slack = search->slack,
        .timeout_ns = search->timeout_ns,
        .tries = search->tries,
    };
}

cg_status sim_engine_check(const sim_options *options, cg_error *error) {
    if (!options->engine.cpu.modelled) {
        return CG_OK;
    }
    const cg_node_spread_options spread = spread_of(options);
    cg_cpu_cache *cpu = NULL;
    cg_status status = cg_cpu_cache_alloc(&spread.cpu, cg_allocator_heap(), &cpu, error);
    cg_cpu_cache_free(cpu);
    if (status != CG_OK) {
        cg_error_prefix(error, "engine.cpu: ");
    }
    return status;
}

cg_node_options sim_engine_node(const sim_options *options, uint32_t host) {
    const sim_engine_options *engine = &options->engine;
    cg_node_options node = cg_node_options_default();
    node.host = host;
    node.hosts = options->cluster.hosts;
    node.replicas = sim_engine_replicas(options);
    node.acknowledge = (cg_acknowledge)engine->acknowledge;
    node.fails_over = engine->failover;
    node.seed = options->seed;
    node.heartbeat_ns = engine->heartbeat_ns;
    node.election_ns = engine->election_ns;
    node.stale_ns = engine->stale_ns;
    node.lag_warn_ns = engine->lag_warn_ns;
    node.lag_drop_ns = engine->lag_drop_ns;
    node.cascade = sim_engine_cascade(options);
    node.tier_levels = engine->tier_levels;
    for (uint32_t level = 0; level < SIM_TIERS_MAX; ++level) {
        const sim_tier_options *tier = &engine->tiers[level];
        node.tiers[level] = (cg_tier_options){
            .policy = (cg_cache_policy)tier->policy,
            .bound = engine->tier_bound == SIM_BOUND_BYTES ? CG_CACHE_BYTES : CG_CACHE_ENTRIES,
            .capacity = tier->capacity,
            .promote_after = tier->promote_after,
        };
    }
    node.pools.quota_bytes = engine->pool_quota_bytes;
    node.pools.shared_quota_bytes = engine->pool_shared_bytes;
    node.spaces = engine->spaces;
    cg_status status =
        sim_share_list_read(engine->pool_shares, engine->spaces, 1, node.pool_shares, NULL);
    CG_ASSERT(status == CG_OK); /* sim_options_check */
    node.service = service_of(options);
    node.spread = spread_of(options);
    node.gather = gather_of(options);
    node.keys = options->graph.nodes;
    node.timeout_ns = engine->timeout_ns;
    node.retry_ns = engine->retry_ns;
    node.tries = engine->tries;
    node.replicate_retry_ns = engine->replicate_retry_ns;
    return node;
}

uint64_t sim_engine_training_key(const sim_options *options) {
    const cg_cascade_options cascade = sim_engine_cascade(options);
    uint64_t stop = 0;
    memcpy(&stop, &cascade.stop_confidence, sizeof stop);
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, cascade.neighbours);
    cg_hasher_add_u64(&hasher, cascade.ef);
    cg_hasher_add_u64(&hasher, cascade.semantic.at_least);
    cg_hasher_add_u64(&hasher, cascade.structural.at_least);
    cg_hasher_add_u64(&hasher, cascade.column_mask);
    cg_hasher_add_u64(&hasher, stop);
    return cg_hasher_value(&hasher);
}
