/* Payloads of the messages between nodes; the envelope is engine/replica/wire.h.
 *
 * All little-endian. ALLOCATE, with D dims, E sparse entries and T bytes of text:
 *
 *   offset bytes field
 *        0     8 request id
 *        8     4 flags
 *       12     4 label
 *       16     4 D
 *       20     4 E
 *       24     4 T
 *       28     4 client
 *       32     2 priority
 *       34     2 memory space
 *       36    4D dense, f32 each
 *             4E features, u32 each
 *             4E weights, f32 each
 *              T text
 *
 * BATCH, with N facts:
 *
 *   offset bytes field
 *        0     8 request id
 *        8     4 client
 *       12     2 priority
 *       14     2 memory space
 *       16     4 N, 1..CG_BATCH_FACTS_MAX
 *       20       N times: 4 bytes length, and an ALLOCATE payload of that length, whose request
 *                id and memory space are the batch's
 *
 * REMOVE:
 *
 *   offset bytes field
 *        0     8 request id
 *        8     8 target: id of the request that allocated the fact
 *       16     4 client
 *       20     2 priority
 *       22     2 memory space
 *
 * ANSWER: the fields of cg_reply in their order but for forecast_ns; alternatives as a count and
 * so many rows.
 *
 * APPEND:
 *
 *   offset bytes field
 *        0     4 partition, which carries the memory space (node.h)
 *        4     4 count
 *        8       so many records (engine/replica/log.h), one after the other
 *
 * APPENDED:
 *
 *   offset bytes field
 *        0     4 partition
 *        4     8 durable sequence
 *
 * Decoders answer CG_ERROR_CORRUPT for whatever is not such a payload, to its last byte.
 */
#ifndef CG_ENGINE_NODE_MESSAGE_H
#define CG_ENGINE_NODE_MESSAGE_H

#include "engine/fact/embed.h"
#include "engine/node/event.h"
#include "engine/replica/log.h"

typedef enum cg_message_type {
    CG_MESSAGE_ALLOCATE = 1, /* gateway to primary: decide and store this fact */
    CG_MESSAGE_ANSWER,       /* primary to gateway */
    CG_MESSAGE_APPEND,       /* primary to replica: log records, in sequence */
    CG_MESSAGE_APPENDED,     /* replica to primary: durable up to here */
    CG_MESSAGE_BATCH,        /* gateway to primary: decide and store these facts */
    CG_MESSAGE_REMOVE        /* gateway to primary: remove a fact */
} cg_message_type;

typedef struct cg_message_allocate { /* arrays borrowed: the sender's, or a cg_log_buffers' */
    uint64_t request_id;
    uint32_t flags;
    uint32_t label;
    uint32_t dims;
    const float *dense;
    cg_sparse sparse;
    const char *text;
    uint32_t text_bytes;
    uint32_t client;
    uint32_t priority; /* a cg_priority */
    uint32_t space;    /* here and below: 16 bits travel */
} cg_message_allocate;

/* Facts come one by one: see cg_message_batch_next. */
typedef struct cg_message_batch {
    uint64_t request_id;
    uint32_t client;
    uint32_t priority;
    uint32_t space;
    uint32_t count;
    const uint8_t *facts; /* borrowed from the payload */
    size_t facts_bytes;
} cg_message_batch;

typedef struct cg_message_remove {
    uint64_t request_id;
    uint64_t target;
    uint32_t client;
    uint32_t priority;
    uint32_t space;
} cg_message_remove;

typedef struct cg_message_append {
    uint32_t partition;
    uint32_t count;
    const uint8_t *records;
    size_t records_bytes;
} cg_message_append;

typedef struct cg_message_appended {
    uint32_t partition;
    uint64_t durable_sequence;
} cg_message_appended;

enum {
    CG_MESSAGE_ANSWER_BYTES_MAX = 256,
    CG_MESSAGE_APPENDED_BYTES = 12,
    CG_MESSAGE_BATCH_PREFIX_BYTES = 20,
    CG_MESSAGE_REMOVE_BYTES = 24
};

size_t cg_message_allocate_bytes(const cg_message_allocate *message);
void cg_message_allocate_encode(const cg_message_allocate *message, uint8_t *payload);
cg_status cg_message_allocate_decode(const uint8_t *payload, size_t size_bytes,
                                     cg_log_buffers *buffers, cg_message_allocate *message,
                                     cg_error *error);

/* The CG_MESSAGE_BATCH_PREFIX_BYTES in front of the facts. */
void cg_message_batch_encode_prefix(const cg_message_batch *batch, uint8_t *payload);
/* Checks the whole payload but for the facts' vectors, which cg_message_batch_next checks. */
cg_status cg_message_batch_decode(const uint8_t *payload, size_t size_bytes,
                                  cg_message_batch *batch, cg_error *error);
/* The fact at *offset (first 0) of batch->facts; moves *offset on. */
cg_status cg_message_batch_next(const cg_message_batch *batch, size_t *offset,
                                cg_log_buffers *buffers, cg_message_allocate *fact,
                                cg_error *error);

void cg_message_remove_encode(const cg_message_remove *message, uint8_t *payload);
cg_status cg_message_remove_decode(const uint8_t *payload, size_t size_bytes,
                                   cg_message_remove *message, cg_error *error);

/* payload: room for CG_MESSAGE_ANSWER_BYTES_MAX; returns the bytes used. */
size_t cg_message_answer_encode(const cg_reply *reply, uint8_t *payload);
cg_status cg_message_answer_decode(const uint8_t *payload, size_t size_bytes, cg_reply *reply,
                                   cg_error *error);

/* The 8 bytes in front of the records. */
enum { CG_MESSAGE_APPEND_PREFIX_BYTES = 8 };
void cg_message_append_encode_prefix(uint32_t partition, uint32_t count, uint8_t *payload);
cg_status cg_message_append_decode(const uint8_t *payload, size_t size_bytes,
                                   cg_message_append *message, cg_error *error);

void cg_message_appended_encode(const cg_message_appended *message, uint8_t *payload);
cg_status cg_message_appended_decode(const uint8_t *payload, size_t size_bytes,
                                     cg_message_appended *message, cg_error *error);

#endif
