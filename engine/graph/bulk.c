/* Two-pass building: counting gives every row its place in one array of just the size, adding
 * fills the places, finishing sorts and compacts where they lie.
 *
 * While it runs row_starts holds counts, then starts, and a concept's depth, which means nothing
 * yet, says how many edges its row has: so the only memory beside the result is the handle.
 * Counting sort by source (Knuth, "The Art of Computer Programming", volume 3, section 5.2),
 * then each row by (type, target).
 *
 * Invariant: row r has depth(r) edges from row_starts[r] on, at most up to row_starts[r + 1].
 * Known value: of 1 -> 0 with weights 3, 9 and 5 and of 1 -> 1, one edge of weight 9 stays, with
 * two duplicates and one self edge reported.
 */
#include "engine/graph/bulk.h"

#include "engine/graph/graph_layout.h"

struct cg_bulk {
    cg_allocator allocator;
    cg_graph *graph;
    uint32_t rows;
    uint64_t *row_starts; /* [rows + 1], of the graph's allocator as edges */
    cg_edge *edges;
    size_t edge_capacity;
    uint64_t parent_edges; /* added */
    cg_bulk_report report;
    bool is_placed;
    bool is_finished;
};

/* `block` of *capacity elements, as large as `count` at least; exactly so if it has to grow. */
static cg_status reserve(const cg_allocator *allocator, void **block, size_t *capacity,
                         size_t count, size_t size, cg_error *error) {
    if (count <= *capacity) {
        return CG_OK;
    }
    void *bigger =
        count > SIZE_MAX / size
            ? NULL
            : allocator->reallocate(allocator->context, *block, *capacity * size, count * size);
    if (!bigger) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory for %zu elements of %zu bytes", count, size);
    }
    *block = bigger;
    *capacity = count;
    return CG_OK;
}

cg_status cg_bulk_reserve(cg_graph *graph, uint32_t concepts, size_t name_bytes,
                          cg_error *error) {
    void *held = graph->concepts;
    cg_status status = reserve(&graph->allocator, &held, &graph->concept_capacity, concepts,
                               sizeof(graph_concept), error);
    graph->concepts = held;
    if (status == CG_OK) {
        held = graph->names.bytes;
        status =
            reserve(&graph->allocator, &held, &graph->names.capacity, name_bytes, 1, error);
        graph->names.bytes = held;
    }
    return status;
}

cg_status cg_bulk_alloc(cg_graph *graph, cg_allocator allocator, cg_bulk **out,
                        cg_error *error) {
    if (graph->base || cg_graph_edge_count(graph) > 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "edges in bulk need a graph without a base and without edges; this "
                            "one has %s and %llu edges",
                            graph->base ? "a base" : "no base",
                            (unsigned long long)cg_graph_edge_count(graph));
    }
    cg_bulk *bulk = cg_allocate(&allocator, 1, sizeof *bulk);
    if (!bulk) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory to build in bulk");
    }
    bulk->allocator = allocator;
    bulk->graph = graph;
    bulk->rows = graph->concept_count;
    bulk->row_starts =
        cg_allocate(&graph->allocator, (size_t)bulk->rows + 1, sizeof *bulk->row_starts);
    if (!bulk->row_starts) {
        cg_deallocate(&allocator, bulk, 1, sizeof *bulk);
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for %u rows",
                            graph->concept_count);
    }
    for (uint32_t row = 0; row < bulk->rows; row++) {
        graph->concepts[row].depth = 0;
    }
    *out = bulk;
    return CG_OK;
}

void cg_bulk_free(cg_bulk *bulk) {
    if (!bulk) {
        return;
    }
    cg_graph *graph = bulk->graph;
    if (!bulk->is_finished) {
        for (uint32_t row = 0; row < bulk->rows; row++) {
            graph->concepts[row].depth = 0;
        }
        cg_deallocate(&graph->allocator, bulk->row_starts, (size_t)bulk->rows + 1,
                      sizeof *bulk->row_starts);
        cg_deallocate(&graph->allocator, bulk->edges, bulk->edge_capacity, sizeof(cg_edge));
    }
    cg_allocator allocator = bulk->allocator;
    cg_deallocate(&allocator, bulk, 1, sizeof *bulk);
}

cg_status cg_bulk_count(cg_bulk *bulk, uint32_t from, uint32_t n, cg_error *error) {
    if (bulk->is_placed) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "edges of row %u counted after their places were taken", from);
    }
    if (from >= bulk->rows) {
        return cg_error_set(error, CG_ERROR_INVALID, "an edge from row %u; there are %u rows",
                            from, bulk->rows);
    }
    uint64_t *counted = &bulk->row_starts[from + 1];
    if (*counted + n > UINT32_MAX - 1) {
        return cg_error_set(error, CG_ERROR_FULL, "row %u has more than %u edges", from,
                            UINT32_MAX - 1);
    }
    *counted += n;
    return CG_OK;
}

