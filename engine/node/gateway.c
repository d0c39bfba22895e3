/* Requests of this host's clients: embed, forward to the partition's primary, try again,
 * answer.
 *
 * The vector is made once, here, and travels with the fact, so no two hosts can disagree about
 * it. A try that is not answered in time is sent again, waiting longer each time; the primary
 * recognises the request id, so trying again never applies a fact twice. After the last try the
 * client is told that the outcome is unknown (CG_ERROR_TIMEOUT).
 */
#include <string.h>

#include "engine/node/node_internal.h"

static cg_status refuse(cg_node *node, uint64_t request_id, cg_status reason, uint32_t tries,
                        cg_outputs *outputs, cg_error *error) {
    cg_reply reply = {.request_id = request_id,
                      .status = reason,
                      .host = node->options.host,
                      .tries = tries,
                      .slot = CG_SLOT_NONE};
    return cg_node_reply(node, outputs, &reply, error);
}

static uint64_t backoff_ns(const cg_node *node, uint32_t tries) {
    uint32_t doublings = tries - 1;
    if (doublings > CG_NODE_BACKOFF_DOUBLINGS) {
        doublings = CG_NODE_BACKOFF_DOUBLINGS;
    }
    return tries == 0 ? 0 : node->options.retry_ns << doublings;
}

/* Sends one more try, and sets its timer. */
static cg_status send_try(cg_node *node, cg_pending *pending, uint64_t now_ns,
                          cg_outputs *outputs, cg_error *error) {
    uint8_t *payload = NULL;
    cg_status status =
        cg_node_send(node, outputs, pending->primary, pending->payload_bytes, &payload, error);
    if (status != CG_OK) {
        return status;
    }
    memcpy(payload, pending->payload, pending->payload_bytes);
    cg_node_seal(node, outputs, CG_MESSAGE_ALLOCATE, now_ns);
    uint64_t wait_ns = node->options.timeout_ns + backoff_ns(node, pending->tries);
    pending->tries++;
    uint64_t timer = pending->request_id | (uint64_t)pending->tries << CG_NODE_TIMER_TRY_SHIFT;
    return cg_node_set_timer(outputs, timer, now_ns + wait_ns, error);
}

static cg_status open_pending(cg_node *node, const cg_message_allocate *message,
                              uint32_t primary, cg_pending **out, cg_error *error) {
    bool reuses = node->pending_free > 0;
    size_t entry = reuses ? node->pending_free - 1 : node->pending_used;
    cg_status status =
        CG_GROW(&node->allocator, node->pending, node->pending_capacity, entry + 1, error);
    if (status != CG_OK) {
        return status;
    }
    size_t bytes = cg_message_allocate_bytes(message);
    uint8_t *payload = cg_allocate(&node->allocator, bytes, 1);
    if (!payload) {
        cg_error_set(error, CG_ERROR_MEMORY, "no memory for a request of %zu bytes", bytes);
        return CG_ERROR_MEMORY;
    }
    status = cg_table_put(node->pending_of, message->request_id, entry, error);
    if (status != CG_OK) {
        cg_deallocate(&node->allocator, payload, bytes, 1);
        return status;
    }
    cg_message_allocate_encode(message, payload);
    if (reuses) {
        node->pending_free = node->pending[entry].next_free;
    } else {
        node->pending_used++;
    }
    node->pending[entry] = (cg_pending){.request_id = message->request_id,
                                        .primary = primary,
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

/* What can be said of a request before its text is read. */
static cg_status check_request(const cg_node *node, const cg_event *event, cg_error *error) {
    uint32_t concepts = cg_graph_concept_count(node->corpus->graph);
    uint64_t known = 0;
    if (event->id > CG_NODE_REQUEST_ID_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "request id %llu has more than 48 bits",
                            (unsigned long long)event->id);
    }
    if (event->size_bytes > CG_NODE_FACT_BYTES_MAX) {
        return cg_error_set(
            error, CG_ERROR_INVALID, "request %llu: a text of %zu bytes; at most %d fit a slot",
            (unsigned long long)event->id, event->size_bytes, CG_NODE_FACT_BYTES_MAX);
    }
    if ((event->flags & CG_REQUEST_LABELLED) && event->label >= concepts) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "request %llu: label %u is no concept; there are %u",
                            (unsigned long long)event->id, event->label, concepts);
    }
    if (cg_table_get(node->pending_of, event->id, &known)) {
        return cg_error_set(error, CG_ERROR_EXISTS, "request %llu is open at this host",
                            (unsigned long long)event->id);
    }
    return CG_OK;
}

