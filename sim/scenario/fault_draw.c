#include "sim/scenario/fault_draw.h"

#include <inttypes.h>
#include <string.h>

#include "engine/base/prng.h"
#include "sim/scenario/fault_text.h"
#include "sim/scenario/host_fault_text.h"

enum { LATENCY_TIMES_MAX = 16, WRITES_MAX = 3, DRIFT_MAX_PPM = 200 };
static const uint64_t latency_max_ns = UINT64_C(60000000000);
static const uint64_t skew_max_ns = UINT64_C(3600000000000);
static const double chance_max = 0.3;

bool sim_fault_drawn(sim_fault_action action) {
    switch (action) {
    case SIM_FAULT_PARTITION:
    case SIM_FAULT_LATENCY:
    case SIM_FAULT_LOSS:
    case SIM_FAULT_DUPLICATE:
    case SIM_FAULT_REORDER:
    case SIM_FAULT_CORRUPT:
        return true;
    default:
        return sim_host_fault_is(action);
    }
}

/* Adds behind all that are not later. */
static cg_status add(sim_options *options, const sim_fault *fault, cg_error *error) {
    if (options->fault_count == SIM_FAULTS_MAX) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "more than %d faults are drawn and listed; let them come less often "
            "or end earlier",
            SIM_FAULTS_MAX);
    }
    uint32_t place = options->fault_count++;
    while (place > 0 && options->faults[place - 1].at_ns > fault->at_ns) {
        options->faults[place] = options->faults[place - 1];
        place--;
    }
    options->faults[place] = *fault;
    return CG_OK;
}

/* >= 1 ns */
static uint64_t exponential(cg_stream *draws, uint64_t mean_ns) {
    double value = cg_stream_next_exponential(draws, (double)mean_ns);
    return value < 1.0 ? 1 : value < 9e18 ? (uint64_t)value : UINT64_C(9000000000000000000);
}

static void draw_side(cg_stream *draws, uint32_t hosts, sim_fault *fault) {
    uint32_t most = hosts - 1 < SIM_FAULT_HOSTS_MAX ? hosts - 1 : SIM_FAULT_HOSTS_MAX;
    uint32_t wanted = 1 + (uint32_t)cg_stream_next_below(draws, most);
    /* Selection in one pass (Knuth, TAOCP 2, 3.4.2, algorithm S): ascending, all sets as likely. */
    for (uint32_t host = 0; host < hosts && fault->host_count < wanted; host++) {
        if (cg_stream_next_below(draws, hosts - host) < wanted - fault->host_count) {
            fault->hosts[fault->host_count++] = host;
        }
    }
    fault->one_way = cg_stream_next_below(draws, 4) == 0;
}

/* What the fault says, and in *after what ends it; after->at_ns stays 0: it ends by itself. */
static void draw_one(cg_stream *draws, const sim_options *options, uint64_t end_ns,
                     sim_fault *fault, sim_fault *after) {
    const sim_network_options *network = &options->cluster.network;
    uint64_t times = 0;
    if (sim_host_fault_is(fault->action)) {
        fault->hosts[fault->host_count++] =
            (uint32_t)cg_stream_next_below(draws, options->cluster.hosts);
    }
    *after = *fault;
    switch (fault->action) {
    case SIM_FAULT_CRASH:
        fault->torn = cg_stream_next_below(draws, 2) == 0;
        fault->down_ns = end_ns - fault->at_ns;
        break;
    case SIM_FAULT_DISK_LOSS:
        fault->down_ns = end_ns - fault->at_ns;
        break;
    case SIM_FAULT_CORRUPT_WRITES:
        fault->writes = 1 + (uint32_t)cg_stream_next_below(draws, WRITES_MAX);
        break;
    case SIM_FAULT_SLOW_DISK:
    case SIM_FAULT_SLOW_HOST:
        fault->factor = (double)(UINT64_C(2) << cg_stream_next_below(draws, 5));
        after->factor = 1.0;
        break;
    case SIM_FAULT_CLOCK:
        fault->skew_ns =
            (int64_t)cg_stream_next_below(draws, 2 * skew_max_ns + 1) - (int64_t)skew_max_ns;
        fault->drift_ppm =
            (int32_t)cg_stream_next_below(draws, 2 * DRIFT_MAX_PPM + 1) - DRIFT_MAX_PPM;
        break;
    case SIM_FAULT_PARTITION:
        draw_side(draws, options->cluster.hosts, fault);
        fault->ends_ns = end_ns;
        break;
    case SIM_FAULT_LATENCY:
        times = 2 + cg_stream_next_below(draws, LATENCY_TIMES_MAX - 1);
        fault->duration_ns = network->latency_ns < latency_max_ns / times
                                 ? network->latency_ns * times
                                 : latency_max_ns;
        after->duration_ns = network->latency_ns;
        break;
    default:
        fault->probability = chance_max * cg_stream_next_unit(draws);
        after->probability = fault->action == SIM_FAULT_LOSS        ? network->loss
                             : fault->action == SIM_FAULT_DUPLICATE ? network->duplicate
                             : fault->action == SIM_FAULT_REORDER   ? network->reorder
                                                                    : network->corrupt;
        break;
    }
}

