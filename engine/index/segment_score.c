/* How near a query is to rows of a segment: integer scores, one scale for all precisions.
 *
 * A score times the probe's unit is the metric's distance (inner products: less 1), as with
 * 8-bit codes in a growing index (space.c). Floats are added by the kernels, in their one
 * order, and rounded last, so scores are the same on every instruction set.
 */
#include "engine/index/segment_internal.h"

#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)(address))
#endif

enum { CACHE_LINE_BYTES = 64, PREFETCH_BYTES_MAX = 1024 };
/* Scores beyond are one: the largest float below 2^31. */
static const float score_max = 2147483520.0f;

static bool is_inner(const cg_segment *segment) {
    return segment->header.options.metric == CG_METRIC_INNER_PRODUCT;
}

static size_t vector_entries(const cg_segment *segment) {
    return segment->codec.code_dims; /* also a multiple of what float kernels want */
}

static int32_t score_from(float value) {
    if (!(value < score_max)) { /* NaN, too */
        return (int32_t)score_max;
    }
    if (value < -score_max) {
        return -(int32_t)score_max;
    }
    return (int32_t)(value < 0.0f ? value - 0.5f : value + 0.5f);
}

cg_status cg_segment_scratch_reserve(cg_segment_scratch *scratch, const cg_segment *segment,
                                     size_t keys, cg_error *error) {
    const cg_allocator *allocator = &scratch->allocator;
    const size_t entries = vector_entries(segment);
    const size_t vectors_bytes = entries * (sizeof(float) + sizeof(int8_t));
    const size_t rows = segment->header.rows;
    const size_t group_bytes = segment->header.groups * entries;
    if (vectors_bytes > scratch->vectors_bytes) {
        float *vectors = cg_allocate_aligned(allocator, vectors_bytes);
        if (!vectors) {
            return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a query of %u dims",
                                segment->header.options.dims);
        }
        cg_deallocate_aligned(allocator, scratch->vectors, scratch->vectors_bytes);
        scratch->vectors = vectors;
        scratch->vectors_bytes = vectors_bytes;
    }
    cg_status status = cg_visited_reserve(&scratch->visited, allocator, rows, error);
    if (status != CG_OK) {
        return status;
    }
    if (group_bytes > scratch->group_codes_bytes) {
        int8_t *codes = cg_allocate_aligned(allocator, group_bytes);
        if (!codes) {
            return cg_error_set(error, CG_ERROR_MEMORY,
                                "no memory for a query's codes in %u groups",
                                segment->header.groups);
        }
        cg_deallocate_aligned(allocator, scratch->group_codes, scratch->group_codes_bytes);
        scratch->group_codes = codes;
        scratch->group_codes_bytes = group_bytes;
    }
    status = CG_GROW(allocator, scratch->groups, scratch->group_capacity,
                     segment->header.groups, error);
    if (status != CG_OK) {
        return status;
    }
    return CG_GROW(allocator, scratch->keys, scratch->key_capacity, keys, error);
}

static void new_group_epoch(cg_segment_scratch *scratch) {
    scratch->group_epoch++;
    if (scratch->group_epoch == 0) {
        memset(scratch->groups, 0, scratch->group_capacity * sizeof *scratch->groups);
        scratch->group_epoch = 1;
    }
}

cg_segment_probe cg_segment_probe_of(const cg_segment *segment, const cg_index_query *query,
                                     cg_segment_scratch *scratch) {
    const cg_segment_header *header = &segment->header;
    const uint32_t dims = header->options.dims;
    const size_t entries = vector_entries(segment);
    float *vector = scratch->vectors;
    int8_t *code = (int8_t *)(vector + entries);
    memset(vector, 0, entries * sizeof *vector);
    if (query->flip_bits) {
        cg_vector_flip(query->vector, dims, query->flip_bits, vector);
    } else {
        memcpy(vector, query->vector, dims * sizeof *vector);
    }
    cg_codec codec = segment->codec;
    cg_segment_probe probe = {.vector = vector, .code = code};
    probe.unit = codec.step * codec.step;
    if (is_inner(segment)) {
        codec.step = cg_index_own_step(vector, entries);
        probe.unit = codec.step * segment->codec.step;
    } else if (header->options.metric == CG_METRIC_COSINE) {
        probe.unit *= 0.5f;
    }
    cg_codec_encode_i8(&codec, vector, code);
    if (!is_inner(segment)) {
        probe.bias = segment->kernels->dot_i8(code, code, codec.code_dims);
    }
    if (header->groups > 0) {
        new_group_epoch(scratch);
    }
    return probe;
}

