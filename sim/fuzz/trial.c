#include "sim/fuzz/trial.h"

#include <string.h>

#include "engine/base/hash.h"
#include "sim/cluster/bare.h"
#include "sim/fault/host_schedule.h"
#include "sim/fault/schedule.h"
#include "sim/fuzz/trial_internal.h"
#include "sim/point/engine_options.h"

/* --- callbacks ------------------------------------------------------------------ */

static cg_status on_reply(void *context, uint32_t host, uint64_t now_ns, const cg_reply *reply,
                          const sim_ledger *ledger, cg_error *error) {
    (void)host;
    sim_trial *trial = context;
    uint64_t i = reply->request_id - 1;
    if (i >= trial->workload.count || trial->answers[i].replied) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "request %llu was answered twice, or never asked",
                            (unsigned long long)reply->request_id);
    }
    if (sim_ledger_total_ns(ledger) != now_ns - ledger->start_ns) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "the parts of the latency of request %llu do not add up",
                            (unsigned long long)reply->request_id);
    }
    trial->answers[i] = (sim_trial_answer){true, now_ns, *reply};
    trial->replied_count++;
    return CG_OK;
}

static cg_status note_harm(sim_trial *trial, const sim_harm *harm, cg_error *error) {
    if (trial->harm_count == SIM_FUZZ_HARMS_MAX) {
        return cg_error_set(error, CG_ERROR_FULL, "more than %d disks were hurt",
                            SIM_FUZZ_HARMS_MAX);
    }
    trial->harms[trial->harm_count++] = *harm;
    return CG_OK;
}

/* What a start found on its disk: records that are gone by now excuse those that acknowledged them. A
 * tail that looks torn may be one that was altered. */
static cg_status note_start(sim_trial *trial, uint32_t host, const cg_event *event,
                            cg_error *error) {
    const cg_node_statistics found = cg_node_statistics_of(trial->nodes[host]);
    bool rots = sim_host_statistics_of(trial->hosts[host])->corrupted_bytes > 0;
    sim_harm harm = {event->now_ns, host, SIM_HARM_DISK_LOST};
    if (!(event->flags & CG_START_DISK_LOST)) {
        harm.kind = SIM_HARM_JOURNAL_CORRUPT;
        if (!rots || found.journals_altered + found.torn_tails == 0) {
            return CG_OK;
        }
    }
    sim_trial_note_crippled(trial, host);
    return note_harm(trial, &harm, error);
}

/* At quorum and all, an epoch of a group is one host's. Under primary epochs are told apart by their
 * hosts. */
static cg_status watch_terms(sim_trial *trial, uint32_t host, cg_error *error) {
    const sim_options *options = trial->options;
    cg_status status = CG_OK;
    if (options->engine.acknowledge == SIM_ACKNOWLEDGE_PRIMARY) {
        return CG_OK;
    }
    for (uint32_t partition = 0; status == CG_OK && partition < sim_trial_partitions(trial);
         ++partition) {
        uint64_t epoch = 0;
        uint64_t other = host;
        if (!cg_node_is_primary(trial->nodes[host], partition, &epoch)) {
            continue;
        }
        uint64_t term = epoch << 16 | partition;
        if (cg_table_get(trial->terms, term, &other) && other != host) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "hosts %llu and %u are both primaries of partition %u in "
                                "epoch %llu",
                                (unsigned long long)other, host, partition,
                                (unsigned long long)epoch);
        }
        status = cg_table_put(trial->terms, term, host, error);
    }
    return status;
}

static cg_status step_node(void *context, const cg_event *event, cg_outputs *outputs,
                           cg_error *error) {
    const sim_trial_place *own = context;
    sim_trial *trial = own->trial;
    trial->ended_ns = event->now_ns;
    cg_status status = cg_node_step(trial->nodes[own->host], event, outputs, error);
    if (status == CG_OK && event->kind == CG_EVENT_START) {
        status = note_start(trial, own->host, event, error);
    }
    return status == CG_OK ? watch_terms(trial, own->host, error) : status;
}

static cg_status make_node(sim_trial *trial, uint32_t host, uint64_t life, cg_node **out,
                           cg_error *error) {
    cg_node_options node = sim_engine_node(trial->options, host);
    node.life = life;
    return cg_node_alloc(&node, sim_ground_corpus(trial->input->ground), trial->allocator, out,
                         error);
}

