#include "engine/node/partition.h"

#include <string.h>

#include "engine/base/hash.h"

enum { FACT_ID_SHIFT = 40, NAME_BYTES = 64 };

cg_status cg_partition_init(cg_partition *partition, uint32_t number, const cg_corpus *corpus,
                            const cg_pool_options *pools, cg_allocator allocator,
                            cg_error *error) {
    memset(partition, 0, sizeof *partition);
    partition->number = number;
    partition->corpus = corpus;
    partition->allocator = allocator;
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
        status = cg_pools_alloc(pools, allocator, &partition->pools, error);
    }
    if (status == CG_OK) {
        status = cg_log_alloc(allocator, &partition->log, error);
    }
    if (status == CG_OK) {
        status = cg_table_alloc(allocator, &partition->sequence_of, error);
    }
    if (status != CG_OK) {
        cg_partition_deinit(partition);
    }
    return status;
}

void cg_partition_deinit(cg_partition *partition) {
    cg_graph_free(partition->graph);
    cg_features_free(partition->features);
    cg_lexicon_free(partition->lexicon);
    cg_index_free(partition->index);
    cg_pools_free(partition->pools);
    cg_log_free(partition->log);
    cg_table_free(partition->sequence_of);
    cg_deallocate(&partition->allocator, partition->slots, partition->slots_capacity,
                  sizeof *partition->slots);
    memset(partition, 0, sizeof *partition);
}

uint64_t cg_partition_fact_id(uint32_t number, uint64_t sequence) {
    return ((uint64_t)number + 1) << FACT_ID_SHIFT | sequence;
}

static cg_status check_record(const cg_partition *partition, const cg_log_record *record,
                              cg_error *error) {
    uint64_t next = cg_log_last(partition->log) + 1;
    uint32_t dims = cg_features_dims(partition->features);
    if (record->sequence != next) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "partition %u: record %llu where %llu is next", partition->number,
                            (unsigned long long)record->sequence, (unsigned long long)next);
    }
    if (record->dims != dims) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "partition %u: record %llu has %u dims instead of %u",
                            partition->number, (unsigned long long)next, record->dims, dims);
    }
    if (record->target >= cg_graph_concept_count(partition->graph) ||
        record->concept_type >= CG_CONCEPT_TYPES) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "partition %u: record %llu goes to concept row %u of type %u, which does not exist",
            partition->number, (unsigned long long)next, record->target, record->concept_type);
    }
    if (cg_graph_is_removed(partition->graph, record->target)) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "partition %u: record %llu goes to concept row %u, which was removed",
            partition->number, (unsigned long long)next, record->target);
    }
    if (record->text_bytes == 0 || record->text_bytes > CG_POOL_BLOCK_BYTES) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "partition %u: record %llu has a text of %u bytes; 1 to %d fit a slot",
            partition->number, (unsigned long long)next, record->text_bytes,
            CG_POOL_BLOCK_BYTES);
    }
    return CG_OK;
}

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
    cg_status status = CG_GROW(&partition->allocator, partition->slots,
                               partition->slots_capacity, (size_t)record->sequence, error);
    if (status != CG_OK) {
        return status;
    }
    cg_pool_request request = {.type = record->concept_type,
                               .size_bytes = record->text_bytes,
                               .near = cg_partition_slot(partition, record->sequence - 1)};
    if (wish) {
        request.placement = wish->placement;
        request.near = wish->near;
    }
    status = cg_pools_take(partition->pools, &request, slot, work, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t size_bytes = 0;
    memcpy(cg_pools_memory(partition->pools, *slot, &size_bytes), record->text,
           record->text_bytes);
    partition->slots[record->sequence - 1] = *slot;
    return CG_OK;
}

