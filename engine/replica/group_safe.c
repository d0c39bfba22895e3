/* What is safe, reads, and lag: the primary's view of the others.
 *
 * Under quorum and all a record is counted only when it, or one behind it, is of the primary's own epoch
 * (Ongaro & Ousterhout 2014, section 5.4.2, figure 8): a record of an earlier epoch may be at a majority
 * and yet be lost to a primary that has a later one. A primary for good (fails_over false) has no rival:
 * it counts records of all epochs, but none that is not durable at itself, so that after a restart its own
 * log has all that was ever safe.
 *
 * A read waits until a majority has answered a round that began after it came, and until what this log was
 * then is safe (the read index: Ongaro 2014, section 6.4). Reads that come while a round is under way wait
 * for the next one together.
 *
 * Ages of records that are not answered are kept by marks: up to which record, since when. At most
 * GROUP_MARKS of them; when they are full each two become one, so an age may be overstated by the time
 * between two marks.
 */
#include <stdio.h>

#include "engine/replica/group_internal.h"

static void insert(uint64_t *values, uint32_t *count, uint64_t value) {
    uint32_t at = (*count)++;
    while (at > 0 && values[at - 1] < value) {
        values[at] = values[at - 1];
        at--;
    }
    values[at] = value;
}

static uint64_t durable_of(const cg_group *group, uint32_t v) {
    if (v == group->self) {
        return CG_BUG(ACK_BEFORE_DURABLE) ? cg_group_last(group) : group->durable;
    }
    const group_voter *voter = &group->voters[v];
    return voter->counts ? voter->matched : 0;
}

static uint64_t count_safe(const cg_group *group) {
    if (group_unites(group)) {
        return durable_of(group, group->self);
    }
    uint64_t values[CG_GROUP_VOTERS_MAX] = {0};
    uint32_t count = 0;
    uint64_t least = UINT64_MAX;
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        uint64_t durable = durable_of(group, v);
        insert(values, &count, durable);
        bool is_needed = v == group->self ? !group->options.fails_over
                                          : group->options.acknowledge == CG_ACKNOWLEDGE_ALL &&
                                                !group->voters[v].is_dropped;
        bool is_all = group->options.acknowledge == CG_ACKNOWLEDGE_ALL && v == group->self;
        if ((is_needed || is_all) && durable < least) {
            least = durable;
        }
    }
    uint64_t majority = values[group_majority(group) - 1];
    return majority < least ? majority : least;
}

void cg_group_count_safe(cg_group *group) {
    uint64_t safe = count_safe(group);
    if (safe > cg_group_last(group)) {
        safe = cg_group_last(group);
    }
    if (safe <= group->safe) {
        return;
    }
    bool is_own = cg_log_id_of(group->machine.log, safe).epoch == group->epoch;
    if (is_own || group_unites(group) || !group->options.fails_over ||
        CG_BUG(SAFE_OF_OLD_EPOCHS)) {
        group->safe = safe;
        group->has_safe_news = true;
    }
}

/* --- reads --- */

static bool needs_rounds(const cg_group *group) {
    return group->options.fails_over && group_majority(group) > 1;
}

static bool was_round_answered(const cg_group *group, uint64_t round) {
    uint32_t count = 1;
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        count += v != group->self && group->voters[v].counts && group->voters[v].round >= round;
    }
    return count >= group_majority(group);
}

cg_status cg_group_round(cg_group *group, cg_error *error) {
    group->round++;
    cg_status status = CG_OK;
    for (uint32_t v = 0; status == CG_OK && v < group->options.voter_count; ++v) {
        if (v != group->self) {
            status = cg_group_heartbeat(group, v, error);
        }
    }
    return status;
}

cg_status cg_group_reads_advance(cg_group *group, cg_error *error) {
    if (group->role != CG_GROUP_PRIMARY) {
        return CG_OK;
    }
    if (group->has_read_round && was_round_answered(group, group->read_round)) {
        group->has_read_round = false;
    }
    size_t kept = 0;
    bool wants_round = false;
    cg_status status = CG_OK;
    for (size_t i = 0; i < group->reads_count; ++i) {
        group_read read = group->reads[i];
        bool is_confirmed = !needs_rounds(group) || was_round_answered(group, read.round) ||
                            CG_BUG(READ_WITHOUT_ROUND);
        if (status == CG_OK && is_confirmed && read.sequence <= group->safe) {
            status = group->machine.readable(group->machine.context, read.ticket, true, error);
            continue;
        }
        wants_round = wants_round || read.round > group->round;
        group->reads[kept++] = read;
    }
    group->reads_count = kept;
    if (status == CG_OK && wants_round && !group->has_read_round && needs_rounds(group)) {
        group->has_read_round = true;
        group->read_round = group->round + 1;
        status = cg_group_round(group, error);
    }
    return status;
}

