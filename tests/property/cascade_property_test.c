/* Goal: on random small worlds the filtered decision with filters that keep all equals the
 * exhaustive one in everything, the winner is the naive argmax of drives taken one by one, what
 * a column says of a concept depends on no other candidate, and no split of the concepts over
 * indexes and bases, no order of additions and no scratch that served before changes a decision.
 * (Spec A3, A6, A7.) */
#include "tests/support/cascade_random.h"

static random_world first;
static random_world second;

static cg_cascade_options keeping_all(cg_strategy strategy) {
    cg_cascade_options options = cg_cascade_options_default();
    options.strategy = strategy;
    options.neighbours = CG_NEIGHBOURS_MAX;
    options.semantic.share = 1.0;
    options.structural.share = 1.0;
    return options;
}

static void assert_same_decision(const cg_decision *left, const cg_decision *right) {
    assert_int_equal(left->winner, right->winner);
    assert_int_equal(left->alternative_count, right->alternative_count);
    assert_memory_equal(left->alternatives, right->alternatives, sizeof left->alternatives);
    assert_int_equal(left->path_length, right->path_length);
    assert_int_equal(left->pathway_id, right->pathway_id);
    assert_memory_equal(left->votes, right->votes, sizeof left->votes);
    assert_memory_equal(left->column_spike_ticks, right->column_spike_ticks,
                        sizeof left->column_spike_ticks);
    assert_int_equal(left->winner_spike_ticks, right->winner_spike_ticks);
    assert_int_equal(left->winning_column, right->winning_column);
    assert_true(left->confidence == right->confidence);
    assert_true(left->lead.margin == right->lead.margin);
    assert_true(left->lead.distance == right->lead.distance);
    assert_int_equal(left->lead.recognised, right->lead.recognised);
    assert_memory_equal(left->stage_in, right->stage_in, sizeof left->stage_in);
    assert_memory_equal(left->stage_out, right->stage_out, sizeof left->stage_out);
    assert_int_equal(left->spikes, right->spikes);
}

static cg_decision decide(const cg_cascade_options *options, random_world *made,
                          const cg_fact_view *fact) {
    cg_decision decision;
    assert_ok(cg_cascade_decide(options, &made->knowledge, fact, made->scratch, &decision, NULL,
                                &error),
              error);
    return decision;
}

static random_shape shape_of(cg_stream *stream, uint64_t round) {
    uint32_t count = 1 + random_below(stream, RANDOM_MOST);
    return (random_shape){
        .count = count, .split = count, .frozen = round % 2 == 1, .circular = round % 3 == 2};
}

static void filters_that_keep_all_decide_exhaustively(void **state) {
    (void)state;
    uint64_t seed = support_seed(21);
    for (uint64_t round = 0; round < 40; round++) {
        cg_stream stream = cg_stream_init(seed, "test.cascade", round);
        random_shape shape = shape_of(&stream, round);
        cg_stream again = stream;
        random_build(&first, &stream, &shape);
        shape.split = (uint32_t)(round * 7) % (shape.count + 1);
        random_build(&second, &again, &shape);
        for (uint32_t asked = 0; asked < 12; asked++) {
            random_text text;
            cg_fact_view fact = random_fact(&stream, &first, asked, &text);
            cg_cascade_options options = keeping_all(CG_STRATEGY_DIRECT);
            cg_decision direct = decide(&options, &first, &fact);
            options.strategy = CG_STRATEGY_HIERARCHICAL;
            cg_decision filtered = decide(&options, &first, &fact);
            assert_int_equal(direct.strategy, CG_STRATEGY_DIRECT);
            assert_int_equal(filtered.strategy, CG_STRATEGY_HIERARCHICAL);
            assert_same_decision(&direct, &filtered);
            cg_decision split = decide(&options, &second, &fact);
            assert_same_decision(&direct, &split);
        }
        random_destroy(&first);
        random_destroy(&second);
    }
}

