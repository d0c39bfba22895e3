/* The primary's appends to each voter, and the answers.
 *
 * At the beginning of an epoch nothing is known of the others' logs. Each is asked whether it has this
 * log's last record (UNKNOWN). If not, its locator gives a place that is common, and one append goes out
 * from there (FINDING); once one was found, records follow each other without waiting, up to a window
 * (STEADY). What is not answered in time is sent again from the last place that is known to be common.
 *
 * Nothing that a voter says is believed by number alone: with each sequence comes its chain, and the two
 * count only if this log has the same chain there. So an answer to a log that has changed since (a union),
 * to another primary, or from another life, says nothing wrong: it says nothing.
 */
#include "engine/replica/group_internal.h"

void cg_group_voter_forget(cg_group *group, group_voter *voter) {
    if (!CG_BUG(MATCHED_KEPT)) {
        voter->matched = 0;
    }
    voter->common = 0;
    voter->next = cg_group_last(group) + 1;
    voter->shipping = GROUP_UNKNOWN;
    voter->round = 0;
    voter->counts = false;
    voter->resend_ns = GROUP_NEVER;
    voter->tries = 0;
    voter->is_foreign = false;
    voter->absorbed = 0;
    voter->is_absorbing = false;
    voter->pull.is_active = false;
    voter->pull.used_bytes = 0;
    voter->was_behind = false;
}

void cg_group_voters_reset(cg_group *group) {
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        cg_group_voter_forget(group, &group->voters[v]);
        group->voters[v].was_warned = false;
        group->voters[v].is_dropped = false;
        if (CG_BUG(MATCHED_KEPT)) {
            group->voters[v].counts = true;
        }
    }
}

/* Whether a voter has the same log up to there. */
static bool is_common(const cg_group *group, uint64_t sequence, uint64_t chain) {
    return sequence <= cg_group_last(group) && cg_group_chain(group, sequence) == chain;
}

bool cg_group_voter_is_level(const cg_group *group, uint32_t v) {
    const group_voter *voter = &group->voters[v];
    return v == group->self ||
           (voter->shipping == GROUP_STEADY && voter->matched == cg_group_last(group) &&
            !voter->is_foreign && !voter->pull.is_active);
}

static void arm(cg_group *group, group_voter *voter) {
    if (voter->resend_ns == GROUP_NEVER) {
        voter->resend_ns = group->now_ns + (group->options.resend_ns << voter->tries);
    }
}

/* A witness hears of what is durable here alone: it insists on what it has seen, and nobody could show it
 * a record that this host had lost in a crash. */
static uint64_t end_for(const cg_group *group, uint32_t v) {
    return group_is_witness(group, v) ? group->durable : cg_group_last(group);
}

cg_status cg_group_append_to(cg_group *group, uint32_t v, uint64_t previous, uint32_t count,
                             cg_error *error) {
    group_voter *voter = &group->voters[v];
    uint64_t last = end_for(group, v);
    group_message append = {
        .replica = group_replica(group),
        .round = group->round,
        .previous = previous,
        .previous_chain = cg_group_chain(group, previous),
        .safe = group->safe,
        .last = last,
        .last_chain = cg_group_chain(group, last),
        .id = cg_log_id_of(group->machine.log, last),
        .absorbed = voter->absorbed,
        .keeps = group_unites(group) || group->phase == GROUP_GATHER,
        .want = voter->pull.is_active ? voter->pull.next : GROUP_NEVER,
        .count = count,
    };
    if (count > 0) { /* records stand one behind the other in the log's memory */
        size_t size_bytes = 0;
        append.records = cg_log_bytes(group->machine.log, previous + 1, &size_bytes);
        for (uint32_t i = 0; i < count; ++i) {
            (void)cg_log_bytes(group->machine.log, previous + 1 + i, &size_bytes);
            append.records_bytes += size_bytes;
        }
    }
    return cg_group_send(group, v, CG_GROUP_APPEND, &append, error);
}

/* Without records, at a place that this voter is likely to have. */
cg_status cg_group_heartbeat(cg_group *group, uint32_t v, cg_error *error) {
    group_voter *voter = &group->voters[v];
    bool is_blind = voter->shipping == GROUP_UNKNOWN || group_is_witness(group, v);
    if (!cg_group_voter_is_level(group, v)) {
        arm(group, voter);
    }
    return cg_group_append_to(group, v, is_blind ? end_for(group, v) : voter->common, 0, error);
}

/* How many records behind `previous` go into one append. */
static uint32_t piece(const cg_group *group, uint64_t previous, uint64_t limit) {
    uint32_t count = 0;
    size_t bytes = 0;
    while (count < CG_GROUP_SHIP_RECORDS && count < limit &&
           previous + count < cg_group_last(group)) {
        size_t size_bytes = 0;
        (void)cg_log_bytes(group->machine.log, previous + count + 1, &size_bytes);
        if (count > 0 && bytes + size_bytes > CG_GROUP_SHIP_BYTES) {
            break;
        }
        bytes += size_bytes;
        count++;
    }
    return count;
}

static bool is_blocked(const group_voter *voter) {
    return voter->pull.is_active ||
           (voter->is_foreign && voter->absorbed != voter->foreign_chain);
}

static cg_status ship_piece(cg_group *group, uint32_t v, uint64_t limit, cg_error *error) {
    group_voter *voter = &group->voters[v];
    uint64_t previous = voter->next - 1;
    uint32_t count = piece(group, previous, limit);
    voter->next += count;
    arm(group, voter);
    return cg_group_append_to(group, v, previous, count, error);
}

