/* One frozen graph of many layers. See the header.
 *
 * Rows and edges are counted first, so that each array is taken in its size; a row that lies
 * frozen below and nowhere else is copied as it is, any other is collected and sorted.
 *
 * Invariant: a merged graph answers every question as its layers did, but for the order of a
 * row's edges, which is that of a frozen row.
 * Known value: base a -> b (weight 5), above it a -> c and the first edge's weight set to 9:
 * merged, a has b with 9, then c.
 */
#include "engine/graph/graph_merge.h"

#include <string.h>

#include "engine/graph/bulk.h"
#include "engine/graph/graph_layout.h"

static cg_status copy_concepts(cg_graph *to, const cg_graph *from, cg_error *error) {
    uint32_t count = cg_graph_concept_count(from);
    size_t name_bytes = 0;
    for (const cg_graph *layer = from; layer; layer = layer->base) {
        name_bytes += layer->names.used_bytes;
    }
    cg_status status = cg_bulk_reserve(to, count, name_bytes, error);
    for (uint32_t row = 0; row < count && status == CG_OK; row++) {
        uint32_t added = 0;
        status = cg_graph_add_concept(to, cg_graph_id(from, row), cg_graph_type(from, row),
                                      cg_graph_name(from, row), &added, error);
        if (status == CG_OK) {
            to->concepts[row].depth = cg_graph_depth(from, row);
        }
    }
    return status;
}

static cg_status copy_relations(cg_graph *to, const cg_graph *from, cg_error *error) {
    cg_status status = CG_OK;
    uint32_t count = cg_graph_relation_count(from);
    for (uint32_t type = CG_EDGE_TYPE_COUNT; type < count && status == CG_OK; type++) {
        uint16_t added = 0;
        status = cg_graph_add_relation(to, cg_graph_relation_name(from, type), &added, error);
    }
    return status;
}

static uint64_t copy_row(cg_edge *edges, const cg_graph *from, uint32_t row) {
    if (cg_graph_row_is_plain(from, row)) {
        cg_edge_span span = cg_graph_frozen_edges(from, row);
        if (span.count > 0) {
            memcpy(edges, span.edges, (size_t)span.count * sizeof *edges);
        }
        return span.count;
    }
    cg_edge_cursor cursor = cg_graph_edges(from, row);
    size_t count = 0;
    cg_edge edge;
    while (cg_graph_next_edge(&cursor, &edge)) {
        edges[count++] = edge;
    }
    cg_graph_sort_edges(edges, count);
    return count;
}

static cg_status copy_edges(cg_graph *to, const cg_graph *from, cg_error *error) {
    size_t count = (size_t)cg_graph_edge_count(from);
    size_t rows = to->concept_count;
    to->own_starts = cg_allocate(&to->allocator, rows + 1, sizeof(uint64_t));
    to->own_edges = count > 0 ? cg_allocate(&to->allocator, count, sizeof(cg_edge)) : NULL;
    to->edge_capacity = to->own_edges ? count : 0;
    to->frozen_count = (uint32_t)rows;
    if (!to->own_starts || (count > 0 && !to->own_edges)) {
        return cg_error_set(error, CG_ERROR_MEMORY,
                            "out of memory to merge a graph of %zu concepts and %zu edges",
                            rows, count);
    }
    uint64_t filled = 0;
    for (uint32_t row = 0; row < rows && count > 0; row++) {
        to->own_starts[row] = filled;
        filled += copy_row(&to->own_edges[filled < count ? filled : count - 1], from, row);
    }
    CG_ASSERT(filled == count);
    to->own_starts[rows] = filled;
    to->row_starts = to->own_starts;
    to->frozen_edges = to->own_edges;
    to->frozen_edge_count = filled;
    return CG_OK;
}

static cg_status copy_removed(cg_graph *to, const cg_graph *from, cg_error *error) {
    uint32_t count = cg_graph_concept_count(from);
    if (cg_graph_live_count(from) == count) {
        return CG_OK;
    }
    size_t words = ((size_t)count + ROWS_A_WORD - 1) / ROWS_A_WORD;
    cg_status status = CG_GROW(&to->allocator, to->removed, to->removed_capacity, words, error);
    for (uint32_t row = 0; row < count && status == CG_OK; row++) {
        if (cg_graph_is_removed(from, row)) {
            to->removed[row / ROWS_A_WORD] |= UINT64_C(1) << row % ROWS_A_WORD;
            to->removed_count++;
        }
    }
    return status;
}

cg_status cg_graph_merge(const cg_graph *graph, cg_allocator allocator, cg_graph **out,
                         cg_error *error) {
    cg_graph *merged = NULL;
    cg_status status = cg_graph_alloc(NULL, allocator, &merged, error);
    if (status != CG_OK) {
        return status;
    }
    status = copy_concepts(merged, graph, error);
    if (status == CG_OK) {
        status = copy_relations(merged, graph, error);
    }
    if (status == CG_OK) {
        status = cg_properties_copy(merged, graph, error);
    }
    if (status == CG_OK) {
        status = copy_removed(merged, graph, error);
    }
    if (status == CG_OK) {
        status = copy_edges(merged, graph, error);
    }
    if (status != CG_OK) {
        cg_graph_free(merged);
        return status;
    }
    *out = merged;
    return CG_OK;
}

cg_status cg_graph_rebase(cg_graph *graph, const cg_graph *new_base, cg_error *error) {
    const cg_graph *old = graph->base;
    if (!old) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "a graph without a base cannot be put on another");
    }
    struct {
        const char *what;
        uint32_t here;
        uint32_t there;
    } counts[] = {
        {"concepts", graph->first_row, cg_graph_concept_count(new_base)},
        {"relations", cg_graph_relation_count(old), cg_graph_relation_count(new_base)},
        {"properties", graph->properties.first, cg_graph_property_count(new_base)},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (counts[i].here != counts[i].there) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "the new base has %u %s; the old one has %u", counts[i].there,
                                counts[i].what, counts[i].here);
        }
    }
    graph->base = new_base;
    graph->level = new_base->level + 1;
    return CG_OK;
}
