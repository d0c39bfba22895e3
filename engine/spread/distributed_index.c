/* An index that is emptied at once, and sorting; for distributed spreading.
 *
 * Open addressing with linear probing; a slot of another epoch is free, so clearing is a count.
 * Nothing is ever taken out.
 */
#include "engine/base/hash.h"
#include "engine/spread/distributed_internal.h"

enum { FIRST_SLOTS = 16 };

static dist_slot *probe(dist_slot *slots, size_t capacity, uint32_t epoch, uint64_t key) {
    size_t at = (size_t)cg_hash_u64(key, 1) & (capacity - 1);
    while (slots[at].epoch == epoch && slots[at].key != key) {
        at = (at + 1) & (capacity - 1);
    }
    return &slots[at];
}

bool cg_dist_index_get(const dist_index *index, uint64_t key, uint32_t *value) {
    if (index->count == 0) {
        return false;
    }
    const dist_slot *slot = probe(index->slots, index->capacity, index->epoch, key);
    if (slot->epoch != index->epoch) {
        return false;
    }
    *value = slot->value;
    return true;
}

static cg_status grow(dist_index *index, const cg_allocator *allocator, cg_error *error) {
    size_t capacity = index->capacity ? index->capacity * 2 : FIRST_SLOTS;
    dist_slot *slots = cg_allocate(allocator, capacity, sizeof *slots);
    if (!slots) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "no memory for an index of %zu places of a spread", capacity);
    }
    for (size_t i = 0; i < index->capacity; i++) {
        const dist_slot *old = &index->slots[i];
        if (old->epoch == index->epoch && index->count > 0) {
            dist_slot *slot = probe(slots, capacity, 1, old->key);
            *slot = (dist_slot){.key = old->key, .value = old->value, .epoch = 1};
        }
    }
    cg_deallocate(allocator, index->slots, index->capacity, sizeof *index->slots);
    index->slots = slots;
    index->capacity = capacity;
    index->epoch = 1;
    return CG_OK;
}

cg_status cg_dist_index_put(dist_index *index, const cg_allocator *allocator, uint64_t key,
                            uint32_t value, cg_error *error) {
    if (2 * (index->count + 1) > index->capacity) {
        cg_status status = grow(index, allocator, error);
        if (status != CG_OK) {
            return status;
        }
    }
    dist_slot *slot = probe(index->slots, index->capacity, index->epoch, key);
    index->count += slot->epoch != index->epoch;
    *slot = (dist_slot){.key = key, .value = value, .epoch = index->epoch};
    return CG_OK;
}

void cg_dist_index_clear(dist_index *index) {
    index->count = 0;
    if (++index->epoch == 0) {
        for (size_t i = 0; i < index->capacity; i++) {
            index->slots[i].epoch = 0;
        }
        index->epoch = 1;
    }
}

void cg_dist_index_free(dist_index *index, const cg_allocator *allocator) {
    cg_deallocate(allocator, index->slots, index->capacity, sizeof *index->slots);
    *index = (dist_index){0};
}

/* --- heapsort --- */

static bool is_after(dist_order left, dist_order right) {
    return left.key != right.key ? left.key > right.key : left.tie > right.tie;
}

static void sink(dist_order *orders, uint32_t count, uint32_t hole, dist_order order) {
    for (;;) {
        size_t child = 2 * (size_t)hole + 1;
        if (child >= count) {
            break;
        }
        if (child + 1 < count && is_after(orders[child + 1], orders[child])) {
            child++;
        }
        if (!is_after(orders[child], order)) {
            break;
        }
        orders[hole] = orders[child];
        hole = (uint32_t)child;
    }
    orders[hole] = order;
}

void cg_dist_sort(dist_order *orders, uint32_t count) {
    for (uint32_t i = count / 2; i-- > 0;) {
        sink(orders, count, i, orders[i]);
    }
    for (uint32_t left = count; left > 1; left--) {
        dist_order last = orders[left - 1];
        orders[left - 1] = orders[0];
        sink(orders, left - 1, 0, last);
    }
}

void cg_dist_offer(dist_order *orders, uint32_t *count, uint32_t most, dist_order order) {
    if (*count < most) {
        orders[(*count)++] = order;
        for (uint32_t i = *count == most ? most / 2 : 0; i-- > 0;) {
            sink(orders, most, i, orders[i]);
        }
    } else if (is_after(orders[0], order)) {
        sink(orders, most, 0, order);
    }
}
