/* Searches of an index that is divided over hosts (spec C7, F2, F3).
 *
 * The gateway embeds the text, finds out by itself which shards are likely to have what is near
 * (cg_shards_route), and asks their hosts; its own shard it searches without a message, in a step of
 * its own, so that the others are at work meanwhile. What comes back are candidates, rows with their
 * distances, and not records: the gateway keeps the nearest of all, and
 *
 *   a search      reads their records through its own tiers and answers (gather_answer.c)
 *   an allocation goes to its primary with them: there all candidates compete, in the cascade,
 *                 as if one host had found them (spec A4, F3)
 *
 * Who does not answer is asked again, up to `tries` times; then the answer is made of what has come,
 * CG_ERROR_PARTIAL, and names who is missing. Hosts that membership holds for dead are not asked.
 * Answers name the gather that they are for by a number that no other gather of this host has, in none of
 * its lives; a second answer of the same host, or one that comes too late, changes nothing.
 *
 * Invariant: an open gather has an item that waits, and a timer.
 *
 * Batches are decided as if the index were not divided: each fact of a batch searches all of it where
 * the batch is decided.
 */
#include "engine/node/gather_internal.h"

#include <string.h>

#include "engine/replica/wire.h"

/* More than are wanted, since exact distances order otherwise than those of codes do. */
enum { CANDIDATES_TIMES = 2, CANDIDATES_MORE = 10 };

static uint32_t candidates_of(uint32_t k) {
    return CANDIDATES_TIMES * k + CANDIDATES_MORE;
}

static uint64_t token_of(const cg_node *node, uint32_t number) {
    return node->options.life << 32 | number;
}

/* Candidates that were gathered, as the primary is told them: rows, ascending. */
static cg_status decide_fact(cg_node *node, cg_gather *gather, const cg_item *item,
                             cg_error *error) {
    cg_message_allocate message;
    uint8_t rows[CG_MESSAGE_CANDIDATES_MAX * sizeof(uint32_t)];
    uint32_t sorted[CG_MESSAGE_CANDIDATES_MAX];
    uint32_t count = 0;
    for (; count < gather->hit_count && count < CG_MESSAGE_CANDIDATES_MAX; ++count) {
        uint32_t at = count;
        for (; at > 0 && sorted[at - 1] > gather->hits[count].row; --at) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = gather->hits[count].row;
    }
    cg_writer writer = cg_writer_init(rows, sizeof rows);
    for (uint32_t i = 0; i < count; ++i) {
        cg_write_u32(&writer, sorted[i]);
    }
    cg_status status = cg_message_allocate_decode(gather->fact, gather->fact_bytes,
                                                  node->buffers, &message, error);
    if (status == CG_OK) {
        message.is_gathered = true;
        message.candidate_count = count;
        message.candidates = rows;
        status = cg_gateway_gathered(node, item, &message, node->outputs, error);
    }
    return status;
}

static cg_status answer_search(cg_node *node, const cg_gather *gather, const cg_item *item,
                               cg_error *error) {
    cg_gather_outcome outcome = {.vector = gather->vector,
                                 .hits = gather->hits,
                                 .count = gather->hit_count,
                                 .asked = gather->part_count,
                                 .missing = gather->part_count - gather->answered,
                                 .is_audited = gather->is_audited};
    for (uint32_t i = 0; i < gather->part_count; ++i) {
        const cg_gather_part *part = &gather->parts[i];
        bool is_named = !part->is_answered && part->shard < 64;
        outcome.missing_hosts |= is_named ? UINT64_C(1) << part->shard : 0;
    }
    return cg_gather_answer(node, item, &outcome, error);
}

static cg_status finish(cg_node *node, cg_gather *gather, cg_error *error) {
    cg_item *item = cg_item_of_ticket(node, gather->ticket);
    cg_status status = CG_OK;
    node->statistics.gather_partial += gather->answered < gather->part_count;
    if (item) {
        status = gather->is_fact ? decide_fact(node, gather, item, error)
                                 : answer_search(node, gather, item, error);
        item->pending = false;
        if (status == CG_OK && item != node->reading) {
            status = cg_item_settle(node, item, error);
        }
    }
    cg_gather_close(node, gather);
    return status;
}

/* --- asking --- */

/* The entries that are the shard's own, into rows. Returns how many. */
static uint32_t entries_of(const cg_node *node, const cg_gather *gather, uint32_t shard,
                           uint32_t *rows) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < gather->entry_count; ++i) {
        if (cg_shards_owner(node->options.gather.shards, gather->entries[i]) == shard) {
            rows[count++] = gather->entries[i];
        }
    }
    return count;
}

