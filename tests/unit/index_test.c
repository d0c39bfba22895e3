/* Goal: the index interface on small, known data: order of results, ids, query transform,
 * the choice of neighbours of hnsw_select.c on a line, the law of the levels, one known graph. */
#include "tests/support/index_rig.h"

#include <math.h>

enum { DIMS = 16, ROWS = 200 };

static cg_index *new_index(cg_index_kind kind, cg_metric metric) {
    cg_index_options options = cg_index_options_default(kind, DIMS);
    options.metric = metric;
    options.first_id = 1000;
    return rig_index(&options);
}

static void fill(float *vectors, uint32_t count, uint64_t seed) {
    cg_stream stream = cg_stream_init(seed, "index_test", 0);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t d = 0; d < DIMS; d++) {
            vectors[d] = (float)cg_stream_next_normal(&stream);
        }
        assert_true(cg_vector_normalise(vectors, DIMS));
        vectors += DIMS;
    }
}

static void test_results_are_ordered_by_distance_then_row(void **state) {
    (void)state;
    /* Rows at 3, 1, 2, 1 on one axis; from 0 the squared distances are 9, 1, 4, 1. */
    float rows[4 * DIMS] = {[0] = 3.0f, [DIMS] = 1.0f, [2 * DIMS] = 2.0f, [3 * DIMS] = 1.0f};
    float origin[DIMS] = {0.0f};
    for (int kind = CG_INDEX_FLAT; kind <= CG_INDEX_HNSW; kind++) {
        cg_index *index = new_index((cg_index_kind)kind, CG_METRIC_L2);
        cg_index_scratch *scratch = rig_scratch();
        rig_add(index, rows, NULL, 4);
        cg_index_hit hits[8];
        uint32_t found = 0;
        cg_error error;
        cg_work work = {0};
        cg_index_query query = {.vector = origin, .k = 8};
        assert_ok(cg_index_search(index, &query, scratch, hits, &found, &work, &error), error);
        assert_int_equal(found, 4);
        const uint32_t order[4] = {1, 3, 2, 0};
        const float distances[4] = {1.0f, 1.0f, 4.0f, 9.0f};
        for (uint32_t i = 0; i < 4; i++) {
            assert_int_equal(hits[i].row, order[i]);
            assert_int_equal(hits[i].id, 1000 + order[i]);
            assert_true(hits[i].distance == distances[i]);
        }
        assert_true(work.operations[CG_WORK_DISTANCE_F32] >= 4);
        assert_int_equal(work.units[CG_WORK_DISTANCE_F32],
                         DIMS * work.operations[CG_WORK_DISTANCE_F32]);
        cg_index_scratch_free(scratch);
        cg_index_free(index);
    }
}

static void test_keys_keep_the_order_of_distances(void **state) {
    (void)state;
    const float ascending[] = {-INFINITY, -2.0f, -1e-45f, 0.0f, 1e-45f, 0.5f, 3e38f, INFINITY};
    for (size_t i = 0; i < sizeof ascending / sizeof *ascending; i++) {
        assert_true(cg_key_distance(cg_key(ascending[i], 7)) == ascending[i]);
        assert_int_equal(cg_key_row(cg_key(ascending[i], CG_INDEX_ROWS_MAX)),
                         CG_INDEX_ROWS_MAX);
        assert_true(i == 0 ||
                    cg_key(ascending[i - 1], CG_INDEX_ROWS_MAX) < cg_key(ascending[i], 0));
    }
    assert_true(cg_key(-0.0f, 3) == cg_key(0.0f, 3));
    assert_true(cg_key(-NAN, 3) == cg_key(NAN, 3) && cg_key(NAN, 0) > cg_key(INFINITY, 9));
    uint64_t keys[300];
    for (size_t count = 0; count <= 300; count += 20) {
        for (size_t i = 0; i < count; i++) {
            keys[i] = (i * 7919) % 307;
        }
        cg_keys_sort(keys, count);
        for (size_t i = 1; i < count; i++) {
            assert_true(keys[i - 1] < keys[i]);
        }
    }
}

static uint64_t tenfold(void *context, uint32_t row) {
    return *(const uint64_t *)context + 10u * (uint64_t)row;
}

static void test_ids_are_computed(void **state) {
    (void)state;
    static float vectors[ROWS * DIMS];
    fill(vectors, ROWS, 3);
    cg_index *index = new_index(CG_INDEX_HNSW, CG_METRIC_COSINE);
    cg_index_scratch *scratch = rig_scratch();
    rig_add(index, vectors, NULL, ROWS);
    uint64_t base = UINT64_C(1) << 40;
    cg_index_query query = {
        .vector = vectors, .k = 5, .ef = 50, .id_of = tenfold, .id_context = &base};
    cg_index_hit hits[5];
    uint32_t found = 0;
    cg_error error;
    assert_ok(cg_index_search(index, &query, scratch, hits, &found, NULL, &error), error);
    assert_int_equal(found, 5);
    assert_int_equal(hits[0].row, 0);
    for (uint32_t i = 0; i < found; i++) {
        assert_int_equal(hits[i].id, base + 10u * (uint64_t)hits[i].row);
    }
    cg_index_scratch_free(scratch);
    cg_index_free(index);
}

