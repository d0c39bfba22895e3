/* Distance kernels over dense float vectors, the same bits on every instruction set (spec C4).
 *
 * Order of summation, everywhere: 16 lanes; lane i takes elements i, i+16, i+32 ... with fused
 * multiply-add; then the lanes are added as the tree (i, i+8), (i, i+4), (i, i+2), (i, i+1).
 * The scalar form uses fmaf. Dims must be a multiple of 16.
 */
#ifndef CG_ENGINE_VECTOR_KERNEL_H
#define CG_ENGINE_VECTOR_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

typedef enum cg_isa { CG_ISA_SCALAR, CG_ISA_AVX2, CG_ISA_COUNT } cg_isa;

/* A set of kernels for one instruction set. dot: Σ a_i b_i; square_distance: Σ (a_i -
 * b_i)^2. */
typedef struct cg_kernels {
    cg_isa isa;
    const char *name; /* "scalar", "avx2" */
    float (*dot_f32)(const float *left, const float *right, uint32_t dims);
    float (*square_distance_f32)(const float *left, const float *right, uint32_t dims);
    /* Spike patterns as in engine/encode/ttfs.h: Σ over axes of min(|a - b|, 2 unit) where both
     * have one sign, else `unit` for each that is not 0. Adds the entries that are not 0 to
     * *spikes. Sums in 32 bits: dims * 2 unit must fit. */
    uint32_t (*spike_cost_i32)(const int32_t *left, const int32_t *right, uint32_t dims,
                               uint32_t unit, uint32_t *spikes);
} cg_kernels;

/* NULL when this machine cannot run the instruction set. */
const cg_kernels *cg_kernels_of(cg_isa isa);
/* The best one this machine can run. Results do not depend on the choice. */
const cg_kernels *cg_kernels_best(void);

/* Scales to unit length; false (and unchanged) when the length is zero or not finite. */
bool cg_vector_normalise(float *vector, uint32_t dims);
/* Axis d is negated where bit d % 64 of flip_bits[d / 64] is set; exact. out may be vector. */
void cg_vector_flip(const float *vector, uint32_t dims, const uint64_t *flip_bits, float *out);
bool cg_vector_is_finite(const float *vector, uint32_t dims);

#endif
