/* The nearest so far, as a sorted bounded array of keys (private to engine/index).
 *
 * A key is (distance, row) in one word, so that the order of results, ties included, is one
 * comparison. The lowest bit is free for a mark of the search ("expanded"), since it cannot
 * change the order of two different rows.
 */
#ifndef CG_ENGINE_INDEX_CANDIDATES_H
#define CG_ENGINE_INDEX_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Ascending, in place, without further memory. */
void cg_keys_sort(uint64_t *keys, size_t count);
/* Offers a key to the k smallest so far, a heap with the largest on top. Returns how many are
 * held. */
uint32_t cg_keys_keep_nearest(uint64_t *heap, uint32_t held, uint32_t k, uint64_t key);

/* The best `limit` keys so far, ascending. limit >= 1. */
typedef struct cg_candidates {
    uint64_t *keys;
    uint32_t count;
    uint32_t limit;
} cg_candidates;

/* Inserts in order, dropping the last when full. Returns the position, or the limit when not
 * taken. */
static inline uint32_t cg_candidates_insert(cg_candidates *candidates, uint64_t key) {
    if (candidates->count == candidates->limit) {
        if (key >= candidates->keys[candidates->count - 1]) {
            return candidates->limit;
        }
        candidates->count--;
    }
    uint32_t first = 0;
    uint32_t left = candidates->count;
    while (left > 0) {
        uint32_t half = (left + 1) / 2;
        /* A product, not a choice: this branch would be mispredicted every other time. */
        first += half * (candidates->keys[first + half - 1] < key);
        left -= half;
    }
    memmove(candidates->keys + first + 1, candidates->keys + first,
            (candidates->count - first) * sizeof *candidates->keys);
    candidates->keys[first] = key;
    candidates->count++;
    return first;
}

/* Inserts `count` ascending keys in one pass from the back. Returns the place of the first one
 * taken, or the limit when none is. */
static inline uint32_t cg_candidates_merge(cg_candidates *candidates, const uint64_t *added,
                                           uint32_t count) {
    uint64_t *keys = candidates->keys;
    uint32_t old_left = candidates->count;
    uint32_t new_left = count;
    while (old_left + new_left > candidates->limit) { /* the last of all does not fit */
        bool is_new =
            old_left == 0 || (new_left > 0 && added[new_left - 1] > keys[old_left - 1]);
        new_left -= is_new;
        old_left -= !is_new;
    }
    candidates->count = old_left + new_left;
    if (new_left == 0) {
        return candidates->limit;
    }
    uint32_t place = candidates->count;
    while (new_left > 0) {
        uint64_t key = added[--new_left];
        while (old_left > 0 && keys[old_left - 1] > key) {
            keys[--place] = keys[--old_left];
        }
        keys[--place] = key;
    }
    return place;
}

/* Those of `count` keys that a full array would still take, to the front and ascending. Whether
 * one is taken is not branched on. */
static inline uint32_t cg_candidates_keep_better(const cg_candidates *candidates,
                                                 uint64_t *keys, uint32_t count) {
    const bool is_full = candidates->count == candidates->limit;
    const uint64_t bound = is_full ? candidates->keys[candidates->count - 1] : UINT64_MAX;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t key = keys[i];
        keys[kept] = key;
        kept += key < bound;
    }
    cg_keys_sort(keys, kept);
    return kept;
}

/* The first candidate from `cursor` on that is not expanded, or the count. */
static inline uint32_t cg_candidates_next(const cg_candidates *candidates, uint32_t cursor) {
    while (cursor < candidates->count && (candidates->keys[cursor] & 1u)) {
        cursor++;
    }
    return cursor;
}

#endif
