/* Routing a batch of spikes, and integrating it.
 *
 * Routing is a counting sort by destination: count, sum up, place. Spikes come by tick and are
 * placed in that order, so every destination's are by tick too, on whatever level.
 *
 * Integration: a spike adds weight * (window - tick) to the neurons of its runs. Products of 32
 * by 32 bits into sums of 64 are one instruction on every SIMD unit, and exact.
 *
 * Known value: a window of 100,000 ticks, weights 0.5 and 1 on spikes at ticks 0 and 99,999: a
 * current of 32768 * 100000 + 65536 * 1 = 3276865536.
 */
#include "engine/snn/route.h"

#include <string.h>

#include "engine/base/math.h"
#include "engine/snn/route_internal.h"

/* Where a channel's spikes go: units[count], ascending. */
typedef struct route_targets {
    const uint32_t *units;
    uint32_t count;
    uint32_t segment; /* of units[0], when they are cores */
} route_targets;

/* The hosts, or the cores of one host. */
typedef struct route_level {
    const cg_route *route;
    uint32_t host; /* UINT32_MAX: to hosts */
    uint32_t first_unit;
    uint32_t unit_count;
} route_level;

static route_targets targets_of(const route_level *level, uint32_t channel) {
    const cg_route *route = level->route;
    uint32_t from = route->channel_entries[channel];
    uint32_t to = route->channel_entries[channel + 1];
    if (level->host == UINT32_MAX) {
        return (route_targets){route->entry_hosts + from, to - from, 0};
    }
    while (from < to) { /* the first entry of this host or a later one */
        uint32_t middle = from + (to - from) / 2;
        if (route->entry_hosts[middle] < level->host) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    if (from == route->channel_entries[channel + 1] ||
        route->entry_hosts[from] != level->host) {
        return (route_targets){0};
    }
    uint32_t segment = route->entry_segments[from];
    return (route_targets){route->segment_cores + segment,
                           route->entry_segments[from + 1] - segment, segment};
}

void cg_route_batch_init(cg_route_batch *batch, cg_allocator allocator) {
    *batch = (cg_route_batch){.allocator = allocator};
}

void cg_route_batch_deinit(cg_route_batch *batch) {
    cg_allocator allocator = batch->allocator;
    cg_deallocate(&allocator, batch->offsets, batch->offset_capacity, sizeof *batch->offsets);
    cg_deallocate(&allocator, batch->cursors, batch->cursor_capacity, sizeof *batch->cursors);
    cg_deallocate(&allocator, batch->spikes, batch->spike_capacity, sizeof *batch->spikes);
    cg_deallocate(&allocator, batch->segments, batch->segment_capacity,
                  sizeof *batch->segments);
    cg_route_batch_init(batch, allocator);
}

static cg_status check_spikes(const cg_route *route, cg_spikes spikes, cg_error *error) {
    if (spikes.count > CG_ROUTE_SPIKES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "%u spikes; a batch has at most %d",
                            spikes.count, CG_ROUTE_SPIKES_MAX);
    }
    uint32_t last = 0;
    for (uint32_t i = 0; i < spikes.count; i++) {
        if (spikes.spikes[i].channel >= route->channel_count) {
            return cg_error_set(error, CG_ERROR_INVALID, "spike %u of channel %u; there are %u",
                                i, spikes.spikes[i].channel, route->channel_count);
        }
        if (spikes.spikes[i].tick > route->window_ticks || spikes.spikes[i].tick < last) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "spike %u at tick %u after one at %u; ticks ascend to %u", i,
                                spikes.spikes[i].tick, last, route->window_ticks);
        }
        last = spikes.spikes[i].tick;
    }
    return CG_OK;
}

/* How many go where: offsets[1 + unit] counts, then sums up. Returns how many in all. */
static size_t count_deliveries(const route_level *level, cg_spikes spikes,
                               cg_route_batch *batch) {
    memset(batch->offsets, 0, ((size_t)level->unit_count + 1) * sizeof *batch->offsets);
    for (uint32_t i = 0; i < spikes.count; i++) {
        route_targets targets = targets_of(level, spikes.spikes[i].channel);
        for (uint32_t t = 0; t < targets.count; t++) {
            batch->offsets[1 + targets.units[t] - level->first_unit]++;
        }
    }
    for (uint32_t unit = 0; unit < level->unit_count; unit++) {
        batch->cursors[unit] = batch->offsets[unit];
        batch->offsets[unit + 1] += batch->offsets[unit];
    }
    return batch->offsets[level->unit_count];
}

static void place(const route_level *level, cg_spikes spikes, cg_route_batch *batch) {
    for (uint32_t i = 0; i < spikes.count; i++) {
        route_targets targets = targets_of(level, spikes.spikes[i].channel);
        for (uint32_t t = 0; t < targets.count; t++) {
            size_t at = batch->cursors[targets.units[t] - level->first_unit]++;
            batch->spikes[at] = spikes.spikes[i];
            batch->segments[at] = targets.segment + t;
        }
    }
}

