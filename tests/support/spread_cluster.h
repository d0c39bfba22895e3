/* A cluster of hosts that spread together, in one process: a heap of deliveries and timers in the
 * order (time, sender, sequence), with latency, jitter (so order changes), loss and duplication. */
#ifndef CG_TESTS_SUPPORT_SPREAD_CLUSTER_H
#define CG_TESTS_SUPPORT_SPREAD_CLUSTER_H

#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/base/heap.h"
#include "engine/spread/distributed.h"
#include "tests/support/support.h"

enum { CLUSTER_HOSTS_MAX = 64, CLUSTER_HITS_MAX = 8192, CLUSTER_ANSWERS_MAX = 256 };

typedef struct cluster_event {
    uint32_t from;
    uint32_t to;
    uint16_t type;
    bool is_timer;
    uint64_t timer;
    size_t size_bytes;
    uint8_t bytes[];
} cluster_event;

typedef struct cluster_answer {
    uint32_t count; /* times that it was finished */
    uint64_t at_ns;
    uint32_t host; /* where */
    cg_distributed_result result;
    cg_spread_hit *hits; /* [hit_count], as result.spread.hits; or NULL */
    uint32_t missing[CLUSTER_HOSTS_MAX];
    cg_spread_hop by_hop[CG_SPREAD_HOPS_MAX];
    cg_spread_path path; /* the strongest to the last hit */
    bool has_path;
} cluster_answer;

typedef struct cluster cluster;
typedef struct cluster_host {
    cluster *of;
    uint32_t number;
} cluster_host;

struct cluster {
    uint32_t hosts;
    cg_distributed *nodes[CLUSTER_HOSTS_MAX];
    cluster_host views[CLUSTER_HOSTS_MAX];
    cg_heap heap;
    uint64_t now_ns;
    uint64_t sequence;
    uint64_t latency_ns; /* one way */
    uint64_t jitter_ns;
    uint32_t loss;                  /* of 1000 */
    uint32_t duplication;           /* of 1000 */
    bool is_cut[CLUSTER_HOSTS_MAX]; /* nothing to it and from it */
    bool knows_cut;                 /* reachable() says so */
    bool wants_paths;
    cg_stream stream;
    cg_hasher messages; /* over all that was sent */
    uint64_t sent;
    uint64_t sent_bytes;
    uint64_t sent_by_type[16];
    uint64_t report_time; /* the latest Lamport time of a report */
    uint64_t end_time;    /* the earliest of an end */
    uint64_t delivered;
    cg_status failed;                            /* a status that no cluster should see */
    bool may_fail;                               /* allocations fail on purpose */
    cluster_answer answers[CLUSTER_ANSWERS_MAX]; /* by the spread's number */
};

static inline void cluster_push(cluster *c, cluster_event *event, uint64_t at_ns) {
    cg_error error = {0};
    cg_heap_entry entry = {
        .time_ns = at_ns, .sender = event->from, .sequence = c->sequence++, .payload = event};
    assert_ok(cg_heap_push(&c->heap, entry, &error), error);
}

static inline cluster_event *cluster_event_of(uint32_t from, uint32_t to, uint16_t type,
                                              const uint8_t *bytes, size_t size_bytes) {
    cluster_event *event = calloc(1, sizeof *event + size_bytes);
    assert_non_null(event);
    event->from = from;
    event->to = to;
    event->type = type;
    event->size_bytes = size_bytes;
    if (size_bytes > 0) {
        memcpy(event->bytes, bytes, size_bytes);
    }
    return event;
}

static inline uint64_t cluster_delay(cluster *c) {
    return c->latency_ns + (c->jitter_ns ? cg_stream_next_below(&c->stream, c->jitter_ns) : 0);
}

/* Bytes 8..15 of a payload are its Lamport time; type 2 is a report, 5 an end. */
static inline void cluster_note_time(cluster *c, uint16_t type, const uint8_t *payload,
                                     size_t size_bytes) {
    cg_reader reader = cg_reader_init(payload, size_bytes);
    (void)cg_read_u64(&reader);
    uint64_t time = cg_read_u64(&reader);
    assert_true(!reader.failed && time > 0);
    if (type == 2 && time > c->report_time) {
        c->report_time = time;
    }
    if (type == 5 && time < c->end_time) {
        c->end_time = time;
    }
}

static inline cg_status cluster_send(void *context, uint32_t to, uint16_t type,
                                     const uint8_t *payload, size_t size_bytes,
                                     cg_error *error) {
    (void)error;
    cluster_host *host = context;
    cluster *c = host->of;
    assert_true(to < c->hosts && to != host->number && type < 16);
    c->sent++;
    c->sent_bytes += size_bytes;
    c->sent_by_type[type]++;
    cg_hasher_add_u64(&c->messages, (uint64_t)host->number << 32 | to);
    cg_hasher_add_u64(&c->messages, type);
    cg_hasher_add_bytes(&c->messages, payload, size_bytes);
    cluster_note_time(c, type, payload, size_bytes);
    if (c->is_cut[to] || c->is_cut[host->number] ||
        (c->loss && cg_stream_next_below(&c->stream, 1000) < c->loss)) {
        return CG_OK;
    }
    cluster_push(c, cluster_event_of(host->number, to, type, payload, size_bytes),
                 c->now_ns + cluster_delay(c));
    if (c->duplication && cg_stream_next_below(&c->stream, 1000) < c->duplication) {
        cluster_push(c, cluster_event_of(host->number, to, type, payload, size_bytes),
                     c->now_ns + 3 * cluster_delay(c));
    }
    return CG_OK;
}

