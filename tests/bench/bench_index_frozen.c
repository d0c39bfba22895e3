/* Frozen segments of the index that was just measured: bytes a vector with everything in it, and
 * searches against the peer at equal recall. Each segment is saved to a file and mapped, as its
 * users do; the fuller form of the 1-bit segment stays in the file but for what a search
 * touches, so it is not counted there. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/index/segment.h"
#include "sim/store/file.h"
#include "tests/bench/bench_index.h"

enum { RERANK = 100, RECALLS = 2 };
static const double recalls[RECALLS] = {0.95, 0.99};

typedef struct frozen_form {
    const char *name;
    cg_freeze_options options;
    bool is_on_disk; /* the fuller form is read when touched, and not counted */
    bool
        has_equal_recall; /* searches are compared at equal recall; else RERANK are re-ranked */
} frozen_form;

static const frozen_form forms[] = {
    {"i8_f16",
     {.codes = CG_PRECISION_I8, .has_fuller = true, .fuller = CG_PRECISION_F16},
     false,
     true},
    {"i8", {.codes = CG_PRECISION_I8}, false, false},
    {"i1",
     {.codes = CG_PRECISION_I1, .has_fuller = true, .fuller = CG_PRECISION_F16},
     true,
     false},
};
enum { FORMS = sizeof forms / sizeof *forms };

typedef struct frozen {
    sim_file_view view;
    cg_segment *segment;
    cg_segment_scratch *scratch;
    uint32_t rerank; /* 0: the default */
} frozen;

static bool search_frozen(void *context, const bench_data *data, uint32_t ef, uint32_t *found) {
    const frozen *self = context;
    for (uint32_t i = 0; i < BENCH_QUERIES; i++) {
        cg_segment_query query = {.index = {.vector = data->queries + (size_t)i * BENCH_DIMS,
                                            .k = BENCH_K,
                                            .ef = ef,
                                            .rerank = self->rerank}};
        cg_index_hit hits[BENCH_K];
        uint32_t count = 0;
        cg_error error;
        if (cg_segment_search(self->segment, &query, self->scratch, hits, &count, NULL,
                              &error) != CG_OK) {
            (void)fprintf(stderr, "bench: searching a segment: %s\n", error.message);
            return false;
        }
        for (uint32_t j = 0; j < BENCH_K; j++) { /* computed ids are the rows that were */
            found[i * BENCH_K + j] = j < count ? (uint32_t)hits[j].id : BENCH_NO_ROW;
        }
    }
    return true;
}

static void thaw_away(frozen *self) {
    cg_segment_scratch_free(self->scratch);
    cg_segment_close(self->segment);
    sim_file_unmap(&self->view);
}

static bool freeze(const cg_index *index, const frozen_form *form, frozen *out) {
    const char *path = "/tmp/cortigrid-bench.segment";
    cg_allocator heap = cg_allocator_heap();
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;
    cg_error error;
    cg_status status =
        cg_segment_encode(index, &form->options, heap, &bytes, &size_bytes, &error);
    if (status == CG_OK) {
        status = sim_file_save(path, bytes, size_bytes, &error);
        cg_deallocate_aligned(&heap, bytes, size_bytes);
    }
    if (status == CG_OK) {
        status = sim_file_map(path, &out->view, &error);
        (void)unlink(path);
    }
    if (status == CG_OK) {
        status =
            cg_segment_open(out->view.bytes, out->view.size_bytes,
                            form->is_on_disk ? CG_SEGMENT_LEAVE_FULLER : CG_SEGMENT_CHECK_ALL,
                            heap, &out->segment, &error);
    }
    if (status == CG_OK) {
        status = cg_segment_scratch_alloc(heap, &out->scratch, &error);
    }
    if (status != CG_OK) {
        (void)fprintf(stderr, "bench: freezing %s: %s\n", form->name, error.message);
        thaw_away(out);
        return false;
    }
    return true;
}

static bool compare_at_recall(const bench_frozen *set, const frozen_form *form,
                              const bench_searcher *ours, double recall) {
    bench_searcher peer = bench_searcher_peer(set->peer);
    bench_width ours_at = {0};
    bench_width peer_at = {0};
    bench_series speed = {0};
    if (!bench_least_ef(ours, set->data, &set->data->truth, recall, &ours_at) ||
        !bench_least_ef(&peer, set->data, &set->data->truth, recall, &peer_at) ||
        !bench_speed_in_turns(ours, ours_at.ef, &peer, peer_at.ef, set->data, &speed)) {
        return false;
    }
    char metric[64];
    (void)snprintf(metric, sizeof metric, "frozen_%s_search_at_recall_%g", form->name, recall);
    bench_index_row(set->bench, set->data->law, metric, &speed, "queries/s");
    return true;
}

static bool rerank_some(const bench_frozen *set, const frozen_form *form, frozen *self,
                        const bench_searcher *ours) {
    double recall = 0.0;
    double queries_per_s = 0.0;
    char metric[64];
    self->rerank = form->options.has_fuller ? RERANK : 0;
    if (!bench_recall_at(ours, set->data, &set->data->truth, RERANK, &recall) ||
        !bench_speed(ours, set->data, RERANK, &queries_per_s)) {
        return false;
    }
    (void)snprintf(metric, sizeof metric, "frozen_%s_recall_at_ef_%d", form->name, RERANK);
    bench_index_value(set->bench, set->data->law, metric, recall, (double)NAN, "share");
    (void)snprintf(metric, sizeof metric, "frozen_%s_search_at_ef_%d", form->name, RERANK);
    bench_index_value(set->bench, set->data->law, metric, queries_per_s, (double)NAN,
                      "queries/s");
    return true;
}

static bool bench_form_run(const bench_frozen *set, const frozen_form *form) {
    frozen self = {0};
    if (!freeze(set->index, form, &self)) {
        return false;
    }
    char metric[64];
    uint64_t bytes = cg_segment_bytes(self.segment);
    bytes -= form->is_on_disk ? cg_segment_fuller_bytes(self.segment) : 0;
    (void)snprintf(metric, sizeof metric, "frozen_%s_bytes", form->name);
    bench_index_value(set->bench, set->data->law, metric, (double)bytes / set->data->count,
                      set->peer ? (double)peer_hnswlib_bytes(set->peer) / set->data->count
                                : (double)NAN,
                      "bytes/vector");
    bench_searcher ours = {.search = search_frozen, .context = &self};
    bool is_fine = form->has_equal_recall || rerank_some(set, form, &self, &ours);
    for (int i = 0; i < RECALLS && is_fine && form->has_equal_recall; i++) {
        is_fine = compare_at_recall(set, form, &ours, recalls[i]);
    }
    thaw_away(&self);
    return is_fine;
}

bool bench_index_frozen(const bench_frozen *set) {
    bench_index_progress(set->bench, set->data->law, "freezing");
    for (int i = 0; i < FORMS; i++) {
        if (!bench_form_run(set, &forms[i])) {
            return false;
        }
    }
    return true;
}
