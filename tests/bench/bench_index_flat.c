/* How fast is exhaustive search? The flat oracle against hnswlib's BruteforceSearch, both in f32,
 * on one thread. */
#include <stdio.h>

#include "tests/bench/bench_index.h"

static const bench_form form = {
    .name = "f32", .codes = CG_PRECISION_F32, .fuller = CG_PRECISION_F32};

static bool bench_flat(uint32_t count, const cg_runner *runner) {
    static const char bench[] = "index-flat";
    bench_data data = {0};
    bench_index_progress(bench, BENCH_HARD, "drawing data, finding the truth");
    if (!bench_data_init(&data, BENCH_HARD, count, runner)) {
        return false;
    }
    cg_index *index = NULL;
    cg_index_scratch *scratch = NULL;
    peer_index *peer = NULL;
    double ours_s = 0.0;
    double peer_s = 0.0;
    double ours_recall = 0.0;
    double peer_recall = 0.0;
    bench_series speed = {0};
    cg_runner serial = cg_runner_serial();
    bool is_fine = bench_scratch_alloc(&scratch) &&
                   bench_build_ours(CG_INDEX_FLAT, &form, &data, &serial, &index, &ours_s) &&
                   bench_build_peer(CG_INDEX_FLAT, &data, 1, &peer, &peer_s);
    bench_ours with = {.index = index, .scratch = scratch};
    bench_searcher ours = bench_searcher_ours(&with);
    bench_searcher theirs = bench_searcher_peer(peer);
    bench_index_progress(bench, BENCH_HARD, "searching");
    is_fine = is_fine && bench_recall_at(&ours, &data, &data.truth, 0, &ours_recall) &&
              bench_recall_at(&theirs, &data, &data.truth, 0, &peer_recall) &&
              bench_speed_in_turns(&ours, 0, &theirs, 0, &data, &speed);
    if (is_fine) {
        char metric[64];
        (void)snprintf(metric, sizeof metric, "%uk_build", count / 1000);
        bench_index_value(bench, BENCH_HARD, metric, count / ours_s, count / peer_s,
                          "inserts/s");
        (void)snprintf(metric, sizeof metric, "%uk_search", count / 1000);
        bench_index_row(bench, BENCH_HARD, metric, &speed, "queries/s");
        (void)snprintf(metric, sizeof metric, "%uk_recall", count / 1000);
        bench_index_value(bench, BENCH_HARD, metric, ours_recall, peer_recall, "share");
    }
    cg_index_scratch_free(scratch);
    cg_index_free(index);
    peer_hnswlib_free(peer);
    bench_data_deinit(&data);
    return is_fine;
}

bool bench_index_flat(void) {
    sim_thread_runner *threads = NULL;
    if (!bench_index_begin(&threads)) {
        return false;
    }
    cg_runner runner = sim_thread_runner_view(threads);
    bool is_fine = bench_flat(10000, &runner) && bench_flat(100000, &runner);
    sim_thread_runner_free(threads);
    return is_fine;
}
