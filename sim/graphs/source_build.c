/* From options to a graph, one function a kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/graph/graph_file.h"
#include "engine/graph/triples.h"
#include "engine/graph/wordnet.h"
#include "engine/node/neighbour_graph.h"
#include "sim/graphs/source_internal.h"

typedef struct build {
    const sim_graph_options *options;
    const sim_graph_build_how *how;
    cg_runner runner;
    sim_graph *graph;
} build;

/* --- WordNet. --- */

static cg_status map_wordnet(const build *work, const char *folder,
                             cg_wordnet_source sources[CG_WORDNET_FILES], cg_error *error) {
    sim_graph_files *files = &work->graph->files;
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < CG_WORDNET_FILES; ++i) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, cg_wordnet_file_names[i]);
        status = sim_graph_files_map(files, path, error);
        if (status == CG_OK) {
            sources[i] = (cg_wordnet_source){files->views[i].bytes, files->views[i].size_bytes};
        }
    }
    return status;
}

static cg_status graph_of_all(const build *work, const cg_wordnet *wordnet, cg_error *error) {
    cg_allocator allocator = work->graph->allocator;
    cg_wordnet_sample all;
    cg_status status = cg_wordnet_sample_alloc(wordnet, 0, 0, 1, allocator, &all, error);
    if (status == CG_OK) {
        status = cg_wordnet_graph(wordnet, &all, false, allocator, &work->graph->graph, error);
        cg_wordnet_sample_free(&all, allocator);
    }
    return status;
}

static cg_status build_wordnet(const build *work, cg_error *error) {
    cg_wordnet_source sources[CG_WORDNET_FILES] = {{0}};
    const char *folder =
        work->options->path_count > 0 ? work->options->paths[0] : SIM_GRAPH_WORDNET_FOLDER;
    cg_wordnet *wordnet = NULL;
    cg_status status = map_wordnet(work, folder, sources, error);
    if (status != CG_OK) {
        return status;
    }
    status = cg_wordnet_parse(sources, work->graph->allocator, &wordnet, error);
    if (status == CG_OK && cg_wordnet_count(wordnet) != CG_WORDNET_SYNSETS) {
        status = cg_error_set(error, CG_ERROR_CORRUPT,
                              "%u synsets instead of the %d of WordNet 3.0; install Debian's "
                              "wordnet-base again",
                              cg_wordnet_count(wordnet), (int)CG_WORDNET_SYNSETS);
    }
    if (status == CG_OK) {
        status = graph_of_all(work, wordnet, error);
    }
    if (status != CG_OK) {
        cg_error_prefix(error, "%.200s: ", folder);
    }
    cg_wordnet_free(wordnet);
    return status;
}

/* --- Synthetic. --- */

static uint64_t hash_of(const cg_synthetic_options *options) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, options->nodes);
    cg_hasher_add_f64(&hasher, options->degree);
    cg_hasher_add_f64(&hasher, options->exponent);
    cg_hasher_add_f64(&hasher, options->degree_max);
    cg_hasher_add_u64(&hasher, options->communities);
    cg_hasher_add_f64(&hasher, options->inside);
    cg_hasher_add_f64(&hasher, options->community_exponent);
    cg_hasher_add_u64(&hasher, options->directed);
    cg_hasher_add_u64(&hasher, options->weighted);
    cg_hasher_add_u64(&hasher, options->seed);
    return cg_hasher_value(&hasher);
}

static cg_status build_synthetic(const build *work, cg_error *error) {
    cg_synthetic_options options = work->options->synthetic;
    cg_synthetic_report report = {0};
    sim_graph *graph = work->graph;
    options.seed = work->options->seed;
    graph->facts.content_hash = hash_of(&options);
    cg_status status = cg_synthetic_alloc(&options, graph->allocator, &graph->synthetic, error);
    if (status == CG_OK) {
        status = cg_synthetic_graph(graph->synthetic, work->how->progress,
                                    work->how->progress_context, &graph->graph, &report, error);
    }
    graph->facts.duplicates = report.duplicates;
    return status;
}

/* --- Triples. --- */

