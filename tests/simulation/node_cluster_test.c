/* Goal: clusters of nodes keep their promises under any luck of the network. Each run is a
 * seed: 1 to 5 hosts, loss, duplication, reordering and partitions while requests come in (some
 * of them twice, at different hosts, and some with a label to learn from); safety is checked throughout, and after healing every
 * request is answered within a bound and every replica equals its primary and knows as much. The checker itself
 * is shown clusters that are broken, and must say so.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/node/message.h"
#include "engine/node/node_internal.h"
#include "sim/check/invariants.h"
#include "sim/cluster/bare.h"
#include "tests/support/corpus.h"
#include "tests/support/support.h"

enum {
    HOSTS_MAX = 5,
    REQUESTS_MAX = 60,
    DELIVERIES_MAX = 2 * REQUESTS_MAX,
    RUNS = 240,
    CHANGES_AT_HEALING = 4
};
#define MS UINT64_C(1000000)
static const uint64_t heal_ns = 400 * MS;
/* One wait for a try (100 ms at most), one of the replica (160 ms), and the catching up. */
static const uint64_t bound_ns = 600 * MS;
static const uint64_t check_every_ns = 50 * MS;

static cg_corpus corpus;
static sim_profile profile;

typedef struct cluster {
    uint64_t seed;
    cg_stream stream;
    cg_node_options options;
    uint32_t hosts;
    cg_node *nodes[HOSTS_MAX];
    sim_host *machines[HOSTS_MAX];
    sim_fabric *fabric;
    sim_check_request requests[REQUESTS_MAX];
    uint64_t sent_ns[REQUESTS_MAX];
    uint32_t request_count;
    uint32_t deliveries; /* requests sent, with those sent twice */
    uint32_t replies;
    uint32_t timeouts;
    bool labelled[REQUESTS_MAX];
    uint64_t next_check_ns;
    uint64_t lost_appends; /* planted: messages of records that vanish at the receiver */
    bool plant_deaf;
    sim_machine inner[HOSTS_MAX];
    sim_run_result result;
} cluster;

static uint64_t below(cluster *self, uint64_t n) {
    return cg_stream_next_below(&self->stream, n);
}

/* A probability that is 0 in half of the runs. */
static double chance(cluster *self, double most) {
    return below(self, 2) ? cg_stream_next_unit(&self->stream) * most : 0.0;
}

/* When the client hears of it, the fact is where the acknowledgement mode says. */
static void assert_safe(const cluster *self, uint64_t request_id) {
    uint32_t partition = cg_node_partition_of(request_id, self->hosts);
    bool all = self->options.replicas && self->options.acknowledge == CG_ACKNOWLEDGE_ALL;
    for (uint32_t copy = 0; copy <= (uint32_t)all; copy++) {
        uint32_t host = (partition + copy) % self->hosts;
        uint64_t sequence = 0;
        if (!cg_node_has_request(self->nodes[host], partition, request_id, &sequence)) {
            fail_msg("seed %llu: request %llu is answered before host %u has it",
                     (unsigned long long)self->seed, (unsigned long long)request_id, host);
        }
    }
}

static cg_status on_reply(void *context, uint32_t host, uint64_t now_ns, const cg_reply *reply,
                          const sim_ledger *ledger, cg_error *error) {
    (void)host;
    (void)error;
    cluster *self = context;
    self->replies++;
    assert_int_equal(now_ns - ledger->start_ns, sim_ledger_total_ns(ledger));
    for (uint32_t i = 0; i < self->request_count; i++) {
        sim_check_request *request = &self->requests[i];
        if (request->request_id != reply->request_id) {
            continue;
        }
        self->timeouts += reply->status == CG_ERROR_TIMEOUT;
        if (reply->status == CG_OK) {
            assert_safe(self, request->request_id);
            /* However often it is answered, it is the same answer. */
            assert_true(!request->acknowledged || request->fact_id == reply->fact_id);
            request->acknowledged = true;
            request->fact_id = reply->fact_id;
            request->slot = reply->slot;
            request->host = reply->host;
        } else if (reply->status != CG_ERROR_TIMEOUT && reply->status != CG_ERROR_EXISTS) {
            fail_msg("seed %llu: request %llu got %s", (unsigned long long)self->seed,
                     (unsigned long long)reply->request_id, cg_status_name(reply->status));
        }
        return CG_OK;
    }
    fail_msg("seed %llu: a reply to request %llu, which was never made",
             (unsigned long long)self->seed, (unsigned long long)reply->request_id);
    return CG_OK;
}

