/* Flat scans of shards in the order of their bounds; tile_exact.h has the idea and the allowance.
 *
 * Invariant: `hits` holds the nearest of all nodes of the shards scanned, ascending in (distance, id).
 * Ids and not rows break ties: rows of different shards are not comparable.
 */
#include "engine/tile/tile_exact.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/tile/tile_base.h"
#include "engine/tile/tile_order.h"
#include "engine/vector/kernel.h"
#include "engine/vector/vector.h"

enum { BLOCK_ROWS = 128, DIMS_UNIT = 16 };
static const double relative_allowance = 1e-5;
static const double absolute_allowance = 4e-6; /* of 1 - dot; L2 has no cancellation */
static const double unit_length_error = 1e-3;  /* as index.h has it */

typedef struct worker {
    cg_tile_order order;
    float *query; /* [padded], flipped; 64-byte aligned */
} worker;

typedef struct exact {
    const cg_tile_exact_input *input;
    const cg_kernels *kernels;
    cg_allocator allocator;
    cg_index_hit *hits;
    cg_tile_exact_effort *efforts;
    worker *workers;
    cg_status *statuses; /* [query_count] */
    uint32_t worker_count;
    uint32_t padded; /* dims rounded up to what kernels take */
} exact;

static uint32_t padded_dims(const cg_tiling *tiling) {
    return (tiling->law.dims + DIMS_UNIT - 1) / DIMS_UNIT * DIMS_UNIT;
}

static bool is_nearer(cg_index_hit left, cg_index_hit right) {
    return left.distance < right.distance ||
           (left.distance <= right.distance && left.id < right.id);
}

static void offer(cg_index_hit *hits, uint32_t k, cg_index_hit hit) {
    uint32_t place = k - 1;
    if (!is_nearer(hit, hits[place])) {
        return;
    }
    for (; place > 0 && is_nearer(hit, hits[place - 1]); place--) {
        hits[place] = hits[place - 1];
    }
    hits[place] = hit;
}

static void measure(const exact *all, const float *query, const cg_row_batch *batch,
                    float *distances) {
    if (all->input->tiling->metric == CG_METRIC_L2) {
        all->kernels->square_distance_f32_many(query, batch, distances);
        return;
    }
    all->kernels->dot_f32_many(query, batch, distances);
    for (uint32_t i = 0; i < batch->count; i++) {
        distances[i] = 1.0f - distances[i];
    }
}

static void scan(const exact *all, const float *query, const cg_tile_shard *shard,
                 const cg_tile_points *points, cg_index_hit *hits) {
    const uint32_t rows = all->input->tiling->nodes_a_shard;
    const uint32_t k = all->input->k;
    uint32_t places[BLOCK_ROWS];
    float distances[BLOCK_ROWS];
    for (uint32_t i = 0; i < BLOCK_ROWS; i++) {
        places[i] = i;
    }
    for (uint32_t first = 0; first < rows; first += BLOCK_ROWS) {
        uint32_t left = rows - first;
        cg_row_batch batch = {.table = points->vectors + (size_t)first * points->stride,
                              .stride_bytes = points->stride * sizeof(float),
                              .rows = places,
                              .count = left < BLOCK_ROWS ? left : BLOCK_ROWS,
                              .dims = all->padded};
        measure(all, query, &batch, distances);
        for (uint32_t i = 0; i < batch.count; i++) {
            if (distances[i] <= hits[k - 1].distance) {
                offer(hits, k,
                      (cg_index_hit){.id = shard->first_id + first + i,
                                     .row = first + i,
                                     .distance = distances[i]});
            }
        }
    }
}

static double squared_length(const float *vector, uint32_t dims) {
    double squares = 0.0;
    for (uint32_t d = 0; d < dims; d++) {
        squares += (double)vector[d] * (double)vector[d];
    }
    return squares;
}

/* True when no node of a shard with this bound, nor of any later one, can be among the hits. */
static bool is_beyond(const cg_tiling *tiling, double length, double bound, double worst) {
    double least = cg_tiling_bound_distance(tiling, length, bound);
    double allowance = relative_allowance * least;
    allowance += tiling->metric == CG_METRIC_COSINE ? absolute_allowance : 0.0;
    return least - allowance > worst;
}

static cg_status find(exact *all, uint32_t number, worker *own) {
    const cg_tile_exact_input *input = all->input;
    const cg_tiling *tiling = input->tiling;
    const float *query = input->queries + (size_t)number * tiling->law.dims;
    cg_index_hit *hits = all->hits + (size_t)number * input->k;
    const double length = squared_length(query, tiling->law.dims);
    cg_tile_exact_effort effort = {.is_complete = true};
    for (uint32_t i = 0; i < input->k; i++) {
        hits[i] = (cg_index_hit){.id = UINT64_MAX, .row = UINT32_MAX, .distance = INFINITY};
    }
    cg_tile_order_begin(&own->order, tiling, query);
    cg_tile_bound next;
    cg_status status;
    while ((status = cg_tile_order_next(&own->order, &next, NULL)) == CG_OK &&
           !is_beyond(tiling, length, next.bound, (double)hits[input->k - 1].distance)) {
        if (input->shards_max > 0 && effort.shards == input->shards_max) {
            effort.is_complete = false;
            break;
        }
        const cg_tile_shard shard = cg_tile_shard_of(tiling, next.shard);
        const cg_tile_points *points = input->points_of(input->context, shard.base);
        if (!points) {
            return CG_ERROR_MEMORY;
        }
        cg_vector_flip(query, tiling->law.dims, shard.mask.bits, own->query);
        scan(all, own->query, &shard, points, hits);
        effort.shards++;
    }
    if (all->efforts) {
        all->efforts[number] = effort;
    }
    return status == CG_ERROR_NOT_FOUND ? CG_OK : status;
}

