/* How a graph lies in memory; for engine/graph alone.
 *
 * Concepts lie by own row (row - first_row). Frozen edges: those of own row r are
 * frozen_edges[row_starts[r] .. row_starts[r + 1] - 1], sorted by (type, target). Growing
 * edges of all rows lie in one array in the order added; those of one row are a singly linked
 * chain in it. A table leads from the row to its chain, so that a few edges on a large base
 * cost memory for a few edges.
 *
 *     chain_of_row: row -> c
 *     chains[c]: {head, tail, count}
 *     growing[head].next -> ... -> growing[tail].next = NO_EDGE
 *
 * To refuse duplicates, a chain is walked while it is short; a chain of HUB_EDGES or more has
 * all its edges in hub_edges: (row << 32 | target) -> bit mask of types. Places of growing[] that
 * removals left are a chain too, through next from vacant_edge; additions take them first.
 */
#ifndef CG_ENGINE_GRAPH_GRAPH_LAYOUT_H
#define CG_ENGINE_GRAPH_GRAPH_LAYOUT_H

#include "engine/base/map.h"
#include "engine/graph/graph.h"

enum { HUB_EDGES = 64 };
#define NO_EDGE UINT32_MAX

typedef struct growing_edge {
    cg_edge edge;
    uint32_t next; /* in growing[], or NO_EDGE */
} growing_edge;

typedef struct chain {
    uint32_t row;
    uint32_t head; /* in growing[] */
    uint32_t tail;
    uint32_t count;
    uint32_t parents;     /* of these, hypernyms of both kinds */
    uint32_t children[2]; /* hyponyms and instance hyponyms */
} chain;

typedef struct graph_concept {
    uint64_t id;
    uint64_t name_start; /* in names[] */
    uint32_t depth;
    uint32_t type;
} graph_concept;

struct cg_graph {
    cg_allocator allocator;
    const cg_graph *base;
    uint32_t level;     /* 0: no base; otherwise the base's + 1 */
    uint32_t first_row; /* the base's concept count when this graph began */

    graph_concept *concepts;
    uint32_t concept_count; /* own */
    size_t concept_capacity;
    char *names; /* NUL-terminated, one after the other */
    size_t names_bytes;
    size_t names_capacity;

    uint32_t frozen_count; /* concepts that have frozen rows: the first ones */
    uint64_t *row_starts;  /* [frozen_count + 1], or NULL */
    cg_edge *frozen_edges;
    uint64_t frozen_edge_count;

    growing_edge *growing;
    uint32_t growing_count;
    size_t growing_capacity;
    uint32_t vacant_edge;  /* in growing[], or NO_EDGE */
    uint32_t vacant_edges; /* of growing_count */
    chain *chains;
    uint32_t chain_count;
    size_t chain_capacity;
    cg_table *chain_of_row;
    cg_table *hub_edges;

    uint64_t *removed; /* a bit an own row; none where the array ends */
    size_t removed_capacity;
    uint32_t removed_count;
};

/* The graph of that level at or below `graph`. */
static inline const cg_graph *cg_graph_layer(const cg_graph *graph, uint32_t level) {
    while (graph->level > level) {
        graph = graph->base;
    }
    return graph;
}

/* Of an edge in hub_edges. */
static inline uint64_t cg_graph_hub_key(uint32_t row, uint32_t target) {
    return (uint64_t)row << 32 | target;
}

/* The chain of a row in this layer, or NULL. */
const chain *cg_graph_chain(const cg_graph *layer, uint32_t row);

/* Sorts by (type, target); edges that agree in both may come out in any order. */
void cg_graph_sort_edges(cg_edge *edges, size_t count);

#endif
