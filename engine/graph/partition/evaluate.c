/* What a partitioning is worth, and the baseline (partitioner.h). */
#include "engine/base/hash.h"
#include "engine/graph/partition/connectivity.h"
#include "engine/graph/partition/partitioner.h"

cg_status cg_partitioning_check(const cg_graph *graph, uint32_t parts,
                                const uint32_t *part_of_row, cg_error *error) {
    if (parts < 1 || parts > CG_PARTITIONER_PARTS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "%u parts: must be 1 to %d", parts,
                            CG_PARTITIONER_PARTS_MAX);
    }
    for (uint32_t row = 0; part_of_row && row < cg_graph_concept_count(graph); row++) {
        if (part_of_row[row] >= parts && !cg_graph_is_removed(graph, row)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "row %u is in part %u: must be below %u", row, part_of_row[row],
                                parts);
        }
    }
    return CG_OK;
}

cg_status cg_partition_by_hash(const cg_graph *graph, uint32_t parts, uint64_t seed,
                               uint32_t *part_of_row, cg_error *error) {
    cg_status status = cg_partitioning_check(graph, parts, NULL, error);
    if (status != CG_OK) {
        return status;
    }
    for (uint32_t row = 0; row < cg_graph_concept_count(graph); row++) {
        const uint64_t key = cg_hash_u64(cg_graph_id(graph, row), seed);
        uint64_t most = 0;
        part_of_row[row] = 0;
        for (uint32_t p = 0; p < parts; p++) {
            const uint64_t value = cg_hash_u64(key, p);
            if (value > most) {
                most = value;
                part_of_row[row] = p;
            }
        }
    }
    return CG_OK;
}

static void count_edges(const cg_graph *graph, const uint32_t *part_of_row,
                        cg_partitioning_report *found) {
    cg_edge edge;
    for (uint32_t row = 0; row < cg_graph_concept_count(graph); row++) {
        cg_edge_cursor cursor = cg_graph_edges(graph, row);
        while (cg_graph_next_edge(&cursor, &edge)) {
            const bool is_cut = part_of_row[row] != part_of_row[edge.target];
            found->edges++;
            found->cut_edges += is_cut;
            found->cut_weight += is_cut ? edge.weight + 1u : 0;
        }
    }
}

static void count_rows(const cg_cut_graph *links, const uint32_t *part_of_row, uint32_t parts,
                       uint32_t *sizes, cg_partitioning_report *found) {
    for (uint32_t row = 0; row < links->rows; row++) {
        if (links->row_weights[row] == 0) {
            continue;
        }
        sizes[part_of_row[row]]++;
        for (uint64_t i = links->starts[row]; i < links->starts[row + 1]; i++) {
            if (part_of_row[links->arcs[i].target] != part_of_row[row]) {
                found->boundary_rows++;
                break;
            }
        }
    }
    found->smallest_part = UINT32_MAX;
    for (uint32_t p = 0; p < parts; p++) {
        found->largest_part = sizes[p] > found->largest_part ? sizes[p] : found->largest_part;
        found->smallest_part =
            sizes[p] < found->smallest_part ? sizes[p] : found->smallest_part;
    }
    if (links->row_weight_sum > 0) {
        found->imbalance =
            (double)found->largest_part * parts / (double)links->row_weight_sum - 1.0;
    }
}

cg_status cg_partitioning_evaluate(const cg_graph *graph, uint32_t parts,
                                   const uint32_t *part_of_row, cg_allocator allocator,
                                   cg_partitioning_report *report, cg_error *error) {
    cg_partitioning_report found = {0};
    cg_cut_graph links = {0};
    cg_status status = cg_partitioning_check(graph, parts, part_of_row, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t *sizes = cg_allocate(&allocator, parts, sizeof *sizes);
    uint32_t *stamps = cg_allocate(&allocator, parts, sizeof *stamps);
    status = sizes && stamps
                 ? cg_cut_graph_init(&links, graph, CG_PARTITIONER_EDGES, allocator, error)
                 : cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u parts", parts);
    if (status == CG_OK) {
        count_edges(graph, part_of_row, &found);
        count_rows(&links, part_of_row, parts, sizes, &found);
        found.connectivity = cg_connectivity_of(&links, part_of_row, stamps);
        *report = found;
    }
    cg_cut_graph_deinit(&links);
    cg_deallocate(&allocator, sizes, parts, sizeof *sizes);
    cg_deallocate(&allocator, stamps, parts, sizeof *stamps);
    return status;
}
