/* Requests of this host's clients: check, embed, forward to the partition's primary, try again,
 * answer. Recalls and spreads are served here: every host has the whole graph.
 *
 * The vector is made once, here, and travels with the fact, so no two hosts can disagree about
 * it. A try that is not answered in time is sent again, waiting longer each time; the primary
 * recognises the request id, so trying again never applies a fact twice. After the last try the
 * client is told that the outcome is unknown (CG_ERROR_TIMEOUT).
 */
#include <string.h>

#include "engine/base/bug.h"
#include "engine/base/bytes.h"
#include "engine/node/node_internal.h"
#include "engine/replica/wire.h"

static uint64_t backoff_ns(const cg_node *node, uint32_t tries) {
    uint32_t doublings = tries - 1;
    if (doublings > CG_NODE_BACKOFF_DOUBLINGS) {
        doublings = CG_NODE_BACKOFF_DOUBLINGS;
    }
    uint64_t wait_ns = tries == 0 ? 0 : node->options.retry_ns << doublings;
#ifdef CORTIGRID_BUGS
    if (CG_BUG(BACKOFF_UNSEEDED)) {
        wait_ns += cg_bug_wall_ns() % node->options.retry_ns;
    }
#endif
    return wait_ns;
}

/* The partition that is decided here and now, without a message: where nobody else can be its
 * primary. */
static cg_holding *decided_here(const cg_node *node, uint32_t partition) {
    if (node->options.fails_over ||
        cg_node_primary_of(partition, node->options.hosts) != node->options.host) {
        return NULL;
    }
    cg_holding *holding = cg_node_holding(node, partition);
    return cg_holding_serves(holding) ? holding : NULL;
}

/* Whom to ask next: the primary, as far as it is known; where that did not answer, and nobody has named
 * a newer one, the next host that keeps the partition. */
static uint32_t whom_to_ask(const cg_node *node, cg_pending *pending) {
    const cg_node_options *options = &node->options;
    uint64_t epoch = 0;
    uint32_t primary = cg_groups_primary(node, pending->partition, &epoch);
    bool is_news = pending->tries == 0 || epoch > pending->epoch;
    pending->epoch = epoch;
    if (is_news || !options->fails_over || options->replicas == 0) {
        return primary;
    }
    uint32_t n = 0;
    while (n < options->replicas &&
           cg_node_keeper_of(pending->partition, node->options.hosts, n) != pending->asked) {
        n++;
    }
    uint32_t next = primary;
    for (uint32_t i = 1; i <= options->replicas + 1; ++i) {
        next = cg_node_keeper_of(pending->partition, node->options.hosts,
                                 (n + i) % (options->replicas + 1));
        if (cg_membership_reaches(node, next)) {
            break;
        }
    }
    return next;
}

static bool any_is_reached(const cg_node *node, uint32_t partition) {
    for (uint32_t n = 0; n <= node->options.replicas; ++n) {
        if (cg_membership_reaches(node, cg_node_keeper_of(partition, node->options.hosts, n))) {
            return true;
        }
    }
    return false;
}

static cg_status give_up(cg_node *node, cg_pending *pending, cg_status reason,
                         cg_outputs *outputs, cg_error *error);

/* Sends one more try, and sets its timer. */
static cg_status send_try(cg_node *node, cg_pending *pending, uint64_t now_ns,
                          cg_outputs *outputs, cg_error *error) {
    uint8_t *payload = NULL;
    if (!any_is_reached(node, pending->partition)) {
        return give_up(node, pending, CG_ERROR_UNREACHABLE, outputs, error);
    }
    uint32_t before = pending->asked;
    pending->asked = whom_to_ask(node, pending);
    pending->asked_others |= pending->tries > 0 && pending->asked != before;
    cg_status status =
        cg_node_send(node, outputs, pending->asked, pending->payload_bytes, &payload, error);
    if (status != CG_OK) {
        return status;
    }
    memcpy(payload, pending->payload, pending->payload_bytes);
    cg_node_seal(node, outputs, pending->type);
    uint64_t wait_ns = node->options.timeout_ns + backoff_ns(node, pending->tries);
    pending->tries++;
    uint64_t timer = pending->request_id | (uint64_t)pending->tries << CG_NODE_TIMER_TRY_SHIFT;
    return cg_node_set_timer(outputs, timer, now_ns + wait_ns, error);
}