/* --- the director: checks safety as the run goes, and knows the end -------------------------
 */

static cg_status check(const cluster *self, bool settled, uint64_t *violations,
                       cg_error *error) {
    sim_check_cluster checked = {.nodes = self->nodes,
                                 .hosts = self->hosts,
                                 .replicas = self->options.replicas,
                                 .settled = settled,
                                 .spaces = 1};
    return sim_check_invariants(&checked, self->requests, self->request_count, violations,
                                error);
}

static uint64_t next_check_ns(void *context) {
    return ((const cluster *)context)->next_check_ns;
}

static cg_status check_now(void *context, uint64_t now_ns, cg_error *error) {
    cluster *self = context;
    uint64_t violations = 0;
    self->next_check_ns = now_ns + check_every_ns;
    return check(self, false, &violations, error);
}

static bool is_finished(void *context) {
    const cluster *self = context;
    if (self->replies < self->deliveries) {
        return false;
    }
    for (uint32_t host = 0; host < self->hosts; host++) {
        if (!cg_node_idle(self->nodes[host])) {
            return false;
        }
    }
    return true;
}

/* --- building a run -------------------------------------------------------------------------
 */

/* Planted: the last host never hears of records. */
static cg_status deaf_step(void *context, const cg_event *event, cg_outputs *outputs,
                           cg_error *error) {
    cluster *self = context;
    const sim_machine *inner = &self->inner[self->hosts - 1];
    if (event->kind == CG_EVENT_MESSAGE &&
        event->bytes[6] == CG_MESSAGE_PROTOCOLS + CG_GROUP_APPEND) {
        self->lost_appends++;
        cg_outputs_reset(outputs);
        return CG_OK;
    }
    return inner->step(inner->context, event, outputs, error);
}

static void make_hosts(cluster *self) {
    sim_host_sink sink = {.reply = on_reply, .context = self};
    for (uint32_t host = 0; host < self->hosts; host++) {
        cg_error error = {0};
        self->options.host = host;
        assert_ok(cg_node_alloc(&self->options, &corpus, cg_allocator_heap(),
                                &self->nodes[host], &error),
                  error);
        sim_host_options options = {.host = host, .hosts = self->hosts, .cores = 1 + host % 2};
        self->inner[host] = sim_host_node(self->nodes[host]);
        sim_machine machine = self->inner[host];
        if (self->plant_deaf && host == self->hosts - 1) {
            machine = (sim_machine){.step = deaf_step, .context = self};
        }
        assert_ok(sim_host_alloc(&options, &machine, &profile, &sink, cg_allocator_heap(),
                                 &self->machines[host], &error),
                  error);
    }
}

static void change(cluster *self, sim_fabric_change made) {
    cg_error error = {0};
    assert_ok(sim_fabric_change_at(self->fabric, &made, &error), error);
}

/* Partitions of random hosts, one way or both, and healings; at last the network is whole. */
static void make_fabric(cluster *self) {
    sim_fabric_options options = {.hosts = self->hosts,
                                  .seed = self->seed,
                                  .latency_ns = 1 + below(self, 5 * MS),
                                  .jitter_ns = below(self, 8 * MS),
                                  .loss = chance(self, 0.4),
                                  .duplicate = chance(self, 0.4),
                                  .reorder = chance(self, 0.4)};
    cg_error error = {0};
    assert_ok(sim_fabric_alloc(&options, cg_allocator_heap(), &self->fabric, &error), error);
    uint64_t at_ns = below(self, 100 * MS);
    for (uint64_t windows = below(self, 4); windows > 0; windows--) {
        uint32_t cut[HOSTS_MAX];
        uint32_t cut_count = 0;
        for (uint32_t host = 0; host < self->hosts; host++) {
            if (below(self, 2)) {
                cut[cut_count++] = host;
            }
        }
        if (cut_count > 0) {
            change(self, (sim_fabric_change){.at_ns = at_ns,
                                             .kind = SIM_FABRIC_PARTITION,
                                             .hosts = cut,
                                             .host_count = cut_count,
                                             .one_way = below(self, 3) == 0});
        }
        at_ns += 1 + below(self, 100 * MS);
        if (below(self, 2)) {
            change(self, (sim_fabric_change){.at_ns = at_ns, .kind = SIM_FABRIC_HEAL});
        }
    }
    static const sim_fabric_change_kind calm[CHANGES_AT_HEALING] = {
        SIM_FABRIC_HEAL, SIM_FABRIC_LOSS, SIM_FABRIC_DUPLICATE, SIM_FABRIC_REORDER};
    for (int i = 0; i < CHANGES_AT_HEALING; i++) {
        change(self, (sim_fabric_change){.at_ns = heal_ns, .kind = calm[i]});
    }
}

