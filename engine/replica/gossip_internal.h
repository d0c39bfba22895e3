/* What the files of gossip share. Not for others. */
#ifndef CG_ENGINE_REPLICA_GOSSIP_INTERNAL_H
#define CG_ENGINE_REPLICA_GOSSIP_INTERNAL_H

#include "engine/base/prng.h"
#include "engine/replica/gossip.h"

enum { GOSSIP_ASKS = 1, GOSSIP_VOID = 2 }; /* flags of a digest */

/* The delta in parts that is coming in, if any. */
typedef struct gossip_transfer {
    bool is_active;
    bool is_whole;
    uint32_t peer;
    uint32_t next_part;
    uint64_t transfer;
    uint64_t collections; /* of the peer */
    uint64_t asked_ns;
    uint32_t tries;
    cg_version_vector upto; /* where the parts so far end */
} gossip_transfer;

typedef struct gossip_peer {
    cg_replica_id replica; /* its present life; UINT64_MAX: not heard of */
    uint64_t made;         /* changes it had made when it first passed the mark */
    bool has_passed;
    bool has_left;
} gossip_peer;

struct cg_gossip {
    cg_allocator allocator;
    cg_gossip_options options;
    cg_port port;
    cg_edge_set *set;
    cg_stream stream;
    uint64_t due_ns; /* of the timer that counts */
    uint32_t *turns; /* [hosts] a shuffle of all hosts */
    uint32_t turn;
    uint32_t probe;     /* host that was tried last */
    gossip_peer *peers; /* [hosts] */
    gossip_transfer coming;
    uint64_t transfers_begun;
    bool has_mark;
    uint64_t own_made; /* at the mark */
    cg_version_vector mark;
    cg_version_vector own;   /* scratch */
    cg_version_vector other; /* scratch */
    cg_replica_id *members;  /* [hosts] scratch */
    uint8_t *bytes;          /* scratch */
    size_t byte_capacity;
    cg_gossip_statistics statistics;
};

/* gossip_message.c */
cg_status cg_gossip_send_digest(cg_gossip *gossip, uint32_t to, uint8_t flags, cg_error *error);
cg_status cg_gossip_send_more(cg_gossip *gossip, uint64_t now_ns, cg_error *error);

/* gossip_mark.c: what everybody has seen. */
/* That a host, in this life, has seen gossip->other and made `made` changes. */
void cg_gossip_note(cg_gossip *gossip, uint32_t host, cg_replica_id replica, uint64_t made);
/* Collects when all have passed the mark, and takes the next. */
cg_status cg_gossip_mark(cg_gossip *gossip, cg_error *error);

#endif
