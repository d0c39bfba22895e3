/* A platform file of the user's own: SimGrid's XML (simgrid.org, "Describing the platform").
 *
 * It is read in a process of its own, since SimGrid ends the process at a file that it does not
 * like, and holds one platform a process. What comes back is a topology: hosts in the order of
 * their names, digits in them read as numbers (h2 before h10), of which the first so many are
 * used; the latency of every route, in whole ns; cores and speeds. Bandwidths and sharing stay
 * SimGrid's. Latencies are cleared when the file is loaded for a run, so that the fabric's are
 * the only ones.
 *
 * What the file may not have: links or hosts that fail or change their latency at times
 * (state_file, latency_file, trace), since these are faults of the scenario; actors; coordinates
 * (routing Vivaldi), whose latencies cannot be cleared; links without bandwidth.
 *
 * Cost: a route a pair, 0.5 to 3 us each (measured: a cluster of 1,024 hosts 0.8 s, of 4,096 14
 * s); 2 bytes a pair stay.
 */
#ifndef SIM_CLUSTER_PLATFORM_FILE_H
#define SIM_CLUSTER_PLATFORM_FILE_H

#include "sim/cluster/topology.h"

/* A topology of `hosts` hosts with offsets against base_ns; to be released with
 * sim_topology_deinit. Errors are one sentence that begins with the path. */
cg_status sim_platform_file_read(const char *path, uint32_t hosts, uint64_t base_ns,
                                 cg_allocator allocator, sim_topology *out, cg_error *error);

#endif
