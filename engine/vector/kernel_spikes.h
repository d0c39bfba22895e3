/* The loop over spike patterns, written once and compiled once for each instruction set
 * (private to engine/vector). Integers only, so every compilation gives the same sum. */
#ifndef CG_ENGINE_VECTOR_KERNEL_SPIKES_H
#define CG_ENGINE_VECTOR_KERNEL_SPIKES_H

#include <stdint.h>

static inline uint32_t spike_cost(const int32_t *restrict left, const int32_t *restrict right,
                                  uint32_t dims, uint32_t unit, uint32_t *spikes) {
    int32_t most = 2 * (int32_t)unit;
    uint32_t cost = 0;
    uint32_t fired = 0;
    for (uint32_t d = 0; d < dims; d++) {
        int32_t a = left[d];
        int32_t b = right[d];
        int32_t gap = a - b; /* of two spikes of one channel: their times' difference */
        int32_t size = gap < 0 ? -gap : gap;
        int32_t moved = size < most ? size : most;
        int32_t fires = (a != 0) + (b != 0);
        int32_t both = -(fires == 2) & ~((a ^ b) >> 31); /* all ones: one channel, two spikes */
        int32_t apart = fires * (int32_t)unit;
        cost += (uint32_t)((moved & both) | (apart & ~both));
        fired += (uint32_t)fires;
    }
    *spikes += fired;
    return cost;
}

#endif
