/* cortigrid run: a scenario in, a database, tables and figures out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/plot/plot.h"
#include "analysis/table/table.h"
#include "engine/base/hash.h"
#include "sim/cli/alone.h"
#include "sim/cli/judge.h"
#include "sim/cli/keep.h"
#include "sim/cli/provenance.h"
#include "sim/cli/settings.h"
#include "sim/cli/sweep.h"
#include "sim/cli/verbs.h"
#include "sim/point/engine_options.h"
#include "sim/point/ground.h"
#include "sim/point/topology_options.h"
#include "sim/record/recorder.h"
#include "sim/scenario/cluster_check.h"
#include "sim/trace/timeline.h"

enum { PATH_BYTES = 1024, SEED_DEFAULT = 1, TERMINAL_WIDTH = 110, SMALL_SAMPLE = 1000 };

static const sim_arg run_args[] = {
    {"-o", "DB", "the result database; default results/NAME.db"},
    {"--set", "PATH=VALUE", "sets an option of every point, applied last; may be repeated"},
    {"--profile", "FILE",
     "the cost profile of every point, for example of cortigrid calibrate"},
    {"--jobs", "N", "points at a time; default: the cores of this machine"},
    {"--seed", "N", "seed of the whole run; default 1"},
    {"--list", NULL, "prints the points without running them"},
    {"--point", "N", "runs this point alone (--list has the numbers) and stores nothing"},
    {"--trace", "FILE", "runs one point and writes its timeline, for ui.perfetto.dev"},
    {"--trace-limit", "N", "most events in the trace; default 2000000"},
    {"--events", "FILE", "runs one point and writes a line an event (-: to stdout)"},
    {"--quiet", NULL, "no progress, no tables and no figures"},
    {NULL, NULL, NULL},
};

typedef struct run {
    sim_args args;
    sim_plan *plan;
    sim_options *points;
    sim_profile *profiles;
    char library[PATH_BYTES];
    char database[PATH_BYTES];
    uint64_t jobs;
    uint64_t seed;
    uint64_t topology_hash; /* of the files that topologies are from; 0: none */
} run;

static cg_status load_plan(run *self, cg_error *error) {
    static sim_settings settings; /* large, and borrowed by the plan's making */
    char file[PATH_BYTES];
    snprintf(self->library, sizeof self->library, "%s/scenarios/lib", sim_cli_root());
    sim_scenario_request request = {
        .file = sim_cli_find(self->args.operands[0], file, sizeof file),
        .library = self->library,
        .settings = settings.items,
        .seed = self->seed,
    };
    cg_status status = sim_settings_read(&self->args, &settings, error);
    const char *profile = sim_args_value(&self->args, "--profile", NULL);
    if (status == CG_OK && profile) { /* there is room: it took the place of a --set */
        settings.items[settings.count++] = (sim_scenario_setting){"profile", profile};
    }
    request.setting_count = settings.count;
    return status == CG_OK ? sim_scenario_plan(&request, &self->plan, error) : status;
}

static bool is_same_graph(const sim_options *one, const sim_options *other) {
    return one->graph.source == other->graph.source &&
           strcmp(one->graph.path, other->graph.path) == 0;
}

/* Reads the graph's files once, of WordNet for a small sample, so that a damaged one is found now. */
static cg_status check_graph(const sim_options *options, cg_error *error) {
    sim_options *small = malloc(sizeof *small);
    if (!small) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a point's options");
    }
    *small = *options;
    if (small->graph.source == SIM_GRAPH_KEYS || small->graph.source == SIM_GRAPH_SYNTHETIC) {
        free(small);
        return CG_OK; /* there is no file */
    }
    small->graph.parts = 1;
    small->graph.nodes = SMALL_SAMPLE;
    small->graph.held_out = 1;
    small->engine.training = 0;
    small->engine.dims = 32;
    small->engine.index = SIM_INDEX_FLAT;
    cg_runner runner = cg_runner_serial();
    sim_ground *ground = NULL;
    cg_status status = sim_ground_build(small, &runner, NULL, NULL, &ground, error);
    if (status == CG_OK) {
        sim_ground_free(ground);
    }
    free(small);
    return status;
}

static cg_status check_size(const sim_options *options, cg_error *error) {
    if (sim_graph_has_texts(options->graph.source) &&
        options->graph.nodes > CG_WORDNET_SYNSETS) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "graph.nodes: %u is more than the %d concepts of WordNet; use "
                            "\"all\" for all of them",
                            options->graph.nodes, (int)CG_WORDNET_SYNSETS);
    }
    return sim_ground_check_memory(options, error);
}