/* A transformed query gives what a flipped vector gives, and what an index of flipped rows
 * gives. */
static void test_flip_transform_is_flipping(void **state) {
    (void)state;
    static float vectors[ROWS * DIMS];
    static float mirrored[ROWS * DIMS];
    fill(vectors, ROWS, 4);
    uint64_t flips = 0xa5c3;
    for (uint32_t i = 0; i < ROWS; i++) {
        size_t at = (size_t)i * DIMS;
        cg_vector_flip(vectors + at, DIMS, &flips, mirrored + at);
    }
    for (int kind = CG_INDEX_FLAT; kind <= CG_INDEX_HNSW; kind++) {
        cg_index *index = new_index((cg_index_kind)kind, CG_METRIC_COSINE);
        cg_index *mirror = new_index((cg_index_kind)kind, CG_METRIC_COSINE);
        cg_index_scratch *scratch = rig_scratch();
        rig_add(index, vectors, NULL, ROWS);
        rig_add(mirror, mirrored, NULL, ROWS);
        for (uint32_t i = 0; i < 20; i++) {
            float asked[DIMS];
            fill(asked, 1, 100 + i);
            float flipped[DIMS];
            cg_vector_flip(asked, DIMS, &flips, flipped);
            cg_index_query queries[3] = {
                {.vector = asked, .k = 10, .ef = 20, .flip_bits = &flips},
                {.vector = flipped, .k = 10, .ef = 20},
                {.vector = asked, .k = 10, .ef = 20},
            };
            cg_index_hit hits[3][10];
            for (int q = 0; q < 3; q++) {
                uint32_t found = 0;
                cg_error error;
                memset(hits[q], 0, sizeof hits[q]);
                assert_ok(cg_index_search(q < 2 ? index : mirror, &queries[q], scratch, hits[q],
                                          &found, NULL, &error),
                          error);
                assert_int_equal(found, 10);
            }
            assert_memory_equal(hits[0], hits[1], sizeof hits[0]);
            assert_memory_equal(hits[0], hits[2], sizeof hits[0]);
        }
        cg_index_scratch_free(scratch);
        cg_index_free(mirror);
        cg_index_free(index);
    }
}

static void test_neighbours_are_diverse(void **state) {
    (void)state;
    /* On a line: row 0 at 0, then 1, 2, -3, 4, 5. 2, 4 and 5 lie behind 1. */
    const float places[6] = {0.0f, 1.0f, 2.0f, -3.0f, 4.0f, 5.0f};
    float rows[6 * DIMS] = {0.0f};
    for (size_t i = 0; i < 6; i++) {
        rows[i * DIMS] = places[i];
    }
    cg_index *index = new_index(CG_INDEX_HNSW, CG_METRIC_L2);
    rig_add(index, rows, NULL, 6);
    struct {
        uint32_t fill;
        uint32_t tree_row;
        uint32_t marked; /* need not be diverse */
        uint32_t count;
        uint32_t rows[3];
    } cases[] = {
        {0, CG_NO_ROW, CG_NO_ROW, 2, {1, 3, 0}}, /* diverse ones only */
        {3, CG_NO_ROW, CG_NO_ROW, 3, {1, 3, 2}}, /* topped up with the nearest discarded */
        {0, 0, CG_NO_ROW, 3, {1, 3, 5}},         /* the tree's links stay */
        {0, CG_NO_ROW, 4, 3, {1, 3, 4}},         /* and so does what is marked */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t candidates[5];
        for (uint32_t row = 1; row < 6; row++) {
            candidates[row - 1] =
                cg_key(places[row] * places[row], row) | (row == cases[i].marked);
        }
        cg_keys_sort(candidates, 5);
        for (uint32_t row = 1; row < 6; row++) {
            cg_link_set(cg_hnsw_links(index, row, 0), row == 5 ? 0 : 1);
        }
        cg_hnsw_choice choice = {.candidates = candidates,
                                 .count = 5,
                                 .width = 3,
                                 .fill = cases[i].fill,
                                 .tree_row = cases[i].tree_row};
        uint64_t chosen[3] = {0};
        assert_int_equal(cg_hnsw_choose(index, &choice, chosen, NULL, NULL), cases[i].count);
        for (uint32_t j = 0; j < cases[i].count; j++) {
            assert_int_equal(cg_key_row(chosen[j]), cases[i].rows[j]);
            assert_int_equal(chosen[j] & 1u, 0);
        }
    }
    cg_index_free(index);
}

