/* AVX-512 for machines without it: SIMDe's functions under the intrinsics' own names. Given to
 * the compiler (-include) before engine/vector/kernel_avx512.c, with -mavx2 -mfma -mf16c: the
 * emulation is made of 256-bit instructions then, and its fused multiply-add rounds once. */
#ifndef CG_TESTS_SUPPORT_AVX512_EMULATED_H
#define CG_TESTS_SUPPORT_AVX512_EMULATED_H

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

#ifndef SIMDE_X86_FMA_NATIVE
#error "without -mfma SIMDe multiplies and adds with two roundings"
#endif

/* Not in SIMDe 0.7.4. */
static inline simde__m512 emulated_cvtph_ps(simde__m256i halves) {
    simde__m256 parts[2] = {_mm256_cvtph_ps(_mm256_castsi256_si128(halves)),
                            _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1))};
    return simde_mm512_loadu_ps(parts);
}
#undef _mm512_cvtph_ps
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c): an intrinsic's own name */
#define _mm512_cvtph_ps(halves) emulated_cvtph_ps(halves)

#endif
