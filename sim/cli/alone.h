/* One point of a plan by itself: in this process, with nothing stored, for who wants to look into it.
 *
 * It is the run that the sweep would do: the same events, the same fingerprint.
 */
#ifndef SIM_CLI_ALONE_H
#define SIM_CLI_ALONE_H

#include "sim/host/profile.h"
#include "sim/scenario/scenario.h"

typedef struct sim_alone_options {
    const sim_plan *plan;
    uint32_t point;             /* < plan->point_count */
    const sim_options *options; /* of this point, as the next one is */
    const sim_profile *profile;
    const char *library;
    uint32_t threads;  /* that build the graph */
    const char *trace; /* file for a timeline (sim/trace/timeline.h), or NULL */
    uint64_t trace_limit;
    const char
        *events; /* file for an event log (sim/trace/event_log.h), "-" for stdout, or NULL;
                         * not both */
    bool quiet;
} sim_alone_options;

/* Prints what came of it, or why nothing did, and returns the exit status. */
int sim_alone_run(const sim_alone_options *options);

#endif
