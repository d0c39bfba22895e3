/* Goal: every pathway but those of cues (column_cue_test.c) hears what its definition says, on a
 * graph small enough to reckon by hand; and what is read is told and counted. (Spec A3.) */
#include "tests/support/column_world.h"

#include "engine/column/evidence.h"

static void likeness_in_three_forms(void **state) {
    (void)state;
    cg_column_view view = view_of(DOG);
    cg_work work = {0};
    cg_likeness same = cg_column_compare(&view, DOG, &work);
    assert_true(near((double)same.exact, 1.0) && near((double)same.dense, 1.0));
    assert_true(near((double)same.spikes, 1.0) && near((double)same.mean, 1.0));
    assert_int_equal(work.operations[CG_WORK_DISTANCE_F32], 1);
    assert_int_equal(work.units[CG_WORK_DISTANCE_F32], DIMS);
    assert_int_equal(work.operations[CG_WORK_DISTANCE_SPARSE], 1);
    assert_int_equal(work.units[CG_WORK_DISTANCE_SPARSE], 4);
    assert_int_equal(work.operations[CG_WORK_SPIKE_DISTANCE], 1);
    /* Of four spikes two have no partner and two agree: 0.6 exp(-5/2) + 0.4 * 0.36. */
    cg_likeness sibling = cg_column_compare(&view, CAT, NULL);
    assert_true(near((double)sibling.exact, 0.36) && near((double)sibling.dense, 0.36));
    assert_true(near((double)sibling.spikes, 0.193251));
    assert_true(near((double)sibling.mean, 0.8 * 0.36 + 0.1 * 0.36 + 0.1 * 0.193251));
    view.fact.sparse.count = 0; /* a vector without text: the other two alone */
    cg_likeness textless = cg_column_compare(&view, CAT, NULL);
    assert_true(textless.exact == 0.0f && near((double)textless.mean, (0.36 + 0.193251) / 2));
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, DOG, EXACT, 0.0);
    assert_sense(&view, DOG, DENSE, 1.0);
    assert_sense(&view, CAT, DENSE, 0.36);
    assert_sense(&view, CAT, SPIKES, 0.193251);
    /* Opposite vectors are not alike, and not less than that. */
    float opposite[DIMS] = {0};
    int32_t spikes[DIMS];
    opposite[DOG] = -0.8f;
    opposite[GROUP_AXIS + 1] = -0.6f;
    cg_ttfs_options encoding = cg_ttfs_options_default();
    (void)cg_ttfs_encode(&encoding, opposite, DIMS, spikes, NULL);
    view.fact.dense = opposite;
    view.fact.spikes = spikes;
    cg_likeness unlike = cg_column_compare(&view, DOG, NULL);
    assert_true(unlike.dense == 0.0f && near((double)unlike.spikes, 0.6 * exp(-5.0)));
}

static void likeness_is_taken_from_whoever_knows_it(void **state) {
    (void)state;
    cg_column_view view = view_of(DOG);
    cg_neighbour neighbours[1] = {alike(CAT, 0.25)};
    view.neighbours = neighbours;
    view.neighbour_count = 1;
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, CAT, EXACT, 0.25); /* as retrieval found it */
    assert_sense(&view, FIDO, EXACT, 0.36);
    assert_sense(&view, OAK, EXACT, 0.0);
    cg_likeness likenesses[CONCEPTS] = {{0}};
    likenesses[FIDO] = (cg_likeness){0.5f, 0.25f, 0.125f, 0.4f};
    view.likenesses = likenesses;
    assert_sense(&view, FIDO, EXACT, 0.5);
    assert_sense(&view, FIDO, DENSE, 0.25);
    assert_sense(&view, FIDO, SPIKES, 0.125);
}