static bool has_same_files(const sim_cluster_options *left, const sim_cluster_options *right) {
    return sim_cluster_is_measured(left) && left->topology == right->topology &&
           left->hosts == right->hosts && strcmp(left->platform, right->platform) == 0 &&
           strcmp(left->regions.file, right->regions.file) == 0 &&
           strcmp(left->regions.names, right->regions.names) == 0;
}

/* Reads its files, unless the point before had the same. */
static cg_status check_topology(run *self, const sim_options *options,
                                const sim_options *before, cg_error *error) {
    if (before && has_same_files(&options->cluster, &before->cluster)) {
        return CG_OK;
    }
    sim_topology topology;
    uint64_t hash = 0;
    cg_status status = sim_topology_of_options(options, cg_allocator_heap(), &topology, error);
    if (status == CG_OK) {
        sim_topology_deinit(&topology);
        status = sim_topology_file_hash(options, &hash, error);
    }
    if (hash != 0) {
        self->topology_hash = cg_hash_u64(hash, self->topology_hash);
    }
    return status;
}

/* Everything that can be known to be wrong is found here, before anything is written. with_graphs: also
 * what the graphs' files hold. */
static cg_status check_points(run *self, bool with_graphs, cg_error *error) {
    uint32_t count = self->plan->point_count;
    self->points = calloc(count, sizeof *self->points);
    self->profiles = calloc(count, sizeof *self->profiles);
    if (!self->points || !self->profiles) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u points", count);
    }
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < count; ++i) {
        char path[PATH_BYTES];
        status = sim_options_parse(self->plan->points[i].options_text, &self->points[i], error);
        if (status == CG_OK) {
            sim_cli_find_files(&self->points[i]);
            status = check_topology(self, &self->points[i], i > 0 ? &self->points[i - 1] : NULL,
                                    error);
        }
        if (status == CG_OK && i > 0 &&
            strcmp(self->points[i].profile, self->points[i - 1].profile) == 0) {
            self->profiles[i] = self->profiles[i - 1];
        } else if (status == CG_OK) {
            sim_cli_find(self->points[i].profile, path, sizeof path);
            status = sim_profile_read(path, &self->profiles[i], error);
        }
        if (status == CG_OK) {
            status = sim_ground_check_files(&self->points[i], error);
        }
        if (status == CG_OK) {
            status = check_size(&self->points[i], error);
        }
        if (status == CG_OK) {
            status = sim_engine_check(&self->points[i], error);
        }
    }
    for (uint32_t i = 0; status == CG_OK && with_graphs && i < count; ++i) {
        if (i == 0 || !is_same_graph(&self->points[i], &self->points[i - 1])) {
            status = check_graph(&self->points[i], error);
        }
    }
    return status;
}

static void list_points(const sim_plan *plan) {
    printf("point\trepetition");
    for (uint32_t i = 0; i < plan->factor_count; ++i) {
        printf("\t%s", plan->factors[i].name);
    }
    printf("\n");
    for (uint32_t p = 0; p < plan->point_count; ++p) {
        printf("%u\t%u", plan->points[p].index, plan->points[p].repetition);
        for (uint32_t i = 0; i < plan->factor_count; ++i) {
            printf("\t%s", plan->factors[i].values[plan->points[p].value_index[i]]);
        }
        printf("\n");
    }
}

static cg_status choose_database(run *self, cg_error *error) {
    const char *given = sim_args_value(&self->args, "-o", NULL);
    int length = given ? snprintf(self->database, sizeof self->database, "%s", given)
                       : snprintf(self->database, sizeof self->database, "%s/results/%s.db",
                                  sim_cli_root(), self->plan->name);
    if (length < 0 || (size_t)length >= sizeof self->database) {
        return cg_error_set(error, CG_ERROR_INVALID, "-o: the path is longer than %d bytes",
                            PATH_BYTES - 1);
    }
    char folder[PATH_BYTES];
    snprintf(folder, sizeof folder, "%s", self->database);
    char *slash = strrchr(folder, '/');
    if (slash && slash != folder) {
        *slash = '\0';
    } else {
        snprintf(folder, sizeof folder, slash ? "/" : ".");
    }
    struct stat info;
    if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "-o: there is no folder %s to put the results into", folder);
    }
    if (stat(self->database, &info) == 0 && S_ISDIR(info.st_mode)) {
        return cg_error_set(error, CG_ERROR_INVALID, "-o: %s is a folder; name a file in it",
                            self->database);
    }
    return CG_OK;
}

