/* Reading a graph: edges of a row through all layers, ways along the hierarchy, and the hash.
 *
 * A cursor goes through the layers from the lowest base up, in each through the frozen row
 * (stage 2L) and the growing chain (stage 2L + 1) of the row in layer L.
 *
 * Distance is by iterative deepening (Korf, Artificial Intelligence 27, 1985): walks of length
 * 1, 2, ... that never enter a row twice. It needs no memory but the walk, and in a tree visits
 * just the rows within that distance.
 * Known values (WordNet 3.0): dog to canine 1, dog to wolf 2.
 */
#include <string.h>

#include "engine/graph/graph_layout.h"

/* Sets position and end for the cursor's stage. Frozen: indexes; growing: a chain's head and
 * NO_EDGE. */
static void enter_stage(cg_edge_cursor *cursor) {
    const cg_graph *layer = cg_graph_layer(cursor->graph, cursor->stage / 2);
    cursor->position = 0;
    cursor->end = 0;
    if (cursor->stage % 2 == 1) {
        const chain *held = cg_graph_chain(layer, cursor->row);
        cursor->position = held ? held->head : NO_EDGE;
        cursor->end = NO_EDGE;
    } else if (cursor->row < layer->frozen_count) {
        cursor->position = layer->row_starts[cursor->row];
        cursor->end = layer->row_starts[cursor->row + 1];
    }
}

/* Whether any layer has other weights for edges of the row. */
static bool is_reweighted(const cg_graph *graph, uint32_t row) {
    for (const cg_graph *layer = graph; layer; layer = layer->base) {
        const chain *held = cg_chains_of(&layer->reweighted, row);
        if (held && held->count > 0) {
            return true;
        }
    }
    return false;
}

cg_edge_cursor cg_graph_edges(const cg_graph *graph, uint32_t row) {
    CG_ASSERT(row < cg_graph_concept_count(graph));
    cg_edge_cursor cursor = {
        .graph = graph, .row = row, .is_reweighted = is_reweighted(graph, row)};
    enter_stage(&cursor);
    return cursor;
}

/* The weight of an edge that lies in layer `level`: what the highest layer from there up says. */
static uint8_t weight_of(const cg_edge_cursor *cursor, cg_edge edge, uint32_t level) {
    const cg_graph *layer = cursor->graph;
    for (;; layer = layer->base) {
        uint32_t at = cg_chains_find(&layer->reweighted, cursor->row, edge);
        if (at != NO_EDGE) {
            return layer->reweighted.edges[at].edge.weight;
        }
        if (layer->level == level) {
            return edge.weight;
        }
    }
}

bool cg_graph_next_edge(cg_edge_cursor *cursor, cg_edge *edge) {
    uint32_t stages = 2 * (cursor->graph->level + 1);
    while (cursor->position == cursor->end) {
        if (cursor->stage + 1 == stages) {
            return false;
        }
        cursor->stage++;
        enter_stage(cursor);
    }
    const cg_graph *layer = cg_graph_layer(cursor->graph, cursor->stage / 2);
    if (cursor->stage % 2 == 1) {
        const growing_edge *held = &layer->growing.edges[cursor->position];
        *edge = held->edge;
        cursor->position = held->next;
    } else {
        *edge = layer->frozen_edges[cursor->position++];
    }
    if (cursor->is_reweighted) {
        edge->weight = weight_of(cursor, *edge, layer->level);
    }
    return true;
}

cg_edge_span cg_graph_frozen_edges(const cg_graph *graph, uint32_t row) {
    CG_ASSERT(row < cg_graph_concept_count(graph));
    const cg_graph *lowest = cg_graph_layer(graph, 0);
    if (row >= lowest->frozen_count) {
        return (cg_edge_span){0};
    }
    uint64_t first = lowest->row_starts[row];
    uint64_t count = lowest->row_starts[row + 1] - first;
    return (cg_edge_span){.edges = count > 0 ? &lowest->frozen_edges[first] : NULL,
                          .count = count};
}

bool cg_graph_row_is_plain(const cg_graph *graph, uint32_t row) {
    CG_ASSERT(row < cg_graph_concept_count(graph));
    for (const cg_graph *layer = graph; layer; layer = layer->base) {
        const chain *held = cg_graph_chain(layer, row);
        if (held && held->count > 0) {
            return false;
        }
    }
    return !is_reweighted(graph, row);
}

