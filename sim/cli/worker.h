/* A point worker: started from a point's canonical options, it writes rows (sim/record/rows.h)
 * to a file descriptor and ends. The sweep forks it; other front ends may start it otherwise.
 */
#ifndef SIM_CLI_WORKER_H
#define SIM_CLI_WORKER_H

#include <sys/types.h>

#include "sim/host/profile.h"
#include "sim/point/ground.h"
#include "sim/scenario/scenario.h"

typedef struct sim_worker_input {
    const sim_plan *plan;
    uint32_t point;
    const char *library; /* folder of scenarios/lib */
    const sim_profile *profile;
    const sim_ground *ground;
    pid_t parent; /* the worker ends when this process, which started it, does */
} sim_worker_input;

/* Returns the process's exit status: 0 when a last line was written, also that of a failed
 * point. */
int sim_worker_run(const sim_worker_input *input, int descriptor);

#endif
