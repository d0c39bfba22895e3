/* Estimates with intervals: a mean over repetitions, a quantile of a merged histogram.
 * (spec I2)
 *
 * Both intervals are two-sided. The distributions are GSL's, whose error handler is switched
 * off: what it refuses comes back as a status.
 */
#ifndef AN_STATS_STATS_H
#define AN_STATS_STATS_H

#include "engine/base/histogram.h"
#include "engine/base/status.h"

typedef struct an_estimate {
    double value;
    bool has_interval;
    double low;
    double high;
    /* Probability that [low, high] holds the true value, under the method's assumption. */
    double coverage;
} an_estimate;

/* Mean of count > 0 values in the order given, with the interval of Student's t with count - 1
 * degrees of freedom: mean +- t * s / sqrt(count). Assumes independent, roughly normal
 * repetitions. No interval for one value. confidence in (0, 1). */
cg_status an_stats_mean(const double *values, size_t count, double confidence, an_estimate *out,
                        cg_error *error);

/* Standard error of the mean of count > 0 values that are independent and have these standard
 * errors: sqrt(sum of squares) / count. */
double an_stats_mean_error(const double *errors, size_t count);

/* Ranks (from 1) of the order statistics of `count` independent values that enclose quantile q
 * in (0, 1) with at least the confidence asked for, each tail holding at most half the rest.
 * With B ~ Binomial(count, q): the number of values below the quantile; low is the greatest
 * rank with P(B < low) <= a / 2, high the least with P(B >= high) <= a / 2, a = 1 - confidence.
 * Where few values make a tail impossible, the rank is 0 or count + 1, which stands for an
 * unbounded side. *coverage is P(low <= B < high). */
cg_status an_stats_quantile_ranks(uint64_t count, double q, double confidence, uint64_t *low,
                                  uint64_t *high, double *coverage, cg_error *error);

/* Quantile q in (0, 1) of a histogram of count > 0 (cg_histogram_quantile) with the interval of
 * its order statistics; exact up to the histogram's buckets. No interval when a side is
 * unbounded. Assumes independent values: those of one run are correlated, so of latencies the
 * interval is narrower than it should be. */
cg_status an_stats_quantile(const cg_histogram *histogram, double q, double confidence,
                            an_estimate *out, cg_error *error);

/* Of GSL, for provenance: "2.7.1". Static storage. */
const char *an_stats_library_version(void);

#endif
