/* Goal: a search within a set of rows finds nearly all of what an exact search over the set
 * finds, whether half or one in a thousand pass, and never anything else; sets that are empty,
 * whole, or of another index, and rows that came or went after the set was made. */
#include "tests/support/index_rig.h"

static uint64_t seed;

enum { COUNT = 20000, DIMS = 16, QUERIES = 60, K = 10, EF = 60 };

typedef struct share {
    uint64_t modulus;
    bool by_half_space; /* else by id alone */
    const float *rows;
    const float *axis;
} share;

static bool passes(void *context, uint64_t id) {
    const share *wanted = context;
    if (wanted->by_half_space) { /* what passes lies together */
        const float *row = wanted->rows + (size_t)id * DIMS;
        float dot = 0.0f;
        for (uint32_t d = 0; d < DIMS; d++) {
            dot += row[d] * wanted->axis[d];
        }
        return dot > 0.0f && id % wanted->modulus == 0;
    }
    return id % wanted->modulus == 0;
}

static bool passes_never(void *context, uint64_t id) {
    (void)context;
    (void)id;
    return false;
}

static bool passes_always(void *context, uint64_t id) {
    (void)context;
    (void)id;
    return true;
}

static cg_row_set *set_of(const cg_index *index, cg_id_predicate predicate, void *context) {
    cg_row_set *set = NULL;
    cg_error error;
    assert_ok(cg_row_set_alloc(index, predicate, context, cg_allocator_heap(), &set, &error),
              error);
    return set;
}

static double recall_within(const cg_index *flat, const cg_index *index, const float *queries,
                            share *wanted) {
    cg_index_scratch *scratch = rig_scratch();
    cg_row_set *flat_set = set_of(flat, passes, wanted);
    cg_row_set *set = set_of(index, passes, wanted);
    uint32_t good = 0;
    uint32_t all = 0;
    assert_int_equal(cg_row_set_count(flat_set), cg_row_set_count(set));
    for (uint32_t i = 0; i < QUERIES; i++) {
        cg_index_hit expected[K];
        cg_index_hit hits[K];
        cg_index_query query = {
            .vector = queries + (size_t)i * DIMS, .k = K, .ef = EF, .rows = flat_set};
        uint32_t found = rig_search(flat, &query, scratch, expected);
        assert_int_equal(found, cg_row_set_count(set) < K ? cg_row_set_count(set) : K);
        query.rows = set;
        assert_int_equal(rig_search(index, &query, scratch, hits), found);
        for (uint32_t j = 0; j < found; j++) {
            assert_true(passes(wanted, hits[j].id));
            assert_true(passes(wanted, expected[j].id));
            good += hits[j].distance <= expected[found - 1].distance;
            all++;
        }
    }
    cg_row_set_free(set);
    cg_row_set_free(flat_set);
    cg_index_scratch_free(scratch);
    return (double)good / all;
}

static void test_recall_within_sets(void **state) {
    (void)state;
    const uint64_t moduli[] = {1, 2, 10, 100, 1000, COUNT - 1};
    const data_shape shapes[] = {SPREAD, CLUSTERED};
    const cg_precision codes[] = {CG_PRECISION_F32, CG_PRECISION_I8};
    for (size_t s = 0; s < 2; s++) {
        float *rows = draw_rows(&(drawing){
            .seed = seed, .shape = shapes[s], .count = COUNT + QUERIES, .dims = DIMS});
        const float *queries = rows + (size_t)COUNT * DIMS;
        cg_index_options flat_options = cg_index_options_default(CG_INDEX_FLAT, DIMS);
        cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, DIMS);
        options.m = 12;
        options.ef_construction = 50;
        options.codes = codes[s];
        cg_index *flat = rig_index(&flat_options);
        cg_index *index = rig_index(&options);
        rig_add(flat, rows, NULL, COUNT);
        rig_add(index, rows, NULL, COUNT);
        for (size_t i = 0; i < 2 * sizeof moduli / sizeof *moduli; i++) {
            share wanted = {.modulus = moduli[i / 2],
                            .by_half_space = i % 2,
                            .rows = rows,
                            .axis = queries};
            double recall = recall_within(flat, index, queries, &wanted);
            print_message("%s, %s, one in %u%s: recall@10 %.3f\n", shape_names[shapes[s]],
                          cg_precision_name(codes[s]), (unsigned)wanted.modulus,
                          wanted.by_half_space ? " of a half" : "", recall);
            assert_true(recall >= 0.95);
        }
        cg_index_free(index);
        cg_index_free(flat);
        free(rows);
    }
}

