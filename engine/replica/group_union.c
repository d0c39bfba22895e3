/* The primary takes in what others have and it lacks.
 *
 * A log is a set of records in the order of their ids (log.h), so the union of two logs is the union of
 * two sets, and two that are united in any order and any number of times are the same: a record that is
 * there already is passed over. The primary asks a voter whose log is no part of its own for what stands
 * behind the last place that is known to be common, piece by piece, each asked for when the one before has
 * come; so the voter keeps no state, and what is lost is asked for again. When all pieces of one log are
 * there, they are put in their places at once: the log is cut before the first that was missing, and
 * goes on with both in order.
 *
 * Nothing is said to be absorbed before it is durable here, since whoever offered it then cuts it off.
 *
 * A primary for good that lost its disk (GROUP_GATHER, under quorum and all) asks the same way, but takes
 * the log whole, in the place of its own.
 */
#include <string.h>

#include "engine/replica/group_internal.h"

/* --- at the voter --- */

cg_status cg_group_offer(cg_group *group, uint32_t to, uint64_t start, cg_error *error) {
    uint64_t last = cg_group_last(group);
    if (start > last || group->is_witness) {
        start = last; /* the log is shorter than it was: the primary sees it by its chain */
    }
    group_message offer = {
        .start = start, .last = last, .last_chain = cg_group_chain(group, last)};
    for (uint64_t at = start + 1; at <= last && offer.count < GROUP_OFFER_RECORDS; ++at) {
        size_t size_bytes = 0;
        const uint8_t *bytes = cg_log_bytes(group->machine.log, at, &size_bytes);
        if (offer.count > 0 && offer.records_bytes + size_bytes > CG_GROUP_SHIP_BYTES) {
            break;
        }
        offer.records = offer.count == 0 ? bytes : offer.records;
        offer.records_bytes += size_bytes;
        offer.count++;
    }
    return cg_group_send(group, to, CG_GROUP_OFFER, &offer, error);
}

/* --- at the primary --- */

void cg_group_pull_start(group_voter *voter, uint64_t from) {
    group_pull *pull = &voter->pull;
    pull->is_active = true;
    pull->from = from;
    pull->next = from;
    pull->used_bytes = 0;
}

cg_status cg_group_pull_next(cg_group *group, uint32_t v, cg_error *error) {
    group_voter *voter = &group->voters[v];
    voter->resend_ns = group->now_ns + (group->options.resend_ns << voter->tries);
    return cg_group_append_to(group, v, voter->common, 0, error);
}

cg_status cg_group_consider(cg_group *group, uint32_t v, const group_message *m,
                            cg_error *error) {
    group_voter *voter = &group->voters[v];
    bool is_part =
        m->last <= cg_group_last(group) && cg_group_chain(group, m->last) == m->last_chain;
    voter->is_foreign = !is_part && !CG_BUG(UNION_DROPS);
    voter->foreign_chain = m->last_chain;
    if (!voter->is_foreign) {
        voter->pull.is_active = false;
        return CG_OK;
    }
    voter->was_behind = true;
    bool was_unknown = voter->shipping == GROUP_UNKNOWN;
    if (was_unknown) {
        voter->shipping = GROUP_STEADY;
        voter->next = voter->common + 1;
    }
    bool is_known = voter->absorbed == m->last_chain ||
                    (voter->is_absorbing && voter->absorbing == m->last_chain);
    if (is_known || (voter->pull.is_active && voter->pull.next > voter->pull.from &&
                     voter->pull.chain == m->last_chain)) {
        voter->pull.is_active = voter->pull.is_active && !is_known;
        return CG_OK;
    }
    if (voter->pull.is_active && !was_unknown) {
        return CG_OK; /* asked for, and on its way */
    }
    uint64_t from = voter->common;
    for (uint32_t i = 0; i < m->count; ++i) {
        if (m->points[i] > from && m->points[i] <= cg_group_last(group) &&
            cg_group_chain(group, m->points[i]) == m->point_chains[i]) {
            from = m->points[i];
        }
    }
    voter->common = from;
    voter->next = from + 1;
    voter->shipping = GROUP_STEADY;
    cg_group_pull_start(voter, from);
    return cg_group_pull_next(group, v, error);
}