static void float_scores(const cg_segment *segment, const cg_segment_probe *probe,
                         cg_precision precision, const cg_row_batch *batch, float *out) {
    const cg_kernels *kernels = segment->kernels;
    const bool is_half = precision == CG_PRECISION_F16;
    if (segment->header.options.metric == CG_METRIC_L2) {
        (is_half ? kernels->square_distance_f16_many
                 : kernels->square_distance_f32_many)(probe->vector, batch, out);
        return;
    }
    (is_half ? kernels->dot_f16_many : kernels->dot_f32_many)(probe->vector, batch, out);
    for (uint32_t i = 0; i < batch->count; i++) {
        out[i] = 1.0f - out[i];
    }
}

/* The query's code about a group's centre: halved when it would not fit, which loses less than
 * the signs of the rows do. */
static cg_segment_group code_residual(const int8_t *query, const int8_t *centre,
                                      uint32_t code_dims, int8_t *out) {
    int32_t square = 0;
    int32_t largest = 0;
    for (uint32_t d = 0; d < code_dims; d++) {
        int32_t residual = query[d] - centre[d];
        int32_t size = residual < 0 ? -residual : residual;
        largest = size > largest ? size : largest;
        square += residual * residual;
    }
    const int32_t scale = largest > CG_CODE_MAX ? 2 : 1;
    if (scale == 1) {
        for (uint32_t d = 0; d < code_dims; d++) {
            out[d] = (int8_t)(query[d] - centre[d]);
        }
    } else {
        for (uint32_t d = 0; d < code_dims; d++) {
            out[d] = (int8_t)((query[d] - centre[d]) / 2);
        }
    }
    return (cg_segment_group){.scale = (float)scale, .offset = (float)square};
}

/* The group's entry, made on its first use in a search. Its code: *code. */
static const cg_segment_group *enter_group(const cg_segment *segment,
                                           const cg_segment_probe *probe,
                                           cg_segment_scratch *scratch, uint32_t group,
                                           const int8_t **code) {
    const uint32_t code_dims = segment->codec.code_dims;
    const int8_t *centre =
        (const int8_t *)segment->sections[CG_SECTION_GROUP_CENTRES] + (size_t)group * code_dims;
    cg_segment_group *entry = &scratch->groups[group];
    int8_t *out = scratch->group_codes + (size_t)group * code_dims;
    if (is_inner(segment)) {
        *code = probe->code;
        if (entry->epoch != scratch->group_epoch) {
            int32_t dot = segment->kernels->dot_i8(probe->code, centre, code_dims);
            *entry = (cg_segment_group){
                .epoch = scratch->group_epoch, .scale = 1.0f, .offset = (float)dot};
        }
        return entry;
    }
    *code = out;
    if (entry->epoch != scratch->group_epoch) {
        *entry = code_residual(probe->code, centre, code_dims, out);
        entry->epoch = scratch->group_epoch;
    }
    return entry;
}

/* rows: of one group, numbered from the first 1-bit row. */
static void bit_keys(const cg_segment *segment, const cg_segment_probe *probe,
                     cg_segment_scratch *scratch, const cg_row_batch *batch, uint64_t *keys) {
    const cg_segment_header *header = &segment->header;
    const uint32_t first = header->class_first[CG_PRECISION_I1];
    int32_t dots[CG_INDEX_BLOCK_ROWS];
    const int8_t *code = NULL;
    uint32_t group = cg_segment_group_of(segment, batch->rows[0] + first);
    const cg_segment_group *entry = enter_group(segment, probe, scratch, group, &code);
    segment->kernels->dot_i1_many(code, batch, dots);
    const float unit = entry->scale * header->weight_unit;
    for (uint32_t i = 0; i < batch->count; i++) {
        const uint16_t *factors = cg_segment_factors(segment, batch->rows[i] + first);
        float product = (float)factors[0] * unit * (float)dots[i];
        float score =
            is_inner(segment)
                ? -entry->offset - product
                : entry->offset + (float)factors[1] * header->bias_unit - 2.0f * product;
        keys[i] = cg_key_from_score(score_from(score), batch->rows[i] + first);
    }
}

