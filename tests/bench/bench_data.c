#include "tests/bench/bench_data.h"

#include <stdio.h>

#include "engine/base/math.h"
#include "engine/base/prng.h"
#include "engine/index/oracle.h"
#include "engine/vector/kernel.h"
#include "engine/vector/vector.h"
#include "sim/memory/huge_pages.h"

enum {
    SEED = 1,
    DRAW_ROWS = 1024, /* rows of one stream */
    QUERY_BYTES = BENCH_QUERIES * BENCH_DIMS * (int)sizeof(float)
};

const char *bench_law_name(bench_law law) {
    return law == BENCH_HARD ? "hard" : "clustered";
}

/* --- drawing --- */

typedef struct draw_job {
    const char *stream_name;
    float axes[BENCH_INNER_DIMS][BENCH_DIMS]; /* orthonormal */
    float *centres;                           /* [clusters * BENCH_INNER_DIMS] */
    uint32_t clusters;                        /* 0: one Gaussian about the origin */
    float *vectors;
    uint32_t count;
} draw_job;

/* Box and Muller, both halves: a set of a million takes 152 million of them. */
static void draw_normals(cg_stream *stream, float *out, uint32_t count) {
    for (uint32_t i = 0; i < count; i += 2) {
        double radius = cg_sqrt(-2.0 * cg_log(1.0 - cg_stream_next_unit(stream)));
        double sine = 0.0;
        double cosine = 0.0;
        cg_sincos_turn(cg_stream_next_unit(stream), &sine, &cosine);
        out[i] = (float)(radius * cosine);
        if (i + 1 < count) {
            out[i + 1] = (float)(radius * sine);
        }
    }
}

static void draw_axes(float axes[BENCH_INNER_DIMS][BENCH_DIMS]) {
    const cg_kernels *kernels = cg_kernels_best();
    cg_stream stream = cg_stream_init(SEED, "bench.index.axes", 0);
    for (int i = 0; i < BENCH_INNER_DIMS; i++) {
        draw_normals(&stream, axes[i], BENCH_DIMS);
        for (int j = 0; j < i; j++) { /* Gram-Schmidt */
            float along = kernels->dot_f32(axes[i], axes[j], BENCH_DIMS);
            for (int d = 0; d < BENCH_DIMS; d++) {
                axes[i][d] -= along * axes[j][d];
            }
        }
        (void)cg_vector_normalise(axes[i], BENCH_DIMS);
    }
}

static void draw_point(const draw_job *job, cg_stream *stream, float *vector) {
    float inner[BENCH_INNER_DIMS];
    draw_normals(stream, inner, BENCH_INNER_DIMS);
    if (job->clusters > 0) {
        const float *centre =
            job->centres + cg_stream_next_below(stream, job->clusters) * BENCH_INNER_DIMS;
        for (int i = 0; i < BENCH_INNER_DIMS; i++) {
            inner[i] = centre[i] + BENCH_SPREAD * inner[i];
        }
    }
    draw_normals(stream, vector, BENCH_DIMS);
    for (int d = 0; d < BENCH_DIMS; d++) {
        vector[d] *= BENCH_NOISE;
    }
    for (int i = 0; i < BENCH_INNER_DIMS; i++) {
        for (int d = 0; d < BENCH_DIMS; d++) {
            vector[d] += inner[i] * job->axes[i][d];
        }
    }
}

static void draw_block(void *argument, uint32_t block, uint32_t worker) {
    (void)worker;
    const draw_job *job = argument;
    cg_stream stream = cg_stream_init(SEED, job->stream_name, block);
    uint32_t end = job->count - block * DRAW_ROWS;
    end = block * DRAW_ROWS + (end < DRAW_ROWS ? end : DRAW_ROWS);
    for (uint32_t row = block * DRAW_ROWS; row < end; row++) {
        draw_point(job, &stream, job->vectors + (size_t)row * BENCH_DIMS);
    }
}

static void draw_points(draw_job *job, const char *stream_name, float *vectors, uint32_t count,
                        const cg_runner *runner) {
    job->stream_name = stream_name;
    job->vectors = vectors;
    job->count = count;
    cg_runner_run(runner, (count + DRAW_ROWS - 1) / DRAW_ROWS, draw_block, job);
}

