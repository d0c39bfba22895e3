/* HDR histogram of uint64_t values (after G. Tene's HdrHistogram): log-linear buckets,
 * mergeable.
 *
 * Values below 2^11 are exact; above, each octave has 1,024 buckets. So a value is known to
 * 1 part in 1,024, and quantiles, which report the middle of a bucket, to 1 part in 2,048
 * (0.05%). Buckets are stored sparsely in order of value, so equal content gives equal bytes.
 *
 * quantile(q), q in [0, 1], is the middle of the first bucket at which the cumulative count
 * reaches max(1, ceil(q * count)), clamped to [min, max], which are exact; 0 for an empty
 * histogram.
 */
#ifndef CG_ENGINE_BASE_HISTOGRAM_H
#define CG_ENGINE_BASE_HISTOGRAM_H

#include "engine/base/memory.h"
#include "engine/base/status.h"

typedef struct cg_histogram {
    uint32_t *buckets; /* ascending */
    uint64_t *counts;
    size_t bucket_count;
    size_t capacity;
    uint64_t total;
    uint64_t min;
    uint64_t max;
    cg_allocator allocator;
} cg_histogram;

void cg_histogram_init(cg_histogram *histogram, cg_allocator allocator);
void cg_histogram_deinit(cg_histogram *histogram);
void cg_histogram_reset(cg_histogram *histogram);
cg_status cg_histogram_record(cg_histogram *histogram, uint64_t value, uint64_t count,
                              cg_error *error);
cg_status cg_histogram_merge(cg_histogram *into, const cg_histogram *from, cg_error *error);
uint64_t cg_histogram_quantile(const cg_histogram *histogram, double q);
double cg_histogram_mean(const cg_histogram *histogram); /* from bucket middles */

/* Text form "v1 MIN MAX BUCKET:COUNT BUCKET:COUNT ...", ASCII, canonical. format returns the
 * length without NUL, and writes at most capacity bytes (like snprintf). parse refuses anything
 * not canonical. */
size_t cg_histogram_format(const cg_histogram *histogram, char *text, size_t capacity_bytes);
cg_status cg_histogram_parse(cg_histogram *into, const char *text, cg_error *error);

#endif
