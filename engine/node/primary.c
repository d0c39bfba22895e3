/* The way of a fact at its partition's primary: decide (primary_decide.c), place, insert, log, answer when
 * the record is safe.
 *
 * What comes again is not decided again: it gets the answer that is kept here, or what the log says of
 * it, or the refusal, which this life alone knows of.
 */
#include <string.h>

#include "engine/node/node_internal.h"

/* --- what was decided before --- */

static cg_status turn_down(cg_holding *holding, uint64_t request_id, cg_request_kind kind,
                           cg_status reason, uint32_t gateway, uint64_t now_ns,
                           cg_outputs *outputs, cg_error *error) {
    cg_node *node = holding->space->node;
    cg_reply reply = {.request_id = request_id,
                      .status = reason,
                      .host = node->options.host,
                      .request = (uint8_t)kind,
                      .slot = CG_SLOT_NONE};
    return cg_node_answer(node, &reply, gateway, now_ns, outputs, error);
}

cg_status cg_primary_reject(cg_holding *holding, uint64_t request_id, cg_request_kind kind,
                            cg_status reason, uint32_t gateway, uint64_t now_ns,
                            cg_outputs *outputs, cg_error *error) {
    cg_status status = cg_table_put(holding->rejected, request_id,
                                    (uint64_t)kind << 32 | (uint64_t)reason, error);
    return status == CG_OK
               ? turn_down(holding, request_id, kind, reason, gateway, now_ns, outputs, error)
               : status;
}

/* What can be said of a request that the log has, but that this host did not decide in this life: what
 * was done, and not why. */
static cg_reply from_log(const cg_holding *holding, uint64_t request_id, cg_request_kind kind,
                         uint64_t sequence) {
    const cg_partition *partition = &holding->partition;
    cg_reply reply = {.request_id = request_id,
                      .host = holding->space->node->options.host,
                      .fact_id = cg_fact_id(request_id),
                      .slot = cg_partition_slot(partition, sequence),
                      .request = (uint8_t)kind,
                      .cached = 1,
                      .count = 1};
    if (cg_log_kind(partition->log, sequence) == CG_RECORD_REMOVE) {
        reply.fact_id = cg_log_concept(partition->log, sequence);
        return reply;
    }
    uint32_t row = 0;
    uint64_t at = 0;
    if (cg_partition_row_of(partition, sequence, &row)) {
        (void)cg_graph_parents(partition->graph, row, &reply.winner, 1);
    }
    while (kind == CG_REQUEST_BATCH && reply.count < CG_BATCH_FACTS_MAX &&
           cg_table_get(partition->sequence_of,
                        request_id | (uint64_t)reply.count << CG_BATCH_PLACE_SHIFT, &at)) {
        reply.count++;
    }
    return reply;
}

/* A request that came before gets the answer it got. While that waits for its record to be
 * safe, a gateway will ask again; a client of this host has no timer here, unless its request waits for an
 * answer (as all do where others may take over), and is told at once. */
bool cg_primary_decided(cg_holding *holding, uint64_t request_id, cg_request_kind kind,
                        uint32_t gateway, uint64_t now_ns, cg_outputs *outputs,
                        cg_status *status, cg_error *error) {
    cg_node *node = holding->space->node;
    uint64_t found = 0;
    *status = CG_OK;
    if (cg_table_get(holding->answer_of, request_id, &found)) {
        const cg_answer *earlier = &holding->answers[found - 1];
        if (earlier->answered) {
            *status = cg_node_answer(node, &earlier->reply, gateway, now_ns, outputs, error);
        } else if (gateway == CG_NODE_DIRECT) {
            (void)cg_error_set(error, CG_ERROR_EXISTS, "request %llu is open at this host",
                               (unsigned long long)request_id);
            *status = turn_down(holding, request_id, kind, CG_ERROR_EXISTS, gateway, now_ns,
                                outputs, error);
        }
    } else if (!CG_BUG(DUPLICATES_FORGOTTEN) &&
               cg_table_get(holding->partition.sequence_of, request_id, &found)) {
        if (found <= cg_group_safe(holding->group)) {
            cg_reply reply = from_log(holding, request_id, kind, found);
            *status = cg_node_answer(node, &reply, gateway, now_ns, outputs, error);
        }
    } else if (cg_table_get(holding->rejected, request_id, &found)) {
        cg_status reason = (cg_status)(found & UINT32_MAX);
        (void)cg_error_set(error, reason, "request %llu was turned down before: %s",
                           (unsigned long long)request_id, cg_status_name(reason));
        *status = turn_down(holding, request_id, (cg_request_kind)(found >> 32), reason,
                            gateway, now_ns, outputs, error);
    } else {
        return false;
    }
    node->statistics.duplicates++;
    return true;
}

/* --- storing --- */

cg_status cg_primary_note(cg_holding *holding, const cg_reply *reply, uint32_t gateway,
                          cg_error *error) {
    cg_node *node = holding->space->node;
    cg_status status = CG_GROW(&node->allocator, holding->answers, holding->answers_capacity,
                               (size_t)holding->answer_count + 1, error);
    if (status == CG_OK) {
        holding->answers[holding->answer_count] =
            (cg_answer){.gateway = gateway,
                        .began_ns = node->began_ns,
                        .last = cg_log_last(holding->partition.log) + 1,
                        .reply = *reply};
    }
    return status;
}

