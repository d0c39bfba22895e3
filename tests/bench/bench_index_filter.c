/* What does a filter cost? Searches for the nearest among the rows whose ids pass a predicate, at
 * 100K rows of the hard set, when 50%, 10%, 1% and 0.1% of them pass, drawn by a hash.
 *
 * There is no peer: a filtered search competes with what one could do without it, which is to
 * compare the passing rows one by one, where they stand ("scan"), and to search without the
 * filter. So in these rows "peer" is one of the two, or the better of them. For comparison stands
 * also a flat index of copies of the passing rows ("copies"): what a filter known in advance is
 * worth. All at a recall@10 of 0.95 (1 where rows are compared one by one): the filtered search
 * runs at the least ef that reaches 0.95 of what passes; another row says what it reaches at the
 * ef that suffices without a filter. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/vector/kernel.h"
#include "sim/memory/huge_pages.h"
#include "tests/bench/bench_index.h"

enum { ROWS = 100000, SHARES = 4, FILTER_SEED = 1, SCAN_ROWS = 256 };
#define RECALL 0.95
static const double shares[SHARES] = {0.5, 0.1, 0.01, 0.001};
static const char bench[] = "index-filter";
static const bench_form flat_form = {
    .name = "f32", .codes = CG_PRECISION_F32, .fuller = CG_PRECISION_F32};

typedef struct filter_round {
    bench_data data;
    cg_runner runner;
    const cg_kernels *kernels;
    cg_index *index;
    cg_index_scratch *scratch;
    bench_width open; /* without a filter */
    double share;
    /* of this share */
    uint32_t *rows;                          /* those that pass, [passing] */
    uint64_t passing_bits[(ROWS + 63) / 64]; /* the same */
    uint32_t passing;
    bench_truth truth;
    cg_index *copies; /* a flat index of those rows alone */
    cg_row_set *set;
    double set_s; /* to make it */
} filter_round;

static bool passes(void *context, uint64_t id) {
    const filter_round *round = context;
    return (double)cg_hash_u64(id, FILTER_SEED) < round->share * 0x1p64;
}

static bool build_copies(filter_round *round) {
    float *vectors = malloc(((size_t)round->passing + 1) * BENCH_DIMS * sizeof *vectors);
    if (!vectors) {
        return false;
    }
    for (uint32_t i = 0; i < round->passing; i++) {
        for (uint32_t d = 0; d < BENCH_DIMS; d++) {
            vectors[(size_t)i * BENCH_DIMS + d] =
                round->data.vectors[(size_t)round->rows[i] * BENCH_DIMS + d];
        }
    }
    bench_data some = {.law = BENCH_HARD, .count = round->passing, .vectors = vectors};
    double seconds = 0.0;
    bool is_fine = bench_build_ours(CG_INDEX_FLAT, &flat_form, &some, &round->runner,
                                    &round->copies, &seconds);
    free(vectors);
    return is_fine;
}

/* Everything of a share but the searches. */
static bool prepare(filter_round *round) {
    round->passing = 0;
    memset(round->passing_bits, 0, sizeof round->passing_bits);
    for (uint32_t row = 0; row < round->data.count; row++) {
        if (passes(round, row)) {
            round->rows[round->passing++] = row;
            round->passing_bits[row / 64] |= UINT64_C(1) << (row % 64);
        }
    }
    if (!bench_truth_find(&round->data, round->passing_bits, &round->runner, &round->truth)) {
        return false;
    }
    double start_s = bench_now_s();
    cg_error error;
    if (cg_row_set_alloc(round->index, passes, round, sim_allocator_huge_pages(), &round->set,
                         &error) != CG_OK) {
        (void)fprintf(stderr, "bench: row set: %s\n", error.message);
        return false;
    }
    round->set_s = bench_now_s() - start_s;
    if (cg_row_set_count(round->set) != round->passing) {
        (void)fprintf(stderr, "bench: %u rows pass, and the set has %u\n", round->passing,
                      cg_row_set_count(round->set));
        return false;
    }
    return build_copies(round);
}

/* Puts a row among the nearest, rows[BENCH_K] and distances[BENCH_K], ascending; its distance is
 * less than the last. */
static void take_in(uint32_t *rows, float *distances, uint32_t row, float distance) {
    int place = BENCH_K - 1;
    for (; place > 0 && distances[place - 1] > distance; place--) {
        distances[place] = distances[place - 1];
        rows[place] = rows[place - 1];
    }
    distances[place] = distance;
    rows[place] = row;
}

/* A searcher: every passing row, in f32. */
static bool scan(void *context, const bench_data *data, uint32_t ef, uint32_t *found) {
    (void)ef;
    const filter_round *round = context;
    float distances[SCAN_ROWS];
    for (uint32_t q = 0; q < BENCH_QUERIES; q++) {
        const float *query = data->queries + (size_t)q * BENCH_DIMS;
        uint32_t *nearest = found + (size_t)q * BENCH_K;
        float nearest_distances[BENCH_K];
        for (uint32_t i = 0; i < BENCH_K; i++) {
            nearest[i] = BENCH_NO_ROW;
            nearest_distances[i] = INFINITY;
        }
        cg_row_batch batch = {.table = data->vectors,
                              .stride_bytes = BENCH_DIMS * sizeof *data->vectors,
                              .dims = BENCH_DIMS};
        for (uint32_t from = 0; from < round->passing; from += batch.count) {
            uint32_t left = round->passing - from;
            batch.rows = round->rows + from;
            batch.count = left < SCAN_ROWS ? left : SCAN_ROWS;
            round->kernels->square_distance_f32_many(query, &batch, distances);
            for (uint32_t i = 0; i < batch.count; i++) {
                if (distances[i] < nearest_distances[BENCH_K - 1]) {
                    take_in(nearest, nearest_distances, batch.rows[i], distances[i]);
                }
            }
        }
    }
    return true;
}

