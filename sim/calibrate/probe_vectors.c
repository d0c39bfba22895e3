/* Distances. Rows lie in random order in a table that no second-level cache holds, and are taken in
 * batches, as a search takes them. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/prng.h"
#include "engine/fact/sparse.h"
#include "engine/vector/kernel.h"
#include "engine/vector/vector.h"
#include "sim/calibrate/parts.h"

enum {
    TABLE_BYTES = 32 << 20,
    BATCH = 32,
    ROWS = 4096,
    DIMS_MAX = 512,
    SIZES = 4,
    SPARSE_COUNT = 2048
};
static const uint32_t dims_of[SIZES] = {64, 128, 256, DIMS_MAX};

typedef struct table {
    unsigned char *bytes;
    cg_work_kind kind;
    uint32_t dims;
    uint32_t row_bytes;
    uint32_t rows[ROWS];
    uint32_t at;
    float query[DIMS_MAX];
    int8_t codes[DIMS_MAX];
    float sum; /* so that what is computed has to be */
} table;

static uint32_t bits_of(cg_work_kind kind) {
    return kind == CG_WORK_DISTANCE_F32   ? 32
           : kind == CG_WORK_DISTANCE_F16 ? 16
           : kind == CG_WORK_DISTANCE_I8  ? 8
           : kind == CG_WORK_DISTANCE_I4  ? 4
                                          : 1;
}

static cg_status run_batch(void *context, cg_work *work, cg_error *error) {
    (void)error;
    table *self = context;
    const cg_kernels *kernels = cg_kernels_best();
    const cg_row_batch batch = {self->bytes, self->row_bytes, self->rows + self->at, BATCH,
                                self->dims};
    float floats[BATCH] = {0};
    int32_t wholes[BATCH] = {0};
    self->at = (self->at + BATCH) % ROWS;
    switch (self->kind) {
    case CG_WORK_DISTANCE_F32:
        kernels->square_distance_f32_many(self->query, &batch, floats);
        break;
    case CG_WORK_DISTANCE_F16:
        kernels->square_distance_f16_many(self->query, &batch, floats);
        break;
    case CG_WORK_DISTANCE_I8:
        kernels->dot_i8_many(self->codes, &batch, wholes);
        break;
    case CG_WORK_DISTANCE_I4:
        kernels->dot_i4_many(self->codes, &batch, wholes);
        break;
    default:
        kernels->dot_i1_many(self->codes, &batch, wholes);
        break;
    }
    self->sum += floats[BATCH - 1] + (float)wholes[BATCH - 1];
    cg_work_count(work, self->kind, BATCH, (uint64_t)BATCH * self->dims);
    return CG_OK;
}

/* Floats, halves, or codes without the value that is not in use. */
static void fill(table *self, cg_stream *stream) {
    for (size_t at = 0; at < TABLE_BYTES; at += 4) {
        uint64_t draw = cg_stream_next(stream);
        float value = (float)(draw >> 40) * 0x1p-24f - 0.5f;
        uint16_t halves[2] = {cg_f16_from_f32(value), cg_f16_from_f32(-0.5f * value)};
        uint32_t bytes = (uint32_t)draw;
        if (self->kind == CG_WORK_DISTANCE_F32) {
            memcpy(self->bytes + at, &value, sizeof value);
        } else if (self->kind == CG_WORK_DISTANCE_F16) {
            memcpy(self->bytes + at, halves, sizeof halves);
        } else {
            bytes |= self->kind == CG_WORK_DISTANCE_I1 ? 0 : 0x11111111u;
            memcpy(self->bytes + at, &bytes, sizeof bytes);
        }
    }
    for (uint32_t d = 0; d < DIMS_MAX; d++) {
        self->query[d] = (float)cg_stream_next_unit(stream) - 0.5f;
        self->codes[d] = (int8_t)((int)cg_stream_next_below(stream, 255) - 127);
    }
}

