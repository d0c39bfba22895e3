#include "sim/point/point.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "engine/base/hash.h"
#include "sim/check/invariants.h"
#include "sim/cluster/bare.h"
#include "sim/cluster/cluster.h"
#include "sim/fault/host_schedule.h"
#include "sim/fault/schedule.h"
#include "sim/point/divided.h"
#include "sim/point/engine_options.h"
#include "sim/point/point_internal.h"
#include "sim/point/report.h"
#include "sim/point/topology_options.h"

/* --- what hosts tell -------------------------------------------------------- */

static cg_status on_reply(void *context, uint32_t host, uint64_t now_ns, const cg_reply *reply,
                          const sim_ledger *ledger, cg_error *error) {
    (void)host;
    sim_point *self = context;
    return sim_measure_reply(&self->measure, now_ns, reply, ledger, error);
}

static cg_status on_alert(void *context, uint32_t host, uint64_t now_ns, cg_severity severity,
                          const char *text, cg_error *error) {
    sim_point *self = context;
    return sim_measure_alert(&self->measure, now_ns, host, severity, text, error);
}

/* --- building the world --------------------------------------------------- */

/* Hosts of rows, of spreads across hosts: the graph's parts, where these are as many; otherwise NULL, and
 * the hash of the row decides. */
static const uint32_t *owners_of(const sim_point *self) {
    const sim_options *options = self->options;
    const sim_parts *parts = sim_ground_parts(self->input->ground);
    bool is_divided = options->engine.spread.across != SIM_ACROSS_NONE && parts &&
                      options->graph.parts == options->cluster.hosts;
    return is_divided ? parts->of_row : NULL;
}

/* Tiers are warm in the first life alone: memory is gone with it. */
static cg_status make_node(sim_point *self, uint32_t host, uint64_t life, cg_node **out,
                           cg_error *error) {
    cg_node_options node = sim_engine_node(self->options, host);
    node.life = life;
    node.tiers[0].future = self->future;
    const cg_corpus *corpus = sim_ground_corpus(self->input->ground) ? &self->corpus : NULL;
    node.graph = corpus ? NULL : sim_ground_graph(self->input->ground);
    node.spread.owners = owners_of(self);
    node.gather.shards = self->shards;
    node.service.cores = sim_topology_cores(&self->topology, host, node.service.cores);
    cg_status status = life == 0 ? sim_warm_tiers_give(&self->warm, host, &node, error) : CG_OK;
    return status == CG_OK ? cg_node_alloc(&node, corpus, self->allocator, out, error) : status;
}

static cg_status step_node(void *context, const cg_event *event, cg_outputs *outputs,
                           cg_error *error) {
    const sim_point_place *own = context;
    own->point->seen_ns = event->now_ns;
    return cg_node_step(own->point->nodes[own->host], event, outputs, error);
}

static cg_status restart_node(void *context, uint64_t life, cg_error *error) {
    const sim_point_place *own = context;
    cg_node *node = NULL;
    if (own->point->future) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a host cannot restart with engine.tiers.policy.l1 belady, which "
                            "knows the reads of one life only");
    }
    cg_status status = make_node(own->point, own->host, life, &node, error);
    if (status == CG_OK) {
        cg_node_free(own->point->nodes[own->host]);
        own->point->nodes[own->host] = node;
    }
    return status;
}

static cg_status build_host(sim_point *self, const sim_profile *profile, uint32_t host,
                            cg_error *error) {
    cg_status status = make_node(self, host, 0, &self->nodes[host], error);
    if (status != CG_OK) {
        return status;
    }
    bool hurt = sim_fault_hurts_hosts(self->options);
    sim_host_options options = {
        .host = host,
        .hosts = self->options->cluster.hosts,
        .cores = sim_topology_cores(&self->topology, host, self->options->cluster.cores),
        .pace = sim_topology_pace(&self->topology, host),
        .memory_bytes_per_s = self->options->cluster.bus_bytes_per_s,
        .seed = self->options->seed,
        .keeps_journal = hurt || self->input->hooks,
        .starts = hurt || self->options->engine.failover};
    self->places[host] = (sim_point_place){self, host};
    sim_machine machine = {step_node, restart_node, &self->places[host]};
    sim_host_sink sink = {.reply = on_reply,
                          .alert = on_alert,
                          .context = self,
                          .observer = self->input->observer};
    return sim_host_alloc(&options, &machine, profile, &sink, self->allocator,
                          &self->hosts[host], error);
}