/* A fact that nothing speaks for would go somewhere all the same, by noise. */
static cg_status check_known(const cg_node *node, const cg_event *event, cg_work *work,
                             cg_error *error) {
    for (uint32_t i = 0; i < node->embedding->count; ++i) {
        if (cg_vocabulary_frequency(node->vocabulary, node->embedding->features[i]) > 0) {
            return CG_OK;
        }
    }
    cg_cues cues;
    cg_cues_find(node->corpus->lemmas, (const char *)event->bytes, event->size_bytes, &cues,
                 work);
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
static cg_status read_text(cg_node *node, const cg_event *event, cg_work *work,
                           cg_error *error) {
    const char *text = (const char *)event->bytes;
    cg_status status =
        cg_embed_with(node->vocabulary, text, event->size_bytes, node->embedding, work, error);
    if (status == CG_OK) {
        status = check_known(node, event, work, error);
    }
    return status;
}

/* A fact that was taken, or sent on, counts as a document; one that was refused does not. */
static cg_status count_text(cg_node *node, const cg_event *event, cg_work *work,
                            cg_error *error) {
    cg_work_count(work, CG_WORK_TOKENISE, 1, event->size_bytes);
    return cg_vocabulary_add(node->vocabulary, (const char *)event->bytes, event->size_bytes,
                             error);
}

cg_status cg_gateway_request(cg_node *node, const cg_event *event, cg_outputs *outputs,
                             cg_error *error) {
    node->statistics.requests++;
    cg_status status = check_request(node, event, error);
    if (status == CG_OK) {
        status = read_text(node, event, &outputs->work, error);
        if (status != CG_OK) {
            cg_error_prefix(error, "request %llu: ", (unsigned long long)event->id);
        }
    }
    if (status == CG_ERROR_MEMORY) {
        return status;
    }
    if (status != CG_OK) { /* the reply's status; the sentence stays in error */
        return refuse(node, event->id, status, 0, outputs, error);
    }
    cg_message_allocate message = {
        .request_id = event->id,
        .flags = event->flags,
        .label = event->label,
        .dims = cg_features_dims(node->corpus->features),
        .dense = node->embedding->dense,
        .sparse = cg_embedding_sparse(node->embedding),
        .text = (const char *)event->bytes,
        .text_bytes = (uint32_t)event->size_bytes,
    };
    uint32_t primary = cg_node_partition_of(event->id, node->options.hosts);
    if (primary == node->options.host) {
        uint64_t before = node->statistics.allocations;
        status = cg_primary_allocate(node, &message, primary, event->now_ns, outputs, error);
        bool taken = status == CG_OK && node->statistics.allocations > before;
        return taken ? count_text(node, event, &outputs->work, error) : status;
    }
    cg_pending *pending = NULL;
    status = open_pending(node, &message, primary, &pending, error);
    if (status == CG_OK) {
        status = count_text(node, event, &outputs->work, error);
    }
    return status == CG_OK ? send_try(node, pending, event->now_ns, outputs, error) : status;
}

cg_status cg_gateway_answer(cg_node *node, const cg_reply *reply, uint32_t from,
                            cg_outputs *outputs, cg_error *error) {
    uint64_t entry = 0;
    if (!cg_table_get(node->pending_of, reply->request_id, &entry)) {
        return CG_OK; /* answered before, or given up */
    }
    if (node->pending[entry].primary != from || reply->host != from) {
        node->statistics.messages_refused++; /* only the partition's primary may answer */
        return CG_OK;
    }
    cg_reply final = *reply;
    final.tries = node->pending[entry].tries;
    close_pending(node, &node->pending[entry]);
    return cg_node_reply(node, outputs, &final, error);
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
    cg_pending *pending = &node->pending[entry];
    if (pending->tries >= node->options.tries) {
        uint32_t tries = pending->tries;
        close_pending(node, pending);
        return refuse(node, request_id, CG_ERROR_TIMEOUT, tries, outputs, error);
    }
    node->statistics.retries++;
    return send_try(node, pending, event->now_ns, outputs, error);
}
