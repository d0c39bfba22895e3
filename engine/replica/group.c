/* The group's life, the dispatch of messages and timers, and what follows from each call.
 *
 * One timer counts at a time: the earliest of all that is due. Each call ends with cg_group_finish, which
 * hands over writes, ships, counts what is safe, answers reads, tells the machine, and sets that timer.
 */
#include "engine/replica/group_internal.h"

cg_group_options cg_group_options_default(void) {
    return (cg_group_options){
        .voter_count = 1,
        .acknowledge = CG_ACKNOWLEDGE_QUORUM,
        .fails_over = true,
        .heartbeat_ns = UINT64_C(250000000),
        .election_ns = UINT64_C(1500000000),
        .resend_ns = UINT64_C(100000000),
        .lag_warn_ns = UINT64_C(1000000000),
        .lag_drop_ns = UINT64_C(10000000000),
        .writes_max = 4,
    };
}

static cg_status check_options(const cg_group_options *options, cg_error *error) {
    if (options->voter_count < 1 || options->voter_count > CG_GROUP_VOTERS_MAX ||
        (options->has_witness && options->voter_count != CG_GROUP_VOTERS_MAX) ||
        options->acknowledge >= CG_ACKNOWLEDGE_COUNT) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "partition %u has %u voters (1..%d; %d with a witness) and "
                            "acknowledges as %d (0..%d)",
                            options->number, options->voter_count, CG_GROUP_VOTERS_MAX,
                            CG_GROUP_VOTERS_MAX, (int)options->acknowledge,
                            CG_ACKNOWLEDGE_COUNT - 1);
    }
    if (options->heartbeat_ns == 0 || options->resend_ns == 0 || options->lag_warn_ns == 0 ||
        options->election_ns <= options->heartbeat_ns ||
        options->lag_drop_ns < options->lag_warn_ns) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "partition %u: heartbeat %llu, election %llu, resend %llu, lag %llu "
            "and %llu ns: none may be 0, an election takes longer than a "
            "heartbeat, and lag is warned of before it counts",
            options->number, (unsigned long long)options->heartbeat_ns,
            (unsigned long long)options->election_ns, (unsigned long long)options->resend_ns,
            (unsigned long long)options->lag_warn_ns, (unsigned long long)options->lag_drop_ns);
    }
    uint32_t own = 0;
    for (uint32_t v = 0; v < options->voter_count; ++v) {
        own += options->voters[v] == options->host;
        for (uint32_t w = 0; w < v; ++w) {
            if (options->voters[v] == options->voters[w]) {
                return cg_error_set(error, CG_ERROR_INVALID,
                                    "partition %u: host %u has two voices", options->number,
                                    options->voters[v]);
            }
        }
    }
    if (own != 1) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "partition %u: host %u is none of its %u voters", options->number,
                            options->host, options->voter_count);
    }
    return CG_OK;
}

cg_status cg_group_alloc(const cg_group_options *options, const cg_port *port,
                         const cg_group_machine *machine, cg_allocator allocator,
                         cg_group **out, cg_error *error) {
    cg_status status = check_options(options, error);
    if (status != CG_OK) {
        return status;
    }
    cg_group *group = cg_allocate(&allocator, 1, sizeof *group);
    if (!group) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for partition %u's group",
                            options->number);
    }
    group->options = *options;
    group->port = *port;
    group->machine = *machine;
    group->allocator = allocator;
    group->self = cg_group_voter_of(group, options->host);
    group->is_witness = group_is_witness(group, group->self);
    CG_ASSERT(group->is_witness || machine->log);
    group->stream = cg_stream_init(options->seed, "group.election",
                                   (uint64_t)options->number << 32 | options->host);
    group->epoch = 1;
    group->voted = options->voters[0];
    group->primary = CG_GROUP_NOBODY;
    group->primary_replica = UINT32_MAX;
    group->election_ns = GROUP_NEVER;
    group->ask_ns = GROUP_NEVER;
    group->heartbeat_ns = GROUP_NEVER;
    group->recover_ns = GROUP_NEVER;
    group->timer_ns = GROUP_NEVER;
    for (uint32_t v = 0; v < options->voter_count; ++v) {
        group->voters[v].resend_ns = GROUP_NEVER;
    }
    *out = group;
    return CG_OK;
}

void cg_group_free(cg_group *group) {
    if (!group) {
        return;
    }
    cg_allocator a = group->allocator;
    for (uint32_t v = 0; v < CG_GROUP_VOTERS_MAX; ++v) {
        group_pull *pull = &group->voters[v].pull;
        cg_deallocate(&a, pull->bytes, pull->capacity_bytes, 1);
    }
    cg_deallocate(&a, group->frames, group->frames_capacity, 1);
    cg_deallocate(&a, group->writes, group->writes_capacity, sizeof *group->writes);
    cg_deallocate(&a, group->reads, group->reads_capacity, sizeof *group->reads);
    cg_deallocate(&a, group->rewrite_bytes, group->rewrite_capacity, 1);
    cg_deallocate(&a, group->scratch, group->scratch_capacity, 1);
    cg_deallocate(&a, group, 1, sizeof *group);
}

