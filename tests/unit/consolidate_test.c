/* Goal: edges between concepts that were active together grow as the rule says, in bounded
 * memory; bad input changes nothing.
 */
#include <math.h>
#include <string.h>

#include "engine/spread/consolidate.h"
#include "engine/spread/spread.h"
#include "tests/support/support.h"

static cg_graph *make_graph(uint32_t concepts) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < concepts; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, 100 + i, 1, "concept", &row, &error), error);
    }
    return graph;
}

static void add_edge(cg_graph *graph, uint32_t from, uint32_t target, uint16_t type,
                     uint8_t weight) {
    cg_error error = {0};
    cg_edge edge = {.target = target, .type = type, .weight = weight};
    assert_ok(cg_graph_add_edge(graph, from, edge, &error), error);
}

static cg_consolidator *make(cg_consolidate_options options) {
    cg_error error = {0};
    cg_consolidator *made = NULL;
    assert_ok(cg_consolidator_alloc(&options, cg_allocator_heap(), &made, &error), error);
    return made;
}

static void note(cg_consolidator *consolidator, const cg_graph *graph, const cg_active *active,
                 uint32_t count) {
    cg_error error = {0};
    assert_ok(cg_consolidator_note(consolidator, graph, active, count, NULL, &error), error);
}

static uint8_t stronger(uint8_t weight, uint64_t sum, double eta) {
    return cg_consolidate_weight(weight, eta, &sum);
}

/* Goal: the known values of consolidate.c, and the rule in floating point for every weight. */
static void test_rule(void **state) {
    (void)state;
    const uint64_t one = CG_CONSOLIDATE_ONE;
    assert_int_equal(stronger(127, 20 * one, 0.05), 208);
    assert_int_equal(stronger(127, one, 0.05), 133);
    assert_int_equal(stronger(0, 0, 1.0), 0);
    assert_int_equal(stronger(0, UINT64_C(1) << 62, 0.001), 255);
    assert_int_equal(stronger(254, 21 * one, 0.05), 254);
    assert_int_equal(stronger(254, 22 * one, 0.05), 255);
    assert_int_equal(stronger(255, 1000 * one, 1.0), 255);
    for (uint32_t weight = 0; weight < 256; weight++) {
        uint8_t before = (uint8_t)weight;
        for (uint64_t sum = 0; sum < 200 * one; sum += one / 2) {
            uint64_t rest = sum;
            uint8_t after = cg_consolidate_weight((uint8_t)weight, 0.05, &rest);
            assert_true(after >= before); /* more company, not less weight */
            before = after;
            double way = 255.5 - weight;
            double wanted = way * (1.0 - exp(-0.05 * (double)sum / (double)one));
            assert_true(after - weight <= wanted && after - weight + 1.0 > wanted - 1e-9);
            /* What is left is less than another step takes, and all of it where none was made. */
            assert_true(after > weight || rest == sum);
            assert_true(after == 255 || stronger(after, rest, 0.05) == after);
        }
    }
}

/* Goal: a sum in one piece and in many pieces gets a weight to the same place. */
static void test_rule_in_pieces(void **state) {
    (void)state;
    const uint64_t one = CG_CONSOLIDATE_ONE;
    for (uint64_t piece = one / 64; piece <= 8 * one; piece *= 2) {
        uint8_t weight = 3;
        uint64_t kept = 0;
        for (uint64_t sum = piece; sum <= 128 * one; sum += piece) {
            kept += piece;
            weight = cg_consolidate_weight(weight, 0.05, &kept);
            uint8_t at_once = stronger(3, sum - 300, 0.05); /* a unit a step is lost */
            assert_true(weight >= at_once && weight <= stronger(3, sum, 0.05));
        }
        assert_int_equal(weight, 255);
    }
}

/* Goal: the edges among what was active, in both directions where both are there, by product of
 * activations; no other edge. */
