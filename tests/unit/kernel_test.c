/* Goal: every instruction set gives the bits that kernel.h defines, in the form for one row and
 * in that for many, for all dims, wherever rows lie, and at the ends of the codes' range. */
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/vector/kernel.h"
#include "engine/vector/vector.h"
#include "tests/support/kernel_sets.h"

enum {
    FLOAT_DIMS_MAX = 1040,
    CODE_DIMS_MAX = 1088,
    DIMS_MOST = 65536,
    ROWS = 70,
    SLACK = 64, /* rows start up to this many bytes behind an aligned address */
    GUARD = 4
};

/* What a round works on. Rows stand `stride_bytes` apart in `table`, from `shift` on. */
typedef struct round_data {
    float *query_floats;
    int8_t *query_codes;
    uint8_t *table;
    size_t shift;
    uint32_t rows[ROWS];
    cg_row_batch batch;
} round_data;

static void data_alloc(round_data *data, uint32_t dims_max) {
    *data = (round_data){.query_floats = malloc(dims_max * sizeof(float) + SLACK),
                         .query_codes = malloc(dims_max + SLACK),
                         .table =
                             malloc((size_t)ROWS * (dims_max * sizeof(float) + SLACK) + SLACK)};
    assert_true(data->query_floats && data->query_codes && data->table);
}

static void data_free(round_data *data) {
    free(data->query_floats);
    free(data->query_codes);
    free(data->table);
}

/* A batch of random rows of `row_bytes` each; `unit` is what addresses are a multiple of. */
static void draw_batch(cg_stream *stream, round_data *data, uint32_t dims, size_t row_bytes,
                       size_t unit) {
    data->shift = unit * cg_stream_next_below(stream, SLACK / unit);
    size_t stride = row_bytes + unit * cg_stream_next_below(stream, SLACK / unit);
    uint32_t count = (uint32_t)cg_stream_next_below(stream, ROWS + 1);
    for (int i = 0; i < ROWS; i++) {
        data->rows[i] = (uint32_t)cg_stream_next_below(stream, ROWS);
    }
    data->batch = (cg_row_batch){data->table + data->shift, stride, data->rows, count, dims};
}

static const void *row_of(const round_data *data, uint32_t i) {
    return (const uint8_t *)data->batch.table + data->batch.stride_bytes * data->rows[i];
}

/* ---- floats */

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return isnan(value) ? 0x7fc00000u : bits; /* infinities may meet: any NaN is as good */
}

static float half_of(uint16_t half) {
    int exponent = (half >> 10) & 31;
    int fraction = half & 1023;
    float size =
        ldexpf((float)(exponent ? fraction + 1024 : fraction), exponent ? exponent - 25 : -24);
    return half >> 15 ? -size : size;
}

static float tree(const float *lanes, int lane, int width) {
    if (width == 16) {
        return lanes[lane];
    }
    return tree(lanes, lane, 2 * width) + tree(lanes, lane + width, 2 * width);
}

static float float_oracle(const float *query, const void *row, uint32_t dims, bool is_half,
                          bool is_square) {
    float lanes[16] = {0};
    for (uint32_t d = 0; d < dims; d++) {
        float value = is_half ? half_of(((const uint16_t *)row)[d]) : ((const float *)row)[d];
        float gap = query[d] - value;
        lanes[d % 16] =
            is_square ? fmaf(gap, gap, lanes[d % 16]) : fmaf(query[d], value, lanes[d % 16]);
    }
    return tree(lanes, 0, 1);
}

/* Normal numbers, wide exponents, denormals, huge ones, zeros of both signs, overflow. */
static float draw_float(cg_stream *stream, uint64_t kind) {
    float value = (float)(cg_stream_next_unit(stream) * 2.0 - 1.0);
    switch (kind) {
    case 0:
        return value;
    case 1:
        return ldexpf(value, (int)cg_stream_next_below(stream, 60) - 30);
    case 2:
        return ldexpf(value, -130);
    case 3:
        return ldexpf(value, 60);
    case 4:
        return ldexpf(value, (int)cg_stream_next_below(stream, 250) - 140);
    case 5:
        return ldexpf(value, 127);
    default:
        return cg_stream_next_below(stream, 2) ? 0.0f : -0.0f;
    }
}

static void draw_floats(cg_stream *stream, round_data *data, uint32_t dims, bool is_half) {
    size_t width = is_half ? sizeof(uint16_t) : sizeof(float);
    draw_batch(stream, data, dims, dims * width, width);
    uint64_t kind = cg_stream_next_below(stream, 8);
    for (uint32_t d = 0; d < dims; d++) {
        data->query_floats[d] =
            draw_float(stream, kind < 7 ? kind : cg_stream_next_below(stream, 7));
    }
    for (size_t at = 0; at < ROWS * data->batch.stride_bytes; at += width) {
        uint8_t *place = data->table + data->shift + at;
        if (is_half) {
            uint16_t half;
            do {
                half = (uint16_t)cg_stream_next_below(stream, 65536);
            } while ((half & 0x7c00) == 0x7c00);
            memcpy(place, &half, sizeof half);
        } else {
            float value = draw_float(stream, kind < 7 ? kind : cg_stream_next_below(stream, 7));
            memcpy(place, &value, sizeof value);
        }
    }
}

