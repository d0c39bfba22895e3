/* The node's state, shared by the files that make up the state machine:
 *   node.c       life cycle, dispatch of events, inspection
 *   gateway.c    requests of this host's clients: embed, forward, time out, answer
 *   primary.c    the way of a fact: decide, place, insert, log, learn, answer when durable
 *   replicate.c  shipping the log to the replica, and applying it there
 */
#ifndef CG_ENGINE_NODE_NODE_INTERNAL_H
#define CG_ENGINE_NODE_NODE_INTERNAL_H

#include "engine/fact/vocabulary.h"
#include "engine/node/message.h"
#include "engine/node/node.h"
#include "engine/node/partition.h"

enum {
    CG_NODE_FACT_BYTES_MAX = CG_POOL_BLOCK_BYTES, /* a fact's text lies in one slot */
    CG_NODE_SHIP_RECORDS = 32,                    /* records in one append message */
    CG_NODE_SHIP_WINDOW = 64,                     /* records sent and not yet acknowledged */
    CG_NODE_BACKOFF_DOUBLINGS = 4,                /* retries wait at most 16 times longer */
    CG_NODE_HOSTS_MAX = 1 << 16 /* a partition fits the top of a write token */
};
/* Longest timeout, so that no sum of time and waits overflows: 11 days. */
#define CG_NODE_TIMEOUT_NS_MAX UINT64_C(1000000000000000)
#define CG_NODE_REQUEST_ID_MAX ((UINT64_C(1) << 48) - 1)

/* Timer ids: a try of a request, or the resending of one partition's records. */
#define CG_NODE_TIMER_TRY_SHIFT 48
#define CG_NODE_TIMER_RESEND    (UINT64_C(1) << 63)

/* A request of one of this host's clients that another host decides. Free entries have no
 * payload. */
typedef struct cg_pending {
    uint64_t request_id;
    uint32_t tries;
    uint32_t primary;
    uint8_t *payload; /* the encoded allocate message, for sending again */
    size_t payload_bytes;
    size_t next_free; /* free entries: the next one + 1, 0 at the end */
} cg_pending;

/* What the primary answers, kept by sequence so that a repeated request gets the same
 * answer. */
typedef struct cg_answer {
    uint32_t gateway;
    bool answered;
    cg_reply reply;
} cg_answer;

typedef struct cg_node_replication {
    uint64_t shipped_sequence;
    uint64_t acknowledged_sequence;
    uint64_t acknowledged_at_timer;
    uint32_t doublings;
    bool timer_set;
} cg_node_replication;

struct cg_node {
    cg_node_options options;
    const cg_corpus *corpus;
    cg_allocator allocator;
    cg_hlc clock;

    cg_vocabulary *vocabulary; /* of the corpus, and of what this host has read since */
    cg_partition own;          /* this host is its primary */
    cg_answer *answers;        /* [last sequence of own] */
    size_t answers_capacity;
    uint64_t answered_sequence; /* everything up to here is answered */
    cg_table *rejected;         /* request id to the status it was turned down with */
    cg_node_replication replication;

    bool has_copy;
    cg_partition copy; /* of the host before this one */

    cg_pending *pending;
    size_t pending_capacity;
    size_t pending_used; /* entries ever used */
    size_t pending_free; /* the first free one of these + 1; 0: none */
    size_t pending_open;
    size_t pending_bytes; /* of their payloads */
    cg_table *pending_of; /* request id to entry */

    cg_tiers *tiers;
    cg_cascade_scratch *scratch;
    cg_embedding *embedding; /* scratch of the step */
    cg_log_buffers *buffers; /* scratch of the step */
    cg_node_statistics statistics;
};

/* --- node.c --- */
/* Adds a SEND of a message with payload_bytes of payload, to be written at *payload, then
 * sealed with cg_node_seal before the next output is added. */
cg_status cg_node_send(cg_node *node, cg_outputs *outputs, uint32_t to, size_t payload_bytes,
                       uint8_t **payload, cg_error *error);
void cg_node_seal(cg_node *node, cg_outputs *outputs, uint16_t type, uint64_t now_ns);
cg_status cg_node_set_timer(cg_outputs *outputs, uint64_t timer_id, uint64_t at_ns,
                            cg_error *error);
cg_status cg_node_reply(cg_node *node, cg_outputs *outputs, const cg_reply *reply,
                        cg_error *error);

/* --- gateway.c --- */
cg_status cg_gateway_request(cg_node *node, const cg_event *event, cg_outputs *outputs,
                             cg_error *error);
/* from: the host that the answer came from. */
cg_status cg_gateway_answer(cg_node *node, const cg_reply *reply, uint32_t from,
                            cg_outputs *outputs, cg_error *error);
cg_status cg_gateway_timer(cg_node *node, const cg_event *event, cg_outputs *outputs,
                           cg_error *error);

/* --- primary.c --- */
cg_status cg_primary_allocate(cg_node *node, const cg_message_allocate *message,
                              uint32_t gateway, uint64_t now_ns, cg_outputs *outputs,
                              cg_error *error);
/* Answers every request whose record is now safe enough for the acknowledgement mode. */
cg_status cg_primary_answer(cg_node *node, uint64_t now_ns, cg_outputs *outputs,
                            cg_error *error);

/* --- replicate.c --- */
cg_status cg_replicate_ship(cg_node *node, uint64_t now_ns, cg_outputs *outputs,
                            cg_error *error);
cg_status cg_replicate_append(cg_node *node, const cg_message_append *message, uint64_t now_ns,
                              cg_outputs *outputs, cg_error *error);
cg_status cg_replicate_appended(cg_node *node, const cg_message_appended *message,
                                uint64_t now_ns, cg_outputs *outputs, cg_error *error);
cg_status cg_replicate_timer(cg_node *node, const cg_event *event, cg_outputs *outputs,
                             cg_error *error);
/* A write of the copy's log is durable: tell the primary. */
cg_status cg_replicate_durable(cg_node *node, uint64_t now_ns, cg_outputs *outputs,
                               cg_error *error);
/* Write tokens: which partition's log, up to which sequence. */
uint64_t cg_replicate_token(uint32_t partition, uint64_t sequence);

static inline bool cg_node_replicates(const cg_node *node) {
    return node->options.replicas > 0;
}
static inline uint32_t cg_node_replica_host(const cg_node *node) {
    return (node->options.host + 1) % node->options.hosts;
}

#endif
