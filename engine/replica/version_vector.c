/* Version vectors as sorted arrays: found by halving, merged by walking. */
#include "engine/replica/version_vector.h"

#include <string.h>

void cg_version_vector_init(cg_version_vector *vector, cg_allocator allocator) {
    *vector = (cg_version_vector){.allocator = allocator};
}

void cg_version_vector_deinit(cg_version_vector *vector) {
    cg_deallocate(&vector->allocator, vector->entries, vector->capacity,
                  sizeof *vector->entries);
    *vector = (cg_version_vector){.allocator = vector->allocator};
}

void cg_version_vector_clear(cg_version_vector *vector) {
    vector->count = 0;
}

cg_status cg_version_vector_reserve(cg_version_vector *vector, size_t count, cg_error *error) {
    return CG_GROW(&vector->allocator, vector->entries, vector->capacity, count, error);
}

/* The first entry of `replica` or of one after it; count when there is none. */
static size_t place_of(const cg_version_vector *vector, cg_replica_id replica) {
    size_t low = 0;
    size_t high = vector->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (vector->entries[middle].replica < replica) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool holds(const cg_version_vector *vector, size_t place, cg_replica_id replica) {
    return place < vector->count && vector->entries[place].replica == replica;
}

uint64_t cg_version_vector_seen(const cg_version_vector *vector, cg_replica_id replica) {
    size_t place = place_of(vector, replica);
    return holds(vector, place, replica) ? vector->entries[place].seen : 0;
}

cg_status cg_version_vector_raise(cg_version_vector *vector, cg_replica_id replica,
                                  uint64_t seen, cg_error *error) {
    size_t place = place_of(vector, replica);
    if (holds(vector, place, replica)) {
        if (vector->entries[place].seen < seen) {
            vector->entries[place].seen = seen;
        }
        return CG_OK;
    }
    if (seen == 0) {
        return CG_OK;
    }
    if (vector->count == CG_REPLICAS_MAX) {
        return cg_error_set(error, CG_ERROR_FULL, "a version vector holds at most %d replicas",
                            CG_REPLICAS_MAX);
    }
    cg_status status = cg_version_vector_reserve(vector, vector->count + 1, error);
    if (status != CG_OK) {
        return status;
    }
    memmove(&vector->entries[place + 1], &vector->entries[place],
            (vector->count - place) * sizeof *vector->entries);
    vector->entries[place] = (cg_version){.replica = replica, .seen = seen};
    vector->count++;
    return CG_OK;
}

cg_status cg_version_vector_copy(cg_version_vector *into, const cg_version_vector *from,
                                 cg_error *error) {
    cg_status status = cg_version_vector_reserve(into, from->count, error);
    if (status != CG_OK) {
        return status;
    }
    if (from->count > 0) {
        memcpy(into->entries, from->entries, from->count * sizeof *from->entries);
    }
    into->count = from->count;
    return CG_OK;
}

cg_order cg_version_vector_compare(const cg_version_vector *left,
                                   const cg_version_vector *right) {
    bool less = false;
    bool more = false;
    size_t i = 0;
    size_t j = 0;
    while (i < left->count || j < right->count) {
        const cg_version *a = i < left->count ? &left->entries[i] : NULL;
        const cg_version *b = j < right->count ? &right->entries[j] : NULL;
        bool in_left = a && (!b || a->replica <= b->replica);
        bool in_right = b && (!a || b->replica <= a->replica);
        uint64_t in_a = in_left ? a->seen : 0;
        uint64_t in_b = in_right ? b->seen : 0;
        less |= in_a < in_b;
        more |= in_a > in_b;
        i += in_left;
        j += in_right;
    }
    if (less && more) {
        return CG_ORDER_CONCURRENT;
    }
    if (less) {
        return CG_ORDER_BEFORE;
    }
    return more ? CG_ORDER_AFTER : CG_ORDER_EQUAL;
}

size_t cg_version_vector_bytes(const cg_version_vector *vector) {
    return sizeof(uint32_t) + vector->count * (2 * sizeof(uint64_t));
}

void cg_version_vector_write(const cg_version_vector *vector, cg_writer *writer) {
    cg_write_u32(writer, (uint32_t)vector->count);
    for (size_t i = 0; i < vector->count; i++) {
        cg_write_u64(writer, vector->entries[i].replica);
        cg_write_u64(writer, vector->entries[i].seen);
    }
}

cg_status cg_version_vector_read(cg_version_vector *vector, cg_reader *reader, const char *what,
                                 cg_error *error) {
    uint32_t count = cg_read_u32(reader);
    if (reader->failed || count > CG_REPLICAS_MAX ||
        cg_reader_left(reader) < (size_t)count * (2 * sizeof(uint64_t))) {
        return cg_error_set(
            error, CG_ERROR_CORRUPT,
            "%s: a version vector of %u entries with %zu bytes left, at most %d "
            "entries of 16 bytes",
            what, count, cg_reader_left(reader), CG_REPLICAS_MAX);
    }
    cg_status status = cg_version_vector_reserve(vector, count, error);
    if (status != CG_OK) {
        return status;
    }
    vector->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        cg_version entry = {.replica = cg_read_u64(reader)};
        entry.seen = cg_read_u64(reader);
        if (entry.seen == 0 || (i > 0 && entry.replica <= vector->entries[i - 1].replica)) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "%s: entry %u of a version vector is replica %llu at %llu, not "
                                "ascending and from 1",
                                what, i, (unsigned long long)entry.replica,
                                (unsigned long long)entry.seen);
        }
        vector->entries[vector->count++] = entry;
    }
    return CG_OK;
}
