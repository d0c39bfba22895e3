#include "engine/vector/kernel.h"

#include <stddef.h>

#include "engine/vector/kernel_sets.h"

const cg_kernels *cg_kernels_of(cg_isa isa) {
    switch (isa) {
    case CG_ISA_SCALAR:
        return &cg_kernels_scalar;
    case CG_ISA_AVX2:
#ifdef CG_KERNEL_AVX2
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
            return &cg_kernels_avx2;
        }
#endif
        return NULL;
    case CG_ISA_COUNT:
        break;
    }
    return NULL;
}

const cg_kernels *cg_kernels_best(void) {
    const cg_kernels *wide = cg_kernels_of(CG_ISA_AVX2);
    return wide ? wide : &cg_kernels_scalar;
}
