/* Sorting keys: insertion sort for the short lists that pruning makes by the thousand, heapsort
 * (no extra memory, no bad case) for long ones. Keys of different rows differ, so stability
 * does not matter. */
#include "engine/index/candidates.h"

enum { INSERTION_SORT_MAX = 64 };

static void insertion_sort(uint64_t *keys, size_t count) {
    for (size_t i = 1; i < count; i++) {
        uint64_t key = keys[i];
        size_t place = i;
        while (place > 0 && keys[place - 1] > key) {
            keys[place] = keys[place - 1];
            place--;
        }
        keys[place] = key;
    }
}

static void sift_down(uint64_t *keys, size_t place, size_t count, uint64_t key) {
    for (size_t child = 2 * place + 1; child < count; child = 2 * place + 1) {
        if (child + 1 < count && keys[child + 1] > keys[child]) {
            child++;
        }
        if (keys[child] <= key) {
            break;
        }
        keys[place] = keys[child];
        place = child;
    }
    keys[place] = key;
}

void cg_keys_sort(uint64_t *keys, size_t count) {
    if (count <= INSERTION_SORT_MAX) {
        insertion_sort(keys, count);
        return;
    }
    for (size_t i = count / 2; i > 0; i--) {
        sift_down(keys, i - 1, count, keys[i - 1]);
    }
    for (size_t last = count - 1; last > 0; last--) {
        uint64_t key = keys[last];
        keys[last] = keys[0];
        sift_down(keys, 0, last, key);
    }
}

static void sift_up(uint64_t *keys, size_t place, uint64_t key) {
    while (place > 0 && keys[(place - 1) / 2] < key) {
        keys[place] = keys[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    keys[place] = key;
}

uint32_t cg_keys_keep_nearest(uint64_t *heap, uint32_t held, uint32_t k, uint64_t key) {
    if (held < k) {
        sift_up(heap, held, key);
        return held + 1;
    }
    if (key < heap[0]) {
        sift_down(heap, 0, held, key);
    }
    return held;
}
