/* Goal: a lesson moves each synapse as its closed form says, towards the truth and away from the
 * rivals that come too near, and nothing else; weights keep to their bounds whatever is taught;
 * and lessons teach. (Spec A5.) */
#include "tests/support/cascade_world.h"

#include <math.h>
#include <stdlib.h>

static cg_tuning tuning; /* log code */

static int tune(void **state) {
    (void)state;
    cg_ttfs_options encoding = cg_ttfs_options_default();
    cg_tuning_init(&tuning, &encoding);
    return 0;
}

/* The least evidence that lies wholly on a line. */
static uint16_t level(uint32_t line) {
    for (uint32_t evidence = 0; line > 0 && evidence <= CG_EVIDENCE_ONE; evidence++) {
        if ((tuning.line[evidence] == line && tuning.share[evidence] == 0) ||
            (tuning.line[evidence] + 1u == line && tuning.share[evidence] == CG_SHARE_ONE)) {
            return (uint16_t)evidence;
        }
    }
    return 0;
}

static void hear(cg_pupil *pupil, const cg_synapses *synapses, uint32_t mask) {
    for (int c = 0; c < CG_COLUMN_COUNT; c++) {
        pupil->column_drives[c] =
            mask >> c & 1
                ? cg_synapses_column_drive(synapses, &tuning, (cg_column_id)c, &pupil->senses)
                : 0;
    }
    pupil->drive = cg_synapses_drive(synapses, mask, pupil->column_drives);
}

static cg_pupil draw_pupil(cg_stream *stream, bool levels) {
    cg_pupil pupil = {.drive = 0};
    for (uint32_t p = 0; p < CG_PATHWAY_COUNT; p++) {
        uint32_t drawn = (uint32_t)cg_stream_next_below(stream, CG_EVIDENCE_ONE + 1);
        pupil.senses.of[p] =
            levels ? level((uint32_t)cg_stream_next_below(stream, CG_LINES)) : (uint16_t)drawn;
    }
    if (pupil.senses.of[CG_PATHWAY_RESTATED] >= CG_RECOGNISED) {
        pupil.senses.of[CG_PATHWAY_RESTATED] = 0;
    }
    return pupil;
}

static cg_lesson draw_lesson(cg_stream *stream, const cg_synapses *synapses, bool levels) {
    cg_lesson lesson = {.column_mask = 15, .right = cg_stream_next_below(stream, 2) == 0};
    lesson.lead.margin = cg_stream_next_exponential(stream, 0.5);
    lesson.lead.distance = lesson.lead.margin * 2.0;
    lesson.truth = draw_pupil(stream, levels);
    hear(&lesson.truth, synapses, 15);
    lesson.rival_count = 1 + (uint32_t)cg_stream_next_below(stream, CG_LESSON_RIVALS);
    for (uint32_t i = 0; i < lesson.rival_count; i++) {
        lesson.rivals[i] = draw_pupil(stream, levels);
        hear(&lesson.rivals[i], synapses, 15);
    }
    return lesson;
}

/* Two pupils that one pathway alone tells apart. */
static cg_lesson simple_lesson(uint16_t truth, uint16_t rival, uint32_t rivals) {
    cg_lesson lesson = {.column_mask = 15, .rival_count = rivals};
    lesson.truth.senses.of[CG_PATHWAY_GENUS] = truth;
    for (uint32_t i = 0; i < rivals; i++) {
        lesson.rivals[i].senses.of[CG_PATHWAY_GENUS] = rival;
    }
    return lesson;
}

/* From 0.5 (32768) one pair moves a weight up by 0.01 * 32768 exp(-0.1 ms / 16.8 ms) = 325.7, so
 * 326, and down by 0.008 * 32702 exp(-0.1 / 33.7) = 260.8, so 261. Of eight rivals one has an
 * eighth: 40.75 and -32.625. */
static void one_synapse_by_hand(void **state) {
    (void)state;
    cg_learned learned = cg_learned_init();
    cg_lesson lesson = simple_lesson(CG_EVIDENCE_ONE, 0, 1);
    const uint32_t *weights = learned.synapses.weight_q16[CG_PATHWAY_GENUS];
    cg_learn(&learned, &tuning, &lesson, NULL);
    assert_int_equal(weights[6], 32768 + 41);
    assert_int_equal(weights[0], 32768 - 33);
    for (uint32_t line = 1; line < 6; line++) {
        assert_int_equal(weights[line], 32768);
    }
    assert_int_equal(learned.lessons, 1);
    learned = cg_learned_init();
    lesson = simple_lesson(CG_EVIDENCE_ONE, 0, 8);
    cg_learn(&learned, &tuning, &lesson, NULL);
    assert_int_equal(weights[6], 32768 + 326);
    assert_int_equal(weights[0], 32768 - 261);
    /* Silent for both: that tells nothing. */
    assert_int_equal(learned.synapses.weight_q16[CG_PATHWAY_DEPTH][0], 32768);
    assert_int_equal(learned.synapses.weight_q16[CG_PATHWAY_DEPTH][6], 32768);
    /* Half evidence is 130/256 on line 4 and 126/256 on line 5. */
    learned = cg_learned_init();
    lesson = simple_lesson(0, 2048, 8);
    cg_learn(&learned, &tuning, &lesson, NULL);
    assert_int_equal(weights[0], 32768 + 326);
    assert_int_equal(weights[4], 32768 - 133); /* 261 * 130 / 256 = 132.5, away from zero */
    assert_int_equal(weights[5], 32768 - 128); /* 128.46 */
    assert_int_equal(weights[6], 32768);
}

