/* An order of rows in which rows that link to each other stand close together (private to
 * engine/index): then the differences of their numbers are small (link_code.h), and a search
 * meets fewer pages.
 *
 * Rabbit order: Arai et al., "Rabbit Order: Just-in-Time Parallel Reordering for Fast Graph
 * Analysis", IPDPS 2016; here one thread, so the result is one order. Rows are taken by
 * ascending degree; each joins, with all that joined it before, the community for which
 * modularity gains most:
 *
 *   gain(u, v) = w(u, v) - resolution * w(u) w(v) / W     > 0
 *
 * w(u, v) is the links between the two, w(u) those of u, W all; ties go to the lower row. Who
 * joined whom is a forest; walked depth first it gives the order, and its trees are the
 * communities. resolution 1 is modularity as it is known, which cannot tell small communities
 * of a large graph apart (Fortunato & Barthelemy, PNAS 2007); here it grows with the rows, so
 * that communities of a thousand rows stay apart unless a share of their links says otherwise.
 *
 * Only links as they are given count, from one side: the reverse ones change nothing that was
 * measurable and would double the memory.
 *
 * Measured, bytes a list as in link_code.h: 1M rows in 1,000 clusters, 17 links each: as
 * inserted 40, breadth first 37, by nearest ancestor of the level above 29, this 19, in 3 s;
 * recursive bisection (Dhulipala et al., KDD 2016) took 24 s for three rounds a level and came
 * to no more than the ancestors. 100K rows without clusters: 40, 39, 39, this 38.
 */
#ifndef CG_ENGINE_INDEX_LOCALITY_H
#define CG_ENGINE_INDEX_LOCALITY_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

typedef struct cg_locality_graph {
    const uint64_t *starts; /* [rows + 1] ascending: row r's links are starts[r] ... */
    uint32_t *links;        /* [starts[rows]] rows; used up: meaningless afterwards */
    uint32_t rows;
} cg_locality_graph;

/* order[i]: which row comes i-th. is_first[i] (or NULL): 1 where a community begins in the
 * order, else 0. Both: [rows]. Links of a row to itself count nothing. The result is a function
 * of the graph. Cost: O(links log rows) or better in practice; memory: as much as the links, and
 * 40 bytes a row. Error: CG_ERROR_MEMORY, with order and is_first untouched. */
cg_status cg_locality_order(const cg_locality_graph *graph, const cg_allocator *allocator,
                            uint32_t *order, uint8_t *is_first, cg_error *error);

#endif
