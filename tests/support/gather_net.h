/* Nodes on a bare loop, for gathers: messages take 100 us, and are lost, doubled or cut as a test says;
 * writes are durable at once; a host may be silent. Times are exact, and nothing costs any.
 *
 * The corpus is support_corpus; it is of all tests of a program: gather_set_up.
 */
#ifndef CG_TESTS_SUPPORT_GATHER_NET_H
#define CG_TESTS_SUPPORT_GATHER_NET_H

#include <stdlib.h>
#include <string.h>

#include "engine/node/gather_message.h"
#include "engine/node/node_internal.h"
#include "engine/replica/wire.h"
#include "tests/support/corpus.h"
#include "tests/support/support.h"

enum { NET_HOSTS_MAX = 16, NET_EVENTS_MAX = 20000, NET_REPLIES_MAX = 400 };
#define NET_DELAY_NS UINT64_C(100000)

typedef struct net_event {
    uint64_t at_ns;
    uint64_t order;
    uint32_t to;
    cg_event_kind kind;
    uint64_t id;
    uint8_t *bytes;
    size_t size_bytes;
} net_event;

typedef struct gather_net {
    uint32_t hosts;
    cg_node *nodes[NET_HOSTS_MAX];
    cg_outputs outputs;
    net_event *events; /* [NET_EVENTS_MAX] */
    uint32_t event_count;
    uint64_t order;
    uint64_t now_ns;
    cg_stream luck;
    double loss;
    bool doubles;
    bool is_silent[NET_HOSTS_MAX];
    uint32_t side[NET_HOSTS_MAX]; /* messages between different ones are cut */
    uint64_t sent[3];             /* bytes of each gather type */
    cg_reply replies[NET_REPLIES_MAX];
    uint32_t reply_count;
} gather_net;

static cg_corpus net_corpus;

static inline int gather_set_up(void **state) {
    (void)state;
    cg_error error = {0};
    const cg_runner runner = cg_runner_serial();
    assert_ok(
        support_corpus_build(CG_INDEX_HNSW, &runner, cg_allocator_heap(), &net_corpus, &error),
        error);
    assert_ok(support_corpus_school(&net_corpus, 200, cg_allocator_heap(), &error), error);
    return 0;
}

static inline int gather_tear_down(void **state) {
    (void)state;
    cg_corpus_deinit(&net_corpus);
    return 0;
}

static inline const float *net_vector_of(void *context, uint32_t row) {
    return cg_features_row(context, row).dense;
}

/* NULL: replicated. */
static inline cg_shards *net_divide(cg_distribution kind, uint32_t hosts) {
    cg_shards *shards = NULL;
    cg_error error = {0};
    const cg_runner runner = cg_runner_serial();
    cg_shards_options options = cg_shards_options_default(kind, hosts);
    options.vector = net_vector_of;
    options.vector_context = net_corpus.features;
    if (kind != CG_DISTRIBUTION_REPLICATED) {
        assert_ok(cg_shards_build(&options, net_corpus.index, &runner, cg_allocator_heap(),
                                  &shards, &error),
                  error);
    }
    return shards;
}

static inline cg_node_options net_options(const cg_shards *shards, uint32_t hosts) {
    cg_node_options options = cg_node_options_default();
    options.hosts = hosts;
    options.cascade.strategy = CG_STRATEGY_HIERARCHICAL;
    options.cascade.ef = SUPPORT_CONCEPTS;
    options.gather.shards = shards;
    options.gather.slack = CG_SHARD_SLACK_ALL;
    options.gather.ef = SUPPORT_CONCEPTS;
    options.gather.timeout_ns = 1000000;
    return options;
}

static inline gather_net *net_alloc(cg_node_options options, uint64_t seed) {
    cg_error error = {0};
    gather_net *net = calloc(1, sizeof *net);
    assert_non_null(net);
    net->events = calloc(NET_EVENTS_MAX, sizeof *net->events);
    assert_non_null(net->events);
    net->hosts = options.hosts;
    net->luck = cg_stream_init(seed, "gather_net", 0);
    net->now_ns = 1;
    cg_outputs_init(&net->outputs, cg_allocator_heap());
    for (uint32_t host = 0; host < net->hosts; host++) {
        options.host = host;
        assert_ok(cg_node_alloc(&options, &net_corpus, cg_allocator_heap(), &net->nodes[host],
                                &error),
                  error);
    }
    return net;
}

static inline void net_free(gather_net *net) {
    for (uint32_t i = 0; i < net->event_count; i++) {
        free(net->events[i].bytes);
    }
    for (uint32_t host = 0; host < net->hosts; host++) {
        cg_node_free(net->nodes[host]);
    }
    cg_outputs_deinit(&net->outputs);
    free(net->events);
    free(net);
}

