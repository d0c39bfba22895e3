/* The platform that SimGrid simulates: hosts, links, and routes between them, of a topology.
 *
 *   star      each host has a link up and a link down, meeting in one switch without limit
 *   racks     and each rack an uplink and a downlink, meeting likewise
 *   fat tree  SimGrid's own, with a link up and a link down at each port
 *   regions   a star each, and a link from each to each other
 *   file      what the file says
 *
 * All latencies are zero: the fabric has them (topology.h). Bandwidths never change. */
#ifndef SIM_CLUSTER_PLATFORM_H
#define SIM_CLUSTER_PLATFORM_H

#include "engine/base/status.h"
#include "sim/cluster/topology.h"

/* "key:value key:value ...": SimGrid's model settings, fixed. Static storage. */
const char *sim_platform_settings(void);
const char *sim_platform_version(void);

/* Starts SimGrid's engine and loads the topology. Once a process. Signal handlers are as before
 * afterwards. A platform file must be one that sim_platform_file_read has read: of any other,
 * SimGrid may end the process. */
cg_status sim_platform_load(const sim_topology *topology, cg_error *error);
/* Host i is called "h<i>", or as the file says. */
void sim_platform_host_name(const sim_topology *topology, uint32_t host,
                            char name[SIM_HOST_NAME_BYTES]);

/* SimGrid's engine alone, which tells of what is at least as bad as `threshold` ("error"). */
void sim_platform_start(const char *threshold);
/* Makes the latency of every link zero. */
void sim_platform_clear_latencies(void);

#endif
