/* What makes it safe to search a segment whoever wrote it: every number that a search follows
 * is within what it is followed into, and no arithmetic on codes can overflow. */
#include "engine/index/segment_internal.h"

static cg_status corrupt(cg_error *error, const char *what, uint32_t row) {
    return cg_error_set(error, CG_ERROR_CORRUPT, "row %u of the segment has %s", row, what);
}

static cg_status check_centre(const cg_segment *segment, cg_error *error) {
    const cg_codec *codec = &segment->codec;
    uint32_t axis = cg_segment_wrong_axis(codec->centre, codec->dims);
    if (axis < codec->dims) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "the centre of the segment's codec is %g on axis %u, which cannot be",
            (double)codec->centre[axis], axis);
    }
    return CG_OK;
}

static bool all_finite(const cg_segment *segment, cg_precision precision,
                       const uint8_t *bytes) {
    const uint32_t dims = segment->header.options.dims;
    if (precision == CG_PRECISION_F32) {
        return cg_vector_is_finite((const float *)(const void *)bytes, dims);
    }
    const uint16_t *halves = (const uint16_t *)(const void *)bytes;
    const uint16_t exponent = 0x7c00;
    for (uint32_t d = 0; d < dims; d++) {
        if ((halves[d] & exponent) == exponent) {
            return false;
        }
    }
    return true;
}

static bool padding_is_zero(const uint8_t *bytes, size_t used_bytes, size_t row_bytes) {
    for (size_t i = used_bytes; i < row_bytes; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static cg_status check_floats(const cg_segment *segment, cg_precision precision,
                              const uint8_t *table, uint32_t rows, cg_error *error) {
    const size_t row_bytes = segment->row_bytes[precision];
    const size_t used_bytes =
        segment->header.options.dims * (precision == CG_PRECISION_F32 ? sizeof(float) : 2u);
    for (uint32_t i = 0; i < rows; i++) {
        const uint8_t *bytes = table + i * row_bytes;
        if (!all_finite(segment, precision, bytes) ||
            !padding_is_zero(bytes, used_bytes, row_bytes)) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "the %u-th %s row of the segment is not finite, or longer than "
                                "its dims",
                                i, cg_precision_name(precision));
        }
    }
    return CG_OK;
}

static cg_status check_bias(const cg_segment *segment, uint32_t row, const int8_t *code,
                            cg_error *error) {
    if (segment->header.options.metric == CG_METRIC_INNER_PRODUCT) {
        return CG_OK;
    }
    int32_t bias =
        cg_segment_biases(segment)[row - segment->header.class_first[CG_PRECISION_I8]];
    return bias == segment->kernels->dot_i8(code, code, segment->codec.code_dims)
               ? CG_OK
               : corrupt(error, "a bias that is not the square of its code", row);
}

static cg_status check_bytes(const cg_segment *segment, cg_error *error) {
    const cg_segment_header *header = &segment->header;
    const uint32_t code_dims = segment->codec.code_dims;
    for (uint32_t row = header->class_first[CG_PRECISION_I8];
         row < header->class_first[CG_PRECISION_I8 + 1]; row++) {
        const uint8_t *code = cg_segment_code(segment, CG_PRECISION_I8, row);
        bool has_least = false;
        for (uint32_t d = 0; d < code_dims; d++) {
            has_least = has_least || code[d] == 0x80;
        }
        if (has_least || !padding_is_zero(code, header->options.dims, code_dims)) {
            return corrupt(error, "an 8-bit code that cannot be", row);
        }
        cg_status status = check_bias(segment, row, (const int8_t *)code, error);
        if (status != CG_OK) {
            return status;
        }
    }
    return CG_OK;
}

static cg_status check_nibbles(const cg_segment *segment, cg_error *error) {
    const cg_segment_header *header = &segment->header;
    const uint32_t code_dims = segment->codec.code_dims;
    int8_t steps[CG_INDEX_DIMS_MAX];
    for (uint32_t row = header->class_first[CG_PRECISION_I4];
         row < header->class_first[CG_PRECISION_I4 + 1]; row++) {
        const uint8_t *code = cg_segment_code(segment, CG_PRECISION_I4, row);
        for (uint32_t i = 0; i < code_dims / 2; i++) {
            if ((code[i] & 15u) == 0 || code[i] >> 4 == 0) {
                return corrupt(error, "a 4-bit code of -8, which cannot be", row);
            }
        }
        cg_codec_unpack_i4(code, code_dims, steps);
        cg_status status = check_bias(segment, row, steps, error);
        if (status != CG_OK) {
            return status;
        }
    }
    return CG_OK;
}

static cg_status check_groups(const cg_segment *segment, cg_error *error) {
    const uint8_t *centres = segment->sections[CG_SECTION_GROUP_CENTRES];
    const size_t count = (size_t)segment->header.section_bytes[CG_SECTION_GROUP_CENTRES];
    for (size_t i = 0; i < count; i++) {
        if (centres[i] == 0x80) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "the centre of the segment's group %zu cannot be",
                                i / segment->codec.code_dims);
        }
    }
    return CG_OK;
}