/* Room for a message of `bytes` to a request's primary, to be written at (*out)->payload. */
static cg_status open_pending(cg_node *node, const cg_event *event, uint16_t type, size_t bytes,
                              cg_pending **out, cg_error *error) {
    const uint64_t request_id = event->id;
    bool reuses = node->pending_free > 0;
    size_t entry = reuses ? node->pending_free - 1 : node->pending_used;
    cg_status status =
        CG_GROW(&node->allocator, node->pending, node->pending_capacity, entry + 1, error);
    if (status != CG_OK) {
        return status;
    }
    uint8_t *payload = cg_allocate(&node->allocator, bytes, 1);
    if (!payload) {
        cg_error_set(error, CG_ERROR_MEMORY, "no memory for a request of %zu bytes", bytes);
        return CG_ERROR_MEMORY;
    }
    status = cg_table_put(node->pending_of, request_id, entry, error);
    if (status != CG_OK) {
        cg_deallocate(&node->allocator, payload, bytes, 1);
        return status;
    }
    if (reuses) {
        node->pending_free = node->pending[entry].next_free;
    } else {
        node->pending_used++;
    }
    node->pending[entry] =
        (cg_pending){.request_id = request_id,
                     .began_ns = node->began_ns,
                     .partition = cg_node_partition_about(node, event, request_id),
                     .type = type,
                     .payload = payload,
                     .payload_bytes = bytes};
    node->pending_open++;
    node->pending_bytes += bytes;
    *out = &node->pending[entry];
    return CG_OK;
}

static void close_pending(cg_node *node, cg_pending *pending) {
    cg_table_remove(node->pending_of, pending->request_id);
    cg_deallocate(&node->allocator, pending->payload, pending->payload_bytes, 1);
    node->pending_open--;
    node->pending_bytes -= pending->payload_bytes;
    *pending = (cg_pending){.next_free = node->pending_free};
    node->pending_free = (size_t)(pending - node->pending) + 1;
}

/* A fact that nothing speaks for would go somewhere all the same, by noise. */
static cg_status check_known(const cg_space *space, const char *text, size_t text_bytes,
                             cg_work *work, cg_error *error) {
    const cg_node *node = space->node;
    for (uint32_t i = 0; i < node->embedding->count; ++i) {
        if (cg_vocabulary_frequency(space->vocabulary, node->embedding->features[i]) > 0) {
            return CG_OK;
        }
    }
    cg_cues cues;
    cg_cues_find(node->corpus->lemmas, text, text_bytes, &cues, work);
    if (cg_lexicon_knows(node->corpus->lexicon, &cues)) {
        return CG_OK;
    }
    return cg_error_set(
        error, CG_ERROR_INVALID,
        "the graph knows none of the text's words, and no phrase or ending of it, so "
        "nothing speaks for any concept");
}

/* Embeds the text with the document frequencies of all that this host has taken before. The vector
 * travels and is logged, so hosts need not agree about frequencies. */
cg_status cg_gateway_read(cg_node *node, const cg_event *event, const char *text,
                          size_t text_bytes, cg_message_allocate *message, cg_work *work,
                          cg_error *error) {
    const cg_space *space = &node->spaces[event->space];
    cg_status status =
        cg_embed_with(space->vocabulary, text, text_bytes, node->embedding, work, error);
    if (status == CG_OK) {
        status = check_known(space, text, text_bytes, work, error);
    }
    if (status != CG_OK) {
        cg_error_prefix(error, "request %llu: ", (unsigned long long)event->id);
        return status;
    }
    *message = (cg_message_allocate){
        .request_id = event->id,
        .flags = event->flags,
        .label = event->label,
        .dims = cg_features_dims(node->corpus->features),
        .dense = node->embedding->dense,
        .sparse = cg_embedding_sparse(node->embedding),
        .text = text,
        .text_bytes = (uint32_t)text_bytes,
        .client = event->client,
        .priority = event->priority,
        .space = event->space,
    };
    return CG_OK;
}

/* A fact that was taken, or sent on, counts as a document; one that was refused does not. */
static cg_status count_text(cg_space *space, const char *text, size_t text_bytes, cg_work *work,
                            cg_error *error) {
    cg_work_count(work, CG_WORK_TOKENISE, 1, text_bytes);
    return cg_vocabulary_add(space->vocabulary, text, text_bytes, error);
}