static void test_note(void **state) {
    (void)state;
    cg_graph *graph = make_graph(5);
    add_edge(graph, 0, 1, CG_EDGE_SIMILAR, 127);
    add_edge(graph, 1, 0, CG_EDGE_SIMILAR, 127);
    add_edge(graph, 0, 1, CG_EDGE_CAUSE, 10);
    add_edge(graph, 0, 2, CG_EDGE_SIMILAR, 127);
    add_edge(graph, 3, 0, CG_EDGE_SIMILAR, 127);
    add_edge(graph, 3, 4, CG_EDGE_SIMILAR, 127);
    cg_consolidator *consolidator = make(cg_consolidate_options_default());
    const cg_active active[] = {{3, CG_SPREAD_ONE / 2}, {1, CG_SPREAD_ONE}, {0, CG_SPREAD_ONE}};
    cg_error error = {0};
    cg_work work = {0};
    assert_ok(cg_consolidator_note(consolidator, graph, active, 3, &work, &error), error);
    assert_int_equal(work.operations[CG_WORK_GRAPH_READ], 3);
    assert_int_equal(work.units[CG_WORK_GRAPH_READ], 6);
    const uint64_t one = CG_CONSOLIDATE_ONE;
    assert_int_equal(cg_consolidator_sum(consolidator, 0, CG_EDGE_SIMILAR, 1), one);
    assert_int_equal(cg_consolidator_sum(consolidator, 1, CG_EDGE_SIMILAR, 0), one);
    assert_int_equal(cg_consolidator_sum(consolidator, 0, CG_EDGE_CAUSE, 1), one);
    assert_int_equal(cg_consolidator_sum(consolidator, 3, CG_EDGE_SIMILAR, 0), one / 2);
    assert_int_equal(cg_consolidator_sum(consolidator, 0, CG_EDGE_SIMILAR, 2), 0);
    assert_int_equal(cg_consolidator_sum(consolidator, 3, CG_EDGE_SIMILAR, 4), 0);
    cg_consolidator_statistics statistics = cg_consolidator_statistics_of(consolidator);
    assert_int_equal(statistics.spreads, 1);
    assert_int_equal(statistics.edges_walked, 6);
    assert_int_equal(statistics.edges_met, 4);
    assert_int_equal(statistics.edges_held, 4);
    note(consolidator, graph, active, 0);

    cg_consolidation result = {0};
    cg_consolidate(consolidator, graph, &result, &work);
    assert_int_equal(work.operations[CG_WORK_GRAPH_READ], 6);
    assert_int_equal(result.spreads, 2);
    assert_int_equal(result.change_count, 4);
    assert_int_equal(result.kept, 4);
    assert_int_equal(result.gone, 0);
    const cg_weight_change expected[] = {
        {0, {1, CG_EDGE_CAUSE, 21, 0}},    /* 10 + floor(245.5 * 0.04877 = 11.97) */
        {0, {1, CG_EDGE_SIMILAR, 133, 0}}, /* as in consolidate.c */
        {1, {0, CG_EDGE_SIMILAR, 133, 0}},
        {3, {0, CG_EDGE_SIMILAR, 130, 0}}, /* 127 + floor(128.5 * 0.02469 = 3.17) */
    };
    for (uint32_t i = 0; i < 4; i++) {
        assert_memory_equal(&result.changes[i], &expected[i], sizeof expected[i]);
    }
    /* Of the sums less than a step is left. */
    uint64_t rest = one;
    (void)cg_consolidate_weight(127, 0.05, &rest);
    assert_true(rest > 0 && rest < one / 6);
    assert_int_equal(cg_consolidator_sum(consolidator, 0, CG_EDGE_SIMILAR, 1), rest);
    for (uint32_t i = 0; i < result.change_count; i++) {
        const cg_edge *edge = &result.changes[i].edge;
        assert_ok(cg_graph_set_weight(graph, result.changes[i].from, edge->type, edge->target,
                                      edge->weight, &error),
                  error);
    }
    cg_consolidate(consolidator, graph, &result, NULL);
    assert_int_equal(result.spreads, 0);
    assert_int_equal(result.change_count, 0);
    assert_int_equal(cg_consolidator_statistics_of(consolidator).strengthened, 4);
    cg_consolidator_free(consolidator);
    cg_graph_free(graph);
}

