/* Faults of hosts of a scenario, handed to the hosts that have them (spec G3). */
#ifndef SIM_FAULT_HOST_SCHEDULE_H
#define SIM_FAULT_HOST_SCHEDULE_H

#include "sim/host/host_fault.h"
#include "sim/scenario/options.h"

/* All faults of hosts of the options, each at its own time, before the run; the others are left
 * alone. hosts: [options->cluster.hosts]. */
cg_status sim_fault_schedule_hosts(const sim_options *options, sim_host *const *hosts,
                                   cg_error *error);

/* One fault of hosts with effect from at_ns on; fault->at_ns is not read. A hook at t gives
 * t + 1. */
cg_status sim_fault_apply_to_hosts(const sim_fault *fault, uint64_t at_ns,
                                   sim_host *const *hosts, cg_error *error);

/* One line for the time line of results: "crash: host 1, down 500ms, torn". Returns the length
 * without NUL, like snprintf. */
size_t sim_fault_describe_hosts(const sim_fault *fault, char *text, size_t capacity_bytes);

/* Whether any of the options' faults is one of hosts. */
bool sim_fault_hurts_hosts(const sim_options *options);

#endif
