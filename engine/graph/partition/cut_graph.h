/* The symmetric weighted graph that is cut, of rows that weigh something (private to
 * engine/graph/partition, and for its tests).
 *
 * Arcs of row r are arcs[starts[r]] .. arcs[starts[r + 1] - 1]; each link has an arc at either end,
 * with one weight >= 1; no row links to itself, no two arcs of a row have one target. All arcs
 * together weigh less than 2^31, so sums and differences of any of them fit an int32_t.
 */
#ifndef CG_ENGINE_GRAPH_PARTITION_CUT_GRAPH_H
#define CG_ENGINE_GRAPH_PARTITION_CUT_GRAPH_H

#include "engine/graph/partition/partitioner.h"

#define CG_CUT_WEIGHT_MAX UINT64_C(0x7fffffff)

typedef struct cg_cut_arc {
    uint32_t target;
    uint32_t weight;
} cg_cut_arc;

typedef struct cg_cut_graph {
    uint32_t rows;
    uint64_t arc_count;
    uint64_t arc_capacity;
    uint64_t *starts;      /* [rows + 1] */
    cg_cut_arc *arcs;      /* [arc_capacity], the first arc_count in use */
    uint32_t *row_weights; /* [rows] */
    uint64_t row_weight_sum;
    cg_allocator allocator;
} cg_cut_graph;

/* Symmetrises: concepts become rows of weight 1, removed ones of weight 0. Arcs are ascending by
 * target. Links' weights are halved, rounded up, until all together are below 2^31. */
cg_status cg_cut_graph_init(cg_cut_graph *out, const cg_graph *graph,
                            cg_partitioner_weights weights, cg_allocator allocator,
                            cg_error *error);
/* Room for a graph; what lies in it is the caller's to write. */
cg_status cg_cut_graph_room(cg_cut_graph *out, uint32_t rows, uint64_t arc_capacity,
                            cg_allocator allocator, cg_error *error);
void cg_cut_graph_deinit(cg_cut_graph *graph); /* a zeroed one is fine; leaves it zeroed */

static inline uint64_t cg_cut_graph_degree(const cg_cut_graph *graph, uint32_t row) {
    return graph->starts[row + 1] - graph->starts[row];
}

/* Refuses parts out of range, and a concept's row that is not below parts (CG_ERROR_INVALID);
 * part_of_row may be NULL. */
cg_status cg_partitioning_check(const cg_graph *graph, uint32_t parts,
                                const uint32_t *part_of_row, cg_error *error);

/* Half the sum of the weights of arcs between parts. */
uint64_t cg_cut_graph_cut(const cg_cut_graph *graph, const uint32_t *part_of_row);

/* The graph of clusters: cluster_of[rows] in [0, clusters), each occurring. Row weights add up, as
 * do the weights of arcs between the same two clusters; arcs within one vanish. Arcs come in the
 * order in which the clusters' rows, ascending, meet them. */
cg_status cg_cut_graph_contract(const cg_cut_graph *fine, const uint32_t *cluster_of,
                                uint32_t clusters, cg_cut_graph *out, cg_error *error);

/* The graph of the rows in which[count], ascending: row i is which[i]. place[fine->rows]: scratch,
 * all UINT32_MAX before and after. */
cg_status cg_cut_graph_extract(const cg_cut_graph *fine, const uint32_t *which, uint32_t count,
                               uint32_t *place, cg_cut_graph *out, cg_error *error);

#endif