/* Goal: what makes less than half a step waits and adds up; what leads nowhere is forgotten. */
static void test_kept_and_gone(void **state) {
    (void)state;
    cg_graph *graph = make_graph(4);
    add_edge(graph, 0, 1, CG_EDGE_SIMILAR, 254);
    add_edge(graph, 0, 2, CG_EDGE_SIMILAR, 255);
    cg_consolidator *consolidator = make(cg_consolidate_options_default());
    const cg_active active[] = {{0, CG_SPREAD_ONE}, {1, CG_SPREAD_ONE}, {2, CG_SPREAD_ONE}};
    cg_consolidation result = {0};
    for (uint64_t turn = 1; turn <= 21; turn++) {
        note(consolidator, graph, active, 3);
        cg_consolidate(consolidator, graph, &result, NULL);
        assert_int_equal(result.change_count, 0);
        assert_int_equal(result.kept, 1);
        assert_int_equal(result.gone, 1);
        assert_int_equal(cg_consolidator_sum(consolidator, 0, CG_EDGE_SIMILAR, 1),
                         turn * CG_CONSOLIDATE_ONE);
        assert_int_equal(cg_consolidator_sum(consolidator, 0, CG_EDGE_SIMILAR, 2), 0);
    }
    note(consolidator, graph, active, 3);
    cg_consolidate(consolidator, graph, &result, NULL);
    assert_int_equal(result.change_count, 1);
    assert_int_equal(result.changes[0].edge.weight, 255);
    assert_int_equal(result.kept, 0);

    /* An edge that the graph at the time lacks though it waited, and a concept that it lacks. */
    note(consolidator, graph, active, 2);
    cg_consolidate(consolidator, graph, &result, NULL);
    assert_int_equal(result.kept, 1);
    cg_graph *other = make_graph(4);
    cg_consolidate(consolidator, other, &result, NULL);
    assert_int_equal(result.change_count, 0);
    assert_int_equal(result.gone, 1);
    cg_graph *bigger = make_graph(6);
    add_edge(bigger, 5, 1, CG_EDGE_SIMILAR, 3);
    const cg_active high[] = {{5, CG_SPREAD_ONE}, {1, CG_SPREAD_ONE}};
    note(consolidator, bigger, high, 2);
    cg_consolidate(consolidator, graph, &result, NULL);
    assert_int_equal(result.change_count, 0);
    assert_int_equal(result.gone, 1);
    cg_consolidator_free(consolidator);
    cg_graph_free(graph);
    cg_graph_free(other);
    cg_graph_free(bigger);
}

/* Goal: the most active count, of equals the least row; those that hardly are active never. */
static void test_strongest(void **state) {
    (void)state;
    cg_graph *graph = make_graph(6);
    for (uint32_t from = 0; from < 6; from++) {
        for (uint32_t target = 0; target < 6; target++) {
            if (from != target) {
                add_edge(graph, from, target, CG_EDGE_SIMILAR, 0);
            }
        }
    }
    cg_consolidate_options options = cg_consolidate_options_default();
    options.active_max = 3;
    cg_consolidator *consolidator = make(options);
    const uint64_t half = CG_SPREAD_ONE / 2;
    const cg_active active[] = {
        {5, half}, {4, half}, {1, half / 2}, {3, half}, {2, CG_SPREAD_ONE}};
    note(consolidator, graph, active, 5);
    assert_int_equal(cg_consolidator_statistics_of(consolidator).edges_held, 6);
    assert_true(cg_consolidator_sum(consolidator, 2, CG_EDGE_SIMILAR, 3) > 0);
    assert_true(cg_consolidator_sum(consolidator, 3, CG_EDGE_SIMILAR, 4) > 0);
    assert_int_equal(cg_consolidator_sum(consolidator, 2, CG_EDGE_SIMILAR, 5), 0);
    const cg_active faint[] = {{0, CG_SPREAD_ONE}, {1, (CG_SPREAD_ONE >> 16) - 1}};
    note(consolidator, graph, faint, 2);
    assert_int_equal(cg_consolidator_statistics_of(consolidator).edges_held, 6);
    const cg_active just[] = {{0, CG_SPREAD_ONE}, {1, CG_SPREAD_ONE >> 16}};
    note(consolidator, graph, just, 2);
    assert_int_equal(cg_consolidator_sum(consolidator, 0, CG_EDGE_SIMILAR, 1),
                     CG_CONSOLIDATE_ONE >> 16);
    cg_consolidator_free(consolidator);
    cg_graph_free(graph);
}

