/* Clients of a replication group: they ask for records, and read. */
#ifndef CG_TESTS_SUPPORT_GROUP_CLIENTS_H
#define CG_TESTS_SUPPORT_GROUP_CLIENTS_H

#include "tests/support/group_world.h"

static inline bool world_serves(const world_host *host) {
    return host->is_up && host->paused_ns <= host->world->now_ns &&
           cg_group_serves(host->group);
}

static inline void world_ask(world *w, world_host *host) {
    if (w->requests_count == w->requests_capacity) {
        w->requests_capacity = 2 * w->requests_capacity + 64;
        w->requests = realloc(w->requests, w->requests_capacity * sizeof *w->requests);
        assert_non_null(w->requests);
    }
    cg_log_record record = {.kind = CG_RECORD_REMOVE,
                            .id = cg_group_next_id(host->group),
                            .request_id = w->requests_count + 1,
                            .clock = {.physical_ns = w->now_ns},
                            .removed = cg_fact_id(1)};
    w->requests[w->requests_count++] = (world_request){.id = record.id};
    uint8_t bytes[128];
    size_t size_bytes = cg_log_record_bytes(&record);
    assert_true(size_bytes <= sizeof bytes);
    cg_log_record_encode(&record, bytes);
    cg_error error;
    assert_ok(cg_log_append(host->log, bytes, size_bytes, &error), error);
    w->counts.made++;
    (void)world_done(w, host, cg_group_appended(host->group, w->now_ns, &error), &error);
}

static inline void world_look(world *w, world_host *host) {
    if (w->reads_count == READS_MAX) {
        return;
    }
    uint64_t ticket = w->reads_count++;
    w->reads[ticket] = (world_read){host->number, host->life, w->committed_count, true};
    cg_error error;
    (void)world_done(w, host, cg_group_read(host->group, ticket, w->now_ns, &error), &error);
}

#endif
