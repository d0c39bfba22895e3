/* The serial runner, which is also the reference for every other: same results, by contract. */
#include "engine/base/parallel.h"

#include <stddef.h>

static void run_serial(void *context, uint32_t count, cg_task task, void *argument) {
    (void)context;
    for (uint32_t index = 0; index < count; index++) {
        task(argument, index, 0);
    }
}

cg_runner cg_runner_serial(void) {
    return (cg_runner){.run = run_serial, .context = NULL, .workers = 1};
}

void cg_runner_run(const cg_runner *runner, uint32_t count, cg_task task, void *argument) {
    if (count > 0) {
        runner->run(runner->context, count, task, argument);
    }
}
