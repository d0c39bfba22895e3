/* What partial spreads say of themselves, held against the truth (spec E5): uncharged, after the run. */
#ifndef SIM_POINT_COVERAGE_H
#define SIM_POINT_COVERAGE_H

#include "sim/point/report.h"

/* Rows spread.partial and spread.coverage, and, of answered spreads with hosts missing that began at rows,
 * spread.received and spread.coverage_error: each is run once more, on one host that has the whole
 * graph. Of these the first SIM_COVERAGE_SPREADS_MAX are judged; none where clients change edges, as
 * the graph of that moment is gone. Errors: CG_ERROR_MEMORY. */
enum { SIM_COVERAGE_SPREADS_MAX = 2000 };
cg_status sim_coverage_report(const sim_report_input *input, sim_rows *rows, cg_error *error);

#endif
