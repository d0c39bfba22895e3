/* Goal: whatever is added, removed, updated, frozen and merged in whatever order, a collection
 * finds what a plain array of (id, vector) holds, and never anything else. */
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/index/collection.h"
#include "engine/vector/kernel.h"
#include "engine/vector/vector.h"
#include "tests/support/runner.h"

enum { DIMS = 32, IDS = 1500, K = 10, STEPS = 250, BATCH = 60, OPENED_MAX = 400 };

static uint64_t seed;

typedef struct opened {
    uint8_t *bytes;
    size_t size;
    cg_segment *segment;
} opened;

/* The collection, and the array that knows better. */
typedef struct program {
    cg_collection *collection;
    cg_collection_scratch *scratch;
    cg_stream stream;
    cg_metric metric;
    float *vectors; /* [IDS * DIMS] */
    bool held[IDS];
    opened opened[OPENED_MAX]; /* those attached, and those closed, zeroed */
    uint32_t opened_count;
    uint32_t asked;
    uint32_t good;
} program;

/* Ids are spread, so that no one can take them for rows. */
static uint64_t id_of(uint32_t number) {
    return (uint64_t)number * UINT64_C(0x123456789abcd) + 5;
}

static uint32_t number_of(uint64_t id) {
    uint64_t number = (id - 5) / UINT64_C(0x123456789abcd);
    assert_true(number < IDS && id_of((uint32_t)number) == id);
    return (uint32_t)number;
}

static void draw_vector(program *self, float *out) {
    cg_stream centre = cg_stream_init(seed, "collection_property_test.centre",
                                      cg_stream_next_below(&self->stream, 12));
    for (uint32_t d = 0; d < DIMS; d++) {
        out[d] = (float)cg_stream_next_normal(&centre) +
                 0.5f * (float)cg_stream_next_normal(&self->stream);
    }
    if (self->metric == CG_METRIC_COSINE) {
        assert_true(cg_vector_normalise(out, DIMS));
    }
}

/* Numbers that are held, or not; distinct; as many as there are, up to `most`. */
static uint32_t draw_numbers(program *self, bool held, uint32_t most, uint32_t *numbers) {
    uint32_t count = 0;
    uint32_t start = (uint32_t)cg_stream_next_below(&self->stream, IDS);
    for (uint32_t i = 0; i < IDS && count < most; i++) {
        uint32_t number = (start + i * 7) % IDS; /* 7 and IDS have no common factor */
        if (self->held[number] == held) {
            numbers[count++] = number;
        }
    }
    return count;
}

static void change(program *self, bool is_update) {
    uint32_t numbers[BATCH];
    uint64_t ids[BATCH];
    float vectors[BATCH * DIMS];
    uint32_t most = (uint32_t)cg_stream_next_below(&self->stream, BATCH) + 1;
    cg_index_rows rows = {.vectors = vectors, .ids = ids};
    rows.count = draw_numbers(self, is_update, most, numbers);
    for (uint32_t i = 0; i < rows.count; i++) {
        ids[i] = id_of(numbers[i]);
        draw_vector(self, vectors + (size_t)i * DIMS);
        memcpy(self->vectors + (size_t)numbers[i] * DIMS, vectors + (size_t)i * DIMS,
               DIMS * sizeof *vectors);
        self->held[numbers[i]] = true;
    }
    cg_runner serial = cg_runner_serial();
    cg_error error;
    assert_ok(is_update ? cg_collection_update(self->collection, &rows, &serial, NULL, &error)
                        : cg_collection_add(self->collection, &rows, &serial, NULL, &error),
              error);
}

static void remove_some(program *self) {
    uint32_t numbers[BATCH];
    uint64_t ids[BATCH];
    uint32_t most = (uint32_t)cg_stream_next_below(&self->stream, BATCH) + 1;
    uint32_t count = draw_numbers(self, true, most, numbers);
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = id_of(numbers[i]);
        self->held[numbers[i]] = false;
    }
    cg_runner serial = cg_runner_serial();
    cg_error error;
    assert_ok(cg_collection_remove(self->collection, ids, count, &serial, NULL, &error), error);
}

static float importance_of(void *context, uint64_t id) {
    (void)context;
    return (float)(number_of(id) % 11) / 10.0f;
}

static void close_one(program *self, const cg_segment *segment) {
    cg_allocator heap = cg_allocator_heap();
    for (uint32_t i = 0; i < self->opened_count; i++) {
        if (self->opened[i].segment == segment) {
            cg_segment_close(self->opened[i].segment);
            cg_deallocate_aligned(&heap, self->opened[i].bytes, self->opened[i].size);
            self->opened[i] = (opened){0};
            return;
        }
    }
    fail_msg("a segment was detached that nobody attached");
}

