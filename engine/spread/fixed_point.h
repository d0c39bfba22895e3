/* The fixed-point arithmetic of spreading (spread.c says why), for engine/spread alone. */
#ifndef CG_ENGINE_SPREAD_FIXED_POINT_H
#define CG_ENGINE_SPREAD_FIXED_POINT_H

#include "engine/base/wide.h"

#define SPREAD_POINT_LEVEL_BITS 44u
#define SPREAD_POINT_DECAY_BITS 48u
#define SPREAD_POINT_OUT_BITS   36u
/* 0.93, what a visit beyond the budget multiplies the one before it by; of 2^48. */
#define SPREAD_POINT_FADE ((uint64_t)(0.93 * (double)(UINT64_C(1) << 48) + 0.5))

/* value * fraction / 2^bits, rounded to the nearest; bits 1..63. */
static inline uint64_t spread_point_scale(uint64_t value, uint64_t fraction, uint32_t bits) {
    cg_wide product = cg_multiply_wide(value, fraction);
    return (product.high << (64 - bits)) + (product.low >> bits) +
           ((product.low >> (bits - 1)) & 1);
}

/* level * decay (/ edges), rounded to the bits of what is passed on; never falls as level rises. */
static inline uint64_t spread_point_outgoing(uint64_t level, uint64_t decay, uint32_t edges) {
    uint64_t out = spread_point_scale(level, decay,
                                      SPREAD_POINT_LEVEL_BITS + SPREAD_POINT_DECAY_BITS -
                                          SPREAD_POINT_OUT_BITS);
    return edges > 1 ? (out + edges / 2) / edges : out;
}

/* fade * 0.93, cut off. */
static inline uint64_t spread_point_fade(uint64_t fade) {
    cg_wide product = cg_multiply_wide(fade, SPREAD_POINT_FADE);
    return product.high << 16 | product.low >> 48;
}

#endif
