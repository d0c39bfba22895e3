/* Goal: what a worker writes is read back the same, and no text however broken is taken for
 * results. */
#include "tests/support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/record/rows.h"
#include "sim/record/rows_read.h"

/* Reads the text back that `write` put into a temporary file. */
static char *written(void (*write)(sim_rows *), cg_status expected, cg_error *error) {
    FILE *file = tmpfile();
    assert_non_null(file);
    sim_rows *rows = NULL;
    assert_ok(sim_rows_alloc(file, &rows, error), *error);
    write(rows);
    assert_int_equal(sim_rows_finish(rows, "built", 0x1234, error), expected);
    sim_rows_free(rows);
    long size = ftell(file);
    char *text = calloc((size_t)size + 1, 1);
    assert_non_null(text);
    rewind(file);
    assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    return text;
}

static void write_all_kinds(sim_rows *rows) {
    cg_histogram histogram;
    cg_histogram_init(&histogram, cg_allocator_heap());
    assert_int_equal(cg_histogram_record(&histogram, 5, 2, NULL), CG_OK);
    sim_rows_metric(rows, "throughput", "mean", 0.1, "1/s");
    sim_rows_wall(rows, "build", "seconds", -1e-300, "s");
    sim_rows_histogram(rows, "latency", "ns", &histogram);
    sim_rows_series(rows, "latency", INT64_MAX, "p99", 3, "");
    sim_rows_event(rows, 7, "note", "tab\tline\nback\\slash\r");
    sim_rows_alert(rows, 8, "warning", "");
    cg_histogram_deinit(&histogram);
}

static void test_round_trip(void **state) {
    (void)state;
    cg_error error = {0};
    char *text = written(write_all_kinds, CG_OK, &error);
    sim_rows_reader reader = sim_rows_reader_init(text);
    sim_row row;
    bool more = true;
    assert_ok(sim_rows_reader_next(&reader, &row, &more, &error), error);
    assert_int_equal(row.kind, SIM_ROW_METRIC);
    assert_string_equal(row.name, "throughput");
    assert_string_equal(row.unit, "1/s");
    assert_true(row.value == 0.1);
    assert_ok(sim_rows_reader_next(&reader, &row, &more, &error), error);
    assert_int_equal(row.kind, SIM_ROW_WALL);
    assert_true(row.value == -1e-300);
    assert_ok(sim_rows_reader_next(&reader, &row, &more, &error), error);
    assert_int_equal(row.kind, SIM_ROW_HISTOGRAM);
    assert_string_equal(row.text, "v1 5 5 5:2");
    assert_ok(sim_rows_reader_next(&reader, &row, &more, &error), error);
    assert_int_equal(row.kind, SIM_ROW_SERIES);
    assert_int_equal(row.time_ns, INT64_MAX);
    assert_string_equal(row.unit, "");
    assert_ok(sim_rows_reader_next(&reader, &row, &more, &error), error);
    assert_int_equal(row.kind, SIM_ROW_EVENT);
    assert_string_equal(row.text, "tab\tline\nback\\slash\r");
    assert_ok(sim_rows_reader_next(&reader, &row, &more, &error), error);
    assert_int_equal(row.kind, SIM_ROW_ALERT);
    assert_ok(sim_rows_reader_next(&reader, &row, &more, &error), error);
    assert_int_equal(row.kind, SIM_ROW_DONE);
    assert_string_equal(row.fingerprint, "0000000000001234");
    assert_true(more);
    assert_ok(sim_rows_reader_next(&reader, &row, &more, &error), error);
    assert_false(more);
    free(text);
}

static void write_nan(sim_rows *rows) {
    sim_rows_metric(rows, "good", "mean", 1, "1");
    sim_rows_metric(rows, "bad", "mean", (double)NAN, "1");
    sim_rows_metric(rows, "late", "mean", 1, "1");
}

static void write_bad_name(sim_rows *rows) {
    sim_rows_metric(rows, "two words", "mean", 1, "1");
}

static void write_late(sim_rows *rows) {
    sim_rows_event(rows, UINT64_MAX, "note", "");
}

static void test_writer_refuses(void **state) {
    (void)state;
    cg_error error = {0};
    char *text = written(write_nan, CG_ERROR_INVALID, &error);
    assert_true(support_contains(error.message, "bad:mean is not a number"));
    assert_true(support_contains(text, "error\tresult bad:mean"));
    assert_false(support_contains(text, "late"));
    assert_false(support_contains(text, "done"));
    free(text);
    free(written(write_bad_name, CG_ERROR_INVALID, &error));
    assert_true(support_contains(error.message, "\"two words\""));
    free(written(write_late, CG_ERROR_INVALID, &error));
    assert_true(support_contains(error.message, "past 2^63 - 1"));
}

static void test_reader_refuses(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *part;
    } cases[] = {
        {"metric\ta\tmean\t1\t1", "cut off"},
        {"\n", "unknown kind"},
        {"hello\n", "unknown kind"},
        {"metric\n", "number of fields"},
        {"metric\ta\tmean\t1\t1\t1\n", "number of fields"},
        {"metric\ta\tmean\t1\t1\t1\t1\t1\t1\n", "number of fields"},
        {"metric\t\tmean\t1\t1\n", "name or statistic"},
        {"metric\ta:b\tmean\t1\t1\n", "name or statistic"},
        {"metric\ta\tmean\tnan\t1\n", "finite"},
        {"metric\ta\tmean\tinf\t1\n", "finite"},
        {"metric\ta\tmean\t1e999\t1\n", "finite"},
        {"metric\ta\tmean\t0x10\t1\n", "finite"},
        {"metric\ta\tmean\t 1\t1\n", "finite"},
        {"metric\ta\tmean\t1-\t1\n", "finite"},
        {"metric\ta\tmean\t\t1\n", "finite"},
        {"metric\ta\tmean\t1\tn s\n", "unit"},
        {"series\ta\t-1\tmean\t1\tns\n", "bad time"},
        {"series\ta\t9223372036854775808\tmean\t1\tns\n", "bad time"},
        {"series\ta\t99999999999999999999\tmean\t1\tns\n", "bad time"},
        {"histogram\ta\tns\tv1 5 5 5:0\n", "no histogram"},
        {"histogram\ta\tns\tv2\n", "no histogram"},
        {"event\t1\tnote\tbad \\x escape\n", "escape"},
        {"event\t1\tnote\tends in \\\n", "escape"},
        {"done\tinvented\t0000000000001234\n", "origin"},
        {"done\tbuilt\t1234\n", "fingerprint"},
        {"done\tbuilt\t000000000000123G\n", "fingerprint"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s", cases[i].text);
        sim_rows_reader reader = sim_rows_reader_init(text);
        sim_row row;
        bool more = true;
        cg_error error = {0};
        assert_status(sim_rows_reader_next(&reader, &row, &more, &error), CG_ERROR_CORRUPT,
                      error, cases[i].part);
        assert_true(support_contains(error.message, "line 1 "));
    }
}

static void test_bytes_that_are_no_text(void **state) {
    (void)state;
    char text[] = "error\tgood \xc3\xa4 bad \xff\xc3 \xed\xa0\x80 \x01\n";
    sim_rows_reader reader = sim_rows_reader_init(text);
    sim_row row;
    bool more = true;
    cg_error error = {0};
    assert_ok(sim_rows_reader_next(&reader, &row, &more, &error), error);
    assert_string_equal(row.text, "good \xc3\xa4 bad ?? ??? ?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_writer_refuses),
        cmocka_unit_test(test_reader_refuses),
        cmocka_unit_test(test_bytes_that_are_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
