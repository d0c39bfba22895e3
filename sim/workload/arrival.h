/* When requests arrive.
 *
 * constant  the k-th arrival when the rate has added up to k, so that they don't drift
 * poisson   gaps are exponential draws of the stream "workload.arrival"; where a phase changes
 *           the rate within a gap, what is left of the gap is stretched or shrunk with it (the
 *           process of a varying rate is the one of rate 1 on a clock that runs at the rate:
 *           Çınlar, "Introduction to Stochastic Processes", 1975, section 4.7)
 * burst     the same, at a rate that is either that of a burst or that of the time between,
 *           both for exponential times (stream "workload.burst"): a Markov-modulated Poisson
 *           process of two states (Fischer and Meier-Hellstern, "The Markov-modulated Poisson
 *           process (MMPP) cookbook", Performance Evaluation 18, 1993). Its mean is the rate
 * diurnal   Poisson at the rate r(t) = rate * (1 - swing * cos(2 pi t / day)), by thinning: points
 *           of the rate at its peak, each kept with probability r(t) over that (stream
 *           "workload.diurnal"; Lewis and Shedler, "Simulation of nonhomogeneous Poisson processes by
 *           thinning", Naval Research Logistics Quarterly 26, 1979)
 * recorded  times of a CSV file, from its first row on, divided by load.speed
 */
#ifndef SIM_WORKLOAD_ARRIVAL_H
#define SIM_WORKLOAD_ARRIVAL_H

#include "sim/workload/period.h"

/* Sets at_ns of all the workload's requests. Errors: CG_ERROR_INVALID when they would end after
 * SIM_TIME_MAX_NS, and what is wrong with the file. */
cg_status sim_arrival_plan(const sim_periods *periods, uint64_t seed, sim_workload *workload,
                           cg_error *error);

/* recorded.c: the same from the file of the first period's options. */
cg_status sim_arrival_read(const sim_load_options *load, sim_workload *workload,
                           cg_error *error);
/* The same from text; `name` is for sentences. A header, a first line that does not begin with
 * a time, is skipped. */
cg_status sim_arrival_parse(const sim_load_options *load, const char *text, size_t text_bytes,
                            sim_workload *workload, cg_error *error);

#endif
