/* Operations on one vector of floats, and on half-precision ones. */
#ifndef CG_ENGINE_VECTOR_VECTOR_H
#define CG_ENGINE_VECTOR_VECTOR_H

#include <stdbool.h>
#include <stdint.h>

/* Scales to unit length; false (and unchanged) when the length is zero or not finite. */
bool cg_vector_normalise(float *vector, uint32_t dims);
/* Axis d is negated where bit d % 64 of flip_bits[d / 64] is set; exact. out may be vector. */
void cg_vector_flip(const float *vector, uint32_t dims, const uint64_t *flip_bits, float *out);
bool cg_vector_is_finite(const float *vector, uint32_t dims);

/* IEEE 754 binary16. Rounds to nearest, ties to even, denormals too; what is beyond 65,504
 * becomes 65,504 of its sign, so a finite number stays finite. Exact and the same on every
 * machine. Not for NaN. */
uint16_t cg_f16_from_f32(float value);
float cg_f16_to_f32(uint16_t half); /* exact; infinities and NaN as IEEE 754 has them */
void cg_f16_encode(const float *vector, uint32_t dims, uint16_t *out);
void cg_f16_decode(const uint16_t *vector, uint32_t dims, float *out);

#endif
