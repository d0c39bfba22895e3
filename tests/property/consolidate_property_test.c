/* Goal: what consolidation sums and strengthens is what a naive model with a cell for each possible
 * edge sums and strengthens; in bounded memory it errs downwards alone, by no more than stated;
 * and the order of notes does not matter.
 */
#include <math.h>
#include <string.h>

#include "engine/spread/consolidate.h"
#include "engine/spread/spread.h"
#include "tests/support/support.h"

enum { ROWS = 40, TYPES = 3, ROUNDS = 4, NOTES = 60, PROGRAMS = 12 };
static const uint16_t types[TYPES] = {CG_EDGE_PART_MERONYM, CG_EDGE_CAUSE, CG_EDGE_SIMILAR};

typedef struct cell {
    bool is_edge;
    uint8_t weight;
    uint64_t sum;
} cell;

typedef struct model {
    cell cells[ROWS][TYPES][ROWS];
    uint64_t total; /* of all products noted */
} model;

/* One spread: activations by row, 0 where none. */
typedef struct spread {
    uint64_t activation[ROWS];
} spread;

static cg_graph *draw_graph(cg_stream *stream, model *naive, uint32_t edges) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, i, 0, "concept", &row, &error), error);
    }
    for (uint32_t i = 0; i < edges; i++) {
        if (i == edges / 2) {
            assert_ok(cg_graph_freeze(graph, &error), error);
        }
        uint32_t from = (uint32_t)cg_stream_next_below(stream, ROWS);
        uint32_t target = (uint32_t)cg_stream_next_below(stream, ROWS);
        uint32_t type = (uint32_t)cg_stream_next_below(stream, TYPES);
        cell *at = &naive->cells[from][type][target];
        if (from == target || at->is_edge) {
            continue;
        }
        at->is_edge = true;
        at->weight = (uint8_t)cg_stream_next_below(stream, 256);
        cg_edge edge = {.target = target, .type = types[type], .weight = at->weight};
        assert_ok(cg_graph_add_edge(graph, from, edge, &error), error);
    }
    return graph;
}

static spread draw_spread(cg_stream *stream) {
    spread drawn = {{0}};
    uint32_t centre = (uint32_t)cg_stream_next_below(stream, ROWS);
    uint32_t count = (uint32_t)cg_stream_next_below(stream, 12);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = (centre + (uint32_t)cg_stream_next_below(stream, 14)) % ROWS;
        uint64_t bits = 45 - cg_stream_next_below(stream, 1 + cg_stream_next_below(stream, 45));
        drawn.activation[row] = (UINT64_C(1) << (bits - 1)) - cg_stream_next_below(stream, 2);
    }
    return drawn;
}

/* The most active `max`, of equals the least row, by a search for each. */
static void model_note(model *naive, const spread *noted, uint32_t max) {
    uint64_t left[ROWS];
    uint64_t chosen[ROWS] = {0};
    memcpy(left, noted->activation, sizeof left);
    for (uint32_t i = 0; i < max; i++) {
        uint32_t best = 0;
        for (uint32_t row = 1; row < ROWS; row++) {
            best = left[row] > left[best] ? row : best;
        }
        chosen[best] = left[best] > 0 ? left[best] >> 28 : chosen[best];
        left[best] = 0;
    }
    for (uint32_t from = 0; from < ROWS; from++) {
        for (uint32_t type = 0; type < TYPES; type++) {
            for (uint32_t target = 0; target < ROWS; target++) {
                if (naive->cells[from][type][target].is_edge) {
                    uint64_t product = chosen[from] * chosen[target];
                    naive->cells[from][type][target].sum += product;
                    naive->total += product;
                }
            }
        }
    }
}

/* Notes a spread with its rows in a random order. */
static void note(cg_consolidator *consolidator, const cg_graph *graph, const spread *noted,
                 cg_stream *stream) {
    uint32_t rows[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) {
        rows[i] = i;
    }
    cg_stream_shuffle_u32(stream, rows, ROWS);
    cg_active active[ROWS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        if (noted->activation[rows[i]] > 0) {
            active[count++] = (cg_active){rows[i], noted->activation[rows[i]]};
        }
    }
    cg_error error = {0};
    assert_ok(cg_consolidator_note(consolidator, graph, active, count, NULL, &error), error);
}

