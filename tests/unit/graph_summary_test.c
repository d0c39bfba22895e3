/* Goal: a summary counts right on small graphs known by hand, frozen, growing, layered and with
 * removed concepts; against the plainest count on random ones; and its exponents are those of
 * the formula, and of the law that degrees were drawn from. (E1) */
#include "tests/support/support.h"

#include <math.h>
#include <stdlib.h>

#include "engine/graph/summary.h"
#include "engine/graph/synthetic_law.h"

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) {
        fail_msg("%.12g is not within %g of %.12g", value, tolerance, expected);
    }
}

static cg_graph *graph_of(const cg_graph *base, uint32_t concepts) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(base, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < concepts; i++) {
        uint32_t row = 0;
        const uint32_t at = cg_graph_concept_count(graph);
        assert_ok(cg_graph_add_concept(graph, at + 1, 0, "x", &row, &error), error);
    }
    return graph;
}

static bool add(cg_graph *graph, uint32_t from, uint32_t to, uint32_t type, uint8_t weight) {
    cg_error error = {0};
    const cg_edge edge = {.target = to, .type = (uint16_t)type, .weight = weight};
    return cg_graph_add_edge(graph, from, edge, &error) == CG_OK;
}

static cg_graph_summary summary_of(const cg_graph *graph) {
    cg_error error = {0};
    cg_graph_summary summary;
    assert_ok(cg_graph_summarise(graph, cg_allocator_heap(), &summary, &error), error);
    return summary;
}

static void done(cg_graph_summary *summary) {
    cg_graph_summary_free(summary, cg_allocator_heap());
}

/* a -> b (twice, of two types), b -> a, c -> a, d alone. */
static void known_graph(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *graph = graph_of(NULL, 4);
    assert_true(add(graph, 0, 1, CG_EDGE_OTHER, 255) && add(graph, 0, 1, CG_EDGE_CAUSE, 127) &&
                add(graph, 1, 0, CG_EDGE_OTHER, 255) && add(graph, 2, 0, CG_EDGE_OTHER, 127));
    for (int frozen = 0; frozen < 2; frozen++) {
        cg_graph_summary summary = summary_of(graph);
        assert_int_equal(summary.concepts, 4);
        assert_int_equal(summary.edges, 4);
        assert_int_equal(summary.isolated, 1);
        assert_near(summary.weight_mean, 0.75, 1e-12);
        assert_near(summary.reciprocity, 0.75, 1e-12);
        assert_int_equal(summary.components, 2);
        assert_int_equal(summary.component_most, 3);
        assert_int_equal(summary.roots, 0);
        assert_int_equal(summary.depth_most, 0);
        assert_int_equal(summary.relation_count, 2);
        assert_int_equal(summary.relations[0].type, CG_EDGE_OTHER);
        assert_int_equal(summary.relations[0].edges, 3);
        assert_int_equal(summary.relations[1].type, CG_EDGE_CAUSE);
        assert_int_equal(summary.out.least, 0);
        assert_int_equal(summary.out.median, 1);
        assert_int_equal(summary.out.most, 2);
        assert_near(summary.out.mean, 1.0, 1e-12);
        assert_int_equal(summary.in.median, 0);
        assert_int_equal(summary.in.most, 2);
        assert_true(summary.out.exponent == 0.0);
        assert_true(summary.hash == cg_graph_hash(graph));
        assert_true(summary.bytes == cg_graph_bytes(graph));
        done(&summary);
        assert_ok(cg_graph_freeze(graph, &error), error);
    }
    cg_graph_free(graph);
}

static void nothing_at_all(void **state) {
    (void)state;
    for (uint32_t concepts = 0; concepts < 3; concepts++) {
        cg_graph *graph = graph_of(NULL, concepts);
        cg_graph_summary summary = summary_of(graph);
        assert_int_equal(summary.concepts, concepts);
        assert_int_equal(summary.isolated, concepts);
        assert_int_equal(summary.components, concepts);
        assert_int_equal(summary.edges, 0);
        assert_int_equal(summary.relation_count, 0);
        assert_true(summary.reciprocity == 0.0 && summary.weight_mean == 0.0);
        done(&summary);
        cg_graph_free(graph);
    }
}

