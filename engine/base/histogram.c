/* HDR histogram: log-linear buckets, stored sparsely in order.
 *
 *   bucket(v) = v                              for v < 2^11
 *             = shift * 1024 + (v >> shift)    otherwise, with shift = floor(log2 v) - 10
 *
 * A bucket holds the 2^shift values with the same top eleven bits. Bucket numbers go up with
 * the values and run from 0 to 56,319 without a gap.
 *
 * Invariant: buckets ascend, no count is 0, `total` is their sum; min lies in the first bucket
 * and max in the last. Source: G. Tene, HdrHistogram (2012), with three significant decimal
 * digits. Known values: bucket 2,048 holds 2,048 and 2,049; bucket 56,319 holds the 2^53 values
 * up to 2^64 - 1.
 */
#include "engine/base/histogram.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/math.h"

enum {
    SIGNIFICANT_BITS = 11,
    LINEAR = 1 << SIGNIFICANT_BITS, /* values below are their own buckets */
    OCTAVE = LINEAR / 2,
    BUCKETS = 55 * OCTAVE
};

static uint32_t bucket_shift(uint32_t bucket) {
    return bucket < LINEAR ? 0 : bucket / OCTAVE - 1;
}

static uint32_t bucket_of(uint64_t value) {
    if (value < LINEAR) {
        return (uint32_t)value;
    }
    uint32_t shift = cg_log2_floor(value) - (SIGNIFICANT_BITS - 1);
    return shift * OCTAVE + (uint32_t)(value >> shift);
}

static uint64_t bucket_middle(uint32_t bucket) {
    uint32_t shift = bucket_shift(bucket);
    uint64_t low = (uint64_t)(bucket - shift * OCTAVE) << shift;
    return low + ((UINT64_C(1) << shift) >> 1);
}

void cg_histogram_init(cg_histogram *histogram, cg_allocator allocator) {
    *histogram = (cg_histogram){.allocator = allocator};
}

void cg_histogram_deinit(cg_histogram *histogram) {
    const cg_allocator *allocator = &histogram->allocator;
    cg_deallocate(allocator, histogram->buckets, histogram->capacity,
                  sizeof *histogram->buckets);
    cg_deallocate(allocator, histogram->counts, histogram->capacity, sizeof *histogram->counts);
    cg_histogram_init(histogram, histogram->allocator);
}

void cg_histogram_reset(cg_histogram *histogram) {
    histogram->bucket_count = 0;
    histogram->total = 0;
    histogram->min = 0;
    histogram->max = 0;
}

/* Both arrays share one capacity, so both grow or neither does. */
static cg_status reserve(cg_histogram *histogram, size_t needed, cg_error *error) {
    if (needed <= histogram->capacity) {
        return CG_OK;
    }
    size_t grown = histogram->capacity ? histogram->capacity * 2 : 16;
    if (grown < needed) {
        grown = needed;
    }
    const cg_allocator *allocator = &histogram->allocator;
    uint32_t *buckets = cg_allocate(allocator, grown, sizeof *buckets);
    uint64_t *counts = cg_allocate(allocator, grown, sizeof *counts);
    if (!buckets || !counts) {
        cg_deallocate(allocator, buckets, grown, sizeof *buckets);
        cg_deallocate(allocator, counts, grown, sizeof *counts);
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory for a histogram of %zu buckets", grown);
    }
    if (histogram->bucket_count > 0) {
        memcpy(buckets, histogram->buckets, histogram->bucket_count * sizeof *buckets);
        memcpy(counts, histogram->counts, histogram->bucket_count * sizeof *counts);
    }
    cg_deallocate(allocator, histogram->buckets, histogram->capacity, sizeof *buckets);
    cg_deallocate(allocator, histogram->counts, histogram->capacity, sizeof *counts);
    histogram->buckets = buckets;
    histogram->counts = counts;
    histogram->capacity = grown;
    return CG_OK;
}

