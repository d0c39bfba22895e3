/* Goal: the kernels give one and the same bits on every processor and with every compiler. Runs
 * each kernel of each instruction set that this machine has on seeded data and prints a digest
 * a kernel, which compare.sh compares between machines; status 1 if two instruction sets here
 * differ already. Which there were goes to stderr, since it is not the same everywhere.
 */
#include <stdio.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/prng.h"
#include "engine/vector/kernel.h"
#include "engine/vector/vector.h"

enum {
    FLOAT_DIMS_MAX = 1040,
    CODE_DIMS_MAX = 1088,
    ROWS = 70,
    ONES = 3,   /* rows that the form for one row takes, too */
    SLACK = 64, /* bytes by which rows are shifted and moved apart */
    TABLE_BYTES = ROWS * (FLOAT_DIMS_MAX * 4 + SLACK) + SLACK,
    SPIKE_DIMS = 1000
};

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
static const uint32_t bits_per_dim[FORMS] = {32, 32, 16, 16, 8, 4, 1};

/* One batch, and a query of either kind for it. */
typedef struct round_data {
    float floats[FLOAT_DIMS_MAX];
    int8_t codes[CODE_DIMS_MAX];
    _Alignas(64) unsigned char table[TABLE_BYTES];
    uint32_t rows[ROWS];
    cg_row_batch batch;
} round_data;

typedef union round_results {
    float floats[ROWS + ONES];
    int32_t codes[ROWS + ONES];
    uint32_t bits[ROWS + ONES];
} round_results;

/* Finite: near 1, of any exponent, tiny and denormal, huge, or a zero of either sign. */
static uint32_t draw_float_bits(cg_stream *stream, uint64_t kind) {
    static const uint32_t exponent_from[] = {120, 0, 0, 250, 0};
    static const uint32_t exponents[] = {8, 255, 2, 5, 1};
    uint64_t draw = cg_stream_next(stream);
    uint32_t exponent = exponent_from[kind] + (uint32_t)(draw >> 32) % exponents[kind];
    uint32_t kept = kind == 4 ? 0x80000000u : 0x807fffffu;
    return ((uint32_t)draw & kept) | exponent << 23;
}

static uint16_t draw_half_bits(cg_stream *stream) {
    uint16_t half = (uint16_t)cg_stream_next(stream);
    return (half & 0x7c00) == 0x7c00 ? half & 0xbfff : half; /* no infinity, no NaN */
}

/* From -most to most; of kind 0 the two ends alone, of kind 1 one end alone. */
static int draw_code(cg_stream *stream, uint64_t kind, int most) {
    uint64_t draw = cg_stream_next(stream) >> 32;
    if (kind == 0) {
        return draw % 2 ? most : -most;
    }
    return kind == 1 ? most : (int)(draw % (2 * (uint64_t)most + 1)) - most;
}

static void draw_table(cg_stream *stream, kernel_form form, unsigned char *table,
                       size_t bytes) {
    uint64_t kind = cg_stream_next_below(stream, 5);
    size_t width = bits_per_dim[form] < 8 ? 1 : bits_per_dim[form] / 8;
    for (size_t at = 0; at + width <= bytes; at += width) {
        if (form <= SQUARE_F32) {
            uint32_t bits = draw_float_bits(stream, kind);
            memcpy(table + at, &bits, sizeof bits);
        } else if (form <= SQUARE_F16) {
            uint16_t bits = draw_half_bits(stream);
            memcpy(table + at, &bits, sizeof bits);
        } else if (form == DOT_I8) {
            table[at] = (unsigned char)draw_code(stream, kind, 127);
        } else if (form == DOT_I4) {
            int low = draw_code(stream, kind, 7) + 8;
            table[at] = (unsigned char)(16 * (draw_code(stream, kind, 7) + 8) + low);
        } else {
            table[at] = (unsigned char)cg_stream_next(stream);
        }
    }
}

