/* Joining a delta into a set of edges.
 *
 * Idea: the sums of replica r for an edge only grow from version to version, and a reset of them is
 * a copy of one version. Of two states of the sums the one of the later version holds the other,
 * and of two resets likewise; where versions of resets are equal so are they, and the lower dot
 * stays. So
 *
 *     join(sums, sums') = the later,   join(reset, reset') = the later,   what counts = sums - reset
 *
 * which is commutative, associative and idempotent, since taking the greater of an order is. Two
 * rules drop what can no longer matter: sums that the reset covers (reset.mark >= sums.counter), and
 * a reset from before the sums started afresh (reset.mark < sums.mark). Both follow from the pair
 * alone, so they come out the same in any order.
 *
 * What a set has seen and does not hold is gone: an entry whose dot was seen is passed over, which
 * is what makes a redelivery count once. In a whole delta the same is true of the sender: what it
 * has seen and does not hold goes here too (the join of Almeida, Shoker, Baquero 2018, section 7.2).
 *
 * Invariant: a set that has seen change n of r holds its effect, that of a change in its place, or
 * nothing because nothing of it is left. Hence a delta that leaves a gap is refused, and one in
 * parts waits for its last part: joined one by one, parts could put an item in the place of one
 * whose dot is claimed while its own is not, and if its sender then died, nobody would ask for it.
 *
 * Known value, asserted in the test: 200 at full and 100 at half confidence from two replicas are
 * (200*65536 + 100*32768) / 98304 = 166.67, that is 167.
 */
#include "engine/replica/edge_set_internal.h"

#include <string.h>

#include "engine/base/bug.h"

/* Every range starts where this set, or the part before, has come to. A whole delta starts at 0. */
static cg_status check_gaps(const cg_edge_set *set, const cg_edge_delta *delta,
                            cg_error *error) {
    for (uint32_t i = 0; i < delta->range_count && !(delta->flags & CG_EDGE_DELTA_WHOLE); i++) {
        cg_edge_range range = cg_edge_delta_range(delta, i);
        uint64_t seen = cg_edge_set_seen(set, range.replica);
        uint64_t staged =
            delta->part > 0 ? cg_version_vector_seen(&set->stage.seen, range.replica) : 0;
        seen = staged > seen ? staged : seen;
        if (range.after > seen) {
            return cg_error_set(error, CG_ERROR_LAG,
                                "a delta builds on change %llu of replica %llu, of which %llu "
                                "were seen",
                                (unsigned long long)range.after,
                                (unsigned long long)range.replica, (unsigned long long)seen);
        }
    }
    return CG_OK;
}

/* Keeps a part until the last one comes. Part 0 takes the place of what waited. */
static cg_status stage_part(cg_edge_set *set, const cg_edge_delta *delta, cg_error *error) {
    edge_stage *stage = &set->stage;
    size_t size_bytes = cg_edge_delta_bytes(delta);
    size_t used = delta->part > 0 ? stage->used : 0;
    cg_status status =
        CG_GROW(&set->allocator, stage->bytes, stage->capacity, used + size_bytes, error);
    if (status == CG_OK) {
        status = cg_version_vector_reserve(&stage->seen, stage->seen.count + delta->range_count,
                                           error);
    }
    if (status != CG_OK) {
        return status;
    }
    if (delta->part == 0) {
        cg_version_vector_clear(&stage->seen);
    }
    for (uint32_t i = 0; i < delta->range_count && status == CG_OK; i++) {
        cg_edge_range range = cg_edge_delta_range(delta, i);
        status = cg_version_vector_raise(&stage->seen, range.replica, range.upto, error);
    }
    if (status != CG_OK) {
        return status; /* too many replicas: this transfer comes to nothing */
    }
    memcpy(stage->bytes + used, delta->bytes, size_bytes);
    stage->used = used + size_bytes;
    stage->parts = delta->part + 1;
    stage->transfer = delta->transfer;
    stage->is_whole = delta->flags & CG_EDGE_DELTA_WHOLE;
    return CG_OK;
}