/* The first position whose bucket is >= `bucket`. */
static size_t position_of(const cg_histogram *histogram, uint32_t bucket) {
    size_t low = 0;
    size_t high = histogram->bucket_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (histogram->buckets[middle] < bucket) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static cg_status check_total(const cg_histogram *histogram, uint64_t added, cg_error *error) {
    if (added > UINT64_MAX - histogram->total) {
        return cg_error_set(error, CG_ERROR_FULL,
                            "a histogram of %" PRIu64 " values cannot take %" PRIu64
                            " more: the total would pass 2^64 - 1",
                            histogram->total, added);
    }
    return CG_OK;
}

static void widen(cg_histogram *histogram, uint64_t min, uint64_t max) {
    if (histogram->total == 0 || min < histogram->min) {
        histogram->min = min;
    }
    if (histogram->total == 0 || max > histogram->max) {
        histogram->max = max;
    }
}

cg_status cg_histogram_record(cg_histogram *histogram, uint64_t value, uint64_t count,
                              cg_error *error) {
    if (count == 0) {
        return CG_OK;
    }
    cg_status status = check_total(histogram, count, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t bucket = bucket_of(value);
    size_t at = position_of(histogram, bucket);
    if (at == histogram->bucket_count || histogram->buckets[at] != bucket) {
        status = reserve(histogram, histogram->bucket_count + 1, error);
        if (status != CG_OK) {
            return status;
        }
        size_t behind = histogram->bucket_count - at;
        memmove(&histogram->buckets[at + 1], &histogram->buckets[at],
                behind * sizeof *histogram->buckets);
        memmove(&histogram->counts[at + 1], &histogram->counts[at],
                behind * sizeof *histogram->counts);
        histogram->buckets[at] = bucket;
        histogram->counts[at] = 0;
        histogram->bucket_count++;
    }
    widen(histogram, value, value);
    histogram->counts[at] += count;
    histogram->total += count;
    return CG_OK;
}

cg_status cg_histogram_merge(cg_histogram *into, const cg_histogram *from, cg_error *error) {
    if (from->total == 0) {
        return CG_OK;
    }
    cg_status status = check_total(into, from->total, error);
    if (status != CG_OK) {
        return status;
    }
    size_t fresh = 0;
    for (size_t i = 0, j = 0; j < from->bucket_count; j++) {
        while (i < into->bucket_count && into->buckets[i] < from->buckets[j]) {
            i++;
        }
        fresh += i == into->bucket_count || into->buckets[i] != from->buckets[j];
    }
    status = reserve(into, into->bucket_count + fresh, error);
    if (status != CG_OK) {
        return status;
    }
    /* From the back, so that every entry is read before its place is written. */
    size_t i = into->bucket_count;
    size_t j = from->bucket_count;
    size_t k = into->bucket_count + fresh;
    into->bucket_count = k;
    while (j > 0) {
        bool take_into = i > 0 && into->buckets[i - 1] >= from->buckets[j - 1];
        bool take_from = i == 0 || into->buckets[i - 1] <= from->buckets[j - 1];
        uint32_t bucket = take_into ? into->buckets[i - 1] : from->buckets[j - 1];
        uint64_t count =
            (take_into ? into->counts[i - 1] : 0) + (take_from ? from->counts[j - 1] : 0);
        i -= take_into;
        j -= take_from;
        k--;
        into->buckets[k] = bucket;
        into->counts[k] = count;
    }
    widen(into, from->min, from->max);
    into->total += from->total;
    return CG_OK;
}

static uint64_t clamp(const cg_histogram *histogram, uint64_t value) {
    if (value < histogram->min) {
        return histogram->min;
    }
    return value > histogram->max ? histogram->max : value;
}

uint64_t cg_histogram_quantile(const cg_histogram *histogram, double q) {
    CG_ASSERT(q >= 0.0 && q <= 1.0);
    if (histogram->total == 0) {
        return 0;
    }
    double product = q * (double)histogram->total;
    uint64_t rank = histogram->total;
    /* A product of 2^64 would not convert, and one past the total is only a rounding. */
    if (product < (double)histogram->total) {
        rank = (uint64_t)product;
        rank += (double)rank < product;
        rank = rank < 1 ? 1 : rank;
    }
    uint64_t cumulative = 0;
    for (size_t i = 0; i < histogram->bucket_count; i++) {
        cumulative += histogram->counts[i];
        if (cumulative >= rank) {
            return clamp(histogram, bucket_middle(histogram->buckets[i]));
        }
    }
    return histogram->max;
}

double cg_histogram_mean(const cg_histogram *histogram) {
    if (histogram->total == 0) {
        return 0.0;
    }
    double sum = 0.0;
    for (size_t i = 0; i < histogram->bucket_count; i++) {
        uint64_t middle = clamp(histogram, bucket_middle(histogram->buckets[i]));
        sum += (double)middle * (double)histogram->counts[i];
    }
    return sum / (double)histogram->total;
}

/* Appends like snprintf: the length goes on past the capacity, the text stops in front of
 * it. */
static size_t append(char *text, size_t capacity_bytes, size_t length, const char *part) {
    for (; *part; part++, length++) {
        if (length + 1 < capacity_bytes) {
            text[length] = *part;
        }
    }
    return length;
}

size_t cg_histogram_format(const cg_histogram *histogram, char *text, size_t capacity_bytes) {
    char part[64];
    snprintf(part, sizeof part, "v1 %" PRIu64 " %" PRIu64, histogram->min, histogram->max);
    size_t length = append(text, capacity_bytes, 0, part);
    for (size_t i = 0; i < histogram->bucket_count; i++) {
        snprintf(part, sizeof part, " %" PRIu32 ":%" PRIu64, histogram->buckets[i],
                 histogram->counts[i]);
        length = append(text, capacity_bytes, length, part);
    }
    if (capacity_bytes > 0) {
        text[length < capacity_bytes ? length : capacity_bytes - 1] = '\0';
    }
    return length;
}

/* A decimal number without sign, leading zero or overflow; moves *cursor behind it. */
static bool parse_number(const char **cursor, uint64_t *out) {
    const char *p = *cursor;
    uint64_t value = 0;
    if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9')) {
        return false;
    }
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *cursor = p;
    *out = value;
    return true;
}

static bool parse_character(const char **cursor, char expected) {
    if (**cursor != expected) {
        return false;
    }
    (*cursor)++;
    return true;
}

/* " BUCKET:COUNT" to the end of the text, into an empty histogram. */
static cg_status parse_buckets(cg_histogram *into, const char *text, const char *cursor,
                               cg_error *error) {
    while (*cursor) {
        size_t byte = (size_t)(cursor - text);
        uint64_t bucket = 0;
        uint64_t count = 0;
        if (!parse_character(&cursor, ' ') || !parse_number(&cursor, &bucket) ||
            !parse_character(&cursor, ':') || !parse_number(&cursor, &count)) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "histogram text, byte %zu: expected \" BUCKET:COUNT\"", byte);
        }
        if (bucket >= BUCKETS) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "histogram text, byte %zu: bucket %" PRIu64
                                " is above the last one, %d",
                                byte, bucket, BUCKETS - 1);
        }
        if (into->bucket_count > 0 && bucket <= into->buckets[into->bucket_count - 1]) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "histogram text, byte %zu: bucket %" PRIu64
                                " is not above the one before it",
                                byte, bucket);
        }
        if (count == 0 || count > UINT64_MAX - into->total) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "histogram text, byte %zu: count %" PRIu64
                                " is zero or takes the total past 2^64 - 1",
                                byte, count);
        }
        cg_status status = reserve(into, into->bucket_count + 1, error);
        if (status != CG_OK) {
            return status;
        }
        into->buckets[into->bucket_count] = (uint32_t)bucket;
        into->counts[into->bucket_count++] = count;
        into->total += count;
    }
    return CG_OK;
}

