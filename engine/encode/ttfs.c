/* Time-to-first-spike codes and the Victor-Purpura distance of one spike a neuron.
 *
 * Idea: the stronger a feature, the earlier its spike, so the order and the gaps of spikes
 * carry the vector. With x = |v| / max|v| and L = -ln(threshold):
 *
 *   log     t = (window / L) * -ln x             0 at x = 1, the window's end at x = threshold
 *   linear  t = window * (1 - x)
 *   lif     t = (window / L) * ln(x / (x - threshold)); silent if that is after the window
 *
 * tau scales both logarithmic codes, and the factor that fits the window divides it out again:
 * tau * (window / (tau * L)) = window / L. It remains the time constant of the unscaled code.
 *
 * Invariant: a stronger feature never fires later. Two distinct floats of one vector differ by
 * at least 2^-24 of the larger, so their logarithms differ by far more than the error of cg_log
 * (1e-15), and rounding to ticks is monotone.
 *
 * Source: Thorpe & Gautrais, "Rank order coding", 1998; Gerstner & Kistler, "Spiking Neuron
 * Models", 2002, section 4.1; the distance: Victor & Purpura, J. Neurophysiology 76, 1996, with
 * at most one spike a channel, where moving costs q |dt| and deleting plus inserting costs 2.
 *
 * Known value: x = 0.5 in a window of 100,000 ticks with threshold 0.1 fires at tick 30103
 * (log: 100000 * log10 2), 50000 (linear) and 9691 (lif: 100000 * log10 1.25).
 */
#include "engine/encode/ttfs.h"

#include "engine/base/math.h"
#include "engine/vector/kernel.h"

enum { WINDOW_TICKS_MAX = 1 << 30 };

static const double spike_share = 0.6; /* of the similarity; the cosine has the rest */
static const double cosine_share = 0.4;
static const double distance_decay = 5.0;

cg_ttfs_options cg_ttfs_options_default(void) {
    return (cg_ttfs_options){
        .code = CG_TTFS_LOG,
        .window_ticks = 100000,
        .refractory_ticks = 1000,
        .threshold = 0.1,
        .tau_ms = 20.0,
    };
}

cg_status cg_ttfs_options_check(const cg_ttfs_options *options, cg_error *error) {
    if (options->code != CG_TTFS_LOG && options->code != CG_TTFS_LINEAR &&
        options->code != CG_TTFS_LIF) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "spike code %d is not known; it must be log, linear or lif",
                            (int)options->code);
    }
    if (options->window_ticks < 1 || options->window_ticks > WINDOW_TICKS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the spike window is %u ticks; it must be 1 to %d",
                            options->window_ticks, WINDOW_TICKS_MAX);
    }
    if (options->refractory_ticks > options->window_ticks) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "the refractory time is %u ticks; it must not exceed the window, %u",
            options->refractory_ticks, options->window_ticks);
    }
    if (!(options->threshold > 0.0 && options->threshold < 1.0)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the spike threshold is %g; it must lie between 0 and 1",
                            options->threshold);
    }
    if (!(options->tau_ms > 0.0 && options->tau_ms <= 1e6)) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "the spike time constant is %g ms; it must be above 0 and at most 1e6",
            options->tau_ms);
    }
    return CG_OK;
}

/* Tick at which x in [threshold, 1] fires; more than the window means never. `scale` is
 * window / -ln(threshold). */
static double fire_ticks(const cg_ttfs_options *options, double scale, double x) {
    double window = (double)options->window_ticks;
    switch (options->code) {
    case CG_TTFS_LOG: {
        double ticks = -scale * cg_log(x);
        return ticks < window ? ticks : window; /* rounding of the scale must not silence it */
    }
    case CG_TTFS_LINEAR:
        return window * (1.0 - x);
    case CG_TTFS_LIF:
        return x > options->threshold ? scale * cg_log(x / (x - options->threshold))
                                      : window + 1.0;
    }
    return window + 1.0;
}

uint32_t cg_ttfs_encode(const cg_ttfs_options *options, const float *vector, uint32_t dims,
                        int32_t *spikes, cg_work *work) {
    cg_work_count(work, CG_WORK_SPIKE_ENCODE, 1, dims);
    double strongest = 0.0;
    for (uint32_t d = 0; d < dims; d++) {
        double magnitude = vector[d] < 0.0f ? -(double)vector[d] : (double)vector[d];
        if (magnitude > strongest) {
            strongest = magnitude;
        }
    }
    double scale = (double)options->window_ticks / -cg_log(options->threshold);
    uint32_t fired = 0;
    for (uint32_t d = 0; d < dims; d++) {
        spikes[d] = 0;
        double magnitude = vector[d] < 0.0f ? -(double)vector[d] : (double)vector[d];
        if (strongest == 0.0 || magnitude / strongest < options->threshold) {
            continue;
        }
        double ticks = fire_ticks(options, scale, magnitude / strongest);
        if (ticks > (double)options->window_ticks) {
            continue;
        }
        int32_t entry = (int32_t)(ticks + 0.5) + 1;
        spikes[d] = vector[d] < 0.0f ? -entry : entry;
        fired++;
    }
    return fired;
}

/* The kernel sums in 32 bits, which hold 100,000 channels; longer patterns come in pieces. */
uint64_t cg_ttfs_distance(const int32_t *left, const int32_t *right, uint32_t dims,
                          uint32_t *spikes_total) {
    enum { PIECE = 1 << 16 };
    const cg_kernels *kernels = cg_kernels_best();
    uint64_t cost = 0;
    *spikes_total = 0;
    for (uint32_t from = 0; from < dims; from += PIECE) {
        uint32_t piece = dims - from < PIECE ? dims - from : PIECE;
        cost += kernels->spike_cost_i32(left + from, right + from, piece, CG_TTFS_UNITS,
                                        spikes_total);
    }
    return cost;
}

double cg_ttfs_similarity(const int32_t *left, const int32_t *right, uint32_t dims,
                          double cosine, cg_work *work) {
    cg_work_count(work, CG_WORK_SPIKE_DISTANCE, 1, dims);
    uint32_t spikes = 0;
    uint64_t distance = cg_ttfs_distance(left, right, dims, &spikes);
    double normalised =
        spikes == 0 ? 0.0 : (double)distance / (double)CG_TTFS_UNITS / (double)spikes;
    return spike_share * cg_exp(-distance_decay * normalised) + cosine_share * cosine;
}
