/* A small cluster whose network, disks and clocks do what somebody else's bytes say: for fuzzing.
 *
 * Events stand in a queue by (time, number). Messages take 1 ms, writes 0.5 ms; a host's writes become
 * durable in order; what a dead host was to get is lost with it. What is done to a message on its way is
 * the caller's: hostile_next hands it out before it is delivered.
 */
#ifndef CG_TESTS_SUPPORT_HOSTILE_WORLD_H
#define CG_TESTS_SUPPORT_HOSTILE_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "engine/node/node_internal.h"
#include "tests/support/corpus.h"

enum {
    HOSTILE_HOSTS_MAX = 4,
    HOSTILE_QUEUE_MAX = 20000, /* more under way: a storm, which is a failure */
    HOSTILE_OUTPUTS_MAX = 5000 /* of one step */
};
#define HOSTILE_MS UINT64_C(1000000)

/* Not one that NDEBUG takes away. */
static inline void hostile_require(bool condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "hostile world: %s\n", what);
        abort();
    }
}

typedef struct hostile_item {
    uint64_t at_ns;
    uint64_t number;
    uint64_t life; /* of the host; ignored of messages, which find whoever lives then */
    uint32_t host;
    cg_event_kind kind;
    uint64_t id;
    uint8_t *bytes; /* owned: a message, or what a write makes durable */
    size_t size_bytes;
} hostile_item;

typedef struct hostile_disk {
    uint8_t *bytes;
    size_t used;
    size_t capacity;
} hostile_disk;

typedef struct hostile_host {
    cg_node *node; /* NULL: dead */
    uint64_t life; /* this one, from 0 */
    uint64_t starts;
    int64_t skew_ns;
    hostile_disk disk;
} hostile_host;

typedef struct hostile_world {
    cg_node_options options;
    const cg_corpus *corpus;
    uint32_t hosts;
    hostile_host host[HOSTILE_HOSTS_MAX];
    cg_outputs outputs;
    hostile_item *queue; /* a binary heap */
    size_t queued;
    uint64_t number;
    uint64_t now_ns;
    uint64_t answered; /* replies of any status */
    uint64_t done;     /* replies CG_OK */
    uint64_t awaited;  /* id of a request, and ... */
    cg_status answer;  /* ... the last answer to it */
    uint32_t answers;
} hostile_world;

/* --- the queue --- */

static inline bool hostile_before(const hostile_item *a, const hostile_item *b) {
    return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->number < b->number);
}

static inline void hostile_swap(hostile_item *a, hostile_item *b) {
    hostile_item held = *a;
    *a = *b;
    *b = held;
}

/* Takes item.bytes. */
static inline void hostile_push(hostile_world *world, hostile_item item) {
    hostile_require(world->queued < HOSTILE_QUEUE_MAX,
                    "more is under way than a cluster needs");
    item.number = world->number++;
    size_t at = world->queued++;
    world->queue[at] = item;
    for (; at > 0 && hostile_before(&world->queue[at], &world->queue[(at - 1) / 2]);
         at = (at - 1) / 2) {
        hostile_swap(&world->queue[at], &world->queue[(at - 1) / 2]);
    }
}

/* The first one; its bytes are the caller's. False: nothing is under way. */
static inline bool hostile_pop(hostile_world *world, hostile_item *out) {
    if (world->queued == 0) {
        return false;
    }
    *out = world->queue[0];
    world->queue[0] = world->queue[--world->queued];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < world->queued; child++) {
            least = hostile_before(&world->queue[child], &world->queue[least]) ? child : least;
        }
        if (least == at) {
            return true;
        }
        hostile_swap(&world->queue[at], &world->queue[least]);
        at = least;
    }
}

static inline uint8_t *hostile_copy(const uint8_t *bytes, size_t size_bytes) {
    uint8_t *copy = malloc(size_bytes + 1);
    hostile_require(copy != NULL, "no memory");
    if (size_bytes > 0) {
        memcpy(copy, bytes, size_bytes);
    }
    return copy;
}

