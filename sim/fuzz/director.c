#include "sim/check/invariants.h"
#include "sim/fuzz/trial_internal.h"
#include "sim/host/host_fault.h"
#include "sim/point/engine_options.h"

#define TICK_NS  UINT64_C(100000000)
#define CHECK_NS UINT64_C(2500000000)
enum { WAITING_MAX = 20000 }; /* events before the cores of one host */

uint64_t sim_trial_heal_ns(const sim_options *options) {
    uint64_t heal_ns = 0;
    for (uint32_t i = 0; i < options->fault_count; ++i) {
        const sim_fault *fault = &options->faults[i];
        uint64_t over_ns = fault->at_ns + fault->down_ns;
        over_ns = fault->ends_ns > over_ns ? fault->ends_ns : over_ns;
        heal_ns = over_ns > heal_ns ? over_ns : heal_ns;
    }
    return heal_ns + 1000000;
}

/* --- healing ------------------------------------------------------------------ */

static cg_status heal_network(sim_trial *trial, uint64_t at_ns, cg_error *error) {
    const sim_network_options *network = &trial->options->cluster.network;
    const sim_fabric_change changes[] = {
        {.kind = SIM_FABRIC_HEAL},
        {.kind = SIM_FABRIC_LATENCY, .value_ns = network->latency_ns},
        {.kind = SIM_FABRIC_JITTER, .value_ns = network->jitter_ns},
        {.kind = SIM_FABRIC_LOSS},
        {.kind = SIM_FABRIC_DUPLICATE},
        {.kind = SIM_FABRIC_REORDER},
        {.kind = SIM_FABRIC_CORRUPT},
    };
    cg_status status = CG_OK;
    for (size_t i = 0; status == CG_OK && i < sizeof changes / sizeof *changes; ++i) {
        sim_fabric_change change = changes[i];
        change.at_ns = at_ns;
        status = sim_fabric_change_at(trial->fabric, &change, error);
    }
    return status;
}

static cg_status heal_hosts(sim_trial *trial, uint64_t at_ns, cg_error *error) {
    const sim_host_fault faults[] = {
        {.kind = SIM_HOST_SLOW_DISK, .factor = 1.0},
        {.kind = SIM_HOST_SLOW_CORES, .factor = 1.0},
        {.kind = SIM_HOST_CLOCK},
        {.kind = SIM_HOST_RESTART, .if_down = true},
    };
    cg_status status = CG_OK;
    for (uint32_t host = 0; host < trial->options->cluster.hosts; ++host) {
        for (size_t i = 0; status == CG_OK && i < sizeof faults / sizeof *faults; ++i) {
            sim_host_fault fault = faults[i];
            fault.at_ns = at_ns;
            status = sim_host_fault_at(trial->hosts[host], &fault, error);
        }
    }
    return status;
}

/* --- what has settled ------------------------------------------------------------ */

bool sim_trial_is_led(const sim_trial *trial, uint32_t partition) {
    const sim_options *options = trial->options;
    uint32_t hosts = options->cluster.hosts;
    uint32_t primaries = 0;
    for (uint32_t n = 0; n <= options->engine.replicas; ++n) {
        uint64_t epoch = 0;
        uint32_t host = cg_node_keeper_of(partition, hosts, n);
        primaries += cg_node_is_primary(trial->nodes[host], partition, &epoch);
    }
    return primaries == 1;
}

/* Whether the host has a voice in the partition, and another one with a voice has not come back from a loss
 * of its own. With a witness one loss may be too many: the other replica may be behind. */
static bool is_one_too_many(const sim_trial *trial, uint32_t partition, uint32_t host) {
    const uint32_t hosts = trial->options->cluster.hosts;
    const uint32_t witnesses = sim_trial_witnesses(trial->options);
    bool has_voice = false;
    bool others = witnesses > 0;
    for (uint32_t n = 0; n <= trial->options->engine.replicas + witnesses; ++n) {
        uint32_t voter = cg_node_keeper_of(partition, hosts, n);
        has_voice |= voter == host;
        others |= voter != host && cg_node_is_recovering(trial->nodes[voter], partition);
    }
    return has_voice && others;
}

