#include "engine/graph/partition/multilevel.h"

#include "engine/graph/partition/connectivity.h"

enum {
    LEVELS_MAX = 64,
    COARSE_ROWS_A_PART = 24,
    COARSE_ROWS_MIN = 400,
    BISECTION_ROWS = 120,
    START_TRIES = 4,
    CONNECTIVITY_ROUNDS = 8,
    LARGE_ARCS = 4000000 /* from here on a level is searched once */
};

typedef struct hierarchy {
    cg_cut_graph graphs[LEVELS_MAX];  /* the first is borrowed */
    uint32_t *cluster_of[LEVELS_MAX]; /* [graphs[i].rows]: of graphs[i + 1] */
    uint32_t *within;                 /* [rows] of the coarsest so far, or NULL */
    uint32_t within_rows;
    uint32_t count;
    const cg_allocator *allocator;
} hierarchy;

static void free_hierarchy(hierarchy *h) {
    for (uint32_t i = 0; i < h->count; i++) {
        cg_deallocate(h->allocator, h->cluster_of[i], h->graphs[i].rows,
                      sizeof *h->cluster_of[i]);
        if (i > 0) {
            cg_cut_graph_deinit(&h->graphs[i]);
        }
    }
    cg_deallocate(h->allocator, h->within, h->within_rows, sizeof *h->within);
}

static cg_status no_memory(uint32_t rows, cg_error *error) {
    return cg_error_set(error, CG_ERROR_MEMORY, "no memory to partition a graph of %u rows",
                        rows);
}

/* within[]: rows that may become one have one value. */
static cg_status set_within(hierarchy *h, const cg_multilevel *cycle, const uint32_t *part_of,
                            cg_error *error) {
    const uint32_t rows = cycle->graph->rows;
    h->within = cg_allocate(h->allocator, rows, sizeof *h->within);
    if (!h->within) {
        return no_memory(rows, error);
    }
    h->within_rows = rows;
    for (uint32_t row = 0; row < rows; row++) {
        h->within[row] =
            part_of[row] + (cycle->other ? cycle->parts * (cycle->other[row] + 1) : 0);
    }
    return CG_OK;
}

/* One graph more. *is_done: the last step hardly made it smaller. */
static cg_status add_level(hierarchy *h, const cg_coarsening *how, cg_stream *stream,
                           bool *is_done, cg_error *error) {
    const cg_cut_graph *fine = &h->graphs[h->count - 1];
    cg_cut_graph *coarse = &h->graphs[h->count];
    uint32_t clusters = 0;
    uint32_t *cluster_of = cg_allocate(h->allocator, fine->rows, sizeof *cluster_of);
    if (!cluster_of) {
        return no_memory(fine->rows, error);
    }
    cg_status status = cg_coarsen(fine, how, stream, cluster_of, &clusters, error);
    *is_done = status == CG_OK && clusters > fine->rows - fine->rows / 20;
    if (status == CG_OK && !*is_done) {
        status = cg_cut_graph_contract(fine, cluster_of, clusters, coarse, error);
    }
    if (status != CG_OK || *is_done) {
        cg_deallocate(h->allocator, cluster_of, fine->rows, sizeof *cluster_of);
        return status;
    }
    for (uint32_t row = 0; row < fine->rows && h->within; row++) {
        h->within[cluster_of[row]] = h->within[row]; /* cluster_of[row] <= row */
    }
    h->cluster_of[h->count - 1] = cluster_of;
    h->count++;
    return CG_OK;
}

static cg_status coarsen(hierarchy *h, const cg_multilevel *cycle, cg_stream *stream,
                         cg_error *error) {
    uint32_t target = cycle->parts * COARSE_ROWS_A_PART;
    const uint32_t least = cycle->is_bisection ? BISECTION_ROWS : COARSE_ROWS_MIN;
    target = target < least ? least : target;
    const uint64_t total = cycle->graph->row_weight_sum;
    cg_coarsening how = {.rounds = 4};
    bool is_done = false;
    cg_status status = CG_OK;
    while (status == CG_OK && !is_done && h->count < LEVELS_MAX &&
           h->graphs[h->count - 1].rows > target) {
        const uint32_t rows = h->graphs[h->count - 1].rows;
        const uint64_t last = total / target + 1; /* all that a cluster may ever weigh */
        const uint64_t step = 6 * (total / rows + 1);
        how.weight_max = step < last ? step : last;
        how.within = h->within;
        status = add_level(h, &how, stream, &is_done, error);
    }
    return status;
}

