/* k-means of a spectrum's coordinates, and the start that is made of it (start.h, spectrum.h). */
#include <string.h>

#include "engine/graph/partition/coarsen.h"
#include "engine/graph/partition/spectrum.h"
#include "engine/graph/partition/start.h"

enum {
    LLOYD_ROUNDS = 30,
    ROWS_A_PART = 6, /* of the graph whose spectrum is taken */
    ROWS_MIN = 160,
    ROWS_MAX = 400,
    PARTS_MAX = 128,
    COARSENINGS_MAX = 8
};

/* --- k-means -------------------------------------------------------------- */

typedef struct clustering {
    const cg_spectrum_rows *points;
    uint32_t clusters;
    int64_t *centres;  /* [clusters * dims] */
    int64_t *sums;     /* [clusters * dims] */
    uint64_t *weights; /* [clusters] */
    uint64_t *nearest; /* [rows]: squared distance to the nearest centre so far */
    uint32_t *cluster_of;
} clustering;

static uint64_t distance(const clustering *c, uint32_t row, uint32_t cluster) {
    const uint32_t dims = c->points->dims;
    const int32_t *point = c->points->coordinates + (size_t)row * dims;
    const int64_t *centre = c->centres + (size_t)cluster * dims;
    uint64_t sum = 0;
    for (uint32_t d = 0; d < dims; d++) {
        const int64_t difference = point[d] - centre[d];
        sum += (uint64_t)(difference * difference);
    }
    return sum;
}

/* k-means++: the next centre is a row, drawn by its squared distance to the nearest so far. */
static void seed_centres(clustering *c, cg_stream *stream) {
    const cg_spectrum_rows *points = c->points;
    for (uint32_t row = 0; row < points->rows; row++) {
        c->nearest[row] = 1; /* the first is drawn evenly */
    }
    for (uint32_t cluster = 0; cluster < c->clusters; cluster++) {
        uint64_t sum = 0;
        for (uint32_t row = 0; row < points->rows; row++) {
            sum += c->nearest[row];
        }
        uint64_t left = sum > 0 ? cg_stream_next_below(stream, sum) : 0;
        uint32_t drawn = 0;
        while (drawn + 1 < points->rows && left >= c->nearest[drawn]) {
            left -= c->nearest[drawn++];
        }
        for (uint32_t d = 0; d < points->dims; d++) {
            c->centres[(size_t)cluster * points->dims + d] =
                points->coordinates[(size_t)drawn * points->dims + d];
        }
        for (uint32_t row = 0; row < points->rows; row++) {
            const uint64_t away = distance(c, row, cluster);
            if (cluster == 0 || away < c->nearest[row]) {
                c->nearest[row] = away;
                c->cluster_of[row] = cluster;
            }
        }
    }
}

/* Centres to the weighted means of their rows; one without rows stays. */
static void move_centres(clustering *c) {
    const cg_spectrum_rows *points = c->points;
    const uint32_t dims = points->dims;
    memset(c->sums, 0, (size_t)c->clusters * dims * sizeof *c->sums);
    memset(c->weights, 0, c->clusters * sizeof *c->weights);
    for (uint32_t row = 0; row < points->rows; row++) {
        int64_t *sums = c->sums + (size_t)c->cluster_of[row] * dims;
        c->weights[c->cluster_of[row]] += points->weights[row];
        for (uint32_t d = 0; d < dims; d++) {
            sums[d] +=
                (int64_t)points->weights[row] * points->coordinates[(size_t)row * dims + d];
        }
    }
    for (size_t i = 0; i < (size_t)c->clusters * dims; i++) {
        if (c->weights[i / dims] > 0) {
            c->centres[i] = c->sums[i] / (int64_t)c->weights[i / dims];
        }
    }
}

