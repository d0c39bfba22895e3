/* Hosts that gossip about edges, each with a log on a disk, on a network that loses, duplicates and
 * delays, splits and heals. */
#ifndef CG_TESTS_SUPPORT_GOSSIP_NET_H
#define CG_TESTS_SUPPORT_GOSSIP_NET_H

#include <stdlib.h>
#include <string.h>

#include "engine/replica/gossip.h"
#include "tests/support/support.h"

enum { HOSTS_MAX = 64, EVENTS_MAX = 1 << 15, LOG_MAX = 6000 };

static const uint64_t ms = 1000000;
static const uint64_t second = 1000000000;

typedef enum event_kind { MESSAGE, TIMER, DURABLE } event_kind;

typedef struct event {
    uint64_t at_ns;
    uint64_t sequence;
    event_kind kind;
    uint32_t to;
    uint32_t from;
    uint32_t boot; /* TIMER, DURABLE: void after a restart */
    uint16_t type;
    uint8_t *bytes;
    size_t size_bytes;
} event;

typedef struct node {
    struct world *world;
    uint32_t host;
    uint32_t life;
    uint32_t boot;
    bool is_up;
    cg_edge_set *set;
    cg_gossip *gossip;
    event *log[LOG_MAX]; /* durable records, owned */
    uint32_t log_count;
    uint64_t durable_ns; /* when the last write ends */
    bool doubts[HOSTS_MAX];
} node;

typedef struct world {
    cg_stream stream;
    uint64_t seed;
    uint32_t hosts;
    uint32_t message_bytes_max;
    uint64_t loss_percent;
    uint64_t duplicate_percent;
    uint32_t side[HOSTS_MAX]; /* messages cross no sides */
    node *nodes;
    event *heap[EVENTS_MAX];
    uint32_t events;
    uint64_t sequence;
    uint64_t now_ns;
    uint64_t messages;
    uint64_t bytes;
    uint64_t passed_over; /* deltas */
} world;

static inline uint64_t below(world *w, uint64_t n) {
    return cg_stream_next_below(&w->stream, n);
}

static inline bool is_sooner(const event *a, const event *b) {
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->sequence < b->sequence;
}

static inline void push(world *w, event drawn, const uint8_t *bytes) {
    event *made = malloc(sizeof *made);
    assert_non_null(made);
    assert_true(w->events < EVENTS_MAX);
    drawn.sequence = w->sequence++;
    drawn.bytes = malloc(drawn.size_bytes + 1);
    assert_non_null(drawn.bytes);
    if (bytes) {
        memcpy(drawn.bytes, bytes, drawn.size_bytes);
    }
    *made = drawn;
    uint32_t at = w->events++;
    for (; at > 0 && is_sooner(made, w->heap[(at - 1) / 2]); at = (at - 1) / 2) {
        w->heap[at] = w->heap[(at - 1) / 2];
    }
    w->heap[at] = made;
}

static inline event *pop(world *w) {
    event *first = w->heap[0];
    event *last = w->heap[--w->events];
    uint32_t at = 0;
    for (uint32_t child = 1; child < w->events; child = 2 * at + 1) {
        child += child + 1 < w->events && is_sooner(w->heap[child + 1], w->heap[child]);
        if (!is_sooner(w->heap[child], last)) {
            break;
        }
        w->heap[at] = w->heap[child];
        at = child;
    }
    w->heap[at] = last;
    return first;
}

static inline void drop_event(event *dropped) {
    free(dropped->bytes);
    free(dropped);
}

static inline cg_status send_message(void *context, uint32_t to, uint16_t type,
                                     const uint8_t *payload, size_t size_bytes,
                                     cg_error *error) {
    (void)error;
    node *self = context;
    world *w = self->world;
    w->messages++;
    w->bytes += size_bytes;
    uint64_t copies = 1 + (below(w, 100) < w->duplicate_percent);
    for (uint64_t i = 0; i < copies; i++) {
        uint64_t delay_ns = ms + below(w, 50) * ms;
        delay_ns +=
            w->duplicate_percent && below(w, 50) == 0 ? 20 * second : 0; /* a straggler */
        if (below(w, 100) >= w->loss_percent && w->side[self->host] == w->side[to]) {
            push(w,
                 (event){.at_ns = w->now_ns + delay_ns,
                         .kind = MESSAGE,
                         .to = to,
                         .from = self->host,
                         .type = type,
                         .size_bytes = size_bytes},
                 payload);
        }
    }
    return CG_OK;
}

