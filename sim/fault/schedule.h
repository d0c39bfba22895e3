/* Faults of a scenario, turned into changes of the fabric (spec G2, G3). */
#ifndef SIM_FAULT_SCHEDULE_H
#define SIM_FAULT_SCHEDULE_H

#include "sim/cluster/fabric.h"
#include "sim/scenario/options.h"

/* The fabric that the options describe, before any fault. `law` holds the law of the latency,
 * and must live until the fabric is made. */
sim_fabric_options sim_fault_fabric(const sim_options *options, sim_delay *law);

/* All faults of the options, each at its own time, before the run. */
cg_status sim_fault_schedule(const sim_options *options, sim_fabric *fabric, cg_error *error);

/* One fault with effect from at_ns on; fault->at_ns is not read. A hook at t gives t + 1. */
cg_status sim_fault_apply(const sim_fault *fault, uint64_t at_ns, sim_fabric *fabric,
                          cg_error *error);

/* One line for the time line of results: "partition: hosts 1, 2 one way". Returns the length
 * without NUL, like snprintf. */
size_t sim_fault_describe(const sim_fault *fault, char *text, size_t capacity_bytes);
const char *sim_fault_name(sim_fault_action action); /* "partition" */

#endif
