/* Goal: a segment answers as the index that it was frozen from, on every instruction set, at
 * every precision as well as that precision can; it thaws into the same graph; and what cannot
 * be done is refused. */
#include <math.h>
#include <string.h>

#include "engine/base/hash.h"
#include "tests/support/segments.h"

/* As wide as the index, both are exact on the same codes: the same distances, and the same ids
 * but where distances are equal. */
static void check_same_answers(const shape *like, const cg_index *index,
                               const cg_segment *segment) {
    float *queries = draw_rows(20, like->dims, like->metric, 77);
    cg_index_scratch *scratch = NULL;
    cg_error error;
    assert_ok(cg_index_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    cg_segment_scratch *frozen_scratch = new_scratch();
    for (uint32_t i = 0; i < 20; i++) {
        cg_index_query query = {.vector = queries + (size_t)i * like->dims,
                                .k = K,
                                .ef = like->count,
                                .rerank = like->count};
        cg_index_hit expected[K];
        cg_index_hit hits[K];
        uint32_t found = 0;
        assert_ok(cg_index_search(index, &query, scratch, expected, &found, NULL, &error),
                  error);
        assert_int_equal(search_frozen(segment, &query, frozen_scratch, hits), found);
        for (uint32_t j = 0; j < found; j++) {
            assert_true(hits[j].distance == expected[j].distance);
            bool is_tied = (j > 0 && hits[j - 1].distance == hits[j].distance) ||
                           (j + 1 < found && hits[j + 1].distance == hits[j].distance) ||
                           j + 1 == found;
            assert_true(is_tied || hits[j].id == expected[j].id);
        }
    }
    cg_segment_scratch_free(frozen_scratch);
    cg_index_scratch_free(scratch);
    free(queries);
}

/* Hits of some queries at some widths, in one number. */
static uint64_t hash_answers(const shape *like, const cg_segment *segment) {
    float *queries = draw_rows(10, like->dims, like->metric, 78);
    cg_segment_scratch *scratch = new_scratch();
    cg_hasher hasher = cg_hasher_init();
    for (uint32_t i = 0; i < 10; i++) {
        for (uint32_t ef = 5; ef < 200; ef *= 3) {
            cg_index_query query = {
                .vector = queries + (size_t)i * like->dims, .k = K, .ef = ef};
            cg_index_hit hits[K];
            uint32_t found = search_frozen(segment, &query, scratch, hits);
            for (uint32_t j = 0; j < found; j++) {
                cg_hasher_add_u64(&hasher, hits[j].id);
                cg_hasher_add_f32(&hasher, hits[j].distance);
            }
        }
    }
    cg_segment_scratch_free(scratch);
    free(queries);
    return cg_hasher_value(&hasher);
}

static void check_instruction_sets(const shape *like, cg_segment *segment) {
    const cg_kernels *best = segment->kernels;
    uint64_t expected = hash_answers(like, segment);
    for (int isa = 0; isa < CG_ISA_COUNT; isa++) {
        const cg_kernels *kernels = cg_kernels_of((cg_isa)isa);
        if (kernels) {
            segment->kernels = kernels;
            assert_int_equal(hash_answers(like, segment), expected);
        }
    }
    segment->kernels = best;
}

static void check_thaw(const shape *like, const cg_index *index, const cg_segment *segment) {
    cg_index *thawed = NULL;
    cg_error error;
    assert_ok(cg_segment_thaw(segment, cg_allocator_heap(), &thawed, &error), error);
    assert_int_equal(cg_index_count(thawed), cg_index_count(index));
    assert_int_equal(cg_index_reachable(thawed, cg_allocator_heap()), cg_index_count(index));
    /* The same graph: the same rows link to the same rows, by id. */
    float *left = calloc(like->dims, sizeof *left);
    float *right = calloc(like->dims, sizeof *right);
    assert_true(left && right);
    for (uint32_t row = 0; row < cg_segment_count(segment); row++) {
        uint64_t id = cg_segment_id(segment, row);
        uint64_t old = id - 1000;
        uint64_t now = id - 1000;
        if (like->has_ids) {
            assert_true(cg_table_get(index->row_of, id, &old));
            assert_true(cg_table_get(thawed->row_of, id, &now));
        }
        assert_int_equal(index->hnsw.levels[old], thawed->hnsw.levels[now]);
        for (uint32_t level = 0; level <= index->hnsw.levels[old]; level++) {
            uint32_t had[CG_INDEX_LINKS_MAX];
            uint32_t has[CG_INDEX_LINKS_MAX];
            uint32_t count = cg_hnsw_copy_links(index, (uint32_t)old, level, had);
            assert_int_equal(cg_hnsw_copy_links(thawed, (uint32_t)now, level, has), count);
            uint64_t sums[2] = {0, 0};
            for (uint32_t i = 0; i < count; i++) {
                sums[0] += cg_hash_u64(cg_index_id(index, had[i]), 1);
                sums[1] += cg_hash_u64(cg_index_id(thawed, has[i]), 1);
            }
            assert_int_equal(sums[0], sums[1]);
        }
        assert_int_equal(cg_index_id(index, cg_hnsw_parent(index, (uint32_t)old)),
                         cg_index_id(thawed, cg_hnsw_parent(thawed, (uint32_t)now)));
        assert_int_equal(index->hnsw.children[old], thawed->hnsw.children[now]);
        cg_index_vector(index, (uint32_t)old, left);
        cg_index_vector(thawed, (uint32_t)now, right);
        assert_memory_equal(left, right, like->dims * sizeof *left);
    }
    free(right);
    free(left);
    cg_index_free(thawed);
}

static void test_same_answers(void **state) {
    (void)state;
    const shape shapes[] = {
        {CG_METRIC_L2, CG_PRECISION_I8, CG_PRECISION_F16, 3000, 40, 8, true},
        {CG_METRIC_COSINE, CG_PRECISION_I8, CG_PRECISION_F32, 1500, 100, 16, false},
        {CG_METRIC_INNER_PRODUCT, CG_PRECISION_I8, CG_PRECISION_F16, 900, 64, 5, true},
        {CG_METRIC_COSINE, CG_PRECISION_I8, CG_PRECISION_I8, 700, 24, 4, true},
        {CG_METRIC_L2, CG_PRECISION_F16, CG_PRECISION_F32, 400, 17, 16, false},
        {CG_METRIC_COSINE, CG_PRECISION_F32, CG_PRECISION_F32, 400, 33, 64, true},
        {CG_METRIC_INNER_PRODUCT, CG_PRECISION_F16, CG_PRECISION_F16, 300, 1031, 8, true},
        {CG_METRIC_L2, CG_PRECISION_I8, CG_PRECISION_F16, 1, 3, 4, true},
        {CG_METRIC_L2, CG_PRECISION_I8, CG_PRECISION_F16, 2, 1, 4, false},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const shape *like = &shapes[i];
        float *rows = draw_rows(like->count, like->dims, like->metric, i);
        cg_index *index = build(like, rows);
        bool has_fuller = like->fuller != like->codes;
        cg_freeze_options options = {
            .codes = like->codes, .has_fuller = has_fuller, .fuller = like->fuller};
        frozen made = freeze(index, &options);
        frozen again = freeze(index, &options);
        assert_int_equal(made.size, again.size);
        assert_memory_equal(made.bytes, again.bytes, made.size);
        assert_int_equal(cg_segment_count(made.segment), like->count);
        assert_int_equal(cg_segment_reachable(made.segment, cg_allocator_heap()), like->count);
        check_same_answers(like, index, made.segment);
        check_instruction_sets(like, made.segment);
        check_thaw(like, index, made.segment);
        melt(&again);
        melt(&made);
        cg_index_free(index);
        free(rows);
    }
}

/* Rows so near each other that their rounded scores are all equal, and a few so far away that
 * theirs are all the most there is: as wide as the index, the nearest is found nevertheless. */
static void test_equal_scores(void **state) {
    (void)state;
    enum { DIMS = 8, SPREAD = 1000, NEAR = 100 };
    const shape like = {
        CG_METRIC_L2, CG_PRECISION_F32, CG_PRECISION_F32, SPREAD + NEAR, DIMS, 12, false};
    float *rows = draw_rows(like.count, DIMS, like.metric, 12);
    cg_stream stream = cg_stream_init(seed, "segment_property_test.equal_scores", 0);
    for (uint32_t i = 0; i < like.count * DIMS; i++) {
        float value = 2.0f * (float)cg_stream_next_unit(&stream) - 1.0f;
        rows[i] = i < SPREAD * DIMS ? value : 0.25f + 1e-3f * value;
    }
    cg_index *index = build(&like, rows);
    cg_segment_scratch *scratch = new_scratch();
    const cg_kernels *kernels = cg_kernels_of(CG_ISA_SCALAR);
    float queries[2][16] = {{0}};
    for (uint32_t d = 0; d < DIMS; d++) {
        queries[0][d] = 0.25f;
        queries[1][d] = 1e4f; /* scores are at their limit */
    }
    for (int p = CG_PRECISION_F32; p <= CG_PRECISION_F16; p++) {
        frozen made = freeze(index, &(cg_freeze_options){.codes = (cg_precision)p});
        for (uint32_t i = 0; i < 2; i++) {
            cg_index_query query = {.vector = queries[i], .k = 1, .ef = 2000};
            cg_index_hit hit;
            assert_int_equal(search_frozen(made.segment, &query, scratch, &hit), 1);
            for (uint32_t row = 0; row < like.count; row++) {
                float padded[16] = {0};
                cg_segment_vector(made.segment, row, padded);
                assert_true(hit.distance <=
                            kernels->square_distance_f32(queries[i], padded, 16));
            }
        }
        melt(&made);
    }
    cg_segment_scratch_free(scratch);
    cg_index_free(index);
    free(rows);
}

static void test_without_rows(void **state) {
    (void)state;
    const shape like = {CG_METRIC_COSINE, CG_PRECISION_I8, CG_PRECISION_F16, 0, 9, 4, true};
    float *rows = draw_rows(1, like.dims, like.metric, 1);
    cg_index *index = build(&like, rows);
    frozen made = freeze(index, &(cg_freeze_options){.codes = CG_PRECISION_I1});
    cg_segment_scratch *scratch = new_scratch();
    cg_index_hit hits[K];
    cg_index_query query = {.vector = rows, .k = K};
    assert_int_equal(search_frozen(made.segment, &query, scratch, hits), 0);
    cg_index *thawed = NULL;
    cg_error error;
    assert_ok(cg_segment_thaw(made.segment, cg_allocator_heap(), &thawed, &error), error);
    assert_int_equal(cg_index_count(thawed), 0);
    cg_index_free(thawed);
    cg_segment_scratch_free(scratch);
    melt(&made);
    cg_index_free(index);
    free(rows);
}

static void test_all_equal(void **state) {
    (void)state;
    const shape like = {CG_METRIC_L2, CG_PRECISION_I8, CG_PRECISION_F16, 700, 8, 6, true};
    float *rows = draw_rows(like.count, like.dims, like.metric, 11);
    for (uint32_t row = 1; row < like.count; row++) {
        memcpy(rows + (size_t)row * like.dims, rows, like.dims * sizeof *rows);
    }
    cg_index *index = build(&like, rows);
    cg_segment_scratch *scratch = new_scratch();
    for (int p = 0; p < CG_PRECISION_COUNT; p++) {
        cg_freeze_options options = {
            .codes = (cg_precision)p, .has_fuller = true, .fuller = CG_PRECISION_F16};
        frozen made = freeze(index, &options);
        assert_int_equal(cg_segment_reachable(made.segment, cg_allocator_heap()), like.count);
        cg_index_query query = {.vector = rows, .k = K, .ef = K};
        cg_index_hit hits[K];
        assert_int_equal(search_frozen(made.segment, &query, scratch, hits), K);
        for (uint32_t i = 0; i < K; i++) { /* half precision was all the index had */
            assert_true(fabsf(hits[i].distance) < 1e-4f && hits[i].row < like.count);
        }
        check_thaw(&like, index, made.segment);
        melt(&made);
    }
    cg_segment_scratch_free(scratch);
    cg_index_free(index);
    free(rows);
}

static double recall_of(const shape *like, const float *rows, const cg_segment *segment,
                        uint32_t rerank) {
    enum { QUERIES = 40 };
    float *queries = draw_rows(QUERIES, like->dims, like->metric, 79);
    cg_segment_scratch *scratch = new_scratch();
    const cg_kernels *kernels = cg_kernels_of(CG_ISA_SCALAR);
    uint32_t good = 0;
    for (uint32_t i = 0; i < QUERIES; i++) {
        const float *vector = queries + (size_t)i * like->dims;
        double kth[K] = {0};
        uint32_t held = 0;
        cg_index_hit hits[K];
        cg_index_query query = {.vector = vector, .k = K, .ef = 100, .rerank = rerank};
        uint32_t found = search_frozen(segment, &query, scratch, hits);
        assert_int_equal(found, K);
        for (uint32_t row = 0; row < like->count; row++) {
            const float *other = rows + (size_t)row * like->dims;
            double distance = (double)kernels->square_distance_f32(vector, other, like->dims);
            if (like->metric != CG_METRIC_L2) {
                distance = 1.0 - (double)kernels->dot_f32(vector, other, like->dims);
            }
            uint32_t at = held < K ? held++ : K;
            if (at == K && distance >= kth[K - 1]) {
                continue;
            }
            at = at == K ? K - 1 : at;
            for (; at > 0 && kth[at - 1] > distance; at--) {
                kth[at] = kth[at - 1];
            }
            kth[at] = distance;
        }
        for (uint32_t j = 0; j < K; j++) {
            uint64_t row = hits[j].id - 1000;
            const float *other = rows + row * like->dims;
            double distance =
                like->metric == CG_METRIC_L2
                    ? (double)kernels->square_distance_f32(vector, other, like->dims)
                    : 1.0 - (double)kernels->dot_f32(vector, other, like->dims);
            good += distance <= kth[K - 1] + 1e-6;
        }
    }
    cg_segment_scratch_free(scratch);
    free(queries);
    return (double)good / (QUERIES * K);
}

static void test_precisions(void **state) {
    (void)state;
    for (int metric = CG_METRIC_COSINE; metric <= CG_METRIC_INNER_PRODUCT; metric++) {
        const shape like = {
            (cg_metric)metric, CG_PRECISION_F32, CG_PRECISION_F32, 4000, 64, 12, false};
        float *rows = draw_rows(like.count, like.dims, like.metric, 5);
        cg_index *index = build(&like, rows);
        float *importance = malloc(like.count * sizeof *importance);
        assert_non_null(importance);
        for (uint32_t i = 0; i < like.count; i++) {
            importance[i] = (float)(i % 101) / 100.0f;
        }
        /* f32, f16, i8, i4, i1, a mix: with no fuller form, then with one. */
        static const double alone[] = {0.97, 0.97, 0.93, 0.60, 0.25, 0.40};
        static const double reranked[] = {0.97, 0.97, 0.97, 0.96, 0.85, 0.80};
        size_t last_bytes = SIZE_MAX;
        for (int p = 0; p <= CG_PRECISION_COUNT; p++) {
            bool is_mix = p == CG_PRECISION_COUNT;
            cg_freeze_options options = {.codes = (cg_precision)(is_mix ? 0 : p),
                                         .importance = is_mix ? importance : NULL};
            frozen made = freeze(index, &options);
            double recall = recall_of(&like, rows, made.segment, 0);
            check_instruction_sets(&like, made.segment);
            assert_true(is_mix || made.size < last_bytes);
            last_bytes = made.size;
            melt(&made);
            options.has_fuller = true;
            options.fuller = CG_PRECISION_F32;
            made = freeze(index, &options);
            double better = recall_of(&like, rows, made.segment, 100);
            melt(&made);
            if (recall < alone[p] || better < reranked[p]) {
                fail_msg("metric %d precision %d: recall %.3f alone, %.3f after re-ranking",
                         metric, p, recall, better);
            }
        }
        free(importance);
        cg_index_free(index);
        free(rows);
    }
}

static void test_allowed_rows(void **state) {
    (void)state;
    const shape like = {CG_METRIC_L2, CG_PRECISION_I8, CG_PRECISION_F32, 3000, 32, 8, true};
    float *rows = draw_rows(like.count, like.dims, like.metric, 6);
    cg_index *index = build(&like, rows);
    frozen made = freeze(index, &(cg_freeze_options){.codes = CG_PRECISION_I8});
    uint64_t bits[3000 / 64 + 1];
    const uint32_t shares[] = {1, 3, 40, 1500, 2999}; /* every n-th row passes */
    cg_segment_scratch *scratch = new_scratch();
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        cg_segment_rows allowed = {.bits = bits};
        memset(bits, 0, sizeof bits);
        for (uint32_t row = 0; row < like.count; row += shares[i]) {
            bits[row / 64] |= UINT64_C(1) << (row % 64);
            allowed.count++;
        }
        cg_segment_query query = {.index = {.vector = rows, .k = K, .ef = 20},
                                  .rows = &allowed};
        cg_index_hit hits[K];
        uint32_t found = 0;
        cg_error error;
        assert_ok(cg_segment_search(made.segment, &query, scratch, hits, &found, NULL, &error),
                  error);
        assert_int_equal(found, allowed.count < K ? allowed.count : K);
        for (uint32_t j = 0; j < found; j++) {
            assert_int_equal(hits[j].row % shares[i], 0);
        }
    }
    cg_segment_scratch_free(scratch);
    melt(&made);
    cg_index_free(index);
    free(rows);
}

