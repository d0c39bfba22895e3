/* Text to vectors without model weights (spec A1).
 *
 *   tokens
 *   -> signed feature hashing (Weinberger et al., ICML 2009) with TF-IDF weights
 *   -> the exact sparse form, of unit length
 *   -> seeded random projection to `dims`, entries +-1 (Achlioptas, PODS 2001; the lemma of
 *      Johnson and Lindenstrauss)
 *   -> the dense form, of unit length
 *
 * Tokens are maximal runs of ASCII letters and digits and of bytes >= 0x80, ASCII lower-cased;
 * the text must be valid UTF-8. With lemmas, a token that has one counts as its lemma
 * (cg_lemma_any). A token's XXH64 gives its feature (the low bits) and its sign (the top bit);
 * a feature's tf is |sum of the signs of its tokens|, the token's count where tokens don't
 * collide. A feature weighs (1 + ln(tf)) * (ln((1 + N) / (1 + df)) + 1). A text keeps its
 * CG_SPARSE_ENTRIES_MAX heaviest features (ties by feature).
 *
 * The vocabulary carries a version, so that vectors of different document frequencies are never
 * mixed unknowingly; a vector travels and is logged with the fact, hosts don't embed again.
 */
#ifndef CG_ENGINE_FACT_EMBED_H
#define CG_ENGINE_FACT_EMBED_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/base/work.h"
#include "engine/fact/lemma.h"
#include "engine/fact/sparse.h"

enum { CG_DIMS_MIN = 32, CG_DIMS_MAX = 1024, CG_TEXT_BYTES_MAX = 1 << 20 };

typedef struct cg_embed_options {
    uint32_t dims;         /* CG_DIMS_MIN..CG_DIMS_MAX, multiple of 16 */
    uint32_t feature_bits; /* 10..24: hashed features are in [0, 2^feature_bits) */
    uint64_t seed;         /* of hash signs and projection */
} cg_embed_options;

cg_embed_options cg_embed_options_default(void); /* 128 dims, 20 bits, seed 1 */

typedef struct cg_embedder cg_embedder;

cg_status cg_embedder_alloc(const cg_embed_options *options, cg_allocator allocator,
                            cg_embedder **out, cg_error *error);
void cg_embedder_free(cg_embedder *embedder);
uint64_t cg_embedder_bytes(const cg_embedder *embedder); /* memory held, without lemmas */

/* Takes tokens by their lemmas. The lemmas are borrowed, must outlive the embedder, and go into
 * its version. CG_ERROR_INVALID when they are not frozen, and after the first document or the
 * freezing. Without this call tokens are taken as they are. */
cg_status cg_embedder_use_lemmas(cg_embedder *embedder, const cg_lemmas *lemmas,
                                 cg_error *error);

/* Counts a document's distinct features; counts saturate. Call for all documents, then
 * cg_embedder_freeze once; only a frozen embedder embeds, and none that is frozen counts
 * (CG_ERROR_INVALID). Freezing fixes the version, a hash of options and frequencies. An empty
 * document counts as one; text that cg_embed would refuse for its encoding or size is
 * refused. Who must go on counting puts a cg_vocabulary on the frozen embedder. */
cg_status cg_embedder_add_document(cg_embedder *embedder, const char *text, size_t text_bytes,
                                   cg_error *error);
cg_status cg_embedder_freeze(cg_embedder *embedder, cg_error *error);
uint64_t cg_embedder_version(const cg_embedder *embedder);
const cg_embed_options *cg_embedder_options(const cg_embedder *embedder);

typedef struct cg_embedding {
    uint32_t features[CG_SPARSE_ENTRIES_MAX];
    float weights[CG_SPARSE_ENTRIES_MAX];
    uint32_t count;
    float dense[CG_DIMS_MAX]; /* [dims] used, the rest zero */
} cg_embedding;

/* Embeds text[text_bytes]. Errors: CG_ERROR_INVALID for empty text, no token at all, invalid
 * UTF-8 (byte offset named) or more than CG_TEXT_BYTES_MAX bytes. Thread-safe on a frozen
 * embedder; allocates nothing, but takes some 80 KiB of stack. Cost: linear in the text up to
 * some 6,000 different words; beyond, the text is read once for every 3,000 to 6,000 of
 * them. */
cg_status cg_embed(const cg_embedder *embedder, const char *text, size_t text_bytes,
                   cg_embedding *out, cg_work *work, cg_error *error);

/* The dense form of an exact form; dense: float[dims]. Of unit length; an empty form gives
 * zeros, and one whose entries cancel on every axis gives the first axis. */
void cg_embed_project(const cg_embedder *embedder, cg_sparse sparse, float *dense,
                      cg_work *work);

static inline cg_sparse cg_embedding_sparse(const cg_embedding *embedding) {
    return (cg_sparse){embedding->features, embedding->weights, embedding->count};
}

#endif
