/* Adding up the lanes of registers of 256 bits, for AVX2 and AVX-512 alike (private to
 * engine/vector).
 *
 * Four rows are added up together: the lanes of two rows that are to be added are brought side
 * by side, so that each addition serves two rows, then four. The additions of floats are those
 * of kernel.h's tree, one by one. Empty where the compiler may not use AVX2.
 */
#ifndef CG_ENGINE_VECTOR_KERNEL_X86_H
#define CG_ENGINE_VECTOR_KERNEL_X86_H
#ifdef __AVX2__

#ifndef CG_KERNEL_EMULATED /* else the compiler was given the intrinsics' emulation first */
#include <immintrin.h>
#endif
#include <stdint.h>
#include <string.h>

#include "engine/vector/kernel_sets.h"

/* The first `count` <= 4 of four 32-bit values. */
static inline void store_some(__m128i values, uint32_t count, void *out) {
    if (count == CG_KERNEL_GROUP) {
        _mm_storeu_si128((__m128i *)out, values);
        return;
    }
    if (count >= 2) {
        _mm_storel_epi64((__m128i *)out, values);
        values = _mm_unpackhi_epi64(values, values);
    }
    if (count % 2 == 1) {
        int32_t last = _mm_cvtsi128_si32(values);
        memcpy((unsigned char *)out + (count - 1) * sizeof last, &last, sizeof last);
    }
}

/* The tree from its second step on: (i, i + 4), (i, i + 2), (i, i + 1). */
static inline float add_up_floats(__m256 eight) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    __m128 one = _mm_add_ss(two, _mm_shuffle_ps(two, two, 1));
    return _mm_cvtss_f32(one);
}

static inline void add_up_four_floats(const __m256 eight[4], uint32_t count, float *out) {
    __m256 even = _mm256_add_ps(_mm256_permute2f128_ps(eight[0], eight[2], 0x20),
                                _mm256_permute2f128_ps(eight[0], eight[2], 0x31));
    __m256 odd = _mm256_add_ps(_mm256_permute2f128_ps(eight[1], eight[3], 0x20),
                               _mm256_permute2f128_ps(eight[1], eight[3], 0x31));
    __m256 two =
        _mm256_add_ps(_mm256_shuffle_ps(even, odd, 0x44), _mm256_shuffle_ps(even, odd, 0xee));
    __m128 first = _mm256_castps256_ps128(two); /* rows 0 and 1 */
    __m128 second = _mm256_extractf128_ps(two, 1);
    __m128 one =
        _mm_add_ps(_mm_shuffle_ps(first, second, 0x88), _mm_shuffle_ps(first, second, 0xdd));
    store_some(_mm_castps_si128(one), count, out);
}

static inline int32_t add_up(__m256i eight) {
    __m128i four =
        _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

static inline __m128i add_up_four(const __m256i eight[4]) {
    __m256i even = _mm256_add_epi32(_mm256_unpacklo_epi32(eight[0], eight[1]),
                                    _mm256_unpackhi_epi32(eight[0], eight[1]));
    __m256i odd = _mm256_add_epi32(_mm256_unpacklo_epi32(eight[2], eight[3]),
                                   _mm256_unpackhi_epi32(eight[2], eight[3]));
    __m256i two =
        _mm256_add_epi32(_mm256_unpacklo_epi64(even, odd), _mm256_unpackhi_epi64(even, odd));
    return _mm_add_epi32(_mm256_castsi256_si128(two), _mm256_extracti128_si256(two, 1));
}

#endif
#endif
