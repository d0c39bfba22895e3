/* Opening a segment, and looking into it. */
#include "engine/base/hash.h"
#include "engine/index/segment_internal.h"

const uint32_t *cg_segment_level_rows(const cg_segment *segment, uint32_t level) {
    const uint32_t *rows =
        (const uint32_t *)(const void *)segment->sections[CG_SECTION_LEVEL_ROWS];
    for (uint32_t below = 1; below < level; below++) {
        rows += segment->header.level_rows[below];
    }
    return rows;
}

size_t cg_segment_list_at(const cg_segment *segment, uint32_t level, uint32_t place) {
    const uint64_t *bases =
        (const uint64_t *)(const void *)segment->sections[CG_SECTION_LIST_BASES];
    const uint16_t *starts =
        (const uint16_t *)(const void *)segment->sections[CG_SECTION_LIST_STARTS];
    for (uint32_t below = 0; below < level; below++) {
        uint32_t count = segment->header.level_rows[below];
        bases += (count + CG_SEGMENT_LISTS_A_BASE - 1) / CG_SEGMENT_LISTS_A_BASE;
        starts += count;
    }
    return (size_t)bases[place / CG_SEGMENT_LISTS_A_BASE] + starts[place];
}

cg_link_code cg_segment_link_code(const cg_segment *segment, uint32_t level) {
    const cg_segment_header *header = &segment->header;
    const uint32_t links_max = level == 0 ? 2 * header->options.m : header->options.m;
    return (cg_link_code){.bytes = segment->sections[CG_SECTION_LISTS],
                          .size_bytes = (size_t)header->section_bytes[CG_SECTION_LISTS],
                          .rows = header->level_rows[level],
                          .links_max = links_max,
                          .count_width = cg_link_count_width(links_max)};
}

static cg_status check_checksum(const uint8_t *bytes, const cg_segment_header *header,
                                uint32_t section, cg_error *error) {
    if (cg_segment_checksum(bytes, header, section) != header->checksums[section]) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "section %u of the segment is altered: its checksum does not match",
                            section);
    }
    return CG_OK;
}

static cg_status check_checksums(const uint8_t *bytes, const cg_segment_header *header,
                                 cg_segment_check check, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < CG_SECTION_COUNT; i++) {
        if (i != CG_SECTION_FULLER || check != CG_SEGMENT_LEAVE_FULLER) {
            status = check_checksum(bytes, header, i, error);
        }
    }
    return status;
}

cg_status cg_segment_check_fuller(const cg_segment *segment, cg_error *error) {
    const cg_segment_header *header = &segment->header;
    const uint8_t *bytes =
        segment->sections[CG_SECTION_FULLER] - cg_segment_section_at(header, CG_SECTION_FULLER);
    return segment->is_fuller_checked ? CG_OK
                                      : check_checksum(bytes, header, CG_SECTION_FULLER, error);
}

/* The group of the first of each 64 1-bit rows. */
static cg_status index_groups(cg_segment *segment, cg_error *error) {
    const cg_segment_header *header = &segment->header;
    const uint32_t first_row = header->class_first[CG_PRECISION_I1];
    const uint32_t *first =
        (const uint32_t *)(const void *)segment->sections[CG_SECTION_GROUP_FIRST];
    const uint32_t count = cg_segment_class_rows(header, CG_PRECISION_I1);
    if (count == 0) {
        return CG_OK;
    }
    segment->block_group_count = ((size_t)count + 63) / 64;
    segment->block_groups = cg_allocate(&segment->allocator, segment->block_group_count,
                                        sizeof *segment->block_groups);
    if (!segment->block_groups) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the groups of %u rows",
                            count);
    }
    for (uint32_t group = 0; group < header->groups; group++) {
        bool is_last = group + 1 == header->groups;
        uint32_t end = is_last ? header->rows : first[group + 1];
        if ((group == 0 && first[group] != first_row) || end <= first[group] ||
            end > header->rows ||
            (!is_last && end - first[group] < CG_SEGMENT_GROUP_ROWS_MIN)) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "group %u of the segment's 1-bit rows begins at row %u and "
                                "ends at %u, which cannot be",
                                group, first[group], end);
        }
        for (uint32_t block = (first[group] - first_row + 63) / 64;
             block < (end - first_row + 63) / 64; block++) {
            segment->block_groups[block] = group;
        }
    }
    return CG_OK;
}

