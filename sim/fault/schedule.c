#include "sim/fault/schedule.h"

#include <stdarg.h>
#include <stdio.h>

const char *sim_fault_name(sim_fault_action action) {
    switch (action) {
    case SIM_FAULT_PARTITION:
        return "partition";
    case SIM_FAULT_HEAL:
        return "heal";
    case SIM_FAULT_LATENCY:
        return "latency";
    case SIM_FAULT_JITTER:
        return "jitter";
    case SIM_FAULT_LOSS:
        return "loss";
    }
    return "unknown";
}

cg_status sim_fault_apply(const sim_fault *fault, uint64_t at_ns, sim_fabric *fabric,
                          cg_error *error) {
    sim_fabric_change change = {.at_ns = at_ns,
                                .hosts = fault->hosts,
                                .host_count = fault->host_count,
                                .one_way = fault->one_way,
                                .value_ns = fault->duration_ns,
                                .probability = fault->probability};
    switch (fault->action) {
    case SIM_FAULT_PARTITION:
        change.kind = SIM_FABRIC_PARTITION;
        break;
    case SIM_FAULT_HEAL:
        change.kind = SIM_FABRIC_HEAL;
        break;
    case SIM_FAULT_LATENCY:
        change.kind = SIM_FABRIC_LATENCY;
        break;
    case SIM_FAULT_JITTER:
        change.kind = SIM_FABRIC_JITTER;
        break;
    case SIM_FAULT_LOSS:
        change.kind = SIM_FABRIC_LOSS;
        break;
    default:
        return cg_error_set(error, CG_ERROR_INVALID, "%d is no kind of fault",
                            (int)fault->action);
    }
    return sim_fabric_change_at(fabric, &change, error);
}

cg_status sim_fault_schedule(const sim_options *options, sim_fabric *fabric, cg_error *error) {
    for (uint32_t i = 0; i < options->fault_count; i++) {
        const sim_fault *fault = &options->faults[i];
        cg_status status = sim_fault_apply(fault, fault->at_ns, fabric, error);
        if (status != CG_OK) {
            (void)cg_error_prefix(error, "faults[%u] (%s): ", i + 1,
                                  sim_fault_name(fault->action));
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

size_t sim_fault_describe(const sim_fault *fault, char *text, size_t capacity_bytes) {
    size_t length = 0;
    append(text, capacity_bytes, &length, "%s", sim_fault_name(fault->action));
    switch (fault->action) {
    case SIM_FAULT_PARTITION:
        append(text, capacity_bytes, &length, "%s",
               fault->host_count == 1 ? ": host" : ": hosts");
        for (uint32_t i = 0; i < fault->host_count; i++) {
            append(text, capacity_bytes, &length, "%s %u", i > 0 ? "," : "", fault->hosts[i]);
        }
        if (fault->one_way) {
            append(text, capacity_bytes, &length, " one way");
        }
        break;
    case SIM_FAULT_HEAL:
        break;
    case SIM_FAULT_LATENCY:
    case SIM_FAULT_JITTER:
        append(text, capacity_bytes, &length, " %llu ns",
               (unsigned long long)fault->duration_ns);
        break;
    case SIM_FAULT_LOSS:
        append(text, capacity_bytes, &length, " %g", fault->probability);
        break;
    }
    return length;
}
