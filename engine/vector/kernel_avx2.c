/* The kernels with AVX2, FMA and F16C.
 *
 * Floats: two registers of eight lanes are the sixteen of kernel.h. Adding the two is the tree's
 * step (i, i + 8), adding the halves (i, i + 4), and so on, so each rounding happens to the same
 * numbers as in kernel_scalar.c.
 *
 * Codes: vpmaddubsw multiplies 32 unsigned bytes by 32 signed ones and adds pairs in 16 bits,
 * where it saturates. None of the three gets there:
 *
 *   8 bits   |query| * (row with the sign of the query): 2 * 127 * 127 = 32,258
 *   4 bits   (value + 8) * query, 15 * 127 * 2 = 3,810, so eight are added before they are
 *            widened; then 8 * (sum of the query) is taken off
 *   1 bit    bit * query. Each 8 bytes of a row stand in all four quarters of a register, shifted
 *            by 0, 2, 4 and 6, so that bits 0 and 1 of every byte are the 64 dims; the query is
 *            brought into that order once a batch. Bit 1 counts twice its worth as it stands, so
 *            2 * (the sums of bit 0) + (the sums of bit 1) - (sum of the query) is the product.
 */
#include <stdint.h>
#include <string.h>

#include "engine/vector/kernel_sets.h"
#include "engine/vector/kernel_x86.h"

typedef struct wide {
    __m256 low;
    __m256 high;
} wide;

static inline wide wide_zero(void) {
    return (wide){_mm256_setzero_ps(), _mm256_setzero_ps()};
}

static inline wide wide_load_f32(const float *floats) {
    return (wide){_mm256_loadu_ps(floats), _mm256_loadu_ps(floats + 8)};
}

static inline wide wide_load_f16(const uint16_t *halves) {
    return (wide){
        _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)halves)),
        _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(halves + 8)))};
}

static inline wide wide_subtract(wide a, wide b) {
    return (wide){_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}

static inline wide wide_fma(wide a, wide b, wide c) {
    return (wide){_mm256_fmadd_ps(a.low, b.low, c.low),
                  _mm256_fmadd_ps(a.high, b.high, c.high)};
}

static inline float wide_add_up(wide lanes) {
    return add_up_floats(_mm256_add_ps(lanes.low, lanes.high));
}

static inline void wide_add_up_four(const wide lanes[4], uint32_t count, float *out) {
    __m256 eight[4];
    for (int r = 0; r < 4; r++) {
        eight[r] = _mm256_add_ps(lanes[r].low, lanes[r].high);
    }
    add_up_four_floats(eight, count, out);
}

#define CG_KERNEL_WIDE 1
#include "engine/vector/kernel_floats.h"

static inline __m256i load(const void *bytes) {
    return _mm256_loadu_si256((const __m256i *)bytes);
}

/* Pairs of 16 bits, added in 32. */
static inline __m256i widen(__m256i pairs) {
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

static inline void store_less(const __m256i sums[4], int32_t minus, uint32_t count,
                              int32_t *out) {
    __m128i four = _mm_sub_epi32(add_up_four(sums), _mm_set1_epi32(minus));
    store_some(four, count, out);
}

static int32_t sum_of(const int8_t *query, uint32_t dims) {
    __m256i sum = _mm256_setzero_si256();
    for (uint32_t d = 0; d < dims; d += 32) {
        __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), load(query + d));
        sum = _mm256_add_epi32(sum, widen(pairs));
    }
    return add_up(sum);
}

static inline __m256i multiply_i8(__m256i query, __m256i size, const int8_t *row) {
    return widen(_mm256_maddubs_epi16(size, _mm256_sign_epi8(load(row), query)));
}

static int32_t dot_i8(const int8_t *query, const int8_t *row, uint32_t dims) {
    __m256i sum = _mm256_setzero_si256();
    for (uint32_t d = 0; d < dims; d += 32) {
        __m256i part = load(query + d);
        sum = _mm256_add_epi32(sum, multiply_i8(part, _mm256_abs_epi8(part), row + d));
    }
    return add_up(sum);
}

