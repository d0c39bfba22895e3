/* What a fact is, as its partition's primary sees it: the cascade's decision, read through the memory
 * tiers, or one that is remembered of the same text.
 *
 * Learning comes before the insert because what is known after it is part of the record: the replica
 * takes it from the log and does not learn by itself.
 */
#include <string.h>

#include "engine/base/hash.h"
#include "engine/node/node_internal.h"

/* --- deciding --- */

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

/* --- remembering --- */

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

cg_status cg_primary_remember(cg_holding *holding, const cg_message_allocate *message,
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

/* --- both --- */

cg_status cg_primary_judge(cg_holding *holding, const cg_message_allocate *message,
                           uint64_t now_ns, cg_reply *reply, cg_log_record *record,
                           cg_work *work, cg_error *error) {
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
