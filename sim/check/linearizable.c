/* Register by register, and what is said of one that is not linearizable.
 *
 * The shortest prefix: being linearizable is closed under prefixes, so the answers of a register,
 * by time, are searched by halving for the first one up to which there is no order. Of a prefix,
 * operations that are answered later may take effect or not, and reads that are answered later say
 * nothing. Then reads that the contradiction does not need are left out, one at a time: leaving
 * out a write could make a contradiction, leaving out a read cannot.
 */
#include "sim/check/linearizable.h"

#include <stdlib.h>

#include "sim/check/linear_search.h"
#include "sim/check/registers.h"

enum { NAMED_MAX = 3, MINIMISE_BUDGETS = 4 };

typedef struct checker {
    const sim_linear_options *options;
    const sim_model *model;
    uint64_t states_max;
    sim_linear_search *search;
    sim_linear_item *items; /* of one register */
    size_t item_capacity;
    uint32_t item_count;
    sim_linear_item *prefix; /* of one register, cut */
    size_t prefix_capacity;
    uint32_t prefix_count;
    sim_linear_item *answers; /* those that must take effect, by (complete_ns, id) */
    size_t answer_capacity;
    uint32_t answer_count;
    sim_linear_report report;
    cg_error first_violated;
    cg_error first_unknown;
} checker;

static int by_answer(const void *left, const void *right) {
    const sim_operation *a = ((const sim_linear_item *)left)->operation;
    const sim_operation *b = ((const sim_linear_item *)right)->operation;
    if (a->complete_ns != b->complete_ns) {
        return a->complete_ns < b->complete_ns ? -1 : 1;
    }
    return (a->id > b->id) - (a->id < b->id);
}

/* items, prefix and answers with room for count each. */
static cg_status reserve(checker *check, const cg_allocator *allocator, size_t count,
                         cg_error *error) {
    cg_status status = CG_GROW(allocator, check->items, check->item_capacity, count, error);
    if (status == CG_OK) {
        status = CG_GROW(allocator, check->prefix, check->prefix_capacity, count, error);
    }
    if (status == CG_OK) {
        status = CG_GROW(allocator, check->answers, check->answer_capacity, count, error);
    }
    return status;
}

static sim_use use_of(const checker *check, const sim_operation *operation) {
    if (check->options->promised_only && operation->kind == SIM_OPERATION_GET &&
        !operation->promised) {
        return SIM_USE_NONE;
    }
    return check->model->use(operation);
}

/* Whether the key is not excused and all acknowledged changes have one of the modes. */
static bool is_wanted(const checker *check, const sim_operation *operations, size_t count) {
    uint64_t change = 0;
    bool wanted = !check->options->excused ||
                  !cg_table_get(check->options->excused, operations->key, &change);
    for (size_t i = 0; check->options->modes != 0 && i < count; ++i) {
        bool changed =
            operations[i].kind != SIM_OPERATION_GET && operations[i].outcome == SIM_EFFECT_OK;
        wanted = wanted &&
                 (!changed || (check->options->modes >> operations[i].acknowledge & 1) != 0);
    }
    return wanted;
}

/* The items up to the answer `last`, into prefix. */
static void cut_prefix(checker *check, const sim_linear_item *last) {
    check->prefix_count = 0;
    for (uint32_t i = 0; i < check->item_count; ++i) {
        sim_linear_item item = check->items[i];
        if (item.operation->invoke_ns > last->operation->complete_ns) {
            continue;
        }
        if (item.use == SIM_USE_MUST && by_answer(&item, last) > 0) {
            if (check->model->only_reads(item.operation)) {
                continue;
            }
            item.use = SIM_USE_MAY;
        }
        check->prefix[check->prefix_count++] = item;
    }
}

static cg_status search_prefix(checker *check, sim_linear_answer *answer, uint64_t *states,
                               cg_error *error) {
    return sim_linear_search_run(check->search, check->model, check->prefix,
                                 check->prefix_count, check->states_max, answer, states, error);
}

