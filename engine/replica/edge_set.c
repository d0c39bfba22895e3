/* The life of a set of edges, and what can be read from it. */
#include "engine/replica/edge_set.h"

#include "engine/base/hash.h"
#include "engine/replica/edge_set_internal.h"

cg_status cg_edge_set_alloc(const cg_edge_set_options *options, cg_allocator allocator,
                            cg_edge_set **out, cg_error *error) {
    cg_edge_set *set = cg_allocate(&allocator, 1, sizeof *set);
    if (!set) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for a set of edges");
    }
    set->allocator = allocator;
    set->options = *options;
    cg_version_vector_init(&set->stage.seen, allocator);
    cg_status status = cg_edge_replica_meet(set, options->replica, error);
    if (status != CG_OK) {
        cg_edge_set_free(set);
        return status;
    }
    *out = set;
    return CG_OK;
}

void cg_edge_set_free(cg_edge_set *set) {
    if (!set) {
        return;
    }
    cg_allocator heap = set->allocator;
    for (size_t i = 0; i < set->replica_count; i++) {
        cg_deallocate(&heap, set->replicas[i].dots, set->replicas[i].dot_capacity,
                      sizeof *set->replicas[i].dots);
    }
    cg_deallocate(&heap, set->replicas, set->replica_capacity, sizeof *set->replicas);
    cg_deallocate(&heap, set->order, set->order_capacity, sizeof *set->order);
    cg_deallocate(&heap, set->nodes, set->node_capacity, sizeof *set->nodes);
    cg_deallocate(&heap, set->items, set->item_capacity, sizeof *set->items);
    cg_deallocate(&heap, set->pending, set->pending_capacity, sizeof *set->pending);
    cg_deallocate(&heap, set->stage.bytes, set->stage.capacity, 1);
    cg_version_vector_deinit(&set->stage.seen);
    cg_deallocate(&heap, set->parts, set->part_capacity, sizeof *set->parts);
    cg_deallocate(&heap, set->entries, set->entry_capacity, sizeof *set->entries);
    cg_deallocate(&heap, set->ranges, set->range_capacity, sizeof *set->ranges);
    cg_deallocate(&heap, set->bytes, set->byte_capacity, 1);
    cg_deallocate(&heap, set, 1, sizeof *set);
}

void cg_edge_set_open(cg_edge_set *set) {
    set->is_open = true;
}

cg_replica_id cg_edge_set_replica(const cg_edge_set *set) {
    return set->replicas[0].id;
}

uint64_t cg_edge_set_seen(const cg_edge_set *set, cg_replica_id replica) {
    uint32_t index = cg_edge_replica_find(set, replica);
    return index == UINT32_MAX ? 0 : set->replicas[index].seen;
}

cg_status cg_edge_set_vector(const cg_edge_set *set, cg_version_vector *out, cg_error *error) {
    cg_status status = cg_version_vector_reserve(out, set->replica_count, error);
    if (status != CG_OK) {
        return status;
    }
    cg_version_vector_clear(out);
    for (size_t i = 0; i < set->replica_count; i++) {
        const edge_replica *replica = &set->replicas[set->order[i]];
        if (replica->seen > 0) {
            out->entries[out->count++] =
                (cg_version){.replica = replica->id, .seen = replica->seen};
        }
    }
    return CG_OK;
}

size_t cg_edge_set_pending(const cg_edge_set *set) {
    return set->pending_count;
}

size_t cg_edge_set_tombstones(const cg_edge_set *set) {
    return set->tombstones;
}

uint64_t cg_edge_set_collections(const cg_edge_set *set) {
    return set->collections;
}

bool cg_edge_set_get(const cg_edge_set *set, cg_edge_key edge, cg_edge_view *view) {
    uint32_t link = cg_edge_tree_find(set, &edge);
    return link && cg_edge_node_view(set, link, view);
}

/* The key after this one; false after the last. */
static bool step(cg_edge_key *key) {
    key->to++;
    if (key->to == 0) {
        key->type++;
        if (key->type == 0) {
            key->from++;
            return key->from != 0;
        }
    }
    return true;
}