uint32_t cg_graph_degree(const cg_graph *graph, uint32_t row) {
    CG_ASSERT(row < cg_graph_concept_count(graph));
    uint64_t degree = 0;
    for (const cg_graph *layer = graph; layer; layer = layer->base) {
        const chain *held = cg_graph_chain(layer, row);
        degree += held ? held->count : 0;
        if (row < layer->frozen_count) {
            degree += layer->row_starts[row + 1] - layer->row_starts[row];
        }
    }
    return (uint32_t)degree;
}

/* Growing parents come in the order added; a chain is left when all of them are seen. */
static uint32_t growing_parents(const cg_graph *layer, uint32_t row, uint32_t *parents,
                                uint32_t max) {
    const chain *held = cg_graph_chain(layer, row);
    uint32_t wanted = held && held->parents < max ? held->parents : held ? max : 0;
    uint32_t count = 0;
    for (uint32_t at = held ? held->head : NO_EDGE; count < wanted;
         at = layer->growing.edges[at].next) {
        const cg_edge *edge = &layer->growing.edges[at].edge;
        if (cg_edge_is_parent(edge->type)) {
            parents[count++] = edge->target;
        }
    }
    return count;
}

uint32_t cg_graph_parents(const cg_graph *graph, uint32_t row, uint32_t *parents,
                          uint32_t max) {
    CG_ASSERT(row < cg_graph_concept_count(graph));
    uint32_t count = 0;
    for (uint32_t level = 0; level <= graph->level; level++) {
        const cg_graph *layer = cg_graph_layer(graph, level);
        if (row < layer->frozen_count) {
            uint64_t end = layer->row_starts[row + 1];
            for (uint64_t at = layer->row_starts[row];
                 at < end && count < max && cg_edge_is_parent(layer->frozen_edges[at].type);
                 at++) { /* frozen rows begin with their parents */
                parents[count++] = layer->frozen_edges[at].target;
            }
        }
        count += growing_parents(layer, row, parents + count, max - count);
    }
    return count;
}

/* The first place in edges[count], sorted by type, whose type is at least this. */
static uint64_t first_of_type(const cg_edge *edges, uint64_t count, uint32_t type) {
    uint64_t low = 0;
    while (count > 0) {
        uint64_t half = count / 2;
        bool before = edges[low + half].type < type;
        low = before ? low + half + 1 : low;
        count = before ? count - half - 1 : half;
    }
    return low;
}

static uint32_t growing_degree(const cg_graph *layer, const chain *held, uint32_t type) {
    if (!held) {
        return 0;
    }
    if (cg_edge_is_child(type)) { /* a concept may get any number of them */
        return held->children[type == CG_EDGE_INSTANCE_HYPONYM];
    }
    uint32_t degree = 0;
    for (uint32_t at = held->head; at != NO_EDGE; at = layer->growing.edges[at].next) {
        degree += layer->growing.edges[at].edge.type == type;
    }
    return degree;
}

uint32_t cg_graph_degree_of_type(const cg_graph *graph, uint32_t row, uint32_t type) {
    CG_ASSERT(row < cg_graph_concept_count(graph));
    uint64_t degree = 0;
    for (const cg_graph *layer = graph; layer; layer = layer->base) {
        degree += growing_degree(layer, cg_graph_chain(layer, row), type);
        if (row < layer->frozen_count && layer->frozen_edge_count > 0) {
            const cg_edge *edges = &layer->frozen_edges[layer->row_starts[row]];
            uint64_t count = layer->row_starts[row + 1] - layer->row_starts[row];
            degree += first_of_type(edges, count, type + 1) - first_of_type(edges, count, type);
        }
    }
    return (uint32_t)degree;
}

static bool on_path(const uint32_t *path, uint32_t length, uint32_t row) {
    for (uint32_t i = 0; i < length; i++) {
        if (path[i] == row) {
            return true;
        }
    }
    return false;
}

uint32_t cg_graph_path_to_root(const cg_graph *graph, uint32_t row,
                               uint32_t path[CG_PATH_MAX]) {
    uint32_t length = 0;
    uint32_t parent = row;
    path[length++] = row;
    while (length < CG_PATH_MAX && cg_graph_parents(graph, path[length - 1], &parent, 1) == 1 &&
           !on_path(path, length, parent)) {
        path[length++] = parent;
    }
    return length;
}

/* True when a walk of exactly `length` tree edges that enters no row twice leads from one to
 * the other. */