/* A query that is mirrored on its way in is a mirrored query, whatever the rows' precision. */
static void test_mirrored_queries(void **state) {
    (void)state;
    enum { COUNT = 300, DIMS = 70 };
    const uint64_t flips[2] = {UINT64_C(0xa5c3f00f12345678), 0x2b};
    for (cg_precision codes = CG_PRECISION_F32; codes <= CG_PRECISION_I1; codes++) {
        shape like = {.metric = (cg_metric)(codes % 3),
                      .codes = CG_PRECISION_I8,
                      .fuller = CG_PRECISION_F32,
                      .count = COUNT,
                      .dims = DIMS,
                      .m = 8};
        float *rows = draw_rows(COUNT + 5, DIMS, like.metric, 700 + codes);
        cg_index *index = build(&like, rows);
        cg_freeze_options options = {
            .codes = codes, .has_fuller = true, .fuller = CG_PRECISION_F16};
        frozen made = freeze(index, &options);
        cg_segment_scratch *scratch = new_scratch();
        for (uint32_t i = 0; i < 5; i++) {
            float mirrored[DIMS];
            cg_index_hit hits[K];
            cg_index_hit expected[K];
            const float *vector = rows + (size_t)(COUNT + i) * DIMS;
            cg_vector_flip(vector, DIMS, flips, mirrored);
            cg_index_query query = {.vector = mirrored, .k = K, .ef = 40};
            assert_int_equal(search_frozen(made.segment, &query, scratch, expected), K);
            query.vector = vector;
            query.flip_bits = flips;
            assert_int_equal(search_frozen(made.segment, &query, scratch, hits), K);
            for (uint32_t j = 0; j < K; j++) {
                assert_int_equal(hits[j].id, expected[j].id);
                assert_true(hits[j].distance == expected[j].distance);
            }
        }
        cg_segment_scratch_free(scratch);
        melt(&made);
        cg_index_free(index);
        free(rows);
    }
}