static cg_status prepare(cg_segment *segment, const uint8_t *bytes, cg_error *error) {
    const cg_segment_header *header = &segment->header;
    const uint32_t dims = header->options.dims;
    for (uint32_t i = 0; i < CG_SECTION_COUNT; i++) {
        segment->sections[i] = bytes + cg_segment_section_at(header, i);
    }
    for (uint32_t p = 0; p < CG_PRECISION_COUNT; p++) {
        segment->row_bytes[p] = cg_precision_row_bytes((cg_precision)p, dims);
    }
    segment->only_class = CG_PRECISION_COUNT;
    for (uint32_t p = 0; p < CG_PRECISION_COUNT; p++) {
        if (cg_segment_class_rows(header, p) == header->rows) {
            segment->only_class = p;
        }
    }
    segment->kernels = cg_kernels_best();
    cg_status status = cg_codec_init(&segment->codec, dims, &segment->allocator, error);
    if (status != CG_OK) {
        return status;
    }
    segment->codec.step = header->step;
    memcpy(segment->codec.centre, segment->sections[CG_SECTION_CENTRE],
           dims * sizeof *segment->codec.centre);
    return index_groups(segment, error);
}

cg_status cg_segment_open(const uint8_t *bytes, size_t size_bytes, cg_segment_check check,
                          cg_allocator allocator, cg_segment **out, cg_error *error) {
    if ((uintptr_t)bytes % CG_SEGMENT_ALIGNMENT != 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "a segment's bytes must be aligned to %d",
                            CG_SEGMENT_ALIGNMENT);
    }
    cg_segment_header header = {0};
    cg_status status = cg_segment_header_read(bytes, size_bytes, &header, error);
    if (status == CG_OK) {
        status = check_checksums(bytes, &header, check, error);
    }
    if (status != CG_OK) {
        return status;
    }
    cg_segment *segment = cg_allocate(&allocator, 1, sizeof *segment);
    if (!segment) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a segment of %zu bytes",
                            sizeof *segment);
    }
    segment->header = header;
    segment->is_fuller_checked = check == CG_SEGMENT_CHECK_ALL;
    segment->allocator = allocator;
    status = prepare(segment, bytes, error);
    if (status == CG_OK) {
        status = cg_segment_check_structure(segment, check, error);
    }
    if (status != CG_OK) {
        cg_segment_close(segment);
        return status;
    }
    *out = segment;
    return CG_OK;
}

void cg_segment_close(cg_segment *segment) {
    if (segment) {
        cg_allocator allocator = segment->allocator;
        cg_codec_deinit(&segment->codec, &allocator);
        cg_deallocate(&allocator, segment->block_groups, segment->block_group_count,
                      sizeof *segment->block_groups);
        cg_deallocate(&allocator, segment, 1, sizeof *segment);
    }
}

uint32_t cg_segment_count(const cg_segment *segment) {
    return segment->header.rows;
}

const cg_index_options *cg_segment_options_of(const cg_segment *segment) {
    return &segment->header.options;
}

uint64_t cg_segment_id(const cg_segment *segment, uint32_t row) {
    const uint32_t width = segment->header.id_bits;
    if (width == 0) {
        return segment->header.id_base;
    }
    const uint64_t at = (uint64_t)row * width;
    const uint32_t shift = (uint32_t)(at % 8);
    const uint8_t *from = segment->sections[CG_SECTION_IDS] + at / 8;
    uint64_t word = 0;
    memcpy(&word, from, sizeof word);
    word >>= shift;
    if (shift + width > 64) { /* the rest is in the ninth byte */
        word |= (uint64_t)from[8] << (64 - shift);
    }
    uint64_t mask = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
    return segment->header.id_base + (word & mask);
}

