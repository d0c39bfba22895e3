/* Goal: a history keeps what it is told, once and in order, and its lines are exact both ways;
 * what is wrong is refused with its place and changes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/histories.h"

static const char *const known_line =
    "{\"id\":1,\"client\":2,\"host\":3,\"kind\":\"get\",\"key\":4,\"space\":0,\"count\":0,"
    "\"acknowledge\":\"none\",\"promised\":true,\"invoke_ns\":5,\"complete_ns\":6,"
    "\"outcome\":\"ok\",\"status\":\"ok\",\"answered_by\":3,\"epoch\":0,\"fact_id\":0,"
    "\"slot\":null,\"found\":true,\"value\":18446744073709551615}\n";

static sim_operation known_operation(void) {
    sim_operation operation =
        history_value(history_ok(SIM_OPERATION_GET, 1, 4, 2, 5, 6), UINT64_MAX);
    operation.host_asked = operation.host_answered = 3;
    operation.promised = true;
    return operation;
}

static char *written(sim_history *history) {
    char *text = NULL;
    size_t size_bytes = 0;
    cg_error error = {0};
    FILE *file = open_memstream(&text, &size_bytes);
    assert_non_null(file);
    assert_ok(sim_history_write(history, file, &error), error);
    fclose(file);
    return text;
}

static void a_line_is_as_documented(void **state) {
    (void)state;
    sim_operation operation = known_operation();
    char line[SIM_HISTORY_LINE_BYTES];
    size_t length = sim_history_line(&operation, line);
    assert_string_equal(line, known_line);
    assert_int_equal(length, strlen(known_line));
}

static void the_longest_line_fits(void **state) {
    (void)state;
    sim_operation operation = {.id = UINT64_MAX,
                               .key = UINT64_MAX,
                               .invoke_ns = UINT64_MAX - 1,
                               .complete_ns = UINT64_MAX - 1,
                               .value = UINT64_MAX,
                               .fact_id = UINT64_MAX,
                               .slot = UINT64_MAX,
                               .epoch = UINT64_MAX,
                               .client = UINT32_MAX,
                               .host_asked = UINT32_MAX,
                               .host_answered = UINT32_MAX,
                               .space = UINT32_MAX,
                               .count = UINT32_MAX,
                               .kind = SIM_OPERATION_EDGE_OBSERVE,
                               .outcome = SIM_EFFECT_UNKNOWN,
                               .status = CG_ERROR_UNREACHABLE,
                               .acknowledge = SIM_MODE_PRIMARY,
                               .has_value = true,
                               .has_slot = true,
                               .has_answer = true};
    char line[SIM_HISTORY_LINE_BYTES];
    assert_true(sim_history_line(&operation, line) < SIM_HISTORY_LINE_BYTES);
}

static void invoke_and_complete_make_one_operation(void **state) {
    (void)state;
    cg_error error = {0};
    sim_history *history = history_new();
    sim_operation asked = {.id = 9,
                           .key = 9,
                           .invoke_ns = 100,
                           .client = 1,
                           .host_asked = 2,
                           .kind = SIM_OPERATION_ALLOCATE};
    assert_ok(sim_history_invoke(history, &asked, &error), error);
    sim_operation got = {0};
    assert_true(sim_history_find(history, 9, &got));
    assert_int_equal(got.outcome, SIM_EFFECT_OPEN);
    assert_true(got.complete_ns == SIM_TIME_NONE);
    sim_operation answer = {.id = 9,
                            .complete_ns = 250,
                            .status = CG_OK,
                            .host_answered = 4,
                            .has_answer = true,
                            .fact_id = 77,
                            .slot = 5,
                            .has_slot = true,
                            .value = 77,
                            .has_value = true,
                            .epoch = 3,
                            .acknowledge = SIM_MODE_QUORUM};
    assert_ok(sim_history_complete(history, &answer, &error), error);
    assert_true(sim_history_find(history, 9, &got));
    assert_int_equal(got.outcome, SIM_EFFECT_OK);
    assert_int_equal(got.host_asked, 2);
    assert_int_equal(got.host_answered, 4);
    assert_int_equal(got.fact_id, 77);
    assert_int_equal(got.slot, 5);
    assert_int_equal(got.epoch, 3);
    assert_int_equal(got.value, 77);
    assert_int_equal(got.acknowledge, SIM_MODE_QUORUM);
    answer.complete_ns = 300;
    assert_status(sim_history_complete(history, &answer, &error), CG_ERROR_EXISTS, error,
                  "operation 9 was complete at 250 ns");
    sim_history_free(history);
}

static void outcomes_follow_from_statuses(void **state) {
    (void)state;
    assert_int_equal(sim_effect_of(CG_OK), SIM_EFFECT_OK);
    assert_int_equal(sim_effect_of(CG_ERROR_PARTIAL), SIM_EFFECT_OK);
    assert_int_equal(sim_effect_of(CG_ERROR_OVERLOADED), SIM_EFFECT_FAILED);
    assert_int_equal(sim_effect_of(CG_ERROR_TIMEOUT), SIM_EFFECT_UNKNOWN);
    assert_int_equal(sim_effect_of(CG_ERROR_UNREACHABLE), SIM_EFFECT_UNKNOWN);
    assert_int_equal(sim_effect_of(CG_ERROR_PARTITION), SIM_EFFECT_UNKNOWN);
    cg_error error = {0};
    sim_history *history = history_new();
    sim_operation get = {.id = 1, .key = 5, .invoke_ns = 1, .kind = SIM_OPERATION_GET};
    assert_ok(sim_history_invoke(history, &get, &error), error);
    sim_operation answer = {.id = 1, .complete_ns = 2, .status = CG_ERROR_NOT_FOUND};
    assert_ok(sim_history_complete(history, &answer, &error), error);
    sim_operation got = {0};
    assert_true(sim_history_find(history, 1, &got));
    assert_int_equal(got.outcome, SIM_EFFECT_OK);
    assert_false(got.found);
    sim_history_free(history);
}

static void wrong_operations_change_nothing(void **state) {
    (void)state;
    cg_error error = {0};
    sim_history *history = NULL;
    assert_status(sim_history_alloc(cg_allocator_heap(), 0, &history, &error), CG_ERROR_INVALID,
                  error, "at least 1");
    assert_ok(sim_history_alloc(cg_allocator_heap(), 2, &history, &error), error);
    sim_operation good = history_ok(SIM_OPERATION_ALLOCATE, 1, 1, 0, 10, 20);
    assert_ok(sim_history_add(history, &good, &error), error);
    assert_status(sim_history_add(history, &good, &error), CG_ERROR_EXISTS, error,
                  "operation 1 is there, invoked at 10 ns");
    sim_operation bad = good;
    bad.id = 2;
    bad.complete_ns = 9;
    assert_status(sim_history_add(history, &bad, &error), CG_ERROR_INVALID, error,
                  "invoked at 10 ns and complete at 9 ns");
    bad = good;
    bad.id = 2;
    bad.kind = SIM_OPERATION_KIND_COUNT;
    assert_status(sim_history_add(history, &bad, &error), CG_ERROR_INVALID, error, "kind 8");
    bad = good;
    bad.id = 2;
    bad.outcome = SIM_EFFECT_OPEN;
    assert_status(sim_history_add(history, &bad, &error), CG_ERROR_INVALID, error,
                  "operation 2 is open, but has a completion time");
    sim_operation batch = {.id = 2, .key = UINT64_C(1) << 48, .kind = SIM_OPERATION_BATCH};
    assert_status(sim_history_invoke(history, &batch, &error), CG_ERROR_INVALID, error,
                  "below 2^48");
    batch.key = 2;
    assert_status(sim_history_invoke(history, &batch, &error), CG_ERROR_INVALID, error,
                  "asks for 0 facts");
    batch.count = 3;
    assert_ok(sim_history_invoke(history, &batch, &error), error);
    sim_operation answer = {.id = 2, .complete_ns = 5, .count = 4};
    assert_status(sim_history_complete(history, &answer, &error), CG_ERROR_INVALID, error,
                  "stored 4 facts, but 3 were asked for");
    answer.id = 3;
    assert_status(sim_history_complete(history, &answer, &error), CG_ERROR_NOT_FOUND, error,
                  "operation 3 is answered at 5 ns, but was never invoked");
    sim_operation third = history_ok(SIM_OPERATION_GET, 3, 1, 0, 30, 40);
    assert_status(sim_history_add(history, &third, &error), CG_ERROR_FULL, error,
                  "full with 2 operations");
    assert_int_equal(sim_history_count(history), 2);
    sim_history_free(history);
}

static void lines_come_in_canonical_order(void **state) {
    (void)state;
    cg_error error = {0};
    sim_history *history = history_new();
    history_put(history, history_ok(SIM_OPERATION_ALLOCATE, 3, 3, 0, 20, 30));
    history_put(history, history_ok(SIM_OPERATION_ALLOCATE, 2, 2, 0, 20, 21));
    history_put(history, history_ok(SIM_OPERATION_ALLOCATE, 7, 7, 0, 10, 90));
    assert_ok(sim_history_sort(history, &error), error);
    const sim_operation *operations = sim_history_operations(history);
    assert_int_equal(operations[0].id, 7);
    assert_int_equal(operations[1].id, 2);
    assert_int_equal(operations[2].id, 3);
    sim_operation got = {0};
    assert_true(sim_history_find(history, 3, &got));
    assert_int_equal(got.complete_ns, 30);
    sim_history_truncate(history, 1);
    assert_false(sim_history_find(history, 3, &got));
    assert_true(sim_history_find(history, 7, &got));
    sim_history_free(history);
}

static void lines_are_read_in_any_order_of_fields(void **state) {
    (void)state;
    cg_error error = {0};
    const char *text =
        "\n \t{ \"value\" : null , \"found\":false,\"slot\":8,\"fact_id\":3,\"epoch\":2,"
        "\"answered_by\":null,\"status\":null,\"outcome\":\"open\",\"complete_ns\":null,"
        "\"invoke_ns\":7,\"promised\":false,\"acknowledge\":\"all\",\"count\":0,\"space\":1,"
        "\"key\":6,\"kind\":\"allocate\",\"host\":0,\"client\":5,\"id\":11 } \r\n\n";
    sim_history *history = history_new();
    assert_ok(sim_history_read(history, text, strlen(text), &error), error);
    assert_int_equal(sim_history_count(history), 1);
    sim_operation got = {0};
    assert_true(sim_history_find(history, 11, &got));
    assert_false(got.has_value);
    assert_true(got.has_slot);
    assert_int_equal(got.slot, 8);
    assert_int_equal(got.outcome, SIM_EFFECT_OPEN);
    assert_int_equal(got.acknowledge, SIM_MODE_ALL);
    sim_history_free(history);
}

/* The known line with its first `from` replaced. */
static void refuses(const char *from, const char *to, const char *says) {
    char text[2048];
    const char *at = strstr(known_line, from);
    assert_non_null(at);
    (void)snprintf(text, sizeof text, "%s%.*s%s%s", known_line, (int)(at - known_line),
                   known_line, to, at + strlen(from));
    cg_error error = {0};
    sim_history *history = history_new();
    assert_status(sim_history_read(history, text, strlen(text), &error), CG_ERROR_CORRUPT,
                  error, says);
    assert_true(support_contains(error.message, "line 2"));
    assert_int_equal(sim_history_count(history), 0);
    sim_history_free(history);
}

