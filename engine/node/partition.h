/* One partition's own facts on one host: what stands on top of the shared corpus.
 *
 * The state is the fold of the log, and of nothing else: replicas apply the same records with
 * cg_partition_apply, and with equal logs they are equal to the bit (cg_partition_hash), but for where
 * slots lie, which is each host's own.
 *
 * Every record has an effect that the log before it defines, so that any log in canonical order can be
 * replayed, one too that is the union of two that grew apart (spec F9):
 *   - a fact whose request the log has already added, and a removal of what is not there, do nothing;
 *   - a fact that is removed while facts stand below it leaves them to the concept that it stood below
 *     itself: they are as if they had been allocated there at once;
 *   - a fact for which this host has no slot is held without one;
 *   - new weights of edges that are not there do nothing.
 * Whoever makes a record for a log that only grows sees to it that none of these happens.
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

/* What a record did. */
typedef struct cg_applied {
    uint64_t
        slot; /* CG_SLOT_NONE of what adds no fact, of what was removed, and without room */
    uint64_t
        previous;    /* sequence of the fact stored below the same concept before it; 0: none */
    uint64_t reader; /* for whoever reads the fact */
    uint32_t row;    /* of the fact that it added; CG_ROW_NONE */
} cg_applied;
#define CG_ROW_NONE UINT32_MAX

typedef struct cg_partition {
    uint32_t number;
    const cg_corpus *corpus;
    cg_pool_options pool_options;
    cg_log_store *log;
    uint64_t applied;      /* records that the state is the fold of */
    uint64_t builds;       /* times it was built again: rows and slots are others since */
    cg_graph *graph;       /* overlay on the corpus */
    cg_features *features; /* overlay on the corpus */
    cg_index *index;       /* of the partition's own facts; id: row above the corpus' */
    cg_pools *pools;
    cg_lexicon *lexicon;
    cg_table *sequence_of; /* request id to sequence */
    cg_table
        *newest_below; /* row of a concept to the sequence of the fact stored below it last */
    cg_table
        *rehomed; /* id of a fact, to the concept it stands below instead of its record's */
    cg_applied *records; /* [applied] */
    size_t records_capacity;
    uint64_t
        *owed; /* slots of facts that were removed while somebody read them: given back later */
    size_t owed_count;
    size_t owed_capacity;
    cg_recent recent; /* of the last facts that are there */
    uint32_t
        recent_facts[CG_RECENT_MAX]; /* rows of the facts, each where recent has its note */
    cg_learned learned;
    uint64_t text_bytes; /* of the facts that are there */
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

/* Applies and logs one record, given decoded and encoded. wish: of a fact's slot; NULL: near the last
 * fact's, and without a slot where there is no room.
 * CG_ERROR_FULL (no slot, with a wish) and CG_ERROR_CORRUPT (refers to what the log never had, or is not
 * after the last record in canonical order) change nothing; any other failure means that the partition
 * can no longer be used.
 *
 * New weights belong to no request and take no slot; edges of the corpus are weighed anew for this
 * partition alone. Cost: linear in the edges of the concepts that they lead from.
 *
 * Cost of a removal: linear in the lists of the inverted file for the fact's features and in the
 * facts below its target; now and then the index repairs itself (cg_index_remove). That of a fact with
 * facts below it: of a rebuild. */
typedef struct cg_encoded_record {
    const uint8_t *bytes;
    size_t size_bytes;
} cg_encoded_record;
cg_status cg_partition_apply(cg_partition *partition, const cg_log_record *record,
                             cg_encoded_record encoded, const cg_partition_wish *wish,
                             cg_work *work, cg_error *error);

/* The state and the log are those after the first `last` records. Cost: of applying these again. A
 * failure means that the partition can no longer be used. */
cg_status cg_partition_cut(cg_partition *partition, uint64_t last, cg_work *work,
                           cg_error *error);

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
/* The row of the fact that a record added, removed or not; false when it added none. */
bool cg_partition_row_of(const cg_partition *partition, uint64_t sequence, uint32_t *row);
/* A concept as records name it, and back; false: there is no such concept. */
uint64_t cg_partition_concept_of(const cg_partition *partition, uint32_t row);
bool cg_partition_find(const cg_partition *partition, uint64_t concept, uint32_t *row);
/* Facts below a concept, newest first: the sequence of the newest, removed or not; 0: none. */
uint64_t cg_partition_newest_below(const cg_partition *partition, uint32_t row);

/* What a decision in this partition reads. */
cg_knowledge cg_partition_knowledge(const cg_partition *partition);
uint64_t cg_partition_hash(const cg_partition *partition);
/* See cg_node_audit. */
cg_status cg_partition_audit(const cg_partition *partition, cg_error *error);
uint64_t cg_partition_bytes(const cg_partition *partition);

/* Steps of cg_partition_apply, for it alone. was_home: the removed fact has others below it, which have
 * been given another home, so that all has to be built again; nothing else was changed then. */
cg_status cg_partition_apply_weights(cg_partition *partition, const cg_log_record *record,
                                     cg_work *work, cg_error *error);
cg_status cg_partition_apply_removal(cg_partition *partition, const cg_log_record *record,
                                     bool *was_home, cg_work *work, cg_error *error);
/* Slots that were in use when their facts were removed. */
cg_status cg_partition_give_owed(cg_partition *partition, cg_work *work, cg_error *error);
void cg_partition_note_recent(cg_partition *partition, uint32_t row, uint32_t target,
                              uint64_t time_ns);

#endif
