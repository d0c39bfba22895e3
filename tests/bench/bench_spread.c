/* Spreading activation on one core; the peer is the textbook: dense arrays of doubles, all of them
 * looked at in every hop, no provenance and no answer but the array.
 *
 * Graphs are uniform at random with ten edges a concept and random weights. Rate: edges walked a
 * second over a million concepts, from a hundred seeds five hops far, which reaches nearly all.
 * Latency: three hops over 10,000 concepts, from four seeds, no threshold, with confidence.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/math.h"
#include "engine/base/prng.h"
#include "engine/graph/bulk.h"
#include "engine/spread/spread.h"
#include "sim/memory/huge_pages.h"
#include "tests/bench/bench.h"

enum {
    LARGE = 1000000,
    SMALL = 10000,
    DEGREE = 10,
    TURNS = 3,
    SPREADS = 2000,
    SEEDS_MAX = 100
};

/* --- peer --- */

typedef struct plain_graph {
    uint32_t rows;
    uint32_t *targets; /* [rows * DEGREE] */
    double *weights;
    double *level;
    double *next;
    double *total;
} plain_graph;

static bool plain_alloc(plain_graph *plain, uint32_t rows) {
    size_t edges = (size_t)rows * DEGREE;
    *plain = (plain_graph){
        .rows = rows,
        .targets = malloc(edges * sizeof *plain->targets),
        .weights = malloc(edges * sizeof *plain->weights),
        .level = malloc(rows * sizeof *plain->level),
        .next = malloc(rows * sizeof *plain->next),
        .total = malloc(rows * sizeof *plain->total),
    };
    return plain->targets && plain->weights && plain->level && plain->next && plain->total;
}

static void plain_free(plain_graph *plain) {
    free(plain->targets);
    free(plain->weights);
    free(plain->level);
    free(plain->next);
    free(plain->total);
}

static uint64_t plain_spread(plain_graph *plain, const cg_spread_query *query) {
    uint64_t edges = 0;
    double decay = cg_exp(-query->lambda);
    memset(plain->level, 0, plain->rows * sizeof *plain->level);
    memset(plain->total, 0, plain->rows * sizeof *plain->total);
    for (uint32_t i = 0; i < query->seed_count; i++) {
        plain->level[query->seeds[i].row] += query->seeds[i].activation;
    }
    for (uint32_t hop = 0; hop < query->max_hops; hop++) {
        memset(plain->next, 0, plain->rows * sizeof *plain->next);
        for (uint32_t row = 0; row < plain->rows; row++) {
            double level = plain->level[row];
            plain->total[row] += level;
            if (level > 0.0 && level >= query->threshold) {
                const uint32_t *targets = plain->targets + (size_t)row * DEGREE;
                const double *weights = plain->weights + (size_t)row * DEGREE;
                for (uint32_t i = 0; i < DEGREE; i++) {
                    plain->next[targets[i]] += level * decay * weights[i];
                }
                edges += DEGREE;
            }
        }
        double *level = plain->level;
        plain->level = plain->next;
        plain->next = level;
    }
    return edges;
}

/* --- both --- */

typedef struct spread_bench {
    cg_graph *graph;
    plain_graph plain;
    cg_spread_scratch *scratch;
    cg_stream stream;
    cg_spread_seed seeds[SEEDS_MAX];
} spread_bench;

static cg_edge draw_edge(cg_stream *stream, uint32_t rows, uint32_t row) {
    uint32_t target = (uint32_t)cg_stream_next_below(stream, rows - 1);
    return (cg_edge){.target = target + (target >= row),
                     .type = CG_EDGE_OTHER,
                     .weight = (uint8_t)cg_stream_next_below(stream, 256)};
}

static cg_status build(spread_bench *bench, uint32_t rows, cg_error *error) {
    cg_bulk *bulk = NULL;
    cg_status status = cg_graph_alloc(NULL, cg_allocator_heap(), &bench->graph, error);
    for (uint32_t i = 0, row = 0; status == CG_OK && i < rows; i++) {
        status = cg_graph_add_concept(bench->graph, i, 0, "", &row, error);
    }
    if (status == CG_OK) {
        status = cg_bulk_alloc(bench->graph, cg_allocator_heap(), &bulk, error);
    }
    for (uint32_t row = 0; status == CG_OK && row < rows; row++) {
        status = cg_bulk_count(bulk, row, DEGREE, error);
    }
    if (status == CG_OK) {
        status = cg_bulk_place(bulk, error);
    }
    for (uint64_t i = 0; status == CG_OK && i < (uint64_t)rows * DEGREE; i++) {
        cg_edge edge = draw_edge(&bench->stream, rows, (uint32_t)(i / DEGREE));
        bench->plain.targets[i] = edge.target;
        bench->plain.weights[i] = (edge.weight + 1) / 256.0;
        status = cg_bulk_add(bulk, (uint32_t)(i / DEGREE), edge, error);
    }
    if (status == CG_OK) {
        status = cg_bulk_finish(bulk, NULL, error);
    }
    cg_bulk_free(bulk);
    return status;
}