static void make_requests(cluster *self) {
    self->request_count = 1 + (uint32_t)below(self, REQUESTS_MAX);
    uint64_t until_ns = 1 + below(self, heal_ns);
    for (uint32_t i = 0; i < self->request_count; i++) {
        char text[SUPPORT_TEXT_BYTES];
        uint32_t row = (uint32_t)below(self, SUPPORT_CONCEPTS);
        uint32_t text_bytes = support_fact_about(&self->stream, row, text);
        bool labelled = below(self, 3) == 0;
        self->labelled[i] = labelled;
        self->requests[i].request_id = self->seed << 8 | i;
        uint64_t times = 1 + (below(self, 8) == 0);
        for (uint64_t sent = 0; sent < times; sent++) {
            sim_delivery delivery = {.kind = CG_EVENT_REQUEST,
                                     .due_ns = below(self, until_ns),
                                     .sequence = self->deliveries++,
                                     .id = self->requests[i].request_id,
                                     .flags = labelled ? CG_REQUEST_LABELLED : 0,
                                     .label = row,
                                     .bytes = (const uint8_t *)text,
                                     .size_bytes = text_bytes};
            cg_error error = {0};
            uint32_t host = (uint32_t)below(self, self->hosts);
            assert_ok(sim_host_deliver(self->machines[host], &delivery, &error), error);
        }
    }
}

static cluster *run_cluster(uint64_t seed, bool plant_deaf) {
    cluster *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->seed = seed;
    self->stream = cg_stream_init(seed, "node.cluster", 0);
    self->plant_deaf = plant_deaf;
    self->hosts = 1 + (uint32_t)below(self, HOSTS_MAX);
    self->hosts = plant_deaf && self->hosts < 2 ? 2 : self->hosts;
    self->options = cg_node_options_default();
    self->options.hosts = self->hosts;
    self->options.replicas = self->hosts > 1 && (plant_deaf || below(self, 4) > 0) ? 1 : 0;
    self->options.acknowledge =
        !plant_deaf && below(self, 2) ? CG_ACKNOWLEDGE_ALL : CG_ACKNOWLEDGE_PRIMARY;
    self->options.tries = below(self, 4) == 0 ? 2 : 50;
    self->options.tiers[0].capacity =
        20; /* so that it is evicted from; all else is in memory */
    make_hosts(self);
    make_fabric(self);
    make_requests(self);
    self->next_check_ns = check_every_ns;
    sim_world world = {.hosts = self->machines,
                       .host_count = self->hosts,
                       .fabric = self->fabric,
                       .director = {next_check_ns, check_now, is_finished, self},
                       .end_ns = heal_ns + bound_ns};
    cg_error error = {0};
    if (sim_bare_run(&world, cg_allocator_heap(), &self->result, &error) != CG_OK) {
        fail_msg("seed %llu: %s", (unsigned long long)seed, error.message);
    }
    return self;
}

static void free_cluster(cluster *self) {
    for (uint32_t host = 0; host < self->hosts; host++) {
        sim_host_free(self->machines[host]);
        cg_node_free(self->nodes[host]);
    }
    sim_fabric_free(self->fabric);
    free(self);
}

/* Each partition has learned once from every labelled fact that is in it, and from nothing else;
 * a replica knows the same without having learned by itself. Returns how many facts. */
static uint64_t assert_learned(const cluster *self) {
    uint64_t lessons[HOSTS_MAX] = {0};
    uint64_t all = 0;
    for (uint32_t i = 0; i < self->request_count; i++) {
        uint64_t id = self->requests[i].request_id;
        uint32_t partition = cg_node_partition_of(id, self->hosts);
        uint64_t sequence = 0;
        lessons[partition] +=
            self->labelled[i] &&
            cg_node_has_request(self->nodes[partition], partition, id, &sequence);
    }
    for (uint32_t host = 0; host < self->hosts; host++) {
        const cg_partition *own = &self->nodes[host]->spaces[0].holdings[0].partition;
        if (own->learned.lessons != corpus.learned.lessons + lessons[host]) {
            fail_msg("seed %llu: host %u learned from %llu facts of %llu",
                     (unsigned long long)self->seed, host,
                     (unsigned long long)(own->learned.lessons - corpus.learned.lessons),
                     (unsigned long long)lessons[host]);
        }
        bool changed = cg_learned_hash(&own->learned) != cg_learned_hash(&corpus.learned);
        assert_true(changed == (lessons[host] > 0));
        if (self->options.replicas) {
            const cg_partition *copy =
                &self->nodes[(host + 1) % self->hosts]->spaces[0].holdings[1].partition;
            assert_int_equal(copy->number, host);
            assert_true(cg_learned_hash(&copy->learned) == cg_learned_hash(&own->learned));
            assert_true(cg_lexicon_hash(copy->lexicon) == cg_lexicon_hash(own->lexicon));
        }
        all += lessons[host];
    }
    return all;
}

