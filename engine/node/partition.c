#include "engine/node/partition.h"

#include "engine/base/bug.h"

#include <string.h>

#include "engine/base/hash.h"

enum { NAME_BYTES = 64 };

/* --- life --- */

/* All that the fold makes, from nothing; the log and the scratch stay. */
static cg_status begin_state(cg_partition *partition, cg_error *error) {
    const cg_corpus *corpus = partition->corpus;
    cg_allocator allocator = partition->allocator;
    partition->learned = corpus->learned;
    cg_index_options index_options = *cg_index_options_of(corpus->index);
    index_options.has_ids = true;
    index_options.first_id = 0;
    cg_status status = cg_graph_alloc(corpus->graph, allocator, &partition->graph, error);
    if (status == CG_OK) {
        status = cg_features_alloc(cg_features_dims(corpus->features),
                                   cg_features_encoding(corpus->features), corpus->features,
                                   allocator, &partition->features, error);
    }
    if (status == CG_OK) {
        status = cg_lexicon_alloc(corpus->lexicon, allocator, &partition->lexicon, error);
    }
    if (status == CG_OK) {
        status = cg_index_alloc(&index_options, allocator, &partition->index, error);
    }
    if (status == CG_OK) {
        status = cg_index_train_like(partition->index, corpus->index, error);
    }
    if (status == CG_OK) {
        status = cg_pools_alloc(&partition->pool_options, allocator, &partition->pools, error);
    }
    if (status == CG_OK) {
        status = cg_table_alloc(allocator, &partition->sequence_of, error);
    }
    return status == CG_OK ? cg_table_alloc(allocator, &partition->newest_below, error)
                           : status;
}

static void end_state(cg_partition *partition) {
    cg_graph_free(partition->graph);
    cg_features_free(partition->features);
    cg_lexicon_free(partition->lexicon);
    cg_index_free(partition->index);
    cg_pools_free(partition->pools);
    cg_table_free(partition->sequence_of);
    cg_table_free(partition->newest_below);
    partition->graph = NULL;
    partition->features = NULL;
    partition->lexicon = NULL;
    partition->index = NULL;
    partition->pools = NULL;
    partition->sequence_of = NULL;
    partition->newest_below = NULL;
    partition->applied = 0;
    partition->owed_count = 0;
    partition->text_bytes = 0;
    partition->recent = (cg_recent){0};
    memset(partition->recent_facts, 0, sizeof partition->recent_facts);
}

cg_status cg_partition_init(cg_partition *partition, uint32_t number, const cg_corpus *corpus,
                            const cg_pool_options *pools, cg_allocator allocator,
                            cg_error *error) {
    memset(partition, 0, sizeof *partition);
    partition->number = number;
    partition->corpus = corpus;
    partition->allocator = allocator;
    partition->pool_options = *pools;
    cg_status status = begin_state(partition, error);
    if (status == CG_OK) {
        status = cg_log_alloc(allocator, &partition->log, error);
    }
    if (status == CG_OK) {
        status = cg_table_alloc(allocator, &partition->rehomed, error);
    }
    if (status != CG_OK) {
        cg_partition_deinit(partition);
    }
    return status;
}

void cg_partition_deinit(cg_partition *partition) {
    end_state(partition);
    cg_log_free(partition->log);
    cg_table_free(partition->rehomed);
    cg_deallocate(&partition->allocator, partition->owed, partition->owed_capacity,
                  sizeof *partition->owed);
    cg_deallocate(&partition->allocator, partition->records, partition->records_capacity,
                  sizeof *partition->records);
    memset(partition, 0, sizeof *partition);
}

/* --- names of concepts --- */

uint64_t cg_partition_concept_of(const cg_partition *partition, uint32_t row) {
    return row < cg_graph_concept_count(partition->corpus->graph)
               ? row
               : cg_graph_id(partition->graph, row);
}

bool cg_partition_find(const cg_partition *partition, uint64_t concept, uint32_t *row) {
    uint64_t sequence = 0;
    if (!(concept & CG_FACT_ID_BIT)) {
        *row = (uint32_t) concept;
        return concept < cg_graph_concept_count(partition->corpus->graph);
    }
    return cg_table_get(partition->sequence_of, concept & ~CG_FACT_ID_BIT, &sequence) &&
           cg_partition_row_of(partition, sequence, row);
}

/* The concept that a record's target comes to, which is there: homes of facts that were removed are
 * those of what stood below them. */
