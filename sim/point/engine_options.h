/* From the options of a point to those of the engine. */
#ifndef SIM_POINT_ENGINE_OPTIONS_H
#define SIM_POINT_ENGINE_OPTIONS_H

#include "engine/node/node.h"
#include "sim/scenario/options.h"

cg_index_options sim_engine_index(const sim_options *options);
/* Without lemmas. */
cg_corpus_options sim_engine_corpus(const sim_options *options);
cg_cascade_options sim_engine_cascade(const sim_options *options);

/* Copies of each fact beside the primary's. */
uint32_t sim_engine_replicas(const sim_options *options);
/* Of one host's node. */
cg_node_options sim_engine_node(const sim_options *options, uint32_t host);
/* What only the engine can say of its options: CG_ERROR_INVALID naming them. */
cg_status sim_engine_check(const sim_options *options, cg_error *error);

/* Of all that training before service depends on beside the corpus and the lessons: engines of
 * equal keys learn the same. */
uint64_t sim_engine_training_key(const sim_options *options);

#endif
