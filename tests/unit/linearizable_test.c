/* Goal: what is linearizable passes, what is not is named by its key, its first impossible answer
 * and the operations around it; what is too large to search is never called right. */
#include "sim/check/linearizable.h"

#include <string.h>

#include "tests/support/histories.h"

enum {
    ALLOCATE = SIM_OPERATION_ALLOCATE,
    DEALLOCATE = SIM_OPERATION_DEALLOCATE,
    GET = SIM_OPERATION_GET
};

/* -- A queue of up to 16 values of 4 bits: words[0] has them, the first one lowest; words[1] is
 * how many. allocate enqueues, get dequeues. */

static bool queue_step(const sim_register_state *state, const sim_operation *operation,
                       sim_register_state *next) {
    *next = *state;
    if (operation->kind == SIM_OPERATION_ALLOCATE) {
        next->words[0] |= operation->value << (4 * state->words[1]);
        next->words[1]++;
        return true;
    }
    next->words[0] >>= 4;
    next->words[1]--;
    return state->words[1] > 0 && (state->words[0] & 15) == operation->value;
}

static sim_use queue_use(const sim_operation *operation) {
    return operation->outcome == SIM_EFFECT_OK ? SIM_USE_MUST : SIM_USE_MAY;
}

static bool queue_only_reads(const sim_operation *operation) {
    (void)operation;
    return false;
}

static const sim_model queue_model = {
    .name = "queue", .use = queue_use, .step = queue_step, .only_reads = queue_only_reads};

/* -- Histories in one line: key 1; id, kind, client, times, value. */

typedef struct row {
    uint64_t id;
    int kind;
    uint32_t client;
    uint64_t invoke_ns;
    uint64_t complete_ns; /* 0: open */
    int value;            /* -1: none */
} row;

static sim_history *rows(const row *list, size_t count) {
    sim_history *history = history_new();
    for (size_t i = 0; i < count; ++i) {
        sim_operation operation =
            history_ok((sim_operation_kind)list[i].kind, list[i].id, 1, list[i].client,
                       list[i].invoke_ns, list[i].complete_ns);
        if (list[i].value >= 0) {
            operation = history_value(operation, (uint64_t)list[i].value);
        }
        if (list[i].complete_ns == 0) {
            operation.outcome = SIM_EFFECT_OPEN;
            operation.complete_ns = SIM_TIME_NONE;
            operation.has_answer = false;
        }
        history_put(history, operation);
    }
    return history;
}

static void expect(sim_history *history, const sim_model *model, const char *says) {
    cg_error error = {0};
    sim_linear_report report = {0};
    sim_linear_options options = {.model = model};
    cg_status status =
        sim_check_linearizable(cg_allocator_heap(), history, &options, &report, &error);
    if (says) {
        assert_status(status, CG_ERROR_CORRUPT, error, says);
        assert_true(report.violated > 0);
    } else {
        assert_ok(status, error);
        assert_int_equal(report.violated + report.unknown, 0);
    }
    sim_history_free(history);
}
#define ROWS(...)                                                                              \
    rows((const row[]){__VA_ARGS__}, sizeof((const row[]){__VA_ARGS__}) / sizeof(row))

/* H1 to H4 of Herlihy & Wing 1990, section 1: x is 1, y is 2, z is 3; A, B, C are clients 0, 1, 2;
 * the n-th event is at n * 10. */