static cg_status build_triples(const build *work, cg_error *error) {
    const sim_graph_options *options = work->options;
    sim_graph *graph = work->graph;
    cg_triples_source sources[SIM_GRAPH_PATHS_MAX] = {{0}};
    cg_triples_report report = {0};
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < options->path_count; ++i) {
        status = sim_graph_files_map(&graph->files, options->paths[i], error);
        sources[i] = (cg_triples_source){.name = options->paths[i],
                                         .bytes = graph->files.views[i].bytes,
                                         .size_bytes = graph->files.views[i].size_bytes};
    }
    if (status == CG_OK) {
        const cg_triples_options triples = {.inverse = options->inverse};
        status = cg_triples_parse(sources, options->path_count, &triples, graph->allocator,
                                  &graph->graph, &report, error);
    }
    graph->facts.triples = report.lines;
    graph->facts.duplicates = report.duplicates;
    graph->facts.self_edges = report.self_edges;
    return status;
}

/* --- Vectors. --- */

static cg_status build_vectors(const build *work, cg_error *error) {
    const char *path = work->options->paths[0];
    sim_graph *graph = work->graph;
    cg_vector_format format = CG_VECTORS_FVECS;
    cg_vector_file file;
    cg_neighbour_report report = {0};
    cg_neighbour_options options = cg_neighbour_options_default();
    const cg_neighbour_build how = {.runner = &work->runner,
                                    .progress = work->how->progress,
                                    .progress_context = work->how->progress_context,
                                    .allocator = graph->allocator};
    (void)sim_graph_vector_format(path, &format);
    options.neighbours = work->options->neighbours;
    options.inverse = work->options->inverse;
    options.seed = work->options->seed;
    cg_status status = sim_graph_files_map(&graph->files, path, error);
    if (status != CG_OK) {
        return status;
    }
    status = cg_vector_file_open(format, graph->files.views[0].bytes,
                                 graph->files.views[0].size_bytes, &file, error);
    if (status == CG_OK) {
        graph->facts.vectors = file.count;
        graph->facts.dims = file.dims;
        status = cg_neighbour_graph(&file, &options, &how, &graph->graph, &report, error);
    }
    if (status != CG_OK) {
        cg_error_prefix(error, "%.200s: ", path);
    }
    graph->facts.duplicates = report.duplicates;
    return status;
}

/* --- Saved. --- */

static cg_status build_saved(const build *work, cg_error *error) {
    const char *path = work->options->paths[0];
    sim_graph *graph = work->graph;
    cg_status status = sim_graph_files_map(&graph->files, path, error);
    if (status != CG_OK) {
        return status;
    }
    status = cg_graph_open(graph->files.views[0].bytes, graph->files.views[0].size_bytes,
                           graph->allocator, &graph->graph, error);
    if (status != CG_OK) {
        cg_error_prefix(error, "%.200s: ", path);
    }
    return status;
}

/* --- Any. --- */

static cg_status build_kind(const build *work, cg_error *error) {
    switch (work->options->kind) {
    case SIM_GRAPH_KIND_WORDNET:
        return build_wordnet(work, error);
    case SIM_GRAPH_KIND_SYNTHETIC:
        return build_synthetic(work, error);
    case SIM_GRAPH_KIND_TRIPLES:
        return build_triples(work, error);
    case SIM_GRAPH_KIND_VECTORS:
        return build_vectors(work, error);
    default:
        return build_saved(work, error);
    }
}

cg_status sim_graph_build(const sim_graph_options *options, const sim_graph_build_how *how,
                          sim_graph **out, cg_error *error) {
    cg_status status = sim_graph_check(options, error);
    if (status != CG_OK) {
        return status;
    }
    sim_graph *graph = calloc(1, sizeof *graph);
    if (!graph) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a graph");
    }
    graph->allocator = cg_allocator_heap();
    graph->facts.kind = options->kind;
    const build work = {.options = options,
                        .how = how,
                        .runner = how->runner ? *how->runner : cg_runner_serial(),
                        .graph = graph};
    status = build_kind(&work, error);
    if (status != CG_OK) {
        sim_graph_free(graph);
        return status;
    }
    if (options->kind != SIM_GRAPH_KIND_SYNTHETIC) {
        graph->facts.content_hash = graph->files.hash;
        graph->facts.size_bytes = graph->files.size_bytes;
    }
    if (options->kind != SIM_GRAPH_KIND_SAVED) { /* a saved graph lies in its file */
        sim_graph_files_unmap(&graph->files);
    }
    *out = graph;
    return CG_OK;
}