bool cg_edge_set_next(const cg_edge_set *set, cg_edge_key from, cg_edge_key *edge,
                      cg_edge_view *view) {
    do {
        uint32_t link = cg_edge_tree_next(set, &from);
        if (!link) {
            return false;
        }
        from = edge_node_key(edge_node_at(set, link));
        if (cg_edge_node_view(set, link, view)) {
            *edge = from;
            return true;
        }
    } while (step(&from));
    return false;
}

static void hash_key(cg_hasher *hasher, const edge_node *node) {
    cg_hasher_add_u64(hasher, node->from);
    cg_hasher_add_u64(hasher, node->type);
    cg_hasher_add_u64(hasher, node->to);
}

static void hash_items(const cg_edge_set *set, uint32_t link, cg_edge_hash kind,
                       cg_hasher *hasher) {
    const edge_node *node = edge_node_at(set, link);
    for (uint32_t at = node->first; at; at = edge_item_at(set, at)->next) {
        const edge_item *item = edge_item_at(set, at);
        if (kind == CG_EDGE_HASH_STATE && cg_edge_pair_is_tombstone(set, link, item->about)) {
            continue;
        }
        hash_key(hasher, node);
        cg_hasher_add_u64(hasher, item->kind);
        cg_hasher_add_u64(hasher, set->replicas[item->about].id);
        cg_hasher_add_u64(hasher, set->replicas[item->origin].id);
        cg_hasher_add_u64(hasher, item->counter);
        cg_hasher_add_u64(hasher, item->mark);
        cg_hasher_add_u64(hasher, item->weighted);
        cg_hasher_add_u64(hasher, item->confidence);
    }
}

uint64_t cg_edge_set_hash(const cg_edge_set *set, cg_edge_hash kind) {
    cg_hasher hasher = cg_hasher_init();
    for (size_t i = 0; i < set->replica_count && kind != CG_EDGE_HASH_VISIBLE; i++) {
        const edge_replica *replica = &set->replicas[set->order[i]];
        if (replica->seen > 0) {
            cg_hasher_add_u64(&hasher, replica->id);
            cg_hasher_add_u64(&hasher, replica->seen);
        }
    }
    cg_edge_key key = {0};
    uint32_t link = cg_edge_tree_next(set, &key);
    while (link) {
        cg_edge_view view = {0};
        const edge_node *node = edge_node_at(set, link);
        if (kind != CG_EDGE_HASH_VISIBLE) {
            hash_items(set, link, kind, &hasher);
        } else if (cg_edge_node_view(set, link, &view)) {
            hash_key(&hasher, node);
            cg_hasher_add_u64(&hasher, view.weighted);
            cg_hasher_add_u64(&hasher, view.confidence);
        }
        key = edge_node_key(node);
        link = step(&key) ? cg_edge_tree_next(set, &key) : 0;
    }
    return cg_hasher_value(&hasher);
}

size_t cg_edge_set_count(const cg_edge_set *set) {
    size_t count = 0;
    for (uint32_t link = 1; link <= set->node_used; link++) {
        count += edge_node_at(set, link)->shown > 0;
    }
    return count;
}

size_t cg_edge_set_bytes(const cg_edge_set *set) {
    size_t bytes =
        sizeof *set + set->replica_capacity * sizeof *set->replicas +
        set->order_capacity * sizeof *set->order + set->node_capacity * sizeof *set->nodes +
        set->item_capacity * sizeof *set->items + set->pending_capacity * sizeof *set->pending +
        set->stage.capacity + set->stage.seen.capacity * sizeof *set->stage.seen.entries +
        set->part_capacity * sizeof *set->parts + set->entry_capacity * sizeof *set->entries +
        set->range_capacity * sizeof *set->ranges + set->byte_capacity;
    for (size_t i = 0; i < set->replica_count; i++) {
        bytes += set->replicas[i].dot_capacity * sizeof *set->replicas[i].dots;
    }
    return bytes;
}
