/* Operations on one vector. Lengths are summed in double precision from left to right: the
 * squares of floats neither overflow nor vanish there, so every finite non-zero vector can be
 * normalised. */
#include <math.h>

#include "engine/base/math.h"
#include "engine/vector/kernel.h"

bool cg_vector_is_finite(const float *vector, uint32_t dims) {
    for (uint32_t d = 0; d < dims; d++) {
        if (!isfinite(vector[d])) {
            return false;
        }
    }
    return true;
}

bool cg_vector_normalise(float *vector, uint32_t dims) {
    double squares = 0.0;
    for (uint32_t d = 0; d < dims; d++) {
        squares += (double)vector[d] * (double)vector[d];
    }
    if (!isfinite(squares) || squares <= 0.0) {
        return false;
    }
    double length = cg_sqrt(squares);
    for (uint32_t d = 0; d < dims; d++) {
        vector[d] = (float)((double)vector[d] / length);
    }
    return true;
}

void cg_vector_flip(const float *vector, uint32_t dims, const uint64_t *flip_bits, float *out) {
    for (uint32_t d = 0; d < dims; d++) {
        out[d] = (flip_bits[d / 64] >> (d % 64)) & 1u ? -vector[d] : vector[d];
    }
}