/* --- tests ----------------------------------------------------------------------------------
 */

static void test_promises_under_faults(void **state) {
    (void)state;
    uint64_t first = support_seed(1);
    uint64_t acknowledged = 0;
    uint64_t retries = 0;
    uint64_t duplicates = 0;
    uint64_t resent = 0;
    uint64_t gaps = 0;
    uint64_t timeouts = 0;
    uint64_t cut = 0;
    uint64_t learned = 0;
    for (uint64_t seed = first; seed < first + RUNS; seed++) {
        cluster *self = run_cluster(seed, false);
        cg_error error = {0};
        uint64_t violations = 0;
        if (self->result.outcome != SIM_OUTCOME_FINISHED) {
            fail_msg("seed %llu: %s with %u replies to %u requests", (unsigned long long)seed,
                     sim_outcome_name(self->result.outcome), self->replies, self->deliveries);
        }
        if (check(self, true, &violations, &error) != CG_OK) {
            fail_msg("seed %llu: %s", (unsigned long long)seed, error.message);
        }
        assert_int_equal(self->replies, self->deliveries);
        for (uint32_t i = 0; i < self->request_count; i++) {
            acknowledged += self->requests[i].acknowledged;
            if (!self->requests[i].acknowledged && self->options.tries > 2) {
                fail_msg("seed %llu: request %llu is not acknowledged",
                         (unsigned long long)seed,
                         (unsigned long long)self->requests[i].request_id);
            }
        }
        for (uint32_t host = 0; host < self->hosts; host++) {
            cg_node_statistics statistics = cg_node_statistics_of(self->nodes[host]);
            retries += statistics.retries;
            duplicates += statistics.duplicates;
            resent += statistics.groups.records_resent;
            gaps += statistics.groups.catch_ups;
            assert_int_equal(statistics.messages_refused, 0);
        }
        learned += assert_learned(self);
        timeouts += self->timeouts;
        cut += sim_fabric_statistics_of(self->fabric).cut;
        free_cluster(self);
    }
    print_message("%d runs: %llu facts acknowledged, %llu timeouts, %llu tries repeated, %llu "
                  "duplicates, %llu records resent, %llu catch-ups, %llu messages cut\n",
                  RUNS, (unsigned long long)acknowledged, (unsigned long long)timeouts,
                  (unsigned long long)retries, (unsigned long long)duplicates,
                  (unsigned long long)resent, (unsigned long long)gaps,
                  (unsigned long long)cut);
    /* The faults were really there. */
    assert_true(learned > 1000 && learned < acknowledged / 2);
    assert_true(acknowledged > 1000 && retries > 100 && duplicates > 100);
    assert_true(resent > 100 && gaps > 10 && timeouts > 10 && cut > 100);
}

static void test_runs_repeat(void **state) {
    (void)state;
    uint64_t first = support_seed(500);
    for (uint64_t seed = first; seed < first + 5; seed++) {
        cluster *one = run_cluster(seed, false);
        cluster *two = run_cluster(seed, false);
        assert_int_equal(one->result.fingerprint, two->result.fingerprint);
        assert_int_equal(one->result.ended_ns, two->result.ended_ns);
        for (uint32_t host = 0; host < one->hosts; host++) {
            assert_int_equal(cg_node_partition(one->nodes[host], host).hash,
                             cg_node_partition(two->nodes[host], host).hash);
        }
        free_cluster(one);
        free_cluster(two);
    }
}

