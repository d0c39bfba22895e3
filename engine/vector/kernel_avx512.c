/* The kernels with AVX-512 F, BW, DQ, VL and VNNI.
 *
 * Floats: one register is the sixteen lanes of kernel.h. Adding its halves is the tree's step
 * (i, i + 8); the rest is that of AVX2.
 *
 * Codes: vpdpbusd multiplies 64 unsigned bytes by 64 signed ones and adds fours of them in 32
 * bits, without saturation. The query is the signed side; rows become unsigned, and what they
 * have too much is taken off once a batch:
 *
 *   8 bits   row ^ 0x80 = row + 128: less 128 * (sum of the query); at most 255 * 127 * 65,536,
 *            which is below 2^31
 *   4 bits   value + 8, the high nibbles behind the low ones: less 8 * (sum of the query)
 *   1 bit    1 where the bit is set: twice that, less (sum of the query)
 */
#include "engine/vector/kernel_sets.h"
#include "engine/vector/kernel_x86.h"

typedef __m512 wide;

static inline wide wide_zero(void) {
    return _mm512_setzero_ps();
}

static inline wide wide_load_f32(const float *floats) {
    return _mm512_loadu_ps(floats);
}

static inline wide wide_load_f16(const uint16_t *halves) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)halves));
}

static inline wide wide_subtract(wide a, wide b) {
    return _mm512_sub_ps(a, b);
}

static inline wide wide_fma(wide a, wide b, wide c) {
    return _mm512_fmadd_ps(a, b, c);
}

static inline __m256 add_halves_floats(wide lanes) {
    __m256d high = _mm512_extractf64x4_pd(_mm512_castps_pd(lanes), 1);
    return _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm256_castpd_ps(high));
}

static inline float wide_add_up(wide lanes) {
    return add_up_floats(add_halves_floats(lanes));
}

static inline void wide_add_up_four(const wide lanes[4], uint32_t count, float *out) {
    const __m256 eight[4] = {add_halves_floats(lanes[0]), add_halves_floats(lanes[1]),
                             add_halves_floats(lanes[2]), add_halves_floats(lanes[3])};
    add_up_four_floats(eight, count, out);
}

#define CG_KERNEL_WIDE 1
#include "engine/vector/kernel_floats.h"

typedef __m512i code_sums;

enum { CODE_EXCESS_I8 = 128 };

static inline code_sums code_zero(void) {
    return _mm512_setzero_si512();
}

static inline code_sums code_block_query(const int8_t *query, code_sums sums) {
    return _mm512_dpbusd_epi32(sums, _mm512_set1_epi8(1), _mm512_loadu_si512(query));
}

static inline code_sums code_block_i8(const int8_t *query, const int8_t *row, code_sums sums) {
    __m512i raised = _mm512_xor_si512(_mm512_loadu_si512(row), _mm512_set1_epi8(-128));
    return _mm512_dpbusd_epi32(sums, raised, _mm512_loadu_si512(query));
}

static inline code_sums code_block_i4(const int8_t *query, const uint8_t *row, code_sums sums) {
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)row);
    __m512i low_high = _mm512_srlv_epi64(_mm512_broadcast_i64x4(bytes),
                                         _mm512_setr_epi64(0, 0, 0, 0, 4, 4, 4, 4));
    __m512i raised = _mm512_and_si512(low_high, _mm512_set1_epi8(15));
    return _mm512_dpbusd_epi32(sums, raised, _mm512_loadu_si512(query));
}

static inline code_sums code_block_i1(const int8_t *query, const uint8_t *row, code_sums sums) {
    uint64_t bits;
    memcpy(&bits, row, sizeof bits);
    __m512i ones = _mm512_maskz_mov_epi8(bits, _mm512_set1_epi8(1));
    return _mm512_dpbusd_epi32(sums, ones, _mm512_loadu_si512(query));
}

static inline __m256i add_halves(code_sums sums) {
    return _mm256_add_epi32(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64(sums, 1));
}

static inline int32_t code_add_up(code_sums sums) {
    return add_up(add_halves(sums));
}

static inline void code_add_up_four(const code_sums sums[4], int32_t factor, int32_t minus,
                                    uint32_t count, int32_t *out) {
    const __m256i eight[4] = {add_halves(sums[0]), add_halves(sums[1]), add_halves(sums[2]),
                              add_halves(sums[3])};
    __m128i four = add_up_four(eight);
    four = factor == 2 ? _mm_add_epi32(four, four) : four;
    store_some(_mm_sub_epi32(four, _mm_set1_epi32(minus)), count, out);
}

#define CG_KERNEL_CODES 1
#include "engine/vector/kernel_codes.h"

typedef __m512i spike_wide;

typedef struct spike_query {
    __mmask16 is_spike;
    __mmask16 is_off;
    __m512i from;
    __m512i alone;
    __m512i most;
} spike_query;

typedef struct spike_sums {
    spike_wide cost;
    spike_wide silent;
} spike_sums;

static inline spike_wide spike_zero(void) {
    return _mm512_setzero_si512();
}

static inline spike_query spike_load(const int32_t *query, uint32_t unit) {
    __m512i entry = _mm512_loadu_si512(query);
    __m512i units = _mm512_set1_epi32((int32_t)unit);
    __mmask16 is_spike = _mm512_test_epi32_mask(entry, entry);
    return (spike_query){
        is_spike, _mm512_movepi32_mask(entry), _mm512_mask_abs_epi32(units, is_spike, entry),
        _mm512_maskz_mov_epi32(is_spike, units), _mm512_add_epi32(units, units)};
}

CG_KERNEL_LOOP spike_sums spike_step(spike_query query, const int32_t *row, spike_sums sums) {
    __m512i entry = _mm512_loadu_si512(row);
    __mmask16 is_spike = _mm512_test_epi32_mask(entry, entry);
    __m512i towards = _mm512_maskz_mov_epi32(query.is_spike, entry);
    towards = _mm512_mask_sub_epi32(towards, query.is_off, _mm512_setzero_si512(), entry);
    __m512i gap = _mm512_sub_epi32(_mm512_max_epu32(query.from, towards),
                                   _mm512_min_epu32(query.from, towards));
    __m512i cost = _mm512_mask_min_epu32(query.alone, is_spike, gap, query.most);
    __mmask16 is_silent = (__mmask16)~is_spike;
    __m512i one = _mm512_set1_epi32(1);
    return (spike_sums){_mm512_add_epi32(sums.cost, cost),
                        _mm512_mask_add_epi32(sums.silent, is_silent, sums.silent, one)};
}

static inline uint32_t spike_add_up(spike_wide sums) {
    return (uint32_t)add_up(add_halves(sums));
}

static inline void spike_add_up_four(const spike_wide sums[4], uint32_t count, uint32_t *out) {
    const __m256i eight[4] = {add_halves(sums[0]), add_halves(sums[1]), add_halves(sums[2]),
                              add_halves(sums[3])};
    store_some(add_up_four(eight), count, out);
}

#define CG_KERNEL_SPIKES      1
#define CG_KERNEL_SPIKES_WIDE 16
#include "engine/vector/kernel_spikes.h"

const cg_kernels cg_kernels_avx512 = {CG_KERNEL_SET(CG_ISA_AVX512, "avx512")};
