/* What must hold of a cluster's state, whatever was done to it. (What clients saw is judged in
 * history.h and its kin.)
 *
 * Safety, at any time: an acknowledged fact, of a request or of a batch, is durable at a host that keeps
 * its partition (at its home, where nobody takes over), under the id that the answer names; an
 * acknowledged removal likewise, and of the fact that the answer names; what was shed left no record; no
 * request has a record in another partition than its own, and none has two that do something; no two
 * facts of a partition ever have the same slot (ids of slots are not used again,
 * engine/service/pool.h); keepers with equal logs have equal states; a replica has made durable what it
 * acknowledged.
 * Liveness, once the network is whole again, all hosts are up and nothing is open: every acknowledged
 * fact is at every keeper, and all have the same log.
 */
#ifndef SIM_CHECK_INVARIANTS_H
#define SIM_CHECK_INVARIANTS_H

#include "engine/node/node.h"

typedef struct sim_check_request {
    uint64_t request_id;
    cg_request_kind kind;
    bool acknowledged; /* the client was answered CG_OK, or CG_ERROR_PARTIAL */
    bool shed;         /* ... or CG_ERROR_OVERLOADED */
    uint64_t fact_id;  /* as answered: stored (of a batch the first), or removed */
    uint64_t slot;
    uint32_t host;   /* that decided */
    uint32_t count;  /* facts of a batch that were stored */
    uint64_t target; /* deallocate: id of the request whose fact is removed */
    uint32_t space;  /* memory space that it is about */
} sim_check_request;

typedef struct sim_check_cluster {
    cg_node *const *nodes; /* [hosts] */
    uint32_t hosts;
    uint32_t replicas;
    bool settled;     /* nothing open, nothing undelivered: check liveness as well */
    uint32_t spaces;  /* memory spaces; 0 is one */
    const bool *down; /* [hosts] a host that is down has no state; NULL: none is */
    bool fails_over;
    bool restarted; /* some host has been started again: what it knew but did not log is gone */
    bool may_lose;  /* acknowledged at the primary alone, and a disk was lost */
} sim_check_cluster;

/* requests: all that were ever sent, each id once; a record of any other request is a
 * violation. *violations: how many; `error` gets the first one's sentence. CG_ERROR_CORRUPT
 * when there is any. */
cg_status sim_check_invariants(const sim_check_cluster *cluster,
                               const sim_check_request *requests, uint32_t request_count,
                               uint64_t *violations, cg_error *error);

#endif
