#include "sim/fault/host_schedule.h"

#include <inttypes.h>

#include "sim/fault/fault_words.h"
#include "sim/fault/schedule.h"
#include "sim/scenario/host_fault_text.h"
#include "sim/scenario/units.h"

bool sim_fault_hurts_hosts(const sim_options *options) {
    for (uint32_t i = 0; i < options->fault_count; i++) {
        if (sim_host_fault_is(options->faults[i].action)) {
            return true;
        }
    }
    return false;
}

static sim_host_fault_kind kind_of(sim_fault_action action) {
    switch (action) {
    case SIM_FAULT_RESTART:
        return SIM_HOST_RESTART;
    case SIM_FAULT_DISK_LOSS:
        return SIM_HOST_DISK_LOSS;
    case SIM_FAULT_CORRUPT_WRITES:
    case SIM_FAULT_BIT_ROT:
        return SIM_HOST_CORRUPT;
    case SIM_FAULT_SLOW_DISK:
        return SIM_HOST_SLOW_DISK;
    case SIM_FAULT_SLOW_HOST:
        return SIM_HOST_SLOW_CORES;
    case SIM_FAULT_CLOCK:
        return SIM_HOST_CLOCK;
    default:
        CG_ASSERT(action == SIM_FAULT_CRASH);
        return SIM_HOST_CRASH;
    }
}

cg_status sim_fault_apply_to_hosts(const sim_fault *fault, uint64_t at_ns,
                                   sim_host *const *hosts, cg_error *error) {
    CG_ASSERT(sim_host_fault_is(fault->action));
    sim_host_fault come = {.kind = kind_of(fault->action),
                           .at_ns = at_ns,
                           .torn = fault->torn,
                           .at_rest = fault->action == SIM_FAULT_BIT_ROT,
                           .writes = fault->writes,
                           .factor = fault->factor,
                           .skew_ns = fault->skew_ns,
                           .drift_ppm = fault->drift_ppm};
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < fault->host_count; i++) {
        status = sim_host_fault_at(hosts[fault->hosts[i]], &come, error);
        if (status == CG_OK && fault->down_ns > 0) {
            sim_host_fault back = {
                .kind = SIM_HOST_RESTART, .at_ns = at_ns + fault->down_ns, .if_down = true};
            status = sim_host_fault_at(hosts[fault->hosts[i]], &back, error);
        }
    }
    return status;
}

cg_status sim_fault_schedule_hosts(const sim_options *options, sim_host *const *hosts,
                                   cg_error *error) {
    for (uint32_t i = 0; i < options->fault_count; i++) {
        const sim_fault *fault = &options->faults[i];
        if (!sim_host_fault_is(fault->action)) {
            continue;
        }
        cg_status status = sim_fault_apply_to_hosts(fault, fault->at_ns, hosts, error);
        if (status != CG_OK) {
            return sim_fault_blame(status, fault, i, error);
        }
    }
    return CG_OK;
}

size_t sim_fault_describe_hosts(const sim_fault *fault, char *text, size_t capacity_bytes) {
    sim_fault_line line = {.text = text, .capacity_bytes = capacity_bytes};
    char number[SIM_UNITS_TEXT_BYTES];
    sim_fault_say(&line, "%s", sim_fault_name(fault->action));
    sim_fault_say_hosts(&line, fault);
    if (fault->down_ns > 0) {
        sim_units_describe(SIM_UNIT_DURATION, fault->down_ns, number);
        sim_fault_say(&line, ", down %s", number);
    }
    if (fault->torn) {
        sim_fault_say(&line, ", torn");
    }
    if (fault->action == SIM_FAULT_CORRUPT_WRITES) {
        sim_fault_say(&line, ", writes %" PRIu32, fault->writes);
    } else if (fault->action == SIM_FAULT_SLOW_DISK || fault->action == SIM_FAULT_SLOW_HOST) {
        sim_fault_say(&line, ", times %g", fault->factor);
    } else if (fault->action == SIM_FAULT_CLOCK) {
        uint64_t skew_ns = fault->skew_ns < 0 ? UINT64_C(0) - (uint64_t)fault->skew_ns
                                              : (uint64_t)fault->skew_ns;
        sim_units_describe(SIM_UNIT_DURATION, skew_ns, number);
        sim_fault_say(&line, ", skew %s%s, drift %" PRId32 " ppm",
                      fault->skew_ns < 0 ? "-" : "", number, fault->drift_ppm);
    }
    return line.length;
}
