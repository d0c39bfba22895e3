/* Goal: a decision on a small world is the one that can be reckoned by hand, explains itself,
 * counts every stage, tells what it reads, leaves a lesson, and survives failing allocations.
 * (Spec A6, A7, A9.) */
#include "tests/support/cascade_world.h"

#include <math.h>

#include "engine/cascade/cascade_internal.h"

static void filters_ranks_and_sorts(void **state) {
    (void)state;
    assert_int_equal(cg_cascade_keeps(&(cg_filter){0.1, 16}, 100), 16);
    assert_int_equal(cg_cascade_keeps(&(cg_filter){0.1, 16}, 161), 17);
    assert_int_equal(cg_cascade_keeps(&(cg_filter){0.1, 16}, 170), 17);
    assert_int_equal(cg_cascade_keeps(&(cg_filter){0.2, 4}, 3), 3);
    assert_int_equal(cg_cascade_keeps(&(cg_filter){1.0, 1}, 77), 77);
    uint32_t keys[4] = {1, 3, 3, 2};
    uint32_t order[4];
    cg_cascade_rank(keys, 4, order);
    assert_memory_equal(order, ((uint32_t[4]){1, 2, 3, 0}), sizeof order);
    uint32_t best[3];
    assert_int_equal(cg_cascade_best(keys, 4, best, 3), 3);
    assert_memory_equal(best, ((uint32_t[3]){1, 2, 3}), sizeof best);
    cg_stream stream = cg_stream_init(support_seed(12), "test.select", 0);
    for (int round = 0; round < 200; round++) {
        uint32_t drawn[64];
        uint32_t rows[64];
        uint32_t ranked[64];
        uint32_t count = (uint32_t)cg_stream_next_below(&stream, 65);
        for (uint32_t i = 0; i < count; i++) {
            drawn[i] = (uint32_t)cg_stream_next_below(&stream, 20);
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
    assert_int_equal(decision.winning_column, CG_COLUMN_SEMANTIC);
    assert_true(decision.lead.recognised);
    assert_true(decision.lead.margin > 2.0 && decision.lead.distance >= decision.lead.margin);
    assert_true(decision.confidence ==
                cg_calibration_confidence(&made.learned.calibration, &decision.lead));
    assert_true(decision.confidence > 0.5 && decision.confidence < 1.0);
    assert_int_equal(decision.spikes, 2);
    float largest = 0.0f;
    for (int c = 0; c < CG_COLUMN_COUNT; c++) {
        largest = decision.votes[c] > largest ? decision.votes[c] : largest;
    }
    for (int c = 0; c < CG_COLUMN_COUNT; c++) {
        assert_int_equal(decision.column_spike_ticks[c] == 0, decision.votes[c] == largest);
    }
    assert_true(work.operations[CG_WORK_SPIKE_ENCODE] >= 1);
    assert_int_equal(work.units[CG_WORK_COLUMN_VOTE],
                     decision.stage_in[CG_STAGE_SEMANTIC] +
                         3 * decision.stage_in[CG_STAGE_STRUCTURAL]);
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

/* Also after the semantic filter moved the candidates: the lead is that of drives as they can be
 * heard again, and the winner is recognised in its new place. */
static void the_lead_is_that_of_the_drives(void **state) {
    (void)state;
    for (uint32_t mask = 1; mask < 16; mask += 2) {
        cg_cascade_options options = hierarchical();
        options.semantic.at_least = 6;
        options.column_mask = mask;
        cg_fact_view fact = fact_of(CONCEPTS - 1);
        fact.has_teacher = true;
        fact.teacher = ROOT;
        cg_decision decision = decide(&options, &fact);
        assert_int_equal(decision.stage_out[CG_STAGE_SEMANTIC], 6);
        assert_true(decision.stage_in[CG_STAGE_SEMANTIC] > 6);
        assert_int_equal(decision.winner, CONCEPTS - 1);
        assert_true(decision.lead.recognised);
        assert_int_equal(cg_cascade_lesson(made.scratch)->column_mask, mask);
        double drives[CG_ALTERNATIVES];
        for (uint32_t i = 0; i < decision.alternative_count; i++) {
            cg_account account;
            cg_cascade_account(&options, &made.knowledge, &fact, made.scratch,
                               decision.alternatives[i], &account);
            drives[i] = (double)account.heard.drive / CG_DRIVE_ONE;
        }
        assert_true(decision.lead.margin == drives[0] - drives[1]);
        assert_true(decision.lead.distance == drives[0] - drives[4]);
    }
}

/* Its kind and its siblings are all as alike: the first rows of them are neighbours. */
static void neighbours_tie_by_row(void **state) {
    (void)state;
    uint32_t leaf = FIRST_KIND + KINDS + 3 * LEAVES + 6;
    uint32_t eldest = FIRST_KIND + KINDS + 3 * LEAVES;
    uint32_t expected[4] = {leaf, kind_of(leaf), eldest, eldest + 1};
    cg_fact_view fact = fact_of(leaf);
    for (int strategy = CG_STRATEGY_DIRECT; strategy < CG_STRATEGY_COUNT; strategy++) {
        cg_cascade_options options = hierarchical();
        options.strategy = (cg_strategy)strategy;
        options.neighbours = 4;
        (void)decide(&options, &fact);
        const cg_neighbour *list;
        assert_int_equal(cg_cascade_neighbours(made.scratch, &list), 4);
        for (uint32_t i = 0; i < 4; i++) {
            assert_int_equal(list[i].row, expected[i]);
        }
        assert_true(list[1].likeness.mean == list[3].likeness.mean);
    }
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
        /* Likeness says the concept itself, its neighbours their parent, the stream nothing, so
         * that all are equal and the first row wins; children are like the kind that the fact is
         * not like, so nothing is odd. */
        assert_int_equal(decision.winner, mask & 1 ? 20 : mask & 2 ? kind_of(20) : ROOT);
        assert_int_equal(decision.lead.recognised, mask & 1);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_ranks_and_sorts),
        IN_WORLD(a_restated_concept_wins_and_explains_itself),
        IN_WORLD(a_new_leaf_goes_to_its_kind),
        IN_WORLD(the_lead_is_that_of_the_drives),
        IN_WORLD(neighbours_tie_by_row),
        IN_WORLD(strategy_is_chosen_by_size_and_index),
        IN_WORLD(ends_early_when_sure),
        IN_WORLD(columns_can_be_switched_off),
        IN_WORLD(what_is_read_is_told),
        IN_WORLD(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
