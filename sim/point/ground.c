#include "sim/point/ground.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sim_ground {
    cg_wordnet *wordnet;
    cg_wordnet_sample sample;
    cg_corpus corpus;
    cg_allocator allocator;
};

enum { PATH_BYTES = SIM_PATH_BYTES + 32 };

static void file_path(const sim_options *options, int file, char path[PATH_BYTES]) {
    snprintf(path, PATH_BYTES, "%s/%s", options->graph.path, cg_wordnet_file_names[file]);
}

cg_status sim_ground_check_files(const sim_options *options, cg_error *error) {
    for (int file = 0; file < CG_WORDNET_FILES; ++file) {
        char path[PATH_BYTES];
        file_path(options, file, path);
        if (access(path, R_OK) != 0) {
            return cg_error_set(
                error, CG_ERROR_NOT_FOUND,
                "graph.path: cannot read %s (%s); install Debian's wordnet-base, or "
                "name the folder that holds WordNet's data files",
                path, strerror(errno));
        }
    }
    return CG_OK;
}

static cg_status read_file(const char *path, cg_wordnet_source *out, cg_error *error) {
    errno = 0;
    FILE *file = fopen(path, "rb");
    if (!file) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND, "cannot open %s: %s", path,
                            strerror(errno));
    }
    uint8_t *bytes = NULL;
    long size = -1;
    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 &&
        fseek(file, 0, SEEK_SET) == 0) {
        bytes = malloc((size_t)size + 1);
    }
    size_t used = bytes ? fread(bytes, 1, (size_t)size, file) : 0;
    bool whole = bytes && used == (size_t)size && !ferror(file);
    fclose(file);
    if (!whole) {
        free(bytes);
        return cg_error_set(error, CG_ERROR_IO, "cannot read %s: %s", path,
                            errno ? strerror(errno) : "it changed while it was read");
    }
    *out = (cg_wordnet_source){bytes, (size_t)size};
    return CG_OK;
}

static cg_status load_wordnet(const sim_options *options, sim_ground *ground, cg_error *error) {
    cg_wordnet_source sources[CG_WORDNET_FILES] = {{0}};
    cg_status status = sim_ground_check_files(options, error);
    for (int file = 0; status == CG_OK && file < CG_WORDNET_FILES; ++file) {
        char path[PATH_BYTES];
        file_path(options, file, path);
        status = read_file(path, &sources[file], error);
    }
    if (status == CG_OK) {
        status = cg_wordnet_parse(sources, ground->allocator, &ground->wordnet, error);
        if (status != CG_OK) {
            cg_error_prefix(error, "%s: ", options->graph.path);
        }
    }
    if (status == CG_OK && cg_wordnet_count(ground->wordnet) != CG_WORDNET_SYNSETS) {
        status = cg_error_set(
            error, CG_ERROR_CORRUPT,
            "%s holds %u synsets instead of the %d of WordNet 3.0; install Debian's "
            "wordnet-base again",
            options->graph.path, cg_wordnet_count(ground->wordnet), CG_WORDNET_SYNSETS);
    }
    for (int file = 0; file < CG_WORDNET_FILES; ++file) {
        free((void *)sources[file].bytes);
    }
    return status;
}

typedef struct text_source {
    const sim_ground *ground;
    sim_ground_progress progress;
    void *progress_context;
} text_source;

static void member_text(void *context, uint32_t row, const char **text, uint32_t *text_bytes) {
    const text_source *source = context;
    cg_synset synset =
        cg_wordnet_synset(source->ground->wordnet, source->ground->sample.members[row]);
    *text = synset.text;
    *text_bytes = synset.text_bytes;
}

static bool go_on(void *context, double share) {
    const text_source *source = context;
    return !source->progress || source->progress(source->progress_context, share);
}

static cg_index_options index_options(const sim_engine_options *engine) {
    static const cg_precision codes[] = {[SIM_CODES_F32] = CG_PRECISION_F32,
                                         [SIM_CODES_F16] = CG_PRECISION_F16,
                                         [SIM_CODES_I8] = CG_PRECISION_I8};
    const bool is_flat = engine->index == SIM_INDEX_FLAT;
    cg_index_options index =
        cg_index_options_default(is_flat ? CG_INDEX_FLAT : CG_INDEX_HNSW, engine->dims);
    index.codes = is_flat ? CG_PRECISION_F32 : codes[engine->codes];
    index.fuller = index.codes;
    if (!is_flat && engine->fuller != SIM_FULLER_CODES) {
        index.fuller = engine->fuller == SIM_FULLER_F16 ? CG_PRECISION_F16 : CG_PRECISION_F32;
    }
    index.m = engine->m;
    index.ef_construction = engine->ef_construction;
    return index;
}

