/* A cluster with the allocation service, under whatever luck a seed draws: 1 to 4 hosts with 1 to 3
 * memory spaces, few
 * permits and short queues, bursts of requests of all kinds, and a network that loses, doubles,
 * reorders and is cut until heal_ns. Whatever is wrong along the way fails the test; the run's
 * end is the caller's to judge.
 *
 * The corpus is of all tests of a program: service_set_up and service_tear_down.
 */
#ifndef CG_TESTS_SUPPORT_SERVICE_CLUSTER_H
#define CG_TESTS_SUPPORT_SERVICE_CLUSTER_H

#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/node/message.h"
#include "engine/node/node_internal.h"
#include "engine/replica/wire.h"
#include "sim/check/invariants.h"
#include "sim/cluster/bare.h"
#include "tests/support/corpus.h"
#include "tests/support/support.h"

enum {
    SERVICE_HOSTS_MAX = 4,
    SERVICE_SPACES_MAX = 3,
    SERVICE_REQUESTS_MAX = 120,
    SERVICE_BATCH_MAX = 12,
    SERVICE_KEYS_MAX = 12,
    SERVICE_BYTES_MAX = SERVICE_BATCH_MAX * (SUPPORT_TEXT_BYTES + 4)
};
#define SERVICE_MS UINT64_C(1000000)
static const uint64_t service_heal_ns = 300 * SERVICE_MS;
/* One wait for a try (100 ms at most), one of the replica (160 ms), and the catching up. */
static const uint64_t service_bound_ns = 600 * SERVICE_MS;
static const uint64_t service_check_ns = 25 * SERVICE_MS;

static cg_corpus service_corpus;
static sim_profile service_profile;

typedef struct service_request {
    uint32_t sent;
    uint32_t replies;
    uint32_t overloaded; /* of the replies */
    cg_status status;    /* of the last one but for CG_ERROR_EXISTS */
} service_request;

typedef struct service_cluster {
    uint64_t seed;
    cg_stream stream;
    cg_node_options options;
    uint32_t hosts;
    cg_node *nodes[SERVICE_HOSTS_MAX];
    sim_host *machines[SERVICE_HOSTS_MAX];
    struct service_door {
        struct service_cluster *cluster;
        sim_machine inner;
        uint32_t host;
    } doors[SERVICE_HOSTS_MAX];
    sim_fabric *fabric;
    sim_check_request requests[SERVICE_REQUESTS_MAX];
    service_request seen[SERVICE_REQUESTS_MAX];
    uint32_t request_count;
    uint32_t deliveries;
    uint32_t replies;
    uint32_t by_status[CG_STATUS_COUNT];
    uint32_t cached;
    uint32_t shed_elsewhere; /* by the primary, not by the host that the request came to */
    uint64_t next_check_ns;
    sim_run_result result;
} service_cluster;

static inline uint64_t service_below(service_cluster *self, uint64_t n) {
    return cg_stream_next_below(&self->stream, n);
}

/* A probability that is 0 in half of the runs. */
static inline double service_chance(service_cluster *self, double most) {
    return service_below(self, 2) ? cg_stream_next_unit(&self->stream) * most : 0.0;
}

/* The index of the request with this id. */
static inline uint32_t service_index(const service_cluster *self, uint64_t request_id) {
    uint32_t index = (uint32_t)(request_id & 0xff);
    if (index >= self->request_count || self->requests[index].request_id != request_id) {
        fail_msg("seed %llu: a reply to request %llu, which was never made",
                 (unsigned long long)self->seed, (unsigned long long)request_id);
    }
    return index;
}

/* --- what every reply and every step must be ------------------------------------------------
 */

