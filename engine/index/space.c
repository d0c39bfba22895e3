/* Distances of an index: between a probe and rows, on the codes and on the fuller form. */
#include "engine/index/index_internal.h"

#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)(address))
#endif

enum {
    CACHE_LINE_BYTES = 64,
    PREFETCH_BYTES_MAX = 1024 /* the processor itself follows from there */
};

bool cg_index_has_integers(const cg_index *index) {
    return index->options.codes == CG_PRECISION_I8;
}

size_t cg_index_padded_dims(const cg_index *index) {
    return cg_precision_row_bytes(CG_PRECISION_F32, index->options.dims) / sizeof(float);
}

static const uint8_t *code_row(const cg_index *index, uint32_t row) {
    return index->codes + (size_t)row * index->code_bytes;
}

/* What one integer distance is worth between two rows' codes. */
static float integer_unit(const cg_index *index) {
    float step = index->codec.step;
    switch (index->options.metric) {
    case CG_METRIC_COSINE: /* 1 - dot = |a - b|^2 / 2 at unit length */
        return 0.5f * step * step;
    case CG_METRIC_L2:
    case CG_METRIC_INNER_PRODUCT:
        break;
    }
    return step * step;
}

cg_probe cg_probe_of_row(const cg_index *index, uint32_t row, float *buffer) {
    const uint8_t *bytes = code_row(index, row);
    if (cg_index_has_integers(index)) {
        return (cg_probe){.code = (const int8_t *)bytes,
                          .bias = index->biases[row],
                          .unit = integer_unit(index),
                          .view = cg_index_view_of(index)};
    }
    if (index->options.codes == CG_PRECISION_F32) {
        return (cg_probe){.vector = (const float *)(const void *)bytes,
                          .view = cg_index_view_of(index)};
    }
    cg_f16_decode((const uint16_t *)(const void *)bytes, (uint32_t)cg_index_padded_dims(index),
                  buffer);
    return (cg_probe){.vector = buffer, .view = cg_index_view_of(index)};
}

float cg_index_own_step(const float *vector, size_t entries) {
    float largest = 0.0f;
    for (size_t d = 0; d < entries; d++) {
        float size = vector[d] < 0.0f ? -vector[d] : vector[d];
        largest = size > largest ? size : largest;
    }
    return largest > 1e-30f ? largest / CG_CODE_MAX : 1.0f;
}

cg_probe cg_probe_of_query(const cg_index *index, const cg_index_query *query,
                           cg_index_scratch *scratch) {
    const cg_index_options *options = &index->options;
    const size_t padded = cg_index_padded_dims(index);
    float *vector = scratch->vector;
    if (query->flip_bits) {
        cg_vector_flip(query->vector, options->dims, query->flip_bits, vector);
    } else {
        memcpy(vector, query->vector, options->dims * sizeof *vector);
    }
    memset(vector + options->dims, 0, (padded - options->dims) * sizeof *vector);
    cg_probe probe = {.vector = vector, .view = cg_index_view_of(index)};
    if (cg_index_has_integers(index)) {
        cg_codec codec = index->codec;
        int8_t *code = (int8_t *)(vector + padded);
        probe.unit = integer_unit(index);
        if (options->metric == CG_METRIC_INNER_PRODUCT) {
            codec.step = cg_index_own_step(vector, options->dims);
            probe.unit = codec.step * index->codec.step;
        }
        cg_codec_encode_i8(&codec, vector, code);
        probe.code = code;
        if (options->metric != CG_METRIC_INNER_PRODUCT) {
            probe.bias = index->kernels->dot_i8(code, code, codec.code_dims);
        }
    }
    return probe;
}

static void integer_keys(const cg_index *index, const cg_probe *probe,
                         const cg_row_batch *batch, uint64_t *keys) {
    int32_t dots[CG_INDEX_BLOCK_ROWS];
    index->kernels->dot_i8_many(probe->code, batch, dots);
    if (index->options.metric == CG_METRIC_INNER_PRODUCT) {
        for (uint32_t i = 0; i < batch->count; i++) {
            keys[i] = cg_key_from_score(-dots[i], batch->rows[i]);
        }
        return;
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t row = batch->rows[i];
        int32_t score = probe->bias + index->biases[row] - 2 * dots[i];
        keys[i] = cg_key_from_score(score, row);
    }
}

