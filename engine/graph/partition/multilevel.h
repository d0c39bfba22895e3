/* Down to a small graph and back up, refining (private to engine/graph/partition).
 *
 * A cycle coarsens level by level, starts on the coarsest graph or takes over a partitioning that
 * is given, and refines at each level on the way back. With a partitioning given, rows of two
 * parts never become one, so it stands on the coarsest graph as it is and can only get better
 * (V-cycle: Walshaw 2004; Sanders & Schulz 2011). With two given, rows become one only where
 * neither parts them: what both agree on is settled, and refinement recombines the rest (Sanders
 * & Schulz, "Distributed Evolutionary Graph Partitioning", ALENEX 2012).
 */
#ifndef CG_ENGINE_GRAPH_PARTITION_MULTILEVEL_H
#define CG_ENGINE_GRAPH_PARTITION_MULTILEVEL_H

#include "engine/graph/partition/coarsen.h"
#include "engine/graph/partition/start.h"

typedef struct cg_multilevel {
    const cg_cut_graph *graph;
    uint32_t parts;
    const uint64_t *limits; /* [parts] */
    uint64_t seed;
    uint64_t entity;       /* of the streams: counts the cycles */
    bool is_bisection;     /* parts is 2, for a start: smaller coarsest graph, no spectrum */
    bool is_connectivity;  /* refine for that, not for the cut; with is_given */
    bool is_given;         /* part_of holds a partitioning to improve */
    const uint32_t *other; /* [rows] or NULL: the second one, if is_given */
    uint32_t levels;       /* out */
    uint32_t coarsest;     /* out */
    bool is_spectral;      /* out */
} cg_multilevel;

/* part_of[rows]; on failure anything. */
cg_status cg_multilevel_cycle(cg_multilevel *cycle, uint32_t *part_of, cg_error *error);

#endif
