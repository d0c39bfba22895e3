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

static cg_status store_removal(cg_holding *holding, const cg_message_about *message,
                               uint32_t row, uint32_t gateway, cg_outputs *outputs,
                               cg_error *error) {
    cg_node *node = holding->space->node;
    cg_reply reply = {.request_id = message->request_id,
                      .host = node->options.host,
                      .fact_id = cg_fact_id(message->target),
                      .slot = CG_SLOT_NONE,
                      .request = CG_REQUEST_DEALLOCATE,
                      .count = 1};
    cg_log_record record = {.kind = CG_RECORD_REMOVE,
                            .request_id = message->request_id,
                            .removed = cg_fact_id(message->target)};
    cg_status status = cg_primary_note(holding, &reply, gateway, error);
    if (status == CG_OK) {
        status = cg_primary_append(holding, &record, NULL, &outputs->work, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_tiers_forget(node->tiers, cg_node_tier_key(node, holding->number, row));
    if (holding->cache) {
        (void)cg_decision_cache_invalidate(holding->cache, row);
    }
    node->statistics.removals++;
    holding->space->removals++;
    return cg_holding_appended(holding, error);
}

/* CG_ERROR_CONFLICT: not now; any other: never. */
static cg_status check(const cg_holding *holding, uint64_t target, uint32_t *row,
                       cg_error *error) {
    const cg_partition *partition = &holding->partition;
    uint64_t sequence = 0;
    if (!cg_table_get(partition->sequence_of, target, &sequence)) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "request %llu allocated no fact, so there is none to deallocate",
                            (unsigned long long)target);
    }
    cg_status status = cg_partition_check_remove(partition, cg_fact_id(target), error);
    uint64_t slot = cg_partition_slot(partition, sequence);
    uint32_t pins =
        status == CG_OK && slot != CG_SLOT_NONE ? cg_pools_pins(partition->pools, slot) : 0;
    if (pins > 0) {
        status = cg_error_set(error, CG_ERROR_CONFLICT, "fact %llx is being read by %u recalls",
                              (unsigned long long)cg_fact_id(target), pins);
    }
    (void)cg_partition_row_of(partition, sequence, row);
    return status;
}

cg_status cg_remove_again(cg_node *node, cg_item *item, uint64_t now_ns, cg_outputs *outputs,
                          cg_error *error) {
    const cg_message_about *message = &item->removal;
    cg_holding *holding = cg_item_holding(node, item);
    uint32_t row = 0;
    item->pending = false;
    if (!holding || !cg_holding_serves(holding)) { /* not any more */
        return cg_groups_redirect(holding, message->request_id, item->from, error);
    }
    cg_status status = check(holding, message->target, &row, error);
    if (status == CG_OK) {
        return store_removal(holding, message, row, item->from, outputs, error);
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
    return cg_primary_reject(holding, message->request_id, CG_REQUEST_DEALLOCATE, status,
                             item->from, now_ns, outputs, error);
}

cg_status cg_remove_begin(cg_node *node, cg_item *item, const cg_message_about *message,
                          uint64_t now_ns, cg_outputs *outputs, cg_error *error) {
    cg_status status = CG_OK;
    cg_holding *holding = cg_item_holding(node, item);
    if (holding && cg_primary_decided(holding, message->request_id, CG_REQUEST_DEALLOCATE,
                                      item->from, now_ns, outputs, &status, error)) {
        return status;
    }
    item->removal = *message;
    return cg_remove_again(node, item, now_ns, outputs, error);
}