static void merge(program *self, const cg_collection_merge_options *options) {
    cg_runner serial = cg_runner_serial();
    cg_error error;
    opened made = {0};
    uint64_t count = cg_collection_count(self->collection);
    assert_ok(cg_collection_merge(self->collection, options, &serial, &made.bytes, &made.size,
                                  &error),
              error);
    assert_ok(cg_segment_open(made.bytes, made.size, CG_SEGMENT_CHECK_ALL, cg_allocator_heap(),
                              &made.segment, &error),
              error);
    assert_int_equal(cg_segment_reachable(made.segment, cg_allocator_heap()),
                     cg_segment_count(made.segment));
    cg_segment *detached[CG_COLLECTION_SEGMENTS_MAX];
    uint32_t detached_count = 0;
    cg_status status = cg_collection_replace(self->collection, made.segment, detached,
                                             &detached_count, &error);
    assert_ok(status, error);
    for (uint32_t i = 0; i < detached_count; i++) {
        close_one(self, detached[i]);
    }
    assert_true(self->opened_count < OPENED_MAX);
    self->opened[self->opened_count++] = made;
    assert_int_equal(cg_collection_count(self->collection), count);
}

static void freeze_or_merge(program *self) {
    cg_collection_merge_options options = {
        .form = {.codes = (cg_precision)cg_stream_next_below(&self->stream, CG_PRECISION_COUNT),
                 .has_fuller = true,
                 .fuller = CG_PRECISION_F16},
        .importance_of = cg_stream_next_below(&self->stream, 3) ? NULL : importance_of,
        .has_growing = cg_stream_next_below(&self->stream, 2),
    };
    cg_segment *chosen[CG_COLLECTION_SEGMENTS_MAX];
    options.segments = chosen;
    for (uint32_t i = 0; i < self->opened_count; i++) {
        if (self->opened[i].segment && cg_stream_next_below(&self->stream, 3) == 0) {
            chosen[options.segment_count++] = self->opened[i].segment;
        }
    }
    if (options.segment_count == 0 ||
        cg_collection_segment_count(self->collection) > CG_COLLECTION_SEGMENTS_MAX - 2) {
        options.has_growing = true; /* freezing; or, when there are many, all of it */
        options.segments = options.segment_count == 0 ? chosen : NULL;
    }
    merge(self, &options);
}

static float distance_of(const program *self, const float *query, uint32_t number) {
    const cg_kernels *kernels = cg_kernels_of(CG_ISA_SCALAR);
    const float *vector = self->vectors + (size_t)number * DIMS;
    return self->metric == CG_METRIC_L2 ? kernels->square_distance_f32(query, vector, DIMS)
                                        : 1.0f - kernels->dot_f32(query, vector, DIMS);
}

static bool is_third(void *context, uint64_t id) {
    (void)context;
    return number_of(id) % 3 == 0;
}

static void check_hits(program *self, const float *query, bool has_filter,
                       const cg_index_hit *hits, uint32_t found) {
    float nearest[K];
    uint32_t held = 0;
    uint32_t passing = 0;
    for (uint32_t number = 0; number < IDS; number++) {
        if (!self->held[number] || (has_filter && number % 3 != 0)) {
            continue;
        }
        passing++;
        float distance = distance_of(self, query, number);
        uint32_t at = held < K ? held++ : K - 1;
        if (held == K && passing > K && distance >= nearest[K - 1]) {
            continue;
        }
        for (; at > 0 && nearest[at - 1] > distance; at--) {
            nearest[at] = nearest[at - 1];
        }
        nearest[at] = distance;
    }
    assert_int_equal(found, held);
    for (uint32_t i = 0; i < found; i++) {
        uint32_t number = number_of(hits[i].id);
        assert_true(self->held[number]);
        assert_true(!has_filter || number % 3 == 0);
        float truth = distance_of(self, query, number);
        float gap = truth - hits[i].distance;
        assert_true(fabsf(gap) <= 0.004f * (1.0f + truth)); /* half precision */
        assert_true(i == 0 || hits[i].distance >= hits[i - 1].distance);
        for (uint32_t j = 0; j < i; j++) {
            assert_true(hits[j].id != hits[i].id);
        }
        self->good += truth <= nearest[held - 1] + 0.004f * (1.0f + truth);
    }
    self->asked += found;
}

