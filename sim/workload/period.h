/* A load over time: its options as they hold between one phase and the next. */
#ifndef SIM_WORKLOAD_PERIOD_H
#define SIM_WORKLOAD_PERIOD_H

#include "sim/workload/workload.h"

typedef struct sim_period {
    uint64_t from_ns;
    sim_load_options load;
    double rotate;
} sim_period;

typedef struct sim_periods {
    sim_period list[SIM_PHASES_MAX + 1]; /* the first from 0 on; from_ns ascends */
    uint32_t count;
} sim_periods;

void sim_periods_init(sim_periods *periods, const sim_workload_input *input);

/* The period of time at_ns, not before period `from`. */
uint32_t sim_periods_find(const sim_periods *periods, uint32_t from, uint64_t at_ns);

#endif
