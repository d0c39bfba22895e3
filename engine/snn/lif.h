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
 * Hard mode: one neuron per candidate, driven by its vote normalised over all candidates
 * (engine/snn/wta.h). The first spike inhibits all others. Spikes within one step are ordered by
 * the overshoot u - threshold, then the larger drive, then the smaller id; so the winner is the
 * candidate with the largest drive whatever the step, and ties fall to the smaller id.
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
    uint32_t steps;      /* steps until the competition was over */
} cg_lif_result;

/* drives[count] in any one unit, ids[count] for ties, count >= 1. The threshold is half the
 * largest drive. Stops at the first spike, or after CG_LIF_STEPS_MAX steps (then the largest
 * drive wins); drives that are all zero never spike.
 *
 * Cost: a look at every neuron, then steps of the one that can spike first. That is what `work`
 * counts: 1 + steps operations on count + steps neurons (of drives that are all zero: the look
 * alone). */
cg_lif_result cg_lif_compete(const uint32_t *drives, const uint32_t *ids, uint32_t count,
                             cg_work *work);

/* The step in which a competition ends whose largest drive is this one: of its own passage of
 * half its drive. CG_LIF_STEPS_MAX for a drive of 0. Counts an operation on one neuron for each
 * step that was computed. */
uint32_t cg_lif_winner_step(uint32_t largest_drive, cg_work *work);

/* Step (the first is 1) of the first spike of a neuron that starts at rest under a constant
 * drive, in the threshold's unit; CG_LIF_STEPS_MAX when it has not fired by then. */
uint32_t cg_lif_first_spike(uint32_t drive, uint32_t threshold);

#endif
