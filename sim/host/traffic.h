/* Bytes that counted work moves over a host's memory bus (spec G5).
 *
 * What a kind of work reads is a property of the engine's layouts and not of a machine: codes of so many
 * bytes a dimension, links of four bytes, records of whole lines. Counted as if nothing of the large
 * arrays were in a core's caches, which holds for indexes and graphs far larger than these (at 1M nodes of
 * 128 dims, 128 MB of 8-bit codes beside an L3 share of some MB), and counted as nothing where the data
 * are a core's own (projection tables, a column's scores).
 *
 * A row is asked for by whole lines of 64 bytes and may begin anywhere in one: half a line more on
 * average at each end.
 */
#ifndef SIM_HOST_TRAFFIC_H
#define SIM_HOST_TRAFFIC_H

#include "engine/base/work.h"

/* Rounded up; saturates. Known value (a test asserts it): 10 distances of 128 dims each to 8-bit rows are
 * 10 * 64 + 1,280 bytes. */
uint64_t sim_traffic_bytes(const cg_work *work);

#endif