enum { FORM_DOT_F32, FORM_SQUARE_F32, FORM_DOT_F16, FORM_SQUARE_F16 };

static float float_one(const cg_kernels *set, const float *query, const void *row,
                       uint32_t dims, int form) {
    return form == FORM_DOT_F32      ? set->dot_f32(query, row, dims)
           : form == FORM_SQUARE_F32 ? set->square_distance_f32(query, row, dims)
           : form == FORM_DOT_F16    ? set->dot_f16(query, row, dims)
                                     : set->square_distance_f16(query, row, dims);
}

static void check_floats(const kernel_sets *sets, const round_data *data, int form) {
    const cg_row_batch *batch = &data->batch;
    float expected[ROWS + GUARD];
    memset(expected, 0x55, sizeof expected);
    for (uint32_t i = 0; i < batch->count; i++) {
        expected[i] = float_oracle(data->query_floats, row_of(data, i), batch->dims, form >= 2,
                                   form % 2 == 1);
    }
    for (int s = 0; s < sets->count; s++) {
        float found[ROWS + GUARD];
        memset(found, 0x55, sizeof found);
        void (*const many[4])(const float *, const cg_row_batch *, float *) = {
            sets->set[s]->dot_f32_many, sets->set[s]->square_distance_f32_many,
            sets->set[s]->dot_f16_many, sets->set[s]->square_distance_f16_many};
        many[form](data->query_floats, batch, found);
        for (uint32_t i = 0; i < ROWS + GUARD; i++) {
            if (bits_of(found[i]) != bits_of(expected[i])) {
                fail_msg("%s, form %d, %u dims: row %u of %u gives %a, not %a",
                         sets->set[s]->name, form, batch->dims, i, batch->count,
                         (double)found[i], (double)expected[i]);
            }
        }
        for (uint32_t i = 0; i < batch->count && i < 5; i++) {
            float one =
                float_one(sets->set[s], data->query_floats, row_of(data, i), batch->dims, form);
            assert_int_equal(bits_of(one), bits_of(expected[i]));
        }
    }
}

static void test_floats_agree_to_the_bit(void **state) {
    (void)state;
    kernel_sets sets = sets_here();
    cg_stream stream = cg_stream_init(support_seed(1), "kernel_test.floats", 0);
    round_data data;
    data_alloc(&data, FLOAT_DIMS_MAX);
    for (int s = 0; s < sets.count; s++) {
        bool is_emulated = sets.set[s] != cg_kernels_of(sets.set[s]->isa);
        print_message("%s%s\n", sets.set[s]->name, is_emulated ? ", emulated" : "");
    }
    for (uint32_t dims = 16; dims <= FLOAT_DIMS_MAX; dims += 16) {
        for (int form = 0; form < 4; form++) {
            draw_floats(&stream, &data, dims, form >= 2);
            check_floats(&sets, &data, form);
        }
    }
    for (uint32_t count = 0; count <= ROWS; count++) { /* every count, at the usual dims */
        for (int form = 0; form < 4; form++) {
            draw_floats(&stream, &data, 128, form >= 2);
            data.batch.count = count;
            check_floats(&sets, &data, form);
        }
    }
    data_free(&data);
}

static void test_known_sums(void **state) {
    (void)state;
    /* Lanes 0 and 8 cancel before lane 1 joins; from left to right the 1 would be lost. */
    float values[16] = {[0] = 1e8f, [1] = 1.0f, [8] = -1e8f};
    float ones[32];
    float twos[32];
    uint16_t halves[32];
    for (int d = 0; d < 32; d++) {
        ones[d] = 1.0f;
        twos[d] = 2.0f;
        halves[d] = 0x4000; /* 2 */
    }
    kernel_sets sets = sets_here();
    for (int s = 0; s < sets.count; s++) {
        const cg_kernels *set = sets.set[s];
        assert_true(set->dot_f32(values, ones, 16) == 1.0f);
        assert_true(set->dot_f32(ones, twos, 32) == 64.0f);
        assert_true(set->square_distance_f32(ones, twos, 32) == 32.0f);
        assert_true(set->dot_f16(ones, halves, 32) == 64.0f);
        assert_true(set->square_distance_f16(ones, halves, 32) == 32.0f);
        /* Fused: (1 + 2^-12)^2 - 1 keeps the last bit that a rounded product would drop. */
        float fused[32] = {[0] = 1.0f, [16] = 1.0f + 0x1p-12f};
        float factor[32] = {[0] = -1.0f, [16] = 1.0f + 0x1p-12f};
        assert_true(set->dot_f32(fused, factor, 32) == 0x1p-11f + 0x1p-24f);
    }
    assert_string_equal(cg_kernels_of(CG_ISA_SCALAR)->name, "scalar");
    assert_null(cg_kernels_of(CG_ISA_COUNT));
    assert_non_null(cg_kernels_best());
}

