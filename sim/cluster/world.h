/* The world that a loop moves through time: hosts, the fabric between them, and a director.
 *
 * Two loops run the same world: bare (no SimGrid, links without limit) and cluster (SimGrid
 * carries bandwidth and contention). With links so fast that a transfer takes no time, both
 * give the same fingerprint. Requests are delivered to the hosts (sim_host_deliver) before the
 * run.
 *
 * What a run is: hosts do what is due; at the end of each instant, when all hosts are done with
 * it, the director acts if one of its times has come, and is asked whether all is finished. The
 * run ends when it says so, when nothing can happen any more, or when end_ns is over.
 *
 * Hosts crash and restart by themselves, at the times of their faults, which are in their own
 * heaps: for the loops a host that is down is one where little happens. A fault that is still to
 * come keeps the world from rest, but not the director from ending the run.
 */
#ifndef SIM_CLUSTER_WORLD_H
#define SIM_CLUSTER_WORLD_H

#include "engine/base/status.h"
#include "sim/cluster/fabric.h"
#include "sim/host/host.h"

/* Any of the three functions may be NULL. */
typedef struct sim_director {
    /* The next time to act; UINT64_MAX: none. Changes in act only. */
    uint64_t (*next_ns)(void *context);
    /* All that is due at now_ns; next_ns must be later afterwards. Changes of the fabric, faults
     * of hosts (sim_host_fault_at), and deliveries: now_ns + 1 or later. A failure ends the run
     * with that failure (an interrupt, for example). */
    cg_status (*act)(void *context, uint64_t now_ns, cg_error *error);
    /* Cheap when the answer is no: asked after every event. */
    bool (*finished)(void *context);
    void *context;
} sim_director;

typedef struct sim_world {
    sim_host **hosts; /* [host_count], in the order of their numbers */
    uint32_t host_count;
    sim_fabric *fabric;
    sim_director director;
    uint64_t end_ns; /* at most SIM_TIME_MAX_NS; what is due later does not happen */
    /* Of each host's link, each way; the bare loop takes no notice. */
    uint64_t bandwidth_bits_per_s;
    /* How the hosts' links come together; as the fabric's. NULL: a star of that bandwidth. */
    const sim_topology *topology;
    const sim_observer *observer; /* told of what the network does; NULL: nobody */
} sim_world;

typedef enum sim_outcome {
    SIM_OUTCOME_FINISHED, /* the director said so */
    SIM_OUTCOME_AT_REST,  /* nothing could happen any more, and the director had not said so */
    SIM_OUTCOME_END       /* end_ns came first */
} sim_outcome;
const char *sim_outcome_name(sim_outcome outcome);

typedef struct sim_run_result {
    sim_outcome outcome;
    /* FINISHED, AT_REST: the last instant in which something happened; END: end_ns. */
    uint64_t ended_ns;
    uint64_t events;      /* stepped by nodes */
    uint64_t fingerprint; /* of all hosts, in their order */
} sim_run_result;

/* The loops' common parts. */
uint64_t sim_world_next_ns(const sim_world *world); /* of the director; UINT64_MAX: none */
cg_status sim_world_act(const sim_world *world, uint64_t now_ns, cg_error *error);
bool sim_world_finished(const sim_world *world);
sim_run_result sim_world_result(const sim_world *world, sim_outcome outcome, uint64_t ended_ns);
/* Tells the observer of a message that a host gave out at message->time_ns, and of its fate. */
void sim_world_tell_sent(const sim_world *world, const sim_observed_message *message,
                         const sim_flight *flight);
cg_status sim_world_check(const sim_world *world, cg_error *error);

#endif
