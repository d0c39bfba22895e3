/* cortigrid explain: one text in, and out comes where it goes and why.
 *
 * The engine is that of a point before its first fact: the graph and index of the options, with
 * the training that they ask for. What can be wrong with the text is found before the graph is
 * built, which may take a minute.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/progress.h"
#include "sim/cli/settings.h"
#include "sim/cli/verbs.h"
#include "sim/explain/explain.h"
#include "sim/point/engine_options.h"
#include "sim/point/ground.h"
#include "sim/point/thread_runner.h"

enum { PATH_BYTES = 1024, SEED_DEFAULT = 1 };

static const sim_arg explain_args[] = {
    {"--set", "PATH=VALUE", "sets an option, applied last; for example graph.nodes=10K"},
    {"--json", NULL, "one JSON object instead of a report"},
    {"--quiet", NULL, "no progress"},
    {NULL, NULL, NULL},
};

typedef struct explain {
    sim_args args;
    const char *scenario; /* NULL: default options */
    char *text;
    size_t text_bytes;
    sim_options *options;
} explain;

/* --- The text. --- */

static bool is_scenario(const char *operand) {
    size_t length = strlen(operand);
    return length > 4 && strcmp(operand + length - 4, ".lua") == 0;
}

static cg_status read_operands(explain *self, const char **text, cg_error *error) {
    const sim_args *args = &self->args;
    *text = args->operands[args->operand_count - 1];
    if (args->operand_count == 1 && is_scenario(*text)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "explain: there is no text behind %.200s; usage: cortigrid explain "
                            "[options] [FILE.lua] TEXT",
                            *text);
    }
    if (args->operand_count > 2 ||
        (args->operand_count == 2 && !is_scenario(args->operands[0]))) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "explain: the text must be one operand; put it in quotes, or give "
                            "- and the text on standard input");
    }
    self->scenario = args->operand_count == 2 ? args->operands[0] : NULL;
    return CG_OK;
}

/* Without the newline that ends it. */
static cg_status read_input(explain *self, cg_error *error) {
    enum { NEWLINE_BYTES = 2 };
    size_t capacity = (size_t)CG_TEXT_BYTES_MAX + NEWLINE_BYTES + 1;
    self->text = malloc(capacity);
    if (!self->text) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a text");
    }
    errno = 0;
    size_t used = fread(self->text, 1, capacity, stdin);
    if (ferror(stdin)) {
        return cg_error_set(error, CG_ERROR_IO, "cannot read the text from standard input: %s",
                            strerror(errno));
    }
    bool whole = used < capacity;
    used -= whole && used > 0 && self->text[used - 1] == '\n';
    used -= whole && used > 0 && self->text[used - 1] == '\r';
    if (used > CG_TEXT_BYTES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the text on standard input is longer than %d bytes",
                            (int)CG_TEXT_BYTES_MAX);
    }
    self->text_bytes = used;
    return CG_OK;
}

/* Whether any engine would take the text. */
static cg_status check_text(const explain *self, cg_error *error) {
    const cg_embed_options options = {.dims = CG_DIMS_MIN, .feature_bits = 10, .seed = 1};
    cg_embedder *embedder = NULL;
    cg_embedding embedding;
    cg_status status = cg_embedder_alloc(&options, cg_allocator_heap(), &embedder, error);
    if (status == CG_OK) {
        status = cg_embedder_freeze(embedder, error);
    }
    if (status == CG_OK) {
        status = cg_embed(embedder, self->text, self->text_bytes, &embedding, NULL, error);
    }
    cg_embedder_free(embedder);
    return status;
}

static cg_status read_text(explain *self, cg_error *error) {
    const char *given = NULL;
    cg_status status = read_operands(self, &given, error);
    if (status != CG_OK) {
        return status;
    }
    if (strcmp(given, "-") == 0) {
        status = read_input(self, error);
    } else {
        self->text_bytes = strlen(given);
        self->text = strdup(given);
        if (!self->text) {
            status = cg_error_set(error, CG_ERROR_MEMORY, "no memory for a text");
        }
    }
    return status == CG_OK ? check_text(self, error) : status;
}

/* --- The options. --- */