/* False when memory is out. */
static bool draw(bench_data *data, const cg_runner *runner) {
    cg_allocator heap = cg_allocator_heap();
    draw_job job = {.clusters = 0};
    draw_axes(job.axes);
    if (data->law == BENCH_CLUSTERED) {
        job.clusters = (uint32_t)cg_sqrt((double)data->count);
        job.centres = cg_allocate(&heap, job.clusters, BENCH_INNER_DIMS * sizeof *job.centres);
        if (!job.centres) {
            return false;
        }
        cg_stream stream = cg_stream_init(SEED, "bench.index.centres", job.clusters);
        draw_normals(&stream, job.centres, job.clusters * BENCH_INNER_DIMS);
    }
    draw_points(&job, "bench.index.rows", data->vectors, data->count, runner);
    draw_points(&job, "bench.index.queries", data->queries, BENCH_QUERIES, runner);
    cg_deallocate(&heap, job.centres, job.clusters, BENCH_INNER_DIMS * sizeof *job.centres);
    return true;
}

bool bench_data_init(bench_data *data, bench_law law, uint32_t count, const cg_runner *runner) {
    cg_allocator allocator = sim_allocator_huge_pages();
    *data = (bench_data){.law = law, .count = count};
    data->vectors =
        cg_allocate_aligned(&allocator, (size_t)count * BENCH_DIMS * sizeof *data->vectors);
    data->queries = cg_allocate_aligned(&allocator, QUERY_BYTES);
    if (!data->vectors || !data->queries || !draw(data, runner)) {
        (void)fprintf(stderr, "bench: no memory for %u vectors\n", count);
        bench_data_deinit(data);
        return false;
    }
    if (!bench_truth_find(data, NULL, runner, &data->truth)) {
        bench_data_deinit(data);
        return false;
    }
    return true;
}

void bench_data_deinit(bench_data *data) {
    cg_allocator allocator = sim_allocator_huge_pages();
    cg_deallocate_aligned(&allocator, data->vectors,
                          (size_t)data->count * BENCH_DIMS * sizeof *data->vectors);
    cg_deallocate_aligned(&allocator, data->queries, QUERY_BYTES);
    *data = (bench_data){.count = 0};
}

/* --- truth --- */

bool bench_truth_find(const bench_data *data, const uint64_t *passing_bits,
                      const cg_runner *runner, bench_truth *out) {
    cg_allocator heap = cg_allocator_heap();
    const size_t hit_count = (size_t)BENCH_QUERIES * BENCH_K;
    cg_index_hit *hits = cg_allocate(&heap, hit_count, sizeof *hits);
    cg_oracle_input input = {.metric = CG_METRIC_L2,
                             .dims = BENCH_DIMS,
                             .vectors = data->vectors,
                             .count = data->count,
                             .queries = data->queries,
                             .query_count = BENCH_QUERIES,
                             .k = BENCH_K,
                             .passing_bits = passing_bits};
    cg_error error = {.message = "no memory"};
    bool is_fine =
        hits && cg_oracle_nearest(&input, runner, cg_allocator_heap(), hits, &error) == CG_OK;
    if (is_fine) {
        out->wanted = 0;
        while (out->wanted < BENCH_K && hits[out->wanted].row != UINT32_MAX) {
            out->wanted++;
        }
        for (uint32_t q = 0; q < BENCH_QUERIES; q++) {
            out->farthest[q] = hits[(size_t)q * BENCH_K + BENCH_K - 1].distance;
        }
    } else {
        (void)fprintf(stderr, "bench: oracle: %s\n", error.message);
    }
    cg_deallocate(&heap, hits, hit_count, sizeof *hits);
    return is_fine;
}

double bench_recall(const bench_data *data, const bench_truth *truth, const uint32_t *found) {
    const cg_kernels *kernels = cg_kernels_best();
    uint32_t good = 0;
    for (uint32_t q = 0; q < BENCH_QUERIES; q++) {
        const uint32_t *rows = found + (size_t)q * BENCH_K;
        for (uint32_t i = 0; i < BENCH_K; i++) {
            bool is_new = rows[i] < data->count;
            for (uint32_t j = 0; j < i; j++) {
                is_new = is_new && rows[j] != rows[i];
            }
            if (is_new) {
                float distance = kernels->square_distance_f32(
                    data->queries + (size_t)q * BENCH_DIMS,
                    data->vectors + (size_t)rows[i] * BENCH_DIMS, BENCH_DIMS);
                good += distance <= truth->farthest[q];
            }
        }
    }
    return good / ((double)BENCH_QUERIES * truth->wanted);
}
