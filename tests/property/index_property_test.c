/* Goal: HNSW keeps its promises on random data, measured against the flat index: exact when the
 * beam is as wide as the index, good recall when not, every row reachable whatever the data,
 * the same graph for any runner and instruction set, and nothing changed by a failed addition.
 */
#include "tests/support/support.h"

#include <stdlib.h>
#include <string.h>

#include "engine/index/index_internal.h"
#include "tests/support/runner.h"

static uint64_t seed;

typedef enum data_shape {
    SPREAD,
    CLUSTERED,
    CLUSTER_BY_CLUSTER,
    HALF_EQUAL,
    ALL_EQUAL,
    FEW_POINTS,
    SHAPES
} data_shape;
static const char *const shape_names[SHAPES] = {"spread",     "clustered", "cluster by cluster",
                                                "half equal", "all equal", "few points"};

/* Unit vectors, float[count * dims]; free() them. Rows of a cluster are around one centre
 * in 30. */
static float *draw_rows(data_shape shape, uint32_t count, uint32_t dims, uint64_t entity) {
    float *rows = malloc(((size_t)count + 1) * dims * sizeof *rows);
    assert_non_null(rows);
    cg_stream stream = cg_stream_init(seed, "index_property_test", entity);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t point = i;
        float noise = 0.0f;
        if (shape == CLUSTERED || shape == CLUSTER_BY_CLUSTER) {
            uint64_t clusters = count / 30 + 1;
            point = shape == CLUSTERED ? cg_stream_next_below(&stream, clusters) : i / 30;
            noise = 0.6f;
        } else if (shape == HALF_EQUAL) {
            point = i % 2 ? i : 0;
        } else if (shape == ALL_EQUAL) {
            point = 0;
        } else if (shape == FEW_POINTS) {
            point = cg_stream_next_below(&stream, 5);
        }
        cg_stream centre = cg_stream_init(seed, "index_property_test.centre", point);
        float *row = rows + (size_t)i * dims;
        for (uint32_t d = 0; d < dims; d++) {
            row[d] = (float)cg_stream_next_normal(&centre);
            if (noise > 0.0f) {
                row[d] += noise * (float)cg_stream_next_normal(&stream);
            }
        }
        assert_true(cg_vector_normalise(row, dims));
    }
    return rows;
}

static cg_index *new_index(cg_index_kind kind, uint32_t dims, uint32_t m,
                           cg_allocator allocator) {
    cg_index_options options = cg_index_options_default(kind, dims);
    options.m = m;
    options.ef_construction = m > 40 ? 100 : 40;
    cg_index *index = NULL;
    cg_error error;
    assert_ok(cg_index_alloc(&options, allocator, &index, &error), error);
    return index;
}

static void add(cg_index *index, const float *rows, uint32_t count) {
    cg_runner serial = cg_runner_serial();
    cg_error error;
    assert_ok(cg_index_add(index, rows, count, &serial, NULL, &error), error);
}

