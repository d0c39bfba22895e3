/* The way back of a fact: wait until nobody uses it, log, remove.
 *
 * A fact that a recall reads is pinned, and one with other facts below it is needed: that is a
 * conflict. The removal is tried again, waiting twice as long each time, up to conflict_tries
 * times; then the client is told. Meanwhile its item keeps its permit, so conflicts are bounded
 * like everything else.
 *
 * The removal is a log record like an allocation, so it is applied once, in order, on primary and
 * replica alike.
 */
#include "engine/node/node_internal.h"

static cg_status store_removal(cg_space *space, const cg_message_remove *message,
                               uint64_t fact_sequence, uint32_t gateway, uint64_t now_ns,
                               cg_outputs *outputs, cg_error *error) {
    cg_node *node = space->node;
    uint32_t row = 0;
    CG_ASSERT(cg_partition_row_of(&space->own, fact_sequence, &row));
    cg_reply reply = {.request_id = message->request_id,
                      .host = node->options.host,
                      .fact_id = cg_partition_fact_id(space->own.number, fact_sequence),
                      .slot = CG_SLOT_NONE,
                      .request = CG_REQUEST_DEALLOCATE,
                      .count = 1};
    cg_log_record record = {.kind = CG_RECORD_REMOVE,
                            .sequence = cg_log_last(space->own.log) + 1,
                            .request_id = message->request_id,
                            .clock = cg_hlc_tick(&node->clock, now_ns),
                            .removed_sequence = fact_sequence};
    cg_status status = cg_primary_note(space, &reply, gateway, error);
    if (status == CG_OK) {
        status = cg_primary_append(space, &record, NULL, &outputs->work, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_tiers_forget(node->tiers, cg_node_tier_key(space, row));
    if (space->cache) {
        (void)cg_decision_cache_invalidate(space->cache, row);
    }
    node->statistics.removals++;
    space->removals++;
    return cg_primary_write(space, outputs, error);
}

/* CG_ERROR_CONFLICT: not now; any other: never. */
static cg_status check(const cg_space *space, uint64_t target, uint64_t *fact_sequence,
                       cg_error *error) {
    uint64_t sequence = 0;
    if (!cg_table_get(space->own.sequence_of, target, &sequence)) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "request %llu allocated no fact, so there is none to deallocate",
                            (unsigned long long)target);
    }
    uint64_t fact_id = cg_partition_fact_id(space->own.number, sequence);
    cg_status status = cg_partition_check_remove(&space->own, fact_id, error);
    uint64_t slot = status == CG_OK ? cg_partition_slot(&space->own, sequence) : CG_SLOT_NONE;
    uint32_t pins = status == CG_OK ? cg_pools_pins(space->own.pools, slot) : 0;
    if (pins > 0) {
        status = cg_error_set(error, CG_ERROR_CONFLICT, "fact %llx is being read by %u recalls",
                              (unsigned long long)fact_id, pins);
    }
    *fact_sequence = sequence;
    return status;
}

cg_status cg_remove_again(cg_node *node, cg_item *item, uint64_t now_ns, cg_outputs *outputs,
                          cg_error *error) {
    const cg_message_remove *message = &item->removal;
    cg_space *space = cg_item_space(node, item);
    uint64_t fact_sequence = 0;
    cg_status status = check(space, message->target, &fact_sequence, error);
    item->pending = false;
    if (status == CG_OK) {
        return store_removal(space, message, fact_sequence, item->from, now_ns, outputs, error);
    }
    if (status == CG_ERROR_CONFLICT) {
        node->statistics.conflicts++;
        if (++item->tries < node->options.service.conflict_tries) {
            item->pending = true;
            uint64_t wait_ns = node->options.service.conflict_ns << (item->tries - 1);
            return cg_item_timer(node, item, CG_TIMER_AGAIN, 0, now_ns + wait_ns, outputs,
                                 error);
        }
    }
    return cg_primary_reject(space, message->request_id, CG_REQUEST_DEALLOCATE, status,
                             item->from, now_ns, outputs, error);
}

cg_status cg_remove_begin(cg_node *node, cg_item *item, const cg_message_remove *message,
                          uint64_t now_ns, cg_outputs *outputs, cg_error *error) {
    cg_status status = CG_OK;
    if (cg_primary_decided(cg_item_space(node, item), message->request_id, item->from, now_ns,
                           outputs, &status, error)) {
        return status;
    }
    item->removal = *message;
    return cg_remove_again(node, item, now_ns, outputs, error);
}
