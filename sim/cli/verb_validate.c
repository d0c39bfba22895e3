/* cortigrid validate: the simulator against closed forms and against the wall. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/machine_profile.h"
#include "sim/cli/verbs.h"
#include "sim/validate/caching.h"
#include "sim/validate/queueing.h"
#include "sim/validate/wall.h"

enum { RUNS_MOST = 1000, SEEDS_MOST = 1000, SEEDS_LEAST = 20, PATH_BYTES = 1024 };

static const sim_arg validate_args[] = {
    {"--quick", NULL, "queues and caches in seconds: fewer and shorter runs"},
    {"--seeds", "N", "of each queue; default 100, with --quick 20"},
    {"--profile", "FILE", "wall: this machine's profile; default: it is calibrated first"},
    {"--runs", "N", "wall: of each request, of which the least time counts; default 5"},
    {"--format", "F", "text or markdown; default text"},
    {"--quiet", NULL, "does not say what is going on"},
    {NULL, NULL, NULL},
};

typedef struct validation {
    sim_args args;
    sim_progress progress;
    sim_findings findings;
} validation;

static cg_status queueing(validation *self, cg_error *error) {
    sim_calibrate_options machine = sim_calibrate_options_default();
    sim_machine_options(&machine, &self->progress);
    sim_queueing_options options =
        sim_queueing_options_default(sim_args_has(&self->args, "--quick"));
    options.threads = machine.threads;
    uint64_t seeds = options.seeds;
    cg_status status =
        sim_args_number(&self->args, "--seeds", SEEDS_LEAST, SEEDS_MOST, &seeds, error);
    options.seeds = (uint32_t)seeds;
    sim_progress_now(&self->progress, "queues");
    return status == CG_OK ? sim_validate_queueing(&options, &self->findings, error) : status;
}

static cg_status cache(validation *self, cg_error *error) {
    const sim_caching_options options =
        sim_caching_options_default(sim_args_has(&self->args, "--quick"));
    sim_progress_now(&self->progress, "caches");
    return sim_validate_caching(&options, &self->findings, error);
}

static cg_status own_profile(validation *self, sim_profile *out, cg_error *error) {
    const char *file = sim_args_value(&self->args, "--profile", NULL);
    if (file) {
        char path[PATH_BYTES];
        return sim_profile_read(sim_cli_find(file, path, sizeof path), out, error);
    }
    sim_calibrate_options options = sim_calibrate_options_default();
    sim_machine_options(&options, &self->progress);
    char *text = NULL;
    cg_status status = sim_machine_text(&options, &text, error);
    if (status == CG_OK) {
        status = sim_profile_parse("this machine's profile", text, strlen(text), out, error);
    }
    free(text);
    return status;
}

static cg_status wall(validation *self, cg_error *error) {
    sim_profile profile;
    sim_calibrate_options options = sim_wall_options_default();
    sim_machine_options(&options, &self->progress);
    uint64_t runs = options.runs;
    cg_status status = sim_args_number(&self->args, "--runs", 1, RUNS_MOST, &runs, error);
    options.runs = (uint32_t)runs;
    if (status == CG_OK) {
        status = own_profile(self, &profile, error);
    }
    return status == CG_OK ? sim_validate_wall(&options, &profile, &self->findings, error)
                           : status;
}

static const struct {
    const char *name;
    cg_status (*run)(validation *, cg_error *);
} checks[] = {{"queueing", queueing}, {"cache", cache}, {"wall", wall}};
enum { CHECKS = sizeof checks / sizeof *checks };

static cg_status execute(validation *self, bool is_markdown, cg_error *error) {
    const char *which = self->args.operand_count > 0 ? self->args.operands[0] : "all";
    const bool is_all = strcmp(which, "all") == 0;
    bool is_known = is_all;
    for (int i = 0; i < CHECKS; i++) {
        is_known = is_known || strcmp(which, checks[i].name) == 0;
    }
    if (!is_known) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "validate: unknown validation \"%s\"; there are queueing, cache, wall "
            "and all",
            which);
    }
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < CHECKS; i++) {
        if (is_all || strcmp(which, checks[i].name) == 0) {
            status = checks[i].run(self, error);
        }
    }
    sim_progress_finish(&self->progress);
    if (status == CG_OK) {
        sim_findings_print(&self->findings, is_markdown, stdout);
    }
    return status;
}

static int validate_verb(int argc, char **argv) {
    static validation self; /* large */
    cg_error error;
    cg_status status = sim_args_parse(&sim_verb_validate, argc, argv, &self.args, &error);
    if (status == CG_OK && self.args.help) {
        sim_args_help(&sim_verb_validate, stdout);
        return SIM_EXIT_OK;
    }
    const char *format = status == CG_OK ? sim_args_value(&self.args, "--format", "text") : "";
    if (status == CG_OK && strcmp(format, "text") != 0 && strcmp(format, "markdown") != 0) {
        status = cg_error_set(&error, CG_ERROR_INVALID,
                              "--format: \"%.40s\" is neither text nor markdown", format);
    }
    if (status == CG_OK) {
        sim_progress_init(&self.progress, 0, sim_args_has(&self.args, "--quiet"));
        status = execute(&self, strcmp(format, "markdown") == 0, &error);
    }
    if (status != CG_OK) {
        return sim_cli_fail(&error);
    }
    if (self.findings.missed > 0) {
        fprintf(stderr, "cortigrid: %u of the checks are missed\n", self.findings.missed);
        return SIM_EXIT_CHECK;
    }
    return SIM_EXIT_OK;
}

const sim_verb sim_verb_validate = {
    "validate",
    "[queueing|cache|wall|all]",
    "compare with closed forms, and with the wall's time on this machine",
    validate_args,
    0,
    1,
    validate_verb};
