/* Frozen segments: an HNSW index as bytes that are searched where they lie, mapped from a file
 * or in memory (spec C1, C3; design.md, "What makes an index fast").
 *
 * A segment holds what a growing index held: ids, vectors as codes, graph. Rows stand in an
 * order of locality (locality.h); links are lists of bits (link_code.h); ids are packed. Codes
 * are at one precision, or each row has that which its importance asks for. The fuller form, by
 * which the nearest found on codes are ordered, comes last: of a mapped file only those of its
 * pages are read that a search touches.
 *
 * The bytes. All numbers are little-endian, and readable in place on a machine that is so.
 *
 *   at    size  what
 *   0     8     magic "CGSEGM1\n"
 *   8     4     version, 1
 *   12    4     01020304 hexadecimal: order of bytes
 *   16    8     size of the whole in bytes
 *   24    4     dims
 *   28    4     metric (cg_metric)
 *   32    4     m
 *   36    4     ef_construction
 *   40    8     seed of the level hash
 *   48    8     first_id
 *   56    4     1: ids were stored; 0: computed
 *   60    4     precision of the growing index's codes (cg_precision)
 *   64    4     precision of its fuller form
 *   68    4     precision of the fuller form held here; 5: none
 *   72    4     rows
 *   76    4     levels, 0 without rows
 *   80    64    rows of each level, uint32_t[16]; level 0 has all
 *   144   4     entry point, a place among the rows of the highest level
 *   148   24    uint32_t[6]: rows of precision p are those from [p] to before [p + 1]
 *   172   4     groups of 1-bit rows
 *   176   4     step of the codec (float)
 *   180   4     unit of the 1-bit rows' weights (float)
 *   184   4     unit of the 1-bit rows' biases (float)
 *   188   4     bits of a packed id, 0..64
 *   192   8     what is added to each packed id
 *   200   256   16 sections in their order: size in bytes, then checksum (uint64_t each)
 *   456   48    zero
 *   504   8     checksum of bytes 0 to 503
 *   512         the sections, each filled up with zeros to a multiple of 64
 *
 *   section  what
 *   0        centre of the codec, float[dims]
 *   1-5      codes by precision f32, f16, i8, i4, i1 (kernel.h says how a row looks)
 *   6        biases |X|^2 of the 8-bit rows, then of the 4-bit rows, int32_t each; none for
 *            inner products
 *   7        weight and bias of each 1-bit row, uint16_t each
 *   8        first row of each group of 1-bit rows, uint32_t
 *   9        centre of each group as 8-bit code
 *   10       ids, each in so many bits, lowest first
 *   11       rows of level 1, of level 2 ..., ascending, uint32_t
 *   12       for level 0, level 1 ...: where the lists of each 64 rows begin, uint64_t
 *   13       for level 0, level 1 ...: where each list begins from there, uint16_t
 *   14       lists of links (link_code.h). At level 0 links are rows, and the mark is the
 *            parent of hnsw.h's tree, or none for its root; above they are places among the
 *            level's rows
 *   15       fuller form by row
 *
 * A checksum is XXH64 with the section's number + 1 as seed (0: the header), over the zeros
 * that fill it up, too. Sections have the very size that the header implies, and
 * lists lie without gaps.
 *
 * Distances. 8-bit and 4-bit rows are compared as in index_internal.h, a 4-bit row standing for
 * 18 times its values. 1-bit rows belong to groups of neighbours in the order, each with a
 * centre c of its own, since about one centre for all the signs of clustered data say little
 * (segment_codes.c has figures). With o = X - c in steps, s its signs:
 *
 *   |Q - X|^2 ~ |Q - c|^2 + |o|^2 - 2 (|o|^2 / sum |o_d|) (Q - c) s
 *
 * RaBitQ's estimator (Gao & Long, SIGMOD 2024) without its rotation: a rotation would cost the
 * mirror images of design.md, and matters only where few axes carry all. f32 and f16 rows give
 * the metric's distance, rounded to the same unit. So all rows have one order.
 */
#ifndef CG_ENGINE_INDEX_SEGMENT_H
#define CG_ENGINE_INDEX_SEGMENT_H

#include "engine/index/index.h"