static inline void net_push(gather_net *net, net_event event, const uint8_t *bytes) {
    assert_true(net->event_count < NET_EVENTS_MAX);
    event.order = net->order++;
    if (bytes && event.size_bytes > 0) {
        event.bytes = malloc(event.size_bytes);
        assert_non_null(event.bytes);
        memcpy(event.bytes, bytes, event.size_bytes);
    }
    net->events[net->event_count++] = event;
}

static inline bool net_loses(gather_net *net, uint32_t from, uint32_t to) {
    return net->is_silent[from] || net->is_silent[to] || net->side[from] != net->side[to] ||
           cg_stream_next_unit(&net->luck) < net->loss;
}

static inline void net_take(gather_net *net, uint32_t host) {
    for (size_t i = 0; i < net->outputs.count; i++) {
        const cg_output *output = &net->outputs.items[i];
        const uint8_t *bytes = net->outputs.bytes + output->offset;
        net_event event = {.at_ns = net->now_ns, .to = host, .id = output->id};
        switch (output->kind) {
        case CG_OUTPUT_SEND: {
            uint16_t type = (uint16_t)(bytes[6] | bytes[7] << 8);
            uint16_t first = CG_MESSAGE_PROTOCOLS + CG_PROTOCOL_GATHER * CG_PROTOCOL_TYPES;
            if (type >= first && type < first + 3) {
                net->sent[type - first] += output->size_bytes;
            }
            event.kind = CG_EVENT_MESSAGE;
            event.to = output->to;
            event.size_bytes = output->size_bytes;
            event.at_ns += NET_DELAY_NS;
            for (int copy = 0; copy < 1 + net->doubles; copy++) {
                if (!net_loses(net, host, output->to)) {
                    net_push(net, event, bytes);
                }
                event.at_ns += NET_DELAY_NS / 2;
            }
            break;
        }
        case CG_OUTPUT_TIMER:
            event.kind = CG_EVENT_TIMER;
            event.at_ns = output->at_ns;
            net_push(net, event, NULL);
            break;
        case CG_OUTPUT_WRITE:
            event.kind = CG_EVENT_STORAGE_DONE;
            net_push(net, event, NULL);
            break;
        case CG_OUTPUT_REPLY:
            assert_true(net->reply_count < NET_REPLIES_MAX);
            net->replies[net->reply_count++] = output->reply;
            break;
        default:
            break;
        }
    }
}

static inline void net_step(gather_net *net, uint32_t host, const cg_event *event) {
    cg_error error = {0};
    assert_int_equal(cg_node_step(net->nodes[host], event, &net->outputs, &error), CG_OK);
    net_take(net, host);
}

/* Runs until nothing is left to happen, or until_ns. */
static inline void net_run(gather_net *net, uint64_t until_ns) {
    while (net->event_count > 0) {
        uint32_t first = 0;
        for (uint32_t i = 1; i < net->event_count; i++) {
            const net_event *a = &net->events[i];
            const net_event *b = &net->events[first];
            first = a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order)
                        ? i
                        : first;
        }
        net_event next = net->events[first];
        if (next.at_ns > until_ns) {
            break;
        }
        net->events[first] = net->events[--net->event_count];
        net->events[net->event_count].bytes = NULL;
        net->now_ns = next.at_ns > net->now_ns ? next.at_ns : net->now_ns;
        if (!net->is_silent[next.to]) {
            const cg_event event = {.kind = next.kind,
                                    .now_ns = net->now_ns,
                                    .id = next.id,
                                    .bytes = next.bytes,
                                    .size_bytes = next.size_bytes};
            net_step(net, next.to, &event);
        }
        free(next.bytes);
    }
}

static inline void net_request(gather_net *net, uint32_t host, cg_request_kind kind,
                               uint64_t id, const char *text, uint32_t flags) {
    const cg_event event = {.kind = CG_EVENT_REQUEST,
                            .request = kind,
                            .now_ns = net->now_ns,
                            .id = id,
                            .flags = flags,
                            .bytes = (const uint8_t *)text,
                            .size_bytes = strlen(text)};
    net_step(net, host, &event);
}

/* The only answer to the request. */
static inline const cg_reply *net_reply(const gather_net *net, uint64_t id) {
    const cg_reply *found = NULL;
    for (uint32_t i = 0; i < net->reply_count; i++) {
        if (net->replies[i].request_id == id) {
            assert_null(found);
            found = &net->replies[i];
        }
    }
    assert_non_null(found);
    return found;
}

/* `count` requests for drawn facts, from host to host, each run to its end; ids from 1. */
static inline void net_ask(gather_net *net, cg_request_kind kind, uint32_t count) {
    cg_stream texts = cg_stream_init(9, "gather_net.texts", 0);
    for (uint32_t i = 0; i < count; i++) {
        char text[SUPPORT_TEXT_BYTES];
        support_fact_text(&texts, text);
        net_request(net, i % net->hosts, kind, i + 1, text,
                    kind == CG_REQUEST_SEARCH ? CG_REQUEST_AUDIT : 0);
        net_run(net, UINT64_MAX);
    }
}

#endif
