/* Edges that clients change at any host, and that hosts merge (spec F6, F7).
 *
 * A memory space's edges are an edge set (engine/replica/edge_set.h) at every host, beside what its
 * partitions' logs say. A change is written to this host's journal, joined when it is durable, and then
 * acknowledged; gossip (engine/replica/gossip.h) carries it to the others, whose deltas go the same way.
 *
 * What the edges weigh shows in a graph of its own that stands on the corpus, which spreads over hosts
 * go through: an edge of the corpus that was changed has the merged weight, and one that was removed
 * weighs nothing.
 */
#include <string.h>

#include "engine/node/node_internal.h"

enum { DELIVERIES_MAX = 4 }; /* of a space, under way to the disk */

/* A write under way: records are joined in the order in which they were written. */
struct cg_edge_write {
    uint64_t token;
    uint64_t item_ticket; /* of the request that waits for it; 0: nobody does */
    uint32_t space;
    size_t size_bytes;
    uint8_t *bytes;
};

/* --- the graph --- */

static void note_change(void *context, cg_edge_key edge, bool exists, uint8_t weight) {
    cg_space *space = context;
    cg_node *node = space->node;
    /* The set cannot take a failure here: it is kept for the end of the step. */
    if (node->edge_status != CG_OK) {
        return;
    }
    uint32_t rows = cg_graph_concept_count(node->corpus->graph);
    if (edge.from >= rows || edge.to >= rows) {
        return; /* came from a host with another corpus: a stranger's */
    }
    cg_edge added = {
        .target = (uint32_t)edge.to, .type = edge.type, .weight = exists ? weight : 0};
    cg_status status = cg_graph_set_weight(space->edge_graph, (uint32_t)edge.from, edge.type,
                                           added.target, added.weight, &node->edge_error);
    if (status == CG_ERROR_NOT_FOUND && exists) {
        status =
            cg_graph_add_edge(space->edge_graph, (uint32_t)edge.from, added, &node->edge_error);
    }
    node->edge_status = status == CG_ERROR_NOT_FOUND ? CG_OK : status;
}

static cg_status apply(cg_space *space, const uint8_t *bytes, size_t size_bytes,
                       cg_error *error) {
    cg_node *node = space->node;
    node->edge_status = CG_OK;
    cg_status status = cg_edge_set_apply(space->edges, bytes, size_bytes, error);
    if (status == CG_OK && node->edge_status != CG_OK) {
        status = node->edge_status;
        if (error) {
            *error = node->edge_error;
        }
    }
    return status;
}

/* --- life --- */

/* A foreign delta that has been overtaken, or that a lost one has to come before, comes again. */
static bool is_passed_over(cg_status status) {
    return status == CG_ERROR_LAG || status == CG_ERROR_CONFLICT || status == CG_ERROR_CORRUPT;
}

static bool is_reachable(void *context, uint32_t host) {
    const cg_space *space = context;
    return cg_membership_reaches(space->node, host);
}

static cg_status write_record(cg_space *space, const uint8_t *bytes, size_t size_bytes,
                              uint64_t ticket, cg_error *error);

/* Gossip sends a delta again until it sees that it was joined: behind a slow disk, more copies would come
 * than it can write. What is left out comes again later. */
static cg_status deliver(void *context, const uint8_t *bytes, size_t size_bytes,
                         cg_error *error) {
    const cg_space *space = context;
    uint32_t under_way = 0;
    for (size_t i = 0; i < space->node->edge_write_count; ++i) {
        const struct cg_edge_write *write = &space->node->edge_writes[i];
        under_way += write->space == space->number && write->item_ticket == 0;
    }
    return under_way < DELIVERIES_MAX ? write_record(context, bytes, size_bytes, 0, error)
                                      : CG_OK;
}

cg_status cg_edges_begin(cg_node *node, uint64_t disk_life, cg_error *error) {
    cg_status status = CG_OK;
    const cg_node_options *options = &node->options;
    for (uint32_t i = 0; node->corpus && status == CG_OK && i < options->spaces; ++i) {
        cg_space *space = &node->spaces[i];
        cg_edge_set_options set = {.replica =
                                       cg_replica_id_of(options->host, (uint32_t)disk_life),
                                   .changed = note_change,
                                   .context = space};
        status =
            cg_graph_alloc(node->corpus->graph, node->allocator, &space->edge_graph, error);
        if (status == CG_OK) {
            status = cg_edge_set_alloc(&set, node->allocator, &space->edges, error);
        }
        if (status != CG_OK || !options->fails_over || options->hosts < 2) {
            continue;
        }
        space->edges_place = (cg_protocol_place){node, CG_PROTOCOL_EDGES, i};
        cg_gossip_options gossip = {.host = options->host,
                                    .hosts = options->hosts,
                                    .seed = options->seed,
                                    .is_reachable = is_reachable,
                                    .deliver = deliver,
                                    .context = space};
        status = cg_gossip_alloc(&gossip, space->edges, cg_protocol_port(&space->edges_place),
                                 node->allocator, &space->gossip, error);
    }
    return status;
}

