#include "engine/graph/partition/cut_graph.h"

#include <string.h>

cg_status cg_cut_graph_room(cg_cut_graph *out, uint32_t rows, uint64_t arc_capacity,
                            cg_allocator allocator, cg_error *error) {
    cg_cut_graph graph = {.rows = rows, .arc_capacity = arc_capacity, .allocator = allocator};
    graph.starts = cg_allocate(&allocator, (size_t)rows + 1, sizeof *graph.starts);
    graph.arcs = cg_allocate(&allocator, arc_capacity, sizeof *graph.arcs);
    graph.row_weights = cg_allocate(&allocator, rows, sizeof *graph.row_weights);
    if (!graph.starts || (arc_capacity > 0 && !graph.arcs) ||
        (rows > 0 && !graph.row_weights)) {
        cg_cut_graph_deinit(&graph);
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory to partition a graph of %u rows and %llu links", rows,
                            (unsigned long long)arc_capacity / 2);
    }
    *out = graph;
    return CG_OK;
}

void cg_cut_graph_deinit(cg_cut_graph *graph) {
    const cg_allocator *allocator = &graph->allocator;
    if (graph->starts) {
        cg_deallocate(allocator, graph->starts, (size_t)graph->rows + 1, sizeof *graph->starts);
    }
    if (graph->arcs) {
        cg_deallocate(allocator, graph->arcs, graph->arc_capacity, sizeof *graph->arcs);
    }
    if (graph->row_weights) {
        cg_deallocate(allocator, graph->row_weights, graph->rows, sizeof *graph->row_weights);
    }
    *graph = (cg_cut_graph){0};
}

uint64_t cg_cut_graph_cut(const cg_cut_graph *graph, const uint32_t *part_of_row) {
    uint64_t cut = 0;
    for (uint32_t row = 0; row < graph->rows; row++) {
        for (uint64_t i = graph->starts[row]; i < graph->starts[row + 1]; i++) {
            cut += part_of_row[graph->arcs[i].target] != part_of_row[row]
                       ? graph->arcs[i].weight
                       : 0;
        }
    }
    return cut / 2;
}

/* --- from the concepts' edges --------------------------------------------- */

/* Both arcs of every edge, by row, as they come. */
static cg_status collect(cg_cut_graph *raw, const cg_graph *graph,
                         cg_partitioner_weights weights, cg_allocator allocator,
                         cg_error *error) {
    const uint32_t rows = cg_graph_concept_count(graph);
    cg_status status =
        cg_cut_graph_room(raw, rows, 2 * cg_graph_edge_count(graph), allocator, error);
    if (status != CG_OK) {
        return status;
    }
    uint64_t *ends = raw->starts + 1; /* first a count, then where the row's arcs so far end */
    cg_edge edge;
    for (uint32_t row = 0; row < rows; row++) {
        cg_edge_cursor cursor = cg_graph_edges(graph, row);
        while (cg_graph_next_edge(&cursor, &edge)) {
            ends[row]++;
            ends[edge.target]++;
        }
    }
    uint64_t before = 0;
    for (uint32_t row = 0; row < rows; row++) {
        const uint64_t count = ends[row];
        ends[row] = before;
        before += count;
    }
    for (uint32_t row = 0; row < rows; row++) {
        cg_edge_cursor cursor = cg_graph_edges(graph, row);
        while (cg_graph_next_edge(&cursor, &edge)) {
            const uint32_t weight = weights == CG_PARTITIONER_STATED ? edge.weight + 1u : 1u;
            raw->arcs[ends[row]++] = (cg_cut_arc){edge.target, weight};
            raw->arcs[ends[edge.target]++] = (cg_cut_arc){row, weight};
        }
    }
    raw->arc_count = before;
    return CG_OK;
}

/* Makes one arc of those of a row with one target. place[rows]: 0. */
static void merge_parallel(cg_cut_graph *raw, uint64_t *place) {
    uint64_t kept = 0;
    for (uint32_t row = 0; row < raw->rows; row++) {
        const uint64_t first = kept;
        const uint64_t from = raw->starts[row];
        raw->starts[row] = first;
        for (uint64_t i = from; i < raw->starts[row + 1]; i++) {
            const cg_cut_arc arc = raw->arcs[i];
            const uint64_t seen = place[arc.target]; /* 1 + where it is, if in this row */
            if (seen > first && seen <= kept && raw->arcs[seen - 1].target == arc.target) {
                raw->arcs[seen - 1].weight += arc.weight;
            } else {
                raw->arcs[kept++] = arc;
                place[arc.target] = kept;
            }
        }
    }
    raw->starts[raw->rows] = kept;
    raw->arc_count = kept;
}

/* out->arcs: those of raw, ascending by target, since rows are taken ascending and the graph is
 * its own transpose. */
static void transpose(const cg_cut_graph *raw, cg_cut_graph *out) {
    memcpy(out->starts + 1, raw->starts, (size_t)raw->rows * sizeof *raw->starts);
    uint64_t *ends = out->starts + 1;
    for (uint32_t row = 0; row < raw->rows; row++) {
        for (uint64_t i = raw->starts[row]; i < raw->starts[row + 1]; i++) {
            const cg_cut_arc arc = raw->arcs[i];
            out->arcs[ends[arc.target]++] = (cg_cut_arc){row, arc.weight};
        }
    }
    out->arc_count = raw->arc_count;
}

static void halve_weights(cg_cut_graph *graph) {
    for (;;) {
        uint64_t sum = 0;
        bool is_least = true; /* all are 1 */
        for (uint64_t i = 0; i < graph->arc_count; i++) {
            sum += graph->arcs[i].weight;
            is_least = is_least && graph->arcs[i].weight == 1;
        }
        if (sum <= CG_CUT_WEIGHT_MAX || is_least) {
            return;
        }
        for (uint64_t i = 0; i < graph->arc_count; i++) {
            graph->arcs[i].weight = (graph->arcs[i].weight + 1) / 2;
        }
    }
}

cg_status cg_cut_graph_init(cg_cut_graph *out, const cg_graph *graph,
                            cg_partitioner_weights weights, cg_allocator allocator,
                            cg_error *error) {
    const uint32_t rows = cg_graph_concept_count(graph);
    cg_cut_graph raw = {0};
    cg_cut_graph sorted = {0};
    uint64_t *place = cg_allocate(&allocator, (size_t)rows + 1, sizeof *place);
    cg_status status =
        place ? CG_OK
              : cg_error_set(error, CG_ERROR_MEMORY, "no memory to partition %u rows", rows);
    if (status == CG_OK) {
        status = collect(&raw, graph, weights, allocator, error);
    }
    if (status == CG_OK) {
        merge_parallel(&raw, place);
        status = raw.arc_count > CG_CUT_WEIGHT_MAX
                     ? cg_error_set(error, CG_ERROR_INVALID,
                                    "a graph of %llu links is too large to partition: at most "
                                    "2^30 - 1",
                                    (unsigned long long)raw.arc_count / 2)
                     : cg_cut_graph_room(&sorted, rows, raw.arc_count, allocator, error);
    }
    if (status == CG_OK) {
        transpose(&raw, &sorted);
        halve_weights(&sorted);
        for (uint32_t row = 0; row < rows; row++) {
            sorted.row_weights[row] = cg_graph_is_removed(graph, row) ? 0 : 1;
            sorted.row_weight_sum += sorted.row_weights[row];
        }
        *out = sorted;
    }
    cg_cut_graph_deinit(&raw);
    cg_deallocate(&allocator, place, (size_t)rows + 1, sizeof *place);
    return status;
}
