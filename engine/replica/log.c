/* The log in memory: one block of encoded records, and where each starts. */
#include "engine/replica/log.h"

#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"

struct cg_log_store {
    uint8_t *bytes;
    size_t bytes_used;
    size_t bytes_capacity;
    size_t *starts; /* [count + 1]: of record i + 1, and the end */
    size_t starts_capacity;
    uint64_t count;
    cg_allocator allocator;
};

cg_status cg_log_alloc(cg_allocator allocator, cg_log_store **out, cg_error *error) {
    cg_log_store *log = cg_allocate(&allocator, 1, sizeof *log);
    if (!log) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a log");
    }
    log->allocator = allocator;
    cg_status status = CG_GROW(&log->allocator, log->starts, log->starts_capacity, 16, error);
    if (status != CG_OK) {
        cg_log_free(log);
        return status;
    }
    *out = log;
    return CG_OK;
}

void cg_log_free(cg_log_store *log) {
    if (!log) {
        return;
    }
    cg_allocator allocator = log->allocator;
    cg_deallocate(&allocator, log->bytes, log->bytes_capacity, 1);
    cg_deallocate(&allocator, log->starts, log->starts_capacity, sizeof *log->starts);
    cg_deallocate(&allocator, log, 1, sizeof *log);
}

/* Length, checksum and sequence of the record at the start of bytes; false when it is not
 * whole. */
static bool frame_at(const uint8_t *bytes, size_t size_bytes, size_t *length,
                     uint64_t *sequence) {
    cg_reader reader = cg_reader_init(bytes, size_bytes);
    size_t announced = cg_read_u32(&reader);
    uint32_t checksum = cg_read_u32(&reader);
    *sequence = cg_read_u64(&reader);
    if (reader.failed || announced < 12 || announced > size_bytes - 4 ||
        cg_crc32c(bytes + 8, announced - 4) != checksum) {
        return false;
    }
    *length = announced + 4;
    return true;
}

cg_status cg_log_append(cg_log_store *log, const uint8_t *bytes, size_t size_bytes,
                        cg_error *error) {
    size_t length = 0;
    uint64_t sequence = 0;
    if (!frame_at(bytes, size_bytes, &length, &sequence) || length != size_bytes) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "log record of %zu bytes is cut or altered", size_bytes);
    }
    if (sequence != log->count + 1) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "log record has sequence %llu, the next one is %llu",
                            (unsigned long long)sequence, (unsigned long long)log->count + 1);
    }
    cg_status status = CG_GROW(&log->allocator, log->starts, log->starts_capacity,
                               (size_t)log->count + 2, error);
    if (status == CG_OK) {
        status = CG_GROW(&log->allocator, log->bytes, log->bytes_capacity,
                         log->bytes_used + size_bytes, error);
    }
    if (status != CG_OK) {
        return status;
    }
    memcpy(log->bytes + log->bytes_used, bytes, size_bytes);
    log->bytes_used += size_bytes;
    log->count++;
    log->starts[log->count] = log->bytes_used;
    return CG_OK;
}

uint64_t cg_log_last(const cg_log_store *log) {
    return log->count;
}

uint64_t cg_log_held_bytes(const cg_log_store *log) {
    return sizeof *log + log->bytes_capacity + log->starts_capacity * sizeof *log->starts;
}

const uint8_t *cg_log_bytes(const cg_log_store *log, uint64_t sequence, size_t *size_bytes) {
    CG_ASSERT(sequence >= 1 && sequence <= log->count);
    *size_bytes = log->starts[sequence] - log->starts[sequence - 1];
    return log->bytes + log->starts[sequence - 1];
}

cg_record_kind cg_log_kind(const cg_log_store *log, uint64_t sequence) {
    enum { KIND_OFFSET = 44 };
    size_t size_bytes = 0;
    const uint8_t *bytes = cg_log_bytes(log, sequence, &size_bytes);
    CG_ASSERT(size_bytes > KIND_OFFSET);
    return (cg_record_kind)bytes[KIND_OFFSET];
}

uint64_t cg_log_time_ns(const cg_log_store *log, uint64_t sequence) {
    enum { TIME_OFFSET = 32 };
    size_t size_bytes = 0;
    const uint8_t *bytes = cg_log_bytes(log, sequence, &size_bytes);
    CG_ASSERT(size_bytes >= TIME_OFFSET + 8);
    cg_reader reader = cg_reader_init(bytes + TIME_OFFSET, 8);
    return cg_read_u64(&reader);
}

uint64_t cg_log_scan(const uint8_t *image, size_t size_bytes, size_t *valid_bytes) {
    uint64_t count = 0;
    size_t used = 0;
    size_t length = 0;
    uint64_t sequence = 0;
    while (used < size_bytes && frame_at(image + used, size_bytes - used, &length, &sequence) &&
           sequence == count + 1) {
        used += length;
        count++;
    }
    *valid_bytes = used;
    return count;
}