static void queues_of_herlihy_and_wing(void **state) {
    (void)state;
    expect(ROWS({1, ALLOCATE, 0, 10, 40, 1}, {2, ALLOCATE, 1, 20, 30, 2},
                {3, GET, 1, 50, 60, 1}, {4, GET, 0, 70, 80, 2}, {5, ALLOCATE, 0, 90, 0, 3}),
           &queue_model, NULL);
    expect(
        ROWS({1, ALLOCATE, 0, 10, 20, 1}, {2, ALLOCATE, 1, 30, 50, 2}, {3, GET, 0, 40, 60, 2}),
        &queue_model, "key 1 is not linearizable: no order explains 3 (");
    expect(ROWS({1, ALLOCATE, 0, 10, 0, 1}, {2, GET, 1, 20, 30, 1}), &queue_model, NULL);
    expect(ROWS({1, ALLOCATE, 0, 10, 30, 1}, {2, ALLOCATE, 1, 20, 40, 2},
                {3, GET, 0, 50, 70, 2}, {4, GET, 2, 60, 80, 2}),
           &queue_model, "no order explains 4 (");
}

/* Registers of the same paper's kind: reads that overlap a write may differ, but not go back. */
static void registers_like_theirs(void **state) {
    (void)state;
    const sim_model *model = sim_model_register();
    expect(ROWS({1, ALLOCATE, 0, 10, 60, 1}, {2, GET, 1, 20, 30, 0}, {3, GET, 2, 40, 50, 1},
                {4, GET, 1, 70, 80, 1}),
           model, NULL);
    expect(ROWS({1, ALLOCATE, 0, 10, 60, 1}, {2, GET, 1, 20, 30, 1}, {3, GET, 2, 40, 50, 0}),
           model, "no order explains 3 (get found = 0, client 2, by host 0, 40..50 ns, ok)");
    expect(ROWS({1, ALLOCATE, 0, 10, 20, 1}, {2, GET, 1, 30, 40, 0}), model,
           "no order explains 2 (");
    expect(ROWS({1, ALLOCATE, 0, 10, 50, 1}, {2, ALLOCATE, 1, 20, 40, 2},
                {3, GET, 2, 60, 70, 1}, {4, GET, 2, 80, 90, 1}),
           model, NULL);
    expect(ROWS({1, ALLOCATE, 0, 10, 50, 1}, {2, ALLOCATE, 1, 20, 40, 2},
                {3, GET, 2, 60, 70, 1}, {4, GET, 2, 80, 90, 2}),
           model, "no order explains 4 (");
    /* Of one instant: concurrent. */
    expect(ROWS({1, ALLOCATE, 0, 10, 20, 1}, {2, GET, 1, 20, 30, 0}), model, NULL);
}

static void open_operations_may_take_effect_late_or_never(void **state) {
    (void)state;
    const sim_model *model = sim_model_register();
    expect(ROWS({1, ALLOCATE, 0, 10, 0, 1}, {2, GET, 1, 50, 60, 0}, {3, GET, 1, 70, 80, 1}),
           model, NULL);
    expect(ROWS({1, ALLOCATE, 0, 10, 0, 1}, {2, GET, 1, 50, 60, 0}), model, NULL);
    expect(ROWS({1, ALLOCATE, 0, 65, 0, 1}, {2, GET, 1, 50, 60, 1}), model,
           "no order explains 2 (");
    expect(ROWS({1, ALLOCATE, 0, 10, 0, 1}, {2, GET, 1, 50, 60, 1}, {3, GET, 1, 70, 80, 0}),
           model, "no order explains 3 (");
}