cg_status cg_gateway_request(cg_node *node, const cg_event *event, cg_outputs *outputs,
                             cg_error *error) {
    node->statistics.requests++;
    if ((unsigned)event->request < CG_REQUEST_KIND_COUNT) {
        node->statistics.requests_of[event->request]++;
    }
    cg_status status = cg_gateway_check(node, event, error);
    if (status != CG_OK) { /* the reply's status; the sentence stays in error */
        return cg_node_refuse(node, event, status, outputs, error);
    }
    node->spaces[event->space].requests++;
    return cg_admit(node, event, event->id, 0, CG_NODE_DIRECT, outputs, error);
}

/* A fact that has been read: decided here, or on its way to the primary. */
static cg_status pass_on(cg_node *node, const cg_event *event,
                         const cg_message_allocate *message, cg_outputs *outputs,
                         cg_error *error) {
    cg_space *space = &node->spaces[event->space];
    cg_holding *here = decided_here(node, cg_node_partition_about(node, event, event->id));
    if (here) {
        uint64_t before = node->statistics.allocations;
        cg_status status =
            cg_primary_allocate(here, message, CG_NODE_DIRECT, event->now_ns, outputs, error);
        bool taken = status == CG_OK && node->statistics.allocations > before;
        return taken ? count_text(space, message->text, message->text_bytes, &outputs->work,
                                  error)
                     : status;
    }
    cg_pending *pending = NULL;
    cg_status status = open_pending(node, event, CG_MESSAGE_ALLOCATE,
                                    cg_message_allocate_bytes(message), &pending, error);
    if (status == CG_OK) {
        cg_message_allocate_encode(message, pending->payload);
        status = count_text(space, message->text, message->text_bytes, &outputs->work, error);
    }
    return status == CG_OK ? send_try(node, pending, event->now_ns, outputs, error) : status;
}

cg_status cg_gateway_allocate(cg_node *node, cg_item *item, cg_outputs *outputs,
                              cg_error *error) {
    const cg_event *event = &item->event;
    cg_message_allocate message;
    cg_status status = cg_gateway_read(node, event, (const char *)event->bytes,
                                       event->size_bytes, &message, &outputs->work, error);
    if (status == CG_ERROR_MEMORY) {
        return status;
    }
    if (status != CG_OK) {
        return cg_node_refuse(node, event, status, outputs, error);
    }
    return cg_gather_is_wanted(node) ? cg_gather_fact(node, item, &message, error)
                                     : pass_on(node, event, &message, outputs, error);
}

cg_status cg_gateway_gathered(cg_node *node, const cg_item *item,
                              const cg_message_allocate *message, cg_outputs *outputs,
                              cg_error *error) {
    cg_event event = item->event;
    event.now_ns = node->now_ns;
    node->began_ns = item->arrived_ns;
    return pass_on(node, &event, message, outputs, error);
}

/* --- batches --- */

/* Adds one fact to the batch message that is being made at node->batch. */
static cg_status add_to_batch(cg_node *node, const cg_message_allocate *fact, size_t *used,
                              cg_error *error) {
    size_t bytes = cg_message_allocate_bytes(fact);
    cg_status status = CG_GROW(&node->allocator, node->batch, node->batch_capacity,
                               *used + sizeof(uint32_t) + bytes, error);
    if (status == CG_OK) {
        cg_writer writer = cg_writer_init(node->batch + *used, sizeof(uint32_t));
        cg_write_u32(&writer, (uint32_t)bytes);
        cg_message_allocate_encode(fact, node->batch + *used + sizeof(uint32_t));
        *used += sizeof(uint32_t) + bytes;
    }
    return status;
}

/* The whole batch as a message, at node->batch; all or nothing: one bad fact refuses it. */
static cg_status make_batch(cg_node *node, const cg_event *event, size_t *used, cg_work *work,
                            cg_error *error) {
    cg_message_batch batch = {.request_id = event->id,
                              .client = event->client,
                              .priority = event->priority,
                              .space = event->space};
    *used = CG_MESSAGE_BATCH_PREFIX_BYTES;
    cg_reader reader = cg_reader_init(event->bytes, event->size_bytes);
    cg_status status = CG_OK;
    for (; status == CG_OK && cg_reader_left(&reader) > 0; ++batch.count) {
        uint32_t text_bytes = cg_read_u32(&reader);
        const char *text = (const char *)cg_read_bytes(&reader, text_bytes);
        cg_message_allocate fact;
        status = cg_gateway_read(node, event, text, text_bytes, &fact, work, error);
        if (status == CG_OK) {
            fact.flags = 0; /* facts of a batch carry no labels and are not audited */
            status = add_to_batch(node, &fact, used, error);
        } else if (status != CG_ERROR_MEMORY) {
            cg_error_prefix(error, "fact %u of the batch: ", batch.count + 1);
        }
    }
    if (status == CG_OK && *used > CG_WIRE_PAYLOAD_BYTES_MAX) {
        status = cg_error_set(
            error, CG_ERROR_INVALID,
            "request %llu: a batch that makes a message of %zu bytes; at most "
            "%d travel, so send its %u facts in parts",
            (unsigned long long)event->id, *used, CG_WIRE_PAYLOAD_BYTES_MAX, batch.count);
    }
    if (status == CG_OK) {
        cg_message_batch_encode_prefix(&batch, node->batch);
    }
    return status;
}

