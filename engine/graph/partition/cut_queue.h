/* Rows by gain, the greatest first (private to engine/graph/partition): an addressable binary heap.
 * Among equal gains the order follows from the order of the calls alone.
 */
#ifndef CG_ENGINE_GRAPH_PARTITION_CUT_QUEUE_H
#define CG_ENGINE_GRAPH_PARTITION_CUT_QUEUE_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

typedef struct cg_cut_entry {
    int32_t gain;
    uint32_t row;
} cg_cut_entry;

typedef struct cg_cut_queue {
    cg_cut_entry
        *entries;     /* [rows], the first count in use; gain of i <= that of (i - 1) / 2 */
    uint32_t *places; /* [rows]: index + 1 in entries, 0: absent */
    uint32_t count;
    uint32_t rows;
} cg_cut_queue;

cg_status cg_cut_queue_init(cg_cut_queue *queue, uint32_t rows, const cg_allocator *allocator,
                            cg_error *error);
void cg_cut_queue_deinit(cg_cut_queue *queue, const cg_allocator *allocator);
void cg_cut_queue_clear(cg_cut_queue *queue); /* linear in count */

static inline bool cg_cut_queue_has(const cg_cut_queue *queue, uint32_t row) {
    return queue->places[row] != 0;
}
static inline int32_t cg_cut_queue_gain(const cg_cut_queue *queue, uint32_t row) { /* held */
    return queue->entries[queue->places[row] - 1].gain;
}
/* Puts a row in, or changes its gain. */
void cg_cut_queue_set(cg_cut_queue *queue, uint32_t row, int32_t gain);
cg_cut_entry cg_cut_queue_pop(cg_cut_queue *queue); /* count > 0 */

#endif
