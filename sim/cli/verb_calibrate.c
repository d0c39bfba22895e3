/* cortigrid calibrate: a cost profile of this machine. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/calibrate/calibrate.h"
#include "sim/cli/machine_profile.h"
#include "sim/cli/progress.h"
#include "sim/cli/verbs.h"
#include "sim/point/ground.h"

enum { PATH_BYTES = 1024, RUNS_MOST = 1000 };

static const sim_arg calibrate_args[] = {
    {"-o", "FILE", "the profile; default - (stdout)"},
    {"--folder", "DIR", "where the disk is measured; default that of FILE, or the current one"},
    {"--runs", "N", "of each request, of which the least time counts; default 7"},
    {"--no-requests", NULL, "leaves out whole requests, for which WordNet is needed"},
    {"--quiet", NULL, "does not say what is being measured"},
    {NULL, NULL, NULL},
};

/* --- shared with validate -------------------------------------------------- */

static void on_progress(void *context, const char *what) {
    sim_progress_now(context, what);
}

void sim_machine_options(sim_calibrate_options *options, sim_progress *progress) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    options->threads = cores < 1 ? 1 : cores > 64 ? 64 : (uint32_t)cores;
    options->progress = on_progress;
    options->progress_context = progress;
}

cg_status sim_machine_reference(sim_profile *out, cg_error *error) {
    char path[PATH_BYTES];
    return sim_profile_read(sim_cli_find("scenarios/profiles/reference.tsv", path, sizeof path),
                            out, error);
}

cg_status sim_machine_text(const sim_calibrate_options *options, char **text, cg_error *error) {
    sim_calibration *calibration = malloc(sizeof *calibration);
    sim_profile reference;
    if (!calibration) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to calibrate");
    }
    cg_status status = sim_machine_reference(&reference, error);
    if (status == CG_OK) {
        status = sim_calibrate(options, &reference, calibration, error);
    }
    if (status == CG_OK) {
        status = sim_calibration_format(calibration, &reference, text, error);
    }
    free(calibration);
    return status;
}

/* --- the verb -------------------------------------------------------------- */

/* Of FILE, or "." for stdout. */
static void folder_of(const char *file, char *folder, size_t capacity_bytes) {
    snprintf(folder, capacity_bytes, "%s", file);
    char *slash = strrchr(folder, '/');
    if (slash) {
        slash[slash == folder ? 1 : 0] = '\0';
    } else {
        snprintf(folder, capacity_bytes, ".");
    }
}

/* In a file beside it first, so that a profile that was there stays whole until the new one is. */
static cg_status write_text(const char *file, const char *text, cg_error *error) {
    char beside[PATH_BYTES + 8];
    snprintf(beside, sizeof beside, "%s.new", file);
    FILE *opened = fopen(beside, "w");
    if (!opened) {
        return cg_error_set(error, CG_ERROR_INVALID, "-o: %s cannot be written: %s", file,
                            strerror(errno));
    }
    bool is_written = fputs(text, opened) >= 0;
    is_written = fclose(opened) == 0 && is_written;
    if (!is_written || rename(beside, file) != 0) {
        cg_error_set(error, CG_ERROR_IO, "-o: %s cannot be written: %s", file, strerror(errno));
        (void)remove(beside);
        return CG_ERROR_IO;
    }
    return CG_OK;
}

static cg_status check_place(const char *file, const char *folder, cg_error *error) {
    if (strlen(file) >= PATH_BYTES || strlen(folder) >= PATH_BYTES - 32) {
        return cg_error_set(error, CG_ERROR_INVALID, "-o: the path is longer than %d bytes",
                            PATH_BYTES - 33);
    }
    if (access(folder, W_OK | X_OK) != 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "%s: no file can be made there: %s",
                            folder, strerror(errno));
    }
    return CG_OK;
}

static cg_status check_wordnet(const char *wordnet, cg_error *error) {
    sim_options *point = malloc(sizeof *point);
    if (!point) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a point's options");
    }
    sim_calibrate_point(wordnet, 1000, 1, point);
    cg_status status = sim_ground_check_files(point, error);
    free(point);
    if (status != CG_OK) {
        cg_error_prefix(error, "calibrate times requests of WordNet (--no-requests leaves them "
                               "out): ");
    }
    return status;
}

static cg_status execute(const sim_args *args, cg_error *error) {
    const char *file = sim_args_value(args, "-o", "-");
    const bool is_stdout = strcmp(file, "-") == 0;
    char folder[PATH_BYTES];
    folder_of(is_stdout ? "." : file, folder, sizeof folder);
    sim_progress progress;
    sim_progress_init(&progress, 0, sim_args_has(args, "--quiet"));
    sim_calibrate_options options = sim_calibrate_options_default();
    sim_machine_options(&options, &progress);
    options.folder = sim_args_value(args, "--folder", folder);
    options.wordnet = sim_args_has(args, "--no-requests") ? NULL : options.wordnet;
    char *text = NULL;
    uint64_t runs = options.runs;
    cg_status status = sim_args_number(args, "--runs", 1, RUNS_MOST, &runs, error);
    options.runs = (uint32_t)runs;
    if (status == CG_OK) {
        status = check_place(file, options.folder, error);
    }
    if (status == CG_OK && options.wordnet) {
        status = check_wordnet(options.wordnet, error);
    }
    if (status == CG_OK) {
        status = sim_machine_text(&options, &text, error);
    }
    sim_progress_finish(&progress);
    if (status == CG_OK && is_stdout) {
        fputs(text, stdout);
    } else if (status == CG_OK) {
        status = write_text(file, text, error);
    }
    free(text);
    return status;
}

static int calibrate_verb(int argc, char **argv) {
    sim_args args;
    cg_error error;
    cg_status status = sim_args_parse(&sim_verb_calibrate, argc, argv, &args, &error);
    if (status == CG_OK && args.help) {
        sim_args_help(&sim_verb_calibrate, stdout);
        return SIM_EXIT_OK;
    }
    if (status == CG_OK) {
        status = execute(&args, &error);
    }
    return status == CG_OK ? SIM_EXIT_OK : sim_cli_fail(&error);
}

const sim_verb sim_verb_calibrate = {
    "calibrate",    "", "measure this machine: a cost profile for run --profile",
    calibrate_args, 0,  0,
    calibrate_verb};