void cg_group_absorbed_durable(cg_group *group) {
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        group_voter *voter = &group->voters[v];
        if (voter->is_absorbing && group->durable >= voter->absorbing_last) {
            voter->is_absorbing = false;
            voter->absorbed = voter->absorbing;
        }
    }
}

/* Where in this log a record of that id stands, or would. */
static uint64_t place_of(const cg_log_store *log, const cg_log_id *id, bool *is_there) {
    uint64_t low = 1;
    uint64_t high = cg_log_last(log) + 1;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        cg_log_id there = cg_log_id_of(log, middle);
        if (cg_log_id_compare(&there, id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    cg_log_id there = low <= cg_log_last(log) ? cg_log_id_of(log, low) : (cg_log_id){0};
    *is_there = low <= cg_log_last(log) && cg_log_id_compare(&there, id) == 0;
    return low;
}

/* A sequence of encoded records. */
typedef struct stretch {
    const uint8_t *bytes;
    size_t left_bytes;
    size_t head_bytes; /* of the first one; 0 at the end */
    cg_log_id id;
    bool is_spoilt; /* had a record that could not be applied: whoever has it must keep it */
} stretch;

static cg_status look(stretch *at, cg_error *error) {
    at->head_bytes = 0;
    return at->left_bytes == 0
               ? CG_OK
               : cg_log_record_peek(at->bytes, at->left_bytes, &at->head_bytes, &at->id, error);
}

static cg_status advance(stretch *at, cg_error *error) {
    at->bytes += at->head_bytes;
    at->left_bytes -= at->head_bytes;
    return look(at, error);
}

/* The first that is missing here; head_bytes 0 when none is. *place: where it belongs. */
static cg_status first_missing(const cg_group *group, stretch *offered, uint64_t *place,
                               cg_error *error) {
    cg_status status = look(offered, error);
    while (status == CG_OK && offered->head_bytes > 0) {
        bool is_there = false;
        *place = place_of(group->machine.log, &offered->id, &is_there);
        if (!is_there) {
            return CG_OK;
        }
        status = advance(offered, error);
    }
    return status;
}

static cg_status apply_head(cg_group *group, stretch *at, cg_error *error) {
    cg_status status =
        group->machine.apply(group->machine.context, at->bytes, at->head_bytes, error);
    return status == CG_OK ? advance(at, error) : status;
}

/* Both in canonical order; what both have, once. */
static cg_status apply_both(cg_group *group, stretch *own, stretch *offered, cg_error *error) {
    cg_status status = look(own, error);
    while (status == CG_OK && (own->head_bytes > 0 || offered->head_bytes > 0)) {
        int order = own->head_bytes == 0       ? 1
                    : offered->head_bytes == 0 ? -1
                                               : cg_log_id_compare(&own->id, &offered->id);
        if (order == 0) {
            status = advance(offered, error);
        } else if (order < 0) {
            status = apply_head(group, own, error);
        } else {
            status = apply_head(group, offered, error);
            group->statistics.records_united += status == CG_OK;
            if (status == CG_ERROR_CORRUPT) {
                offered->is_spoilt = true;
                group->statistics.refused++;
                status = advance(offered, error);
            }
        }
    }
    return status;
}

/* This log from `place` on is put in order with what is offered, or gives way to it. */
static cg_status rewrite(cg_group *group, uint64_t place, stretch *offered, bool gives_way,
                         cg_error *error) {
    uint64_t last = cg_group_last(group);
    size_t own_bytes = 0;
    for (uint64_t at = place; at <= last; ++at) {
        size_t size_bytes = 0;
        (void)cg_log_bytes(group->machine.log, at, &size_bytes);
        own_bytes += size_bytes;
    }
    uint8_t *own = own_bytes > 0 ? cg_allocate(&group->allocator, own_bytes, 1) : NULL;
    if (own_bytes > 0 && !own) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a union of %zu bytes",
                            own_bytes);
    }
    if (own_bytes > 0) {
        size_t size_bytes = 0;
        memcpy(own, cg_log_bytes(group->machine.log, place, &size_bytes), own_bytes);
    }
    stretch tail = {.bytes = own, .left_bytes = gives_way ? 0 : own_bytes};
    cg_status status = cg_group_queue_records(group, error);
    if (status == CG_OK) {
        status = group->machine.cut(group->machine.context, place - 1, error);
    }
    if (status == CG_OK) {
        status = apply_both(group, &tail, offered, error);
    }
    if (status == CG_OK) {
        status = cg_group_queue_rewrite(group, place - 1, error);
    }
    cg_deallocate(&group->allocator, own, own_bytes, 1);
    return status;
}