/* Index of the first answer up to which there is no order; the last one surely is such. */
static cg_status find_last(checker *check, uint32_t *last, cg_error *error) {
    uint32_t low = 0;
    uint32_t high = check->answer_count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        sim_linear_answer answer = SIM_LINEAR_GIVEN_UP;
        uint64_t states = 0;
        cut_prefix(check, &check->answers[middle]);
        cg_status status = search_prefix(check, &answer, &states, error);
        if (status != CG_OK) {
            return status;
        }
        if (answer == SIM_LINEAR_NO) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    *last = high;
    return CG_OK;
}

/* Leaves out of prefix the reads without which there is no order either. */
static cg_status leave_out_reads(checker *check, const sim_operation *last, cg_error *error) {
    uint64_t states_all = 0;
    for (uint32_t i = check->prefix_count; i-- > 0;) {
        sim_linear_item out = check->prefix[i];
        if (!check->model->only_reads(out.operation) || out.operation == last) {
            continue;
        }
        if (states_all > MINIMISE_BUDGETS * check->states_max) {
            return CG_OK;
        }
        for (uint32_t k = i; k + 1 < check->prefix_count; ++k) {
            check->prefix[k] = check->prefix[k + 1];
        }
        check->prefix_count--;
        sim_linear_answer answer = SIM_LINEAR_GIVEN_UP;
        uint64_t states = 0;
        cg_status status = search_prefix(check, &answer, &states, error);
        if (status != CG_OK) {
            return status;
        }
        states_all += states;
        if (answer != SIM_LINEAR_NO) {
            for (uint32_t k = check->prefix_count++; k > i; --k) {
                check->prefix[k] = check->prefix[k - 1];
            }
            check->prefix[i] = out;
        }
    }
    return CG_OK;
}

/* The sentence about prefix, which ends with `last`: the operations before it, latest first. */
static void describe(checker *check, const sim_operation *last) {
    char text[SIM_OPERATION_TEXT_BYTES];
    char others[CG_ERROR_MESSAGE_BYTES] = "";
    size_t used = 0;
    uint32_t named = 0;
    uint32_t left = 0;
    for (uint32_t i = check->prefix_count; i-- > 0;) {
        const sim_operation *operation = check->prefix[i].operation;
        if (operation == last) {
            continue;
        }
        if (named == NAMED_MAX) {
            left++;
            continue;
        }
        int length = snprintf(others + used, sizeof others - used, "%s%s",
                              named++ == 0 ? "" : "; ", sim_operation_text(operation, text));
        used += length > 0 && (size_t)length < sizeof others - used ? (size_t)length : 0;
    }
    if (left > 0) {
        (void)snprintf(others + used, sizeof others - used, "; and %u more", left);
    }
    (void)cg_error_set(&check->first_violated, CG_ERROR_CORRUPT,
                       "key %llu is not linearizable: no order explains %s%s%s",
                       (unsigned long long)last->key, sim_operation_text(last, text),
                       named > 0 ? " beside " : "", others);
}

static cg_status explain(checker *check, cg_error *error) {
    uint32_t last = 0;
    qsort(check->answers, check->answer_count, sizeof *check->answers, by_answer);
    cg_status status = find_last(check, &last, error);
    if (status == CG_OK) {
        cut_prefix(check, &check->answers[last]);
        status = leave_out_reads(check, check->answers[last].operation, error);
    }
    if (status == CG_OK) {
        describe(check, check->answers[last].operation);
    }
    return status;
}

static void give_up(checker *check, uint64_t key, const char *what, uint64_t limit) {
    if (check->report.unknown++ == 0) {
        check->report.first_unknown = key;
        (void)cg_error_set(&check->first_unknown, CG_ERROR_PARTIAL,
                           "key %llu with %u operations may or may not be linearizable: more "
                           "than %llu %s",
                           (unsigned long long)key, check->item_count,
                           (unsigned long long)limit, what);
    }
}

