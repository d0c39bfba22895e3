/* A bare world for replication groups: hosts with disks that tear, a network that hurts, one heap of
 * events. The machine is a log and nothing else; records are removals, known by their request id, which
 * is an index into what clients asked for.
 *
 *   group_world.h     hosts, disks, network, events
 *   group_clients.h   who asks, and who reads
 *   group_checks.h    what must hold, throughout and in the end
 *   group_schedule.h  options and faults drawn from a seed
 */
#ifndef CG_TESTS_SUPPORT_GROUP_WORLD_H
#define CG_TESTS_SUPPORT_GROUP_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/heap.h"
#include "engine/replica/group.h"
#include "tests/support/support.h"

enum { WORLD_HOSTS = CG_GROUP_VOTERS_MAX, REQUEST_AT = 28, READS_MAX = 4096 };
#define WORLD_MS UINT64_C(1000000)
#define WORLD_S  (1000 * WORLD_MS)

typedef enum world_kind { WORLD_MESSAGE, WORLD_TIMER, WORLD_DISK, WORLD_ACTION } world_kind;

typedef struct world_event {
    world_kind kind;
    uint32_t host;
    uint32_t from;
    uint16_t type;
    uint64_t life;
    uint64_t number; /* timer, token, action */
    uint8_t *bytes;
    size_t size_bytes;
} world_event;

typedef struct world_write {
    uint64_t token;
    uint8_t *bytes;
    size_t size_bytes;
} world_write;

struct world;

typedef struct world_host {
    struct world *world;
    uint32_t number;
    bool is_up;
    bool forgot;
    uint64_t life;
    uint64_t disk_life;
    cg_group *group;
    cg_log_store *log;
    uint8_t *journal;
    size_t journal_bytes;
    world_write *writes; /* under way, in order */
    size_t writes_count;
    uint64_t disk_free_ns;
    uint64_t disk_ns;   /* a write's time */
    uint64_t paused_ns; /* until then it does nothing */
    uint64_t acked;     /* sequence up to which clients were told, in this epoch */
    uint64_t acked_epoch;
    bool was_primary;
    uint64_t primary_epoch;
    cg_group_statistics before; /* of earlier lives */
} world_host;

typedef struct world_request {
    cg_log_id id;
    bool is_acked;
    bool is_fragile; /* the only disk that had it was lost */
} world_request;

typedef struct world_read {
    uint32_t host;
    uint64_t life;
    uint64_t seen; /* committed when it was asked */
    bool is_open;
} world_read;

typedef struct world_counts {
    uint64_t messages, torn, losses, altered, crashes, reads_good, reads_bad, acked, made,
        steps;
} world_counts;

typedef struct world {
    cg_group_options options;
    cg_allocator allocator;
    uint32_t hosts_count;
    world_host hosts[WORLD_HOSTS];
    cg_heap heap;
    uint64_t now_ns;
    uint64_t sequence;
    cg_stream stream;
    bool is_blocked[WORLD_HOSTS][WORLD_HOSTS];
    uint32_t loss_percent, duplicate_percent, late_percent;
    uint64_t delay_ns, spread_ns;
    world_request *requests;
    size_t requests_count, requests_capacity;
    world_read reads[READS_MAX];
    uint64_t reads_count;
    cg_log_id *committed;
    uint64_t *committed_epochs;
    uint64_t committed_count, committed_capacity;
    uint32_t *ackers; /* by epoch: host + 1 */
    size_t ackers_count;
    void (*act)(struct world *world, uint64_t action);
    world_counts counts;
    bool has_failed;
    bool tolerates_memory; /* a host whose memory is out dies, and that is all */
    char failure[512];
} world;

__attribute__((format(printf, 2, 3))) static inline void world_fail(world *w,
                                                                    const char *format, ...) {
    if (w->has_failed) {
        return;
    }
    w->has_failed = true;
    va_list arguments;
    va_start(arguments, format);
    int used = snprintf(w->failure, sizeof w->failure,
                        "at %.6f s: ", (double)w->now_ns / (double)WORLD_S);
    (void)vsnprintf(w->failure + used, sizeof w->failure - (size_t)used, format, arguments);
    va_end(arguments);
}

