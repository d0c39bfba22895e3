#include "sim/fuzz/draw.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/prng.h"
#include "sim/scenario/plan.h"

#define MS UINT64_C(1000000)

enum { EPISODES_MAX = 10 };
static const uint64_t calm_ms = 300;     /* before the first fault */
static const uint64_t trouble_ms = 9000; /* in which faults begin */

/* --- small draws ------------------------------------------------------------ */

static bool chance(cg_stream *draws, uint32_t percent) {
    return cg_stream_next_below(draws, 100) < percent;
}

static uint64_t between(cg_stream *draws, uint64_t least, uint64_t greatest) {
    return least + cg_stream_next_below(draws, greatest - least + 1);
}

/* Some hosts, at least one and not all. */
static uint32_t some_hosts(cg_stream *draws, uint32_t hosts, uint32_t count, uint32_t *out) {
    uint32_t order[SIM_FAULT_HOSTS_MAX];
    for (uint32_t i = 0; i < hosts; ++i) {
        order[i] = i;
    }
    cg_stream_shuffle_u32(draws, order, hosts);
    uint32_t taken = 0;
    for (uint32_t host = 0; host < hosts; ++host) {
        for (uint32_t i = 0; i < count; ++i) {
            if (order[i] == host) {
                out[taken++] = host;
            }
        }
    }
    return taken;
}

/* --- cluster and load ------------------------------------------------------- */

static void draw_cluster(uint64_t seed, sim_options *out) {
    cg_stream draws = cg_stream_init(0, "fuzz.cluster", seed);
    sim_engine_options *engine = &out->engine;
    out->cluster.hosts = (uint32_t)between(&draws, 2, chance(&draws, 25) ? 7 : 5);
    engine->replicas = chance(&draws, 5) ? 0 : chance(&draws, 55) ? 2 : 1;
    if (engine->replicas >= out->cluster.hosts) {
        engine->replicas = out->cluster.hosts - 1;
    }
    uint64_t mode = cg_stream_next_below(&draws, 100);
    engine->acknowledge = mode < 40   ? SIM_ACKNOWLEDGE_QUORUM
                          : mode < 75 ? SIM_ACKNOWLEDGE_PRIMARY
                                      : SIM_ACKNOWLEDGE_ALL;
    engine->failover = chance(&draws, 90);
    engine->spaces = chance(&draws, 20) ? 2 : 1;
    engine->writes = chance(&draws, 30) ? 0 : (uint32_t)between(&draws, 1, 4);
    engine->spread.across = chance(&draws, 70)   ? SIM_ACROSS_NONE
                            : chance(&draws, 50) ? SIM_ACROSS_EXACT
                                                 : SIM_ACROSS_ASYNC;
    out->cluster.network.latency_ns = between(&draws, 50, 2000) * 1000;
    out->cluster.network.jitter_ns =
        out->cluster.network.latency_ns * between(&draws, 0, 4) / 4;
    /* Often so slow that a crash meets writes under way. */
    out->cluster.disk_access_ns =
        chance(&draws, 60) ? between(&draws, 4, 40) * MS : between(&draws, 20, 4000) * 1000;
}

static void draw_load(uint64_t seed, sim_options *out) {
    cg_stream draws = cg_stream_init(0, "fuzz.load", seed);
    sim_load_options *load = &out->load;
    load->requests = (uint32_t)between(&draws, 60, 240);
    /* Some are still to come when all is healed. */
    load->rate_hz = (double)load->requests / ((double)between(&draws, 8000, 13000) / 1000.0);
    load->arrival = chance(&draws, 30) ? SIM_ARRIVAL_BURST : SIM_ARRIVAL_POISSON;
    load->repeat = SIM_REPEAT_POPULARITY;
    load->clients = (uint32_t)between(&draws, 1, 8);
    load->get = 0.1 * (double)between(&draws, 1, 4);
    load->deallocate = 0.05 * (double)between(&draws, 0, 4);
    load->batch = chance(&draws, 40) ? 0.05 : 0.0;
    load->batch_size = (uint32_t)between(&draws, 2, 6);
    load->edges = chance(&draws, 60) ? 0.2 : 0.0;
    load->edge_pool = (uint32_t)between(&draws, 1, 12);
    load->spread = out->engine.spread.across != SIM_ACROSS_NONE ? 0.05
                   : chance(&draws, 30)                         ? 0.15
                                                                : 0.0;
    load->spread_hops = (uint32_t)between(&draws, 1, 3);
    /* From well below the time between two spreads to well above. */
    out->engine.spread.refractory_ns =
        chance(&draws, 50) ? UINT64_C(1000) << between(&draws, 0, 21) : 0;
    bool fits = load->get + load->deallocate + load->batch + load->edges + load->spread < 0.95;
    load->recall = chance(&draws, 10) && fits ? 0.05 : 0.0;
}

