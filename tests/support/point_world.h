/* A point's cluster with every answer kept: what sim_point_run builds from the same options, seen
 * from within. That it is the same run is for the caller to assert, by point_world_fingerprint.
 */
#ifndef CG_TESTS_SUPPORT_POINT_WORLD_H
#define CG_TESTS_SUPPORT_POINT_WORLD_H

#include "engine/base/hash.h"
#include "engine/node/node_internal.h"
#include "sim/check/invariants.h"
#include "sim/cluster/bare.h"
#include "sim/cluster/cluster.h"
#include "sim/point/engine_options.h"
#include "sim/point/requests.h"
#include "tests/support/points.h"

typedef struct point_answer {
    uint32_t replies;
    uint64_t at_ns; /* of the last one */
    cg_reply reply;
} point_answer;

typedef struct point_world {
    const sim_options *options;
    const sim_ground *ground;
    cg_corpus corpus;
    sim_facts facts;
    sim_workload workload;
    sim_requests requests;
    cg_node **nodes;       /* [hosts] */
    sim_host **hosts;      /* [hosts] */
    point_answer *answers; /* [workload.count] */
    uint32_t answered;     /* requests with an answer */
    uint64_t infos;        /* alerts of severity CG_INFO */
    sim_fabric *fabric;
    sim_run_result result;
} point_world;

static inline cg_status point_world_reply(void *context, uint32_t host, uint64_t now_ns,
                                          const cg_reply *reply, const sim_ledger *ledger,
                                          cg_error *error) {
    (void)host;
    (void)ledger;
    (void)error;
    point_world *self = context;
    assert_in_range(reply->request_id, 1, self->workload.count);
    point_answer *answer = &self->answers[reply->request_id - 1];
    self->answered += answer->replies == 0;
    answer->replies++;
    answer->at_ns = now_ns;
    answer->reply = *reply;
    return CG_OK;
}

static inline cg_status point_world_alert(void *context, uint32_t host, uint64_t now_ns,
                                          cg_severity severity, const char *text,
                                          cg_error *error) {
    (void)host;
    (void)now_ns;
    (void)text;
    (void)error;
    point_world *self = context;
    self->infos += severity == CG_INFO;
    return CG_OK;
}

static inline bool point_world_idle(const point_world *self) {
    bool idle = true;
    for (uint32_t host = 0; idle && host < self->options->cluster.hosts; host++) {
        idle = cg_node_idle(self->nodes[host]);
    }
    return idle;
}

static inline bool point_world_finished(void *context) {
    const point_world *self = context;
    return self->answered == self->workload.count && point_world_idle(self);
}

static inline void point_world_plan(point_world *self) {
    const sim_options *options = self->options;
    const cg_graph *graph = sim_ground_graph(self->ground);
    cg_error error = {0};
    assert_ok(sim_facts_init(&self->facts, self->ground, options, cg_allocator_heap(), &error),
              error);
    sim_requests_init(&self->requests, &self->facts, &self->workload, options->load.ask,
                      (sim_edge_load){0}, cg_allocator_heap());
    sim_workload_input input = {.load = &options->load,
                                .phases = options->phases,
                                .phase_count = options->phase_count,
                                .facts = self->facts.count,
                                .keys = cg_graph_concept_count(graph),
                                .hosts = options->cluster.hosts,
                                .spaces = options->engine.spaces,
                                .seed = options->seed};
    assert_ok(sim_workload_plan(&input, cg_allocator_heap(), &self->workload, &error), error);
    self->answers = calloc(self->workload.count, sizeof *self->answers);
    assert_non_null(self->answers);
}

static inline void point_world_hosts(point_world *self) {
    const sim_options *options = self->options;
    sim_profile profile;
    cg_error error = {0};
    assert_ok(sim_profile_read("scenarios/profiles/reference.tsv", &profile, &error), error);
    for (uint32_t level = 0; level < SIM_TIERS_MAX; level++) {
        const sim_tier_options *tier = &options->engine.tiers[level];
        profile = sim_profile_with_kind(&profile, (cg_work_kind)(CG_WORK_TIER_L1 + level),
                                        tier->access_ns, tier->bandwidth_bytes_per_s);
    }
    self->nodes = calloc(options->cluster.hosts, sizeof(cg_node *));
    self->hosts = calloc(options->cluster.hosts, sizeof(sim_host *));
    assert_true(self->nodes && self->hosts);
    const cg_corpus *corpus = sim_ground_corpus(self->ground) ? &self->corpus : NULL;
    sim_host_sink sink = {
        .reply = point_world_reply, .alert = point_world_alert, .context = self};
    for (uint32_t host = 0; host < options->cluster.hosts; host++) {
        cg_node_options node = sim_engine_node(options, host);
        node.graph = corpus ? NULL : sim_ground_graph(self->ground);
        assert_ok(cg_node_alloc(&node, corpus, cg_allocator_heap(), &self->nodes[host], &error),
                  error);
        sim_host_options how = {
            .host = host, .hosts = options->cluster.hosts, .cores = options->cluster.cores};
        sim_machine machine = sim_host_node(self->nodes[host]);
        assert_ok(sim_host_alloc(&how, &machine, &profile, &sink, cg_allocator_heap(),
                                 &self->hosts[host], &error),
                  error);
    }
    const sim_network_options *network = &options->cluster.network;
    sim_fabric_options fabric = {.hosts = options->cluster.hosts,
                                 .seed = options->seed,
                                 .latency_ns = network->latency_ns,
                                 .jitter_ns = network->jitter_ns,
                                 .loss = network->loss,
                                 .duplicate = network->duplicate,
                                 .reorder = network->reorder};
    assert_ok(sim_fabric_alloc(&fabric, cg_allocator_heap(), &self->fabric, &error), error);
}