static cg_status count_batch(cg_space *space, const cg_event *event, cg_work *work,
                             cg_error *error) {
    cg_reader reader = cg_reader_init(event->bytes, event->size_bytes);
    cg_status status = CG_OK;
    while (status == CG_OK && cg_reader_left(&reader) > 0) {
        uint32_t text_bytes = cg_read_u32(&reader);
        const char *text = (const char *)cg_read_bytes(&reader, text_bytes);
        status = count_text(space, text, text_bytes, work, error);
    }
    return status;
}

cg_status cg_gateway_batch(cg_node *node, const cg_event *event, cg_outputs *outputs,
                           cg_error *error) {
    cg_space *space = &node->spaces[event->space];
    size_t bytes = 0;
    cg_status status = make_batch(node, event, &bytes, &outputs->work, error);
    if (status == CG_ERROR_MEMORY) {
        return status;
    }
    if (status != CG_OK) {
        return cg_node_refuse(node, event, status, outputs, error);
    }
    cg_holding *here = decided_here(node, cg_node_partition_about(node, event, event->id));
    if (here) {
        uint64_t before = node->statistics.allocations;
        status = cg_primary_batch(here, node->batch, bytes, CG_NODE_DIRECT, event->now_ns,
                                  outputs, error);
        bool taken = status == CG_OK && node->statistics.allocations > before;
        return taken ? count_batch(space, event, &outputs->work, error) : status;
    }
    cg_pending *pending = NULL;
    status = open_pending(node, event, CG_MESSAGE_BATCH, bytes, &pending, error);
    if (status == CG_OK) {
        memcpy(pending->payload, node->batch, bytes);
        status = count_batch(space, event, &outputs->work, error);
    }
    return status == CG_OK ? send_try(node, pending, event->now_ns, outputs, error) : status;
}

/* --- removals and gets --- */

/* The fact is where the request that allocated it went. */
cg_status cg_gateway_about(cg_node *node, cg_item *item, cg_outputs *outputs, cg_error *error) {
    const cg_event *event = &item->event;
    cg_message_about message = {.request_id = event->id,
                                .target = event->target,
                                .client = event->client,
                                .priority = event->priority,
                                .space = event->space,
                                .flags = event->flags,
                                .after = event->after};
    bool removes = event->request == CG_REQUEST_DEALLOCATE;
    cg_holding *here = decided_here(node, cg_node_partition_about(node, event, event->id));
    if (here && removes) {
        return cg_remove_begin(node, item, &message, event->now_ns, outputs, error);
    }
    cg_reply reply;
    if (!removes && cg_primary_get_near(node, &message, &reply, &outputs->work)) {
        reply.tries = 1;
        return cg_node_reply(node, outputs, &reply, error);
    }
    if (here) {
        item->removal = message;
        return cg_primary_get(here, item, error);
    }
    cg_pending *pending = NULL;
    cg_status status = open_pending(node, event, removes ? CG_MESSAGE_REMOVE : CG_MESSAGE_GET,
                                    CG_MESSAGE_ABOUT_BYTES, &pending, error);
    if (status != CG_OK) {
        return status;
    }
    cg_message_about_encode(&message, pending->payload);
    return send_try(node, pending, event->now_ns, outputs, error);
}

/* --- answers and timeouts --- */

/* Whether the host may have decided a request of the partition. */
static bool is_keeper(const cg_node *node, uint32_t partition, uint32_t host) {
    for (uint32_t n = 0; n <= node->options.replicas; ++n) {
        if (cg_node_keeper_of(partition, node->options.hosts, n) == host) {
            return true;
        }
    }
    return false;
}

