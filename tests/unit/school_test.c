/* Goal: school teaches a corpus what its lessons say, the same however the corpus was built; it
 * stops at a lesson that is none, names it, and keeps what came before; and nodes start with
 * what was learned.
 */
#include <stdlib.h>

#include "engine/node/node.h"
#include "engine/node/school.h"
#include "tests/support/corpus.h"
#include "tests/support/runner.h"

static cg_cascade_options options; /* the defaults */

static void build(cg_index_kind kind, const cg_runner *runner, cg_corpus *out) {
    cg_error error = {0};
    assert_ok(support_corpus_build(kind, runner, cg_allocator_heap(), out, &error), error);
}

static void build_serial(cg_corpus *out) {
    cg_runner serial = cg_runner_serial();
    build(CG_INDEX_FLAT, &serial, out);
}

/* --- what comes of lessons ------------------------------------------------------------------
 */

static void test_same_whatever_the_runner(void **state) {
    (void)state;
    enum { LESSONS = 150 };
    uint32_t workers = 3;
    support_disorder disorder;
    cg_runner runners[] = {cg_runner_serial(), support_threads(&workers),
                           support_disordered(&disorder, support_seed(6), 5)};
    for (int kind = CG_INDEX_FLAT; kind <= CG_INDEX_HNSW; kind++) {
        uint64_t learned = 0;
        uint64_t hash = 0;
        for (size_t i = 0; i < sizeof runners / sizeof *runners; i++) {
            cg_corpus built;
            cg_error error = {0};
            build((cg_index_kind)kind, &runners[i], &built);
            uint64_t untaught = cg_corpus_hash(&built);
            assert_ok(support_corpus_school(&built, LESSONS, cg_allocator_heap(), &error),
                      error);
            assert_int_equal(built.learned.lessons, LESSONS);
            assert_true(cg_corpus_hash(&built) != untaught);
            if (i == 0) {
                learned = cg_learned_hash(&built.learned);
                hash = cg_corpus_hash(&built);
            }
            assert_true(cg_learned_hash(&built.learned) == learned);
            assert_true(cg_corpus_hash(&built) == hash);
            cg_corpus_deinit(&built);
        }
    }
}

typedef struct told { /* the decisions as school tells of them */
    support_lessons lessons;
    uint32_t decided;
    uint32_t right;
    const cg_corpus *corpus;
} told;

static void told_lesson(void *context, uint32_t number, cg_school_lesson *out) {
    told *self = context;
    assert_int_equal(number, self->decided); /* in order, each once */
    support_lesson_of(&self->lessons, number, out);
}

static void told_decision(void *context, uint32_t number, const cg_decision *decision) {
    told *self = context;
    assert_int_equal(number, self->decided);
    assert_int_equal(self->corpus->learned.lessons, number); /* before it is learned from */
    cg_school_lesson lesson;
    support_lesson_of(&self->lessons, number, &lesson);
    self->right += decision->winner == lesson.truth;
    self->decided++;
}

/* Goal: school changes what was learned and nothing else, decision by decision; without lessons
 * it changes nothing. */
static void test_changes_learned_only(void **state) {
    (void)state;
    enum { LESSONS = 100 };
    cg_allocator heap = cg_allocator_heap();
    cg_corpus built;
    cg_error error = {0};
    build_serial(&built);
    uint64_t before = cg_corpus_hash(&built);
    told self = {.lessons = {.seed = 1}, .corpus = &built};
    cg_school school = {.lesson = told_lesson, .decided = told_decision, .context = &self};
    assert_ok(cg_school_attend(&school, &options, &built, &heap, &error), error);
    assert_int_equal(self.decided, 0);
    assert_true(cg_corpus_hash(&built) == before);
    school.lessons = LESSONS;
    assert_ok(cg_school_attend(&school, &options, &built, &heap, &error), error);
    assert_int_equal(self.decided, LESSONS);
    assert_true(self.right > LESSONS / 2);
    /* To be told makes no difference. */
    cg_corpus other;
    build_serial(&other);
    assert_ok(support_corpus_school(&other, LESSONS, heap, &error), error);
    assert_true(cg_learned_hash(&other.learned) == cg_learned_hash(&built.learned));
    cg_corpus_deinit(&other);
    built.learned = cg_learned_init();
    assert_true(cg_corpus_hash(&built) == before);
    cg_corpus_deinit(&built);
}

/* --- lessons that are none ------------------------------------------------------------------
 */