/* Bytes of what both are told of a fact: equal only if all neighbours are, in all likenesses. */
static bool same_neighbours(const cg_neighbour *left, uint32_t left_count,
                            const cg_neighbour *right, uint32_t right_count) {
    return left_count == right_count && memcmp(left, right, left_count * sizeof *left) == 0;
}

/* Where retrieval lost no neighbour, everything is heard alike, and the exhaustive winner wins if
 * it was retrieved and no filter dropped it. */
static void with_the_same_neighbours_decisions_agree(void **state) {
    (void)state;
    uint64_t seed = support_seed(23);
    uint32_t comparable = 0;
    uint32_t narrower = 0;
    for (uint64_t round = 0; round < 60; round++) {
        cg_stream stream = cg_stream_init(seed, "test.agree", round);
        random_shape shape = shape_of(&stream, round);
        random_build(&first, &stream, &shape);
        for (uint32_t asked = 0; asked < 12; asked++) {
            random_text text;
            cg_fact_view fact = random_fact(&stream, &first, asked, &text);
            cg_cascade_options options = keeping_all(CG_STRATEGY_DIRECT);
            options.neighbours = 1 + random_below(&stream, 20);
            cg_decision direct = decide(&options, &first, &fact);
            const cg_neighbour *list;
            cg_neighbour exact[CG_NEIGHBOURS_MAX];
            uint32_t exact_count = cg_cascade_neighbours(first.scratch, &list);
            memcpy(exact, list, exact_count * sizeof *exact);
            cg_account exhaustive[RANDOM_MOST];
            memset(exhaustive, 0, sizeof exhaustive);
            for (uint32_t row = 0; row < first.count; row++) {
                cg_cascade_account(&options, &first.knowledge, &fact, first.scratch, row,
                                   &exhaustive[row]);
            }
            options.strategy = CG_STRATEGY_HIERARCHICAL;
            cg_decision filtered = decide(&options, &first, &fact);
            uint32_t count = cg_cascade_neighbours(first.scratch, &list);
            if (!same_neighbours(exact, exact_count, list, count)) {
                continue;
            }
            comparable++;
            narrower += filtered.stage_out[CG_STAGE_COARSE] < first.count;
            for (uint32_t row = 0; row < first.count; row++) {
                cg_account account;
                memset(&account, 0, sizeof account);
                cg_cascade_account(&options, &first.knowledge, &fact, first.scratch, row,
                                   &account);
                assert_memory_equal(&account.heard, &exhaustive[row].heard,
                                    sizeof account.heard);
            }
            uint32_t won = exhaustive[filtered.winner].heard.drive;
            uint32_t best = exhaustive[direct.winner].heard.drive;
            assert_true(won <= best);
            if (won == best) {
                assert_int_equal(filtered.winner >= direct.winner, 1);
            }
            for (uint32_t i = 0; i < exact_count; i++) { /* these are candidates for certain */
                assert_true(exhaustive[exact[i].row].heard.drive <= won);
            }
        }
        random_destroy(&first);
    }
    assert_true(comparable >= 50 && narrower >= 20);
}

/* The drive from the senses by its definition, in 64-bit integers. */
static uint64_t naive_drive(const cg_learned *learned, const cg_tuning *tuning,
                            const cg_senses *senses) {
    uint64_t total = 0;
    for (uint32_t column = 0; column < CG_COLUMN_COUNT; column++) {
        uint64_t drive = 0;
        for (uint32_t pathway = 0; pathway < CG_PATHWAY_COUNT; pathway++) {
            if (cg_pathway_column((cg_pathway)pathway) != (cg_column_id)column) {
                continue;
            }
            uint32_t heard = senses->of[pathway];
            for (uint32_t line = 0; line < CG_LINES; line++) {
                uint64_t share = 0;
                if (tuning->line[heard] == line) {
                    share = line == 0 ? 256u : 256u - tuning->share[heard];
                } else if (tuning->line[heard] > 0 && tuning->line[heard] + 1u == line) {
                    share = tuning->share[heard];
                }
                drive += share * learned->synapses.weight_q16[pathway][line];
            }
        }
        uint64_t restated = senses->of[CG_PATHWAY_RESTATED];
        if (column == CG_COLUMN_SEMANTIC && restated >= CG_RECOGNISED) {
            drive += CG_RECOGNITION_LEAST +
                     (restated - CG_RECOGNISED) *
                         (uint64_t)(CG_RECOGNITION_MOST - CG_RECOGNITION_LEAST) /
                         (CG_EVIDENCE_ONE - CG_RECOGNISED);
        }
        total += drive * learned->synapses.expertise_q16[column];
    }
    return total >> 16;
}

