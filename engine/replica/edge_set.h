/* Weighted edges that replicas change at the same time, and that merge (spec F6).
 *
 * What it means: an observation (weight, confidence) of an edge counts at a replica that has seen
 * it and has seen no removal whose author had seen it. The weight of an edge is the sum of
 * confidence * weight over the sum of confidence of what counts; there is no edge where nothing
 * does. So an update that comes twice counts once, a removal resets exactly the sums that it has
 * seen, and an observation made at the same time survives.
 *
 * State: per edge and replica the newest (version, sum of confidence * weight, sum of confidence)
 * and the newest reset of it. All are integers, so no order of summing matters; edge_join.c says why
 * joining is commutative, associative and idempotent.
 *
 * A change is made durable first: cg_edge_set_observe and cg_edge_set_remove hand out a record
 * (edge_delta.h) and change nothing yet; the caller writes it to its log and, once it is durable,
 * joins it by cg_edge_set_apply, and only then acknowledges. So a set never claims, to its readers
 * or to its peers, what a crash can take away, and no dot is ever used for two changes. Foreign
 * deltas go the same way. After a crash, replaying the log gives the set back. A replica that may
 * have lost records that were durable must take a new life.
 *
 * Deltas must not leave a gap: one that builds on changes not seen is refused (CG_ERROR_LAG) and
 * may come again; there is no list of exceptions. Applying them in any order that is not refused
 * ends in the same state. A delta asks for all that its addressee had seen.
 *
 * Removed edges leave resets behind, for peers that have not heard; cg_edge_set_collect drops them
 * once everybody has.
 *
 * Memory: an edge takes 32 bytes, and 64 more for each replica whose sums or resets it holds, so
 * 96 when one replica observed it; arrays double, so up to twice that.
 *
 * Not thread-safe.
 */
#ifndef CG_ENGINE_REPLICA_EDGE_SET_H
#define CG_ENGINE_REPLICA_EDGE_SET_H

#include "engine/replica/edge_delta.h"

typedef struct cg_edge_set cg_edge_set;

typedef struct cg_edge_set_options {
    cg_replica_id replica; /* this one */
    /* Told after a join what an edge's weight now is, or that the edge is gone, each time that
     * changes. It must not call the set. NULL: nobody is told. */
    void (*changed)(void *context, cg_edge_key edge, bool exists, uint8_t weight);
    void *context;
} cg_edge_set_options;

cg_status cg_edge_set_alloc(const cg_edge_set_options *options, cg_allocator allocator,
                            cg_edge_set **out, cg_error *error);
void cg_edge_set_free(cg_edge_set *set); /* NULL is fine */

/* Borrowed until the next call that takes the set without const. */
typedef struct cg_edge_record {
    const uint8_t *bytes;
    size_t size_bytes;
} cg_edge_record;

/* The record of one more observation. confidence: 1..CG_EDGE_CONFIDENCE_ONE. Errors, with the set
 * unchanged: CG_ERROR_INVALID (confidence, an edge from a concept to itself), CG_ERROR_FULL (the
 * sum would pass CG_EDGE_CONFIDENCE_SUM_MAX), CG_ERROR_OVERLOADED (CG_EDGE_PENDING_MAX changes
 * are not yet applied), CG_ERROR_MEMORY. Cost: logarithmic in edges, linear in pending changes. */
enum { CG_EDGE_PENDING_MAX = 4096 };
cg_status cg_edge_set_observe(cg_edge_set *set, cg_edge_key edge, uint8_t weight,
                              uint32_t confidence, cg_edge_record *record, cg_error *error);

/* The record of a removal of all that counts here, pending observations included. Errors as above,
 * and CG_ERROR_NOT_FOUND (no such edge). */
cg_status cg_edge_set_remove(cg_edge_set *set, cg_edge_key edge, cg_edge_record *record,
                             cg_error *error);

/* Own changes that were handed out and not applied, none of which was or will be durable, were
 * never made: their dots are used again. */
void cg_edge_set_abandon(cg_edge_set *set);
size_t cg_edge_set_pending(const cg_edge_set *set);