static void search(program *self) {
    float query[DIMS];
    cg_index_hit hits[K];
    uint32_t found = 0;
    cg_error error;
    bool has_filter = cg_stream_next_below(&self->stream, 2);
    cg_collection_filter *filter = NULL;
    draw_vector(self, query);
    if (has_filter) {
        assert_ok(cg_collection_filter_alloc(self->collection, is_third, NULL,
                                             cg_allocator_heap(), &filter, &error),
                  error);
    }
    cg_collection_query asked = {.index = {.vector = query, .k = K, .ef = 80, .rerank = 60},
                                 .filter = filter};
    assert_ok(cg_collection_search(self->collection, &asked, self->scratch, hits, &found, NULL,
                                   &error),
              error);
    check_hits(self, query, has_filter, hits, found);
    cg_collection_filter_free(filter);
}

static void check_ids(const program *self) {
    uint64_t count = 0;
    for (uint32_t number = 0; number < IDS; number++) {
        assert_int_equal(cg_collection_has(self->collection, id_of(number)),
                         self->held[number]);
        count += self->held[number];
    }
    assert_int_equal(cg_collection_count(self->collection), count);
    const cg_index *growing = cg_collection_growing(self->collection);
    assert_int_equal(cg_index_reachable(growing, cg_allocator_heap()),
                     cg_index_rows_in_use(growing));
}

static void run_program(cg_metric metric, uint64_t entity) {
    static program self;
    self = (program){.stream = cg_stream_init(seed, "collection_property_test", entity),
                     .metric = metric};
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, DIMS);
    options.metric = metric;
    options.codes = CG_PRECISION_I8;
    options.fuller = CG_PRECISION_F16;
    options.m = 8;
    options.ef_construction = 60;
    options.has_ids = true;
    cg_error error;
    assert_ok(cg_collection_alloc(&options, cg_allocator_heap(), &self.collection, &error),
              error);
    assert_ok(cg_collection_scratch_alloc(cg_allocator_heap(), &self.scratch, &error), error);
    self.vectors = calloc((size_t)IDS * DIMS, sizeof *self.vectors);
    assert_non_null(self.vectors);
    for (uint32_t step = 0; step < STEPS; step++) {
        uint64_t choice = cg_stream_next_below(&self.stream, 20);
        if (choice < 6) {
            change(&self, false);
        } else if (choice < 8) {
            change(&self, true);
        } else if (choice < 11) {
            remove_some(&self);
        } else if (choice < 13) {
            freeze_or_merge(&self);
        } else {
            search(&self);
        }
        if (step % 50 == 49) {
            check_ids(&self);
        }
    }
    merge(&self, &(cg_collection_merge_options){.form = {.codes = CG_PRECISION_I8,
                                                         .has_fuller = true,
                                                         .fuller = CG_PRECISION_F16},
                                                .has_growing = true});
    assert_int_equal(cg_collection_segment_count(self.collection), 1);
    assert_int_equal(cg_index_count(cg_collection_growing(self.collection)), 0);
    check_ids(&self);
    search(&self);
    if (self.good < 0.97 * self.asked) {
        fail_msg("recall %.3f", (double)self.good / self.asked);
    }
    cg_collection_scratch_free(self.scratch);
    cg_collection_free(self.collection);
    for (uint32_t i = 0; i < self.opened_count; i++) {
        if (self.opened[i].segment) {
            close_one(&self, self.opened[i].segment);
        }
    }
    free(self.vectors);
}

static void test_programs(void **state) {
    (void)state;
    for (uint64_t entity = 0; entity < 3; entity++) {
        run_program(CG_METRIC_L2, entity);
        run_program(CG_METRIC_COSINE, entity + 100);
    }
}