static void bad_lines_are_refused_with_their_place(void **state) {
    (void)state;
    refuses("{", "[", "begins with {");
    refuses("\"id\":1,", "\"ident\":1,", "there is no field ident");
    refuses("\"id\":1,", "\"id\":1,\"id\":1,", "second field id");
    refuses("\"id\":1,", "", "there is no field id");
    refuses("\"id\":1", "\"id\":01", "for id");
    refuses("\"id\":1", "\"id\":-1", "for id");
    refuses("\"id\":1", "\"id\":1.5", "ends with }");
    refuses("\"id\":1", "\"id\":null", "for id");
    refuses("18446744073709551615", "18446744073709551616", "for value");
    refuses("\"client\":2", "\"client\":4294967296", "for client");
    refuses("\"kind\":\"get\"", "\"kind\":\"put\"", "for kind");
    refuses("\"promised\":true", "\"promised\":yes", "for promised");
    refuses("\"outcome\":\"ok\"", "\"outcome\":\"open\"", "has a completion time");
    refuses("\"complete_ns\":6", "\"complete_ns\":4", "complete at 4 ns");
    refuses("}\n", "} {\n", "more after the operation");
    refuses("}\n", "", "ends with }");
    cg_error error = {0};
    sim_history *history = history_new();
    char twice[1024];
    (void)snprintf(twice, sizeof twice, "%s%s", known_line, known_line);
    assert_status(sim_history_read(history, twice, strlen(twice), &error), CG_ERROR_EXISTS,
                  error, "line 2: operation 1 is there");
    assert_int_equal(sim_history_count(history), 0);
    sim_history_free(history);
}

