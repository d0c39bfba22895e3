#include "sim/point/point.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "engine/base/hash.h"
#include "sim/check/invariants.h"
#include "sim/cluster/bare.h"
#include "sim/cluster/cluster.h"
#include "sim/fault/schedule.h"
#include "sim/point/engine_options.h"
#include "sim/point/facts.h"
#include "sim/point/live.h"
#include "sim/point/measure.h"
#include "sim/point/report.h"
#include "sim/point/requests.h"
#include "sim/point/warm_tiers.h"
#include "sim/workload/workload.h"

enum { HOOK_ACTIONS_MAX = 64 };

typedef struct point {
    const sim_point_input *input;
    const sim_options *options;
    cg_corpus corpus; /* the ground's, with what this point's engine has learned */
    sim_facts facts;
    sim_workload workload;
    sim_requests requests;
    sim_warm_tiers warm;
    cg_cache_future *future; /* of the keys that will be recalled; or NULL */
    sim_measure measure;
    cg_node **nodes;
    sim_host **hosts;
    sim_fabric *fabric;
    uint64_t next_sample_ns;
    cg_allocator allocator;
} point;

/* --- options to parts ----------------------------------------------------- */

static uint32_t replicas_of(const sim_options *options) {
    return sim_engine_replicas(options);
}

static sim_fabric_options fabric_options(const sim_options *options) {
    const sim_network_options *network = &options->cluster.network;
    return (sim_fabric_options){
        .hosts = options->cluster.hosts,
        .seed = options->seed,
        .latency_ns = network->latency_ns,
        .jitter_ns = network->jitter_ns,
        .loss = network->loss,
        .duplicate = network->duplicate,
        .reorder = network->reorder,
    };
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
        backlog += cg_node_backlog(self->nodes[host]);
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
        status = sim_fault_apply(&actions[i].fault, now_ns + 1, self->fabric, error);
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
        if (!cg_node_idle(self->nodes[host])) {
            return false;
        }
    }
    return true;
}

static bool director_finished(void *context) {
    const point *self = context;
    return self->measure.replied_count == self->measure.request_count && all_idle(self);
}

/* --- building the world --------------------------------------------------- */

static cg_status build_host(point *self, const sim_profile *profile, uint32_t host,
                            cg_error *error) {
    cg_node_options node = sim_engine_node(self->options, host);
    node.tiers[0].future = self->future;
    const cg_corpus *corpus = sim_ground_corpus(self->input->ground) ? &self->corpus : NULL;
    node.graph = corpus ? NULL : sim_ground_graph(self->input->ground);
    cg_status status = sim_warm_tiers_give(&self->warm, host, &node, error);
    if (status == CG_OK) {
        status = cg_node_alloc(&node, corpus, self->allocator, &self->nodes[host], error);
    }
    if (status != CG_OK) {
        return status;
    }
    sim_host_options options = {host, self->options->cluster.hosts,
                                self->options->cluster.cores};
    sim_machine machine = sim_host_node(self->nodes[host]);
    sim_host_sink sink = {.reply = on_reply, .alert = on_alert, .context = self};
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
    if (!self->nodes || !self->hosts) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u hosts", cluster->hosts);
    }
    cg_status status = CG_OK;
    for (uint32_t host = 0; status == CG_OK && host < cluster->hosts; ++host) {
        status = build_host(self, &profile, host, error);
    }
    sim_fabric_options fabric = fabric_options(self->options);
    if (status == CG_OK) {
        status = sim_fabric_alloc(&fabric, self->allocator, &self->fabric, error);
    }
    return status == CG_OK ? sim_fault_schedule(self->options, self->fabric, error) : status;
}

static cg_status deliver_load(point *self, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < self->workload.count; ++i) {
        sim_delivery delivery;
        status = sim_requests_delivery(&self->requests, i, &delivery, error);
        if (status == CG_OK) {
            status = sim_host_deliver(self->hosts[self->workload.requests[i].host], &delivery,
                                      error);
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
        sim_requests_init(&self->requests, &self->facts, &self->workload, options->load.ask,
                          self->allocator);
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
    sim_check_cluster cluster = {self->nodes, self->options->cluster.hosts,
                                 replicas_of(self->options), all_idle(self),
                                 self->options->engine.spaces};
    cg_status status = sim_check_invariants(&cluster, requests, count, violations, error);
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
    };
    sim_report_input report = {
        .options = self->options,
        .measure = &self->measure,
        .nodes = self->nodes,
        .hosts = self->hosts,
        .fabric = self->fabric,
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
    tear_down(&self);
    return status;
}
