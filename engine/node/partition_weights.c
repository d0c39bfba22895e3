/* New weights for edges: what consolidation made of the company that concepts kept (spec E6). */
#include "engine/node/partition.h"

cg_status cg_partition_apply_weights(cg_partition *partition, const cg_log_record *record,
                                     cg_work *work, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < record->weight_count && status == CG_OK; ++i) {
        const cg_log_weight *changed = &record->weights[i];
        uint32_t from = 0;
        uint32_t to = 0;
        if (!cg_partition_find(partition, changed->from, &from) ||
            !cg_partition_find(partition, changed->to, &to)) {
            continue;
        }
        cg_work_count(work, CG_WORK_GRAPH_READ, 1, cg_graph_degree(partition->graph, from));
        status = cg_graph_set_weight(partition->graph, from, changed->type, to, changed->weight,
                                     error);
        status = status == CG_ERROR_NOT_FOUND ? CG_OK : status;
    }
    return status;
}
