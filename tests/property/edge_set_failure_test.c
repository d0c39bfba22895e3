/* Goal: bytes that are no delta, options that are none and memory that runs out leave a set of edges
 * and its gossip as they were; after a failure the same call works. (Spec F6, F7.) */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "engine/replica/gossip.h"

enum { RECORDS = 40, ROUNDS = 4000 };

typedef struct bytes {
    uint8_t at[16384];
    size_t size_bytes;
} bytes;

static cg_edge_key key_of(uint64_t to) {
    return (cg_edge_key){.from = 1, .to = 2 + to, .type = 3};
}

static cg_edge_set *make_set(uint32_t host, cg_allocator allocator) {
    cg_edge_set *set = NULL;
    cg_error error = {0};
    cg_edge_set_options options = {.replica = cg_replica_id_of(host, 1)};
    assert_ok(cg_edge_set_alloc(&options, allocator, &set, &error), error);
    return set;
}

static bytes keep(cg_edge_record record) {
    bytes kept = {.size_bytes = record.size_bytes};
    assert_true(record.size_bytes <= sizeof kept.at);
    memcpy(kept.at, record.bytes, record.size_bytes);
    return kept;
}

/* Random changes of one host, applied. */
static void change(cg_edge_set *set, cg_stream *stream, uint32_t changes) {
    for (uint32_t i = 0; i < changes; i++) {
        cg_edge_record record = {0};
        cg_error error = {0};
        cg_edge_key key = key_of(cg_stream_next_below(stream, 6));
        cg_status status = cg_edge_set_remove(set, key, &record, &error);
        if (status == CG_ERROR_NOT_FOUND || cg_stream_next_below(stream, 2)) {
            cg_edge_set_abandon(set);
            assert_ok(cg_edge_set_observe(set, key, 9, 100, &record, &error), error);
        }
        bytes kept = keep(record);
        assert_ok(cg_edge_set_apply(set, kept.at, kept.size_bytes, &error), error);
    }
}

static bytes delta_of(cg_edge_set *set, const cg_edge_set *peer, size_t bytes_max) {
    cg_error error = {0};
    cg_version_vector seen;
    cg_version_vector_init(&seen, cg_allocator_heap());
    if (peer) {
        assert_ok(cg_edge_set_vector(peer, &seen, &error), error);
    }
    cg_edge_delta_wanted wanted = {.seen = &seen, .transfer = 7, .bytes_max = bytes_max};
    cg_edge_record record = {0};
    assert_ok(cg_edge_set_delta(set, &wanted, &record, &error), error);
    cg_version_vector_deinit(&seen);
    return keep(record);
}

static uint64_t hash_of(const cg_edge_set *set) {
    return cg_edge_set_hash(set, CG_EDGE_HASH_ALL);
}

static void bytes_that_are_no_delta(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(7201), "edge.bad", 0);
    cg_edge_set *a = make_set(0, cg_allocator_heap());
    cg_edge_set *b = make_set(1, cg_allocator_heap());
    cg_error error = {0};
    change(a, &stream, RECORDS);
    bytes first = delta_of(a, NULL, 1 << 14);
    assert_ok(cg_edge_set_apply(b, first.at, first.size_bytes, &error), error);
    change(b, &stream, RECORDS);
    bytes sound = delta_of(b, NULL, 1 << 14);
    for (size_t cut = 0; cut < sound.size_bytes; cut++) {
        uint64_t before = hash_of(a);
        cg_status status = cg_edge_set_apply(a, sound.at, cut, &error);
        assert_int_equal(status, CG_ERROR_CORRUPT);
        assert_int_equal(hash_of(a), before);
    }
    uint32_t refused = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        cg_edge_set *c = make_set(2, cg_allocator_heap());
        bytes altered = sound;
        for (uint64_t flips = 1 + cg_stream_next_below(&stream, 3); flips > 0; flips--) {
            altered.at[cg_stream_next_below(&stream, sound.size_bytes)] ^=
                (uint8_t)(1 + cg_stream_next_below(&stream, 255));
        }
        uint64_t before = hash_of(c);
        cg_status status = cg_edge_set_apply(c, altered.at, altered.size_bytes, &error);
        if (status != CG_OK) {
            assert_true(status == CG_ERROR_CORRUPT || status == CG_ERROR_VERSION ||
                        status == CG_ERROR_LAG);
            assert_int_equal(hash_of(c), before);
            refused++;
        }
        cg_edge_set_free(c);
    }
    assert_true(refused > ROUNDS / 4);
    cg_edge_set_free(a);
    cg_edge_set_free(b);
}

