/* One frozen graph of many layers, made while the layers are read, and put below what grew on
 * top of them meanwhile.
 *
 *     top                 takes additions meanwhile       top
 *     layer               cg_graph_merge reads            merged    cg_graph_rebase(top, merged)
 *     base                these two
 */
#ifndef CG_ENGINE_GRAPH_GRAPH_MERGE_H
#define CG_ENGINE_GRAPH_GRAPH_MERGE_H

#include "engine/graph/graph.h"

/* A new frozen graph without base that holds what `graph` and its layers below hold: same rows,
 * ids, types, names, depths, relations and properties, the edges with the weights that they have
 * in `graph`, and the same concepts removed. Only reads its input, so others may read it, and add
 * to graphs that stand on it. *out belongs to the caller. Errors: CG_ERROR_MEMORY. Cost: linear
 * in concepts, n log n in the edges of a row. */
cg_status cg_graph_merge(const cg_graph *graph, cg_allocator allocator, cg_graph **out,
                         cg_error *error);

/* Puts `graph`, which stands on a base, on another: one that was merged from that base. Nothing
 * may stand on `graph`. Checked are the counts of concepts, relations and properties; if they
 * are not the old base's, or `graph` has no base, CG_ERROR_INVALID with the graph unchanged.
 * Void are cursors and spans. */
cg_status cg_graph_rebase(cg_graph *graph, const cg_graph *new_base, cg_error *error);

#endif
