/* The graph: making it, adding to it, and its plain accessors.
 *
 * Invariant: whatever can fail in an addition (memory) happens before the first visible change,
 * so a failed addition leaves the graph as it was. An edge is in one place of one layer; its
 * weight is that of the highest layer that says one.
 * Known value: with base {a -> b} and an overlay that adds a -> c, the edges of a come out as
 * b, c, the base still has one edge, the overlay two.
 */
#include "engine/graph/graph.h"

#include <string.h>

#include "engine/graph/graph_layout.h"

/* --- Texts, and blocks of just the size. --- */

cg_status cg_texts_reserve(text_heap *texts, const cg_allocator *allocator, size_t more_bytes,
                           cg_error *error) {
    return CG_GROW(allocator, texts->bytes, texts->capacity, texts->used_bytes + more_bytes,
                   error);
}

size_t cg_texts_append(text_heap *texts, const char *text) {
    size_t start = texts->used_bytes;
    size_t bytes = strlen(text) + 1;
    CG_ASSERT(bytes <= texts->capacity - start);
    memcpy(texts->bytes + start, text, bytes);
    texts->used_bytes += bytes;
    return start;
}

void cg_texts_deinit(text_heap *texts, const cg_allocator *allocator) {
    cg_deallocate(allocator, texts->bytes, texts->capacity, 1);
    *texts = (text_heap){0};
}

void *cg_graph_cut(const cg_allocator *allocator, void *block, size_t *capacity, size_t count,
                   size_t size) {
    if (count == *capacity || !block) {
        return block;
    }
    void *cut =
        allocator->reallocate(allocator->context, block, *capacity * size, count * size);
    if (!cut && count > 0) {
        return block;
    }
    *capacity = count;
    return cut;
}

void cg_graph_cut_concepts(cg_graph *graph) {
    graph->concepts = cg_graph_cut(&graph->allocator, graph->concepts, &graph->concept_capacity,
                                   graph->concept_count, sizeof(graph_concept));
    graph->names.bytes = cg_graph_cut(&graph->allocator, graph->names.bytes,
                                      &graph->names.capacity, graph->names.used_bytes, 1);
}

/* --- Life cycle. --- */

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
    graph->properties.first = base ? cg_graph_property_count(base) : 0;
    cg_status status = cg_chains_init(&graph->growing, allocator, error);
    if (status != CG_OK) {
        cg_graph_free(graph);
        return status;
    }
    *out = graph;
    return CG_OK;
}

void cg_graph_free_rows(cg_graph *graph) {
    cg_deallocate(&graph->allocator, graph->own_starts, (size_t)graph->frozen_count + 1,
                  sizeof(uint64_t));
    cg_deallocate(&graph->allocator, graph->own_edges, graph->edge_capacity, sizeof(cg_edge));
}

void cg_graph_free(cg_graph *graph) {
    if (!graph) {
        return;
    }
    cg_allocator allocator = graph->allocator;
    cg_deallocate(&allocator, graph->concepts, graph->concept_capacity, sizeof(graph_concept));
    cg_texts_deinit(&graph->names, &allocator);
    cg_graph_free_rows(graph);
    cg_chains_deinit(&graph->growing, &allocator);
    cg_chains_deinit(&graph->reweighted, &allocator);
    cg_deallocate(&allocator, graph->removed, graph->removed_capacity, sizeof(uint64_t));
    cg_texts_deinit(&graph->relations.names, &allocator);
    cg_deallocate(&allocator, graph->relations.name_starts, graph->relations.capacity,
                  sizeof(uint32_t));
    cg_table_free(graph->relations.type_of_name);
    cg_properties_deinit(&graph->properties, &allocator);
    cg_deallocate(&allocator, graph, 1, sizeof *graph);
}

uint64_t cg_graph_bytes(const cg_graph *graph) {
    const graph_relations *relations = &graph->relations;
    uint64_t starts = graph->own_starts ? (uint64_t)graph->frozen_count + 1 : 0;
    return sizeof *graph + graph->concept_capacity * sizeof(graph_concept) +
           graph->names.capacity + starts * sizeof(uint64_t) +
           graph->edge_capacity * sizeof(cg_edge) + cg_chains_bytes(&graph->growing) +
           cg_chains_bytes(&graph->reweighted) + graph->removed_capacity * sizeof(uint64_t) +
           relations->names.capacity + relations->capacity * sizeof(uint32_t) +
           (relations->type_of_name ? cg_table_bytes(relations->type_of_name) : 0) +
           cg_graph_property_bytes(graph);
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
    status = cg_texts_reserve(&graph->names, &graph->allocator, name_bytes + 1, error);
    if (status != CG_OK) {
        return status;
    }
    graph->concepts[graph->concept_count] = (graph_concept){
        .id = id, .type = type, .name_start = cg_texts_append(&graph->names, name)};
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
    return owner->names.bytes + owner->concepts[row - owner->first_row].name_start;
}

/* --- Edges. --- */

