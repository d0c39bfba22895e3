#include "engine/node/node.h"

#include <string.h>

#include "engine/base/hash.h"
#include "engine/node/node_internal.h"
#include "engine/replica/wire.h"

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

cg_status cg_node_reply_with(cg_node *node, cg_outputs *outputs, const cg_reply *reply,
                             size_t size_bytes, uint8_t **bytes, cg_error *error) {
    node->statistics.replies++;
    node->statistics.failed += reply->status != CG_OK && reply->status != CG_ERROR_PARTIAL &&
                               reply->status != CG_ERROR_OVERLOADED;
    cg_output output = {.kind = CG_OUTPUT_REPLY, .reply = *reply};
    return cg_outputs_add(outputs, &output, size_bytes, bytes, error);
}

cg_status cg_node_reply(cg_node *node, cg_outputs *outputs, const cg_reply *reply,
                        cg_error *error) {
    return cg_node_reply_with(node, outputs, reply, 0, NULL, error);
}

cg_status cg_node_refuse(cg_node *node, const cg_event *event, cg_status reason,
                         cg_outputs *outputs, cg_error *error) {
    bool is_known = (unsigned)event->request < CG_REQUEST_KIND_COUNT;
    cg_reply reply = {.request_id = event->id,
                      .status = reason,
                      .host = node->options.host,
                      .request = is_known ? (uint8_t)event->request : CG_REQUEST_ALLOCATE,
                      .slot = CG_SLOT_NONE};
    return cg_node_reply(node, outputs, &reply, error);
}

