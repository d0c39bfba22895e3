/* Nearest neighbours as a graph. Rows go into an index, flat or HNSW; then each row asks it for
 * k + 1 rows and leaves itself out. Searches write only what belongs to their row, and weights
 * wait for the scale, which is summed in row order: so runners cannot differ.
 *
 * Known value: the points 0, 1, 3 on a line with k = 1: 0 -> 1, 1 -> 0, 3 -> 1 with D = 1, 1, 4;
 * S = 2; weights 1 / (1 + 1/2) = 2/3 twice, and 1 / (1 + 2) = 1/3.
 */
#include "engine/node/neighbour_graph.h"

#include "engine/graph/bulk.h"
#include "engine/vector/vector.h"

enum {
    NEIGHBOURS_MAX = 1000,
    ROWS_AT_ONCE = 4096, /* between two reports of progress */
    ROWS_A_TASK = 32
};
#define NO_TARGET UINT32_MAX

static const double adding_share = 0.5; /* of the time that it all takes */

typedef struct seeker { /* what a worker needs */
    cg_index_scratch *scratch;
    float *query;       /* [dims] */
    cg_index_hit *hits; /* [k + 1] */
    cg_status status;
} seeker;

typedef struct neighbours {
    const cg_vector_file *file;
    const cg_neighbour_options *options;
    const cg_neighbour_build *build;
    cg_index *index;
    seeker *seekers;
    uint32_t seeker_count;
    uint32_t *targets; /* [count * k], NO_TARGET where there are fewer */
    float *distances;  /* [count * k] */
    uint32_t first;    /* row of the tasks that run */
    double scale;
} neighbours;

cg_neighbour_options cg_neighbour_options_default(void) {
    return (cg_neighbour_options){.neighbours = 10,
                                  .metric = CG_METRIC_L2,
                                  .exact_rows_max = 4096,
                                  .m = 16,
                                  .ef_construction = 100,
                                  .ef = 100,
                                  .seed = 1};
}

static cg_status check(const cg_vector_file *file, const cg_neighbour_options *options,
                       cg_error *error) {
    if (options->neighbours < 1 || options->neighbours > NEIGHBOURS_MAX) {
        return cg_error_set(error, CG_ERROR_INVALID, "neighbours is %u; it must be 1 to %d",
                            options->neighbours, (int)NEIGHBOURS_MAX);
    }
    if (options->neighbours >= file->count) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "neighbours is %u; of %u vectors, each has %u others",
                            options->neighbours, file->count, file->count - 1);
    }
    if (options->metric != CG_METRIC_L2 && options->metric != CG_METRIC_COSINE) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the metric is %d; it must be cosine (0) or L2 (1)",
                            (int)options->metric);
    }
    return CG_OK;
}

static cg_status no_memory(cg_error *error) {
    return cg_error_set(error, CG_ERROR_MEMORY, "no memory for a graph of neighbours");
}

static cg_status report_share(const neighbours *self, double share, cg_error *error) {
    if (self->build->progress && !self->build->progress(self->build->progress_context, share)) {
        return cg_error_set(error, CG_ERROR_INTERRUPTED,
                            "the graph of neighbours was interrupted");
    }
    return CG_OK;
}

/* --- The index. --- */

static cg_status read_rows(const neighbours *self, uint32_t first, uint32_t count, float *rows,
                           cg_error *error) {
    const uint32_t dims = self->file->dims;
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < count; i++) {
        float *row = rows + (size_t)i * dims;
        status = cg_vector_file_row(self->file, first + i, row, error);
        if (status == CG_OK && self->options->metric == CG_METRIC_COSINE &&
            !cg_vector_normalise(row, dims)) {
            status = cg_error_set(error, CG_ERROR_INVALID,
                                  "row %u has no direction (its length is 0, or beyond what a "
                                  "float holds), so it has no cosine",
                                  first + i);
        }
    }
    return status;
}

static cg_status add_rows(neighbours *self, float *rows, cg_error *error) {
    const uint32_t count = self->file->count;
    cg_status status = CG_OK;
    for (uint32_t first = 0; status == CG_OK && first < count; first += ROWS_AT_ONCE) {
        uint32_t some = count - first < ROWS_AT_ONCE ? count - first : ROWS_AT_ONCE;
        status = report_share(self, adding_share * (double)first / (double)count, error);
        if (status == CG_OK) {
            status = read_rows(self, first, some, rows, error);
        }
        if (status == CG_OK) {
            const cg_index_rows added = {.vectors = rows, .count = some};
            status = cg_index_add(self->index, &added, self->build->runner, NULL, error);
        }
        if (count - first <= ROWS_AT_ONCE) {
            break;
        }
    }
    return status;
}