static void facts_come_once_and_go_once(void **state) {
    (void)state;
    const sim_model *model = sim_model_fact();
    expect(ROWS({1, GET, 0, 1, 2, -1}, {2, ALLOCATE, 0, 10, 20, 7}, {3, GET, 1, 15, 18, -1},
                {4, GET, 1, 30, 40, 7}, {5, DEALLOCATE, 2, 35, 60, -1},
                {6, GET, 0, 70, 80, -1}),
           model, NULL);
    expect(ROWS({1, ALLOCATE, 0, 10, 20, 7}, {2, ALLOCATE, 0, 30, 40, 8}), model,
           "no order explains 2 (allocate = 8, client 0, by host 0, 30..40 ns, ok) beside 1 "
           "(allocate = 7, client 0, by host 0, 10..20 ns, ok)");
    expect(ROWS({1, ALLOCATE, 0, 10, 20, 7}, {2, GET, 0, 30, 40, 8}), model, "explains 2 (");
    expect(ROWS({1, ALLOCATE, 0, 10, 20, 7}, {2, GET, 0, 30, 40, -1}), model,
           "explains 2 (get nothing");
    expect(ROWS({1, GET, 0, 1, 2, 7}, {2, ALLOCATE, 0, 10, 20, 7}), model, "explains 1 (");
    expect(ROWS({1, ALLOCATE, 0, 10, 20, 7}, {2, DEALLOCATE, 0, 30, 40, -1},
                {3, GET, 0, 50, 60, 7}),
           model, "explains 3 (");
    expect(ROWS({1, ALLOCATE, 0, 10, 20, 7}, {2, DEALLOCATE, 0, 30, 40, -1},
                {3, DEALLOCATE, 1, 50, 60, -1}),
           model, "explains 3 (");
    expect(ROWS({1, DEALLOCATE, 0, 30, 40, -1}), model, "explains 1 (deallocate, client 0");
    /* Which value an allocation had whose answer was never seen, its readers tell, and agree. */
    expect(ROWS({1, ALLOCATE, 0, 10, 0, -1}, {2, GET, 0, 30, 40, 7}, {3, GET, 0, 50, 60, 7}),
           model, NULL);
    expect(ROWS({1, ALLOCATE, 0, 10, 0, -1}, {2, GET, 0, 30, 40, 7}, {3, GET, 0, 50, 60, 8}),
           model, "explains 3 (");
}

static void refusals_have_no_effect_but_may_tell(void **state) {
    (void)state;
    sim_history *history = history_new();
    sim_operation shed = history_value(history_ok(SIM_OPERATION_ALLOCATE, 1, 1, 0, 10, 20), 7);
    history_put(history, history_failed(shed, CG_ERROR_OVERLOADED));
    history_put(history, history_value(history_ok(SIM_OPERATION_GET, 2, 1, 0, 30, 40), 7));
    expect(history, sim_model_fact(), "explains 2 (");
    history = history_new();
    history_put(history, history_value(history_ok(SIM_OPERATION_ALLOCATE, 1, 1, 0, 10, 20), 7));
    history_put(history, history_failed(history_ok(SIM_OPERATION_DEALLOCATE, 2, 1, 0, 30, 40),
                                        CG_ERROR_NOT_FOUND));
    expect(history, sim_model_fact(), "explains 2 (");
    history = history_new();
    history_put(history, history_value(history_ok(SIM_OPERATION_ALLOCATE, 1, 1, 0, 10, 20), 7));
    history_put(history, history_failed(history_ok(SIM_OPERATION_DEALLOCATE, 2, 1, 0, 30, 40),
                                        CG_ERROR_OVERLOADED));
    expect(history, sim_model_fact(), NULL);
}

static void batches_are_their_facts(void **state) {
    (void)state;
    sim_history *history = history_new();
    sim_operation batch = history_value(history_ok(SIM_OPERATION_BATCH, 1, 5, 0, 10, 20), 100);
    batch.count = 3;
    uint64_t third = 5 + (UINT64_C(2) << SIM_BATCH_PLACE_SHIFT);
    history_put(history, batch);
    history_put(history,
                history_value(history_ok(SIM_OPERATION_GET, 2, third, 0, 30, 40), 102));
    expect(history, NULL, NULL);
    history = history_new();
    history_put(history, batch);
    history_put(history,
                history_value(history_ok(SIM_OPERATION_GET, 2, third, 0, 30, 40), 101));
    expect(history, NULL, "key 562949953421317 is not linearizable: no order explains 2 (");
}