cg_status cg_group_ship(cg_group *group, uint32_t v, cg_error *error) {
    group_voter *voter = &group->voters[v];
    uint64_t last = end_for(group, v);
    if (v == group->self || voter->shipping != GROUP_STEADY || is_blocked(voter)) {
        return CG_OK;
    }
    if (group_is_witness(group, v)) {
        if (voter->next > last) {
            return CG_OK;
        }
        voter->next = last + 1;
        arm(group, voter);
        return cg_group_append_to(group, v, last, 0, error);
    }
    cg_status status = CG_OK;
    if (last > voter->common + CG_GROUP_SHIP_WINDOW) {
        voter->was_behind = true;
    }
    while (status == CG_OK && voter->next <= last &&
           voter->next - 1 < voter->matched + CG_GROUP_SHIP_WINDOW) {
        status = ship_piece(group, v, voter->matched + CG_GROUP_SHIP_WINDOW + 1 - voter->next,
                            error);
    }
    return status;
}

cg_status cg_group_resend(cg_group *group, uint32_t v, cg_error *error) {
    group_voter *voter = &group->voters[v];
    voter->resend_ns = GROUP_NEVER;
    if (cg_group_voter_is_level(group, v)) {
        voter->tries = 0;
        return CG_OK;
    }
    voter->tries += voter->tries < GROUP_BACKOFF_MAX;
    if (voter->shipping == GROUP_UNKNOWN || is_blocked(voter) || group_is_witness(group, v) ||
        voter->common >= cg_group_last(group)) {
        arm(group, voter);
        return cg_group_heartbeat(group, v, error);
    }
    uint64_t sent = voter->next;
    voter->next = voter->common + 1;
    cg_status status = ship_piece(group, v, CG_GROUP_SHIP_RECORDS, error);
    if (sent > voter->common + 1) {
        uint64_t until = sent < voter->next ? sent : voter->next;
        group->statistics.records_resent += until - voter->common - 1;
    }
    return status;
}

static cg_status found(cg_group *group, uint32_t v, cg_error *error) {
    group_voter *voter = &group->voters[v];
    if (voter->shipping != GROUP_STEADY) {
        voter->shipping = GROUP_STEADY;
        voter->next = voter->common + 1;
    }
    if (voter->next <= voter->common) {
        voter->next = voter->common + 1;
    }
    return cg_group_ship(group, v, error);
}

/* The locator's first place that is common; one append from there, or none while one is under way. */
static cg_status missed(cg_group *group, uint32_t v, const group_message *m, cg_error *error) {
    group_voter *voter = &group->voters[v];
    uint64_t before = voter->common;
    voter->common = 0; /* it may have less than it said once: it cut, or another primary did */
    for (uint32_t i = 0; i < m->count && voter->common == 0; ++i) {
        if (is_common(group, m->points[i], m->point_chains[i])) {
            voter->common = m->points[i];
        }
    }
    if (group_unites(group) && voter->matched > voter->common) {
        voter->matched = voter->common;
    }
    if ((voter->shipping == GROUP_FINDING && voter->common == before) || is_blocked(voter)) {
        return CG_OK;
    }
    voter->shipping = GROUP_FINDING;
    voter->was_behind = true;
    voter->next = voter->common + 1;
    return ship_piece(group, v, CG_GROUP_SHIP_RECORDS, error);
}

static void believe(cg_group *group, uint32_t v, const group_message *m) {
    group_voter *voter = &group->voters[v];
    if (m->durable > voter->matched &&
        (is_common(group, m->durable, m->durable_chain) || CG_BUG(MATCHED_KEPT))) {
        voter->matched = m->durable;
        voter->tries = 0;
        voter->resend_ns = GROUP_NEVER;
    }
    if (voter->matched > voter->common) {
        voter->common = voter->matched;
    }
    if (m->held > voter->common && is_common(group, m->held, m->held_chain)) {
        voter->common = m->held;
        voter->tries = 0;
        voter->resend_ns = GROUP_NEVER;
    }
}

static void note_level(cg_group *group, uint32_t v) {
    group_voter *voter = &group->voters[v];
    if (!cg_group_voter_is_level(group, v)) {
        arm(group, voter);
        return;
    }
    voter->resend_ns = GROUP_NEVER;
    voter->tries = 0;
    voter->is_dropped = false;
    voter->was_warned = false;
    group->statistics.catch_ups += voter->was_behind;
    voter->was_behind = false;
}

cg_status cg_group_on_appended(cg_group *group, uint32_t from, const group_message *m,
                               cg_error *error) {
    if (group->role != CG_GROUP_PRIMARY ||
        (m->epoch != group->epoch && !CG_BUG(STALE_PRIMARY_ACKS))) {
        return CG_OK;
    }
    if (m->replica != group_replica(group)) { /* it follows another primary of this epoch */
        bool is_deposed = m->replica != UINT32_MAX && m->replica > group_replica(group);
        return is_deposed ? cg_group_step_down(group, error) : CG_OK;
    }
    group_voter *voter = &group->voters[from];
    if (m->counts) {
        voter->was_heard = true;
        voter->heard_ns = group->now_ns;
    }
    voter->counts = m->counts;
    believe(group, from, m);
    cg_status status = CG_OK;
    if (m->round >= voter->round) { /* else it says where this voter was */
        voter->round = m->counts ? m->round : voter->round;
        if (group_unites(group) && !group_is_witness(group, from)) {
            status = cg_group_consider(group, from, m, error);
        }
        if (status == CG_OK) {
            status = m->is_found ? found(group, from, error) : missed(group, from, m, error);
        }
    }
    note_level(group, from);
    return status;
}
