/* Spike-timing-dependent plasticity: the pair rule with soft bounds (spec A5; Bi & Poo 1998;
 * Song, Miller & Abbott 2000; soft bounds after Gütig et al. 2003).
 *
 *   Δt = t_post - t_pre > 0:  w += A+ (w_max - w) exp(-Δt / tau+),  A+ = 0.01,  tau+ = 16.8 ms
 *   Δt < 0:                   w -= A- (w - w_min) exp(Δt / tau-),   A- = 0.008, tau- = 33.7 ms
 *   Δt = 0: no change. Weights in [0.001, 1], 16.16 fixed point, rounded to nearest.
 */
#ifndef CG_ENGINE_SNN_STDP_H
#define CG_ENGINE_SNN_STDP_H

#include <stdint.h>

#include "engine/base/work.h"

enum { CG_STDP_WEIGHT_MIN_Q16 = 66, CG_STDP_WEIGHT_MAX_Q16 = 65536 };

/* The weight after one pair of spikes, times in ns. */
uint32_t cg_stdp_update(uint32_t weight_q16, uint64_t pre_ns, uint64_t post_ns, cg_work *work);

#endif
