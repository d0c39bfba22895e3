/* Faults of hosts as text: the fields down, torn, skew and drift_ppm, and value as their actions
 * read it. Called by fault_text.c, which has the fields that all faults share. hosts must be
 * given, and value where it is taken; the others need not.
 *
 *   crash               down: restarts so long after, if it is down then (0: not by itself);
 *                       torn: what is being written is cut
 *   restart             a host that is up crashes first
 *   disk_loss           down, as of a crash
 *   corrupt_writes      value: so many next writes, each with one byte altered
 *   bit_rot             one byte of what is durable is altered
 *   slow_disk           value: times as long; 1 is as it was
 *   slow_host           the same for cores
 *   clock               skew: of the wall clock, "-3h"; drift_ppm: faster from then on; what is
 *                       not given is 0
 */
#ifndef SIM_SCENARIO_HOST_FAULT_TEXT_H
#define SIM_SCENARIO_HOST_FAULT_TEXT_H

#include "sim/scenario/options.h"

bool sim_host_fault_is(sim_fault_action action);
/* Whether canonical text has the field, which the action, one of hosts, takes. */
bool sim_host_fault_shows(const sim_fault *fault, const char *field);

/* Whether the action takes a value and the fault has none yet. */
bool sim_host_fault_lacks_value(const sim_fault *fault);

/* A field that the action takes, but for at, action and hosts. */
cg_status sim_host_fault_set(sim_fault *fault, const char *field, const char *value,
                             cg_error *error);
void sim_host_fault_format(const sim_fault *fault, const char *field, char *text,
                           size_t capacity_bytes);

/* Hosts are named, exist, and none is twice. The error says what, not where. */
cg_status sim_host_fault_check(const sim_fault *fault, uint32_t cluster_hosts, cg_error *error);

#endif
