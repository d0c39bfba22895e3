/* Leaky integrate-and-fire competition by Euler steps in integers.
 *
 *   u' = u + floor((drive - u) / 200)
 *
 * u' and the spike test are monotone in u and in the drive, so by induction over steps a larger
 * drive never has the smaller potential, never spikes later, and never overshoots less. Hence
 * only the neurons of the largest drive can spike first; they have one potential, since all
 * start at rest; and of them the smallest id wins. So a competition looks at every neuron once,
 * for the two that are ahead, and steps one membrane. Winner, runner-up and step are those of
 * stepping every neuron, which is what the tests do instead.
 *
 * Invariant: u < drive < 2^31 plus rounding down, so nothing overflows; truncation moves a
 * first spike by less than one step as long as the drive exceeds the threshold by a millionth.
 * The divisor is a constant, so compilers multiply.
 *
 * Source: Gerstner & Kistler, "Spiking Neuron Models", 2002, eq. 4.3 and section 4.1.1; the
 * first spike takes all: Maass, Neural Computation 12, 2000.
 *
 * Known value: a drive of twice the threshold fires at tau ln 2 = 138.6 steps, here at 139.
 */
#include "engine/snn/lif.h"

#include <stddef.h>

#include "engine/base/math.h"
#include "engine/base/status.h"

enum { DRIVE_BITS = 31 };

/* The shift that brings a positive drive to 31 bits; negative for one that has 32. */
static int shift_of(uint32_t drive) {
    return DRIVE_BITS - 1 - (int)cg_log2_floor(drive);
}

static uint32_t shifted(uint32_t drive, int shift) {
    return shift >= 0 ? drive << shift : drive >> -shift;
}

/* Steps from rest until the potential is at the threshold, at most CG_LIF_STEPS_MAX. */
static uint32_t steps_to(uint32_t drive, uint32_t threshold) {
    uint32_t potential = 0;
    uint32_t steps = 0;
    while (steps < CG_LIF_STEPS_MAX && potential < threshold) {
        potential += (drive - potential) / CG_LIF_TAU_STEPS;
        steps++;
    }
    return steps;
}

/* Larger for a neuron that is ahead: larger drive, then smaller id. */
static uint64_t rank_of(uint32_t drive, uint32_t id) {
    return ((uint64_t)drive << 32) | (UINT32_MAX - id);
}

uint32_t cg_lif_winner_step(uint32_t largest_drive, cg_work *work) {
    if (largest_drive == 0) {
        return CG_LIF_STEPS_MAX; /* nothing moves, however long one watches */
    }
    uint32_t drive = shifted(largest_drive, shift_of(largest_drive));
    uint32_t steps = steps_to(drive, drive / 2);
    cg_work_count(work, CG_WORK_LIF_STEP, steps, steps);
    return steps;
}

cg_lif_result cg_lif_compete(const uint32_t *drives, const uint32_t *ids, uint32_t count,
                             cg_work *work) {
    CG_ASSERT(count >= 1);
    uint32_t winner = 0;
    uint32_t runner_up = 0;
    uint64_t first = rank_of(drives[0], ids[0]);
    uint64_t second = 0;
    for (uint32_t i = 1; i < count; i++) {
        uint64_t rank = rank_of(drives[i], ids[i]);
        if (rank <= second && runner_up != winner) {
            continue;
        }
        if (rank > first) {
            runner_up = winner;
            second = first;
            winner = i;
            first = rank;
        } else {
            runner_up = i;
            second = rank;
        }
    }
    cg_work_count(work, CG_WORK_LIF_STEP, 1, count);
    uint32_t steps = cg_lif_winner_step(drives[winner], work);
    return (cg_lif_result){
        .winner = winner,
        .runner_up = runner_up,
        .spike_step = steps,
        .steps = steps,
    };
}

uint32_t cg_lif_first_spike(uint32_t drive, uint32_t threshold) {
    if (drive <= threshold) {
        return CG_LIF_STEPS_MAX; /* the potential approaches the drive from below */
    }
    int shift = shift_of(drive);
    return steps_to(shifted(drive, shift), shifted(threshold, shift));
}
