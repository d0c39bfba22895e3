#include "engine/vector/codec.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { BINS = 65536, CLIPPED_ONE_IN = 2000, FLOAT_LANES = 16 };

const char *cg_precision_name(cg_precision precision) {
    static const char *const names[CG_PRECISION_COUNT] = {"f32", "f16", "i8", "i4", "i1"};
    return names[precision];
}

cg_work_kind cg_precision_work(cg_precision precision) {
    static const cg_work_kind kinds[CG_PRECISION_COUNT] = {
        CG_WORK_DISTANCE_F32, CG_WORK_DISTANCE_F16, CG_WORK_DISTANCE_I8, CG_WORK_DISTANCE_I4,
        CG_WORK_DISTANCE_I1};
    return kinds[precision];
}

static uint32_t round_up(uint32_t value, uint32_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

size_t cg_precision_row_bytes(cg_precision precision, uint32_t dims) {
    const uint32_t float_dims = round_up(dims, FLOAT_LANES);
    const uint32_t code_dims = round_up(dims, CG_CODE_BLOCK);
    switch (precision) {
    case CG_PRECISION_F32:
        return float_dims * sizeof(float);
    case CG_PRECISION_F16:
        return float_dims * sizeof(uint16_t);
    case CG_PRECISION_I8:
        return code_dims;
    case CG_PRECISION_I4:
        return code_dims / 2;
    case CG_PRECISION_I1:
        return code_dims / 8;
    case CG_PRECISION_COUNT:
        break;
    }
    return 0;
}

cg_status cg_codec_init(cg_codec *codec, uint32_t dims, const cg_allocator *allocator,
                        cg_error *error) {
    float *centre = cg_allocate(allocator, dims, sizeof *centre);
    if (!centre) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a codec of %u dims", dims);
    }
    *codec =
        (cg_codec){.dims = dims, .code_dims = round_up(dims, CG_CODE_BLOCK), .centre = centre};
    return CG_OK;
}

void cg_codec_deinit(cg_codec *codec, const cg_allocator *allocator) {
    cg_deallocate(allocator, codec->centre, codec->dims, sizeof *codec->centre);
    *codec = (cg_codec){0};
}

/* The i-th of `taken` rows, evenly spread over `count`. */
static const float *sample_row(const cg_codec *codec, const float *sample, uint32_t i,
                               uint32_t taken, uint32_t count) {
    return sample + (size_t)((uint64_t)i * count / taken) * codec->dims;
}

static void find_centre(cg_codec *codec, const float *sample, uint32_t taken, uint32_t count) {
    for (uint32_t d = 0; d < codec->dims; d++) {
        double sum = 0.0;
        for (uint32_t i = 0; i < taken; i++) {
            sum += (double)sample_row(codec, sample, i, taken, count)[d];
        }
        codec->centre[d] = (float)(sum / taken);
    }
}

static double largest_deviation(const cg_codec *codec, const float *sample, uint32_t taken,
                                uint32_t count) {
    double largest = 0.0;
    for (uint32_t i = 0; i < taken; i++) {
        const float *row = sample_row(codec, sample, i, taken, count);
        for (uint32_t d = 0; d < codec->dims; d++) {
            double deviation = fabs((double)row[d] - (double)codec->centre[d]);
            largest = deviation > largest ? deviation : largest;
        }
    }
    return largest;
}

/* The deviation that one entry in CLIPPED_ONE_IN exceeds, to 1 / BINS of the largest. */
static double range_of(const cg_codec *codec, const float *sample, uint32_t taken,
                       uint32_t count, uint32_t *bins) {
    double largest = largest_deviation(codec, sample, taken, count);
    if (largest <= 0.0) {
        return 0.0;
    }
    for (uint32_t i = 0; i < taken; i++) {
        const float *row = sample_row(codec, sample, i, taken, count);
        for (uint32_t d = 0; d < codec->dims; d++) {
            double deviation = fabs((double)row[d] - (double)codec->centre[d]);
            bins[(uint32_t)(deviation / largest * (BINS - 1))]++;
        }
    }
    uint64_t allowed = (uint64_t)taken * codec->dims / CLIPPED_ONE_IN;
    uint32_t last = BINS - 1;
    for (uint64_t above = bins[last]; above <= allowed && last > 0; above += bins[last]) {
        last--;
    }
    return largest * ((double)last + 1.0) / BINS;
}