static cg_status restart_node(void *context, uint64_t life, cg_error *error) {
    const sim_trial_place *own = context;
    sim_trial *trial = own->trial;
    cg_node *node = NULL;
    cg_status status = make_node(trial, own->host, life, &node, error);
    if (status == CG_OK) {
        sim_trial_tally_node(trial, trial->nodes[own->host]);
        cg_node_free(trial->nodes[own->host]);
        trial->nodes[own->host] = node;
    }
    return status;
}

/* --- building ----------------------------------------------------------------------- */

static cg_status plan_load(sim_trial *trial, cg_error *error) {
    const sim_options *options = trial->options;
    const cg_graph *graph = sim_ground_graph(trial->input->ground);
    cg_status status =
        sim_facts_init(&trial->facts, trial->input->ground, options, trial->allocator, error);
    if (status != CG_OK) {
        return status;
    }
    sim_edge_load edges = {.seed = options->seed,
                           .pool = options->load.edge_pool,
                           .rows = cg_graph_concept_count(graph)};
    sim_requests_init(&trial->requests, &trial->facts, &trial->workload, options->load.ask,
                      edges, trial->allocator);
    sim_workload_input input = {.load = &options->load,
                                .phases = options->phases,
                                .phase_count = options->phase_count,
                                .facts = trial->facts.count,
                                .keys = cg_graph_concept_count(graph),
                                .hosts = options->cluster.hosts,
                                .spaces = options->engine.spaces,
                                .seed = options->seed};
    return sim_workload_plan(&input, trial->allocator, &trial->workload, error);
}

static void set_profile(sim_trial *trial) {
    const sim_cluster_options *cluster = &trial->options->cluster;
    trial->profile = sim_profile_with_disk(trial->input->profile, cluster->disk_access_ns,
                                           cluster->disk_bandwidth_bytes_per_s);
    for (uint32_t level = 0; level < SIM_TIERS_MAX; ++level) {
        const sim_tier_options *tier = &trial->options->engine.tiers[level];
        trial->profile =
            sim_profile_with_kind(&trial->profile, (cg_work_kind)(CG_WORK_TIER_L1 + level),
                                  tier->access_ns, tier->bandwidth_bytes_per_s);
    }
}

static cg_status build_host(sim_trial *trial, uint32_t host, cg_error *error) {
    cg_status status = make_node(trial, host, 0, &trial->nodes[host], error);
    if (status != CG_OK) {
        return status;
    }
    sim_host_options options = {.host = host,
                                .hosts = trial->options->cluster.hosts,
                                .cores = trial->options->cluster.cores,
                                .seed = trial->options->seed,
                                .keeps_journal = true,
                                .starts = true};
    trial->places[host] = (sim_trial_place){trial, host};
    sim_machine machine = {step_node, restart_node, &trial->places[host]};
    sim_host_sink sink = {.reply = on_reply, .context = trial};
    return sim_host_alloc(&options, &machine, &trial->profile, &sink, trial->allocator,
                          &trial->hosts[host], error);
}

static cg_status build_cluster(sim_trial *trial, cg_error *error) {
    uint32_t hosts = trial->options->cluster.hosts;
    cg_status status = CG_OK;
    set_profile(trial);
    for (uint32_t host = 0; status == CG_OK && host < hosts; ++host) {
        status = build_host(trial, host, error);
    }
    sim_delay law;
    sim_fabric_options fabric = sim_fault_fabric(trial->options, &law);
    if (status == CG_OK) {
        status = sim_fabric_alloc(&fabric, trial->allocator, &trial->fabric, error);
    }
    if (status == CG_OK) {
        status = sim_fault_schedule(trial->options, trial->fabric, error);
    }
    return status == CG_OK ? sim_fault_schedule_hosts(trial->options, trial->hosts, error)
                           : status;
}

static cg_status deliver_load(sim_trial *trial, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < trial->workload.count; ++i) {
        const sim_request_plan *plan = &trial->workload.requests[i];
        sim_delivery delivery;
        status = sim_requests_delivery(&trial->requests, i, &delivery, error);
        if (status == CG_OK) {
            status = sim_host_deliver(trial->hosts[plan->host], &delivery, error);
        }
        trial->last_request_ns = plan->at_ns;
    }
    return status;
}