CG_KERNEL_LOOP void dot_i8_rows(const int8_t *query, cg_row_batch batch, uint32_t dims,
                                int32_t *out) {
    for (uint32_t first = 0; first < batch.count; first += CG_KERNEL_GROUP) {
        const void *rows[CG_KERNEL_GROUP];
        uint32_t count = batch_group(&batch, first, rows);
        __m256i sums[CG_KERNEL_GROUP] = {_mm256_setzero_si256()};
        for (uint32_t d = 0; d < dims; d += 32) {
            __m256i part = load(query + d);
            __m256i size = _mm256_abs_epi8(part);
            for (uint32_t r = 0; r < CG_KERNEL_GROUP; r++) {
                const int8_t *row = (const int8_t *)rows[r] + d;
                sums[r] = _mm256_add_epi32(sums[r], multiply_i8(part, size, row));
            }
        }
        store_some(add_up_four(sums), count, out + first);
    }
}

static void dot_i8_many(const int8_t *query, const cg_row_batch *batch, int32_t *out) {
    if (batch->dims == CG_KERNEL_USUAL_DIMS) {
        dot_i8_rows(query, *batch, CG_KERNEL_USUAL_DIMS, out);
    } else {
        dot_i8_rows(query, *batch, batch->dims, out);
    }
}

/* One block of 64 dims, in 16 bits: at most 2 * 3,810. */
static inline __m256i multiply_i4(__m256i low, __m256i high, const uint8_t *row) {
    __m256i nibble = _mm256_set1_epi8(15);
    __m256i bytes = load(row);
    __m256i first = _mm256_and_si256(bytes, nibble);
    __m256i second = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble);
    return _mm256_add_epi16(_mm256_maddubs_epi16(first, low),
                            _mm256_maddubs_epi16(second, high));
}

static int32_t dot_i4(const int8_t *query, const uint8_t *row, uint32_t dims) {
    __m256i sum = _mm256_setzero_si256();
    __m256i eight = _mm256_set1_epi8(8);
    for (uint32_t d = 0; d < dims; d += CG_KERNEL_BLOCK) {
        __m256i low = load(query + d);
        __m256i high = load(query + d + 32);
        __m256i minus = _mm256_add_epi16(_mm256_maddubs_epi16(eight, low),
                                         _mm256_maddubs_epi16(eight, high));
        __m256i pairs = _mm256_sub_epi16(multiply_i4(low, high, row + d / 2), minus);
        sum = _mm256_add_epi32(sum, widen(pairs));
    }
    return add_up(sum);
}

CG_KERNEL_LOOP void dot_i4_rows(const int8_t *query, cg_row_batch batch, uint32_t dims,
                                int32_t *out) {
    enum { CHUNK = 4 * CG_KERNEL_BLOCK }; /* 8 * 3,810 fit 16 bits */
    int32_t minus = 8 * sum_of(query, dims);
    for (uint32_t first = 0; first < batch.count; first += CG_KERNEL_GROUP) {
        const void *rows[CG_KERNEL_GROUP];
        uint32_t count = batch_group(&batch, first, rows);
        __m256i sums[CG_KERNEL_GROUP] = {_mm256_setzero_si256()};
        for (uint32_t start = 0; start < dims; start += CHUNK) {
            uint32_t end = dims - start < CHUNK ? dims : start + CHUNK;
            __m256i pairs[CG_KERNEL_GROUP] = {_mm256_setzero_si256()};
            for (uint32_t d = start; d < end; d += CG_KERNEL_BLOCK) {
                __m256i low = load(query + d);
                __m256i high = load(query + d + 32);
                for (uint32_t r = 0; r < CG_KERNEL_GROUP; r++) {
                    const uint8_t *row = (const uint8_t *)rows[r] + d / 2;
                    pairs[r] = _mm256_add_epi16(pairs[r], multiply_i4(low, high, row));
                }
            }
            for (uint32_t r = 0; r < CG_KERNEL_GROUP; r++) {
                sums[r] = _mm256_add_epi32(sums[r], widen(pairs[r]));
            }
        }
        store_less(sums, minus, count, out + first);
    }
}