static void check_edges(cg_index_kind kind) {
    enum { ROWS = 500 };
    cg_index_options options = rig_options(kind, DIMS, 8);
    options.has_ids = true;
    float *rows = draw_rows(
        &(drawing){.seed = seed, .shape = SPREAD, .count = 2 * ROWS, .dims = DIMS, .nth = 7});
    uint64_t ids[2 * ROWS];
    for (uint32_t i = 0; i < 2 * ROWS; i++) {
        ids[i] = i;
    }
    cg_index *index = rig_index(&options);
    cg_index *other = rig_index(&options);
    cg_row_set *of_empty = set_of(index, passes_always, NULL);
    assert_int_equal(cg_row_set_count(of_empty), 0);
    rig_add(index, rows, ids, ROWS);
    rig_add(other, rows, ids, ROWS);
    cg_index_scratch *scratch = rig_scratch();
    cg_row_set *none = set_of(index, passes_never, NULL);
    cg_row_set *all = set_of(index, passes_always, NULL);
    cg_row_set *foreign = set_of(other, passes_always, NULL);
    static cg_index_hit hits[2 * ROWS];
    static cg_index_hit plain[2 * ROWS];
    cg_index_query query = {.vector = rows, .k = 2 * ROWS, .ef = 2 * ROWS};
    assert_int_equal(cg_row_set_count(none), 0);
    assert_int_equal(cg_row_set_count(all), ROWS);
    query.rows = none;
    assert_int_equal(rig_search(index, &query, scratch, hits), 0);
    query.rows = of_empty;
    assert_int_equal(rig_search(index, &query, scratch, hits), 0);
    query.rows = NULL;
    assert_int_equal(rig_search(index, &query, scratch, plain), ROWS);
    query.rows = all;
    assert_int_equal(rig_search(index, &query, scratch, hits), ROWS);
    for (uint32_t i = 0; i < ROWS; i++) {
        assert_int_equal(hits[i].id, plain[i].id);
        assert_true(hits[i].distance == plain[i].distance);
    }
    query.rows = foreign;
    uint32_t found = 99;
    cg_error error;
    assert_status(cg_index_search(index, &query, scratch, hits, &found, NULL, &error),
                  CG_ERROR_INVALID, error, "another index");
    assert_int_equal(found, 99);
    rig_add(index, rows + (size_t)ROWS * DIMS, ids + ROWS, ROWS); /* do not pass */
    rig_remove(index, ids, 50);                                   /* not found any more */
    cg_row_set *left = set_of(index, passes_always, NULL);
    assert_int_equal(cg_row_set_count(left), 2 * ROWS - 50);
    cg_row_set_free(left);
    query.rows = all;
    for (uint32_t k = 1; k <= 2 * ROWS; k *= 10) {
        query.k = k;
        query.ef = 1;
        found = rig_search(index, &query, scratch, hits);
        assert_int_equal(found, k < ROWS - 50 ? k : ROWS - 50);
        for (uint32_t i = 0; i < found; i++) {
            assert_true(hits[i].id >= 50 && hits[i].id < ROWS);
        }
    }
    rig_remove(index, ids + 50, 400); /* places are given back */
    rig_add(index, rows, ids, 1);     /* and taken: by what the set must not let pass */
    found = 99;
    assert_status(cg_index_search(index, &query, scratch, hits, &found, NULL, &error),
                  CG_ERROR_INVALID, error, "out of date");
    assert_int_equal(found, 99);
    cg_row_set_free(foreign);
    cg_row_set_free(all);
    cg_row_set_free(none);
    cg_row_set_free(of_empty);
    cg_row_set_free(NULL);
    cg_index_scratch_free(scratch);
    cg_index_free(other);
    cg_index_free(index);
    free(rows);
}

static void test_edges(void **state) {
    (void)state;
    check_edges(CG_INDEX_FLAT);
    check_edges(CG_INDEX_HNSW);
}

int main(void) {
    seed = support_seed(20250105);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recall_within_sets),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
