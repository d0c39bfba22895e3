/* Goal: a client that does not see its own writes, or what it saw before, is found and named; what
 * others removed, what was never promised, and what merely overlaps is not. */
#include "sim/check/session.h"

#include "tests/support/histories.h"

enum {
    ALLOCATE = SIM_OPERATION_ALLOCATE,
    DEALLOCATE = SIM_OPERATION_DEALLOCATE,
    GET = SIM_OPERATION_GET
};

typedef struct row {
    uint64_t id;
    int kind;
    uint32_t client;
    uint64_t invoke_ns;
    uint64_t complete_ns;
    int value; /* -1: none; of a get: not found */
} row;

/* All gets promise. */
static sim_history *rows(const row *list, size_t count) {
    sim_history *history = history_new();
    for (size_t i = 0; i < count; ++i) {
        sim_operation operation =
            history_ok((sim_operation_kind)list[i].kind, list[i].id, 1, list[i].client,
                       list[i].invoke_ns, list[i].complete_ns);
        operation =
            list[i].value >= 0 ? history_value(operation, (uint64_t)list[i].value) : operation;
        operation.promised = operation.kind == SIM_OPERATION_GET;
        history_put(history, operation);
    }
    return history;
}
#define ROWS(...)                                                                              \
    rows((const row[]){__VA_ARGS__}, sizeof((const row[]){__VA_ARGS__}) / sizeof(row))

static void expect(sim_history *history, uint64_t lost_writes, uint64_t went_back,
                   const char *says) {
    cg_error error = {0};
    sim_session_report report = {0};
    cg_status status = sim_check_sessions(cg_allocator_heap(), history, NULL, &report, &error);
    if (says) {
        assert_status(status, CG_ERROR_CORRUPT, error, says);
    } else {
        assert_ok(status, error);
    }
    assert_int_equal(report.lost_writes, lost_writes);
    assert_int_equal(report.went_back, went_back);
    sim_history_free(history);
}

static void own_writes_are_read(void **state) {
    (void)state;
    expect(ROWS({1, ALLOCATE, 0, 5, 10, 7}, {2, GET, 0, 20, 30, 7}), 0, 0, NULL);
    expect(ROWS({1, ALLOCATE, 0, 5, 10, 7}, {2, GET, 0, 20, 30, -1}), 1, 0,
           "key 1: client 0's read does not see its own write, by operation 2 (get nothing, "
           "client 0, by host 0, 20..30 ns, ok) after 1 (allocate = 7, client 0, by host 0, "
           "5..10 ns, ok)");
    expect(ROWS({1, ALLOCATE, 0, 5, 10, 7}, {2, GET, 0, 20, 30, 8}), 1, 0, "own write");
    /* In the very nanosecond of the answer: after it. Before the answer: not after it. */
    expect(ROWS({1, ALLOCATE, 0, 5, 10, 7}, {2, GET, 0, 10, 30, -1}), 1, 0, "own write");
    expect(ROWS({1, ALLOCATE, 0, 5, 10, 7}, {2, GET, 0, 9, 30, -1}), 0, 0, NULL);
    /* Another client's write is no promise. */
    expect(ROWS({1, ALLOCATE, 1, 5, 10, 7}, {2, GET, 0, 20, 30, -1}), 0, 0, NULL);
    expect(ROWS({1, ALLOCATE, 0, 5, 10, 7}, {2, DEALLOCATE, 0, 20, 30, -1},
                {3, GET, 0, 40, 50, 7}),
           1, 0, "does not see its own removal");
}

static void others_removals_explain_what_is_gone(void **state) {
    (void)state;
    expect(ROWS({1, ALLOCATE, 0, 5, 10, 7}, {2, DEALLOCATE, 1, 25, 60, -1},
                {3, GET, 0, 20, 30, -1}),
           0, 0, NULL);
    expect(ROWS({1, ALLOCATE, 0, 5, 10, 7}, {2, DEALLOCATE, 1, 31, 60, -1},
                {3, GET, 0, 20, 30, -1}),
           1, 0, "own write");
    sim_history *history = history_new();
    history_put(history, history_value(history_ok(SIM_OPERATION_ALLOCATE, 1, 1, 0, 5, 10), 7));
    history_put(history, history_failed(history_ok(SIM_OPERATION_DEALLOCATE, 2, 1, 1, 15, 18),
                                        CG_ERROR_OVERLOADED));
    sim_operation read = history_ok(SIM_OPERATION_GET, 3, 1, 0, 20, 30);
    read.promised = true;
    history_put(history, read);
    expect(history, 1, 0, "own write");
    /* What was missed, and is found later, was not gone. */
    expect(ROWS({1, ALLOCATE, 0, 5, 10, 7}, {2, GET, 0, 20, 30, -1}, {3, GET, 0, 40, 50, 7}), 1,
           0, "own write");
}

