/* What the embedder and the vocabularies on top of it share; for engine/fact alone. */
#ifndef CG_ENGINE_FACT_EMBED_INTERNAL_H
#define CG_ENGINE_FACT_EMBED_INTERNAL_H

#include "engine/base/prng.h"
#include "engine/fact/embed.h"
#include "engine/fact/tally.h"
#include "engine/fact/vocabulary.h"

struct cg_embedder {
    cg_embed_options options;
    cg_allocator allocator;
    cg_stream projection;    /* entity is set to the feature */
    const cg_lemmas *lemmas; /* borrowed; NULL: none */
    uint64_t documents;
    uint32_t *frequencies; /* [feature_count]: documents that have the feature */
    uint32_t feature_count;
    bool frozen;
    uint64_t version;
};

static inline cg_tally_source cg_embedder_source(const cg_embedder *embedder, const char *text,
                                                 size_t text_bytes) {
    return (cg_tally_source){.text = text,
                             .text_bytes = text_bytes,
                             .seed = embedder->options.seed,
                             .feature_count = embedder->feature_count,
                             .lemmas = embedder->lemmas};
}

/* The text's refusals that cg_embed documents. */
cg_status cg_embed_check_text(const char *text, size_t text_bytes, cg_error *error);
/* CG_ERROR_INVALID: what to say of a text without a token. */
cg_status cg_embed_refuse_tokenless(size_t text_bytes, cg_error *error);

/* Document frequencies to embed with. */
typedef struct cg_embed_counts {
    const cg_embedder *embedder; /* frozen */
    uint64_t documents;
    const cg_vocabulary *vocabulary; /* NULL: the embedder's frequencies alone */
} cg_embed_counts;

/* cg_embed with these frequencies. */
cg_status cg_embed_text(const cg_embed_counts *counts, const char *text, size_t text_bytes,
                        cg_embedding *out, cg_work *work, cg_error *error);

#endif