static void dot_i4_many(const int8_t *query, const cg_row_batch *batch, int32_t *out) {
    if (batch->dims == CG_KERNEL_USUAL_DIMS) {
        dot_i4_rows(query, *batch, CG_KERNEL_USUAL_DIMS, out);
    } else {
        dot_i4_rows(query, *batch, batch->dims, out);
    }
}

/* 32 bytes, byte 4i + j to place 8j + i. */
static inline __m256i transpose_8x4(__m256i bytes) {
    __m256i within = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    return _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(bytes, within),
                                       _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

typedef struct bit_query {
    __m256i even;
    __m256i odd;
} bit_query;

/* Of a block's dims, 8i + 2j to place 8j + i of `even`, and the one after it to the same place
 * of `odd`; i < 8, j < 4. */
static inline bit_query order_for_bits(const int8_t *query) {
    __m256i low = load(query);
    __m256i high = load(query + 32);
    __m256i byte = _mm256_set1_epi16(0xff);
    __m256i even =
        _mm256_packus_epi16(_mm256_and_si256(low, byte), _mm256_and_si256(high, byte));
    __m256i odd = _mm256_packus_epi16(_mm256_srli_epi16(low, 8), _mm256_srli_epi16(high, 8));
    return (bit_query){transpose_8x4(_mm256_permute4x64_epi64(even, 0xd8)),
                       transpose_8x4(_mm256_permute4x64_epi64(odd, 0xd8))};
}

typedef struct bit_sums {
    __m256i first;  /* of bit 0 */
    __m256i second; /* of bit 1, twice its worth */
} bit_sums;

/* One block of 64 dims, in 16 bits: at most 254 and 508 more. */
static inline bit_sums multiply_i1(bit_query query, const uint8_t *row, bit_sums sums) {
    int64_t bits;
    memcpy(&bits, row, sizeof bits);
    __m256i bytes = _mm256_srlv_epi64(_mm256_set1_epi64x(bits), _mm256_setr_epi64x(0, 2, 4, 6));
    __m256i first = _mm256_and_si256(bytes, _mm256_set1_epi8(1));
    __m256i second = _mm256_and_si256(bytes, _mm256_set1_epi8(2));
    sums.first = _mm256_add_epi16(sums.first, _mm256_maddubs_epi16(first, query.even));
    sums.second = _mm256_add_epi16(sums.second, _mm256_maddubs_epi16(second, query.odd));
    return sums;
}

static inline __m256i widen_bits(bit_sums sums) {
    __m256i twice = _mm256_madd_epi16(sums.first, _mm256_set1_epi16(2));
    return _mm256_add_epi32(twice, widen(sums.second));
}

static int32_t dot_i1(const int8_t *query, const uint8_t *row, uint32_t dims) {
    __m256i sum = _mm256_setzero_si256();
    for (uint32_t d = 0; d < dims; d += CG_KERNEL_BLOCK) {
        bit_sums pairs = {_mm256_setzero_si256(), _mm256_setzero_si256()};
        pairs = multiply_i1(order_for_bits(query + d), row + d / 8, pairs);
        sum = _mm256_add_epi32(sum, widen_bits(pairs));
    }
    return add_up(sum) - sum_of(query, dims);
}

enum { BIT_CHUNK = 1024 }; /* dims; 16 blocks of 508 fit 16 bits */

/* Dims `start` to `end` (at most BIT_CHUNK) of all rows; beyond the first chunk they are added to
 * what is there. */
CG_KERNEL_LOOP void dot_i1_chunk(const int8_t *query, cg_row_batch batch, uint32_t start,
                                 uint32_t dims, int32_t *out) {
    bit_query ordered[BIT_CHUNK / CG_KERNEL_BLOCK];
    for (uint32_t d = 0; d < dims; d += CG_KERNEL_BLOCK) {
        ordered[d / CG_KERNEL_BLOCK] = order_for_bits(query + start + d);
    }
    int32_t minus = sum_of(query + start, dims);
    for (uint32_t first = 0; first < batch.count; first += CG_KERNEL_GROUP) {
        const void *rows[CG_KERNEL_GROUP];
        uint32_t count = batch_group(&batch, first, rows);
        bit_sums pairs[CG_KERNEL_GROUP] = {{_mm256_setzero_si256(), _mm256_setzero_si256()}};
        for (uint32_t d = 0; d < dims; d += CG_KERNEL_BLOCK) {
            bit_query part = ordered[d / CG_KERNEL_BLOCK];
            for (uint32_t r = 0; r < CG_KERNEL_GROUP; r++) {
                const uint8_t *row = (const uint8_t *)rows[r] + (start + d) / 8;
                pairs[r] = multiply_i1(part, row, pairs[r]);
            }
        }
        __m256i sums[CG_KERNEL_GROUP];
        for (uint32_t r = 0; r < CG_KERNEL_GROUP; r++) {
            sums[r] = widen_bits(pairs[r]);
        }
        if (start == 0) {
            store_less(sums, minus, count, out + first);
        } else {
            int32_t more[CG_KERNEL_GROUP];
            store_less(sums, minus, CG_KERNEL_GROUP, more);
            for (uint32_t r = 0; r < count; r++) {
                out[first + r] += more[r];
            }
        }
    }
}

static void dot_i1_many(const int8_t *query, const cg_row_batch *batch, int32_t *out) {
    if (batch->dims == CG_KERNEL_USUAL_DIMS) {
        dot_i1_chunk(query, *batch, 0, CG_KERNEL_USUAL_DIMS, out);
        return;
    }
    uint32_t start = 0;
    do {
        uint32_t dims = batch->dims - start;
        dot_i1_chunk(query, *batch, start, dims < BIT_CHUNK ? dims : BIT_CHUNK, out);
        start += BIT_CHUNK;
    } while (start < batch->dims);
}

typedef __m256i spike_wide;

typedef struct spike_query {
    __m256i entry;
    __m256i from;
    __m256i alone;
    __m256i most;
} spike_query;

static inline spike_wide spike_zero(void) {
    return _mm256_setzero_si256();
}

static inline spike_query spike_load(const int32_t *query, uint32_t unit) {
    __m256i entry = load(query);
    __m256i units = _mm256_set1_epi32((int32_t)unit);
    __m256i is_silent = _mm256_cmpeq_epi32(entry, _mm256_setzero_si256());
    __m256i instead = _mm256_and_si256(is_silent, units);
    return (spike_query){entry, _mm256_or_si256(_mm256_abs_epi32(entry), instead),
                         _mm256_andnot_si256(is_silent, units), _mm256_add_epi32(units, units)};
}

typedef struct spike_sums {
    spike_wide cost;
    spike_wide silent;
} spike_sums;

CG_KERNEL_LOOP spike_sums spike_step(spike_query query, const int32_t *row, spike_sums sums) {
    __m256i entry = load(row);
    __m256i towards = _mm256_sign_epi32(entry, query.entry);
    __m256i gap = _mm256_sub_epi32(_mm256_max_epu32(query.from, towards),
                                   _mm256_min_epu32(query.from, towards));
    __m256i moved = _mm256_min_epu32(gap, query.most);
    __m256i is_silent = _mm256_cmpeq_epi32(entry, _mm256_setzero_si256());
    __m256i cost = _mm256_blendv_epi8(moved, query.alone, is_silent);
    return (spike_sums){_mm256_add_epi32(sums.cost, cost),
                        _mm256_sub_epi32(sums.silent, is_silent)};
}

static inline uint32_t spike_add_up(spike_wide eight) {
    return (uint32_t)add_up(eight);
}

static inline void spike_add_up_four(const spike_wide eight[4], uint32_t count, uint32_t *out) {
    store_some(add_up_four(eight), count, out);
}

#define CG_KERNEL_SPIKES      1
#define CG_KERNEL_SPIKES_WIDE 8
#include "engine/vector/kernel_spikes.h"

const cg_kernels cg_kernels_avx2 = {CG_KERNEL_SET(CG_ISA_AVX2, "avx2")};