static void decode_bits(const cg_segment *segment, uint32_t row, float *out) {
    const cg_codec *codec = &segment->codec;
    const uint8_t *signs = cg_segment_code(segment, CG_PRECISION_I1, row);
    const int8_t *centre = (const int8_t *)segment->sections[CG_SECTION_GROUP_CENTRES] +
                           (size_t)cg_segment_group_of(segment, row) * codec->code_dims;
    /* The mean of |o_d|: their sum is bias / weight. */
    const uint16_t *factors = cg_segment_factors(segment, row);
    float weight = (float)factors[0] * segment->header.weight_unit;
    float bias = (float)factors[1] * segment->header.bias_unit;
    float mean = weight > 0.0f ? bias / weight / (float)codec->dims : 0.0f;
    for (uint32_t d = 0; d < codec->dims; d++) {
        bool is_above = ((uint32_t)signs[d / 8] >> (d % 8) & 1u) != 0;
        float offset = is_above ? mean : -mean;
        out[d] = codec->centre[d] + codec->step * ((float)centre[d] + offset);
    }
}

static void decode_nibbles(const cg_segment *segment, uint32_t row, float *out) {
    const cg_codec *codec = &segment->codec;
    const uint8_t *code = cg_segment_code(segment, CG_PRECISION_I4, row);
    for (uint32_t block = 0; block < codec->code_dims; block += CG_CODE_BLOCK) {
        int8_t steps[CG_CODE_BLOCK];
        cg_codec_unpack_i4(code + block / 2, CG_CODE_BLOCK, steps);
        for (uint32_t i = 0; i < CG_CODE_BLOCK && block + i < codec->dims; i++) {
            out[block + i] = codec->centre[block + i] + codec->step * (float)steps[i];
        }
    }
}

void cg_segment_vector(const cg_segment *segment, uint32_t row, float *out) {
    const cg_segment_header *header = &segment->header;
    const uint32_t dims = header->options.dims;
    uint32_t precision = cg_segment_class(segment, row);
    const uint8_t *bytes = cg_segment_code(segment, precision, row);
    if (header->fuller < precision) {
        precision = header->fuller;
        bytes = cg_segment_fuller(segment, row);
    }
    switch ((cg_precision)precision) {
    case CG_PRECISION_F32:
        memcpy(out, bytes, dims * sizeof *out);
        break;
    case CG_PRECISION_F16:
        cg_f16_decode((const uint16_t *)(const void *)bytes, dims, out);
        break;
    case CG_PRECISION_I8:
        cg_codec_decode_i8(&segment->codec, (const int8_t *)bytes, out);
        break;
    case CG_PRECISION_I4:
        decode_nibbles(segment, row, out);
        break;
    case CG_PRECISION_I1:
    case CG_PRECISION_COUNT:
        decode_bits(segment, row, out);
        break;
    }
}

uint64_t cg_segment_bytes(const cg_segment *segment) {
    return segment->header.size_bytes;
}

uint64_t cg_segment_fuller_bytes(const cg_segment *segment) {
    return segment->header.section_bytes[CG_SECTION_FULLER];
}

uint32_t cg_segment_reachable(const cg_segment *segment, cg_allocator allocator) {
    const cg_segment_header *header = &segment->header;
    if (header->rows == 0) {
        return 0;
    }
    uint32_t reached = 0;
    uint32_t *queue = cg_allocate(&allocator, header->rows, sizeof *queue);
    uint8_t *seen = cg_allocate(&allocator, header->rows, sizeof *seen);
    if (queue && seen) {
        const cg_link_code code = cg_segment_link_code(segment, 0);
        uint32_t entry = header->entry;
        if (header->levels > 1) {
            entry = cg_segment_level_rows(segment, header->levels - 1)[entry];
        }
        queue[reached++] = entry;
        seen[entry] = 1;
        for (uint32_t next = 0; next < reached; next++) {
            uint32_t links[CG_LINK_CODE_LINKS_ROOM];
            uint32_t row = queue[next];
            uint32_t count =
                cg_link_decode(&code, cg_segment_list_at(segment, 0, row), row, links);
            for (uint32_t i = 0; i < count; i++) {
                if (!seen[links[i]]) {
                    seen[links[i]] = 1;
                    queue[reached++] = links[i];
                }
            }
        }
    }
    cg_deallocate(&allocator, seen, header->rows, sizeof *seen);
    cg_deallocate(&allocator, queue, header->rows, sizeof *queue);
    return reached;
}
