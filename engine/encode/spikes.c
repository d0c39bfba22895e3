/* Sparse spike patterns: heap sort of spikes by either of two keys, and merges.
 *
 * Each spike is one number of 64 bits per order: tick and channel for the order of the pattern,
 * channel and tick to bring spikes of one dimension together. The numbers of a pattern are
 * distinct, so the order is total, whatever the sort.
 *
 * Heap sort: Williams, "Algorithm 232", CACM 7, 1964, with Floyd's construction ("Algorithm
 * 245", CACM 7, 1964); in place, and never slower than n log n. Distance: Victor & Purpura 1996,
 * as in ttfs.c.
 *
 * Known value: {0: 5, 3: 7} and {3: 17, 0: 25} (channel: tick) lie 20 + 10 apart; {0: 5} and
 * {1: 5} two units, since the channels differ.
 */
#include "engine/encode/spikes.h"

#include <stdbool.h>
#include <string.h>

typedef enum spike_order { BY_TIME, BY_CHANNEL } spike_order;

static inline uint64_t key_of(cg_spike spike, spike_order order) {
    return order == BY_TIME ? (uint64_t)spike.tick << 32 | spike.channel
                            : (uint64_t)spike.channel << 32 | spike.tick;
}

/* Lets `spike` sink from `at` in the heap of `count`, the largest key on top. */
static inline void sink(cg_spike *heap, size_t at, size_t count, cg_spike spike,
                        spike_order order) {
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count) {
            break;
        }
        if (child + 1 < count && key_of(heap[child + 1], order) > key_of(heap[child], order)) {
            child++;
        }
        if (key_of(heap[child], order) <= key_of(spike, order)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = spike;
}

static inline void sort(cg_spike *spikes, size_t count, spike_order order) {
    for (size_t at = count / 2; at > 0; at--) {
        sink(spikes, at - 1, count, spikes[at - 1], order);
    }
    for (size_t left = count; left > 1; left--) {
        cg_spike last = spikes[left - 1];
        spikes[left - 1] = spikes[0];
        sink(spikes, 0, left - 1, last, order);
    }
}

static void copy_by_channel(cg_spikes pattern, cg_spike *out) {
    if (pattern.count > 0) {
        memcpy(out, pattern.spikes, pattern.count * sizeof *out);
        sort(out, pattern.count, BY_CHANNEL);
    }
}

static cg_status check_each(cg_spikes pattern, uint32_t dims, uint32_t window_ticks,
                            cg_error *error) {
    for (uint32_t i = 0; i < pattern.count; i++) {
        cg_spike spike = pattern.spikes[i];
        if (spike.tick > window_ticks) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "spike %u is at tick %u, after the window of %u ticks", i,
                                spike.tick, window_ticks);
        }
        if (spike.channel / 2 >= dims) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "spike %u is on channel %u; %u dimensions have %llu channels",
                                i, spike.channel, dims, 2ull * dims);
        }
        if (i > 0 && key_of(spike, BY_TIME) < key_of(pattern.spikes[i - 1], BY_TIME)) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "spike %u (tick %u, channel %u) is listed after a later one; "
                                "the order is that of ticks, then channels",
                                i, spike.tick, spike.channel);
        }
    }
    return CG_OK;
}

cg_status cg_spikes_check(cg_spikes pattern, uint32_t dims, uint32_t window_ticks,
                          cg_spike *scratch, cg_error *error) {
    cg_status status = check_each(pattern, dims, window_ticks, error);
    if (status != CG_OK) {
        return status;
    }
    copy_by_channel(pattern, scratch);
    for (uint32_t i = 1; i < pattern.count; i++) {
        uint32_t channel = scratch[i].channel;
        if (channel == scratch[i - 1].channel) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "channel %u fires at ticks %u and %u; it can fire once only",
                                channel, scratch[i - 1].tick, scratch[i].tick);
        }
        if (channel / 2 == scratch[i - 1].channel / 2) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "both channels of dimension %u fire; only one of ON and OFF "
                                "can",
                                channel / 2);
        }
    }
    return CG_OK;
}

