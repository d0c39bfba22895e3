/* cortigrid graph: builds graphs from names and files, and says what they are like.
 *
 * Triples files that stand next to each other are one graph (train, valid, test); every other
 * source is one of its own. All of the command line is checked before anything is built.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/progress.h"
#include "sim/cli/verbs.h"
#include "sim/graphs/print.h"
#include "sim/graphs/source.h"
#include "sim/point/thread_runner.h"
#include "sim/scenario/units.h"

static const sim_arg graph_args[] = {
    {"--nodes", "N", "synthetic: concepts, for example 1M (100K)"},
    {"--degree", "D", "synthetic: mean edges from a concept (10)"},
    {"--exponent", "E", "synthetic: power law of degrees, 1.5 to 10, or 0: none (2.5)"},
    {"--communities", "C", "synthetic: planted communities (100)"},
    {"--inside", "S", "synthetic: share of edges inside them, 0 to 1 (0.8)"},
    {"--seed", "S", "synthetic and vectors: seed (1)"},
    {"--neighbours", "K", "vectors: edges from each to its K nearest (10)"},
    {"--inverse", NULL, "triples and vectors: for every edge also one back"},
    {"--parts", "P", "divides the graph into so many parts, and says what is cut"},
    {"--save", "FILE", "saves the graph, as FILE.cggraph, which is a source then"},
    {"--json", NULL, "a JSON list of objects instead of tables"},
    {"--quiet", NULL, "no progress"},
    {NULL, NULL, NULL},
};

typedef struct graph_verb {
    sim_args args;
    sim_graph_options options[SIM_ARGS_VALUES_MAX]; /* one a graph */
    uint32_t first[SIM_ARGS_VALUES_MAX];            /* operand */
    uint32_t graph_count;
    uint32_t parts; /* 0: graphs are not divided */
    sim_thread_runner *runner;
    sim_progress progress;
} graph_verb;

/* --- The command line. --- */

static cg_status read_count(const sim_args *args, const char *name, const char *greatest,
                            uint32_t *out, cg_error *error) {
    const sim_quantity quantity = {SIM_UNIT_COUNT, "1", greatest};
    const char *text = sim_args_value(args, name, NULL);
    uint64_t value = 0;
    if (!text) {
        return CG_OK;
    }
    cg_status status = sim_units_parse_integer(&quantity, text, &value, error);
    if (status != CG_OK) {
        cg_error_prefix(error, "%s: ", name);
        return status;
    }
    *out = (uint32_t)value;
    return CG_OK;
}

static cg_status read_real(const sim_args *args, const char *name, const sim_quantity *quantity,
                           double *out, cg_error *error) {
    const char *text = sim_args_value(args, name, NULL);
    cg_status status = text ? sim_units_parse_real(quantity, text, out, error) : CG_OK;
    if (status != CG_OK) {
        cg_error_prefix(error, "%s: ", name);
    }
    return status;
}

static cg_status read_synthetic(const sim_args *args, cg_synthetic_options *out,
                                cg_error *error) {
    static const sim_quantity degree = {SIM_UNIT_NUMBER, "0.001", "1000000000"};
    static const sim_quantity exponent = {SIM_UNIT_NUMBER, "0", "10"};
    static const sim_quantity inside = {SIM_UNIT_PROBABILITY, "0", "1"};
    cg_status status = read_count(args, "--nodes", "1000000000", &out->nodes, error);
    if (status == CG_OK) {
        status = read_real(args, "--degree", &degree, &out->degree, error);
    }
    if (status == CG_OK) {
        status = read_real(args, "--exponent", &exponent, &out->exponent, error);
    }
    if (status == CG_OK && !sim_args_has(args, "--communities") &&
        out->communities > out->nodes / 2) {
        out->communities = 1; /* the default is for more nodes */
    }
    if (status == CG_OK) {
        status = read_count(args, "--communities", "500000000", &out->communities, error);
    }
    return status == CG_OK ? read_real(args, "--inside", &inside, &out->inside, error) : status;
}

