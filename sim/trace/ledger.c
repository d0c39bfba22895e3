#include "sim/trace/ledger.h"

#include <stddef.h>

#include "engine/base/status.h"

static uint64_t *part_of(sim_ledger *ledger, sim_ledger_part part) {
    switch (part) {
    case SIM_LEDGER_QUEUE:
        return &ledger->queue_ns;
    case SIM_LEDGER_WIRE:
        return &ledger->wire_ns;
    case SIM_LEDGER_COMPUTE:
        return &ledger->compute_ns;
    case SIM_LEDGER_DISK:
        return &ledger->disk_ns;
    case SIM_LEDGER_TIER:
        return &ledger->tier_ns;
    case SIM_LEDGER_RETRY:
        return &ledger->retry_ns;
    case SIM_LEDGER_PART_COUNT:
        break;
    }
    CG_ASSERT(part < SIM_LEDGER_PART_COUNT);
    return NULL;
}

const char *sim_ledger_part_name(sim_ledger_part part) {
    static const char *const names[SIM_LEDGER_PART_COUNT] = {"queue", "wire", "compute",
                                                             "disk",  "tier", "retry"};
    return (unsigned)part < SIM_LEDGER_PART_COUNT ? names[part] : "unknown";
}

uint64_t sim_ledger_part_ns(const sim_ledger *ledger, sim_ledger_part part) {
    sim_ledger copy = *ledger;
    return *part_of(&copy, part);
}

sim_ledger sim_ledger_begin(uint64_t start_ns) {
    return (sim_ledger){.start_ns = start_ns, .mark_ns = start_ns};
}

void sim_ledger_charge(sim_ledger *ledger, sim_ledger_part part, uint64_t until_ns) {
    CG_ASSERT(until_ns >= ledger->mark_ns);
    *part_of(ledger, part) += until_ns - ledger->mark_ns;
    ledger->mark_ns = until_ns;
}

void sim_ledger_rebase(sim_ledger *ledger, uint64_t start_ns) {
    static const sim_ledger_part order[SIM_LEDGER_PART_COUNT] = {
        SIM_LEDGER_RETRY, SIM_LEDGER_QUEUE, SIM_LEDGER_WIRE,
        SIM_LEDGER_DISK,  SIM_LEDGER_TIER,  SIM_LEDGER_COMPUTE};
    CG_ASSERT(start_ns <= ledger->mark_ns);
    if (start_ns <= ledger->start_ns) {
        ledger->queue_ns += ledger->start_ns - start_ns;
    } else {
        uint64_t left_ns = start_ns - ledger->start_ns;
        for (size_t i = 0; i < SIM_LEDGER_PART_COUNT && left_ns > 0; i++) {
            uint64_t *part_ns = part_of(ledger, order[i]);
            uint64_t taken_ns = *part_ns < left_ns ? *part_ns : left_ns;
            *part_ns -= taken_ns;
            left_ns -= taken_ns;
        }
    }
    ledger->start_ns = start_ns;
}

sim_ledger sim_ledger_join(const sim_ledger *own, const sim_ledger *cause) {
    sim_ledger joined = *own;
    sim_ledger rest = *cause;
    sim_ledger_rebase(&rest, own->mark_ns);
    for (int part = 0; part < SIM_LEDGER_PART_COUNT; part++) {
        *part_of(&joined, (sim_ledger_part)part) +=
            sim_ledger_part_ns(&rest, (sim_ledger_part)part);
    }
    joined.mark_ns = rest.mark_ns;
    return joined;
}

uint64_t sim_ledger_total_ns(const sim_ledger *ledger) {
    return ledger->queue_ns + ledger->wire_ns + ledger->compute_ns + ledger->disk_ns +
           ledger->tier_ns + ledger->retry_ns;
}
