#include "engine/node/node.h"

#include <string.h>

#include "engine/base/hash.h"
#include "engine/node/node_internal.h"
#include "engine/replica/wire.h"

cg_node_options cg_node_options_default(void) {
    return (cg_node_options){
        .hosts = 1,
        .cascade = cg_cascade_options_default(),
        .tiers = {{10000, CG_TIER_LRU}, {1000000, CG_TIER_LRU}, {UINT64_MAX, CG_TIER_LRU}},
        .tier_levels = 3,
        .pools = cg_pool_options_default(),
        .timeout_ns = 20000000,
        .retry_ns = 5000000,
        .tries = 50,
        .replicate_retry_ns = 10000000,
    };
}

static cg_status check_options(const cg_node_options *options, cg_error *error) {
    if (options->hosts > CG_NODE_HOSTS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "a cluster of %u hosts; at most %d",
                            options->hosts, CG_NODE_HOSTS_MAX);
    }
    if (options->hosts == 0 || options->host >= options->hosts) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "host %u does not exist in a cluster of %u", options->host,
                            options->hosts);
    }
    if (options->replicas > 1 || (options->replicas == 1 && options->hosts == 1)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%u replicas do not fit %u hosts; 0 or 1, and 0 on one host",
                            options->replicas, options->hosts);
    }
    if (options->tries == 0 || options->tries >= 1 << 15 || options->timeout_ns == 0 ||
        options->replicate_retry_ns == 0) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "tries must be 1..32767 and timeouts above 0, not %u tries, %llu ns and %llu ns",
            options->tries, (unsigned long long)options->timeout_ns,
            (unsigned long long)options->replicate_retry_ns);
    }
    if (options->timeout_ns > CG_NODE_TIMEOUT_NS_MAX ||
        options->retry_ns > CG_NODE_TIMEOUT_NS_MAX ||
        options->replicate_retry_ns > CG_NODE_TIMEOUT_NS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "timeouts of %llu, %llu and %llu ns; each is at most 10^15 ns",
                            (unsigned long long)options->timeout_ns,
                            (unsigned long long)options->retry_ns,
                            (unsigned long long)options->replicate_retry_ns);
    }
    return cg_cascade_options_check(&options->cascade, error);
}

/* The graph has just been loaded into memory: the node tier holds it, up to its capacity. */
static cg_status warm_tiers(cg_node *node, cg_error *error) {
    if (node->options.tier_levels < 2) {
        return CG_OK;
    }
    uint32_t level = node->options.tier_levels - 2;
    uint64_t count = cg_features_count(node->corpus->features);
    uint64_t capacity = node->options.tiers[level].capacity_entries;
    cg_status status = CG_OK;
    for (uint64_t row = 0; status == CG_OK && row < count && row < capacity; ++row) {
        status = cg_tiers_fill(node->tiers, row, level, error);
    }
    return status;
}

static cg_status alloc_parts(cg_node *node, cg_error *error) {
    const cg_node_options *options = &node->options;
    cg_status status = cg_partition_init(&node->own, options->host, node->corpus,
                                         &options->pools, node->allocator, error);
    if (status == CG_OK && cg_node_replicates(node)) {
        uint32_t before = (options->host + options->hosts - 1) % options->hosts;
        status = cg_partition_init(&node->copy, before, node->corpus, &options->pools,
                                   node->allocator, error);
        node->has_copy = status == CG_OK;
    }
    if (status == CG_OK) {
        status = cg_table_alloc(node->allocator, &node->pending_of, error);
    }
    if (status == CG_OK) {
        status = cg_table_alloc(node->allocator, &node->rejected, error);
    }
    if (status == CG_OK) {
        status = cg_tiers_alloc(options->tiers, options->tier_levels, node->allocator,
                                &node->tiers, error);
    }
    if (status == CG_OK) {
        status = cg_cascade_scratch_alloc(node->allocator, &node->scratch, error);
    }
    if (status == CG_OK) {
        status = cg_vocabulary_alloc(node->corpus->embedder, node->allocator, &node->vocabulary,
                                     error);
    }
    if (status != CG_OK) {
        return status;
    }
    node->embedding = cg_allocate(&node->allocator, 1, sizeof *node->embedding);
    node->buffers = cg_allocate(&node->allocator, 1, sizeof *node->buffers);
    if (!node->embedding || !node->buffers) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a node");
    }
    return warm_tiers(node, error);
}