/* Runs until all is answered and at rest; without engine.warm, faults and hooks. graph: in place
 * of the corpus', of the same concepts and borrowed as long as the world; NULL: the corpus'. */
static inline point_world *point_world_run_in(const sim_options *options,
                                              const sim_ground *ground, cg_graph *graph,
                                              sim_loop loop) {
    point_world *self = calloc(1, sizeof *self);
    cg_error error = {0};
    assert_non_null(self);
    self->options = options;
    self->ground = ground;
    if (sim_ground_corpus(ground)) {
        assert_ok(sim_ground_trained(ground, options, &self->corpus, &error), error);
        self->corpus.graph = graph ? graph : self->corpus.graph;
    }
    point_world_plan(self);
    point_world_hosts(self);
    for (uint32_t i = 0; i < self->workload.count; i++) {
        sim_delivery delivery;
        assert_ok(sim_requests_delivery(&self->requests, i, &delivery, &error), error);
        assert_ok(
            sim_host_deliver(self->hosts[self->workload.requests[i].host], &delivery, &error),
            error);
    }
    sim_world world = {.hosts = self->hosts,
                       .host_count = options->cluster.hosts,
                       .fabric = self->fabric,
                       .director = {.finished = point_world_finished, .context = self},
                       .end_ns = options->end_ns,
                       .bandwidth_bits_per_s = options->cluster.network.bandwidth_bits_per_s};
    assert_ok(loop == SIM_LOOP_BARE
                  ? sim_bare_run(&world, cg_allocator_heap(), &self->result, &error)
                  : sim_cluster_run(&world, cg_allocator_heap(), &self->result, &error),
              error);
    return self;
}

static inline point_world *point_world_run(const sim_options *options, const sim_ground *ground,
                                           sim_loop loop) {
    return point_world_run_in(options, ground, NULL, loop);
}

static inline void point_world_free(point_world *self) {
    for (uint32_t host = 0; host < self->options->cluster.hosts; host++) {
        sim_host_free(self->hosts[host]);
        cg_node_free(self->nodes[host]);
    }
    sim_fabric_free(self->fabric);
    sim_requests_deinit(&self->requests);
    sim_workload_deinit(&self->workload);
    sim_facts_deinit(&self->facts);
    free(self->nodes);
    free(self->hosts);
    free(self->answers);
    free(self);
}

/* What sim_point_run says of the same run. */
static inline uint64_t point_world_fingerprint(const point_world *self) {
    const uint32_t hosts = self->options->cluster.hosts;
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, self->result.fingerprint);
    for (uint32_t number = 0; number < hosts * self->options->engine.spaces; number++) {
        const cg_node *primary = self->nodes[cg_node_primary_of(number, hosts)];
        cg_hasher_add_u64(&hasher, cg_node_partition(primary, number).hash);
    }
    if (!sim_ground_corpus(self->ground)) {
        cg_hasher_add_u64(&hasher, cg_graph_hash(sim_ground_graph(self->ground)));
    }
    return cg_hasher_value(&hasher);
}

static inline bool point_world_is_spread(const point_world *self, uint32_t i) {
    return self->workload.requests[i].kind == SIM_REQUEST_SPREAD;
}

static inline bool point_world_is_acknowledged(const point_world *self, uint32_t i) {
    const point_answer *answer = &self->answers[i];
    return answer->replies > 0 &&
           (answer->reply.status == CG_OK || answer->reply.status == CG_ERROR_PARTIAL);
}

/* --- what must hold of every run ----------------------------------------------------------- */

