/* A graph small enough to reckon every pathway by hand, and what columns hear on it.
 *
 *   entity ── animal ── dog ── fido (an individual)      hot ─ antonym ─ cold ── icy
 *          │         └─ cat
 *          ├─ plant ── oak ─ also see ─> pine
 *          │        ├─ pine
 *          │        └─ bark (part of oak)
 *          └─ bark                                     cold ─ also see ─> fido
 */
#ifndef CG_TESTS_SUPPORT_COLUMN_WORLD_H
#define CG_TESTS_SUPPORT_COLUMN_WORLD_H

#include <math.h>
#include <string.h>

#include "engine/column/column.h"
#include "tests/support/support.h"

static cg_error error;

enum { ENTITY, ANIMAL, PLANT, DOG, CAT, OAK, PINE, BARK, FIDO, HOT, COLD, ICY, CONCEPTS };
enum { DIMS = 32, GROUP_AXIS = 16, GROUP_WORD = 50 };
enum { ADJECTIVE = 0, NOUN = 3, GREEN = 5 };

static const struct {
    const char *name;
    uint32_t type;
    uint32_t group;
} described[CONCEPTS] = {
    [ENTITY] = {"entity", NOUN, 0},  [ANIMAL] = {"animal", NOUN, 0},
    [PLANT] = {"plant", GREEN, 0},   [DOG] = {"dog", NOUN, 1},
    [CAT] = {"cat", NOUN, 1},        [OAK] = {"oak", GREEN, 2},
    [PINE] = {"pine", GREEN, 2},     [BARK] = {"bark", GREEN, 4},
    [FIDO] = {"fido", NOUN, 1},      [HOT] = {"hot", ADJECTIVE, 3},
    [COLD] = {"cold", ADJECTIVE, 3}, [ICY] = {"icy", ADJECTIVE, 3},
};

typedef struct world {
    cg_graph *graph;
    cg_features *features;
    cg_lexicon *lexicon; /* empty */
    cg_column_scratch *scratch;
    uint32_t patterns[CONCEPTS];
    uint32_t nodes[CONCEPTS];
} world;

static world made;

static inline void edge(uint32_t from, uint32_t to, cg_edge_type type) {
    cg_edge value = {.target = to, .type = (uint16_t)type, .weight = 255};
    assert_ok(cg_graph_add_edge(made.graph, from, value, &error), error);
}

static inline void child(uint32_t low, uint32_t high) {
    edge(low, high, CG_EDGE_HYPERNYM);
    edge(high, low, CG_EDGE_HYPONYM);
}

static inline void touched(void *context, uint32_t row, cg_touch what) {
    world *told = context;
    (what == CG_TOUCH_PATTERN ? told->patterns : told->nodes)[row]++;
}

/* Concept c has an axis and a word of its own with weight 0.8 and shares those of its group with
 * 0.6. */
static inline void add_described(uint32_t concept) {
    uint32_t row;
    assert_ok(cg_graph_add_concept(made.graph, 100 + concept, described[concept].type,
                                   described[concept].name, &row, &error),
              error);
    float dense[DIMS] = {0};
    dense[concept] = 0.8f;
    dense[GROUP_AXIS + described[concept].group] = 0.6f;
    uint32_t words[2] = {concept, GROUP_WORD + described[concept].group};
    float weights[2] = {0.8f, 0.6f};
    assert_ok(cg_features_append(made.features, dense, (cg_sparse){words, weights, 2}, &row,
                                 NULL, &error),
              error);
}

static inline int set_up(void **state) {
    cg_allocator heap = cg_allocator_heap();
    memset(&made, 0, sizeof made);
    assert_ok(cg_graph_alloc(NULL, heap, &made.graph, &error), error);
    cg_ttfs_options encoding = cg_ttfs_options_default();
    assert_ok(cg_features_alloc(DIMS, &encoding, NULL, heap, &made.features, &error), error);
    for (uint32_t c = 0; c < CONCEPTS; c++) {
        add_described(c);
    }
    static const uint32_t kinships[][2] = {{ANIMAL, ENTITY}, {PLANT, ENTITY}, {DOG, ANIMAL},
                                           {CAT, ANIMAL},    {OAK, PLANT},    {PINE, PLANT},
                                           {BARK, PLANT},    {BARK, ENTITY},  {ICY, COLD}};
    for (uint32_t i = 0; i < sizeof kinships / sizeof *kinships; i++) {
        child(kinships[i][0], kinships[i][1]);
    }
    edge(FIDO, DOG, CG_EDGE_INSTANCE_HYPERNYM);
    edge(DOG, FIDO, CG_EDGE_INSTANCE_HYPONYM);
    edge(OAK, BARK, CG_EDGE_PART_MERONYM);
    edge(BARK, OAK, CG_EDGE_PART_HOLONYM);
    edge(OAK, PINE, CG_EDGE_ALSO_SEE);
    edge(HOT, COLD, CG_EDGE_ANTONYM);
    edge(COLD, HOT, CG_EDGE_ANTONYM);
    edge(COLD, FIDO, CG_EDGE_ALSO_SEE);
    assert_ok(cg_graph_freeze(made.graph, &error), error);
    assert_ok(cg_lexicon_alloc(NULL, heap, &made.lexicon, &error), error);
    assert_ok(cg_column_scratch_alloc(heap, &made.scratch, &error), error);
    *state = &made;
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    cg_column_scratch_free(made.scratch);
    cg_column_scratch_free(NULL);
    cg_lexicon_free(made.lexicon);
    cg_features_free(made.features);
    cg_graph_free(made.graph);
    return 0;
}

/* The view of a fact that restates a concept. */
static inline cg_column_view view_of(uint32_t concept) {
    return (cg_column_view){
        .graph = made.graph,
        .features = made.features,
        .fact = cg_features_row(made.features, concept),
        .fact_type = CG_TYPE_UNKNOWN,
        .column_mask = (1u << CG_COLUMN_COUNT) - 1,
        .touched = touched,
        .touched_context = &made,
    };
}

/* A neighbour as alike as this in every form. */
static inline cg_neighbour alike(uint32_t row, double likeness) {
    float value = (float)likeness;
    return (cg_neighbour){row, {value, value, value, value}};
}

/* What one pathway hears of a concept; the others of its column are filled too, and none else. */
static inline uint32_t sense(const cg_column_view *view, uint32_t row, cg_pathway pathway) {
    cg_column_id column = cg_pathway_column(pathway);
    cg_senses senses;
    memset(&senses, 0xff, sizeof senses);
    cg_column_sense(column, view, made.scratch, &row, 1, &senses, NULL);
    for (uint32_t p = 0; p < CG_PATHWAY_COUNT; p++) {
        bool own = cg_pathway_column((cg_pathway)p) == column;
        assert_int_equal(senses.of[p] <= CG_EVIDENCE_ONE, own);
    }
    return senses.of[pathway];
}

/* To a 1/4096, since evidence is gathered in floats. */
#define assert_sense(view, row, pathway, expected)                                             \
    do {                                                                                       \
        double heard = (double)sense((view), (row), CG_PATHWAY_##pathway);                     \
        if (fabs(heard - (expected)*CG_EVIDENCE_ONE) > 1.0) {                                  \
            fail_msg("%s of %s: %.1f of 4096 instead of %.1f",                                 \
                     cg_pathway_name(CG_PATHWAY_##pathway), described[row].name, heard,        \
                     (expected)*CG_EVIDENCE_ONE);                                              \
        }                                                                                      \
    } while (0)

static inline bool near(double value, double expected) {
    return fabs(value - expected) < 1e-5;
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