static bool ends_by_itself(sim_fault_action action) {
    return action == SIM_FAULT_CRASH || action == SIM_FAULT_RESTART ||
           action == SIM_FAULT_DISK_LOSS || action == SIM_FAULT_CORRUPT_WRITES ||
           action == SIM_FAULT_BIT_ROT || action == SIM_FAULT_PARTITION;
}

static cg_status draw_wish(const sim_fault_wish *wish, uint32_t number, sim_options *options,
                           cg_error *error) {
    cg_stream draws = cg_stream_init(options->seed, "fault.draw", number);
    cg_status status = CG_OK;
    uint64_t at_ns = wish->from_ns;
    for (;;) {
        uint64_t gap_ns = exponential(&draws, wish->mean_ns);
        if (at_ns >= wish->until_ns || gap_ns >= wish->until_ns - at_ns) {
            return CG_OK;
        }
        at_ns += gap_ns;
        uint64_t length_ns = exponential(&draws, wish->length_ns);
        uint64_t left_ns = wish->until_ns - at_ns;
        uint64_t end_ns = at_ns + (length_ns < left_ns ? length_ns : left_ns);
        sim_fault fault = {.at_ns = at_ns, .action = wish->action};
        sim_fault after;
        draw_one(&draws, options, end_ns, &fault, &after);
        status = add(options, &fault, error);
        if (status == CG_OK && !ends_by_itself(wish->action)) {
            after.at_ns = end_ns;
            status = add(options, &after, error);
        }
        if (status != CG_OK) {
            return status;
        }
    }
}

static cg_status check(const sim_fault_wish *wish, const sim_options *options,
                       cg_error *error) {
    CG_ASSERT(wish->mean_ns > 0 && wish->length_ns > 0);
    if (!sim_fault_drawn(wish->action)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a %s is not drawn; crash, disk_loss, restart, corrupt_writes, "
                            "bit_rot, slow_disk, slow_host, clock, partition, latency, loss, "
                            "duplicate, reorder and corrupt are",
                            sim_fault_actions[wish->action]);
    }
    if (wish->action == SIM_FAULT_PARTITION && options->cluster.hosts < 2) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a partition needs at least 2 hosts, but cluster.hosts is %" PRIu32,
                            options->cluster.hosts);
    }
    return CG_OK;
}

cg_status sim_fault_draw(const sim_fault_wish *wishes, uint32_t count, sim_options *options,
                         cg_error *error) {
    sim_fault before[SIM_FAULTS_MAX];
    uint32_t count_before = options->fault_count;
    memcpy(before, options->faults, sizeof before);
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < count; i++) {
        status = check(&wishes[i], options, error);
        if (status == CG_OK) {
            status = draw_wish(&wishes[i], i, options, error);
        }
        if (status != CG_OK) {
            (void)cg_error_prefix(error, "random[%" PRIu32 "]: ", i + 1);
        }
    }
    if (status != CG_OK) {
        memcpy(options->faults, before, sizeof before);
        options->fault_count = count_before;
    }
    return status;
}
