/* Sequential specifications: a fact, and a read/write register. */
#include "sim/check/linearizable.h"

/* -- A fact: words[0] is where it stands, words[1] its value when that is known. */
enum { FACT_ABSENT = 0, FACT_PRESENT, FACT_PRESENT_ANY, FACT_REMOVED };

static sim_use fact_use(const sim_operation *operation) {
    bool open =
        operation->outcome == SIM_EFFECT_OPEN || operation->outcome == SIM_EFFECT_UNKNOWN;
    bool ok = operation->outcome == SIM_EFFECT_OK;
    switch (operation->kind) {
    case SIM_OPERATION_ALLOCATE:
        return ok ? SIM_USE_MUST : open ? SIM_USE_MAY : SIM_USE_NONE;
    case SIM_OPERATION_DEALLOCATE:
        if (operation->outcome == SIM_EFFECT_FAILED &&
            operation->status == CG_ERROR_NOT_FOUND) {
            return SIM_USE_MUST; /* it read that there is nothing */
        }
        return ok ? SIM_USE_MUST : open ? SIM_USE_MAY : SIM_USE_NONE;
    case SIM_OPERATION_GET:
        return ok ? SIM_USE_MUST : SIM_USE_NONE;
    default:
        return SIM_USE_NONE;
    }
}

static bool fact_only_reads(const sim_operation *operation) {
    return operation->kind == SIM_OPERATION_GET || operation->outcome == SIM_EFFECT_FAILED;
}

static bool fact_get(const sim_register_state *state, const sim_operation *operation,
                     sim_register_state *next) {
    bool present = state->words[0] == FACT_PRESENT || state->words[0] == FACT_PRESENT_ANY;
    if (!operation->found || !present) {
        return !operation->found && !present;
    }
    if (state->words[0] == FACT_PRESENT_ANY && operation->has_value) {
        *next = (sim_register_state){.words = {FACT_PRESENT, operation->value}};
        return true;
    }
    return !operation->has_value || state->words[0] == FACT_PRESENT_ANY ||
           state->words[1] == operation->value;
}

static bool fact_step(const sim_register_state *state, const sim_operation *operation,
                      sim_register_state *next) {
    bool present = state->words[0] == FACT_PRESENT || state->words[0] == FACT_PRESENT_ANY;
    *next = *state;
    switch (operation->kind) {
    case SIM_OPERATION_ALLOCATE:
        if (operation->has_value) {
            *next = (sim_register_state){.words = {FACT_PRESENT, operation->value}};
        } else {
            *next = (sim_register_state){.words = {FACT_PRESENT_ANY, 0}};
        }
        return state->words[0] == FACT_ABSENT;
    case SIM_OPERATION_DEALLOCATE:
        if (operation->outcome == SIM_EFFECT_FAILED) {
            return !present;
        }
        *next = (sim_register_state){.words = {FACT_REMOVED, 0}};
        return present;
    default:
        return fact_get(state, operation, next);
    }
}

const sim_model *sim_model_fact(void) {
    static const sim_model model = {.name = "fact",
                                    .initial = {.words = {FACT_ABSENT, 0}},
                                    .use = fact_use,
                                    .step = fact_step,
                                    .only_reads = fact_only_reads};
    return &model;
}

/* -- A read/write register: words[0] is its value. */

static sim_use register_use(const sim_operation *operation) {
    if (operation->kind == SIM_OPERATION_GET) {
        return operation->outcome == SIM_EFFECT_OK && operation->has_value ? SIM_USE_MUST
                                                                           : SIM_USE_NONE;
    }
    if (operation->kind != SIM_OPERATION_ALLOCATE || operation->outcome == SIM_EFFECT_FAILED) {
        return SIM_USE_NONE;
    }
    return operation->outcome == SIM_EFFECT_OK ? SIM_USE_MUST : SIM_USE_MAY;
}

static bool register_step(const sim_register_state *state, const sim_operation *operation,
                          sim_register_state *next) {
    *next = *state;
    if (operation->kind == SIM_OPERATION_GET) {
        return state->words[0] == operation->value;
    }
    next->words[0] = operation->value;
    return true;
}

static bool register_only_reads(const sim_operation *operation) {
    return operation->kind == SIM_OPERATION_GET;
}

const sim_model *sim_model_register(void) {
    static const sim_model model = {.name = "register",
                                    .initial = {.words = {0, 0}},
                                    .use = register_use,
                                    .step = register_step,
                                    .only_reads = register_only_reads};
    return &model;
}