static void stage_drop(cg_edge_set *set) {
    set->stage.used = 0;
    set->stage.parts = 0;
}

/* set->parts = those that wait, and the last. */
static cg_status gather(cg_edge_set *set, const cg_edge_delta *last, cg_error *error) {
    size_t count = (size_t)last->part + 1;
    cg_status status = CG_GROW(&set->allocator, set->parts, set->part_capacity, count, error);
    size_t at = 0;
    for (size_t i = 0; i + 1 < count && status == CG_OK; i++) {
        cg_reader reader = cg_reader_init(set->stage.bytes + at, set->stage.used - at);
        cg_edge_delta *part = &set->parts[i];
        *part = (cg_edge_delta){.bytes = set->stage.bytes + at};
        cg_read_u8(&reader);
        part->flags = cg_read_u8(&reader);
        part->range_count = cg_read_u16(&reader);
        part->entry_count = cg_read_u32(&reader);
        at += cg_edge_delta_bytes(part);
    }
    if (status == CG_OK) {
        set->parts[count - 1] = *last;
    }
    return status;
}

/* Meets the replicas, and sums up what the parts claim. A whole delta claims by its last part. */
static cg_status sum_claims(cg_edge_set *set, size_t parts, cg_error *error) {
    for (size_t p = 0; p < parts; p++) {
        for (uint32_t i = 0; i < set->parts[p].range_count; i++) {
            cg_edge_range range = cg_edge_delta_range(&set->parts[p], i);
            cg_status status = cg_edge_replica_meet(set, range.replica, error);
            if (status != CG_OK) {
                return status;
            }
        }
    }
    for (size_t i = 0; i < set->replica_count; i++) {
        set->replicas[i].claim = 0;
        set->replicas[i].arriving = 0;
    }
    bool is_whole = set->parts[0].flags & CG_EDGE_DELTA_WHOLE;
    for (size_t p = is_whole ? parts - 1 : 0; p < parts; p++) {
        for (uint32_t i = 0; i < set->parts[p].range_count; i++) {
            cg_edge_range range = cg_edge_delta_range(&set->parts[p], i);
            edge_replica *replica = &set->replicas[cg_edge_replica_find(set, range.replica)];
            replica->claim = range.upto > replica->claim ? range.upto : replica->claim;
        }
    }
    const edge_replica *own = &set->replicas[0];
    bool is_own =
        set->parts[parts - 1].transfer == 0 && own->claim <= own->seen + set->pending_count;
    if (set->is_open && own->claim > own->seen && !is_own) {
        return cg_error_set(
            error, CG_ERROR_CONFLICT,
            "others have seen %llu changes of replica %llu, which has made %llu: "
            "it lost some, and needs a new life",
            (unsigned long long)own->claim, (unsigned long long)own->id,
            (unsigned long long)own->seen);
    }
    return CG_OK;
}

static bool brings_news(const cg_edge_set *set) {
    for (size_t i = 0; i < set->replica_count; i++) {
        if (set->replicas[i].claim > set->replicas[i].seen) {
            return true;
        }
    }
    return false;
}

static uint32_t replica_of(const cg_edge_set *set, const cg_edge_delta *part, uint32_t range) {
    return cg_edge_replica_find(set, cg_edge_delta_range(part, range).replica);
}

