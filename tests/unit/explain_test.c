/* Goal: an explanation says what the engine did: its reasons add up to the margin, its words are
 * the text's, its fates are the cascade's; and a report is the same bytes each time, keeps to a
 * terminal's width and lets no control character through. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/prng.h"
#include "sim/explain/explain.h"
#include "tests/support/support.h"

enum { DIMS = 64, REPORT_BYTES = 65536, WIDTH = 100 };

typedef struct concept {
    const char *name;
    const char *text;
    uint32_t parent; /* itself: none */
}
concept;

static const concept concepts[] = {
    {"entity", "entity: that which is perceived to have its own existence", 0},
    {"animal", "animal, beast: a living organism that moves and eats", 0},
    {"dog", "dog, domestic dog: an animal kept by man since prehistoric times", 1},
    {"terrier", "terrier: a small breed of dog that hunts rats", 2},
    {"setter", "setter, bird dog: a long-haired dog that points at game", 2},
    {"cat", "cat: a feline animal with soft fur", 1},
    {"plant", "plant, flora: a living organism lacking the power of moving", 0},
    {"tree", "tree: a tall woody plant having a trunk", 6},
    {"oak", "oak, oak tree: a tree with acorns and lobed leaves", 7},
    {"maple", "maple: a tree of the genus Acer with winged seeds", 7},
};
enum { CONCEPTS = sizeof concepts / sizeof concepts[0] };

static void text_of(void *context, uint32_t row, const char **text, uint32_t *text_bytes) {
    (void)context;
    *text = concepts[row].text;
    *text_bytes = (uint32_t)strlen(concepts[row].text);
}

static cg_graph *build_graph(uint32_t count) {
    cg_error error;
    cg_graph *graph = NULL;
    assert_int_equal(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), CG_OK);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row;
        uint32_t parent = concepts[i].parent;
        assert_int_equal(
            cg_graph_add_concept(graph, 100 + i, 3, concepts[i].name, &row, &error), CG_OK);
        if (parent != i) {
            cg_edge up = {.target = parent, .type = CG_EDGE_HYPERNYM, .weight = 255};
            cg_edge down = {.target = i, .type = CG_EDGE_HYPONYM, .weight = 255};
            assert_int_equal(cg_graph_add_edge(graph, i, up, &error), CG_OK);
            assert_int_equal(cg_graph_add_edge(graph, parent, down, &error), CG_OK);
        }
    }
    assert_int_equal(cg_graph_freeze(graph, &error), CG_OK);
    return graph;
}

static cg_corpus build_corpus(uint32_t count) {
    cg_error error;
    cg_allocator allocator = cg_allocator_heap();
    cg_runner runner = cg_runner_serial();
    cg_corpus corpus;
    cg_corpus_options options = {.embed = {.dims = DIMS, .feature_bits = 16, .seed = 1},
                                 .encoding = cg_ttfs_options_default(),
                                 .index = cg_index_options_default(CG_INDEX_FLAT, DIMS)};
    cg_corpus_source source = {.text = text_of};
    if (cg_corpus_build(&options, build_graph(count), &source, &runner, &allocator, &corpus,
                        &error) != CG_OK) {
        fail_msg("%s", error.message);
    }
    return corpus;
}

static cg_corpus corpus;

static int set_up(void **state) {
    (void)state;
    corpus = build_corpus(CONCEPTS);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    cg_corpus_deinit(&corpus);
    return 0;
}

static sim_explanation *explain_with(const cg_cascade_options *options, const char *text) {
    cg_error error;
    sim_explanation *explanation = NULL;
    if (sim_explain(&corpus, options, text, strlen(text), &explanation, &error) != CG_OK) {
        fail_msg("%s: %s", text, error.message);
    }
    return explanation;
}

static sim_explanation *explain(const char *text) {
    cg_cascade_options options = cg_cascade_options_default();
    return explain_with(&options, text);
}