static void test_refusals(void **state) {
    (void)state;
    const shape like = {CG_METRIC_L2, CG_PRECISION_I8, CG_PRECISION_F16, 60, 8, 4, true};
    float *rows = draw_rows(like.count, like.dims, like.metric, 8);
    cg_index *index = build(&like, rows);
    cg_runner serial = cg_runner_serial();
    cg_error error;
    uint8_t *bytes = NULL;
    size_t size = 0;
    cg_allocator heap = cg_allocator_heap();
    cg_freeze_options options = {.codes = CG_PRECISION_COUNT};
    assert_status(cg_segment_encode(index, &options, heap, &bytes, &size, &error),
                  CG_ERROR_INVALID, error, "codes");
    options = (cg_freeze_options){.has_fuller = true, .fuller = CG_PRECISION_F32};
    assert_status(cg_segment_encode(index, &options, heap, &bytes, &size, &error),
                  CG_ERROR_INVALID, error, "cannot be made from f16");
    options.fuller = CG_PRECISION_I8;
    assert_status(cg_segment_encode(index, &options, heap, &bytes, &size, &error),
                  CG_ERROR_INVALID, error, "fuller");
    float importance[60];
    for (uint32_t i = 0; i < 60; i++) {
        importance[i] = i == 33 ? NAN : 0.5f;
    }
    options = (cg_freeze_options){.importance = importance};
    assert_status(cg_segment_encode(index, &options, heap, &bytes, &size, &error),
                  CG_ERROR_INVALID, error, "row 33");
    uint64_t id = id_for(&like, 3);
    assert_ok(cg_index_remove(index, &id, 1, &serial, NULL, &error), error);
    options = (cg_freeze_options){.codes = CG_PRECISION_I4};
    assert_status(cg_segment_encode(index, &options, heap, &bytes, &size, &error),
                  CG_ERROR_INVALID, error, "repair");
    assert_null(bytes);
    assert_ok(cg_index_repair(index, &serial, NULL, &error), error);
    frozen made = freeze(index, &options); /* with a free row inside */
    assert_int_equal(cg_segment_count(made.segment), like.count - 1);
    for (uint32_t row = 0; row < like.count - 1; row++) {
        assert_true(cg_segment_id(made.segment, row) != id);
    }
    cg_segment_scratch *scratch = new_scratch();
    cg_index_hit hits[1];
    uint32_t found = 0;
    cg_segment_query query = {.index = {.vector = rows, .k = 0}};
    assert_status(cg_segment_search(made.segment, &query, scratch, hits, &found, NULL, &error),
                  CG_ERROR_INVALID, error, "k");
    rows[2] = NAN;
    query.index.k = 1;
    assert_status(cg_segment_search(made.segment, &query, scratch, hits, &found, NULL, &error),
                  CG_ERROR_INVALID, error, "finite");
    cg_segment_scratch_free(scratch);
    melt(&made);
    cg_index_free(index);
    free(rows);
}