typedef struct spoiled { /* lessons of which one is replaced */
    support_lessons lessons;
    uint32_t at;
    cg_school_lesson instead;
} spoiled;

static void spoiled_lesson(void *context, uint32_t number, cg_school_lesson *out) {
    spoiled *self = context;
    support_lesson_of(&self->lessons, number, out);
    *out = number == self->at ? self->instead : *out;
}

static void test_bad_lessons(void **state) {
    (void)state;
    enum { AT = 7 };
    char *big = malloc(CG_TEXT_BYTES_MAX + 1);
    assert_non_null(big);
    memset(big, 'x', CG_TEXT_BYTES_MAX + 1);
    const struct {
        cg_school_lesson lesson;
        const char *sentence;
    } cases[] = {
        {{"", 0, 1}, "empty"},
        {{NULL, 0, 1}, "empty"},
        {{"w1a \xff w1b", 9, 1}, "offset 4"},
        {{"w1a w1\xc3", 7, 1}, "offset 6"},
        {{" ... !? \n", 9, 1}, "no letter"},
        {{big, CG_TEXT_BYTES_MAX + 1, 1}, "1048577"},
        {{"w1a", 3, SUPPORT_CONCEPTS}, "row 200"},
        {{"w1a", 3, UINT32_MAX}, "row 4294967295"},
    };
    cg_allocator heap = cg_allocator_heap();
    cg_error error = {0};
    cg_corpus built;
    build_serial(&built);
    assert_ok(support_corpus_school(&built, AT, heap, &error), error);
    uint64_t learned = cg_learned_hash(&built.learned);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        spoiled self = {.lessons = {.seed = 1}, .at = AT, .instead = cases[i].lesson};
        cg_school school = {.lessons = 20, .lesson = spoiled_lesson, .context = &self};
        built.learned = cg_learned_init();
        cg_status status = cg_school_attend(&school, &options, &built, &heap, &error);
        assert_status(status, CG_ERROR_INVALID, error, cases[i].sentence);
        assert_true(support_contains(error.message, "lesson 7: "));
        assert_int_equal(built.learned.lessons, AT);
        assert_true(cg_learned_hash(&built.learned) == learned);
    }
    /* The longest text that there may be, and one of unknown words, are lessons. */
    const cg_school_lesson fine[] = {{big, CG_TEXT_BYTES_MAX, 1}, {"zyxw vuts", 9, 1}};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        spoiled self = {.lessons = {.seed = 1}, .at = AT, .instead = fine[i]};
        cg_school school = {.lessons = AT + 1, .lesson = spoiled_lesson, .context = &self};
        built.learned = cg_learned_init();
        assert_ok(cg_school_attend(&school, &options, &built, &heap, &error), error);
        assert_int_equal(built.learned.lessons, AT + 1);
    }
    cg_cascade_options bad = options;
    bad.neighbours = 0;
    support_lessons lessons = {.seed = 1};
    cg_school school = {.lessons = 1, .lesson = support_lesson_of, .context = &lessons};
    assert_status(cg_school_attend(&school, &bad, &built, &heap, &error), CG_ERROR_INVALID,
                  error, "neighbours");
    cg_corpus_deinit(&built);
    free(big);
}

/* Goal: whichever allocation fails, the status says so, nothing is left behind, and what was
 * learned is what the lessons before it taught. */
static void test_memory(void **state) {
    (void)state;
    enum { LESSONS = 6 };
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator view = cg_counting_allocator_view(&counting);
    cg_error error = {0};
    cg_corpus built;
    build_serial(&built);
    uint64_t after[LESSONS + 1];
    for (uint32_t i = 0; i <= LESSONS; i++) {
        built.learned = cg_learned_init();
        assert_ok(support_corpus_school(&built, i, cg_allocator_heap(), &error), error);
        after[i] = cg_learned_hash(&built.learned);
        assert_true(i == 0 || after[i] != after[i - 1]);
    }
    uint32_t fails = 0;
    for (uint64_t nth = 1;; nth++) {
        built.learned = cg_learned_init();
        counting.fail_at = nth;
        cg_status status = support_corpus_school(&built, LESSONS, view, &error);
        counting.fail_at = 0;
        assert_int_equal(counting.live_blocks, 0);
        assert_true(built.learned.lessons <= LESSONS);
        assert_true(cg_learned_hash(&built.learned) == after[built.learned.lessons]);
        if (status == CG_OK) {
            break;
        }
        assert_int_equal(status, CG_ERROR_MEMORY);
        assert_int_equal(error.status, CG_ERROR_MEMORY);
        fails++;
    }
    assert_true(fails > 1);
    cg_corpus_deinit(&built);
}

