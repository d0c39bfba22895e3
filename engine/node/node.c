#include "engine/node/node.h"

#include <string.h>

#include "engine/base/hash.h"
#include "engine/node/node_internal.h"
#include "engine/replica/wire.h"

cg_node_options cg_node_options_default(void) {
    return (cg_node_options){
        .hosts = 1,
        .cascade = cg_cascade_options_default(),
        .tiers = {{.capacity = 10000, .promote_after = 1},
                  {.capacity = 1000000, .promote_after = 1},
                  {0}},
        .tier_levels = 3,
        .pools = cg_pool_options_default(),
        .service = {.cores = 1,
                    .conflict_tries = 5,
                    .conflict_ns = 100000,
                    .cache_ttl_ns = CG_DECISION_TTL_NS_DEFAULT,
                    .placement = CG_PLACEMENT_CHOOSE,
                    .record_bytes = 64},
        .timeout_ns = 20000000,
        .retry_ns = 5000000,
        .tries = 50,
        .replicate_retry_ns = 10000000,
    };
}

static cg_status check_service(const cg_service_options *service, cg_error *error) {
    if (service->cores < 1 || service->conflict_tries < 1 || service->conflict_tries > 32 ||
        service->conflict_ns > CG_NODE_TIMEOUT_NS_MAX >> 32) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%u cores and %u tries of a removal, %llu ns apart; it takes a core, "
                            "1 to 32 tries and at most %llu ns",
                            service->cores, service->conflict_tries,
                            (unsigned long long)service->conflict_ns,
                            (unsigned long long)(CG_NODE_TIMEOUT_NS_MAX >> 32));
    }
    if (service->prefetch > CG_NODE_PREFETCH_MAX || service->record_bytes < 1 ||
        service->interval_ns > CG_NODE_TIMEOUT_NS_MAX ||
        (service->batch & (service->batch - 1)) != 0) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "prefetch %u ahead, records of %u bytes, batches of %u keys, intervals of %llu ns; it "
            "takes 0 to %d ahead, a byte, a power of two or 0, and at most 10^15 ns",
            service->prefetch, service->record_bytes, service->batch,
            (unsigned long long)service->interval_ns, CG_NODE_PREFETCH_MAX);
    }
    if (service->prefetch > 0 && service->successors == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "prefetch %u ahead without successors to go by: remember some keys'",
                            service->prefetch);
    }
    return CG_OK;
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
    cg_status status = check_service(&options->service, error);
    return status == CG_OK ? cg_cascade_options_check(&options->cascade, error) : status;
}

/* The graph has just been loaded into memory: the node tier holds it, up to its capacity. */
static cg_status warm_tiers(cg_node *node, cg_error *error) {
    if (node->options.tier_levels < 2) {
        return CG_OK;
    }
    uint32_t level = node->options.tier_levels - 2;
    uint64_t count = cg_features_count(node->corpus->features);
    const cg_tier_options *tier = &node->options.tiers[level];
    uint32_t bytes = node->options.service.record_bytes;
    uint64_t fit = tier->bound == CG_CACHE_BYTES ? tier->capacity / bytes : tier->capacity;
    cg_status status = CG_OK;
    for (uint64_t row = 0; status == CG_OK && row < count && row < fit; ++row) {
        status = cg_tiers_fill(node->tiers, row, bytes, level, error);
    }
    return status;
}

/* What the primary found room for must find it here, though slots lie otherwise: no recall pins
 * them while they are moved together. Blocks are taken only as they are needed. */
static cg_pool_options copy_pools(const cg_pool_options *primary) {
    cg_pool_options pools = *primary;
    pools.quota_bytes = CG_POOL_QUOTA_MAX;
    pools.shared_quota_bytes = CG_POOL_QUOTA_MAX;
    return pools;
}

