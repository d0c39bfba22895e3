/* Building a routing table: sort the synapses, count each level, fill each level.
 *
 * Merge sort, bottom up: stable and without a worst case. Invariant: in the order (channel, core,
 * neuron) every level of the table is a run of its parent.
 */
#include <stdbool.h>

#include "engine/snn/route_internal.h"

static bool precedes(const cg_synapse *left, const cg_synapse *right) {
    if (left->channel != right->channel) {
        return left->channel < right->channel;
    }
    if (left->core != right->core) {
        return left->core < right->core;
    }
    return left->neuron < right->neuron;
}

/* Merges [from, middle) and [middle, to) of `source` into `target`. */
static void merge(const cg_synapse *source, size_t from, size_t middle, size_t to,
                  cg_synapse *target) {
    size_t left = from;
    size_t right = middle;
    for (size_t at = from; at < to; at++) {
        bool takes_right =
            left == middle || (right < to && precedes(&source[right], &source[left]));
        target[at] = takes_right ? source[right++] : source[left++];
    }
}

/* Sorts values[count] with spare[count]; returns which of the two holds the result. */
static const cg_synapse *sorted(cg_synapse *values, cg_synapse *spare, size_t count) {
    cg_synapse *source = values;
    cg_synapse *target = spare;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t from = 0; from < count; from += 2 * width) {
            size_t middle = from + width < count ? from + width : count;
            size_t to = middle + width < count ? middle + width : count;
            merge(source, from, middle, to, target);
        }
        cg_synapse *swap = source;
        source = target;
        target = swap;
    }
    return source;
}

static cg_status check_options(const cg_route_options *options, size_t count, cg_error *error) {
    if (options->channel_count < 1 || options->channel_count > CG_ROUTE_CHANNELS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "%u channels; a route has 1 to %d",
                            options->channel_count, CG_ROUTE_CHANNELS_MAX);
    }
    if (options->core_count < 1 || options->core_count > CG_ROUTE_CORES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "%u cores; a route has 1 to %d",
                            options->core_count, CG_ROUTE_CORES_MAX);
    }
    if (options->cores_per_host < 1) {
        return cg_error_set(error, CG_ERROR_INVALID, "a host must have at least one core");
    }
    if (options->window_ticks < 1 || options->window_ticks > CG_ROUTE_WINDOW_MAX_TICKS) {
        return cg_error_set(error, CG_ERROR_INVALID, "a window of %u ticks; it has 1 to %d",
                            options->window_ticks, CG_ROUTE_WINDOW_MAX_TICKS);
    }
    if (count > CG_ROUTE_SYNAPSES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "%zu synapses; a route has at most %d",
                            count, CG_ROUTE_SYNAPSES_MAX);
    }
    return CG_OK;
}

static cg_status check_synapses(const cg_route_options *options, const cg_synapse *synapses,
                                size_t count, cg_error *error) {
    for (size_t i = 0; i < count; i++) {
        const cg_synapse *synapse = &synapses[i];
        if (synapse->channel >= options->channel_count ||
            synapse->core >= options->core_count ||
            synapse->neuron >= options->neuron_counts[synapse->core]) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "synapse %zu from channel %u to neuron %u of core %u leads "
                                "nowhere: %u channels, %u cores",
                                i, synapse->channel, synapse->neuron, synapse->core,
                                options->channel_count, options->core_count);
        }
        if (synapse->weight_q16 > CG_ROUTE_WEIGHT_MAX_Q16) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "synapse %zu has weight %u; at most %d is allowed", i,
                                synapse->weight_q16, CG_ROUTE_WEIGHT_MAX_Q16);
        }
    }
    return CG_OK;
}

/* What a synapse begins, after the one before it in the order (NULL: the first). */
typedef struct route_starts {
    bool entry;
    bool segment;
    bool run;
} route_starts;

static route_starts starts_of(const cg_synapse *before, const cg_synapse *synapse,
                              uint32_t cores_per_host) {
    route_starts starts = {true, true, true};
    if (before && before->channel == synapse->channel) {
        starts.entry = before->core / cores_per_host != synapse->core / cores_per_host;
        starts.segment = before->core != synapse->core;
        starts.run = starts.segment || before->neuron + 1 != synapse->neuron;
    }
    return starts;
}

typedef struct route_sizes {
    size_t entries;
    size_t segments;
    size_t runs;
} route_sizes;

/* Also refuses synapses that are given twice. */
static cg_status measure(const cg_synapse *synapses, size_t count, uint32_t cores_per_host,
                         route_sizes *out, cg_error *error) {
    route_sizes sizes = {0};
    for (size_t i = 0; i < count; i++) {
        const cg_synapse *before = i > 0 ? &synapses[i - 1] : NULL;
        if (before && !precedes(before, &synapses[i])) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "two synapses from channel %u to neuron %u of core %u",
                                synapses[i].channel, synapses[i].neuron, synapses[i].core);
        }
        route_starts starts = starts_of(before, &synapses[i], cores_per_host);
        sizes.entries += starts.entry;
        sizes.segments += starts.segment;
        sizes.runs += starts.run;
    }
    *out = sizes;
    return CG_OK;
}

