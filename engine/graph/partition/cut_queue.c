#include "engine/graph/partition/cut_queue.h"

cg_status cg_cut_queue_init(cg_cut_queue *queue, uint32_t rows, const cg_allocator *allocator,
                            cg_error *error) {
    cg_cut_queue made = {.rows = rows};
    made.entries = cg_allocate(allocator, rows, sizeof *made.entries);
    made.places = cg_allocate(allocator, rows, sizeof *made.places);
    if (rows > 0 && (!made.entries || !made.places)) {
        cg_cut_queue_deinit(&made, allocator);
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a queue of %u rows", rows);
    }
    *queue = made;
    return CG_OK;
}

void cg_cut_queue_deinit(cg_cut_queue *queue, const cg_allocator *allocator) {
    cg_deallocate(allocator, queue->entries, queue->rows, sizeof *queue->entries);
    cg_deallocate(allocator, queue->places, queue->rows, sizeof *queue->places);
    *queue = (cg_cut_queue){0};
}

void cg_cut_queue_clear(cg_cut_queue *queue) {
    for (uint32_t i = 0; i < queue->count; i++) {
        queue->places[queue->entries[i].row] = 0;
    }
    queue->count = 0;
}

static void put(cg_cut_queue *queue, uint32_t index, cg_cut_entry entry) {
    queue->entries[index] = entry;
    queue->places[entry.row] = index + 1;
}

/* The hole at index goes towards the top until the entry fits into it. */
static void rise(cg_cut_queue *queue, uint32_t index, cg_cut_entry entry) {
    while (index > 0 && queue->entries[(index - 1) / 2].gain < entry.gain) {
        put(queue, index, queue->entries[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    put(queue, index, entry);
}

static void sink(cg_cut_queue *queue, uint32_t index, cg_cut_entry entry) {
    for (;;) {
        uint32_t child = 2 * index + 1;
        if (child >= queue->count) {
            break;
        }
        if (child + 1 < queue->count &&
            queue->entries[child + 1].gain > queue->entries[child].gain) {
            child++;
        }
        if (queue->entries[child].gain <= entry.gain) {
            break;
        }
        put(queue, index, queue->entries[child]);
        index = child;
    }
    put(queue, index, entry);
}

void cg_cut_queue_set(cg_cut_queue *queue, uint32_t row, int32_t gain) {
    const cg_cut_entry entry = {gain, row};
    const uint32_t place = queue->places[row];
    if (place == 0) {
        rise(queue, queue->count++, entry);
    } else if (gain >= queue->entries[place - 1].gain) {
        rise(queue, place - 1, entry);
    } else {
        sink(queue, place - 1, entry);
    }
}

cg_cut_entry cg_cut_queue_pop(cg_cut_queue *queue) {
    const cg_cut_entry first = queue->entries[0];
    const cg_cut_entry last = queue->entries[--queue->count];
    queue->places[first.row] = 0;
    if (queue->count > 0) {
        sink(queue, 0, last);
    }
    return first;
}