static inline void hostile_send(hostile_world *world, uint32_t to, const uint8_t *bytes,
                                size_t size_bytes, uint64_t after_ns) {
    hostile_push(world, (hostile_item){.at_ns = world->now_ns + after_ns,
                                       .host = to,
                                       .kind = CG_EVENT_MESSAGE,
                                       .bytes = hostile_copy(bytes, size_bytes),
                                       .size_bytes = size_bytes});
}

/* --- steps --- */

static inline void hostile_disk_add(hostile_disk *disk, const uint8_t *bytes, size_t size) {
    if (disk->used + size > disk->capacity) {
        disk->capacity = 2 * (disk->used + size);
        disk->bytes = realloc(disk->bytes, disk->capacity);
        hostile_require(disk->bytes != NULL, "no memory");
    }
    if (size > 0) {
        memcpy(disk->bytes + disk->used, bytes, size);
    }
    disk->used += size;
}

static inline void hostile_take(hostile_world *world, uint32_t host, const cg_output *output) {
    hostile_host *self = &world->host[host];
    hostile_item item = {.at_ns = world->now_ns + HOSTILE_MS / 2,
                         .life = self->life,
                         .host = host,
                         .id = output->id};
    switch (output->kind) {
    case CG_OUTPUT_SEND:
        hostile_require(output->to < world->hosts, "a message to nobody");
        hostile_send(world, output->to, world->outputs.bytes + output->offset,
                     output->size_bytes, HOSTILE_MS);
        return;
    case CG_OUTPUT_TIMER:
        item.kind = CG_EVENT_TIMER;
        item.at_ns = output->at_ns > world->now_ns ? output->at_ns : world->now_ns;
        break;
    case CG_OUTPUT_WRITE:
        item.kind = CG_EVENT_STORAGE_DONE;
        item.bytes = hostile_copy(world->outputs.bytes + output->offset, output->size_bytes);
        item.size_bytes = output->size_bytes;
        break;
    case CG_OUTPUT_READ:
        item.kind = CG_EVENT_READ_DONE;
        break;
    case CG_OUTPUT_TRUNCATE:
        hostile_require(output->size_bytes <= self->disk.used, "a journal cut where it is not");
        self->disk.used = output->size_bytes;
        return;
    case CG_OUTPUT_REPLY:
        world->answered++;
        world->done += output->reply.status == CG_OK;
        if (output->reply.request_id == world->awaited) {
            world->answer = output->reply.status;
            world->answers++;
        }
        return;
    case CG_OUTPUT_ALERT:
        return;
    }
    hostile_push(world, item);
}

static inline void hostile_step(hostile_world *world, uint32_t host, cg_event event) {
    hostile_host *self = &world->host[host];
    if (!self->node) {
        return;
    }
    cg_error error = {0};
    event.now_ns = world->now_ns;
    int64_t wall = (int64_t)world->now_ns + self->skew_ns;
    event.wall_ns = wall > 0 ? (uint64_t)wall : 1;
    cg_status status = cg_node_step(self->node, &event, &world->outputs, &error);
    if (status != CG_OK) {
        fprintf(stderr, "step of host %u: %s: %s\n", host, cg_status_name(status),
                error.message);
    }
    hostile_require(status == CG_OK, "a node cannot go on");
    hostile_require(world->outputs.count <= HOSTILE_OUTPUTS_MAX, "a step without measure");
    for (size_t i = 0; i < world->outputs.count; i++) {
        hostile_take(world, host, &world->outputs.items[i]);
    }
}

/* Delivers an item and frees its bytes. */
static inline void hostile_deliver(hostile_world *world, hostile_item *item) {
    hostile_host *self = &world->host[item->host];
    bool lives = self->node && (item->kind == CG_EVENT_MESSAGE || item->life == self->life);
    if (lives && item->kind == CG_EVENT_STORAGE_DONE) {
        hostile_disk_add(&self->disk, item->bytes, item->size_bytes);
    }
    if (lives) {
        bool is_message = item->kind == CG_EVENT_MESSAGE;
        hostile_step(world, item->host,
                     (cg_event){.kind = item->kind,
                                .id = item->id,
                                .bytes = is_message ? item->bytes : NULL,
                                .size_bytes = is_message ? item->size_bytes : 0});
    }
    free(item->bytes);
    item->bytes = NULL;
}

