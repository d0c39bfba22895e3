/* Building a large frozen graph in two passes over its edges, with no more memory than the
 * result takes: 8 bytes an edge and 8 a row beside the concepts.
 *
 *     cg_graph_alloc(NULL, ...), cg_bulk_reserve, cg_graph_add_concept for each
 *     cg_bulk_alloc
 *     cg_bulk_count for each edge         first pass: how many edges each row gets
 *     cg_bulk_place                       takes the memory for them
 *     cg_bulk_add for each edge           second pass, in any order
 *     cg_bulk_finish                      sorts the rows; the graph is frozen
 *     cg_bulk_free
 *
 * The second pass gives at most as many edges from each row as the first counted. Its order
 * does not matter: the same edges give the same graph. Until cg_bulk_finish succeeds the graph
 * must not be touched otherwise; its concepts have no depth and its rows no edges.
 */
#ifndef CG_ENGINE_GRAPH_BULK_H
#define CG_ENGINE_GRAPH_BULK_H

#include "engine/graph/graph.h"

typedef struct cg_bulk cg_bulk;

typedef struct cg_bulk_report {
    uint64_t added;      /* calls of cg_bulk_add that succeeded */
    uint64_t self_edges; /* of these, from a row to itself: dropped */
    uint64_t duplicates; /* of these, same type between same concepts as another: merged into
                          * one edge with the largest weight of all */
    uint64_t edges;      /* in the graph: added - self_edges - duplicates */
} cg_bulk_report;

/* Room in the graph for just so many concepts and bytes of names (each with its NUL) in all,
 * so that adding them does not grow by doubling. Errors: CG_ERROR_MEMORY. */
cg_status cg_bulk_reserve(cg_graph *graph, uint32_t concepts, size_t name_bytes,
                          cg_error *error);

/* graph: without a base and without edges, its concepts and relations added; it must outlive
 * the bulk. Errors: CG_ERROR_INVALID, CG_ERROR_MEMORY. */
cg_status cg_bulk_alloc(cg_graph *graph, cg_allocator allocator, cg_bulk **out,
                        cg_error *error);
/* Unless finished, leaves the graph with its concepts alone. NULL is fine. */
void cg_bulk_free(cg_bulk *bulk);

/* n more edges will leave row `from`. Errors: CG_ERROR_INVALID for a row that is not there, or
 * after cg_bulk_place; CG_ERROR_FULL for more than 2^32 - 2 edges of a row. */
cg_status cg_bulk_count(cg_bulk *bulk, uint32_t from, uint32_t n, cg_error *error);
/* Takes memory for all that was counted. Errors: CG_ERROR_INVALID when called twice,
 * CG_ERROR_MEMORY. */
cg_status cg_bulk_place(cg_bulk *bulk, cg_error *error);
/* Errors, with nothing changed: CG_ERROR_INVALID for rows or a relation that are not there, a
 * fourth byte other than 0, more edges of a row than were counted, or before cg_bulk_place. */
cg_status cg_bulk_add(cg_bulk *bulk, uint32_t from, cg_edge edge, cg_error *error);
/* Sorts each row by (type, target), merges duplicates, gives back what they and uncounted edges
 * took, computes depths as cg_graph_freeze does: the graph is frozen. report may be NULL. Errors:
 * CG_ERROR_INVALID before cg_bulk_place or when called twice; CG_ERROR_MEMORY, after which it
 * can be called again. Cost: n log n a row; 16 more bytes a row and 4 a hypernym edge while it
 * runs if there are hypernym edges, and none if there are not. */
cg_status cg_bulk_finish(cg_bulk *bulk, cg_bulk_report *report, cg_error *error);

#endif
