/* Replay of the journal, and lives after a loss.
 *
 * A host whose disk was lost may have granted an epoch, and said that records are durable, and knows
 * nothing of it. So at first it neither votes nor stands, and what it says of its log does not count. It
 * asks all other voters; whoever answers forgets what this host said in earlier lives (all that is under
 * way from them is refused by their number), and names the epoch that it has promised and its last durable
 * record. When all have answered, this host promises the highest of the epochs, votes for nobody in it, and
 * is bound by a floor, the highest of the records: it votes for no log that ends before it, and does not
 * stand before its own log has reached it. A record that was safe with this host's help is in another's log,
 * so whoever reaches the floor has it (Liskov & Cowling 2012, section 4.3, recover by state; here a bound
 * on votes is enough, so a group of two recovers too).
 *
 * Under CG_ACKNOWLEDGE_PRIMARY votes protect nothing, and the group stays available: nobody recovers.
 *
 * With a primary for good, replicas ask it alone; and if it lost its own disk (under quorum and all), it
 * asks all replicas, and takes over the log that ends last: what was safe was durable at it, so no record
 * of another log is behind that, and the replica that counted for it has it.
 *
 * Known value: a group of three, of which one lost its disk, with epochs 4 and 7 and last records (4, 9)
 * and (7, 1) at the others, ends with epoch 7 and the floor (7, 1) (tests/unit/group_test.c).
 */
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/replica/group_internal.h"

/* --- replay --- */

static cg_status bad_frame(const cg_group *group, const cg_frame *frame, const char *what,
                           cg_error *error) {
    return cg_error_set(error, CG_ERROR_CORRUPT,
                        "partition %u: frame of kind %d with %zu bytes %s",
                        group->options.number, (int)frame->kind, frame->payload_bytes, what);
}

static cg_status replay_record(cg_group *group, const uint8_t *bytes, size_t size_bytes,
                               cg_error *error) {
    cg_status status = group->machine.apply(group->machine.context, bytes, size_bytes, error);
    if (status == CG_OK) {
        group->queued = cg_group_last(group);
        group->durable = group->queued;
    }
    return status;
}

/* All records that belong to a CUT are there: now it counts. */
static cg_status replay_rewrite(cg_group *group, cg_error *error) {
    group->has_rewrite = false;
    cg_status status = group->machine.cut(group->machine.context, group->rewrite_last, error);
    size_t offset = 0;
    while (status == CG_OK && offset < group->rewrite_used) {
        size_t used = 0;
        cg_log_id id;
        status = cg_log_record_peek(group->rewrite_bytes + offset, group->rewrite_used - offset,
                                    &used, &id, error);
        if (status == CG_OK) {
            status = replay_record(group, group->rewrite_bytes + offset, used, error);
            offset += used;
        }
    }
    return status;
}

