/* How fast are the indexes, and how good? Flat and HNSW against hnswlib with the same m,
 * ef_construction, ef and number of threads. Vectors: a 24-dimensional Gaussian, laid into 128
 * dimensions by a fixed random orthonormal map, with 1% of noise, at unit length; queries are
 * fresh draws of the same law. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/math.h"
#include "engine/index/index.h"
#include "engine/vector/kernel.h"
#include "tests/bench/bench.h"
#include "tests/bench/peer_hnswlib.h"
#include "tests/support/runner.h"

enum {
    DIMS = 128,
    INNER_DIMS = 24,
    QUERIES = 400,
    K = 10,
    M = 16,
    EF_CONSTRUCTION = 100,
    WORKERS = 2,
    SIZES = 2,
    EFS = 4
};
static const uint32_t sizes[SIZES] = {10000, 50000};
static const uint32_t build_turns[SIZES] = {3, 1};
static const uint32_t efs[EFS] = {20, 50, 100, 200};

#ifndef BENCH_PEER_HNSWLIB
/* Without the peer's header nothing is compared. */
static peer_index *peer_hnswlib_build(const peer_rows *rows, uint32_t m,
                                      uint32_t ef_construction, uint32_t threads) {
    (void)rows;
    (void)m;
    (void)ef_construction;
    (void)threads;
    return NULL;
}
static bool peer_hnswlib_search(peer_index *index, const float *query, uint32_t k, uint32_t ef,
                                float *distances) {
    (void)index;
    (void)query;
    (void)k;
    (void)ef;
    (void)distances;
    return false;
}
static void peer_hnswlib_free(peer_index *index) {
    (void)index;
}
#endif

typedef struct bench_subject {
    cg_index *ours;
    peer_index *peer; /* NULL: none */
    cg_index_scratch *scratch;
    uint32_t ef;
} bench_subject;

static void draw_axes(cg_stream *stream, float axes[INNER_DIMS][DIMS]) {
    for (int i = 0; i < INNER_DIMS; i++) {
        for (int d = 0; d < DIMS; d++) {
            axes[i][d] = (float)cg_stream_next_normal(stream);
        }
        for (int j = 0; j < i; j++) { /* Gram-Schmidt */
            float along = cg_kernels_best()->dot_f32(axes[i], axes[j], DIMS);
            for (int d = 0; d < DIMS; d++) {
                axes[i][d] -= along * axes[j][d];
            }
        }
        (void)cg_vector_normalise(axes[i], DIMS);
    }
}

static float *draw_vectors(uint32_t count) {
    float *vectors = calloc((size_t)count * DIMS, sizeof *vectors);
    if (!vectors) {
        return NULL;
    }
    static float axes[INNER_DIMS][DIMS];
    cg_stream stream = cg_stream_init(1, "bench.index", 0);
    draw_axes(&stream, axes);
    const double noise = 0.01 * cg_sqrt((double)INNER_DIMS / DIMS);
    for (uint32_t i = 0; i < count; i++) {
        float *vector = vectors + (size_t)i * DIMS;
        for (int axis = 0; axis < INNER_DIMS; axis++) {
            float along = (float)cg_stream_next_normal(&stream);
            for (int d = 0; d < DIMS; d++) {
                vector[d] += along * axes[axis][d];
            }
        }
        for (int d = 0; d < DIMS; d++) {
            vector[d] += (float)(noise * cg_stream_next_normal(&stream));
        }
        (void)cg_vector_normalise(vector, DIMS);
    }
    return vectors;
}

/* Distances of the K nearest, float[QUERIES * K]; returns queries a second, negative after a
 * failure. */
static double search_ours(const bench_subject *subject, const float *queries,
                          float *distances) {
    double start_s = bench_now_s();
    for (uint32_t i = 0; i < QUERIES; i++) {
        cg_index_query query = {
            .vector = queries + (size_t)i * DIMS, .k = K, .ef = subject->ef};
        cg_index_hit hits[K];
        uint32_t found = 0;
        cg_error error;
        if (cg_index_search(subject->ours, &query, subject->scratch, hits, &found, NULL,
                            &error) != CG_OK) {
            (void)fprintf(stderr, "search: %s\n", error.message);
            return -1.0;
        }
        for (uint32_t j = 0; j < K; j++) {
            distances[i * K + j] = j < found ? hits[j].distance : INFINITY;
        }
    }
    return QUERIES / (bench_now_s() - start_s);
}

static double search_peer(const bench_subject *subject, const float *queries,
                          float *distances) {
    double start_s = bench_now_s();
    for (uint32_t i = 0; i < QUERIES && subject->peer; i++) {
        for (uint32_t j = 0; j < K; j++) {
            distances[i * K + j] = INFINITY;
        }
        if (!peer_hnswlib_search(subject->peer, queries + (size_t)i * DIMS, K, subject->ef,
                                 distances + (size_t)i * K)) {
            (void)fprintf(stderr, "search: hnswlib failed\n");
            return -1.0;
        }
    }
    return subject->peer ? QUERIES / (bench_now_s() - start_s) : (double)NAN;
}

/* Share of results no farther than the true K-th; the margin allows for the peer's order of
 * summation. */
static double recall(const float *distances, const float *truth) {
    uint32_t good = 0;
    for (uint32_t i = 0; i < QUERIES * K; i++) {
        good += distances[i] <= truth[i / K * K + K - 1] + 1e-6f;
    }
    return good / (double)(QUERIES * K);
}

