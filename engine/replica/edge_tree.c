/* Edges by key: a treap, as in engine/base/map.c, whose keys are of one word.
 *
 * A search tree by key that is a heap by priority; the priority is a hash of the key, with the key
 * itself to break ties, so the shape is a function of the content. Expected depth 2 ln n.
 * Source: R. Seidel and C. Aragon, "Randomized Search Trees", Algorithmica 1996.
 */
#include "engine/replica/edge_set_internal.h"

#include "engine/base/hash.h"

static int compare(const cg_edge_key *key, const edge_node *node) {
    cg_edge_key other = edge_node_key(node);
    return cg_edge_key_compare(key, &other);
}

/* Whether the first belongs above the second. */
static bool is_above(const edge_node *upper, const edge_node *lower) {
    uint64_t first = cg_hash_u64(upper->from, cg_hash_u64(upper->to, upper->type));
    uint64_t second = cg_hash_u64(lower->from, cg_hash_u64(lower->to, lower->type));
    if (first != second) {
        return first > second;
    }
    cg_edge_key key = edge_node_key(upper);
    return compare(&key, lower) > 0;
}

uint32_t cg_edge_tree_find(const cg_edge_set *set, const cg_edge_key *key) {
    uint32_t link = set->root;
    while (link) {
        const edge_node *here = edge_node_at(set, link);
        int order = compare(key, here);
        if (order == 0) {
            break;
        }
        link = order < 0 ? here->left : here->right;
    }
    return link;
}

uint32_t cg_edge_tree_next(const cg_edge_set *set, const cg_edge_key *key) {
    uint32_t best = 0;
    uint32_t link = set->root;
    while (link) {
        const edge_node *here = edge_node_at(set, link);
        if (compare(key, here) <= 0) {
            best = link;
            link = here->left;
        } else {
            link = here->right;
        }
    }
    return best;
}

/* Splits the tree `link` at a key that is not in it. */
static void split(cg_edge_set *set, uint32_t link, const cg_edge_key *key, uint32_t *below,
                  uint32_t *above) {
    while (link) {
        edge_node *top = edge_node_at(set, link);
        if (compare(key, top) > 0) {
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

uint32_t cg_edge_tree_insert(cg_edge_set *set, const cg_edge_key *key) {
    uint32_t link = set->node_free;
    if (link) {
        set->node_free = edge_node_at(set, link)->first;
    } else {
        CG_ASSERT(set->node_used < set->node_capacity);
        link = (uint32_t)++set->node_used;
    }
    edge_node *added = edge_node_at(set, link);
    *added = (edge_node){.from = key->from, .to = key->to, .type = key->type};
    uint32_t *place = &set->root;
    while (*place && is_above(edge_node_at(set, *place), added)) {
        edge_node *above = edge_node_at(set, *place);
        place = compare(key, above) < 0 ? &above->left : &above->right;
    }
    split(set, *place, key, &added->left, &added->right);
    *place = link;
    return link;
}

void cg_edge_tree_erase(cg_edge_set *set, uint32_t link) {
    edge_node *erased = edge_node_at(set, link);
    cg_edge_key key = edge_node_key(erased);
    uint32_t *place = &set->root;
    while (*place != link) {
        edge_node *above = edge_node_at(set, *place);
        place = compare(&key, above) < 0 ? &above->left : &above->right;
    }
    uint32_t left = erased->left;
    uint32_t right = erased->right;
    while (left && right) {
        if (is_above(edge_node_at(set, left), edge_node_at(set, right))) {
            *place = left;
            place = &edge_node_at(set, left)->right;
            left = *place;
        } else {
            *place = right;
            place = &edge_node_at(set, right)->left;
            right = *place;
        }
    }
    *place = left ? left : right;
    *erased = (edge_node){.first = set->node_free};
    set->node_free = link;
}
