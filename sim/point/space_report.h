/* The figures of each memory space. */
#ifndef SIM_POINT_SPACE_REPORT_H
#define SIM_POINT_SPACE_REPORT_H

#include "sim/point/report.h"

/* Rows named by what they are and the space, counted from 1: "latency.space1". None where there is
 * one space. Errors: CG_ERROR_MEMORY. */
cg_status sim_space_report(const sim_report_input *input, sim_rows *rows, cg_error *error);

#endif
