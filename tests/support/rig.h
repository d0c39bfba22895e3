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