static cg_spread_query draw_query(spread_bench *bench, uint32_t seeds) {
    uint32_t rows = bench->plain.rows;
    for (uint32_t i = 0; i < seeds; i++) {
        bench->seeds[i] = (cg_spread_seed){
            .row = (uint32_t)cg_stream_next_below(&bench->stream, rows), .activation = 1.0};
    }
    cg_spread_query query = cg_spread_query_default();
    query.seeds = bench->seeds;
    query.seed_count = seeds;
    query.threshold = 0.0;
    return query;
}

static bool measure_rate(spread_bench *bench, cg_error *error) {
    bench_series series = {.turns = TURNS};
    cg_spread_result result = {0};
    for (uint32_t turn = 0; turn < TURNS + 1; turn++) { /* the first warms both */
        cg_spread_query query = draw_query(bench, SEEDS_MAX);
        query.max_hops = 5;
        query.lambda = 0.1;
        double from = bench_now_s();
        if (cg_spread_run(bench->graph, &query, bench->scratch, &result, NULL, error) !=
            CG_OK) {
            return false;
        }
        double ours = (double)result.edges / (bench_now_s() - from) / 1e6;
        from = bench_now_s();
        double peer =
            (double)plain_spread(&bench->plain, &query) / (bench_now_s() - from) / 1e6;
        series.ours[turn ? turn - 1 : 0] = ours;
        series.peer[turn ? turn - 1 : 0] = peer;
    }
    bench_row("spread", "edges_1m", &series, "million/s");
    cg_activation_statistics records = cg_spread_scratch_records(bench->scratch);
    printf("# %u of %u concepts reached along %llu edges; %u records, %.1f%% of all taken were "
           "reused; %.1f MB of scratch\n",
           result.reached, bench->plain.rows, (unsigned long long)result.edges, result.records,
           100.0 * (double)records.reused / (double)records.taken,
           (double)cg_spread_scratch_bytes(bench->scratch) / 1e6);
    return true;
}

static int compare_times(const void *left, const void *right) {
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static bool measure_latency(spread_bench *bench, cg_error *error) {
    static double ours[SPREADS];
    static double peer[SPREADS];
    bench_series median = {.turns = TURNS};
    bench_series tail = {.turns = TURNS};
    cg_spread_result result = {0};
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        for (uint32_t i = 0; i < SPREADS; i++) {
            cg_spread_query query = draw_query(bench, 4);
            double from = bench_now_s();
            if (cg_spread_run(bench->graph, &query, bench->scratch, &result, NULL, error) !=
                CG_OK) {
                return false;
            }
            double between = bench_now_s();
            (void)plain_spread(&bench->plain, &query);
            ours[i] = 1e3 * (between - from);
            peer[i] = 1e3 * (bench_now_s() - between);
        }
        qsort(ours, SPREADS, sizeof *ours, compare_times);
        qsort(peer, SPREADS, sizeof *peer, compare_times);
        median.ours[turn] = ours[SPREADS / 2];
        median.peer[turn] = peer[SPREADS / 2];
        tail.ours[turn] = ours[SPREADS * 99 / 100];
        tail.peer[turn] = peer[SPREADS * 99 / 100];
    }
    bench_row("spread", "3_hops_10k_p50", &median, "ms");
    bench_row("spread", "3_hops_10k_p99", &tail, "ms");
    printf("# the last reached %u concepts along %llu edges\n", result.reached,
           (unsigned long long)result.edges);
    return true;
}

static bool measure(uint32_t rows, bool (*run)(spread_bench *bench, cg_error *error)) {
    cg_error error = {0};
    spread_bench bench = {.stream = cg_stream_init(1, "bench.spread", rows)};
    bool is_done =
        plain_alloc(&bench.plain, rows) && build(&bench, rows, &error) == CG_OK &&
        cg_spread_scratch_alloc(sim_allocator_huge_pages(), &bench.scratch, &error) == CG_OK &&
        run(&bench, &error);
    if (!is_done) {
        (void)fprintf(stderr, "spread: %s\n", error.message);
    }
    cg_spread_scratch_free(bench.scratch);
    cg_graph_free(bench.graph);
    plain_free(&bench.plain);
    return is_done;
}

bool bench_spread(void) {
    return measure(LARGE, measure_rate) && measure(SMALL, measure_latency);
}