cg_status cg_node_answer(cg_node *node, const cg_reply *reply, uint32_t gateway,
                         uint64_t now_ns, cg_outputs *outputs, cg_error *error) {
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

uint64_t cg_node_tier_key(const cg_space *space, uint32_t row) {
    const cg_corpus *corpus = space->node->corpus;
    bool shared = !corpus || row < cg_features_count(corpus->features);
    return shared ? row : (uint64_t)(space->own.number + 1) << 32 | row;
}

/* --- events --- */

static cg_status refuse_message(cg_node *node) {
    node->statistics.messages_refused++;
    return CG_OK;
}

/* Whether this host is the primary of the partition that the request belongs to. */
static bool is_at_home(const cg_node *node, uint32_t space, uint64_t request_id) {
    return space < node->options.spaces &&
           cg_node_partition_number(request_id, space, node->options.hosts) ==
               node->spaces[space].own.number;
}

/* Whether a primary of this cluster may take the fact. */
static bool fits(const cg_node *node, const cg_message_allocate *fact) {
    bool labelled = (fact->flags & CG_REQUEST_LABELLED) != 0;
    return fact->dims == cg_features_dims(node->corpus->features) && fact->text_bytes > 0 &&
           fact->text_bytes <= CG_NODE_FACT_BYTES_MAX &&
           !(labelled && fact->label >= cg_graph_concept_count(node->corpus->graph)) &&
           is_at_home(node, fact->space, fact->request_id);
}

static bool batch_fits(const cg_node *node, const cg_message_batch *batch) {
    size_t offset = 0;
    cg_message_allocate fact;
    for (uint32_t i = 0; i < batch->count; ++i) {
        if (cg_message_batch_next(batch, &offset, node->buffers, &fact, NULL) != CG_OK ||
            fact.request_id != batch->request_id || fact.space != batch->space ||
            !fits(node, &fact)) {
            return false;
        }
    }
    return true;
}

/* Work that another host's gateway asks for: looked through once, so that whoever waits is sound,
 * then admitted like a client's request. */
static cg_status on_work(cg_node *node, const cg_wire_header *header, const uint8_t *payload,
                         const cg_event *event, cg_outputs *outputs, cg_error *error) {
    cg_message_allocate fact;
    cg_message_batch batch;
    cg_message_remove removal;
    size_t bytes = header->payload_bytes;
    cg_event work = {.kind = CG_EVENT_MESSAGE,
                     .now_ns = event->now_ns,
                     .bytes = payload,
                     .size_bytes = bytes};
    bool is_sound = false;
    switch ((cg_message_type)header->type) {
    case CG_MESSAGE_ALLOCATE:
        is_sound =
            cg_message_allocate_decode(payload, bytes, node->buffers, &fact, NULL) == CG_OK &&
            fits(node, &fact);
        if (is_sound) {
            work.id = fact.request_id;
            work.client = fact.client;
            work.space = fact.space;
            work.priority = (uint8_t)fact.priority;
            work.request = CG_REQUEST_ALLOCATE;
        }
        break;
    case CG_MESSAGE_BATCH:
        is_sound = cg_message_batch_decode(payload, bytes, &batch, NULL) == CG_OK &&
                   batch_fits(node, &batch);
        if (is_sound) {
            work.id = batch.request_id;
            work.client = batch.client;
            work.space = batch.space;
            work.priority = (uint8_t)batch.priority;
            work.request = CG_REQUEST_BATCH;
        }
        break;
    default:
        is_sound = cg_message_remove_decode(payload, bytes, &removal, NULL) == CG_OK &&
                   is_at_home(node, removal.space, removal.target & CG_NODE_REQUEST_ID_MAX);
        if (is_sound) {
            work.id = removal.request_id;
            work.client = removal.client;
            work.space = removal.space;
            work.priority = (uint8_t)removal.priority;
            work.request = CG_REQUEST_DEALLOCATE;
        }
        break;
    }
    return is_sound && work.id <= CG_NODE_REQUEST_ID_MAX
               ? cg_admit(node, &work, work.id, header->type, header->from, outputs, error)
               : refuse_message(node);
}

static cg_status on_message(cg_node *node, const cg_event *event, cg_outputs *outputs,
                            cg_error *error) {
    cg_wire_header header;
    const uint8_t *payload = NULL;
    cg_work_count(&outputs->work, CG_WORK_MESSAGE, 1, event->size_bytes);
    if (!node->corpus ||
        cg_wire_open(event->bytes, event->size_bytes, &header, &payload, NULL) != CG_OK ||
        header.to != node->options.host || header.from >= node->options.hosts ||
        header.from == node->options.host) {
        return refuse_message(node);
    }
    cg_hlc_receive(&node->clock, event->now_ns, header.clock);
    cg_space *space = NULL;
    cg_reply reply;
    cg_message_append append;
    cg_message_appended appended;
    switch (header.type) {
    case CG_MESSAGE_ALLOCATE:
    case CG_MESSAGE_BATCH:
    case CG_MESSAGE_REMOVE:
        return on_work(node, &header, payload, event, outputs, error);
    case CG_MESSAGE_ANSWER:
        if (cg_message_answer_decode(payload, header.payload_bytes, &reply, NULL) != CG_OK) {
            return refuse_message(node);
        }
        return cg_gateway_answer(node, &reply, header.from, event->now_ns, outputs, error);
    case CG_MESSAGE_APPEND:
        if (cg_message_append_decode(payload, header.payload_bytes, &append, NULL) != CG_OK ||
            header.from != cg_node_copied_host(node)) {
            return refuse_message(node);
        }
        space = cg_space_of_partition(node, append.partition);
        if (!space || !space->has_copy || append.partition != space->copy.number) {
            return refuse_message(node);
        }
        return cg_replicate_append(space, &append, event->now_ns, outputs, error);
    case CG_MESSAGE_APPENDED:
        if (cg_message_appended_decode(payload, header.payload_bytes, &appended, NULL) !=
                CG_OK ||
            !cg_node_replicates(node) || header.from != cg_node_replica_host(node)) {
            return refuse_message(node);
        }
        space = cg_space_of_partition(node, appended.partition);
        return space ? cg_replicate_appended(space, &appended, event->now_ns, outputs, error)
                     : refuse_message(node);
    default:
        return refuse_message(node);
    }
}

static cg_status on_storage_done(cg_node *node, const cg_event *event, cg_outputs *outputs,
                                 cg_error *error) {
    uint32_t partition = cg_replicate_token_partition(event->id);
    uint64_t sequence = cg_replicate_token_sequence(event->id);
    cg_space *space = cg_space_of_partition(node, partition);
    if (!space) {
        return CG_OK; /* no write of ours, here and below */
    }
    if (space->has_copy && partition == space->copy.number) {
        if (sequence > cg_log_last(space->copy.log) ||
            sequence <= space->copy.durable_sequence) {
            return CG_OK;
        }
        space->copy.durable_sequence = sequence;
        return cg_replicate_durable(space, event->now_ns, outputs, error);
    }
    if (partition != space->own.number || sequence > space->written_sequence ||
        sequence <= space->own.durable_sequence) {
        return CG_OK;
    }
    space->own.durable_sequence = sequence;
    /* Earlier writes are done with it, and are not counted when they are told of later. */
    space->writes =
        sequence == space->written_sequence ? 0 : space->writes - (space->writes > 0);
    cg_status status = cg_primary_answer(space, event->now_ns, outputs, error);
    if (status == CG_OK) {
        status = cg_primary_write(space, outputs, error);
    }
    return status == CG_OK ? cg_replicate_ship(space, event->now_ns, outputs, error) : status;
}

static cg_status on_timer(cg_node *node, const cg_event *event, cg_outputs *outputs,
                          cg_error *error) {
    if (!(event->id & CG_NODE_TIMER_OTHER)) {
        return cg_gateway_timer(node, event, outputs, error);
    }
    switch (cg_timer_kind_of(event->id)) {
    case CG_TIMER_RESEND:
        return cg_replicate_timer(node, event, outputs, error);
    case CG_TIMER_TICK:
        return cg_consolidation_timer(event->id)
                   ? cg_consolidation_due(node, event, outputs, error)
                   : cg_tune_tick(node, event, outputs, error);
    default:
        return cg_admit_timer(node, event, outputs, error);
    }
}

/* A batch of a recall, or a key that was fetched ahead. */
static cg_status on_read_done(cg_node *node, const cg_event *event, cg_outputs *outputs,
                              cg_error *error) {
    return event->id & CG_NODE_TIMER_OTHER ? cg_admit_timer(node, event, outputs, error)
                                           : cg_recall_arrived(node, event->id, error);
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
        return on_timer(node, event, outputs, error);
    case CG_EVENT_STORAGE_DONE:
        return node->corpus ? on_storage_done(node, event, outputs, error) : CG_OK;
    case CG_EVENT_READ_DONE:
        return on_read_done(node, event, outputs, error);
    case CG_EVENT_KIND_COUNT:
        break;
    }
    return cg_error_set(error, CG_ERROR_INVALID, "event of unknown kind %d", (int)event->kind);
}

