/* What others may know of a group. */
#include "engine/base/hash.h"
#include "engine/replica/group_internal.h"

cg_group_role cg_group_role_of(const cg_group *group) {
    return group->role;
}

bool cg_group_serves(const cg_group *group) {
    return group->role == CG_GROUP_PRIMARY && group->now_ns < cg_group_majority_until(group);
}

uint64_t cg_group_epoch(const cg_group *group) {
    return group->epoch;
}

uint32_t cg_group_primary(const cg_group *group) {
    return group->primary;
}

uint64_t cg_group_safe(const cg_group *group) {
    return group->safe;
}

uint64_t cg_group_durable_sequence(const cg_group *group) {
    return group->is_witness ? group->seen_durable.sequence : group->durable;
}

uint64_t cg_group_matched(const cg_group *group, uint32_t voter) {
    CG_ASSERT(voter < group->options.voter_count);
    return voter == group->self ? cg_group_durable_sequence(group)
                                : group->voters[voter].matched;
}

bool cg_group_heard(const cg_group *group, uint64_t *heard_ns) {
    bool leads = cg_group_serves(group);
    *heard_ns = leads ? group->now_ns : group->primary_heard_ns;
    return leads ||
           (group->role == CG_GROUP_REPLICA && !group->is_witness && group->was_primary_heard &&
            group->held == cg_log_last(group->machine.log));
}

/* Until its disk has what it must suppose to have lost: another loss before that may be for good. */
bool cg_group_is_recovering(const cg_group *group) {
    cg_log_id durable = group->is_witness ? group->seen_durable.id
                                          : cg_log_id_of(group->machine.log, group->durable);
    return group->is_recovering || cg_log_id_compare(&durable, &group->floor) < 0;
}

bool cg_group_is_level(const cg_group *group) {
    bool is_level = group->role == CG_GROUP_PRIMARY && group->writes_count == 0 &&
                    group->frames_used == 0 && group->reads_count == 0;
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        is_level = is_level && cg_group_voter_is_level(group, v);
    }
    return is_level;
}

uint64_t cg_group_bytes(const cg_group *group) {
    uint64_t bytes = sizeof *group + group->frames_capacity + group->rewrite_capacity +
                     group->scratch_capacity + group->writes_capacity * sizeof *group->writes +
                     group->reads_capacity * sizeof *group->reads;
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        bytes += group->voters[v].pull.capacity_bytes;
    }
    return bytes;
}

cg_group_statistics cg_group_statistics_of(const cg_group *group) {
    return group->statistics;
}

void cg_group_statistics_add(cg_group_statistics *sum, const cg_group_statistics *more) {
    sum->elections += more->elections;
    sum->epochs += more->epochs;
    sum->epochs_alone += more->epochs_alone;
    sum->deposed += more->deposed;
    sum->split_brains += more->split_brains;
    sum->unions += more->unions;
    sum->records_united += more->records_united;
    sum->records_dropped += more->records_dropped;
    sum->records_resent += more->records_resent;
    sum->catch_ups += more->catch_ups;
    sum->lag_warnings += more->lag_warnings;
    sum->lag_drops += more->lag_drops;
    sum->recoveries += more->recoveries;
    sum->refused += more->refused;
}

static void add_id(cg_hasher *hasher, const cg_log_id *id) {
    cg_hasher_add_u64(hasher, id->epoch);
    cg_hasher_add_u64(hasher, id->number);
    cg_hasher_add_u64(hasher, id->replica);
}

static void add_voter(cg_hasher *hasher, const group_voter *voter) {
    const uint64_t words[] = {
        voter->life,
        (uint64_t)voter->answer,
        voter->has_recovered,
        voter->common,
        voter->matched,
        voter->next,
        voter->round,
        voter->heard_ns,
        voter->was_heard,
        voter->counts,
        voter->resend_ns,
        voter->tries,
        voter->is_foreign,
        voter->foreign_chain,
        voter->absorbed,
        voter->is_absorbing,
        voter->absorbing,
        voter->absorbing_last,
        voter->was_warned,
        voter->is_dropped,
        voter->was_behind,
        voter->pull.is_active,
        voter->pull.next,
        voter->pull.chain,
        (uint64_t)voter->shipping,
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; ++i) {
        cg_hasher_add_u64(hasher, words[i]);
    }
    add_id(hasher, &voter->recovered_id);
    cg_hasher_add_bytes(hasher, voter->pull.bytes, voter->pull.used_bytes);
}

uint64_t cg_group_hash(const cg_group *group) {
    cg_hasher hasher = cg_hasher_init();
    const uint64_t words[] = {
        group->life,
        group->disk_life,
        group->stream.counter,
        (uint64_t)group->role,
        (uint64_t)group->phase,
        group->epoch,
        group->voted,
        group->primary,
        group->primary_replica,
        group->safe,
        group->token,
        group->queued,
        group->durable,
        group->durable_epoch,
        group->durable_voted,
        group->held,
        group->round,
        group->primary_heard_ns,
        group->owes_answer,
        group->owes_locator,
        group->owes_grant,
        group->told,
        group->has_asked,
        group->was_refused,
        group->asked_epoch,
        group->election_ns,
        group->ask_ns,
        group->heartbeat_ns,
        group->has_read_round,
        group->read_round,
        group->is_recovering,
        group->needs_hello,
        group->recovered_epoch,
        group->recover_ns,
        group->timer,
        group->timer_ns,
        group->seen.sequence,
        group->seen.chain,
        group->writes_count,
        group->reads_count,
        cg_group_last(group),
        cg_group_chain(group, cg_group_last(group)),
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; ++i) {
        cg_hasher_add_u64(&hasher, words[i]);
    }
    add_id(&hasher, &group->floor);
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        add_voter(&hasher, &group->voters[v]);
    }
    for (size_t i = 0; i < group->writes_count; ++i) {
        cg_hasher_add_u64(&hasher, group->writes[i].token);
        cg_hasher_add_u64(&hasher, group->writes[i].sequence);
    }
    for (size_t i = 0; i < group->reads_count; ++i) {
        cg_hasher_add_u64(&hasher, group->reads[i].ticket);
        cg_hasher_add_u64(&hasher, group->reads[i].round);
    }
    cg_hasher_add_bytes(&hasher, group->frames, group->frames_used);
    return cg_hasher_value(&hasher);
}
