/* The graph: making it, adding to it, and its plain accessors.
 *
 * Invariant: whatever can fail in an addition (memory) happens before the first visible change,
 * so a failed addition leaves the graph as it was.
 * Known value: with base {a -> b} and an overlay that adds a -> c, the edges of a come out as
 * b, c, the base still has one edge, the overlay two.
 */
#include "engine/graph/graph.h"

#include <string.h>

#include "engine/graph/graph_layout.h"

static const char *const edge_names[CG_EDGE_TYPE_COUNT] = {
    [CG_EDGE_HYPERNYM] = "hypernym",
    [CG_EDGE_INSTANCE_HYPERNYM] = "instance_hypernym",
    [CG_EDGE_HYPONYM] = "hyponym",
    [CG_EDGE_INSTANCE_HYPONYM] = "instance_hyponym",
    [CG_EDGE_MEMBER_HOLONYM] = "member_holonym",
    [CG_EDGE_SUBSTANCE_HOLONYM] = "substance_holonym",
    [CG_EDGE_PART_HOLONYM] = "part_holonym",
    [CG_EDGE_MEMBER_MERONYM] = "member_meronym",
    [CG_EDGE_SUBSTANCE_MERONYM] = "substance_meronym",
    [CG_EDGE_PART_MERONYM] = "part_meronym",
    [CG_EDGE_ANTONYM] = "antonym",
    [CG_EDGE_ATTRIBUTE] = "attribute",
    [CG_EDGE_DERIVATION] = "derivation",
    [CG_EDGE_DOMAIN_TOPIC] = "domain_topic",
    [CG_EDGE_DOMAIN_REGION] = "domain_region",
    [CG_EDGE_DOMAIN_USAGE] = "domain_usage",
    [CG_EDGE_MEMBER_TOPIC] = "member_topic",
    [CG_EDGE_MEMBER_REGION] = "member_region",
    [CG_EDGE_MEMBER_USAGE] = "member_usage",
    [CG_EDGE_ENTAILMENT] = "entailment",
    [CG_EDGE_CAUSE] = "cause",
    [CG_EDGE_ALSO_SEE] = "also_see",
    [CG_EDGE_VERB_GROUP] = "verb_group",
    [CG_EDGE_SIMILAR] = "similar",
    [CG_EDGE_PARTICIPLE] = "participle",
    [CG_EDGE_PERTAINYM] = "pertainym",
    [CG_EDGE_OTHER] = "other",
};

const char *cg_edge_type_name(cg_edge_type type) {
    CG_ASSERT((unsigned)type < CG_EDGE_TYPE_COUNT);
    return edge_names[type];
}

cg_status cg_graph_alloc(const cg_graph *base, cg_allocator allocator, cg_graph **out,
                         cg_error *error) {
    cg_graph *graph = cg_allocate(&allocator, 1, sizeof *graph);
    if (!graph) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory for a graph");
    }
    graph->allocator = allocator;
    graph->base = base;
    graph->level = base ? base->level + 1 : 0;
    graph->first_row = base ? cg_graph_concept_count(base) : 0;
    graph->vacant_edge = NO_EDGE;
    cg_status status = cg_table_alloc(allocator, &graph->chain_of_row, error);
    if (status == CG_OK) {
        status = cg_table_alloc(allocator, &graph->hub_edges, error);
    }
    if (status != CG_OK) {
        cg_graph_free(graph);
        return status;
    }
    *out = graph;
    return CG_OK;
}

void cg_graph_free(cg_graph *graph) {
    if (!graph) {
        return;
    }
    cg_allocator allocator = graph->allocator;
    size_t starts = graph->row_starts ? (size_t)graph->frozen_count + 1 : 0;
    cg_deallocate(&allocator, graph->concepts, graph->concept_capacity, sizeof(graph_concept));
    cg_deallocate(&allocator, graph->names, graph->names_capacity, 1);
    cg_deallocate(&allocator, graph->row_starts, starts, sizeof(uint64_t));
    cg_deallocate(&allocator, graph->frozen_edges, graph->frozen_edge_count, sizeof(cg_edge));
    cg_deallocate(&allocator, graph->growing, graph->growing_capacity, sizeof(growing_edge));
    cg_deallocate(&allocator, graph->chains, graph->chain_capacity, sizeof(chain));
    cg_deallocate(&allocator, graph->removed, graph->removed_capacity, sizeof(uint64_t));
    cg_table_free(graph->chain_of_row);
    cg_table_free(graph->hub_edges);
    cg_deallocate(&allocator, graph, 1, sizeof *graph);
}

/* --- Concepts. --- */

