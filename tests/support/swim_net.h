/* A small network of SWIM members for tests: a time-ordered heap of messages and timers, with
 * latency, loss, duplication, reordering, cut directions, crashes and restarts, all drawn from
 * one seed. It checks what must hold in every step, and stops the test when it does not:
 *   - `changed` is called in the step in which the view changes, and views only go up in the
 *     order (incarnation, liveness); the counts are those of the views
 *   - updates in a message say what their sender sees (or, to a beginner, that who is dead is
 *     suspect), of third hosts, each host once, ascending, and no news is carried more often
 *     than lambda * ceil(log2(hosts + 1)) times
 */
#ifndef CG_TESTS_SUPPORT_SWIM_NET_H
#define CG_TESTS_SUPPORT_SWIM_NET_H

#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/base/heap.h"
#include "engine/base/math.h"
#include "engine/replica/swim.h"
#include "tests/support/support.h"

#define NET_MS     UINT64_C(1000000)
#define NET_SECOND (1000 * NET_MS)

enum { NET_HOSTS_MAX = 1024 };

typedef struct net net;

typedef struct net_host {
    net *of;
    uint32_t host;
    uint32_t life;     /* events of an earlier one are dropped */
    cg_swim *swim;     /* NULL: it is down */
    uint64_t *ranks;   /* [hosts]: its view, by what it told */
    uint16_t *carried; /* [hosts]: messages since then */
} net_host;

typedef struct net_event {
    uint32_t to, life, from;
    bool is_timer;
    uint16_t type;
    uint64_t timer;
    size_t size_bytes;
    uint8_t payload[CG_SWIM_PAYLOAD_BYTES_MAX];
} net_event;

struct net {
    cg_swim_options options;
    net_host *hosts;
    uint32_t count;
    bool *cut; /* [from * count + to] */
    double loss, duplication, reordering;
    uint64_t latency_ns, jitter_ns;
    cg_stream stream;
    cg_heap heap;
    uint64_t sequence;
    uint64_t now_ns;
    cg_hasher hasher;                          /* of all messages, in order, with their times */
    cg_swim_statistics past;                   /* of lives that are over */
    uint64_t suspected, false_deaths, changes; /* seen by anyone; false: of who is up */
};

static net *net_alloc(uint32_t count, uint64_t seed) {
    net *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->options = cg_swim_options_default();
    world->options.hosts = count;
    world->options.seed = seed;
    world->count = count;
    world->latency_ns = 1 * NET_MS;
    world->jitter_ns = 20 * NET_MS;
    world->stream = cg_stream_init(seed, "test.net", count);
    world->hasher = cg_hasher_init();
    world->cut = calloc((size_t)count * count, sizeof *world->cut);
    world->hosts = calloc(count, sizeof *world->hosts);
    assert_true(world->cut && world->hosts);
    cg_heap_init(&world->heap, cg_allocator_heap());
    for (uint32_t i = 0; i < count; i++) {
        net_host *host = &world->hosts[i];
        *host = (net_host){.of = world, .host = i};
        host->ranks = calloc(count, sizeof *host->ranks);
        host->carried = calloc(count, sizeof *host->carried);
        assert_true(host->ranks && host->carried);
    }
    return world;
}

static void net_push(net *world, uint32_t sender, uint64_t at_ns, const net_event *event) {
    net_event *copy = malloc(sizeof *copy);
    assert_non_null(copy);
    *copy = *event;
    cg_error error = {0};
    assert_ok(cg_heap_push(&world->heap,
                           (cg_heap_entry){at_ns, sender, world->sequence++, copy}, &error),
              error);
}

