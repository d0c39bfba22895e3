/* Goal: bad input to an index comes back as a status with a sentence that names it, and leaves
 * the index, and results, as they were: options, vectors, ids, capacities, samples, queries. */
#include "tests/support/index_rig.h"

#include <math.h>

enum { DIMS = 12, ROWS = 100 };

static float rows[2 * ROWS][DIMS]; /* unit vectors */
static uint64_t ids[2 * ROWS];

static cg_index_options options_of(cg_index_kind kind, bool has_ids) {
    cg_index_options options = rig_options(kind, DIMS, 6);
    options.has_ids = has_ids;
    return options;
}

/* With ROWS rows. */
static cg_index *filled(const cg_index_options *options) {
    cg_index *index = rig_index(options);
    rig_add(index, rows[0], options->has_ids ? ids : NULL, ROWS);
    return index;
}

static void test_options(void **state) {
    (void)state;
    struct {
        const char *part;
        cg_index_options options;
    } cases[15];
    const char *const parts[15] = {"dims are 0",
                                   "dims are 4097",
                                   "m is 3",
                                   "m is 65",
                                   "ef_construction is 5",
                                   "ef_construction is 1001",
                                   "metric is 9",
                                   "kind is 7",
                                   "codes are 3",
                                   "codes are 1",
                                   "codes are 2",
                                   "fuller form is 1",
                                   "fuller form is 2",
                                   "fuller form is 4",
                                   "capacity is 2147483648"};
    for (size_t i = 0; i < 15; i++) {
        bool is_flat = i == 9 || i == 10;
        cases[i].part = parts[i];
        cases[i].options = options_of(is_flat ? CG_INDEX_FLAT : CG_INDEX_HNSW, false);
    }
    cases[0].options.dims = 0;
    cases[1].options.dims = 4097;
    cases[2].options.m = 3;
    cases[3].options.m = 65;
    cases[4].options.ef_construction = 5;
    cases[5].options.ef_construction = 1001;
    cases[6].options.metric = (cg_metric)9;
    cases[7].options.kind = (cg_index_kind)7;
    cases[8].options.codes = CG_PRECISION_I4;
    cases[9].options.codes = CG_PRECISION_F16;
    cases[10].options.codes = CG_PRECISION_I8;
    cases[11].options.fuller = CG_PRECISION_F16;
    cases[12].options.codes = CG_PRECISION_F16;
    cases[12].options.fuller = CG_PRECISION_I8;
    cases[13].options.codes = CG_PRECISION_I8;
    cases[13].options.fuller = CG_PRECISION_I1;
    cases[14].options.capacity = UINT32_C(1) << 31;
    for (size_t i = 0; i < 15; i++) {
        cg_index *index = NULL;
        cg_error error;
        assert_status(cg_index_alloc(&cases[i].options, cg_allocator_heap(), &index, &error),
                      CG_ERROR_INVALID, error, cases[i].part);
        assert_null(index);
    }
}

/* A call that has to fail on an index, and how. */
typedef struct refusal {
    cg_status status;
    const char *part;
} refusal;

typedef enum call { ADD, UPDATE, TRAIN } call;

static void assert_refused(cg_index *index, call what, const cg_index_rows *given,
                           refusal expected) {
    cg_runner serial = cg_runner_serial();
    const uint64_t hash = cg_index_hash(index);
    const uint64_t size_bytes = cg_index_bytes(index);
    const uint32_t count = cg_index_count(index);
    cg_work work = {0};
    const cg_work none = {0};
    cg_error error;
    cg_status status = what == ADD ? cg_index_add(index, given, &serial, &work, &error)
                       : what == UPDATE
                           ? cg_index_update(index, given, &serial, &work, &error)
                           : cg_index_train(index, given->vectors, given->count, &error);
    assert_status(status, expected.status, error, expected.part);
    assert_true(cg_index_hash(index) == hash);
    assert_int_equal(cg_index_count(index), count);
    /* Room for the rows may have been made by the time that an id turns out to be taken. */
    assert_true(cg_index_bytes(index) == size_bytes || expected.status == CG_ERROR_EXISTS);
    assert_memory_equal(&work, &none, sizeof work);
}

