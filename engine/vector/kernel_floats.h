/* The loops over floats, written once and compiled once for each instruction set that has
 * vectors (private to engine/vector). Empty unless whoever includes this has defined
 *
 *   CG_KERNEL_WIDE           as 1, and
 *   wide                     sixteen floats, lane i of kernel.h in the i-th place
 *   wide_zero()              all 0
 *   wide_load_f32(floats)    sixteen from memory, unaligned
 *   wide_load_f16(halves)    sixteen half-precision ones, widened
 *   wide_subtract(a, b)      a - b
 *   wide_fma(a, b, c)        a * b + c, rounded once
 *   wide_add_up(lanes)       the tree of kernel.h
 *   wide_add_up_four(lanes, count, out)
 *                            out[r] = wide_add_up(lanes[r]) for r < count <= 4
 *
 * One row is bound by the latency of its chain of fused multiply-adds, which the order of
 * summation prescribes; four rows at once are four chains that overlap, and share the loads of
 * the query and the work of the tree.
 */
#ifndef CG_ENGINE_VECTOR_KERNEL_FLOATS_H
#define CG_ENGINE_VECTOR_KERNEL_FLOATS_H
#ifdef CG_KERNEL_WIDE

#include "engine/vector/kernel_sets.h"

typedef struct float_form {
    bool is_half;   /* rows of half precision */
    bool is_square; /* square distance, else dot product */
} float_form;

CG_KERNEL_LOOP wide float_step(float_form form, wide query, const void *row, uint32_t start,
                               wide sum) {
    wide values = form.is_half ? wide_load_f16((const uint16_t *)row + start)
                               : wide_load_f32((const float *)row + start);
    if (form.is_square) {
        wide gap = wide_subtract(query, values);
        return wide_fma(gap, gap, sum);
    }
    return wide_fma(query, values, sum);
}

CG_KERNEL_LOOP float float_one(float_form form, const float *query, const void *row,
                               uint32_t dims) {
    wide sum = wide_zero();
    for (uint32_t start = 0; start < dims; start += CG_KERNEL_LANES) {
        sum = float_step(form, wide_load_f32(query + start), row, start, sum);
    }
    return wide_add_up(sum);
}

CG_KERNEL_LOOP void float_rows(float_form form, const float *query, cg_row_batch batch,
                               uint32_t dims, float *out) {
    for (uint32_t first = 0; first < batch.count; first += CG_KERNEL_GROUP) {
        const void *rows[CG_KERNEL_GROUP];
        uint32_t count = batch_group(&batch, first, rows);
        wide sums[CG_KERNEL_GROUP] = {wide_zero(), wide_zero(), wide_zero(), wide_zero()};
        for (uint32_t start = 0; start < dims; start += CG_KERNEL_LANES) {
            wide part = wide_load_f32(query + start);
            sums[0] = float_step(form, part, rows[0], start, sums[0]);
            sums[1] = float_step(form, part, rows[1], start, sums[1]);
            sums[2] = float_step(form, part, rows[2], start, sums[2]);
            sums[3] = float_step(form, part, rows[3], start, sums[3]);
        }
        wide_add_up_four(sums, count, out + first);
    }
}

CG_KERNEL_LOOP void float_many(float_form form, const float *query, const cg_row_batch *batch,
                               float *out) {
    if (batch->dims == CG_KERNEL_USUAL_DIMS) {
        float_rows(form, query, *batch, CG_KERNEL_USUAL_DIMS, out);
    } else {
        float_rows(form, query, *batch, batch->dims, out);
    }
}

static float dot_f32(const float *left, const float *right, uint32_t dims) {
    return float_one((float_form){false, false}, left, right, dims);
}

static float square_distance_f32(const float *left, const float *right, uint32_t dims) {
    return float_one((float_form){false, true}, left, right, dims);
}

static float dot_f16(const float *query, const uint16_t *row, uint32_t dims) {
    return float_one((float_form){true, false}, query, row, dims);
}

static float square_distance_f16(const float *query, const uint16_t *row, uint32_t dims) {
    return float_one((float_form){true, true}, query, row, dims);
}

static void dot_f32_many(const float *query, const cg_row_batch *batch, float *out) {
    float_many((float_form){false, false}, query, batch, out);
}

static void square_distance_f32_many(const float *query, const cg_row_batch *batch,
                                     float *out) {
    float_many((float_form){false, true}, query, batch, out);
}

static void dot_f16_many(const float *query, const cg_row_batch *batch, float *out) {
    float_many((float_form){true, false}, query, batch, out);
}

static void square_distance_f16_many(const float *query, const cg_row_batch *batch,
                                     float *out) {
    float_many((float_form){true, true}, query, batch, out);
}

#endif
#endif
