/* New weights for edges: what consolidation made of the company that concepts kept (spec E6).
 *
 * All edges of a record are looked for before the first is weighed, so that a record that names
 * one that is not there changes nothing. The search goes concept by concept: a record is
 * ascending by (from, type, to).
 */
#include "engine/node/partition.h"

static bool is_before(const cg_edge *one, const cg_edge *other) {
    return one->type != other->type ? one->type < other->type : one->target < other->target;
}

/* How many of changed[count], all from one concept, are edges of the graph. */
static uint32_t edges_there(const cg_graph *graph, const cg_log_weight *changed, uint32_t count,
                            uint64_t *walked) {
    cg_edge_cursor cursor = cg_graph_edges(graph, changed[0].from);
    cg_edge edge = {0};
    uint32_t there = 0;
    for (; there < count && cg_graph_next_edge(&cursor, &edge); ++*walked) {
        uint32_t low = 0;
        for (uint32_t high = count; low < high;) {
            uint32_t middle = low + (high - low) / 2;
            if (is_before(&changed[middle].edge, &edge)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        there += low < count && !is_before(&edge, &changed[low].edge);
    }
    return there;
}

static cg_status check_record(const cg_partition *partition, const cg_log_record *record,
                              cg_work *work, cg_error *error) {
    unsigned long long next = cg_log_last(partition->log) + 1;
    if (record->sequence != next) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "partition %u: record %llu where %llu is next", partition->number,
                            (unsigned long long)record->sequence, next);
    }
    uint32_t rows = cg_graph_concept_count(partition->graph);
    for (uint32_t first = 0, end = 0; first < record->weight_count; first = end) {
        uint32_t from = record->weights[first].from;
        while (end < record->weight_count && record->weights[end].from == from) {
            end++;
        }
        uint64_t walked = 0;
        uint32_t there = from < rows ? edges_there(partition->graph, &record->weights[first],
                                                   end - first, &walked)
                                     : 0;
        cg_work_count(work, CG_WORK_GRAPH_READ, 1, walked);
        if (there < end - first) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "partition %u: record %llu weighs %u edges from concept row %u "
                                "that do not exist",
                                partition->number, next, end - first - there, from);
        }
    }
    return CG_OK;
}

cg_status cg_partition_apply_weights(cg_partition *partition, const cg_log_record *record,
                                     cg_work *work, cg_error *error) {
    cg_status status = check_record(partition, record, work, error);
    if (status == CG_OK) {
        status = CG_GROW(&partition->allocator, partition->slots, partition->slots_capacity,
                         (size_t)record->sequence, error);
    }
    for (uint32_t i = 0; i < record->weight_count && status == CG_OK; ++i) {
        const cg_edge *edge = &record->weights[i].edge;
        status = cg_graph_set_weight(partition->graph, record->weights[i].from, edge->type,
                                     edge->target, edge->weight, error);
    }
    if (status == CG_OK) {
        partition->slots[record->sequence - 1] = CG_SLOT_NONE;
    }
    return status;
}
