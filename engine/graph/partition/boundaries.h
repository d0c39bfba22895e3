/* The boundaries of a partitioning, as routing tables (spec F1): which rows have edges to other
 * parts, and to which.
 *
 * For each boundary row, in row order, the other parts that its edges lead to or come from,
 * ascending. So a search that stands at a row knows which hosts can go on, and whoever routes
 * between two parts knows through which rows. Immutable; a snapshot of the graph at the time.
 *
 * Bytes: 8 a boundary row for the row and its list's end, 2 for each part touched, and 4 for each
 * (row, part touched) in the lists by pair of parts.
 */
#ifndef CG_ENGINE_GRAPH_PARTITION_BOUNDARIES_H
#define CG_ENGINE_GRAPH_PARTITION_BOUNDARIES_H

#include "engine/graph/graph.h"

typedef struct cg_boundaries cg_boundaries;

/* part_of_row[cg_graph_concept_count(graph)], all < parts, parts in
 * 1..CG_PARTITIONER_PARTS_MAX. Errors: CG_ERROR_INVALID, CG_ERROR_FULL (more than 2^32 - 1 pairs
 * of a row and a part that it touches), CG_ERROR_MEMORY. Linear in edges. */
cg_status cg_boundaries_alloc(const cg_graph *graph, uint32_t parts,
                              const uint32_t *part_of_row, cg_allocator allocator,
                              cg_boundaries **out, cg_error *error);
void cg_boundaries_free(cg_boundaries *boundaries); /* NULL is fine */

/* The other parts that a row touches, ascending: *parts borrowed from the tables; returns how many,
 * 0 for a row inside its part. Cost: logarithmic in boundary rows. */
uint32_t cg_boundaries_of_row(const cg_boundaries *boundaries, uint32_t row,
                              const uint16_t **parts);

/* The rows of part `from` that touch part `to`, ascending; borrowed. Returns how many; 0 when
 * either is not a part, or they are one. Cost: logarithmic in the parts that `from` touches. */
uint32_t cg_boundaries_between(const cg_boundaries *boundaries, uint32_t from, uint32_t to,
                               const uint32_t **rows);

/* The parts that part `from` touches, ascending; borrowed. */
uint32_t cg_boundaries_of_part(const cg_boundaries *boundaries, uint32_t from,
                               const uint16_t **parts);

uint32_t cg_boundaries_row_count(const cg_boundaries *boundaries);  /* boundary rows */
uint64_t cg_boundaries_pair_count(const cg_boundaries *boundaries); /* (row, part): the sum of
                                                                       lambda - 1 */
uint64_t cg_boundaries_bytes(const cg_boundaries *boundaries);

#endif
