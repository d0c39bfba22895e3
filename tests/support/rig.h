/* Nodes on a rig: events go in one by one, and what came out is looked at.
 *
 * The corpus is of all tests of a program: rig_set_up and rig_tear_down make and free it.
 */
#ifndef CG_TESTS_SUPPORT_RIG_H
#define CG_TESTS_SUPPORT_RIG_H

#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/node/message.h"
#include "engine/node/node.h"
#include "engine/node/node_internal.h"
#include "engine/replica/journal.h"
#include "engine/replica/wire.h"
#include "tests/support/corpus.h"
#include "tests/support/support.h"

enum { HOSTS_MAX = 4 };
#define MS UINT64_C(1000000)

/* --- a rig: nodes, and what each of them did last -------------------------------------------
 */

static cg_corpus corpus; /* of all tests, HNSW, after school */

typedef struct rig {
    cg_node *nodes[HOSTS_MAX];
    cg_outputs outputs[HOSTS_MAX];
    uint32_t hosts;
    uint64_t now_ns;
} rig;

static inline cg_node_options options_for(uint32_t hosts, uint32_t host) {
    cg_node_options options = cg_node_options_default();
    options.hosts = hosts;
    options.host = host;
    options.replicas = hosts > 1 ? 1 : 0;
    options.tries = 4;
    return options;
}

static inline rig make_rig_with(uint32_t hosts, const cg_node_options *like) {
    rig made = {.hosts = hosts, .now_ns = MS};
    for (uint32_t host = 0; host < hosts; host++) {
        cg_error error = {0};
        cg_node_options options = *like;
        options.host = host;
        assert_ok(
            cg_node_alloc(&options, &corpus, cg_allocator_heap(), &made.nodes[host], &error),
            error);
        cg_outputs_init(&made.outputs[host], cg_allocator_heap());
    }
    return made;
}

static inline rig make_rig(uint32_t hosts) {
    cg_node_options options = options_for(hosts, 0);
    return make_rig_with(hosts, &options);
}

static inline void free_rig(rig *used) {
    for (uint32_t host = 0; host < used->hosts; host++) {
        cg_node_free(used->nodes[host]);
        cg_outputs_deinit(&used->outputs[host]);
    }
}

static inline const cg_outputs *step(rig *used, uint32_t host, cg_event event) {
    cg_error error = {0};
    event.now_ns = used->now_ns;
    assert_ok(cg_node_step(used->nodes[host], &event, &used->outputs[host], &error), error);
    return &used->outputs[host];
}

static inline const cg_outputs *request(rig *used, uint32_t host, uint64_t id,
                                        const char *text) {
    return step(used, host,
                (cg_event){.kind = CG_EVENT_REQUEST,
                           .id = id,
                           .bytes = (const uint8_t *)text,
                           .size_bytes = strlen(text)});
}

static inline const cg_outputs *storage_done(rig *used, uint32_t host, uint64_t token) {
    return step(used, host, (cg_event){.kind = CG_EVENT_STORAGE_DONE, .id = token});
}

static inline const cg_outputs *timer(rig *used, uint32_t host, uint64_t id) {
    return step(used, host, (cg_event){.kind = CG_EVENT_TIMER, .id = id});
}

static inline const cg_outputs *message(rig *used, uint32_t host, const uint8_t *bytes,
                                        size_t size) {
    return step(used, host,
                (cg_event){.kind = CG_EVENT_MESSAGE, .bytes = bytes, .size_bytes = size});
}

static inline uint32_t count_of(const cg_outputs *outputs, cg_output_kind kind) {
    uint32_t count = 0;
    for (size_t i = 0; i < outputs->count; i++) {
        count += outputs->items[i].kind == kind;
    }
    return count;
}

/* The only output of the kind; copied, with its bytes, so that it survives further steps. */
typedef struct taken {
    cg_output output;
    uint8_t *bytes;
} taken;

static inline taken take(const cg_outputs *outputs, cg_output_kind kind) {
    assert_int_equal(count_of(outputs, kind), 1);
    size_t at = 0;
    while (outputs->items[at].kind != kind) {
        at++;
    }
    taken found = {.output = outputs->items[at], .bytes = NULL};
    found.bytes = malloc(found.output.size_bytes + 1);
    assert_non_null(found.bytes);
    if (found.output.size_bytes > 0) {
        memcpy(found.bytes, outputs->bytes + found.output.offset, found.output.size_bytes);
    }
    return found;
}

static inline cg_reply take_reply(const cg_outputs *outputs) {
    taken found = take(outputs, CG_OUTPUT_REPLY);
    free(found.bytes);
    return found.output.reply;
}