/* The contradiction is between 2, 4 and 6: other reads and what comes later are not named. */
static void the_sentence_is_the_shortest_prefix(void **state) {
    (void)state;
    expect(
        ROWS({1, GET, 0, 1, 2, 0}, {2, ALLOCATE, 0, 10, 20, 5}, {3, GET, 0, 30, 40, 5},
             {4, ALLOCATE, 1, 50, 60, 6}, {5, GET, 2, 52, 55, 5}, {6, GET, 0, 70, 80, 5},
             {7, GET, 0, 90, 95, 1}, {8, ALLOCATE, 0, 100, 110, 9}),
        sim_model_register(),
        "key 1 is not linearizable: no order explains 6 (get found = 5, client 0, by host 0, "
        "70..80 ns, ok) beside 4 (allocate = 6, client 1, by host 0, 50..60 ns, ok); 2 "
        "(allocate = 5, client 0, by host 0, 10..20 ns, ok)");
}

static void modes_and_promises_choose(void **state) {
    (void)state;
    cg_error error = {0};
    sim_linear_report report = {0};
    sim_history *history = history_new();
    sim_operation write = history_value(history_ok(SIM_OPERATION_ALLOCATE, 1, 1, 0, 10, 20), 7);
    write.acknowledge = SIM_MODE_PRIMARY;
    history_put(history, write);
    history_put(history, history_ok(SIM_OPERATION_GET, 2, 1, 0, 30, 40));
    sim_linear_options options = {.modes = 1U << SIM_MODE_QUORUM};
    assert_ok(sim_check_linearizable(cg_allocator_heap(), history, &options, &report, &error),
              error);
    assert_int_equal(report.skipped, 1);
    options.modes |= 1U << SIM_MODE_PRIMARY;
    assert_status(
        sim_check_linearizable(cg_allocator_heap(), history, &options, &report, &error),
        CG_ERROR_CORRUPT, error, "explains 2 (");
    options.promised_only = true;
    assert_ok(sim_check_linearizable(cg_allocator_heap(), history, &options, &report, &error),
              error);
    options.promised_only = false;
    cg_table *excused = NULL;
    assert_ok(cg_table_alloc(cg_allocator_heap(), &excused, &error), error);
    assert_ok(cg_table_put(excused, 1, 1, &error), error);
    options.excused = excused;
    assert_ok(sim_check_linearizable(cg_allocator_heap(), history, &options, &report, &error),
              error);
    assert_int_equal(report.skipped, 1);
    cg_table_free(excused);
    options.excused = NULL;
    options.modes = 1U << SIM_MODE_COUNT;
    assert_status(
        sim_check_linearizable(cg_allocator_heap(), history, &options, &report, &error),
        CG_ERROR_INVALID, error, "modes are bits 0..3, but 0x10");
    sim_history_free(history);
}

/* n writes at once, then a read of none of them: n 2^(n-1) states (sim/check/linear_search.c). */
static void states_are_counted_and_bounded(void **state) {
    (void)state;
    cg_error error = {0};
    for (uint64_t n = 1; n <= 10; ++n) {
        sim_history *history = history_new();
        for (uint64_t i = 1; i <= n; ++i) {
            history_put(history,
                        history_value(history_ok(SIM_OPERATION_ALLOCATE, i, 1, 0, 10, 20), i));
        }
        history_put(history,
                    history_value(history_ok(SIM_OPERATION_GET, 99, 1, 0, 30, 40), n + 1));
        sim_linear_report report = {0};
        uint64_t expected = n << (n - 1);
        sim_linear_options options = {.model = sim_model_register(),
                                      .states_max = expected + 1};
        assert_status(
            sim_check_linearizable(cg_allocator_heap(), history, &options, &report, &error),
            CG_ERROR_CORRUPT, error, "explains 99 (");
        assert_int_equal(report.states, expected);
        options.states_max = n > 1 ? expected - 1 : 1;
        cg_status status =
            sim_check_linearizable(cg_allocator_heap(), history, &options, &report, &error);
        assert_status(status, CG_ERROR_PARTIAL, error, "key 1 with ");
        assert_true(support_contains(error.message, "may or may not be linearizable"));
        assert_int_equal(report.unknown, 1);
        assert_int_equal(report.first_unknown, 1);
        sim_history_free(history);
    }
}