static cg_status build_index(neighbours *self, cg_error *error) {
    const cg_neighbour_options *options = self->options;
    const bool exact = self->file->count <= options->exact_rows_max;
    cg_index_options index =
        cg_index_options_default(exact ? CG_INDEX_FLAT : CG_INDEX_HNSW, self->file->dims);
    index.metric = options->metric;
    index.m = options->m;
    index.ef_construction = options->ef_construction;
    index.seed = options->seed;
    cg_status status = cg_index_alloc(&index, self->build->allocator, &self->index, error);
    if (status != CG_OK) {
        return status;
    }
    const uint32_t most = self->file->count < ROWS_AT_ONCE ? self->file->count : ROWS_AT_ONCE;
    const size_t floats = (size_t)most * self->file->dims;
    float *rows = cg_allocate(&self->build->allocator, floats, sizeof *rows);
    if (!rows) {
        return no_memory(error);
    }
    status = add_rows(self, rows, error);
    cg_deallocate(&self->build->allocator, rows, floats, sizeof *rows);
    return status;
}

/* --- Searching. --- */

static cg_status seek(const neighbours *self, seeker *worker, uint32_t row, cg_error *error) {
    const uint32_t k = self->options->neighbours;
    const cg_index_query query = {.vector = worker->query, .k = k + 1, .ef = self->options->ef};
    uint32_t found = 0;
    cg_index_vector(self->index, row, worker->query);
    cg_status status = cg_index_search(self->index, &query, worker->scratch, worker->hits,
                                       &found, NULL, error);
    if (status != CG_OK) {
        return status;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < found && kept < k; i++) {
        if (worker->hits[i].row != row) {
            self->targets[(size_t)row * k + kept] = worker->hits[i].row;
            self->distances[(size_t)row * k + kept++] = worker->hits[i].distance;
        }
    }
    for (; kept < k; kept++) {
        self->targets[(size_t)row * k + kept] = NO_TARGET;
    }
    return CG_OK;
}

static void seek_some(void *argument, uint32_t index, uint32_t worker) {
    neighbours *self = argument;
    seeker *own = &self->seekers[worker];
    const uint32_t first = self->first + index * ROWS_A_TASK;
    const uint32_t left = self->file->count - first;
    for (uint32_t i = 0; i < left && i < ROWS_A_TASK && own->status == CG_OK; i++) {
        own->status = seek(self, own, first + i, NULL);
    }
}

static cg_status alloc_seekers(neighbours *self, cg_error *error) {
    const cg_allocator *allocator = &self->build->allocator;
    const uint32_t workers = self->build->runner->workers;
    const size_t pairs = (size_t)self->file->count * self->options->neighbours;
    self->targets = cg_allocate(allocator, pairs, sizeof *self->targets);
    self->distances = cg_allocate(allocator, pairs, sizeof *self->distances);
    self->seekers = cg_allocate(allocator, workers, sizeof *self->seekers);
    if (!self->targets || !self->distances || !self->seekers) {
        return no_memory(error);
    }
    self->seeker_count = workers;
    cg_status status = CG_OK;
    for (uint32_t w = 0; status == CG_OK && w < workers; w++) {
        seeker *own = &self->seekers[w];
        own->query = cg_allocate(allocator, self->file->dims, sizeof *own->query);
        own->hits =
            cg_allocate(allocator, (size_t)self->options->neighbours + 1, sizeof *own->hits);
        status = own->query && own->hits
                     ? cg_index_scratch_alloc(*allocator, &own->scratch, error)
                     : no_memory(error);
        if (status == CG_OK) { /* the scratch takes its memory, so that tasks take none */
            status = seek(self, own, 0, error);
        }
    }
    return status;
}

static cg_status seek_all(neighbours *self, cg_error *error) {
    const uint32_t count = self->file->count;
    cg_status status = CG_OK;
    for (self->first = 0; status == CG_OK; self->first += ROWS_AT_ONCE) {
        const uint32_t left = count - self->first;
        const uint32_t some = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
        const double share = (double)self->first / (double)count;
        status = report_share(self, adding_share + share * (1.0 - adding_share), error);
        if (status != CG_OK) {
            return status;
        }
        cg_runner_run(self->build->runner, (some + ROWS_A_TASK - 1) / ROWS_A_TASK, seek_some,
                      self);
        for (uint32_t w = 0; w < self->seeker_count; w++) {
            status = self->seekers[w].status != CG_OK ? self->seekers[w].status : status;
        }
        if (left <= ROWS_AT_ONCE) {
            break;
        }
    }
    return status == CG_OK ? status
                           : cg_error_set(error, status, "the search for neighbours failed");
}

/* --- The graph. --- */

static cg_status measure_scale(neighbours *self, cg_error *error) {
    const uint32_t k = self->options->neighbours;
    double sum = 0.0;
    for (uint32_t row = 0; row < self->file->count; row++) {
        uint32_t last = k;
        while (last > 0 && self->targets[(size_t)row * k + last - 1] == NO_TARGET) {
            last--;
        }
        sum += last > 0 ? (double)self->distances[(size_t)row * k + last - 1] : 0.0;
    }
    self->scale = sum / (double)self->file->count;
    if (self->scale - self->scale != 0.0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "distances between the vectors are beyond what a float holds");
    }
    return CG_OK;
}

