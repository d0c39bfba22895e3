/* The way of a fact at its partition's primary: decide, place, insert, log, learn, answer.
 *
 * Learning comes before the insert because what is known after it is part of the record: the
 * replica takes it from the log and does not learn by itself.
 */
#include <string.h>

#include "engine/base/hash.h"
#include "engine/node/node_internal.h"

/* What the tiers need to know while a decision reads concept records. */
typedef struct reading {
    cg_space *space;
    cg_work *work;
    cg_status status;
    cg_error *error;
} reading;

enum { PATTERN_FIRST_LEVEL = 0 };

static void read_through_tiers(void *context, uint32_t row, cg_touch what) {
    reading *read = context;
    if (read->status != CG_OK) {
        return;
    }
    cg_node *node = read->space->node;
    uint32_t first =
        what == CG_TOUCH_PATTERN ? PATTERN_FIRST_LEVEL : cg_node_record_level(node);
    uint32_t bytes = what == CG_TOUCH_PATTERN
                         ? cg_features_dims(node->corpus->features) * (uint32_t)sizeof(int32_t)
                         : CG_NODE_RECORD_BYTES;
    uint32_t served = 0;
    read->status = cg_tiers_read(node->tiers, cg_node_tier_key(read->space, row), bytes, first,
                                 &served, read->work, read->error);
}

static cg_fact_view view_of(const cg_message_allocate *message, uint64_t now_ns) {
    return (cg_fact_view){
        .dense = message->dense,
        .sparse = message->sparse,
        .text = message->text,
        .text_bytes = message->text_bytes,
        .type = CG_TYPE_UNKNOWN,
        .now_ns = now_ns,
        .has_teacher = (message->flags & CG_REQUEST_LABELLED) != 0,
        .teacher = message->label,
    };
}

static cg_status decide(cg_space *space, const cg_message_allocate *message, uint64_t now_ns,
                        cg_decision *decision, cg_work *work, cg_error *error) {
    cg_node *node = space->node;
    reading read = {space, work, CG_OK, error};
    cg_knowledge knowledge = cg_partition_knowledge(&space->own);
    knowledge.touched = read_through_tiers;
    knowledge.touched_context = &read;
    cg_fact_view fact = view_of(message, now_ns);
    cg_status status = cg_cascade_decide(&node->options.cascade, &knowledge, &fact,
                                         node->scratch, decision, work, error);
    return status == CG_OK ? read.status : status;
}

/* The exhaustive decision on the same state, uncharged: what the decision should have been. */
static cg_status audit(cg_space *space, const cg_message_allocate *message, uint64_t now_ns,
                       uint32_t winner, cg_reply *reply, cg_error *error) {
    cg_node *node = space->node;
    cg_cascade_options exhaustive = node->options.cascade;
    exhaustive.strategy = CG_STRATEGY_DIRECT;
    cg_knowledge knowledge = cg_partition_knowledge(&space->own);
    cg_fact_view fact = view_of(message, now_ns);
    cg_decision decision;
    cg_status status = cg_cascade_decide(&exhaustive, &knowledge, &fact, node->scratch,
                                         &decision, NULL, error);
    if (status == CG_OK) {
        reply->audited = 1;
        reply->agreed = decision.winner == winner;
    }
    return status;
}

/* Facts without a label teach nothing: to learn from its own guesses would only make the engine
 * surer of them. */
static void learn(const cg_space *space, cg_log_record *record, cg_work *work) {
    const cg_node *node = space->node;
    const cg_lesson *lesson = cg_cascade_lesson(node->scratch);
    record->has_learned = lesson != NULL;
    if (lesson) {
        record->learned = space->own.learned;
        cg_learn(&record->learned, cg_cascade_tuning(node->scratch), lesson, work);
    }
}

static uint32_t to_q16(double value) {
    return (uint32_t)(value * 65536.0 + 0.5);
}

static void fill_reply(const cg_decision *decision, cg_reply *reply) {
    reply->winner = decision->winner;
    reply->alternative_count = decision->alternative_count;
    memcpy(reply->alternatives, decision->alternatives, sizeof reply->alternatives);
    reply->pathway_id = decision->pathway_id;
    for (int column = 0; column < CG_COLUMN_COUNT; ++column) {
        reply->votes_q16[column] = to_q16((double)decision->votes[column]);
    }
    reply->confidence_q16 = to_q16(decision->confidence);
    memcpy(reply->stage_in, decision->stage_in, sizeof reply->stage_in);
    memcpy(reply->stage_out, decision->stage_out, sizeof reply->stage_out);
    reply->strategy = (uint8_t)decision->strategy;
    reply->winning_column = (uint8_t)decision->winning_column;
}