static bool home_of(const cg_partition *partition, uint64_t concept, uint32_t *row) {
    while (cg_partition_find(partition, concept, row)) {
        uint64_t sequence = 0;
        if (!cg_graph_is_removed(partition->graph, *row)) {
            return true;
        }
        if (!cg_table_get(partition->rehomed, concept, &concept)) {
            bool known =
                cg_table_get(partition->sequence_of, concept & ~CG_FACT_ID_BIT, &sequence);
            CG_ASSERT(known);
            concept = cg_log_concept(partition->log, sequence);
        }
    }
    return false;
}

static cg_status check_record(const cg_partition *partition, const cg_log_record *record,
                              cg_error *error) {
    unsigned long long next = partition->applied + 1;
    uint32_t dims = cg_features_dims(partition->features);
    if (record->dims != dims) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "partition %u: record %llu has %u dims instead of %u",
                            partition->number, next, record->dims, dims);
    }
    uint32_t row = 0;
    if (record->concept_type >= CG_CONCEPT_TYPES ||
        !cg_partition_find(partition, record->target, &row)) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "partition %u: record %llu goes to concept %llx of type %u, which does not exist",
            partition->number, next, (unsigned long long)record->target, record->concept_type);
    }
    if (record->text_bytes == 0 || record->text_bytes > CG_POOL_BLOCK_BYTES) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "partition %u: record %llu has a text of %u bytes; 1 to %d fit a slot",
            partition->number, next, record->text_bytes, CG_POOL_BLOCK_BYTES);
    }
    return CG_OK;
}

/* --- adding a fact --- */

/* The words in front of the first comma or colon name the fact. */
static void name_of(const cg_log_record *record, char name[NAME_BYTES]) {
    uint32_t used = 0;
    while (used < record->text_bytes && used < NAME_BYTES - 1 && record->text[used] != ',' &&
           record->text[used] != ':' && record->text[used] != '\0') {
        name[used] = record->text[used];
        used++;
    }
    if (used == NAME_BYTES - 1 && used < record->text_bytes) { /* never half a character */
        while (used > 0 && ((unsigned char)record->text[used] & 0xC0) == 0x80) {
            used--;
        }
    }
    name[used] = '\0';
}

static cg_status take_slot(cg_partition *partition, const cg_log_record *record,
                           const cg_partition_wish *wish, uint64_t *slot, cg_work *work,
                           cg_error *error) {
    cg_pool_request request = {.type = record->concept_type,
                               .size_bytes = record->text_bytes,
                               .near = cg_partition_slot(partition, partition->applied)};
    if (wish) {
        request.placement = wish->placement;
        request.near = wish->near;
    }
    cg_status status = cg_pools_take(partition->pools, &request, slot, work, error);
    if (status == CG_ERROR_FULL && !wish) {
        *slot = CG_SLOT_NONE;
        return CG_OK;
    }
    if (status == CG_OK) {
        uint32_t size_bytes = 0;
        memcpy(cg_pools_memory(partition->pools, *slot, &size_bytes), record->text,
               record->text_bytes);
    }
    return status;
}

static cg_status link_fact(cg_partition *partition, const cg_log_record *record,
                           uint32_t target, uint32_t *out, cg_work *work, cg_error *error) {
    char name[NAME_BYTES];
    name_of(record, name);
    uint32_t row = 0;
    uint32_t feature_row = 0;
    cg_status status = cg_graph_add_concept(partition->graph, cg_fact_id(record->request_id),
                                            record->concept_type, name, &row, error);
    if (status == CG_OK) {
        status = cg_graph_add_edge(
            partition->graph, row,
            (cg_edge){.target = target, .type = CG_EDGE_HYPERNYM, .weight = 255}, error);
    }
    if (status == CG_OK) {
        status = cg_graph_add_edge(
            partition->graph, target,
            (cg_edge){.target = row, .type = CG_EDGE_HYPONYM, .weight = 255}, error);
    }
    if (status == CG_OK) {
        status = cg_features_append(partition->features, record->dense, record->sparse,
                                    &feature_row, work, error);
    }
    if (status == CG_OK) {
        cg_cues cues;
        cg_cues_find(partition->corpus->lemmas, record->text, record->text_bytes, &cues, work);
        status = cg_lexicon_add(partition->lexicon, row, &cues, &target, 1, error);
    }
    if (status == CG_OK) {
        CG_ASSERT(row == feature_row);
        cg_runner serial = cg_runner_serial();
        uint64_t id = row - cg_graph_concept_count(partition->corpus->graph);
        cg_index_rows rows = {.vectors = record->dense, .ids = &id, .count = 1};
        status = cg_index_add(partition->index, &rows, &serial, work, error);
        *out = row;
    }
    return status;
}

