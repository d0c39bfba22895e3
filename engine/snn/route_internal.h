/* The routing table's layout (private to engine/snn/route*.c).
 *
 * Four levels in compressed sparse rows, each array of offsets one longer than what it divides:
 *
 *   channel c   entries   channel_entries[c] .. channel_entries[c + 1]
 *   entry e     the channel's synapses on host entry_hosts[e]:
 *               segments  entry_segments[e] ..
 *   segment s   those on core segment_cores[s]:
 *               runs      segment_runs[s] ..
 *   run r       those of neurons run_neurons[r], + 1, + 2 ...:
 *               weights   run_weights[r] ..
 *
 * Hosts ascend within a channel, cores within an entry, neurons within a segment.
 */
#ifndef CG_ENGINE_SNN_ROUTE_INTERNAL_H
#define CG_ENGINE_SNN_ROUTE_INTERNAL_H

#include "engine/snn/route.h"

struct cg_route {
    cg_allocator allocator;
    uint32_t channel_count;
    uint32_t core_count;
    uint32_t cores_per_host;
    uint32_t host_count;
    uint32_t window_ticks;
    uint32_t *channel_entries;
    uint32_t *entry_hosts;
    uint32_t *entry_segments;
    uint32_t *segment_cores;
    uint32_t *segment_runs;
    uint32_t *run_neurons;
    uint32_t *run_weights;
    uint32_t *weights_q16;
    size_t block_count;
    uint32_t *block; /* all of the above */
};

#endif
