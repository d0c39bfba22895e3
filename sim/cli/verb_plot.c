/* cortigrid plot: figures from a result database. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/plot/plot.h"
#include "analysis/table/database.h"
#include "sim/cli/verbs.h"

enum { PATH_BYTES = 1024 };

static const sim_arg plot_args[] = {
    {"--experiment", "NAME", "which one, where the database holds several"},
    {"--view", "NAME", "one of the scenario's plots; default all of them"},
    {"--where", "FACTOR=VALUE", "only these points; may be repeated"},
    {"--out", "FOLDER", "where the figures go; default the folder figures beside the database"},
    {NULL, NULL, NULL},
};

cg_status sim_cli_figure_folder(const char *database, const char *given, char *folder,
                                size_t capacity_bytes, cg_error *error) {
    if (given) {
        snprintf(folder, capacity_bytes, "%s", given);
        return CG_OK;
    }
    const char *slash = strrchr(database, '/');
    size_t length = slash ? (size_t)(slash - database) + 1 : 0;
    snprintf(folder, capacity_bytes, "%.*sfigures", (int)length, database);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return cg_error_set(error, CG_ERROR_IO, "cannot make the folder %s for the figures: %s",
                            folder, strerror(errno));
    }
    return CG_OK;
}

/* A folder is made only for a database that has something to draw from. */
static cg_status check_database(const sim_args *args, cg_error *error) {
    an_database database;
    cg_status status = an_database_open(
        args->operands[0], sim_args_value(args, "--experiment", NULL), &database, error);
    if (status == CG_OK) {
        an_database_close(&database);
    }
    return status;
}

static int plot_verb(int argc, char **argv) {
    sim_args args;
    cg_error error;
    cg_status status = sim_args_parse(&sim_verb_plot, argc, argv, &args, &error);
    if (status == CG_OK && args.help) {
        sim_args_help(&sim_verb_plot, stdout);
        return SIM_EXIT_OK;
    }
    char folder[PATH_BYTES];
    const char *where[SIM_ARGS_VALUES_MAX];
    if (status == CG_OK) {
        status = check_database(&args, &error);
    }
    if (status == CG_OK) {
        status = sim_cli_figure_folder(args.operands[0], sim_args_value(&args, "--out", NULL),
                                       folder, sizeof folder, &error);
    }
    if (status == CG_OK) {
        an_plot_options options = {
            .experiment = sim_args_value(&args, "--experiment", NULL),
            .view = sim_args_value(&args, "--view", NULL),
            .where = where,
            .where_count = sim_args_values(&args, "--where", where),
            .folder = folder,
        };
        status = an_plot_draw(args.operands[0], &options, stdout, &error);
    }
    return status == CG_OK ? SIM_EXIT_OK : sim_cli_fail(&error);
}

const sim_verb sim_verb_plot = {
    "plot", "DB", "draw the figures of a result database", plot_args, 1, 1, plot_verb};