/* --- faults ------------------------------------------------------------------ */

typedef struct episode {
    cg_stream *draws;
    sim_options *out;
    uint64_t at_ns;
    uint64_t length_ns;
    uint32_t number;
} episode;

static sim_fault *add(episode *self, sim_fault_action action, uint64_t at_ns) {
    sim_options *out = self->out;
    if (out->fault_count == SIM_FAULTS_MAX) {
        out->fault_count--; /* EPISODES_MAX is far from it */
    }
    uint32_t place = out->fault_count++;
    while (place > 0 && out->faults[place - 1].at_ns > at_ns) {
        out->faults[place] = out->faults[place - 1];
        place--;
    }
    sim_fault *fault = &out->faults[place];
    *fault = (sim_fault){.at_ns = at_ns, .action = action};
    return fault;
}

static void one_host(episode *self, sim_fault *fault) {
    fault->host_count = some_hosts(self->draws, self->out->cluster.hosts, 1, fault->hosts);
}

static void draw_partition(episode *self) {
    uint32_t hosts = self->out->cluster.hosts;
    bool flaps = chance(self->draws, 20);
    sim_fault *fault = add(self, flaps ? SIM_FAULT_FLAP : SIM_FAULT_PARTITION, self->at_ns);
    fault->ends_ns = self->at_ns + self->length_ns;
    fault->one_way = chance(self->draws, 25);
    if (flaps) {
        fault->period_ns = between(self->draws, 100, 2000) * MS;
        fault->duty = 0.1 * (double)between(self->draws, 2, 8);
    }
    if (hosts > 2 && chance(self->draws, 25)) { /* only between two sides: others reach both */
        uint32_t sides[SIM_FAULT_HOSTS_MAX];
        (void)some_hosts(self->draws, hosts, 2, sides);
        fault->from = (sim_fault_side){.ranges = {{sides[0], sides[0]}}, .count = 1};
        fault->to = (sim_fault_side){.ranges = {{sides[1], sides[1]}}, .count = 1};
        return;
    }
    uint32_t cut = chance(self->draws, 40) ? 1 : (uint32_t)between(self->draws, 1, hosts - 1);
    fault->host_count = some_hosts(self->draws, hosts, cut, fault->hosts);
}

/* What a disk is given while it is slow takes so long, even when that is over. */
static double slowness(const episode *self, double factor) {
    const double slowest_ns = 1e8;
    double access_ns = (double)self->out->cluster.disk_access_ns;
    return factor * access_ns > slowest_ns ? slowest_ns / access_ns : factor;
}

/* The disks of the hosts of a crash that tears are slow before it, so that it finds them writing. */
static void draw_writing(episode *self, const sim_fault *crash) {
    sim_fault slow = *crash;
    slow.action = SIM_FAULT_SLOW_DISK;
    slow.torn = false;
    slow.down_ns = 0;
    slow.at_ns -= between(self->draws, 100, calm_ms) * MS;
    slow.factor = slowness(self, 1e9);
    sim_fault over = slow;
    over.at_ns = crash->at_ns;
    over.factor = 1.0;
    *add(self, slow.action, slow.at_ns) = slow;
    *add(self, over.action, over.at_ns) = over;
}

static void draw_crash(episode *self) {
    uint32_t hosts = self->out->cluster.hosts;
    uint32_t count = chance(self->draws, 70)   ? 1
                     : chance(self->draws, 30) ? hosts
                                               : (uint32_t)between(self->draws, 1, hosts);
    sim_fault *fault = add(self, SIM_FAULT_CRASH, self->at_ns);
    fault->host_count = some_hosts(self->draws, hosts, count, fault->hosts);
    fault->torn = chance(self->draws, 70);
    fault->down_ns =
        chance(self->draws, 30) ? between(self->draws, 1, 100) * MS : self->length_ns;
    if (fault->torn && chance(self->draws, 60)) {
        const sim_fault crash = *fault;
        draw_writing(self, &crash);
    }
}

/* Bytes that are wrong are found at the next start. */
static void draw_rot(episode *self) {
    bool at_rest = chance(self->draws, 50);
    sim_fault *rot =
        add(self, at_rest ? SIM_FAULT_BIT_ROT : SIM_FAULT_CORRUPT_WRITES, self->at_ns);
    one_host(self, rot);
    uint32_t host = rot->hosts[0];
    rot->writes = at_rest ? 0 : (uint32_t)between(self->draws, 1, 3);
    sim_fault *crash =
        add(self, SIM_FAULT_CRASH, self->at_ns + between(self->draws, 1, 1500) * MS);
    crash->hosts[0] = host;
    crash->host_count = 1;
    crash->torn = chance(self->draws, 50);
    crash->down_ns = self->length_ns;
}

