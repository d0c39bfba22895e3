/* Building the shared knowledge: document frequencies, then features, then the index.
 *
 * Texts are embedded in parallel, a block at a time, into memory that belongs to each row; the
 * blocks are appended in row order. Block sizes are constants, so the batches that the index
 * sees, and with them its graph, are the same for every runner.
 */
#include "engine/node/corpus.h"

#include <string.h>

#include "engine/base/hash.h"

enum { EMBED_BLOCK = 512, INDEX_BLOCK = 4096, PARENTS_MAX = 16 };

/* Shares of the build's time, for progress only. */
static const double share_counted = 0.03;
static const double share_embedded = 0.15;

typedef struct build {
    const cg_corpus_options *options;
    const cg_corpus_source *source;
    const cg_runner *runner;
    const cg_allocator *allocator;
    const cg_graph *graph;
    cg_corpus corpus;
    cg_embedding *embeddings; /* [EMBED_BLOCK] */
    cg_cues *cues;            /* [EMBED_BLOCK] */
    cg_status *statuses;      /* [EMBED_BLOCK] */
    uint32_t block_first_row;
    float *vectors; /* [count * dims] */
    uint32_t count;
} build;

static cg_status go_on(const build *work, double share, cg_error *error) {
    if (work->source->proceed && !work->source->proceed(work->source->context, share)) {
        return cg_error_set(error, CG_ERROR_INTERRUPTED, "building the graph was interrupted");
    }
    return CG_OK;
}

static cg_status count_documents(build *work, cg_error *error) {
    for (uint32_t row = 0; row < work->count; ++row) {
        const char *text = NULL;
        uint32_t text_bytes = 0;
        work->source->text(work->source->context, row, &text, &text_bytes);
        cg_status status =
            cg_embedder_add_document(work->corpus.embedder, text, text_bytes, error);
        if (status != CG_OK) {
            cg_error_prefix(error, "concept row %u: ", row);
            return status;
        }
    }
    cg_status status = cg_embedder_freeze(work->corpus.embedder, error);
    return status == CG_OK ? go_on(work, share_counted, error) : status;
}

static void embed_row(void *argument, uint32_t index, uint32_t worker) {
    (void)worker;
    build *work = argument;
    const char *text = NULL;
    uint32_t text_bytes = 0;
    work->source->text(work->source->context, work->block_first_row + index, &text,
                       &text_bytes);
    work->statuses[index] =
        cg_embed(work->corpus.embedder, text, text_bytes, &work->embeddings[index], NULL, NULL);
    cg_cues_find(work->options->lemmas, text, text_bytes, &work->cues[index], NULL);
}

static cg_status append_row(build *work, uint32_t index, cg_error *error) {
    uint32_t row = 0;
    const cg_embedding *embedding = &work->embeddings[index];
    cg_status status = cg_features_append(work->corpus.features, embedding->dense,
                                          cg_embedding_sparse(embedding), &row, NULL, error);
    if (status == CG_OK) {
        uint32_t dims = work->options->embed.dims;
        memcpy(work->vectors + (size_t)row * dims, embedding->dense, dims * sizeof(float));
        uint32_t parents[PARENTS_MAX];
        uint32_t count = cg_graph_parents(work->graph, row, parents, PARENTS_MAX);
        status = cg_lexicon_add(work->corpus.lexicon, row, &work->cues[index], parents, count,
                                error);
    }
    return status;
}

static cg_status append_block(build *work, uint32_t first, uint32_t rows, cg_error *error) {
    work->block_first_row = first;
    cg_runner_run(work->runner, rows, embed_row, work);
    for (uint32_t i = 0; i < rows; ++i) {
        if (work->statuses[i] != CG_OK) {
            return cg_error_set(error, work->statuses[i],
                                "text of concept row %u cannot be embedded: %s", first + i,
                                cg_status_name(work->statuses[i]));
        }
        cg_status status = append_row(work, i, error);
        if (status != CG_OK) {
            return status;
        }
    }
    return CG_OK;
}

static cg_status embed_all(build *work, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t first = 0; status == CG_OK && first < work->count; first += EMBED_BLOCK) {
        uint32_t rows = work->count - first < EMBED_BLOCK ? work->count - first : EMBED_BLOCK;
        status = append_block(work, first, rows, error);
        if (status == CG_OK) {
            double done = (double)(first + rows) / work->count;
            status =
                go_on(work, share_counted + (share_embedded - share_counted) * done, error);
        }
    }
    return status;
}

