/* Version vectors over replicas: how many changes of each have been seen (spec F7).
 *
 * A replica is a host in one life: a host that lost its disk comes back under a new life. Changes
 * of a replica count from 1 without gaps, so one number says which of them have been seen. As in
 * Parker et al., "Detection of Mutual Inconsistency in Distributed Systems" (1983), and Bayou
 * (Petersen et al. 1997). The arrays of engine/base/clock.h fit hosts that are known beforehand;
 * lives are not, so here entries are held by id.
 *
 * Invariant: entries ascend by replica and none has seen 0; so equal vectors are equal arrays.
 */
#ifndef CG_ENGINE_REPLICA_VERSION_VECTOR_H
#define CG_ENGINE_REPLICA_VERSION_VECTOR_H

#include "engine/base/bytes.h"
#include "engine/base/clock.h"
#include "engine/base/memory.h"
#include "engine/base/status.h"

typedef uint64_t cg_replica_id; /* life << 32 | host */

enum { CG_REPLICAS_MAX = 4096 }; /* lives of all hosts together */

static inline cg_replica_id cg_replica_id_of(uint32_t host, uint32_t life) {
    return (uint64_t)life << 32 | host;
}
static inline uint32_t cg_replica_id_host(cg_replica_id replica) {
    return (uint32_t)replica;
}
static inline uint32_t cg_replica_id_life(cg_replica_id replica) {
    return (uint32_t)(replica >> 32);
}

typedef struct cg_version {
    cg_replica_id replica;
    uint64_t seen; /* all changes 1..seen */
} cg_version;

typedef struct cg_version_vector {
    cg_allocator allocator;
    cg_version *entries; /* [count] */
    size_t count;
    size_t capacity;
} cg_version_vector;

/* Empty, without memory. */
void cg_version_vector_init(cg_version_vector *vector, cg_allocator allocator);
void cg_version_vector_deinit(cg_version_vector *vector);
void cg_version_vector_clear(cg_version_vector *vector); /* keeps its memory */

/* Room for `count` entries, so that raising to as many cannot fail. CG_ERROR_MEMORY. */
cg_status cg_version_vector_reserve(cg_version_vector *vector, size_t count, cg_error *error);

/* 0 for a replica that it has no entry of. Cost: logarithmic. */
uint64_t cg_version_vector_seen(const cg_version_vector *vector, cg_replica_id replica);

/* To at least `seen`. Errors, unchanged: CG_ERROR_FULL (CG_REPLICAS_MAX), CG_ERROR_MEMORY. Cost:
 * logarithmic, linear for a replica that is new in the middle. */
cg_status cg_version_vector_raise(cg_version_vector *vector, cg_replica_id replica,
                                  uint64_t seen, cg_error *error);

/* into = from. Errors, unchanged: CG_ERROR_MEMORY. */
cg_status cg_version_vector_copy(cg_version_vector *into, const cg_version_vector *from,
                                 cg_error *error);

/* BEFORE: right has seen all that left has, and more. Cost: linear. */
cg_order cg_version_vector_compare(const cg_version_vector *left,
                                   const cg_version_vector *right);

/* Encoded: u32 count, then of each entry u64 replica and u64 seen, ascending by replica. */
size_t cg_version_vector_bytes(const cg_version_vector *vector);
void cg_version_vector_write(const cg_version_vector *vector, cg_writer *writer);

/* Replaces what the vector holds. `what` names the message. Errors: CG_ERROR_CORRUPT (cut, not
 * ascending, an entry of 0, more than CG_REPLICAS_MAX), CG_ERROR_MEMORY; the vector may be
 * anything valid then. */
cg_status cg_version_vector_read(cg_version_vector *vector, cg_reader *reader, const char *what,
                                 cg_error *error);

#endif
