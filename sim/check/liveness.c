/* Each operation has up to two deadlines: its invocation plus within_ns, and, where the last heal
 * is known, the later of invocation and heal plus healed_within_ns. An operation that is complete
 * before the heal meets the second one anyway.
 */
#include "sim/check/liveness.h"

#include "sim/check/registers.h"

static bool is_set(uint64_t time_ns) {
    return time_ns != 0 && time_ns != SIM_TIME_NONE;
}

static uint64_t add_saturated(uint64_t a, uint64_t b) {
    return a > SIM_TIME_NONE - b ? SIM_TIME_NONE : a + b;
}

/* The earlier of the deadlines, and what it is counted from; SIM_TIME_NONE without any. */
static uint64_t deadline_of(const sim_operation *operation,
                            const sim_guarantee_options *options, uint64_t *from_ns) {
    uint64_t deadline = SIM_TIME_NONE;
    *from_ns = operation->invoke_ns;
    if (is_set(options->within_ns)) {
        deadline = add_saturated(operation->invoke_ns, options->within_ns);
    }
    if (options->last_heal_ns != SIM_TIME_NONE && is_set(options->healed_within_ns)) {
        uint64_t from = operation->invoke_ns > options->last_heal_ns ? operation->invoke_ns
                                                                     : options->last_heal_ns;
        uint64_t healed = add_saturated(from, options->healed_within_ns);
        if (healed < deadline) {
            deadline = healed;
            *from_ns = from;
        }
    }
    return deadline;
}

static void check_deadline(const sim_operation *operation, const sim_guarantee_options *options,
                           sim_guarantee_report *report, sim_tally *tally) {
    uint64_t from_ns = 0;
    uint64_t deadline = deadline_of(operation, options, &from_ns);
    bool open = operation->outcome == SIM_EFFECT_OPEN;
    if (open && options->end_ns <= deadline) {
        report->undecided++;
        return;
    }
    if (!open && operation->complete_ns <= deadline) {
        return;
    }
    char text[SIM_OPERATION_TEXT_BYTES];
    SIM_VIOLATION(tally, &report->late,
                  "operation %s is not complete within %llu ns of %llu ns, its %s",
                  sim_operation_text(operation, text), (unsigned long long)(deadline - from_ns),
                  (unsigned long long)from_ns,
                  from_ns == operation->invoke_ns ? "invocation" : "last heal");
}

static void measure(const sim_operation *operation, const sim_guarantee_options *options,
                    sim_guarantee_report *report) {
    uint64_t took_ns = operation->complete_ns - operation->invoke_ns;
    if (took_ns > report->slowest_ns) {
        report->slowest_ns = took_ns;
    }
    if (options->last_heal_ns != SIM_TIME_NONE &&
        operation->invoke_ns >= options->last_heal_ns && took_ns > report->slowest_healed_ns) {
        report->slowest_healed_ns = took_ns;
    }
}

void sim_check_liveness(const sim_history *history, const sim_guarantee_options *options,
                        sim_guarantee_report *report, sim_tally *tally) {
    const sim_operation *operations = sim_history_operations(history);
    size_t count = sim_history_count(history);
    for (size_t i = 0; i < count; ++i) {
        const sim_operation *operation = &operations[i];
        check_deadline(operation, options, report, tally);
        if (operation->outcome == SIM_EFFECT_OPEN) {
            continue;
        }
        measure(operation, options, report);
        if (operation->outcome == SIM_EFFECT_UNKNOWN && is_set(options->known_from_ns) &&
            operation->invoke_ns >= options->known_from_ns) {
            char text[SIM_OPERATION_TEXT_BYTES];
            SIM_VIOLATION(tally, &report->left_unknown,
                          "operation %s ended with %s, but from %llu ns on all have an answer",
                          sim_operation_text(operation, text),
                          cg_status_name(operation->status),
                          (unsigned long long)options->known_from_ns);
        }
    }
}