static cg_status rewrite_record(cg_group *group, const cg_frame *frame, cg_error *error) {
    cg_status status = CG_GROW(&group->allocator, group->rewrite_bytes, group->rewrite_capacity,
                               group->rewrite_used + frame->payload_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    memcpy(group->rewrite_bytes + group->rewrite_used, frame->payload, frame->payload_bytes);
    group->rewrite_used += frame->payload_bytes;
    group->rewrite_seen++;
    return group->rewrite_seen < group->rewrite_count ? CG_OK : replay_rewrite(group, error);
}

static cg_status replay_cut(cg_group *group, const cg_frame *frame, cg_error *error) {
    cg_reader reader = cg_reader_init(frame->payload, frame->payload_bytes);
    uint64_t last = cg_read_u64(&reader);
    uint32_t count = cg_read_u32(&reader);
    if (reader.failed || cg_reader_left(&reader) > 0 || group->is_witness ||
        last > cg_group_last(group)) {
        return bad_frame(group, frame, "is no cut of this log", error);
    }
    if (count > 0) {
        group->has_rewrite = true;
        group->rewrite_last = last;
        group->rewrite_count = count;
        group->rewrite_seen = 0;
        group->rewrite_used = 0;
        return CG_OK;
    }
    if (CG_BUG(REPLAY_OUT_OF_ORDER)) {
        return CG_OK;
    }
    cg_status status = group->machine.cut(group->machine.context, last, error);
    if (status == CG_OK) {
        group->queued = last;
        group->durable = last;
    }
    return status;
}

static cg_status replay_promise(cg_group *group, const cg_frame *frame, cg_error *error) {
    cg_reader reader = cg_reader_init(frame->payload, frame->payload_bytes);
    uint64_t epoch = cg_read_u64(&reader);
    uint32_t voted = cg_read_u32(&reader);
    if (reader.failed || cg_reader_left(&reader) > 0 || epoch < group->epoch) {
        return bad_frame(group, frame, "is no promise, or one of an epoch that is over", error);
    }
    group->epoch = epoch;
    group->voted = voted;
    return CG_OK;
}

static cg_status replay_seen(cg_group *group, const cg_frame *frame, cg_error *error) {
    cg_reader reader = cg_reader_init(frame->payload, frame->payload_bytes);
    group_seen seen;
    seen.sequence = cg_read_u64(&reader);
    seen.chain = cg_read_u64(&reader);
    seen.id = cg_group_read_id(&reader);
    if (reader.failed || cg_reader_left(&reader) > 0 || !group->is_witness) {
        return bad_frame(group, frame, "is no witness's", error);
    }
    group->seen = seen;
    return CG_OK;
}

static cg_status replay_amnesia(cg_group *group, const cg_frame *frame, cg_error *error) {
    cg_reader reader = cg_reader_init(frame->payload, frame->payload_bytes);
    uint8_t forgot = cg_read_u8(&reader);
    uint64_t life = cg_read_u64(&reader);
    cg_log_id floor = cg_group_read_id(&reader);
    if (reader.failed || cg_reader_left(&reader) > 0 || forgot > 1) {
        return bad_frame(group, frame, "says nothing of a lost disk", error);
    }
    group->has_amnesia = true;
    group->is_recovering = forgot == 1;
    group->amnesia_life = life;
    group->floor = floor;
    return CG_OK;
}

cg_status cg_group_replay(cg_group *group, const cg_frame *frame, cg_error *error) {
    CG_ASSERT(!group->has_begun);
    if (group->has_rewrite && frame->kind == CG_FRAME_RECORD) {
        return rewrite_record(group, frame, error);
    }
    group->has_rewrite = false; /* the rest was lost in a crash: the log stays as it was */
    switch (frame->kind) {
    case CG_FRAME_RECORD:
        if (group->is_witness) {
            return bad_frame(group, frame, "is a record; a witness keeps none", error);
        }
        return replay_record(group, frame->payload, frame->payload_bytes, error);
    case CG_FRAME_CUT:
        return replay_cut(group, frame, error);
    case CG_FRAME_PROMISE:
        return replay_promise(group, frame, error);
    case CG_FRAME_WITNESS:
        return replay_seen(group, frame, error);
    case CG_FRAME_AMNESIA:
        return replay_amnesia(group, frame, error);
    case CG_FRAME_EDGES:
    case CG_FRAME_LIFE:
    case CG_FRAME_KIND_COUNT:
    default:
        return bad_frame(group, frame, "is none of a log's", error);
    }
}

/* --- lives --- */

static cg_status note_loss(cg_group *group, const cg_group_start *start, cg_error *error) {
    bool was_lost = start->forgot || (start->disk_life > 0 && !group->has_amnesia);
    group->disk_life =
        start->disk_life > group->amnesia_life ? start->disk_life : group->amnesia_life;
    if (was_lost) {
        group->disk_life = start->life; /* ids that this host gave before must not come again */
        group->is_recovering =
            !group_unites(group) && group->options.voter_count > 1 && start->life > 0;
        group->floor = (cg_log_id){0};
    }
    if (!was_lost) {
        return CG_OK;
    }
    return cg_group_queue_amnesia(group, group->is_recovering, error);
}

/* A primary for good takes an epoch that no life of its own had before. */
static cg_status retake(cg_group *group, cg_error *error) {
    uint64_t epoch = group->epoch + 1;
    group->asked_epoch = epoch > group->life + 1 ? epoch : group->life + 1;
    cg_status status = cg_group_adopt(group, group->asked_epoch, group->options.host, error);
    group->role = CG_GROUP_CANDIDATE;
    group->phase = group->is_recovering ? GROUP_GATHER : GROUP_TAKE;
    return status;
}

static cg_status begin_again(cg_group *group, cg_error *error) {
    if (!group->options.fails_over) {
        if (group->self == 0) {
            cg_status status = retake(group, error);
            group->recover_ns = group->is_recovering ? group->now_ns : GROUP_NEVER;
            return status;
        }
        group->primary = group->options.voters[0];
        group->needs_hello = true;
        group->recover_ns = group->now_ns;
        return CG_OK;
    }
    group->election_ns = group->options.voter_count == 1 && !group->is_witness
                             ? group->now_ns
                             : cg_group_draw_election(group);
    group->recover_ns = group->is_recovering ? group->now_ns : GROUP_NEVER;
    return CG_OK;
}

cg_status cg_group_begin(cg_group *group, const cg_group_start *start, cg_error *error) {
    CG_ASSERT(!group->has_begun);
    group->has_begun = true;
    group->now_ns = start->now_ns;
    group->life = start->life;
    group->voters[group->self].life = start->life;
    bool was_torn = group->has_rewrite;
    group->has_rewrite = false;
    uint64_t of_log = cg_group_last_id(group).epoch;
    if (of_log > group->epoch) {
        group->epoch = of_log;
        group->voted = group->options.host;
    }
    group->durable_epoch = group->epoch;
    group->durable_voted = group->voted;
    group->seen_durable = group->seen;
    cg_status status = note_loss(group, start, error);
    if (status == CG_OK && was_torn) { /* what is written now must not be taken for its rest */
        status = cg_group_cut(group, cg_group_last(group), error);
    }
    if (status != CG_OK) {
        return status;
    }
    if (start->life > 0) {
        status = begin_again(group, error);
        return status == CG_OK ? cg_group_finish(group, error) : status;
    }
    group->primary = group->options.voters[0];
    group->was_primary_heard = true;
    group->primary_heard_ns = start->now_ns;
    if (group->self == 0) {
        status = cg_group_become_primary(group, error);
    } else {
        group->election_ns = cg_group_draw_election(group);
    }
    return status == CG_OK ? cg_group_finish(group, error) : status;
}

/* --- asking --- */

static bool is_asked(const cg_group *group, uint32_t v) {
    return v != group->self && (group->options.fails_over || group->self == 0 || v == 0) &&
           !group->voters[v].has_recovered;
}

cg_status cg_group_recover_again(cg_group *group, cg_error *error) {
    group_message recover = {.nonce = group->life};
    cg_status status = CG_OK;
    bool is_waiting = false;
    for (uint32_t v = 0; status == CG_OK && v < group->options.voter_count; ++v) {
        if (is_asked(group, v)) {
            is_waiting = true;
            status = cg_group_send(group, v, CG_GROUP_RECOVER, &recover, error);
        } else if (group->phase == GROUP_GATHER && group->voters[v].pull.is_active) {
            is_waiting = true;
            status = cg_group_pull_next(group, v, error);
        }
    }
    if (status == CG_OK && group->phase == GROUP_GATHER && !is_waiting) {
        status = cg_group_gather(group, error); /* whoever was asked has begun another life */
    }
    if (group->recover_ns == GROUP_NEVER) {
        return status;
    }
    group->recover_ns = group->now_ns + (group->options.resend_ns << group->recover_tries);
    group->recover_tries += group->recover_tries < GROUP_BACKOFF_MAX;
    return status;
}

/* A life is made known by any message (group.c); what this host must do is answer. */
cg_status cg_group_on_recover(cg_group *group, uint32_t from, const group_message *m,
                              cg_error *error) {
    if (group->is_recovering) {
        return CG_OK; /* it knows nothing itself */
    }
    group_message recovered = {.nonce = m->nonce, .safe = group->safe, .floor = group->floor};
    recovered.id = group->is_witness ? group->seen_durable.id
                                     : cg_log_id_of(group->machine.log, group->durable);
    return cg_group_send(group, from, CG_GROUP_RECOVERED, &recovered, error);
}

static cg_status recovered_all(cg_group *group, cg_error *error) {
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        if (is_asked(group, v)) {
            return CG_OK;
        }
    }
    if (!group->options.fails_over && group->self == 0) {
        return cg_group_gather(group, error);
    }
    group->needs_hello = false;
    group->recover_ns = GROUP_NEVER;
    if (!group->is_recovering) {
        return CG_OK;
    }
    group->is_recovering = false;
    group->statistics.recoveries++;
    cg_status status = cg_group_queue_amnesia(group, false, error);
    if (status != CG_OK) {
        return status;
    }
    /* Whom it voted for in the highest epoch it does not know: it has no vote left there. */
    uint64_t epoch =
        group->epoch > group->recovered_epoch ? group->epoch : group->recovered_epoch;
    if (epoch > group->epoch) {
        return cg_group_adopt(group, epoch, group->options.host, error);
    }
    /* What it has said so far did not count: a primary that has nothing to send would not ask again. */
    group->owes_answer = group->primary != CG_GROUP_NOBODY;
    return cg_group_promise(group, epoch, group->options.host, error);
}