static void run_query(void *argument, uint32_t index, uint32_t number) {
    exact *all = argument;
    all->statuses[index] = find(all, index, &all->workers[number]);
}

static cg_status check(const cg_tile_exact_input *input, cg_error *error) {
    const uint32_t dims = input->tiling->law.dims;
    if (input->k == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the oracle is asked for k = 0 neighbours; k must be at least 1");
    }
    for (uint32_t i = 0; i < input->query_count; i++) {
        const float *query = input->queries + (size_t)i * dims;
        double off = squared_length(query, dims) - 1.0;
        bool is_unit = off > -unit_length_error && off < unit_length_error;
        bool is_finite = cg_vector_is_finite(query, dims);
        if (!is_finite || (input->tiling->metric == CG_METRIC_COSINE && !is_unit)) {
            return cg_error_set(error, CG_ERROR_INVALID, "query %u of the %u given: %s", i,
                                input->query_count,
                                is_finite ? "its length is not 1, which cosine asks for"
                                          : "a coordinate is not finite");
        }
    }
    return CG_OK;
}

static cg_status take_memory(exact *all, cg_error *error) {
    const size_t query_bytes = all->padded * sizeof(float);
    all->statuses =
        cg_allocate(&all->allocator, all->input->query_count, sizeof *all->statuses);
    all->workers = cg_allocate(&all->allocator, all->worker_count, sizeof *all->workers);
    bool is_short = !all->workers || !all->statuses;
    for (uint32_t i = 0; all->workers && i < all->worker_count; i++) {
        cg_tile_order_init(&all->workers[i].order, all->allocator);
        all->workers[i].query = cg_allocate_aligned(&all->allocator, query_bytes);
        is_short = is_short || !all->workers[i].query;
    }
    return is_short ? cg_error_set(error, CG_ERROR_MEMORY,
                                   "no memory for the oracle of %u queries on %u workers",
                                   all->input->query_count, all->worker_count)
                    : CG_OK;
}

static void give_back(exact *all) {
    for (uint32_t i = 0; all->workers && i < all->worker_count; i++) {
        cg_tile_order_deinit(&all->workers[i].order);
        cg_deallocate_aligned(&all->allocator, all->workers[i].query,
                              all->padded * sizeof(float));
    }
    cg_deallocate(&all->allocator, all->workers, all->worker_count, sizeof *all->workers);
    cg_deallocate(&all->allocator, all->statuses, all->input->query_count,
                  sizeof *all->statuses);
}

cg_status cg_tile_exact(const cg_tile_exact_input *input, const cg_runner *runner,
                        cg_allocator allocator, cg_index_hit *hits,
                        cg_tile_exact_effort *efforts, cg_error *error) {
    cg_status status = check(input, error);
    if (status != CG_OK || input->query_count == 0) {
        return status;
    }
    exact all = {.input = input,
                 .kernels = cg_kernels_best(),
                 .allocator = allocator,
                 .hits = hits,
                 .efforts = efforts,
                 .worker_count = runner->workers,
                 .padded = padded_dims(input->tiling)};
    status = take_memory(&all, error);
    if (status == CG_OK) {
        cg_runner_run(runner, input->query_count, run_query, &all);
        for (uint32_t i = 0; i < input->query_count && status == CG_OK; i++) {
            status = all.statuses[i] == CG_OK
                         ? CG_OK
                         : cg_error_set(error, all.statuses[i],
                                        "no memory for the oracle's query %u, or for the "
                                        "vectors of a base that it asks for",
                                        i);
        }
    }
    give_back(&all);
    return status;
}

cg_status cg_tile_points_alloc(const cg_tiling *tiling, uint32_t base, const cg_runner *runner,
                               cg_allocator allocator, cg_tile_points *out, cg_error *error) {
    cg_tile_points points = {.stride = padded_dims(tiling)};
    const size_t bytes = tiling->nodes_a_shard * points.stride * sizeof *points.vectors;
    points.vectors = cg_allocate_aligned(&allocator, bytes);
    if (!points.vectors) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for the %zu bytes of a base",
                            bytes);
    }
    cg_tiling_draw_base(tiling, base, runner, points);
    *out = points;
    return CG_OK;
}

void cg_tile_points_free(cg_tile_points *points, const cg_tiling *tiling,
                         cg_allocator allocator) {
    cg_deallocate_aligned(&allocator, points->vectors,
                          tiling->nodes_a_shard * points->stride * sizeof *points->vectors);
    *points = (cg_tile_points){0};
}
