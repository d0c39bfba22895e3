/* Dense float distances in plain C: the definition that every other instruction set must meet
 * to the bit.
 *
 * lane[i] = fma(x, y, lane[i]) over elements i, i + 16, ...; then the tree of kernel.h. fmaf
 * rounds once by definition, in hardware or in software, so the result is the same wherever
 * this is compiled.
 *
 * Known value: lanes 0 and 8 holding 1e8 and -1e8 cancel before a 1 in lane 1 is added, so the
 * dot product of (1e8, 1, 0*6, -1e8, 0*7) with ones is exactly 1; summed from left to right it
 * would be 0.
 */
#include <math.h>
#include <stdint.h>

#include "engine/vector/kernel_sets.h"
#include "engine/vector/kernel_spikes.h"

static float add_lanes(float *lanes) {
    for (uint32_t width = CG_KERNEL_LANES / 2; width > 0; width /= 2) {
        for (uint32_t lane = 0; lane < width; lane++) {
            lanes[lane] += lanes[lane + width];
        }
    }
    return lanes[0];
}

static float dot_scalar(const float *left, const float *right, uint32_t dims) {
    float lanes[CG_KERNEL_LANES] = {0};
    for (uint32_t start = 0; start < dims; start += CG_KERNEL_LANES) {
        for (uint32_t lane = 0; lane < CG_KERNEL_LANES; lane++) {
            lanes[lane] = fmaf(left[start + lane], right[start + lane], lanes[lane]);
        }
    }
    return add_lanes(lanes);
}

static float square_distance_scalar(const float *left, const float *right, uint32_t dims) {
    float lanes[CG_KERNEL_LANES] = {0};
    for (uint32_t start = 0; start < dims; start += CG_KERNEL_LANES) {
        for (uint32_t lane = 0; lane < CG_KERNEL_LANES; lane++) {
            float difference = left[start + lane] - right[start + lane];
            lanes[lane] = fmaf(difference, difference, lanes[lane]);
        }
    }
    return add_lanes(lanes);
}

const cg_kernels cg_kernels_scalar = {
    .isa = CG_ISA_SCALAR,
    .name = "scalar",
    .dot_f32 = dot_scalar,
    .square_distance_f32 = square_distance_scalar,
    .spike_cost_i32 = spike_cost,
};
