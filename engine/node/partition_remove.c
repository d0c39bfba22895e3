/* Taking a fact back: its slot, its place in index, inverted file, lexicon and graph, and its note
 * in the recent stream.
 *
 * What remains of it is its row, which nothing leads to, so that the rows of all other facts stay
 * what they are on every host; its records in the log; and what was learned from it, if it was
 * labelled: a lesson cannot be unlearned. For decisions the partition is then one that never had
 * the fact.
 */
#include "engine/node/partition.h"

enum { REPAIR_SHARE = 5, TIDY_SHARE = 10, TIDY_BYTES = 4096 };

uint64_t cg_partition_slot(const cg_partition *partition, uint64_t sequence) {
    return sequence >= 1 && sequence <= partition->applied
               ? partition->records[sequence - 1].slot
               : CG_SLOT_NONE;
}

uint32_t cg_partition_live_facts(const cg_partition *partition) {
    return cg_graph_live_count(partition->graph) -
           cg_graph_live_count(partition->corpus->graph);
}

bool cg_partition_is_removed(const cg_partition *partition, uint32_t row) {
    return cg_graph_is_removed(partition->graph, row);
}

bool cg_partition_row_of(const cg_partition *partition, uint64_t sequence, uint32_t *row) {
    if (sequence < 1 || sequence > partition->applied ||
        partition->records[sequence - 1].row == CG_ROW_NONE) {
        return false;
    }
    *row = partition->records[sequence - 1].row;
    return true;
}

uint64_t cg_partition_newest_below(const cg_partition *partition, uint32_t row) {
    uint64_t sequence = 0;
    (void)cg_table_get(partition->newest_below, row, &sequence);
    return sequence;
}

cg_status cg_partition_check_remove(const cg_partition *partition, uint64_t fact_id,
                                    cg_error *error) {
    unsigned long long id = fact_id;
    if (!(fact_id & CG_FACT_ID_BIT)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%llx is no fact's id; concepts of the corpus cannot be removed",
                            id);
    }
    uint32_t row = 0;
    if (!cg_partition_find(partition, fact_id, &row)) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND, "partition %u has no fact %llx",
                            partition->number, id);
    }
    if (cg_graph_is_removed(partition->graph, row)) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND, "fact %llx was removed before", id);
    }
    uint32_t below = cg_graph_degree_of_type(partition->graph, row, CG_EDGE_HYPONYM);
    if (below > 0) {
        return cg_error_set(error, CG_ERROR_CONFLICT,
                            "fact %llx has %u facts below it; they must be removed first", id,
                            below);
    }
    return CG_OK;
}

static cg_status leave_lexicon(cg_partition *partition, uint32_t row, uint64_t sequence,
                               cg_work *work, cg_error *error) {
    uint32_t text_bytes = 0;
    const char *text = cg_log_text(partition->log, sequence, &text_bytes);
    uint32_t target = 0;
    uint32_t targets = cg_graph_parents(partition->graph, row, &target, 1);
    cg_cues cues;
    cg_cues_find(partition->corpus->lemmas, text, text_bytes, &cues, work);
    return cg_lexicon_remove(partition->lexicon, row, &cues, &target, targets, error);
}

/* The index repairs itself when a fifth of its rows are removed ones, but keeps silent where the
 * memory for that was missing: then this host's graph would not be that of the other. */
static cg_status leave_index(cg_partition *partition, uint32_t row, cg_work *work,
                             cg_error *error) {
    cg_index *index = partition->index;
    cg_runner serial = cg_runner_serial();
    uint64_t id = row - cg_graph_concept_count(partition->corpus->graph);
    cg_status status = cg_index_remove(index, &id, 1, &serial, work, error);
    uint32_t in_use = cg_index_rows_in_use(index);
    uint64_t unrepaired = in_use - cg_index_count(index);
    if (status == CG_OK && unrepaired * REPAIR_SHARE >= in_use) {
        status = cg_index_repair(index, &serial, work, error);
    }
    return status;
}

void cg_partition_note_recent(cg_partition *partition, uint32_t row, uint32_t target,
                              uint64_t time_ns) {
    partition->recent_facts[partition->recent.count % CG_RECENT_MAX] = row;
    cg_recent_note(&partition->recent, target, time_ns);
}

/* The stream holds the last facts that are there: without this one, the one before the oldest is
 * among them again. Called while the fact is there still. */
static void leave_recent(cg_partition *partition, uint32_t row) {
    const cg_recent was = partition->recent;
    uint32_t held = was.count < CG_RECENT_MAX ? was.count : CG_RECENT_MAX;
    uint32_t facts[CG_RECENT_MAX];
    uint32_t oldest = (was.count - held) % CG_RECENT_MAX;
    uint32_t place = held;
    for (uint32_t i = 0; i < held; i++) {
        facts[i] = partition->recent_facts[(oldest + i) % CG_RECENT_MAX];
        place = facts[i] == row ? i : place;
    }
    if (place == held) {
        return;
    }
    partition->recent = (cg_recent){0};
    uint32_t before = 0;
    if (cg_graph_live_before(partition->graph, facts[0], &before)) {
        uint32_t target = 0;
        (void)cg_graph_parents(partition->graph, before, &target, 1);
        uint64_t sequence = 0;
        bool known =
            cg_table_get(partition->sequence_of,
                         cg_graph_id(partition->graph, before) & ~CG_FACT_ID_BIT, &sequence);
        CG_ASSERT(known);
        cg_partition_note_recent(partition, before, target,
                                 cg_log_time_ns(partition->log, sequence));
    }
    for (uint32_t i = 0; i < held; i++) {
        uint32_t at = (oldest + i) % CG_RECENT_MAX;
        if (i != place) {
            cg_partition_note_recent(partition, facts[i], was.rows[at], was.times_ns[at]);
        }
    }
}