static bool has_views(const run *self, bool plots) {
    for (uint32_t i = 0; i < self->plan->view_count; ++i) {
        if (self->plan->views[i].is_plot == plots) {
            return true;
        }
    }
    return false;
}

/* With the claims behind the tables. */
static cg_status show_tables(const run *self, cg_error *error) {
    an_table_options table = {.format = AN_FORMAT_TEXT,
                              .experiment = self->plan->name,
                              .view = has_views(self, false) ? NULL : "claims",
                              .width = isatty(STDOUT_FILENO) ? TERMINAL_WIDTH : 0};
    return an_table_print(self->database, &table, stdout, error);
}

static cg_status show_figures(const run *self, cg_error *error) {
    char folder[PATH_BYTES];
    cg_status status =
        sim_cli_figure_folder(self->database, NULL, folder, sizeof folder, error);
    if (status == CG_OK) {
        an_plot_options plot = {.experiment = self->plan->name, .folder = folder};
        status = an_plot_draw(self->database, &plot, stdout, error);
    }
    return status;
}

/* The exit status: a column that no point states is a mistake in the scenario, a figure that
 * cannot be drawn is the machine's. The results are stored by now. */
static int show(const run *self) {
    cg_error error;
    bool any = has_views(self, false) || self->plan->claim_count > 0;
    if (any && show_tables(self, &error) != CG_OK) {
        return sim_cli_fail(&error);
    }
    if (has_views(self, true) && show_figures(self, &error) != CG_OK) {
        (void)sim_cli_fail(&error);
        return SIM_EXIT_FAILED;
    }
    return SIM_EXIT_OK;
}

static int finish(run *self, const sim_sweep_result *result) {
    cg_error error;
    uint32_t total = self->plan->point_count;
    if (result->interrupted) {
        fprintf(stderr, "cortigrid: interrupted; %u of %u points are finished and in %s\n",
                result->done + result->failed, total, self->database);
        return SIM_EXIT_INTERRUPTED;
    }
    uint64_t fingerprint = 0;
    if (sim_cli_finish(self->database, self->plan, &fingerprint, &error) != CG_OK) {
        return sim_cli_fail(&error);
    }
    int exit_status = SIM_EXIT_OK;
    if (!sim_args_has(&self->args, "--quiet")) {
        exit_status = result->done > 0 ? show(self) : SIM_EXIT_OK;
        fprintf(stderr, "cortigrid: %u of %u points in %s, fingerprint %016llx\n", result->done,
                total, self->database, (unsigned long long)fingerprint);
    }
    if (result->failed > 0) {
        fprintf(stderr,
                "cortigrid: %u of %u points failed; their reasons: cortigrid table %s\n",
                result->failed, total, self->database);
        return SIM_EXIT_FAILED;
    }
    return exit_status;
}

static cg_status begin(run *self, cg_error *error) {
    char kept[PATH_BYTES + 64];
    cg_status status =
        sim_keep_earlier(self->database, self->plan->name, kept, sizeof kept, error);
    if (status == CG_OK && kept[0] && !sim_args_has(&self->args, "--quiet")) {
        fprintf(stderr, "cortigrid: the earlier run is kept as %s\n", kept);
    }
    sim_provenance_list provenance;
    sim_provenance_collect(self->plan, self->profiles, self->seed, &provenance);
    sim_provenance_add_topologies(self->topology_hash, &provenance);
    return status == CG_OK ? sim_recorder_begin(self->database, self->plan, provenance.items,
                                                provenance.count, error)
                           : status;
}

/* --- one point ------------------------------------------------------------- */

static bool wants_one_point(const run *self) {
    return sim_args_has(&self->args, "--point") || sim_args_has(&self->args, "--trace") ||
           sim_args_has(&self->args, "--events");
}

/* What the option writes does not take the scenario's own place. */
static cg_status check_output(const run *self, const char *option, cg_error *error) {
    const char *scenario = self->args.operands[0];
    const char *path = sim_args_value(&self->args, option, NULL);
    struct stat written;
    struct stat read;
    if (path && stat(path, &written) == 0 && stat(scenario, &read) == 0 &&
        written.st_dev == read.st_dev && written.st_ino == read.st_ino) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s: %s is the scenario itself; name another file", option, path);
    }
    return CG_OK;
}

