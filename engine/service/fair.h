/* Start-time fair queueing over clients, on several levels (internal to engine/service).
 *
 * P. Goyal, H. Vin and H. Cheng, "Start-time Fair Queueing: A Scheduling Algorithm for
 * Integrated Services Packet Switching Networks", SIGCOMM 1996, section 2. Each request p_j of
 * a flow f gets
 *
 *   S(p_j) = max(v, F(p_j-1))        start tag; v: the level's virtual time when it arrives
 *   F(p_j) = S(p_j) + cost / weight  finish tag; F(p_0) = 0
 *
 * and requests start in the order of start tags, ties by arrival; v is the start tag of the
 * request that started last. Theorem 1: over any time in which flows f and m both have requests
 * waiting throughout, the costs started of each differ by at most
 *
 *   max cost of f + max cost of m     (all weights are 1 here)
 *
 * Where we differ: a flow is a client on a level; levels know nothing of each other. The tag is
 * given when a request becomes the first of its flow, not when it arrives. That is the same
 * tag: while the one before it waits, v <= S(p_j-1) < F(p_j-1), so the maximum is F(p_j-1). It
 * spares all but one heap entry a flow, and a request that goes away unserved costs its flow
 * nothing. A request may also be taken out of order, if it is the first of its flow: it is
 * charged as any other, and v becomes the smallest start tag that waits, which in order is the
 * paper's rule. So v passes no request that waits, and none waits more than 2^53 ahead of it.
 *
 * A flow without requests is remembered while its finish tag is ahead of v: below that the tag
 * says nothing. Clients that each send one large request leave any number of such flows behind,
 * so only idle_max a level are kept; those with the least to pay are forgotten first.
 * Forgetting never touches theorem 1, which speaks of flows that wait.
 *
 * v starts just before it wraps (turns.h compares by serial numbers), so that every test passes
 * there, as INITIAL_JIFFIES in Linux.
 */
#ifndef CG_ENGINE_SERVICE_FAIR_H
#define CG_ENGINE_SERVICE_FAIR_H

#include "engine/base/map.h"
#include "engine/service/turns.h"

enum { CG_FAIR_LEVELS = 4 };
#define CG_FAIR_NONE UINT32_MAX

/* A request that waits. */
typedef struct cg_fair_entry {
    uint64_t id;
    uint64_t sequence;
    uint64_t arrived_ns;
    uint32_t cost; /* 1.. */
    uint32_t flow;
    uint32_t next;     /* of the flow, by arrival; of the free ones */
    uint32_t previous; /* of the flow */
} cg_fair_entry;

/* A client on a level, with requests that wait or with a finish tag ahead of virtual time. */
typedef struct cg_fair_flow {
    uint64_t tag; /* start tag of its first request; without requests: its last finish tag */
    uint32_t client;
    uint32_t first; /* of the free ones: the next */
    uint32_t last;
    uint32_t waiting;
    uint32_t level;
} cg_fair_flow;

typedef struct cg_fair_level {
    uint64_t virtual_time;
    uint64_t waiting;
    cg_turns backlogged; /* flows by (start tag, sequence of the first request) */
    cg_turns idle;       /* flows by (finish tag, client) */
} cg_fair_level;

typedef struct cg_fair {
    cg_allocator allocator;
    cg_fair_level levels[CG_FAIR_LEVELS];
    cg_fair_entry *entries;
    size_t entry_capacity;
    uint32_t entry_used; /* ever: those that wait and the free ones */
    uint32_t entry_free;
    cg_fair_flow *flows;
    size_t flow_capacity;
    uint32_t *flow_positions; /* in backlogged or in idle of its level */
    size_t flow_position_capacity;
    uint32_t flow_used;
    uint32_t flow_free;
    uint32_t idle_max;
    cg_table *by_client; /* level * 2^32 + client -> flow */
} cg_fair;

cg_status cg_fair_init(cg_fair *fair, uint32_t idle_max, cg_allocator allocator,
                       cg_error *error);
void cg_fair_deinit(cg_fair *fair);
uint64_t cg_fair_bytes(const cg_fair *fair);

/* `request` (id, sequence, arrived_ns, cost) waits; sequence and arrived_ns don't fall. *entry
 * is its number until it is taken. Error: CG_ERROR_MEMORY, with nothing changed. */
cg_status cg_fair_push(cg_fair *fair, uint32_t level, uint32_t client,
                       const cg_fair_entry *request, uint32_t *entry, cg_error *error);
/* A request starts without having waited; nobody waits on the level. Errors likewise. */
cg_status cg_fair_pass(cg_fair *fair, uint32_t level, uint32_t client, uint32_t cost,
                       cg_error *error);
/* The entry whose turn it is, or CG_FAIR_NONE. */
uint32_t cg_fair_first(const cg_fair *fair, uint32_t level);
/* The entry, the first of its flow, starts. */
void cg_fair_take(cg_fair *fair, uint32_t entry);
/* The entry goes away unserved. */
void cg_fair_remove(cg_fair *fair, uint32_t entry);
/* The end of a busy period: nobody waits or runs, and no finish tag means anything any more. */
void cg_fair_settle(cg_fair *fair);
/* How many of the client's wait on the level. */
uint32_t cg_fair_waiting(const cg_fair *fair, uint32_t level, uint32_t client);

#endif
