/* What must hold of a group, by what the world sees of it alone. */
#ifndef CG_TESTS_SUPPORT_GROUP_CHECKS_H
#define CG_TESTS_SUPPORT_GROUP_CHECKS_H

#include "tests/support/group_clients.h"

/* --- the fold of a journal, told a second time --- */

typedef struct fold {
    cg_log_id *ids;
    size_t count, capacity;
} fold;

static inline void fold_add(fold *f, const uint8_t *bytes, size_t size_bytes) {
    if (f->count == f->capacity) {
        f->capacity = 2 * f->capacity + 64;
        f->ids = realloc(f->ids, f->capacity * sizeof *f->ids);
        assert_non_null(f->ids);
    }
    size_t used = 0;
    cg_error error;
    assert_ok(cg_log_record_peek(bytes, size_bytes, &used, &f->ids[f->count], &error), error);
    f->count++;
}

static inline fold fold_of(const world_host *host) {
    fold f = {0};
    size_t offset = 0;
    cg_frame frame;
    while (cg_frame_next(host->journal, host->journal_bytes, &offset, &frame)) {
        if (frame.kind == CG_FRAME_RECORD) {
            fold_add(&f, frame.payload, frame.payload_bytes);
        }
        if (frame.kind != CG_FRAME_CUT) {
            continue;
        }
        cg_reader reader = cg_reader_init(frame.payload, frame.payload_bytes);
        uint64_t last = cg_read_u64(&reader);
        uint32_t count = cg_read_u32(&reader);
        size_t ahead = offset;
        cg_frame next;
        uint32_t there = 0;
        while (there < count &&
               cg_frame_next(host->journal, host->journal_bytes, &ahead, &next) &&
               next.kind == CG_FRAME_RECORD) {
            there++;
        }
        if (there == count) {
            f.count = (size_t)last;
            continue;
        }
        for (uint32_t i = 0; i < there; ++i) { /* what is not whole does not count */
            (void)cg_frame_next(host->journal, host->journal_bytes, &offset, &next);
        }
    }
    return f;
}

