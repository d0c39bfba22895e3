/* Ticks by arithmetic on pairs of doubles.
 *
 * Idea: the unevaluated sum of two doubles holds 106 bits. Sums and products of doubles are
 * exact as such pairs (Knuth's two-sum; the product by fused multiply-add), and operations on
 * pairs are right to a few units of 2^-106. All three codes are quotients:
 *
 *   log     window * ln(M / m) / ln(1 / threshold)
 *   linear  window * (M - m) / M, of integers: decided exactly
 *   lif     window * ln(m / (m - threshold M)) / ln(1 / threshold)
 *
 * with m the feature's size and M the strongest one's, never their rounded quotient. Logarithm
 * of n / d >= 1: d times a power of two brings the quotient f near 1, then
 *
 *   ln f = 2 atanh z = 2 z (1 + z^2/3 + z^4/5 + ...),  z = (n - d) / (n + d), |z| < 0.172
 *
 * of which 24 terms leave less than 2^-115. Everything together errs by less than
 * window * 2^-98 ticks.
 *
 * A time can lie on a midpoint exactly (x = 1/2, threshold 1/4, an odd window), and no precision
 * shows that. So what is within window * 2^-96 of a midpoint is taken to lie on it.
 *
 * Source: Dekker, Numerische Mathematik 18, 1971; Joldes, Muller & Popescu, "Tight and rigorous
 * error bounds for basic building blocks of double-word arithmetic", ACM TOMS 44, 2017,
 * algorithms 6 (sum: 3 u^2, u = 2^-53), 12 (product: 5 u^2) and 17 (quotient: 15 u^2).
 */
#include "engine/encode/ttfs_exact.h"

#include <math.h>

#include "engine/base/math.h"

typedef struct pair {
    double high;
    double low; /* at most half a unit in the last place of high */
} pair;

static pair two_sum(double a, double b) {
    double sum = a + b;
    double of_b = sum - a;
    return (pair){sum, (a - (sum - of_b)) + (b - of_b)};
}

static pair quick_two_sum(double a, double b) { /* |a| >= |b|, or a = 0 */
    double sum = a + b;
    return (pair){sum, b - (sum - a)};
}

static pair two_product(double a, double b) {
    double product = a * b;
    return (pair){product, fma(a, b, -product)};
}

static pair add(pair a, pair b) {
    pair high = two_sum(a.high, b.high);
    pair low = two_sum(a.low, b.low);
    high = quick_two_sum(high.high, high.low + low.high);
    return quick_two_sum(high.high, high.low + low.low);
}

static pair subtract(pair a, pair b) {
    return add(a, (pair){-b.high, -b.low});
}

static pair multiply(pair a, pair b) {
    pair product = two_product(a.high, b.high);
    double cross = fma(a.high, b.low, a.low * b.high);
    return quick_two_sum(product.high, product.low + cross);
}

static pair divide(pair a, pair b) {
    double first = a.high / b.high;
    pair back = multiply(b, (pair){first, 0.0});
    double rest = (a.high - back.high) + (a.low - back.low);
    return quick_two_sum(first, rest / b.high);
}

static pair whole(double x) {
    return (pair){x, 0.0};
}

/* ln(n / d), n >= d > 0. */
static pair log_quotient(pair n, pair d) {
    enum { TERMS = 24 };
    static const pair ln2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
    int of_n = 0;
    int of_d = 0;
    double f = frexp(n.high, &of_n) / frexp(d.high, &of_d); /* in (1/2, 2) */
    int power = of_n - of_d;
    power += f > 1.4142135623730951 ? 1 : f < 0.7071067811865476 ? -1 : 0;
    d = (pair){ldexp(d.high, power), ldexp(d.low, power)};
    pair z = divide(subtract(n, d), add(n, d));
    pair square = multiply(z, z);
    pair sum = divide(whole(1.0), whole(2.0 * TERMS - 1.0));
    for (int i = TERMS - 2; i >= 0; i--) {
        sum = add(multiply(sum, square), divide(whole(1.0), whole(2.0 * i + 1.0)));
    }
    sum = multiply(sum, z);
    sum = (pair){2.0 * sum.high, 2.0 * sum.low};
    return add(multiply(ln2, whole((double)power)), sum);
}

/* m - threshold * M, without loss where they nearly cancel. */
static pair surplus(double threshold, double magnitude, double strongest) {
    pair product = two_product(threshold, strongest);
    pair rest = two_sum(magnitude, -product.high);
    pair low = two_sum(rest.low, -product.low);
    pair sum = two_sum(rest.high, low.high);
    return quick_two_sum(sum.high, sum.low + low.low);
}

/* Half up, and times are not negative. */
static int32_t round_ticks(pair ticks, double window) {
    double doubt = window * 0x1p-96;
    double nearest = floor(ticks.high + 0.5);
    double over_lower = (ticks.high - (nearest - 0.5)) + ticks.low;
    double over_upper = (ticks.high - (nearest + 0.5)) + ticks.low;
    if (over_lower < -doubt) {
        nearest -= 1.0;
    } else if (over_upper >= -doubt) {
        nearest += 1.0;
    }
    return (int32_t)nearest;
}

static int32_t linear_tick(uint32_t window, double magnitude, double strongest) {
    enum { BITS = 24, LOST = 32 };
    int of_weak = 0;
    int of_strong = 0;
    uint64_t weak = (uint64_t)ldexp(frexp(magnitude, &of_weak), BITS);
    uint64_t strong = (uint64_t)ldexp(frexp(strongest, &of_strong), BITS);
    int shift = of_strong - of_weak;
    if (shift > LOST) {
        return (int32_t)window; /* x < 2^-32: less than half a tick before the end */
    }
    strong <<= shift;
    uint64_t gap = strong - weak;
    uint64_t ticks = cg_mul_div(window, gap, strong);
    uint64_t rest = window * gap - ticks * strong; /* modulo 2^64, and below strong < 2^56 */
    return (int32_t)(ticks + (2 * rest >= strong));
}

int32_t cg_ttfs_exact_tick(const cg_ttfs_options *options, double magnitude, double strongest) {
    if (options->code == CG_TTFS_LINEAR) {
        return linear_tick(options->window_ticks, magnitude, strongest);
    }
    double window = (double)options->window_ticks;
    pair latency =
        options->code == CG_TTFS_LOG
            ? log_quotient(whole(strongest), whole(magnitude))
            : log_quotient(whole(magnitude), surplus(options->threshold, magnitude, strongest));
    pair longest = log_quotient(whole(1.0), whole(options->threshold));
    return round_ticks(divide(multiply(latency, whole(window)), longest), window);
}
