/* Goal: a synthetic graph has what was asked for: degrees by the law, the share of edges inside
 * its communities, sizes, weights, directions; the same for the same seed; and options out of
 * range are refused. (E1) */
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>

#include "engine/graph/synthetic.h"
#include "engine/graph/synthetic_law.h"

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) {
        fail_msg("%.12g is not within %g of %.12g", value, tolerance, expected);
    }
}

static cg_synthetic *generator_of(const cg_synthetic_options *options) {
    cg_error error = {0};
    cg_synthetic *synthetic = NULL;
    assert_ok(cg_synthetic_alloc(options, cg_allocator_heap(), &synthetic, &error), error);
    return synthetic;
}

static cg_graph *graph_of(const cg_synthetic *synthetic, cg_synthetic_report *report) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_synthetic_graph(synthetic, NULL, NULL, &graph, report, &error), error);
    return graph;
}

static cg_synthetic_options options_of(uint32_t nodes, uint64_t seed) {
    cg_synthetic_options options = cg_synthetic_options_default();
    options.nodes = nodes;
    options.communities = nodes / 500;
    options.seed = seed;
    return options;
}

/* --- Degrees. --- */

/* Share of rows whose degree is at most k, if each is Poisson about what it expects. */
static double expected_share(const cg_synthetic *synthetic, uint32_t nodes, uint32_t k) {
    double sum = 0.0;
    for (uint32_t row = 0; row < nodes; row++) {
        const double mean = cg_synthetic_expected_degree(synthetic, row);
        double term = exp(-mean);
        double share = term;
        for (uint32_t i = 1; i <= k; i++) {
            term *= mean / i;
            share += term;
        }
        sum += share;
    }
    return sum / nodes;
}

static void expect_degrees(const cg_synthetic_options *options, double tolerance) {
    cg_synthetic *synthetic = generator_of(options);
    cg_graph *graph = graph_of(synthetic, NULL);
    double sum = 0.0;
    double most = 0.0;
    for (uint32_t row = 0; row < options->nodes; row++) {
        const double degree = cg_synthetic_expected_degree(synthetic, row);
        sum += degree;
        most = degree > most ? degree : most;
    }
    assert_near(sum / options->nodes, options->degree, 1e-6);
    static const uint32_t at[] = {0, 1, 2, 3, 5, 8, 12, 20, 40};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        uint32_t below = 0;
        for (uint32_t row = 0; row < options->nodes; row++) {
            below += cg_graph_degree(graph, row) <= at[i];
        }
        const double share = (double)below / options->nodes;
        const double law = expected_share(synthetic, options->nodes, at[i]);
        if (fabs(share - law) > tolerance) {
            fail_msg("exponent %g: %.4f of degrees are at most %u; by the law %.4f",
                     options->exponent, share, at[i], law);
        }
    }
    cg_graph_free(graph);
    cg_synthetic_free(synthetic);
}

/* The rows that expect much are those that get it. */
static void hubs_are_where_they_should_be(void **state) {
    (void)state;
    for (uint32_t communities = 1; communities <= 10; communities += 9) {
        cg_synthetic_options options = options_of(20000, 6);
        options.communities = communities;
        cg_synthetic *synthetic = generator_of(&options);
        cg_graph *graph = graph_of(synthetic, NULL);
        double expected = 0.0;
        double most = 0.0;
        uint64_t found = 0;
        for (uint32_t row = 0; row < options.nodes; row++) {
            const double degree = cg_synthetic_expected_degree(synthetic, row);
            most = degree > most ? degree : most;
            expected += degree > 40.0 ? degree : 0.0;
            found += degree > 40.0 ? cg_graph_degree(graph, row) : 0;
        }
        assert_true(expected > 1000.0);
        assert_near((double)found / expected, 1.0, 0.06); /* some edges merged */
        /* No more than the default greatest degree: sqrt(degree * mean size). */
        assert_near(most / sqrt(10.0 * 20000.0 / communities), 0.97, 0.04);
        cg_graph_free(graph);
        cg_synthetic_free(synthetic);
    }
}

/* Kolmogorov-Smirnov over 20,000 rows: 0.0138 is exceeded once in a thousand; edges that merged
 * add to it. */
