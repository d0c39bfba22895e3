/* Goal: known graphs are cut as they should be, what is reported and what the routing tables say is
 * right on them, eigenvectors lead to the same coordinates however they are turned, and bad options
 * are refused. (F1) */
#include <math.h>
#include <string.h>

#include "engine/graph/partition/boundaries.h"
#include "engine/graph/partition/coarsen.h"
#include "engine/graph/partition/spectrum.h"
#include "tests/support/rand_index.h"
#include "tests/support/support.h"

static cg_graph *make_graph(uint32_t concepts) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < concepts; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, 1000 + i, 0, "concept", &row, &error), error);
    }
    return graph;
}

static void link_rows(cg_graph *graph, uint32_t from, uint32_t to, uint8_t weight) {
    cg_error error = {0};
    cg_edge edge = {.target = to, .type = CG_EDGE_OTHER, .weight = weight};
    assert_ok(cg_graph_add_edge(graph, from, edge, &error), error);
}

static void add_clique(cg_graph *graph, uint32_t first, uint32_t count) {
    for (uint32_t i = first; i < first + count; i++) {
        for (uint32_t j = i + 1; j < first + count; j++) {
            link_rows(graph, i, j, 255);
        }
    }
}

/* Into part_of; returns the report. */
static cg_partitioning_report
cut_into(const cg_graph *graph, const cg_partitioning_options *options, uint32_t *part_of) {
    cg_error error = {0};
    cg_partitioning_report report = {0};
    assert_ok(cg_partition_graph(graph, options, cg_allocator_heap(), part_of, &report, &error),
              error);
    return report;
}

static void test_two_cliques(void **state) {
    (void)state;
    cg_graph *graph = make_graph(16);
    uint32_t part_of[16];
    add_clique(graph, 0, 8);
    add_clique(graph, 8, 8);
    link_rows(graph, 3, 12, 127);
    cg_partitioning_options options = cg_partitioning_options_default(2);
    cg_partitioning_report report = cut_into(graph, &options, part_of);
    assert_int_equal(report.edges, 57);
    assert_int_equal(report.cut_edges, 1);
    assert_int_equal(report.cut_weight, 128);
    assert_int_equal(report.connectivity, 2);
    assert_int_equal(report.boundary_rows, 2);
    assert_int_equal(report.largest_part, 8);
    assert_int_equal(report.smallest_part, 8);
    assert_true(report.imbalance == 0.0);
    assert_int_equal(report.levels, 1);
    assert_int_equal(report.coarsest, 16);
    for (uint32_t i = 0; i < 16; i++) {
        assert_int_equal(part_of[i], i < 8 ? part_of[0] : 1 - part_of[0]);
    }
    cg_graph_free(graph);
}

/* A square 0-1-2-3 whose sides weigh 4, 100, 4, 100 of 256: by edges any two opposite sides cost
 * 2; by weights the light ones must go. */
static void test_weights_decide(void **state) {
    (void)state;
    cg_graph *graph = make_graph(4);
    uint32_t part_of[4];
    link_rows(graph, 0, 1, 3);
    link_rows(graph, 1, 2, 99);
    link_rows(graph, 2, 3, 3);
    link_rows(graph, 3, 0, 99);
    cg_partitioning_options options = cg_partitioning_options_default(2);
    options.weights = CG_PARTITIONER_STATED;
    for (options.seed = 1; options.seed <= 10; options.seed++) {
        cg_partitioning_report report = cut_into(graph, &options, part_of);
        assert_int_equal(report.cut_weight, 8);
        assert_int_equal(part_of[0], part_of[3]);
        assert_int_equal(part_of[1], part_of[2]);
    }
    cg_graph_free(graph);
}

/* A row of three 0 -> 1 -> 2 -> 3, parts {0} {1, 2} {3}. */
static void test_evaluation(void **state) {
    (void)state;
    cg_graph *graph = make_graph(4);
    cg_error error = {0};
    cg_partitioning_report report = {0};
    const uint32_t part_of[4] = {0, 1, 1, 2};
    link_rows(graph, 0, 1, 0);
    link_rows(graph, 1, 2, 255);
    link_rows(graph, 2, 3, 9);
    assert_ok(cg_partitioning_evaluate(graph, 3, part_of, cg_allocator_heap(), &report, &error),
              error);
    assert_int_equal(report.edges, 3);
    assert_int_equal(report.cut_edges, 2);
    assert_int_equal(report.cut_weight, 11);
    assert_int_equal(report.connectivity, 4);
    assert_int_equal(report.boundary_rows, 4);
    assert_int_equal(report.largest_part, 2);
    assert_int_equal(report.smallest_part, 1);
    assert_true(fabs(report.imbalance - 0.5) < 1e-12);
    cg_graph_free(graph);
}