static void only_rivals_that_come_near_count(void **state) {
    (void)state;
    cg_lesson lesson = simple_lesson(CG_EVIDENCE_ONE, 0, 2);
    lesson.truth.drive = 1000000000;
    lesson.rivals[0].drive = lesson.truth.drive - CG_LESSON_MARGIN;
    lesson.rivals[1].drive = 0;
    lesson.lead = (cg_lead){.margin = 0.5, .distance = 1.0};
    cg_learned learned = cg_learned_init();
    cg_learn(&learned, &tuning, &lesson, NULL);
    cg_learned expected = cg_learned_init();
    cg_calibration_learn(&expected.calibration, &lesson.lead, false);
    expected.lessons = 1;
    assert_int_equal(cg_learned_hash(&learned), cg_learned_hash(&expected));
    lesson.rivals[0].drive++;
    cg_learn(&learned, &tuning, &lesson, NULL);
    assert_int_equal(learned.synapses.weight_q16[CG_PATHWAY_GENUS][6], 32768 + 41);
    assert_int_equal(learned.synapses.weight_q16[CG_PATHWAY_GENUS][0], 32768 - 33);
    lesson.rivals[1].drive = UINT32_MAX; /* no sum wraps */
    learned = cg_learned_init();
    cg_learn(&learned, &tuning, &lesson, NULL);
    assert_int_equal(learned.synapses.weight_q16[CG_PATHWAY_GENUS][6], 32768 + 82);
}

/* Votes of equal strength say nothing. A rival's that is half as strong fires ln 2 / ln 10 of the
 * 10 ms window later, 3.0103 ms: from 0.5 up by 327.68 exp(-3.0103 / 16.8) = 273.9; one as much
 * stronger: down by 261.616 exp(-3.0103 / 33.7) = 239.3. One that is silent is a window late:
 * 327.68 exp(-10 / 16.8) = 180.7. */
static void expertise_by_hand(void **state) {
    (void)state;
    cg_learned learned = cg_learned_init();
    cg_lesson lesson = simple_lesson(0, 0, 2);
    static const uint32_t truths[CG_COLUMN_COUNT] = {800000, 400000, 700000, 5};
    static const uint32_t rivals[CG_COLUMN_COUNT] = {400000, 800000, 700000, 0};
    memcpy(lesson.truth.column_drives, truths, sizeof truths);
    memcpy(lesson.rivals[0].column_drives, rivals, sizeof rivals);
    lesson.truth.drive = 1000000000; /* too far ahead for a pathway to learn */
    cg_learn(&learned, &tuning, &lesson, NULL);
    assert_int_equal(learned.synapses.expertise_q16[0], 32768 + 274);
    assert_int_equal(learned.synapses.expertise_q16[1], 32768 - 239);
    assert_int_equal(learned.synapses.expertise_q16[2], 32768);
    assert_int_equal(learned.synapses.expertise_q16[3], 32768 + 181);
    assert_int_equal(learned.synapses.weight_q16[CG_PATHWAY_EXACT][0], 32768);
    lesson.rival_count = 0; /* nobody to be told from */
    cg_learned before = learned;
    cg_learn(&learned, &tuning, &lesson, NULL);
    assert_memory_equal(&learned.synapses, &before.synapses, sizeof before.synapses);
    assert_int_equal(learned.lessons, 2);
}

