/* How a graph lies in memory; for engine/graph alone.
 *
 * Concepts lie by own row (row - first_row). Frozen edges: those of own row r are
 * frozen_edges[row_starts[r] .. row_starts[r + 1] - 1], sorted by (type, target); they are the
 * graph's own or lie in the bytes that it was opened on. Growing edges of all rows lie in one
 * array in the order added; those of one row are a singly linked chain in it. A table leads from
 * the row to its chain, so that a few edges on a large base cost memory for a few edges.
 *
 *     chain_of_row: row -> c
 *     chains[c]: {head, tail, count}
 *     edges[head].next -> ... -> edges[tail].next = NO_EDGE
 *
 * To find an edge, a chain is walked while it is short; a chain of HUB_EDGES or more has a table
 * of its own, (target << 16 | type) -> place in edges[]. Places that removals left are a chain
 * too, through next from vacant_edge; additions take them first.
 *
 * The same structure holds other weights for frozen edges that are not to be written: those of a
 * base, and those in opened bytes.
 */
#ifndef CG_ENGINE_GRAPH_GRAPH_LAYOUT_H
#define CG_ENGINE_GRAPH_GRAPH_LAYOUT_H

#include "engine/base/hash.h"
#include "engine/base/map.h"
#include "engine/graph/graph.h"
#include "engine/graph/properties.h"

enum { HUB_EDGES = 64, ROWS_A_WORD = 64 };
#define NO_EDGE UINT32_MAX

/* --- Texts, NUL-terminated, one after the other. --- */

typedef struct text_heap {
    char *bytes;
    size_t used_bytes;
    size_t capacity;
} text_heap;

cg_status cg_texts_reserve(text_heap *texts, const cg_allocator *allocator, size_t more_bytes,
                           cg_error *error);
/* Where it begins. Needs room. */
size_t cg_texts_append(text_heap *texts, const char *text);
void cg_texts_deinit(text_heap *texts, const cg_allocator *allocator);

/* --- Chains (graph_chains.c). --- */

typedef struct growing_edge {
    cg_edge edge;
    uint32_t next; /* in edges[], or NO_EDGE */
} growing_edge;

typedef struct chain {
    uint32_t row;
    uint32_t head; /* in edges[] */
    uint32_t tail;
    uint32_t count;
    uint32_t parents;     /* of these, hypernyms of both kinds */
    uint32_t children[2]; /* hyponyms and instance hyponyms */
    cg_table *hub;        /* of the chain's edges from HUB_EDGES on, else NULL or of some */
} chain;

typedef struct edge_chains { /* zeroed: none, and finding works */
    growing_edge *edges;
    uint32_t edge_count; /* with vacant places */
    size_t edge_capacity;
    uint32_t vacant_edge; /* in edges[]; means nothing while vacant_edges is 0 */
    uint32_t vacant_edges;
    chain *chains;
    uint32_t chain_count;
    size_t chain_capacity;
    cg_table *chain_of_row;
    size_t hub_bytes; /* of all chains' tables */
} edge_chains;

cg_status cg_chains_init(edge_chains *chains, cg_allocator allocator, cg_error *error);
void cg_chains_deinit(edge_chains *chains, const cg_allocator *allocator);
/* The chain of a row, or NULL. */
chain *cg_chains_of(const edge_chains *chains, uint32_t row);
/* The place of the edge in edges[], or NO_EDGE. */
uint32_t cg_chains_find(const edge_chains *chains, uint32_t row, cg_edge edge);
/* Adds an edge that is not there. Errors, with no visible change: CG_ERROR_FULL,
 * CG_ERROR_MEMORY. */
cg_status cg_chains_add(edge_chains *chains, const cg_allocator *allocator, uint32_t row,
                        cg_edge edge, cg_error *error);
/* Takes edges[at], which comes after edges[previous] in the chain or heads it, out. */
void cg_chains_unlink(edge_chains *chains, chain *held, uint32_t previous, uint32_t at);
uint64_t cg_chains_bytes(const edge_chains *chains);

static inline uint32_t cg_chains_live(const edge_chains *chains) {
    return chains->edge_count - chains->vacant_edges;
}

/* --- Properties (properties.c). --- */

typedef struct property_definition {
    size_t name_start; /* in names */
    cg_property_type type;
    cg_property_form form;
} property_definition;

/* Values by row: as they are, bits of doubles, or where a text begins in texts. A dense column
 * has those of own rows in dense[], with a bit in present[]; all others are in the map. */
typedef struct property_column {
    cg_map *sparse; /* or NULL */
    uint64_t *dense;
    size_t dense_capacity;
    uint64_t *present;
    size_t present_capacity;
} property_column;

typedef struct graph_properties {
    uint32_t first; /* the base's count when this graph began */
    uint32_t count; /* own */
    property_definition *definitions;
    size_t definition_capacity;
    property_column *columns; /* by column, the base's too; empty where the array ends */
    size_t column_capacity;
    text_heap names;
    text_heap texts;
} graph_properties;