uint64_t cg_graph_find_frozen(const cg_graph *layer, uint32_t row, cg_edge edge) {
    if (row >= layer->frozen_count) {
        return UINT64_MAX;
    }
    uint64_t low = layer->row_starts[row];
    uint64_t high = layer->row_starts[row + 1];
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        cg_edge held = layer->frozen_edges[middle];
        if (held.type == edge.type && held.target == edge.target) {
            return middle;
        }
        if (cg_edge_comes_before(held, edge)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return UINT64_MAX;
}

cg_status cg_graph_check_ends(const cg_graph *graph, uint32_t from, cg_edge edge,
                              cg_error *error) {
    uint32_t count = cg_graph_concept_count(graph);
    uint32_t types = cg_graph_relation_count(graph);
    if (from >= count || edge.target >= count) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "an edge from row %u to row %u; the graph has %u rows", from,
                            edge.target, count);
    }
    if (edge.type >= types) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the edge from row %u to row %u has type %u; types are 0 to %u",
                            from, edge.target, edge.type, types - 1);
    }
    if (edge.unused != 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the edge from row %u to row %u has %u in its last byte, not 0",
                            from, edge.target, edge.unused);
    }
    return CG_OK;
}

static cg_status check_edge(const cg_graph *graph, uint32_t from, cg_edge edge,
                            cg_error *error) {
    cg_status status = cg_graph_check_ends(graph, from, edge, error);
    if (status != CG_OK) {
        return status;
    }
    if (from == edge.target) {
        return cg_error_set(error, CG_ERROR_INVALID, "an edge from row %u to itself", from);
    }
    if (cg_graph_is_removed(graph, from) || cg_graph_is_removed(graph, edge.target)) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "an edge from row %u to row %u, one of which was removed", from,
                            edge.target);
    }
    for (const cg_graph *layer = graph; layer; layer = layer->base) {
        if (cg_graph_find_frozen(layer, from, edge) != UINT64_MAX ||
            cg_chains_find(&layer->growing, from, edge) != NO_EDGE) {
            return cg_error_set(error, CG_ERROR_EXISTS,
                                "there is a %s edge from row %u to row %u already",
                                cg_graph_relation_name(graph, edge.type), from, edge.target);
        }
    }
    return CG_OK;
}

cg_status cg_graph_add_edge(cg_graph *graph, uint32_t from, cg_edge edge, cg_error *error) {
    cg_status status = check_edge(graph, from, edge, error);
    if (status == CG_OK) {
        status = cg_chains_add(&graph->growing, &graph->allocator, from, edge, error);
    }
    if (status != CG_OK) {
        return status;
    }
    if (cg_edge_is_parent(edge.type) && from >= graph->first_row + graph->frozen_count) {
        uint32_t *depth = &graph->concepts[from - graph->first_row].depth;
        uint32_t below = cg_graph_depth(graph, edge.target) + 1;
        if (*depth == 0 || below < *depth) {
            *depth = below;
        }
    }
    return CG_OK;
}

/* Puts the edge's weight over what lies below. */
static cg_status reweigh(cg_graph *graph, uint32_t from, cg_edge edge, cg_error *error) {
    edge_chains *chains = &graph->reweighted;
    uint32_t held = cg_chains_find(chains, from, edge);
    if (held != NO_EDGE) {
        chains->edges[held].edge.weight = edge.weight;
        return CG_OK;
    }
    cg_status status =
        chains->chain_of_row ? CG_OK : cg_chains_init(chains, graph->allocator, error);
    return status == CG_OK ? cg_chains_add(chains, &graph->allocator, from, edge, error)
                           : status;
}

cg_status cg_graph_set_weight(cg_graph *graph, uint32_t from, uint16_t type, uint32_t target,
                              uint8_t weight, cg_error *error) {
    cg_edge edge = {.target = target, .type = type, .weight = weight};
    uint32_t growing = cg_chains_find(&graph->growing, from, edge);
    if (growing != NO_EDGE) {
        graph->growing.edges[growing].edge.weight = weight;
        return CG_OK;
    }
    for (const cg_graph *layer = graph; layer; layer = layer->base) {
        uint64_t frozen = cg_graph_find_frozen(layer, from, edge);
        if (frozen != UINT64_MAX && graph->own_edges) { /* then there is no base */
            graph->own_edges[frozen].weight = weight;
            return CG_OK;
        }
        if (frozen != UINT64_MAX || cg_chains_find(&layer->growing, from, edge) != NO_EDGE) {
            return reweigh(graph, from, edge, error);
        }
    }
    return cg_error_set(error, CG_ERROR_NOT_FOUND,
                        "there is no edge of type %u from row %u to row %u", type, from,
                        target);
}

uint64_t cg_graph_edge_count(const cg_graph *graph) {
    uint64_t count = 0;
    for (; graph; graph = graph->base) {
        count += graph->frozen_edge_count + cg_chains_live(&graph->growing);
    }
    return count;
}