cg_status cg_edges_open(cg_node *node, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; node->corpus && status == CG_OK && i < node->options.spaces; ++i) {
        cg_edge_set_open(node->spaces[i].edges);
        if (node->spaces[i].gossip) {
            status = cg_gossip_start(node->spaces[i].gossip, node->now_ns, error);
        }
    }
    return status;
}

cg_status cg_edges_replay(cg_node *node, const cg_frame *frame, cg_error *error) {
    if (frame->owner >= node->options.spaces || !node->spaces[frame->owner].edges) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "a frame of edges of memory space %u",
                            frame->owner);
    }
    cg_status status =
        apply(&node->spaces[frame->owner], frame->payload, frame->payload_bytes, error);
    return is_passed_over(status) ? CG_OK : status; /* as when it was written */
}

void cg_edges_free(cg_space *space) {
    cg_gossip_free(space->gossip);
    cg_edge_set_free(space->edges);
    cg_graph_free(space->edge_graph);
}

void cg_edge_writes_free(cg_node *node) {
    for (size_t i = 0; i < node->edge_write_count; ++i) {
        cg_deallocate(&node->allocator, node->edge_writes[i].bytes,
                      node->edge_writes[i].size_bytes, 1);
    }
    cg_deallocate(&node->allocator, node->edge_writes, node->edge_writes_capacity,
                  sizeof *node->edge_writes);
}

/* --- writing, then joining --- */

static cg_status write_record(cg_space *space, const uint8_t *bytes, size_t size_bytes,
                              uint64_t ticket, cg_error *error) {
    cg_node *node = space->node;
    cg_status status = CG_GROW(&node->allocator, node->edge_writes, node->edge_writes_capacity,
                               node->edge_write_count + 1, error);
    if (status != CG_OK) {
        return status;
    }
    uint8_t *kept = cg_allocate(&node->allocator, size_bytes, 1);
    if (!kept) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a change of edges");
    }
    memcpy(kept, bytes, size_bytes);
    node->edge_writes[node->edge_write_count++] =
        (struct cg_edge_write){.token = ++node->edge_tokens,
                               .item_ticket = ticket,
                               .space = space->number,
                               .size_bytes = size_bytes,
                               .bytes = kept};
    cg_output write = {.kind = CG_OUTPUT_WRITE,
                       .id = cg_write_token(CG_NODE_EDGES, node->edge_tokens)};
    uint8_t *frame = NULL;
    status = cg_outputs_add(node->outputs, &write, cg_frame_bytes(size_bytes), &frame, error);
    if (status == CG_OK) {
        memcpy(frame + CG_FRAME_HEAD_BYTES, bytes, size_bytes);
        cg_frame_seal(CG_FRAME_EDGES, space->number, size_bytes, frame);
        cg_work_count(&node->outputs->work, CG_WORK_LOG_APPEND, 1, size_bytes);
    }
    return status;
}

static cg_status answer(cg_node *node, uint64_t ticket, cg_error *error) {
    cg_item *item = cg_item_of_ticket(node, ticket);
    if (!item || !item->pending) {
        return CG_OK;
    }
    item->pending = false;
    cg_reply reply = {.request_id = item->event.id,
                      .host = node->options.host,
                      .tries = 1,
                      .request = CG_REQUEST_EDGE,
                      .slot = CG_SLOT_NONE,
                      .count = 1};
    cg_status status = cg_node_reply(node, node->outputs, &reply, error);
    return status == CG_OK ? cg_item_settle(node, item, error) : status;
}