/* The report, in a buffer that the next one overwrites. */
static const char *print(const sim_explanation *explanation,
                         void (*printer)(const sim_explanation *, FILE *)) {
    static char report[REPORT_BYTES];
    FILE *file = tmpfile();
    assert_non_null(file);
    printer(explanation, file);
    rewind(file);
    size_t used = fread(report, 1, sizeof report - 1, file);
    assert_true(used > 0 && used < sizeof report - 1);
    report[used] = '\0';
    fclose(file);
    return report;
}

static const char *const texts[] = {
    "poodle: a breed of dog with curly hair",
    "terrier: a small breed of dog that hunts rats",
    "birch, birch tree: a tree with white bark",
    "a living organism",
    "dog",
    "cats and dogs and trees",
    "the bird dog of a man (hunting) points; it hunts rats",
};
enum { TEXTS = sizeof texts / sizeof texts[0] };

static void check_sum(const sim_explanation *explanation) {
    double sum = 0.0;
    double drives = explanation->candidates[0].drive - explanation->candidates[1].drive;
    for (uint32_t i = 0; i < explanation->reason_count; i++) {
        sum += explanation->reasons[i].difference;
        assert_true(i == 0 || explanation->reasons[i - 1].difference >=
                                  explanation->reasons[i].difference);
    }
    assert_true(fabs(sum - drives) < 1e-6);
    if (explanation->candidates[1].fate != SIM_FATE_FILTERED) {
        assert_true(fabs(explanation->decision.lead.margin - drives) < 1e-9);
    }
}

/* For any weights, with any columns. */
static void reasons_add_up_to_the_margin(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(7), "explain.reasons", 0);
    cg_learned before = corpus.learned;
    uint32_t recalled = 0;
    for (uint32_t round = 0; round < 20; round++) {
        cg_synapses *synapses = &corpus.learned.synapses;
        for (uint32_t pathway = 0; round > 0 && pathway < CG_PATHWAY_COUNT; pathway++) {
            for (uint32_t line = 0; line < CG_LINES; line++) {
                synapses->weight_q16[pathway][line] =
                    66 + (uint32_t)cg_stream_next_below(&stream, 65536 - 66);
            }
        }
        for (uint32_t column = 0; round > 0 && column < CG_COLUMN_COUNT; column++) {
            synapses->expertise_q16[column] =
                66 + (uint32_t)cg_stream_next_below(&stream, 65536 - 66);
        }
        cg_cascade_options options = cg_cascade_options_default();
        options.strategy = round % 2 ? CG_STRATEGY_HIERARCHICAL : CG_STRATEGY_DIRECT;
        options.column_mask = 1 + (uint32_t)cg_stream_next_below(&stream, 15);
        for (uint32_t t = 0; t < TEXTS; t++) {
            sim_explanation *explanation = explain_with(&options, texts[t]);
            check_sum(explanation);
            for (uint32_t i = 0; i < explanation->reason_count; i++) {
                recalled += explanation->reasons[i].pathway == SIM_EXPLAIN_RECOGNITION;
            }
            sim_explanation_free(explanation);
        }
    }
    corpus.learned = before;
    assert_true(recalled > 0); /* otherwise recognition was not tried */
}

static const sim_explain_cue *find_cue(const sim_explanation *explanation, cg_cue_kind kind,
                                       const char *words) {
    for (uint32_t i = 0; i < explanation->cue_count; i++) {
        const sim_explain_cue *cue = &explanation->cues[i];
        if (cue->kind == kind && strcmp(cue->text, words) == 0) {
            return cue;
        }
    }
    fail_msg("no %s \"%s\" was found", cg_cue_kind_name(kind), words);
    return NULL;
}

