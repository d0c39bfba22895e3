/* Replicas, items and dots of a set of edges, and what an edge's items add up to.
 *
 * weight = sum over replicas of (sums.weighted - reset.weighted) / the same of confidence. A reset
 * is a copy of a replica's sums as they were at the change `mark`, so the difference is what that
 * replica has observed since.
 */
#include "engine/replica/edge_set_internal.h"

#include <string.h>

#include "engine/base/bug.h"

/* The place among replicas by id of the first that is not below `id`. */
static size_t place_of(const cg_edge_set *set, cg_replica_id id) {
    size_t low = 0;
    size_t high = set->replica_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->replicas[set->order[middle]].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t cg_edge_replica_find(const cg_edge_set *set, cg_replica_id id) {
    size_t place = place_of(set, id);
    return place < set->replica_count && set->replicas[set->order[place]].id == id
               ? set->order[place]
               : UINT32_MAX;
}

cg_status cg_edge_replica_meet(cg_edge_set *set, cg_replica_id id, cg_error *error) {
    size_t place = place_of(set, id);
    if (place < set->replica_count && set->replicas[set->order[place]].id == id) {
        return CG_OK;
    }
    if (set->replica_count == CG_REPLICAS_MAX) {
        return cg_error_set(error, CG_ERROR_FULL, "a set of edges knows at most %d replicas",
                            CG_REPLICAS_MAX);
    }
    size_t needed = set->replica_count + 1;
    cg_status status =
        CG_GROW(&set->allocator, set->replicas, set->replica_capacity, needed, error);
    if (status == CG_OK) {
        status = CG_GROW(&set->allocator, set->order, set->order_capacity, needed, error);
    }
    if (status != CG_OK) {
        return status;
    }
    memmove(&set->order[place + 1], &set->order[place],
            (set->replica_count - place) * sizeof *set->order);
    set->order[place] = (uint16_t)set->replica_count;
    set->replicas[set->replica_count++] = (edge_replica){.id = id};
    return CG_OK;
}

size_t cg_edge_dot_after(const edge_replica *replica, uint64_t counter) {
    size_t low = 0;
    size_t high = replica->dot_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (replica->dots[middle].counter <= counter) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Room for the dots that arrive; where half are dead, theirs is used first. */
static cg_status reserve_dots(cg_edge_set *set, uint32_t index, cg_error *error) {
    edge_replica *replica = &set->replicas[index];
    if (replica->dot_count + replica->arriving > replica->dot_capacity &&
        replica->dot_live < replica->dot_count / 2) {
        size_t kept = 0;
        for (size_t i = 0; i < replica->dot_count; i++) {
            if (replica->dots[i].item) {
                replica->dots[kept++] = replica->dots[i];
            }
        }
        replica->dot_count = kept;
    }
    return CG_GROW(&set->allocator, replica->dots, replica->dot_capacity,
                   replica->dot_count + replica->arriving, error);
}

cg_status cg_edge_set_reserve(cg_edge_set *set, size_t more, cg_error *error) {
    if (more > UINT32_MAX - 1 - set->item_used || more > UINT32_MAX - 1 - set->node_used) {
        return cg_error_set(
            error, CG_ERROR_FULL,
            "a set of edges holds fewer than 2^32 entries, and has %zu and gets "
            "%zu",
            set->item_used, more);
    }
    cg_status status =
        CG_GROW(&set->allocator, set->nodes, set->node_capacity, set->node_used + more, error);
    if (status == CG_OK) {
        status = CG_GROW(&set->allocator, set->items, set->item_capacity, set->item_used + more,
                         error);
    }
    for (uint32_t i = 0; i < set->replica_count && status == CG_OK; i++) {
        status = reserve_dots(set, i, error);
    }
    return status;
}

/* Whether the item comes before (about, kind) in its edge's chain. */
static bool comes_before(const cg_edge_set *set, const edge_item *item, uint32_t about,
                         uint8_t kind) {
    cg_replica_id left = set->replicas[item->about].id;
    cg_replica_id right = set->replicas[about].id;
    return left != right ? left < right : item->kind < kind;
}

edge_item *cg_edge_item_find(const cg_edge_set *set, uint32_t edge, uint32_t about,
                             uint8_t kind) {
    for (uint32_t link = edge_node_at(set, edge)->first; link;
         link = edge_item_at(set, link)->next) {
        edge_item *item = edge_item_at(set, link);
        if (item->about == about && item->kind == kind) {
            return item;
        }
    }
    return NULL;
}

edge_item *cg_edge_item_add(cg_edge_set *set, uint32_t edge, uint32_t about, uint8_t kind) {
    uint32_t link = set->item_free;
    if (link) {
        set->item_free = edge_item_at(set, link)->next;
    } else {
        CG_ASSERT(set->item_used < set->item_capacity);
        link = (uint32_t)++set->item_used;
    }
    uint32_t *place = &edge_node_at(set, edge)->first;
    while (*place && comes_before(set, edge_item_at(set, *place), about, kind)) {
        place = &edge_item_at(set, *place)->next;
    }
    edge_item *item = edge_item_at(set, link);
    *item = (edge_item){.next = *place, .edge = edge, .about = (uint16_t)about, .kind = kind};
    *place = link;
    return item;
}

static uint32_t link_of(const cg_edge_set *set, const edge_item *item) {
    return (uint32_t)(item - set->items) + 1;
}

static void lose_dot(cg_edge_set *set, const edge_item *item) {
    if (item->counter > 0) {
        edge_replica *replica = &set->replicas[item->origin];
        size_t at = cg_edge_dot_after(replica, item->counter - 1);
        while (replica->dots[at].item != link_of(set, item)) {
            at++;
        }
        replica->dots[at].item = 0;
        replica->dot_live--;
    }
}

void cg_edge_item_give_dot(cg_edge_set *set, edge_item *item, uint32_t origin,
                           uint64_t counter) {
    lose_dot(set, item);
    edge_replica *replica = &set->replicas[origin];
    CG_ASSERT(replica->dot_count < replica->dot_capacity);
    size_t place = replica->dot_count++;
    while (place > 0 && replica->dots[place - 1].counter > counter) {
        replica->dots[place] = replica->dots[place - 1];
        place--;
    }
    replica->dots[place] = (edge_dot){.counter = counter, .item = link_of(set, item)};
    replica->dot_live++;
    item->origin = (uint16_t)origin;
    item->counter = counter;
}

bool cg_edge_pair_is_tombstone(const cg_edge_set *set, uint32_t edge, uint32_t about) {
    return cg_edge_item_find(set, edge, about, CG_EDGE_RESET) &&
           !cg_edge_item_find(set, edge, about, CG_EDGE_SUMS);
}

void cg_edge_item_drop(cg_edge_set *set, edge_item *item) {
    uint32_t edge = item->edge;
    uint32_t about = item->about;
    uint32_t dropped = link_of(set, item);
    set->tombstones -= cg_edge_pair_is_tombstone(set, edge, about);
    uint32_t *place = &edge_node_at(set, edge)->first;
    while (*place != dropped) {
        place = &edge_item_at(set, *place)->next;
    }
    *place = item->next;
    lose_dot(set, item);
    *item = (edge_item){.kind = EDGE_ITEM_FREE, .next = set->item_free};
    set->item_free = dropped;
    set->tombstones += cg_edge_pair_is_tombstone(set, edge, about);
    if (edge_node_at(set, edge)->first == 0) {
        cg_edge_node_tell(set, edge);
        cg_edge_tree_erase(set, edge);
    }
}

static uint64_t above(uint64_t left, uint64_t right) {
    return left > right ? left - right : 0;
}

bool cg_edge_node_view(const cg_edge_set *set, uint32_t link, cg_edge_view *view) {
    uint64_t weighted = 0;
    uint64_t confidence = 0;
    uint64_t last = 0;
    for (uint32_t at = edge_node_at(set, link)->first; at; at = edge_item_at(set, at)->next) {
        const edge_item *sums = edge_item_at(set, at);
        if (sums->kind != CG_EDGE_SUMS) {
            continue;
        }
        if (CG_BUG(EDGE_LAST_WRITER) && sums->counter >= last) {
            last = sums->counter;
            weighted = 0;
            confidence = 0;
        }
        edge_item reset = {0};
        if (sums->next && edge_item_at(set, sums->next)->about == sums->about) {
            reset = *edge_item_at(set, sums->next);
        }
        weighted += above(sums->weighted, reset.weighted);
        confidence += above(sums->confidence, reset.confidence);
    }
    if (confidence == 0) {
        return false;
    }
    uint64_t weight = weighted / confidence;
    uint64_t rest = weighted % confidence;
    weight += rest >= confidence - rest;
    /* Above only when a peer made its sums up. */
    view->weight = (uint8_t)(weight < CG_EDGE_WEIGHT_MAX ? weight : CG_EDGE_WEIGHT_MAX);
    view->weighted = weighted;
    view->confidence = confidence;
    return true;
}

void cg_edge_node_tell(cg_edge_set *set, uint32_t link) {
    cg_edge_view view = {0};
    edge_node *node = edge_node_at(set, link);
    bool exists = cg_edge_node_view(set, link, &view);
    uint16_t shown = exists ? (uint16_t)(view.weight + 1) : 0;
    if (shown != node->shown) {
        node->shown = shown;
        if (set->options.changed) {
            set->options.changed(set->options.context, edge_node_key(node), exists,
                                 view.weight);
        }
    }
}
