/* Regions of vectors: k-means (Lloyd 1982) from k-means++ seeds (Arthur & Vassilvitskii, SODA 2007),
 * and a division among its centroids in which none gets much more than its share.
 *
 *   seeds      the first at random; each further one with probability proportional to the squared
 *              distance to the nearest seed so far
 *   Lloyd      ROUNDS times: each vector goes to its nearest centroid, each centroid to the mean of
 *              its vectors; one without vectors stays where it is
 *   division   vectors in descending order of what it would cost them to be sent away (distance to
 *              the second centroid less that to the first), each to the nearest centroid with room
 *
 * Means are summed in double, in row order, so any number of workers comes to the same bits. Ties fall
 * to the smaller centroid and to the smaller row.
 * Known value: of the vectors 0, 1, 2, 10, 11, 12 on one axis two clusters are {0, 1, 2} and
 * {10, 11, 12}, with centroids 1 and 11, whatever the seed.
 */
#include "engine/base/prng.h"
#include "engine/index/shard_internal.h"

enum { ROUNDS = 12, TASK_ROWS = 512, BLOCK = CG_INDEX_BLOCK_ROWS };

/* Two nearest centroids of a vector. */
typedef struct nearest {
    float first;
    float second; /* of another centroid; the first again where there is but one */
    uint32_t at;
} nearest;

typedef struct clustering {
    const cg_cluster_table *table;
    const cg_kernels *kernels;
    const float *centroids;
    uint32_t k;
    nearest *found; /* [count] */
} clustering;

static const float *row_of(const cg_cluster_table *table, uint32_t row) {
    return table->vectors + (size_t)row * table->padded;
}

static nearest look(const clustering *self, const float *vector) {
    nearest best = {0};
    bool has_second = false;
    for (uint32_t from = 0; from < self->k; from += BLOCK) {
        uint32_t places[BLOCK];
        float distances[BLOCK];
        uint32_t count = self->k - from < BLOCK ? self->k - from : (uint32_t)BLOCK;
        for (uint32_t i = 0; i < count; ++i) {
            places[i] = from + i;
        }
        cg_row_batch batch = {.table = self->centroids,
                              .stride_bytes = self->table->padded * sizeof(float),
                              .rows = places,
                              .count = count,
                              .dims = self->table->padded};
        self->kernels->square_distance_f32_many(vector, &batch, distances);
        for (uint32_t i = 0; i < count; ++i) {
            if (from + i == 0 || distances[i] < best.first) {
                has_second = from + i > 0;
                best.second = best.first;
                best.first = distances[i];
                best.at = from + i;
            } else if (!has_second || distances[i] < best.second) {
                has_second = true;
                best.second = distances[i];
            }
        }
    }
    best.second = has_second ? best.second : best.first;
    return best;
}

static void look_task(void *argument, uint32_t task, uint32_t worker) {
    (void)worker;
    const clustering *self = argument;
    uint32_t end = (task + 1) * TASK_ROWS;
    end = end < self->table->count ? end : self->table->count;
    for (uint32_t row = task * TASK_ROWS; row < end; ++row) {
        self->found[row] = look(self, row_of(self->table, row));
    }
}

static void look_all(clustering *self, const cg_runner *runner) {
    cg_runner_run(runner, (self->table->count + TASK_ROWS - 1) / TASK_ROWS, look_task, self);
}

/* found[].first holds the distance to the nearest seed so far. */
static void seed_centroids(const clustering *self, uint64_t seed, float *centroids) {
    const cg_cluster_table *table = self->table;
    const size_t row_bytes = cg_cluster_bytes(1, table->padded);
    cg_stream stream = cg_stream_init(seed, "index.cluster", 0);
    uint32_t chosen = (uint32_t)cg_stream_next_below(&stream, table->count);
    for (uint32_t c = 0;; ++c) {
        float *centroid = centroids + (size_t)c * table->padded;
        double total = 0.0;
        memcpy(centroid, row_of(table, chosen), row_bytes);
        if (c + 1 == self->k) {
            return;
        }
        for (uint32_t row = 0; row < table->count; ++row) {
            float distance =
                self->kernels->square_distance_f32(centroid, row_of(table, row), table->padded);
            nearest *found = &self->found[row];
            found->first = c == 0 || distance < found->first ? distance : found->first;
            total += (double)found->first;
        }
        double left = cg_stream_next_unit(&stream) * total;
        for (chosen = 0; chosen + 1 < table->count; ++chosen) {
            left -= (double)self->found[chosen].first;
            if (left < 0.0) {
                break;
            }
        }
    }
}

