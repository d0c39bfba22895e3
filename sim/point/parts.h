/* The graph of a point divided into parts, and what the division is worth (spec F1).
 *
 * It is made once with the graph, which it is a function of, and shared by all points of the same
 * graph. The engine does not go by it yet: figures are of the graph alone.
 */
#ifndef SIM_POINT_PARTS_H
#define SIM_POINT_PARTS_H

#include "engine/graph/partition/partitioner.h"
#include "sim/record/rows.h"
#include "sim/scenario/options.h"

typedef struct sim_parts {
    uint32_t *of_row; /* [rows], or NULL: the graph is not divided */
    uint32_t rows;
    cg_partitioning_report report;
    uint64_t boundary_pairs; /* (boundary concept, other part): entries of the routing tables */
    uint64_t boundary_bytes; /* of the routing tables */
    cg_allocator allocator;
} sim_parts;

/* As graph.parts and graph.partitioner say; of one part there is nothing to do. Errors:
 * CG_ERROR_INVALID, CG_ERROR_MEMORY; then *parts is empty. */
cg_status sim_parts_init(sim_parts *parts, const cg_graph *graph, const sim_options *options,
                         cg_allocator allocator, cg_error *error);
void sim_parts_deinit(sim_parts *parts);

/* Metrics; none where the graph is not divided. */
void sim_parts_report(const sim_parts *parts, sim_rows *rows);

#endif