/* 1 / (1 + D / S) in steps of 1/256. D is 0 or, by rounding, a little less for equal vectors. */
static uint8_t weight_of(const neighbours *self, float distance) {
    static const double steps = 256.0;
    if (!(distance > 0.0f) || !(self->scale > 0.0)) {
        return UINT8_MAX;
    }
    const double weight = 1.0 / (1.0 + (double)distance / self->scale);
    const uint32_t step = (uint32_t)(weight * steps + 0.5);
    return (uint8_t)(step > 0 ? step - 1 : 0);
}

static cg_status add_concepts(const neighbours *self, cg_graph *graph, uint16_t *type,
                              cg_error *error) {
    cg_status status = cg_bulk_reserve(graph, self->file->count, self->file->count, error);
    if (status == CG_OK) {
        status = cg_graph_add_relation(graph, "near", type, error);
    }
    for (uint32_t row = 0; status == CG_OK && row < self->file->count; row++) {
        uint32_t added = 0;
        status = cg_graph_add_concept(graph, (uint64_t)row + 1, 0, "", &added, error);
    }
    return status;
}

/* Calls count or, with a type, add for each edge. */
static cg_status walk_edges(const neighbours *self, cg_bulk *bulk, const uint16_t *type,
                            cg_error *error) {
    const size_t k = self->options->neighbours;
    const size_t pairs = self->file->count * k;
    cg_status status = CG_OK;
    for (size_t i = 0; status == CG_OK && i < pairs; i++) {
        const uint32_t ends[2] = {(uint32_t)(i / k), self->targets[i]};
        const uint32_t ways = ends[1] == NO_TARGET ? 0 : self->options->inverse ? 2 : 1;
        for (uint32_t way = 0; status == CG_OK && way < ways; way++) {
            if (!type) {
                status = cg_bulk_count(bulk, ends[way], 1, error);
                continue;
            }
            const cg_edge edge = {.target = ends[1 - way],
                                  .type = *type,
                                  .weight = weight_of(self, self->distances[i])};
            status = cg_bulk_add(bulk, ends[way], edge, error);
        }
    }
    return status;
}

static cg_status build_graph(const neighbours *self, cg_graph *graph, cg_bulk_report *report,
                             cg_error *error) {
    uint16_t type = 0;
    cg_bulk *bulk = NULL;
    cg_status status = add_concepts(self, graph, &type, error);
    if (status == CG_OK) {
        status = cg_bulk_alloc(graph, self->build->allocator, &bulk, error);
    }
    if (status == CG_OK) {
        status = walk_edges(self, bulk, NULL, error);
    }
    if (status == CG_OK) {
        status = cg_bulk_place(bulk, error);
    }
    if (status == CG_OK) {
        status = walk_edges(self, bulk, &type, error);
    }
    if (status == CG_OK) {
        status = cg_bulk_finish(bulk, report, error);
    }
    cg_bulk_free(bulk);
    return status;
}

static void free_all(neighbours *self) {
    const cg_allocator *allocator = &self->build->allocator;
    const uint32_t workers = self->build->runner->workers;
    const size_t k = self->options->neighbours;
    const size_t pairs = self->file->count * k;
    for (uint32_t w = 0; w < self->seeker_count; w++) {
        seeker *own = &self->seekers[w];
        cg_index_scratch_free(own->scratch);
        cg_deallocate(allocator, own->query, own->query ? self->file->dims : 0,
                      sizeof *own->query);
        cg_deallocate(allocator, own->hits, own->hits ? k + 1 : 0, sizeof *own->hits);
    }
    cg_deallocate(allocator, self->seekers, self->seekers ? workers : 0, sizeof(seeker));
    cg_deallocate(allocator, self->targets, self->targets ? pairs : 0, sizeof(uint32_t));
    cg_deallocate(allocator, self->distances, self->distances ? pairs : 0, sizeof(float));
    cg_index_free(self->index);
}

cg_status cg_neighbour_graph(const cg_vector_file *file, const cg_neighbour_options *options,
                             const cg_neighbour_build *build, cg_graph **out,
                             cg_neighbour_report *report, cg_error *error) {
    neighbours self = {.file = file, .options = options, .build = build};
    cg_graph *graph = NULL;
    cg_bulk_report bulk = {0};
    cg_status status = check(file, options, error);
    if (status == CG_OK) {
        status = build_index(&self, error);
    }
    if (status == CG_OK) {
        status = alloc_seekers(&self, error);
    }
    if (status == CG_OK) {
        status = seek_all(&self, error);
    }
    if (status == CG_OK) {
        status = measure_scale(&self, error);
    }
    if (status == CG_OK) {
        status = cg_graph_alloc(NULL, build->allocator, &graph, error);
    }
    if (status == CG_OK) {
        status = build_graph(&self, graph, &bulk, error);
    }
    free_all(&self);
    if (status != CG_OK) {
        cg_graph_free(graph);
        return status;
    }
    *out = graph;
    if (report) {
        *report = (cg_neighbour_report){.duplicates = bulk.duplicates, .scale = self.scale};
    }
    return CG_OK;
}