static cg_status route_spikes(const route_level *level, cg_spikes spikes, cg_route_batch *batch,
                              cg_error *error) {
    cg_status status = check_spikes(level->route, spikes, error);
    if (status != CG_OK) {
        return status;
    }
    const cg_allocator *allocator = &batch->allocator;
    batch->unit_count = 0; /* empty, until all is well */
    batch->counts = (cg_route_counts){0};
    status = CG_GROW(allocator, batch->offsets, batch->offset_capacity,
                     (size_t)level->unit_count + 1, error);
    if (status == CG_OK) {
        status = CG_GROW(allocator, batch->cursors, batch->cursor_capacity, level->unit_count,
                         error);
    }
    if (status != CG_OK) {
        return status;
    }
    size_t deliveries = count_deliveries(level, spikes, batch);
    status = CG_GROW(allocator, batch->spikes, batch->spike_capacity, deliveries, error);
    if (status == CG_OK) {
        status =
            CG_GROW(allocator, batch->segments, batch->segment_capacity, deliveries, error);
    }
    if (status != CG_OK) {
        return status;
    }
    place(level, spikes, batch);
    batch->first_unit = level->first_unit;
    batch->unit_count = level->unit_count;
    batch->counts = (cg_route_counts){
        .spikes = spikes.count,
        .deliveries = deliveries,
        .saved = (uint64_t)spikes.count * level->unit_count - deliveries,
    };
    return CG_OK;
}

cg_status cg_route_to_hosts(const cg_route *route, cg_spikes spikes, cg_route_batch *batch,
                            cg_error *error) {
    route_level level = {route, UINT32_MAX, 0, route->host_count};
    return route_spikes(&level, spikes, batch, error);
}

cg_status cg_route_to_cores(const cg_route *route, uint32_t host, cg_spikes spikes,
                            cg_route_batch *batch, cg_error *error) {
    if (host >= route->host_count) {
        return cg_error_set(error, CG_ERROR_INVALID, "spikes for host %u of %u", host,
                            route->host_count);
    }
    uint32_t first = host * route->cores_per_host;
    uint32_t rest = route->core_count - first;
    uint32_t cores = rest < route->cores_per_host ? rest : route->cores_per_host;
    route_level level = {route, host, first, cores};
    return route_spikes(&level, spikes, batch, error);
}

cg_spikes cg_route_batch_spikes(const cg_route_batch *batch, uint32_t unit) {
    CG_ASSERT(unit >= batch->first_unit && unit - batch->first_unit < batch->unit_count);
    size_t from = batch->offsets[unit - batch->first_unit];
    size_t to = batch->offsets[unit - batch->first_unit + 1];
    if (from == to) { /* there may be no arrays yet */
        return (cg_spikes){0};
    }
    return (cg_spikes){batch->spikes + from, (uint32_t)(to - from)};
}

static void add_run(uint64_t *restrict currents, const uint32_t *restrict weights_q16,
                    uint32_t length, uint32_t charge) {
    for (uint32_t i = 0; i < length; i++) {
        currents[i] += (uint64_t)weights_q16[i] * charge;
    }
}

void cg_route_integrate(const cg_route *route, const cg_route_batch *batch, uint32_t core,
                        uint64_t *currents, cg_work *work) {
    CG_ASSERT(core >= batch->first_unit && core - batch->first_unit < batch->unit_count);
    size_t from = batch->offsets[core - batch->first_unit];
    size_t to = batch->offsets[core - batch->first_unit + 1];
    uint64_t reached = 0;
    for (size_t at = from; at < to; at++) {
        uint32_t segment = batch->segments[at];
        uint32_t charge = route->window_ticks - batch->spikes[at].tick;
        uint32_t last = route->segment_runs[segment + 1];
        for (uint32_t run = route->segment_runs[segment]; run < last; run++) {
            uint32_t first_weight = route->run_weights[run];
            uint32_t length = route->run_weights[run + 1] - first_weight;
            add_run(currents + route->run_neurons[run], route->weights_q16 + first_weight,
                    length, charge);
            reached += length;
        }
    }
    cg_work_count(work, CG_WORK_LIF_STEP, to - from, reached);
}

uint64_t cg_route_largest_current(const uint64_t *currents, size_t count) {
    uint64_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        largest = currents[i] > largest ? currents[i] : largest;
    }
    return largest;
}

void cg_route_drives(const uint64_t *currents, size_t count, uint64_t largest,
                     uint32_t *drives) {
    uint32_t shift = 0;
    if (largest > UINT32_MAX) {
        shift = cg_log2_floor(largest) - 31;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t current = currents[i] < largest ? currents[i] : largest;
        uint64_t drive = current >> shift;
        drives[i] = (uint32_t)(drive - (current < largest && drive == largest >> shift));
    }
}
