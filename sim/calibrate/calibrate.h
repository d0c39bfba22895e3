/* cortigrid calibrate: a cost profile of the machine that it runs on (spec G4).
 *
 * First every kind of work that the engine can be made to do alone is timed at several sizes (parts.h).
 * Then whole requests of a WordNet corpus of some sizes are timed (requests.h), and all kinds that
 * they count fitted to them together (fit.h), held to what they cost alone: so column votes, which come
 * only with other work, get a figure, and the others the one that they have in company, where caches
 * are shared and nothing is asked for in advance. Memory tiers and disks are not fitted: of them the
 * engine counts what the machine would do, and does not do it.
 */
#ifndef SIM_CALIBRATE_CALIBRATE_H
#define SIM_CALIBRATE_CALIBRATE_H

#include "sim/calibrate/calibration.h"
#include "sim/calibrate/requests.h"

enum { SIM_CALIBRATE_SIZES_MAX = 8 };

typedef struct sim_calibrate_options {
    const char *folder;  /* where a file is written to measure the disk */
    const char *wordnet; /* folder of its data files; NULL: no requests are timed */
    uint32_t sizes[SIM_CALIBRATE_SIZES_MAX]; /* concepts of each corpus */
    uint32_t size_count;
    uint32_t requests; /* of each corpus */
    uint32_t runs;     /* of all of them, by turns; the least time of a request is taken */
    uint32_t threads;  /* to build with */
    void (*progress)(void *context, const char *what); /* NULL: nobody is told */
    void *progress_context;
} sim_calibrate_options;
/* Corpora of 12,000, 24,000 and 48,000, 1,000 requests, 7 runs, 1 thread. */
sim_calibrate_options sim_calibrate_options_default(void);

/* What the point's options are of a corpus of so many concepts, here and in validation. */
void sim_calibrate_point(const char *wordnet, uint32_t nodes, uint32_t requests,
                         sim_options *out);

/* Requests of some corpora, all built first; then runs go round the corpora, so that a slow spell of the
 * machine does not hit all runs of one. out: [size_count][requests]. */
cg_status sim_calibrate_time(const sim_calibrate_options *options, sim_timed_request *out,
                             cg_error *error);
/* The same twice, taking turns: `again`, unless it is NULL, has the least of as many other runs. */
cg_status sim_calibrate_time_twice(const sim_calibrate_options *options, sim_timed_request *out,
                                   sim_timed_request *again, cg_error *error);

cg_status sim_calibrate(const sim_calibrate_options *options, const sim_profile *reference,
                        sim_calibration *out, cg_error *error);

#endif
