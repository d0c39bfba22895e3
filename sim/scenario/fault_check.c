/* What a fault alone cannot check: the cluster, the stop, and the faults before it. */
#include <inttypes.h>
#include <string.h>

#include "engine/base/nearest.h"
#include "sim/scenario/fault_text.h"
#include "sim/scenario/host_fault_text.h"
#include "sim/scenario/units.h"

/* Something that it ends comes before it. */
static cg_status check_heal(const sim_options *options, uint32_t i, const char *at,
                            cg_error *error) {
    const sim_fault *heal = &options->faults[i];
    const char *names[SIM_FAULTS_MAX];
    size_t name_count = 0;
    bool open = false; /* a partition that no heal without a name has ended yet */
    for (uint32_t k = 0; k < i; k++) {
        const sim_fault *earlier = &options->faults[k];
        if (sim_fault_cuts(earlier->action)) {
            open = true;
            if (earlier->name[0] != '\0') {
                names[name_count++] = earlier->name;
            }
        } else if (earlier->action == SIM_FAULT_HEAL && earlier->name[0] == '\0') {
            open = false;
        }
    }
    if (heal->name[0] == '\0' || name_count == 0) {
        return open && heal->name[0] == '\0'
                   ? CG_OK
                   : cg_error_set(error, CG_ERROR_INVALID,
                                  "faults[%" PRIu32
                                  "].action: there is no partition%s%s%s to heal at %s",
                                  i + 1, heal->name[0] ? " named \"" : "", heal->name,
                                  heal->name[0] ? "\"" : "", at);
    }
    for (size_t k = 0; k < name_count; k++) {
        if (strcmp(names[k], heal->name) == 0) {
            return CG_OK;
        }
    }
    return cg_error_set(error, CG_ERROR_INVALID,
                        "faults[%" PRIu32
                        "].name: no partition before it is named \"%s\"; do you mean \"%s\"?",
                        i + 1, heal->name, cg_nearest_name(heal->name, names, name_count));
}

static cg_status check_fault(const sim_options *options, uint32_t i, cg_error *error) {
    const sim_fault *fault = &options->faults[i];
    char at[SIM_UNITS_TEXT_BYTES];
    char limit[SIM_UNITS_TEXT_BYTES];
    sim_units_describe(SIM_UNIT_DURATION, fault->at_ns, at);
    if (fault->at_ns > options->end_ns) {
        sim_units_describe(SIM_UNIT_DURATION, options->end_ns, limit);
        return cg_error_set(error, CG_ERROR_INVALID,
                            "faults[%" PRIu32 "].at: %s is after the run's stop at %s", i + 1,
                            at, limit);
    }
    if (i > 0 && fault->at_ns < fault[-1].at_ns) {
        sim_units_describe(SIM_UNIT_DURATION, fault[-1].at_ns, limit);
        return cg_error_set(error, CG_ERROR_INVALID,
                            "faults[%" PRIu32
                            "].at: %s is before the fault above it, at %s; list "
                            "faults in the order of time",
                            i + 1, at, limit);
    }
    if (sim_host_fault_is(fault->action)) {
        cg_status host = sim_host_fault_check(fault, options->cluster.hosts, error);
        return host == CG_OK
                   ? host
                   : (cg_error_prefix(error, "faults[%" PRIu32 "].hosts: ", i + 1), host);
    }
    cg_status status = sim_fault_check_network(fault, options->cluster.hosts, error);
    if (status != CG_OK) {
        cg_error_prefix(error, "faults[%" PRIu32 "].", i + 1);
        return status;
    }
    if (sim_fault_cuts(fault->action)) {
        status = sim_fault_check_hosts(fault, options->cluster.hosts, error);
        return status == CG_OK
                   ? status
                   : (cg_error_prefix(error, "faults[%" PRIu32 "].hosts: ", i + 1), status);
    }
    return fault->action == SIM_FAULT_HEAL ? check_heal(options, i, at, error) : CG_OK;
}

cg_status sim_fault_list_check(const sim_options *options, cg_error *error) {
    if (options->fault_count > SIM_FAULTS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "faults: %" PRIu32 " are more than %d",
                            options->fault_count, SIM_FAULTS_MAX);
    }
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < options->fault_count && status == CG_OK; i++) {
        status = check_fault(options, i, error);
    }
    return status;
}