static void integer_keys(const cg_segment *segment, const cg_segment_probe *probe,
                         cg_precision precision, const cg_row_batch *batch, uint64_t *keys) {
    const cg_segment_header *header = &segment->header;
    const uint32_t first = header->class_first[precision];
    const int32_t *biases =
        cg_segment_biases(segment) + (first - header->class_first[CG_PRECISION_I8]);
    const int32_t times = precision == CG_PRECISION_I4 ? CG_CODE_I4_UNIT : 1;
    int32_t dots[CG_INDEX_BLOCK_ROWS];
    (precision == CG_PRECISION_I4 ? segment->kernels->dot_i4_many
                                  : segment->kernels->dot_i8_many)(probe->code, batch, dots);
    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t row = batch->rows[i];
        int32_t dot = times * dots[i];
        int32_t score = is_inner(segment) ? -dot : probe->bias + biases[row] - 2 * dot;
        keys[i] = cg_key_from_score(score, row + first);
    }
}

static void float_keys(const cg_segment *segment, const cg_segment_probe *probe,
                       cg_precision precision, const cg_row_batch *batch, uint64_t *keys) {
    const uint32_t first = segment->header.class_first[precision];
    const float more = is_inner(segment) ? 1.0f : 0.0f;
    const float scale = 1.0f / probe->unit;
    float distances[CG_INDEX_BLOCK_ROWS];
    float_scores(segment, probe, precision, batch, distances);
    for (uint32_t i = 0; i < batch->count; i++) {
        int32_t score = score_from((distances[i] - more) * scale);
        keys[i] = cg_key_from_score(score, batch->rows[i] + first);
    }
}

static void class_keys(const cg_segment *segment, const cg_segment_probe *probe,
                       cg_segment_scratch *scratch, cg_precision precision, cg_row_batch *batch,
                       uint64_t *keys) {
    batch->table = segment->sections[CG_SECTION_CODES + precision];
    batch->stride_bytes = segment->row_bytes[precision];
    batch->dims = segment->codec.code_dims;
    if (precision == CG_PRECISION_I8 || precision == CG_PRECISION_I4) {
        integer_keys(segment, probe, precision, batch, keys);
        return;
    }
    if (precision < CG_PRECISION_I8) {
        batch->dims = (uint32_t)(segment->row_bytes[CG_PRECISION_F32] / sizeof(float));
        float_keys(segment, probe, precision, batch, keys);
        return;
    }
    const uint32_t first = segment->header.class_first[CG_PRECISION_I1];
    const uint32_t *rows = batch->rows;
    const uint32_t count = batch->count;
    for (uint32_t begin = 0; begin < count;) { /* runs of one group */
        uint32_t group = cg_segment_group_of(segment, rows[begin] + first);
        uint32_t end = begin + 1;
        while (end < count && cg_segment_group_of(segment, rows[end] + first) == group) {
            end++;
        }
        batch->rows = rows + begin;
        batch->count = end - begin;
        bit_keys(segment, probe, scratch, batch, keys + begin);
        begin = end;
    }
}

