/* An inverted file over exact sparse forms: which rows hold a feature, and with what weight.
 *
 * The dense form keeps cosines to about 1 / sqrt(dims) only, so neighbours that share rare
 * words are lost among noise; the inverted file finds them at the price of reading their
 * postings. On WordNet the 50 nearest by the dense form lead to the right concept in 64% of
 * held-out facts, by the exact form in 91%.
 *
 * Rows are added in ascending order. A list is a chain of blocks in one pool, newest first. A row
 * that is removed leaves its place in each list to the one added last.
 */
#ifndef CG_ENGINE_ENCODE_POSTINGS_H
#define CG_ENGINE_ENCODE_POSTINGS_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/fact/sparse.h"

typedef struct cg_postings cg_postings;

cg_status cg_postings_alloc(cg_allocator allocator, cg_postings **out, cg_error *error);
void cg_postings_free(cg_postings *postings); /* NULL is fine */

/* Makes room for one row, so that cg_postings_add cannot fail for it. */
cg_status cg_postings_reserve(cg_postings *postings, cg_sparse sparse, cg_error *error);
/* Adds a reserved row, larger than any before. */
void cg_postings_add(cg_postings *postings, uint32_t row, cg_sparse sparse);

/* Takes a row out again that was added with the same form. Cost: linear in the lists of its
 * features. */
void cg_postings_remove(cg_postings *postings, uint32_t row, cg_sparse sparse);

/* How many rows hold the feature. */
uint32_t cg_postings_frequency(const cg_postings *postings, uint32_t feature);
typedef void (*cg_postings_visit)(void *context, uint32_t row, float weight);
/* Visits them all, in an order that depends on nothing but what was added and removed. */
void cg_postings_each(const cg_postings *postings, uint32_t feature, cg_postings_visit visit,
                      void *context);
uint64_t cg_postings_bytes(const cg_postings *postings);

#endif
