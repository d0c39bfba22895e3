/* The pair rule of spike-timing-dependent plasticity, with soft bounds.
 *
 * Equation: see the header. A weight moves towards the bound it is pushed to by a share of what
 * is left, so it never passes it; w_min and w_max are 0.001 and 1 in 16.16 fixed point.
 *
 * Invariant: potentiation never lowers a weight and depression never raises one.
 *
 * Source: Bi & Poo, J. Neuroscience 18, 1998 (the two windows); Song, Miller & Abbott, Nature
 * Neuroscience 3, 2000 (the rule); Guetig et al., J. Neuroscience 23, 2003 (soft bounds).
 *
 * Known value: w = 0.5 and a post spike 16.8 ms after the pre spike: w rises by
 * 0.01 * 0.5 / e = 0.00183940, which is 120.55 units of 2^-16: 32768 becomes 32889.
 */
#include "engine/snn/stdp.h"

#include "engine/base/math.h"

static const double potentiation = 0.01;
static const double depression = 0.008;
static const double potentiation_tau_ns = 16.8e6;
static const double depression_tau_ns = 33.7e6;

uint32_t cg_stdp_update(uint32_t weight_q16, uint64_t pre_ns, uint64_t post_ns, cg_work *work) {
    cg_work_count(work, CG_WORK_STDP_UPDATE, 1, 1);
    double weight = (double)weight_q16;
    double moved = weight;
    if (post_ns > pre_ns) {
        double decay = cg_exp(-(double)(post_ns - pre_ns) / potentiation_tau_ns);
        moved = weight + potentiation * ((double)CG_STDP_WEIGHT_MAX_Q16 - weight) * decay;
    } else if (post_ns < pre_ns) {
        double decay = cg_exp(-(double)(pre_ns - post_ns) / depression_tau_ns);
        moved = weight - depression * (weight - (double)CG_STDP_WEIGHT_MIN_Q16) * decay;
    }
    if (moved <= (double)CG_STDP_WEIGHT_MIN_Q16) {
        return CG_STDP_WEIGHT_MIN_Q16;
    }
    if (moved >= (double)CG_STDP_WEIGHT_MAX_Q16) {
        return CG_STDP_WEIGHT_MAX_Q16;
    }
    return (uint32_t)(moved + 0.5);
}