uint64_t cg_group_last(const cg_group *group) {
    return group->is_witness ? group->seen.sequence : cg_log_last(group->machine.log);
}

uint64_t cg_group_chain(const cg_group *group, uint64_t sequence) {
    if (group->is_witness) {
        return group->seen.chain;
    }
    return cg_log_chain(group->machine.log, sequence);
}

cg_log_id cg_group_last_id(const cg_group *group) {
    return group->is_witness
               ? group->seen.id
               : cg_log_id_of(group->machine.log, cg_log_last(group->machine.log));
}

uint32_t cg_group_voter_of(const cg_group *group, uint32_t host) {
    uint32_t v = 0;
    while (v < group->options.voter_count && group->options.voters[v] != host) {
        v++;
    }
    return v;
}

cg_status cg_group_alert(cg_group *group, cg_status what, const char *text, cg_error *error) {
    return group->machine.alert(group->machine.context, what, text, error);
}

/* --- what follows --- */

static uint64_t earlier(uint64_t one, uint64_t other) {
    return one < other ? one : other;
}

static uint64_t next_due(const cg_group *group) {
    uint64_t due = earlier(group->recover_ns, earlier(group->election_ns, group->ask_ns));
    if (group->role != CG_GROUP_PRIMARY) {
        return due;
    }
    due = earlier(due, earlier(group->heartbeat_ns, cg_group_majority_until(group)));
    due = earlier(due, cg_group_lag_due(group));
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        due = earlier(due, group->voters[v].resend_ns);
    }
    return due;
}

static cg_status set_timer(cg_group *group, cg_error *error) {
    uint64_t due = next_due(group);
    if (due >= group->timer_ns) {
        return CG_OK; /* the one that is set comes first, and finds what is due then */
    }
    group->timer = (group->timer + 1) & UINT32_MAX;
    group->timer_ns = due;
    return group->port.timer(group->port.context, group->timer,
                             due > group->now_ns ? due : group->now_ns, error);
}

static cg_status tell_machine(cg_group *group, cg_error *error) {
    cg_status status = CG_OK;
    if (group->has_changed) {
        group->has_changed = false;
        status = group->machine.changed(group->machine.context, error);
    }
    if (status == CG_OK && group->has_safe_news) {
        group->has_safe_news = false;
        status = group->machine.safe(group->machine.context, group->safe, error);
    }
    return status;
}

cg_status cg_group_finish(cg_group *group, cg_error *error) {
    cg_status status = cg_group_flush(group, error);
    if (status == CG_OK && group->role == CG_GROUP_PRIMARY) {
        cg_group_absorbed_durable(group);
        for (uint32_t v = 0; status == CG_OK && v < group->options.voter_count; ++v) {
            status = cg_group_ship(group, v, error);
        }
        cg_group_count_safe(group);
    }
    if (status == CG_OK) {
        status = tell_machine(group, error);
    }
    if (status == CG_OK) {
        status = cg_group_reads_advance(group, error);
    }
    return status == CG_OK ? set_timer(group, error) : status;
}

/* --- what comes --- */

static cg_status dispatch(cg_group *group, uint32_t from, uint16_t type, const group_message *m,
                          cg_error *error) {
    switch ((cg_group_message_type)type) {
    case CG_GROUP_ASK:
        return cg_group_on_ask(group, from, m, error);
    case CG_GROUP_GRANT:
        return cg_group_on_grant(group, from, m, error);
    case CG_GROUP_APPEND:
        return cg_group_on_append(group, from, m, error);
    case CG_GROUP_APPENDED:
        return cg_group_on_appended(group, from, m, error);
    case CG_GROUP_OFFER:
        return cg_group_on_offer(group, from, m, error);
    case CG_GROUP_RECOVER:
        return cg_group_on_recover(group, from, m, error);
    case CG_GROUP_RECOVERED:
    case CG_GROUP_MESSAGE_COUNT:
    default:
        return cg_group_on_recovered(group, from, m, error);
    }
}

/* A voter that began another life knows less than it said in the one before. */
static cg_status note_life(cg_group *group, uint32_t from, uint64_t life, cg_error *error) {
    group_voter *voter = &group->voters[from];
    voter->life = life;
    voter->answer = GROUP_SILENT;
    cg_group_voter_forget(group, voter);
    return group->role == CG_GROUP_PRIMARY ? cg_group_heartbeat(group, from, error) : CG_OK;
}

static cg_status heed_epoch(cg_group *group, uint32_t from, uint16_t type,
                            const group_message *m, cg_error *error) {
    if (m->epoch <= group->epoch || type == CG_GROUP_ASK || type == CG_GROUP_RECOVERED ||
        (group->role == CG_GROUP_PRIMARY && CG_BUG(STALE_PRIMARY_ACKS))) {
        return CG_OK;
    }
    cg_status status = CG_OK;
    if (type == CG_GROUP_APPEND && group->role == CG_GROUP_PRIMARY) {
        group->statistics.split_brains++;
        status = cg_group_alert(group, CG_ERROR_SPLIT_BRAIN,
                                "a primary of a later epoch has been met", error);
    }
    uint32_t voted = type == CG_GROUP_APPEND ? group->options.voters[from] : CG_GROUP_NOBODY;
    return status == CG_OK ? cg_group_adopt(group, m->epoch, voted, error) : status;
}

