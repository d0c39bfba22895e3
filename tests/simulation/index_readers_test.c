/* Goal: while one thread adds to an index with a capacity, others search it without waiting, and
 * each answer is that of an index which holds the rows of some whole number of batches.
 *
 * With a beam as wide as the index an answer is exact, so it says which index it comes from:
 * for some limit that ends a batch and lies between the counts seen before and after, the answer
 * is the brute-force one over the rows below. Run under ThreadSanitizer, too. */
#include "tests/support/index_check.h"
#include "tests/support/index_rig.h"
#include "tests/support/runner.h"

#include <sched.h>
#include <stdatomic.h>

static uint64_t seed;

enum { ROWS = 3000, DIMS = 16, READERS = 2, K = 10, ENDS_MAX = 256, BATCH_ROWS = 1024 };

typedef struct stage {
    cg_index *index;
    const float *rows;        /* [ROWS + 100]: what is added, then what is asked for */
    uint32_t ends[ENDS_MAX];  /* row limits that end a batch, ascending, 0 first */
    uint32_t parts[ENDS_MAX]; /* of the calls */
    uint32_t end_count;
    uint32_t part_count;
    atomic_bool is_done;
} stage;

typedef struct reader {
    pthread_t thread;
    const stage *stage;
    uint32_t number;
    uint32_t searches;
    uint32_t between;    /* answers while there was something and more to come */
    const char *trouble; /* what went wrong, or NULL */
} reader;

/* Calls of 1 to 1,500 rows; one of more than 1,024 is two batches. A flat index takes a call at
 * once, and so fast that only many show anything. */
static void plan_parts(stage *self, cg_stream *stream) {
    const bool is_flat = self->index->options.kind == CG_INDEX_FLAT;
    self->ends[self->end_count++] = 0;
    for (uint32_t done = 0; done < ROWS;) {
        uint32_t most = is_flat ? 60 : cg_stream_next_below(stream, 3) ? 1500 : 20;
        uint32_t part = 1 + (uint32_t)cg_stream_next_below(stream, most);
        part = part < ROWS - done ? part : ROWS - done;
        self->parts[self->part_count++] = part;
        for (uint32_t end = done + part; done < end;) {
            done = end - done <= BATCH_ROWS || is_flat ? end : done + BATCH_ROWS;
            self->ends[self->end_count++] = done;
            assert_true(self->end_count < ENDS_MAX);
        }
    }
}

/* The true distance of a row: of the form that searches answer on. */
static float true_distance(const stage *self, const float *query, uint32_t row) {
    float padded[2][DIMS] = {{0}};
    const cg_index_options *options = &self->index->options;
    memcpy(padded[0], query, DIMS * sizeof *query);
    for (uint32_t d = 0; d < DIMS; d++) {
        float value = self->rows[(size_t)row * DIMS + d];
        padded[1][d] =
            options->fuller == CG_PRECISION_F16 ? cg_f16_to_f32(cg_f16_from_f32(value)) : value;
    }
    return 1.0f - self->index->kernels->dot_f32(padded[0], padded[1], DIMS);
}

/* Is this the answer over the rows below the limit? No other row may come before the last. */
static bool is_exact_below(const uint64_t *keys, uint32_t limit, const cg_index_hit *hits,
                           uint32_t found) {
    uint32_t before = 0;
    if (found != (limit < K ? limit : K)) {
        return false;
    }
    if (found == 0) {
        return true;
    }
    uint64_t last = cg_key(hits[found - 1].distance, hits[found - 1].row);
    for (uint32_t row = 0; row < limit; row++) {
        before += keys[row] <= last;
    }
    return before == found;
}

static const char *check_hits(const uint64_t *keys, const cg_index_hit *hits, uint32_t found,
                              uint32_t limit_after) {
    for (uint32_t i = 0; i < found; i++) {
        uint64_t key = cg_key(hits[i].distance, hits[i].row);
        if (hits[i].row >= limit_after) {
            return "a row that nobody may see yet";
        }
        if (hits[i].id != UINT64_C(7) * hits[i].row) {
            return "a wrong id";
        }
        if (key != keys[hits[i].row]) {
            return "a wrong distance";
        }
        if (i > 0 && cg_key(hits[i - 1].distance, hits[i - 1].row) >= key) {
            return "out of order, or twice";
        }
    }
    return NULL;
}

