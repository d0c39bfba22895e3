/* A point as a scenario in Lua: what differs from the defaults, and its faults (spec H1). */
#ifndef SIM_FUZZ_SCENARIO_TEXT_H
#define SIM_FUZZ_SCENARIO_TEXT_H

#include <stdio.h>

#include "sim/scenario/options.h"

typedef struct sim_scenario_text {
    const char *name;     /* of a-z, 0-9, _ and - */
    const char *question; /* one line: what the scenario shows */
    uint64_t seed;        /* of the run, which the point's seed is of; stated in the comment */
} sim_scenario_text;

/* Reading it again gives the same point, with the run's seed as it is stated. CG_ERROR_IO. */
cg_status sim_scenario_write(const sim_scenario_text *text, const sim_options *options,
                             FILE *file, cg_error *error);

/* The seed that a scenario's source states: false when it states none. */
bool sim_scenario_stated_seed(const char *source, uint64_t *seed);

#endif