static void neighbours_vote_for_themselves_and_their_ancestors(void **state) {
    (void)state;
    cg_column_view view = view_of(DOG);
    cg_neighbour neighbours[2] = {alike(CAT, 0.5), alike(DOG, 0.4)};
    view.neighbours = neighbours;
    view.neighbour_count = 2;
    cg_work work = {0};
    cg_column_prepare(&view, made.scratch, &work);
    const uint32_t *rows;
    uint32_t count = cg_column_retrieved(made.scratch, &rows);
    assert_int_equal(count, 4);
    bool seen[CONCEPTS] = {false};
    for (uint32_t i = 0; i < count; i++) {
        assert_false(seen[rows[i]]);
        seen[rows[i]] = true;
    }
    assert_true(seen[CAT] && seen[DOG] && seen[ANIMAL] && seen[ENTITY]);
    /* Edges were read of the neighbours and their parent, each told and counted once. */
    for (uint32_t c = 0; c < CONCEPTS; c++) {
        bool read = c == CAT || c == DOG || c == ANIMAL;
        assert_int_equal(made.nodes[c], read ? 1 : 0);
        assert_int_equal(cg_column_expanded(made.scratch, c), read);
    }
    assert_int_equal(work.operations[CG_WORK_GRAPH_READ], 3);
    double cat = pow(0.5, 1.5);
    double dog = pow(0.4, 1.5);
    assert_sense(&view, CAT, SELF, 1.0);
    assert_sense(&view, DOG, SELF, dog / cat);
    assert_sense(&view, ANIMAL, SELF, 0.0);
    assert_sense(&view, ANIMAL, PARENT, 1.0);
    assert_sense(&view, CAT, PARENT, 0.0);
    assert_sense(&view, ENTITY, GRANDPARENT, 1.0);
    assert_sense(&view, ENTITY, PARENT, 0.0);
    assert_sense(&view, CAT, EXEMPLARS, 0.5);
    assert_sense(&view, DOG, EXEMPLARS, 0.4);
    assert_sense(&view, ANIMAL, EXEMPLARS, 1.0 - (1.0 - 0.5 * 0.95) * (1.0 - 0.4 * 0.95));
    assert_sense(&view, ENTITY, EXEMPLARS, 1.0 - (1.0 - 0.5 * 0.4) * (1.0 - 0.4 * 0.4));
    assert_sense(&view, OAK, SELF, 0.0);
    assert_sense(&view, OAK, EXEMPLARS, 0.0);
}

static void parents_share_a_voice(void **state) {
    (void)state;
    cg_column_view view = view_of(BARK);
    cg_neighbour neighbours[2] = {alike(BARK, 1.0), alike(CAT, 0.5)};
    view.neighbours = neighbours;
    view.neighbour_count = 2;
    cg_column_prepare(&view, made.scratch, NULL);
    double cat = pow(0.5, 1.5);
    assert_sense(&view, PLANT, PARENT, 1.0); /* half of bark's voice, the strongest of all */
    assert_sense(&view, ENTITY, PARENT, 1.0);
    assert_sense(&view, ANIMAL, PARENT, cat / 0.5);
    /* To entity by way of plant half of bark's voice, by way of animal all of cat's. */
    assert_sense(&view, ENTITY, GRANDPARENT, 1.0);
    assert_sense(&view, PLANT, GRANDPARENT, 0.0);
    neighbours[1] = alike(FIDO, 0.5);
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, ANIMAL, GRANDPARENT, cat / 0.5);
    neighbours[1] = alike(CAT, -0.5); /* no voice */
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, CAT, SELF, 0.0);
    assert_sense(&view, ANIMAL, PARENT, 0.0);
}

static void relatives_are_heard_and_parts_clash(void **state) {
    (void)state;
    cg_column_view view = view_of(OAK);
    cg_neighbour neighbours[2] = {alike(OAK, 0.64), alike(HOT, 0.25)};
    view.neighbours = neighbours;
    view.neighbour_count = 2;
    cg_column_prepare(&view, made.scratch, NULL);
    /* oak's voice 0.512 for bark and pine, hot's 0.125 for cold. */
    assert_sense(&view, BARK, RELATIVE, 1.0);
    assert_sense(&view, PINE, RELATIVE, 1.0);
    assert_sense(&view, COLD, RELATIVE, 0.125 / 0.256);
    assert_sense(&view, PLANT, RELATIVE, 0.0);
    assert_sense(&view, FIDO, RELATIVE, 0.0);
    /* plant: 0.256 of pine and half of bark's; entity: the other half. */
    assert_sense(&view, PLANT, RELATIVE_PARENT, 1.0);
    assert_sense(&view, ENTITY, RELATIVE_PARENT, 1.0 / 3.0);
    assert_sense(&view, BARK, WHOLENESS, 0.0);
    assert_sense(&view, PINE, WHOLENESS, 1.0);
    assert_sense(&view, COLD, WHOLENESS, 1.0);
    neighbours[0] = alike(OAK, 0.64); /* two parts of different voices */
    neighbours[1] = alike(BARK, 0.25);
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, BARK, WHOLENESS, 0.0);
    assert_sense(&view, OAK, WHOLENESS, 1.0 - 0.125 / 0.512);
    const uint32_t *rows;
    uint32_t count = cg_column_retrieved(made.scratch, &rows);
    bool pine = false;
    for (uint32_t i = 0; i < count; i++) {
        pine = pine || rows[i] == PINE;
    }
    assert_false(pine); /* relatives are no candidates */
}

