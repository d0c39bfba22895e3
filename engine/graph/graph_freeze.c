/* Freezing: all edges into compressed sparse rows, and depths by breadth-first search.
 *
 * The new rows are the old frozen row followed by the growing chain, sorted by (type, target):
 * no two edges of a row agree in both, so the order is unique. Depth: breadth-first from all
 * concepts without hypernym at once, against the direction of hypernym edges; linear in
 * concepts and edges.
 *
 * Invariant: depth(c) = 1 + the least depth of c's hypernyms that reach a root.
 * Known value: in WordNet 3.0 entity has depth 0 and dog 8 (by domestic animal, animal).
 */
#include "engine/graph/graph_layout.h"

static bool comes_before(cg_edge left, cg_edge right) {
    return left.type < right.type || (left.type == right.type && left.target < right.target);
}

/* Heap sort (Williams, CACM 1964): no memory, no worst case, and rows are short. */
static void sift_down(cg_edge *edges, size_t at, size_t count) {
    cg_edge edge = edges[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && comes_before(edges[child], edges[child + 1])) {
            child++;
        }
        if (!comes_before(edge, edges[child])) {
            break;
        }
        edges[at] = edges[child];
        at = child;
    }
    edges[at] = edge;
}

void cg_graph_sort_edges(cg_edge *edges, size_t count) {
    for (size_t i = count / 2; i > 0; i--) {
        sift_down(edges, i - 1, count);
    }
    for (size_t left = count; left > 1; left--) {
        cg_edge greatest = edges[0];
        edges[0] = edges[left - 1];
        edges[left - 1] = greatest;
        sift_down(edges, 0, left - 1);
    }
}

/* What freezing needs besides the graph; all blocks hold at least one element, so NULL means no
 * memory. */
typedef struct freezing {
    size_t rows;
    size_t edge_count;
    size_t parent_edges;
    uint64_t *row_starts;   /* [rows + 1] */
    cg_edge *edges;         /* [edge_count] */
    uint64_t *child_starts; /* [rows + 2] */
    uint32_t *children;     /* [parent_edges] */
    uint32_t *queue;        /* [rows] */
    uint32_t *depths;       /* [rows] */
    cg_table *chain_of_row;
    cg_table *hub_edges;
} freezing;

static size_t at_least_one(size_t count) {
    return count > 0 ? count : 1;
}

static size_t count_parent_edges(const cg_graph *graph) {
    size_t count = 0;
    for (uint64_t i = 0; i < graph->frozen_edge_count; i++) {
        count += cg_edge_is_parent(graph->frozen_edges[i].type);
    }
    for (uint32_t i = 0; i < graph->growing_count; i++) {
        count += cg_edge_is_parent(graph->growing[i].edge.type);
    }
    return count;
}

static cg_status take_memory(const cg_graph *graph, freezing *work, cg_error *error) {
    const cg_allocator *allocator = &graph->allocator;
    work->rows = graph->concept_count;
    work->edge_count = (size_t)graph->frozen_edge_count + graph->growing_count;
    work->parent_edges = count_parent_edges(graph);
    work->row_starts = cg_allocate(allocator, work->rows + 1, sizeof(uint64_t));
    work->child_starts = cg_allocate(allocator, work->rows + 2, sizeof(uint64_t));
    work->children = cg_allocate(allocator, at_least_one(work->parent_edges), sizeof(uint32_t));
    work->queue = cg_allocate(allocator, at_least_one(work->rows), sizeof(uint32_t));
    work->depths = cg_allocate(allocator, at_least_one(work->rows), sizeof(uint32_t));
    if (work->edge_count > 0) {
        work->edges = cg_allocate(allocator, work->edge_count, sizeof(cg_edge));
    }
    if (!work->row_starts || (work->edge_count > 0 && !work->edges) || !work->child_starts ||
        !work->children || !work->queue || !work->depths) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory to freeze a graph of %zu concepts and %zu edges",
                            work->rows, work->edge_count);
    }
    cg_status status = cg_table_alloc(*allocator, &work->chain_of_row, error);
    return status == CG_OK ? cg_table_alloc(*allocator, &work->hub_edges, error) : status;
}

