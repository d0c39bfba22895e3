/* Operations in a plain growing array, with a table from id to place.
 *
 * Operations come almost always in the order of their invocations, so the array is sorted only
 * when that was not so; the table is made anew then.
 */
#include "sim/check/history.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/map.h"

struct sim_history {
    cg_allocator allocator;
    sim_operation *operations;
    size_t count;
    size_t capacity;
    size_t operations_max;
    cg_table *places; /* id to index in operations */
    bool sorted;
};

static const char *const kind_names[SIM_OPERATION_KIND_COUNT] = {
    [SIM_OPERATION_ALLOCATE] = "allocate",
    [SIM_OPERATION_BATCH] = "batch",
    [SIM_OPERATION_DEALLOCATE] = "deallocate",
    [SIM_OPERATION_GET] = "get",
    [SIM_OPERATION_EDGE_OBSERVE] = "edge_observe",
    [SIM_OPERATION_EDGE_REMOVE] = "edge_remove",
    [SIM_OPERATION_RECALL] = "recall",
    [SIM_OPERATION_SPREAD] = "spread",
};
static const char *const outcome_names[SIM_EFFECT_COUNT] = {
    [SIM_EFFECT_OPEN] = "open",
    [SIM_EFFECT_OK] = "ok",
    [SIM_EFFECT_FAILED] = "fail",
    [SIM_EFFECT_UNKNOWN] = "info",
};
static const char *const mode_names[SIM_MODE_COUNT] = {
    [SIM_MODE_NONE] = "none",
    [SIM_MODE_PRIMARY] = "primary",
    [SIM_MODE_QUORUM] = "quorum",
    [SIM_MODE_ALL] = "all",
};

const char *sim_operation_kind_name(sim_operation_kind kind) {
    return (unsigned)kind < SIM_OPERATION_KIND_COUNT ? kind_names[kind] : "?";
}

const char *sim_effect_name(sim_effect outcome) {
    return (unsigned)outcome < SIM_EFFECT_COUNT ? outcome_names[outcome] : "?";
}

const char *sim_mode_name(sim_mode mode) {
    return (unsigned)mode < SIM_MODE_COUNT ? mode_names[mode] : "?";
}

sim_effect sim_effect_of(cg_status status) {
    switch (status) {
    case CG_OK:
    case CG_ERROR_PARTIAL:
        return SIM_EFFECT_OK;
    case CG_ERROR_INVALID:
    case CG_ERROR_NOT_FOUND:
    case CG_ERROR_EXISTS:
    case CG_ERROR_FULL:
    case CG_ERROR_VERSION:
    case CG_ERROR_OVERLOADED:
    case CG_ERROR_CONFLICT:
        return SIM_EFFECT_FAILED;
    default:
        return SIM_EFFECT_UNKNOWN;
    }
}

cg_status sim_history_alloc(cg_allocator allocator, size_t operations_max, sim_history **out,
                            cg_error *error) {
    if (operations_max == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a history of at most 0 operations holds nothing: at least 1");
    }
    sim_history *history = cg_allocate(&allocator, 1, sizeof *history);
    if (!history) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a history");
    }
    history->allocator = allocator;
    history->operations_max = operations_max;
    history->sorted = true;
    cg_status status = cg_table_alloc(allocator, &history->places, error);
    if (status != CG_OK) {
        cg_deallocate(&allocator, history, 1, sizeof *history);
        return status;
    }
    *out = history;
    return CG_OK;
}

void sim_history_free(sim_history *history) {
    if (!history) {
        return;
    }
    cg_allocator allocator = history->allocator;
    cg_table_free(history->places);
    cg_deallocate(&allocator, history->operations, history->capacity,
                  sizeof *history->operations);
    cg_deallocate(&allocator, history, 1, sizeof *history);
}

