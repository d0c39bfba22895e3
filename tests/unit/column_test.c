/* Goal: each column gives the vote that its definition says on a graph small enough to reckon
 * by hand; no vote depends on its company; and what is read is told and counted. (Spec A3.) */
#include "tests/support/support.h"

#include <math.h>
#include <string.h>

#include "engine/column/column.h"

static cg_error error;

enum { ENTITY, ANIMAL, PLANT, DOG, CAT, OAK, PINE, HOT, COLD, CONCEPTS };
enum { DIMS = 16, NOUN = 3, ADJECTIVE = 0 };

typedef struct world {
    cg_graph *graph;
    cg_features *features;
    cg_column_scratch *scratch;
    uint32_t patterns[CONCEPTS];
    uint32_t nodes[CONCEPTS];
} world;

static world made;

static void edge(uint32_t from, uint32_t to, cg_edge_type type) {
    cg_edge value = {.target = to, .type = (uint8_t)type, .weight = 255};
    assert_ok(cg_graph_add_edge(made.graph, from, value, &error), error);
}

static void child(uint32_t low, uint32_t high) {
    edge(low, high, CG_EDGE_HYPERNYM);
    edge(high, low, CG_EDGE_HYPONYM);
}

/* Concept c has axis c with weight 0.8 and shares axis 9 + its parent's row with 0.6. */
static void vector_of(uint32_t concept, uint32_t group, float dense[DIMS]) {
    memset(dense, 0, DIMS * sizeof *dense);
    dense[concept] = 0.8f;
    dense[9 + group] = 0.6f;
}

static void touched(void *context, uint32_t row, cg_touch what) {
    world *told = context;
    (what == CG_TOUCH_PATTERN ? told->patterns : told->nodes)[row]++;
}

static int set_up(void **state) {
    static const char *const names[CONCEPTS] = {"entity", "animal", "plant", "dog", "cat",
                                                "oak",    "pine",   "hot",   "cold"};
    static const uint32_t groups[CONCEPTS] = {0, 0, 0, 1, 1, 2, 2, 3, 3};
    cg_allocator heap = cg_allocator_heap();
    memset(&made, 0, sizeof made);
    assert_ok(cg_graph_alloc(NULL, heap, &made.graph, &error), error);
    cg_ttfs_options encoding = cg_ttfs_options_default();
    assert_ok(cg_features_alloc(DIMS, &encoding, NULL, heap, &made.features, &error), error);
    for (uint32_t c = 0; c < CONCEPTS; c++) {
        uint32_t row;
        assert_ok(cg_graph_add_concept(made.graph, 100 + c, c < HOT ? NOUN : ADJECTIVE,
                                       names[c], &row, &error),
                  error);
        float dense[DIMS];
        vector_of(c, groups[c], dense);
        uint32_t words[2] = {c, 50 + groups[c]};
        float weights[2] = {0.8f, 0.6f};
        assert_ok(cg_features_append(made.features, dense, (cg_sparse){words, weights, 2}, &row,
                                     NULL, &error),
                  error);
    }
    child(ANIMAL, ENTITY);
    child(PLANT, ENTITY);
    child(DOG, ANIMAL);
    child(CAT, ANIMAL);
    child(OAK, PLANT);
    child(PINE, PLANT);
    edge(HOT, COLD, CG_EDGE_ANTONYM);
    edge(COLD, HOT, CG_EDGE_ANTONYM);
    assert_ok(cg_graph_freeze(made.graph, &error), error);
    assert_ok(cg_column_scratch_alloc(heap, &made.scratch, &error), error);
    *state = &made;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    cg_column_scratch_free(made.scratch);
    cg_column_scratch_free(NULL);
    cg_features_free(made.features);
    cg_graph_free(made.graph);
    return 0;
}

/* The view of a fact that restates a concept. */
static cg_column_view view_of(uint32_t concept) {
    return (cg_column_view){
        .graph = made.graph,
        .features = made.features,
        .fact = cg_features_row(made.features, concept),
        .fact_type = CG_TYPE_UNKNOWN,
        .touched = touched,
        .touched_context = &made,
    };
}

static float vote_on(cg_column_id column, const cg_column_view *view, uint32_t row) {
    float vote = -1.0f;
    cg_column_vote(column, view, made.scratch, &row, 1, &vote, NULL);
    assert_true(vote >= 0.0f && vote <= 1.0f);
    return vote;
}

static bool near(double value, double expected) {
    return fabs(value - expected) < 1e-5;
}

