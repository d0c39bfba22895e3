/* The kernels with NEON as every AArch64 has it.
 *
 * Floats: four registers of four lanes are the sixteen of kernel.h; adding register 2 to 0 and 3
 * to 1 is the tree's step (i, i + 8), and so on.
 *
 * Codes, sixteen dims at a time: products of bytes in 16 bits, several in a place, which then
 * join the sums of 32 bits.
 *
 *   8 bits   2 * 127 * 127 = 32,258
 *   4 bits   (value + 8) * query, the eight of a block: 8 * 15 * 127 = 15,240
 *   1 bit    the query where the bit is set, the eight of a block: 8 * 127
 */
#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#include "engine/vector/kernel_sets.h"

typedef struct wide {
    float32x4_t part[4];
} wide;

static inline wide wide_zero(void) {
    float32x4_t zero = vdupq_n_f32(0.0f);
    return (wide){{zero, zero, zero, zero}};
}

static inline wide wide_load_f32(const float *floats) {
    return (wide){{vld1q_f32(floats), vld1q_f32(floats + 4), vld1q_f32(floats + 8),
                   vld1q_f32(floats + 12)}};
}

static inline float32x4_t load_four_f16(const uint16_t *halves) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves)));
}

static inline wide wide_load_f16(const uint16_t *halves) {
    return (wide){{load_four_f16(halves), load_four_f16(halves + 4), load_four_f16(halves + 8),
                   load_four_f16(halves + 12)}};
}

static inline wide wide_subtract(wide a, wide b) {
    return (wide){{vsubq_f32(a.part[0], b.part[0]), vsubq_f32(a.part[1], b.part[1]),
                   vsubq_f32(a.part[2], b.part[2]), vsubq_f32(a.part[3], b.part[3])}};
}

static inline wide wide_fma(wide a, wide b, wide c) {
    return (wide){{vfmaq_f32(c.part[0], a.part[0], b.part[0]),
                   vfmaq_f32(c.part[1], a.part[1], b.part[1]),
                   vfmaq_f32(c.part[2], a.part[2], b.part[2]),
                   vfmaq_f32(c.part[3], a.part[3], b.part[3])}};
}

/* The first `count` <= 4 of four 32-bit values. */
static inline void store_some(uint32x4_t values, uint32_t count, void *out) {
    if (count == CG_KERNEL_GROUP) {
        memcpy(out, &values, sizeof values);
        return;
    }
    if (count >= 2) {
        uint32x2_t low = vget_low_u32(values);
        memcpy(out, &low, sizeof low);
        values = vextq_u32(values, values, 2);
    }
    if (count % 2 == 1) {
        uint32_t last = vgetq_lane_u32(values, 0);
        memcpy((unsigned char *)out + (count - 1) * sizeof last, &last, sizeof last);
    }
}

/* The tree's first two steps. */
static inline float32x4_t add_to_four(wide lanes) {
    return vaddq_f32(vaddq_f32(lanes.part[0], lanes.part[2]),
                     vaddq_f32(lanes.part[1], lanes.part[3]));
}

static inline float wide_add_up(wide lanes) {
    float32x4_t four = add_to_four(lanes);
    return vpadds_f32(vadd_f32(vget_low_f32(four), vget_high_f32(four)));
}

/* The tree's third step with two rows side by side. */
static inline float32x4_t add_to_two(wide first, wide second) {
    float32x4_t a = add_to_four(first);
    float32x4_t b = add_to_four(second);
    return vaddq_f32(vcombine_f32(vget_low_f32(a), vget_low_f32(b)),
                     vcombine_f32(vget_high_f32(a), vget_high_f32(b)));
}

static inline void wide_add_up_four(const wide lanes[4], uint32_t count, float *out) {
    float32x4_t sums =
        vpaddq_f32(add_to_two(lanes[0], lanes[1]), add_to_two(lanes[2], lanes[3]));
    store_some(vreinterpretq_u32_f32(sums), count, out);
}

#define CG_KERNEL_WIDE 1
#include "engine/vector/kernel_floats.h"

enum { STEP = 16, CODE_EXCESS_I8 = 0 };

typedef int32x4_t code_sums;

static inline code_sums code_zero(void) {
    return vdupq_n_s32(0);
}

static inline code_sums code_block_query(const int8_t *query, code_sums sums) {
    for (uint32_t d = 0; d < CG_KERNEL_BLOCK; d += STEP) {
        sums = vpadalq_s16(sums, vpaddlq_s8(vld1q_s8(query + d)));
    }
    return sums;
}

/* Two products of sixteen in each place. */
static inline int16x8_t multiply_add(int8x16_t query, int8x16_t row, int16x8_t sums) {
    sums = vmlal_s8(sums, vget_low_s8(query), vget_low_s8(row));
    return vmlal_high_s8(sums, query, row);
}

static inline code_sums code_block_i8(const int8_t *query, const int8_t *row, code_sums sums) {
    for (uint32_t d = 0; d < CG_KERNEL_BLOCK; d += STEP) {
        int16x8_t zero = vdupq_n_s16(0);
        int16x8_t pairs = multiply_add(vld1q_s8(query + d), vld1q_s8(row + d), zero);
        sums = vpadalq_s16(sums, pairs);
    }
    return sums;
}