static inline bool service_may_be(cg_request_kind kind, cg_status status) {
    switch (status) {
    case CG_OK:
    case CG_ERROR_OVERLOADED:
    case CG_ERROR_EXISTS:
        return true;
    case CG_ERROR_TIMEOUT:
        return kind != CG_REQUEST_RECALL && kind != CG_REQUEST_SPREAD;
    case CG_ERROR_PARTIAL:
        return kind == CG_REQUEST_BATCH || kind == CG_REQUEST_RECALL ||
               kind == CG_REQUEST_SPREAD;
    case CG_ERROR_FULL:
        return kind == CG_REQUEST_BATCH || kind == CG_REQUEST_ALLOCATE;
    case CG_ERROR_NOT_FOUND:
        return cg_request_has_target(kind);
    case CG_ERROR_CONFLICT:
        return kind == CG_REQUEST_DEALLOCATE;
    default:
        return false;
    }
}

/* When the client hears of it, its records are where the acknowledgement mode says. */
static inline void service_assert_safe(const service_cluster *self,
                                       const sim_check_request *request) {
    uint64_t home =
        request->kind == CG_REQUEST_DEALLOCATE ? request->target : request->request_id;
    uint32_t partition =
        cg_node_partition_number(home & CG_NODE_REQUEST_ID_MAX, request->space, self->hosts);
    uint32_t primary = cg_node_primary_of(partition, self->hosts);
    bool all = self->options.replicas && self->options.acknowledge == CG_ACKNOWLEDGE_ALL;
    uint32_t records = request->kind == CG_REQUEST_BATCH      ? request->count
                       : cg_request_only_reads(request->kind) ? 0
                                                              : 1;
    for (uint32_t i = 0; i < records << all; i++) {
        uint32_t host = (primary + i % 2 * (uint32_t)all) % self->hosts;
        uint64_t id = request->request_id | (uint64_t)(i >> all) << 48;
        uint64_t sequence = 0;
        if (!cg_node_has_request(self->nodes[host], partition, id, &sequence)) {
            fail_msg("seed %llu: request %llu is answered before host %u has record %u of it",
                     (unsigned long long)self->seed, (unsigned long long)request->request_id,
                     host, i >> all);
        }
    }
}

static inline void service_note(service_cluster *self, uint32_t index, const cg_reply *reply) {
    sim_check_request *request = &self->requests[index];
    service_request *seen = &self->seen[index];
    self->by_status[reply->status]++;
    seen->replies++;
    seen->overloaded += reply->status == CG_ERROR_OVERLOADED;
    request->shed = seen->overloaded == seen->sent;
    if (reply->status != CG_ERROR_EXISTS) {
        seen->status = reply->status;
    }
    if (reply->status != CG_OK && reply->status != CG_ERROR_PARTIAL) {
        return;
    }
    self->cached += reply->cached;
    /* However often it is answered, it is the same answer. */
    assert_true(!request->acknowledged || cg_request_only_reads(request->kind) ||
                (request->fact_id == reply->fact_id && request->slot == reply->slot &&
                 request->count == reply->count));
    request->acknowledged = true;
    request->fact_id = reply->fact_id;
    request->slot = reply->slot;
    request->host = reply->host;
    request->count = reply->count;
    service_assert_safe(self, request);
}

static inline cg_status service_on_reply(void *context, uint32_t host, uint64_t now_ns,
                                         const cg_reply *reply, const sim_ledger *ledger,
                                         cg_error *error) {
    (void)error;
    service_cluster *self = context;
    uint32_t index = service_index(self, reply->request_id);
    const sim_check_request *request = &self->requests[index];
    const service_request *seen = &self->seen[index];
    self->replies++;
    assert_int_equal(now_ns - ledger->start_ns, sim_ledger_total_ns(ledger));
    if (!service_may_be(request->kind, reply->status) || reply->request != request->kind ||
        seen->replies >= seen->sent || (reply->status == CG_ERROR_EXISTS && seen->sent < 2)) {
        fail_msg(
            "seed %llu: %s request %llu, sent %u times, got its answer %u: %s to a request "
            "of kind %u",
            (unsigned long long)self->seed, cg_request_kind_name(request->kind),
            (unsigned long long)reply->request_id, seen->sent, seen->replies + 1,
            cg_status_name(reply->status), reply->request);
    }
    self->shed_elsewhere += reply->status == CG_ERROR_OVERLOADED && reply->host != host;
    service_note(self, index, reply);
    return CG_OK;
}

