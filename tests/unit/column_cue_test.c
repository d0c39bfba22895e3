/* Goal: what the lexicon says of a text's cues reaches each pathway with the strength that its
 * definition gives, with cues and counts made by hand. (Spec A3.) */
#include "tests/support/column_world.h"

static cg_cues cues; /* of the fact */

static void cue(cg_cue_kind kind, uint64_t phrase, uint32_t group, uint32_t words) {
    cues.list[cues.count++] = (cg_cue){.phrase = phrase,
                                       .kind = (uint8_t)kind,
                                       .group = (uint8_t)group,
                                       .words = (uint8_t)words};
    cues.names += kind == CG_CUE_NAME;
}

static int begin(void **state) {
    memset(&cues, 0, sizeof cues);
    return set_up(state);
}

static void add(uint32_t row, const cg_cues *known, const uint32_t *parents, uint32_t count) {
    assert_ok(cg_lexicon_add(made.lexicon, row, known, parents, count, &error), error);
}

/* The concept bears these names. */
static void bears(uint32_t row, uint32_t count, const uint64_t *names) {
    cg_cues known = {.count = count, .names = count};
    for (uint32_t i = 0; i < count; i++) {
        known.list[i] =
            (cg_cue){.phrase = names[i], .kind = CG_CUE_NAME, .group = (uint8_t)i, .words = 1};
    }
    add(row, &known, NULL, 0);
}

static uint32_t strangers = 1000000; /* rows of concepts that only the lexicon knows */

/* So many concepts with the cue hang below the parent. */
static void hangs(cg_cue_kind kind, uint64_t phrase, uint32_t parent, uint32_t times) {
    cg_cues known = {.count = 1};
    known.list[0] = (cg_cue){.phrase = phrase, .kind = (uint8_t)kind, .words = 1};
    while (times-- > 0) {
        add(strangers++, &known, &parent, 1);
    }
}

static cg_column_view ready(void) {
    cg_column_view view = view_of(HOT); /* alike to nothing that is named below */
    view.lexicon = made.lexicon;
    view.cues = &cues;
    cg_column_prepare(&view, made.scratch, NULL);
    return view;
}

static bool nominated(uint32_t row) {
    const uint32_t *rows;
    uint32_t count = cg_column_retrieved(made.scratch, &rows);
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i] == row) {
            return true;
        }
    }
    return false;
}

static void the_longest_name_counts_fully(void **state) {
    (void)state;
    bears(ANIMAL, 1, (uint64_t[]){12});
    bears(PLANT, 1, (uint64_t[]){11});
    bears(DOG, 2, (uint64_t[]){11, 10});
    cue(CG_CUE_GENUS, 13, 0, 3); /* names nothing, and so halves nothing */
    cue(CG_CUE_GENUS, 12, 0, 2);
    cue(CG_CUE_GENUS, 11, 0, 1);
    cue(CG_CUE_GENUS, 10, 0, 1);
    cg_column_view view = ready();
    assert_sense(&view, ANIMAL, GENUS, 1.0);
    assert_sense(&view, PLANT, GENUS, 0.5);
    assert_sense(&view, DOG, GENUS, 0.5); /* the better of 1/2 and 1/4 */
    assert_sense(&view, CAT, GENUS, 0.0);
    assert_sense(&view, ANIMAL, GENUS_WORDS, 0.75);
    assert_sense(&view, PLANT, GENUS_WORDS, 0.5);
    assert_sense(&view, CAT, GENUS_WORDS, 0.0);
    assert_sense(&view, ANIMAL, SECOND, 0.0);
    assert_true(nominated(ANIMAL) && nominated(PLANT) && nominated(DOG) && !nominated(CAT));
    /* dog is a child of animal, fido a grandchild; entity stands above all that is named. */
    assert_sense(&view, CAT, UNDER_GENUS, 1.0);
    assert_sense(&view, DOG, UNDER_GENUS, 1.0);
    assert_sense(&view, FIDO, UNDER_GENUS, 0.5);
    assert_sense(&view, OAK, UNDER_GENUS, 0.5);
    assert_sense(&view, ENTITY, UNDER_GENUS, 0.0);
    assert_sense(&view, ANIMAL, UNDER_GENUS, 0.0);
}

