/* The header of a segment: written and read field by field, and what it implies. */
#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/index/segment_internal.h"

enum { ID_BITS_MAX = 64, ZERO_BYTES = 48 };
static const uint8_t magic[8] = {'C', 'G', 'S', 'E', 'G', 'M', '1', '\n'};

void cg_segment_header_sizes(cg_segment_header *header) {
    const uint32_t dims = header->options.dims;
    const uint64_t code_dims = cg_precision_row_bytes(CG_PRECISION_I8, dims);
    uint64_t *bytes = header->section_bytes;
    bytes[CG_SECTION_CENTRE] = dims * (uint64_t)sizeof(float);
    for (uint32_t p = 0; p < CG_PRECISION_COUNT; p++) {
        bytes[CG_SECTION_CODES + p] =
            cg_precision_row_bytes((cg_precision)p, dims) * cg_segment_class_rows(header, p);
    }
    uint64_t biased = (uint64_t)cg_segment_class_rows(header, CG_PRECISION_I8) +
                      cg_segment_class_rows(header, CG_PRECISION_I4);
    bytes[CG_SECTION_BIASES] =
        header->options.metric == CG_METRIC_INNER_PRODUCT ? 0 : biased * sizeof(int32_t);
    bytes[CG_SECTION_FACTORS] =
        cg_segment_class_rows(header, CG_PRECISION_I1) * (uint64_t)(2 * sizeof(uint16_t));
    bytes[CG_SECTION_GROUP_FIRST] = header->groups * (uint64_t)sizeof(uint32_t);
    bytes[CG_SECTION_GROUP_CENTRES] = header->groups * code_dims;
    /* Eight bytes more, so that one load has any id's first bits. */
    bytes[CG_SECTION_IDS] = header->id_bits == 0 || header->rows == 0
                                ? 0
                                : ((uint64_t)header->rows * header->id_bits + 7) / 8 + 8;
    uint64_t upper = 0;
    uint64_t all = 0;
    uint64_t bases = 0;
    for (uint32_t level = 0; level < header->levels; level++) {
        uint64_t count = header->level_rows[level];
        upper += level > 0 ? count : 0;
        all += count;
        bases += (count + CG_SEGMENT_LISTS_A_BASE - 1) / CG_SEGMENT_LISTS_A_BASE;
    }
    bytes[CG_SECTION_LEVEL_ROWS] = upper * sizeof(uint32_t);
    bytes[CG_SECTION_LIST_BASES] = bases * sizeof(uint64_t);
    bytes[CG_SECTION_LIST_STARTS] = all * sizeof(uint16_t);
    bytes[CG_SECTION_FULLER] =
        header->fuller == CG_PRECISION_COUNT
            ? 0
            : cg_precision_row_bytes((cg_precision)header->fuller, dims) *
                  (uint64_t)header->rows;
}

uint64_t cg_segment_section_at(const cg_segment_header *header, uint32_t section) {
    uint64_t at = CG_SEGMENT_HEADER_BYTES;
    for (uint32_t i = 0; i < section; i++) {
        at += cg_segment_padded(header->section_bytes[i]);
    }
    return at;
}

uint64_t cg_segment_checksum(const uint8_t *bytes, const cg_segment_header *header,
                             uint32_t section) {
    return cg_hash_bytes(bytes + cg_segment_section_at(header, section),
                         (size_t)cg_segment_padded(header->section_bytes[section]),
                         section + 1);
}

void cg_segment_header_write(const cg_segment_header *header, uint8_t *bytes) {
    const cg_index_options *options = &header->options;
    cg_writer writer = cg_writer_init(bytes, CG_SEGMENT_HEADER_BYTES);
    cg_write_bytes(&writer, magic, sizeof magic);
    cg_write_u32(&writer, CG_SEGMENT_VERSION);
    cg_write_u32(&writer, CG_SEGMENT_BYTE_ORDER);
    cg_write_u64(&writer, header->size_bytes);
    cg_write_u32(&writer, options->dims);
    cg_write_u32(&writer, (uint32_t)options->metric);
    cg_write_u32(&writer, options->m);
    cg_write_u32(&writer, options->ef_construction);
    cg_write_u64(&writer, options->seed);
    cg_write_u64(&writer, options->first_id);
    cg_write_u32(&writer, options->has_ids);
    cg_write_u32(&writer, (uint32_t)options->codes);
    cg_write_u32(&writer, (uint32_t)options->fuller);
    cg_write_u32(&writer, header->fuller);
    cg_write_u32(&writer, header->rows);
    cg_write_u32(&writer, header->levels);
    for (uint32_t level = 0; level < CG_SEGMENT_LEVELS_MAX; level++) {
        cg_write_u32(&writer, header->level_rows[level]);
    }
    cg_write_u32(&writer, header->entry);
    for (uint32_t p = 0; p <= CG_PRECISION_COUNT; p++) {
        cg_write_u32(&writer, header->class_first[p]);
    }
    cg_write_u32(&writer, header->groups);
    cg_write_f32(&writer, header->step);
    cg_write_f32(&writer, header->weight_unit);
    cg_write_f32(&writer, header->bias_unit);
    cg_write_u32(&writer, header->id_bits);
    cg_write_u64(&writer, header->id_base);
    for (uint32_t i = 0; i < CG_SECTION_COUNT; i++) {
        cg_write_u64(&writer, header->section_bytes[i]);
        cg_write_u64(&writer, header->checksums[i]);
    }
    CG_ASSERT(writer.used_bytes + ZERO_BYTES == CG_SEGMENT_HEADER_HASHED);
    writer.used_bytes = CG_SEGMENT_HEADER_HASHED;
    cg_write_u64(&writer, cg_hash_bytes(bytes, CG_SEGMENT_HEADER_HASHED, 0));
    CG_ASSERT(!writer.failed);
}