static cg_status index_all(build *work, cg_error *error) {
    uint32_t dims = work->options->embed.dims;
    cg_status status = CG_OK;
    for (uint32_t first = 0; status == CG_OK && first < work->count; first += INDEX_BLOCK) {
        uint32_t rows = work->count - first < INDEX_BLOCK ? work->count - first : INDEX_BLOCK;
        cg_index_rows block = {.vectors = work->vectors + (size_t)first * dims, .count = rows};
        status = cg_index_add(work->corpus.index, &block, work->runner, NULL, error);
        if (status == CG_OK) {
            double done = (double)(first + rows) / work->count;
            status = go_on(work, share_embedded + (1.0 - share_embedded) * done, error);
        }
    }
    return status;
}

static cg_status alloc_parts(build *work, cg_error *error) {
    const cg_corpus_options *options = work->options;
    cg_status status =
        cg_embedder_alloc(&options->embed, *work->allocator, &work->corpus.embedder, error);
    if (status == CG_OK) {
        status = cg_features_alloc(options->embed.dims, &options->encoding, NULL,
                                   *work->allocator, &work->corpus.features, error);
    }
    if (status == CG_OK) {
        status = cg_lexicon_alloc(NULL, *work->allocator, &work->corpus.lexicon, error);
    }
    if (status == CG_OK) {
        status = cg_index_alloc(&options->index, *work->allocator, &work->corpus.index, error);
    }
    if (status != CG_OK) {
        return status;
    }
    work->embeddings = cg_allocate(work->allocator, EMBED_BLOCK, sizeof *work->embeddings);
    work->cues = cg_allocate(work->allocator, EMBED_BLOCK, sizeof *work->cues);
    work->statuses = cg_allocate(work->allocator, EMBED_BLOCK, sizeof *work->statuses);
    work->vectors = cg_allocate(work->allocator, (size_t)work->count * options->embed.dims,
                                sizeof *work->vectors);
    if (!work->embeddings || !work->cues || !work->statuses || !work->vectors) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the vectors of %u concepts",
                            work->count);
    }
    return CG_OK;
}

cg_status cg_corpus_build(const cg_corpus_options *options, cg_graph *graph,
                          const cg_corpus_source *source, const cg_runner *runner,
                          const cg_allocator *allocator, cg_corpus *out, cg_error *error) {
    uint32_t count = cg_graph_concept_count(graph);
    if (count == 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "the graph has no concepts");
    }
    if (options->index.dims != options->embed.dims) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "index of %u dims cannot hold embeddings of %u",
                            options->index.dims, options->embed.dims);
    }
    build work = {.options = options,
                  .source = source,
                  .runner = runner,
                  .allocator = allocator,
                  .graph = graph,
                  .corpus = {.lemmas = options->lemmas, .learned = cg_learned_init()},
                  .count = count};
    cg_status status = alloc_parts(&work, error);
    if (status == CG_OK) {
        status = count_documents(&work, error);
    }
    if (status == CG_OK) {
        status = embed_all(&work, error);
    }
    if (status == CG_OK) {
        status = index_all(&work, error);
    }
    cg_deallocate(allocator, work.embeddings, EMBED_BLOCK, sizeof *work.embeddings);
    cg_deallocate(allocator, work.cues, EMBED_BLOCK, sizeof *work.cues);
    cg_deallocate(allocator, work.statuses, EMBED_BLOCK, sizeof *work.statuses);
    cg_deallocate(allocator, work.vectors, (size_t)count * options->embed.dims,
                  sizeof *work.vectors);
    if (status != CG_OK) {
        cg_corpus_deinit(&work.corpus);
        return status;
    }
    *out = work.corpus;
    out->graph = graph;
    return CG_OK;
}

void cg_corpus_deinit(cg_corpus *corpus) {
    cg_graph_free(corpus->graph);
    cg_features_free(corpus->features);
    cg_index_free(corpus->index);
    cg_embedder_free(corpus->embedder);
    cg_lexicon_free(corpus->lexicon);
    memset(corpus, 0, sizeof *corpus);
}

uint64_t cg_corpus_hash(const cg_corpus *corpus) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, cg_graph_hash(corpus->graph));
    cg_hasher_add_u64(&hasher, cg_index_hash(corpus->index));
    cg_hasher_add_u64(&hasher, cg_embedder_version(corpus->embedder));
    cg_hasher_add_u64(&hasher, cg_lexicon_hash(corpus->lexicon));
    cg_hasher_add_u64(&hasher, cg_learned_hash(&corpus->learned));
    return cg_hasher_value(&hasher);
}

uint64_t cg_corpus_bytes(const cg_corpus *corpus) {
    return cg_graph_bytes(corpus->graph) + cg_features_bytes(corpus->features) +
           cg_index_bytes(corpus->index) + cg_embedder_bytes(corpus->embedder) +
           cg_lexicon_bytes(corpus->lexicon);
}
