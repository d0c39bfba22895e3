/* Partitioning a knowledge graph: every concept goes to one of `parts` parts, few edges between
 * parts, parts of about one size (spec F1). (Which parts a host serves, and what a replica of one
 * holds, is engine/node's.)
 *
 * The directed typed graph is made symmetric first: two concepts are linked when an edge leads
 * from one to the other, either way. The link weighs the sum of its edges, each 1 or its own
 * weight (cg_partitioner_weights). Two objectives, both always reported:
 *
 *   cut            sum of the weights of links between two parts
 *   connectivity   sum over concepts c of lambda(c) - 1, lambda(c) the number of parts in which c
 *                  and its neighbours lie: the hypergraph with a hyperedge a concept. That is how
 *                  many other parts a concept's edges have to be looked up in, and what METIS calls
 *                  communication volume.
 *
 * The method is multilevel: coarsen, start on the coarsest graph (spectral, and grown), project
 * back and refine at each level; then repeat with what was found (partitioner.c).
 *
 * Balance is strict: no part holds more concepts than
 *
 *   max(floor((1 + imbalance) * concepts / parts), ceil(concepts / parts))
 *
 * A result is a function of graph, options and nothing else; the order in which edges were added
 * has no influence. It is the same on every machine but for one reservation (spectrum.h).
 *
 * GSL: the program's error handler is never called and is as it was after each call. GSL's handler
 * is global, so partition in one thread at a time.
 */
#ifndef CG_ENGINE_GRAPH_PARTITION_PARTITIONER_H
#define CG_ENGINE_GRAPH_PARTITION_PARTITIONER_H

#include "engine/graph/graph.h"

enum {
    CG_PARTITIONER_PARTS_MAX = 4096,
    CG_PARTITIONER_STARTS_MAX = 64,
    CG_PARTITIONER_CYCLES_MAX = 64
};

typedef enum cg_partitioner_objective {
    CG_PARTITIONER_CUT,
    CG_PARTITIONER_CONNECTIVITY,
    CG_PARTITIONER_OBJECTIVE_COUNT
} cg_partitioner_objective;

typedef enum cg_partitioner_weights {
    CG_PARTITIONER_EDGES,  /* each edge 1: the cut is the number of edges between parts */
    CG_PARTITIONER_STATED, /* each edge its weight + 1, of 256 */
    CG_PARTITIONER_WEIGHTS_COUNT
} cg_partitioner_weights;

typedef struct cg_partitioning_options {
    uint32_t parts;   /* 1..CG_PARTITIONER_PARTS_MAX; more than there are concepts is fine */
    double imbalance; /* 0..1 */
    cg_partitioner_objective objective;
    cg_partitioner_weights weights;
    uint64_t seed;
    /* Partitionings made from the beginning, which are then combined; at most
     * CG_PARTITIONER_STARTS_MAX. 0: starts and cycles by the number of links, 4 and 2 up to half a
     * million, 2 and 1 up to three million, then 1 and 0. */
    uint32_t starts;
    /* Times that each, and at last the best, is coarsened and refined again; at most
     * CG_PARTITIONER_CYCLES_MAX. */
    uint32_t cycles;
} cg_partitioning_options;

/* Imbalance 0.03, cut, each edge 1, seed 1, starts and cycles by size. */
cg_partitioning_options cg_partitioning_options_default(uint32_t parts);

/* What a partitioning is worth. Concepts are rows that were not removed; edges are the graph's own,
 * directed. */
typedef struct cg_partitioning_report {
    uint64_t edges;
    uint64_t cut_edges;     /* between two parts */
    uint64_t cut_weight;    /* the sum of their (weight + 1): 256 is 1.0 */
    uint64_t connectivity;  /* sum of lambda - 1 */
    uint32_t boundary_rows; /* concepts with an edge, either way, to another part */
    uint32_t largest_part;  /* concepts */
    uint32_t smallest_part;
    double imbalance; /* largest_part * parts / concepts - 1; 0 without concepts */
    /* Of the run that made it; 0 where only evaluated. */
    uint32_t levels;   /* graphs in the first hierarchy, the given one included */
    uint32_t coarsest; /* rows of the last of them */
    uint32_t spectral; /* starts that the spectral partitioning won */
} cg_partitioning_report;

/* part_of_row[cg_graph_concept_count(graph)]: < parts; removed rows have one too, which means
 * nothing. report may be NULL. Errors, with both untouched: CG_ERROR_INVALID (an option is out of
 * range), CG_ERROR_MEMORY. Cost: some 5 us a link and cycle
 * (starts * (1 + cycles), and some to combine); 10 million links took 26 s by default.
 * Memory: some 70 bytes a link. */
cg_status cg_partition_graph(const cg_graph *graph, const cg_partitioning_options *options,
                             cg_allocator allocator, uint32_t *part_of_row,
                             cg_partitioning_report *report, cg_error *error);

/* The baseline: rendezvous hashing of the concepts' ids (Thaler & Ravishankar 1998), whose parts
 * are as even as chance has it; when a part is added, rows only move to it. Same errors for
 * parts. Cost: concepts * parts. */
cg_status cg_partition_by_hash(const cg_graph *graph, uint32_t parts, uint64_t seed,
                               uint32_t *part_of_row, cg_error *error);

/* Any partitioning's worth. Errors: CG_ERROR_INVALID (parts out of range, or a row of a concept
 * whose part is not below parts), CG_ERROR_MEMORY. Linear in edges. */
cg_status cg_partitioning_evaluate(const cg_graph *graph, uint32_t parts,
                                   const uint32_t *part_of_row, cg_allocator allocator,
                                   cg_partitioning_report *report, cg_error *error);

#endif
