/* cortigrid check and bless: a result database against a committed baseline. */
#include <string.h>

#include "analysis/check/baseline.h"
#include "analysis/check/check.h"
#include "analysis/table/database.h"
#include "sim/cli/verbs.h"

enum { PATH_BYTES = 1024 };

static const sim_arg check_args[] = {
    {"--experiment", "NAME", "which one, where the database holds several"},
    {NULL, NULL, NULL},
};

/* The baseline named, or results/baselines/EXPERIMENT.tsv. */
static cg_status find_baseline(const sim_args *args, char path[PATH_BYTES], cg_error *error) {
    if (args->operand_count > 1) {
        snprintf(path, PATH_BYTES, "%s", args->operands[1]);
        return CG_OK;
    }
    an_database database;
    cg_status status = an_database_open(
        args->operands[0], sim_args_value(args, "--experiment", NULL), &database, error);
    if (status == CG_OK) {
        snprintf(path, PATH_BYTES, "%s/results/baselines/%s.tsv", sim_cli_root(),
                 database.experiment);
        an_database_close(&database);
    }
    return status;
}

/* A baseline is of one experiment; asking for another one is a mistake. */
static cg_status check_experiment(const sim_args *args, const char *path, cg_error *error) {
    const char *wanted = sim_args_value(args, "--experiment", NULL);
    if (!wanted) {
        return CG_OK;
    }
    an_baseline baseline;
    cg_status status = an_baseline_read(path, &baseline, error);
    if (status != CG_OK) {
        return status;
    }
    if (strcmp(baseline.experiment, wanted) != 0) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "--experiment: %s is a baseline of %s, not of %.80s", path,
                              baseline.experiment, wanted);
    }
    an_baseline_deinit(&baseline);
    return status;
}

static int check_verb(int argc, char **argv) {
    sim_args args;
    cg_error error;
    char baseline[PATH_BYTES];
    an_verdict verdict = AN_VERDICT_DIFFER;
    cg_status status = sim_args_parse(&sim_verb_check, argc, argv, &args, &error);
    if (status == CG_OK && args.help) {
        sim_args_help(&sim_verb_check, stdout);
        return SIM_EXIT_OK;
    }
    if (status == CG_OK) {
        status = find_baseline(&args, baseline, &error);
    }
    if (status == CG_OK) {
        status = check_experiment(&args, baseline, &error);
    }
    if (status == CG_OK) {
        status = an_check(args.operands[0], baseline, stdout, &verdict, &error);
    }
    if (status != CG_OK) {
        return sim_cli_fail(&error);
    }
    return verdict == AN_VERDICT_SAME ? SIM_EXIT_OK : SIM_EXIT_CHECK;
}

static int bless_verb(int argc, char **argv) {
    sim_args args;
    cg_error error;
    char baseline[PATH_BYTES];
    cg_status status = sim_args_parse(&sim_verb_bless, argc, argv, &args, &error);
    if (status == CG_OK && args.help) {
        sim_args_help(&sim_verb_bless, stdout);
        return SIM_EXIT_OK;
    }
    if (status == CG_OK) {
        status = find_baseline(&args, baseline, &error);
    }
    if (status == CG_OK) {
        status = an_bless(args.operands[0], baseline,
                          sim_args_value(&args, "--experiment", NULL), stdout, &error);
    }
    return status == CG_OK ? SIM_EXIT_OK : sim_cli_fail(&error);
}

const sim_verb sim_verb_check = {
    "check", "DB [BASELINE.tsv]", "compare a result database with a baseline", check_args, 1,
    2,       check_verb};
const sim_verb sim_verb_bless = {
    "bless", "DB [BASELINE.tsv]", "make a result database the baseline", check_args, 1,
    2,       bless_verb};