static cg_status link_fact(cg_partition *partition, const cg_log_record *record, cg_work *work,
                           cg_error *error) {
    char name[NAME_BYTES];
    name_of(record, name);
    uint32_t row = 0;
    uint32_t feature_row = 0;
    cg_status status = cg_graph_add_concept(
        partition->graph, cg_partition_fact_id(partition->number, record->sequence),
        record->concept_type, name, &row, error);
    if (status == CG_OK) {
        status = cg_graph_add_edge(
            partition->graph, row,
            (cg_edge){.target = record->target, .type = CG_EDGE_HYPERNYM, .weight = 255},
            error);
    }
    if (status == CG_OK) {
        status = cg_graph_add_edge(
            partition->graph, record->target,
            (cg_edge){.target = row, .type = CG_EDGE_HYPONYM, .weight = 255}, error);
    }
    if (status == CG_OK) {
        status = cg_features_append(partition->features, record->dense, record->sparse,
                                    &feature_row, work, error);
    }
    if (status == CG_OK) {
        cg_cues cues;
        cg_cues_find(partition->corpus->lemmas, record->text, record->text_bytes, &cues, work);
        status = cg_lexicon_add(partition->lexicon, row, &cues, &record->target, 1, error);
    }
    if (status == CG_OK) {
        CG_ASSERT(row == feature_row);
        cg_runner serial = cg_runner_serial();
        uint64_t id = row - cg_graph_concept_count(partition->corpus->graph);
        cg_index_rows rows = {.vectors = record->dense, .ids = &id, .count = 1};
        status = cg_index_add(partition->index, &rows, &serial, work, error);
    }
    return status;
}

static cg_status apply_fact(cg_partition *partition, const cg_log_record *record,
                            const cg_partition_wish *wish, cg_work *work, cg_error *error) {
    uint64_t slot = CG_SLOT_NONE;
    cg_status status = check_record(partition, record, error);
    if (status == CG_OK) {
        status = take_slot(partition, record, wish, &slot, work, error);
    }
    if (status == CG_OK) {
        status = link_fact(partition, record, work, error);
        if (status == CG_ERROR_FULL) { /* half linked: nothing a caller may go on from */
            status = cg_error_set(error, CG_ERROR_MEMORY,
                                  "partition %u: no room to link record %llu",
                                  partition->number, (unsigned long long)record->sequence);
        }
    }
    if (status != CG_OK) {
        return status;
    }
    cg_partition_note_recent(partition, cg_graph_concept_count(partition->graph) - 1,
                             record->target, record->clock.physical_ns);
    if (record->has_learned) {
        partition->learned = record->learned;
    }
    return CG_OK;
}

cg_status cg_partition_apply(cg_partition *partition, const cg_log_record *record,
                             cg_encoded_record encoded, const cg_partition_wish *wish,
                             cg_work *work, cg_error *error) {
    cg_status status = CG_OK;
    if (record->kind == CG_RECORD_REMOVE) {
        status = cg_partition_apply_removal(partition, record, work, error);
    } else if (record->kind == CG_RECORD_WEIGHTS) {
        status = cg_partition_apply_weights(partition, record, work, error);
    } else {
        status = apply_fact(partition, record, wish, work, error);
    }
    if (status == CG_OK) {
        status = cg_log_append(partition->log, encoded.bytes, encoded.size_bytes, error);
    }
    if (status == CG_OK && record->kind != CG_RECORD_WEIGHTS) {
        status =
            cg_table_put(partition->sequence_of, record->request_id, record->sequence, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_work_count(work, CG_WORK_LOG_APPEND, 1, encoded.size_bytes);
    return CG_OK;
}

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
    /* What slots hold, not where they lie: that is each host's own. */
    cg_pool_statistics pools = cg_pools_statistics(partition->pools);
    cg_hasher_add_u64(&hasher, pools.slots_taken);
    cg_hasher_add_u64(&hasher, pools.requested_bytes);
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
           cg_table_bytes(partition->sequence_of) +
           partition->slots_capacity * sizeof *partition->slots;
}
