/* Goal: a decision on a small world is the one that can be reckoned by hand, explains itself,
 * counts every stage, refuses bad input without a trace, and survives failing allocations.
 * (Spec A6, A7, A9.) */
#include "tests/support/support.h"

#include <math.h>
#include <string.h>

#include "engine/cascade/cascade_internal.h"

static cg_error error;

enum { ROOT, FIRST_KIND, KINDS = 6, LEAVES = 8, CONCEPTS = 1 + KINDS + KINDS * LEAVES };
enum { DIMS = 64 };

typedef struct world {
    cg_graph *graph;
    cg_features *features;
    cg_index *index;
    cg_cascade_scratch *scratch;
    cg_column_weights weights;
    cg_knowledge knowledge;
    uint32_t patterns[CONCEPTS];
    uint32_t nodes[CONCEPTS];
} world;

static world made;

static void touched(void *context, uint32_t row, cg_touch what) {
    world *told = context;
    (what == CG_TOUCH_PATTERN ? told->patterns : told->nodes)[row]++;
}

static void edge(uint32_t from, uint32_t to, cg_edge_type type) {
    cg_edge value = {.target = to, .type = (uint8_t)type, .weight = 255};
    assert_ok(cg_graph_add_edge(made.graph, from, value, &error), error);
}

static uint32_t kind_of(uint32_t row) {
    return row < FIRST_KIND + KINDS ? row : FIRST_KIND + (row - FIRST_KIND - KINDS) / LEAVES;
}

/* Axes 0..KINDS: what a kind has in common; the others: a concept's own. */
static void text_of(uint32_t row, uint32_t words[2], float weights[2], float dense[DIMS]) {
    words[0] = kind_of(row);
    words[1] = 100 + row;
    weights[0] = 0.6f;
    weights[1] = 0.8f;
    memset(dense, 0, DIMS * sizeof *dense);
    dense[kind_of(row)] = 0.6f;
    dense[KINDS + 1 + row] = 0.8f;
}

static int set_up(void **state) {
    cg_allocator heap = cg_allocator_heap();
    memset(&made, 0, sizeof made);
    assert_ok(cg_graph_alloc(NULL, heap, &made.graph, &error), error);
    cg_ttfs_options encoding = cg_ttfs_options_default();
    assert_ok(cg_features_alloc(DIMS, &encoding, NULL, heap, &made.features, &error), error);
    cg_index_options index = cg_index_options_default(CG_INDEX_FLAT, DIMS);
    assert_ok(cg_index_alloc(&index, heap, &made.index, &error), error);
    cg_runner runner = cg_runner_serial();
    for (uint32_t i = 0; i < CONCEPTS; i++) {
        uint32_t words[2];
        float weights[2];
        float dense[DIMS];
        uint32_t row;
        text_of(i, words, weights, dense);
        assert_ok(cg_graph_add_concept(made.graph, 1000 + i, 3, "a concept", &row, &error),
                  error);
        assert_ok(cg_features_append(made.features, dense, (cg_sparse){words, weights, 2}, &row,
                                     NULL, &error),
                  error);
        cg_index_rows rows = {.vectors = dense, .count = 1};
        assert_ok(cg_index_add(made.index, &rows, &runner, NULL, &error), error);
    }
    for (uint32_t i = 1; i < CONCEPTS; i++) {
        uint32_t parent = kind_of(i) == i ? ROOT : kind_of(i);
        edge(i, parent, CG_EDGE_HYPERNYM);
        edge(parent, i, CG_EDGE_HYPONYM);
    }
    assert_ok(cg_graph_freeze(made.graph, &error), error);
    assert_ok(cg_cascade_scratch_alloc(heap, &made.scratch, &error), error);
    made.weights = cg_column_weights_default();
    made.knowledge = (cg_knowledge){
        .graph = made.graph,
        .features = made.features,
        .indexes = {made.index},
        .index_count = 1,
        .weights = &made.weights,
        .touched = touched,
        .touched_context = &made,
    };
    *state = &made;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    cg_cascade_scratch_free(made.scratch);
    cg_cascade_scratch_free(NULL);
    cg_index_free(made.index);
    cg_features_free(made.features);
    cg_graph_free(made.graph);
    return 0;
}

static cg_fact_view fact_of(uint32_t row) {
    cg_feature_row features = cg_features_row(made.features, row);
    return (cg_fact_view){
        .dense = features.dense, .sparse = features.sparse, .type = CG_TYPE_UNKNOWN};
}

