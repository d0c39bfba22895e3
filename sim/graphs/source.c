#include "sim/graphs/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/graph/graph_file.h"
#include "engine/graph/wordnet.h"
#include "sim/graphs/source_internal.h"

static const char saved_magic[] = "CGGRPH"; /* in front of every version's bytes */

static const char *const kind_names[SIM_GRAPH_KINDS] = {
    [SIM_GRAPH_KIND_WORDNET] = "wordnet", [SIM_GRAPH_KIND_SYNTHETIC] = "synthetic",
    [SIM_GRAPH_KIND_TRIPLES] = "triples", [SIM_GRAPH_KIND_VECTORS] = "vectors",
    [SIM_GRAPH_KIND_SAVED] = "saved",
};

const char *sim_graph_kind_name(sim_graph_kind kind) {
    CG_ASSERT((unsigned)kind < SIM_GRAPH_KINDS);
    return kind_names[kind];
}

sim_graph_options sim_graph_options_default(sim_graph_kind kind) {
    return (sim_graph_options){
        .kind = kind, .synthetic = cg_synthetic_options_default(), .neighbours = 10, .seed = 1};
}

/* --- What a name means. --- */

/* From the last dot on, "" without one. */
static const char *extension_of(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash : path, '.');
    return dot ? dot : "";
}

bool sim_graph_vector_format(const char *path, cg_vector_format *out) {
    const char *extension = extension_of(path);
    for (int format = 0; *extension && format < CG_VECTOR_FORMATS; ++format) {
        if (strcasecmp(extension + 1, cg_vector_format_name((cg_vector_format)format)) == 0) {
            *out = (cg_vector_format)format;
            return true;
        }
    }
    return false;
}

static bool is_saved(const char *path) {
    char start[sizeof saved_magic - 1] = {0};
    struct stat about;
    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode)) {
        return false; /* a pipe may wait for ever */
    }
    FILE *file = fopen(path, "rb");
    if (!file) {
        return false;
    }
    bool whole = fread(start, 1, sizeof start, file) == sizeof start;
    (void)fclose(file);
    return whole && memcmp(start, saved_magic, sizeof start) == 0;
}

cg_status sim_graph_kind_of(const char *source, sim_graph_kind *out, cg_error *error) {
    const char *extension = extension_of(source);
    cg_vector_format format;
    if (strcmp(source, "wordnet") == 0) {
        *out = SIM_GRAPH_KIND_WORDNET;
    } else if (strcmp(source, "synthetic") == 0) {
        *out = SIM_GRAPH_KIND_SYNTHETIC;
    } else if (strcasecmp(extension, ".tsv") == 0 || strcasecmp(extension, ".txt") == 0) {
        *out = SIM_GRAPH_KIND_TRIPLES;
    } else if (sim_graph_vector_format(source, &format)) {
        *out = SIM_GRAPH_KIND_VECTORS;
    } else if (strcasecmp(extension, SIM_GRAPH_EXTENSION) == 0 || is_saved(source)) {
        *out = SIM_GRAPH_KIND_SAVED;
    } else {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "\"%.200s\" is no graph: it must be wordnet, synthetic, triples "
                            "(.tsv, .txt), vectors (.fvecs, .bvecs, .ivecs, .fbin, .u8bin, "
                            ".i8bin, .ibin) or a saved graph (" SIM_GRAPH_EXTENSION ")",
                            source);
    }
    return CG_OK;
}

/* --- What can be known beforehand. --- */

static cg_status check_readable(const char *path, const char *advice, cg_error *error) {
    if (access(path, R_OK) == 0) {
        return CG_OK;
    }
    return cg_error_set(error, errno == ENOENT ? CG_ERROR_NOT_FOUND : CG_ERROR_IO,
                        "cannot read %.300s: %s%s", path, strerror(errno), advice);
}

static cg_status check_wordnet(const char *folder, cg_error *error) {
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < CG_WORDNET_FILES; ++i) {
        char path[1024];
        int length = snprintf(path, sizeof path, "%s/%s", folder, cg_wordnet_file_names[i]);
        if (length < 0 || (size_t)length >= sizeof path) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "the path of WordNet's folder is too long");
        }
        status = check_readable(path, "; install Debian's wordnet-base", error);
    }
    return status;
}