static cg_status check_invocation(const sim_operation *operation, cg_error *error) {
    unsigned long long id = operation->id;
    if ((unsigned)operation->kind >= SIM_OPERATION_KIND_COUNT) {
        return cg_error_set(error, CG_ERROR_INVALID, "operation %llu has kind %u, not 0..%u",
                            id, (unsigned)operation->kind, SIM_OPERATION_KIND_COUNT - 1);
    }
    if ((unsigned)operation->acknowledge >= SIM_MODE_COUNT) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "operation %llu has acknowledgement mode %u, not 0..%u", id,
                            (unsigned)operation->acknowledge, SIM_MODE_COUNT - 1);
    }
    if (operation->invoke_ns == SIM_TIME_NONE) {
        return cg_error_set(error, CG_ERROR_INVALID, "operation %llu was invoked at no time",
                            id);
    }
    if (operation->kind == SIM_OPERATION_BATCH &&
        (operation->key >> SIM_BATCH_PLACE_SHIFT != 0 ||
         operation->count > SIM_BATCH_FACTS_MAX)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "batch %llu has key %llu and %u facts: a key is below 2^%u, facts "
                            "are at most %u",
                            id, (unsigned long long)operation->key, operation->count,
                            SIM_BATCH_PLACE_SHIFT, SIM_BATCH_FACTS_MAX);
    }
    return CG_OK;
}

static cg_status check_completion(const sim_operation *operation, cg_error *error) {
    unsigned long long id = operation->id;
    if ((unsigned)operation->status >= CG_STATUS_COUNT ||
        (unsigned)operation->outcome >= SIM_EFFECT_COUNT) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "operation %llu has status %u and outcome %u: below %u and %u", id,
                            (unsigned)operation->status, (unsigned)operation->outcome,
                            (unsigned)CG_STATUS_COUNT, SIM_EFFECT_COUNT);
    }
    bool open = operation->outcome == SIM_EFFECT_OPEN;
    if (open != (operation->complete_ns == SIM_TIME_NONE)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "operation %llu is %s, but has %s completion time", id,
                            sim_effect_name(operation->outcome), open ? "a" : "no");
    }
    if (!open && operation->complete_ns < operation->invoke_ns) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "operation %llu was invoked at %llu ns and complete at %llu ns", id,
                            (unsigned long long)operation->invoke_ns,
                            (unsigned long long)operation->complete_ns);
    }
    return CG_OK;
}

static int by_invocation(const void *left, const void *right) {
    const sim_operation *a = left;
    const sim_operation *b = right;
    if (a->invoke_ns != b->invoke_ns) {
        return a->invoke_ns < b->invoke_ns ? -1 : 1;
    }
    return (a->id > b->id) - (a->id < b->id);
}

static cg_status append(sim_history *history, const sim_operation *operation, cg_error *error) {
    uint64_t place = 0;
    if (cg_table_get(history->places, operation->id, &place)) {
        return cg_error_set(error, CG_ERROR_EXISTS,
                            "operation %llu is there, invoked at %llu ns",
                            (unsigned long long)operation->id,
                            (unsigned long long)history->operations[place].invoke_ns);
    }
    if (history->count == history->operations_max) {
        return cg_error_set(error, CG_ERROR_FULL, "the history is full with %zu operations",
                            history->count);
    }
    cg_status status = CG_GROW(&history->allocator, history->operations, history->capacity,
                               history->count + 1, error);
    if (status == CG_OK) {
        status = cg_table_put(history->places, operation->id, history->count, error);
    }
    if (status != CG_OK) {
        return status;
    }
    history->sorted = history->sorted &&
                      (history->count == 0 ||
                       by_invocation(&history->operations[history->count - 1], operation) < 0);
    history->operations[history->count++] = *operation;
    return CG_OK;
}

cg_status sim_history_invoke(sim_history *history, const sim_operation *operation,
                             cg_error *error) {
    cg_status status = check_invocation(operation, error);
    if (status != CG_OK) {
        return status;
    }
    if (operation->kind == SIM_OPERATION_BATCH && operation->count == 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "batch %llu asks for 0 facts: at least 1",
                            (unsigned long long)operation->id);
    }
    sim_operation opened = {.id = operation->id,
                            .key = operation->key,
                            .invoke_ns = operation->invoke_ns,
                            .complete_ns = SIM_TIME_NONE,
                            .value = operation->has_value ? operation->value : 0,
                            .client = operation->client,
                            .host_asked = operation->host_asked,
                            .space = operation->space,
                            .count = operation->count,
                            .kind = operation->kind,
                            .acknowledge = operation->acknowledge,
                            .promised = operation->promised,
                            .has_value = operation->has_value};
    return append(history, &opened, error);
}

