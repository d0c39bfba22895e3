/* A treap: a search tree by key that is a heap by priority.
 *
 * The priority of a key is a hash of it, and the mixer is a bijection, so no two keys share
 * one. A set of keys with distinct priorities has exactly one treap: the shape is a function of
 * the content, whatever the order of puts and removals. Expected depth: 2 ln n.
 * Source: R. Seidel and C. Aragon, "Randomized Search Trees", Algorithmica 1996.
 *
 * Nodes live in one array and link by index + 1 (0: none), with a free list through `left`; so
 * nothing depends on addresses, and a map that was emptied takes no memory when it fills again.
 */
#include "engine/base/map.h"

#include "engine/base/hash.h"

typedef struct node {
    uint64_t key;
    uint64_t value;
    uint64_t priority;
    uint32_t left;
    uint32_t right;
} node;

struct cg_map {
    cg_allocator allocator;
    node *nodes;
    size_t capacity;
    size_t used; /* nodes ever taken: the live ones and the free list */
    size_t count;
    uint32_t root;
    uint32_t free;
};

static node *node_at(const cg_map *map, uint32_t link) {
    return &map->nodes[link - 1];
}

cg_status cg_map_alloc(cg_allocator allocator, cg_map **out, cg_error *error) {
    cg_map *map = cg_allocate(&allocator, 1, sizeof *map);
    if (!map) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for a map");
    }
    map->allocator = allocator;
    *out = map;
    return CG_OK;
}

void cg_map_free(cg_map *map) {
    if (map) {
        cg_allocator allocator = map->allocator;
        cg_deallocate(&allocator, map->nodes, map->capacity, sizeof *map->nodes);
        cg_deallocate(&allocator, map, 1, sizeof *map);
    }
}

static uint32_t find(const cg_map *map, uint64_t key) {
    uint32_t link = map->root;
    while (link && node_at(map, link)->key != key) {
        link = key < node_at(map, link)->key ? node_at(map, link)->left
                                             : node_at(map, link)->right;
    }
    return link;
}

static cg_status take_node(cg_map *map, uint32_t *out, cg_error *error) {
    if (map->free) {
        *out = map->free;
        map->free = node_at(map, map->free)->left;
        return CG_OK;
    }
    if (map->used >= UINT32_MAX) {
        return cg_error_set(error, CG_ERROR_FULL, "a map holds at most %lu keys",
                            (unsigned long)UINT32_MAX);
    }
    cg_status status =
        CG_GROW(&map->allocator, map->nodes, map->capacity, map->used + 1, error);
    if (status != CG_OK) {
        return status;
    }
    *out = (uint32_t)++map->used;
    return CG_OK;
}

/* Splits the tree `link` into the keys below `key` and those above it; `key` itself is not in
 * it. */
static void split(cg_map *map, uint32_t link, uint64_t key, uint32_t *below, uint32_t *above) {
    while (link) {
        node *top = node_at(map, link);
        if (top->key < key) {
            *below = link;
            below = &top->right;
            link = top->right;
        } else {
            *above = link;
            above = &top->left;
            link = top->left;
        }
    }
    *below = 0;
    *above = 0;
}

cg_status cg_map_put(cg_map *map, uint64_t key, uint64_t value, cg_error *error) {
    uint32_t link = find(map, key);
    if (link) {
        node_at(map, link)->value = value;
        return CG_OK;
    }
    cg_status status = take_node(map, &link, error);
    if (status != CG_OK) {
        return status;
    }
    node *added = node_at(map, link);
    *added = (node){.key = key, .value = value, .priority = cg_hash_u64(key, 0)};
    uint32_t *place = &map->root;
    while (*place && node_at(map, *place)->priority > added->priority) {
        node *above = node_at(map, *place);
        place = key < above->key ? &above->left : &above->right;
    }
    split(map, *place, key, &added->left, &added->right);
    *place = link;
    map->count++;
    return CG_OK;
}

bool cg_map_get(const cg_map *map, uint64_t key, uint64_t *value) {
    uint32_t link = find(map, key);
    if (!link) {
        return false;
    }
    *value = node_at(map, link)->value;
    return true;
}

bool cg_map_remove(cg_map *map, uint64_t key) {
    uint32_t *place = &map->root;
    while (*place && node_at(map, *place)->key != key) {
        node *above = node_at(map, *place);
        place = key < above->key ? &above->left : &above->right;
    }
    uint32_t link = *place;
    if (!link) {
        return false;
    }
    /* The two subtrees of the removed node, merged by priority, take its place. */
    uint32_t left = node_at(map, link)->left;
    uint32_t right = node_at(map, link)->right;
    while (left && right) {
        if (node_at(map, left)->priority > node_at(map, right)->priority) {
            *place = left;
            place = &node_at(map, left)->right;
            left = *place;
        } else {
            *place = right;
            place = &node_at(map, right)->left;
            right = *place;
        }
    }
    *place = left ? left : right;
    node_at(map, link)->left = map->free;
    map->free = link;
    map->count--;
    return true;
}

size_t cg_map_count(const cg_map *map) {
    return map->count;
}

bool cg_map_next(const cg_map *map, uint64_t from, uint64_t *key, uint64_t *value) {
    uint32_t best = 0;
    uint32_t link = map->root;
    while (link) {
        const node *here = node_at(map, link);
        if (here->key >= from) {
            best = link;
            link = here->left;
        } else {
            link = here->right;
        }
    }
    if (!best) {
        return false;
    }
    *key = node_at(map, best)->key;
    *value = node_at(map, best)->value;
    return true;
}
