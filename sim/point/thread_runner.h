/* A runner for engine's parallel loops: a fixed set of POSIX threads that share the tasks out
 * by a counter. Engine guarantees that its results do not depend on which thread runs which
 * task.
 */
#ifndef SIM_POINT_THREAD_RUNNER_H
#define SIM_POINT_THREAD_RUNNER_H

#include "engine/base/parallel.h"
#include "engine/base/status.h"

enum { SIM_THREADS_MAX = 256 };

typedef struct sim_thread_runner sim_thread_runner;

/* threads: 1..SIM_THREADS_MAX, the caller's included. */
cg_status sim_thread_runner_alloc(uint32_t threads, sim_thread_runner **out, cg_error *error);
void sim_thread_runner_free(sim_thread_runner *runner); /* joins its threads; NULL is fine */
cg_runner sim_thread_runner_view(sim_thread_runner *runner);

#endif