/* Whoever is turned away is told in the step of his request, of the message that brought it
 * here, or of the other host's answer: never later. */
static inline void service_assert_prompt(const service_cluster *self, const cg_event *event,
                                         const cg_outputs *outputs) {
    bool asks = event->kind == CG_EVENT_REQUEST;
    bool brings = event->kind == CG_EVENT_MESSAGE;
    for (size_t i = 0; i < outputs->count; i++) {
        const cg_output *output = &outputs->items[i];
        const uint8_t *bytes = outputs->bytes + output->offset;
        cg_reply reply = {0};
        if (output->kind == CG_OUTPUT_REPLY) {
            reply = output->reply;
        } else if (output->kind == CG_OUTPUT_SEND && bytes[6] == CG_MESSAGE_ANSWER) {
            assert_int_equal(cg_message_answer_decode(bytes + CG_WIRE_HEADER_BYTES,
                                                      output->size_bytes - CG_WIRE_HEADER_BYTES,
                                                      &reply, NULL),
                             CG_OK);
        }
        if (reply.status == CG_ERROR_OVERLOADED && !(asks && reply.request_id == event->id) &&
            !(brings && event->bytes[6] < CG_MESSAGE_PROTOCOLS)) {
            fail_msg("seed %llu: %s request %llu is shed by a %s",
                     (unsigned long long)self->seed,
                     cg_request_kind_name((cg_request_kind)reply.request),
                     (unsigned long long)reply.request_id, cg_event_kind_name(event->kind));
        }
    }
}

static inline cg_status service_step(void *context, const cg_event *event, cg_outputs *outputs,
                                     cg_error *error) {
    const struct service_door *door = context;
    const service_cluster *self = door->cluster;
    cg_status status = door->inner.step(door->inner.context, event, outputs, error);
    if (status == CG_OK) {
        service_assert_prompt(self, event, outputs);
        cg_admission_statistics load = cg_node_statistics_of(self->nodes[door->host]).admission;
        assert_true(self->options.service.adapts || load.running <= load.permits);
        assert_true(load.waiting <= self->options.service.queue_max);
        assert_true(load.waiting == 0 || load.running == load.permits ||
                    self->options.service.adapts);
    }
    return status;
}

/* --- the director ---------------------------------------------------------------------------
 */

static inline cg_status service_check(const service_cluster *self, bool settled,
                                      uint64_t *violations, cg_error *error) {
    sim_check_cluster checked = {.nodes = self->nodes,
                                 .hosts = self->hosts,
                                 .replicas = self->options.replicas,
                                 .settled = settled,
                                 .spaces = self->options.spaces};
    return sim_check_invariants(&checked, self->requests, self->request_count, violations,
                                error);
}

static inline uint64_t service_next_ns(void *context) {
    return ((const service_cluster *)context)->next_check_ns;
}

static inline cg_status service_check_now(void *context, uint64_t now_ns, cg_error *error) {
    service_cluster *self = context;
    uint64_t violations = 0;
    self->next_check_ns = now_ns + service_check_ns;
    return service_check(self, false, &violations, error);
}

static inline bool service_is_finished(void *context) {
    const service_cluster *self = context;
    bool done = self->replies >= self->deliveries;
    for (uint32_t host = 0; done && host < self->hosts; host++) {
        done = cg_node_idle(self->nodes[host]);
    }
    return done;
}

/* --- building a run -------------------------------------------------------------------------
 */