/* For every call that takes vectors, one of which is bad. */
static void check_vectors(cg_index_kind kind, cg_metric metric, cg_precision codes) {
    cg_index_options options = options_of(kind, true);
    options.metric = metric;
    options.codes = codes;
    cg_index *index = filled(&options);
    cg_index *empty = rig_index(&options);
    struct {
        float value;
        const char *part;
    } cases[] = {{NAN, "not finite"},
                 {INFINITY, "not finite"},
                 {-INFINITY, "not finite"},
                 {3e38f, "squared length is inf"},
                 {1.1f, "squared length"}};
    const size_t case_count = metric == CG_METRIC_COSINE ? 5 : 3;
    float *bad = rows[ROWS + 7];
    float kept[DIMS];
    memcpy(kept, bad, sizeof kept);
    const cg_index_rows added = {rows[ROWS], ids + ROWS, ROWS};
    const cg_index_rows updated = {rows[ROWS], ids, 50};
    for (size_t i = 0; i < case_count; i++) {
        bad[DIMS - 1] = cases[i].value;
        refusal expected = {CG_ERROR_INVALID, cases[i].part};
        assert_refused(index, ADD, &added, expected);
        assert_refused(empty, ADD, &added, (refusal){CG_ERROR_INVALID, "row 7 of the 100"});
        assert_refused(index, UPDATE, &updated, expected);
        assert_refused(index, UPDATE, &updated, (refusal){CG_ERROR_INVALID, "row 7 of the 50"});
        assert_refused(empty, TRAIN, &added, expected);
    }
    memset(bad, 0, sizeof kept);
    if (metric == CG_METRIC_COSINE) {
        assert_refused(index, ADD, &added,
                       (refusal){CG_ERROR_INVALID,
                                 "row 7 of the 100 given: the vector's squared "
                                 "length is 0; under the cosine metric"});
    } else {
        rig_add(index, added.vectors, added.ids, added.count); /* a vector like any other */
    }
    memcpy(bad, kept, sizeof kept);
    cg_index_free(empty);
    cg_index_free(index);
}

static void test_vectors(void **state) {
    (void)state;
    for (int metric = CG_METRIC_COSINE; metric <= CG_METRIC_INNER_PRODUCT; metric++) {
        check_vectors(CG_INDEX_FLAT, (cg_metric)metric, CG_PRECISION_F32);
        check_vectors(CG_INDEX_HNSW, (cg_metric)metric, CG_PRECISION_F32);
        check_vectors(CG_INDEX_HNSW, (cg_metric)metric, CG_PRECISION_F16);
        check_vectors(CG_INDEX_HNSW, (cg_metric)metric, CG_PRECISION_I8);
    }
}

static void assert_not_removed(cg_index *index, const uint64_t *given, uint32_t count,
                               refusal expected) {
    cg_runner serial = cg_runner_serial();
    const uint64_t hash = cg_index_hash(index);
    const uint32_t held = cg_index_count(index);
    cg_error error;
    assert_status(cg_index_remove(index, given, count, &serial, NULL, &error), expected.status,
                  error, expected.part);
    assert_true(cg_index_hash(index) == hash);
    assert_int_equal(cg_index_count(index), held);
}

