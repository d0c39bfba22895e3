/* What is known of each host: the join of all claims, in the order (incarnation, liveness). */
#include "engine/replica/swim_internal.h"

static uint64_t rank(uint32_t incarnation, uint8_t liveness) {
    return (uint64_t)incarnation * CG_SWIM_LIVENESS_COUNT + liveness;
}

static cg_status tell(const cg_swim *swim, uint32_t host, cg_error *error) {
    const swim_member *member = &swim->members[host];
    if (!swim->options.changed) {
        return CG_OK;
    }
    return swim->options.changed(swim->options.context, host,
                                 (cg_swim_liveness)member->liveness, member->incarnation,
                                 error);
}

/* At most one timer a host is under way: when it comes early for a later suspicion, it is set
 * anew (cg_swim_suspicion_over). */
static cg_status suspect(cg_swim *swim, uint32_t host, uint64_t now_ns, cg_error *error) {
    swim_member *member = &swim->members[host];
    member->deadline_ns = now_ns + swim->suspicion_ns;
    if (member->has_timer) {
        return CG_OK;
    }
    member->has_timer = 1;
    return swim->port.timer(swim->port.context, (uint64_t)SWIM_TIMER_SUSPICION + host,
                            member->deadline_ns, error);
}

cg_status cg_swim_learn(cg_swim *swim, uint32_t host, swim_claim claim, uint64_t now_ns,
                        cg_error *error) {
    swim_member *member = &swim->members[host];
    if (rank(claim.incarnation, claim.liveness) <=
        rank(member->incarnation, member->liveness)) {
        return CG_OK;
    }
    bool was_dead = member->liveness == CG_SWIM_DEAD;
    bool is_dead = claim.liveness == CG_SWIM_DEAD;
    if (was_dead != is_dead) {
        cg_swim_ring_remove(was_dead ? &swim->dead : &swim->live, swim->members, host);
        cg_swim_ring_insert(is_dead ? &swim->dead : &swim->live, swim->members, host);
        swim->statistics.returns += was_dead;
    }
    swim->counts[member->liveness]--;
    swim->counts[claim.liveness]++;
    member->incarnation = claim.incarnation;
    member->liveness = claim.liveness;
    cg_swim_news_add(swim, host);
    if (claim.liveness == CG_SWIM_SUSPECT) {
        cg_status status = suspect(swim, host, now_ns, error);
        if (status != CG_OK) {
            return status;
        }
    }
    return tell(swim, host, error);
}

/* This host was thought dead, so it was cut off: its claims were made, or heard, with nobody to
 * answer them. Those it suspects get the time anew, and it says so, that they may answer. */
static void doubt_claims(cg_swim *swim, uint64_t now_ns) {
    cg_swim_news_drop_dead(swim);
    for (uint32_t host = 0; host < swim->options.hosts; host++) {
        if (swim->members[host].liveness == CG_SWIM_SUSPECT) {
            swim->members[host].deadline_ns = now_ns + swim->suspicion_ns;
            cg_swim_news_add(swim, host);
        }
    }
}

cg_status cg_swim_hear(cg_swim *swim, swim_claim claim, uint64_t now_ns, cg_error *error) {
    swim_member *self = &swim->members[swim->options.host];
    if (rank(claim.incarnation, claim.liveness) <= rank(self->incarnation, self->liveness)) {
        return CG_OK;
    }
    uint32_t incarnation = claim.incarnation;
    if (claim.liveness != CG_SWIM_ALIVE) {
        if (incarnation == CG_SWIM_INCARNATION_MAX) {
            return CG_OK;
        }
        incarnation++;
        swim->statistics.refutations++;
    }
    if (claim.liveness == CG_SWIM_DEAD) {
        doubt_claims(swim, now_ns);
    }
    self->incarnation = incarnation;
    return tell(swim, swim->options.host, error);
}

cg_status cg_swim_suspicion_over(cg_swim *swim, uint32_t host, uint64_t now_ns,
                                 cg_error *error) {
    swim_member *member = &swim->members[host];
    if (!member->has_timer) {
        return CG_OK;
    }
    member->has_timer = 0;
    if (member->liveness != CG_SWIM_SUSPECT) {
        return CG_OK;
    }
    if (now_ns < member->deadline_ns) {
        member->has_timer = 1;
        return swim->port.timer(swim->port.context, (uint64_t)SWIM_TIMER_SUSPICION + host,
                                member->deadline_ns, error);
    }
    swim->statistics.deaths++;
    return cg_swim_learn(swim, host, (swim_claim){member->incarnation, CG_SWIM_DEAD}, now_ns,
                         error);
}