static void restating_is_covering(void **state) {
    (void)state;
    cg_column_view view = view_of(CAT);
    cg_neighbour neighbours[2] = {alike(CAT, 1.0), alike(DOG, 0.3)};
    view.neighbours = neighbours;
    view.neighbour_count = 2;
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, CAT, RESTATED, 1.0);
    assert_sense(&view, DOG, RESTATED, pow(0.36, 4.0) * (0.5 + 0.5 * 0.36));
    assert_sense(&view, FIDO, RESTATED, 0.0); /* as alike as dog, but nobody retrieved it */
    uint32_t word = GROUP_WORD + 1;
    float weight = -1.0f;
    view.fact.sparse = (cg_sparse){&word, &weight, 1};
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, CAT, RESTATED, 0.5 + 0.5 * 0.36); /* covered, covers a third */
    view.fact.sparse.count = 0;
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, CAT, RESTATED, 0.0);
}

static void recency_fades_and_company_adds_up(void **state) {
    (void)state;
    cg_column_view view = view_of(DOG);
    cg_recent recent = {0};
    view.recent = &recent;
    view.now_ns = 1000;
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, DOG, RECENT, 0.0);
    cg_recent_note(&recent, DOG, 1000);
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, DOG, RECENT, 1.0);
    assert_sense(&view, ANIMAL, RECENT, 0.5);
    assert_sense(&view, ENTITY, RECENT, 0.25);
    assert_sense(&view, CAT, RECENT, 0.0);
    assert_sense(&view, FIDO, RECENT, 0.0);
    assert_sense(&view, DOG, TOGETHER, 1.0 / 8);
    assert_sense(&view, ANIMAL, TOGETHER, 0.5 / 8);
    assert_sense(&view, ENTITY, TOGETHER, 0.25 / 8);
    view.now_ns = 1000 + 693147181; /* a second's time constant: half is left */
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, DOG, RECENT, 0.5);
    assert_sense(&view, DOG, TOGETHER, 1.0 / 8);
    cg_recent_note(&recent, CAT, view.now_ns);
    cg_recent_note(&recent, CAT, view.now_ns + 5); /* not yet: counts as now */
    cg_column_prepare(&view, made.scratch, NULL);
    /* Three voices for animal: 0.25 and twice 0.5. */
    assert_sense(&view, ANIMAL, RECENT, 1.0 - 0.75 * 0.25);
    assert_sense(&view, ANIMAL, TOGETHER, 1.5 / 8);
    view.now_ns += UINT64_C(5000000000); /* exp(-5) is fainter than 0.01 */
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, CAT, RECENT, 0.0);
    assert_sense(&view, CAT, TOGETHER, 2.0 / 8);
    view.column_mask = 1u << CG_COLUMN_SEMANTIC; /* nobody asks for it */
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, CAT, TOGETHER, 0.0);
    view.column_mask = 1u << CG_COLUMN_TEMPORAL;
    for (uint32_t i = 0; i < CG_RECENT_MAX; i++) {
        cg_recent_note(&recent, OAK, view.now_ns);
    }
    assert_int_equal(recent.count, CG_RECENT_MAX + 3);
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, DOG, TOGETHER, 0.0);
    assert_sense(&view, OAK, TOGETHER, 1.0);
    assert_sense(&view, PLANT, TOGETHER, 1.0);
}

/* Goal: a stream whose count reaches the end of its range goes on in the next slot, as a stream
 * at the same place of the ring does that is far from the end. */
static void a_long_stream_skips_no_slot(void **state) {
    (void)state;
    cg_recent at_end = {.count = UINT32_MAX - 10};
    cg_recent usual = {.count = (UINT32_MAX - 10) % CG_RECENT_MAX + CG_RECENT_MAX};
    for (uint32_t i = 0; i < 3 * CG_RECENT_MAX; i++) {
        cg_recent_note(&at_end, i, i);
        cg_recent_note(&usual, i, i);
        assert_true(at_end.count >= CG_RECENT_MAX && at_end.count < UINT32_MAX);
        assert_int_equal(at_end.count % CG_RECENT_MAX, usual.count % CG_RECENT_MAX);
        assert_memory_equal(at_end.rows, usual.rows, sizeof usual.rows);
        assert_memory_equal(at_end.times_ns, usual.times_ns, sizeof usual.times_ns);
    }
}

