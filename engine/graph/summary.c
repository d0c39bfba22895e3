/* A graph's summary, in two walks over its edges: one that counts and joins components (disjoint
 * sets with path halving, the lower row as root), one that asks of each edge whether there is
 * one back. The frozen edges of a row are sorted by (type, target), so that is a search for
 * each type there; rows with other edges enter theirs into a table first.
 *
 * Known value: a -> b, b -> a, c -> a, d alone: 3 edges, reciprocity 2/3, 2 components.
 */
#include "engine/graph/summary.h"

#include "engine/base/map.h"
#include "engine/graph/graph_layout.h"

enum { HAS_PARENT = 1, IS_PARENT = 2, LINEAR_EDGES = 16 };

typedef struct walk {
    const cg_graph *graph;
    cg_allocator allocator;
    uint32_t rows;
    uint32_t *out_degrees; /* [rows] each */
    uint32_t *in_degrees;
    uint32_t *joined_to; /* a row of the same component, itself for a root */
    uint8_t *flags;
    uint64_t *edges_of_type; /* [types] */
    uint32_t types;
    cg_table *pairs; /* (from, to) of rows with edges that are not frozen */
    cg_graph_summary summary;
} walk;

/* --- Components. --- */

static uint32_t root_of(uint32_t *joined_to, uint32_t row) {
    while (joined_to[row] != row) {
        joined_to[row] = joined_to[joined_to[row]];
        row = joined_to[row];
    }
    return row;
}

static void join(uint32_t *joined_to, uint32_t a, uint32_t b) {
    uint32_t first = root_of(joined_to, a);
    uint32_t second = root_of(joined_to, b);
    if (first < second) {
        joined_to[second] = first;
    } else {
        joined_to[first] = second;
    }
}

/* Takes the place of the degrees, which are summed up by now. */
static void count_components(walk *self) {
    uint32_t *sizes = self->out_degrees;
    cg_graph_summary *summary = &self->summary;
    for (uint32_t row = 0; row < self->rows; row++) {
        sizes[row] = 0;
    }
    for (uint32_t row = 0; row < self->rows; row++) {
        if (cg_graph_is_removed(self->graph, row)) {
            continue;
        }
        uint32_t size = ++sizes[root_of(self->joined_to, row)];
        summary->components += size == 1;
        summary->component_most =
            size > summary->component_most ? size : summary->component_most;
    }
}

/* --- First walk. --- */

static uint64_t pair_key(uint32_t from, uint32_t to) {
    return (uint64_t)from << 32 | to;
}

static cg_status enter_pairs(walk *self, uint32_t row, cg_error *error) {
    cg_edge_cursor cursor = cg_graph_edges(self->graph, row);
    cg_edge edge;
    cg_status status = CG_OK;
    while (status == CG_OK && cg_graph_next_edge(&cursor, &edge)) {
        status = cg_table_put(self->pairs, pair_key(row, edge.target), 1, error);
    }
    return status;
}

static uint64_t count_row(walk *self, uint32_t row) {
    cg_edge_cursor cursor = cg_graph_edges(self->graph, row);
    cg_edge edge;
    uint64_t weights = 0;
    while (cg_graph_next_edge(&cursor, &edge)) {
        self->summary.edges++;
        self->edges_of_type[edge.type]++;
        self->out_degrees[row]++;
        self->in_degrees[edge.target]++;
        weights += (uint64_t)edge.weight + 1;
        join(self->joined_to, row, edge.target);
        if (cg_edge_is_parent(edge.type)) {
            self->flags[row] |= HAS_PARENT;
            self->flags[edge.target] |= IS_PARENT;
        }
    }
    return weights;
}

static cg_status count_all(walk *self, cg_error *error) {
    static const double weight_one = 256.0;
    uint64_t weights = 0;
    for (uint32_t row = 0; row < self->rows; row++) {
        self->joined_to[row] = row;
    }
    cg_status status = CG_OK;
    for (uint32_t row = 0; status == CG_OK && row < self->rows; row++) {
        weights += count_row(self, row);
        if (!cg_graph_row_is_plain(self->graph, row)) {
            status = enter_pairs(self, row, error);
        }
    }
    if (self->summary.edges > 0) {
        self->summary.weight_mean = (double)weights / weight_one / (double)self->summary.edges;
    }
    return status;
}

/* --- Second walk. --- */

static bool run_has(const cg_edge *edges, uint64_t low, uint64_t high, uint32_t target) {
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (edges[middle].target < target) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return edges[low].target == target;
}

