/* Sparse vectors: a merge of two sorted lists, and the check of their invariants.
 *
 * The dot product is rounded once for each product and once for each sum, in ascending order of
 * feature. Known value: {1: 0.5, 3: 2} . {1: 2, 2: 9, 3: 0.25} = 1.5.
 */
#include "engine/fact/sparse.h"

#include <float.h>

float cg_sparse_dot(cg_sparse left, cg_sparse right) {
    float sum = 0.0f;
    uint32_t i = 0;
    uint32_t j = 0;
    while (i < left.count && j < right.count) {
        uint32_t left_feature = left.features[i];
        uint32_t right_feature = right.features[j];
        if (left_feature == right_feature) {
            sum += left.weights[i] * right.weights[j];
        }
        i += left_feature <= right_feature;
        j += right_feature <= left_feature;
    }
    return sum;
}

cg_status cg_sparse_check(cg_sparse sparse, const char *what, cg_error *error) {
    if (sparse.count > CG_SPARSE_ENTRIES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s has %u entries; at most %d are allowed", what, sparse.count,
                            (int)CG_SPARSE_ENTRIES_MAX);
    }
    for (uint32_t i = 0; i < sparse.count; i++) {
        float weight = sparse.weights[i];
        if (i > 0 && sparse.features[i] <= sparse.features[i - 1]) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "entry %u of %s has feature %u after feature %u; features must "
                                "ascend",
                                i, what, sparse.features[i], sparse.features[i - 1]);
        }
        if (!(weight >= -FLT_MAX && weight <= FLT_MAX) || weight == 0.0f) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "entry %u of %s (feature %u) has weight %g; weights must be "
                                "finite and not zero",
                                i, what, sparse.features[i], (double)weight);
        }
    }
    return CG_OK;
}
