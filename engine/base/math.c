/* Elementary functions from basic operations.
 *
 * Source: the method and coefficients of Sun's fdlibm 5.3 (e_log.c, e_exp.c, k_sin.c, k_cos.c).
 *
 *   log       x = 2^k * (1 + f), sqrt(2)/2 < 1 + f < sqrt(2); s = f / (2 + f);
 *             log(1 + f) = f - f^2/2 + s * (f^2/2 + R(s^2)), R a Remez polynomial of degree 14
 *             in s; k * log 2 is added in two parts, of which the high one times k is exact
 *   exp       x = k * log 2 + r, |r| <= log(2)/2; exp(r) = 1 + 2r / (c(r) - r) by a Remez
 *             polynomial; times 2^k
 *   sin, cos  of a turn: turn = quadrant/4 + r, |r| <= 1/8, both exact; Taylor-like polynomials
 *             of 2*pi*r
 *
 * Each is within 1 unit in the last place (sin and cos: absolute error below 2^-52).
 * Known values: cg_log(1) = 0, cg_exp(0) = 1, cg_log(10) = 2.302585092994046 (correctly
 * rounded), cg_exp(1) = 2.7182818284590455 (one unit above the correctly rounded value, as in
 * fdlibm).
 */
#include "engine/base/math.h"

#include <math.h>
#include <string.h>

#include "engine/base/status.h"
#include "engine/base/wide.h"

static const double ln2_high = 6.93147180369123816490e-01; /* 3fe62e42 fee00000 */
static const double ln2_low = 1.90821492927058770002e-10;  /* 3dea39ef 35793c76 */

static uint64_t bits_of(double x) {
    uint64_t bits = 0;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits) {
    double x = 0.0;
    memcpy(&x, &bits, sizeof x);
    return x;
}

double cg_log(double x) {
    static const double g1 = 6.666666666666735130e-01;
    static const double g2 = 3.999999999940941908e-01;
    static const double g3 = 2.857142874366239149e-01;
    static const double g4 = 2.222219843214978396e-01;
    static const double g5 = 1.818357216161805012e-01;
    static const double g6 = 1.531383769920937332e-01;
    static const double g7 = 1.479819860511658591e-01;
    if (x == 0.0) {
        return -(double)INFINITY;
    }
    if (!(x > 0.0)) {
        return (double)NAN;
    }
    if (x == (double)INFINITY) {
        return x;
    }
    int64_t exponent = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        exponent = -54;
    }
    /* Brings the significand into [sqrt(2)/2, sqrt(2)): 3fe6a09e is the high word of
     * sqrt(2)/2. */
    uint64_t shifted = bits_of(x) + UINT64_C(0x00095f6200000000);
    exponent += (int64_t)(shifted >> 52) - 0x3ff;
    double reduced =
        double_of((shifted & UINT64_C(0xfffffffffffff)) + UINT64_C(0x3fe6a09e00000000));

    double f = reduced - 1.0;
    double half_square = 0.5 * f * f;
    double s = f / (2.0 + f);
    double z = s * s;
    double w = z * z;
    double even = w * (g2 + w * (g4 + w * g6));
    double odd = z * (g1 + w * (g3 + w * (g5 + w * g7)));
    double rest = odd + even;
    double k = (double)exponent;
    return s * (half_square + rest) + k * ln2_low - half_square + f + k * ln2_high;
}

/* y * 2^k for y in [0.5, 2] and k in [-1075, 1024]. A subnormal result is rounded once, in the
 * last product. */
static double scale_by_power(double y, int k) {
    if (k > 1023) {
        return y * 2.0 * 0x1p1023;
    }
    if (k < -1021) {
        return y * double_of((uint64_t)(k + 200 + 1023) << 52) * 0x1p-200;
    }
    return y * double_of((uint64_t)(k + 1023) << 52);
}

double cg_exp(double x) {
    static const double p1 = 1.66666666666666019037e-01;
    static const double p2 = -2.77777777770155933842e-03;
    static const double p3 = 6.61375632143793436117e-05;
    static const double p4 = -1.65339022054652515390e-06;
    static const double p5 = 4.13813679705723846039e-08;
    static const double inverse_ln2 = 1.44269504088896338700e+00;
    if (x != x) {
        return x;
    }
    if (x > 7.09782712893383973096e+02) {
        return (double)INFINITY;
    }
    if (x < -7.45133219101941108420e+02) {
        return 0.0;
    }
    /* Rounded half away from zero, in one written order. */
    int k = (int)(inverse_ln2 * x + (x < 0.0 ? -0.5 : 0.5));
    double high = x - (double)k * ln2_high;
    double low = (double)k * ln2_low;
    double r = high - low;
    double square = r * r;
    double c = r - square * (p1 + square * (p2 + square * (p3 + square * (p4 + square * p5))));
    double y = 1.0 + (r * c / (2.0 - c) - low + high);
    return scale_by_power(y, k);
}