static cg_status check_count(const sim_graph_options *options, cg_error *error) {
    uint32_t least = options->kind >= SIM_GRAPH_KIND_TRIPLES;
    uint32_t most = options->kind == SIM_GRAPH_KIND_TRIPLES     ? SIM_GRAPH_PATHS_MAX
                    : options->kind == SIM_GRAPH_KIND_SYNTHETIC ? 0
                                                                : 1;
    if (options->path_count < least || options->path_count > most) {
        return cg_error_set(
            error, CG_ERROR_INVALID, "a graph of source \"%s\" takes %u to %u paths, not %u",
            sim_graph_kind_name(options->kind), least, most, options->path_count);
    }
    return CG_OK;
}

static cg_status check_vectors(const sim_graph_options *options, cg_error *error) {
    cg_vector_format format;
    if (!sim_graph_vector_format(options->paths[0], &format)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the extension of %.300s names no format of vectors; there are "
                            ".fvecs, .bvecs, .ivecs, .fbin, .u8bin, .i8bin and .ibin",
                            options->paths[0]);
    }
    if (options->neighbours == 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "neighbours is 0; it must be 1 to 1000");
    }
    return CG_OK;
}

cg_status sim_graph_check(const sim_graph_options *options, cg_error *error) {
    cg_status status = check_count(options, error);
    if (status != CG_OK) {
        return status;
    }
    switch (options->kind) {
    case SIM_GRAPH_KIND_WORDNET:
        return check_wordnet(
            options->path_count > 0 ? options->paths[0] : SIM_GRAPH_WORDNET_FOLDER, error);
    case SIM_GRAPH_KIND_SYNTHETIC:
        return cg_synthetic_check(&options->synthetic, error);
    case SIM_GRAPH_KIND_VECTORS:
        status = check_vectors(options, error);
        break;
    default:
        break;
    }
    for (uint32_t i = 0; status == CG_OK && i < options->path_count; ++i) {
        status = check_readable(options->paths[i], "", error);
    }
    return status;
}

/* --- The graph that was built. --- */

const cg_graph *sim_graph_view(const sim_graph *graph) {
    return graph->graph;
}

cg_graph *sim_graph_take(sim_graph *graph) {
    if (graph->facts.kind == SIM_GRAPH_KIND_SAVED) {
        return NULL;
    }
    cg_graph *taken = graph->graph;
    graph->graph = NULL;
    return taken;
}

const cg_synthetic *sim_graph_synthetic(const sim_graph *graph) {
    return graph->synthetic;
}

bool sim_graph_states_edges(sim_graph_kind kind) {
    return kind != SIM_GRAPH_KIND_WORDNET && kind != SIM_GRAPH_KIND_SAVED;
}

sim_graph_facts sim_graph_facts_of(const sim_graph *graph) {
    return graph->facts;
}

void sim_graph_free(sim_graph *graph) {
    if (!graph) {
        return;
    }
    cg_graph_free(graph->graph);
    cg_synthetic_free(graph->synthetic);
    sim_graph_files_unmap(&graph->files);
    free(graph);
}

cg_status sim_graph_check_name(const char *path, cg_error *error) {
    if (strcasecmp(extension_of(path), SIM_GRAPH_EXTENSION) == 0) {
        return CG_OK;
    }
    return cg_error_set(
        error, CG_ERROR_INVALID,
        "a saved graph's name ends with " SIM_GRAPH_EXTENSION "; \"%.200s\" does not", path);
}

cg_status sim_graph_save(const cg_graph *graph, const char *path, cg_error *error) {
    cg_status status = sim_graph_check_name(path, error);
    if (status != CG_OK) {
        return status;
    }
    uint64_t size = cg_graph_image_bytes(graph);
    if (size == 0 || size > SIZE_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "only a frozen graph without a base can be saved");
    }
    uint8_t *bytes = malloc((size_t)size);
    if (!bytes) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for the %llu bytes of a saved graph",
                            (unsigned long long)size);
    }
    status = cg_graph_save(graph, bytes, (size_t)size, error);
    if (status == CG_OK) {
        status = sim_file_save(path, bytes, (size_t)size, error);
    }
    free(bytes);
    return status;
}
