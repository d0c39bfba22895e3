/* Refining a partitioning for the hypergraph's connectivity (private to engine/graph/partition).
 *
 * The hyperedge of row u holds u and its neighbours. When v goes from a to b, lambda(u) falls by one
 * for each u in {v} and N(v) that nothing but v ties to a, and rises by one for each that nothing
 * tied to b. On coarser graphs a hyperedge counts as often as its row weighs, and what is inside a
 * row is taken to lie in one part: an upper bound, as in METIS. Rows of the boundary, in random
 * order, go where the sum falls most, or where it stays and the cut falls; rounds end when one finds
 * less than a fiftieth of the first.
 */
#ifndef CG_ENGINE_GRAPH_PARTITION_CONNECTIVITY_H
#define CG_ENGINE_GRAPH_PARTITION_CONNECTIVITY_H

#include "engine/graph/partition/refine.h"

/* Cost of a round: for each row of the boundary, the parts that its neighbours touch. */
cg_status cg_connectivity_improve(cg_refiner *refiner, uint32_t rounds, cg_stream *stream,
                                  cg_error *error);

/* The sum of lambda - 1 over rows. stamps[parts]: scratch, zero before; any after. */
uint64_t cg_connectivity_of(const cg_cut_graph *graph, const uint32_t *part_of,
                            uint32_t *stamps);

#endif