static inline cg_status set_timer(void *context, uint64_t timer, uint64_t at_ns,
                                  cg_error *error) {
    (void)error;
    node *self = context;
    assert_int_equal(timer, 0);
    push(self->world,
         (event){.at_ns = at_ns, .kind = TIMER, .to = self->host, .boot = self->boot}, NULL);
    return CG_OK;
}

/* To the log: durable some time later, in order. author: the host itself, or HOSTS_MAX. */
static inline cg_status write_by(node *self, uint32_t author, const uint8_t *bytes,
                                 size_t size_bytes) {
    world *w = self->world;
    uint64_t begin = self->durable_ns > w->now_ns ? self->durable_ns : w->now_ns;
    self->durable_ns = begin + 1 + below(w, 3) * ms;
    push(w,
         (event){.at_ns = self->durable_ns,
                 .kind = DURABLE,
                 .to = self->host,
                 .from = author,
                 .boot = self->boot,
                 .size_bytes = size_bytes},
         bytes);
    return CG_OK;
}

static inline cg_status write_record(node *self, const uint8_t *bytes, size_t size_bytes) {
    return write_by(self, self->host, bytes, size_bytes);
}

static inline cg_status deliver(void *context, const uint8_t *bytes, size_t size_bytes,
                                cg_error *error) {
    (void)error;
    return write_by(context, HOSTS_MAX, bytes, size_bytes);
}

/* A delta that builds on what a crash has undone since is passed over, and comes again; an own record never
 * is. */
static inline void apply_record(node *self, const event *record) {
    cg_error error = {0};
    cg_status status = cg_edge_set_apply(self->set, record->bytes, record->size_bytes, &error);
    if (status != CG_ERROR_LAG || record->from == self->host) {
        assert_ok(status, error);
    }
    self->world->passed_over += status == CG_ERROR_LAG;
}

static inline bool is_reachable(void *context, uint32_t host) {
    const node *self = context;
    return !self->doubts[host];
}

/* Up with what the log has; a lost disk has nothing and needs a new life. */
static inline void boot(world *w, uint32_t host) {
    node *self = &w->nodes[host];
    cg_error error = {0};
    cg_edge_set_options edges = {.replica = cg_replica_id_of(host, self->life)};
    assert_ok(cg_edge_set_alloc(&edges, cg_allocator_heap(), &self->set, &error), error);
    for (uint32_t i = 0; i < self->log_count; i++) {
        apply_record(self, self->log[i]);
    }
    cg_edge_set_open(self->set);
    cg_gossip_options options = {.host = host,
                                 .hosts = w->hosts,
                                 .seed = w->seed,
                                 .message_bytes_max = w->message_bytes_max,
                                 .is_reachable = is_reachable,
                                 .deliver = deliver,
                                 .context = self};
    cg_port port = {.send = send_message, .timer = set_timer, .context = self};
    self->is_up = true;
    self->boot++;
    self->durable_ns = w->now_ns;
    assert_ok(
        cg_gossip_alloc(&options, self->set, port, cg_allocator_heap(), &self->gossip, &error),
        error);
    assert_ok(cg_gossip_start(self->gossip, w->now_ns, &error), error);
}

static inline void crash(world *w, uint32_t host, bool loses_disk) {
    node *self = &w->nodes[host];
    cg_gossip_free(self->gossip);
    cg_edge_set_free(self->set);
    self->gossip = NULL;
    self->set = NULL;
    self->is_up = false;
    for (uint32_t i = 0; i < self->log_count && loses_disk; i++) {
        drop_event(self->log[i]);
    }
    self->log_count = loses_disk ? 0 : self->log_count;
    self->life += loses_disk;
}