/* Every allocation of an update and of a merge fails once; what is held stays. */
static void test_memory_runs_out(void **state) {
    (void)state;
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, DIMS);
    options.metric = CG_METRIC_L2;
    options.m = 8;
    options.has_ids = true;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator view = cg_counting_allocator_view(&counting);
    program drawer = {.stream = cg_stream_init(seed, "collection_property_test.memory", 0),
                      .metric = CG_METRIC_L2};
    static float vectors[100 * DIMS];
    uint64_t ids[100];
    for (uint32_t i = 0; i < 100; i++) {
        ids[i] = id_of(i);
        draw_vector(&drawer, vectors + (size_t)i * DIMS);
    }
    cg_runner serial = cg_runner_serial();
    cg_error error;
    cg_collection *collection = NULL;
    assert_ok(cg_collection_alloc(&options, view, &collection, &error), error);
    cg_index_rows half = {.vectors = vectors, .ids = ids, .count = 50};
    assert_ok(cg_collection_add(collection, &half, &serial, NULL, &error), error);
    cg_collection_merge_options all = {.form = {.codes = CG_PRECISION_F32},
                                       .has_growing = true};
    opened first = {0};
    assert_ok(cg_collection_merge(collection, &all, &serial, &first.bytes, &first.size, &error),
              error);
    assert_ok(cg_segment_open(first.bytes, first.size, CG_SEGMENT_CHECK_ALL,
                              cg_allocator_heap(), &first.segment, &error),
              error);
    cg_segment *detached[CG_COLLECTION_SEGMENTS_MAX];
    uint32_t detached_count = 0;
    bool has_finished = false;
    for (uint64_t nth = 1; !has_finished; nth++) {
        counting.fail_at = nth;
        cg_status status =
            cg_collection_replace(collection, first.segment, detached, &detached_count, &error);
        has_finished = status == CG_OK;
        assert_true(has_finished || status == CG_ERROR_MEMORY);
        assert_int_equal(cg_collection_count(collection), 50);
    }
    counting.fail_at = 0;
    cg_index_rows rest = {.vectors = vectors + (size_t)50 * DIMS, .ids = ids + 50, .count = 50};
    assert_ok(cg_collection_add(collection, &rest, &serial, NULL, &error), error);
    cg_index_rows both = {.vectors = vectors, .ids = ids + 25, .count = 50};
    has_finished = false;
    for (uint64_t nth = 1; !has_finished; nth++) {
        counting.fail_at = nth;
        cg_status status = cg_collection_update(collection, &both, &serial, NULL, &error);
        has_finished = status == CG_OK;
        assert_true(has_finished || status == CG_ERROR_MEMORY);
        assert_int_equal(cg_collection_count(collection), 100);
    }
    has_finished = false;
    for (uint64_t nth = 1; !has_finished; nth++) {
        uint8_t *bytes = NULL;
        size_t size = 0;
        counting.fail_at = nth;
        cg_status status =
            cg_collection_merge(collection, &all, &serial, &bytes, &size, &error);
        has_finished = status == CG_OK;
        assert_true(has_finished || (status == CG_ERROR_MEMORY && bytes == NULL));
        assert_int_equal(cg_collection_count(collection), 100);
        cg_deallocate_aligned(&view, bytes, size);
    }
    cg_collection_free(collection);
    cg_segment_close(first.segment);
    cg_deallocate_aligned(&view, first.bytes, first.size);
    assert_int_equal(counting.live_blocks, 0);
}

/* Every allocation of a search over two parts fails once; no hit is written by those that fail. */
static void test_search_fails(void **state) {
    (void)state;
    static program self;
    self = (program){.stream = cg_stream_init(seed, "collection_property_test.search", 0),
                     .metric = CG_METRIC_L2};
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, DIMS);
    options.metric = CG_METRIC_L2;
    options.has_ids = true;
    cg_error error;
    assert_ok(cg_collection_alloc(&options, cg_allocator_heap(), &self.collection, &error),
              error);
    self.vectors = calloc((size_t)IDS * DIMS, sizeof *self.vectors);
    assert_non_null(self.vectors);
    change(&self, false);
    merge(&self, &(cg_collection_merge_options){.form = {.codes = CG_PRECISION_I8},
                                                .has_growing = true});
    change(&self, false);
    float query[DIMS];
    draw_vector(&self, query);
    cg_collection_query asked = {.index = {.vector = query, .k = K}};
    uint64_t failed = 0;
    for (bool has_finished = false; !has_finished;) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        cg_allocator view = cg_counting_allocator_view(&counting);
        cg_collection_scratch *scratch = NULL;
        assert_ok(cg_collection_scratch_alloc(view, &scratch, &error), error);
        counting.fail_at = failed + 1;
        cg_index_hit hits[K];
        cg_index_hit untouched[K];
        uint32_t found = 12345;
        memset(hits, 0x5a, sizeof hits);
        memset(untouched, 0x5a, sizeof untouched);
        cg_status status =
            cg_collection_search(self.collection, &asked, scratch, hits, &found, NULL, &error);
        has_finished = status == CG_OK;
        if (!has_finished) {
            assert_int_equal(status, CG_ERROR_MEMORY);
            assert_int_equal(found, 12345);
            assert_memory_equal(hits, untouched, sizeof hits);
            failed++;
        }
        cg_collection_scratch_free(scratch);
        assert_int_equal(counting.live_blocks, 0);
    }
    assert_in_range(failed, 4, 20); /* of both parts */
    cg_collection_free(self.collection);
    close_one(&self, self.opened[0].segment);
    free(self.vectors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_search_fails),
    };
    seed = support_seed(404);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
