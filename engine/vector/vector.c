/* Operations on one vector. Lengths are summed in double precision from left to right: the
 * squares of floats neither overflow nor vanish there, so every finite non-zero vector can be
 * normalised. Half precision is done in integers, so that no machine's rounding mode matters. */
#include "engine/vector/vector.h"

#include <math.h>
#include <string.h>

#include "engine/base/math.h"

enum {
    HALF_MOST = 0x7bff, /* 65,504 */
    HALF_INFINITY = 0x7c00,
    HALF_SIGN = 0x8000,
    HALF_SHIFT = 23 - 10, /* between the two fractions */
    DENORMAL_SHIFT_BASE =
        126 /* a float of biased exponent e is fraction * 2^(e - 126) * 2^-24 */
};

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

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

/* value / 2^shift to the nearest integer, ties to even; 1 <= shift <= 31. */
static uint32_t shift_rounded(uint32_t value, uint32_t shift) {
    uint32_t whole = value >> shift;
    uint32_t rest = value & ((1u << shift) - 1);
    uint32_t middle = 1u << (shift - 1);
    return whole + (rest > middle || (rest == middle && whole % 2 == 1));
}

uint16_t cg_f16_from_f32(float value) {
    uint32_t bits = bits_of(value);
    uint32_t sign = (bits >> 16) & HALF_SIGN;
    uint32_t size = bits & 0x7fffffffu;
    if (size >= 0x477fe000u) { /* 65,504 */
        return (uint16_t)(sign | HALF_MOST);
    }
    if (size >= 0x38800000u) { /* 2^-14: normal; the carry of rounding runs into the exponent */
        return (uint16_t)(sign | shift_rounded(size - ((127u - 15u) << 23), HALF_SHIFT));
    }
    if (size <= 0x33000000u) { /* 2^-25: half of the least denormal, a tie to 0 */
        return (uint16_t)sign;
    }
    uint32_t fraction = (size & 0x7fffffu) | 0x800000u;
    return (uint16_t)(sign | shift_rounded(fraction, DENORMAL_SHIFT_BASE - (size >> 23)));
}

float cg_f16_to_f32(uint16_t half) {
    uint32_t sign = (uint32_t)(half & HALF_SIGN) << 16;
    uint32_t size = half & (HALF_SIGN - 1u);
    if (size >= HALF_INFINITY) {
        uint32_t quiet = size > HALF_INFINITY ? 0x400000u : 0;
        return float_of(sign | 0x7f800000u | quiet | (size - HALF_INFINITY) << HALF_SHIFT);
    }
    if (size >= 0x400u) {
        return float_of(sign | ((size << HALF_SHIFT) + ((127u - 15u) << 23)));
    }
    return float_of(sign | bits_of((float)size * 0x1p-24f)); /* denormal: exact in a float */
}

void cg_f16_encode(const float *vector, uint32_t dims, uint16_t *out) {
    for (uint32_t d = 0; d < dims; d++) {
        out[d] = cg_f16_from_f32(vector[d]);
    }
}

void cg_f16_decode(const uint16_t *vector, uint32_t dims, float *out) {
    for (uint32_t d = 0; d < dims; d++) {
        out[d] = cg_f16_to_f32(vector[d]);
    }
}