static cg_status turn_down(cg_space *space, uint64_t request_id, cg_request_kind kind,
                           cg_status reason, uint32_t gateway, uint64_t now_ns,
                           cg_outputs *outputs, cg_error *error) {
    cg_node *node = space->node;
    cg_reply reply = {.request_id = request_id,
                      .status = reason,
                      .host = node->options.host,
                      .request = (uint8_t)kind,
                      .slot = CG_SLOT_NONE};
    return cg_node_answer(node, &reply, gateway, now_ns, outputs, error);
}

cg_status cg_primary_reject(cg_space *space, uint64_t request_id, cg_request_kind kind,
                            cg_status reason, uint32_t gateway, uint64_t now_ns,
                            cg_outputs *outputs, cg_error *error) {
    cg_status status = cg_table_put(space->rejected, request_id,
                                    (uint64_t)kind << 32 | (uint64_t)reason, error);
    return status == CG_OK
               ? turn_down(space, request_id, kind, reason, gateway, now_ns, outputs, error)
               : status;
}

/* A request that came before gets the answer it got. While that waits for its record to be
 * safe, a gateway will ask again; a client of this host has no timer here and is told at
 * once. */
bool cg_primary_decided(cg_space *space, uint64_t request_id, uint32_t gateway, uint64_t now_ns,
                        cg_outputs *outputs, cg_status *status, cg_error *error) {
    cg_node *node = space->node;
    uint64_t found = 0;
    *status = CG_OK;
    if (cg_table_get(space->own.sequence_of, request_id, &found)) {
        const cg_answer *earlier = &space->answers[found - 1];
        cg_request_kind kind = (cg_request_kind)earlier->reply.request;
        if (earlier->answered) {
            *status = cg_node_answer(node, &earlier->reply, gateway, now_ns, outputs, error);
        } else if (gateway == node->options.host) {
            (void)cg_error_set(error, CG_ERROR_EXISTS, "request %llu is open at this host",
                               (unsigned long long)request_id);
            *status = turn_down(space, request_id, kind, CG_ERROR_EXISTS, gateway, now_ns,
                                outputs, error);
        }
    } else if (cg_table_get(space->rejected, request_id, &found)) {
        cg_status reason = (cg_status)(found & UINT32_MAX);
        (void)cg_error_set(error, reason, "request %llu was turned down before: %s",
                           (unsigned long long)request_id, cg_status_name(reason));
        *status = turn_down(space, request_id, (cg_request_kind)(found >> 32), reason, gateway,
                            now_ns, outputs, error);
    } else {
        return false;
    }
    node->statistics.duplicates++;
    return true;
}

/* --- deciding, or remembering a decision --- */

static cg_decision_key key_of(const cg_message_allocate *message) {
    return (cg_decision_key){cg_hash_bytes(message->text, message->text_bytes, 1),
                             cg_hash_bytes(message->text, message->text_bytes, 2)};
}

/* Labelled facts are lessons and always decided anew. */
static bool remembered(cg_space *space, const cg_message_allocate *message, uint64_t now_ns,
                       cg_reply *reply, cg_work *work) {
    if (!space->cache || (message->flags & CG_REQUEST_LABELLED)) {
        return false;
    }
    cg_work_count(work, CG_WORK_CACHE, 1, message->text_bytes);
    cg_decision_key key = key_of(message);
    cg_reply found;
    if (!cg_decision_cache_get(space->cache, &key, now_ns, &found)) {
        return false;
    }
    found.request_id = reply->request_id;
    found.fact_id = reply->fact_id;
    found.audited = 0;
    found.agreed = 0;
    found.cached = 1;
    *reply = found;
    return true;
}

static cg_status remember(cg_space *space, const cg_message_allocate *message, uint64_t now_ns,
                          const cg_reply *reply, cg_error *error) {
    if (!space->cache) {
        return CG_OK;
    }
    if (message->flags & CG_REQUEST_LABELLED) { /* what is known has changed */
        (void)cg_decision_cache_invalidate_all(space->cache);
        return CG_OK;
    }
    cg_decision_key key = key_of(message);
    return cg_decision_cache_put(space->cache, &key, reply->winner, now_ns, reply, error);
}

/* Fills what a decision says of the reply, and *record with what was learned. */
static cg_status judge(cg_space *space, const cg_message_allocate *message, uint64_t now_ns,
                       cg_reply *reply, cg_log_record *record, cg_work *work, cg_error *error) {
    cg_status status = CG_OK;
    if (!remembered(space, message, now_ns, reply, work)) {
        cg_decision decision;
        status = decide(space, message, now_ns, &decision, work, error);
        if (status != CG_OK) {
            return status;
        }
        learn(space, record, work);
        fill_reply(&decision, reply);
    }
    if (message->flags & CG_REQUEST_AUDIT) {
        status = audit(space, message, now_ns, reply->winner, reply, error);
    }
    return status;
}

/* --- storing --- */

