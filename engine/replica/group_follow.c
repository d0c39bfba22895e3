/* Replicas and witnesses: a primary's appends are taken in, and answered.
 *
 * What an append has that the log has already is passed over: appends come twice, late, and in any order,
 * and taking one back would take back what came after it. Where a record differs, the log forks. Under
 * quorum and all what stands here from there on is not safe, and goes. Where logs are united it goes only
 * if the primary has said, by the chain of this whole log, that it has taken in all of it and has that on
 * its disk; otherwise the append waits, and the answer tells the primary what it lacks.
 *
 * An answer says what is held, and what of it is durable; it leaves when the promise of its epoch is
 * durable, and after new records when these are.
 */
#include "engine/replica/group_internal.h"

/* The last sequence, and those at distances 1, 2, 4 ... before it. */
static void locate(const cg_group *group, group_message *m) {
    uint64_t last = cg_group_last(group);
    uint64_t distance = 0;
    while (m->count < CG_GROUP_LOCATOR_MAX && distance < last) {
        m->points[m->count] = last - distance;
        m->point_chains[m->count] = cg_group_chain(group, last - distance);
        m->count++;
        distance = distance == 0 ? 1 : 2 * distance;
    }
}

cg_status cg_group_tell(cg_group *group, bool is_found, cg_error *error) {
    uint32_t primary = cg_group_voter_of(group, group->primary);
    if (primary >= group->options.voter_count || primary == group->self) {
        return CG_OK;
    }
    if (!cg_group_promise_is_durable(group)) {
        group->owes_answer = true;
        group->owes_locator = group->owes_locator || !is_found;
        return CG_OK;
    }
    uint64_t last = cg_group_last(group);
    uint64_t durable = group->is_witness ? group->seen_durable.sequence : group->durable;
    if (CG_BUG(ACK_BEFORE_DURABLE)) {
        durable = last;
    }
    if (!group->is_witness && durable > group->held) {
        durable = group->held;
    }
    group_message appended = {
        .replica = group->primary_replica,
        .round = group->round,
        .is_found = is_found,
        .counts = !group->is_recovering || CG_BUG(AMNESIAC_VOTES),
        .held = group->is_witness ? last : group->held,
        .durable = durable,
        .last = last,
        .last_chain = cg_group_chain(group, last),
    };
    appended.held_chain = cg_group_chain(group, appended.held);
    appended.durable_chain =
        group->is_witness ? group->seen_durable.chain : cg_group_chain(group, durable);
    if (!is_found && !group->is_witness) {
        locate(group, &appended);
    }
    group->owes_answer = false;
    group->owes_locator = false;
    group->told = durable;
    return cg_group_send(group, primary, CG_GROUP_APPENDED, &appended, error);
}

cg_status cg_group_tell_durable(cg_group *group, cg_error *error) {
    if (group->role != CG_GROUP_REPLICA || group->primary == CG_GROUP_NOBODY) {
        return CG_OK;
    }
    uint64_t durable = group->is_witness ? group->seen_durable.sequence : group->durable;
    uint64_t shared = group->is_witness || durable < group->held ? durable : group->held;
    bool has_news = shared > group->told || group->owes_answer;
    return has_news ? cg_group_tell(group, !group->owes_locator, error) : CG_OK;
}

/* Refusals tell a stale primary, by their epoch or by whom this host follows, that it is one. */
static cg_status refuse(cg_group *group, uint32_t to, cg_error *error) {
    group_message refusal = {.replica = group->primary_replica};
    return cg_group_send(group, to, CG_GROUP_APPENDED, &refusal, error);
}

static cg_status follow(cg_group *group, uint32_t from, const group_message *m,
                        cg_error *error) {
    uint32_t host = group->options.voters[from];
    cg_status status = cg_group_step_down(group, error);
    if (group->primary != host || group->primary_replica != m->replica) {
        group->primary = host;
        group->primary_replica = m->replica;
        group->held = 0;
        group->told = 0;
        group->round = 0;
        group->owes_answer = false;
        group->owes_locator = false;
        group->has_changed = true;
    }
    group->was_primary_heard = true;
    group->primary_heard_ns = group->now_ns;
    group->election_ns = cg_group_draw_election(group);
    if (m->round > group->round) {
        group->round = m->round;
    }
    return status;
}

static cg_status meet(cg_group *group, uint32_t from, cg_error *error) {
    group->statistics.split_brains++;
    cg_status status = cg_group_alert(group, CG_ERROR_SPLIT_BRAIN,
                                      "two primaries of one epoch have met", error);
    return status == CG_OK ? cg_group_heartbeat(group, from, error) : status;
}

/* Ids ascend, so one that is not behind the last says nothing new; a union changes the places of records,
 * and not the last one's id. */
static cg_status witness(cg_group *group, const group_message *m, cg_error *error) {
    int order = cg_log_id_compare(&m->id, &group->seen.id);
    bool is_news = order > 0 || (order == 0 && m->last_chain != group->seen.chain);
    if (is_news) {
        group->seen = (group_seen){m->last, m->last_chain, m->id};
        group->owes_answer = true;
        return cg_group_queue_seen(group, error);
    }
    return cg_group_tell(group, true, error);
}

