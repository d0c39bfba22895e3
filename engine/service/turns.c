/* Binary heap with positions: D. Knuth, "The Art of Computer Programming", volume 3, section
 * 5.2.3. Invariants: no turn is before its parent's; positions[heap[i].number] is i. */
#include "engine/service/turns.h"

static bool before(const cg_turn *a, const cg_turn *b) {
    return a->key != b->key ? cg_turns_key_before(a->key, b->key) : a->tie < b->tie;
}

cg_status cg_turns_reserve(cg_turns *turns, const cg_allocator *allocator, size_t count,
                           cg_error *error) {
    return CG_GROW(allocator, turns->heap, turns->capacity, count, error);
}

void cg_turns_deinit(cg_turns *turns, const cg_allocator *allocator) {
    cg_deallocate(allocator, turns->heap, turns->capacity, sizeof *turns->heap);
    *turns = (cg_turns){0};
}

static void place(cg_turns *turns, uint32_t *positions, size_t at, cg_turn turn) {
    turns->heap[at] = turn;
    positions[turn.number] = (uint32_t)at;
}

static void sift_up(cg_turns *turns, uint32_t *positions, size_t at, cg_turn turn) {
    while (at > 0 && before(&turn, &turns->heap[(at - 1) / 2])) {
        place(turns, positions, at, turns->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(turns, positions, at, turn);
}

static void sift_down(cg_turns *turns, uint32_t *positions, size_t at, cg_turn turn) {
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < turns->count && before(&turns->heap[child + 1], &turns->heap[child])) {
            child++;
        }
        if (child >= turns->count || !before(&turns->heap[child], &turn)) {
            place(turns, positions, at, turn);
            return;
        }
        place(turns, positions, at, turns->heap[child]);
        at = child;
    }
}

void cg_turns_push(cg_turns *turns, uint32_t *positions, cg_turn turn) {
    CG_ASSERT(turns->count < turns->capacity);
    sift_up(turns, positions, turns->count++, turn);
}

void cg_turns_remove(cg_turns *turns, uint32_t *positions, uint32_t number) {
    size_t at = positions[number];
    CG_ASSERT(at < turns->count && turns->heap[at].number == number);
    cg_turn last = turns->heap[--turns->count];
    if (at == turns->count) {
        return;
    }
    if (at > 0 && before(&last, &turns->heap[(at - 1) / 2])) {
        sift_up(turns, positions, at, last);
    } else {
        sift_down(turns, positions, at, last);
    }
}
