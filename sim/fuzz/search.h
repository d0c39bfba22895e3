/* Many seeds, on several processes (spec G10).
 *
 * Each process runs seeds one after the other, over a graph that was prepared once. A run that dies, or
 * takes longer than SIM_SEARCH_SECONDS of its processor, is a failure of its seed, and another process
 * goes on with the next one. One seed in SIM_SEARCH_AGAIN is run twice, and must come to the same
 * fingerprint.
 *
 * Invariant: what is found depends on the seeds alone, not on the number of processes (but for a
 * search that is stopped by time).
 */
#ifndef SIM_FUZZ_SEARCH_H
#define SIM_FUZZ_SEARCH_H

#include "sim/fuzz/trial.h"

enum {
    SIM_SEARCH_JOBS_MAX = 256,
    SIM_SEARCH_AGAIN = 16,
    SIM_SEARCH_SECONDS = 60,
    SIM_SEARCH_FAILURES_MAX = 64, /* kept; all are counted */
    SIM_SEARCH_SENTENCE_BYTES = 400
};

typedef struct sim_fuzz_options {
    const sim_options *base;
    bool draws; /* false: the base itself, with the seed's randomness */
    const sim_ground *ground;
    const sim_profile *profile;
    uint64_t first;        /* seed */
    uint64_t last;         /* >= first */
    uint32_t jobs;         /* 1..SIM_SEARCH_JOBS_MAX */
    bool twice;            /* every seed */
    uint64_t failures_max; /* the search ends when there are as many; 0: it goes on */
    uint64_t seconds_max;  /* of the wall's clock: no seed begins later; 0: no bound */
    /* Told now and then how far it is; NULL: nobody is. */
    void (*progress)(void *context, uint64_t done, uint64_t failed);
    void *progress_context;
} sim_fuzz_options;

typedef struct sim_search_failure {
    uint64_t seed;
    char sentence[SIM_SEARCH_SENTENCE_BYTES];
} sim_search_failure;

typedef struct sim_search_result {
    sim_fuzz_counts counts;
    uint64_t done;
    uint64_t failed;
    bool interrupted;
    uint64_t fingerprint; /* of all runs' fingerprints, in any order */
    sim_search_failure failures[SIM_SEARCH_FAILURES_MAX]; /* by seed */
    uint32_t failure_count;
} sim_search_result;

/* A failure status: no process could be started, or memory. What seeds violate is in *result. */
cg_status sim_search(const sim_fuzz_options *options, sim_search_result *result,
                     cg_error *error);

/* The point of one seed. */
void sim_search_point(const sim_fuzz_options *options, uint64_t seed, sim_options *out);

/* One point in a process of its own: CG_OK, or CG_ERROR_CORRUPT with what it violates, or how it died.
 * twice: it must come to the same fingerprint again. */
cg_status sim_search_try(const sim_fuzz_options *options, const sim_options *point, bool twice,
                         cg_error *error);

#endif
