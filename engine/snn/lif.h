/* Leaky integrate-and-fire neurons in integers, and winner-take-all (spec A4).
 *
 * Each step of CG_LIF_STEP_NS: u += (drive - u) / tau (Euler on tau du/dt = -u + R I; Gerstner
 * & Kistler 2002, eq. 4.3), spike when u >= threshold. Closed form of the first spike: t = tau
 * ln(drive / (drive - threshold)), to which the steps must agree (tests). Drives and thresholds
 * come in 16.16 fixed point; only their ratios matter, so inside, the largest drive is shifted
 * to 31 bits and the potential u has that scale.
 *
 * Hard mode: one neuron per candidate, driven by its vote normalised over all candidates. The
 * first spike inhibits all others. Spikes within one step are ordered by the overshoot u -
 * threshold, then the larger drive, then the smaller id, so the winner is the candidate with
 * the largest drive whatever the step, and ties fall to the smaller id.
 */
#ifndef CG_ENGINE_SNN_LIF_H
#define CG_ENGINE_SNN_LIF_H

#include <stdint.h>

#include "engine/base/work.h"

enum { CG_LIF_STEP_NS = 10000, CG_LIF_TAU_STEPS = 200, CG_LIF_STEPS_MAX = 4000 };

typedef struct cg_lif_result {
    uint32_t winner; /* index into drives */
    uint32_t
        runner_up; /* index of the second-largest drive, or winner when there is one neuron */
    uint32_t spike_step; /* step of the winner's spike */
    uint32_t steps;      /* steps simulated */
} cg_lif_result;

/* drives_q16[count] (16.16), ids[count] for ties; count >= 1; potentials_scratch:
 * uint32_t[count], may hold anything. The threshold is half the largest drive. Stops at the
 * first spike, or after CG_LIF_STEPS_MAX steps (then the largest drive wins); all drives zero
 * never spike. */
cg_lif_result cg_lif_compete(const uint32_t *drives_q16, const uint32_t *ids, uint32_t count,
                             uint32_t *potentials_scratch, cg_work *work);

/* Step (the first is 1) of the first spike of a neuron that starts at rest under a constant
 * drive, or CG_LIF_STEPS_MAX when it has not fired by then. */
uint32_t cg_lif_first_spike(uint32_t drive_q16, uint32_t threshold_q16);

#endif
