/* The write-ahead log of one partition: what was decided, in order (spec F5).
 *
 * A record holds everything that its application needs, so that primary and replica apply the
 * same bytes with the same code and end in the same state. Sequences count from 1 without gaps.
 * A record adds a fact, removes one that an earlier record added, or gives edges new weights.
 *
 * Encoded record, little-endian:
 *
 *   offset bytes field
 *        0     4 length of all that follows
 *        4     4 checksum: CRC-32C of all that follows it
 *        8     8 sequence
 *       16     8 epoch
 *       24     8 request id
 *       32     8 hybrid logical clock, physical part, ns
 *       40     4 hybrid logical clock, logical part
 *       44     1 kind: 0 adds a fact, 1 removes one, 2 gives edges new weights
 *
 * of a fact that is added, with D dims, E sparse entries and T bytes of text
 *
 *       45     4 target row
 *       49     4 concept type
 *       53     4 L: CG_LEARNED_BYTES when the fact was learned from, otherwise 0
 *       57     4 D
 *       61     4 E
 *       65     4 T
 *       69     L what is known after it (engine/column/learned.h)
 *             4D dense, f32 each
 *             4E features, u32 each
 *             4E weights, f32 each
 *              T text
 *
 * of a removal
 *
 *       45     8 sequence of the record that added the fact, less than its own
 *
 * of new weights, which nobody asked for, so that its request id is 0
 *
 *       45     4 W: edges, 1..CG_RECORD_WEIGHTS_MAX
 *       49   11W each: row it leads from (u32), type (u16), row it leads to (u32), weight (u8);
 *                ascending by (from, type, to), each edge once
 */
#ifndef CG_ENGINE_REPLICA_LOG_H
#define CG_ENGINE_REPLICA_LOG_H

#include "engine/base/bytes.h"
#include "engine/base/clock.h"
#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/column/learned.h"
#include "engine/fact/embed.h"
#include "engine/graph/graph.h"

typedef enum cg_record_kind {
    CG_RECORD_FACT,
    CG_RECORD_REMOVE,
    CG_RECORD_WEIGHTS,
    CG_RECORD_KIND_COUNT
} cg_record_kind;

enum { CG_RECORD_WEIGHTS_MAX = 256 };

/* edge: with the new weight; its last byte is 0. */
typedef struct cg_log_weight {
    uint32_t from;
    cg_edge edge;
} cg_log_weight;

/* Pointers are borrowed: from the fact, or from the decoded bytes. */
typedef struct cg_log_record {
    cg_record_kind kind;
    uint64_t sequence;
    uint64_t epoch;
    uint64_t request_id; /* 0 of CG_RECORD_WEIGHTS */
    cg_hlc clock;
    uint64_t removed_sequence;    /* of CG_RECORD_REMOVE alone, and all that it has */
    const cg_log_weight *weights; /* [weight_count] of CG_RECORD_WEIGHTS alone, likewise */
    uint32_t weight_count;
    uint32_t target; /* row of the concept the fact was allocated to */
    uint32_t concept_type;
    bool has_learned;   /* the fact was labelled, and learned from */
    cg_learned learned; /* what was known after that */
    uint32_t dims;
    const float *dense;
    cg_sparse sparse;
    const char *text;
    uint32_t text_bytes;
} cg_log_record;

/* Decoded records need room for aligned copies of their arrays. */
typedef struct cg_log_buffers {
    float dense[CG_DIMS_MAX];
    uint32_t features[CG_SPARSE_ENTRIES_MAX];
    float weights[CG_SPARSE_ENTRIES_MAX];
    cg_log_weight edges[CG_RECORD_WEIGHTS_MAX];
} cg_log_buffers;

/* Reads dense f32[dims], features u32[entries] and weights f32[entries] into buffers, and
 * checks what a fact's vectors must be: dense of unit length, exact form by cg_sparse_check and
 * of unit length or empty. dims <= CG_DIMS_MAX, entries <= CG_SPARSE_ENTRIES_MAX. `what` names
 * the place. Errors: CG_ERROR_CORRUPT. */
cg_status cg_log_vectors_read(cg_reader *reader, uint32_t dims, uint32_t entries,
                              cg_log_buffers *buffers, const char *what, cg_error *error);

/* Writes them in that order: dense f32[dims], features u32[count], weights f32[count]. */
void cg_log_vectors_write(cg_writer *writer, const float *dense, uint32_t dims,
                          cg_sparse sparse);

size_t cg_log_record_bytes(const cg_log_record *record);
/* bytes: exactly cg_log_record_bytes. What the decoder refuses must not be encoded. */
void cg_log_record_encode(const cg_log_record *record, uint8_t *bytes);
/* Decodes the record at the start of bytes[size_bytes]; *used_bytes: its length. Errors:
 * CG_ERROR_CORRUPT (cut, checksum, unknown kind, counts out of range, vectors not of unit length,
 * removal of what does not come before, edges out of order, twice or from a row to itself). record
 * points into bytes and buffers. */
cg_status cg_log_record_decode(const uint8_t *bytes, size_t size_bytes, cg_log_buffers *buffers,
                               cg_log_record *record, size_t *used_bytes, cg_error *error);

/* The log in memory: encoded records by sequence. (cg_log is the logarithm of base/math.h.) */
typedef struct cg_log_store cg_log_store;
cg_status cg_log_alloc(cg_allocator allocator, cg_log_store **out, cg_error *error);
void cg_log_free(cg_log_store *log);
/* Appends one encoded record, which must carry sequence cg_log_last(log) + 1. */
cg_status cg_log_append(cg_log_store *log, const uint8_t *bytes, size_t size_bytes,
                        cg_error *error);
uint64_t cg_log_last(const cg_log_store *log); /* 0 when empty */
uint64_t cg_log_held_bytes(const cg_log_store *log);
/* Bytes of a record; borrowed until the next append. sequence in 1..cg_log_last. */
const uint8_t *cg_log_bytes(const cg_log_store *log, uint64_t sequence, size_t *size_bytes);
/* sequence in 1..cg_log_last. */
cg_record_kind cg_log_kind(const cg_log_store *log, uint64_t sequence);
/* When it was made: the physical part of its clock. sequence in 1..cg_log_last. */
uint64_t cg_log_time_ns(const cg_log_store *log, uint64_t sequence);
/* How many whole records with sequences from 1 up a storage image holds: what survives a torn
 * or altered tail. *valid_bytes: their length together. */
uint64_t cg_log_scan(const uint8_t *image, size_t size_bytes, size_t *valid_bytes);

#endif