static cg_status build(cg_allocator allocator, cg_error *error) {
    sim_history *history = NULL;
    cg_status status = sim_history_alloc(allocator, 100, &history, error);
    for (uint64_t i = 0; status == CG_OK && i < 40; ++i) {
        sim_operation operation = history_ok(SIM_OPERATION_ALLOCATE, i, i, 0, 100 - i, 200);
        status = sim_history_add(history, &operation, error);
        if (status == CG_ERROR_MEMORY) {
            assert_int_equal(sim_history_count(history), i);
        }
    }
    if (status == CG_OK) {
        status = sim_history_sort(history, error);
        assert_int_equal(sim_history_count(history), 40);
        assert_int_equal(sim_history_operations(history)[0].id, status == CG_OK ? 39 : 0);
    }
    sim_history_free(history);
    return status;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_error error = {0};
    uint64_t fail_at = 1;
    for (;; ++fail_at) {
        counting.fail_at = fail_at;
        cg_status status = build(cg_counting_allocator_view(&counting), &error);
        assert_int_equal(counting.live_blocks, 0);
        if (status == CG_OK) {
            break;
        }
        assert_int_equal(status, CG_ERROR_MEMORY);
    }
    assert_true(fail_at > 5);
}

static void reading_takes_back_what_it_added(void **state) {
    (void)state;
    cg_error error = {0};
    sim_history *source = history_new();
    for (uint64_t i = 2; i < 40; ++i) {
        history_put(source, history_ok(SIM_OPERATION_ALLOCATE, i, i, 0, i, 200));
    }
    char *text = written(source);
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    sim_operation kept = history_ok(SIM_OPERATION_ALLOCATE, 1, 1, 0, 1, 2);
    cg_status status = CG_ERROR_MEMORY;
    for (uint64_t fail_at = 1; status != CG_OK; ++fail_at) {
        sim_history *history = NULL;
        counting.fail_at = 0;
        assert_ok(
            sim_history_alloc(cg_counting_allocator_view(&counting), 39, &history, &error),
            error);
        assert_ok(sim_history_add(history, &kept, &error), error);
        counting.fail_at = fail_at;
        status = sim_history_read(history, text, strlen(text), &error);
        assert_int_equal(sim_history_count(history), status == CG_OK ? 39 : 1);
        assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
        assert_true(sim_history_find(history, 1, &kept));
        assert_true(sim_history_find(history, 39, &kept) == (status == CG_OK));
        kept = history_ok(SIM_OPERATION_ALLOCATE, 1, 1, 0, 1, 2);
        sim_history_free(history);
    }
    free(text);
    sim_history_free(source);
}

static void a_file_that_is_full_is_an_error(void **state) {
    (void)state;
    cg_error error = {0};
    sim_history *history = history_new();
    history_put(history, known_operation());
    char *text = written(history);
    assert_string_equal(text, known_line);
    free(text);
    FILE *full = fopen("/dev/full", "wb");
    if (full) {
        assert_status(sim_history_write(history, full, &error), CG_ERROR_IO, error,
                      "could not be written");
        fclose(full);
    }
    sim_history_free(history);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_as_documented),
        cmocka_unit_test(the_longest_line_fits),
        cmocka_unit_test(invoke_and_complete_make_one_operation),
        cmocka_unit_test(outcomes_follow_from_statuses),
        cmocka_unit_test(wrong_operations_change_nothing),
        cmocka_unit_test(lines_come_in_canonical_order),
        cmocka_unit_test(lines_are_read_in_any_order_of_fields),
        cmocka_unit_test(bad_lines_are_refused_with_their_place),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(reading_takes_back_what_it_added),
        cmocka_unit_test(a_file_that_is_full_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