/* What was noted is in the log: its answer waits for that to be safe. */
static cg_status keep_answer(cg_holding *holding, bool silent, cg_error *error) {
    cg_answer *answer = &holding->answers[holding->answer_count++];
    answer->silent = silent;
    return silent ? CG_OK
                  : cg_table_put(holding->answer_of, answer->reply.request_id,
                                 holding->answer_count, error);
}

cg_status cg_primary_append(cg_holding *holding, cg_log_record *record,
                            const cg_partition_wish *wish, cg_work *work, cg_error *error) {
    cg_node *node = holding->space->node;
    record->id = cg_group_next_id(holding->group);
    record->clock = cg_node_tick(node);
    size_t bytes = cg_log_record_bytes(record);
    cg_status status =
        CG_GROW(&node->allocator, node->record, node->record_capacity, bytes, error);
    if (status != CG_OK) {
        return status;
    }
    cg_log_record_encode(record, node->record);
    cg_encoded_record encoded = {node->record, bytes};
    status = cg_partition_apply(&holding->partition, record, encoded, wish, work, error);
    return status == CG_OK ? keep_answer(holding, record->request_id == 0, error) : status;
}

/* Decides and stores one fact, of a batch or alone, and keeps its answer; not written yet. record_id:
 * what the record's request id is. CG_ERROR_INVALID, CG_ERROR_NOT_FOUND and CG_ERROR_FULL: this
 * fact cannot be had, and nothing was changed. */
static cg_status take_fact(cg_holding *holding, const cg_message_allocate *message,
                           uint64_t record_id, uint32_t gateway, uint64_t now_ns, cg_work *work,
                           cg_error *error) {
    cg_node *node = holding->space->node;
    cg_reply reply;
    memset(&reply, 0, sizeof reply); /* its padding too: it is hashed in the decision cache */
    reply.request_id = message->request_id;
    reply.host = node->options.host;
    reply.fact_id = cg_fact_id(record_id);
    reply.request = CG_REQUEST_ALLOCATE;
    reply.count = 1;
    cg_log_record record = {0};
    cg_status status = cg_primary_judge(holding, message, now_ns, &reply, &record, work, error);
    if (status == CG_OK) {
        status = cg_primary_note(holding, &reply, gateway, error);
    }
    if (status != CG_OK) {
        return status;
    }
    /* A teacher is believed: a labelled fact goes where its label says. */
    bool labelled = (message->flags & CG_REQUEST_LABELLED) != 0;
    const uint32_t target = labelled ? message->label : reply.winner;
    record.kind = CG_RECORD_FACT;
    record.request_id = record_id;
    record.target = cg_partition_concept_of(&holding->partition, target);
    record.concept_type = cg_graph_type(holding->partition.graph, target);
    record.dims = message->dims;
    record.dense = message->dense;
    record.sparse = message->sparse;
    record.text = message->text;
    record.text_bytes = message->text_bytes;
    cg_placement_plan plan;
    uint32_t cues = reply.cached ? 0 : cg_cascade_cues(node->scratch)->count;
    status = cg_place_plan(holding, message, target, cues, &plan, error);
    if (status == CG_OK) {
        cg_partition_wish wish = {.placement = (cg_pool_placement)plan.slot,
                                  .near = cg_place_near(holding, target)};
        status = cg_primary_append(holding, &record, &wish, work, error);
    }
    if (status == CG_OK) {
        status = cg_place_fill(holding, &plan, target, error);
    }
    if (status == CG_OK && !reply.cached) {
        status = cg_primary_remember(holding, message, now_ns, &reply, error);
    }
    if (status == CG_OK) {
        holding->answers[holding->answer_count - 1].reply.slot =
            cg_partition_slot(&holding->partition, cg_log_last(holding->partition.log));
        node->statistics.allocations++;
        holding->space->allocations++;
    }
    return status;
}

static bool is_refusal(cg_status status) {
    return status == CG_ERROR_INVALID || status == CG_ERROR_NOT_FOUND ||
           status == CG_ERROR_FULL;
}

cg_status cg_primary_allocate(cg_holding *holding, const cg_message_allocate *message,
                              uint32_t gateway, uint64_t now_ns, cg_outputs *outputs,
                              cg_error *error) {
    cg_status status = CG_OK;
    if (cg_primary_decided(holding, message->request_id, CG_REQUEST_ALLOCATE, gateway, now_ns,
                           outputs, &status, error)) {
        return status;
    }
    status = take_fact(holding, message, message->request_id, gateway, now_ns, &outputs->work,
                       error);
    if (is_refusal(status)) {
        return cg_primary_reject(holding, message->request_id, CG_REQUEST_ALLOCATE, status,
                                 gateway, now_ns, outputs, error);
    }
    return status == CG_OK ? cg_holding_appended(holding, error) : status;
}