double cg_pow(double base, double exponent) {
    return cg_exp(exponent * cg_log(base));
}

/* For |x| <= pi/4. */
static double sine_kernel(double x) {
    static const double s1 = -1.66666666666666324348e-01;
    static const double s2 = 8.33333333332248946124e-03;
    static const double s3 = -1.98412698298579493134e-04;
    static const double s4 = 2.75573137070700676789e-06;
    static const double s5 = -2.50507602534068634195e-08;
    static const double s6 = 1.58969099521155010221e-10;
    double z = x * x;
    double r = s2 + z * (s3 + z * (s4 + z * (s5 + z * s6)));
    return x + z * x * (s1 + z * r);
}

static double cosine_kernel(double x) {
    static const double c1 = 4.16666666666666019037e-02;
    static const double c2 = -1.38888888888741095749e-03;
    static const double c3 = 2.48015872894767294178e-05;
    static const double c4 = -2.75573143513906633035e-07;
    static const double c5 = 2.08757232129817482790e-09;
    static const double c6 = -1.13596475577881948265e-11;
    double z = x * x;
    double r = z * (c1 + z * (c2 + z * (c3 + z * (c4 + z * (c5 + z * c6)))));
    double half = 0.5 * z;
    double w = 1.0 - half;
    return w + (((1.0 - w) - half) + z * r);
}

void cg_sincos_turn(double turn, double *sine, double *cosine) {
    CG_ASSERT(turn >= 0.0 && turn < 1.0);
    int quadrant = (int)(turn * 4.0 + 0.5); /* 0 to 4; 4 is 0 again */
    double rest = turn - (double)quadrant * 0.25;
    double angle = rest * 6.28318530717958647693;
    double s = sine_kernel(angle);
    double c = cosine_kernel(angle);
    switch (quadrant & 3) {
    case 0:
        *sine = s;
        *cosine = c;
        break;
    case 1:
        *sine = c;
        *cosine = -s;
        break;
    case 2:
        *sine = -s;
        *cosine = -c;
        break;
    default:
        *sine = -c;
        *cosine = s;
        break;
    }
}

/* IEEE 754 demands a correctly rounded square root, so the library's is the same everywhere. */
double cg_sqrt(double x) {
    return sqrt(x);
}

float cg_sqrtf(float x) {
    return sqrtf(x);
}

uint32_t cg_log2_floor(uint64_t x) {
    CG_ASSERT(x > 0);
    uint32_t result = 0;
    for (uint32_t step = 32; step > 0; step /= 2) {
        if (x >> step) {
            x >>= step;
            result += step;
        }
    }
    return result;
}

uint64_t cg_round_up_power2(uint64_t x) {
    CG_ASSERT(x <= UINT64_C(1) << 63);
    return x <= 1 ? 1 : UINT64_C(1) << (cg_log2_floor(x - 1) + 1);
}

/* One digit, base 2^32, of remainder * 2^32 + next over a divisor whose top bit is set: Knuth,
 * "The Art of Computer Programming", volume 2, section 4.3.1, algorithm D, steps D3 to D6. */
static uint64_t divide_digit(uint64_t *remainder, uint64_t next, uint64_t divisor) {
    const uint64_t base = UINT64_C(1) << 32;
    uint64_t divisor_high = divisor >> 32;
    uint64_t divisor_low = divisor & 0xffffffffu;
    uint64_t digit = *remainder / divisor_high;
    uint64_t rest = *remainder % divisor_high;
    while (digit >= base || digit * divisor_low > ((rest << 32) | next)) {
        digit--;
        rest += divisor_high;
        if (rest >= base) {
            break;
        }
    }
    /* Modulo 2^64: the true value lies in [0, divisor). */
    *remainder = (*remainder << 32) + next - digit * divisor;
    return digit;
}

uint64_t cg_mul_div(uint64_t a, uint64_t b, uint64_t c) {
    CG_ASSERT(c > 0);
    cg_wide product = cg_multiply_wide(a, b);
    if (product.high == 0) {
        return product.low / c;
    }
    if (product.high >= c) {
        return UINT64_MAX;
    }
    uint32_t shift = 63 - cg_log2_floor(c);
    uint64_t divisor = c << shift;
    uint64_t remainder = product.high;
    if (shift > 0) {
        remainder = (product.high << shift) | (product.low >> (64 - shift));
    }
    uint64_t low = product.low << shift;
    uint64_t high_digit = divide_digit(&remainder, low >> 32, divisor);
    uint64_t low_digit = divide_digit(&remainder, low & 0xffffffffu, divisor);
    return (high_digit << 32) | low_digit;
}
