/* The rows of one point, from what was recorded. The names are the results' vocabulary: see
 * docs/metrics.md.
 */
#ifndef SIM_POINT_REPORT_H
#define SIM_POINT_REPORT_H

#include "sim/cluster/world.h"
#include "sim/point/measure.h"
#include "sim/point/requests.h"
#include "sim/record/rows.h"

typedef struct sim_report_input {
    const sim_options *options;
    const sim_measure *measure;
    sim_requests *requests; /* what was delivered, to be made once more */
    cg_node *const *nodes;  /* [options->cluster.hosts] */
    sim_host *const *hosts; /* [options->cluster.hosts] */
    const sim_fabric *fabric;
    const cg_shards *shards; /* of the corpus' index, or NULL: it is not divided */
    sim_run_result result;
    uint64_t violations;
} sim_report_input;

cg_status sim_report(const sim_report_input *input, sim_rows *rows, cg_error *error);

#endif
