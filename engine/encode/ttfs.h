/* Time-to-first-spike encoding (spec A2) and the distance between spike patterns.
 *
 * A signed feature v becomes an ON and an OFF channel; x = |v| / max|v| fires once, at
 *
 *   log (default): t = -tau ln x, tau = 20 ms scaled by one factor so that the weakest x
 *                  that fires at all (x = threshold) does so at the window's end:
 *                  tau_eff = window / -ln(threshold)
 *   linear:        t = T (1 - x)
 *   lif:           t = tau ln(x / (x - theta)), the exact latency of a leaky integrate-and-
 *                  fire neuron under constant current x with threshold theta, scaled the
 *                  same way; what would fire after the window is silent
 *
 * rounded to whole ticks of 100 ns; below the threshold it never fires. The scaling divides tau
 * out again; it is kept as the unscaled code's constant. A stronger feature never fires later
 * than a weaker one (Thorpe & Gautrais 1998; Gerstner & Kistler 2002, section 4.1).
 *
 * Ticks are exact: that of a feature is the real number above, of the real quotient x of two
 * floats and of threshold as a double, rounded to the nearest whole number, and the later one
 * when it lies in the middle (half away from zero); whether x reaches the threshold, and whether
 * lif ends in the window, is decided without rounding (lif fires if x >= threshold / (1 -
 * threshold)). Only what lies within window * 2^-96 ticks of a midpoint is taken for the middle.
 * With the defaults no two floats come nearer to one than 2^-47.4 ticks (log) and 2^-53.1 (lif)
 * without being it, found by the continued fractions of all 100,000 midpoints.
 *
 * Dense form, the one used here: int32_t spikes[dims]; 0 is silence, +(t + 1) a spike of the
 * ON channel at tick t, -(t + 1) one of the OFF channel. Flipping the sign of a feature flips
 * the sign of its entry.
 *
 * Distance: Victor & Purpura 1996 for one spike a neuron: Σ over channels of min(q |Δt|, 2)
 * where both fire, 1 where one fires; q = 1 per 2 ms. Counted in whole units of
 * 1 / CG_TTFS_UNITS, so the sum is exact.
 */
#ifndef CG_ENGINE_ENCODE_TTFS_H
#define CG_ENGINE_ENCODE_TTFS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/status.h"
#include "engine/base/work.h"

enum {
    CG_TTFS_TICK_NS = 100,
    CG_TTFS_UNITS = 20000 /* ticks in 2 ms: one unit of cost for each tick of shift */
};

typedef enum cg_ttfs_code { CG_TTFS_LOG, CG_TTFS_LINEAR, CG_TTFS_LIF } cg_ttfs_code;

typedef struct cg_ttfs_options {
    cg_ttfs_code code;
    uint32_t window_ticks;     /* 100,000 = 10 ms */
    uint32_t refractory_ticks; /* 1,000 = 100 us; the earliest a neuron could fire again */
    double threshold;          /* 0.1, in (0, 1) */
    double tau_ms;             /* 20 */
} cg_ttfs_options;

cg_ttfs_options cg_ttfs_options_default(void);
bool cg_ttfs_options_equal(const cg_ttfs_options *left, const cg_ttfs_options *right);
cg_status cg_ttfs_options_check(const cg_ttfs_options *options, cg_error *error);

/* vector: float[dims], finite. spikes: int32_t[dims]. A zero vector is silence. Returns spikes
 * fired. */
uint32_t cg_ttfs_encode(const cg_ttfs_options *options, const float *vector, uint32_t dims,
                        int32_t *spikes, cg_work *work);

/* Distance in 1 / CG_TTFS_UNITS; *spikes_total: spikes in both patterns together. */
uint64_t cg_ttfs_distance(const int32_t *left, const int32_t *right, uint32_t dims,
                          uint32_t *spikes_total);

typedef struct cg_ttfs_rows {   /* patterns wherever they lie, as cg_features_row gives them */
    const int32_t *const *rows; /* [count] of int32_t[dims] */
    uint32_t count;
    uint32_t dims;
} cg_ttfs_rows;

typedef struct cg_ttfs_distances {
    uint64_t *distances;     /* [count] */
    uint32_t *spikes_totals; /* [count] */
} cg_ttfs_distances;

/* cg_ttfs_distance of one pattern and each of many, in about half the time. */
void cg_ttfs_distance_many(const int32_t *query, cg_ttfs_rows rows, cg_ttfs_distances out);

/* 0.6 exp(-5 VPn) + 0.4 cosine, VPn = distance / spikes in both (0 when both are silent). */
double cg_ttfs_similarity(const int32_t *left, const int32_t *right, uint32_t dims,
                          double cosine, cg_work *work);

/* The same, to the bit, of one pattern and each of many. cosines, similarities: [rows.count]. */
void cg_ttfs_similarity_many(const int32_t *query, cg_ttfs_rows rows, const double *cosines,
                             double *similarities, cg_work *work);

#endif
