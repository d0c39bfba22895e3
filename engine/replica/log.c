/* The log in memory: one block of encoded records, where each starts, and the chain up to it. */
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
    uint64_t *chains; /* [count] */
    size_t chains_capacity;
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
    cg_deallocate(&allocator, log->chains, log->chains_capacity, sizeof *log->chains);
    cg_deallocate(&allocator, log, 1, sizeof *log);
}

int cg_log_id_compare(const cg_log_id *left, const cg_log_id *right) {
    if (left->epoch != right->epoch) {
        return left->epoch < right->epoch ? -1 : 1;
    }
    if (left->number != right->number) {
        return left->number < right->number ? -1 : 1;
    }
    return left->replica < right->replica ? -1 : left->replica > right->replica;
}

uint64_t cg_log_chain_next(uint64_t chain, const cg_log_id *id) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, chain);
    cg_hasher_add_u64(&hasher, id->epoch);
    cg_hasher_add_u64(&hasher, id->number);
    cg_hasher_add_u64(&hasher, id->replica);
    return cg_hasher_value(&hasher);
}

cg_status cg_log_append(cg_log_store *log, const uint8_t *bytes, size_t size_bytes,
                        cg_error *error) {
    size_t length = 0;
    cg_log_id id;
    cg_status status = cg_log_record_peek(bytes, size_bytes, &length, &id, error);
    if (status != CG_OK) {
        return status;
    }
    cg_log_id last = cg_log_id_of(log, log->count);
    if (length != size_bytes || cg_log_id_compare(&last, &id) >= 0) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "log record (%llu, %llu, %x) of %zu of %zu bytes cannot follow (%llu, %llu, %x)",
            (unsigned long long)id.epoch, (unsigned long long)id.number, id.replica, length,
            size_bytes, (unsigned long long)last.epoch, (unsigned long long)last.number,
            last.replica);
    }
    status = CG_GROW(&log->allocator, log->starts, log->starts_capacity, (size_t)log->count + 2,
                     error);
    if (status == CG_OK) {
        status = CG_GROW(&log->allocator, log->chains, log->chains_capacity,
                         (size_t)log->count + 1, error);
    }
    if (status == CG_OK) {
        status = CG_GROW(&log->allocator, log->bytes, log->bytes_capacity,
                         log->bytes_used + size_bytes, error);
    }
    if (status != CG_OK) {
        return status;
    }
    memcpy(log->bytes + log->bytes_used, bytes, size_bytes);
    log->bytes_used += size_bytes;
    log->chains[log->count] = cg_log_chain_next(cg_log_chain(log, log->count), &id);
    log->count++;
    log->starts[log->count] = log->bytes_used;
    return CG_OK;
}

void cg_log_cut(cg_log_store *log, uint64_t last) {
    CG_ASSERT(last <= log->count);
    log->count = last;
    log->bytes_used = log->starts[last];
}

uint64_t cg_log_last(const cg_log_store *log) {
    return log->count;
}

uint64_t cg_log_held_bytes(const cg_log_store *log) {
    return sizeof *log + log->bytes_capacity + log->starts_capacity * sizeof *log->starts +
           log->chains_capacity * sizeof *log->chains;
}

const uint8_t *cg_log_bytes(const cg_log_store *log, uint64_t sequence, size_t *size_bytes) {
    CG_ASSERT(sequence >= 1 && sequence <= log->count);
    *size_bytes = log->starts[sequence] - log->starts[sequence - 1];
    return log->bytes + log->starts[sequence - 1];
}

enum {
    ID_OFFSET = 8,
    REQUEST_OFFSET = 28,
    TIME_OFFSET = 36,
    KIND_OFFSET = 48,
    CONCEPT_OFFSET = 49,
    TEXT_BYTES_OFFSET = 73
};

/* Of a record that is as it was encoded, a field of its head, or of its kind's. */
static cg_reader reader_at(const cg_log_store *log, uint64_t sequence, size_t offset) {
    size_t size_bytes = 0;
    const uint8_t *bytes = cg_log_bytes(log, sequence, &size_bytes);
    CG_ASSERT(size_bytes > offset);
    return cg_reader_init(bytes + offset, size_bytes - offset);
}

cg_record_kind cg_log_kind(const cg_log_store *log, uint64_t sequence) {
    cg_reader reader = reader_at(log, sequence, KIND_OFFSET);
    return (cg_record_kind)cg_read_u8(&reader);
}

cg_log_id cg_log_id_of(const cg_log_store *log, uint64_t sequence) {
    cg_log_id id = {0};
    if (sequence > 0) {
        cg_reader reader = reader_at(log, sequence, ID_OFFSET);
        id.epoch = cg_read_u64(&reader);
        id.number = cg_read_u64(&reader);
        id.replica = cg_read_u32(&reader);
    }
    return id;
}

uint64_t cg_log_chain(const cg_log_store *log, uint64_t sequence) {
    CG_ASSERT(sequence <= log->count);
    return sequence > 0 ? log->chains[sequence - 1] : 0;
}

uint64_t cg_log_time_ns(const cg_log_store *log, uint64_t sequence) {
    cg_reader reader = reader_at(log, sequence, TIME_OFFSET);
    return cg_read_u64(&reader);
}

uint64_t cg_log_request_id(const cg_log_store *log, uint64_t sequence) {
    cg_reader reader = reader_at(log, sequence, REQUEST_OFFSET);
    return cg_read_u64(&reader);
}

uint64_t cg_log_concept(const cg_log_store *log, uint64_t sequence) {
    cg_reader reader = reader_at(log, sequence, CONCEPT_OFFSET);
    return cg_read_u64(&reader);
}

const char *cg_log_text(const cg_log_store *log, uint64_t sequence, uint32_t *text_bytes) {
    cg_reader reader = reader_at(log, sequence, TEXT_BYTES_OFFSET);
    size_t size_bytes = 0;
    const uint8_t *bytes = cg_log_bytes(log, sequence, &size_bytes);
    *text_bytes = cg_read_u32(&reader);
    CG_ASSERT(*text_bytes <= size_bytes);
    return (const char *)bytes + size_bytes - *text_bytes;
}