static cg_status ask(cg_node *node, const cg_gather *gather, uint32_t shard, cg_error *error) {
    struct cg_gathers *all = node->gathers;
    cg_gather_ask question = {
        .token = token_of(node, gather->number),
        .k = gather->k,
        .ef = gather->ef,
        .flags = node->options.gather.whole_records ? CG_GATHER_WHOLE : 0,
        .dims = cg_features_dims(node->corpus->features),
        .entry_count = entries_of(node, gather, shard, all->rows),
    };
    size_t bytes = cg_gather_ask_bytes(question.dims, question.entry_count);
    cg_status status =
        CG_GROW(&node->allocator, all->payload, all->payload_capacity, bytes, error);
    if (status == CG_OK) {
        cg_gather_ask_encode(&question, gather->vector, all->rows, all->payload);
        node->statistics.gather_bytes += CG_WIRE_HEADER_BYTES + bytes;
        status =
            all->port.send(all->port.context, shard, CG_GATHER_ASK, all->payload, bytes, error);
    }
    return status;
}

/* Timers of a gather: twice its number, and 1 more for the one that searches the own shard. */
static cg_status set_timer(cg_node *node, const cg_gather *gather, bool is_local,
                           uint64_t at_ns, cg_error *error) {
    const cg_port *port = &node->gathers->port;
    return port->timer(port->context, (uint64_t)gather->number * 2 + is_local, at_ns, error);
}

static cg_status ask_all(cg_node *node, cg_gather *gather, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < gather->part_count; ++i) {
        const cg_gather_part *part = &gather->parts[i];
        if (!part->is_answered && part->shard != node->options.host &&
            cg_membership_reaches(node, part->shard)) {
            status = ask(node, gather, part->shard, error);
            node->statistics.gather_retries += gather->tries > 0;
        }
    }
    gather->tries++;
    return status == CG_OK ? set_timer(node, gather, false,
                                       node->now_ns + node->options.gather.timeout_ns, error)
                           : status;
}

/* Whether there is somebody to wait for. */
static bool is_awaited(const cg_node *node, const cg_gather *gather) {
    for (uint32_t i = 0; i < gather->part_count; ++i) {
        if (!gather->parts[i].is_answered &&
            (gather->parts[i].shard == node->options.host ||
             cg_membership_reaches(node, gather->parts[i].shard))) {
            return true;
        }
    }
    return false;
}

/* What a shard has found; the last one's answer ends the gather. */
static cg_status take(cg_node *node, cg_gather *gather, uint32_t shard,
                      const cg_index_hit *hits, uint32_t count, cg_error *error) {
    cg_gather_part *part = NULL;
    for (uint32_t i = 0; i < gather->part_count && !part; ++i) {
        part = gather->parts[i].shard == shard ? &gather->parts[i] : NULL;
    }
    if (!part || part->is_answered) {
        node->statistics.gather_late++;
        return CG_OK;
    }
    part->is_answered = true;
    gather->answered++;
    cg_shard_hits_merge(gather->hits, &gather->hit_count, gather->k, hits, count);
    return is_awaited(node, gather) ? CG_OK : finish(node, gather, error);
}

static cg_status search_shard(cg_node *node, const cg_shard_query *query,
                              cg_shard_entries entries, uint32_t *count, cg_error *error) {
    struct cg_gathers *all = node->gathers;
    return cg_shards_search(node->options.gather.shards, node->options.host, query, entries,
                            all->scratch, all->found, count, &node->outputs->work, error);
}

static cg_status search_own(cg_node *node, cg_gather *gather, cg_error *error) {
    struct cg_gathers *all = node->gathers;
    const cg_shard_query query = {.vector = gather->vector,
                                  .k = gather->k,
                                  .ef = gather->ef,
                                  .entries = node->options.gather.entries};
    uint32_t entries = entries_of(node, gather, node->options.host, all->rows);
    uint32_t count = 0;
    cg_status status =
        search_shard(node, &query, (cg_shard_entries){all->rows, entries}, &count, error);
    return status == CG_OK ? take(node, gather, node->options.host, all->found, count, error)
                           : status;
}

/* --- a gather from its vector on --- */

static cg_status copy_route(cg_node *node, cg_gather *gather, cg_error *error) {
    const cg_shard_route *route = &node->gathers->route;
    const cg_allocator *allocator = &node->allocator;
    cg_status status =
        CG_GROW(allocator, gather->parts, gather->parts_capacity, route->count, error);
    if (status == CG_OK && route->entry_count > 0) {
        status = CG_GROW(allocator, gather->entries, gather->entries_capacity,
                         route->entry_count, error);
    }
    if (status == CG_OK) {
        status = CG_GROW(allocator, gather->hits, gather->hits_capacity, gather->k, error);
    }
    if (status != CG_OK) {
        return status;
    }
    gather->part_count = route->count;
    gather->entry_count = route->entry_count;
    for (uint32_t i = 0; i < route->count; ++i) {
        gather->parts[i] = (cg_gather_part){.shard = route->shards[i]};
    }
    for (uint32_t i = 0; i < route->entry_count; ++i) {
        gather->entries[i] = route->entries[i].row;
    }
    return CG_OK;
}