/* Each request once, and not with a failure. */
static inline void point_world_assert_answered(const point_world *self) {
    assert_int_equal(self->result.outcome, SIM_OUTCOME_FINISHED);
    for (uint32_t i = 0; i < self->workload.count; i++) {
        const point_answer *answer = &self->answers[i];
        assert_int_equal(answer->replies, 1);
        assert_int_equal(answer->reply.request, self->workload.requests[i].kind);
        switch (answer->reply.status) {
        case CG_OK:
        case CG_ERROR_PARTIAL:
        case CG_ERROR_OVERLOADED:
            break;
        case CG_ERROR_NOT_FOUND: /* what it was to remove was shed, or not stored yet */
        case CG_ERROR_CONFLICT:
            assert_int_equal(self->workload.requests[i].kind, SIM_REQUEST_DEALLOCATE);
            break;
        default:
            fail_msg("request %u: %s", i + 1, cg_status_name(answer->reply.status));
        }
    }
}

/* All is at rest, and no invariant is violated. */
static inline void point_world_assert_sound(const point_world *self) {
    const uint32_t count = self->workload.count;
    sim_check_request *requests = calloc(count, sizeof *requests);
    assert_non_null(requests);
    for (uint32_t i = 0; i < count; i++) {
        const cg_reply *reply = &self->answers[i].reply;
        const sim_request_plan *plan = &self->workload.requests[i];
        requests[i] = (sim_check_request){.request_id = (uint64_t)i + 1,
                                          .kind = (cg_request_kind)plan->kind,
                                          .acknowledged = point_world_is_acknowledged(self, i),
                                          .shed = reply->status == CG_ERROR_OVERLOADED,
                                          .fact_id = reply->fact_id,
                                          .slot = reply->slot,
                                          .host = reply->host,
                                          .count = reply->count,
                                          .target = (uint64_t)plan->target + 1,
                                          .space = plan->space};
    }
    sim_check_cluster cluster = {.nodes = self->nodes,
                                 .hosts = self->options->cluster.hosts,
                                 .replicas = sim_engine_replicas(self->options),
                                 .settled = point_world_idle(self),
                                 .spaces = self->options->engine.spaces};
    uint64_t violations = 0;
    cg_error error = {0};
    assert_true(cluster.settled);
    assert_ok(sim_check_invariants(&cluster, requests, count, &violations, &error), error);
    assert_int_equal(violations, 0);
    free(requests);
}

/* Two hosts have a partition, and the same of it. */
static inline void point_world_assert_copies(const point_world *self) {
    const uint32_t hosts = self->options->cluster.hosts;
    for (uint32_t number = 0; number < hosts * self->options->engine.spaces; number++) {
        uint32_t primary = cg_node_primary_of(number, hosts);
        cg_partition_state own = cg_node_partition(self->nodes[primary], number);
        cg_partition_state copy = cg_node_partition(self->nodes[(primary + 1) % hosts], number);
        assert_true(own.present && own.primary && copy.present && !copy.primary);
        assert_int_equal(copy.last_sequence, own.last_sequence);
        assert_int_equal(copy.durable_sequence, own.durable_sequence);
        assert_int_equal(own.acknowledged_sequence, own.last_sequence);
        assert_true(copy.hash == own.hash);
    }
}

/* --- what a spread should find --------------------------------------------------------------- */

/* Planned spread i, from rows, run alone over a graph with all concepts in the first tier; what
 * its answer's digest is by definition comes back. */
static inline uint64_t point_world_oracle(const point_world *self, uint32_t i,
                                          const cg_graph *graph, cg_spread_scratch *scratch,
                                          cg_spread_result *result) {
    const sim_request_plan *plan = &self->workload.requests[i];
    const sim_spread_options *how = &self->options->engine.spread;
    cg_spread_seed *seeds = calloc(plan->key_count, sizeof *seeds);
    assert_non_null(seeds);
    for (uint32_t key = 0; key < plan->key_count; key++) {
        seeds[key].row = (uint32_t)self->workload.keys[plan->first_key + key];
        seeds[key].activation = 1.0;
    }
    cg_spread_query query = cg_spread_query_default();
    query.seeds = seeds;
    query.seed_count = plan->key_count;
    query.max_hops = plan->hops;
    query.lambda = how->decay;
    query.threshold = how->threshold[0];
    query.fan_out = how->fan_out;
    query.hits_max = how->hits;
    cg_work work = {0};
    cg_error error = {0};
    assert_ok(cg_spread_run(graph, &query, scratch, result, &work, &error), error);
    free(seeds);
    cg_hasher hasher = cg_hasher_init();
    for (uint32_t hit = 0; hit < result->hit_count; hit++) {
        const cg_spread_hit *at = &result->hits[hit];
        double confidence = at->confidence * 4294967295.0;
        uint32_t q32 = at->confidence < 1.0 ? (uint32_t)confidence : UINT32_MAX;
        cg_hasher_add_u64(&hasher, at->activation);
        cg_hasher_add_u64(&hasher, (uint64_t)at->row << 32 | at->predecessor);
        cg_hasher_add_u64(&hasher, (uint64_t)at->hop << 32 | q32);
    }
    return cg_hasher_value(&hasher);
}

#endif
