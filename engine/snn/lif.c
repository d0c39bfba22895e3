/* Leaky integrate-and-fire competition by Euler steps in integers.
 *
 *   u' = u + floor((drive - u) / 200)
 *
 * u' and the spike test are monotone in u and in the drive, so by induction over steps a larger
 * drive never has the smaller potential, never spikes later, and never overshoots less.
 *
 * Invariant: u < drive < 2^31 plus rounding down, so nothing overflows; truncation moves a
 * first spike by less than one step as long as the drive exceeds the threshold by a millionth.
 *
 * Source: Gerstner & Kistler, "Spiking Neuron Models", 2002, eq. 4.3 and section 4.1.1; the
 * first spike takes all: Maass, Neural Computation 12, 2000.
 *
 * Known value: a drive of twice the threshold fires at tau ln 2 = 138.6 steps, here at 139.
 */
#include "engine/snn/lif.h"

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

/* Whether `left` is ahead of `right`: larger drive, then smaller id. */
static bool ahead(const uint32_t *drives, const uint32_t *ids, uint32_t left, uint32_t right) {
    if (drives[left] != drives[right]) {
        return drives[left] > drives[right];
    }
    return ids[left] < ids[right];
}

/* One step of every neuron. Returns the largest potential. */
static uint32_t step_all(const uint32_t *restrict drives, uint32_t *restrict potentials,
                         uint32_t count, int shift) {
    uint32_t largest = 0;
    if (shift < 0) {
        for (uint32_t i = 0; i < count; i++) {
            potentials[i] += ((drives[i] >> 1) - potentials[i]) / CG_LIF_TAU_STEPS;
            largest = potentials[i] > largest ? potentials[i] : largest;
        }
        return largest;
    }
    for (uint32_t i = 0; i < count; i++) {
        potentials[i] += ((drives[i] << shift) - potentials[i]) / CG_LIF_TAU_STEPS;
        largest = potentials[i] > largest ? potentials[i] : largest;
    }
    return largest;
}

/* The neuron with the largest potential, which is the largest overshoot; ties by drive and
 * id. */
static uint32_t first_of(const uint32_t *drives, const uint32_t *ids,
                         const uint32_t *potentials, uint32_t count) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++) {
        if (potentials[i] > potentials[best] ||
            (potentials[i] == potentials[best] && ahead(drives, ids, i, best))) {
            best = i;
        }
    }
    return best;
}

static uint32_t runner_up_of(const uint32_t *drives, const uint32_t *ids, uint32_t count,
                             uint32_t winner) {
    uint32_t best = winner;
    for (uint32_t i = 0; i < count; i++) {
        if (i != winner && (best == winner || ahead(drives, ids, i, best))) {
            best = i;
        }
    }
    return best;
}

cg_lif_result cg_lif_compete(const uint32_t *drives, const uint32_t *ids, uint32_t count,
                             uint32_t *potentials_scratch, cg_work *work) {
    CG_ASSERT(count >= 1);
    uint32_t largest_drive = 0;
    for (uint32_t i = 0; i < count; i++) {
        potentials_scratch[i] = 0;
        largest_drive = drives[i] > largest_drive ? drives[i] : largest_drive;
    }
    uint32_t steps = 0;
    if (largest_drive == 0) {
        steps = CG_LIF_STEPS_MAX; /* nothing moves, however long one watches */
    } else {
        int shift = shift_of(largest_drive);
        uint32_t threshold = shifted(largest_drive, shift) / 2;
        uint32_t potential = 0;
        while (steps < CG_LIF_STEPS_MAX && potential < threshold) {
            potential = step_all(drives, potentials_scratch, count, shift);
            steps++;
        }
    }
    cg_work_count(work, CG_WORK_LIF_STEP, steps, (uint64_t)steps * count);
    uint32_t winner = first_of(drives, ids, potentials_scratch, count);
    return (cg_lif_result){
        .winner = winner,
        .runner_up = runner_up_of(drives, ids, count, winner),
        .spike_step = steps,
        .steps = steps,
    };
}

uint32_t cg_lif_first_spike(uint32_t drive, uint32_t threshold) {
    if (drive <= threshold) {
        return CG_LIF_STEPS_MAX; /* the potential approaches the drive from below */
    }
    int shift = shift_of(drive);
    uint32_t scaled_drive = shifted(drive, shift);
    uint32_t scaled_threshold = shifted(threshold, shift);
    uint32_t potential = 0;
    uint32_t steps = 0;
    while (steps < CG_LIF_STEPS_MAX && potential < scaled_threshold) {
        potential += (scaled_drive - potential) / CG_LIF_TAU_STEPS;
        steps++;
    }
    return steps;
}
