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
#include "sim/point/facts.h"
#include "sim/point/live.h"
#include "sim/point/measure.h"
#include "sim/point/report.h"
#include "sim/point/requests.h"
#include "sim/point/warm_tiers.h"
#include "sim/scenario/host_fault_text.h"
#include "sim/workload/workload.h"

enum { HOOK_ACTIONS_MAX = 64 };

/* What a host's machine knows. */
typedef struct place {
    struct point *point;
    uint32_t host;
} place;

typedef struct point {
    const sim_point_input *input;
    const sim_options *options;
    cg_corpus corpus;  /* the ground's, with what this point's engine has learned */
    cg_shards *shards; /* of its index; or NULL */
    sim_facts facts;
    sim_workload workload;
    sim_requests requests;
    sim_warm_tiers warm;
    cg_cache_future *future; /* of the keys that will be recalled; or NULL */
    sim_measure measure;
    cg_node **nodes; /* of a host that is down: the one that died */
    sim_host **hosts;
    place *places;
    sim_fabric *fabric;
    uint64_t next_sample_ns;
    uint64_t seen_ns; /* the latest time that anything was stepped at */
    cg_allocator allocator;
} point;

/* --- options to parts ----------------------------------------------------- */

static uint32_t replicas_of(const sim_options *options) {
    return sim_engine_replicas(options);
}

/* --- callbacks ------------------------------------------------------------ */

static cg_status on_reply(void *context, uint32_t host, uint64_t now_ns, const cg_reply *reply,
                          const sim_ledger *ledger, cg_error *error) {
    (void)host;
    point *self = context;
    return sim_measure_reply(&self->measure, now_ns, reply, ledger, error);
}

static cg_status on_alert(void *context, uint32_t host, uint64_t now_ns, cg_severity severity,
                          const char *text, cg_error *error) {
    point *self = context;
    return sim_measure_alert(&self->measure, now_ns, host, severity, text, error);
}

static uint64_t backlog_records(const point *self) {
    uint64_t backlog = 0;
    for (uint32_t host = 0;
         replicas_of(self->options) > 0 && host < self->options->cluster.hosts; ++host) {
        backlog += sim_host_is_up(self->hosts[host]) ? cg_node_backlog(self->nodes[host]) : 0;
    }
    return backlog;
}

static uint64_t director_next(void *context) {
    const point *self = context;
    uint64_t hooks_ns = self->input->hooks ? sim_hooks_next_ns(self->input->hooks) : UINT64_MAX;
    return hooks_ns < self->next_sample_ns ? hooks_ns : self->next_sample_ns;
}

static cg_status take_sample(point *self, uint64_t now_ns, cg_error *error) {
    uint64_t offered = sim_measure_offered(&self->measure, now_ns);
    cg_node_statistics node = cg_node_statistics_of(self->nodes[0]);
    sim_sample sample = {.time_ns = now_ns,
                         .open_requests = offered - self->measure.replied_count,
                         .backlog_records = backlog_records(self),
                         .prefetch = node.prefetch,
                         .l1_capacity = node.tiers.capacity[0],
                         .permits = node.admission.permits};
    memcpy(sample.batch, node.batch_size, sizeof sample.batch);
    self->next_sample_ns += self->options->series_ns;
    return sim_measure_sample(&self->measure, &sample, error);
}

static cg_status apply_fault(point *self, const sim_fault *fault, uint64_t at_ns,
                             cg_error *error) {
    return sim_host_fault_is(fault->action)
               ? sim_fault_apply_to_hosts(fault, at_ns, self->hosts, error)
               : sim_fault_apply(fault, at_ns, self->fabric, error);
}

static cg_status run_hooks(point *self, uint64_t now_ns, cg_error *error) {
    sim_live_metric live[SIM_LIVE_METRICS];
    sim_hook_action actions[HOOK_ACTIONS_MAX];
    uint32_t count = 0;
    sim_live_metrics(&self->measure, self->fabric, backlog_records(self), now_ns, live);
    cg_status status = sim_hooks_run(self->input->hooks, now_ns, live, SIM_LIVE_METRICS,
                                     actions, HOOK_ACTIONS_MAX, &count, error);
    for (uint32_t i = 0; status == CG_OK && i < count; ++i) {
        if (actions[i].is_note) {
            status = sim_measure_mark(&self->measure, now_ns, "note", actions[i].note, error);
            continue;
        }
        char text[256];
        sim_fault_describe(&actions[i].fault, text, sizeof text);
        status = apply_fault(self, &actions[i].fault, now_ns + 1, error);
        if (status == CG_OK) {
            status = sim_measure_mark(&self->measure, now_ns + 1,
                                      sim_fault_name(actions[i].fault.action), text, error);
        }
    }
    return status;
}

