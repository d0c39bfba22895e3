/* The fingerprint of an experiment's rows (private to sim/record; defined in
 * results/schema.sql). */
#ifndef SIM_RECORD_FINGERPRINT_H
#define SIM_RECORD_FINGERPRINT_H

#include "sim/record/store.h"

cg_status sim_fingerprint_compute(sim_store *store, const char *experiment_name, uint64_t *out,
                                  cg_error *error);

#endif