static void draw_round(cg_stream *stream, kernel_form form, uint32_t dims, uint32_t count,
                       round_data *data) {
    uint64_t kind = cg_stream_next_below(stream, 5);
    for (uint32_t d = 0; d < dims; d++) {
        if (form <= SQUARE_F16) {
            uint32_t bits = draw_float_bits(stream, kind);
            memcpy(&data->floats[d], &bits, sizeof bits);
        } else {
            data->codes[d] = (int8_t)draw_code(stream, kind, 127);
        }
    }
    size_t unit = bits_per_dim[form] < 8 ? 1 : bits_per_dim[form] / 8; /* of alignment */
    size_t shift = unit * cg_stream_next_below(stream, SLACK / unit);
    size_t gap = unit * cg_stream_next_below(stream, SLACK / unit);
    size_t stride = (size_t)dims * bits_per_dim[form] / 8 + gap;
    draw_table(stream, form, data->table + shift, ROWS * stride);
    for (uint32_t i = 0; i < ROWS; i++) {
        data->rows[i] = (uint32_t)cg_stream_next_below(stream, ROWS);
    }
    data->batch = (cg_row_batch){data->table + shift, stride, data->rows, count, dims};
}

static void run_one(const cg_kernels *set, kernel_form form, const round_data *data, uint32_t i,
                    round_results *results) {
    const cg_row_batch *batch = &data->batch;
    const void *row = (const unsigned char *)batch->table + batch->stride_bytes * data->rows[i];
    uint32_t at = ROWS + i;
    switch (form) {
    case DOT_F32:
        results->floats[at] = set->dot_f32(data->floats, row, batch->dims);
        break;
    case SQUARE_F32:
        results->floats[at] = set->square_distance_f32(data->floats, row, batch->dims);
        break;
    case DOT_F16:
        results->floats[at] = set->dot_f16(data->floats, row, batch->dims);
        break;
    case SQUARE_F16:
        results->floats[at] = set->square_distance_f16(data->floats, row, batch->dims);
        break;
    case DOT_I8:
        results->codes[at] = set->dot_i8(data->codes, row, batch->dims);
        break;
    case DOT_I4:
        results->codes[at] = set->dot_i4(data->codes, row, batch->dims);
        break;
    default:
        results->codes[at] = set->dot_i1(data->codes, row, batch->dims);
    }
}

static void run_round(const cg_kernels *set, kernel_form form, const round_data *data,
                      round_results *results) {
    void (*const floats[])(const float *, const cg_row_batch *,
                           float *) = {set->dot_f32_many, set->square_distance_f32_many,
                                       set->dot_f16_many, set->square_distance_f16_many};
    void (*const codes[])(const int8_t *, const cg_row_batch *,
                          int32_t *) = {set->dot_i8_many, set->dot_i4_many, set->dot_i1_many};
    memset(results, 0, sizeof *results);
    if (form < DOT_I8) {
        floats[form](data->floats, &data->batch, results->floats);
    } else {
        codes[form - DOT_I8](data->codes, &data->batch, results->codes);
    }
    for (uint32_t i = 0; i < ONES; i++) {
        run_one(set, form, data, i, results);
    }
    for (uint32_t i = 0; i < ROWS + ONES && form < DOT_I8; i++) {
        if ((results->bits[i] & 0x7fffffffu) > 0x7f800000u) {
            results->bits[i] = 0x7fc00000u; /* infinities met: any NaN is as good */
        }
    }
}

/* All sets' digests of one kernel; the hashers stand in the order of cg_isa. */
static void digest_form(kernel_form form, cg_hasher hashers[CG_ISA_COUNT]) {
    static round_data data;
    static round_results results;
    uint32_t step = form < DOT_I8 ? 16 : 64;
    uint32_t dims_max = form < DOT_I8 ? FLOAT_DIMS_MAX : CODE_DIMS_MAX;
    cg_stream stream = cg_stream_init(1, names[form], 0);
    uint32_t rounds = dims_max / step + ROWS + 1; /* every dims, then every count */
    for (uint32_t round = 0; round < rounds; round++) {
        bool is_first_part = round < dims_max / step;
        uint32_t dims = is_first_part ? step * (round + 1) : 128;
        uint32_t count = is_first_part ? 1 + round * 7 % ROWS : round - dims_max / step;
        draw_round(&stream, form, dims, count, &data);
        for (int isa = 0; isa < CG_ISA_COUNT; isa++) {
            const cg_kernels *set = cg_kernels_of((cg_isa)isa);
            if (set) {
                run_round(set, form, &data, &results);
                for (uint32_t i = 0; i < ROWS + ONES; i++) {
                    cg_hasher_add_u64(&hashers[isa], results.bits[i]);
                }
            }
        }
    }
}

