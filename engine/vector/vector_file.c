/* Published vector files. Everything that a header or a row states is compared with the size
 * before anything is read by it; a row is turned into floats only when asked for.
 *
 * Known value: the fvecs bytes 02000000 0000803f 00000040 are one row, (1, 2).
 */
#include "engine/vector/vector_file.h"

#include <string.h>

#include "engine/base/bytes.h"

enum { HEADER_BYTES = 8, DIMS_BYTES = 4 };

typedef enum value_kind { VALUE_F32, VALUE_U8, VALUE_I8, VALUE_I32 } value_kind;

static const struct layout {
    const char *name;
    value_kind kind;
    uint32_t value_bytes;
    bool row_dims; /* every row states its dims; otherwise a header does */
} layouts[CG_VECTOR_FORMATS] = {
    [CG_VECTORS_FVECS] = {"fvecs", VALUE_F32, 4, true},
    [CG_VECTORS_BVECS] = {"bvecs", VALUE_U8, 1, true},
    [CG_VECTORS_IVECS] = {"ivecs", VALUE_I32, 4, true},
    [CG_VECTORS_FBIN] = {"fbin", VALUE_F32, 4, false},
    [CG_VECTORS_U8BIN] = {"u8bin", VALUE_U8, 1, false},
    [CG_VECTORS_I8BIN] = {"i8bin", VALUE_I8, 1, false},
    [CG_VECTORS_IBIN] = {"ibin", VALUE_I32, 4, false},
};

const char *cg_vector_format_name(cg_vector_format format) {
    CG_ASSERT((unsigned)format < CG_VECTOR_FORMATS);
    return layouts[format].name;
}

static uint64_t row_bytes(const struct layout *layout, uint32_t dims) {
    return (uint64_t)dims * layout->value_bytes + (layout->row_dims ? DIMS_BYTES : 0);
}

uint64_t cg_vector_file_bytes(cg_vector_format format, uint32_t count, uint32_t dims) {
    const struct layout *layout = &layouts[format];
    if (dims > CG_VECTOR_FILE_DIMS_MAX) {
        return UINT64_MAX;
    }
    return count * row_bytes(layout, dims) + (layout->row_dims ? 0 : HEADER_BYTES);
}

/* --- Reading. --- */

/* That the size cannot hold is said elsewhere; this is about dims alone. */
static cg_status check_dims(const struct layout *layout, uint32_t dims, size_t offset,
                            cg_error *error) {
    if (dims > 0 && dims <= CG_VECTOR_FILE_DIMS_MAX) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_CORRUPT,
                        "%s: the dims at byte %zu are %u; they must be 1 to %d", layout->name,
                        offset, dims, (int)CG_VECTOR_FILE_DIMS_MAX);
}

static cg_status open_bin(const struct layout *layout, cg_vector_file *file, cg_error *error) {
    cg_reader reader = cg_reader_init(file->bytes, file->size_bytes);
    file->count = cg_read_u32(&reader);
    file->dims = cg_read_u32(&reader);
    if (reader.failed) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "%s: the file has %zu bytes; its header alone takes %d",
                            layout->name, file->size_bytes, (int)HEADER_BYTES);
    }
    cg_status status = check_dims(layout, file->dims, DIMS_BYTES, error);
    if (status != CG_OK) {
        return status;
    }
    if (file->count == 0) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "%s: the count at byte 0 is 0; there must be a row", layout->name);
    }
    uint64_t expected = cg_vector_file_bytes(file->format, file->count, file->dims);
    if (expected != file->size_bytes) {
        uint64_t whole = (file->size_bytes - HEADER_BYTES) / row_bytes(layout, file->dims);
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "%s: the file has %zu bytes; the header's %u rows of %u dims take "
                            "%llu (%llu rows are whole)",
                            layout->name, file->size_bytes, file->count, file->dims,
                            (unsigned long long)expected, (unsigned long long)whole);
    }
    return CG_OK;
}