/* From uniform weights, with evidence on whole lines: each rival that counts falls behind. */
static void the_truth_gains_on_every_rival(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(71), "test.gain", 0);
    for (int round = 0; round < 500; round++) {
        cg_learned learned = cg_learned_init();
        cg_lesson lesson = draw_lesson(&stream, &learned.synapses, true);
        cg_learn(&learned, &tuning, &lesson, NULL);
        cg_synapses moved = learned.synapses;
        memcpy(moved.expertise_q16, cg_synapses_uniform().expertise_q16,
               sizeof moved.expertise_q16);
        cg_pupil truth = lesson.truth;
        hear(&truth, &moved, 15);
        for (uint32_t i = 0; i < lesson.rival_count; i++) {
            cg_pupil rival = lesson.rivals[i];
            hear(&rival, &moved, 15);
            int64_t lead_before = (int64_t)lesson.truth.drive - lesson.rivals[i].drive;
            assert_true((int64_t)truth.drive - rival.drive > lead_before);
        }
        /* Expertise sides with the columns that preferred the truth to the first. */
        for (int c = 0; c < CG_COLUMN_COUNT; c++) {
            int64_t ahead =
                (int64_t)lesson.truth.column_drives[c] - lesson.rivals[0].column_drives[c];
            int64_t change = (int64_t)learned.synapses.expertise_q16[c] - 32768;
            assert_true(ahead == 0 ? change == 0 : change * ahead >= 0);
        }
    }
}

static void weights_keep_to_their_bounds(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(72), "test.bounds", 0);
    cg_learned learned = cg_learned_init();
    cg_lesson held = draw_lesson(&stream, &learned.synapses, false);
    for (uint32_t round = 0; round < 100000; round++) {
        if (round % 2000 == 0 || round > 80000) { /* the same over and over, then noise */
            held = draw_lesson(&stream, &learned.synapses, round % 3 == 0);
            held.column_mask = round % 8 == 0 ? 15 : 12; /* the short columns, mostly */
        }
        cg_learn(&learned, &tuning, &held, NULL);
        for (uint32_t i = 0; i < CG_PATHWAY_COUNT * CG_LINES && round % 500 == 0; i++) {
            assert_in_range(learned.synapses.weight_q16[i / CG_LINES][i % CG_LINES], 66, 65536);
        }
        for (uint32_t c = 0; c < CG_COLUMN_COUNT; c++) {
            assert_in_range(learned.synapses.expertise_q16[c], 66, 65536);
        }
    }
    assert_int_equal(learned.lessons, 100000);
    assert_true(cg_calibration_is_sound(&learned.calibration));
    /* From the bounds themselves, pushed on. */
    for (int up = 0; up < 2; up++) {
        cg_lesson lesson = simple_lesson(up ? CG_EVIDENCE_ONE : 0, up ? 0 : CG_EVIDENCE_ONE, 8);
        uint32_t *weight = &learned.synapses.weight_q16[CG_PATHWAY_GENUS][6];
        for (int i = 0; i < 5000; i++) {
            cg_learn(&learned, &tuning, &lesson, NULL);
        }
        uint32_t bound = up ? 65536 : 66; /* soft: one comes near it, and no further */
        assert_true(abs((int)*weight - (int)bound) < 120);
        *weight = bound;
        cg_learn(&learned, &tuning, &lesson, NULL);
        assert_int_equal(*weight, bound);
    }
}

static void switched_off_columns_do_not_learn(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(73), "test.mask", 0);
    for (uint32_t round = 0; round < 160; round++) {
        cg_learned learned = support_learned_any(&stream);
        cg_learned before = learned;
        cg_lesson lesson = draw_lesson(&stream, &learned.synapses, false);
        lesson.column_mask = round % 16;
        lesson.truth.drive = 0; /* so that all count */
        cg_learn(&learned, &tuning, &lesson, NULL);
        for (uint32_t c = 0; c < CG_COLUMN_COUNT; c++) {
            uint32_t first = cg_column_first_pathway((cg_column_id)c);
            size_t bytes = cg_column_pathway_count((cg_column_id)c) *
                           sizeof learned.synapses.weight_q16[0];
            bool same = memcmp(learned.synapses.weight_q16[first],
                               before.synapses.weight_q16[first], bytes) == 0;
            assert_int_equal(same, !(round >> c & 1));
            if (!(round >> c & 1)) {
                assert_int_equal(learned.synapses.expertise_q16[c],
                                 before.synapses.expertise_q16[c]);
            }
        }
        cg_calibration_learn(&before.calibration, &lesson.lead, lesson.right);
        assert_memory_equal(&learned.calibration, &before.calibration,
                            sizeof before.calibration);
    }
}

/* But for the first, whom expertise looks at, rivals are a set. */
static void the_order_of_rivals_is_nothing(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(74), "test.rivals", 0);
    for (int round = 0; round < 300; round++) {
        cg_learned learned = support_learned_any(&stream);
        cg_learned shuffled = learned;
        cg_learned first = learned;
        cg_lesson lesson = draw_lesson(&stream, &learned.synapses, false);
        cg_learn(&learned, &tuning, &lesson, NULL);
        uint32_t last = lesson.rival_count - 1;
        cg_pupil held = lesson.rivals[last];
        if (last > 1) {
            lesson.rivals[last] = lesson.rivals[1];
            lesson.rivals[1] = held;
        }
        cg_learn(&shuffled, &tuning, &lesson, NULL);
        assert_int_equal(cg_learned_hash(&learned), cg_learned_hash(&shuffled));
        held = lesson.rivals[last];
        lesson.rivals[last] = lesson.rivals[0];
        lesson.rivals[0] = held;
        cg_learn(&first, &tuning, &lesson, NULL);
        assert_memory_equal(first.synapses.weight_q16, learned.synapses.weight_q16,
                            sizeof first.synapses.weight_q16);
    }
}