static void degrees_follow_the_law(void **state) {
    (void)state;
    const uint64_t seed = support_seed(11);
    static const double exponents[] = {0.0, 2.0, 2.5, 3.0};
    for (size_t i = 0; i < sizeof exponents / sizeof exponents[0]; i++) {
        cg_synthetic_options options = options_of(20000, seed);
        options.exponent = exponents[i];
        expect_degrees(&options, 0.02);
        options.directed = true;
        options.communities = 1;
        expect_degrees(&options, 0.02);
    }
}

/* What rows expect is itself the law's, up to the table's steps. */
static void expected_degrees_are_quantiles(void **state) {
    (void)state;
    cg_synthetic_options options = options_of(20000, 3);
    options.communities = 1;
    options.degree_max = 200.0;
    cg_synthetic *synthetic = generator_of(&options);
    const power_law law = cg_power_law_init(2.5, 10.0, 200.0);
    static const double shares[] = {0.001, 0.01, 0.1, 0.5, 0.9};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        const double value = cg_power_law_quantile(&law, shares[i]);
        uint32_t above = 0;
        for (uint32_t row = 0; row < options.nodes; row++) {
            above += cg_synthetic_expected_degree(synthetic, row) > value;
        }
        assert_near((double)above / options.nodes, shares[i], 0.001);
    }
    cg_synthetic_free(synthetic);
}

/* --- Communities. --- */

static double share_inside(const cg_synthetic *synthetic) {
    enum { DRAWS = 40000 };
    uint32_t inside = 0;
    for (uint64_t n = 0; n < DRAWS; n++) {
        const cg_synthetic_edge edge = cg_synthetic_draw(synthetic, n);
        assert_true(edge.from != edge.to);
        inside += cg_synthetic_community(synthetic, edge.from) ==
                  cg_synthetic_community(synthetic, edge.to);
    }
    return (double)inside / DRAWS;
}

static void communities_are_planted(void **state) {
    (void)state;
    const uint64_t seed = support_seed(12);
    static const double shares[] = {0.0, 0.3, 0.8, 1.0};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        for (int unequal = 0; unequal < 2; unequal++) {
            cg_synthetic_options options = options_of(20000, seed);
            options.inside = shares[i];
            options.community_exponent = unequal ? 2.0 : 0.0;
            cg_synthetic *synthetic = generator_of(&options);
            assert_near(share_inside(synthetic), shares[i], 0.01); /* 4 deviations */
            uint32_t *sizes = calloc(options.communities, sizeof *sizes);
            assert_non_null(sizes);
            for (uint32_t row = 0; row < options.nodes; row++) {
                sizes[cg_synthetic_community(synthetic, row)]++;
            }
            uint32_t least = UINT32_MAX;
            uint32_t most = 0;
            for (uint32_t c = 0; c < options.communities; c++) {
                assert_int_equal(sizes[c], cg_synthetic_community_size(synthetic, c));
                least = sizes[c] < least ? sizes[c] : least;
                most = sizes[c] > most ? sizes[c] : most;
            }
            assert_true(least >= 2);
            assert_true(unequal ? most > 4 * least : most - least <= 1);
            free(sizes);
            cg_synthetic_free(synthetic);
        }
    }
}

/* Rows next to each other have nothing to do with each other. */
static void rows_do_not_give_communities_away(void **state) {
    (void)state;
    cg_synthetic_options options = options_of(20000, 5);
    options.communities = 10;
    cg_synthetic *synthetic = generator_of(&options);
    uint32_t same = 0;
    for (uint32_t row = 1; row < options.nodes; row++) {
        same += cg_synthetic_community(synthetic, row) ==
                cg_synthetic_community(synthetic, row - 1);
    }
    assert_near((double)same / options.nodes, 0.1, 0.02);
    cg_synthetic_free(synthetic);
}

/* --- The graph. --- */

static uint64_t hash_of(const cg_synthetic_options *options) {
    cg_synthetic *synthetic = generator_of(options);
    cg_graph *graph = graph_of(synthetic, NULL);
    const uint64_t hash = cg_graph_hash(graph);
    cg_graph_free(graph);
    cg_synthetic_free(synthetic);
    return hash;
}

static void a_function_of_the_seed(void **state) {
    (void)state;
    cg_synthetic_options options = options_of(3000, 1);
    const uint64_t hash = hash_of(&options);
    assert_true(hash_of(&options) == hash);
    options.seed = 2;
    assert_true(hash_of(&options) != hash);
    options.seed = 1;
    options.inside = 0.81;
    assert_true(hash_of(&options) != hash);
}