static cg_cascade_options hierarchical(void) {
    cg_cascade_options options = cg_cascade_options_default();
    options.strategy = CG_STRATEGY_HIERARCHICAL;
    options.neighbours = 12;
    return options;
}

static cg_decision decide(const cg_cascade_options *options, const cg_fact_view *fact) {
    cg_decision decision;
    assert_ok(cg_cascade_decide(options, &made.knowledge, fact, made.scratch, &decision, NULL,
                                &error),
              error);
    return decision;
}

static void options_are_checked(void **state) {
    (void)state;
    cg_cascade_options good = cg_cascade_options_default();
    assert_ok(cg_cascade_options_check(&good, &error), error);
    assert_int_equal(good.neighbours, 50);
    assert_int_equal(good.semantic.at_least, 16);
    assert_int_equal(good.structural.at_least, 4);
    cg_cascade_options bad = good;
    bad.neighbours = 0;
    assert_status(cg_cascade_options_check(&bad, &error), CG_ERROR_INVALID, error,
                  "neighbours");
    bad.neighbours = CG_NEIGHBOURS_MAX + 1;
    assert_status(cg_cascade_options_check(&bad, &error), CG_ERROR_INVALID, error,
                  "neighbours");
    bad = good;
    bad.ef = 0;
    assert_status(cg_cascade_options_check(&bad, &error), CG_ERROR_INVALID, error, "ef");
    bad = good;
    bad.semantic.share = (double)NAN;
    assert_status(cg_cascade_options_check(&bad, &error), CG_ERROR_INVALID, error, "semantic");
    bad = good;
    bad.structural.at_least = 0;
    assert_status(cg_cascade_options_check(&bad, &error), CG_ERROR_INVALID, error,
                  "structural");
    bad = good;
    bad.column_mask = 0;
    assert_status(cg_cascade_options_check(&bad, &error), CG_ERROR_INVALID, error, "mask");
    bad.column_mask = 16;
    assert_status(cg_cascade_options_check(&bad, &error), CG_ERROR_INVALID, error, "mask");
    bad = good;
    bad.stop_confidence = 1.5;
    assert_status(cg_cascade_options_check(&bad, &error), CG_ERROR_INVALID, error,
                  "confidence");
    bad = good;
    bad.strategy = CG_STRATEGY_COUNT;
    assert_status(cg_cascade_options_check(&bad, &error), CG_ERROR_INVALID, error, "strategy");
    assert_string_equal(cg_strategy_name(CG_STRATEGY_DIRECT), "direct");
    assert_string_equal(cg_stage_name(CG_STAGE_INHIBITION), "inhibition");
}

static void filters_ranks_and_sorts(void **state) {
    (void)state;
    assert_int_equal(cg_cascade_keeps(&(cg_filter){0.1, 16}, 100), 16);
    assert_int_equal(cg_cascade_keeps(&(cg_filter){0.1, 16}, 161), 17);
    assert_int_equal(cg_cascade_keeps(&(cg_filter){0.1, 16}, 170), 17);
    assert_int_equal(cg_cascade_keeps(&(cg_filter){0.2, 4}, 3), 3);
    assert_int_equal(cg_cascade_keeps(&(cg_filter){1.0, 1}, 77), 77);
    double keys[4] = {1.0, 3.0, 3.0, 2.0};
    uint32_t order[4];
    cg_cascade_rank(keys, 4, order);
    assert_memory_equal(order, ((uint32_t[4]){1, 2, 3, 0}), sizeof order);
    uint32_t best[3];
    assert_int_equal(cg_cascade_best(keys, 4, best, 3), 3);
    assert_memory_equal(best, ((uint32_t[3]){1, 2, 3}), sizeof best);
    cg_stream stream = cg_stream_init(support_seed(12), "test.select", 0);
    for (int round = 0; round < 200; round++) {
        double drawn[64];
        uint32_t rows[64];
        uint32_t ranked[64];
        uint32_t count = (uint32_t)cg_stream_next_below(&stream, 65);
        for (uint32_t i = 0; i < count; i++) {
            drawn[i] = (double)cg_stream_next_below(&stream, 20);
            rows[i] = (uint32_t)cg_stream_next_below(&stream, 50);
        }
        cg_cascade_rank(drawn, count, ranked);
        cg_cascade_sort_rows(rows, count);
        uint32_t top[10];
        uint32_t held = cg_cascade_best(drawn, count, top, 10);
        assert_int_equal(held, count < 10 ? count : 10);
        assert_memory_equal(top, ranked, held * sizeof *top);
        for (uint32_t i = 1; i < count; i++) {
            assert_true(rows[i - 1] <= rows[i]);
            assert_true(
                drawn[ranked[i - 1]] > drawn[ranked[i]] ||
                (drawn[ranked[i - 1]] == drawn[ranked[i]] && ranked[i - 1] < ranked[i]));
        }
    }
}