/* Reads that agree with the state have no alternative: n of them at once are n states, not 2^n. */
static void reads_are_taken_at_once(void **state) {
    (void)state;
    cg_error error = {0};
    enum { READS = 100 };
    sim_history *history = history_new();
    for (uint64_t i = 1; i <= READS; ++i) {
        history_put(history, history_value(history_ok(SIM_OPERATION_GET, i, 1, 0, 10, 20), 0));
    }
    history_put(history, history_value(history_ok(SIM_OPERATION_GET, 999, 1, 0, 30, 40), 1));
    sim_linear_report report = {0};
    sim_linear_options options = {.model = sim_model_register()};
    assert_status(
        sim_check_linearizable(cg_allocator_heap(), history, &options, &report, &error),
        CG_ERROR_CORRUPT, error, "explains 999 (");
    assert_int_equal(report.states, READS);
    sim_history_free(history);
}

static void long_histories_are_searched_quickly(void **state) {
    (void)state;
    cg_error error = {0};
    sim_history *history = history_new();
    for (uint64_t i = 0; i < SIM_LINEAR_OPERATIONS_MAX; ++i) {
        sim_operation_kind kind = i % 4 == 0 ? SIM_OPERATION_ALLOCATE : SIM_OPERATION_GET;
        history_put(history,
                    history_value(history_ok(kind, i, 1, 0, 10 * i, 10 * i + 25), i / 4 + 1));
    }
    sim_linear_report report = {0};
    sim_linear_options options = {.model = sim_model_register(), .states_max = 10000};
    assert_ok(sim_check_linearizable(cg_allocator_heap(), history, &options, &report, &error),
              error);
    assert_int_equal(report.operations, SIM_LINEAR_OPERATIONS_MAX);
    history_put(history, history_ok(SIM_OPERATION_ALLOCATE, 5000, 1, 0, 1, 2));
    assert_status(
        sim_check_linearizable(cg_allocator_heap(), history, &options, &report, &error),
        CG_ERROR_PARTIAL, error, "more than 1024 operations");
    sim_history_free(history);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_error error = {0};
    sim_history *history =
        ROWS({1, ALLOCATE, 0, 10, 60, 1}, {2, GET, 1, 20, 30, 1}, {3, GET, 2, 40, 50, 0});
    sim_linear_options options = {.model = sim_model_register()};
    uint64_t fail_at = 1;
    for (;; ++fail_at) {
        counting.fail_at = fail_at;
        sim_linear_report report = {.registers = 42};
        cg_status status = sim_check_linearizable(cg_counting_allocator_view(&counting),
                                                  history, &options, &report, &error);
        assert_int_equal(counting.live_blocks, 0);
        if (status == CG_ERROR_CORRUPT) {
            break;
        }
        assert_int_equal(status, CG_ERROR_MEMORY);
        assert_int_equal(report.registers, 42);
    }
    assert_true(fail_at > 5);
    sim_history_free(history);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queues_of_herlihy_and_wing),
        cmocka_unit_test(registers_like_theirs),
        cmocka_unit_test(open_operations_may_take_effect_late_or_never),
        cmocka_unit_test(facts_come_once_and_go_once),
        cmocka_unit_test(refusals_have_no_effect_but_may_tell),
        cmocka_unit_test(batches_are_their_facts),
        cmocka_unit_test(the_sentence_is_the_shortest_prefix),
        cmocka_unit_test(modes_and_promises_choose),
        cmocka_unit_test(states_are_counted_and_bounded),
        cmocka_unit_test(reads_are_taken_at_once),
        cmocka_unit_test(long_histories_are_searched_quickly),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