static cg_status choose_point(const run *self, uint64_t *point, cg_error *error) {
    uint32_t count = self->plan->point_count;
    if (sim_args_has(&self->args, "-o")) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "run: one point alone stores nothing; leave out -o, or --point, "
                            "--trace and --events");
    }
    if (sim_args_has(&self->args, "--trace") && sim_args_has(&self->args, "--events")) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "run: --trace and --events are for two runs; leave out one");
    }
    cg_status status = check_output(self, "--trace", error);
    status = status == CG_OK ? check_output(self, "--events", error) : status;
    if (status != CG_OK) {
        return status;
    }
    if (!sim_args_has(&self->args, "--point") && count > 1) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "run: %s needs one point, and %s has %u; choose with --point 0 to "
                            "--point %u (--list says what each is)",
                            sim_args_has(&self->args, "--trace") ? "--trace" : "--events",
                            self->args.operands[0], count, count - 1);
    }
    *point = 0;
    return sim_args_number(&self->args, "--point", 0, count - 1, point, error);
}

static int run_one(const run *self, uint64_t point) {
    uint64_t limit = SIM_TIMELINE_LIMIT_DEFAULT;
    cg_error error;
    if (sim_args_number(&self->args, "--trace-limit", 1, UINT64_MAX, &limit, &error) != CG_OK) {
        return sim_cli_fail(&error);
    }
    sim_alone_options alone = {
        .plan = self->plan,
        .point = (uint32_t)point,
        .options = &self->points[point],
        .profile = &self->profiles[point],
        .library = self->library,
        .threads = (uint32_t)self->jobs,
        .trace = sim_args_value(&self->args, "--trace", NULL),
        .trace_limit = limit,
        .events = sim_args_value(&self->args, "--events", NULL),
        .quiet = sim_args_has(&self->args, "--quiet"),
    };
    return sim_alone_run(&alone);
}

static int execute(run *self) {
    cg_error error;
    cg_status status = load_plan(self, &error);
    if (status == CG_OK && sim_args_has(&self->args, "--list")) {
        list_points(self->plan);
        return SIM_EXIT_OK;
    }
    uint64_t point = 0;
    bool one = wants_one_point(self);
    if (status == CG_OK && one) {
        status = choose_point(self, &point, &error);
    }
    if (status == CG_OK) {
        status = check_points(self, !one, &error); /* one point builds its graph at once */
    }
    if (status == CG_OK && one) {
        return run_one(self, point);
    }
    if (status == CG_OK) {
        status = choose_database(self, &error);
    }
    if (status == CG_OK) {
        status = begin(self, &error);
    }
    if (status != CG_OK) {
        return sim_cli_fail(&error);
    }
    sim_sweep_options options = {
        .plan = self->plan,
        .points = self->points,
        .profiles = self->profiles,
        .library = self->library,
        .database = self->database,
        .jobs = (uint32_t)self->jobs,
        .quiet = sim_args_has(&self->args, "--quiet"),
    };
    sim_sweep_result result;
    status = sim_sweep(&options, &result, &error);
    return status == CG_OK ? finish(self, &result) : sim_cli_fail(&error);
}

static int run_verb(int argc, char **argv) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    run self = {.jobs = cores < 1 ? 1 : (uint64_t)cores, .seed = SEED_DEFAULT};
    self.jobs = self.jobs < SIM_JOBS_MAX ? self.jobs : SIM_JOBS_MAX;
    cg_error error;
    cg_status status = sim_args_parse(&sim_verb_run, argc, argv, &self.args, &error);
    if (status == CG_OK && self.args.help) {
        sim_args_help(&sim_verb_run, stdout);
        return SIM_EXIT_OK;
    }
    if (status == CG_OK) {
        status = sim_args_number(&self.args, "--jobs", 1, SIM_JOBS_MAX, &self.jobs, &error);
    }
    if (status == CG_OK) {
        status = sim_args_number(&self.args, "--seed", 0, UINT64_MAX, &self.seed, &error);
    }
    if (status != CG_OK) {
        return sim_cli_fail(&error);
    }
    int exit_status = execute(&self);
    sim_plan_free(self.plan);
    free(self.points);
    free(self.profiles);
    return exit_status;
}

const sim_verb sim_verb_run = {
    "run", "FILE.lua", "run a scenario: every point of its sweep", run_args, 1, 1, run_verb};
