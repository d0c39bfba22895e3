/* Depths of concepts: breadth-first from all concepts without hypernym at once, against the
 * direction of hypernym edges; linear in concepts and edges.
 *
 * Invariant: depth(c) = 1 + the least depth of c's hypernyms that reach a root.
 * Known value: in WordNet 3.0 entity has depth 0 and dog 8 (by domestic animal, animal).
 */
#include "engine/graph/graph_layout.h"

cg_status cg_depths_init(depth_work *work, const cg_allocator *allocator, size_t rows,
                         size_t parent_edges, cg_error *error) {
    *work = (depth_work){.rows = rows, .parent_edges = parent_edges};
    if (parent_edges == 0) {
        return CG_OK;
    }
    work->child_starts = cg_allocate(allocator, rows + 2, sizeof(uint64_t));
    work->children = cg_allocate(allocator, parent_edges, sizeof(uint32_t));
    work->queue = cg_allocate(allocator, rows, sizeof(uint32_t));
    work->depths = cg_allocate(allocator, rows, sizeof(uint32_t));
    if (!work->child_starts || !work->children || !work->queue || !work->depths) {
        cg_depths_deinit(work, allocator);
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory for the depths of %zu concepts", rows);
    }
    return CG_OK;
}

void cg_depths_deinit(depth_work *work, const cg_allocator *allocator) {
    cg_deallocate(allocator, work->child_starts, work->rows + 2, sizeof(uint64_t));
    cg_deallocate(allocator, work->children, work->parent_edges, sizeof(uint32_t));
    cg_deallocate(allocator, work->queue, work->rows, sizeof(uint32_t));
    cg_deallocate(allocator, work->depths, work->rows, sizeof(uint32_t));
    *work = (depth_work){0};
}

/* Children of each row: the sources of hypernym edges to it. Filling moves child_starts[r + 1]
 * from the start of r's children to their end, which is the start of the next row's. */
static void fill_children(depth_work *work, const cg_graph *graph) {
    const cg_edge *edges = graph->frozen_edges;
    for (uint64_t i = 0; i < graph->frozen_edge_count; i++) {
        if (cg_edge_is_parent(edges[i].type)) {
            work->child_starts[edges[i].target + 2]++;
        }
    }
    for (size_t r = 2; r < work->rows + 2; r++) {
        work->child_starts[r] += work->child_starts[r - 1];
    }
    for (uint32_t row = 0; row < work->rows; row++) {
        /* The hypernym types are the lowest two, so they lie first in a row. */
        for (uint64_t i = graph->row_starts[row];
             i < graph->row_starts[row + 1] && cg_edge_is_parent(edges[i].type); i++) {
            work->children[work->child_starts[edges[i].target + 1]++] = row;
        }
    }
}

static bool is_root(const cg_graph *graph, uint32_t row) {
    uint64_t first = graph->row_starts[row];
    return first == graph->row_starts[row + 1] ||
           !cg_edge_is_parent(graph->frozen_edges[first].type);
}

static void fill_depths(depth_work *work, const cg_graph *graph) {
    size_t queued = 0;
    for (uint32_t row = 0; row < work->rows; row++) {
        if (is_root(graph, row)) {
            work->queue[queued++] = row;
        }
    }
    for (size_t next = 0; next < queued; next++) {
        uint32_t row = work->queue[next];
        for (uint64_t i = work->child_starts[row]; i < work->child_starts[row + 1]; i++) {
            uint32_t child = work->children[i];
            /* Depth 0 means not reached yet: roots are children of nobody. */
            if (work->depths[child] == 0) {
                work->depths[child] = work->depths[row] + 1;
                work->queue[queued++] = child;
            }
        }
    }
    CG_ASSERT(queued <= work->rows);
}

void cg_depths_set(depth_work *work, cg_graph *graph) {
    CG_ASSERT(work->rows == graph->frozen_count);
    if (work->parent_edges > 0) {
        fill_children(work, graph);
        fill_depths(work, graph);
    }
    for (uint32_t row = 0; row < graph->frozen_count; row++) {
        graph->concepts[row].depth = work->depths ? work->depths[row] : 0;
    }
}
