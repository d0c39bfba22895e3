#include "tests/bench/bench_subject.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "sim/memory/huge_pages.h"

enum { RERANK_DEFAULT = 2 * BENCH_K + 10 }; /* index.h */
#define TURN_S      0.25                    /* a turn takes at least so long */
#define SHARE_QUIET 0.95 /* of a processor, that one thread gets on a quiet machine */

const bench_form bench_form_main = {
    .name = "i8_f16", .codes = CG_PRECISION_I8, .fuller = CG_PRECISION_F16};

/* --- building --- */

bool bench_build_ours(cg_index_kind kind, const bench_form *form, const bench_data *data,
                      const cg_runner *runner, cg_index **out, double *seconds) {
    cg_allocator heap = cg_allocator_heap();
    uint64_t *ids = NULL;
    if (form->has_ids) {
        ids = cg_allocate(&heap, data->count, sizeof *ids);
        for (uint32_t row = 0; ids && row < data->count; row++) {
            ids[row] = row;
        }
    }
    double start_s = bench_now_s();
    cg_index_options options = cg_index_options_default(kind, BENCH_DIMS);
    options.metric = CG_METRIC_L2;
    options.m = BENCH_M;
    options.ef_construction = BENCH_EF_CONSTRUCTION;
    options.codes = form->codes;
    options.fuller = form->fuller;
    options.has_ids = form->has_ids;
    options.capacity = data->count;
    cg_index_rows rows = {.vectors = data->vectors, .ids = ids, .count = data->count};
    cg_index *index = NULL;
    cg_error error;
    cg_status status = cg_index_alloc(&options, sim_allocator_huge_pages(), &index, &error);
    if (status == CG_OK) {
        status = cg_index_add(index, &rows, runner, NULL, &error);
    }
    *seconds = bench_now_s() - start_s;
    cg_deallocate(&heap, ids, data->count, sizeof *ids);
    if (status != CG_OK) {
        (void)fprintf(stderr, "bench: building %s: %s\n", form->name, error.message);
        cg_index_free(index);
        return false;
    }
    *out = index;
    return true;
}

bool bench_build_peer(cg_index_kind kind, const bench_data *data, uint32_t threads,
                      peer_index **out, double *seconds) {
    *out = NULL;
    *seconds = (double)NAN;
    if (!peer_hnswlib_is_there()) {
        return true;
    }
    peer_rows rows = {.rows = data->vectors, .count = data->count, .dims = BENCH_DIMS};
    double start_s = bench_now_s();
    *out = peer_hnswlib_build(&rows, kind == CG_INDEX_HNSW ? BENCH_M : 0, BENCH_EF_CONSTRUCTION,
                              threads);
    *seconds = bench_now_s() - start_s;
    if (!*out) {
        (void)fprintf(stderr, "bench: hnswlib failed to build an index of %u rows\n",
                      data->count);
    }
    return *out != NULL;
}

/* --- searching --- */

bool bench_scratch_alloc(cg_index_scratch **out) {
    cg_error error;
    if (cg_index_scratch_alloc(sim_allocator_huge_pages(), out, &error) != CG_OK) {
        (void)fprintf(stderr, "bench: %s\n", error.message);
        return false;
    }
    return true;
}

static bool search_ours(void *context, const bench_data *data, uint32_t ef, uint32_t *found) {
    const bench_ours *ours = context;
    /* The default re-ranks 30, and widens the search to as many: below that ef decides. */
    cg_index_query query = {
        .k = BENCH_K, .ef = ef, .rerank = ef < RERANK_DEFAULT ? ef : 0, .rows = ours->rows};
    for (uint32_t q = 0; q < BENCH_QUERIES; q++) {
        query.vector = data->queries + (size_t)q * BENCH_DIMS;
        cg_index_hit hits[BENCH_K];
        uint32_t count = 0;
        cg_error error;
        if (cg_index_search(ours->index, &query, ours->scratch, hits, &count, ours->work,
                            &error) != CG_OK) {
            (void)fprintf(stderr, "bench: search: %s\n", error.message);
            return false;
        }
        for (uint32_t i = 0; i < BENCH_K; i++) {
            found[q * BENCH_K + i] = i < count ? hits[i].row : BENCH_NO_ROW;
        }
    }
    return true;
}

