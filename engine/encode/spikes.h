/* Spike patterns in sparse form: the spikes alone, as events (spec A2).
 *
 * Dimension d has the channels 2 d (ON) and 2 d + 1 (OFF), of which at most one fires, once. A
 * pattern lists its spikes in the order of time, then channel, which is the order in which a
 * competition or a message takes them. The dense form of the same pattern is that of
 * engine/encode/ttfs.h: entry +(tick + 1) or -(tick + 1) at d.
 *
 * All memory is the caller's. Where there is `scratch`, it need not be initialised and holds
 * nothing afterwards. Sorting makes the cost O(n log n) for n spikes.
 */
#ifndef CG_ENGINE_ENCODE_SPIKES_H
#define CG_ENGINE_ENCODE_SPIKES_H

#include <stdint.h>

#include "engine/base/status.h"
#include "engine/base/work.h"
#include "engine/encode/ttfs.h"
#include "engine/fact/sparse.h"

#define CG_SPIKES_DIMS_MAX (UINT32_C(1) << 31) /* of which every channel has a number */

typedef struct cg_spike {
    uint32_t channel;
    uint32_t tick;
} cg_spike;

typedef struct cg_spikes { /* borrows the spikes */
    const cg_spike *spikes;
    uint32_t count;
} cg_spikes;

/* Is it a pattern of dims dimensions in a window? CG_ERROR_INVALID if a spike comes before the
 * one listed before it, ticks after window_ticks (which itself is in the window), or has no
 * dimension; or if a channel fires twice or both of a dimension do. scratch: [pattern.count]. */
cg_status cg_spikes_check(cg_spikes pattern, uint32_t dims, uint32_t window_ticks,
                          cg_spike *scratch, cg_error *error);

/* dense: int32_t[dims], entries as cg_ttfs_encode writes them. out: [capacity]. CG_ERROR_FULL if
 * it has more spikes than that, CG_ERROR_INVALID for more dims than CG_SPIKES_DIMS_MAX. */
cg_status cg_spikes_from_dense(const int32_t *dense, uint32_t dims, cg_spike *out,
                               uint32_t capacity, uint32_t *count, cg_error *error);

/* The other way. Refuses what cg_spikes_check refuses. scratch: [pattern.count]. */
cg_status cg_spikes_to_dense(cg_spikes pattern, uint32_t dims, uint32_t window_ticks,
                             cg_spike *scratch, int32_t *dense, cg_error *error);

/* A sparse vector as a pattern: feature f is dimension f, and the strongest weight of all fires
 * first. out: [vector.count] at least. Counted as encoding vector.count channels. Refuses what
 * cg_sparse_check refuses, and features from CG_SPIKES_DIMS_MAX on. */
cg_status cg_spikes_encode(const cg_ttfs_options *options, cg_sparse vector, cg_spike *out,
                           uint32_t *count, cg_work *work, cg_error *error);

/* What cg_ttfs_distance gives for the dense forms. Both have passed cg_spikes_check or come from
 * the functions above. scratch: [left.count + right.count]. */
uint64_t cg_spikes_distance(cg_spikes left, cg_spikes right, cg_spike *scratch,
                            uint32_t *spikes_total);

#endif