cg_status cg_primary_note(cg_space *space, const cg_reply *reply, uint32_t gateway,
                          cg_error *error) {
    cg_node *node = space->node;
    uint64_t sequence = cg_log_last(space->own.log) + 1;
    cg_status status = CG_GROW(&node->allocator, space->answers, space->answers_capacity,
                               (size_t)sequence, error);
    if (status == CG_OK) {
        space->answers[sequence - 1] = (cg_answer){
            .gateway = gateway, .began_ns = node->began_ns, .last = sequence, .reply = *reply};
    }
    return status;
}

cg_status cg_primary_append(cg_space *space, const cg_log_record *record,
                            const cg_partition_wish *wish, cg_work *work, cg_error *error) {
    cg_node *node = space->node;
    size_t bytes = cg_log_record_bytes(record);
    cg_status status =
        CG_GROW(&node->allocator, node->record, node->record_capacity, bytes, error);
    if (status != CG_OK) {
        return status;
    }
    cg_log_record_encode(record, node->record);
    cg_encoded_record encoded = {node->record, bytes};
    return cg_partition_apply(&space->own, record, encoded, wish, work, error);
}

cg_status cg_primary_write(cg_space *space, cg_outputs *outputs, cg_error *error) {
    uint64_t last = cg_log_last(space->own.log);
    uint32_t writes_max = space->node->options.service.writes_max;
    if (space->written_sequence >= last || (writes_max > 0 && space->writes >= writes_max)) {
        return CG_OK;
    }
    size_t bytes = 0;
    for (uint64_t sequence = space->written_sequence + 1; sequence <= last; ++sequence) {
        size_t record_bytes = 0;
        (void)cg_log_bytes(space->own.log, sequence, &record_bytes);
        bytes += record_bytes;
    }
    cg_output write = {.kind = CG_OUTPUT_WRITE,
                       .id = cg_replicate_token(space->own.number, last)};
    uint8_t *at = NULL;
    cg_status status = cg_outputs_add(outputs, &write, bytes, &at, error);
    if (status != CG_OK) {
        return status;
    }
    for (uint64_t sequence = space->written_sequence + 1; sequence <= last; ++sequence) {
        size_t record_bytes = 0;
        const uint8_t *record = cg_log_bytes(space->own.log, sequence, &record_bytes);
        memcpy(at, record, record_bytes);
        at += record_bytes;
    }
    space->written_sequence = last;
    space->writes++;
    return CG_OK;
}

/* Decides and stores one fact, of a batch or alone, and keeps its answer; not written yet. record_id:
 * what the record's request id is. CG_ERROR_INVALID, CG_ERROR_NOT_FOUND and CG_ERROR_FULL: this
 * fact cannot be had, and nothing was changed. */
static cg_status take_fact(cg_space *space, const cg_message_allocate *message,
                           uint64_t record_id, uint32_t gateway, uint64_t now_ns, cg_work *work,
                           cg_error *error) {
    cg_node *node = space->node;
    uint64_t sequence = cg_log_last(space->own.log) + 1;
    cg_reply reply;
    memset(&reply, 0, sizeof reply); /* its padding too: it is hashed in the decision cache */
    reply.request_id = message->request_id;
    reply.host = node->options.host;
    reply.fact_id = cg_partition_fact_id(space->own.number, sequence);
    reply.request = CG_REQUEST_ALLOCATE;
    reply.count = 1;
    cg_log_record record = {0};
    cg_status status = judge(space, message, now_ns, &reply, &record, work, error);
    if (status == CG_OK) {
        status = cg_primary_note(space, &reply, gateway, error);
    }
    if (status != CG_OK) {
        return status;
    }
    /* A teacher is believed: a labelled fact goes where its label says. */
    bool labelled = (message->flags & CG_REQUEST_LABELLED) != 0;
    record.kind = CG_RECORD_FACT;
    record.sequence = sequence;
    record.request_id = record_id;
    record.clock = cg_hlc_tick(&node->clock, now_ns);
    record.target = labelled ? message->label : reply.winner;
    record.concept_type = cg_graph_type(space->own.graph, record.target);
    record.dims = message->dims;
    record.dense = message->dense;
    record.sparse = message->sparse;
    record.text = message->text;
    record.text_bytes = message->text_bytes;
    cg_placement_plan plan;
    uint32_t cues = reply.cached ? 0 : cg_cascade_cues(node->scratch)->count;
    status = cg_place_plan(space, message, &record, cues, &plan, error);
    if (status == CG_OK) {
        cg_partition_wish wish = {.placement = (cg_pool_placement)plan.slot,
                                  .near = cg_place_near(space, record.target)};
        status = cg_primary_append(space, &record, &wish, work, error);
    }
    if (status == CG_OK) {
        status = cg_place_fill(space, &plan, record.target, error);
    }
    if (status == CG_OK) {
        status = cg_place_note(space, record.target, sequence, error);
    }
    if (status == CG_OK && !reply.cached) {
        status = remember(space, message, now_ns, &reply, error);
    }
    if (status == CG_OK) {
        space->answers[sequence - 1].reply.slot = cg_partition_slot(&space->own, sequence);
        node->statistics.allocations++;
        space->allocations++;
    }
    return status;
}