/* Goal: of a hub the first row_edges_max edges are walked, noting and consolidating. */
static void test_hub(void **state) {
    (void)state;
    enum { SPOKES = 1000 };
    cg_graph *graph = make_graph(SPOKES + 1);
    for (uint32_t i = 1; i <= SPOKES; i++) {
        add_edge(graph, 0, i, CG_EDGE_SIMILAR, 0);
        add_edge(graph, i, 0, CG_EDGE_SIMILAR, 0);
    }
    cg_consolidate_options options = cg_consolidate_options_default();
    options.row_edges_max = 100;
    cg_consolidator *consolidator = make(options);
    const cg_active active[] = {{0, CG_SPREAD_ONE},
                                {100, CG_SPREAD_ONE},
                                {101, CG_SPREAD_ONE},
                                {SPOKES, CG_SPREAD_ONE}};
    note(consolidator, graph, active, 4);
    assert_int_equal(cg_consolidator_statistics_of(consolidator).edges_walked, 103);
    assert_int_equal(cg_consolidator_statistics_of(consolidator).edges_held, 4);
    cg_work work = {0};
    cg_consolidation result = {0};
    cg_consolidate(consolidator, graph, &result, &work);
    assert_int_equal(work.units[CG_WORK_GRAPH_READ], 103);
    assert_int_equal(result.change_count, 4);
    assert_int_equal(result.changes[0].edge.target, 100);
    cg_consolidator_free(consolidator);
    cg_graph_free(graph);
}

/* Goal: a cut by hand: sums 4, 2, 1, 1 and room for four; a fifth edge takes the third largest, 1,
 * from all. */
static void test_cut(void **state) {
    (void)state;
    cg_graph *graph = make_graph(10);
    for (uint32_t i = 0; i < 10; i += 2) {
        add_edge(graph, i, i + 1, CG_EDGE_SIMILAR, 0);
    }
    cg_consolidate_options options = cg_consolidate_options_default();
    options.edges_max = 4;
    cg_consolidator *consolidator = make(options);
    const uint32_t times[5] = {1, 4, 1, 2, 1};
    for (uint32_t i = 0; i < 5; i++) {
        const cg_active active[] = {{2 * i, CG_SPREAD_ONE}, {2 * i + 1, CG_SPREAD_ONE}};
        for (uint32_t turn = 0; turn < times[i]; turn++) {
            note(consolidator, graph, active, 2);
        }
    }
    const uint64_t left[5] = {0, 3, 0, 1, 1};
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(cg_consolidator_sum(consolidator, 2 * i, CG_EDGE_SIMILAR, 2 * i + 1),
                         left[i] * CG_CONSOLIDATE_ONE);
    }
    assert_int_equal(cg_consolidator_statistics_of(consolidator).edges_cut, 2);
    assert_int_equal(cg_consolidator_statistics_of(consolidator).edges_held, 3);
    cg_consolidator_free(consolidator);
    cg_graph_free(graph);
}