/* What was known of the others holds up to the place where this log has changed. */
static void shift_voters(cg_group *group, uint64_t kept) {
    for (uint32_t v = 0; v < group->options.voter_count; ++v) {
        group_voter *voter = &group->voters[v];
        voter->matched = voter->matched < kept ? voter->matched : kept;
        voter->common = voter->common < kept ? voter->common : kept;
        voter->next = voter->next < kept + 1 ? voter->next : kept + 1;
        voter->absorbing_last = cg_group_last(group);
    }
    group->marks_count = 0;
    cg_group_mark_growth(group);
}

static cg_status unite(cg_group *group, uint32_t v, cg_error *error) {
    group_voter *voter = &group->voters[v];
    stretch offered = {.bytes = voter->pull.bytes, .left_bytes = voter->pull.used_bytes};
    uint64_t place = 0;
    cg_status status = first_missing(group, &offered, &place, error);
    if (status == CG_OK && offered.head_bytes > 0) {
        group->statistics.unions++;
        status = rewrite(group, place, &offered, false, error);
        if (status == CG_OK) {
            shift_voters(group, place - 1);
        }
    }
    voter->pull.is_active = false;
    voter->pull.used_bytes = 0;
    voter->is_absorbing = !offered.is_spoilt;
    voter->absorbing = voter->pull.chain;
    voter->absorbing_last = cg_group_last(group);
    return status;
}

/* The whole of another's log, in the place of this one. */
static cg_status take_over(cg_group *group, uint32_t v, cg_error *error) {
    group_voter *voter = &group->voters[v];
    stretch offered = {.bytes = voter->pull.bytes, .left_bytes = voter->pull.used_bytes};
    voter->pull.is_active = false;
    cg_status status = look(&offered, error);
    uint64_t place = 1;
    while (status == CG_OK && offered.head_bytes > 0 && place <= cg_group_last(group)) {
        cg_log_id own = cg_log_id_of(group->machine.log, place);
        if (cg_log_id_compare(&own, &offered.id) != 0) {
            break;
        }
        place++;
        status = advance(&offered, error);
    }
    if (status == CG_OK && offered.head_bytes > 0) {
        status = rewrite(group, place, &offered, true, error);
    }
    return status == CG_OK ? cg_group_gather(group, error) : status;
}

cg_status cg_group_on_offer(cg_group *group, uint32_t from, const group_message *m,
                            cg_error *error) {
    group_voter *voter = &group->voters[from];
    group_pull *pull = &voter->pull;
    bool is_gathering = group->phase == GROUP_GATHER;
    if (m->epoch != group->epoch || (group->role != CG_GROUP_PRIMARY && !is_gathering) ||
        !pull->is_active) {
        return CG_OK;
    }
    if (pull->next > pull->from && m->last_chain != pull->chain) {
        cg_group_pull_start(voter, pull->from); /* its log has changed meanwhile */
        return cg_group_pull_next(group, from, error);
    }
    if (m->start != pull->next) { /* one that came before; or the log has become shorter */
        pull->is_active = m->start < m->last;
        return CG_OK;
    }
    cg_status status = CG_GROW(&group->allocator, pull->bytes, pull->capacity_bytes,
                               pull->used_bytes + m->records_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    if (m->count > 0) {
        memcpy(pull->bytes + pull->used_bytes, m->records, m->records_bytes);
    }
    pull->used_bytes += m->records_bytes;
    pull->next += m->count;
    pull->chain = m->last_chain;
    voter->tries = 0;
    if (pull->next < m->last) {
        return cg_group_pull_next(group, from, error);
    }
    return is_gathering ? take_over(group, from, error) : unite(group, from, error);
}
