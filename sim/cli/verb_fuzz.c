/* cortigrid fuzz: a search for faults that the engine does not bear. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/bug.h"
#include "engine/base/parallel.h"
#include "sim/cli/settings.h"
#include "sim/cli/verbs.h"
#include "sim/fuzz/scenario_text.h"
#include "sim/fuzz/search.h"
#include "sim/fuzz/shrink.h"
#include "sim/scenario/cluster_check.h"

enum { PATH_BYTES = 1024, SHOWN_MAX = 10, SHRUNK_MAX = 3, TRIES_MAX = 400, SIGNIFICANT = 24 };

static const sim_arg fuzz_args[] = {
    {"--seeds", "A..B", "draws a cluster, a load and faults for each of these seeds"},
    {"--seed", "N",
     "runs the scenario as it is, with this seed; default: what it states, or 1"},
    {"--jobs", "N", "processes; default: the cores of this machine"},
    {"--minutes", "M", "begins no further seed after so long"},
    {"--set", "PATH=VALUE", "sets an option of the scenario, before anything is drawn"},
    {"--twice", NULL, "runs every seed twice; otherwise one in sixteen"},
    {"--all", NULL, "goes on after a failure; otherwise ends at ten"},
    {"--no-shrink", NULL, "does not look for a smaller scenario that fails"},
    {"-o", "FOLDER", "where shrunk scenarios go; default: here"},
    {"--bug", "NAME", "makes a mistake on purpose (builds with CORTIGRID_BUGS only)"},
    {"--quiet", NULL, "no progress"},
    {NULL, NULL, NULL},
};

typedef struct fuzz {
    sim_args args;
    sim_plan *plan;
    sim_options *base;
    sim_profile profile;
    sim_ground *ground;
    sim_fuzz_options search;
    sim_search_result result;
    char sentence[SIM_SEARCH_SENTENCE_BYTES]; /* of the failure that is shrunk */
    struct timespec shown;
} fuzz;

/* --- command line -------------------------------------------------------------------------- */

static cg_status read_seeds(fuzz *self, cg_error *error) {
    const char *text = sim_args_value(&self->args, "--seeds", NULL);
    self->search.draws = text != NULL;
    if (!text) {
        uint64_t seed = 1;
        (void)sim_scenario_stated_seed(self->plan->source, &seed);
        cg_status status = sim_args_number(&self->args, "--seed", 0, UINT64_MAX, &seed, error);
        self->search.first = self->search.last = seed;
        return status;
    }
    char *end = NULL;
    errno = 0;
    self->search.first = self->search.last = strtoull(text, &end, 10);
    bool is_good = end != text && text[0] != '-';
    if (is_good && strncmp(end, "..", 2) == 0) {
        const char *second = end + 2;
        self->search.last = strtoull(second, &end, 10);
        is_good = end != second && second[0] != '-';
    }
    if (!is_good || *end != '\0' || errno != 0 || self->search.first > self->search.last ||
        sim_args_has(&self->args, "--seed")) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "--seeds takes a range such as 1..1000, in ascending order, and no "
                            "--seed beside it; not \"%s\"",
                            text);
    }
    return CG_OK;
}

static uint64_t machine_ns(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static cg_status read_bug(const fuzz *self, cg_error *error) {
    const char *name = sim_args_value(&self->args, "--bug", NULL);
    if (!name) {
        return CG_OK;
    }
    enum cg_bug bug = cg_bug_by_name(name);
    if (!cg_bug_compiled() || bug == CG_BUG_COUNT) {
        return cg_error_set(error, CG_ERROR_INVALID, "--bug %s: %s", name,
                            cg_bug_compiled()
                                ? "there is no bug of that name (engine/base/bug.h)"
                                : "this build has none; configure it with "
                                  "-DCORTIGRID_BUGS=ON");
    }
    cg_bug_set(bug);
    cg_bug_set_clock(machine_ns);
    return CG_OK;
}

static cg_status load(fuzz *self, cg_error *error) {
    static sim_settings settings; /* large, and borrowed by the plan's making */
    char file[PATH_BYTES];
    char library[PATH_BYTES];
    snprintf(library, sizeof library, "%s/scenarios/lib", sim_cli_root());
    cg_status status = sim_settings_read(&self->args, &settings, error);
    sim_scenario_request request = {.file =
                                        sim_cli_find(self->args.operands[0], file, sizeof file),
                                    .library = library,
                                    .settings = settings.items,
                                    .setting_count = settings.count,
                                    .seed = 1};
    if (status == CG_OK) {
        status = sim_scenario_plan(&request, &self->plan, error);
    }
    if (status == CG_OK && self->plan->point_count != 1) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "fuzz: %s has %u points; a search takes one, on which it draws",
                              self->args.operands[0], self->plan->point_count);
    }
    self->base = calloc(1, sizeof *self->base);
    if (status == CG_OK && !self->base) {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory for a point's options");
    }
    if (status == CG_OK) {
        status = sim_options_parse(self->plan->points[0].options_text, self->base, error);
    }
    if (status == CG_OK && !sim_graph_has_texts(self->base->graph.source)) {
        status =
            cg_error_set(error, CG_ERROR_INVALID,
                         "fuzz: %s has a graph without texts; facts need a graph with texts, "
                         "such as graph.source wordnet",
                         self->args.operands[0]);
    }
    if (status == CG_OK && (self->base->cluster.topology != SIM_TOPOLOGY_STAR ||
                            sim_cluster_has_platform(&self->base->cluster))) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "fuzz: %s has a cluster.topology or a cluster.platform; a search "
                              "draws its clusters, which are stars",
                              self->args.operands[0]);
    }
    return status;
}

