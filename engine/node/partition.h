/* One partition's own facts on one host: what stands on top of the shared corpus.
 *
 * The state is a function of the log: primary and replica apply the same records with
 * cg_partition_apply, and at equal sequence they are equal to the bit (cg_partition_hash).
 *
 * A fact that was removed leaves a row behind that is never used again (some 2 KiB at 128 dims, its
 * vectors above all), and two records in the log; all else serves what comes later. Decisions are
 * those of a partition that never had the fact, with two reservations: what was learned from it
 * stays learned; and where retrieval from the partition's own index is not exhaustive (more rows
 * than the width of its search), its graph of links is another, as after any other order of
 * additions.
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
    cg_index *index;       /* of the partition's own facts; id: row above the corpus' */
    cg_pools *pools;
    cg_log_store *log;
    cg_table *sequence_of; /* request id to sequence */
    uint64_t
        *slots; /* [last sequence] CG_SLOT_NONE of what adds no fact and of what was removed */
    size_t slots_capacity;
    cg_recent recent; /* of the last facts that are there */
    uint32_t
        recent_facts[CG_RECENT_MAX]; /* rows of the facts, each where recent has its note */
    cg_learned learned;
    cg_lexicon *lexicon;
    uint64_t durable_sequence;
    cg_allocator allocator;
} cg_partition;

cg_status cg_partition_init(cg_partition *partition, uint32_t number, const cg_corpus *corpus,
                            const cg_pool_options *pools, cg_allocator allocator,
                            cg_error *error);
void cg_partition_deinit(cg_partition *partition);

/* How a fact's slot is chosen. It is this host's own choice: no answer of another host and no hash
 * depends on where slots lie. */
typedef struct cg_partition_wish {
    cg_pool_placement placement;
    uint64_t near; /* a slot, or CG_SLOT_NONE */
} cg_partition_wish;

/* Applies and logs one record, given decoded and encoded; it must be the next in sequence. wish:
 * of a fact's slot, or NULL for near the last fact's.
 * CG_ERROR_FULL (no slot) and CG_ERROR_CORRUPT (refers to what does not exist, removes what
 * cg_partition_check_remove refuses, or weighs edges that the graph lacks) change nothing; any
 * other failure means that the partition can no longer be used.
 *
 * New weights belong to no request and take no slot; edges of the corpus are weighed anew for this
 * partition alone. Cost: linear in the edges of the concepts that they lead from.
 *
 * Cost of a removal: linear in the lists of the inverted file for the fact's features and in the
 * facts below its target; now and then the index repairs itself (cg_index_remove). */
typedef struct cg_encoded_record {
    const uint8_t *bytes;
    size_t size_bytes;
} cg_encoded_record;
cg_status cg_partition_apply(cg_partition *partition, const cg_log_record *record,
                             cg_encoded_record encoded, const cg_partition_wish *wish,
                             cg_work *work, cg_error *error);

/* Whether a fact may be removed now. CG_ERROR_INVALID: a concept of the corpus;
 * CG_ERROR_NOT_FOUND: no fact of this partition, or removed before; CG_ERROR_CONFLICT: facts hang
 * below it. Changes nothing. */
cg_status cg_partition_check_remove(const cg_partition *partition, uint64_t fact_id,
                                    cg_error *error);
bool cg_partition_is_removed(const cg_partition *partition, uint32_t row); /* row < concepts */
uint32_t cg_partition_live_facts(const cg_partition *partition);
/* CG_SLOT_NONE for a record that adds no fact, for what was removed, and beyond the last
 * sequence. */
uint64_t cg_partition_slot(const cg_partition *partition, uint64_t sequence);
/* The row of the fact that a record added, removed or not; false when it added none. Cost:
 * logarithmic. */
bool cg_partition_row_of(const cg_partition *partition, uint64_t sequence, uint32_t *row);

/* What a decision in this partition reads. */
cg_knowledge cg_partition_knowledge(const cg_partition *partition);
/* The id of the fact of a record: (number + 1) * 2^40 + sequence. */
uint64_t cg_partition_fact_id(uint32_t number, uint64_t sequence);
uint64_t cg_partition_sequence_of_fact(uint64_t fact_id);
uint64_t cg_partition_hash(const cg_partition *partition);
uint64_t cg_partition_bytes(const cg_partition *partition);

/* Steps of cg_partition_apply, for it alone: new weights but for the log, a removal likewise, and a
 * note that the fact in `row` was allocated. */
cg_status cg_partition_apply_weights(cg_partition *partition, const cg_log_record *record,
                                     cg_work *work, cg_error *error);
cg_status cg_partition_apply_removal(cg_partition *partition, const cg_log_record *record,
                                     cg_work *work, cg_error *error);
void cg_partition_note_recent(cg_partition *partition, uint32_t row, uint32_t target,
                              uint64_t time_ns);

#endif