/* Asks whoever is to be asked. The gather may have ended when this returns. */
static cg_status begin(cg_node *node, cg_gather *gather, const float *vector, cg_error *error) {
    const cg_node_gather_options *options = &node->options.gather;
    const uint32_t dims = cg_features_dims(node->corpus->features);
    const cg_shard_query query = {.vector = vector,
                                  .k = gather->k,
                                  .ef = gather->ef,
                                  .entries = options->entries,
                                  .slack = options->whole_records ? CG_SHARD_SLACK_ALL
                                                                  : options->slack};
    cg_status status =
        CG_GROW(&node->allocator, gather->vector, gather->vector_capacity, dims, error);
    if (status == CG_OK) {
        memcpy(gather->vector, vector, dims * sizeof *vector);
        status = cg_shards_route(options->shards, &query, node->gathers->scratch,
                                 &node->gathers->route, &node->outputs->work, error);
    }
    if (status == CG_OK) {
        status = copy_route(node, gather, error);
    }
    if (status != CG_OK) {
        return status;
    }
    node->statistics.gathers++;
    node->statistics.gather_shards += gather->part_count;
    bool has_own = false;
    bool has_others = false;
    for (uint32_t i = 0; i < gather->part_count; ++i) {
        bool is_own = gather->parts[i].shard == node->options.host;
        has_own = has_own || is_own;
        has_others = has_others || !is_own;
    }
    if (!has_others) {
        return search_own(node, gather, error);
    }
    status = ask_all(node, gather, error);
    if (status == CG_OK && has_own) {
        status = set_timer(node, gather, true, node->now_ns, error);
    }
    return status == CG_OK && !is_awaited(node, gather) ? finish(node, gather, error) : status;
}

/* A gather for the item that this step runs. */
static cg_status start(cg_node *node, cg_item *item, const float *vector, cg_gather *gather,
                       cg_error *error) {
    item->pending = true;
    node->reading = item;
    gather->ticket = cg_item_ticket(node, item);
    gather->is_audited = (item->event.flags & CG_REQUEST_AUDIT) != 0;
    cg_status status = begin(node, gather, vector, error);
    node->reading = NULL;
    return status;
}

/* Every host has the whole index. */
static cg_status search_whole(cg_node *node, const cg_item *item, const float *vector,
                              cg_error *error) {
    struct cg_gathers *all = node->gathers;
    const cg_index_query query = {.vector = vector,
                                  .k = candidates_of(node->options.gather.k),
                                  .ef = node->options.gather.ef};
    uint32_t count = 0;
    cg_status status = cg_index_search(node->corpus->index, &query, all->index_scratch,
                                       all->found, &count, &node->outputs->work, error);
    if (status != CG_OK) {
        return status;
    }
    const cg_gather_outcome outcome = {.vector = vector,
                                       .hits = all->found,
                                       .count = count,
                                       .is_audited =
                                           (item->event.flags & CG_REQUEST_AUDIT) != 0};
    return cg_gather_answer(node, item, &outcome, error);
}

cg_status cg_gather_search(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error) {
    const cg_event *event = &item->event;
    cg_message_allocate message;
    cg_status status = CG_OK;
    if (!node->gathers) {
        status = cg_gather_alloc_now(node, error);
    }
    if (status != CG_OK) {
        return status;
    }
    node->statistics.searches++;
    status = cg_gateway_read(node, event, (const char *)event->bytes, event->size_bytes,
                             &message, &outputs->work, error);
    if (status == CG_ERROR_MEMORY) {
        return status;
    }
    if (status != CG_OK) {
        return cg_node_refuse(node, event, status, outputs, error);
    }
    if (!node->options.gather.shards) {
        return search_whole(node, item, message.dense, error);
    }
    cg_gather *gather = NULL;
    status = cg_gather_open(node, &gather, error);
    if (status != CG_OK) {
        return status;
    }
    gather->is_fact = false;
    gather->k = candidates_of(node->options.gather.k);
    gather->ef = node->options.gather.ef;
    return start(node, item, message.dense, gather, error);
}

