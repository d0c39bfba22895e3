/* Register by register, client by client.
 *
 * Idea: what a client knows of a fact only grows, so for a read it is enough to know when the
 * client first knew each thing: that it had written or seen the fact, that it had removed it, that
 * it had seen it gone after it was there. A read that was invoked since then must agree.
 *
 * Known value (a test asserts it): allocate answered at 10 by one host, get at 20 by another that
 * finds nothing: one lost write; found by a first get and not by a second: one read went back.
 */
#include "sim/check/session.h"

#include <stdlib.h>

#include "sim/check/registers.h"
#include "sim/check/tally.h"

/* When, at the earliest, a client knew something, and from which operation. */
typedef struct first_known {
    uint64_t at_ns; /* SIM_TIME_NONE: never */
    const sim_operation *operation;
} first_known;

typedef struct knowledge {
    first_known wrote;   /* its own allocation was acknowledged */
    first_known removed; /* its own deallocation was acknowledged */
    first_known saw;     /* a get that promised found the fact */
    first_known gone; /* a get that promised did not find what the client knew to have been */
} knowledge;

/* By key, client, invocation and id. */
static int by_session(const void *left, const void *right) {
    const sim_operation *a = left;
    const sim_operation *b = right;
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    if (a->client != b->client) {
        return a->client < b->client ? -1 : 1;
    }
    if (a->invoke_ns != b->invoke_ns) {
        return a->invoke_ns < b->invoke_ns ? -1 : 1;
    }
    return (a->id > b->id) - (a->id < b->id);
}

static bool is_promised_read(const sim_operation *operation) {
    return operation->kind == SIM_OPERATION_GET && operation->promised &&
           operation->outcome == SIM_EFFECT_OK;
}

static void learn(first_known *known, const sim_operation *operation) {
    if (operation->complete_ns < known->at_ns) {
        *known = (first_known){.at_ns = operation->complete_ns, .operation = operation};
    }
}

/* Whether the client knew it when it asked. */
static bool knew(const first_known *known, const sim_operation *read) {
    return known->operation && known->operation != read && known->at_ns <= read->invoke_ns;
}

/* When the first deallocation that may have had effect was invoked; of one key. */
static uint64_t removable_from(const sim_operation *operations, size_t count) {
    uint64_t from = SIM_TIME_NONE;
    for (size_t i = 0; i < count; ++i) {
        if (operations[i].kind == SIM_OPERATION_DEALLOCATE &&
            operations[i].outcome != SIM_EFFECT_FAILED && operations[i].invoke_ns < from) {
            from = operations[i].invoke_ns;
        }
    }
    return from;
}

static knowledge gather(const sim_operation *operations, size_t count, uint64_t removable_ns) {
    const first_known never = {.at_ns = SIM_TIME_NONE};
    knowledge known = {.wrote = never, .removed = never, .saw = never, .gone = never};
    for (size_t i = 0; i < count; ++i) {
        const sim_operation *operation = &operations[i];
        if (is_promised_read(operation)) {
            if (operation->found) {
                learn(&known.saw, operation);
            }
        } else if (operation->outcome == SIM_EFFECT_OK) {
            if (operation->kind == SIM_OPERATION_ALLOCATE) {
                learn(&known.wrote, operation);
            } else if (operation->kind == SIM_OPERATION_DEALLOCATE) {
                learn(&known.removed, operation);
            }
        }
    }
    for (size_t i = 0; i < count; ++i) {
        const sim_operation *read = &operations[i];
        if (is_promised_read(read) && !read->found && read->complete_ns >= removable_ns &&
            (knew(&known.wrote, read) || knew(&known.saw, read))) {
            learn(&known.gone, read);
        }
    }
    return known;
}

static bool differ(const sim_operation *a, const sim_operation *b) {
    return a->has_value && b->has_value && a->value != b->value;
}

static void report_break(sim_tally *tally, uint64_t *count, const sim_operation *read,
                         const sim_operation *earlier, const char *what) {
    char text[2][SIM_OPERATION_TEXT_BYTES];
    SIM_VIOLATION(tally, count, "key %llu: client %u's %s, by operation %s after %s",
                  (unsigned long long)read->key, read->client, what,
                  sim_operation_text(read, text[0]), sim_operation_text(earlier, text[1]));
}

/* Breaks at most one of each guarantee. */
static void check_read(const knowledge *known, const sim_operation *read, uint64_t removable_ns,
                       sim_session_report *report, sim_tally *tally) {
    bool may_be_gone = read->complete_ns >= removable_ns;
    report->reads++;
    bool wrote = knew(&known->wrote, read);
    bool removed = knew(&known->removed, read);
    bool saw = knew(&known->saw, read);
    bool gone = knew(&known->gone, read);
    report->checked_writes += (uint64_t)wrote + removed;
    report->checked_reads += (uint64_t)saw + gone;
    if (removed && read->found) {
        report_break(tally, &report->lost_writes, read, known->removed.operation,
                     "read does not see its own removal");
    } else if (wrote && ((!read->found && !may_be_gone) ||
                         (read->found && differ(read, known->wrote.operation)))) {
        report_break(tally, &report->lost_writes, read, known->wrote.operation,
                     "read does not see its own write");
    }
    if (gone && read->found) {
        report_break(tally, &report->went_back, read, known->gone.operation,
                     "read finds what was gone before");
    } else if (saw && ((!read->found && !may_be_gone) ||
                       (read->found && differ(read, known->saw.operation)))) {
        report_break(tally, &report->went_back, read, known->saw.operation,
                     "read is not as far as an earlier one");
    }
}

static void check_register(const sim_operation *operations, size_t count,
                           sim_session_report *report, sim_tally *tally) {
    uint64_t removable_ns = removable_from(operations, count);
    for (size_t at = 0; at < count;) {
        size_t of_client = 0;
        while (at + of_client < count &&
               operations[at + of_client].client == operations[at].client) {
            of_client++;
        }
        knowledge known = gather(&operations[at], of_client, removable_ns);
        for (size_t i = at; i < at + of_client; ++i) {
            if (is_promised_read(&operations[i])) {
                check_read(&known, &operations[i], removable_ns, report, tally);
            }
        }
        at += of_client;
    }
}

cg_status sim_check_sessions(cg_allocator allocator, const sim_history *history,
                             const cg_table *excused, sim_session_report *report,
                             cg_error *error) {
    sim_registers registers;
    sim_tally tally = {0};
    sim_session_report found = {0};
    cg_status status = sim_registers_init(&registers, allocator, history, error);
    if (status == CG_OK) {
        if (registers.count > 0) {
            qsort(registers.operations, registers.count, sizeof *registers.operations,
                  by_session);
        }
        for (size_t at = 0; at < registers.count;) {
            size_t count = sim_registers_next(&registers, at);
            uint64_t change = 0;
            if (excused && cg_table_get(excused, registers.operations[at].key, &change)) {
                found.skipped++;
            } else {
                check_register(&registers.operations[at], count, &found, &tally);
            }
            at += count;
        }
        *report = found;
        status = sim_tally_status(&tally, error);
    }
    sim_registers_deinit(&registers);
    return status;
}
