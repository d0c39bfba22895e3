/* The parts of a calibration, in the order in which they rest on one another. Each measures kinds of
 * work and leaves their figures in the calibration. Errors: CG_ERROR_MEMORY, and those of the engine
 * and the files.
 */
#ifndef SIM_CALIBRATE_PARTS_H
#define SIM_CALIBRATE_PARTS_H

#include "sim/calibrate/calibration.h"

/* distance_f32, _f16, _i8, _i4, _i1: batches of random rows of a table of 32 MiB, 64 to 512
 * dimensions; distance_sparse: pairs of 8 to 128 entries. */
cg_status sim_calibrate_vectors(sim_calibration *calibration, cg_error *error);
/* spike_encode, spike_distance, lif_step, stdp_update. */
cg_status sim_calibrate_spikes(sim_calibration *calibration, cg_error *error);
/* project, tokenise. */
cg_status sim_calibrate_text(sim_calibration *calibration, cg_error *error);
/* index_hop, index_link: an HNSW index of 20,000 rows. */
cg_status sim_calibrate_index(sim_calibration *calibration, cg_error *error);
/* graph_read, spread: synthetic graphs. */
cg_status sim_calibrate_graph(sim_calibration *calibration, cg_error *error);
/* slot, cache, log_append, message, step. */
cg_status sim_calibrate_service(sim_calibration *calibration, cg_error *error);
/* tier_l1, tier_l2, tier_l3 by this machine's caches and memory. tier_l4 is another machine's memory:
 * not measured. */
cg_status sim_calibrate_memory(sim_calibration *calibration, cg_error *error);
/* disk_write, tier_store, with a file of its own in the folder, which is removed. */
cg_status sim_calibrate_disk(sim_calibration *calibration, const char *folder, cg_error *error);

#endif
