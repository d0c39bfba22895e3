/* Parallel loops with an injected runner: engine owns no thread.
 *
 * A task must write only what belongs to its index; then the result cannot depend on how many
 * workers run or in which order. `worker` is in [0, workers) and is unique among the tasks that
 * run at one time, so it can select scratch memory; it must not influence results.
 */
#ifndef CG_ENGINE_BASE_PARALLEL_H
#define CG_ENGINE_BASE_PARALLEL_H

#include <stdint.h>

typedef void (*cg_task)(void *argument, uint32_t index, uint32_t worker);

typedef struct cg_runner {
    /* Returns when all ran. */
    void (*run)(void *context, uint32_t count, cg_task task, void *argument);
    void *context;
    uint32_t workers; /* >= 1 */
} cg_runner;

cg_runner cg_runner_serial(void); /* workers 1: runs 0, 1, ... in place */
void cg_runner_run(const cg_runner *runner, uint32_t count, cg_task task, void *argument);

#endif