static void give_back(const cg_graph *graph, freezing *work) {
    const cg_allocator *allocator = &graph->allocator;
    cg_deallocate(allocator, work->row_starts, work->rows + 1, sizeof(uint64_t));
    cg_deallocate(allocator, work->edges, work->edge_count, sizeof(cg_edge));
    cg_deallocate(allocator, work->child_starts, work->rows + 2, sizeof(uint64_t));
    cg_deallocate(allocator, work->children, at_least_one(work->parent_edges),
                  sizeof(uint32_t));
    cg_deallocate(allocator, work->queue, at_least_one(work->rows), sizeof(uint32_t));
    cg_deallocate(allocator, work->depths, at_least_one(work->rows), sizeof(uint32_t));
    cg_table_free(work->chain_of_row);
    cg_table_free(work->hub_edges);
}

static void fill_rows(const cg_graph *graph, freezing *work) {
    uint64_t filled = 0;
    for (uint32_t row = 0; row < work->rows; row++) {
        cg_edge edge;
        cg_edge_cursor cursor = cg_graph_edges(graph, row);
        work->row_starts[row] = filled;
        while (cg_graph_next_edge(&cursor, &edge)) {
            work->edges[filled++] = edge;
        }
        if (filled > work->row_starts[row]) {
            cg_graph_sort_edges(&work->edges[work->row_starts[row]],
                                (size_t)(filled - work->row_starts[row]));
        }
    }
    work->row_starts[work->rows] = filled;
}

/* Children of each row: the sources of hypernym edges to it. Filling moves child_starts[r + 1]
 * from the start of r's children to their end, which is the start of the next row's. */
static void fill_children(freezing *work) {
    for (size_t i = 0; i < work->edge_count; i++) {
        if (cg_edge_is_parent(work->edges[i].type)) {
            work->child_starts[work->edges[i].target + 2]++;
        }
    }
    for (size_t r = 2; r < work->rows + 2; r++) {
        work->child_starts[r] += work->child_starts[r - 1];
    }
    for (uint32_t row = 0; row < work->rows; row++) {
        for (uint64_t i = work->row_starts[row]; i < work->row_starts[row + 1]; i++) {
            if (cg_edge_is_parent(work->edges[i].type)) {
                work->children[work->child_starts[work->edges[i].target + 1]++] = row;
            }
        }
    }
}

static bool is_root(const freezing *work, uint32_t row) {
    uint64_t first = work->row_starts[row];
    /* The hypernym types are the lowest two, so they lie first in a row. */
    return first == work->row_starts[row + 1] || !cg_edge_is_parent(work->edges[first].type);
}

static void fill_depths(freezing *work) {
    size_t queued = 0;
    for (uint32_t row = 0; row < work->rows; row++) {
        if (is_root(work, row)) {
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

static void swap_tables(cg_table **left, cg_table **right) {
    cg_table *held = *left;
    *left = *right;
    *right = held;
}

/* The graph takes the new rows; its old tables are left in `work`. */
static void take_over(cg_graph *graph, freezing *work) {
    const cg_allocator *allocator = &graph->allocator;
    size_t old_starts = graph->row_starts ? (size_t)graph->frozen_count + 1 : 0;
    cg_deallocate(allocator, graph->row_starts, old_starts, sizeof(uint64_t));
    cg_deallocate(allocator, graph->frozen_edges, (size_t)graph->frozen_edge_count,
                  sizeof(cg_edge));
    cg_deallocate(allocator, graph->growing, graph->growing_capacity, sizeof(growing_edge));
    cg_deallocate(allocator, graph->chains, graph->chain_capacity, sizeof(chain));
    swap_tables(&graph->chain_of_row, &work->chain_of_row);
    swap_tables(&graph->hub_edges, &work->hub_edges);
    graph->row_starts = work->row_starts;
    graph->frozen_edges = work->edges;
    graph->frozen_count = graph->concept_count;
    graph->frozen_edge_count = work->edge_count;
    graph->growing = NULL;
    graph->growing_count = 0;
    graph->growing_capacity = 0;
    graph->chains = NULL;
    graph->chain_count = 0;
    graph->chain_capacity = 0;
    work->row_starts = NULL;
    work->edges = NULL;
    for (uint32_t row = 0; row < work->rows; row++) {
        graph->concepts[row].depth = work->depths[row];
    }
}

cg_status cg_graph_freeze(cg_graph *graph, cg_error *error) {
    if (graph->base) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a graph that stands on a base cannot be frozen");
    }
    freezing work = {0};
    cg_status status = take_memory(graph, &work, error);
    if (status != CG_OK) {
        give_back(graph, &work);
        return status;
    }
    fill_rows(graph, &work);
    fill_children(&work);
    fill_depths(&work);
    take_over(graph, &work);
    give_back(graph, &work);
    return CG_OK;
}
