/* How fast is HNSW built and searched, at what recall, and in how much memory? Ours against
 * hnswlib with the same m and ef_construction, at 10K, 100K and 1M rows, on both sets of data.
 *
 * Searches are compared where each side reaches a recall@10 of 0.95 and 0.99 with as small an ef
 * as it can; builds by their speed, and by the recall of what they built at equal ef. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/math.h"
#include "tests/bench/bench_index.h"

enum { RECALLS = 2, EFS = 4 };
static const double recalls[RECALLS] = {0.95, 0.99};
static const uint32_t efs[EFS] = {20, 40, 80, 160};

typedef struct bench_size {
    const char *bench;
    uint32_t count;
    uint32_t build_turns;
    bool has_one_thread; /* builds with one thread too, on the hard set */
} bench_size;

static const bench_form other_forms[] = {
    {"i8", CG_PRECISION_I8, CG_PRECISION_I8, false},
    {"i8_f16_with_ids", CG_PRECISION_I8, CG_PRECISION_F16, true},
};
enum { OTHER_FORMS = sizeof other_forms / sizeof *other_forms };

/* Of one size and set. */
typedef struct bench_round {
    const bench_size *size;
    bench_data data;
    cg_runner runner; /* BENCH_THREADS */
    cg_index *ours;
    cg_index_scratch *scratch;
    peer_index *peer;
} bench_round;

static void progress(const bench_round *round, const char *what) {
    bench_index_progress(round->size->bench, round->data.law, what);
}

static void row(const bench_round *round, const char *metric, const bench_series *series,
                const char *unit) {
    bench_index_row(round->size->bench, round->data.law, metric, series, unit);
}

static void value(const bench_round *round, const char *metric, double ours, double peer,
                  const char *unit) {
    bench_index_value(round->size->bench, round->data.law, metric, ours, peer, unit);
}

/* --- building --- */

/* One turn: ours, then the peer, both of which stay for the searches. */
static bool build(bench_round *round, uint32_t threads, double *ours_per_s,
                  double *peer_per_s) {
    cg_runner serial = cg_runner_serial();
    double ours_s = 0.0;
    double peer_s = 0.0;
    progress(round, threads == 1 ? "building, one thread" : "building");
    cg_index_free(round->ours);
    round->ours = NULL;
    if (!bench_build_ours(CG_INDEX_HNSW, &bench_form_main, &round->data,
                          threads == 1 ? &serial : &round->runner, &round->ours, &ours_s)) {
        return false;
    }
    progress(round, "the peer is building");
    peer_hnswlib_free(round->peer);
    if (!bench_build_peer(CG_INDEX_HNSW, &round->data, threads, &round->peer, &peer_s)) {
        return false;
    }
    *ours_per_s = round->data.count / ours_s;
    *peer_per_s = round->data.count / peer_s;
    return true;
}

static bool bench_builds(bench_round *round) {
    bool has_one = round->size->has_one_thread && round->data.law == BENCH_HARD;
    bench_series one = {.turns = round->size->build_turns};
    bench_series two = {.turns = round->size->build_turns};
    for (uint32_t turn = 0; turn < two.turns; turn++) {
        if ((has_one && !build(round, 1, &one.ours[turn], &one.peer[turn])) ||
            !build(round, BENCH_THREADS, &two.ours[turn], &two.peer[turn])) {
            return false;
        }
    }
    printf("# %s: %s: median of %u builds\n", round->size->bench,
           bench_law_name(round->data.law), two.turns);
    row(round, "build", &two, "inserts/s");
    if (has_one) {
        row(round, "build_one_thread", &one, "inserts/s");
        value(round, "build_two_threads_over_one",
              bench_median(two.ours, two.turns) / bench_median(one.ours, one.turns),
              bench_median(two.peer, two.turns) / bench_median(one.peer, one.turns), "x");
    }
    return true;
}

/* --- searching --- */

