/* How fast are the distance kernels? Rows of 128 dims in random order from a table that lies in
 * the second-level cache, for every instruction set of this machine: in batches, and one call a
 * row. The peer is the obvious loop in plain C, one call a row (plain_kernels.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/prng.h"
#include "engine/vector/kernel.h"
#include "engine/vector/vector.h"
#include "tests/bench/bench.h"
#include "tests/bench/plain_kernels.h"

enum { DIMS = 128, TABLE_BYTES = 128 << 10, ROWS = 1024, BATCH = 32, TURNS = 5 };

/* A turn takes about this long. */
static const double turn_s = 0.01;

typedef enum kernel_form {
    DOT_F32,
    SQUARE_F32,
    DOT_F16,
    SQUARE_F16,
    DOT_I8,
    DOT_I4,
    DOT_I1,
    FORMS
} kernel_form;

static const char *const names[FORMS] = {
    "dot_f32", "square_distance_f32", "dot_f16", "square_distance_f16", "dot_i8", "dot_i4",
    "dot_i1"};
static const uint32_t row_bytes[FORMS] = {512, 512, 256, 256, 128, 64, 16};

typedef struct kernel_data {
    float floats[DIMS];
    int8_t codes[DIMS];
    _Alignas(64) unsigned char table[TABLE_BYTES];
    uint32_t rows[ROWS];
} kernel_data;

/* What was computed goes here, so that it has to be. */
static volatile float float_sink;
static volatile int32_t code_sink;

static void draw_data(kernel_form form, kernel_data *data) {
    cg_stream stream = cg_stream_init(1, "bench.kernels", (uint64_t)form);
    for (uint32_t d = 0; d < DIMS; d++) {
        data->floats[d] = (float)cg_stream_next_normal(&stream);
        data->codes[d] = (int8_t)((int)cg_stream_next_below(&stream, 255) - 127);
    }
    for (size_t at = 0; at < TABLE_BYTES; at += 4) {
        float value = (float)cg_stream_next_normal(&stream);
        uint16_t halves[2] = {cg_f16_from_f32(value), cg_f16_from_f32(-0.5f * value)};
        uint32_t bytes = (uint32_t)cg_stream_next(&stream);
        if (form == DOT_F32 || form == SQUARE_F32) {
            memcpy(data->table + at, &value, sizeof value);
        } else if (form == DOT_F16 || form == SQUARE_F16) {
            memcpy(data->table + at, halves, sizeof halves);
        } else { /* a code's least value is not in use: 1 instead of 0 in each nibble's top */
            bytes |= form == DOT_I1 ? 0 : 0x11111111u;
            memcpy(data->table + at, &bytes, sizeof bytes);
        }
    }
    for (uint32_t i = 0; i < ROWS; i++) {
        data->rows[i] = (uint32_t)cg_stream_next_below(&stream, TABLE_BYTES / row_bytes[form]);
    }
}

static void many_floats(void (*kernel)(const float *, const cg_row_batch *, float *),
                        const kernel_data *data, uint32_t bytes) {
    for (uint32_t first = 0; first < ROWS; first += BATCH) {
        float out[BATCH];
        kernel(data->floats,
               &(cg_row_batch){data->table, bytes, data->rows + first, BATCH, DIMS}, out);
        float_sink = out[BATCH - 1];
    }
}

static void many_codes(void (*kernel)(const int8_t *, const cg_row_batch *, int32_t *),
                       const kernel_data *data, uint32_t bytes) {
    for (uint32_t first = 0; first < ROWS; first += BATCH) {
        int32_t out[BATCH];
        kernel(data->codes,
               &(cg_row_batch){data->table, bytes, data->rows + first, BATCH, DIMS}, out);
        code_sink = out[BATCH - 1];
    }
}

static void run_many(const cg_kernels *set, kernel_form form, const kernel_data *data) {
    void (*const floats[])(const float *, const cg_row_batch *,
                           float *) = {set->dot_f32_many, set->square_distance_f32_many,
                                       set->dot_f16_many, set->square_distance_f16_many};
    void (*const codes[])(const int8_t *, const cg_row_batch *,
                          int32_t *) = {set->dot_i8_many, set->dot_i4_many, set->dot_i1_many};
    if (form < DOT_I8) {
        many_floats(floats[form], data, row_bytes[form]);
    } else {
        many_codes(codes[form - DOT_I8], data, row_bytes[form]);
    }
}