static void test_every_half_is_widened_exactly(void **state) {
    (void)state;
    kernel_sets sets = sets_here();
    for (uint32_t half = 0; half < 65536; half++) {
        if ((half & 0x7c00) == 0x7c00) {
            continue;
        }
        float query[16] = {[5] = 1.0f};
        uint16_t row[16] = {[5] = (uint16_t)half};
        for (int s = 0; s < sets.count; s++) {
            assert_true(sets.set[s]->dot_f16(query, row, 16) == half_of((uint16_t)half));
        }
    }
}

/* ---- codes */

enum { FORM_I8, FORM_I4, FORM_I1, FORMS };

static const uint32_t bits_per_dim[FORMS] = {8, 4, 1};

static int64_t code_of(const uint8_t *row, uint32_t d, int form) {
    if (form == FORM_I8) {
        return (int8_t)row[d];
    }
    if (form == FORM_I4) {
        uint32_t byte = row[d / 64 * 32 + d % 32];
        return (int64_t)(d % 64 < 32 ? byte % 16 : byte / 16) - 8;
    }
    return (row[d / 8] >> d % 8) % 2 ? 1 : -1;
}

static int64_t code_oracle(const int8_t *query, const uint8_t *row, uint32_t dims, int form) {
    int64_t sum = 0;
    for (uint32_t d = 0; d < dims; d++) {
        sum += query[d] * code_of(row, d, form);
    }
    return sum;
}

/* All over the range, or its ends alone (kind 0: both, 1 and 2: one of them). */
static int draw_code(cg_stream *stream, uint64_t kind, int most) {
    switch (kind) {
    case 0:
        return cg_stream_next_below(stream, 2) ? most : -most;
    case 1:
        return most;
    case 2:
        return -most;
    default:
        return (int)cg_stream_next_below(stream, 2 * (uint64_t)most + 1) - most;
    }
}

static void draw_codes(cg_stream *stream, round_data *data, uint32_t dims, int form) {
    draw_batch(stream, data, dims, dims * bits_per_dim[form] / 8, 1);
    uint64_t query_kind = cg_stream_next_below(stream, 6);
    for (uint32_t d = 0; d < dims; d++) {
        data->query_codes[d] = (int8_t)draw_code(stream, query_kind, 127);
    }
    uint64_t kind = cg_stream_next_below(stream, 6);
    for (size_t at = 0; at < ROWS * data->batch.stride_bytes; at++) {
        int value;
        if (form == FORM_I8) {
            value = draw_code(stream, kind, 127);
        } else if (form == FORM_I4) {
            value = (draw_code(stream, kind, 7) + 8) * 16 + draw_code(stream, kind, 7) + 8;
        } else {
            value = kind == 1 ? 255 : kind == 2 ? 0 : (int)cg_stream_next_below(stream, 256);
        }
        data->table[data->shift + at] = (uint8_t)value;
    }
}

static int32_t code_one(const cg_kernels *set, const int8_t *query, const void *row,
                        uint32_t dims, int form) {
    return form == FORM_I8   ? set->dot_i8(query, row, dims)
           : form == FORM_I4 ? set->dot_i4(query, row, dims)
                             : set->dot_i1(query, row, dims);
}

static void check_codes(const kernel_sets *sets, const round_data *data, int form) {
    const cg_row_batch *batch = &data->batch;
    for (int s = 0; s < sets->count; s++) {
        void (*const many[FORMS])(const int8_t *, const cg_row_batch *, int32_t *) = {
            sets->set[s]->dot_i8_many, sets->set[s]->dot_i4_many, sets->set[s]->dot_i1_many};
        int32_t found[ROWS + GUARD];
        memset(found, 0x55, sizeof found);
        many[form](data->query_codes, batch, found);
        for (uint32_t i = 0; i < ROWS + GUARD; i++) {
            int64_t expected = 0x55555555;
            if (i < batch->count) {
                const void *row = row_of(data, i);
                expected = code_oracle(data->query_codes, row, batch->dims, form);
                int32_t one = code_one(sets->set[s], data->query_codes, row, batch->dims, form);
                assert_int_equal(one, expected);
            }
            if (found[i] != expected) {
                fail_msg("%s, %u bits, %u dims: row %u of %u gives %d, not %lld",
                         sets->set[s]->name, bits_per_dim[form], batch->dims, i, batch->count,
                         found[i], (long long)expected);
            }
        }
    }
}