/* Rows of each level ascend, and are among those of the level below. */
static cg_status check_levels(const cg_segment *segment, cg_error *error) {
    const cg_segment_header *header = &segment->header;
    for (uint32_t level = 1; level < header->levels; level++) {
        const uint32_t *rows = cg_segment_level_rows(segment, level);
        const uint32_t *below = level > 1 ? cg_segment_level_rows(segment, level - 1) : NULL;
        uint32_t at = 0;
        for (uint32_t i = 0; i < header->level_rows[level]; i++) {
            bool is_fine = rows[i] < header->rows && (i == 0 || rows[i] > rows[i - 1]);
            while (is_fine && below && at < header->level_rows[level - 1] &&
                   below[at] < rows[i]) {
                at++;
            }
            is_fine = is_fine &&
                      (!below || (at < header->level_rows[level - 1] && below[at] == rows[i]));
            if (!is_fine) {
                return cg_error_set(error, CG_ERROR_CORRUPT,
                                    "place %u of level %u of the segment is row %u, which "
                                    "cannot be",
                                    i, level, rows[i]);
            }
        }
    }
    return CG_OK;
}

static bool links_to_itself(const cg_link_list *list) {
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->links[i] == list->owner) {
            return true;
        }
    }
    return false;
}

static cg_status check_lists(const cg_segment *segment, cg_error *error) {
    const cg_segment_header *header = &segment->header;
    size_t at = 0;
    for (uint32_t level = 0; level < header->levels; level++) {
        const cg_link_code code = cg_segment_link_code(segment, level);
        for (uint32_t place = 0; place < header->level_rows[level]; place++) {
            cg_link_list list;
            if (cg_segment_list_at(segment, level, place) != at ||
                !cg_link_decode_list(&code, &at, place, &list) || links_to_itself(&list)) {
                return cg_error_set(
                    error, CG_ERROR_CORRUPT,
                    "the links of place %u of level %u of the segment cannot be", place, level);
            }
        }
    }
    size_t slack = header->levels > 0 ? CG_LINK_CODE_SLACK_BYTES : 0;
    if (at + slack != header->section_bytes[CG_SECTION_LISTS]) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "the segment's lists of links take %zu bytes of %llu", at + slack,
                            (unsigned long long)header->section_bytes[CG_SECTION_LISTS]);
    }
    return CG_OK;
}

/* Computed ids come from rows: a permutation is all they can be. Stored ones may be anything;
 * whoever needs them distinct puts them into a table. */
static cg_status check_ids(const cg_segment *segment, cg_error *error) {
    const cg_segment_header *header = &segment->header;
    if (header->options.has_ids || header->rows == 0) {
        return CG_OK;
    }
    if (header->id_base != header->options.first_id) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "the segment's ids begin at %llu, not at its first id %llu",
                            (unsigned long long)header->id_base,
                            (unsigned long long)header->options.first_id);
    }
    const size_t words = ((size_t)header->rows + 63) / 64;
    uint64_t *seen = cg_allocate(&segment->allocator, words, sizeof *seen);
    if (!seen) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to check the ids of %u rows",
                            header->rows);
    }
    cg_status status = CG_OK;
    for (uint32_t row = 0; status == CG_OK && row < header->rows; row++) {
        uint64_t number = cg_segment_id(segment, row) - header->id_base;
        if (number >= header->rows || (seen[number / 64] >> (number % 64) & 1u)) {
            status = corrupt(error, "an id that is out of range or comes twice", row);
        } else {
            seen[number / 64] |= UINT64_C(1) << (number % 64);
        }
    }
    cg_deallocate(&segment->allocator, seen, words, sizeof *seen);
    return status;
}

cg_status cg_segment_check_structure(const cg_segment *segment, cg_segment_check check,
                                     cg_error *error) {
    const cg_segment_header *header = &segment->header;
    cg_status status = check_centre(segment, error);
    for (uint32_t p = CG_PRECISION_F32; status == CG_OK && p <= CG_PRECISION_F16; p++) {
        status = check_floats(segment, (cg_precision)p, segment->sections[CG_SECTION_CODES + p],
                              cg_segment_class_rows(header, p), error);
    }
    if (status == CG_OK && header->fuller != CG_PRECISION_COUNT &&
        check == CG_SEGMENT_CHECK_ALL) {
        status = check_floats(segment, (cg_precision)header->fuller,
                              segment->sections[CG_SECTION_FULLER], header->rows, error);
    }
    status = status == CG_OK ? check_bytes(segment, error) : status;
    status = status == CG_OK ? check_nibbles(segment, error) : status;
    status = status == CG_OK ? check_groups(segment, error) : status;
    status = status == CG_OK ? check_ids(segment, error) : status;
    status = status == CG_OK ? check_levels(segment, error) : status;
    return status == CG_OK ? check_lists(segment, error) : status;
}