void sim_trial_note_crippled(sim_trial *trial, uint32_t host) {
    for (uint32_t i = 0; i < sim_trial_partitions(trial); ++i) {
        CG_ASSERT(i < SIM_FUZZ_PARTITIONS_MAX);
        trial->stops[i] |= is_one_too_many(trial, i, host);
    }
}

bool sim_trial_is_crippled(const sim_trial *trial, uint32_t partition) {
    return trial->stops[partition];
}

uint32_t sim_trial_witnesses(const sim_options *options) {
    const cg_node_options node = sim_engine_node(options, 0);
    return cg_node_has_witness(&node) ? 1 : 0;
}

static bool edges_agree(const sim_trial *trial, uint32_t space, uint32_t *host) {
    const cg_edges_state first = cg_node_edges(trial->nodes[0], space);
    for (*host = 1; *host < trial->options->cluster.hosts; ++*host) {
        const cg_edges_state other = cg_node_edges(trial->nodes[*host], space);
        if (other.state_hash != first.state_hash || other.visible_hash != first.visible_hash) {
            return false;
        }
    }
    return true;
}

static bool hosts_settled(const sim_trial *trial, cg_error *error) {
    for (uint32_t host = 0; host < trial->options->cluster.hosts; ++host) {
        if (!sim_host_is_up(trial->hosts[host])) {
            cg_error_set(error, CG_ERROR_CORRUPT, "host %u is down", host);
            return false;
        }
        if (!cg_node_idle(trial->nodes[host])) {
            cg_error_set(error, CG_ERROR_CORRUPT, "host %u is not idle", host);
            return false;
        }
        uint32_t dead = cg_node_dead(trial->nodes[host]);
        if (dead > 0) {
            cg_error_set(error, CG_ERROR_CORRUPT, "host %u takes %u hosts for dead", host,
                         dead);
            return false;
        }
    }
    return true;
}

bool sim_trial_settled(const sim_trial *trial, cg_error *error) {
    if (trial->replied_count < trial->workload.count) {
        uint32_t open = 0;
        while (trial->answers[open].replied) {
            open++;
        }
        cg_error_set(error, CG_ERROR_CORRUPT,
                     "%u requests are not answered, the first of them request %u of kind %s at "
                     "host %u",
                     trial->workload.count - trial->replied_count, open + 1,
                     cg_request_kind_name((cg_request_kind)trial->workload.requests[open].kind),
                     trial->workload.requests[open].host);
        return false;
    }
    if (!hosts_settled(trial, error)) {
        return false;
    }
    for (uint32_t partition = 0; partition < sim_trial_partitions(trial); ++partition) {
        if (!sim_trial_is_led(trial, partition)) {
            cg_error_set(error, CG_ERROR_CORRUPT, "partition %u has no primary, or several",
                         partition);
            return false;
        }
    }
    for (uint32_t space = 0; space < trial->options->engine.spaces; ++space) {
        uint32_t host = 0;
        if (!edges_agree(trial, space, &host)) {
            cg_error_set(error, CG_ERROR_CORRUPT, "hosts 0 and %u have other edges of space %u",
                         host, space);
            return false;
        }
    }
    return true;
}

/* --- what is looked at throughout --------------------------------------------------- */

static sim_check_request request_of(const sim_trial *trial, uint32_t i) {
    const sim_trial_answer *answer = &trial->answers[i];
    const sim_request_plan *plan = &trial->workload.requests[i];
    return (sim_check_request){
        .request_id = (uint64_t)i + 1,
        .kind = (cg_request_kind)plan->kind,
        .acknowledged = answer->replied && (answer->reply.status == CG_OK ||
                                            answer->reply.status == CG_ERROR_PARTIAL),
        .shed = answer->replied && answer->reply.status == CG_ERROR_OVERLOADED,
        .fact_id = answer->reply.fact_id,
        .slot = answer->reply.slot,
        .host = answer->reply.host,
        .count = answer->reply.count,
        .target = (uint64_t)plan->target + 1,
        .space = plan->space,
    };
}

