/* A world around nodes: what they put out is kept and delivered, in order or in an order that a
 * test chooses. Requests of every kind, too.
 *
 * Legal for a test to choose: which delivery comes next, how late a timer fires, messages lost,
 * repeated and reordered. Timers, writes and reads come once.
 */
#ifndef CG_TESTS_SUPPORT_SERVICE_H
#define CG_TESTS_SUPPORT_SERVICE_H

#include "engine/base/hash.h"
#include "engine/node/node_internal.h"
#include "tests/support/rig.h"

/* --- requests ------------------------------------------------------------------------------ */

static inline cg_event allocate_of(uint64_t id, const char *text) {
    return (cg_event){.kind = CG_EVENT_REQUEST,
                      .id = id,
                      .priority = CG_PRIORITY_NORMAL,
                      .bytes = (const uint8_t *)text,
                      .size_bytes = strlen(text)};
}

/* Texts behind their lengths, at bytes; returns how many they are. */
static inline size_t batch_bytes(const char *const *texts, uint32_t count, uint8_t *bytes,
                                 size_t capacity) {
    cg_writer writer = cg_writer_init(bytes, capacity);
    for (uint32_t i = 0; i < count; i++) {
        cg_write_u32(&writer, (uint32_t)strlen(texts[i]));
        cg_write_bytes(&writer, texts[i], strlen(texts[i]));
    }
    return writer.used_bytes;
}

static inline cg_event batch_of(uint64_t id, const uint8_t *bytes, size_t size_bytes) {
    return (cg_event){.kind = CG_EVENT_REQUEST,
                      .request = CG_REQUEST_BATCH,
                      .id = id,
                      .priority = CG_PRIORITY_NORMAL,
                      .bytes = bytes,
                      .size_bytes = size_bytes};
}

static inline cg_event removal_of(uint64_t id, uint64_t target) {
    return (cg_event){.kind = CG_EVENT_REQUEST,
                      .request = CG_REQUEST_DEALLOCATE,
                      .id = id,
                      .priority = CG_PRIORITY_NORMAL,
                      .target = target};
}

static inline cg_event get_of(uint64_t id, uint64_t target) {
    cg_event event = removal_of(id, target);
    event.request = CG_REQUEST_GET;
    return event;
}

/* bytes: room for 8 * count. */
static inline cg_event recall_of(uint64_t id, const uint64_t *keys, uint32_t count,
                                 uint32_t hops, uint8_t *bytes) {
    cg_writer writer = cg_writer_init(bytes, count * sizeof *keys);
    for (uint32_t i = 0; i < count; i++) {
        cg_write_u64(&writer, keys[i]);
    }
    return (cg_event){.kind = CG_EVENT_REQUEST,
                      .request = CG_REQUEST_RECALL,
                      .id = id,
                      .priority = CG_PRIORITY_NORMAL,
                      .hops = hops,
                      .bytes = bytes,
                      .size_bytes = count * sizeof *keys};
}

enum { RIG_KEYS = 1000 };

/* A node of keys without content, over tiers of 8 and 32 and a store. */
static inline cg_node_options keys_options(void) {
    cg_node_options options = cg_node_options_default();
    options.keys = RIG_KEYS;
    options.tiers[0].capacity = 8;
    options.tiers[1].capacity = 32;
    return options;
}

static inline rig keys_rig(const cg_node_options *options) {
    rig made = {.hosts = 1, .now_ns = MS};
    cg_error error = {0};
    assert_ok(cg_node_alloc(options, NULL, cg_allocator_heap(), &made.nodes[0], &error), error);
    cg_outputs_init(&made.outputs[0], cg_allocator_heap());
    return made;
}

/* A step whose sentence is wanted. */
static inline const cg_outputs *step_told(rig *used, uint32_t host, cg_event event,
                                          cg_error *error) {
    *error = (cg_error){0};
    event.now_ns = used->now_ns;
    cg_status status = cg_node_step(used->nodes[host], &event, &used->outputs[host], error);
    assert_ok(status, *error);
    return &used->outputs[host];
}

/* The request is turned down in this step, with this sentence, and nothing else comes of it but a
 * timer for its end. */
