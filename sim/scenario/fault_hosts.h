/* The hosts of a fault: lists ("0 3") and sets with ranges ("0-511 600"), as text, and whether
 * they fit the cluster. */
#ifndef SIM_SCENARIO_FAULT_HOSTS_H
#define SIM_SCENARIO_FAULT_HOSTS_H

#include "sim/scenario/fault_text.h"

cg_status sim_fault_hosts_parse(const char *text, uint32_t hosts[SIM_FAULT_HOSTS_MAX],
                                uint32_t *count, cg_error *error);
void sim_fault_hosts_format(const uint32_t *hosts, uint32_t count,
                            char text[SIM_FAULT_VALUE_BYTES]);

/* In any order, also overlapping; kept in ascending order. */
cg_status sim_fault_side_parse(const char *text, sim_fault_side *out, cg_error *error);
void sim_fault_side_format(const sim_fault_side *side, char text[SIM_FAULT_VALUE_BYTES]);

#endif