static void read_fields(cg_reader *reader, cg_segment_header *out) {
    cg_index_options *options = &out->options;
    out->size_bytes = cg_read_u64(reader);
    options->kind = CG_INDEX_HNSW;
    options->dims = cg_read_u32(reader);
    options->metric = (cg_metric)cg_read_u32(reader);
    options->m = cg_read_u32(reader);
    options->ef_construction = cg_read_u32(reader);
    options->seed = cg_read_u64(reader);
    options->first_id = cg_read_u64(reader);
    uint32_t has_ids = cg_read_u32(reader);
    options->has_ids = has_ids == 1;
    options->codes = (cg_precision)cg_read_u32(reader);
    options->fuller = (cg_precision)cg_read_u32(reader);
    out->fuller = cg_read_u32(reader);
    out->rows = cg_read_u32(reader);
    out->levels = cg_read_u32(reader);
    for (uint32_t level = 0; level < CG_SEGMENT_LEVELS_MAX; level++) {
        out->level_rows[level] = cg_read_u32(reader);
    }
    out->entry = cg_read_u32(reader);
    for (uint32_t p = 0; p <= CG_PRECISION_COUNT; p++) {
        out->class_first[p] = cg_read_u32(reader);
    }
    out->groups = cg_read_u32(reader);
    out->step = cg_read_f32(reader);
    out->weight_unit = cg_read_f32(reader);
    out->bias_unit = cg_read_f32(reader);
    out->id_bits = cg_read_u32(reader);
    out->id_base = cg_read_u64(reader);
    for (uint32_t i = 0; i < CG_SECTION_COUNT; i++) {
        out->section_bytes[i] = cg_read_u64(reader);
        out->checksums[i] = cg_read_u64(reader);
    }
    if (has_ids > 1) {
        reader->failed = true;
    }
}

static bool is_fine_unit(float value, bool may_be_zero) {
    return value < 1e30f && (value > 1e-30f || (may_be_zero && value == 0.0f));
}

const char *cg_segment_wrong_unit(const cg_segment_header *header, float *value) {
    const struct {
        const char *name;
        float value;
        bool may_be_zero;
    } units[] = {{"step of the codec", header->step, false},
                 {"unit of the 1-bit rows' weights", header->weight_unit, true},
                 {"unit of the 1-bit rows' biases", header->bias_unit, true}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (!is_fine_unit(units[i].value, units[i].may_be_zero)) {
            *value = units[i].value;
            return units[i].name;
        }
    }
    return NULL;
}

uint32_t cg_segment_wrong_axis(const float *centre, uint32_t dims) {
    /* The largest float whose square, times the most dims, is finite. */
    const float most = 1e17f;
    uint32_t axis = 0;
    while (axis < dims && centre[axis] > -most && centre[axis] < most) {
        axis++;
    }
    return axis;
}

/* The name of a field that is out of its range, or NULL. */
static const char *wrong_options(const cg_index_options *options) {
    if (options->dims == 0 || options->dims > CG_INDEX_DIMS_MAX) {
        return "dims";
    }
    if ((uint32_t)options->metric > (uint32_t)CG_METRIC_INNER_PRODUCT) {
        return "metric";
    }
    if (options->m < CG_INDEX_M_MIN || options->m > CG_INDEX_M_MAX) {
        return "m";
    }
    if (options->ef_construction < options->m ||
        options->ef_construction > CG_INDEX_EF_CONSTRUCTION_MAX) {
        return "ef_construction";
    }
    if ((uint32_t)options->codes > (uint32_t)CG_PRECISION_I8 ||
        (uint32_t)options->fuller > (uint32_t)options->codes) {
        return "precision";
    }
    return NULL;
}

