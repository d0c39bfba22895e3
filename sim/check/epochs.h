/* Whether one primary alone acknowledged in an epoch (inside sim/check alone; see guarantees.h). */
#ifndef SIM_CHECK_EPOCHS_H
#define SIM_CHECK_EPOCHS_H

#include "sim/check/guarantees.h"
#include "sim/check/registers.h"
#include "sim/check/tally.h"

/* state->group is set. CG_ERROR_MEMORY is the only failure. */
cg_status sim_check_epochs(const sim_registers *registers, const sim_final_state *state,
                           sim_guarantee_report *report, sim_tally *tally, cg_error *error);

#endif