static void a_grandparent_counts_half_of_what_it_is_worth(void **state) {
    (void)state;
    bears(ENTITY, 1, (uint64_t[]){11});
    bears(PLANT, 1, (uint64_t[]){10});
    cue(CG_CUE_GENUS, 11, 0, 2);
    cue(CG_CUE_GENUS, 10, 0, 1);
    cg_column_view view = ready();
    assert_sense(&view, ANIMAL, UNDER_GENUS, 1.0);
    assert_sense(&view, DOG, UNDER_GENUS, 0.5);
    assert_sense(&view, FIDO, UNDER_GENUS, 0.0); /* two above, no further */
    assert_sense(&view, BARK, UNDER_GENUS, 1.0); /* plant's 1/2 or entity's 1 */
    cues.count = 0;
    cue(CG_CUE_SECOND, 11, 0, 2); /* no genus, nobody below it */
    view = ready();
    assert_sense(&view, ANIMAL, UNDER_GENUS, 0.0);
}

static void other_phrases_have_pathways_of_their_own(void **state) {
    (void)state;
    bears(ANIMAL, 1, (uint64_t[]){10});
    bears(PLANT, 1, (uint64_t[]){11});
    bears(DOG, 1, (uint64_t[]){12});
    bears(CAT, 1, (uint64_t[]){13});
    bears(OAK, 1, (uint64_t[]){14});
    cue(CG_CUE_HEAD, 10, 0, 2);
    cue(CG_CUE_HEAD, 11, 0, 1);
    cue(CG_CUE_HEAD, 12, 1, 1); /* of another name: fully again */
    cue(CG_CUE_SECOND, 11, 0, 1);
    cue(CG_CUE_LATER, 12, 0, 1);
    cue(CG_CUE_LATER, 13, 1, 2); /* the fourth phrase begins at one half */
    cue(CG_CUE_LATER, 14, 1, 1);
    cg_column_view view = ready();
    assert_sense(&view, ANIMAL, HEAD, 1.0);
    assert_sense(&view, PLANT, HEAD, 0.5);
    assert_sense(&view, DOG, HEAD, 1.0);
    assert_sense(&view, PLANT, SECOND, 1.0);
    assert_sense(&view, DOG, LATER, 1.0);
    assert_sense(&view, CAT, LATER, 0.5);
    assert_sense(&view, OAK, LATER, 0.25);
    assert_sense(&view, ANIMAL, GENUS, 0.0);
    assert_sense(&view, ANIMAL, GENUS_WORDS, 0.0);
    assert_true(nominated(ANIMAL) && nominated(PLANT) && nominated(DOG));
    assert_false(nominated(CAT) || nominated(OAK)); /* later phrases name no candidate */
}

/* Method C: seen n times with t parents, a cue keeps n / (n + t) of the belief. */
static void habits_back_off_by_witten_and_bell(void **state) {
    (void)state;
    hangs(CG_CUE_GENUS, 20, ANIMAL, 2); /* n = 3, t = 2: 2/5, 1/5, and 2/5 left */
    hangs(CG_CUE_GENUS, 20, PLANT, 1);
    hangs(CG_CUE_GENUS, 21, CAT, 4); /* n = 4, t = 1: 4/5 of what is left, 0.32 */
    hangs(CG_CUE_HEAD, 20, OAK, 7);  /* of another kind */
    cue(CG_CUE_GENUS, 22, 0, 3);     /* never seen: leaves all to the next */
    cue(CG_CUE_GENUS, 20, 0, 2);
    cue(CG_CUE_GENUS, 21, 0, 1);
    cg_column_view view = ready();
    assert_sense(&view, ANIMAL, GENUS_HABIT, 1.0);
    assert_sense(&view, PLANT, GENUS_HABIT, 0.5);
    assert_sense(&view, CAT, GENUS_HABIT, 0.8);
    assert_sense(&view, OAK, GENUS_HABIT, 0.0);
    assert_sense(&view, OAK, HEAD_HABIT, 0.0);
    assert_true(nominated(ANIMAL) && nominated(PLANT) && nominated(CAT) && !nominated(OAK));
    /* Evidence by type: animal 1 and cat 0.8 are of one, plant 0.5 of another. */
    assert_sense(&view, DOG, TYPE, 1.0);
    assert_sense(&view, PINE, TYPE, 0.5 / 1.8);
    hangs(CG_CUE_GENUS, 21, PLANT, 5); /* n = 9, t = 2: plant 1/5 + 2/5 * 5/11 = 0.38182 */
    view = ready();
    assert_sense(&view, PLANT, GENUS_HABIT, 0.381818 / 0.4);
    assert_sense(&view, CAT, GENUS_HABIT, (0.4 * 4.0 / 11.0) / 0.4);
}