static inline bool fold_has(const fold *f, const cg_log_id *id) {
    size_t low = 0;
    size_t high = f->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = cg_log_id_compare(&f->ids[middle], id);
        if (order == 0) {
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return false;
}

/* The group's replay and the fold above agree. */
static inline void check_replay(world *w, world_host *host) {
    if (world_is_witness(w, host->number)) {
        return;
    }
    fold f = fold_of(host);
    uint64_t last = cg_log_last(host->log);
    bool is_same = f.count == last;
    for (uint64_t i = 1; is_same && i <= last; ++i) {
        cg_log_id id = cg_log_id_of(host->log, i);
        is_same = cg_log_id_compare(&id, &f.ids[i - 1]) == 0;
    }
    if (!is_same) {
        world_fail(w, "host %u's replay gives %llu records, its journal has %zu", host->number,
                   (unsigned long long)last, f.count);
    }
    free(f.ids);
}

/* How far two folds are the same. */
static inline size_t fold_common(const fold *one, const fold *other) {
    size_t common = 0;
    while (common < one->count && common < other->count &&
           cg_log_id_compare(&one->ids[common], &other->ids[common]) == 0) {
        common++;
    }
    return common;
}

/* After a disk lost (part of) what it had before. A record that no other disk has is fragile. So is one
 * that another has behind the place where its log forks from the lost one: where logs are united, that
 * host may be giving it up, or be about to, since the lost disk had it. */
static inline void check_loss(world *w, const world_host *host, const fold *before) {
    fold folds[WORLD_HOSTS];
    for (uint32_t h = 0; h < w->hosts_count; ++h) {
        folds[h] = fold_of(&w->hosts[h]);
        if (h != host->number) {
            folds[h].count = fold_common(&folds[h], before);
        }
    }
    for (size_t r = 0; r < w->requests_count; ++r) {
        world_request *request = &w->requests[r];
        bool is_left = !fold_has(before, &request->id);
        for (uint32_t h = 0; h < w->hosts_count; ++h) {
            is_left = is_left || fold_has(&folds[h], &request->id);
        }
        request->is_fragile = request->is_fragile || !is_left;
    }
    for (uint32_t h = 0; h < w->hosts_count; ++h) {
        free(folds[h].ids);
    }
}

/* --- throughout --- */

static inline bool log_has_committed(const world *w, const world_host *host, uint64_t count) {
    if (cg_log_last(host->log) < count) {
        return false;
    }
    for (uint64_t i = count; i > 0 && i + 64 > count;
         --i) { /* ids ascend: the last ones tell */
        cg_log_id id = cg_log_id_of(host->log, i);
        if (cg_log_id_compare(&id, &w->committed[i - 1]) != 0) {
            return false;
        }
    }
    return true;
}

static inline void check_commit(world *w, world_host *host, uint64_t sequence) {
    uint64_t epoch = cg_group_epoch(host->group);
    for (uint64_t at = 1; at <= sequence; ++at) {
        cg_log_id id = cg_log_id_of(host->log, at);
        if (at <= w->committed_count) {
            if (cg_log_id_compare(&id, &w->committed[at - 1]) != 0) {
                world_fail(w,
                           "host %u says that record %llu is safe, as (%llu, %llu, %u); it was "
                           "(%llu, %llu, %u)",
                           host->number, (unsigned long long)at, (unsigned long long)id.epoch,
                           (unsigned long long)id.number, id.replica,
                           (unsigned long long)w->committed[at - 1].epoch,
                           (unsigned long long)w->committed[at - 1].number,
                           w->committed[at - 1].replica);
                return;
            }
            if (w->committed_epochs[at - 1] > epoch) {
                w->committed_epochs[at - 1] = epoch;
            }
            continue;
        }
        if (w->committed_count == w->committed_capacity) {
            w->committed_capacity = 2 * w->committed_capacity + 64;
            w->committed = realloc(w->committed, w->committed_capacity * sizeof id);
            w->committed_epochs = realloc(w->committed_epochs,
                                          w->committed_capacity * sizeof *w->committed_epochs);
        }
        w->committed[w->committed_count] = id;
        w->committed_epochs[w->committed_count++] = epoch;
    }
}

static inline void check_acker(world *w, const world_host *host) {
    uint64_t epoch = cg_group_epoch(host->group);
    if (epoch >= w->ackers_count) {
        size_t count = (size_t)epoch + 16;
        w->ackers = realloc(w->ackers, count * sizeof *w->ackers);
        assert_non_null(w->ackers);
        memset(w->ackers + w->ackers_count, 0, (count - w->ackers_count) * sizeof *w->ackers);
        w->ackers_count = count;
    }
    if (w->ackers[epoch] != 0 && w->ackers[epoch] != host->number + 1) {
        world_fail(w, "hosts %u and %u acknowledge in epoch %llu", w->ackers[epoch] - 1,
                   host->number, (unsigned long long)epoch);
    }
    w->ackers[epoch] = host->number + 1;
}

static inline void check_safe(world *w, world_host *host, uint64_t sequence) {
    uint64_t epoch = cg_group_epoch(host->group);
    if (host->acked_epoch != epoch) {
        host->acked_epoch = epoch;
        host->acked = 0;
    }
    if (cg_group_role_of(host->group) != CG_GROUP_PRIMARY || sequence <= host->acked ||
        sequence > cg_log_last(host->log)) {
        world_fail(w,
                   "host %u, of role %d with %llu records, says that %llu are safe after %llu",
                   host->number, (int)cg_group_role_of(host->group),
                   (unsigned long long)cg_log_last(host->log), (unsigned long long)sequence,
                   (unsigned long long)host->acked);
        return;
    }
    if (!world_unites(w)) {
        check_acker(w, host);
        check_commit(w, host, sequence);
    }
    for (uint64_t at = host->acked + 1; at <= sequence; ++at) {
        uint64_t request = world_request_of(host->log, at);
        cg_log_id id = cg_log_id_of(host->log, at);
        if (request > 0 && id.epoch == epoch && (id.replica & 0xffff) == host->number) {
            w->counts.acked += !w->requests[request - 1].is_acked;
            w->requests[request - 1].is_acked = true;
        }
    }
    host->acked = sequence;
}

static inline void check_read(world *w, world_host *host, uint64_t ticket, bool is_good) {
    world_read *read = &w->reads[ticket];
    if (!read->is_open || read->host != host->number || read->life != host->life) {
        world_fail(w, "host %u answers read %llu, which is not open there", host->number,
                   (unsigned long long)ticket);
    }
    read->is_open = false;
    w->counts.reads_good += is_good;
    w->counts.reads_bad += !is_good;
    if (is_good && !world_unites(w) && !log_has_committed(w, host, read->seen)) {
        world_fail(w, "host %u answers a read without record %llu, acknowledged before",
                   host->number, (unsigned long long)read->seen);
    }
}

/* After each step. A primary has what was committed in earlier epochs. */
static inline void check_host(world *w, world_host *host) {
    bool is_primary = cg_group_role_of(host->group) == CG_GROUP_PRIMARY;
    uint64_t epoch = cg_group_epoch(host->group);
    if (is_primary && (!host->was_primary || host->primary_epoch != epoch) &&
        !world_unites(w)) {
        uint64_t count = w->committed_count;
        while (count > 0 && w->committed_epochs[count - 1] >= epoch) {
            count--;
        }
        if (!log_has_committed(w, host, count)) {
            world_fail(w, "host %u, primary of epoch %llu, lacks record %llu, which was safe",
                       host->number, (unsigned long long)epoch, (unsigned long long)count);
        }
    }
    host->was_primary = is_primary;
    host->primary_epoch = epoch;
    if (cg_group_statistics_of(host->group).refused > 0) {
        world_fail(w, "host %u has refused a message", host->number);
    }
}

/* --- in the end --- */

static inline world_host *world_primary(world *w) {
    world_host *primary = NULL;
    for (uint32_t h = 0; h < w->hosts_count; ++h) {
        world_host *host = &w->hosts[h];
        if (world_serves(host) &&
            (!primary || cg_group_epoch(host->group) > cg_group_epoch(primary->group))) {
            primary = host;
        }
    }
    return primary;
}

static inline bool world_is_level(world *w) {
    const world_host *primary = world_primary(w);
    if (!primary || !cg_group_is_level(primary->group)) {
        return false;
    }
    uint64_t last = cg_log_last(primary->log);
    for (uint32_t h = 0; h < w->hosts_count; ++h) {
        const world_host *host = &w->hosts[h];
        if (!host->is_up || cg_group_is_recovering(host->group)) {
            return false;
        }
        if (!world_is_witness(w, h) &&
            (cg_log_last(host->log) != last ||
             cg_log_chain(host->log, last) != cg_log_chain(primary->log, last))) {
            return false;
        }
    }
    return true;
}

static inline void check_end(world *w) {
    if (!world_is_level(w)) {
        char text[300] = "";
        size_t used = 0;
        for (uint32_t h = 0; h < w->hosts_count; ++h) {
            const world_host *host = &w->hosts[h];
            if (host->is_up) {
                used += (size_t)snprintf(
                    text + used, sizeof text - used, " %u: role %d epoch %llu last %llu%s%s;",
                    h, (int)cg_group_role_of(host->group),
                    (unsigned long long)cg_group_epoch(host->group),
                    (unsigned long long)cg_log_last(host->log),
                    cg_group_is_recovering(host->group) ? " recovering" : "",
                    cg_group_is_level(host->group) ? " level" : "");
            }
        }
        world_fail(w, "logs are not level:%s", text);
        return;
    }
    const world_host *primary = world_primary(w);
    fold f = {0};
    for (uint64_t at = 1; at <= cg_log_last(primary->log); ++at) {
        size_t size_bytes = 0;
        const uint8_t *bytes = cg_log_bytes(primary->log, at, &size_bytes);
        fold_add(&f, bytes, size_bytes);
    }
    for (size_t r = 0; r < w->requests_count; ++r) {
        const world_request *request = &w->requests[r];
        bool is_excused = request->is_fragile && world_unites(w);
        if (request->is_acked && !is_excused && !fold_has(&f, &request->id)) {
            world_fail(w, "record (%llu, %llu, %u) was acknowledged, and is lost",
                       (unsigned long long)request->id.epoch,
                       (unsigned long long)request->id.number, request->id.replica);
            break;
        }
    }
    free(f.ids);
}

#endif
