/* Partitionings of the coarsest graph to start from (private to engine/graph/partition).
 *
 * Grown: recursive bisection; a half is grown from a random row, always by the row that makes
 * the cut rise least (greedy graph growing: Karypis & Kumar, "A Fast and High Quality Multilevel
 * Scheme for Partitioning Irregular Graphs", SIAM J. Sci. Comput. 1998, 4.2), then refined; the
 * best of some tries goes on. Imbalance that is left is shared out among the bisections that
 * follow.
 *
 * Spectral: spectrum.h.
 *
 * Each is balanced and refined as a whole; the least overload wins, then the least cut, then the
 * first.
 */
#ifndef CG_ENGINE_GRAPH_PARTITION_START_H
#define CG_ENGINE_GRAPH_PARTITION_START_H

#include "engine/graph/partition/refine.h"

typedef struct cg_cut_start {
    uint32_t parts;
    const uint64_t *limits; /* [parts] */
    uint64_t seed;
    uint64_t entity; /* of the streams */
    uint32_t tries;
    bool is_flat; /* bisections are of the graph as it is, and there is no spectrum */
    cg_refiner_effort effort;
} cg_cut_start;

/* part_of[graph->rows]. *is_spectral: which kind won. */
cg_status cg_cut_start_best(const cg_cut_graph *graph, const cg_cut_start *start,
                            uint32_t *part_of, bool *is_spectral, cg_error *error);

/* One by recursive bisection, as it comes. */
cg_status cg_cut_start_grow(const cg_cut_graph *graph, const cg_cut_start *start,
                            cg_stream *stream, uint32_t *part_of, cg_error *error);
/* One by eigenvectors, as it comes; *is_made false when the graph has too many rows or too few for
 * the number of parts. */
cg_status cg_cut_start_spectral(const cg_cut_graph *graph, const cg_cut_start *start,
                                cg_stream *stream, uint32_t *part_of, bool *is_made,
                                cg_error *error);

#endif
