/* Making histories by hand: one line an operation. */
#ifndef CG_TESTS_SUPPORT_HISTORIES_H
#define CG_TESTS_SUPPORT_HISTORIES_H

#include "sim/check/history.h"
#include "tests/support/support.h"

static inline sim_history *history_new(void) {
    sim_history *history = NULL;
    cg_error error = {0};
    assert_ok(sim_history_alloc(cg_allocator_heap(), 100000, &history, &error), error);
    return history;
}

static inline void history_put(sim_history *history, sim_operation operation) {
    cg_error error = {0};
    assert_ok(sim_history_add(history, &operation, &error), error);
}

/* An operation that was answered CG_OK by the host that was asked, host 0. */
static inline sim_operation history_ok(sim_operation_kind kind, uint64_t id, uint64_t key,
                                       uint32_t client, uint64_t invoke_ns,
                                       uint64_t complete_ns) {
    return (sim_operation){.id = id,
                           .key = key,
                           .invoke_ns = invoke_ns,
                           .complete_ns = complete_ns,
                           .client = client,
                           .kind = kind,
                           .outcome = SIM_EFFECT_OK,
                           .has_answer = true};
}

static inline sim_operation history_value(sim_operation operation, uint64_t value) {
    operation.value = value;
    operation.has_value = true;
    operation.found = operation.kind == SIM_OPERATION_GET;
    return operation;
}

/* The same with an answer that leaves open whether it took effect. */
static inline sim_operation history_unknown(sim_operation operation) {
    operation.outcome = SIM_EFFECT_UNKNOWN;
    operation.status = CG_ERROR_TIMEOUT;
    operation.has_answer = false;
    return operation;
}

static inline sim_operation history_failed(sim_operation operation, cg_status status) {
    operation.outcome = SIM_EFFECT_FAILED;
    operation.status = status;
    return operation;
}

#endif
