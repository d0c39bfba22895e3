/* The exact search: every row that may be found is compared with the query, a block at a time.
 *
 * The k best so far are a binary heap with the worst on top, so a row that is no better costs
 * one comparison, and k may be as large as the index: O(n (dims + log k)). At the end the heap
 * is sorted.
 */
#include "engine/index/index_internal.h"

/* A block of rows that may be found, from *next on. */
static uint32_t next_block(const cg_index *index, const cg_row_set *set, uint32_t row_limit,
                           uint32_t *next, uint32_t *rows) {
    uint32_t count = 0;
    uint32_t row = *next;
    for (; row < row_limit && count < CG_INDEX_BLOCK_ROWS; row++) {
        if (set && row % 64 == 0 && set->bits[row / 64] == 0) {
            row += 63;
            continue;
        }
        if (!cg_index_is_removed(index, row) && (!set || cg_row_set_has(set, row))) {
            rows[count++] = row;
        }
    }
    *next = row;
    cg_index_prefetch(index, rows, count);
    return count;
}

uint32_t cg_flat_search(const cg_index *index, const cg_probe *probe, uint32_t k,
                        const cg_row_set *set, cg_index_scratch *scratch, cg_work *work) {
    uint64_t *heap = scratch->keys;
    uint32_t row_limit = probe->view.row_limit;
    row_limit = set && set->row_limit < row_limit ? set->row_limit : row_limit;
    uint32_t held = 0;
    for (uint32_t next = 0; next < row_limit;) {
        uint32_t rows[CG_INDEX_BLOCK_ROWS];
        uint64_t keys[CG_INDEX_BLOCK_ROWS];
        uint32_t count = next_block(index, set, row_limit, &next, rows);
        cg_index_keys(index, probe, rows, count, keys, work);
        for (uint32_t i = 0; i < count; i++) {
            held = cg_keys_keep_nearest(heap, held, k, keys[i]);
        }
    }
    cg_keys_sort(heap, held);
    return held;
}
