/* Goal: the search agrees with an oracle that tries every order, on thousands of random histories
 * of up to 7 operations, in verdict and in the answer that it names; and long histories that were
 * made from an order pass within a small budget, while any one answer changed is never called
 * right by mistake. */
#include "sim/check/linearizable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/histories.h"

enum { SMALL_MAX = 7, CASES = 6000, LONG = 200, LONG_CASES = 60 };

/* -- The oracle: no memory, no lists, a model of its own. */

typedef struct oracle {
    sim_operation operations[SMALL_MAX];
    uint32_t count;
    bool plain; /* a read/write register; otherwise a fact */
    uint64_t last_ns;
    uint64_t last_id; /* answers up to (last_ns, last_id) are given; later ones not yet */
} oracle;

static bool is_answered(const oracle *all, const sim_operation *operation) {
    bool tells = operation->outcome == SIM_EFFECT_OK ||
                 (operation->kind == SIM_OPERATION_DEALLOCATE &&
                  operation->status == CG_ERROR_NOT_FOUND && !all->plain);
    return tells && (operation->complete_ns < all->last_ns ||
                     (operation->complete_ns == all->last_ns && operation->id <= all->last_id));
}

static bool may_happen(const oracle *all, const sim_operation *operation) {
    return operation->outcome != SIM_EFFECT_FAILED && operation->kind != SIM_OPERATION_GET &&
           operation->invoke_ns <= all->last_ns &&
           !(all->plain && operation->kind == SIM_OPERATION_DEALLOCATE);
}

/* value: -1 nothing yet, -2 removed, -3 there with a value that nobody knows, else the value. */
static bool apply(const oracle *all, const sim_operation *operation, int64_t *value) {
    int64_t given = operation->has_value ? (int64_t)operation->value : -3;
    bool there = *value >= 0 || *value == -3;
    if (all->plain) {
        if (operation->kind == SIM_OPERATION_GET) {
            return *value == given;
        }
        *value = given;
        return true;
    }
    if (operation->kind == SIM_OPERATION_ALLOCATE) {
        bool first = *value == -1;
        *value = given;
        return first;
    }
    if (operation->kind == SIM_OPERATION_DEALLOCATE) {
        if (operation->outcome == SIM_EFFECT_FAILED) {
            return !there;
        }
        *value = -2;
        return there;
    }
    if (!operation->found) {
        return !there;
    }
    if (*value == -3 && given >= 0) {
        *value = given;
        return true;
    }
    return there && (*value == -3 || given < 0 || *value == given);
}

static bool has_order(const oracle *all, uint32_t used, int64_t value) {
    bool done = true;
    for (uint32_t i = 0; i < all->count; ++i) {
        done = done && (used >> i & 1 || !is_answered(all, &all->operations[i]));
    }
    if (done) {
        return true;
    }
    for (uint32_t i = 0; i < all->count; ++i) {
        const sim_operation *next = &all->operations[i];
        if (used >> i & 1 || (!is_answered(all, next) && !may_happen(all, next))) {
            continue;
        }
        bool early = false;
        for (uint32_t k = 0; k < all->count; ++k) {
            early =
                early || (!(used >> k & 1) && k != i && is_answered(all, &all->operations[k]) &&
                          all->operations[k].complete_ns < next->invoke_ns);
        }
        int64_t after = value;
        if (!early && apply(all, next, &after) && has_order(all, used | 1U << i, after)) {
            return true;
        }
    }
    return false;
}

static bool oracle_says(oracle *all, uint64_t last_ns, uint64_t last_id) {
    all->last_ns = last_ns;
    all->last_id = last_id;
    return has_order(all, 0, all->plain ? 0 : -1);
}

/* The first answer, by time and id, up to which there is no order. */
static uint64_t first_bad(oracle *all) {
    uint64_t best = UINT64_MAX;
    uint64_t best_ns = SIM_TIME_NONE;
    all->last_ns = SIM_TIME_NONE - 1;
    all->last_id = UINT64_MAX;
    for (uint32_t i = 0; i < all->count; ++i) {
        sim_operation last = all->operations[i];
        oracle copy = *all;
        if (!is_answered(all, &last) || last.complete_ns > best_ns ||
            (last.complete_ns == best_ns && last.id > best)) {
            continue;
        }
        if (!oracle_says(&copy, last.complete_ns, last.id)) {
            best_ns = last.complete_ns;
            best = last.id;
        }
    }
    return best;
}