static bool walk_exists(const cg_graph *graph, uint32_t from, uint32_t to, uint32_t length) {
    uint32_t path[CG_PATH_MAX];
    cg_edge_cursor cursors[CG_PATH_MAX];
    uint32_t at = 0; /* edges walked so far */
    path[0] = from;
    cursors[0] = cg_graph_edges(graph, from);
    for (;;) {
        cg_edge edge;
        if (!cg_graph_next_edge(&cursors[at], &edge)) {
            if (at == 0) {
                return false;
            }
            at--;
        } else if (!cg_edge_is_parent(edge.type) && !cg_edge_is_child(edge.type)) {
            continue;
        } else if (at + 1 == length) {
            if (edge.target == to) {
                return true;
            }
        } else if (!on_path(path, at + 1, edge.target)) {
            at++;
            path[at] = edge.target;
            cursors[at] = cg_graph_edges(graph, edge.target);
        }
    }
}

uint32_t cg_graph_tree_distance(const cg_graph *graph, uint32_t from, uint32_t to,
                                uint32_t max) {
    CG_ASSERT(max < CG_PATH_MAX);
    CG_ASSERT(from < cg_graph_concept_count(graph) && to < cg_graph_concept_count(graph));
    if (from == to) {
        return 0;
    }
    for (uint32_t length = 1; length <= max; length++) {
        if (walk_exists(graph, from, to, length)) {
            return length;
        }
    }
    return max + 1;
}

/* --- Hash. --- */

static void hash_edge(cg_hasher *hasher, cg_edge edge) {
    cg_hasher_add_u64(hasher,
                      (uint64_t)edge.target << 32 | (uint64_t)edge.type << 8 | edge.weight);
}

static uint64_t hash_chain(const cg_graph *graph, const chain *held) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, held->row);
    for (uint32_t i = held->head; i != NO_EDGE; i = graph->growing.edges[i].next) {
        hash_edge(&hasher, graph->growing.edges[i].edge);
    }
    return held->count > 0 ? cg_hasher_value(&hasher) : 0;
}

/* Other weights are a set: a sum over them. */
static void hash_reweighted(const edge_chains *chains, cg_hasher *hasher) {
    uint64_t sum = 0;
    for (uint32_t c = 0; c < chains->chain_count; c++) {
        const chain *held = &chains->chains[c];
        for (uint32_t at = held->head; at != NO_EDGE; at = chains->edges[at].next) {
            cg_hasher one = cg_hasher_init();
            cg_hasher_add_u64(&one, held->row);
            hash_edge(&one, chains->edges[at].edge);
            sum += cg_hasher_value(&one);
        }
    }
    if (chains->edge_count > 0) {
        cg_hasher_add_u64(hasher, sum);
    }
}

uint64_t cg_graph_hash(const cg_graph *graph) {
    cg_hasher hasher = cg_hasher_init();
    cg_hasher_add_u64(&hasher, graph->first_row);
    cg_hasher_add_u64(&hasher, graph->concept_count);
    for (uint32_t r = 0; r < graph->concept_count; r++) {
        const graph_concept *held = &graph->concepts[r];
        cg_hasher_add_u64(&hasher, held->id);
        cg_hasher_add_u64(&hasher, (uint64_t)held->type << 32 | held->depth);
        cg_hasher_add_u64(&hasher,
                          cg_hash_bytes(graph->names.bytes + held->name_start,
                                        strlen(graph->names.bytes + held->name_start), 0));
    }
    for (uint32_t r = 0; r < graph->frozen_count; r++) {
        uint64_t end = graph->row_starts[r + 1];
        cg_hasher_add_u64(&hasher, end);
        for (uint64_t i = graph->row_starts[r]; i < end; i++) {
            hash_edge(&hasher, graph->frozen_edges[i]);
        }
    }
    for (uint32_t r = 0; r < graph->concept_count && graph->removed_count > 0; r++) {
        if (cg_graph_is_removed(graph, graph->first_row + r)) {
            cg_hasher_add_u64(&hasher, r);
        }
    }
    /* Chains lie in the order their rows were first touched; a sum does not see that order. */
    uint64_t chains = 0;
    for (uint32_t c = 0; c < graph->growing.chain_count; c++) {
        chains += hash_chain(graph, &graph->growing.chains[c]);
    }
    cg_hasher_add_u64(&hasher, chains);
    hash_reweighted(&graph->reweighted, &hasher);
    for (uint32_t r = 0; r < graph->relations.count; r++) {
        const char *name = cg_graph_relation_name(graph, CG_EDGE_TYPE_COUNT + r);
        cg_hasher_add_bytes(&hasher, name, strlen(name));
    }
    cg_properties_hash(graph, &hasher);
    return cg_hasher_value(&hasher);
}