cg_status cg_gather_fact(cg_node *node, cg_item *item, const cg_message_allocate *message,
                         cg_error *error) {
    const cg_cascade_options *cascade = &node->options.cascade;
    if (cascade->strategy == CG_STRATEGY_DIRECT) { /* compares all records, and asks no index */
        return cg_gateway_gathered(node, item, message, node->outputs, error);
    }
    cg_gather *gather = NULL;
    cg_status status = cg_gather_open(node, &gather, error);
    if (status != CG_OK) {
        return status;
    }
    gather->is_fact = true;
    gather->k = cascade->neighbours;
    gather->ef = cascade->ef < CG_GATHER_EF_MAX ? cascade->ef : (uint32_t)CG_GATHER_EF_MAX;
    gather->fact_bytes = cg_message_allocate_bytes(message);
    status = CG_GROW(&node->allocator, gather->fact, gather->fact_capacity, gather->fact_bytes,
                     error);
    if (status != CG_OK) {
        return status;
    }
    cg_message_allocate_encode(message, gather->fact);
    return start(node, item, message->dense, gather, error);
}

/* --- being asked, and answered --- */

static cg_status on_ask(cg_node *node, const cg_protocol_message *message, cg_error *error) {
    struct cg_gathers *all = node->gathers;
    cg_gather_ask question;
    cg_status status =
        cg_gather_ask_decode(message->payload, message->size_bytes, &question, error);
    if (status == CG_OK && question.dims != cg_features_dims(node->corpus->features)) {
        status = CG_ERROR_CORRUPT;
    }
    if (status != CG_OK) {
        return status;
    }
    cg_gather_ask_read(&question, all->vector, all->rows);
    const cg_shard_query query = {.vector = all->vector,
                                  .k = question.k,
                                  .ef = question.ef,
                                  .entries = node->options.gather.entries};
    uint32_t count = 0;
    status = search_shard(node, &query, (cg_shard_entries){all->rows, question.entry_count},
                          &count, error);
    if (status != CG_OK) { /* a vector that is none */
        return status == CG_ERROR_INVALID ? CG_ERROR_CORRUPT : status;
    }
    bool is_whole = (question.flags & CG_GATHER_WHOLE) != 0;
    const cg_features *features = is_whole ? node->corpus->features : NULL;
    size_t bytes = cg_gather_found_bytes(all->found, count, features);
    status = CG_GROW(&node->allocator, all->payload, all->payload_capacity, bytes, error);
    for (uint32_t i = 0; status == CG_OK && is_whole && i < count; ++i) {
        uint32_t served = 0;
        status = cg_tiers_read(
            node->tiers, all->found[i].row, question.dims * (uint32_t)sizeof(float),
            cg_node_record_level(node), &served, &node->outputs->work, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_gather_found_encode(question.token, all->found, count, features, all->payload);
    node->statistics.gather_bytes += CG_WIRE_HEADER_BYTES + bytes;
    return all->port.send(all->port.context, message->from,
                          is_whole ? CG_GATHER_RECORDS : CG_GATHER_CANDIDATES, all->payload,
                          bytes, error);
}

/* Nobody may speak of rows that are not his. */
static bool are_own(const cg_node *node, uint32_t from, const cg_index_hit *hits,
                    uint32_t count) {
    const uint32_t rows = cg_index_count(node->corpus->index);
    for (uint32_t i = 0; i < count; ++i) {
        if (hits[i].row >= rows ||
            cg_shards_owner(node->options.gather.shards, hits[i].row) != from) {
            return false;
        }
    }
    return true;
}

static cg_status on_found(cg_node *node, const cg_protocol_message *message, cg_error *error) {
    struct cg_gathers *all = node->gathers;
    uint64_t token = 0;
    uint32_t count = 0;
    cg_status status = cg_gather_found_decode((cg_gather_type)message->type, message->payload,
                                              message->size_bytes, node->buffers, &token,
                                              all->found, &count, error);
    if (status != CG_OK) {
        return status;
    }
    if (!are_own(node, message->from, all->found, count)) {
        return CG_ERROR_CORRUPT;
    }
    uint32_t number = (uint32_t)token;
    cg_gather *gather = token == token_of(node, number) ? cg_gather_of(node, number) : NULL;
    if (!gather) {
        node->statistics.gather_late++;
        return CG_OK;
    }
    return take(node, gather, message->from, all->found, count, error);
}

cg_status cg_gather_message(cg_node *node, const cg_protocol_message *message,
                            cg_error *error) {
    if (!node->options.gather.shards || message->owner != 0) {
        return CG_ERROR_CORRUPT;
    }
    switch (message->type) {
    case CG_GATHER_ASK:
        return on_ask(node, message, error);
    case CG_GATHER_CANDIDATES:
    case CG_GATHER_RECORDS:
        return on_found(node, message, error);
    default:
        return CG_ERROR_CORRUPT;
    }
}

cg_status cg_gather_timer(cg_node *node, uint32_t number, cg_error *error) {
    cg_gather *gather = cg_gather_of(node, number / 2);
    if (!gather) {
        return CG_OK; /* ended */
    }
    if (number % 2 == 1) {
        return search_own(node, gather, error);
    }
    return gather->tries < node->options.gather.tries && is_awaited(node, gather)
               ? ask_all(node, gather, error)
               : finish(node, gather, error);
}
