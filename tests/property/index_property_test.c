/* Goal: HNSW keeps its promises on random data, measured against the flat index: exact when the
 * beam is as wide as the index whatever the sizes of the additions, good recall when it is not,
 * every row reachable whatever the data and in few steps, and an order of results where distances overflow. */
#include "tests/support/index_check.h"
#include "tests/support/index_rig.h"

static uint64_t seed;

static float *draw(data_shape shape, uint32_t count, uint32_t dims, uint32_t nth) {
    return draw_rows(
        &(drawing){.seed = seed, .shape = shape, .count = count, .dims = dims, .nth = nth});
}

static void add_in_parts(cg_index *index, const float *rows, uint32_t count,
                         cg_stream *stream) {
    for (uint32_t done = 0, part = 0; done < count; done += part) {
        part = 1 + (uint32_t)cg_stream_next_below(stream, count - done);
        rig_add(index, rows + (size_t)done * index->options.dims, NULL, part);
    }
}

static void test_exact_when_the_beam_is_the_index(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(seed, "index_property_test.sizes", 0);
    const uint32_t dims_of[] = {16, 30, 128, 1024};
    for (uint32_t round = 0; round < 60; round++) {
        uint32_t dims = dims_of[round % 4];
        uint32_t count = round < 12 ? round : (uint32_t)cg_stream_next_below(&stream, 250);
        uint32_t m = 4 + (uint32_t)cg_stream_next_below(&stream, 30);
        data_shape shape = (data_shape)cg_stream_next_below(&stream, SHAPES);
        float *rows = draw(shape, count + 5, dims, round);
        cg_index_options flat_options = rig_options(CG_INDEX_FLAT, dims, m);
        cg_index_options options = rig_options(CG_INDEX_HNSW, dims, m);
        cg_index *flat = rig_index(&flat_options);
        cg_index *hnsw = rig_index(&options);
        cg_index_scratch *scratch = rig_scratch();
        rig_add(flat, rows, NULL, count);
        add_in_parts(hnsw, rows, count, &stream);
        check_graph(hnsw);
        for (uint32_t i = 0; i < 5; i++) {
            cg_index_hit expected[300];
            cg_index_hit hits[300];
            uint32_t k = 1 + (uint32_t)cg_stream_next_below(&stream, 299);
            cg_index_query query = {
                .vector = rows + (size_t)(count + i) * dims, .k = k, .ef = count};
            uint32_t found = rig_search(flat, &query, scratch, expected);
            assert_int_equal(found, k < count ? k : count);
            assert_int_equal(rig_search(hnsw, &query, scratch, hits), found);
            for (uint32_t j = 0; j < found; j++) {
                assert_int_equal(hits[j].row, expected[j].row);
                assert_int_equal(hits[j].id, expected[j].row);
                assert_true(hits[j].distance == expected[j].distance);
            }
        }
        cg_index_scratch_free(scratch);
        cg_index_free(hnsw);
        cg_index_free(flat);
        free(rows);
    }
}

static void test_recall_and_reach_on_every_shape(void **state) {
    (void)state;
    enum { COUNT = 5000, DIMS = 32 };
    const cg_precision forms[][2] = {{CG_PRECISION_F32, CG_PRECISION_F32},
                                     {CG_PRECISION_F16, CG_PRECISION_F32},
                                     {CG_PRECISION_I8, CG_PRECISION_F32}};
    for (data_shape shape = 0; shape < SHAPES; shape++) {
        float *rows = draw(shape, COUNT + 100, DIMS, 1000 + shape);
        const float *queries = rows + (size_t)COUNT * DIMS;
        cg_index_options flat_options = rig_options(CG_INDEX_FLAT, DIMS, 16);
        cg_index *flat = rig_index(&flat_options);
        rig_add(flat, rows, NULL, COUNT);
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
            cg_index_options options = rig_options(CG_INDEX_HNSW, DIMS, 16);
            options.codes = forms[i][0];
            options.fuller = forms[i][1];
            cg_index *hnsw = rig_index(&options);
            rig_add(hnsw, rows, NULL, COUNT);
            check_graph(hnsw);
            cg_index_query query = {.ef = 100};
            double recall = rig_recall_at_10(flat, hnsw, queries, 100, query);
            double self_recall = rig_recall_at_10(flat, hnsw, rows, 100, query);
            print_message("%s, %s: recall@10 at ef 100 %.3f, of rows themselves %.3f\n",
                          shape_names[shape], cg_precision_name(forms[i][0]), recall,
                          self_recall);
            assert_true(recall >= 0.95);
            assert_true(self_recall >= 0.95);
            cg_index_free(hnsw);
        }
        cg_index_free(flat);
        free(rows);
    }
}

static uint32_t tree_depth(const cg_index *index) {
    uint32_t depth = 0;
    for (uint32_t row = 0; row < cg_index_row_limit(index); row++) {
        uint32_t steps = 0;
        for (uint32_t at = row;
             check_is_in_graph(index, row) && at != cg_hnsw_parent(index, at);
             at = cg_hnsw_parent(index, at)) {
            steps++;
        }
        depth = depth < steps ? steps : depth;
    }
    return depth;
}

/* Rows that all choose the same few neighbours still find a parent in a few steps. */
static void test_the_tree_stays_low(void **state) {
    (void)state;
    enum { COUNT = 4000, DIMS = 8 };
    static uint64_t ids[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        ids[i] = i;
    }
    float *rows = draw(ALL_EQUAL, COUNT, DIMS, 0);
    cg_index_options options = rig_options(CG_INDEX_HNSW, DIMS, 8);
    options.has_ids = true;
    cg_index *index = rig_index(&options);
    rig_add(index, rows, ids, COUNT);
    uint32_t depth = tree_depth(index);
    rig_remove(index, ids, COUNT / 2);
    check_graph(index);
    uint32_t depth_after = tree_depth(index);
    print_message("depth %u, after a repair %u\n", depth, depth_after);
    assert_true(depth <= 20 && depth_after <= 40);
    cg_index_free(index);
    free(rows);
}

/* Squares of huge floats are infinite: rows tie at the end, nothing becomes NaN, order stays by
 * row. */
static void test_infinite_distances(void **state) {
    (void)state;
    enum { COUNT = 600, DIMS = 16 };
    float *rows = draw(SPREAD, COUNT, DIMS, 6000);
    for (size_t i = 0; i < (size_t)COUNT * DIMS; i++) {
        rows[i] *= 3e38f;
    }
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, DIMS);
    options.metric = CG_METRIC_L2;
    cg_index *index = rig_index(&options);
    rig_add(index, rows, NULL, COUNT);
    check_graph(index);
    cg_index_scratch *scratch = rig_scratch();
    static cg_index_hit hits[COUNT];
    cg_index_query query = {.vector = rows, .k = COUNT, .ef = COUNT};
    assert_int_equal(rig_search(index, &query, scratch, hits), COUNT);
    assert_int_equal(hits[0].row, 0);
    for (uint32_t i = 1; i < COUNT; i++) {
        assert_true(
            hits[i - 1].distance < hits[i].distance ||
            (hits[i - 1].distance == hits[i].distance && hits[i - 1].row < hits[i].row));
    }
    cg_index_scratch_free(scratch);
    cg_index_free(index);
    free(rows);
}

int main(void) {
    seed = support_seed(20240607);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_when_the_beam_is_the_index),
        cmocka_unit_test(test_recall_and_reach_on_every_shape),
        cmocka_unit_test(test_the_tree_stays_low),
        cmocka_unit_test(test_infinite_distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