/* --- a corpus in which one cue tells the truth ----------------------------------------------
 */

enum { KINDS = 8, LEAVES = 20, ROWS = 1 + KINDS + KINDS * LEAVES, NOISE = 30 };

typedef struct kinds {
    char text[ROWS][SUPPORT_TEXT_BYTES];
    uint32_t bytes[ROWS];
} kinds;

static void kinds_text(void *context, uint32_t row, const char **text, uint32_t *text_bytes) {
    kinds *made = context;
    *text = made->text[row];
    *text_bytes = made->bytes[row];
}

static uint32_t kind_of(uint32_t row) {
    return 1 + (row - 1 - KINDS) / LEAVES;
}

/* "name: a kind3 of noise4 noise17 noise20 noise2": all words but the genus are drawn. */
static uint32_t kinds_gloss(cg_stream *stream, const char *name, uint32_t kind,
                            char text[SUPPORT_TEXT_BYTES]) {
    int used = snprintf(text, SUPPORT_TEXT_BYTES, "%s: a kind%u of", name, kind);
    for (int word = 0; word < 4; word++) {
        used += snprintf(text + used, SUPPORT_TEXT_BYTES - (size_t)used, " noise%u",
                         (uint32_t)cg_stream_next_below(stream, NOISE));
    }
    return (uint32_t)used;
}

static void kinds_build(cg_corpus *out) {
    static kinds made;
    cg_stream stream = cg_stream_init(5, "school.kinds", 0);
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t row = 0; row < ROWS; row++) {
        uint32_t added = 0;
        char name[32];
        (void)snprintf(name, sizeof name,
                       row == 0      ? "thing%u"
                       : row > KINDS ? "leaf%u"
                                     : "kind%u",
                       row);
        assert_ok(cg_graph_add_concept(graph, row, 3, name, &added, &error), error);
        if (row > KINDS) {
            made.bytes[row] = kinds_gloss(&stream, name, kind_of(row), made.text[row]);
        } else { /* a kind's own text has noise as well, and the root's as its genus */
            int used = snprintf(made.text[row], SUPPORT_TEXT_BYTES, "%s: a thing of noise%u",
                                name, (uint32_t)cg_stream_next_below(&stream, NOISE));
            made.bytes[row] = (uint32_t)used;
        }
        if (row > 0) {
            uint32_t parent = row > KINDS ? kind_of(row) : 0;
            cg_edge up = {.target = parent, .type = CG_EDGE_HYPERNYM, .weight = 255};
            cg_edge down = {.target = row, .type = CG_EDGE_HYPONYM, .weight = 255};
            assert_ok(cg_graph_add_edge(graph, row, up, &error), error);
            assert_ok(cg_graph_add_edge(graph, parent, down, &error), error);
        }
    }
    assert_ok(cg_graph_freeze(graph, &error), error);
    cg_corpus_options corpus_options = {.embed = {.dims = 32, .feature_bits = 12, .seed = 1},
                                        .encoding = cg_ttfs_options_default(),
                                        .index = cg_index_options_default(CG_INDEX_FLAT, 32)};
    cg_corpus_source source = {.text = kinds_text, .context = &made};
    cg_runner serial = cg_runner_serial();
    cg_allocator heap = cg_allocator_heap();
    assert_ok(cg_corpus_build(&corpus_options, graph, &source, &serial, &heap, out, &error),
              error);
}

static void kinds_lesson(void *context, uint32_t number, cg_school_lesson *out) {
    support_lessons *lessons = context;
    cg_stream stream = cg_stream_init(lessons->seed, "school.lesson", number);
    char name[32];
    (void)snprintf(name, sizeof name, "item%u", number);
    uint32_t kind = 1 + (uint32_t)cg_stream_next_below(&stream, KINDS);
    uint32_t bytes = kinds_gloss(&stream, name, kind, lessons->text);
    *out = (cg_school_lesson){.text = lessons->text, .text_bytes = bytes, .truth = kind};
}

