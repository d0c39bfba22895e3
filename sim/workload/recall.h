/* What recalls and spreads ask for, and what is drawn by popularity. */
#ifndef SIM_WORKLOAD_RECALL_H
#define SIM_WORKLOAD_RECALL_H

#include "sim/workload/period.h"
#include "sim/workload/popularity.h"

/* Entries of workload.keys, and of workload.facts: 1 GiB and 512 MiB. */
enum { SIM_LOAD_ENTRIES_MAX = 1 << 27 };

/* The law of popularity in each period: periods that agree on it share one. */
typedef struct sim_laws {
    sim_popularity list[SIM_PHASES_MAX + 1];
    uint32_t of_period[SIM_PHASES_MAX + 1];
} sim_laws;

/* Of `count` things from which about `draws` are drawn; weights may be NULL unless measured. */
void sim_laws_init(sim_laws *laws, const sim_periods *periods, uint64_t count,
                   const sim_weights *weights, uint64_t draws);

/* A draw in a period, moved by the period's rotate: 0..count-1. */
uint64_t sim_laws_draw(sim_laws *laws, const sim_periods *periods, uint32_t period,
                       cg_stream *stream);

/* Sets key_count, first_key and hops of all recalls and spreads, and the workload's keys. */
cg_status sim_recall_plan(const sim_workload_input *input, const sim_periods *periods,
                          const sim_weights *weights, sim_workload *workload, cg_error *error);

#endif
