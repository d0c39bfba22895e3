/* Whether a fact is there: read at the primary, when it is known still to be that, or near, from a copy
 * that says how old it is (spec D9).
 */
#include "engine/node/node_internal.h"

/* Waits until what is here now is safe and this host still is the primary: not at all, where no other
 * could be. */
cg_status cg_primary_get(cg_holding *holding, cg_item *item, cg_error *error) {
    cg_node *node = holding->space->node;
    item->pending = true;
    node->reading = item;
    cg_status status =
        cg_group_read(holding->group, cg_item_ticket(node, item), node->now_ns, error);
    node->reading = NULL;
    return status;
}

static cg_reply look_up(const cg_holding *holding, const cg_message_about *get) {
    const cg_partition *partition = &holding->partition;
    uint64_t sequence = 0;
    uint32_t row = 0;
    cg_reply reply = {.request_id = get->request_id,
                      .status = CG_ERROR_NOT_FOUND,
                      .host = holding->space->node->options.host,
                      .request = CG_REQUEST_GET,
                      .slot = CG_SLOT_NONE,
                      .version = partition->applied};
    if (cg_table_get(partition->sequence_of, get->target, &sequence) &&
        cg_partition_row_of(partition, sequence, &row) &&
        !cg_graph_is_removed(partition->graph, row)) {
        reply.status = CG_OK;
        reply.fact_id = cg_fact_id(get->target);
        reply.slot = cg_partition_slot(partition, sequence);
        reply.count = 1;
        (void)cg_graph_parents(partition->graph, row, &reply.winner, 1);
    } else if (get->after != 0 &&
               !cg_table_get(partition->sequence_of, get->after, &sequence)) {
        reply.status =
            CG_ERROR_LAG; /* this side has not got what its client wrote on another */
    }
    return reply;
}

/* A copy answers for what it is: as many records, and as old as the last word of its primary. */
bool cg_primary_get_near(cg_node *node, const cg_message_about *get, cg_reply *reply,
                         cg_work *work) {
    uint32_t number = cg_node_partition_number(get->target & CG_NODE_REQUEST_ID_MAX, get->space,
                                               node->options.hosts);
    const cg_holding *holding =
        (get->flags & CG_REQUEST_NEAR) ? cg_node_holding(node, number) : NULL;
    uint64_t heard_ns = 0;
    uint64_t sequence = 0;
    if (!holding || holding->is_witness || !cg_group_heard(holding->group, &heard_ns) ||
        node->now_ns - heard_ns > node->options.stale_ns ||
        (get->after != 0 &&
         !cg_table_get(holding->partition.sequence_of, get->after, &sequence))) {
        return false;
    }
    *reply = look_up(holding, get);
    reply->stale_ns = node->now_ns - heard_ns;
    node->statistics.near_gets++;
    cg_work_count(work, CG_WORK_GRAPH_READ, 1, 1);
    return true;
}

cg_status cg_primary_readable(cg_holding *holding, uint64_t ticket, bool is_good,
                              cg_error *error) {
    cg_node *node = holding->space->node;
    cg_item *item = cg_item_of_ticket(node, ticket);
    if (!item || !item->pending) {
        return CG_OK;
    }
    item->pending = false;
    cg_status status = CG_OK;
    if (is_good) {
        cg_work_count(&node->outputs->work, CG_WORK_GRAPH_READ, 1, 1);
        cg_reply reply = look_up(holding, &item->removal);
        status = cg_node_answer(node, &reply, item->from, node->now_ns, node->outputs, error);
    } else {
        status = cg_groups_redirect(holding, item->removal.request_id, item->from, error);
    }
    return status == CG_OK && item != node->reading ? cg_item_settle(node, item, error)
                                                    : status;
}