/* Distances of all kinds that ours computes for a query. */
static bool count_distances(const bench_round *round, uint32_t ef, double *out) {
    cg_work work = {0};
    bench_ours ours = {.index = round->ours, .scratch = round->scratch, .work = &work};
    bench_searcher searcher = bench_searcher_ours(&ours);
    double recall = 0.0;
    if (!bench_recall_at(&searcher, &round->data, &round->data.truth, ef, &recall)) {
        return false;
    }
    uint64_t distances = 0;
    for (int kind = 0; kind < CG_WORK_KIND_COUNT; kind++) {
        if (strncmp(cg_work_kind_name((cg_work_kind)kind), "distance", 8) == 0) {
            distances += work.operations[kind];
        }
    }
    *out = (double)distances / BENCH_QUERIES;
    return true;
}

/* Search is to cost O(log n) distances: from the smallest size to this one their number should
 * grow as log n does. Only when both sizes run in one process. */
static void print_growth(const bench_round *round, double distances) {
    static double first_distances[BENCH_LAW_COUNT];
    static uint32_t first_count[BENCH_LAW_COUNT];
    bench_law law = round->data.law;
    uint32_t count = round->data.count;
    if (first_count[law] == 0) {
        first_count[law] = count;
        first_distances[law] = distances;
        return;
    }
    double growth = distances / first_distances[law];
    double log_rows = cg_log((double)count);
    double log_first = cg_log((double)first_count[law]);
    printf("# %s: %s: distances a query grew %.2f times from %u rows to %u; log n grew %.2f "
           "times; as a power of n: %.3f\n",
           round->size->bench, bench_law_name(law), growth, first_count[law], count,
           log_rows / log_first, cg_log(growth) / (log_rows - log_first));
    value(round, "distances_growth_over_log_growth", growth / (log_rows / log_first),
          (double)NAN, "x");
}

static bool bench_at_recall(const bench_round *round, double recall) {
    bench_ours with = {.index = round->ours, .scratch = round->scratch};
    bench_searcher ours = bench_searcher_ours(&with);
    bench_searcher peer = bench_searcher_peer(round->peer);
    bench_width ours_at = {0};
    bench_width peer_at = {0};
    bench_series speed = {0};
    double distances = 0.0;
    const bench_truth *truth = &round->data.truth;
    if (!bench_least_ef(&ours, &round->data, truth, recall, &ours_at) ||
        !bench_least_ef(&peer, &round->data, truth, recall, &peer_at) ||
        !bench_speed_in_turns(&ours, ours_at.ef, &peer, peer_at.ef, &round->data, &speed) ||
        !count_distances(round, ours_at.ef, &distances)) {
        return false;
    }
    double no_peer = bench_searcher_is_there(&peer) ? 0.0 : (double)NAN;
    char metric[64];
    (void)snprintf(metric, sizeof metric, "search_at_recall_%g", recall);
    row(round, metric, &speed, "queries/s");
    (void)snprintf(metric, sizeof metric, "ef_at_recall_%g", recall);
    value(round, metric, ours_at.ef, peer_at.ef + no_peer, "ef");
    (void)snprintf(metric, sizeof metric, "reached_at_recall_%g", recall);
    value(round, metric, ours_at.recall, peer_at.recall, "share");
    (void)snprintf(metric, sizeof metric, "distances_at_recall_%g", recall);
    value(round, metric, distances, (double)NAN, "distances/query");
    if (ours_at.recall < recall || peer_at.recall < recall) {
        printf("# %s: %s: NOT EQUAL: a side stays below recall %g at ef %d\n",
               round->size->bench, bench_law_name(round->data.law), recall, BENCH_EF_MAX);
    }
    if (recall == recalls[0]) {
        print_growth(round, distances);
    }
    return true;
}

