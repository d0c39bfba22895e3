/* Goal: the power law that synthetic degrees come from has the mean, quantiles and masses of its
 * formulas, and the order of rows is a permutation that can be undone. (E1) */
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>

#include "engine/graph/synthetic_law.h"

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) {
        fail_msg("%.12g is not within %g of %.12g", value, tolerance, expected);
    }
}

static void the_law(void **state) {
    (void)state;
    const power_law law = {.exponent = 3.0, .most = 100.0, .ratio = 0.01};
    assert_near(cg_power_law_mean(&law), 200.0 / 101.0, 1e-9); /* 2 r / (1 + r) most */
    assert_near(cg_power_law_quantile(&law, 0.0), 100.0, 1e-9);
    assert_near(cg_power_law_quantile(&law, 1.0), 1.0, 1e-9);
    /* share u above y: (y^-2 - 1) / (r^-2 - 1) = 1/3 at y = sqrt(3 / 10002). */
    assert_near(cg_power_law_quantile(&law, 1.0 / 3.0), 100.0 * sqrt(3.0 / 10002.0), 1e-6);
    /* A tenth of the sum: (1/y - 1) / (1/r - 1) = 1/10 at 1/y = 10.9; share (10.9^2 - 1) / 9999. */
    assert_near(cg_power_law_share_of_mass(&law, 0.1), 117.81 / 9999.0, 1e-9);
    static const double exponents[] = {1.0, 1.5, 2.0, 2.5, 3.0, 10.0};
    for (size_t i = 0; i < sizeof exponents / sizeof exponents[0]; i++) {
        const power_law made = cg_power_law_init(exponents[i], 10.0, 300.0);
        double sum = 0.0;
        for (int q = 0; q < 100000; q++) {
            sum += cg_power_law_quantile(&made, ((double)q + 0.5) / 100000.0);
        }
        assert_near(sum / 100000.0, 10.0, 0.01);
        double before = -1.0;
        for (int m = 0; m <= 1000; m++) {
            double share = cg_power_law_share_of_mass(&made, (double)m / 1000.0);
            assert_true(share >= before && share >= 0.0 && share <= 1.0);
            before = share;
        }
    }
}

static void the_order(void **state) {
    (void)state;
    static const uint32_t counts[] = {2, 3, 4, 5, 64, 65, 1000, 4097};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const row_order order = cg_row_order_init(counts[i], 7);
        uint8_t *seen = calloc(counts[i], 1);
        assert_non_null(seen);
        for (uint32_t place = 0; place < counts[i]; place++) {
            const uint32_t row = cg_row_order_at(&order, place);
            assert_true(row < counts[i] && !seen[row]);
            seen[row] = 1;
            assert_int_equal(cg_row_order_find(&order, row), place);
        }
        free(seen);
    }
    const row_order large = cg_row_order_init(UINT32_C(1) << 30, 1);
    for (uint32_t place = 0; place < 1000; place++) {
        assert_int_equal(cg_row_order_find(&large, cg_row_order_at(&large, place)), place);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_law),
        cmocka_unit_test(the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