static void a_restated_concept_wins_and_explains_itself(void **state) {
    (void)state;
    cg_cascade_options options = hierarchical();
    uint32_t leaf = FIRST_KIND + KINDS + 2 * LEAVES + 3;
    cg_fact_view fact = fact_of(leaf);
    cg_decision decision;
    cg_work work = {0};
    assert_ok(cg_cascade_decide(&options, &made.knowledge, &fact, made.scratch, &decision,
                                &work, &error),
              error);
    assert_int_equal(decision.winner, leaf);
    assert_int_equal(decision.alternatives[0], leaf);
    assert_int_equal(decision.alternative_count, CG_ALTERNATIVES);
    assert_int_equal(decision.path_length, 3);
    assert_int_equal(decision.path[0], leaf);
    assert_int_equal(decision.path[1], kind_of(leaf));
    assert_int_equal(decision.path[2], ROOT);
    assert_int_equal(decision.strategy, CG_STRATEGY_HIERARCHICAL);
    assert_int_equal(decision.stage_in[CG_STAGE_COARSE], CONCEPTS);
    assert_int_equal(decision.stage_out[CG_STAGE_COARSE], decision.stage_in[CG_STAGE_SEMANTIC]);
    assert_int_equal(
        decision.stage_in[CG_STAGE_STRUCTURAL],
        decision.stage_in[CG_STAGE_SEMANTIC] < 16 ? decision.stage_in[CG_STAGE_SEMANTIC] : 16);
    assert_int_equal(decision.stage_in[CG_STAGE_INHIBITION], 4);
    assert_int_equal(decision.stage_out[CG_STAGE_INHIBITION], 1);
    assert_int_equal(decision.winner_spike_ticks, 139 * 100);
    assert_true(decision.votes[CG_COLUMN_SEMANTIC] > 0.99f);
    assert_true(decision.confidence > 0.8 && decision.confidence <= 1.0);
    assert_true(decision.margin > 0.0);
    assert_int_equal(decision.spikes, 2);
    assert_int_equal(decision.column_spike_ticks[CG_COLUMN_TEMPORAL], CG_TICKS_NEVER);
    float largest = 0.0f;
    for (int c = 0; c < CG_COLUMN_COUNT; c++) {
        largest = decision.votes[c] > largest ? decision.votes[c] : largest;
    }
    for (int c = 0; c < CG_COLUMN_COUNT; c++) {
        assert_int_equal(decision.column_spike_ticks[c] == 0, decision.votes[c] == largest);
    }
    assert_true(work.operations[CG_WORK_SPIKE_ENCODE] >= 1);
    assert_int_equal(work.operations[CG_WORK_COLUMN_VOTE], 4);
    assert_int_equal(work.units[CG_WORK_LIF_STEP], 4 + 139);
    cg_decision again = decide(&options, &fact);
    assert_int_equal(again.pathway_id, decision.pathway_id);
    fact = fact_of(leaf + 1);
    again = decide(&options, &fact);
    assert_true(again.pathway_id != decision.pathway_id);
}

/* A text with the common word of a kind and an unknown one: its place is the kind. */
static void a_new_leaf_goes_to_its_kind(void **state) {
    (void)state;
    uint32_t kind = FIRST_KIND + 4;
    uint32_t words[2] = {kind, 5000};
    float weights[2] = {0.6f, 0.8f};
    float dense[DIMS] = {0};
    dense[kind] = 0.6f;
    dense[DIMS - 1] = 0.8f;
    cg_fact_view fact = {
        .dense = dense, .sparse = {words, weights, 2}, .type = CG_TYPE_UNKNOWN};
    cg_cascade_options options = hierarchical();
    assert_int_equal(decide(&options, &fact).winner, kind);
    options.strategy = CG_STRATEGY_DIRECT;
    cg_decision decision = decide(&options, &fact);
    assert_int_equal(decision.winner, kind);
    assert_int_equal(decision.stage_out[CG_STAGE_COARSE], CONCEPTS);
    assert_int_equal(decision.stage_out[CG_STAGE_STRUCTURAL], CONCEPTS);
    assert_int_equal(decision.alternative_count, CG_ALTERNATIVES);
}

