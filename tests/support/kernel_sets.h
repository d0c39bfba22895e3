/* The sets of kernels that a test can run: those of this machine, and where SIMDe is installed
 * the one for AVX-512 on its emulation. */
#ifndef CG_TESTS_SUPPORT_KERNEL_SETS_H
#define CG_TESTS_SUPPORT_KERNEL_SETS_H

#include "engine/vector/kernel.h"
#include "tests/support/support.h"

enum { SETS_MAX = CG_ISA_COUNT + 1 };

#ifdef KERNEL_TEST_EMULATED
extern const cg_kernels cg_kernels_avx512_emulated;
#endif

typedef struct kernel_sets {
    const cg_kernels *set[SETS_MAX];
    int count;
} kernel_sets;

static inline kernel_sets sets_here(void) {
    kernel_sets sets = {.count = 0};
    for (int isa = 0; isa < CG_ISA_COUNT; isa++) {
        const cg_kernels *set = cg_kernels_of((cg_isa)isa);
        if (set) {
            assert_int_equal(set->isa, isa);
            sets.set[sets.count++] = set;
        }
    }
#ifdef KERNEL_TEST_EMULATED
    if (cg_kernels_of(CG_ISA_AVX2)) { /* which the emulation is made of */
        sets.set[sets.count++] = &cg_kernels_avx512_emulated;
    }
#endif
    return sets;
}

#endif