static inline bool world_unites(const world *w) {
    return w->options.acknowledge == CG_ACKNOWLEDGE_PRIMARY;
}
static inline bool world_is_witness(const world *w, uint32_t host) {
    return w->options.has_witness && host + 1 == w->hosts_count;
}
static inline uint64_t world_below(world *w, uint64_t n) {
    return cg_stream_next_below(&w->stream, n);
}

static inline void world_push(world *w, uint64_t at_ns, world_event event) {
    world_event *copy = malloc(sizeof *copy);
    assert_non_null(copy);
    *copy = event;
    cg_error error;
    assert_ok(cg_heap_push(&w->heap, (cg_heap_entry){at_ns, 0, w->sequence++, copy}, &error),
              error);
}

static inline uint8_t *world_copy(const uint8_t *bytes, size_t size_bytes) {
    uint8_t *copy = malloc(size_bytes + 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size_bytes);
    return copy;
}

static inline void world_act_at(world *w, uint64_t at_ns, uint64_t action) {
    world_push(w, at_ns, (world_event){.kind = WORLD_ACTION, .number = action});
}

/* --- port and machine --- */

static inline uint64_t world_delay(world *w) {
    uint64_t delay = w->delay_ns + world_below(w, w->spread_ns + 1);
    if (world_below(w, 100) < w->late_percent) {
        delay += world_below(w, 3 * WORLD_S);
    }
    return delay;
}

static inline cg_status world_send(void *context, uint32_t to, uint16_t type,
                                   const uint8_t *payload, size_t size_bytes, cg_error *error) {
    (void)error;
    world_host *host = context;
    world *w = host->world;
    w->counts.messages++;
    uint32_t copies = world_below(w, 100) < w->duplicate_percent ? 2 : 1;
    for (uint32_t i = 0; i < copies; ++i) {
        if (w->is_blocked[host->number][to] || world_below(w, 100) < w->loss_percent) {
            continue;
        }
        world_push(w, w->now_ns + world_delay(w),
                   (world_event){.kind = WORLD_MESSAGE,
                                 .host = to,
                                 .from = host->number,
                                 .type = type,
                                 .bytes = world_copy(payload, size_bytes),
                                 .size_bytes = size_bytes});
    }
    return CG_OK;
}

static inline cg_status world_timer(void *context, uint64_t timer, uint64_t at_ns,
                                    cg_error *error) {
    (void)error;
    world_host *host = context;
    assert_true(timer < UINT64_C(1) << 32);
    world_push(
        host->world, at_ns,
        (world_event){
            .kind = WORLD_TIMER, .host = host->number, .life = host->life, .number = timer});
    return CG_OK;
}

static inline cg_status world_apply(void *context, const uint8_t *record, size_t size_bytes,
                                    cg_error *error) {
    world_host *host = context;
    return cg_log_append(host->log, record, size_bytes, error);
}

static inline cg_status world_cut(void *context, uint64_t last, cg_error *error) {
    (void)error;
    world_host *host = context;
    if (last > cg_log_last(host->log)) {
        world_fail(host->world, "host %u cuts to %llu of %llu", host->number,
                   (unsigned long long)last, (unsigned long long)cg_log_last(host->log));
        return CG_OK;
    }
    if (host->group && !world_unites(host->world) && last < cg_group_safe(host->group)) {
        world_fail(host->world, "host %u cuts to %llu, safe are %llu", host->number,
                   (unsigned long long)last, (unsigned long long)cg_group_safe(host->group));
    }
    cg_log_cut(host->log, last);
    return CG_OK;
}

static inline cg_status world_put(void *context, uint64_t token, const uint8_t *frames,
                                  size_t size_bytes, cg_error *error) {
    (void)error;
    world_host *host = context;
    world *w = host->world;
    host->writes = realloc(host->writes, (host->writes_count + 1) * sizeof *host->writes);
    assert_non_null(host->writes);
    host->writes[host->writes_count++] =
        (world_write){token, world_copy(frames, size_bytes), size_bytes};
    uint64_t start = host->disk_free_ns > w->now_ns ? host->disk_free_ns : w->now_ns;
    if (start > w->now_ns + WORLD_S) {
        start = w->now_ns + WORLD_S; /* what has waited for long goes together */
    }
    start += host->disk_ns / 2 + world_below(w, host->disk_ns + 1);
    host->disk_free_ns = host->disk_free_ns > start ? host->disk_free_ns : start;
    world_push(
        w, host->disk_free_ns,
        (world_event){
            .kind = WORLD_DISK, .host = host->number, .life = host->life, .number = token});
    return CG_OK;
}