static bool bench_search(const bench_subject *subject, const float *queries, const char *name,
                         const float *truth, float *ours) {
    static float peers[QUERIES * K];
    bench_series speed = {.turns = BENCH_TURNS_MAX};
    char metric[96];
    for (uint32_t turn = 0; turn < speed.turns; turn++) {
        speed.ours[turn] = search_ours(subject, queries, ours);
        speed.peer[turn] = search_peer(subject, queries, peers);
        if (speed.ours[turn] < 0.0 || speed.peer[turn] < 0.0) {
            return false;
        }
    }
    (void)snprintf(metric, sizeof metric, "%s_search", name);
    bench_row("index", metric, &speed, "queries/s");
    if (truth) {
        bench_series quality = {.turns = 1};
        quality.ours[0] = recall(ours, truth);
        quality.peer[0] = subject->peer ? recall(peers, truth) : (double)NAN;
        (void)snprintf(metric, sizeof metric, "%s_recall_at_10", name);
        bench_row("index", metric, &quality, "share");
    }
    return true;
}

static bool build_ours(cg_index_kind kind, const peer_rows *rows, bench_subject *subject) {
    cg_index_options options = cg_index_options_default(kind, DIMS);
    options.m = M;
    options.ef_construction = EF_CONSTRUCTION;
    uint32_t workers = WORKERS;
    cg_runner runner = support_threads(&workers);
    cg_error error;
    cg_index_free(subject->ours);
    subject->ours = NULL;
    if (cg_index_alloc(&options, cg_allocator_heap(), &subject->ours, &error) != CG_OK ||
        cg_index_add(subject->ours, rows->rows, rows->count, &runner, NULL, &error) != CG_OK) {
        (void)fprintf(stderr, "build: %s\n", error.message);
        return false;
    }
    return true;
}

static bool bench_build(cg_index_kind kind, const peer_rows *rows, const char *name,
                        uint32_t turns, bench_subject *subject) {
    bench_series speed = {.turns = turns};
    for (uint32_t turn = 0; turn < turns; turn++) {
        double start_s = bench_now_s();
        if (!build_ours(kind, rows, subject)) {
            return false;
        }
        double middle_s = bench_now_s();
        peer_hnswlib_free(subject->peer);
        subject->peer =
            peer_hnswlib_build(rows, kind == CG_INDEX_HNSW ? M : 0, EF_CONSTRUCTION, WORKERS);
        speed.ours[turn] = rows->count / (middle_s - start_s);
        speed.peer[turn] =
            subject->peer ? rows->count / (bench_now_s() - middle_s) : (double)NAN;
    }
    char metric[96];
    (void)snprintf(metric, sizeof metric, "%s_build", name);
    bench_row("index", metric, &speed, "inserts/s");
    return true;
}

static bool bench_size(const float *vectors, const float *queries, int size,
                       bench_subject *subject) {
    static float truth[QUERIES * K];
    static float distances[QUERIES * K];
    peer_rows rows = {.rows = vectors, .count = sizes[size], .dims = DIMS};
    char name[64];
    (void)snprintf(name, sizeof name, "flat_n%uk", rows.count / 1000);
    if (!bench_build(CG_INDEX_FLAT, &rows, name, 1, subject) ||
        !bench_search(subject, queries, name, NULL, truth)) {
        return false;
    }
    (void)snprintf(name, sizeof name, "hnsw_n%uk", rows.count / 1000);
    if (!bench_build(CG_INDEX_HNSW, &rows, name, build_turns[size], subject)) {
        return false;
    }
    for (int i = 0; i < EFS; i++) {
        subject->ef = efs[i];
        (void)snprintf(name, sizeof name, "hnsw_n%uk_ef%u", rows.count / 1000, efs[i]);
        if (!bench_search(subject, queries, name, truth, distances)) {
            return false;
        }
    }
    return true;
}

bool bench_index(void) {
    printf("# index: %d dims (Gaussian of %d), cosine, m %d, ef_construction %d, %d build "
           "threads, "
           "%d queries on one thread, k %d, kernels %s\n",
           DIMS, INNER_DIMS, M, EF_CONSTRUCTION, WORKERS, QUERIES, K, cg_kernels_best()->name);
#ifdef BENCH_PEER_HNSWLIB
    printf("# index: peer hnswlib, -O3 -march=native, same m, ef_construction, ef, threads\n");
#else
    printf("# index: no peer; install libhnswlib-dev and configure again\n");
#endif
    uint32_t most = sizes[SIZES - 1];
    float *vectors = draw_vectors(most + QUERIES);
    bench_subject subject = {0};
    cg_error error;
    bool is_fine = vectors && cg_index_scratch_alloc(cg_allocator_heap(), &subject.scratch,
                                                     &error) == CG_OK;
    if (!is_fine) {
        (void)fprintf(stderr, "bench index: no memory for %u vectors\n", most + QUERIES);
    }
    for (int size = 0; size < SIZES && is_fine; size++) {
        is_fine = bench_size(vectors, vectors + (size_t)most * DIMS, size, &subject);
    }
    cg_index_scratch_free(subject.scratch);
    cg_index_free(subject.ours);
    peer_hnswlib_free(subject.peer);
    free(vectors);
    return is_fine;
}