static void reads_do_not_go_back(void **state) {
    (void)state;
    expect(ROWS({1, GET, 0, 10, 20, 7}, {2, GET, 0, 30, 40, -1}), 0, 1,
           "client 0's read is not as far as an earlier one, by operation 2 (");
    expect(ROWS({1, GET, 0, 10, 20, 7}, {2, GET, 0, 30, 40, 8}), 0, 1, "not as far");
    expect(ROWS({1, GET, 0, 10, 20, -1}, {2, GET, 0, 30, 40, 7}), 0, 0, NULL);
    expect(ROWS({1, GET, 0, 10, 35, 7}, {2, GET, 0, 30, 40, -1}), 0, 0, NULL);
    expect(ROWS({1, GET, 0, 10, 20, 7}, {2, GET, 1, 30, 40, -1}), 0, 0, NULL);
    expect(ROWS({1, GET, 0, 10, 20, 7}, {2, DEALLOCATE, 1, 15, 90, -1}, {3, GET, 0, 30, 40, -1},
                {4, GET, 0, 50, 60, 7}),
           0, 1, "read finds what was gone before, by operation 4 (");
}

static void only_promises_bind(void **state) {
    (void)state;
    sim_history *history = history_new();
    history_put(history, history_value(history_ok(SIM_OPERATION_ALLOCATE, 1, 1, 0, 5, 10), 7));
    history_put(history, history_ok(SIM_OPERATION_GET, 2, 1, 0, 20, 30));
    sim_operation failed =
        history_failed(history_ok(SIM_OPERATION_GET, 3, 1, 0, 20, 30), CG_ERROR_OVERLOADED);
    failed.promised = true;
    history_put(history, failed);
    expect(history, 0, 0, NULL);
    /* An allocation whose fate is not known promises nothing. */
    history = history_new();
    history_put(history, history_unknown(history_ok(SIM_OPERATION_ALLOCATE, 1, 1, 0, 5, 10)));
    sim_operation read = history_ok(SIM_OPERATION_GET, 2, 1, 0, 20, 30);
    read.promised = true;
    history_put(history, read);
    expect(history, 0, 0, NULL);
}

static void excused_keys_are_not_judged(void **state) {
    (void)state;
    cg_error error = {0};
    sim_session_report report = {0};
    cg_table *excused = NULL;
    assert_ok(cg_table_alloc(cg_allocator_heap(), &excused, &error), error);
    sim_history *history = ROWS({1, ALLOCATE, 0, 5, 10, 7}, {2, GET, 0, 20, 30, -1});
    assert_status(sim_check_sessions(cg_allocator_heap(), history, excused, &report, &error),
                  CG_ERROR_CORRUPT, error, "own write");
    assert_ok(cg_table_put(excused, 1, 1, &error), error);
    assert_ok(sim_check_sessions(cg_allocator_heap(), history, excused, &report, &error),
              error);
    assert_int_equal(report.skipped, 1);
    cg_table_free(excused);
    sim_history_free(history);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_error error = {0};
    sim_session_report report = {0};
    sim_history *history = ROWS({1, GET, 0, 10, 20, 7}, {2, GET, 0, 30, 40, -1});
    counting.fail_at = 1;
    assert_int_equal(sim_check_sessions(cg_counting_allocator_view(&counting), history, NULL,
                                        &report, &error),
                     CG_ERROR_MEMORY);
    assert_int_equal(counting.live_blocks, 0);
    sim_history_free(history);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_writes_are_read),
        cmocka_unit_test(others_removals_explain_what_is_gone),
        cmocka_unit_test(reads_do_not_go_back),
        cmocka_unit_test(only_promises_bind),
        cmocka_unit_test(excused_keys_are_not_judged),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
