/* Faults as text, a field after the other: scenarios, canonical text and hooks all come this
 * way.
 *
 * hosts is a list of numbers separated by spaces ("0 3"); from and to are the same with ranges
 * ("0-511 600"); value is the law of a latency, the duration of jitter, the bits a second of a
 * bandwidth, and otherwise a probability; of faults of hosts see host_fault_text.h
 * (sim_host_fault_set).
 */
#ifndef SIM_SCENARIO_FAULT_TEXT_H
#define SIM_SCENARIO_FAULT_TEXT_H

#include <stdio.h>

#include "sim/scenario/options.h"

enum { SIM_FAULT_FIELDS = 17, SIM_FAULT_VALUE_BYTES = 512 };
extern const char *const sim_fault_fields[SIM_FAULT_FIELDS];
/* Names of sim_fault_action, in its order; ended by NULL. */
extern const char *const sim_fault_actions[];
enum { SIM_FAULT_ACTIONS = 18 };

/* Sets one field; `action` must come before all but at. The error names the field's value, not
 * where it stands. */
cg_status sim_fault_set(sim_fault *fault, const char *field, const char *value,
                        cg_error *error);

/* Whether the action takes the field, and whether it must be given (hosts: here or by from). */
bool sim_fault_takes(sim_fault_action action, const char *field);
bool sim_fault_needs(sim_fault_action action, const char *field);
/* The field that a fault says behind its action's name: { partition = { 0 } } is hosts; NULL:
 * none but true. */
const char *sim_fault_main_field(sim_fault_action action);

/* "one_way, name and ends": the fields beside at, action and the main one. */
void sim_fault_join_fields(sim_fault_action action, char *text, size_t capacity);
bool sim_fault_cuts(sim_fault_action action); /* partition and flap */

/* Whether canonical text has the field: its action takes it, and it says something. */
bool sim_fault_shows(const sim_fault *fault, const char *field);
/* Canonical text of a field that its action takes. */
void sim_fault_format(const sim_fault *fault, const char *field,
                      char text[SIM_FAULT_VALUE_BYTES]);

/* Hosts exist, none twice, and of a partition at least one on each side. The error says what,
 * not where. */
cg_status sim_fault_check_hosts(const sim_fault *fault, uint32_t cluster_hosts,
                                cg_error *error);
/* The same of from and to, and that a flap fits its period. */
cg_status sim_fault_check_network(const sim_fault *fault, uint32_t cluster_hosts,
                                  cg_error *error);
/* All faults of the options: in order of time and before the stop, each of the checks above, and
 * a heal has a partition before it, by its name if it gives one. */
cg_status sim_fault_list_check(const sim_options *options, cg_error *error);

#endif