static cg_status alloc_partitions(cg_node *node, cg_error *error) {
    const cg_node_options *options = &node->options;
    cg_status status = cg_partition_init(&node->own, options->host, node->corpus,
                                         &options->pools, node->allocator, error);
    if (status == CG_OK && cg_node_replicates(node)) {
        uint32_t before = (options->host + options->hosts - 1) % options->hosts;
        cg_pool_options pools = copy_pools(&options->pools);
        status = cg_partition_init(&node->copy, before, node->corpus, &pools, node->allocator,
                                   error);
        node->has_copy = status == CG_OK;
    }
    if (status == CG_OK) {
        status = cg_vocabulary_alloc(node->corpus->embedder, node->allocator, &node->vocabulary,
                                     error);
    }
    if (status == CG_OK) {
        status = cg_cascade_scratch_alloc(node->allocator, &node->scratch, error);
    }
    return status;
}

static cg_status alloc_tables(cg_node *node, cg_error *error) {
    cg_table **const tables[] = {&node->pending_of, &node->rejected, &node->open_of,
                                 &node->newest_below};
    cg_status status = CG_OK;
    for (size_t i = 0; status == CG_OK && i < sizeof tables / sizeof *tables; ++i) {
        status = cg_table_alloc(node->allocator, tables[i], error);
    }
    if (status == CG_OK) {
        node->embedding = cg_allocate(&node->allocator, 1, sizeof *node->embedding);
        node->buffers = cg_allocate(&node->allocator, 1, sizeof *node->buffers);
        if (!node->embedding || !node->buffers) {
            status = cg_error_set(error, CG_ERROR_MEMORY, "no memory for a node");
        }
    }
    return status;
}

/* Admission, decision cache and predictor: each where the options ask for it. */
static cg_status alloc_service(cg_node *node, cg_error *error) {
    const cg_service_options *service = &node->options.service;
    cg_status status = CG_OK;
    if (service->permits > 0) {
        cg_admission_options admission = cg_admission_options_default();
        admission.permits = service->permits;
        admission.queue_max = service->queue_max;
        admission.wait_max_ns = service->wait_max_ns;
        status = cg_admission_alloc(&admission, node->allocator, &node->admission, error);
    }
    if (status == CG_OK && service->cache_entries > 0) {
        cg_decision_cache_options cache = {.capacity = service->cache_entries,
                                           .value_bytes = sizeof(cg_reply),
                                           .ttl_ns = service->cache_ttl_ns};
        status = cg_decision_cache_alloc(&cache, node->allocator, &node->cache, error);
    }
    if (status == CG_OK && service->successors > 0) {
        cg_successor_options successors = cg_successor_options_default(service->successors);
        status = cg_successors_alloc(&successors, node->allocator, &node->successors, error);
    }
    return status;
}

/* What watches and tunes. */
static cg_status alloc_tuning(cg_node *node, cg_error *error) {
    const cg_service_options *service = &node->options.service;
    cg_status status = CG_OK;
    node->tune.prefetch = service->prefetch;
    for (uint32_t level = 0; status == CG_OK && level < CG_TIER_LEVELS_MAX; ++level) {
        cg_batcher_options batcher = cg_batcher_options_default();
        batcher.cores = level + 1 == node->options.tier_levels ? 1 : service->cores;
        batcher.overhead_share = 0.4; /* latency comes first: cores are more often idle than not */
        status = cg_batcher_init(&node->batchers[level], &batcher, error);
    }
    if (status == CG_OK && service->forecasts) {
        cg_forecast_options forecast = cg_forecast_options_default();
        node->forecast = cg_allocate(&node->allocator, 1, sizeof *node->forecast);
        status = node->forecast
                     ? cg_forecast_init(node->forecast, &forecast, error)
                     : cg_error_set(error, CG_ERROR_MEMORY, "no memory for a forecast");
    }
    if (status == CG_OK && service->interval_ns > 0) {
        cg_monitor_options monitor = cg_monitor_options_default();
        monitor.memory_budget_bytes = service->memory_bytes;
        status = cg_monitor_alloc(&monitor, node->allocator, &node->monitor, error);
    }
    if (status == CG_OK && service->adapts) {
        cg_adapt_setting settings[CG_ADAPT_DEFAULT_SETTINGS];
        cg_adapt_options adapt = cg_tune_settings(&node->options, settings);
        status = cg_adapt_alloc(&adapt, node->allocator, &node->adapt, error);
    }
    return status;
}