cg_status cg_node_alloc(const cg_node_options *options, const cg_corpus *corpus,
                        cg_allocator allocator, cg_node **out, cg_error *error) {
    cg_status status = check_options(options, error);
    if (status != CG_OK) {
        return status;
    }
    cg_node *node = cg_allocate(&allocator, 1, sizeof *node);
    if (!node) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a node");
    }
    node->options = *options;
    node->corpus = corpus;
    node->allocator = allocator;
    node->own.allocator = node->copy.allocator = allocator;
    status = alloc_parts(node, error);
    if (status != CG_OK) {
        cg_node_free(node);
        return status;
    }
    *out = node;
    return CG_OK;
}

void cg_node_free(cg_node *node) {
    if (!node) {
        return;
    }
    cg_allocator allocator = node->allocator;
    cg_partition_deinit(&node->own);
    cg_partition_deinit(&node->copy);
    for (size_t i = 0; i < node->pending_used; ++i) {
        cg_deallocate(&allocator, node->pending[i].payload, node->pending[i].payload_bytes, 1);
    }
    cg_deallocate(&allocator, node->pending, node->pending_capacity, sizeof *node->pending);
    cg_deallocate(&allocator, node->answers, node->answers_capacity, sizeof *node->answers);
    cg_table_free(node->pending_of);
    cg_table_free(node->rejected);
    cg_tiers_free(node->tiers);
    cg_cascade_scratch_free(node->scratch);
    cg_vocabulary_free(node->vocabulary);
    cg_deallocate(&allocator, node->embedding, 1, sizeof *node->embedding);
    cg_deallocate(&allocator, node->buffers, 1, sizeof *node->buffers);
    cg_deallocate(&allocator, node, 1, sizeof *node);
}

/* --- outputs --- */

cg_status cg_node_send(cg_node *node, cg_outputs *outputs, uint32_t to, size_t payload_bytes,
                       uint8_t **payload, cg_error *error) {
    CG_ASSERT(to < node->options.hosts && to != node->options.host);
    cg_output send = {.kind = CG_OUTPUT_SEND, .to = to};
    uint8_t *bytes = NULL;
    cg_status status =
        cg_outputs_add(outputs, &send, CG_WIRE_HEADER_BYTES + payload_bytes, &bytes, error);
    if (status == CG_OK) {
        *payload = bytes + CG_WIRE_HEADER_BYTES;
        cg_work_count(&outputs->work, CG_WORK_MESSAGE, 1, CG_WIRE_HEADER_BYTES + payload_bytes);
    }
    return status;
}

void cg_node_seal(cg_node *node, cg_outputs *outputs, uint16_t type, uint64_t now_ns) {
    const cg_output *send = &outputs->items[outputs->count - 1];
    cg_wire_header header = {
        .type = type,
        .from = node->options.host,
        .to = send->to,
        .clock = cg_hlc_tick(&node->clock, now_ns),
        .payload_bytes = (uint32_t)(send->size_bytes - CG_WIRE_HEADER_BYTES),
    };
    cg_wire_seal(&header, outputs->bytes + send->offset);
}

cg_status cg_node_set_timer(cg_outputs *outputs, uint64_t timer_id, uint64_t at_ns,
                            cg_error *error) {
    cg_output timer = {.kind = CG_OUTPUT_TIMER, .id = timer_id, .at_ns = at_ns};
    return cg_outputs_add(outputs, &timer, 0, NULL, error);
}

cg_status cg_node_reply(cg_node *node, cg_outputs *outputs, const cg_reply *reply,
                        cg_error *error) {
    node->statistics.replies++;
    cg_output output = {.kind = CG_OUTPUT_REPLY, .reply = *reply};
    return cg_outputs_add(outputs, &output, 0, NULL, error);
}