/* The end of the edges from `first` on that have its type. */
static uint64_t end_of_type(cg_edge_span span, uint64_t first) {
    uint64_t low = first + 1;
    uint64_t high = span.count;
    if (span.edges[high - 1].type == span.edges[first].type) {
        return high;
    }
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (span.edges[middle].type == span.edges[first].type) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool span_has(cg_edge_span span, uint32_t target) {
    if (span.count <= LINEAR_EDGES) {
        uint64_t at = 0;
        while (at < span.count && span.edges[at].target != target) {
            at++;
        }
        return at < span.count;
    }
    for (uint64_t first = 0; first < span.count;) {
        uint64_t end = end_of_type(span, first);
        if (run_has(span.edges, first, end - 1, target)) {
            return true;
        }
        first = end;
    }
    return false;
}

static bool has_edge(const walk *self, uint32_t from, uint32_t to) {
    uint64_t unused = 0;
    if (cg_graph_row_is_plain(self->graph, from)) {
        return span_has(cg_graph_frozen_edges(self->graph, from), to);
    }
    return cg_table_get(self->pairs, pair_key(from, to), &unused);
}

static void measure_reciprocity(walk *self) {
    uint64_t returned = 0;
    for (uint32_t row = 0; row < self->rows; row++) {
        cg_edge_cursor cursor = cg_graph_edges(self->graph, row);
        cg_edge edge;
        while (cg_graph_next_edge(&cursor, &edge)) {
            returned += has_edge(self, edge.target, row);
        }
    }
    if (self->summary.edges > 0) {
        self->summary.reciprocity = (double)returned / (double)self->summary.edges;
    }
}

/* --- What comes of them. --- */

/* More edges, then the lower type. */
static bool comes_before(cg_relation_count a, cg_relation_count b) {
    return a.edges > b.edges || (a.edges == b.edges && a.type < b.type);
}

static void sift(cg_relation_count *heap, uint32_t count, uint32_t at) {
    for (uint32_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && comes_before(heap[child], heap[child + 1]);
        if (!comes_before(heap[at], heap[child])) {
            return;
        }
        cg_relation_count moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

static void sort_relations(cg_relation_count *relations, uint32_t count) {
    for (uint32_t at = count / 2; at > 0; at--) {
        sift(relations, count, at - 1);
    }
    for (uint32_t left = count; left > 1; left--) {
        cg_relation_count last = relations[0];
        relations[0] = relations[left - 1];
        relations[left - 1] = last;
        sift(relations, left - 1, 0);
    }
}

static cg_status list_relations(walk *self, cg_error *error) {
    uint32_t count = 0;
    for (uint32_t type = 0; type < self->types; type++) {
        count += self->edges_of_type[type] > 0;
    }
    cg_relation_count *relations = cg_allocate(&self->allocator, count, sizeof *relations);
    if (count > 0 && !relations) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the summary of a graph");
    }
    uint32_t used = 0;
    for (uint32_t type = 0; type < self->types; type++) {
        if (self->edges_of_type[type] > 0) {
            relations[used++] = (cg_relation_count){type, self->edges_of_type[type]};
        }
    }
    sort_relations(relations, count);
    self->summary.relations = relations;
    self->summary.relation_count = count;
    return CG_OK;
}

/* Takes removed rows out of the degrees; afterwards these are sorted. */
static void measure_rows(walk *self) {
    cg_graph_summary *summary = &self->summary;
    uint32_t live = 0;
    for (uint32_t row = 0; row < self->rows; row++) {
        if (cg_graph_is_removed(self->graph, row)) {
            continue;
        }
        uint32_t depth = cg_graph_depth(self->graph, row);
        summary->depth_most = depth > summary->depth_most ? depth : summary->depth_most;
        summary->roots += self->flags[row] == IS_PARENT;
        summary->isolated += self->out_degrees[row] == 0 && self->in_degrees[row] == 0;
        self->out_degrees[live] = self->out_degrees[row];
        self->in_degrees[live++] = self->in_degrees[row];
    }
    summary->concepts = live;
    summary->out = cg_degrees_summarise(self->out_degrees, live);
    summary->in = cg_degrees_summarise(self->in_degrees, live);
}

static cg_status measure(walk *self, cg_error *error) {
    cg_status status = count_all(self, error);
    if (status == CG_OK) {
        status = list_relations(self, error);
    }
    if (status != CG_OK) {
        return status;
    }
    measure_reciprocity(self);
    measure_rows(self);
    count_components(self);
    for (const cg_graph *layer = self->graph; layer; layer = layer->base) {
        self->summary.bytes += cg_graph_bytes(layer);
    }
    self->summary.hash = cg_graph_hash(self->graph);
    return CG_OK;
}

cg_status cg_graph_summarise(const cg_graph *graph, cg_allocator allocator,
                             cg_graph_summary *out, cg_error *error) {
    uint32_t rows = cg_graph_concept_count(graph);
    walk self = {.graph = graph,
                 .allocator = allocator,
                 .rows = rows,
                 .types = cg_graph_relation_count(graph)};
    self.out_degrees = cg_allocate(&allocator, rows, sizeof *self.out_degrees);
    self.in_degrees = cg_allocate(&allocator, rows, sizeof *self.in_degrees);
    self.joined_to = cg_allocate(&allocator, rows, sizeof *self.joined_to);
    self.flags = cg_allocate(&allocator, rows, 1);
    self.edges_of_type = cg_allocate(&allocator, self.types, sizeof *self.edges_of_type);
    bool rows_fit = self.out_degrees && self.in_degrees && self.joined_to && self.flags;
    cg_status status = CG_OK;
    if (!self.edges_of_type || (rows > 0 && !rows_fit)) {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory for the summary of a graph");
    }
    if (status == CG_OK) {
        status = cg_table_alloc(allocator, &self.pairs, error);
    }
    if (status == CG_OK) {
        status = measure(&self, error);
    }
    cg_table_free(self.pairs);
    cg_deallocate(&allocator, self.out_degrees, self.out_degrees ? rows : 0, sizeof(uint32_t));
    cg_deallocate(&allocator, self.in_degrees, self.in_degrees ? rows : 0, sizeof(uint32_t));
    cg_deallocate(&allocator, self.joined_to, self.joined_to ? rows : 0, sizeof(uint32_t));
    cg_deallocate(&allocator, self.flags, self.flags ? rows : 0, 1);
    cg_deallocate(&allocator, self.edges_of_type, self.edges_of_type ? self.types : 0,
                  sizeof(uint64_t));
    if (status == CG_OK) {
        *out = self.summary;
    }
    return status;
}

void cg_graph_summary_free(cg_graph_summary *summary, cg_allocator allocator) {
    cg_deallocate(&allocator, summary->relations, summary->relation_count,
                  sizeof *summary->relations);
    *summary = (cg_graph_summary){0};
}
