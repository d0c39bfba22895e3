/* One partition's own facts on one host: what stands on top of the shared corpus.
 *
 * The state is a function of the log: primary and replica apply the same records with
 * cg_partition_apply, and at equal sequence they are equal to the bit (cg_partition_hash).
 */
#ifndef CG_ENGINE_NODE_PARTITION_H
#define CG_ENGINE_NODE_PARTITION_H

#include "engine/base/map.h"
#include "engine/cascade/cascade.h"
#include "engine/node/corpus.h"
#include "engine/replica/log.h"
#include "engine/service/pool.h"

typedef struct cg_partition {
    uint32_t number;
    const cg_corpus *corpus;
    cg_graph *graph;       /* overlay on the corpus */
    cg_features *features; /* overlay on the corpus */
    cg_index *index;       /* of the partition's own facts */
    cg_pools *pools;
    cg_log_store *log;
    cg_table *sequence_of; /* request id to sequence */
    uint64_t *slots;       /* [last sequence] */
    size_t slots_capacity;
    cg_recent recent;
    cg_learned learned;
    cg_lexicon *lexicon;
    uint64_t durable_sequence;
    cg_allocator allocator;
} cg_partition;

cg_status cg_partition_init(cg_partition *partition, uint32_t number, const cg_corpus *corpus,
                            const cg_pool_options *pools, cg_allocator allocator,
                            cg_error *error);
void cg_partition_deinit(cg_partition *partition);

/* Applies and logs one record, given decoded and encoded; it must be the next in sequence.
 * CG_ERROR_FULL (no slot) and CG_ERROR_CORRUPT (refers to what does not exist) change nothing;
 * any other failure means that the partition can no longer be used. */
cg_status cg_partition_apply(cg_partition *partition, const cg_log_record *record,
                             const uint8_t *bytes, size_t size_bytes, cg_work *work,
                             cg_error *error);

/* What a decision in this partition reads. */
cg_knowledge cg_partition_knowledge(const cg_partition *partition);
/* The id of the fact of a record: (number + 1) * 2^40 + sequence. */
uint64_t cg_partition_fact_id(uint32_t number, uint64_t sequence);
uint64_t cg_partition_hash(const cg_partition *partition);
uint64_t cg_partition_bytes(const cg_partition *partition);

#endif