static inline cg_status world_changed(void *context, cg_error *error) {
    (void)context;
    (void)error;
    return CG_OK;
}

static inline uint64_t world_request_of(const cg_log_store *log, uint64_t sequence) {
    size_t size_bytes = 0;
    const uint8_t *bytes = cg_log_bytes(log, sequence, &size_bytes);
    cg_reader reader = cg_reader_init(bytes + REQUEST_AT, 8);
    return cg_read_u64(&reader);
}

/* group_checks.h */
static inline void check_safe(world *w, world_host *host, uint64_t sequence);
static inline void check_read(world *w, world_host *host, uint64_t ticket, bool is_good);
static inline void check_host(world *w, world_host *host);
static inline void check_replay(world *w, world_host *host);

static inline cg_status world_safe(void *context, uint64_t sequence, cg_error *error) {
    (void)error;
    world_host *host = context;
    check_safe(host->world, host, sequence);
    return CG_OK;
}

static inline cg_status world_readable(void *context, uint64_t ticket, bool is_good,
                                       cg_error *error) {
    (void)error;
    world_host *host = context;
    check_read(host->world, host, ticket, is_good);
    return CG_OK;
}

static inline cg_status world_alert(void *context, cg_status what, const char *text,
                                    cg_error *error) {
    (void)context;
    (void)what;
    (void)error;
    assert_true(strlen(text) > 10);
    return CG_OK;
}

/* --- lives --- */

static inline void world_die(world_host *host) {
    if (host->group) {
        cg_group_statistics last = cg_group_statistics_of(host->group);
        cg_group_statistics_add(&host->before, &last);
    }
    for (size_t i = 0; i < host->writes_count; ++i) {
        free(host->writes[i].bytes);
    }
    host->writes_count = 0;
    cg_group_free(host->group);
    cg_log_free(host->log);
    host->group = NULL;
    host->log = NULL;
    host->is_up = false;
}

static inline void world_keep(world_host *host, const uint8_t *bytes, size_t size_bytes) {
    host->journal = realloc(host->journal, host->journal_bytes + size_bytes + 1);
    assert_non_null(host->journal);
    memcpy(host->journal + host->journal_bytes, bytes, size_bytes);
    host->journal_bytes += size_bytes;
}

/* What was under way is on the disk in part: some whole writes, and a piece of the next. */
static inline void world_crash(world *w, world_host *host) {
    w->counts.crashes++;
    uint64_t kept = world_below(w, 3); /* of two writes: none, half, most */
    for (size_t i = 0; i < host->writes_count; ++i) {
        const world_write *write = &host->writes[i];
        if (world_below(w, 3) < kept) {
            world_keep(host, write->bytes, write->size_bytes);
            continue;
        }
        size_t part = (size_t)world_below(w, write->size_bytes + 1);
        world_keep(host, write->bytes, part);
        w->counts.torn += part > 0 && part < write->size_bytes;
        break;
    }
    world_die(host);
}

/* CG_OK; or what the group said, after which the host is dead. */
static inline cg_status world_done(world *w, world_host *host, cg_status status,
                                   const cg_error *error) {
    w->counts.steps++;
    if (status == CG_OK) {
        check_host(w, host);
        return CG_OK;
    }
    if (status == CG_ERROR_MEMORY && w->tolerates_memory) {
        world_crash(w, host);
        return status;
    }
    world_fail(w, "host %u: status %s: %s", host->number, cg_status_name(status),
               error->message);
    return status;
}

static inline cg_status world_replay(world_host *host, cg_error *error) {
    size_t valid = 0;
    cg_frame frame;
    cg_status status = CG_OK;
    while (status == CG_OK &&
           cg_frame_next(host->journal, host->journal_bytes, &valid, &frame)) {
        status = cg_group_replay(host->group, &frame, error);
    }
    host->journal_bytes = valid;
    return status;
}

