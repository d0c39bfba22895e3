/* Standing, voting, becoming a primary and ceasing to be one.
 *
 * As in Raft (Ongaro 2014, sections 3.4, 4.2.3 and 9.6), with three differences. A candidate asks for votes
 * only when its own promise of the epoch is durable: otherwise it could crash, stand for the same epoch
 * again with a shorter log, and be made its primary by grants of its first try. A host may be bound by a
 * floor: the last record that it must suppose to have had on a disk that it lost (group_recover.c). And
 * under CG_ACKNOWLEDGE_PRIMARY whoever is neither granted an epoch by a majority nor refused by anyone
 * takes it for its side alone.
 */
#include <stdio.h>

#include "engine/replica/group_internal.h"

/* From one to two times election_ns; those that never stand need no timer. */
uint64_t cg_group_draw_election(cg_group *group) {
    if (!group->options.fails_over || group->is_witness) {
        return GROUP_NEVER;
    }
    uint64_t least = group->options.election_ns;
    return group->now_ns + least + cg_stream_next_below(&group->stream, least + 1);
}

/* How long a candidate waits for answers: drawn too, so that two that stand together do not for ever. */
static uint64_t draw_window(cg_group *group) {
    uint64_t half = group->options.election_ns / 2;
    return group->now_ns + half + cg_stream_next_below(&group->stream, half + 1);
}

static bool hears_primary(const cg_group *group) {
    if (group->role == CG_GROUP_PRIMARY) {
        return cg_group_serves(group);
    }
    return group->was_primary_heard &&
           group->now_ns < group->primary_heard_ns + group->options.election_ns;
}

static cg_log_id bound_of(const cg_group *group) {
    cg_log_id last = cg_group_last_id(group);
    return cg_log_id_compare(&last, &group->floor) < 0 ? group->floor : last;
}

static bool may_vote(const cg_group *group) {
    return !group->is_recovering || CG_BUG(AMNESIAC_VOTES);
}

/* Whether the candidate's log does not end before ours, nor before what we had. */
static bool is_level_with(const cg_group *group, const cg_log_id *id) {
    cg_log_id bound = bound_of(group);
    return cg_log_id_compare(id, &bound) >= 0 || CG_BUG(VOTE_WITHOUT_LOG);
}

static void give_up(cg_group *group) {
    group->role = CG_GROUP_REPLICA;
    group->phase = GROUP_IDLE;
    group->has_asked = false;
    group->election_ns = cg_group_draw_election(group);
    group->ask_ns = GROUP_NEVER;
    group->has_changed = true;
}

cg_status cg_group_step_down(cg_group *group, cg_error *error) {
    bool was_primary = group->role == CG_GROUP_PRIMARY;
    if (group->role == CG_GROUP_REPLICA) {
        return CG_OK;
    }
    give_up(group);
    if (!was_primary) {
        return CG_OK;
    }
    group->statistics.deposed++;
    group->primary = CG_GROUP_NOBODY;
    group->was_primary_heard = false;
    cg_group_voters_reset(group);
    return cg_group_reads_fail(group, error);
}

cg_status cg_group_adopt(cg_group *group, uint64_t epoch, uint32_t voted, cg_error *error) {
    CG_ASSERT(epoch > group->epoch);
    cg_status status = cg_group_step_down(group, error);
    if (status == CG_OK) {
        status = cg_group_promise(group, epoch, voted, error);
    }
    if (status != CG_OK) {
        return status;
    }
    group->primary = CG_GROUP_NOBODY;
    group->primary_replica = UINT32_MAX;
    group->was_primary_heard = false;
    group->held = 0;
    group->told = 0;
    group->round = 0;
    group->owes_answer = false;
    group->owes_locator = false;
    group->owes_grant = false;
    group->has_changed = true;
    return CG_OK;
}

static uint32_t granted(const cg_group *group) {
    uint32_t count = 1;
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        count += v != group->self && group->voters[v].answer == GROUP_GRANTED;
    }
    return count;
}

static void clear_answers(cg_group *group) {
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        group->voters[v].answer = GROUP_SILENT;
    }
    group->was_refused = false;
}

