/* Goal: cg_log, cg_exp and cg_sincos_turn stay within the errors that math.h states, measured
 * against the 64-bit significands of the C library's long double; their bits on a fixed grid
 * are the known ones, so that a compiler that rounds differently is noticed; the integer
 * helpers agree with their definitions. */
#include "tests/support/support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/math.h"
#include "engine/base/wide.h"

enum { ROUNDS = 200000 };

static double double_of(uint64_t bits) {
    double x = 0.0;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void log_error_is_bounded(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(1), "test.log", 0);
    long double worst = 0.0L;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t bits = cg_stream_next(&stream) >> 1;
        double x = double_of(bits);
        if (i % 2) { /* close to 1, where the relative error is hard */
            x = 1.0 + (cg_stream_next_unit(&stream) - 0.5) * cg_exp(-0.0001 * (i % 350000));
        }
        if (!(x >= DBL_MIN && x <= DBL_MAX) || x == 1.0) {
            continue;
        }
        long double truth = logl((long double)x);
        long double error = fabsl(((long double)cg_log(x) - truth) / truth);
        if (error > worst) {
            worst = error;
        }
        if (error >= 1e-15L) {
            fail_msg("cg_log(%a) has relative error %Lg", x, error);
        }
    }
    fprintf(stderr, "cg_log: worst relative error %.3Lg\n", worst);
}

static void log_edges(void **state) {
    (void)state;
    assert_true(cg_log(1.0) == 0.0);
    assert_true(cg_log(10.0) == 2.302585092994046);
    assert_true(cg_log(0.0) == -(double)INFINITY);
    assert_true(cg_log(-0.0) == -(double)INFINITY);
    assert_true(isnan(cg_log(-1.0)));
    assert_true(isnan(cg_log((double)NAN)));
    assert_true(cg_log((double)INFINITY) == (double)INFINITY);
    static const double edges[] = {0x1p-1074,
                                   0x1.8p-1060,
                                   DBL_MIN,
                                   DBL_MAX,
                                   0x1.6a09e667f3bccp-1,
                                   0x1.6a09e667f3bcdp-1,
                                   0x1.6a09e667f3bccp0,
                                   0x1.6a09e667f3bcdp0,
                                   1.0 - 0x1p-53,
                                   1.0 + 0x1p-52,
                                   0.5,
                                   2.0};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        long double truth = logl((long double)edges[i]);
        assert_true(fabsl((long double)cg_log(edges[i]) - truth) < 1e-15L * fabsl(truth));
    }
}

static void exp_error_is_bounded(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(2), "test.exp", 0);
    long double worst = 0.0L;
    for (int i = 0; i < ROUNDS; i++) {
        double scale = i % 4 == 0 ? 1417.0 : i % 4 == 1 ? 20.0 : i % 4 == 2 ? 1.0 : 1e-6;
        double x = (cg_stream_next_unit(&stream) - 0.5) * scale;
        long double truth = expl((long double)x);
        long double error = fabsl(((long double)cg_exp(x) - truth) / truth);
        if (error > worst) {
            worst = error;
        }
        if (x > -708.0 && x < 709.78 &&
            error >= 4e-16L * (1.0L + fabsl((long double)x) / 8.0L)) {
            fail_msg("cg_exp(%a) has relative error %Lg", x, error);
        }
    }
    fprintf(stderr, "cg_exp: worst relative error %.3Lg\n", worst);
}

