/* Triples (head, relation, tail) as a graph, from the text form in which knowledge graphs such
 * as FB15k, WN18RR and CoDEx are published.
 *
 *     HEAD <tab> RELATION <tab> TAIL [<tab> WEIGHT] <newline>
 *
 * Fields are UTF-8, separated by exactly one tab; spaces belong to a name, and there are no
 * comments and no quotes: such files have none, and names may hold '#' and '"'. A carriage
 * return that ends a line is dropped, and so is a byte order mark at the front; empty lines are
 * skipped; the last line may lack its newline. The reader takes bytes in memory (opening files
 * is not engine's business) and trusts nothing.
 *
 * Entities in the order in which they first appear, heads before tails, become concepts: row i
 * has id i + 1, type 0 and the entity's text as its name. Relations, in the same order, become
 * the graph's own.
 */
#ifndef CG_ENGINE_GRAPH_TRIPLES_H
#define CG_ENGINE_GRAPH_TRIPLES_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/graph/graph.h"

typedef struct cg_triples_source {
    const char *name; /* of the file, for messages; NULL: none */
    const uint8_t *bytes;
    size_t size_bytes;
} cg_triples_source;

typedef struct cg_triples_options {
    /* For each triple also an edge from tail to head, of a relation "inverse of R", so that
     * spreading goes both ways. */
    bool inverse;
} cg_triples_options;

typedef struct cg_triples_report {
    uint64_t lines;       /* that hold a triple */
    uint64_t empty_lines; /* skipped */
    uint64_t duplicates;  /* edges that were there already: merged, the greatest weight stays */
    uint64_t self_edges;  /* triples whose head is their tail: dropped */
    uint32_t relations;   /* of the graph's own, with inverses */
} cg_triples_report;

/* The frozen graph of all sources, read one after the other as if they were one file (each
 * begins a new line). WEIGHT is a decimal number in (0, 1], 1 where it is not given; kept in
 * 256 steps, rounded to the nearest, at least 1/256. report may be NULL.
 *
 * Errors name the source, the line (from 1, in its source) and the field or column (from 1, in
 * bytes): CG_ERROR_CORRUPT for a line without three or four fields, an empty field, a name of
 * more than CG_NAME_BYTES_MAX bytes (a relation's with "inverse of "), NUL or invalid UTF-8, a
 * weight that is no number, has more than 64 bytes or is not in (0, 1], and for no triple at all; CG_ERROR_FULL for more
 * relations than a graph can have; CG_ERROR_MEMORY.
 *
 * Cost: reads the bytes twice and holds nothing but the result and two hash tables of names;
 * some 3 million lines a second. */
cg_status cg_triples_parse(const cg_triples_source *sources, uint32_t source_count,
                           const cg_triples_options *options, cg_allocator allocator,
                           cg_graph **out, cg_triples_report *report, cg_error *error);

#endif
