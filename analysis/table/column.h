/* A column of a table, "metric:statistic", and which points a table is about.
 *
 * pNN of a metric with histograms is a quantile of the merged histogram: p50, p99, p99.9 (also
 * p999: after two digits come decimals). min, max, mean and count of such a metric come from
 * the histogram too when the point states no such figure. Everything else is a stated figure;
 * "se" is the standard error of the share of the same metric.
 */
#ifndef AN_TABLE_COLUMN_H
#define AN_TABLE_COLUMN_H

#include "analysis/table/database.h"

typedef enum an_column_kind {
    AN_COLUMN_FIGURE,   /* mean over repetitions, t interval */
    AN_COLUMN_ERROR,    /* standard error of that mean, from those that repetitions state */
    AN_COLUMN_QUANTILE, /* of the merged histogram, order-statistic interval */
    AN_COLUMN_MIN,      /* of the merged histogram, exact */
    AN_COLUMN_MAX,
    AN_COLUMN_MEAN, /* of each repetition's histogram, then as a figure */
    AN_COLUMN_COUNT
} an_column_kind;

typedef struct an_column {
    const char *name; /* "latency:p99" */
    const char *metric;
    const char *statistic;
    const char *unit;
    an_column_kind kind;
    double q; /* quantiles */
    bool wall;
} an_column;

/* "latency:p99" as it is in the database. One that matches nothing is an error naming the
 * nearest. */
cg_status an_column_resolve(an_database *database, const char *name, an_column *out,
                            cg_error *error);

/* Splits at commas and line ends, drops spaces and empty parts. */
cg_status an_column_split(an_database *database, const char *text, const char ***names,
                          uint32_t *count, cg_error *error);

/* Every figure of the experiment but wall time's, then p50 and p99 of every histogram. */
cg_status an_column_all(an_database *database, const char ***names, uint32_t *count,
                        cg_error *error);

/* q of "p99"; false when statistic is no quantile. */
bool an_column_quantile(const char *statistic, double *q);

/* Conditions "factor=value" or "repetition=N"; several of one factor are alternatives. */
cg_status an_where_check(an_database *database, const char *const *where, uint32_t count,
                         cg_error *error);
bool an_where_holds(const an_database *database, const char *const *where, uint32_t count,
                    const an_point *point);

#endif