static void test_codes_are_exact(void **state) {
    (void)state;
    kernel_sets sets = sets_here();
    cg_stream stream = cg_stream_init(support_seed(2), "kernel_test.codes", 0);
    round_data data;
    data_alloc(&data, CODE_DIMS_MAX);
    for (int form = 0; form < FORMS; form++) {
        for (uint32_t dims = 64; dims <= CODE_DIMS_MAX; dims += 64) {
            for (int round = 0; round < 6; round++) {
                draw_codes(&stream, &data, dims, form);
                check_codes(&sets, &data, form);
            }
        }
        for (uint32_t count = 0; count <= ROWS; count++) {
            draw_codes(&stream, &data, 128, form);
            data.batch.count = count;
            check_codes(&sets, &data, form);
        }
    }
    data_free(&data);
}

/* At the most dims, with every product at the end of its range, nothing saturates or wraps. */
static void test_longest_and_largest_codes(void **state) {
    (void)state;
    static int8_t query[DIMS_MOST];
    static uint8_t row[DIMS_MOST];
    static const int query_values[4] = {127, 127, -127, -127};
    static const uint8_t row_bytes[FORMS][4] = {
        {127, 129, 127, 129}, {0xff, 0x11, 0xff, 0x11}, {0xff, 0x00, 0xff, 0x00}};
    static const int row_value[FORMS] = {127, 7, 1};
    kernel_sets sets = sets_here();
    uint32_t rows[5] = {0};
    for (int form = 0; form < FORMS; form++) {
        for (int i = 0; i < 4; i++) {
            memset(query, query_values[i], sizeof query);
            memset(row, row_bytes[form][i], sizeof row);
            int sign = i == 0 || i == 3 ? 1 : -1;
            round_data data = {.query_codes = query,
                               .batch = {row, DIMS_MOST, rows, 5, DIMS_MOST}};
            int64_t expected = (int64_t)sign * 127 * row_value[form] * DIMS_MOST;
            assert_int_equal(code_oracle(query, row, DIMS_MOST, form), expected);
            check_codes(&sets, &data, form);
        }
    }
}

/* Padding: where the query holds 0 it does not matter what the row holds. */
static void test_zeros_of_the_query_hide_the_row(void **state) {
    (void)state;
    kernel_sets sets = sets_here();
    cg_stream stream = cg_stream_init(support_seed(3), "kernel_test.padding", 0);
    round_data data;
    data_alloc(&data, 192);
    for (int form = 0; form < FORMS; form++) {
        draw_codes(&stream, &data, 192, form);
        memset(data.query_codes + 100, 0, 92);
        for (int s = 0; s < sets.count; s++) {
            uint8_t row[192];
            memcpy(row, row_of(&data, 0), 192 * bits_per_dim[form] / 8);
            int32_t before = code_one(sets.set[s], data.query_codes, row, 192, form);
            for (uint32_t d = 128; d < 192; d += 8) { /* the last block, in every layout */
                memset(row + d * bits_per_dim[form] / 8, 0x80, bits_per_dim[form]);
            }
            assert_int_equal(code_one(sets.set[s], data.query_codes, row, 192, form), before);
        }
    }
    data_free(&data);
}

static void test_known_codes(void **state) {
    (void)state;
    int8_t query[64] = {[0] = 3, [1] = -5, [32] = 7, [63] = 127};
    int8_t row8[64] = {[0] = 2, [1] = 4, [32] = -6, [63] = -127};
    uint8_t row4[32];
    memset(row4, 0x88, sizeof row4);            /* 0 everywhere */
    row4[0] = 0x1f;                             /* dim 0: 7, dim 32: -7 */
    row4[31] = 0xf8;                            /* dim 63: 7 */
    uint8_t row1[8] = {[0] = 0x02, [4] = 0x01}; /* dims 1 and 32 are +1 */
    kernel_sets sets = sets_here();
    for (int s = 0; s < sets.count; s++) {
        assert_int_equal(sets.set[s]->dot_i8(query, row8, 64), 6 - 20 - 42 - 127 * 127);
        assert_int_equal(sets.set[s]->dot_i4(query, row4, 64), 21 - 49 + 7 * 127);
        assert_int_equal(sets.set[s]->dot_i1(query, row1, 64), -3 - 5 + 7 - 127);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats_agree_to_the_bit),
        cmocka_unit_test(test_known_sums),
        cmocka_unit_test(test_every_half_is_widened_exactly),
        cmocka_unit_test(test_codes_are_exact),
        cmocka_unit_test(test_longest_and_largest_codes),
        cmocka_unit_test(test_zeros_of_the_query_hide_the_row),
        cmocka_unit_test(test_known_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
