/* Simulated time against wall time: what a profile says of the work that requests count, against what
 * they take on this machine (sim/calibrate/requests.h), on one host and one core, without the disk.
 *
 * Corpora are of sizes that calibration did not use. A request's wall time is the least of five runs,
 * since machines are shared; its error is |simulated / wall - 1|. Met at a size when the median of the
 * errors is at most 10% and their 99th percentile at most 20%.
 *
 * Beside it stands what no profile can do better than: the same error of five runs against five others of
 * the very same requests, which took turns with them.
 */
#ifndef SIM_VALIDATE_WALL_H
#define SIM_VALIDATE_WALL_H

#include "sim/calibrate/calibrate.h"
#include "sim/validate/findings.h"

enum { SIM_WALL_RUNS = 5 };

/* Corpora of 16,000, 32,000 and 40,000, SIM_WALL_RUNS runs, the rest as in calibration. */
sim_calibrate_options sim_wall_options_default(void);

/* A share of values[count] is at or below it; sorts them. count >= 1, share in [0, 1]. */
double sim_quantile(double *values, uint32_t count, double share);

/* The errors of times `found` against `expected`, both [count], > 0. */
typedef struct sim_wall_errors {
    double median;
    double p99;
    double expected_median;
    double found_median;
} sim_wall_errors;
cg_status sim_wall_compare(const double *expected, const double *found, uint32_t count,
                           sim_wall_errors *out, cg_error *error);

cg_status sim_validate_wall(const sim_calibrate_options *options, const sim_profile *profile,
                            sim_findings *findings, cg_error *error);

#endif