static bool assign_rows(clustering *c) {
    bool is_changed = false;
    for (uint32_t row = 0; row < c->points->rows; row++) {
        uint64_t least = UINT64_MAX;
        uint32_t best = 0;
        for (uint32_t cluster = 0; cluster < c->clusters; cluster++) {
            const uint64_t away = distance(c, row, cluster);
            if (away < least) {
                least = away;
                best = cluster;
            }
        }
        is_changed = is_changed || best != c->cluster_of[row];
        c->cluster_of[row] = best;
    }
    return is_changed;
}

cg_status cg_spectrum_cluster(const cg_spectrum_rows *points, uint32_t clusters,
                              cg_stream *stream, const cg_allocator *allocator,
                              uint32_t *cluster_of, cg_error *error) {
    const size_t cells = (size_t)clusters * points->dims;
    clustering c = {.points = points,
                    .clusters = clusters,
                    .centres = cg_allocate(allocator, cells, sizeof *c.centres),
                    .sums = cg_allocate(allocator, cells, sizeof *c.sums),
                    .weights = cg_allocate(allocator, clusters, sizeof *c.weights),
                    .nearest = cg_allocate(allocator, points->rows, sizeof *c.nearest),
                    .cluster_of = cluster_of};
    cg_status status = CG_OK;
    if (c.centres && c.sums && c.weights && c.nearest) {
        seed_centres(&c, stream);
        bool is_changed = true;
        for (int i = 0; i < LLOYD_ROUNDS && is_changed; i++) {
            move_centres(&c);
            is_changed = assign_rows(&c);
        }
    } else {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u clusters of %u rows",
                              clusters, points->rows);
    }
    cg_deallocate(allocator, c.centres, cells, sizeof *c.centres);
    cg_deallocate(allocator, c.sums, cells, sizeof *c.sums);
    cg_deallocate(allocator, c.weights, clusters, sizeof *c.weights);
    cg_deallocate(allocator, c.nearest, points->rows, sizeof *c.nearest);
    return status;
}

/* --- the start ------------------------------------------------------------ */

static cg_status partition_by_spectrum(const cg_cut_graph *graph, uint32_t parts,
                                       cg_stream *stream, uint32_t *part_of, cg_error *error) {
    const cg_allocator *allocator = &graph->allocator;
    const uint32_t rows = graph->rows;
    const size_t cells = (size_t)rows * rows;
    double *values = cg_allocate(allocator, rows, sizeof *values);
    double *vectors = cg_allocate(allocator, cells, sizeof *vectors);
    int32_t *coordinates = cg_allocate(allocator, cells, sizeof *coordinates);
    cg_status status = CG_OK;
    if (!values || !vectors || !coordinates) {
        status = cg_error_set(error, CG_ERROR_MEMORY,
                              "no memory for the eigenvectors of %u rows", rows);
    }
    if (status == CG_OK) {
        status = cg_spectrum_solve(graph, values, vectors, error);
    }
    if (status == CG_OK) {
        const uint32_t dims = cg_spectrum_dims(values, rows, parts);
        const cg_spectrum_rows points = {coordinates, graph->row_weights, rows, dims};
        status =
            cg_spectrum_coordinates(vectors, rows, dims, stream, allocator, coordinates, error);
        if (status == CG_OK) {
            status = cg_spectrum_cluster(&points, parts, stream, allocator, part_of, error);
        }
    }
    cg_deallocate(allocator, values, rows, sizeof *values);
    cg_deallocate(allocator, vectors, cells, sizeof *vectors);
    cg_deallocate(allocator, coordinates, cells, sizeof *coordinates);
    return status;
}

/* graph: a coarser one by a matching, in place; row_of[count] led to its rows and leads to the new
 * ones. */