static void types_weigh_what_was_said_for_them(void **state) {
    (void)state;
    cg_column_view view = view_of(DOG);
    cg_neighbour neighbours[2] = {alike(DOG, 1.0), alike(OAK, 0.64)};
    view.neighbours = neighbours;
    view.neighbour_count = 2;
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, FIDO, TYPE, 1.0); /* whoever is of animal's type */
    assert_sense(&view, PINE, TYPE, 0.512);
    assert_sense(&view, HOT, TYPE, 0.0);
    view.fact_type = GREEN;
    assert_sense(&view, PINE, TYPE, 1.0);
    assert_sense(&view, FIDO, TYPE, 0.0);
    assert_sense(&view, HOT, TYPE, 0.0);
}

static void kin_tells_classes_from_individuals(void **state) {
    (void)state;
    cg_column_view view = view_of(CAT);
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, ENTITY, KIN, 1.0);
    assert_sense(&view, DOG, KIN, 0.2); /* has an individual below it, no class */
    assert_sense(&view, CAT, KIN, 0.6);
    assert_int_equal(sense(&view, CAT, CG_PATHWAY_KIN), 2458); /* 2457.6, to the nearest */
    cg_cues cues = {.proper = true};
    view.cues = &cues;
    assert_sense(&view, ENTITY, KIN, 0.2);
    assert_sense(&view, DOG, KIN, 1.0);
    assert_sense(&view, CAT, KIN, 0.6);
}

static void antonyms_break_the_accord(void **state) {
    (void)state;
    cg_column_view view = view_of(HOT);
    cg_neighbour neighbours[3] = {alike(HOT, 1.0), alike(COLD, 0.4), alike(OAK, 0.1)};
    view.neighbours = neighbours;
    view.neighbour_count = 3;
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, COLD, ACCORD, 0.4); /* its antonym is 0.6 more alike */
    assert_sense(&view, HOT, ACCORD, 1.0);
    assert_sense(&view, ICY, ACCORD, 0.0); /* below it, and not alike at all */
    assert_sense(&view, OAK, ACCORD, 1.0);
    neighbours[1] = alike(COLD, 0.95); /* nearly as alike: each opposes the other */
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, COLD, ACCORD, 0.95);
    assert_sense(&view, HOT, ACCORD, 1.0); /* more alike than what opposes it */
    assert_sense(&view, ICY, ACCORD, 0.0);
    neighbours[0] = alike(OAK, 1.0);
    neighbours[1] = alike(HOT, 0.89); /* not strongly retrieved */
    neighbours[2] = alike(COLD, 0.1);
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, COLD, ACCORD, 1.0);
    neighbours[1] = alike(HOT, 0.91); /* strongly */
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, COLD, ACCORD, 1.0 - (0.91 - 0.1));
    view.column_mask = 1u << CG_COLUMN_STRUCTURAL; /* nobody asks for it */
    neighbours[1] = alike(HOT, 0.95);
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, COLD, ACCORD, 1.0);
}

static void an_odd_one_among_the_children_is_not_normal(void **state) {
    (void)state;
    cg_column_view view = view_of(ANIMAL); /* like animal, unlike dog and cat */
    cg_column_prepare(&view, made.scratch, NULL);
    memset(made.patterns, 0, sizeof made.patterns);
    cg_work work = {0};
    cg_senses senses;
    uint32_t row = ANIMAL;
    cg_column_sense(CG_COLUMN_EXCEPTION, &view, made.scratch, &row, 1, &senses, &work);
    assert_int_equal(senses.of[CG_PATHWAY_NORMALITY], 0);
    for (uint32_t c = 0; c < CONCEPTS; c++) {
        assert_int_equal(made.patterns[c], c == DOG || c == CAT ? 1 : 0);
    }
    assert_int_equal(work.operations[CG_WORK_DISTANCE_F32], 3);
    assert_int_equal(work.operations[CG_WORK_COLUMN_VOTE], 1);
    assert_sense(&view, OAK, NORMALITY, 1.0); /* no children */
    /* entity: 0.36 alike, as animal is; plant is too, bark is not: a mean of (1 + 0.36 + 0) / 3.
     */
    assert_sense(&view, ENTITY, NORMALITY, 1.0);
    view = view_of(PLANT);
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, PLANT, NORMALITY, 0.0);
    view = view_of(ENTITY); /* its children: 0.36, 0.36 and 0 */
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, ENTITY, NORMALITY, 1.0 - (1.0 - 0.24));
    cg_likeness likenesses[CONCEPTS] = {{0}}; /* as a comparison with all would have it */
    likenesses[ENTITY].dense = 0.5f;
    likenesses[PLANT].dense = 0.75f;
    view.likenesses = likenesses;
    assert_sense(&view, ENTITY, NORMALITY, 1.0 - (0.5 - 0.25));
}

