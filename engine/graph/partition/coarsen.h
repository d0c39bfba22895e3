/* Which rows become one in the next coarser graph (private to engine/graph/partition).
 *
 * Matching: rows in random order of ascending degree class; each takes the free neighbour of
 * greatest w(u, v)^2 / (c(u) c(v)), c the rows' weights (Holtgrewe, Sanders & Schulz, IPDPS 2010:
 * expansion*2). Rows that stay alone are paired two hops apart, with one that has the same
 * heaviest neighbour: else a star would take as many levels as it has leaves (LaSalle et al.,
 * "Improving Graph Partitioning for Modern Graphs and Architectures", IA3 2015).
 *
 * Clustering: label propagation under a limit of size (Meyerhenke, Sanders & Schulz,
 * "Partitioning Complex Networks via Size-Constrained Clustering", SEA 2014): rows in random
 * order go, some rounds, to the cluster that they have the heaviest arcs to and that has room.
 * Clusters of one are joined two hops apart, as above. On graphs with hubs or communities it
 * hides far more of the edges from the coarser levels than a matching can.
 *
 * Rows without any arc are packed together in either.
 */
#ifndef CG_ENGINE_GRAPH_PARTITION_COARSEN_H
#define CG_ENGINE_GRAPH_PARTITION_COARSEN_H

#include "engine/base/prng.h"
#include "engine/graph/partition/cut_graph.h"

typedef struct cg_coarsening {
    bool is_matching;
    uint32_t rounds;        /* of label propagation */
    uint64_t weight_max;    /* of a cluster; a heavier row stays alone */
    const uint32_t *within; /* [rows] or NULL: rows of one cluster have one value here */
} cg_coarsening;

/* cluster_of[rows]: in [0, *clusters), numbered by their first row. Cost: linear in arcs. */
cg_status cg_coarsen(const cg_cut_graph *graph, const cg_coarsening *how, cg_stream *stream,
                     uint32_t *cluster_of, uint32_t *clusters, cg_error *error);

#endif
