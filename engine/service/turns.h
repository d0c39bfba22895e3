/* Who is next: a binary min-heap of small numbers by (key, tie), from which any number can be
 * taken out (internal to engine/service).
 *
 * Keys compare in serial-number arithmetic (RFC 1982): a is before b when a - b, modulo 2^64,
 * is above 2^63. So keys may wrap around, as long as all that are in at once lie within 2^63.
 * The order is total when (key, tie) is unique.
 *
 * The owner keeps positions[number], where each of its numbers lies; a number is in one heap at
 * a time of all that share the array. O(log count) each; only cg_turns_reserve allocates.
 */
#ifndef CG_ENGINE_SERVICE_TURNS_H
#define CG_ENGINE_SERVICE_TURNS_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

typedef struct cg_turn {
    uint64_t key;
    uint64_t tie;
    uint32_t number;
} cg_turn;

typedef struct cg_turns {
    cg_turn *heap; /* heap[0] is next */
    size_t count;
    size_t capacity;
} cg_turns;

static inline bool cg_turns_key_before(uint64_t a, uint64_t b) {
    return a - b > UINT64_MAX / 2;
}

cg_status cg_turns_reserve(cg_turns *turns, const cg_allocator *allocator, size_t count,
                           cg_error *error);
void cg_turns_deinit(cg_turns *turns, const cg_allocator *allocator);
void cg_turns_push(cg_turns *turns, uint32_t *positions, cg_turn turn); /* there is room */
void cg_turns_remove(cg_turns *turns, uint32_t *positions, uint32_t number);

#endif
