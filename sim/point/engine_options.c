#include "sim/point/engine_options.h"

#include <string.h>

#include "engine/base/hash.h"

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