/* Joins a record, own or foreign, or one part of a delta in parts. One that adds nothing new is
 * fine. Errors, with the set unchanged: CG_ERROR_CORRUPT, CG_ERROR_VERSION, CG_ERROR_LAG (it
 * builds on changes that were not seen, or on a part that did not come), CG_ERROR_CONFLICT (it
 * claims changes of this replica that it has not made since it was opened: it needs a new life),
 * CG_ERROR_FULL (more than CG_REPLICAS_MAX replicas, 2^32 entries), CG_ERROR_MEMORY. Cost:
 * logarithmic in edges per entry; of a whole delta also linear in the set. */
cg_status cg_edge_set_apply(cg_edge_set *set, const uint8_t *bytes, size_t size_bytes,
                            cg_error *error);

/* Recovery is over: from here on this replica's changes come from observe and remove alone. The
 * first of these says so too. */
void cg_edge_set_open(cg_edge_set *set);

/* What a peer lacks that has seen `seen`: the next part, of at most bytes_max bytes or, when that
 * is not enough for it, of one change. For part 0, `seen` is the peer's vector; for later ones what
 * the ranges of the parts so far say, over the peer's vector unless the delta is whole. Part 0 of
 * a peer that has not seen what is collected here begins a whole delta. */
typedef struct cg_edge_delta_wanted {
    const cg_version_vector *seen;
    uint64_t transfer; /* of the caller's choice, not 0 */
    uint32_t part;
    bool whole; /* from part 1 on: as part 0 was */
    size_t bytes_max;
} cg_edge_delta_wanted;

/* *record: of size 0 when the peer lacks nothing. Errors: CG_ERROR_MEMORY. Cost: of what is sent,
 * and logarithmic in the entries held, and linear in replicas. */
cg_status cg_edge_set_delta(cg_edge_set *set, const cg_edge_delta_wanted *wanted,
                            cg_edge_record *record, cg_error *error);

/* Drops resets that nobody needs any more: those whose dot is within `passed`, of sums of one of
 * the members[count] (ascending). The caller sees to it that (1) every member has seen `passed`,
 * and (2) this set has seen all changes that a member had made, pending ones included, when it
 * first had. Without (2), sums that a member made before it heard of the reset, and which hold what
 * it took away, could still come. Without (1), a member would never hear of it, were it not for
 * this: the set remembers what it dropped, and gives a peer that has not seen as much (one that
 * nobody knew of) its whole state. Resets of sums of a lost life stay, since nobody can know what
 * of it is still on its way. Returns how many were dropped. Cost: linear in entries. */
size_t cg_edge_set_collect(cg_edge_set *set, const cg_version_vector *passed,
                           const cg_replica_id *members, size_t count);
/* Resets that wait for it. */
size_t cg_edge_set_tombstones(const cg_edge_set *set);
/* Changes with every collection that dropped any: a transfer in parts must not span one. */
uint64_t cg_edge_set_collections(const cg_edge_set *set);

cg_replica_id cg_edge_set_replica(const cg_edge_set *set);
uint64_t cg_edge_set_seen(const cg_edge_set *set, cg_replica_id replica);
/* *out = what has been seen of every replica. CG_ERROR_MEMORY. */
cg_status cg_edge_set_vector(const cg_edge_set *set, cg_version_vector *out, cg_error *error);

typedef struct cg_edge_view {
    uint8_t weight;      /* weighted / confidence to the nearest, halves up */
    uint64_t weighted;   /* sum of confidence * weight over all replicas */
    uint64_t confidence; /* sum of confidence, in 1/65,536; not 0 */
} cg_edge_view;
/* False when there is no such edge. */
bool cg_edge_set_get(const cg_edge_set *set, cg_edge_key edge, cg_edge_view *view);
/* The first edge at `from` or after it, in key order; false when there is none. */
bool cg_edge_set_next(const cg_edge_set *set, cg_edge_key from, cg_edge_key *edge,
                      cg_edge_view *view);

/* VISIBLE: edges and exact sums. STATE: what was seen of every replica, and all that counts; equal
 * wherever the same has been seen. ALL: also resets that wait to be collected. None depends on the
 * order in which anything came. Cost: linear. */
typedef enum cg_edge_hash {
    CG_EDGE_HASH_VISIBLE,
    CG_EDGE_HASH_STATE,
    CG_EDGE_HASH_ALL
} cg_edge_hash;
uint64_t cg_edge_set_hash(const cg_edge_set *set, cg_edge_hash kind);

size_t cg_edge_set_count(const cg_edge_set *set); /* visible edges; linear */
size_t cg_edge_set_bytes(const cg_edge_set *set); /* allocated */

#endif
