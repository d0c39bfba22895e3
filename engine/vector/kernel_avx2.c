/* Dense float distances with AVX2 and FMA: two accumulators of eight lanes are the sixteen of
 * kernel.h.
 *
 * Adding the two accumulators is the tree's step (i, i + 8), adding the halves (i, i + 4), and
 * so on, so each rounding happens to the same numbers as in kernel_scalar.c. One distance is
 * bound by the latency of its chain of fused multiply-adds; independent calls in a row overlap,
 * so no wider unrolling is needed.
 */
#include <immintrin.h>
#include <stdint.h>

#include "engine/vector/kernel_sets.h"
#include "engine/vector/kernel_spikes.h"

static float add_lanes(__m256 low, __m256 high) {
    __m256 eight = _mm256_add_ps(low, high);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    __m128 one = _mm_add_ss(two, _mm_shuffle_ps(two, two, 1));
    return _mm_cvtss_f32(one);
}

static float dot_avx2(const float *left, const float *right, uint32_t dims) {
    __m256 low = _mm256_setzero_ps();
    __m256 high = _mm256_setzero_ps();
    for (uint32_t start = 0; start < dims; start += CG_KERNEL_LANES) {
        low =
            _mm256_fmadd_ps(_mm256_loadu_ps(left + start), _mm256_loadu_ps(right + start), low);
        high = _mm256_fmadd_ps(_mm256_loadu_ps(left + start + 8),
                               _mm256_loadu_ps(right + start + 8), high);
    }
    return add_lanes(low, high);
}

static float square_distance_avx2(const float *left, const float *right, uint32_t dims) {
    __m256 low = _mm256_setzero_ps();
    __m256 high = _mm256_setzero_ps();
    for (uint32_t start = 0; start < dims; start += CG_KERNEL_LANES) {
        __m256 first =
            _mm256_sub_ps(_mm256_loadu_ps(left + start), _mm256_loadu_ps(right + start));
        __m256 second = _mm256_sub_ps(_mm256_loadu_ps(left + start + 8),
                                      _mm256_loadu_ps(right + start + 8));
        low = _mm256_fmadd_ps(first, first, low);
        high = _mm256_fmadd_ps(second, second, high);
    }
    return add_lanes(low, high);
}

const cg_kernels cg_kernels_avx2 = {
    .isa = CG_ISA_AVX2,
    .name = "avx2",
    .dot_f32 = dot_avx2,
    .square_distance_f32 = square_distance_avx2,
    .spike_cost_i32 = spike_cost,
};