/* A cluster that passes, of two hosts or more, with a replica and enough facts to break. */
static cluster *sound_cluster(uint64_t first) {
    for (uint64_t seed = first;; seed++) {
        cluster *self = run_cluster(seed, false);
        cg_error error = {0};
        uint64_t violations = 0;
        uint64_t fewest = UINT64_MAX;
        for (uint32_t host = 0; host < self->hosts; host++) {
            uint64_t last = cg_node_partition(self->nodes[host], host).last_sequence;
            fewest = last < fewest ? last : fewest;
        }
        if (self->options.replicas && fewest >= 2 && self->options.tries > 2) {
            assert_ok(check(self, true, &violations, &error), error);
            assert_int_equal(violations, 0);
            return self;
        }
        free_cluster(self);
    }
}

static void assert_found(const cluster *self, bool settled, const char *sentence) {
    cg_error error = {0};
    uint64_t violations = 0;
    assert_status(check(self, settled, &violations, &error), CG_ERROR_CORRUPT, error, sentence);
    assert_true(violations > 0);
}

/* Goal: each invariant, broken by hand, is missed by nobody. */
static void test_checker_finds_what_is_broken(void **state) {
    (void)state;
    cluster *self = sound_cluster(support_seed(1000));
    cg_error error = {0};
    uint32_t last = self->hosts - 1;

    /* A primary that lost all it had; its copy of the host before it is gone as well. */
    cg_node *kept = self->nodes[last];
    cg_node *empty = NULL;
    self->options.host = last;
    assert_ok(cg_node_alloc(&self->options, &corpus, cg_allocator_heap(), &empty, &error),
              error);
    self->nodes[last] = empty;
    assert_found(self, false, "has 0 durable records of 1 in partition");
    /* The same without a client that was promised anything. */
    sim_check_cluster checked = {.nodes = self->nodes,
                                 .hosts = self->hosts,
                                 .replicas = 1,
                                 .settled = true,
                                 .spaces = 1};
    uint64_t violations = 0;
    assert_status(sim_check_invariants(&checked, NULL, 0, &violations, &error),
                  CG_ERROR_CORRUPT, error, "has stopped at another log");
    checked.settled = false;
    assert_status(sim_check_invariants(&checked, NULL, 0, &violations, &error),
                  CG_ERROR_CORRUPT, error, "replica of partition");
    self->nodes[last] = kept;
    cg_node_free(empty);

    /* A host from another cluster: other facts, but as if they were this one's. */
    cluster *other = sound_cluster(self->seed + 1);
    while (other->hosts != self->hosts) {
        uint64_t seed = other->seed;
        free_cluster(other);
        other = sound_cluster(seed + 1);
    }
    self->nodes[last] = other->nodes[last];
    violations = 0;
    assert_int_equal(check(self, true, &violations, &error), CG_ERROR_CORRUPT);
    assert_true(violations > 1);
    self->nodes[last] = kept;
    free_cluster(other);

    /* Answers that are not what is stored. */
    sim_check_request first = self->requests[0];
    assert_true(first.acknowledged && self->request_count >= 4);
    self->requests[0].fact_id++;
    assert_found(self, false, "was answered fact");
    self->requests[0] = first;
    self->requests[0].host++;
    assert_found(self, false, "was answered fact");
    self->requests[0] = first;
    for (uint32_t i = 1; i < self->request_count; i++) {
        if (self->requests[i].host == first.host) {
            self->requests[0].slot = self->requests[i].slot;
            assert_found(self, false, "share slot");
        }
        self->requests[0].fact_id = self->requests[i].fact_id;
        assert_found(self, false, "");
        self->requests[0] = first;
    }
    /* A record that no request is for, as a request applied twice would leave. */
    self->request_count--;
    assert_found(self, false, "durable records for");
    self->request_count++;
    /* An acknowledgement of what was never stored. */
    self->requests[0].request_id = UINT64_C(1) << 47;
    assert_found(self, false, "has 0 durable records of 1 in partition");
    self->requests[0] = first;
    assert_ok(check(self, true, &violations, &error), error);
    free_cluster(self);
}

