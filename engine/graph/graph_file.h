/* A frozen graph as bytes, which are read where they lie, mapped from a file or in memory; so
 * several processes that map one file share its edges.
 *
 * The bytes. All numbers are little-endian, and readable in place on a machine that is so.
 *
 *   at    size  what
 *   0     8     magic "CGGRPH1\n"
 *   8     4     version, 1
 *   12    4     01020304 hexadecimal: order of bytes
 *   16    8     size of the whole in bytes
 *   24    4     concepts (rows)
 *   28    4     relations of the graph's own; the first has type 27
 *   32    8     edges
 *   40    4     properties
 *   44    4     zero
 *   48    240   10 sections in their order: where it begins, its size in bytes without the
 *               zeros that fill it up, its checksum (uint64_t each)
 *   288   88    zero
 *   376   8     checksum of bytes 0 to 375
 *   384         the sections, each filled up with zeros to a multiple of 64
 *
 *   section  what
 *   0        concepts by row, 24 bytes each: id (uint64_t), where its name begins (uint64_t),
 *            depth, type (uint32_t each)
 *   1        their names by row, each NUL-terminated, without gaps
 *   2        where each row's edges begin, and where the last row's end, uint64_t[rows + 1]
 *   3        edges by row, each row sorted by (type, target), 8 bytes each: target (uint32_t),
 *            type (uint16_t), weight (uint8_t), zero
 *   4        removed concepts: bit r % 64 of word r / 64; no bytes if there are none
 *   5        names of the relations by type, each NUL-terminated, without gaps
 *   6        properties, 16 bytes each: type, form (uint32_t each), values (uint64_t)
 *   7        their names, each NUL-terminated, without gaps
 *   8        their values, property by property, each by row, 16 bytes each: row (uint32_t),
 *            zero (uint32_t), value (uint64_t: number, bits of the double, or where the text
 *            begins in section 9)
 *   9        texts in the order of section 8, each NUL-terminated, without gaps
 *
 * A checksum is XXH64 with the section's number + 1 as seed (0: the header), over the zeros
 * that fill it up, too. The same graph gives the same bytes.
 */
#ifndef CG_ENGINE_GRAPH_GRAPH_FILE_H
#define CG_ENGINE_GRAPH_GRAPH_FILE_H

#include "engine/graph/graph.h"

/* Bytes that cg_graph_save writes; 0 for a graph that cannot be saved: only one without a base
 * whose edges are all frozen can. Cost: linear in relations and in texts of properties. */
uint64_t cg_graph_image_bytes(const cg_graph *graph);

/* bytes: uint8_t[size_bytes], size_bytes as said above. Errors: CG_ERROR_INVALID for another
 * size, or a graph that cannot be saved. */
cg_status cg_graph_save(const cg_graph *graph, uint8_t *bytes, size_t size_bytes,
                        cg_error *error);

/* The graph in bytes[size_bytes], 64-byte aligned, which must stay there unchanged as long as
 * the graph lives: its rows and edges are used where they lie. Concepts, names and properties
 * are copied, so the graph can grow as any other; a change of a frozen edge's weight is held
 * apart, and cg_graph_freeze copies all edges. Checksums and structure are verified, so that no
 * bytes, whoever wrote them, make a graph that is read beyond its bounds. Depths are believed. Errors, with nothing left behind:
 * CG_ERROR_INVALID for bytes that are not aligned; CG_ERROR_CORRUPT, naming section and offset;
 * CG_ERROR_VERSION; CG_ERROR_MEMORY. Cost: reads all. */
cg_status cg_graph_open(const uint8_t *bytes, size_t size_bytes, cg_allocator allocator,
                        cg_graph **out, cg_error *error);

#endif
