/* The exact search: every row that may be found is compared with the query, a block at a time.
 *
 * The k best so far are a binary heap with the worst on top, so a row that is no better costs
 * one comparison, and k may be as large as the index: O(n (dims + log k)). At the end the heap
 * is sorted.
 */
#include "engine/index/index_internal.h"

/* Rows are asked for while others are compared: the memory of so many at a time, so far ahead. */
enum { ROWS_AT_ONCE = 16, ROWS_AHEAD = 32 };

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

/* A walk over the rows that may be found: over the set's list where it has one, else a word of
 * bits at a time. */
typedef struct row_walk {
    const cg_index *index;
    const cg_row_set *set;
    uint32_t row_limit;
    uint32_t next; /* place in the list, or word of bits */
    uint64_t bits; /* of the word under way, those not met yet */
} row_walk;

static uint32_t next_of_list(row_walk *walk, uint32_t *rows) {
    const cg_row_set *set = walk->set;
    uint32_t count = 0;
    for (; count < CG_INDEX_BLOCK_ROWS && walk->next < set->count; walk->next++) {
        rows[count] = set->rows[walk->next];
        count += !cg_index_is_removed(walk->index, rows[count]);
    }
    return count;
}

static uint32_t next_of_bits(row_walk *walk, uint32_t *rows) {
    const uint32_t words = (walk->row_limit + 63) / 64;
    uint32_t count = 0;
    while (count < CG_INDEX_BLOCK_ROWS && (walk->bits || walk->next < words)) {
        if (!walk->bits) {
            walk->bits = allowed_word(walk->index, walk->set, walk->next++, walk->row_limit);
            continue;
        }
        rows[count++] = (walk->next - 1) * 64 + cg_lowest_bit(walk->bits);
        walk->bits &= walk->bits - 1;
    }
    return count;
}

/* Up to a block's worth of rows; 0 at the end. */
static uint32_t next_block(row_walk *walk, uint32_t *rows) {
    return walk->set && walk->set->rows ? next_of_list(walk, rows) : next_of_bits(walk, rows);
}

static uint32_t least(uint32_t left, uint32_t right) {
    return left < right ? left : right;
}

uint32_t cg_flat_search(const cg_index *index, const cg_probe *probe, uint32_t k,
                        const cg_row_set *set, cg_index_scratch *scratch, cg_work *work) {
    row_walk walk = {.index = index, .set = set, .row_limit = probe->view.row_limit};
    walk.row_limit = set ? least(set->row_limit, walk.row_limit) : walk.row_limit;
    uint32_t rows[CG_INDEX_BLOCK_ROWS];
    uint32_t held = 0;
    for (uint32_t count; (count = next_block(&walk, rows)) > 0;) {
        cg_index_prefetch(index, rows, least(count, ROWS_AHEAD));
        for (uint32_t first = 0; first < count; first += ROWS_AT_ONCE) {
            uint64_t keys[ROWS_AT_ONCE];
            uint32_t some = least(count - first, ROWS_AT_ONCE);
            uint32_t ahead = least(first + ROWS_AHEAD, count);
            cg_index_prefetch(index, rows + ahead, least(count - ahead, ROWS_AT_ONCE));
            cg_index_keys(index, probe, rows + first, some, keys, work);
            for (uint32_t i = 0; i < some; i++) {
                held = cg_keys_keep_nearest(scratch->keys, held, k, keys[i]);
            }
        }
    }
    cg_keys_sort(scratch->keys, held);
    return held;
}