cg_status cg_group_on_recovered(cg_group *group, uint32_t from, const group_message *m,
                                cg_error *error) {
    bool is_mine = m->nonce == group->life && is_asked(group, from) &&
                   (group->is_recovering || group->needs_hello);
    if (!is_mine) {
        return CG_OK;
    }
    group_voter *voter = &group->voters[from];
    voter->has_recovered = true;
    voter->recovered_id = m->id;
    group->recover_tries = 0;
    if (m->epoch > group->recovered_epoch) {
        group->recovered_epoch = m->epoch;
    }
    if (group->is_recovering && cg_log_id_compare(&m->id, &group->floor) > 0) {
        group->floor = m->id;
    }
    if (group->is_recovering && cg_log_id_compare(&m->floor, &group->floor) > 0) {
        group->floor = m->floor;
    }
    return recovered_all(group, error);
}

/* The log that ends last, until this one ends where it must; then the epoch. */
cg_status cg_group_gather(cg_group *group, cg_error *error) {
    cg_log_id last = cg_group_last_id(group);
    if (cg_log_id_compare(&last, &group->floor) >= 0) {
        group->is_recovering = false;
        group->statistics.recoveries++;
        group->recover_ns = GROUP_NEVER;
        group->phase = GROUP_GATHERED;
        return cg_group_queue_amnesia(group, false, error);
    }
    uint32_t best = group->self;
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        const cg_log_id *id = &group->voters[v].recovered_id;
        if (v != group->self && !group_is_witness(group, v) &&
            (best == group->self ||
             cg_log_id_compare(id, &group->voters[best].recovered_id) > 0)) {
            best = v;
        }
    }
    group_voter *voter = &group->voters[best];
    voter->common = 0;
    cg_group_pull_start(voter, 0);
    return cg_group_pull_next(group, best, error);
}
