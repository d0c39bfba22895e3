/* What the allocation service and the memory tiers did (spec B, D), as rows; see docs/metrics.md. */
#ifndef SIM_POINT_SERVICE_REPORT_H
#define SIM_POINT_SERVICE_REPORT_H

#include "sim/point/report.h"

/* Settings that change while a run goes on, where they can. */
void sim_service_sample(const sim_report_input *input, const sim_sample *sample,
                        sim_rows *rows);
cg_status sim_service_report(const sim_report_input *input, sim_rows *rows, cg_error *error);

#endif