/* --- events --- */

static cg_status refuse_message(cg_node *node) {
    node->statistics.messages_refused++;
    return CG_OK;
}

static cg_status on_allocate(cg_node *node, const cg_wire_header *header,
                             const uint8_t *payload, const cg_event *event, cg_outputs *outputs,
                             cg_error *error) {
    cg_message_allocate message;
    if (cg_message_allocate_decode(payload, header->payload_bytes, node->buffers, &message,
                                   NULL) != CG_OK ||
        message.dims != cg_features_dims(node->corpus->features) || message.text_bytes == 0 ||
        ((message.flags & CG_REQUEST_LABELLED) &&
         message.label >= cg_graph_concept_count(node->corpus->graph)) ||
        message.text_bytes > CG_NODE_FACT_BYTES_MAX ||
        cg_node_partition_of(message.request_id, node->options.hosts) != node->own.number) {
        return refuse_message(node);
    }
    return cg_primary_allocate(node, &message, header->from, event->now_ns, outputs, error);
}

static cg_status on_message(cg_node *node, const cg_event *event, cg_outputs *outputs,
                            cg_error *error) {
    cg_wire_header header;
    const uint8_t *payload = NULL;
    cg_work_count(&outputs->work, CG_WORK_MESSAGE, 1, event->size_bytes);
    if (cg_wire_open(event->bytes, event->size_bytes, &header, &payload, NULL) != CG_OK ||
        header.to != node->options.host || header.from >= node->options.hosts ||
        header.from == node->options.host) {
        return refuse_message(node);
    }
    cg_hlc_receive(&node->clock, event->now_ns, header.clock);
    cg_reply reply;
    cg_message_append append;
    cg_message_appended appended;
    switch (header.type) {
    case CG_MESSAGE_ALLOCATE:
        return on_allocate(node, &header, payload, event, outputs, error);
    case CG_MESSAGE_ANSWER:
        if (cg_message_answer_decode(payload, header.payload_bytes, &reply, NULL) != CG_OK) {
            return refuse_message(node);
        }
        return cg_gateway_answer(node, &reply, header.from, outputs, error);
    case CG_MESSAGE_APPEND:
        if (cg_message_append_decode(payload, header.payload_bytes, &append, NULL) != CG_OK ||
            !node->has_copy || append.partition != node->copy.number ||
            header.from != node->copy.number) {
            return refuse_message(node);
        }
        return cg_replicate_append(node, &append, event->now_ns, outputs, error);
    case CG_MESSAGE_APPENDED:
        if (cg_message_appended_decode(payload, header.payload_bytes, &appended, NULL) !=
                CG_OK ||
            !cg_node_replicates(node) || header.from != cg_node_replica_host(node)) {
            return refuse_message(node);
        }
        return cg_replicate_appended(node, &appended, event->now_ns, outputs, error);
    default:
        return refuse_message(node);
    }
}

static cg_status on_storage_done(cg_node *node, const cg_event *event, cg_outputs *outputs,
                                 cg_error *error) {
    if (node->has_copy) {
        uint64_t sequence = event->id - cg_replicate_token(node->copy.number, 0);
        if (sequence <= cg_log_last(node->copy.log) && sequence > node->copy.durable_sequence) {
            node->copy.durable_sequence = sequence;
            return cg_replicate_durable(node, event->now_ns, outputs, error);
        }
    }
    uint64_t sequence = event->id - cg_replicate_token(node->own.number, 0);
    if (sequence > cg_log_last(node->own.log) || sequence <= node->own.durable_sequence) {
        return CG_OK; /* no write of ours */
    }
    node->own.durable_sequence = sequence;
    cg_status status = cg_primary_answer(node, event->now_ns, outputs, error);
    return status == CG_OK ? cg_replicate_ship(node, event->now_ns, outputs, error) : status;
}