static cg_consolidator *make(cg_consolidate_options options) {
    cg_error error = {0};
    cg_consolidator *made = NULL;
    assert_ok(cg_consolidator_alloc(&options, cg_allocator_heap(), &made, &error), error);
    return made;
}

/* The model's changes come out, in order; they are applied to model and graph. */
static void compare_changes(const cg_consolidator *consolidator, const cg_consolidation *result,
                            model *naive, cg_graph *graph, double eta) {
    uint32_t at = 0;
    uint32_t kept = 0;
    uint32_t gone = 0;
    for (uint32_t from = 0; from < ROWS; from++) {
        for (uint32_t type = 0; type < TYPES; type++) {
            for (uint32_t target = 0; target < ROWS; target++) {
                cell *of = &naive->cells[from][type][target];
                if (of->sum == 0) {
                    continue;
                }
                double one = (double)CG_CONSOLIDATE_ONE;
                double units = (double)of->sum / one;
                double way = 255.5 - of->weight;
                double steps = floor(way * (1.0 - exp(-eta * units)));
                if (of->weight == 255 || steps < 1.0) {
                    gone += of->weight == 255;
                    kept += of->weight < 255;
                    of->sum = of->weight == 255 ? 0 : of->sum;
                    continue;
                }
                assert_true(at < result->change_count);
                cg_weight_change change = result->changes[at++];
                assert_int_equal(change.from, from);
                assert_int_equal(change.edge.type, types[type]);
                assert_int_equal(change.edge.target, target);
                assert_int_equal(change.edge.unused, 0);
                assert_int_equal(change.edge.weight, of->weight + (int)steps);
                of->weight = change.edge.weight;
                double used = log(way / (way - steps)) / eta;
                uint64_t rest = cg_consolidator_sum(consolidator, from, types[type], target);
                assert_true(of->weight < 255 || rest == 0);
                assert_true(of->weight == 255 ||
                            fabs((double)rest / one - (units - used)) < 1e-6);
                of->sum = rest;
                kept += rest > 0;
                cg_error error = {0};
                assert_ok(
                    cg_graph_set_weight(graph, from, types[type], target, of->weight, &error),
                    error);
            }
        }
    }
    assert_int_equal(at, result->change_count);
    assert_int_equal(kept, result->kept);
    assert_int_equal(gone, result->gone);
}

/* Goal: sums and changes of several consolidations are the model's, and a twin that noted the same
 * spreads in another order is equal. */
static void test_programs_against_cells(void **state) {
    (void)state;
    uint64_t seed = support_seed(71);
    static model naive;
    uint64_t changes = 0;
    for (uint64_t program = 0; program < PROGRAMS; program++) {
        cg_stream stream = cg_stream_init(seed, "test.consolidate", program);
        memset(&naive, 0, sizeof naive);
        cg_graph *graph = draw_graph(&stream, &naive, 900);
        cg_consolidate_options options = cg_consolidate_options_default();
        options.active_max = 2 + (uint32_t)cg_stream_next_below(&stream, 12);
        options.edges_max = 1000;
        options.eta = 0.001 + 0.3 * cg_stream_next_unit(&stream);
        cg_consolidator *one = make(options);
        cg_consolidator *twin = make(options);
        for (uint32_t round = 0; round < ROUNDS; round++) {
            spread spreads[NOTES];
            uint32_t order[NOTES];
            for (uint32_t i = 0; i < NOTES; i++) {
                spreads[i] = draw_spread(&stream);
                order[i] = i;
                model_note(&naive, &spreads[i], options.active_max);
                note(one, graph, &spreads[i], &stream);
            }
            cg_stream_shuffle_u32(&stream, order, NOTES);
            for (uint32_t i = 0; i < NOTES; i++) {
                note(twin, graph, &spreads[order[i]], &stream);
            }
            assert_int_equal(cg_consolidator_hash(one), cg_consolidator_hash(twin));
            for (uint32_t from = 0; from < ROWS; from++) {
                for (uint32_t i = 0; i < TYPES * ROWS; i++) {
                    assert_int_equal(cg_consolidator_sum(one, from, types[i / ROWS], i % ROWS),
                                     naive.cells[from][i / ROWS][i % ROWS].sum);
                }
            }
            cg_consolidation result = {0};
            cg_consolidation of_twin = {0};
            cg_consolidate(one, graph, &result, NULL);
            cg_consolidate(twin, graph, &of_twin, NULL);
            assert_int_equal(result.spreads, NOTES);
            assert_int_equal(of_twin.change_count, result.change_count);
            changes += result.change_count;
            assert_memory_equal(of_twin.changes, result.changes,
                                result.change_count * sizeof *result.changes);
            compare_changes(one, &result, &naive, graph, options.eta);
            assert_int_equal(cg_consolidator_hash(one), cg_consolidator_hash(twin));
        }
        cg_consolidator_free(one);
        cg_consolidator_free(twin);
        cg_graph_free(graph);
    }
    assert_true(changes > 1000);
}