static void strategy_is_chosen_by_size_and_index(void **state) {
    (void)state;
    cg_fact_view fact = fact_of(5);
    cg_cascade_options options = cg_cascade_options_default();
    options.direct_max = CONCEPTS;
    assert_int_equal(decide(&options, &fact).strategy, CG_STRATEGY_DIRECT);
    options.direct_max = CONCEPTS - 1;
    assert_int_equal(decide(&options, &fact).strategy, CG_STRATEGY_HIERARCHICAL);
    made.knowledge.index_count = 0;
    assert_int_equal(decide(&options, &fact).strategy, CG_STRATEGY_DIRECT);
    options.strategy = CG_STRATEGY_HIERARCHICAL;
    cg_decision decision = decide(&options, &fact);
    assert_int_equal(decision.strategy, CG_STRATEGY_DIRECT);
    assert_int_equal(decision.winner, 5);
}

static void ends_early_when_sure(void **state) {
    (void)state;
    cg_fact_view fact = fact_of(20);
    cg_cascade_options options = hierarchical();
    cg_decision full = decide(&options, &fact);
    options.stop_confidence = 0.0;
    cg_decision early = decide(&options, &fact);
    assert_int_equal(early.stage_out[CG_STAGE_STRUCTURAL], 1);
    assert_int_equal(early.winner, full.winner);
    assert_true(early.confidence == full.confidence);
    assert_memory_equal(early.alternatives, full.alternatives, sizeof full.alternatives);
    options.strategy = CG_STRATEGY_DIRECT;
    assert_int_equal(decide(&options, &fact).stage_out[CG_STAGE_STRUCTURAL], 1);
}

static void columns_can_be_switched_off(void **state) {
    (void)state;
    cg_fact_view fact = fact_of(20);
    for (uint32_t mask = 1; mask < 16; mask++) {
        cg_cascade_options options = hierarchical();
        options.column_mask = mask;
        cg_decision decision = decide(&options, &fact);
        for (uint32_t c = 0; c < CG_COLUMN_COUNT; c++) {
            if (!(mask >> c & 1)) {
                assert_true(decision.votes[c] == 0.0f);
                assert_int_equal(decision.column_spike_ticks[c], CG_TICKS_NEVER);
            }
        }
        assert_true(mask >> decision.winning_column & 1);
        if (mask & 3) { /* semantic or structural evidence is enough here */
            assert_int_equal(decision.winner, 20);
        }
        if (!(mask & 1)) { /* nothing to filter by */
            assert_int_equal(decision.stage_out[CG_STAGE_SEMANTIC],
                             decision.stage_in[CG_STAGE_SEMANTIC]);
        }
    }
}

static void what_is_read_is_told(void **state) {
    (void)state;
    cg_fact_view fact = fact_of(30);
    cg_cascade_options options = hierarchical();
    options.column_mask = 1u << CG_COLUMN_SEMANTIC | 1u << CG_COLUMN_STRUCTURAL;
    cg_decision decision = decide(&options, &fact);
    uint32_t patterns = 0;
    uint32_t nodes = 0;
    for (uint32_t row = 0; row < CONCEPTS; row++) {
        assert_true(made.patterns[row] <= 1);
        assert_true(made.nodes[row] <= 1);
        patterns += made.patterns[row];
        nodes += made.nodes[row];
    }
    assert_true(patterns >= decision.stage_out[CG_STAGE_COARSE]);
    assert_true(nodes >= options.neighbours);
    for (uint32_t i = 0; i < decision.alternative_count; i++) {
        assert_int_equal(made.patterns[decision.alternatives[i]], 1);
    }
    for (uint32_t i = 0; i < decision.path_length; i++) {
        assert_int_equal(made.nodes[decision.path[i]], 1);
    }
}

static void refused(const cg_fact_view *fact, cg_status expected, const char *part) {
    cg_cascade_options options = hierarchical();
    cg_decision decision;
    cg_decision before;
    memset(&decision, 0x5a, sizeof decision);
    memset(&before, 0x5a, sizeof before);
    assert_status(cg_cascade_decide(&options, &made.knowledge, fact, made.scratch, &decision,
                                    NULL, &error),
                  expected, error, part);
    assert_memory_equal(&decision, &before, sizeof before);
}