static cg_status director_act(void *context, uint64_t now_ns, cg_error *error) {
    point *self = context;
    cg_status status = CG_OK;
    if (self->next_sample_ns <= now_ns) {
        status = take_sample(self, now_ns, error);
    }
    if (status == CG_OK && self->input->hooks &&
        sim_hooks_next_ns(self->input->hooks) <= now_ns) {
        status = run_hooks(self, now_ns, error);
    }
    return status;
}

static bool all_idle(const point *self) {
    for (uint32_t host = 0; host < self->options->cluster.hosts; ++host) {
        if (sim_host_is_up(self->hosts[host]) && !cg_node_idle(self->nodes[host])) {
            return false;
        }
    }
    return true;
}

static bool all_up(const point *self) {
    for (uint32_t host = 0; host < self->options->cluster.hosts; ++host) {
        if (!sim_host_is_up(self->hosts[host])) {
            return false;
        }
    }
    return true;
}

/* Whether each partition has one primary: while none is known, or two are, there is more to come. */
static bool all_led(const point *self) {
    const sim_options *options = self->options;
    uint32_t partitions = options->cluster.hosts * options->engine.spaces;
    for (uint32_t partition = 0; partition < partitions; ++partition) {
        uint32_t primaries = 0;
        for (uint32_t n = 0; n <= replicas_of(options); ++n) {
            uint32_t hosts = options->cluster.hosts;
            uint32_t host = cg_node_keeper_of(partition, hosts, n);
            uint64_t epoch = 0;
            primaries += sim_host_is_up(self->hosts[host]) &&
                         cg_node_is_primary(self->nodes[host], partition, &epoch);
        }
        if (primaries != 1) {
            return false;
        }
    }
    return true;
}

/* Whether all hosts that are up have the same edges. */
static bool all_merged(const point *self) {
    const sim_options *options = self->options;
    for (uint32_t space = 0; space < options->engine.spaces; ++space) {
        cg_edges_state known = {0};
        for (uint32_t host = 0; host < options->cluster.hosts; ++host) {
            if (!sim_host_is_up(self->hosts[host])) {
                continue;
            }
            cg_edges_state state = cg_node_edges(self->nodes[host], space);
            if (known.present && known.state_hash != state.state_hash) {
                return false;
            }
            known = state;
        }
    }
    return true;
}

/* All requests are answered, and replicas are level; where hosts take over from one another, nobody
 * knows whether one that is silent will come back, so they are waited for so long. */
static bool director_finished(void *context) {
    static const uint64_t patience_ns = UINT64_C(60000000000);
    point *self = context;
    if (self->measure.replied_count != self->measure.request_count) {
        return false;
    }
    const sim_options *options = self->options;
    if (!options->engine.failover || !sim_ground_corpus(self->input->ground)) {
        return all_idle(self);
    }
    bool merged = !(options->load.edges > 0.0) || all_merged(self);
    if (merged && self->measure.merged_ns == 0) {
        self->measure.merged_ns = self->seen_ns;
    }
    return (merged && all_idle(self) && all_led(self)) ||
           self->seen_ns > self->measure.last_reply_ns + patience_ns;
}

/* --- building the world --------------------------------------------------- */

/* Hosts of rows, of spreads across hosts: the graph's parts, where these are as many; otherwise NULL, and
 * the hash of the row decides. */
static const uint32_t *owners_of(const point *self) {
    const sim_options *options = self->options;
    const sim_parts *parts = sim_ground_parts(self->input->ground);
    bool is_divided = options->engine.spread.across != SIM_ACROSS_NONE && parts &&
                      options->graph.parts == options->cluster.hosts;
    return is_divided ? parts->of_row : NULL;
}

