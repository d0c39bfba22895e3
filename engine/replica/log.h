/* The write-ahead log of one partition: what was decided, in order (spec F5).
 *
 * A record holds everything that its application needs, so that every replica applies the same
 * bytes with the same code and ends in the same state. A record adds a fact, removes one, gives
 * edges new weights, or says that an epoch begins.
 *
 * A record is known by (epoch, number, replica): the epoch and the life of the disk of the primary
 * that made it, and a number that grows within these. A log is a sequence of records that ascend in
 * this order, the canonical one (spec F9), so two logs that grew apart have one union. A record's
 * place in the log, from 1 without gaps, is its sequence; it is not part of the record, since in a
 * union it may stand further back.
 *
 * What a record refers to, it names by what never changes: a concept of the corpus by its row, and
 * a fact by the id of the record that added it (cg_fact_id).
 *
 * Encoded record, little-endian:
 *
 *   offset bytes field
 *        0     4 length of all that follows
 *        4     4 checksum: CRC-32C of all that follows it
 *        8     8 epoch
 *       16     8 number
 *       24     4 replica
 *       28     8 request id; of the k-th record of a batch, from 0, with k in bits 48 and above
 *       36     8 hybrid logical clock, physical part, ns
 *       44     4 hybrid logical clock, logical part
 *       48     1 kind: 0 adds a fact, 1 removes one, 2 gives edges new weights, 3 begins an epoch
 *
 * of a fact that is added, with D dims, E sparse entries and T bytes of text
 *
 *       49     8 target concept
 *       57     4 concept type
 *       61     4 L: CG_LEARNED_BYTES when the fact was learned from, otherwise 0
 *       65     4 D
 *       69     4 E
 *       73     4 T
 *       77     L what is known after it (engine/column/learned.h)
 *             4D dense, f32 each
 *             4E features, u32 each
 *             4E weights, f32 each
 *              T text
 *
 * of a removal
 *
 *       49     8 the fact
 *
 * of new weights, which nobody asked for, so that its request id is 0
 *
 *       49     4 W: edges, 1..CG_RECORD_WEIGHTS_MAX
 *       53   19W each: concept it leads from (u64), type (u16), concept it leads to (u64), weight
 *                (u8); ascending by (from, type, to), each edge once
 *
 * of an epoch's beginning, whose request id is 0 too: nothing
 */
#ifndef CG_ENGINE_REPLICA_LOG_H
#define CG_ENGINE_REPLICA_LOG_H

#include "engine/base/bytes.h"
#include "engine/base/clock.h"
#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/column/learned.h"
#include "engine/fact/embed.h"

typedef enum cg_record_kind {
    CG_RECORD_FACT,
    CG_RECORD_REMOVE,
    CG_RECORD_WEIGHTS,
    CG_RECORD_EPOCH,
    CG_RECORD_KIND_COUNT
} cg_record_kind;

enum { CG_RECORD_WEIGHTS_MAX = 256 };

/* Who made a record, and when. replica: host | life of its disk << 16 (a host that lost its disk
 * is another replica). */
typedef struct cg_log_id {
    uint64_t epoch;
    uint64_t number;
    uint32_t replica;
} cg_log_id;
/* The canonical order: by epoch, then number, then replica. */
int cg_log_id_compare(const cg_log_id *left, const cg_log_id *right);

/* The id of a fact: never that of a concept of the corpus. record_id: the request id that its
 * record bears. */
#define CG_FACT_ID_BIT (UINT64_C(1) << 63)
static inline uint64_t cg_fact_id(uint64_t record_id) {
    return CG_FACT_ID_BIT | record_id;
}

typedef struct cg_log_weight {
    uint64_t from; /* concepts, as records name them */
    uint64_t to;
    uint16_t type;
    uint8_t weight;
} cg_log_weight;

/* Pointers are borrowed: from the fact, or from the decoded bytes. */
typedef struct cg_log_record {
    cg_record_kind kind;
    cg_log_id id;
    uint64_t request_id; /* 0 of CG_RECORD_WEIGHTS and CG_RECORD_EPOCH */
    cg_hlc clock;
    uint64_t removed;             /* fact: of CG_RECORD_REMOVE alone, and all that it has */
    const cg_log_weight *weights; /* [weight_count] of CG_RECORD_WEIGHTS alone, likewise */
    uint32_t weight_count;
    uint64_t target; /* the concept that the fact was allocated to */
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
 * removal of no fact, edges out of order, twice or from a concept to itself). record points into
 * bytes and buffers. */
cg_status cg_log_record_decode(const uint8_t *bytes, size_t size_bytes, cg_log_buffers *buffers,
                               cg_log_record *record, size_t *used_bytes, cg_error *error);
/* The length and the id of the record at the start of bytes, whose checksum is right; nothing
 * more is looked at. Errors: CG_ERROR_CORRUPT. */
cg_status cg_log_record_peek(const uint8_t *bytes, size_t size_bytes, size_t *used_bytes,
                             cg_log_id *id, cg_error *error);

/* The log in memory: encoded records by sequence. (cg_log is the logarithm of base/math.h.) */
typedef struct cg_log_store cg_log_store;
cg_status cg_log_alloc(cg_allocator allocator, cg_log_store **out, cg_error *error);
void cg_log_free(cg_log_store *log);
/* Appends one encoded record. CG_ERROR_CORRUPT: cut or altered, or not after the last one in
 * canonical order. */
cg_status cg_log_append(cg_log_store *log, const uint8_t *bytes, size_t size_bytes,
                        cg_error *error);
/* Drops all records behind `last`, which is at most cg_log_last. */
void cg_log_cut(cg_log_store *log, uint64_t last);
uint64_t cg_log_last(const cg_log_store *log); /* 0 when empty */
uint64_t cg_log_held_bytes(const cg_log_store *log);
/* Bytes of a record; borrowed until the next append. sequence in 1..cg_log_last. */
const uint8_t *cg_log_bytes(const cg_log_store *log, uint64_t sequence, size_t *size_bytes);
/* sequence in 1..cg_log_last. */
cg_record_kind cg_log_kind(const cg_log_store *log, uint64_t sequence);
/* Of sequence 0: all 0, which is before every record's. */
cg_log_id cg_log_id_of(const cg_log_store *log, uint64_t sequence);
/* A hash of the ids of the first `sequence` records: logs are the same up to there if and (but for
 * chance, 2^-64) only if it is. 0 of none. */
uint64_t cg_log_chain(const cg_log_store *log, uint64_t sequence);
/* The chain that follows `chain` by a record of that id. */
uint64_t cg_log_chain_next(uint64_t chain, const cg_log_id *id);
/* When it was made: the physical part of its clock. sequence in 1..cg_log_last. */
uint64_t cg_log_time_ns(const cg_log_store *log, uint64_t sequence);
/* The request that it was made for. sequence in 1..cg_log_last. */
uint64_t cg_log_request_id(const cg_log_store *log, uint64_t sequence);
/* What it is about: a fact's target, or what is removed. Of a record of one of these kinds. */
uint64_t cg_log_concept(const cg_log_store *log, uint64_t sequence);
/* A fact's text; borrowed until the next append. Of a record of that kind. */
const char *cg_log_text(const cg_log_store *log, uint64_t sequence, uint32_t *text_bytes);

#endif