static cg_status alloc_parts(cg_node *node, cg_error *error) {
    cg_status status = alloc_tables(node, error);
    if (status == CG_OK && node->corpus) {
        status = alloc_partitions(node, error);
    }
    const cg_node_options *options = &node->options;
    if (status == CG_OK && options->tier_image) {
        status = cg_tiers_open(options->tier_image, options->tier_image_bytes, options->tiers,
                               options->tier_levels, node->allocator, &node->tiers, error);
    } else if (status == CG_OK) {
        status = cg_tiers_alloc(options->tiers, options->tier_levels, node->allocator,
                                &node->tiers, error);
    }
    if (status == CG_OK) {
        status = alloc_service(node, error);
    }
    if (status == CG_OK) {
        status = alloc_tuning(node, error);
    }
    bool is_warm = options->tier_image || !node->corpus;
    return status == CG_OK && !is_warm ? warm_tiers(node, error) : status;
}

cg_status cg_node_alloc(const cg_node_options *options, const cg_corpus *corpus,
                        cg_allocator allocator, cg_node **out, cg_error *error) {
    cg_status status = check_options(options, error);
    if (status == CG_OK && !corpus &&
        (options->keys < 1 || options->keys > CG_NODE_TIMER_OTHER || options->hosts != 1)) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "%llu keys without content on %u hosts; it takes 1 to 2^63 keys, "
                              "and one host",
                              (unsigned long long)options->keys, options->hosts);
    }
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
    if (node->corpus) {
        cg_partition_deinit(&node->own);
        cg_partition_deinit(&node->copy);
    }
    cg_items_free(node);
    for (size_t i = 0; i < node->pending_used; ++i) {
        cg_deallocate(&allocator, node->pending[i].payload, node->pending[i].payload_bytes, 1);
    }
    cg_deallocate(&allocator, node->pending, node->pending_capacity, sizeof *node->pending);
    cg_deallocate(&allocator, node->answers, node->answers_capacity, sizeof *node->answers);
    cg_table_free(node->pending_of);
    cg_table_free(node->rejected);
    cg_table_free(node->open_of);
    cg_table_free(node->newest_below);
    cg_deallocate(&allocator, node->next_below, node->next_below_capacity,
                  sizeof *node->next_below);
    cg_deallocate(&allocator, node->keys, node->keys_capacity, sizeof *node->keys);
    cg_deallocate(&allocator, node->record, node->record_capacity, 1);
    cg_deallocate(&allocator, node->batch, node->batch_capacity, 1);
    cg_admission_free(node->admission);
    cg_decision_cache_free(node->cache);
    cg_successors_free(node->successors);
    cg_deallocate(&allocator, node->forecast, node->forecast ? 1 : 0, sizeof *node->forecast);
    cg_monitor_free(node->monitor);
    cg_adapt_free(node->adapt);
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
    node->statistics.failed += reply->status != CG_OK && reply->status != CG_ERROR_OVERLOADED;
    cg_output output = {.kind = CG_OUTPUT_REPLY, .reply = *reply};
    return cg_outputs_add(outputs, &output, 0, NULL, error);
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

uint64_t cg_node_tier_key(const cg_node *node, uint32_t row) {
    bool shared = row < cg_features_count(node->corpus->features);
    return shared ? row : (uint64_t)(node->own.number + 1) << 32 | row;
}

/* --- events --- */

static cg_status refuse_message(cg_node *node) {
    node->statistics.messages_refused++;
    return CG_OK;
}

/* Whether a primary of this cluster may take the fact. */
static bool fits(const cg_node *node, const cg_message_allocate *fact) {
    bool labelled = (fact->flags & CG_REQUEST_LABELLED) != 0;
    return fact->dims == cg_features_dims(node->corpus->features) && fact->text_bytes > 0 &&
           fact->text_bytes <= CG_NODE_FACT_BYTES_MAX &&
           !(labelled && fact->label >= cg_graph_concept_count(node->corpus->graph)) &&
           cg_node_partition_of(fact->request_id, node->options.hosts) == node->own.number;
}

