/* Rows about what hosts suffered; none where no host was hurt. */
#ifndef SIM_POINT_HOST_FAULT_REPORT_H
#define SIM_POINT_HOST_FAULT_REPORT_H

#include "sim/point/report.h"

void sim_host_fault_report(const sim_report_input *input, sim_rows *rows);

#endif