static cg_status apply_fact(cg_partition *partition, const cg_log_record *record,
                            const cg_partition_wish *wish, cg_applied *did, cg_work *work,
                            cg_error *error) {
    uint64_t known = 0;
    cg_status status = check_record(partition, record, error);
    if (status != CG_OK || (!CG_BUG(DUPLICATES_FORGOTTEN) &&
                            cg_table_get(partition->sequence_of, record->request_id, &known))) {
        return status;
    }
    uint64_t concept = record->target;
    (void)cg_table_get(partition->rehomed, cg_fact_id(record->request_id), &concept);
    uint32_t target = 0;
    bool has_home = home_of(partition, concept, &target);
    CG_ASSERT(has_home); /* the corpus' concepts are never removed */
    status = take_slot(partition, record, wish, &did->slot, work, error);
    if (status == CG_OK) {
        status = link_fact(partition, record, target, &did->row, work, error);
        if (status == CG_ERROR_FULL) { /* half linked: nothing a caller may go on from */
            status = cg_error_set(
                error, CG_ERROR_MEMORY, "partition %u: no room to link record %llu",
                partition->number, (unsigned long long)partition->applied + 1);
        }
    }
    if (status != CG_OK) {
        return status;
    }
    (void)cg_table_get(partition->newest_below, target, &did->previous);
    partition->text_bytes += record->text_bytes;
    cg_partition_note_recent(partition, did->row, target, record->clock.physical_ns);
    if (record->has_learned) {
        partition->learned = record->learned;
    }
    return cg_table_put(partition->newest_below, target, partition->applied + 1, error);
}

/* --- the fold --- */

/* Takes the next record's effect; *was_home as in cg_partition_apply_removal. */
static cg_status fold(cg_partition *partition, const cg_log_record *record,
                      const cg_partition_wish *wish, bool *was_home, cg_work *work,
                      cg_error *error) {
    cg_applied did = {.slot = CG_SLOT_NONE, .row = CG_ROW_NONE};
    *was_home = false;
    cg_status status =
        CG_GROW(&partition->allocator, partition->records, partition->records_capacity,
                (size_t)partition->applied + 1, error);
    if (status == CG_OK) {
        status = cg_partition_give_owed(partition, work, error);
    }
    if (status != CG_OK) {
        return status;
    }
    switch (record->kind) {
    case CG_RECORD_REMOVE:
        status = cg_partition_apply_removal(partition, record, was_home, work, error);
        break;
    case CG_RECORD_WEIGHTS:
        status = cg_partition_apply_weights(partition, record, work, error);
        break;
    case CG_RECORD_FACT:
        status = apply_fact(partition, record, wish, &did, work, error);
        break;
    case CG_RECORD_EPOCH:
    case CG_RECORD_KIND_COUNT:
        break;
    }
    if (status != CG_OK || *was_home) {
        return status;
    }
    partition->records[partition->applied++] = did;
    uint64_t known = 0;
    bool is_first = record->request_id != 0 &&
                    !cg_table_get(partition->sequence_of, record->request_id, &known);
    return is_first ? cg_table_put(partition->sequence_of, record->request_id,
                                   partition->applied, error)
                    : CG_OK;
}

/* Takes records from the log until all are in, or one leaves facts without a home. */
static cg_status fold_log(cg_partition *partition, cg_log_buffers *buffers, bool *was_home,
                          cg_work *work, cg_error *error) {
    cg_status status = CG_OK;
    *was_home = false;
    while (status == CG_OK && !*was_home && partition->applied < cg_log_last(partition->log)) {
        cg_log_record record = {0};
        size_t bytes = 0;
        size_t used = 0;
        const uint8_t *encoded = cg_log_bytes(partition->log, partition->applied + 1, &bytes);
        status = cg_log_record_decode(encoded, bytes, buffers, &record, &used, error);
        if (status == CG_OK) {
            status = fold(partition, &record, NULL, was_home, work, error);
        }
    }
    return status;
}

/* From the log alone. A removal that leaves facts without a home begins all again, with their homes
 * known: each time with one more that has been dealt with. */