cg_status cg_group_receive(cg_group *group, uint32_t from, uint16_t type,
                           const uint8_t *payload, size_t size_bytes, uint64_t now_ns,
                           cg_error *error) {
    CG_ASSERT(group->has_begun);
    uint32_t voter = cg_group_voter_of(group, from);
    group_message m;
    cg_status status = CG_OK;
    if (voter >= group->options.voter_count || voter == group->self) {
        status = cg_error_set(error, CG_ERROR_CORRUPT,
                              "partition %u: host %u is no other voter of it",
                              group->options.number, from);
    } else {
        status = cg_group_decode(group, type, payload, size_bytes, &m, error);
    }
    if (status != CG_OK) {
        group->statistics.refused++;
        return status;
    }
    group->now_ns = now_ns;
    if (m.life < group->voters[voter].life) {
        return CG_OK;
    }
    if (m.life > group->voters[voter].life) {
        status = note_life(group, voter, m.life, error);
    }
    if (status == CG_OK) {
        status = heed_epoch(group, voter, type, &m, error);
    }
    if (status == CG_OK) {
        status = dispatch(group, voter, type, &m, error);
    }
    if (status ==
        CG_ERROR_CORRUPT) { /* a record that cannot be applied; those before it were */
        group->statistics.refused++;
        cg_status finished = cg_group_finish(group, NULL);
        return finished == CG_OK ? status : finished;
    }
    return status == CG_OK ? cg_group_finish(group, error) : status;
}

static cg_status primary_timers(cg_group *group, cg_error *error) {
    if (cg_group_majority_until(group) <= group->now_ns) {
        cg_status status = cg_group_alert(group, CG_ERROR_PARTITION,
                                          "a primary has not heard from its majority", error);
        return status == CG_OK ? cg_group_step_down(group, error) : status;
    }
    cg_status status = CG_OK;
    if (group->heartbeat_ns <= group->now_ns) {
        group->heartbeat_ns = group->now_ns + group->options.heartbeat_ns;
        status = cg_group_round(group, error);
    }
    for (uint32_t v = 0; status == CG_OK && v < group->options.voter_count; ++v) {
        if (group->voters[v].resend_ns <= group->now_ns) {
            status = cg_group_resend(group, v, error);
        }
    }
    return status == CG_OK ? cg_group_lag(group, error) : status;
}

static cg_status other_timers(cg_group *group, cg_error *error) {
    cg_status status = CG_OK;
    if (group->election_ns <= group->now_ns) {
        status = group->role == CG_GROUP_CANDIDATE ? cg_group_window_over(group, error)
                                                   : cg_group_stand(group, error);
    }
    if (status == CG_OK && group->ask_ns <= group->now_ns) {
        status = cg_group_ask(group, error);
    }
    return status;
}

cg_status cg_group_timer(cg_group *group, uint64_t timer, uint64_t now_ns, cg_error *error) {
    CG_ASSERT(group->has_begun);
    group->now_ns = now_ns;
    if (timer != group->timer || now_ns < group->timer_ns) {
        return CG_OK;
    }
    group->timer_ns = GROUP_NEVER;
    cg_status status = group->role == CG_GROUP_PRIMARY ? primary_timers(group, error)
                                                       : other_timers(group, error);
    if (status == CG_OK && group->recover_ns <= now_ns) {
        status = cg_group_recover_again(group, error);
    }
    return status == CG_OK ? cg_group_finish(group, error) : status;
}

cg_status cg_group_durable(cg_group *group, uint64_t token, uint64_t now_ns, cg_error *error) {
    CG_ASSERT(group->has_begun);
    group->now_ns = now_ns;
    if (!cg_group_settle(group, token)) {
        return CG_OK;
    }
    cg_status status = cg_group_promised(group, error);
    if (status == CG_OK && group->phase == GROUP_GATHERED && group->writes_count == 0 &&
        group->frames_used == 0) {
        status = cg_group_become_primary(group, error);
    }
    if (status == CG_OK) {
        status = cg_group_tell_durable(group, error);
    }
    return status == CG_OK ? cg_group_finish(group, error) : status;
}

cg_log_id cg_group_next_id(const cg_group *group) {
    cg_log_id last = cg_group_last_id(group);
    return (cg_log_id){.epoch = group->epoch,
                       .number = last.epoch == group->epoch ? last.number + 1 : 1,
                       .replica = group_replica(group)};
}

cg_status cg_group_appended(cg_group *group, uint64_t now_ns, cg_error *error) {
    CG_ASSERT(group->role == CG_GROUP_PRIMARY);
    group->now_ns = now_ns;
    cg_group_mark_growth(group);
    cg_status status = cg_group_queue_records(group, error);
    return status == CG_OK ? cg_group_finish(group, error) : status;
}