static void each_kind_of_cue_has_its_habit(void **state) {
    (void)state;
    static const struct {
        cg_cue_kind kind;
        cg_pathway pathway;
    } kinds[] = {
        {CG_CUE_HEAD, CG_PATHWAY_HEAD_HABIT},     {CG_CUE_FIRST, CG_PATHWAY_FIRST_HABIT},
        {CG_CUE_ENDING, CG_PATHWAY_ENDING_HABIT}, {CG_CUE_GENUS, CG_PATHWAY_GENUS_HABIT},
        {CG_CUE_SECOND, CG_PATHWAY_SECOND_HABIT}, {CG_CUE_DOMAIN, CG_PATHWAY_DOMAIN_HABIT}};
    enum { KINDS = sizeof kinds / sizeof *kinds };
    for (uint32_t i = 0; i < KINDS; i++) {
        hangs(kinds[i].kind, 30, ANIMAL + i, 2);
        cue(kinds[i].kind, 30, 0, 1);
    }
    hangs(CG_CUE_LATER, 30, HOT, 2); /* has none */
    cue(CG_CUE_LATER, 30, 0, 1);
    cg_column_view view = ready();
    for (uint32_t i = 0; i < KINDS; i++) {
        for (uint32_t row = 0; row < CONCEPTS; row++) {
            assert_int_equal(sense(&view, row, kinds[i].pathway),
                             row == ANIMAL + i ? CG_EVIDENCE_ONE : 0);
        }
        assert_true(nominated(ANIMAL + i));
    }
    assert_false(nominated(HOT));
}

/* Each pathway's evidence for a type is taken beside its strongest. */
static void types_weigh_habits_and_neighbours(void **state) {
    (void)state;
    hangs(CG_CUE_GENUS, 20, PLANT, 2); /* 2/3, the strongest of habits, so 1 */
    cue(CG_CUE_GENUS, 20, 0, 1);
    cg_column_view view = ready();
    cg_neighbour neighbours[2] = {alike(DOG, 1.0), alike(OAK, 0.64)};
    view.neighbours = neighbours;
    view.neighbour_count = 2;
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, PINE, TYPE, 1.0); /* 0.512 of oak for plant, and 1 */
    assert_sense(&view, CAT, TYPE, 1.0 / 1.512);
}

/* A share below 0.002 is worth no entry, but is added to one that is there. */
static void faint_habits_make_no_entry(void **state) {
    (void)state;
    hangs(CG_CUE_GENUS, 40, ANIMAL, 990); /* n = 991, t = 2 */
    hangs(CG_CUE_GENUS, 40, CAT, 1);
    cue(CG_CUE_GENUS, 40, 0, 1);
    cg_column_view view = ready();
    assert_sense(&view, CAT, GENUS_HABIT, 0.0);
    assert_false(nominated(CAT));
    cg_neighbour neighbours[1] = {alike(CAT, 0.5)};
    view.neighbours = neighbours;
    view.neighbour_count = 1;
    cg_column_prepare(&view, made.scratch, NULL);
    assert_int_equal(sense(&view, CAT, CG_PATHWAY_GENUS_HABIT), 4); /* 4096 / 990 */
    assert_sense(&view, ANIMAL, GENUS_HABIT, 1.0);
}

/* Of what neighbours are related to, the strongest parents are candidates too. */
static void parents_of_relatives_are_candidates(void **state) {
    (void)state;
    cg_column_view view = ready();
    cg_neighbour neighbours[1] = {alike(COLD, 0.5)};
    view.neighbours = neighbours;
    view.neighbour_count = 1;
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, DOG, RELATIVE_PARENT, 1.0); /* of fido */
    assert_true(nominated(COLD) && nominated(DOG));
    assert_false(nominated(FIDO) || nominated(HOT));
}

