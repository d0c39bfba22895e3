/* What a fault search really exercised: counted from what nodes, hosts, fabric and checkers say, not
 * from what was scheduled.
 */
#ifndef SIM_FUZZ_COUNTS_H
#define SIM_FUZZ_COUNTS_H

#include <stdint.h>
#include <stdio.h>

#include "engine/node/event.h"

enum { SIM_FUZZ_KINDS = 8, SIM_FUZZ_EFFECTS = 3 }; /* of requests; ok, failed, unknown */

typedef enum sim_fuzz_count {
    SIM_COUNT_RUNS, /* with those that were repeated */
    SIM_COUNT_REPEATED,
    SIM_COUNT_HOSTS,
    SIM_COUNT_EVENTS,
    SIM_COUNT_SIMULATED_MS,
    /* the network */
    SIM_COUNT_PARTITIONS, /* that cut at least one message */
    SIM_COUNT_MESSAGES,
    SIM_COUNT_CUT,
    SIM_COUNT_LOST,
    SIM_COUNT_DUPLICATED,
    SIM_COUNT_REORDERED,
    SIM_COUNT_CORRUPTED,
    SIM_COUNT_REFUSED, /* by nodes */
    SIM_COUNT_CLOCKS_REFUSED,
    /* hosts */
    SIM_COUNT_CRASHES,
    SIM_COUNT_RESTARTS,
    SIM_COUNT_RESETS,
    SIM_COUNT_TORN_CUT,   /* writes that a crash cut in two */
    SIM_COUNT_TORN_TAILS, /* that nodes found at a start */
    SIM_COUNT_DISK_LOSSES,
    SIM_COUNT_ALTERED, /* journals that nodes found altered at a start */
    SIM_COUNT_FRAMES_REPLAYED,
    /* groups */
    SIM_COUNT_FAIL_OVERS, /* epochs by majority and alone */
    SIM_COUNT_EPOCHS,
    SIM_COUNT_EPOCHS_ALONE,
    SIM_COUNT_ELECTIONS,
    SIM_COUNT_DEPOSED,
    SIM_COUNT_SPLIT_BRAINS,
    SIM_COUNT_UNIONS,
    SIM_COUNT_RECORDS_UNITED,
    SIM_COUNT_RECORDS_DROPPED,
    SIM_COUNT_RECORDS_RESENT,
    SIM_COUNT_CATCH_UPS,
    SIM_COUNT_LAG_DROPS,
    SIM_COUNT_RECOVERIES,
    SIM_COUNT_CRIPPLED, /* groups that lost more disks than they can bear, and stopped */
    /* membership and requests */
    SIM_COUNT_DEATHS,
    SIM_COUNT_CUT_SEEN,
    SIM_COUNT_RETRIES,
    SIM_COUNT_REDIRECTS,
    SIM_COUNT_REDELIVERIES, /* requests that had been decided before */
    /* checkers */
    SIM_COUNT_CHECKS, /* of the whole state, in the midst of a run */
    SIM_COUNT_TERMS,  /* (partition, epoch) that had a primary */
    SIM_COUNT_HISTORIES,
    SIM_COUNT_REGISTERS,    /* searched for linearizability */
    SIM_COUNT_UNKNOWN,      /* verdicts */
    SIM_COUNT_ACKNOWLEDGED, /* facts that were looked for in the end */
    SIM_COUNT_IN_WINDOW,    /* lost in the window of primary, with excuse */
    SIM_COUNT_BEYOND,       /* lost with more disks than is tolerated */
    SIM_COUNT_SESSION_READS,
    SIM_COUNT_EDGES,      /* whose sums were compared */
    SIM_COUNT_OPERATIONS, /* [SIM_FUZZ_KINDS][SIM_FUZZ_EFFECTS] */
    SIM_COUNT_COUNT = SIM_COUNT_OPERATIONS + SIM_FUZZ_KINDS * SIM_FUZZ_EFFECTS
} sim_fuzz_count;

typedef struct sim_fuzz_counts {
    uint64_t of[SIM_COUNT_COUNT];
} sim_fuzz_counts;

void sim_fuzz_counts_add(sim_fuzz_counts *sum, const sim_fuzz_counts *more);
/* A table, the same for the same counts. */
void sim_fuzz_counts_print(const sim_fuzz_counts *counts, FILE *file);

#endif
