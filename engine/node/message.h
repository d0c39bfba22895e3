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
 *              4 C, only where candidates were gathered: 0..CG_MESSAGE_CANDIDATES_MAX
 *             4C rows of the corpus, u32 each, ascending: the candidates
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
 * REMOVE, and GET, which has the same fields:
 *
 *   offset bytes field
 *        0     8 request id
 *        8     8 target: id of the request that allocated the fact
 *       16     4 client
 *       20     2 priority
 *       22     2 memory space
 *       24     4 flags
 *       28     8 of a GET with CG_REQUEST_NEAR: a request whose effect must be seen, or 0
 *
 * ANSWER: the fields of cg_reply in their order but for forecast_ns; alternatives as a count and
 * so many rows.
 *
 * REDIRECT:
 *
 *   offset bytes field
 *        0     8 request id
 *        8     4 partition, which carries the memory space (node.h)
 *       12     4 the partition's primary, or 2^32 - 1: none is known
 *       16     8 epoch
 *
 * Types from CG_MESSAGE_PROTOCOLS on are those of the protocols that run within the node (cg_protocol).
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
    CG_MESSAGE_BATCH,        /* gateway to primary: decide and store these facts */
    CG_MESSAGE_REMOVE,       /* gateway to primary: remove a fact */
    CG_MESSAGE_GET,          /* gateway to primary: is a fact there? */
    CG_MESSAGE_REDIRECT,     /* to a gateway: I am not the primary */
    CG_MESSAGE_PROTOCOLS = 32
} cg_message_type;
enum { CG_PROTOCOL_TYPES = 32 };

/* Protocols that run within the node; messages of protocol p have the types from CG_MESSAGE_PROTOCOLS +
 * p * CG_PROTOCOL_TYPES, in the order of the protocol's own header. */
typedef enum cg_protocol {
    CG_PROTOCOL_GROUP,  /* engine/replica/group.h */
    CG_PROTOCOL_SWIM,   /* engine/replica/swim.h */
    CG_PROTOCOL_EDGES,  /* engine/replica/gossip.h */
    CG_PROTOCOL_SPREAD, /* engine/spread/distributed_wire.h */
    CG_PROTOCOL_GATHER, /* engine/node/gather.c */
    CG_PROTOCOL_COUNT
} cg_protocol;

/* Short and stable: "allocate", "group append"; "unknown" of any other type. Static storage. */
const char *cg_message_name(uint16_t type);

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
    /* What a search of an index that is divided over hosts has found, for the primary to take in place
     * of its own search; not gathered: it is to search itself. */
    bool is_gathered;
    uint32_t candidate_count;
    const uint8_t *candidates; /* candidate_count rows of the corpus, u32 each, ascending */
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

typedef struct cg_message_about {
    uint64_t request_id;
    uint64_t target;
    uint64_t after;
    uint32_t client;
    uint32_t priority;
    uint32_t space;
    uint32_t flags;
} cg_message_about;

typedef struct cg_message_redirect {
    uint64_t request_id;
    uint32_t partition;
    uint32_t primary;
    uint64_t epoch;
} cg_message_redirect;

enum {
    CG_MESSAGE_ANSWER_BYTES_MAX = 256,
    CG_MESSAGE_CANDIDATES_MAX = 256,
    CG_MESSAGE_BATCH_PREFIX_BYTES = 20,
    CG_MESSAGE_ABOUT_BYTES = 36,
    CG_MESSAGE_REDIRECT_BYTES = 24
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

void cg_message_about_encode(const cg_message_about *message, uint8_t *payload);
cg_status cg_message_about_decode(const uint8_t *payload, size_t size_bytes,
                                  cg_message_about *message, cg_error *error);

/* payload: room for CG_MESSAGE_ANSWER_BYTES_MAX; returns the bytes used. */
size_t cg_message_answer_encode(const cg_reply *reply, uint8_t *payload);
cg_status cg_message_answer_decode(const uint8_t *payload, size_t size_bytes, cg_reply *reply,
                                   cg_error *error);

void cg_message_redirect_encode(const cg_message_redirect *message, uint8_t *payload);
cg_status cg_message_redirect_decode(const uint8_t *payload, size_t size_bytes,
                                     cg_message_redirect *message, cg_error *error);

#endif