/* --- batches ---
 *
 * The first record carries the batch's request id, the others that with their place in the batch
 * above it, so that ids stay different. The batch's answer stands with its first record and
 * waits for the last one. */

/* Of a batch that was cut short when its primary fell, the facts that are in the log are passed
 * over. */
static cg_status take_batch(cg_holding *holding, const cg_message_batch *batch,
                            uint32_t gateway, uint64_t now_ns, uint32_t *taken, cg_work *work,
                            cg_error *error) {
    size_t offset = 0;
    cg_status status = CG_OK;
    for (*taken = 0; status == CG_OK && *taken < batch->count;) {
        cg_message_allocate fact;
        status =
            cg_message_batch_next(batch, &offset, holding->space->node->buffers, &fact, error);
        if (status != CG_OK) {
            return status;
        }
        uint64_t record_id = batch->request_id | (uint64_t)*taken << CG_BATCH_PLACE_SHIFT;
        uint64_t known = 0;
        fact.request_id = batch->request_id;
        if (!cg_table_get(holding->partition.sequence_of, record_id, &known)) {
            status = take_fact(holding, &fact, record_id, gateway, now_ns, work, error);
        }
        *taken += status == CG_OK;
    }
    return status;
}

/* The batch's answer stands with the first of the records made now, and waits for the last. */
static cg_status answer_batch(cg_holding *holding, const cg_message_batch *batch,
                              uint64_t first, uint32_t taken, cg_error *error) {
    cg_answer *entry = &holding->answers[first];
    entry->last = cg_log_last(holding->partition.log);
    entry->reply.request = CG_REQUEST_BATCH;
    entry->reply.fact_id = cg_fact_id(batch->request_id);
    entry->reply.count = taken;
    entry->reply.status = taken < batch->count ? CG_ERROR_PARTIAL : CG_OK;
    for (uint64_t i = first + 1; i < holding->answer_count; ++i) {
        holding->answers[i].silent = true;
    }
    return cg_table_put(holding->answer_of, batch->request_id, first + 1, error);
}

static bool is_cut_short(const cg_holding *holding, const cg_message_batch *batch) {
    uint64_t last = batch->request_id | (uint64_t)(batch->count - 1) << CG_BATCH_PLACE_SHIFT;
    uint64_t known = 0;
    return !cg_table_get(holding->answer_of, batch->request_id, &known) &&
           cg_table_get(holding->partition.sequence_of, batch->request_id, &known) &&
           !cg_table_get(holding->partition.sequence_of, last, &known);
}

cg_status cg_primary_batch(cg_holding *holding, const uint8_t *payload, size_t size_bytes,
                           uint32_t gateway, uint64_t now_ns, cg_outputs *outputs,
                           cg_error *error) {
    cg_message_batch batch;
    cg_status status = cg_message_batch_decode(payload, size_bytes, &batch, error);
    if (status != CG_OK || (!is_cut_short(holding, &batch) &&
                            cg_primary_decided(holding, batch.request_id, CG_REQUEST_BATCH,
                                               gateway, now_ns, outputs, &status, error))) {
        return status;
    }
    uint32_t taken = 0;
    const uint64_t first = holding->answer_count;
    status = take_batch(holding, &batch, gateway, now_ns, &taken, &outputs->work, error);
    if (status != CG_OK && !is_refusal(status)) {
        return status;
    }
    if (taken == 0) {
        return cg_primary_reject(holding, batch.request_id, CG_REQUEST_BATCH, status, gateway,
                                 now_ns, outputs, error);
    }
    if (taken < batch.count) {
        cg_error_prefix(error, "%u of %u facts of the batch were stored: ", taken, batch.count);
    }
    if (holding->answer_count > first) {
        status = answer_batch(holding, &batch, first, taken, error);
        if (status != CG_OK) {
            return status;
        }
    }
    return cg_holding_appended(holding, error);
}

/* --- answering --- */

cg_status cg_primary_answer(cg_holding *holding, uint64_t safe_sequence, cg_error *error) {
    cg_node *node = holding->space->node;
    cg_status status = CG_OK;
    while (status == CG_OK && holding->answered < holding->answer_count &&
           holding->answers[holding->answered].last <= safe_sequence) {
        cg_answer *entry = &holding->answers[holding->answered++];
        entry->answered = true;
        if (!entry->silent && entry->gateway == CG_NODE_DIRECT) {
            status = cg_tune_latency(node, entry->began_ns, node->now_ns, error);
        }
        if (status == CG_OK && !entry->silent) {
            status = cg_node_answer(node, &entry->reply, entry->gateway, node->now_ns,
                                    node->outputs, error);
        }
    }
    return status;
}

void cg_primary_give_up(cg_holding *holding) {
    for (; holding->answered < holding->answer_count; ++holding->answered) {
        const cg_answer *entry = &holding->answers[holding->answered];
        uint64_t found = 0;
        if (!entry->silent &&
            cg_table_get(holding->answer_of, entry->reply.request_id, &found) &&
            found == holding->answered + 1) {
            (void)cg_table_remove(holding->answer_of, entry->reply.request_id);
        }
    }
}
