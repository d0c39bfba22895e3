/* The exact oracle: every row is compared with the query.
 *
 * The k best so far are a binary heap with the worst on top, so a row that is no better costs
 * one comparison, and k may be as large as the index: O(n (dims + log k)). At the end the heap
 * is sorted.
 */
#include "engine/index/index_internal.h"

static void sift_down(uint64_t *heap, uint32_t count, uint64_t key) {
    uint32_t place = 0;
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child >= count) {
            break;
        }
        if (child + 1 < count && heap[child + 1] > heap[child]) {
            child++;
        }
        if (heap[child] <= key) {
            break;
        }
        heap[place] = heap[child];
        place = child;
    }
    heap[place] = key;
}

static void sift_up(uint64_t *heap, uint32_t place, uint64_t key) {
    while (place > 0 && heap[(place - 1) / 2] < key) {
        heap[place] = heap[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    heap[place] = key;
}

uint32_t cg_flat_search(const cg_index *index, const float *query, uint32_t k,
                        cg_index_scratch *scratch, cg_work *work) {
    uint64_t *heap = scratch->keys;
    uint32_t limit = k < index->count ? k : index->count;
    for (uint32_t row = 0; row < index->count; row++) {
        uint64_t key = cg_key(cg_index_distance(index, query, cg_index_row(index, row)), row);
        if (row < limit) {
            sift_up(heap, row, key);
        } else if (key < heap[0]) {
            sift_down(heap, limit, key);
        }
    }
    cg_keys_sort(heap, limit);
    cg_work_count(work, CG_WORK_DISTANCE_F32, index->count,
                  (uint64_t)index->count * index->options.dims);
    return limit;
}