static void names_and_weighted_mean(void **state) {
    (void)state;
    assert_string_equal(cg_column_name(CG_COLUMN_SEMANTIC), "semantic");
    assert_string_equal(cg_column_name(CG_COLUMN_EXCEPTION), "exception");
    cg_column_weights weights = {.weight_q16 = {65536, 32768, 0, 65536}};
    float votes[CG_COLUMN_COUNT] = {1.0f, 0.5f, 1.0f, 0.25f};
    assert_true(near(cg_column_combine(&weights, 0xf, votes), (1.0 + 0.25 + 0.25) / 2.5));
    assert_true(near(cg_column_combine(&weights, 0x2, votes), 0.5));
    assert_true(near(cg_column_combine(&weights, 0x4, votes), 0.0));
    cg_column_weights usual = cg_column_weights_default();
    for (int c = 0; c < CG_COLUMN_COUNT; c++) {
        assert_in_range(usual.weight_q16[c], 1, 65536);
    }
}

static void similarity_is_one_for_the_same_and_less_for_others(void **state) {
    (void)state;
    cg_column_view view = view_of(DOG);
    cg_work work = {0};
    assert_true(near(cg_column_similarity(&view, DOG, &work), 1.0));
    assert_int_equal(work.operations[CG_WORK_DISTANCE_F32], 1);
    assert_int_equal(work.units[CG_WORK_DISTANCE_F32], DIMS);
    assert_int_equal(work.operations[CG_WORK_DISTANCE_SPARSE], 1);
    assert_int_equal(work.operations[CG_WORK_SPIKE_DISTANCE], 1);
    double sibling = cg_column_similarity(&view, CAT, NULL);
    double stranger = cg_column_similarity(&view, OAK, NULL);
    assert_true(sibling < 0.9 && sibling > stranger && stranger >= 0.0);
    view.fact.sparse.count = 0; /* a vector without text */
    assert_true(near(cg_column_similarity(&view, DOG, NULL), 1.0));
}

static void neighbours_vote_for_themselves_and_their_ancestors(void **state) {
    (void)state;
    cg_column_view view = view_of(DOG);
    cg_neighbour neighbours[2] = {{CAT, 0.5f}, {DOG, 0.4f}};
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
    float animal = vote_on(CG_COLUMN_STRUCTURAL, &view, ANIMAL);
    float cat = vote_on(CG_COLUMN_STRUCTURAL, &view, CAT);
    float dog = vote_on(CG_COLUMN_STRUCTURAL, &view, DOG);
    float entity = vote_on(CG_COLUMN_STRUCTURAL, &view, ENTITY);
    float oak = vote_on(CG_COLUMN_STRUCTURAL, &view, OAK);
    assert_true(animal > cat && cat > dog && animal > entity && entity > oak);
    assert_true(oak > 0.0f && oak < 0.2f); /* priors alone */
}

static void a_restated_concept_gets_its_own_neighbours_vote(void **state) {
    (void)state;
    cg_column_view view = view_of(CAT);
    cg_neighbour neighbours[2] = {{CAT, 1.0f}, {DOG, 0.3f}};
    view.neighbours = neighbours;
    view.neighbour_count = 2;
    cg_column_prepare(&view, made.scratch, NULL);
    for (uint32_t c = 0; c < CONCEPTS; c++) {
        if (c != CAT) {
            assert_true(vote_on(CG_COLUMN_STRUCTURAL, &view, CAT) >
                        vote_on(CG_COLUMN_STRUCTURAL, &view, c));
            assert_true(vote_on(CG_COLUMN_SEMANTIC, &view, CAT) >
                        vote_on(CG_COLUMN_SEMANTIC, &view, c));
        }
    }
    assert_true(near((double)vote_on(CG_COLUMN_SEMANTIC, &view, CAT), 1.0));
}