/* f32 and f16 rows of any table, as distances of the metric. */
static void float_distances(const cg_index *index, const float *vector, cg_precision precision,
                            const cg_row_batch *batch, float *distances) {
    const cg_kernels *kernels = index->kernels;
    bool is_half = precision == CG_PRECISION_F16;
    if (index->options.metric == CG_METRIC_L2) {
        (is_half ? kernels->square_distance_f16_many
                 : kernels->square_distance_f32_many)(vector, batch, distances);
        return;
    }
    (is_half ? kernels->dot_f16_many : kernels->dot_f32_many)(vector, batch, distances);
    for (uint32_t i = 0; i < batch->count; i++) {
        distances[i] = 1.0f - distances[i];
    }
}

void cg_index_keys(const cg_index *index, const cg_probe *probe, const uint32_t *rows,
                   uint32_t count, uint64_t *keys, cg_work *work) {
    CG_ASSERT(count <= CG_INDEX_BLOCK_ROWS);
    cg_row_batch batch = {
        .table = index->codes, .stride_bytes = index->code_bytes, .rows = rows, .count = count};
    cg_work_count(work, cg_precision_work(index->options.codes), count,
                  (uint64_t)count * index->options.dims);
    if (cg_index_has_integers(index)) {
        batch.dims = index->codec.code_dims;
        integer_keys(index, probe, &batch, keys);
        return;
    }
    float distances[CG_INDEX_BLOCK_ROWS];
    batch.dims = (uint32_t)cg_index_padded_dims(index);
    float_distances(index, probe->vector, index->options.codes, &batch, distances);
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = cg_key(distances[i], rows[i]);
    }
}

void cg_index_prefetch(const cg_index *index, const uint32_t *rows, uint32_t count) {
    const uint8_t *codes = index->codes;
    const int32_t *biases = index->biases;
    const size_t row_bytes = index->code_bytes;
    const size_t ahead_bytes = row_bytes < PREFETCH_BYTES_MAX ? row_bytes : PREFETCH_BYTES_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *bytes = codes + (size_t)rows[i] * row_bytes;
        for (size_t j = 0; j < ahead_bytes; j += CACHE_LINE_BYTES) {
            PREFETCH(bytes + j);
        }
        if (biases) {
            PREFETCH(biases + rows[i]);
        }
    }
}

float cg_index_key_distance(const cg_index *index, const cg_probe *probe, uint64_t key) {
    if (!cg_index_has_integers(index)) {
        return cg_key_distance(key);
    }
    float distance = (float)cg_key_score(key) * probe->unit;
    return index->options.metric == CG_METRIC_INNER_PRODUCT ? 1.0f + distance : distance;
}

void cg_index_rerank(const cg_index *index, const float *vector, uint64_t *keys, uint32_t count,
                     cg_work *work) {
    const cg_precision precision = index->options.fuller;
    cg_work_count(work, cg_precision_work(precision), count,
                  (uint64_t)count * index->options.dims);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *bytes =
            index->fuller + (size_t)cg_key_row(keys[i]) * index->fuller_bytes;
        for (size_t j = 0; j < index->fuller_bytes && j < PREFETCH_BYTES_MAX;
             j += CACHE_LINE_BYTES) {
            PREFETCH(bytes + j);
        }
    }
    for (uint32_t first = 0; first < count; first += CG_INDEX_BLOCK_ROWS) {
        uint32_t rows[CG_INDEX_BLOCK_ROWS];
        float distances[CG_INDEX_BLOCK_ROWS];
        uint32_t left = count - first;
        cg_row_batch batch = {.table = index->fuller,
                              .stride_bytes = index->fuller_bytes,
                              .rows = rows,
                              .count = left < CG_INDEX_BLOCK_ROWS ? left : CG_INDEX_BLOCK_ROWS,
                              .dims = (uint32_t)cg_index_padded_dims(index)};
        for (uint32_t i = 0; i < batch.count; i++) {
            rows[i] = cg_key_row(keys[first + i]);
        }
        float_distances(index, vector, precision, &batch, distances);
        for (uint32_t i = 0; i < batch.count; i++) {
            keys[first + i] = cg_key(distances[i], rows[i]);
        }
    }
    cg_keys_sort(keys, count);
}
