#include "sim/fault/host_schedule.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "sim/scenario/fault_text.h"
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
            (void)cg_error_prefix(error, "faults[%" PRIu32 "] (%s): ", i + 1,
                                  sim_fault_actions[fault->action]);
            return status;
        }
    }
    return CG_OK;
}

/* snprintf at the end of what there is; *length counts on when the room is used up. */
__attribute__((format(printf, 4, 5))) static void
append(char *text, size_t capacity_bytes, size_t *length, const char *format, ...) {
    char *place = *length < capacity_bytes ? text + *length : NULL;
    size_t room_bytes = place ? capacity_bytes - *length : 0;
    va_list arguments;
    va_start(arguments, format);
    int added = vsnprintf(place, room_bytes, format, arguments);
    va_end(arguments);
    *length += added > 0 ? (size_t)added : 0;
}

size_t sim_fault_describe_hosts(const sim_fault *fault, char *text, size_t capacity_bytes) {
    size_t length = 0;
    char number[SIM_UNITS_TEXT_BYTES];
    append(text, capacity_bytes, &length, "%s: %s", sim_fault_actions[fault->action],
           fault->host_count == 1 ? "host" : "hosts");
    for (uint32_t i = 0; i < fault->host_count; i++) {
        append(text, capacity_bytes, &length, "%s %" PRIu32, i > 0 ? "," : "", fault->hosts[i]);
    }
    if (fault->down_ns > 0) {
        sim_units_describe(SIM_UNIT_DURATION, fault->down_ns, number);
        append(text, capacity_bytes, &length, ", down %s", number);
    }
    if (fault->torn) {
        append(text, capacity_bytes, &length, ", torn");
    }
    if (fault->action == SIM_FAULT_CORRUPT_WRITES) {
        append(text, capacity_bytes, &length, ", writes %" PRIu32, fault->writes);
    } else if (fault->action == SIM_FAULT_SLOW_DISK || fault->action == SIM_FAULT_SLOW_HOST) {
        append(text, capacity_bytes, &length, ", times %g", fault->factor);
    } else if (fault->action == SIM_FAULT_CLOCK) {
        uint64_t skew_ns = fault->skew_ns < 0 ? UINT64_C(0) - (uint64_t)fault->skew_ns
                                              : (uint64_t)fault->skew_ns;
        sim_units_describe(SIM_UNIT_DURATION, skew_ns, number);
        append(text, capacity_bytes, &length, ", skew %s%s, drift %" PRId32 " ppm",
               fault->skew_ns < 0 ? "-" : "", number, fault->drift_ppm);
    }
    return length;
}