static inline cg_reply assert_refused(rig *used, uint32_t host, cg_event event,
                                      cg_status status, const char *part) {
    cg_error error;
    const cg_outputs *outputs = step_told(used, host, event, &error);
    cg_reply reply = take_reply(outputs);
    assert_int_equal(outputs->count, 1 + count_of(outputs, CG_OUTPUT_TIMER));
    assert_int_equal(reply.request_id, event.id);
    assert_int_equal(reply.request, event.request);
    assert_status(reply.status, status, error, part);
    return reply;
}

/* The only timer of the kind among the outputs. */
static inline cg_output timer_of(const cg_outputs *outputs, cg_timer_kind kind) {
    cg_output found = {0};
    uint32_t count = 0;
    for (size_t i = 0; i < outputs->count; i++) {
        const cg_output *output = &outputs->items[i];
        if (output->kind == CG_OUTPUT_TIMER && (output->id & CG_NODE_TIMER_OTHER) &&
            cg_timer_kind_of(output->id) == kind) {
            found = *output;
            count++;
        }
    }
    assert_int_equal(count, 1);
    return found;
}

/* --- the world ----------------------------------------------------------------------------- */

typedef struct delivery {
    uint32_t host;
    uint64_t at_ns; /* timers: not before it; else 0 */
    cg_event event;
    uint8_t *bytes; /* of a message */
} delivery;

typedef struct told {
    uint32_t host;
    uint64_t at_ns;
    cg_reply reply;
} told;

typedef struct world {
    rig *nodes;
    delivery *queue; /* in the order in which they were put out */
    size_t count;
    size_t capacity;
    told *replies;
    size_t reply_count;
    size_t reply_capacity;
    uint32_t alerts;
    uint32_t reads;
    char alert[CG_MONITOR_TEXT_BYTES]; /* the last one */
    cg_hasher hasher;                  /* over all outputs */
} world;

static inline world world_of(rig *nodes) {
    return (world){.nodes = nodes, .hasher = cg_hasher_init()};
}

static inline void world_put(world *self, delivery what) {
    cg_allocator heap = cg_allocator_heap();
    cg_error error = {0};
    assert_ok(CG_GROW(&heap, self->queue, self->capacity, self->count + 1, &error), error);
    self->queue[self->count++] = what;
}

static inline void world_told(world *self, uint32_t host, const cg_reply *reply) {
    cg_allocator heap = cg_allocator_heap();
    cg_error error = {0};
    assert_ok(
        CG_GROW(&heap, self->replies, self->reply_capacity, self->reply_count + 1, &error),
        error);
    self->replies[self->reply_count++] = (told){host, self->nodes->now_ns, *reply};
}

static inline void world_hash(world *self, const cg_output *output, const uint8_t *bytes) {
    cg_hasher_add_u64(&self->hasher, (uint64_t)output->kind);
    cg_hasher_add_u64(&self->hasher, output->id);
    cg_hasher_add_u64(&self->hasher, output->at_ns);
    cg_hasher_add_u64(&self->hasher, output->reply.request_id);
    cg_hasher_add_u64(&self->hasher, (uint64_t)output->reply.status);
    cg_hasher_add_u64(&self->hasher, output->reply.fact_id);
    cg_hasher_add_u64(&self->hasher, output->reply.slot);
    cg_hasher_add_u64(&self->hasher, output->reply.forecast_ns);
    cg_hasher_add_u64(&self->hasher, cg_hash_bytes(bytes, output->size_bytes, 0));
}

