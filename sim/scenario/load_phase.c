/* Reading, writing and applying the fields of a phase, from one table. */
#include "sim/scenario/load_phase.h"

#include <stdio.h>
#include <string.h>

#include "sim/scenario/option_table.h"
#include "sim/scenario/time_limit.h"

const char *const sim_load_phase_fields[SIM_LOAD_PHASE_FIELDS] = {
    "at",   "rate",  "recall", "deallocate", "batch", "keys",   "hops",
    "zipf", "chain", "rotate", "urgent",     "low",   "greedy", "spread"};

typedef struct field_place {
    sim_store store;
    size_t offset;      /* in sim_load_phase */
    size_t load_offset; /* in sim_load_options; of at and rotate none */
} field_place;

#define BOTH(kind, name)                                                                       \
    { SIM_STORE_##kind, offsetof(sim_load_phase, name), offsetof(sim_load_options, name) }

enum { AT = 0, ROTATE = 9 };

/* In the order of the names. */
static const field_place places[SIM_LOAD_PHASE_FIELDS] = {
    {SIM_STORE_U64, offsetof(sim_load_phase, at_ns), 0},
    BOTH(DOUBLE, rate_hz),
    BOTH(DOUBLE, recall),
    BOTH(DOUBLE, deallocate),
    BOTH(DOUBLE, batch),
    BOTH(U32, keys),
    BOTH(U32, hops),
    BOTH(DOUBLE, zipf),
    BOTH(DOUBLE, chain),
    {SIM_STORE_DOUBLE, offsetof(sim_load_phase, rotate), 0},
    BOTH(DOUBLE, urgent),
    BOTH(DOUBLE, low),
    BOTH(DOUBLE, greedy),
    BOTH(DOUBLE, spread),
};

static const sim_quantity *quantity_of(size_t field) {
    static const sim_quantity at = {SIM_UNIT_DURATION, "0", SIM_TIME_MAX_TEXT};
    static const sim_quantity rotate = {SIM_UNIT_PROBABILITY, "0", "1"};
    if (field == AT) {
        return &at;
    }
    if (field == ROTATE) {
        return &rotate;
    }
    char path[64];
    snprintf(path, sizeof path, "load.%s", sim_load_phase_fields[field]);
    const sim_option *option = sim_option_find(path);
    CG_ASSERT(option && option->store == places[field].store);
    return &option->quantity;
}

cg_status sim_load_phase_set(sim_load_phase *phase, size_t field, const char *value,
                             cg_error *error) {
    CG_ASSERT(field < SIM_LOAD_PHASE_FIELDS);
    const sim_quantity *quantity = quantity_of(field);
    char *place = (char *)phase + places[field].offset;
    uint64_t whole = 0;
    double real = 0.0;
    cg_status status = places[field].store == SIM_STORE_DOUBLE
                           ? sim_units_parse_real(quantity, value, &real, error)
                           : sim_units_parse_integer(quantity, value, &whole, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t narrow = (uint32_t)whole;
    if (places[field].store == SIM_STORE_DOUBLE) {
        memcpy(place, &real, sizeof real);
    } else if (places[field].store == SIM_STORE_U64) {
        memcpy(place, &whole, sizeof whole);
    } else {
        CG_ASSERT(narrow == whole);
        memcpy(place, &narrow, sizeof narrow);
    }
    phase->given |= 1u << field;
    return CG_OK;
}

void sim_load_phase_format(const sim_load_phase *phase, size_t field,
                           char text[SIM_UNITS_TEXT_BYTES]) {
    CG_ASSERT(field < SIM_LOAD_PHASE_FIELDS);
    const char *place = (const char *)phase + places[field].offset;
    double real = 0.0;
    uint64_t whole = 0;
    uint32_t narrow = 0;
    if (places[field].store == SIM_STORE_DOUBLE) {
        memcpy(&real, place, sizeof real);
        sim_units_format_real(real, text);
    } else if (places[field].store == SIM_STORE_U64) {
        memcpy(&whole, place, sizeof whole);
        sim_units_format_integer(quantity_of(field)->unit, whole, text);
    } else {
        memcpy(&narrow, place, sizeof narrow);
        sim_units_format_integer(quantity_of(field)->unit, narrow, text);
    }
}

bool sim_load_phase_gives(const sim_load_phase *phase, const char *field) {
    for (size_t i = 0; i < SIM_LOAD_PHASE_FIELDS; i++) {
        if (strcmp(sim_load_phase_fields[i], field) == 0) {
            return (phase->given & (1u << i)) != 0;
        }
    }
    CG_ASSERT(false); /* no field of that name */
    return false;
}

void sim_load_phase_apply(const sim_load_phase *phase, sim_load_options *load, double *rotate) {
    for (size_t i = AT + 1; i < SIM_LOAD_PHASE_FIELDS; i++) {
        if (!(phase->given & (1u << i))) {
            continue;
        }
        if (i == ROTATE) {
            *rotate = phase->rotate;
            continue;
        }
        memcpy((char *)load + places[i].load_offset, (const char *)phase + places[i].offset,
               places[i].store == SIM_STORE_U32 ? sizeof(uint32_t) : sizeof(double));
    }
}