static void fill_neighbours(const random_world *made, cg_column_view *view,
                            cg_neighbour near[RANDOM_MOST], uint32_t most) {
    for (uint32_t row = 0; row < made->count; row++) {
        cg_neighbour next = {.row = row, .likeness = cg_column_compare(view, row, NULL)};
        uint32_t at = row;
        while (at > 0 && near[at - 1].likeness.mean < next.likeness.mean) {
            near[at] = near[at - 1];
            at--;
        }
        near[at] = next;
    }
    view->neighbours = near;
    view->neighbour_count = made->count < most ? made->count : most;
}

typedef struct naive { /* what a decision is made of, from the columns' own interface */
    cg_column_view view;
    cg_cues cues;
    int32_t spikes[RANDOM_DIMS];
    cg_neighbour near[RANDOM_MOST];
    cg_tuning tuning;
    cg_column_scratch *scratch;
} naive;

static void naive_prepare(naive *made, const random_world *world, const cg_fact_view *fact,
                          uint32_t neighbours) {
    const cg_ttfs_options *encoding = cg_features_encoding(world->features);
    (void)cg_ttfs_encode(encoding, fact->dense, RANDOM_DIMS, made->spikes, NULL);
    if (fact->text) {
        cg_cues_find(NULL, fact->text, fact->text_bytes, &made->cues, NULL);
    }
    made->view = (cg_column_view){
        .graph = world->graph,
        .features = world->features,
        .lexicon = world->lexicon,
        .cues = fact->text ? &made->cues : NULL,
        .fact = {.dense = fact->dense, .spikes = made->spikes, .sparse = fact->sparse},
        .fact_type = fact->type,
        .recent = &world->recent,
        .now_ns = fact->now_ns,
        .column_mask = 15,
    };
    fill_neighbours(world, &made->view, made->near, neighbours);
    cg_column_prepare(&made->view, made->scratch, NULL);
}

static cg_senses naive_senses(const naive *made, uint32_t row) {
    cg_senses senses;
    memset(&senses, 0xff, sizeof senses);
    for (int column = 0; column < CG_COLUMN_COUNT; column++) {
        cg_column_sense((cg_column_id)column, &made->view, made->scratch, &row, 1, &senses,
                        NULL);
    }
    for (uint32_t pathway = 0; pathway < CG_PATHWAY_COUNT; pathway++) {
        assert_true(senses.of[pathway] <= CG_EVIDENCE_ONE); /* every one is filled */
    }
    return senses;
}

static uint32_t naive_winner(const naive *made, const random_world *world) {
    uint32_t best = 0;
    uint64_t largest = 0;
    for (uint32_t row = 0; row < world->count; row++) {
        cg_senses senses = naive_senses(made, row);
        uint64_t drive = naive_drive(&world->learned, &made->tuning, &senses);
        if (row == 0 || drive > largest) {
            largest = drive;
            best = row;
        }
    }
    return best;
}

static void assert_orderly(const cg_decision *decision) {
    assert_int_equal(decision->winner, decision->alternatives[0]);
    assert_int_equal(decision->winner, decision->path[0]);
    assert_int_equal(decision->stage_out[CG_STAGE_INHIBITION], 1);
    for (int stage = 1; stage < CG_STAGE_COUNT; stage++) {
        assert_int_equal(decision->stage_in[stage], decision->stage_out[stage - 1]);
        assert_true(decision->stage_out[stage] <= decision->stage_in[stage]);
    }
    for (uint32_t i = 0; i < decision->alternative_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            assert_true(decision->alternatives[i] != decision->alternatives[j]);
        }
    }
    for (int column = 0; column < CG_COLUMN_COUNT; column++) {
        assert_true(decision->votes[column] >= 0.0f && decision->votes[column] <= 1.0f);
    }
    assert_true(decision->confidence > 0.0 && decision->confidence < 1.0);
    assert_true(
        decision->lead.margin >= 0.0 &&
        decision->lead.distance >=
            (decision->stage_in[CG_STAGE_STRUCTURAL] > 1 ? decision->lead.margin : 0.0));
}

