/* SWIM: who of the cluster is alive (spec F4), without I/O.
 *
 * A. Das, I. Gupta, A. Motivala, "SWIM: Scalable Weakly-consistent Infection-style Process
 * Group Membership Protocol", DSN 2002. From A. Dadgar, J. Phillips, J. Currey, "Lifeguard:
 * Local Health Awareness for More Accurate Failure Detection", DSN-W 2018, the buddy system
 * alone.
 *
 * Each period a host pings one other, in a shuffled order that visits everybody. Without an
 * answer by the ack timeout it asks `indirect` others to ping for it; without one by the end of
 * the period it suspects. Who stays suspected for the suspicion time is dead. News rides on
 * these messages.
 *
 *   order      what is known of a host is (incarnation, liveness), compared in this order with
 *              ALIVE < SUSPECT < DEAD, and the greater wins: the rules of section 4.2, and a
 *              join, so views do not depend on the order of arrival. A host alone raises its
 *              own incarnation, to refute. Unlike in the paper the dead come back, by a higher
 *              one
 *   buddy      every message says its sender's incarnation, and how the sender sees the
 *              receiver: who is thought dead or suspect learns it from the first message, and
 *              whoever had missed that he refuted learns it from the first answer. So any two
 *              hosts that can talk agree about each other after one ping
 *   reconnect  each period a host that holds others for dead pings one of them too, in shuffled
 *              turns. It is how a partition heals in which each side holds the other for dead
 *   news       a change is passed on in up to retransmit * ceil(log2(hosts + 1)) messages,
 *              those sent least first, ties by host, at most updates_max a message
 *   isolation  who has been cut off holds wrong claims about everybody. So what a sender says
 *              of others is ignored while it is thought dead; and who learns of his own death
 *              no longer spreads which others are DEAD (he keeps it, and his own pings mend
 *              it), and gives those he suspects the suspicion time anew
 *   beginners  who has just begun takes everybody for alive. His pings ask to be told, until
 *              he had 2 + hosts / updates_max answers, and the answers' room is filled with who
 *              is dead, in turns: as SUSPECT, so that a teller who is wrong does no harm
 *   suspicion  suspicion_ns * max(1, log10(hosts)), as HashiCorp's memberlist has it: news
 *              needs a number of periods that grows with log(hosts) to spread, and its answer
 *              as many. 5 s up to 10 hosts; 10 s at 100; 15.05 s at 1,024
 *
 * Load: a host starts at most 1 ping, `indirect` ping requests and 1 reconnecting ping a
 * period; each ping is answered once, a request becomes one ping, and an answer to it is passed
 * on once.
 *
 * Bounds, when from some time on nothing is lost, each round trip (by a helper: two) is within
 * the ack timeout, and nobody crashes or starts:
 *   detection  a crashed host is DEAD everywhere within cg_swim_detect_ns: two rounds of probes
 *              are the longest that one is not probed, then the suspicion
 *   settling   after faults of any kind everybody sees exactly the living ALIVE within
 *              cg_swim_settle_ns. Each ping makes a pair agree about each other, and within two
 *              rounds (of live or dead members; four, when a member moves between the two)
 *              everybody has pinged everybody; suspicions that were raised before go on to the
 *              end. News makes it much faster: tests/property/swim_property_test.c prints both
 *
 * Messages, little-endian; all three types have one layout. A probe is (origin, sequence,
 * target).
 *
 *   offset bytes field
 *        0     4 sequence of the probe, chosen by its origin
 *        4     4 origin: the host that wants to know
 *        8     4 target: the host that it wants to know about; not the origin
 *       12     4 incarnation of the sender
 *       16     4 incarnation of the receiver, as the sender knows it
 *       20     1 liveness of the receiver, as the sender sees it
 *       21     1 1: a PING of one who has just begun, and asks who is dead; otherwise 0
 *       22     1 updates U, 0..CG_SWIM_UPDATES_MAX
 *       23    9U updates, ascending by host, each host once, neither sender nor receiver:
 *                host (u32), incarnation (u32), liveness (u8)
 *
 *   PING      to the target, by the origin or by a helper
 *   PING_REQ  by the origin, to a helper, who is not the target
 *   ACK       by the target, to whoever pinged; a helper sends it on to the origin
 *
 * Incarnations are at most CG_SWIM_INCARNATION_MAX; a host that has refuted so often can no
 * more.
 *
 * Memory: 36 bytes a host, allocated once. Cost: O(1) an event but for news, O(log changes
 * under way) an update carried; a round's new order is O(hosts) once in as many periods. Equal
 * calls give equal messages. Times are monotonic and below 2^62 ns.
 */
#ifndef CG_ENGINE_REPLICA_SWIM_H
#define CG_ENGINE_REPLICA_SWIM_H

#include "engine/base/memory.h"
#include "engine/base/port.h"
#include "engine/base/status.h"

enum {
    CG_SWIM_HOSTS_MAX = 65536,
    CG_SWIM_INDIRECT_MAX = 16,
    CG_SWIM_UPDATES_MAX = 64,
    CG_SWIM_RETRANSMIT_MAX = 64,
    CG_SWIM_HEADER_BYTES = 23,
    CG_SWIM_UPDATE_BYTES = 9,
    CG_SWIM_PAYLOAD_BYTES_MAX =
        CG_SWIM_HEADER_BYTES + CG_SWIM_UPDATES_MAX * CG_SWIM_UPDATE_BYTES,
};
#define CG_SWIM_INCARNATION_MAX UINT32_C(0x7fffffff)
#define CG_SWIM_TIME_NS_MAX     UINT64_C(86400000000000) /* a day */

