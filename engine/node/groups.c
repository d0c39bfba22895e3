/* Partitions as this host holds them: each one's log and state, driven by its group
 * (engine/replica/group.h).
 *
 * A group calls back within the step that called it, so what it asks for becomes that step's
 * outputs: node->outputs, at node->now_ns.
 */
#include <string.h>

#include "engine/node/node_internal.h"

/* --- what a group asks for --- */

/* The partition's state was built again: what was made of rows and slots is of others now. */
static void note_build(cg_holding *holding, uint64_t builds) {
    if (holding->partition.builds != builds && holding->cache) {
        (void)cg_decision_cache_invalidate_all(holding->cache);
    }
}

static cg_status apply(void *context, const uint8_t *bytes, size_t size_bytes,
                       cg_error *error) {
    cg_holding *holding = context;
    cg_node *node = holding->space->node;
    uint64_t builds = holding->partition.builds;
    cg_log_record record;
    size_t used = 0;
    cg_status status =
        cg_log_record_decode(bytes, size_bytes, node->buffers, &record, &used, error);
    if (status != CG_OK) {
        return status;
    }
    cg_encoded_record encoded = {bytes, used};
    status = cg_partition_apply(&holding->partition, &record, encoded, NULL,
                                &node->outputs->work, error);
    note_build(holding, builds);
    return status;
}

static cg_status cut(void *context, uint64_t last, cg_error *error) {
    cg_holding *holding = context;
    uint64_t builds = holding->partition.builds;
    cg_status status = cg_partition_cut(&holding->partition, last,
                                        &holding->space->node->outputs->work, error);
    note_build(holding, builds);
    return status;
}

static cg_status write_frames(void *context, uint64_t token, const uint8_t *frames,
                              size_t size_bytes, cg_error *error) {
    cg_holding *holding = context;
    cg_node *node = holding->space->node;
    cg_output write = {.kind = CG_OUTPUT_WRITE, .id = cg_write_token(holding->number, token)};
    uint8_t *bytes = NULL;
    cg_status status = cg_outputs_add(node->outputs, &write, size_bytes, &bytes, error);
    if (status == CG_OK) {
        memcpy(bytes, frames, size_bytes);
        holding->writes++;
    }
    return status;
}

static cg_status changed(void *context, cg_error *error) {
    cg_holding *holding = context;
    const cg_group *group = holding->group;
    if (!group) {
        return CG_OK; /* it begins, and has nothing to give up */
    }
    if (cg_group_role_of(group) != CG_GROUP_PRIMARY) {
        cg_primary_give_up(holding);
    }
    return cg_group_primary(group) == CG_GROUP_NOBODY
               ? CG_OK
               : cg_groups_learn(holding->space->node, holding->number, cg_group_epoch(group),
                                 cg_group_primary(group), error);
}

static cg_status safe(void *context, uint64_t sequence, cg_error *error) {
    return cg_primary_answer(context, sequence, error);
}

static cg_status readable(void *context, uint64_t ticket, bool is_good, cg_error *error) {
    return cg_primary_readable(context, ticket, is_good, error);
}

static cg_status alert(void *context, cg_status what, const char *text, cg_error *error) {
    const cg_holding *holding = context;
    return cg_node_alert(holding->space->node->outputs,
                         what == CG_ERROR_LAG ? CG_WARNING : CG_CRITICAL, text, error);
}

/* --- the life of a holding --- */

static cg_group_options group_options(const cg_holding *holding) {
    const cg_node *node = holding->space->node;
    const cg_node_options *options = &node->options;
    cg_group_options group = cg_group_options_default();
    group.number = holding->number;
    group.host = options->host;
    group.has_witness = cg_node_has_witness(options);
    group.voter_count = 1 + options->replicas + (group.has_witness ? 1 : 0);
    for (uint32_t i = 0; i < group.voter_count; ++i) {
        group.voters[i] = cg_node_keeper_of(holding->number, node->options.hosts, i);
    }
    group.acknowledge = options->acknowledge;
    group.fails_over = options->fails_over;
    group.seed = options->seed;
    group.heartbeat_ns = options->heartbeat_ns;
    group.election_ns = options->election_ns;
    group.resend_ns = options->replicate_retry_ns;
    group.lag_warn_ns = options->lag_warn_ns;
    group.lag_drop_ns = options->lag_drop_ns;
    group.writes_max = options->service.writes_max;
    return group;
}

static cg_status init_service(cg_holding *holding, cg_error *error) {
    cg_node *node = holding->space->node;
    const cg_service_options *service = &node->options.service;
    cg_status status = cg_table_alloc(node->allocator, &holding->rejected, error);
    if (status == CG_OK) {
        status = cg_table_alloc(node->allocator, &holding->answer_of, error);
    }
    if (status == CG_OK && service->cache_entries > 0 && !holding->is_witness) {
        uint32_t part = service->cache_entries / node->options.spaces;
        cg_decision_cache_options cache = {.capacity = part > 0 ? part : 1,
                                           .value_bytes = sizeof(cg_reply),
                                           .ttl_ns = service->cache_ttl_ns};
        status = cg_decision_cache_alloc(&cache, node->allocator, &holding->cache, error);
    }
    return status;
}