/* Tiers are warm in the first life alone: memory is gone with it. */
static cg_status make_node(point *self, uint32_t host, uint64_t life, cg_node **out,
                           cg_error *error) {
    cg_node_options node = sim_engine_node(self->options, host);
    node.life = life;
    node.tiers[0].future = self->future;
    const cg_corpus *corpus = sim_ground_corpus(self->input->ground) ? &self->corpus : NULL;
    node.graph = corpus ? NULL : sim_ground_graph(self->input->ground);
    node.spread.owners = owners_of(self);
    node.gather.shards = self->shards;
    cg_status status = life == 0 ? sim_warm_tiers_give(&self->warm, host, &node, error) : CG_OK;
    return status == CG_OK ? cg_node_alloc(&node, corpus, self->allocator, out, error) : status;
}

static cg_status step_node(void *context, const cg_event *event, cg_outputs *outputs,
                           cg_error *error) {
    const place *own = context;
    own->point->seen_ns = event->now_ns;
    return cg_node_step(own->point->nodes[own->host], event, outputs, error);
}

static cg_status restart_node(void *context, uint64_t life, cg_error *error) {
    const place *own = context;
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

static cg_status build_host(point *self, const sim_profile *profile, uint32_t host,
                            cg_error *error) {
    cg_status status = make_node(self, host, 0, &self->nodes[host], error);
    if (status != CG_OK) {
        return status;
    }
    bool hurt = sim_fault_hurts_hosts(self->options);
    sim_host_options options = {.host = host,
                                .hosts = self->options->cluster.hosts,
                                .cores = self->options->cluster.cores,
                                .seed = self->options->seed,
                                .keeps_journal = hurt || self->input->hooks,
                                .starts = hurt || self->options->engine.failover};
    self->places[host] = (place){self, host};
    sim_machine machine = {step_node, restart_node, &self->places[host]};
    sim_host_sink sink = {.reply = on_reply,
                          .alert = on_alert,
                          .context = self,
                          .observer = self->input->observer};
    return sim_host_alloc(&options, &machine, profile, &sink, self->allocator,
                          &self->hosts[host], error);
}

static cg_status build_cluster(point *self, cg_error *error) {
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
    cg_status status = CG_OK;
    for (uint32_t host = 0; status == CG_OK && host < cluster->hosts; ++host) {
        status = build_host(self, &profile, host, error);
    }
    sim_delay law;
    sim_fabric_options fabric = sim_fault_fabric(self->options, &law);
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
static uint32_t arrives_at(const point *self, uint32_t i) {
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

static cg_status deliver_load(point *self, cg_error *error) {
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

static cg_status mark_faults(point *self, cg_error *error) {
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

static uint64_t keys_of(const point *self) {
    const cg_graph *graph = sim_ground_graph(self->input->ground);
    return graph ? cg_graph_concept_count(graph) : self->options->graph.nodes;
}

static sim_workload_input load_input(const point *self) {
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

static cg_status plan_load(point *self, cg_error *error) {
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

static cg_status build(point *self, cg_error *error) {
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

static void tear_down(point *self) {
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
    sim_measure_deinit(&self->measure);
    sim_requests_deinit(&self->requests);
    sim_warm_tiers_deinit(&self->warm);
    cg_cache_future_free(self->future);
    sim_workload_deinit(&self->workload);
    sim_facts_deinit(&self->facts);
}

/* --- running it ----------------------------------------------------------- */

static cg_status check_invariants(point *self, uint64_t *violations, cg_error *error) {
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
                                 .replicas = replicas_of(self->options),
                                 .settled = all_up(self) && all_idle(self) && all_led(self) &&
                                            all_merged(self),
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
static uint64_t fingerprint_of(const point *self, const sim_run_result *result) {
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

static cg_status run(point *self, sim_rows *rows, uint64_t *fingerprint, cg_error *error) {
    sim_world world = {
        .hosts = self->hosts,
        .host_count = self->options->cluster.hosts,
        .fabric = self->fabric,
        .director = {director_next, director_act, director_finished, self},
        .end_ns = self->options->end_ns,
        .bandwidth_bits_per_s = self->options->cluster.network.bandwidth_bits_per_s,
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
static void tell_marks(const point *self) {
    const sim_observer *observer = self->input->observer;
    for (size_t i = 0; observer && observer->marked && i < self->measure.mark_count; ++i) {
        const sim_mark *mark = &self->measure.marks[i];
        observer->marked(observer->context, mark->time_ns, mark->kind, mark->text);
    }
}

cg_status sim_point_run(const sim_point_input *input, sim_rows *rows, uint64_t *fingerprint,
                        cg_error *error) {
    double started_s = wall_seconds();
    point self = {.input = input, .options = input->options, .allocator = cg_allocator_heap()};
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
