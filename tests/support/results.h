/* A small result database with known figures, for the tests of its writer and its readers.
 *
 * Experiment demo: factors nodes (1K, all) and hosts (1, 4), 2 repetitions, so 8 points. With
 * a = 1 or 2 for nodes and b = 0 or 1 for hosts, repetition r has
 *
 *   latency     histogram in ns: a * 100,000 + i * 1,000 + r, i = 0..99
 *   throughput  mean = 1000 * a + 10 * b + r, 1/s
 *   hits        ratio = 0.5 + 0.25 * b
 *   build       seconds = 0.125 * r, wall time
 *   latency     series p99 each 50 ms to 500 ms; ten times as high from 150 ms to 250 ms at 4
 *               hosts, between the events partition and heal
 */
#ifndef CG_TESTS_SUPPORT_RESULTS_H
#define CG_TESTS_SUPPORT_RESULTS_H

#include "sim/record/recorder.h"

enum { RESULTS_POINTS = 8 };

sim_plan *results_plan(void);
void results_plan_free(sim_plan *plan);

/* The worker's text of a point, free with free(). `factor` multiplies throughput (1.0: as
 * above). */
char *results_rows(const sim_plan *plan, uint32_t point_index, double factor);

/* A fresh path in the temporary folder that nothing exists at; static storage, overwritten by
 * the call after the next. */
const char *results_path(const char *ending);

/* Begins, stores all points in order, finishes. */
uint64_t results_make(const char *path, double factor);

#endif