typedef enum cg_swim_message_type {
    CG_SWIM_PING,
    CG_SWIM_PING_REQ,
    CG_SWIM_ACK,
    CG_SWIM_MESSAGE_COUNT
} cg_swim_message_type;

typedef enum cg_swim_liveness {
    CG_SWIM_ALIVE,
    CG_SWIM_SUSPECT, /* still to be counted on, but asked to prove it */
    CG_SWIM_DEAD,
    CG_SWIM_LIVENESS_COUNT
} cg_swim_liveness;

typedef struct cg_swim_options {
    uint32_t host;  /* this one, < hosts */
    uint32_t hosts; /* 1..CG_SWIM_HOSTS_MAX */
    /* Of the streams "swim.phase", "swim.order", "swim.reconnect" and "swim.helper", entity:
     * host. May be the same on all hosts. */
    uint64_t seed;
    uint64_t period_ns;      /* 2..CG_SWIM_TIME_NS_MAX */
    uint64_t ack_timeout_ns; /* 1..period_ns - 1 */
    uint64_t suspicion_ns;   /* 1..CG_SWIM_TIME_NS_MAX: up to 10 hosts; see above */
    uint32_t indirect;       /* helpers asked, 0..CG_SWIM_INDIRECT_MAX */
    uint32_t retransmit;     /* lambda, 1..CG_SWIM_RETRANSMIT_MAX */
    uint32_t updates_max;    /* a message, 1..CG_SWIM_UPDATES_MAX */
    /* Called in the step in which the view of a host changes (its incarnation counts; this
     * host's own, too); NULL: nobody listens. Must not call the module back, but for
     * inspection. What it returns ends the step when it is no CG_OK, and the node cannot go
     * on. */
    cg_status (*changed)(void *context, uint32_t host, cg_swim_liveness liveness,
                         uint32_t incarnation, cg_error *error);
    void *context;
} cg_swim_options;
/* Host 0 of 1, seed 1, 1 s, 500 ms, 5 s, 3 helpers, lambda 3, 32 updates, nobody listens. */
cg_swim_options cg_swim_options_default(void);

typedef struct cg_swim cg_swim;

/* port: copied; what it points to outlives the module. Errors: CG_ERROR_INVALID (an option),
 * CG_ERROR_MEMORY. Nothing happens before cg_swim_begin. O(hosts). */
cg_status cg_swim_alloc(const cg_swim_options *options, const cg_port *port,
                        cg_allocator allocator, cg_swim **out, cg_error *error);
void cg_swim_free(cg_swim *swim); /* NULL is fine */

/* The host's life begins, or begins anew: everybody is taken for alive with incarnation 0. (A
 * host that was known by a higher one, or as dead, learns it from the first answer, and goes
 * beyond it.) The first ping is due within one period, at a time drawn, so that hosts that
 * start together do not ping together. Calls no `changed`. Errors: the port's. O(hosts). */
cg_status cg_swim_begin(cg_swim *swim, uint64_t now_ns, cg_error *error);

/* A message of `type` (cg_swim_message_type) whose envelope is sound. from: by the envelope.
 * Errors: CG_ERROR_CORRUPT (unknown type, a sender that is none, a payload that is not as
 * documented: nothing was changed by it); the port's and changed's, after which the node cannot
 * go on. */
cg_status cg_swim_receive(cg_swim *swim, uint32_t from, uint16_t type, const uint8_t *payload,
                          size_t size_bytes, uint64_t now_ns, cg_error *error);

/* timer: as given to port.timer. One that is stale, early, or of no known number does nothing;
 * a late one makes up for nothing. Errors: the port's and changed's. */
cg_status cg_swim_timer(cg_swim *swim, uint64_t timer, uint64_t now_ns, cg_error *error);

/* --- inspection; host < hosts --- */
cg_swim_liveness cg_swim_state(const cg_swim *swim, uint32_t host); /* of itself: ALIVE */
uint32_t cg_swim_incarnation(const cg_swim *swim, uint32_t host);
/* How many are seen so; this host counts as alive. */
uint32_t cg_swim_count(const cg_swim *swim, cg_swim_liveness liveness);
uint64_t cg_swim_bytes(const cg_swim *swim);
/* Of all its state but the statistics; for tests. O(hosts). */
uint64_t cg_swim_hash(const cg_swim *swim);

/* The bounds above, of valid options. */
uint64_t cg_swim_suspicion_ns(const cg_swim_options *options); /* of so many hosts */
/* 2 * hosts periods, and the suspicion. */
uint64_t cg_swim_detect_ns(const cg_swim_options *options);
/* 4 * hosts periods, and two suspicions. */
uint64_t cg_swim_settle_ns(const cg_swim_options *options);

/* Since the allocation. */
typedef struct cg_swim_statistics {
    uint64_t sent[CG_SWIM_MESSAGE_COUNT]; /* messages by type */
    uint64_t sent_bytes;                  /* of payload */
    uint64_t updates;                     /* carried */
    uint64_t reconnects;                  /* of the pings: to the dead */
    uint64_t suspicions;                  /* raised by a probe of this host */
    uint64_t deaths;                      /* declared by this host, at the end of a suspicion */
    uint64_t returns;                     /* of others from the dead, as seen here */
    uint64_t refutations;                 /* of claims about this host */
} cg_swim_statistics;
cg_swim_statistics cg_swim_statistics_of(const cg_swim *swim);

#endif