cg_status cg_group_ask(cg_group *group, cg_error *error) {
    group_message ask = {.asked = group->asked_epoch,
                         .is_pre = group->phase == GROUP_PRE,
                         .id = cg_group_last_id(group)};
    cg_status status = CG_OK;
    for (uint32_t v = 0; status == CG_OK && v < group->options.voter_count; ++v) {
        if (v != group->self && group->voters[v].answer == GROUP_SILENT) {
            status = cg_group_send(group, v, CG_GROUP_ASK, &ask, error);
        }
    }
    group->ask_ns = group->now_ns + group->options.resend_ns;
    return status;
}

/* The next epoch, with its own vote; what follows waits until that is durable. */
static cg_status take(cg_group *group, group_phase phase, cg_error *error) {
    cg_status status = cg_group_adopt(group, group->asked_epoch, group->options.host, error);
    group->role = CG_GROUP_CANDIDATE;
    group->phase = phase;
    group->has_asked = false;
    group->election_ns = GROUP_NEVER;
    group->ask_ns = GROUP_NEVER;
    clear_answers(group);
    return status;
}

cg_status cg_group_stand(cg_group *group, cg_error *error) {
    cg_log_id last = cg_group_last_id(group);
    bool may_stand = !group->is_witness && may_vote(group) && group->options.fails_over &&
                     cg_log_id_compare(&last, &group->floor) >= 0;
    if (!may_stand) {
        group->election_ns = cg_group_draw_election(group);
        return CG_OK;
    }
    group->statistics.elections++;
    group->role = CG_GROUP_CANDIDATE;
    group->phase = GROUP_PRE;
    group->asked_epoch = group->epoch + 1;
    group->primary = CG_GROUP_NOBODY;
    group->was_primary_heard = false;
    group->has_changed = true;
    clear_answers(group);
    if (group_majority(group) == 1) {
        return take(group, GROUP_VOTE, error);
    }
    group->election_ns = draw_window(group);
    return cg_group_ask(group, error);
}

static cg_status alert_alone(cg_group *group, cg_error *error) {
    char text[160];
    (void)snprintf(text, sizeof text,
                   "host %u takes epoch %llu of partition %u alone: no majority answers",
                   group->options.host, (unsigned long long)group->asked_epoch,
                   group->options.number);
    return cg_group_alert(group, CG_ERROR_PARTITION, text, error);
}

cg_status cg_group_window_over(cg_group *group, cg_error *error) {
    if (group->phase != GROUP_PRE && group->phase != GROUP_VOTE) {
        return CG_OK;
    }
    if (!group_unites(group) || group->was_refused) {
        give_up(group);
        return CG_OK;
    }
    cg_status status = alert_alone(group, error);
    if (status != CG_OK) {
        return status;
    }
    group->statistics.epochs_alone++;
    return group->phase == GROUP_PRE ? take(group, GROUP_TAKE, error)
                                     : cg_group_become_primary(group, error);
}

static cg_status count_votes(cg_group *group, cg_error *error) {
    if (group->role != CG_GROUP_CANDIDATE || granted(group) < group_majority(group)) {
        return CG_OK;
    }
    if (group->phase == GROUP_PRE) {
        return take(group, GROUP_VOTE, error);
    }
    if (group->phase == GROUP_VOTE && group->has_asked) {
        group->statistics.epochs++;
        return cg_group_become_primary(group, error);
    }
    return CG_OK;
}

cg_status cg_group_promised(cg_group *group, cg_error *error) {
    if (!cg_group_promise_is_durable(group)) {
        return CG_OK;
    }
    if (group->owes_grant) {
        group->owes_grant = false;
        uint32_t voter = cg_group_voter_of(group, group->voted);
        if (voter < group->options.voter_count && voter != group->self) {
            group_message grant = {.asked = group->epoch, .is_granted = true};
            return cg_group_send(group, voter, CG_GROUP_GRANT, &grant, error);
        }
    }
    if (group->phase == GROUP_VOTE && !group->has_asked) {
        group->has_asked = true;
        group->election_ns = draw_window(group);
        cg_status status = cg_group_ask(group, error);
        return status == CG_OK ? count_votes(group, error) : status;
    }
    if (group->phase == GROUP_TAKE) {
        return cg_group_become_primary(group, error);
    }
    return CG_OK;
}