static cg_index_scratch *new_scratch(void) {
    cg_index_scratch *scratch = NULL;
    cg_error error;
    assert_ok(cg_index_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    return scratch;
}

static uint32_t search(const cg_index *index, const float *vector, uint32_t k, uint32_t ef,
                       cg_index_scratch *scratch, cg_index_hit *hits) {
    cg_index_query query = {.vector = vector, .k = k, .ef = ef};
    uint32_t found = 0;
    cg_error error;
    assert_ok(cg_index_search(index, &query, scratch, hits, &found, NULL, &error), error);
    return found;
}

/* Every link is in range, no list holds its row or a row twice, tree links are mutual, all is
 * reachable. */
static void check_graph(const cg_index *index) {
    const cg_hnsw *hnsw = &index->hnsw;
    for (uint32_t row = 0; row < index->count; row++) {
        for (uint32_t level = 0; level <= hnsw->levels[row]; level++) {
            uint32_t width = cg_hnsw_width(index, level);
            const uint32_t *links = cg_hnsw_links(index, row, level);
            uint32_t count = cg_hnsw_link_count(links, width);
            bool has_parent = row == 0 || level > 0;
            for (uint32_t i = 0; i < width; i++) {
                if (i >= count) {
                    assert_int_equal(links[i], CG_NO_ROW);
                    continue;
                }
                assert_true(links[i] < index->count && links[i] != row);
                assert_true(hnsw->levels[links[i]] >= level);
                has_parent = has_parent || links[i] == hnsw->parents[row];
                for (uint32_t j = 0; j < i; j++) {
                    assert_true(links[j] != links[i]);
                }
            }
            assert_true(has_parent);
        }
        assert_true(hnsw->children[row] <= index->options.m / 2 + 1);
        if (row > 0) {
            const uint32_t *links = cg_hnsw_links(index, hnsw->parents[row], 0);
            uint32_t width = cg_hnsw_width(index, 0);
            uint32_t place = 0;
            while (place < width && links[place] != row) {
                place++;
            }
            assert_true(hnsw->parents[row] < row && place < width);
        }
    }
    assert_int_equal(cg_index_reachable(index, cg_allocator_heap()), index->count);
}

static void test_exact_when_the_beam_is_the_index(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(seed, "index_property_test.sizes", 0);
    const uint32_t dims_of[] = {16, 32, 128, 1024};
    for (uint32_t round = 0; round < 60; round++) {
        uint32_t dims = dims_of[round % 4];
        uint32_t count = round < 12 ? round : (uint32_t)cg_stream_next_below(&stream, 250);
        uint32_t m = 4 + (uint32_t)cg_stream_next_below(&stream, 30);
        data_shape shape = (data_shape)cg_stream_next_below(&stream, SHAPES);
        float *rows = draw_rows(shape, count + 5, dims, round);
        cg_index *flat = new_index(CG_INDEX_FLAT, dims, m, cg_allocator_heap());
        cg_index *hnsw = new_index(CG_INDEX_HNSW, dims, m, cg_allocator_heap());
        cg_index_scratch *scratch = new_scratch();
        add(flat, rows, count);
        for (uint32_t done = 0, part = 0; done < count; done += part) {
            part = 1 + (uint32_t)cg_stream_next_below(&stream, count - done);
            add(hnsw, rows + (size_t)done * dims, part);
        }
        check_graph(hnsw);
        for (uint32_t i = 0; i < 5; i++) {
            cg_index_hit expected[300];
            cg_index_hit hits[300];
            uint32_t k = 1 + (uint32_t)cg_stream_next_below(&stream, 299);
            const float *query = rows + (size_t)(count + i) * dims;
            uint32_t found = search(flat, query, k, 0, scratch, expected);
            assert_int_equal(found, k < count ? k : count);
            assert_int_equal(search(hnsw, query, k, count, scratch, hits), found);
            for (uint32_t j = 0; j < found; j++) {
                assert_int_equal(hits[j].row, expected[j].row);
                assert_true(hits[j].distance == expected[j].distance);
            }
        }
        cg_index_scratch_free(scratch);
        cg_index_free(hnsw);
        cg_index_free(flat);
        free(rows);
    }
}

/* Share of the ten results that are no farther than the true tenth, over 100 queries. */
static double recall_at_10(const cg_index *flat, const cg_index *hnsw, const float *queries,
                           uint32_t ef) {
    cg_index_scratch *scratch = new_scratch();
    uint32_t good = 0;
    for (uint32_t i = 0; i < 100; i++) {
        const float *query = queries + (size_t)i * flat->options.dims;
        cg_index_hit expected[10];
        cg_index_hit hits[10];
        assert_int_equal(search(flat, query, 10, 0, scratch, expected), 10);
        assert_int_equal(search(hnsw, query, 10, ef, scratch, hits), 10);
        for (uint32_t j = 0; j < 10; j++) {
            good += hits[j].distance <= expected[9].distance;
        }
    }
    cg_index_scratch_free(scratch);
    return good / 1000.0;
}

static void test_recall_and_reach_on_every_shape(void **state) {
    (void)state;
    enum { COUNT = 5000, DIMS = 32 };
    for (data_shape shape = 0; shape < SHAPES; shape++) {
        float *rows = draw_rows(shape, COUNT + 100, DIMS, 1000 + shape);
        const float *queries = rows + (size_t)COUNT * DIMS;
        cg_index *flat = new_index(CG_INDEX_FLAT, DIMS, 16, cg_allocator_heap());
        cg_index *hnsw = new_index(CG_INDEX_HNSW, DIMS, 16, cg_allocator_heap());
        add(flat, rows, COUNT);
        add(hnsw, rows, COUNT);
        check_graph(hnsw);
        double recall = recall_at_10(flat, hnsw, queries, 100);
        double self_recall = recall_at_10(flat, hnsw, rows, 100);
        print_message("%s: recall@10 at ef 100 %.3f, of rows themselves %.3f\n",
                      shape_names[shape], recall, self_recall);
        assert_true(recall >= 0.95);
        assert_true(self_recall >= 0.95);
        cg_index_free(hnsw);
        cg_index_free(flat);
        free(rows);
    }
}

static void test_same_graph_for_any_runner_and_instruction_set(void **state) {
    (void)state;
    enum { COUNT = 3000, DIMS = 32 };
    float *rows = draw_rows(CLUSTERED, COUNT, DIMS, 3000);
    uint64_t hash = 0;
    cg_work work = {0};
    for (uint32_t round = 0; round < 8; round++) {
        uint32_t workers = (const uint32_t[]){1, 2, 3, 8}[round % 4];
        support_disorder disorder;
        cg_runner runner = round < 4 ? support_threads(&workers)
                                     : support_disordered(&disorder, seed + round, workers);
        cg_index *index = new_index(CG_INDEX_HNSW, DIMS, 12, cg_allocator_heap());
        const cg_kernels *kernels = cg_kernels_of((cg_isa)(round % CG_ISA_COUNT));
        index->kernels = kernels ? kernels : index->kernels;
        cg_work done = {0};
        cg_error error;
        const uint32_t parts[3] = {1, 1800, COUNT - 1801};
        const float *next = rows;
        for (int i = 0; i < 3; i++) {
            assert_ok(cg_index_add(index, next, parts[i], &runner, &done, &error), error);
            next += (size_t)parts[i] * DIMS;
        }
        if (round == 0) {
            hash = cg_index_hash(index);
            work = done;
            check_graph(index);
        }
        assert_true(cg_index_hash(index) == hash);
        assert_memory_equal(&done, &work, sizeof work);
        cg_index_free(index);
    }
    cg_index *serial = new_index(CG_INDEX_HNSW, DIMS, 12, cg_allocator_heap());
    add(serial, rows, 1801);
    add(serial, rows + (size_t)1801 * DIMS, COUNT - 1801);
    assert_true(cg_index_hash(serial) != hash); /* the hash sees that the batches differ */
    cg_index_free(serial);
    free(rows);
}

static void test_failed_allocation_changes_nothing(void **state) {
    (void)state;
    enum { COUNT = 300, DIMS = 16 };
    float *rows = draw_rows(CLUSTERED, 2 * COUNT, DIMS, 4000);
    support_disorder disorder;
    cg_runner runner = support_disordered(&disorder, seed, 3);
    for (int kind = CG_INDEX_FLAT; kind <= CG_INDEX_HNSW; kind++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        cg_allocator allocator = cg_counting_allocator_view(&counting);
        cg_error error;
        cg_index *index = NULL;
        cg_index_options options = cg_index_options_default((cg_index_kind)kind, DIMS);
        counting.fail_at = 1;
        assert_status(cg_index_alloc(&options, allocator, &index, &error), CG_ERROR_MEMORY,
                      error, "no memory");
        assert_null(index);
        counting.fail_at = 0;
        index = new_index((cg_index_kind)kind, DIMS, 8, allocator);
        add(index, rows, COUNT);
        uint64_t hash = cg_index_hash(index);
        uint64_t live_bytes = counting.live_bytes;
        cg_status status = CG_ERROR_MEMORY;
        uint64_t failures = 0;
        for (uint64_t n = 1; status != CG_OK; n++) {
            cg_work work = {0};
            counting.fail_at = n;
            status = cg_index_add(index, rows + COUNT * DIMS, COUNT, &runner, &work, &error);
            counting.fail_at = 0;
            if (status != CG_OK) {
                assert_status(status, CG_ERROR_MEMORY, error, "no memory");
                assert_int_equal(cg_index_count(index), COUNT);
                assert_true(cg_index_hash(index) == hash);
                assert_int_equal(counting.live_bytes, live_bytes);
                assert_int_equal(work.operations[CG_WORK_DISTANCE_F32], 0);
                failures++;
            }
        }
        assert_true(failures >= (kind == CG_INDEX_HNSW ? 20 : 1));
        assert_int_equal(cg_index_count(index), 2 * COUNT);
        cg_index_free(index);
        assert_int_equal(counting.live_blocks, 0);
        assert_int_equal(counting.live_bytes, 0);
    }
    free(rows);
}

static void test_failed_allocation_in_search(void **state) {
    (void)state;
    enum { COUNT = 100, DIMS = 16 };
    float *rows = draw_rows(SPREAD, COUNT, DIMS, 5000);
    cg_index *index = new_index(CG_INDEX_HNSW, DIMS, 8, cg_allocator_heap());
    add(index, rows, COUNT);
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator allocator = cg_counting_allocator_view(&counting);
    for (uint64_t n = 1; n <= 4; n++) {
        cg_index_scratch *scratch = NULL;
        cg_error error;
        counting.fail_at = n;
        cg_status status = cg_index_scratch_alloc(allocator, &scratch, &error);
        assert_int_equal(status, n == 1 ? CG_ERROR_MEMORY : CG_OK);
        if (status == CG_OK) {
            cg_index_hit hits[3];
            uint32_t found = 99;
            cg_index_query query = {.vector = rows, .k = 3, .ef = 20};
            status = cg_index_search(index, &query, scratch, hits, &found, NULL, &error);
            assert_int_equal(status, n <= 3 ? CG_ERROR_MEMORY : CG_OK);
            assert_int_equal(found, n <= 3 ? 99 : 3);
            counting.fail_at = 0;
            assert_ok(cg_index_search(index, &query, scratch, hits, &found, NULL, &error),
                      error);
            uint64_t calls = counting.calls; /* warm: no allocation */
            assert_ok(cg_index_search(index, &query, scratch, hits, &found, NULL, &error),
                      error);
            assert_int_equal(counting.calls, calls);
            assert_int_equal(hits[0].row, 0);
        }
        counting.fail_at = 0;
        cg_index_scratch_free(scratch);
        assert_int_equal(counting.live_bytes, 0);
    }
    cg_index_free(index);
    free(rows);
}

/* Squares of huge floats are infinite: rows tie at the end, nothing becomes NaN, order stays by
 * row. */
static void test_infinite_distances(void **state) {
    (void)state;
    enum { COUNT = 600, DIMS = 16 };
    float *rows = draw_rows(SPREAD, COUNT, DIMS, 6000);
    for (size_t i = 0; i < COUNT * DIMS; i++) {
        rows[i] *= 3e38f;
    }
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, DIMS);
    options.metric = CG_METRIC_L2;
    cg_index *index = NULL;
    cg_error error;
    assert_ok(cg_index_alloc(&options, cg_allocator_heap(), &index, &error), error);
    add(index, rows, COUNT);
    check_graph(index);
    cg_index_scratch *scratch = new_scratch();
    static cg_index_hit hits[COUNT];
    assert_int_equal(search(index, rows, COUNT, COUNT, scratch, hits), COUNT);
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
        cmocka_unit_test(test_same_graph_for_any_runner_and_instruction_set),
        cmocka_unit_test(test_failed_allocation_changes_nothing),
        cmocka_unit_test(test_failed_allocation_in_search),
        cmocka_unit_test(test_infinite_distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
