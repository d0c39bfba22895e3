/* Faults as text: fields at, action, hosts, one_way and value, in this order.
 *
 * hosts is a list of ids separated by spaces ("0 3"); value is the duration of latency and
 * jitter, and the probability of loss. Scenarios, canonical text and hooks all come this way.
 */
#ifndef SIM_SCENARIO_FAULT_TEXT_H
#define SIM_SCENARIO_FAULT_TEXT_H

#include <stdio.h>

#include "sim/scenario/options.h"

enum { SIM_FAULT_FIELDS = 5, SIM_FAULT_VALUE_BYTES = 512 };
extern const char *const sim_fault_fields[SIM_FAULT_FIELDS];
/* Names of sim_fault_action, in its order; ended by NULL. */
extern const char *const sim_fault_actions[];

/* Sets one field; `action` must come before hosts, one_way and value. The error names the
 * field's value, not where it stands. */
cg_status sim_fault_set(sim_fault *fault, const char *field, const char *value,
                        cg_error *error);

/* Whether the action takes the field; what is taken must be given, except one_way. */
bool sim_fault_takes(sim_fault_action action, const char *field);

/* Canonical text of a field that its action takes. */
void sim_fault_format(const sim_fault *fault, const char *field,
                      char text[SIM_FAULT_VALUE_BYTES]);

/* Hosts exist, none twice, and at least one on each side. The error says what, not where. */
cg_status sim_fault_check_hosts(const sim_fault *fault, uint32_t cluster_hosts,
                                cg_error *error);

#endif