static void refuses(cg_consolidate_options options, const char *says) {
    cg_error error = {0};
    cg_consolidator *made = NULL;
    assert_status(cg_consolidator_alloc(&options, cg_allocator_heap(), &made, &error),
                  CG_ERROR_INVALID, error, says);
    assert_null(made);
}

static void test_input(void **state) {
    (void)state;
    const cg_consolidate_options good = cg_consolidate_options_default();
    cg_consolidate_options bad = good;
    bad.active_max = 1;
    refuses(bad, "counts 1 concepts a spread; it must be 2..1024");
    bad.active_max = 1025;
    refuses(bad, "counts 1025 concepts");
    bad = good;
    bad.row_edges_max = 0;
    refuses(bad, "looks at 0 edges a concept; it must be 1..1048576");
    bad.row_edges_max = (1 << 20) + 1;
    refuses(bad, "looks at 1048577 edges");
    bad = good;
    bad.edges_max = 1;
    refuses(bad, "remembers 1 edges; it must be 2..67108864");
    bad.edges_max = (1 << 26) + 1;
    refuses(bad, "remembers 67108865 edges");
    const double etas[] = {0.0, -0.1, 1.0001, (double)NAN};
    for (int i = 0; i < 4; i++) {
        bad = good;
        bad.eta = etas[i];
        refuses(bad, "it must be in (0, 1]");
    }

    cg_graph *graph = make_graph(3);
    add_edge(graph, 0, 1, CG_EDGE_SIMILAR, 0);
    cg_consolidator *consolidator = make(good);
    uint64_t hash = cg_consolidator_hash(consolidator);
    cg_error error = {0};
    const cg_active beyond[] = {{0, CG_SPREAD_ONE}, {1, CG_SPREAD_ONE}, {3, 1}};
    assert_status(cg_consolidator_note(consolidator, graph, beyond, 3, NULL, &error),
                  CG_ERROR_NOT_FOUND, error, "row 3 was active in a graph of 3 concepts");
    const cg_active loud[] = {{0, CG_SPREAD_ONE}, {1, CG_SPREAD_ONE + 1}};
    assert_status(cg_consolidator_note(consolidator, graph, loud, 2, NULL, &error),
                  CG_ERROR_INVALID, error, "row 1 was active by 17592186044417; 1.0 is");
    const cg_active twice[] = {{1, CG_SPREAD_ONE}, {0, CG_SPREAD_ONE}, {1, 1U << 30}};
    assert_status(cg_consolidator_note(consolidator, graph, twice, 3, NULL, &error),
                  CG_ERROR_INVALID, error, "row 1 was active twice");
    assert_int_equal(cg_consolidator_hash(consolidator), hash);
    cg_consolidator_free(consolidator);
    cg_consolidator_free(NULL);
    cg_graph_free(graph);
}

static void test_memory(void **state) {
    (void)state;
    cg_consolidate_options options = cg_consolidate_options_default();
    for (uint64_t n = 1;; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        cg_error error = {0};
        cg_consolidator *made = NULL;
        cg_status status = cg_consolidator_alloc(
            &options, cg_counting_allocator_view(&counting), &made, &error);
        if (status == CG_OK) {
            assert_int_equal(n, 6);
            assert_int_equal(counting.live_bytes, cg_consolidator_bytes(made));
            assert_true(counting.live_bytes < UINT64_C(45) * 65536);
            cg_consolidator_free(made);
            assert_int_equal(counting.live_bytes, 0);
            break;
        }
        assert_status(status, CG_ERROR_MEMORY, error, "no memory for a consolidator");
        assert_null(made);
        assert_int_equal(counting.live_bytes, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule),      cmocka_unit_test(test_rule_in_pieces),
        cmocka_unit_test(test_note),      cmocka_unit_test(test_kept_and_gone),
        cmocka_unit_test(test_strongest), cmocka_unit_test(test_hub),
        cmocka_unit_test(test_cut),       cmocka_unit_test(test_input),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