/* Facts below one that goes are given its own home. */
static cg_status rehome(cg_partition *partition, uint32_t row, cg_error *error) {
    uint32_t parent = 0;
    uint32_t parents = cg_graph_parents(partition->graph, row, &parent, 1);
    CG_ASSERT(parents == 1);
    uint64_t home = cg_partition_concept_of(partition, parent);
    cg_edge_cursor cursor = cg_graph_edges(partition->graph, row);
    cg_edge edge = {0};
    cg_status status = CG_OK;
    while (status == CG_OK && cg_graph_next_edge(&cursor, &edge)) {
        if (edge.type == CG_EDGE_HYPONYM) {
            status = cg_table_put(partition->rehomed,
                                  cg_partition_concept_of(partition, edge.target), home, error);
        }
    }
    return status;
}

/* A little at a time, while a tenth of the pools' memory lies in free slots: each removal pays for
 * moving about as much as it frees, with some to spare. */
static void tidy_pools(cg_partition *partition, cg_work *work) {
    cg_pool_statistics pools = cg_pools_statistics(partition->pools);
    if (pools.free_bytes * TIDY_SHARE > pools.block_bytes) {
        cg_pools_defragment(partition->pools, TIDY_BYTES, NULL, work);
    }
}

/* Others decide what is removed, and do not know who reads it here: the slot stays until nobody does. */
static cg_status give_slot(cg_partition *partition, uint64_t slot, cg_work *work,
                           cg_error *error) {
    cg_status status = cg_pools_give(partition->pools, slot, work, error);
    if (status != CG_ERROR_CONFLICT) {
        return status;
    }
    status = CG_GROW(&partition->allocator, partition->owed, partition->owed_capacity,
                     partition->owed_count + 1, error);
    if (status == CG_OK) {
        partition->owed[partition->owed_count++] = slot;
    }
    return status;
}

cg_status cg_partition_give_owed(cg_partition *partition, cg_work *work, cg_error *error) {
    size_t kept = 0;
    cg_status status = CG_OK;
    for (size_t i = 0; i < partition->owed_count; ++i) {
        uint64_t slot = partition->owed[i];
        cg_status given = status == CG_OK ? cg_pools_give(partition->pools, slot, work, error)
                                          : CG_ERROR_CONFLICT;
        if (given == CG_ERROR_CONFLICT) {
            partition->owed[kept++] = slot;
        } else {
            status = given;
        }
    }
    partition->owed_count = kept;
    return status;
}

static cg_status take_out(cg_partition *partition, uint32_t row, uint64_t sequence,
                          cg_work *work, cg_error *error) {
    const uint64_t slot = partition->records[sequence - 1].slot;
    cg_status status = leave_lexicon(partition, row, sequence, work, error);
    if (status == CG_OK) {
        status = leave_index(partition, row, work, error);
    }
    if (status == CG_OK) {
        leave_recent(partition, row);
        cg_features_withdraw(partition->features, row);
        status = cg_graph_remove_concept(partition->graph, row, error);
    }
    if (status == CG_OK && slot != CG_SLOT_NONE) {
        status = give_slot(partition, slot, work, error);
    }
    if (status == CG_OK) {
        partition->records[sequence - 1].slot = CG_SLOT_NONE;
        uint32_t text_bytes = 0;
        (void)cg_log_text(partition->log, sequence, &text_bytes);
        partition->text_bytes -= text_bytes;
        tidy_pools(partition, work);
    }
    return status;
}

cg_status cg_partition_apply_removal(cg_partition *partition, const cg_log_record *record,
                                     bool *was_home, cg_work *work, cg_error *error) {
    uint32_t row = 0;
    uint64_t sequence = 0;
    if (!cg_partition_find(partition, record->removed, &row) ||
        cg_graph_is_removed(partition->graph, row)) {
        return CG_OK;
    }
    if (cg_graph_degree_of_type(partition->graph, row, CG_EDGE_HYPONYM) > 0) {
        *was_home = true;
        return rehome(partition, row, error);
    }
    bool known =
        cg_table_get(partition->sequence_of, record->removed & ~CG_FACT_ID_BIT, &sequence);
    CG_ASSERT(known);
    cg_status status = take_out(partition, row, sequence, work, error);
    if (status != CG_OK && status != CG_ERROR_MEMORY) { /* half taken out */
        status =
            cg_error_set(error, CG_ERROR_MEMORY, "partition %u: no room to remove fact %llx",
                         partition->number, (unsigned long long)record->removed);
    }
    return status;
}