void cg_properties_deinit(graph_properties *properties, const cg_allocator *allocator);
/* The column's value that this layer holds, not one below. */
bool cg_properties_own(const cg_graph *layer, uint32_t column, uint32_t row, uint64_t *bits);
/* Moves *row to the first row from there on that has a value in any layer; false if none has. */
bool cg_properties_next(const cg_graph *graph, uint32_t column, uint32_t *row);
/* Adds what this layer holds, unless that is nothing. */
void cg_properties_hash(const cg_graph *layer, cg_hasher *hasher);
/* Gives `to`, which has none, all columns and values of `from` and its layers. */
cg_status cg_properties_copy(cg_graph *to, const cg_graph *from, cg_error *error);

/* --- The graph. --- */

typedef struct graph_concept {
    uint64_t id;
    uint64_t name_start; /* in names */
    uint32_t depth;
    uint32_t type;
} graph_concept;

typedef struct graph_relations { /* the lowest layer's */
    text_heap names;
    uint32_t *name_starts; /* by type - CG_EDGE_TYPE_COUNT */
    uint32_t count;
    size_t capacity;
    cg_table *type_of_name; /* by the name's hash; NULL without relations */
} graph_relations;

struct cg_graph {
    cg_allocator allocator;
    const cg_graph *base;
    uint32_t level;     /* 0: no base; otherwise the base's + 1 */
    uint32_t first_row; /* the base's concept count when this graph began */

    graph_concept *concepts;
    uint32_t concept_count; /* own */
    size_t concept_capacity;
    text_heap names;

    uint32_t frozen_count;      /* concepts that have frozen rows: the first ones */
    const uint64_t *row_starts; /* [frozen_count + 1], or NULL */
    const cg_edge *frozen_edges;
    uint64_t frozen_edge_count;
    uint64_t
        *own_starts; /* the same as row_starts and frozen_edges, unless those lie in opened */
    cg_edge *own_edges;   /* bytes: then NULL */
    size_t edge_capacity; /* of own_edges */

    edge_chains growing;
    edge_chains
        reweighted; /* frozen edges here, or any below, with the weights they have here */

    uint64_t *removed; /* a bit an own row; none where the array ends */
    size_t removed_capacity;
    uint32_t removed_count;

    graph_relations relations;
    graph_properties properties;
};

/* The graph of that level at or below `graph`. */
static inline const cg_graph *cg_graph_layer(const cg_graph *graph, uint32_t level) {
    while (graph->level > level) {
        graph = graph->base;
    }
    return graph;
}

/* The chain of a row in this layer, or NULL. */
static inline const chain *cg_graph_chain(const cg_graph *layer, uint32_t row) {
    return cg_chains_live(&layer->growing) == 0 ? NULL : cg_chains_of(&layer->growing, row);
}

static inline bool cg_edge_comes_before(cg_edge left, cg_edge right) {
    return left.type < right.type || (left.type == right.type && left.target < right.target);
}

/* The place of the edge in frozen_edges of this layer, or UINT64_MAX. */
uint64_t cg_graph_find_frozen(const cg_graph *layer, uint32_t row, cg_edge edge);

/* What may not be in any edge, whatever the graph: rows, relation, fourth byte. */
cg_status cg_graph_check_ends(const cg_graph *graph, uint32_t from, cg_edge edge,
                              cg_error *error);

/* Sorts by (type, target); edges that agree in both may come out in any order. */
void cg_graph_sort_edges(cg_edge *edges, size_t count);

/* The block of `*capacity` elements cut to `count`, as far as the allocator does it. */
void *cg_graph_cut(const cg_allocator *allocator, void *block, size_t *capacity, size_t count,
                   size_t size);
/* Concepts and names without room to grow. */
void cg_graph_cut_concepts(cg_graph *graph);
/* Frees frozen rows that are the graph's own. */
void cg_graph_free_rows(cg_graph *graph);

/* --- Depths of frozen rows (graph_depth.c). --- */

typedef struct depth_work {
    size_t rows;
    size_t parent_edges;    /* 0: nothing is allocated, and all depths are 0 */
    uint64_t *child_starts; /* [rows + 2] */
    uint32_t *children;     /* [parent_edges] */
    uint32_t *queue;        /* [rows] */
    uint32_t *depths;       /* [rows] */
} depth_work;

/* For rows with at most so many hypernym edges. */
cg_status cg_depths_init(depth_work *work, const cg_allocator *allocator, size_t rows,
                         size_t parent_edges, cg_error *error);
void cg_depths_deinit(depth_work *work, const cg_allocator *allocator);
/* Gives the graph's concepts their depths by its frozen rows. */
void cg_depths_set(depth_work *work, cg_graph *graph);

#endif
