/* The kernels in plain C: the definition that every other instruction set must meet to the bit.
 *
 * Floats: lane[i] = fma(x, y, lane[i]) over elements i, i + 16, ...; then the tree of kernel.h.
 * fmaf rounds once by definition, in hardware or in software, so the result is the same wherever
 * this is compiled. Codes: integers, from left to right.
 *
 * Known value: lanes 0 and 8 holding 1e8 and -1e8 cancel before a 1 in lane 1 is added, so the
 * dot product of (1e8, 1, 0*6, -1e8, 0*7) with ones is exactly 1; summed from left to right it
 * would be 0.
 */
#include <math.h>
#include <stdint.h>

#include "engine/vector/kernel_sets.h"
#include "engine/vector/kernel_spikes.h"
#include "engine/vector/vector.h"

static float add_lanes(float *lanes) {
    for (uint32_t width = CG_KERNEL_LANES / 2; width > 0; width /= 2) {
        for (uint32_t lane = 0; lane < width; lane++) {
            lanes[lane] += lanes[lane + width];
        }
    }
    return lanes[0];
}

static float dot_f32(const float *left, const float *right, uint32_t dims) {
    float lanes[CG_KERNEL_LANES] = {0};
    for (uint32_t start = 0; start < dims; start += CG_KERNEL_LANES) {
        for (uint32_t lane = 0; lane < CG_KERNEL_LANES; lane++) {
            lanes[lane] = fmaf(left[start + lane], right[start + lane], lanes[lane]);
        }
    }
    return add_lanes(lanes);
}

static float square_distance_f32(const float *left, const float *right, uint32_t dims) {
    float lanes[CG_KERNEL_LANES] = {0};
    for (uint32_t start = 0; start < dims; start += CG_KERNEL_LANES) {
        for (uint32_t lane = 0; lane < CG_KERNEL_LANES; lane++) {
            float difference = left[start + lane] - right[start + lane];
            lanes[lane] = fmaf(difference, difference, lanes[lane]);
        }
    }
    return add_lanes(lanes);
}

static float dot_f16(const float *query, const uint16_t *row, uint32_t dims) {
    float lanes[CG_KERNEL_LANES] = {0};
    for (uint32_t start = 0; start < dims; start += CG_KERNEL_LANES) {
        for (uint32_t lane = 0; lane < CG_KERNEL_LANES; lane++) {
            float value = cg_f16_to_f32(row[start + lane]);
            lanes[lane] = fmaf(query[start + lane], value, lanes[lane]);
        }
    }
    return add_lanes(lanes);
}

static float square_distance_f16(const float *query, const uint16_t *row, uint32_t dims) {
    float lanes[CG_KERNEL_LANES] = {0};
    for (uint32_t start = 0; start < dims; start += CG_KERNEL_LANES) {
        for (uint32_t lane = 0; lane < CG_KERNEL_LANES; lane++) {
            float difference = query[start + lane] - cg_f16_to_f32(row[start + lane]);
            lanes[lane] = fmaf(difference, difference, lanes[lane]);
        }
    }
    return add_lanes(lanes);
}

static int32_t dot_i8(const int8_t *query, const int8_t *row, uint32_t dims) {
    int32_t sum = 0;
    for (uint32_t d = 0; d < dims; d++) {
        sum += query[d] * row[d];
    }
    return sum;
}

static int32_t dot_i4(const int8_t *query, const uint8_t *row, uint32_t dims) {
    int32_t sum = 0;
    for (uint32_t start = 0; start < dims; start += CG_KERNEL_BLOCK) {
        for (uint32_t d = start; d < start + CG_KERNEL_BLOCK / 2; d++) {
            uint32_t two = row[d - start / 2];
            sum += query[d] * ((int32_t)(two & 15) - 8);
            sum += query[d + CG_KERNEL_BLOCK / 2] * ((int32_t)(two >> 4) - 8);
        }
    }
    return sum;
}

static int32_t dot_i1(const int8_t *query, const uint8_t *row, uint32_t dims) {
    int32_t sum = 0;
    for (uint32_t d = 0; d < dims; d++) {
        sum += (row[d / 8] >> d % 8) & 1 ? query[d] : -query[d];
    }
    return sum;
}

static void dot_f32_many(const float *query, const cg_row_batch *batch, float *out) {
    for (uint32_t i = 0; i < batch->count; i++) {
        out[i] = dot_f32(query, batch_row(batch, i), batch->dims);
    }
}

static void square_distance_f32_many(const float *query, const cg_row_batch *batch,
                                     float *out) {
    for (uint32_t i = 0; i < batch->count; i++) {
        out[i] = square_distance_f32(query, batch_row(batch, i), batch->dims);
    }
}

static void dot_f16_many(const float *query, const cg_row_batch *batch, float *out) {
    for (uint32_t i = 0; i < batch->count; i++) {
        out[i] = dot_f16(query, batch_row(batch, i), batch->dims);
    }
}

static void square_distance_f16_many(const float *query, const cg_row_batch *batch,
                                     float *out) {
    for (uint32_t i = 0; i < batch->count; i++) {
        out[i] = square_distance_f16(query, batch_row(batch, i), batch->dims);
    }
}

static void dot_i8_many(const int8_t *query, const cg_row_batch *batch, int32_t *out) {
    for (uint32_t i = 0; i < batch->count; i++) {
        out[i] = dot_i8(query, batch_row(batch, i), batch->dims);
    }
}

static void dot_i4_many(const int8_t *query, const cg_row_batch *batch, int32_t *out) {
    for (uint32_t i = 0; i < batch->count; i++) {
        out[i] = dot_i4(query, batch_row(batch, i), batch->dims);
    }
}

static void dot_i1_many(const int8_t *query, const cg_row_batch *batch, int32_t *out) {
    for (uint32_t i = 0; i < batch->count; i++) {
        out[i] = dot_i1(query, batch_row(batch, i), batch->dims);
    }
}

const cg_kernels cg_kernels_scalar = {CG_KERNEL_SET(CG_ISA_SCALAR, "scalar")};
