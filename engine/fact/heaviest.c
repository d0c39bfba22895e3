/* A heap with the lightest of those kept on top, made when the room is full; then sorted as a
 * heap in place.
 */
#include "engine/fact/heaviest.h"

static bool lighter(cg_weighed left, cg_weighed right) {
    double left_size = left.weight < 0.0 ? -left.weight : left.weight;
    double right_size = right.weight < 0.0 ? -right.weight : right.weight;
    return left_size < right_size || (left_size == right_size && left.feature > right.feature);
}

static bool later(cg_weighed left, cg_weighed right) {
    return left.feature > right.feature;
}

/* Lets items[at] sink below those that come `before` it, in the heap items[count]. */
static void sink(cg_weighed *items, uint32_t count, uint32_t at,
                 bool (*before)(cg_weighed, cg_weighed)) {
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && before(items[child + 1], items[child])) {
            child++;
        }
        if (!before(items[child], items[at])) {
            return;
        }
        cg_weighed item = items[at];
        items[at] = items[child];
        items[child] = item;
        at = child;
    }
}

static void make_heap(cg_weighed *items, uint32_t count,
                      bool (*before)(cg_weighed, cg_weighed)) {
    for (uint32_t i = count / 2; i > 0; i--) {
        sink(items, count, i - 1, before);
    }
}

void cg_heaviest_offer(cg_heaviest *kept, cg_weighed item) {
    if (kept->count < CG_SPARSE_ENTRIES_MAX) {
        kept->items[kept->count++] = item;
        if (kept->count == CG_SPARSE_ENTRIES_MAX) {
            make_heap(kept->items, kept->count, lighter);
        }
    } else if (lighter(kept->items[0], item)) {
        kept->items[0] = item;
        sink(kept->items, kept->count, 0, lighter);
    }
}

void cg_heaviest_sort(cg_heaviest *kept) {
    make_heap(kept->items, kept->count, later);
    for (uint32_t left = kept->count; left > 1; left--) {
        cg_weighed last = kept->items[0];
        kept->items[0] = kept->items[left - 1];
        kept->items[left - 1] = last;
        sink(kept->items, left - 1, 0, later);
    }
}
