/* What became of acknowledged facts, and how long it took others to take over from a host that died. */
#ifndef SIM_POINT_LOSS_REPORT_H
#define SIM_POINT_LOSS_REPORT_H

#include "sim/point/report.h"

/* Rows requests.during, facts.acknowledged, .lost and .lost_window, and failover.gap. */
void sim_loss_report(const sim_report_input *input, sim_rows *rows);

#endif