static bool is_refusal(cg_status status) {
    return status == CG_ERROR_INVALID || status == CG_ERROR_NOT_FOUND ||
           status == CG_ERROR_FULL;
}

cg_status cg_primary_allocate(cg_space *space, const cg_message_allocate *message,
                              uint32_t gateway, uint64_t now_ns, cg_outputs *outputs,
                              cg_error *error) {
    cg_status status = CG_OK;
    if (cg_primary_decided(space, message->request_id, gateway, now_ns, outputs, &status,
                           error)) {
        return status;
    }
    status =
        take_fact(space, message, message->request_id, gateway, now_ns, &outputs->work, error);
    if (is_refusal(status)) {
        return cg_primary_reject(space, message->request_id, CG_REQUEST_ALLOCATE, status,
                                 gateway, now_ns, outputs, error);
    }
    return status == CG_OK ? cg_primary_write(space, outputs, error) : status;
}

/* --- batches ---
 *
 * The first record carries the batch's request id, the others that with their place in the batch
 * above it, so that ids stay different. The batch's answer stands with its first record and
 * waits for the last one. */

enum { BATCH_PLACE_SHIFT = 48 };

static cg_status take_batch(cg_space *space, const cg_message_batch *batch, uint32_t gateway,
                            uint64_t now_ns, uint32_t *taken, cg_work *work, cg_error *error) {
    size_t offset = 0;
    cg_status status = CG_OK;
    for (*taken = 0; status == CG_OK && *taken < batch->count;) {
        cg_message_allocate fact;
        status = cg_message_batch_next(batch, &offset, space->node->buffers, &fact, error);
        if (status != CG_OK) {
            return status;
        }
        uint64_t record_id = batch->request_id | (uint64_t)*taken << BATCH_PLACE_SHIFT;
        fact.request_id = batch->request_id;
        status = take_fact(space, &fact, record_id, gateway, now_ns, work, error);
        if (status == CG_OK) {
            space->answers[cg_log_last(space->own.log) - 1].silent = *taken > 0;
            ++*taken;
        }
    }
    return status;
}

cg_status cg_primary_batch(cg_space *space, const uint8_t *payload, size_t size_bytes,
                           uint32_t gateway, uint64_t now_ns, cg_outputs *outputs,
                           cg_error *error) {
    cg_message_batch batch;
    cg_status status = cg_message_batch_decode(payload, size_bytes, &batch, error);
    if (status != CG_OK ||
        cg_primary_decided(space, batch.request_id, gateway, now_ns, outputs, &status, error)) {
        return status;
    }
    uint32_t taken = 0;
    status = take_batch(space, &batch, gateway, now_ns, &taken, &outputs->work, error);
    if (status != CG_OK && !is_refusal(status)) {
        return status;
    }
    if (taken == 0) {
        return cg_primary_reject(space, batch.request_id, CG_REQUEST_BATCH, status, gateway,
                                 now_ns, outputs, error);
    }
    uint64_t last = cg_log_last(space->own.log);
    cg_answer *entry = &space->answers[last - taken];
    entry->last = last;
    entry->reply.request = CG_REQUEST_BATCH;
    entry->reply.count = taken;
    if (taken < batch.count) {
        entry->reply.status = CG_ERROR_PARTIAL;
        cg_error_prefix(error, "%u of %u facts of the batch were stored: ", taken, batch.count);
    }
    return cg_primary_write(space, outputs, error);
}

/* --- answering --- */

cg_status cg_primary_answer(cg_space *space, uint64_t now_ns, cg_outputs *outputs,
                            cg_error *error) {
    cg_node *node = space->node;
    uint64_t safe = space->own.durable_sequence;
    if (cg_node_replicates(node) && node->options.acknowledge == CG_ACKNOWLEDGE_ALL &&
        space->replication.acknowledged_sequence < safe) {
        safe = space->replication.acknowledged_sequence;
    }
    cg_status status = CG_OK;
    while (status == CG_OK && space->answered_sequence < safe &&
           space->answers[space->answered_sequence].last <= safe) {
        cg_answer *entry = &space->answers[space->answered_sequence++];
        entry->answered = true;
        if (!entry->silent && entry->gateway == node->options.host) {
            status = cg_tune_latency(node, entry->began_ns, now_ns, error);
        }
        if (status == CG_OK && !entry->silent) {
            status =
                cg_node_answer(node, &entry->reply, entry->gateway, now_ns, outputs, error);
        }
    }
    return status;
}