static bool has_edge(const cg_graph *graph, uint32_t from, cg_edge back) {
    cg_edge_cursor cursor = cg_graph_edges(graph, from);
    cg_edge edge;
    while (cg_graph_next_edge(&cursor, &edge)) {
        if (edge.target == back.target) {
            return edge.type == back.type && edge.weight == back.weight;
        }
    }
    return false;
}

static void the_graph_is_what_was_drawn(void **state) {
    (void)state;
    cg_synthetic_options options = options_of(2000, 4);
    options.weighted = true;
    cg_synthetic *synthetic = generator_of(&options);
    cg_synthetic_report report;
    cg_graph *graph = graph_of(synthetic, &report);
    assert_int_equal(report.drawn, 20000);
    assert_int_equal(cg_graph_edge_count(graph), report.drawn - report.duplicates);
    assert_true(report.duplicates > 0 && report.duplicates < 1200);
    assert_string_equal(cg_graph_relation_name(graph, CG_EDGE_TYPE_COUNT), "link");
    double weights = 0.0;
    for (uint32_t row = 0; row < options.nodes; row++) {
        assert_int_equal(cg_graph_id(graph, row), row + 1);
        cg_edge_cursor cursor = cg_graph_edges(graph, row);
        cg_edge edge;
        while (cg_graph_next_edge(&cursor, &edge)) {
            const cg_edge back = {.target = row, .type = edge.type, .weight = edge.weight};
            assert_true(has_edge(graph, edge.target, back));
            weights += edge.weight;
        }
    }
    assert_near(weights / (double)cg_graph_edge_count(graph), 127.5, 6.0);
    for (uint64_t n = 0; n < cg_synthetic_edge_count(synthetic) / 2; n++) {
        const cg_synthetic_edge edge = cg_synthetic_draw(synthetic, n);
        bool found = false;
        cg_edge_cursor cursor = cg_graph_edges(graph, edge.from);
        cg_edge held;
        while (!found && cg_graph_next_edge(&cursor, &held)) {
            found = held.target == edge.to && held.weight >= edge.weight;
        }
        assert_true(found);
    }
    cg_graph_free(graph);
    cg_synthetic_free(synthetic);
    options.directed = true;
    options.weighted = false;
    options.degree = 0.25;
    synthetic = generator_of(&options);
    graph = graph_of(synthetic, &report);
    assert_int_equal(report.drawn, 500);
    cg_graph_free(graph);
    cg_synthetic_free(synthetic);
}

/* The smallest, the densest, and communities of two. */
static void extremes(void **state) {
    (void)state;
    cg_synthetic_options options = {
        .nodes = 2, .degree = 1.0, .communities = 1, .exponent = 2.5, .seed = 1};
    cg_synthetic *synthetic = generator_of(&options);
    cg_graph *graph = graph_of(synthetic, NULL);
    assert_int_equal(cg_graph_edge_count(graph), 2);
    cg_graph_free(graph);
    cg_synthetic_free(synthetic);
    options = (cg_synthetic_options){.nodes = 50,
                                     .degree = 49.0,
                                     .communities = 25,
                                     .inside = 1.0,
                                     .exponent = 10.0,
                                     .community_exponent = 1.0,
                                     .seed = 1};
    synthetic = generator_of(&options);
    graph = graph_of(synthetic, NULL);
    assert_int_equal(cg_graph_edge_count(graph), 50); /* each to its only other one */
    cg_graph_free(graph);
    cg_synthetic_free(synthetic);
    /* One of each two has nearly all the propensity, and still no edge to itself. */
    options = (cg_synthetic_options){.nodes = 20000,
                                     .degree = 1.0,
                                     .degree_max = 19999.0,
                                     .communities = 10000,
                                     .inside = 1.0,
                                     .exponent = 1.5,
                                     .seed = 1};
    synthetic = generator_of(&options);
    assert_near(share_inside(synthetic), 1.0, 0.0);
    cg_synthetic_free(synthetic);
}