static void test_levels_follow_the_law(void **state) {
    (void)state;
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, DIMS);
    uint32_t at_least[4] = {0};
    for (uint32_t row = 0; row < 160000; row++) {
        uint32_t level = cg_hnsw_level(&options, row);
        assert_int_equal(level, cg_hnsw_level(&options, row));
        for (uint32_t l = 0; l < 4; l++) {
            at_least[l] += level >= l;
        }
    }
    /* 10,000, 625 and 39 expected: within five standard deviations. */
    assert_in_range(at_least[1], 9500, 10500);
    assert_in_range(at_least[2], 500, 750);
    assert_in_range(at_least[3], 8, 70);
}

/* The same on every compiler, build type and machine; it changes only with the algorithm, and
 * then on purpose: indexes built before and after differ. */
static void test_known_graph(void **state) {
    (void)state;
    static float vectors[ROWS * DIMS];
    fill(vectors, ROWS, 8);
    cg_index *index = new_index(CG_INDEX_HNSW, CG_METRIC_COSINE);
    rig_add(index, vectors, NULL, ROWS);
    uint64_t hash = cg_index_hash(index);
    if (hash != UINT64_C(0x8700a7fedcd061f5)) {
        fail_msg("the graph's hash is %016llx", (unsigned long long)hash);
    }
    cg_index_free(index);
}

static void test_empty_and_freed(void **state) {
    (void)state;
    cg_index *index = new_index(CG_INDEX_HNSW, CG_METRIC_COSINE);
    cg_index_scratch *scratch = rig_scratch();
    float unit[DIMS] = {1.0f};
    cg_index_query query = {.vector = unit, .k = 3};
    cg_index_hit hits[3];
    uint32_t found = 9;
    cg_error error;
    assert_ok(cg_index_search(index, &query, scratch, hits, &found, NULL, &error), error);
    assert_int_equal(found, 0);
    assert_int_equal(cg_index_count(index), 0);
    assert_int_equal(cg_index_reachable(index, cg_allocator_heap()), 0);
    rig_add(index, unit, NULL, 1);
    assert_ok(cg_index_search(index, &query, scratch, hits, &found, NULL, &error), error);
    assert_int_equal(found, 1);
    assert_int_equal(hits[0].id, 1000);
    float kept[DIMS];
    cg_index_vector(index, 0, kept);
    assert_memory_equal(kept, unit, sizeof unit);
    assert_int_equal(cg_index_options_of(index)->first_id, 1000);
    cg_index_scratch_free(scratch);
    cg_index_free(index);
    cg_index_scratch_free(NULL);
    cg_index_free(NULL);
}

/* What is HNSW's own does not concern a flat index. */
static void test_flat_needs_no_links(void **state) {
    (void)state;
    cg_index_options options = {.kind = CG_INDEX_FLAT, .dims = DIMS};
    cg_index *index = rig_index(&options);
    static float vectors[3 * DIMS];
    fill(vectors, 3, 5);
    rig_add(index, vectors, NULL, 3);
    assert_int_equal(cg_index_count(index), 3);
    cg_index_free(index);
}

/* Asking for more than there is costs what there is, however large the capacity. */
static void test_more_wanted_than_there_is(void **state) {
    (void)state;
    enum { COUNT = 10, K = 12 };
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, DIMS);
    options.has_ids = true;
    options.capacity = 100000;
    cg_index *index = rig_index(&options);
    cg_index_scratch *scratch = rig_scratch();
    static float vectors[COUNT * DIMS];
    fill(vectors, COUNT, 6);
    const uint64_t ids[COUNT] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
    rig_add(index, vectors, ids, COUNT);
    rig_remove(index, ids, 1);
    cg_index_query query = {.vector = vectors, .k = K, .ef = K};
    cg_index_hit hits[K];
    assert_int_equal(rig_search(index, &query, scratch, hits), COUNT - 1);
    assert_true(cg_index_scratch_bytes(scratch) < 2 * options.capacity + 2000); /* marks */
    cg_index_scratch_free(scratch);
    cg_index_free(index);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results_are_ordered_by_distance_then_row),
        cmocka_unit_test(test_keys_keep_the_order_of_distances),
        cmocka_unit_test(test_ids_are_computed),
        cmocka_unit_test(test_flip_transform_is_flipping),
        cmocka_unit_test(test_neighbours_are_diverse),
        cmocka_unit_test(test_levels_follow_the_law),
        cmocka_unit_test(test_known_graph),
        cmocka_unit_test(test_empty_and_freed),
        cmocka_unit_test(test_flat_needs_no_links),
        cmocka_unit_test(test_more_wanted_than_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
