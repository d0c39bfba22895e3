/* The features of every concept: dense vector, exact sparse form, spike pattern, by row; and an
 * inverted file over the exact forms.
 *
 * A store may stand on a base store, which it shares and never changes: rows below the base's
 * count are the base's. Rows are dense and in the order added.
 */
#ifndef CG_ENGINE_ENCODE_FEATURES_H
#define CG_ENGINE_ENCODE_FEATURES_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/encode/postings.h"
#include "engine/encode/ttfs.h"
#include "engine/fact/sparse.h"

typedef struct cg_features cg_features;

typedef struct cg_feature_row { /* borrowed until the next append */
    const float *dense;         /* float[dims] */
    const int32_t *spikes;      /* int32_t[dims] */
    cg_sparse sparse;
} cg_feature_row;

/* base: NULL, or a store with the same dims and encoding that outlives this one. */
cg_status cg_features_alloc(uint32_t dims, const cg_ttfs_options *encoding,
                            const cg_features *base, cg_allocator allocator, cg_features **out,
                            cg_error *error);
void cg_features_free(cg_features *features);

/* Copies dense[dims] and sparse, and encodes the spikes. *row: its row. Refuses NaN and
 * infinity. */
cg_status cg_features_append(cg_features *features, const float *dense, cg_sparse sparse,
                             uint32_t *row, cg_work *work, cg_error *error);

/* Takes a row of this store, not of its base, out of the inverted file. The row stays, and can be
 * read. At most once a row. Cost: linear in the lists of the row's features. */
void cg_features_withdraw(cg_features *features, uint32_t row);

uint32_t cg_features_count(const cg_features *features); /* with the base's, and withdrawn */
uint32_t cg_features_dims(const cg_features *features);
const cg_ttfs_options *cg_features_encoding(const cg_features *features);
cg_feature_row cg_features_row(const cg_features *features, uint32_t row);
/* Asks the memory for what a comparison with the row will read; row < count. */
void cg_features_prefetch(const cg_features *features, uint32_t row);
/* Only the exact form. */
void cg_features_prefetch_sparse(const cg_features *features, uint32_t row);
uint64_t cg_features_bytes(const cg_features *features); /* own rows only */

/* The inverted file over the exact forms of all rows but those withdrawn: how many hold a
 * feature, and which. */
uint32_t cg_features_frequency(const cg_features *features, uint32_t feature);
void cg_features_each_holder(const cg_features *features, uint32_t feature,
                             cg_postings_visit visit, void *context);

#endif
