#include "engine/graph/partition/coarsen.h"

#include <string.h>

#include "engine/base/math.h"

#define NONE UINT32_MAX

typedef struct coarsener {
    const cg_cut_graph *graph;
    const cg_coarsening *how;
    uint32_t *cluster_of; /* a row of the cluster stands for it */
    uint32_t *weights;    /* [rows]: of the cluster that the row stands for */
    uint32_t *sizes;      /* [rows]: rows in it */
    uint32_t *order;      /* [rows] */
    uint32_t *to;      /* [rows]: arcs' weight from the row at hand to the cluster; 0 between */
    uint32_t *touched; /* [rows] */
    uint32_t salt;     /* breaks ties */
} coarsener;

static bool may_join(const coarsener *c, uint32_t row, uint32_t cluster) {
    return (uint64_t)c->weights[cluster] + c->graph->row_weights[row] <= c->how->weight_max &&
           (!c->how->within || c->how->within[cluster] == c->how->within[row]);
}

static void join(coarsener *c, uint32_t row, uint32_t cluster) {
    const uint32_t from = c->cluster_of[row];
    c->weights[from] -= c->graph->row_weights[row];
    c->sizes[from]--;
    c->weights[cluster] += c->graph->row_weights[row];
    c->sizes[cluster]++;
    c->cluster_of[row] = cluster;
}

static bool is_alone(const coarsener *c, uint32_t row) {
    return c->sizes[c->cluster_of[row]] == 1;
}

/* Shuffled, then stably by the degree's number of bits: low degrees have few to choose from. */
static void arrange(coarsener *c, cg_stream *stream) {
    enum { CLASSES = 66 };
    const cg_cut_graph *graph = c->graph;
    uint32_t ends[CLASSES] = {0};
    uint32_t *shuffled = c->touched;
    for (uint32_t row = 0; row < graph->rows; row++) {
        const uint64_t degree = cg_cut_graph_degree(graph, row);
        shuffled[row] = row;
        ends[degree == 0 ? 1 : cg_log2_floor(degree) + 2]++;
    }
    cg_stream_shuffle_u32(stream, shuffled, graph->rows);
    for (uint32_t i = 1; i < CLASSES; i++) {
        ends[i] += ends[i - 1];
    }
    for (uint32_t i = 0; i < graph->rows; i++) {
        const uint64_t degree = cg_cut_graph_degree(graph, shuffled[i]);
        c->order[ends[degree == 0 ? 0 : cg_log2_floor(degree) + 1]++] = shuffled[i];
    }
    c->salt = (uint32_t)cg_stream_next(stream) | 1u;
}

/* --- matching ------------------------------------------------------------- */

static void match(coarsener *c) {
    const cg_cut_graph *graph = c->graph;
    for (uint32_t i = 0; i < graph->rows; i++) {
        const uint32_t row = c->order[i];
        if (!is_alone(c, row)) {
            continue;
        }
        double most = 0.0;
        uint32_t mate = NONE;
        for (uint64_t a = graph->starts[row]; a < graph->starts[row + 1]; a++) {
            const cg_cut_arc arc = graph->arcs[a];
            if (!is_alone(c, arc.target) || !may_join(c, row, arc.target)) {
                continue;
            }
            const double rating = (double)arc.weight * (double)arc.weight /
                                  (double)(graph->row_weights[arc.target] + 1u);
            if (rating > most || (rating == most && (arc.target ^ c->salt) * c->salt <
                                                        (mate ^ c->salt) * c->salt)) {
                most = rating;
                mate = arc.target;
            }
        }
        if (mate != NONE) {
            join(c, row, mate);
        }
    }
}

/* --- clustering ----------------------------------------------------------- */

/* The cluster with the heaviest arcs among those that may_join; NONE when there is none. When
 * is_any, whether the row fits is not asked. */
static uint32_t favourite(coarsener *c, uint32_t row, bool is_any) {
    const cg_cut_graph *graph = c->graph;
    uint32_t count = 0;
    for (uint64_t a = graph->starts[row]; a < graph->starts[row + 1]; a++) {
        const cg_cut_arc arc = graph->arcs[a];
        const uint32_t cluster = c->cluster_of[arc.target];
        if (c->to[cluster] == 0) {
            c->touched[count++] = cluster;
        }
        c->to[cluster] += arc.weight;
    }
    const uint32_t own = c->cluster_of[row];
    uint32_t best = NONE;
    uint32_t most = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t cluster = c->touched[i];
        const uint32_t weight = c->to[cluster];
        c->to[cluster] = 0;
        if (weight < most || !(is_any || cluster == own || may_join(c, row, cluster))) {
            continue;
        }
        if (weight > most || (cluster ^ c->salt) * c->salt < (best ^ c->salt) * c->salt) {
            most = weight;
            best = cluster;
        }
    }
    return best;
}