static void exp_edges(void **state) {
    (void)state;
    assert_true(cg_exp(0.0) == 1.0);
    assert_true(cg_exp(-0.0) == 1.0);
    assert_true(cg_exp(1.0) == 2.7182818284590455);
    assert_true(cg_exp(-745.14) == 0.0);
    assert_true(cg_exp(-1e300) == 0.0);
    assert_true(cg_exp(-(double)INFINITY) == 0.0);
    assert_true(cg_exp(709.79) == (double)INFINITY);
    assert_true(cg_exp((double)INFINITY) == (double)INFINITY);
    assert_true(isnan(cg_exp((double)NAN)));
    assert_true(cg_exp(709.782712893384) < (double)INFINITY);
    assert_true(cg_exp(709.782712893384) > 1.79e308);
    assert_true(cg_exp(-745.1) == 0x1p-1074);
    /* Subnormal results: within the spacing of the subnormals. */
    for (int i = 0; i < 100; i++) {
        double x = -745.0 + 0.37 * i;
        long double truth = expl((long double)x);
        assert_true(fabsl((long double)cg_exp(x) - truth) <= 0x1p-1074L + 4e-14L * truth);
    }
    /* Where k changes, the value must not jump back. */
    for (int k = -1000; k < 1000; k++) {
        double x = ((double)k + 0.5) * 0.6931471805599453;
        assert_true(cg_exp(x * (1.0 - 1e-13)) != cg_exp(x * (1.0 + 1e-13)));
        assert_true((cg_exp(x * (1.0 - 1e-13)) < cg_exp(x * (1.0 + 1e-13))) == (x > 0.0));
    }
}

static void sincos_error_is_bounded(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(3), "test.sincos", 0);
    const long double two_pi = 6.283185307179586476925286766559L;
    long double worst = 0.0L;
    for (int i = 0; i < ROUNDS; i++) {
        double turn = i < 1024 ? i / 1024.0 : cg_stream_next_unit(&stream);
        if (i % 16 == 7) {
            turn *= cg_exp(-(double)(i % 500));
        }
        double sine = 0.0;
        double cosine = 0.0;
        cg_sincos_turn(turn, &sine, &cosine);
        long double sine_error = fabsl((long double)sine - sinl(two_pi * (long double)turn));
        long double cosine_error =
            fabsl((long double)cosine - cosl(two_pi * (long double)turn));
        long double error = sine_error > cosine_error ? sine_error : cosine_error;
        if (error > worst) {
            worst = error;
        }
        if (error >= 1e-15L) {
            fail_msg("cg_sincos_turn(%a) has error %Lg", turn, error);
        }
    }
    fprintf(stderr, "cg_sincos_turn: worst error %.3Lg\n", worst);
}

static void sincos_is_exact_at_quarters(void **state) {
    (void)state;
    static const double sines[4] = {0.0, 1.0, 0.0, -1.0};
    static const double cosines[4] = {1.0, 0.0, -1.0, 0.0};
    for (int i = 0; i < 4; i++) {
        double sine = 9.0;
        double cosine = 9.0;
        cg_sincos_turn(i * 0.25, &sine, &cosine);
        assert_true(sine == sines[i]);
        assert_true(cosine == cosines[i]);
    }
    double sine = 9.0;
    double cosine = 9.0;
    cg_sincos_turn(1.0 - 0x1p-53, &sine, &cosine);
    assert_true(sine < 0.0 && sine > -1e-15 && cosine == 1.0);
}

/* A change of this value means that results on this compiler differ from those of every other.
 */
static void bits_on_a_grid_are_the_known_ones(void **state) {
    (void)state;
    cg_hasher log_hash = cg_hasher_init();
    cg_hasher exp_hash = cg_hasher_init();
    cg_hasher turn_hash = cg_hasher_init();
    cg_hasher root_hash = cg_hasher_init();
    cg_stream stream = cg_stream_init(42, "test.grid", 0);
    for (int i = 0; i < 20000; i++) {
        double x = double_of(cg_stream_next(&stream) >> 1);
        if (x <= DBL_MAX) {
            cg_hasher_add_f64(&log_hash, cg_log(x));
        }
        double unit = cg_stream_next_unit(&stream);
        cg_hasher_add_f64(&log_hash, cg_log(0.5 + unit));
        cg_hasher_add_f64(&exp_hash, cg_exp((unit - 0.5) * 1490.0));
        cg_hasher_add_f64(&exp_hash, cg_exp(unit - 0.5));
        cg_hasher_add_f64(&exp_hash, cg_pow(unit + 0.5, 3.7));
        double sine = 0.0;
        double cosine = 0.0;
        cg_sincos_turn(unit, &sine, &cosine);
        cg_hasher_add_f64(&turn_hash, sine);
        cg_hasher_add_f64(&turn_hash, cosine);
        cg_hasher_add_f64(&root_hash, cg_sqrt(unit));
        cg_hasher_add_f32(&root_hash, cg_sqrtf((float)unit));
        cg_hasher_add_f64(&root_hash, cg_stream_next_normal(&stream));
        cg_hasher_add_f64(&root_hash, cg_stream_next_exponential(&stream, 2.0));
    }
    assert_int_equal(cg_hasher_value(&log_hash), UINT64_C(0x697815d178183ee2));
    assert_int_equal(cg_hasher_value(&exp_hash), UINT64_C(0xde967335107a0be0));
    assert_int_equal(cg_hasher_value(&turn_hash), UINT64_C(0xdcbab37a4d1ff06d));
    assert_int_equal(cg_hasher_value(&root_hash), UINT64_C(0x661e2f43a2ad3698));
}