static void search_once(reader *self, cg_index_scratch *scratch, uint64_t *keys, bool is_wide) {
    const stage *on = self->stage;
    uint32_t at = ROWS + (self->searches * READERS + self->number) % 100;
    const float *vector = on->rows + (size_t)at * DIMS;
    cg_index_query query = {
        .vector = vector, .k = K, .ef = is_wide ? ROWS : 30, .rerank = is_wide ? ROWS : 20};
    cg_index_hit hits[K];
    uint32_t found = 0;
    uint32_t before = cg_index_row_limit(on->index);
    cg_status status = cg_index_search(on->index, &query, scratch, hits, &found, NULL, NULL);
    uint32_t after = cg_index_row_limit(on->index);
    if (status != CG_OK) {
        self->trouble = "a search failed";
        return;
    }
    for (uint32_t row = 0; row < after; row++) {
        keys[row] = cg_key(true_distance(on, vector, row), row);
    }
    self->trouble = check_hits(keys, hits, found, after);
    bool is_known = !is_wide;
    for (uint32_t i = 0; i < on->end_count && !is_known; i++) {
        uint32_t limit = on->ends[i];
        is_known =
            limit >= before && limit <= after && is_exact_below(keys, limit, hits, found);
    }
    if (!self->trouble && !is_known) {
        self->trouble = "an answer of no whole number of batches";
    }
    self->between += before > 0 && before < ROWS;
    self->searches++;
}

static void *read_all(void *argument) {
    reader *self = argument;
    cg_index_scratch *scratch = NULL;
    uint64_t *keys = malloc(ROWS * sizeof *keys);
    if (!keys || cg_index_scratch_alloc(cg_allocator_heap(), &scratch, NULL) != CG_OK) {
        self->trouble = "no memory";
    }
    bool is_last = false;
    while (!self->trouble && !is_last) {
        is_last = atomic_load(&self->stage->is_done); /* once more on the whole */
        search_once(self, scratch, keys, self->searches % 4 != 3);
        (void)sched_yield(); /* the writer shall get on, on few cores too */
    }
    cg_index_scratch_free(scratch);
    free(keys);
    return NULL;
}

static void run_stage(cg_index_kind kind, cg_precision codes, cg_precision fuller,
                      uint32_t workers) {
    cg_stream stream = cg_stream_init(seed, "index_readers", (uint64_t)codes);
    float *rows = draw_rows(
        &(drawing){.seed = seed, .shape = CLUSTERED, .count = ROWS + 100, .dims = DIMS});
    static uint64_t ids[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) {
        ids[i] = UINT64_C(7) * i;
    }
    cg_index_options options = rig_options(kind, DIMS, 8);
    options.codes = codes;
    options.fuller = fuller;
    options.has_ids = true;
    options.capacity = ROWS;
    static stage on;
    memset(&on, 0, sizeof on);
    on.index = rig_index(&options);
    on.rows = rows;
    plan_parts(&on, &stream);
    reader readers[READERS];
    for (uint32_t i = 0; i < READERS; i++) {
        readers[i] = (reader){.stage = &on, .number = i};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
    }
    cg_runner runner = support_threads(&workers);
    cg_status status = CG_OK;
    cg_error error;
    uint32_t done = 0;
    for (uint32_t i = 0; i < on.part_count && status == CG_OK; i++) {
        cg_index_rows part = {
            .vectors = rows + (size_t)done * DIMS, .ids = ids + done, .count = on.parts[i]};
        status = cg_index_add(on.index, &part, &runner, NULL, &error);
        done += on.parts[i];
    }
    atomic_store(&on.is_done, true);
    uint32_t between = 0;
    uint32_t searches = 0;
    for (uint32_t i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        between += readers[i].between;
        searches += readers[i].searches;
    }
    assert_ok(status, error);
    for (uint32_t i = 0; i < READERS; i++) {
        if (readers[i].trouble) {
            fail_msg("reader %u, search %u: %s", i, readers[i].searches, readers[i].trouble);
        }
    }
    print_message("%s, %s: %u searches, %u of them meanwhile\n",
                  kind == CG_INDEX_FLAT ? "flat" : "hnsw", cg_precision_name(codes), searches,
                  between);
    assert_int_equal(cg_index_count(on.index), ROWS);
    if (kind == CG_INDEX_HNSW) {
        check_graph(on.index);
    }
    cg_index_free(on.index);
    free(rows);
}

static void test_readers_of_hnsw(void **state) {
    (void)state;
    run_stage(CG_INDEX_HNSW, CG_PRECISION_F32, CG_PRECISION_F32, 1);
    run_stage(CG_INDEX_HNSW, CG_PRECISION_F16, CG_PRECISION_F16, 2);
    run_stage(CG_INDEX_HNSW, CG_PRECISION_I8, CG_PRECISION_F16, 2);
}

static void test_readers_of_flat(void **state) {
    (void)state;
    run_stage(CG_INDEX_FLAT, CG_PRECISION_F32, CG_PRECISION_F32, 1);
}

int main(void) {
    seed = support_seed(20250107);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_of_hnsw),
        cmocka_unit_test(test_readers_of_flat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