static void net_check_updates(net_host *from, uint32_t to, const uint8_t *payload,
                              size_t size_bytes) {
    const net *world = from->of;
    cg_reader reader = cg_reader_init(payload, size_bytes);
    cg_read_bytes(&reader, CG_SWIM_HEADER_BYTES - 1);
    uint32_t count = cg_read_u8(&reader);
    assert_true(count <= world->options.updates_max);
    uint32_t limit = world->options.retransmit * (cg_log2_floor(world->count) + 1);
    int64_t last = -1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t host = cg_read_u32(&reader);
        uint64_t incarnation = cg_read_u32(&reader);
        uint8_t liveness = cg_read_u8(&reader);
        assert_true((int64_t)host > last && host < world->count);
        assert_true(host != to && host != from->host);
        uint64_t rank = incarnation * 3 + liveness;
        bool is_told = liveness == CG_SWIM_SUSPECT && rank + 1 == from->ranks[host];
        assert_true(rank == from->ranks[host] || is_told); /* who is dead, to a beginner */
        assert_true(is_told || ++from->carried[host] <= limit);
        last = host;
    }
    assert_true(!reader.failed && cg_reader_left(&reader) == 0);
}

static cg_status net_send(void *context, uint32_t to, uint16_t type, const uint8_t *payload,
                          size_t size_bytes, cg_error *error) {
    (void)error;
    net_host *from = context;
    net *world = from->of;
    assert_true(to < world->count && to != from->host && type < CG_SWIM_MESSAGE_COUNT);
    net_check_updates(from, to, payload, size_bytes);
    cg_hasher_add_u64(&world->hasher, world->now_ns);
    cg_hasher_add_u64(&world->hasher, (uint64_t)from->host << 32 | to);
    cg_hasher_add_u64(&world->hasher, type);
    cg_hasher_add_bytes(&world->hasher, payload, size_bytes);
    net_event event = {.to = to,
                       .life = world->hosts[to].life,
                       .from = from->host,
                       .type = type,
                       .size_bytes = size_bytes};
    memcpy(event.payload, payload, size_bytes);
    uint32_t copies = 1 + (cg_stream_next_unit(&world->stream) < world->duplication);
    for (uint32_t i = 0; i < copies; i++) {
        uint64_t delay_ns = world->latency_ns;
        delay_ns += cg_stream_next_below(&world->stream, world->jitter_ns + 1);
        if (cg_stream_next_unit(&world->stream) < world->reordering) {
            delay_ns += cg_stream_next_below(&world->stream, 3 * NET_SECOND);
        }
        bool is_lost = cg_stream_next_unit(&world->stream) < world->loss;
        if (!is_lost && !world->cut[from->host * world->count + to]) {
            net_push(world, from->host, world->now_ns + delay_ns, &event);
        }
    }
    return CG_OK;
}

static cg_status net_timer(void *context, uint64_t timer, uint64_t at_ns, cg_error *error) {
    (void)error;
    net_host *host = context;
    assert_true(at_ns >= host->of->now_ns && timer < UINT64_C(1) << 32);
    net_event event = {.to = host->host, .life = host->life, .is_timer = true, .timer = timer};
    net_push(host->of, host->host, at_ns, &event);
    return CG_OK;
}

static cg_status net_changed(void *context, uint32_t about, cg_swim_liveness liveness,
                             uint32_t incarnation, cg_error *error) {
    (void)error;
    net_host *host = context;
    net *world = host->of;
    uint64_t rank = (uint64_t)incarnation * 3 + liveness;
    assert_true(rank > host->ranks[about]);
    assert_true(cg_swim_state(host->swim, about) == liveness);
    assert_true(cg_swim_incarnation(host->swim, about) == incarnation);
    host->ranks[about] = rank;
    host->carried[about] = 0;
    for (uint32_t i = 0; about == host->host && i < world->count; i++) {
        if (host->ranks[i] % 3 == CG_SWIM_SUSPECT) { /* a refuter's suspicions may start anew */
            host->carried[i] = 0;
        }
    }
    world->changes++;
    world->suspected += liveness == CG_SWIM_SUSPECT;
    world->false_deaths += liveness == CG_SWIM_DEAD && world->hosts[about].swim != NULL;
    return CG_OK;
}

