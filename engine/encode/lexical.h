/* Retrieval by shared features: the concepts whose exact form has the largest product with a
 * fact's.
 *
 * Lists are read from the rarest feature on, until CG_LEXICAL_POSTINGS_MAX postings; longer
 * ones carry little weight each (that is what inverse document frequency means). More rows than
 * are wanted are selected by the products so far, and of these the best by the exact product.
 */
#ifndef CG_ENGINE_ENCODE_LEXICAL_H
#define CG_ENGINE_ENCODE_LEXICAL_H

#include "engine/encode/features.h"

enum { CG_LEXICAL_POSTINGS_MAX = 8192, CG_LEXICAL_HITS_MAX = 256 };

typedef struct cg_lexical_hit {
    uint32_t row;
    float product; /* cg_sparse_dot of the query and the row's exact form */
} cg_lexical_hit;

typedef struct cg_lexical_scratch cg_lexical_scratch; /* of a fixed size; one a thread */
cg_status cg_lexical_scratch_alloc(cg_allocator allocator, cg_lexical_scratch **out,
                                   cg_error *error);
void cg_lexical_scratch_free(cg_lexical_scratch *scratch);            /* NULL is fine */
uint64_t cg_lexical_scratch_bytes(const cg_lexical_scratch *scratch); /* memory held */

/* Fills hits[most] by descending product, ties by row; most <= CG_LEXICAL_HITS_MAX. Returns how
 * many were found: only rows that share a feature are. */
uint32_t cg_lexical_search(const cg_features *features, cg_sparse query, uint32_t most,
                           cg_lexical_scratch *scratch, cg_lexical_hit *hits, cg_work *work);

#endif