/* --- with decisions -------------------------------------------------------------------------
 */

typedef struct new_leaf { /* a kind's word and one that nobody has */
    uint32_t words[2];
    float weights[2];
    float dense[DIMS];
} new_leaf;

static cg_fact_view leaf_of(new_leaf *leaf, uint32_t kind) {
    *leaf = (new_leaf){.words = {kind, 5000}, .weights = {0.6f, 0.8f}};
    leaf->dense[kind] = 0.6f;
    leaf->dense[DIMS - 1] = 0.8f;
    return (cg_fact_view){.dense = leaf->dense,
                          .sparse = {leaf->words, leaf->weights, 2},
                          .type = CG_TYPE_UNKNOWN,
                          .has_teacher = true,
                          .teacher = kind};
}

static void a_decision_leaves_its_lesson(void **state) {
    (void)state;
    cg_cascade_options options = hierarchical();
    assert_null(cg_cascade_lesson(made.scratch));
    new_leaf leaf;
    for (uint32_t truth = 0; truth < CONCEPTS; truth++) {
        cg_fact_view fact = leaf_of(&leaf, FIRST_KIND + 2);
        fact.teacher = truth;
        cg_decision decision = decide(&options, &fact);
        const cg_lesson *lesson = cg_cascade_lesson(made.scratch);
        assert_non_null(lesson);
        assert_int_equal(lesson->right, decision.winner == truth);
        assert_int_equal(lesson->column_mask, options.column_mask);
        assert_memory_equal(&lesson->lead, &decision.lead, sizeof lesson->lead);
        assert_int_equal(lesson->rival_count, CG_LESSON_RIVALS);
        cg_account account;
        cg_cascade_account(&options, &made.knowledge, &fact, made.scratch, truth, &account);
        assert_memory_equal(&account.heard, &lesson->truth, sizeof account.heard);
        for (uint32_t i = 0, rival = 0; rival < CG_LESSON_RIVALS; i++) {
            if (decision.alternatives[i] != truth) {
                cg_cascade_account(&options, &made.knowledge, &fact, made.scratch,
                                   decision.alternatives[i], &account);
                assert_memory_equal(&account.heard, &lesson->rivals[rival++],
                                    sizeof account.heard);
            }
        }
    }
    cg_fact_view fact = leaf_of(&leaf, FIRST_KIND);
    fact.has_teacher = false;
    (void)decide(&options, &fact);
    assert_null(cg_cascade_lesson(made.scratch));
}

/* From uniform synapses, where the first row wins, five kinds teach the sixth. */
static void lessons_teach(void **state) {
    (void)state;
    made.learned = cg_learned_init();
    cg_cascade_options options = hierarchical();
    new_leaf leaf;
    cg_fact_view held_out = leaf_of(&leaf, FIRST_KIND + 5);
    cg_decision before = decide(&options, &held_out);
    assert_int_equal(before.winner, ROOT);
    assert_true(before.lead.margin == 0.0);
    uint32_t right_late = 0;
    for (uint32_t i = 0; i < 300; i++) {
        new_leaf taught;
        cg_fact_view fact = leaf_of(&taught, FIRST_KIND + i % 5);
        cg_decision decision = decide(&options, &fact);
        right_late += i >= 250 && decision.winner == fact.teacher;
        cg_learn(&made.learned, cg_cascade_tuning(made.scratch),
                 cg_cascade_lesson(made.scratch), NULL);
    }
    assert_int_equal(right_late, 50);
    assert_int_equal(made.learned.lessons, 300);
    cg_decision after = decide(&options, &held_out);
    assert_int_equal(after.winner, FIRST_KIND + 5);
    assert_true(after.lead.margin > 0.0 && after.confidence > 0.8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_synapse_by_hand),
        cmocka_unit_test(only_rivals_that_come_near_count),
        cmocka_unit_test(expertise_by_hand),
        cmocka_unit_test(the_truth_gains_on_every_rival),
        cmocka_unit_test(weights_keep_to_their_bounds),
        cmocka_unit_test(switched_off_columns_do_not_learn),
        cmocka_unit_test(the_order_of_rivals_is_nothing),
        IN_WORLD(a_decision_leaves_its_lesson),
        IN_WORLD(lessons_teach),
    };
    return cmocka_run_group_tests(tests, tune, NULL);
}