static inline void service_draw_options(service_cluster *self) {
    cg_node_options *options = &self->options;
    *options = cg_node_options_default();
    options->hosts = self->hosts;
    options->replicas = self->hosts > 1 && service_below(self, 4) > 0 ? 1 : 0;
    options->acknowledge = service_below(self, 2) ? CG_ACKNOWLEDGE_ALL : CG_ACKNOWLEDGE_PRIMARY;
    options->tries = service_below(self, 5) == 0 ? 2 : 5000;
    options->timeout_ns = SERVICE_MS + service_below(self, 20 * SERVICE_MS);
    options->retry_ns = service_below(self, 5 * SERVICE_MS);
    options->tiers[0].capacity = 4 + service_below(self, 20);
    options->tiers[1].capacity = 40 + service_below(self, 400);
    if (service_below(self, 4) == 0) { /* a block a type: facts are refused */
        options->pools.quota_bytes = CG_POOL_USUAL_BYTES;
        options->pools.shared_quota_bytes = 0;
    }
    cg_stream spaces = cg_stream_init(self->seed, "service.spaces", 0);
    options->spaces = 1 + (uint32_t)cg_stream_next_below(&spaces, SERVICE_SPACES_MAX);
    options->pools.quota_bytes *= options->spaces;
    cg_service_options *service = &options->service;
    service->permits = 1 + (uint32_t)service_below(self, 4);
    service->queue_max = (uint32_t)service_below(self, 9);
    service->wait_max_ns =
        service_below(self, 3) == 0 ? 1 + service_below(self, SERVICE_MS) : 0;
    service->conflict_tries = 1 + (uint32_t)service_below(self, 5);
    service->conflict_ns = 1 + service_below(self, 50000);
    service->cache_entries = 16;
    service->cache_ttl_ns = 1 + service_below(self, 400 * SERVICE_MS);
    service->writes_max = (uint32_t)service_below(self, 3);
    service->batching = service_below(self, 4) > 0;
    service->batch = service_below(self, 2) ? 1u << service_below(self, 3) : 0;
    service->successors = 64;
    service->prefetch = (uint32_t)service_below(self, 3);
    service->forecasts = service_below(self, 2) > 0;
    service->budget_ns = service_below(self, 3) == 0 ? 1 + service_below(self, SERVICE_MS) : 0;
    service->interval_ns = service_below(self, 2) ? 5 * SERVICE_MS : 0;
    service->adapts = service->interval_ns > 0 && service_below(self, 2) > 0;
}

static inline void service_make_hosts(service_cluster *self) {
    sim_host_sink sink = {.reply = service_on_reply, .context = self};
    for (uint32_t host = 0; host < self->hosts; host++) {
        cg_error error = {0};
        self->options.host = host;
        self->options.service.cores = 1 + host % 2;
        assert_ok(cg_node_alloc(&self->options, &service_corpus, cg_allocator_heap(),
                                &self->nodes[host], &error),
                  error);
        self->doors[host] = (struct service_door){self, sim_host_node(self->nodes[host]), host};
        sim_machine machine = {.step = service_step, .context = &self->doors[host]};
        sim_host_options options = {.host = host, .hosts = self->hosts, .cores = 1 + host % 2};
        assert_ok(sim_host_alloc(&options, &machine, &service_profile, &sink,
                                 cg_allocator_heap(), &self->machines[host], &error),
                  error);
    }
}

static inline void service_change(service_cluster *self, sim_fabric_change made) {
    cg_error error = {0};
    assert_ok(sim_fabric_change_at(self->fabric, &made, &error), error);
}