static void collect(checker *check, const sim_operation *operations, size_t count) {
    check->item_count = 0;
    check->answer_count = 0;
    for (size_t i = 0; i < count; ++i) {
        sim_use use = use_of(check, &operations[i]);
        if (use == SIM_USE_NONE) {
            continue;
        }
        sim_linear_item item = {.operation = &operations[i], .use = use};
        check->items[check->item_count++] = item;
        if (use == SIM_USE_MUST) {
            check->answers[check->answer_count++] = item;
        }
    }
}

static cg_status check_register(checker *check, const cg_allocator *allocator,
                                const sim_operation *operations, size_t count,
                                cg_error *error) {
    if (!is_wanted(check, operations, count)) {
        check->report.skipped++;
        return CG_OK;
    }
    cg_status status = reserve(check, allocator, count, error);
    if (status != CG_OK) {
        return status;
    }
    collect(check, operations, count);
    check->report.registers++;
    check->report.operations += check->item_count;
    if (check->item_count > SIM_LINEAR_OPERATIONS_MAX) {
        give_up(check, operations->key, "operations", SIM_LINEAR_OPERATIONS_MAX);
        return CG_OK;
    }
    sim_linear_answer answer = SIM_LINEAR_GIVEN_UP;
    uint64_t states = 0;
    status = sim_linear_search_run(check->search, check->model, check->items, check->item_count,
                                   check->states_max, &answer, &states, error);
    if (status != CG_OK) {
        return status;
    }
    check->report.states += states;
    if (states > check->report.states_peak) {
        check->report.states_peak = states;
    }
    if (answer == SIM_LINEAR_GIVEN_UP) {
        give_up(check, operations->key, "states", check->states_max);
    } else if (answer == SIM_LINEAR_NO && check->report.violated++ == 0) {
        check->report.first_violated = operations->key;
        status = explain(check, error);
    }
    return status;
}

static cg_status check_all(checker *check, const cg_allocator *allocator,
                           const sim_registers *registers, cg_error *error) {
    cg_status status = sim_linear_search_alloc(*allocator, &check->search, error);
    for (size_t at = 0; status == CG_OK && at < registers->count;) {
        size_t count = sim_registers_next(registers, at);
        status = check_register(check, allocator, &registers->operations[at], count, error);
        at += count;
    }
    sim_linear_search_free(check->search);
    cg_deallocate(allocator, check->items, check->item_capacity, sizeof *check->items);
    cg_deallocate(allocator, check->prefix, check->prefix_capacity, sizeof *check->prefix);
    cg_deallocate(allocator, check->answers, check->answer_capacity, sizeof *check->answers);
    return status;
}

cg_status sim_check_linearizable(cg_allocator allocator, const sim_history *history,
                                 const sim_linear_options *options, sim_linear_report *report,
                                 cg_error *error) {
    static const sim_linear_options defaults = {0};
    checker check = {.options = options ? options : &defaults};
    check.model = check.options->model ? check.options->model : sim_model_fact();
    check.states_max =
        check.options->states_max > 0 ? check.options->states_max : SIM_LINEAR_STATES_DEFAULT;
    if (check.options->modes >> SIM_MODE_COUNT != 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "modes are bits 0..%u, but 0x%x has others", SIM_MODE_COUNT - 1,
                            check.options->modes);
    }
    sim_registers registers;
    cg_status status = sim_registers_init(&registers, allocator, history, error);
    if (status == CG_OK) {
        status = check_all(&check, &allocator, &registers, error);
    }
    sim_registers_deinit(&registers);
    if (status != CG_OK) {
        return status;
    }
    *report = check.report;
    if (check.report.violated > 0) {
        return cg_error_set(error, CG_ERROR_CORRUPT, "%s", check.first_violated.message);
    }
    if (check.report.unknown > 0) {
        return cg_error_set(error, CG_ERROR_PARTIAL, "%s", check.first_unknown.message);
    }
    return CG_OK;
}
