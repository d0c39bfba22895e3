/* Encoding of log records; the layout stands in log.h. */
#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/replica/log.h"

static const double unit_slack = 1e-3;

enum {
    PREFIX_BYTES = 8, /* length and checksum */
    HEAD_BYTES = 8 + 8 + 4 + 8 + 8 + 4 + 1,
    FACT_BYTES = HEAD_BYTES + 8 + 5 * 4, /* without its arrays */
    REMOVE_BYTES = HEAD_BYTES + 8,
    WEIGHTS_BYTES = HEAD_BYTES + 4, /* without its edges */
    WEIGHT_BYTES = 8 + 2 + 8 + 1
};

static uint32_t learned_bytes(const cg_log_record *record) {
    return record->has_learned ? (uint32_t)CG_LEARNED_BYTES : 0;
}

size_t cg_log_record_bytes(const cg_log_record *record) {
    switch (record->kind) {
    case CG_RECORD_REMOVE:
        return (size_t)PREFIX_BYTES + REMOVE_BYTES;
    case CG_RECORD_WEIGHTS:
        return (size_t)PREFIX_BYTES + WEIGHTS_BYTES +
               (size_t)WEIGHT_BYTES * record->weight_count;
    case CG_RECORD_EPOCH:
        return (size_t)PREFIX_BYTES + HEAD_BYTES;
    case CG_RECORD_FACT:
    case CG_RECORD_KIND_COUNT:
        break;
    }
    return (size_t)PREFIX_BYTES + FACT_BYTES + learned_bytes(record) +
           4 * (size_t)record->dims + 8 * (size_t)record->sparse.count + record->text_bytes;
}

void cg_log_vectors_write(cg_writer *writer, const float *dense, uint32_t dims,
                          cg_sparse sparse) {
    for (uint32_t i = 0; i < dims; ++i) {
        cg_write_f32(writer, dense[i]);
    }
    for (uint32_t i = 0; i < sparse.count; ++i) {
        cg_write_u32(writer, sparse.features[i]);
    }
    for (uint32_t i = 0; i < sparse.count; ++i) {
        cg_write_f32(writer, sparse.weights[i]);
    }
}

static void write_fact(cg_writer *writer, const cg_log_record *record) {
    cg_write_u64(writer, record->target);
    cg_write_u32(writer, record->concept_type);
    cg_write_u32(writer, learned_bytes(record));
    cg_write_u32(writer, record->dims);
    cg_write_u32(writer, record->sparse.count);
    cg_write_u32(writer, record->text_bytes);
    if (record->has_learned) {
        cg_learned_write(writer, &record->learned);
    }
    cg_log_vectors_write(writer, record->dense, record->dims, record->sparse);
    cg_write_bytes(writer, record->text, record->text_bytes);
}

static void write_weights(cg_writer *writer, const cg_log_record *record) {
    cg_write_u32(writer, record->weight_count);
    for (uint32_t i = 0; i < record->weight_count; ++i) {
        const cg_log_weight *changed = &record->weights[i];
        cg_write_u64(writer, changed->from);
        cg_write_u16(writer, changed->type);
        cg_write_u64(writer, changed->to);
        cg_write_u8(writer, changed->weight);
    }
}

void cg_log_record_encode(const cg_log_record *record, uint8_t *bytes) {
    size_t size = cg_log_record_bytes(record);
    cg_writer writer = cg_writer_init(bytes + PREFIX_BYTES, size - PREFIX_BYTES);
    cg_write_u64(&writer, record->id.epoch);
    cg_write_u64(&writer, record->id.number);
    cg_write_u32(&writer, record->id.replica);
    cg_write_u64(&writer, record->request_id);
    cg_write_u64(&writer, record->clock.physical_ns);
    cg_write_u32(&writer, record->clock.logical);
    cg_write_u8(&writer, (uint8_t)record->kind);
    switch (record->kind) {
    case CG_RECORD_FACT:
        write_fact(&writer, record);
        break;
    case CG_RECORD_REMOVE:
        cg_write_u64(&writer, record->removed);
        break;
    case CG_RECORD_WEIGHTS:
        write_weights(&writer, record);
        break;
    case CG_RECORD_EPOCH:
    case CG_RECORD_KIND_COUNT:
        break;
    }
    CG_ASSERT(!writer.failed && writer.used_bytes == size - PREFIX_BYTES);

    cg_writer prefix = cg_writer_init(bytes, PREFIX_BYTES);
    cg_write_u32(&prefix, (uint32_t)(size - 4));
    cg_write_u32(&prefix, cg_crc32c(bytes + PREFIX_BYTES, size - PREFIX_BYTES));
}

/* Vectors of unit length keep every later product finite: NaN is refused at the door. The sum
 * of squares of a vector that was scaled in float is within some 1e-6 of 1. */