static void net_start(net *world, uint32_t number) {
    net_host *host = &world->hosts[number];
    assert_null(host->swim);
    memset(host->ranks, 0, world->count * sizeof *host->ranks);
    memset(host->carried, 0, world->count * sizeof *host->carried);
    cg_swim_options options = world->options;
    options.host = number;
    options.changed = net_changed;
    options.context = host;
    cg_port port = {net_send, net_timer, host};
    cg_error error = {0};
    assert_ok(cg_swim_alloc(&options, &port, cg_allocator_heap(), &host->swim, &error), error);
    assert_ok(cg_swim_begin(host->swim, world->now_ns, &error), error);
}

static void net_start_all(net *world) {
    for (uint32_t i = 0; i < world->count; i++) {
        net_start(world, i);
    }
}

static void net_add_statistics(cg_swim_statistics *sum, const cg_swim *swim) {
    cg_swim_statistics more = cg_swim_statistics_of(swim);
    for (uint32_t i = 0; i < CG_SWIM_MESSAGE_COUNT; i++) {
        sum->sent[i] += more.sent[i];
    }
    sum->sent_bytes += more.sent_bytes;
    sum->updates += more.updates;
    sum->reconnects += more.reconnects;
    sum->suspicions += more.suspicions;
    sum->deaths += more.deaths;
    sum->returns += more.returns;
    sum->refutations += more.refutations;
}

static void net_crash(net *world, uint32_t number) {
    net_host *host = &world->hosts[number];
    net_add_statistics(&world->past, host->swim);
    cg_swim_free(host->swim);
    host->swim = NULL;
    host->life++;
}

static cg_swim_statistics net_statistics(const net *world) {
    cg_swim_statistics sum = world->past;
    for (uint32_t i = 0; i < world->count; i++) {
        if (world->hosts[i].swim) {
            net_add_statistics(&sum, world->hosts[i].swim);
        }
    }
    return sum;
}

static void net_deliver(net *world, const net_event *event) {
    net_host *host = &world->hosts[event->to];
    if (!host->swim || host->life != event->life) {
        return;
    }
    cg_error error = {0};
    cg_status status =
        event->is_timer ? cg_swim_timer(host->swim, event->timer, world->now_ns, &error)
                        : cg_swim_receive(host->swim, event->from, event->type, event->payload,
                                          event->size_bytes, world->now_ns, &error);
    assert_ok(status, error);
}

/* All that is due up to until_ns, which is then the time. */
static void net_run(net *world, uint64_t until_ns) {
    cg_heap_entry entry;
    while (cg_heap_peek(&world->heap, &entry) && entry.time_ns <= until_ns) {
        cg_heap_pop(&world->heap, &entry);
        world->now_ns = entry.time_ns;
        net_deliver(world, entry.payload);
        free(entry.payload);
    }
    world->now_ns = until_ns;
}

static void net_free(net *world) {
    cg_heap_entry entry;
    while (cg_heap_pop(&world->heap, &entry)) {
        free(entry.payload);
    }
    cg_heap_deinit(&world->heap);
    for (uint32_t i = 0; i < world->count; i++) {
        cg_swim_free(world->hosts[i].swim);
        free(world->hosts[i].ranks);
        free(world->hosts[i].carried);
    }
    free(world->hosts);
    free(world->cut);
    free(world);
}

/* Everybody who is up sees exactly those alive. */
static bool net_is_settled(const net *world) {
    uint32_t up = 0;
    for (uint32_t i = 0; i < world->count; i++) {
        up += world->hosts[i].swim != NULL;
    }
    for (uint32_t i = 0; i < world->count; i++) {
        const cg_swim *swim = world->hosts[i].swim;
        uint32_t counts[CG_SWIM_LIVENESS_COUNT] = {0};
        bool is_right = true;
        for (uint32_t j = 0; swim && j < world->count; j++) {
            cg_swim_liveness liveness = cg_swim_state(swim, j);
            counts[liveness]++;
            is_right &= liveness == (world->hosts[j].swim ? CG_SWIM_ALIVE : CG_SWIM_DEAD);
        }
        for (uint32_t k = 0; swim && k < CG_SWIM_LIVENESS_COUNT; k++) {
            assert_int_equal(cg_swim_count(swim, (cg_swim_liveness)k), counts[k]);
        }
        if (!is_right) {
            return false;
        }
    }
    return up > 0;
}

#endif