cg_status cg_bulk_place(cg_bulk *bulk, cg_error *error) {
    if (bulk->is_placed) {
        return cg_error_set(error, CG_ERROR_INVALID, "places for edges were taken before");
    }
    uint64_t count = 0;
    for (uint32_t row = 0; row < bulk->rows; row++) {
        count += bulk->row_starts[row + 1];
    }
    if (count > 0) {
        bulk->edges = count > SIZE_MAX ? NULL
                                       : cg_allocate(&bulk->graph->allocator, (size_t)count,
                                                     sizeof(cg_edge));
        if (!bulk->edges) {
            return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for %llu edges",
                                (unsigned long long)count);
        }
    }
    for (uint32_t row = 0; row < bulk->rows; row++) {
        bulk->row_starts[row + 1] += bulk->row_starts[row];
    }
    bulk->edge_capacity = (size_t)count;
    bulk->is_placed = true;
    return CG_OK;
}

cg_status cg_bulk_add(cg_bulk *bulk, uint32_t from, cg_edge edge, cg_error *error) {
    if (!bulk->is_placed || bulk->is_finished) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "an edge from row %u to row %u when there is no place for edges",
                            from, edge.target);
    }
    cg_status status = cg_graph_check_ends(bulk->graph, from, edge, error);
    if (status != CG_OK) {
        return status;
    }
    if (from >= bulk->rows || edge.target >= bulk->rows) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "an edge from row %u to row %u; there were %u rows when edges were "
                            "counted",
                            from, edge.target, bulk->rows);
    }
    if (from == edge.target) {
        bulk->report.added++;
        bulk->report.self_edges++;
        return CG_OK;
    }
    uint32_t *used = &bulk->graph->concepts[from].depth;
    uint64_t at = bulk->row_starts[from] + *used;
    if (at == bulk->row_starts[from + 1]) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "an edge from row %u to row %u: %u edges from there were counted, "
                            "and this is one more",
                            from, edge.target, *used);
    }
    bulk->edges[at] = edge;
    (*used)++;
    bulk->report.added++;
    bulk->parent_edges += cg_edge_is_parent(edge.type);
    return CG_OK;
}

/* Sorts edges[count] and merges duplicates; returns how many are left. */
static uint64_t merge_row(cg_edge *edges, uint64_t count) {
    uint64_t kept = 0;
    cg_graph_sort_edges(edges, (size_t)count);
    for (uint64_t i = 0; i < count; i++) {
        if (kept == 0 || cg_edge_comes_before(edges[kept - 1], edges[i])) {
            edges[kept++] = edges[i];
        } else if (edges[kept - 1].weight < edges[i].weight) {
            edges[kept - 1].weight = edges[i].weight;
        }
    }
    return kept;
}

/* Rows without gaps from the front of edges[]. Each moves forward or stays. */
static uint64_t compact(cg_bulk *bulk) {
    uint64_t filled = 0;
    uint64_t begin = 0;
    for (uint32_t row = 0; row < bulk->rows; row++) {
        uint64_t end = bulk->row_starts[row + 1];
        uint32_t used = bulk->graph->concepts[row].depth;
        bulk->row_starts[row] = filled;
        if (used > 0) {
            uint64_t kept = merge_row(&bulk->edges[begin], used);
            for (uint64_t i = 0; i < kept; i++) {
                bulk->edges[filled++] = bulk->edges[begin + i];
            }
        }
        begin = end;
    }
    bulk->row_starts[bulk->rows] = filled;
    return filled;
}

static void take_over(cg_bulk *bulk, uint64_t edge_count) {
    cg_graph *graph = bulk->graph;
    cg_graph_free_rows(graph);
    graph->own_starts = bulk->row_starts;
    graph->own_edges = cg_graph_cut(&graph->allocator, bulk->edges, &bulk->edge_capacity,
                                    (size_t)edge_count, sizeof(cg_edge));
    graph->edge_capacity = bulk->edge_capacity;
    graph->row_starts = graph->own_starts;
    graph->frozen_edges = graph->own_edges;
    graph->frozen_count = bulk->rows;
    graph->frozen_edge_count = edge_count;
    bulk->is_finished = true;
}

cg_status cg_bulk_finish(cg_bulk *bulk, cg_bulk_report *report, cg_error *error) {
    cg_graph *graph = bulk->graph;
    if (!bulk->is_placed || bulk->is_finished) {
        return cg_error_set(error, CG_ERROR_INVALID, "edges in bulk can be finished once, %s",
                            bulk->is_finished ? "and were" : "after they were placed");
    }
    if (graph->concept_count != bulk->rows || cg_graph_edge_count(graph) > 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the graph changed while edges were added in bulk: it had %u rows, "
                            "and has %u",
                            bulk->rows, graph->concept_count);
    }
    depth_work depths;
    cg_status status = cg_depths_init(&depths, &bulk->allocator, bulk->rows,
                                      (size_t)bulk->parent_edges, error);
    if (status != CG_OK) {
        return status;
    }
    uint64_t edge_count = compact(bulk);
    take_over(bulk, edge_count);
    cg_depths_set(&depths, graph);
    cg_depths_deinit(&depths, &bulk->allocator);
    cg_graph_cut_concepts(graph);
    bulk->report.edges = edge_count;
    bulk->report.duplicates = bulk->report.added - bulk->report.self_edges - edge_count;
    if (report) {
        *report = bulk->report;
    }
    return CG_OK;
}
