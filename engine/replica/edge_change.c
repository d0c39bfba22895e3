/* Changes of this replica's own: the record of an observation or a removal.
 *
 * Observation n of replica r adds to r's sums for the edge and gives them version n. Sums that go
 * on keep their mark, the first change that they hold; when nothing of them counts any more (they
 * were reset, or there were none), they start afresh with mark n. Fresh sums after a reset ask for
 * the change that made the reset, so nobody sees them before it.
 *
 * Removal n copies, of each replica whose sums count here, their version and sums: the reset. It
 * asks for all those versions. What a replica observes meanwhile has a later version and holds the
 * reset's sums too: the difference is what survives.
 *
 * Neither takes effect before its record is durable (edge_set.h), so changes that were handed out
 * wait in `pending`, and what comes after them builds on them.
 */
#include "engine/replica/edge_set_internal.h"

#include <string.h>

/* The last pending change of the edge, or NULL. */
static const edge_pending *last_pending(const cg_edge_set *set, const cg_edge_key *edge) {
    for (size_t i = set->pending_count; i > 0; i--) {
        if (cg_edge_key_compare(&set->pending[i - 1].edge, edge) == 0) {
            return &set->pending[i - 1];
        }
    }
    return NULL;
}

static cg_status begin(cg_edge_set *set, cg_error *error) {
    set->is_open = true;
    if (set->pending_count == CG_EDGE_PENDING_MAX) {
        return cg_error_set(error, CG_ERROR_OVERLOADED,
                            "%d changes of edges wait to become durable, the most there can be",
                            CG_EDGE_PENDING_MAX);
    }
    cg_edge_write_begin(set);
    return CG_GROW(&set->allocator, set->pending, set->pending_capacity, set->pending_count + 1,
                   error);
}

static uint64_t next_counter(const cg_edge_set *set) {
    return set->replicas[0].seen + set->pending_count + 1;
}

/* The record asks for a replica's changes up to `counter`. */
static void ask_for(cg_edge_set *set, uint32_t replica, uint64_t counter) {
    edge_replica *asked = &set->replicas[replica];
    if (replica == 0) {
        return; /* its range begins just before this change */
    }
    asked->is_listed = true;
    if (asked->claim < counter) {
        asked->base = counter;
        asked->claim = counter;
    }
}

/* Writes the record of set->entries, and lets the change wait. */
static cg_status hand_out(cg_edge_set *set, edge_pending change, cg_edge_record *record,
                          cg_error *error) {
    edge_replica *own = &set->replicas[0];
    own->is_listed = true;
    own->base = change.counter - 1;
    own->claim = change.counter;
    cg_status status = cg_edge_write_end(set, &(cg_edge_delta){0}, record, error);
    if (status == CG_OK) {
        set->pending[set->pending_count++] = change;
    }
    return status;
}

cg_status cg_edge_set_observe(cg_edge_set *set, cg_edge_key edge, uint8_t weight,
                              uint32_t confidence, cg_edge_record *record, cg_error *error) {
    if (confidence < 1 || confidence > CG_EDGE_CONFIDENCE_ONE) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "confidence of an edge is %u, not in 1..%d (1/65,536)", confidence,
                            CG_EDGE_CONFIDENCE_ONE);
    }
    if (edge.from == edge.to) {
        return cg_error_set(error, CG_ERROR_INVALID, "an edge leads from %llu to itself",
                            (unsigned long long)edge.from);
    }
    cg_status status = begin(set, error);
    if (status != CG_OK) {
        return status;
    }
    edge_pending change = {.edge = edge, .counter = next_counter(set)};
    change.mark = change.counter;
    const edge_pending *before = last_pending(set, &edge);
    uint32_t link = cg_edge_tree_find(set, &edge);
    const edge_item *sums = link ? cg_edge_item_find(set, link, 0, CG_EDGE_SUMS) : NULL;
    const edge_item *reset = link ? cg_edge_item_find(set, link, 0, CG_EDGE_RESET) : NULL;
    if (before ? before->mark > 0 : sums != NULL) {
        change.mark = before ? before->mark : sums->mark;
        change.weighted = before ? before->weighted : sums->weighted;
        change.confidence = before ? before->confidence : sums->confidence;
    } else if (reset) {
        ask_for(set, reset->origin, reset->counter);
    }
    if (change.confidence > CG_EDGE_CONFIDENCE_SUM_MAX - confidence) {
        return cg_error_set(
            error, CG_ERROR_FULL,
            "the confidence that this replica has in the edge from %llu to %llu "
            "adds up to %llu, at most %llu",
            (unsigned long long)edge.from, (unsigned long long)edge.to,
            (unsigned long long)change.confidence,
            (unsigned long long)CG_EDGE_CONFIDENCE_SUM_MAX);
    }
    change.weighted += (uint64_t)weight * confidence;
    change.confidence += confidence;
    cg_edge_entry entry = {.edge = edge,
                           .counter = change.counter,
                           .mark = change.mark,
                           .weighted = change.weighted,
                           .confidence = change.confidence,
                           .kind = CG_EDGE_SUMS};
    status = cg_edge_write_add(set, &entry, error);
    return status == CG_OK ? hand_out(set, change, record, error) : status;
}

/* The reset of sums as they were at `version`. */
static cg_status add_reset(cg_edge_set *set, const edge_pending *change, uint32_t about,
                           const edge_pending *sums, cg_error *error) {
    ask_for(set, about, sums->counter);
    cg_edge_entry entry = {.edge = change->edge,
                           .counter = change->counter,
                           .mark = sums->counter,
                           .weighted = sums->weighted,
                           .confidence = sums->confidence,
                           .about = (uint16_t)about,
                           .kind = CG_EDGE_RESET};
    return cg_edge_write_add(set, &entry, error);
}

/* A reset of each replica's sums that count, by replica; this one's are the pending ones if there
 * are any. */
static cg_status add_resets(cg_edge_set *set, const edge_pending *change, cg_error *error) {
    const edge_pending *pending = last_pending(set, &change->edge);
    bool is_own_due = pending && pending->mark > 0;
    cg_replica_id own = set->replicas[0].id;
    uint32_t link = cg_edge_tree_find(set, &change->edge);
    uint32_t at = link ? edge_node_at(set, link)->first : 0;
    cg_status status = CG_OK;
    while ((at || is_own_due) && status == CG_OK) {
        const edge_item *item = at ? edge_item_at(set, at) : NULL;
        if (is_own_due && (!item || set->replicas[item->about].id >= own)) {
            status = add_reset(set, change, 0, pending, error);
            is_own_due = false;
            continue;
        }
        if (item->kind == CG_EDGE_SUMS && !(pending && item->about == 0)) {
            edge_pending sums = {.counter = item->counter,
                                 .weighted = item->weighted,
                                 .confidence = item->confidence};
            status = add_reset(set, change, item->about, &sums, error);
        }
        at = item->next;
    }
    return status;
}

cg_status cg_edge_set_remove(cg_edge_set *set, cg_edge_key edge, cg_edge_record *record,
                             cg_error *error) {
    cg_status status = begin(set, error);
    if (status != CG_OK) {
        return status;
    }
    edge_pending change = {.edge = edge, .counter = next_counter(set)};
    status = add_resets(set, &change, error);
    if (status != CG_OK) {
        return status;
    }
    if (set->entry_count == 0) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "there is no edge of type %u from %llu to %llu", edge.type,
                            (unsigned long long)edge.from, (unsigned long long)edge.to);
    }
    return hand_out(set, change, record, error);
}

void cg_edge_set_abandon(cg_edge_set *set) {
    set->pending_count = 0;
}
