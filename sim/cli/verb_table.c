/* cortigrid table: tables from a result database. */
#include <unistd.h>

#include "analysis/table/database.h"
#include "analysis/table/table.h"
#include "sim/cli/verbs.h"

enum { TERMINAL_WIDTH = 110 };

static const sim_arg table_args[] = {
    {"--format", "F", "text, csv, json or markdown; default text"},
    {"--experiment", "NAME", "which one, where the database holds several"},
    {"--view", "NAME", "one of the scenario's tables, or claims; default all of them"},
    {"--columns", "LIST",
     "metric:statistic,... instead of a view; for example latency:p99,energy:total"},
    {"--where", "FACTOR=VALUE", "only these points; may be repeated"},
    {"--fingerprint", NULL, "prints the fingerprint of the database instead"},
    {NULL, NULL, NULL},
};

static cg_status print_fingerprint(const sim_args *args, cg_error *error) {
    an_database database;
    cg_status status = an_database_open(
        args->operands[0], sim_args_value(args, "--experiment", NULL), &database, error);
    if (status != CG_OK) {
        return status;
    }
    if (database.fingerprint[0]) {
        printf("%s\n", database.fingerprint);
    } else {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "%s: the run of %s has not finished, so it has no fingerprint",
                              args->operands[0], database.experiment);
    }
    an_database_close(&database);
    return status;
}

static int table_verb(int argc, char **argv) {
    sim_args args;
    cg_error error;
    cg_status status = sim_args_parse(&sim_verb_table, argc, argv, &args, &error);
    if (status == CG_OK && args.help) {
        sim_args_help(&sim_verb_table, stdout);
        return SIM_EXIT_OK;
    }
    const char *where[SIM_ARGS_VALUES_MAX];
    an_table_options options = {.width = isatty(STDOUT_FILENO) ? TERMINAL_WIDTH : 0};
    if (status == CG_OK) {
        options.experiment = sim_args_value(&args, "--experiment", NULL);
        options.view = sim_args_value(&args, "--view", NULL);
        options.columns = sim_args_value(&args, "--columns", NULL);
        options.where = where;
        options.where_count = sim_args_values(&args, "--where", where);
        status =
            an_format_parse(sim_args_value(&args, "--format", "text"), &options.format, &error);
    }
    if (status == CG_OK) {
        status = sim_args_has(&args, "--fingerprint")
                     ? print_fingerprint(&args, &error)
                     : an_table_print(args.operands[0], &options, stdout, &error);
    }
    return status == CG_OK ? SIM_EXIT_OK : sim_cli_fail(&error);
}

const sim_verb sim_verb_table = {
    "table", "DB", "print the tables of a result database", table_args, 1, 1, table_verb};