/* That nothing is reset, or claimed, that is not seen with it; and room for all. */
static cg_status prepare(cg_edge_set *set, size_t parts, cg_error *error) {
    size_t entries = 0;
    for (size_t p = 0; p < parts; p++) {
        const cg_edge_delta *part = &set->parts[p];
        for (uint32_t i = 0; i < part->entry_count; i++) {
            cg_edge_entry entry = cg_edge_delta_entry(part, i);
            edge_replica *origin = &set->replicas[replica_of(set, part, entry.origin)];
            const edge_replica *about = &set->replicas[replica_of(set, part, entry.about)];
            uint64_t known = about->claim > about->seen ? about->claim : about->seen;
            if (entry.kind == CG_EDGE_RESET && entry.mark > known) {
                return cg_error_set(error, CG_ERROR_LAG,
                                    "a delta resets change %llu of replica %llu, of which %llu "
                                    "were seen",
                                    (unsigned long long)entry.mark,
                                    (unsigned long long)about->id, (unsigned long long)known);
            }
            origin->arriving++;
        }
        entries += part->entry_count;
    }
    return cg_edge_set_reserve(set, entries, error);
}

static bool is_dot_before(const cg_edge_set *set, uint32_t origin, uint64_t counter,
                          const edge_item *item) {
    cg_replica_id left = set->replicas[origin].id;
    cg_replica_id right = set->replicas[item->origin].id;
    return left != right ? left < right : counter < item->counter;
}

/* The two rules of the head of this file. */
static void settle(cg_edge_set *set, edge_item *sums, edge_item *reset) {
    if (reset->mark < sums->mark) {
        cg_edge_item_drop(set, reset);
    } else if (reset->mark >= sums->counter) {
        cg_edge_item_drop(set, sums);
    }
}

static void join_entry(cg_edge_set *set, const cg_edge_entry *entry, uint32_t origin,
                       uint32_t about) {
    uint32_t link = cg_edge_tree_find(set, &entry->edge);
    edge_item *item = link ? cg_edge_item_find(set, link, about, entry->kind) : NULL;
    if (entry->counter <= set->replicas[origin].seen) {
        if (CG_BUG(EDGE_REDELIVERY) && item && entry->kind == CG_EDGE_SUMS) {
            item->weighted += entry->weighted;
            item->confidence += entry->confidence;
        }
        if (item && item->origin == origin && item->counter == entry->counter) {
            item->is_kept = true;
        }
        return;
    }
    link = link ? link : cg_edge_tree_insert(set, &entry->edge);
    set->tombstones -= cg_edge_pair_is_tombstone(set, link, about);
    bool is_later = !item;
    if (!item) {
        item = cg_edge_item_add(set, link, about, entry->kind);
    } else if (entry->kind == CG_EDGE_SUMS) {
        is_later = entry->counter > item->counter;
    } else {
        is_later =
            entry->mark > item->mark ||
            (entry->mark == item->mark && is_dot_before(set, origin, entry->counter, item));
    }
    if (is_later) {
        cg_edge_item_give_dot(set, item, origin, entry->counter);
        item->mark = entry->mark;
        item->weighted = entry->weighted;
        item->confidence = entry->confidence;
        item->is_kept = true;
    }
    set->tombstones += cg_edge_pair_is_tombstone(set, link, about);
    edge_item *sums = cg_edge_item_find(set, link, about, CG_EDGE_SUMS);
    edge_item *reset = cg_edge_item_find(set, link, about, CG_EDGE_RESET);
    if (sums && reset) {
        settle(set, sums, reset);
    }
}

/* Drops what the sender of a whole delta has seen and does not hold. */
static void sweep(cg_edge_set *set) {
    for (uint32_t i = 0; i < set->replica_count; i++) {
        const edge_replica *replica = &set->replicas[i];
        for (size_t at = 0; at < replica->dot_count; at++) {
            if (replica->dots[at].item == 0) {
                continue;
            }
            edge_item *item = edge_item_at(set, replica->dots[at].item);
            if (!item->is_kept && item->counter <= replica->claim) {
                uint32_t edge = item->edge;
                bool was_last =
                    edge_node_at(set, edge)->first == replica->dots[at].item && item->next == 0;
                cg_edge_item_drop(set, item);
                if (!was_last) {
                    cg_edge_node_tell(set, edge);
                }
            }
        }
    }
}