static cg_status build(cg_partition *partition, cg_work *work, cg_error *error) {
    cg_allocator *allocator = &partition->allocator;
    cg_log_buffers *buffers = cg_allocate(allocator, 1, sizeof *buffers);
    if (!buffers) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to build partition %u again",
                            partition->number);
    }
    cg_status status = CG_OK;
    partition->builds++;
    for (bool was_home = true; status == CG_OK && was_home;) {
        end_state(partition);
        status = begin_state(partition, error);
        if (status == CG_OK) {
            status = fold_log(partition, buffers, &was_home, work, error);
        }
    }
    cg_deallocate(allocator, buffers, 1, sizeof *buffers);
    return status == CG_OK || status == CG_ERROR_MEMORY
               ? status
               : cg_error_set(error, CG_ERROR_MEMORY, "partition %u cannot be built again",
                              partition->number);
}

cg_status cg_partition_cut(cg_partition *partition, uint64_t last, cg_work *work,
                           cg_error *error) {
    if (last == cg_log_last(partition->log)) {
        return CG_OK;
    }
    cg_log_cut(partition->log, last);
    cg_table_clear(partition->rehomed);
    return build(partition, work, error);
}

cg_status cg_partition_apply(cg_partition *partition, const cg_log_record *record,
                             cg_encoded_record encoded, const cg_partition_wish *wish,
                             cg_work *work, cg_error *error) {
    uint64_t last = cg_log_last(partition->log);
    cg_log_id id = cg_log_id_of(partition->log, last);
    CG_ASSERT(partition->applied == last);
    if (cg_log_id_compare(&id, &record->id) >= 0) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "partition %u: record (%llu, %llu, %x) cannot follow (%llu, %llu, %x)",
            partition->number, (unsigned long long)record->id.epoch,
            (unsigned long long)record->id.number, record->id.replica,
            (unsigned long long)id.epoch, (unsigned long long)id.number, id.replica);
    }
    bool was_home = false;
    cg_status status = fold(partition, record, wish, &was_home, work, error);
    if (status == CG_OK) {
        status = cg_log_append(partition->log, encoded.bytes, encoded.size_bytes, error);
        CG_ASSERT(status == CG_OK || status == CG_ERROR_MEMORY);
    }
    if (status == CG_OK && was_home) {
        status = build(partition, work, error);
    }
    if (status == CG_OK) {
        cg_work_count(work, CG_WORK_LOG_APPEND, 1, encoded.size_bytes);
    }
    return status;
}

/* --- inspection --- */

cg_knowledge cg_partition_knowledge(const cg_partition *partition) {
    cg_knowledge knowledge = {
        .graph = partition->graph,
        .features = partition->features,
        .indexes = {partition->corpus->index, partition->index},
        .index_first_row = {0, cg_features_count(partition->corpus->features)},
        .index_count = 2,
        .recent = &partition->recent,
        .lexicon = partition->lexicon,
        .lemmas = partition->corpus->lemmas,
        .learned = &partition->learned,
    };
    return knowledge;
}

uint64_t cg_partition_hash(const cg_partition *partition) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, cg_log_last(partition->log));
    cg_hasher_add_u64(&hasher, cg_graph_hash(partition->graph));
    cg_hasher_add_u64(&hasher, cg_index_hash(partition->index));
    cg_hasher_add_u64(&hasher, cg_log_chain(partition->log, cg_log_last(partition->log)));
    /* What facts hold, not where they lie: that is each host's own. */
    cg_hasher_add_u64(&hasher, cg_partition_live_facts(partition));
    cg_hasher_add_u64(&hasher, partition->text_bytes);
    cg_hasher_add_u64(&hasher, cg_lexicon_hash(partition->lexicon));
    cg_hasher_add_u64(&hasher, cg_learned_hash(&partition->learned));
    cg_hasher_add_u64(&hasher, partition->recent.count);
    for (int i = 0; i < CG_RECENT_MAX; ++i) {
        cg_hasher_add_u64(&hasher, partition->recent.rows[i]);
        cg_hasher_add_u64(&hasher, partition->recent.times_ns[i]);
    }
    return cg_hasher_value(&hasher);
}

uint64_t cg_partition_bytes(const cg_partition *partition) {
    return cg_graph_bytes(partition->graph) + cg_features_bytes(partition->features) +
           cg_index_bytes(partition->index) + cg_lexicon_bytes(partition->lexicon) +
           cg_pools_bytes(partition->pools) + cg_log_held_bytes(partition->log) +
           cg_table_bytes(partition->sequence_of) + cg_table_bytes(partition->newest_below) +
           cg_table_bytes(partition->rehomed) +
           partition->records_capacity * sizeof *partition->records;
}