static void recency_fades_and_adds_up(void **state) {
    (void)state;
    cg_column_view view = view_of(DOG);
    cg_recent recent = {0};
    cg_recent_note(&recent, DOG, 1000);
    view.recent = &recent;
    view.now_ns = 1000;
    cg_column_prepare(&view, made.scratch, NULL);
    assert_true(near((double)vote_on(CG_COLUMN_TEMPORAL, &view, DOG), 1.0));
    assert_true(near((double)vote_on(CG_COLUMN_TEMPORAL, &view, ANIMAL), 0.5));
    assert_true(near((double)vote_on(CG_COLUMN_TEMPORAL, &view, ENTITY), 0.25));
    assert_true(near((double)vote_on(CG_COLUMN_TEMPORAL, &view, CAT), 0.0));
    view.now_ns = 1000 + 693147181; /* a second's time constant: half is left */
    cg_column_prepare(&view, made.scratch, NULL);
    assert_true(near((double)vote_on(CG_COLUMN_TEMPORAL, &view, DOG), 0.5));
    cg_recent_note(&recent, CAT, view.now_ns);
    cg_recent_note(&recent, CAT, view.now_ns + 5); /* not yet: counts as now */
    cg_column_prepare(&view, made.scratch, NULL);
    /* Three voices for animal: 0.25 and twice 0.5. */
    assert_true(near((double)vote_on(CG_COLUMN_TEMPORAL, &view, ANIMAL), 1.0 - 0.75 * 0.25));
    for (uint32_t i = 0; i < CG_RECENT_MAX; i++) {
        cg_recent_note(&recent, OAK, view.now_ns);
    }
    assert_int_equal(recent.count, CG_RECENT_MAX + 3);
    cg_column_prepare(&view, made.scratch, NULL);
    assert_true(near((double)vote_on(CG_COLUMN_TEMPORAL, &view, DOG), 0.0));
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

static void conflicts_lower_the_exception_vote(void **state) {
    (void)state;
    cg_column_view view = view_of(HOT);
    cg_neighbour neighbours[3] = {{HOT, 1.0f}, {COLD, 0.4f}, {OAK, 0.1f}};
    view.neighbours = neighbours;
    view.neighbour_count = 3;
    cg_column_prepare(&view, made.scratch, NULL);
    /* cold is the antonym of a concept that is 0.6 more alike; it has the leading type. */
    assert_true(near((double)vote_on(CG_COLUMN_EXCEPTION, &view, COLD), 1.0 - 0.6));
    assert_true(near((double)vote_on(CG_COLUMN_EXCEPTION, &view, HOT), 1.0));
    assert_true(vote_on(CG_COLUMN_EXCEPTION, &view, OAK) < 0.6f); /* a noun among adjectives */
    view.fact_type = NOUN;
    assert_true(near((double)vote_on(CG_COLUMN_EXCEPTION, &view, HOT), 0.5));
    assert_true(near((double)vote_on(CG_COLUMN_EXCEPTION, &view, OAK), 1.0));
}

static void an_odd_one_among_the_children_is_an_anomaly(void **state) {
    (void)state;
    cg_column_view view = view_of(ANIMAL); /* like animal, unlike dog and cat */
    cg_column_prepare(&view, made.scratch, NULL);
    view.fact_type = NOUN;
    memset(made.patterns, 0, sizeof made.patterns);
    cg_work work = {0};
    float vote;
    uint32_t row = ANIMAL;
    cg_column_vote(CG_COLUMN_EXCEPTION, &view, made.scratch, &row, 1, &vote, &work);
    assert_true(near((double)vote, 1.0 - 0.3 * 1.0));
    assert_int_equal(made.patterns[DOG], 1);
    assert_int_equal(made.patterns[CAT], 1);
    assert_int_equal(made.patterns[OAK], 0);
    assert_int_equal(work.operations[CG_WORK_DISTANCE_F32], 3);
    assert_int_equal(work.operations[CG_WORK_COLUMN_VOTE], 1);
    assert_true(near((double)vote_on(CG_COLUMN_EXCEPTION, &view, OAK), 1.0));
}

static void no_vote_depends_on_its_company(void **state) {
    (void)state;
    cg_column_view view = view_of(PINE);
    cg_neighbour neighbours[3] = {{OAK, 0.6f}, {DOG, 0.5f}, {HOT, 0.2f}};
    cg_recent recent = {0};
    cg_recent_note(&recent, CAT, 0);
    view.neighbours = neighbours;
    view.neighbour_count = 3;
    view.recent = &recent;
    cg_column_prepare(&view, made.scratch, NULL);
    for (int column = 0; column < CG_COLUMN_COUNT; column++) {
        uint32_t rows[CONCEPTS];
        float together[CONCEPTS];
        for (uint32_t i = 0; i < CONCEPTS; i++) {
            rows[i] = CONCEPTS - 1 - i;
        }
        cg_column_vote((cg_column_id)column, &view, made.scratch, rows, CONCEPTS, together,
                       NULL);
        for (uint32_t i = 0; i < CONCEPTS; i++) {
            assert_true(together[i] == vote_on((cg_column_id)column, &view, rows[i]));
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
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_weighted_mean),
        cmocka_unit_test_setup_teardown(similarity_is_one_for_the_same_and_less_for_others,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(neighbours_vote_for_themselves_and_their_ancestors,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_restated_concept_gets_its_own_neighbours_vote, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(recency_fades_and_adds_up, set_up, tear_down),
        cmocka_unit_test(a_long_stream_skips_no_slot),
        cmocka_unit_test_setup_teardown(conflicts_lower_the_exception_vote, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_odd_one_among_the_children_is_an_anomaly, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(no_vote_depends_on_its_company, set_up, tear_down),
        cmocka_unit_test(scratch_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