/* -- Random histories */

static sim_operation random_operation(cg_stream *stream, uint64_t id, bool plain) {
    static const sim_operation_kind kinds[] = {SIM_OPERATION_ALLOCATE, SIM_OPERATION_GET,
                                               SIM_OPERATION_GET, SIM_OPERATION_DEALLOCATE};
    sim_operation_kind kind = kinds[cg_stream_next_below(stream, plain ? 3 : 4)];
    uint64_t invoke = cg_stream_next_below(stream, 20);
    uint64_t complete = invoke + cg_stream_next_below(stream, 12);
    sim_operation operation = history_ok(kind, id, 1, (uint32_t)id, invoke, complete);
    uint64_t value = cg_stream_next_below(stream, plain ? 3 : 2);
    bool get = kind == SIM_OPERATION_GET;
    if (plain || (get && cg_stream_next_below(stream, 3) > 0) ||
        (kind == SIM_OPERATION_ALLOCATE && cg_stream_next_below(stream, 3) > 0)) {
        operation = history_value(operation, value);
    }
    uint64_t fate = cg_stream_next_below(stream, 10);
    if (fate == 0) {
        operation = history_unknown(operation);
    } else if (fate == 1) {
        operation.outcome = SIM_EFFECT_OPEN;
        operation.complete_ns = SIM_TIME_NONE;
    } else if (fate == 2) {
        operation = history_failed(operation, CG_ERROR_OVERLOADED);
    } else if (fate == 3 && kind == SIM_OPERATION_DEALLOCATE) {
        operation = history_failed(operation, CG_ERROR_NOT_FOUND);
    }
    return operation;
}

static void compare(oracle *all, uint64_t number) {
    cg_error error = {0};
    sim_linear_report report = {0};
    sim_linear_options options = {.model = all->plain ? sim_model_register() : NULL};
    sim_history *history = history_new();
    for (uint32_t i = 0; i < all->count; ++i) {
        history_put(history, all->operations[i]);
    }
    bool right = oracle_says(all, SIM_TIME_NONE - 1, UINT64_MAX);
    cg_status status =
        sim_check_linearizable(cg_allocator_heap(), history, &options, &report, &error);
    if (status != (right ? CG_OK : CG_ERROR_CORRUPT)) {
        fail_msg("case %llu: the oracle says %s, the search %s: %s", (unsigned long long)number,
                 right ? "yes" : "no", cg_status_name(status), error.message);
    }
    if (!right) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "no order explains %llu (",
                       (unsigned long long)first_bad(all));
        if (!support_contains(error.message, expected)) {
            fail_msg("case %llu: \"%s\" lacks \"%s\"", (unsigned long long)number,
                     error.message, expected);
        }
    }
    sim_history_free(history);
}

static void small_histories_agree_with_every_order(void **state) {
    (void)state;
    uint64_t seed = support_seed(20260701);
    uint64_t right[2] = {0};
    for (uint64_t number = 0; number < CASES; ++number) {
        cg_stream stream = cg_stream_init(seed, "linearizable.small", number);
        oracle all = {.plain = number % 2 == 0};
        all.count = 1 + (uint32_t)cg_stream_next_below(&stream, SMALL_MAX);
        for (uint32_t i = 0; i < all.count; ++i) {
            all.operations[i] = random_operation(&stream, i + 1, all.plain);
        }
        compare(&all, number);
        right[all.plain] += oracle_says(&all, SIM_TIME_NONE - 1, UINT64_MAX);
    }
    /* Both verdicts were really seen, of both models. */
    for (int plain = 0; plain < 2; ++plain) {
        assert_true(right[plain] > CASES / 20 && right[plain] < CASES / 2 - CASES / 20);
    }
}

/* -- Long histories, made from an order: operation i has its effect at 100 (i + 1). */

