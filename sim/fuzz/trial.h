/* One run of the fault search: a point, with checkers throughout and at its end.
 *
 * The point runs as `cortigrid run` runs it, but over the bare loop. When the last of its faults is
 * over everything is healed: partitions end, settings of the network are the cluster's again, all
 * hosts are up, as fast as they should be, with clocks that are right. Then it has SIM_FUZZ_SETTLE_NS,
 * or until the last request, to answer every request and to come to rest, and is judged.
 *
 * Throughout: in each epoch of a group that acknowledges at quorum or all, one host alone is the
 * primary (asked after every step); what sim/check/invariants.h says of any time, and bounds of
 * queues (at set times).
 * In the end: it has settled (all requests answered within a bound, all hosts known as alive, every
 * partition led, edges the same everywhere); invariants.h of a settled cluster; every host's state is
 * what its log makes of nothing (cg_node_audit); edges are the sum of what was observed; and what
 * clients saw: guarantees.h, session.h, linearizable.h.
 */
#ifndef SIM_FUZZ_TRIAL_H
#define SIM_FUZZ_TRIAL_H

#include "sim/fuzz/counts.h"
#include "sim/host/profile.h"
#include "sim/point/ground.h"
#include "sim/scenario/options.h"

#define SIM_FUZZ_SETTLE_NS UINT64_C(40000000000)

typedef struct sim_fuzz_input {
    const sim_options *options;
    const sim_ground *ground; /* of the same graph key; with texts */
    const sim_profile *profile;
} sim_fuzz_input;

/* CG_ERROR_CORRUPT: something does not hold, with the first sentence about it; any other failure
 * means that the run could not go on. Adds to *counts what was exercised; *fingerprint is of the run,
 * also of one that failed. */
cg_status sim_fuzz_trial(const sim_fuzz_input *input, sim_fuzz_counts *counts,
                         uint64_t *fingerprint, cg_error *error);

#endif