static void test_memory_runs_out(void **state) {
    (void)state;
    const shape like = {CG_METRIC_L2, CG_PRECISION_F32, CG_PRECISION_F32, 120, 8, 4, true};
    float *rows = draw_rows(like.count, like.dims, like.metric, 9);
    cg_index *index = build(&like, rows);
    cg_freeze_options options = {.codes = CG_PRECISION_I1, .has_fuller = true};
    bool has_finished = false;
    for (uint64_t nth = 1; !has_finished; nth++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = nth;
        cg_allocator view = cg_counting_allocator_view(&counting);
        uint8_t *bytes = NULL;
        size_t size = 0;
        cg_segment *segment = NULL;
        cg_index *thawed = NULL;
        cg_segment_scratch *scratch = NULL;
        cg_index_hit hits[K];
        uint32_t found = 0;
        cg_segment_query query = {.index = {.vector = rows, .k = K}};
        cg_error error;
        cg_status status = cg_segment_encode(index, &options, view, &bytes, &size, &error);
        if (status == CG_OK) {
            status = cg_segment_open(bytes, size, CG_SEGMENT_CHECK_ALL, view, &segment, &error);
        }
        if (status == CG_OK) {
            status = cg_segment_thaw(segment, view, &thawed, &error);
        }
        if (status == CG_OK) {
            status = cg_segment_scratch_alloc(view, &scratch, &error);
        }
        if (status == CG_OK) {
            status = cg_segment_search(segment, &query, scratch, hits, &found, NULL, &error);
        }
        has_finished = status == CG_OK;
        assert_true(has_finished || status == CG_ERROR_MEMORY);
        cg_segment_scratch_free(scratch);
        cg_index_free(thawed);
        cg_segment_close(segment);
        cg_deallocate_aligned(&view, bytes, size);
        assert_int_equal(counting.live_blocks, 0);
        assert_true(nth < 1000);
    }
    cg_index_free(index);
    free(rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_answers),     cmocka_unit_test(test_without_rows),
        cmocka_unit_test(test_precisions),       cmocka_unit_test(test_allowed_rows),
        cmocka_unit_test(test_all_equal),        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory_runs_out),  cmocka_unit_test(test_equal_scores),
        cmocka_unit_test(test_mirrored_queries),
    };
    seed = support_seed(2025);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
