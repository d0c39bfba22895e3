/* Sparse vectors: the exact form of a text.
 *
 * Entries are sorted by feature, features are distinct, weights are finite and not zero, and
 * the whole has unit length (or is empty). A cg_sparse borrows its arrays from whoever made it.
 */
#ifndef CG_ENGINE_FACT_SPARSE_H
#define CG_ENGINE_FACT_SPARSE_H

#include <stdint.h>

#include "engine/base/status.h"

enum { CG_SPARSE_ENTRIES_MAX = 256 };

typedef struct cg_sparse {
    const uint32_t *features; /* [count], ascending */
    const float *weights;     /* [count] */
    uint32_t count;
} cg_sparse;

/* Σ left_f * right_f over common features, added in ascending order of feature. */
float cg_sparse_dot(cg_sparse left, cg_sparse right);

/* Checks all invariants above but unit length; `what` names the vector in the message. */
cg_status cg_sparse_check(cg_sparse sparse, const char *what, cg_error *error);

#endif
