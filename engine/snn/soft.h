/* Soft competition: lateral inhibition by distance (spec A4).
 *
 * Neurons sit at whole positions on a line: the rank of a candidate, its distance in the graph,
 * whatever the caller passes. Each is driven by its share of the largest drive, d in [0, 1], and
 * inhibited by the activity of the others, the nearer the more:
 *
 *   u_i  = d_i - gain Σ_(j != i) K(|x_i - x_j|) a_j,   K(x) = exp(-x² / 2 sigma²)
 *   a_i' = max(0, a_i + eta (u_i - a_i)),              from rest, a = 0
 *
 * which is the leaky membrane of engine/snn/lif.h with its inhibition, floored at rest. The
 * steady state is a_i = max(0, u_i), the equations of Hartline & Ratliff, J. Gen. Physiol. 41,
 * 1958, for the eye of Limulus, with threshold 0; inhibition by Gaussian distance as in the
 * fields of Amari, Biol. Cybernetics 27, 1977, without their excitation of near neighbours.
 * K counts as 0 where it is below 2^-32.
 *
 * What holds, after any number of steps:
 *
 *   Same place, same order. Of two neurons at one position the one with the larger drive has the
 *   larger activity, or both have the same. To the bit. In the steady state their distance has
 *   grown by 1 / (1 - gain) where both are active.
 *
 *   The largest stays the largest, when `keeps_winner` is set: no neuron with a smaller drive is
 *   more active than the first neuron of the largest drive. Without it, a crowd may silence its
 *   own best, and a neuron that sits alone may come out first. Where that happens the gain is
 *   halved and all settle anew, until it does not; at the latest at 15/16 (the rest is for
 *   rounding) of the gain under which it cannot happen (proof in soft.c), which is the least of
 *
 *     (d_w - d_i) / Σ_(j != w, i) max(0, K(x_w - x_j) - K(x_i - x_j)) d_j   over all i
 *
 *   Neurons at other positions whose drive ties with the winner's are free: they may be more
 *   active than it. Where all drives are at one position there is nothing to lower.
 *
 *   It settles: gain is at most 0.99, where the steady state is unique and every start leads
 *   there.
 *
 * Hard mode decides; this explains how contested the decision was.
 */
#ifndef CG_ENGINE_SNN_SOFT_H
#define CG_ENGINE_SNN_SOFT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/base/work.h"

enum {
    CG_SOFT_COUNT_MAX = 1 << 20,  /* neurons */
    CG_SOFT_EXTENT_MAX = 1 << 20, /* positions */
    CG_SOFT_STEPS_MAX = 1 << 20,
    CG_SOFT_TRIES_MAX = 10
};

typedef struct cg_soft_options {
    double gain;        /* 0.5; 0 .. 0.99 */
    double sigma;       /* 4 positions; above 0, at most 256 */
    double tolerance;   /* 1e-6; above 0, below 1 */
    uint32_t steps_max; /* 2,000; 1 .. CG_SOFT_STEPS_MAX */
    bool keeps_winner;  /* true */
} cg_soft_options;

typedef struct cg_soft_result {
    uint32_t winner; /* index of the largest activity; ties: larger drive, then smaller index */
    uint32_t active; /* neurons above 0 */
    uint32_t steps;  /* steps taken, in the last try */
    uint32_t tries;  /* gains tried: 1, or more to keep the winner */
    bool converged;  /* the residual is within the tolerance */
    double residual; /* largest |a_i - max(0, u_i)| */
    double gain;     /* the gain that was used */
    double contrast; /* the winner's share of the total activity; 0 when all is silent */
} cg_soft_result;

cg_soft_options cg_soft_options_default(void);
/* CG_ERROR_INVALID names the option. */
cg_status cg_soft_options_check(const cg_soft_options *options, cg_error *error);

/* The kernel, and scratch for positions below `extent` (1 .. CG_SOFT_EXTENT_MAX). One for each
 * thread. 25 * extent + 160 * sigma bytes. */
typedef struct cg_soft cg_soft;
cg_status cg_soft_alloc(const cg_soft_options *options, uint32_t extent, cg_allocator allocator,
                        cg_soft **out, cg_error *error);
void cg_soft_free(cg_soft *soft); /* NULL is fine */

/* Runs to convergence or steps_max. drives[count] in any unit; positions[count], each below the
 * extent, or NULL: neuron i sits at i. count: 1 .. CG_SOFT_COUNT_MAX. activity: double[count],
 * in shares of the largest drive. Deterministic to the bit; nothing is allocated.
 *
 * Cost: a step is O(count + last position in use + 7 sigma * positions in use); steps grow
 * with the crowd within sigma, and with 1 / (1 - gain). Counts an operation a step, on count
 * neurons, in every try. */
cg_soft_result cg_soft_settle(cg_soft *soft, const uint32_t *drives, const uint32_t *positions,
                              uint32_t count, double *activity, cg_work *work);

#endif