static void digest_spikes(cg_hasher hashers[CG_ISA_COUNT]) {
    cg_stream stream = cg_stream_init(1, "spike_cost_i32", 0);
    for (uint32_t dims = 0; dims <= SPIKE_DIMS; dims += 37) {
        int32_t sides[2][SPIKE_DIMS];
        for (uint32_t d = 0; d < 2 * dims; d++) {
            int32_t value = (int32_t)cg_stream_next_below(&stream, 6001) - 3000;
            sides[d % 2][d / 2] = cg_stream_next_below(&stream, 3) ? value : 0;
        }
        for (int isa = 0; isa < CG_ISA_COUNT; isa++) {
            const cg_kernels *set = cg_kernels_of((cg_isa)isa);
            uint32_t spikes = 0;
            if (set) {
                cg_hasher_add_u64(&hashers[isa],
                                  set->spike_cost_i32(sides[0], sides[1], dims, 700, &spikes));
                cg_hasher_add_u64(&hashers[isa], spikes);
            }
        }
    }
}

static void digest_halves(void) {
    cg_hasher hasher = cg_hasher_init();
    for (uint32_t half = 0; half < 65536; half++) {
        float value = cg_f16_to_f32((uint16_t)half);
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        cg_hasher_add_u64(&hasher, bits);
    }
    cg_stream stream = cg_stream_init(1, "f16", 0);
    for (int i = 0; i < 200000; i++) {
        uint32_t bits = (uint32_t)cg_stream_next(&stream);
        float value;
        memcpy(&value, &bits, sizeof bits);
        cg_hasher_add_u64(&hasher, value == value ? cg_f16_from_f32(value) : 0);
    }
    printf("f16\t%016llx\n", (unsigned long long)cg_hasher_value(&hasher));
}

/* Prints the scalar kernel's digest; returns false where another is different. */
static bool print_digest(const char *name, const cg_hasher hashers[CG_ISA_COUNT]) {
    bool is_same = true;
    uint64_t expected = cg_hasher_value(&hashers[CG_ISA_SCALAR]);
    for (int isa = 0; isa < CG_ISA_COUNT; isa++) {
        const cg_kernels *set = cg_kernels_of((cg_isa)isa);
        if (set && cg_hasher_value(&hashers[isa]) != expected) {
            (void)fprintf(stderr, "%s: %s differs from scalar\n", name, set->name);
            is_same = false;
        }
    }
    printf("%s\t%016llx\n", name, (unsigned long long)expected);
    return is_same;
}

int main(void) {
    bool is_same = true;
    for (int isa = 0; isa < CG_ISA_COUNT; isa++) {
        const cg_kernels *set = cg_kernels_of((cg_isa)isa);
        (void)fprintf(stderr, "%s%s", set ? set->name : "", set ? " " : "");
    }
    (void)fprintf(stderr, "\n");
    for (int form = 0; form <= FORMS; form++) {
        cg_hasher hashers[CG_ISA_COUNT];
        for (int isa = 0; isa < CG_ISA_COUNT; isa++) {
            hashers[isa] = cg_hasher_init();
        }
        if (form < FORMS) {
            digest_form((kernel_form)form, hashers);
        } else {
            digest_spikes(hashers);
        }
        is_same =
            print_digest(form < FORMS ? names[form] : "spike_cost_i32", hashers) && is_same;
    }
    digest_halves();
    return is_same ? 0 : 1;
}