static inline world *make_world(uint64_t seed, uint32_t hosts, uint32_t message_bytes_max) {
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    *w = (world){.seed = seed, .hosts = hosts, .message_bytes_max = message_bytes_max};
    w->stream = cg_stream_init(seed, "gossip.test", hosts);
    w->nodes = calloc(hosts, sizeof *w->nodes);
    assert_non_null(w->nodes);
    for (uint32_t host = 0; host < hosts; host++) {
        w->nodes[host].world = w;
        w->nodes[host].host = host;
        boot(w, host);
    }
    return w;
}

static inline void free_world(world *w) {
    for (uint32_t host = 0; host < w->hosts; host++) {
        crash(w, host, true);
    }
    while (w->events > 0) {
        drop_event(pop(w));
    }
    free(w->nodes);
    free(w);
}

/* One event; a record that is durable is joined. */
static inline void step(world *w) {
    event *next = pop(w);
    node *self = &w->nodes[next->to];
    cg_error error = {0};
    w->now_ns = next->at_ns;
    if (next->kind == MESSAGE && self->is_up) {
        cg_gossip_message message = {next->from, next->type, next->bytes, next->size_bytes};
        assert_ok(cg_gossip_receive(self->gossip, &message, w->now_ns, &error), error);
        self->doubts[next->from] = false;
    } else if (next->kind == TIMER && self->is_up && next->boot == self->boot) {
        assert_ok(cg_gossip_timer(self->gossip, 0, w->now_ns, &error), error);
    } else if (next->kind == DURABLE && self->is_up && next->boot == self->boot) {
        apply_record(self, next);
        assert_true(self->log_count < LOG_MAX);
        self->log[self->log_count++] = next;
        return;
    }
    drop_event(next);
}

static inline void run_until(world *w, uint64_t at_ns) {
    while (w->heap[0]->at_ns <= at_ns) {
        step(w);
    }
    w->now_ns = at_ns;
}

static inline bool agree(const world *w, cg_edge_hash kind) {
    for (uint32_t host = 1; host < w->hosts; host++) {
        if (cg_edge_set_hash(w->nodes[host].set, kind) !=
            cg_edge_set_hash(w->nodes[0].set, kind)) {
            return false;
        }
    }
    return true;
}

/* Until all agree, looking every 100 ms; the time it took, and no more than a minute. */
static inline uint64_t converge(world *w) {
    uint64_t begin = w->now_ns;
    while (!agree(w, CG_EDGE_HASH_STATE)) {
        run_until(w, w->now_ns + 100 * ms);
        if (w->now_ns - begin > 60 * second) {
            fail_msg("%u hosts do not agree a minute after the heal", w->hosts);
        }
    }
    assert_true(agree(w, CG_EDGE_HASH_VISIBLE));
    return w->now_ns - begin;
}

static inline void observe(world *w, uint32_t host, uint64_t to, uint8_t weight) {
    node *self = &w->nodes[host];
    cg_error error = {0};
    cg_edge_record record = {0};
    cg_edge_key key = {.from = 1, .to = 2 + to};
    assert_ok(cg_edge_set_observe(self->set, key, weight, 1 + (uint32_t)below(w, 1000), &record,
                                  &error),
              error);
    assert_ok(write_record(self, record.bytes, record.size_bytes), error);
}

/* True when there was such an edge. */
static inline bool remove_edge(world *w, uint32_t host, uint64_t to) {
    node *self = &w->nodes[host];
    cg_error error = {0};
    cg_edge_record record = {0};
    cg_edge_key key = {.from = 1, .to = 2 + to};
    cg_status status = cg_edge_set_remove(self->set, key, &record, &error);
    if (status == CG_ERROR_NOT_FOUND) {
        return false;
    }
    assert_ok(status, error);
    assert_ok(write_record(self, record.bytes, record.size_bytes), error);
    return true;
}

static inline void split(world *w, uint32_t sides) {
    for (uint32_t host = 0; host < w->hosts; host++) {
        w->side[host] = sides > 1 ? host % sides : 0;
        for (uint32_t other = 0; other < w->hosts && sides > 1; other++) {
            w->nodes[host].doubts[other] = host % sides != other % sides;
        }
    }
}

#endif