static void test_boundaries(void **state) {
    (void)state;
    cg_graph *graph = make_graph(6);
    cg_error error = {0};
    cg_boundaries *boundaries = NULL;
    const uint16_t *parts = NULL;
    const uint32_t *rows = NULL;
    const uint32_t part_of[6] = {0, 0, 1, 1, 2, 2};
    link_rows(graph, 0, 4, 255); /* 0 touches 2 and 1 */
    link_rows(graph, 2, 0, 255);
    link_rows(graph, 3, 0, 255);
    link_rows(graph, 1, 0, 255); /* within */
    assert_ok(cg_boundaries_alloc(graph, 3, part_of, cg_allocator_heap(), &boundaries, &error),
              error);
    assert_int_equal(cg_boundaries_row_count(boundaries), 4);
    assert_int_equal(cg_boundaries_pair_count(boundaries), 5);
    assert_int_equal(cg_boundaries_of_row(boundaries, 0, &parts), 2);
    assert_int_equal(parts[0], 1);
    assert_int_equal(parts[1], 2);
    assert_int_equal(cg_boundaries_of_row(boundaries, 1, &parts), 0);
    assert_int_equal(cg_boundaries_of_row(boundaries, 5, &parts), 0);
    assert_int_equal(cg_boundaries_of_row(boundaries, 99, &parts), 0);
    assert_int_equal(cg_boundaries_of_row(boundaries, 4, &parts), 1);
    assert_int_equal(parts[0], 0);
    assert_int_equal(cg_boundaries_between(boundaries, 1, 0, &rows), 2);
    assert_int_equal(rows[0], 2);
    assert_int_equal(rows[1], 3);
    assert_int_equal(cg_boundaries_between(boundaries, 0, 1, &rows), 1);
    assert_int_equal(rows[0], 0);
    assert_int_equal(cg_boundaries_between(boundaries, 1, 2, &rows), 0);
    assert_int_equal(cg_boundaries_between(boundaries, 1, 1, &rows), 0);
    assert_int_equal(cg_boundaries_between(boundaries, 9, 0, &rows), 0);
    assert_int_equal(cg_boundaries_of_part(boundaries, 0, &parts), 2);
    assert_int_equal(parts[0], 1);
    assert_true(cg_boundaries_bytes(boundaries) > 0);
    cg_boundaries_free(boundaries);
    cg_boundaries_free(NULL);
    cg_graph_free(graph);
}

/* Rendezvous: with a part more, rows only move to the new one. */
static void test_hash(void **state) {
    (void)state;
    enum { ROWS = 1000 };
    cg_graph *graph = make_graph(ROWS);
    cg_error error = {0};
    uint32_t seven[ROWS];
    uint32_t eight[ROWS];
    uint32_t moved = 0;
    assert_ok(cg_partition_by_hash(graph, 7, 3, seven, &error), error);
    assert_ok(cg_partition_by_hash(graph, 8, 3, eight, &error), error);
    for (uint32_t i = 0; i < ROWS; i++) {
        assert_true(seven[i] < 7);
        assert_true(eight[i] == seven[i] || eight[i] == 7);
        moved += eight[i] == 7;
    }
    assert_in_range(moved, ROWS / 8 - 40, ROWS / 8 + 40);
    assert_status(cg_partition_by_hash(graph, 0, 3, seven, &error), CG_ERROR_INVALID, error,
                  "0 parts");
    cg_graph_free(graph);
}

