/* The loops over spike patterns, written once and compiled once for each instruction set
 * (private to engine/vector). Integers only, so every compilation gives the same sums.
 *
 * An axis costs what stands in engine/encode/ttfs.h: two spikes of one channel their gap, at
 * most 2 unit; else one unit for each spike. Without branches, for a query's entry a and a row's
 * entry b, from four numbers that depend on a alone:
 *
 *   towards = sign(a) b        above 0 if both are spikes of one channel; below 0, which reads as
 *                              an unsigned number above 2^30, if they are of two
 *   from    = |a|, or one unit if a = 0, when towards = 0 as well
 *   cost    = min(|from - towards|, 2 unit) as unsigned numbers where b is not 0
 *   cost    = alone = unit if a is a spike, else 0, where b is 0
 *
 * The first of the two costs is the gap if a and b are of one channel; 2 unit if they are of two,
 * since then the unsigned gap is at least 2^32 - 2 (2^30 + 1); and unit if a is silent.
 *
 * Whoever includes this may have defined, else there is the loop for one axis alone:
 *
 *   CG_KERNEL_SPIKES          as 1, and
 *   spike_wide                CG_KERNEL_SPIKES_WIDE numbers of 32 bits; a divisor of 16
 *   spike_zero()              all 0
 *   spike_sums                a struct of two spike_wide, cost and silent
 *   spike_query               what depends on a alone, and 2 unit
 *   spike_load(query, unit)   it, from int32_t query[CG_KERNEL_SPIKES_WIDE]
 *   spike_step(query, row, sums)
 *                             adds the costs to sums.cost, and to sums.silent the entries of the
 *                             row that are 0
 *   spike_add_up(wide)        the sum of them
 *   spike_add_up_four(wides, count, out)
 *                             out[r] = spike_add_up(wides[r]) for r < count <= 4
 */
#ifndef CG_ENGINE_VECTOR_KERNEL_SPIKES_H
#define CG_ENGINE_VECTOR_KERNEL_SPIKES_H

#include <stdint.h>

#include "engine/vector/kernel_sets.h"

typedef struct spike_count {
    uint32_t cost;
    uint32_t fired; /* of both */
} spike_count;

CG_KERNEL_LOOP spike_count spike_axes(const int32_t *left, const int32_t *right, uint32_t from,
                                      uint32_t dims, uint32_t unit) {
    spike_count sums = {0, 0};
    for (uint32_t d = from; d < dims; d++) {
        int32_t a = left[d];
        int32_t b = right[d];
        uint32_t sign = (uint32_t)(a >> 31);
        uint32_t towards = a == 0 ? 0 : ((uint32_t)b ^ sign) - sign;
        uint32_t start = a == 0 ? unit : ((uint32_t)a ^ sign) - sign;
        uint32_t gap = start > towards ? start - towards : towards - start;
        uint32_t moved = gap < 2 * unit ? gap : 2 * unit;
        uint32_t alone = a == 0 ? 0 : unit;
        sums.cost += b == 0 ? alone : moved;
        sums.fired += (uint32_t)(a != 0) + (uint32_t)(b != 0);
    }
    return sums;
}

#ifndef CG_KERNEL_SPIKES

CG_KERNEL_LOOP spike_count spike_pair(const int32_t *left, const int32_t *right, uint32_t dims,
                                      uint32_t unit) {
    return spike_axes(left, right, 0, dims, unit);
}

static void spike_cost_many(const int32_t *query, const cg_spike_batch *batch, uint32_t *costs,
                            uint32_t *spikes) {
    for (uint32_t i = 0; i < batch->count; i++) {
        spike_count sums = spike_pair(query, batch->rows[i], batch->dims, batch->unit);
        costs[i] = sums.cost;
        spikes[i] = sums.fired;
    }
}

#else

enum { SPIKE_BLOCK = 16 }; /* axes that are taken together: a cache line */

CG_KERNEL_LOOP uint32_t spikes_in(const int32_t *pattern, uint32_t dims) {
    uint32_t fired = 0;
    for (uint32_t d = 0; d < dims; d++) {
        fired += pattern[d] != 0;
    }
    return fired;
}

