/* What the files of the edge set share. Not for others.
 *
 * Links are index + 1, 0 is none. An edge is a node of a treap by key, and has a chain of items in
 * the order of (replica's id, kind). Each item is in the dots of the replica that made the change
 * it stems from, in the order of counters; a dot whose item has another dot by now is left, dead,
 * until the array would grow.
 *
 * Invariants: an edge has an item. Of one edge and replica there is at most one item of a kind; if
 * there are both, reset.mark >= sums.mark (the reset is of these sums) and reset.mark <
 * sums.counter (something is left). replicas[0] is this one.
 */
#ifndef CG_ENGINE_REPLICA_EDGE_SET_INTERNAL_H
#define CG_ENGINE_REPLICA_EDGE_SET_INTERNAL_H

#include "engine/replica/edge_set.h"

enum { EDGE_ITEM_FREE = 2 };

typedef struct edge_item {
    uint64_t counter; /* with origin: its dot; of sums also their version */
    uint64_t mark;    /* as in cg_edge_entry */
    uint64_t weighted;
    uint64_t confidence;
    uint32_t next; /* in the chain, or of the free ones */
    uint32_t edge; /* link */
    uint16_t origin;
    uint16_t about;
    uint8_t kind; /* cg_edge_entry_kind, or EDGE_ITEM_FREE */
    bool is_kept; /* while a whole delta is joined: its sender has it too */
} edge_item;

typedef struct edge_node {
    uint64_t from;
    uint64_t to;
    uint16_t type;
    uint16_t shown; /* weight + 1 as last told, 0: that there is none */
    uint32_t left;
    uint32_t right;
    uint32_t first; /* item; of a free node the next free one */
} edge_node;

typedef struct edge_dot {
    uint64_t counter;
    uint32_t item; /* link; 0: its item has another dot by now, or is gone */
} edge_dot;

typedef struct edge_replica {
    cg_replica_id id;
    uint64_t seen;
    uint64_t floor; /* the last of its changes whose reset was collected */
    edge_dot *dots; /* [dot_count] */
    size_t dot_capacity;
    size_t dot_count;
    size_t dot_live;
    /* For the call that runs. */
    uint64_t base;   /* written: where its range starts */
    uint64_t claim;  /* joined, and written: where it ends */
    size_t arriving; /* entries with its dots */
    uint16_t range;
    bool is_listed;
} edge_replica;

/* An own change that was handed out and is not applied. */
typedef struct edge_pending {
    cg_edge_key edge;
    uint64_t counter;
    uint64_t mark; /* 0: a removal */
    uint64_t weighted;
    uint64_t confidence;
} edge_pending;

/* Parts that wait for the last one. */
typedef struct edge_stage {
    uint8_t *bytes;
    size_t capacity;
    size_t used;
    uint32_t parts; /* 0: none */
    uint64_t transfer;
    bool is_whole;
    cg_version_vector seen; /* where their ranges end */
} edge_stage;

struct cg_edge_set {
    cg_allocator allocator;
    cg_edge_set_options options;
    edge_replica *replicas; /* in the order in which they were met */
    size_t replica_capacity;
    size_t replica_count;
    uint16_t *order; /* [replica_count] replicas by id */
    size_t order_capacity;
    edge_node *nodes;
    size_t node_capacity;
    size_t node_used;
    uint32_t node_free;
    uint32_t root;
    edge_item *items;
    size_t item_capacity;
    size_t item_used;
    uint32_t item_free;
    size_t tombstones;
    uint64_t collections;
    bool is_open;
    edge_pending *pending;
    size_t pending_capacity;
    size_t pending_count;
    edge_stage stage;
    cg_edge_delta *parts;
    size_t part_capacity;
    /* What is being written: origin and about are indices of replicas until the end. */
    cg_edge_entry *entries;
    size_t entry_capacity;
    size_t entry_count;
    cg_edge_range *ranges;
    size_t range_capacity;
    uint8_t *bytes;
    size_t byte_capacity;
};

static inline edge_node *edge_node_at(const cg_edge_set *set, uint32_t link) {
    return &set->nodes[link - 1];
}
static inline edge_item *edge_item_at(const cg_edge_set *set, uint32_t link) {
    return &set->items[link - 1];
}
static inline cg_edge_key edge_node_key(const edge_node *node) {
    return (cg_edge_key){.from = node->from, .to = node->to, .type = node->type};
}
/* edge_tree.c. Insertion needs room (cg_edge_set_reserve) and a key that is not there. */
uint32_t cg_edge_tree_find(const cg_edge_set *set, const cg_edge_key *key);
uint32_t cg_edge_tree_next(const cg_edge_set *set, const cg_edge_key *key); /* at it or after */
uint32_t cg_edge_tree_insert(cg_edge_set *set, const cg_edge_key *key);
void cg_edge_tree_erase(cg_edge_set *set, uint32_t link);

/* edge_items.c */
/* From now on the replica has an index. CG_ERROR_FULL, CG_ERROR_MEMORY. */
cg_status cg_edge_replica_meet(cg_edge_set *set, cg_replica_id id, cg_error *error);
/* The index of a replica, or UINT32_MAX. */
uint32_t cg_edge_replica_find(const cg_edge_set *set, cg_replica_id id);
/* Room for so many more edges and items, and for each replica's arriving dots. */
cg_status cg_edge_set_reserve(cg_edge_set *set, size_t more, cg_error *error);
/* The first dot of the replica after `counter`. */
size_t cg_edge_dot_after(const edge_replica *replica, uint64_t counter);
edge_item *cg_edge_item_find(const cg_edge_set *set, uint32_t edge, uint32_t about,
                             uint8_t kind);
edge_item *cg_edge_item_add(cg_edge_set *set, uint32_t edge, uint32_t about, uint8_t kind);
void cg_edge_item_give_dot(cg_edge_set *set, edge_item *item, uint32_t origin,
                           uint64_t counter);
/* An edge without items goes too, and that is told. */
void cg_edge_item_drop(cg_edge_set *set, edge_item *item);
bool cg_edge_pair_is_tombstone(const cg_edge_set *set, uint32_t edge, uint32_t about);
bool cg_edge_node_view(const cg_edge_set *set, uint32_t link, cg_edge_view *view);
/* Tells what the edge's weight is, if that was not the last thing told. */
void cg_edge_node_tell(cg_edge_set *set, uint32_t link);

/* edge_ship.c: the record of set->entries, with ranges of the replicas that are listed. */
void cg_edge_write_begin(cg_edge_set *set);
cg_status cg_edge_write_add(cg_edge_set *set, const cg_edge_entry *entry, cg_error *error);
cg_status cg_edge_write_end(cg_edge_set *set, const cg_edge_delta *header,
                            cg_edge_record *record, cg_error *error);

#endif
