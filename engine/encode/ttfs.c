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
 * Exactness: t is computed in doubles with a bound on its error. If that leaves in doubt on which
 * side of a midpoint between two ticks it lies, arithmetic with twice the digits decides
 * (ttfs_exact.c), on about one feature in 10^9. Comparisons with the threshold are exact, by the
 * sign of a fused multiply-add.
 *
 * Invariant: a stronger feature never fires later, since rounding is monotone.
 *
 * Source: Thorpe & Gautrais, "Rank order coding", 1998; Gerstner & Kistler, "Spiking Neuron
 * Models", 2002, section 4.1; the distance: Victor & Purpura, J. Neurophysiology 76, 1996, with
 * at most one spike a channel, where moving costs q |dt| and deleting plus inserting costs 2.
 *
 * Known value: x = 0.5 in a window of 100,000 ticks with threshold 0.1 fires at tick 30103
 * (log: 100000 * log10 2), 50000 (linear) and 9691 (lif: 100000 * log10 1.25).
 */
#include "engine/encode/ttfs.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "engine/base/math.h"
#include "engine/encode/ttfs_exact.h"
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

bool cg_ttfs_options_equal(const cg_ttfs_options *left, const cg_ttfs_options *right) {
    return left->code == right->code && left->window_ticks == right->window_ticks &&
           left->refractory_ticks == right->refractory_ticks &&
           left->threshold == right->threshold && left->tau_ms == right->tau_ms;
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

/* What one vector's features share. Sizes of floats are compared as their bits, whose order as
 * whole numbers is the same. */
typedef struct coder {
    const cg_ttfs_options *options;
    double window;
    double strongest;
    uint32_t strongest_bits;
    uint32_t least_bits; /* of the smallest size that fires; if none does, a larger one */
    double scale;        /* window / -ln(threshold) */
    double slack;        /* ticks; more than twice what the time in doubles is off by */
} coder;

static uint32_t size_bits(float feature) {
    uint32_t bits;
    memcpy(&bits, &feature, sizeof bits);
    return bits & 0x7fffffffu;
}

static double size_of(uint32_t bits) {
    float size;
    memcpy(&size, &bits, sizeof size);
    return (double)size;
}

/* Is x >= threshold, and does the neuron's latency end within the window? The latter is
 * x / (x - threshold) <= 1 / threshold, that is, m >= threshold * (M + m). Exact: the fused
 * multiply-add rounds a difference only once, which keeps its sign. */
static bool does_fire(const coder *self, uint32_t bits) {
    double threshold = self->options->threshold;
    double size = size_of(bits);
    if (self->options->code != CG_TTFS_LIF) {
        return fma(threshold, self->strongest, -size) <= 0.0;
    }
    double sum = self->strongest + size;
    double lost = size - (sum - self->strongest); /* 0 but for thresholds below 2^-27 */
    return fma(threshold, sum, -size) + threshold * lost <= 0.0;
}

/* From a guess that is a step or two off. */
static uint32_t find_least(const coder *self) {
    double threshold = self->options->threshold;
    double guess = threshold * self->strongest;
    if (self->options->code == CG_TTFS_LIF) {
        guess /= 1.0 - threshold;
    }
    uint32_t bits = guess < self->strongest ? size_bits((float)guess) : self->strongest_bits;
    while (bits > 1 && does_fire(self, bits - 1)) {
        bits--;
    }
    while (bits <= self->strongest_bits && (bits == 0 || !does_fire(self, bits))) {
        bits++;
    }
    return bits;
}

static coder coder_of(const cg_ttfs_options *options, uint32_t strongest_bits) {
    double threshold = options->threshold;
    double window = (double)options->window_ticks;
    coder made = {.options = options,
                  .window = window,
                  .strongest = size_of(strongest_bits),
                  .strongest_bits = strongest_bits,
                  .scale = window / -cg_log(threshold)};
    made.least_bits = find_least(&made);
    /* x is off by 2^-53 of itself, which moves ln x by as much and ln(x / (x - threshold)) by
     * 1 / threshold as much; two logarithms, two products and the sum are relative. */
    double moved = options->code == CG_TTFS_LIF ? 1.0 / threshold + 3.0 : 1.0;
    made.slack = moved * made.scale * 3e-16 + (window + 1.0) * 4e-15;
    if (options->code == CG_TTFS_LIF && threshold < 0x1p-20) {
        made.slack = 1.0; /* x - threshold may hold no right digit */
    }
    return made;
}

static inline double time_of(const coder *self, cg_ttfs_code code, double x) {
    if (code == CG_TTFS_LINEAR) {
        return self->window * (1.0 - x);
    }
    double latency =
        code == CG_TTFS_LOG ? -cg_log(x) : cg_log(x / (x - self->options->threshold));
    return self->scale * latency;
}

/* The tick of a feature that fires. A time in doubles that is not close to a midpoint is on the
 * right side of it. */
static inline int32_t tick_of(const coder *self, cg_ttfs_code code, double size) {
    double raised = time_of(self, code, size / self->strongest) + 0.5;
    if (raised >= 0.5 && raised < self->window + 1.0) {
        int32_t tick = (int32_t)raised;
        double over = raised - (double)tick;
        if (over > self->slack && over < 1.0 - self->slack) {
            return tick;
        }
    }
    return cg_ttfs_exact_tick(self->options, size, self->strongest);
}

/* At most CHUNK features. Who fires is found out first and without a branch, since it cannot be
 * foreseen. */
enum { CHUNK = 256 };

static inline uint32_t encode_chunk(coder self, cg_ttfs_code code, const float *vector,
                                    uint32_t dims, int32_t *spikes) {
    uint32_t firing[CHUNK];
    uint32_t count = 0;
    for (uint32_t d = 0; d < dims; d++) {
        spikes[d] = 0;
        firing[count] = d;
        count += size_bits(vector[d]) >= self.least_bits;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t d = firing[i];
        int32_t entry = tick_of(&self, code, size_of(size_bits(vector[d]))) + 1;
        int32_t sign = vector[d] < 0.0f ? -1 : 1;
        spikes[d] = sign * entry;
    }
    return count;
}

uint32_t cg_ttfs_encode(const cg_ttfs_options *options, const float *vector, uint32_t dims,
                        int32_t *spikes, cg_work *work) {
    cg_work_count(work, CG_WORK_SPIKE_ENCODE, 1, dims);
    uint32_t strongest_bits = 0;
    for (uint32_t d = 0; d < dims; d++) {
        uint32_t bits = size_bits(vector[d]);
        strongest_bits = bits > strongest_bits ? bits : strongest_bits;
    }
    coder self = coder_of(options, strongest_bits);
    uint32_t fired = 0;
    for (uint64_t from = 0; from < dims; from += CHUNK) {
        uint32_t count = dims - from < CHUNK ? (uint32_t)(dims - from) : CHUNK;
        switch (options->code) { /* a loop for each */
        case CG_TTFS_LOG:
            fired += encode_chunk(self, CG_TTFS_LOG, vector + from, count, spikes + from);
            break;
        case CG_TTFS_LINEAR:
            fired += encode_chunk(self, CG_TTFS_LINEAR, vector + from, count, spikes + from);
            break;
        case CG_TTFS_LIF:
            fired += encode_chunk(self, CG_TTFS_LIF, vector + from, count, spikes + from);
            break;
        }
    }
    return fired;
}

/* The kernels sum in 32 bits, which hold 100,000 channels; longer patterns come in pieces. */
enum { PIECE = 1 << 16 };

uint64_t cg_ttfs_distance(const int32_t *left, const int32_t *right, uint32_t dims,
                          uint32_t *spikes_total) {
    const cg_kernels *kernels = cg_kernels_best();
    uint64_t cost = 0;
    *spikes_total = 0;
    for (uint64_t from = 0; from < dims; from += PIECE) {
        uint32_t piece = dims - from < PIECE ? (uint32_t)(dims - from) : PIECE;
        cost += kernels->spike_cost_i32(left + from, right + from, piece, CG_TTFS_UNITS,
                                        spikes_total);
    }
    return cost;
}

enum { ROWS_AT_ONCE = 64 };

/* Of at most ROWS_AT_ONCE rows. */
static void distances_of_some(const int32_t *query, const int32_t *const *rows, uint32_t count,
                              uint32_t dims, cg_ttfs_distances out) {
    const cg_kernels *kernels = cg_kernels_best();
    for (uint32_t i = 0; i < count; i++) {
        out.distances[i] = 0;
        out.spikes_totals[i] = 0;
    }
    for (uint64_t from = 0; from < dims; from += PIECE) {
        const int32_t *pieces[ROWS_AT_ONCE];
        uint32_t costs[ROWS_AT_ONCE];
        uint32_t spikes[ROWS_AT_ONCE];
        for (uint32_t i = 0; i < count; i++) {
            pieces[i] = rows[i] + from;
        }
        cg_spike_batch batch = {.rows = pieces,
                                .count = count,
                                .dims = dims - from < PIECE ? (uint32_t)(dims - from) : PIECE,
                                .unit = CG_TTFS_UNITS};
        kernels->spike_cost_i32_many(query + from, &batch, costs, spikes);
        for (uint32_t i = 0; i < count; i++) {
            out.distances[i] += costs[i];
            out.spikes_totals[i] += spikes[i];
        }
    }
}

void cg_ttfs_distance_many(const int32_t *query, cg_ttfs_rows rows, cg_ttfs_distances out) {
    for (uint32_t first = 0; first < rows.count; first += ROWS_AT_ONCE) {
        uint32_t left = rows.count - first;
        distances_of_some(
            query, rows.rows + first, left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE, rows.dims,
            (cg_ttfs_distances){out.distances + first, out.spikes_totals + first});
    }
}

static double similarity_of(uint64_t distance, uint32_t spikes, double cosine) {
    double normalised =
        spikes == 0 ? 0.0 : (double)distance / (double)CG_TTFS_UNITS / (double)spikes;
    return spike_share * cg_exp(-distance_decay * normalised) + cosine_share * cosine;
}

double cg_ttfs_similarity(const int32_t *left, const int32_t *right, uint32_t dims,
                          double cosine, cg_work *work) {
    cg_work_count(work, CG_WORK_SPIKE_DISTANCE, 1, dims);
    uint32_t spikes = 0;
    uint64_t distance = cg_ttfs_distance(left, right, dims, &spikes);
    return similarity_of(distance, spikes, cosine);
}

void cg_ttfs_similarity_many(const int32_t *query, cg_ttfs_rows rows, const double *cosines,
                             double *similarities, cg_work *work) {
    cg_work_count(work, CG_WORK_SPIKE_DISTANCE, rows.count, (uint64_t)rows.count * rows.dims);
    for (uint32_t first = 0; first < rows.count; first += ROWS_AT_ONCE) {
        uint64_t distances[ROWS_AT_ONCE];
        uint32_t spikes[ROWS_AT_ONCE];
        uint32_t left = rows.count - first;
        uint32_t count = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
        distances_of_some(query, rows.rows + first, count, rows.dims,
                          (cg_ttfs_distances){distances, spikes});
        for (uint32_t i = 0; i < count; i++) {
            similarities[first + i] =
                similarity_of(distances[i], spikes[i], cosines[first + i]);
        }
    }
}
