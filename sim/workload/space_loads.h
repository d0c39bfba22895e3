/* The loads of several memory spaces, laid one over the other (space_loads.c). */
#ifndef SIM_WORKLOAD_SPACE_LOADS_H
#define SIM_WORKLOAD_SPACE_LOADS_H

#include "sim/workload/workload.h"

/* total: requests of all spaces, which load->spaces divides. input->spaces: 2..SIM_SPACES_MAX.
 * Errors as sim_workload_plan, and CG_ERROR_INVALID for shares that are none. */
cg_status sim_space_loads_plan(const sim_workload_input *input, uint32_t total,
                               cg_allocator allocator, sim_workload *out, cg_error *error);

#endif