static cg_status build_cluster(sim_point *self, cg_error *error) {
    const sim_cluster_options *cluster = &self->options->cluster;
    sim_profile profile = sim_profile_with_disk(self->input->profile, cluster->disk_access_ns,
                                                cluster->disk_bandwidth_bytes_per_s);
    for (uint32_t level = 0; level < SIM_TIERS_MAX; ++level) {
        const sim_tier_options *tier = &self->options->engine.tiers[level];
        profile = sim_profile_with_kind(&profile, (cg_work_kind)(CG_WORK_TIER_L1 + level),
                                        tier->access_ns, tier->bandwidth_bytes_per_s);
    }
    self->nodes = cg_allocate(&self->allocator, cluster->hosts, sizeof(cg_node *));
    self->hosts = cg_allocate(&self->allocator, cluster->hosts, sizeof(sim_host *));
    self->places = cg_allocate(&self->allocator, cluster->hosts, sizeof *self->places);
    if (!self->nodes || !self->hosts || !self->places) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u hosts", cluster->hosts);
    }
    cg_status status =
        sim_topology_of_options(self->options, self->allocator, &self->topology, error);
    for (uint32_t host = 0; status == CG_OK && host < cluster->hosts; ++host) {
        status = build_host(self, &profile, host, error);
    }
    sim_delay law;
    sim_fabric_options fabric = sim_fault_fabric(self->options, &law);
    fabric.topology = &self->topology;
    if (status == CG_OK) {
        status = sim_fabric_alloc(&fabric, self->allocator, &self->fabric, error);
    }
    if (status == CG_OK) {
        status = sim_fault_schedule(self->options, self->fabric, error);
    }
    return status == CG_OK ? sim_fault_schedule_hosts(self->options, self->hosts, error)
                           : status;
}

/* Where the i-th request arrives. */
static uint32_t arrives_at(const sim_point *self, uint32_t i) {
    const sim_request_plan *plan = &self->workload.requests[i];
    const sim_options *options = self->options;
    if (options->load.route == SIM_ROUTE_ANY || plan->kind != SIM_REQUEST_SPREAD ||
        options->load.ask != SIM_ASK_ROWS || options->engine.spread.across == SIM_ACROSS_NONE) {
        return plan->host;
    }
    uint32_t row = (uint32_t)self->workload.keys[plan->first_key];
    const uint32_t *owners = owners_of(self);
    return owners ? owners[row] : cg_node_partition_of(row, options->cluster.hosts);
}

static cg_status deliver_load(sim_point *self, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < self->workload.count; ++i) {
        sim_delivery delivery;
        status = sim_requests_delivery(&self->requests, i, &delivery, error);
        if (status == CG_OK) {
            status = sim_host_deliver(self->hosts[arrives_at(self, i)], &delivery, error);
        }
    }
    return status;
}

static cg_status mark_faults(sim_point *self, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < self->options->fault_count; ++i) {
        const sim_fault *fault = &self->options->faults[i];
        char text[256];
        sim_fault_describe(fault, text, sizeof text);
        status = sim_measure_mark(&self->measure, fault->at_ns, sim_fault_name(fault->action),
                                  text, error);
    }
    return status;
}

static uint64_t keys_of(const sim_point *self) {
    const cg_graph *graph = sim_ground_graph(self->input->ground);
    return graph ? cg_graph_concept_count(graph) : self->options->graph.nodes;
}

static sim_workload_input load_input(const sim_point *self) {
    const sim_options *options = self->options;
    return (sim_workload_input){
        .load = &options->load,
        .phases = options->phases,
        .phase_count = options->phase_count,
        .facts = self->facts.count,
        .keys = keys_of(self),
        .hosts = options->cluster.hosts,
        .spaces = options->engine.spaces,
        .seed = options->seed,
    };
}

