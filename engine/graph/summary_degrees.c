/* Degrees: quantiles, and the exponent of a power law.
 *
 * For a lower end m, of the n degrees x_i >= m (Clauset, Shalizi & Newman 2009, eq. 3.7):
 *
 *     exponent = 1 + n / sum ln(x_i / (m - 1/2))
 *
 * and m is the one with the least Kolmogorov-Smirnov distance between the shares of degrees
 * >= x and the law's ((x - 1/2) / (m - 1/2))^(1 - exponent), which stands for a quotient of
 * zeta functions as eq. 3.7 does: close from about 6 on. Where there are many different
 * degrees, 256 of them are tried, evenly spread.
 *
 * Degrees are sorted in place, one bit at a time from the top (radix exchange), and walked from
 * one value to the next by doubling steps; nothing is allocated.
 *
 * Known value: 60 rows of degree 1 and 40 of 2, with lower end 1: sum = 100 ln 2 + 40 ln 2,
 * exponent = 1 + 1 / (1.4 ln 2) = 2.0305.
 */
#include "engine/base/math.h"
#include "engine/graph/summary.h"

enum { ENDS_TRIED_MAX = 256, DEGREE_BITS = 32, SPREAD_MIN = 2 };

static void sort_by_bits(uint32_t *values, uint32_t count, int bit) {
    while (count > 1 && bit >= 0) {
        uint32_t low = 0;
        uint32_t high = count;
        while (low < high) {
            if ((values[low] >> bit & 1) == 0) {
                low++;
            } else {
                uint32_t moved = values[low];
                values[low] = values[--high];
                values[high] = moved;
            }
        }
        bit--;
        sort_by_bits(values, low, bit);
        values += low;
        count -= low;
    }
}

/* Where the values that are greater than values[at] begin. */
static uint32_t next_value(const uint32_t *values, uint32_t count, uint32_t at) {
    uint64_t step = 1;
    while (at + step < count && values[at + step] == values[at]) {
        step *= 2;
    }
    uint64_t low = at + step / 2; /* holds the value */
    uint64_t high = at + step < count ? at + step : count;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (values[middle] == values[at]) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (uint32_t)high;
}

typedef struct tail {
    const uint32_t *values; /* ascending, all of one or more */
    uint32_t count;
} tail;

static double exponent_of(tail degrees) {
    double least = (double)degrees.values[0] - 0.5;
    double sum = 0.0;
    for (uint32_t at = 0; at < degrees.count;) {
        uint32_t next = next_value(degrees.values, degrees.count, at);
        sum += (double)(next - at) * cg_log((double)degrees.values[at] / least);
        at = next;
    }
    return 1.0 + (double)degrees.count / sum;
}

static double absolute(double value) {
    return value < 0.0 ? -value : value;
}

static double distance_of(tail degrees, double exponent) {
    double least = (double)degrees.values[0] - 0.5;
    double most = 0.0;
    for (uint32_t at = 0; at < degrees.count;) {
        uint32_t next = next_value(degrees.values, degrees.count, at);
        double x = degrees.values[at];
        double at_least = (double)(degrees.count - at) / (double)degrees.count;
        double more = (double)(degrees.count - next) / (double)degrees.count;
        double here = absolute(at_least - cg_pow((x - 0.5) / least, 1.0 - exponent));
        double above = absolute(more - cg_pow((x + 0.5) / least, 1.0 - exponent));
        most = here > most ? here : most;
        most = above > most ? above : most;
        at = next;
    }
    return most;
}

/* Tries each stride-th value for the lower end. */
static void fit(tail degrees, uint32_t stride, cg_degree_summary *out) {
    uint32_t number = 0;
    for (uint32_t at = 0; degrees.count - at >= CG_EXPONENT_ROWS_MIN; number++) {
        uint32_t next = next_value(degrees.values, degrees.count, at);
        if (next == degrees.count) {
            return; /* one value is no tail */
        }
        if (number % stride == 0) {
            tail above = {degrees.values + at, degrees.count - at};
            double exponent = exponent_of(above);
            double distance = distance_of(above, exponent);
            if (out->exponent == 0.0 || distance < out->exponent_distance) {
                out->exponent = exponent;
                out->exponent_distance = distance;
                out->exponent_from = above.values[0];
                out->exponent_rows = above.count;
            }
        }
        at = next;
    }
}

static void fit_law(const uint32_t *degrees, uint32_t count, cg_degree_summary *out) {
    uint32_t first = count > 0 && degrees[0] == 0 ? next_value(degrees, count, 0) : 0;
    tail positive = {degrees + first, count - first};
    uint32_t values = 0;
    for (uint32_t at = 0; at < positive.count; values++) {
        at = next_value(positive.values, positive.count, at);
    }
    if (positive.count >= CG_EXPONENT_ROWS_MIN && values >= SPREAD_MIN) {
        fit(positive, (values + ENDS_TRIED_MAX - 1) / ENDS_TRIED_MAX, out);
    }
}

/* The least value that the share of them, in percent, does not exceed. */
static uint32_t quantile(const uint32_t *degrees, uint32_t count, uint32_t percent) {
    uint64_t rank = ((uint64_t)count * percent + 99) / 100;
    return degrees[rank > 0 ? rank - 1 : 0];
}

cg_degree_summary cg_degrees_summarise(uint32_t *degrees, uint32_t count) {
    cg_degree_summary summary = {0};
    if (count == 0) {
        return summary;
    }
    sort_by_bits(degrees, count, DEGREE_BITS - 1);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += degrees[i];
    }
    summary.least = degrees[0];
    summary.tenth = quantile(degrees, count, 10);
    summary.median = quantile(degrees, count, 50);
    summary.ninth = quantile(degrees, count, 90);
    summary.p99 = quantile(degrees, count, 99);
    summary.most = degrees[count - 1];
    summary.mean = (double)sum / (double)count;
    fit_law(degrees, count, &summary);
    return summary;
}