/* What all sources share. */
static cg_status read_settings(const sim_args *args, sim_graph_options *out, cg_error *error) {
    cg_status status = read_synthetic(args, &out->synthetic, error);
    if (status == CG_OK) {
        status = read_count(args, "--neighbours", "1000", &out->neighbours, error);
    }
    if (status == CG_OK) {
        status = sim_args_number(args, "--seed", 0, UINT64_MAX, &out->seed, error);
    }
    out->inverse = sim_args_has(args, "--inverse");
    return status;
}

static bool joins(const graph_verb *self, sim_graph_kind kind) {
    return kind == SIM_GRAPH_KIND_TRIPLES && self->graph_count > 0 &&
           self->options[self->graph_count - 1].kind == kind;
}

static cg_status read_sources(graph_verb *self, const sim_graph_options *settings,
                              cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < self->args.operand_count; ++i) {
        sim_graph_kind kind = SIM_GRAPH_KIND_WORDNET;
        status = sim_graph_kind_of(self->args.operands[i], &kind, error);
        if (status != CG_OK) {
            return status;
        }
        if (joins(self, kind)) {
            self->options[self->graph_count - 1].path_count++;
            continue;
        }
        sim_graph_options *options = &self->options[self->graph_count];
        *options = *settings;
        options->kind = kind;
        if (kind != SIM_GRAPH_KIND_WORDNET && kind != SIM_GRAPH_KIND_SYNTHETIC) {
            options->paths = &self->args.operands[i];
            options->path_count = 1;
        }
        self->first[self->graph_count++] = i;
    }
    for (uint32_t g = 0; status == CG_OK && g < self->graph_count; ++g) {
        status = sim_graph_check(&self->options[g], error);
    }
    return status;
}

static cg_status check_save(const graph_verb *self, cg_error *error) {
    const char *path = sim_args_value(&self->args, "--save", NULL);
    if (!path) {
        return CG_OK;
    }
    if (self->graph_count > 1) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "--save: one graph can be saved, and there are %u sources",
                            self->graph_count);
    }
    cg_status status = sim_graph_check_name(path, error);
    if (status != CG_OK) {
        cg_error_prefix(error, "--save: ");
    }
    return status;
}

/* --- Graphs. --- */

static bool building(void *context, double share) {
    char what[64];
    snprintf(what, sizeof what, "building the graph: %.0f%%", 100.0 * share);
    sim_progress_now(context, what);
    return true;
}

/* By the partitioner, and by hashing beside it. */
static cg_status divide(const graph_verb *self, uint32_t number, sim_graph_sheet *sheet,
                        cg_error *error) {
    const cg_allocator heap = cg_allocator_heap();
    const cg_graph *graph = sheet->graph;
    const uint32_t concepts = cg_graph_concept_count(graph);
    uint32_t *part_of_row = cg_allocate(&heap, concepts + 1, sizeof *part_of_row);
    if (!part_of_row) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to divide %u concepts",
                            concepts);
    }
    cg_partitioning_options options = cg_partitioning_options_default(self->parts);
    options.seed = self->options[number].seed;
    cg_status status =
        cg_partition_graph(graph, &options, heap, part_of_row, &sheet->spectral, error);
    if (status == CG_OK) {
        status = cg_partition_by_hash(graph, self->parts, options.seed, part_of_row, error);
    }
    if (status == CG_OK) {
        status = cg_partitioning_evaluate(graph, self->parts, part_of_row, heap, &sheet->hashed,
                                          error);
    }
    cg_deallocate(&heap, part_of_row, concepts + 1, sizeof *part_of_row);
    sheet->parts = self->parts;
    return status;
}