/* Partitions of random hosts, one way or both; at last the network is whole. */
static inline void service_make_fabric(service_cluster *self) {
    sim_fabric_options options = {.hosts = self->hosts,
                                  .seed = self->seed,
                                  .latency_ns = 1 + service_below(self, 5 * SERVICE_MS),
                                  .jitter_ns = service_below(self, 8 * SERVICE_MS),
                                  .loss = service_chance(self, 0.4),
                                  .duplicate = service_chance(self, 0.4),
                                  .reorder = service_chance(self, 0.4)};
    cg_error error = {0};
    assert_ok(sim_fabric_alloc(&options, cg_allocator_heap(), &self->fabric, &error), error);
    uint64_t at_ns = service_below(self, 100 * SERVICE_MS);
    for (uint64_t windows = service_below(self, 3); windows > 0; windows--) {
        uint32_t cut = (uint32_t)service_below(self, self->hosts);
        service_change(self, (sim_fabric_change){.at_ns = at_ns,
                                                 .kind = SIM_FABRIC_PARTITION,
                                                 .hosts = &cut,
                                                 .host_count = 1,
                                                 .one_way = service_below(self, 3) == 0});
        at_ns += 1 + service_below(self, 80 * SERVICE_MS);
        if (service_below(self, 2)) {
            service_change(self, (sim_fabric_change){.at_ns = at_ns, .kind = SIM_FABRIC_HEAL});
        }
    }
    static const sim_fabric_change_kind calm[] = {SIM_FABRIC_HEAL, SIM_FABRIC_LOSS,
                                                  SIM_FABRIC_DUPLICATE, SIM_FABRIC_REORDER};
    for (size_t i = 0; i < sizeof calm / sizeof *calm; i++) {
        service_change(self, (sim_fabric_change){.at_ns = service_heal_ns, .kind = calm[i]});
    }
}

/* Half of the texts come again and again, so that decisions are remembered. */
static inline uint32_t service_text(service_cluster *self, char text[SUPPORT_TEXT_BYTES]) {
    if (service_below(self, 2)) {
        cg_stream stream = cg_stream_init(service_below(self, 8), "service.text", 0);
        return support_fact_text(&stream, text);
    }
    return support_fact_text(&self->stream, text);
}

static inline size_t service_fill(service_cluster *self, sim_delivery *delivery,
                                  uint8_t bytes[SERVICE_BYTES_MAX]) {
    cg_writer writer = cg_writer_init(bytes, SERVICE_BYTES_MAX);
    size_t used = 0;
    char text[SUPPORT_TEXT_BYTES];
    if (delivery->request == CG_REQUEST_ALLOCATE) {
        used = service_text(self, (char *)bytes);
    } else if (delivery->request == CG_REQUEST_BATCH) {
        for (uint64_t facts = 1 + service_below(self, SERVICE_BATCH_MAX); facts > 0; facts--) {
            uint32_t text_bytes = service_text(self, text);
            cg_write_u32(&writer, text_bytes);
            cg_write_bytes(&writer, text, text_bytes);
            used += sizeof(uint32_t) + text_bytes;
        }
    } else if (delivery->request == CG_REQUEST_RECALL ||
               delivery->request == CG_REQUEST_SPREAD) {
        bool spreads = delivery->request == CG_REQUEST_SPREAD;
        delivery->hops = (uint32_t)service_below(self, 3) + spreads;
        for (uint64_t keys = 1 + service_below(self, SERVICE_KEYS_MAX); keys > 0; keys--) {
            cg_write_u64(&writer, service_below(self, SUPPORT_CONCEPTS));
            used += sizeof(uint64_t);
        }
    }
    return used;
}

/* Mostly what an earlier request stored, or one fact of it; sometimes what nobody stored. */
static inline uint64_t service_target(service_cluster *self, uint32_t i) {
    const sim_check_request *earlier = &self->requests[service_below(self, i + 1)];
    uint64_t place =
        earlier->kind == CG_REQUEST_BATCH ? service_below(self, SERVICE_BATCH_MAX) : 0;
    return earlier->request_id | place << 48;
}