static void test_refusals(void **state) {
    (void)state;
    cg_graph *graph = make_graph(4);
    cg_error error = {0};
    uint32_t part_of[4] = {7, 7, 7, 7};
    const cg_partitioning_options fine = cg_partitioning_options_default(2);
    cg_partitioning_report report = {.levels = 77};
    struct {
        cg_partitioning_options options;
        const char *part;
    } bad[] = {{fine, "0 parts: must be 1 to 4096"},
               {fine, "4097 parts"},
               {fine, "-0.1"},
               {fine, "1.5"},
               {fine, "nan"},
               {fine, "objective 2"},
               {fine, "weights 9"},
               {fine, "65 starts"},
               {fine, "65 cycles"}};
    bad[0].options.parts = 0;
    bad[1].options.parts = 4097;
    bad[2].options.imbalance = -0.1;
    bad[3].options.imbalance = 1.5;
    bad[4].options.imbalance = (double)NAN;
    bad[5].options.objective = CG_PARTITIONER_OBJECTIVE_COUNT;
    bad[6].options.weights = (cg_partitioner_weights)9;
    bad[7].options.starts = 65;
    bad[8].options.cycles = 65;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_status(cg_partition_graph(graph, &bad[i].options, cg_allocator_heap(), part_of,
                                         &report, &error),
                      CG_ERROR_INVALID, error, bad[i].part);
        assert_int_equal(part_of[0], 7);
        assert_int_equal(report.levels, 77);
    }
    cg_boundaries *boundaries = NULL;
    assert_status(
        cg_boundaries_alloc(graph, 2, part_of, cg_allocator_heap(), &boundaries, &error),
        CG_ERROR_INVALID, error, "row 0 is in part 7: must be below 2");
    assert_null(boundaries);
    assert_status(
        cg_partitioning_evaluate(graph, 2, part_of, cg_allocator_heap(), &report, &error),
        CG_ERROR_INVALID, error, "row 0 is in part 7");
    cg_graph_free(graph);
}

/* --- the spectrum --------------------------------------------------------- */

enum { RING = 24, CLIQUE = 6, CLIQUES = 4 };

static cg_cut_graph links_of(cg_graph *graph) {
    cg_error error = {0};
    cg_cut_graph links = {0};
    assert_ok(
        cg_cut_graph_init(&links, graph, CG_PARTITIONER_EDGES, cg_allocator_heap(), &error),
        error);
    cg_graph_free(graph);
    return links;
}

static void test_ring_spectrum(void **state) {
    (void)state;
    static double values[RING];
    static double vectors[RING * RING];
    cg_graph *graph = make_graph(RING);
    cg_error error = {0};
    for (uint32_t i = 0; i < RING; i++) {
        link_rows(graph, i, (i + 1) % RING, 255);
    }
    cg_cut_graph links = links_of(graph);
    assert_ok(cg_spectrum_solve(&links, values, vectors, &error), error);
    for (uint32_t i = 0; i < RING; i++) {
        const double known = 1.0 - cos(2.0 * 3.14159265358979323846 * ((i + 1) / 2) / RING);
        assert_true(fabs(values[i] - known) < 1e-9);
    }
    /* Pairs of equal values: two dimensions would cut one in half, three don't. */
    assert_int_equal(cg_spectrum_dims(values, RING, 2), 3);
    assert_int_equal(cg_spectrum_dims(values, RING, 3), 3);
    assert_int_equal(cg_spectrum_dims(values, RING, 999), RING);
    cg_cut_graph_deinit(&links);
}

/* Turns columns i and j of the first `dims` about, within a space of equal or of different values:
 * the space stays. */
static void turn_about(double *vectors, uint32_t rows, uint32_t dims, cg_stream *stream) {
    for (uint32_t i = 0; i + 1 < dims; i++) {
        const double angle = 6.28 * cg_stream_next_unit(stream);
        for (uint32_t row = 0; row < rows; row++) {
            double *a = &vectors[(size_t)row * rows + i];
            double *b = &vectors[(size_t)row * rows + i + 1];
            const double turned = cos(angle) * *a - sin(angle) * *b;
            *b = sin(angle) * *a + cos(angle) * *b + 1e-13 * cg_stream_next_unit(stream);
            *a = turned;
        }
    }
}