cg_status cg_holding_init(cg_holding *holding, const cg_pool_options *pools, cg_error *error) {
    cg_node *node = holding->space->node;
    cg_status status = init_service(holding, error);
    if (status == CG_OK && !holding->is_witness) {
        status = cg_partition_init(&holding->partition, holding->number, node->corpus, pools,
                                   node->allocator, error);
    }
    if (status != CG_OK) {
        return status;
    }
    const cg_group_options options = group_options(holding);
    holding->place = (cg_protocol_place){node, CG_PROTOCOL_GROUP, holding->number};
    const cg_port port = cg_protocol_port(&holding->place);
    const cg_group_machine machine = {.context = holding,
                                      .log = holding->partition.log,
                                      .apply = apply,
                                      .cut = cut,
                                      .write = write_frames,
                                      .changed = changed,
                                      .safe = safe,
                                      .readable = readable,
                                      .alert = alert};
    return cg_group_alloc(&options, &port, &machine, node->allocator, &holding->group, error);
}

void cg_holding_deinit(cg_holding *holding) {
    const cg_allocator *allocator = &holding->space->node->allocator;
    cg_group_free(holding->group);
    if (!holding->is_witness) {
        cg_partition_deinit(&holding->partition);
    }
    cg_deallocate(allocator, holding->answers, holding->answers_capacity,
                  sizeof *holding->answers);
    cg_table_free(holding->answer_of);
    cg_table_free(holding->rejected);
    cg_deallocate(allocator, holding->shed, holding->shed_capacity, sizeof *holding->shed);
    cg_decision_cache_free(holding->cache);
}

/* --- events --- */

cg_status cg_holding_appended(cg_holding *holding, cg_error *error) {
    return cg_group_appended(holding->group, holding->space->node->now_ns, error);
}

bool cg_holding_serves(const cg_holding *holding) {
    return !holding->is_witness && cg_group_serves(holding->group);
}

cg_status cg_groups_message(cg_node *node, const cg_protocol_message *message,
                            cg_error *error) {
    cg_holding *holding =
        message->owner < CG_NODE_PARTITIONS_MAX ? cg_node_holding(node, message->owner) : NULL;
    return holding
               ? cg_group_receive(holding->group, message->from, message->type,
                                  message->payload, message->size_bytes, node->now_ns, error)
               : CG_ERROR_CORRUPT;
}

cg_status cg_groups_timer(cg_node *node, uint32_t partition, uint32_t number, cg_error *error) {
    cg_holding *holding = cg_node_holding(node, partition);
    return holding ? cg_group_timer(holding->group, number, node->now_ns, error) : CG_OK;
}

cg_status cg_groups_durable(cg_node *node, uint64_t token, cg_error *error) {
    const uint64_t number = token & ((UINT64_C(1) << 48) - 1);
    if (token >> 48 == CG_NODE_EDGES) {
        return cg_edges_durable(node, number, error);
    }
    cg_holding *holding = cg_node_holding(node, (uint32_t)(token >> 48));
    if (!holding) {
        return CG_OK; /* no write that anybody waits for */
    }
    holding->writes -= holding->writes > 0;
    return cg_group_durable(holding->group, number, node->now_ns, error);
}

cg_status cg_groups_redirect(const cg_holding *holding, uint64_t request_id, uint32_t gateway,
                             cg_error *error) {
    cg_node *node = holding->space->node;
    if (gateway == CG_NODE_DIRECT) {
        cg_reply reply = {.request_id = request_id,
                          .status = CG_ERROR_UNREACHABLE,
                          .host = node->options.host,
                          .slot = CG_SLOT_NONE};
        return cg_node_reply(node, node->outputs, &reply, error);
    }
    cg_message_redirect message = {.request_id = request_id,
                                   .partition = holding->number,
                                   .primary = cg_group_primary(holding->group),
                                   .epoch = cg_group_epoch(holding->group)};
    uint8_t *payload = NULL;
    cg_status status =
        cg_node_send(node, node->outputs, gateway, CG_MESSAGE_REDIRECT_BYTES, &payload, error);
    if (status == CG_OK) {
        node->statistics.redirects++;
        cg_message_redirect_encode(&message, payload);
        cg_node_seal(node, node->outputs, CG_MESSAGE_REDIRECT);
    }
    return status;
}

/* --- who is the primary --- */

enum { VIEW_HOST_BITS = 16 };

uint32_t cg_groups_primary(const cg_node *node, uint32_t partition, uint64_t *epoch) {
    uint64_t view = 0;
    if (!cg_table_get(node->views, partition, &view)) {
        *epoch = 1;
        return cg_node_primary_of(partition, node->options.hosts);
    }
    *epoch = view >> VIEW_HOST_BITS;
    return (uint32_t)(view & ((1U << VIEW_HOST_BITS) - 1));
}

cg_status cg_groups_learn(cg_node *node, uint32_t partition, uint64_t epoch, uint32_t primary,
                          cg_error *error) {
    uint64_t known = 0;
    (void)cg_groups_primary(node, partition, &known);
    return epoch >= known && primary < node->options.hosts
               ? cg_table_put(node->views, partition, epoch << VIEW_HOST_BITS | primary, error)
               : CG_OK;
}