void cg_segment_keys(const cg_segment *segment, const cg_segment_probe *probe,
                     cg_segment_scratch *scratch, const uint32_t *rows, uint32_t count,
                     uint64_t *keys, cg_work *work) {
    const cg_segment_header *header = &segment->header;
    CG_ASSERT(count <= CG_INDEX_BLOCK_ROWS);
    if (segment->only_class < CG_PRECISION_COUNT) {
        const cg_precision precision = (cg_precision)segment->only_class;
        cg_row_batch batch = {.rows = rows, .count = count};
        cg_work_count(work, cg_precision_work(precision), count,
                      (uint64_t)count * header->options.dims);
        class_keys(segment, probe, scratch, precision, &batch, keys);
        return;
    }
    uint32_t done = 0;
    for (uint32_t p = 0; p < CG_PRECISION_COUNT && done < count; p++) {
        const uint32_t first = header->class_first[p];
        const uint32_t end = header->class_first[p + 1];
        uint32_t chosen[CG_INDEX_BLOCK_ROWS];
        uint32_t chosen_count = 0;
        for (uint32_t i = 0; i < count; i++) {
            chosen[chosen_count] = rows[i] - first;
            chosen_count += rows[i] >= first && rows[i] < end;
        }
        if (chosen_count > 0) {
            cg_row_batch batch = {.rows = chosen, .count = chosen_count};
            cg_work_count(work, cg_precision_work((cg_precision)p), chosen_count,
                          (uint64_t)chosen_count * header->options.dims);
            class_keys(segment, probe, scratch, (cg_precision)p, &batch, keys + done);
            done += chosen_count;
        }
    }
}

void cg_segment_prefetch(const cg_segment *segment, const uint32_t *rows, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t precision = cg_segment_class(segment, rows[i]);
        const size_t row_bytes = segment->row_bytes[precision];
        const size_t ahead = row_bytes < PREFETCH_BYTES_MAX ? row_bytes : PREFETCH_BYTES_MAX;
        const uint8_t *bytes = cg_segment_code(segment, precision, rows[i]);
        for (size_t j = 0; j < ahead; j += CACHE_LINE_BYTES) {
            PREFETCH(bytes + j);
        }
        if (precision == CG_PRECISION_I1) {
            PREFETCH(cg_segment_factors(segment, rows[i]));
        } else if (precision >= CG_PRECISION_I8 && !is_inner(segment)) {
            PREFETCH(cg_segment_biases(segment) + rows[i] -
                     segment->header.class_first[CG_PRECISION_I8]);
        }
    }
}

/* Its distance by the finest form that is held. */
static float best_distance(const cg_segment *segment, const cg_segment_probe *probe,
                           uint64_t key) {
    const cg_segment_header *header = &segment->header;
    const uint32_t row = cg_key_row(key);
    uint32_t precision = cg_segment_class(segment, row);
    const uint8_t *bytes = cg_segment_code(segment, precision, row);
    if (header->fuller < precision) {
        precision = header->fuller;
        bytes = cg_segment_fuller(segment, row);
    }
    if (precision > CG_PRECISION_F16) {
        return (float)cg_key_score(key) * probe->unit + (is_inner(segment) ? 1.0f : 0.0f);
    }
    const uint32_t only = 0;
    float distance = 0.0f;
    cg_row_batch batch = {.table = bytes,
                          .stride_bytes = segment->row_bytes[precision],
                          .rows = &only,
                          .count = 1,
                          .dims =
                              (uint32_t)(segment->row_bytes[CG_PRECISION_F32] / sizeof(float))};
    float_scores(segment, probe, (cg_precision)precision, &batch, &distance);
    return distance;
}

void cg_segment_rerank(const cg_segment *segment, const cg_segment_probe *probe, uint64_t *keys,
                       uint32_t count, cg_work *work) {
    const cg_segment_header *header = &segment->header;
    if (header->fuller != CG_PRECISION_COUNT) {
        const size_t row_bytes = segment->row_bytes[header->fuller];
        for (uint32_t i = 0; i < count; i++) {
            const uint8_t *bytes = cg_segment_fuller(segment, cg_key_row(keys[i]));
            for (size_t j = 0; j < row_bytes && j < PREFETCH_BYTES_MAX; j += CACHE_LINE_BYTES) {
                PREFETCH(bytes + j);
            }
        }
        cg_work_count(work, cg_precision_work((cg_precision)header->fuller), count,
                      (uint64_t)count * header->options.dims);
    }
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = cg_key(best_distance(segment, probe, keys[i]), cg_key_row(keys[i]));
    }
    cg_keys_sort(keys, count);
}
