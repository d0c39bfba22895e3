/* A recall of many keys: batches that run on all cores, and from the store (spec D4).
 *
 * Keys are ordered by the tier that holds them. What only the store has is fetched at once, in
 * batches of one read each, while the faster tiers' keys are read phase by phase: each phase is cut
 * into batches, each batch is a step of its own, and so they run side by side. A batch costs its
 * dispatch (two steps) and its reads. One controller a tier chooses the size from what batches
 * took: of a phase of P batches on c cores, its time over ceil(P / c) rounds.
 *
 * What a key leads to is read in the key's own batch, through whichever tier has it.
 */
#include <string.h>

#include "engine/base/math.h"
#include "engine/node/node_internal.h"

enum { SETTLED_AFTER = 3 }; /* changes of a size */

static uint32_t store_of(const cg_node *node) {
    return node->options.tier_levels - 1;
}

static uint32_t begin_of(const cg_recall_state *recall, uint32_t level) {
    return level == 0 ? 0 : recall->end[level - 1];
}

static uint32_t count_of(const cg_recall_state *recall, uint32_t level) {
    return recall->end[level] - begin_of(recall, level);
}

static uint32_t parts_of(const cg_recall_state *recall, uint32_t level) {
    uint32_t batch = recall->batch[level];
    CG_ASSERT(batch > 0);
    return (count_of(recall, level) + batch - 1) / batch;
}

/* Sorts the keys by tier; keys of one tier stay in their order. */
static cg_status order_by_tier(cg_node *node, cg_recall_state *recall, cg_error *error) {
    cg_status status = CG_GROW(&node->allocator, node->keys, node->keys_capacity,
                               (size_t)recall->key_count, error);
    if (status != CG_OK) {
        return status;
    }
    memcpy(node->keys, recall->keys, recall->key_count * sizeof *node->keys);
    uint32_t placed = 0;
    for (uint32_t level = 0; level <= store_of(node); ++level) {
        for (uint32_t i = 0; i < recall->key_count; ++i) {
            if (cg_tiers_where(node->tiers, node->keys[i], 0) == level) {
                recall->keys[placed++] = node->keys[i];
            }
        }
        recall->end[level] = placed;
    }
    return CG_OK;
}

static cg_status fetch_from_store(cg_node *node, cg_item *item, cg_outputs *outputs,
                                  cg_error *error) {
    cg_recall_state *recall = &item->recall;
    uint32_t store = store_of(node);
    uint32_t parts = parts_of(recall, store);
    cg_status status = CG_OK;
    recall->fetches_left = parts;
    for (uint32_t part = 0; status == CG_OK && part < parts; ++part) {
        uint32_t first = part * recall->batch[store];
        uint32_t left = count_of(recall, store) - first;
        uint32_t keys = left < recall->batch[store] ? left : recall->batch[store];
        cg_output read = {.kind = CG_OUTPUT_READ,
                          .id = cg_item_token(node, item, CG_TIMER_FETCHED, part),
                          .read_bytes = (uint64_t)keys * node->options.service.record_bytes};
        status = cg_outputs_add(outputs, &read, 0, NULL, error);
    }
    node->statistics.batches += parts;
    return status;
}

/* Begins the next phase that has keys; after the last one the recall waits for the store alone, or is
 * done. */
static cg_status begin_phase(cg_node *node, cg_item *item, uint32_t level, uint64_t now_ns,
                             cg_outputs *outputs, cg_error *error) {
    cg_recall_state *recall = &item->recall;
    while (level < store_of(node) && count_of(recall, level) == 0) {
        level++;
    }
    recall->level = level;
    if (level == store_of(node)) {
        if (recall->fetches_left > 0) {
            return CG_OK;
        }
        item->pending = false;
        return cg_recall_reply(node, item, outputs, error);
    }
    uint32_t parts = parts_of(recall, level);
    cg_status status = CG_OK;
    recall->parts_left = parts;
    recall->phase_ns = now_ns;
    for (uint32_t part = 0; status == CG_OK && part < parts; ++part) {
        status = cg_item_timer(node, item, CG_TIMER_PART, part, now_ns, outputs, error);
    }
    node->statistics.batches += parts;
    return status;
}

