/* Distance kernels, the same bits on every instruction set (spec C4).
 *
 * Floats. Order of summation, everywhere: 16 lanes; lane i takes elements i, i+16, i+32 ... with
 * fused multiply-add; then the lanes are added as the tree (i, i+8), (i, i+4), (i, i+2), (i,
 * i+1). The scalar form uses fmaf. Half-precision rows are widened, which is exact, and then
 * treated alike. Dims must be a multiple of 16.
 *
 * Codes. Integers, hence exact in any order. A query is always int8_t[dims] in [-127, 127]; a
 * row is
 *
 *   8 bits   int8_t[dims] in [-127, 127]
 *   4 bits   uint8_t[dims / 2]: in each block of 64 dims, byte j holds dim j in its low nibble
 *            and dim j + 32 in its high one, as value + 8, value in [-7, 7]
 *   1 bit    uint8_t[dims / 8]: dim d is bit d % 8 of byte d / 8; 1 means +1, 0 means -1
 *
 * Dims must be a multiple of 64, at most 65,536: then no sum leaves 32 bits. Where a query holds
 * 0, whatever the row says there counts nothing, so padding costs no correctness.
 *
 * Each kernel has a form for one row and one for many: `batch` names rows of one table, and
 * out[i] is what the form for one row gives for the i-th of them. The many are faster by a
 * call's cost and by adding up several rows' lanes together.
 */
#ifndef CG_ENGINE_VECTOR_KERNEL_H
#define CG_ENGINE_VECTOR_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum cg_isa {
    CG_ISA_SCALAR,
    CG_ISA_AVX2,   /* with FMA and F16C */
    CG_ISA_AVX512, /* F, BW, DQ, VL and VNNI */
    CG_ISA_NEON,   /* of AArch64 */
    CG_ISA_COUNT
} cg_isa;

/* Some rows of a table: row r starts stride_bytes * r after `table`. */
typedef struct cg_row_batch {
    const void *table;
    size_t stride_bytes;
    const uint32_t *rows; /* [count], any order, repetition allowed */
    uint32_t count;
    uint32_t dims;
} cg_row_batch;

/* Rows of spikes, wherever they lie: a store of features may stand on another one. */
typedef struct cg_spike_batch {
    const int32_t *const *rows; /* [count] of int32_t[dims], any order, repetition allowed */
    uint32_t count;
    uint32_t dims;
    uint32_t unit;
} cg_spike_batch;

/* A set of kernels for one instruction set. dot: Σ a_i b_i; square_distance: Σ (a_i -
 * b_i)^2. */
typedef struct cg_kernels {
    cg_isa isa;
    const char *name; /* "scalar", "avx2", "avx512", "neon" */

    float (*dot_f32)(const float *left, const float *right, uint32_t dims);
    float (*square_distance_f32)(const float *left, const float *right, uint32_t dims);
    float (*dot_f16)(const float *query, const uint16_t *row, uint32_t dims);
    float (*square_distance_f16)(const float *query, const uint16_t *row, uint32_t dims);
    int32_t (*dot_i8)(const int8_t *query, const int8_t *row, uint32_t dims);
    int32_t (*dot_i4)(const int8_t *query, const uint8_t *row, uint32_t dims);
    int32_t (*dot_i1)(const int8_t *query, const uint8_t *row, uint32_t dims);

    void (*dot_f32_many)(const float *query, const cg_row_batch *batch, float *out);
    void (*square_distance_f32_many)(const float *query, const cg_row_batch *batch, float *out);
    void (*dot_f16_many)(const float *query, const cg_row_batch *batch, float *out);
    void (*square_distance_f16_many)(const float *query, const cg_row_batch *batch, float *out);
    void (*dot_i8_many)(const int8_t *query, const cg_row_batch *batch, int32_t *out);
    void (*dot_i4_many)(const int8_t *query, const cg_row_batch *batch, int32_t *out);
    void (*dot_i1_many)(const int8_t *query, const cg_row_batch *batch, int32_t *out);

    /* Spike patterns as in engine/encode/ttfs.h, of any dims, entries in [-2^30 - 1, 2^30 + 1]:
     * Σ over axes of min(|a - b|, 2 unit) where both have one sign, else `unit` for each that is
     * not 0. Adds the entries that are not 0 to *spikes. Sums in 32 bits: dims * 2 unit must
     * fit, and 2 unit 31 bits. */
    uint32_t (*spike_cost_i32)(const int32_t *left, const int32_t *right, uint32_t dims,
                               uint32_t unit, uint32_t *spikes);
    /* The same of one pattern and each of many; spikes[i] is set, not added to. Fetches rows
     * while it works on those before them. */
    void (*spike_cost_i32_many)(const int32_t *query, const cg_spike_batch *batch,
                                uint32_t *costs, uint32_t *spikes);
} cg_kernels;

/* NULL when this machine cannot run the instruction set. */
const cg_kernels *cg_kernels_of(cg_isa isa);
/* The best one this machine can run. Results do not depend on the choice. */
const cg_kernels *cg_kernels_best(void);

#endif