static uint32_t dims_at(const cg_vector_file *file, size_t offset) {
    cg_reader reader = cg_reader_init(file->bytes + offset, file->size_bytes - offset);
    return cg_read_u32(&reader);
}

static cg_status check_row_dims(const struct layout *layout, const cg_vector_file *file,
                                cg_error *error) {
    uint64_t stride = row_bytes(layout, file->dims);
    for (uint32_t row = 1; row < file->count; row++) {
        size_t offset = (size_t)(row * stride);
        uint32_t dims = dims_at(file, offset);
        if (dims != file->dims) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "%s: row %u, at byte %zu, has %u dims; row 0 has %u",
                                layout->name, row, offset, dims, file->dims);
        }
    }
    return CG_OK;
}

static cg_status open_vecs(const struct layout *layout, cg_vector_file *file, cg_error *error) {
    if (file->size_bytes < DIMS_BYTES) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "%s: the file has %zu bytes; the dims of row 0 alone take %d",
                            layout->name, file->size_bytes, (int)DIMS_BYTES);
    }
    file->dims = dims_at(file, 0);
    cg_status status = check_dims(layout, file->dims, 0, error);
    if (status != CG_OK) {
        return status;
    }
    uint64_t stride = row_bytes(layout, file->dims);
    uint64_t count = file->size_bytes / stride;
    if (count > UINT32_MAX) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "%s: %llu rows; there may be %u",
                            layout->name, (unsigned long long)count, UINT32_MAX);
    }
    file->count = (uint32_t)count;
    status = check_row_dims(layout, file, error);
    if (status == CG_OK && file->size_bytes % stride != 0) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "%s: row %llu, at byte %llu, is cut: %llu of its %llu bytes are "
            "there",
            layout->name, (unsigned long long)count, (unsigned long long)(count * stride),
            (unsigned long long)(file->size_bytes % stride), (unsigned long long)stride);
    }
    return status;
}

cg_status cg_vector_file_open(cg_vector_format format, const uint8_t *bytes, size_t size_bytes,
                              cg_vector_file *out, cg_error *error) {
    CG_ASSERT((unsigned)format < CG_VECTOR_FORMATS);
    const struct layout *layout = &layouts[format];
    cg_vector_file file = {.format = format, .bytes = bytes, .size_bytes = size_bytes};
    cg_status status =
        layout->row_dims ? open_vecs(layout, &file, error) : open_bin(layout, &file, error);
    if (status == CG_OK) {
        *out = file;
    }
    return status;
}

static size_t row_offset(const struct layout *layout, const cg_vector_file *file,
                         uint32_t row) {
    uint64_t offset = row * row_bytes(layout, file->dims);
    return (size_t)(offset + (layout->row_dims ? DIMS_BYTES : HEADER_BYTES));
}

static float value_of(cg_reader *reader, value_kind kind) {
    uint32_t word;
    switch (kind) {
    case VALUE_F32:
        return cg_read_f32(reader);
    case VALUE_U8:
        return (float)cg_read_u8(reader);
    case VALUE_I8:
        word = cg_read_u8(reader);
        return (float)((int32_t)word - (word >= 0x80 ? 0x100 : 0));
    default:
        word = cg_read_u32(reader);
        return (float)((int64_t)word - (word >= 0x80000000u ? INT64_C(0x100000000) : 0));
    }
}

/* False for NaN and both infinities. */
static bool is_finite(float value) {
    return value - value == 0.0f;
}

static cg_status check_finite(const struct layout *layout, const cg_vector_file *file,
                              uint32_t row, cg_error *error) {
    size_t offset = row_offset(layout, file, row);
    cg_reader reader =
        cg_reader_init(file->bytes + offset, (size_t)file->dims * layout->value_bytes);
    for (uint32_t d = 0; d < file->dims; d++) {
        float value = cg_read_f32(&reader);
        if (!is_finite(value)) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "%s: row %u holds %s at byte %zu (dimension %u)", layout->name,
                                row, value > 0.0f || value < 0.0f ? "infinity" : "NaN",
                                offset + (size_t)d * layout->value_bytes, d);
        }
    }
    return CG_OK;
}

