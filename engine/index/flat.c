/* The exact search: every row that may be found is compared with the query, a block at a time.
 *
 * The k best so far are a binary heap with the worst on top, so a row that is no better costs
 * one comparison, and k may be as large as the index: O(n (dims + log k)). At the end the heap
 * is sorted.
 */
#include "engine/index/index_internal.h"

/* Rows of a word of bits that may be found. */
static uint64_t allowed_word(const cg_index *index, const cg_row_set *set, uint32_t word,
                             uint32_t row_limit) {
    uint64_t bits = set ? set->bits[word] : UINT64_MAX;
    if (index->removed) {
        bits &= ~atomic_load_explicit(&index->removed[word], memory_order_relaxed);
    }
    uint32_t left = row_limit - word * 64;
    return left < 64 ? bits & ((UINT64_C(1) << left) - 1) : bits;
}

/* A walk over the rows that may be found, a word of bits at a time. */
typedef struct row_walk {
    uint64_t bits; /* of the word under way, those not met yet */
    uint32_t word; /* the next one */
} row_walk;

/* Up to a block's worth of them; 0 at the end. */
static uint32_t next_block(const cg_index *index, const cg_row_set *set, uint32_t row_limit,
                           row_walk *walk, uint32_t *rows) {
    const uint32_t words = (row_limit + 63) / 64;
    uint32_t count = 0;
    while (count < CG_INDEX_BLOCK_ROWS && (walk->bits || walk->word < words)) {
        if (!walk->bits) {
            walk->bits = allowed_word(index, set, walk->word++, row_limit);
            continue;
        }
        rows[count++] = (walk->word - 1) * 64 + cg_lowest_bit(walk->bits);
        walk->bits &= walk->bits - 1;
    }
    cg_index_prefetch(index, rows, count);
    return count;
}

uint32_t cg_flat_search(const cg_index *index, const cg_probe *probe, uint32_t k,
                        const cg_row_set *set, cg_index_scratch *scratch, cg_work *work) {
    uint64_t *heap = scratch->keys;
    uint32_t row_limit = probe->view.row_limit;
    row_limit = set && set->row_limit < row_limit ? set->row_limit : row_limit;
    uint32_t held = 0;
    row_walk walk = {0};
    uint32_t rows[CG_INDEX_BLOCK_ROWS];
    for (uint32_t count; (count = next_block(index, set, row_limit, &walk, rows)) > 0;) {
        uint64_t keys[CG_INDEX_BLOCK_ROWS];
        cg_index_keys(index, probe, rows, count, keys, work);
        for (uint32_t i = 0; i < count; i++) {
            held = cg_keys_keep_nearest(heap, held, k, keys[i]);
        }
    }
    cg_keys_sort(heap, held);
    return held;
}