static bool is_granted(const cg_group *group, const group_message *m, uint32_t candidate) {
    if (hears_primary(group) || !is_level_with(group, &m->id)) {
        return false;
    }
    if (m->is_pre) {
        return m->asked > group->epoch;
    }
    return m->asked > group->epoch ||
           (m->asked == group->epoch && group->role == CG_GROUP_REPLICA &&
            (group->voted == candidate || group->voted == CG_GROUP_NOBODY));
}

cg_status cg_group_on_ask(cg_group *group, uint32_t from, const group_message *m,
                          cg_error *error) {
    if (!may_vote(group) || !group->options.fails_over) {
        return CG_OK;
    }
    uint32_t candidate = group->options.voters[from];
    group_message grant = {.asked = m->asked, .is_pre = m->is_pre};
    grant.is_granted = is_granted(group, m, candidate);
    if (m->is_pre || !grant.is_granted) {
        return cg_group_send(group, from, CG_GROUP_GRANT, &grant, error);
    }
    cg_status status = CG_OK;
    if (m->asked > group->epoch) {
        status = cg_group_adopt(group, m->asked, candidate, error);
    } else if (group->voted != candidate) {
        status = cg_group_promise(group, m->asked, candidate, error);
    }
    group->owes_grant = true;
    group->election_ns = cg_group_draw_election(group);
    return status == CG_OK ? cg_group_promised(group, error) : status;
}

cg_status cg_group_on_grant(cg_group *group, uint32_t from, const group_message *m,
                            cg_error *error) {
    bool is_mine =
        group->role == CG_GROUP_CANDIDATE && m->asked == group->asked_epoch &&
        m->is_pre == (group->phase == GROUP_PRE) &&
        (group->phase == GROUP_PRE || (group->phase == GROUP_VOTE && group->has_asked));
    if (!is_mine) {
        return CG_OK;
    }
    group_voter *voter = &group->voters[from];
    voter->answer = m->is_granted ? GROUP_GRANTED : GROUP_REFUSED;
    group->was_refused = group->was_refused || !m->is_granted;
    return count_votes(group, error);
}

/* What earlier epochs left is safe once a record of this one is: this record is it. */
static cg_status begin_epoch(cg_group *group, cg_error *error) {
    cg_log_record record = {.kind = CG_RECORD_EPOCH,
                            .id = cg_group_next_id(group),
                            .clock = {.physical_ns = group->now_ns}};
    size_t size_bytes = cg_log_record_bytes(&record);
    cg_status status =
        CG_GROW(&group->allocator, group->scratch, group->scratch_capacity, size_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    cg_log_record_encode(&record, group->scratch);
    status = group->machine.apply(group->machine.context, group->scratch, size_bytes, error);
    return status == CG_OK ? cg_group_queue_records(group, error) : status;
}

cg_status cg_group_become_primary(cg_group *group, cg_error *error) {
    group->role = CG_GROUP_PRIMARY;
    group->phase = GROUP_IDLE;
    group->primary = group->options.host;
    group->primary_replica = group_replica(group);
    group->has_asked = false;
    group->election_ns = GROUP_NEVER;
    group->ask_ns = GROUP_NEVER;
    group->has_changed = true;
    group->round = 0;
    group->safe = group_unites(group) ? 0 : group->safe;
    group->marks_count = 0;
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        group_voter *voter = &group->voters[v];
        voter->was_heard = voter->answer == GROUP_GRANTED || group->life == 0;
        voter->heard_ns = group->now_ns;
    }
    cg_group_voters_reset(group);
    cg_status status = CG_OK;
    if (group->options.fails_over && group->epoch > 1) {
        status = begin_epoch(group, error);
    }
    cg_group_mark_growth(group);
    group->heartbeat_ns = group->options.fails_over && group->options.voter_count > 1
                              ? group->now_ns + group->options.heartbeat_ns
                              : GROUP_NEVER;
    for (uint32_t v = 0; status == CG_OK && v < group->options.voter_count; ++v) {
        if (group->epoch == 1) {
            group->voters[v].shipping = GROUP_STEADY; /* all logs are empty: nothing to ask */
        } else if (v != group->self) {
            status = cg_group_heartbeat(group, v, error);
        }
    }
    return status;
}
