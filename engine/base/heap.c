/* A binary min-heap in an array.
 *
 * Entry i has its children at 2i+1 and 2i+2. Invariant: no entry comes before its parent.
 * Source: J. Williams, "Algorithm 232: Heapsort", CACM 1964. Holes move instead of swaps: one
 * copy a level.
 */
#include "engine/base/heap.h"

int cg_heap_entry_compare(const cg_heap_entry *left, const cg_heap_entry *right) {
    if (left->time_ns != right->time_ns) {
        return left->time_ns < right->time_ns ? -1 : 1;
    }
    if (left->sender != right->sender) {
        return left->sender < right->sender ? -1 : 1;
    }
    if (left->sequence != right->sequence) {
        return left->sequence < right->sequence ? -1 : 1;
    }
    return 0;
}

void cg_heap_init(cg_heap *heap, cg_allocator allocator) {
    *heap = (cg_heap){.allocator = allocator};
}

void cg_heap_deinit(cg_heap *heap) {
    cg_deallocate(&heap->allocator, heap->entries, heap->capacity, sizeof *heap->entries);
    *heap = (cg_heap){.allocator = heap->allocator};
}

cg_status cg_heap_push(cg_heap *heap, cg_heap_entry entry, cg_error *error) {
    cg_status status =
        CG_GROW(&heap->allocator, heap->entries, heap->capacity, heap->count + 1, error);
    if (status != CG_OK) {
        return status;
    }
    size_t hole = heap->count++;
    while (hole > 0) {
        size_t parent = (hole - 1) / 2;
        if (cg_heap_entry_compare(&entry, &heap->entries[parent]) >= 0) {
            break;
        }
        heap->entries[hole] = heap->entries[parent];
        hole = parent;
    }
    heap->entries[hole] = entry;
    return CG_OK;
}

bool cg_heap_peek(const cg_heap *heap, cg_heap_entry *out) {
    if (heap->count == 0) {
        return false;
    }
    *out = heap->entries[0];
    return true;
}

bool cg_heap_pop(cg_heap *heap, cg_heap_entry *out) {
    if (!cg_heap_peek(heap, out)) {
        return false;
    }
    cg_heap_entry last = heap->entries[--heap->count];
    size_t hole = 0;
    for (size_t child = 1; child < heap->count; child = 2 * hole + 1) {
        if (child + 1 < heap->count &&
            cg_heap_entry_compare(&heap->entries[child + 1], &heap->entries[child]) < 0) {
            child++;
        }
        if (cg_heap_entry_compare(&last, &heap->entries[child]) <= 0) {
            break;
        }
        heap->entries[hole] = heap->entries[child];
        hole = child;
    }
    if (heap->count > 0) {
        heap->entries[hole] = last;
    }
    return true;
}