cg_status cg_spikes_from_dense(const int32_t *dense, uint32_t dims, cg_spike *out,
                               uint32_t capacity, uint32_t *count, cg_error *error) {
    if (dims > CG_SPIKES_DIMS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a spike pattern has %u dimensions; at most %u have channels", dims,
                            CG_SPIKES_DIMS_MAX);
    }
    uint32_t fired = 0;
    for (uint32_t d = 0; d < dims; d++) {
        fired += dense[d] != 0;
    }
    if (fired > capacity) {
        return cg_error_set(error, CG_ERROR_FULL,
                            "a pattern of %u spikes does not fit in room for %u", fired,
                            capacity);
    }
    uint32_t next = 0;
    for (uint32_t d = 0; d < dims; d++) {
        if (dense[d] != 0) {
            bool is_off = dense[d] < 0;
            uint32_t size = is_off ? 0 - (uint32_t)dense[d] : (uint32_t)dense[d];
            out[next++] = (cg_spike){2 * d + is_off, size - 1};
        }
    }
    sort(out, fired, BY_TIME);
    *count = fired;
    return CG_OK;
}

cg_status cg_spikes_to_dense(cg_spikes pattern, uint32_t dims, uint32_t window_ticks,
                             cg_spike *scratch, int32_t *dense, cg_error *error) {
    if (window_ticks >= INT32_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the window is %u ticks; dense entries hold fewer than %d",
                            window_ticks, INT32_MAX);
    }
    cg_status status = cg_spikes_check(pattern, dims, window_ticks, scratch, error);
    if (status != CG_OK) {
        return status;
    }
    for (uint32_t d = 0; d < dims; d++) {
        dense[d] = 0;
    }
    for (uint32_t i = 0; i < pattern.count; i++) {
        int32_t entry = (int32_t)pattern.spikes[i].tick + 1;
        uint32_t channel = pattern.spikes[i].channel;
        dense[channel / 2] = channel % 2 ? -entry : entry;
    }
    return CG_OK;
}

cg_status cg_spikes_encode(const cg_ttfs_options *options, cg_sparse vector, cg_spike *out,
                           uint32_t *count, cg_work *work, cg_error *error) {
    cg_status status = cg_sparse_check(vector, "the vector to encode as spikes", error);
    if (status != CG_OK) {
        return status;
    }
    if (vector.count > 0 && vector.features[vector.count - 1] >= CG_SPIKES_DIMS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "feature %u has no spike channels; features must be below %u",
                            vector.features[vector.count - 1], CG_SPIKES_DIMS_MAX);
    }
    int32_t entries[CG_SPARSE_ENTRIES_MAX];
    uint32_t fired = cg_ttfs_encode(options, vector.weights, vector.count, entries, work);
    uint32_t next = 0;
    for (uint32_t i = 0; i < vector.count; i++) {
        if (entries[i] != 0) {
            bool is_off = entries[i] < 0;
            uint32_t tick = (uint32_t)(is_off ? -entries[i] : entries[i]) - 1;
            out[next++] = (cg_spike){2 * vector.features[i] + is_off, tick};
        }
    }
    sort(out, fired, BY_TIME);
    *count = fired;
    return CG_OK;
}

uint64_t cg_spikes_distance(cg_spikes left, cg_spikes right, cg_spike *scratch,
                            uint32_t *spikes_total) {
    cg_spike *a = scratch;
    cg_spike *b = scratch + left.count;
    copy_by_channel(left, a);
    copy_by_channel(right, b);
    uint64_t cost = 0;
    uint32_t i = 0;
    uint32_t j = 0;
    while (i < left.count && j < right.count) {
        bool is_left_alone = a[i].channel < b[j].channel;
        if (a[i].channel != b[j].channel) {
            i += is_left_alone;
            j += !is_left_alone;
            cost += CG_TTFS_UNITS;
            continue;
        }
        uint32_t gap = a[i].tick > b[j].tick ? a[i].tick - b[j].tick : b[j].tick - a[i].tick;
        cost += gap < 2 * CG_TTFS_UNITS ? gap : 2 * CG_TTFS_UNITS;
        i++;
        j++;
    }
    cost += (uint64_t)(left.count - i + (right.count - j)) * CG_TTFS_UNITS;
    *spikes_total = left.count + right.count;
    return cost;
}
