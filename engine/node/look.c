/* What a host has of one fact, for checkers. */
#include "engine/node/node_internal.h"

cg_fact_state cg_node_fact(const cg_node *node, uint32_t partition, uint64_t request_id) {
    cg_fact_state view = {0};
    const cg_holding *holding = cg_node_holding(node, partition);
    uint32_t row = 0;
    if (!holding || holding->is_witness ||
        !cg_table_get(holding->partition.sequence_of, request_id, &view.sequence)) {
        return view;
    }
    view.known = cg_partition_row_of(&holding->partition, view.sequence, &row);
    view.removed = view.known && cg_graph_is_removed(holding->partition.graph, row);
    return view;
}