static void move_centroids(const clustering *self, double *sums, uint32_t *counts,
                           float *centroids) {
    const cg_cluster_table *table = self->table;
    memset(sums, 0, (size_t)self->k * table->padded * sizeof *sums);
    memset(counts, 0, self->k * sizeof *counts);
    for (uint32_t row = 0; row < table->count; ++row) {
        const float *vector = row_of(table, row);
        double *sum = sums + (size_t)self->found[row].at * table->padded;
        for (uint32_t d = 0; d < table->padded; ++d) {
            sum[d] += (double)vector[d];
        }
        counts[self->found[row].at]++;
    }
    for (uint32_t c = 0; c < self->k; ++c) {
        for (uint32_t d = 0; counts[c] > 0 && d < table->padded; ++d) {
            size_t at = (size_t)c * table->padded + d;
            centroids[at] = (float)(sums[at] / (double)counts[c]);
        }
    }
}

cg_status cg_cluster_centroids(const cg_cluster_table *table, uint32_t k, uint64_t seed,
                               const cg_runner *runner, const cg_allocator *allocator,
                               float *centroids, cg_error *error) {
    clustering self = {
        .table = table, .kernels = cg_kernels_best(), .centroids = centroids, .k = k};
    double *sums = cg_allocate(allocator, (size_t)k * table->padded, sizeof *sums);
    uint32_t *counts = cg_allocate(allocator, k, sizeof *counts);
    self.found = cg_allocate(allocator, table->count, sizeof *self.found);
    cg_status status = CG_OK;
    if (sums && counts && self.found) {
        seed_centroids(&self, seed, centroids);
        for (uint32_t round = 0; round < ROUNDS; ++round) {
            look_all(&self, runner);
            move_centroids(&self, sums, counts, centroids);
        }
    } else {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u clusters of %u vectors",
                              k, table->count);
    }
    cg_deallocate(allocator, sums, sums ? (size_t)k * table->padded : 0, sizeof *sums);
    cg_deallocate(allocator, counts, counts ? k : 0, sizeof *counts);
    cg_deallocate(allocator, self.found, self.found ? table->count : 0, sizeof *self.found);
    return status;
}

/* The nearest centroid that has room. */
static uint32_t nearest_free(const clustering *self, const float *vector,
                             const uint32_t *room) {
    uint32_t best = UINT32_MAX;
    float least = 0.0f;
    for (uint32_t c = 0; c < self->k; ++c) {
        if (room[c] == 0) {
            continue;
        }
        float distance = self->kernels->square_distance_f32(
            vector, self->centroids + (size_t)c * self->table->padded, self->table->padded);
        if (best == UINT32_MAX || distance < least) {
            best = c;
            least = distance;
        }
    }
    CG_ASSERT(best != UINT32_MAX);
    return best;
}

cg_status cg_cluster_divide(const cg_cluster_table *table, const float *centroids, uint32_t k,
                            const cg_runner *runner, const cg_allocator *allocator,
                            uint32_t *owners, cg_error *error) {
    clustering self = {
        .table = table, .kernels = cg_kernels_best(), .centroids = centroids, .k = k};
    uint32_t *room = cg_allocate(allocator, k, sizeof *room);
    uint64_t *order = cg_allocate(allocator, table->count, sizeof *order);
    self.found = cg_allocate(allocator, table->count, sizeof *self.found);
    cg_status status = CG_OK;
    if (room && order && self.found) {
        const uint32_t share = (table->count + k - 1) / k;
        for (uint32_t c = 0; c < k; ++c) {
            room[c] = share + share / 16;
        }
        look_all(&self, runner);
        for (uint32_t row = 0; row < table->count; ++row) {
            order[row] = cg_key(self.found[row].first - self.found[row].second, row);
        }
        cg_keys_sort(order, table->count);
        for (uint32_t i = 0; i < table->count; ++i) {
            uint32_t row = cg_key_row(order[i]);
            uint32_t at = self.found[row].at;
            at = room[at] > 0 ? at : nearest_free(&self, row_of(table, row), room);
            room[at]--;
            owners[row] = at;
        }
    } else {
        status = cg_error_set(error, CG_ERROR_MEMORY, "no memory to divide %u vectors",
                              table->count);
    }
    cg_deallocate(allocator, room, room ? k : 0, sizeof *room);
    cg_deallocate(allocator, order, order ? table->count : 0, sizeof *order);
    cg_deallocate(allocator, self.found, self.found ? table->count : 0, sizeof *self.found);
    return status;
}