static void options_and_arguments(void **state) {
    (void)state;
    cg_edge_set *set = make_set(0, cg_allocator_heap());
    cg_edge_record record = {0};
    cg_error error = {0};
    assert_status(cg_edge_set_observe(set, key_of(0), 1, 0, &record, &error), CG_ERROR_INVALID,
                  error, "confidence");
    assert_status(cg_edge_set_observe(set, key_of(0), 1, 65537, &record, &error),
                  CG_ERROR_INVALID, error, "65537");
    cg_edge_key loop = {.from = 5, .to = 5};
    assert_status(cg_edge_set_observe(set, loop, 1, 1, &record, &error), CG_ERROR_INVALID,
                  error, "itself");
    assert_status(cg_edge_set_remove(set, key_of(0), &record, &error), CG_ERROR_NOT_FOUND,
                  error, "no edge");
    for (uint32_t i = 0; i < CG_EDGE_PENDING_MAX; i++) {
        assert_ok(cg_edge_set_observe(set, key_of(i), 1, 1, &record, &error), error);
    }
    assert_status(cg_edge_set_observe(set, key_of(0), 1, 1, &record, &error),
                  CG_ERROR_OVERLOADED, error, "durable");
    cg_edge_set_abandon(set);
    assert_int_equal(cg_edge_set_count(set), 0);
    assert_int_equal(record.size_bytes, CG_EDGE_DELTA_HEADER_BYTES + CG_EDGE_DELTA_RANGE_BYTES +
                                            CG_EDGE_DELTA_ENTRY_BYTES);
    cg_gossip *gossip = NULL;
    cg_gossip_options options = {.host = 1, .hosts = 2};
    assert_status(
        cg_gossip_alloc(&options, set, (cg_port){0}, cg_allocator_heap(), &gossip, &error),
        CG_ERROR_INVALID, error, "edges of host 0");
    options = (cg_gossip_options){.host = 2, .hosts = 2};
    assert_status(
        cg_gossip_alloc(&options, set, (cg_port){0}, cg_allocator_heap(), &gossip, &error),
        CG_ERROR_INVALID, error, "host 2 of 2");
    options = (cg_gossip_options){.hosts = 2, .message_bytes_max = 5};
    assert_status(
        cg_gossip_alloc(&options, set, (cg_port){0}, cg_allocator_heap(), &gossip, &error),
        CG_ERROR_INVALID, error, "message_bytes_max");
    cg_edge_set_free(set);
}

