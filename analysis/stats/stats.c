/* Estimates with intervals.
 *
 * Mean: Student (1908). Known value: t(0.975, 2 degrees) = 4.302653.
 *
 * Quantile: the number B of values below the true quantile of a continuous distribution is
 * Binomial(count, q), whatever the distribution is, so the order statistics [low] and [high]
 * enclose it with probability P(low <= B < high) (H. A. David and H. N. Nagaraja, Order
 * Statistics, 3rd ed., section 7.1). Known value: of 100 values the median lies between the
 * 40th and the 61st with 0.9648.
 *
 * GSL's binomial takes 32-bit counts; beyond 2^31 values the normal approximation is used,
 * whose error is then below 1e-4 for q up to 0.99999.
 */
#include "analysis/stats/stats.h"

#include <inttypes.h>
#include <math.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_version.h>

static const double BINOMIAL_COUNT_MAX = 2147483648.0;

static cg_status check_confidence(double confidence, cg_error *error) {
    if (confidence > 0.0 && confidence < 1.0) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_INVALID,
                        "a confidence of %g is not between 0 and 1, exclusive", confidence);
}

cg_status an_stats_mean(const double *values, size_t count, double confidence, an_estimate *out,
                        cg_error *error) {
    CG_ASSERT(count > 0);
    cg_status status = check_confidence(confidence, error);
    if (status != CG_OK) {
        return status;
    }
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += values[i];
    }
    double mean = sum / (double)count;
    double squares = 0.0;
    for (size_t i = 0; i < count; i++) {
        squares += (values[i] - mean) * (values[i] - mean);
    }
    an_estimate estimate = {.value = mean};
    if (count > 1) {
        gsl_set_error_handler_off();
        double degrees = (double)(count - 1);
        double t = gsl_cdf_tdist_Pinv(0.5 + confidence / 2.0, degrees);
        double half = t * sqrt(squares / degrees / (double)count);
        estimate.has_interval = true;
        estimate.low = mean - half;
        estimate.high = mean + half;
        estimate.coverage = confidence;
    }
    if (!isfinite(estimate.value) || !isfinite(estimate.low) || !isfinite(estimate.high)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the mean of %zu values or its interval is no finite number",
                            count);
    }
    *out = estimate;
    return CG_OK;
}

double an_stats_mean_error(const double *errors, size_t count) {
    CG_ASSERT(count > 0);
    double squares = 0.0;
    for (size_t i = 0; i < count; i++) {
        squares += errors[i] * errors[i];
    }
    return sqrt(squares) / (double)count;
}

/* P(B <= k) */
static double cumulative(double k, double q, uint64_t count) {
    if (k < 0.0) {
        return 0.0;
    }
    if (k >= (double)count) {
        return 1.0;
    }
    if ((double)count <= BINOMIAL_COUNT_MAX) {
        return gsl_cdf_binomial_P((unsigned)k, q, (unsigned)count);
    }
    double mean = (double)count * q;
    return gsl_cdf_ugaussian_P((k + 0.5 - mean) / sqrt(mean * (1.0 - q)));
}

cg_status an_stats_quantile_ranks(uint64_t count, double q, double confidence, uint64_t *low,
                                  uint64_t *high, double *coverage, cg_error *error) {
    cg_status status = check_confidence(confidence, error);
    if (status != CG_OK) {
        return status;
    }
    if (!(q > 0.0 && q < 1.0)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "quantile %g is not between 0 and 1, exclusive", q);
    }
    gsl_set_error_handler_off();
    double tail = (1.0 - confidence) / 2.0;
    /* The greatest rank whose P(B <= rank - 1) is at most the tail: P grows with the rank. */
    uint64_t least = 0;
    uint64_t greatest = count;
    while (least < greatest) {
        uint64_t middle = greatest - (greatest - least) / 2;
        if (cumulative((double)middle - 1.0, q, count) <= tail) {
            least = middle;
        } else {
            greatest = middle - 1;
        }
    }
    uint64_t low_rank = least;
    /* The least rank with P(B <= rank - 1) >= 1 - tail. */
    least = 1;
    greatest = count + 1;
    while (least < greatest) {
        uint64_t middle = least + (greatest - least) / 2;
        if (cumulative((double)middle - 1.0, q, count) >= 1.0 - tail) {
            greatest = middle;
        } else {
            least = middle + 1;
        }
    }
    double covered = cumulative((double)least - 1.0, q, count) -
                     cumulative((double)low_rank - 1.0, q, count);
    if (!isfinite(covered)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the binomial distribution of %" PRIu64
                            " values at quantile %g cannot be computed",
                            count, q);
    }
    *low = low_rank;
    *high = least;
    *coverage = covered;
    return CG_OK;
}

/* The value of a rank: half a rank below it, so that rounding cannot reach the next one. */
static double value_at(const cg_histogram *histogram, uint64_t rank) {
    double q = ((double)rank - 0.5) / (double)histogram->total;
    return (double)cg_histogram_quantile(histogram, q);
}

cg_status an_stats_quantile(const cg_histogram *histogram, double q, double confidence,
                            an_estimate *out, cg_error *error) {
    CG_ASSERT(histogram->total > 0);
    uint64_t low = 0;
    uint64_t high = 0;
    an_estimate estimate = {0};
    cg_status status = an_stats_quantile_ranks(histogram->total, q, confidence, &low, &high,
                                               &estimate.coverage, error);
    if (status != CG_OK) {
        return status;
    }
    estimate.value = (double)cg_histogram_quantile(histogram, q);
    estimate.has_interval = low >= 1 && high <= histogram->total;
    if (estimate.has_interval) {
        estimate.low = value_at(histogram, low);
        estimate.high = value_at(histogram, high);
    }
    *out = estimate;
    return CG_OK;
}

const char *an_stats_library_version(void) {
    return gsl_version;
}