static void options_out_of_range(void **state) {
    (void)state;
    const cg_synthetic_options good = cg_synthetic_options_default();
    static const char *const says[] = {
        "nodes is 1; it must be 2 to",
        "degree is 0; it must be above 0",
        "degree is 1e+06; it must be above 0 and at most 99999",
        "degree is nan",
        "degree_max is 5; it must be 0, or 10 (degree) to",
        "communities is 0; it must be 1 to 50000",
        "communities is 50001",
        "inside is 1.5; it must be 0 to 1",
        "inside is -0.1",
        "exponent is 1.4; it must be 0 or 1.5 to 10",
        "exponent is nan",
        "community_exponent is 0.5; it must be 0 or 1 to 10",
    };
    cg_synthetic_options bad[] = {good, good, good, good, good, good,
                                  good, good, good, good, good, good};
    bad[0].nodes = 1;
    bad[1].degree = 0.0;
    bad[2].degree = 1e6;
    bad[3].degree = (double)NAN;
    bad[4].degree_max = 5.0;
    bad[5].communities = 0;
    bad[6].communities = 50001;
    bad[7].inside = 1.5;
    bad[8].inside = -0.1;
    bad[9].exponent = 1.4;
    bad[10].exponent = (double)NAN;
    bad[11].community_exponent = 0.5;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cg_synthetic *synthetic = NULL;
        cg_error error = {0};
        assert_status(cg_synthetic_alloc(&bad[i], cg_allocator_heap(), &synthetic, &error),
                      CG_ERROR_INVALID, error, says[i]);
        assert_null(synthetic);
    }
}

typedef struct stop {
    uint32_t calls;
    uint32_t most;
    double last;
} stop;

static bool go_on(void *context, double share) {
    stop *self = context;
    assert_true(share >= self->last && share <= 1.0);
    self->last = share;
    return ++self->calls <= self->most;
}

static void interrupted_and_out_of_memory(void **state) {
    (void)state;
    const cg_synthetic_options options = options_of(1000, 1);
    for (uint32_t most = 0; most < 4; most++) {
        cg_synthetic *synthetic = generator_of(&options);
        cg_graph *graph = NULL;
        cg_error error = {0};
        stop stops = {.most = most};
        cg_status status = cg_synthetic_graph(synthetic, go_on, &stops, &graph, NULL, &error);
        if (most < 3) {
            assert_status(status, CG_ERROR_INTERRUPTED, error, "interrupted");
            assert_null(graph);
        } else {
            assert_ok(status, error);
        }
        cg_graph_free(graph);
        cg_synthetic_free(synthetic);
    }
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        cg_synthetic *synthetic = NULL;
        cg_graph *graph = NULL;
        cg_error error = {0};
        cg_status status = cg_synthetic_alloc(&options, cg_counting_allocator_view(&counting),
                                              &synthetic, &error);
        if (status == CG_OK) {
            status = cg_synthetic_graph(synthetic, NULL, NULL, &graph, NULL, &error);
        }
        failed = status != CG_OK;
        assert_true(!failed || (status == CG_ERROR_MEMORY && error.message[0] != '\0'));
        assert_true(failed == (graph == NULL) && (failed || n > 5));
        cg_graph_free(graph);
        cg_synthetic_free(synthetic);
        assert_int_equal(counting.live_blocks, 0);
    }
}

/* Nothing is held but the result: 8 bytes an edge and 33 a concept, and the tables. */
static void memory_of_the_result(void **state) {
    (void)state;
    cg_synthetic_options options = options_of(20000, 1);
    options.degree = 50.0;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_synthetic *synthetic = NULL;
    cg_graph *graph = NULL;
    cg_error error = {0};
    assert_ok(
        cg_synthetic_alloc(&options, cg_counting_allocator_view(&counting), &synthetic, &error),
        error);
    assert_ok(cg_synthetic_graph(synthetic, NULL, NULL, &graph, NULL, &error), error);
    const uint64_t drawn = cg_synthetic_edge_count(synthetic);
    assert_true(counting.peak_bytes < 8 * drawn + 50 * UINT64_C(20000) + 200000);
    cg_graph_free(graph);
    cg_synthetic_free(synthetic);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(degrees_follow_the_law),
        cmocka_unit_test(hubs_are_where_they_should_be),
        cmocka_unit_test(expected_degrees_are_quantiles),
        cmocka_unit_test(communities_are_planted),
        cmocka_unit_test(rows_do_not_give_communities_away),
        cmocka_unit_test(a_function_of_the_seed),
        cmocka_unit_test(the_graph_is_what_was_drawn),
        cmocka_unit_test(extremes),
        cmocka_unit_test(options_out_of_range),
        cmocka_unit_test(interrupted_and_out_of_memory),
        cmocka_unit_test(memory_of_the_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