static void test_turned_eigenvectors(void **state) {
    (void)state;
    enum { ROWS = CLIQUE * CLIQUES };
    static double values[ROWS];
    static double vectors[ROWS * ROWS];
    static int32_t expected[ROWS * ROWS];
    static int32_t found[ROWS * ROWS];
    cg_graph *graph = make_graph(ROWS);
    cg_error error = {0};
    const cg_allocator heap = cg_allocator_heap();
    uint32_t cluster_of[ROWS];
    for (uint32_t c = 0; c < CLIQUES; c++) {
        add_clique(graph, c * CLIQUE, CLIQUE); /* the value 0 four times */
    }
    cg_cut_graph links = links_of(graph);
    assert_ok(cg_spectrum_solve(&links, values, vectors, &error), error);
    assert_int_equal(cg_spectrum_dims(values, ROWS, 2), CLIQUES);
    cg_stream first = cg_stream_init(5, "test", 0);
    assert_ok(cg_spectrum_coordinates(vectors, ROWS, CLIQUES, &first, &heap, expected, &error),
              error);
    cg_stream angles = cg_stream_init(support_seed(1), "test.turn", 0);
    for (int turn = 0; turn < 50; turn++) {
        cg_stream same = cg_stream_init(5, "test", 0);
        turn_about(vectors, ROWS, CLIQUES, &angles);
        assert_ok(cg_spectrum_coordinates(vectors, ROWS, CLIQUES, &same, &heap, found, &error),
                  error);
        assert_memory_equal(found, expected, sizeof(int32_t) * ROWS * CLIQUES);
    }
    const cg_spectrum_rows points = {found, links.row_weights, ROWS, CLIQUES};
    assert_ok(cg_spectrum_cluster(&points, CLIQUES, &angles, &heap, cluster_of, &error), error);
    for (uint32_t i = 0; i < ROWS; i++) {
        assert_int_equal(cluster_of[i], cluster_of[i / CLIQUE * CLIQUE]);
        assert_true(i < CLIQUE || cluster_of[i] != cluster_of[i - CLIQUE]);
    }
    cg_cut_graph_deinit(&links);
}

static void test_rand_index(void **state) {
    (void)state;
    const uint32_t a[4] = {0, 0, 1, 1};
    const uint32_t b[4] = {0, 0, 1, 2};
    const uint32_t c[4] = {1, 1, 0, 0};
    assert_true(fabs(support_rand_index(a, 2, b, 3, 4) - 4.0 / 7.0) < 1e-12);
    assert_true(support_rand_index(a, 2, c, 2, 4) == 1.0);
}

/* A star's leaves go together by two hops, within the weight, and never across `within`. */
static void test_star_coarsens(void **state) {
    (void)state;
    enum { LEAVES = 1000 };
    cg_graph *graph = make_graph(LEAVES + 1);
    cg_error error = {0};
    uint32_t within[LEAVES + 1];
    uint32_t cluster_of[LEAVES + 1];
    for (uint32_t i = 1; i <= LEAVES; i++) {
        link_rows(graph, i, 0, 255);
        within[i] = i % 2;
    }
    within[0] = 0;
    cg_cut_graph links = links_of(graph);
    for (int is_matching = 0; is_matching < 2; is_matching++) {
        const cg_coarsening how = {
            .is_matching = is_matching == 1, .rounds = 3, .weight_max = 4, .within = within};
        cg_stream stream = cg_stream_init(1, "test", 0);
        uint32_t clusters = 0;
        uint32_t sizes[LEAVES + 1] = {0};
        assert_ok(cg_coarsen(&links, &how, &stream, cluster_of, &clusters, &error), error);
        assert_true(clusters <= (is_matching ? LEAVES / 2 + 3 : LEAVES / 4 + 3));
        for (uint32_t i = 0; i <= LEAVES; i++) {
            assert_true(cluster_of[i] < clusters && cluster_of[i] <= i);
            sizes[cluster_of[i]]++;
            for (uint32_t j = 0; j < i; j++) {
                assert_true(cluster_of[j] != cluster_of[i] || within[j] == within[i]);
            }
        }
        for (uint32_t i = 0; i < clusters; i++) {
            assert_in_range(sizes[i], 1, 4);
        }
    }
    cg_cut_graph_deinit(&links);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_cliques),   cmocka_unit_test(test_weights_decide),
        cmocka_unit_test(test_evaluation),    cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_hash),          cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_ring_spectrum), cmocka_unit_test(test_turned_eigenvectors),
        cmocka_unit_test(test_rand_index),    cmocka_unit_test(test_star_coarsens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