static cg_status print_graph(const graph_verb *self, uint32_t number, const sim_graph *graph,
                             cg_error *error) {
    cg_graph_summary summary;
    const bool json = sim_args_has(&self->args, "--json");
    cg_status status =
        cg_graph_summarise(sim_graph_view(graph), cg_allocator_heap(), &summary, error);
    if (status != CG_OK) {
        return status;
    }
    const uint32_t paths = self->options[number].path_count;
    sim_graph_sheet sheet = {.sources = &self->args.operands[self->first[number]],
                             .source_count = paths > 0 ? paths : 1,
                             .facts = sim_graph_facts_of(graph),
                             .graph = sim_graph_view(graph),
                             .summary = &summary};
    if (self->parts > 0) {
        status = divide(self, number, &sheet, error);
    }
    if (status != CG_OK) {
        cg_graph_summary_free(&summary, cg_allocator_heap());
        return status;
    }
    if (json) {
        fputs(number > 0 ? ",\n" : "[", stdout);
        sim_graph_print_json(&sheet, stdout);
    } else {
        fputs(number > 0 ? "\n" : "", stdout);
        sim_graph_print_text(&sheet, stdout);
    }
    cg_graph_summary_free(&summary, cg_allocator_heap());
    return CG_OK;
}

static cg_status show_graph(graph_verb *self, uint32_t number, cg_error *error) {
    const char *path = sim_args_value(&self->args, "--save", NULL);
    sim_graph *graph = NULL;
    cg_runner runner = sim_thread_runner_view(self->runner);
    const sim_graph_build_how how = {
        .runner = &runner, .progress = building, .progress_context = &self->progress};
    cg_status status = sim_graph_build(&self->options[number], &how, &graph, error);
    if (status == CG_OK && path) {
        status = sim_graph_save(sim_graph_view(graph), path, error);
    }
    sim_progress_finish(&self->progress);
    if (status == CG_OK) {
        status = print_graph(self, number, graph, error);
    }
    sim_graph_free(graph);
    return status;
}

static cg_status execute(graph_verb *self, cg_error *error) {
    sim_graph_options settings = sim_graph_options_default(SIM_GRAPH_KIND_SYNTHETIC);
    cg_status status = read_settings(&self->args, &settings, error);
    if (status == CG_OK) {
        status = read_sources(self, &settings, error);
    }
    if (status == CG_OK) {
        status = read_count(&self->args, "--parts", "4096", &self->parts, error);
    }
    if (status == CG_OK) {
        status = check_save(self, error);
    }
    if (status == CG_OK) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        uint32_t threads = cores < 1                 ? 1
                           : cores < SIM_THREADS_MAX ? (uint32_t)cores
                                                     : SIM_THREADS_MAX;
        status = sim_thread_runner_alloc(threads, &self->runner, error);
    }
    sim_progress_init(&self->progress, 1, sim_args_has(&self->args, "--quiet"));
    uint32_t shown = 0;
    while (status == CG_OK && shown < self->graph_count) {
        status = show_graph(self, shown, error);
        shown += status == CG_OK;
    }
    if (shown > 0 && sim_args_has(&self->args, "--json")) { /* a whole list, if a shorter one */
        fputs("]\n", stdout);
    }
    sim_thread_runner_free(self->runner);
    return status;
}

static int graph_verb_run(int argc, char **argv) {
    cg_error error;
    graph_verb *self = calloc(1, sizeof *self);
    if (!self) {
        cg_error_set(&error, CG_ERROR_MEMORY, "no memory for a command line");
        return sim_cli_fail(&error);
    }
    cg_status status = sim_args_parse(&sim_verb_graph, argc, argv, &self->args, &error);
    bool help = status == CG_OK && self->args.help;
    if (help) {
        sim_args_help(&sim_verb_graph, stdout);
    } else if (status == CG_OK) {
        status = execute(self, &error);
    }
    free(self);
    return status == CG_OK ? SIM_EXIT_OK : sim_cli_fail(&error);
}

const sim_verb sim_verb_graph = {
    "graph",
    "SOURCE...",
    "say what a graph is like: wordnet, synthetic, triples, vectors or a saved one",
    graph_args,
    1,
    SIM_ARGS_VALUES_MAX,
    graph_verb_run};