cg_status cg_codec_train(cg_codec *codec, const float *sample, uint32_t count, bool is_centred,
                         const cg_allocator *allocator, cg_error *error) {
    CG_ASSERT(count > 0);
    uint32_t *bins = cg_allocate(allocator, BINS, sizeof *bins);
    if (!bins) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to train a codec of %u dims",
                            codec->dims);
    }
    const uint32_t taken = count < CG_CODEC_SAMPLE_MAX ? count : CG_CODEC_SAMPLE_MAX;
    double range = 0.0;
    memset(codec->centre, 0, codec->dims * sizeof *codec->centre);
    if (count >= CG_CODEC_SAMPLE_MIN) {
        if (is_centred) {
            find_centre(codec, sample, taken, count);
        }
        range = range_of(codec, sample, taken, count, bins);
    }
    if (range <= 0.0) {
        memset(codec->centre, 0, codec->dims * sizeof *codec->centre);
        range = 2.0 * largest_deviation(codec, sample, taken, count);
    }
    double step = range / CG_CODE_MAX;
    cg_deallocate(allocator, bins, BINS, sizeof *bins);
    /* All zero: every code is 0 at any step. The inverse of the step has to be finite, too. */
    step = step > 0.0 ? step : 1.0;
    step = step < (double)FLT_MIN ? (double)FLT_MIN : step;
    codec->step = (float)step;
    return CG_OK;
}

/* Adding 1.5 * 2^23 leaves no bits for the fraction, so the addition rounds, to nearest even;
 * a library call here would cost as much as the whole rest (design.md). */
static float rounded(float value) {
    const float shift = 12582912.0f;
    return (value + shift) - shift;
}

static float clipped(float value, float most) {
    value = value < -most ? -most : value;
    return value > most ? most : value;
}

void cg_codec_encode_i8(const cg_codec *codec, const float *vector, int8_t *out) {
    const float scale = 1.0f / codec->step;
    for (uint32_t d = 0; d < codec->dims; d++) {
        float steps = (vector[d] - codec->centre[d]) * scale;
        out[d] = (int8_t)rounded(clipped(steps, CG_CODE_MAX));
    }
    memset(out + codec->dims, 0, codec->code_dims - codec->dims);
}

void cg_codec_decode_i8(const cg_codec *codec, const int8_t *code, float *out) {
    for (uint32_t d = 0; d < codec->dims; d++) {
        out[d] = codec->centre[d] + codec->step * (float)code[d];
    }
}

static uint8_t nibble(int8_t steps) {
    float value =
        rounded(clipped((float)steps / (float)CG_CODE_I4_UNIT, (float)CG_CODE_I4_MAX));
    return (uint8_t)((int)value + CG_CODE_I4_MAX + 1);
}

void cg_codec_pack_i4(const int8_t *code, uint32_t code_dims, uint8_t *out) {
    for (uint32_t block = 0; block < code_dims; block += CG_CODE_BLOCK) {
        for (uint32_t i = 0; i < CG_CODE_BLOCK / 2; i++) {
            uint8_t low = nibble(code[block + i]);
            uint8_t high = nibble(code[block + CG_CODE_BLOCK / 2 + i]);
            out[block / 2 + i] = (uint8_t)(low | high << 4);
        }
    }
}

void cg_codec_unpack_i4(const uint8_t *row, uint32_t code_dims, int8_t *out) {
    const int zero = CG_CODE_I4_MAX + 1;
    for (uint32_t block = 0; block < code_dims; block += CG_CODE_BLOCK) {
        for (uint32_t i = 0; i < CG_CODE_BLOCK / 2; i++) {
            int packed = row[block / 2 + i];
            out[block + i] = (int8_t)(((packed & 15) - zero) * CG_CODE_I4_UNIT);
            out[block + CG_CODE_BLOCK / 2 + i] =
                (int8_t)(((packed >> 4) - zero) * CG_CODE_I4_UNIT);
        }
    }
}

void cg_codec_pack_i1(const int8_t *code, uint32_t code_dims, uint8_t *out) {
    memset(out, 0, code_dims / 8);
    for (uint32_t d = 0; d < code_dims; d++) {
        out[d / 8] = (uint8_t)(out[d / 8] | (code[d] >= 0) << (d % 8));
    }
}
