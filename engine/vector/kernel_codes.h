/* The loops over codes, for instruction sets that multiply a block of 64 dims at a time into sums
 * of 32 bits (private to engine/vector). Rows are read as they lie or made unsigned, whatever
 * the instructions like best, and what that is off by depends on the query's sum alone, so a
 * batch pays for it once:
 *
 *   8 bits   row + CODE_EXCESS_I8: less CODE_EXCESS_I8 * (sum of the query)
 *   4 bits   value + 8: less 8 * (sum of the query)
 *   1 bit    the query where the bit is set: twice that, less (sum of the query)
 *
 * Empty unless whoever includes this has defined
 *
 *   CG_KERNEL_CODES          as 1, and
 *   code_sums                several sums of 32 bits
 *   code_zero()              all 0
 *   CODE_EXCESS_I8           a constant
 *   code_block_i8(query, row, sums), code_block_i4, code_block_i1
 *                            sums + one block's products; query and row point to the block
 *   code_block_query(query, sums)
 *                            sums + one block of the query
 *   code_add_up(sums)        the sum of them
 *   code_add_up_four(sums, factor, minus, count, out)
 *                            out[r] = factor * code_add_up(sums[r]) - minus for r < count <= 4;
 *                            factor is 1 or 2
 */
#ifndef CG_ENGINE_VECTOR_KERNEL_CODES_H
#define CG_ENGINE_VECTOR_KERNEL_CODES_H
#ifdef CG_KERNEL_CODES

#include "engine/vector/kernel_sets.h"

typedef enum code_form { CODE_I8, CODE_I4, CODE_I1 } code_form;

CG_KERNEL_LOOP code_sums code_block(code_form form, const int8_t *query, const void *row,
                                    uint32_t start, code_sums sums) {
    switch (form) {
    case CODE_I8:
        return code_block_i8(query + start, (const int8_t *)row + start, sums);
    case CODE_I4:
        return code_block_i4(query + start, (const uint8_t *)row + start / 2, sums);
    case CODE_I1:
        break;
    }
    return code_block_i1(query + start, (const uint8_t *)row + start / 8, sums);
}

CG_KERNEL_LOOP int32_t code_excess(code_form form) {
    return form == CODE_I8 ? CODE_EXCESS_I8 : form == CODE_I4 ? 8 : 1;
}

CG_KERNEL_LOOP int32_t code_one(code_form form, const int8_t *query, const void *row,
                                uint32_t dims) {
    code_sums sums = code_zero();
    code_sums query_sums = code_zero();
    for (uint32_t start = 0; start < dims; start += CG_KERNEL_BLOCK) {
        sums = code_block(form, query, row, start, sums);
        query_sums = code_block_query(query + start, query_sums);
    }
    return (form == CODE_I1 ? 2 : 1) * code_add_up(sums) -
           code_excess(form) * code_add_up(query_sums);
}

CG_KERNEL_LOOP void code_rows(code_form form, const int8_t *query, cg_row_batch batch,
                              uint32_t dims, int32_t *out) {
    code_sums query_sums = code_zero();
    for (uint32_t start = 0; start < dims; start += CG_KERNEL_BLOCK) {
        query_sums = code_block_query(query + start, query_sums);
    }
    int32_t minus = code_excess(form) * code_add_up(query_sums);
    for (uint32_t first = 0; first < batch.count; first += CG_KERNEL_GROUP) {
        const void *rows[CG_KERNEL_GROUP];
        uint32_t count = batch_group(&batch, first, rows);
        code_sums sums[CG_KERNEL_GROUP] = {code_zero(), code_zero(), code_zero(), code_zero()};
        for (uint32_t start = 0; start < dims; start += CG_KERNEL_BLOCK) {
            sums[0] = code_block(form, query, rows[0], start, sums[0]);
            sums[1] = code_block(form, query, rows[1], start, sums[1]);
            sums[2] = code_block(form, query, rows[2], start, sums[2]);
            sums[3] = code_block(form, query, rows[3], start, sums[3]);
        }
        code_add_up_four(sums, form == CODE_I1 ? 2 : 1, minus, count, out + first);
    }
}

CG_KERNEL_LOOP void code_many(code_form form, const int8_t *query, const cg_row_batch *batch,
                              int32_t *out) {
    if (batch->dims == CG_KERNEL_USUAL_DIMS) {
        code_rows(form, query, *batch, CG_KERNEL_USUAL_DIMS, out);
    } else {
        code_rows(form, query, *batch, batch->dims, out);
    }
}

static inline int32_t dot_i8(const int8_t *query, const int8_t *row, uint32_t dims) {
    return code_one(CODE_I8, query, row, dims);
}

static inline int32_t dot_i4(const int8_t *query, const uint8_t *row, uint32_t dims) {
    return code_one(CODE_I4, query, row, dims);
}

static inline int32_t dot_i1(const int8_t *query, const uint8_t *row, uint32_t dims) {
    return code_one(CODE_I1, query, row, dims);
}

static inline void dot_i8_many(const int8_t *query, const cg_row_batch *batch, int32_t *out) {
    code_many(CODE_I8, query, batch, out);
}

static inline void dot_i4_many(const int8_t *query, const cg_row_batch *batch, int32_t *out) {
    code_many(CODE_I4, query, batch, out);
}

static inline void dot_i1_many(const int8_t *query, const cg_row_batch *batch, int32_t *out) {
    code_many(CODE_I1, query, batch, out);
}

#endif
#endif