static inline uint16_t type_of(const taken *sent) {
    cg_reader reader = cg_reader_init(sent->bytes + 6, 2);
    return cg_read_u16(&reader);
}

/* Messages of a partition's group. */
static inline uint16_t group_type(cg_group_message_type type) {
    return (uint16_t)(CG_MESSAGE_PROTOCOLS + (unsigned)CG_PROTOCOL_GROUP * CG_PROTOCOL_TYPES +
                      (unsigned)type);
}

/* The timer of a partition's group, the number-th that it set. */
static inline uint64_t group_timer_id(uint32_t partition, uint32_t number) {
    return cg_timer_id(CG_TIMER_PROTOCOL, number |
                                              (uint64_t)partition << CG_PROTOCOL_OWNER_SHIFT |
                                              (uint64_t)CG_PROTOCOL_GROUP << CG_PROTOCOL_SHIFT);
}

/* A write is whole frames, each of a record of that partition; the record of the nth of them, from 0,
 * borrowed from the write and the buffers. */
static inline cg_log_record record_in(const taken *write, uint32_t partition, uint32_t nth,
                                      cg_log_buffers *buffers) {
    size_t offset = 0;
    cg_frame frame = {0};
    for (uint32_t i = 0; i <= nth; i++) {
        assert_true(cg_frame_next(write->bytes, write->output.size_bytes, &offset, &frame));
        assert_int_equal(frame.kind, CG_FRAME_RECORD);
        assert_int_equal(frame.owner, partition);
    }
    cg_log_record record;
    size_t used = 0;
    cg_error error = {0};
    assert_ok(cg_log_record_decode(frame.payload, frame.payload_bytes, buffers, &record, &used,
                                   &error),
              error);
    assert_int_equal(used, frame.payload_bytes);
    return record;
}

/* How many frames a write is, to its last byte. */
static inline uint32_t frames_in(const taken *write) {
    size_t offset = 0;
    cg_frame frame;
    uint32_t count = 0;
    while (cg_frame_next(write->bytes, write->output.size_bytes, &offset, &frame)) {
        count++;
    }
    assert_int_equal(offset, write->output.size_bytes);
    return count;
}

/* The n-th id, from 1, whose partition is the one wanted. */
static inline uint64_t id_in(uint32_t partition, uint32_t hosts, uint32_t nth) {
    for (uint64_t id = 1;; id++) {
        if (cg_node_partition_of(id, hosts) == partition && nth-- <= 1) {
            return id;
        }
    }
}

static inline uint64_t hash_of(const rig *used, uint32_t host, uint32_t partition) {
    return cg_node_partition(used->nodes[host], partition).hash;
}

static inline void assert_ignored(rig *used, uint32_t host, const uint8_t *bytes, size_t size) {
    uint64_t refused = cg_node_statistics_of(used->nodes[host]).messages_refused;
    assert_int_equal(message(used, host, bytes, size)->count, 0);
    assert_int_equal(cg_node_statistics_of(used->nodes[host]).messages_refused, refused + 1);
}

/* A gateway is told who decides; nothing else comes of its message. */
static inline void assert_redirected(rig *used, uint32_t host, const uint8_t *bytes,
                                     size_t size) {
    taken sent = take(message(used, host, bytes, size), CG_OUTPUT_SEND);
    assert_int_equal(used->outputs[host].count, 1);
    assert_int_equal(type_of(&sent), CG_MESSAGE_REDIRECT);
    free(sent.bytes);
}

/* Puts the header's fields and a right checksum around the payload that stands in bytes. */
static inline void seal(uint8_t *bytes, size_t size, uint16_t type, uint32_t from,
                        uint32_t to) {
    cg_wire_header header = {.type = type,
                             .from = from,
                             .to = to,
                             .payload_bytes = (uint32_t)(size - CG_WIRE_HEADER_BYTES)};
    cg_wire_seal(&header, bytes);
}

static inline int rig_set_up(void **state) {
    (void)state;
    cg_runner serial = cg_runner_serial();
    cg_error error = {0};
    cg_allocator heap = cg_allocator_heap();
    if (support_corpus_build(CG_INDEX_HNSW, &serial, heap, &corpus, &error) != CG_OK ||
        support_corpus_school(&corpus, SUPPORT_LESSONS, heap, &error) != CG_OK) {
        print_error("%s\n", error.message);
        return 1;
    }
    return 0;
}

static inline int rig_tear_down(void **state) {
    (void)state;
    cg_corpus_deinit(&corpus);
    return 0;
}

#endif