/* Two roots, five below; a layer that adds one more and takes one out. */
static void hierarchy_and_layers(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *base = graph_of(NULL, 6);
    static const uint32_t parents[][2] = {{1, 0}, {2, 1}, {3, 1}, {5, 4}};
    for (size_t i = 0; i < 4; i++) {
        assert_true(add(base, parents[i][0], parents[i][1], CG_EDGE_HYPERNYM, 255));
        assert_true(add(base, parents[i][1], parents[i][0], CG_EDGE_HYPONYM, 255));
    }
    assert_ok(cg_graph_freeze(base, &error), error);
    cg_graph_summary summary = summary_of(base);
    assert_int_equal(summary.roots, 2);
    assert_int_equal(summary.depth_most, 2);
    assert_int_equal(summary.components, 2);
    assert_true(summary.reciprocity == 1.0);
    const uint64_t base_bytes = summary.bytes;
    done(&summary);
    cg_graph *top = graph_of(base, 2);
    assert_true(add(top, 6, 2, CG_EDGE_HYPERNYM, 255) && add(top, 2, 6, CG_EDGE_HYPONYM, 255));
    assert_true(add(top, 7, 4, CG_EDGE_OTHER, 255) && add(top, 4, 7, CG_EDGE_OTHER, 255));
    assert_ok(cg_graph_remove_concept(top, 7, &error), error);
    summary = summary_of(top);
    assert_int_equal(summary.concepts, 7);
    assert_int_equal(summary.edges, 10);
    assert_int_equal(summary.depth_most, 3);
    assert_int_equal(summary.components, 2);
    assert_int_equal(summary.component_most, 5);
    assert_int_equal(summary.isolated, 0);
    assert_int_equal(summary.out.least, 1);
    assert_true(summary.reciprocity == 1.0);
    assert_true(summary.bytes == base_bytes + cg_graph_bytes(top));
    done(&summary);
    cg_graph_free(top);
    cg_graph_free(base);
}

/* Joined by edges in one direction or the other, by the plainest flooding. */
static uint32_t flood(const uint8_t *joined, uint32_t rows, uint32_t *largest) {
    uint32_t colours[64] = {0};
    uint32_t count = 0;
    *largest = 0;
    for (uint32_t first = 0; first < rows; first++) {
        if (colours[first] != 0) {
            continue;
        }
        colours[first] = ++count;
        uint32_t size = 1;
        for (bool changed = true; changed;) {
            changed = false;
            for (uint32_t a = 0; a < rows; a++) {
                for (uint32_t b = 0; b < rows; b++) {
                    const bool meets = (colours[a] == count) != (colours[b] == count);
                    if (joined[a * rows + b] && meets) {
                        colours[a] = colours[b] = count;
                        size++;
                        changed = true;
                    }
                }
            }
        }
        *largest = size > *largest ? size : *largest;
    }
    return count;
}

/* Some edges frozen, some not, hubs among them. */
static void random_graphs(void **state) {
    (void)state;
    const uint64_t seed = support_seed(21);
    for (uint32_t round = 0; round < 60; round++) {
        cg_stream stream = cg_stream_init(seed, "summary.round", round);
        const uint32_t rows = 2 + (uint32_t)cg_stream_next_below(&stream, 62);
        const uint32_t tries = (uint32_t)cg_stream_next_below(&stream, UINT64_C(8) * rows);
        const uint32_t frozen = (uint32_t)cg_stream_next_below(&stream, tries + 1);
        uint8_t *joined = calloc((size_t)rows * rows, 1);
        assert_non_null(joined);
        cg_graph *graph = graph_of(NULL, rows);
        cg_error error = {0};
        for (uint32_t i = 0; i < tries; i++) {
            uint32_t from = (uint32_t)cg_stream_next_below(&stream, rows);
            from = cg_stream_next_below(&stream, 3) == 0 ? 0 : from;
            const uint32_t to = (uint32_t)cg_stream_next_below(&stream, rows);
            const uint32_t type = (uint32_t)cg_stream_next_below(&stream, 4);
            if (add(graph, from, to, CG_EDGE_ANTONYM + type, 255)) {
                joined[from * rows + to]++;
            }
            if (i == frozen) {
                assert_ok(cg_graph_freeze(graph, &error), error);
            }
        }
        uint64_t edges = 0;
        uint64_t returned = 0;
        uint32_t largest = 0;
        for (uint32_t a = 0; a < rows; a++) {
            for (uint32_t b = 0; b < rows; b++) {
                edges += joined[a * rows + b];
                returned += joined[b * rows + a] > 0 ? joined[a * rows + b] : 0;
            }
        }
        cg_graph_summary summary = summary_of(graph);
        assert_int_equal(summary.edges, edges);
        assert_near(summary.reciprocity, edges > 0 ? (double)returned / (double)edges : 0.0,
                    1e-12);
        assert_int_equal(summary.components, flood(joined, rows, &largest));
        assert_int_equal(summary.component_most, largest);
        done(&summary);
        cg_graph_free(graph);
        free(joined);
    }
}

