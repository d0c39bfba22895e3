#include "engine/node/node.h"

#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/node/node_internal.h"
#include "engine/replica/wire.h"

/* --- outputs --- */

cg_status cg_node_send(cg_node *node, cg_outputs *outputs, uint32_t to, size_t payload_bytes,
                       uint8_t **payload, cg_error *error) {
    CG_ASSERT(to < node->options.hosts);
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

cg_status cg_node_alert(cg_outputs *outputs, cg_severity severity, const char *text,
                        cg_error *error) {
    size_t length = strlen(text);
    cg_output alert = {.kind = CG_OUTPUT_ALERT, .severity = severity};
    uint8_t *bytes = NULL;
    cg_status status = cg_outputs_add(outputs, &alert, length, &bytes, error);
    if (status == CG_OK) {
        cg_writer writer = cg_writer_init(bytes, length);
        cg_write_bytes(&writer, text, length);
    }
    return status;
}

cg_hlc cg_node_tick(cg_node *node) {
    return cg_hlc_tick(&node->clock, node->wall_ns);
}

void cg_node_seal(cg_node *node, cg_outputs *outputs, uint16_t type) {
    cg_node_seal_of(node, outputs, type, 0);
}

void cg_node_seal_of(cg_node *node, cg_outputs *outputs, uint16_t type, uint64_t owner) {
    const cg_output *send = &outputs->items[outputs->count - 1];
    cg_wire_header header = {
        .type = type,
        .from = node->options.host,
        .to = send->to,
        .clock = cg_node_tick(node),
        .payload_bytes = (uint32_t)(send->size_bytes - CG_WIRE_HEADER_BYTES),
        .owner = owner,
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
    if (gateway == CG_NODE_DIRECT) {
        return cg_node_reply(node, outputs, reply, error);
    }
    if (gateway == node->options.host) {
        return cg_gateway_answer(node, reply, gateway, now_ns, outputs, error);
    }
    uint8_t encoded[CG_MESSAGE_ANSWER_BYTES_MAX];
    size_t bytes = cg_message_answer_encode(reply, encoded);
    uint8_t *payload = NULL;
    cg_status status = cg_node_send(node, outputs, gateway, bytes, &payload, error);
    if (status == CG_OK) {
        memcpy(payload, encoded, bytes);
        cg_node_seal(node, outputs, CG_MESSAGE_ANSWER);
    }
    return status;
}

uint64_t cg_node_tier_key(const cg_node *node, uint32_t partition, uint32_t row) {
    const cg_corpus *corpus = node->corpus;
    bool shared = !corpus || row < cg_features_count(corpus->features);
    return shared ? row : (uint64_t)(partition + 1) << 32 | row;
}

/* --- events --- */

static cg_status refuse_message(cg_node *node) {
    node->statistics.messages_refused++;
    return CG_OK;
}

/* Candidates ascend. */
static bool are_known(const cg_node *node, const cg_message_allocate *fact) {
    if (fact->candidate_count == 0) {
        return true;
    }
    cg_reader last = cg_reader_init(fact->candidates +
                                        sizeof(uint32_t) * (size_t)(fact->candidate_count - 1),
                                    sizeof(uint32_t));
    return cg_read_u32(&last) < cg_graph_concept_count(node->corpus->graph);
}

/* Whether a primary of this cluster may take the fact. */
static bool fits(const cg_node *node, const cg_message_allocate *fact) {
    bool labelled = (fact->flags & CG_REQUEST_LABELLED) != 0;
    return fact->dims == cg_features_dims(node->corpus->features) && fact->text_bytes > 0 &&
           fact->text_bytes <= CG_NODE_FACT_BYTES_MAX &&
           !(labelled && fact->label >= cg_graph_concept_count(node->corpus->graph)) &&
           fact->space < node->options.spaces && are_known(node, fact);
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
    cg_message_about removal;
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
        is_sound = cg_message_about_decode(payload, bytes, &removal, NULL) == CG_OK &&
                   removal.space < node->options.spaces;
        if (is_sound) {
            work.id = removal.request_id;
            work.client = removal.client;
            work.space = removal.space;
            work.priority = (uint8_t)removal.priority;
            work.target = removal.target;
            work.request =
                header->type == CG_MESSAGE_GET ? CG_REQUEST_GET : CG_REQUEST_DEALLOCATE;
        }
        break;
    }
    if (!is_sound || work.id > CG_NODE_REQUEST_ID_MAX) {
        return refuse_message(node);
    }
    cg_holding *holding = cg_node_holding(node, cg_node_partition_about(node, &work, work.id));
    if (!holding || holding->is_witness) {
        return refuse_message(node);
    }
    uint64_t entry = 0;
    if (header->from == node->options.host &&
        !cg_table_get(node->pending_of, work.id, &entry)) {
        return CG_OK; /* a try of its own that has been answered meanwhile */
    }
    return cg_holding_serves(holding)
               ? cg_admit(node, &work, work.id, header->type, header->from, outputs, error)
               : cg_groups_redirect(holding, work.id, header->from, error);
}

/* A message that is whole, to its end: this one's envelope. */
static cg_status on_payload(cg_node *node, const cg_wire_header *header, const uint8_t *payload,
                            const cg_event *event, cg_outputs *outputs, cg_error *error) {
    const size_t bytes = header->payload_bytes;
    cg_reply reply;
    cg_message_redirect redirect;
    if (header->type >= CG_MESSAGE_PROTOCOLS) {
        uint16_t type = header->type - CG_MESSAGE_PROTOCOLS;
        const cg_protocol_message message = {
            .protocol = (cg_protocol)(type / CG_PROTOCOL_TYPES),
            .owner = header->owner < UINT32_MAX ? (uint32_t)header->owner : UINT32_MAX,
            .from = header->from,
            .type = type % CG_PROTOCOL_TYPES,
            .payload = payload,
            .size_bytes = bytes};
        return header->from == node->options.host ? refuse_message(node)
                                                  : cg_protocol_receive(node, &message, error);
    }
    switch (header->type) {
    case CG_MESSAGE_ALLOCATE:
    case CG_MESSAGE_BATCH:
    case CG_MESSAGE_REMOVE:
    case CG_MESSAGE_GET:
        return !node->corpus ? refuse_message(node)
                             : on_work(node, header, payload, event, outputs, error);
    case CG_MESSAGE_ANSWER:
        return cg_message_answer_decode(payload, bytes, &reply, NULL) == CG_OK
                   ? cg_gateway_answer(node, &reply, header->from, event->now_ns, outputs,
                                       error)
                   : refuse_message(node);
    case CG_MESSAGE_REDIRECT:
        return cg_message_redirect_decode(payload, bytes, &redirect, NULL) == CG_OK
                   ? cg_gateway_redirected(node, &redirect, header->from, event->now_ns,
                                           outputs, error)
                   : refuse_message(node);
    default:
        return refuse_message(node);
    }
}

static cg_status on_message(cg_node *node, const cg_event *event, cg_outputs *outputs,
                            cg_error *error) {
    cg_wire_header header;
    const uint8_t *payload = NULL;
    cg_work_count(&outputs->work, CG_WORK_MESSAGE, 1, event->size_bytes);
    if ((!node->corpus && !node->options.graph) || !node->has_begun ||
        cg_wire_open(event->bytes, event->size_bytes, &header, &payload, NULL) != CG_OK ||
        header.to != node->options.host || header.from >= node->options.hosts) {
        return refuse_message(node);
    }
    if (header.clock.physical_ns > node->wall_ns &&
        header.clock.physical_ns - node->wall_ns > CG_NODE_SKEW_NS_MAX) {
        node->statistics.clocks_refused++;
    } else {
        cg_hlc_receive(&node->clock, node->wall_ns, header.clock);
    }
    return on_payload(node, &header, payload, event, outputs, error);
}

static cg_status on_timer(cg_node *node, const cg_event *event, cg_outputs *outputs,
                          cg_error *error) {
    if (!(event->id & CG_NODE_TIMER_OTHER)) {
        return cg_gateway_timer(node, event, outputs, error);
    }
    switch (cg_timer_kind_of(event->id)) {
    case CG_TIMER_PROTOCOL:
        return cg_protocol_timer(node, event->id, error);
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
    node->now_ns = event->now_ns;
    node->wall_ns = event->wall_ns > 0 ? event->wall_ns : event->now_ns;
    node->outputs = outputs;
    switch (event->kind) {
    case CG_EVENT_REQUEST:
        return cg_gateway_request(node, event, outputs, error);
    case CG_EVENT_MESSAGE:
        return on_message(node, event, outputs, error);
    case CG_EVENT_TIMER:
        return on_timer(node, event, outputs, error);
    case CG_EVENT_STORAGE_DONE:
        return node->corpus ? cg_groups_durable(node, event->id, error) : CG_OK;
    case CG_EVENT_READ_DONE:
        return on_read_done(node, event, outputs, error);
    case CG_EVENT_START:
        return cg_start(node, event, error);
    case CG_EVENT_KIND_COUNT:
        break;
    }
    return cg_error_set(error, CG_ERROR_INVALID, "event of unknown kind %d", (int)event->kind);
}

/* --- inspection --- */

uint32_t cg_node_dead(const cg_node *node) {
    return node->swim ? cg_swim_count(node->swim, CG_SWIM_DEAD) : 0;
}

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
    statistics.groups = cg_spaces_groups(node);
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
           (node->swim ? cg_swim_bytes(node->swim) : 0) + cg_gather_bytes(node) +
           node->seeds_capacity * sizeof *node->seeds +
           node->hits_capacity * sizeof *node->hits;
}

uint64_t cg_node_bytes(const cg_node *node) {
    return sizeof *node + service_bytes(node) + spread_bytes(node) + cg_spaces_bytes(node) +
           (node->corpus ? cg_cascade_scratch_bytes(node->scratch) : 0) +
           cg_table_bytes(node->pending_of) + cg_table_bytes(node->open_of) +
           cg_table_bytes(node->views) + node->keys_capacity * sizeof *node->keys +
           node->record_capacity + node->batch_capacity + node->pending_bytes +
           node->pending_capacity * sizeof *node->pending + sizeof *node->embedding +
           sizeof *node->buffers;
}