static cg_status coarsen_once(cg_cut_graph *graph, uint64_t weight_max, cg_stream *stream,
                              uint32_t *row_of, uint32_t count, cg_error *error) {
    const cg_coarsening how = {.is_matching = true, .weight_max = weight_max};
    uint32_t clusters = 0;
    const uint32_t rows = graph->rows;
    const cg_allocator allocator = graph->allocator;
    uint32_t *cluster_of = cg_allocate(&allocator, rows, sizeof *cluster_of);
    cg_cut_graph coarse = {0};
    cg_status status =
        cluster_of ? CG_OK
                   : cg_error_set(error, CG_ERROR_MEMORY, "no memory to coarsen %u rows", rows);
    if (status == CG_OK) {
        status = cg_coarsen(graph, &how, stream, cluster_of, &clusters, error);
    }
    if (status == CG_OK) {
        status = cg_cut_graph_contract(graph, cluster_of, clusters, &coarse, error);
    }
    if (status == CG_OK) {
        for (uint32_t row = 0; row < count; row++) {
            row_of[row] = cluster_of[row_of[row]];
        }
        cg_cut_graph_deinit(graph);
        *graph = coarse;
    }
    cg_deallocate(&allocator, cluster_of, rows, sizeof *cluster_of);
    return status;
}

/* A copy of the graph coarsened to about `rows`; row_of[graph->rows]: rows of it. */
static cg_status make_small(const cg_cut_graph *graph, uint32_t rows, cg_stream *stream,
                            uint32_t *row_of, cg_cut_graph *small, cg_error *error) {
    const cg_allocator *allocator = &graph->allocator;
    uint32_t *place = cg_allocate(allocator, graph->rows, sizeof *place);
    cg_status status = place ? CG_OK
                             : cg_error_set(error, CG_ERROR_MEMORY,
                                            "no memory for a start of %u rows", graph->rows);
    for (uint32_t row = 0; row < graph->rows && status == CG_OK; row++) {
        row_of[row] = row;
        place[row] = UINT32_MAX;
    }
    if (status == CG_OK) {
        status = cg_cut_graph_extract(graph, row_of, graph->rows, place, small, error);
    }
    const uint64_t weight_max = 2 * (graph->row_weight_sum / rows) + 1;
    for (int i = 0; i < COARSENINGS_MAX && status == CG_OK && small->rows > rows; i++) {
        status = coarsen_once(small, weight_max, stream, row_of, graph->rows, error);
    }
    cg_deallocate(allocator, place, graph->rows, sizeof *place);
    return status;
}

cg_status cg_cut_start_spectral(const cg_cut_graph *graph, const cg_cut_start *start,
                                cg_stream *stream, uint32_t *part_of, bool *is_made,
                                cg_error *error) {
    const cg_allocator *allocator = &graph->allocator;
    uint32_t rows = start->parts * ROWS_A_PART;
    rows = rows < ROWS_MIN ? ROWS_MIN : rows > ROWS_MAX ? ROWS_MAX : rows;
    *is_made = false;
    if (start->parts > PARTS_MAX || start->parts > graph->rows) {
        return CG_OK;
    }
    uint32_t *row_of = cg_allocate(allocator, graph->rows, sizeof *row_of);
    uint32_t *cluster_of = cg_allocate(allocator, graph->rows, sizeof *cluster_of);
    cg_cut_graph small = {0};
    cg_status status = row_of && cluster_of
                           ? make_small(graph, rows, stream, row_of, &small, error)
                           : cg_error_set(error, CG_ERROR_MEMORY,
                                          "no memory for a start of %u rows", graph->rows);
    if (status == CG_OK && small.rows <= CG_SPECTRUM_ROWS_MAX && small.rows >= start->parts) {
        status = partition_by_spectrum(&small, start->parts, stream, cluster_of, error);
        *is_made = status == CG_OK;
        for (uint32_t row = 0; row < graph->rows && *is_made; row++) {
            part_of[row] = cluster_of[row_of[row]];
        }
    }
    cg_cut_graph_deinit(&small);
    cg_deallocate(allocator, row_of, graph->rows, sizeof *row_of);
    cg_deallocate(allocator, cluster_of, graph->rows, sizeof *cluster_of);
    return status;
}