cg_status cg_edges_durable(cg_node *node, uint64_t token, cg_error *error) {
    cg_status status = CG_OK;
    size_t done = 0;
    for (; status == CG_OK && done < node->edge_write_count &&
           node->edge_writes[done].token <= token;
         ++done) {
        struct cg_edge_write *write = &node->edge_writes[done];
        status = apply(&node->spaces[write->space], write->bytes, write->size_bytes, error);
        if (write->item_ticket == 0 && is_passed_over(status)) {
            status = CG_OK;
        }
        if (status == CG_OK && write->item_ticket != 0) {
            status = answer(node, write->item_ticket, error);
        }
        cg_deallocate(&node->allocator, write->bytes, write->size_bytes, 1);
    }
    memmove(node->edge_writes, node->edge_writes + done,
            (node->edge_write_count - done) * sizeof *node->edge_writes);
    node->edge_write_count -= done;
    return status;
}

/* --- requests --- */

cg_status cg_edges_check(const cg_node *node, const cg_event *event, cg_error *error) {
    cg_edge_change change;
    if (node->options.hosts > 1 && !node->options.fails_over) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "request %llu: edges of several hosts can only be changed where "
                            "hosts watch one another",
                            (unsigned long long)event->id);
    }
    if (!cg_edge_change_read(event->bytes, event->size_bytes, &change)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "request %llu: %zu bytes for a change of an edge; it takes %d, or "
                            "%d to remove it",
                            (unsigned long long)event->id, event->size_bytes,
                            CG_EDGE_OBSERVE_BYTES, CG_EDGE_REMOVE_BYTES);
    }
    uint32_t rows = cg_graph_concept_count(node->corpus->graph);
    if (change.from >= rows || change.to >= rows || change.from == change.to ||
        (!change.removes &&
         (change.confidence_q16 < 1 || change.confidence_q16 > CG_EDGE_CONFIDENCE_ONE))) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "request %llu: an edge from row %llu to row %llu with confidence "
                            "%u/65536; there are %u rows, two different ones make an edge, and "
                            "confidence is above 0 and at most 1",
                            (unsigned long long)event->id, (unsigned long long)change.from,
                            (unsigned long long)change.to, change.confidence_q16, rows);
    }
    return CG_OK;
}

cg_status cg_edges_change(cg_node *node, cg_item *item, cg_error *error) {
    const cg_event *event = &item->event;
    cg_space *space = cg_item_space(node, item);
    cg_edge_change change;
    bool is_whole = cg_edge_change_read(event->bytes, event->size_bytes, &change);
    CG_ASSERT(is_whole); /* cg_edges_check */
    cg_edge_key key = {change.from, change.to, change.type};
    cg_edge_record record;
    cg_status status = change.removes
                           ? cg_edge_set_remove(space->edges, key, &record, error)
                           : cg_edge_set_observe(space->edges, key, change.weight,
                                                 change.confidence_q16, &record, error);
    if (status == CG_ERROR_MEMORY) {
        return status;
    }
    if (status != CG_OK) {
        return cg_node_refuse(node, event, status, node->outputs, error);
    }
    node->statistics.edges_changed++;
    item->pending = true;
    return write_record(space, record.bytes, record.size_bytes, cg_item_ticket(node, item),
                        error);
}

cg_status cg_edges_message(cg_node *node, const cg_protocol_message *message, cg_error *error) {
    if (message->owner >= node->options.spaces || !node->spaces[message->owner].gossip) {
        return CG_ERROR_CORRUPT;
    }
    const cg_gossip_message gossip = {.from = message->from,
                                      .type = message->type,
                                      .payload = message->payload,
                                      .size_bytes = message->size_bytes};
    return cg_gossip_receive(node->spaces[message->owner].gossip, &gossip, node->now_ns, error);
}

cg_status cg_edges_timer(cg_node *node, uint32_t space, uint32_t number, cg_error *error) {
    cg_gossip *gossip = space < node->options.spaces ? node->spaces[space].gossip : NULL;
    return gossip ? cg_gossip_timer(gossip, number, node->now_ns, error) : CG_OK;
}

cg_edges_state cg_node_edges(const cg_node *node, uint32_t space) {
    cg_edges_state state = {0};
    if (space < node->options.spaces && node->spaces[space].edges) {
        const cg_edge_set *set = node->spaces[space].edges;
        state.present = true;
        state.visible_hash = cg_edge_set_hash(set, CG_EDGE_HASH_VISIBLE);
        state.state_hash = cg_edge_set_hash(set, CG_EDGE_HASH_STATE);
        state.edges = cg_edge_set_count(set);
        state.tombstones = cg_edge_set_tombstones(set);
    }
    return state;
}

bool cg_node_edge(const cg_node *node, uint32_t space, cg_edge_key edge, cg_edge_view *view) {
    return space < node->options.spaces && node->spaces[space].edges &&
           cg_edge_set_get(node->spaces[space].edges, edge, view);
}
