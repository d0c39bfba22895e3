/* When concepts last passed on: a table from row to a place in an array of times.
 *
 * Noting is all or nothing: rows that are new get their places first, and lose them again when
 * memory runs out on the way; only then are times written. A time never goes back, since who
 * passed on at `now` or later is refractory.
 */
#include "engine/base/hash.h"
#include "engine/base/map.h"
#include "engine/spread/spread_internal.h"

typedef struct recency_entry {
    uint64_t physical_ns;
    uint32_t logical;
    uint32_t row;
} recency_entry;

struct cg_spread_recency {
    cg_allocator allocator;
    cg_table *place_of;
    recency_entry *entries;
    size_t capacity;
    size_t count;
};

cg_status cg_spread_recency_alloc(cg_allocator allocator, cg_spread_recency **out,
                                  cg_error *error) {
    cg_spread_recency *recency = cg_allocate(&allocator, 1, sizeof *recency);
    if (!recency) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for %zu bytes of last activations", sizeof *recency);
    }
    recency->allocator = allocator;
    cg_status status = cg_table_alloc(allocator, &recency->place_of, error);
    if (status != CG_OK) {
        cg_deallocate(&allocator, recency, 1, sizeof *recency);
        return status;
    }
    *out = recency;
    return CG_OK;
}

void cg_spread_recency_free(cg_spread_recency *recency) {
    if (!recency) {
        return;
    }
    cg_allocator allocator = recency->allocator;
    cg_table_free(recency->place_of);
    cg_deallocate(&allocator, recency->entries, recency->capacity, sizeof *recency->entries);
    cg_deallocate(&allocator, recency, 1, sizeof *recency);
}

bool cg_spread_recency_last(const cg_spread_recency *recency, uint32_t row, cg_hlc *last) {
    uint64_t place = 0;
    if (!cg_table_get(recency->place_of, row, &place)) {
        return false;
    }
    const recency_entry *entry = &recency->entries[place];
    *last = (cg_hlc){.physical_ns = entry->physical_ns, .logical = entry->logical};
    return true;
}

static cg_status add_place(cg_spread_recency *recency, uint32_t row, cg_error *error) {
    cg_status status = CG_GROW(&recency->allocator, recency->entries, recency->capacity,
                               recency->count + 1, error);
    if (status == CG_OK) {
        status = cg_table_put(recency->place_of, row, recency->count, error);
    }
    if (status == CG_OK) {
        recency->entries[recency->count++] = (recency_entry){.row = row};
    }
    return status;
}

static void write_time(cg_spread_recency *recency, uint32_t row, cg_hlc now) {
    uint64_t place = 0;
    CG_ASSERT(cg_table_get(recency->place_of, row, &place));
    recency->entries[place].physical_ns = now.physical_ns;
    recency->entries[place].logical = now.logical;
}

cg_status cg_spread_recency_note(cg_spread_recency *recency, const cg_spread_scratch *scratch,
                                 cg_hlc now, cg_error *error) {
    void *const *blocks = cg_activation_blocks(scratch->records);
    size_t before = recency->count;
    uint64_t place = 0;
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < scratch->record_count && status == CG_OK; i++) {
        const cg_spread_record *record = spread_record(blocks, i);
        if (record->passed > 0 && !cg_table_get(recency->place_of, record->row, &place)) {
            status = add_place(recency, record->row, error);
        }
    }
    if (status != CG_OK) {
        while (recency->count > before) {
            (void)cg_table_remove(recency->place_of, recency->entries[--recency->count].row);
        }
        return status;
    }
    for (uint32_t i = 0; i < scratch->record_count; i++) {
        const cg_spread_record *record = spread_record(blocks, i);
        if (record->passed > 0) {
            write_time(recency, record->row, now);
        }
    }
    return CG_OK;
}

cg_status cg_spread_recency_forget(cg_spread_recency *recency, uint64_t before_ns,
                                   cg_error *error) {
    cg_spread_recency *kept = NULL;
    cg_status status = cg_spread_recency_alloc(recency->allocator, &kept, error);
    for (size_t i = 0; i < recency->count && status == CG_OK; i++) {
        if (recency->entries[i].physical_ns >= before_ns) {
            status = add_place(kept, recency->entries[i].row, error);
        }
        if (status == CG_OK && recency->entries[i].physical_ns >= before_ns) {
            kept->entries[kept->count - 1] = recency->entries[i];
        }
    }
    if (status == CG_OK) {
        cg_spread_recency old = *recency;
        *recency = *kept;
        *kept = old;
    }
    cg_spread_recency_free(kept);
    return status;
}

size_t cg_spread_recency_count(const cg_spread_recency *recency) {
    return recency->count;
}

uint64_t cg_spread_recency_bytes(const cg_spread_recency *recency) {
    return sizeof *recency + recency->capacity * sizeof *recency->entries +
           cg_table_bytes(recency->place_of);
}

uint64_t cg_spread_recency_hash(const cg_spread_recency *recency) {
    uint64_t sum = recency->count; /* of all entries: their order does not count */
    for (size_t i = 0; i < recency->count; i++) {
        cg_hasher hasher = cg_hasher_init();
        cg_hasher_add_u64(&hasher, recency->entries[i].row);
        cg_hasher_add_u64(&hasher, recency->entries[i].physical_ns);
        cg_hasher_add_u64(&hasher, recency->entries[i].logical);
        sum += cg_hasher_value(&hasher);
    }
    return sum;
}