static cg_status check_extremes(const cg_histogram *parsed, cg_error *error) {
    bool fits = parsed->min == 0 && parsed->max == 0;
    if (parsed->total > 0) {
        fits = bucket_of(parsed->min) == parsed->buckets[0] &&
               bucket_of(parsed->max) == parsed->buckets[parsed->bucket_count - 1] &&
               parsed->min <= parsed->max && (parsed->total > 1 || parsed->min == parsed->max);
    }
    if (fits) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_CORRUPT,
                        "histogram text: min %" PRIu64 " and max %" PRIu64
                        " do not fit the first and last bucket",
                        parsed->min, parsed->max);
}

cg_status cg_histogram_parse(cg_histogram *into, const char *text, cg_error *error) {
    cg_histogram parsed;
    cg_histogram_init(&parsed, into->allocator);
    const char *cursor = text;
    if (strncmp(text, "v1", 2) != 0) {
        return cg_error_set(error, CG_ERROR_VERSION,
                            "histogram text starts with \"%.16s\", expected \"v1 \"", text);
    }
    cursor += 2;
    if (!parse_character(&cursor, ' ') || !parse_number(&cursor, &parsed.min) ||
        !parse_character(&cursor, ' ') || !parse_number(&cursor, &parsed.max)) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "histogram text, byte %zu: expected \"v1 MIN MAX\"",
                            (size_t)(cursor - text));
    }
    cg_status status = parse_buckets(&parsed, text, cursor, error);
    if (status == CG_OK) {
        status = check_extremes(&parsed, error);
    }
    if (status != CG_OK) {
        cg_histogram_deinit(&parsed);
        return status;
    }
    cg_histogram_deinit(into);
    *into = parsed;
    return CG_OK;
}
