/* The knowledge a node starts from: graph, features, lexicon and index of the same concepts, row
 * by row, frozen and shared read-only by all nodes of a process; each node's own facts stand on top of
 * it.
 */
#ifndef CG_ENGINE_NODE_CORPUS_H
#define CG_ENGINE_NODE_CORPUS_H

#include "engine/base/parallel.h"
#include "engine/column/learned.h"
#include "engine/encode/features.h"
#include "engine/fact/embed.h"
#include "engine/graph/graph.h"
#include "engine/graph/lexicon.h"
#include "engine/index/index.h"

typedef struct cg_corpus {
    cg_graph *graph;
    cg_features *features;
    cg_index *index;
    cg_embedder *embedder;
    cg_lexicon *lexicon;
    const cg_lemmas *lemmas; /* borrowed; NULL: words are their own lemmas */
    cg_learned learned;      /* what its nodes know at first; see school.h */
} cg_corpus;

typedef struct cg_corpus_options {
    cg_embed_options embed;
    cg_ttfs_options encoding;
    cg_index_options index;  /* dims must equal embed.dims */
    const cg_lemmas *lemmas; /* of the cues, frozen, outlives the corpus; or NULL */
} cg_corpus_options;

/* Where the texts come from, and whether to go on. */
typedef struct cg_corpus_source {
    void (*text)(void *context, uint32_t row, const char **text, uint32_t *text_bytes);
    /* Told the share done, [0, 1]; false stops the build with CG_ERROR_INTERRUPTED. NULL: never
     * stop. */
    bool (*proceed)(void *context, double share);
    void *context;
} cg_corpus_source;

/* Embeds, encodes, looks for cues and indexes every concept of a frozen graph, which the corpus
 * owns afterwards (on success only). The result does not depend on the runner. */
cg_status cg_corpus_build(const cg_corpus_options *options, cg_graph *graph,
                          const cg_corpus_source *source, const cg_runner *runner,
                          const cg_allocator *allocator, cg_corpus *out, cg_error *error);
void cg_corpus_deinit(cg_corpus *corpus);

uint64_t
cg_corpus_hash(const cg_corpus *corpus); /* graph, lexicon, index and what was learned */
uint64_t cg_corpus_bytes(const cg_corpus *corpus); /* memory held by all five */

#endif