/* The sum of confidence has a bound, and is refused beyond it. */
static void sums_have_a_bound(void **state) {
    (void)state;
    cg_edge_set *set = make_set(0, cg_allocator_heap());
    cg_error error = {0};
    cg_edge_range range = {.replica = cg_replica_id_of(0, 1), .after = 0, .upto = 1};
    cg_edge_entry entry = {.edge = key_of(0),
                           .counter = 1,
                           .mark = 1,
                           .weighted = CG_EDGE_CONFIDENCE_SUM_MAX * 255,
                           .confidence = CG_EDGE_CONFIDENCE_SUM_MAX,
                           .kind = CG_EDGE_SUMS};
    cg_edge_delta header = {.range_count = 1, .entry_count = 1};
    uint8_t record_bytes[256];
    cg_edge_delta_write(&header, &range, &entry, record_bytes);
    size_t size_bytes = cg_edge_delta_bytes(&header);
    assert_ok(cg_edge_set_apply(set, record_bytes, size_bytes, &error), error);
    cg_edge_view view = {0};
    assert_true(cg_edge_set_get(set, key_of(0), &view));
    assert_int_equal(view.weight, 255);
    cg_edge_record record = {0};
    assert_status(cg_edge_set_observe(set, key_of(0), 1, 1, &record, &error), CG_ERROR_FULL,
                  error, "adds up to");
    entry.confidence++;
    cg_edge_delta_write(&header, &range, &entry, record_bytes);
    cg_edge_delta delta;
    assert_status(cg_edge_delta_open(record_bytes, size_bytes, &delta, &error),
                  CG_ERROR_CORRUPT, error, "out of range");
    /* A reset of what nobody has seen, in a record that is sound otherwise. */
    cg_edge_range ranges[] = {{cg_replica_id_of(0, 1), 1, 1}, {cg_replica_id_of(1, 1), 0, 1}};
    entry = (cg_edge_entry){.edge = key_of(0),
                            .counter = 1,
                            .mark = 9,
                            .confidence = 1,
                            .origin = 1,
                            .kind = CG_EDGE_RESET};
    header.range_count = 2;
    cg_edge_delta_write(&header, ranges, &entry, record_bytes);
    assert_status(cg_edge_set_apply(set, record_bytes, cg_edge_delta_bytes(&header), &error),
                  CG_ERROR_LAG, error, "resets change 9");
    cg_edge_set_free(set);
}

/* Two sets, one of them with memory that fails at the n-th call; whatever fails is done again. */
static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    uint64_t seed = support_seed(7202);
    uint32_t failures = 0;
    for (uint64_t n = 1; n < 60; n++) {
        cg_stream stream = cg_stream_init(seed, "edge.memory", n);
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        cg_edge_set *a = make_set(0, cg_allocator_heap());
        cg_edge_set *b = make_set(1, cg_counting_allocator_view(&counting));
        change(a, &stream, RECORDS);
        counting.fail_at = n;
        cg_error error = {0};
        for (uint32_t i = 0; i < 12; i++) {
            bytes delta = delta_of(a, b, 1 << 14);
            uint64_t before = hash_of(b);
            if (delta.size_bytes > 0) {
                cg_status status = cg_edge_set_apply(b, delta.at, delta.size_bytes, &error);
                if (status != CG_OK) {
                    assert_int_equal(status, CG_ERROR_MEMORY);
                    assert_int_equal(hash_of(b), before);
                    failures++;
                    status = cg_edge_set_apply(b, delta.at, delta.size_bytes, &error);
                }
                assert_ok(status, error);
            }
            before = hash_of(b);
            cg_edge_record record = {0};
            cg_edge_key key = key_of(cg_stream_next_below(&stream, 40));
            cg_status status = cg_edge_set_observe(b, key, 3, 5, &record, &error);
            if (status != CG_OK) {
                assert_int_equal(status, CG_ERROR_MEMORY);
                assert_int_equal(hash_of(b), before);
                assert_int_equal(cg_edge_set_pending(b), 0);
                failures++;
                status = cg_edge_set_observe(b, key, 3, 5, &record, &error);
            }
            assert_ok(status, error);
            bytes own = keep(record);
            status = cg_edge_set_apply(b, own.at, own.size_bytes, &error);
            if (status != CG_OK) {
                failures++;
                status = cg_edge_set_apply(b, own.at, own.size_bytes, &error);
            }
            assert_ok(status, error);
            change(a, &stream, 3);
        }
        counting.fail_at = 0;
        bytes delta = delta_of(b, a, 1 << 14);
        assert_ok(cg_edge_set_apply(a, delta.at, delta.size_bytes, &error), error);
        delta = delta_of(a, b, 1 << 14);
        assert_ok(cg_edge_set_apply(b, delta.at, delta.size_bytes, &error), error);
        assert_int_equal(cg_edge_set_hash(a, CG_EDGE_HASH_STATE),
                         cg_edge_set_hash(b, CG_EDGE_HASH_STATE));
        cg_edge_set_free(a);
        cg_edge_set_free(b);
        assert_int_equal(counting.live_bytes, 0);
    }
    assert_true(failures > 10);
}