static void winner_is_the_naive_argmax(void **state) {
    (void)state;
    uint64_t seed = support_seed(22);
    naive reckoned;
    assert_ok(cg_column_scratch_alloc(cg_allocator_heap(), &reckoned.scratch, &error), error);
    for (uint64_t round = 0; round < 30; round++) {
        cg_stream stream = cg_stream_init(seed, "test.argmax", round);
        random_shape shape = shape_of(&stream, round);
        random_build(&first, &stream, &shape);
        cg_tuning_init(&reckoned.tuning, cg_features_encoding(first.features));
        for (uint32_t asked = 0; asked < 8; asked++) {
            random_text text;
            cg_fact_view fact = random_fact(&stream, &first, asked, &text);
            cg_cascade_options options = cg_cascade_options_default();
            options.strategy = CG_STRATEGY_DIRECT;
            options.neighbours = 1 + random_below(&stream, 60);
            cg_decision decision = decide(&options, &first, &fact);
            naive_prepare(&reckoned, &first, &fact, options.neighbours);
            assert_int_equal(decision.winner, naive_winner(&reckoned, &first));
            assert_orderly(&decision);
            /* Filters may lose the winner, never a stage's bounds or the order of what is left.
             */
            options.strategy = CG_STRATEGY_HIERARCHICAL;
            options.semantic = (cg_filter){0.1, 1 + random_below(&stream, 20)};
            decision = decide(&options, &first, &fact);
            assert_orderly(&decision);
        }
        random_destroy(&first);
    }
    cg_column_scratch_free(reckoned.scratch);
}

/* Alone, in a crowd, in a crowd backward, twice over, with or without what a comparison with all
 * found: the senses are the same. */
static void no_sense_depends_on_its_company(void **state) {
    (void)state;
    uint64_t seed = support_seed(24);
    naive reckoned;
    assert_ok(cg_column_scratch_alloc(cg_allocator_heap(), &reckoned.scratch, &error), error);
    for (uint64_t round = 0; round < 20; round++) {
        cg_stream stream = cg_stream_init(seed, "test.company", round);
        random_shape shape = shape_of(&stream, round);
        random_build(&first, &stream, &shape);
        random_text text;
        cg_fact_view fact = random_fact(&stream, &first, (uint32_t)round, &text);
        naive_prepare(&reckoned, &first, &fact, 1 + random_below(&stream, 40));
        cg_senses alone[RANDOM_MOST];
        uint32_t rows[2 * RANDOM_MOST];
        cg_likeness likenesses[RANDOM_MOST];
        for (uint32_t row = 0; row < first.count; row++) {
            alone[row] = naive_senses(&reckoned, row);
            rows[row] = first.count - 1 - row;
            rows[first.count + row] = row;
            likenesses[row] = cg_column_compare(&reckoned.view, row, NULL);
        }
        for (int known = 0; known < 2; known++) {
            cg_senses together[2 * RANDOM_MOST];
            memset(together, 0xff, sizeof together);
            reckoned.view.likenesses = known ? likenesses : NULL;
            for (int column = CG_COLUMN_COUNT - 1; column >= 0; column--) {
                cg_column_sense((cg_column_id)column, &reckoned.view, reckoned.scratch, rows,
                                2 * first.count, together, NULL);
            }
            for (uint32_t i = 0; i < 2 * first.count; i++) {
                assert_memory_equal(&together[i], &alone[rows[i]], sizeof together[i]);
            }
        }
        random_destroy(&first);
    }
    cg_column_scratch_free(reckoned.scratch);
}