static void propagate(coarsener *c) {
    for (uint32_t round = 0; round < c->how->rounds; round++) {
        uint32_t moved = 0;
        for (uint32_t i = 0; i < c->graph->rows; i++) {
            const uint32_t row = c->order[i];
            const uint32_t best = favourite(c, row, false);
            if (best != NONE && best != c->cluster_of[row]) {
                join(c, row, best);
                moved++;
            }
        }
        c->salt = c->salt * 0x9e3779b1u | 1u;
        if (moved < c->graph->rows / 50) {
            break;
        }
    }
}

/* --- what is left alone --------------------------------------------------- */

/* Where a row waits for others: by its favourite, and by its value of within[], since others could
 * not join it. With the latter, places may coincide; then rows two hops apart are overlooked, or
 * rows further apart join, never rows that must not. */
static uint32_t place_of(const coarsener *c, uint32_t row, uint32_t near) {
    return c->how->within ? (near + c->how->within[row] * 0x9e3779b1u) % c->graph->rows : near;
}

/* waiting[place_of()]: a cluster that rows can still join there. */
static void join_two_hops(coarsener *c, uint32_t *waiting) {
    const cg_cut_graph *graph = c->graph;
    memset(waiting, 0xff, (size_t)graph->rows * sizeof *waiting);
    uint32_t islands = NONE;
    for (uint32_t i = 0; i < graph->rows; i++) {
        const uint32_t row = c->order[i];
        if (!is_alone(c, row)) {
            continue;
        }
        const uint32_t near = favourite(c, row, true);
        uint32_t *open = near == NONE ? &islands : &waiting[place_of(c, row, near)];
        const bool is_pair_full =
            *open != NONE && c->how->is_matching && near != NONE && c->sizes[*open] > 1;
        if (*open != NONE && !is_pair_full && may_join(c, row, *open)) {
            join(c, row, *open);
        } else {
            *open = c->cluster_of[row];
        }
    }
}

static uint32_t number(const coarsener *c, uint32_t *numbers) {
    uint32_t count = 0;
    memset(numbers, 0xff, (size_t)c->graph->rows * sizeof *numbers);
    for (uint32_t row = 0; row < c->graph->rows; row++) {
        uint32_t *known = &numbers[c->cluster_of[row]];
        if (*known == NONE) {
            *known = count++;
        }
        c->cluster_of[row] = *known;
    }
    return count;
}

cg_status cg_coarsen(const cg_cut_graph *graph, const cg_coarsening *how, cg_stream *stream,
                     uint32_t *cluster_of, uint32_t *clusters, cg_error *error) {
    const cg_allocator *allocator = &graph->allocator;
    const uint32_t rows = graph->rows;
    enum { ARRAYS = 5 };
    uint32_t *block = cg_allocate(allocator, (size_t)rows * ARRAYS, sizeof *block);
    if (!block) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory to coarsen a graph of %u rows",
                            rows);
    }
    coarsener c = {.graph = graph,
                   .how = how,
                   .cluster_of = cluster_of,
                   .weights = block,
                   .sizes = block + rows,
                   .order = block + 2 * (size_t)rows,
                   .to = block + 3 * (size_t)rows,
                   .touched = block + 4 * (size_t)rows};
    for (uint32_t row = 0; row < rows; row++) {
        cluster_of[row] = row;
        c.weights[row] = graph->row_weights[row];
        c.sizes[row] = 1;
    }
    arrange(&c, stream);
    if (how->is_matching) {
        match(&c);
    } else {
        propagate(&c);
    }
    uint32_t *waiting = cg_allocate(allocator, rows, sizeof *waiting);
    cg_status status = CG_OK;
    if (waiting) {
        join_two_hops(&c, waiting);
        *clusters = number(&c, waiting);
    } else {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory to coarsen a graph of %u rows",
                              rows);
    }
    cg_deallocate(allocator, waiting, rows, sizeof *waiting);
    cg_deallocate(allocator, block, (size_t)rows * ARRAYS, sizeof *block);
    return status;
}