static cg_corpus_options corpus_options(const sim_options *options) {
    const sim_engine_options *engine = &options->engine;
    cg_corpus_options corpus = {.embed = cg_embed_options_default(),
                                .encoding = cg_ttfs_options_default(),
                                .index = index_options(engine)};
    corpus.embed.dims = engine->dims;
    corpus.embed.seed = options->graph.seed;
    corpus.index.seed = options->graph.seed;
    return corpus;
}

static cg_status build_corpus(const sim_options *options, sim_ground *ground,
                              const cg_runner *runner, text_source *texts, cg_error *error) {
    cg_graph *graph = NULL;
    cg_status status =
        cg_wordnet_graph(ground->wordnet, &ground->sample, ground->allocator, &graph, error);
    if (status != CG_OK) {
        return status;
    }
    cg_corpus_options corpus = corpus_options(options);
    cg_corpus_source source = {member_text, go_on, texts};
    status = cg_corpus_build(&corpus, graph, &source, runner, &ground->allocator,
                             &ground->corpus, error);
    if (status != CG_OK) {
        cg_graph_free(graph);
    }
    return status;
}

cg_status sim_ground_build(const sim_options *options, const cg_runner *runner,
                           sim_ground_progress progress, void *progress_context,
                           sim_ground **out, cg_error *error) {
    sim_ground *ground = calloc(1, sizeof *ground);
    if (!ground) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a graph");
    }
    ground->allocator = cg_allocator_heap();
    text_source texts = {ground, progress, progress_context};
    cg_status status = load_wordnet(options, ground, error);
    if (status == CG_OK) {
        status = cg_wordnet_sample_alloc(ground->wordnet, options->graph.nodes,
                                         options->graph.held_out, options->graph.seed,
                                         ground->allocator, &ground->sample, error);
    }
    if (status == CG_OK && ground->sample.held_out_count == 0) {
        status = cg_error_set(
            error, CG_ERROR_INVALID,
            "graph.nodes: a sample of %u concepts leaves no fact whose parents are all "
            "in it; use a larger one",
            options->graph.nodes);
    }
    if (status == CG_OK) {
        status = build_corpus(options, ground, runner, &texts, error);
    }
    if (status != CG_OK) {
        sim_ground_free(ground);
        return status;
    }
    *out = ground;
    return CG_OK;
}

void sim_ground_free(sim_ground *ground) {
    if (!ground) {
        return;
    }
    cg_corpus_deinit(&ground->corpus);
    cg_wordnet_sample_free(&ground->sample, ground->allocator);
    cg_wordnet_free(ground->wordnet);
    free(ground);
}

const cg_corpus *sim_ground_corpus(const sim_ground *ground) {
    return &ground->corpus;
}

uint32_t sim_ground_fact_count(const sim_ground *ground) {
    return ground->sample.held_out_count;
}

const char *sim_ground_fact_text(const sim_ground *ground, uint32_t fact,
                                 uint32_t *text_bytes) {
    cg_synset synset = cg_wordnet_synset(ground->wordnet, ground->sample.held_out[fact]);
    *text_bytes = synset.text_bytes;
    return synset.text;
}

uint32_t sim_ground_fact_answer(const sim_ground *ground, uint32_t fact, uint32_t *rows,
                                uint32_t max) {
    return cg_wordnet_answer(ground->wordnet, &ground->sample, ground->sample.held_out[fact],
                             rows, max);
}

uint64_t sim_ground_estimate_bytes(const sim_options *options, uint64_t concepts) {
    /* Vectors in features, spikes; the index's forms; links at level 0 and about one more level's
     * worth; exact form and graph as measured on WordNet: about 20 entries of 8 bytes, 7 edges of
     * 8, a name. */
    const cg_index_options index = index_options(&options->engine);
    uint64_t vectors = (uint64_t)options->engine.dims * 2 * 4 +
                       cg_precision_row_bytes(index.codes, index.dims);
    if (index.fuller != index.codes) {
        vectors += cg_precision_row_bytes(index.fuller, index.dims);
    }
    uint64_t links = index.kind == CG_INDEX_HNSW ? (uint64_t)index.m * 3 * 4 : 0;
    return concepts * (vectors + links + 160 + 100);
}

cg_status sim_ground_check_memory(const sim_options *options, cg_error *error) {
    uint64_t concepts = options->graph.nodes == 0 || options->graph.nodes > CG_WORDNET_SYNSETS
                            ? CG_WORDNET_SYNSETS
                            : options->graph.nodes;
    uint64_t needed = sim_ground_estimate_bytes(options, concepts);
    if (needed > options->cluster.memory_bytes) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "cluster.memory: a graph of %llu concepts takes about %llu MB a host, which has "
            "%llu MB; use a smaller graph.nodes or more memory",
            (unsigned long long)concepts, (unsigned long long)(needed / 1000000),
            (unsigned long long)(options->cluster.memory_bytes / 1000000));
    }
    return CG_OK;
}