static bool batch_fits(const cg_node *node, const cg_message_batch *batch) {
    size_t offset = 0;
    cg_message_allocate fact;
    for (uint32_t i = 0; i < batch->count; ++i) {
        if (cg_message_batch_next(batch, &offset, node->buffers, &fact, NULL) != CG_OK ||
            fact.request_id != batch->request_id || !fits(node, &fact)) {
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
        is_sound = cg_message_allocate_decode(payload, bytes, node->buffers, &fact, NULL) ==
                       CG_OK &&
                   fits(node, &fact);
        if (is_sound) {
            work.id = fact.request_id;
            work.client = fact.client;
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
            work.priority = (uint8_t)batch.priority;
            work.request = CG_REQUEST_BATCH;
        }
        break;
    default:
        is_sound = cg_message_remove_decode(payload, bytes, &removal, NULL) == CG_OK &&
                   cg_node_partition_of(removal.target & CG_NODE_REQUEST_ID_MAX,
                                        node->options.hosts) == node->own.number;
        if (is_sound) {
            work.id = removal.request_id;
            work.client = removal.client;
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
    if (sequence > node->written_sequence || sequence <= node->own.durable_sequence) {
        return CG_OK; /* no write of ours */
    }
    node->own.durable_sequence = sequence;
    /* Earlier writes are done with it, and are not counted when they are told of later. */
    node->writes = sequence == node->written_sequence ? 0 : node->writes - (node->writes > 0);
    cg_status status = cg_primary_answer(node, event->now_ns, outputs, error);
    if (status == CG_OK) {
        status = cg_primary_write(node, outputs, error);
    }
    return status == CG_OK ? cg_replicate_ship(node, event->now_ns, outputs, error) : status;
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
        return cg_tune_tick(node, event, outputs, error);
    default:
        return cg_admit_timer(node, event, outputs, error);
    }
}

/* A batch of a recall, or a key that was fetched ahead. */
static cg_status on_read_done(cg_node *node, const cg_event *event, cg_outputs *outputs,
                              cg_error *error) {
    return event->id & CG_NODE_TIMER_OTHER
               ? cg_admit_timer(node, event, outputs, error)
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
    if (node->cache) {
        statistics.cache = cg_decision_cache_statistics_of(node->cache);
    }
    if (node->corpus) {
        statistics.pools = cg_pools_statistics(node->own.pools);
    }
    return statistics;
}

static const cg_partition *find_partition(const cg_node *node, uint32_t number) {
    if (!node->corpus) {
        return NULL;
    }
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
    if (!node->corpus) {
        return node->items_open == 0;
    }
    uint64_t last = cg_log_last(node->own.log);
    return node->pending_open == 0 && node->items_open == 0 && node->own.durable_sequence == last &&
           node->answered_sequence == last && cg_node_backlog(node) == 0;
}

uint64_t cg_node_vocabulary_version(const cg_node *node) {
    return node->corpus ? cg_vocabulary_version(node->vocabulary) : 0;
}

static uint64_t service_bytes(const cg_node *node) {
    return (node->admission ? cg_admission_bytes(node->admission) : 0) +
           (node->cache ? cg_decision_cache_bytes(node->cache) : 0) +
           (node->successors ? cg_successors_bytes(node->successors) : 0) +
           (node->forecast ? sizeof *node->forecast : 0) + cg_tiers_bytes(node->tiers) +
           cg_items_bytes(node);
}

static uint64_t graph_bytes(const cg_node *node) {
    return cg_partition_bytes(&node->own) +
           (node->has_copy ? cg_partition_bytes(&node->copy) : 0) +
           cg_cascade_scratch_bytes(node->scratch) + cg_vocabulary_bytes(node->vocabulary);
}

uint64_t cg_node_bytes(const cg_node *node) {
    return sizeof *node + service_bytes(node) + (node->corpus ? graph_bytes(node) : 0) +
           cg_table_bytes(node->pending_of) + cg_table_bytes(node->rejected) +
           cg_table_bytes(node->open_of) + cg_table_bytes(node->newest_below) +
           node->next_below_capacity * sizeof *node->next_below +
           node->keys_capacity * sizeof *node->keys + node->record_capacity +
           node->batch_capacity + node->pending_bytes +
           node->answers_capacity * sizeof *node->answers +
           node->pending_capacity * sizeof *node->pending + sizeof *node->embedding +
           sizeof *node->buffers;
}
