/* The kernel sets that are compiled in, one file for each instruction set, and what they share
 * (private to engine/vector). */
#ifndef CG_ENGINE_VECTOR_KERNEL_SETS_H
#define CG_ENGINE_VECTOR_KERNEL_SETS_H

#include "engine/vector/kernel.h"

enum {
    CG_KERNEL_LANES = 16, /* of floats */
    CG_KERNEL_BLOCK = 64, /* dims of codes */
    CG_KERNEL_GROUP = 4,  /* rows that are worked on together */
    /* Compiled apart, so that the loops over dims unroll: 5 to 20% faster. */
    CG_KERNEL_USUAL_DIMS = 128
};

/* For the loops that become a kernel each by the constants they are called with: left to itself
 * gcc shares one copy among several, with the choice inside. Those over a batch take it by value:
 * it cannot change under what they store, so it stays in registers. */
#define CG_KERNEL_LOOP static inline __attribute__((always_inline))

/* What stands between the braces of a set, in a file that gives each kernel its own name. */
#define CG_KERNEL_SET(set_isa, set_name)                                                       \
    .isa = (set_isa), .name = (set_name), .dot_f32 = dot_f32,                                  \
    .square_distance_f32 = square_distance_f32, .dot_f16 = dot_f16,                            \
    .square_distance_f16 = square_distance_f16, .dot_i8 = dot_i8, .dot_i4 = dot_i4,            \
    .dot_i1 = dot_i1, .dot_f32_many = dot_f32_many,                                            \
    .square_distance_f32_many = square_distance_f32_many, .dot_f16_many = dot_f16_many,        \
    .square_distance_f16_many = square_distance_f16_many, .dot_i8_many = dot_i8_many,          \
    .dot_i4_many = dot_i4_many, .dot_i1_many = dot_i1_many, .spike_cost_i32 = spike_cost,      \
    .spike_cost_i32_many = spike_cost_many

extern const cg_kernels cg_kernels_scalar;
extern const cg_kernels cg_kernels_avx2;   /* only where CG_KERNEL_AVX2 is defined */
extern const cg_kernels cg_kernels_avx512; /* only where CG_KERNEL_AVX512 is defined */
extern const cg_kernels cg_kernels_neon;   /* only where CG_KERNEL_NEON is defined */

CG_KERNEL_LOOP const void *batch_row(const cg_row_batch *batch, uint32_t i) {
    return (const unsigned char *)batch->table + batch->stride_bytes * batch->rows[i];
}

/* The rows from `first` on; behind the batch's end its last row again, so that a group is always
 * full. Returns how many of them count. */
CG_KERNEL_LOOP uint32_t batch_group(const cg_row_batch *batch, uint32_t first,
                                    const void *group[CG_KERNEL_GROUP]) {
    uint32_t left = batch->count - first;
    if (left >= CG_KERNEL_GROUP) {
        for (uint32_t i = 0; i < CG_KERNEL_GROUP; i++) {
            group[i] = batch_row(batch, first + i);
        }
        return CG_KERNEL_GROUP;
    }
    for (uint32_t i = 0; i < CG_KERNEL_GROUP; i++) {
        group[i] = batch_row(batch, first + (i < left ? i : left - 1));
    }
    return left;
}

#endif