static void powers_of_two(void **state) {
    (void)state;
    for (uint32_t k = 0; k < 64; k++) {
        uint64_t power = UINT64_C(1) << k;
        assert_int_equal(cg_log2_floor(power), k);
        assert_int_equal(cg_log2_floor(power | (power - 1)), k);
        assert_int_equal(cg_round_up_power2(power), power);
        if (k >= 2) {
            assert_int_equal(cg_round_up_power2(power - 1), power);
        }
        if (k >= 1 && k < 63) {
            assert_int_equal(cg_round_up_power2(power + 1), power * 2);
        }
    }
    assert_int_equal(cg_round_up_power2(0), 1);
}

static int wide_compare(cg_wide a, cg_wide b) {
    if (a.high != b.high) {
        return a.high < b.high ? -1 : 1;
    }
    return a.low < b.low ? -1 : a.low > b.low;
}

/* q is a * b / c rounded down iff q * c <= a * b < (q + 1) * c; the product itself is checked
 * by long hand. */
static void mul_div_by_its_definition(void **state) {
    (void)state;
    assert_int_equal(cg_mul_div(7, 6, 5), 8);
    assert_int_equal(cg_mul_div(UINT64_MAX, UINT64_MAX, UINT64_MAX), UINT64_MAX);
    assert_int_equal(cg_mul_div(UINT64_MAX, 2, 1), UINT64_MAX);
    assert_int_equal(cg_mul_div(UINT64_MAX, 1000000007, 1000000007), UINT64_MAX);
    assert_int_equal(cg_mul_div(UINT64_MAX - 1, UINT64_MAX, UINT64_MAX), UINT64_MAX - 1);
    assert_int_equal(cg_mul_div(0, UINT64_MAX, 3), 0);
    cg_wide square = cg_multiply_wide(UINT64_MAX, UINT64_MAX);
    assert_int_equal(square.high, UINT64_MAX - 1);
    assert_int_equal(square.low, 1);
    cg_stream stream = cg_stream_init(support_seed(4), "test.mul_div", 0);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t a = cg_stream_next(&stream) >> cg_stream_next_below(&stream, 64);
        uint64_t b = cg_stream_next(&stream) >> cg_stream_next_below(&stream, 64);
        uint64_t c = cg_stream_next(&stream) >> cg_stream_next_below(&stream, 64);
        if (i % 8 == 0) { /* digits of ones and zeros exercise the corrections of a digit */
            c = UINT64_C(0xffffffff00000000) >> cg_stream_next_below(&stream, 32);
            a = c - 1;
        }
        c += c == 0;
        uint64_t q = cg_mul_div(a, b, c);
        cg_wide product = cg_multiply_wide(a, b);
        if (q == UINT64_MAX) {
            assert_true(product.high >= c ||
                        wide_compare(cg_multiply_wide(q, c), product) <= 0);
        } else {
            assert_true(wide_compare(cg_multiply_wide(q, c), product) <= 0);
            assert_true(wide_compare(product, cg_multiply_wide(q + 1, c)) < 0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_error_is_bounded),
        cmocka_unit_test(log_edges),
        cmocka_unit_test(exp_error_is_bounded),
        cmocka_unit_test(exp_edges),
        cmocka_unit_test(sincos_error_is_bounded),
        cmocka_unit_test(sincos_is_exact_at_quarters),
        cmocka_unit_test(bits_on_a_grid_are_the_known_ones),
        cmocka_unit_test(powers_of_two),
        cmocka_unit_test(mul_div_by_its_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