cg_status cg_batches_begin(cg_node *node, cg_item *item, uint64_t now_ns, bool *is_cut,
                           cg_outputs *outputs, cg_error *error) {
    cg_recall_state *recall = &item->recall;
    *is_cut = false;
    if (!node->options.service.batching || recall->key_count < 2) {
        return CG_OK;
    }
    cg_status status = order_by_tier(node, recall, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t tiers_used = 0;
    for (uint32_t level = 0; level <= store_of(node); ++level) {
        uint32_t fixed = node->options.service.batch;
        recall->batch[level] = fixed > 0 ? fixed : cg_batcher_size(&node->batchers[level]);
        *is_cut = *is_cut || count_of(recall, level) > recall->batch[level];
        tiers_used += count_of(recall, level) > 0;
    }
    /* Keys of the store beside others: fetched while those are read. */
    *is_cut = *is_cut || (tiers_used > 1 && count_of(recall, store_of(node)) > 1);
    if (!*is_cut) {
        return CG_OK;
    }
    item->pending = true;
    status = fetch_from_store(node, item, outputs, error);
    return status == CG_OK ? begin_phase(node, item, 0, now_ns, outputs, error) : status;
}

static cg_status read_part(cg_node *node, cg_item *item, uint32_t level, uint32_t part,
                           cg_work *work, cg_error *error) {
    const bool is_paid = level == store_of(node);
    const cg_recall_state *recall = &item->recall;
    uint32_t first = begin_of(recall, level) + part * recall->batch[level];
    uint32_t end = recall->end[level] - first < recall->batch[level]
                       ? recall->end[level]
                       : first + recall->batch[level];
    cg_status status = CG_OK;
    for (uint32_t i = first; status == CG_OK && i < end; ++i) {
        status = cg_recall_read(node, item, recall->keys[i], is_paid, work, error);
    }
    return status;
}

static void observe(cg_node *node, const cg_recall_state *recall, uint32_t level,
                    uint64_t elapsed_ns, uint32_t cores) {
    uint32_t parts = parts_of(recall, level);
    uint32_t rounds = (parts + cores - 1) / cores;
    uint32_t keys = count_of(recall, level) < recall->batch[level] ? count_of(recall, level)
                                                                   : recall->batch[level];
    uint32_t before = cg_log2_floor(cg_batcher_size(&node->batchers[level]));
    if (!cg_batcher_observe(&node->batchers[level], keys, count_of(recall, level),
                            elapsed_ns / rounds)) {
        return;
    }
    uint32_t after = cg_log2_floor(cg_batcher_size(&node->batchers[level]));
    uint32_t steps = after > before ? after - before : before - after;
    cg_node_statistics *statistics = &node->statistics;
    if (++statistics->batch_changes[level] > SETTLED_AFTER &&
        steps > statistics->batch_late_steps[level]) {
        statistics->batch_late_steps[level] = steps;
    }
}

/* The store has delivered a batch: its records were paid for by the READ. */
static cg_status fetched(cg_node *node, cg_item *item, uint32_t part, uint64_t now_ns,
                         cg_outputs *outputs, cg_error *error) {
    cg_recall_state *recall = &item->recall;
    uint32_t store = store_of(node);
    cg_status status = read_part(node, item, store, part, &outputs->work, error);
    recall->fetches_left--;
    if (status != CG_OK || recall->fetches_left > 0) {
        return status;
    }
    observe(node, recall, store, now_ns - item->started_ns, 1);
    return recall->level == store ? begin_phase(node, item, store, now_ns, outputs, error)
                                  : CG_OK;
}

cg_status cg_batches_step(cg_node *node, cg_item *item, cg_timer_kind kind, uint32_t part,
                          uint64_t now_ns, cg_outputs *outputs, cg_error *error) {
    cg_recall_state *recall = &item->recall;
    cg_status status = CG_OK;
    if (kind == CG_TIMER_FETCHED) {
        return fetched(node, item, part, now_ns, outputs, error);
    }
    if (kind == CG_TIMER_PART) {
        status = read_part(node, item, recall->level, part, &outputs->work, error);
        return status == CG_OK
                   ? cg_item_timer(node, item, CG_TIMER_PART_DONE, part, now_ns, outputs, error)
                   : status;
    }
    if (--recall->parts_left > 0) {
        return CG_OK;
    }
    observe(node, recall, recall->level, now_ns - recall->phase_ns,
            node->options.service.cores);
    return begin_phase(node, item, recall->level + 1, now_ns, outputs, error);
}