static void cues_have_the_words_of_the_text(void **state) {
    (void)state;
    sim_explanation *explanation =
        explain("Bird  Dog, hunter: (sport) a small breed of dog with rats");
    const sim_explain_cue *name = find_cue(explanation, CG_CUE_NAME, "bird dog");
    assert_int_equal(name->named, 1);
    assert_int_equal(name->named_row, 4);
    const sim_explain_cue *head = find_cue(explanation, CG_CUE_HEAD, "dog");
    assert_int_equal(head->named_row, 2);
    /* "domestic dog" hangs under animal, "bird dog" under dog. */
    assert_int_equal(head->habit, 2);
    assert_int_equal(head->habit_most, 1);
    assert_int_equal(head->habit_row, 1);
    (void)find_cue(explanation, CG_CUE_FIRST, "bird");
    (void)find_cue(explanation, CG_CUE_ENDING, "nter");
    (void)find_cue(explanation, CG_CUE_DOMAIN, "sport");
    const sim_explain_cue *genus = find_cue(explanation, CG_CUE_GENUS, "small breed");
    assert_int_equal(genus->habit, 1);
    assert_int_equal(genus->habit_row, 2);
    assert_int_equal(genus->named, 0);
    assert_int_equal(genus->named_row, SIM_EXPLAIN_NOBODY);
    assert_int_equal(find_cue(explanation, CG_CUE_SECOND, "dog")->named, 1);
    for (uint32_t i = 0; i < explanation->cue_count; i++) {
        assert_true(explanation->cues[i].text[0] != '\0');
    }
    sim_explanation_free(explanation);
}

/* A phrase that a quotation interrupts is nowhere in one piece. */
static void a_cue_without_words_stays_without(void **state) {
    (void)state;
    sim_explanation *explanation = explain("small \"very\" breed of dog that hunts");
    uint32_t without = 0;
    for (uint32_t i = 0; i < explanation->cue_count; i++) {
        without += explanation->cues[i].text[0] == '\0';
    }
    assert_int_equal(without, 1);
    const char *report = print(explanation, sim_explain_print_text);
    assert_non_null(strstr(report, "(not in one piece)"));
    sim_explanation_free(explanation);
}

static void words_are_weighed_and_known_or_not(void **state) {
    (void)state;
    sim_explanation *explanation = explain("a Tree, a zebroid and a tree: zebroid flurb");
    const sim_explain_words *words = &explanation->words;
    assert_int_equal(words->tokens, 9);
    assert_int_equal(words->features, 5);
    assert_int_equal(words->known, 3);
    assert_int_equal(words->unknown_count, 2);
    assert_string_equal(words->unknown[0], "zebroid");
    assert_string_equal(words->unknown[1], "flurb");
    assert_int_equal(words->heaviest_count, 5);
    assert_string_equal(words->heaviest[0].text, "zebroid");
    assert_int_equal(words->heaviest[0].concepts, 0);
    for (uint32_t i = 1; i < words->heaviest_count; i++) {
        assert_true(words->heaviest[i].weight <= words->heaviest[i - 1].weight);
        if (strcmp(words->heaviest[i].text, "tree") == 0) {
            assert_int_equal(words->heaviest[i].concepts, 3);
        }
    }
    sim_explanation_free(explanation);
}

static void fates_follow_the_stages(void **state) {
    (void)state;
    cg_cascade_options options = cg_cascade_options_default();
    options.strategy = CG_STRATEGY_HIERARCHICAL;
    options.semantic = (cg_filter){.share = 0.1, .at_least = 5};
    options.structural = (cg_filter){.share = 0.1, .at_least = 2};
    sim_explanation *explanation = explain_with(&options, texts[0]);
    static const sim_fate fates[] = {SIM_FATE_WON, SIM_FATE_COMPETED, SIM_FATE_JUDGED,
                                     SIM_FATE_JUDGED, SIM_FATE_JUDGED};
    assert_true(explanation->candidate_count > 5);
    for (uint32_t i = 0; i < explanation->candidate_count; i++) {
        const sim_explain_candidate *one = &explanation->candidates[i];
        assert_int_equal(one->fate, i < 5 ? fates[i] : SIM_FATE_FILTERED);
        if (i > 0 && i < 5) { /* a smaller drive spikes later and is less active */
            assert_true(one->drive <= explanation->candidates[i - 1].drive);
            assert_true(one->spike_ticks >= explanation->candidates[i - 1].spike_ticks);
            assert_true(one->soft_activity <= explanation->candidates[i - 1].soft_activity);
        }
    }
    assert_int_equal(explanation->candidates[0].row, explanation->decision.winner);
    assert_int_equal(explanation->candidates[0].spike_ticks,
                     explanation->decision.winner_spike_ticks);
    assert_false(explanation->ended_early);
    assert_non_null(
        strstr(print(explanation, sim_explain_print_text), "nothing ended it early"));
    sim_explanation_free(explanation);

    options.stop_confidence = 0.0;
    explanation = explain_with(&options, texts[0]);
    assert_true(explanation->ended_early);
    assert_int_equal(explanation->decision.stage_out[CG_STAGE_STRUCTURAL], 1);
    assert_int_equal(explanation->candidates[1].fate, SIM_FATE_JUDGED);
    assert_non_null(strstr(print(explanation, sim_explain_print_text), "  ended early: "));
    sim_explanation_free(explanation);
}

