/* The fabric: latency, jitter, bandwidth, loss, duplication, reordering, corruption and
 * partitions of the network (spec G2), for all pairs of hosts or for some.
 *
 * A pure function of the seed and of what was changed when. Each message of a pair (from, to)
 * has a number; its draws are those of the streams "fabric.loss", "fabric.jitter" and so on at
 * (pair, number), so traffic of one pair never changes the luck of another.
 *
 * All settings are functions of time. What holds for a pair is, setting by setting, the last
 * change that names the pair; changes of the same time count in the order in which they were
 * made. Those of sending (latency, jitter, bandwidth, loss, duplicate, reorder, corrupt) count
 * as they are when a message is sent: what is in flight keeps what was drawn for it, whatever
 * changes. A message is cut when its pair is cut at the time it is sent, or at the time it is
 * due. A change has effect from its at_ns on, itself included. Whoever changes things while
 * running at t must use at_ns = t + 1, so that the order of what happens inside one instant
 * never matters.
 *
 * Partitions hold side by side: a pair is cut while any of them cuts it. A heal ends all of
 * them, or all of one name, and is nothing where there is none. A partition of nobody, or of
 * everybody, cuts nothing.
 *
 * Bandwidth here is that of a pair, beside the hosts' own links that SimGrid carries: messages
 * of the pair go one after the other, each in size / bandwidth, and what has begun keeps its
 * pace. A host's link bounds it further, so a pair is never faster than the link.
 *
 * Where hosts stand apart (topology.h), what holds for a pair is the latency of these settings and
 * what the topology adds, whatever changes; a message that is held back by one more latency is
 * held back by both.
 *
 * A message takes at least 1 ns, so that the order inside an instant never matters.
 *
 * Cost: a message is O(1) while all settings are those of all pairs; otherwise O(1) amortised,
 * plus O(1) for each change since the pair's last message; and O(1) for each partition that
 * holds. Memory: 8 bytes a pair for each host that sends; 8 more once a change names pairs, and
 * 8 more once one has a bandwidth.
 */
#ifndef SIM_CLUSTER_FABRIC_H
#define SIM_CLUSTER_FABRIC_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "sim/cluster/delay.h"
#include "sim/cluster/pairs.h"
#include "sim/cluster/topology.h"

enum { SIM_FLIGHT_COPIES_MAX = 4, SIM_FABRIC_NAME_BYTES = 32 };

typedef struct sim_fabric_options {
    uint32_t hosts; /* 1..65,536 */
    uint64_t seed;
    uint64_t latency_ns; /* at most SIM_TIME_MAX_NS, as jitter_ns */
    uint64_t jitter_ns;  /* added, uniform over [0, jitter_ns] */
    double loss;         /* probabilities, [0, 1] */
    double duplicate;
    double reorder;         /* held back by one more latency */
    double corrupt;         /* one byte of a copy is altered */
    const sim_delay *delay; /* law of the latency, copied; NULL: latency_ns, constant */
    uint32_t copies; /* of a duplicated message, at most, 2..SIM_FLIGHT_COPIES_MAX; 0: 2 */
    /* Adds its offset to every latency of a pair, drawn or changed; borrowed; NULL: nothing. */
    const sim_topology *topology;
} sim_fabric_options;

typedef enum sim_fabric_change_kind {
    SIM_FABRIC_PARTITION, /* cuts pairs, beside earlier partitions */
    SIM_FABRIC_HEAL,      /* ends all partitions, or those of a name */
    SIM_FABRIC_LATENCY,   /* delay, or value_ns where it is NULL */
    SIM_FABRIC_JITTER,    /* value_ns */
    SIM_FABRIC_LOSS,      /* probability, as for the next two and corrupt */
    SIM_FABRIC_DUPLICATE, /* and copies: how many are drawn, all of 2..copies as likely */
    SIM_FABRIC_REORDER,   /* and delay: for how long; NULL: one more latency */
    SIM_FABRIC_CORRUPT,
    SIM_FABRIC_BANDWIDTH /* bits_per_s of each pair; 0: unlimited */
} sim_fabric_change_kind;

typedef struct sim_fabric_change {
    uint64_t at_ns;
    sim_fabric_change_kind kind;
    uint32_t copies; /* DUPLICATE; 0: 2 */
    /* Which pairs: a host of the one side and one of the other; pointers are read during the
     * call only. One side is hosts[] and from[] together, the other is to[]. Where both are
     * left out: all pairs, but none of a partition. Where `to` is left out: all hosts, but of a
     * partition all that are not on the first side. Where only `to` is given: from all hosts.
     */
    const uint32_t *hosts;
    const sim_host_range *from;
    const sim_host_range *to;
    uint32_t host_count;
    uint32_t from_count;
    uint32_t to_count;
    bool one_way; /* only from the first side to the other, not back */
    uint64_t value_ns;
    double probability;
    const sim_delay *delay; /* LATENCY, REORDER; copied */
    uint64_t bits_per_s;    /* BANDWIDTH */
    const char *name;       /* PARTITION, HEAL: at most 31 bytes, copied; NULL: none */
    uint64_t period_ns; /* PARTITION: it flaps: cut for on_ns of each period_ns from at_ns */
    uint64_t on_ns;     /* 1..period_ns */
    uint64_t ends_ns;   /* PARTITION: over from then on without a heal; 0: never */
} sim_fabric_change;

typedef struct sim_fabric sim_fabric;

cg_status sim_fabric_alloc(const sim_fabric_options *options, cg_allocator allocator,
                           sim_fabric **out, cg_error *error);
void sim_fabric_free(sim_fabric *fabric);

/* O(changes) where it is not the last in time; otherwise O(partitions that hold). A failure
 * changes nothing. */
cg_status sim_fabric_change_at(sim_fabric *fabric, const sim_fabric_change *change,
                               cg_error *error);

typedef struct sim_flight {
    bool cut;        /* at sending: it does not even load the sender's link */
    uint32_t copies; /* 0: lost */
    uint64_t delay_ns[SIM_FLIGHT_COPIES_MAX]; /* from the end of the transfer; >= 1 */
    uint64_t sequence[SIM_FLIGHT_COPIES_MAX]; /* of the pair; unique */
    /* Byte altered_at is to be altered by an exclusive or with the mask; mask 0: none is. */
    uint32_t altered_at[SIM_FLIGHT_COPIES_MAX];
    uint8_t altered_mask[SIM_FLIGHT_COPIES_MAX];
} sim_flight;

/* Draws the fate of the next message of the pair, and counts it. from != to, both < hosts. */
cg_status sim_fabric_send(sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t sent_ns,
                          size_t size_bytes, sim_flight *out, cg_error *error);
/* The bytes of a copy as they arrive: `bytes` itself, or an altered copy of them that is valid
 * until the next call. */
cg_status sim_fabric_carry(sim_fabric *fabric, const sim_flight *flight, uint32_t copy,
                           const uint8_t **bytes, size_t size_bytes, cg_error *error);
/* A copy is due: false when its pair is cut now. Counts it. */
bool sim_fabric_arrive(sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t now_ns,
                       size_t size_bytes);

bool sim_fabric_is_cut(const sim_fabric *fabric, uint32_t from, uint32_t to, uint64_t at_ns);
/* Of changes that name no pairs; place_ns of a law. */
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
    uint64_t corrupted; /* copies */
    uint64_t far_sent;  /* of sent: between racks, edge switches or regions */
    uint64_t far_sent_bytes;
} sim_fabric_statistics;
sim_fabric_statistics sim_fabric_statistics_of(const sim_fabric *fabric);

#endif