static cg_status build(sim_trial *trial, cg_error *error) {
    uint32_t hosts = trial->options->cluster.hosts;
    cg_status status = plan_load(trial, error);
    if (status != CG_OK) {
        return status;
    }
    trial->nodes = cg_allocate(&trial->allocator, hosts, sizeof(cg_node *));
    trial->hosts = cg_allocate(&trial->allocator, hosts, sizeof(sim_host *));
    trial->places = cg_allocate(&trial->allocator, hosts, sizeof *trial->places);
    trial->answers =
        cg_allocate(&trial->allocator, trial->workload.count, sizeof *trial->answers);
    if (!trial->nodes || !trial->hosts || !trial->places || !trial->answers) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u hosts", hosts);
    }
    status = cg_table_alloc(trial->allocator, &trial->terms, error);
    if (status == CG_OK) {
        status = build_cluster(trial, error);
    }
    return status == CG_OK ? deliver_load(trial, error) : status;
}

static void tear_down(sim_trial *trial) {
    uint32_t hosts = trial->options->cluster.hosts;
    for (uint32_t host = 0; host < hosts; ++host) {
        if (trial->hosts) {
            sim_host_free(trial->hosts[host]);
        }
        if (trial->nodes) {
            cg_node_free(trial->nodes[host]);
        }
    }
    cg_deallocate(&trial->allocator, trial->hosts, hosts, sizeof(sim_host *));
    cg_deallocate(&trial->allocator, trial->nodes, hosts, sizeof(cg_node *));
    cg_deallocate(&trial->allocator, trial->places, hosts, sizeof *trial->places);
    cg_deallocate(&trial->allocator, trial->answers, trial->workload.count,
                  sizeof *trial->answers);
    cg_table_free(trial->terms);
    sim_fabric_free(trial->fabric);
    sim_requests_deinit(&trial->requests);
    sim_workload_deinit(&trial->workload);
    sim_facts_deinit(&trial->facts);
}

/* --- running ------------------------------------------------------------------------- */

/* Of all that hosts stepped, all that clients were told, and what is there in the end. */
static uint64_t fingerprint_of(const sim_trial *trial) {
    cg_hasher hasher = cg_hasher_init();
    uint32_t hosts = trial->options->cluster.hosts;
    for (uint32_t host = 0; host < hosts; ++host) {
        cg_hasher_add_u64(&hasher, sim_host_fingerprint(trial->hosts[host]));
    }
    for (uint32_t i = 0; i < trial->workload.count; ++i) {
        const sim_trial_answer *answer = &trial->answers[i];
        cg_hasher_add_u64(&hasher, answer->at_ns);
        cg_hasher_add_u64(&hasher, answer->reply.status);
        cg_hasher_add_u64(&hasher, answer->reply.fact_id);
        cg_hasher_add_u64(&hasher, answer->reply.digest);
    }
    for (uint32_t number = 0; number < sim_trial_partitions(trial); ++number) {
        const cg_node *home = trial->nodes[cg_node_primary_of(number, hosts)];
        cg_hasher_add_u64(&hasher, cg_node_partition(home, number).hash);
    }
    return cg_hasher_value(&hasher);
}

static cg_status run(sim_trial *trial, cg_error *error) {
    trial->heal_ns = sim_trial_heal_ns(trial->options);
    uint64_t calm_ns =
        trial->heal_ns > trial->last_request_ns ? trial->heal_ns : trial->last_request_ns;
    trial->observer = (sim_observer){.dropped = sim_trial_note_drop, .context = trial};
    sim_world world = {.hosts = trial->hosts,
                       .host_count = trial->options->cluster.hosts,
                       .fabric = trial->fabric,
                       .director = sim_trial_director(trial),
                       .end_ns = calm_ns + SIM_FUZZ_SETTLE_NS,
                       .observer = &trial->observer};
    sim_run_result result = {0};
    cg_status status = sim_bare_run(&world, trial->allocator, &result, error);
    sim_trial_tally(trial, result.events);
    return status == CG_OK ? sim_trial_judge(trial, error) : status;
}

cg_status sim_fuzz_trial(const sim_fuzz_input *input, sim_fuzz_counts *counts,
                         uint64_t *fingerprint, cg_error *error) {
    cg_allocator heap = cg_allocator_heap();
    sim_trial *trial = cg_allocate(&heap, 1, sizeof *trial);
    if (!trial) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a run");
    }
    trial->input = input;
    trial->options = input->options;
    trial->allocator = heap;
    cg_status status = build(trial, error);
    if (status == CG_OK) {
        status = run(trial, error);
        *fingerprint = fingerprint_of(trial);
        sim_fuzz_counts_add(counts, &trial->counts);
    }
    tear_down(trial);
    cg_deallocate(&heap, trial, 1, sizeof *trial);
    return status;
}