typedef struct cg_freeze_options {
    cg_precision codes;      /* of all rows, unless importance is given */
    const float *importance; /* [rows of the index, removed ones too] in [0, 1], or NULL: above
                              * 0.9 f32, 0.7 f16, 0.5 8 bits, 0.3 4 bits, else 1 bit (C3) */
    bool has_fuller;
    cg_precision fuller; /* f32 or f16; no finer than what the index holds */
} cg_freeze_options;

/* A segment of an HNSW index without removed rows (cg_index_repair). *bytes is 64-byte aligned;
 * cg_deallocate_aligned(&allocator, *bytes, *size_bytes) frees it. The same index gives the
 * same bytes. Errors: CG_ERROR_INVALID for a flat index, for removed rows, for options out of
 * range, and for rows so large, small or far apart that sums of their codes could overflow (a
 * mean beyond 1e17, a step or unit outside of 1e-30 to 1e30); CG_ERROR_MEMORY. Cost: some 10 us a row, and some 300 bytes of memory. */
cg_status cg_segment_encode(const cg_index *index, const cg_freeze_options *options,
                            cg_allocator allocator, uint8_t **bytes, size_t *size_bytes,
                            cg_error *error);

typedef struct cg_segment cg_segment;
typedef struct cg_segment_scratch cg_segment_scratch; /* one for each thread that searches */

typedef enum cg_segment_check {
    CG_SEGMENT_CHECK_ALL,
    CG_SEGMENT_LEAVE_FULLER /* unread until a search touches it; altered bytes there go unnoticed
                             * by searches and give wrong distances, never a wrong access;
                             * thawing and merging read all of it and verify it first */
} cg_segment_check;

/* The segment in bytes[size_bytes], 64-byte aligned, which must stay there unchanged as long
 * as the segment lives. Checksums and structure are verified, so that no bytes, whoever wrote
 * them, can make a search read elsewhere. Errors: CG_ERROR_INVALID for bytes that are not
 * aligned, CG_ERROR_CORRUPT, CG_ERROR_VERSION, CG_ERROR_MEMORY. Cost: reads all. */
cg_status cg_segment_open(const uint8_t *bytes, size_t size_bytes, cg_segment_check check,
                          cg_allocator allocator, cg_segment **out, cg_error *error);
void cg_segment_close(cg_segment *segment); /* NULL is fine */

typedef struct cg_segment_rows { /* which rows may be found: bit r % 64 of bits[r / 64] */
    const uint64_t *bits;
    uint32_t count;
} cg_segment_rows;

typedef struct cg_segment_query {
    cg_index_query index; /* its `rows` is NULL; its id_of gets what the growing index's row was
                           * where ids are computed, else the segment's row */
    const cg_segment_rows *rows; /* or NULL: all */
} cg_segment_query;

/* As cg_index_search; hits name rows of the segment. Where there are f32 or f16 rows, all of the
 * beam is re-ranked whatever `rerank` says, so that with ef >= rows they are found exactly. */
cg_status cg_segment_search(const cg_segment *segment, const cg_segment_query *query,
                            cg_segment_scratch *scratch, cg_index_hit *hits, uint32_t *found,
                            cg_work *work, cg_error *error);

cg_status cg_segment_scratch_alloc(cg_allocator allocator, cg_segment_scratch **out,
                                   cg_error *error);
void cg_segment_scratch_free(cg_segment_scratch *scratch);

/* A growing index of the same rows, ids, levels and links, with the options of the index that
 * was frozen; for merging. Codes are copied where they are at the growing index's precision,
 * else made anew from the best form held. Errors: CG_ERROR_CORRUPT when the graph breaks a
 * promise of hnsw.h, ids come twice, the fuller form is altered, or a row is not finite;
 * CG_ERROR_MEMORY. */
cg_status cg_segment_thaw(const cg_segment *segment, cg_allocator allocator, cg_index **out,
                          cg_error *error);

uint32_t cg_segment_count(const cg_segment *segment);
const cg_index_options *cg_segment_options_of(const cg_segment *segment);
uint64_t cg_segment_id(const cg_segment *segment, uint32_t row);
/* The row in its best form. out: float[dims]. */
void cg_segment_vector(const cg_segment *segment, uint32_t row, float *out);
uint64_t cg_segment_bytes(const cg_segment *segment);        /* of the encoding */
uint64_t cg_segment_fuller_bytes(const cg_segment *segment); /* of it, the fuller form */
/* Rows that can be reached from the entry point along level 0; 0 when out of memory. */
uint32_t cg_segment_reachable(const cg_segment *segment, cg_allocator allocator);

#endif