static inline void world_start(world *w, world_host *host) {
    cg_error error;
    cg_group_options options = w->options;
    options.host = host->number;
    cg_port port = {world_send, world_timer, host};
    cg_group_machine machine = {
        .context = host,
        .apply = world_apply,
        .cut = world_cut,
        .write = world_put,
        .changed = world_changed,
        .safe = world_safe,
        .readable = world_readable,
        .alert = world_alert,
    };
    assert_ok(cg_log_alloc(cg_allocator_heap(), &host->log, &error), error);
    machine.log = world_is_witness(w, host->number) ? NULL : host->log;
    host->disk_free_ns = w->now_ns;
    host->was_primary = false;
    host->acked = 0;
    host->acked_epoch = 0;
    cg_status status =
        cg_group_alloc(&options, &port, &machine, w->allocator, &host->group, &error);
    if (status == CG_OK) {
        status = world_replay(host, &error);
    }
    host->is_up = true;
    if (status == CG_OK) {
        check_replay(w, host);
        cg_group_start start = {w->now_ns, host->life, host->disk_life, host->forgot};
        status = cg_group_begin(host->group, &start, &error);
    }
    (void)world_done(w, host, status, &error);
}

static inline void world_restart(world *w, world_host *host) {
    host->life++;
    if (host->disk_life == UINT64_MAX) {
        host->disk_life = host->life;
    }
    world_start(w, host);
}

/* --- events --- */

static inline void world_deliver(world *w, const world_event *event) {
    world_host *host = &w->hosts[event->host];
    cg_error error;
    cg_status status = CG_OK;
    if (event->kind == WORLD_ACTION) {
        w->act(w, event->number);
        return;
    }
    if (!host->is_up || (event->kind != WORLD_MESSAGE && event->life != host->life)) {
        return;
    }
    if (w->now_ns < host->paused_ns) { /* then all that waited comes at once, in any order */
        uint64_t slack = event->kind == WORLD_DISK ? 0 : world_below(w, 2 * WORLD_MS);
        world_event again = *event;
        again.bytes = event->bytes ? world_copy(event->bytes, event->size_bytes) : NULL;
        world_push(w, host->paused_ns + slack, again);
        return;
    }
    if (event->kind == WORLD_MESSAGE) {
        status = cg_group_receive(host->group, event->from, event->type, event->bytes,
                                  event->size_bytes, w->now_ns, &error);
    } else if (event->kind == WORLD_TIMER) {
        status = cg_group_timer(host->group, event->number, w->now_ns, &error);
    } else {
        while (host->writes_count > 0 && host->writes[0].token <= event->number) {
            world_write done = host->writes[0];
            memmove(host->writes, host->writes + 1, --host->writes_count * sizeof done);
            world_keep(host, done.bytes, done.size_bytes);
            free(done.bytes);
        }
        host->forgot = false;
        status = cg_group_durable(host->group, event->number, w->now_ns, &error);
    }
    (void)world_done(w, host, status, &error);
}

/* Until a time, or until nothing is left to come. */
static inline void world_run(world *w, uint64_t until_ns) {
    cg_heap_entry entry;
    while (!w->has_failed && cg_heap_peek(&w->heap, &entry) && entry.time_ns <= until_ns) {
        (void)cg_heap_pop(&w->heap, &entry);
        w->now_ns = entry.time_ns;
        world_event *event = entry.payload;
        world_deliver(w, event);
        free(event->bytes);
        free(event);
    }
    if (w->now_ns < until_ns) {
        w->now_ns = until_ns;
    }
}

static inline void world_init(world *w, const cg_group_options *options, uint64_t seed) {
    memset(w, 0, sizeof *w);
    w->options = *options;
    w->options.seed = seed;
    w->allocator = cg_allocator_heap();
    w->hosts_count = options->voter_count;
    w->stream = cg_stream_init(seed, "group.world", 0);
    w->delay_ns = WORLD_MS;
    w->spread_ns = WORLD_MS;
    cg_heap_init(&w->heap, cg_allocator_heap());
    for (uint32_t h = 0; h < w->hosts_count; ++h) {
        w->options.voters[h] = h;
        w->hosts[h].world = w;
        w->hosts[h].number = h;
        w->hosts[h].disk_ns = 2 * WORLD_MS;
    }
}

static inline void world_deinit(world *w) {
    cg_heap_entry entry;
    while (cg_heap_pop(&w->heap, &entry)) {
        world_event *event = entry.payload;
        free(event->bytes);
        free(event);
    }
    cg_heap_deinit(&w->heap);
    for (uint32_t h = 0; h < w->hosts_count; ++h) {
        world_die(&w->hosts[h]);
        free(w->hosts[h].journal);
        free(w->hosts[h].writes);
    }
    free(w->requests);
    free(w->committed);
    free(w->committed_epochs);
    free(w->ackers);
}

#endif