static void check_ids(cg_index_kind kind) {
    cg_index_options options = options_of(kind, true);
    cg_index *index = filled(&options);
    const float *more = rows[ROWS];
    const uint64_t taken[3] = {500, ids[40], 501};
    const uint64_t twice[3] = {500, 501, 500};
    const uint64_t unknown[3] = {ids[3], ids[4], 500};
    const uint64_t again[3] = {ids[3], ids[4], ids[3]};
    assert_refused(index, ADD, &(cg_index_rows){more, NULL, 3},
                   (refusal){CG_ERROR_INVALID, "none are given"});
    assert_refused(index, ADD, &(cg_index_rows){more, taken, 3},
                   (refusal){CG_ERROR_EXISTS, "row 1 of the 3 given: id 18446744073709551575"});
    assert_refused(index, ADD, &(cg_index_rows){more, twice, 3},
                   (refusal){CG_ERROR_EXISTS, "row 2 of the 3 given: id 500"});
    assert_refused(index, UPDATE, &(cg_index_rows){more, NULL, 3},
                   (refusal){CG_ERROR_INVALID, "needs ids"});
    assert_refused(index, UPDATE, &(cg_index_rows){more, unknown, 3},
                   (refusal){CG_ERROR_NOT_FOUND, "id 500 (2 of the 3 given) is not in"});
    assert_refused(index, UPDATE, &(cg_index_rows){more, again, 3},
                   (refusal){CG_ERROR_NOT_FOUND, "comes twice"});
    assert_not_removed(index, unknown, 3,
                       (refusal){CG_ERROR_NOT_FOUND, "id 500 (2 of the 3 given) is not in"});
    assert_not_removed(index, again, 3, (refusal){CG_ERROR_NOT_FOUND, "comes twice"});
    assert_false(cg_index_has(index, 500));
    const uint64_t hash = cg_index_hash(index);
    rig_add(index, more, ids, 0);
    rig_update(index, more, ids, 0);
    rig_remove(index, NULL, 0);
    rig_repair(index);
    assert_true(cg_index_hash(index) == hash); /* nothing to do is no error */
    rig_remove(index, ids + 3, 1);
    assert_not_removed(index, ids + 3, 1, (refusal){CG_ERROR_NOT_FOUND, "is not in the index"});
    assert_refused(index, UPDATE, &(cg_index_rows){more, ids + 3, 1},
                   (refusal){CG_ERROR_NOT_FOUND, "is not in the index"});
    cg_index_free(index);
}

static void check_computed_ids(cg_index_kind kind) {
    cg_index_options options = options_of(kind, false);
    cg_index *index = filled(&options);
    assert_refused(index, ADD, &(cg_index_rows){rows[0], ids, 3},
                   (refusal){CG_ERROR_INVALID, "leave them out"});
    assert_refused(index, UPDATE, &(cg_index_rows){rows[0], ids, 3},
                   (refusal){CG_ERROR_INVALID, "an index that stores them"});
    assert_not_removed(index, ids, 1, (refusal){CG_ERROR_INVALID, "stores ids"});
    assert_false(cg_index_has(index, 0));
    rig_repair(index);
    cg_index_free(index);
}

static void test_ids(void **state) {
    (void)state;
    check_ids(CG_INDEX_FLAT);
    check_ids(CG_INDEX_HNSW);
    check_computed_ids(CG_INDEX_FLAT);
    check_computed_ids(CG_INDEX_HNSW);
}

static void test_capacity(void **state) {
    (void)state;
    for (int kind = CG_INDEX_FLAT; kind <= CG_INDEX_HNSW; kind++) {
        cg_index_options options = options_of((cg_index_kind)kind, true);
        options.capacity = ROWS + 10;
        cg_index *index = filled(&options);
        const float *more = rows[ROWS];
        assert_refused(index, ADD, &(cg_index_rows){more, ids + ROWS, 11},
                       (refusal){CG_ERROR_FULL,
                                 "11 rows cannot be added to 100; the index holds "
                                 "at most 110"});
        assert_refused(index, UPDATE, &(cg_index_rows){more, ids, 11},
                       (refusal){CG_ERROR_FULL, "at most 110"});
        rig_add(index, more, ids + ROWS, 10);
        assert_refused(index, ADD, &(cg_index_rows){more, ids + ROWS + 10, 1},
                       (refusal){CG_ERROR_FULL, "at most 110"});
        rig_remove(index, ids, 5);
        assert_refused(index, ADD, &(cg_index_rows){more, ids, 1},
                       (refusal){CG_ERROR_FULL, "not yet repaired"});
        rig_repair(index);
        rig_add(index, more, ids, 5);
        assert_int_equal(cg_index_count(index), ROWS + 10);
        cg_index_free(index);
    }
}