static const char *wrong_rows(const cg_segment_header *header) {
    if (header->rows > CG_INDEX_ROWS_MAX) {
        return "count of rows";
    }
    if (header->levels > CG_SEGMENT_LEVELS_MAX ||
        (header->levels == 0) != (header->rows == 0)) {
        return "count of levels";
    }
    for (uint32_t level = 0; level < CG_SEGMENT_LEVELS_MAX; level++) {
        uint32_t count = header->level_rows[level];
        uint32_t most = level == 0 ? header->rows : header->level_rows[level - 1];
        if (level < header->levels ? count == 0 || count > most : count != 0) {
            return "count of a level's rows";
        }
    }
    if (header->rows > 0 && (header->level_rows[0] != header->rows ||
                             header->entry >= header->level_rows[header->levels - 1])) {
        return "entry point";
    }
    if (header->class_first[0] != 0 ||
        header->class_first[CG_PRECISION_COUNT] != header->rows) {
        return "rows of a precision";
    }
    for (uint32_t p = 0; p < CG_PRECISION_COUNT; p++) {
        if (header->class_first[p] > header->class_first[p + 1]) {
            return "rows of a precision";
        }
    }
    uint32_t one_bit = cg_segment_class_rows(header, CG_PRECISION_I1);
    if (header->groups > one_bit || (header->groups == 0) != (one_bit == 0)) {
        return "count of groups";
    }
    return NULL;
}

static const char *wrong_field(const cg_segment_header *header) {
    const char *wrong = wrong_options(&header->options);
    if (wrong) {
        return wrong;
    }
    if (header->fuller != CG_PRECISION_COUNT && header->fuller > CG_PRECISION_F16) {
        return "precision of the fuller form";
    }
    float value = 0.0f;
    wrong = cg_segment_wrong_unit(header, &value);
    if (wrong) {
        return wrong;
    }
    if (header->id_bits > ID_BITS_MAX) {
        return "bits of an id";
    }
    return wrong_rows(header);
}

static cg_status check_sizes(const cg_segment_header *header, size_t size_bytes,
                             cg_error *error) {
    cg_segment_header implied = *header;
    cg_segment_header_sizes(&implied);
    for (uint32_t i = 0; i < CG_SECTION_COUNT; i++) {
        if (header->section_bytes[i] != implied.section_bytes[i]) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "section %u of the segment has %llu bytes; its header implies "
                                "%llu",
                                i, (unsigned long long)header->section_bytes[i],
                                (unsigned long long)implied.section_bytes[i]);
        }
        /* Checked one by one, so no sum can wrap: 16 times the size of what is there. */
        if (header->section_bytes[i] > size_bytes) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "section %u of the segment has %llu bytes; there are only %zu "
                                "in all",
                                i, (unsigned long long)header->section_bytes[i], size_bytes);
        }
    }
    uint64_t total = cg_segment_section_at(header, CG_SECTION_COUNT);
    if (total != header->size_bytes || total != size_bytes) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "the segment has %zu bytes; its header says %llu", size_bytes,
                            (unsigned long long)header->size_bytes);
    }
    return CG_OK;
}

cg_status cg_segment_header_read(const uint8_t *bytes, size_t size_bytes,
                                 cg_segment_header *out, cg_error *error) {
    if (size_bytes < CG_SEGMENT_HEADER_BYTES) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "the segment is cut off: %zu bytes, and the header alone has %d",
                            size_bytes, CG_SEGMENT_HEADER_BYTES);
    }
    if (memcmp(bytes, magic, sizeof magic) != 0) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "the bytes are no segment: they do not begin with its magic");
    }
    cg_reader reader = cg_reader_init(bytes, CG_SEGMENT_HEADER_BYTES);
    (void)cg_read_bytes(&reader, sizeof magic);
    uint32_t version = cg_read_u32(&reader);
    uint32_t order = cg_read_u32(&reader);
    uint32_t native = 0;
    memcpy(&native, bytes + sizeof magic + sizeof version, sizeof native);
    cg_reader tail = cg_reader_init(bytes + CG_SEGMENT_HEADER_HASHED, sizeof(uint64_t));
    bool is_whole = cg_read_u64(&tail) == cg_hash_bytes(bytes, CG_SEGMENT_HEADER_HASHED, 0);
    if (is_whole && version != CG_SEGMENT_VERSION) {
        return cg_error_set(error, CG_ERROR_VERSION,
                            "the segment is of version %u; this program reads version %d",
                            version, CG_SEGMENT_VERSION);
    }
    if (!is_whole) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "the segment's header is altered: its checksum does not match");
    }
    if (order != CG_SEGMENT_BYTE_ORDER || native != CG_SEGMENT_BYTE_ORDER) {
        return cg_error_set(
            error, CG_ERROR_VERSION,
            "the segment is little-endian; this machine cannot read it in place");
    }
    cg_segment_header header = {0};
    read_fields(&reader, &header);
    const char *wrong = reader.failed ? "flag" : wrong_field(&header);
    for (size_t i = reader.used_bytes; i < CG_SEGMENT_HEADER_HASHED && !wrong; i++) {
        wrong = bytes[i] != 0 ? "reserved byte" : NULL;
    }
    if (wrong) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "the segment's header has a %s that cannot be", wrong);
    }
    /* The lists are the one section whose size nothing else implies. */
    cg_status status = check_sizes(&header, size_bytes, error);
    if (status == CG_OK) {
        *out = header;
    }
    return status;
}