/* A record that differs from the one at its place. *is_blocked: it must wait. */
static cg_status fork_at(cg_group *group, const group_message *m, uint64_t sequence,
                         bool *is_blocked, cg_error *error) {
    uint64_t last = cg_group_last(group);
    bool may_cut = !m->keeps || m->absorbed == cg_group_chain(group, last);
    if (!may_cut && !CG_BUG(UNION_DROPS)) {
        *is_blocked = true;
        return CG_OK;
    }
    if (!m->keeps) {
        group->statistics.records_dropped += last - sequence + 1;
    }
    return cg_group_cut(group, sequence - 1, error);
}

typedef struct taken {
    uint64_t end; /* up to here the log is the primary's */
    bool is_blocked;
    bool has_grown;
} taken;

static cg_status take_records(cg_group *group, const group_message *m, taken *out,
                              cg_error *error) {
    size_t offset = 0;
    out->end = m->previous;
    for (uint32_t i = 0; i < m->count; ++i) {
        uint64_t sequence = m->previous + 1 + i;
        size_t used = 0;
        cg_log_id id;
        cg_status status = cg_log_record_peek(m->records + offset, m->records_bytes - offset,
                                              &used, &id, error);
        if (status != CG_OK) {
            return status;
        }
        cg_log_id mine = sequence <= cg_group_last(group)
                             ? cg_log_id_of(group->machine.log, sequence)
                             : (cg_log_id){0};
        bool is_there = sequence <= cg_group_last(group) && cg_log_id_compare(&mine, &id) == 0;
        if (!is_there && sequence <= cg_group_last(group)) {
            status = fork_at(group, m, sequence, &out->is_blocked, error);
            if (status != CG_OK || out->is_blocked) {
                return status;
            }
        }
        if (!is_there) {
            status =
                group->machine.apply(group->machine.context, m->records + offset, used, error);
            if (status != CG_OK) {
                return status;
            }
            out->has_grown = true;
        }
        out->end = sequence;
        offset += used;
    }
    return CG_OK;
}

/* A primary for good that has come back begins its epoch without a record of its own: what it had not made
 * durable, and shipped, is of an earlier one and stands behind the end of its log. */
static cg_status drop_tail(cg_group *group, const group_message *m, uint64_t end,
                           cg_error *error) {
    uint64_t last = cg_group_last(group);
    bool is_stale = !group->options.fails_over && !m->keeps && end == m->last && last > end &&
                    cg_log_id_of(group->machine.log, end + 1).epoch < m->epoch;
    if (!is_stale) {
        return CG_OK;
    }
    group->statistics.records_dropped += last - end;
    return cg_group_cut(group, end, error);
}

static cg_status take_in(cg_group *group, uint32_t from, const group_message *m,
                         cg_error *error) {
    if (m->previous > cg_group_last(group) ||
        cg_group_chain(group, m->previous) != m->previous_chain) {
        return cg_group_tell(group, false, error);
    }
    taken got = {0};
    cg_status status = take_records(group, m, &got, error);
    if (status == CG_OK) {
        status = drop_tail(group, m, got.end, error);
    }
    if (status == CG_OK && CG_BUG(APPEND_TWICE) && got.end < cg_group_last(group)) {
        status = cg_group_cut(group, got.end, error);
    }
    /* What was taken in before a record that could not be is in the log, and must be written. */
    cg_status queued = cg_group_queue_records(group, status == CG_OK ? error : NULL);
    if (status != CG_OK || queued != CG_OK) {
        return status != CG_OK ? status : queued;
    }
    /* A log that the primary has taken in, but that is no part of its own, is shared up to here alone. */
    bool is_foreign = m->keeps && m->absorbed == cg_group_chain(group, cg_group_last(group));
    if (got.end > group->held || is_foreign) {
        group->held = got.end;
    }
    uint64_t safe = m->safe < got.end ? m->safe : got.end;
    if (safe > group->safe) {
        group->safe = safe;
    }
    if (m->want != GROUP_NEVER) {
        status = cg_group_offer(group, from, m->want, error);
    }
    if (got.has_grown && !got.is_blocked) {
        group->owes_answer = true; /* once they are durable */
        return status;
    }
    return status == CG_OK ? cg_group_tell(group, true, error) : status;
}

cg_status cg_group_on_append(cg_group *group, uint32_t from, const group_message *m,
                             cg_error *error) {
    if (m->epoch < group->epoch && !CG_BUG(STALE_PRIMARY_ACKS)) {
        return refuse(group, from, error);
    }
    if (!group->options.fails_over && from != 0) {
        return CG_OK;
    }
    if (group->role == CG_GROUP_PRIMARY) {
        if (group_replica(group) >= m->replica) {
            return meet(group, from, error);
        }
        group->statistics.split_brains++;
        cg_status status = cg_group_alert(group, CG_ERROR_SPLIT_BRAIN,
                                          "two primaries of one epoch have met", error);
        if (status != CG_OK) {
            return status;
        }
    } else if (group->primary_replica != UINT32_MAX && group->primary_replica > m->replica &&
               group->primary != CG_GROUP_NOBODY) {
        return refuse(group, from, error);
    }
    cg_status status = follow(group, from, m, error);
    if (status != CG_OK) {
        return status;
    }
    return group->is_witness ? witness(group, m, error) : take_in(group, from, m, error);
}