/* Lays the levels out in one block; false when memory is out. */
static bool lay_out(cg_route *route, const route_sizes *sizes, size_t count) {
    size_t channels = (size_t)route->channel_count + 1;
    route->block_count =
        channels + 2 * (sizes->entries + sizes->segments + sizes->runs) + 3 + count;
    route->block = cg_allocate(&route->allocator, route->block_count, sizeof *route->block);
    if (!route->block) {
        return false;
    }
    route->channel_entries = route->block;
    route->entry_hosts = route->channel_entries + channels;
    route->entry_segments = route->entry_hosts + sizes->entries;
    route->segment_cores = route->entry_segments + sizes->entries + 1;
    route->segment_runs = route->segment_cores + sizes->segments;
    route->run_neurons = route->segment_runs + sizes->segments + 1;
    route->run_weights = route->run_neurons + sizes->runs;
    route->weights_q16 = route->run_weights + sizes->runs + 1;
    return true;
}

static void fill(cg_route *route, const cg_synapse *synapses, size_t count) {
    uint32_t entry = 0;
    uint32_t segment = 0;
    uint32_t run = 0;
    uint32_t channel = 0;
    for (size_t i = 0; i < count; i++) {
        const cg_synapse *synapse = &synapses[i];
        route_starts starts =
            starts_of(i > 0 ? synapse - 1 : NULL, synapse, route->cores_per_host);
        while (channel < synapse->channel) {
            route->channel_entries[++channel] = entry;
        }
        if (starts.entry) {
            route->entry_hosts[entry] = synapse->core / route->cores_per_host;
            route->entry_segments[entry++] = segment;
        }
        if (starts.segment) {
            route->segment_cores[segment] = synapse->core;
            route->segment_runs[segment++] = run;
        }
        if (starts.run) {
            route->run_neurons[run] = synapse->neuron;
            route->run_weights[run++] = (uint32_t)i;
        }
        route->weights_q16[i] = synapse->weight_q16;
    }
    while (channel < route->channel_count) {
        route->channel_entries[++channel] = entry;
    }
    route->entry_segments[entry] = segment;
    route->segment_runs[segment] = run;
    route->run_weights[run] = (uint32_t)count;
}

cg_status cg_route_alloc(const cg_route_options *options, const cg_synapse *synapses,
                         size_t count, cg_allocator allocator, cg_route **out,
                         cg_error *error) {
    cg_status status = check_options(options, count, error);
    if (status == CG_OK) {
        status = check_synapses(options, synapses, count, error);
    }
    if (status != CG_OK) {
        return status;
    }
    /* Never of no elements, so that NULL always means that memory is out. */
    size_t room = 2 * (count > 0 ? count : 1);
    route_sizes sizes = {0};
    cg_synapse *copies = cg_allocate(&allocator, room, sizeof *copies);
    cg_route *route = cg_allocate(&allocator, 1, sizeof *route);
    if (!copies || !route) {
        cg_deallocate(&allocator, copies, room, sizeof *copies);
        cg_deallocate(&allocator, route, 1, sizeof *route);
        return cg_error_set(error, CG_ERROR_MEMORY, "a route of %zu synapses", count);
    }
    *route = (cg_route){
        .allocator = allocator,
        .channel_count = options->channel_count,
        .core_count = options->core_count,
        .cores_per_host = options->cores_per_host,
        .host_count = (options->core_count - 1) / options->cores_per_host + 1,
        .window_ticks = options->window_ticks,
    };
    for (size_t i = 0; i < count; i++) {
        copies[i] = synapses[i];
    }
    const cg_synapse *ordered = sorted(copies, copies + room / 2, count);
    status = measure(ordered, count, options->cores_per_host, &sizes, error);
    if (status == CG_OK && !lay_out(route, &sizes, count)) {
        status = cg_error_set(error, CG_ERROR_MEMORY, "a route of %zu synapses", count);
    }
    if (status == CG_OK) {
        fill(route, ordered, count);
        *out = route;
    } else {
        cg_route_free(route);
    }
    cg_deallocate(&allocator, copies, room, sizeof *copies);
    return status;
}

void cg_route_free(cg_route *route) {
    if (route) {
        cg_allocator allocator = route->allocator;
        cg_deallocate(&allocator, route->block, route->block_count, sizeof *route->block);
        cg_deallocate(&allocator, route, 1, sizeof *route);
    }
}

uint32_t cg_route_host_count(const cg_route *route) {
    return route->host_count;
}
