/* What the cluster's protocols did: epochs and logs, membership, edges, reads from copies, and spreads
 * over several hosts. Rows only where there is something of the kind.
 */
#ifndef SIM_POINT_CLUSTER_REPORT_H
#define SIM_POINT_CLUSTER_REPORT_H

#include "sim/point/report.h"

cg_status sim_cluster_report(const sim_report_input *input, sim_rows *rows, cg_error *error);

#endif
