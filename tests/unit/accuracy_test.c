/* Goal: what is reported about right and sure decisions has the values that a reader would
 * compute by hand. */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/point/accuracy.h"

enum { COUNT = 20 };

/* Request i (from 0) has confidence (i + 0.5) / 20, exact in 1/65536 but for rounding; every
 * second of the first ten is right, and all of the last ten but the last. */
static void fill(sim_request_record requests[COUNT]) {
    memset(requests, 0, COUNT * sizeof requests[0]);
    for (uint32_t i = 0; i < COUNT; i++) {
        sim_request_record *request = &requests[i];
        request->replied = true;
        request->reply.status = CG_OK;
        request->reply.confidence_q16 = (uint32_t)((i + 0.5) / COUNT * 65536.0);
        request->answer_rank = (i < 10 ? i % 2 == 0 : i != COUNT - 1) ? 1 : i % 4 == 3 ? 2 : 0;
        request->winner_near = i < 16;
        request->answer_near = true;
        request->reply.audited = i < 4;
        request->reply.agreed = i < 3;
        request->reply.stage_out[CG_STAGE_COARSE] = 100 + i;
    }
}

static char *report(sim_request_record *requests, uint32_t count, sim_facts_from from) {
    sim_facts facts = {.from = from};
    sim_measure measure = {.facts = &facts, .requests = requests, .request_count = count};
    char *text = NULL;
    size_t size_bytes = 0;
    cg_error error = {0};
    sim_rows *rows = NULL;
    FILE *file = open_memstream(&text, &size_bytes);
    assert_non_null(file);
    assert_ok(sim_rows_alloc(file, &rows, &error), error);
    assert_ok(sim_accuracy_report(&measure, rows, &error), error);
    assert_ok(sim_rows_finish(rows, "built", 0, &error), error);
    sim_rows_free(rows);
    fclose(file);
    return text;
}

static double figure(const char *text, const char *metric, const char *statistic) {
    char line[96];
    snprintf(line, sizeof line, "metric\t%s\t%s\t", metric, statistic);
    const char *at = strstr(text, line);
    if (!at) {
        fail_msg("there is no %s:%s in\n%s", metric, statistic, text);
        return 0.0;
    }
    return strtod(at + strlen(line), NULL);
}

static void assert_near(double value, double expected, double tolerance) {
    if (!(value >= expected - tolerance && value <= expected + tolerance)) {
        fail_msg("%.10g is not within %g of %.10g", value, tolerance, expected);
    }
}

static void test_held_out(void **state) {
    (void)state;
    sim_request_record requests[COUNT];
    fill(requests);
    char *text = report(requests, COUNT, SIM_FACTS_HELD_OUT);
    assert_near(figure(text, "hypernym.first", "share"), 70.0, 1e-9);
    /* sqrt(0.7 * 0.3 / 20) */
    assert_near(figure(text, "hypernym.first", "se"), 10.2469507660, 1e-8);
    /* 3, 7 and 19 are second. */
    assert_near(figure(text, "hypernym.top10", "share"), 85.0, 1e-9);
    assert_near(figure(text, "hypernym.near1", "share"), 80.0, 1e-9);
    assert_near(figure(text, "hypernym.near10", "share"), 100.0, 1e-9);
    assert_near(figure(text, "agreement", "share"), 75.0, 1e-9);
    assert_near(figure(text, "agreement.audits", "total"), 4.0, 0.0);
    assert_near(figure(text, "stage.coarse", "mean"), 109.5, 1e-9);
    assert_null(strstr(text, "recalled"));
    /* Of the surest fifth, 16 to 19, all but 19 are right; of a tenth, 0 and 18. */
    assert_near(figure(text, "surest.right", "share"), 75.0, 1e-9);
    assert_near(figure(text, "stream.first", "share"), 50.0, 1e-9);
    assert_near(figure(text, "stream.last", "share"), 50.0, 1e-9);
    free(text);
}

/* Two decisions a bin, at mean confidence (k + 0.5) / 10: one right in the first five and the
 * last, both in the others. Errors: 0.45 0.35 0.25 0.15 0.05, 0.45 0.35 0.25 0.15, 0.45. */
static void test_calibration(void **state) {
    (void)state;
    sim_request_record requests[COUNT];
    fill(requests);
    char *text = report(requests, COUNT, SIM_FACTS_HELD_OUT);
    assert_near(figure(text, "calibration.error", "mean"), 0.29, 1e-4);
    assert_near(figure(text, "reliability.00", "facts"), 2.0, 0.0);
    assert_near(figure(text, "reliability.90", "facts"), 2.0, 0.0);
    assert_near(figure(text, "reliability.90", "right"), 50.0, 1e-9);
    assert_near(figure(text, "reliability.60", "right"), 100.0, 1e-9);
    assert_near(figure(text, "reliability.60", "confidence"), 0.65, 1e-4);
    free(text);
    /* Certain decisions belong to the last bin; a bin without decisions states only that. */
    requests[0].reply.confidence_q16 = 65536;
    text = report(requests, 1, SIM_FACTS_HELD_OUT);
    assert_near(figure(text, "reliability.90", "facts"), 1.0, 0.0);
    assert_near(figure(text, "reliability.00", "facts"), 0.0, 0.0);
    assert_null(strstr(text, "reliability.00\tright"));
    assert_near(figure(text, "calibration.error", "mean"), 0.0, 0.0);
    free(text);
}

static void test_restated(void **state) {
    (void)state;
    sim_request_record requests[COUNT];
    fill(requests);
    char *text = report(requests, COUNT, SIM_FACTS_GLOSS);
    assert_near(figure(text, "recalled", "share"), 70.0, 1e-9);
    assert_near(figure(text, "recalled.sure", "share"), 15.0, 1e-9);   /* 16, 17, 18 */
    assert_near(figure(text, "recalled.fairly", "share"), 25.0, 1e-9); /* and 14, 15 */
    assert_null(strstr(text, "hypernym"));
    free(text);
}

/* What was not acknowledged counts nowhere; without any answer there is nothing to state. */
static void test_unanswered(void **state) {
    (void)state;
    sim_request_record requests[COUNT];
    fill(requests);
    for (uint32_t i = 10; i < COUNT; i++) {
        requests[i].reply.status = CG_ERROR_TIMEOUT;
    }
    char *text = report(requests, COUNT, SIM_FACTS_HELD_OUT);
    assert_near(figure(text, "hypernym.first", "share"), 50.0, 1e-9);
    free(text);
    text = report(requests + 10, 10, SIM_FACTS_HELD_OUT);
    assert_null(strstr(text, "hypernym"));
    assert_near(figure(text, "agreement.audits", "total"), 0.0, 0.0);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_out),
        cmocka_unit_test(test_calibration),
        cmocka_unit_test(test_restated),
        cmocka_unit_test(test_unanswered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
