/* Sorting and selecting inside a decision: heapsort, in place, so neither heap memory nor an
 * adversary's quadratic case comes in. Known value: keys 1 3 3 2 rank as positions 1 2 3 0. */
#include "engine/cascade/cascade_internal.h"

static void sift_row(uint32_t *rows, uint32_t place, uint32_t count) {
    uint32_t row = rows[place];
    for (uint32_t child = 2 * place + 1; child < count; child = 2 * place + 1) {
        child += child + 1 < count && rows[child + 1] > rows[child];
        if (rows[child] <= row) {
            break;
        }
        rows[place] = rows[child];
        place = child;
    }
    rows[place] = row;
}

void cg_cascade_sort_rows(uint32_t *rows, uint32_t count) {
    for (uint32_t i = count / 2; i-- > 0;) {
        sift_row(rows, i, count);
    }
    for (uint32_t end = count; end > 1; end--) {
        uint32_t largest = rows[0];
        rows[0] = rows[end - 1];
        rows[end - 1] = largest;
        sift_row(rows, 0, end - 1);
    }
}

/* Whether position `left` comes before position `right`. */
static bool before(const uint32_t *keys, uint32_t left, uint32_t right) {
    return keys[left] > keys[right] || (keys[left] == keys[right] && left < right);
}

/* A heap with the last in order on top. */
static void sift_position(const uint32_t *keys, uint32_t *order, uint32_t place,
                          uint32_t count) {
    uint32_t position = order[place];
    for (uint32_t child = 2 * place + 1; child < count; child = 2 * place + 1) {
        child += child + 1 < count && before(keys, order[child], order[child + 1]);
        if (!before(keys, position, order[child])) {
            break;
        }
        order[place] = order[child];
        place = child;
    }
    order[place] = position;
}

void cg_cascade_rank(const uint32_t *keys, uint32_t count, uint32_t *order) {
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
    }
    for (uint32_t i = count / 2; i-- > 0;) {
        sift_position(keys, order, i, count);
    }
    for (uint32_t end = count; end > 1; end--) {
        uint32_t last = order[0];
        order[0] = order[end - 1];
        order[end - 1] = last;
        sift_position(keys, order, 0, end - 1);
    }
}

uint32_t cg_cascade_best(const uint32_t *keys, uint32_t count, uint32_t *best, uint32_t most) {
    uint32_t held = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (held == most && !before(keys, i, best[held - 1])) {
            continue;
        }
        uint32_t at = held < most ? held++ : held - 1;
        while (at > 0 && before(keys, i, best[at - 1])) {
            best[at] = best[at - 1];
            at--;
        }
        best[at] = i;
    }
    return held;
}

uint32_t cg_cascade_keeps(const cg_filter *filter, uint32_t n) {
    double wanted = filter->share * (double)n;
    uint32_t keeps = (uint32_t)wanted; /* share <= 1, so it fits */
    keeps += (double)keeps < wanted;
    keeps = keeps < filter->at_least ? filter->at_least : keeps;
    return keeps < n ? keeps : n;
}
