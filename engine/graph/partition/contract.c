/* Smaller graphs out of larger ones: of clusters, and of some of the rows. */
#include <string.h>

#include "engine/graph/partition/cut_graph.h"

typedef struct contraction {
    uint64_t *row_starts; /* [clusters + 1] in rows[] */
    uint32_t *rows;       /* by cluster, ascending */
    uint64_t *place;      /* [clusters]: 1 + where the arc to it was put last */
} contraction;

static void sort_rows(const cg_cut_graph *fine, const uint32_t *cluster_of, uint32_t clusters,
                      contraction *work) {
    for (uint32_t row = 0; row < fine->rows; row++) {
        work->row_starts[cluster_of[row] + 1]++;
    }
    for (uint32_t c = 0; c < clusters; c++) {
        work->row_starts[c + 1] += work->row_starts[c];
        work->place[c] = work->row_starts[c];
    }
    for (uint32_t row = 0; row < fine->rows; row++) {
        work->rows[work->place[cluster_of[row]]++] = row;
    }
    memset(work->place, 0, (size_t)clusters * sizeof *work->place);
}

/* One cluster's arcs, from where the last one's end. */
static void add_cluster(const cg_cut_graph *fine, const uint32_t *cluster_of, uint32_t cluster,
                        contraction *work, cg_cut_graph *out) {
    const uint64_t first = out->arc_count;
    uint32_t weight = 0;
    for (uint64_t r = work->row_starts[cluster]; r < work->row_starts[cluster + 1]; r++) {
        const uint32_t row = work->rows[r];
        weight += fine->row_weights[row];
        for (uint64_t i = fine->starts[row]; i < fine->starts[row + 1]; i++) {
            const uint32_t target = cluster_of[fine->arcs[i].target];
            if (target == cluster) {
                continue;
            }
            const uint64_t seen = work->place[target];
            if (seen > first) {
                out->arcs[seen - 1].weight += fine->arcs[i].weight;
            } else {
                out->arcs[out->arc_count++] = (cg_cut_arc){target, fine->arcs[i].weight};
                work->place[target] = out->arc_count;
            }
        }
    }
    out->row_weights[cluster] = weight;
    out->starts[cluster + 1] = out->arc_count;
}

/* Gives back the arcs that were allocated for parallel ones. */
static void trim(cg_cut_graph *graph) {
    const cg_allocator *allocator = &graph->allocator;
    if (graph->arc_count == graph->arc_capacity) {
        return;
    }
    if (graph->arc_count == 0) {
        cg_deallocate(allocator, graph->arcs, graph->arc_capacity, sizeof *graph->arcs);
        graph->arcs = NULL;
        graph->arc_capacity = 0;
        return;
    }
    cg_cut_arc *less = allocator->reallocate(allocator->context, graph->arcs,
                                             graph->arc_capacity * sizeof *graph->arcs,
                                             graph->arc_count * sizeof *graph->arcs);
    if (less) { /* otherwise the block is as it was */
        graph->arcs = less;
        graph->arc_capacity = graph->arc_count;
    }
}

cg_status cg_cut_graph_contract(const cg_cut_graph *fine, const uint32_t *cluster_of,
                                uint32_t clusters, cg_cut_graph *out, cg_error *error) {
    const cg_allocator *allocator = &fine->allocator;
    uint64_t between = 0; /* at least as many arcs as there will be */
    for (uint32_t row = 0; row < fine->rows; row++) {
        for (uint64_t i = fine->starts[row]; i < fine->starts[row + 1]; i++) {
            between += cluster_of[fine->arcs[i].target] != cluster_of[row];
        }
    }
    contraction work = {
        .row_starts = cg_allocate(allocator, (size_t)clusters + 1, sizeof *work.row_starts),
        .rows = cg_allocate(allocator, fine->rows, sizeof *work.rows),
        .place = cg_allocate(allocator, clusters, sizeof *work.place),
    };
    cg_cut_graph coarse = {0};
    cg_status status =
        work.row_starts && work.rows && work.place
            ? CG_OK
            : cg_error_set(error, CG_ERROR_MEMORY, "no memory to coarsen a graph of %u rows",
                           fine->rows);
    if (status == CG_OK) {
        status = cg_cut_graph_room(&coarse, clusters, between, *allocator, error);
    }
    if (status == CG_OK) {
        sort_rows(fine, cluster_of, clusters, &work);
        for (uint32_t c = 0; c < clusters; c++) {
            add_cluster(fine, cluster_of, c, &work, &coarse);
        }
        coarse.row_weight_sum = fine->row_weight_sum;
        trim(&coarse);
        *out = coarse;
    }
    cg_deallocate(allocator, work.row_starts, (size_t)clusters + 1, sizeof *work.row_starts);
    cg_deallocate(allocator, work.rows, fine->rows, sizeof *work.rows);
    cg_deallocate(allocator, work.place, clusters, sizeof *work.place);
    return status;
}

cg_status cg_cut_graph_extract(const cg_cut_graph *fine, const uint32_t *which, uint32_t count,
                               uint32_t *place, cg_cut_graph *out, cg_error *error) {
    uint64_t arcs = 0;
    for (uint32_t i = 0; i < count; i++) {
        place[which[i]] = i;
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint64_t a = fine->starts[which[i]]; a < fine->starts[which[i] + 1]; a++) {
            arcs += place[fine->arcs[a].target] != UINT32_MAX;
        }
    }
    cg_cut_graph graph = {0};
    cg_status status = cg_cut_graph_room(&graph, count, arcs, fine->allocator, error);
    for (uint32_t i = 0; i < count && status == CG_OK; i++) {
        for (uint64_t a = fine->starts[which[i]]; a < fine->starts[which[i] + 1]; a++) {
            const uint32_t target = place[fine->arcs[a].target];
            if (target != UINT32_MAX) {
                graph.arcs[graph.arc_count++] = (cg_cut_arc){target, fine->arcs[a].weight};
            }
        }
        graph.starts[i + 1] = graph.arc_count;
        graph.row_weights[i] = fine->row_weights[which[i]];
        graph.row_weight_sum += graph.row_weights[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        place[which[i]] = UINT32_MAX;
    }
    if (status == CG_OK) {
        *out = graph;
    }
    return status;
}