/* A part may hold a little more while rows are heavy: else nothing could move. */
static void level_limits(const cg_multilevel *cycle, const cg_cut_graph *graph,
                         uint64_t *limits) {
    uint64_t heaviest = 0;
    for (uint32_t row = 0; row < graph->rows; row++) {
        heaviest = graph->row_weights[row] > heaviest ? graph->row_weights[row] : heaviest;
    }
    for (uint32_t p = 0; p < cycle->parts; p++) {
        limits[p] = cycle->limits[p] + heaviest / 2;
    }
}

static cg_status refine_level(const cg_multilevel *cycle, const cg_cut_graph *graph,
                              uint64_t *limits, uint32_t *part_of, cg_stream *stream,
                              cg_error *error) {
    const bool is_large = graph->arc_count > LARGE_ARCS;
    const cg_refiner_effort effort = {
        .greedy_rounds = 3, .search_rounds = is_large ? 1 : 8, .patience = 15};
    level_limits(cycle, graph, limits);
    cg_refiner refiner = {0};
    cg_status status = cg_refiner_init(&refiner, graph, cycle->parts, limits, part_of, error);
    if (status == CG_OK) {
        cg_refiner_balance(&refiner);
        if (cycle->is_connectivity) {
            status = cg_connectivity_improve(&refiner, CONNECTIVITY_ROUNDS, stream, error);
        } else {
            cg_refiner_improve(&refiner, &effort, stream);
        }
    }
    cg_refiner_deinit(&refiner);
    return status;
}

/* part_of[] of the coarsest graph to that of the first, in place: backwards, as a row's cluster
 * never has a greater number. */
static void project(const uint32_t *cluster_of, uint32_t rows, uint32_t *part_of) {
    for (uint32_t row = rows; row-- > 0;) {
        part_of[row] = part_of[cluster_of[row]];
    }
}

static cg_status go_up(const hierarchy *h, const cg_multilevel *cycle, uint32_t *part_of,
                       cg_stream *stream, cg_error *error) {
    uint64_t *limits = cg_allocate(h->allocator, cycle->parts, sizeof *limits);
    cg_status status = limits ? CG_OK : no_memory(cycle->graph->rows, error);
    for (uint32_t level = h->count; level-- > 0 && status == CG_OK;) {
        if (level + 1 < h->count) {
            project(h->cluster_of[level], h->graphs[level].rows, part_of);
        }
        status = refine_level(cycle, &h->graphs[level], limits, part_of, stream, error);
    }
    cg_deallocate(h->allocator, limits, cycle->parts, sizeof *limits);
    return status;
}

static cg_status begin(const hierarchy *h, cg_multilevel *cycle, uint32_t *part_of,
                       cg_error *error) {
    const cg_cut_graph *coarsest = &h->graphs[h->count - 1];
    if (cycle->is_given) {
        for (uint32_t level = 0; level + 1 < h->count; level++) {
            for (uint32_t row = 0; row < h->graphs[level].rows; row++) {
                part_of[h->cluster_of[level][row]] = part_of[row];
            }
        }
        return CG_OK;
    }
    uint64_t *limits = cg_allocate(h->allocator, cycle->parts, sizeof *limits);
    if (!limits) {
        return no_memory(cycle->graph->rows, error);
    }
    level_limits(cycle, coarsest, limits);
    const cg_cut_start start = {.parts = cycle->parts,
                                .limits = limits,
                                .seed = cycle->seed,
                                .entity = cycle->entity,
                                .is_flat = cycle->is_bisection,
                                .tries = START_TRIES,
                                .effort = {3, 8, 30}};
    cg_status status = cg_cut_start_best(coarsest, &start, part_of, &cycle->is_spectral, error);
    cg_deallocate(h->allocator, limits, cycle->parts, sizeof *limits);
    return status;
}

cg_status cg_multilevel_cycle(cg_multilevel *cycle, uint32_t *part_of, cg_error *error) {
    cg_stream stream = cg_stream_init(cycle->seed, "partition.cycle", cycle->entity);
    hierarchy h = {.count = 1, .allocator = &cycle->graph->allocator};
    h.graphs[0] = *cycle->graph;
    cg_status status = cycle->is_given ? set_within(&h, cycle, part_of, error) : CG_OK;
    if (status == CG_OK) {
        status = coarsen(&h, cycle, &stream, error);
    }
    if (status == CG_OK) {
        status = begin(&h, cycle, part_of, error);
    }
    if (status == CG_OK) {
        status = go_up(&h, cycle, part_of, &stream, error);
        cycle->levels = h.count;
        cycle->coarsest = h.graphs[h.count - 1].rows;
    }
    free_hierarchy(&h);
    return status;
}