static cg_status time_kind(sim_calibration *calibration, table *self, cg_error *error) {
    cg_stream stream = cg_stream_init(1, "calibrate.vectors", (uint64_t)self->kind);
    sim_fit_work works[SIZES];
    fill(self, &stream);
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < SIZES; i++) {
        self->dims = dims_of[i];
        self->row_bytes = self->dims * bits_of(self->kind) / 8;
        for (uint32_t row = 0; row < ROWS; row++) {
            self->rows[row] =
                (uint32_t)cg_stream_next_below(&stream, TABLE_BYTES / self->row_bytes);
        }
        status = sim_probe_time(&(sim_probe){run_batch, self}, &works[i], error);
    }
    if (status == CG_OK) {
        sim_calibration_fit(calibration, self->kind, works, SIZES,
                            "batches of 32 random rows out of 32 MiB, 64 to 512 dimensions");
    }
    return status;
}

/* --- sparse --------------------------------------------------------------- */

typedef struct sparse_table {
    uint32_t features[SPARSE_COUNT][CG_SPARSE_ENTRIES_MAX];
    float weights[SPARSE_COUNT][CG_SPARSE_ENTRIES_MAX];
    uint32_t count; /* entries of each */
    uint32_t at;
    float sum;
} sparse_table;

static cg_status run_sparse(void *context, cg_work *work, cg_error *error) {
    (void)error;
    sparse_table *self = context;
    for (int i = 0; i < BATCH; i++) {
        uint32_t left = self->at;
        uint32_t right = (self->at * 97 + 31) % SPARSE_COUNT;
        self->at = (self->at + 1) % SPARSE_COUNT;
        self->sum += cg_sparse_dot(
            (cg_sparse){self->features[left], self->weights[left], self->count},
            (cg_sparse){self->features[right], self->weights[right], self->count});
    }
    cg_work_count(work, CG_WORK_DISTANCE_SPARSE, BATCH, (uint64_t)BATCH * 2 * self->count);
    return CG_OK;
}

static cg_status time_sparse(sim_calibration *calibration, cg_error *error) {
    static const uint32_t counts[SIZES] = {8, 24, 64, 128};
    sparse_table *self = calloc(1, sizeof *self);
    if (!self) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for sparse vectors");
    }
    cg_stream stream = cg_stream_init(1, "calibrate.sparse", 0);
    sim_fit_work works[SIZES];
    cg_status status = CG_OK;
    for (int i = 0; status == CG_OK && i < SIZES; i++) {
        self->count = counts[i];
        for (uint32_t row = 0; row < SPARSE_COUNT; row++) {
            uint32_t feature = 0;
            for (uint32_t e = 0; e < self->count; e++) {
                feature += 1 + (uint32_t)cg_stream_next_below(&stream, 1000);
                self->features[row][e] = feature;
                self->weights[row][e] = 0.1f;
            }
        }
        status = sim_probe_time(&(sim_probe){run_sparse, self}, &works[i], error);
    }
    if (status == CG_OK) {
        sim_calibration_fit(calibration, CG_WORK_DISTANCE_SPARSE, works, SIZES,
                            "merges of two lists of 8 to 128 entries");
    }
    free(self);
    return status;
}

cg_status sim_calibrate_vectors(sim_calibration *calibration, cg_error *error) {
    table *self = calloc(1, sizeof *self);
    unsigned char *bytes = aligned_alloc(64, TABLE_BYTES);
    if (!self || !bytes) {
        free(bytes);
        free(self);
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a table of vectors");
    }
    self->bytes = bytes;
    cg_status status = CG_OK;
    for (int kind = CG_WORK_DISTANCE_F32; status == CG_OK && kind <= CG_WORK_DISTANCE_I1;
         kind++) {
        self->kind = (cg_work_kind)kind;
        status = time_kind(calibration, self, error);
    }
    free(bytes);
    free(self);
    return status == CG_OK ? time_sparse(calibration, error) : status;
}
