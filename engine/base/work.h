/* Work: what the engine did, by kind, so that a cost profile can turn it into time and energy
 * (spec G4).
 *
 * Each kind has a number of operations and a number of units inside them; a profile charges
 * fixed_ns * operations + per_unit_ns * units. The engine counts; it never knows what a count
 * costs.
 */
#ifndef CG_ENGINE_BASE_WORK_H
#define CG_ENGINE_BASE_WORK_H

#include <stdint.h>

/*    enumerator             name in profiles     unit */
#define CG_WORK_KINDS(X)                                                                       \
    X(CG_WORK_STEP, "step", "byte")               /* one event handled; bytes received */      \
    X(CG_WORK_TOKENISE, "tokenise", "byte")       /* text to features */                       \
    X(CG_WORK_PROJECT, "project", "multiply-add") /* sparse features to dense vector */        \
    X(CG_WORK_DISTANCE_F32, "distance_f32", "dimension") /* dense float distances */           \
    X(CG_WORK_DISTANCE_F16, "distance_f16", "dimension") /* half-precision rows */             \
    X(CG_WORK_DISTANCE_I8, "distance_i8", "dimension")   /* codes of 8, 4 and 1 bits */        \
    X(CG_WORK_DISTANCE_I4, "distance_i4", "dimension")                                         \
    X(CG_WORK_DISTANCE_I1, "distance_i1", "dimension")                                         \
    X(CG_WORK_DISTANCE_SPARSE, "distance_sparse", "entry") /* exact sparse dot products */     \
    X(CG_WORK_SPIKE_ENCODE, "spike_encode", "channel")     /* TTFS encoding */                 \
    X(CG_WORK_SPIKE_DISTANCE, "spike_distance", "channel") /* Victor-Purpura */                \
    X(CG_WORK_INDEX_HOP, "index_hop", "link")              /* node expanded; links read */     \
    X(CG_WORK_INDEX_LINK, "index_link", "link")            /* links written while inserting */ \
    X(CG_WORK_GRAPH_READ, "graph_read", "edge")            /* concept expanded; edges read */  \
    X(CG_WORK_SPREAD, "spread", "edge")                    /* passes on; edges walked */       \
    X(CG_WORK_COLUMN_VOTE, "column_vote", "candidate")     /* a column scores candidates */    \
    X(CG_WORK_LIF_STEP, "lif_step", "neuron")              /* membrane updates */              \
    X(CG_WORK_STDP_UPDATE, "stdp_update", "synapse")       /* weight updates */                \
    X(CG_WORK_TIER_L1, "tier_l1", "byte")                  /* reads served by tier 1 */        \
    X(CG_WORK_TIER_L2, "tier_l2", "byte")                                                      \
    X(CG_WORK_TIER_L3, "tier_l3", "byte")                                                      \
    X(CG_WORK_TIER_L4, "tier_l4", "byte")                                                      \
    X(CG_WORK_TIER_STORE, "tier_store", "byte") /* reads served by the last tier */            \
    X(CG_WORK_SLOT, "slot", "byte")             /* slots taken, given back or moved */         \
    X(CG_WORK_CACHE, "cache", "byte")           /* the decision cache asked; text hashed */    \
    X(CG_WORK_LOG_APPEND, "log_append", "byte") /* record encoded and checksummed */           \
    X(CG_WORK_MESSAGE, "message", "byte")       /* encoded or decoded, checksummed */          \
    X(CG_WORK_DISK_WRITE, "disk_write", "byte") /* log write made durable */

typedef enum cg_work_kind {
#define CG_WORK_ENUM(id, name, unit) id,
    CG_WORK_KINDS(CG_WORK_ENUM)
#undef CG_WORK_ENUM
        CG_WORK_KIND_COUNT
} cg_work_kind;

typedef struct cg_work {
    uint64_t operations[CG_WORK_KIND_COUNT];
    uint64_t units[CG_WORK_KIND_COUNT];
} cg_work;

const char *cg_work_kind_name(cg_work_kind kind); /* "distance_f32"; static storage */
const char *cg_work_kind_unit(cg_work_kind kind); /* "dimension" */

/* `work` may be NULL everywhere: then nothing is counted. */
static inline void cg_work_count(cg_work *work, cg_work_kind kind, uint64_t operations,
                                 uint64_t units) {
    if (work) {
        work->operations[kind] += operations;
        work->units[kind] += units;
    }
}
/* Operations that compared dense vectors or codes of them, at any precision. */
uint64_t cg_work_distances(const cg_work *work);
void cg_work_add(cg_work *into, const cg_work *from);

#endif
