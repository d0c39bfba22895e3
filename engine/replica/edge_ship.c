/* What a peer lacks, written down; and what nobody lacks any more, dropped.
 *
 * Idea: every item carries the dot of the change that last made it, and each replica's dots are
 * held in order. A peer that has seen n changes of a replica lacks the items with later dots of it
 * and no others: an item that it should have and that changed since has a later dot, and one that
 * went was reset, and then the reset has. Almeida, Shoker, Baquero, "Delta State Replicated Data
 * Types" (2018), section 7, with the vector as the causal context.
 *
 * In parts: the peer says how far the parts before went, and the next goes on from there, by
 * replica and counter. An item that changes meanwhile gets a later dot and comes later; if its dot
 * is of a replica that was through, that replica is not through any more. So when nothing is left
 * the peer has been sent all that the sender then had, and has seen what the sender had seen. Before
 * that it may claim nothing: an item may have taken the place of one that the peer lacks, and be in
 * a later part.
 */
#include "engine/replica/edge_set_internal.h"

#include "engine/base/bug.h"

void cg_edge_write_begin(cg_edge_set *set) {
    set->entry_count = 0;
    for (size_t i = 0; i < set->replica_count; i++) {
        edge_replica *replica = &set->replicas[i];
        replica->is_listed = false;
        replica->base = 0;
        replica->claim = 0;
    }
}

cg_status cg_edge_write_add(cg_edge_set *set, const cg_edge_entry *entry, cg_error *error) {
    cg_status status = CG_GROW(&set->allocator, set->entries, set->entry_capacity,
                               set->entry_count + 1, error);
    if (status == CG_OK) {
        set->entries[set->entry_count++] = *entry;
    }
    return status;
}

cg_status cg_edge_write_end(cg_edge_set *set, const cg_edge_delta *header,
                            cg_edge_record *record, cg_error *error) {
    cg_edge_delta written = *header;
    written.entry_count = (uint32_t)set->entry_count;
    cg_status status =
        CG_GROW(&set->allocator, set->ranges, set->range_capacity, set->replica_count, error);
    if (status != CG_OK) {
        return status;
    }
    for (size_t i = 0; i < set->replica_count; i++) {
        edge_replica *replica = &set->replicas[set->order[i]];
        if (replica->is_listed) {
            replica->range = written.range_count;
            set->ranges[written.range_count++] = (cg_edge_range){
                .replica = replica->id, .after = replica->base, .upto = replica->claim};
        }
    }
    size_t size_bytes = cg_edge_delta_bytes(&written);
    status = CG_GROW(&set->allocator, set->bytes, set->byte_capacity, size_bytes, error);
    if (status != CG_OK) {
        return status;
    }
    for (size_t i = 0; i < set->entry_count; i++) {
        cg_edge_entry *entry = &set->entries[i];
        entry->origin = set->replicas[entry->origin].range;
        entry->about = set->replicas[entry->about].range;
    }
    cg_edge_delta_write(&written, set->ranges, set->entries, set->bytes);
    *record = (cg_edge_record){.bytes = set->bytes, .size_bytes = size_bytes};
    return CG_OK;
}

/* Room that is left in a part. */
typedef struct budget {
    size_t used_bytes;
    size_t bytes_max;
} budget;

static void list(cg_edge_set *set, uint32_t index, budget *room) {
    edge_replica *replica = &set->replicas[index];
    if (!replica->is_listed) {
        replica->is_listed = true;
        room->used_bytes += CG_EDGE_DELTA_RANGE_BYTES;
    }
}

/* The entries of one dot, those of one removal in the order of replicas. *at: past them. */
static cg_status add_dot(cg_edge_set *set, uint32_t index, size_t *at, budget *room,
                         cg_error *error) {
    const edge_replica *replica = &set->replicas[index];
    size_t first = set->entry_count;
    uint64_t counter = replica->dots[*at].counter;
    cg_status status = CG_OK;
    for (; *at < replica->dot_count && replica->dots[*at].counter == counter; ++*at) {
        if (replica->dots[*at].item == 0) {
            continue;
        }
        const edge_item *item = edge_item_at(set, replica->dots[*at].item);
        cg_edge_entry entry = {.edge = edge_node_key(edge_node_at(set, item->edge)),
                               .counter = counter,
                               .mark = item->mark,
                               .weighted = item->weighted,
                               .confidence = item->confidence,
                               .origin = (uint16_t)index,
                               .about = item->about,
                               .kind = item->kind};
        status = cg_edge_write_add(set, &entry, error);
        if (status != CG_OK) {
            return status;
        }
        size_t place = set->entry_count - 1;
        for (; place > first &&
               set->replicas[set->entries[place - 1].about].id > set->replicas[entry.about].id;
             place--) {
            set->entries[place] = set->entries[place - 1];
        }
        set->entries[place] = entry;
        list(set, item->about, room);
        room->used_bytes += CG_EDGE_DELTA_ENTRY_BYTES;
    }
    return status;
}