static void what_restates_is_recalled(void **state) {
    (void)state;
    sim_explanation *explanation = explain(concepts[3].text);
    assert_int_equal(explanation->decision.winner, 3);
    assert_int_equal(explanation->reasons[0].pathway, SIM_EXPLAIN_RECOGNITION);
    assert_int_equal(explanation->neighbours[0].row, 3);
    assert_true(explanation->first_spike_ticks == 0 &&
                explanation->last_spike_ticks > explanation->first_spike_ticks);
    const char *report = print(explanation, sim_explain_print_text);
    assert_non_null(strstr(report, "goes to       terrier < dog\n"));
    assert_non_null(strstr(report, "  path        entity > animal > dog > terrier\n"));
    assert_non_null(strstr(report, "a guess, as the engine was never trained"));
    assert_non_null(strstr(report, "; the text restates the winner\n"));
    sim_explanation_free(explanation);
}

/* Columns that are off neither vote nor give reasons. */
static void silent_columns_are_silent(void **state) {
    (void)state;
    cg_cascade_options options = cg_cascade_options_default();
    options.column_mask = 1U << CG_COLUMN_STRUCTURAL;
    sim_explanation *explanation = explain_with(&options, texts[0]);
    assert_int_equal(explanation->reason_count, cg_column_pathway_count(CG_COLUMN_STRUCTURAL));
    assert_non_null(strstr(print(explanation, sim_explain_print_text), "   off  "));
    assert_null(strstr(print(explanation, sim_explain_print_json), "\"semantic\": 0.5"));
    sim_explanation_free(explanation);
}

static void one_concept_has_no_second(void **state) {
    (void)state;
    cg_corpus all = corpus;
    corpus = build_corpus(1);
    cg_cascade_options options = cg_cascade_options_default();
    options.column_mask = 1U << CG_COLUMN_SEMANTIC;
    sim_explanation *explanation = explain_with(&options, "existence");
    assert_int_equal(explanation->candidate_count, 1);
    assert_int_equal(explanation->reason_count, 0);
    assert_non_null(strstr(print(explanation, sim_explain_print_text), "no other candidate"));
    (void)print(explanation, sim_explain_print_json);
    sim_explanation_free(explanation);
    cg_corpus_deinit(&corpus);
    corpus = all;
}

static void every_reason_has_words(void **state) {
    (void)state;
    for (uint32_t pathway = 0; pathway <= SIM_EXPLAIN_RECOGNITION; pathway++) {
        assert_true(strlen(sim_explain_reason_meaning(pathway)) > 0);
        assert_true(strlen(sim_explain_reason_name(pathway)) <= 17);
        assert_true(strlen(sim_explain_reason_meaning(pathway)) <= 46);
    }
}

static const char hostile[] =
    "dog \x1b[31m \"quoted\" back\\slash \xc2\x9b bell\x07 \xe7\x8c\xab tree\n\tand "
    "\xf0\x9f\x90\x95 a very long rest of a text that goes on beyond what a terminal shows of "
    "it";

