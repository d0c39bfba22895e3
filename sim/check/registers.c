/* The history copied, batches taken apart, sorted by (key, invoke_ns, id). */
#include "sim/check/registers.h"

#include <stdlib.h>

static int by_key(const void *left, const void *right) {
    const sim_operation *a = left;
    const sim_operation *b = right;
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    if (a->invoke_ns != b->invoke_ns) {
        return a->invoke_ns < b->invoke_ns ? -1 : 1;
    }
    return (a->id > b->id) - (a->id < b->id);
}

/* Fact `place` of a batch, as if it had been allocated alone. */
static sim_operation batch_fact(const sim_operation *batch, uint32_t place) {
    sim_operation fact = *batch;
    fact.kind = SIM_OPERATION_ALLOCATE;
    fact.key += (uint64_t)place << SIM_BATCH_PLACE_SHIFT;
    fact.value += fact.has_value ? place : 0;
    fact.fact_id += fact.fact_id != 0 ? place : 0;
    fact.has_slot = fact.has_slot && place == 0;
    fact.count = 1;
    return fact;
}

static cg_status add(sim_registers *registers, const sim_operation *operation,
                     cg_error *error) {
    bool batch = operation->kind == SIM_OPERATION_BATCH;
    if (!batch && operation->kind != SIM_OPERATION_ALLOCATE &&
        operation->kind != SIM_OPERATION_DEALLOCATE && operation->kind != SIM_OPERATION_GET) {
        return CG_OK;
    }
    uint32_t count = batch ? operation->count : 1;
    cg_status status = CG_GROW(&registers->allocator, registers->operations,
                               registers->capacity, registers->count + count, error);
    for (uint32_t place = 0; status == CG_OK && place < count; ++place) {
        registers->operations[registers->count++] =
            batch ? batch_fact(operation, place) : *operation;
    }
    return status;
}

cg_status sim_registers_init(sim_registers *registers, cg_allocator allocator,
                             const sim_history *history, cg_error *error) {
    *registers = (sim_registers){.allocator = allocator};
    const sim_operation *operations = sim_history_operations(history);
    size_t count = sim_history_count(history);
    cg_status status = CG_OK;
    for (size_t i = 0; status == CG_OK && i < count; ++i) {
        status = add(registers, &operations[i], error);
    }
    if (status == CG_OK && registers->count > 0) {
        qsort(registers->operations, registers->count, sizeof *registers->operations, by_key);
    }
    return status;
}

void sim_registers_deinit(sim_registers *registers) {
    cg_deallocate(&registers->allocator, registers->operations, registers->capacity,
                  sizeof *registers->operations);
    *registers = (sim_registers){.allocator = registers->allocator};
}

size_t sim_registers_next(const sim_registers *registers, size_t from) {
    size_t at = from;
    while (at < registers->count &&
           registers->operations[at].key == registers->operations[from].key) {
        ++at;
    }
    return at - from;
}

/* "= 7" for a value that is known, "found = 7", "found nothing". */
static const char *value_text(const sim_operation *operation, char *text, size_t capacity) {
    bool get = operation->kind == SIM_OPERATION_GET && operation->outcome == SIM_EFFECT_OK;
    if (operation->has_value && (!get || operation->found)) {
        (void)snprintf(text, capacity, "%s= %llu", get ? "found " : "",
                       (unsigned long long)operation->value);
    } else {
        (void)snprintf(text, capacity, "%s",
                       !get               ? ""
                       : operation->found ? "found"
                                          : "nothing");
    }
    return text;
}

const char *sim_operation_text(const sim_operation *operation,
                               char text[SIM_OPERATION_TEXT_BYTES]) {
    char value[40];
    char complete[24] = "open";
    if (operation->complete_ns != SIM_TIME_NONE) {
        (void)snprintf(complete, sizeof complete, "%llu",
                       (unsigned long long)operation->complete_ns);
    }
    value_text(operation, value, sizeof value);
    bool answered = operation->has_answer;
    (void)snprintf(text, SIM_OPERATION_TEXT_BYTES,
                   "%llu (%s%s%s, client %u, %s host %u, %llu..%s ns, %s)",
                   (unsigned long long)operation->id, sim_operation_kind_name(operation->kind),
                   *value ? " " : "", value, operation->client, answered ? "by" : "asked",
                   answered ? operation->host_answered : operation->host_asked,
                   (unsigned long long)operation->invoke_ns, complete,
                   sim_effect_name(operation->outcome));
    return text;
}
