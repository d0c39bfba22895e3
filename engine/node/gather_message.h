/* Payloads of a gather (engine/node/gather.c); the envelope is engine/replica/wire.h.
 *
 * All little-endian. `token` names the gather at the host that asks: its life << 32 | its number. ASK:
 *
 *   offset bytes field
 *        0     8 token
 *        8     4 k, 1..CG_SHARD_K_MAX: rows wanted
 *       12     4 ef, 1..CG_GATHER_EF_MAX: width of the search
 *       16     4 flags: 1: answer with whole records
 *       20     4 D, dims of the corpus
 *       24     4 N, 0..CG_SHARD_ENTRIES_MAX
 *       28    4D vector, f32 each, of unit length
 *             4N rows to begin at, u32 each
 *
 * CANDIDATES, which answers it (spec F3: what crosses the network is 8 bytes a row):
 *
 *   offset bytes field
 *        0     8 token
 *        8     4 N, 0..CG_SHARD_K_MAX
 *       12       N times: row (u32), distance (f32), ascending by (distance, row), each row once
 *
 * RECORDS, which answers one with the flag: the same with N whole records, each
 *
 *       row (u32), distance (f32), D (u32), E (u32), dense (4D), features (4E), weights (4E)
 *
 * as a log record has its vectors (engine/replica/log.h). A concept's text is not among what nodes keep.
 *
 * Decoders answer CG_ERROR_CORRUPT for whatever is not such a payload, to its last byte.
 */
#ifndef CG_ENGINE_NODE_GATHER_MESSAGE_H
#define CG_ENGINE_NODE_GATHER_MESSAGE_H

#include "engine/encode/features.h"
#include "engine/index/shard.h"
#include "engine/replica/log.h"

typedef enum cg_gather_type {
    CG_GATHER_ASK,
    CG_GATHER_CANDIDATES,
    CG_GATHER_RECORDS
} cg_gather_type;
enum { CG_GATHER_EF_MAX = 10000, CG_GATHER_WHOLE = 1 };

typedef struct cg_gather_ask { /* bytes borrowed from the payload */
    uint64_t token;
    uint32_t k;
    uint32_t ef;
    uint32_t flags;
    uint32_t dims;
    uint32_t entry_count;
    const uint8_t *vector;
    const uint8_t *entries;
} cg_gather_ask;

size_t cg_gather_ask_bytes(uint32_t dims, uint32_t entry_count);
/* vector and entries of `ask` are not read. */
void cg_gather_ask_encode(const cg_gather_ask *ask, const float *vector,
                          const uint32_t *entries, uint8_t *payload);
cg_status cg_gather_ask_decode(const uint8_t *payload, size_t size_bytes, cg_gather_ask *ask,
                               cg_error *error);
/* Copies what a decoded question borrows: vector float[dims], entries uint32_t[entry_count]. */
void cg_gather_ask_read(const cg_gather_ask *ask, float *vector, uint32_t *entries);

/* features: whole records instead of candidates; NULL: candidates. */
size_t cg_gather_found_bytes(const cg_index_hit *hits, uint32_t count,
                             const cg_features *features);
void cg_gather_found_encode(uint64_t token, const cg_index_hit *hits, uint32_t count,
                            const cg_features *features, uint8_t *payload);
/* type: CANDIDATES or RECORDS. hits[CG_SHARD_K_MAX]; buffers: of the records' vectors. */
cg_status cg_gather_found_decode(cg_gather_type type, const uint8_t *payload, size_t size_bytes,
                                 cg_log_buffers *buffers, uint64_t *token, cg_index_hit *hits,
                                 uint32_t *count, cg_error *error);

#endif