/* Hours later would be too late to find out. */
static cg_status check_folder(const fuzz *self, cg_error *error) {
    const char *folder = sim_args_value(&self->args, "-o", ".");
    struct stat found;
    errno = 0;
    if (stat(folder, &found) == 0 && !S_ISDIR(found.st_mode)) {
        errno = ENOTDIR;
    }
    if (errno != 0 || access(folder, W_OK | X_OK) != 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "-o: no scenario can be written to %s: %s",
                            folder, strerror(errno));
    }
    return CG_OK;
}

static cg_status prepare(fuzz *self, cg_error *error) {
    char file[PATH_BYTES];
    cg_status status = check_folder(self, error);
    if (status == CG_OK) {
        status = sim_profile_read(sim_cli_find(self->base->profile, file, sizeof file),
                                  &self->profile, error);
    }
    if (status == CG_OK) {
        const cg_runner runner = cg_runner_serial(); /* processes are forked from this one */
        status = sim_ground_build(self->base, &runner, NULL, NULL, &self->ground, error);
    }
    self->search.base = self->base;
    self->search.ground = self->ground;
    self->search.profile = &self->profile;
    return status;
}

/* --- what was found -------------------------------------------------------------------------- */

static void show_progress(void *context, uint64_t done, uint64_t failed) {
    fuzz *self = context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec == self->shown.tv_sec) {
        return;
    }
    self->shown = now;
    fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " failed ", done,
            self->search.last - self->search.first + 1, failed);
}

/* Numbers differ from run to run; the words in front of the first few say what it is about. */
static bool fails_alike(const char *one, const char *other) {
    int compared = 0;
    for (; compared < SIGNIFICANT; ++compared, ++one, ++other) {
        while (*one && (*one < 'a' || *one > 'z')) {
            one++;
        }
        while (*other && (*other < 'a' || *other > 'z')) {
            other++;
        }
        if (*one != *other || !*one) {
            return *one == *other;
        }
    }
    return true;
}

/* What is violated, without when. */
static const char *core_of(const char *sentence) {
    const char *colon = strncmp(sentence, "at ", 3) == 0 ? strstr(sentence, ": ") : NULL;
    return colon ? colon + 2 : sentence;
}

static bool fails(void *context, const sim_options *point) {
    fuzz *self = context;
    cg_error error;
    bool is_twice = strncmp(self->sentence, "the same run again", 18) == 0;
    return sim_search_try(&self->search, point, is_twice, &error) != CG_OK &&
           fails_alike(core_of(self->sentence), core_of(error.message));
}

static void shrink(fuzz *self, const sim_search_failure *failure) {
    sim_options *point = calloc(1, sizeof *point);
    if (!point) {
        return;
    }
    sim_search_point(&self->search, failure->seed, point);
    snprintf(self->sentence, sizeof self->sentence, "%s", failure->sentence);
    sim_shrink_options options = {fails, self, TRIES_MAX};
    uint32_t tries = sim_shrink(&options, point);
    char name[SIM_SEARCH_SENTENCE_BYTES];
    char path[PATH_BYTES];
    snprintf(name, sizeof name, "%.40s-seed%" PRIu64, self->plan->name, failure->seed);
    snprintf(path, sizeof path, "%s/%s.lua", sim_args_value(&self->args, "-o", "."), name);
    FILE *file = fopen(path, "w");
    if (!file) {
        fprintf(stderr, "cortigrid: %s cannot be written: %s\n", path, strerror(errno));
        free(point);
        return;
    }
    cg_error error;
    char question[SIM_SEARCH_SENTENCE_BYTES + 64];
    snprintf(question, sizeof question, "A fault search found: %s", failure->sentence);
    sim_scenario_text text = {name, question, failure->seed};
    if (sim_scenario_write(&text, point, file, &error) != CG_OK) {
        (void)sim_cli_fail(&error);
    } else {
        printf(
            "  shrunk in %u tries to %u faults, %u hosts and %u requests: cortigrid fuzz %s\n",
            tries, point->fault_count, point->cluster.hosts, point->load.requests, path);
    }
    fclose(file);
    free(point);
}