cg_status cg_group_reads_fail(cg_group *group, cg_error *error) {
    cg_status status = CG_OK;
    for (size_t i = 0; status == CG_OK && i < group->reads_count; ++i) {
        status = group->machine.readable(group->machine.context, group->reads[i].ticket, false,
                                         error);
    }
    group->reads_count = 0;
    group->has_read_round = false;
    return status;
}

cg_status cg_group_read(cg_group *group, uint64_t ticket, uint64_t now_ns, cg_error *error) {
    CG_ASSERT(group->has_begun);
    group->now_ns = now_ns;
    bool is_primary = group->role == CG_GROUP_PRIMARY;
    if (!is_primary || group_unites(group)) {
        return group->machine.readable(group->machine.context, ticket, is_primary, error);
    }
    cg_status status = CG_GROW(&group->allocator, group->reads, group->reads_capacity,
                               group->reads_count + 1, error);
    if (status != CG_OK) {
        return status;
    }
    group->reads[group->reads_count++] = (group_read){
        .ticket = ticket, .round = group->round + 1, .sequence = cg_group_last(group)};
    return cg_group_finish(group, error);
}

/* --- who was heard, and when --- */

uint64_t cg_group_majority_until(const cg_group *group) {
    uint32_t needed = group_majority(group) - 1; /* besides this host */
    if (!group->options.fails_over || needed == 0 || group_unites(group)) {
        return GROUP_NEVER;
    }
    uint64_t values[CG_GROUP_VOTERS_MAX] = {0};
    uint32_t count = 0;
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        if (v != group->self) {
            insert(values, &count, group->voters[v].was_heard ? group->voters[v].heard_ns : 0);
        }
    }
    return values[needed - 1] + group->options.election_ns;
}

/* --- lag --- */

void cg_group_mark_growth(cg_group *group) {
    uint64_t first = group->marks_count > 0 ? group->marks[group->marks_count - 1].sequence : 0;
    uint64_t last = cg_group_last(group);
    if (last <= first && group->marks_count > 0) {
        return;
    }
    if (group->marks_count == GROUP_MARKS) {
        for (size_t i = 0; i < GROUP_MARKS / 2; ++i) {
            group->marks[i] = (group_mark){.sequence = group->marks[2 * i + 1].sequence,
                                           .time_ns = group->marks[2 * i].time_ns};
        }
        group->marks_count = GROUP_MARKS / 2;
    }
    /* A mark says which is the last record of those that began at its time. */
    group->marks[group->marks_count++] =
        (group_mark){.sequence = last, .time_ns = group->now_ns};
}

/* When the first record that the voter has not answered was made. */
static uint64_t waiting_since(const cg_group *group, const group_voter *voter) {
    if (voter->matched >= cg_group_last(group) || group->marks_count == 0) {
        return GROUP_NEVER;
    }
    for (uint32_t i = 0; i < group->marks_count; ++i) {
        if (group->marks[i].sequence > voter->matched) {
            return group->marks[i].time_ns;
        }
    }
    return group->marks[group->marks_count - 1].time_ns;
}

static uint64_t due_of(const cg_group *group, uint32_t v) {
    const group_voter *voter = &group->voters[v];
    uint64_t since = v == group->self ? GROUP_NEVER : waiting_since(group, voter);
    if (since == GROUP_NEVER || voter->is_dropped) {
        return GROUP_NEVER;
    }
    return since +
           (voter->was_warned ? group->options.lag_drop_ns : group->options.lag_warn_ns);
}

uint64_t cg_group_lag_due(const cg_group *group) {
    uint64_t due = GROUP_NEVER;
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        uint64_t at = due_of(group, v);
        due = at < due ? at : due;
    }
    return due;
}

cg_status cg_group_lag(cg_group *group, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t v = 0; status == CG_OK && v < group->options.voter_count; ++v) {
        group_voter *voter = &group->voters[v];
        if (due_of(group, v) > group->now_ns) {
            continue;
        }
        bool is_drop = voter->was_warned;
        voter->is_dropped = is_drop;
        voter->was_warned = true;
        group->statistics.lag_drops += is_drop;
        group->statistics.lag_warnings += !is_drop;
        char text[192];
        (void)snprintf(text, sizeof text,
                       "partition %u: host %u lacks %llu records of %llu, the first for over "
                       "%llu ms%s",
                       group->options.number, group->options.voters[v],
                       (unsigned long long)(cg_group_last(group) - voter->matched),
                       (unsigned long long)cg_group_last(group),
                       (unsigned long long)((is_drop ? group->options.lag_drop_ns
                                                     : group->options.lag_warn_ns) /
                                            1000000),
                       is_drop ? "; it does not count until it is level" : "");
        status = cg_group_alert(group, CG_ERROR_LAG, text, error);
    }
    return status;
}
