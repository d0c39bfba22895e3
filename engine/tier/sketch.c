/* Row r of a block is its words 2r and 2r + 1. The block is the hash's low bits, so that a
 * sketch of twice the blocks is two copies of it; the place in row r is 5 bits of the upper
 * half.
 */
#include "engine/tier/sketch.h"

enum { ROWS = 4, COUNTER_BITS = 4, WORD_COUNTERS = 16, PLACE_BITS = 5, FIRST_PLACE_BIT = 40 };

/* A key's counters: words[row] >> shifts[row], of which the lowest 4 bits count. */
typedef struct counters {
    uint32_t words[ROWS];
    uint32_t shifts[ROWS];
} counters;

static counters counters_of(uint32_t blocks, uint64_t hash) {
    counters result;
    uint32_t block = (uint32_t)hash & (blocks - 1);
    for (uint32_t row = 0; row < ROWS; row++) {
        uint32_t place = (uint32_t)(hash >> (FIRST_PLACE_BIT + row * PLACE_BITS)) & 31;
        result.words[row] = block * CG_SKETCH_BLOCK_WORDS + 2 * row + place / WORD_COUNTERS;
        result.shifts[row] = place % WORD_COUNTERS * COUNTER_BITS;
    }
    return result;
}

static uint32_t counter_at(const uint64_t *words, const counters *places, uint32_t row) {
    return (uint32_t)(words[places->words[row]] >> places->shifts[row]) & CG_SKETCH_MOST;
}

static uint32_t least_of(const uint64_t *words, const counters *places) {
    uint32_t least = CG_SKETCH_MOST;
    for (uint32_t row = 0; row < ROWS; row++) {
        uint32_t counter = counter_at(words, places, row);
        least = counter < least ? counter : least;
    }
    return least;
}

uint32_t cg_sketch_estimate(const uint64_t *words, uint32_t blocks, uint64_t hash) {
    counters places = counters_of(blocks, hash);
    return least_of(words, &places);
}

/* Without branches on what the counters are: a wrong guess would hold up what follows. */
void cg_sketch_add(uint64_t *words, uint32_t blocks, uint64_t hash) {
    counters places = counters_of(blocks, hash);
    uint32_t least = least_of(words, &places);
    for (uint32_t row = 0; row < ROWS; row++) {
        uint64_t rises = (uint32_t)(counter_at(words, &places, row) == least) &
                         (uint32_t)(least < CG_SKETCH_MOST);
        words[places.words[row]] += rises << places.shifts[row];
    }
}

void cg_sketch_halve(uint64_t *words, uint32_t blocks) {
    for (uint64_t i = 0; i < (uint64_t)blocks * CG_SKETCH_BLOCK_WORDS; i++) {
        words[i] = (words[i] >> 1) & UINT64_C(0x7777777777777777);
    }
}

static uint64_t larger_counters(uint64_t left, uint64_t right) {
    uint64_t result = 0;
    for (uint32_t shift = 0; shift < 64; shift += COUNTER_BITS) {
        uint64_t mask = (uint64_t)CG_SKETCH_MOST << shift;
        result |= (left & mask) > (right & mask) ? left & mask : right & mask;
    }
    return result;
}

void cg_sketch_copy(const uint64_t *from, uint32_t from_blocks, uint64_t *to,
                    uint32_t to_blocks) {
    uint64_t from_words = (uint64_t)from_blocks * CG_SKETCH_BLOCK_WORDS;
    uint64_t to_words = (uint64_t)to_blocks * CG_SKETCH_BLOCK_WORDS;
    uint64_t words = from_words > to_words ? from_words : to_words;
    for (uint64_t i = 0; i < words; i++) {
        uint64_t *word = &to[i % to_words];
        *word = larger_counters(*word, from[i % from_words]);
    }
}