static bool bench_searches(const bench_round *round) {
    bench_ours with = {.index = round->ours, .scratch = round->scratch};
    bench_searcher ours = bench_searcher_ours(&with);
    bench_searcher peer = bench_searcher_peer(round->peer);
    progress(round, "searching");
    for (int i = 0; i < EFS; i++) {
        double reached = 0.0;
        double peer_reached = 0.0;
        double distances = 0.0;
        if (!bench_recall_at(&ours, &round->data, &round->data.truth, efs[i], &reached) ||
            !bench_recall_at(&peer, &round->data, &round->data.truth, efs[i], &peer_reached) ||
            !count_distances(round, efs[i], &distances)) {
            return false;
        }
        char metric[64];
        (void)snprintf(metric, sizeof metric, "recall_at_ef_%u", efs[i]);
        value(round, metric, reached, peer_reached, "share");
        (void)snprintf(metric, sizeof metric, "distances_at_ef_%u", efs[i]);
        value(round, metric, distances, (double)NAN, "distances/query");
    }
    for (int i = 0; i < RECALLS; i++) {
        if (!bench_at_recall(round, recalls[i])) {
            return false;
        }
    }
    return true;
}

/* --- memory --- */

static void print_bytes(const bench_round *round, const bench_form *form,
                        const cg_index *index) {
    char metric[64];
    (void)snprintf(metric, sizeof metric, "bytes_%s", form->name);
    value(round, metric, (double)cg_index_bytes(index) / round->data.count,
          round->peer ? (double)peer_hnswlib_bytes(round->peer) / round->data.count
                      : (double)NAN,
          "bytes/vector");
}

/* The other forms are built for their size alone, which no data set changes. */
static bool bench_bytes(const bench_round *round) {
    print_bytes(round, &bench_form_main, round->ours);
    for (int i = 0; i < OTHER_FORMS && round->data.law == BENCH_HARD; i++) {
        progress(round, "building other forms");
        cg_index *index = NULL;
        double seconds = 0.0;
        if (!bench_build_ours(CG_INDEX_HNSW, &other_forms[i], &round->data, &round->runner,
                              &index, &seconds)) {
            return false;
        }
        print_bytes(round, &other_forms[i], index);
        cg_index_free(index);
    }
    return true;
}

/* --- entries --- */

static bool bench_round_run(const bench_size *size, bench_law law, const cg_runner *runner) {
    bench_round round = {.size = size, .runner = *runner};
    bench_index_progress(size->bench, law, "drawing data, finding the truth");
    if (!bench_data_init(&round.data, law, size->count, runner)) {
        return false;
    }
    bool is_fine = bench_scratch_alloc(&round.scratch);
    is_fine = is_fine && bench_builds(&round) && bench_searches(&round) &&
              bench_index_frozen(&(bench_frozen){.bench = size->bench,
                                                 .data = &round.data,
                                                 .index = round.ours,
                                                 .peer = round.peer}) &&
              bench_bytes(&round);
    cg_index_scratch_free(round.scratch);
    cg_index_free(round.ours);
    peer_hnswlib_free(round.peer);
    bench_data_deinit(&round.data);
    return is_fine;
}

static bool bench_size_run(const bench_size *size) {
    sim_thread_runner *threads = NULL;
    if (!bench_index_begin(&threads)) {
        return false;
    }
    cg_runner runner = sim_thread_runner_view(threads);
    bool is_fine = true;
    for (int law = 0; law < BENCH_LAW_COUNT && is_fine; law++) {
        is_fine = bench_round_run(size, (bench_law)law, &runner);
    }
    sim_thread_runner_free(threads);
    return is_fine;
}

bool bench_index_10k(void) {
    return bench_size_run(&(bench_size){"index-10k", 10000, 5, false});
}

bool bench_index_100k(void) {
    return bench_size_run(&(bench_size){"index-100k", 100000, 3, true});
}

bool bench_index_1m(void) {
    return bench_size_run(&(bench_size){"index-1m", 1000000, 1, false});
}