static void bad_input_leaves_no_trace(void **state) {
    (void)state;
    cg_cascade_options options = hierarchical();
    cg_fact_view good = fact_of(9);
    cg_decision before = decide(&options, &good);
    float dense[DIMS] = {0};
    cg_fact_view fact = good;
    fact.dense = dense;
    refused(&fact, CG_ERROR_INVALID, "zero");
    dense[3] = NAN;
    refused(&fact, CG_ERROR_INVALID, "NaN");
    dense[3] = INFINITY;
    refused(&fact, CG_ERROR_INVALID, "infinity");
    fact = good;
    fact.type = CG_CONCEPT_TYPES;
    refused(&fact, CG_ERROR_INVALID, "concept type is 64");
    fact = good;
    uint32_t words[2] = {9, 8};
    float weights[2] = {0.6f, 0.8f};
    fact.sparse = (cg_sparse){words, weights, 2};
    refused(&fact, CG_ERROR_INVALID, "ascend");
    made.knowledge.index_first_row[0] = 1;
    refused(&good, CG_ERROR_INVALID, "index 0");
    made.knowledge.index_first_row[0] = 0;
    cg_decision after = decide(&options, &good);
    assert_memory_equal(after.alternatives, before.alternatives, sizeof before.alternatives);
    assert_true(after.confidence == before.confidence);
}

static void an_empty_world_has_no_place(void **state) {
    (void)state;
    cg_allocator heap = cg_allocator_heap();
    cg_graph *graph;
    cg_features *features;
    cg_ttfs_options encoding = cg_ttfs_options_default();
    assert_ok(cg_graph_alloc(NULL, heap, &graph, &error), error);
    assert_ok(cg_features_alloc(DIMS, &encoding, NULL, heap, &features, &error), error);
    cg_fact_view fact = fact_of(9);
    cg_graph *real_graph = made.graph;
    made.knowledge.graph = graph;
    refused(&fact, CG_ERROR_INVALID, "must be as many");
    made.knowledge.features = features;
    made.knowledge.index_count = 0;
    refused(&fact, CG_ERROR_NOT_FOUND, "no concepts");
    made.graph = real_graph;
    cg_features_free(features);
    cg_graph_free(graph);
}

static void any_allocation_may_fail(void **state) {
    (void)state;
    cg_fact_view fact = fact_of(9);
    cg_cascade_options options = hierarchical();
    cg_decision expected = decide(&options, &fact);
    for (uint64_t n = 1;; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        counting.fail_at = n;
        cg_cascade_scratch *scratch = NULL;
        cg_decision decision = {.winner = 12345};
        cg_status status =
            cg_cascade_scratch_alloc(cg_counting_allocator_view(&counting), &scratch, &error);
        if (status == CG_OK) {
            status = cg_cascade_decide(&options, &made.knowledge, &fact, scratch, &decision,
                                       NULL, &error);
            if (status != CG_OK) { /* it fails once; the same scratch then serves */
                assert_int_equal(decision.winner, 12345);
                assert_ok(cg_cascade_decide(&options, &made.knowledge, &fact, scratch,
                                            &decision, NULL, &error),
                          error);
            }
            assert_int_equal(decision.winner, expected.winner);
            /* All that is held, but for the room to align one block to 64 bytes. */
            assert_int_equal(cg_cascade_scratch_bytes(scratch) + 64, counting.live_bytes);
        }
        assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
        cg_cascade_scratch_free(scratch);
        assert_int_equal(counting.live_bytes, 0);
        if (status == CG_OK) {
            assert_true(n > 8);
            break;
        }
    }
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(filters_ranks_and_sorts),
        IN_WORLD(a_restated_concept_wins_and_explains_itself),
        IN_WORLD(a_new_leaf_goes_to_its_kind),
        IN_WORLD(strategy_is_chosen_by_size_and_index),
        IN_WORLD(ends_early_when_sure),
        IN_WORLD(columns_can_be_switched_off),
        IN_WORLD(what_is_read_is_told),
        IN_WORLD(bad_input_leaves_no_trace),
        IN_WORLD(an_empty_world_has_no_place),
        IN_WORLD(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