static bool is_unit(const float *values, uint32_t count) {
    double squares = 0.0;
    for (uint32_t i = 0; i < count; ++i) {
        squares += (double)values[i] * (double)values[i];
    }
    return squares >= 1.0 - unit_slack && squares <= 1.0 + unit_slack;
}

cg_status cg_log_vectors_read(cg_reader *reader, uint32_t dims, uint32_t entries,
                              cg_log_buffers *buffers, const char *what, cg_error *error) {
    CG_ASSERT(dims <= CG_DIMS_MAX && entries <= CG_SPARSE_ENTRIES_MAX);
    for (uint32_t i = 0; i < dims; ++i) {
        buffers->dense[i] = cg_read_f32(reader);
    }
    for (uint32_t i = 0; i < entries; ++i) {
        buffers->features[i] = cg_read_u32(reader);
    }
    for (uint32_t i = 0; i < entries; ++i) {
        buffers->weights[i] = cg_read_f32(reader);
    }
    if (reader->failed) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "%s: vectors are cut", what);
    }
    if (!is_unit(buffers->dense, dims)) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "%s: dense vector is not of unit length",
                            what);
    }
    cg_sparse sparse = {buffers->features, buffers->weights, entries};
    if (cg_sparse_check(sparse, what, error) != CG_OK) {
        if (error) {
            error->status = CG_ERROR_CORRUPT;
        }
        return CG_ERROR_CORRUPT;
    }
    if (entries > 0 && !is_unit(buffers->weights, entries)) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "%s: exact form is not of unit length",
                            what);
    }
    return CG_OK;
}

/* What stands behind the head of a fact's record, of which nothing may be left over. */
static cg_status read_fact(cg_reader *reader, cg_log_buffers *buffers, cg_log_record *read,
                           size_t record_bytes, cg_error *error) {
    read->target = cg_read_u64(reader);
    read->concept_type = cg_read_u32(reader);
    uint32_t learned = cg_read_u32(reader);
    read->has_learned = learned > 0;
    read->dims = cg_read_u32(reader);
    read->sparse.count = cg_read_u32(reader);
    read->text_bytes = cg_read_u32(reader);
    if (reader->failed) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "log record %llu is cut: a fact has more than %zu bytes",
                            (unsigned long long)read->id.number, record_bytes);
    }
    if (read->dims < CG_DIMS_MIN || read->dims > CG_DIMS_MAX ||
        read->sparse.count > CG_SPARSE_ENTRIES_MAX ||
        (read->has_learned && learned != CG_LEARNED_BYTES) ||
        learned + 4 * (uint64_t)read->dims + 8 * (uint64_t)read->sparse.count +
                read->text_bytes !=
            cg_reader_left(reader)) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "log record %llu: %u learned bytes, %u dims, %u features and %u "
                            "text bytes do not fit its %zu bytes",
                            (unsigned long long)read->id.number, learned, read->dims,
                            read->sparse.count, read->text_bytes, record_bytes);
    }
    cg_status status =
        read->has_learned ? cg_learned_read(reader, &read->learned, error) : CG_OK;
    if (status == CG_OK) {
        status = cg_log_vectors_read(reader, read->dims, read->sparse.count, buffers,
                                     "log record", error);
    }
    if (status != CG_OK) {
        return status;
    }
    read->dense = buffers->dense;
    read->sparse.features = buffers->features;
    read->sparse.weights = buffers->weights;
    read->text = (const char *)cg_read_bytes(reader, read->text_bytes);
    return CG_OK;
}

static cg_status read_removal(cg_reader *reader, cg_log_record *read, size_t record_bytes,
                              cg_error *error) {
    read->removed = cg_read_u64(reader);
    if (reader->failed || cg_reader_left(reader) != 0) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT, "log record %llu has %zu bytes; a removal has %d",
            (unsigned long long)read->id.number, record_bytes, PREFIX_BYTES + REMOVE_BYTES);
    }
    if (!(read->removed & CG_FACT_ID_BIT)) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "log record %llu removes %llu, no fact",
                            (unsigned long long)read->id.number,
                            (unsigned long long)read->removed);
    }
    return CG_OK;
}

static cg_status read_epoch(cg_reader *reader, const cg_log_record *read, size_t record_bytes,
                            cg_error *error) {
    if (cg_reader_left(reader) != 0 || read->request_id != 0) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "log record %llu, which begins an epoch, has %zu bytes of %d and "
                            "request id %llu of 0",
                            (unsigned long long)read->id.number, record_bytes,
                            PREFIX_BYTES + HEAD_BYTES, (unsigned long long)read->request_id);
    }
    return CG_OK;
}

static bool is_before(const cg_log_weight *one, const cg_log_weight *other) {
    if (one->from != other->from) {
        return one->from < other->from;
    }
    return one->type != other->type ? one->type < other->type : one->to < other->to;
}