CG_KERNEL_LOOP spike_count spike_pair(const int32_t *left, const int32_t *right, uint32_t dims,
                                      uint32_t unit) {
    uint32_t whole = dims - dims % SPIKE_BLOCK;
    spike_sums sums = {spike_zero(), spike_zero()};
    for (uint32_t d = 0; d < whole; d += CG_KERNEL_SPIKES_WIDE) {
        sums = spike_step(spike_load(left + d, unit), right + d, sums);
    }
    spike_count count = spike_axes(left, right, whole, dims, unit);
    count.cost += spike_add_up(sums.cost);
    count.fired += spikes_in(left, whole) + whole - spike_add_up(sums.silent);
    return count;
}

/* Four rows, whose sums go to sums[r]; meanwhile the rows that come next are fetched. */
CG_KERNEL_LOOP void spike_group(const int32_t *query, const int32_t *const rows[4],
                                const int32_t *const next[4], const cg_spike_batch *batch,
                                uint32_t whole, spike_sums sums[4]) {
    for (uint32_t start = 0; start < whole; start += SPIKE_BLOCK) {
        for (uint32_t r = 0; r < CG_KERNEL_GROUP; r++) {
            __builtin_prefetch(next[r] + start);
        }
        for (uint32_t d = start; d < start + SPIKE_BLOCK; d += CG_KERNEL_SPIKES_WIDE) {
            spike_query part = spike_load(query + d, batch->unit);
            sums[0] = spike_step(part, rows[0] + d, sums[0]);
            sums[1] = spike_step(part, rows[1] + d, sums[1]);
            sums[2] = spike_step(part, rows[2] + d, sums[2]);
            sums[3] = spike_step(part, rows[3] + d, sums[3]);
        }
    }
}

CG_KERNEL_LOOP void spike_rows(const int32_t *query, cg_spike_batch batch, uint32_t dims,
                               uint32_t *costs, uint32_t *spikes) {
    uint32_t whole = dims - dims % SPIKE_BLOCK;
    uint32_t fired = spikes_in(query, whole) + whole;
    const int32_t *rows[CG_KERNEL_GROUP];
    const int32_t *next[CG_KERNEL_GROUP];
    for (uint32_t r = 0; r < CG_KERNEL_GROUP && batch.count > 0; r++) {
        next[r] = batch.rows[r < batch.count ? r : batch.count - 1];
    }
    for (uint32_t first = 0; first < batch.count; first += CG_KERNEL_GROUP) {
        uint32_t left = batch.count - first;
        uint32_t count = left < CG_KERNEL_GROUP ? left : CG_KERNEL_GROUP;
        for (uint32_t r = 0; r < CG_KERNEL_GROUP; r++) {
            rows[r] = next[r];
            next[r] = batch.rows[r + CG_KERNEL_GROUP < left ? first + r + CG_KERNEL_GROUP
                                                            : batch.count - 1];
        }
        spike_sums zero = {spike_zero(), spike_zero()};
        spike_sums sums[CG_KERNEL_GROUP] = {zero, zero, zero, zero};
        spike_group(query, rows, next, &batch, whole, sums);
        const spike_wide cost[4] = {sums[0].cost, sums[1].cost, sums[2].cost, sums[3].cost};
        const spike_wide silent[4] = {sums[0].silent, sums[1].silent, sums[2].silent,
                                      sums[3].silent};
        spike_add_up_four(cost, count, costs + first);
        spike_add_up_four(silent, count, spikes + first);
        for (uint32_t r = 0; r < count; r++) {
            spike_count rest = spike_axes(query, rows[r], whole, dims, batch.unit);
            costs[first + r] += rest.cost;
            spikes[first + r] = fired - spikes[first + r] + rest.fired;
        }
    }
}

static void spike_cost_many(const int32_t *query, const cg_spike_batch *batch, uint32_t *costs,
                            uint32_t *spikes) {
    if (batch->dims == CG_KERNEL_USUAL_DIMS) {
        spike_rows(query, *batch, CG_KERNEL_USUAL_DIMS, costs, spikes);
    } else {
        spike_rows(query, *batch, batch->dims, costs, spikes);
    }
}

#endif

static uint32_t spike_cost(const int32_t *left, const int32_t *right, uint32_t dims,
                           uint32_t unit, uint32_t *spikes) {
    spike_count sums = dims == CG_KERNEL_USUAL_DIMS
                           ? spike_pair(left, right, CG_KERNEL_USUAL_DIMS, unit)
                           : spike_pair(left, right, dims, unit);
    *spikes += sums.fired;
    return sums.cost;
}

#endif
