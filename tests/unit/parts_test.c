/* Goal: what a point says of its divided graph is what counting over all edges says; a graph of
 * one part has no such figures; both partitioners are asked as the options say; and dividing
 * changes nothing else of a run. (F1) */
#include "tests/support/points.h"

#include "engine/graph/partition/boundaries.h"
#include "engine/graph/synthetic.h"
#include "sim/point/parts.h"

enum { ROWS = 400, PARTS = 5 };

static sim_options options;
static sim_ground *ground;

static int set_up(void **state) {
    (void)state;
    const char *const settings[] = {"graph.source",
                                    "synthetic",
                                    "graph.nodes",
                                    "400",
                                    "graph.communities",
                                    "5",
                                    "graph.inside",
                                    "0.9",
                                    "graph.degree",
                                    "6",
                                    "load.spread",
                                    "0.5",
                                    "load.recall",
                                    "0.5",
                                    "load.requests",
                                    "60",
                                    "load.facts",
                                    "1",
                                    "load.audits",
                                    "0",
                                    NULL};
    point_options(&options, settings);
    ground = point_ground(&options);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sim_ground_free(ground);
    return 0;
}

static sim_parts divided(uint32_t parts, sim_partitioner partitioner, uint64_t seed) {
    sim_options how = options;
    how.graph.parts = parts;
    how.graph.partitioner = partitioner;
    how.graph.seed = seed;
    sim_parts made;
    cg_error error = {0};
    assert_ok(
        sim_parts_init(&made, sim_ground_graph(ground), &how, cg_allocator_heap(), &error),
        error);
    return made;
}

static char *report_of(const sim_parts *parts) {
    char *text = NULL;
    size_t size_bytes = 0;
    cg_error error = {0};
    sim_rows *rows = NULL;
    FILE *file = open_memstream(&text, &size_bytes);
    assert_non_null(file);
    assert_ok(sim_rows_alloc(file, &rows, &error), error);
    sim_parts_report(parts, rows);
    assert_ok(sim_rows_finish(rows, "built", 0, &error), error);
    sim_rows_free(rows);
    fclose(file);
    return text;
}

/* Counted over all pairs of rows. */
typedef struct naive {
    uint64_t edges;
    uint64_t cut;
    uint64_t touched; /* (row, other part) that an edge joins, either way */
    uint64_t boundary;
    uint64_t largest;
} naive;

static naive count(const cg_graph *graph, const uint32_t *of_row, uint32_t parts) {
    static bool touches[ROWS][PARTS];
    uint64_t sizes[PARTS] = {0};
    naive sum = {0};
    memset(touches, 0, sizeof touches);
    for (uint32_t row = 0; row < ROWS; row++) {
        assert_true(of_row[row] < parts);
        sizes[of_row[row]]++;
        cg_edge_cursor cursor = cg_graph_edges(graph, row);
        for (cg_edge edge; cg_graph_next_edge(&cursor, &edge);) {
            sum.edges++;
            sum.cut += of_row[row] != of_row[edge.target];
            touches[row][of_row[edge.target]] = true;
            touches[edge.target][of_row[row]] = true;
        }
    }
    for (uint32_t row = 0; row < ROWS; row++) {
        uint64_t others = 0;
        for (uint32_t part = 0; part < parts; part++) {
            others += touches[row][part] && part != of_row[row];
        }
        sum.touched += others;
        sum.boundary += others > 0;
    }
    for (uint32_t part = 0; part < parts; part++) {
        sum.largest = sizes[part] > sum.largest ? sizes[part] : sum.largest;
    }
    return sum;
}

static double assert_figures(const sim_parts *parts) {
    const cg_graph *graph = sim_ground_graph(ground);
    const naive expected = count(graph, parts->of_row, PARTS);
    char *text = report_of(parts);
    double cut = point_figure(text, "partition.cut", "share");
    assert_near(cut, 100.0 * (double)expected.cut / (double)expected.edges, 1e-9);
    assert_near(point_figure(text, "partition.connectivity", "mean"),
                (double)expected.touched / ROWS, 1e-12);
    assert_near(point_figure(text, "partition.imbalance", "max"),
                100.0 * ((double)expected.largest * PARTS / ROWS - 1.0), 1e-9);
    assert_near(point_figure(text, "partition.boundary", "share"),
                100.0 * (double)expected.boundary / ROWS, 1e-9);
    assert_int_equal(point_total(text, "partition.routes"), expected.touched);
    /* A row and where its list ends: 8; each part of it: 2, and 4 in the list of the pair. The
     * lists of at most all pairs of parts end somewhere too. */
    uint64_t lists = 8 * expected.boundary + 6 * expected.touched;
    uint64_t bytes = point_total(text, "partition.routes.memory");
    assert_in_range(bytes, lists, lists + UINT64_C(16) * PARTS * PARTS + 1024);
    assert_true(expected.cut > 0 && expected.boundary > 0);
    free(text);
    return cut;
}