static cg_status read_scenario(explain *self, const sim_settings *settings, cg_error *error) {
    char file[PATH_BYTES];
    char library[PATH_BYTES];
    snprintf(library, sizeof library, "%s/scenarios/lib", sim_cli_root());
    sim_scenario_request request = {
        .file = sim_cli_find(self->scenario, file, sizeof file),
        .library = library,
        .settings = settings->items,
        .setting_count = settings->count,
        .seed = SEED_DEFAULT,
    };
    sim_plan *plan = NULL;
    cg_status status = sim_scenario_plan(&request, &plan, error);
    if (status == CG_OK) {
        status = sim_options_parse(plan->points[0].options_text, self->options, error);
    }
    sim_plan_free(plan);
    return status;
}

static cg_status read_defaults(explain *self, const sim_settings *settings, cg_error *error) {
    cg_status status = CG_OK;
    sim_options_default(self->options);
    for (uint32_t i = 0; status == CG_OK && i < settings->count; ++i) {
        status = sim_options_set(self->options, settings->items[i].path,
                                 settings->items[i].value, error);
        if (status != CG_OK) {
            cg_error_prefix(error, "--set: ");
        }
    }
    return status == CG_OK ? sim_options_check(self->options, error) : status;
}

static cg_status read_options(explain *self, cg_error *error) {
    sim_settings settings;
    self->options = malloc(sizeof *self->options);
    if (!self->options) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for options");
    }
    cg_status status = sim_settings_read(&self->args, &settings, error);
    if (status == CG_OK) {
        status = self->scenario ? read_scenario(self, &settings, error)
                                : read_defaults(self, &settings, error);
    }
    if (status == CG_OK && self->options->graph.nodes > CG_WORDNET_SYNSETS) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "graph.nodes: %u is more than the %d concepts of WordNet; use "
                              "\"all\" for all of them",
                              self->options->graph.nodes, (int)CG_WORDNET_SYNSETS);
    }
    if (status == CG_OK) {
        status = sim_ground_check_files(self->options, error);
    }
    return status == CG_OK ? sim_ground_check_memory(self->options, error) : status;
}

/* --- The engine, and its explanation. --- */

static bool building(void *context, double share) {
    char what[64];
    snprintf(what, sizeof what, "building and training the engine: %.0f%%", 100.0 * share);
    sim_progress_now(context, what);
    return true;
}

static cg_status build(const explain *self, sim_ground **ground, cg_error *error) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t threads = cores < 1                 ? 1
                       : cores < SIM_THREADS_MAX ? (uint32_t)cores
                                                 : SIM_THREADS_MAX;
    sim_thread_runner *runner = NULL;
    cg_status status = sim_thread_runner_alloc(threads, &runner, error);
    if (status != CG_OK) {
        return status;
    }
    sim_progress progress;
    sim_progress_init(&progress, 1, sim_args_has(&self->args, "--quiet"));
    cg_runner view = sim_thread_runner_view(runner);
    status = sim_ground_build(self->options, &view, building, &progress, ground, error);
    sim_progress_finish(&progress);
    sim_thread_runner_free(runner);
    return status;
}

static cg_status execute(explain *self, cg_error *error) {
    sim_ground *ground = NULL;
    sim_explanation *explanation = NULL;
    cg_status status = read_text(self, error);
    if (status == CG_OK) {
        status = read_options(self, error);
    }
    if (status == CG_OK) {
        status = build(self, &ground, error);
    }
    if (status == CG_OK) {
        cg_cascade_options cascade = sim_engine_cascade(self->options);
        status = sim_explain(sim_ground_corpus(ground), &cascade, self->text, self->text_bytes,
                             &explanation, error);
    }
    if (status == CG_OK && sim_args_has(&self->args, "--json")) {
        sim_explain_print_json(explanation, stdout);
    } else if (status == CG_OK) {
        sim_explain_print_text(explanation, stdout);
    }
    sim_explanation_free(explanation);
    sim_ground_free(ground);
    return status;
}

static int explain_verb(int argc, char **argv) {
    explain self = {0};
    cg_error error;
    cg_status status = sim_args_parse(&sim_verb_explain, argc, argv, &self.args, &error);
    if (status == CG_OK && self.args.help) {
        sim_args_help(&sim_verb_explain, stdout);
        return SIM_EXIT_OK;
    }
    if (status == CG_OK) {
        status = execute(&self, &error);
    }
    free(self.text);
    free(self.options);
    return status == CG_OK ? SIM_EXIT_OK : sim_cli_fail(&error);
}

const sim_verb sim_verb_explain = {
    "explain",
    "[FILE.lua] TEXT",
    "say where a text goes in the graph, and why (-: the text on standard input)",
    explain_args,
    1,
    SIM_ARGS_VALUES_MAX,
    explain_verb};