static inline cg_status cluster_timer(void *context, uint64_t timer, uint64_t at_ns,
                                      cg_error *error) {
    (void)error;
    cluster_host *host = context;
    assert_true(timer < UINT64_C(1) << 32);
    cluster_event *event = cluster_event_of(host->number, host->number, 0, NULL, 0);
    event->is_timer = true;
    event->timer = timer;
    cluster_push(host->of, event, at_ns > host->of->now_ns ? at_ns : host->of->now_ns);
    return CG_OK;
}

static inline bool cluster_reachable(void *context, uint32_t to) {
    const cluster_host *host = context;
    return !host->of->knows_cut || !(host->of->is_cut[to] || host->of->is_cut[host->number]);
}

static inline void cluster_finished(void *context, uint64_t spread,
                                    const cg_distributed_result *result) {
    const cluster_host *host = context;
    cluster *c = host->of;
    assert_true(spread < CLUSTER_ANSWERS_MAX);
    cluster_answer *answer = &c->answers[spread];
    answer->count++;
    answer->at_ns = c->now_ns;
    answer->host = host->number;
    answer->result = *result;
    free(answer->hits);
    answer->hits = calloc(result->spread.hit_count + 1u, sizeof *answer->hits);
    assert_non_null(answer->hits);
    if (result->spread.hit_count > 0) {
        memcpy(answer->hits, result->spread.hits,
               result->spread.hit_count * sizeof *answer->hits);
    }
    if (result->missing_count > 0) {
        memcpy(answer->missing, result->missing,
               result->missing_count * sizeof *answer->missing);
    }
    memcpy(answer->by_hop, result->spread.by_hop, sizeof answer->by_hop);
    if (c->wants_paths && result->spread.hit_count > 0) {
        cg_error error = {0};
        uint32_t count = 0;
        assert_ok(cg_distributed_paths(c->nodes[host->number], result->spread.hit_count - 1,
                                       &answer->path, 1, &count, &error),
                  error);
        answer->has_path = count == 1;
    }
}

/* Options of a host; graph, owners, hooks and limits are the caller's to set. */
static inline cg_distributed_options cluster_options(cluster *c, uint32_t host) {
    cg_distributed_options options = cg_distributed_options_default();
    c->views[host] = (cluster_host){.of = c, .number = host};
    options.host = host;
    options.hosts = c->hosts;
    options.port =
        (cg_port){.send = cluster_send, .timer = cluster_timer, .context = &c->views[host]};
    options.reachable = cluster_reachable;
    options.reachable_context = &c->views[host];
    options.finished = cluster_finished;
    options.finished_context = &c->views[host];
    return options;
}

static inline void cluster_init(cluster *c, uint32_t hosts, uint64_t seed, uint64_t entity) {
    memset(c, 0, sizeof *c);
    c->hosts = hosts;
    c->latency_ns = 500000;
    c->end_time = UINT64_MAX;
    c->stream = cg_stream_init(seed, "test.cluster", entity);
    c->messages = cg_hasher_init();
    cg_heap_init(&c->heap, cg_allocator_heap());
}

static inline void cluster_add(cluster *c, uint32_t host, const cg_distributed_options *options,
                               cg_allocator allocator) {
    cg_error error = {0};
    assert_ok(cg_distributed_alloc(options, allocator, &c->nodes[host], &error), error);
}

/* All hosts alike. */
static inline void cluster_open(cluster *c, const cg_graph *graph, const uint32_t *owners) {
    for (uint32_t host = 0; host < c->hosts; host++) {
        cg_distributed_options options = cluster_options(c, host);
        options.graph = graph;
        options.owners = owners;
        cluster_add(c, host, &options, cg_allocator_heap());
    }
}

static inline void cluster_deinit(cluster *c) {
    cg_heap_entry entry;
    while (cg_heap_pop(&c->heap, &entry)) {
        free(entry.payload);
    }
    cg_heap_deinit(&c->heap);
    for (uint32_t host = 0; host < c->hosts; host++) {
        cg_distributed_free(c->nodes[host]);
    }
    for (uint32_t i = 0; i < CLUSTER_ANSWERS_MAX; i++) {
        free(c->answers[i].hits);
    }
}

/* One event; false when there is none, or one failed. */
static inline bool cluster_step(cluster *c) {
    cg_heap_entry entry;
    if (c->failed != CG_OK || !cg_heap_pop(&c->heap, &entry)) {
        return false;
    }
    cluster_event *event = entry.payload;
    cg_error error = {0};
    c->now_ns = entry.time_ns;
    cg_distributed *node = c->nodes[event->to];
    if (event->is_timer) {
        c->failed = cg_distributed_timer(node, c->now_ns, event->timer, &error);
    } else {
        c->delivered++;
        c->failed = cg_distributed_message(node, c->now_ns, event->from, event->type,
                                           event->bytes, event->size_bytes, &error);
    }
    if (c->failed != CG_OK && !c->may_fail) {
        fail_msg("host %u: %s", event->to, error.message);
    }
    free(event);
    return c->failed == CG_OK;
}

/* Until nothing is left to happen. */
static inline void cluster_run(cluster *c) {
    while (cluster_step(c)) {
    }
}

static inline void cluster_start(cluster *c, uint32_t host, uint64_t spread,
                                 const cg_distributed_query *query) {
    cg_error error = {0};
    assert_ok(cg_distributed_start(c->nodes[host], c->now_ns, spread, query, &error), error);
}

#endif
