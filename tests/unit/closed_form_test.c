/* Goal: closed forms have the values that books and hand calculation give, and findings are judged as
 * they say.
 */
#include "tests/support/support.h"

#include <math.h>
#include <string.h>

#include "sim/validate/closed_form.h"
#include "sim/validate/findings.h"
#include "sim/validate/queueing.h"
#include "sim/validate/wall.h"

static void assert_near(double found, double expected, double most) {
    if (!(fabs(found - expected) <= most)) {
        fail_msg("%.9g is not within %g of %.9g", found, most, expected);
    }
}

static void test_erlang(void **state) {
    (void)state;
    assert_near(sim_erlang_c(1, 0.7), 0.7, 1e-12); /* one server: the load */
    assert_near(sim_erlang_c(2, 1.0), 1.0 / 3.0, 1e-12);
    assert_near(sim_erlang_c(3, 2.0), 4.0 / 9.0, 1e-12);
    assert_near(sim_erlang_c(4, 3.0), 27.0 / 53.0, 1e-12);
    assert_near(sim_wait_mmc(1, 0.5), 1.0, 1e-12);
    assert_near(sim_wait_mmc(1, 0.95), 19.0, 1e-9);
    assert_near(sim_wait_mmc(2, 0.5), 1.0 / 3.0, 1e-12);
    assert_near(sim_wait_mmc(4, 0.75), 27.0 / 53.0, 1e-12);
    assert_near(sim_wait_md1(0.5), 0.5, 1e-12);
    assert_near(sim_wait_md1(0.95), 9.5, 1e-9);
    assert_near(sim_wait_mmc(16, 0.001), 0.0, 1e-12);
}

static void test_che(void **state) {
    (void)state;
    enum { KEYS = 1000 };
    static double popularity[KEYS];
    sim_zipf(0.0, KEYS, popularity);
    assert_near(sim_che(popularity, KEYS, 250.0), 0.25, 1e-6); /* all alike */
    assert_near(sim_che(popularity, KEYS, 990.0), 0.99, 1e-6);
    sim_zipf(1.0, KEYS, popularity);
    assert_near(popularity[0] / popularity[9], 10.0, 1e-9);
    double sum = 0.0;
    for (int i = 0; i < KEYS; i++) {
        sum += popularity[i];
    }
    assert_near(sum, 1.0, 1e-12);
    /* Two keys of 3/4 and 1/4 and room for one: 1 - x^3 + 1 - x = 1 at x = exp(-T / 4) =
     * 0.6823278, so hits 3/4 (1 - x^3) + 1/4 (1 - x) = 3/4 x + 1/4 (1 - x). */
    const double two[2] = {0.75, 0.25};
    assert_near(sim_che(two, 2, 1.0), 0.75 * 0.6823278 + 0.25 * 0.3176722, 1e-6);
}

static void test_quantiles(void **state) {
    (void)state;
    assert_near(sim_t_975(9), 2.26216, 1e-9);
    assert_near(sim_t_975(1), 12.7062, 1e-9);
    assert_near(sim_t_975(1000), 1.95996, 1e-9);
    double values[] = {5.0, 1.0, 4.0, 2.0, 3.0};
    assert_near(sim_quantile(values, 5, 0.5), 3.0, 0.0);
    assert_near(sim_quantile(values, 5, 0.99), 5.0, 0.0);
    assert_near(sim_quantile(values, 5, 0.0), 1.0, 0.0);
    const double wall[] = {100.0, 200.0, 400.0};
    const double simulated[] = {110.0, 200.0, 300.0};
    sim_wall_errors errors;
    cg_error error;
    assert_ok(sim_wall_compare(wall, simulated, 3, &errors, &error), error);
    assert_near(errors.median, 0.10, 1e-12);
    assert_near(errors.p99, 0.25, 1e-12);
    assert_near(errors.expected_median, 200.0, 0.0);
    assert_near(errors.found_median, 200.0, 0.0);
}

static void test_findings(void **state) {
    (void)state;
    static sim_findings findings;
    sim_finding *row = sim_findings_add(&findings, "first");
    assert_string_equal(row->error, "-");
    sim_findings_judge(&findings, row, true);
    row = sim_findings_add(&findings, "second");
    sim_findings_judge(&findings, row, false);
    (void)sim_findings_add(&findings, "third"); /* not judged */
    assert_int_equal(findings.count, 3);
    assert_int_equal(findings.missed, 1);
    for (int i = 0; i < 2 * SIM_FINDINGS_MAX; i++) {
        (void)sim_findings_add(&findings, "more");
    }
    assert_int_equal(findings.count, SIM_FINDINGS_MAX);
}

static void test_queue_refuses(void **state) {
    (void)state;
    const sim_queue_options bad[] = {{.servers = 0, .load = 0.5, .customers = 1000},
                                     {.servers = 1, .load = 1.0, .customers = 1000},
                                     {.servers = 1, .load = 0.0, .customers = 1000},
                                     {.servers = 1, .load = 0.5, .customers = 10}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sim_queue_result result;
        cg_error error = {CG_OK, ""};
        assert_status(sim_queue_run(&bad[i], &result, &error), CG_ERROR_INVALID, error,
                      "it needs a server");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_erlang),        cmocka_unit_test(test_che),
        cmocka_unit_test(test_quantiles),     cmocka_unit_test(test_findings),
        cmocka_unit_test(test_queue_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