/* How many of `count` facts that no lesson told are decided rightly. */
static uint32_t kinds_right(const cg_corpus *corpus, uint32_t count) {
    cg_error error = {0};
    cg_cascade_scratch *scratch = NULL;
    assert_ok(cg_cascade_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    cg_knowledge knowledge = cg_corpus_knowledge(corpus);
    support_lessons unheard = {.seed = 99};
    uint32_t right = 0;
    for (uint32_t i = 0; i < count; i++) {
        cg_school_lesson fact;
        cg_embedding embedding;
        cg_decision decision;
        kinds_lesson(&unheard, i, &fact);
        assert_ok(
            cg_embed(corpus->embedder, fact.text, fact.text_bytes, &embedding, NULL, &error),
            error);
        cg_fact_view view = {.dense = embedding.dense,
                             .sparse = cg_embedding_sparse(&embedding),
                             .text = fact.text,
                             .text_bytes = fact.text_bytes,
                             .type = CG_TYPE_UNKNOWN};
        assert_ok(
            cg_cascade_decide(&options, &knowledge, &view, scratch, &decision, NULL, &error),
            error);
        right += decision.winner == fact.truth;
    }
    cg_cascade_scratch_free(scratch);
    return right;
}

/* Goal: where one cue alone tells the truth, school finds it: facts that no lesson told are
 * decided rightly afterwards, and the weight of that cue is what changed in its favour. */
static void test_learns_the_informative_cue(void **state) {
    (void)state;
    enum { FACTS = 200, LESSONS = 300 };
    cg_allocator heap = cg_allocator_heap();
    cg_error error = {0};
    cg_corpus built;
    kinds_build(&built);
    uint32_t before = kinds_right(&built, FACTS);
    support_lessons lessons = {.seed = 1};
    cg_school school = {.lessons = LESSONS, .lesson = kinds_lesson, .context = &lessons};
    assert_ok(cg_school_attend(&school, &options, &built, &heap, &error), error);
    uint32_t after = kinds_right(&built, FACTS);
    print_message("%u of %d right before school, %u after\n", before, FACTS, after);
    assert_true(before < FACTS / 2);
    assert_true(after > FACTS / 100 * 95);
    const uint32_t *genus = built.learned.synapses.weight_q16[CG_PATHWAY_GENUS];
    assert_true(genus[CG_LINES - 1] > genus[0]);
    assert_true(genus[CG_LINES - 1] > CG_WEIGHT_UNIFORM_Q16);
    cg_corpus_deinit(&built);
}

/* --- after school ---------------------------------------------------------------------------
 */

static void test_nodes_start_with_it(void **state) {
    (void)state;
    cg_corpus built;
    cg_error error = {0};
    build_serial(&built);
    uint64_t hashes[2];
    uint32_t winners[2];
    for (int schooled = 0; schooled <= 1; schooled++) {
        cg_node *node = NULL;
        cg_outputs outputs;
        cg_node_options node_options = cg_node_options_default();
        if (schooled) {
            assert_ok(
                support_corpus_school(&built, SUPPORT_LESSONS, cg_allocator_heap(), &error),
                error);
        }
        assert_ok(cg_node_alloc(&node_options, &built, cg_allocator_heap(), &node, &error),
                  error);
        hashes[schooled] = cg_node_partition(node, 0).hash;
        cg_outputs_init(&outputs, cg_allocator_heap());
        static const char text[] = "fact1, of w17a w17b w4a w4b w0a w0b";
        cg_event event = {.kind = CG_EVENT_REQUEST,
                          .id = 1,
                          .bytes = (const uint8_t *)text,
                          .size_bytes = sizeof text - 1};
        assert_ok(cg_node_step(node, &event, &outputs, &error), error);
        assert_int_equal(outputs.count, 1);
        event = (cg_event){.kind = CG_EVENT_STORAGE_DONE, .id = outputs.items[0].id};
        assert_ok(cg_node_step(node, &event, &outputs, &error), error);
        winners[schooled] = outputs.items[0].reply.winner;
        cg_outputs_deinit(&outputs);
        cg_node_free(node);
    }
    assert_true(hashes[0] != hashes[1]);
    assert_true(winners[0] != 17);
    assert_int_equal(winners[1], 17);
    assert_int_equal(built.learned.lessons, SUPPORT_LESSONS); /* nodes have their own */
    cg_corpus_deinit(&built);
}

static int set_up(void **state) {
    (void)state;
    options = cg_cascade_options_default();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_whatever_the_runner),
        cmocka_unit_test(test_changes_learned_only),
        cmocka_unit_test(test_bad_lessons),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_learns_the_informative_cue),
        cmocka_unit_test(test_nodes_start_with_it),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
