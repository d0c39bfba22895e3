/* The way of a fact at its partition's primary: decide, place, insert, log, learn, answer.
 *
 * Learning comes before the insert because what is known after it is part of the record: the
 * replica takes it from the log and does not learn by itself.
 */
#include <string.h>

#include "engine/node/node_internal.h"

/* What the tiers need to know while a decision reads concept records. */
typedef struct reading {
    cg_node *node;
    cg_work *work;
    cg_status status;
    cg_error *error;
} reading;

enum { NODE_RECORD_BYTES = 64, PATTERN_FIRST_LEVEL = 0, NODE_FIRST_LEVEL = 1 };

/* Rows of the corpus are the same concept in every partition; a partition's own rows are
 * not. */
static uint64_t tier_key(const cg_node *node, uint32_t row) {
    bool shared = row < cg_features_count(node->corpus->features);
    return shared ? row : (uint64_t)(node->own.number + 1) << 32 | row;
}

static void read_through_tiers(void *context, uint32_t row, cg_touch what) {
    reading *read = context;
    if (read->status != CG_OK) {
        return;
    }
    uint32_t last = read->node->options.tier_levels - 1;
    uint32_t first = what == CG_TOUCH_PATTERN ? PATTERN_FIRST_LEVEL : NODE_FIRST_LEVEL;
    uint32_t bytes = what == CG_TOUCH_PATTERN ? cg_features_dims(read->node->corpus->features) *
                                                    (uint32_t)sizeof(int32_t)
                                              : NODE_RECORD_BYTES;
    uint32_t served = 0;
    read->status = cg_tiers_read(read->node->tiers, tier_key(read->node, row), bytes,
                                 first < last ? first : last, &served, read->work, read->error);
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

static cg_status decide(cg_node *node, const cg_message_allocate *message, uint64_t now_ns,
                        cg_decision *decision, cg_work *work, cg_error *error) {
    reading read = {node, work, CG_OK, error};
    cg_knowledge knowledge = cg_partition_knowledge(&node->own);
    knowledge.touched = read_through_tiers;
    knowledge.touched_context = &read;
    cg_fact_view fact = view_of(message, now_ns);
    cg_status status = cg_cascade_decide(&node->options.cascade, &knowledge, &fact,
                                         node->scratch, decision, work, error);
    return status == CG_OK ? read.status : status;
}

/* The exhaustive decision on the same state, uncharged: what the decision should have been. */
static cg_status audit(cg_node *node, const cg_message_allocate *message, uint64_t now_ns,
                       uint32_t winner, cg_reply *reply, cg_error *error) {
    cg_cascade_options exhaustive = node->options.cascade;
    exhaustive.strategy = CG_STRATEGY_DIRECT;
    cg_knowledge knowledge = cg_partition_knowledge(&node->own);
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
static void learn(const cg_node *node, cg_log_record *record, cg_work *work) {
    const cg_lesson *lesson = cg_cascade_lesson(node->scratch);
    record->has_learned = lesson != NULL;
    if (lesson) {
        record->learned = node->own.learned;
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

/* Sends a reply to the gateway, or straight to the client when this host is the gateway. */
static cg_status answer(cg_node *node, const cg_reply *reply, uint32_t gateway, uint64_t now_ns,
                        cg_outputs *outputs, cg_error *error) {
    if (gateway == node->options.host) {
        return cg_node_reply(node, outputs, reply, error);
    }
    uint8_t encoded[CG_MESSAGE_ANSWER_BYTES_MAX];
    size_t bytes = cg_message_answer_encode(reply, encoded);
    uint8_t *payload = NULL;
    cg_status status = cg_node_send(node, outputs, gateway, bytes, &payload, error);
    if (status == CG_OK) {
        memcpy(payload, encoded, bytes);
        cg_node_seal(node, outputs, CG_MESSAGE_ANSWER, now_ns);
    }
    return status;
}

static cg_status turn_down(cg_node *node, uint64_t request_id, cg_status reason,
                           uint32_t gateway, uint64_t now_ns, cg_outputs *outputs,
                           cg_error *error) {
    cg_reply reply = {.request_id = request_id,
                      .status = reason,
                      .host = node->options.host,
                      .slot = CG_SLOT_NONE};
    return answer(node, &reply, gateway, now_ns, outputs, error);
}

/* Turned down for good: however often the request is sent again, it gets this answer. */
static cg_status reject(cg_node *node, uint64_t request_id, cg_status reason, uint32_t gateway,
                        uint64_t now_ns, cg_outputs *outputs, cg_error *error) {
    cg_status status = cg_table_put(node->rejected, request_id, (uint64_t)reason, error);
    return status == CG_OK
               ? turn_down(node, request_id, reason, gateway, now_ns, outputs, error)
               : status;
}

/* Encodes the record into a WRITE output and applies it to the partition. */
static cg_status store(cg_node *node, const cg_log_record *record, cg_outputs *outputs,
                       cg_error *error) {
    cg_output write = {.kind = CG_OUTPUT_WRITE,
                       .id = cg_replicate_token(node->own.number, record->sequence)};
    uint8_t *bytes = NULL;
    size_t size_bytes = cg_log_record_bytes(record);
    cg_status status = cg_outputs_add(outputs, &write, size_bytes, &bytes, error);
    if (status != CG_OK) {
        return status;
    }
    cg_log_record_encode(record, bytes);
    status = cg_partition_apply(&node->own, record, bytes, size_bytes, &outputs->work, error);
    if (status != CG_OK) {
        outputs->count--;
        outputs->bytes_used -= size_bytes;
    }
    return status;
}

/* A request that came before gets the answer it got. While that waits for its record to be
 * safe, a gateway will ask again; a client of this host has no timer here and is told at
 * once. */
static bool decided_before(cg_node *node, uint64_t request_id, uint32_t gateway,
                           uint64_t now_ns, cg_outputs *outputs, cg_status *status,
                           cg_error *error) {
    uint64_t found = 0;
    *status = CG_OK;
    if (cg_table_get(node->own.sequence_of, request_id, &found)) {
        const cg_answer *earlier = &node->answers[found - 1];
        if (earlier->answered) {
            *status = answer(node, &earlier->reply, gateway, now_ns, outputs, error);
        } else if (gateway == node->options.host) {
            (void)cg_error_set(error, CG_ERROR_EXISTS, "request %llu is open at this host",
                               (unsigned long long)request_id);
            *status =
                turn_down(node, request_id, CG_ERROR_EXISTS, gateway, now_ns, outputs, error);
        }
    } else if (cg_table_get(node->rejected, request_id, &found)) {
        (void)cg_error_set(error, (cg_status)found, "request %llu was turned down before: %s",
                           (unsigned long long)request_id, cg_status_name((cg_status)found));
        *status =
            turn_down(node, request_id, (cg_status)found, gateway, now_ns, outputs, error);
    } else {
        return false;
    }
    node->statistics.duplicates++;
    return true;
}

cg_status cg_primary_allocate(cg_node *node, const cg_message_allocate *message,
                              uint32_t gateway, uint64_t now_ns, cg_outputs *outputs,
                              cg_error *error) {
    cg_status status = CG_OK;
    if (decided_before(node, message->request_id, gateway, now_ns, outputs, &status, error)) {
        return status;
    }
    cg_decision decision;
    status = decide(node, message, now_ns, &decision, &outputs->work, error);
    if (status == CG_ERROR_INVALID || status == CG_ERROR_NOT_FOUND) {
        return reject(node, message->request_id, status, gateway, now_ns, outputs, error);
    }
    cg_log_record record = {0};
    if (status == CG_OK) {
        learn(node, &record, &outputs->work);
    }
    uint64_t sequence = cg_log_last(node->own.log) + 1;
    cg_answer entry = {.gateway = gateway,
                       .reply = {.request_id = message->request_id,
                                 .host = node->options.host,
                                 .fact_id = cg_partition_fact_id(node->own.number, sequence)}};
    if (status == CG_OK && (message->flags & CG_REQUEST_AUDIT)) {
        status = audit(node, message, now_ns, decision.winner, &entry.reply, error);
    }
    if (status == CG_OK) {
        status = CG_GROW(&node->allocator, node->answers, node->answers_capacity,
                         (size_t)sequence, error);
    }
    if (status != CG_OK) {
        return status;
    }
    /* A teacher is believed: a labelled fact goes where its label says. */
    bool labelled = (message->flags & CG_REQUEST_LABELLED) != 0;
    record.sequence = sequence;
    record.request_id = message->request_id;
    record.clock = cg_hlc_tick(&node->clock, now_ns);
    record.target = labelled ? message->label : decision.winner;
    record.concept_type = cg_graph_type(node->own.graph, record.target);
    record.dims = message->dims;
    record.dense = message->dense;
    record.sparse = message->sparse;
    record.text = message->text;
    record.text_bytes = message->text_bytes;
    status = store(node, &record, outputs, error);
    if (status == CG_ERROR_FULL) {
        return reject(node, message->request_id, status, gateway, now_ns, outputs, error);
    }
    if (status == CG_OK) { /* what was just written is in the node tier */
        uint32_t row = cg_graph_concept_count(node->own.graph) - 1;
        uint32_t last = node->options.tier_levels - 1;
        status = cg_tiers_fill(node->tiers, tier_key(node, row),
                               NODE_FIRST_LEVEL < last ? NODE_FIRST_LEVEL : last, error);
    }
    if (status != CG_OK) {
        return status;
    }
    fill_reply(&decision, &entry.reply);
    entry.reply.slot = node->own.slots[sequence - 1];
    node->answers[sequence - 1] = entry;
    node->statistics.allocations++;
    return CG_OK;
}

cg_status cg_primary_answer(cg_node *node, uint64_t now_ns, cg_outputs *outputs,
                            cg_error *error) {
    uint64_t safe = node->own.durable_sequence;
    if (cg_node_replicates(node) && node->options.acknowledge == CG_ACKNOWLEDGE_ALL &&
        node->replication.acknowledged_sequence < safe) {
        safe = node->replication.acknowledged_sequence;
    }
    cg_status status = CG_OK;
    while (status == CG_OK && node->answered_sequence < safe) {
        cg_answer *entry = &node->answers[node->answered_sequence++];
        entry->answered = true;
        status = answer(node, &entry->reply, entry->gateway, now_ns, outputs, error);
    }
    return status;
}