static bool search_peer(void *context, const bench_data *data, uint32_t ef, uint32_t *found) {
    peer_index *peer = context;
    for (uint32_t q = 0; q < BENCH_QUERIES; q++) {
        if (!peer_hnswlib_search(peer, data->queries + (size_t)q * BENCH_DIMS, BENCH_K, ef,
                                 found + (size_t)q * BENCH_K)) {
            (void)fprintf(stderr, "bench: hnswlib failed to search\n");
            return false;
        }
    }
    return true;
}

bench_searcher bench_searcher_ours(bench_ours *ours) {
    return (bench_searcher){.search = search_ours, .context = ours};
}

bench_searcher bench_searcher_peer(peer_index *peer) {
    return (bench_searcher){.search = search_peer, .context = peer};
}

bool bench_searcher_is_there(const bench_searcher *searcher) {
    return searcher->context != NULL;
}

bool bench_recall_at(const bench_searcher *searcher, const bench_data *data,
                     const bench_truth *truth, uint32_t ef, double *recall) {
    static uint32_t found[BENCH_QUERIES * BENCH_K];
    *recall = (double)NAN;
    if (!bench_searcher_is_there(searcher)) {
        return true;
    }
    if (!searcher->search(searcher->context, data, ef, found)) {
        return false;
    }
    *recall = bench_recall(data, truth, found);
    return true;
}

bool bench_least_ef(const bench_searcher *searcher, const bench_data *data,
                    const bench_truth *truth, double recall, bench_width *out) {
    uint32_t below = BENCH_K - 1; /* ef is never less than k */
    *out = (bench_width){.ef = BENCH_K};
    if (!bench_recall_at(searcher, data, truth, out->ef, &out->recall)) {
        return false;
    }
    while (out->recall < recall && out->ef < BENCH_EF_MAX) {
        below = out->ef;
        out->ef *= 2;
        if (!bench_recall_at(searcher, data, truth, out->ef, &out->recall)) {
            return false;
        }
    }
    while (out->recall >= recall && out->ef - below > 1) {
        bench_width middle = {.ef = below + (out->ef - below) / 2};
        if (!bench_recall_at(searcher, data, truth, middle.ef, &middle.recall)) {
            return false;
        }
        if (middle.recall >= recall) {
            *out = middle;
        } else {
            below = middle.ef;
        }
    }
    return true;
}

bool bench_speed(const bench_searcher *searcher, const bench_data *data, uint32_t ef,
                 double *queries_per_s) {
    static uint32_t found[BENCH_QUERIES * BENCH_K];
    *queries_per_s = (double)NAN;
    if (!bench_searcher_is_there(searcher)) {
        return true;
    }
    double start_s = bench_now_s();
    double elapsed_s = 0.0;
    double queries = 0.0;
    while (elapsed_s < TURN_S) {
        if (!searcher->search(searcher->context, data, ef, found)) {
            return false;
        }
        queries += BENCH_QUERIES;
        elapsed_s = bench_now_s() - start_s;
    }
    *queries_per_s = queries / elapsed_s;
    return true;
}

bool bench_speed_in_turns(const bench_searcher *ours, uint32_t ours_ef,
                          const bench_searcher *peer, uint32_t peer_ef, const bench_data *data,
                          bench_series *out) {
    out->turns = BENCH_TURNS_MAX;
    double start_s = bench_now_s();
    clock_t start = clock();
    for (uint32_t turn = 0; turn < out->turns; turn++) {
        if (!bench_speed(ours, data, ours_ef, &out->ours[turn]) ||
            !bench_speed(peer, data, peer_ef, &out->peer[turn])) {
            return false;
        }
    }
    double processor_s = (double)(clock() - start) / CLOCKS_PER_SEC;
    double share = processor_s / (bench_now_s() - start_s);
    if (share < SHARE_QUIET) {
        printf(
            "# index: BUSY: others had the processor for %.0f%% of the time; what follows is "
            "not to be trusted\n",
            100.0 * (1.0 - share));
    }
    return true;
}
