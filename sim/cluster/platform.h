/* The platform that SimGrid simulates: a star of hosts.
 *
 * Each has a link up and a link down of equal bandwidth, meeting in one switch without limit.
 * All latencies are zero: the fabric has them. */
#ifndef SIM_CLUSTER_PLATFORM_H
#define SIM_CLUSTER_PLATFORM_H

#include "engine/base/status.h"

/* "key:value key:value ...": SimGrid's model settings, fixed. Static storage. */
const char *sim_platform_settings(void);
const char *sim_platform_version(void);

/* Starts SimGrid's engine and loads the star. Once a process. Host i is called "h<i>". Signal
 * handlers are as before afterwards. */
cg_status sim_platform_load(uint32_t hosts, uint64_t bandwidth_bits_per_s, cg_error *error);

#endif