/* --- requests --- */

/* A request of the kind (and, in bits above it, its flags), made up from its id. */
static inline void hostile_request(hostile_world *world, uint32_t host, uint32_t kind,
                                   uint64_t id) {
    cg_stream stream = cg_stream_init(1, "protocol.request", id);
    char text[SUPPORT_TEXT_BYTES];
    uint8_t bytes[8 + SUPPORT_TEXT_BYTES];
    cg_event event = {.kind = CG_EVENT_REQUEST,
                      .request = (cg_request_kind)(kind % CG_REQUEST_KIND_COUNT),
                      .id = id,
                      .space = (uint32_t)id % world->options.spaces,
                      .priority = CG_PRIORITY_NORMAL,
                      .hops = 2,
                      .target = 1 + cg_stream_next_below(&stream, id),
                      .flags = kind & 32 ? CG_REQUEST_NEAR : 0,
                      .bytes = (const uint8_t *)text,
                      .size_bytes = support_fact_text(&stream, text)};
    if (event.request == CG_REQUEST_BATCH) {
        cg_writer writer = cg_writer_init(bytes, sizeof bytes);
        cg_write_u32(&writer, (uint32_t)event.size_bytes);
        cg_write_bytes(&writer, text, event.size_bytes);
        event.bytes = bytes;
        event.size_bytes = writer.used_bytes;
    } else if (event.request == CG_REQUEST_EDGE) {
        cg_edge_change change = {.from = id % 7,
                                 .to = 20 + id % 5,
                                 .confidence_q16 = 1000,
                                 .weight = (uint8_t)id,
                                 .removes = kind & 64};
        event.bytes = bytes;
        event.size_bytes = cg_edge_change_write(&change, bytes);
    } else if (event.request == CG_REQUEST_RECALL) {
        cg_writer writer = cg_writer_init(bytes, sizeof bytes);
        cg_write_u64(&writer, id % SUPPORT_CONCEPTS);
        event.bytes = bytes;
        event.size_bytes = writer.used_bytes;
    } else if (event.request == CG_REQUEST_SPREAD) {
        event.flags = CG_REQUEST_TEXT;
    }
    hostile_step(world, host, event);
}

/* --- lives --- */

static inline void hostile_crash(hostile_world *world, uint32_t host) {
    cg_node_free(world->host[host].node);
    world->host[host].node = NULL;
}

static inline void hostile_start(hostile_world *world, uint32_t host, uint32_t flags) {
    hostile_host *self = &world->host[host];
    hostile_crash(world, host);
    cg_error error = {0};
    self->life = self->starts++;
    cg_node_options options = world->options;
    options.host = host;
    options.life = self->life;
    hostile_require(cg_node_alloc(&options, world->corpus, cg_allocator_heap(), &self->node,
                                  &error) == CG_OK,
                    error.message);
    /* The node cuts the image while it reads it. */
    size_t size = self->disk.used;
    uint8_t *image = hostile_copy(self->disk.bytes, size);
    hostile_step(world, host,
                 (cg_event){.kind = CG_EVENT_START,
                            .id = self->life,
                            .flags = flags,
                            .bytes = image,
                            .size_bytes = size});
    free(image);
}

static inline void hostile_world_init(hostile_world *world, const cg_node_options *options,
                                      const cg_corpus *corpus) {
    *world = (hostile_world){.options = *options,
                             .corpus = corpus,
                             .hosts = options->hosts,
                             .now_ns = HOSTILE_MS,
                             .awaited = UINT64_MAX};
    world->queue = malloc(HOSTILE_QUEUE_MAX * sizeof *world->queue);
    hostile_require(world->queue != NULL, "no memory");
    cg_outputs_init(&world->outputs, cg_allocator_heap());
}

static inline void hostile_world_deinit(hostile_world *world) {
    for (size_t i = 0; i < world->queued; i++) {
        free(world->queue[i].bytes);
    }
    free(world->queue);
    for (uint32_t host = 0; host < world->hosts; host++) {
        cg_node_free(world->host[host].node);
        free(world->host[host].disk.bytes);
    }
    cg_outputs_deinit(&world->outputs);
}

#endif