/* Goal: equal sequences with another content are told apart, whatever else is right. */
static void test_checker_compares_content(void **state) {
    (void)state;
    cg_node *nodes[2];
    cg_outputs outputs;
    cg_error error = {0};
    cg_outputs_init(&outputs, cg_allocator_heap());
    uint64_t id = 1;
    while (cg_node_partition_of(id, 2) != 0) {
        id++;
    }
    cg_node_options options = cg_node_options_default();
    options.hosts = 2;
    options.replicas = 1;
    for (uint32_t host = 0; host < 2; host++) {
        options.host = host;
        assert_ok(cg_node_alloc(&options, &corpus, cg_allocator_heap(), &nodes[host], &error),
                  error);
    }
    /* Host 0 decides "one" and "two" twice over, in two lives; host 1 hears of the first life.
     */
    cg_node *lives[2] = {nodes[0], NULL};
    options.host = 0;
    assert_ok(cg_node_alloc(&options, &corpus, cg_allocator_heap(), &lives[1], &error), error);
    static const char *const texts[2] = {"w17a w17b", "w33a w33b"};
    uint8_t *bytes = NULL; /* the second life's record, for the replica */
    size_t size_bytes = 0;
    for (int life = 0; life < 2; life++) {
        cg_event request = {.kind = CG_EVENT_REQUEST,
                            .now_ns = 1,
                            .id = id,
                            .bytes = (const uint8_t *)texts[life],
                            .size_bytes = strlen(texts[life])};
        assert_ok(cg_node_step(lives[life], &request, &outputs, &error), error);
        assert_int_equal(outputs.items[0].kind, CG_OUTPUT_WRITE);
        assert_int_equal(outputs.items[1].kind, CG_OUTPUT_SEND);
        if (life == 1) {
            size_bytes = outputs.items[1].size_bytes;
            bytes = malloc(size_bytes);
            assert_non_null(bytes);
            memcpy(bytes, outputs.bytes + outputs.items[1].offset, size_bytes);
        }
        cg_event done = {.kind = CG_EVENT_STORAGE_DONE, .now_ns = 2, .id = outputs.items[0].id};
        assert_ok(cg_node_step(lives[life], &done, &outputs, &error), error);
    }
    cg_event append = {
        .kind = CG_EVENT_MESSAGE, .now_ns = 3, .bytes = bytes, .size_bytes = size_bytes};
    assert_ok(cg_node_step(nodes[1], &append, &outputs, &error), error);
    sim_check_request request = {.request_id = id};
    sim_check_cluster checked = {
        .nodes = nodes, .hosts = 2, .replicas = 1, .settled = false, .spaces = 1};
    uint64_t violations = 0;
    assert_status(sim_check_invariants(&checked, &request, 1, &violations, &error),
                  CG_ERROR_CORRUPT, error, "differ after the same 1 records");
    assert_int_equal(violations, 1);
    nodes[0] = lives[1];
    assert_ok(sim_check_invariants(&checked, &request, 1, &violations, &error), error);
    free(bytes);
    cg_node_free(lives[0]);
    cg_node_free(lives[1]);
    cg_node_free(nodes[1]);
    cg_outputs_deinit(&outputs);
}

/* Goal: a host that loses what it should copy is found out by the run itself: it never settles,
 * and the checker names the replica. */
static void test_deaf_replica_is_found(void **state) {
    (void)state;
    uint64_t first = support_seed(2000);
    uint32_t found = 0;
    for (uint64_t seed = first; seed < first + 10; seed++) {
        cluster *self = run_cluster(seed, true);
        uint32_t before = self->hosts - 2; /* whose copy the deaf host holds */
        if (cg_node_partition(self->nodes[before], before).last_sequence > 0) {
            assert_true(self->lost_appends > 0);
            assert_int_equal(self->result.outcome, SIM_OUTCOME_END);
            assert_found(self, true, "");
            sim_check_cluster checked = {.nodes = self->nodes,
                                         .hosts = self->hosts,
                                         .replicas = 1,
                                         .settled = true,
                                         .spaces = 1};
            cg_error error = {0};
            uint64_t violations = 0;
            assert_status(sim_check_invariants(&checked, NULL, 0, &violations, &error),
                          CG_ERROR_CORRUPT, error, "has stopped at another log");
            found++;
        }
        free_cluster(self);
    }
    assert_true(found > 5);
}

static int set_up(void **state) {
    (void)state;
    cg_runner serial = cg_runner_serial();
    cg_error error = {0};
    if (sim_profile_read("scenarios/profiles/reference.tsv", &profile, &error) != CG_OK ||
        support_corpus_build(CG_INDEX_HNSW, &serial, cg_allocator_heap(), &corpus, &error) !=
            CG_OK ||
        support_corpus_school(&corpus, SUPPORT_LESSONS, cg_allocator_heap(), &error) != CG_OK) {
        print_error("%s\n", error.message);
        return 1;
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    cg_corpus_deinit(&corpus);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_promises_under_faults),
        cmocka_unit_test(test_runs_repeat),
        cmocka_unit_test(test_checker_finds_what_is_broken),
        cmocka_unit_test(test_checker_compares_content),
        cmocka_unit_test(test_deaf_replica_is_found),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
