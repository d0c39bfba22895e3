#include "sim/cli/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sim/cli/verbs.h"
#include "sim/point/point.h"

static cg_status run_point(const sim_worker_input *input, sim_rows *rows, uint64_t *fingerprint,
                           cg_error *error) {
    const sim_point_plan *plan = &input->plan->points[input->point];
    sim_options *options = calloc(1, sizeof *options);
    if (!options) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a point's options");
    }
    sim_hooks *hooks = NULL;
    cg_status status = sim_options_parse(plan->options_text, options, error);
    if (status == CG_OK) {
        sim_cli_find_files(options);
        status = sim_hooks_open(input->plan, plan, input->library, &hooks, error);
    }
    if (status == CG_OK) {
        sim_point_input point = {
            .options = options,
            .ground = input->ground,
            .profile = input->profile,
            .hooks = hooks,
            .loop = SIM_LOOP_SIMGRID,
        };
        status = sim_point_run(&point, rows, fingerprint, error);
    }
    sim_hooks_close(hooks);
    free(options);
    return status;
}

int sim_worker_run(const sim_worker_input *input, int descriptor) {
    signal(SIGINT, SIG_IGN); /* the parent decides what an interrupt means */
    signal(SIGTERM, SIG_DFL);
    /* Nobody would read the rows of an orphan. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != input->parent) {
        return EXIT_FAILURE;
    }
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    FILE *file = fdopen(descriptor, "w");
    sim_rows *rows = NULL;
    cg_error error;
    if (!file || sim_rows_alloc(file, &rows, &error) != CG_OK) {
        return EXIT_FAILURE;
    }
    uint64_t fingerprint = 0;
    cg_status status = run_point(input, rows, &fingerprint, &error);
    if (status != CG_OK) {
        sim_rows_error(rows, error.message);
    }
    status = sim_rows_finish(rows, "built", fingerprint, &error);
    sim_rows_free(rows);
    return fclose(file) == 0 && status == CG_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
