/* Bounds on how long operations take (inside sim/check alone; see guarantees.h). */
#ifndef SIM_CHECK_LIVENESS_H
#define SIM_CHECK_LIVENESS_H

#include "sim/check/guarantees.h"
#include "sim/check/tally.h"

/* Every operation of the history, in any order, against the bounds of the options. */
void sim_check_liveness(const sim_history *history, const sim_guarantee_options *options,
                        sim_guarantee_report *report, sim_tally *tally);

#endif
