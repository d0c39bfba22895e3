#include "engine/index/oracle.h"

#include <math.h>

#include "engine/index/index_internal.h"

enum { QUERIES_A_TASK = 64 };

/* A task's memory. */
typedef struct worker {
    float *rows;    /* [CG_INDEX_BLOCK_ROWS * padded] */
    float *queries; /* [QUERIES_A_TASK * padded] */
    uint64_t *keys; /* [QUERIES_A_TASK * k], a heap for each query */
} worker;

typedef struct oracle {
    const cg_oracle_input *input;
    const cg_kernels *kernels;
    cg_index_hit *hits;
    size_t padded; /* floats of a row */
    worker *workers;
    uint32_t worker_count;
} oracle;

/* Padding was zeroed at first and is never written. */
static void copy_padded(const oracle *all, const float *vectors, uint32_t count, float *out) {
    const uint32_t dims = all->input->dims;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(out + i * all->padded, vectors + (size_t)i * dims, dims * sizeof *out);
    }
}

static uint32_t passing_rows(const cg_oracle_input *input, uint32_t first, uint32_t count,
                             uint32_t *places) {
    uint32_t passing = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = first + i;
        places[passing] = i;
        passing += !input->passing_bits || (input->passing_bits[row / 64] >> (row % 64) & 1u);
    }
    return passing;
}

/* places[count]: rows of the block that starts at `first`. Returns how many keys are held. */
static uint32_t compare_block(const oracle *all, const float *query, const cg_row_batch *block,
                              uint32_t first, uint64_t *heap, uint32_t held) {
    float distances[CG_INDEX_BLOCK_ROWS];
    const bool is_l2 = all->input->metric == CG_METRIC_L2;
    (is_l2 ? all->kernels->square_distance_f32_many : all->kernels->dot_f32_many)(query, block,
                                                                                  distances);
    for (uint32_t i = 0; i < block->count; i++) {
        float distance = is_l2 ? distances[i] : 1.0f - distances[i];
        held = cg_keys_keep_nearest(heap, held, all->input->k,
                                    cg_key(distance, first + block->rows[i]));
    }
    return held;
}

static void write_hits(const oracle *all, uint32_t query, uint64_t *heap, uint32_t held) {
    const uint32_t k = all->input->k;
    cg_index_hit *hits = all->hits + (size_t)query * k;
    cg_keys_sort(heap, held);
    for (uint32_t i = 0; i < k; i++) {
        hits[i] = (cg_index_hit){.id = UINT32_MAX, .row = UINT32_MAX, .distance = INFINITY};
        if (i < held) {
            uint32_t row = cg_key_row(heap[i]);
            hits[i] =
                (cg_index_hit){.id = row, .row = row, .distance = cg_key_distance(heap[i])};
        }
    }
}

static void nearest_of_some(void *argument, uint32_t task, uint32_t worker_id) {
    const oracle *all = argument;
    const cg_oracle_input *input = all->input;
    worker *self = &all->workers[worker_id];
    const uint32_t first_query = task * QUERIES_A_TASK;
    const uint32_t left = input->query_count - first_query;
    const uint32_t queries = left < QUERIES_A_TASK ? left : QUERIES_A_TASK;
    uint32_t held[QUERIES_A_TASK] = {0};
    copy_padded(all, input->queries + (size_t)first_query * input->dims, queries,
                self->queries);
    for (uint32_t first = 0; first < input->count; first += CG_INDEX_BLOCK_ROWS) {
        uint32_t places[CG_INDEX_BLOCK_ROWS];
        uint32_t rows = input->count - first;
        rows = rows < CG_INDEX_BLOCK_ROWS ? rows : CG_INDEX_BLOCK_ROWS;
        cg_row_batch block = {.table = self->rows,
                              .stride_bytes = all->padded * sizeof(float),
                              .rows = places,
                              .count = passing_rows(input, first, rows, places),
                              .dims = (uint32_t)all->padded};
        if (block.count == 0) {
            continue;
        }
        copy_padded(all, input->vectors + (size_t)first * input->dims, rows, self->rows);
        for (uint32_t i = 0; i < queries; i++) {
            held[i] = compare_block(all, self->queries + i * all->padded, &block, first,
                                    self->keys + (size_t)i * input->k, held[i]);
        }
    }
    for (uint32_t i = 0; i < queries; i++) {
        write_hits(all, first_query + i, self->keys + (size_t)i * input->k, held[i]);
    }
}

static void oracle_deinit(oracle *all, const cg_allocator *allocator) {
    const size_t row_bytes = all->padded * sizeof(float);
    for (uint32_t i = 0; all->workers && i < all->worker_count; i++) {
        worker *self = &all->workers[i];
        cg_deallocate(allocator, self->keys, (size_t)QUERIES_A_TASK * all->input->k,
                      sizeof *self->keys);
        cg_deallocate_aligned(allocator, self->queries, QUERIES_A_TASK * row_bytes);
        cg_deallocate_aligned(allocator, self->rows, CG_INDEX_BLOCK_ROWS * row_bytes);
    }
    cg_deallocate(allocator, all->workers, all->worker_count, sizeof *all->workers);
}

static bool oracle_init(oracle *all, const cg_allocator *allocator) {
    const size_t row_bytes = all->padded * sizeof(float);
    all->workers = cg_allocate(allocator, all->worker_count, sizeof *all->workers);
    bool is_complete = all->workers != NULL;
    for (uint32_t i = 0; is_complete && i < all->worker_count; i++) {
        worker *self = &all->workers[i];
        self->rows = cg_allocate_aligned(allocator, CG_INDEX_BLOCK_ROWS * row_bytes);
        self->queries = cg_allocate_aligned(allocator, QUERIES_A_TASK * row_bytes);
        self->keys =
            cg_allocate(allocator, (size_t)QUERIES_A_TASK * all->input->k, sizeof *self->keys);
        is_complete = self->rows && self->queries && self->keys;
    }
    return is_complete;
}

cg_status cg_oracle_nearest(const cg_oracle_input *input, const cg_runner *runner,
                            cg_allocator allocator, cg_index_hit *hits, cg_error *error) {
    if (input->k == 0 || input->dims == 0 || input->dims > CG_INDEX_DIMS_MAX) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "the oracle is asked for k = %u of %u dims; k must be at least 1 and "
            "dims in [1, %d]",
            input->k, input->dims, CG_INDEX_DIMS_MAX);
    }
    oracle all = {.input = input,
                  .kernels = cg_kernels_best(),
                  .hits = hits,
                  .padded =
                      cg_precision_row_bytes(CG_PRECISION_F32, input->dims) / sizeof(float),
                  .worker_count = runner->workers};
    cg_status status = CG_OK;
    if (oracle_init(&all, &allocator)) {
        cg_runner_run(runner, (input->query_count + QUERIES_A_TASK - 1) / QUERIES_A_TASK,
                      nearest_of_some, &all);
    } else {
        status = cg_error_set(error, CG_ERROR_MEMORY,
                              "no memory for the %u nearest of %u queries at a time", input->k,
                              QUERIES_A_TASK);
    }
    oracle_deinit(&all, &allocator);
    return status;
}