cg_status cg_gateway_answer(cg_node *node, const cg_reply *reply, uint32_t from,
                            uint64_t now_ns, cg_outputs *outputs, cg_error *error) {
    uint64_t entry = 0;
    if (!cg_table_get(node->pending_of, reply->request_id, &entry)) {
        return CG_OK; /* answered before, or given up */
    }
    cg_pending *pending = &node->pending[entry];
    if (!is_keeper(node, pending->partition, from) || reply->host != from) {
        node->statistics.messages_refused++; /* only a primary of the partition may answer */
        return CG_OK;
    }
    cg_reply final = *reply;
    final.tries = pending->tries;
    /* Where each side of a split has a primary of its own, one that refuses does not know what another
     * has done. */
    bool is_refusal = reply->status != CG_OK && reply->status != CG_ERROR_PARTIAL;
    if (is_refusal && pending->asked_others && pending->type != CG_MESSAGE_GET &&
        node->options.acknowledge == CG_ACKNOWLEDGE_PRIMARY) {
        final.status = CG_ERROR_TIMEOUT;
    }
    cg_status status = cg_tune_latency(node, pending->began_ns, now_ns, error);
    close_pending(node, pending);
    return status == CG_OK ? cg_node_reply(node, outputs, &final, error) : status;
}

static cg_request_kind kind_of(const cg_pending *pending) {
    return pending->type == CG_MESSAGE_BATCH    ? CG_REQUEST_BATCH
           : pending->type == CG_MESSAGE_REMOVE ? CG_REQUEST_DEALLOCATE
           : pending->type == CG_MESSAGE_GET    ? CG_REQUEST_GET
                                                : CG_REQUEST_ALLOCATE;
}

static cg_status try_again(cg_node *node, cg_pending *pending, uint64_t now_ns,
                           cg_outputs *outputs, cg_error *error) {
    if (pending->tries < node->options.tries || cg_bug(CG_BUG_RETRY_WITHOUT_BOUND)) {
        node->statistics.retries++;
        return send_try(node, pending, now_ns, outputs, error);
    }
    /* Whoever said that he is not the primary was there, and so a majority was not. */
    return give_up(node, pending,
                   pending->was_redirected ? CG_ERROR_PARTITION : CG_ERROR_TIMEOUT, outputs,
                   error);
}

static cg_status give_up(cg_node *node, cg_pending *pending, cg_status reason,
                         cg_outputs *outputs, cg_error *error) {
    cg_reply reply = {.request_id = pending->request_id,
                      .status = reason,
                      .host = node->options.host,
                      .tries = pending->tries,
                      .slot = CG_SLOT_NONE,
                      .request = (uint8_t)kind_of(pending)};
    close_pending(node, pending);
    return cg_node_reply(node, outputs, &reply, error);
}

cg_status cg_gateway_timer(cg_node *node, const cg_event *event, cg_outputs *outputs,
                           cg_error *error) {
    uint64_t request_id = event->id & CG_NODE_REQUEST_ID_MAX;
    uint32_t try_number = (uint32_t)(event->id >> CG_NODE_TIMER_TRY_SHIFT);
    uint64_t entry = 0;
    if (!cg_table_get(node->pending_of, request_id, &entry) ||
        node->pending[entry].tries != try_number) {
        return CG_OK; /* answered, or a later try is under way */
    }
    return try_again(node, &node->pending[entry], event->now_ns, outputs, error);
}

/* Only news is followed at once: two hosts that name each other would be asked in turn without end. */
cg_status cg_gateway_redirected(cg_node *node, const cg_message_redirect *message,
                                uint32_t from, uint64_t now_ns, cg_outputs *outputs,
                                cg_error *error) {
    uint64_t entry = 0;
    if (!cg_table_get(node->pending_of, message->request_id, &entry) ||
        node->pending[entry].partition != message->partition ||
        !is_keeper(node, message->partition, from)) {
        return CG_OK;
    }
    cg_pending *pending = &node->pending[entry];
    pending->was_redirected = true;
    bool is_news = message->primary != from && message->epoch > pending->epoch &&
                   is_keeper(node, message->partition, message->primary);
    if (!is_news) {
        return CG_OK; /* its timer will try again */
    }
    cg_status status =
        cg_groups_learn(node, message->partition, message->epoch, message->primary, error);
    return status == CG_OK ? try_again(node, pending, now_ns, outputs, error) : status;
}