/* Goal: with room for a few edges only: never above the truth, below it by the stated bound at
 * most, never more edges than room, and equal runs are equal. */
static void test_bounded(void **state) {
    (void)state;
    uint64_t seed = support_seed(72);
    static model naive;
    uint64_t cuts = 0;
    for (uint64_t program = 0; program < PROGRAMS; program++) {
        cg_stream stream = cg_stream_init(seed, "test.consolidate.bounded", program);
        memset(&naive, 0, sizeof naive);
        cg_graph *graph = draw_graph(&stream, &naive, 900);
        cg_consolidate_options options = cg_consolidate_options_default();
        options.active_max = 8;
        options.edges_max = 2 + (uint32_t)cg_stream_next_below(&stream, 40);
        cg_consolidator *one = make(options);
        cg_consolidator *twin = make(options);
        uint64_t bytes = cg_consolidator_bytes(one);
        for (uint32_t i = 0; i < ROUNDS * NOTES; i++) {
            spread drawn = draw_spread(&stream);
            model_note(&naive, &drawn, options.active_max);
            note(one, graph, &drawn, &stream);
            note(twin, graph, &drawn, &stream); /* the same rows in another order */
            assert_int_equal(cg_consolidator_hash(one), cg_consolidator_hash(twin));
            assert_true(cg_consolidator_statistics_of(one).edges_held <= options.edges_max);
            uint64_t slack = naive.total / (options.edges_max / 2 + 1);
            for (uint32_t from = i % 8; from < ROWS; from += 8) {
                for (uint32_t j = 0; j < TYPES * ROWS; j++) {
                    uint64_t truth = naive.cells[from][j / ROWS][j % ROWS].sum;
                    uint64_t sum = cg_consolidator_sum(one, from, types[j / ROWS], j % ROWS);
                    assert_true(sum <= truth && truth - sum <= slack);
                }
            }
        }
        assert_int_equal(cg_consolidator_bytes(one), bytes);
        cuts += cg_consolidator_statistics_of(one).edges_cut;
        cg_consolidator_free(one);
        cg_consolidator_free(twin);
        cg_graph_free(graph);
    }
    assert_true(cuts > 1000);
}

/* Goal: however rare and faint the company, an edge gets to 1.0, never back and never beyond, and
 * when continuous growth would be half a step beyond: after ln(255.5 / 0.5) / 0.05 * 32 = 3990.5
 * notes. */
static void test_no_stall(void **state) {
    (void)state;
    static model naive;
    memset(&naive, 0, sizeof naive);
    cg_stream stream = cg_stream_init(support_seed(73), "test.consolidate.stall", 0);
    cg_graph *graph = draw_graph(&stream, &naive, 0);
    cg_error error = {0};
    cg_edge edge = {.target = 1, .type = CG_EDGE_SIMILAR, .weight = 0};
    assert_ok(cg_graph_add_edge(graph, 0, edge, &error), error);
    cg_consolidator *consolidator = make(cg_consolidate_options_default());
    spread faint = {{CG_SPREAD_ONE / 8, CG_SPREAD_ONE / 4}}; /* 1/32 together */
    uint8_t weight = 0;
    uint32_t notes = 0;
    for (; weight < 255 && notes < 40000; notes++) {
        note(consolidator, graph, &faint, &stream);
        if (notes % 3 == 0) {
            cg_consolidation result = {0};
            cg_consolidate(consolidator, graph, &result, NULL);
            if (result.change_count > 0) {
                assert_true(result.changes[0].edge.weight > weight);
                weight = result.changes[0].edge.weight;
                assert_ok(cg_graph_set_weight(graph, 0, CG_EDGE_SIMILAR, 1, weight, &error),
                          error);
            }
        }
    }
    assert_int_equal(weight, 255);
    assert_true(notes >= 3991 && notes <= 3991 + 3);
    cg_consolidator_free(consolidator);
    cg_graph_free(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs_against_cells),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_no_stall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
