/* A sweep: all points of a plan, each in a process of its own, on several cores (spec I6).
 *
 * The parent builds the graph that a group of points shares, forks a worker a point, collects
 * the rows that come through its pipe, and alone writes the database, one transaction a point.
 * A worker that dies is a failed point, and the sweep goes on. An interrupt ends the workers
 * and keeps every finished point.
 */
#ifndef SIM_CLI_SWEEP_H
#define SIM_CLI_SWEEP_H

#include "sim/host/profile.h"
#include "sim/point/thread_runner.h"
#include "sim/scenario/scenario.h"

enum { SIM_JOBS_MAX = SIM_THREADS_MAX };

typedef struct sim_sweep_options {
    const sim_plan *plan;
    const sim_options *points;   /* [plan->point_count], parsed */
    const sim_profile *profiles; /* [plan->point_count] */
    const char *library;
    const char *database;
    uint32_t jobs;
    bool quiet;
} sim_sweep_options;

typedef struct sim_sweep_result {
    uint32_t done;
    uint32_t failed;
    bool interrupted;
} sim_sweep_result;

/* Failure means that the sweep itself cannot go on (database, processes). */
cg_status sim_sweep(const sim_sweep_options *options, sim_sweep_result *result,
                    cg_error *error);

#endif