cg_status sim_trial_check_state(sim_trial *trial, cg_error *error) {
    const sim_options *options = trial->options;
    uint32_t count = trial->workload.count;
    bool down[SIM_FAULT_HOSTS_MAX] = {false};
    sim_check_cluster cluster = {.nodes = trial->nodes,
                                 .hosts = options->cluster.hosts,
                                 .replicas = options->engine.replicas,
                                 .settled = trial->settled,
                                 .spaces = options->engine.spaces,
                                 .down = down,
                                 .fails_over = options->engine.failover,
                                 .may_lose = trial->harm_count > 0};
    for (uint32_t host = 0; host < cluster.hosts; ++host) {
        const sim_host_statistics *hurt = sim_host_statistics_of(trial->hosts[host]);
        down[host] = !sim_host_is_up(trial->hosts[host]);
        cluster.restarted |= hurt->restarts > 0;
        cluster.may_lose |= hurt->disk_losses + hurt->corrupted_bytes > 0;
    }
    sim_check_request *requests = cg_allocate(&trial->allocator, count, sizeof *requests);
    if (!requests) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to check %u requests", count);
    }
    for (uint32_t i = 0; i < count; ++i) {
        requests[i] = request_of(trial, i);
    }
    uint64_t violations = 0;
    cg_status status = sim_check_invariants(&cluster, requests, count, &violations, error);
    cg_deallocate(&trial->allocator, requests, count, sizeof *requests);
    return status;
}

static cg_status check_queues(const sim_trial *trial, cg_error *error) {
    for (uint32_t host = 0; host < trial->options->cluster.hosts; ++host) {
        uint64_t waiting = sim_host_waiting(trial->hosts[host]);
        if (waiting > WAITING_MAX) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "%llu events wait for the cores of host %u, more than %d",
                                (unsigned long long)waiting, host, WAITING_MAX);
        }
    }
    return CG_OK;
}

/* --- the director --------------------------------------------------------------------- */

static uint64_t next_ns(void *context) {
    const sim_trial *trial = context;
    return trial->next_ns;
}

static cg_status act(void *context, uint64_t now_ns, cg_error *error) {
    sim_trial *trial = context;
    cg_status status = check_queues(trial, error);
    if (status == CG_OK && now_ns >= trial->next_check_ns) {
        trial->next_check_ns = now_ns + CHECK_NS;
        trial->counts.of[SIM_COUNT_CHECKS]++;
        status = sim_trial_check_state(trial, error);
        if (status == CG_ERROR_CORRUPT) {
            cg_error_prefix(error, "at %llu ms: ", (unsigned long long)(now_ns / 1000000));
        }
    }
    if (status == CG_OK && !trial->healed && now_ns >= trial->heal_ns) {
        trial->healed = true;
        status = heal_network(trial, now_ns + 1, error);
        if (status == CG_OK) {
            status = heal_hosts(trial, now_ns + 1, error);
        }
    } else if (status == CG_OK && trial->healed) {
        trial->settled = now_ns > trial->last_request_ns && sim_trial_settled(trial, NULL);
    }
    trial->next_ns = now_ns + TICK_NS;
    if (!trial->healed && trial->next_ns > trial->heal_ns) {
        trial->next_ns = trial->heal_ns;
    }
    return status;
}

static bool finished(void *context) {
    const sim_trial *trial = context;
    return trial->settled;
}

sim_director sim_trial_director(sim_trial *trial) {
    trial->next_ns = TICK_NS < trial->heal_ns ? TICK_NS : trial->heal_ns;
    trial->next_check_ns = CHECK_NS;
    return (sim_director){next_ns, act, finished, trial};
}
