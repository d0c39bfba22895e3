/* The knowledge graph: concepts by row, typed weighted directed edges (spec E1).
 *
 * A graph is a frozen part in compressed sparse rows plus a growing part. It may stand on a
 * base graph, which it shares and never changes: rows below the base's count are the base's,
 * and edges added to them lie in the growing part of this graph. Edges of a row come out frozen
 * first, sorted by (type, target), then growing in the order added.
 *
 * Weights are 8-bit: w = (weight + 1) / 256, in (0, 1]. A graph that stands on a base may give
 * the base's edges other weights, which it keeps to itself.
 *
 * Frozen, an edge takes 8 bytes and a row 8. Related: bulk.h builds large graphs, properties.h
 * holds what else is known of concepts, graph_merge.h makes one graph of layers, graph_file.h
 * makes bytes of a graph and back.
 */
#ifndef CG_ENGINE_GRAPH_GRAPH_H
#define CG_ENGINE_GRAPH_GRAPH_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

/* WordNet's pointers (wninput(5WN)). Other relations are a graph's own (cg_graph_add_relation),
 * or CG_EDGE_OTHER. */
typedef enum cg_edge_type {
    CG_EDGE_HYPERNYM, /* to the more general: the parent */
    CG_EDGE_INSTANCE_HYPERNYM,
    CG_EDGE_HYPONYM,
    CG_EDGE_INSTANCE_HYPONYM,
    CG_EDGE_MEMBER_HOLONYM,
    CG_EDGE_SUBSTANCE_HOLONYM,
    CG_EDGE_PART_HOLONYM,
    CG_EDGE_MEMBER_MERONYM,
    CG_EDGE_SUBSTANCE_MERONYM,
    CG_EDGE_PART_MERONYM,
    CG_EDGE_ANTONYM,
    CG_EDGE_ATTRIBUTE,
    CG_EDGE_DERIVATION,
    CG_EDGE_DOMAIN_TOPIC,
    CG_EDGE_DOMAIN_REGION,
    CG_EDGE_DOMAIN_USAGE,
    CG_EDGE_MEMBER_TOPIC,
    CG_EDGE_MEMBER_REGION,
    CG_EDGE_MEMBER_USAGE,
    CG_EDGE_ENTAILMENT,
    CG_EDGE_CAUSE,
    CG_EDGE_ALSO_SEE,
    CG_EDGE_VERB_GROUP,
    CG_EDGE_SIMILAR,
    CG_EDGE_PARTICIPLE,
    CG_EDGE_PERTAINYM,
    CG_EDGE_OTHER,
    CG_EDGE_TYPE_COUNT
} cg_edge_type;

const char *cg_edge_type_name(cg_edge_type type); /* "hypernym" */

enum { CG_RELATIONS_MAX = 65536 }; /* types in all: 0 to 65,535 */

typedef struct cg_edge {
    uint32_t target; /* row */
    uint16_t type;   /* cg_edge_type, or a relation of the graph's own */
    uint8_t weight;  /* 255 is 1.0 */
    uint8_t unused;  /* 0 */
} cg_edge;

/* Of an edge's type: whether it leads to the more general (a hypernym of either kind), or to
 * the more special (a hyponym). */
static inline bool cg_edge_is_parent(uint32_t type) {
    return type == CG_EDGE_HYPERNYM || type == CG_EDGE_INSTANCE_HYPERNYM;
}

static inline bool cg_edge_is_child(uint32_t type) {
    return type == CG_EDGE_HYPONYM || type == CG_EDGE_INSTANCE_HYPONYM;
}

typedef struct cg_graph cg_graph;

/* base: NULL, or a graph that outlives this one and no longer changes. A graph that stands on a
 * base has no frozen part of its own. */
cg_status cg_graph_alloc(const cg_graph *base, cg_allocator allocator, cg_graph **out,
                         cg_error *error);
void cg_graph_free(cg_graph *graph);

/* A new concept: type < CG_CONCEPT_TYPES (WordNet: the lexicographer file, 0..44); name is
 * copied, at most CG_NAME_BYTES_MAX bytes. Depth is 0 until cg_graph_freeze or an added parent
 * edge says otherwise. Ids are not looked up here: whoever adds sees to it that they differ. */
enum { CG_CONCEPT_TYPES = 64, CG_NAME_BYTES_MAX = 255, CG_PATH_MAX = 64 };
cg_status cg_graph_add_concept(cg_graph *graph, uint64_t id, uint32_t type, const char *name,
                               uint32_t *row, cg_error *error);

/* A relation of the graph's own: *type is the next from CG_EDGE_TYPE_COUNT on, or the one that
 * has this name already, be it one of WordNet's. The name is copied. Relations belong to the
 * lowest layer: a graph on a base knows the base's and gets no others. Errors, with the graph
 * unchanged: CG_ERROR_INVALID (a name of no bytes or of more than CG_NAME_BYTES_MAX; a new name
 * in a graph on a base), CG_ERROR_FULL (no type is left below CG_RELATIONS_MAX),
 * CG_ERROR_MEMORY. */
cg_status cg_graph_add_relation(cg_graph *graph, const char *name, uint16_t *type,
                                cg_error *error);

/* Refuses rows, relations and a fourth byte that don't exist and self edges (CG_ERROR_INVALID),
 * and an edge of the same type between the same concepts (CG_ERROR_EXISTS). Cost: logarithmic
 * in the row's frozen edges, and about constant in its growing ones. A hypernym edge of either kind sets the depth of
 * a growing concept (one of this graph, not frozen): its parent's + 1, when that is less than
 * what it had or it had none. */
cg_status cg_graph_add_edge(cg_graph *graph, uint32_t from, cg_edge edge, cg_error *error);

