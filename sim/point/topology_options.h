/* From options to a topology. */
#ifndef SIM_POINT_TOPOLOGY_OPTIONS_H
#define SIM_POINT_TOPOLOGY_OPTIONS_H

#include "sim/cluster/topology.h"
#include "sim/scenario/options.h"

/* The topology that the options choose, with the round trips or the platform of their file, which
 * are read here. To be released with sim_topology_deinit. */
cg_status sim_topology_of_options(const sim_options *options, cg_allocator allocator,
                                  sim_topology *out, cg_error *error);

/* Of the bytes of the file that the topology is from, for provenance; 0 where there is none. */
cg_status sim_topology_file_hash(const sim_options *options, uint64_t *out, cg_error *error);

/* The platform's cores of a host where it gives any host more than one; otherwise those that
 * cluster.cores says. */
uint32_t sim_topology_cores(const sim_topology *topology, uint32_t host, uint32_t otherwise);
/* How many times as long as the cost profile says work takes on the host's cores: 1, or by the
 * platform's speeds, the fastest of its hosts being 1. */
double sim_topology_pace(const sim_topology *topology, uint32_t host);

#endif
