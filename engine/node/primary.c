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
    cg_holding *holding;
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
    cg_node *node = read->holding->space->node;
    uint32_t first =
        what == CG_TOUCH_PATTERN ? PATTERN_FIRST_LEVEL : cg_node_record_level(node);
    uint32_t bytes = what == CG_TOUCH_PATTERN
                         ? cg_features_dims(node->corpus->features) * (uint32_t)sizeof(int32_t)
                         : CG_NODE_RECORD_BYTES;
    uint32_t served = 0;
    read->status =
        cg_tiers_read(node->tiers, cg_node_tier_key(node, read->holding->number, row), bytes,
                      first, &served, read->work, read->error);
}

/* Recent facts have the times of clocks on the wall. */
static cg_fact_view view_of(const cg_message_allocate *message, uint64_t wall_ns) {
    return (cg_fact_view){
        .dense = message->dense,
        .sparse = message->sparse,
        .text = message->text,
        .text_bytes = message->text_bytes,
        .type = CG_TYPE_UNKNOWN,
        .now_ns = wall_ns,
        .has_teacher = (message->flags & CG_REQUEST_LABELLED) != 0,
        .teacher = message->label,
    };
}

/* given: room for those that were gathered. */
static void take_candidates(const cg_message_allocate *message,
                            uint32_t given[CG_MESSAGE_CANDIDATES_MAX],
                            cg_knowledge *knowledge) {
    if (!message->is_gathered) {
        return;
    }
    cg_reader reader = cg_reader_init(message->candidates,
                                      sizeof(uint32_t) * (size_t)message->candidate_count);
    for (uint32_t i = 0; i < message->candidate_count; ++i) {
        given[i] = cg_read_u32(&reader);
    }
    knowledge->given = given;
    knowledge->given_count = message->candidate_count;
}

static cg_status decide(cg_holding *holding, const cg_message_allocate *message,
                        cg_decision *decision, cg_work *work, cg_error *error) {
    cg_node *node = holding->space->node;
    reading read = {holding, work, CG_OK, error};
    cg_knowledge knowledge = cg_partition_knowledge(&holding->partition);
    uint32_t given[CG_MESSAGE_CANDIDATES_MAX];
    take_candidates(message, given, &knowledge);
    knowledge.touched = read_through_tiers;
    knowledge.touched_context = &read;
    cg_fact_view fact = view_of(message, node->wall_ns);
    cg_status status = cg_cascade_decide(&node->options.cascade, &knowledge, &fact,
                                         node->scratch, decision, work, error);
    return status == CG_OK ? read.status : status;
}

/* The exhaustive decision on the same state, uncharged: what the decision should have been. */
static cg_status audit(cg_holding *holding, const cg_message_allocate *message, uint32_t winner,
                       cg_reply *reply, cg_error *error) {
    cg_node *node = holding->space->node;
    cg_cascade_options exhaustive = node->options.cascade;
    exhaustive.strategy = CG_STRATEGY_DIRECT;
    cg_knowledge knowledge = cg_partition_knowledge(&holding->partition);
    cg_fact_view fact = view_of(message, node->wall_ns);
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
static void learn(const cg_holding *holding, cg_log_record *record, cg_work *work) {
    const cg_node *node = holding->space->node;
    const cg_lesson *lesson = cg_cascade_lesson(node->scratch);
    record->has_learned = lesson != NULL;
    if (lesson) {
        record->learned = holding->partition.learned;
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

/* --- deciding, or remembering a decision --- */

static cg_decision_key key_of(const cg_message_allocate *message) {
    return (cg_decision_key){cg_hash_bytes(message->text, message->text_bytes, 1),
                             cg_hash_bytes(message->text, message->text_bytes, 2)};
}

/* Labelled facts are lessons and always decided anew. */
static bool remembered(cg_holding *holding, const cg_message_allocate *message, uint64_t now_ns,
                       cg_reply *reply, cg_work *work) {
    if (!holding->cache || (message->flags & CG_REQUEST_LABELLED)) {
        return false;
    }
    cg_work_count(work, CG_WORK_CACHE, 1, message->text_bytes);
    cg_decision_key key = key_of(message);
    cg_reply found;
    if (!cg_decision_cache_get(holding->cache, &key, now_ns, &found)) {
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

static cg_status remember(cg_holding *holding, const cg_message_allocate *message,
                          uint64_t now_ns, const cg_reply *reply, cg_error *error) {
    if (!holding->cache) {
        return CG_OK;
    }
    if (message->flags & CG_REQUEST_LABELLED) { /* what is known has changed */
        (void)cg_decision_cache_invalidate_all(holding->cache);
        return CG_OK;
    }
    cg_decision_key key = key_of(message);
    return cg_decision_cache_put(holding->cache, &key, reply->winner, now_ns, reply, error);
}

/* Fills what a decision says of the reply, and *record with what was learned. */
static cg_status judge(cg_holding *holding, const cg_message_allocate *message, uint64_t now_ns,
                       cg_reply *reply, cg_log_record *record, cg_work *work, cg_error *error) {
    cg_status status = CG_OK;
    if (!remembered(holding, message, now_ns, reply, work)) {
        cg_decision decision;
        status = decide(holding, message, &decision, work, error);
        if (status != CG_OK) {
            return status;
        }
        learn(holding, record, work);
        fill_reply(&decision, reply);
    }
    if (message->flags & CG_REQUEST_AUDIT) {
        status = audit(holding, message, reply->winner, reply, error);
    }
    return status;
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
    cg_status status = judge(holding, message, now_ns, &reply, &record, work, error);
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
        status = remember(holding, message, now_ns, &reply, error);
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