/* Another weight for an edge that is there. In a graph on a base, edges of the base keep theirs
 * and this graph holds the change. Void are cursors and spans of the row. Errors, with the graph
 * unchanged: CG_ERROR_NOT_FOUND (no such edge), CG_ERROR_MEMORY. Cost: as of cg_graph_add_edge;
 * a row with changes of a base's edges is walked more slowly, other rows are not. */
cg_status cg_graph_set_weight(cg_graph *graph, uint32_t from, uint16_t type, uint32_t target,
                              uint8_t weight, cg_error *error);

/* Takes a concept of this graph out, with its edges and those that lead back from where they lead:
 * so nothing leads to it any more, provided that each edge to it had one back. Its row stays, with
 * id, name, type and depth, and is never used again; no edge may be added to it. Only in a graph
 * that stands on a base. Errors, with the graph unchanged: CG_ERROR_NOT_FOUND (no such row, or
 * removed before), CG_ERROR_INVALID (a row of the base, or no base), CG_ERROR_CONFLICT (concepts
 * hang below it), CG_ERROR_MEMORY. Cost: linear in the growing edges of the concepts that it has
 * edges to. */
cg_status cg_graph_remove_concept(cg_graph *graph, uint32_t row, cg_error *error);
bool cg_graph_is_removed(const cg_graph *graph, uint32_t row); /* row < concepts */
/* The largest row of this graph (not of its base) below `row` that was not removed; false when
 * there is none. row <= concepts. */
bool cg_graph_live_before(const cg_graph *graph, uint32_t row, uint32_t *before);

/* Moves the growing part into compressed rows and computes depths: hops to the nearest root (a
 * concept without hypernym) along hypernym edges of both kinds; 0 for a concept that reaches no
 * root because its hypernyms form a cycle. Names and edge cursors taken before are void; memory
 * that concepts and names were to grow into is given back. Only for a graph without a base
 * (CG_ERROR_INVALID). On failure the graph is unchanged. */
cg_status cg_graph_freeze(cg_graph *graph, cg_error *error);

/* Valid until the graph changes. */
typedef struct cg_edge_cursor { /* opaque value; walk with cg_graph_next_edge */
    const cg_graph *graph;
    uint32_t row;
    uint32_t stage;
    bool is_reweighted; /* a layer has other weights for edges of this row */
    uint64_t position;
    uint64_t end;
} cg_edge_cursor;
cg_edge_cursor cg_graph_edges(const cg_graph *graph, uint32_t row);
bool cg_graph_next_edge(cg_edge_cursor *cursor, cg_edge *edge);

/* The frozen edges of a row, sorted by (type, target). Weights are the lowest layer's; in this
 * graph they may be others, unless the row is plain. Borrowed until the lowest layer changes. */
typedef struct cg_edge_span {
    const cg_edge *edges; /* [count] */
    uint64_t count;
} cg_edge_span;
cg_edge_span cg_graph_frozen_edges(const cg_graph *graph, uint32_t row);
/* True: that span is all there is of the row, in the order of a cursor. Cost: constant, and
 * nothing but comparisons where no layer grew. */
bool cg_graph_row_is_plain(const cg_graph *graph, uint32_t row);

/* Targets of hypernym and instance-hypernym edges, at most max, in edge order. Returns how
 * many. */
uint32_t cg_graph_parents(const cg_graph *graph, uint32_t row, uint32_t *parents, uint32_t max);
/* row, its first parent, and so on to a root; a parent that is on the path already ends it.
 * Returns the length, 1..CG_PATH_MAX. */
uint32_t cg_graph_path_to_root(const cg_graph *graph, uint32_t row, uint32_t path[CG_PATH_MAX]);
/* Fewest edges from one row to another along hypernym and hyponym edges of both kinds, or
 * max + 1 when there are more; max < CG_PATH_MAX. Cost: about the number of rows within max
 * edges. */
uint32_t cg_graph_tree_distance(const cg_graph *graph, uint32_t from, uint32_t to,
                                uint32_t max);

uint32_t cg_graph_concept_count(const cg_graph *graph); /* rows: with the base's, and removed */
uint32_t cg_graph_live_count(const cg_graph *graph);    /* concepts: without removed ones */
uint64_t cg_graph_edge_count(const cg_graph *graph);    /* with the base's */
uint64_t cg_graph_id(const cg_graph *graph, uint32_t row);
uint32_t cg_graph_type(const cg_graph *graph, uint32_t row);
uint32_t cg_graph_depth(const cg_graph *graph, uint32_t row);
uint32_t cg_graph_degree(const cg_graph *graph, uint32_t row);
/* Edges of one type. Cost: logarithmic in frozen edges; linear in growing ones, but for hyponyms
 * and instance hyponyms, which are counted. */
uint32_t cg_graph_degree_of_type(const cg_graph *graph, uint32_t row, uint32_t type);
/* Borrowed until a concept is added. */
const char *cg_graph_name(const cg_graph *graph, uint32_t row);
/* Types there are: CG_EDGE_TYPE_COUNT and the graph's own. */
uint32_t cg_graph_relation_count(const cg_graph *graph);
/* Of any type there is, as cg_edge_type_name for WordNet's. Borrowed until a relation is
 * added. */
const char *cg_graph_relation_name(const cg_graph *graph, uint32_t type);
uint64_t cg_graph_bytes(const cg_graph *graph); /* own part only */
/* Own part: concepts by row, which of them were removed, edges by row in the order they come
 * out, other weights of a base's edges, relations, properties. The same additions and removals give the same hash, also when additions were made to
 * different rows in another order. */
uint64_t cg_graph_hash(const cg_graph *graph);

#endif
