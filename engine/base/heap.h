/* A binary min-heap of events in the order (time, sender, sequence).
 *
 * The order is total as long as (time, sender, sequence) is unique, so what comes out never
 * depends on how it was put in. The payload is an opaque pointer that the heap neither reads
 * nor frees.
 */
#ifndef CG_ENGINE_BASE_HEAP_H
#define CG_ENGINE_BASE_HEAP_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

typedef struct cg_heap_entry {
    uint64_t time_ns;
    uint64_t sender;
    uint64_t sequence;
    void *payload;
} cg_heap_entry;

typedef struct cg_heap {
    cg_heap_entry *entries;
    size_t count;
    size_t capacity;
    cg_allocator allocator;
} cg_heap;

void cg_heap_init(cg_heap *heap, cg_allocator allocator);
void cg_heap_deinit(cg_heap *heap); /* does not free payloads */
cg_status cg_heap_push(cg_heap *heap, cg_heap_entry entry, cg_error *error);
bool cg_heap_peek(const cg_heap *heap, cg_heap_entry *out); /* false when empty */
bool cg_heap_pop(cg_heap *heap, cg_heap_entry *out);
int cg_heap_entry_compare(const cg_heap_entry *left, const cg_heap_entry *right);

#endif