static void test_training(void **state) {
    (void)state;
    cg_index_options options = options_of(CG_INDEX_HNSW, false);
    options.codes = CG_PRECISION_I8;
    options.fuller = CG_PRECISION_I8;
    cg_index *index = rig_index(&options);
    cg_index *trained = rig_index(&options);
    cg_error error;
    assert_refused(index, TRAIN, &(cg_index_rows){rows[0], NULL, 0},
                   (refusal){CG_ERROR_INVALID, "a sample of 0 rows"});
    assert_ok(cg_index_train(trained, rows[0], ROWS, &error), error);
    assert_true(cg_index_hash(trained) != cg_index_hash(index));
    rig_add(index, rows[0], NULL, ROWS); /* trains on what is added */
    rig_add(trained, rows[0], NULL, ROWS);
    assert_true(cg_index_hash(trained) == cg_index_hash(index));
    assert_refused(index, TRAIN, &(cg_index_rows){rows[0], NULL, ROWS},
                   (refusal){CG_ERROR_INVALID, "for an index of 100"});
    float decoded[DIMS];
    cg_index_vector(index, 5, decoded);
    for (uint32_t d = 0; d < DIMS; d++) {
        assert_true(fabsf(decoded[d] - rows[5][d]) < 0.02f);
    }
    cg_index_free(trained);
    cg_index_free(index);
}

static void test_queries(void **state) {
    (void)state;
    float not_finite[DIMS] = {1.0f, NAN};
    float zero[DIMS] = {0.0f};
    float twice[DIMS] = {2.0f};
    struct {
        const char *part;
        cg_index_query query;
    } cases[] = {{"k = 0", {.vector = rows[0], .k = 0}},
                 {"not finite", {.vector = not_finite, .k = 1}},
                 {"the query: the vector's squared length is 0", {.vector = zero, .k = 1}},
                 {"squared length is 4", {.vector = twice, .k = 1}}};
    for (int kind = CG_INDEX_FLAT; kind <= CG_INDEX_HNSW; kind++) {
        for (int is_empty = 0; is_empty < 2; is_empty++) {
            cg_index_options options = options_of((cg_index_kind)kind, false);
            cg_index *index = is_empty ? rig_index(&options) : filled(&options);
            cg_index_scratch *scratch = rig_scratch();
            for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                cg_index_hit hit = {.id = 42};
                uint32_t found = 77;
                cg_error error;
                assert_status(cg_index_search(index, &cases[i].query, scratch, &hit, &found,
                                              NULL, &error),
                              CG_ERROR_INVALID, error, cases[i].part);
                assert_int_equal(found, 77);
                assert_int_equal(hit.id, 42);
            }
            cg_index_scratch_free(scratch);
            cg_index_free(index);
        }
    }
}

/* A k and widths far beyond the index ask for all of it, and for no more memory. */
static void test_huge_widths(void **state) {
    (void)state;
    static cg_index_hit hits[ROWS];
    for (int kind = CG_INDEX_FLAT; kind <= CG_INDEX_HNSW; kind++) {
        cg_index_options options = options_of((cg_index_kind)kind, false);
        options.codes = kind == CG_INDEX_HNSW ? CG_PRECISION_I8 : CG_PRECISION_F32;
        cg_index *index = filled(&options);
        cg_index_scratch *scratch = rig_scratch();
        cg_index_query query = {
            .vector = rows[0], .k = UINT32_MAX, .ef = UINT32_MAX, .rerank = UINT32_MAX};
        assert_int_equal(rig_search(index, &query, scratch, hits), ROWS);
        query.rerank = 0;
        assert_int_equal(rig_search(index, &query, scratch, hits), ROWS);
        assert_true(cg_index_scratch_bytes(scratch) < 100000);
        cg_index_scratch_free(scratch);
        cg_index_free(index);
    }
}

static int set_up(void **state) {
    (void)state;
    float *drawn =
        draw_rows(&(drawing){.seed = 5, .shape = SPREAD, .count = 2 * ROWS, .dims = DIMS});
    memcpy(rows, drawn, sizeof rows);
    free(drawn);
    for (uint32_t i = 0; i < 2 * ROWS; i++) {
        ids[i] = UINT64_MAX - i;
    }
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),     cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_ids),         cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_training),    cmocka_unit_test(test_queries),
        cmocka_unit_test(test_huge_widths),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