static void what_a_concept_is_in_the_graph(void **state) {
    (void)state;
    cg_column_view view = view_of(DOG);
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, ENTITY, BRANCHING, (1.0 + log(4.0)) / 9.3);
    assert_sense(&view, DOG, BRANCHING, (1.0 + log(2.0)) / 9.3); /* individuals count */
    assert_sense(&view, OAK, BRANCHING, 0.0);                    /* parts don't */
    assert_sense(&view, ENTITY, DEPTH, 3.0 / 9.0);
    assert_sense(&view, ANIMAL, DEPTH, 3.0 / 8.0);
    assert_sense(&view, DOG, DEPTH, 3.0 / 7.0);
    assert_sense(&view, FIDO, DEPTH, 3.0 / 6.0);
    assert_sense(&view, DOG, UNDER_GENUS, 0.0);
}

/* The epoch of the table's slots comes round after 2^32 decisions: nothing old is heard then. */
static void old_decisions_are_forgotten(void **state) {
    (void)state;
    cg_column_view view = view_of(DOG);
    cg_neighbour neighbours[2] = {alike(CAT, 0.5), alike(OAK, 0.4)};
    view.neighbours = neighbours;
    view.neighbour_count = 2;
    for (uint32_t epoch = 0; epoch < 4; epoch++) {
        made.scratch->epoch = epoch ? UINT32_MAX - 3 + epoch : 0;
        for (uint32_t round = 0; round < 3; round++) {
            neighbours[0] = alike(round % 2 ? CAT : PINE, 0.5);
            view.neighbour_count = 1 + round % 2;
            cg_column_prepare(&view, made.scratch, NULL);
            assert_sense(&view, CAT, SELF, round % 2 ? 1.0 : 0.0);
            assert_sense(&view, PINE, SELF, round % 2 ? 0.0 : 1.0);
            assert_sense(&view, OAK, PARENT, 0.0);
            assert_int_equal(cg_column_expanded(made.scratch, OAK), round % 2);
            assert_int_equal(cg_column_expanded(made.scratch, DOG), false);
        }
    }
}

static void scratch_without_memory(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    counting.fail_at = 1;
    cg_column_scratch *scratch = NULL;
    assert_status(
        cg_column_scratch_alloc(cg_counting_allocator_view(&counting), &scratch, &error),
        CG_ERROR_MEMORY, error, "out of memory");
    assert_null(scratch);
    assert_ok(cg_column_scratch_alloc(cg_counting_allocator_view(&counting), &scratch, &error),
              error);
    assert_int_equal(cg_column_scratch_bytes(scratch), counting.live_bytes);
    cg_column_scratch_free(scratch);
    assert_int_equal(counting.live_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_WORLD(likeness_in_three_forms),
        IN_WORLD(likeness_is_taken_from_whoever_knows_it),
        IN_WORLD(neighbours_vote_for_themselves_and_their_ancestors),
        IN_WORLD(parents_share_a_voice),
        IN_WORLD(relatives_are_heard_and_parts_clash),
        IN_WORLD(restating_is_covering),
        IN_WORLD(recency_fades_and_company_adds_up),
        cmocka_unit_test(a_long_stream_skips_no_slot),
        IN_WORLD(types_weigh_what_was_said_for_them),
        IN_WORLD(kin_tells_classes_from_individuals),
        IN_WORLD(antonyms_break_the_accord),
        IN_WORLD(an_odd_one_among_the_children_is_not_normal),
        IN_WORLD(what_a_concept_is_in_the_graph),
        IN_WORLD(old_decisions_are_forgotten),
        cmocka_unit_test(scratch_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