static void print(const filter_round *round, const char *metric, const bench_series *series,
                  const char *unit) {
    char name[64];
    (void)snprintf(name, sizeof name, "pass_%g%%_%s", 100.0 * round->share, metric);
    bench_index_row(bench, BENCH_HARD, name, series, unit);
}

static void print_ours(const filter_round *round, const char *metric, double value,
                       const char *unit) {
    bench_series series = {.ours = {value}, .peer = {(double)NAN}, .turns = 1};
    print(round, metric, &series, unit);
}

static bool run_share(filter_round *round) {
    bench_ours with[3] = {
        {.index = round->index, .scratch = round->scratch, .rows = round->set},
        {.index = round->copies, .scratch = round->scratch},
        {.index = round->index, .scratch = round->scratch},
    };
    bench_searcher filtered = bench_searcher_ours(&with[0]);
    bench_searcher copies = bench_searcher_ours(&with[1]);
    bench_searcher scanning = {.search = scan, .context = round};
    bench_searcher open = bench_searcher_ours(&with[2]);
    bench_width width = {0};
    double at_open = 0.0;
    bench_series against_scan = {0};
    bench_series against_copies = {0};
    bench_series against_open = {0};
    const bench_data *data = &round->data;
    if (!bench_recall_at(&filtered, data, &round->truth, round->open.ef, &at_open) ||
        !bench_least_ef(&filtered, data, &round->truth, RECALL, &width) ||
        !bench_speed_in_turns(&filtered, width.ef, &scanning, 0, data, &against_scan) ||
        !bench_speed_in_turns(&filtered, width.ef, &copies, 0, data, &against_copies) ||
        !bench_speed_in_turns(&filtered, width.ef, &open, round->open.ef, data,
                              &against_open)) {
        return false;
    }
    bool is_scan_better = bench_median(against_scan.peer, BENCH_TURNS_MAX) >
                          bench_median(against_open.peer, BENCH_TURNS_MAX);
    print_ours(round, "recall_at_unfiltered_ef", at_open, "share");
    print_ours(round, "ef", width.ef, "ef");
    print_ours(round, "recall", width.recall, "share");
    print(round, "search_against_scan", &against_scan, "queries/s");
    print(round, "search_against_unfiltered", &against_open, "queries/s");
    print(round, "search_against_better", is_scan_better ? &against_scan : &against_open,
          "queries/s");
    print(round, "search_against_copies", &against_copies, "queries/s");
    print_ours(round, "row_set", 1e9 * round->set_s / round->data.count, "ns/row");
    return true;
}

static bool run_shares(filter_round *round) {
    double seconds = 0.0;
    bench_index_progress(bench, BENCH_HARD, "building");
    if (!bench_build_ours(CG_INDEX_HNSW, &bench_form_main, &round->data, &round->runner,
                          &round->index, &seconds)) {
        return false;
    }
    bench_ours with = {.index = round->index, .scratch = round->scratch};
    bench_searcher open = bench_searcher_ours(&with);
    if (!bench_least_ef(&open, &round->data, &round->data.truth, RECALL, &round->open)) {
        return false;
    }
    printf("# %s: %u rows; without a filter ef %u reaches %g; \"peer\" is a scan of the "
           "passing rows, our search without the filter, or our flat index of copies of them\n",
           bench, round->data.count, round->open.ef, round->open.recall);
    for (int i = 0; i < SHARES; i++) {
        bench_index_progress(bench, BENCH_HARD, "searching with a filter");
        round->share = shares[i];
        bool is_fine = prepare(round) && run_share(round);
        cg_row_set_free(round->set);
        cg_index_free(round->copies);
        round->set = NULL;
        round->copies = NULL;
        if (!is_fine) {
            return false;
        }
    }
    return true;
}

bool bench_index_filter(void) {
    static filter_round round;
    sim_thread_runner *threads = NULL;
    if (!bench_index_begin(&threads)) {
        return false;
    }
    round =
        (filter_round){.runner = sim_thread_runner_view(threads), .kernels = cg_kernels_best()};
    round.rows = malloc(ROWS * sizeof *round.rows);
    bool is_fine = round.rows &&
                   bench_data_init(&round.data, BENCH_HARD, ROWS, &round.runner) &&
                   bench_scratch_alloc(&round.scratch);
    is_fine = is_fine && run_shares(&round);
    cg_index_scratch_free(round.scratch);
    cg_index_free(round.index);
    bench_data_deinit(&round.data);
    free(round.rows);
    sim_thread_runner_free(threads);
    return is_fine;
}
