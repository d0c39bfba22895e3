#include "engine/node/gather_message.h"

#include "engine/base/bytes.h"

enum { ASK_FIXED_BYTES = 28, FOUND_FIXED_BYTES = 12, HIT_BYTES = 8, RECORD_FIXED_BYTES = 16 };

size_t cg_gather_ask_bytes(uint32_t dims, uint32_t entry_count) {
    return ASK_FIXED_BYTES + 4 * ((size_t)dims + entry_count);
}

void cg_gather_ask_encode(const cg_gather_ask *ask, const float *vector,
                          const uint32_t *entries, uint8_t *payload) {
    size_t size = cg_gather_ask_bytes(ask->dims, ask->entry_count);
    cg_writer writer = cg_writer_init(payload, size);
    cg_write_u64(&writer, ask->token);
    cg_write_u32(&writer, ask->k);
    cg_write_u32(&writer, ask->ef);
    cg_write_u32(&writer, ask->flags);
    cg_write_u32(&writer, ask->dims);
    cg_write_u32(&writer, ask->entry_count);
    for (uint32_t d = 0; d < ask->dims; ++d) {
        cg_write_f32(&writer, vector[d]);
    }
    for (uint32_t i = 0; i < ask->entry_count; ++i) {
        cg_write_u32(&writer, entries[i]);
    }
    CG_ASSERT(!writer.failed && writer.used_bytes == size);
}

cg_status cg_gather_ask_decode(const uint8_t *payload, size_t size_bytes, cg_gather_ask *ask,
                               cg_error *error) {
    cg_reader reader = cg_reader_init(payload, size_bytes);
    cg_gather_ask read = {.token = cg_read_u64(&reader)};
    read.k = cg_read_u32(&reader);
    read.ef = cg_read_u32(&reader);
    read.flags = cg_read_u32(&reader);
    read.dims = cg_read_u32(&reader);
    read.entry_count = cg_read_u32(&reader);
    if (reader.failed || read.k < 1 || read.k > CG_SHARD_K_MAX || read.ef < 1 ||
        read.ef > CG_GATHER_EF_MAX || (read.flags & ~(uint32_t)CG_GATHER_WHOLE) != 0 ||
        read.dims < CG_DIMS_MIN || read.dims > CG_DIMS_MAX ||
        read.entry_count > CG_SHARD_ENTRIES_MAX ||
        cg_gather_ask_bytes(read.dims, read.entry_count) != size_bytes) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "question of %zu bytes for %u rows of %u dims, width %u, from %u rows, "
            "flags %u",
            size_bytes, read.k, read.dims, read.ef, read.entry_count, read.flags);
    }
    read.vector = cg_read_bytes(&reader, 4 * (size_t)read.dims);
    read.entries = cg_read_bytes(&reader, 4 * (size_t)read.entry_count);
    *ask = read;
    return CG_OK;
}

void cg_gather_ask_read(const cg_gather_ask *ask, float *vector, uint32_t *entries) {
    cg_reader reader = cg_reader_init(ask->vector, 4 * (size_t)ask->dims);
    for (uint32_t d = 0; d < ask->dims; ++d) {
        vector[d] = cg_read_f32(&reader);
    }
    reader = cg_reader_init(ask->entries, 4 * (size_t)ask->entry_count);
    for (uint32_t i = 0; i < ask->entry_count; ++i) {
        entries[i] = cg_read_u32(&reader);
    }
}

size_t cg_gather_found_bytes(const cg_index_hit *hits, uint32_t count,
                             const cg_features *features) {
    size_t bytes = FOUND_FIXED_BYTES;
    for (uint32_t i = 0; i < count; ++i) {
        bytes += HIT_BYTES;
        if (features) {
            bytes += RECORD_FIXED_BYTES - HIT_BYTES + 4 * (size_t)cg_features_dims(features) +
                     8 * (size_t)cg_features_row(features, hits[i].row).sparse.count;
        }
    }
    return bytes;
}

void cg_gather_found_encode(uint64_t token, const cg_index_hit *hits, uint32_t count,
                            const cg_features *features, uint8_t *payload) {
    size_t size = cg_gather_found_bytes(hits, count, features);
    cg_writer writer = cg_writer_init(payload, size);
    cg_write_u64(&writer, token);
    cg_write_u32(&writer, count);
    for (uint32_t i = 0; i < count; ++i) {
        cg_write_u32(&writer, hits[i].row);
        cg_write_f32(&writer, hits[i].distance);
        if (features) {
            cg_feature_row record = cg_features_row(features, hits[i].row);
            cg_write_u32(&writer, cg_features_dims(features));
            cg_write_u32(&writer, record.sparse.count);
            cg_log_vectors_write(&writer, record.dense, cg_features_dims(features),
                                 record.sparse);
        }
    }
    CG_ASSERT(!writer.failed && writer.used_bytes == size);
}

static cg_status read_record(cg_reader *reader, cg_log_buffers *buffers, cg_error *error) {
    uint32_t dims = cg_read_u32(reader);
    uint32_t entries = cg_read_u32(reader);
    if (reader->failed || dims < CG_DIMS_MIN || dims > CG_DIMS_MAX ||
        entries > CG_SPARSE_ENTRIES_MAX) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "a record of %u dims and %u features",
                            dims, entries);
    }
    return cg_log_vectors_read(reader, dims, entries, buffers, "gathered record", error);
}

cg_status cg_gather_found_decode(cg_gather_type type, const uint8_t *payload, size_t size_bytes,
                                 cg_log_buffers *buffers, uint64_t *token, cg_index_hit *hits,
                                 uint32_t *count, cg_error *error) {
    cg_reader reader = cg_reader_init(payload, size_bytes);
    uint64_t read_token = cg_read_u64(&reader);
    uint32_t read_count = cg_read_u32(&reader);
    bool is_sound = !reader.failed && read_count <= CG_SHARD_K_MAX;
    for (uint32_t i = 0; is_sound && i < read_count; ++i) {
        hits[i].row = cg_read_u32(&reader);
        hits[i].id = hits[i].row;
        hits[i].distance = cg_read_f32(&reader);
        const cg_index_hit *before = i > 0 ? &hits[i - 1] : NULL;
        /* Not so of NaN either. */
        is_sound = !reader.failed && hits[i].distance > -1e30f && hits[i].distance < 1e30f &&
                   (!before || before->distance < hits[i].distance ||
                    (before->distance == hits[i].distance && before->row < hits[i].row));
        if (is_sound && type == CG_GATHER_RECORDS) {
            is_sound = read_record(&reader, buffers, error) == CG_OK;
        }
    }
    if (!is_sound || cg_reader_left(&reader) != 0) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "answer of %zu bytes: no %u rows by ascending distance", size_bytes,
                            read_count);
    }
    *token = read_token;
    *count = read_count;
    return CG_OK;
}