/* --- Degrees. --- */

static void quantiles(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    uint32_t degrees[COUNT];
    cg_stream stream = cg_stream_init(1, "summary.degrees", 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        degrees[i] = i + 1;
    }
    cg_stream_shuffle_u32(&stream, degrees, COUNT);
    cg_degree_summary summary = cg_degrees_summarise(degrees, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(degrees[i], i + 1);
    }
    assert_int_equal(summary.least, 1);
    assert_int_equal(summary.tenth, 100);
    assert_int_equal(summary.median, 500);
    assert_int_equal(summary.ninth, 900);
    assert_int_equal(summary.p99, 990);
    assert_int_equal(summary.most, 1000);
    assert_near(summary.mean, 500.5, 1e-9);
    uint32_t extremes[] = {UINT32_MAX, 0, UINT32_MAX, 0};
    summary = cg_degrees_summarise(extremes, 4);
    assert_int_equal(summary.least, 0);
    assert_int_equal(summary.most, UINT32_MAX);
    assert_int_equal(cg_degrees_summarise(NULL, 0).most, 0);
}

static void known_exponent(void **state) {
    (void)state;
    uint32_t degrees[110] = {0};
    for (uint32_t i = 0; i < 100; i++) {
        degrees[i] = i < 60 ? 1 : 2;
    }
    cg_degree_summary summary = cg_degrees_summarise(degrees, 110); /* ten without */
    assert_int_equal(summary.exponent_from, 1);
    assert_int_equal(summary.exponent_rows, 100);
    /* sum = 60 ln(1 / 0.5) + 40 ln(2 / 0.5) */
    assert_near(summary.exponent, 1.0 + 1.0 / (1.4 * log(2.0)), 1e-12);
    uint32_t same[100];
    for (uint32_t i = 0; i < 100; i++) {
        same[i] = 7;
    }
    assert_true(cg_degrees_summarise(same, 100).exponent == 0.0);
    uint32_t few[49] = {1, 2, 3};
    assert_true(cg_degrees_summarise(few, 49).exponent == 0.0);
}

/* Quantiles of a law from 10 on, with noise below: exponent and lower end come back. */
static void exponent_of_the_law(void **state) {
    (void)state;
    enum { TAIL = 20000, BELOW = 20000 };
    static const double exponents[] = {2.2, 2.5, 3.0};
    uint32_t *degrees = calloc(TAIL + BELOW, sizeof *degrees);
    assert_non_null(degrees);
    for (size_t e = 0; e < sizeof exponents / sizeof exponents[0]; e++) {
        for (uint32_t i = 0; i < TAIL; i++) {
            const double share = ((double)i + 0.5) / TAIL;
            degrees[i] = (uint32_t)floor(9.5 * pow(share, 1.0 / (1.0 - exponents[e])) + 0.5);
        }
        for (uint32_t i = 0; i < BELOW; i++) {
            degrees[TAIL + i] = 1 + i % 9;
        }
        const cg_degree_summary summary = cg_degrees_summarise(degrees, TAIL + BELOW);
        assert_near(summary.exponent, exponents[e], 0.02);
        assert_true(summary.exponent_from >= 9 && summary.exponent_rows >= TAIL / 20);
        assert_true(summary.exponent_distance < 0.01);
    }
    free(degrees);
}

static void out_of_memory(void **state) {
    (void)state;
    cg_graph *graph = graph_of(NULL, 3);
    assert_true(add(graph, 0, 1, CG_EDGE_OTHER, 255) && add(graph, 1, 2, CG_EDGE_CAUSE, 255));
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        const cg_allocator allocator = cg_counting_allocator_view(&counting);
        counting.fail_at = n;
        cg_graph_summary summary = {.concepts = 77};
        cg_error error = {0};
        failed = cg_graph_summarise(graph, allocator, &summary, &error) != CG_OK;
        assert_int_equal(error.status, failed ? CG_ERROR_MEMORY : CG_OK);
        assert_int_equal(summary.concepts, failed ? 77 : 3);
        if (!failed) {
            cg_graph_summary_free(&summary, allocator);
        }
        assert_int_equal(counting.live_blocks, 0);
        assert_true(failed || n > 6);
    }
    cg_graph_free(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_graph),
        cmocka_unit_test(nothing_at_all),
        cmocka_unit_test(hierarchy_and_layers),
        cmocka_unit_test(random_graphs),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(known_exponent),
        cmocka_unit_test(exponent_of_the_law),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