static inline void service_make_requests(service_cluster *self) {
    static const cg_request_kind kinds[] = {
        CG_REQUEST_ALLOCATE, CG_REQUEST_ALLOCATE,   CG_REQUEST_ALLOCATE,   CG_REQUEST_BATCH,
        CG_REQUEST_BATCH,    CG_REQUEST_DEALLOCATE, CG_REQUEST_DEALLOCATE, CG_REQUEST_RECALL,
        CG_REQUEST_RECALL,   CG_REQUEST_SPREAD,     CG_REQUEST_SPREAD,     CG_REQUEST_GET};
    self->request_count = 1 + (uint32_t)service_below(self, SERVICE_REQUESTS_MAX);
    uint64_t bursts = 1 + service_below(self, 12);
    uint64_t width_ns = 1 + service_below(self, 2 * SERVICE_MS);
    for (uint32_t i = 0; i < self->request_count; i++) {
        uint8_t bytes[SERVICE_BYTES_MAX];
        sim_check_request *request = &self->requests[i];
        request->request_id = self->seed << 8 | i;
        request->kind = kinds[service_below(self, sizeof kinds / sizeof *kinds)];
        cg_stream spaces = cg_stream_init(self->seed, "service.space", i);
        request->space = (uint32_t)cg_stream_next_below(&spaces, self->options.spaces);
        uint64_t burst = i * bursts / self->request_count;
        sim_delivery delivery = {.kind = CG_EVENT_REQUEST,
                                 .id = request->request_id,
                                 .request = request->kind,
                                 .space = request->space,
                                 .client = (uint32_t)service_below(self, 4),
                                 .priority = (uint8_t)service_below(self, CG_PRIORITY_COUNT),
                                 .bytes = bytes};
        delivery.size_bytes = service_fill(self, &delivery, bytes);
        request->target = service_target(self, i);
        delivery.target = request->target;
        self->seen[i].sent = 1 + (service_below(self, 10) == 0);
        for (uint32_t sent = 0; sent < self->seen[i].sent; sent++) {
            cg_error error = {0};
            delivery.due_ns = burst * service_heal_ns / bursts + service_below(self, width_ns);
            delivery.sequence = self->deliveries++;
            uint32_t host = (uint32_t)service_below(self, self->hosts);
            assert_ok(sim_host_deliver(self->machines[host], &delivery, &error), error);
        }
    }
}

static inline service_cluster *service_run(uint64_t seed) {
    service_cluster *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->seed = seed;
    self->stream = cg_stream_init(seed, "service.cluster", 0);
    self->hosts = 1 + (uint32_t)service_below(self, SERVICE_HOSTS_MAX);
    service_draw_options(self);
    service_make_hosts(self);
    service_make_fabric(self);
    service_make_requests(self);
    self->next_check_ns = service_check_ns;
    sim_world world = {
        .hosts = self->machines,
        .host_count = self->hosts,
        .fabric = self->fabric,
        .director = {service_next_ns, service_check_now, service_is_finished, self},
        .end_ns = service_heal_ns + service_bound_ns};
    cg_error error = {0};
    if (sim_bare_run(&world, cg_allocator_heap(), &self->result, &error) != CG_OK) {
        fail_msg("seed %llu: %s", (unsigned long long)seed, error.message);
    }
    return self;
}

static inline void service_free(service_cluster *self) {
    for (uint32_t host = 0; host < self->hosts; host++) {
        sim_host_free(self->machines[host]);
        cg_node_free(self->nodes[host]);
    }
    sim_fabric_free(self->fabric);
    free(self);
}

static inline int service_set_up(void **state) {
    (void)state;
    cg_runner serial = cg_runner_serial();
    cg_allocator heap = cg_allocator_heap();
    cg_error error = {0};
    sim_profile reference;
    if (sim_profile_read("scenarios/profiles/reference.tsv", &reference, &error) != CG_OK ||
        support_corpus_build(CG_INDEX_HNSW, &serial, heap, &service_corpus, &error) != CG_OK ||
        support_corpus_school(&service_corpus, SUPPORT_LESSONS, heap, &error) != CG_OK) {
        print_error("%s\n", error.message);
        return 1;
    }
    /* A fast store: tiers are so small here that decisions read from it again and again. */
    service_profile = sim_profile_with_kind(&reference, CG_WORK_TIER_STORE, 1000, 0);
    return 0;
}

static inline int service_tear_down(void **state) {
    (void)state;
    cg_corpus_deinit(&service_corpus);
    return 0;
}

#endif