static void print_failures(fuzz *self) {
    const char *bug = sim_args_value(&self->args, "--bug", NULL);
    for (uint32_t i = 0; i < self->result.failure_count && i < SHOWN_MAX; ++i) {
        const sim_search_failure *failure = &self->result.failures[i];
        printf("seed %" PRIu64 ": %s\n", failure->seed, failure->sentence);
        if (!self->search.draws) {
            continue;
        }
        printf("  again: cortigrid fuzz %s --seeds %" PRIu64 "..%" PRIu64 "%s%s%s\n",
               self->args.operands[0], failure->seed, failure->seed,
               self->search.twice ? " --twice" : "", bug ? " --bug " : "", bug ? bug : "");
        fflush(stdout);
        if (!sim_args_has(&self->args, "--no-shrink") && i < SHRUNK_MAX) {
            shrink(self, failure);
        }
    }
}

static int report(fuzz *self) {
    const sim_search_result *result = &self->result;
    uint64_t wanted = self->search.last - self->search.first + 1;
    if (!sim_args_has(&self->args, "--quiet")) {
        fprintf(stderr, "\r%60s\r", "");
    }
    print_failures(self);
    printf("%" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " failed; fingerprint %016" PRIx64 "\n",
           result->done, wanted, result->failed, result->fingerprint);
    sim_fuzz_counts_print(&result->counts, stdout);
    if (result->interrupted) {
        return SIM_EXIT_INTERRUPTED;
    }
    return result->failed > 0 ? SIM_EXIT_CHECK : SIM_EXIT_OK;
}

static int execute(fuzz *self) {
    cg_error error;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t jobs = cores < 1 ? 1 : (uint64_t)cores;
    uint64_t minutes = 0;
    cg_status status =
        sim_args_number(&self->args, "--jobs", 1, SIM_SEARCH_JOBS_MAX, &jobs, &error);
    if (status == CG_OK) {
        status = sim_args_number(&self->args, "--minutes", 1, 100000, &minutes, &error);
    }
    if (status == CG_OK) {
        status = read_bug(self, &error);
    }
    if (status == CG_OK) {
        status = load(self, &error);
    }
    if (status == CG_OK) {
        status = read_seeds(self, &error);
    }
    if (status == CG_OK) {
        status = prepare(self, &error);
    }
    if (status == CG_OK) {
        self->search.jobs = (uint32_t)jobs;
        self->search.seconds_max = minutes * 60;
        self->search.twice = sim_args_has(&self->args, "--twice");
        self->search.failures_max = sim_args_has(&self->args, "--all") ? 0 : SHOWN_MAX;
        self->search.progress = sim_args_has(&self->args, "--quiet") ? NULL : show_progress;
        self->search.progress_context = self;
        status = sim_search(&self->search, &self->result, &error);
    }
    return status == CG_OK ? report(self) : sim_cli_fail(&error);
}

static int run_verb(int argc, char **argv) {
    fuzz *self = calloc(1, sizeof *self);
    cg_error error;
    if (!self) {
        cg_error_set(&error, CG_ERROR_MEMORY, "no memory for a search");
        return sim_cli_fail(&error);
    }
    int exit_status = SIM_EXIT_OK;
    if (sim_args_parse(&sim_verb_fuzz, argc, argv, &self->args, &error) != CG_OK) {
        exit_status = sim_cli_fail(&error);
    } else if (self->args.help) {
        sim_args_help(&sim_verb_fuzz, stdout);
    } else {
        exit_status = execute(self);
    }
    sim_ground_free(self->ground);
    sim_plan_free(self->plan);
    free(self->base);
    free(self);
    return exit_status;
}

const sim_verb sim_verb_fuzz = {
    "fuzz",    "FILE.lua", "search for faults that are not borne: many seeds, with checkers",
    fuzz_args, 1,          1,
    run_verb};
