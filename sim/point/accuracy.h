/* How right the decisions were, and how right they knew to be: the rows about that. */
#ifndef SIM_POINT_ACCURACY_H
#define SIM_POINT_ACCURACY_H

#include "sim/point/measure.h"
#include "sim/record/rows.h"

/* What a decision's winner being right is called: "hypernym.first", or "recalled" where facts
 * restate concepts. Static storage. */
const char *sim_accuracy_name(const sim_measure *measure);

/* Every share comes with its binomial standard error, statistic "se". Errors:
 * CG_ERROR_MEMORY. */
cg_status sim_accuracy_report(const sim_measure *measure, sim_rows *rows, cg_error *error);

#endif