/* The order makes sure that no edge is there twice, and that equal changes are equal bytes. */
static cg_status read_weights(cg_reader *reader, cg_log_buffers *buffers, cg_log_record *read,
                              size_t record_bytes, cg_error *error) {
    unsigned long long number = read->id.number;
    if (read->request_id != 0) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "log record %llu has new weights for request %llu; nobody asks for "
                            "them",
                            number, (unsigned long long)read->request_id);
    }
    read->weight_count = cg_read_u32(reader);
    if (reader->failed || read->weight_count < 1 ||
        read->weight_count > CG_RECORD_WEIGHTS_MAX ||
        (size_t)WEIGHT_BYTES * read->weight_count != cg_reader_left(reader)) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "log record %llu has %u new weights in %zu bytes; it may have 1..%d, "
            "of %d bytes each beside %d",
            number, read->weight_count, record_bytes, CG_RECORD_WEIGHTS_MAX, WEIGHT_BYTES,
            PREFIX_BYTES + WEIGHTS_BYTES);
    }
    for (uint32_t i = 0; i < read->weight_count; ++i) {
        cg_log_weight *changed = &buffers->edges[i];
        *changed = (cg_log_weight){.from = cg_read_u64(reader)};
        changed->type = cg_read_u16(reader);
        changed->to = cg_read_u64(reader);
        changed->weight = cg_read_u8(reader);
        if (changed->from == changed->to ||
            (i > 0 && !is_before(&buffers->edges[i - 1], changed))) {
            return cg_error_set(
                error, CG_ERROR_CORRUPT,
                "log record %llu: new weight %u, of the edge of type %u from concept %llu to "
                "%llu, is out of order, there twice, or of no edge",
                number, i, changed->type, (unsigned long long)changed->from,
                (unsigned long long)changed->to);
        }
    }
    read->weights = buffers->edges;
    return CG_OK;
}

static cg_status read_body(cg_reader *reader, cg_log_buffers *buffers, cg_log_record *read,
                           size_t record_bytes, cg_error *error) {
    switch (read->kind) {
    case CG_RECORD_REMOVE:
        return read_removal(reader, read, record_bytes, error);
    case CG_RECORD_WEIGHTS:
        return read_weights(reader, buffers, read, record_bytes, error);
    case CG_RECORD_EPOCH:
        return read_epoch(reader, read, record_bytes, error);
    case CG_RECORD_FACT:
    case CG_RECORD_KIND_COUNT:
    default:
        return read_fact(reader, buffers, read, record_bytes, error);
    }
}

/* The length of the record, without its first 4 bytes, and a reader of what the checksum is of. */
static cg_status open_record(const uint8_t *bytes, size_t size_bytes, size_t *length,
                             cg_reader *body, cg_error *error) {
    cg_reader prefix = cg_reader_init(bytes, size_bytes);
    *length = cg_read_u32(&prefix);
    uint32_t checksum = cg_read_u32(&prefix);
    if (prefix.failed || *length < 4 + HEAD_BYTES || *length > size_bytes - 4) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "log record is cut: %zu bytes left of %zu",
                            size_bytes, *length + 4);
    }
    if (cg_crc32c(bytes + PREFIX_BYTES, *length - 4) != checksum) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "log record's checksum %08x does not match its bytes", checksum);
    }
    *body = cg_reader_init(bytes + PREFIX_BYTES, *length - 4);
    return CG_OK;
}

static void read_id(cg_reader *reader, cg_log_id *id) {
    id->epoch = cg_read_u64(reader);
    id->number = cg_read_u64(reader);
    id->replica = cg_read_u32(reader);
}

cg_status cg_log_record_peek(const uint8_t *bytes, size_t size_bytes, size_t *used_bytes,
                             cg_log_id *id, cg_error *error) {
    size_t length = 0;
    cg_reader reader;
    cg_status status = open_record(bytes, size_bytes, &length, &reader, error);
    if (status == CG_OK) {
        read_id(&reader, id);
        *used_bytes = length + 4;
    }
    return status;
}

cg_status cg_log_record_decode(const uint8_t *bytes, size_t size_bytes, cg_log_buffers *buffers,
                               cg_log_record *record, size_t *used_bytes, cg_error *error) {
    size_t length = 0;
    cg_reader reader;
    cg_status status = open_record(bytes, size_bytes, &length, &reader, error);
    if (status != CG_OK) {
        return status;
    }
    cg_log_record read = {0};
    read_id(&reader, &read.id);
    read.request_id = cg_read_u64(&reader);
    read.clock.physical_ns = cg_read_u64(&reader);
    read.clock.logical = cg_read_u32(&reader);
    uint8_t kind = cg_read_u8(&reader);
    if (kind >= CG_RECORD_KIND_COUNT) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "log record %llu is of kind %u, which is not known",
                            (unsigned long long)read.id.number, kind);
    }
    read.kind = (cg_record_kind)kind;
    status = read_body(&reader, buffers, &read, length + 4, error);
    if (status == CG_OK) {
        *record = read;
        *used_bytes = length + 4;
    }
    return status;
}