cg_status cg_graph_add_concept(cg_graph *graph, uint64_t id, uint32_t type, const char *name,
                               uint32_t *row, cg_error *error) {
    size_t name_bytes = strlen(name);
    if (type >= CG_CONCEPT_TYPES) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "concept %llu has type %u; types are 0 to %d",
                            (unsigned long long)id, type, (int)CG_CONCEPT_TYPES - 1);
    }
    if (name_bytes > CG_NAME_BYTES_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the name of concept %llu has %zu bytes; at most %d are allowed",
                            (unsigned long long)id, name_bytes, (int)CG_NAME_BYTES_MAX);
    }
    if (cg_graph_concept_count(graph) >= UINT32_MAX - 1) {
        return cg_error_set(error, CG_ERROR_FULL, "a graph holds at most %u concepts",
                            UINT32_MAX - 1);
    }
    cg_status status = CG_GROW(&graph->allocator, graph->concepts, graph->concept_capacity,
                               (size_t)graph->concept_count + 1, error);
    if (status != CG_OK) {
        return status;
    }
    status = CG_GROW(&graph->allocator, graph->names, graph->names_capacity,
                     graph->names_bytes + name_bytes + 1, error);
    if (status != CG_OK) {
        return status;
    }
    memcpy(graph->names + graph->names_bytes, name, name_bytes + 1);
    graph->concepts[graph->concept_count] =
        (graph_concept){.id = id, .type = type, .name_start = graph->names_bytes};
    graph->names_bytes += name_bytes + 1;
    *row = graph->first_row + graph->concept_count++;
    return CG_OK;
}

uint32_t cg_graph_concept_count(const cg_graph *graph) {
    return graph->first_row + graph->concept_count;
}

/* The layer that owns the row. */
static const cg_graph *owner_of(const cg_graph *graph, uint32_t row) {
    CG_ASSERT(row < cg_graph_concept_count(graph));
    while (row < graph->first_row) {
        graph = graph->base;
    }
    return graph;
}

static const graph_concept *concept_of(const cg_graph *graph, uint32_t row) {
    const cg_graph *owner = owner_of(graph, row);
    return &owner->concepts[row - owner->first_row];
}

uint64_t cg_graph_id(const cg_graph *graph, uint32_t row) {
    return concept_of(graph, row)->id;
}

uint32_t cg_graph_type(const cg_graph *graph, uint32_t row) {
    return concept_of(graph, row)->type;
}

uint32_t cg_graph_depth(const cg_graph *graph, uint32_t row) {
    return concept_of(graph, row)->depth;
}

const char *cg_graph_name(const cg_graph *graph, uint32_t row) {
    const cg_graph *owner = owner_of(graph, row);
    return owner->names + owner->concepts[row - owner->first_row].name_start;
}

/* --- Edges. --- */

const chain *cg_graph_chain(const cg_graph *layer, uint32_t row) {
    uint64_t index = 0;
    if (layer->growing_count == 0 || !cg_table_get(layer->chain_of_row, row, &index)) {
        return NULL;
    }
    return &layer->chains[index];
}

static bool frozen_has(const cg_graph *layer, uint32_t row, cg_edge edge) {
    if (row >= layer->frozen_count) {
        return false;
    }
    uint64_t low = layer->row_starts[row];
    uint64_t high = layer->row_starts[row + 1];
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        cg_edge held = layer->frozen_edges[middle];
        if (held.type == edge.type && held.target == edge.target) {
            return true;
        }
        if (held.type < edge.type || (held.type == edge.type && held.target < edge.target)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

static bool growing_has(const cg_graph *layer, uint32_t row, cg_edge edge) {
    const chain *held = cg_graph_chain(layer, row);
    if (!held) {
        return false;
    }
    if (held->count >= HUB_EDGES) {
        uint64_t types = 0;
        return cg_table_get(layer->hub_edges, cg_graph_hub_key(row, edge.target), &types) &&
               (types >> edge.type & 1) != 0;
    }
    for (uint32_t i = held->head; i != NO_EDGE; i = layer->growing[i].next) {
        if (layer->growing[i].edge.type == edge.type &&
            layer->growing[i].edge.target == edge.target) {
            return true;
        }
    }
    return false;
}

static cg_status check_edge(const cg_graph *graph, uint32_t from, cg_edge edge,
                            cg_error *error) {
    uint32_t count = cg_graph_concept_count(graph);
    if (from >= count || edge.target >= count) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "an edge from row %u to row %u; the graph has %u rows", from,
                            edge.target, count);
    }
    if (from == edge.target) {
        return cg_error_set(error, CG_ERROR_INVALID, "an edge from row %u to itself", from);
    }
    if (cg_graph_is_removed(graph, from) || cg_graph_is_removed(graph, edge.target)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "an edge from row %u to row %u, one of which was removed", from,
                            edge.target);
    }
    if (edge.type >= CG_EDGE_TYPE_COUNT) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the edge from row %u to row %u has type %u; types are 0 to %d",
                            from, edge.target, edge.type, (int)CG_EDGE_TYPE_COUNT - 1);
    }
    for (const cg_graph *layer = graph; layer; layer = layer->base) {
        if (frozen_has(layer, from, edge) || growing_has(layer, from, edge)) {
            return cg_error_set(error, CG_ERROR_EXISTS,
                                "there is a %s edge from row %u to row %u already",
                                cg_edge_type_name((cg_edge_type)edge.type), from, edge.target);
        }
    }
    if (graph->growing_count == NO_EDGE - 1 && graph->vacant_edges == 0) {
        return cg_error_set(error, CG_ERROR_FULL, "a graph grows by at most %u edges",
                            NO_EDGE - 1);
    }
    return CG_OK;
}