static void test_figures(void **state) {
    (void)state;
    sim_parts spectral = divided(PARTS, SIM_PARTITIONER_SPECTRAL, 1);
    sim_parts hash = divided(PARTS, SIM_PARTITIONER_HASH, 1);
    double found = assert_figures(&spectral);
    double chance = assert_figures(&hash);
    print_message("cut: spectral %.1f%%, hash %.1f%%\n", found, chance);
    /* Chance leaves a fifth of the edges inside, planted communities nine tenths. */
    assert_true(chance > 70.0 && chance < 90.0);
    assert_true(found < 20.0);
    sim_parts_deinit(&spectral);
    sim_parts_deinit(&hash);
}

/* Goal: parts and seed are those of the options. */
static void test_hash(void **state) {
    (void)state;
    uint32_t expected[ROWS];
    cg_error error = {0};
    sim_parts one = divided(PARTS, SIM_PARTITIONER_HASH, 7);
    assert_ok(cg_partition_by_hash(sim_ground_graph(ground), PARTS, 7, expected, &error),
              error);
    assert_int_equal(one.rows, ROWS);
    assert_memory_equal(one.of_row, expected, sizeof expected);
    sim_parts two = divided(PARTS, SIM_PARTITIONER_HASH, 8);
    assert_memory_not_equal(one.of_row, two.of_row, sizeof expected);
    sim_parts_deinit(&one);
    sim_parts_deinit(&two);
}

static void test_spectral(void **state) {
    (void)state;
    uint32_t expected[ROWS];
    cg_error error = {0};
    cg_partitioning_options how = cg_partitioning_options_default(PARTS);
    how.seed = 7;
    assert_ok(cg_partition_graph(sim_ground_graph(ground), &how, cg_allocator_heap(), expected,
                                 NULL, &error),
              error);
    sim_parts one = divided(PARTS, SIM_PARTITIONER_SPECTRAL, 7);
    assert_memory_equal(one.of_row, expected, sizeof expected);
    sim_parts_deinit(&one);
}

static void test_one_part(void **state) {
    (void)state;
    sim_parts one = divided(1, SIM_PARTITIONER_SPECTRAL, 1);
    assert_null(one.of_row);
    char *text = report_of(&one);
    assert_null(strstr(text, "partition."));
    free(text);
    sim_parts_deinit(&one);
    /* Keys have no graph to divide. */
    sim_options how = options;
    how.graph.parts = PARTS;
    cg_error error = {0};
    assert_ok(sim_parts_init(&one, NULL, &how, cg_allocator_heap(), &error), error);
    assert_null(one.of_row);
    sim_parts_deinit(&one);
}

static void test_memory(void **state) {
    (void)state;
    static const sim_partitioner all[] = {SIM_PARTITIONER_SPECTRAL, SIM_PARTITIONER_HASH};
    for (int i = 0; i < 2; i++) {
        sim_options how = options;
        how.graph.parts = PARTS;
        how.graph.partitioner = all[i];
        cg_status status = CG_ERROR_MEMORY;
        uint64_t n = 1;
        for (; status != CG_OK; n += n < 40 ? 1 : 17) {
            cg_counting_allocator counting;
            cg_counting_allocator_init(&counting, cg_allocator_heap());
            counting.fail_at = n;
            sim_parts parts;
            cg_error error = {0};
            status = sim_parts_init(&parts, sim_ground_graph(ground), &how,
                                    cg_counting_allocator_view(&counting), &error);
            if (status == CG_OK) {
                sim_parts_deinit(&parts);
            } else {
                assert_int_equal(status, CG_ERROR_MEMORY);
                assert_null(parts.of_row);
            }
            assert_int_equal(counting.live_blocks, 0);
        }
        assert_true(n > 4);
    }
}

/* Goal: a point has the figures of its ground, and runs as it would undivided. */
static void test_points(void **state) {
    (void)state;
    uint64_t whole = 0;
    char *text = point_run(&options, ground, SIM_LOOP_BARE, &whole);
    assert_null(strstr(text, "partition."));
    free(text);
    static const char *const names[] = {"spectral", "hash"};
    for (int i = 0; i < 2; i++) {
        sim_options how = options;
        cg_error error = {0};
        uint64_t fingerprint = 0;
        assert_ok(sim_options_set(&how, "graph.parts", "5", &error), error);
        assert_ok(sim_options_set(&how, "graph.partitioner", names[i], &error), error);
        assert_true(sim_options_graph_key(&how) != sim_options_graph_key(&options));
        sim_ground *made = point_ground(&how);
        text = point_run(&how, made, SIM_LOOP_BARE, &fingerprint);
        assert_true(fingerprint == whole);
        assert_near(point_figure(text, "partition.cut", "share"),
                    assert_figures(sim_ground_parts(made)), 1e-9);
        free(text);
        sim_ground_free(made);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),  cmocka_unit_test(test_hash),
        cmocka_unit_test(test_spectral), cmocka_unit_test(test_one_part),
        cmocka_unit_test(test_memory),   cmocka_unit_test(test_points),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