/* A wire of one message, for two gossips that speak in turn. */
typedef struct wire {
    uint32_t to;
    uint16_t type;
    uint8_t at[1 << 15];
    size_t size_bytes;
    cg_edge_set *set;
} wire;

static cg_status send_message(void *context, uint32_t to, uint16_t type, const uint8_t *payload,
                              size_t size_bytes, cg_error *error) {
    (void)error;
    wire *self = context;
    assert_true(size_bytes <= sizeof self->at);
    self->to = to;
    self->type = type;
    self->size_bytes = size_bytes;
    memcpy(self->at, payload, size_bytes);
    return CG_OK;
}

static cg_status ignore_timer(void *context, uint64_t timer, uint64_t at_ns, cg_error *error) {
    (void)context;
    (void)timer;
    (void)at_ns;
    (void)error;
    return CG_OK;
}

static cg_status join_at_once(void *context, const uint8_t *record, size_t size_bytes,
                              cg_error *error) {
    return cg_edge_set_apply(((wire *)context)->set, record, size_bytes, error);
}

static void gossip_may_run_out_of_memory(void **state) {
    (void)state;
    uint64_t seed = support_seed(7203);
    for (uint64_t n = 1; n < 40; n++) {
        cg_stream stream = cg_stream_init(seed, "gossip.memory", n);
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        cg_allocator failing = cg_counting_allocator_view(&counting);
        wire *wires = calloc(2, sizeof *wires);
        assert_non_null(wires);
        cg_gossip *gossips[2] = {NULL, NULL};
        cg_error error = {0};
        counting.fail_at = n;
        for (uint32_t host = 0; host < 2; host++) {
            wires[host].set = make_set(host, cg_allocator_heap());
            change(wires[host].set, &stream, RECORDS);
            cg_port port = {send_message, ignore_timer, &wires[host]};
            cg_gossip_options options = {.host = host,
                                         .hosts = 2,
                                         .deliver = join_at_once,
                                         .context = &wires[host],
                                         .message_bytes_max = 1024};
            for (uint32_t tries = 0; tries < 2 && !gossips[host]; tries++) {
                cg_status status = cg_gossip_alloc(&options, wires[host].set, port, failing,
                                                   &gossips[host], &error);
                assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
            }
            assert_ok(cg_gossip_start(gossips[host], 0, &error), error);
        }
        for (uint64_t second = 1; second < 30; second++) {
            uint64_t now_ns = second * 1000000000;
            uint32_t host = second % 2;
            cg_status status = cg_gossip_timer(gossips[host], 0, now_ns, &error);
            assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
            for (uint32_t hops = 0; hops < 20; hops++) {
                wire *sent = wires[host].size_bytes > 0 ? &wires[host] : &wires[1 - host];
                uint32_t to = (uint32_t)(1 - (sent - wires));
                cg_gossip_message message = {1 - to, sent->type, sent->at, sent->size_bytes};
                if (sent->size_bytes > 0) {
                    sent->size_bytes = 0;
                    status = cg_gossip_receive(gossips[to], &message, now_ns, &error);
                    assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
                }
            }
        }
        assert_int_equal(cg_edge_set_hash(wires[0].set, CG_EDGE_HASH_STATE),
                         cg_edge_set_hash(wires[1].set, CG_EDGE_HASH_STATE));
        for (uint32_t host = 0; host < 2; host++) {
            cg_gossip_free(gossips[host]);
            cg_edge_set_free(wires[host].set);
        }
        free(wires);
        assert_int_equal(counting.live_bytes, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_are_no_delta),
        cmocka_unit_test(options_and_arguments),
        cmocka_unit_test(sums_have_a_bound),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(gossip_may_run_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
