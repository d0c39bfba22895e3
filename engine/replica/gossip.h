/* Anti-entropy: peers compare what they have seen and ship what the other lacks (spec F7).
 *
 * Every period a host picks one peer and sends its version vector (DIGEST). The peer answers with
 * what is missing (DELTA, in parts, each asked for by MORE as soon as the one before came) and, if
 * it lacks something itself, with its own vector: push-pull (Demers et al., "Epidemic Algorithms
 * for Replicated Database Maintenance", PODC 1987). Deltas are computed from the set's state by
 * the peer's vector (Almeida, Shoker, Baquero 2018), so no log of operations is kept.
 *
 * Peers are taken in turn from a shuffle (stream "gossip.peer", drawn anew each time through), so
 * without loss every pair meets within hosts - 1 periods; a change reaches all in about log2(hosts)
 * + 2 of them. Peers that the caller holds for unreachable are left out; every `probe_every`
 * periods one of them is tried as well, in turn, so that a heal is noticed without being told:
 * within probe_every * (hosts - 1) periods, 16 s with five hosts and the defaults.
 *
 * Nothing counts as seen before it is durable: a delta is handed to the caller, who writes it to
 * its log and then joins it (cg_edge_set_apply); vectors that are sent are those of the set. So a
 * replica that crashes never claimed what it lost. A part of a delta in parts is durable and
 * applied like any other, and takes effect with the last.
 *
 * Payloads, little-endian; type is the port's:
 *
 *   0 DIGEST  0  8  replica of the sender; its host is the one that the message is from
 *             8  1  flags: 1 answer with your vector if you lack something, 2 the transfer that
 *                   you asked to go on is void
 *             9  8  changes the sender has made, those not yet durable included
 *            17  .. version vector (version_vector.h)
 *   1 DELTA   0  8  collections of the sender (cg_edge_set_collections)
 *             8  .. delta (edge_delta.h)
 *   2 MORE    0  8  transfer
 *             8  4  part, from 1
 *            12  1  whole: 0 or 1
 *            13  8  collections, as in the part before
 *            21  .. version vector: where the parts so far end
 *
 * When everybody has seen a vector of this host (its mark), resets within it are collected, and the
 * next mark is taken; memory for that is one vector and 24 bytes a host.
 *
 * Memory is bounded: a few vectors, and one transfer in parts at a time, which the set holds until
 * its end.
 */
#ifndef CG_ENGINE_REPLICA_GOSSIP_H
#define CG_ENGINE_REPLICA_GOSSIP_H

#include "engine/base/port.h"
#include "engine/replica/edge_set.h"

typedef enum cg_gossip_message_type {
    CG_GOSSIP_DIGEST,
    CG_GOSSIP_DELTA,
    CG_GOSSIP_MORE,
    CG_GOSSIP_MESSAGE_COUNT
} cg_gossip_message_type;

enum { CG_GOSSIP_HOSTS_MAX = 65536, CG_GOSSIP_TRIES_MAX = 3 };

typedef struct cg_gossip_options {
    uint32_t host;  /* this one, < hosts */
    uint32_t hosts; /* 1..CG_GOSSIP_HOSTS_MAX */
    uint64_t seed;
    uint64_t period_ns;         /* 0: 1 s */
    uint32_t message_bytes_max; /* of a delta, 1,024..2^23; 0: 65,536 */
    uint32_t probe_every;       /* periods; 0: 4 */
    /* Whether a host is held to be reachable. NULL: all are. */
    bool (*is_reachable)(void *context, uint32_t host);
    /* A delta from elsewhere, checked: to be written to the log and then, in this order with all
     * other records, given to cg_edge_set_apply; at once or later. bytes: borrowed. An error ends
     * the call that led here, and is returned by it. */
    cg_status (*deliver)(void *context, const uint8_t *bytes, size_t size_bytes,
                         cg_error *error);
    void *context;
} cg_gossip_options;

typedef struct cg_gossip cg_gossip;

/* set: borrowed, and outlives it; its replica is one of options->host. Errors: CG_ERROR_INVALID,
 * CG_ERROR_MEMORY. */
cg_status cg_gossip_alloc(const cg_gossip_options *options, cg_edge_set *set, cg_port port,
                          cg_allocator allocator, cg_gossip **out, cg_error *error);
void cg_gossip_free(cg_gossip *gossip); /* NULL is fine */

/* Sets the first timer, at a time within the first period that depends on the host. To be called
 * again after a restart. */
cg_status cg_gossip_start(cg_gossip *gossip, uint64_t now_ns, cg_error *error);

/* A timer of the port. One that is not due, or not the last one set, does nothing. */
cg_status cg_gossip_timer(cg_gossip *gossip, uint64_t timer, uint64_t now_ns, cg_error *error);

/* A message from another host. Errors: CG_ERROR_CORRUPT and CG_ERROR_VERSION, with nothing changed
 * and nothing sent; CG_ERROR_MEMORY; what deliver returns. */
typedef struct cg_gossip_message {
    uint32_t from;
    uint16_t type;
    const uint8_t *payload;
    size_t size_bytes;
} cg_gossip_message;
cg_status cg_gossip_receive(cg_gossip *gossip, const cg_gossip_message *message,
                            uint64_t now_ns, cg_error *error);

/* The host is gone for good, and resets no longer wait for it; until a message of it comes. */
void cg_gossip_leave(cg_gossip *gossip, uint32_t host);

typedef struct cg_gossip_statistics {
    uint64_t periods;
    uint64_t sent[CG_GOSSIP_MESSAGE_COUNT];
    uint64_t sent_bytes[CG_GOSSIP_MESSAGE_COUNT];
    uint64_t delivered;  /* deltas and parts handed to the caller */
    uint64_t duplicates; /* deltas that held nothing new */
    uint64_t ignored;    /* parts out of turn, messages of earlier lives */
    uint64_t transfers;  /* deltas in parts that ended */
    uint64_t abandoned;  /* and that did not */
    uint64_t collected;  /* resets */
} cg_gossip_statistics;
cg_gossip_statistics cg_gossip_statistics_now(const cg_gossip *gossip);

#endif
