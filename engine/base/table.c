/* A hash table: open addressing, linear probing, backward-shift deletion.
 *
 * The number of slots is a power of two and at most three quarters of them are taken.
 * Invariant: between the home slot of a key and the slot that holds it there is no empty slot;
 * removal keeps it by moving later keys of the run back instead of leaving a mark. Key 0 marks
 * an empty slot; the entry of key 0 itself is kept apart.
 * Source: D. Knuth, "The Art of Computer Programming", volume 3, section 6.4, algorithms L
 * and R.
 */
#include "engine/base/hash.h"
#include "engine/base/map.h"

enum { FIRST_SLOTS = 16 };

typedef struct slot {
    uint64_t key;
    uint64_t value;
} slot;

struct cg_table {
    cg_allocator allocator;
    slot *slots;
    size_t slot_count; /* 0 or a power of two */
    size_t taken;      /* slots that hold a key */
    bool has_zero;
    uint64_t zero_value;
};

cg_status cg_table_alloc(cg_allocator allocator, cg_table **out, cg_error *error) {
    cg_table *table = cg_allocate(&allocator, 1, sizeof *table);
    if (!table) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for a table");
    }
    table->allocator = allocator;
    *out = table;
    return CG_OK;
}

void cg_table_free(cg_table *table) {
    if (table) {
        cg_allocator allocator = table->allocator;
        cg_deallocate(&allocator, table->slots, table->slot_count, sizeof *table->slots);
        cg_deallocate(&allocator, table, 1, sizeof *table);
    }
}

void cg_table_clear(cg_table *table) {
    for (size_t i = 0; i < table->slot_count; ++i) {
        table->slots[i] = (slot){0};
    }
    table->taken = 0;
    table->has_zero = false;
}

static size_t home_of(uint64_t key, size_t mask) {
    return (size_t)cg_hash_u64(key, 1) & mask;
}

/* The slot that holds `key`, or the empty one where it belongs. Needs a table with an empty
 * slot. */
static slot *probe(slot *slots, size_t slot_count, uint64_t key) {
    size_t mask = slot_count - 1;
    size_t at = home_of(key, mask);
    while (slots[at].key != key && slots[at].key != 0) {
        at = (at + 1) & mask;
    }
    return &slots[at];
}

static cg_status grow(cg_table *table, cg_error *error) {
    size_t grown = table->slot_count ? table->slot_count * 2 : FIRST_SLOTS;
    slot *slots = cg_allocate(&table->allocator, grown, sizeof *slots);
    if (!slots) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory growing a table from %zu to %zu slots",
                            table->slot_count, grown);
    }
    for (size_t i = 0; i < table->slot_count; i++) {
        if (table->slots[i].key != 0) {
            *probe(slots, grown, table->slots[i].key) = table->slots[i];
        }
    }
    cg_deallocate(&table->allocator, table->slots, table->slot_count, sizeof *table->slots);
    table->slots = slots;
    table->slot_count = grown;
    return CG_OK;
}

cg_status cg_table_put(cg_table *table, uint64_t key, uint64_t value, cg_error *error) {
    if (key == 0) {
        table->has_zero = true;
        table->zero_value = value;
        return CG_OK;
    }
    if (table->slot_count > 0) {
        slot *held = probe(table->slots, table->slot_count, key);
        if (held->key == key) {
            held->value = value;
            return CG_OK;
        }
    }
    if (table->taken + 1 > table->slot_count - table->slot_count / 4) {
        cg_status status = grow(table, error);
        if (status != CG_OK) {
            return status;
        }
    }
    *probe(table->slots, table->slot_count, key) = (slot){.key = key, .value = value};
    table->taken++;
    return CG_OK;
}

bool cg_table_get(const cg_table *table, uint64_t key, uint64_t *value) {
    if (key == 0) {
        if (table->has_zero) {
            *value = table->zero_value;
        }
        return table->has_zero;
    }
    if (table->slot_count == 0) {
        return false;
    }
    const slot *held = probe(table->slots, table->slot_count, key);
    if (held->key != key) {
        return false;
    }
    *value = held->value;
    return true;
}

bool cg_table_remove(cg_table *table, uint64_t key) {
    if (key == 0) {
        bool had = table->has_zero;
        table->has_zero = false;
        return had;
    }
    if (table->slot_count == 0) {
        return false;
    }
    slot *held = probe(table->slots, table->slot_count, key);
    if (held->key != key) {
        return false;
    }
    size_t mask = table->slot_count - 1;
    size_t hole = (size_t)(held - table->slots);
    for (size_t at = (hole + 1) & mask; table->slots[at].key != 0; at = (at + 1) & mask) {
        /* A key may move back to the hole unless its home lies behind the hole. */
        size_t from_home = (at - home_of(table->slots[at].key, mask)) & mask;
        if (from_home >= ((at - hole) & mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = (slot){0};
    table->taken--;
    return true;
}

size_t cg_table_count(const cg_table *table) {
    return table->taken + (table->has_zero ? 1 : 0);
}

size_t cg_table_bytes(const cg_table *table) {
    return sizeof *table + table->slot_count * sizeof *table->slots;
}
