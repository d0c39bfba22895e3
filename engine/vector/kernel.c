#include "engine/vector/kernel.h"

#include <stddef.h>

#include "engine/vector/kernel_sets.h"

/* What __builtin_cpu_supports reads was found out once, when the program began. */

#ifdef CG_KERNEL_AVX2
static bool has_avx2(void) {
    bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#ifndef __clang__ /* has no name for F16C; processors with both of the above have it */
    has = has && __builtin_cpu_supports("f16c");
#endif
    return has;
}
#endif

#ifdef CG_KERNEL_AVX512
static bool has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
}
#endif

const cg_kernels *cg_kernels_of(cg_isa isa) {
    switch (isa) {
    case CG_ISA_SCALAR:
        return &cg_kernels_scalar;
    case CG_ISA_AVX2:
#ifdef CG_KERNEL_AVX2
        return has_avx2() ? &cg_kernels_avx2 : NULL;
#else
        return NULL;
#endif
    case CG_ISA_AVX512:
#ifdef CG_KERNEL_AVX512
        return has_avx512() ? &cg_kernels_avx512 : NULL;
#else
        return NULL;
#endif
    case CG_ISA_NEON:
#ifdef CG_KERNEL_NEON
        return &cg_kernels_neon; /* every AArch64 has it */
#else
        return NULL;
#endif
    case CG_ISA_COUNT:
        break;
    }
    return NULL;
}

const cg_kernels *cg_kernels_best(void) {
    static const cg_isa preferred[] = {CG_ISA_AVX512, CG_ISA_AVX2, CG_ISA_NEON};
    for (size_t i = 0; i < sizeof preferred / sizeof *preferred; i++) {
        const cg_kernels *wide = cg_kernels_of(preferred[i]);
        if (wide) {
            return wide;
        }
    }
    return &cg_kernels_scalar;
}