static inline code_sums code_block_i4(const int8_t *query, const uint8_t *row, code_sums sums) {
    const int8_t *query_high = query + CG_KERNEL_BLOCK / 2;
    int16x8_t eights = vdupq_n_s16(0);
    for (uint32_t d = 0; d < CG_KERNEL_BLOCK / 2; d += STEP) {
        uint8x16_t bytes = vld1q_u8(row + d);
        int8x16_t low = vreinterpretq_s8_u8(vandq_u8(bytes, vdupq_n_u8(15)));
        int8x16_t high = vreinterpretq_s8_u8(vshrq_n_u8(bytes, 4));
        eights = multiply_add(vld1q_s8(query + d), low, eights);
        eights = multiply_add(vld1q_s8(query_high + d), high, eights);
    }
    return vpadalq_s16(sums, eights);
}

/* Sixteen dims a step: two bytes of the row, each in eight places that keep a bit each. */
static inline code_sums code_block_i1(const int8_t *query, const uint8_t *row, code_sums sums) {
    uint8x8_t bits = vcreate_u8(0x8040201008040201u);
    int16x8_t eights = vdupq_n_s16(0);
    for (uint32_t d = 0; d < CG_KERNEL_BLOCK; d += STEP) {
        uint8x16_t bytes = vcombine_u8(vld1_dup_u8(row + d / 8), vld1_dup_u8(row + d / 8 + 1));
        uint8x16_t is_set = vtstq_u8(bytes, vcombine_u8(bits, bits));
        int8x16_t kept = vandq_s8(vld1q_s8(query + d), vreinterpretq_s8_u8(is_set));
        eights = vpadalq_s8(eights, kept);
    }
    return vpadalq_s16(sums, eights);
}

static inline int32_t code_add_up(code_sums sums) {
    return vaddvq_s32(sums);
}

static inline void code_add_up_four(const code_sums sums[4], int32_t factor, int32_t minus,
                                    uint32_t count, int32_t *out) {
    int32x4_t four = vpaddq_s32(vpaddq_s32(sums[0], sums[1]), vpaddq_s32(sums[2], sums[3]));
    four = vsubq_s32(vmulq_n_s32(four, factor), vdupq_n_s32(minus));
    store_some(vreinterpretq_u32_s32(four), count, out);
}

#define CG_KERNEL_CODES 1
#include "engine/vector/kernel_codes.h"

typedef uint32x4_t spike_wide;

typedef struct spike_query {
    int32x4_t sign; /* all ones for a spike of the OFF channel */
    uint32x4_t is_spike;
    uint32x4_t from;
    uint32x4_t alone;
    uint32x4_t most;
} spike_query;

typedef struct spike_sums {
    spike_wide cost;
    spike_wide silent;
} spike_sums;

static inline spike_wide spike_zero(void) {
    return vdupq_n_u32(0);
}

static inline spike_query spike_load(const int32_t *query, uint32_t unit) {
    int32x4_t entry = vld1q_s32(query);
    uint32x4_t units = vdupq_n_u32(unit);
    uint32x4_t is_spike = vtstq_s32(entry, entry);
    uint32x4_t size = vreinterpretq_u32_s32(vabsq_s32(entry));
    return (spike_query){vshrq_n_s32(entry, 31), is_spike, vbslq_u32(is_spike, size, units),
                         vandq_u32(is_spike, units), vaddq_u32(units, units)};
}

CG_KERNEL_LOOP spike_sums spike_step(spike_query query, const int32_t *row, spike_sums sums) {
    int32x4_t entry = vld1q_s32(row);
    uint32x4_t is_spike = vtstq_s32(entry, entry);
    int32x4_t turned = vsubq_s32(veorq_s32(entry, query.sign), query.sign);
    uint32x4_t towards = vandq_u32(vreinterpretq_u32_s32(turned), query.is_spike);
    uint32x4_t moved = vminq_u32(vabdq_u32(query.from, towards), query.most);
    uint32x4_t cost = vbslq_u32(is_spike, moved, query.alone);
    uint32x4_t silent = vaddq_u32(vdupq_n_u32(1), is_spike); /* all ones are -1 */
    return (spike_sums){vaddq_u32(sums.cost, cost), vaddq_u32(sums.silent, silent)};
}

static inline uint32_t spike_add_up(spike_wide four) {
    return vaddvq_u32(four);
}

static inline void spike_add_up_four(const spike_wide sums[4], uint32_t count, uint32_t *out) {
    store_some(vpaddq_u32(vpaddq_u32(sums[0], sums[1]), vpaddq_u32(sums[2], sums[3])), count,
               out);
}

#define CG_KERNEL_SPIKES      1
#define CG_KERNEL_SPIKES_WIDE 4
#include "engine/vector/kernel_spikes.h"

const cg_kernels cg_kernels_neon = {CG_KERNEL_SET(CG_ISA_NEON, "neon")};