/* Of one replica what fits; *is_full: not all did. */
static cg_status add_replica(cg_edge_set *set, uint32_t index, budget *room, bool *is_full,
                             cg_error *error) {
    edge_replica *replica = &set->replicas[index];
    if (replica->base >= replica->seen) {
        return CG_OK;
    }
    list(set, index, room);
    size_t at = cg_edge_dot_after(replica, replica->base);
    while (at < replica->dot_count) {
        size_t entries = set->entry_count;
        size_t next = at;
        cg_status status = add_dot(set, index, &next, room, error);
        if (status != CG_OK) {
            return status;
        }
        if (entries > 0 && room->used_bytes > room->bytes_max) {
            set->entry_count = entries;
            *is_full = true;
            return CG_OK;
        }
        replica->claim = replica->dots[at].counter;
        at = next;
    }
    replica->claim = replica->seen;
    return CG_OK;
}

static bool needs_all(const cg_edge_set *set, const cg_version_vector *seen) {
    for (size_t i = 0; i < set->replica_count; i++) {
        const edge_replica *replica = &set->replicas[i];
        if (replica->floor > 0 && cg_version_vector_seen(seen, replica->id) < replica->floor) {
            return true;
        }
    }
    return false;
}

/* The ranges of a whole delta's parts start from 0, and its last part names all. */
static void list_all(cg_edge_set *set, bool is_last) {
    for (size_t i = 0; i < set->replica_count; i++) {
        edge_replica *replica = &set->replicas[i];
        replica->base = is_last ? replica->floor : 0;
        replica->is_listed |= is_last && replica->seen > 0;
    }
}

/* The delta is for those alone who have seen as much as the peer: an item that it leaves out, since
 * the peer has it, may stand for a change that it claims. */
static void ask_for_seen(cg_edge_set *set) {
    for (size_t i = 0; i < set->replica_count; i++) {
        set->replicas[i].is_listed |= set->replicas[i].base > 0;
    }
}

cg_status cg_edge_set_delta(cg_edge_set *set, const cg_edge_delta_wanted *wanted,
                            cg_edge_record *record, cg_error *error) {
    bool is_whole = wanted->part > 0 ? wanted->whole : needs_all(set, wanted->seen);
    cg_edge_write_begin(set);
    for (size_t i = 0; i < set->replica_count; i++) {
        edge_replica *replica = &set->replicas[i];
        uint64_t seen = cg_version_vector_seen(wanted->seen, replica->id);
        replica->base = is_whole && wanted->part == 0 ? 0 : seen;
        replica->base = replica->base < replica->seen ? replica->base : replica->seen;
        replica->claim = replica->base;
    }
    budget room = {.used_bytes = CG_EDGE_DELTA_HEADER_BYTES, .bytes_max = wanted->bytes_max};
    bool is_full = false;
    bool is_new = false;
    for (size_t i = 0; i < set->replica_count && !is_full; i++) {
        cg_status status = add_replica(set, set->order[i], &room, &is_full, error);
        if (status != CG_OK) {
            return status;
        }
        const edge_replica *replica = &set->replicas[set->order[i]];
        is_new |= replica->claim > replica->base;
    }
    if (!is_new) {
        *record = (cg_edge_record){0};
        return CG_OK;
    }
    if (is_whole) {
        list_all(set, !is_full);
    } else if (wanted->part == 0) {
        ask_for_seen(set);
    }
    cg_edge_delta header = {.flags = (uint8_t)((is_full ? CG_EDGE_DELTA_MORE : 0) |
                                               (is_whole ? CG_EDGE_DELTA_WHOLE : 0)),
                            .transfer = wanted->transfer,
                            .part = wanted->part};
    return cg_edge_write_end(set, &header, record, error);
}

static bool is_member(cg_replica_id id, const cg_replica_id *members, size_t count) {
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (members[middle] == id) {
            return true;
        }
        if (members[middle] < id) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return false;
}

size_t cg_edge_set_collect(cg_edge_set *set, const cg_version_vector *passed,
                           const cg_replica_id *members, size_t count) {
    size_t dropped = 0;
    for (uint32_t i = 0; i < set->replica_count && set->tombstones > 0; i++) {
        edge_replica *replica = &set->replicas[i];
        uint64_t upto = cg_version_vector_seen(passed, replica->id);
        for (size_t at = 0; at < replica->dot_count && replica->dots[at].counter <= upto;
             at++) {
            if (replica->dots[at].item == 0) {
                continue;
            }
            edge_item *item = edge_item_at(set, replica->dots[at].item);
            if (item->kind == CG_EDGE_RESET &&
                cg_edge_pair_is_tombstone(set, item->edge, item->about) &&
                is_member(set->replicas[item->about].id, members, count)) {
                if (item->counter > replica->floor && !CG_BUG(TOMBSTONE_EARLY)) {
                    replica->floor = item->counter;
                }
                cg_edge_item_drop(set, item);
                dropped++;
            }
        }
    }
    set->collections += dropped > 0;
    return dropped;
}
