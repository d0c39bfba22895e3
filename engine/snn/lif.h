/* Leaky integrate-and-fire neurons in integers, and winner-take-all (spec A4).
 *
 * Each step of CG_LIF_STEP_NS, by Euler on tau du/dt = -u + R I (Gerstner & Kistler 2002,
 * eq. 4.3):
 *
 *   u += (drive - u) / tau;  spike when u >= threshold
 *
 * The first spike in closed form, with which the steps must agree (tests):
 *
 *   t = tau ln(drive / (drive - threshold))
 *
 * Drives and thresholds are 32-bit integers in one unit, which is the caller's choice: only
 * their ratios matter. Inside, the largest drive is shifted to 31 bits and u has that scale.
 *
 * Hard mode: one neuron per candidate, driven by its vote normalised over all candidates. The
 * first spike inhibits all others. Spikes within one step are ordered by the overshoot
 * u - threshold, then the larger drive, then the smaller id; so the winner is the candidate
 * with the largest drive whatever the step, and ties fall to the smaller id.
 */
#ifndef CG_ENGINE_SNN_LIF_H
#define CG_ENGINE_SNN_LIF_H

#include <stdint.h>

#include "engine/base/work.h"

enum { CG_LIF_STEP_NS = 10000, CG_LIF_TAU_STEPS = 200, CG_LIF_STEPS_MAX = 4000 };

typedef struct cg_lif_result {
    uint32_t winner;     /* index into drives */
    uint32_t runner_up;  /* of the second-largest drive; the winner when there is one neuron */
    uint32_t spike_step; /* step of the winner's spike */
    uint32_t steps;      /* steps simulated */
} cg_lif_result;

/* drives[count] in any one unit, ids[count] for ties, count >= 1; potentials_scratch:
 * uint32_t[count], may hold anything. The threshold is half the largest drive. Stops at the
 * first spike, or after CG_LIF_STEPS_MAX steps (then the largest drive wins); drives that are
 * all zero never spike. */
cg_lif_result cg_lif_compete(const uint32_t *drives, const uint32_t *ids, uint32_t count,
                             uint32_t *potentials_scratch, cg_work *work);

/* Step (the first is 1) of the first spike of a neuron that starts at rest under a constant
 * drive, in the threshold's unit; CG_LIF_STEPS_MAX when it has not fired by then. */
uint32_t cg_lif_first_spike(uint32_t drive, uint32_t threshold);

#endif