/* What `opened` becomes with `answer`. */
static sim_operation completed(const sim_operation *opened, const sim_operation *answer) {
    sim_operation done = *opened;
    bool missing = opened->kind == SIM_OPERATION_GET && answer->status == CG_ERROR_NOT_FOUND;
    done.complete_ns = answer->complete_ns;
    done.status = answer->status;
    done.outcome = missing ? SIM_EFFECT_OK : sim_effect_of(answer->status);
    done.fact_id = answer->fact_id;
    done.epoch = answer->epoch;
    done.has_slot = answer->has_slot;
    done.slot = answer->has_slot ? answer->slot : 0;
    done.has_answer = answer->has_answer;
    done.host_answered = answer->has_answer ? answer->host_answered : 0;
    done.found = answer->found && opened->kind == SIM_OPERATION_GET && !missing;
    if (answer->has_value) {
        done.has_value = true;
        done.value = answer->value;
    }
    if (answer->acknowledge != SIM_MODE_NONE) {
        done.acknowledge = answer->acknowledge;
    }
    if (done.kind == SIM_OPERATION_BATCH && done.outcome == SIM_EFFECT_OK) {
        done.count = answer->count;
    }
    return done;
}

cg_status sim_history_complete(sim_history *history, const sim_operation *answer,
                               cg_error *error) {
    uint64_t place = 0;
    if (!cg_table_get(history->places, answer->id, &place)) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "operation %llu is answered at %llu ns, but was never invoked",
                            (unsigned long long)answer->id,
                            (unsigned long long)answer->complete_ns);
    }
    const sim_operation *opened = &history->operations[place];
    if (opened->outcome != SIM_EFFECT_OPEN) {
        return cg_error_set(error, CG_ERROR_EXISTS,
                            "operation %llu was complete at %llu ns, and is answered again",
                            (unsigned long long)answer->id,
                            (unsigned long long)opened->complete_ns);
    }
    sim_operation done = completed(opened, answer);
    if (done.count > opened->count) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "batch %llu stored %u facts, but %u were asked for",
                            (unsigned long long)answer->id, done.count, opened->count);
    }
    cg_status status = check_invocation(&done, error);
    if (status == CG_OK) {
        status = check_completion(&done, error);
    }
    if (status == CG_OK) {
        history->operations[place] = done;
    }
    return status;
}

cg_status sim_history_add(sim_history *history, const sim_operation *operation,
                          cg_error *error) {
    cg_status status = check_invocation(operation, error);
    if (status == CG_OK) {
        status = check_completion(operation, error);
    }
    return status == CG_OK ? append(history, operation, error) : status;
}

size_t sim_history_count(const sim_history *history) {
    return history->count;
}

bool sim_history_find(const sim_history *history, uint64_t id, sim_operation *out) {
    uint64_t place = 0;
    if (!cg_table_get(history->places, id, &place)) {
        return false;
    }
    *out = history->operations[place];
    return true;
}

void sim_history_truncate(sim_history *history, size_t count) {
    CG_ASSERT(count <= history->count);
    while (history->count > count) {
        history->count--;
        (void)cg_table_remove(history->places, history->operations[history->count].id);
    }
}

/* New places for the operations' ids in the order that `sorted` has; nothing changes on failure. */
static cg_status index_places(const sim_history *history, const sim_operation *sorted,
                              cg_table **out, cg_error *error) {
    cg_table *places = NULL;
    cg_status status = cg_table_alloc(history->allocator, &places, error);
    for (size_t i = 0; status == CG_OK && i < history->count; ++i) {
        status = cg_table_put(places, sorted[i].id, i, error);
    }
    if (status != CG_OK) {
        cg_table_free(places);
        return status;
    }
    *out = places;
    return CG_OK;
}

cg_status sim_history_sort(sim_history *history, cg_error *error) {
    if (history->sorted) {
        return CG_OK;
    }
    size_t bytes = history->count * sizeof *history->operations;
    sim_operation *sorted = cg_allocate(&history->allocator, history->capacity, sizeof *sorted);
    if (!sorted) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to sort %zu operations",
                            history->count);
    }
    memcpy(sorted, history->operations, bytes);
    qsort(sorted, history->count, sizeof *sorted, by_invocation);
    cg_table *places = NULL;
    cg_status status = index_places(history, sorted, &places, error);
    if (status != CG_OK) {
        cg_deallocate(&history->allocator, sorted, history->capacity, sizeof *sorted);
        return status;
    }
    cg_table_free(history->places);
    cg_deallocate(&history->allocator, history->operations, history->capacity, sizeof *sorted);
    history->places = places;
    history->operations = sorted;
    history->sorted = true;
    return CG_OK;
}

const sim_operation *sim_history_operations(const sim_history *history) {
    return history->operations;
}