cg_status cg_node_step(cg_node *node, const cg_event *event, cg_outputs *outputs,
                       cg_error *error) {
    cg_outputs_reset(outputs);
    cg_work_count(&outputs->work, CG_WORK_STEP, 1, event->size_bytes);
    switch (event->kind) {
    case CG_EVENT_REQUEST:
        return cg_gateway_request(node, event, outputs, error);
    case CG_EVENT_MESSAGE:
        return on_message(node, event, outputs, error);
    case CG_EVENT_TIMER:
        if (event->id & CG_NODE_TIMER_RESEND) {
            return cg_replicate_timer(node, event, outputs, error);
        }
        return cg_gateway_timer(node, event, outputs, error);
    case CG_EVENT_STORAGE_DONE:
        return on_storage_done(node, event, outputs, error);
    case CG_EVENT_KIND_COUNT:
        break;
    }
    return cg_error_set(error, CG_ERROR_INVALID, "event of unknown kind %d", (int)event->kind);
}

/* --- inspection --- */

cg_node_statistics cg_node_statistics_of(const cg_node *node) {
    cg_node_statistics statistics = node->statistics;
    statistics.tiers = cg_tiers_statistics(node->tiers);
    statistics.pools = cg_pools_statistics(node->own.pools);
    return statistics;
}

static const cg_partition *find_partition(const cg_node *node, uint32_t number) {
    if (number == node->own.number) {
        return &node->own;
    }
    return node->has_copy && number == node->copy.number ? &node->copy : NULL;
}

cg_partition_state cg_node_partition(const cg_node *node, uint32_t partition) {
    const cg_partition *found = find_partition(node, partition);
    if (!found) {
        return (cg_partition_state){0};
    }
    bool primary = found == &node->own;
    return (cg_partition_state){
        .present = true,
        .primary = primary,
        .last_sequence = cg_log_last(found->log),
        .durable_sequence = found->durable_sequence,
        .acknowledged_sequence = primary ? node->replication.acknowledged_sequence : 0,
        .hash = cg_partition_hash(found),
    };
}

bool cg_node_has_request(const cg_node *node, uint32_t partition, uint64_t request_id,
                         uint64_t *sequence) {
    const cg_partition *found = find_partition(node, partition);
    uint64_t at = 0;
    if (!found || !cg_table_get(found->sequence_of, request_id, &at) ||
        at > found->durable_sequence) {
        return false;
    }
    *sequence = at;
    return true;
}

uint32_t cg_node_partition_of(uint64_t request_id, uint32_t partitions) {
    uint32_t best = 0;
    uint64_t best_score = 0;
    for (uint32_t partition = 0; partition < partitions; ++partition) {
        uint64_t score = cg_hash_u64(request_id, partition);
        if (partition == 0 || score > best_score) {
            best = partition;
            best_score = score;
        }
    }
    return best;
}

uint64_t cg_node_backlog(const cg_node *node) {
    return cg_node_replicates(node)
               ? node->own.durable_sequence - node->replication.acknowledged_sequence
               : 0;
}

bool cg_node_idle(const cg_node *node) {
    uint64_t last = cg_log_last(node->own.log);
    return node->pending_open == 0 && node->own.durable_sequence == last &&
           node->answered_sequence == last && cg_node_backlog(node) == 0;
}

uint64_t cg_node_vocabulary_version(const cg_node *node) {
    return cg_vocabulary_version(node->vocabulary);
}

uint64_t cg_node_bytes(const cg_node *node) {
    return sizeof *node + cg_partition_bytes(&node->own) +
           (node->has_copy ? cg_partition_bytes(&node->copy) : 0) +
           cg_table_bytes(node->pending_of) + cg_table_bytes(node->rejected) +
           node->pending_bytes + node->answers_capacity * sizeof *node->answers +
           node->pending_capacity * sizeof *node->pending + sizeof *node->embedding +
           sizeof *node->buffers + cg_tiers_bytes(node->tiers) +
           cg_cascade_scratch_bytes(node->scratch) + cg_vocabulary_bytes(node->vocabulary);
}
