/* A run's state, shared by trial.c (building and driving it) and what judges it:
 *   director.c   what is looked at throughout, healing, and whether all has settled
 *   judge.c      what must hold in the end
 *   observed.c   edges: the sum of what was observed
 *   tally.c      what was exercised
 */
#ifndef SIM_FUZZ_TRIAL_INTERNAL_H
#define SIM_FUZZ_TRIAL_INTERNAL_H

#include "engine/base/map.h"
#include "engine/node/node.h"
#include "sim/check/guarantees.h"
#include "sim/cluster/fabric.h"
#include "sim/cluster/world.h"
#include "sim/fuzz/trial.h"
#include "sim/host/host.h"
#include "sim/point/facts.h"
#include "sim/point/requests.h"
#include "sim/trace/observer.h"
#include "sim/workload/workload.h"

enum { SIM_FUZZ_HARMS_MAX = 512 };

typedef struct sim_trial sim_trial;

typedef struct sim_trial_place { /* what a host's machine knows */
    sim_trial *trial;
    uint32_t host;
} sim_trial_place;

typedef struct sim_trial_answer {
    bool replied;
    uint64_t at_ns;
    cg_reply reply;
} sim_trial_answer;

enum { SIM_FUZZ_PARTITIONS_MAX = 256 };

struct sim_trial {
    const sim_fuzz_input *input;
    const sim_options *options;
    sim_profile profile;
    sim_facts facts;
    sim_workload workload;
    sim_requests requests;
    sim_trial_answer *answers; /* [workload.count]; request id i + 1 is answers[i] */
    uint32_t replied_count;
    cg_node **nodes;
    sim_host **hosts;
    sim_trial_place *places;
    sim_fabric *fabric;
    sim_observer observer;
    bool cuts[SIM_FAULTS_MAX]; /* a message was cut by the partition */
    cg_table *terms;           /* (partition, epoch) to the primary's host */
    sim_harm harms[SIM_FUZZ_HARMS_MAX];
    size_t harm_count;
    bool stops
        [SIM_FUZZ_PARTITIONS_MAX]; /* more disks were hurt at a time than the group bears */
    uint64_t heal_ns;
    uint64_t last_request_ns;
    uint64_t next_ns;       /* of the director */
    uint64_t next_check_ns; /* of the whole state */
    bool healed;
    bool settled;
    bool crippled; /* a group cannot go on, since too many of its disks were lost */
    uint64_t ended_ns;
    sim_fuzz_counts counts;
    cg_allocator allocator;
};

static inline uint32_t sim_trial_partitions(const sim_trial *trial) {
    return trial->options->cluster.hosts * trial->options->engine.spaces;
}

/* --- director.c --- */
/* When the last fault is over. */
uint64_t sim_trial_heal_ns(const sim_options *options);
sim_director sim_trial_director(sim_trial *trial);
/* Whether nothing is left to happen; if not, error says what. */
bool sim_trial_settled(const sim_trial *trial, cg_error *error);
bool sim_trial_is_led(const sim_trial *trial, uint32_t partition); /* by one */
/* Whether two voters or more of the partition lost their disks, or with a witness, one. Each waits until
 * it has heard from all others, and who lost his disk cannot be heard out; and what was safe at one
 * replica and the witness, while the other replica was cut off, is nowhere when that one's disk is lost.
 * Such a group may stop for good, rather than forget what it promised; then only what it did before is
 * judged. */
/* The host starts on a disk that was hurt. */
void sim_trial_note_crippled(sim_trial *trial, uint32_t host);
bool sim_trial_is_crippled(const sim_trial *trial, uint32_t partition);
uint32_t sim_trial_witnesses(const sim_options *options);
/* invariants.h of this moment. */
cg_status sim_trial_check_state(sim_trial *trial, cg_error *error);

/* --- judge.c --- */
cg_status sim_trial_judge(sim_trial *trial, cg_error *error);

/* --- observed.c --- */
cg_status sim_trial_judge_edges(sim_trial *trial, cg_error *error);

/* --- tally.c --- */
/* A node's life ends: what it counted is kept. */
void sim_trial_tally_node(sim_trial *trial, const cg_node *node);
void sim_trial_tally(sim_trial *trial, uint64_t events);
/* A message was dropped: which partitions cut it. */
void sim_trial_note_drop(void *context, const sim_observed_message *message,
                         const char *reason);

#endif
