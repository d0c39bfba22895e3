/* The kernel sets that are compiled in, one file for each instruction set (private to
 * engine/vector). */
#ifndef CG_ENGINE_VECTOR_KERNEL_SETS_H
#define CG_ENGINE_VECTOR_KERNEL_SETS_H

#include "engine/vector/kernel.h"

enum { CG_KERNEL_LANES = 16 };

extern const cg_kernels cg_kernels_scalar;
extern const cg_kernels cg_kernels_avx2; /* only where CG_KERNEL_AVX2 is defined */

#endif
