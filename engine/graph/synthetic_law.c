/* The law, with g its exponent, in units of its greatest value (y = x / most, r the least y):
 *
 *     share of draws above y   u = (y^(1-g) - 1) / (r^(1-g) - 1)
 *     share of the sum above y m = (1 - y^(2-g)) / (1 - r^(2-g))
 *     mean                     (g - 1) / (2 - g) * (1 - r^(2-g)) / (r^(1-g) - 1)
 *
 * The mean rises with r, so r is found by halving the interval of its logarithm. At exponents 1 and 2
 * the powers become logarithms; we step aside by 1e-6, which changes no figure that matters.
 * Known values: exponent 3, most 100, r = 0.01 has mean 1.9802; a third of its draws exceed
 * 1.7320; the greatest tenth of its sum lies in 0.0099 of them.
 *
 * The permutation walks a bijection of [0, 2^bits) until it is back below count (cycle walking,
 * Black & Rogaway, CT-RSA 2002). Each round multiplies by an odd number, adds, and folds the
 * upper half onto the lower, which undoes itself.
 */
#include "engine/graph/synthetic_law.h"

#include "engine/base/math.h"
#include "engine/base/prng.h"
#include "engine/base/status.h"

static const double singular_margin = 1e-6;
static const double log_ratio_least = -60.0;
enum { HALVINGS = 64 };

static double beside(double exponent, double singular) {
    double off = exponent - singular;
    return off > -singular_margin && off < singular_margin ? singular + singular_margin
                                                           : exponent;
}

double cg_power_law_mean(const power_law *law) {
    if (law->ratio >= 1.0) {
        return law->most;
    }
    double g = law->exponent;
    return law->most * (g - 1.0) / (2.0 - g) * (1.0 - cg_pow(law->ratio, 2.0 - g)) /
           (cg_pow(law->ratio, 1.0 - g) - 1.0);
}

power_law cg_power_law_init(double exponent, double mean, double most) {
    CG_ASSERT(mean > 0.0 && mean <= most);
    power_law law = {beside(beside(exponent, 1.0), 2.0), most, 1.0};
    if (mean >= most) {
        return law;
    }
    double low = log_ratio_least;
    double high = -1e-9;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = 0.5 * (low + high);
        law.ratio = cg_exp(middle);
        if (cg_power_law_mean(&law) < mean) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return law;
}

double cg_power_law_quantile(const power_law *law, double share) {
    if (law->ratio >= 1.0) {
        return law->most;
    }
    double power = 1.0 - law->exponent;
    double scaled = 1.0 + share * (cg_pow(law->ratio, power) - 1.0);
    return law->most * cg_pow(scaled, 1.0 / power);
}

double cg_power_law_share_of_mass(const power_law *law, double mass) {
    if (law->ratio >= 1.0) {
        return mass;
    }
    double g = law->exponent;
    double y = cg_pow(1.0 - mass * (1.0 - cg_pow(law->ratio, 2.0 - g)), 1.0 / (2.0 - g));
    double share = (cg_pow(y, 1.0 - g) - 1.0) / (cg_pow(law->ratio, 1.0 - g) - 1.0);
    return share < 0.0 ? 0.0 : share > 1.0 ? 1.0 : share;
}

/* --- The permutation. --- */

static uint32_t fold(uint32_t value, uint32_t bits) {
    return value ^ value >> (bits + 1) / 2;
}

/* Of an odd number, modulo 2^32: each step of Newton's doubles the right bits, 3 at first. */
static uint32_t inverse_of(uint32_t odd) {
    uint32_t inverse = odd;
    for (int i = 0; i < 4; i++) {
        inverse *= 2 - odd * inverse;
    }
    return inverse;
}

row_order cg_row_order_init(uint32_t count, uint64_t seed) {
    CG_ASSERT(count >= 2);
    row_order order = {.count = count, .bits = cg_log2_floor((uint64_t)count - 1) + 1};
    cg_stream stream = cg_stream_init(seed, "synthetic.order", count);
    for (int i = 0; i < ROW_ORDER_ROUNDS; i++) {
        order.factors[i] = (uint32_t)cg_stream_next(&stream) | 1;
        order.inverses[i] = inverse_of(order.factors[i]);
        order.terms[i] = (uint32_t)cg_stream_next(&stream);
    }
    return order;
}

uint32_t cg_row_order_at(const row_order *order, uint32_t place) {
    uint32_t mask = (uint32_t)((UINT64_C(1) << order->bits) - 1);
    do {
        for (int i = 0; i < ROW_ORDER_ROUNDS; i++) {
            place = fold((place * order->factors[i] + order->terms[i]) & mask, order->bits);
        }
    } while (place >= order->count);
    return place;
}

uint32_t cg_row_order_find(const row_order *order, uint32_t row) {
    uint32_t mask = (uint32_t)((UINT64_C(1) << order->bits) - 1);
    do {
        for (int i = ROW_ORDER_ROUNDS - 1; i >= 0; i--) {
            row = (fold(row, order->bits) - order->terms[i]) * order->inverses[i] & mask;
        }
    } while (row >= order->count);
    return row;
}