static cg_status plan_load(sim_point *self, cg_error *error) {
    const sim_options *options = self->options;
    cg_status status =
        sim_facts_init(&self->facts, self->input->ground, options, self->allocator, error);
    if (status == CG_OK) {
        const cg_graph *graph = sim_ground_graph(self->input->ground);
        sim_edge_load edges = {.seed = options->seed,
                               .pool = options->load.edge_pool,
                               .rows = graph ? cg_graph_concept_count(graph) : 2};
        sim_requests_init(&self->requests, &self->facts, &self->workload, options->load.ask,
                          edges, self->allocator);
        sim_workload_input input = load_input(self);
        status = sim_workload_plan(&input, self->allocator, &self->workload, error);
    }
    if (status == CG_OK && options->load.order == SIM_ORDER_RELATED) {
        status = sim_facts_relate(&self->facts, &self->workload, options->seed, error);
    }
    if (status == CG_OK) {
        sim_workload_input input = load_input(self);
        cg_node_options node = sim_engine_node(options, 0);
        status = sim_warm_tiers_init(&self->warm, &node, &input, options->engine.warm,
                                     self->allocator, error);
    }
    if (status == CG_OK && options->engine.tiers[0].policy == SIM_POLICY_BELADY) {
        status = cg_cache_future_alloc(self->workload.keys, self->workload.key_count,
                                       self->allocator, &self->future, error);
    }
    return status;
}

static cg_status build(sim_point *self, cg_error *error) {
    cg_status status = plan_load(self, error);
    if (status == CG_OK && sim_ground_corpus(self->input->ground)) {
        status = sim_ground_trained(self->input->ground, self->options, &self->corpus, error);
        if (status == CG_OK) {
            status = sim_divided_build(self->options, sim_ground_parts(self->input->ground),
                                       &self->corpus, self->allocator, &self->shards, error);
        }
    }
    if (status == CG_OK) {
        status = sim_measure_init(&self->measure, &self->facts, &self->workload, error);
    }
    if (status == CG_OK) {
        status = mark_faults(self, error);
    }
    if (status == CG_OK) {
        status = build_cluster(self, error);
    }
    return status == CG_OK ? deliver_load(self, error) : status;
}

static void tear_down(sim_point *self) {
    for (uint32_t host = 0; host < self->options->cluster.hosts; ++host) {
        if (self->hosts) {
            sim_host_free(self->hosts[host]);
        }
        if (self->nodes) {
            cg_node_free(self->nodes[host]);
        }
    }
    cg_deallocate(&self->allocator, self->hosts, self->options->cluster.hosts,
                  sizeof(sim_host *));
    cg_deallocate(&self->allocator, self->nodes, self->options->cluster.hosts,
                  sizeof(cg_node *));
    cg_deallocate(&self->allocator, self->places, self->options->cluster.hosts,
                  sizeof *self->places);
    cg_shards_free(self->shards);
    sim_fabric_free(self->fabric);
    sim_topology_deinit(&self->topology);
    sim_measure_deinit(&self->measure);
    sim_requests_deinit(&self->requests);
    sim_warm_tiers_deinit(&self->warm);
    cg_cache_future_free(self->future);
    sim_workload_deinit(&self->workload);
    sim_facts_deinit(&self->facts);
}

/* --- running it ----------------------------------------------------------- */

static cg_status check_invariants(sim_point *self, uint64_t *violations, cg_error *error) {
    uint32_t count = self->measure.request_count;
    sim_check_request *requests = cg_allocate(&self->allocator, count, sizeof *requests);
    if (count > 0 && !requests) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to check %u requests", count);
    }
    for (uint32_t i = 0; i < count; ++i) {
        const sim_request_record *record = &self->measure.requests[i];
        requests[i] = (sim_check_request){
            .request_id = (uint64_t)i + 1,
            .kind = (cg_request_kind)self->workload.requests[i].kind,
            .acknowledged = sim_request_acknowledged(record),
            .shed = record->replied && record->reply.status == CG_ERROR_OVERLOADED,
            .fact_id = record->reply.fact_id,
            .slot = record->reply.slot,
            .host = record->reply.host,
            .count = record->reply.count,
            .target = (uint64_t)self->workload.requests[i].target + 1,
            .space = self->workload.requests[i].space,
        };
    }
    sim_check_cluster cluster = {.nodes = self->nodes,
                                 .hosts = self->options->cluster.hosts,
                                 .replicas = sim_engine_replicas(self->options),
                                 .settled = sim_point_is_settled(self),
                                 .spaces = self->options->engine.spaces,
                                 .fails_over = self->options->engine.failover};
    bool *down = cg_allocate(&self->allocator, cluster.hosts, sizeof *down);
    if (!down) {
        cg_deallocate(&self->allocator, requests, count, sizeof *requests);
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to check %u hosts",
                            cluster.hosts);
    }
    cluster.down = down;
    for (uint32_t host = 0; host < cluster.hosts; ++host) {
        const sim_host_statistics *hurt = sim_host_statistics_of(self->hosts[host]);
        down[host] = !sim_host_is_up(self->hosts[host]);
        cluster.restarted |= hurt->restarts > 0;
        cluster.may_lose |= hurt->disk_losses + hurt->corrupted_bytes > 0;
    }
    cg_status status = sim_check_invariants(&cluster, requests, count, violations, error);
    cg_deallocate(&self->allocator, down, cluster.hosts, sizeof *down);
    cg_deallocate(&self->allocator, requests, count, sizeof *requests);
    return status;
}