static void forget_kept(cg_edge_set *set) {
    for (size_t i = 0; i < set->item_used; i++) {
        set->items[i].is_kept = false;
    }
}

/* What was claimed is seen; own changes that are in it wait no longer. */
static void claim(cg_edge_set *set, const cg_edge_delta *last) {
    for (uint32_t i = 0; i < last->range_count && (last->flags & CG_EDGE_DELTA_WHOLE); i++) {
        cg_edge_range range = cg_edge_delta_range(last, i);
        edge_replica *replica = &set->replicas[replica_of(set, last, i)];
        replica->floor = range.after > replica->floor ? range.after : replica->floor;
    }
    for (size_t i = 0; i < (CG_BUG(VECTOR_NOT_MERGED) ? 1 : set->replica_count); i++) {
        edge_replica *replica = &set->replicas[i];
        replica->seen = replica->claim > replica->seen ? replica->claim : replica->seen;
    }
    size_t done = 0;
    while (done < set->pending_count && set->pending[done].counter <= set->replicas[0].seen) {
        done++;
    }
    if (done > 0) {
        set->pending_count -= done;
        memmove(set->pending, set->pending + done, set->pending_count * sizeof *set->pending);
    }
}

static cg_status join(cg_edge_set *set, const cg_edge_delta *last, cg_error *error) {
    size_t parts = (size_t)last->part + 1;
    cg_status status = gather(set, last, error);
    if (status == CG_OK) {
        status = sum_claims(set, parts, error);
    }
    if (status != CG_OK || (!brings_news(set) && !CG_BUG(EDGE_REDELIVERY))) {
        return status;
    }
    status = prepare(set, parts, error);
    if (status != CG_OK) {
        return status;
    }
    bool is_whole = last->flags & CG_EDGE_DELTA_WHOLE;
    if (is_whole) {
        forget_kept(set);
    }
    for (size_t p = 0; p < parts; p++) {
        const cg_edge_delta *part = &set->parts[p];
        for (uint32_t i = 0; i < part->entry_count; i++) {
            cg_edge_entry entry = cg_edge_delta_entry(part, i);
            join_entry(set, &entry, replica_of(set, part, entry.origin),
                       replica_of(set, part, entry.about));
        }
    }
    if (is_whole) {
        sweep(set);
    }
    claim(set, last);
    for (size_t p = 0; p < parts; p++) {
        for (uint32_t i = 0; i < set->parts[p].entry_count; i++) {
            cg_edge_entry entry = cg_edge_delta_entry(&set->parts[p], i);
            uint32_t link = cg_edge_tree_find(set, &entry.edge);
            if (link) {
                cg_edge_node_tell(set, link);
            }
        }
    }
    return CG_OK;
}

cg_status cg_edge_set_apply(cg_edge_set *set, const uint8_t *bytes, size_t size_bytes,
                            cg_error *error) {
    cg_edge_delta delta;
    cg_status status = cg_edge_delta_open(bytes, size_bytes, &delta, error);
    if (status != CG_OK) {
        return status;
    }
    bool is_whole = delta.flags & CG_EDGE_DELTA_WHOLE;
    if (delta.part > 0 &&
        (delta.part != set->stage.parts || delta.transfer != set->stage.transfer ||
         is_whole != set->stage.is_whole)) {
        return cg_error_set(
            error, CG_ERROR_LAG,
            "part %u of transfer %llu came, while %u parts of transfer %llu wait", delta.part,
            (unsigned long long)delta.transfer, set->stage.parts,
            (unsigned long long)set->stage.transfer);
    }
    status = check_gaps(set, &delta, error);
    if (status != CG_OK) {
        return status;
    }
    if (delta.flags & CG_EDGE_DELTA_MORE) {
        return stage_part(set, &delta, error);
    }
    status = join(set, &delta, error);
    if (status == CG_OK && delta.part > 0) {
        stage_drop(set);
    }
    return status;
}