static void check_layout(const char *report, bool narrow) {
    uint32_t columns = 0;
    for (const char *at = report; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        assert_true(byte >= 0x20 || byte == '\n');
        assert_true(byte != 0x7f && !(byte == 0xc2 && (unsigned char)at[1] < 0xa0));
        assert_false(narrow && byte == '\n' && at > report && at[-1] == ' ');
        columns = byte == '\n' ? 0 : columns + ((byte & 0xc0) != 0x80);
        if (narrow && columns > WIDTH) {
            fail_msg("too wide: %.*s", WIDTH, at + 1 - WIDTH);
        }
    }
}

static void reports_are_clean_and_the_same(void **state) {
    (void)state;
    for (uint32_t t = 0; t <= TEXTS; t++) {
        sim_explanation *explanation = explain(t < TEXTS ? texts[t] : hostile);
        sim_explanation *again = explain(t < TEXTS ? texts[t] : hostile);
        char *first = strdup(print(explanation, sim_explain_print_text));
        assert_non_null(first);
        assert_string_equal(first, print(again, sim_explain_print_text));
        check_layout(first, true);
        free(first);
        first = strdup(print(explanation, sim_explain_print_json));
        assert_non_null(first);
        assert_string_equal(first, print(again, sim_explain_print_json));
        check_layout(first, false);
        free(first);
        sim_explanation_free(explanation);
        sim_explanation_free(again);
    }
}

static void json_escapes_the_text(void **state) {
    (void)state;
    sim_explanation *explanation = explain(hostile);
    const char *report = print(explanation, sim_explain_print_json);
    assert_non_null(strstr(report, "\"text\": \"dog \\u001b[31m \\\"quoted\\\" back\\\\slash "
                                   "\\u009b bell\\u0007 \xe7\x8c\xab tree\\u000a\\u0009and"));
    sim_explanation_free(explanation);
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        cg_status status;
        const char *says;
    } cases[] = {
        {"", CG_ERROR_INVALID, "the text is empty"},
        {" .,! ", CG_ERROR_INVALID, "has no letter and no digit"},
        {"dog \xff", CG_ERROR_INVALID, "not UTF-8 at byte offset 4"},
        {"qwrtpl", CG_ERROR_NOT_FOUND, "the graph knows none of the text's 1 word, "},
        {"qwrtpl zxcvb", CG_ERROR_NOT_FOUND, "none of the text's 2 words, "},
    };
    cg_cascade_options options = cg_cascade_options_default();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_error error;
        sim_explanation *explanation = NULL;
        const char *text = cases[i].text;
        assert_int_equal(
            sim_explain(&corpus, &options, text, strlen(text), &explanation, &error),
            cases[i].status);
        assert_null(explanation);
        assert_status(error.status, cases[i].status, error, cases[i].says);
    }
    options.neighbours = 0;
    cg_error error;
    sim_explanation *explanation = NULL;
    assert_int_equal(sim_explain(&corpus, &options, "dog", 3, &explanation, &error),
                     CG_ERROR_INVALID);
    assert_null(explanation);
}

/* An unknown word whose ending is known says something: "fooarrier" as "terrier". */
static void an_ending_may_speak_alone(void **state) {
    (void)state;
    sim_explanation *explanation = explain("fooarrier");
    assert_int_equal(explanation->words.known, 0);
    assert_int_equal(find_cue(explanation, CG_CUE_ENDING, "rrier")->habit_row, 2);
    sim_explanation_free(explanation);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons_add_up_to_the_margin),
        cmocka_unit_test(cues_have_the_words_of_the_text),
        cmocka_unit_test(a_cue_without_words_stays_without),
        cmocka_unit_test(words_are_weighed_and_known_or_not),
        cmocka_unit_test(fates_follow_the_stages),
        cmocka_unit_test(what_restates_is_recalled),
        cmocka_unit_test(silent_columns_are_silent),
        cmocka_unit_test(one_concept_has_no_second),
        cmocka_unit_test(every_reason_has_words),
        cmocka_unit_test(reports_are_clean_and_the_same),
        cmocka_unit_test(json_escapes_the_text),
        cmocka_unit_test(refusals),
        cmocka_unit_test(an_ending_may_speak_alone),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
