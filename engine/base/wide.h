/* The 128-bit product of two 64-bit words, in standard C: schoolbook on 32-bit halves. */
#ifndef CG_ENGINE_BASE_WIDE_H
#define CG_ENGINE_BASE_WIDE_H

#include <stdint.h>

typedef struct cg_wide {
    uint64_t high;
    uint64_t low;
} cg_wide;

static inline cg_wide cg_multiply_wide(uint64_t a, uint64_t b) {
    uint64_t a_low = a & 0xffffffffu;
    uint64_t a_high = a >> 32;
    uint64_t b_low = b & 0xffffffffu;
    uint64_t b_high = b >> 32;
    uint64_t low = a_low * b_low;
    uint64_t first = a_high * b_low + (low >> 32); /* at most (2^32-1)^2 + 2^32-1: no carry */
    uint64_t second = a_low * b_high + (first & 0xffffffffu);
    return (cg_wide){
        .high = a_high * b_high + (first >> 32) + (second >> 32),
        .low = (second << 32) | (low & 0xffffffffu),
    };
}

#endif
