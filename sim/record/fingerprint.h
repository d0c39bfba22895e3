/* The fingerprint of an experiment's rows, as results/schema.sql defines it.
 * Private to sim/record. */
#ifndef SIM_RECORD_FINGERPRINT_H
#define SIM_RECORD_FINGERPRINT_H

#include "sim/record/store.h"

cg_status sim_fingerprint_compute(sim_store *store, const char *experiment_name, uint64_t *out,
                                  cg_error *error);

#endif