/* The engine's own state belongs to the fingerprint, not only the events that led there. */
static uint64_t fingerprint_of(const sim_point *self, const sim_run_result *result) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, result->fingerprint);
    uint32_t hosts = self->options->cluster.hosts;
    for (uint32_t number = 0; number < hosts * self->options->engine.spaces; ++number) {
        const cg_node *primary = self->nodes[cg_node_primary_of(number, hosts)];
        cg_hasher_add_u64(&hasher, cg_node_partition(primary, number).hash);
    }
    const cg_graph *graph = sim_ground_graph(self->input->ground);
    if (graph && !sim_ground_corpus(self->input->ground)) {
        cg_hasher_add_u64(&hasher, cg_graph_hash(graph)); /* in no partition */
    }
    return cg_hasher_value(&hasher);
}

static double wall_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report_wall(sim_rows *rows, double started_s) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    sim_rows_wall(rows, "wall.time", "total", wall_seconds() - started_s, "s");
    sim_rows_wall(rows, "wall.memory", "max", (double)usage.ru_maxrss * 1024.0, "B");
}

static cg_status run(sim_point *self, sim_rows *rows, uint64_t *fingerprint, cg_error *error) {
    sim_world world = {
        .hosts = self->hosts,
        .host_count = self->options->cluster.hosts,
        .fabric = self->fabric,
        .director = sim_point_director(self),
        .end_ns = self->options->end_ns,
        .bandwidth_bits_per_s = self->options->cluster.network.bandwidth_bits_per_s,
        .topology = &self->topology,
        .observer = self->input->observer,
    };
    sim_report_input report = {
        .options = self->options,
        .measure = &self->measure,
        .requests = &self->requests,
        .nodes = self->nodes,
        .hosts = self->hosts,
        .fabric = self->fabric,
        .shards = self->shards,
    };
    cg_status status = self->input->loop == SIM_LOOP_BARE
                           ? sim_bare_run(&world, self->allocator, &report.result, error)
                           : sim_cluster_run(&world, self->allocator, &report.result, error);
    if (status == CG_OK) {
        sim_measure_end(&self->measure, report.result.ended_ns);
        status = check_invariants(self, &report.violations, error);
    }
    if (status == CG_OK) {
        status = sim_report(&report, rows, error);
    }
    if (status == CG_OK) {
        *fingerprint = fingerprint_of(self, &report.result);
    }
    return status;
}

/* Faults and notes, late: those that the end of the run came before are forgotten by now. */
static void tell_marks(const sim_point *self) {
    const sim_observer *observer = self->input->observer;
    for (size_t i = 0; observer && observer->marked && i < self->measure.mark_count; ++i) {
        const sim_mark *mark = &self->measure.marks[i];
        observer->marked(observer->context, mark->time_ns, mark->kind, mark->text);
    }
}

cg_status sim_point_run(const sim_point_input *input, sim_rows *rows, uint64_t *fingerprint,
                        cg_error *error) {
    double started_s = wall_seconds();
    sim_point self = {
        .input = input, .options = input->options, .allocator = cg_allocator_heap()};
    cg_status status = build(&self, error);
    if (status == CG_OK) {
        status = run(&self, rows, fingerprint, error);
    }
    if (status == CG_OK) {
        report_wall(rows, started_s);
    }
    tell_marks(&self);
    tear_down(&self);
    return status;
}