/* --- inspection --- */

cg_node_statistics cg_node_statistics_of(const cg_node *node) {
    cg_node_statistics statistics = node->statistics;
    statistics.tiers = cg_tiers_statistics(node->tiers);
    for (uint32_t level = 0; level < node->options.tier_levels; ++level) {
        statistics.batch_size[level] = cg_batcher_size(&node->batchers[level]);
    }
    statistics.prefetch = node->tune.prefetch;
    if (node->admission) {
        statistics.admission = cg_admission_statistics_of(node->admission);
    }
    if (node->spread_scratch) {
        statistics.activations = cg_spread_scratch_records(node->spread_scratch);
        statistics.activations.allocations =
            cg_activation_pool_statistics(node->activations).allocations;
    }
    if (node->cpu) {
        statistics.cpu_hot = cg_cpu_cache_counts(node->cpu, CG_SPREAD_REGION_LINES);
        statistics.cpu_all = cg_cpu_cache_totals(node->cpu);
    }
    cg_spaces_statistics(node, &statistics.pools, &statistics.cache);
    return statistics;
}

static uint64_t service_bytes(const cg_node *node) {
    return (node->admission ? cg_admission_bytes(node->admission) : 0) +
           (node->successors ? cg_successors_bytes(node->successors) : 0) +
           (node->forecast ? 2 * sizeof *node->forecast : 0) + cg_tiers_bytes(node->tiers) +
           cg_items_bytes(node);
}

static uint64_t spread_bytes(const cg_node *node) {
    return (node->spread_scratch ? cg_spread_scratch_bytes(node->spread_scratch) : 0) +
           (node->cpu ? cg_cpu_cache_bytes(node->cpu) : 0) +
           node->seeds_capacity * sizeof *node->seeds +
           node->hits_capacity * sizeof *node->hits;
}

uint64_t cg_node_bytes(const cg_node *node) {
    return sizeof *node + service_bytes(node) + spread_bytes(node) + cg_spaces_bytes(node) +
           (node->corpus ? cg_cascade_scratch_bytes(node->scratch) : 0) +
           cg_table_bytes(node->pending_of) + cg_table_bytes(node->open_of) +
           node->keys_capacity * sizeof *node->keys + node->record_capacity +
           node->batch_capacity + node->pending_bytes +
           node->pending_capacity * sizeof *node->pending + sizeof *node->embedding +
           sizeof *node->buffers;
}
