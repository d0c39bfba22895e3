/* Sparse routing of spikes to hosts and cores, and their integration (spec A8).
 *
 * Address events: a spike travels as (channel, tick), the address of who fired and when, and
 * only to where that channel has synapses (Mahowald, "An Analog VLSI System for Stereoscopic
 * Vision", 1994; Boahen, IEEE Trans. Circuits and Systems II 47, 2000). Two levels: a spike
 * crosses to a host once, however many of its cores want it, and there goes to those cores.
 *
 *   whoever has spikes   cg_route_to_hosts     -> for each host the spikes that it wants
 *   a host               cg_route_to_cores     -> for each of its cores likewise
 *   a core               cg_route_integrate    -> currents of its neurons
 *   all cores            cg_route_drives by the largest current of all
 *                        -> drives in one unit, for engine/snn/wta.h
 *
 * A neuron's current, over its synapses and the spikes of their channels:
 *
 *   current = Σ weight_q16 (window - tick),   so an earlier spike charges it more
 *
 * in 64-bit integers, so it is the same however neurons are divided among cores and hosts and in
 * whatever order spikes come: the product of the dense matrix of weights with the vector of
 * Σ (window - tick), which is what the tests compute.
 *
 * A core takes a spike's synapses as runs of neurons that follow each other, so the denser the
 * connections and the closer the numbers of neurons that share inputs, the more of the work is
 * one vectorised loop.
 */
#ifndef CG_ENGINE_SNN_ROUTE_H
#define CG_ENGINE_SNN_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/base/work.h"
#include "engine/encode/spikes.h"

/* A current of as many spikes as a batch may have fits in 64 bits: 2^16 * 2^24 * 2^23. */
enum {
    CG_ROUTE_WEIGHT_MAX_Q16 = 1 << 16,
    CG_ROUTE_WINDOW_MAX_TICKS = 1 << 24,
    CG_ROUTE_SPIKES_MAX = 1 << 23,
    CG_ROUTE_CORES_MAX = 1 << 16,
    CG_ROUTE_CHANNELS_MAX = 1 << 24,
    CG_ROUTE_SYNAPSES_MAX = 1 << 30
};

typedef struct cg_synapse {
    uint32_t channel; /* whose spikes it passes on */
    uint32_t core;
    uint32_t neuron;     /* within the core */
    uint32_t weight_q16; /* at most CG_ROUTE_WEIGHT_MAX_Q16, which is 1 */
} cg_synapse;

typedef struct cg_route_options {
    uint32_t channel_count;
    uint32_t core_count;           /* over all hosts */
    uint32_t cores_per_host;       /* host h has cores h * this ...; the last may have fewer */
    const uint32_t *neuron_counts; /* [core_count] */
    uint32_t window_ticks;
} cg_route_options;

/* A routing table: immutable, so that threads may share it. 4 bytes a synapse, 8 a run, 8 a pair
 * of channel and core, 8 a pair of channel and host. */
typedef struct cg_route cg_route;

/* synapses[count] in any order, at most one for each (channel, core, neuron). O(count log count),
 * with 32 bytes a synapse while it builds. CG_ERROR_INVALID names the option or synapse. */
cg_status cg_route_alloc(const cg_route_options *options, const cg_synapse *synapses,
                         size_t count, cg_allocator allocator, cg_route **out, cg_error *error);
void cg_route_free(cg_route *route); /* NULL is fine */
uint32_t cg_route_host_count(const cg_route *route);

typedef struct cg_route_counts {
    uint64_t spikes;     /* that came in */
    uint64_t deliveries; /* of a spike to a host (or core) */
    uint64_t saved;      /* deliveries that a broadcast would have made and this did not */
} cg_route_counts;

/* Spikes by where they go: to hosts, or to the cores of one host; by tick for each. Fields are
 * read through the functions below. Grows to its largest use, then allocates nothing. */
typedef struct cg_route_batch {
    cg_allocator allocator;
    cg_route_counts counts;
    uint32_t unit_count; /* hosts or cores */
    uint32_t first_unit;
    size_t *offsets; /* [unit_count + 1] into the others */
    size_t *cursors; /* [unit_count] */
    cg_spike *spikes;
    uint32_t *segments; /* to cores: where in the table the synapses are */
    size_t offset_capacity;
    size_t cursor_capacity;
    size_t spike_capacity;
    size_t segment_capacity;
} cg_route_batch;
void cg_route_batch_init(cg_route_batch *batch, cg_allocator allocator);
void cg_route_batch_deinit(cg_route_batch *batch);

/* Spikes come by tick, at ticks 0 .. window. Replaces what is in `batch`. CG_ERROR_INVALID, with the batch as it was: a channel or tick out
 * of range, ticks that descend, too many spikes. CG_ERROR_MEMORY: the batch is empty. Cost:
 * O(spikes + deliveries + hosts), or cores of the host. */
cg_status cg_route_to_hosts(const cg_route *route, cg_spikes spikes, cg_route_batch *batch,
                            cg_error *error);
cg_status cg_route_to_cores(const cg_route *route, uint32_t host, cg_spikes spikes,
                            cg_route_batch *batch, cg_error *error);

/* The spikes for a host, or for a core (its number over all hosts) of the batch's host; valid
 * until the batch is used again. */
cg_spikes cg_route_batch_spikes(const cg_route_batch *batch, uint32_t unit);

/* Adds the batch's spikes to currents[neurons of the core]; the batch comes from
 * cg_route_to_cores. Counts a CG_WORK_LIF_STEP operation for each spike, on the neurons that it
 * reaches. */
void cg_route_integrate(const cg_route *route, const cg_route_batch *batch, uint32_t core,
                        uint64_t *currents, cg_work *work);

uint64_t cg_route_largest_current(const uint64_t *currents, size_t count);

/* Currents to drives[count], by the largest of all cores: shifted right until the largest fits
 * in 32 bits; what then equals the largest and was not, is 1 less. So the largest drive belongs
 * to exactly the largest currents, and a larger current never has the smaller drive. Currents
 * above `largest` count as the largest. */
void cg_route_drives(const uint64_t *currents, size_t count, uint64_t largest,
                     uint32_t *drives);

#endif
