/* Freezing: all edges into compressed sparse rows, and depths.
 *
 * The new rows are the old frozen row followed by the growing chain, sorted by (type, target):
 * no two edges of a row agree in both, so the order is unique.
 *
 * Invariant: all memory is taken before the first change.
 * Known value: edges 0 -> 5 of type 23, 3 of 2, 4 of 0 and 2 of 2 come out as 4, 2, 3, 5.
 */
#include "engine/graph/graph_layout.h"

enum { FEW_EDGES = 16 };

/* By insertion what is short, as most rows are; else heap sort (Williams, CACM 1964): no memory,
 * no worst case. */
static void sift_down(cg_edge *edges, size_t at, size_t count) {
    cg_edge edge = edges[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && cg_edge_comes_before(edges[child], edges[child + 1])) {
            child++;
        }
        if (!cg_edge_comes_before(edge, edges[child])) {
            break;
        }
        edges[at] = edges[child];
        at = child;
    }
    edges[at] = edge;
}

static void sort_few(cg_edge *edges, size_t count) {
    for (size_t i = 1; i < count; i++) {
        cg_edge edge = edges[i];
        size_t at = i;
        for (; at > 0 && cg_edge_comes_before(edge, edges[at - 1]); at--) {
            edges[at] = edges[at - 1];
        }
        edges[at] = edge;
    }
}

void cg_graph_sort_edges(cg_edge *edges, size_t count) {
    if (count <= FEW_EDGES) {
        sort_few(edges, count);
        return;
    }
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

typedef struct freezing {
    uint64_t edge_count;
    uint64_t *row_starts; /* [rows + 1] */
    cg_edge *edges;       /* [edge_count], or NULL if there are none */
    edge_chains growing;  /* what the graph has hereafter: none */
    depth_work depths;
} freezing;

static size_t count_parent_edges(const cg_graph *graph) {
    size_t count = 0;
    for (uint64_t i = 0; i < graph->frozen_edge_count; i++) {
        count += cg_edge_is_parent(graph->frozen_edges[i].type);
    }
    for (uint32_t c = 0; c < graph->growing.chain_count; c++) {
        count += graph->growing.chains[c].parents;
    }
    return count;
}

static cg_status take_memory(const cg_graph *graph, freezing *work, cg_error *error) {
    const cg_allocator *allocator = &graph->allocator;
    size_t rows = graph->concept_count;
    work->edge_count = cg_graph_edge_count(graph);
    work->row_starts = cg_allocate(allocator, rows + 1, sizeof(uint64_t));
    if (work->edge_count > 0) {
        work->edges = cg_allocate(allocator, (size_t)work->edge_count, sizeof(cg_edge));
    }
    if (!work->row_starts || (work->edge_count > 0 && !work->edges)) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory to freeze a graph of %zu concepts and %llu edges",
                            rows, (unsigned long long)work->edge_count);
    }
    cg_status status = cg_chains_init(&work->growing, *allocator, error);
    return status == CG_OK ? cg_depths_init(&work->depths, allocator, rows,
                                            count_parent_edges(graph), error)
                           : status;
}

static void give_back(const cg_graph *graph, freezing *work) {
    const cg_allocator *allocator = &graph->allocator;
    cg_deallocate(allocator, work->row_starts, (size_t)graph->concept_count + 1,
                  sizeof(uint64_t));
    cg_deallocate(allocator, work->edges, (size_t)work->edge_count, sizeof(cg_edge));
    cg_chains_deinit(&work->growing, allocator);
    cg_depths_deinit(&work->depths, allocator);
}

static void fill_rows(const cg_graph *graph, freezing *work) {
    uint64_t filled = 0;
    for (uint32_t row = 0; row < graph->concept_count; row++) {
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
    work->row_starts[graph->concept_count] = filled;
}

/* The graph takes the new rows; `work` is left with nothing of them. */
static void take_over(cg_graph *graph, freezing *work) {
    cg_graph_free_rows(graph);
    cg_chains_deinit(&graph->growing, &graph->allocator);
    cg_chains_deinit(&graph->reweighted, &graph->allocator);
    graph->growing = work->growing;
    graph->own_starts = work->row_starts;
    graph->own_edges = work->edges;
    graph->edge_capacity = (size_t)work->edge_count;
    graph->row_starts = work->row_starts;
    graph->frozen_edges = work->edges;
    graph->frozen_count = graph->concept_count;
    graph->frozen_edge_count = work->edge_count;
    work->growing = (edge_chains){0};
    work->row_starts = NULL;
    work->edges = NULL;
}

cg_status cg_graph_freeze(cg_graph *graph, cg_error *error) {
    if (graph->base) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a graph that stands on a base cannot be frozen");
    }
    freezing work = {0};
    cg_status status = take_memory(graph, &work, error);
    if (status == CG_OK) {
        fill_rows(graph, &work);
        take_over(graph, &work);
        cg_depths_set(&work.depths, graph);
        cg_graph_cut_concepts(graph);
    }
    give_back(graph, &work);
    return status;
}