/* The kernels for one row, ours or the peer's, as a set whose forms for many are not used. */
static void run_one(const cg_kernels *set, kernel_form form, const kernel_data *data) {
    float (*const f32)(const float *, const float *, uint32_t) =
        form == DOT_F32 ? set->dot_f32 : set->square_distance_f32;
    float (*const f16)(const float *, const uint16_t *, uint32_t) =
        form == DOT_F16 ? set->dot_f16 : set->square_distance_f16;
    int32_t (*const nibbles)(const int8_t *, const uint8_t *, uint32_t) =
        form == DOT_I4 ? set->dot_i4 : set->dot_i1;
    for (uint32_t i = 0; i < ROWS; i++) {
        const void *row = data->table + (size_t)row_bytes[form] * data->rows[i];
        if (form <= SQUARE_F32) {
            float_sink = f32(data->floats, row, DIMS);
        } else if (form <= SQUARE_F16) {
            float_sink = f16(data->floats, row, DIMS);
        } else if (form == DOT_I8) {
            code_sink = set->dot_i8(data->codes, row, DIMS);
        } else {
            code_sink = nibbles(data->codes, row, DIMS);
        }
    }
}

/* Rows a second. */
static double speed_of(void (*run)(const cg_kernels *, kernel_form, const kernel_data *),
                       const cg_kernels *set, kernel_form form, const kernel_data *data) {
    double start_s = bench_now_s();
    double passed_s = 0.0;
    double rows = 0.0;
    while (passed_s < turn_s) {
        for (int i = 0; i < 10; i++) {
            run(set, form, data);
        }
        rows += 10.0 * ROWS;
        passed_s = bench_now_s() - start_s;
    }
    return rows / passed_s;
}

static void compare(const cg_kernels *set, kernel_form form, const kernel_data *data) {
    static const cg_kernels plain = {.name = "plain C",
                                     .dot_f32 = plain_dot_f32,
                                     .square_distance_f32 = plain_square_distance_f32,
                                     .dot_f16 = plain_dot_f16,
                                     .square_distance_f16 = plain_square_distance_f16,
                                     .dot_i8 = plain_dot_i8,
                                     .dot_i4 = plain_dot_i4,
                                     .dot_i1 = plain_dot_i1};
    bench_series many = {.turns = TURNS};
    bench_series one = {.turns = TURNS};
    for (int turn = 0; turn < TURNS; turn++) {
        many.ours[turn] = speed_of(run_many, set, form, data);
        many.peer[turn] = speed_of(run_one, &plain, form, data);
        one.ours[turn] = speed_of(run_one, set, form, data);
        one.peer[turn] = many.peer[turn];
    }
    char metric[64];
    (void)snprintf(metric, sizeof metric, "%s_%s_many", set->name, names[form]);
    bench_row("kernels", metric, &many, "rows/s");
    (void)snprintf(metric, sizeof metric, "%s_%s", set->name, names[form]);
    bench_row("kernels", metric, &one, "rows/s");
    printf("# kernels: %s: %.2f ns a row in batches, %.2f one by one; plain C %.2f\n", metric,
           1e9 / bench_median(many.ours, TURNS), 1e9 / bench_median(one.ours, TURNS),
           1e9 / bench_median(one.peer, TURNS));
}

bool bench_kernels(void) {
    printf("# kernels: %d dims, batches of %d of %d KiB of rows; peer: plain C at -O3\n", DIMS,
           BATCH, TABLE_BYTES >> 10);
    kernel_data *data = aligned_alloc(64, sizeof *data);
    if (!data) {
        (void)fprintf(stderr, "bench kernels: no memory\n");
        return false;
    }
    for (int isa = CG_ISA_COUNT - 1; isa >= 0; isa--) {
        const cg_kernels *set = cg_kernels_of((cg_isa)isa);
        for (int form = 0; form < FORMS && set; form++) {
            draw_data((kernel_form)form, data);
            compare(set, (kernel_form)form, data);
        }
    }
    free(data);
    return true;
}