static sim_history *ordered(cg_stream *stream, bool plain, uint64_t spread, uint64_t *reads) {
    sim_history *history = history_new();
    int64_t value = plain ? 0 : -1;
    uint64_t allocate_at = cg_stream_next_below(stream, 20);
    uint64_t remove_at = 100 + cg_stream_next_below(stream, 90);
    *reads = 0;
    for (uint64_t i = 0; i < LONG; ++i) {
        uint64_t at = 100 * (i + 1);
        uint64_t before = cg_stream_next_below(stream, spread < at ? spread : at);
        bool writes = plain ? cg_stream_next_below(stream, 3) == 0 : i == allocate_at;
        bool removes = !plain && i == remove_at;
        sim_operation operation =
            history_ok(writes    ? SIM_OPERATION_ALLOCATE
                       : removes ? SIM_OPERATION_DEALLOCATE
                                 : SIM_OPERATION_GET,
                       i + 1, 1, 0, at - before, at + cg_stream_next_below(stream, spread));
        if (writes) {
            value = (int64_t)cg_stream_next_below(stream, 1000);
            operation = history_value(operation, (uint64_t)value);
            bool hidden = cg_stream_next_below(stream, 8) == 0;
            operation = hidden ? history_unknown(operation) : operation;
        } else if (removes) {
            value = -2;
        } else {
            operation = value >= 0 ? history_value(operation, (uint64_t)value) : operation;
            ++*reads;
        }
        history_put(history, operation);
    }
    return history;
}

static void ordered_histories_pass_within_a_budget(void **state) {
    (void)state;
    uint64_t seed = support_seed(20260702);
    uint64_t peak = 0;
    for (uint64_t number = 0; number < LONG_CASES; ++number) {
        cg_stream stream = cg_stream_init(seed, "linearizable.long", number);
        cg_error error = {0};
        sim_linear_report report = {0};
        uint64_t reads = 0;
        bool plain = number % 2 == 0;
        sim_history *history =
            ordered(&stream, plain, 100 + 100 * cg_stream_next_below(&stream, 8), &reads);
        sim_linear_options options = {.model = plain ? sim_model_register() : NULL};
        cg_status status =
            sim_check_linearizable(cg_allocator_heap(), history, &options, &report, &error);
        if (status != CG_OK) {
            fail_msg("case %llu: %s", (unsigned long long)number, error.message);
        }
        peak = report.states_peak > peak ? report.states_peak : peak;
        sim_history_free(history);
    }
    (void)fprintf(stderr, "%d operations: at most %llu states\n", LONG,
                  (unsigned long long)peak);
    assert_true(peak < 20000);
}

/* A read that shows a value which was never written is always found, and named. */
static void one_wrong_answer_is_found(void **state) {
    (void)state;
    uint64_t seed = support_seed(20260703);
    for (uint64_t number = 0; number < LONG_CASES; ++number) {
        cg_stream stream = cg_stream_init(seed, "linearizable.wrong", number);
        cg_error error = {0};
        uint64_t reads = 0;
        bool plain = number % 2 == 0;
        sim_history *made = ordered(&stream, plain, 300, &reads);
        sim_history *history = history_new();
        uint64_t wrong = cg_stream_next_below(&stream, reads);
        uint64_t wrong_id = 0;
        for (size_t i = 0; i < sim_history_count(made); ++i) {
            sim_operation operation = sim_history_operations(made)[i];
            if (operation.kind == SIM_OPERATION_GET && wrong-- == 0) {
                operation = history_value(operation, 5000);
                wrong_id = operation.id;
            }
            history_put(history, operation);
        }
        sim_linear_report report = {0};
        sim_linear_options options = {.model = plain ? sim_model_register() : NULL};
        char expected[64];
        (void)snprintf(expected, sizeof expected, "no order explains %llu (",
                       (unsigned long long)wrong_id);
        cg_status status =
            sim_check_linearizable(cg_allocator_heap(), history, &options, &report, &error);
        bool bound =
            !plain && status == CG_ERROR_CORRUPT; /* a hidden value is bound by a read */
        if (!bound) {
            assert_status(status, CG_ERROR_CORRUPT, error, expected);
        }
        sim_history_free(history);
        sim_history_free(made);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_histories_agree_with_every_order),
        cmocka_unit_test(ordered_histories_pass_within_a_budget),
        cmocka_unit_test(one_wrong_answer_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