static inline void world_one(world *self, uint32_t host, const cg_output *output,
                             const uint8_t *bytes) {
    delivery next = {.host = host};
    next.event.id = output->id;
    switch (output->kind) {
    case CG_OUTPUT_SEND:
        next.host = output->to;
        CG_ASSERT(bytes);
        next.bytes = malloc(output->size_bytes + 1);
        assert_non_null(next.bytes);
        memcpy(next.bytes, bytes, output->size_bytes);
        next.event = (cg_event){
            .kind = CG_EVENT_MESSAGE, .bytes = next.bytes, .size_bytes = output->size_bytes};
        break;
    case CG_OUTPUT_TIMER:
        next.event.kind = CG_EVENT_TIMER;
        next.at_ns = output->at_ns;
        break;
    case CG_OUTPUT_WRITE:
        next.event.kind = CG_EVENT_STORAGE_DONE;
        break;
    case CG_OUTPUT_TRUNCATE: /* nobody keeps a journal here */
        return;
    case CG_OUTPUT_READ:
        next.event.kind = CG_EVENT_READ_DONE;
        self->reads++;
        break;
    case CG_OUTPUT_REPLY:
        world_told(self, host, &output->reply);
        return;
    case CG_OUTPUT_ALERT:
        self->alerts++;
        snprintf(self->alert, sizeof self->alert, "%.*s", (int)output->size_bytes,
                 (const char *)bytes);
        return;
    }
    world_put(self, next);
}

/* Keeps what the last step of the host put out. */
static inline void world_keep(world *self, uint32_t host) {
    const cg_outputs *outputs = &self->nodes->outputs[host];
    for (size_t i = 0; i < outputs->count; i++) {
        const cg_output *output = &outputs->items[i];
        const uint8_t *bytes = output->size_bytes > 0 ? outputs->bytes + output->offset : NULL;
        world_hash(self, output, bytes);
        world_one(self, host, output, bytes);
    }
}

static inline void world_ask(world *self, uint32_t host, cg_event event) {
    (void)step(self->nodes, host, event);
    world_keep(self, host);
}

/* Takes a delivery out of the queue; the rest keep their order. Its bytes are the caller's. */
static inline delivery world_pull(world *self, size_t at) {
    delivery what = self->queue[at];
    memmove(&self->queue[at], &self->queue[at + 1],
            (self->count - at - 1) * sizeof *self->queue);
    self->count--;
    return what;
}

static inline void world_deliver(world *self, size_t at) {
    delivery what = world_pull(self, at);
    if (what.at_ns > self->nodes->now_ns) {
        self->nodes->now_ns = what.at_ns;
    }
    (void)step(self->nodes, what.host, what.event);
    world_keep(self, what.host);
    free(what.bytes);
}

/* The next delivery in time: what is due, in the order in which it was put out. */
static inline size_t world_next(const world *self) {
    CG_ASSERT(self->queue);
    size_t next = 0;
    for (size_t i = 1; i < self->count; i++) {
        if (self->queue[i].at_ns < self->queue[next].at_ns) {
            next = i;
        }
    }
    return next;
}

static inline void world_run(world *self) {
    while (self->count > 0) {
        world_deliver(self, world_next(self));
    }
}

/* One request and all that comes of it; its reply. */
static inline cg_reply world_reply(world *self, uint32_t host, cg_event event) {
    size_t before = self->reply_count;
    world_ask(self, host, event);
    world_run(self);
    assert_int_equal(self->reply_count, before + 1);
    assert_int_equal(self->replies[before].reply.request_id, event.id);
    return self->replies[before].reply;
}

static inline void world_free(world *self) {
    cg_allocator heap = cg_allocator_heap();
    for (size_t i = 0; i < self->count; i++) {
        free(self->queue[i].bytes);
    }
    cg_deallocate(&heap, self->queue, self->capacity, sizeof *self->queue);
    cg_deallocate(&heap, self->replies, self->reply_capacity, sizeof *self->replies);
}

/* --- inspection ---------------------------------------------------------------------------- */

/* Pins of all slots of the host's own partition. */
static inline uint64_t pins_of(const cg_node *node) {
    uint64_t pins = 0;
    uint64_t last = node->corpus ? cg_log_last(node->spaces[0].holdings[0].partition.log) : 0;
    for (uint64_t sequence = 1; sequence <= last; sequence++) {
        uint64_t slot = cg_partition_slot(&node->spaces[0].holdings[0].partition, sequence);
        pins += slot == CG_SLOT_NONE
                    ? 0
                    : cg_pools_pins(node->spaces[0].holdings[0].partition.pools, slot);
    }
    return pins;
}

static inline uint64_t items_in(const cg_node *node, cg_item_state state) {
    uint64_t count = 0;
    for (size_t i = 0; i < node->items_used; i++) {
        count += node->items[i].state == state;
    }
    return count;
}

#endif