static void draw_disk_loss(episode *self) {
    sim_fault *fault = add(self, SIM_FAULT_DISK_LOSS, self->at_ns);
    one_host(self, fault);
    fault->down_ns = self->length_ns;
}

static void draw_slow(episode *self) {
    sim_fault_action action =
        chance(self->draws, 50) ? SIM_FAULT_SLOW_DISK : SIM_FAULT_SLOW_HOST;
    sim_fault *fault = add(self, action, self->at_ns);
    one_host(self, fault);
    fault->factor = (double)(UINT64_C(1) << between(self->draws, 1, 7));
    if (action == SIM_FAULT_SLOW_DISK) {
        fault->factor = slowness(self, fault->factor);
    }
    sim_fault over = *fault;
    over.at_ns = self->at_ns + self->length_ns;
    over.factor = 1.0;
    *add(self, action, over.at_ns) = over;
}

static void draw_clock(episode *self) {
    sim_fault *fault = add(self, SIM_FAULT_CLOCK, self->at_ns);
    one_host(self, fault);
    int64_t skew_ms =
        chance(self->draws, 20) ? INT64_C(3600000) : (int64_t)between(self->draws, 1, 30000);
    fault->skew_ns = (chance(self->draws, 50) ? skew_ms : -skew_ms) * (int64_t)MS;
    fault->drift_ppm = (int32_t)between(self->draws, 0, 1000) - 500;
    sim_fault over = *fault;
    over.at_ns = self->at_ns + self->length_ns;
    over.skew_ns = 0;
    over.drift_ppm = 0;
    *add(self, SIM_FAULT_CLOCK, over.at_ns) = over;
}

/* A setting of the network, of all pairs or of those between one host and all others, and back. */
static void draw_network(episode *self) {
    static const sim_fault_action actions[] = {SIM_FAULT_LOSS,    SIM_FAULT_DUPLICATE,
                                               SIM_FAULT_REORDER, SIM_FAULT_CORRUPT,
                                               SIM_FAULT_LATENCY, SIM_FAULT_JITTER};
    sim_fault_action action =
        actions[cg_stream_next_below(self->draws, sizeof actions / sizeof *actions)];
    sim_fault set = {.action = action, .at_ns = self->at_ns};
    sim_fault over = {.action = action, .at_ns = self->at_ns + self->length_ns};
    const sim_network_options *network = &self->out->cluster.network;
    switch (action) {
    case SIM_FAULT_LATENCY:
        set.duration_ns = network->latency_ns * between(self->draws, 2, 64);
        over.duration_ns = network->latency_ns;
        break;
    case SIM_FAULT_JITTER:
        set.duration_ns = network->latency_ns * between(self->draws, 2, 64);
        over.duration_ns = network->jitter_ns;
        break;
    case SIM_FAULT_CORRUPT:
        set.probability = 0.002 * (double)between(self->draws, 1, 50);
        break;
    default:
        set.probability = 0.02 * (double)between(self->draws, 1, 20);
        break;
    }
    if (chance(self->draws, 40)) {
        uint32_t host = (uint32_t)cg_stream_next_below(self->draws, self->out->cluster.hosts);
        set.from = over.from = (sim_fault_side){.ranges = {{host, host}}, .count = 1};
        set.one_way = over.one_way = chance(self->draws, 50);
    }
    *add(self, action, set.at_ns) = set;
    *add(self, action, over.at_ns) = over;
}

static void draw_faults(uint64_t seed, sim_options *out) {
    cg_stream draws = cg_stream_init(0, "fuzz.faults", seed);
    uint32_t count = (uint32_t)between(&draws, 1, chance(&draws, 30) ? EPISODES_MAX : 5);
    for (uint32_t i = 0; i < count; ++i) {
        episode self = {.draws = &draws, .out = out, .number = i};
        self.at_ns = (calm_ms + cg_stream_next_below(&draws, trouble_ms)) * MS +
                     cg_stream_next_below(&draws, MS);
        self.length_ns = between(&draws, 50, chance(&draws, 30) ? 6000 : 2500) * MS;
        uint64_t kind = cg_stream_next_below(&draws, 100);
        if (kind < 30) {
            draw_partition(&self);
        } else if (kind < 58) {
            draw_crash(&self);
        } else if (kind < 64) {
            draw_rot(&self);
        } else if (kind < 70) {
            draw_disk_loss(&self);
        } else if (kind < 75) {
            draw_slow(&self);
        } else if (kind < 80) {
            draw_clock(&self);
        } else {
            draw_network(&self);
        }
    }
}

void sim_fuzz_draw(const sim_options *base, uint64_t seed, sim_options *out) {
    *out = *base;
    out->seed = sim_plan_seed(seed, 1);
    draw_cluster(seed, out);
    draw_load(seed, out);
    draw_faults(seed, out);
}
