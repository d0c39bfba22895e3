/* Zipf by rejection-inversion: W. Hörmann and G. Derflinger, "Rejection-inversion to generate
 * variates from monotone discrete distributions", ACM TOMACS 6(3), 1996, section 3.
 *
 * With h(x) = x^-s, convex, the area under h from k - 1/2 to k + 1/2 is at least h(k). So a
 * point drawn uniformly from the area under h from 1/2 to n + 1/2 (that of rank 1 cut to h(1)),
 * by inverting H(x) = integral of h from 1 to x, belongs to rank k = round(x), and is taken
 * when it lies in the part of k's area that is h(k) large: u >= H(k + 1/2) - h(k). Elsewhere
 * the draw is refused and repeated. It is taken without computing that when x >= k - sure,
 * where sure is what the test allows at k = 2, the tightest rank. Exact for every exponent, in
 * constant memory, and four draws of five are taken at least.
 *
 *   H(x)     = (x^(1-s) - 1) / (1 - s)     = log x at s = 1
 *   H^-1(u)  = (1 + u (1-s))^(1 / (1-s))   = exp u at s = 1
 *
 * Near s = 1 both lose digits to subtraction, so they go through (e^t - 1) / t and
 * log(1 + t) / t as W. Kahan computes them: the rounding error of e^t (or of 1 + t) is made
 * again in the denominator, and cancels (N. Higham, "Accuracy and Stability of Numerical
 * Algorithms", 2nd ed., section 1.14.1).
 *
 * Known values (popularity_test.c): of 10 ranks at exponent 1, the first has a share of
 * 2520 / 7381.
 */
#include "sim/workload/popularity.h"

#include "engine/base/math.h"

/* (e^t - 1) / t */
static double exp_slope(double t) {
    const double e = cg_exp(t);
    const double less = e - 1.0;
    if (less == 0.0) {
        return 1.0;
    }
    return less <= -0.5 || less >= 1.0 ? less / t : less / cg_log(e);
}

/* log(1 + t) / t, t > -1 */
static double log_slope(double t) {
    const double sum = 1.0 + t;
    const double added = sum - 1.0;
    return added == 0.0 ? 1.0 : cg_log(sum) / added;
}

static double height(double exponent, double x) {
    return cg_exp(-exponent * cg_log(x));
}

static double area(double exponent, double x) {
    const double logarithm = cg_log(x);
    return logarithm * exp_slope((1.0 - exponent) * logarithm);
}

static double inverse_area(double exponent, double u) {
    const double t = u * (1.0 - exponent);
    return t <= -1.0 ? 0x1p62 : cg_exp(u * log_slope(t)); /* rounded to the pole: far out */
}

sim_popularity sim_popularity_uniform(uint64_t count) {
    CG_ASSERT(count > 0);
    return (sim_popularity){.law = SIM_LAW_UNIFORM, .count = count};
}

sim_popularity sim_popularity_zipf(uint64_t count, double exponent) {
    CG_ASSERT(count > 0 && exponent >= 0.0 && exponent <= 4.0);
    sim_popularity zipf = {.law = SIM_LAW_ZIPF, .count = count, .exponent = exponent};
    zipf.area_first = area(exponent, 1.5) - 1.0; /* h(1) = 1 before the end of rank 1 */
    zipf.area_last = area(exponent, (double)count + 0.5);
    zipf.sure = 2.0 - inverse_area(exponent, area(exponent, 2.5) - height(exponent, 2.0));
    return zipf;
}

sim_popularity sim_popularity_measured(uint64_t count, const sim_weights *weights,
                                       uint64_t draws) {
    CG_ASSERT(count > 0 && weights->count > 0);
    /* Six standard deviations above the mean. */
    const double mean = weights->once * (double)draws;
    const double most = mean + 6.0 * cg_sqrt(mean) + 1.0;
    uint64_t reserved = weights->once > 0.0 ? count / 2 : 0;
    if (most < (double)reserved) {
        reserved = (uint64_t)most;
    }
    return (sim_popularity){
        .law = SIM_LAW_FILE, .count = count, .weights = weights, .reserved = reserved};
}

static uint64_t draw_zipf(const sim_popularity *zipf, cg_stream *stream) {
    for (;;) {
        const double u = zipf->area_last +
                         cg_stream_next_unit(stream) * (zipf->area_first - zipf->area_last);
        const double x = inverse_area(zipf->exponent, u);
        const double last = (double)zipf->count;
        double k = x + 0.5 < last ? (double)(uint64_t)(x + 0.5) : last;
        k = k < 1.0 ? 1.0 : k;
        if (k - x <= zipf->sure ||
            u >= area(zipf->exponent, k + 0.5) - height(zipf->exponent, k)) {
            return (uint64_t)k - 1;
        }
    }
}

/* The bucket in whose reads the draw falls, then how far into it, as a share of all keys. */
static uint64_t draw_measured(const sim_popularity *measured, cg_stream *stream) {
    const sim_weights *weights = measured->weights;
    const uint32_t last = weights->count - 1;
    const double u = cg_stream_next_unit(stream) * weights->reads[last];
    uint32_t low = 0;
    uint32_t high = last;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (u < weights->reads[middle]) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    const double reads_before = low > 0 ? weights->reads[low - 1] : 0.0;
    const double keys_before = low > 0 ? weights->keys[low - 1] : 0.0;
    const double into = (u - reads_before) / (weights->reads[low] - reads_before);
    const double place =
        (keys_before + into * (weights->keys[low] - keys_before)) / weights->keys[last];
    const uint64_t ranks = measured->count - measured->reserved;
    const uint64_t rank = (uint64_t)(place * (double)ranks);
    return rank < ranks ? rank : ranks - 1;
}

uint64_t sim_popularity_draw(sim_popularity *popularity, cg_stream *stream) {
    switch (popularity->law) {
    case SIM_LAW_UNIFORM:
        return cg_stream_next_below(stream, popularity->count);
    case SIM_LAW_ZIPF:
        return draw_zipf(popularity, stream);
    case SIM_LAW_FILE:
        break;
    }
    if (popularity->reserved > 0 && cg_stream_next_unit(stream) < popularity->weights->once) {
        return popularity->count - 1 - popularity->once_count++ % popularity->reserved;
    }
    return draw_measured(popularity, stream);
}