cg_status cg_vector_file_row(const cg_vector_file *file, uint32_t row, float *out,
                             cg_error *error) {
    CG_ASSERT(row < file->count);
    const struct layout *layout = &layouts[file->format];
    cg_status status =
        layout->kind == VALUE_F32 ? check_finite(layout, file, row, error) : CG_OK;
    if (status != CG_OK) {
        return status;
    }
    size_t offset = row_offset(layout, file, row);
    cg_reader reader =
        cg_reader_init(file->bytes + offset, (size_t)file->dims * layout->value_bytes);
    for (uint32_t d = 0; d < file->dims; d++) {
        out[d] = value_of(&reader, layout->kind);
    }
    return CG_OK;
}

/* --- Writing. --- */

static bool holds(value_kind kind, float value) {
    if (kind == VALUE_F32) {
        return is_finite(value);
    }
    float least = kind == VALUE_U8 ? 0.0f : kind == VALUE_I8 ? -128.0f : -2147483648.0f;
    float end = kind == VALUE_U8 ? 256.0f : kind == VALUE_I8 ? 128.0f : 2147483648.0f;
    return value >= least && value < end && (float)(int64_t)value == value;
}

static void put_value(cg_writer *writer, value_kind kind, float value) {
    if (kind == VALUE_F32) {
        cg_write_f32(writer, value);
    } else if (kind == VALUE_I32) {
        cg_write_u32(writer, (uint32_t)((int64_t)value & UINT32_MAX));
    } else {
        cg_write_u8(writer, (uint8_t)((int64_t)value & UINT8_MAX));
    }
}

static cg_status put_row(const struct layout *layout, const cg_vector_file *shape, uint32_t row,
                         const float *vector, cg_writer *writer, cg_error *error) {
    if (layout->row_dims) {
        cg_write_u32(writer, shape->dims);
    }
    for (uint32_t d = 0; d < shape->dims; d++) {
        if (!holds(layout->kind, vector[d])) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "%s cannot hold the value of row %u in dimension %u (%g)",
                                layout->name, row, d, (double)vector[d]);
        }
        put_value(writer, layout->kind, vector[d]);
    }
    return CG_OK;
}

cg_status cg_vector_file_write(const cg_vector_file *shape, const float *vectors,
                               uint8_t *bytes, size_t capacity_bytes, cg_error *error) {
    CG_ASSERT((unsigned)shape->format < CG_VECTOR_FORMATS);
    const struct layout *layout = &layouts[shape->format];
    if (shape->count == 0 || shape->dims == 0 || shape->dims > CG_VECTOR_FILE_DIMS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s: %u rows of %u dims; there must be a row and 1 to %d dims",
                            layout->name, shape->count, shape->dims,
                            (int)CG_VECTOR_FILE_DIMS_MAX);
    }
    uint64_t needed = cg_vector_file_bytes(shape->format, shape->count, shape->dims);
    if (capacity_bytes < needed) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "%s: %u rows of %u dims take %llu bytes; there is room for %zu",
                            layout->name, shape->count, shape->dims, (unsigned long long)needed,
                            capacity_bytes);
    }
    cg_writer writer = cg_writer_init(bytes, capacity_bytes);
    if (!layout->row_dims) {
        cg_write_u32(&writer, shape->count);
        cg_write_u32(&writer, shape->dims);
    }
    cg_status status = CG_OK;
    for (uint32_t row = 0; status == CG_OK && row < shape->count; row++) {
        status =
            put_row(layout, shape, row, vectors + (size_t)row * shape->dims, &writer, error);
    }
    return status;
}