/* A scratch that served other questions, and worlds of other sizes, decides as a fresh one. */
static void a_used_scratch_is_as_good_as_new(void **state) {
    (void)state;
    uint64_t seed = support_seed(25);
    cg_cascade_scratch *used;
    assert_ok(cg_cascade_scratch_alloc(cg_allocator_heap(), &used, &error), error);
    for (uint64_t round = 0; round < 30; round++) {
        cg_stream stream = cg_stream_init(seed, "test.scratch", round);
        random_shape shape = shape_of(&stream, round);
        random_build(&first, &stream, &shape);
        random_text text;
        cg_fact_view fact = random_fact(&stream, &first, (uint32_t)round, &text);
        fact.has_teacher = round % 2 == 0;
        fact.teacher = random_below(&stream, first.count);
        cg_cascade_options options = cg_cascade_options_default();
        options.strategy = round % 5 == 0 ? CG_STRATEGY_DIRECT : CG_STRATEGY_HIERARCHICAL;
        options.neighbours = 1 + random_below(&stream, CG_NEIGHBOURS_MAX);
        cg_work fresh_work = {0};
        cg_work used_work = {0};
        cg_decision fresh;
        cg_decision again;
        assert_ok(cg_cascade_decide(&options, &first.knowledge, &fact, first.scratch, &fresh,
                                    &fresh_work, &error),
                  error);
        assert_ok(cg_cascade_decide(&options, &first.knowledge, &fact, used, &again, &used_work,
                                    &error),
                  error);
        assert_same_decision(&fresh, &again);
        assert_memory_equal(&fresh_work, &used_work, sizeof fresh_work);
        const cg_lesson *lesson = cg_cascade_lesson(first.scratch);
        const cg_lesson *second_lesson = cg_cascade_lesson(used);
        assert_int_equal(lesson != NULL, fact.has_teacher && fresh.alternative_count > 1);
        assert_int_equal(second_lesson != NULL, lesson != NULL);
        if (lesson) {
            assert_int_equal(lesson->rival_count, second_lesson->rival_count);
            assert_memory_equal(&lesson->truth, &second_lesson->truth, sizeof lesson->truth);
            assert_memory_equal(lesson->rivals, second_lesson->rivals,
                                lesson->rival_count * sizeof *lesson->rivals);
        }
        random_destroy(&first);
    }
    cg_cascade_scratch_free(used);
}

/* The order in which concepts came into the lexicon, and a teacher, change nothing. */
static void neither_order_nor_teacher_sways(void **state) {
    (void)state;
    uint64_t seed = support_seed(26);
    for (uint64_t round = 0; round < 40; round++) {
        cg_stream stream = cg_stream_init(seed, "test.order", round);
        random_shape shape = shape_of(&stream, round);
        cg_stream again = stream;
        random_build(&first, &stream, &shape);
        shape.lexicon_backward = true;
        random_build(&second, &again, &shape);
        for (uint32_t asked = 0; asked < 8; asked++) {
            random_text text;
            cg_fact_view fact = random_fact(&stream, &first, asked, &text);
            cg_cascade_options options = cg_cascade_options_default();
            options.strategy = asked % 2 ? CG_STRATEGY_DIRECT : CG_STRATEGY_HIERARCHICAL;
            options.neighbours = 1 + random_below(&stream, 8);
            cg_decision forward = decide(&options, &first, &fact);
            fact.has_teacher = true;
            fact.teacher = random_below(&stream, first.count);
            cg_decision backward = decide(&options, &second, &fact);
            assert_same_decision(&forward, &backward);
        }
        random_destroy(&first);
        random_destroy(&second);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_that_keep_all_decide_exhaustively),
        cmocka_unit_test(with_the_same_neighbours_decisions_agree),
        cmocka_unit_test(winner_is_the_naive_argmax),
        cmocka_unit_test(no_sense_depends_on_its_company),
        cmocka_unit_test(a_used_scratch_is_as_good_as_new),
        cmocka_unit_test(neither_order_nor_teacher_sways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
