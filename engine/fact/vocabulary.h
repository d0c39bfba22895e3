/* Document frequencies that go on counting (spec A1).
 *
 * A vocabulary stands on a frozen embedder, whose frequencies are shared and never changed, and
 * holds what it has counted since: memory grows with the features that it has met, not with all
 * there are. Any number of vocabularies may stand on one embedder.
 *
 * Invariant: a vocabulary embeds, bit for bit, like an embedder that counted the base's
 * documents and its own before it was frozen.
 *
 * The version names the frequencies, so that vectors of different ones are never mixed
 * unknowingly:
 *
 *   version = H(base version, documents added, sum over features f of H(f, count added of f))
 *
 * and the base's version while nothing was added. So it does not depend on the order of
 * documents, and a document changes only the terms of its own features. H is the mixer of
 * engine/base/hash.h; sums are modulo 2^64.
 */
#ifndef CG_ENGINE_FACT_VOCABULARY_H
#define CG_ENGINE_FACT_VOCABULARY_H

#include "engine/fact/embed.h"

typedef struct cg_vocabulary cg_vocabulary;

/* base is borrowed and must outlive the vocabulary; CG_ERROR_INVALID when it is not frozen. */
cg_status cg_vocabulary_alloc(const cg_embedder *base, cg_allocator allocator,
                              cg_vocabulary **out, cg_error *error);
void cg_vocabulary_free(cg_vocabulary *vocabulary); /* NULL is fine */

/* Counts one more document, and so changes the version. Text that cg_embed would refuse before
 * weighing it (empty, no token, not UTF-8, too long) is refused with CG_ERROR_INVALID; that and
 * CG_ERROR_MEMORY leave the vocabulary as it was. Cost: as cg_embed without the projection;
 * texts of more than some 6,000 different words are read twice as often. */
cg_status cg_vocabulary_add(cg_vocabulary *vocabulary, const char *text, size_t text_bytes,
                            cg_error *error);

/* cg_embed with the frequencies counted so far; any number of threads may, between additions. */
cg_status cg_embed_with(const cg_vocabulary *vocabulary, const char *text, size_t text_bytes,
                        cg_embedding *out, cg_work *work, cg_error *error);

/* Documents with the feature, the base's included; saturates. feature < 2^feature_bits. */
uint32_t cg_vocabulary_frequency(const cg_vocabulary *vocabulary, uint32_t feature);
uint64_t cg_vocabulary_version(const cg_vocabulary *vocabulary);   /* cost: constant */
uint64_t cg_vocabulary_documents(const cg_vocabulary *vocabulary); /* the base's included */
uint64_t cg_vocabulary_bytes(const cg_vocabulary *vocabulary);     /* without the base */
/* Of the whole state, computed anew from the counts. Equal states have equal hashes, however
 * they came about. */
uint64_t cg_vocabulary_hash(const cg_vocabulary *vocabulary);

#endif
