/* The fabric: latency, jitter, loss, duplication, reordering and partitions of the network
 * (spec G2).
 *
 * A pure function of the seed and of what was changed when. Each message of a pair (from, to)
 * has a number; its draws are those of the streams "fabric.loss", "fabric.jitter",
 * "fabric.duplicate" and "fabric.reorder" at (pair, number), so traffic of one pair never
 * changes the luck of another.
 *
 * All settings are functions of time. Those of sending (latency, jitter, loss, duplicate,
 * reorder) count as they are when a message is sent: what is in flight is not touched by a
 * change. A message is cut when its pair is cut at the time it is sent, or at the time it is
 * due. A change has effect from its at_ns on, itself included. Whoever changes things while
 * running at t must use at_ns = t + 1, so that the order of what happens inside one instant
 * never matters.
 *
 * A message takes at least 1 ns, for the same reason.
 */
#ifndef SIM_CLUSTER_FABRIC_H
#define SIM_CLUSTER_FABRIC_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

typedef struct sim_fabric_options {
    uint32_t hosts; /* 1..65,536 */
    uint64_t seed;
    uint64_t latency_ns; /* at most SIM_TIME_MAX_NS, as jitter_ns */
    uint64_t jitter_ns;  /* added, uniform over [0, jitter_ns] */
    double loss;         /* probabilities, [0, 1] */
    double duplicate;
    double reorder; /* held back by one more latency */
} sim_fabric_options;

typedef enum sim_fabric_change_kind {
    SIM_FABRIC_PARTITION, /* cuts hosts[] off from the others, beside earlier partitions */
    SIM_FABRIC_HEAL,      /* ends all partitions */
    SIM_FABRIC_LATENCY,   /* value_ns */
    SIM_FABRIC_JITTER,    /* value_ns */
    SIM_FABRIC_LOSS,      /* probability, as for the next two */
    SIM_FABRIC_DUPLICATE,
    SIM_FABRIC_REORDER
} sim_fabric_change_kind;

typedef struct sim_fabric_change {
    uint64_t at_ns;
    sim_fabric_change_kind kind;
    const uint32_t *hosts; /* PARTITION: read during the call only */
    uint32_t host_count;
    bool one_way; /* PARTITION: hosts[] cannot reach the others, but the others reach them */
    uint64_t value_ns;
    double probability;
} sim_fabric_change;

typedef struct sim_fabric sim_fabric;

cg_status sim_fabric_alloc(const sim_fabric_options *options, cg_allocator allocator,
                           sim_fabric **out, cg_error *error);
void sim_fabric_free(sim_fabric *fabric);

/* Changes of the same time have effect in the order in which they were made. */
cg_status sim_fabric_change_at(sim_fabric *fabric, const sim_fabric_change *change,
                               cg_error *error);

enum { SIM_FLIGHT_COPIES_MAX = 2 };
typedef struct sim_flight {
    bool cut;        /* at sending: it does not even load the sender's link */
    uint32_t copies; /* 0: lost */
    uint64_t delay_ns[SIM_FLIGHT_COPIES_MAX]; /* from the end of the transfer; >= 1 */
    uint64_t sequence[SIM_FLIGHT_COPIES_MAX]; /* of the pair; unique */
} sim_flight;

/* Draws the fate of the next message of the pair, and counts it. from != to, both < hosts. */
cg_status sim_fabric_send(sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t sent_ns,
                          size_t size_bytes, sim_flight *out, cg_error *error);
/* A copy is due: false when its pair is cut now. Counts it. */
bool sim_fabric_arrive(sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t now_ns,
                       size_t size_bytes);

bool sim_fabric_is_cut(const sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t at_ns);
uint64_t sim_fabric_latency_ns(const sim_fabric *fabric, uint64_t at_ns);

typedef struct sim_fabric_statistics {
    uint64_t sent; /* messages handed to the fabric */
    uint64_t sent_bytes;
    uint64_t delivered; /* copies */
    uint64_t delivered_bytes;
    uint64_t lost; /* by chance */
    uint64_t cut;  /* by a partition, when sent or when due */
    uint64_t duplicated;
    uint64_t reordered;
} sim_fabric_statistics;
sim_fabric_statistics sim_fabric_statistics_of(const sim_fabric *fabric);

#endif