static cg_status note_hub_edge(cg_graph *graph, uint32_t row, cg_edge edge, cg_error *error) {
    uint64_t types = 0;
    uint64_t key = cg_graph_hub_key(row, edge.target);
    (void)cg_table_get(graph->hub_edges, key, &types);
    return cg_table_put(graph->hub_edges, key, types | UINT64_C(1) << edge.type, error);
}

/* Room for one more growing edge of the row, and its chain. The chain may be new and empty. */
static cg_status reserve_edge(cg_graph *graph, uint32_t from, cg_error *error) {
    cg_status status =
        CG_GROW(&graph->allocator, graph->growing, graph->growing_capacity,
                (size_t)graph->growing_count + (graph->vacant_edges == 0), error);
    uint64_t index = 0;
    if (status != CG_OK || cg_table_get(graph->chain_of_row, from, &index)) {
        return status;
    }
    status = CG_GROW(&graph->allocator, graph->chains, graph->chain_capacity,
                     (size_t)graph->chain_count + 1, error);
    if (status == CG_OK) {
        status = cg_table_put(graph->chain_of_row, from, graph->chain_count, error);
    }
    if (status == CG_OK) {
        graph->chains[graph->chain_count++] =
            (chain){.row = from, .head = NO_EDGE, .tail = NO_EDGE};
    }
    return status;
}

/* A chain that becomes a hub enters all its edges. Entries of a failed attempt are repeated by
 * the next and not read before. */
static cg_status reserve_hub(cg_graph *graph, const chain *held, cg_edge edge,
                             cg_error *error) {
    cg_status status = CG_OK;
    if (held->count + 1 == HUB_EDGES) {
        for (uint32_t i = held->head; i != NO_EDGE && status == CG_OK;
             i = graph->growing[i].next) {
            status = note_hub_edge(graph, held->row, graph->growing[i].edge, error);
        }
    }
    if (status == CG_OK && held->count + 1 >= HUB_EDGES) {
        status = note_hub_edge(graph, held->row, edge, error);
    }
    return status;
}

static uint32_t take_place(cg_graph *graph) {
    if (graph->vacant_edges == 0) {
        return graph->growing_count++;
    }
    uint32_t at = graph->vacant_edge;
    graph->vacant_edge = graph->growing[at].next;
    graph->vacant_edges--;
    return at;
}

cg_status cg_graph_add_edge(cg_graph *graph, uint32_t from, cg_edge edge, cg_error *error) {
    cg_status status = check_edge(graph, from, edge, error);
    if (status == CG_OK) {
        status = reserve_edge(graph, from, error);
    }
    if (status != CG_OK) {
        return status;
    }
    uint64_t index = 0;
    (void)cg_table_get(graph->chain_of_row, from, &index);
    chain *held = &graph->chains[index];
    status = reserve_hub(graph, held, edge, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t added = take_place(graph);
    graph->growing[added] = (growing_edge){.edge = edge, .next = NO_EDGE};
    if (held->count == 0) {
        held->head = added;
    } else {
        graph->growing[held->tail].next = added;
    }
    held->tail = added;
    held->count++;
    held->parents += cg_edge_is_parent(edge.type);
    held->children[0] += edge.type == CG_EDGE_HYPONYM;
    held->children[1] += edge.type == CG_EDGE_INSTANCE_HYPONYM;
    if (cg_edge_is_parent(edge.type) && from >= graph->first_row + graph->frozen_count) {
        uint32_t *depth = &graph->concepts[from - graph->first_row].depth;
        uint32_t below = cg_graph_depth(graph, edge.target) + 1;
        if (*depth == 0 || below < *depth) {
            *depth = below;
        }
    }
    return CG_OK;
}

uint64_t cg_graph_edge_count(const cg_graph *graph) {
    uint64_t count = 0;
    for (; graph; graph = graph->base) {
        count += graph->frozen_edge_count + graph->growing_count - graph->vacant_edges;
    }
    return count;
}

uint64_t cg_graph_bytes(const cg_graph *graph) {
    uint64_t starts = graph->row_starts ? (uint64_t)graph->frozen_count + 1 : 0;
    return sizeof *graph + graph->concept_capacity * sizeof(graph_concept) +
           graph->names_capacity + starts * sizeof(uint64_t) +
           graph->frozen_edge_count * sizeof(cg_edge) +
           graph->growing_capacity * sizeof(growing_edge) +
           graph->chain_capacity * sizeof(chain) + cg_table_bytes(graph->chain_of_row) +
           cg_table_bytes(graph->hub_edges) + graph->removed_capacity * sizeof(uint64_t);
}