static void namesakes_share_names_and_restate(void **state) {
    (void)state;
    bears(DOG, 2, (uint64_t[]){50, 51});
    bears(CAT, 3, (uint64_t[]){50, 52, 53});
    bears(OAK, 1, (uint64_t[]){51});
    bears(PINE, 1, (uint64_t[]){54});
    cue(CG_CUE_NAME, 50, 0, 1);
    cue(CG_CUE_NAME, 51, 1, 1);
    cg_column_view view = ready();
    assert_sense(&view, DOG, NAMESAKE, 1.0);
    assert_sense(&view, CAT, NAMESAKE, 1.0 / 3.0); /* one of its three */
    assert_sense(&view, OAK, NAMESAKE, 0.5);       /* one of the fact's two */
    assert_sense(&view, PINE, NAMESAKE, 0.0);
    assert_true(nominated(DOG) && nominated(CAT) && nominated(OAK) && !nominated(PINE));
    assert_sense(&view, DOG, RESTATED, 0.0); /* what hot's text says, dog's does not */
    /* A text of dog's group word alone: covered, and covers 0.36 of dog and cat. */
    uint32_t word = GROUP_WORD + 1;
    float weight = 1.0f;
    view.fact.sparse = (cg_sparse){&word, &weight, 1};
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, DOG, RESTATED, 1.0); /* all names are the same */
    assert_sense(&view, CAT, RESTATED, 0.5 + 0.5 * (0.5 * (0.6 + 0.4 / 3.0)));
    assert_sense(&view, OAK, RESTATED, 0.0);
    assert_sense(&view, FIDO, RESTATED, 0.0); /* covered as well, but nobody retrieved it */
    cues.names = 4;                           /* two more that did not fit */
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, DOG, NAMESAKE, 0.5);
    assert_sense(&view, DOG, RESTATED, 0.5 + 0.5 * (0.5 * (0.6 + 0.4 * 0.5)));
    cues.names = 12; /* what dog's text says is then worth more: 0.36 */
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, DOG, RESTATED, 0.5 + 0.5 * 0.36);
    cues.names = cues.count = 1; /* all that the fact tells, a third of what cat bears */
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, CAT, NAMESAKE, 1.0 / 3.0);
    assert_sense(&view, CAT, RESTATED, 0.5 + 0.5 * (0.6 + 0.4 / 3.0));
}

static void names_of_very_many_are_cut(void **state) {
    (void)state;
    cg_cues known = {.count = 1, .names = 1};
    known.list[0] = (cg_cue){.phrase = 60, .kind = CG_CUE_NAME, .words = 1};
    for (uint32_t row = 1; row < CONCEPTS; row++) {
        add(row, &known, NULL, 0);
    }
    for (uint32_t i = 0; i < 32 - (CONCEPTS - 1); i++) { /* up to 32 of one name are heard */
        add(CONCEPTS + i, &known, NULL, 0);
    }
    bears(ENTITY, 1, (uint64_t[]){60});
    cue(CG_CUE_SECOND, 60, 0, 1);
    cg_column_view view = view_of(HOT);
    view.lexicon = made.lexicon;
    view.cues = &cues;
    view.column_mask = 1u << CG_COLUMN_SEMANTIC; /* others would look for the strangers */
    cg_column_prepare(&view, made.scratch, NULL);
    assert_sense(&view, ICY, SECOND, 1.0);
    assert_sense(&view, ENTITY, SECOND, 0.0);
    const uint32_t *rows;
    assert_int_equal(cg_column_retrieved(made.scratch, &rows), 32);
}

static void without_lexicon_or_text_cues_say_nothing(void **state) {
    (void)state;
    bears(ANIMAL, 1, (uint64_t[]){10});
    hangs(CG_CUE_GENUS, 10, PLANT, 3);
    cue(CG_CUE_NAME, 10, 0, 1);
    cue(CG_CUE_GENUS, 10, 0, 1);
    for (int missing = 0; missing < 3; missing++) {
        cg_column_view view = ready();
        assert_sense(&view, ANIMAL, GENUS, 1.0);
        assert_sense(&view, ANIMAL, NAMESAKE, 1.0);
        assert_sense(&view, PLANT, GENUS_HABIT, 1.0);
        view.lexicon = missing == 1 ? made.lexicon : NULL;
        view.cues = missing == 0 ? &cues : NULL;
        cg_column_prepare(&view, made.scratch, NULL);
        for (uint32_t row = 0; row < CONCEPTS; row++) {
            assert_false(nominated(row));
            for (uint32_t p = CG_PATHWAY_RESTATED; p <= CG_PATHWAY_UNDER_GENUS; p++) {
                assert_int_equal(sense(&view, row, (cg_pathway)p), 0);
            }
        }
    }
}

#define WITH_CUES(test) cmocka_unit_test_setup_teardown(test, begin, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_CUES(the_longest_name_counts_fully),
        WITH_CUES(a_grandparent_counts_half_of_what_it_is_worth),
        WITH_CUES(other_phrases_have_pathways_of_their_own),
        WITH_CUES(habits_back_off_by_witten_and_bell),
        WITH_CUES(each_kind_of_cue_has_its_habit),
        WITH_CUES(types_weigh_habits_and_neighbours),
        WITH_CUES(faint_habits_make_no_entry),
        WITH_CUES(parents_of_relatives_are_candidates),
        WITH_CUES(namesakes_share_names_and_restate),
        WITH_CUES(names_of_very_many_are_cut),
        WITH_CUES(without_lexicon_or_text_cues_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
